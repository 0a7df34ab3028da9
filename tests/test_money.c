/* Checked sums, products, splits and texts of money. */
#include "base/money.h"
#include "base/prng.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { SEED = 20260102 };

__extension__ typedef unsigned __int128 u128;

static struct money of(int64_t minor)
{
    return (struct money){minor};
}

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

/* Numbers where carelessness shows: small, near a power of two, near the ends, or anything.     */
static int64_t awkward(struct prng *r)
{
    uint64_t small = prng_below(r, 5);
    uint64_t x = 0;
    switch (prng_below(r, 5)) {
    case 0:
        x = small;
        break;
    case 1:
        x = (UINT64_C(1) << prng_below(r, 64)) + small - 2;
        break;
    case 2:
        x = (uint64_t)INT64_MAX - 2 + small;
        break;
    case 3:
        x = prng_u64(r) >> prng_below(r, 64);
        break;
    default:
        x = prng_u64(r);
    }
    if (prng_below(r, 2))
        x = 0 - x;
    int64_t signed_x;
    memcpy(&signed_x, &x, sizeof x);
    return signed_x;
}

/* ── sums ── */

static void a_sum_or_difference_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t a, b;
        bool add, sub;
        int64_t sum, difference;
    } rows[] = {
        {2, 3, true, true, 5, -1},
        {-7, 7, true, true, 0, -14},
        {INT64_MAX, 1, false, true, 0, INT64_MAX - 1},
        {INT64_MAX, INT64_MAX, false, true, 0, 0},
        {INT64_MAX, -1, true, false, INT64_MAX - 1, 0},
        {INT64_MIN, -1, false, true, 0, INT64_MIN + 1},
        {INT64_MIN, 1, true, false, INT64_MIN + 1, 0},
        {INT64_MIN, INT64_MIN, false, true, 0, 0},
        {INT64_MIN, INT64_MAX, true, false, -1, 0},
        {0, INT64_MIN, true, false, INT64_MIN, 0},
        {-1, INT64_MIN, false, true, 0, INT64_MAX},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct money sum = of(42);
        struct money difference = of(42);
        bool add = money_add(of(rows[i].a), of(rows[i].b), &sum);
        bool sub = money_sub(of(rows[i].a), of(rows[i].b), &difference);
        if (add != rows[i].add || sum.minor != (add ? rows[i].sum : 42))
            fail_msg("row %zu: sum %d %" PRId64, i, add, sum.minor);
        if (sub != rows[i].sub || difference.minor != (sub ? rows[i].difference : 42))
            fail_msg("row %zu: difference %d %" PRId64, i, sub, difference.minor);
    }
}

/* ── a * b / c ── */

/* Long division bit by bit, as by hand.                                                         */
static u128 divide(u128 n, u128 d, u128 *rest)
{
    u128 q = 0;
    u128 r = 0;
    for (int bit = 127; bit >= 0; bit--) {
        bool carry = r >> 127;
        r = r << 1 | (n >> bit & 1);
        if (carry || r >= d) {
            r -= d;
            q |= (u128)1 << bit;
        }
    }
    *rest = r;
    return q;
}

/* Product by limbs of 32 bits.                                                                  */
static u128 multiply(uint64_t a, uint64_t b)
{
    uint64_t a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
    return ((u128)(a1 * b1) << 64) + ((u128)(a1 * b0) << 32) + ((u128)(a0 * b1) << 32) + a0 * b0;
}

static bool muldiv_twin(int64_t a, int64_t b, int64_t c, enum rounding rounding, int64_t *out)
{
    if (c == 0)
        return false;
    bool negative = ((a < 0) != (b < 0)) != (c < 0);
    u128 rest;
    u128 q = divide(multiply(magnitude(a), magnitude(b)), magnitude(c), &rest);
    u128 other = magnitude(c) - rest; /* how far the next magnitude is */
    bool grow = false;
    if (rest != 0 && rounding == ROUND_UP)
        grow = true;
    if (rest != 0 && rounding == ROUND_FLOOR)
        grow = negative;
    if (rest != 0 && rounding == ROUND_HALF_EVEN)
        grow = rest > other || (rest == other && (q & 1));
    q += grow ? 1 : 0;
    if (q > (u128)INT64_MAX + (negative ? 1 : 0))
        return false;
    uint64_t bits = negative ? 0 - (uint64_t)q : (uint64_t)q;
    memcpy(out, &bits, sizeof bits);
    return true;
}

