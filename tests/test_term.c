/* What a terminal shows: tables, bars, counts and progress. */
#include "base/prng.h"
#include "base/term.h"
#include "base/utf8.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { SEED = 11 };

/* A FILE that is memory.                                                                         */
struct screen {
    FILE *out;
    char *text;
    size_t n;
};

static void screen_open(struct screen *s)
{
    *s = (struct screen){0};
    s->out = open_memstream(&s->text, &s->n);
    assert_non_null(s->out);
}

static const char *screen_text(struct screen *s)
{
    assert_int_equal(fflush(s->out), 0);
    return s->text;
}

static void screen_close(struct screen *s)
{
    fclose(s->out);
    free(s->text);
}

/* ── tables ── */

static struct table *shop(void)
{
    static const struct table_column columns[] = {
        {"title", false}, {"author", false}, {"price", true}};
    struct table *t = table_new(columns, COUNT(columns));
    assert_non_null(t);
    static const char *const rows[][2] = {
        {"Snow Crash", "Neal Stephenson"},
        {"三体", "刘慈欣"},
        {"Cafe\u0301", "x"},
        {"", "nobody"},
    };
    static const int prices[] = {1299, 8, 100000, 5};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(table_cell(t, str_of(rows[i][0])));
        assert_true(table_cell(t, str_of(rows[i][1])));
        assert_true(table_cellf(t, "%d", prices[i]));
    }
    return t;
}

static void assert_printed(const struct table *t, int width, const char *expected)
{
    struct screen s;
    screen_open(&s);
    assert_true(table_print(t, s.out, width));
    assert_string_equal(screen_text(&s), expected);
    screen_close(&s);
}

static void columns_align_whatever_the_script(void **state)
{
    (void)state;
    struct table *t = shop();
    assert_printed(t, 0,
                   "title       author            price\n"
                   "Snow Crash  Neal Stephenson    1299\n"
                   "三体        刘慈欣                8\n"
                   "Cafe\u0301        x                100000\n"
                   "            nobody                5\n");
    table_free(t);
}

static void text_is_cut_with_an_ellipsis_before_numbers_are(void **state)
{
    (void)state;
    struct table *t = shop();
    assert_printed(t, 28,
                   "title      author      price\n"
                   "Snow Cra…  Neal Ste…    1299\n"
                   "三体       刘慈欣          8\n"
                   "Cafe\u0301       x          100000\n"
                   "           nobody          5\n");
    table_free(t);
}

static void the_widest_column_is_spared_when_it_is_of_numbers(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{"", true}, {"", false}, {"", false}};
    struct table *t = table_new(columns, 3);
    assert_non_null(t);
    assert_true(table_cell(t, STR("12345678901234567890")));
    assert_true(table_cell(t, STR("twelve chars")));
    assert_true(table_cell(t, STR("ten chars.")));
    assert_printed(t, 42, "12345678901234567890  twelve c…  ten char…\n");
    assert_printed(t, 40, "12345678901234567890  twelve …  ten cha…\n");
    assert_printed(t, 39, "123456789012345678…  twelve …  ten cha…\n");
    assert_printed(t, 8, "…  …  t…\n");
    table_free(t);
}

static void a_wide_character_is_not_cut_in_half(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{"", false}, {"", true}};
    struct table *t = table_new(columns, 2);
    assert_non_null(t);
    assert_true(table_cell(t, STR("刘慈欣刘慈欣刘慈欣")));
    assert_true(table_cell(t, STR("7")));
    assert_true(table_cell(t, STR("123456789012345678")));
    assert_true(table_cell(t, STR("8")));
    assert_printed(t, 11,
                   "刘慈欣…   7\n"
                   "1234567…  8\n");
    assert_printed(t, 12,
                   "刘慈欣刘…  7\n"
                   "12345678…  8\n");
    table_free(t);
}

static void an_untitled_table_has_no_title_line_and_a_short_row_is_filled(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{NULL, false}, {"", false}, {NULL, true}};
    struct table *t = table_new(columns, 3);
    assert_non_null(t);
    assert_printed(t, 0, "");
    assert_true(table_cell(t, STR("a")));
    assert_true(table_cell(t, STR("b")));
    assert_true(table_cell(t, STR("3")));
    assert_true(table_cell(t, STR("long")));
    assert_printed(t, 0, "a     b  3\nlong\n");
    table_free(t);
}

