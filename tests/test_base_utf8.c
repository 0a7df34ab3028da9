/* UTF-8 against Kuhn's stress test, a naive decoder, and Unicode's widths. */
#include "base/hash.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BYTES(literal) literal, sizeof(literal) - 1
enum { VALID = -1 };

/* Source: M. Kuhn, "UTF-8 decoder capability and stress test" (2015-08-28), by section; sequences
 * it allows for being in ISO 10646 of old and RFC 3629 does not are invalid here. */
static const struct {
    const char *section, *p;
    size_t n;
    int invalid_at;
} stress[] = {
    {"1", BYTES("κόσμε"), VALID},
    {"2.1.1", BYTES("\x00"), VALID},
    {"2.1.2", BYTES("\xc2\x80"), VALID},
    {"2.1.3", BYTES("\xe0\xa0\x80"), VALID},
    {"2.1.4", BYTES("\xf0\x90\x80\x80"), VALID},
    {"2.1.5", BYTES("\xf8\x88\x80\x80\x80"), 0},
    {"2.1.6", BYTES("\xfc\x84\x80\x80\x80\x80"), 0},
    {"2.2.1", BYTES("\x7f"), VALID},
    {"2.2.2", BYTES("\xdf\xbf"), VALID},
    {"2.2.3", BYTES("\xef\xbf\xbf"), VALID},
    {"2.2.4", BYTES("\xf7\xbf\xbf\xbf"), 0},
    {"2.2.5", BYTES("\xfb\xbf\xbf\xbf\xbf"), 0},
    {"2.2.6", BYTES("\xfd\xbf\xbf\xbf\xbf\xbf"), 0},
    {"2.3.1", BYTES("\xed\x9f\xbf"), VALID},
    {"2.3.2", BYTES("\xee\x80\x80"), VALID},
    {"2.3.3", BYTES("\xef\xbf\xbd"), VALID},
    {"2.3.4", BYTES("\xf4\x8f\xbf\xbf"), VALID},
    {"2.3.5", BYTES("\xf4\x90\x80\x80"), 0},
    {"3.1.1", BYTES("\x80"), 0},
    {"3.1.2", BYTES("\xbf"), 0},
    {"3.1.3", BYTES("\x80\xbf"), 0},
    {"3.1.4", BYTES("\x80\xbf\x80"), 0},
    {"3.2.1", BYTES("\xc0 \xc1 "), 0},
    {"3.2.1", BYTES("\xc2 "), 0},
    {"3.2.1", BYTES("\xdf "), 0},
    {"3.2.2", BYTES("\xe0 "), 0},
    {"3.2.2", BYTES("\xef "), 0},
    {"3.2.3", BYTES("\xf0 "), 0},
    {"3.2.3", BYTES("\xf7 "), 0},
    {"3.2.4", BYTES("\xf8 "), 0},
    {"3.2.5", BYTES("\xfc "), 0},
    {"3.3.1", BYTES("\xc0"), 0},
    {"3.3.2", BYTES("\xe0\x80"), 0},
    {"3.3.3", BYTES("\xf0\x80\x80"), 0},
    {"3.3.4", BYTES("\xf8\x80\x80\x80"), 0},
    {"3.3.5", BYTES("\xfc\x80\x80\x80\x80"), 0},
    {"3.3.6", BYTES("\xdf"), 0},
    {"3.3.7", BYTES("\xef\xbf"), 0},
    {"3.3.8", BYTES("\xf7\xbf\xbf"), 0},
    {"3.3.9", BYTES("\xfb\xbf\xbf\xbf"), 0},
    {"3.3.10", BYTES("\xfd\xbf\xbf\xbf\xbf"), 0},
    {"3.4", BYTES("\xe0\xa0\xf0\x90\x80\xdf\xef\xbf"), 0},
    {"3.5.1", BYTES("\xfe"), 0},
    {"3.5.2", BYTES("\xff"), 0},
    {"3.5.3", BYTES("\xfe\xfe\xff\xff"), 0},
    {"4.1.1", BYTES("\xc0\xaf"), 0},
    {"4.1.2", BYTES("\xe0\x80\xaf"), 0},
    {"4.1.3", BYTES("\xf0\x80\x80\xaf"), 0},
    {"4.1.4", BYTES("\xf8\x80\x80\x80\xaf"), 0},
    {"4.1.5", BYTES("\xfc\x80\x80\x80\x80\xaf"), 0},
    {"4.2.1", BYTES("\xc1\xbf"), 0},
    {"4.2.2", BYTES("\xe0\x9f\xbf"), 0},
    {"4.2.3", BYTES("\xf0\x8f\xbf\xbf"), 0},
    {"4.2.4", BYTES("\xf8\x87\xbf\xbf\xbf"), 0},
    {"4.2.5", BYTES("\xfc\x83\xbf\xbf\xbf\xbf"), 0},
    {"4.3.1", BYTES("\xc0\x80"), 0},
    {"4.3.2", BYTES("\xe0\x80\x80"), 0},
    {"4.3.3", BYTES("\xf0\x80\x80\x80"), 0},
    {"4.3.4", BYTES("\xf8\x80\x80\x80\x80"), 0},
    {"4.3.5", BYTES("\xfc\x80\x80\x80\x80\x80"), 0},
    {"5.1.1", BYTES("\xed\xa0\x80"), 0},
    {"5.1.2", BYTES("\xed\xad\xbf"), 0},
    {"5.1.3", BYTES("\xed\xae\x80"), 0},
    {"5.1.4", BYTES("\xed\xaf\xbf"), 0},
    {"5.1.5", BYTES("\xed\xb0\x80"), 0},
    {"5.1.6", BYTES("\xed\xbe\x80"), 0},
    {"5.1.7", BYTES("\xed\xbf\xbf"), 0},
    {"5.2.1", BYTES("\xed\xa0\x80\xed\xb0\x80"), 0},
    {"5.2.8", BYTES("\xed\xaf\xbf\xed\xbf\xbf"), 0},
    {"5.3.1", BYTES("\xef\xbf\xbe"), VALID}, /* noncharacters are well formed */
    {"5.3.2", BYTES("\xef\xbf\xbf"), VALID},
    {"5.3.3", BYTES("\xef\xb7\x90\xef\xb7\xaf"), VALID},
    {"5.3.4", BYTES("\xf0\x9f\xbf\xbe\xf0\x9f\xbf\xbf"), VALID},
    {"RFC 3629, 7", BYTES("A\xe2\x89\xa2\xce\x91."), VALID},
    {"RFC 3629, 7", BYTES("\xef\xbb\xbf\xf0\xa3\x8e\xb4"), VALID},
    {"RFC 3629, 10", BYTES("/\xc0\xae./"), 1},
    {"none", BYTES(""), VALID},
};

