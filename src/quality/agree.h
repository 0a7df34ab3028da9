/* What several reviewers, who disagree and err each in his own way, say together of each target.
 *
 * Dawid-Skene: a target has one true class j, with probability prior[j]; reviewer k calls a target
 * of class j by label l with probability errors[k][j][l], each label independent of the others.
 * EM from the fractions of votes, without smoothing:
 *     M  prior[j] = mean_i T[i][j];  errors[k][j][l] = sum_i T[i][j] n[i][k][l], each row to sum 1
 *     E  T[i][j] ~ prior[j] prod_k prod_l errors[k][j][l]^n[i][k][l], to sum 1 over j
 * until no T moves by AGREE_TOLERANCE. n counts: who labels a target twice is counted twice.
 * Source: A. P. Dawid, A. M. Skene, JRSS C 28 (1979) 20, eqs. 2.3, 2.4, 2.5, 3.1.
 *
 * Majority: T is the fraction of votes. Wawa (worker agreement with aggregate): a reviewer's skill
 * is the share of his labels that are the majority's; T is the fraction of votes weighted by skill.
 * Source: crowd-kit, MajorityVote and Wawa.
 *
 * The label of a target is the class with the largest T, of equal ones (to AGREE_TIE) the first. */
#ifndef HEED_QUALITY_AGREE_H
#define HEED_QUALITY_AGREE_H

#include "base/error.h"
#include "base/str.h"

#define AGREE_TOLERANCE 1e-9
#define AGREE_TIE 1e-9
enum { AGREE_MAX_ITERATIONS = 100000, AGREE_MAX_CELLS = 1 << 26 };

enum agree_model { AGREE_DAWID_SKENE, AGREE_MAJORITY, AGREE_WAWA, AGREE_MODELS };
const char *agree_model_name(enum agree_model model);
int agree_model_of_name(struct str name); /* -1 when unknown */

struct agree_label {
    uint32_t reviewer, target, label; /* indices from 0 */
};

struct agree_labels {
    const struct agree_label *labels;
    size_t n, reviewers, targets, classes;
};

struct agree_fit {
    size_t reviewers, targets, classes; /* K, I, J */
    double *prior;                      /* [J]: the mean of the posteriors the errors are made of */
    double *posterior;                  /* [I][J] */
    double *errors;  /* [K][J][J]: by true class, then label; a row of zeros: he saw none of it */
    double *skill;   /* [K]: share of his labels that are the target's label (wawa: before) */
    uint32_t *label; /* [I] */
    double loglik;   /* of the labels, natural logarithm; NAN unless Dawid-Skene */
    uint32_t iterations; /* of EM; 0 unless Dawid-Skene */
    bool converged;      /* false: stopped by max_iterations */
    /* Groups of reviewers that no target connects, directly or by way of others; with more than one
     * nothing compares those of different groups. alone: groups of one. */
    size_t groups, alone;
};

/* out is filled anew and freed by agree_fit_deinit; after an error it holds nothing.
 * max_iterations 0: AGREE_MAX_ITERATIONS.
 * Errors: HEED_INPUT no labels, all by one reviewer, all equal, a target without any; HEED_RANGE an
 * index too large, or more than AGREE_MAX_CELLS probabilities; HEED_NOMEM.
 * O(n J + K J^2) an iteration.                                                                   */
HEED_MUST_CHECK enum heed_status agree_fit(const struct agree_labels *in, enum agree_model model,
                                           uint32_t max_iterations, struct agree_fit *out,
                                           struct heed_error *err);
void agree_fit_deinit(struct agree_fit *f);
#endif
