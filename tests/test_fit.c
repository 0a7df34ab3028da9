/* The learnt score: against published credibility estimates, a posterior by brute force, and worlds
 * whose numbers are known. */
#include "quality/fit.h"

#include "base/prng.h"
#include "support_saved.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_near(double got, double expected, double tolerance, const char *what,
                        uint64_t seed)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%s: expected %.9g, got %.9g (seed %llu)", what, expected, got,
                 (unsigned long long)seed);
}

static void observe(struct fit_evidence *e, double weight, double x)
{
    e->count++;
    e->weight += weight;
    e->sum += weight * x;
    e->squares += weight * x * x;
}

/* ── published answers ───────────────────────────────────────────────────────────────────────── */

/* C. Hachemeister, "Credibility for regression models with application to trend" (1975): average
 * claims of five states in twelve quarters, by their numbers of claims. Expected: the R package
 * actuar's fit cm(~state, hachemeister, ratio.1:ratio.12, weight.1:weight.12), as its vignette
 * prints it: within state variance 139120026, between state variance 89639, collective premium
 * (the credibility-weighted mean) 1684.                                                          */
static void weighted_variance_components_are_hachemeisters(void **state)
{
    static const double claims[5][12] = {
        {1738, 1642, 1794, 2051, 2079, 2234, 2032, 2035, 2115, 2262, 2267, 2517},
        {1364, 1408, 1597, 1444, 1342, 1675, 1470, 1448, 1464, 1831, 1612, 1471},
        {1759, 1685, 1479, 1763, 1674, 2103, 1502, 1622, 1828, 2155, 2233, 2059},
        {1223, 1146, 1010, 1257, 1426, 1532, 1953, 1123, 1343, 1243, 1762, 1306},
        {1456, 1499, 1609, 1741, 1482, 1572, 1606, 1735, 1607, 1573, 1613, 1690}};
    static const double weights[5][12] = {
        {7861, 9251, 8706, 8575, 7917, 8263, 9456, 8003, 7365, 7832, 7849, 9077},
        {1622, 1742, 1523, 1515, 1622, 1602, 1964, 1515, 1527, 1748, 1654, 1861},
        {1147, 1357, 1329, 1204, 998, 1077, 1277, 1218, 896, 1003, 1108, 1121},
        {407, 396, 348, 341, 315, 328, 352, 331, 287, 384, 321, 342},
        {2902, 3172, 3046, 3068, 2693, 2910, 3275, 2697, 2663, 3017, 3242, 3425}};
    (void)state;
    struct fit_row rows[5] = {0};
    for (int s = 0; s < 5; s++)
        for (int i = 0; i < 12; i++)
            observe(&rows[s].from[SOURCE_EXPERT], weights[s][i], claims[s][i]);
    struct fit_components c = fit_components(rows, 5, SOURCE_EXPERT, -1);
    assert_near(c.within, 139120026, .5, "within state variance", 0);
    assert_near(c.between, 89639, .5, "between state variance", 0);
    double trust = 0, premium = 0;
    for (int s = 0; s < 5; s++) {
        const struct fit_evidence *e = &rows[s].from[SOURCE_EXPERT];
        double z = e->weight / (e->weight + c.within / c.between);
        trust += z;
        premium += z * (e->sum / e->weight);
    }
    assert_near(premium / trust, 1684, .5, "collective premium", 0);
}

/* ── the posterior by brute force ────────────────────────────────────────────────────────────── */

enum { WORKS = 7 };

/* Solves a x = b of n rows by elimination, a symmetric and positive definite.                    */
static void solve(int n, double a[WORKS][WORKS], double b[WORKS])
{
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            double f = a[j][i] / a[i][i];
            for (int k = i; k < n; k++)
                a[j][k] -= f * a[i][k];
            b[j] -= f * b[i];
        }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
}

static struct quality_fit some_fit(struct prng *r)
{
    struct quality_fit f = {.known = true, .outcome = SOURCE_EXPERT};
    f.mean = FIT_UNIT / 2;
    f.own = 1000000 + (int64_t)prng_below(r, 20000000);
    f.of_creators = (int64_t)prng_below(r, 20000000);
    for (int k = 0; k < FIT_SOURCES; k++) {
        f.from[k].center = 300000000 + (int64_t)prng_below(r, 300000000);
        f.from[k].slope = 200000000 + (int64_t)prng_below(r, 800000000);
        f.from[k].bias = (int64_t)prng_below(r, 9000000);
        f.from[k].noise = 30000000 + (int64_t)prng_below(r, 100000000);
    }
    return f;
}

