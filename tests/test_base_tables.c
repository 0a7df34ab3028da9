/* The map and the interner against naive twins. */
#include "base/hash.h"
#include "base/intern.h"
#include "base/map.h"
#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t next(uint64_t *seed)
{
    return hash_u64(*seed += UINT64_C(0x9e3779b97f4a7c15));
}

static size_t below(uint64_t *seed, size_t n)
{
    return (size_t)(next(seed) % n);
}

/* ── map ── */

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct map m;
    map_init(&m);
    assert_int_equal(map_get(&m, 0), MAP_NONE);
    assert_false(map_remove(&m, 0));
    map_clear(&m);
    assert_true(map_reserve(&m, 0));
    assert_int_equal(map_get(&m, 0), MAP_NONE);
    map_deinit(&m);
    map_deinit(&m);
}

enum { KEYS = 60 };

/* Keys that meet: every third begins its search in the last slots of a small table, so that runs
 * wrap round its end.                                                                            */
static void colliding_keys(uint64_t *seed, uint64_t keys[KEYS])
{
    for (size_t i = 0; i < KEYS; i++) {
        if (i == 0)
            keys[i] = 0;
        else if (i == 1)
            keys[i] = UINT64_MAX;
        else
            do
                keys[i] = next(seed);
            while (i % 3 == 0 && (hash_u64(keys[i]) & 127) < 126);
    }
}

static void a_map_does_what_an_array_does(void **state)
{
    (void)state;
    for (uint64_t start = 1; start <= 20; start++) {
        uint64_t seed = start, keys[KEYS];
        colliding_keys(&seed, keys);
        uint32_t twin[KEYS];
        size_t count = 0;
        for (size_t i = 0; i < KEYS; i++)
            twin[i] = MAP_NONE;
        struct map m;
        map_init(&m);
        for (int step = 0; step < 2000; step++) {
            size_t i = below(&seed, KEYS);
            /* Fills for a while, then empties, and so on.                                        */
            size_t act = below(&seed, 100);
            if (act == 0) {
                map_clear(&m);
                for (size_t k = 0; k < KEYS; k++)
                    twin[k] = MAP_NONE;
                count = 0;
            } else if (act == 1) {
                assert_true(map_reserve(&m, below(&seed, 100)));
            } else if ((act < 80) == (step / 300 % 2 == 0)) {
                uint32_t value = (uint32_t)below(&seed, MAP_NONE);
                assert_true(map_put(&m, keys[i], value));
                count += twin[i] == MAP_NONE;
                twin[i] = value;
            } else {
                bool there = twin[i] != MAP_NONE;
                if (map_remove(&m, keys[i]) != there)
                    fail_msg("seed %d, step %d: remove of key %zu", (int)start, step, i);
                count -= there;
                twin[i] = MAP_NONE;
            }
            assert_int_equal(m.count, count);
            for (size_t k = 0; k < KEYS; k++)
                if (map_get(&m, keys[k]) != twin[k])
                    fail_msg("seed %d, step %d: key %zu: expected %u, got %u", (int)start, step, k,
                             twin[k], map_get(&m, keys[k]));
        }
        map_deinit(&m);
    }
}

static void a_map_does_not_grow_by_putting_and_removing(void **state)
{
    (void)state;
    struct map m;
    map_init(&m);
    assert_true(map_put(&m, 0, 1));
    size_t capacity = m.capacity;
    for (uint64_t key = 1; key < 10000; key++) {
        assert_true(map_put(&m, key, 1));
        assert_true(map_remove(&m, key - 1));
    }
    assert_int_equal(m.capacity, capacity);
    assert_int_equal(m.count, 1);
    map_deinit(&m);
}

