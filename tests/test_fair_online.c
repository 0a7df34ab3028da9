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

/* What the gradient says of each item before the next list, naively, from the totals. */
struct naive {
    double price[64], wish[64], liked[64];
};

static void naive_gradient(struct naive *n, const struct fair_online *s, size_t user, size_t epoch,
                           size_t part, const double *total)
{
    const struct fair_offers *f = s->f;
    double weight = s->w.lambda * (double)f->judged_n / (double)f->on_offer / f->mean_exposure;
    double t = (double)part / (double)f->users;
    for (size_t i = 0; i < f->items; i++) {
        double prior = ((double)f->order[i] + 1) / (double)f->items,
               has = total[i] / f->mean_exposure;
        double pace =
            (prior * f->even_items[i] / f->mean_exposure + has) / (prior + (double)epoch + t);
        double share = (has + (1 - t) * pace) / (double)(epoch + 1), up_to = 0;
        double liked = n->liked[i] * (double)f->users / (double)(f->users + 1);
        n->liked[i] = fmax(liked, (double)f->worth[user * f->items + i]);
        if (s->wish_bid > 0) { /* psi' = .5 / sqrt(share) is worth the bid there */
            double bid = fmax(s->wish_bid - (1 - s->w.lambda) * n->liked[i], 1e-12);
            up_to = fmin(pow(.5 * weight / bid, 2), 1);
        }
        n->wish[i] = fmax(up_to * (double)(epoch + 1) - has, 0) * f->mean_exposure;
        n->price[i] = weight * .5 / sqrt(fmax(share, up_to));
    }
}

/* With users = 1 a list is one greedy choice under (1 - lambda) worth + price, up to the wish under
 * the bid. What the row is worth is what the best is: the j dearest units of exposure go to the
 * first j ranks; tried in steps of a hundredth of a rank's. */
static double value_of(const struct fair_online *s, const struct naive *n, size_t user, uint32_t i,
                       double x, double bid)
{
    double own = s->f->judged[user] ? (1 - s->w.lambda) : 0;
    double base = own * (double)s->f->worth[user * s->f->items + i];
    double dear = fmax(bid - (1 - s->w.lambda) * n->liked[i], n->price[i]);
    return base * x + fmin(x, n->wish[i]) * dear + fmax(x - n->wish[i], 0) * n->price[i];
}

static double row_value(const struct fair_online *s, const struct naive *n, size_t user,
                        const double *x, double bid)
{
    double sum = 0;
    for (uint32_t i = 0; i < s->f->items; i++)
        sum += x[i] > 0 ? value_of(s, n, user, i, x[i], bid) : 0;
    return sum;
}

/* Whether moving a little from one item to another keeps a mixture of lists. */
static bool is_row(const struct fair_offers *f, size_t user, const double *x)
{
    double sorted[64], sum = 0;
    memcpy(sorted, x, f->items * sizeof *sorted);
    qsort(sorted, f->items, sizeof *sorted, most_first);
    for (size_t j = 0; j < f->items; j++) {
        sum += sorted[j];
        if (sum > f->up_to[j + 1 < f->length[user] ? j + 1 : f->length[user]] + 1e-9)
            return false;
    }
    return true;
}

/* A concave function over a base polytope is at its most where no exchange of two gains. */
static void no_exchange_gains(const struct fair_online *s, const struct naive *n, size_t user,
                              double bid, uint64_t seed)
{
    const struct fair_offers *f = s->f;
    double x[64] = {0};
    for (size_t i = 0; i < s->row_n; i++)
        x[s->row[i].item] = s->row[i].exposure;
    double best = row_value(s, n, user, x, bid);
    for (uint32_t from = 0; from < f->items; from++)
        for (uint32_t to = 0; x[from] > 1e-6 && to < f->items; to++) {
            double step = fmin(1e-4, x[from]);
            if (to == from || f->worth[user * f->items + to] < 0)
                continue;
            x[from] -= step;
            x[to] += step;
            double other = is_row(f, user, x) ? row_value(s, n, user, x, bid) : -INFINITY;
            if (other > best + 1e-6 * step + 1e-9)
                fail_msg("user %zu: %g moved from item %u to %u gains %g (seed %llu)", user, step,
                         from, to, other - best, (unsigned long long)seed);
            x[from] += step;
            x[to] -= step;
        }
}

static void a_list_is_the_best_under_the_gradient(void **unused)
{
    (void)unused;
    size_t fractions = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct dealt d;
        struct heed_error err = {0};
        struct fair_online s;
        struct naive n = {0};
        const struct fair_welfare w = {1, .5, .2 + .03 * (double)(seed % 4)};
        deal(&d, seed, 8 + seed, 15 + seed, 1 + seed % 4, .2);
        const struct fair_offers *f = &d.offers;
        assert_int_equal(fair_online_init(&s, f, &w, 0, &err), HEED_OK);
        double total[64] = {0};
        for (size_t t = 0; t < 2 * f->users; t++) {
            size_t user = t % f->users;
            double bid = s.wish_bid;
            if (user == 0)
                fair_online_epoch(&s);
            naive_gradient(&n, &s, user, t / f->users, user, total);
            fair_online_serve(&s, user);
            check_row(&s, user, seed);
            no_exchange_gains(&s, &n, user, bid, seed);
            for (size_t r = 0; r < s.row_n; r++) {
                total[s.row[r].item] += s.row[r].exposure;
                fractions += s.row[r].exposure <
                             f->up_to[f->length[user]] - f->up_to[f->length[user] - 1] - 1e-6;
            }
        }
        fair_online_deinit(&s);
        undeal(&d);
    }
    assert_true(fractions > 100); /* wishes of less than a slot */
}

/* However little the items count for: where psi(0) is -infinity nobody may be left with nothing. */
static void one_pass_leaves_nobody_with_nothing(void **unused)
{
    (void)unused;
    static const double lambdas[] = {1e-6, .001, .01, .1, .5, .99, 1}, alphas[] = {0, -1, -10};
    for (uint64_t seed = 1; seed <= 42; seed++) {
        struct dealt d;
        struct heed_error err = {0};
        struct fair_online s;
        const struct fair_welfare w = {seed % 2 ? alphas[seed % 3] : .5, alphas[seed / 3 % 3],
                                       lambdas[seed % 7]};
        deal(&d, seed, 20 + seed, 20 + seed, 1 + seed % 3, .2);
        const struct fair_offers *f = &d.offers;
        assert_int_equal(fair_online_init(&s, f, &w, 0, &err), HEED_OK);
        for (size_t u = 0; u < f->users; u++) {
            fair_online_serve(&s, u);
            check_row(&s, u, seed);
        }
        if (!isfinite(fair_objective(f, &w, s.utility, s.given)))
            fail_msg("users=%g,items=%g,lambda=%g: not finite (seed %llu)", w.users, w.items,
                     w.lambda, (unsigned long long)seed);
        fair_online_deinit(&s);
        undeal(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_floor_holds_exactly_over_each_epoch_whenever_it_can_be_had),
        cmocka_unit_test(a_list_is_the_best_under_the_gradient),
        cmocka_unit_test(one_pass_leaves_nobody_with_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
