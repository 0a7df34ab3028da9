/* Markets and auctions: books, prices, what was bid and paid. */
#include "base/error.h"
#include "report/data.h"

#include <stdlib.h>

enum { PARTS = 1000 };

void market_data_free(struct market_data *m)
{
    for (size_t i = 0; i < m->markets_n; i++)
        data_bars_deinit(&m->markets[i].candles);
    free(m->markets);
    free(m->fees);
    free(m->earners);
    free(m->lots);
    free(m->kinds);
}

/* ── the exchange ── */

static int64_t best(const struct exchange *x, enum exchange_side side)
{
    size_t i = 0;
    while (i < exchange_levels(x, side) && exchange_level(x, side, i).price == 0)
        i++; /* market orders of a call */
    return exchange_level(x, side, i).price;
}

/* Prices from half to twice what a piece is worth now, and at most so many of them. */
static void depth_of(const struct market_row *m, const struct exchange *x, enum exchange_side side,
                     struct depth *out)
{
    int64_t own = side == EXCHANGE_BUY ? m->bid : m->ask, sum = 0;
    double worth = m->bid && m->ask ? (double)(m->bid + m->ask) / 2 : (double)own;
    double low = worth / 2 < (double)own ? worth / 2 : (double)own;
    double high = worth * 2 > (double)own ? worth * 2 : (double)own;
    for (size_t i = 0; i < exchange_levels(x, side); i++) {
        struct exchange_quote q = exchange_level(x, side, i);
        bool inside = (double)q.price >= low && (double)q.price <= high && out->n < STEPS_MAX;
        if (q.price != 0 && !inside) {
            out->beyond += q.size;
            continue;
        }
        sum += q.size;
        if (q.price != 0) {
            out->price[out->n] = q.price;
            out->sum[out->n++] = sum;
        }
    }
}

static bool take(struct data_bars *bars, const struct ledger *l, const struct venue *v)
{
    bool ok = true;
    for (size_t i = 0; ok && i < v->trades_n; i++) {
        const struct transfer *t = &l->transfers[v->trades[i]];
        const struct data_packet p = {.time_ms = t->time_ms,
                                      .trade_price = (int64_t)t->data_hi,
                                      .trade_size = t->amount_minor};
        ok = data_bars_take(bars, &p);
    }
    return ok;
}

/* The shortest of the usual spans in which all trades are a few candles. */
static bool candles_of(struct market_row *m, const struct ledger *l, const struct venue *v)
{
    static const int64_t minutes[] = {1, 5, 15, 60, 240, 1440, 10080, 40320, 161280, 1612800};
    int64_t first = l->transfers[v->trades[0]].time_ms;
    int64_t last = l->transfers[v->trades[v->trades_n - 1]].time_ms;
    for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
        m->candles.each_ms = minutes[i] * 60000;
        if (last / m->candles.each_ms - first / m->candles.each_ms < CANDLES_MAX)
            break;
    }
    return take(&m->candles, l, v);
}

/* All trades as one bar: what they come to. */
static bool sum_up(struct market_row *m, const struct ledger *l, const struct venue *v)
{
    struct data_bars all = {.each_ms = INT64_MAX};
    bool ok = take(&all, l, v);
    if (ok && all.n > 0) {
        m->volume = all.bars[0].volume;
        m->value = (double)all.bars[0].value_high * 0x1p64 + (double)all.bars[0].value_low;
        m->vwap_ppt = data_vwap(all.bars, all.n, PARTS);
    }
    data_bars_deinit(&all);
    return ok;
}

static int by_value(const void *a, const void *b)
{
    const struct market_row *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? 1 : -1;
    return (x->venue > y->venue) - (x->venue < y->venue);
}

