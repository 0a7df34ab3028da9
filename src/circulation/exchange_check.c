/* Whether a command may be done, and what it needs; changes nothing. The checks stand in the order
 * of refusal.def. */
#include "circulation/exchange_parts.h"

static bool is_placing(const struct exchange_ask *a)
{
    return a->op <= EXCHANGE_STOP_LIMIT;
}

static bool is_stop(const struct exchange_ask *a)
{
    return a->op == EXCHANGE_STOP || a->op == EXCHANGE_STOP_LIMIT;
}

static bool has_limit(const struct exchange_ask *a)
{
    return a->op == EXCHANGE_LIMIT || a->op == EXCHANGE_STOP_LIMIT;
}

static bool is_positive(const struct exchange_ask *a)
{
    if (a->price < 0 || a->stop < 0 || a->size < 0 || a->display < 0 || a->expires_ms < 0)
        return false;
    if (is_placing(a))
        return a->size > 0 && (!has_limit(a) || a->price > 0) && (!is_stop(a) || a->stop > 0);
    return a->op != EXCHANGE_REPLACE || a->size > 0;
}

static bool conflicts(const struct exchange_ask *a)
{
    bool at_once = a->tif == EXCHANGE_IOC || a->tif == EXCHANGE_FOK;
    if (a->op >= EXCHANGE_OPS || a->side > EXCHANGE_SELL || a->tif >= EXCHANGE_TIFS ||
        a->stp >= EXCHANGE_STPS || a->post_only > 1 || a->both_sides > 1)
        return true;
    if (!is_placing(a))
        return a->op == EXCHANGE_CANCEL && (a->price || a->stop || a->display);
    return (a->tif != EXCHANGE_GTT && a->expires_ms != 0) || (!is_stop(a) && a->stop != 0) ||
           (a->post_only && (a->op != EXCHANGE_LIMIT || at_once)) ||
           (a->display && (a->op != EXCHANGE_LIMIT || at_once)) || (is_stop(a) && at_once) ||
           (a->op == EXCHANGE_MARKET && a->tif == EXCHANGE_GTT);
}

/* Terms of the order as they would be. */
struct terms {
    int64_t price, stop, size, display;
    uint32_t account, owner;
    uint8_t op, side, tif, stp, post_only, waits;
    const struct order *now; /* of a replacement */
};

static struct terms terms_of(const struct exchange *x, const struct exchange_ask *a,
                             const struct order *o)
{
    if (o)
        return (struct terms){.price = a->price && o->op != EXCHANGE_STOP ? a->price : o->price,
                              .stop = a->stop ? a->stop : o->stop,
                              .size = a->size,
                              .display = a->display ? a->display : o->display,
                              .account = o->account,
                              .owner = o->owner,
                              .op = o->op,
                              .side = o->side,
                              .tif = o->tif,
                              .stp = o->stp,
                              .post_only = o->post_only,
                              .waits = o->waits,
                              .now = o};
    return (struct terms){.price = a->price,
                          .stop = a->stop,
                          .size = a->size,
                          .display = a->display,
                          .account = a->account,
                          .owner = x->accounts[a->account].owner,
                          .op = a->op,
                          .side = a->side,
                          .tif = a->tif,
                          .stp = a->stp,
                          .post_only = a->post_only,
                          .waits = a->op == EXCHANGE_STOP || a->op == EXCHANGE_STOP_LIMIT};
}

/* What only an order that is there can conflict with. */
static bool replaces_wrongly(const struct exchange_ask *a, const struct order *o)
{
    return (a->stop && !o->waits) || (a->display && o->op != EXCHANGE_LIMIT) ||
           (a->price && (o->op == EXCHANGE_MARKET || o->op == EXCHANGE_STOP)) ||
           (o->op == EXCHANGE_MARKET && a->size > o->left);
}

static bool off_tick(const struct exchange *x, int64_t price)
{
    return price > 0 && price % tick_at(x->set.ticks, price) != 0;
}

static enum refusal check_ticks(const struct exchange *x, const struct terms *t)
{
    if (x->plain_ticks)
        return REFUSED_NOT;
    bool limited = t->op == EXCHANGE_LIMIT || t->op == EXCHANGE_STOP_LIMIT;
    int64_t price = limited || !t->now ? t->price : 0; /* else it is one that heed chose */
    if (off_tick(x, price) || off_tick(x, t->stop))
        return REFUSED_price_off_tick;
    int64_t lot = lot_at(x->set.ticks, price ? price : t->stop ? t->stop : x->last);
    if (t->size % lot != 0 || t->display % lot != 0)
        return REFUSED_size_off_lot;
    return REFUSED_NOT;
}

