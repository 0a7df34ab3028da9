/* EASE: the linear model of an item by all others that needs one inverse.
 *
 *   P = (X'X + lambda I)^-1,   B_ij = -P_ij / P_jj off the diagonal, 0 on it,   scores = x B
 * Source: H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, eq. 8. */
#include "allocation/dense.h"
#include "allocation/ease.h"
#include "base/error.h"
#include "base/parallel.h"

#include <stdlib.h>

enum { LAMBDA, EASE_PARAMS };
enum { ITEMS_MAX = 20000 }; /* 3.2 GB of Gram matrix */
static const struct model_param ease_params[EASE_PARAMS] = {
    {"lambda", 100, 0, 1e12, false, "pulls all weights to zero"},
};

/* The weights lie in the memory of the matrix they come from, as floats: weight[i * items + j]. */
struct ease {
    size_t items;
    double *gram;
    float *weight;
};

void ease_free(struct ease *m)
{
    if (m)
        free(m->gram);
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

enum heed_status ease_fit(const struct training *t, double lambda, struct ease **out,
                          struct heed_error *err)
{
    size_t n = t->items->rows, at = 0;
    if (n > ITEMS_MAX)
        return error_set(
            err, HEED_RANGE, "ease",
            "%zu items are more than the %d whose full matrix is kept; use knn or ials", n,
            ITEMS_MAX);
    struct ease *m = calloc(1, sizeof *m);
    double *diagonal = malloc((n + 1) * sizeof *diagonal);
    if (m)
        *m = (struct ease){n, malloc((n * n + 1) * sizeof *m->gram), NULL};
    enum heed_status status = m && m->gram && diagonal ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        /* zeroed by one thread: two that meet new pages together wait for the system */
        memset(m->gram, 0, n * n * sizeof *m->gram);
        struct gram_work g = {t, m->gram, lambda};
        parallel_each(n, t->threads, gram_column, &g);
        status = spd_invert(m->gram, n, t->threads, t->progress, t->context, &at);
    }
    if (status == HEED_RANGE)
        error_set(
            err, status, "ease",
            "the Gram matrix is singular at lambda %g: what item %zu of %zu has in training "
            "follows from the items before it; give --param ease.lambda=N above 0, such as 100",
            lambda, at + 1, n);
    if (status == HEED_OK) {
        for (size_t i = 0; i < n; i++)
            diagonal[i] = m->gram[i * n + i];
        weights_from_inverse(m, diagonal);
    }
    free(diagonal);
    if (status != HEED_OK)
        ease_free(m);
    else
        *out = m;
    return status;
}

void ease_add(const struct ease *m, size_t i, double *score)
{
    const float *weight = m->weight + i * m->items;
    for (size_t j = 0; j < m->items; j++)
        score[j] += (double)weight[j];
}

static enum heed_status ease_train(const struct training *t, const double *param, void **model,
                                   struct heed_error *err)
{
    struct ease *m = NULL;
    enum heed_status status = ease_fit(t, param[LAMBDA], &m, err);
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
    for (size_t i = 0; i < history.n; i++)
        ease_add(m, history.column[i], score);
    return HEED_OK;
}

float ease_weight(const void *model, size_t i, size_t j)
{
    const struct ease *m = model;
    return m->weight[i * m->items + j];
}

static void ease_drop(void *model)
{
    ease_free(model);
}

const struct model_kind model_ease = {"ease",     ease_params, EASE_PARAMS,
                                      ease_train, ease_score,  ease_drop};
