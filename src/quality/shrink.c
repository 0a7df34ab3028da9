#include "quality/shrink.h"

#include "base/error.h"
#include "base/money.h"

/* sum^2 / n: at most 1000^2 n, so it fits while n does.                                          */
static int64_t square_share(const struct rating_sums *t)
{
    int64_t share = 0;
    if (t->n > 0) {
        bool fits = muldiv_i64(t->sum_milli, t->sum_milli, t->n, ROUND_DOWN, &share);
        heed_assert(fits);
    }
    return share;
}

void shrink_add(struct prior_sums *p, struct rating_sums *t, int32_t old, int32_t score)
{
    p->between_squares -= square_share(t);
    int64_t sum = score, square = (int64_t)score * score;
    if (old < 0) {
        p->targets += t->n == 0;
        p->count_squares += 2 * (uint64_t)t->n + 1;
        p->all.n++;
        t->n++;
    } else {
        sum -= old;
        square -= (int64_t)old * old;
    }
    t->sum_milli += sum;
    t->square_sum += square;
    p->all.sum_milli += sum;
    p->all.square_sum += square;
    p->between_squares += square_share(t);
}

static const double PRIOR_SPREAD = 1e6 / 12; /* of what is even over 0..1000 */

/* A variance of n free values, under a prior worth one.                                          */
static double with_prior(double variance, double n)
{
    return (PRIOR_SPREAD + n * variance) / (1 + n);
}

struct variance_components shrink_components(const struct prior_sums *p)
{
    struct variance_components c = {0};
    if (p->targets < 2 || p->all.n <= p->targets)
        return c;
    double n = (double)p->all.n, targets = (double)p->targets;
    double sum = (double)p->all.sum_milli, shares = (double)p->between_squares;
    c.mean = sum / n;
    c.within = (double)(p->all.square_sum - p->between_squares) / (n - targets);
    c.noise = with_prior(c.within, n - targets);
    double between =
        (shares - sum * c.mean - (targets - 1) * c.within) / (n - (double)p->count_squares / n);
    c.between = between > 0 ? between : 0;
    return c;
}

static bool data_says(const struct prior_sums *p)
{
    return p->targets >= SHRINK_MIN_TARGETS && p->all.n - p->targets >= SHRINK_MIN_REPEATS;
}

double shrink_variance(const struct prior_sums *p, const struct rating_sums *t)
{
    double n = (double)t->n;
    if (!data_says(p))
        return 1 / (4 * (n + 3));
    struct variance_components c = shrink_components(p);
    double between = with_prior(c.between, (double)p->targets - 1);
    return between * c.noise / (n * between + c.noise) / 1e6;
}

double shrink_mean(const struct prior_sums *p, const struct rating_sums *t, int32_t prior_strength)
{
    double n = (double)t->n, sum = (double)t->sum_milli, shrunk;
    if (data_says(p)) {
        /* (n m + k m0) / (n + k) times between, which may be 0 */
        struct variance_components c = shrink_components(p);
        shrunk = (sum * c.between + c.noise * c.mean) / (n * c.between + c.noise);
    } else {
        double k = prior_strength > 0 ? prior_strength : 0, all = (double)p->all.n;
        double mean = all + k > 0 ? ((double)p->all.sum_milli + k * 500) / (all + k) : 500;
        shrunk = n + k > 0 ? (sum + k * mean) / (n + k) : mean;
    }
    shrunk /= 1000;
    return shrunk < 0 ? 0 : shrunk > 1 ? 1 : shrunk;
}
