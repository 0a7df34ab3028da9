/* How long a feed for one user, relevance and an epoch take. The peer of a feed is what anyone
 * would write first: score all items from dense relevance, qsort them, take the head. bench_feed
 * [ITEMS [HISTORY]] */
#include "allocation/allocation.h"
#include "base/prng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FEEDS = 20000, PEER_FEEDS = 500 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *room(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);
    if (!p) {
        fprintf(stderr, "bench_feed: no memory\n");
        exit(1);
    }
    return p;
}

struct crowd {
    struct allocation_items items;
    struct allocation_histories histories;
    uint8_t *eligible;
    double *scores[3];
    uint64_t *offsets;
    uint32_t *history;
    float *weights;
};

/* An item by Zipf's law with exponent 1, by inversion of its continuous form.                    */
static uint32_t draw(struct prng *r, size_t items)
{
    size_t i = (size_t)(pow((double)items + 1, prng_double(r)) - 1);
    return (uint32_t)(i < items ? i : items - 1);
}

static struct crowd make(size_t items, size_t users, size_t interactions)
{
    struct prng r;
    struct crowd c = {0};
    prng_seed(&r, 7);
    c.eligible = room(items, 1);
    for (int s = 0; s < 3; s++)
        c.scores[s] = room(items, sizeof(double));
    for (size_t i = 0; i < items; i++) {
        c.eligible[i] = 1;
        c.scores[0][i] = floor(1e5 / (double)(i + 1));
        c.scores[1][i] = prng_double(&r);
        c.scores[2][i] = prng_double(&r);
    }
    c.offsets = room(users + 1, sizeof *c.offsets);
    c.history = room(interactions, sizeof *c.history);
    c.weights = room(interactions, sizeof *c.weights);
    uint8_t *seen = room(items, 1);
    uint64_t n = 0;
    for (size_t u = 0; u < users; u++) {
        uint64_t end = interactions * (u + 1) / users, from = n;
        for (; n < end; n++) {
            do
                c.history[n] = draw(&r, items);
            while (seen[c.history[n]]);
            seen[c.history[n]] = 1;
            c.weights[n] = (float)(1 + prng_below(&r, 100));
        }
        c.offsets[u + 1] = n;
        for (uint64_t i = from; i < n; i++)
            seen[c.history[i]] = 0;
    }
    free(seen);
    c.items = (struct allocation_items){items, c.eligible, c.scores[0], c.scores[1], c.scores[2]};
    c.histories = (struct allocation_histories){
        .n = users, .offsets = c.offsets, .items = c.history, .weights = c.weights};
    return c;
}

static void unmake(struct crowd *c)
{
    free(c->eligible);
    for (int s = 0; s < 3; s++)
        free(c->scores[s]);
    free(c->offsets);
    free(c->history);
    free(c->weights);
}

static const struct allocation_rules rules = {
    .k = 10,
    .algorithm = ALGORITHM_MIXED,
    .mix_milli = {250, 250, 250, 250},
    .floor_ppm = 100000,
    .neighbours = 50,
    .max_history = 50,
};

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *what, double *t, size_t n)
{
    qsort(t, n, sizeof *t, compare_double);
    printf("%-34s p50 %8.1f us   p99 %8.1f us\n", what, t[n / 2] * 1e6, t[n * 99 / 100] * 1e6);
}

struct scored {
    double score;
    size_t item;
};

static int compare_scored(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score ? 1 : -1)
                                : (x->item > y->item) - (x->item < y->item);
}

/* The peer: the same values, all items, one sort. Relevance is given to it for nothing.          */
static size_t peer_feed(const struct crowd *c, const double *relevant, struct scored *all)
{
    for (size_t i = 0; i < c->items.n; i++)
        all[i] = (struct scored){0.25 * log1p(c->scores[0][i]) + 0.25 * c->scores[1][i] +
                                     0.25 * c->scores[2][i] + 0.25 * relevant[i],
                                 i};
    qsort(all, c->items.n, sizeof *all, compare_scored);
    return all[0].item;
}