/* Every row stands by itself, and behind and before ASCII of every length up to two steps.       */
static void the_stress_test_is_judged_as_rfc_3629_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stress); i++)
        for (size_t before = 0; before <= 17; before++)
            for (size_t after = 0; after <= 17; after += before % 2 ? 1 : 17) {
                char text[64];
                memset(text, 'x', sizeof text);
                memcpy(text + before, stress[i].p, stress[i].n);
                size_t n = before + stress[i].n + after;
                size_t expected =
                    stress[i].invalid_at == VALID ? n : before + (size_t)stress[i].invalid_at;
                size_t got = utf8_invalid_at((struct str){text, n});
                if (got != expected)
                    fail_msg("%s, %zu before, %zu after: expected %zu, got %zu", stress[i].section,
                             before, after, expected, got);
            }
    assert_int_equal(utf8_invalid_at(STR_NONE), 0);
}

/* The plain definition: value from the bits, then what RFC 3629 excludes. Bytes taken, or 0. */
static size_t naive(const unsigned char *p, size_t n, uint32_t *value)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t ones = 0;
    while (ones < 8 && (p[0] & 0x80u >> ones))
        ones++;
    if (ones == 0) {
        *value = p[0];
        return 1;
    }
    if (ones == 1 || ones > 4 || n < ones)
        return 0;
    *value = p[0] & (0x7fu >> ones);
    for (size_t i = 1; i < ones; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        *value = *value << 6 | (p[i] & 0x3fu);
    }
    bool surrogate = *value >= 0xd800 && *value <= 0xdfff;
    return *value < least[ones] || *value > 0x10ffff || surrogate ? 0 : ones;
}

/* All sequences of four of the bytes at which anything changes, after eight, or three, of ASCII. */
static void sequences_of_boundary_bytes_are_judged_as_a_naive_decoder_does(void **state)
{
    (void)state;
    static const unsigned char edge[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                         0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                         0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};
    const size_t k = COUNT(edge);
    for (size_t i = 0; i < k * k * k * k; i++) {
        unsigned char text[12] = "abcdefgh";
        size_t from = i % 3 ? 8 : 3;
        unsigned char *p = text + from;
        p[0] = edge[i % k];
        p[1] = edge[i / k % k];
        p[2] = edge[i / k / k % k];
        p[3] = edge[i / k / k / k];
        struct str s = {(const char *)text, from + 4};
        size_t expected = 0;
        uint32_t value = 0;
        for (size_t step; expected < s.n; expected += step)
            if (!(step = naive(text + expected, s.n - expected, &value)))
                break;
        if (utf8_invalid_at(s) != expected)
            fail_msg("%02x %02x %02x %02x: expected %zu, got %zu", p[0], p[1], p[2], p[3],
                     expected - from, utf8_invalid_at(s) - from);
        size_t at = from, taken = naive(p, 4, &value);
        uint32_t got = utf8_next(s, &at);
        assert_int_equal(got, taken ? value : 0xfffd);
        assert_int_equal(at - from, taken ? taken : 1);
    }
}