static void a_title_alone_is_printed(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{"n", true}};
    struct table *t = table_new(columns, 1);
    assert_non_null(t);
    assert_printed(t, 0, "n\n");
    table_free(t);
}

static void a_cell_cannot_steer_the_terminal(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{"x", false}};
    struct table *t = table_new(columns, 1);
    assert_non_null(t);
    assert_true(table_cell(t, STR("a\x1b[2Jb")));
    assert_true(table_cell(t, STR("two\nlines\tand\rmore")));
    assert_true(table_cell(t, STR("\302\23331m"))); /* U+009B, CSI in one character */
    assert_true(table_cell(t, STR("bad\xff\x80")));
    assert_true(table_cell(t, STR("del\x7f")));
    assert_printed(t, 0,
                   "x\n"
                   "a\uFFFD[2Jb\n"
                   "two lines and more\n"
                   "\uFFFD31m\n"
                   "bad\uFFFD\uFFFD\n"
                   "del\uFFFD\n");
    table_free(t);
}

static void a_formatted_cell_may_be_long(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{"", false}};
    struct table *t = table_new(columns, 1);
    assert_non_null(t);
    char expected[1002];
    for (int i = 0; i < 1000; i++)
        expected[i] = '0';
    expected[1000] = '\n';
    expected[1001] = '\0';
    assert_true(table_cellf(t, "%01000d", 0));
    assert_printed(t, 0, expected);
    table_free(t);
    table_free(NULL);
}

static void append_random_text(struct prng *r, struct strbuf *b)
{
    static const char *const pieces[] = {"a", "Z9", "三", "é", "e\u0301", "한", "🙂", " ", "—"};
    for (uint64_t n = prng_below(r, 20); n > 0; n--)
        strbuf_puts(b, pieces[prng_below(r, COUNT(pieces))]);
}

static void no_line_of_any_table_passes_the_width(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED);
    for (int trial = 0; trial < 400; trial++) {
        struct table_column columns[8];
        size_t n = 1 + prng_below(&r, COUNT(columns));
        for (size_t c = 0; c < n; c++)
            columns[c] =
                (struct table_column){prng_below(&r, 2) ? "title" : "三体", prng_below(&r, 2) == 0};
        struct table *t = table_new(columns, n);
        assert_non_null(t);
        size_t cells = n * (1 + prng_below(&r, 5));
        struct strbuf text;
        strbuf_init(&text, 1 << 16);
        for (size_t i = 0; i < cells; i++) {
            strbuf_clear(&text);
            append_random_text(&r, &text);
            assert_true(table_cell(t, (struct str){strbuf_text(&text), text.n}));
        }
        strbuf_deinit(&text);
        int width = 1 + (int)prng_below(&r, 100);
        struct screen s;
        screen_open(&s);
        assert_true(table_print(t, s.out, width));
        const char *p = screen_text(&s);
        size_t lines = 0;
        for (const char *end; (end = strchr(p, '\n')) != NULL; p = end + 1, lines++) {
            struct str line = {p, (size_t)(end - p)};
            if (utf8_width(line) > (size_t)width || utf8_invalid_at(line) != line.n)
                fail_msg("seed %d, trial %d, width %d: \"%.*s\"", SEED, trial, width,
                         STR_ARG(line));
        }
        assert_int_equal(lines, 1 + cells / n);
        screen_close(&s);
        table_free(t);
    }
}

/* ── bars ── */

