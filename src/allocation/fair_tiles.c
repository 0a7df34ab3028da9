/* Sorted by what all users together find an item worth: what one of them finds worth much is mostly
 * at the front, and what is behind has mostly one price, that of items which are shown for their
 * own sake. Source of the bounds: S. Ding, T. Suel, "Faster top-k document retrieval using
 * block-max indexes", SIGIR 2011. */
#include "allocation/fair_tiles.h"

#include "allocation/top.h"
#include "base/parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 32,
    WIDE = FAIR_TILE, /* numbers that are compared at once */
    PICKED = 64,      /* tiles that are asked for before the first is looked into */
    LINE = 64,        /* bytes of a cache line */
};

typedef float floats __attribute__((vector_size(16)));
typedef int32_t ints __attribute__((vector_size(16)));

struct weighed {
    double worth;
    uint32_t item;
};

static int compare_weighed(const void *a, const void *b)
{
    const struct weighed *x = a, *y = b;
    if (x->worth < y->worth || x->worth > y->worth)
        return x->worth < y->worth ? 1 : -1;
    return (x->item > y->item) - (x->item < y->item);
}

static enum heed_status sort_items(const struct fair_offers *f, uint32_t *item)
{
    double *sum = calloc(f->items + 1, sizeof *sum);
    struct weighed *all = malloc((f->items + 1) * sizeof *all);
    enum heed_status status = sum && all ? HEED_OK : HEED_NOMEM;
    for (size_t u = 0; u < f->users && status == HEED_OK; u++) {
        const float *worth = f->worth + u * f->items;
        for (size_t i = 0; i < f->items; i++) {
            float w = worth[i] > 0 ? worth[i] : 0;
            sum[i] += (double)w;
        }
    }
    for (size_t i = 0; i < f->items && status == HEED_OK; i++)
        all[i] = (struct weighed){sum[i], (uint32_t)i};
    if (status == HEED_OK)
        qsort(all, f->items, sizeof *all, compare_weighed);
    for (size_t i = 0; i < f->items && status == HEED_OK; i++)
        item[i] = all[i].item;
    free(sum);
    free(all);
    return status;
}

