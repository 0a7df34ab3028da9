/* A market of plain lists, for comparison with the exchange: every question is answered by looking
 * at every order. Hours are not in it. */
#ifndef EXCHANGE_TWIN_PARTS_H
#define EXCHANGE_TWIN_PARTS_H

#include "circulation/exchange.h"

__extension__ typedef __int128 wide;

enum { TWIN_ORDERS = 512, TWIN_IDS = 1 << 13, TWIN_ACCOUNTS = 8 };

struct twin_order {
    struct exchange_ask ask; /* as given; price, stop, size and display as they are now */
    uint64_t number, rank;   /* rank: place in the queues, lower is older */
    int64_t left, shown, price, hold_price, held;
    wide fee_exact; /* millionths */
    int64_t fee;
    uint32_t owner;
    bool waits, unpriced; /* unpriced: a market order in a call */
};

struct twin_account {
    int64_t currency, items, position, window_ms;
    uint32_t owner, asked;
};

struct twin {
    struct exchange_settings set;
    struct twin_order orders[TWIN_ORDERS];
    size_t n;
    struct {
        uint64_t number;
        struct exchange_ask ask;
    } * ids; /* [TWIN_IDS], by id_lo; number 0: not used */
    struct twin_account accounts[TWIN_ACCOUNTS];
    size_t accounts_n;
    uint64_t seq, number, rank;
    int64_t now, last, dynamic_ref, static_ref;
    enum exchange_phase phase, after_call;
    bool extended;
    int64_t phase_until, limit_until, call_low, call_high, call_ref;
    struct exchange_out *out;
};

static int64_t twin_tick(const struct exchange_tick *ticks, int64_t price, bool lot)
{
    int64_t found = 0;
    for (int i = 0; i < EXCHANGE_TICKS && ticks[i].tick; i++)
        if (ticks[i].from <= price)
            found = lot ? ticks[i].lot : ticks[i].tick;
    return found;
}

/* A call's price by trying every tick. */
static struct exchange_call twin_call_price(const struct exchange_tick *ticks,
                                            const struct exchange_call_level *levels, size_t n,
                                            int64_t market_buy, int64_t market_sell, int64_t low,
                                            int64_t high, int64_t reference)
{
    struct exchange_call best = {0};
    int64_t from = reference, to = reference, least = INT64_MAX;
    int64_t kept[4096], surplus_of[4096];
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        from = from == 0 || levels[i].price < from ? levels[i].price : from;
        to = levels[i].price > to ? levels[i].price : to;
    }
    while (n == 0 && to > 0 && to % twin_tick(ticks, to, false) != 0)
        to++;                            /* nothing but a reference: the next tick */
    for (int pass = 0; pass < 3; pass++) /* the volume, then the surplus, then the prices */
        for (int64_t p = from; p <= to && p > 0; p++) {
            int64_t buy = market_buy, sell = market_sell;
            if (p % twin_tick(ticks, p, false) != 0 || p < low || (high && p > high))
                continue;
            for (size_t i = 0; i < n; i++) {
                buy += levels[i].price >= p ? levels[i].buy : 0;
                sell += levels[i].price <= p ? levels[i].sell : 0;
            }
            int64_t volume = buy < sell ? buy : sell;
            int64_t surplus = buy > sell ? buy - sell : sell - buy;
            if (pass == 0)
                best.volume = volume > best.volume ? volume : best.volume;
            else if (pass == 1 && volume == best.volume)
                least = surplus < least ? surplus : least;
            else if (pass == 2 && volume == best.volume && surplus == least && m < 4096) {
                surplus_of[m] = buy - sell;
                kept[m++] = p;
            }
        }
    if (best.volume == 0)
        return (struct exchange_call){0};
    size_t at = 0; /* of kept, ascending */
    if (surplus_of[m - 1] > 0) {
        at = m - 1; /* buyers are left over at all of them */
    } else if (surplus_of[0] >= 0 && !(surplus_of[0] == 0 && m == 1)) {
        size_t first = 0, last = m - 1;
        if (surplus_of[0] > 0) { /* some are left over on either side: the prices that meet */
            while (surplus_of[first + 1] > 0)
                first++;
            last = first + 1;
        }
        if (reference > 0) { /* the nearest, the lower one of two that enclose it */
            for (at = first; at < last && kept[at + 1] <= reference;)
                at++;
        } else {
            int64_t middle = kept[first] + (kept[last] - kept[first] + 1) / 2;
            for (at = first; at < last && kept[at] < middle;)
                at++;
        }
    }
    best.price = kept[at];
    best.surplus = surplus_of[at];
    return best;
}

static bool twin_placing(const struct exchange_ask *a)
{
    return a->op <= EXCHANGE_STOP_LIMIT;
}

/* What is wrong with a command by itself, in the order of refusal.def; o: the order that a cancel
 * or a replacement names, NULL: there is none. */
static enum refusal twin_well_formed(const struct twin *t, const struct exchange_ask *a,
                                     const struct twin_order *o)
{
    bool stop = a->op == EXCHANGE_STOP || a->op == EXCHANGE_STOP_LIMIT, put = twin_placing(a);
    bool at_once = a->tif == EXCHANGE_IOC || a->tif == EXCHANGE_FOK;
    if (a->account == EXCHANGE_NONE ? put : a->account >= t->accounts_n)
        return REFUSED_unknown_account;
    if ((a->op == EXCHANGE_CANCEL || a->op == EXCHANGE_REPLACE) && !o)
        return REFUSED_unknown_order;
    if (put && t->ids[a->id_lo].number)
        return REFUSED_id_reused;
    if (put && a->tif == EXCHANGE_GTT && a->expires_ms > 0 && a->expires_ms <= t->now)
        return REFUSED_time_over;
    if (a->price < 0 || a->stop < 0 || a->size < 0 || a->display < 0 || a->expires_ms < 0 ||
        ((put || a->op == EXCHANGE_REPLACE) && a->size == 0) ||
        ((a->op == EXCHANGE_LIMIT || a->op == EXCHANGE_STOP_LIMIT) && a->price == 0) ||
        (stop && a->stop == 0))
        return REFUSED_not_positive;
    if (put && ((a->tif == EXCHANGE_GTT) != (a->expires_ms > 0) || (!stop && a->stop) ||
                ((a->post_only || a->display) && (a->op != EXCHANGE_LIMIT || at_once)) ||
                (stop && at_once) || (a->op == EXCHANGE_MARKET && a->tif == EXCHANGE_GTT)))
        return REFUSED_order_conflict;
    if (a->op == EXCHANGE_CANCEL && (a->price || a->stop || a->display))
        return REFUSED_order_conflict;
    if (a->op == EXCHANGE_REPLACE &&
        ((a->stop && !o->waits) || (a->display && o->ask.op != EXCHANGE_LIMIT) ||
         (a->price && (o->ask.op == EXCHANGE_MARKET || o->ask.op == EXCHANGE_STOP)) ||
         (o->ask.op == EXCHANGE_MARKET && a->size > o->left)))
        return REFUSED_order_conflict;
    return REFUSED_NOT;
}
#endif