static void a_bar_fills_its_share_of_the_cells(void **state)
{
    (void)state;
    static const struct {
        double value, max;
        int columns;
        bool ascii;
        const char *text;
    } rows[] = {
        {0, 10, 4, false, "    "},
        {10, 10, 4, false, "████"},
        {5, 10, 4, false, "██  "},
        {1, 32, 4, false, "▏   "},
        {2, 32, 4, false, "▎   "},
        {3, 32, 4, false, "▍   "},
        {4, 32, 4, false, "▌   "},
        {5, 32, 4, false, "▋   "},
        {6, 32, 4, false, "▊   "},
        {7, 32, 4, false, "▉   "},
        {8, 32, 4, false, "█   "},
        {31.9, 32, 4, false, "███▉"}, /* full only when full */
        {0.7, 1, 10, false, "███████   "},
        {15, 22, 11, false, "███████▌   "}, /* 60 eighths, though 15.0 / 22 * 88 is below 60 */
        {20, 10, 4, false, "████"},
        {-1, 10, 4, false, "    "},
        {1, 0, 4, false, "    "},
        {NAN, 10, 4, false, "    "},
        {1, NAN, 4, false, "    "},
        {INFINITY, 10, 4, false, "████"},
        {1, INFINITY, 4, false, "    "},
        {3, 10, 10, true, "###       "},
        {9.99, 10, 10, true, "######### "},
        {10, 10, 10, true, "##########"},
        {5, 10, 0, false, ""},
        {5, 10, -3, false, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct screen s;
        screen_open(&s);
        bar_print(s.out, rows[i].value, rows[i].max, rows[i].columns, rows[i].ascii);
        if (strcmp(screen_text(&s), rows[i].text) != 0)
            fail_msg("row %zu: expected \"%s\", got \"%s\"", i, rows[i].text, s.text);
        screen_close(&s);
    }
}

/* ── counts ── */

static void counts_are_short_and_never_show_a_thousand(void **state)
{
    (void)state;
    static const struct {
        double n;
        const char *text;
    } rows[] = {
        {0, "0"},
        {12, "12"},
        {999, "999"},
        {0.5, "0.5"},
        {12.3, "12"},
        {999.4, "999"},
        {999.6, "1.0 k"},
        {1000, "1.0 k"},
        {1234, "1.2 k"},
        {9940, "9.9 k"},
        {9960, "10 k"},
        {340000, "340 k"},
        {999499, "999 k"},
        {999500, "1.0 M"},
        {1200000, "1.2 M"},
        {2.5e9, "2.5 G"},
        {7e12, "7.0 T"},
        {7e15, "7.0 P"},
        {18446744073709551615.0, "18 E"},
        {1e21, "1.0e+21"},
        {1e300, "1.0e+300"},
        {-1234, "-1.2 k"},
        {-5, "-5"},
        {-0.0, "0"},
        {INFINITY, "inf"},
        {-1e300, "-1.0e+300"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buf[16];
        assert_string_equal(human_count(rows[i].n, buf), rows[i].text);
    }
}

/* ── progress ── */

static void progress_is_silent_unless_enabled(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s);
    struct progress p;
    progress_init(&p, s.out, false, "import", "events", 100, 80, 0);
    for (int i = 0; i <= 100; i++)
        progress_update(&p, (uint64_t)i, (uint64_t)i, i * 1000);
    progress_done(&p);
    assert_string_equal(screen_text(&s), "");
    screen_close(&s);
}

static void progress_shows_what_bar_percent_rate_and_eta(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s);
    struct progress p;
    progress_init(&p, s.out, true, "import", "events", 1000, 70, 5000);
    /* A quarter in 10 s, 5 k a second, 30 s to go; 26 of 69 columns are left for the bar. */
    progress_update(&p, 250, 50000, 15000);
    assert_string_equal(screen_text(&s),
                        "\rimport  [██████▌                   ]   25 %  5.0 k events/s  ETA 0:30"
                        "\x1b[K");
    screen_close(&s);
}

static void progress_of_unknown_length_shows_count_and_rate(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s);
    struct progress p;
    progress_init(&p, s.out, true, "import", "events", 0, 80, 0);
    progress_update(&p, 12345, 3000, 2000);
    assert_string_equal(screen_text(&s), "\rimport  3.0 k events  1.5 k events/s\x1b[K");
    progress_done(&p);
    assert_string_equal(screen_text(&s), "\rimport  3.0 k events  1.5 k events/s\x1b[K\r\x1b[K");
    screen_close(&s);
}

static void progress_is_drawn_ten_times_a_second_at_most(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s);
    struct progress p;
    progress_init(&p, s.out, true, "import", "events", 5000, 80, 0);
    for (int ms = 0; ms < 5000; ms++) /* five seconds, a call a millisecond */
        progress_update(&p, (uint64_t)ms, (uint64_t)ms, ms);
    size_t drawn = 0;
    for (const char *at = screen_text(&s); (at = strchr(at, '\r')) != NULL; at++)
        drawn++;
    assert_int_equal(drawn, 50);
    screen_close(&s);
}

