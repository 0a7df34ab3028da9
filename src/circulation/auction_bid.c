/* What bidders do: bid, buy at once, retract, commit, reveal. */
#include "circulation/auction.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_sealed(const struct auction *a)
{
    return a->terms.form == AUCTION_SEALED_FIRST || a->terms.form == AUCTION_SEALED_VICKREY;
}

static bool is_units(const struct auction *a)
{
    return a->terms.form == AUCTION_UNITS_UNIFORM || a->terms.form == AUCTION_UNITS_PAY_AS_BID;
}

/* Whether bids are taken at that time, by `bidder`.                                             */
static enum refusal may_bid(const struct auction *a, int64_t now, uint32_t bidder)
{
    return bidder == a->terms.seller                         ? REFUSED_own_auction
           : now < a->terms.opens_ms                         ? REFUSED_not_open
           : a->state != AUCTION_OPEN || now >= a->closes_ms ? REFUSED_auction_closed
                                                             : REFUSED_NOT;
}

/* Makes room for a bid more if *at is AUCTION_NONE, and gives its number then.                  */
static enum heed_status make_room(struct auction *a, size_t *at, enum refusal *refusal)
{
    if (a->order == UINT32_MAX || (*at == AUCTION_NONE && a->bids_n >= AUCTION_BIDS_MAX)) {
        *refusal = REFUSED_too_many_bids;
        return HEED_OK;
    }
    if (*at == AUCTION_NONE)
        *at = a->bids_n;
    return *at < a->bids_n || array_grow(&a->bids, &a->bids_cap, a->bids_n + 1, sizeof *a->bids)
               ? HEED_OK
               : HEED_NOMEM;
}

static void put_bid(struct auction *a, size_t at, uint32_t bidder, int64_t price, int64_t units)
{
    struct auction_bid *b = &a->bids[at];
    b->time_ms = a->now_ms;
    b->bidder = bidder;
    b->price_minor = price;
    b->units = units;
    b->order = a->order++;
    b->retracted = 0;
}

/* ── bid ── */

/* A bid shortly before the close puts it off, if it changed anything.                           */
static void put_off(struct auction *a, const struct auction *before)
{
    const struct auction_terms *t = &a->terms;
    int64_t later;
    if (t->extend_within_ms == 0 || a->closes_ms - a->now_ms > t->extend_within_ms ||
        (a->leader == before->leader && a->price_minor == before->price_minor))
        return;
    if (__builtin_add_overflow(a->now_ms, t->extend_by_ms, &later) || later > t->closes_latest_ms)
        later = t->closes_latest_ms;
    a->closes_ms = later > a->closes_ms ? later : a->closes_ms;
}

static enum refusal check_bid(const struct auction *a, int64_t now, uint32_t bidder, int64_t price,
                              int64_t units)
{
    int64_t value;
    if (is_sealed(a))
        return REFUSED_wrong_auction;
    if (price <= 0 || units <= 0)
        return REFUSED_not_positive;
    if (units != 1 && !is_units(a))
        return REFUSED_wrong_auction;
    enum refusal refusal = may_bid(a, now, bidder);
    if (refusal != REFUSED_NOT)
        return refusal;
    uint32_t own = a->terms.form == AUCTION_ENGLISH ? auction_find(a, bidder) : AUCTION_NONE;
    bool stands = own != AUCTION_NONE && !a->bids[own].retracted;
    if (stands && price <= a->bids[own].price_minor)
        return REFUSED_not_a_raise;
    if (!(stands && own == a->leader) && price < auction_least(a, now))
        return REFUSED_below_least;
    return __builtin_mul_overflow(price, units, &value) ? REFUSED_overflow : REFUSED_NOT;
}

