/* Commands of auctions in a world: the core says what is held, let go of, paid and forfeit, and
 * here that becomes one chain of transfers, before the core has changed anything. */
#include "circulation/auctions_parts.h"

#include "base/error.h"
#include "circulation/sale.h"
#include "circulation/shop_parts.h"

#include <stdlib.h>

enum { DAY_MS = 86400000 };

void auctions_init(struct auctions *s)
{
    *s = (struct auctions){0};
    map_init(&s->by_id);
}

void auctions_deinit(struct auctions *s)
{
    for (size_t i = 0; i < s->lots_n; i++)
        auction_deinit(&s->lots[i].auction);
    free(s->lots);
    free(s->running);
    free(s->done);
    map_deinit(&s->by_id);
    *s = (struct auctions){0};
}

/* ── by when time brings something about: a binary heap ── */

static int64_t wakes_ms(const struct lot *x)
{
    int64_t end = auction_end(&x->auction), until = x->auction.terms.retract_until_ms;
    if (x->auction.now_ms < until && until < end)
        end = until;
    return end > x->retry_ms ? end : x->retry_ms;
}

static bool sooner(const struct auctions *s, uint32_t a, uint32_t b)
{
    int64_t x = wakes_ms(&s->lots[a]), y = wakes_ms(&s->lots[b]);
    return x != y ? x < y : a < b;
}

static void put(struct auctions *s, size_t at, uint32_t lot)
{
    s->running[at] = lot;
    s->lots[lot].place = (uint32_t)at;
}

/* The lot at `at`, whose time may have changed, goes where it belongs. */
static void settle_in(struct auctions *s, size_t at)
{
    uint32_t moved = s->running[at];
    for (; at > 0 && sooner(s, moved, s->running[(at - 1) / 2]); at = (at - 1) / 2)
        put(s, at, s->running[(at - 1) / 2]);
    for (size_t child; (child = 2 * at + 1) < s->running_n; at = child) {
        if (child + 1 < s->running_n && sooner(s, s->running[child + 1], s->running[child]))
            child++;
        if (!sooner(s, s->running[child], moved))
            break;
        put(s, at, s->running[child]);
    }
    put(s, at, moved);
}

bool auctions_run(struct auctions *s, uint32_t lot)
{
    if (!array_grow(&s->running, &s->running_cap, s->running_n + 1, sizeof *s->running))
        return false;
    put(s, s->running_n++, lot);
    settle_in(s, s->running_n - 1);
    return true;
}

/* After a change of it. */
static void rerun(struct auctions *s, uint32_t lot)
{
    size_t at = s->lots[lot].place;
    if (at == AUCTIONS_NONE)
        return;
    if (s->lots[lot].auction.state == AUCTION_OPEN) {
        settle_in(s, at);
        return;
    }
    s->lots[lot].place = AUCTIONS_NONE;
    uint32_t last = s->running[--s->running_n];
    if (last != lot) {
        put(s, at, last);
        settle_in(s, at);
    }
}

uint32_t auctions_due(const struct auctions *s, int64_t now_ms)
{
    return s->running_n > 0 && wakes_ms(&s->lots[s->running[0]]) <= now_ms ? s->running[0]
                                                                           : AUCTIONS_NONE;
}

/* ── ids ── */

static uint64_t mixed(uint64_t id_hi, uint64_t id_lo)
{
    return hash_u64(id_hi ^ hash_u64(id_lo));
}

static bool named(const struct auctions_ask *ask)
{
    return ask && (ask->id_hi | ask->id_lo) != 0;
}

bool auctions_know(struct auctions *s, const struct auction_done *x)
{
    if (!array_grow(&s->done, &s->done_cap, s->done_n + 1, sizeof *s->done) ||
        !map_put(&s->by_id, mixed(x->id_hi, x->id_lo), (uint32_t)s->done_n))
        return false;
    s->done[s->done_n++] = *x;
    return true;
}