static int64_t slices_of(int64_t size, int64_t display)
{
    return display > 0 && display < size ? (size - 1) / display + 1 : 1;
}

static enum refusal check_phase(const struct exchange *x, const struct terms *t)
{
    if (x->phase == EXCHANGE_CLOSED)
        return REFUSED_market_closed;
    if (x->phase == EXCHANGE_HALT)
        return REFUSED_market_halted;
    if (x->phase == EXCHANGE_CALL &&
        (t->tif == EXCHANGE_IOC || t->tif == EXCHANGE_FOK || t->post_only))
        return REFUSED_market_in_call;
    return REFUSED_NOT;
}

static bool outside(const struct exchange *x, const struct terms *t)
{
    if (x->set.static_ppm == 0 || x->static_ref == 0 ||
        (t->op != EXCHANGE_LIMIT && t->op != EXCHANGE_STOP_LIMIT))
        return false;
    return t->price < band_of(x->static_ref, x->set.static_ppm, -1) ||
           t->price > band_of(x->static_ref, x->set.static_ppm, 1);
}

/* ── prices of orders that name none ── */

static int64_t protect(int64_t from, uint32_t ppm, uint8_t side)
{
    int64_t price = band_of(from, ppm, side == EXCHANGE_BUY ? 1 : -1);
    return price < 1 ? 1 : price > EXCHANGE_PRICE_MAX ? EXCHANGE_PRICE_MAX : price;
}

static void price_market(const struct exchange *x, const struct terms *t, struct plan *p)
{
    bool buy = t->side == EXCHANGE_BUY;
    int64_t any = buy ? EXCHANGE_PRICE_MAX : 1, worst;
    if (x->phase == EXCHANGE_CALL) {
        p->limit = t->price ? t->price : buy ? MARKET_BUY : MARKET_SELL;
        p->hold_price = t->price ? t->price : EXCHANGE_PRICE_MAX;
        return;
    }
    const struct level *best = best_level(x, buy ? SIDE_ASKS : SIDE_BIDS);
    p->limit = t->price ? t->price : any;
    if (!t->price && x->set.protection_ppm && best)
        p->limit = protect(best->price, x->set.protection_ppm, t->side);
    if (x->set.static_ppm && x->static_ref) {
        int64_t edge = band_of(x->static_ref, x->set.static_ppm, buy ? 1 : -1);
        p->limit = buy ? (edge < p->limit ? edge : p->limit) : (edge > p->limit ? edge : p->limit);
    }
    if (buy) { /* no more than the levels it can come to */
        match_reach(x, t->side, t->owner, t->stp, p->limit, t->size, false, &worst);
        p->limit = worst;
    }
    p->hold_price = p->limit;
}

static void price_of(const struct exchange *x, const struct terms *t, struct plan *p)
{
    p->limit = p->hold_price = t->price;
    if (t->now && t->op != EXCHANGE_LIMIT && t->op != EXCHANGE_STOP_LIMIT) {
        p->hold_price = t->now->hold_price;
    } else if (t->op == EXCHANGE_MARKET) {
        price_market(x, t, p);
    } else if (t->op == EXCHANGE_STOP && t->price == 0) {
        p->limit = t->side == EXCHANGE_BUY ? EXCHANGE_PRICE_MAX : 1;
        if (x->set.protection_ppm)
            p->limit = protect(t->stop, x->set.protection_ppm, t->side);
        p->hold_price = p->limit;
    }
}

/* ── limits and funds ── */

static bool over_rate(const struct exchange *x, const struct account_row *r)
{
    return x->set.rate_ms > 0 && r->asked >= x->set.rate_max &&
           x->now_ms - r->window_ms < x->set.rate_ms;
}

static bool over_position(const struct account_row *r, const struct terms *t, int64_t most)
{
    int64_t was = t->now ? t->now->left : 0;
    int64_t reach =
        t->side == EXCHANGE_BUY ? r->position + r->open_buy : r->open_sell - r->position;
    return t->size > was && (wide)reach + t->size - was > most;
}

