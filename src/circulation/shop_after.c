/* After a purchase: delivery, release of what is put aside, refunds. */
#include "base/error.h"
#include "circulation/shop_parts.h"

#include <stdlib.h>

enum { LEGS_MAX = MARKET_RULES_MAX + 5 };

/* ── what is put aside, by when it is due: a binary heap ── */

/* When an escrow may be released, as things are.                                                 */
static int64_t due_of(const struct purchase *p)
{
    return p->delivered || p->free_ms > p->auto_ms ? p->free_ms : p->auto_ms;
}

static bool sooner(const struct shop *s, uint32_t a, uint32_t b)
{
    int64_t x = due_of(&s->purchases[a]), y = due_of(&s->purchases[b]);
    return x != y ? x < y : a < b;
}

static void sink_down(struct shop *s, size_t i)
{
    uint32_t moved = s->escrows[i];
    for (size_t child; (child = 2 * i + 1) < s->escrows_n; i = child) {
        if (child + 1 < s->escrows_n && sooner(s, s->escrows[child + 1], s->escrows[child]))
            child++;
        if (!sooner(s, s->escrows[child], moved))
            break;
        s->escrows[i] = s->escrows[child];
    }
    s->escrows[i] = moved;
}

static void rise(struct shop *s, size_t i)
{
    uint32_t moved = s->escrows[i];
    for (; i > 0 && sooner(s, moved, s->escrows[(i - 1) / 2]); i = (i - 1) / 2)
        s->escrows[i] = s->escrows[(i - 1) / 2];
    s->escrows[i] = moved;
}

void escrow_push(struct shop *s, uint32_t purchase)
{
    heed_assert(s->escrows_n < s->escrows_cap);
    s->escrows[s->escrows_n++] = purchase;
    rise(s, s->escrows_n - 1);
}

/* O(escrows); few wait at a time, and it is done once a purchase. */
static size_t place_of(const struct shop *s, uint32_t purchase)
{
    size_t i = 0;
    while (s->escrows[i] != purchase)
        i++;
    return i;
}

static void escrow_drop(struct shop *s, size_t i)
{
    s->escrows[i] = s->escrows[--s->escrows_n];
    if (i < s->escrows_n) {
        sink_down(s, i);
        rise(s, i);
    }
}

bool shop_due(const struct shop *s, int64_t now_ms)
{
    return s->escrows_n > 0 && due_of(&s->purchases[s->escrows[0]]) <= now_ms;
}

/* ── release ── */

static struct posting line_leg(const struct purchase *p, const struct shop_line *l, uint32_t number)
{
    return (struct posting){.from = p->buyer,
                            .from_purpose = PURPOSE_ESCROW,
                            .to = l->holder,
                            .to_purpose = l->purpose,
                            .amount_minor = l->minor - l->back_minor,
                            .unit = p->currency,
                            .code = l->code,
                            .reference = number};
}

/* What is put aside for the purchase at place i of the heap goes out.                            */
static enum heed_status release(struct shop_desk *d, size_t i)
{
    struct shop *s = d->shop;
    uint32_t number = s->escrows[i];
    struct purchase *p = &s->purchases[number];
    struct posting legs[LEGS_MAX];
    enum refusal refusal;
    for (int k = 0; k < p->lines; k++)
        legs[k] = line_leg(p, &s->lines[p->first_line + (uint32_t)k], number);
    enum heed_status status =
        ledger_post(d->ledger, d->time_ms, 0, 0, legs, p->lines, &refusal, NULL, NULL);
    if (status != HEED_OK)
        return status;
    if (refusal == REFUSED_NOT) {
        escrow_drop(s, i);
        p->state = SHOP_RELEASED;
        return HEED_OK;
    }
    /* a closed or full account: it waits for another day */
    p->auto_ms = p->free_ms = d->time_ms + INT64_C(86400000);
    sink_down(s, i);
    return HEED_OK;
}

enum heed_status shop_release(struct shop_desk *d)
{
    enum heed_status status = HEED_OK;
    while (status == HEED_OK && shop_due(d->shop, d->time_ms))
        status = release(d, 0);
    return status;
}

