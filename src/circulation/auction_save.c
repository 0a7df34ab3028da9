/* Serialised form, numbers as zigzag varints:
 *
 *     terms (each amount and time, the increments), state, now, closes, price, leader + 1, order
 *     n, then of each bid: time, price, units, held, paid, forfeited, won, bidder, order,
 *     retracted, retractions, revealed, and of sealed ones the commitment                        */
#include "circulation/auction.h"

#include "base/error.h"
#include "base/varint.h"

#include <stdlib.h>

static bool is_sealed(const struct auction_terms *t)
{
    return t->form == AUCTION_SEALED_FIRST || t->form == AUCTION_SEALED_VICKREY;
}

/* The amounts and times of terms, in the order they are saved.                                  */
enum { NUMBERS = 14 };
static void numbers_of(struct auction_terms *t, int64_t *out[NUMBERS])
{
    int64_t *const all[NUMBERS] = {
        &t->opens_ms,         &t->closes_ms,     &t->reveal_until_ms,  &t->retract_until_ms,
        &t->extend_within_ms, &t->extend_by_ms,  &t->closes_latest_ms, &t->units,
        &t->start_minor,      &t->reserve_minor, &t->buy_now_minor,    &t->deposit_minor,
        &t->step_minor,       &t->step_ms};
    memcpy(out, all, sizeof all);
}

void auction_save(const struct auction *a, struct sink *k)
{
    struct auction_terms t = a->terms;
    int64_t *numbers[NUMBERS];
    numbers_of(&t, numbers);
    sink_u8(k, (uint8_t)t.form);
    sink_u8(k, (uint8_t)t.price_rule);
    sink_varint(k, t.seller);
    for (size_t i = 0; i < NUMBERS; i++)
        sink_signed(k, *numbers[i]);
    sink_varint(k, t.increments_n);
    for (size_t i = 0; i < t.increments_n; i++) {
        sink_signed(k, t.increments[i].from_minor);
        sink_signed(k, t.increments[i].by_minor);
    }
    sink_u8(k, (uint8_t)a->state);
    sink_signed(k, a->now_ms);
    sink_signed(k, a->closes_ms);
    sink_signed(k, a->price_minor);
    sink_varint(k, a->leader == AUCTION_NONE ? 0 : (uint64_t)a->leader + 1);
    sink_varint(k, a->order);
    sink_varint(k, a->bids_n);
    for (size_t i = 0; i < a->bids_n; i++) {
        const struct auction_bid *b = &a->bids[i];
        sink_signed(k, b->time_ms);
        sink_signed(k, b->price_minor);
        sink_signed(k, b->units);
        sink_signed(k, b->held_minor);
        sink_signed(k, b->paid_minor);
        sink_signed(k, b->forfeited_minor);
        sink_signed(k, b->won_units);
        sink_varint(k, b->bidder);
        sink_varint(k, b->order);
        sink_u8(k, b->retracted);
        sink_u8(k, b->retractions);
        sink_u8(k, b->revealed);
        if (is_sealed(&t))
            sink_bytes(k, b->commitment.b, sizeof b->commitment.b);
    }
}

/* ── loading ── */

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "auction", "the saved auction is damaged (%s)", what);
}

static bool load_terms(struct auction_terms *t, struct source *k)
{
    int64_t *numbers[NUMBERS];
    enum refusal refusal;
    numbers_of(t, numbers);
    uint8_t form = source_u8(k), rule = source_u8(k);
    t->form = (enum auction_form)form;
    t->price_rule = (enum auction_price_rule)rule;
    t->seller = (uint32_t)source_varint(k, UINT32_MAX);
    for (size_t i = 0; i < NUMBERS; i++)
        *numbers[i] = source_signed(k);
    t->increments_n = (uint32_t)source_varint(k, AUCTION_INCREMENTS_MAX);
    for (size_t i = 0; i < t->increments_n; i++) {
        t->increments[i].from_minor = source_signed(k);
        t->increments[i].by_minor = source_signed(k);
    }
    return !k->failed && auction_terms_good(t, &refusal);
}

