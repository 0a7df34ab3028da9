/* What happens when an order goes to work: it trades with the best on the other side, oldest first,
 * then rests or ends. */
#include "circulation/exchange_parts.h"

enum taken { TAKEN_ALL, TAKEN_WHAT_THERE_IS, TAKEN_TO_BAND, TAKEN_GONE };

bool in_book(const struct order *o)
{
    return o->level != EXCHANGE_NONE && !o->waits;
}

static size_t opposite(uint8_t side)
{
    return side == EXCHANGE_BUY ? SIDE_ASKS : SIDE_BIDS;
}

static bool within(uint8_t side, int64_t limit, int64_t price)
{
    return side == EXCHANGE_BUY ? price <= limit : price >= limit;
}

static bool in_band(const struct exchange *x, int64_t price)
{
    return price >= x->band_low && price <= x->band_high;
}

bool match_crosses(const struct exchange *x, uint8_t side, int64_t price)
{
    const struct level *l = best_level(x, opposite(side));
    return l && within(side, price, l->price);
}

/* ── orders that end or shrink ── */

void order_hold_size(struct exchange *x, struct order *o, int64_t change)
{
    struct account_row *a = &x->accounts[o->account];
    x->open_size += change;
    if (o->side == EXCHANGE_BUY)
        a->open_buy += change;
    else
        a->open_sell += change;
}

void order_end(struct exchange *x, uint32_t slot)
{
    struct order *o = &x->orders[slot];
    if (o->level != EXCHANGE_NONE)
        book_take_out(x, slot);
    if (o->heap_at != EXCHANGE_NONE)
        heap_remove(x, slot);
    ids_end(x, slot);
    x->weight -= o->weight;
    x->accounts[o->account].orders--;
    x->markets -= o->op == EXCHANGE_MARKET;
    x->open--;
    o->live = 0;
    o->next = x->orders_free;
    x->orders_free = slot;
}

void order_drop(struct exchange *x, uint32_t slot, enum exchange_event_kind kind,
                enum exchange_reason reason, struct exchange_out *out)
{
    struct order *o = &x->orders[slot];
    struct exchange_event *e = event_of(x, out, kind, o);
    e->reason = (uint8_t)reason;
    e->size = o->left;
    e->flags = in_book(o) ? EXCHANGE_WAS_SEEN : 0;
    if (o->level != EXCHANGE_NONE)
        book_take_out(x, slot);
    order_hold_size(x, o, -o->left);
    o->left = o->shown = 0;
    e->left = e->shown = 0;
    e->held = hold_set(x, o);
    order_end(x, slot);
}

void order_reduce(struct exchange *x, uint32_t slot, int64_t by, enum exchange_reason reason,
                  struct exchange_out *out)
{
    struct order *o = &x->orders[slot];
    if (by >= o->left) {
        order_drop(x, slot, EXCHANGE_CANCELLED, reason, out);
        return;
    }
    int64_t shown = o->shown < o->left - by ? o->shown : o->left - by;
    if (o->level != EXCHANGE_NONE) {
        x->levels[o->level].left -= by;
        x->levels[o->level].shown -= o->shown - shown;
    }
    o->left -= by;
    o->shown = shown;
    order_hold_size(x, o, -by);
    struct exchange_event *e = event_of(x, out, EXCHANGE_CANCELLED, o);
    e->reason = (uint8_t)reason;
    e->size = by;
    e->held = hold_set(x, o);
    e->flags = in_book(o) ? EXCHANGE_RESTS | EXCHANGE_WAS_SEEN : 0;
    if (o->waits)
        e->flags = EXCHANGE_WAITS;
}

/* ── trading ── */

