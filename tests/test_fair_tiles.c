/* The best of a list found by tiles beside a naive twin that sorts all there is. */
#include "allocation/fair_tiles.h"
#include "allocation/top.h"
#include "support_fair.h"
#include "support_models.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
static void draw_prices(struct prng *r, size_t items, double level, float *price)
{
    for (size_t i = 0; i < items; i++)
        price[i] = (float)(level * (double)prng_below(r, 9) / 8);
}

static void check_user(const struct fair_tiles *t, struct prng *r, size_t u, uint64_t seed)
{
    static const double levels[] = {0, 1e-4, .003, .02, .3, 20};
    static const double slopes[] = {0, .01, 1, 7};
    const struct fair_offers *f = &t->offers;
    float *price = malloc(f->items * sizeof *price);
    float *tile_price = malloc((t->n + 1) * sizeof *tile_price);
    uint32_t twin[K], before[K], other[K];
    struct top_item room[K];
    assert_non_null(price);
    assert_non_null(tile_price);
    for (size_t round = 0; round < 24; round++) {
        float slope = (float)slopes[round % 4];
        draw_prices(r, f->items, levels[round % 6], price);
        /* what was best before the prices moved a little; what is best for another user */
        size_t n = twin_best(f, u, slope, price, before), v = (u + 1) % f->users;
        bool moved = round % 3 > 0;
        for (size_t i = 0; moved && i < f->items; i += 3)
            price[i] *= 1.01F;
        twin_best(f, u, slope, price, twin);
        twin_best(f, v, slope, price, other);
        const uint32_t *like = f->length[v] == f->length[u] && prng_below(r, 2) ? other : NULL;
        fair_tiles_prices(t, price, tile_price);
        size_t got =
            fair_tiles_best(t, u, slope, price, tile_price, round % 5 ? before : NULL, like, room);
        assert_int_equal(got, n);
        for (size_t i = 0; i < n; i++)
            if (room[i].item != twin[i])
                fail_msg("user %zu, round %zu: %u at %zu, not %u (seed %llu)", u, round,
                         room[i].item, i, twin[i], (unsigned long long)seed);
    }
    free(price);
    free(tile_price);
}

static void tiles_find_what_a_sort_of_everything_finds(void **unused)
{
    (void)unused;
    /* more items than are looked into at once, fewer, no whole number of tiles, less than one */
    static const struct {
        size_t users, items;
        double fill;
    } rows[] = {{4, 2560, .1}, {6, 300, .3}, {6, 40, .8}, {5, K, .1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct dealt d;
            struct fair_tiles t;
            struct prng r;
            prng_seed(&r, seed);
            deal(&d, seed, rows[i].users, rows[i].items, K, rows[i].fill);
            assert_int_equal(fair_tiles_make(&d.offers, 2, &t), HEED_OK);
            for (size_t u = 0; u < rows[i].users; u++)
                check_user(&t, &r, u, seed);
            fair_tiles_deinit(&t, 2);
            undeal(&d);
        }
}

static void check_sorted(const struct fair_tiles *t, const struct fair_offers *f,
                         const float *before)
{
    double last = INFINITY;
    for (size_t i = 0; i < f->items; i++) {
        double all = 0;
        uint32_t item = t->item[i];
        assert_true(t->offers.order[i] == f->order[item]);
        assert_true(t->offers.even_items[i] == f->even_items[item]);
        for (size_t u = 0; u < f->users; u++) {
            float worth = t->offers.worth[u * f->items + i];
            assert_true(worth == before[u * f->items + item]);
            assert_true(worth <= t->most[u * t->n + i / FAIR_TILE]);
            all += worth > 0 ? (double)worth : 0;
        }
        assert_true(all <= last);
        last = all;
    }
}

static void items_are_sorted_by_what_they_are_worth_and_put_back(void **unused)
{
    (void)unused;
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct dealt d;
        struct fair_tiles t;
        deal(&d, threads, 70, 333, K, .1);
        size_t size = d.offers.users * d.offers.items * sizeof *d.offers.worth;
        float *before = malloc(size);
        assert_non_null(before);
        memcpy(before, d.offers.worth, size);
        assert_int_equal(fair_tiles_make(&d.offers, threads, &t), HEED_OK);
        check_sorted(&t, &d.offers, before);
        fair_tiles_deinit(&t, threads);
        assert_memory_equal(d.offers.worth, before, size);
        free(before);
        undeal(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_find_what_a_sort_of_everything_finds),
        cmocka_unit_test(items_are_sorted_by_what_they_are_worth_and_put_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
