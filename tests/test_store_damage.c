/* A damaged world's file is called damaged, with the place, and never crashes who reads it. */
#include "support_store_file.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void change_and_expect(const char *sql, const char *where)
{
    make_world();
    run_sql(sql);
    struct store *s = opened(READ);
    struct heed_error err = {0};
    char *dump;
    enum heed_status status = store_dump(s, &dump, &err);
    if (status != HEED_INPUT || strcmp(err.where, where) != 0)
        fail_msg("%s: %d %s: %s", sql, (int)status, err.where, err.message);
    store_close(s);
}

static void a_value_of_the_wrong_kind_or_size_is_found_with_its_place(void **unused)
{
    static const struct {
        const char *sql, *where;
    } rows[] = {
        {"DELETE FROM journal WHERE number = 1", "batch 1"},
        {"DELETE FROM journal WHERE number = 0", "batch 0"},
        {"UPDATE journal SET hash = x'00' WHERE number = 2", "batch 2"},
        {"UPDATE journal SET hash = 'text' WHERE number = 2", "batch 2"},
        {"UPDATE journal SET payload = 'text' WHERE number = 0", "batch 0"},
        {"UPDATE journal SET payload = 1.5 WHERE number = 0", "batch 0"},
        {"UPDATE journal SET first = -1 WHERE number = 1", "batch 1"},
        {"UPDATE journal SET first = 'x' WHERE number = 1", "batch 1"},
        {"UPDATE journal SET commands = 0 WHERE number = 1", "batch 1"},
        {"UPDATE journal SET commands = 4294967296 WHERE number = 1", "batch 1"},
        {"UPDATE sealed SET bytes = 'text'", "the vault"},
        {"DELETE FROM sealed WHERE slot = 2", "the vault"},
        {"UPDATE vault SET slot = 77 WHERE handle = 1", "the vault"},
        {"UPDATE vault SET slot = 'x' WHERE handle = 1", "the vault"},
        {"UPDATE vault SET owner = -1", "the vault"},
        {"UPDATE vault SET owner = x'01'", "the vault"},
        {"UPDATE vault SET handle = 4294967296 WHERE handle = 1", "the vault"},
        {"UPDATE keys SET bytes = 'text'", "the keys"},
        {"UPDATE keys SET bytes = x'0102'", "the keys"},
        {"UPDATE keys SET bytes = zeroblob(length(bytes) + 1)", "the keys"},
        {"UPDATE keys SET bytes = CAST(zeroblob(length(bytes)) AS TEXT)", "the keys"},
        {"UPDATE keys SET bytes = x'01' || substr(bytes, 2)", "the keys"},
        {"INSERT INTO keys SELECT book - 1, bytes FROM keys", "the keys"},
        {"UPDATE snapshots SET digest = x'00'", "the list of snapshots"},
        {"UPDATE snapshots SET bytes = 'x'", "the list of snapshots"},
        {"UPDATE snapshots SET commands = -5", "the list of snapshots"},
        {"UPDATE snapshot_parts SET bytes = 'x' WHERE part = 1", "a snapshot"},
        {"DELETE FROM snapshot_parts WHERE part = 0", "a snapshot"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        change_and_expect(rows[i].sql, rows[i].where);
        store_path_teardown(unused);
        store_path_setup(unused);
    }
}

/* Opens, reads everything and checks, as verify does. Nothing crashes; what is wrong is damage. */
static enum heed_status read_damaged(char **dump, struct heed_error *err)
{
    struct store *s;
    *dump = NULL;
    enum heed_status status = open_as(READ, &s, err);
    if (status != HEED_OK)
        return status;
    status = store_dump(s, dump, err);
    struct heed_error why = {0};
    enum heed_status checked = s->ops->check(s, &why);
    if (status == HEED_OK && checked != HEED_OK) {
        status = checked;
        *err = why;
    }
    store_close(s);
    return status;
}

static void a_flipped_bit_never_crashes_and_is_called_damage(void **unused)
{
    (void)unused;
    make_world();
    size_t n;
    char *file = read_file(store_path, &n), *whole, *dump;
    struct heed_error err;
    assert_int_equal(read_damaged(&whole, &err), HEED_OK);
    struct prng r;
    prng_seed(&r, 3);
    int found = 0, tried = 0;
    /* All of the header and the tops of pages, a sample of the rest. */
    for (size_t at = 0; at < n; at += at < 100 || at % 8192 < 24 ? 1 : 1 + prng_below(&r, 400)) {
        char bit = (char)(1 << prng_below(&r, 8));
        file[at] ^= bit;
        unlink(beside("-wal"));
        unlink(beside("-shm"));
        write_file(store_path, file, n);
        file[at] ^= bit;
        enum heed_status status = read_damaged(&dump, &err);
        if (status != HEED_OK && (status != HEED_INPUT || !err.where[0] || !err.message[0]))
            fail_msg("bit at %d: %d %s: %s", (int)at, (int)status, err.where, err.message);
        found += status != HEED_OK || strcmp(dump, whole) != 0;
        tried++;
        free(dump);
    }
    assert_true(tried > 500);
    assert_true(found > tried / 5);
    free(whole);
    free(file);
}

static void a_cut_file_never_crashes_and_is_called_damage(void **unused)
{
    (void)unused;
    make_world();
    size_t n;
    char *file = read_file(store_path, &n), *dump;
    struct heed_error err;
    for (size_t at = 0; at < n; at += at < 100 ? 1 : 1499) {
        unlink(beside("-wal"));
        unlink(beside("-shm"));
        write_file(store_path, file, at);
        enum heed_status status = read_damaged(&dump, &err);
        /* SQLite reads a page cut short as ending in zeros; contents are the caller's to check. */
        if (status != HEED_INPUT && (n - at >= 8192 || status != HEED_OK))
            fail_msg("cut at %d of %d: %d %s", (int)at, (int)n, (int)status, err.message);
        free(dump);
    }
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_value_of_the_wrong_kind_or_size_is_found_with_its_place),
        STORE_TEST(a_flipped_bit_never_crashes_and_is_called_damage),
        STORE_TEST(a_cut_file_never_crashes_and_is_called_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
