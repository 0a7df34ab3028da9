/* What is offered: a good by its seller, pieces again by who holds them, and what is put aside. */
#include "base/error.h"
#include "circulation/shop_parts.h"

/* Pieces of `target` in or out of an account for offers, as stock that is made or taken away. */
static enum heed_status restock(struct shop_desk *d, uint32_t holder, uint32_t target, int64_t more,
                                enum refusal *refusal)
{
    bool in = more > 0;
    struct posting leg = {.from = in ? HOLDER_ISSUE : holder,
                          .to = in ? holder : HOLDER_RETIRE,
                          .amount_minor = in ? more : -more,
                          .unit = item_unit(target),
                          .code = CODE_STOCK,
                          .reference = LEDGER_NONE};
    *(in ? &leg.to_purpose : &leg.from_purpose) = PURPOSE_OFFERS;
    return ledger_post(d->ledger, d->time_ms, 0, 0, &leg, 1, refusal, NULL, NULL);
}

/* Makes the stock of a good what is asked: -1: it is not counted. */
static enum heed_status set_stock(struct shop_desk *d, uint32_t target, struct good *g,
                                  int64_t stock, enum refusal *refusal)
{
    int64_t has = offered(d->ledger, seller_of(g), target);
    enum heed_status status = HEED_OK;
    *refusal = REFUSED_NOT;
    if (has != (stock < 0 ? 0 : stock))
        status = restock(d, seller_of(g), target, (stock < 0 ? 0 : stock) - has, refusal);
    if (status == HEED_OK && *refusal == REFUSED_NOT)
        g->stock = stock;
    return status;
}

enum heed_status shop_stock(struct shop_desk *d, uint32_t target)
{
    struct good *g = catalogue_good(d->catalogue, target);
    enum refusal refusal;
    enum heed_status status = set_stock(d, target, g, g->stock, &refusal);
    heed_assert(status != HEED_OK || refusal == REFUSED_NOT); /* a new good's account is empty */
    return status;
}

enum heed_status shop_list(struct shop_desk *d, uint32_t target, int64_t price_minor, int64_t stock,
                           bool listed, enum refusal *refusal)
{
    struct good *g = catalogue_good(d->catalogue, target);
    *refusal = g == NULL ? REFUSED_unknown_target : REFUSED_NOT;
    if (g == NULL)
        return HEED_OK;
    int64_t price = price_minor < 0 ? g->price_minor : price_minor;
    if (listed && price < 0) {
        *refusal = REFUSED_not_listed;
        return HEED_OK;
    }
    if (stock >= 0 && shop_bundle_of(d->shop, target)) {
        *refusal = REFUSED_bundle_counted;
        return HEED_OK;
    }
    enum heed_status status = stock < -1 ? HEED_OK : set_stock(d, target, g, stock, refusal);
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        return status;
    g->price_minor = price;
    g->listed = listed;
    return HEED_OK;
}

/* ── resale ── */

static enum heed_status move_pieces(struct shop_desk *d, const struct offer *o, uint32_t number,
                                    uint64_t id_hi, uint64_t id_lo, bool back,
                                    enum refusal *refusal)
{
    struct posting leg = {.from = o->seller,
                          .to = o->seller,
                          .amount_minor = o->units,
                          .unit = item_unit(o->target),
                          .code = CODE_STOCK,
                          .reference = number};
    *(back ? &leg.from_purpose : &leg.to_purpose) = PURPOSE_OFFERS;
    enum heed_status status =
        ledger_post(d->ledger, d->time_ms, id_hi, id_lo, &leg, 1, refusal, NULL, NULL);
    if (status == HEED_OK && *refusal == REFUSED_insufficient_funds)
        *refusal = REFUSED_insufficient_items;
    return status;
}

/* What was made before under the ask's id, LEDGER_NONE: nothing. */
static uint32_t made_before(const struct ledger *l, const struct shop_ask *a)
{
    return a->id_hi | a->id_lo ? ledger_find_id(l, a->id_hi, a->id_lo) : LEDGER_NONE;
}

static bool same_offer(const struct shop_desk *d, uint32_t transfer, const struct offer *o)
{
    const struct transfer *t = &d->ledger->transfers[transfer];
    const struct account *a = &d->ledger->accounts[t->debit];
    return transfer_kind_of(t) == TRANSFER_MOVE && t->code == CODE_STOCK &&
           t->reference < d->shop->offers_n && t->amount_minor == o->units &&
           a->holder == o->seller && a->unit == item_unit(o->target) &&
           d->shop->offers[t->reference].price_minor == o->price_minor;
}