static void a_reserved_map_needs_no_more_memory(void **state)
{
    (void)state;
    for (size_t count = 1; count < 200; count += 7) {
        struct map m;
        map_init(&m);
        assert_true(map_reserve(&m, count));
        fault_fail_at(1);
        for (uint64_t key = 0; key < count; key++)
            assert_true(map_put(&m, key, 0));
        fault_off();
        assert_false(fault_fired());
        assert_true(m.count <= m.capacity / 4 * 3);
        map_deinit(&m);
    }
    struct map m;
    map_init(&m);
    assert_false(map_reserve(&m, SIZE_MAX));
    assert_false(map_reserve(&m, SIZE_MAX / 16));
    assert_int_equal(m.capacity, 0);
    map_deinit(&m);
}

static void a_map_without_memory_is_unchanged(void **state)
{
    (void)state;
    struct map m;
    map_init(&m);
    uint64_t failures = 0;
    for (uint64_t key = 0; key < 100; key++) {
        fault_fail_at(1);
        bool put = map_put(&m, key, (uint32_t)key);
        fault_off();
        assert_int_equal(put, !fault_fired());
        if (put)
            continue;
        failures++;
        assert_int_equal(m.count, key);
        assert_int_equal(map_get(&m, key), MAP_NONE);
        for (uint64_t k = 0; k < key; k++)
            assert_int_equal(map_get(&m, k), k);
        assert_true(map_put(&m, key, (uint32_t)key));
    }
    assert_int_equal(failures, 5); /* at 12, 24, 48 and 96 of 16, 32, 64 and 128, and at first */
    map_deinit(&m);
}

/* ── intern ── */

enum { WORDS = 150, MOST = 4000 };

/* Short words over few bytes, NUL among them: many are equal, prefixes of one another, or empty. */
static struct str word(uint64_t number, char buf[8])
{
    size_t n = 0;
    for (; number; number /= 4)
        buf[n++] = "\0ab\xff"[number % 4];
    return (struct str){buf, n};
}

static void an_interner_does_what_a_list_does(void **state)
{
    (void)state;
    for (uint64_t start = 1; start <= 10; start++) {
        uint64_t seed = start;
        struct intern t;
        intern_init(&t);
        uint32_t handle_of[WORDS]; /* of the word's number */
        static uint64_t number_of[MOST];
        size_t count = 0;
        char buf[8];
        for (size_t i = 0; i < WORDS; i++)
            handle_of[i] = INTERN_NONE;
        for (int step = 0; step < 3000; step++) {
            size_t i = below(&seed, WORDS);
            if (below(&seed, 3) == 0) {
                if (handle_of[i] == INTERN_NONE)
                    continue;
                intern_forget(&t, handle_of[i]);
                intern_forget(&t, handle_of[i]); /* twice is once */
                number_of[handle_of[i]] = UINT64_MAX;
                handle_of[i] = INTERN_NONE;
            } else {
                uint32_t got = intern_add(&t, word(i, buf));
                uint32_t expected = handle_of[i] == INTERN_NONE ? (uint32_t)count : handle_of[i];
                if (got != expected)
                    fail_msg("seed %d, step %d: word %zu: expected handle %u, got %u", (int)start,
                             step, i, expected, got);
                if (handle_of[i] == INTERN_NONE)
                    number_of[count++] = i;
                handle_of[i] = got;
            }
            assert_int_equal(t.count, count);
            for (size_t k = 0; k < WORDS; k++)
                if (intern_find(&t, word(k, buf)) != handle_of[k])
                    fail_msg("seed %d, step %d: word %zu: expected handle %u, found %u", (int)start,
                             step, k, handle_of[k], intern_find(&t, word(k, buf)));
        }
        for (size_t h = 0; h < count; h++) {
            struct str expected = number_of[h] == UINT64_MAX ? STR("") : word(number_of[h], buf);
            struct str got = intern_str(&t, (uint32_t)h);
            assert_true(str_eq(got, expected));
            assert_int_equal(got.p[got.n], '\0');
        }
        intern_deinit(&t);
    }
}

static void an_empty_interner_finds_nothing(void **state)
{
    (void)state;
    struct intern t;
    intern_init(&t);
    assert_int_equal(intern_find(&t, STR("")), INTERN_NONE);
    assert_int_equal(intern_find(&t, STR_NONE), INTERN_NONE);
    assert_int_equal(intern_add(&t, STR_NONE), 0);
    assert_int_equal(intern_find(&t, STR("")), 0);
    intern_deinit(&t);
    intern_deinit(&t);
}

