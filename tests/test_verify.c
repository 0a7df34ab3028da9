/* Any flipped bit that changes stored content is found, and none crashes.
 * ctest: TIMEOUT 600
 *
 * A small world with some of everything is written, closed, and damaged one random bit at a time.
 * What SQLite reads back of every table decides whether content changed; then opening or verifying
 * must object. HEED_FLIPS=N sets how many (default 400). */
#include "support_world.h"

#include "base/prng.h"
#include "world/snapshot.h"
#include "world/verify.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    char *bytes = malloc(*n);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

static void write_file(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static bool hash_rows(sqlite3 *db, const char *sql, struct sha256_stream *s)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        return false;
    int code;
    while ((code = sqlite3_step(st)) == SQLITE_ROW)
        for (int c = 0; c < sqlite3_column_count(st); c++) {
            int type = sqlite3_column_type(st, c);
            int64_t number = sqlite3_column_int64(st, c);
            sha256_update(s, &type, sizeof type);
            if (type == SQLITE_INTEGER) {
                sha256_update(s, &number, sizeof number);
            } else {
                const void *p = sqlite3_column_blob(st, c);
                sha256_update(s, p ? p : "", (size_t)sqlite3_column_bytes(st, c));
            }
        }
    sqlite3_finalize(st);
    return code == SQLITE_DONE;
}

/* What is stored, as one hash; false when it cannot be read.                                    */
static bool content_of(const char *path, struct sha256 *out)
{
    static const char *const sql[] = {
        "PRAGMA application_id",
        "PRAGMA user_version",
        "SELECT * FROM journal ORDER BY number",
        "SELECT * FROM vault ORDER BY kind, handle",
        "SELECT * FROM sealed ORDER BY slot",
        "SELECT * FROM keys ORDER BY book",
        "SELECT * FROM snapshots ORDER BY batch",
        "SELECT * FROM snapshot_parts ORDER BY batch, part",
    };
    sqlite3 *db = NULL;
    bool ok = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK;
    struct sha256_stream *s = sha256_new();
    for (size_t i = 0; ok && i < sizeof sql / sizeof sql[0]; i++)
        ok = hash_rows(db, sql[i], s);
    *out = sha256_final(s);
    sqlite3_close(db);
    return ok;
}

/* Whether heed objects to the file: then it says {"ok":false,"problems":[…]}.                    */
static bool found(const char *path)
{
    struct heed_error err = {0};
    json_t *reply = NULL;
    enum heed_status status = verify_file(path, NULL, &reply, &err);
    bool ok = json_is_true(json_object_get(reply, "ok"));
    bool says = json_array_size(json_object_get(reply, "problems")) > 0;
    json_decref(reply);
    if (status == HEED_OK && ok)
        return false;
    if (status != HEED_INPUT || !reply || ok || !says || !err.message[0])
        fail_msg("status %d, a reply: %d, ok: %d, problems: %d; %s: %s", (int)status, reply != NULL,
                 (int)ok, (int)says, err.where, err.message);
    return true;
}

static void make_world(const char *path)
{
    struct world *w = world_at(path);
    struct heed_error err = {0};
    fill_small(w);
    json_decref(call_ok(w, "shop buy", "good", "sword", "user", "bob", NULL));
    assert_int_equal(snapshot_write(w, &err), HEED_OK);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "u%d", i);
        json_decref(call_ok(w, "user add", "id", id, "name", "Somebody with a name", NULL));
        json_decref(
            call_ok(w, "event add", "user", id, "verb", "like", "target", "content:post1", NULL));
    }
    json_decref(call_ok(w, "feed serve", "user", "u3", NULL));
    json_decref(call_ok(w, "settle", "until", "2026-03-01", NULL));
    assert_int_equal(snapshot_write(w, &err), HEED_OK);
    json_decref(call_ok(w, "user erase", "user", "u7", NULL));
    json_decref(call_ok(w, "ledger transfer", "from", "bob", "to", "ann", "amount", "1", NULL));
    world_close(w);
}

struct flipping {
    const char *path;
    char *bytes;
    size_t n;
    struct sha256 whole;
    long flips, changed;
};

static void flip(struct flipping *f, size_t at, int bit)
{
    struct sha256 damaged;
    f->bytes[at] = (char)(f->bytes[at] ^ 1 << bit);
    write_file(f->path, f->bytes, f->n);
    bool same = content_of(f->path, &damaged) && sha256_eq(f->whole, damaged);
    bool objected = found(f->path);
    f->flips++;
    f->changed += !same;
    if (!same && !objected)
        fail_msg("byte %zu, bit %d of %zu bytes: content changed and nothing was said", at, bit,
                 f->n);
    f->bytes[at] = (char)(f->bytes[at] ^ 1 << bit);
}

static void every_flipped_bit_of_content_is_found(void **unused)
{
    (void)unused;
    enum { PAGE = 8192, FILE_HEADER = 100, PAGE_HEADER = 12 };
    const char *wanted = getenv("HEED_FLIPS");
    long flips = wanted ? strtol(wanted, NULL, 10) : 400;
    struct flipping f = {.path = test_path("flip.world")};
    make_world(f.path);
    f.bytes = read_file(f.path, &f.n);
    assert_true(content_of(f.path, &f.whole));
    assert_false(found(f.path));
    struct prng r;
    prng_seed(&r, 7);
    for (long i = 0; i < flips; i++)
        flip(&f, (size_t)prng_below(&r, f.n), (int)prng_below(&r, 8));
    assert_true(f.changed > flips / 10);
    /* where SQLite says what a page is */
    assert_int_equal(f.n % PAGE, 0);
    for (size_t page = 0; page < f.n; page += PAGE)
        for (size_t i = 0; i < (page ? PAGE_HEADER : FILE_HEADER + PAGE_HEADER); i++)
            for (int bit = 0; bit < 8; bit++)
                if (wanted || prng_below(&r, 32) == 0)
                    flip(&f, page + i, bit);
    printf("%ld flips, %ld changed content, all found\n", f.flips, f.changed);
    unlink(f.path);
    free(f.bytes);
    free((void *)(uintptr_t)f.path);
}

static void a_truncated_file_is_found(void **unused)
{
    (void)unused;
    char *path = test_path("cut.world");
    make_world(path);
    size_t n;
    char *bytes = read_file(path, &n);
    struct sha256 whole;
    assert_true(content_of(path, &whole));
    for (int i = 0; i < 40; i++) {
        struct sha256 left;
        write_file(path, bytes, n * (size_t)i / 40);
        bool same = content_of(path, &left) && sha256_eq(whole, left); /* free pages at the end */
        if (!same && !found(path))
            fail_msg("cut to %zu of %zu bytes: nothing was said", n * (size_t)i / 40, n);
    }
    free(bytes);
    unlink(path);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_bit_of_content_is_found),
        cmocka_unit_test(a_truncated_file_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
