/* Wilson's bound, Gini's coefficient and Spearman's correlation against printed numbers. */
#include "base/prng.h"
#include "base/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { SEED = 7 };

static void near(const char *what, double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%s: expected %.10f, got %.10f", what, expected, got);
}

static void wilson_is_as_printed(void **state)
{
    (void)state;
    /* R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3, 95 %.             */
    static const struct {
        const char *what;
        uint64_t done, shown;
        double lower;
    } rows[] = {
        {"81/263", 81, 263, 0.2553}, {"15/148", 15, 148, 0.0624}, {"0/20", 0, 20, 0.0},
        {"1/29", 1, 29, 0.0061},     {"29/29", 29, 29, 0.8830},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        near(rows[i].what, wilson_lower(rows[i].done, rows[i].shown, 1.959964), rows[i].lower,
             0.00005);
}

/* The bound p0 is where the score test just rejects: (p - p0)^2 = z^2 p0 (1 - p0) / n.          */
static void wilson_solves_its_equation(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED);
    for (int i = 0; i < 2000; i++) {
        uint64_t shown = 1 + prng_below(&r, UINT64_C(1) << prng_below(&r, 30));
        uint64_t done = prng_below(&r, shown + 1);
        double z = 0.5 + 3.0 * prng_double(&r);
        double p = (double)done / (double)shown;
        double p0 = wilson_lower(done, shown, z);
        assert_true(p0 >= 0.0 && p0 <= p);
        near("score equation", (p - p0) * (p - p0), z * z * p0 * (1.0 - p0) / (double)shown, 1e-12);
    }
}

static void wilson_has_no_evidence_without_exposures_and_is_cut_at_all(void **state)
{
    (void)state;
    assert_true(wilson_lower(0, 0, 1.96) == 0.0);
    assert_true(wilson_lower(5, 0, 1.96) == 0.0);
    assert_true(wilson_lower(9, 3, 1.96) == wilson_lower(3, 3, 1.96));
    assert_true(wilson_lower(UINT64_MAX, UINT64_MAX, 1.96) > 0.999);
    assert_true(wilson_lower(UINT64_MAX, UINT64_MAX, 1.96) <= 1.0);
    assert_true(wilson_lower(1, UINT64_MAX, 1.96) > 0.0);
    near("z 0 is the rate", wilson_lower(1, 4, 0.0), 0.25, 1e-15);
}

static int ascending(const void *pa, const void *pb)
{
    double a = *(const double *)pa;
    double b = *(const double *)pb;
    return (a > b) - (a < b);
}

static void gini_is_as_printed(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        double x[10];
        size_t n;
        double gini, tolerance;
    } rows[] = {
        {"R package ineq, example of ineq()",
         {541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261},
         10,
         0.462091130267624,
         1e-14},
        {"R package phylotools, example of gini()", {1, 1, 1, 1, 2, 3, 4}, 7, 0.3076923, 5e-8},
        {"equal", {5, 5, 5, 5}, 4, 0.0, 0.0},
        {"one has all: (n - 1) / n", {0, 0, 0, 9}, 4, 0.75, 1e-15},
        {"one alone", {3}, 1, 0.0, 0.0},
        {"two, one has all", {0, 1}, 2, 0.5, 1e-15},
        {"nobody has anything", {0, 0, 0}, 3, 0.0, 0.0},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        near(rows[i].what, gini_sorted(rows[i].x, rows[i].n), rows[i].gini, rows[i].tolerance);
    assert_true(gini_sorted(NULL, 0) == 0.0);
}

static void gini_is_half_the_relative_mean_difference(void **state)
{
    (void)state;
    enum { MOST = 40 };
    struct prng r;
    prng_seed(&r, SEED);
    for (int trial = 0; trial < 200; trial++) {
        double x[MOST];
        size_t n = 1 + prng_below(&r, MOST);
        double sum = 0.0;
        double differences = 0.0;
        for (size_t i = 0; i < n; i++)
            sum += x[i] = (double)prng_below(&r, 1 + prng_below(&r, 1000));
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                differences += fabs(x[i] - x[j]);
        qsort(x, n, sizeof *x, ascending);
        double expected = sum > 0.0 ? differences / (2.0 * (double)n * sum) : 0.0;
        near("mean difference", gini_sorted(x, n), expected, 1e-12);
    }
}