enum heed_status auction_bid(struct auction *a, const struct auction_purse *purse, int64_t now_ms,
                             uint32_t bidder, int64_t price_minor, int64_t units, uint32_t *bid,
                             enum refusal *refusal)
{
    const int64_t now = auction_time(a, now_ms);
    struct auction_change c;
    *bid = AUCTION_NONE;
    *refusal = check_bid(a, now, bidder, price_minor, units);
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    size_t at = a->terms.form == AUCTION_ENGLISH ? auction_find(a, bidder) : AUCTION_NONE;
    enum heed_status status = make_room(a, &at, refusal);
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        return status;
    int64_t taken = a->terms.form == AUCTION_DUTCH ? auction_least(a, now) : price_minor;
    auction_begin(a, &c, now, at);
    put_bid(a, at, bidder, taken, units);
    auction_lead(a);
    if (a->terms.form == AUCTION_ENGLISH)
        put_off(a, &c.before);
    if (a->terms.form == AUCTION_DUTCH) {
        a->state = AUCTION_SOLD;
        a->leader = (uint32_t)at;
        a->price_minor = c.pay_minor = taken;
        c.payer = at;
    }
    status = auction_finish(a, &c, purse, refusal);
    if (status == HEED_OK && *refusal == REFUSED_NOT)
        *bid = (uint32_t)at;
    return status;
}

enum heed_status auction_buy_now(struct auction *a, const struct auction_purse *purse,
                                 int64_t now_ms, uint32_t bidder, uint32_t *bid,
                                 enum refusal *refusal)
{
    const struct auction_terms *t = &a->terms;
    struct auction_change c;
    *bid = AUCTION_NONE;
    *refusal = t->form != AUCTION_ENGLISH ? REFUSED_wrong_auction
                                          : may_bid(a, auction_time(a, now_ms), bidder);
    if (*refusal == REFUSED_NOT &&
        (t->buy_now_minor == 0 ||
         (a->leader != AUCTION_NONE && a->bids[a->leader].price_minor >= t->reserve_minor)))
        *refusal = REFUSED_no_buy_now;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    size_t at = auction_find(a, bidder);
    enum heed_status status = make_room(a, &at, refusal);
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        return status;
    auction_begin(a, &c, now_ms, at);
    put_bid(a, at, bidder, t->buy_now_minor, 1);
    a->state = AUCTION_SOLD;
    a->leader = (uint32_t)at;
    a->price_minor = c.pay_minor = t->buy_now_minor;
    c.payer = at;
    status = auction_finish(a, &c, purse, refusal);
    if (status == HEED_OK && *refusal == REFUSED_NOT)
        *bid = (uint32_t)at;
    return status;
}

/* ── retract ── */

enum heed_status auction_retract(struct auction *a, const struct auction_purse *purse,
                                 int64_t now_ms, uint32_t bidder, uint32_t bid,
                                 enum refusal *refusal)
{
    const int64_t now = auction_time(a, now_ms);
    bool english = a->terms.form == AUCTION_ENGLISH;
    const struct auction_bid *b = bid < a->bids_n ? &a->bids[bid] : NULL;
    struct auction_change c;
    *refusal = !english && !is_units(a)                          ? REFUSED_wrong_auction
               : now < a->terms.opens_ms                         ? REFUSED_not_open
               : a->state != AUCTION_OPEN || now >= a->closes_ms ? REFUSED_auction_closed
               : !b || b->bidder != bidder || b->retracted       ? REFUSED_unknown_bid
               : now >= a->terms.retract_until_ms                ? REFUSED_retract_closed
               : english && b->retractions > 0                   ? REFUSED_retracted_before
                                                                 : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    auction_begin(a, &c, now, bid);
    a->bids[bid].retracted = a->bids[bid].retractions = 1;
    auction_lead(a);
    return auction_finish(a, &c, purse, refusal);
}

/* Takes the bids out that hold nothing though they were made to pay, now that who led is out. */
static void lapse(struct auction *a)
{
    for (size_t i = 0; i < a->bids_n; i++) {
        struct auction_bid *b = &a->bids[i];
        if (!b->retracted && b->held_minor == 0 && (!is_sealed(a) || b->revealed))
            b->retracted = b->retractions = 1;
    }
}

