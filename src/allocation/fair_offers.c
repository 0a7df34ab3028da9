#include "allocation/fair.h"

#include "allocation/top.h"
#include "base/error.h"
#include "base/parallel.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { ROWS = 32, BLOCK = 16, AHEAD = 1024 };

struct filling {
    struct fair_offers *f;
    const struct sparse *blocked;
    const struct model_kind *kind; /* NULL: the scores are there */
    const void *model;
    double *scratch;       /* [items] a worker, for the model */
    struct top_item *best; /* [k] a worker */
    atomic_int status;     /* the last that is not HEED_OK */
};

enum heed_status fair_check(size_t users, size_t items, size_t k, struct heed_error *err)
{
    if (items < 2)
        return error_set(err, HEED_RANGE, "catalogue",
                         "has %zu item; there is nothing to choose from below two", items);
    if (k < 1 || k > items)
        return error_set(err, HEED_RANGE, "k",
                         "%zu is not within the catalogue of %zu items; give --k from 1 to %zu", k,
                         items, items);
    if (users > FAIR_PAIRS_MAX / items)
        return error_set(err, HEED_RANGE, "offers",
                         "%zu users x %zu items are more than the %llu pairs that are weighed at "
                         "once; give a file of fewer users",
                         users, items, (unsigned long long)FAIR_PAIRS_MAX);
    return HEED_OK;
}

/* One user's scores to worths.                                                                   */
static enum heed_status fill_user(struct filling *x, size_t u, double *scratch,
                                  struct top_item *room)
{
    struct fair_offers *f = x->f;
    float *worth = f->worth + u * f->items;
    struct sparse_row blocked = sparse_row(x->blocked, u);
    if (x->kind) {
        enum heed_status status = x->kind->score(x->model, u, blocked, scratch);
        if (status != HEED_OK)
            return status;
        for (size_t i = 0; i < f->items; i++)
            worth[i] = (float)scratch[i];
    }
    for (size_t i = 0; i < f->items; i++) {
        if (!isfinite(worth[i]))
            return HEED_RANGE;
        worth[i] = worth[i] > 0 ? worth[i] : 0;
    }
    for (size_t i = 0; i < blocked.n; i++)
        worth[blocked.column[i]] = -INFINITY;
    f->choice[u] = (uint32_t)(f->items - blocked.n);
    f->length[u] = f->choice[u] < f->k ? f->choice[u] : (uint32_t)f->k;
    struct top top = top_of(room, f->length[u], f->order);
    double sum = 0, best = 0;
    for (uint32_t i = 0; i < f->items; i++)
        if (worth[i] >= 0) {
            top_offer(&top, i, worth[i]);
            sum += worth[i];
        }
    size_t n = top_sort(&top);
    for (size_t r = 0; r < n; r++)
        best += room[r].score * (f->up_to[r + 1] - f->up_to[r]);
    f->judged[u] = best > 0;
    f->even[u] = best > 0 ? sum / best * f->up_to[n] / f->choice[u] : 0;
    for (size_t i = 0; best > 0 && i < f->items; i++)
        worth[i] = (float)(worth[i] / best);
    return HEED_OK;
}

static void fill_users(void *context, size_t piece, unsigned worker)
{
    struct filling *x = context;
    for (size_t u = piece * ROWS; u < (piece + 1) * ROWS && u < x->f->users; u++) {
        enum heed_status status = fill_user(
            x, u, x->kind ? x->scratch + worker * x->f->items : NULL, x->best + worker * x->f->k);
        if (status != HEED_OK)
            atomic_store(&x->status, (int)status);
    }
}

/* Exposures of items under the uniform policy, which are on offer, and their mean exposure.      */
static enum heed_status count_items(struct fair_offers *f, const struct sparse *blocked,
                                    struct heed_error *err)
{
    uint32_t *barred = calloc(f->items + 1, sizeof *barred);
    if (!barred)
        return error_nomem(err);
    double all = 0, sum = 0;
    for (size_t u = 0; u < f->users; u++) {
        double each = f->choice[u] ? f->up_to[f->length[u]] / f->choice[u] : 0;
        struct sparse_row row = sparse_row(blocked, u);
        for (size_t i = 0; i < row.n; i++) {
            f->even_items[row.column[i]] -= each;
            barred[row.column[i]]++;
        }
        all += each;
        sum += f->up_to[f->length[u]];
        f->judged_n += f->judged[u];
    }
    for (size_t i = 0; i < f->items; i++) {
        f->even_items[i] = barred[i] < f->users ? f->even_items[i] + all : 0;
        f->on_offer += barred[i] < f->users;
    }
    free(barred);
    if (f->on_offer == 0)
        return error_set(err, HEED_RANGE, "offers",
                         "everyone has every item already; give a file with more items");
    f->mean_exposure = sum / (double)f->on_offer;
    return HEED_OK;
}

