/* What the parts of sharing out in batch have in common. */
#ifndef HEED_ALLOCATION_FAIR_PARTS_H
#define HEED_ALLOCATION_FAIR_PARTS_H

#include "allocation/fair.h"

#include <math.h>

static inline double fair_psi(double alpha, double x)
{
    if (alpha == 1)
        return x;
    if (alpha == -1)
        return -1 / x;
    return alpha > 0 ? pow(x, alpha) : alpha < 0 ? -pow(x, alpha) : log(x);
}

/* Its derivative; the usual exponents without pow.                                               */
static inline double fair_slope(double alpha, double x)
{
    if (alpha == 1)
        return 1;
    if (alpha == -1)
        return 1 / (x * x);
    if (alpha == .5)
        return .5 / sqrt(x);
    return alpha == 0 ? 1 / x : fabs(alpha) * pow(x, alpha - 1);
}

/* Where its derivative is y: what an exposure worth y is still bought up to; alpha below 1. */
static inline double fair_slope_inverse(double alpha, double y)
{
    if (alpha == -1)
        return 1 / sqrt(y);
    if (alpha == .5)
        return .25 / (y * y);
    return alpha == 0 ? 1 / y : pow(y / fabs(alpha), 1 / (alpha - 1));
}

/* The steps of fair_batch_run, in order: refuse a floor that cannot be had; train on what is known
 * and score each row of history; raise what has been found to the floor, its objective and gap
 * appended to `out`. */
HEED_MUST_CHECK enum heed_status fair_check_floor(const struct sparse *history,
                                                  const struct fair_batch_options *o,
                                                  struct heed_error *err);
HEED_MUST_CHECK enum heed_status fair_offers_trained(const struct sparse *known,
                                                     const struct sparse *history,
                                                     const struct fair_batch_options *o,
                                                     struct fair_offers *f, struct heed_error *err);
HEED_MUST_CHECK enum heed_status fair_raise_floor(const struct fair_offers *f,
                                                  const struct fair_batch_options *o,
                                                  const struct fair_options *options,
                                                  struct fair_policy *policy,
                                                  struct fair_batch *out, struct heed_error *err);

#endif
