/* Who may have a world open at once: one writer, any readers, and who has permission. */
#include "support_child.h"
#include "support_store_file.h"
#include "support_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char expected[400]; /* part of the message a child must see */

static int sees_storage_error(enum mode mode)
{
    struct store *s;
    struct heed_error err;
    if (open_as(mode, &s, &err) != HEED_STORAGE)
        return 1;
    return strstr(err.message, expected) ? 0 : 2;
}

static int cannot_write(void)
{
    return sees_storage_error(WRITE);
}

static int cannot_create(void)
{
    return sees_storage_error(CREATE);
}

static int cannot_read(void)
{
    return sees_storage_error(READ);
}

static unsigned long long batches_seen;

static enum heed_status count_batch(void *context, const struct store_batch *b,
                                    struct heed_error *err)
{
    (void)b;
    (void)err;
    ++*(unsigned long long *)context;
    return HEED_OK;
}

static int reads_all(void)
{
    struct store *s;
    struct heed_error err;
    if (open_as(READ, &s, &err) != HEED_OK)
        return 1;
    unsigned long long n = 0;
    char *dump;
    if (s->ops->read(s, 0, count_batch, &n, &err) != HEED_OK || n != batches_seen)
        return 2;
    if (store_dump(s, &dump, &err) != HEED_OK)
        return 3;
    free(dump);
    store_close(s);
    return 0;
}

static void a_second_writer_is_told_the_first_ones_pid(void **unused)
{
    (void)unused;
    struct store *s = opened(CREATE);
    append_ok(s, 0, NULL, 0);
    snprintf(expected, sizeof expected, "process %d is writing", (int)getpid());
    assert_int_equal(in_child(cannot_write, false), 0);
    assert_int_equal(in_child(cannot_create, false), 0);
    assert_int_equal(cannot_write(), 0); /* in the same process too */
    char *link = test_path("link.world");
    assert_int_equal(symlink(store_path, link), 0);
    char *real = store_path;
    store_path = link;
    assert_int_equal(in_child(cannot_write, false), 0);
    store_path = real;
    unlink(link);
    free(link);
    append_ok(s, 1, NULL, 0);
    store_close(s);
    s = opened(WRITE);
    append_ok(s, 2, NULL, 0);
    store_close(s);
}

