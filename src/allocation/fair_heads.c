/* Sorted by counting the first 16 bits of the worths, which for floats above 0 ascend with them;
 * worths that have the same differ by less than 2^-7, so a later one is below RANGE x this one.
 *
 * The search is the threshold algorithm with one list: whatever comes later is worth no more, and
 * no price is above the greatest. Source: R. Fagin, A. Lotem, M. Naor, J. Comput. Syst. Sci. 66
 * (2003) 614.                                                                                    */
#include "allocation/fair_heads.h"

#include "allocation/top.h"
#include "base/parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 32,
    STRIDE = 16,
    CLASSES = 2048, /* from the greatest down: 16 octaves */
    LINE = 64,      /* bytes of a cache line, and of how much is asked for ahead */
    AHEAD = 2048,
};
static const float RANGE = 1 + 1 / 128.0F;

static uint32_t class_of(float worth)
{
    uint32_t bits;
    memcpy(&bits, &worth, sizeof bits);
    return bits >> 16;
}

/* head[FAIR_HEAD] out; how many is returned: whole classes, as many as fit. */
static uint32_t sort_head(const float *worth, size_t items, struct fair_head *head)
{
    uint32_t at[CLASSES + 1] = {0};
    float greatest = 0;
    for (size_t i = 0; i < items; i++)
        greatest = worth[i] > greatest ? worth[i] : greatest;
    uint32_t top = class_of(greatest), classes = 0;
    for (size_t i = 0; i < items; i++)
        if (worth[i] > 0 && top - class_of(worth[i]) < CLASSES)
            at[top - class_of(worth[i]) + 1]++;
    while (classes < CLASSES && at[classes] + at[classes + 1] <= FAIR_HEAD) {
        at[classes + 1] += at[classes];
        classes++;
    }
    uint32_t n = at[classes];
    for (size_t i = 0; i < items; i++)
        if (worth[i] > 0 && top - class_of(worth[i]) < classes)
            head[at[top - class_of(worth[i])]++] = (struct fair_head){worth[i], (uint32_t)i};
    return n;
}

struct sorting {
    const struct fair_offers *f;
    struct fair_heads *heads;
};

static void sort_heads(void *context, size_t piece, unsigned worker)
{
    (void)worker;
    const struct sorting *x = context;
    for (size_t u = piece * ROWS; u < (piece + 1) * ROWS && u < x->f->users; u++)
        x->heads->n[u] =
            sort_head(x->f->worth + u * x->f->items, x->f->items, x->heads->head + u * FAIR_HEAD);
}

enum heed_status fair_heads_make(const struct fair_offers *f, unsigned threads,
                                 struct fair_heads *out)
{
    *out = (struct fair_heads){malloc((f->users * FAIR_HEAD + 1) * sizeof *out->head),
                               malloc((f->users + 1) * sizeof *out->n)};
    if (!out->head || !out->n) {
        fair_heads_deinit(out);
        return HEED_NOMEM;
    }
    parallel_each((f->users + ROWS - 1) / ROWS, threads, sort_heads, &(struct sorting){f, out});
    return HEED_OK;
}

void fair_heads_deinit(struct fair_heads *h)
{
    free(h->head);
    free(h->n);
    *h = (struct fair_heads){0};
}

void fair_heads_ahead(const struct fair_offers *f, const struct fair_heads *h, size_t user,
                      const uint32_t *near)
{
    const char *head = (const char *)(h->head + user * FAIR_HEAD);
    for (size_t at = 0; at < AHEAD; at += LINE)
        __builtin_prefetch(head + at);
    for (size_t r = 0; near && r < f->length[user]; r++)
        __builtin_prefetch(f->worth + user * f->items + near[r]);
}

size_t fair_heads_best(const struct fair_offers *f, const struct fair_heads *h, size_t user,
                       float slope, const float *price, float greatest, const uint32_t *near,
                       const uint32_t *like, struct top_item *room)
{
    const struct fair_head *head = h->head + user * FAIR_HEAD;
    size_t length = f->length[user], n = h->n[user];
    float bar = near ? fair_bar(f, user, slope, price, near) : -INFINITY;
    struct top top = top_of(room, length, f->order);
    float below = n ? slope * (head[n - 1].worth * RANGE) + greatest : INFINITY;
    if (!(below < bar) && like)
        bar = fmaxf(bar, fair_bar(f, user, slope, price, like));
    if (!(below < bar))
        return fair_best(f, user, slope, price, bar, room);
    for (size_t i = 0; i < n; i++) {
        float value = slope * head[i].worth + price[head[i].item];
        if (value >= bar) {
            top_offer(&top, head[i].item, value);
            if (top.n == length && room[0].score > (double)bar)
                bar = (float)room[0].score;
        }
        if (i % STRIDE == STRIDE - 1 && slope * (head[i].worth * RANGE) + greatest < bar)
            break;
    }
    return top_sort(&top);
}
