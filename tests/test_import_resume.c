/* Imports cut short: killed at a batch, they go on to the same world; a strict file is there whole
 * or not at all. */
#include "support_world.h"

#include "import/import.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct heed_context now = {T0 + 60 * DAY, NULL};

static enum heed_status import(struct world *w, enum import_kind kind, const char *path,
                               const struct import_options *options, struct import_result *result,
                               struct heed_error *err)
{
    *err = (struct heed_error){0};
    return import_file(w, &now, kind, path, options, result, err);
}

struct kill {
    int left;
};

static void die_at_batch(void *context, const char *path, uint64_t done, uint64_t total,
                         uint64_t rows)
{
    (void)path;
    (void)done;
    (void)total;
    (void)rows;
    struct kill *k = context;
    if (--k->left == 0)
        kill(getpid(), SIGKILL);
}

/* Imports in a process of its own that dies after so many batches. true: it came to the end.    */
static bool import_and_die(const char *world, enum import_kind kind, const char *path, bool strict,
                           int batches)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct kill k = {batches};
        const struct import_options options = {
            .strict = strict, .progress = die_at_batch, .progress_context = &k};
        struct import_result result = {0};
        struct heed_error err;
        struct world *w = world_at(world);
        enum heed_status status = import(w, kind, path, &options, &result, &err);
        world_close(w);
        _exit(status == HEED_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return WIFEXITED(status);
}

static char *many_rows(enum import_kind kind, size_t rows, bool bad)
{
    char *path = test_path(kind == IMPORT_USERS ? "many_users.csv" : "many_events.csv");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(kind == IMPORT_USERS ? "id,name\n" : "time,user,verb,target,surface,id\n", f);
    for (size_t i = 0; i < rows; i++)
        if (kind == IMPORT_USERS) /* now and then one who is there, and a malformed row */
            fprintf(f,
                    bad && i % 1000 == 7   ? "bob,Bob\n"
                    : bad && i % 1000 == 9 ? "x\n"
                                           : "u%zu,U\n",
                    i);
        else
            fprintf(f, "%zu,%s,%s,content:post1,s%zu,%zu\n", 1767225600 + i, i % 3 ? "bob" : "cyd",
                    bad && i % 1000 == 9 ? "dance" : "view", i % 50, bad ? i / 2 : i);
    assert_int_equal(fclose(f), 0);
    return path;
}

static struct world *disk_world(const char *path)
{
    unlink(path);
    struct world *w = world_at(path);
    fill_small(w);
    return w;
}

static void imports_cut_short_resume_to_the_same_world(void **unused)
{
    (void)unused;
    static const struct {
        enum import_kind kind;
        size_t rows;
    } cases[] = {{IMPORT_USERS, 10000}, {IMPORT_EVENTS, 100000}};
    char *path = test_path("resume.world");
    for (size_t c = 0; c < 2; c++) {
        char *file = many_rows(cases[c].kind, cases[c].rows, true);
        struct world *w = disk_world(path);
        struct import_result whole = {0};
        struct heed_error err;
        const struct import_options options = {0};
        assert_int_equal(import(w, cases[c].kind, file, &options, &whole, &err), HEED_OK);
        struct sha256 expected = hash_of(w);
        world_close(w);
        for (int batches = 1;; batches++) {
            world_close(disk_world(path));
            bool finished = import_and_die(path, cases[c].kind, file, false, batches);
            w = world_at(path);
            if (!finished)
                assert_false(sha256_eq(expected, hash_of(w)) && batches == 1);
            struct import_result rest = {0};
            assert_int_equal(import(w, cases[c].kind, file, &options, &rest, &err), HEED_OK);
            assert_true(sha256_eq(expected, hash_of(w)));
            if (!rest.files[0].skipped) /* the tally is of the whole file */
                assert_memory_equal(&rest.total, &whole.total, sizeof whole.total);
            import_result_deinit(&rest);
            world_close(w);
            if (finished) {
                assert_true(batches > 2);
                break;
            }
        }
        import_result_deinit(&whole);
        unlink(file);
        free(file);
    }
    unlink(path);
    free(path);
}

static void a_strict_file_is_there_whole_or_not_at_all_after_kill_9(void **unused)
{
    (void)unused;
    static const struct {
        enum import_kind kind;
        size_t rows;
    } cases[] = {{IMPORT_USERS, 10000}, {IMPORT_EVENTS, 100000}};
    char *path = test_path("strict.world");
    for (size_t c = 0; c < 2; c++) {
        char *file = many_rows(cases[c].kind, cases[c].rows, false);
        struct world *w = disk_world(path);
        struct sha256 before = hash_of(w);
        struct import_result result = {0};
        struct heed_error err;
        const struct import_options options = {.strict = true};
        assert_int_equal(import(w, cases[c].kind, file, &options, &result, &err), HEED_OK);
        assert_int_equal(result.total.applied, cases[c].rows);
        import_result_deinit(&result);
        struct sha256 after = hash_of(w);
        world_close(w);
        int unchanged = 0;
        for (int batches = 1;; batches++) {
            world_close(disk_world(path));
            bool finished = import_and_die(path, cases[c].kind, file, true, batches);
            w = world_at(path);
            struct sha256 h = hash_of(w);
            if (!sha256_eq(h, after) && (finished || !sha256_eq(h, before)))
                fail_msg("%s, killed at batch %d: part of a strict file is there",
                         import_kind_name(cases[c].kind), batches);
            unchanged += sha256_eq(h, before);
            world_close(w);
            if (finished)
                break;
        }
        assert_true(unchanged >= 4); /* killed while looking and while applying */
        unlink(file);
        free(file);
    }
    unlink(path);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imports_cut_short_resume_to_the_same_world),
        cmocka_unit_test(a_strict_file_is_there_whole_or_not_at_all_after_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
