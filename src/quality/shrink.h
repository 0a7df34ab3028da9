/* Shrinkage of a target's mean rating towards the mean of all, by how much targets differ compared
 * with how much ratings of one target do.
 *
 * One-way random effects: rating = m0 + target's own effect + noise. From running sums alone,
 *     within  = (sum x^2 - sum_t S_t^2/n_t) / (N - T)
 *     between = (sum_t S_t^2/n_t - S^2/N - (T - 1) within) / (N - sum_t n_t^2 / N)
 *     k       = within / between
 * with N ratings of T targets, S_t and n_t a target's sum and count, S the sum of all.
 * Sources: H. Bühlmann, E. Straub, "Glaubwürdigkeit für Schadensätze", Mitt. VSVM 70 (1970) 111
 * (the unbiased estimator); B. Efron, C. Morris, "Data analysis using Stein's estimator and its
 * generalizations", JASA 70 (1975) 311.
 *
 * Ratings that agree within every target would make the noise 0 and one more rating certain. So the
 * noise is estimated under a prior worth one observation of what is spread evenly over the scale:
 *     noise = (s0 + (N - T) within) / (1 + N - T),   s0 = 1/12 of the scale squared
 * (the scaled inverse chi-squared prior: A. Gelman et al., Bayesian Data Analysis, 3rd ed. (2013),
 * 2.6), and k = noise / between. In the variance the spread between targets has the same prior, so
 * that nothing is certain either where no difference shows.                                      */
#ifndef HEED_QUALITY_SHRINK_H
#define HEED_QUALITY_SHRINK_H

#include "quality/quality.h"

/* Below either, the data cannot say how much to shrink.                                          */
enum { SHRINK_MIN_TARGETS = 10, SHRINK_MIN_REPEATS = 30 /* ratings beyond each target's first */ };

struct variance_components {
    double mean, within, between; /* thousandths, thousandths squared; between 0 when none shows */
    double noise;                 /* within under the prior: more than 0                         */
};

/* Needs two targets and one repeat; all zero otherwise.                                          */
struct variance_components shrink_components(const struct prior_sums *p);

/* A target's shrunk mean, 0..1; the shrunk mean of nothing is the mean of all, and .5 when there is
 * no rating at all.                                                                              */
double shrink_mean(const struct prior_sums *p, const struct rating_sums *t, int32_t prior_strength);

/* Variance of a target's true mean about its shrunk one, 0..1 and more than 0: between noise /
 * (n between + noise), both under the prior; of nothing known, 1/12, and of n ratings while the
 * data cannot say, 1 / (4 (n + 3)).  */
double shrink_variance(const struct prior_sums *p, const struct rating_sums *t);

/* Puts one score (0..1000) in, or replaces `old` (-1: there was none), in a target and in the sums
 * over all.                                                                                      */
void shrink_add(struct prior_sums *p, struct rating_sums *t, int32_t old, int32_t score);
#endif