bool auctions_repeated(const struct auctions_desk *d, const struct auctions_ask *ask,
                       struct auctions_answer *answer)
{
    const struct auctions *s = d->auctions;
    if (!named(ask))
        return false;
    uint32_t at = map_get(&s->by_id, mixed(ask->id_hi, ask->id_lo));
    const struct auction_done *x = at == MAP_NONE ? NULL : &s->done[at];
    if (x && (x->id_hi != ask->id_hi || x->id_lo != ask->id_lo))
        x = NULL;
    if (!x && ledger_find_id(d->shop.ledger, ask->id_hi, ask->id_lo) == LEDGER_NONE)
        return false;
    *answer = (struct auctions_answer){
        .refusal = REFUSED_id_reused, .lot = AUCTIONS_NONE, .bid = AUCTION_NONE};
    if (x && x->body_hi == ask->body_hi && x->body_lo == ask->body_lo)
        *answer = (struct auctions_answer){.lot = x->lot, .bid = x->bid, .repeated = true};
    return true;
}

/* ── money and pieces ── */

/* One chain of transfers in the making. */
struct deal {
    struct auctions_desk *d;
    const struct auctions_ask *ask; /* NULL: time's */
    struct lot *lot;
    uint32_t number;
    int64_t price_minor, units; /* of a bid that the market rules are to judge; 0: none */
    struct posting *legs;
    size_t legs_n, legs_cap;
    struct sale *sales;
    size_t sales_n, sales_cap;
    const char *rule;
    uint32_t barred; /* a bid that wins, and whom the market rules do not let win */
};

static struct deal deal_of(struct auctions_desk *d, const struct auctions_ask *ask, uint32_t number)
{
    return (struct deal){.d = d,
                         .ask = ask,
                         .lot = &d->auctions->lots[number],
                         .number = number,
                         .barred = AUCTION_NONE};
}

static bool leg(struct deal *x, struct posting p)
{
    if (p.amount_minor == 0)
        return true;
    if (!array_grow(&x->legs, &x->legs_cap, x->legs_n + 1, sizeof *x->legs))
        return false;
    p.reference = x->number;
    x->legs[x->legs_n++] = p;
    return true;
}

/* Pieces out of what is put aside. */
static bool pieces(struct deal *x, uint32_t to, int64_t units)
{
    return leg(x, (struct posting){.from = x->lot->auction.terms.seller,
                                   .from_purpose = PURPOSE_BIDS,
                                   .to = to,
                                   .amount_minor = units,
                                   .unit = item_unit(x->lot->target),
                                   .code = CODE_AUCTION});
}

static bool money(struct deal *x, uint32_t bidder, uint32_t to, uint16_t code, int64_t minor)
{
    return leg(x, (struct posting){.from = bidder,
                                   .from_purpose = PURPOSE_BIDS,
                                   .to = to,
                                   .amount_minor = minor,
                                   .unit = x->lot->currency,
                                   .code = code});
}

/* A line of a sale; its data is the line of the market rules that says so. */
static bool paid(struct deal *x, uint32_t bidder, const struct shop_line *l)
{
    return leg(x, (struct posting){.from = bidder,
                                   .from_purpose = PURPOSE_BIDS,
                                   .to = l->holder,
                                   .to_purpose = l->purpose,
                                   .amount_minor = l->minor,
                                   .unit = x->lot->currency,
                                   .code = l->code,
                                   .data = l->rule});
}

/* A sale to a bidder, all in, as the market rules have it. */
static enum refusal priced(struct deal *x, uint32_t bidder, int64_t unit_minor, int64_t units,
                           struct sale *out)
{
    *out = sale_of(&x->d->shop, MARKET_AUCTION, CODE_AUCTION, x->lot->target,
                   x->lot->auction.terms.seller, bidder, unit_minor, units);
    out->trade.paid = true;
    enum refusal refusal = sale_price(out, 0);
    if (refusal != REFUSED_NOT)
        x->rule = out->rule;
    return refusal;
}

