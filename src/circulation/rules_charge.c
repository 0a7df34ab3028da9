/* What one charge takes. */
#include "base/error.h"
#include "circulation/rules_parts.h"

__extension__ typedef __int128 i128;

struct market_seen market_see(const struct market_rules *r, const struct market_trade *t)
{
    struct market_seen x = {r, t, 0};
    for (uint32_t i = 0; i < r->classes_n; i++)
        if (str_is(t->class, r->classes[i].text))
            x.class = UINT64_C(1) << i;
    return x;
}

bool market_applies(const struct market_seen *x, const struct market_scope *s)
{
    return (s->kinds >> x->t->kind & 1) && (s->classes == 0 || (s->classes & x->class)) &&
           !(s->not_classes & x->class);
}

int64_t market_attribute(const struct market_rules *r, const struct market_party *p,
                         uint8_t attribute)
{
    for (size_t i = 0; i < p->attributes_n; i++)
        if (str_is(p->attributes[i].name, r->attributes[attribute].text))
            return p->attributes[i].value;
    return 0;
}

bool market_is(const struct market_seen *x, const struct market_party *p,
               const struct market_who *w)
{
    if (!w->set)
        return true;
    if ((w->roles && !(p->roles & w->roles)) || (p->roles & w->not_roles))
        return false;
    if (w->account_ms > 0 && (i128)x->t->time_ms - p->joined_ms < w->account_ms)
        return false;
    for (uint32_t i = 0; i < w->attributes_n; i++) {
        int64_t v = market_attribute(x->r, p, w->attributes[i].attribute);
        if (v < w->attributes[i].min || v > w->attributes[i].max)
            return false;
    }
    return true;
}

/* Maker and taker as the sides they are; somebody who is not there as nobody.                   */
static struct market_end resolved(const struct market_trade *t, struct market_end e)
{
    if (e.kind == MARKET_MAKER)
        e.kind = t->seller_is_maker ? MARKET_SELLER : MARKET_BUYER;
    else if (e.kind == MARKET_TAKER)
        e.kind = t->seller_is_maker ? MARKET_BUYER : MARKET_SELLER;
    if ((e.kind == MARKET_CREATOR && t->creator == MARKET_NOBODY) ||
        (e.kind == MARKET_AFFILIATE && t->affiliate == MARKET_NOBODY))
        e.kind = MARKET_NO_END;
    return e;
}

static uint32_t party_of(const struct market_trade *t, struct market_end e)
{
    switch (e.kind) {
    case MARKET_SELLER:
        return t->seller.party;
    case MARKET_BUYER:
        return t->buyer.party;
    case MARKET_CREATOR:
        return t->creator;
    case MARKET_AFFILIATE:
        return t->affiliate;
    default:
        return MARKET_NOBODY;
    }
}

/* Nobody pays himself: a creator who resells his own work owes himself nothing.                 */
static bool same(const struct market_trade *t, struct market_end a, struct market_end b)
{
    uint32_t party = party_of(t, a);
    return (a.kind == b.kind && a.account == b.account) ||
           (party != MARKET_NOBODY && party == party_of(t, b));
}

bool market_charged(const struct market_seen *x, const struct market_charge *c,
                    struct market_end *from, struct market_end *to)
{
    const struct market_trade *t = x->t;
    if (!market_applies(x, &c->scope) ||
        (c->exempt_seller.set && market_is(x, &t->seller, &c->exempt_seller)) ||
        (c->exempt_buyer.set && market_is(x, &t->buyer, &c->exempt_buyer)))
        return false;
    *from = resolved(t, c->from);
    *to = resolved(t, c->to);
    if (to->kind == MARKET_NO_END)
        *to = resolved(t, c->otherwise);
    if (from->kind == MARKET_NO_END || to->kind == MARKET_NO_END)
        return false;
    return !same(t, *from, *to);
}

/* Within 0..1 whatever the attributes say.                                                      */
static int64_t rate_of(const struct market_seen *x, const struct market_party *payer,
                       const struct market_rate *rate)
{
    i128 ppm = rate->ppm;
    for (uint32_t i = 0; i < rate->terms_n; i++)
        ppm +=
            (i128)rate->terms[i].each_ppm * market_attribute(x->r, payer, rate->terms[i].attribute);
    return ppm < 0 ? 0 : ppm > MARKET_PPM ? MARKET_PPM : (int64_t)ppm;
}

/* n / d for n >= 0.                                                                             */
static i128 divided(i128 n, i128 d, enum rounding rounding)
{
    i128 q = n / d, rest = n % d;
    switch (rounding) {
    case ROUND_UP:
        return q + (rest != 0);
    case ROUND_HALF_EVEN:
        return q + (2 * rest > d || (2 * rest == d && q % 2 != 0));
    default:
        return q;
    }
}

/* Flat amounts and (in ppm) shares of the base that its bands give.                             */
static void of_bands(const struct market_charge *c, int64_t base, i128 *flat, i128 *part)
{
    *flat = *part = 0;
    for (uint32_t i = 0; i < c->bands_n; i++) {
        const struct market_band *b = &c->band[i];
        bool in = base >= b->from_minor && (b->to_minor < 0 || base < b->to_minor);
        if (c->bands == MARKET_WHOLE && in) { /* the first that holds it */
            *flat = b->flat_minor;
            *part = (i128)base * b->rate_ppm;
            return;
        }
        if (c->bands == MARKET_SLICES && base > b->from_minor) {
            int64_t end = b->to_minor < 0 || base < b->to_minor ? base : b->to_minor;
            *flat += b->flat_minor;
            *part += (i128)(end - b->from_minor) * b->rate_ppm;
        }
    }
}

bool market_amount(const struct market_seen *x, const struct market_charge *c, int64_t unit_minor,
                   int64_t quantity, int64_t counted, int64_t *minor)
{
    int64_t times = c->per_item ? quantity : 1, of = c->per_item ? 1 : quantity, base, previous;
    const struct market_party *payer =
        resolved(x->t, c->from).kind == MARKET_BUYER ? &x->t->buyer : &x->t->seller;
    *minor = 0;
    if (__builtin_mul_overflow(unit_minor, of, &base))
        return false;
    if (c->of == MARKET_OF_INCREASE) {
        if (unit_minor <= x->t->previous_minor)
            return true;
        previous = x->t->previous_minor * of; /* less than base, and 0 or more */
        base -= previous;
    }
    if (base < c->below_minor)
        return true;
    i128 flat = c->flat_minor, part = (i128)base * rate_of(x, payer, &c->rate);
    if (c->bands != MARKET_NO_BANDS) {
        i128 more, share;
        of_bands(c, base, &more, &share);
        flat += more;
        part += share;
    }
    part *= rate_of(x, payer, &c->share);
    i128 amount = flat + divided(part, (i128)MARKET_PPM * MARKET_PPM, c->rounding);
    i128 already = c->counting < 0 ? 0 : c->per_item ? counted / times : counted;
    if (amount + already < c->min_minor)
        amount = c->min_minor - already;
    if (c->max_minor >= 0 && amount + already > c->max_minor)
        amount = already > c->max_minor ? 0 : c->max_minor - already;
    return amount <= INT64_MAX && !__builtin_mul_overflow((int64_t)amount, times, minor);
}