static enum heed_status offers_fill(struct fair_offers *f, struct filling *x, unsigned threads,
                                    struct heed_error *err)
{
    size_t workers = parallel_workers(threads);
    x->f = f;
    x->scratch = malloc((f->items * workers + 1) * sizeof *x->scratch);
    x->best = malloc((f->k * workers + 1) * sizeof *x->best);
    enum heed_status status = x->scratch && x->best ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        parallel_each((f->users + ROWS - 1) / ROWS, threads, fill_users, x);
        status = (enum heed_status)atomic_load(&x->status);
    }
    free(x->scratch);
    free(x->best);
    if (status == HEED_RANGE)
        return error_set(err, status, x->kind ? x->kind->name : "scores",
                         "a score is not a finite number; give parameters nearer to the defaults");
    return status == HEED_OK ? count_items(f, x->blocked, err) : error_nomem(err);
}

/* Everything but the worths.                                                                     */
static enum heed_status offers_alloc(struct fair_offers *f, const struct sparse *blocked, size_t k,
                                     uint64_t seed, struct heed_error *err)
{
    size_t users = blocked->rows, items = blocked->columns;
    *f = (struct fair_offers){.blocked = blocked, .users = users, .items = items, .k = k};
    enum heed_status status = fair_check(users, items, k, err);
    if (status != HEED_OK)
        return status;
    f->up_to = calloc(k + 1, sizeof *f->up_to);
    f->length = calloc(users + 1, sizeof *f->length);
    f->choice = calloc(users + 1, sizeof *f->choice);
    f->even = calloc(users + 1, sizeof *f->even);
    f->even_items = calloc(items + 1, sizeof *f->even_items);
    f->judged = calloc(users + 1, sizeof *f->judged);
    f->order = top_order(items, seed);
    if (!f->up_to || !f->length || !f->choice || !f->even || !f->even_items || !f->judged ||
        !f->order)
        return error_nomem(err);
    for (size_t r = 0; r < k; r++)
        f->up_to[r + 1] = f->up_to[r] + 1 / log2((double)(r + 2));
    return HEED_OK;
}

enum heed_status fair_offers_init(struct fair_offers *f, float *scores,
                                  const struct sparse *blocked, size_t k, uint64_t seed,
                                  unsigned threads, struct heed_error *err)
{
    struct filling x = {.blocked = blocked};
    enum heed_status status = offers_alloc(f, blocked, k, seed, err);
    f->worth = scores;
    if (status == HEED_OK)
        status = offers_fill(f, &x, threads, err);
    if (status != HEED_OK)
        fair_offers_deinit(f);
    return status;
}

enum heed_status fair_offers_of_model(struct fair_offers *f, const struct model_kind *kind,
                                      const void *model, const struct sparse *history, size_t k,
                                      uint64_t seed, unsigned threads, struct heed_error *err)
{
    struct filling x = {.blocked = history, .kind = kind, .model = model};
    enum heed_status status = offers_alloc(f, history, k, seed, err);
    if (status == HEED_OK) {
        f->worth = malloc((f->users * f->items + 1) * sizeof *f->worth);
        status = f->worth ? offers_fill(f, &x, threads, err) : error_nomem(err);
    }
    if (status != HEED_OK)
        fair_offers_deinit(f);
    return status;
}

void fair_offers_deinit(struct fair_offers *f)
{
    free(f->worth);
    free(f->up_to);
    free(f->length);
    free(f->choice);
    free(f->even);
    free(f->even_items);
    free(f->judged);
    free(f->order);
    *f = (struct fair_offers){0};
}

float fair_bar(const struct fair_offers *f, size_t user, float slope, const float *price,
               const uint32_t *list)
{
    const float *worth = f->worth + user * f->items;
    float bar = INFINITY;
    for (size_t i = 0; i < f->length[user]; i++) {
        float value = slope * worth[list[i]] + price[list[i]];
        if (!(worth[list[i]] >= 0))
            return -INFINITY;
        bar = value < bar ? value : bar;
    }
    return bar < INFINITY ? bar : -INFINITY;
}

size_t fair_best(const struct fair_offers *f, size_t user, float slope, const float *price,
                 float bar, struct top_item *room)
{
    const float *worth = f->worth + user * f->items;
    size_t length = f->length[user], i = 0;
    struct top top = top_of(room, length, f->order);
    if (length == 0)
        return 0;
    for (; i + BLOCK <= f->items; i += BLOCK) {
        __builtin_prefetch(worth + i + AHEAD);
        uint32_t any = 0; /* no branch within a block, so that it runs in vector registers */
        for (size_t j = 0; j < BLOCK; j++)
            any |= slope * worth[i + j] + price[i + j] >= bar;
        for (size_t j = i; any && j < i + BLOCK; j++) {
            float value = slope * worth[j] + price[j];
            if (value >= bar && value > -INFINITY)
                top_offer(&top, (uint32_t)j, value);
        }
        if (any && top.n == length && room[0].score > bar)
            bar = (float)room[0].score;
    }
    for (; i < f->items; i++) {
        float value = slope * worth[i] + price[i];
        if (value >= bar && value > -INFINITY)
            top_offer(&top, (uint32_t)i, value);
    }
    return top_sort(&top);
}
