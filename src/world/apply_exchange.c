/* Commands of the exchange. */
#include "base/error.h"
#include "base/hash.h"
#include "world/apply.h"
#include "world/units.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60000 };

static enum heed_status went(enum heed_status status, struct heed_error *err)
{
    return status == HEED_OK      ? HEED_OK
           : status == HEED_INPUT ? error_set(err, status, "exchange",
                                              "the market and the ledger do not agree: the world "
                                              "file is damaged; restore a backup")
                                  : error_set(err, status, "exchange", "there is no room for more");
}

static struct venue_desk desk_of(struct world *w, const struct call *call)
{
    return (struct venue_desk){&w->state.venues, &w->state.ledger, call->time_ms};
}

/* i: currency, good: of every command of one market. */
size_t exchange_named(const struct world *w, const struct call *call, enum refusal *refusal)
{
    const struct good *g = call->i[1] < 0 || call->i[1] > UINT32_MAX
                               ? NULL
                               : catalogue_good(&w->state.catalogue, (uint32_t)call->i[1]);
    *refusal = g ? REFUSED_unknown_market : REFUSED_unknown_target;
    if (!g)
        return VENUE_NONE;
    size_t at = venues_find(&w->state.venues, (uint32_t)call->i[1],
                            call->i[0] == CALL_ABSENT ? g->currency : (uint16_t)call->i[0]);
    if (at != VENUE_NONE)
        *refusal = REFUSED_NOT;
    return at;
}

/* ── replies ── */

static const char *const event_names[EXCHANGE_EVENTS] = {
    "accepted", "replaced", "triggered", "booked", "trade", "cancelled", "expired", "phase"};

static json_t *number_or_null(uint64_t number)
{
    return number ? json_integer((json_int_t)number) : json_null();
}

static json_t *event(const struct exchange_event *e)
{
    const char *reason = exchange_reason_name((enum exchange_reason)e->reason);
    if (e->kind == EXCHANGE_PHASE)
        return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I}", "event", "phase", "phase",
                         exchange_phase_name((enum exchange_phase)e->phase), "reason", reason,
                         "price_minor", (json_int_t)e->price, "size", (json_int_t)e->size,
                         "surplus", (json_int_t)e->left);
    return json_pack("{s:s,s:I,s:o,s:s,s:I,s:I,s:I,s:s}", "event", event_names[e->kind], "order",
                     (json_int_t)e->number, "other", number_or_null(e->other_number), "side",
                     e->side == EXCHANGE_BUY ? "buy" : "sell", "price_minor", (json_int_t)e->price,
                     "size", (json_int_t)e->size, "left", (json_int_t)e->left, "reason", reason);
}

static json_t *held_of(const struct world *w, uint32_t party, uint32_t unit)
{
    const struct ledger *l = &w->state.ledger;
    return json_pack(
        "{s:o,s:I,s:I}", "currency", reply_unit(w, unit), "balance_minor",
        (json_int_t)ledger_balance(l, ledger_find(l, party, unit)), "in_orders_minor",
        (json_int_t)ledger_balance(l, ledger_find_for(l, party, unit, PURPOSE_ORDERS)));
}

/* What happened, and what `party` (HANDLE_NONE: nobody) has and holds after it. */
static enum heed_status told(const struct world *w, size_t at, uint64_t number, uint32_t party,
                             struct outcome *o, struct heed_error *err)
{
    const struct venues *v = &w->state.venues;
    const struct venue *m = &v->list[at];
    struct exchange_order order = {0};
    if (!o->want_reply)
        return HEED_OK;
    json_t *events = json_array();
    int64_t filled = 0, fee = 0;
    for (size_t i = 0; !o->repeated && i < v->out.n; i++) {
        const struct exchange_event *e = &v->out.events[i];
        json_array_append_new(events, event(e));
        if (e->kind != EXCHANGE_TRADE || number == 0)
            continue;
        filled += e->number == number || e->other_number == number ? e->size : 0;
        fee += e->number == number ? e->fee : e->other_number == number ? e->other_fee : 0;
    }
    bool open = exchange_find(m->x, 0, number, &order);
    json_t *balances = json_array();
    if (party != HANDLE_NONE && !catalogue_erased(&w->state.catalogue, party)) {
        json_array_append_new(balances, held_of(w, party, m->currency));
        json_array_append_new(balances, held_of(w, party, item_unit(m->target)));
    }
    return reply_pack(&o->reply, err, "{s:o,s:o,s:s,s:o,s:b,s:b,s:I,s:I,s:I,s:o,s:o}", "good",
                      reply_target(w, m->target), "currency", reply_currency(w, m->currency),
                      "phase", venue_phase_name(m), "order", number_or_null(number), "repeated",
                      (int)o->repeated, "open", (int)open, "filled", (json_int_t)filled, "left",
                      (json_int_t)order.left, "fee_minor", (json_int_t)fee, "events", events,
                      "balances", balances);
}

