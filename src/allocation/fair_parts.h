/* What the parts of sharing out in batch have in common. */
#ifndef HEED_ALLOCATION_FAIR_PARTS_H
#define HEED_ALLOCATION_FAIR_PARTS_H

#include <math.h>

static inline double fair_psi(double alpha, double x)
{
    if (alpha == 1)
        return x;
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

#endif