static enum refusal check_funds(const struct exchange *x, const struct account_row *r,
                                const struct terms *t, struct plan *p)
{
    wide was = t->now ? t->now->held : 0;
    wide need = t->side == EXCHANGE_SELL ? t->size : hold_needed(x, t->now, p->hold_price, t->size);
    wide more = need - was;
    if (x->set.funded && more > 0 && t->side == EXCHANGE_BUY &&
        more > r->currency - r->currency_held)
        return REFUSED_insufficient_funds;
    if (x->set.funded && more > 0 && t->side == EXCHANGE_SELL && r->items != EXCHANGE_UNLIMITED &&
        more > r->items - r->items_held)
        return REFUSED_insufficient_items;
    bool unpriced = t->now && t->op == EXCHANGE_MARKET; /* its price may be MARKET_BUY */
    /* an order's trades at any price up to the highest must fit, holds of an account too */
    wide price = p->limit == MARKET_BUY || p->limit > EXCHANGE_PRICE_MAX ? 0 : p->limit;
    if (price * t->size > EXCHANGE_VALUE_MAX || need > EXCHANGE_VALUE_MAX ||
        t->size > EXCHANGE_SIZE_MAX || (t->price > EXCHANGE_PRICE_MAX && !unpriced) ||
        t->stop > EXCHANGE_PRICE_MAX || t->display > EXCHANGE_SIZE_MAX ||
        (wide)r->currency_held + more > EXCHANGE_VALUE_MAX * 2 ||
        x->open_size > EXCHANGE_VALUE_MAX - t->size || over_position(r, t, EXCHANGE_VALUE_MAX) ||
        (t->now && (t->now->fee_minor > EXCHANGE_VALUE_MAX / 2 ||
                    t->now->fee_minor < -EXCHANGE_VALUE_MAX / 2)))
        return REFUSED_overflow;
    p->hold = (int64_t)need;
    return REFUSED_NOT;
}

enum refusal check_ask(const struct exchange *x, const struct exchange_ask *a, uint32_t found,
                       uint64_t body, struct plan *p, bool *repeated)
{
    bool placing = is_placing(a), open = found != EXCHANGE_NONE && !(found & IDS_ENDED);
    *repeated = false;
    *p = (struct plan){.slot = found};
    if (a->account == EXCHANGE_NONE ? placing : a->account >= x->accounts_n)
        return REFUSED_unknown_account;
    if ((a->op == EXCHANGE_CANCEL || a->op == EXCHANGE_REPLACE) && !open)
        return REFUSED_unknown_order;
    if (placing && found != EXCHANGE_NONE) {
        uint64_t was = open ? x->orders[found].body : x->ended[found & ~IDS_ENDED].body;
        *repeated = was == body;
        return *repeated ? REFUSED_NOT : REFUSED_id_reused;
    }
    if (placing && a->tif == EXCHANGE_GTT && a->expires_ms > 0 && a->expires_ms <= x->now_ms)
        return REFUSED_time_over;
    if (!is_positive(a))
        return REFUSED_not_positive;
    const struct order *o =
        a->op == EXCHANGE_CANCEL || a->op == EXCHANGE_REPLACE ? &x->orders[found] : NULL;
    if (conflicts(a) || (a->op == EXCHANGE_REPLACE && replaces_wrongly(a, o)) ||
        (placing && a->tif == EXCHANGE_GTT && a->expires_ms == 0))
        return REFUSED_order_conflict;
    struct terms t;
    enum refusal refusal = REFUSED_NOT;
    if (placing || a->op == EXCHANGE_REPLACE) {
        t = terms_of(x, a, a->op == EXCHANGE_REPLACE ? o : NULL);
        if ((refusal = check_ticks(x, &t)) != REFUSED_NOT)
            return refusal;
        uint32_t most = x->set.slices_max ? x->set.slices_max : SLICES_MAX;
        if (slices_of(t.size, t.display) > most)
            return REFUSED_display_range;
    }
    if (o && a->account != EXCHANGE_NONE && a->account != o->account)
        return REFUSED_not_your_order;
    if (!placing && a->op != EXCHANGE_REPLACE)
        return REFUSED_NOT;
    if ((refusal = check_phase(x, &t)) != REFUSED_NOT)
        return refusal;
    if (outside(x, &t))
        return REFUSED_price_band;
    if (t.post_only && match_crosses(x, t.side, t.price))
        return REFUSED_would_take;
    const struct account_row *r = &x->accounts[t.account];
    if (over_rate(x, r))
        return REFUSED_rate_limited;
    if (x->set.position_max > 0 && over_position(r, &t, x->set.position_max))
        return REFUSED_position_limit;
    price_of(x, &t, p);
    return check_funds(x, r, &t, p);
}
