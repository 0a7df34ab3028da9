/* Call auctions: their price, and the trades at it. */
#include "circulation/exchange_parts.h"

/* ── ticks ── */

static const struct exchange_tick *row_at(const struct exchange_tick *ticks, int64_t price)
{
    size_t i = 0;
    while (i + 1 < EXCHANGE_TICKS && ticks[i + 1].tick != 0 && ticks[i + 1].from <= price)
        i++;
    return &ticks[i];
}

int64_t tick_at(const struct exchange_tick *ticks, int64_t price)
{
    return row_at(ticks, price)->tick;
}

int64_t lot_at(const struct exchange_tick *ticks, int64_t price)
{
    return row_at(ticks, price)->lot;
}

/* The first price on a tick that is not below, and the last that is not above. */
static int64_t tick_up(const struct exchange_tick *ticks, int64_t price)
{
    int64_t tick = tick_at(ticks, price), up = (price + tick - 1) / tick * tick;
    int64_t next = tick_at(ticks, up);
    return (up + next - 1) / next * next;
}

static int64_t tick_down(const struct exchange_tick *ticks, int64_t price)
{
    return price - price % tick_at(ticks, price);
}

/* ── the price ── */

struct search {
    const struct exchange_tick *ticks;
    int64_t low, high;       /* that it may be */
    int64_t volume, surplus; /* of the best prices so far; surplus without its sign */
    int64_t buyers;          /* the highest of them where buyers are left over; 0: none */
    int64_t even, even_end;  /* where nobody is */
    int64_t sellers;         /* the lowest where sellers are */
};

/* Considers all prices from lo to hi, where so much can be bought and sold. */
static void consider(struct search *s, int64_t lo, int64_t hi, int64_t buy, int64_t sell)
{
    int64_t volume = buy < sell ? buy : sell, surplus = buy < sell ? sell - buy : buy - sell;
    lo = lo < s->low ? tick_up(s->ticks, s->low) : lo;
    hi = hi > s->high ? tick_down(s->ticks, s->high) : hi;
    if (lo > hi || lo <= 0 || volume == 0 || volume < s->volume ||
        (volume == s->volume && surplus > s->surplus))
        return;
    if (volume > s->volume || surplus < s->surplus)
        s->buyers = s->even = s->sellers = 0;
    s->volume = volume;
    s->surplus = surplus;
    if (buy > sell) {
        s->buyers = hi;
    } else if (sell > buy) {
        s->sellers = s->sellers ? s->sellers : lo;
    } else {
        s->even = s->even ? s->even : lo;
        s->even_end = hi;
    }
}

static struct exchange_call decide(const struct search *s, int64_t reference)
{
    struct exchange_call c = {.volume = s->volume};
    if (s->volume == 0)
        return c;
    int64_t low = s->even, high = s->even_end;
    if (s->even == 0) {
        low = s->buyers ? s->buyers : s->sellers;
        high = s->sellers ? s->sellers : s->buyers;
    }
    if (low == high)
        c.price = low;
    else if (reference > 0)
        c.price = reference < low ? low : reference > high ? high : tick_down(s->ticks, reference);
    else
        c.price = tick_up(s->ticks, low + (high - low + 1) / 2);
    if (s->even == 0 && c.price < high && c.price > low)
        c.price = low;
    c.surplus = s->even ? 0 : c.price == s->buyers ? s->surplus : -s->surplus;
    return c;
}

struct exchange_call exchange_call_price(const struct exchange_tick *ticks,
                                         const struct exchange_call_level *levels, size_t n,
                                         int64_t market_buy, int64_t market_sell, int64_t low,
                                         int64_t high, int64_t reference)
{
    struct search s = {.ticks = ticks, .low = low, .high = high ? high : EXCHANGE_PRICE_MAX};
    int64_t buy = market_buy, sell = market_sell;
    for (size_t i = 0; i < n; i++)
        buy += levels[i].buy;
    if (reference > 0 && (n == 0 || reference < levels[0].price)) /* widens the prices */
        consider(&s, tick_up(ticks, reference),
                 n ? tick_down(ticks, levels[0].price - 1) : tick_up(ticks, reference), buy, sell);
    for (size_t i = 0; i < n; i++) {
        int64_t price = levels[i].price;
        sell += levels[i].sell;
        consider(&s, price, price, buy, sell);
        buy -= levels[i].buy;
        int64_t next = i + 1 < n ? levels[i + 1].price - 1 : reference;
        if (next > price)
            consider(&s, tick_up(ticks, price + 1), tick_down(ticks, next), buy, sell);
    }
    return decide(&s, reference);
}

/* ── of a book ── */

static struct exchange_call_level of_level(const struct exchange *x, size_t side, size_t i)
{
    const struct level *l = &x->levels[x->sides[side].level[i]];
    return (struct exchange_call_level){.price = l->price,
                                        .buy = side == SIDE_BIDS ? l->left : 0,
                                        .sell = side == SIDE_ASKS ? l->left : 0};
}

