/* Random offers, and what any policy must be, for the tests of sharing out. */
#ifndef HEED_SUPPORT_FAIR_H
#define HEED_SUPPORT_FAIR_H

#include "allocation/fair.h"

/* blocked[users x items] with about `fill` of the pairs, and scores that are partly below 0. */
struct dealt {
    struct sparse blocked;
    struct fair_offers offers;
};
void deal(struct dealt *d, uint64_t seed, size_t users, size_t items, size_t k, double fill);
void undeal(struct dealt *d);

/* The test fails unless the policy is a mixture of lists: nothing blocked, the j most exposed items
 * of a user never above the first j ranks, all ranks given away. Gives dense[users * items]; free
 * it. */
double *check_policy(const struct fair_offers *f, const struct fair_policy *p, uint64_t seed);
#endif
