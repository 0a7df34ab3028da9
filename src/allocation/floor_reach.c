/* How high a floor can be, before anything is scored: only who may see what counts.
 *
 * The exposures that lists can give are the sum of a base polytope for each user, so by the sum of
 * polymatroids the most equal of them (least sum of squares) has the highest floor of all, and for
 * any set S of items no floor is above  sum over users of what |S, allowed| first ranks give / |S|.
 * Users are balanced in turn, each exactly, given the others; the sets of what has least bound what
 * is still to be had.
 * Source: S. Fujishige, Math. Oper. Res. 5 (1980) 186 (lexicographically optimal bases); C. Lim, S.
 * Wright, ICML 2016 (one user's step is isotonic regression).                                    */
#include "allocation/fair.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>

enum { PASSES = 100 };

struct level {
    double others; /* what the others give the item */
    uint32_t item;
};

/* A run of items on one level: together they get `sum`. */
struct run {
    double sum_others, sum;
    size_t n;
};

struct balance {
    const struct sparse *blocked;
    size_t k, on_offer;
    double *up_to;    /* [k + 1] */
    double *exposure; /* [items] */
    bool *offered;    /* [items] */
    double mean;
    float *given; /* [users * items] */
    struct level *levels;
    struct run *runs;
    uint8_t *mark; /* [items] */
};

static size_t length_of(const struct balance *b, size_t u)
{
    size_t choice = b->blocked->columns - sparse_row(b->blocked, u).n;
    return choice < b->k ? choice : b->k;
}

static int by_level(const void *a, const void *b)
{
    const struct level *x = a, *y = b;
    if (x->others != y->others)
        return x->others < y->others ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* Gives user u's exposure anew, so that the sum of squares is least.                             */
static void balance_user(struct balance *b, size_t u)
{
    size_t items = b->blocked->columns, n = 0, runs = 0, length = length_of(b, u);
    struct sparse_row blocked = sparse_row(b->blocked, u);
    float *given = b->given + u * items;
    for (size_t i = 0; i < blocked.n; i++)
        b->mark[blocked.column[i]] = 1;
    for (uint32_t i = 0; i < items; i++)
        if (!b->mark[i])
            b->levels[n++] = (struct level){b->exposure[i] - (double)given[i], i};
    for (size_t i = 0; i < blocked.n; i++)
        b->mark[blocked.column[i]] = 0;
    qsort(b->levels, n, sizeof *b->levels, by_level);
    /* Least first, each its rank's exposure; a run that came out above the next joins it. */
    for (size_t i = 0; i < n; i++) {
        double rank = i < length ? b->up_to[i + 1] - b->up_to[i] : 0;
        struct run r = {b->levels[i].others, rank, 1};
        while (runs > 0) {
            const struct run *before = &b->runs[runs - 1];
            double here = (r.sum_others + r.sum) / (double)r.n;
            if ((before->sum_others + before->sum) / (double)before->n <= here)
                break;
            r = (struct run){r.sum_others + before->sum_others, r.sum + before->sum,
                             r.n + before->n};
            runs--;
        }
        b->runs[runs++] = r;
    }
    for (size_t r = 0, i = 0; r < runs; r++) {
        double level = (b->runs[r].sum_others + b->runs[r].sum) / (double)b->runs[r].n;
        for (size_t end = i + b->runs[r].n; i < end; i++) {
            double others = b->levels[i].others;
            float now = level > others ? (float)(level - others) : 0;
            given[b->levels[i].item] = now;
            b->exposure[b->levels[i].item] = others + (double)now;
        }
    }
}

static double least_of(const struct balance *b)
{
    double least = INFINITY;
    for (size_t i = 0; i < b->blocked->columns; i++)
        if (b->offered[i] && b->exposure[i] < least)
            least = b->exposure[i];
    return least / b->mean;
}

/* What no floor can pass because of the items with at most this exposure.                        */
static double bound_of(struct balance *b, double level)
{
    size_t items = b->blocked->columns, size = 0;
    double sum = 0;
    for (size_t i = 0; i < items; i++) {
        b->mark[i] = b->offered[i] && b->exposure[i] <= level;
        size += b->mark[i];
    }
    for (size_t u = 0; u < b->blocked->rows; u++) {
        struct sparse_row row = sparse_row(b->blocked, u);
        size_t allowed = size, length = length_of(b, u);
        for (size_t i = 0; i < row.n; i++)
            allowed -= b->mark[row.column[i]];
        sum += b->up_to[allowed < length ? allowed : length];
    }
    memset(b->mark, 0, items);
    return size ? sum / (double)size / b->mean : INFINITY;
}

static double least_bound(struct balance *b, double least)
{
    static const double shares[] = {1e-6, 1e-4, .001, .01, .03, .1, .3, 1};
    double bound = INFINITY;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        double here = bound_of(b, b->mean * (least + shares[i] * (1 + 1e-9 - least)));
        bound = here < bound ? here : bound;
    }
    return bound < 1 ? bound : 1;
}

