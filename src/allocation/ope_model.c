/* The reward model of DM and DR. A row's terms are few next to the model's: they are kept as pairs
 * (term, value), in the order intercept, action, position, categories, features that are not 0.
 * Matrices are in columns, lower triangle, as dense.h takes them. */
#include "allocation/dense.h"
#include "allocation/ope.h"
#include "base/prng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct model {
    const struct ope_log *log;
    size_t d, action_at, position_at, x_at;
    size_t *category_at;     /* [categories]                                                      */
    double *mean, *scale;    /* [features] 1 / standard deviation, 0 for a constant               */
    double *gram[OPE_FOLDS]; /* [d][d] of the rows of a fold                                      */
    double *rhs[OPE_FOLDS];  /* [d]                                                               */
    double *a, *beta;        /* [d][d], [d] what is being solved                                  */
    double *sum;             /* [d] of the terms of a fold's rows under the policy                */
    double *policy_part;     /* [positions] mean of the action terms under the policy             */
    double *rows_at;         /* [positions] of a fold                                             */
    size_t *term;            /* [3 + categories + features] of the current row                    */
    double *value;
};

uint32_t ope_fold(size_t unit)
{
    uint64_t state = unit;
    return (uint32_t)(splitmix64(&state) % OPE_FOLDS);
}

static uint32_t fold_of(const struct ope_log *log, size_t i)
{
    return ope_fold(log->unit && log->units >= OPE_UNITS_FEW ? log->unit[i] : i);
}

static size_t position_of(const struct ope_log *log, size_t i)
{
    return log->position ? log->position[i] : 0;
}

static void put(const struct model *m, size_t *n, size_t term, double value)
{
    m->term[*n] = term;
    m->value[(*n)++] = value;
}

static const double *policy_row(const struct model *m, const struct ope_policy *policy, size_t at)
{
    return policy->p + (policy->by_position ? at * m->log->actions : 0);
}

static size_t terms_of(const struct model *m, size_t i)
{
    const struct ope_log *log = m->log;
    size_t n = 0;
    put(m, &n, 0, 1);
    put(m, &n, m->action_at + log->action[i], 1);
    if (log->positions > 1)
        put(m, &n, m->position_at + position_of(log, i), 1);
    for (size_t c = 0; c < log->categories; c++)
        put(m, &n, m->category_at[c] + log->level[i * log->categories + c], 1);
    for (size_t f = 0; f < log->features; f++) {
        double x = (log->x[i * log->features + f] - m->mean[f]) * m->scale[f];
        if (x != 0)
            put(m, &n, m->x_at + f, x);
    }
    return n;
}

/* Means are taken from the first row's value on, so that a constant is found out exactly. */
static enum heed_status scale(struct model *m, struct heed_error *err)
{
    const struct ope_log *log = m->log;
    for (size_t f = 0; f < log->features; f++) {
        double first = log->x[f], mean = 0, square = 0;
        for (size_t i = 0; i < log->n; i++)
            mean += (log->x[i * log->features + f] - first) / (double)log->n;
        for (size_t i = 0; i < log->n; i++) {
            double by = log->x[i * log->features + f] - first - mean;
            square += by * by / (double)log->n;
        }
        if (!isfinite(square))
            return error_set(err, HEED_RANGE, "reward model",
                             "the feature number %zu is too large to square; scale it down, leave "
                             "it out, or ask for --estimator ips,snips",
                             f + 1);
        m->mean[f] = first + mean;
        m->scale[f] = square > 0 ? 1 / sqrt(square) : 0;
    }
    return HEED_OK;
}

static void accumulate(struct model *m)
{
    for (size_t i = 0; i < m->log->n; i++) {
        double *gram = m->gram[fold_of(m->log, i)], *rhs = m->rhs[fold_of(m->log, i)];
        size_t n = terms_of(m, i);
        for (size_t j = 0; j < n; j++) {
            rhs[m->term[j]] += m->value[j] * m->log->reward[i];
            for (size_t k = 0; k <= j; k++)
                gram[m->term[k] * m->d + m->term[j]] += m->value[j] * m->value[k];
        }
    }
}

/* x = A^-1 x, A the penalised normal matrix of the rows outside the fold. */
static bool solve(struct model *m, size_t fold, double ridge, double *x)
{
    size_t d = m->d;
    memset(m->a, 0, d * d * sizeof *m->a);
    for (size_t f = 0; f < OPE_FOLDS; f++)
        for (size_t j = 0; f != fold && j < d * d; j++)
            m->a[j] += m->gram[f][j];
    for (size_t j = 1; j < d; j++)
        m->a[j * d + j] += ridge;
    return spd_solve(m->a, d, x);
}

static bool fit(struct model *m, size_t fold, double ridge)
{
    memset(m->beta, 0, m->d * sizeof *m->beta);
    for (size_t f = 0; f < OPE_FOLDS; f++)
        for (size_t j = 0; f != fold && j < m->d; j++)
            m->beta[j] += m->rhs[f][j];
    return solve(m, fold, ridge, m->beta);
}

