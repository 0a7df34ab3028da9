/* Exploration: now and then one slot of a feed goes to something that the scores would not have put
 * there, by chance that is known, so that a log of feeds can tell what another policy would have
 * earned (allocation/ope.h). The probability with which the item was taken is its propensity.
 *
 *   epsilon    with probability epsilon an item drawn evenly from all candidates, else the best one
 *   thompson   each candidate's rate of engagement is drawn from its posterior Beta(1 + engaged, 1
 * + shown - engaged), and the highest draw wins: W. R. Thompson, Biometrika 25 (1933) 285; O.
 * Chapelle, L. Li, NIPS 2011. EXPLORE_DRAWS draws are made and, with probability 1 - epsilon, one
 * of their winners taken evenly, else any candidate: (1 - epsilon) won / EXPLORE_DRAWS + epsilon /
 * n is an item's propensity, exact given the draws, where the probability under the posteriors
 * themselves would need an integral. With epsilon 0 what wins none of the draws cannot be taken,
 * and 1 / propensity of what can does not average 1 over the draws: such a log misleads. */
#ifndef HEED_ALLOCATION_EXPLORE_H
#define HEED_ALLOCATION_EXPLORE_H

#include "base/prng.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum explore_method { EXPLORE_NONE, EXPLORE_EPSILON, EXPLORE_THOMPSON, EXPLORE_METHODS };
const char *explore_method_name(enum explore_method m);
int explore_method_of_name(struct str name); /* -1 when unknown */

enum { EXPLORE_DRAWS = 64, EXPLORE_UNIT = 1000000000 /* propensities are in billionths */ };

struct explored {
    size_t index;        /* of the candidate that is taken */
    uint32_t propensity; /* 1 .. EXPLORE_UNIT */
};

/* Of candidates 0 .. n - 1 (n > 0), `best` being what the scores put there; epsilon_ppm of a
 * million. The propensity is rounded to the nearest billionth, and at least one. O(1). */
struct explored explore_epsilon(size_t n, size_t best, uint32_t epsilon_ppm, struct prng *r);

/* What is known of a candidate: engaged <= shown.                                                */
struct explore_arm {
    uint64_t engaged, shown;
};

/* Propensity as of explore_epsilon. O(n x EXPLORE_DRAWS). Ties go to the lower index. */
struct explored explore_thompson(const struct explore_arm *arms, size_t n, uint32_t epsilon_ppm,
                                 struct prng *r);

/* Beta(a, b), a and b at least 1, as X / (X + Y) of gammas by G. Marsaglia, W. W. Tsang, ACM TOMS
 * 26 (2000) 363. */
double explore_beta(double a, double b, struct prng *r);
#endif
