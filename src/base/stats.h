/* Small statistics shared by the stages and the report. */
#ifndef HEED_BASE_STATS_H
#define HEED_BASE_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Wilson score interval's lower bound for done of shown, z the normal quantile (1.96 for 95 %).
 * 0 when shown == 0; done is cut at shown.
 * Source: E. B. Wilson, JASA 22 (1927) 209, eq. 1.                                              */
double wilson_lower(uint64_t done, uint64_t shown, double z);

/* Its upper bound; 1 when shown == 0.                                                            */
double wilson_upper(uint64_t done, uint64_t shown, double z);

/* Gini coefficient of x[n] >= 0, sorted ascending by the caller; 0 when n == 0 or all zero.
 * Source: C. Gini 1912; G = sum (2i - n - 1) x_i / (n sum x).                                    */
double gini_sorted(const double *x, size_t n);

/* Spearman's rank correlation with mean ranks for ties; 0 when either side is constant or memory
 * is short. O(n log n).                                                                         */
double spearman(const double *x, const double *y, size_t n);
#endif
