/* Exploration: what is drawn, how often, and that the logged propensities are the truth. */
#include "allocation/explore.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_near(double got, double expected, double within, const char *what)
{
    if (!(fabs(got - expected) <= within))
        fail_msg("%s: %g, not %g +- %g", what, got, expected, within);
}

static void epsilon_takes_the_best_but_for_its_share(void **state)
{
    (void)state;
    enum { N = 5, BEST = 3, TIMES = 200000 };
    struct prng r;
    prng_seed(&r, 1);
    size_t taken[N] = {0};
    for (int i = 0; i < TIMES; i++) {
        struct explored e = explore_epsilon(N, BEST, 200000, &r);
        taken[e.index]++;
        assert_int_equal(e.propensity, e.index == BEST ? 840000000 : 40000000);
    }
    for (size_t i = 0; i < N; i++) {
        double p = i == BEST ? .84 : .04; /* .8 + .2 / 5 */
        assert_near((double)taken[i] / TIMES, p, 4 * sqrt(p * (1 - p) / TIMES), "share taken");
    }
    assert_int_equal(explore_epsilon(N, BEST, 0, &r).index, BEST);
    assert_int_equal(explore_epsilon(N, BEST, 0, &r).propensity, EXPLORE_UNIT);
    assert_int_equal(explore_epsilon(1, 0, 1000000, &r).propensity, EXPLORE_UNIT);
    for (int i = 0; i < 100; i++) /* not rounded to nothing */
        assert_true(explore_epsilon(4000000000u, 0, 1, &r).propensity > 0);
}

/* Mean a / (a + b), variance a b / ((a + b)^2 (a + b + 1)).                                      */
static void beta_draws_have_the_mean_and_variance_of_the_distribution(void **state)
{
    (void)state;
    static const double rows[][2] = {{1, 1}, {1, 9}, {3, 2}, {40, 60}, {1, 100000}, {5e5, 5e5}};
    enum { TIMES = 100000 };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        double a = rows[k][0], b = rows[k][1], sum = 0, squares = 0;
        double mean = a / (a + b), variance = a * b / ((a + b) * (a + b) * (a + b + 1));
        struct prng r;
        prng_seed(&r, 7 + k);
        for (int i = 0; i < TIMES; i++) {
            double x = explore_beta(a, b, &r);
            assert_true(x > 0 && x < 1);
            sum += x - mean;
            squares += (x - mean) * (x - mean);
        }
        assert_near(sum / TIMES, 0, 4 * sqrt(variance / TIMES), "mean");
        assert_near(squares / TIMES / variance, 1, .05, "variance");
    }
    /* Beta(1, 1) is even: its quartiles hold a quarter each */
    size_t below = 0;
    struct prng r;
    prng_seed(&r, 3);
    for (int i = 0; i < TIMES; i++)
        below += explore_beta(1, 1, &r) < .25;
    assert_near((double)below / TIMES, .25, .006, "first quartile");
}

/* P(X > Y) for X ~ Beta(2, 1), Y ~ Beta(1, 1) is the mean of X, 2/3; a tenth goes to chance. */
static void thompson_takes_an_arm_as_often_as_it_may_be_the_best(void **state)
{
    (void)state;
    static const struct explore_arm arms[2] = {{1, 1}, {0, 0}};
    enum { TIMES = 20000 };
    struct prng r;
    prng_seed(&r, 11);
    size_t first = 0;
    for (int i = 0; i < TIMES; i++)
        first += explore_thompson(arms, 2, 100000, &r).index == 0;
    double p = .9 * 2 / 3. + .1 / 2;
    assert_near((double)first / TIMES, p, 4 * sqrt(p * (1 - p) / TIMES), "share of the better arm");
}

static void what_is_sure_is_taken_and_what_is_unknown_is_tried(void **state)
{
    (void)state;
    static const struct explore_arm sure[3] = {{10, 1000}, {900, 1000}, {20, 1000}};
    static const struct explore_arm open[3] = {{100, 1000}, {110, 1000}, {0, 0}};
    struct prng r;
    prng_seed(&r, 13);
    size_t tried = 0;
    for (int i = 0; i < 200; i++) {
        struct explored e = explore_thompson(sure, 3, 30000, &r);
        assert_int_equal(e.propensity, e.index == 1 ? 980000000 : 10000000); /* .97 + .01, .01 */
        tried += explore_thompson(open, 3, 30000, &r).index == 2;
    }
    for (int i = 0; i < 200; i++) { /* as rules of earlier worlds may have it */
        struct explored e = explore_thompson(sure, 3, 0, &r);
        assert_true(e.index == 1 && e.propensity == EXPLORE_UNIT);
    }
    for (int i = 0; i < 200; i++)
        assert_int_equal(explore_thompson(sure, 3, 1000000, &r).propensity, 333333333);
    assert_true(tried > 150); /* nearly nine in ten draws from Beta(1, 1) are above .11 */
}

