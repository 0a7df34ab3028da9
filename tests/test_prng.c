/* The seeded generator: published vectors, and draws that are what they claim to be. */
#include "base/prng.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { SEED = 42 };

static void splitmix64_gives_the_published_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, expected[5];
        size_t n;
    } rows[] = {
        /* Rosetta Code, "Pseudo-random numbers/Splitmix64" */
        {1234567,
         {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
          UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
          UINT64_C(16408922859458223821)},
         5},
        /* S. Vigna's splitmix64.c from state 0; also in Java's SplittableRandom tests */
        {0, {UINT64_C(0xe220a8397b1dcdaf), UINT64_C(0x6e789e6aa1b965f4)}, 2},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t x = rows[i].seed;
        for (size_t k = 0; k < rows[i].n; k++)
            assert_int_equal(splitmix64(&x), rows[i].expected[k]);
    }
}

static void xoshiro256_gives_the_published_numbers(void **state)
{
    (void)state;
    /* From the state 1, 2, 3, 4: the Rand project's rand_xoshiro, xoshiro256starstar.rs,
     * "produced with the reference implementation".                                             */
    static const uint64_t from_state[] = {
        11520,
        0,
        1509978240,
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct prng r = {{1, 2, 3, 4}};
    for (size_t i = 0; i < COUNT(from_state); i++)
        assert_int_equal(prng_u64(&r), from_state[i]);

    /* Seeded with 42 through SplitMix64: the authors' xoshiro256starstar.c, as in the tests of
     * Go's exp-rand xoshiro256starstar.                                                         */
    static const uint64_t from_seed[] = {
        UINT64_C(1546998764402558742),  UINT64_C(6990951692964543102),
        UINT64_C(12544586762248559009), UINT64_C(17057574109182124193),
        UINT64_C(18295552978065317476), UINT64_C(14199186830065750584),
        UINT64_C(13267978908934200754), UINT64_C(15679888225317814407),
        UINT64_C(14044878350692344958), UINT64_C(10760895422300929085),
    };
    prng_seed(&r, 42);
    for (size_t i = 0; i < COUNT(from_seed); i++)
        assert_int_equal(prng_u64(&r), from_seed[i]);
}

/* Pearson's statistic of counts that should be equal.                                           */
static double chi_square(const uint64_t *counts, size_t n)
{
    double total = 0.0;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        total += (double)counts[i];
    for (size_t i = 0; i < n; i++) {
        double off = (double)counts[i] - total / (double)n;
        sum += off * off / (total / (double)n);
    }
    return sum;
}

static void below_stays_below_and_is_uniform(void **state)
{
    (void)state;
    /* Upper 0.1 % points of chi-square: NIST/SEMATECH e-Handbook of Statistical Methods,
     * table 1.3.6.7.4.                                                                          */
    static const struct {
        uint64_t n;
        double limit;
    } rows[] = {{2, 10.828}, {3, 13.816}, {6, 20.515}, {10, 27.877}, {37, 67.985}, {101, 149.449}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t counts[101] = {0};
        struct prng r;
        prng_seed(&r, SEED);
        for (int k = 0; k < 100000; k++) {
            uint64_t x = prng_below(&r, rows[i].n);
            assert_true(x < rows[i].n);
            counts[x]++;
        }
        double got = chi_square(counts, rows[i].n);
        if (got > rows[i].limit)
            fail_msg("seed %d, n %" PRIu64 ": chi-square %f above %f", SEED, rows[i].n, got,
                     rows[i].limit);
    }
}

/* Three quarters of 2^64: without rejection every third number would come twice as often.       */
static void below_is_unbiased_where_truncation_would_show(void **state)
{
    (void)state;
    uint64_t counts[3] = {0};
    struct prng r;
    prng_seed(&r, SEED);
    for (int i = 0; i < 30000; i++) {
        uint64_t x = prng_below(&r, UINT64_C(3) << 62);
        assert_true(x < UINT64_C(3) << 62);
        counts[x % 3]++;
    }
    double got = chi_square(counts, 3);
    if (got > 13.816) /* 0.1 % of chi-square with 2 degrees of freedom */
        fail_msg("seed %d: chi-square %f; %" PRIu64 " %" PRIu64 " %" PRIu64, SEED, got, counts[0],
                 counts[1], counts[2]);
}

static void below_one_is_zero_and_the_largest_bound_is_reachable(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED);
    uint64_t highest = 0;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(prng_below(&r, 1), 0);
        uint64_t x = prng_below(&r, UINT64_MAX);
        assert_true(x < UINT64_MAX);
        highest = x > highest ? x : highest;
    }
    assert_true(highest > UINT64_MAX / 100 * 98);
}

