#include "base/jsonl.h"
#include "base/prng.h"
#include "json_twin.h"
#include "pieces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TEXT(s) s, sizeof(s) - 1

static const struct {
    const char *text;
    size_t n;
    const char *where; /* NULL: accepted */
} nasties[] = {
    {TEXT("{}"), NULL},
    {TEXT(" \t{ \"a\" : 1 , \"b\":\"x\" } \r"), NULL},
    {TEXT("{\"a\":true,\"b\":false,\"c\":null,\"\":\"\"}"), NULL},
    {TEXT("{\"a\":-0,\"b\":0.5e-3,\"c\":1E+2,\"d\":-9223372036854775808}"), NULL},
    {TEXT("{\"a\":9223372036854775807}"), NULL},
    {TEXT("{\"a\":9223372036854775808}"), "column 6"},
    {TEXT("{\"a\":-9223372036854775809}"), "column 6"},
    {TEXT("{\"a\":1.7976931348623157e308}"), NULL},
    {TEXT("{\"a\":1.7976931348623158079e308}"), NULL},
    {TEXT("{\"a\":1.7976931348623159e308}"), "column 6"},
    {TEXT("{\"a\":0.00017976931348623157e312}"), NULL},
    {TEXT("{\"a\":1e309}"), "column 6"},
    {TEXT("{\"a\":-1e99999999999999999999}"), "column 6"},
    {TEXT("{\"a\":0e99999999999999999999}"), NULL},
    {TEXT("{\"a\":1e-99999999999999999999}"), NULL},
    {TEXT("{\"a\":01}"), "column 6"},
    {TEXT("{\"a\":-}"), "column 7"},
    {TEXT("{\"a\":1.}"), "column 8"},
    {TEXT("{\"a\":.5}"), "column 6"},
    {TEXT("{\"a\":1e}"), "column 8"},
    {TEXT("{\"a\":+1}"), "column 6"},
    {TEXT("{\"a\":NaN}"), "column 6"},
    {TEXT("{\"a\":0x10}"), "column 7"},
    {TEXT("{\"a\":tru}"), "column 6"},
    {TEXT("{\"a\":truely}"), "column 10"},
    {TEXT("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u6ce8\\uD83D\\uDC40\"}"), NULL},
    {TEXT("{\"a\":\"\\u0000\"}"), "column 7"},
    {TEXT("{\"a\":\"\\ud800\"}"), "column 7"},
    {TEXT("{\"a\":\"\\ud800\\u0041\"}"), "column 7"},
    {TEXT("{\"a\":\"\\udc00\"}"), "column 7"},
    {TEXT("{\"a\":\"\\u12g4\"}"), "column 11"},
    {TEXT("{\"a\":\"\\x41\"}"), "column 7"},
    {TEXT("{\"a\":\"\\"), "column 7"},
    {TEXT("{\"a\":\"\t\"}"), "column 7"},
    {TEXT("{\"a\":\"\0\"}"), "column 7"},
    {TEXT("{\"a\":\"\x7f\xf4\x8f\xbf\xbf\"}"), NULL},
    {TEXT("{\"\xc3\xa9\":\"\xff\"}"), "column 7"},
    {TEXT("{\"a\":\"\xed\xa0\x80\"}"), "column 7"},
    {TEXT("{\"a\":\"\xc0\xaf\"}"), "column 7"},
    {TEXT("{\"a\":\"\xe6\xb3\"}"), "column 7"},
    {TEXT("{\"a\":1,\"a\":2}"), "column 8"},
    {TEXT("{\"a\":1,\"\\u0061\":2}"), "column 8"},
    {TEXT("{\"a\":1,}"), "column 8"},
    {TEXT("{,}"), "column 2"},
    {TEXT("{\"a\" 1}"), "column 6"},
    {TEXT("{\"a\":}"), "column 6"},
    {TEXT("{a:1}"), "column 2"},
    {TEXT("{'a':1}"), "column 2"},
    {TEXT("{\"a\":1 \"b\":2}"), "column 8"},
    {TEXT("{\"a\":1"), "column 7"},
    {TEXT("{\"a\":\"x"), "column 6"},
    {TEXT("{\"a\":1}}"), "column 8"},
    {TEXT("{\"a\":1}{\"a\":1}"), "column 8"},
    {TEXT("{\"a\":1} //"), "column 9"},
    {TEXT("[1]"), "column 1"},
    {TEXT("\"a\""), "column 1"},
    {TEXT(""), "column 1"},
    {TEXT("\xef\xbb\xbf{}"), "column 1"},
    {TEXT("{\"a\":[1,[],{\"b\":{\"a\":\"}]\"}}]}"), NULL},
    {TEXT("{\"a\":[1,2}"), "column 10"},
    {TEXT("{\"a\":[1,]}"), "column 9"},
    {TEXT("{\"a\":{\"b\":1,\"b\":2}}"), "column 13"},
    {TEXT("{\"a\":{\"b\":1},\"b\":{\"b\":2}}"), NULL},
    {TEXT("{\"a\":[1e999]}"), "column 7"},
    {TEXT("{\"a\":[\"\\ud800\"]}"), "column 8"},
};

