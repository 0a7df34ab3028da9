#include "allocation/ope.h"

#include "base/parallel.h"
#include "base/prng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *ope_estimator_name(enum ope_estimator e)
{
    static const char *const names[] = {"ips", "snips", "dm", "dr"};
    return names[e];
}

static size_t units_of(const struct ope_log *log)
{
    return log->unit ? log->units : log->n;
}

static size_t unit_of(const struct ope_log *log, size_t row)
{
    return log->unit ? log->unit[row] : row;
}

/* Of w, whose largest is most; divided by it, so that no square overflows. by_unit[units] is 0. */
static struct ope_weighing weigh(const struct ope_log *log, const double *w, double most,
                                 double *by_unit)
{
    double sum = 0, square = 0, spread = 0;
    if (most == 0)
        return (struct ope_weighing){0};
    for (size_t i = 0; i < log->n; i++) {
        sum += w[i] / most;
        square += w[i] / most * (w[i] / most);
    }
    double mean = sum / (double)log->n;
    for (size_t i = 0; i < log->n; i++)
        by_unit[unit_of(log, i)] += w[i] / most - mean;
    for (size_t u = 0; u < units_of(log); u++)
        spread += by_unit[u] * by_unit[u];
    return (struct ope_weighing){sum * sum / square, mean * most,
                                 sqrt(spread) / (double)log->n * most};
}

enum heed_status ope_weights(const struct ope_log *log, const struct ope_policy *policy, double *w,
                             struct ope_weighing *out, struct heed_error *err)
{
    double most = 0, *by_unit;
    for (size_t i = 0; i < log->n; i++) {
        double propensity = log->propensity[i];
        size_t position = policy->by_position && log->position ? log->position[i] : 0;
        bool good = propensity > 0 && propensity <= 1;
        w[i] = !policy->p ? 1 : policy->p[position * log->actions + log->action[i]] / propensity;
        if (!good || !isfinite(w[i])) {
            char where[32];
            snprintf(where, sizeof where, "row %zu", i + 1);
            return error_set(err, HEED_RANGE, where,
                             "the propensity %g %s; it is the probability with which the logging "
                             "policy took the action",
                             propensity, good ? "is too small to divide by" : "is not in (0, 1]");
        }
        most = w[i] > most ? w[i] : most;
    }
    by_unit = calloc(units_of(log) + 1, sizeof *by_unit);
    if (!by_unit)
        return error_nomem(err);
    *out = weigh(log, w, most, by_unit);
    free(by_unit);
    return HEED_OK;
}

/* What the estimators sum over the rows; n: how many. */
struct part {
    double n, w, wr, v, dr;
};

static void add(struct part *sum, const struct part *row)
{
    sum->n += row->n;
    sum->w += row->w;
    sum->wr += row->wr;
    sum->v += row->v;
    sum->dr += row->dr;
}

static double value_of(enum ope_estimator e, const struct part *sum)
{
    switch (e) {
    case OPE_IPS:
        return sum->wr / sum->n;
    case OPE_SNIPS:
        return sum->w > 0 ? sum->wr / sum->w : NAN;
    case OPE_DM:
        return sum->v / sum->n;
    default:
        return sum->dr / sum->n;
    }
}

/* ── intervals ── */

struct bootstrap {
    const struct part *units;
    size_t n, resamples;
    uint64_t seed;
    double *values; /* [OPE_ESTIMATORS][resamples] */
};

static void resample(void *context, size_t b, unsigned worker)
{
    const struct bootstrap *s = context;
    struct prng r;
    struct part sum = {0};
    uint64_t mixed = s->seed;
    (void)worker;
    prng_seed(&r, splitmix64(&mixed) + b);
    for (size_t i = 0; i < s->n; i++)
        add(&sum, &s->units[prng_below(&r, s->n)]);
    for (size_t e = 0; e < OPE_ESTIMATORS; e++)
        s->values[e * s->resamples + b] = value_of((enum ope_estimator)e, &sum);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Quantile of sorted x[n] by linear interpolation. */
static double quantile(const double *x, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? x[i] + (at - (double)i) * (x[i + 1] - x[i]) : x[n - 1];
}

/* lower and upper of x from values[n], which is sorted. */
static void interval(struct ope_estimate *x, double *values, size_t n, double level)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            values[kept++] = values[i];
    x->lower = x->upper = x->value;
    if (kept == 0)
        return;
    qsort(values, kept, sizeof *values, ascending);
    x->lower = quantile(values, kept, (1 - level) / 2);
    x->upper = quantile(values, kept, (1 + level) / 2);
    x->bounded = x->upper - x->lower > 1e-12 * fabs(x->value); /* more than rounding */
}

static enum heed_status check_numbers(const struct ope_result *out, struct heed_error *err)
{
    for (int e = 0; e < OPE_ESTIMATORS; e++) {
        const struct ope_estimate *x = &out->estimates[e];
        if (x->known && !(isfinite(x->value) && isfinite(x->lower) && isfinite(x->upper)))
            return error_set(err, HEED_RANGE, ope_estimator_name((enum ope_estimator)e),
                             "rewards or weights are too large for a number to be given; scale the "
                             "rewards down");
    }
    return HEED_OK;
}

