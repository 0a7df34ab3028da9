/* xoshiro256** seeded by SplitMix64.
 * Source: D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47
 * (2021); reference vectors from the authors' public-domain code.                               */
#ifndef HEED_BASE_PRNG_H
#define HEED_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t s[4];
};

uint64_t splitmix64(uint64_t *state);
void prng_seed(struct prng *r, uint64_t seed);
uint64_t prng_u64(struct prng *r);
uint64_t prng_below(struct prng *r, uint64_t n); /* uniform in [0, n), n > 0, unbiased (Lemire) */
double prng_double(struct prng *r);              /* uniform in [0, 1), 53 bits                 */
double prng_normal(struct prng *r);              /* mean 0, variance 1 (polar method)          */
#endif
