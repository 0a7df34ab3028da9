/* Opening a file as a world: what is not one is named, with a remedy, and left alone. */
#include "support_store_file.h"
#include "support_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void make_nothing(void) {}

static void make_folder(void)
{
    assert_int_equal(mkdir(store_path, 0755), 0);
}

static void make_fifo(void)
{
    assert_int_equal(mkfifo(store_path, 0644), 0);
}

static void make_empty(void)
{
    write_file(store_path, "", 0);
}

static void make_text(void)
{
    write_file(store_path, "time,user,verb,target\n", 22);
}

static void make_long_text(void)
{
    char text[20000];
    memset(text, 'x', sizeof text);
    write_file(store_path, text, sizeof text);
}

static void make_other_database(void)
{
    run_sql("CREATE TABLE bookmarks(url)");
}

static void make_newer(void)
{
    make_world();
    run_sql("PRAGMA user_version = 7");
}

static void make_versionless(void)
{
    make_world();
    run_sql("PRAGMA user_version = 0");
}

static void make_without_table(void)
{
    make_world();
    run_sql("DROP TABLE snapshots");
}

static void make_with_trigger(void)
{
    make_world();
    run_sql("CREATE TRIGGER t AFTER INSERT ON journal BEGIN DELETE FROM keys; END");
}

static void make_cut(void)
{
    make_world();
    assert_int_equal(truncate(store_path, 5000), 0);
}

static void make_unfinished(void)
{
    run_sql("PRAGMA journal_mode = WAL; CREATE TABLE t(x); DROP TABLE t;");
}

static const struct {
    const char *what;
    void (*make)(void);
    enum mode mode;
    enum heed_status status;
    const char *message, *remedy; /* parts of it */
} openings[] = {
    {"nothing", make_nothing, WRITE, HEED_INPUT, "no world here", "heed init"},
    {"nothing", make_nothing, READ, HEED_INPUT, "no world here", "heed init"},
    {"nothing", make_nothing, CREATE, HEED_OK, NULL, NULL},
    {"a folder", make_folder, WRITE, HEED_INPUT, "folder", "one file"},
    {"a folder", make_folder, READ, HEED_INPUT, "folder", "one file"},
    {"a folder", make_folder, CREATE, HEED_INPUT, "folder", "one file"},
    {"a pipe", make_fifo, READ, HEED_INPUT, "not a plain file", "a world is one"},
    {"an empty file", make_empty, WRITE, HEED_INPUT, "empty", "heed init"},
    {"an empty file", make_empty, READ, HEED_INPUT, "empty", "heed init"},
    {"an empty file", make_empty, CREATE, HEED_OK, NULL, NULL},
    {"a short text", make_text, WRITE, HEED_INPUT, "not a SQLite file", "another --world"},
    {"a short text", make_text, READ, HEED_INPUT, "not a SQLite file", "another --world"},
    {"a short text", make_text, CREATE, HEED_INPUT, "not a SQLite file", "another --world"},
    {"a long text", make_long_text, READ, HEED_INPUT, "not a SQLite file", "another --world"},
    {"a long text", make_long_text, CREATE, HEED_INPUT, "not a SQLite file", "another --world"},
    {"a database", make_other_database, WRITE, HEED_INPUT, "not a heed world", "another --world"},
    {"a database", make_other_database, READ, HEED_INPUT, "not a heed world", "another --world"},
    {"a database", make_other_database, CREATE, HEED_INPUT, "not a heed world", "another --world"},
    {"a newer world", make_newer, WRITE, HEED_INPUT, "format 7", "install that version"},
    {"a newer world", make_newer, READ, HEED_INPUT, "format 7", "install that version"},
    {"a newer world", make_newer, CREATE, HEED_INPUT, "format 7", "install that version"},
    {"no version", make_versionless, READ, HEED_INPUT, "damaged", "restore a backup"},
    {"a missing table", make_without_table, READ, HEED_INPUT, "tables", "restore a backup"},
    {"a foreign trigger", make_with_trigger, WRITE, HEED_INPUT, "tables", "restore a backup"},
    {"a cut file", make_cut, READ, HEED_INPUT, "damaged", "restore a backup"},
    {"an unfinished world", make_unfinished, READ, HEED_INPUT, "empty", "heed init"},
    {"an unfinished world", make_unfinished, WRITE, HEED_INPUT, "empty", "heed init"},
    {"an unfinished world", make_unfinished, CREATE, HEED_OK, NULL, NULL},
    {"a world", make_world, READ, HEED_OK, NULL, NULL},
    {"a world", make_world, WRITE, HEED_OK, NULL, NULL},
    {"a world", make_world, CREATE, HEED_OK, NULL, NULL},
};

static void what_is_not_a_world_is_named_with_a_remedy_and_left_alone(void **unused)
{
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        openings[i].make();
        size_t n, after_n;
        char *before = read_file(store_path, &n);
        struct store *s;
        struct heed_error err;
        enum heed_status status = open_as(openings[i].mode, &s, &err);
        if (status != openings[i].status)
            fail_msg("%s, mode %d: %d %s", openings[i].what, (int)openings[i].mode, (int)status,
                     err.message);
        if (status == HEED_OK) {
            store_close(s);
        } else {
            assert_null(s);
            assert_string_equal(err.where, store_path);
            if (!strstr(err.message, openings[i].message) ||
                !strstr(err.message, openings[i].remedy))
                fail_msg("%s, mode %d: %s", openings[i].what, (int)openings[i].mode, err.message);
            if (before) {
                char *after = read_file(store_path, &after_n);
                assert_int_equal(n, after_n);
                assert_memory_equal(before, after, n);
                free(after);
            }
        }
        free(before);
        store_path_teardown(unused);
        store_path_setup(unused);
    }
}

static void created_says_whether_the_world_is_new(void **unused)
{
    (void)unused;
    for (int i = 0; i < 2; i++) {
        struct store_options options = {.create = true, .pid = 1};
        struct store *s;
        struct heed_error err = {0};
        bool created = i == 1;
        assert_int_equal(store_open_sqlite(store_path, &options, &s, &created, &err), HEED_OK);
        assert_int_equal(created, i == 0);
        store_close(s);
    }
}

static void any_name_is_a_file_name(void **unused)
{
    (void)unused;
    static const char *const names[] = {"a b%20?mode=ro#c", "file:x", "\xe4\xb8\x96\xe7\x95\x8c"};
    for (size_t i = 0; i < 3; i++) {
        char *name = test_path(names[i]);
        struct store_options options = {.create = true, .pid = 1};
        struct store *s;
        struct heed_error err = {0};
        bool created;
        assert_int_equal(store_open_sqlite(name, &options, &s, &created, &err), HEED_OK);
        append_ok(s, 0, NULL, 0);
        store_close(s);
        assert_true(size_of(name) > 0);
        unlink(name);
        free(name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_is_not_a_world_is_named_with_a_remedy_and_left_alone),
        STORE_TEST(created_says_whether_the_world_is_new),
        STORE_TEST(any_name_is_a_file_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