/* A state whose next number is x: the scrambler backwards.                                      */
static struct prng about_to_give(uint64_t x)
{
    const uint64_t inverse_of_9 = UINT64_C(0x8e38e38e38e38e39);
    const uint64_t inverse_of_5 = UINT64_C(0xcccccccccccccccd);
    uint64_t rotated = x * inverse_of_9;
    return (struct prng){{1, (rotated >> 7 | rotated << 57) * inverse_of_5, 3, 4}};
}

static void a_double_is_in_zero_to_one_up_to_the_ends(void **state)
{
    (void)state;
    struct prng r = about_to_give(UINT64_MAX);
    assert_true(prng_double(&r) == 1.0 - 0x1.0p-53);
    r = about_to_give(0);
    assert_true(prng_double(&r) == 0.0);
    r = about_to_give(UINT64_C(1) << 11);
    assert_true(prng_double(&r) == 0x1.0p-53);

    enum { BINS = 10 };
    uint64_t counts[BINS] = {0};
    prng_seed(&r, SEED);
    for (int i = 0; i < 100000; i++) {
        double x = prng_double(&r);
        assert_true(x >= 0.0 && x < 1.0);
        counts[(int)(x * BINS)]++;
    }
    assert_true(chi_square(counts, BINS) < 27.877);
}

static void normals_have_the_moments_and_tails_of_the_normal(void **state)
{
    (void)state;
    enum { N = 200000 };
    double sums[4] = {0};
    int within_1 = 0;
    int within_2 = 0;
    struct prng r;
    prng_seed(&r, SEED);
    for (int i = 0; i < N; i++) {
        double x = prng_normal(&r);
        assert_true(isfinite(x));
        sums[0] += x;
        sums[1] += x * x;
        sums[2] += x * x * x;
        sums[3] += x * x * x * x;
        within_1 += fabs(x) < 1.0;
        within_2 += fabs(x) < 2.0;
    }
    /* E x^k and Var x^k of the standard normal: 0 1 0 3 and 1 2 15 96. Four standard errors.     */
    static const double mean[] = {0, 1, 0, 3};
    static const double variance[] = {1, 2, 15, 96};
    for (int k = 0; k < 4; k++)
        if (fabs(sums[k] / N - mean[k]) > 4.0 * sqrt(variance[k] / N))
            fail_msg("seed %d: moment %d is %f, not %f", SEED, k + 1, sums[k] / N, mean[k]);
    /* Standard tables: 0.6827 within one deviation, 0.9545 within two.                           */
    assert_true(fabs((double)within_1 / N - 0.6827) < 0.0045);
    assert_true(fabs((double)within_2 / N - 0.9545) < 0.002);
}

static void the_same_seed_gives_the_same_draws(void **state)
{
    (void)state;
    struct prng a;
    struct prng b;
    struct prng c;
    prng_seed(&a, 7);
    prng_seed(&b, 7);
    prng_seed(&c, 8);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        double x = prng_normal(&a);
        assert_true(x == prng_normal(&b));
        same += x == prng_normal(&c);
    }
    assert_int_equal(same, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitmix64_gives_the_published_numbers),
        cmocka_unit_test(xoshiro256_gives_the_published_numbers),
        cmocka_unit_test(below_stays_below_and_is_uniform),
        cmocka_unit_test(below_is_unbiased_where_truncation_would_show),
        cmocka_unit_test(below_one_is_zero_and_the_largest_bound_is_reachable),
        cmocka_unit_test(a_double_is_in_zero_to_one_up_to_the_ends),
        cmocka_unit_test(normals_have_the_moments_and_tails_of_the_normal),
        cmocka_unit_test(the_same_seed_gives_the_same_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
