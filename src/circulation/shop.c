/* Buying. A purchase's number stands as `reference` in its transfers; a repeated id is found in the
 * ledger and leads back to the purchase by that number.
 *
 * What may fail (memory, the posting) comes first; stock, sales and the records follow.          */
#include "base/error.h"
#include "circulation/shop_parts.h"

#include <stdlib.h>

void shop_init(struct shop *s)
{
    *s = (struct shop){0};
    market_usage_init(&s->usage);
    map_init(&s->coupon_of);
    map_init(&s->coupon_used);
    map_init(&s->bundle_of);
}

const char *shop_sink_name(const struct shop *s, uint16_t purpose)
{
    return purpose >= PURPOSE_SINKS && (size_t)(purpose - PURPOSE_SINKS) < s->sinks_n
               ? s->sinks[purpose - PURPOSE_SINKS].text
               : NULL;
}

void shop_deinit(struct shop *s)
{
    free(s->purchases);
    free(s->lines);
    free(s->offers);
    free(s->reservations);
    free(s->escrows);
    free(s->coupons);
    map_deinit(&s->coupon_of);
    map_deinit(&s->coupon_used);
    map_deinit(&s->bundle_of);
    free(s->bundles);
    market_usage_deinit(&s->usage);
    *s = (struct shop){0};
}

/* ── what is bought, of whom, for how much ── */

/* Finds what the ask names. */
static enum refusal find(struct buying *b)
{
    struct shop *s = b->d->shop;
    const struct shop_ask *a = b->ask;
    uint32_t offer = a->offer, target = a->target;
    int64_t units = a->units;
    if (a->reservation != SHOP_NONE) {
        if (a->reservation >= s->reservations_n ||
            s->reservations[a->reservation].buyer != a->buyer)
            return REFUSED_unknown_reservation;
        b->place = &s->reservations[a->reservation];
        offer = b->place->offer;
        target = b->place->target;
        units = b->place->units;
    }
    if (offer != SHOP_NONE) {
        if (offer >= s->offers_n)
            return REFUSED_unknown_offer;
        b->offer = &s->offers[offer];
        target = b->offer->target;
    }
    b->good = catalogue_good(b->d->catalogue, target);
    if (b->good == NULL)
        return REFUSED_unknown_target;
    b->unit_minor = b->place   ? b->place->price_minor
                    : b->offer ? b->offer->price_minor
                               : b->good->price_minor;
    b->p = (struct purchase){.time_ms = b->d->time_ms,
                             .units = units,
                             .buyer = a->buyer,
                             .recipient = a->recipient,
                             .target = target,
                             .offer = offer,
                             .coupon = SHOP_NONE,
                             .bundle = SHOP_NONE,
                             .seller_holder = b->offer ? b->offer->seller : seller_of(b->good),
                             .currency = b->good->currency};
    if (a->coupon != 0) {
        uint32_t at = map_get(&s->coupon_of, a->coupon);
        if (at == MAP_NONE || s->coupons[at].target != target || b->offer || b->place)
            return REFUSED_unknown_coupon;
        b->p.coupon = at;
        if (b->unit_minor > 0)
            b->unit_minor = coupon_price(&s->coupons[at], b->unit_minor);
    }
    return REFUSED_NOT;
}

/* The purchase made under an id, if it was the same one; else *refusal.                         */
static bool bought_before(const struct buying *b, uint32_t transfer, enum refusal *refusal,
                          uint32_t *purchase)
{
    const struct transfer *t = &b->d->ledger->transfers[transfer];
    const struct purchase *wanted = &b->p;
    bool sale = t->code == CODE_SALE || t->code == CODE_FEE || t->code == CODE_ROYALTY ||
                t->code == CODE_ESCROW;
    if (sale && t->reference < b->d->shop->purchases_n) {
        const struct purchase *p = &b->d->shop->purchases[t->reference];
        bool whole = p->bundle == SHOP_NONE;
        if (p->buyer == wanted->buyer && p->recipient == wanted->recipient &&
            (whole ? p->target : p->bundle) == wanted->target &&
            (whole ? p->units : p->bundle_units) == wanted->units && p->offer == wanted->offer &&
            p->coupon == wanted->coupon) {
            *purchase = t->reference;
            return true;
        }
    }
    *refusal = REFUSED_id_reused;
    return false;
}

