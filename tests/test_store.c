/* What every store does: each test runs on memory and on SQLite, where it also closes and opens
 * again. A random life ends with both holding the same. */
#include "support_fault.h"
#include "support_store.h"
#include "support_world.h"

#include "base/error.h"
#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ── a place where a store is kept ── */

struct place {
    bool on_disk;
    struct store *s;
};

static char *path;

static struct store *open_at(const char *where)
{
    struct store_options options = {.create = true, .pid = getpid()};
    struct store *s;
    struct heed_error err = {0};
    bool created;
    if (store_open_sqlite(where, &options, &s, &created, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return s;
}

static void reopen(struct place *p)
{
    if (!p->on_disk)
        return;
    store_close(p->s);
    p->s = open_at(path);
}

static int setup(struct place *p, bool on_disk)
{
    struct heed_error err;
    *p = (struct place){.on_disk = on_disk};
    if (!on_disk)
        return store_open_memory(&p->s, &err) == HEED_OK ? 0 : -1;
    path = test_path("store.world");
    unlink(path);
    p->s = open_at(path);
    return 0;
}

static int teardown(struct place *p)
{
    fault_off();
    store_close(p->s);
    p->s = NULL;
    if (p->on_disk) {
        unlink(path);
        free(path);
    }
    return 0;
}

static void append_ok(struct store *s, uint64_t n, const struct store_change *changes, size_t count)
{
    struct store_batch b = batch_of(n, 100 + n);
    struct heed_error err = {0};
    if (s->ops->append(s, &b, changes, count, &err) != HEED_OK)
        fail_msg("batch %d: %s: %s", (int)n, err.where, err.message);
}

static void assert_kept(struct place *p)
{
    char *before = dump_of(p->s);
    reopen(p);
    char *after = dump_of(p->s);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* ── the tests ── */

struct counted {
    uint64_t from, n, stop;
};

static enum heed_status count_batch(void *context, const struct store_batch *b,
                                    struct heed_error *err)
{
    struct counted *c = context;
    struct store_batch expected = batch_of(c->from + c->n, 100 + c->from + c->n);
    assert_int_equal(b->number, expected.number);
    assert_int_equal(b->first, expected.first);
    assert_int_equal(b->commands, expected.commands);
    assert_true(sha256_eq(b->hash, expected.hash));
    assert_true(str_eq(b->payload, expected.payload));
    return ++c->n == c->stop ? error_set(err, HEED_RANGE, "here", "enough") : HEED_OK;
}

static void batches_come_back_in_order_from_any_number(struct place *p)
{
    for (uint64_t i = 0; i < 20; i++)
        append_ok(p->s, i, NULL, 0);
    static const struct {
        uint64_t from, n;
    } rows[] = {{0, 20}, {7, 13}, {19, 1}, {20, 0}, {500, 0}, {UINT64_MAX, 0}};
    for (int again = 0; again < 2; again++, reopen(p))
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct counted c = {.from = rows[i].from};
            struct heed_error err = {0};
            assert_int_equal(p->s->ops->read(p->s, rows[i].from, count_batch, &c, &err), HEED_OK);
            assert_int_equal(c.n, rows[i].n);
        }
}

static void a_visitor_can_stop_with_its_own_error(struct place *p)
{
    for (uint64_t i = 0; i < 5; i++)
        append_ok(p->s, i, NULL, 0);
    struct counted c = {.stop = 2};
    struct heed_error err = {0};
    assert_int_equal(p->s->ops->read(p->s, 0, count_batch, &c, &err), HEED_RANGE);
    assert_string_equal(err.message, "enough");
    assert_int_equal(c.n, 2);
    append_ok(p->s, 5, NULL, 0);
}

static void a_batch_out_of_order_changes_nothing(struct place *p)
{
    append_ok(p->s, 0, NULL, 0);
    append_ok(p->s, 1, NULL, 0);
    char *before = dump_of(p->s);
    static const uint64_t wrong[] = {0, 1, 3, 100};
    for (size_t i = 0; i < 4; i++) {
        struct store_batch b = batch_of(wrong[i], 10);
        struct store_change change = put_row(0, 1, 2, STR("x"));
        struct heed_error err = {0};
        assert_int_equal(p->s->ops->append(p->s, &b, &change, 1, &err), HEED_INPUT);
        char where[32];
        snprintf(where, sizeof where, "batch %d", (int)wrong[i]);
        assert_string_equal(err.where, where);
    }
    char *after = dump_of(p->s);
    assert_string_equal(before, after);
    free(before);
    free(after);
    append_ok(p->s, 2, NULL, 0);
}

static void an_empty_payload_and_an_empty_row_are_kept(struct place *p)
{
    struct store_batch b = batch_of(0, 0);
    struct store_change changes[] = {put_key(1, key_of(1, 0)), put_row(0, 0, 1, STR_NONE)};
    struct heed_error err = {0};
    assert_int_equal(p->s->ops->append(p->s, &b, changes, 2, &err), HEED_OK);
    assert_kept(p);
    struct strbuf bytes;
    strbuf_init(&bytes, 100);
    uint32_t owner;
    uint8_t key[STORE_KEY_BYTES];
    bool found;
    assert_int_equal(p->s->ops->row(p->s, 0, 0, &owner, &bytes, key, &found, &err), HEED_OK);
    assert_true(found && owner == 1 && bytes.n == 0);
    strbuf_deinit(&bytes);
}

/* The row's text, or why there is none. */
static void assert_row(struct store *s, uint32_t kind, uint32_t handle, const char *expected,
                       uint32_t expected_owner, unsigned salt)
{
    struct strbuf bytes;
    strbuf_init(&bytes, 1000);
    strbuf_puts(&bytes, ">");
    uint32_t owner = 77;
    uint8_t key[STORE_KEY_BYTES];
    bool found;
    struct heed_error err = {0};
    enum heed_status status = s->ops->row(s, kind, handle, &owner, &bytes, key, &found, &err);
    assert_int_equal(status, HEED_OK);
    assert_int_equal(found, expected != NULL);
    if (expected) {
        assert_string_equal(strbuf_text(&bytes) + 1, expected);
        assert_int_equal(owner, expected_owner);
        assert_memory_equal(key, key_of(owner, salt), STORE_KEY_BYTES);
    } else {
        assert_int_equal(bytes.n, 1);
    }
    strbuf_deinit(&bytes);
}

static void rows_are_put_replaced_and_found(struct place *p)
{
    struct store_change changes[] = {
        put_key(5, key_of(5, 0)),
        put_key(STORE_WORLD_OWNER, key_of(STORE_WORLD_OWNER, 0)),
        put_row(1, 9, 5, STR("nine")),
        put_row(1, UINT32_MAX, STORE_WORLD_OWNER, STR("last")),
        put_row(1, 2, 5, STR("two")),
        put_row(0, 9, 5, STR("another kind")),
        put_row(1, 9, 5, STR("nine, and longer")),
    };
    append_ok(p->s, 0, changes, 7);
    for (int again = 0; again < 2; again++, reopen(p)) {
        assert_row(p->s, 1, 9, "nine, and longer", 5, 0);
        assert_row(p->s, 1, 2, "two", 5, 0);
        assert_row(p->s, 1, UINT32_MAX, "last", STORE_WORLD_OWNER, 0);
        assert_row(p->s, 0, 9, "another kind", 5, 0);
        assert_row(p->s, 0, 2, NULL, 0, 0);
        assert_row(p->s, 2, 9, NULL, 0, 0);
    }
    char *dump = dump_of(p->s); /* by handle */
    const char *two = strstr(dump, "row 2 "), *nine = strstr(strstr(dump, "kind 1"), "row 9 "),
               *last = strstr(dump, "row 4294967295 ");
    assert_true(two && nine && last && two < nine && nine < last);
    free(dump);
    struct store_change moved[] = {put_key(6, key_of(6, 1)), put_row(1, 9, 6, STR("given away"))};
    append_ok(p->s, 1, moved, 2);
    assert_row(p->s, 1, 9, "given away", 6, 1);
}

static void a_row_without_its_key_is_damage(struct place *p)
{
    struct store_change changes[] = {put_row(0, 0, 5, STR("orphan")), put_key(6, key_of(6, 0))};
    append_ok(p->s, 0, changes, 2);
    struct strbuf bytes;
    strbuf_init(&bytes, 100);
    uint32_t owner;
    uint8_t key[STORE_KEY_BYTES];
    bool found;
    struct heed_error err = {0};
    assert_int_equal(p->s->ops->row(p->s, 0, 0, &owner, &bytes, key, &found, &err), HEED_INPUT);
    assert_string_equal(err.where, "the vault");
    assert_false(found);
    strbuf_deinit(&bytes);
    char *dump = dump_of(p->s); /* rows names it without a key, for the caller to judge */
    assert_non_null(strstr(dump, "row 0 of 5 6:6f727068616e 0:\n"));
    free(dump);
}

static void keys_are_put_replaced_counted(struct place *p)
{
    struct heed_error err = {0};
    uint8_t key[STORE_KEY_BYTES];
    bool found;
    uint64_t n;
    static const uint32_t owners[] = {0, 1, 1023, 1024, 70000, UINT32_MAX - 1, STORE_WORLD_OWNER};
    enum { N = sizeof owners / sizeof owners[0] };
    struct store_change changes[N + 1];
    for (size_t i = 0; i < N; i++)
        changes[i] = put_key(owners[N - 1 - i], key_of(owners[N - 1 - i], 0));
    changes[N] = put_key(1023, key_of(1023, 1));
    append_ok(p->s, 0, changes, N + 1);
    reopen(p);
    assert_int_equal(p->s->ops->keys(p->s, &n, &err), HEED_OK);
    assert_int_equal(n, N);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(p->s->ops->key(p->s, owners[i], key, &found, &err), HEED_OK);
        assert_true(found);
        assert_memory_equal(key, key_of(owners[i], owners[i] == 1023), STORE_KEY_BYTES);
    }
    static const uint32_t absent[] = {2, 1022, 1025, 2048, 69999};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(p->s->ops->key(p->s, absent[i], key, &found, &err), HEED_OK);
        assert_false(found);
    }
}

