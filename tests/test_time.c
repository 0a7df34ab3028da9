/* Times read and printed, and the calendar they stand on. */
#include "base/prng.h"
#include "base/time.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { SEED = 1985 };

struct row {
    const char *text;
    enum time_parse result;
    int64_t ms;
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t ms = 42;
        enum time_parse got = time_from_text(str_of(rows[i].text), &ms);
        int64_t expected = rows[i].result == TIME_OK ? rows[i].ms : 42;
        if (got != rows[i].result || ms != expected)
            fail_msg("\"%s\": expected %d %" PRId64 ", got %d %" PRId64, rows[i].text,
                     (int)rows[i].result, expected, (int)got, ms);
    }
}

static void the_examples_of_rfc_3339_are_read(void **state)
{
    (void)state;
    /* RFC 3339, section 5.8; numbers by GNU date -d TEXT +%s (a leap second is the next second). */
    static const struct row rows[] = {
        {"1985-04-12T23:20:50.52Z", TIME_OK, INT64_C(482196050520)},
        {"1996-12-19T16:39:57-08:00", TIME_OK, INT64_C(851042397000)},
        {"1996-12-20T00:39:57Z", TIME_OK, INT64_C(851042397000)}, /* "equivalent", says the RFC */
        {"1990-12-31T23:59:60Z", TIME_OK, INT64_C(662688000000)},
        {"1990-12-31T15:59:60-08:00", TIME_OK, INT64_C(662688000000)},
        {"1937-01-01T12:00:27.87+00:20", TIME_OUT_OF_RANGE, 0},
    };
    check(rows, COUNT(rows));
}

static void other_forms_are_read(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"2026-01-02T03:04:05.678Z", TIME_OK, INT64_C(1767323045678)},
        {"2026-01-02 03:04:05.678Z", TIME_OK, INT64_C(1767323045678)},
        {"2026-01-02t03:04:05.678z", TIME_OK, INT64_C(1767323045678)}, /* RFC 3339, 5.6, NOTE */
        {"2026-01-02", TIME_OK, INT64_C(1767312000000)},
        {"2026-01-02T00:00:00Z", TIME_OK, INT64_C(1767312000000)},
        {"2026-01-02T00:00:00-00:00", TIME_OK, INT64_C(1767312000000)}, /* unknown local offset */
        {"2026-01-02T05:45:00+05:45", TIME_OK, INT64_C(1767312000000)},
        {"2026-01-01T00:01:00-23:59", TIME_OK, INT64_C(1767312000000)},
        {"2026-01-02T23:59:00+23:59", TIME_OK, INT64_C(1767312000000)},
        {"2026-01-02T03:04:05.6Z", TIME_OK, INT64_C(1767323045600)},
        {"2026-01-02T03:04:05.0009Z", TIME_OK, INT64_C(1767323045000)}, /* cut, not rounded */
        {"2026-01-02T03:04:05.999999999999999999999999Z", TIME_OK, INT64_C(1767323045999)},
        {"1767323045", TIME_OK, INT64_C(1767323045000)},
        {"1767323045.678", TIME_OK, INT64_C(1767323045678)},
        {"1767323045.5", TIME_OK, INT64_C(1767323045500)},
        {"1767323045.67899999999999999999999", TIME_OK, INT64_C(1767323045678)},
        {"0", TIME_OK, 0},
        {"0.001", TIME_OK, 1},
        {"2026", TIME_OK, 2026000}, /* seconds, not a year */
        {"000000000000000000000000000001", TIME_OK, 1000},
    };
    check(rows, COUNT(rows));
}