/* All works of one creator are normal with covariance own I + of_creators 1 1'; their sources are
 * measurements of them. The posterior of work 0, from the joint normal of all, is what fit_judge
 * says from sums alone.                                                                          */
static void a_judgement_is_the_posterior_of_the_joint_normal(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct quality_fit f = some_fit(&r);
        struct fit_row rows[WORKS] = {0};
        int n = 1 + (int)prng_below(&r, WORKS);
        double own = (double)f.own / 1e9, shared = (double)f.of_creators / 1e9;
        double cov[WORKS][WORKS], gain[WORKS] = {0}, seen[WORKS] = {0}, value[WORKS] = {0};
        for (int i = 0; i < n; i++) {
            rows[i].copy = i > 0 && prng_below(&r, 5) == 0;
            for (int k = 0; k < FIT_SOURCES; k++) {
                double slope = (double)f.from[k].slope / 1e9;
                double center = (double)f.from[k].center / 1e9;
                uint64_t times = prng_below(&r, 4);
                for (uint64_t t = 0; t < times; t++) /* near the centre, so nothing is clipped */
                    observe(&rows[i].from[k], .5 + prng_double(&r),
                            center + .2 * (prng_double(&r) - .5));
                const struct fit_evidence *e = &rows[i].from[k];
                if (e->weight <= 0 || (rows[i].copy && i > 0))
                    continue;
                double var =
                    ((double)f.from[k].bias / 1e9 + (double)f.from[k].noise / 1e9 / e->weight) /
                    (slope * slope);
                seen[i] += 1 / var;
                value[i] += (e->sum / e->weight - center) / slope / var;
            }
        }
        /* measured: z_i = theta_i + e_i, Var e_i = 1 / seen_i; only works that say something */
        int at[WORKS], m = 0;
        for (int i = 0; i < n; i++)
            if (seen[i] > 0)
                at[m++] = i;
        for (int i = 0; i < m; i++) {
            gain[i] = value[at[i]] / seen[at[i]];
            for (int j = 0; j < m; j++)
                cov[i][j] = shared + (i == j ? own + 1 / seen[at[i]] : 0);
        }
        solve(m, cov, gain);
        double expected = .5;
        for (int i = 0; i < m; i++)
            expected += (shared + (at[i] == 0 ? own : 0)) * gain[i];

        struct fit_record others = {0, 0, 0};
        for (int i = 1; i < n; i++) {
            struct fit_record c = fit_contribution(&f, &rows[i]);
            others.weight += c.weight;
            others.sum += c.sum;
            others.targets += c.targets;
        }
        struct fit_judgement j = fit_judge(&f, &rows[0], &others, UINT32_MAX);
        assert_near(j.score, expected, 1e-9, "posterior mean", seed);
        double weights = j.creator.weight + j.prior.weight;
        for (int k = 0; k < FIT_SOURCES; k++)
            weights += j.from[k].weight;
        assert_near(weights, 1, 1e-12, "weights", seed);
    }
}

static void what_nobody_knows_is_the_mean_and_says_how_unsure_it_is(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 3);
    struct quality_fit f = some_fit(&r);
    struct fit_row row = {0};
    struct fit_judgement j = fit_judge(&f, &row, &(struct fit_record){0, 0, 0}, UINT32_MAX);
    assert_near(j.score, .5, 1e-12, "score", 3);
    assert_near(j.sd * j.sd, (double)(f.own + f.of_creators) / 1e9, 1e-12, "variance", 3);
    double before = j.sd;
    for (int i = 0; i < 20; i++) {
        observe(&row.from[SOURCE_EXPERT], 1, .5);
        j = fit_judge(&f, &row, &(struct fit_record){0, 0, 0}, UINT32_MAX);
        assert_true(j.sd < before);
        before = j.sd;
    }
    double sure = j.sd;
    j = fit_judge(&f, &row, &(struct fit_record){0, 0, 0}, 0); /* the rules weigh none of it */
    assert_true(j.score == .5 && j.sd > sure);
}

