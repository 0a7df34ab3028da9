#include "allocation/explore.h"

#include "base/error.h"

#include <math.h>

static const char *const names[EXPLORE_METHODS] = {"none", "epsilon", "thompson"};

const char *explore_method_name(enum explore_method m)
{
    return names[m];
}

int explore_method_of_name(struct str name)
{
    for (int i = 0; i < EXPLORE_METHODS; i++)
        if (str_is(name, names[i]))
            return i;
    return -1;
}

/* Taken evenly with probability epsilon, else with `share`. */
static struct explored mixed(size_t index, double share, size_t n, uint32_t epsilon_ppm)
{
    double epsilon = epsilon_ppm / 1e6;
    double propensity = epsilon / (double)n + (1 - epsilon) * share;
    uint32_t billionths = (uint32_t)lround(propensity * EXPLORE_UNIT);
    return (struct explored){index, billionths ? billionths : 1};
}

struct explored explore_epsilon(size_t n, size_t best, uint32_t epsilon_ppm, struct prng *r)
{
    heed_assert(n > 0 && best < n && epsilon_ppm <= 1000000);
    bool explores = prng_below(r, 1000000) < epsilon_ppm;
    size_t index = explores ? (size_t)prng_below(r, n) : best;
    return mixed(index, index == best, n, epsilon_ppm);
}

/* Gamma(shape, 1), shape >= 1.                                                                   */
static double gamma_of(double shape, struct prng *r)
{
    double d = shape - 1. / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = prng_normal(r), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = 1 - prng_double(r); /* in (0, 1] */
        if (log(u) < .5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

double explore_beta(double a, double b, struct prng *r)
{
    double x = gamma_of(a, r), y = gamma_of(b, r);
    return x / (x + y);
}

struct explored explore_thompson(const struct explore_arm *arms, size_t n, uint32_t epsilon_ppm,
                                 struct prng *r)
{
    heed_assert(n > 0 && epsilon_ppm <= 1000000);
    size_t winners[EXPLORE_DRAWS];
    for (size_t draw = 0; draw < EXPLORE_DRAWS; draw++) {
        double most = -1;
        for (size_t i = 0; i < n; i++) {
            heed_assert(arms[i].engaged <= arms[i].shown);
            double rate = explore_beta(1 + (double)arms[i].engaged,
                                       1 + (double)(arms[i].shown - arms[i].engaged), r);
            if (rate > most) {
                most = rate;
                winners[draw] = i;
            }
        }
    }
    bool evenly = prng_below(r, 1000000) < epsilon_ppm;
    size_t index = evenly ? (size_t)prng_below(r, n) : winners[prng_below(r, EXPLORE_DRAWS)];
    size_t won = 0;
    for (size_t draw = 0; draw < EXPLORE_DRAWS; draw++)
        won += winners[draw] == index;
    return mixed(index, (double)won / EXPLORE_DRAWS, n, epsilon_ppm);
}