static void the_lock_of_a_writer_that_was_killed_is_free(void **unused)
{
    (void)unused;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it is killed when the test fails, too */
        struct store *s;
        struct heed_error err;
        struct store_batch b = batch_of(0, 100);
        bool ok =
            open_as(CREATE, &s, &err) == HEED_OK && s->ops->append(s, &b, NULL, 0, &err) == HEED_OK;
        if (write(ready[1], ok ? "y" : "n", 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    char ok = 0;
    assert_int_equal(read(ready[0], &ok, 1), 1);
    assert_int_equal(ok, 'y');
    snprintf(expected, sizeof expected, "process %d is writing", (int)pid);
    assert_int_equal(cannot_write(), 0);
    batches_seen = 1;
    assert_int_equal(reads_all(), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    struct store *s = opened(WRITE);
    append_ok(s, 1, NULL, 0); /* batch 0 was kept */
    store_close(s);
}

static void readers_see_whole_batches_while_a_writer_appends(void **unused)
{
    (void)unused;
    struct store *s = opened(CREATE);
    append_ok(s, 0, NULL, 0);
    struct store *reader = opened(READ);
    for (uint64_t i = 1; i < 10; i++) {
        append_ok(s, i, NULL, 0);
        batches_seen = i + 1;
        assert_int_equal(in_child(reads_all, i % 2), 0);
        char *written = dump_of(s), *read = dump_of(reader);
        assert_string_equal(written, read);
        free(written);
        free(read);
    }
    store_close(s);
    batches_seen = 10;
    assert_int_equal(in_child(reads_all, false), 0);
    store_close(reader);
    assert_int_equal(in_child(reads_all, false), 0);
}

struct appending {
    struct store *writer;
    uint64_t next, seen;
};

static enum heed_status append_meanwhile(void *context, const struct store_batch *b,
                                         struct heed_error *err)
{
    (void)b;
    struct appending *a = context;
    struct store_change changes[] = {erase_owner(0)};
    append_ok(a->writer, a->next++, changes, 1);
    bool pending = false;
    assert_int_equal(a->writer->ops->scrub(a->writer, &pending, err), HEED_OK);
    assert_true(pending); /* this reader still looks at what was */
    a->seen++;
    return HEED_OK;
}

static void a_reader_never_stops_the_writer_and_scrub_waits_for_it(void **unused)
{
    (void)unused;
    make_world();
    struct appending a = {.writer = opened(WRITE), .next = 3};
    struct store *reader = opened(READ);
    struct heed_error err = {0};
    assert_int_equal(reader->ops->read(reader, 1, append_meanwhile, &a, &err), HEED_OK);
    assert_int_equal(a.seen, 2);
    bool pending = true;
    assert_int_equal(a.writer->ops->scrub(a.writer, &pending, &err), HEED_OK);
    assert_false(pending);
    assert_int_equal(size_of(beside("-wal")), 0);
    store_close(reader);
    store_close(a.writer);
}

static void a_reader_cannot_write(void **unused)
{
    (void)unused;
    make_world();
    struct store *s = opened(READ);
    struct store_batch b = batch_of(3, 10);
    struct heed_error err = {0};
    assert_int_equal(s->ops->append(s, &b, NULL, 0, &err), HEED_STORAGE);
    err = (struct heed_error){0};
    assert_int_equal(snapshot_of(s, 2, 1, 10, true, &err), HEED_STORAGE);
    store_close(s);
}

static void permissions_are_named(void **unused)
{
    (void)unused;
    make_world();
    unlink(beside(".lock"));
    batches_seen = 3;
    /* The folder may not be written to and no log is there: read as it stands. */
    assert_int_equal(chmod(test_dir(), 0555), 0);
    assert_int_equal(chmod(store_path, 0444), 0);
    assert_int_equal(in_child(reads_all, true), 0);
    snprintf(expected, sizeof expected, "no permission to write");
    assert_int_equal(in_child(cannot_write, true), 0);
    assert_int_equal(chmod(store_path, 0666), 0);
    snprintf(expected, sizeof expected, "lock file (Permission denied)");
    assert_int_equal(in_child(cannot_write, true), 0);
    assert_int_equal(chmod(store_path, 0000), 0);
    snprintf(expected, sizeof expected, "no permission to read");
    assert_int_equal(in_child(cannot_read, true), 0);
    assert_int_equal(chmod(store_path, 0644), 0);
    assert_int_equal(chmod(test_dir(), 0700), 0);
    snprintf(expected, sizeof expected, "Permission denied");
    if (geteuid() == 0)
        assert_int_equal(in_child(cannot_read, true), 0);
    assert_int_equal(chmod(test_dir(), 0755), 0);
}

static int dies_after_an_append(void)
{
    struct store *s;
    struct heed_error err;
    struct store_batch b = batch_of(3, 100);
    return open_as(WRITE, &s, &err) == HEED_OK && s->ops->append(s, &b, NULL, 0, &err) == HEED_OK
               ? 0
               : 1;
}

static void a_log_left_behind_is_read_or_asked_for(void **unused)
{
    (void)unused;
    make_world();
    assert_int_equal(in_child(dies_after_an_append, false), 0);
    assert_true(size_of(beside("-wal")) > 0);
    /* A folder that may not be written to and a log that must be: better none than an old answer.
     */
    assert_int_equal(unlink(beside("-shm")), 0);
    assert_int_equal(chmod(test_dir(), 0555), 0);
    snprintf(expected, sizeof expected, "open it once as a user who may");
    assert_int_equal(in_child(cannot_read, true), 0);
    assert_int_equal(chmod(test_dir(), 0755), 0);
    batches_seen = 4;
    assert_int_equal(in_child(reads_all, false), 0);
}

static void a_folder_that_is_not_there_is_named(void **unused)
{
    (void)unused;
    char *real = store_path;
    store_path = test_path("none/here.world");
    snprintf(expected, sizeof expected, "make the folder first");
    assert_int_equal(cannot_create(), 0);
    free(store_path);
    store_path = real;
}

int main(void)
{
    if (chmod(test_dir(), 0755) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_second_writer_is_told_the_first_ones_pid),
        STORE_TEST(the_lock_of_a_writer_that_was_killed_is_free),
        STORE_TEST(readers_see_whole_batches_while_a_writer_appends),
        STORE_TEST(a_reader_never_stops_the_writer_and_scrub_waits_for_it),
        STORE_TEST(a_reader_cannot_write),
        STORE_TEST(permissions_are_named),
        STORE_TEST(a_log_left_behind_is_read_or_asked_for),
        STORE_TEST(a_folder_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
