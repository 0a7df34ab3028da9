/* Frank-Wolfe for the two-sided welfare beside a naive twin: dense matrices, all users at once,
 * many short steps. Neither can be better than the other by more than the other's duality gap. */
#include "support_fair.h"
#include "support_models.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { USERS = 9, ITEMS = 12, K = 3, TWIN_STEPS = 6000 };

static double psi(double alpha, double x)
{
    return alpha > 0 ? pow(x, alpha) : alpha < 0 ? -pow(x, alpha) : log(x);
}

static double psi_slope(double alpha, double x)
{
    return alpha == 0 ? 1 / x : fabs(alpha) * pow(x, alpha - 1);
}

/* utility[users], share[items] of the mean; the welfare is returned.                             */
static double welfare_of(const struct fair_offers *f, const struct fair_welfare *w,
                         const double *dense, double *utility, double *share)
{
    double users = 0, items = 0;
    size_t judged = 0, offered = 0;
    for (size_t i = 0; i < f->items; i++) {
        bool offer = false;
        share[i] = 0;
        for (size_t u = 0; u < f->users; u++) {
            share[i] += dense[u * f->items + i] / f->mean_exposure;
            offer |= f->worth[u * f->items + i] >= 0;
        }
        offered += offer;
        items += offer ? psi(w->items, share[i]) : 0;
    }
    for (size_t u = 0; u < f->users; u++) {
        utility[u] = 0;
        for (size_t i = 0; i < f->items; i++)
            if (f->worth[u * f->items + i] >= 0)
                utility[u] += dense[u * f->items + i] * (double)f->worth[u * f->items + i];
        judged += f->judged[u];
        users += f->judged[u] ? psi(w->users, utility[u]) : 0;
    }
    assert_int_equal(offered, f->on_offer);
    return (1 - w->lambda) * users / (double)judged + w->lambda * items / (double)offered;
}

/* The best lists under the gradient, dense; the gap is returned.                                 */
static double twin_vertex(const struct fair_offers *f, const struct fair_welfare *w,
                          const double *dense, const double *utility, const double *share,
                          double *vertex)
{
    double gap = 0;
    memset(vertex, 0, f->users * f->items * sizeof *vertex);
    for (size_t u = 0; u < f->users; u++) {
        double g[ITEMS];
        for (size_t i = 0; i < f->items; i++) {
            double worth = (double)f->worth[u * f->items + i];
            g[i] = worth >= 0 ? w->lambda * psi_slope(w->items, share[i]) / f->mean_exposure /
                                    (double)f->on_offer
                              : -INFINITY;
            if (worth >= 0 && f->judged[u])
                g[i] +=
                    (1 - w->lambda) * psi_slope(w->users, utility[u]) * worth / (double)f->judged_n;
        }
        for (size_t r = 0; r < f->length[u]; r++) {
            size_t best = ITEMS;
            for (size_t i = 0; i < f->items; i++)
                if (vertex[u * f->items + i] <= 0 && (best == ITEMS || g[i] > g[best]))
                    best = i;
            vertex[u * f->items + best] = f->up_to[r + 1] - f->up_to[r];
        }
        for (size_t i = 0; i < f->items; i++)
            if (f->worth[u * f->items + i] >= 0)
                gap += g[i] * (vertex[u * f->items + i] - dense[u * f->items + i]);
    }
    return gap;
}

static double uniform(const struct fair_offers *f, double *dense)
{
    double utility[USERS], share[ITEMS];
    for (size_t u = 0; u < f->users; u++)
        for (size_t i = 0; i < f->items; i++)
            dense[u * f->items + i] =
                f->worth[u * f->items + i] >= 0 ? f->up_to[f->length[u]] / (double)f->choice[u] : 0;
    return welfare_of(f, &FAIR_NONE, dense, utility, share);
}