/* What one wants the propensities for: the mean of reward / propensity over what was taken is the
 * sum of all candidates' rewards, whatever was taken how often.                                  */
static void weighing_by_propensity_gives_back_what_all_would_have_earned(void **state)
{
    (void)state;
    static const struct explore_arm arms[4] = {{3, 10}, {4, 10}, {2, 10}, {3, 12}};
    static const double reward[4] = {1, 0, 5, 2};
    enum { TIMES = 60000 };
    struct prng r;
    double sums[2] = {0}, squares[2] = {0};
    prng_seed(&r, 17);
    for (int i = 0; i < TIMES; i++)
        for (int method = 0; method < 2; method++) {
            struct explored e =
                method ? explore_thompson(arms, 4, 50000, &r) : explore_epsilon(4, 1, 300000, &r);
            double x = reward[e.index] / ((double)e.propensity / EXPLORE_UNIT);
            sums[method] += x;
            squares[method] += x * x;
        }
    for (int method = 0; method < 2; method++) {
        double mean = sums[method] / TIMES;
        double sd = sqrt((squares[method] / TIMES - mean * mean) / TIMES);
        assert_near(mean, 8, 4 * sd, method ? "thompson" : "epsilon");
    }
}

/* Arms whose chance to be the best goes from .50 down to .001, so that of the last hardly a call in
 * fifteen has a draw among its 64. For each the mean of 1{taken} / propensity is 1. */
static void every_arm_is_weighed_back_to_one(void **state)
{
    (void)state;
    enum { N = 5, TIMES = 20000 };
    static const struct explore_arm arms[N] = {
        {30, 100}, {29, 100}, {25, 100}, {20, 100}, {16, 100}};
    static const uint32_t epsilons[] = {20000, 200000, 1000000};
    for (size_t k = 0; k < sizeof epsilons / sizeof *epsilons; k++) {
        struct prng r;
        double sums[N] = {0}, squares[N] = {0};
        char what[60];
        prng_seed(&r, 100 + k);
        for (int i = 0; i < TIMES; i++) {
            struct explored e = explore_thompson(arms, N, epsilons[k], &r);
            double w = (double)EXPLORE_UNIT / e.propensity;
            assert_true(e.propensity > 0 && e.propensity <= EXPLORE_UNIT);
            sums[e.index] += w;
            squares[e.index] += w * w;
        }
        for (size_t a = 0; a < N; a++) {
            double mean = sums[a] / TIMES;
            snprintf(what, sizeof what, "epsilon %g, arm %zu", epsilons[k] / 1e6, a);
            assert_near(mean, 1, 4 * sqrt((squares[a] / TIMES - mean * mean) / TIMES), what);
        }
    }
}

static void the_same_seed_explores_the_same(void **state)
{
    (void)state;
    static const struct explore_arm arms[3] = {{1, 4}, {2, 9}, {0, 1}};
    struct prng a, b;
    prng_seed(&a, 5);
    prng_seed(&b, 5);
    for (int i = 0; i < 100; i++) {
        struct explored x = explore_thompson(arms, 3, 50000, &a),
                        y = explore_thompson(arms, 3, 50000, &b);
        assert_true(x.index == y.index && x.propensity == y.propensity);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epsilon_takes_the_best_but_for_its_share),
        cmocka_unit_test(beta_draws_have_the_mean_and_variance_of_the_distribution),
        cmocka_unit_test(thompson_takes_an_arm_as_often_as_it_may_be_the_best),
        cmocka_unit_test(what_is_sure_is_taken_and_what_is_unknown_is_tried),
        cmocka_unit_test(weighing_by_propensity_gives_back_what_all_would_have_earned),
        cmocka_unit_test(every_arm_is_weighed_back_to_one),
        cmocka_unit_test(the_same_seed_explores_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
