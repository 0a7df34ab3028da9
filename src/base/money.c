#include "base/money.h"

#include "base/error.h"

#include <stdlib.h>

__extension__ typedef __int128 i128;
__extension__ typedef unsigned __int128 u128;

bool money_add(struct money a, struct money b, struct money *sum)
{
    int64_t r;
    if (__builtin_add_overflow(a.minor, b.minor, &r))
        return false;
    sum->minor = r;
    return true;
}

bool money_sub(struct money a, struct money b, struct money *difference)
{
    int64_t r;
    if (__builtin_sub_overflow(a.minor, b.minor, &r))
        return false;
    difference->minor = r;
    return true;
}

bool muldiv_i64(int64_t a, int64_t b, int64_t c, enum rounding rounding, int64_t *out)
{
    if (c == 0)
        return false;
    i128 product = (i128)a * b;
    i128 quotient = product / c;
    i128 rest = product % c;
    if (rest != 0) {
        i128 away = (product < 0) != (c < 0) ? -1 : 1;
        i128 twice = 2 * (rest < 0 ? -rest : rest);
        i128 size = c < 0 ? -(i128)c : c;
        switch (rounding) {
        case ROUND_DOWN:
            break;
        case ROUND_UP:
            quotient += away;
            break;
        case ROUND_FLOOR:
            quotient += away < 0 ? -1 : 0;
            break;
        case ROUND_HALF_EVEN:
            if (twice > size || (twice == size && quotient % 2 != 0))
                quotient += away;
            break;
        }
    }
    if (quotient < INT64_MIN || quotient > INT64_MAX)
        return false;
    *out = (int64_t)quotient;
    return true;
}

/* One row's claim to a unit left over after every row has its whole part.                       */
struct claim {
    u128 rest;
    uint64_t weight, key;
    size_t index;
};

static int by_claim(const void *pa, const void *pb)
{
    const struct claim *a = pa;
    const struct claim *b = pb;
    if (a->rest != b->rest)
        return a->rest > b->rest ? -1 : 1;
    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    return (a->key > b->key) - (a->key < b->key);
}

bool money_split(struct money total, const uint64_t *weights, const uint64_t *keys, size_t n,
                 struct money *parts)
{
    struct claim few[32]; /* most splits are small: no allocation */
    struct claim *claims = few;
    u128 sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
        parts[i].minor = 0;
    }
    if (total.minor < 0 || sum == 0 || n > SIZE_MAX / sizeof *claims)
        return false;
    if (n > sizeof few / sizeof few[0]) {
        claims = malloc(n * sizeof *claims);
        if (!claims)
            return false;
    }
    int64_t left = total.minor;
    for (size_t i = 0; i < n; i++) {
        u128 product = (u128)(uint64_t)total.minor * weights[i]; /* < 2^127 */
        parts[i].minor = (int64_t)(product / sum);
        left -= parts[i].minor;
        claims[i] = (struct claim){product % sum, weights[i], keys ? keys[i] : i, i};
    }
    if (left > 0) {
        heed_assert((uint64_t)left < n);
        qsort(claims, n, sizeof *claims, by_claim);
        for (size_t i = 0; i < (size_t)left; i++)
            parts[claims[i].index].minor++;
    }
    if (claims != few)
        free(claims);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* magnitude = magnitude * 10 + digit, or stuck at false once past 2^64 - 1.                     */
static bool push_digit(uint64_t *magnitude, uint64_t digit)
{
    return !__builtin_mul_overflow(*magnitude, UINT64_C(10), magnitude) &&
           !__builtin_add_overflow(*magnitude, digit, magnitude);
}

enum money_parse money_from_text(struct str text, int scale, struct money *out)
{
    heed_assert(scale >= 0 && scale <= 9);
    size_t i = 0;
    bool negative = i < text.n && text.p[i] == '-';
    if (negative)
        i++;
    uint64_t magnitude = 0;
    bool fits = true;
    bool precise = true;
    size_t whole = i;
    for (; i < text.n && is_digit(text.p[i]); i++)
        fits = fits && push_digit(&magnitude, (uint64_t)(text.p[i] - '0'));
    if (i == whole)
        return MONEY_MALFORMED;
    int decimals = 0;
    if (i < text.n && text.p[i] == '.') {
        size_t fraction = ++i;
        for (; i < text.n && is_digit(text.p[i]); i++) {
            if (decimals == scale) {
                precise = precise && text.p[i] == '0';
                continue;
            }
            fits = fits && push_digit(&magnitude, (uint64_t)(text.p[i] - '0'));
            decimals++;
        }
        if (i == fraction)
            return MONEY_MALFORMED;
    }
    if (i != text.n)
        return MONEY_MALFORMED;
    if (!precise)
        return MONEY_TOO_MANY_DECIMALS;
    for (; decimals < scale; decimals++)
        fits = fits && push_digit(&magnitude, 0);
    if (!fits || magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return MONEY_TOO_LARGE;
    out->minor = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return MONEY_OK;
}

char *money_to_text(struct money m, int scale, char buf[32])
{
    heed_assert(scale >= 0 && scale <= 9);
    uint64_t magnitude = m.minor < 0 ? 0 - (uint64_t)m.minor : (uint64_t)m.minor;
    char *end = buf + 31;
    char *p = end;
    *p = '\0';
    for (int digits = 0; digits <= scale || magnitude > 0; digits++) {
        if (digits > 0 && digits == scale)
            *--p = '.';
        *--p = (char)('0' + magnitude % 10);
        magnitude /= 10;
    }
    if (m.minor < 0)
        *--p = '-';
    memmove(buf, p, (size_t)(end - p) + 1);
    return buf;
}
