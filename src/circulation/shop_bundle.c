/* Bundles: several goods at one price, bought all or none in one chain of transfers.
 *
 * The price is shared out over the parts by what they cost by themselves, and within a part over
 * its pieces, so that every part is a sale of whole minor units a piece: charges, limits and holds
 * of the market rules see what they would see of the same pieces bought alone. */
#include "base/error.h"
#include "circulation/shop_parts.h"

#include <stdlib.h>

enum { SALES_MAX = 2 * BUNDLE_PARTS_MAX };

const struct bundle *shop_bundle_of(const struct shop *s, uint32_t target)
{
    uint32_t at = map_get(&s->bundle_of, target);
    return at == MAP_NONE || s->bundles[at].parts_n == 0 ? NULL : &s->bundles[at];
}

uint32_t shop_bundle_first(const struct shop *s, uint32_t purchase)
{
    const struct purchase *p = &s->purchases[purchase];
    return p->bundle == SHOP_NONE ? purchase : p->bundle_first;
}

uint32_t shop_bundle_end(const struct shop *s, uint32_t purchase)
{
    const struct purchase *p = &s->purchases[purchase];
    uint32_t end = purchase + 1;
    while (p->bundle != SHOP_NONE && end < s->purchases_n &&
           s->purchases[end].bundle != SHOP_NONE &&
           s->purchases[end].bundle_first == p->bundle_first)
        end++;
    return end;
}

/* ── what a bundle is ── */

static bool is_part(const struct shop *s, uint32_t target)
{
    for (size_t i = 0; i < s->bundles_n; i++) /* bundles are few, and seldom changed */
        for (uint32_t k = 0; k < s->bundles[i].parts_n; k++)
            if (s->bundles[i].parts[k].target == target)
                return true;
    return false;
}

static bool fits(const struct shop *s, const struct catalogue *c, uint32_t target, uint32_t part)
{
    const struct good *whole = catalogue_good(c, target), *g = catalogue_good(c, part);
    return target != part && g->seller == whole->seller && g->currency == whole->currency &&
           whole->stock < 0 && !shop_bundle_of(s, part) && !is_part(s, target);
}

/* The bundle of a target, made when it is new. NULL: no memory. */
static struct bundle *bundle_at(struct shop *s, uint32_t target)
{
    uint32_t at = map_get(&s->bundle_of, target);
    if (at != MAP_NONE)
        return &s->bundles[at];
    if (!array_grow(&s->bundles, &s->bundles_cap, s->bundles_n + 1, sizeof *s->bundles) ||
        !map_put(&s->bundle_of, target, (uint32_t)s->bundles_n))
        return NULL;
    s->bundles[s->bundles_n] = (struct bundle){.target = target};
    return &s->bundles[s->bundles_n++];
}

static void drop_part(struct bundle *b, uint32_t k)
{
    for (b->parts_n--; k < b->parts_n; k++)
        b->parts[k] = b->parts[k + 1];
    b->parts[k] = (struct bundle_part){0};
}

enum heed_status shop_bundle(struct shop_desk *d, uint32_t target, uint32_t part, int64_t units,
                             enum refusal *refusal)
{
    struct shop *s = d->shop;
    const struct catalogue *c = d->catalogue;
    *refusal = !catalogue_good(c, target) || !catalogue_good(c, part) ? REFUSED_unknown_target
               : units < 0                                            ? REFUSED_not_positive
                                                                      : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    const struct bundle *old = shop_bundle_of(s, target);
    uint32_t n = old ? old->parts_n : 0, k = 0;
    while (k < n && old->parts[k].target != part)
        k++;
    if (units == 0 ? k == n : k == BUNDLE_PARTS_MAX || !fits(s, c, target, part)) {
        *refusal = REFUSED_not_a_part;
        return HEED_OK;
    }
    if (s->bundles_n >= SHOP_NONE)
        return HEED_RANGE;
    struct bundle *b = bundle_at(s, target);
    if (!b)
        return HEED_NOMEM;
    if (units == 0) {
        drop_part(b, k);
        return HEED_OK;
    }
    b->parts[k] = (struct bundle_part){part, units};
    b->parts_n += k == n;
    return HEED_OK;
}

/* ── what its parts cost ── */

bool bundle_shares(int64_t whole_minor, const int64_t *weights, size_t n, int64_t *shares)
{
    int64_t sum = 0, left = whole_minor, remainders[SALES_MAX];
    heed_assert(n > 0 && n <= SALES_MAX && whole_minor >= 0);
    for (size_t i = 0; i < n; i++)
        if (__builtin_add_overflow(sum, weights[i], &sum))
            return false;
    bool equal = sum == 0;
    if (equal)
        sum = (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        int64_t weight = equal ? 1 : weights[i];
        bool down = muldiv_i64(whole_minor, weight, sum, ROUND_DOWN, &shares[i]);
        heed_assert(down);
        /* below sum, so right modulo 2^64 */
        remainders[i] = (int64_t)((uint64_t)whole_minor * (uint64_t)weight -
                                  (uint64_t)shares[i] * (uint64_t)sum);
        left -= shares[i];
    }
    for (; left > 0; left--) { /* fewer than n */
        size_t most = 0;
        for (size_t i = 1; i < n; i++)
            if (remainders[i] > remainders[most])
                most = i;
        shares[most]++;
        remainders[most] = -1;
    }
    return true;
}

/* ── buying ── */

struct bundling {
    struct buying *whole;
    const struct bundle *bundle;
    struct buying sales[SALES_MAX];
    struct market_trade trades[SALES_MAX]; /* of them */
    uint32_t sales_n;
    size_t lines_n;
    struct posting legs[SALES_MAX * BUYING_LEGS_MAX];
};