static void every_code_point_is_decoded(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        unsigned char p[4];
        size_t n;
        if (c < 0x80) {
            p[0] = (unsigned char)c;
            n = 1;
        } else if (c < 0x800) {
            p[0] = (unsigned char)(0xc0 | c >> 6);
            n = 2;
        } else if (c < 0x10000) {
            p[0] = (unsigned char)(0xe0 | c >> 12);
            n = 3;
        } else {
            p[0] = (unsigned char)(0xf0 | c >> 18);
            n = 4;
        }
        for (size_t i = 1; i < n; i++)
            p[i] = (unsigned char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
        struct str s = {(const char *)p, n};
        bool surrogate = c >= 0xd800 && c <= 0xdfff;
        size_t at = 0;
        uint32_t got = utf8_next(s, &at);
        if (got != (surrogate ? 0xfffd : c) || at != (surrogate ? 1 : n) ||
            utf8_invalid_at(s) != (surrogate ? 0 : n))
            fail_msg("U+%04X: got U+%04X, %zu bytes", c, got, at);
    }
}

/* Source: Unicode Standard Annex 11, East Asian Width, of the row's class; general category Mn,
 * Me, Cc and Cf take no column, as in M. Kuhn's wcwidth. */
static void widths_are_those_of_a_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
    } rows[] = {
        {"", 0},
        {"plain", 5},
        {"a\tb\n\x7f\x01", 2},    /* C0 controls, DEL */
        {"\xc2\x85", 0},          /* C1 control */
        {"é", 1},                 /* U+00E9, neutral */
        {"e\xcc\x81", 1},         /* e, U+0301 combining acute */
        {"\xcc\x81", 0},          /* alone */
        {"Ελλάδα", 6},            /* ambiguous is narrow */
        {"中文字", 6},            /* wide */
        {"ひらがなカタカナ", 16}, /* wide */
        {"한국어", 6},            /* wide, composed */
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab",
         2},                 /* the first of them decomposed: U+1112 1161 11AB */
        {"Ａ１", 4},         /* fullwidth */
        {"ｱｲ", 2},           /* halfwidth */
        {"\xe3\x80\x80", 2}, /* U+3000 ideographic space */
        {"、。", 4},
        {"😀🎮", 4},                               /* emoji presentation is wide */
        {"⌚⚡", 4},                               /* U+231A, U+26A1, emoji presentation */
        {"❤", 1},                                /* U+2764, text presentation */
        {"\xf0\x9f\x87\xab\xf0\x9f\x87\xb7", 2}, /* U+1F1EB 1F1F7, a flag of two letters */
        {"a\xe2\x80\x8b"
         "b\xe2\x80\x8d"
         "c",
         3},                   /* U+200B, U+200D */
        {"\xe2\x83\x9d", 0},   /* U+20DD, enclosing */
        {"กำ\xe0\xb8\xb1", 2}, /* Thai with U+0E31 */
        {"▏█…", 3},            /* what bars and tables draw */
        {"𠀀", 2},             /* U+20000, plane 2 */
        {"\xff", 1},           /* invalid: as U+FFFD */
        {"中\xe4\xb8", 4},     /* cut short: two invalid bytes */
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (utf8_width(str_of(rows[i].text)) != rows[i].columns)
            fail_msg("'%s': expected %zu columns, got %zu", rows[i].text, rows[i].columns,
                     utf8_width(str_of(rows[i].text)));
    assert_int_equal(utf8_width(STR("a\0b")), 2);
    assert_int_equal(utf8_width(STR_NONE), 0);
}

static void a_cut_is_the_longest_between_characters(void **state)
{
    (void)state;
    const struct str rows[] = {STR(""),   STR("abc"),      STR("é€😀a"),
                               STR("😀😀"), STR("中文\0字"), STR("e\xcc\x81")};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t limit = 0; limit <= rows[i].n + 2; limit++) {
            size_t expected = 0;
            for (size_t at = 0; at <= limit && at <= rows[i].n;) {
                expected = at;
                if (at == rows[i].n)
                    break;
                utf8_next(rows[i], &at);
            }
            assert_int_equal(utf8_cut(rows[i], limit), expected);
        }
}