/* What a winner pays goes where it is due; *back: what comes back to him. */
static enum heed_status sold(struct deal *x, const struct auction_delta *a, int64_t *back,
                             enum refusal *refusal)
{
    if (!array_grow(&x->sales, &x->sales_cap, x->sales_n + 1, sizeof *x->sales))
        return HEED_NOMEM;
    struct sale *s = &x->sales[x->sales_n];
    *refusal = priced(x, a->bidder, a->pay_minor / a->won_units, a->won_units, s);
    if (*refusal != REFUSED_NOT) {
        x->barred = a->bid;
        return HEED_OK;
    }
    x->sales_n++;
    heed_assert(s->price_minor <= a->pay_minor);
    *back = a->pay_minor - s->price_minor;
    for (uint32_t i = 0; i < s->lines_n; i++)
        if (!paid(x, a->bidder, &s->lines[i]))
            return HEED_NOMEM;
    return HEED_OK;
}

/* Whether his account takes no more than it gave: what it puts aside might not come back.        */
static bool one_way(const struct deal *x, uint32_t bidder)
{
    const struct ledger *l = x->d->shop.ledger;
    uint32_t main = ledger_find(l, bidder, x->lot->currency);
    return main != LEDGER_NONE && l->accounts[main].flags & ACCOUNT_CREDITS_WITHIN_DEBITS;
}

static enum heed_status write_bid(struct deal *x, const struct auction_delta *a,
                                  enum refusal *refusal)
{
    int64_t back = 0;
    if (a->hold_minor > 0 && one_way(x, a->bidder)) {
        *refusal = REFUSED_exceeds_debits;
        return HEED_OK;
    }
    bool ok = leg(x, (struct posting){.from = a->bidder,
                                      .to = a->bidder,
                                      .to_purpose = PURPOSE_BIDS,
                                      .amount_minor = a->hold_minor,
                                      .unit = x->lot->currency,
                                      .code = CODE_BID});
    enum heed_status status = ok ? HEED_OK : HEED_NOMEM;
    if (ok && a->won_units > 0)
        status = sold(x, a, &back, refusal);
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        return status;
    return money(x, a->bidder, x->lot->auction.terms.seller, CODE_AUCTION, a->forfeit_minor) &&
                   money(x, a->bidder, a->bidder, CODE_BID, a->release_minor + back)
               ? HEED_OK
               : HEED_NOMEM;
}

static enum heed_status write_legs(struct deal *x, const struct auction_delta *deltas, size_t n,
                                   enum refusal *refusal)
{
    const struct lot *lot = x->lot;
    enum heed_status status = HEED_OK;
    if (lot->auction.state != AUCTION_OPEN) {
        int64_t left = lot->auction.terms.units;
        bool ok = true;
        for (size_t i = 0; i < n; i++) {
            left -= deltas[i].won_units;
            ok = ok && pieces(x, deltas[i].bidder, deltas[i].won_units);
        }
        if (!ok || !pieces(x, lot->made ? HOLDER_RETIRE : lot->auction.terms.seller, left))
            return HEED_NOMEM;
    }
    for (size_t i = 0; i < n && status == HEED_OK && *refusal == REFUSED_NOT; i++)
        status = write_bid(x, &deltas[i], refusal);
    return status;
}

/* The purse of the core: all of it moves, or nothing. */
static enum heed_status move(void *context, const struct auction_delta *deltas, size_t n,
                             enum refusal *refusal)
{
    struct deal *x = context;
    struct shop_desk *shop = &x->d->shop;
    struct sale trial;
    size_t sinks = shop->shop->sinks_n;
    enum heed_status status = HEED_OK;
    *refusal = REFUSED_NOT;
    x->legs_n = x->sales_n = 0;
    x->rule = NULL;
    x->barred = AUCTION_NONE;
    if (x->units > 0) {
        *refusal = priced(x, x->ask->party, x->price_minor, x->units, &trial);
        shop->shop->sinks_n = sinks;
    }
    if (*refusal == REFUSED_NOT)
        status = write_legs(x, deltas, n, refusal);
    if (status == HEED_OK && *refusal == REFUSED_NOT && (x->legs_n > 0 || named(x->ask))) {
        const struct posting marker = {.from = x->ask ? x->ask->party : 0,
                                       .to = x->ask ? x->ask->party : 0,
                                       .to_purpose = PURPOSE_BIDS,
                                       .unit = x->lot->currency,
                                       .code = CODE_BID,
                                       .reference = x->number};
        bool moves = x->legs_n > 0;
        status = ledger_post(shop->ledger, shop->time_ms, named(x->ask) ? x->ask->id_hi : 0,
                             named(x->ask) ? x->ask->id_lo : 0, moves ? x->legs : &marker,
                             moves ? x->legs_n : 1, refusal, NULL, NULL);
    }
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        shop->shop->sinks_n = sinks;
    return status;
}

