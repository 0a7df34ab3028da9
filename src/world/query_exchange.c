/* Queries about the exchange. Of orders the public sees number, price and what is shown; whose they
 * are only their owners and staff. */
#include "circulation/exchange_data.h"
#include "world/apply.h"
#include "world/units.h"

/* i: currency, good */
static const struct venue *market_of(const struct world *w, const struct call *call,
                                     enum refusal *refusal)
{
    size_t at = exchange_named(w, call, refusal);
    return at == VENUE_NONE ? NULL : &w->state.venues.list[at];
}

static json_t *price_or_null(int64_t price)
{
    return price ? json_integer(price) : json_null();
}

static json_t *side_of(const struct exchange *x, enum exchange_side side, size_t depth)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < depth && i < exchange_levels(x, side); i++) {
        struct exchange_quote q = exchange_level(x, side, i);
        json_array_append_new(rows, json_pack("{s:o,s:I,s:I}", "price_minor",
                                              price_or_null(q.price), "size", (json_int_t)q.size,
                                              "orders", (json_int_t)q.orders));
    }
    return rows;
}

/* i: currency, good, depth */
enum heed_status query_exchange_book(struct world *w, const struct call *call,
                                     enum refusal *refusal, json_t **out, struct heed_error *err)
{
    const struct venue *m = market_of(w, call, refusal);
    if (!m)
        return HEED_OK;
    size_t depth = call->i[2] == CALL_ABSENT ? 10 : (size_t)call->i[2];
    int64_t due = m->ended ? INT64_MAX : exchange_due(m->x);
    return reply_pack(
        out, err, "{s:o,s:o,s:s,s:o,s:o,s:I,s:I,s:o,s:o}", "good", reply_target(w, m->target),
        "currency", reply_currency(w, m->currency), "phase", venue_phase_name(m), "next",
        due == INT64_MAX ? json_null() : reply_time(due), "last_minor",
        price_or_null(exchange_last(m->x)), "orders", (json_int_t)exchange_orders(m->x), "sequence",
        (json_int_t)exchange_seq(m->x), "bids", side_of(m->x, EXCHANGE_BUY, depth), "asks",
        side_of(m->x, EXCHANGE_SELL, depth));
}

/* ── trades ── */

static json_t *bars_of(const struct ledger *l, const struct venue *m, int64_t each_ms, size_t k)
{
    enum { PARTS = 1000 };
    struct data_bars b = {.each_ms = each_ms};
    bool ok = true;
    for (size_t i = 0; ok && i < m->trades_n; i++) {
        const struct transfer *t = &l->transfers[m->trades[i]];
        struct data_packet p = {.time_ms = t->time_ms,
                                .trade_price = (int64_t)t->data_hi,
                                .trade_size = t->amount_minor};
        ok = data_bars_take(&b, &p);
    }
    json_t *rows = ok ? json_array() : NULL;
    for (size_t i = b.n; rows && i-- > 0 && json_array_size(rows) < k;) {
        const struct data_bar *x = &b.bars[i];
        json_array_append_new(
            rows, json_pack("{s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:f}", "begin", reply_time(x->begin_ms),
                            "open_minor", (json_int_t)x->open, "high_minor", (json_int_t)x->high,
                            "low_minor", (json_int_t)x->low, "close_minor", (json_int_t)x->close,
                            "volume", (json_int_t)x->volume, "trades", (json_int_t)x->trades,
                            "vwap_minor", (double)data_vwap(x, 1, PARTS) / PARTS));
    }
    data_bars_deinit(&b);
    return rows;
}

