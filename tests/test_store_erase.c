/* What erasing leaves in a world's file, and what snapshots leave. */
#include "support_store_file.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static bool file_has(const char *name, const void *bytes, size_t n)
{
    size_t size;
    char *p = read_file(name, &size);
    bool found = p && memmem(p, size, bytes, n) != NULL;
    free(p);
    return found;
}

static void erased_bytes_are_nowhere_after_scrub(void **unused)
{
    (void)unused;
    static const char *const files[] = {"", "-wal"};
    struct store *s = opened(CREATE);
    char rows[40][300];
    for (uint32_t i = 0; i < 40; i++) {
        for (size_t j = 0; j < sizeof rows[i]; j++)
            rows[i][j] = (char)hash_u64(i * 1000 + j + 7);
        struct store_change changes[] = {put_key(i, key_of(i, 0)),
                                         put_row(0, i, i, (struct str){rows[i], 40}),
                                         put_row(1, i, i, (struct str){rows[i] + 40, 260})};
        append_ok(s, i, changes, 3);
    }
    assert_true(file_has(beside("-wal"), key_of(7, 0), STORE_KEY_BYTES)); /* the search can find */
    assert_true(file_has(beside("-wal"), rows[7], 40));
    struct store_change erase = erase_owner(7);
    append_ok(s, 40, &erase, 1);
    assert_true(file_has(beside("-wal"), key_of(7, 0), STORE_KEY_BYTES));
    bool pending;
    struct heed_error err = {0};
    assert_int_equal(s->ops->scrub(s, &pending, &err), HEED_OK);
    for (int again = 0; again < 2; again++) {
        for (size_t f = 0; f < 2; f++) {
            const char *name = beside(files[f]);
            assert_false(file_has(name, key_of(7, 0), STORE_KEY_BYTES));
            assert_false(file_has(name, rows[7], 40));
            assert_false(file_has(name, rows[7] + 40, 260));
        }
        assert_true(file_has(store_path, key_of(8, 0), STORE_KEY_BYTES));
        assert_true(file_has(store_path, rows[8], 40));
        if (!again)
            store_close(s);
    }
}

/* Keys put in any order, some replaced, beside rows that split and join pages: SQLite leaves copies
 * of cells it moves, so a key in a cell would now and then be found. */
static void no_key_once_erased_is_ever_found_again(void **unused)
{
    (void)unused;
    enum { PEOPLE = 3000, BATCH = 500 };
    struct store *s = opened(CREATE);
    struct prng r;
    prng_seed(&r, 11);
    static uint32_t order[PEOPLE];
    static uint8_t keys[PEOPLE][STORE_KEY_BYTES];
    for (uint32_t i = 0; i < PEOPLE; i++) {
        uint32_t j = (uint32_t)prng_below(&r, i + 1);
        order[i] = order[j];
        order[j] = i;
        memcpy(keys[i], key_of(i, 5), STORE_KEY_BYTES);
    }
    char text[400];
    memset(text, 'r', sizeof text);
    static struct store_change changes[2 * BATCH];
    uint64_t batch = 0;
    for (size_t at = 0; at < PEOPLE; at += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            uint32_t owner = order[at + i];
            changes[2 * i] = put_key(owner, keys[owner]);
            changes[2 * i + 1] =
                put_row(0, owner, owner, (struct str){text, (size_t)prng_below(&r, 400)});
        }
        append_ok(s, batch++, changes, 2 * BATCH);
    }
    for (size_t at = 0; at < PEOPLE / 2; at += BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            changes[i] = erase_owner(order[at + i]);
        append_ok(s, batch++, changes, BATCH);
    }
    bool pending;
    struct heed_error err = {0};
    assert_int_equal(s->ops->scrub(s, &pending, &err), HEED_OK);
    uint64_t left;
    assert_int_equal(s->ops->keys(s, &left, &err), HEED_OK);
    assert_int_equal(left, PEOPLE / 2);
    store_close(s);
    size_t n;
    char *file = read_file(store_path, &n);
    for (size_t i = 0; i < PEOPLE; i++) {
        const uint8_t *key = keys[order[i]]; /* half a key would be too much */
        bool found = memmem(file, n, key, 16) || memmem(file, n, key + 16, 16);
        if (found != (i >= PEOPLE / 2))
            fail_msg("the key of %d: found %d", (int)order[i], found);
    }
    free(file);
}

/* ── size ── */

static void a_large_snapshot_leaves_no_large_log_and_takes_the_olds_place(void **unused)
{
    (void)unused;
    enum { PARTS = 8, PART = 1 << 20 };
    struct store *s = opened(CREATE);
    struct heed_error err = {0};
    off_t after[4];
    for (uint64_t i = 0; i < 4; i++) {
        append_ok(s, i, NULL, 0);
        assert_int_equal(snapshot_of(s, i, PARTS, PART, true, &err), HEED_OK);
        assert_int_equal(size_of(beside("-wal")), 0);
        after[i] = size_of(store_path);
    }
    assert_true(after[0] < PARTS * PART + PART / 2);
    assert_true(after[3] < after[1] + 100000);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(erased_bytes_are_nowhere_after_scrub),
        STORE_TEST(no_key_once_erased_is_ever_found_again),
        STORE_TEST(a_large_snapshot_leaves_no_large_log_and_takes_the_olds_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