/* ── its price, and whether it may be ── */

enum refusal buying_price(struct buying *b)
{
    struct shop_desk *d = b->d;
    struct sale *x = &b->sale;
    *x = sale_of(d, b->offer ? MARKET_RESALE : MARKET_SHOP, CODE_SALE, b->p.target,
                 b->p.seller_holder, b->p.buyer, b->unit_minor, b->p.units);
    x->trade.earlier = b->earlier;
    x->trade.earlier_n = b->earlier_n;
    enum refusal refusal = sale_price(x, d->rules->fee_ppm);
    if (refusal != REFUSED_NOT)
        return refusal;
    b->p.lines = (uint8_t)x->lines_n;
    b->p.price_minor = x->price_minor;
    b->p.fee_minor = x->price_minor - x->seller_minor;
    if (b->p.price_minor > 0 && (x->held_ms > 0 || d->rules->escrow_ms > 0)) {
        b->p.state = SHOP_ESCROW;
        b->p.free_ms = d->time_ms + x->held_ms;
        b->p.auto_ms = d->time_ms + d->rules->escrow_ms;
    }
    return REFUSED_NOT;
}

/* Whether it is there to be bought. */
static enum refusal there(const struct buying *b)
{
    if (b->place)
        return reservation_state(b->d->ledger, b->place);
    if (b->offer)
        return b->offer->units < b->p.units ? REFUSED_out_of_stock : REFUSED_NOT;
    return b->good->stock >= 0 && b->good->stock < b->p.units ? REFUSED_out_of_stock : REFUSED_NOT;
}

enum refusal buying_offered(const struct buying *b)
{
    if (b->p.units <= 0)
        return REFUSED_not_positive;
    if (b->p.buyer == b->p.seller_holder || b->p.recipient == b->p.seller_holder)
        return REFUSED_same_account;
    bool gone = catalogue_erased(b->d->catalogue, b->p.seller_holder); /* nobody is to be paid */
    if (gone || (!b->offer && !b->place && (!b->good->listed || b->good->price_minor < 0)))
        return REFUSED_not_listed;
    return REFUSED_NOT;
}

enum refusal buying_payable(const struct buying *b)
{
    int64_t whole;
    if (b->p.coupon != SHOP_NONE &&
        !coupon_valid(b->d->shop, b->p.coupon, b->p.buyer, b->d->time_ms))
        return REFUSED_coupon_over;
    /* a price that does not fit is more than anyone holds */
    if (__builtin_mul_overflow(b->unit_minor, b->p.units, &whole))
        return REFUSED_insufficient_funds;
    return REFUSED_NOT;
}

static enum refusal judge(struct buying *b)
{
    enum refusal refusal = buying_offered(b);
    if (refusal == REFUSED_NOT)
        refusal = there(b);
    if (refusal == REFUSED_NOT)
        refusal = buying_payable(b);
    if (refusal == REFUSED_NOT)
        refusal = buying_price(b);
    if (refusal != REFUSED_NOT)
        return refusal;
    return b->good->sales > INT64_MAX - b->p.units ? REFUSED_overflow : REFUSED_NOT;
}

/* ── money and pieces ── */

size_t buying_legs(const struct buying *b, uint32_t number, struct posting legs[BUYING_LEGS_MAX])
{
    const struct purchase *p = &b->p;
    size_t n = 0;
    if (p->state == SHOP_ESCROW)
        legs[n++] = (struct posting){.from = p->buyer,
                                     .to = p->buyer,
                                     .to_purpose = PURPOSE_ESCROW,
                                     .amount_minor = p->price_minor,
                                     .unit = p->currency,
                                     .code = CODE_ESCROW,
                                     .reference = number};
    else
        for (int i = 0; i < p->lines; i++)
            legs[n++] = (struct posting){.from = p->buyer,
                                         .to = b->sale.lines[i].holder,
                                         .to_purpose = b->sale.lines[i].purpose,
                                         .amount_minor = b->sale.lines[i].minor,
                                         .unit = p->currency,
                                         .code = b->sale.lines[i].code,
                                         .reference = number};
    struct posting pieces = {.from = b->offer              ? p->seller_holder
                                     : b->good->stock >= 0 ? p->seller_holder
                                                           : HOLDER_ISSUE,
                             .to = p->recipient,
                             .amount_minor = p->units,
                             .unit = item_unit(p->target),
                             .code = CODE_SALE,
                             .reference = number};
    if (pieces.from != HOLDER_ISSUE)
        pieces.from_purpose = PURPOSE_OFFERS;
    if (b->place) {
        legs[n++] = (struct posting){
            .code = CODE_SALE, .reference = number, .posts = b->place->transfer + 1};
        if (p->recipient != p->buyer)
            legs[n++] = (struct posting){.from = p->buyer,
                                         .to = p->recipient,
                                         .amount_minor = p->units,
                                         .unit = item_unit(p->target),
                                         .code = CODE_SALE,
                                         .reference = number};
    } else {
        legs[n++] = pieces;
    }
    return n;
}

