/* What is told of auctions. Maxima and sealed amounts are their bidders' own as long as an auction
 * runs; of an English one the winner's maximum stays his. */
#include "world/apply.h"

/* Whoever keeps or looks after the world sees all. */
static bool sees_all(const struct world *w, uint32_t viewer)
{
    return viewer == HANDLE_NONE || w->state.catalogue.parties[viewer].role_bits &
                                        (ROLE_OPERATOR | ROLE_AUDITOR | ROLE_ECONOMIST);
}

static json_t *person(const struct world *w, uint32_t party)
{
    return catalogue_erased(&w->state.catalogue, party)
               ? json_null()
               : reply_target(w, target_make(TARGET_USER, party));
}

static bool sealed(const struct auction *a)
{
    return a->terms.form == AUCTION_SEALED_FIRST || a->terms.form == AUCTION_SEALED_VICKREY;
}

static const char *state_of(const struct auction *a, int64_t now_ms)
{
    if (a->state != AUCTION_OPEN)
        return a->state == AUCTION_SOLD ? "sold" : "unsold";
    return now_ms < a->terms.opens_ms ? "waiting"
           : now_ms < a->closes_ms    ? "open"
           : now_ms < auction_end(a)  ? "revealing"
                                      : "closing";
}

static const char *bid_state(const struct auction *a, const struct auction_bid *b)
{
    bool over = a->state != AUCTION_OPEN;
    return b->won_units > 0                       ? "won"
           : b->retracted                         ? "retracted"
           : sealed(a) && !b->revealed            ? (over ? "forfeit" : "committed")
           : over                                 ? "lost"
           : a->leader == (uint32_t)(b - a->bids) ? "leads"
                                                  : "stands";
}

static json_t *reply_bid(const struct world *w, const struct auction *a, uint32_t number,
                         uint32_t viewer)
{
    const struct auction_bid *b = &a->bids[number];
    bool own = sees_all(w, viewer) || b->bidder == viewer, over = a->state != AUCTION_OPEN;
    bool known = b->price_minor > 0 &&
                 (own || (over && (a->terms.form != AUCTION_ENGLISH || b->won_units == 0)));
    return json_pack(
        "{s:I,s:o,s:o,s:s,s:o,s:I,s:o,s:I,s:I,s:I}", "bid", (json_int_t)number, "bidder",
        person(w, b->bidder), "time", reply_time(b->time_ms), "state", bid_state(a, b),
        "amount_minor", known ? json_integer(b->price_minor) : json_null(), "units",
        (json_int_t)b->units, "held_minor", own ? json_integer(b->held_minor) : json_null(),
        "won_units", (json_int_t)b->won_units, "paid_minor", (json_int_t)b->paid_minor,
        "forfeited_minor", (json_int_t)b->forfeited_minor);
}

/* The least that a bid must be; null where nothing says it. */
static json_t *least(const struct auction *a, int64_t now_ms)
{
    bool bids = a->state == AUCTION_OPEN && now_ms < a->closes_ms;
    return bids && !sealed(a) ? json_integer(auction_least(a, now_ms)) : json_null();
}

json_t *reply_auction(const struct world *w, uint32_t number, uint32_t viewer, int64_t now_ms,
                      bool bids)
{
    const struct lot *x = &w->state.auctions.lots[number];
    const struct auction *a = &x->auction;
    const struct auction_terms *t = &a->terms;
    bool hidden = t->form == AUCTION_ENGLISH && a->state == AUCTION_OPEN && !sees_all(w, viewer) &&
                  viewer != t->seller;
    bool met = a->leader != AUCTION_NONE && a->bids[a->leader].price_minor >= t->reserve_minor;
    bool led = a->leader != AUCTION_NONE && (!sealed(a) || a->state != AUCTION_OPEN);
    json_t *list = bids ? json_array() : NULL;
    for (uint32_t i = 0; list && i < a->bids_n; i++)
        json_array_append_new(list, reply_bid(w, a, i, viewer));
    json_t *reply = json_pack(
        "{s:I,s:o,s:o,s:s,s:s,s:I,s:o,s:I,s:o,s:o,s:o,s:b,s:o,s:I,s:o,s:o,s:o,s:I}", "auction",
        (json_int_t)number, "good", reply_target(w, x->target), "seller", person(w, t->seller),
        "kind", auction_form_name(t->form), "state", state_of(a, now_ms), "units",
        (json_int_t)t->units, "currency", reply_currency(w, x->currency), "price_minor",
        (json_int_t)a->price_minor, "least_minor", least(a, now_ms), "leader",
        led ? person(w, a->bids[a->leader].bidder) : json_null(), "reserve_minor",
        hidden ? json_null() : json_integer(t->reserve_minor), "reserve_met", (int)met,
        "buy_now_minor", t->buy_now_minor ? json_integer(t->buy_now_minor) : json_null(),
        "deposit_minor", (json_int_t)t->deposit_minor, "opens", reply_time(t->opens_ms), "closes",
        reply_time(a->closes_ms), "ends", reply_time(auction_end(a)), "bids_n",
        (json_int_t)a->bids_n);
    if (list && reply)
        json_object_set_new(reply, "bids", list);
    else
        json_decref(list);
    return reply;
}

/* i: auction */
enum heed_status query_auction_show(struct world *w, const struct call *call, enum refusal *refusal,
                                    json_t **out, struct heed_error *err)
{
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= w->state.auctions.lots_n) {
        *refusal = REFUSED_unknown_auction;
        return HEED_OK;
    }
    json_t *reply = reply_auction(w, (uint32_t)call->i[0], call->actor, call->time_ms, true);
    if (!reply)
        return error_nomem(err);
    *out = reply;
    return HEED_OK;
}

/* i: good, open, k */
enum heed_status query_auction_list(struct world *w, const struct call *call, enum refusal *refusal,
                                    json_t **out, struct heed_error *err)
{
    (void)refusal;
    const struct auctions *s = &w->state.auctions;
    size_t k = call->i[2] == CALL_ABSENT ? 20 : (size_t)call->i[2], n = 0;
    json_t *rows = json_array();
    for (size_t i = s->lots_n; i-- > 0;) {
        const struct lot *x = &s->lots[i];
        if ((call->i[0] != CALL_ABSENT && call->i[0] != x->target) ||
            (call->i[1] == 1 && x->auction.state != AUCTION_OPEN))
            continue;
        if (n++ < k)
            json_array_append_new(rows,
                                  reply_auction(w, (uint32_t)i, call->actor, call->time_ms, false));
    }
    return reply_pack(out, err, "{s:I,s:o}", "auctions_n", (json_int_t)n, "auctions", rows);
}
