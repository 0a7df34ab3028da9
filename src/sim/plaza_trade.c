/* The market days of plaza, and what was traded in them. */
#include "sim/plaza_market.h"

#include <stdlib.h>

/* ── who and what there is ── */

/* Moderators, say, do not trade: they may do nothing for themselves. */
static bool is_trader(const struct catalogue *c, uint32_t party)
{
    const struct party *p = &c->parties[party];
    return p->flags & PARTY_USER && !(p->flags & PARTY_ERASED) && p->role_bits & ROLE_MEMBER;
}

struct ranked {
    int64_t attention;
    uint32_t target;
};

static int by_attention(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->attention != y->attention)
        return x->attention < y->attention ? 1 : -1;
    return x->target < y->target ? -1 : x->target > y->target;
}

/* Goods that creators who are still there offer in this currency, those of most attention first. */
static bool rank_goods(struct market *m)
{
    const struct catalogue *c = &m->w->state.catalogue;
    struct ranked *all = calloc(c->goods_n + 1, sizeof *all);
    m->ranked = calloc(c->goods_n + 1, sizeof *m->ranked);
    bool ok = all && m->ranked;
    for (uint32_t i = 0; ok && i < c->goods_n; i++) {
        const struct good *g = &c->goods[i];
        uint32_t target = target_make(TARGET_GOOD, i);
        if (g->listed && g->price_minor > 0 && g->currency == m->currency &&
            g->seller != HANDLE_NONE && is_trader(c, g->seller) && !catalogue_gone(c, target) &&
            !quality_removed(&m->w->state.quality, target))
            all[m->ranked_n++] = (struct ranked){market_attention(m, target), target};
    }
    if (ok && m->ranked_n)
        qsort(all, m->ranked_n, sizeof *all, by_attention);
    for (uint32_t i = 0; ok && i < m->ranked_n; i++)
        m->ranked[i] = all[i].target;
    free(all);
    return ok;
}

static bool begin(struct market *m)
{
    const struct catalogue *c = &m->w->state.catalogue;
    m->purse = calloc(c->parties_n + 1, sizeof *m->purse);
    m->people = calloc(c->parties_n + 1, sizeof *m->people);
    bool ok = m->purse && m->people && rank_goods(m);
    for (int k = 0; k < PLAZA_MARKETS; k++) {
        m->holders[k] = calloc(c->parties_n + 1, sizeof *m->holders[k]);
        ok = ok && m->holders[k];
    }
    for (uint32_t i = 0; ok && i < c->parties_n; i++) {
        if (!is_trader(c, i))
            continue;
        m->purse[i] = market_money(m, i);
        if (m->purse[i] > 0)
            m->people[m->people_n++] = i;
    }
    return ok;
}

static void end(struct market *m)
{
    free(m->purse);
    free(m->people);
    free(m->ranked);
    free(m->agenda);
    free(m->wishes);
    free(m->resting);
    free(m->sales);
    free(m->sealed);
    for (int k = 0; k < PLAZA_MARKETS; k++)
        free(m->holders[k]);
}

/* ── a day ── */

static enum heed_status keep(struct market *m, const struct appointment *x, struct heed_error *err)
{
    m->now_ms = x->time_ms;
    switch (x->act) {
    case ACT_VISIT:
        return shop_visit(m, x->person, err);
    case ACT_RESELL:
        return shop_offer_again(m, x->person, x->about, err);
    case ACT_ORDER:
        return exchange_order(m, x->about, err);
    case ACT_RECALL:
        return exchange_recall(m, err);
    case ACT_OPEN:
        return auctions_open_sale(m, x->about, err);
    case ACT_BID:
        return auctions_bid_in(m, x->about, err);
    case ACT_REVEAL:
        return auctions_reveal_bid(m, x->about, err);
    }
    return HEED_OK;
}

static enum heed_status live_a_day(struct market *m, int64_t day_ms, struct heed_error *err)
{
    m->now_ms = day_ms;
    m->median_micro = m->ranked_n ? market_attention(m, m->ranked[m->ranked_n / 2]) : 0;
    enum heed_status status = shop_morning(m, day_ms, err);
    if (status == HEED_OK)
        status = exchange_morning(m, day_ms, err);
    if (status == HEED_OK)
        status = auctions_morning(m, day_ms, err);
    for (struct appointment x; status == HEED_OK && market_next(m, &x);)
        status = keep(m, &x, err);
    return status;
}

/* ── what was traded ── */

struct tally {
    int64_t purchases, resales, spent_minor;
    int64_t trades, pieces, turnover_minor;
    int64_t auctions, sold, sold_pieces, auctioned_minor;
    int64_t fees_minor, royalties_minor;
};