bool buying_room(struct shop *s, size_t purchases, size_t lines)
{
    return array_grow(&s->purchases, &s->purchases_cap, s->purchases_n + purchases,
                      sizeof *s->purchases) &&
           array_grow(&s->lines, &s->lines_cap, s->lines_n + lines, sizeof *s->lines) &&
           array_grow(&s->escrows, &s->escrows_cap, s->escrows_n + purchases, sizeof *s->escrows) &&
           coupon_room(s);
}

void buying_record(struct buying *b)
{
    struct shop *s = b->d->shop;
    b->p.first_line = (uint32_t)s->lines_n;
    for (int i = 0; i < b->p.lines; i++)
        s->lines[s->lines_n++] = b->sale.lines[i];
    s->purchases[s->purchases_n++] = b->p;
    if (b->p.state == SHOP_ESCROW)
        escrow_push(s, (uint32_t)s->purchases_n - 1);
    if (b->offer && !b->place)
        b->offer->units -= b->p.units;
    count_stock(b->good, b->d->ledger, b->p.target);
    if (b->p.coupon != SHOP_NONE)
        coupon_use(s, b->p.coupon, b->p.buyer);
    if (!b->offer)
        b->good->sales += b->p.units;
}

enum heed_status shop_buy(struct shop_desk *d, const struct shop_ask *ask,
                          struct shop_answer *answer)
{
    struct shop *s = d->shop;
    struct ledger *l = d->ledger;
    struct buying b = {.d = d, .ask = ask};
    heed_assert(ask->buyer < HOLDER_SYSTEM && ask->recipient < HOLDER_SYSTEM);
    *answer = (struct shop_answer){.number = SHOP_NONE};
    answer->refusal = find(&b);
    if (answer->refusal != REFUSED_NOT)
        return HEED_OK;
    bool named = (ask->id_hi | ask->id_lo) != 0;
    uint32_t before = named ? ledger_find_id(l, ask->id_hi, ask->id_lo) : LEDGER_NONE;
    if (before != LEDGER_NONE) {
        answer->repeated = bought_before(&b, before, &answer->refusal, &answer->number);
        return HEED_OK;
    }
    const struct bundle *bundle = b.offer || b.place ? NULL : shop_bundle_of(s, b.p.target);
    if (bundle)
        return bundle_buy(&b, bundle, answer);
    size_t sinks = s->sinks_n;
    answer->refusal = judge(&b);
    answer->rule = b.sale.rule;
    enum heed_status status = HEED_OK;
    if (answer->refusal == REFUSED_NOT && s->purchases_n >= LEDGER_NONE)
        status = HEED_RANGE;
    else if (answer->refusal == REFUSED_NOT && !buying_room(s, 1, b.p.lines))
        status = HEED_NOMEM;
    if (answer->refusal == REFUSED_NOT && status == HEED_OK) {
        struct posting legs[BUYING_LEGS_MAX];
        uint32_t number = (uint32_t)s->purchases_n;
        size_t n = buying_legs(&b, number, legs);
        status = ledger_post(l, d->time_ms, ask->id_hi, ask->id_lo, legs, n, &answer->refusal, NULL,
                             NULL);
        if (status == HEED_OK && answer->refusal == REFUSED_NOT) {
            buying_record(&b);
            answer->number = number;
            if (!sale_count(&b.sale))
                status = HEED_NOMEM;
        }
    }
    if (answer->number == SHOP_NONE)
        s->sinks_n = sinks;
    return status;
}
