/* Errors, strings, growth of arrays, arenas. */
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "base/utf8.h"
#include "support_fault.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ── errors ── */

static void an_error_is_filled_once(void **state)
{
    (void)state;
    struct heed_error err = {0};
    assert_int_equal(error_set(&err, HEED_INPUT, "a.csv:3", "no %s of %d", "column", 7),
                     HEED_INPUT);
    assert_int_equal(error_set(&err, HEED_STORAGE, "later", "another"), HEED_STORAGE);
    assert_int_equal(err.status, HEED_INPUT);
    assert_string_equal(err.where, "a.csv:3");
    assert_string_equal(err.message, "no column of 7");

    error_clear(&err);
    assert_int_equal(err.status, HEED_OK);
    assert_string_equal(err.where, "");
    assert_string_equal(err.message, "");
    assert_int_equal(error_nomem(&err), HEED_NOMEM);
    assert_int_equal(err.status, HEED_NOMEM);
    assert_string_equal(err.where, "");
    assert_true(str_starts(str_of(err.message), "out of memory"));
}

static void an_error_may_have_nobody_to_hear_it(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, HEED_RANGE, "x", "y"), HEED_RANGE);
    assert_int_equal(error_nomem(NULL), HEED_NOMEM);
    error_clear(NULL);
}

static void long_text_of_an_error_is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"a", "é", "€", "😀"};
    for (size_t k = 0; k < COUNT(characters); k++)
        for (size_t shift = 0; shift < 4; shift++)
            for (size_t total = 186; total < 330; total++) {
                char text[400] = {0};
                size_t n = 0, width = strlen(characters[k]);
                for (; n < shift; n++)
                    text[n] = '-';
                for (; n + width <= total; n += width)
                    memcpy(text + n, characters[k], width);
                struct heed_error err = {0};
                error_set(&err, HEED_INPUT, text, "%s", text);
                const struct {
                    const char *got;
                    size_t size;
                } field[] = {{err.where, sizeof err.where}, {err.message, sizeof err.message}};
                for (size_t f = 0; f < COUNT(field); f++) {
                    size_t fits = field[f].size - 1;
                    size_t expected = n <= fits ? n : shift + (fits - shift) / width * width;
                    assert_int_equal(strlen(field[f].got), expected);
                    assert_memory_equal(field[f].got, text, expected);
                }
            }
}

static void a_broken_assumption_says_where_and_aborts(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        heed_assert_failed("pigs == fly", "sky.c", 42);
    }
    close(ends[1]);
    char said[256] = {0};
    ssize_t n = read(ends[0], said, sizeof said - 1);
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(n > 0);
    assert_non_null(strstr(said, "sky.c:42"));
    assert_non_null(strstr(said, "pigs == fly"));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ── slices ── */

static void blanks_are_trimmed_at_both_ends_only(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", ""},
        {" ", ""},
        {" \t \t", ""},
        {"a", "a"},
        {" a", "a"},
        {"a\t", "a"},
        {"\t a b \t", "a b"},
        {"a  b", "a  b"},
        {" \na\r ", "\na\r"},
        {"\xc2\xa0"
         "a",
         "\xc2\xa0"
         "a"}, /* a no-break space is no blank */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str got = str_trim(str_of(rows[i].text));
        if (!str_is(got, rows[i].expected))
            fail_msg("'%s': expected '%s', got '%.*s'", rows[i].text, rows[i].expected,
                     STR_ARG(got));
    }
    assert_int_equal(str_trim(STR_NONE).n, 0);
}

static void slices_compare_by_length_and_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("a\0")));
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_is(STR_NONE, ""));
    assert_int_equal(str_of(NULL).n, 0);
    static const struct {
        const char *text, *prefix;
        bool starts;
    } rows[] = {{"", "", true},     {"a", "", true},      {"", "a", false},  {"ab", "a", true},
                {"ab", "ab", true}, {"ab", "abc", false}, {"ab", "b", false}};
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(str_starts(str_of(rows[i].text), rows[i].prefix), rows[i].starts);
    assert_true(str_starts(STR_NONE, ""));
}

/* ── the builder ── */