static void nasties_are_taken_or_refused_at_the_right_place(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < sizeof nasties / sizeof nasties[0]; i++) {
        struct json_member members[8];
        char scratch[128];
        size_t n;
        bool accepted;
        struct heed_error err = {0};
        struct str text = {nasties[i].text, nasties[i].n};
        bool ok = json_scan_object(text, members, 8, scratch, &n, &err);
        const char *differs = json_twin_compare(text.p, text.n, &accepted);
        if (ok != !nasties[i].where || differs || (!ok && strcmp(err.where, nasties[i].where))) {
            print_error("%.*s: %s \"%s\" instead of \"%s\" (jansson: %s)\n", STR_ARG(text),
                        err.where, err.message, nasties[i].where ? nasties[i].where : "accepted",
                        differs ? differs : "agrees");
            failures++;
        }
    }
    assert_int_equal(failures, 0);
}

static const struct json_member *get(const struct jsonl_record *r, const char *key)
{
    for (size_t i = 0; i < r->n; i++)
        if (str_is(r->members[i].key, key))
            return &r->members[i];
    fail_msg("no member %s", key);
    return NULL;
}

static void members_come_decoded_and_in_order(void **state)
{
    (void)state;
    static const char text[] =
        "\xef\xbb\xbf{\"time\":1767225600,\"k\\u0065y\":\"a\\nb\",\"raw\": [1, "
        "{\"x\":2}] ,\"t\":true}\r\n \t\n\n{\"n\":null}";
    for (size_t piece = 0; piece < sizeof text; piece++) {
        struct pieces bytes = {text, sizeof text - 1, 0, piece};
        struct reader *r = reader_new(give_pieces, &bytes);
        struct jsonl *j = jsonl_new(r, 0, 0);
        struct jsonl_record rec;
        struct heed_error err = {0};
        assert_int_equal(jsonl_next(j, &rec, &err), JSONL_RECORD);
        assert_int_equal(rec.line, 1);
        assert_int_equal(rec.n, 4);
        assert_int_equal(rec.raw.p[rec.raw.n - 1], '}');
        assert_true(str_is(rec.members[0].key, "time"));
        assert_true(str_is(get(&rec, "time")->value, "1767225600"));
        assert_true(str_is(get(&rec, "key")->value, "a\nb"));
        assert_true(str_is(get(&rec, "raw")->value, "[1, {\"x\":2}]"));
        assert_int_equal(get(&rec, "raw")->type, JSON_T_RAW);
        assert_int_equal(get(&rec, "t")->type, JSON_T_TRUE);
        assert_int_equal(jsonl_next(j, &rec, &err), JSONL_RECORD);
        assert_int_equal(rec.line, 4);
        assert_int_equal(get(&rec, "n")->type, JSON_T_NULL);
        assert_int_equal(jsonl_next(j, &rec, &err), JSONL_END);
        assert_int_equal(jsonl_next(j, &rec, &err), JSONL_END);
        jsonl_free(j);
        reader_close(r);
    }
}

