/* How long a feed for one user, relevance and an epoch take, and feeds of a large catalogue in two
 * steps. The peer of a feed is what anyone would write first: score all items from dense relevance,
 * qsort them, take the head. bench_feed [ITEMS [HISTORY [LARGE]]] */
#include "bench.h"

#include "allocation/constraints.h"
#include "base/parallel.h"
#include "base/prng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FEEDS = 20000, PEER_FEEDS = 500, LARGE_FEEDS = 2000, SCANS = 200, THREADS = 2 };

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

/* Times of n feeds: as a clock on the wall sees them, and what the thread itself worked, which
 * other work on the machine does not lengthen.                                                   */
struct times {
    double *wall, *own;
    size_t n;
    double wall_start, own_start;
};

static struct times times_new(size_t n)
{
    return (struct times){.wall = room(n, sizeof(double)), .own = room(n, sizeof(double))};
}

static void times_free(struct times *t)
{
    free(t->wall);
    free(t->own);
}

static void times_begin(struct times *t)
{
    t->own_start = clock_s(CLOCK_THREAD_CPUTIME_ID);
    t->wall_start = now_s();
}

static void times_end(struct times *t)
{
    t->wall[t->n] = now_s() - t->wall_start;
    t->own[t->n++] = clock_s(CLOCK_THREAD_CPUTIME_ID) - t->own_start;
}

static void print_times(const char *what, struct times *t)
{
    size_t p99 = t->n * 99 / 100;
    qsort(t->wall, t->n, sizeof *t->wall, compare_double);
    qsort(t->own, t->n, sizeof *t->own, compare_double);
    printf("%-44s p50 %8.1f us   p99 %8.1f us   own work p99 %8.1f us\n", what,
           t->wall[t->n / 2] * 1e6, t->wall[p99] * 1e6, t->own[p99] * 1e6);
    t->n = 0;
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

static struct feed_request request_of(const struct crowd *c, size_t user, uint32_t k)
{
    return (struct feed_request){
        .history = c->history + c->offsets[user],
        .history_weights = c->weights + c->offsets[user],
        .history_n = c->offsets[user + 1] - c->offsets[user],
        .algorithm = ALGORITHM_MIXED,
        .k = k,
    };
}

static uint64_t *make_debts(size_t items)
{
    uint64_t *owed = room(items, sizeof *owed);
    for (size_t i = 0; i < items; i++)
        owed[i] = i * 7919 % 100000;
    return owed;
}

/* What one thread does for the throughput of all: its own allocator over shared relevance.       */
struct lane {
    const struct crowd *c;
    const uint64_t *owed;
    struct allocator *allocators[THREADS];
    struct {
        size_t sum;
        double own_s; /* what the thread itself worked */
    } done[THREADS];
};

static void serve_lane(void *context, size_t piece, unsigned worker)
{
    struct lane *l = context;
    (void)worker;
    double start = clock_s(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < FEEDS; i++) {
        struct slot slots[FEED_MAX];
        struct feed_request q = request_of(l->c, (i * THREADS + piece) % l->c->histories.n, 50);
        size_t n;
        q.owed = l->owed;
        q.owed_slots = 5;
        allocator_feed(l->allocators[piece], &q, slots, &n);
        l->done[piece].sum += slots[0].item;
    }
    l->done[piece].own_s = clock_s(CLOCK_THREAD_CPUTIME_ID) - start;
}

static void bench_threads(const char *what, const struct crowd *c, const struct relevance *m,
                          const uint64_t *owed, bool sorted)
{
    struct lane lane = {.c = c, .owed = owed};
    for (int t = 0; t < THREADS; t++)
        if (allocator_new(&c->items, m, &rules, &lane.allocators[t]) != HEED_OK ||
            (sorted &&
             allocator_sort(lane.allocators[t], ALGORITHM_MIXED, CANDIDATES_KEPT) != HEED_OK))
            exit(1);
    double start = now_s(), undisturbed = 0;
    parallel_each(THREADS, THREADS, serve_lane, &lane);
    double took = now_s() - start;
    for (int t = 0; t < THREADS; t++) {
        undisturbed += FEEDS / lane.done[t].own_s;
        allocator_free(lane.allocators[t]);
    }
    printf("%-44s %8.0f feeds/s   by own work %8.0f feeds/s   aim 10000 at least\n", what,
           THREADS * FEEDS / took, undisturbed);
}

static void bench_feed(size_t items, size_t history)
{
    static const struct {
        const char *name;
        uint32_t k, owed_slots;
        enum algorithm algorithm;
        bool sorted;
    } rows[] = {
        {"heed, mixed, k = 10", 10, 0, ALGORITHM_MIXED, false},
        {"heed, mixed, k = 10, 3 slots pay debts", 10, 3, ALGORITHM_MIXED, false},
        {"heed, exposure, k = 10", 10, 0, ALGORITHM_EXPOSURE, false},
        {"heed, mixed, k = 50", 50, 0, ALGORITHM_MIXED, false},
        {"heed, all terms, k = 50, 5 slots pay debts", 50, 5, ALGORITHM_MIXED, false},
        {"  the same, in two steps", 50, 5, ALGORITHM_MIXED, true},
    };
    size_t users = 4000;
    struct crowd c = make(items, users, users * history);
    struct relevance *m;
    struct allocator *a;
    struct times t = times_new(FEEDS);
    double start = now_s();
    if (relevance_build(&c.histories, items, &rules, &m) != HEED_OK)
        exit(1);
    printf("relevance, %zu users x %zu items, %zu acts: %.3f s\n", users, items, users * history,
           now_s() - start);
    start = now_s();
    if (allocator_new(&c.items, m, &rules, &a) != HEED_OK)
        exit(1);
    printf("allocator_new, %zu items: %.3f ms\n", items, (now_s() - start) * 1e3);

    printf("\none feed of %zu items, %zu in the history\n", items, history);
    uint64_t *owed = make_debts(items);
    size_t sum = 0;
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        if (rows[row].sorted && allocator_sort(a, rows[row].algorithm, CANDIDATES_KEPT) != HEED_OK)
            exit(1);
        for (size_t i = 0; i < FEEDS; i++) {
            struct slot slots[FEED_MAX];
            size_t n;
            struct feed_request q = request_of(&c, i % users, rows[row].k);
            q.algorithm = rows[row].algorithm;
            q.owed = rows[row].owed_slots ? owed : NULL;
            q.owed_slots = rows[row].owed_slots;
            times_begin(&t);
            allocator_feed(a, &q, slots, &n);
            times_end(&t);
            sum += slots[0].item;
        }
        print_times(rows[row].name, &t);
    }
    double *relevant = room(items, sizeof *relevant);
    struct scored *all = room(items, sizeof *all);
    for (size_t i = 0; i < PEER_FEEDS; i++) {
        times_begin(&t);
        sum += peer_feed(&c, relevant, all);
        times_end(&t);
    }
    print_times("peer, score all and qsort", &t);
    bench_threads("two threads, all terms, k = 50, debts", &c, m, owed, false);
    bench_threads("  the same, in two steps", &c, m, owed, true);
    printf("(checksum %zu)\n", sum);
    free(all);
    free(relevant);
    free(owed);
    times_free(&t);
    allocator_free(a);
    relevance_free(m);
    unmake(&c);
}

