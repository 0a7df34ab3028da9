#include "base/bytemask.h"
#include "base/csv.h"
#include "base/prng.h"
#include "csv_twin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* What csv_next says of a text, one line a record: "1[a][b]", or "3! line 3, column 4: message".*/
static char *read_text(const char *p, size_t n, const struct csv_options *o)
{
    struct pieces bytes = {p, n, 0, 0};
    struct reader *r = reader_new(give_pieces, &bytes);
    struct csv *c = csv_new(r, o);
    char *said = NULL;
    size_t said_n = 0;
    FILE *f = open_memstream(&said, &said_n);
    assert_non_null(c);
    assert_non_null(f);
    struct csv_record rec;
    struct heed_error err = {0};
    for (enum csv_result result; (result = csv_next(c, &rec, &err)) != CSV_END;) {
        fprintf(f, "%llu", (unsigned long long)rec.line);
        if (result == CSV_FAILED) {
            fprintf(f, "?");
            break;
        }
        if (result == CSV_BAD)
            fprintf(f, "! %s: %s", err.where, err.message);
        else
            for (size_t i = 0; i < rec.n; i++)
                fprintf(f, "[%.*s]", STR_ARG(rec.fields[i]));
        fputc('\n', f);
    }
    fclose(f);
    csv_free(c);
    reader_close(r);
    return said;
}

#define TEXT(s) s, sizeof(s) - 1
static const char CLOSE[] =
    "the quote that opens here is not closed; close it, or double it if it is text\n";
static const char AFTER[] = "text after a closing quote; double the quotes inside a quoted field\n";

