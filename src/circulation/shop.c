/* Buying. A purchase's number stands as `reference` in its transfers; a repeated id is found in the
 * ledger and leads back to the purchase by that number.
 *
 * What may fail (memory, the posting) comes first; stock, sales and the records follow.          */
#include "base/error.h"
#include "circulation/shop_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum { PPM = 1000000, LINES_MAX = MARKET_RULES_MAX + 3, LEGS_MAX = LINES_MAX + 2 };

void shop_init(struct shop *s)
{
    *s = (struct shop){0};
    market_usage_init(&s->usage);
    map_init(&s->coupon_of);
    map_init(&s->coupon_used);
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
    market_usage_deinit(&s->usage);
    *s = (struct shop){0};
}

/* ── what is bought, of whom, for how much ── */

/* A purchase in the making. */
struct buying {
    struct shop_desk *d;
    const struct shop_ask *ask;
    struct good *good;
    struct offer *offer;             /* NULL: the good's own */
    const struct reservation *place; /* NULL: none */
    int64_t unit_minor;
    struct purchase p;
    struct shop_line lines[LINES_MAX];
    const struct market_rules *market;
    struct market_trade trade;
    const char *rule;
};

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
        if (p->buyer == wanted->buyer && p->recipient == wanted->recipient &&
            p->target == wanted->target && p->units == wanted->units && p->offer == wanted->offer &&
            p->coupon == wanted->coupon) {
            *purchase = t->reference;
            return true;
        }
    }
    *refusal = REFUSED_id_reused;
    return false;
}

/* ── the lines of its price ── */

static struct market_party party_of(const struct catalogue *c, uint32_t holder)
{
    struct market_party p = {.party = holder < HOLDER_SYSTEM ? holder : MARKET_NOBODY};
    if (p.party != MARKET_NOBODY) {
        p.roles = c->parties[holder].role_bits;
        p.joined_ms = c->parties[holder].joined_at_ms;
    }
    return p;
}

/* The purpose of a sink, made when it is new. */
static bool sink_of(struct shop *s, const char *name, uint16_t *purpose)
{
    size_t i = 0;
    while (i < s->sinks_n && strcmp(s->sinks[i].text, name) != 0)
        i++;
    if (i == SINKS_MAX)
        return false;
    if (i == s->sinks_n)
        snprintf(s->sinks[s->sinks_n++].text, sizeof s->sinks[0].text, "%s", name);
    *purpose = (uint16_t)(PURPOSE_SINKS + i);
    return true;
}

const char *shop_sink_name(const struct shop *s, uint16_t purpose)
{
    return purpose >= PURPOSE_SINKS && (size_t)(purpose - PURPOSE_SINKS) < s->sinks_n
               ? s->sinks[purpose - PURPOSE_SINKS].text
               : NULL;
}

/* What would come back to the buyer he does not pay.                                             */
static void add_line(struct buying *b, int64_t minor, uint32_t holder, uint16_t purpose,
                     uint16_t code, uint32_t rule)
{
    if (minor > 0 && holder != b->p.buyer)
        b->lines[b->p.lines++] = (struct shop_line){minor, 0, holder, purpose, code, rule};
}

/* Whose account an end of a charge is. false: there are too many sinks. */
static bool end_of(struct buying *b, struct market_end end, uint32_t *holder, uint16_t *purpose)
{
    *purpose = 0;
    switch (end.kind) {
    case MARKET_ACCOUNT: {
        const char *name = b->market->accounts[end.account].text;
        *holder = strcmp(name, "pool") == 0   ? HOLDER_POOL
                  : strcmp(name, "shop") == 0 ? HOLDER_SHOP
                                              : HOLDER_RETIRE;
        return *holder != HOLDER_RETIRE || sink_of(b->d->shop, name, purpose);
    }
    case MARKET_CREATOR:
        *holder = seller_of(b->good);
        return true;
    case MARKET_BUYER:
        *holder = b->p.buyer;
        return true;
    default:
        *holder = b->p.seller_holder;
        return true;
    }
}