/* ── a market ── */

const char *exchange_settings_asked(const struct call *call, struct exchange_settings *s)
{
    const int64_t *i = call->i;
    *s = exchange_defaults();
    s->remember = 0; /* the ledger remembers ids */
    s->ticks[0].tick = i[2] == CALL_ABSENT ? 1 : i[2];
    s->ticks[0].lot = i[3] == CALL_ABSENT ? 1 : i[3];
    s->maker_ppm = (int32_t)call_or(i[4], 0);
    s->taker_ppm = (int32_t)call_or(i[5], 0);
    s->auction_ppm = (int32_t)call_or(i[6], 0);
    s->protection_ppm = (uint32_t)call_or(i[7], 0);
    s->static_ppm = (uint32_t)call_or(i[8], 0);
    s->dynamic_ppm = (uint32_t)call_or(i[9], 0);
    s->call_ms = i[10] == CALL_ABSENT ? s->call_ms : i[10] * SECOND_MS;
    s->halt_ms = call_or(i[11], 0) * SECOND_MS;
    s->open_ms = call_or(i[12], 0) * MINUTE_MS;
    s->close_ms = call_or(i[13], 0) * MINUTE_MS;
    if (s->ticks[0].tick <= 0 || s->ticks[0].tick > EXCHANGE_PRICE_MAX)
        return "the tick must be the least amount of the currency or more, and 2^40 of those at "
               "most";
    return venue_settings_wrong(s);
}

/* i: currency, good, tick, lot, maker, taker, auction, protection, static, dynamic, call, halt,
 * opens, closes */
enum heed_status apply_exchange_open(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    struct exchange_settings s;
    struct venue_desk d = desk_of(w, call);
    size_t at = exchange_named(w, call, &o->refusal);
    if (exchange_settings_asked(call, &s))
        return error_set(err, HEED_INPUT, "exchange",
                         "the journal holds settings of a market that cannot be");
    if (o->refusal == REFUSED_unknown_target)
        return HEED_OK;
    uint32_t target = (uint32_t)call->i[1];
    o->refusal = at != VENUE_NONE                             ? REFUSED_exists
                 : quality_removed(&w->state.quality, target) ? REFUSED_not_eligible
                                                              : REFUSED_NOT;
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    const struct good *g = catalogue_good(&w->state.catalogue, target);
    uint16_t currency = call->i[0] == CALL_ABSENT ? g->currency : (uint16_t)call->i[0];
    enum heed_status status = venue_open(&d, target, currency, &s);
    if (status != HEED_OK)
        return went(status, err);
    return told(w, d.venues->n - 1, 0, HANDLE_NONE, o, err);
}

/* ── orders ── */

/* What stands in the way of trading this good, now, at this price (0: any), for one side. */
static enum refusal barred(const struct world *w, const struct venue *m, const struct call *call,
                           uint32_t party, bool sells, int64_t price, int64_t size,
                           struct outcome *o)
{
    const struct catalogue *c = &w->state.catalogue;
    const struct market_rules *r = world_market_rules(w, call->time_ms);
    const struct good *g = catalogue_good(c, m->target);
    if (catalogue_erased(c, party))
        return REFUSED_erased;
    if (quality_removed(&w->state.quality, m->target))
        return REFUSED_not_eligible;
    if (r->currency != m->currency)
        return REFUSED_NOT;
    const struct market_party he = {.party = party,
                                    .roles = c->parties[party].role_bits,
                                    .joined_ms = c->parties[party].joined_at_ms};
    const struct market_party nobody = {.party = MARKET_NOBODY};
    struct market_trade t = {
        .kind = MARKET_EXCHANGE,
        .class = g->category == HANDLE_NONE ? STR_NONE : intern_str(&c->symbols, g->category),
        .item = m->target,
        .unit_minor = price,
        .quantity = size,
        .reference_minor = exchange_last(m->x),
        .time_ms = call->time_ms,
        .seller = sells ? he : nobody,
        .buyer = sells ? nobody : he,
        .creator = g->seller == HANDLE_NONE ? MARKET_NOBODY : g->seller,
        .affiliate = MARKET_NOBODY};
    return market_decide_side(r, &t, sells, &o->rule);
}