static const struct {
    const char *name, *text;
    size_t n;
    const char *said, *message; /* message is appended after a "!" row's place */
    struct csv_options options;
} rows[] = {
    /* RFC 4180 section 2, rules 1 to 7, with their examples */
    {"rule 1",
     TEXT("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n"),
     "1[aaa][bbb][ccc]\n2[zzz][yyy][xxx]\n",
     NULL,
     {0}},
    {"rule 2: no line end at the end",
     TEXT("aaa,bbb,ccc\r\nzzz,yyy,xxx"),
     "1[aaa][bbb][ccc]\n2[zzz][yyy][xxx]\n",
     NULL,
     {0}},
    {"rule 4: spaces belong to the field", TEXT(" a , b "), "1[ a ][ b ]\n", NULL, {0}},
    {"rule 5: quoted fields",
     TEXT("\"aaa\",\"bbb\",\"ccc\"\r\nzzz,yyy,xxx"),
     "1[aaa][bbb][ccc]\n2[zzz][yyy][xxx]\n",
     NULL,
     {0}},
    {"rule 6: line ends and commas in quotes",
     TEXT("\"aaa\",\"b\r\nb,b\",\"ccc\"\r\nzzz,yyy,xxx"),
     "1[aaa][b\r\nb,b][ccc]\n3[zzz][yyy][xxx]\n",
     NULL,
     {0}},
    {"rule 7: doubled quotes",
     TEXT("\"aaa\",\"b\"\"bb\",\"ccc\""),
     "1[aaa][b\"bb][ccc]\n",
     NULL,
     {0}},

    {"nothing", TEXT(""), "", NULL, {0}},
    {"blank lines are no records", TEXT("\n\r\na\n\n\nb\n\n"), "3[a]\n6[b]\n", NULL, {0}},
    {"empty fields", TEXT(",\n\"\"\n,\"\",\n"), "1[][]\n2[]\n3[][][]\n", NULL, {0}},
    {"byte order mark", TEXT("\xef\xbb\xbf\"a\",b\n"), "1[a][b]\n", NULL, {0}},
    {"byte order mark and nothing", TEXT("\xef\xbb\xbf"), "", NULL, {0}},
    {"a second mark is text",
     TEXT("a\n\xef\xbb\xbf"
          "b\n"),
     "1[a]\n2[\xef\xbb\xbf"
     "b]\n",
     NULL,
     {0}},
    {"a quote inside an unquoted field",
     TEXT("5\" disk,a\"b\"\n"),
     "1[5\" disk][a\"b\"]\n",
     NULL,
     {0}},
    {"only quotes", TEXT("\"\"\"\"\n\"\"\"\"\"\"\n"), "1[\"]\n2[\"\"]\n", NULL, {0}},
    {"a lone carriage return is text", TEXT("a\rb,c\r"), "1[a\rb][c\r]\n", NULL, {0}},
    {"tabs", TEXT("a,b\tc\n"), "1[a,b][c]\n", NULL, {.delimiter = '\t'}},
    {"another quote",
     TEXT("'a''b';\"c\n"),
     "1[a'b][\"c]\n",
     NULL,
     {.delimiter = ';', .quote = '\''}},
    {"no quote",
     TEXT("\"a,b\"\n\"c\n\"\"\n"),
     "1[\"a][b\"]\n2[\"c]\n3[\"\"]\n",
     NULL,
     {.quote = CSV_NO_QUOTE}},
    {"no quote, and its code as text",
     TEXT("\001a,\001\n"),
     "1[\001a][\001]\n",
     NULL,
     {.quote = CSV_NO_QUOTE}},
    {"UTF-8",
     TEXT("\xe6\xb3\xa8\xe6\x84\x8f,\xf0\x9f\x91\x80\n"),
     "1[\xe6\xb3\xa8\xe6\x84\x8f][\xf0\x9f\x91\x80]\n",
     NULL,
     {0}},
    {"ISO-8859-1",
     TEXT("caf\xe9,\"\xff\"\"\x80\",b\n"),
     "1[caf\xc3\xa9][\xc3\xbf\"\xc2\x80][b]\n",
     NULL,
     {.latin1 = true}},

    {"NUL",
     TEXT("a,b\nc,d\0e\nf\n"),
     "1[a][b]\n2! line 2, column 4: \n3[f]\n",
     "a NUL byte; is this a text file in UTF-8?\n",
     {0}},
    {"NUL in quotes",
     TEXT("\"x\n\0\",y\nf\n"),
     "1! line 2, column 1: \n3[f]\n",
     "a NUL byte; is this a text file in UTF-8?\n",
     {0}},
    {"not UTF-8, its column in characters",
     TEXT("\xc3\xa9\xc3\xa9,\xff\nb\n"),
     "1! line 1, column 4: \n2[b]\n",
     "byte 0xff is not UTF-8; convert the file or name its encoding\n",
     {0}},
    {"a surrogate in UTF-8",
     TEXT("\xed\xa0\x80\n"),
     "1! line 1, column 1: \n",
     "byte 0xed is not UTF-8; convert the file or name its encoding\n",
     {0}},
    {"a code point cut by the end",
     TEXT("ab\xe6\xb3"),
     "1! line 1, column 3: \n",
     "byte 0xe6 is not UTF-8; convert the file or name its encoding\n",
     {0}},
    {"text after a closing quote",
     TEXT("a,\"b\"c,\"d\ne\",f\ng\n"),
     "1! line 1, column 6: \n3[g]\n",
     AFTER,
     {0}},
    {"text after a closing quote at the end",
     TEXT("\"b\"c"),
     "1! line 1, column 4: \n",
     AFTER,
     {0}},
    {"a space after a closing quote", TEXT("\"b\" ,c\n"), "1! line 1, column 4: \n", AFTER, {0}},
    {"an unclosed quote",
     TEXT("a\nb,\"c,d\ne,f\ng\n"),
     "1[a]\n2! line 2, column 3: \n3[e][f]\n4[g]\n",
     CLOSE,
     {0}},
    {"an unclosed quote before other quotes",
     TEXT("b,\"c,d\n1,\"e\",f\n\"g\"\n"),
     "1! line 1, column 3: \n2[1][e][f]\n3[g]\n",
     CLOSE,
     {0}},
    {"an unclosed quote on a later line of its record",
     TEXT("\"a\nb\",\"c\r\nd\n"),
     "1! line 2, column 4: \n3[d]\n",
     CLOSE,
     {0}},
    {"an unclosed quote at the very end",
     TEXT("a\n\""),
     "1[a]\n2! line 2, column 1: \n",
     CLOSE,
     {0}},
    {"an unclosed quote within max_record",
     TEXT("a\n\"b\n1\n2\n3\n4\n5\n6\n7\n8\n9\n\"\n"),
     "1[a]\n2! line 2, column 1: \n3[1]\n4[2]\n5[3]\n6[4]\n7[5]\n8[6]\n9[7]\n10[8]\n11[9]\n"
     "12! line 12, column 1: \n",
     CLOSE,
     {.max_record = 4}},
    {"too many fields",
     TEXT("a,b,c\nd,e,f,g\n1,2,3\n"),
     "1[a][b][c]\n2! line 2, column 7: \n3[1][2][3]\n",
     "the record has more than 3 fields; remove some, or check the delimiter\n",
     {.max_fields = 3}},
    {"too long",
     TEXT("12345\n1234567890123456789012345\n123456\r\n12345\r\n"),
     "1[12345]\n2! line 2, column 6: \n3! line 3, column 6: \n4[12345]\n",
     "the record is longer than 5 bytes; shorten it, or close a quote in it\n",
     {.max_record = 5}},
    {"too long, in quotes",
     TEXT("\"1234567890123456789012345\"\na\n"),
     "1! line 1, column 6: \n2[a]\n",
     "the record is longer than 5 bytes; shorten it, or close a quote in it\n",
     {.max_record = 5}},
};

