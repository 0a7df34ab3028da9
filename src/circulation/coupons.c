/* Coupons: what a seller lets off the price of a good to whoever says a word. */
#include "base/error.h"
#include "circulation/shop_parts.h"

enum { PPM = 1000000 };

static bool terms_ok(const struct coupon *k)
{
    return k->off_ppm <= PPM && k->minus_minor >= 0 && (k->off_ppm > 0 || k->minus_minor > 0) &&
           k->uses >= -1;
}

enum heed_status shop_coupon(struct shop *s, const struct catalogue *c, const struct coupon *coupon,
                             enum refusal *refusal, uint32_t *number)
{
    uint32_t at = map_get(&s->coupon_of, coupon->key);
    *refusal = catalogue_good(c, coupon->target) == NULL                   ? REFUSED_unknown_target
               : at != MAP_NONE && s->coupons[at].target != coupon->target ? REFUSED_exists
               : !terms_ok(coupon)                                         ? REFUSED_not_positive
                                                                           : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    if (at == MAP_NONE) {
        if (s->coupons_n >= SHOP_NONE)
            return HEED_RANGE;
        if (!array_grow(&s->coupons, &s->coupons_cap, s->coupons_n + 1, sizeof *s->coupons) ||
            !map_put(&s->coupon_of, coupon->key, (uint32_t)s->coupons_n))
            return HEED_NOMEM;
        at = (uint32_t)s->coupons_n++;
    }
    s->coupons[at] = *coupon;
    *number = at;
    return HEED_OK;
}

int64_t coupon_price(const struct coupon *k, int64_t price_minor)
{
    int64_t off;
    bool fits = muldiv_i64(price_minor, k->off_ppm, PPM, ROUND_DOWN, &off);
    heed_assert(fits && off <= price_minor);
    int64_t left = price_minor - off;
    return left > k->minus_minor ? left - k->minus_minor : 0;
}

bool coupon_valid(const struct shop *s, uint32_t coupon, uint32_t buyer, int64_t time_ms)
{
    const struct coupon *k = &s->coupons[coupon];
    uint32_t used = map_get(&s->coupon_used, coupon_key(coupon, buyer));
    return time_ms < k->until_ms && k->uses != 0 &&
           (k->each == 0 || used == MAP_NONE || used < k->each);
}

bool coupon_room(struct shop *s)
{
    return map_reserve(&s->coupon_used, s->coupon_used.count + 1);
}

void coupon_count(struct shop *s, uint32_t coupon, uint32_t buyer)
{
    uint64_t key = coupon_key(coupon, buyer);
    uint32_t used = map_get(&s->coupon_used, key);
    bool kept = map_put(&s->coupon_used, key, used == MAP_NONE ? 1 : used + (used < MAP_NONE - 1));
    heed_assert(kept);
}

void coupon_use(struct shop *s, uint32_t coupon, uint32_t buyer)
{
    coupon_count(s, coupon, buyer);
    if (s->coupons[coupon].uses > 0)
        s->coupons[coupon].uses--;
}
