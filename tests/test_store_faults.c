/* Every write, sync and truncation of the SQLite store fails in turn, in every manner: an append
 * that failed left exactly what was before, one that succeeded is there after reopening. A store in
 * memory, on which only what succeeded is done, says what that is. */
#include "support_store.h"
#include "support_vfs.h"
#include "support_world.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define VFS_NAME "heed-fault"

static const char *const kinds[VFS_FAULTS] = {"error", "short write", "disk full", "dead disk"};

static enum heed_status open_at(const char *path, const char *vfs, struct store **s,
                                struct heed_error *err)
{
    struct store_options options = {.create = true, .vfs = vfs, .pid = getpid()};
    bool created;
    return store_open_sqlite(path, &options, s, &created, err);
}

static void remove_world(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 4; i++) {
        char name[600];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

/* ── one life of a store ── */

enum step_kind { APPEND, SNAPSHOT, SCRUB };

/* The log is emptied by snapshots, scrub and closing; appends in between grow and reuse it. */
static const struct step {
    enum step_kind kind;
    uint64_t batch;
} steps[] = {
    {APPEND, 0}, {APPEND, 1},   {APPEND, 2}, {APPEND, 3}, {SNAPSHOT, 3}, {APPEND, 4}, {SCRUB, 4},
    {APPEND, 5}, {SNAPSHOT, 5}, {APPEND, 6}, {APPEND, 7}, {SNAPSHOT, 7}, {APPEND, 8},
};
enum { STEPS = sizeof steps / sizeof steps[0], BEFORE_FAULTS = 2 };

struct life {
    struct store *disk, *model;
    enum vfs_fault kind;
    long n;
    char *held;  /* what the model held when the disk died, NULL: it did not */
    char *maybe; /* what may be found instead: the step that failed, whole   */
    int failed;
};

static enum heed_status take(struct store *s, const struct step *step, struct heed_error *err)
{
    uint32_t owner = (uint32_t)step->batch;
    bool pending;
    if (step->kind == SCRUB)
        return s->ops->scrub(s, &pending, err);
    if (step->kind == SNAPSHOT)
        return snapshot_of(s, step->batch, 2, 9000, true, err);
    char text[300];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + (owner + i) % 26);
    struct store_change changes[] = {put_key(owner, key_of(owner, 0)),
                                     put_row(0, owner, owner, (struct str){text, sizeof text}),
                                     put_row(1, owner, owner, (struct str){text, 30}),
                                     erase_owner(owner % 4 == 3 ? owner - 2 : 60)};
    struct store_batch b = batch_of(step->batch, step->batch % 3 == 2 ? 9000 : 200);
    return s->ops->append(s, &b, changes, 4, err);
}

/* The store, still open, after a step that failed: what can be read is what was before. */
static void assert_untouched(const struct life *l, const struct heed_error *err)
{
    assert_int_equal(err->status, HEED_STORAGE);
    assert_true(err->where[0] && err->message[0]);
    if (l->kind == VFS_FULL && !strstr(err->message, "disk"))
        fail_msg("a full disk is not named: %s", err->message);
    char *disk = NULL, *model = dump_of(l->model);
    struct heed_error why = {0};
    if (store_dump(l->disk, &disk, &why) == HEED_OK && strcmp(disk, model) != 0)
        fail_msg("%s at operation %ld: after a failure the store holds\n%s\nnot\n%s",
                 kinds[l->kind], l->n, disk, model);
    if (!disk && l->kind != VFS_DEAD)
        fail_msg("%s at operation %ld: not readable after a failure: %s", kinds[l->kind], l->n,
                 why.message);
    free(disk);
    free(model);
}

/* A step that failed is taken once more, as by a caller who made room. false: the disk is dead. */
static bool step_forward(struct life *l, const struct step *step)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        struct heed_error err = {0};
        enum heed_status status = take(l->disk, step, &err);
        if (status != HEED_OK) {
            l->failed++;
            assert_untouched(l, &err);
        }
        if (status != HEED_OK && l->kind != VFS_DEAD)
            continue;
        if (status != HEED_OK)
            l->held = dump_of(l->model);
        assert_int_equal(take(l->model, step, &err), HEED_OK);
        if (status != HEED_OK)
            l->maybe = dump_of(l->model);
        return status == HEED_OK;
    }
    fail_msg("%s at operation %ld: fails again", kinds[l->kind], l->n);
    return false;
}

static void assert_found(struct life *l, const char *path)
{
    struct heed_error err = {0};
    if (open_at(path, VFS_NAME, &l->disk, &err) != HEED_OK)
        fail_msg("%s at operation %ld: cannot be opened again: %s", kinds[l->kind], l->n,
                 err.message);
    char *found = dump_of(l->disk);
    char *held = l->held ? l->held : dump_of(l->model);
    if (strcmp(found, held) != 0 && (!l->maybe || strcmp(found, l->maybe) != 0))
        fail_msg("%s at operation %ld: opened again the store holds\n%s\nnot\n%s", kinds[l->kind],
                 l->n, found, held);
    assert_int_equal(l->disk->ops->check(l->disk, &err), HEED_OK);
    free(found);
    free(held);
    free(l->maybe);
    store_close(l->disk);
}