static void erasing_takes_the_key_and_all_rows_of_one_owner(struct place *p)
{
    struct store_change changes[] = {
        put_key(1, key_of(1, 0)),          put_key(2, key_of(2, 0)),
        put_row(0, 1, 1, STR("ann")),      put_row(0, 2, 2, STR("bob")),
        put_row(1, 4, 1, STR("hers")),     put_row(1, 5, 2, STR("his")),
        put_row(3, 9, 1, STR("hers too")),
    };
    append_ok(p->s, 0, changes, 7);
    struct store_change erase[] = {erase_owner(1), erase_owner(40), erase_owner(4000)};
    append_ok(p->s, 1, erase, 3);
    bool pending = true, found;
    struct heed_error err = {0};
    assert_int_equal(p->s->ops->scrub(p->s, &pending, &err), HEED_OK);
    assert_false(pending);
    for (int again = 0; again < 2; again++, reopen(p)) {
        assert_row(p->s, 0, 1, NULL, 0, 0);
        assert_row(p->s, 1, 4, NULL, 0, 0);
        assert_row(p->s, 3, 9, NULL, 0, 0);
        assert_row(p->s, 0, 2, "bob", 2, 0);
        assert_row(p->s, 1, 5, "his", 2, 0);
        uint8_t key[STORE_KEY_BYTES];
        uint64_t n;
        assert_int_equal(p->s->ops->key(p->s, 1, key, &found, &err), HEED_OK);
        assert_false(found);
        assert_int_equal(p->s->ops->keys(p->s, &n, &err), HEED_OK);
        assert_int_equal(n, 1);
    }
    /* Changes apply in order: put and erased in one batch is gone, erased and put again is there.
     */
    struct store_change both[] = {put_key(3, key_of(3, 0)), put_row(2, 1, 3, STR("brief")),
                                  erase_owner(3),           erase_owner(2),
                                  put_key(2, key_of(2, 7)), put_row(2, 2, 2, STR("new"))};
    append_ok(p->s, 2, both, 6);
    assert_row(p->s, 2, 1, NULL, 0, 0);
    assert_row(p->s, 0, 2, NULL, 0, 0);
    assert_row(p->s, 2, 2, "new", 2, 7);
}