static struct auction_purse purse_of(struct deal *x)
{
    return (struct auction_purse){move, x};
}

/* After the core is through: what was sold counts, the auction has another time. */
static enum heed_status after(struct deal *x, enum heed_status status, enum refusal refusal)
{
    if (status == HEED_OK && refusal == REFUSED_NOT) {
        for (size_t i = 0; i < x->sales_n; i++)
            if (!sale_count(&x->sales[i]))
                status = HEED_NOMEM;
        rerun(x->d->auctions, x->number);
    }
    free(x->legs);
    free(x->sales);
    return status;
}

/* ── commands ── */

/* Finds the auction, whether this was done before, and room to remember it. *status is the answer's
 * when that is all there is to say: false then. */
static bool begin(struct auctions_desk *d, const struct auctions_ask *ask, struct deal *x,
                  struct auctions_answer *answer, enum heed_status *status)
{
    struct auctions *s = d->auctions;
    *answer = (struct auctions_answer){.lot = ask->lot, .bid = AUCTION_NONE};
    *status = HEED_OK;
    if (ask->lot >= s->lots_n)
        answer->refusal = REFUSED_unknown_auction;
    if (answer->refusal != REFUSED_NOT || auctions_repeated(d, ask, answer))
        return false;
    if (named(ask) && s->done_n >= MAP_NONE)
        *status = HEED_RANGE;
    else if (named(ask) && (!array_grow(&s->done, &s->done_cap, s->done_n + 1, sizeof *s->done) ||
                            !map_reserve(&s->by_id, s->done_n + 1)))
        *status = HEED_NOMEM;
    *x = deal_of(d, ask, ask->lot);
    return *status == HEED_OK;
}

static enum heed_status finish(struct deal *x, enum heed_status status, enum refusal refusal,
                               struct auctions_answer *answer)
{
    answer->refusal = refusal;
    answer->rule = x->rule;
    status = after(x, status, refusal);
    if (status != HEED_OK || refusal != REFUSED_NOT || !named(x->ask))
        return status;
    const struct auction_done done = {x->ask->id_hi,   x->ask->id_lo, x->ask->body_hi,
                                      x->ask->body_lo, answer->lot,   answer->bid};
    return auctions_know(x->d->auctions, &done) ? HEED_OK : HEED_NOMEM;
}

/* The auction as it is in its place already. */
static enum heed_status put_aside(struct deal *x, enum refusal *refusal)
{
    const struct auctions_ask *a = x->ask;
    const struct posting aside = {.from = x->lot->made ? HOLDER_ISSUE : a->party,
                                  .to = a->party,
                                  .to_purpose = PURPOSE_BIDS,
                                  .amount_minor = x->lot->auction.terms.units,
                                  .unit = item_unit(x->lot->target),
                                  .code = CODE_AUCTION,
                                  .reference = x->number};
    enum heed_status status = ledger_post(x->d->shop.ledger, x->d->shop.time_ms, a->id_hi, a->id_lo,
                                          &aside, 1, refusal, NULL, NULL);
    if (status == HEED_OK && *refusal == REFUSED_insufficient_funds)
        *refusal = REFUSED_insufficient_items;
    return status;
}