static void a_bad_line_is_told_and_the_next_is_read(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":1}\n{\"a\":}\n{\"a\":1234567890}\n{\"a\":12345}\r\n"
                               "{\"a\":1,\"b\":2,\"c\":3}\n{\"a\":2}\n";
    static const struct {
        enum jsonl_result result;
        const char *where;
    } want[] = {
        {JSONL_RECORD, ""}, {JSONL_BAD, "line 2, column 6"},  {JSONL_BAD, "line 3, column 13"},
        {JSONL_RECORD, ""}, {JSONL_BAD, "line 5, column 13"}, {JSONL_RECORD, ""},
        {JSONL_END, ""},
    };
    for (size_t piece = 0; piece < 20; piece++) {
        struct pieces bytes = {text, sizeof text - 1, 0, piece};
        struct reader *r = reader_new(give_pieces, &bytes);
        struct jsonl *j = jsonl_new(r, 12, 2);
        for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
            struct jsonl_record rec = {0};
            struct heed_error err = {0};
            assert_int_equal(jsonl_next(j, &rec, &err), want[i].result);
            assert_string_equal(err.where, want[i].where);
            if (want[i].result != JSONL_END)
                assert_int_equal(rec.line, i + 1);
        }
        jsonl_free(j);
        reader_close(r);
    }
}

static void lines_at_the_limit_are_read_and_one_byte_more_is_not(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 4; extra++) {
        for (int ending = 0; ending < 3; ending++) {
            char text[64];
            static const char *const ends[] = {"\n", "\r\n", ""};
            int n = snprintf(text, sizeof text, "{\"a\":\"%.*s\"}%s", (int)(2 + extra), "xxxxxxxx",
                             ends[ending]);
            struct pieces bytes = {text, (size_t)n, 0, 0};
            struct reader *r = reader_new(give_pieces, &bytes);
            struct jsonl *j = jsonl_new(r, 10, 0);
            struct jsonl_record rec;
            struct heed_error err = {0};
            assert_int_equal(jsonl_next(j, &rec, &err), extra ? JSONL_BAD : JSONL_RECORD);
            assert_int_equal(jsonl_next(j, &rec, &err), JSONL_END);
            jsonl_free(j);
            reader_close(r);
        }
    }
}

static void deep_nesting_is_refused_without_harm(void **state)
{
    (void)state;
    size_t deep = 500000;
    char *p = malloc(deep + 5);
    assert_non_null(p);
    memcpy(p, "{\"a\":", 5);
    memset(p + 5, '[', deep);
    bool accepted;
    assert_null(json_twin_compare(p, deep + 5, &accepted));
    assert_false(accepted);
    free(p);
}

/* ---- random objects ---- */

static void put(char *p, size_t *n, const char *s)
{
    memcpy(p + *n, s, strlen(s));
    *n += strlen(s);
}

static void put_string(struct prng *r, char *p, size_t *n)
{
    static const char *const parts[] = {"a",
                                        "b",
                                        "key",
                                        " ",
                                        "\\n",
                                        "\\\"",
                                        "\\\\",
                                        "\\/",
                                        "\\u0061",
                                        "\\u00e9",
                                        "\xc3\xa9",
                                        "\xe6\xb3\xa8",
                                        "\xf0\x9f\x91\x80",
                                        "\\ud83d\\udc40",
                                        "\\uFFFF",
                                        "\x7f",
                                        "{",
                                        "}",
                                        ":",
                                        ",",
                                        /* bad ones */ "\\ud83d",
                                        "\\udc40",
                                        "\\u0000",
                                        "\xff",
                                        "\t",
                                        "\\q",
                                        "\xed\xa0\x80"};
    size_t kinds = sizeof parts / sizeof parts[0];
    size_t allowed = prng_below(r, 8) ? kinds - 7 : kinds;
    put(p, n, "\"");
    for (uint64_t k = prng_below(r, 4); k > 0; k--)
        put(p, n, parts[prng_below(r, allowed)]);
    put(p, n, "\"");
}