static void a_builder_puts_everything_in_order(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b, SIZE_MAX);
    assert_string_equal(strbuf_text(&b), "");
    assert_true(strbuf_put(&b, NULL, 0));
    assert_true(strbuf_puts(&b, "one"));
    assert_true(strbuf_putc(&b, ','));
    assert_true(strbuf_put(&b, "t\0o", 3));
    assert_true(strbuf_printf(&b, "%05d|%s", 42, ""));
    assert_int_equal(b.n, 13);
    assert_memory_equal(b.p, "one,t\0o00042|", 14);

    /* A print longer than the room that is left is made again in full.                           */
    strbuf_clear(&b);
    assert_string_equal(strbuf_text(&b), "");
    size_t expected = 0;
    for (int width = 0; width < 300; width++) {
        assert_true(strbuf_printf(&b, "%*s", width, "x"));
        expected += width ? (size_t)width : 1;
        assert_int_equal(b.n, expected);
        assert_int_equal(strlen(strbuf_text(&b)), expected);
    }
    strbuf_deinit(&b);
    assert_string_equal(strbuf_text(&b), "");
    strbuf_deinit(&b);
}

static void a_builder_stops_at_its_limit_and_keeps_its_text(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 200; limit++) {
        struct strbuf b;
        strbuf_init(&b, limit);
        size_t put = 0;
        bool ok = true;
        while (ok && put < 300) {
            ok = put % 2 ? strbuf_printf(&b, "%c", 'b') : strbuf_putc(&b, 'a');
            put += ok;
        }
        assert_int_equal(put, limit);
        assert_int_equal(b.n, limit);
        assert_true(b.failed);
        assert_int_equal(strlen(strbuf_text(&b)), limit);
        assert_false(strbuf_put(&b, "", 0)); /* stays failed */

        strbuf_clear(&b);
        assert_false(b.failed);
        char text[200] = {0};
        memset(text, 'c', limit);
        assert_true(strbuf_printf(&b, "%s", text)); /* exactly fits */
        assert_string_equal(strbuf_text(&b), text);
        strbuf_clear(&b);
        assert_false(strbuf_printf(&b, "%s+", text)); /* one too many: all or nothing */
        assert_string_equal(strbuf_text(&b), "");
        assert_false(strbuf_puts(&b, ""));
        strbuf_deinit(&b);
    }
}

static void a_builder_without_memory_keeps_its_text(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct strbuf b;
        strbuf_init(&b, SIZE_MAX);
        fault_fail_at(n);
        size_t put = 0;
        for (int i = 0; i < 300; i++)
            put += i % 2 ? strbuf_printf(&b, "%s", "xyz") : strbuf_puts(&b, "xyz");
        fault_off();
        assert_int_equal(b.failed, fault_fired());
        assert_int_equal(put == 300, !fault_fired());
        assert_int_equal(b.n, 3 * put);
        assert_int_equal(strlen(strbuf_text(&b)), b.n);
        strbuf_deinit(&b);
        if (!fault_fired())
            break;
        assert_true(n < 100);
    }
}

/* ── arrays ── */

static void an_array_grows_by_doubling_and_keeps_its_elements(void **state)
{
    (void)state;
    uint32_t *a = NULL;
    size_t cap = 0, changes = 0;
    assert_true(array_grow(&a, &cap, 0, sizeof *a));
    assert_null(a);
    for (uint32_t i = 0; i < 10000; i++) {
        size_t before = cap;
        assert_true(array_grow(&a, &cap, i + 1, sizeof *a));
        assert_true(cap >= i + 1);
        assert_true(cap == before || cap >= 2 * before);
        changes += cap != before;
        a[i] = i;
    }
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(a[i], i);
    assert_true(changes <= 14); /* log2 of 10000 */
    assert_true(array_grow(&a, &cap, 100000, sizeof *a));
    assert_true(cap >= 100000);
    free(a);
}

static void an_array_that_cannot_grow_is_unchanged(void **state)
{
    (void)state;
    uint64_t *a = NULL;
    size_t cap = 0;
    assert_true(array_grow(&a, &cap, 3, sizeof *a));
    a[2] = 7;
    uint64_t *const before = a;
    const size_t cap_before = cap;
    static const size_t needs[] = {SIZE_MAX, SIZE_MAX / 8, SIZE_MAX / 8 + 1, SIZE_MAX / 8 + 2,
                                   PTRDIFF_MAX / 8 + 1};
    for (size_t i = 0; i < COUNT(needs); i++)
        assert_false(array_grow(&a, &cap, needs[i], sizeof *a));
    fault_fail_at(1);
    assert_false(array_grow(&a, &cap, 1000, sizeof *a));
    fault_off();
    assert_ptr_equal(a, before);
    assert_int_equal(cap, cap_before);
    assert_int_equal(a[2], 7);
    free(a);
}

