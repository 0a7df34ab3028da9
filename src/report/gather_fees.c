/* What trade cost, by the rule that says so, and who earned by it: from the lines of purchases,
 * from the transfers of auctions, whose data is the line of the rules, and from those of trades. */
#include "base/error.h"
#include "report/data.h"

#include <stdio.h>
#include <stdlib.h>

struct gathering {
    struct report_data *d;
    struct map earner_of; /* party, currency -> row */
    struct heed_error *err;
};

/* ── fees ── */

static const char *rule_at(const struct market_rules *r, uint32_t line)
{
    for (uint32_t i = 0; i < r->charges_n; i++)
        if (r->charges[i].line == line)
            return r->charges[i].name.text;
    return r->base_fee.set && r->base_fee.line == line ? r->base_fee.name.text : NULL;
}

/* The rule of a line as the rules were then. What was done at the moment in which a version came
 * into force may have been before it. */
static const char *rule_of(const struct report_data *d, uint32_t line, int64_t time_ms)
{
    const char *name = line ? rule_at(world_market_rules(d->w, time_ms), line) : NULL;
    if (line && !name)
        name = rule_at(world_market_rules(d->w, time_ms - 1), line);
    return name ? name : "";
}

/* Adds to the row of the same rule, sink and currency. */
static enum heed_status add_fee(struct gathering *g, const struct fee_row *fee)
{
    struct market_data *m = &g->d->market;
    size_t i = 0;
    while (i < m->fees_n &&
           (m->fees[i].place != fee->place || m->fees[i].currency != fee->currency ||
            m->fees[i].line != fee->line || strcmp(m->fees[i].rule, fee->rule) != 0 ||
            strcmp(m->fees[i].to, fee->to) != 0 || strcmp(m->fees[i].market.id, fee->market.id)))
        i++;
    if (i == m->fees_n) {
        if (!array_grow(&m->fees, &m->fees_cap, m->fees_n + 1, sizeof *m->fees))
            return error_nomem(g->err);
        m->fees[m->fees_n++] = *fee;
        return HEED_OK;
    }
    m->fees[i].minor += fee->minor;
    m->fees[i].back_minor += fee->back_minor;
    m->fees[i].waiting_minor += fee->waiting_minor;
    m->fees[i].times += fee->times;
    return HEED_OK;
}

static struct fee_row fee_of(const struct report_data *d, enum trade_place place, uint32_t line,
                             int64_t time_ms, uint32_t holder, uint16_t purpose, uint16_t currency)
{
    struct fee_row fee = {.place = place, .line = line, .currency = currency, .times = 1};
    const char *sink = shop_sink_name(&d->w->state.shop, purpose);
    const char *system = holder_system_name(holder);
    if (!sink)
        sink = holder == HOLDER_RETIRE || !system ? "" : system + strlen("system:");
    snprintf(fee.to, sizeof fee.to, "%s", sink);
    snprintf(fee.rule, sizeof fee.rule, "%s", rule_of(d, line, time_ms));
    return fee;
}

/* ── earnings ── */

static struct earner_row *earner(struct gathering *g, uint32_t party, uint16_t currency)
{
    struct market_data *m = &g->d->market;
    uint64_t key = (uint64_t)currency << 32 | party;
    uint32_t at = map_get(&g->earner_of, key);
    if (at != MAP_NONE)
        return &m->earners[at];
    if (!array_grow(&m->earners, &m->earners_cap, m->earners_n + 1, sizeof *m->earners) ||
        !map_put(&g->earner_of, key, (uint32_t)m->earners_n))
        return NULL;
    struct earner_row *row = &m->earners[m->earners_n++];
    *row = (struct earner_row){.party = party, .currency = currency};
    if (!catalogue_erased(&g->d->w->state.catalogue, party))
        world_target_text(g->d->w, target_make(TARGET_USER, party), row->id);
    return row;
}

static enum heed_status earn(struct gathering *g, uint32_t holder, uint16_t currency,
                             uint32_t target, enum trade_place place, bool royalty, int64_t minor)
{
    if (holder >= HOLDER_SYSTEM || minor == 0)
        return HEED_OK;
    struct earner_row *row = earner(g, holder, currency);
    if (!row)
        return error_nomem(g->err);
    bool own = catalogue_good(&g->d->w->state.catalogue, target)->seller == holder;
    *(royalty ? &row->royalty : own ? &row->own[place] : &row->resold) += minor;
    row->all += minor;
    return HEED_OK;
}

/* ── where they come from ── */

static enum heed_status shop_line(struct gathering *g, const struct purchase *p,
                                  const struct shop_line *l)
{
    enum trade_place place = p->offer == SHOP_NONE ? TRADE_SHOP : TRADE_RESALE;
    int64_t stays = l->minor - l->back_minor;
    bool waits = p->state == SHOP_ESCROW;
    enum heed_status status = HEED_OK;
    if (l->rule || l->code == CODE_FEE) {
        struct fee_row fee =
            fee_of(g->d, place, l->rule, p->time_ms, l->holder, l->purpose, p->currency);
        if (l->code == CODE_ROYALTY)
            snprintf(fee.to, sizeof fee.to, "creator");
        *(waits ? &fee.waiting_minor : &fee.minor) = waits ? stays : l->minor;
        fee.back_minor = waits ? 0 : l->back_minor;
        status = add_fee(g, &fee);
    }
    if (status == HEED_OK && !waits && (l->code == CODE_SALE || l->code == CODE_ROYALTY))
        status = earn(g, l->holder, p->currency, p->target, place, l->code == CODE_ROYALTY, stays);
    return status;
}