/* i: currency, good, k, each */
enum heed_status query_exchange_trades(struct world *w, const struct call *call,
                                       enum refusal *refusal, json_t **out, struct heed_error *err)
{
    const struct ledger *l = &w->state.ledger;
    const struct venue *m = market_of(w, call, refusal);
    if (!m)
        return HEED_OK;
    size_t k = call->i[2] == CALL_ABSENT ? 20 : (size_t)call->i[2];
    json_t *rows = json_array(), *bars = json_null();
    if (call->i[3] != CALL_ABSENT && !(bars = bars_of(l, m, call->i[3] * 1000, k))) {
        json_decref(rows);
        return error_nomem(err);
    }
    for (size_t i = m->trades_n; i-- > 0 && json_array_size(rows) < k;) {
        const struct transfer *t = &l->transfers[m->trades[i]];
        json_array_append_new(
            rows, json_pack("{s:o,s:I,s:I,s:I,s:I}", "time", reply_time(t->time_ms), "price_minor",
                            (json_int_t)t->data_hi, "size", (json_int_t)t->amount_minor, "taker",
                            (json_int_t)t->reference, "transfer", (json_int_t)m->trades[i]));
    }
    return reply_pack(out, err, "{s:o,s:o,s:I,s:o,s:o}", "good", reply_target(w, m->target),
                      "currency", reply_currency(w, m->currency), "traded", (json_int_t)m->trades_n,
                      "trades", rows, "bars", bars);
}

/* ── orders ── */

struct listing {
    const struct world *w;
    const struct venue *m;
    uint32_t party;
    json_t *rows;
};

static bool list_order(void *context, const struct exchange_order *o)
{
    static const char *const types[] = {"limit", "market", "stop", "stop-limit"};
    struct listing *x = context;
    if (o->owner != x->party)
        return true;
    return json_array_append_new(
               x->rows,
               json_pack("{s:o,s:o,s:I,s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:b}", "good",
                         reply_target(x->w, x->m->target), "currency",
                         reply_currency(x->w, x->m->currency), "order", (json_int_t)o->number,
                         "side", o->side == EXCHANGE_BUY ? "buy" : "sell", "type", types[o->op],
                         "price_minor", price_or_null(o->price), "stop_minor",
                         price_or_null(o->stop), "left", (json_int_t)o->left, "shown",
                         (json_int_t)o->shown, "held_minor", (json_int_t)o->held, "waits",
                         (int)o->waits)) == 0;
}

/* i: user */
enum heed_status query_exchange_orders(struct world *w, const struct call *call,
                                       enum refusal *refusal, json_t **out, struct heed_error *err)
{
    const struct venues *v = &w->state.venues;
    struct listing x = {.w = w, .party = (uint32_t)call->i[0], .rows = json_array()};
    bool ok = x.rows != NULL;
    (void)refusal;
    for (size_t i = 0; ok && i < v->n; i++) {
        struct exchange_funds f;
        x.m = &v->list[i];
        if (exchange_funds(x.m->x, venue_account(x.m, x.party), &f) && f.orders > 0)
            ok = exchange_each(x.m->x, list_order, &x);
    }
    if (!ok) {
        json_decref(x.rows);
        return error_nomem(err);
    }
    return reply_pack(out, err, "{s:o,s:o}", "user",
                      reply_target(w, target_make(TARGET_USER, x.party)), "orders", x.rows);
}

/* ── markets ── */

static json_t *market(const struct world *w, const struct venue *m)
{
    const struct exchange_settings *s = exchange_settings_of(m->x);
    struct exchange_quote bid = exchange_level(m->x, EXCHANGE_BUY, 0);
    struct exchange_quote ask = exchange_level(m->x, EXCHANGE_SELL, 0);
    return json_pack(
        "{s:o,s:o,s:s,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:i,s:i,s:i}", "good", reply_target(w, m->target),
        "currency", reply_currency(w, m->currency), "phase", venue_phase_name(m), "bid_minor",
        price_or_null(bid.price), "ask_minor", price_or_null(ask.price), "last_minor",
        price_or_null(exchange_last(m->x)), "orders", (json_int_t)exchange_orders(m->x), "traded",
        (json_int_t)m->trades_n, "tick_minor", (json_int_t)s->ticks[0].tick, "lot",
        (json_int_t)s->ticks[0].lot, "maker_ppm", (int)s->maker_ppm, "taker_ppm", (int)s->taker_ppm,
        "auction_ppm", (int)s->auction_ppm);
}

enum heed_status query_exchange_markets(struct world *w, const struct call *call,
                                        enum refusal *refusal, json_t **out, struct heed_error *err)
{
    const struct venues *v = &w->state.venues;
    json_t *rows = json_array();
    (void)call;
    (void)refusal;
    for (size_t i = 0; i < v->n; i++)
        json_array_append_new(rows, market(w, &v->list[i]));
    return reply_pack(out, err, "{s:o}", "markets", rows);
}