/* Of an arriving order with one at the head of its level. */
static void trade(struct exchange *x, uint32_t taker, struct level *l, struct exchange_out *out)
{
    struct order *o = &x->orders[taker], *m = &x->orders[l->head];
    uint32_t maker = l->head;
    int64_t size = o->left < m->shown ? o->left : m->shown, price = l->price;
    bool buy = o->side == EXCHANGE_BUY;
    struct exchange_event *e = event_of(x, out, EXCHANGE_TRADE, o);
    e->other_hi = m->id_hi;
    e->other_lo = m->id_lo;
    e->other_number = m->number;
    e->other_account = m->account;
    e->price = price;
    e->size = size;
    o->left -= size;
    m->left -= size;
    m->shown -= size;
    l->left -= size;
    l->shown -= size;
    if (!x->no_fees) {
        e->fee = fee_take(x, o, x->set.taker_ppm, price * size);
        e->other_fee = fee_take(x, m, x->set.maker_ppm, price * size);
    }
    e->held = hold_set(x, o);
    e->other_held = hold_set(x, m);
    money_trade(x, buy ? o : m, buy ? m : o, price, size, buy ? e->fee : e->other_fee,
                buy ? e->other_fee : e->fee);
    e->left = o->left;
    e->other_left = m->left;
    x->last = price;
    if (m->left == 0) {
        order_end(x, maker);
    } else if (m->shown == 0) {
        m->shown = m->display < m->left ? m->display : m->left;
        l->shown += m->shown;
        book_to_tail(x, maker);
        e->flags |= EXCHANGE_OTHER_MOVED;
        e->other_shown = m->shown;
    } else {
        e->other_shown = m->shown;
    }
}

/* Two orders of one owner meet. false: the arriving one is gone. */
static bool meet_own(struct exchange *x, uint32_t slot, uint32_t maker, struct exchange_out *out)
{
    struct order *o = &x->orders[slot], *m = &x->orders[maker];
    uint8_t stp = o->stp;
    int64_t by = o->left < m->left ? o->left : m->left;
    if (stp == EXCHANGE_STP_DECREMENT) {
        bool gone = by == o->left;
        order_reduce(x, maker, by, EXCHANGE_SELF, out);
        order_reduce(x, slot, by, EXCHANGE_SELF, out);
        return !gone;
    }
    if (stp != EXCHANGE_STP_NEWEST)
        order_drop(x, maker, EXCHANGE_CANCELLED, EXCHANGE_SELF, out);
    if (stp == EXCHANGE_STP_OLDEST)
        return true;
    order_drop(x, slot, EXCHANGE_CANCELLED, EXCHANGE_SELF, out);
    return false;
}

static enum taken take(struct exchange *x, uint32_t slot, struct exchange_out *out)
{
    struct order *o = &x->orders[slot];
    size_t other = opposite(o->side);
    while (o->left > 0) {
        struct level *l = best_level(x, other);
        if (!l || !within(o->side, o->price, l->price))
            return TAKEN_WHAT_THERE_IS;
        if (!in_band(x, l->price))
            return TAKEN_TO_BAND;
        if (o->stp == EXCHANGE_STP_NONE || x->orders[l->head].owner != o->owner)
            trade(x, slot, l, out);
        else if (!meet_own(x, slot, l->head, out))
            return TAKEN_GONE;
    }
    return TAKEN_ALL;
}

/* Of one level, as match_reach; *end: nothing beyond it can be reached. */
static int64_t reach_level(const struct exchange *x, const struct level *l, uint32_t owner,
                           uint8_t stp, bool whole, bool *end)
{
    int64_t sum = 0, before = 0;
    *end = false;
    if (stp == EXCHANGE_STP_NONE)
        return l->left;
    for (uint32_t i = l->head; i != EXCHANGE_NONE; i = x->orders[i].next) {
        const struct order *m = &x->orders[i];
        bool own = m->owner == owner;
        if (own && stp != EXCHANGE_STP_OLDEST && (whole || stp != EXCHANGE_STP_DECREMENT)) {
            *end = true;
            return before; /* the queue comes to it before any of them shows more */
        }
        before += m->shown;
        sum += own && stp == EXCHANGE_STP_OLDEST ? 0 : m->left;
    }
    return sum;
}

int64_t match_reach(const struct exchange *x, uint8_t side, uint32_t owner, uint8_t stp,
                    int64_t limit, int64_t size, bool whole, int64_t *worst)
{
    const struct side *s = &x->sides[opposite(side)];
    int64_t sum = 0;
    bool end = false;
    *worst = 0;
    for (size_t i = s->n; i-- > 0 && sum < size && !end;) {
        const struct level *l = &x->levels[s->level[i]];
        if (!within(side, limit, l->price) || !in_band(x, l->price))
            break;
        *worst = l->price;
        int64_t more = reach_level(x, l, owner, stp, whole, &end);
        sum = more < size - sum ? sum + more : size;
    }
    return sum;
}

