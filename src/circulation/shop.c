/* The shop. A purchase's number stands as `reference` in its transfers; a repeated id is found in
 * the ledger and leads back to the purchase by that number.
 *
 * What may fail (memory, the posting) comes first; stock, sales and the record follow.          */
#include "circulation/shop.h"

#include "base/error.h"

#include <stdlib.h>

enum { PPM = 1000000 };

void shop_init(struct shop *s)
{
    *s = (struct shop){0};
}

void shop_deinit(struct shop *s)
{
    free(s->purchases);
    *s = (struct shop){0};
}

enum refusal shop_list(struct catalogue *c, uint32_t target, int64_t price_minor, int64_t stock,
                       bool listed)
{
    struct good *g = catalogue_good(c, target);
    if (g == NULL)
        return REFUSED_unknown_target;
    int64_t price = price_minor < 0 ? g->price_minor : price_minor;
    if (listed && price < 0)
        return REFUSED_not_listed;
    g->price_minor = price;
    g->stock = stock < -1 ? g->stock : stock;
    g->listed = listed;
    return REFUSED_NOT;
}

/* ── buying ── */

/* The purchase made under an id, if it was the same one; else *refusal.                         */
static bool bought_before(const struct shop *s, const struct ledger *l, uint32_t transfer,
                          const struct purchase *wanted, enum refusal *refusal, uint32_t *purchase)
{
    const struct transfer *t = &l->transfers[transfer];
    if ((t->code == CODE_SALE || t->code == CODE_FEE) && t->reference < s->purchases_n) {
        const struct purchase *p = &s->purchases[t->reference];
        if (p->buyer == wanted->buyer && p->target == wanted->target && p->units == wanted->units) {
            *purchase = t->reference;
            return true;
        }
    }
    *refusal = REFUSED_id_reused;
    return false;
}

/* Prices *p and says whether it may be bought, as far as the ledger need not say.               */
static enum refusal price_purchase(const struct good *g, const struct ledger *l,
                                   const struct shop_rules *r, struct purchase *p)
{
    if (p->units <= 0)
        return REFUSED_not_positive;
    if (p->buyer == p->seller_holder)
        return REFUSED_same_account;
    if (!g->listed || g->price_minor < 0)
        return REFUSED_not_listed;
    if (g->stock >= 0 && g->stock < p->units)
        return REFUSED_out_of_stock;
    /* A price that does not fit is more than anyone holds. */
    if (__builtin_mul_overflow(g->price_minor, p->units, &p->price_minor) ||
        ledger_balance(l, ledger_find(l, p->buyer, p->currency)) < p->price_minor)
        return REFUSED_insufficient_funds;
    if (g->sales > INT64_MAX - p->units)
        return REFUSED_overflow;
    bool fits = muldiv_i64(p->price_minor, r->fee_ppm, PPM, ROUND_DOWN, &p->fee_minor);
    heed_assert(fits && p->fee_minor <= p->price_minor);
    return REFUSED_NOT;
}

static bool reserve_purchase(struct shop *s)
{
    return array_grow(&s->purchases, &s->purchases_cap, s->purchases_n + 1, sizeof *s->purchases);
}

enum heed_status shop_buy(struct shop *s, const struct shop_rules *r, struct catalogue *c,
                          struct ledger *l, int64_t time_ms, uint64_t id_hi, uint64_t id_lo,
                          uint32_t buyer, uint32_t target, int64_t units, enum refusal *refusal,
                          uint32_t *purchase, bool *repeated)
{
    heed_assert(buyer < HOLDER_SYSTEM);
    *refusal = REFUSED_NOT;
    *purchase = LEDGER_NONE;
    *repeated = false;

    struct good *g = catalogue_good(c, target);
    if (g == NULL) {
        *refusal = REFUSED_unknown_target;
        return HEED_OK;
    }
    struct purchase p = {.time_ms = time_ms,
                         .units = units,
                         .buyer = buyer,
                         .target = target,
                         .seller_holder = g->seller == HANDLE_NONE ? HOLDER_SHOP : g->seller,
                         .currency = g->currency};
    uint32_t before = (id_hi | id_lo) != 0 ? ledger_find_id(l, id_hi, id_lo) : LEDGER_NONE;
    if (before != LEDGER_NONE) {
        *repeated = bought_before(s, l, before, &p, refusal, purchase);
        return HEED_OK;
    }
    *refusal = price_purchase(g, l, r, &p);
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    if (s->purchases_n >= LEDGER_NONE)
        return HEED_RANGE;
    if (!reserve_purchase(s))
        return HEED_NOMEM;

    uint32_t number = (uint32_t)s->purchases_n;
    const struct posting legs[] = {
        {buyer, p.seller_holder, p.price_minor - p.fee_minor, p.currency, CODE_SALE, number},
        {buyer, HOLDER_RETIRE, p.fee_minor, p.currency, CODE_FEE, number},
    };
    enum heed_status status = ledger_post(l, time_ms, id_hi, id_lo, legs, 2, refusal, NULL, NULL);
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        return status;
    g->stock -= g->stock >= 0 ? units : 0;
    g->sales += units;
    s->purchases[s->purchases_n++] = p;
    *purchase = number;
    return HEED_OK;
}

/* ── refunding ── */

static bool too_late(const struct purchase *p, int64_t time_ms, int64_t refund_ms)
{
    return time_ms > p->time_ms &&
           (refund_ms < 0 || (uint64_t)time_ms - (uint64_t)p->time_ms > (uint64_t)refund_ms);
}

enum heed_status shop_refund(struct shop *s, const struct shop_rules *r, struct catalogue *c,
                             struct ledger *l, int64_t time_ms, uint32_t purchase,
                             enum refusal *refusal)
{
    struct purchase *p = purchase < s->purchases_n ? &s->purchases[purchase] : NULL;
    struct good *g = p ? catalogue_good(c, p->target) : NULL;
    *refusal = REFUSED_NOT;
    if (g == NULL)
        *refusal = REFUSED_unknown_purchase;
    else if (p->refunded)
        *refusal = REFUSED_already_refunded;
    else if (too_late(p, time_ms, r->refund_ms))
        *refusal = REFUSED_refund_closed;
    else if (ledger_balance(l, ledger_find(l, p->seller_holder, p->currency)) <
             p->price_minor - p->fee_minor)
        *refusal = REFUSED_insufficient_funds;
    else if (g->stock >= 0 && g->stock > INT64_MAX - p->units)
        *refusal = REFUSED_overflow;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;

    const struct posting legs[] = {
        {p->seller_holder, p->buyer, p->price_minor - p->fee_minor, p->currency, CODE_REFUND,
         purchase},
        {HOLDER_ISSUE, p->buyer, p->fee_minor, p->currency, CODE_FEE_REFUND, purchase},
    };
    enum heed_status status = ledger_post(l, time_ms, 0, 0, legs, 2, refusal, NULL, NULL);
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        return status;
    g->stock += g->stock >= 0 ? p->units : 0;
    g->sales -= g->sales < p->units ? g->sales : p->units;
    p->refunded = 1;
    return HEED_OK;
}