static void bench_feed(size_t items, size_t history)
{
    size_t users = 4000;
    struct crowd c = make(items, users, users * history);
    struct relevance *m;
    struct allocator *a;
    double *t = room(FEEDS, sizeof *t), start = now_s();
    if (relevance_build(&c.histories, items, &rules, &m) != HEED_OK)
        exit(1);
    printf("relevance, %zu users x %zu items, %zu acts: %.3f s\n", users, items, users * history,
           now_s() - start);
    start = now_s();
    if (allocator_new(&c.items, m, &rules, &a) != HEED_OK)
        exit(1);
    printf("allocator_new, %zu items: %.3f ms\n", items, (now_s() - start) * 1e3);

    printf("\none feed of %zu items, %zu in the history, k = 10\n", items, history);
    uint64_t *owed = room(items, sizeof *owed);
    for (size_t i = 0; i < items; i++)
        owed[i] = i * 7919 % 100000;
    size_t sum = 0;
    for (int kind = 0; kind < 3; kind++) {
        static const char *const names[] = {"heed, mixed", "heed, mixed, 3 slots pay debts",
                                            "heed, exposure"};
        for (size_t i = 0; i < FEEDS; i++) {
            size_t u = i % users, n;
            struct slot slots[FEED_MAX];
            struct feed_request q = {
                .history = c.history + c.offsets[u],
                .history_weights = c.weights + c.offsets[u],
                .history_n = c.offsets[u + 1] - c.offsets[u],
                .algorithm = kind == 2 ? ALGORITHM_EXPOSURE : ALGORITHM_MIXED,
                .owed = kind == 1 ? owed : NULL,
                .owed_slots = 3,
                .k = 10,
            };
            start = now_s();
            allocator_feed(a, &q, slots, &n);
            t[i] = now_s() - start;
            sum += slots[0].item;
        }
        print_times(names[kind], t, FEEDS);
    }
    double *relevant = room(items, sizeof *relevant);
    struct scored *all = room(items, sizeof *all);
    for (size_t i = 0; i < PEER_FEEDS; i++) {
        start = now_s();
        sum += peer_feed(&c, relevant, all);
        t[i] = now_s() - start;
    }
    print_times("peer, score all and qsort", t, PEER_FEEDS);
    printf("(checksum %zu)\n", sum);
    free(all);
    free(relevant);
    free(owed);
    free(t);
    allocator_free(a);
    relevance_free(m);
    unmake(&c);
}

static void bench_epoch(size_t items, size_t users, size_t acts, enum algorithm algorithm,
                        uint32_t floor_ppm)
{
    struct crowd c = make(items, users, acts);
    struct allocation_rules r = rules;
    struct relevance *m;
    struct allocator *a;
    r.algorithm = algorithm;
    r.floor_ppm = floor_ppm;
    double start = now_s();
    if (relevance_build(&c.histories, items, &r, &m) != HEED_OK)
        exit(1);
    double built = now_s() - start;
    if (allocator_new(&c.items, m, &r, &a) != HEED_OK)
        exit(1);
    struct epoch_exposure x = {.given = room(items, sizeof *x.given),
                               .popularity = room(items, sizeof *x.popularity)};
    start = now_s();
    if (allocator_epoch(a, &c.histories, &x) != HEED_OK)
        exit(1);
    printf("%6zu users x %5zu items, %6zu acts, %-10s floor %.2f: relevance %.3f s, epoch %.3f s, "
           "least share %.3f, %s\n",
           users, items, acts, algorithm_name(algorithm), floor_ppm / 1e6, built, now_s() - start,
           x.min_share_ppm / 1e6, x.kept ? "kept" : "not kept");
    free(x.given);
    free(x.popularity);
    allocator_free(a);
    relevance_free(m);
    unmake(&c);
}

int main(int argc, char **argv)
{
    size_t items = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    size_t history = argc > 2 ? strtoul(argv[2], NULL, 10) : 50;
    if (items < 2 * history || history == 0) {
        fprintf(stderr,
                "usage: bench_feed [ITEMS [HISTORY]], at least two items for each of a history\n");
        return 2;
    }
    bench_feed(items, history);
    printf("\nepochs\n");
    bench_epoch(5000, 2000, 100000, ALGORITHM_MIXED, 100000);
    bench_epoch(5155, 12393, 70489, ALGORITHM_MIXED, 100000);
    bench_epoch(5155, 12393, 70489, ALGORITHM_EXPOSURE, 100000);
    bench_epoch(5155, 12393, 70489, ALGORITHM_MIXED, 0);
    bench_epoch(5155, 12393, 70489, ALGORITHM_MIXED, 500000);
    bench_epoch(5155, 12393, 70489, ALGORITHM_MIXED, 990000);
    bench_epoch(50000, 4000, 70489, ALGORITHM_MIXED, 100000);
    return 0;
}