static enum heed_status markets(struct report_data *d, struct heed_error *err)
{
    const struct state *s = &d->w->state;
    struct market_data *m = &d->market;
    m->markets = calloc(s->venues.n + 1, sizeof *m->markets);
    if (!m->markets)
        return error_nomem(err);
    for (; m->markets_n < s->venues.n; m->markets_n++) {
        const struct venue *v = &s->venues.list[m->markets_n];
        struct market_row *row = &m->markets[m->markets_n];
        *row = (struct market_row){.venue = m->markets_n,
                                   .bid = best(v->x, EXCHANGE_BUY),
                                   .ask = best(v->x, EXCHANGE_SELL),
                                   .last = exchange_last(v->x),
                                   .fees_minor = exchange_fees(v->x),
                                   .trades = v->trades_n,
                                   .orders = exchange_orders(v->x),
                                   .now_ms = exchange_now(v->x)};
        if (!sum_up(row, &s->ledger, v))
            return error_nomem(err);
        enum heed_status status = report_name(d, v->target, &row->name, err);
        if (status != HEED_OK)
            return status;
    }
    qsort(m->markets, m->markets_n, sizeof *m->markets, by_value);
    for (size_t i = 0; i < m->markets_n && i < MARKETS_DRAWN; i++) {
        struct market_row *row = &m->markets[i];
        const struct venue *v = &s->venues.list[row->venue];
        depth_of(row, v->x, EXCHANGE_BUY, &row->bids);
        depth_of(row, v->x, EXCHANGE_SELL, &row->asks);
        if (v->trades_n > 0 && !candles_of(row, &s->ledger, v))
            return error_nomem(err);
    }
    return HEED_OK;
}

/* ── auctions ── */

static int by_revenue(const void *a, const void *b)
{
    const struct lot_row *x = a, *y = b;
    if (x->revenue_minor != y->revenue_minor)
        return x->revenue_minor < y->revenue_minor ? 1 : -1;
    return (x->lot > y->lot) - (x->lot < y->lot);
}

static void winners(const struct report_data *d, const struct auction *a, struct lot_row *row)
{
    uint32_t winner = AUCTION_NONE;
    for (size_t i = 0; i < a->bids_n; i++) {
        const struct auction_bid *b = &a->bids[i];
        row->revenue_minor += b->paid_minor;
        row->forfeited_minor += b->forfeited_minor;
        row->won_units += b->won_units;
        if (b->won_units > 0 && b->bidder != winner) {
            winner = b->bidder;
            row->winners++;
        }
    }
    if (row->winners == 1 && !catalogue_erased(&d->w->state.catalogue, winner))
        world_target_text(d->w, target_make(TARGET_USER, winner), row->winner);
}

static enum heed_status count_kind(struct market_data *m, const struct lot *x,
                                   const struct lot_row *row, struct heed_error *err)
{
    const struct auction *a = &x->auction;
    size_t i = 0;
    while (i < m->kinds_n &&
           (m->kinds[i].form != a->terms.form || m->kinds[i].currency != x->currency))
        i++;
    if (i == m->kinds_n) {
        if (!array_grow(&m->kinds, &m->kinds_cap, m->kinds_n + 1, sizeof *m->kinds))
            return error_nomem(err);
        m->kinds[m->kinds_n++] = (struct kind_row){.form = a->terms.form, .currency = x->currency};
    }
    struct kind_row *k = &m->kinds[i];
    k->lots++;
    k->running += a->state == AUCTION_OPEN;
    k->sold += a->state == AUCTION_SOLD;
    k->bids += a->bids_n;
    k->units += row->won_units;
    k->revenue_minor += row->revenue_minor;
    return HEED_OK;
}

static int by_kind(const void *a, const void *b)
{
    const struct kind_row *x = a, *y = b;
    if (x->currency != y->currency)
        return (x->currency > y->currency) - (x->currency < y->currency);
    if (x->revenue_minor != y->revenue_minor)
        return x->revenue_minor < y->revenue_minor ? 1 : -1;
    return (int)x->form - (int)y->form;
}

static enum heed_status lots(struct report_data *d, struct heed_error *err)
{
    const struct auctions *s = &d->w->state.auctions;
    struct market_data *m = &d->market;
    m->lots = calloc(s->lots_n + 1, sizeof *m->lots);
    if (!m->lots)
        return error_nomem(err);
    for (uint32_t i = 0; i < s->lots_n; i++) {
        struct lot_row *row = &m->lots[m->lots_n++];
        *row = (struct lot_row){.lot = i, .bids = s->lots[i].auction.bids_n};
        winners(d, &s->lots[i].auction, row);
        m->sold_n += s->lots[i].auction.state == AUCTION_SOLD;
        enum heed_status status = report_name(d, s->lots[i].target, &row->name, err);
        if (status == HEED_OK)
            status = count_kind(m, &s->lots[i], row, err);
        if (status != HEED_OK)
            return status;
    }
    qsort(m->lots, m->lots_n, sizeof *m->lots, by_revenue);
    if (m->kinds_n > 0)
        qsort(m->kinds, m->kinds_n, sizeof *m->kinds, by_kind);
    return HEED_OK;
}

enum heed_status gather_market(struct report_data *d, struct heed_error *err)
{
    enum heed_status status = markets(d, err);
    return status == HEED_OK ? lots(d, err) : status;
}
