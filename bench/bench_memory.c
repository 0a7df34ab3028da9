/* How much memory relevance takes of a large crowd: who attended to what as a sparse matrix, the
 * same turned round, item-to-item relevance, and an allocator over it, all held at once and made
 * without a file. bench_memory [USERS [ITEMS [INTERACTIONS]]] */
#include "bench.h"

#include "allocation/allocation.h"
#include "allocation/sparse.h"
#include "base/prng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static double peak_mib(void)
{
    struct rusage used;
    return getrusage(RUSAGE_SELF, &used) == 0 ? (double)used.ru_maxrss / 1024 : 0;
}

static void need(bool ok)
{
    if (!ok) {
        fprintf(stderr, "bench_memory: no memory\n");
        exit(1);
    }
}

static void say(const char *what, double start)
{
    printf("%-44s %8.1f s   peak so far %8.0f MiB\n", what, now_s() - start, peak_mib());
    fflush(stdout);
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A row a user: items by Zipf's law with exponent 1 (by inversion of its continuous form), none
 * twice, with an amount.                                                                         */
static void generate(struct sparse *m, size_t users, size_t items, uint64_t interactions)
{
    struct prng r;
    prng_seed(&r, 7);
    uint8_t *seen = calloc(items, 1);
    need(seen && sparse_init(m, users, items, interactions, true) == HEED_OK);
    uint64_t n = 0;
    for (size_t u = 0; u < users; u++) {
        uint64_t from = n, end = (uint64_t)((double)interactions / (double)users * (double)(u + 1));
        while (n < end) {
            size_t i = (size_t)(pow((double)items + 1, prng_double(&r)) - 1);
            if (i >= items || seen[i])
                continue;
            seen[i] = 1;
            m->value[n] = (float)(1 + prng_below(&r, 100));
            m->column[n++] = (uint32_t)i;
        }
        for (uint64_t i = from; i < n; i++)
            seen[m->column[i]] = 0;
        qsort(m->column + from, n - from, sizeof *m->column, compare_u32);
        m->at[u + 1] = n;
    }
    free(seen);
}

int main(int argc, char **argv)
{
    size_t users = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    size_t items = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    uint64_t interactions = argc > 3 ? strtoull(argv[3], NULL, 10) : 50000000;
    if (users == 0 || items < 2 * (interactions / users + 1) || items > UINT32_MAX) {
        fprintf(stderr, "usage: bench_memory [USERS [ITEMS [INTERACTIONS]]], at least two items "
                        "for each of a user\n");
        return 2;
    }
    static const struct allocation_rules rules = {.k = 50,
                                                  .algorithm = ALGORITHM_MIXED,
                                                  .mix_milli = {250, 250, 250, 250},
                                                  .neighbours = 50,
                                                  .max_history = 50};
    struct sparse by_user, by_item;
    struct relevance *relevance;
    struct allocator *allocator;
    double start = now_s();
    generate(&by_user, users, items, interactions);
    say("who attended to what, with amounts", start);
    start = now_s();
    need(sparse_transpose(&by_user, &by_item) == HEED_OK);
    say("the same turned round", start);
    start = now_s();
    const struct allocation_histories h = {
        .n = users, .offsets = by_user.at, .items = by_user.column, .weights = by_user.value};
    need(relevance_build(&h, items, &rules, &relevance) == HEED_OK);
    say("relevance, 50 neighbours an item", start);
    start = now_s();
    uint8_t *eligible = malloc(items);
    double *score = malloc(items * sizeof *score);
    need(eligible && score);
    for (size_t i = 0; i < items; i++) {
        eligible[i] = ELIGIBLE;
        score[i] = (double)(by_item.at[i + 1] - by_item.at[i]) / (double)users;
    }
    const struct allocation_items all = {items, eligible, score, score, score};
    need(allocator_new(&all, relevance, &rules, &allocator) == HEED_OK &&
         allocator_sort(allocator, ALGORITHM_MIXED, CANDIDATES_KEPT) == HEED_OK);
    say("an allocator over it", start);
    printf("%-44s %8.0f MiB   aim 2048 at most\n", "peak memory, all held at once", peak_mib());
    free(eligible);
    free(score);
    allocator_free(allocator);
    relevance_free(relevance);
    sparse_deinit(&by_item);
    sparse_deinit(&by_user);
    return 0;
}