static bool rule_refused(enum refusal refusal)
{
    return refusal == REFUSED_not_tradable || refusal == REFUSED_price_floor ||
           refusal == REFUSED_price_ceiling || refusal == REFUSED_price_distance;
}

/* i: currency, good, user, side, type, price, stop, size, tif, for, display, post-only, stp, id hi,
 * lo */
enum heed_status apply_exchange_place(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    const int64_t *i = call->i;
    size_t at = exchange_named(w, call, &o->refusal);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    if (i[2] < 0 || (uint64_t)i[2] >= w->state.catalogue.parties_n) {
        o->refusal = REFUSED_unknown_user;
        return HEED_OK;
    }
    int64_t life_ms = call_or(i[9], 0) * SECOND_MS;
    struct venue_order order = {
        .ask = {.price = call_or(i[5], 0),
                .stop = call_or(i[6], 0),
                .size = i[7],
                .display = call_or(i[10], 0),
                .expires_ms = life_ms ? call->time_ms + life_ms : 0,
                .owner = EXCHANGE_NONE,
                .op = (uint8_t)call_or(i[4], 0),
                .side = (uint8_t)i[3],
                .tif = (uint8_t)(i[8] != CALL_ABSENT ? i[8]
                                 : life_ms           ? EXCHANGE_GTT
                                                     : EXCHANGE_GTC),
                .stp = (uint8_t)(i[12] == CALL_ABSENT ? EXCHANGE_STP_NEWEST : i[12]),
                .post_only = i[11] == 1},
        .party = (uint32_t)i[2],
        .name = {(uint64_t)call_or(i[13], 0), (uint64_t)call_or(i[14], 0),
                 hash_bytes(&i[2], 11 * sizeof i[0], 0)}};
    struct venue_desk d = desk_of(w, call);
    const struct venue *m = &d.venues->list[at];
    struct venue_answer answer;
    enum refusal why = barred(w, m, call, order.party, order.ask.side == EXCHANGE_SELL,
                              order.ask.price, order.ask.size, o);
    enum heed_status status = venue_place(&d, at, &order, why, &answer);
    o->refusal = answer.refusal;
    o->repeated = answer.repeated;
    if (answer.repeated)
        o->refusal = REFUSED_NOT;
    if (!rule_refused(o->refusal))
        o->rule = NULL;
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        return went(status, err);
    return told(w, at, answer.number, order.party, o, err);
}

/* The caller's id at i[0] and i[1], for what he asked and in whose name. */
static struct venue_name name_of(const struct call *call, const int64_t *i, uint32_t party)
{
    const uint64_t in_name[] = {(uint64_t)call->command, party};
    return (struct venue_name){(uint64_t)call_or(i[0], 0), (uint64_t)call_or(i[1], 0),
                               hash_bytes(&call->i[2], (size_t)(i - &call->i[2]) * sizeof *i,
                                          hash_bytes(in_name, sizeof in_name, 0))};
}

/* i: currency, good, order, user, id hi, lo */
enum heed_status apply_exchange_cancel(struct world *w, const struct call *call, struct outcome *o,
                                       struct heed_error *err)
{
    const int64_t *i = call->i;
    size_t at = exchange_named(w, call, &o->refusal);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    bool keeps = actor_has(&w->state, call->actor,
                           ROLE_OPERATOR | ROLE_CLIENT | ROLE_ECONOMIST | ROLE_MODERATOR);
    uint32_t whose = i[3] != CALL_ABSENT ? (uint32_t)i[3] : keeps ? PARTY_ANY : call->actor;
    if (!keeps && whose != call->actor) {
        o->refusal = REFUSED_forbidden;
        return HEED_OK;
    }
    struct venue_desk d = desk_of(w, call);
    uint64_t number = (uint64_t)call_or(i[2], 0);
    struct venue_name name = name_of(call, &i[4], whose);
    struct venue_answer answer;
    enum heed_status status = number ? venue_cancel(&d, at, number, whose, &name, &answer)
                                     : venue_cancel_all(&d, at, whose, &name, &answer);
    o->refusal = answer.refusal;
    o->repeated = answer.repeated;
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        return went(status, err);
    return told(w, at, number, answer.party == PARTY_ANY ? HANDLE_NONE : answer.party, o, err);
}