enum heed_status auction_drop(struct auction *a, const struct auction_purse *purse, int64_t now_ms,
                              uint32_t bid, enum refusal *refusal)
{
    struct auction_change c;
    *refusal = a->state != AUCTION_OPEN                     ? REFUSED_auction_closed
               : bid >= a->bids_n || a->bids[bid].retracted ? REFUSED_unknown_bid
                                                            : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    struct auction_bid *before = malloc(a->bids_n * sizeof *before);
    if (!before)
        return HEED_NOMEM;
    memcpy(before, a->bids, a->bids_n * sizeof *before);
    auction_begin(a, &c, now_ms, AUCTION_NONE);
    bool led = a->leader == bid;
    a->bids[bid].retracted = a->bids[bid].retractions = 1;
    if (led)
        lapse(a);
    auction_lead(a);
    enum heed_status status = auction_finish(a, &c, purse, refusal);
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        memcpy(a->bids, before, a->bids_n * sizeof *before);
    free(before);
    return status;
}

/* ── sealed ── */

enum heed_status auction_commit(struct auction *a, const struct auction_purse *purse,
                                int64_t now_ms, uint32_t bidder, const struct sha256 *commitment,
                                uint32_t *bid, enum refusal *refusal)
{
    struct auction_change c;
    *bid = AUCTION_NONE;
    *refusal = !is_sealed(a) ? REFUSED_wrong_auction : may_bid(a, auction_time(a, now_ms), bidder);
    if (*refusal == REFUSED_NOT && auction_find(a, bidder) != AUCTION_NONE)
        *refusal = REFUSED_slot_taken;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    size_t at = AUCTION_NONE;
    enum heed_status status = make_room(a, &at, refusal);
    if (status != HEED_OK || *refusal != REFUSED_NOT)
        return status;
    auction_begin(a, &c, now_ms, at);
    put_bid(a, at, bidder, 0, 1);
    a->bids[at].commitment = *commitment;
    status = auction_finish(a, &c, purse, refusal);
    if (status == HEED_OK && *refusal == REFUSED_NOT)
        *bid = (uint32_t)at;
    return status;
}

enum heed_status auction_reveal(struct auction *a, const struct auction_purse *purse,
                                int64_t now_ms, uint32_t bidder, int64_t amount_minor,
                                const struct sha256 *opened, enum refusal *refusal)
{
    const int64_t now = auction_time(a, now_ms);
    uint32_t at = auction_find(a, bidder);
    struct auction_change c;
    *refusal = !is_sealed(a)                                       ? REFUSED_wrong_auction
               : amount_minor <= 0                                 ? REFUSED_not_positive
               : now < a->closes_ms                                ? REFUSED_reveal_not_yet
               : a->state != AUCTION_OPEN || now >= auction_end(a) ? REFUSED_auction_closed
               : at == AUCTION_NONE                                ? REFUSED_not_committed
               : a->bids[at].revealed                              ? REFUSED_revealed_before
               : !sha256_eq(a->bids[at].commitment, *opened)       ? REFUSED_commitment_mismatch
                                                                   : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    auction_begin(a, &c, now, at);
    a->bids[at].revealed = 1;
    a->bids[at].price_minor = amount_minor;
    auction_lead(a);
    return auction_finish(a, &c, purse, refusal);
}

static size_t put_part(uint8_t *out, const void *p, size_t n)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)n >> (8 * (7 - i)));
    memcpy(out + 8, p, n);
    return 8 + n;
}

struct sha256 auction_commitment(struct str auction, struct str bidder, int64_t amount_minor,
                                 const uint8_t salt[AUCTION_SALT])
{
    enum { ID_MAX = 64, DIGITS = 21 };
    uint8_t bytes[4 * 8 + 2 * ID_MAX + DIGITS + AUCTION_SALT];
    char digits[DIGITS];
    heed_assert(auction.n <= ID_MAX && bidder.n <= ID_MAX);
    int n = snprintf(digits, sizeof digits, "%lld", (long long)amount_minor);
    size_t at = put_part(bytes, auction.p, auction.n);
    at += put_part(bytes + at, bidder.p, bidder.n);
    at += put_part(bytes + at, digits, (size_t)n);
    at += put_part(bytes + at, salt, AUCTION_SALT);
    return sha256_of(bytes, at);
}