/* A charge of the market rules. What an account gives comes out of what it got of this sale; what
 * seller and buyer give or get is in what the decision says they do. */
static enum refusal charge(struct buying *b, const struct market_line *l)
{
    uint32_t from, to;
    uint16_t from_purpose, purpose;
    if (!end_of(b, l->from, &from, &from_purpose) || !end_of(b, l->to, &to, &purpose))
        return REFUSED_overflow;
    if (l->from.kind == MARKET_ACCOUNT) {
        int i = 0;
        while (i < b->p.lines &&
               (b->lines[i].holder != from || b->lines[i].purpose != from_purpose ||
                b->lines[i].code == CODE_SALE || b->lines[i].minor <= l->minor))
            i++;
        if (i == b->p.lines)
            return REFUSED_fee_above_trade;
        b->lines[i].minor -= l->minor;
    }
    if (l->to.kind != MARKET_SELLER && l->to.kind != MARKET_BUYER)
        add_line(b, l->minor, to, purpose, l->to.kind == MARKET_CREATOR ? CODE_ROYALTY : CODE_FEE,
                 l->line);
    return REFUSED_NOT;
}

static enum refusal charges(struct buying *b, const struct market_decision *decision)
{
    enum refusal refusal = REFUSED_NOT;
    for (int accounts = 0; accounts < 2; accounts++)
        for (uint32_t i = 0; refusal == REFUSED_NOT && i < decision->lines_n; i++)
            if ((decision->lines[i].from.kind == MARKET_ACCOUNT) == (accounts == 1))
                refusal = charge(b, &decision->lines[i]);
    return refusal;
}