/* most[tiles] out: the greatest of each tile of x[items].                                        */
static void find_most(const float *x, size_t items, size_t tiles, float *most)
{
    for (size_t b = 0; b < tiles; b++) {
        float lane[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
        size_t i = b * FAIR_TILE, end = i + FAIR_TILE;
        for (; i + 4 <= end && end <= items; i += 4)
            for (size_t j = 0; j < 4; j++)
                lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
        for (; i < end && i < items; i++)
            lane[0] = x[i] > lane[0] ? x[i] : lane[0];
        for (size_t j = 1; j < 4; j++)
            lane[0] = lane[j] > lane[0] ? lane[j] : lane[0];
        most[b] = lane[0];
    }
}

static void sort_rows(void *context, size_t piece, unsigned worker)
{
    struct fair_tiles *t = context;
    const struct fair_offers *f = &t->offers;
    float *before = t->scratch + worker * f->items;
    for (size_t u = piece * ROWS; u < (piece + 1) * ROWS && u < f->users; u++) {
        float *worth = f->worth + u * f->items;
        memcpy(before, worth, f->items * sizeof *before);
        for (size_t i = 0; i < f->items; i++)
            worth[i] = before[t->item[i]];
        find_most(worth, f->items, t->n, t->most + u * t->n);
    }
}

static void put_rows_back(void *context, size_t piece, unsigned worker)
{
    struct fair_tiles *t = context;
    const struct fair_offers *f = &t->offers;
    float *sorted = t->scratch + worker * f->items;
    for (size_t u = piece * ROWS; u < (piece + 1) * ROWS && u < f->users; u++) {
        float *worth = f->worth + u * f->items;
        memcpy(sorted, worth, f->items * sizeof *sorted);
        for (size_t i = 0; i < f->items; i++)
            worth[t->item[i]] = sorted[i];
    }
}

static void tiles_free(struct fair_tiles *t)
{
    free(t->offers.even_items);
    free(t->offers.order);
    free(t->item);
    free(t->most);
    free(t->scratch);
    *t = (struct fair_tiles){0};
}

enum heed_status fair_tiles_make(const struct fair_offers *f, unsigned threads,
                                 struct fair_tiles *out)
{
    size_t tiles = (f->items + FAIR_TILE - 1) / FAIR_TILE;
    *out = (struct fair_tiles){.offers = *f, .n = (tiles + WIDE - 1) / WIDE * WIDE};
    struct fair_offers *sorted = &out->offers;
    sorted->blocked = NULL;
    sorted->even_items = malloc((f->items + 1) * sizeof *sorted->even_items);
    sorted->order = malloc((f->items + 1) * sizeof *sorted->order);
    out->item = malloc((f->items + 1) * sizeof *out->item);
    out->most = malloc((f->users * out->n + 1) * sizeof *out->most);
    out->scratch = malloc((f->items * parallel_workers(threads) + 1) * sizeof *out->scratch);
    if (!sorted->even_items || !sorted->order || !out->item || !out->most || !out->scratch ||
        sort_items(f, out->item) != HEED_OK) {
        tiles_free(out);
        return HEED_NOMEM;
    }
    for (size_t i = 0; i < f->items; i++) {
        sorted->even_items[i] = f->even_items[out->item[i]];
        sorted->order[i] = f->order[out->item[i]];
    }
    parallel_each((f->users + ROWS - 1) / ROWS, threads, sort_rows, out);
    return HEED_OK;
}

void fair_tiles_deinit(struct fair_tiles *t, unsigned threads)
{
    parallel_each((t->offers.users + ROWS - 1) / ROWS, threads, put_rows_back, t);
    tiles_free(t);
}

void fair_tiles_prices(const struct fair_tiles *t, const float *price, float *tile_price)
{
    find_most(price, t->offers.items, t->n, tile_price);
}

void fair_tiles_ahead(const struct fair_tiles *t, size_t user, const uint32_t *near)
{
    const struct fair_offers *f = &t->offers;
    const char *most = (const char *)(t->most + user * t->n);
    for (size_t at = 0; at < t->n * sizeof *t->most; at += LINE)
        __builtin_prefetch(most + at);
    for (size_t r = 0; near && r < f->length[user]; r++)
        __builtin_prefetch(f->worth + user * f->items + near[r]);
}

/* Which of WIDE reach the bar, as bits.                                                          */
static inline uint32_t reach(const float *worth, const float *price, float slope, float bar)
{
    ints bit = {1, 2, 4, 8}, bits = {0};
    uint64_t half[2];
    for (size_t i = 0; i < WIDE; i += 4, bit <<= 4) {
        floats w, p;
        memcpy(&w, worth + i, sizeof w);
        memcpy(&p, price + i, sizeof p);
        bits |= (slope * w + p >= bar) & bit;
    }
    memcpy(half, &bits, sizeof half);
    half[0] |= half[1];
    return (uint32_t)(half[0] | half[0] >> 32);
}

/* The same of fewer.                                                                             */
static uint32_t reach_of(size_t n, const float *worth, const float *price, float slope, float bar)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++)
        bits |= (uint32_t)(slope * worth[i] + price[i] >= bar) << i;
    return bits;
}

static inline uint32_t take_bit(uint32_t *bits)
{
    uint32_t at = (uint32_t)__builtin_ctz(*bits);
    *bits &= *bits - 1;
    return at;
}

size_t fair_tiles_best(const struct fair_tiles *t, size_t user, float slope, const float *price,
                       const float *tile_price, const uint32_t *near, const uint32_t *like,
                       struct top_item *room)
{
    const struct fair_offers *f = &t->offers;
    const float *worth = f->worth + user * f->items, *most = t->most + user * t->n;
    size_t length = f->length[user], picked[PICKED];
    struct top top = top_of(room, length, f->order);
    float bar = near ? fair_bar(f, user, slope, price, near) : -INFINITY;
    float other = like ? fair_bar(f, user, slope, price, like) : -INFINITY;
    bar = other > bar ? other : bar;
    for (size_t at = 0; at < t->n && length > 0;) {
        size_t n = 0;
        for (; at < t->n && n + WIDE <= PICKED; at += WIDE)
            for (uint32_t bits = reach(most + at, tile_price + at, slope, bar); bits; n++) {
                picked[n] = (at + take_bit(&bits)) * FAIR_TILE;
                __builtin_prefetch(worth + picked[n]);
                __builtin_prefetch(worth + picked[n] + FAIR_TILE - 1);
            }
        for (size_t p = 0; p < n; p++) {
            size_t i = picked[p], left = f->items > i ? f->items - i : 0;
            uint32_t bits = left >= FAIR_TILE ? reach(worth + i, price + i, slope, bar)
                                              : reach_of(left, worth + i, price + i, slope, bar);
            while (bits) {
                uint32_t item = (uint32_t)i + take_bit(&bits);
                float value = slope * worth[item] + price[item];
                if (value >= bar && value > -INFINITY)
                    top_offer(&top, item, value);
            }
            if (top.n == length && room[0].score > (double)bar)
                bar = (float)room[0].score;
        }
    }
    return top_sort(&top);
}