static void spearman_is_as_printed(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t n;
        double x[15], y[15];
        double rho, tolerance;
    } rows[] = {
        {"Wikipedia, intelligence and hours of television, -29/165",
         10,
         {106, 100, 86, 101, 99, 103, 97, 113, 112, 110},
         {7, 27, 2, 50, 28, 29, 20, 12, 6, 17},
         -29.0 / 165.0,
         1e-15},
        {"R cor.test with a tie, in SciPy's test_spearmanr_vs_r",
         5,
         {1, 2, 3, 4, 5},
         {5, 6, 7, 8, 7},
         0.82078268166812329,
         1e-15},
        {"SciPy's mstats tests, a tie",
         4,
         {5.05, 6.75, 3.21, 2.66},
         {1.65, 2.64, 2.64, 6.95},
         -0.6324555,
         5e-8},
        {"SciPy's mstats tests, ties on both sides",
         15,
         {2.0, 47.4, 42.0, 10.8, 60.1, 1.7, 64.0, 63.1, 1.0, 1.4, 7.9, 0.3, 3.9, 0.3, 6.7},
         {22.6, 8.3, 44.4, 11.9, 24.6, 0.6, 5.7, 41.6, 0.0, 0.6, 6.7, 3.8, 1.0, 1.2, 1.4},
         0.6887298747763864,
         1e-14},
        {"the same order", 4, {1, 2, 3, 4}, {1, 8, 27, 64}, 1.0, 0.0},
        {"the opposite order", 4, {1, 2, 3, 4}, {64, 27, 8, 1}, -1.0, 0.0},
        {"one side constant", 3, {5, 5, 5}, {1, 2, 3}, 0.0, 0.0},
        {"both sides constant", 2, {5, 5}, {1, 1}, 0.0, 0.0},
        {"a single pair", 1, {5}, {1}, 0.0, 0.0},
        {"not a number: all alike, after every number",
         4,
         {1, NAN, 2, NAN},
         {1, 3, 2, 3},
         1.0,
         0.0},
        {"infinities are numbers", 3, {-INFINITY, 0, INFINITY}, {1, 2, 3}, 1.0, 0.0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        near(rows[i].what, spearman(rows[i].x, rows[i].y, rows[i].n), rows[i].rho,
             rows[i].tolerance);
        near(rows[i].what, spearman(rows[i].y, rows[i].x, rows[i].n), rows[i].rho,
             rows[i].tolerance);
    }
    assert_true(spearman(NULL, NULL, 0) == 0.0);
}

/* Ranks by counting, then Pearson's correlation.                                                */
static double spearman_twin(const double *x, const double *y, size_t n)
{
    double sxx = 0.0;
    double syy = 0.0;
    double sxy = 0.0;
    for (size_t i = 0; i < n; i++) {
        double rx = 0.0;
        double ry = 0.0;
        for (size_t j = 0; j < n; j++) {
            rx += x[j] < x[i] ? 1.0 : x[j] == x[i] ? 0.5 : 0.0;
            ry += y[j] < y[i] ? 1.0 : y[j] == y[i] ? 0.5 : 0.0;
        }
        rx -= (double)n / 2.0;
        ry -= (double)n / 2.0;
        sxx += rx * rx;
        syy += ry * ry;
        sxy += rx * ry;
    }
    return sxx > 0.0 && syy > 0.0 ? sxy / sqrt(sxx * syy) : 0.0;
}

static void spearman_is_as_counting_ranks(void **state)
{
    (void)state;
    enum { MOST = 60 };
    struct prng r;
    prng_seed(&r, SEED);
    for (int trial = 0; trial < 300; trial++) {
        double x[MOST];
        double y[MOST];
        size_t n = 1 + prng_below(&r, MOST);
        uint64_t spread = 1 + prng_below(&r, 50);
        for (size_t i = 0; i < n; i++) {
            x[i] = (double)prng_below(&r, spread);
            y[i] = x[i] + (double)prng_below(&r, spread);
        }
        near("counted ranks", spearman(x, y, n), spearman_twin(x, y, n), 1e-12);
    }
}

static void spearman_survives_what_is_not_a_number(void **state)
{
    (void)state;
    enum { N = 500 };
    double x[N];
    double y[N];
    struct prng r;
    prng_seed(&r, SEED);
    for (size_t i = 0; i < N; i++) {
        x[i] = prng_below(&r, 3) ? prng_double(&r) : NAN;
        y[i] = prng_below(&r, 3) ? prng_double(&r) : NAN;
    }
    double rho = spearman(x, y, N);
    assert_true(rho >= -1.0 && rho <= 1.0);
    for (size_t i = 0; i < N; i++)
        x[i] = NAN;
    assert_true(spearman(x, y, N) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_is_as_printed),
        cmocka_unit_test(wilson_solves_its_equation),
        cmocka_unit_test(wilson_has_no_evidence_without_exposures_and_is_cut_at_all),
        cmocka_unit_test(gini_is_as_printed),
        cmocka_unit_test(gini_is_half_the_relative_mean_difference),
        cmocka_unit_test(spearman_is_as_printed),
        cmocka_unit_test(spearman_is_as_counting_ranks),
        cmocka_unit_test(spearman_survives_what_is_not_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