/* The uniform policy. false: nothing is on offer. */
static bool begin(struct balance *b)
{
    size_t users = b->blocked->rows, items = b->blocked->columns;
    double all = 0, sum = 0;
    for (size_t u = 0; u < users; u++) {
        struct sparse_row row = sparse_row(b->blocked, u);
        size_t choice = items - row.n;
        double each = choice ? b->up_to[length_of(b, u)] / (double)choice : 0;
        all += each;
        sum += b->up_to[length_of(b, u)];
        for (size_t i = 0; i < row.n; i++)
            b->exposure[row.column[i]] -= each;
    }
    uint64_t *barred = (uint64_t *)(void *)b->levels; /* room that is free until the first pass */
    memset(barred, 0, items * sizeof *barred);
    for (uint64_t i = 0; i < sparse_count(b->blocked); i++)
        barred[b->blocked->column[i]]++;
    for (size_t i = 0; i < items; i++) {
        b->offered[i] = barred[i] < users;
        b->exposure[i] += all;
        b->on_offer += b->offered[i];
    }
    b->mean = b->on_offer ? sum / (double)b->on_offer : 0;
    return b->on_offer > 0;
}

static void begin_given(struct balance *b)
{
    size_t items = b->blocked->columns;
    for (size_t u = 0; u < b->blocked->rows; u++) {
        struct sparse_row row = sparse_row(b->blocked, u);
        float each =
            items > row.n ? (float)(b->up_to[length_of(b, u)] / (double)(items - row.n)) : 0;
        for (size_t i = 0; i < items; i++)
            b->given[u * items + i] = each;
        for (size_t i = 0; i < row.n; i++)
            b->given[u * items + row.column[i]] = 0;
    }
}

enum heed_status floor_policy(const struct sparse *blocked, size_t k, double floor, double *most,
                              float **given, struct heed_error *err)
{
    size_t users = blocked->rows, items = blocked->columns;
    struct balance b = {.blocked = blocked, .k = k};
    enum heed_status status = fair_check(users, items, k, err);
    if (status != HEED_OK)
        return status;
    b.up_to = calloc(b.k + 1, sizeof *b.up_to);
    b.exposure = calloc(items + 1, sizeof *b.exposure);
    b.offered = calloc(items + 1, sizeof *b.offered);
    b.levels = calloc(items + 1, sizeof *b.levels);
    b.runs = calloc(items + 1, sizeof *b.runs);
    b.mark = calloc(items + 1, sizeof *b.mark);
    *most = 0;
    if (!b.up_to || !b.exposure || !b.offered || !b.levels || !b.runs || !b.mark) {
        status = error_nomem(err);
        goto done;
    }
    for (size_t r = 0; r < b.k; r++)
        b.up_to[r + 1] = b.up_to[r] + 1 / log2((double)(r + 2));
    if (!begin(&b))
        goto done;
    *most = least_of(&b);
    double bound = least_bound(&b, *most);
    if (*most >= floor - 1e-9 || bound - *most <= 1e-4)
        goto done;
    b.given = malloc((users * items + 1) * sizeof *b.given);
    if (!b.given) {
        status = error_nomem(err);
        goto done;
    }
    begin_given(&b);
    for (int pass = 0; pass < PASSES && *most < floor - 1e-9 && bound - *most > 1e-4; pass++) {
        for (size_t u = 0; u < users; u++)
            balance_user(&b, u);
        *most = least_of(&b);
        bound = least_bound(&b, *most);
    }
done:
    free(b.up_to);
    free(b.exposure);
    free(b.offered);
    free(b.levels);
    free(b.runs);
    free(b.mark);
    if (status == HEED_OK && given)
        *given = b.given;
    else
        free(b.given);
    return status;
}

enum heed_status floor_reach(const struct sparse *blocked, size_t k, double floor, double *most,
                             struct heed_error *err)
{
    return floor_policy(blocked, k, floor, most, NULL, err);
}