static void leap_years_and_leap_seconds_are_where_they_may_be(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"2024-02-29", TIME_OK, INT64_C(1709164800000)},
        {"2000-02-29", TIME_OK, INT64_C(951782400000)},
        {"2025-02-29", TIME_MALFORMED, 0},
        {"2100-02-29", TIME_MALFORMED, 0}, /* RFC 3339, appendix C: not a leap year */
        {"2100-02-28T23:59:59Z", TIME_OK, INT64_C(4107542399000)},
        {"1900-02-29", TIME_MALFORMED, 0},
        {"2024-02-30", TIME_MALFORMED, 0},
        {"2016-12-31T23:59:60Z", TIME_OK, INT64_C(1483228800000)},    /* IERS Bulletin C 52 */
        {"2015-06-30T23:59:60.25Z", TIME_OK, INT64_C(1435708800250)}, /* IERS Bulletin C 49 */
        {"2017-01-01T05:29:60+05:30", TIME_OK, INT64_C(1483228800000)},
        {"2016-12-31T23:58:60Z", TIME_MALFORMED, 0},
        {"2016-12-30T23:59:60Z", TIME_MALFORMED, 0},
        {"2016-12-31T23:59:60-01:00", TIME_MALFORMED, 0},
        {"2016-12-31T23:59:61Z", TIME_MALFORMED, 0},
    };
    check(rows, COUNT(rows));
}

static void times_end_with_1970_and_2105(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"1970-01-01T00:00:00Z", TIME_OK, 0},
        {"1969-12-31T23:59:59.999Z", TIME_OUT_OF_RANGE, 0},
        {"1969-12-31T23:30:00-00:30", TIME_OK, 0},
        {"1970-01-01T00:00:00+00:01", TIME_OUT_OF_RANGE, 0},
        {"1969-12-31T23:59:60Z", TIME_OK, 0},
        {"1969-12-31", TIME_OUT_OF_RANGE, 0},
        {"0000-01-01", TIME_OUT_OF_RANGE, 0},
        {"2105-12-31T23:59:59.999Z", TIME_OK, TIME_MAX_MS},
        {"2105-12-31T23:59:59.9999999Z", TIME_OK, TIME_MAX_MS},
        {"2105-12-31T23:59:60Z", TIME_OUT_OF_RANGE, 0},
        {"2106-01-01T00:00:00Z", TIME_OUT_OF_RANGE, 0},
        {"2106-01-01T00:30:00+00:31", TIME_OK, INT64_C(4291747140000)},
        {"2105-12-31T23:59:00-00:01", TIME_OUT_OF_RANGE, 0},
        {"9999-12-31T23:59:59-23:59", TIME_OUT_OF_RANGE, 0},
        {"4291747199.999", TIME_OK, TIME_MAX_MS},
        {"4291747200", TIME_OUT_OF_RANGE, 0},
        {"9223372036854775808", TIME_OUT_OF_RANGE, 0},
        {"18446744073709551616", TIME_OUT_OF_RANGE, 0}, /* 2^64, which must not become 0 */
        {"99999999999999999999999999999999999999999.5", TIME_OUT_OF_RANGE, 0},
        {"1767323045678", TIME_OUT_OF_RANGE, 0}, /* milliseconds taken for seconds */
        {"-1", TIME_OUT_OF_RANGE, 0},
        {"-0.5", TIME_OUT_OF_RANGE, 0},
    };
    check(rows, COUNT(rows));
}

static void what_is_not_a_time_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        "now",
        "2026-1-02",
        "2026-01-2",
        "2026-01-",
        "2026-01",
        "2026-",
        "2026-01-02T",
        "2026-01-02Z",
        "2026-01-02T03:04Z",
        "2026-01-02T03:04:05", /* no offset: nobody knows whose clock */
        "2026-01-02 03:04:05",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05,5Z",
        "2026-01-02T3:04:05Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T23:60:00Z",
        "2026-01-02T03:04:05+0100",
        "2026-01-02T03:04:05+01",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+01:60",
        "2026-01-02T03:04:05Zx",
        "2026-01-02T03:04:05Z ",
        " 2026-01-02T03:04:05Z",
        "2026-01-02  03:04:05Z",
        "2026-01-02_03:04:05Z",
        "2026-00-01",
        "2026-13-01",
        "2026-01-00",
        "2026-01-32",
        "2026-04-31",
        "2026/01/02",
        "02-01-2026",
        "20260102T030405Z",
        "-2026-01-02",
        "+2026-01-02",
        "12026-01-02",
        "1767323045x",
        "1767323045.",
        ".5",
        "-",
        "+5",
        "1e9",
        "1.2.3",
        "0x10",
        "9999999999999999999999x",
        "٢٠٢٦-٠١-٠٢",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = 42;
        if (time_from_text(str_of(rows[i]), &ms) != TIME_MALFORMED || ms != 42)
            fail_msg("\"%s\" should be malformed", rows[i]);
    }
    int64_t ms = 42;
    assert_int_equal(time_from_text(STR_NONE, &ms), TIME_MALFORMED);
    assert_int_equal(time_from_text((struct str){"2026-01-02\0", 11}, &ms), TIME_MALFORMED);
}