static struct tally tally_of(const struct market *m, size_t transfers_before)
{
    const struct state *s = &m->w->state;
    struct tally t = {.purchases = (int64_t)s->shop.purchases_n};
    for (size_t i = 0; i < s->shop.purchases_n; i++) {
        t.resales += s->shop.purchases[i].offer != SHOP_NONE;
        t.spent_minor += s->shop.purchases[i].price_minor;
    }
    for (size_t i = 0; i < s->venues.n; i++)
        for (size_t k = 0; k < s->venues.list[i].trades_n; k++) {
            const struct transfer *x = &s->ledger.transfers[s->venues.list[i].trades[k]];
            t.trades++;
            t.pieces += x->amount_minor;
            t.turnover_minor += x->amount_minor * (int64_t)x->data_hi;
        }
    for (size_t i = 0; i < s->auctions.lots_n; i++) {
        const struct auction *a = &s->auctions.lots[i].auction;
        t.auctions += a->state != AUCTION_OPEN;
        t.sold += a->state == AUCTION_SOLD;
        for (size_t k = 0; k < a->bids_n; k++) {
            t.sold_pieces += a->bids[k].won_units;
            t.auctioned_minor += a->bids[k].paid_minor;
        }
    }
    for (size_t i = transfers_before; i < s->ledger.transfers_n; i++) {
        const struct transfer *x = &s->ledger.transfers[i];
        t.fees_minor += x->code == CODE_FEE ? x->amount_minor : 0;
        t.royalties_minor += x->code == CODE_ROYALTY ? x->amount_minor : 0;
    }
    return t;
}

static enum heed_status tell(const struct market *m, const struct tally *t, json_t **traded,
                             struct heed_error *err)
{
    return reply_pack(
        traded, err, "{s:I,s:I,s:I,s:{s:I,s:I,s:I,s:I},s:{s:I,s:I,s:I,s:I},s:I,s:I,s:s}",
        "purchases", (json_int_t)t->purchases, "resales", (json_int_t)t->resales, "spent_minor",
        (json_int_t)t->spent_minor, "exchange", "markets", (json_int_t)m->w->state.venues.n,
        "trades", (json_int_t)t->trades, "pieces", (json_int_t)t->pieces, "turnover_minor",
        (json_int_t)t->turnover_minor, "auctions", "closed", (json_int_t)t->auctions, "sold",
        (json_int_t)t->sold, "pieces", (json_int_t)t->sold_pieces, "turnover_minor",
        (json_int_t)t->auctioned_minor, "fees_minor", (json_int_t)t->fees_minor, "royalties_minor",
        (json_int_t)t->royalties_minor, "currency", m->w->state.rules.currencies[m->currency].code);
}

/* ── all of it ── */

int64_t plaza_trade_ends_ms(const struct world *w)
{
    const struct consumption *c = &w->state.consumption;
    int64_t begin_ms = world_now(w);
    int64_t paid_ms = (c->settled_through + 1) * w->state.rules.consumption.epoch_ms;
    const struct ledger *l = &w->state.ledger;
    if (c->settlements_n && paid_ms > begin_ms)
        begin_ms = paid_ms;
    if (l->transfers_n && l->transfers[l->transfers_n - 1].time_ms > begin_ms)
        begin_ms = l->transfers[l->transfers_n - 1].time_ms;
    return ((begin_ms + DAY_MS - 1) / DAY_MS + PLAZA_MARKET_DAYS) * DAY_MS;
}

static enum heed_status live(struct market *m, struct heed_error *err)
{
    int64_t end_ms = m->start_ms + PLAZA_MARKET_DAYS * DAY_MS;
    enum heed_status status = begin(m) ? HEED_OK : error_nomem(err);
    if (status == HEED_OK && m->people_n > 0)
        status = exchange_begin(m, m->start_ms + 6 * HOUR_MS, err);
    for (int64_t day = m->start_ms; status == HEED_OK && m->people_n > 0 && day < end_ms;
         day += DAY_MS)
        status = live_a_day(m, day, err);
    const struct heed_context last = {end_ms - 1, NULL};
    if (status == HEED_OK)
        status = admit_due(m->w, &last, err); /* the last auctions end */
    return status;
}

bool plaza_traded(const struct world *w)
{
    const struct state *s = &w->state;
    return s->shop.purchases_n > 0 || s->venues.n > 0 || s->auctions.lots_n > 0;
}

enum heed_status plaza_trade(struct world *w, uint64_t seed, json_t **traded,
                             struct heed_error *err)
{
    const struct state *s = &w->state;
    struct market m = {.w = w,
                       .seed = seed,
                       .currency = s->rules.consumption.currency,
                       .start_ms = plaza_trade_ends_ms(w) - PLAZA_MARKET_DAYS * DAY_MS};
    size_t transfers = s->ledger.transfers_n;
    enum heed_status status = HEED_OK;
    *traded = NULL;
    m.now_ms = m.start_ms;
    prng_seed(&m.r, seed ^ (uint64_t)STREAM_MARKET << 56);
    bool new = !plaza_traded(w);
    if (new)
        status = world_guard(w, live(&m, err));
    if (status == HEED_OK)
        status = world_commit(w, err);
    if (status == HEED_OK) {
        struct tally t = {0};
        if (new)
            t = tally_of(&m, transfers);
        status = tell(&m, &t, traded, err);
    }
    end(&m);
    return status;
}
