/* Imports on a disk that fails and in memory that runs out: what was committed stays, and the rest
 * follows when the file is imported again. ctest: TIMEOUT 300 */
#include "support_fault.h"
#include "support_import.h"
#include "support_vfs.h"
#include "support_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { EVENTS = 100000, USERS = 20000 };

static char *events_file(void)
{
    struct strbuf b;
    strbuf_init(&b, 64 << 20);
    strbuf_puts(&b, "time,user,verb,target,id\n");
    static const char *const who[] = {"ann", "bob", "cyd"};
    static const char *const did[] = {"view", "like", "dwell", "share"};
    for (size_t i = 0; i < EVENTS; i++) /* every fiftieth has the id of the one before */
        strbuf_printf(&b, "%u,%s,%s,%s,k%zu\n", 1767225600u + (unsigned)(i * 7), who[i % 3],
                      did[i % 4], i % 5 ? "content:post1" : "good:sword", i - i % 50 / 49);
    char *path = put_file("many-events.csv", b.p, b.n);
    strbuf_deinit(&b);
    return path;
}

static char *users_file(void)
{
    struct strbuf b;
    strbuf_init(&b, 4 << 20);
    strbuf_puts(&b, "id,name\n");
    for (int i = 0; i < USERS; i++)
        strbuf_printf(&b, "person-%d,Person %d\n", i, i);
    char *path = put_file("many-users.csv", b.p, b.n);
    strbuf_deinit(&b);
    return path;
}

/* Imports the file over and over, each time on a disk that dies `step` writes later than before,
 * until one run needs fewer. *parts: runs that found a part of the file in the world. */
static struct sha256 imported_in_parts(enum import_kind kind, const char *file,
                                       struct heed_tally tally, bool strict, long step, int *parts)
{
    const struct import_options options = {.strict = strict};
    const struct world_options faulty = {.vfs = "import-faults", .pid = getpid()};
    char *path = test_path("parts.world");
    struct world *w = world_at(path);
    fill_small(w);
    world_close(w);
    *parts = 0;
    for (long fail = 1;; fail += step) {
        struct heed_error err = {0};
        if (world_open(path, &faulty, &w, &err) != HEED_OK)
            fail_msg("after write %ld: %s: %s", fail - step, err.where, err.message);
        *parts += w->state.imports_n > 0 && !w->state.imports[0].done;
        vfs_fault_fail_at(fail, VFS_DEAD);
        struct imported in = import_as(w, kind, file, &options);
        world_close(w);
        vfs_fault_off();
        bool last = !vfs_fault_fired();
        if (last && !in.result.files[0].skipped)
            expect_tally(&in, tally);
        else if (in.status != HEED_OK && in.status != HEED_STORAGE)
            fail_msg("write %ld: status %d: %s: %s", fail, (int)in.status, in.err.where,
                     in.err.message);
        imported_free(&in);
        if (last)
            break;
    }
    return hash_then_unlink(path);
}

static void an_import_on_a_failing_disk_goes_on_to_the_same_world(void **state)
{
    (void)state;
    char *events = events_file(), *users = users_file();
    const struct {
        enum import_kind kind;
        const char *file;
        struct heed_tally tally;
        bool strict;
        long step;
    } rows[] = {
        {IMPORT_EVENTS, events, {EVENTS, EVENTS - EVENTS / 50, 0, 0, EVENTS / 50}, false, 7},
        {IMPORT_EVENTS, events, {EVENTS, EVENTS - EVENTS / 50, 0, 0, EVENTS / 50}, true, 31},
        {IMPORT_USERS, users, {USERS, USERS, 0, 0, 0}, false, 61},
        {IMPORT_USERS, users, {USERS, USERS, 0, 0, 0}, true, 331},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = world_in_memory();
        fill_small(w);
        const struct import_options options = {.strict = rows[i].strict};
        struct imported in = import_as(w, rows[i].kind, rows[i].file, &options);
        expect_tally(&in, rows[i].tally);
        imported_free(&in);
        struct sha256 want = hash_of(w);
        world_close(w);
        int parts;
        struct sha256 got = imported_in_parts(rows[i].kind, rows[i].file, rows[i].tally,
                                              rows[i].strict, rows[i].step, &parts);
        assert_true(sha256_eq(want, got));
        if ((parts == 0) != rows[i].strict)
            fail_msg("%s, strict %d: %d runs found a part", rows[i].file, rows[i].strict, parts);
    }
    free(users);
    free(events);
}

/* ── memory ── */

static char *small_folder(void)
{
    free(put_text("small/users.csv", "id,name,shoe\nann,Ann,42\nbob,Bob,\nbad\n"));
    free(put_text("small/goods.csv", "id,name,seller,price,category\ng1,Sword,smith,4.99,arms\n"));
    free(put_text("small/contents.jsonl",
                  "{\"id\":\"c1\",\"creator\":\"ann\",\"good\":\"g1\",\"title\":\"Swords\"}\n"));
    free(put_text("small/events.csv", "time,user,verb,target,surface\n"
                                      "2026-01-02,bob,view,content:c1,home\n"
                                      "2026-01-02,zed,view,content:c1,\n"));
    free(put_text("small/ratings.csv", "time,user,target,score\n2026-01-02,bob,content:c1,4\n"));
    free(put_text("small/map.yaml",
                  "files:\n  - path: goods.csv\n    kind: services\n"
                  "    join: {path: users.csv, key: name, on: name, prefer: lowest shoe}\n"
                  "    columns: {id: {column: id}, name: {column: name, prefix: a, max: 9}}\n"));
    return test_path("small");
}

static void out_of_memory_is_said_at_every_allocation(void **state)
{
    (void)state;
    char *dir = small_folder(), map[600];
    snprintf(map, sizeof map, "%s/map.yaml", dir);
    for (int mapped = 0; mapped < 2; mapped++)
        for (long n = 1;; n++) {
            struct world *w = world_in_memory();
            fault_fail_at(n);
            struct imported in = mapped ? import_mapped(w, map, NULL) : import_folder(w, dir);
            fault_off();
            if (!fault_fired() && in.status != HEED_OK)
                fail_msg("%s: %s", in.err.where, in.err.message);
            if (in.status != HEED_OK && in.status != HEED_NOMEM)
                fail_msg("allocation %ld: status %d: %s: %s", n, (int)in.status, in.err.where,
                         in.err.message);
            if (!fault_fired())
                assert_int_equal(in.result.total.applied, mapped ? 1 : 6);
            imported_free(&in);
            world_close(w);
            if (!fault_fired())
                break;
        }
    free(dir);
}

static int set_up(void **state)
{
    (void)state;
    vfs_fault_register("import-faults");
    return 0;
}

static int off(void **state)
{
    (void)state;
    fault_off();
    vfs_fault_off();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_import_on_a_failing_disk_goes_on_to_the_same_world, off),
        cmocka_unit_test_teardown(out_of_memory_is_said_at_every_allocation, off),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