static void the_score_rises_with_each_ingredient(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct quality_fit f = some_fit(&r);
        struct fit_row row = {0};
        for (int k = 0; k < FIT_SOURCES; k++)
            for (uint64_t t = prng_below(&r, 5); t > 0; t--)
                observe(&row.from[k], 1, prng_double(&r));
        int k = (int)prng_below(&r, FIT_SOURCES);
        observe(&row.from[k], 1, .2);
        struct fit_row better = row;
        better.from[k].sum += .5;
        struct fit_record none = {0, 0, 0};
        double low = fit_judge(&f, &row, &none, UINT32_MAX).score;
        double high = fit_judge(&f, &better, &none, UINT32_MAX).score;
        if (high < low)
            fail_msg("seed %llu: %g, with more %g", (unsigned long long)seed, low, high);
    }
}

/* Engagement that no quality explains (bought, say) moves the score less than what is plausible. */
static void what_no_quality_explains_counts_less(void **state)
{
    (void)state;
    struct quality_fit f = {.known = true, .outcome = SOURCE_EXPERT, .mean = FIT_UNIT / 2};
    f.own = f.of_creators = 20000000;
    f.from[SOURCE_INTERACTIVITY].center = 130000000; /* as in plaza */
    f.from[SOURCE_INTERACTIVITY].slope = 220000000;
    f.from[SOURCE_INTERACTIVITY].bias = 3700000;
    f.from[SOURCE_INTERACTIVITY].noise = 140000000;
    struct fit_record none = {0, 0, 0};
    double shown = 500, weight[3];
    static const double rates[3] = {.2, .3, .9};
    for (int i = 0; i < 3; i++) {
        struct fit_row row = {0};
        row.from[SOURCE_INTERACTIVITY] =
            (struct fit_evidence){500, shown, shown * rates[i], shown * rates[i]};
        struct fit_judgement j = fit_judge(&f, &row, &none, UINT32_MAX);
        weight[i] = fit_contribution(&f, &row).weight;
        assert_true(j.score > .5 && j.score < .9);
    }
    assert_true(weight[0] == weight[1]);
    assert_true(weight[2] < weight[1] / 3);
}

/* ── worlds whose numbers are known ──────────────────────────────────────────────────────────── */

enum { CREATORS = 150, TARGETS = 3000 };

struct known {
    double own, shared, slope[FIT_SOURCES], bias[FIT_SOURCES], noise[FIT_SOURCES];
    double worth[TARGETS];
    struct fit_row rows[TARGETS];
};

/* A fifth is judged by experts, once or twice; ratings and engagement come in unequal numbers.   */
static void make_known(struct known *x, uint64_t seed, double mean)
{
    struct prng r;
    double creators[CREATORS];
    prng_seed(&r, seed);
    memset(x->rows, 0, sizeof x->rows);
    for (int i = 0; i < CREATORS; i++)
        creators[i] = sqrt(x->shared) * prng_normal(&r);
    for (int i = 0; i < TARGETS; i++) {
        struct fit_row *row = &x->rows[i];
        row->owner = (uint32_t)prng_below(&r, CREATORS);
        double dev = creators[row->owner] + sqrt(x->own) * prng_normal(&r);
        x->worth[i] = mean + dev;
        uint64_t times[FIT_SOURCES] = {prng_below(&r, 8), 0, prng_below(&r, 60)};
        times[SOURCE_EXPERT] = prng_below(&r, 5) == 0 ? 1 + prng_below(&r, 2) : 0;
        for (int k = 0; k < FIT_SOURCES; k++) {
            double center = .4 + x->slope[k] * dev + sqrt(x->bias[k]) * prng_normal(&r);
            if (k == SOURCE_EXPERT)
                center = mean + dev;
            for (uint64_t t = 0; t < times[k]; t++)
                observe(&row->from[k], 1, center + sqrt(x->noise[k]) * prng_normal(&r));
        }
    }
}

static struct known *known_world(uint64_t seed)
{
    struct known *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->own = .01;
    x->shared = .015;
    x->slope[SOURCE_RATING] = .6;
    x->slope[SOURCE_EXPERT] = 1;
    x->slope[SOURCE_INTERACTIVITY] = .25;
    x->bias[SOURCE_RATING] = .003;
    x->bias[SOURCE_INTERACTIVITY] = .001;
    x->noise[SOURCE_RATING] = .04;
    x->noise[SOURCE_EXPERT] = .008;
    x->noise[SOURCE_INTERACTIVITY] = .05;
    make_known(x, seed, .5);
    return x;
}