static void every_rule_holds(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *said = read_text(rows[i].text, rows[i].n, &rows[i].options), *want = NULL;
        size_t n = 0;
        FILE *f = open_memstream(&want, &n);
        assert_non_null(f);
        for (const char *p = rows[i].said; *p; p++) {
            if (p > rows[i].said && *p == '\n' && p[-1] == ' ' && rows[i].message && p[-2] == ':')
                fputs(rows[i].message, f);
            else
                fputc(*p, f);
        }
        fclose(f);
        if (strcmp(said, want) != 0) {
            print_error("%s: said\n%sinstead of\n%s", rows[i].name, said, want);
            failures++;
        }
        free(said);
        free(want);
    }
    assert_int_equal(failures, 0);
}

static void expect_twins(const char *p, size_t n, const struct csv_options *o, size_t piece,
                         uint64_t seed)
{
    const char *differs = twin_compare(p, n, o, piece);
    if (!differs)
        return;
    print_error("seed %llu, pieces of %zu, max_record %zu, max_fields %zu, latin1 %d: %s of\n",
                (unsigned long long)seed, piece, o->max_record, o->max_fields, (int)o->latin1,
                differs);
    for (size_t i = 0; i < n; i++)
        print_error("%02x ", (unsigned)(unsigned char)p[i]);
    fail();
}

static void every_short_text_is_read_as_the_twin_reads_it(void **state)
{
    (void)state;
    static const char alphabet[] = {'a', ',', '"', '\n', '\r'};
    char text[8];
    for (size_t n = 0, count = 1; n <= 6; n++, count *= sizeof alphabet) {
        for (size_t k = 0; k < count; k++) {
            size_t rest = k;
            for (size_t i = 0; i < n; i++, rest /= sizeof alphabet)
                text[i] = alphabet[rest % sizeof alphabet];
            struct csv_options o = {.max_record = 40}, tiny = {.max_record = 1};
            expect_twins(text, n, &o, 0, 0);
            expect_twins(text, n, &tiny, 1, 0);
        }
    }
}

static size_t random_text(struct prng *r, char *p, size_t most)
{
    static const char *const parts[] = {
        "a",  "bc",   ",",     ",",        "\"",           "\"",   "\n",   "\r\n",      "\t",
        "\r", "\"\"", "\",\"", "\xc3\xa9", "\xe6\xb3\xa8", "\xff", "\xc3", "0123456789"};
    size_t n = 0, want = (size_t)prng_below(r, most - 16), kinds = prng_below(r, 17) + 1;
    if (prng_below(r, 16) == 0) {
        memcpy(p, "\xef\xbb\xbf", 3);
        n = 3;
    }
    while (n < want) {
        const char *part = parts[prng_below(r, kinds)];
        if (prng_below(r, 40) == 0) {
            p[n++] = '\0';
            continue;
        }
        memcpy(p + n, part, strlen(part));
        n += strlen(part);
    }
    return n;
}

static void random_texts_are_read_as_the_twin_reads_them(void **state)
{
    (void)state;
    enum { MOST = 300 };
    static const char delimiters[] = {0, ',', '\t', 'a'}, quotes[] = {0, '"', CSV_NO_QUOTE, 'b'};
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        struct prng r;
        char text[MOST];
        prng_seed(&r, seed);
        size_t n = random_text(&r, text, prng_below(&r, 2) ? MOST : 40);
        struct csv_options o = {
            .delimiter = delimiters[prng_below(&r, 4)],
            .quote = quotes[prng_below(&r, 4)],
            .max_record = prng_below(&r, 2) ? 0 : (size_t)prng_below(&r, 90) + 1,
            .max_fields = prng_below(&r, 4) ? TWIN_FIELDS : (size_t)prng_below(&r, 4) + 1,
            .latin1 = prng_below(&r, 4) == 0,
        };
        if (o.max_record == 0 && prng_below(&r, 8))
            o.max_record = 1000;
        if (o.max_fields == TWIN_FIELDS && n > TWIN_FIELDS)
            n = TWIN_FIELDS; /* the twin keeps no more */
        expect_twins(text, n, &o, (size_t)prng_below(&r, 20), seed);
    }
}