static void a_forgotten_string_leaves_no_bytes(void **state)
{
    (void)state;
    struct intern t;
    intern_init(&t);
    intern_add(&t, STR("before"));
    uint32_t h = intern_add(&t, STR("ann@example.org"));
    intern_add(&t, STR("after"));
    assert_non_null(memmem(t.bytes, t.bytes_n, "example", 7));
    intern_forget(&t, h);
    for (size_t i = 0; i + 3 <= t.bytes_n; i++)
        assert_memory_not_equal(t.bytes + i, "exa", 3);
    assert_int_equal(intern_str(&t, h).n, 0);
    assert_int_equal(intern_find(&t, STR("ann@example.org")), INTERN_NONE);
    assert_int_equal(intern_add(&t, STR("ann@example.org")), 3);
    assert_true(str_is(intern_str(&t, 0), "before"));
    assert_true(str_is(intern_str(&t, 2), "after"));
    intern_deinit(&t);
}

static void the_forgotten_take_no_room_in_the_index(void **state)
{
    (void)state;
    struct intern t;
    intern_init(&t);
    char buf[8];
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(intern_add(&t, word(i, buf)), i);
        intern_forget(&t, i);
    }
    assert_true(t.index_cap <= 16);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(intern_add(&t, word(i, buf)), 1000 + i);
    assert_true(t.index_cap <= 256);
    size_t taken = 0;
    for (size_t i = 0; i < t.index_cap; i++)
        taken += t.index[i] != INTERN_NONE;
    assert_int_equal(taken, 100);
    intern_deinit(&t);
}

static void a_part_of_an_interned_string_can_be_added(void **state)
{
    (void)state;
    struct intern t;
    intern_init(&t);
    char text[300];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    uint32_t whole = intern_add(&t, (struct str){text, sizeof text});
    for (size_t n = 1; n < sizeof text; n++) { /* the memory behind it moves many times */
        struct str part = {intern_str(&t, whole).p, n};
        uint32_t h = intern_add(&t, part);
        assert_int_equal(h, n);
        assert_true(str_eq(intern_str(&t, h), (struct str){text, n}));
    }
    intern_deinit(&t);
}

static void an_interner_without_memory_is_unchanged(void **state)
{
    (void)state;
    struct intern t;
    intern_init(&t);
    char buf[8];
    int failures = 0;
    for (uint32_t i = 0; i < 200; i++)
        for (long n = 1;; n++) {
            fault_fail_at(n);
            uint32_t got = intern_add(&t, word(i, buf));
            fault_off();
            if (!fault_fired()) {
                assert_int_equal(got, i);
                break;
            }
            failures++;
            assert_int_equal(got, INTERN_NONE);
            assert_int_equal(t.count, i);
            assert_int_equal(intern_find(&t, word(i, buf)), INTERN_NONE);
            for (uint32_t k = 0; k < i; k++)
                assert_int_equal(intern_find(&t, word(k, buf)), k);
        }
    assert_true(failures > 10);
    intern_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(a_map_does_what_an_array_does),
        cmocka_unit_test(a_map_does_not_grow_by_putting_and_removing),
        cmocka_unit_test_teardown(a_reserved_map_needs_no_more_memory, memory_returns),
        cmocka_unit_test_teardown(a_map_without_memory_is_unchanged, memory_returns),
        cmocka_unit_test(an_empty_interner_finds_nothing),
        cmocka_unit_test(an_interner_does_what_a_list_does),
        cmocka_unit_test(a_forgotten_string_leaves_no_bytes),
        cmocka_unit_test(the_forgotten_take_no_room_in_the_index),
        cmocka_unit_test(a_part_of_an_interned_string_can_be_added),
        cmocka_unit_test_teardown(an_interner_without_memory_is_unchanged, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
