#include "quality/agree.h"
#include "quality/groups.h"

#include <math.h>
#include <stdlib.h>

static const char *const NAMES[AGREE_MODELS] = {"dawid-skene", "majority", "wawa"};

const char *agree_model_name(enum agree_model model)
{
    return NAMES[model];
}

int agree_model_of_name(struct str name)
{
    for (int i = 0; i < AGREE_MODELS; i++)
        if (str_is(name, NAMES[i]))
            return i;
    return -1;
}

/* ── what cannot be answered ── */

static enum heed_status check(const struct agree_labels *in, struct heed_error *err)
{
    if (in->n == 0)
        return error_set(err, HEED_INPUT, "labels",
                         "the file has no label; give those of at least two reviewers");
    bool one_reviewer = true, one_label = true;
    for (size_t i = 0; i < in->n; i++) {
        const struct agree_label *l = &in->labels[i];
        if (l->reviewer >= in->reviewers || l->target >= in->targets || l->label >= in->classes)
            return error_set(err, HEED_RANGE, "labels", "label %zu is of nobody or nothing", i);
        one_reviewer = one_reviewer && l->reviewer == in->labels[0].reviewer;
        one_label = one_label && l->label == in->labels[0].label;
    }
    if (one_reviewer)
        return error_set(
            err, HEED_INPUT, "reviewers",
            "all labels are by one reviewer, whom nobody can contradict; add labels of "
            "the same targets by others");
    if (one_label)
        return error_set(err, HEED_INPUT, "labels",
                         "all labels are equal, nobody disagrees; nothing can be learnt about "
                         "anyone's errors until targets of another class are labelled too");
    double cells = (double)in->classes *
                   ((double)in->targets + 2 * (double)in->reviewers * (double)in->classes);
    if (cells > AGREE_MAX_CELLS)
        return error_set(err, HEED_RANGE, "labels",
                         "%zu different labels by %zu reviewers of %zu targets are more than can "
                         "be held; labels are classes, few and repeated, not free text",
                         in->classes, in->reviewers, in->targets);
    return HEED_OK;
}

static double *numbers(size_t a, size_t b)
{
    return calloc(a * b, sizeof(double)); /* bounded by check() */
}

static enum heed_status alloc(struct agree_fit *f, struct heed_error *err)
{
    f->prior = numbers(f->classes, 1);
    f->posterior = numbers(f->targets, f->classes);
    f->errors = numbers(f->reviewers, f->classes * f->classes);
    f->skill = numbers(f->reviewers, 1);
    f->label = calloc(f->targets, sizeof *f->label);
    if (f->prior && f->posterior && f->errors && f->skill && f->label)
        return HEED_OK;
    return error_nomem(err);
}

void agree_fit_deinit(struct agree_fit *f)
{
    free(f->prior);
    free(f->posterior);
    free(f->errors);
    free(f->skill);
    free(f->label);
    *f = (struct agree_fit){0};
}

/* ── votes ── */

static void scale_to_one(double *p, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += p[i];
    for (size_t i = 0; sum > 0 && i < n; i++)
        p[i] /= sum;
}

/* T as the fractions of votes; weight NULL: each counts 1. False: a target has none.             */
static bool vote(const struct agree_labels *in, const double *weight, double *posterior)
{
    for (size_t i = 0; i < in->targets * in->classes; i++)
        posterior[i] = 0;
    for (size_t i = 0; i < in->n; i++) {
        const struct agree_label *l = &in->labels[i];
        posterior[l->target * in->classes + l->label] += weight ? weight[l->reviewer] : 1;
    }
    for (size_t t = 0; t < in->targets; t++) {
        double sum = 0, *row = posterior + t * in->classes;
        for (size_t j = 0; j < in->classes; j++)
            sum += row[j];
        if (!(sum > 0))
            return false;
        scale_to_one(row, in->classes);
    }
    return true;
}

static void choose(struct agree_fit *f)
{
    for (size_t t = 0; t < f->targets; t++) {
        const double *row = f->posterior + t * f->classes;
        uint32_t best = 0;
        for (uint32_t j = 1; j < f->classes; j++)
            if (row[j] > row[best] + AGREE_TIE)
                best = j;
        f->label[t] = best;
    }
}

/* The share of each reviewer's labels that are the target's. */
static bool measure_skill(const struct agree_labels *in, struct agree_fit *f)
{
    uint64_t *given = calloc(in->reviewers, sizeof *given);
    if (!given)
        return false;
    for (size_t k = 0; k < in->reviewers; k++)
        f->skill[k] = 0;
    for (size_t i = 0; i < in->n; i++) {
        const struct agree_label *l = &in->labels[i];
        given[l->reviewer]++;
        f->skill[l->reviewer] += l->label == f->label[l->target];
    }
    for (size_t k = 0; k < in->reviewers; k++)
        if (given[k] > 0)
            f->skill[k] /= (double)given[k];
    free(given);
    return true;
}

/* ── EM ── */

