#include "base/prng.h"

#include "base/error.h"

#include <math.h>

__extension__ typedef unsigned __int128 u128;

uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void prng_seed(struct prng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix64(&seed);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t prng_u64(struct prng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

/* Source: D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019).     */
uint64_t prng_below(struct prng *r, uint64_t n)
{
    heed_assert(n > 0);
    u128 m = (u128)prng_u64(r) * n;
    if ((uint64_t)m < n) {
        uint64_t threshold = (0 - n) % n;
        while ((uint64_t)m < threshold)
            m = (u128)prng_u64(r) * n;
    }
    return (uint64_t)(m >> 64);
}

double prng_double(struct prng *r)
{
    return (double)(prng_u64(r) >> 11) * 0x1.0p-53;
}

/* The second value of a pair is dropped: a prng is its four words and nothing else.             */
double prng_normal(struct prng *r)
{
    for (;;) {
        double u = 2.0 * prng_double(r) - 1.0;
        double v = 2.0 * prng_double(r) - 1.0;
        double s = u * u + v * v;
        if (s > 0.0 && s < 1.0)
            return u * sqrt(-2.0 * log(s) / s);
    }
}
