/* EASE: the linear model of an item by all others that needs one inverse.
 *
 *   P = (X'X + lambda I)^-1,   B_ij = -P_ij / P_jj off the diagonal, 0 on it,   scores = x B
 * With `neighbours`, and always in large catalogues, by ease_sparse.c instead.
 * An update is lazy: a history is scored as it is, and the weights are made anew, exactly, once
 * more than the share `renew` of all pairs has changed since they were (0: at once). X'X is not
 * kept for it: counting it again costs a small part of the inverse that must follow. Source: H.
 * Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, eq. 8. */
#include "allocation/dense.h"
#include "allocation/ease.h"
#include "allocation/ease_parts.h"
#include "allocation/stored.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { LAMBDA, NEIGHBOURS, RENEW, EASE_PARAMS };
static const struct model_param ease_params[EASE_PARAMS] = {
    {"lambda", 100, 0, 1e12, false, "pulls all weights to zero"},
    {"neighbours", 0, 0, EASE_NEIGHBOURS_MAX, true,
     "nearest items an item is fitted by; 0: all, or 200 of more than 20,000 items"},
    {"renew", .01, 0, 1, false, "share of pairs that change before an update makes weights anew"},
};

/* The weights lie in the memory of the matrix they come from, as floats: weight[i * items + j]; or
 * few of them in rows of `nearest`.                                                              */
struct ease {
    size_t items;
    double *gram;
    float *weight;
    struct sparse nearest;
    /* of the model by itself, for updates */
    double param[EASE_PARAMS];
    uint64_t owed; /* pairs changed since the weights were made */
};

void ease_free(struct ease *m)
{
    if (m) {
        free(m->gram);
        sparse_deinit(&m->nearest);
    }
    free(m);
}

struct gram_work {
    const struct training *t;
    double *gram, lambda;
};

static double value_of(struct sparse_row row, size_t i)
{
    return row.value ? (double)row.value[i] : 1;
}

/* A column of X'X + lambda I: who has the item, and what else they have.                         */
static void gram_column(void *context, size_t item, unsigned worker)
{
    (void)worker;
    const struct gram_work *g = context;
    double *column = g->gram + item * g->t->items->rows;
    struct sparse_row users = sparse_row(g->t->items, item);
    for (size_t u = 0; u < users.n; u++) {
        struct sparse_row row = sparse_row(g->t->users, users.column[u]);
        double weight = value_of(users, u);
        for (size_t i = 0; i < row.n; i++)
            column[row.column[i]] += weight * value_of(row, i);
    }
    column[item] += g->lambda;
}

/* Turns columns of P (symmetric) into rows of B, in place: row i of floats ends before row i of
 * doubles does, so going forward overwrites only what has been read.                             */
static void weights_from_inverse(struct ease *m, const double *diagonal)
{
    m->weight = (float *)(void *)m->gram;
    for (size_t i = 0; i < m->items; i++)
        for (size_t j = 0; j < m->items; j++) {
            double p = m->gram[i * m->items + j];
            float w = i == j ? 0 : (float)(-p / diagonal[j]);
            memcpy(&m->weight[i * m->items + j], &w, sizeof w);
        }
}

static enum heed_status fit_all(struct ease *m, const struct training *t, double lambda, size_t *at)
{
    size_t n = m->items;
    double *diagonal = malloc(2 * (n + 1) * sizeof *diagonal), *square = diagonal + n;
    m->gram = malloc((n * n + 1) * sizeof *m->gram);
    enum heed_status status = m->gram && diagonal ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        /* zeroed by one thread: two that meet new pages together wait for the system */
        memset(m->gram, 0, n * n * sizeof *m->gram);
        struct gram_work g = {t, m->gram, lambda};
        parallel_each(n, t->threads, gram_column, &g);
        for (size_t i = 0; i < n; i++)
            square[i] = m->gram[i * n + i];
        status = spd_invert(m->gram, n, t->threads, t->progress, t->context, at);
    }
    if (status == HEED_OK) {
        for (size_t i = 0; i < n; i++)
            diagonal[i] = m->gram[i * n + i];
        for (size_t i = n; i-- > 0;)
            if (square[i] * diagonal[i] > EASE_EXPLAINED_MAX) {
                *at = i;
                status = HEED_RANGE;
            }
        if (status == HEED_OK)
            weights_from_inverse(m, diagonal);
    }
    free(diagonal);
    return status;
}

static enum heed_status singular(const struct training *t, double lambda, size_t at,
                                 struct heed_error *err)
{
    char what[160];
    if (t->names && at < t->names->count) {
        struct str name = intern_str(t->names, (uint32_t)at);
        snprintf(what, sizeof what, "'%.*s'", (int)utf8_cut(name, 128), name.p);
    } else {
        snprintf(what, sizeof what, "item %zu of %zu", at + 1, t->items->rows);
    }
    return error_set(
        err, HEED_RANGE, "ease",
        "the Gram matrix is singular at lambda %g, or nearly so: what %s has in training "
        "follows from other items to less than a weight can hold; give --param lambda=N above 0, "
        "such as 100",
        lambda, what);
}

enum heed_status ease_fit(const struct training *t, double lambda, size_t neighbours,
                          struct ease **out, struct heed_error *err)
{
    size_t n = t->items->rows, at = 0;
    struct ease *m = calloc(1, sizeof *m);
    if (!m)
        return HEED_NOMEM;
    m->items = n;
    if (neighbours == 0 && n > EASE_DENSE_MAX)
        neighbours = EASE_NEIGHBOURS;
    enum heed_status status = neighbours == 0 || neighbours + 1 >= n
                                  ? fit_all(m, t, lambda, &at)
                                  : ease_fit_nearest(t, lambda, neighbours, &m->nearest, &at);
    if (status == HEED_RANGE)
        status = singular(t, lambda, at, err);
    if (status != HEED_OK)
        ease_free(m);
    else
        *out = m;
    return status;
}