static void m_step(const struct agree_labels *in, struct agree_fit *f)
{
    size_t J = f->classes;
    for (size_t j = 0; j < J; j++)
        f->prior[j] = 0;
    for (size_t t = 0; t < f->targets; t++)
        for (size_t j = 0; j < J; j++)
            f->prior[j] += f->posterior[t * J + j];
    for (size_t j = 0; j < J; j++)
        f->prior[j] /= (double)f->targets;
    for (size_t i = 0; i < f->reviewers * J * J; i++)
        f->errors[i] = 0;
    for (size_t i = 0; i < in->n; i++) {
        const struct agree_label *l = &in->labels[i];
        const double *row = f->posterior + l->target * J;
        double *errors = f->errors + l->reviewer * J * J + l->label;
        for (size_t j = 0; j < J; j++)
            errors[j * J] += row[j];
    }
    for (size_t r = 0; r < f->reviewers * J; r++)
        scale_to_one(f->errors + r * J, J);
}

/* The new posteriors into `next`, the logarithms of the errors, turned to [K][l][j], into `logs`.
 * A target's likelihood is above 0: where T was above 0, so are prior and errors of its labels. */
static double e_step(const struct agree_labels *in, const struct agree_fit *f, double *logs,
                     double *next)
{
    size_t J = f->classes;
    double loglik = 0;
    for (size_t k = 0; k < f->reviewers; k++)
        for (size_t j = 0; j < J; j++)
            for (size_t l = 0; l < J; l++)
                logs[(k * J + l) * J + j] = log(f->errors[(k * J + j) * J + l]);
    for (size_t t = 0; t < f->targets; t++)
        for (size_t j = 0; j < J; j++)
            next[t * J + j] = log(f->prior[j]);
    for (size_t i = 0; i < in->n; i++) {
        const struct agree_label *l = &in->labels[i];
        const double *of_label = logs + (l->reviewer * J + l->label) * J;
        for (size_t j = 0; j < J; j++)
            next[l->target * J + j] += of_label[j];
    }
    for (size_t t = 0; t < f->targets; t++) {
        double *row = next + t * J, most = -INFINITY, sum = 0;
        for (size_t j = 0; j < J; j++)
            most = row[j] > most ? row[j] : most;
        for (size_t j = 0; j < J; j++) {
            row[j] = exp(row[j] - most);
            sum += row[j];
        }
        for (size_t j = 0; j < J; j++)
            row[j] /= sum;
        loglik += most + log(sum);
    }
    return loglik;
}

static enum heed_status expectation_maximisation(const struct agree_labels *in, uint32_t most,
                                                 struct agree_fit *f, struct heed_error *err)
{
    size_t cells = f->targets * f->classes;
    double *logs = numbers(f->reviewers, f->classes * f->classes);
    double *next = numbers(f->targets, f->classes);
    if (!logs || !next) {
        free(logs);
        free(next);
        return error_nomem(err);
    }
    f->converged = false;
    while (!f->converged && f->iterations < most) {
        double moved = 0;
        m_step(in, f);
        f->loglik = e_step(in, f, logs, next);
        f->iterations++;
        for (size_t i = 0; i < cells; i++)
            moved = fmax(moved, fabs(next[i] - f->posterior[i]));
        memcpy(f->posterior, next, cells * sizeof *next);
        f->converged = moved < AGREE_TOLERANCE;
    }
    free(logs);
    free(next);
    return HEED_OK;
}

/* Prior and errors as the chosen labels have them. */
static void count_errors(const struct agree_labels *in, struct agree_fit *f)
{
    size_t J = f->classes;
    for (size_t t = 0; t < f->targets; t++)
        for (size_t j = 0; j < J; j++)
            f->prior[j] += f->posterior[t * J + j] / (double)f->targets;
    for (size_t i = 0; i < in->n; i++) {
        const struct agree_label *l = &in->labels[i];
        f->errors[(l->reviewer * J + f->label[l->target]) * J + l->label]++;
    }
    for (size_t r = 0; r < f->reviewers * J; r++)
        scale_to_one(f->errors + r * J, J);
}

enum heed_status agree_fit(const struct agree_labels *in, enum agree_model model,
                           uint32_t max_iterations, struct agree_fit *out, struct heed_error *err)
{
    *out = (struct agree_fit){.reviewers = in->reviewers,
                              .targets = in->targets,
                              .classes = in->classes,
                              .loglik = (double)NAN,
                              .converged = true};
    enum heed_status status = check(in, err);
    if (status == HEED_OK)
        status = alloc(out, err);
    struct groups groups = {0};
    if (status == HEED_OK &&
        !groups_count(in->labels, sizeof *in->labels, in->n, in->reviewers, in->targets, &groups))
        status = error_nomem(err);
    out->groups = groups.n;
    out->alone = groups.alone;
    if (status == HEED_OK && !vote(in, NULL, out->posterior))
        status = error_set(err, HEED_INPUT, "targets", "one has no label; leave it out");
    if (status == HEED_OK && model == AGREE_DAWID_SKENE)
        status = expectation_maximisation(
            in, max_iterations ? max_iterations : AGREE_MAX_ITERATIONS, out, err);
    if (status == HEED_OK) {
        choose(out);
        if (!measure_skill(in, out))
            status = error_nomem(err);
    }
    if (status == HEED_OK && model == AGREE_WAWA) {
        /* one of a target's labels is the majority's, so somebody there has skill */
        bool voted = vote(in, out->skill, out->posterior);
        heed_assert(voted);
        choose(out);
    }
    if (status == HEED_OK && model != AGREE_DAWID_SKENE)
        count_errors(in, out);
    if (status != HEED_OK)
        agree_fit_deinit(out);
    return status;
}