/* Whether all parts are offered and there. */
static enum refusal parts_there(const struct bundling *x)
{
    const struct buying *b = x->whole;
    enum refusal refusal = REFUSED_NOT;
    for (uint32_t k = 0; k < x->bundle->parts_n; k++) {
        const struct bundle_part *part = &x->bundle->parts[k];
        const struct good *g = catalogue_good(b->d->catalogue, part->target);
        int64_t units, sales;
        if (!g->listed || g->price_minor < 0 || g->currency != b->p.currency ||
            seller_of(g) != b->p.seller_holder)
            return REFUSED_not_listed;
        if (__builtin_mul_overflow(part->units, b->p.units, &units) ||
            (g->stock >= 0 && g->stock < units))
            refusal = REFUSED_out_of_stock;
        else if (refusal == REFUSED_NOT && __builtin_add_overflow(g->sales, units, &sales))
            refusal = REFUSED_overflow;
    }
    return refusal;
}

/* A sale of units of a part at one price a piece. */
static void add_sale(struct bundling *x, uint32_t part, int64_t units, int64_t unit_minor)
{
    const struct buying *b = x->whole;
    if (units == 0)
        return;
    struct buying *sale = &x->sales[x->sales_n];
    *sale = *b;
    sale->good = catalogue_good(b->d->catalogue, part);
    sale->unit_minor = unit_minor;
    sale->earlier = x->trades;
    sale->earlier_n = x->sales_n;
    sale->p.target = part;
    sale->p.units = units;
    sale->p.bundle = b->p.target;
    sale->p.bundle_first = (uint32_t)b->d->shop->purchases_n;
    sale->p.bundle_units = b->p.units;
    if (x->sales_n++ > 0)
        sale->p.coupon = SHOP_NONE; /* used once */
}

/* The sales that the price of the whole is shared out over. */
static enum refusal share_out(struct bundling *x, int64_t whole_minor)
{
    const struct bundle *bundle = x->bundle;
    int64_t weights[BUNDLE_PARTS_MAX], shares[BUNDLE_PARTS_MAX];
    for (uint32_t k = 0; k < bundle->parts_n; k++) {
        const struct good *g = catalogue_good(x->whole->d->catalogue, bundle->parts[k].target);
        if (__builtin_mul_overflow(g->price_minor, bundle->parts[k].units, &weights[k]))
            return REFUSED_overflow;
    }
    if (!bundle_shares(whole_minor, weights, bundle->parts_n, shares))
        return REFUSED_overflow;
    for (uint32_t k = 0; k < bundle->parts_n; k++) {
        int64_t units = bundle->parts[k].units * x->whole->p.units; /* fits: parts_there */
        int64_t dearer = shares[k] % units;
        add_sale(x, bundle->parts[k].target, dearer, shares[k] / units + 1);
        add_sale(x, bundle->parts[k].target, units - dearer, shares[k] / units);
    }
    return REFUSED_NOT;
}

static enum refusal judge(struct bundling *x, const char **rule)
{
    struct buying *b = x->whole;
    enum refusal refusal = buying_offered(b);
    if (refusal == REFUSED_NOT)
        refusal = parts_there(x);
    if (refusal == REFUSED_NOT)
        refusal = buying_payable(b);
    if (refusal != REFUSED_NOT)
        return refusal;
    if (b->good->sales > INT64_MAX - b->p.units)
        return REFUSED_overflow;
    refusal = share_out(x, b->unit_minor * b->p.units);
    for (uint32_t i = 0; refusal == REFUSED_NOT && i < x->sales_n; i++) {
        struct buying *sale = &x->sales[i];
        refusal = buying_price(sale);
        *rule = sale->sale.rule;
        x->trades[i] = sale->sale.trade;
        x->lines_n += sale->p.lines;
    }
    return refusal;
}

static enum heed_status post(struct bundling *x, struct shop_answer *answer)
{
    struct shop_desk *d = x->whole->d;
    struct shop *s = d->shop;
    uint32_t number = (uint32_t)s->purchases_n;
    size_t n = 0;
    if (s->purchases_n > LEDGER_NONE - SALES_MAX)
        return HEED_RANGE;
    if (!buying_room(s, x->sales_n, x->lines_n))
        return HEED_NOMEM;
    for (uint32_t i = 0; i < x->sales_n; i++)
        n += buying_legs(&x->sales[i], number + i, x->legs + n);
    enum heed_status status =
        ledger_post(d->ledger, d->time_ms, x->whole->ask->id_hi, x->whole->ask->id_lo, x->legs, n,
                    &answer->refusal, NULL, NULL);
    if (status != HEED_OK || answer->refusal != REFUSED_NOT)
        return status;
    answer->number = number;
    x->whole->good->sales += x->whole->p.units;
    for (uint32_t i = 0; i < x->sales_n; i++) {
        buying_record(&x->sales[i]);
        if (!sale_count(&x->sales[i].sale))
            status = HEED_NOMEM;
    }
    return status;
}

enum heed_status bundle_buy(struct buying *b, const struct bundle *bundle,
                            struct shop_answer *answer)
{
    struct shop *s = b->d->shop;
    size_t sinks = s->sinks_n;
    struct bundling *x = calloc(1, sizeof *x);
    if (!x)
        return HEED_NOMEM;
    x->whole = b;
    x->bundle = bundle;
    answer->refusal = judge(x, &answer->rule);
    enum heed_status status = answer->refusal == REFUSED_NOT ? post(x, answer) : HEED_OK;
    if (answer->number == SHOP_NONE)
        s->sinks_n = sinks;
    free(x);
    return status;
}
