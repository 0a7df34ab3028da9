/* One request at a time: what is given is a mixture of lists, the floor holds whenever it can be
 * had, and the score is the gradient. Seeded random inputs; the seed is printed on failure.
 */
#include "support_fair.h"
#include "support_models.h"

#include "allocation/fair_online.h"
#include "allocation/top.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What a feed gives, checked: nothing blocked, no j items above what j ranks give, all given. */
static void check_row(const struct fair_online *s, size_t u, uint64_t seed)
{
    const struct fair_offers *f = s->f;
    double sum = 0;
    for (size_t i = 0; i < s->row_n; i++) {
        size_t ranks = i + 1 < f->length[u] ? i + 1 : f->length[u];
        sum += s->row[i].exposure;
        assert_true(f->worth[u * f->items + s->row[i].item] >= 0);
        if (sum > f->up_to[ranks] + 1e-9 || (i && s->row[i].exposure > s->row[i - 1].exposure))
            fail_msg("user %zu: item %zu of the row (seed %llu)", u, i, (unsigned long long)seed);
    }
    near(sum, f->up_to[f->length[u]], 1e-6, "all ranks are given away", seed);
}

static int most_first(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (y > x) - (y < x);
}

/* What items lack of `owed` is no more than the plan gives them in the rest: by the feasible
 * policy, or evenly by the users to come, none of whose lists holds more than its ranks then. */
static void check_lag(const struct fair_online *s, const uint32_t *come, size_t n,
                      const double *given, double owed, uint64_t seed)
{
    const struct fair_offers *f = s->f;
    double each[64] = {0};
    for (size_t i = 0; i < f->items; i++) {
        double lack = f->even_items[i] > 0 ? owed - given[i] : 0;
        size_t open = 0;
        if (lack <= 0)
            continue;
        if (!s->loose && lack > s->later[i])
            fail_msg("item %zu lacks %g, later %g (seed %llu)", i, lack, s->later[i],
                     (unsigned long long)seed);
        for (size_t j = 0; j < n; j++)
            open += f->worth[come[j] * f->items + i] >= 0;
        if (lack > (double)open)
            fail_msg("item %zu lacks %g of %zu (seed %llu)", i, lack, open,
                     (unsigned long long)seed);
        each[i] = lack / (double)open;
    }
    for (size_t j = 0; s->loose && j < n; j++) {
        double row[64], sum = 0;
        size_t u = come[j];
        for (size_t i = 0; i < f->items; i++)
            row[i] = f->worth[u * f->items + i] >= 0 ? each[i] : 0;
        qsort(row, f->items, sizeof *row, most_first);
        for (size_t i = 0; i < f->items; i++) {
            sum += row[i];
            if (sum > f->up_to[i + 1 < f->length[u] ? i + 1 : f->length[u]] + 1e-9)
                fail_msg("user %zu would have to pay %g to %zu items (seed %llu)", u, sum, i + 1,
                         (unsigned long long)seed);
        }
    }
}

static void a_floor_holds_exactly_over_each_epoch_whenever_it_can_be_had(void **unused)
{
    (void)unused;
    const struct fair_welfare welfares[] = {FAIR_NONE, {-1, -1, .1}, {0, .5, 1}};
    static const double shares[] = {.1, .5, .9, .999};
    for (uint64_t seed = 1; seed <= 36; seed++) {
        struct dealt d;
        struct heed_error err = {0};
        struct fair_online s;
        double most = 0;
        deal(&d, seed, 5 + seed % 30, 12 + seed % 9, 1 + seed % 5, (double)(seed % 7) * .12);
        const struct fair_offers *f = &d.offers;
        assert_int_equal(floor_reach(&d.blocked, f->k, 10, &most, &err), HEED_OK);
        double floor = shares[seed % 4] * most;
        const struct fair_welfare *w = &welfares[seed % 3];
        if (fair_online_init(&s, f, w, floor, &err) != HEED_OK)
            fail_msg("%s (seed %llu)", err.message, (unsigned long long)seed);
        uint32_t *order = top_order(f->users, seed);
        for (int epoch = 0; epoch < 3; epoch++) {
            double *given = calloc(f->items, sizeof *given);
            fair_online_epoch(&s);
            for (size_t t = 0; t < f->users; t++) {
                fair_online_serve(&s, order[t]);
                check_row(&s, order[t], seed);
                for (size_t i = 0; i < s.row_n; i++)
                    given[s.row[i].item] += s.row[i].exposure;
                check_lag(&s, order + t + 1, f->users - t - 1, given,
                          floor * f->mean_exposure * (1 - 2e-6) - 1e-9, seed);
            }
            for (size_t i = 0; i < f->items; i++)
                if (f->even_items[i] > 0 && given[i] < floor * f->mean_exposure * (1 - 1e-6))
                    fail_msg("item %zu has %.9g of %.9g (seed %llu)", i, given[i],
                             floor * f->mean_exposure, (unsigned long long)seed);
            free(given);
        }
        free(order);
        fair_online_deinit(&s);
        assert_int_equal(fair_online_init(&s, f, w, most + .01, &err), HEED_RANGE);
        undeal(&d);
    }
}

/* With users = 1 a list is one sort under (1 - lambda) worth + price: naively, from the totals. */
static void the_list_is_a_sort_under_the_gradient(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct dealt d;
        struct heed_error err = {0};
        struct fair_online s;
        const struct fair_welfare w = {1, -1, .2};
        deal(&d, seed, 8 + seed, 15, 1 + seed % 4, .2);
        const struct fair_offers *f = &d.offers;
        assert_int_equal(fair_online_init(&s, f, &w, 0, &err), HEED_OK);
        double total[64] = {0};
        for (size_t t = 0; t < f->users; t++) {
            double value[64];
            for (size_t i = 0; i < f->items; i++) {
                double prior = .1 * (f->order[i] + 1) / (double)f->items;
                double share = (prior * f->even_items[i] + total[i]) /
                               (prior + (double)t / (double)f->users) / f->mean_exposure;
                value[i] = -INFINITY;
                if (f->worth[t * f->items + i] >= 0)
                    value[i] = (f->judged[t] ? .8 * (double)f->worth[t * f->items + i] : 0) +
                               .2 * (double)f->judged_n / (double)f->on_offer / f->mean_exposure /
                                   (share * share);
            }
            fair_online_serve(&s, t);
            assert_int_equal(s.row_n, f->length[t]);
            for (size_t r = 0; r < s.row_n; r++) {
                double best = -INFINITY;
                for (size_t i = 0; i < f->items; i++)
                    best = value[i] > best ? value[i] : best;
                near(value[s.row[r].item], best, 1e-5 * (1 + fabs(best)), "the best", seed);
                value[s.row[r].item] = -INFINITY;
                total[s.row[r].item] += f->up_to[r + 1] - f->up_to[r];
            }
        }
        fair_online_deinit(&s);
        undeal(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_floor_holds_exactly_over_each_epoch_whenever_it_can_be_had),
        cmocka_unit_test(the_list_is_a_sort_under_the_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
