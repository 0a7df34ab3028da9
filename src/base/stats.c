#include "base/stats.h"

#include <math.h>
#include <stdlib.h>

double wilson_lower(uint64_t done, uint64_t shown, double z)
{
    if (shown == 0 || done == 0)
        return 0.0;
    double n = (double)shown;
    double p = done >= shown ? 1.0 : (double)done / n;
    double centre = p + z * z / (2.0 * n);
    double half = z * sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n));
    double lower = (centre - half) / (1.0 + z * z / n);
    return lower > 0.0 ? lower : 0.0;
}

double wilson_upper(uint64_t done, uint64_t shown, double z)
{
    return shown == 0 || done >= shown ? 1.0 : 1.0 - wilson_lower(shown - done, shown, z);
}

double gini_sorted(const double *x, size_t n)
{
    double weighted = 0.0;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        weighted += (2.0 * (double)(i + 1) - (double)n - 1.0) * x[i];
        sum += x[i];
    }
    return sum > 0.0 && weighted > 0.0 ? weighted / ((double)n * sum) : 0.0; /* below 0: rounding */
}

struct ranked {
    double value;
    size_t index;
};

/* NaN after every number, so that the order is total whatever comes in.                         */
static int by_value(const void *pa, const void *pb)
{
    double a = ((const struct ranked *)pa)->value;
    double b = ((const struct ranked *)pb)->value;
    if (isnan(a) || isnan(b))
        return (isnan(a) ? 1 : 0) - (isnan(b) ? 1 : 0);
    return (a > b) - (a < b);
}

/* rank[n] = twice the mean rank less n + 1: whole numbers that add up to zero.                  */
static void centred_ranks(const double *x, size_t n, struct ranked *scratch, double *rank)
{
    for (size_t i = 0; i < n; i++)
        scratch[i] = (struct ranked){x[i], i};
    qsort(scratch, n, sizeof *scratch, by_value);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && by_value(&scratch[from], &scratch[to]) == 0; to++)
            ;
        double twice_mean = (double)(from + 1) + (double)to;
        for (size_t i = from; i < to; i++)
            rank[scratch[i].index] = twice_mean - (double)n - 1.0;
    }
}

double spearman(const double *x, const double *y, size_t n)
{
    if (n < 2 || n > SIZE_MAX / sizeof(struct ranked))
        return 0.0;
    struct ranked *scratch = malloc(n * sizeof *scratch);
    double *rx = malloc(n * sizeof *rx);
    double *ry = malloc(n * sizeof *ry);
    double rho = 0.0;
    if (!scratch || !rx || !ry)
        goto done;
    centred_ranks(x, n, scratch, rx);
    centred_ranks(y, n, scratch, ry);
    double xx = 0.0;
    double yy = 0.0;
    double xy = 0.0;
    for (size_t i = 0; i < n; i++) {
        xx += rx[i] * rx[i];
        yy += ry[i] * ry[i];
        xy += rx[i] * ry[i];
    }
    if (xx > 0.0 && yy > 0.0)
        rho = xy / (sqrt(xx * yy));
done:
    free(ry);
    free(rx);
    free(scratch);
    return rho > 1.0 ? 1.0 : rho < -1.0 ? -1.0 : rho;
}