enum heed_status shop_deliver(struct shop_desk *d, uint32_t purchase, enum refusal *refusal)
{
    struct shop *s = d->shop;
    struct purchase *p = purchase < s->purchases_n ? &s->purchases[purchase] : NULL;
    *refusal = !p                                        ? REFUSED_unknown_purchase
               : p->delivered || p->state != SHOP_ESCROW ? REFUSED_already_delivered
               : purchase_refunded(p)                    ? REFUSED_already_refunded
                                                         : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    size_t i = place_of(s, purchase);
    p->delivered = true;
    rise(s, i);
    return shop_release(d);
}

/* ── refunds ── */

static bool too_late(const struct purchase *p, int64_t time_ms, int64_t refund_ms)
{
    return time_ms > p->time_ms &&
           (refund_ms < 0 || (uint64_t)time_ms - (uint64_t)p->time_ms > (uint64_t)refund_ms);
}

/* What a line gives back when so many units in all are refunded, more than it gave before.       */
static int64_t share(const struct purchase *p, const struct shop_line *l, int64_t refunded)
{
    int64_t whole;
    bool fits = muldiv_i64(l->minor, refunded, p->units, ROUND_DOWN, &whole);
    heed_assert(fits && whole >= l->back_minor);
    return whole - l->back_minor;
}

/* Where pieces go back to: what is counted to its offer, else out of the world; what was sold again
 * to who sold it. */
static struct posting pieces_back(const struct purchase *p, const struct good *g, uint32_t number,
                                  int64_t units)
{
    bool resale = p->offer != SHOP_NONE;
    return (struct posting){.from = p->recipient,
                            .to = resale || g->stock >= 0 ? p->seller_holder : HOLDER_RETIRE,
                            .to_purpose = !resale && g->stock >= 0 ? PURPOSE_OFFERS : 0,
                            .amount_minor = units,
                            .unit = item_unit(p->target),
                            .code = CODE_REFUND,
                            .reference = number};
}

static size_t refund_legs(const struct shop *s, const struct purchase *p, const struct good *g,
                          uint32_t number, int64_t units, struct posting legs[LEGS_MAX],
                          int64_t *back)
{
    size_t n = 0;
    *back = 0;
    for (int k = 0; k < p->lines; k++) {
        const struct shop_line *l = &s->lines[p->first_line + (uint32_t)k];
        int64_t minor = share(p, l, p->refunded_units + units);
        *back += minor; /* at most the price */
        if (p->state == SHOP_ESCROW)
            continue;
        bool again = l->holder == HOLDER_RETIRE; /* gone: made anew */
        legs[n++] = (struct posting){.from = again ? HOLDER_ISSUE : l->holder,
                                     .to = p->buyer,
                                     .amount_minor = minor,
                                     .unit = p->currency,
                                     .code = again ? CODE_FEE_REFUND : CODE_REFUND,
                                     .reference = number};
    }
    if (p->state == SHOP_ESCROW)
        legs[n++] = (struct posting){.from = p->buyer,
                                     .from_purpose = PURPOSE_ESCROW,
                                     .to = p->buyer,
                                     .amount_minor = *back,
                                     .unit = p->currency,
                                     .code = CODE_REFUND,
                                     .reference = number};
    legs[n++] = pieces_back(p, g, number, units);
    return n;
}

/* pieces: that must be there of it, of a bundle; else 0 */
static enum refusal may_refund(const struct shop_desk *d, const struct purchase *p,
                               const struct good *g, int64_t units, int64_t pieces)
{
    const struct ledger *l = d->ledger;
    uint32_t held = ledger_find(l, p->recipient, item_unit(p->target));
    if (units < 0)
        return REFUSED_not_positive;
    if (purchase_refunded(p))
        return REFUSED_already_refunded;
    if (units > p->units - p->refunded_units)
        return REFUSED_exceeds_purchase;
    if (too_late(p, d->time_ms, d->rules->refund_ms))
        return REFUSED_refund_closed;
    if (pieces > 0 && units > 0)
        return REFUSED_bundle_whole;
    int64_t wanted = pieces ? pieces : units ? units : p->units - p->refunded_units;
    if (held == LEDGER_NONE ||
        (!(l->accounts[held].flags & ACCOUNT_FROZEN) && ledger_available(l, held) < wanted))
        return REFUSED_item_gone;
    return p->offer == SHOP_NONE && g->stock >= 0 && g->stock > INT64_MAX - wanted
               ? REFUSED_overflow
               : REFUSED_NOT;
}