enum heed_status shop_resell(struct shop_desk *d, const struct shop_ask *ask, int64_t price_minor,
                             struct shop_answer *answer)
{
    struct shop *s = d->shop;
    const struct good *g = catalogue_good(d->catalogue, ask->target);
    const struct offer o = {price_minor, ask->units, ask->buyer, ask->target};
    uint32_t number = (uint32_t)s->offers_n, before = made_before(d->ledger, ask);
    *answer = (struct shop_answer){.number = SHOP_NONE};
    if (g != NULL && before != LEDGER_NONE) {
        answer->repeated = same_offer(d, before, &o);
        answer->refusal = answer->repeated ? REFUSED_NOT : REFUSED_id_reused;
        if (answer->repeated)
            answer->number = d->ledger->transfers[before].reference;
        return HEED_OK;
    }
    answer->refusal = g == NULL                         ? REFUSED_unknown_target
                      : o.units <= 0 || price_minor < 0 ? REFUSED_not_positive
                      : seller_of(g) == o.seller        ? REFUSED_own_stock
                                                        : REFUSED_NOT;
    if (answer->refusal != REFUSED_NOT)
        return HEED_OK;
    if (s->offers_n >= SHOP_NONE)
        return HEED_RANGE;
    if (!array_grow(&s->offers, &s->offers_cap, s->offers_n + 1, sizeof *s->offers))
        return HEED_NOMEM;
    enum heed_status status =
        move_pieces(d, &o, number, ask->id_hi, ask->id_lo, false, &answer->refusal);
    if (status != HEED_OK || answer->refusal != REFUSED_NOT)
        return status;
    s->offers[s->offers_n++] = o;
    answer->number = number;
    return HEED_OK;
}

enum heed_status shop_withdraw(struct shop_desk *d, uint32_t offer, enum refusal *refusal)
{
    struct offer *o = offer < d->shop->offers_n ? &d->shop->offers[offer] : NULL;
    *refusal = !o ? REFUSED_unknown_offer : o->units == 0 ? REFUSED_not_listed : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    enum heed_status status = move_pieces(d, o, offer, 0, 0, true, refusal);
    if (status == HEED_OK && *refusal == REFUSED_NOT)
        o->units = 0;
    return status;
}

/* ── what is put aside ── */

enum refusal reservation_state(const struct ledger *l, const struct reservation *r)
{
    switch (l->transfers[r->transfer].state) {
    case STATE_POSTED:
        return REFUSED_pending_posted;
    case STATE_VOIDED:
        return REFUSED_pending_voided;
    case STATE_EXPIRED:
        return REFUSED_pending_expired;
    default:
        return REFUSED_NOT;
    }
}

static enum heed_status hold(struct shop_desk *d, const struct shop_ask *asked, uint32_t from,
                             const struct reservation *r, uint32_t timeout_s,
                             struct transfer_answer *answer)
{
    struct ledger *l = d->ledger;
    uint32_t unit = item_unit(r->target);
    size_t accounts = l->accounts_n;
    struct transfer_ask ask = {
        .id_hi = asked->id_hi,
        .id_lo = asked->id_lo,
        .amount_minor = r->units,
        .debit = ledger_find_for(l, from, unit, PURPOSE_OFFERS),
        .credit = ledger_open(l, r->buyer, unit),
        .of = LEDGER_NONE,
        .reference = (uint32_t)d->shop->reservations_n,
        .timeout_s = timeout_s,
        .code = CODE_STOCK,
        .kind = TRANSFER_PENDING,
    };
    if (ask.credit == LEDGER_NONE)
        return HEED_NOMEM;
    heed_assert(ask.debit != LEDGER_NONE); /* it holds what is reserved */
    enum heed_status status = ledger_apply(l, d->time_ms, &ask, 1, NULL, answer);
    if (status != HEED_OK || answer->refusal != REFUSED_NOT)
        ledger_unopen(l, accounts);
    return status;
}

/* The reservation that the transfer made, if it was asked for so; else *refusal.                 */
static bool same_reservation(const struct shop_desk *d, uint32_t transfer,
                             const struct reservation *wanted, uint32_t *number)
{
    const struct transfer *t = &d->ledger->transfers[transfer];
    if (transfer_kind_of(t) != TRANSFER_PENDING || t->code != CODE_STOCK ||
        t->reference >= d->shop->reservations_n)
        return false;
    const struct reservation *r = &d->shop->reservations[t->reference];
    *number = t->reference;
    return r->buyer == wanted->buyer && r->target == wanted->target && r->offer == wanted->offer &&
           r->units == wanted->units;
}

