/* Off-policy evaluation: what a policy would have earned, judged from a log of another one that
 * kept the probability (propensity) of each action it took. Pure: the same log, policy and seed
 * give the same numbers, on any number of threads.
 *
 * With w = policy(action) / propensity, q a model of the reward and v the model's mean under the
 * policy:
 *   IPS    mean(w r)             unbiased when the propensities are right
 *   SNIPS  sum(w r) / sum(w)     a little biased, less noisy, within the range of the rewards
 *   DM     mean(v)               as good as the model
 *   DR     mean(v + w (r - q))   consistent when either the propensities or the model is right
 * Sources: D. G. Horvitz, D. J. Thompson, JASA 47 (1952) 663 (IPS); A. Swaminathan, T. Joachims,
 * NIPS 2015 (SNIPS); M. Dudik, J. Langford, L. Li, ICML 2011 (DM, DR); V. Chernozhukov and others,
 * Econometrics Journal 21 (2018) C1 (cross-fitting); L. Kish, Survey Sampling (1965), 11.2
 * (effective sample); B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), 13.3; A. C.
 * Davison, D. V. Hinkley, Bootstrap Methods and their Application (1997), 3.8 (rows of one person).
 */
#ifndef HEED_OPE_H
#define HEED_OPE_H

#include "base/error.h"

#include <stdbool.h>

enum ope_estimator { OPE_IPS, OPE_SNIPS, OPE_DM, OPE_DR, OPE_ESTIMATORS };

enum { OPE_FOLDS = 3, OPE_MODEL_MAX = 2000, OPE_UNITS_FEW = 30 };

/* A log; the arrays are the caller's. Row i took action[i] < actions at position[i] < positions
 * with probability propensity[i] and saw reward[i]. What was known before: numbers x[i * features]
 * and classes level[i * categories], the c-th < levels[c]. Without positions: positions 1, position
 * NULL. Rows of one unit (a person) depend on each other, units do not: unit[i] < units, each with
 * a row or more; unit NULL: each row is one. All numbers are finite. */
struct ope_log {
    size_t n, actions, positions, features, categories, units;
    const uint32_t *action, *position, *unit;
    const double *propensity, *reward, *x;
    const uint32_t *level, *levels;
};

/* p[position * actions + action]; by_position false: one row p[action] for every position.
 * p NULL: the policy that made the log, all weights 1.                                           */
struct ope_policy {
    const double *p;
    bool by_position;
};

struct ope_options {
    double min_sample;  /* least effective sample, 0: 100                                        */
    double ridge;       /* penalty of the reward model, 0: 1                                     */
    uint32_t resamples; /* of the bootstrap, 0: 1000                                             */
    double level;       /* of the interval, 0: .95                                               */
    uint64_t seed;
    unsigned threads; /* 0: 1 */
};

/* effective: (sum w)^2 / sum w^2, 0 when every w is 0. The mean of w is 1 when the propensities are
 * right and the log can take whatever the policy takes; error is its standard error, over units. */
struct ope_weighing {
    double effective, mean, error;
};

/* Why there is no estimate. OPE_WEIGHTS_OFF: the mean of w is OPE_ERRORS_MAX standard errors and
 * OPE_OFF_MAX away from 1. */
enum ope_refusal { OPE_ANSWERED, OPE_SAMPLE_TOO_SMALL, OPE_WEIGHTS_OFF };
#define OPE_ERRORS_MAX 4
#define OPE_OFF_MAX .25

/* bounded false: every resample gives the same value (no row has a reward, or all have one), so the
 * bootstrap says nothing of how far off it may be; lower and upper are value then.              */
struct ope_estimate {
    bool known; /* asked for */
    bool bounded;
    double value, lower, upper;
};

struct ope_result {
    struct ope_weighing weights;
    enum ope_refusal refusal;
    bool rewarded; /* a row has a reward other than 0 */
    struct ope_estimate estimates[OPE_ESTIMATORS];
};

const char *ope_estimator_name(enum ope_estimator e);

/* w[n] out, weights of the rows.
 * Errors: HEED_RANGE when a propensity is outside (0, 1] or a weight cannot be held; where names
 * the row, from 1. O(n). */
HEED_MUST_CHECK enum heed_status ope_weights(const struct ope_log *log,
                                             const struct ope_policy *policy, double *w,
                                             struct ope_weighing *out, struct heed_error *err);

/* The part of the rows that a unit's are in (a row, where units are fewer than OPE_UNITS_FEW): the
 * reward model that predicts them is fitted on the others. A hash, so that nothing periodic in the
 * log (positions, days) falls together with it. */
uint32_t ope_fold(size_t unit);

/* The reward model: ridge regression of the reward on an intercept (not penalised), one-hots of
 * action, position and categories, and the features less their mean over their standard deviation
 * (a constant one is passed over), cross-fitted by ope_fold.
 *
 * q[n] out  predicted reward of the action taken
 * v[n] out  predicted mean reward under the policy
 * influence[n] out  what the row once more in the log would add to the sum of v through the fit, to
 *                   first order
 * Errors: HEED_RANGE when the model has more than OPE_MODEL_MAX terms, too few rows, or a feature
 * is too large to square; HEED_NOMEM. O(n t^2 + d^3) with d terms, t of a row. Source: A. E. Hoerl,
 * R. W. Kennard, Technometrics 12 (1970) 55.                                */
HEED_MUST_CHECK enum heed_status ope_model(const struct ope_log *log,
                                           const struct ope_policy *policy, double ridge, double *q,
                                           double *v, double *influence, struct heed_error *err);

/* Estimates those of which wanted has the bit 1 << estimator, with bootstrap percentile intervals
 * over units, which are drawn whole: fewer than OPE_UNITS_FEW make them too narrow. In a resample
 * DM's model is fitted again to first order, by the rows' influence; DR's error of that order is
 * nought and its model stays. A resample without any weight has no SNIPS and is left out of its
 * interval. HEED_REFUSED: out->refusal, in its order; out->weights is filled, err says why. Errors:
 * those of ope_weights and ope_model; HEED_RANGE when the log is empty or a number cannot be held.
 * O(resamples n). */
HEED_MUST_CHECK enum heed_status ope_estimate(const struct ope_log *log,
                                              const struct ope_policy *policy, unsigned wanted,
                                              const struct ope_options *options,
                                              struct ope_result *out, struct heed_error *err);
#endif