enum heed_status auctions_open(struct auctions_desk *d, const struct auctions_ask *ask,
                               const struct auction_terms *terms, uint32_t target, bool made,
                               struct auctions_answer *answer)
{
    struct auctions *s = d->auctions;
    struct auctions_ask own = *ask;
    struct deal x;
    enum heed_status status;
    if (s->lots_n >= AUCTIONS_NONE)
        return HEED_RANGE;
    if (!array_grow(&s->lots, &s->lots_cap, s->lots_n + 1, sizeof *s->lots) ||
        !array_grow(&s->running, &s->running_cap, s->running_n + 1, sizeof *s->running))
        return HEED_NOMEM;
    struct lot *lot = &s->lots[s->lots_n];
    *lot = (struct lot){.target = target,
                        .place = AUCTIONS_NONE,
                        .currency = catalogue_good(d->shop.catalogue, target)->currency,
                        .made = made};
    own.lot = (uint32_t)s->lots_n++;
    bool goes_on = begin(d, &own, &x, answer, &status);
    if (goes_on) {
        enum refusal refusal = auction_open(&lot->auction, terms, d->shop.time_ms);
        if (refusal == REFUSED_NOT)
            status = put_aside(&x, &refusal);
        bool opened = status == HEED_OK && refusal == REFUSED_NOT;
        if (!opened)
            s->lots_n--;
        else if (!auctions_run(s, own.lot))
            return HEED_NOMEM;
        status = finish(&x, status, refusal, answer);
        if (!opened)
            answer->lot = AUCTIONS_NONE;
    } else {
        s->lots_n--;
    }
    return status;
}

enum heed_status auctions_bid(struct auctions_desk *d, const struct auctions_ask *ask,
                              int64_t price_minor, int64_t units, bool buy_now,
                              struct auctions_answer *answer)
{
    struct deal x;
    enum heed_status status;
    enum refusal refusal;
    if (!begin(d, ask, &x, answer, &status))
        return status;
    struct auction *a = &x.lot->auction;
    const struct auction_purse purse = purse_of(&x);
    x.price_minor = buy_now ? a->terms.buy_now_minor : price_minor;
    x.units = buy_now || a->terms.form == AUCTION_DUTCH ? 0 : units; /* sold at once: judged then */
    status = buy_now
                 ? auction_buy_now(a, &purse, d->shop.time_ms, ask->party, &answer->bid, &refusal)
                 : auction_bid(a, &purse, d->shop.time_ms, ask->party, price_minor, units,
                               &answer->bid, &refusal);
    return finish(&x, status, refusal, answer);
}

enum heed_status auctions_retract(struct auctions_desk *d, const struct auctions_ask *ask,
                                  uint32_t bid, struct auctions_answer *answer)
{
    struct deal x;
    enum heed_status status;
    enum refusal refusal;
    if (!begin(d, ask, &x, answer, &status))
        return status;
    struct auction *a = &x.lot->auction;
    const struct auction_purse purse = purse_of(&x);
    for (uint32_t i = 0; bid == AUCTION_NONE && i < a->bids_n; i++)
        if (a->bids[i].bidder == ask->party && !a->bids[i].retracted)
            bid = i;
    answer->bid = bid;
    status = auction_retract(a, &purse, d->shop.time_ms, ask->party, bid, &refusal);
    return finish(&x, status, refusal, answer);
}

enum heed_status auctions_commit(struct auctions_desk *d, const struct auctions_ask *ask,
                                 const struct sha256 *commitment, struct auctions_answer *answer)
{
    struct deal x;
    struct sale trial;
    enum heed_status status;
    enum refusal refusal;
    if (!begin(d, ask, &x, answer, &status))
        return status;
    const struct auction_purse purse = purse_of(&x);
    size_t sinks = d->shop.shop->sinks_n;
    bool tradable = priced(&x, ask->party, 1, 1, &trial) != REFUSED_not_tradable;
    d->shop.shop->sinks_n = sinks;
    if (!tradable) { /* a price is not known yet, but who may trade is */
        answer->refusal = REFUSED_not_tradable;
        answer->rule = x.rule;
        return HEED_OK;
    }
    x.rule = NULL;
    status = auction_commit(&x.lot->auction, &purse, d->shop.time_ms, ask->party, commitment,
                            &answer->bid, &refusal);
    return finish(&x, status, refusal, answer);
}

enum heed_status auctions_reveal(struct auctions_desk *d, const struct auctions_ask *ask,
                                 int64_t amount_minor, const struct sha256 *opened,
                                 struct auctions_answer *answer)
{
    struct deal x;
    enum heed_status status;
    enum refusal refusal;
    if (!begin(d, ask, &x, answer, &status))
        return status;
    const struct auction_purse purse = purse_of(&x);
    x.price_minor = amount_minor;
    x.units = 1;
    answer->bid = auction_find(&x.lot->auction, ask->party);
    status = auction_reveal(&x.lot->auction, &purse, d->shop.time_ms, ask->party, amount_minor,
                            opened, &refusal);
    return finish(&x, status, refusal, answer);
}