/* How many of the scan's items the two steps found too.                                          */
static size_t found(const struct slot *steps, size_t steps_n, const struct slot *scan,
                    size_t scan_n)
{
    size_t n = 0;
    for (size_t i = 0; i < scan_n; i++)
        for (size_t j = 0; j < steps_n; j++)
            n += scan[i].item == steps[j].item;
    return n;
}

static void bench_large(size_t items)
{
    size_t users = 20000, history = 50, hits = 0, of = 0;
    struct crowd c = make(items, users, users * history);
    struct relevance *m;
    struct allocator *steps, *exact;
    struct times t = times_new(LARGE_FEEDS);
    uint64_t *owed = make_debts(items);
    if (relevance_build(&c.histories, items, &rules, &m) != HEED_OK ||
        allocator_new(&c.items, m, &rules, &exact) != HEED_OK)
        exit(1);
    double start = now_s();
    if (allocator_new(&c.items, m, &rules, &steps) != HEED_OK)
        exit(1);
    double made = now_s();
    if (allocator_sort(steps, ALGORITHM_MIXED, CANDIDATES_KEPT) != HEED_OK)
        exit(1);
    printf("\none feed of %zu items, %zu in the history, k = 50, all terms (allocator_new %.0f ms, "
           "allocator_sort %.0f ms)\n",
           items, history, (made - start) * 1e3, (now_s() - made) * 1e3);
    for (int pays = 0; pays < 2; pays++)
        for (int scan = 0; scan < 2; scan++) {
            static const char *const names[2][2] = {
                {"in two steps", "exact scan"},
                {"in two steps, 5 slots pay debts", "exact scan, 5 slots pay debts"}};
            for (size_t i = 0; i < (scan ? SCANS : LARGE_FEEDS); i++) {
                struct slot slots[FEED_MAX];
                size_t n;
                struct feed_request q = request_of(&c, i * 7 % users, 50);
                q.owed = pays ? owed : NULL;
                q.owed_slots = pays ? 5 : 0;
                times_begin(&t);
                allocator_feed(scan ? exact : steps, &q, slots, &n);
                times_end(&t);
                if (scan) {
                    struct slot again[FEED_MAX];
                    size_t again_n;
                    allocator_feed(steps, &q, again, &again_n);
                    hits += found(again, again_n, slots, n);
                    of += n;
                }
            }
            print_times(names[pays][scan], &t);
        }
    printf("recall@50 of the two steps against the exact scan: %.4f (%zu of %zu)\n",
           (double)hits / (double)of, hits, of);
    free(owed);
    times_free(&t);
    allocator_free(steps);
    allocator_free(exact);
    relevance_free(m);
    unmake(&c);
}