/* Returns whether the fault came. */
static bool live(const char *path, enum vfs_fault kind, long n)
{
    struct life l = {.kind = kind, .n = n};
    struct heed_error err = {0};
    remove_world(path);
    assert_int_equal(store_open_memory(&l.model, &err), HEED_OK);
    assert_int_equal(open_at(path, VFS_NAME, &l.disk, &err), HEED_OK);
    bool alive = true;
    for (int i = 0; alive && i < STEPS; i++) {
        if (i == BEFORE_FAULTS)
            vfs_fault_fail_at(n, kind);
        alive = step_forward(&l, &steps[i]);
    }
    store_close(l.disk); /* under the fault still: closing moves the log into the file */
    vfs_fault_off();
    bool fired = vfs_fault_fired();
    if (!fired)
        assert_int_equal(l.failed, 0);
    assert_found(&l, path);
    store_close(l.model);
    return fired;
}

static void sweep(enum vfs_fault kind)
{
    char *path = test_path("fault.world");
    long n = 1;
    while (live(path, kind, n))
        n++;
    assert_true(n > 60); /* it has not been swept past */
    remove_world(path);
    free(path);
}

static void an_io_error_anywhere_loses_nothing(void **unused)
{
    (void)unused;
    sweep(VFS_ERROR);
}

static void a_torn_write_anywhere_loses_nothing(void **unused)
{
    (void)unused;
    sweep(VFS_SHORT);
}

static void a_full_disk_anywhere_loses_nothing(void **unused)
{
    (void)unused;
    sweep(VFS_FULL);
}

static void a_disk_that_dies_anywhere_loses_nothing_acknowledged(void **unused)
{
    (void)unused;
    sweep(VFS_DEAD);
}

/* A world that could not be made is either none, to be made again, or whole. */
static void a_fault_while_a_world_is_made_leaves_one_that_can_be_made_again(void **unused)
{
    (void)unused;
    char *path = test_path("made.world");
    for (int kind = 0; kind < VFS_FAULTS; kind++)
        for (long n = 1;; n++) {
            struct store *s;
            struct heed_error err = {0};
            remove_world(path);
            vfs_fault_fail_at(n, (enum vfs_fault)kind);
            enum heed_status status = open_at(path, VFS_NAME, &s, &err);
            if (status == HEED_OK)
                store_close(s);
            vfs_fault_off();
            if (status != HEED_OK) {
                assert_true(vfs_fault_fired());
                assert_int_equal(status, HEED_STORAGE);
                err = (struct heed_error){0};
                struct store_options look = {.read_only = true};
                bool created;
                enum heed_status then = store_open_sqlite(path, &look, &s, &created, &err);
                if (then == HEED_OK)
                    store_close(s);
                else
                    assert_int_equal(then, HEED_INPUT);
            }
            err = (struct heed_error){0};
            if (open_at(path, VFS_NAME, &s, &err) != HEED_OK)
                fail_msg("%s at operation %ld: %s", kinds[kind], n, err.message);
            struct store_batch b = batch_of(0, 10);
            assert_int_equal(s->ops->append(s, &b, NULL, 0, &err), HEED_OK);
            assert_int_equal(s->ops->check(s, &err), HEED_OK);
            store_close(s);
            if (!vfs_fault_fired()) {
                assert_true(n > 5);
                break;
            }
        }
    remove_world(path);
    free(path);
}

static void every_append_and_every_snapshot_is_synced(void **unused)
{
    (void)unused;
    char *path = test_path("synced.world");
    struct store *s;
    struct heed_error err = {0};
    remove_world(path);
    assert_int_equal(open_at(path, VFS_NAME, &s, &err), HEED_OK);
    for (int i = 0; i < STEPS; i++) {
        vfs_fault_fail_at(0, VFS_ERROR);
        assert_int_equal(take(s, &steps[i], &err), HEED_OK);
        assert_true(vfs_sync_count() >= 1);
    }
    vfs_fault_off();
    store_close(s);
    remove_world(path);
    free(path);
}

int main(void)
{
    vfs_fault_register(VFS_NAME);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_append_and_every_snapshot_is_synced),
        cmocka_unit_test(an_io_error_anywhere_loses_nothing),
        cmocka_unit_test(a_torn_write_anywhere_loses_nothing),
        cmocka_unit_test(a_full_disk_anywhere_loses_nothing),
        cmocka_unit_test(a_disk_that_dies_anywhere_loses_nothing_acknowledged),
        cmocka_unit_test(a_fault_while_a_world_is_made_leaves_one_that_can_be_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