/* In text that is not valid, stray bytes stand for themselves and characters stay whole.         */
static void a_cut_of_invalid_text_spares_the_characters_in_it(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        static const unsigned char some[] = {'a', 0x80, 0xbf, 0x9f, 0xc3, 0xe2, 0xf0, 0xff};
        char text[12];
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (char)some[hash_u64(seed * 100 + i) % COUNT(some)];
        struct str s = {text, sizeof text};
        for (size_t limit = 0; limit <= s.n; limit++) {
            size_t expected = 0;
            for (size_t at = 0; at <= limit && at < s.n; utf8_next(s, &at))
                expected = at;
            if (limit == s.n)
                expected = s.n;
            if (utf8_cut(s, limit) != expected)
                fail_msg("seed %d, limit %zu: expected %zu, got %zu", (int)seed, limit, expected,
                         utf8_cut(s, limit));
        }
    }
}

/* Columns 1 and 2 of Unicode's NormalizationTest.txt (Part 0 to 2): NFC of the first is the second.
 */
static void normal_form_c_is_told_as_unicode_says(void **state)
{
    (void)state;
    static const struct {
        const char *text, *nfc;
    } rows[] = {
        {"", ""},
        {"ann", "ann"},
        {"\xe1\xb8\x8a", "\xe1\xb8\x8a"},              /* 1E0A */
        {"D\xcc\x87", "\xe1\xb8\x8a"},                 /* 0044 0307 */
        {"D\xcc\x87\xcc\xa3", "\xe1\xb8\x8c\xcc\x87"}, /* 0044 0307 0323 -> 1E0C 0307 */
        {"\xe2\x84\xab", "\xc3\x85"},                  /* 212B, the unit -> 00C5, the letter */
        {"\xe2\x84\xa6", "\xce\xa9"},                  /* 2126 ohm -> 03A9 */
        {"\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80"},  /* 1100 1161 -> AC00 */
        {"\xef\xa4\x80", "\xe8\xb1\x88"},              /* F900, a compatibility ideograph -> 8C48 */
        {"\xf0\xaf\xa0\x80", "\xe4\xb8\xbd"},          /* 2F800 -> 4E3D */
        {"\xe1\xbe\x82", "\xe1\xbe\x82"},              /* 1F82: four code points when taken apart */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (utf8_is_nfc(str_of(rows[i].text)) != (strcmp(rows[i].text, rows[i].nfc) == 0) ||
            !utf8_is_nfc(str_of(rows[i].nfc)))
            fail_msg("row %zu", i);
    }
    char longest[65] = "";
    for (size_t i = 0; i < 21; i++)
        memcpy(longest + 3 * i, "\xe1\xbe\x82", 4);
    assert_true(utf8_is_nfc(str_of(longest)));
}

static void blanks_at_the_edges_and_controls_anywhere_are_seen(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool blank, control;
    } rows[] = {
        {"", false, false},
        {"a b", false, false},
        {" a", true, false},
        {"a ", true, false},
        {" ", true, false},
        {"\xc2\xa0"
         "a",
         true, false},                  /* no-break space */
        {"a\xe3\x80\x80", true, false}, /* ideographic space */
        {"a\xe2\x80\xa8", true, false}, /* line separator */
        {"\xe4\xb8\xad\xe6\x96\x87", false, false},
        {"a\tb", false, true},
        {"a\x7f", false, true},
        {"a\xc2\x85"
         "b",
         false, true},              /* C1: next line */
        {"\xc2\xa1", false, false}, /* just past C1 and the no-break space */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str s = str_of(rows[i].text);
        if (utf8_blank_edge(s) != rows[i].blank || utf8_has_control(s) != rows[i].control)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stress_test_is_judged_as_rfc_3629_says),
        cmocka_unit_test(sequences_of_boundary_bytes_are_judged_as_a_naive_decoder_does),
        cmocka_unit_test(every_code_point_is_decoded),
        cmocka_unit_test(widths_are_those_of_a_terminal),
        cmocka_unit_test(a_cut_is_the_longest_between_characters),
        cmocka_unit_test(a_cut_of_invalid_text_spares_the_characters_in_it),
        cmocka_unit_test(normal_form_c_is_told_as_unicode_says),
        cmocka_unit_test(blanks_at_the_edges_and_controls_anywhere_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