static void muldiv_rounds_as_named(void **state)
{
    (void)state;
    static const struct {
        int64_t a, b, c, down, up, floor, half_even;
    } rows[] = {
        {7, 1, 2, 3, 4, 3, 4},
        {5, 1, 2, 2, 3, 2, 2},
        {-5, 1, 2, -2, -3, -3, -2},
        {-7, 1, 2, -3, -4, -4, -4},
        {5, -1, 2, -2, -3, -3, -2},
        {5, 1, -2, -2, -3, -3, -2},
        {-5, -1, -2, -2, -3, -3, -2},
        {-5, 1, -2, 2, 3, 2, 2},
        {1, 1, 3, 0, 1, 0, 0},
        {2, 1, 3, 0, 1, 0, 1},
        {-1, 1, 3, 0, -1, -1, 0},
        {6, 1, 3, 2, 2, 2, 2},
        {0, 5, -7, 0, 0, 0, 0},
        {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX},
        {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN},
        {INT64_MIN, 1, 1, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const int64_t expected[] = {rows[i].down, rows[i].up, rows[i].floor, rows[i].half_even};
        for (int rounding = ROUND_DOWN; rounding <= ROUND_HALF_EVEN; rounding++) {
            int64_t got = 99;
            assert_true(muldiv_i64(rows[i].a, rows[i].b, rows[i].c, (enum rounding)rounding, &got));
            if (got != expected[rounding])
                fail_msg("row %zu rounding %d: expected %" PRId64 ", got %" PRId64, i, rounding,
                         expected[rounding], got);
        }
    }
}

static void muldiv_refuses_division_by_zero_and_what_does_not_fit(void **state)
{
    (void)state;
    static const int64_t rows[][3] = {
        {1, 1, 0},          {INT64_MAX, 2, 1},         {INT64_MIN, -1, 1},
        {INT64_MIN, 1, -1}, {INT64_MIN, INT64_MIN, 1}, {INT64_MAX, INT64_MAX, INT64_MAX - 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t out = 99;
        assert_false(muldiv_i64(rows[i][0], rows[i][1], rows[i][2], ROUND_DOWN, &out));
        assert_int_equal(out, 99);
    }
    /* Only rounding decides: 2 (2^63 - 1) + 1 halves to 2^63 - 1 and a half. */
    int64_t out = 99;
    const int64_t a = INT64_C(4294967297), b = INT64_C(4294967295); /* product 2^64 - 1 */
    assert_true(muldiv_i64(a, b, 2, ROUND_DOWN, &out));
    assert_int_equal(out, INT64_MAX);
    out = 99;
    assert_false(muldiv_i64(a, b, 2, ROUND_UP, &out));
    assert_false(muldiv_i64(a, b, 2, ROUND_HALF_EVEN, &out));
    assert_int_equal(out, 99);
}

static void muldiv_is_as_long_division_by_hand(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED);
    int fits = 0;
    int trials = 40000;
    for (int i = 0; i < trials; i++) {
        int64_t a = awkward(&r);
        int64_t b = awkward(&r);
        int64_t c = awkward(&r);
        enum rounding rounding = (enum rounding)prng_below(&r, 4);
        int64_t expected = 99;
        int64_t got = 99;
        bool expected_ok = muldiv_twin(a, b, c, rounding, &expected);
        bool ok = muldiv_i64(a, b, c, rounding, &got);
        if (ok != expected_ok || got != expected)
            fail_msg("seed %d, trial %d: %" PRId64 " * %" PRId64 " / %" PRId64
                     " rounding %d: expected %d %" PRId64 ", got %d %" PRId64,
                     SEED, i, a, b, c, (int)rounding, expected_ok, expected, ok, got);
        fits += ok;
    }
    assert_in_range(fits, trials / 5, trials * 4 / 5); /* both outcomes were tried */
}

/* ── splits ── */

/* Unit after unit to whoever has the best claim and has not been served.                        */
static bool split_twin(int64_t total, const uint64_t *w, const uint64_t *keys, size_t n,
                       int64_t *parts)
{
    u128 sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += w[i];
    if (total < 0 || sum == 0)
        return false;
    u128 *rest = calloc(n, sizeof *rest);
    bool *served = calloc(n, sizeof *served);
    assert_non_null(rest);
    assert_non_null(served);
    int64_t left = total;
    for (size_t i = 0; i < n; i++) {
        parts[i] = (int64_t)divide(multiply((uint64_t)total, w[i]), sum, &rest[i]);
        left -= parts[i];
    }
    for (; left > 0; left--) {
        size_t best = n;
        for (size_t i = 0; i < n; i++) {
            if (served[i])
                continue;
            if (best == n || rest[i] > rest[best] ||
                (rest[i] == rest[best] &&
                 (w[i] > w[best] || (w[i] == w[best] && keys[i] < keys[best]))))
                best = i;
        }
        served[best] = true;
        parts[best]++;
    }
    free(served);
    free(rest);
    return true;
}

static void a_split_is_the_published_apportionment(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        int64_t total;
        size_t n;
        uint64_t weights[15];
        int64_t parts[15];
    } rows[] = {
        {"Hamilton's bill of 1792 for 120 seats, census of 1790 (VA MA PA NC NY MD CT SC NJ NH "
         "VT GA KY RI DE); Balinski & Young, Fair Representation (1982)",
         120,
         15,
         {630560, 475327, 432879, 353523, 331589, 278514, 236841, 206236, 179570, 141822, 85533,
          70835, 68705, 68446, 55540},
         {21, 16, 14, 12, 11, 9, 8, 7, 6, 5, 3, 2, 2, 2, 2}},
        {"Wikipedia, Largest remainder method, Hare quota, 10 seats",
         10,
         6,
         {47000, 16000, 15900, 12000, 6000, 3100},
         {5, 2, 1, 1, 1, 0}},
        {"one taker", 7, 1, {3}, {7}},
        {"nothing to split", 0, 3, {1, 2, 3}, {0, 0, 0}},
        {"weight zero gets nothing", 5, 4, {0, 1, 0, 1}, {0, 3, 0, 2}},
        {"tie: the larger weight", 2, 2, {1, 3}, {0, 2}},
        {"tie of equals: the smaller index", 2, 3, {5, 5, 5}, {1, 1, 0}},
        {"all there is, between two", INT64_MAX, 2, {1, 1}, {INT64_MAX / 2 + 1, INT64_MAX / 2}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct money parts[15];
        assert_true(money_split(of(rows[i].total), rows[i].weights, NULL, rows[i].n, parts));
        for (size_t k = 0; k < rows[i].n; k++)
            if (parts[k].minor != rows[i].parts[k])
                fail_msg("%s: part %zu: expected %" PRId64 ", got %" PRId64, rows[i].source, k,
                         rows[i].parts[k], parts[k].minor);
    }
}

static void a_tie_of_equal_weights_goes_to_the_smaller_key(void **state)
{
    (void)state;
    const uint64_t weights[] = {5, 5, 5};
    const uint64_t keys[] = {UINT64_MAX, 7, 9};
    struct money parts[3];
    assert_true(money_split(of(2), weights, keys, 3, parts));
    assert_int_equal(parts[0].minor, 0);
    assert_int_equal(parts[1].minor, 1);
    assert_int_equal(parts[2].minor, 1);
}

static void a_split_without_takers_or_of_a_debt_is_refused(void **state)
{
    (void)state;
    const uint64_t none[] = {0, 0};
    const uint64_t some[] = {1, 2};
    struct money parts[2] = {{42}, {42}};
    assert_false(money_split(of(10), none, NULL, 2, parts));
    assert_int_equal(parts[0].minor, 0);
    assert_int_equal(parts[1].minor, 0);
    assert_false(money_split(of(-1), some, NULL, 2, parts));
    assert_false(money_split(of(10), some, NULL, 0, parts));
}

/* Weights of one temper: few distinct values (ties), anything, or all huge.                     */
static void draw_weights(struct prng *r, uint64_t *w, size_t n)
{
    uint64_t temper = prng_below(r, 4);
    for (size_t i = 0; i < n; i++) {
        if (temper == 0)
            w[i] = prng_below(r, 3);
        else if (temper == 1)
            w[i] = prng_u64(r) >> prng_below(r, 64);
        else if (temper == 2)
            w[i] = UINT64_MAX - prng_below(r, 2);
        else
            w[i] = (prng_below(r, 2) + 1) << 32;
    }
}

static void a_split_adds_up_is_as_the_naive_one_and_ignores_the_order_of_rows(void **state)
{
    (void)state;
    enum { MOST = 70, TRIALS = 1500 };
    struct prng r;
    prng_seed(&r, SEED);
    int splits = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        uint64_t w[MOST], keys[MOST], w2[MOST], keys2[MOST];
        int64_t expected[MOST];
        struct money parts[MOST], parts2[MOST];
        size_t from[MOST];
        size_t n = 1 + prng_below(&r, MOST);
        draw_weights(&r, w, n);
        for (size_t i = 0; i < n; i++) {
            keys[i] = prng_u64(&r) << 7 | i; /* distinct */
            from[i] = i;
        }
        int64_t total = (int64_t)(prng_u64(&r) >> (1 + prng_below(&r, 63)));
        if (prng_below(&r, 10) == 0)
            total = INT64_MAX;
        bool expected_ok = split_twin(total, w, keys, n, expected);
        bool ok = money_split(of(total), w, keys, n, parts);
        if (ok != expected_ok)
            fail_msg("seed %d, trial %d: expected %d, got %d", SEED, trial, expected_ok, ok);
        if (!ok)
            continue;
        splits++;
        int64_t sum = 0;
        for (size_t i = n; i-- > 1;) {
            size_t j = prng_below(&r, i + 1);
            size_t t = from[i];
            from[i] = from[j];
            from[j] = t;
        }
        for (size_t i = 0; i < n; i++) {
            sum += parts[i].minor;
            w2[i] = w[from[i]];
            keys2[i] = keys[from[i]];
        }
        assert_true(money_split(of(total), w2, keys2, n, parts2));
        for (size_t i = 0; i < n; i++) {
            if (parts[i].minor != expected[i])
                fail_msg("seed %d, trial %d, row %zu of %zu: expected %" PRId64 ", got %" PRId64,
                         SEED, trial, i, n, expected[i], parts[i].minor);
            if (parts2[i].minor != parts[from[i]].minor)
                fail_msg("seed %d, trial %d: row %zu changes with the order", SEED, trial, i);
        }
        if (sum != total)
            fail_msg("seed %d, trial %d: %" PRId64 " splits into %" PRId64, SEED, trial, total,
                     sum);
    }
    assert_true(splits > TRIALS / 2);
}

