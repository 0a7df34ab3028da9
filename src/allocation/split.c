#include "allocation/split.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

void split_deinit(struct split *s)
{
    sparse_deinit(&s->train);
    sparse_deinit(&s->test);
    free(s->user);
    free(s->offered);
    *s = (struct split){0};
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* tested[n] by pair.                                                                             */
static enum heed_status mark_latest_fifth(const struct interactions *x, const size_t *first,
                                          uint64_t n, bool *tested)
{
    int64_t *times = malloc((n + 1) * sizeof *times);
    if (!times)
        return HEED_NOMEM;
    for (uint64_t i = 0; i < n; i++)
        times[i] = x->rows[first[i]].time_ms;
    qsort(times, n, sizeof *times, compare_times);
    int64_t cut = times[n - (n + 4) / 5]; /* a fifth, rounded up; there is at least one pair */
    for (uint64_t i = 0; i < n; i++)
        tested[i] = x->rows[first[i]].time_ms >= cut;
    free(times);
    return HEED_OK;
}

static void mark_every_5th(const struct sparse *pairs, bool *tested)
{
    for (size_t u = 0; u < pairs->rows; u++)
        for (uint64_t i = pairs->at[u]; i < pairs->at[u + 1]; i++)
            tested[i] = (i - pairs->at[u]) % 5 == 4;
}

/* Handles count items by first appearance. false: no memory.                                     */
static bool mark_cold(const struct sparse *pairs, bool *tested, bool **offered)
{
    *offered = malloc(pairs->columns + 1);
    for (size_t i = 0; *offered && i < pairs->columns; i++)
        (*offered)[i] = i % 5 == 4;
    for (uint64_t i = 0; *offered && i < sparse_count(pairs); i++)
        tested[i] = (*offered)[pairs->column[i]];
    return *offered != NULL;
}

/* Whether row a is later than b; of one time, by the items' ids, not by their place in the file. */
static bool later(const struct interactions *x, const struct interaction *a,
                  const struct interaction *b)
{
    if (!x->timed)
        return true;
    if (a->time_ms != b->time_ms)
        return a->time_ms > b->time_ms;
    struct str s = intern_str(&x->items, a->item), t = intern_str(&x->items, b->item);
    int order = memcmp(s.p, t.p, s.n < t.n ? s.n : t.n);
    return order != 0 ? order > 0 : s.n > t.n;
}

static void mark_last(const struct interactions *x, const struct sparse *pairs, const size_t *first,
                      bool *tested)
{
    for (size_t u = 0; u < pairs->rows; u++) {
        uint64_t last = pairs->at[u];
        for (uint64_t i = last; i < pairs->at[u + 1]; i++) {
            tested[i] = false;
            if (later(x, &x->rows[first[i]], &x->rows[first[last]]))
                last = i;
        }
        if (pairs->at[u + 1] > pairs->at[u])
            tested[last] = true;
    }
}

/* Whether a user with `n` pairs, `hidden` of them tested, is kept.                               */
static bool kept(enum split_kind kind, uint64_t n, uint64_t hidden)
{
    switch (kind) {
    case SPLIT_EVERY_5TH:
        return n >= 5;
    case SPLIT_LEAVE_ONE_OUT:
        return n >= 2;
    default:
        return n > hidden;
    }
}

static enum heed_status fill(const struct sparse *pairs, const bool *tested, enum split_kind kind,
                             struct split *out)
{
    size_t rows = 0;
    uint64_t hidden_n = 0;
    uint64_t *hidden = calloc(pairs->rows + 1, sizeof *hidden);
    out->user = malloc((pairs->rows + 1) * sizeof *out->user);
    if (!hidden || !out->user) {
        free(hidden);
        return HEED_NOMEM;
    }
    for (size_t u = 0; u < pairs->rows; u++) {
        for (uint64_t i = pairs->at[u]; i < pairs->at[u + 1]; i++)
            hidden[u] += tested[i];
        if (kept(kind, pairs->at[u + 1] - pairs->at[u], hidden[u])) {
            out->user[rows++] = (uint32_t)u;
            hidden_n += hidden[u];
        }
    }
    free(hidden);
    out->left_out = pairs->rows - rows;
    enum heed_status status =
        sparse_init(&out->train, rows, pairs->columns, sparse_count(pairs), false);
    if (status == HEED_OK)
        status = sparse_init(&out->test, rows, pairs->columns, hidden_n, false);
    if (status != HEED_OK)
        return status;
    uint64_t train_n = 0, test_n = 0;
    for (size_t r = 0; r < rows; r++) {
        uint32_t u = out->user[r];
        for (uint64_t i = pairs->at[u]; i < pairs->at[u + 1]; i++) {
            if (tested[i])
                out->test.column[test_n++] = pairs->column[i];
            else
                out->train.column[train_n++] = pairs->column[i];
        }
        out->train.at[r + 1] = train_n;
        out->test.at[r + 1] = test_n;
    }
    status = sparse_sort(&out->train);
    return status == HEED_OK ? sparse_sort(&out->test) : status;
}

static const char *what_it_needs(enum split_kind kind)
{
    switch (kind) {
    case SPLIT_EVERY_5TH:
        return "every-5th needs users with five items";
    case SPLIT_LEAVE_ONE_OUT:
        return "leave-one-out needs users with two items";
    case SPLIT_COLD_ITEMS:
        return "cold-items needs five items, and users who have the fifth and another";
    default:
        return "nobody who acted before the latest fifth took something new in it";
    }
}

enum heed_status split_make(const struct interactions *x, enum split_kind kind, struct split *out,
                            struct heed_error *err)
{
    struct sparse pairs = {0};
    size_t *first = NULL;
    bool *tested = NULL;
    *out = (struct split){0};
    if (kind == SPLIT_TIME && (!x->timed || x->n == 0))
        return error_set(err, HEED_INPUT, "split time",
                         "needs a column time with a time in every row; use every-5th or "
                         "leave-one-out");
    if (x->items.count < 2)
        return error_set(err, HEED_INPUT, "events",
                         "they name %zu item%s, so there is nothing to choose; two are needed",
                         (size_t)x->items.count, x->items.count == 1 ? "" : "s");
    enum heed_status status = interactions_pairs(x, &pairs, &first, &out->unwished);
    if (status == HEED_OK && !(tested = calloc(sparse_count(&pairs) + 1, sizeof *tested)))
        status = HEED_NOMEM;
    if (status == HEED_OK && kind == SPLIT_EVERY_5TH)
        mark_every_5th(&pairs, tested);
    if (status == HEED_OK && kind == SPLIT_LEAVE_ONE_OUT)
        mark_last(x, &pairs, first, tested);
    if (status == HEED_OK && kind == SPLIT_COLD_ITEMS && !mark_cold(&pairs, tested, &out->offered))
        status = HEED_NOMEM;
    if (status == HEED_OK && kind == SPLIT_TIME)
        status = mark_latest_fifth(x, first, sparse_count(&pairs), tested);
    if (status == HEED_OK)
        status = fill(&pairs, tested, kind, out);
    sparse_deinit(&pairs);
    free(first);
    free(tested);
    if (status != HEED_OK) {
        split_deinit(out);
        return error_nomem(err);
    }
    if (sparse_count(&out->test) == 0) {
        size_t unwished = out->unwished;
        split_deinit(out);
        if (unwished)
            return error_set(err, HEED_INPUT, "split",
                             "nobody is left to test on: %s; %zu pairs of user and target speak "
                             "against the target or say nothing, and do not count",
                             what_it_needs(kind), unwished);
        return error_set(err, HEED_INPUT, "split", "nobody is left to test on: %s",
                         what_it_needs(kind));
    }
    return HEED_OK;
}