/* ── arenas ── */

/* Fills with distinct bytes, so that overlap or movement shows.                                  */
static void arena_pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 256, SIZE_MAX);
    for (int round = 0; round < 3; round++) {
        enum { PIECES = 200 };
        unsigned char *pieces[PIECES];
        size_t asked = 0;
        for (size_t i = 0; i < PIECES; i++) {
            size_t n = i % 37 == 36 ? 1000 + i : i % 19; /* some larger than a block */
            pieces[i] = arena_alloc(&a, n);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            for (size_t k = 0; k < n; k++)
                assert_int_equal(pieces[i][k], 0);
            memset(pieces[i], (int)i + 1, n);
            asked += n;
        }
        assert_true(a.used >= asked && a.used <= asked + 16 * PIECES);
        for (size_t i = 0; i < PIECES; i++) {
            size_t n = i % 37 == 36 ? 1000 + i : i % 19;
            for (size_t k = 0; k < n; k++)
                assert_int_equal(pieces[i][k], (unsigned char)(i + 1));
        }
        arena_reset(&a);
        assert_int_equal(a.used, 0);
        assert_non_null(a.head); /* keeps one block */
    }
    arena_deinit(&a);
    assert_null(a.head);
    arena_deinit(&a);
}

static void an_arena_stops_at_its_limit(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64, 160);
    assert_null(arena_alloc(&a, 161));
    assert_int_equal(a.used, 0);
    for (int i = 0; i < 10; i++)
        assert_non_null(arena_alloc(&a, 16));
    assert_null(arena_alloc(&a, 1));
    assert_int_equal(a.used, 160);
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 160));
    arena_deinit(&a);

    arena_init(&a, 64, SIZE_MAX);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 40));
    assert_null(arena_strdup(&a, (struct str){"", SIZE_MAX}));
    arena_deinit(&a);
}

static void a_reset_arena_needs_no_memory_again(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096, SIZE_MAX);
    for (int round = 0; round < 5; round++) {
        fault_fail_at(0);
        for (int i = 0; i < 100; i++)
            assert_non_null(arena_alloc(&a, 40));
        fault_off();
        assert_true(round == 0 ? fault_count() > 1 : fault_count() <= 1);
        arena_reset(&a);
    }
    arena_deinit(&a);
}

static void an_arena_without_memory_gives_null(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64, SIZE_MAX);
    fault_fail_at(1);
    assert_null(arena_alloc(&a, 10));
    assert_int_equal(a.used, 0);
    char *p = arena_strdup(&a, STR("still here"));
    fault_fail_at(1);
    assert_null(arena_strdup(&a, (struct str){p, 0}) ? arena_alloc(&a, 64) : p);
    fault_off();
    assert_string_equal(p, "still here");
    arena_deinit(&a);
}

static void arena_copies_are_terminated(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 32, SIZE_MAX);
    assert_string_equal(arena_strdup(&a, STR_NONE), "");
    assert_string_equal(arena_strdup(&a, (struct str){"abcdef", 3}), "abc");
    assert_memory_equal(arena_strdup(&a, STR("a\0b")), "a\0b", 4);
    assert_string_equal(arena_strdup(&a, STR("exactly sixteen!")), "exactly sixteen!");
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_filled_once),
        cmocka_unit_test(an_error_may_have_nobody_to_hear_it),
        cmocka_unit_test(long_text_of_an_error_is_cut_between_characters),
        cmocka_unit_test(a_broken_assumption_says_where_and_aborts),
        cmocka_unit_test(blanks_are_trimmed_at_both_ends_only),
        cmocka_unit_test(slices_compare_by_length_and_bytes),
        cmocka_unit_test(a_builder_puts_everything_in_order),
        cmocka_unit_test(a_builder_stops_at_its_limit_and_keeps_its_text),
        cmocka_unit_test_teardown(a_builder_without_memory_keeps_its_text, memory_returns),
        cmocka_unit_test(an_array_grows_by_doubling_and_keeps_its_elements),
        cmocka_unit_test_teardown(an_array_that_cannot_grow_is_unchanged, memory_returns),
        cmocka_unit_test(arena_pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(an_arena_stops_at_its_limit),
        cmocka_unit_test_teardown(a_reset_arena_needs_no_memory_again, memory_returns),
        cmocka_unit_test_teardown(an_arena_without_memory_gives_null, memory_returns),
        cmocka_unit_test(arena_copies_are_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