enum heed_status auctions_stop(struct auctions_desk *d, const struct auctions_ask *ask,
                               enum auctions_how how, struct auctions_answer *answer)
{
    struct deal x;
    enum heed_status status;
    enum refusal refusal;
    if (!begin(d, ask, &x, answer, &status))
        return status;
    const struct auction_purse purse = purse_of(&x);
    status = how == AUCTIONS_CANCEL
                 ? auction_cancel(&x.lot->auction, &purse, d->shop.time_ms, &refusal)
                 : auction_withdraw(&x.lot->auction, &purse, d->shop.time_ms, &refusal);
    return finish(&x, status, refusal, answer);
}

/* ── what time and absence bring about ── */

static enum heed_status drop(struct auctions_desk *d, uint32_t number, uint32_t bid,
                             enum refusal *refusal)
{
    struct deal x = deal_of(d, NULL, number);
    const struct auction_purse purse = purse_of(&x);
    enum heed_status status = auction_drop(&x.lot->auction, &purse, d->shop.time_ms, bid, refusal);
    return after(&x, status, *refusal);
}

/* Takes out the bids of a party, AUCTIONS_NONE: of all who are gone. *refusal: the first. */
static enum heed_status drop_all(struct auctions_desk *d, uint32_t number, uint32_t party,
                                 enum refusal *refusal)
{
    const struct auction *a = &d->auctions->lots[number].auction;
    enum heed_status status = HEED_OK;
    *refusal = REFUSED_NOT;
    for (uint32_t i = 0; status == HEED_OK && i < a->bids_n; i++) {
        uint32_t bidder = a->bids[i].bidder;
        enum refusal one = REFUSED_NOT;
        if (!a->bids[i].retracted &&
            (party == AUCTIONS_NONE ? catalogue_erased(d->shop.catalogue, bidder)
                                    : bidder == party))
            status = drop(d, number, i, &one);
        if (*refusal == REFUSED_NOT)
            *refusal = one;
    }
    return status;
}

static enum heed_status end(struct auctions_desk *d, uint32_t number, bool cancel, uint32_t *barred,
                            enum refusal *refusal)
{
    struct deal x = deal_of(d, NULL, number);
    const struct auction_purse purse = purse_of(&x);
    struct auction *a = &x.lot->auction;
    enum heed_status status = cancel ? auction_cancel(a, &purse, d->shop.time_ms, refusal)
                                     : auction_advance(a, &purse, d->shop.time_ms, refusal);
    *barred = x.barred;
    return after(&x, status, *refusal);
}

enum heed_status auctions_settle(struct auctions_desk *d, uint32_t number, bool cancel)
{
    struct lot *lot = &d->auctions->lots[number];
    enum refusal refusal = REFUSED_NOT;
    enum heed_status status = HEED_OK;
    cancel = cancel || catalogue_erased(d->shop.catalogue, lot->auction.terms.seller);
    if (!cancel)
        status = drop_all(d, number, AUCTIONS_NONE, &refusal);
    while (status == HEED_OK && refusal == REFUSED_NOT) {
        uint32_t barred;
        status = end(d, number, cancel, &barred, &refusal);
        if (status != HEED_OK || refusal == REFUSED_NOT)
            return status;
        if (barred != AUCTION_NONE)
            status = drop(d, number, barred, &refusal);
    }
    if (status == HEED_OK) {
        lot->retry_ms = d->shop.time_ms + DAY_MS;
        rerun(d->auctions, number);
    }
    return status;
}

enum heed_status auctions_forget(struct auctions_desk *d, uint32_t party)
{
    struct auctions *s = d->auctions;
    enum heed_status status = HEED_OK;
    enum refusal refusal;
    for (uint32_t i = 0; status == HEED_OK && i < s->lots_n; i++) {
        if (s->lots[i].auction.state != AUCTION_OPEN)
            continue;
        status = s->lots[i].auction.terms.seller == party ? auctions_settle(d, i, true)
                                                          : drop_all(d, i, party, &refusal);
    }
    return status;
}
