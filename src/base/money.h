/* Checked money. A bare + on struct money does not compile; every sum says whether it fits. */
#ifndef HEED_BASE_MONEY_H
#define HEED_BASE_MONEY_H

#include "base/str.h"
#include "heed.h"

/* An amount in the minor unit of some currency (cents for a scale of 2).                        */
struct money {
    int64_t minor;
};

enum rounding {
    ROUND_DOWN,      /* towards zero            */
    ROUND_UP,        /* away from zero          */
    ROUND_FLOOR,     /* towards minus infinity  */
    ROUND_HALF_EVEN, /* to nearest, ties even   */
};

HEED_MUST_CHECK bool money_add(struct money a, struct money b, struct money *sum);
HEED_MUST_CHECK bool money_sub(struct money a, struct money b, struct money *difference);

/* out = a * b / c, exact in 128 bits, rounded as named. false: c == 0 or the result does not
 * fit; out is untouched.                                                                        */
HEED_MUST_CHECK bool muldiv_i64(int64_t a, int64_t b, int64_t c, enum rounding rounding,
                                int64_t *out);

/* Splits total >= 0 by weights[n] (largest remainder, Hamilton's method): parts[n] add up to
 * total exactly. Ties go to the larger weight, then to the smaller key, so the answer does not
 * depend on the order of the rows; keys[n] are distinct (NULL: the index is the key).
 * All weights zero: every part is 0 and false is returned, as it is when total < 0, n == 0, or
 * memory is short. Weights may be as large as UINT64_MAX and add up to 2^128 - 1. O(n log n).   */
HEED_MUST_CHECK bool money_split(struct money total, const uint64_t *weights, const uint64_t *keys,
                                 size_t n, struct money *parts);

enum money_parse { MONEY_OK, MONEY_MALFORMED, MONEY_TOO_MANY_DECIMALS, MONEY_TOO_LARGE };

/* "4.99" in major units to minor units of `scale` decimals (0..9). An optional leading '-';
 * no exponent, no grouping; trailing zeros beyond the scale are accepted.                       */
enum money_parse money_from_text(struct str text, int scale, struct money *out);

/* "-4.99"; buf of at least 32 bytes, NUL-terminated; returns buf.                               */
char *money_to_text(struct money m, int scale, char buf[32]);
#endif