static void a_split_of_ten_thousand_huge_weights_adds_up(void **state)
{
    (void)state;
    enum { N = 10000 };
    uint64_t *w = malloc(N * sizeof *w);
    struct money *parts = malloc(N * sizeof *parts);
    assert_non_null(w);
    assert_non_null(parts);
    for (size_t i = 0; i < N; i++)
        w[i] = UINT64_MAX - i;
    assert_true(money_split(of(INT64_MAX), w, NULL, N, parts));
    int64_t sum = 0;
    for (size_t i = 0; i < N; i++) {
        assert_in_range((uint64_t)parts[i].minor, INT64_MAX / N, INT64_MAX / N + 1);
        sum += parts[i].minor;
    }
    assert_int_equal(sum, INT64_MAX);
    free(parts);
    free(w);
}

/* ── texts ── */

static void an_amount_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int scale;
        enum money_parse result;
        int64_t minor;
    } rows[] = {
        {"4.99", 2, MONEY_OK, 499},
        {"4", 2, MONEY_OK, 400},
        {"4.9", 2, MONEY_OK, 490},
        {"0", 0, MONEY_OK, 0},
        {"-0.00", 2, MONEY_OK, 0},
        {"-4.99", 2, MONEY_OK, -499},
        {"0.07", 2, MONEY_OK, 7},
        {"-0.07", 2, MONEY_OK, -7},
        {"007", 2, MONEY_OK, 700},
        {"4.9900000000000000000000000", 2, MONEY_OK, 499},
        {"4.000", 0, MONEY_OK, 4},
        {"1.123456789", 9, MONEY_OK, 1123456789},
        {"92233720368547758.07", 2, MONEY_OK, INT64_MAX},
        {"-92233720368547758.08", 2, MONEY_OK, INT64_MIN},
        {"9223372036854775807", 0, MONEY_OK, INT64_MAX},
        {"-9223372036.854775808", 9, MONEY_OK, INT64_MIN},
        {"00000000000000000000000000000001", 2, MONEY_OK, 100},
        {"4.991", 2, MONEY_TOO_MANY_DECIMALS, 0},
        {"4.1", 0, MONEY_TOO_MANY_DECIMALS, 0},
        {"4.0001000", 2, MONEY_TOO_MANY_DECIMALS, 0},
        {"92233720368547758.08", 2, MONEY_TOO_LARGE, 0},
        {"-92233720368547758.09", 2, MONEY_TOO_LARGE, 0},
        {"18446744073709551616", 0, MONEY_TOO_LARGE, 0},
        {"184467440737095516.16", 2, MONEY_TOO_LARGE, 0},
        {"99999999999999999999999999999999999999", 0, MONEY_TOO_LARGE, 0},
        {"", 2, MONEY_MALFORMED, 0},
        {"-", 2, MONEY_MALFORMED, 0},
        {"--1", 2, MONEY_MALFORMED, 0},
        {"+1", 2, MONEY_MALFORMED, 0},
        {".5", 2, MONEY_MALFORMED, 0},
        {"5.", 2, MONEY_MALFORMED, 0},
        {"-.5", 2, MONEY_MALFORMED, 0},
        {"1.2.3", 2, MONEY_MALFORMED, 0},
        {"1,000.00", 2, MONEY_MALFORMED, 0},
        {"1e3", 2, MONEY_MALFORMED, 0},
        {" 1", 2, MONEY_MALFORMED, 0},
        {"1 ", 2, MONEY_MALFORMED, 0},
        {"0x10", 2, MONEY_MALFORMED, 0},
        {"NaN", 2, MONEY_MALFORMED, 0},
        {"1.-5", 2, MONEY_MALFORMED, 0},
        {"1.2345x", 2, MONEY_MALFORMED, 0}, /* malformed comes before too many decimals */
        {"99999999999999999999x", 2, MONEY_MALFORMED, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct money m = of(42);
        enum money_parse got = money_from_text(str_of(rows[i].text), rows[i].scale, &m);
        int64_t expected = rows[i].result == MONEY_OK ? rows[i].minor : 42;
        if (got != rows[i].result || m.minor != expected)
            fail_msg("\"%s\" at %d: expected %d %" PRId64 ", got %d %" PRId64, rows[i].text,
                     rows[i].scale, (int)rows[i].result, expected, (int)got, m.minor);
    }
    struct money m = of(42);
    assert_int_equal(money_from_text(STR_NONE, 2, &m), MONEY_MALFORMED);
    assert_int_equal(money_from_text((struct str){"1\0002", 3}, 2, &m), MONEY_MALFORMED);
}

