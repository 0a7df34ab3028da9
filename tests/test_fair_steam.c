/* What a floor costs on Steam purchases, at once and one request at a time: EASE at lambda 30, k =
 * 10, all 5,155 items.
 *
 * Needs the data folder (support_steam.h); skipped without.
 * ctest: LABELS slow-asan
 * ctest: TIMEOUT 900
 */
#include "support_steam.h"

#include "allocation/fair_online.h"
#include "allocation/split.h"
#include "allocation/top.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int least_first(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One epoch, users in a random order: the same promise, one request at a time. */
static void serve_one_by_one(const struct fair_offers *f, double floor, double mean, double decile)
{
    struct fair_online s;
    struct heed_error err = {0};
    assert_int_equal(fair_online_init(&s, f, &FAIR_NONE, floor, &err), HEED_OK);
    uint32_t *order = top_order(f->users, 5);
    for (size_t t = 0; t < f->users; t++)
        fair_online_serve(&s, order[t]);
    double least = INFINITY, sum = 0, worst = 0;
    for (size_t i = 0; i < f->items; i++)
        least = s.given[i] < least ? s.given[i] : least;
    qsort(s.utility, f->users, sizeof *s.utility, least_first);
    for (size_t u = 0; u < f->users; u++) {
        sum += s.utility[u];
        worst += u < f->users / 10 ? s.utility[u] : 0;
    }
    sum /= (double)f->users;
    worst /= (double)(f->users / 10);
    if (sum < mean || worst < decile || least < floor * f->mean_exposure)
        fail_msg("online, floor %g: mean %.4f, worst decile %.4f, least exposure %.6f", floor, sum,
                 worst, least / f->mean_exposure);
    free(order);
    fair_online_deinit(&s);
}

/* One pass keeps 95 % of what the batch gains over the uniform policy, and lacks little of the
 * most that any policy can have: the share says little where the uniform policy has hardly any. */
static void serve_with_a_welfare(const struct fair_offers *f)
{
    static const struct {
        struct fair_welfare w;
        double kept, lacks;
    } rows[] = {
        {{-1, -1, .01}, .999, .022}, {{-1, -1, .001}, .999, .015}, {{-1, 0, .01}, .999, .012},
        {{0, 0, .01}, .995, .012},   {{0, 0, .001}, .998, .006},   {{.5, 0, .001}, .99, .006},
        {{.5, .5, .01}, .999, .003}, {{.5, .5, .5}, .96, .015},    {{0, -1, .5}, .96, .15}};
    const struct fair_options o = {.iterations = 40, .threads = 2};
    struct heed_error err = {0};
    uint32_t *order = top_order(f->users, 5);
    assert_non_null(order);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct fair_welfare *w = &rows[i].w;
        struct fair_online s;
        struct fair_policy policy;
        double objective[41], gap;
        size_t steps;
        assert_int_equal(fair_frank_wolfe(f, w, &o, &policy, objective, &steps, &gap, &err),
                         HEED_OK);
        double most = objective[steps] + gap, uniform = objective[0];
        assert_int_equal(fair_online_init(&s, f, w, 0, &err), HEED_OK);
        for (size_t t = 0; t < f->users; t++)
            fair_online_serve(&s, order[t]);
        double here = fair_objective(f, w, s.utility, s.given);
        if (!(here - uniform >= rows[i].kept * (most - uniform)) || !(most - here < rows[i].lacks))
            fail_msg("users=%g,items=%g,lambda=%g: %.5f of at most %.5f, uniform %.5f", w->users,
                     w->items, w->lambda, here, most, uniform);
        fair_online_deinit(&s);
        fair_policy_deinit(&policy);
    }
    free(order);
}

static void a_floor_costs_users_on_steam_no_more_than_promised(void **unused)
{
    (void)unused;
    /* mean and worst decile of users that relevance under the floor alone must keep; a plain swap
     * in expected exposure keeps .958 / .938 and .885 / .835 */
    static const struct {
        double floor, mean, decile;
    } rows[] = {{.1, .96, .94}, {.25, .90, .85}};
    struct interactions log;
    struct split split;
    struct sparse items;
    struct fair_offers f;
    struct heed_error err = {0};
    void *model = NULL;
    const double param[MODEL_PARAMS] = {30}; /* lambda; all neighbours */
    read_steam_purchases(&log);
    assert_int_equal(split_make(&log, SPLIT_EVERY_5TH, &split, &err), HEED_OK);
    assert_int_equal(sparse_transpose(&split.train, &items), HEED_OK);
    const struct training t = {.users = &split.train, .items = &items, .seed = 1, .threads = 2};
    assert_int_equal(model_ease.train(&t, param, &model, &err), HEED_OK);
    assert_int_equal(fair_offers_of_model(&f, &model_ease, model, &split.train, 10, 1, 2, &err),
                     HEED_OK);
    assert_int_equal(f.on_offer, 5155);
    const struct fair_options o = {.iterations = 2, .threads = 2};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fair_policy policy;
        struct fair_report r;
        double objective[3], gap, bound;
        size_t steps;
        assert_int_equal(
            fair_frank_wolfe(&f, &FAIR_NONE, &o, &policy, objective, &steps, &gap, &err), HEED_OK);
        assert_int_equal(floor_raise(&f, &FAIR_NONE, rows[i].floor, &o, &policy, &bound, &err),
                         HEED_OK);
        assert_int_equal(fair_report_of(&f, &policy, &split.test, &r, &err), HEED_OK);
        if (r.mean_utility < rows[i].mean || r.worst_decile < rows[i].decile ||
            r.min_exposure < rows[i].floor || r.mean_utility < .99 * bound)
            fail_msg("floor %g: mean %.4f of %.4f, worst decile %.4f, least exposure %.6f",
                     rows[i].floor, r.mean_utility, bound, r.worst_decile, r.min_exposure);
        fair_policy_deinit(&policy);
        serve_one_by_one(&f, rows[i].floor, rows[i].mean, rows[i].decile);
    }
    serve_with_a_welfare(&f);
    fair_offers_deinit(&f);
    model_ease.free(model);
    sparse_deinit(&items);
    split_deinit(&split);
    interactions_deinit(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_floor_costs_users_on_steam_no_more_than_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