/* Moves a price that lies beyond the band onto its edge. false: no price is left there. */
static bool slide(const struct exchange *x, struct order *o)
{
    int64_t price = o->price;
    if (o->side == EXCHANGE_BUY && price > x->band_high) {
        price = x->band_high - x->band_high % tick_at(x->set.ticks, x->band_high);
    } else if (o->side == EXCHANGE_SELL && price < x->band_low) {
        int64_t tick = tick_at(x->set.ticks, x->band_low);
        price = (x->band_low + tick - 1) / tick * tick;
    }
    if (o->hold_price == o->price)
        o->hold_price = price;
    o->price = price;
    return price > 0;
}

/* What is left of an order goes into the book; `announced` is the event that brought it. */
static void rest(struct exchange *x, uint32_t slot, size_t announced, struct exchange_out *out)
{
    struct order *o = &x->orders[slot];
    int64_t price = o->price;
    /* what rests beyond the band since the price moved away is not traded with, nor crossed */
    if (x->phase == EXCHANGE_CONTINUOUS && (!slide(x, o) || match_crosses(x, o->side, o->price))) {
        order_drop(x, slot, EXCHANGE_CANCELLED, EXCHANGE_OUT_OF_BAND, out);
        return;
    }
    o->shown = o->display > 0 && o->display < o->left ? o->display : o->left;
    book_add(x, slot);
    if (o->tif == EXCHANGE_GTT && o->heap_at == EXCHANGE_NONE)
        heap_add(x, slot);
    struct exchange_event *e = &out->events[announced];
    if (out->n != announced + 1 || price != o->price) {
        e = event_of(x, out, EXCHANGE_BOOKED, o);
        e->held = hold_set(x, o);
        e->size = o->left;
    }
    e->shown = o->shown;
    e->flags |= EXCHANGE_RESTS;
}

void order_enter(struct exchange *x, uint32_t slot, struct exchange_out *out)
{
    struct order *o = &x->orders[slot];
    size_t announced = out->n - 1;
    if (x->phase == EXCHANGE_CALL) {
        rest(x, slot, announced, out);
        return;
    }
    int64_t worst;
    if (o->tif == EXCHANGE_FOK &&
        match_reach(x, o->side, o->owner, o->stp, o->price, o->left, true, &worst) < o->left) {
        order_drop(x, slot, EXCHANGE_CANCELLED, EXCHANGE_NOT_WHOLE, out);
        return;
    }
    enum taken taken = take(x, slot, out);
    if (taken == TAKEN_GONE)
        return;
    if (taken == TAKEN_ALL)
        order_end(x, slot);
    else if (o->op == EXCHANGE_MARKET || o->op == EXCHANGE_STOP || o->tif == EXCHANGE_IOC ||
             o->tif == EXCHANGE_FOK)
        order_drop(x, slot, EXCHANGE_CANCELLED,
                   taken == TAKEN_TO_BAND ? EXCHANGE_OUT_OF_BAND : EXCHANGE_UNFILLED, out);
    else
        rest(x, slot, announced, out);
}

/* ── stop orders ── */

static const struct level *stop_due(const struct exchange *x)
{
    const struct level *l = best_level(x, SIDE_STOP_BUYS);
    if (x->phase != EXCHANGE_CONTINUOUS || x->last == 0)
        return NULL;
    if (l && l->price <= x->last)
        return l;
    l = best_level(x, SIDE_STOP_SELLS);
    return l && l->price >= x->last ? l : NULL;
}

void match_stops(struct exchange *x, struct exchange_out *out)
{
    for (const struct level *l; (l = stop_due(x)) != NULL;) {
        uint32_t slot = l->head;
        struct order *o = &x->orders[slot];
        book_take_out(x, slot);
        if (o->heap_at != EXCHANGE_NONE)
            heap_remove(x, slot);
        o->waits = 0;
        event_of(x, out, EXCHANGE_TRIGGERED, o)->size = o->left;
        order_enter(x, slot, out);
    }
}
