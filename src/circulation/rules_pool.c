#include "circulation/rules_pool.h"

typedef market_amount_t u128;

struct wide { /* high x 2^128 + low */
    u128 high, low;
};

static struct wide product(u128 a, u128 b)
{
    const u128 mask = UINT64_MAX;
    u128 low = (a & mask) * (b & mask), cross = (a >> 64) * (b & mask) + (low >> 64);
    u128 other = (a & mask) * (b >> 64) + (cross & mask);
    return (struct wide){(a >> 64) * (b >> 64) + (cross >> 64) + (other >> 64),
                         other << 64 | (low & mask)};
}

/* n / d for n.high < d: one bit of the quotient after the other.                                */
static u128 quotient(struct wide n, u128 d)
{
    u128 rest = n.high, q = 0;
    for (int bit = 127; bit >= 0; bit--) {
        bool over = rest >> 127;
        rest = rest << 1 | (n.low >> bit & 1);
        q <<= 1;
        if (over || rest >= d) {
            rest -= d;
            q |= 1;
        }
    }
    return q;
}

/* What is kept of what comes in, as a fraction in lowest terms; all of it in 128 bits for reserves
 * below 2^108, and for a fee such as 3/1000 up to MARKET_RESERVE_MAX.                            */
struct kept {
    u128 of, parts;
};

static bool kept_of(u128 reserve_in, u128 reserve_out, int32_t fee_ppm, struct kept *k)
{
    if (reserve_in == 0 || reserve_out == 0 || reserve_in > MARKET_RESERVE_MAX ||
        reserve_out > MARKET_RESERVE_MAX || fee_ppm < 0 || fee_ppm >= 1000000)
        return false;
    uint32_t a = 1000000, b = 1000000 - (uint32_t)fee_ppm;
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    *k = (struct kept){(1000000 - (uint32_t)fee_ppm) / a, 1000000 / a};
    return true;
}

bool market_pool_out(u128 in, u128 reserve_in, u128 reserve_out, int32_t fee_ppm, u128 *out)
{
    struct kept k;
    u128 counted, whole;
    if (!kept_of(reserve_in, reserve_out, fee_ppm, &k) || in == 0 ||
        in > MARKET_RESERVE_MAX - reserve_in || __builtin_mul_overflow(in, k.of, &counted) ||
        __builtin_mul_overflow(reserve_in, k.parts, &whole) ||
        __builtin_add_overflow(whole, counted, &whole))
        return false;
    *out = quotient(product(counted, reserve_out), whole); /* below reserve_out */
    return true;
}

bool market_pool_in(u128 out, u128 reserve_in, u128 reserve_out, int32_t fee_ppm, u128 *in)
{
    struct kept k;
    u128 counted, left;
    if (!kept_of(reserve_in, reserve_out, fee_ppm, &k) || out == 0 || out >= reserve_out ||
        __builtin_mul_overflow(reserve_in, k.parts, &counted) ||
        __builtin_mul_overflow(reserve_out - out, k.of, &left))
        return false;
    struct wide n = product(counted, out);
    if (n.high >= left)
        return false;
    u128 least = quotient(n, left);
    if (least >= MARKET_RESERVE_MAX - reserve_in)
        return false;
    *in = least + 1;
    return true;
}
