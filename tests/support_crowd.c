#include "support_crowd.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void *room(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);
    assert_non_null(p);
    return p;
}

static double score(struct prng *r, unsigned levels)
{
    return levels ? (double)prng_below(r, levels) / levels : prng_double(r);
}

static uint32_t draw(const double *sums, size_t n, struct prng *r)
{
    double x = prng_double(r) * sums[n - 1];
    uint32_t i = 0;
    while (i + 1 < n && sums[i] <= x)
        i++;
    return i;
}

static void make_histories(struct crowd *c, struct prng *r, const struct crowd_shape *shape)
{
    uint64_t *offsets = room(shape->users + 1, sizeof *offsets);
    uint32_t *items = room(shape->users * shape->history, sizeof *items);
    float *weights = room(shape->users * shape->history, sizeof *weights);
    double *sums = room(shape->items, sizeof *sums);
    uint64_t used = 0;
    for (size_t i = 0; i < shape->items; i++)
        sums[i] = (i ? sums[i - 1] : 0) + pow((double)i + 1, -shape->skew);
    for (size_t u = 0; u < shape->users; u++) {
        for (uint64_t n = prng_below(r, shape->history + 1); n > 0; n--) {
            uint32_t item = draw(sums, shape->items, r);
            bool repeated = false;
            for (uint64_t i = offsets[u]; i < used; i++)
                repeated |= items[i] == item;
            if (repeated)
                continue;
            items[used] = item;
            weights[used++] = (float)(1 + prng_below(r, 5));
        }
        offsets[u + 1] = used;
    }
    free(sums);
    c->histories = (struct allocation_histories){
        .n = shape->users, .offsets = offsets, .items = items, .weights = weights};
}

void crowd_init(struct crowd *c, struct prng *r, const struct crowd_shape *shape,
                const struct allocation_rules *rules)
{
    size_t n = shape->items;
    uint8_t *eligible = room(n, 1);
    double *popularity = room(n, sizeof(double)), *engagement = room(n, sizeof(double));
    double *quality = room(n, sizeof(double));
    for (size_t i = 0; i < n; i++) {
        eligible[i] = prng_double(r) < shape->eligible;
        popularity[i] =
            floor(1000 * pow((double)i + 1, -shape->skew) * (0.5 + score(r, shape->levels)));
        engagement[i] = score(r, shape->levels);
        quality[i] = score(r, shape->levels);
    }
    *c = (struct crowd){.items = {n, eligible, popularity, engagement, quality}, .rules = *rules};
    make_histories(c, r, shape);
    assert_int_equal(relevance_build(&c->histories, n, rules, &c->relevance), HEED_OK);
    assert_int_equal(allocator_new(&c->items, c->relevance, rules, &c->allocator), HEED_OK);
}

void crowd_deinit(struct crowd *c)
{
    allocator_free(c->allocator);
    relevance_free(c->relevance);
    const void *owned[] = {
        c->items.eligible,    c->items.popularity,          c->items.engagement,
        c->items.quality,     c->histories.offsets,         c->histories.items,
        c->histories.weights, c->histories.blocked_offsets, c->histories.blocked};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free((void *)(uintptr_t)owned[i]);
}

void crowd_block(struct crowd *c, struct prng *r, double share)
{
    size_t n = c->items.n, users = c->histories.n;
    uint64_t *offsets = room(users + 1, sizeof *offsets);
    uint32_t *blocked = room(users * n, sizeof *blocked);
    for (size_t u = 0; u < users; u++) {
        offsets[u + 1] = offsets[u];
        for (uint32_t i = 0; i < n; i++)
            if (prng_double(r) < share)
                blocked[offsets[u + 1]++] = i;
    }
    c->histories.blocked_offsets = offsets;
    c->histories.blocked = blocked;
}

struct feed_request crowd_request(const struct crowd *c, size_t user)
{
    uint64_t from = c->histories.offsets[user];
    const uint64_t *barred = c->histories.blocked_offsets;
    return (struct feed_request){
        .blocked = barred ? c->histories.blocked + barred[user] : NULL,
        .blocked_n = barred ? barred[user + 1] - barred[user] : 0,
        .history = c->histories.items + from,
        .history_weights = c->histories.weights + from,
        .history_n = c->histories.offsets[user + 1] - from,
        .algorithm = c->rules.algorithm,
        .k = c->rules.k,
    };
}