static enum heed_status enough(const struct ope_weighing *w, size_t n, double least,
                               struct heed_error *err)
{
    if (w->effective >= least)
        return HEED_OK;
    if (w->effective == 0)
        return error_set(err, HEED_REFUSED, NULL,
                         "the policy gives probability 0 to all that the log took, so the log says "
                         "nothing about it; take a log that explored what the policy does");
    if (w->effective > (double)n / 2)
        return error_set(
            err, HEED_REFUSED, NULL,
            "the effective sample is %.1f of %zu rows, below %g: the log is too short; "
            "take a longer one, or lower --min-sample",
            w->effective, n, least);
    return error_set(err, HEED_REFUSED, NULL,
                     "the effective sample is %.1f of %zu rows, below %g: a few rows, which the "
                     "policy takes far more often than the log did, decide everything; take a "
                     "longer log or one that explored more, judge a policy nearer to it, or lower "
                     "--min-sample",
                     w->effective, n, least);
}

/* The weights of a log that could take what the policy takes average 1. */
static enum heed_status balanced(const struct ope_weighing *w, struct heed_error *err)
{
    double off = fabs(w->mean - 1);
    if (off <= OPE_OFF_MAX || off <= OPE_ERRORS_MAX * w->error)
        return HEED_OK;
    if (w->mean > 1)
        return error_set(err, HEED_REFUSED, NULL,
                         "the weights average %.4f, not 1 (standard error %.4f): the log took what "
                         "the policy takes more often than its propensities say; log each choice "
                         "with the probability it was made with",
                         w->mean, w->error);
    return error_set(err, HEED_REFUSED, NULL,
                     "the weights average %.4f, not 1 (standard error %.4f): in many rows the log "
                     "could not take what the policy takes, or its propensities are wrong; keep "
                     "only rows where everything could be taken (`heed allocate log --explored`), "
                     "with the probability of each choice, and a policy of what was possible there",
                     w->mean, w->error);
}

static enum heed_status trusted(const struct ope_log *log, const struct ope_options *o,
                                struct ope_result *out, struct heed_error *err)
{
    double least = o->min_sample > 0 ? o->min_sample : 100;
    enum heed_status status = enough(&out->weights, log->n, least, err);
    out->refusal = status == HEED_OK ? OPE_ANSWERED : OPE_SAMPLE_TOO_SMALL;
    if (status != HEED_OK)
        return status;
    status = balanced(&out->weights, err);
    out->refusal = status == HEED_OK ? OPE_ANSWERED : OPE_WEIGHTS_OFF;
    return status;
}

enum heed_status ope_estimate(const struct ope_log *log, const struct ope_policy *policy,
                              unsigned wanted, const struct ope_options *options,
                              struct ope_result *out, struct heed_error *err)
{
    const size_t resamples = options->resamples ? options->resamples : 1000, n = units_of(log);
    *out = (struct ope_result){0};
    if (log->n == 0)
        return error_set(err, HEED_RANGE, "log", "it has no rows; give one that has");
    double *w = calloc(log->n, 4 * sizeof *w);
    double *values = calloc(resamples, OPE_ESTIMATORS * sizeof *values);
    struct part *units = calloc(n, sizeof *units), sum = {0};
    enum heed_status status = HEED_NOMEM;
    if (!w || !values || !units) {
        error_nomem(err);
        goto done;
    }
    double *q = w + log->n, *v = q + log->n, *influence = v + log->n, all = 0;
    status = ope_weights(log, policy, w, &out->weights, err);
    if (status == HEED_OK)
        status = trusted(log, options, out, err);
    if (status == HEED_OK && wanted & (1U << OPE_DM | 1U << OPE_DR))
        status =
            ope_model(log, policy, options->ridge > 0 ? options->ridge : 1, q, v, influence, err);
    if (status != HEED_OK)
        goto done;
    for (size_t i = 0; i < log->n; i++) {
        struct part row = {1, w[i], w[i] * log->reward[i], v[i],
                           v[i] + w[i] * (log->reward[i] - q[i])};
        add(&sum, &row);
        row.v += influence[i];
        add(&units[unit_of(log, i)], &row);
        out->rewarded |= log->reward[i] != 0;
        all += influence[i];
    }
    for (size_t u = 0; u < n; u++)
        units[u].v -= all / (double)n;
    struct bootstrap s = {units, n, resamples, options->seed, values};
    parallel_each(resamples, options->threads ? options->threads : 1, resample, &s);
    for (size_t e = 0; e < OPE_ESTIMATORS; e++) {
        struct ope_estimate *x = &out->estimates[e];
        x->known = wanted >> e & 1;
        x->value = value_of((enum ope_estimator)e, &sum);
        interval(x, values + e * resamples, resamples, options->level > 0 ? options->level : .95);
    }
    status = check_numbers(out, err);
done:
    free(w);
    free(values);
    free(units);
    return status;
}