static void learning_finds_the_numbers_a_world_was_made_with(void **state)
{
    (void)state;
    double sum[8] = {0};
    enum { SEEDS = 12 };
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct known *x = known_world(seed);
        struct quality_fit f;
        assert_int_equal(fit_learn(x->rows, TARGETS, CREATORS, SOURCE_EXPERT, NULL, &f), HEED_OK);
        assert_near((double)f.mean / 1e9, .5, .03, "mean", seed);
        double found[8] = {(double)f.own,
                           (double)f.of_creators,
                           (double)f.from[SOURCE_RATING].slope,
                           (double)f.from[SOURCE_INTERACTIVITY].slope,
                           (double)f.from[SOURCE_RATING].noise,
                           (double)f.from[SOURCE_EXPERT].noise,
                           (double)f.from[SOURCE_INTERACTIVITY].noise,
                           (double)f.from[SOURCE_RATING].bias};
        for (int i = 0; i < 8; i++)
            sum[i] += found[i] / 1e9 / SEEDS;
        free(x);
    }
    assert_near(sum[0], .01, .002, "own", 0);
    assert_near(sum[1], .015, .002, "of creators", 0);
    assert_near(sum[2], .6, .03, "slope of ratings", 0);
    assert_near(sum[3], .25, .02, "slope of engagement", 0);
    assert_near(sum[4], .04, .001, "noise of ratings", 0);
    assert_near(sum[5], .008, .001, "noise of experts", 0);
    assert_near(sum[6], .05, .001, "noise of engagement", 0);
    assert_near(sum[7], .003, .0012, "bias of ratings", 0);
}

static double squared(double x)
{
    return x * x;
}

/* The held-out errors and the curve say what is so: the score errs less than the mean, about as
 * much as sd claims, and in each tenth what was predicted is what was observed.                  */
static void predictions_are_calibrated_and_sd_is_honest(void **state)
{
    (void)state;
    double ratio = 0, share = 0;
    enum { SEEDS = 8 };
    for (uint64_t seed = 21; seed < 21 + SEEDS; seed++) {
        struct known *x = known_world(seed);
        struct quality_fit f;
        static struct fit_record records[CREATORS];
        memset(records, 0, sizeof records);
        assert_int_equal(fit_learn(x->rows, TARGETS, CREATORS, SOURCE_EXPERT, NULL, &f), HEED_OK);
        assert_true(f.error * 3 < f.error_of_mean * 2);
        assert_true(f.error_of_rules == f.error_of_mean);
        uint32_t targets = 0;
        for (int b = 0; b < FIT_BINS; b++) {
            targets += f.bins[b].n;
            assert_near(f.bins[b].predicted_ppm / 1e6, f.bins[b].observed_ppm / 1e6, .08, "curve",
                        seed);
        }
        assert_int_equal(targets, f.targets);
        for (int i = 0; i < TARGETS; i++) {
            struct fit_record c = fit_contribution(&f, &x->rows[i]);
            records[x->rows[i].owner].weight += c.weight;
            records[x->rows[i].owner].sum += c.sum;
        }
        double error = 0, claimed = 0, inside = 0;
        for (int i = 0; i < TARGETS; i++) {
            struct fit_record c = fit_contribution(&f, &x->rows[i]);
            struct fit_record others = records[x->rows[i].owner];
            others.weight -= c.weight;
            others.sum -= c.sum;
            struct fit_judgement j = fit_judge(&f, &x->rows[i], &others, UINT32_MAX);
            error += squared(j.score - x->worth[i]) / TARGETS;
            claimed += squared(j.sd) / TARGETS;
            inside += fabs(j.score - x->worth[i]) < 1.96 * j.sd;
        }
        ratio += error / claimed / SEEDS;
        share += inside / TARGETS / SEEDS;
        assert_near(inside / TARGETS, .95, .06, "inside the interval of 95 %", seed);
        free(x);
    }
    assert_near(share, .95, .02, "inside the interval of 95 %", 21);
    assert_near(ratio, 1, .1, "error over what is claimed", 21);
}