/* Levels of both sides into scratch, ascending; market orders apart. */
static size_t merge(struct exchange *x, int64_t *market_buy, int64_t *market_sell)
{
    const struct side *b = &x->sides[SIDE_BIDS], *s = &x->sides[SIDE_ASKS];
    struct exchange_call_level *out = x->scratch;
    size_t n = 0, i = 0, j = s->n;
    *market_buy = *market_sell = 0;
    while (i < b->n || j > 0) {
        bool bid = j == 0 || (i < b->n && b->key[i] <= -s->key[j - 1]);
        struct exchange_call_level l =
            bid ? of_level(x, SIDE_BIDS, i++) : of_level(x, SIDE_ASKS, --j);
        if (l.price == MARKET_BUY) {
            *market_buy = l.buy;
        } else if (l.price == MARKET_SELL) {
            *market_sell = l.sell;
        } else if (n > 0 && out[n - 1].price == l.price) {
            out[n - 1].buy += l.buy;
            out[n - 1].sell += l.sell;
        } else {
            out[n++] = l;
        }
    }
    return n;
}

/* A level of zeros at price, if there is none. */
static size_t mark(struct exchange_call_level *levels, size_t n, int64_t price)
{
    size_t i = 0;
    while (i < n && levels[i].price < price)
        i++;
    if (i < n && levels[i].price == price)
        return n;
    for (size_t j = n; j > i; j--)
        levels[j] = levels[j - 1];
    levels[i] = (struct exchange_call_level){.price = price};
    return n + 1;
}

struct exchange_call call_find(struct exchange *x, bool bounded)
{
    int64_t market_buy, market_sell, low = x->call_low, high = x->call_high;
    int64_t reference = x->call_ref ? x->call_ref : x->last;
    size_t n = merge(x, &market_buy, &market_sell);
    if (low > 0)
        n = mark(x->scratch, n, tick_up(x->set.ticks, low));
    if (high > 0 && tick_down(x->set.ticks, high) > 0)
        n = mark(x->scratch, n, tick_down(x->set.ticks, high));
    if (!bounded)
        low = high = 0;
    return exchange_call_price(x->set.ticks, x->scratch, n, market_buy, market_sell, low, high,
                               reference);
}

/* Two orders of the book at the auction's price. */
static void call_trade(struct exchange *x, uint32_t buy, uint32_t sell, int64_t price, int64_t size,
                       struct exchange_out *out)
{
    struct order *b = &x->orders[buy], *s = &x->orders[sell];
    bool buy_new = b->number > s->number;
    struct order *o = buy_new ? b : s, *m = buy_new ? s : b;
    struct exchange_event *e = event_of(x, out, EXCHANGE_TRADE, o);
    e->other_hi = m->id_hi;
    e->other_lo = m->id_lo;
    e->other_number = m->number;
    e->other_account = m->account;
    e->price = price;
    e->size = size;
    e->flags = EXCHANGE_WAS_SEEN;
    struct order *both[2] = {o, m};
    int64_t fee[2] = {0, 0}, held[2], shown[2];
    for (int i = 0; i < 2; i++) {
        struct level *l = &x->levels[both[i]->level];
        int64_t left = both[i]->left - size;
        int64_t display = both[i]->display > 0 ? both[i]->display : left;
        shown[i] = display < left ? display : left;
        l->left -= size;
        l->shown += shown[i] - both[i]->shown;
        both[i]->left = left;
        both[i]->shown = shown[i];
        if (!x->no_fees)
            fee[i] = fee_take(x, both[i], x->set.auction_ppm, price * size);
        held[i] = hold_set(x, both[i]);
    }
    e->fee = fee[0];
    e->other_fee = fee[1];
    e->held = held[0];
    e->other_held = held[1];
    e->left = o->left;
    e->other_left = m->left;
    e->shown = shown[0];
    e->other_shown = shown[1];
    e->flags |= o->left ? EXCHANGE_RESTS : 0;
    money_trade(x, b, s, price, size, buy_new ? fee[0] : fee[1], buy_new ? fee[1] : fee[0]);
    if (b->left == 0)
        order_end(x, buy);
    if (s->left == 0)
        order_end(x, sell);
}

static void drop_market_orders(struct exchange *x, size_t side, int64_t price,
                               struct exchange_out *out)
{
    for (const struct level *l; (l = best_level(x, side)) != NULL && l->price == price;)
        order_drop(x, l->head, EXCHANGE_CANCELLED, EXCHANGE_NO_PRICE, out);
}

/* Protected market orders lie among the others: what is left of them goes too. */
static void drop_protected(struct exchange *x, size_t side, struct exchange_out *out)
{
    for (size_t i = x->sides[side].n; i-- > 0;) {
        uint32_t slot = x->levels[x->sides[side].level[i]].head, next;
        for (; slot != EXCHANGE_NONE; slot = next) {
            next = x->orders[slot].next;
            if (x->orders[slot].op == EXCHANGE_MARKET)
                order_drop(x, slot, EXCHANGE_CANCELLED, EXCHANGE_NO_PRICE, out);
        }
    }
}

void call_uncross(struct exchange *x, struct exchange_call c, struct exchange_out *out)
{
    for (int64_t left = c.volume; left > 0;) {
        uint32_t buy = best_level(x, SIDE_BIDS)->head, sell = best_level(x, SIDE_ASKS)->head;
        int64_t size =
            x->orders[buy].left < x->orders[sell].left ? x->orders[buy].left : x->orders[sell].left;
        size = size < left ? size : left;
        call_trade(x, buy, sell, c.price, size, out);
        left -= size;
    }
    if (c.volume > 0)
        x->last = x->static_ref = c.price;
    drop_market_orders(x, SIDE_BIDS, MARKET_BUY, out);
    drop_market_orders(x, SIDE_ASKS, MARKET_SELL, out);
    if (x->markets > 0) {
        drop_protected(x, SIDE_BIDS, out);
        drop_protected(x, SIDE_ASKS, out);
    }
}