/* All constraints at once: creators by Zipf's law as the items, twenty categories of which one is
 * capped and two are groups, one content in thirty fresh, one in fifty limited. `few`: so few
 * creators that no feed can keep all.                                                           */
static void bench_constraints(size_t items, size_t history, uint32_t k, bool few)
{
    size_t users = 4000;
    struct crowd c = make(items, users, users * history);
    struct allocation_rules r = rules;
    struct relevance *m;
    struct allocator *a;
    struct prng random;
    uint32_t *creator = room(items, sizeof *creator), *category = room(items, sizeof *category);
    uint32_t *classes = room(items, sizeof *classes);
    struct times t = times_new(FEEDS);
    uint64_t *owed = make_debts(items);
    r.k = k;
    r.limited_ppm = 100000;
    r.constraints = (struct constraint_rules){.per_creator = 2,
                                              .per_category = k / 4,
                                              .fresh_ppm = 200000,
                                              .caps_n = 2,
                                              .caps = {{1, 1000000}, {100, 300000}},
                                              .groups_n = 2,
                                              .groups = {{250000, 100000, 1}, {100000, 100000, 1}}};
    prng_seed(&random, 9);
    for (size_t i = 0; i < items; i++) {
        creator[i] = draw(&random, few ? k / 3 : items / 10);
        category[i] = (uint32_t)prng_below(&random, 20);
        classes[i] = (uint32_t)(category[i] == 0) | (uint32_t)(prng_below(&random, 3) == 0) << 1 |
                     (uint32_t)(category[i] == 1) << CAPS_MAX |
                     (uint32_t)(category[i] == 2) << (CAPS_MAX + 1) |
                     (uint32_t)(prng_below(&random, 30) == 0) << CLASS_FRESH;
        if (prng_below(&random, 50) == 0)
            c.eligible[i] = ELIGIBLE_LIMITED;
    }
    if (relevance_build(&c.histories, items, &r, &m) != HEED_OK ||
        allocator_new(&c.items, m, &r, &a) != HEED_OK)
        exit(1);
    double start = now_s();
    if (allocator_constrain(a, creator, category, classes) != HEED_OK)
        exit(1);
    printf("\nall constraints%s, k = %u (allocator_constrain: %.3f ms)\n",
           few ? ", which cannot be kept" : "", k, (now_s() - start) * 1e3);
    for (int pays = 0; pays < 2; pays++) {
        size_t relaxed = 0, moved = 0, slots_n = 0;
        for (size_t i = 0; i < FEEDS; i++) {
            size_t n, broken;
            struct slot slots[FEED_MAX];
            struct feed_request q = request_of(&c, i % users, k);
            q.owed = pays ? owed : NULL;
            q.owed_slots = pays ? 3 : 0;
            q.limited = limited_slots(&r, k);
            times_begin(&t);
            allocator_feed(a, &q, slots, &n);
            times_end(&t);
            (void)allocator_relaxed(a, &broken);
            relaxed += broken > 0;
            for (size_t j = 0; j < n; j++)
                moved += slots[j].rules != 0;
            slots_n += n;
        }
        print_times(pays ? "heed, all rules, 3 slots pay debts" : "heed, all rules", &t);
        printf("    %.2f of the feeds relax a rule, %.2f of the slots stand higher for one\n",
               (double)relaxed / FEEDS, (double)moved / (double)slots_n);
    }
    free(owed);
    free(creator);
    free(category);
    free(classes);
    times_free(&t);
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
    size_t large = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000000;
    if (items < 2 * history || history == 0 || large < 1000) {
        fprintf(stderr, "usage: bench_feed [ITEMS [HISTORY [LARGE]]], at least two items for each "
                        "of a history, 1000 in the large catalogue\n");
        return 2;
    }
    bench_feed(items, history);
    bench_constraints(items, history, 10, false);
    bench_constraints(items, history, 50, false);
    bench_constraints(items, history, 10, true);
    bench_constraints(items, history, 50, true);
    bench_large(large);
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