enum heed_status shop_reserve(struct shop_desk *d, const struct shop_ask *ask, uint32_t timeout_s,
                              struct shop_answer *answer)
{
    struct shop *s = d->shop;
    struct offer *o = ask->offer < s->offers_n ? &s->offers[ask->offer] : NULL;
    uint32_t target = o ? o->target : ask->target;
    struct good *g = catalogue_good(d->catalogue, target);
    *answer = (struct shop_answer){.number = SHOP_NONE};
    answer->refusal = g == NULL                       ? REFUSED_unknown_target
                      : ask->offer != SHOP_NONE && !o ? REFUSED_unknown_offer
                                                      : REFUSED_NOT;
    if (answer->refusal != REFUSED_NOT)
        return HEED_OK;
    uint32_t from = o ? o->seller : seller_of(g), before = made_before(d->ledger, ask);
    int64_t has = o ? o->units : g->stock, units = ask->units;
    struct reservation r = {.buyer = ask->buyer,
                            .target = target,
                            .offer = ask->offer,
                            .units = units,
                            .price_minor = o ? o->price_minor : g->price_minor};
    if (before != LEDGER_NONE) {
        answer->repeated = same_reservation(d, before, &r, &answer->number);
        if (!answer->repeated)
            *answer = (struct shop_answer){.refusal = REFUSED_id_reused, .number = SHOP_NONE};
        return HEED_OK;
    }
    answer->refusal = units <= 0                                 ? REFUSED_not_positive
                      : from == r.buyer                          ? REFUSED_same_account
                      : !o && (!g->listed || g->price_minor < 0) ? REFUSED_not_listed
                      : has < units || (!o && g->stock < 0)      ? REFUSED_out_of_stock
                                                                 : REFUSED_NOT;
    if (answer->refusal != REFUSED_NOT)
        return HEED_OK;
    if (s->reservations_n >= SHOP_NONE)
        return HEED_RANGE;
    if (!array_grow(&s->reservations, &s->reservations_cap, s->reservations_n + 1,
                    sizeof *s->reservations))
        return HEED_NOMEM;
    struct transfer_answer held = {0};
    enum heed_status status = hold(d, ask, from, &r, timeout_s, &held);
    answer->refusal = held.refusal;
    if (status != HEED_OK || held.refusal != REFUSED_NOT)
        return status;
    r.transfer = held.transfer;
    answer->number = (uint32_t)s->reservations_n;
    s->reservations[s->reservations_n++] = r;
    if (o)
        o->units -= units;
    else
        count_stock(g, d->ledger, target);
    return HEED_OK;
}

/* Pieces put aside are in their offer again. */
static void put_back(struct shop *s, struct catalogue *c, const struct ledger *l,
                     const struct reservation *r)
{
    if (r->offer != SHOP_NONE)
        s->offers[r->offer].units += r->units;
    else
        count_stock(catalogue_good(c, r->target), l, r->target);
}

enum heed_status shop_unreserve(struct shop_desk *d, uint32_t reservation, enum refusal *refusal)
{
    struct shop *s = d->shop;
    *refusal = REFUSED_unknown_reservation;
    if (reservation >= s->reservations_n)
        return HEED_OK;
    const struct reservation *r = &s->reservations[reservation];
    struct transfer_answer answer;
    struct transfer_ask ask = {.debit = LEDGER_NONE,
                               .credit = LEDGER_NONE,
                               .of = r->transfer,
                               .reference = reservation,
                               .code = CODE_STOCK,
                               .kind = TRANSFER_VOID};
    *refusal = reservation_state(d->ledger, r);
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    enum heed_status status = ledger_apply(d->ledger, d->time_ms, &ask, 1, NULL, &answer);
    *refusal = answer.refusal;
    if (status == HEED_OK && *refusal == REFUSED_NOT)
        put_back(s, d->catalogue, d->ledger, r);
    return status;
}

enum heed_status shop_forget(struct shop_desk *d, uint32_t party)
{
    struct shop *s = d->shop;
    enum heed_status status = HEED_OK;
    enum refusal
        refusal; /* what ended before, or accounts do not let go, stays; nobody can buy it */
    for (uint32_t i = 0; status == HEED_OK && i < s->reservations_n; i++) {
        const struct reservation *r = &s->reservations[i];
        uint32_t seller = r->offer != SHOP_NONE
                              ? s->offers[r->offer].seller
                              : seller_of(catalogue_good(d->catalogue, r->target));
        if (seller == party || r->buyer == party)
            status = shop_unreserve(d, i, &refusal);
    }
    for (uint32_t i = 0; status == HEED_OK && i < s->offers_n; i++)
        if (s->offers[i].seller == party && s->offers[i].units > 0)
            status = shop_withdraw(d, i, &refusal);
    return status;
}

void shop_restock(struct shop *s, struct catalogue *c, const struct ledger *l, size_t first)
{
    for (size_t i = first; i < l->transfers_n; i++) {
        const struct transfer *t = &l->transfers[i];
        if (transfer_kind_of(t) == TRANSFER_EXPIRE && t->code == CODE_STOCK &&
            t->reference < s->reservations_n)
            put_back(s, c, l, &s->reservations[t->reference]);
    }
}