/* Prices *p, line by line, and says whether it may be bought as far as the rules say.           */
static enum refusal price(struct buying *b)
{
    static const struct market_rules none;
    struct shop_desk *d = b->d;
    if (d->market->currency != b->p.currency) /* they speak of another */
        b->market = &none;
    const struct catalogue *c = d->catalogue;
    struct market_decision decision;
    int64_t fee = 0;
    uint32_t creator = seller_of(b->good), class = b->good->category;
    b->trade = (struct market_trade){
        .kind = b->offer ? MARKET_RESALE : MARKET_SHOP,
        .class = class == HANDLE_NONE ? STR_NONE : intern_str(&c->symbols, class),
        .item = b->p.target,
        .unit_minor = b->unit_minor,
        .quantity = b->p.units,
        .time_ms = d->time_ms,
        .base_fee_minor = market_meter_fee(&d->shop->meter, &b->market->base_fee, d->time_ms),
        .seller = party_of(c, b->p.seller_holder),
        .buyer = party_of(c, b->p.buyer),
        .creator = creator < HOLDER_SYSTEM ? creator : MARKET_NOBODY,
        .affiliate = MARKET_NOBODY};
    bool free = b->unit_minor == 0; /* a gift of the seller's: nothing to charge, limits count */
    if (free)
        b->trade.unit_minor = 1;
    market_decide(b->market, &d->shop->usage, &b->trade, &decision);
    b->rule = decision.rule;
    if (free &&
        (decision.refused == REFUSED_price_floor || decision.refused == REFUSED_price_distance ||
         decision.refused == REFUSED_fee_above_trade))
        decision.refused = REFUSED_NOT;
    if (decision.refused != REFUSED_NOT)
        return decision.refused;
    if (free)
        return REFUSED_NOT;
    bool fits = muldiv_i64(decision.gross_minor, d->rules->fee_ppm, PPM, ROUND_DOWN, &fee);
    if (!fits || fee > decision.seller_minor)
        return fits ? REFUSED_fee_above_trade : REFUSED_overflow;
    add_line(b, decision.seller_minor - fee, b->p.seller_holder, 0, CODE_SALE, 0);
    add_line(b, fee, HOLDER_RETIRE, 0, CODE_FEE, 0);
    enum refusal refusal = charges(b, &decision);
    if (refusal != REFUSED_NOT)
        return refusal;
    b->p.price_minor = 0;
    for (int i = 0; i < b->p.lines; i++)
        if (__builtin_add_overflow(b->p.price_minor, b->lines[i].minor, &b->p.price_minor))
            return REFUSED_overflow;
    b->p.fee_minor = b->p.price_minor - (decision.seller_minor - fee);
    int64_t held = decision.held_ms[MARKET_HELD_PROCEEDS];
    if (b->p.price_minor > 0 && (held > 0 || d->rules->escrow_ms > 0)) {
        b->p.state = SHOP_ESCROW;
        b->p.free_ms = d->time_ms + held;
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

static enum refusal judge(struct buying *b)
{
    if (b->p.units <= 0)
        return REFUSED_not_positive;
    if (b->p.buyer == b->p.seller_holder || b->p.recipient == b->p.seller_holder)
        return REFUSED_same_account;
    if (!b->offer && !b->place && (!b->good->listed || b->good->price_minor < 0))
        return REFUSED_not_listed;
    enum refusal refusal = there(b);
    int64_t whole;
    if (refusal != REFUSED_NOT)
        return refusal;
    if (b->p.coupon != SHOP_NONE &&
        !coupon_valid(b->d->shop, b->p.coupon, b->p.buyer, b->d->time_ms))
        return REFUSED_coupon_over;
    /* a price that does not fit is more than anyone holds */
    if (__builtin_mul_overflow(b->unit_minor, b->p.units, &whole))
        return REFUSED_insufficient_funds;
    refusal = price(b);
    if (refusal != REFUSED_NOT)
        return refusal;
    return b->good->sales > INT64_MAX - b->p.units ? REFUSED_overflow : REFUSED_NOT;
}

/* ── money and pieces ── */

static size_t legs_of(const struct buying *b, uint32_t number, struct posting legs[LEGS_MAX])
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
                                         .to = b->lines[i].holder,
                                         .to_purpose = b->lines[i].purpose,
                                         .amount_minor = b->lines[i].minor,
                                         .unit = p->currency,
                                         .code = b->lines[i].code,
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

static bool room(struct shop *s, size_t lines)
{
    return array_grow(&s->purchases, &s->purchases_cap, s->purchases_n + 1, sizeof *s->purchases) &&
           array_grow(&s->lines, &s->lines_cap, s->lines_n + lines, sizeof *s->lines) &&
           array_grow(&s->escrows, &s->escrows_cap, s->escrows_n + 1, sizeof *s->escrows) &&
           coupon_room(s);
}

static void record(struct buying *b)
{
    struct shop *s = b->d->shop;
    b->p.first_line = (uint32_t)s->lines_n;
    for (int i = 0; i < b->p.lines; i++)
        s->lines[s->lines_n++] = b->lines[i];
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
    struct buying b = {.d = d, .ask = ask, .market = d->market};
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
    size_t sinks = s->sinks_n;
    answer->refusal = judge(&b);
    answer->rule = b.rule;
    enum heed_status status = HEED_OK;
    if (answer->refusal == REFUSED_NOT && s->purchases_n >= LEDGER_NONE)
        status = HEED_RANGE;
    else if (answer->refusal == REFUSED_NOT && !room(s, b.p.lines))
        status = HEED_NOMEM;
    if (answer->refusal == REFUSED_NOT && status == HEED_OK) {
        struct posting legs[LEGS_MAX];
        uint32_t number = (uint32_t)s->purchases_n;
        size_t n = legs_of(&b, number, legs);
        status = ledger_post(l, d->time_ms, ask->id_hi, ask->id_lo, legs, n, &answer->refusal, NULL,
                             NULL);
        if (status == HEED_OK && answer->refusal == REFUSED_NOT) {
            market_meter_add(&s->meter, &b.market->base_fee, d->time_ms, b.p.units);
            record(&b);
            answer->number = number;
            if (!market_usage_add(&s->usage, b.market, &b.trade))
                status = HEED_NOMEM;
        }
    }
    if (answer->number == SHOP_NONE)
        s->sinks_n = sinks;
    return status;
}