/* i: currency, good, order, price, stop, size, display, id hi, lo */
enum heed_status apply_exchange_replace(struct world *w, const struct call *call, struct outcome *o,
                                        struct heed_error *err)
{
    const int64_t *i = call->i;
    size_t at = exchange_named(w, call, &o->refusal);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    struct venue_desk d = desk_of(w, call);
    const struct venue *m = &d.venues->list[at];
    struct exchange_order was = {.owner = HANDLE_NONE};
    bool keeps = actor_has(&w->state, call->actor, ROLE_OPERATOR | ROLE_CLIENT);
    uint32_t whose = keeps ? PARTY_ANY : call->actor;
    uint64_t number = (uint64_t)call_or(i[2], 0);
    struct venue_name name = name_of(call, &i[7], whose);
    struct venue_answer answer;
    enum refusal why = REFUSED_NOT;
    bool open = exchange_find(m->x, 0, number, &was);
    struct exchange_ask ask = {.price = call_or(i[3], 0),
                               .stop = call_or(i[4], 0),
                               .size = i[5] == CALL_ABSENT ? was.left : i[5],
                               .display = call_or(i[6], 0)};
    if (open)
        why = barred(w, m, call, was.owner, was.side == EXCHANGE_SELL, ask.price, ask.size, o);
    enum heed_status status = venue_replace(&d, at, number, &ask, whose, &name, why, &answer);
    o->refusal = answer.refusal;
    o->repeated = answer.repeated;
    if (!rule_refused(o->refusal))
        o->rule = NULL;
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        return went(status, err);
    return told(w, at, number, answer.party, o, err);
}

/* ── phases ── */

static enum heed_status turn(struct world *w, const struct call *call, enum exchange_phase to,
                             int64_t for_s, struct outcome *o, struct heed_error *err)
{
    struct exchange_turn t = {.to = (uint8_t)to, .for_ms = call_or(for_s, 0) * SECOND_MS};
    size_t at = exchange_named(w, call, &o->refusal);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    struct venue_desk d = desk_of(w, call);
    enum heed_status status = venue_turn(&d, at, &t, &o->refusal);
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        return went(status, err);
    return told(w, at, 0, HANDLE_NONE, o, err);
}

/* i: currency, good, for */
enum heed_status apply_exchange_halt(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    return turn(w, call, EXCHANGE_HALT, call->i[2], o, err);
}

/* i: currency, good, for */
enum heed_status apply_exchange_call(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    return turn(w, call, EXCHANGE_CALL, call->i[2], o, err);
}

/* i: currency, good */
enum heed_status apply_exchange_resume(struct world *w, const struct call *call, struct outcome *o,
                                       struct heed_error *err)
{
    return turn(w, call, EXCHANGE_CONTINUOUS, CALL_ABSENT, o, err);
}

/* i: currency, good */
enum heed_status apply_exchange_close(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    size_t at = exchange_named(w, call, &o->refusal);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    struct venue_desk d = desk_of(w, call);
    enum heed_status status = venue_close(&d, at, &o->refusal);
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        return went(status, err);
    return told(w, at, 0, HANDLE_NONE, o, err);
}

enum heed_status apply_exchange_advance(struct world *w, const struct call *call, struct outcome *o,
                                        struct heed_error *err)
{
    struct venue_desk d = desk_of(w, call);
    bool moved;
    enum heed_status status = venues_advance(&d, &moved);
    o->repeated = !moved;
    return went(status, err);
}

enum heed_status exchange_let_go(struct world *w, const struct call *call, uint32_t party,
                                 struct heed_error *err)
{
    struct venue_desk d = desk_of(w, call);
    enum heed_status status = HEED_OK;
    for (size_t at = 0; status == HEED_OK && at < d.venues->n; at++) {
        const struct venue *m = &d.venues->list[at];
        struct exchange_funds f;
        struct venue_answer answer;
        if (exchange_funds(m->x, venue_account(m, party), &f) && f.orders > 0)
            status = venue_cancel_all(&d, at, party, NULL, &answer);
    }
    return went(status, err);
}