static void an_amount_is_printed(void **state)
{
    (void)state;
    static const struct {
        int64_t minor;
        int scale;
        const char *text;
    } rows[] = {
        {499, 2, "4.99"},
        {0, 0, "0"},
        {0, 2, "0.00"},
        {7, 2, "0.07"},
        {-7, 2, "-0.07"},
        {-499, 2, "-4.99"},
        {100, 2, "1.00"},
        {5, 0, "5"},
        {-12345, 0, "-12345"},
        {1, 9, "0.000000001"},
        {INT64_MAX, 2, "92233720368547758.07"},
        {INT64_MIN, 2, "-92233720368547758.08"},
        {INT64_MIN, 9, "-9223372036.854775808"},
        {INT64_MIN, 0, "-9223372036854775808"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buf[32];
        assert_string_equal(money_to_text(of(rows[i].minor), rows[i].scale, buf), rows[i].text);
    }
}

static void an_amount_printed_is_read_back(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED);
    for (int i = 0; i < 20000; i++) {
        struct money m = of(awkward(&r));
        struct money back = of(42);
        int scale = (int)prng_below(&r, 10);
        char buf[32];
        money_to_text(m, scale, buf);
        if (money_from_text(str_of(buf), scale, &back) != MONEY_OK || back.minor != m.minor)
            fail_msg("seed %d, trial %d: %" PRId64 " at %d is \"%s\" is %" PRId64, SEED, i, m.minor,
                     scale, buf, back.minor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_or_difference_that_does_not_fit_is_refused),
        cmocka_unit_test(muldiv_rounds_as_named),
        cmocka_unit_test(muldiv_refuses_division_by_zero_and_what_does_not_fit),
        cmocka_unit_test(muldiv_is_as_long_division_by_hand),
        cmocka_unit_test(a_split_is_the_published_apportionment),
        cmocka_unit_test(a_tie_of_equal_weights_goes_to_the_smaller_key),
        cmocka_unit_test(a_split_without_takers_or_of_a_debt_is_refused),
        cmocka_unit_test(a_split_adds_up_is_as_the_naive_one_and_ignores_the_order_of_rows),
        cmocka_unit_test(a_split_of_ten_thousand_huge_weights_adds_up),
        cmocka_unit_test(an_amount_is_read),
        cmocka_unit_test(an_amount_is_printed),
        cmocka_unit_test(an_amount_printed_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