static void nobody_is_better_than_the_other_by_more_than_the_gap(void **unused)
{
    (void)unused;
    static const struct fair_welfare welfares[] = {{-1, -1, .01}, {-1, -1, .3}, {0, 0, .1},
                                                   {.5, .5, .2},  {1, -2, .05}, {-1, 1, .5},
                                                   {.3, 0, 1}};
    for (uint64_t seed = 1; seed <= 14; seed++) {
        const struct fair_welfare *w = &welfares[seed % 7];
        struct dealt d;
        deal(&d, seed, USERS, ITEMS, K, seed % 2 ? .2 : .7);
        const struct fair_offers *f = &d.offers;
        const struct fair_options o = {.iterations = 400, .threads = 2};
        struct fair_policy policy;
        double objective[401], gap, utility[USERS], share[ITEMS];
        size_t steps;
        assert_int_equal(fair_frank_wolfe(f, w, &o, &policy, objective, &steps, &gap, NULL),
                         HEED_OK);
        double *dense = check_policy(f, &policy, seed), *vertex = malloc(USERS * ITEMS * 8);
        assert_non_null(vertex);
        double value = welfare_of(f, w, dense, utility, share);
        near(objective[steps], value, 1e-4 * (1 + fabs(value)), "objective", seed);
        double twin_gap = twin_vertex(f, w, dense, utility, share, vertex);
        near(gap, twin_gap, 1e-4 * (1 + fabs(value)), "gap, dense", seed);
        for (size_t t = 0; t < steps; t++)
            if (objective[t + 1] < objective[t] - 1e-9)
                fail_msg("iteration %zu lowers the objective (seed %llu)", t,
                         (unsigned long long)seed);
        (void)uniform(f, dense);
        near(objective[0], welfare_of(f, w, dense, utility, share), 1e-6 * (1 + fabs(objective[0])),
             "starts uniform", seed);
        double best = -INFINITY, best_gap = INFINITY;
        for (size_t t = 0; t < TWIN_STEPS; t++) {
            double here = welfare_of(f, w, dense, utility, share);
            double here_gap = twin_vertex(f, w, dense, utility, share, vertex);
            best = here > best ? here : best;
            best_gap = here + here_gap < best_gap ? here + here_gap : best_gap;
            for (size_t i = 0; i < USERS * ITEMS; i++)
                dense[i] += 2 / (double)(t + 3) * (vertex[i] - dense[i]);
        }
        if (best > value + gap + 1e-6 || value > best_gap + 1e-6)
            fail_msg("heed %.9g + %.3g, twin %.9g to %.9g (seed %llu)", value, gap, best, best_gap,
                     (unsigned long long)seed);
        if (gap > .02 * (1 + fabs(value)))
            fail_msg("gap %.3g of %.3g after %zu steps (seed %llu)", gap, value, steps,
                     (unsigned long long)seed);
        free(vertex);
        free(dense);
        fair_policy_deinit(&policy);
        undeal(&d);
    }
}

static void threads_change_no_bit(void **unused)
{
    (void)unused;
    struct dealt d;
    deal(&d, 5, 200, 90, 7, .1);
    const struct fair_welfare w = {-1, -1, .1};
    double first[41];
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct fair_options o = {.iterations = 40, .threads = threads};
        struct fair_policy policy;
        double objective[41], gap;
        size_t steps;
        assert_int_equal(
            fair_frank_wolfe(&d.offers, &w, &o, &policy, objective, &steps, &gap, NULL), HEED_OK);
        if (threads == 1)
            memcpy(first, objective, sizeof first);
        assert_memory_equal(first, objective, sizeof first);
        fair_policy_deinit(&policy);
    }
    undeal(&d);
}

static void relevance_alone_is_found_in_one_step(void **unused)
{
    (void)unused;
    struct dealt d;
    struct fair_policy policy;
    struct fair_report report;
    const struct fair_options o = {.iterations = 5, .threads = 1};
    double objective[6], gap;
    size_t steps;
    deal(&d, 3, 40, 30, 5, .2);
    assert_int_equal(
        fair_frank_wolfe(&d.offers, &FAIR_NONE, &o, &policy, objective, &steps, &gap, NULL),
        HEED_OK);
    assert_int_equal(steps, 1);
    near(objective[1], 1, 1e-6, "mean utility", 3);
    near(gap, 0, 1e-6, "gap", 3);
    assert_int_equal(fair_report_of(&d.offers, &policy, &d.blocked, &report, NULL), HEED_OK);
    near(report.worst_decile, 1, 1e-6, "worst decile", 3);
    fair_policy_deinit(&policy);
    undeal(&d);
}

