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
    struct heed_error err = {0};
    char rows[40][300];
    static char whole_pages[30000]; /* they are freed, not only written over */
    for (size_t j = 0; j < sizeof whole_pages; j++)
        whole_pages[j] = (char)hash_u64((UINT64_C(1) << 41) + j);
    struct store_change large = put_row(2, 7, 7, (struct str){whole_pages, sizeof whole_pages});
    for (uint32_t i = 0; i < 40; i++) {
        for (size_t j = 0; j < sizeof rows[i]; j++)
            rows[i][j] = (char)hash_u64((UINT64_C(1) << 40) + i * 1000 + j);
        struct store_change changes[] = {put_key(i, key_of(i, 0)),
                                         put_row(0, i, i, (struct str){rows[i], 40}),
                                         put_row(1, i, i, (struct str){rows[i] + 40, 260})};
        append_ok(s, i, changes, 3);
        if (i == 0) /* its own pages are freed without being written over; those after it are not */
            assert_int_equal(snapshot_of(s, 0, 2, 9000, true, &err), HEED_OK);
    }
    append_ok(s, 40, &large, 1);
    assert_true(file_has(beside("-wal"), key_of(7, 0), STORE_KEY_BYTES)); /* the search can find */
    assert_true(file_has(beside("-wal"), rows[7], 40));
    assert_true(file_has(beside("-wal"), whole_pages + 20000, 100));
    struct store_change erase = erase_owner(7);
    append_ok(s, 41, &erase, 1);
    assert_true(file_has(beside("-wal"), key_of(7, 0), STORE_KEY_BYTES));
    bool pending;
    assert_int_equal(s->ops->scrub(s, &pending, &err), HEED_OK);
    for (int again = 0; again < 2; again++) {
        for (size_t f = 0; f < 2; f++) {
            const char *name = beside(files[f]);
            assert_false(file_has(name, key_of(7, 0), STORE_KEY_BYTES));
            assert_false(file_has(name, rows[7], 40));
            assert_false(file_has(name, rows[7] + 40, 260));
            for (size_t at = 0; at < sizeof whole_pages; at += 100)
                assert_false(file_has(name, whole_pages + at, 100));
        }
        assert_true(file_has(store_path, key_of(8, 0), STORE_KEY_BYTES));
        assert_true(file_has(store_path, rows[8], 40));
        if (!again)
            store_close(s);
    }
}

/* ── many people ── */

enum { PEOPLE = 2000, BATCH = 250 };

/* Eight bytes of something, at every eighth place of it. */
struct pieces {
    uint64_t *p;
    size_t n, cap;
};

static void add_pieces(struct pieces *x, const void *bytes, size_t n)
{
    for (size_t at = 0; at + 8 <= n; at += 8) {
        assert_true(array_grow(&x->p, &x->cap, x->n + 1, sizeof *x->p));
        memcpy(&x->p[x->n++], (const char *)bytes + at, 8);
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many places of the file hold one of the pieces. */
static size_t count_pieces(struct pieces *x, const char *file, size_t n)
{
    size_t found = 0;
    qsort(x->p, x->n, sizeof *x->p, compare);
    for (size_t at = 0; at + 8 <= n; at++) {
        uint64_t here;
        memcpy(&here, file + at, 8);
        found += bsearch(&here, x->p, x->n, sizeof here, compare) != NULL;
    }
    free(x->p);
    *x = (struct pieces){0};
    return found;
}

struct person {
    uint8_t key[STORE_KEY_BYTES];
    char row[2][400];
    bool gone;
};

static struct person people[PEOPLE];
static char old[PEOPLE][40]; /* a row some had first */

static void fill_bytes(struct prng *r, void *p, size_t n)
{
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint64_t x = prng_u64(r);
        memcpy((char *)p + i, &x, 8);
    }
}

/* Everything of a person; every third has a first row that is then replaced by a longer one. */
static size_t put_person(struct store_change *c, uint32_t i)
{
    struct person *p = &people[i];
    size_t n = 0;
    c[n++] = put_key(i, p->key);
    if (i % 3 == 0)
        c[n++] = put_row(0, i, i, (struct str){old[i], sizeof old[i]});
    c[n++] = put_row(0, i, i, (struct str){p->row[0], 40 + i % 360});
    c[n++] = put_row(1 + i % 2, PEOPLE - i, i, (struct str){p->row[1], sizeof p->row[1]});
    return n;
}

/* People come in any order and go in any other, meanwhile: SQLite, which copies what it moves and
 * leaves the copies behind, has every occasion to. */
static void nothing_once_erased_is_ever_found_again(void **unused)
{
    (void)unused;
    struct store *s = opened(CREATE);
    struct prng r;
    prng_seed(&r, 11);
    static uint32_t order[PEOPLE];
    for (uint32_t i = 0; i < PEOPLE; i++) {
        uint32_t j = (uint32_t)prng_below(&r, i + 1);
        order[i] = order[j];
        order[j] = i;
        people[i].gone = false;
        fill_bytes(&r, people[i].key, sizeof people[i].key);
        fill_bytes(&r, people[i].row, sizeof people[i].row);
        fill_bytes(&r, old[i], sizeof old[i]);
    }
    static struct store_change changes[6 * BATCH];
    uint64_t batch = 0;
    size_t come = 0;
    while (come < PEOPLE) {
        size_t n = 0;
        for (size_t i = 0; i < BATCH; i++)
            n += put_person(&changes[n], order[come++]);
        for (size_t i = 0; i < 2 * BATCH; i++) {
            uint32_t who = order[prng_below(&r, come)];
            people[who].gone = true;
            changes[n++] = erase_owner(who);
        }
        append_ok(s, batch++, changes, n);
    }
    bool pending;
    struct heed_error err = {0};
    assert_int_equal(s->ops->scrub(s, &pending, &err), HEED_OK);
    assert_int_equal(s->ops->check(s, &err), HEED_OK);
    store_close(s);
    struct pieces gone = {0}, here = {0};
    for (uint32_t i = 0; i < PEOPLE; i++) {
        struct person *p = &people[i];
        struct pieces *x = p->gone ? &gone : &here;
        add_pieces(x, p->key, sizeof p->key);
        add_pieces(x, p->row[0], 40 + i % 360);
        add_pieces(x, p->row[1], sizeof p->row[1]);
        if (i % 3 == 0)
            add_pieces(&gone, old[i], sizeof old[i]);
    }
    size_t n, kept = here.n;
    char *file = read_file(store_path, &n);
    assert_true(count_pieces(&here, file, n) >= kept - kept / 50); /* a page's end may cut one */
    assert_int_equal(count_pieces(&gone, file, n), 0);
    free(file);
}

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
        STORE_TEST(nothing_once_erased_is_ever_found_again),
        STORE_TEST(a_large_snapshot_leaves_no_large_log_and_takes_the_olds_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
