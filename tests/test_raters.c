/* Raters' reliability: crowds whose care is known, a naive twin, people who do harm. */
#include "quality/raters.h"
#include "quality/shrink.h"

#include "base/prng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct quality_rules RULES = {.score_min_milli = 0, .score_max_milli = 1000};

enum { USERS = 120, TARGETS = 300, EACH = 30 };

struct crowd {
    struct quality q;
    double worth[TARGETS], sigma[USERS], bias[USERS];
};

/* A third is careful, a third as usual, a third careless; half of all give .1 more or less.      */
static void make_crowd(struct crowd *x, uint64_t seed)
{
    static const double sigmas[3] = {.06, .15, .3};
    struct prng r;
    prng_seed(&r, seed);
    quality_init(&x->q);
    for (int t = 0; t < TARGETS; t++)
        x->worth[t] = .5 + .1 * prng_normal(&r);
    for (uint32_t u = 0; u < USERS; u++) {
        x->sigma[u] = sigmas[u % 3];
        x->bias[u] = u % 4 == 0 ? .1 : u % 4 == 1 ? -.1 : 0;
        for (int k = 0; k < EACH; k++) {
            uint32_t t = (uint32_t)prng_below(&r, TARGETS);
            double score = x->worth[t] + x->bias[u] + x->sigma[u] * prng_normal(&r);
            score = score < 0 ? 0 : score > 1 ? 1 : score;
            assert_int_equal(quality_rate(&x->q, &RULES, RATING_USER, u,
                                          target_make(TARGET_CONTENT, t),
                                          (int64_t)lround(score * 1000)),
                             HEED_OK);
        }
    }
}

static double error_of(const struct crowd *x, const struct raters *r)
{
    double error = 0, mean = 0, n = 0, weight = 0;
    for (int t = 0; t < TARGETS; t++) {
        const struct weighted_ratings *w = &r->targets[TARGET_CONTENT][t];
        if (w->count > 0) {
            mean += w->sum;
            weight += w->weight;
        }
    }
    mean /= weight;
    for (int t = 0; t < TARGETS; t++) {
        const struct weighted_ratings *w = &r->targets[TARGET_CONTENT][t];
        if (w->count > 0) { /* biases are relative, so both are held about their mean */
            double d = w->sum / w->weight - mean - (x->worth[t] - .5);
            error += d * d;
            n++;
        }
    }
    return error / n;
}

static void careful_raters_weigh_more_and_means_err_less(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct crowd *x = calloc(1, sizeof *x);
        assert_non_null(x);
        make_crowd(x, seed);
        struct raters alike, r;
        assert_int_equal(raters_estimate(&x->q, 0, &alike), HEED_OK);
        assert_int_equal(raters_estimate(&x->q, 5, &r), HEED_OK);
        double weight[3] = {0}, bias[4] = {0};
        for (uint32_t u = 0; u < USERS; u++) {
            assert_true(alike.by_user[u].weight == 1 && alike.by_user[u].bias == 0);
            weight[u % 3] += r.by_user[u].weight / (USERS / 3.);
            bias[u % 4] += r.by_user[u].bias / (USERS / 4.);
        }
        double before = error_of(x, &alike), after = error_of(x, &r);
        if (!(weight[0] > 1.5 * weight[1] && weight[1] > 1.5 * weight[2]))
            fail_msg("seed %llu: weights %.3f %.3f %.3f", (unsigned long long)seed, weight[0],
                     weight[1], weight[2]);
        if (fabs(bias[0] - .1) > .03 || fabs(bias[1] + .1) > .03 || fabs(bias[2]) > .03)
            fail_msg("seed %llu: biases %.3f %.3f %.3f", (unsigned long long)seed, bias[0], bias[1],
                     bias[2]);
        if (after > .5 * before)
            fail_msg("seed %llu: error %.5f, was %.5f", (unsigned long long)seed, after, before);
        raters_deinit(&alike);
        raters_deinit(&r);
        quality_deinit(&x->q);
        free(x);
    }
}

/* ── a naive twin ────────────────────────────────────────────────────────────────────────────── */

enum { FEW_USERS = 15, FEW_TARGETS = 20 };