static void bad_offers_are_named(void **unused)
{
    (void)unused;
    static const struct {
        size_t users, items, k;
        double fill;
        float bad;
        const char *where, *says;
    } rows[] = {
        {3, 1, 1, 0, 0, "catalogue", "below two"},
        {3, 4, 0, 0, 0, "k", "from 1 to 4"},
        {3, 4, 5, 0, 0, "k", "from 1 to 4"},
        {3, 4, 2, 0, NAN, "scores", "not a finite number"},
        {3, 4, 2, 0, INFINITY, "scores", "not a finite number"},
        {3, 4, 2, 1, 0, "offers", "every item already"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct prng r;
        struct sparse blocked;
        struct fair_offers f;
        struct heed_error err = {0};
        prng_seed(&r, 1);
        free(random_matrix(&r, rows[i].users, rows[i].items, rows[i].fill, &blocked));
        float *scores = calloc(rows[i].users * rows[i].items + 1, sizeof *scores);
        assert_non_null(scores);
        scores[1] = rows[i].bad;
        assert_int_equal(fair_offers_init(&f, scores, &blocked, rows[i].k, 1, 1, &err), HEED_RANGE);
        assert_string_equal(err.where, rows[i].where);
        if (!strstr(err.message, rows[i].says))
            fail_msg("'%s' does not say '%s'", err.message, rows[i].says);
        sparse_deinit(&blocked);
    }
}

static void a_user_without_anything_of_worth_counts_in_no_utility(void **unused)
{
    (void)unused;
    struct sparse blocked;
    struct fair_offers f;
    struct fair_policy policy;
    struct fair_report report;
    const struct fair_welfare w = {-1, -1, .1};
    const struct fair_options o = {.iterations = 50, .threads = 1};
    double objective[51], gap;
    size_t steps;
    /* one who likes item 0; one who likes nothing; one who has all but item 1; one who has all */
    assert_int_equal(sparse_init(&blocked, 4, 3, 5, false), HEED_OK);
    memcpy(blocked.column, (uint32_t[]){0, 2, 0, 1, 2}, 5 * sizeof(uint32_t));
    memcpy(blocked.at, (uint64_t[]){0, 0, 0, 2, 5}, 5 * sizeof(uint64_t));
    float *scores = calloc(12, sizeof *scores);
    assert_non_null(scores);
    scores[0] = 1;
    scores[7] = .5F;
    assert_int_equal(fair_offers_init(&f, scores, &blocked, 2, 1, 1, NULL), HEED_OK);
    assert_int_equal(f.judged_n, 2);
    assert_int_equal(f.length[2], 1);
    assert_int_equal(f.length[3], 0);
    assert_int_equal(fair_frank_wolfe(&f, &w, &o, &policy, objective, &steps, &gap, NULL), HEED_OK);
    free(check_policy(&f, &policy, 0));
    assert_int_equal(fair_report_of(&f, &policy, &blocked, &report, NULL), HEED_OK);
    assert_true(isfinite(report.mean_utility) && report.mean_utility > .9);
    assert_true(report.min_exposure > .4);
    fair_policy_deinit(&policy);
    fair_offers_deinit(&f);
    sparse_deinit(&blocked);
}

static void a_welfare_is_read_or_its_form_is_told(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        bool ok;
        double users, items, lambda;
    } rows[] = {
        {"none", true, 1, 1, 0},
        {"users=-1,items=-1,lambda=.01", true, -1, -1, .01},
        {"users=1,items=0, lambda=1", true, 1, 0, 1},
        {"items=0, lambda=.5", false, 0, 0, 0},
        {"users=-1,lambda=.2", false, 0, 0, 0},
        {"users=-1,items=-1", false, 0, 0, 0},
        {"", false, 0, 0, 0},
        {"users", false, 0, 0, 0},
        {"users=2", false, 0, 0, 0},
        {"lambda=1.1", false, 0, 0, 0},
        {"lambda=nan", false, 0, 0, 0},
        {"users=1,users=1", false, 0, 0, 0},
        {"beta=1", false, 0, 0, 0},
        {"users=-1,", false, 0, 0, 0},
        {"lambda=0x1", false, 0, 0, 0},
        {"lambda=", false, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fair_welfare w;
        struct heed_error err = {0};
        enum heed_status status = fair_welfare_parse(str_of(rows[i].text), &w, &err);
        if ((status == HEED_OK) != rows[i].ok)
            fail_msg("'%s': %s", rows[i].text, err.message);
        if (status != HEED_OK)
            assert_int_equal(status, HEED_USAGE);
        else if (w.users != rows[i].users || w.items != rows[i].items || w.lambda != rows[i].lambda)
            fail_msg("'%s': %g %g %g", rows[i].text, w.users, w.items, w.lambda);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_better_than_the_other_by_more_than_the_gap),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(relevance_alone_is_found_in_one_step),
        cmocka_unit_test(bad_offers_are_named),
        cmocka_unit_test(a_user_without_anything_of_worth_counts_in_no_utility),
        cmocka_unit_test(a_welfare_is_read_or_its_form_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
