#include "allocation/eval.h"

#include "allocation/top.h"
#include "base/error.h"
#include "base/parallel.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ROWS = 32,        /* users a piece */
    SCORES = 1 << 20, /* of users scored together */
};

struct bar {
    const struct eval_options *o;
    char what[40];
};

static void bar_share(void *context, double share)
{
    const struct bar *bar = context;
    bar->o->progress(bar->o->context, bar->what, share);
}

struct ranking {
    const struct model_kind *kind;
    const void *model;
    const struct split *split;
    size_t k, together;
    const uint32_t *order;
    uint32_t *shown;
    double *score;         /* [together * items] a worker */
    struct top_item *best; /* [k] a worker */
    atomic_int status;     /* the first that is not HEED_OK, of a failed user */
    struct bar *bar;       /* NULL: none */
};

static enum heed_status rank_user(struct ranking *r, size_t u, const double *score,
                                  struct top_item *best)
{
    struct sparse_row history = sparse_row(&r->split->train, u);
    const bool *offered = r->split->offered;
    size_t items = r->split->train.columns, next = 0;
    struct top top = top_of(best, r->k, r->order);
    for (uint32_t i = 0; i < items; i++) {
        if (!isfinite(score[i]))
            return HEED_RANGE;
        if (next < history.n && history.column[next] == i)
            next++;
        else if ((!offered || offered[i]) && !(top.n == top.max && score[i] < best[0].score))
            top_offer(&top, i, score[i]);
    }
    size_t n = top_sort(&top);
    for (size_t i = 0; i < n; i++)
        r->shown[u * r->k + i] = best[i].item;
    return HEED_OK;
}

static enum heed_status rank_together(struct ranking *r, const size_t *users, size_t n,
                                      unsigned worker)
{
    size_t items = r->split->train.columns;
    double *score = r->score + worker * r->together * items;
    struct sparse_row history[ROWS];
    for (size_t i = 0; i < n; i++)
        history[i] = sparse_row(&r->split->train, users[i]);
    enum heed_status status = r->kind->score_many
                                  ? r->kind->score_many(r->model, history, n, score)
                                  : r->kind->score(r->model, users[0], history[0], score);
    for (size_t i = 0; i < n && status == HEED_OK; i++)
        status = rank_user(r, users[i], score + i * items, r->best + worker * r->k);
    return status;
}

static void rank_users(void *context, size_t piece, unsigned worker)
{
    struct ranking *r = context;
    size_t rows = r->split->test.rows, users[ROWS], n = 0;
    size_t end = (piece + 1) * ROWS < rows ? (piece + 1) * ROWS : rows;
    for (size_t u = piece * ROWS; u < end; u++) {
        if (sparse_row(&r->split->test, u).n > 0)
            users[n++] = u;
        if (n == r->together || (u + 1 == end && n > 0)) {
            enum heed_status status = rank_together(r, users, n, worker);
            if (status != HEED_OK)
                atomic_store(&r->status, (int)status);
            n = 0;
        }
    }
    if (worker == 0 && r->bar)
        bar_share(r->bar, (double)piece * ROWS / (double)rows);
}

/* How many users are scored together. */
static size_t together(const struct model_kind *kind, size_t items)
{
    size_t n = kind->score_many && items > 0 ? SCORES / items : 1;
    return n < 1 ? 1 : n < ROWS ? n : ROWS;
}

enum heed_status eval_rank(const struct model_kind *kind, const void *model,
                           const struct split *split, const struct eval_options *o, uint32_t *shown,
                           struct heed_error *err)
{
    size_t rows = split->test.rows, items = split->train.columns;
    size_t workers = parallel_workers(o->threads);
    struct bar bar = {.o = o};
    snprintf(bar.what, sizeof bar.what, "rank by %s", kind->name);
    uint32_t *order = top_order(items, o->seed);
    struct ranking r = {.kind = kind,
                        .model = model,
                        .split = split,
                        .k = o->k,
                        .together = together(kind, items),
                        .order = order,
                        .shown = shown,
                        .bar = o->progress ? &bar : NULL};
    r.score = malloc((items * r.together * workers + 1) * sizeof *r.score);
    r.best = malloc((o->k * workers + 1) * sizeof *r.best);
    enum heed_status status = order && r.score && r.best ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        for (size_t i = 0; i < rows * o->k; i++)
            shown[i] = RANKING_NONE;
        parallel_each((rows + ROWS - 1) / ROWS, o->threads, rank_users, &r);
        status = (enum heed_status)atomic_load(&r.status);
    }
    free(order);
    free(r.score);
    free(r.best);
    if (status == HEED_RANGE)
        return error_set(err, status, kind->name,
                         "a score is not a finite number; give parameters nearer to the defaults");
    return status == HEED_OK ? status : error_nomem(err);
}

static double now(const struct eval_options *o)
{
    return o->clock_s ? o->clock_s(o->context) : 0;
}

static enum heed_status eval_one(const struct split *split, const struct sparse *items,
                                 const struct model_spec *spec, const struct eval_options *o,
                                 uint32_t *shown, struct eval_result *out, struct heed_error *err)
{
    struct bar bar = {.o = o};
    snprintf(bar.what, sizeof bar.what, "train %s", spec->kind->name);
    const struct training t = {.users = &split->train,
                               .items = items,
                               .features = o->features,
                               .names = o->names,
                               .seed = o->seed,
                               .threads = o->threads,
                               .progress = o->progress ? bar_share : NULL,
                               .context = &bar};
    void *model = NULL;
    double started = now(o);
    enum heed_status status = spec->kind->train(&t, spec->param, &model, err);
    if (status == HEED_NOMEM)
        error_nomem(err);
    double trained = now(o);
    if (status == HEED_OK)
        status = eval_rank(spec->kind, model, split, o, shown, err);
    double ranked = now(o);
    spec->kind->free(model);
    *out = (struct eval_result){.algorithm = spec->kind->name};
    if (status == HEED_OK) {
        status = metrics_of(shown, o->k, &split->test, &out->metrics);
        if (status != HEED_OK)
            error_nomem(err);
    }
    out->train_s = trained - started;
    out->users_per_s = ranked > trained ? (double)out->metrics.users / (ranked - trained) : 0;
    return status;
}

enum heed_status eval_run(const struct split *split, const struct eval_options *o,
                          struct eval_result *results, struct heed_error *err)
{
    size_t items = split->train.columns;
    if (items < 2)
        return error_set(err, HEED_RANGE, "catalogue",
                         "has %zu item; there is nothing to choose from below two", items);
    if (o->k < 1 || o->k > items)
        return error_set(err, HEED_RANGE, "k",
                         "%zu is not within the catalogue of %zu items; give --k from 1 to %zu",
                         o->k, items, items);
    struct sparse turned = {0};
    uint32_t *shown = malloc((split->test.rows * o->k + 1) * sizeof *shown);
    enum heed_status status = shown ? sparse_transpose(&split->train, &turned) : HEED_NOMEM;
    if (status != HEED_OK)
        error_nomem(err);
    for (size_t i = 0; i < o->models_n && status == HEED_OK; i++)
        status = eval_one(split, &turned, &o->models[i], o, shown, &results[i], err);
    sparse_deinit(&turned);
    free(shown);
    return status;
}