/* The same steps by their definition: every mean without a rating is formed anew from the others.
 */
static void naive_step(double score[FEW_USERS][FEW_TARGETS], double w[FEW_USERS],
                       double b[FEW_USERS], const struct variance_components *c, double strength)
{
    double within = c->within / 1e6, between = c->between / 1e6, mean = c->mean / 1000;
    double pull[FEW_USERS] = {0}, sum[FEW_USERS] = {0}, ratings[FEW_USERS] = {0};
    double shared = 0, spread = 0, all = 0, squares[FEW_USERS] = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (int u = 0; u < FEW_USERS; u++)
            for (int t = 0; t < FEW_TARGETS; t++) {
                if (score[u][t] < 0)
                    continue;
                double precision = 1 / between, expected = mean / between;
                for (int v = 0; v < FEW_USERS; v++)
                    if (v != u && score[v][t] >= 0) {
                        precision += w[v] / within;
                        expected += w[v] * (score[v][t] - b[v]) / within;
                    }
                double d = score[u][t] - expected / precision;
                if (pass == 0) {
                    double k = 1 / (within / w[u] + 1 / precision);
                    pull[u] += k;
                    sum[u] += k * d;
                    ratings[u]++;
                } else {
                    squares[u] += (d - b[u] - shared) * (d - b[u] - shared) - 1 / precision;
                }
            }
        for (int u = 0; pass == 0 && u < FEW_USERS; u++)
            if (ratings[u] > 1) {
                shared += sum[u];
                spread += sum[u] * sum[u] / pull[u] - 1;
                all += pull[u];
            }
        if (pass == 0) {
            shared = all > 0 ? shared / all : 0;
            spread = all > 0 ? spread / all - shared * shared : 0;
            for (int u = 0; u < FEW_USERS; u++)
                b[u] = spread > 0 && ratings[u] > 0
                           ? (sum[u] / pull[u] - shared) * spread / (spread + 1 / pull[u])
                           : 0;
        }
    }
    for (int u = 0; u < FEW_USERS; u++) {
        double weight = within * (strength + ratings[u]) / (strength * within + squares[u]);
        if (strength * within + squares[u] <= 0 || weight > 4)
            weight = 4;
        w[u] = weight < 1. / 16 ? 1. / 16 : weight;
    }
}

static void estimates_agree_with_a_naive_twin(void **state)
{
    (void)state;
    int told = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct prng r;
        struct quality q;
        double score[FEW_USERS][FEW_TARGETS], w[FEW_USERS], b[FEW_USERS] = {0};
        prng_seed(&r, seed);
        quality_init(&q);
        for (uint32_t u = 0; u < FEW_USERS; u++)
            for (uint32_t t = 0; t < FEW_TARGETS; t++) {
                score[u][t] = -1;
                w[u] = 1;
                if (prng_below(&r, 3) == 0)
                    continue;
                int64_t milli = (int64_t)prng_below(&r, 400) + 30 * (int64_t)t / (1 + (int64_t)u);
                milli = milli < 1000 ? milli : 1000;
                score[u][t] = (double)milli / 1000;
                assert_int_equal(
                    quality_rate(&q, &RULES, RATING_USER, u, target_make(TARGET_GOOD, t), milli),
                    HEED_OK);
            }
        struct variance_components c = shrink_components(&q.prior[RATING_USER]);
        struct raters got;
        assert_int_equal(raters_estimate(&q, 7, &got), HEED_OK);
        for (int step = 0; c.between > 0 && step < 12; step++)
            naive_step(score, w, b, &c, 7);
        for (uint32_t u = 0; u < got.users_n; u++) {
            told += got.by_user[u].weight != 1;
            if (fabs(got.by_user[u].weight - w[u]) > 1e-9 ||
                fabs(got.by_user[u].bias - b[u]) > 1e-9)
                fail_msg("seed %llu, user %u: weight %.12f bias %.12f, naive %.12f %.12f",
                         (unsigned long long)seed, u, got.by_user[u].weight, got.by_user[u].bias,
                         w[u], b[u]);
        }
        raters_deinit(&got);
        quality_deinit(&q);
    }
    assert_true(told > 100);
}

/* ── limits ──────────────────────────────────────────────────────────────────────────────────── */