/* Whether the transfer is of a refund of this purchase. */
static bool refund_of(const struct shop *s, const struct transfer *t, uint32_t purchase)
{
    return (t->code == CODE_REFUND || t->code == CODE_FEE_REFUND) &&
           t->reference >= shop_bundle_first(s, purchase) &&
           t->reference < shop_bundle_end(s, purchase);
}

/* Of a purchase, or of all of its bundle together. */
static enum refusal may_refund_all(const struct shop_desk *d, uint32_t purchase, int64_t units)
{
    const struct shop *s = d->shop;
    uint32_t first = shop_bundle_first(s, purchase), end = shop_bundle_end(s, purchase);
    for (uint32_t i = first; i < end; i++) {
        const struct purchase *p = &s->purchases[i];
        int64_t pieces = p->units;
        for (uint32_t k = i; k-- > first && s->purchases[k].target == p->target;)
            pieces += s->purchases[k].units; /* one part at two prices */
        enum refusal refusal = may_refund(d, p, catalogue_good(d->catalogue, p->target), units,
                                          p->bundle == SHOP_NONE ? 0 : pieces);
        if (refusal != REFUSED_NOT)
            return refusal;
    }
    return REFUSED_NOT;
}

static void unsell(struct good *g, int64_t units)
{
    g->sales -= g->sales < units ? g->sales : units;
}

/* What a purchase is once units of it (0: the rest) went back. */
static void give_back(struct shop_desk *d, uint32_t number, int64_t units)
{
    struct shop *s = d->shop;
    struct purchase *p = &s->purchases[number];
    struct good *g = catalogue_good(d->catalogue, p->target);
    if (units == 0)
        units = p->units - p->refunded_units;
    for (int k = 0; k < p->lines; k++) {
        struct shop_line *l = &s->lines[p->first_line + (uint32_t)k];
        l->back_minor += share(p, l, p->refunded_units + units);
    }
    p->refunded_units += units;
    count_stock(g, d->ledger, p->target);
    if (p->offer == SHOP_NONE)
        unsell(g, units);
    if (purchase_refunded(p) && p->state == SHOP_ESCROW) {
        escrow_drop(s, place_of(s, number));
        p->state = SHOP_RELEASED;
    }
}

enum heed_status shop_refund(struct shop_desk *d, uint32_t purchase, int64_t units, uint64_t id_hi,
                             uint64_t id_lo, enum refusal *refusal, int64_t *back_minor,
                             bool *repeated)
{
    struct shop *s = d->shop;
    struct purchase *p = purchase < s->purchases_n ? &s->purchases[purchase] : NULL;
    struct good *g = p ? catalogue_good(d->catalogue, p->target) : NULL;
    *back_minor = 0;
    *repeated = false;
    uint32_t before = id_hi | id_lo ? ledger_find_id(d->ledger, id_hi, id_lo) : LEDGER_NONE;
    if (g && before != LEDGER_NONE) {
        *repeated = refund_of(s, &d->ledger->transfers[before], purchase);
        *refusal = *repeated ? REFUSED_NOT : REFUSED_id_reused;
        return HEED_OK;
    }
    *refusal = g ? may_refund_all(d, purchase, units) : REFUSED_unknown_purchase;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    size_t n = 0;
    uint32_t first = shop_bundle_first(s, purchase), end = shop_bundle_end(s, purchase);
    struct posting *legs = malloc((size_t)(end - first) * LEGS_MAX * sizeof *legs);
    if (!legs)
        return HEED_NOMEM;
    for (uint32_t i = first; i < end; i++) {
        const struct purchase *q = &s->purchases[i];
        int64_t back;
        n += refund_legs(s, q, catalogue_good(d->catalogue, q->target), i,
                         units ? units : q->units - q->refunded_units, legs + n, &back);
        *back_minor += back; /* at most the price */
    }
    enum heed_status status =
        ledger_post(d->ledger, d->time_ms, id_hi, id_lo, legs, n, refusal, NULL, NULL);
    free(legs);
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        return status;
    for (uint32_t i = first; i < end; i++)
        give_back(d, i, units);
    if (p->bundle != SHOP_NONE)
        unsell(catalogue_good(d->catalogue, p->bundle), p->bundle_units);
    return HEED_OK;
}