/* Of the current row. */
static double dot(const struct model *m, size_t n, const double *x)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += m->value[j] * x[m->term[j]];
    return sum;
}

/* q and v of the fold's rows; m->sum becomes the sum of their terms under the policy. */
static void predict(struct model *m, size_t fold, const struct ope_policy *policy, double *q,
                    double *v)
{
    const struct ope_log *log = m->log;
    memset(m->sum, 0, m->d * sizeof *m->sum);
    for (size_t p = 0; p < log->positions; p++) {
        m->rows_at[p] = m->policy_part[p] = 0;
        for (size_t a = 0; policy->p && a < log->actions; a++)
            m->policy_part[p] += policy_row(m, policy, p)[a] * m->beta[m->action_at + a];
    }
    for (size_t i = 0; i < log->n; i++) {
        if (fold_of(log, i) != fold)
            continue;
        size_t n = terms_of(m, i), action = m->action_at + log->action[i];
        q[i] = v[i] = dot(m, n, m->beta);
        for (size_t j = 0; j < n; j++)
            m->sum[m->term[j]] += m->value[j];
        if (!policy->p)
            continue;
        v[i] += m->policy_part[position_of(log, i)] - m->beta[action];
        m->sum[action] -= 1;
        m->rows_at[position_of(log, i)] += 1;
    }
    for (size_t p = 0; policy->p && p < log->positions; p++)
        for (size_t a = 0; a < log->actions; a++)
            m->sum[m->action_at + a] += m->rows_at[p] * policy_row(m, policy, p)[a];
}

/* A row outside the fold moves beta by A^-1 z (r - z beta), and with it the fold's v. */
static bool add_influence(struct model *m, size_t fold, double ridge, double *influence)
{
    if (!solve(m, fold, ridge, m->sum))
        return false;
    for (size_t i = 0; i < m->log->n; i++) {
        if (fold_of(m->log, i) == fold)
            continue;
        size_t n = terms_of(m, i);
        influence[i] += dot(m, n, m->sum) * (m->log->reward[i] - dot(m, n, m->beta));
    }
    return true;
}

/* Where each term stands, and how many there are. */
static enum heed_status lay_out(struct model *m, struct heed_error *err)
{
    const struct ope_log *log = m->log;
    m->action_at = 1;
    m->position_at = 1 + log->actions;
    m->d = m->position_at + (log->positions > 1 ? log->positions : 0);
    for (size_t c = 0; c < log->categories; c++) {
        m->category_at[c] = m->d;
        m->d += log->levels[c];
    }
    m->x_at = m->d;
    m->d += log->features;
    return m->d <= OPE_MODEL_MAX
               ? HEED_OK
               : error_set(err, HEED_RANGE, "reward model",
                           "it would have %zu terms (actions, positions, classes, features), more "
                           "than %d; leave some out or ask for --estimator ips,snips",
                           m->d, OPE_MODEL_MAX);
}

enum heed_status ope_model(const struct ope_log *log, const struct ope_policy *policy, double ridge,
                           double *q, double *v, double *influence, struct heed_error *err)
{
    struct model m = {.log = log};
    double *all = NULL;
    m.category_at = calloc(log->categories + 1, sizeof *m.category_at);
    enum heed_status status = m.category_at ? lay_out(&m, err) : error_nomem(err);
    if (status != HEED_OK)
        goto done;
    size_t d = m.d, row = 3 + log->categories + log->features;
    all = calloc((OPE_FOLDS + 1) * (d * d + d) + d + 2 * (log->features + log->positions) + row,
                 sizeof *all);
    m.term = calloc(row, sizeof *m.term);
    if (!all || !m.term) {
        status = error_nomem(err);
        goto done;
    }
    double *at = all;
    for (size_t f = 0; f < OPE_FOLDS; f++, at += d * d + d) {
        m.gram[f] = at;
        m.rhs[f] = at + d * d;
    }
    m.a = at;
    m.beta = m.a + d * d;
    m.sum = m.beta + d;
    m.mean = m.sum + d;
    m.scale = m.mean + log->features;
    m.value = m.scale + log->features;
    m.policy_part = m.value + row;
    m.rows_at = m.policy_part + log->positions;
    memset(influence, 0, log->n * sizeof *influence);
    dense_begin();
    status = scale(&m, err);
    if (status == HEED_OK)
        accumulate(&m);
    for (size_t fold = 0; status == HEED_OK && fold < OPE_FOLDS; fold++) {
        bool solved = fit(&m, fold, ridge);
        if (solved) {
            predict(&m, fold, policy, q, v);
            solved = add_influence(&m, fold, ridge, influence);
        }
        if (!solved)
            status = error_set(err, HEED_RANGE, "reward model",
                               "the log has too few rows, or numbers too large, to fit it; ask for "
                               "--estimator ips,snips");
    }
done:
    free(all);
    free(m.term);
    free(m.category_at);
    return status;
}