static void put_number(struct prng *r, char *p, size_t *n)
{
    static const char *const parts[] = {"-", "0", "1", "9",   "12",        ".", "e",
                                        "E", "+", "-", "308", "999999999", "00"};
    for (uint64_t k = prng_below(r, 6) + 1; k > 0; k--)
        put(p, n, parts[prng_below(r, sizeof parts / sizeof parts[0])]);
}

static void put_value(struct prng *r, char *p, size_t *n, int depth)
{
    static const char *const words[] = {
        "true", "false", "null", "0", "1", "-7", "1.5", "2e3", "9223372036854775807",
        "nul",  "True"};
    uint64_t kind = prng_below(r, depth > 3 ? 6 : 8);
    if (kind < 3) {
        put_string(r, p, n);
    } else if (kind == 3 && prng_below(r, 4) == 0) {
        put_number(r, p, n);
    } else if (kind < 6) {
        put(p, n, words[prng_below(r, prng_below(r, 20) ? 9 : 11)]);
    } else {
        bool object = kind == 6;
        put(p, n, object ? "{" : "[");
        for (uint64_t k = prng_below(r, 3); k > 0; k--) {
            if (object) {
                put_string(r, p, n);
                put(p, n, ":");
            }
            put_value(r, p, n, depth + 1);
            if (k > 1)
                put(p, n, ",");
        }
        put(p, n, object ? "}" : "]");
    }
}

static size_t random_object(struct prng *r, char *p)
{
    static const char *const spaces[] = {"", "", "", " ", "\t", "\r", "\n"};
    size_t n = 0;
    put(p, &n, "{");
    for (uint64_t k = prng_below(r, 5); k > 0; k--) {
        put(p, &n, spaces[prng_below(r, 7)]);
        put_string(r, p, &n);
        put(p, &n, spaces[prng_below(r, 7)]);
        put(p, &n, ":");
        put_value(r, p, &n, prng_below(r, 2) ? 0 : 9);
        put(p, &n, spaces[prng_below(r, 7)]);
        if (k > 1)
            put(p, &n, ",");
    }
    put(p, &n, "}");
    if (prng_below(r, 5) == 0) /* damage */
        p[prng_below(r, n)] = "{}[]\",:\\0e \0"[prng_below(r, 12)];
    if (prng_below(r, 20) == 0)
        n = (size_t)prng_below(r, n + 1);
    return n;
}

static void random_objects_are_taken_as_jansson_takes_them(void **state)
{
    (void)state;
    static char text[1 << 16];
    size_t taken = 0, refused = 0;
    for (uint64_t seed = 1; seed <= 50000; seed++) {
        struct prng r;
        bool accepted;
        prng_seed(&r, seed);
        size_t n = random_object(&r, text);
        char *exact = malloc(n + 1);
        assert_non_null(exact);
        memcpy(exact, text, n);
        const char *differs = json_twin_compare(exact, n, &accepted);
        free(exact);
        for (size_t i = 0; differs && i < n; i++)
            print_error(text[i] ? "%c" : "<NUL>", text[i]);
        if (differs)
            fail_msg("seed %llu: %s", (unsigned long long)seed, differs);
        taken += accepted;
        refused += !accepted;
    }
    assert_true(taken > 10000 && refused > 10000); /* both sides are really tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nasties_are_taken_or_refused_at_the_right_place),
        cmocka_unit_test(members_come_decoded_and_in_order),
        cmocka_unit_test(a_bad_line_is_told_and_the_next_is_read),
        cmocka_unit_test(lines_at_the_limit_are_read_and_one_byte_more_is_not),
        cmocka_unit_test(deep_nesting_is_refused_without_harm),
        cmocka_unit_test(random_objects_are_taken_as_jansson_takes_them),
    };
    return cmocka_run_group_tests_name("jsonl", tests, NULL, NULL);
}