/* Twelve of 120 say 1 of ten targets and noise of the rest: the ten rise, but by less than if all
 * were taken alike.                                                                              */
static void liars_lose_weight(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct crowd *x = calloc(1, sizeof *x);
        struct prng r;
        assert_non_null(x);
        make_crowd(x, seed);
        prng_seed(&r, seed + 100);
        for (uint32_t u = USERS; u < USERS + 12; u++)
            for (uint32_t t = 0; t < 40; t++)
                assert_int_equal(quality_rate(&x->q, &RULES, RATING_USER, u,
                                              target_make(TARGET_CONTENT, t),
                                              t < 10 ? 1000 : (int64_t)prng_below(&r, 1001)),
                                 HEED_OK);
        struct raters alike, got;
        assert_int_equal(raters_estimate(&x->q, 0, &alike), HEED_OK);
        assert_int_equal(raters_estimate(&x->q, 5, &got), HEED_OK);
        double before = 0, after = 0, liars = 0;
        for (uint32_t t = 0; t < 10; t++) {
            const struct weighted_ratings *a = &alike.targets[TARGET_CONTENT][t];
            const struct weighted_ratings *b = &got.targets[TARGET_CONTENT][t];
            before += (a->sum / a->weight - x->worth[t]) / 10;
            after += (b->sum / b->weight - x->worth[t]) / 10;
        }
        for (uint32_t u = USERS; u < USERS + 12; u++)
            liars += got.by_user[u].weight / 12;
        if (liars > .6 || after > .6 * before)
            fail_msg("seed %llu: liars weigh %.3f; raised by %.3f, was %.3f",
                     (unsigned long long)seed, liars, after, before);
        raters_deinit(&alike);
        raters_deinit(&got);
        quality_deinit(&x->q);
        free(x);
    }
}

static void few_ratings_or_none_weigh_alike(void **state)
{
    (void)state;
    struct quality q;
    struct raters r;
    quality_init(&q);
    assert_int_equal(raters_estimate(&q, 5, &r), HEED_OK);
    assert_int_equal(r.users_n, 0);
    raters_deinit(&r);
    for (uint32_t u = 0; u < 5; u++)
        assert_int_equal(
            quality_rate(&q, &RULES, RATING_USER, u * 3, target_make(TARGET_USER, u % 2), u * 200),
            HEED_OK);
    assert_int_equal(quality_rate(&q, &RULES, RATING_EXPERT, 40, target_make(TARGET_USER, 1), 900),
                     HEED_OK);
    assert_int_equal(raters_estimate(&q, 5, &r), HEED_OK);
    assert_int_equal(r.users_n, 13); /* experts are not raters here */
    for (uint32_t u = 0; u < r.users_n; u++)
        assert_true(r.by_user[u].weight == 1 && r.by_user[u].bias == 0);
    assert_true(r.targets[TARGET_USER][0].weight == 3);
    raters_deinit(&r);
    quality_deinit(&q);
}

/* All of one mind: no noise, or no difference between targets.                                   */
static void ratings_without_noise_or_difference_do_no_harm(void **state)
{
    (void)state;
    for (int same = 0; same < 2; same++) {
        struct quality q;
        struct raters r;
        quality_init(&q);
        for (uint32_t u = 0; u < 10; u++)
            for (uint32_t t = 0; t < 20; t++)
                assert_int_equal(quality_rate(&q, &RULES, RATING_USER, u,
                                              target_make(TARGET_CONTENT, t),
                                              same ? 500 : 40 * (int64_t)t),
                                 HEED_OK);
        assert_int_equal(raters_estimate(&q, 5, &r), HEED_OK);
        for (uint32_t u = 0; u < r.users_n; u++)
            assert_true(r.by_user[u].weight == 1 && r.by_user[u].bias == 0);
        raters_deinit(&r);
        quality_deinit(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(careful_raters_weigh_more_and_means_err_less),
        cmocka_unit_test(estimates_agree_with_a_naive_twin),
        cmocka_unit_test(liars_lose_weight),
        cmocka_unit_test(few_ratings_or_none_weigh_alike),
        cmocka_unit_test(ratings_without_noise_or_difference_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