/* Each prefix in memory of exactly its size, so that a read beyond it is seen.                  */
static void no_prefix_is_read_past_its_end(void **state)
{
    (void)state;
    static const char whole[] = "2026-01-02T03:04:05.678+01:30";
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char *exact = test_malloc(n + 1);
        memcpy(exact + 1, whole, n);
        int64_t ms = 42;
        enum time_parse got = time_from_text((struct str){exact + 1, n}, &ms);
        bool bare = n == 10 || (n >= 1 && n <= 4); /* a date, or seconds */
        assert_int_equal(got, bare ? TIME_OK : TIME_MALFORMED);
        test_free(exact);
    }
}

static void times_are_printed(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {INT64_C(482196050520), "1985-04-12T23:20:50.520Z"},
        {INT64_C(1767323045000), "2026-01-02T03:04:05Z"},
        {TIME_MAX_MS, "2105-12-31T23:59:59.999Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buf[32];
        assert_string_equal(time_to_text(rows[i].ms, buf), rows[i].text);
    }
}

static void a_time_printed_is_read_back(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED);
    for (int i = 0; i < 20000; i++) {
        int64_t ms = (int64_t)prng_below(&r, (uint64_t)TIME_MAX_MS + 1);
        if (i % 3 == 0)
            ms -= ms % 1000;
        int64_t back = -1;
        char buf[32];
        time_to_text(ms, buf);
        if (time_from_text(str_of(buf), &back) != TIME_OK || back != ms)
            fail_msg("seed %d, trial %d: %" PRId64 " is \"%s\" is %" PRId64, SEED, i, ms, buf,
                     back);
    }
}

static int days_in(int year, int month)
{
    if (month == 2)
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* A calendar turned leaf by leaf from 1 January 1600, 135140 days before 1970 (370 years of 365
 * days and 90 leap days), to the end of 2400.                                                    */
static void every_day_has_its_civil_date_and_back(void **state)
{
    (void)state;
    int64_t day = -135140;
    int64_t seen = 0;
    for (int year = 1600; year <= 2400; year++)
        for (int month = 1; month <= 12; month++)
            for (int d = 1; d <= days_in(year, month); d++, day++) {
                int y;
                int m;
                int dom;
                time_civil(day, &y, &m, &dom);
                if (y != year || m != month || dom != d)
                    fail_msg("day %" PRId64 ": expected %d-%d-%d, got %d-%d-%d", day, year, month,
                             d, y, m, dom);
                char text[32];
                snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, d);
                int64_t ms = -1;
                enum time_parse got = time_from_text(str_of(text), &ms);
                bool in_range = year >= 1970 && year <= 2105;
                if (got != (in_range ? TIME_OK : TIME_OUT_OF_RANGE))
                    fail_msg("%s: got %d", text, (int)got);
                if (in_range && ms != day * DAY_MS)
                    fail_msg("%s: expected day %" PRId64 ", got %" PRId64 " ms", text, day, ms);
                seen += in_range;
            }
    assert_int_equal(seen, 49673);
    assert_int_equal(seen * DAY_MS - 1, TIME_MAX_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_rfc_3339_are_read),
        cmocka_unit_test(other_forms_are_read),
        cmocka_unit_test(leap_years_and_leap_seconds_are_where_they_may_be),
        cmocka_unit_test(times_end_with_1970_and_2105),
        cmocka_unit_test(what_is_not_a_time_is_refused),
        cmocka_unit_test(no_prefix_is_read_past_its_end),
        cmocka_unit_test(times_are_printed),
        cmocka_unit_test(a_time_printed_is_read_back),
        cmocka_unit_test(every_day_has_its_civil_date_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