static enum heed_status of_shop(struct gathering *g)
{
    const struct shop *s = &g->d->w->state.shop;
    enum heed_status status = HEED_OK;
    for (size_t i = 0; i < s->purchases_n; i++)
        for (uint32_t k = 0; status == HEED_OK && k < s->purchases[i].lines; k++)
            status = shop_line(g, &s->purchases[i], &s->lines[s->purchases[i].first_line + k]);
    return status;
}

/* A transfer of money out of what bids hold, to whom it is due. */
static enum heed_status auction_line(struct gathering *g, const struct transfer *t)
{
    const struct state *s = &g->d->w->state;
    const struct account *from = &s->ledger.accounts[t->debit];
    const struct account *to = &s->ledger.accounts[t->credit];
    if (from->purpose != PURPOSE_BIDS || from->unit >= UNITS_OF_MONEY || t->code == CODE_BID ||
        t->reference >= s->auctions.lots_n)
        return HEED_OK;
    uint32_t target = s->auctions.lots[t->reference].target;
    uint16_t currency = (uint16_t)from->unit;
    enum heed_status status = HEED_OK;
    if (t->code != CODE_AUCTION) {
        struct fee_row fee = fee_of(g->d, TRADE_AUCTION, (uint32_t)t->data_lo, t->time_ms,
                                    to->holder, to->purpose, currency);
        if (t->code == CODE_ROYALTY)
            snprintf(fee.to, sizeof fee.to, "creator");
        fee.minor = t->amount_minor;
        status = add_fee(g, &fee);
    }
    if (status == HEED_OK && t->code != CODE_FEE)
        status = earn(g, to->holder, currency, target, TRADE_AUCTION, t->code == CODE_ROYALTY,
                      t->amount_minor);
    return status;
}

static enum heed_status of_auctions(struct gathering *g)
{
    const struct ledger *l = &g->d->w->state.ledger;
    enum heed_status status = HEED_OK;
    for (size_t i = 0; i < l->transfers_n && status == HEED_OK; i++)
        status = auction_line(g, &l->transfers[i]);
    return status;
}

/* What the seller of pieces got for them: of the transfers of a trade the pieces are the last, and
 * the money the first (circulation/venues.c). */
static int64_t proceeds(const struct ledger *l, uint32_t pieces)
{
    enum { LEGS = 4 };
    for (uint32_t i = 1; i < LEGS && i <= pieces; i++) {
        const struct transfer *t = &l->transfers[pieces - i];
        if (t->code == CODE_TRADE)
            return l->accounts[t->debit].unit < UNITS_OF_MONEY ? t->amount_minor : 0;
    }
    return 0;
}

static enum heed_status of_market(struct gathering *g, const struct market_row *m)
{
    const struct ledger *l = &g->d->w->state.ledger;
    const struct venue *v = &g->d->w->state.venues.list[m->venue];
    enum heed_status status = HEED_OK;
    if (m->fees_minor != 0) {
        const struct fee_row fee = {.place = TRADE_EXCHANGE,
                                    .market = m->name,
                                    .currency = v->currency,
                                    .minor = m->fees_minor,
                                    .times = v->trades_n};
        status = add_fee(g, &fee);
    }
    for (size_t i = 0; i < v->trades_n && status == HEED_OK; i++) {
        const struct transfer *t = &l->transfers[v->trades[i]];
        status = earn(g, l->accounts[t->debit].holder, v->currency, v->target, TRADE_EXCHANGE,
                      false, proceeds(l, v->trades[i]));
    }
    return status;
}

/* ── in order ── */

static int by_currency(uint16_t a, uint16_t b, int64_t x, int64_t y)
{
    return a != b ? (a > b) - (a < b) : (x < y) - (x > y);
}

static int by_taken(const void *a, const void *b)
{
    const struct fee_row *x = a, *y = b;
    int order =
        by_currency(x->currency, y->currency, x->minor - x->back_minor, y->minor - y->back_minor);
    if (order == 0)
        order = (int)x->place - (int)y->place;
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int by_earned(const void *a, const void *b)
{
    const struct earner_row *x = a, *y = b;
    int order = by_currency(x->currency, y->currency, x->all, y->all);
    return order ? order : (x->party > y->party) - (x->party < y->party);
}

enum heed_status gather_fees(struct report_data *d, struct heed_error *err)
{
    struct market_data *m = &d->market;
    struct gathering g = {.d = d, .err = err};
    map_init(&g.earner_of);
    enum heed_status status = of_shop(&g);
    if (status == HEED_OK)
        status = of_auctions(&g);
    for (size_t i = 0; i < m->markets_n && status == HEED_OK; i++)
        status = of_market(&g, &m->markets[i]);
    map_deinit(&g.earner_of);
    if (m->fees_n > 0)
        qsort(m->fees, m->fees_n, sizeof *m->fees, by_taken);
    if (m->earners_n > 0)
        qsort(m->earners, m->earners_n, sizeof *m->earners, by_earned);
    return status;
}