static void a_source_that_says_nothing_or_the_contrary_is_not_used(void **state)
{
    (void)state;
    struct known *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->own = .02;
    x->slope[SOURCE_RATING] = -.5;
    x->slope[SOURCE_EXPERT] = 1;
    x->bias[SOURCE_INTERACTIVITY] = .01;
    for (int k = 0; k < FIT_SOURCES; k++)
        x->noise[k] = .01;
    make_known(x, 5, .5);
    struct quality_fit f;
    assert_int_equal(fit_learn(x->rows, TARGETS, CREATORS, SOURCE_EXPERT, NULL, &f), HEED_OK);
    assert_int_equal(f.from[SOURCE_RATING].slope, 0);
    assert_true(f.from[SOURCE_INTERACTIVITY].slope < FIT_UNIT / 10);
    assert_true(f.of_creators < f.own / 4);
    free(x);
}

static void too_few_outcomes_or_all_alike_are_refused(void **state)
{
    (void)state;
    static struct fit_row rows[200];
    struct quality_fit f = {.targets = 77};
    memset(rows, 0, sizeof rows);
    assert_int_equal(fit_learn(rows, 0, 0, SOURCE_EXPERT, NULL, &f), HEED_RANGE);
    assert_int_equal(fit_learn(rows, 200, 1, SOURCE_EXPERT, NULL, &f), HEED_RANGE);
    for (int i = 0; i < 29; i++)
        observe(&rows[i].from[SOURCE_EXPERT], 1, i % 2);
    assert_int_equal(fit_learn(rows, 200, 1, SOURCE_EXPERT, NULL, &f), HEED_RANGE);
    memset(rows, 0, sizeof rows);
    for (int i = 0; i < 200; i++) {
        observe(&rows[i].from[SOURCE_EXPERT], 1, .5);
        observe(&rows[i].from[SOURCE_RATING], 1, i / 200.);
    }
    assert_int_equal(fit_learn(rows, 200, 1, SOURCE_EXPERT, NULL, &f), HEED_RANGE);
    assert_int_equal(f.targets, 77);
}

/* ── bytes ───────────────────────────────────────────────────────────────────────────────────── */

static void save(const void *x, struct sink *s)
{
    fit_save(x, s);
}

static enum heed_status load(void *x, struct source *s, struct heed_error *err)
{
    return fit_load(x, s) ? HEED_OK : error_set(err, HEED_INPUT, "fit", "damaged");
}

static void deinit(void *x)
{
    (void)x;
}

static void check(const void *x)
{
    const struct quality_fit *f = x;
    struct fit_row row = {0};
    for (int k = 0; k < FIT_SOURCES; k++)
        row.from[k] = (struct fit_evidence){3, 2.5, 1, .7};
    if (!f->known)
        return;
    struct fit_judgement j = fit_judge(f, &row, &(struct fit_record){9, 2, 1}, UINT32_MAX);
    assert_true(j.score >= 0 && j.score <= 1 && j.sd >= 0);
}

static void a_fit_is_kept_and_damage_is_found(void **state)
{
    (void)state;
    static const struct saved_kind kind = {sizeof(struct quality_fit), save, load, deinit, check};
    struct known *x = known_world(9);
    struct quality_fit f = {0};
    assert_round_trip(&kind, &f);
    assert_int_equal(fit_learn(x->rows, TARGETS, CREATORS, SOURCE_EXPERT, NULL, &f), HEED_OK);
    assert_round_trip(&kind, &f);
    assert_damage_is_found_or_harmless(&kind, &f);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weighted_variance_components_are_hachemeisters),
        cmocka_unit_test(a_judgement_is_the_posterior_of_the_joint_normal),
        cmocka_unit_test(what_nobody_knows_is_the_mean_and_says_how_unsure_it_is),
        cmocka_unit_test(the_score_rises_with_each_ingredient),
        cmocka_unit_test(what_no_quality_explains_counts_less),
        cmocka_unit_test(learning_finds_the_numbers_a_world_was_made_with),
        cmocka_unit_test(predictions_are_calibrated_and_sd_is_honest),
        cmocka_unit_test(a_source_that_says_nothing_or_the_contrary_is_not_used),
        cmocka_unit_test(too_few_outcomes_or_all_alike_are_refused),
        cmocka_unit_test(a_fit_is_kept_and_damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
