/* The best of a list found by a user's head beside a naive twin that sorts all there is. */
#include "allocation/fair_heads.h"
#include "allocation/top.h"
#include "support_fair.h"
#include "support_models.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { K = 7 };

/* Items by value, most first; ties by f->order. values[items], twin[K] out.                      */
static size_t twin_best(const struct fair_offers *f, size_t user, float slope, const float *price,
                        uint32_t *twin)
{
    const float *worth = f->worth + user * f->items;
    bool *taken = calloc(f->items, sizeof *taken);
    assert_non_null(taken);
    for (size_t r = 0; r < f->length[user]; r++) {
        size_t best = f->items;
        for (size_t i = 0; i < f->items; i++) {
            if (taken[i] || !(worth[i] >= 0))
                continue;
            float value = slope * worth[i] + price[i];
            float most = best < f->items ? slope * worth[best] + price[best] : -INFINITY;
            if (value > most || (!(value < most) && f->order[i] < f->order[best]))
                best = i;
        }
        assert_true(best < f->items);
        taken[best] = true;
        twin[r] = (uint32_t)best;
    }
    free(taken);
    return f->length[user];
}

/* Prices of few sizes, so that there are ties; `level` is about how they stand to the worths. */
static float draw_prices(struct prng *r, size_t items, double level, float *price)
{
    float greatest = 0;
    for (size_t i = 0; i < items; i++) {
        price[i] = (float)(level * (double)prng_below(r, 9) / 8);
        greatest = price[i] > greatest ? price[i] : greatest;
    }
    return greatest;
}

static void check_user(const struct dealt *d, const struct fair_heads *h, struct prng *r, size_t u,
                       uint64_t seed)
{
    static const double levels[] = {0, 1e-4, .003, .02, .3, 20};
    static const double slopes[] = {0, .01, 1, 7};
    const struct fair_offers *f = &d->offers;
    float *price = malloc(f->items * sizeof *price);
    uint32_t twin[K], before[K], other[K];
    struct top_item room[K];
    assert_non_null(price);
    for (size_t round = 0; round < 24; round++) {
        float slope = (float)slopes[round % 4];
        float greatest = draw_prices(r, f->items, levels[round % 6], price);
        /* what was best before the prices moved a little; what is best for another user */
        size_t n = twin_best(f, u, slope, price, before), v = (u + 1) % f->users;
        bool moved = round % 3 > 0;
        for (size_t i = 0; moved && i < f->items; i += 3) {
            price[i] *= 1.01F;
            greatest = price[i] > greatest ? price[i] : greatest;
        }
        twin_best(f, u, slope, price, twin);
        twin_best(f, v, slope, price, other);
        const uint32_t *like = f->length[v] == f->length[u] && prng_below(r, 2) ? other : NULL;
        size_t got =
            fair_heads_best(f, h, u, slope, price, greatest, round % 5 ? before : NULL, like, room);
        assert_int_equal(got, n);
        for (size_t i = 0; i < n; i++)
            if (room[i].item != twin[i])
                fail_msg("user %zu, round %zu: %u at %zu, not %u (seed %llu)", u, round,
                         room[i].item, i, twin[i], (unsigned long long)seed);
    }
    free(price);
}

static void a_head_finds_what_a_sort_of_everything_finds(void **unused)
{
    (void)unused;
    /* more items than a head holds, fewer, fewer than a list */
    static const struct {
        size_t users, items;
        double fill;
    } rows[] = {{4, FAIR_HEAD * 5 / 2, .1}, {6, 300, .3}, {6, 40, .8}, {5, K, .1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct dealt d;
            struct fair_heads h;
            struct prng r;
            prng_seed(&r, seed);
            deal(&d, seed, rows[i].users, rows[i].items, K, rows[i].fill);
            assert_int_equal(fair_heads_make(&d.offers, 2, &h), HEED_OK);
            for (size_t u = 0; u < rows[i].users; u++)
                check_user(&d, &h, &r, u, seed);
            fair_heads_deinit(&h);
            undeal(&d);
        }
}

static void a_head_holds_the_most_worth_in_about_their_order(void **unused)
{
    (void)unused;
    struct dealt d;
    struct fair_heads h;
    deal(&d, 9, 3, FAIR_HEAD * 2, K, .1);
    const struct fair_offers *f = &d.offers;
    assert_int_equal(fair_heads_make(f, 1, &h), HEED_OK);
    for (size_t u = 0; u < f->users; u++) {
        const struct fair_head *head = h.head + u * FAIR_HEAD;
        size_t above = 0;
        assert_in_range(h.n[u], FAIR_HEAD / 2, FAIR_HEAD);
        float least = head[h.n[u] - 1].worth;
        for (size_t i = 0; i < h.n[u]; i++) {
            assert_true(f->worth[u * f->items + head[i].item] == head[i].worth);
            assert_true(i == 0 || head[i].worth < head[i - 1].worth * (1 + 1 / 128.0F));
            least = head[i].worth < least ? head[i].worth : least;
        }
        for (size_t i = 0; i < f->items; i++)
            above += f->worth[u * f->items + i] >= least;
        assert_int_equal(above, h.n[u]);
    }
    fair_heads_deinit(&h);
    undeal(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_finds_what_a_sort_of_everything_finds),
        cmocka_unit_test(a_head_holds_the_most_worth_in_about_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