void ease_add(const struct ease *m, size_t i, double *score)
{
    if (!m->weight) {
        struct sparse_row row = sparse_row(&m->nearest, i);
        for (size_t j = 0; j < row.n; j++)
            score[row.column[j]] += (double)row.value[j];
        return;
    }
    const float *weight = m->weight + i * m->items;
    for (size_t j = 0; j < m->items; j++)
        score[j] += (double)weight[j];
}

static enum heed_status ease_train(const struct training *t, const double *param, void **model,
                                   struct heed_error *err)
{
    struct ease *m = NULL;
    enum heed_status status = ease_fit(t, param[LAMBDA], (size_t)param[NEIGHBOURS], &m, err);
    if (status == HEED_OK)
        memcpy(m->param, param, sizeof m->param);
    *model = m;
    return status;
}

static enum heed_status ease_score(const void *model, size_t user, struct sparse_row history,
                                   double *score)
{
    (void)user;
    const struct ease *m = model;
    for (size_t j = 0; j < m->items; j++)
        score[j] = 0;
    size_t i = 0, n = m->items;
    for (; m->weight && i + 4 <= history.n; i += 4) { /* one pass over the scores for four items */
        const float *w = m->weight;
        const float *a = w + history.column[i] * n, *b = w + history.column[i + 1] * n;
        const float *c = w + history.column[i + 2] * n, *d = w + history.column[i + 3] * n;
        for (size_t j = 0; j < n; j++)
            score[j] += ((double)a[j] + (double)b[j]) + ((double)c[j] + (double)d[j]);
    }
    for (; i < history.n; i++)
        ease_add(m, history.column[i], score);
    return HEED_OK;
}

float ease_weight(const void *model, size_t i, size_t j)
{
    const struct ease *m = model;
    if (m->weight)
        return m->weight[i * m->items + j];
    struct sparse_row row = sparse_row(&m->nearest, i);
    for (size_t k = 0; k < row.n; k++)
        if (row.column[k] == j)
            return row.value[k];
    return 0;
}

static void ease_drop(void *model)
{
    ease_free(model);
}

static bool ease_waits(const double *param, uint64_t owed, uint64_t pairs)
{
    return (double)owed <= param[RENEW] * (double)pairs;
}

static enum heed_status ease_update(void *model, const struct training *t,
                                    const struct model_change *change, struct heed_error *err)
{
    struct ease *m = model;
    void *fresh = NULL;
    enum heed_status status = model_same_items(t, m->items, "ease", err);
    if (status != HEED_OK)
        return status;
    if (!ease_waits(m->param, m->owed + change->pairs, sparse_count(t->users))) {
        status = ease_train(t, m->param, &fresh, err);
        if (status != HEED_OK)
            return status;
        struct ease old = *m;
        memcpy(m, fresh, sizeof *m);
        memcpy(fresh, &old, sizeof old);
        ease_free(fresh);
    } else {
        m->owed += change->pairs;
    }
    return HEED_OK;
}

struct ease_columns {
    const struct ease *m;
    size_t items;         /* first of the model's */
    struct sparse turned; /* of `nearest`, when there is no full matrix */
};

/* What all items, or those it is fitted by, add to one.                                          */
static size_t ease_parts(const void *columns, size_t column, struct stored_part *out)
{
    const struct ease_columns *c = columns;
    const struct ease *m = c->m;
    size_t n = 0;
    if (m->weight) {
        for (size_t i = 0; i < c->items; i++)
            out[i] = (struct stored_part){(uint32_t)i, (double)m->weight[i * m->items + column]};
        return c->items;
    }
    struct sparse_row row = sparse_row(&c->turned, column);
    for (size_t i = 0; i < row.n; i++)
        if (row.column[i] < c->items)
            out[n++] = (struct stored_part){row.column[i], (double)row.value[i]};
    return n;
}

enum heed_status ease_store_first(const struct ease *m, size_t items, size_t keep, const char *name,
                                  struct stored_model *out, struct heed_error *err)
{
    struct ease_columns c = {.m = m, .items = items};
    if (!m->weight && sparse_transpose(&m->nearest, &c.turned) != HEED_OK)
        return HEED_NOMEM;
    enum heed_status status = stored_weights(out, items, keep, true, ease_parts, &c, name, err);
    sparse_deinit(&c.turned);
    return status;
}

enum heed_status ease_of_weights(struct sparse *weights, struct ease **out)
{
    struct ease *m = calloc(1, sizeof *m);
    if (!m)
        return HEED_NOMEM;
    m->items = weights->rows;
    m->nearest = *weights;
    *weights = (struct sparse){0};
    *out = m;
    return HEED_OK;
}

static enum heed_status ease_store(const void *model, size_t keep, struct stored_model *out,
                                   struct heed_error *err)
{
    const struct ease *m = model;
    return ease_store_first(m, m->items, keep, "ease", out, err);
}

const struct model_kind model_ease = {.name = "ease",
                                      .params = ease_params,
                                      .params_n = EASE_PARAMS,
                                      .train = ease_train,
                                      .score = ease_score,
                                      .update = ease_update,
                                      .waits = ease_waits,
                                      .waits_by = "renew",
                                      .free = ease_drop,
                                      .store = ease_store};