static void assert_snapshots(struct store *s, size_t n, const uint64_t *batches)
{
    struct store_snapshot list[2];
    size_t got = 2;
    struct heed_error err = {0};
    assert_int_equal(s->ops->snapshots(s, list, &got, &err), HEED_OK);
    assert_int_equal(got, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(list[i].batch, batches[i]);
}

static enum heed_status add_part(void *context, struct str bytes, struct heed_error *err)
{
    (void)err;
    sha256_update(context, bytes.p, bytes.n);
    return HEED_OK;
}

static void the_newest_two_snapshots_are_kept(struct place *p)
{
    struct heed_error err = {0};
    assert_snapshots(p->s, 0, NULL);
    for (uint64_t i = 0; i < 5; i++) {
        append_ok(p->s, i, NULL, 0);
        assert_int_equal(snapshot_of(p->s, i, (int)i, 20000, true, &err), HEED_OK);
    }
    for (int again = 0; again < 2; again++, reopen(p)) {
        assert_snapshots(p->s, 2, (uint64_t[]){4, 3});
        struct store_snapshot list[1];
        size_t n = 1;
        assert_int_equal(p->s->ops->snapshots(p->s, list, &n, &err), HEED_OK);
        assert_int_equal(n, 1);
        struct sha256_stream *digest = sha256_new();
        assert_int_equal(p->s->ops->snapshot_read(p->s, 4, add_part, digest, &err), HEED_OK);
        assert_true(sha256_eq(sha256_final(digest), list[0].digest));
        assert_int_equal(list[0].bytes, 80000);
        err = (struct heed_error){0};
        assert_int_equal(p->s->ops->snapshot_read(p->s, 2, add_part, NULL, &err), HEED_INPUT);
        assert_string_equal(err.where, "snapshot of batch 2");
        err = (struct heed_error){0};
    }
    /* One of the same batch takes its place and no other's. */
    assert_int_equal(snapshot_of(p->s, 4, 1, 10, true, &err), HEED_OK);
    assert_snapshots(p->s, 2, (uint64_t[]){4, 3});
    assert_kept(p);
}

static void an_aborted_snapshot_leaves_no_trace(struct place *p)
{
    struct heed_error err = {0};
    for (uint64_t i = 0; i < 3; i++)
        append_ok(p->s, i, NULL, 0);
    assert_int_equal(snapshot_of(p->s, 0, 2, 20000, true, &err), HEED_OK);
    assert_int_equal(snapshot_of(p->s, 1, 2, 20000, true, &err), HEED_OK);
    char *before = dump_of(p->s);
    assert_int_equal(snapshot_of(p->s, 2, 3, 20000, false, &err), HEED_OK);
    p->s->ops->snapshot_abort(p->s);
    char *after = dump_of(p->s);
    assert_string_equal(before, after);
    free(after);
    /* Nor one that was being written when the store was closed. */
    assert_int_equal(p->s->ops->snapshot_begin(p->s, 2, &err), HEED_OK);
    assert_int_equal(p->s->ops->snapshot_part(p->s, STR("half"), &err), HEED_OK);
    reopen(p);
    after = dump_of(p->s);
    assert_string_equal(before, after);
    free(before);
    free(after);
    p->s->ops->snapshot_abort(p->s);
    append_ok(p->s, 3, NULL, 0);
    assert_int_equal(snapshot_of(p->s, 3, 1, 1, true, &err), HEED_OK);
    assert_snapshots(p->s, 2, (uint64_t[]){3, 1});
}

static void an_append_that_runs_out_of_memory_changes_nothing(struct place *p)
{
    struct store_change first[] = {put_key(1, key_of(1, 0)), put_row(0, 1, 1, STR("ann")),
                                   put_key(2, key_of(2, 0)), put_row(0, 2, 2, STR("bob"))};
    append_ok(p->s, 0, first, 4);
    for (long n = 1;; n++) {
        char *before = dump_of(p->s);
        struct store_change changes[12] = {erase_owner(1), put_key(2, key_of(2, 1))};
        for (uint32_t i = 2; i < 12; i++)
            changes[i] = put_row(1, i * (uint32_t)n, 2, STR("some text"));
        struct store_batch b = batch_of((uint64_t)n, 50);
        struct heed_error err = {0};
        fault_fail_at(n);
        enum heed_status status = p->s->ops->append(p->s, &b, changes, 12, &err);
        fault_off();
        if (!fault_fired()) {
            free(before);
            break;
        }
        assert_int_equal(status, HEED_NOMEM);
        char *after = dump_of(p->s);
        assert_string_equal(before, after);
        free(before);
        free(after);
        append_ok(p->s, (uint64_t)n, NULL, 0);
    }
    struct heed_error err = {0};
    assert_int_equal(p->s->ops->check(p->s, &err), HEED_OK);
}

/* ── twins ── */

static void same_life(uint64_t seed, struct store *a, struct place *disk)
{
    struct prng r;
    prng_seed(&r, seed);
    uint64_t batches = 0;
    char *texts[2];
    for (int step = 0; step < 60; step++) {
        struct store_change changes[8];
        size_t n = (size_t)prng_below(&r, 9);
        char bytes[8][400];
        for (size_t i = 0; i < n; i++) {
            uint32_t owner = (uint32_t)prng_below(&r, 30);
            owner = owner == 29 ? STORE_WORLD_OWNER : owner;
            for (size_t j = 0; j < sizeof bytes[i]; j++)
                bytes[i][j] = (char)prng_u64(&r);
            size_t what = (size_t)prng_below(&r, 10);
            changes[i] = what == 0  ? erase_owner(owner)
                         : what < 3 ? put_key(owner, key_of(owner, (unsigned)prng_u64(&r)))
                                    : put_row((uint32_t)prng_below(&r, DUMP_KINDS),
                                              (uint32_t)prng_below(&r, 40), owner,
                                              (struct str){bytes[i], (size_t)prng_below(&r, 400)});
        }
        struct store *both[] = {a, disk->s};
        bool snap = prng_below(&r, 10) == 0, commit = prng_below(&r, 3) > 0;
        int parts = (int)prng_below(&r, 5);
        for (int i = 0; i < 2; i++) {
            struct heed_error err = {0};
            struct store_batch b = batch_of(batches, (size_t)(seed * 31 + batches * 97) % 20000);
            assert_int_equal(both[i]->ops->append(both[i], &b, changes, n, &err), HEED_OK);
            if (snap)
                assert_int_equal(snapshot_of(both[i], batches, parts, 9000, commit, &err), HEED_OK);
        }
        batches++;
        if (prng_below(&r, 8) == 0)
            reopen(disk);
        if (step % 10 == 9) {
            texts[0] = dump_of(a);
            texts[1] = dump_of(disk->s);
            if (strcmp(texts[0], texts[1]) != 0)
                fail_msg("the stores differ: seed %d, step %d", (int)seed, step);
            free(texts[0]);
            free(texts[1]);
        }
    }
    struct heed_error err = {0};
    assert_int_equal(disk->s->ops->check(disk->s, &err), HEED_OK);
}

static void memory_and_sqlite_hold_the_same_after_any_life(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct place memory, disk;
        assert_int_equal(setup(&memory, false), 0);
        assert_int_equal(setup(&disk, true), 0);
        same_life(seed, memory.s, &disk);
        teardown(&memory);
        teardown(&disk);
    }
}