static void progress_that_never_drew_clears_nothing(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s);
    struct progress p;
    progress_init(&p, s.out, true, "import", "events", 10, 80, 1000);
    progress_done(&p);
    assert_string_equal(screen_text(&s), "");
    screen_close(&s);
}

static void progress_goes_on_to_the_next_bar(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s);
    struct progress p;
    progress_init(&p, s.out, true, "read", "rows", 0, 80, 0);
    progress_update(&p, 10, 10, 1000);
    progress_done(&p);
    progress_update(&p, 20, 20, 2000); /* over */
    progress_done(&p);
    progress_init(&p, p.out, p.enabled, "train", "rows", 0, p.width, 3000);
    progress_update(&p, 30, 30, 4000);
    assert_string_equal(screen_text(&s), "\rread  10 rows  10 rows/s\x1b[K\r\x1b[K"
                                         "\rtrain  30 rows  30 rows/s\x1b[K");
    screen_close(&s);
}

static void progress_fits_any_terminal_and_any_title(void **state)
{
    (void)state;
    static const char *const titles[] = {
        "",
        "x",
        "三体三体三体三体三体三体三体三体三体三体三体三体三体三体三体三体三体三体三体三体三体三体",
        "a\nb\x1b[2J\302\233c\377",
    };
    for (size_t i = 0; i < COUNT(titles); i++)
        for (int width = -1; width <= 120; width++) {
            struct screen s;
            screen_open(&s);
            struct progress p;
            progress_init(&p, s.out, true, titles[i], "bytes", 1000, width, 0);
            progress_update(&p, 2000, UINT64_MAX, 3600000); /* past its total: still 100 % */
            struct str line = str_of(screen_text(&s));
            assert_true(str_starts(line, "\r"));
            line = (struct str){line.p + 1, line.n - 1};
            assert_true(line.n >= 3 && memcmp(line.p + line.n - 3, "\x1b[K", 3) == 0);
            line.n -= 3;
            size_t limit = width > 0 ? (size_t)width - 1 : 79;
            bool steered = memchr(line.p, '\x1b', line.n) || memchr(line.p, '\n', line.n) ||
                           strstr(line.p, "\302\233");
            if (utf8_width(line) > limit || utf8_invalid_at(line) != line.n || steered)
                fail_msg("title %zu, width %d: \"%.*s\"", i, width, STR_ARG(line));
            if (width == 120 && !strstr(line.p, "  100 %"))
                fail_msg("title %zu: \"%.*s\"", i, STR_ARG(line));
            screen_close(&s);
        }
}

static void a_file_that_is_no_terminal_has_the_fallback_width(void **state)
{
    (void)state;
    struct screen s;
    screen_open(&s);
    assert_int_equal(term_width(s.out, 77), 77);
    screen_close(&s);
    FILE *null = fopen("/dev/null", "w");
    assert_non_null(null);
    assert_int_equal(term_width(null, 66), 66);
    fclose(null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_align_whatever_the_script),
        cmocka_unit_test(text_is_cut_with_an_ellipsis_before_numbers_are),
        cmocka_unit_test(the_widest_column_is_spared_when_it_is_of_numbers),
        cmocka_unit_test(a_wide_character_is_not_cut_in_half),
        cmocka_unit_test(an_untitled_table_has_no_title_line_and_a_short_row_is_filled),
        cmocka_unit_test(a_title_alone_is_printed),
        cmocka_unit_test(a_cell_cannot_steer_the_terminal),
        cmocka_unit_test(a_formatted_cell_may_be_long),
        cmocka_unit_test(no_line_of_any_table_passes_the_width),
        cmocka_unit_test(a_bar_fills_its_share_of_the_cells),
        cmocka_unit_test(counts_are_short_and_never_show_a_thousand),
        cmocka_unit_test(progress_is_silent_unless_enabled),
        cmocka_unit_test(progress_shows_what_bar_percent_rate_and_eta),
        cmocka_unit_test(progress_of_unknown_length_shows_count_and_rate),
        cmocka_unit_test(progress_is_drawn_ten_times_a_second_at_most),
        cmocka_unit_test(progress_that_never_drew_clears_nothing),
        cmocka_unit_test(progress_goes_on_to_the_next_bar),
        cmocka_unit_test(progress_fits_any_terminal_and_any_title),
        cmocka_unit_test(a_file_that_is_no_terminal_has_the_fallback_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
