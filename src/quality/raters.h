/* How far each rater can be relied on, from ratings alone.
 *
 * A rating is  x = theta_t + bias_u + noise, Var noise = sigma_u^2. A rater's error is measured
 * against what the *others* say of the same targets: with theta's mean and variance V without this
 * rating, (x - theta - bias)^2 - V is sigma_u^2 on average. Both are drawn to the average rater's
 * by `strength` ratings, since few say little, and one step feeds the next: targets are estimated
 * with weights w_u = sigma^2 / sigma_u^2 and without the biases, then raters anew, a fixed number
 * of times. A weight lies between 1/16 and 4, so that nobody, however consistent, speaks for more
 * than four. Sources: P. Laureti and others, "Information filtering via iterative refinement",
 * Europhysics Letters 75 (2006) 1006; C. de Kerchove, P. Van Dooren, "Iterative filtering in
 * reputation systems", SIAM J. Matrix Anal. Appl. 31 (2010) 1812; leaving out one's own rating is
 * ours. What it cannot see: many who agree on a lie among themselves where no one else rates. */
#ifndef HEED_QUALITY_RATERS_H
#define HEED_QUALITY_RATERS_H

#include "quality/quality.h"

struct rater {
    double weight; /* 1: as the average rater */
    double bias;   /* what he gives too much, of a scale of 1 */
    uint32_t ratings;
};

/* A target's ratings with weights and without biases; 0..1.                                      */
struct weighted_ratings {
    uint64_t count;
    double weight, sum, squares;
};

struct raters {
    struct rater *by_user; /* [users_n] */
    size_t users_n;
    struct weighted_ratings *targets[TARGET_KINDS]; /* [targets_n], as many as have been rated */
    size_t targets_n[TARGET_KINDS];
};

/* strength 0, or too few ratings to tell (quality/shrink.h): all weigh 1 and nobody is biased.
 * Into *out, which holds nothing; free with raters_deinit. HEED_NOMEM.
 * O(ratings) for each of some ten steps; the same on every machine.                              */
HEED_MUST_CHECK enum heed_status raters_estimate(const struct quality *q, int32_t strength,
                                                 struct raters *out);
void raters_deinit(struct raters *r);
#endif