/* ── on both ── */

static int setup_memory(void **state)
{
    static struct place place;
    *state = &place;
    return setup(&place, false);
}

static int setup_disk(void **state)
{
    static struct place place;
    *state = &place;
    return setup(&place, true);
}

static int teardown_place(void **state)
{
    return teardown(*state);
}

#define TESTS(X)                                                                                   \
    X(batches_come_back_in_order_from_any_number)                                                  \
    X(a_visitor_can_stop_with_its_own_error)                                                       \
    X(a_batch_out_of_order_changes_nothing)                                                        \
    X(an_empty_payload_and_an_empty_row_are_kept)                                                  \
    X(rows_are_put_replaced_and_found)                                                             \
    X(a_row_without_its_key_is_damage)                                                             \
    X(keys_are_put_replaced_counted)                                                               \
    X(erasing_takes_the_key_and_all_rows_of_one_owner)                                             \
    X(the_newest_two_snapshots_are_kept)                                                           \
    X(an_aborted_snapshot_leaves_no_trace)                                                         \
    X(an_append_that_runs_out_of_memory_changes_nothing)

#define WRAP(name)                                                                                 \
    static void on_##name(void **state)                                                            \
    {                                                                                              \
        name(*state);                                                                              \
    }
TESTS(WRAP)

#define ROWS(name)                                                                                 \
    {"memory: " #name, on_##name, setup_memory, teardown_place, NULL},                             \
        {"sqlite: " #name, on_##name, setup_disk, teardown_place, NULL},

int main(void)
{
    const struct CMUnitTest tests[] = {
        TESTS(ROWS) cmocka_unit_test(memory_and_sqlite_hold_the_same_after_any_life)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