static void load_bid(struct auction_bid *b, bool sealed, struct source *k)
{
    *b = (struct auction_bid){.time_ms = source_signed(k)};
    b->price_minor = source_signed(k);
    b->units = source_signed(k);
    b->held_minor = source_signed(k);
    b->paid_minor = source_signed(k);
    b->forfeited_minor = source_signed(k);
    b->won_units = source_signed(k);
    b->bidder = (uint32_t)source_varint(k, UINT32_MAX);
    b->order = (uint32_t)source_varint(k, UINT32_MAX);
    b->retracted = source_u8(k);
    b->retractions = source_u8(k);
    b->revealed = source_u8(k);
    if (sealed)
        source_bytes(k, b->commitment.b, sizeof b->commitment.b);
}

static bool bid_good(const struct auction *a, size_t i)
{
    const struct auction_bid *b = &a->bids[i];
    const struct auction_terms *t = &a->terms;
    int64_t value;
    bool priced = b->price_minor > 0 || (is_sealed(t) && !b->revealed && b->price_minor == 0);
    if (!priced || b->units <= 0 || b->retracted > 1 || b->retractions > 1 || b->revealed > 1 ||
        b->retracted > b->retractions || (b->revealed && !is_sealed(t)) || b->order >= a->order ||
        b->time_ms > a->now_ms || b->bidder == t->seller || b->paid_minor < 0 ||
        b->forfeited_minor < 0 || b->won_units < 0 || b->won_units > b->units ||
        __builtin_mul_overflow(b->price_minor, b->units, &value) || b->paid_minor > value)
        return false;
    if (a->state == AUCTION_OPEN && (b->paid_minor || b->forfeited_minor || b->won_units))
        return false;
    return b->held_minor == auction_need(a, i, a->now_ms);
}

/* Leader and price of a running auction are what its bids make them.                            */
static bool lead_good(const struct auction *a)
{
    struct auction again = *a;
    if (a->leader != AUCTION_NONE && a->leader >= a->bids_n)
        return false;
    if (a->state != AUCTION_OPEN)
        return a->price_minor >= 0;
    again.leader = AUCTION_NONE;
    again.price_minor = a->terms.start_minor;
    auction_lead(&again);
    return again.leader == a->leader && again.price_minor == a->price_minor;
}

static bool could_have_been(const struct auction *a)
{
    const struct auction_terms *t = &a->terms;
    bool moves = t->extend_within_ms > 0;
    if (a->closes_ms < t->closes_ms || (a->closes_ms > t->closes_ms && !moves) ||
        (moves && a->closes_ms > t->closes_latest_ms) || !lead_good(a))
        return false;
    for (size_t i = 0; i < a->bids_n; i++)
        if (!bid_good(a, i))
            return false;
    return true;
}

static enum heed_status load(struct auction *a, struct source *k, struct heed_error *err)
{
    if (!load_terms(&a->terms, k))
        return damaged(err, "terms");
    uint8_t state = source_u8(k);
    a->state = (enum auction_state)state;
    a->now_ms = source_signed(k);
    a->closes_ms = source_signed(k);
    a->price_minor = source_signed(k);
    a->leader = (uint32_t)(source_varint(k, UINT32_MAX) - 1);
    a->order = (uint32_t)source_varint(k, UINT32_MAX);
    size_t n = source_varint(k, AUCTION_BIDS_MAX);
    if (k->failed || state >= AUCTION_STATES)
        return damaged(err, "state");
    for (; a->bids_n < n && !k->failed; a->bids_n++) {
        if (!array_grow(&a->bids, &a->bids_cap, a->bids_n + 1, sizeof *a->bids))
            return error_nomem(err);
        load_bid(&a->bids[a->bids_n], is_sealed(&a->terms), k);
    }
    if (k->failed || !could_have_been(a))
        return damaged(err, "bids that could not have been made");
    return HEED_OK;
}

enum heed_status auction_load(struct auction *a, struct source *k, struct heed_error *err)
{
    *a = (struct auction){0};
    enum heed_status status = load(a, k, err);
    if (status != HEED_OK)
        auction_deinit(a);
    return status;
}