static void the_answer_does_not_depend_on_where_reads_end(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbfid,name\r\n1,\"a \"\"b\"\"\r\n,c\"\r\n2,\xe6\xb3\xa8\n"
                               "3,\"open\n4,\"x\"y\n5,long long long long long long\n6,\xff\n7,e";
    size_t n = sizeof text - 1;
    for (size_t piece = 1; piece <= n; piece++)
        for (size_t max = 1; max <= n + 9; max++) {
            struct csv_options o = {.max_record = max};
            expect_twins(text, n, &o, piece, 0);
        }
}

static void a_record_of_ten_megabytes_is_read_when_allowed(void **state)
{
    (void)state;
    size_t n = 10 << 20;
    char *p = malloc(n + 16);
    assert_non_null(p);
    memset(p, 'x', n);
    memcpy(p, "a,\"", 3);
    memcpy(p + n - 1, "\"\nb\n", 4);
    for (int allowed = 0; allowed < 2; allowed++) {
        struct csv_options o = {.max_record = allowed ? 11 << 20 : 0};
        struct pieces bytes = {p, n + 3, 0, 0};
        struct reader *r = reader_new(give_pieces, &bytes);
        struct csv *c = csv_new(r, &o);
        struct csv_record rec;
        struct heed_error err = {0};
        assert_int_equal(csv_next(c, &rec, &err), allowed ? CSV_RECORD : CSV_BAD);
        if (allowed) {
            assert_int_equal(rec.n, 2);
            assert_int_equal(rec.fields[1].n, n - 4);
            assert_int_equal(rec.raw.n, n);
        } else {
            assert_string_equal(err.where, "line 1, column 1048577");
            assert_int_equal(rec.raw.n, 4096);
        }
        assert_int_equal(csv_next(c, &rec, &err), CSV_RECORD);
        assert_int_equal(rec.line, 2);
        assert_true(str_is(rec.fields[0], "b"));
        assert_int_equal(csv_next(c, &rec, &err), CSV_END);
        assert_int_equal(csv_next(c, &rec, &err), CSV_END);
        csv_free(c);
        reader_close(r);
    }
    free(p);
}

static void a_file_that_ends_in_damage_gives_its_good_records_first(void **state)
{
    (void)state;
    char path[] = "test-csv-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a,b\nc,d\ne", 9), 9);
    close(fd);
    struct reader_limits limits = {.max_bytes = 8};
    struct reader *r;
    struct heed_error err = {0};
    enum heed_status status = reader_open(path, &limits, &r, &err);
    if (status == HEED_OK) {
        struct csv *c = csv_new(r, NULL);
        struct csv_record rec;
        enum csv_result result;
        while ((result = csv_next(c, &rec, &err)) == CSV_RECORD)
            ;
        assert_int_equal(result, CSV_FAILED);
        assert_int_equal(err.status, HEED_INPUT);
        assert_non_null(strstr(err.message, path));
        assert_int_equal(csv_next(c, &rec, &err), CSV_FAILED);
        csv_free(c);
    }
    reader_close(r);
    unlink(path);
}

static void masks_are_the_same_with_and_without_vectors(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct prng r;
        char p[64];
        prng_seed(&r, seed);
        for (size_t i = 0; i < sizeof p; i++)
            p[i] = prng_below(&r, 2) ? (char)prng_below(&r, 256) : ",\"\n\0"[prng_below(&r, 4)];
        struct bytemask a = bytemask(p, ',', '"'), b = bytemask_portable(p, ',', '"');
        if (a.found != b.found || a.high != b.high)
            fail_msg("seed %llu", (unsigned long long)seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_holds),
        cmocka_unit_test(every_short_text_is_read_as_the_twin_reads_it),
        cmocka_unit_test(random_texts_are_read_as_the_twin_reads_them),
        cmocka_unit_test(the_answer_does_not_depend_on_where_reads_end),
        cmocka_unit_test(a_record_of_ten_megabytes_is_read_when_allowed),
        cmocka_unit_test(a_file_that_ends_in_damage_gives_its_good_records_first),
        cmocka_unit_test(masks_are_the_same_with_and_without_vectors),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
