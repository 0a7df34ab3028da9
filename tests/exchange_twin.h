/* The market of plain lists. */
#ifndef EXCHANGE_TWIN_H
#define EXCHANGE_TWIN_H

#include "exchange_twin_parts.h"

#include <stdlib.h>
#include <string.h>

static void twin_init(struct twin *t, const struct exchange_settings *s)
{
    memset(t, 0, sizeof *t);
    t->set = *s;
    t->ids = calloc(TWIN_IDS, sizeof *t->ids);
    t->now = INT64_MIN;
    t->phase_until = t->limit_until = INT64_MAX;
}

static void twin_deinit(struct twin *t)
{
    free(t->ids);
}

static void twin_account(struct twin *t, uint32_t owner, int64_t currency, int64_t items)
{
    t->accounts[t->accounts_n++] =
        (struct twin_account){.currency = currency, .items = items, .owner = owner};
}

/* ── fees, holds ── */

static wide round_ppm(const struct twin *t, wide exact)
{
    wide down = exact / 1000000 - (exact % 1000000 < 0);
    wide rest = exact - down * 1000000;
    if (t->set.rounding == EXCHANGE_CEILING)
        return down + (rest > 0);
    if (t->set.rounding == EXCHANGE_HALF_EVEN)
        return down + (rest > 500000 || (rest == 500000 && down % 2 != 0));
    return down;
}

static wide twin_hold(const struct twin *t, const struct twin_order *o, int64_t price, int64_t left)
{
    wide value = (wide)price * left;
    int64_t worst = t->set.maker_ppm > t->set.taker_ppm ? t->set.maker_ppm : t->set.taker_ppm;
    worst = t->set.auction_ppm > worst ? t->set.auction_ppm : worst;
    worst = worst < 0 ? 0 : worst;
    return value + round_ppm(t, o->fee_exact + worst * value) - round_ppm(t, o->fee_exact);
}

static int64_t rehold(const struct twin *t, struct twin_order *o)
{
    int64_t was = o->held;
    o->held =
        o->ask.side == EXCHANGE_SELL ? o->left : (int64_t)twin_hold(t, o, o->hold_price, o->left);
    return o->held - was;
}

static int64_t charge(const struct twin *t, struct twin_order *o, int64_t ppm, int64_t value)
{
    int64_t was = o->fee;
    o->fee_exact += (wide)ppm * value;
    o->fee = (int64_t)round_ppm(t, o->fee_exact);
    return o->fee - was;
}

/* ── lists ── */

static struct twin_order *by_number(struct twin *t, uint64_t number)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->orders[i].number == number)
            return &t->orders[i];
    return NULL;
}

static struct twin_order *by_id(struct twin *t, uint64_t lo)
{
    return t->ids[lo].number ? by_number(t, t->ids[lo].number) : NULL;
}

static void erase(struct twin *t, uint64_t number)
{
    size_t at = (size_t)(by_number(t, number) - t->orders);
    memmove(&t->orders[at], &t->orders[at + 1], (t->n - at - 1) * sizeof t->orders[0]);
    t->n--;
}

/* Whether a comes before b on their side. */
static bool before(const struct twin_order *a, const struct twin_order *b)
{
    int64_t p = a->waits ? a->ask.stop : a->price, q = b->waits ? b->ask.stop : b->price;
    bool high = (a->ask.side == EXCHANGE_BUY) != a->waits;
    if (a->unpriced != b->unpriced)
        return a->unpriced;
    if (p != q && !(a->unpriced))
        return high ? p > q : p < q;
    return a->rank < b->rank;
}

/* The kth of a side, or of its stops; NULL. */
static struct twin_order *kth(struct twin *t, int side, bool waits, size_t k)
{
    for (size_t i = 0; i < t->n; i++) {
        size_t ahead = 0;
        if (t->orders[i].ask.side != side || t->orders[i].waits != waits)
            continue;
        for (size_t j = 0; j < t->n; j++)
            ahead += j != i && t->orders[j].ask.side == side && t->orders[j].waits == waits &&
                     before(&t->orders[j], &t->orders[i]);
        if (ahead == k)
            return &t->orders[i];
    }
    return NULL;
}

static struct exchange_event *say(struct twin *t, enum exchange_event_kind kind,
                                  const struct twin_order *o)
{
    struct exchange_event *e = &t->out->events[t->out->n++];
    *e = (struct exchange_event){.seq = ++t->seq,
                                 .time_ms = t->now,
                                 .account = EXCHANGE_NONE,
                                 .other_account = EXCHANGE_NONE,
                                 .kind = (uint8_t)kind,
                                 .phase = (uint8_t)t->phase};
    if (!o)
        return e;
    e->id_hi = o->ask.id_hi;
    e->id_lo = o->ask.id_lo;
    e->number = o->number;
    e->account = o->ask.account;
    e->side = o->ask.side;
    e->op = o->ask.op;
    e->price = o->unpriced ? 0 : o->price;
    e->left = o->left;
    e->shown = o->shown;
    return e;
}

static bool seen(const struct twin_order *o)
{
    return o->shown > 0 && !o->waits;
}

static void drop(struct twin *t, uint64_t number, enum exchange_event_kind kind,
                 enum exchange_reason reason)
{
    struct twin_order *o = by_number(t, number);
    struct exchange_event *e = say(t, kind, o);
    e->reason = (uint8_t)reason;
    e->size = o->left;
    e->left = e->shown = 0;
    e->held = -o->held;
    e->flags = seen(o) ? EXCHANGE_WAS_SEEN : 0;
    erase(t, number);
}

static void reduce(struct twin *t, uint64_t number, int64_t by, enum exchange_reason reason)
{
    struct twin_order *o = by_number(t, number);
    if (by >= o->left) {
        drop(t, number, EXCHANGE_CANCELLED, reason);
        return;
    }
    bool was = seen(o);
    o->left -= by;
    o->shown = o->shown < o->left ? o->shown : o->left;
    struct exchange_event *e = say(t, EXCHANGE_CANCELLED, o);
    e->size = by;
    e->reason = (uint8_t)reason;
    e->held = rehold(t, o);
    e->flags = o->waits ? EXCHANGE_WAITS : was ? EXCHANGE_RESTS | EXCHANGE_WAS_SEEN : 0;
}

/* ── trading ── */

static void move(struct twin *t, const struct twin_order *o, int64_t size, int64_t value,
                 int64_t fee)
{
    struct twin_account *a = &t->accounts[o->ask.account];
    int64_t sign = o->ask.side == EXCHANGE_BUY ? 1 : -1;
    a->position += sign * size;
    a->currency -= sign * value + fee;
    a->items += a->items == EXCHANGE_UNLIMITED ? 0 : sign * size;
}

static int64_t part(const struct twin_order *o)
{
    return o->ask.display > 0 && o->ask.display < o->left ? o->ask.display : o->left;
}

static void trade(struct twin *t, uint64_t taker, uint64_t maker, int64_t price, int64_t size,
                  bool call)
{
    struct twin_order *o = by_number(t, taker), *m = by_number(t, maker);
    struct exchange_event *e = say(t, EXCHANGE_TRADE, o);
    e->other_hi = m->ask.id_hi;
    e->other_lo = m->ask.id_lo;
    e->other_number = m->number;
    e->other_account = m->ask.account;
    e->price = price;
    e->size = size;
    o->left -= size;
    m->left -= size;
    e->fee = charge(t, o, call ? t->set.auction_ppm : t->set.taker_ppm, price * size);
    e->other_fee = charge(t, m, call ? t->set.auction_ppm : t->set.maker_ppm, price * size);
    e->held = rehold(t, o);
    e->other_held = rehold(t, m);
    move(t, o, size, price * size, e->fee);
    move(t, m, size, price * size, e->other_fee);
    if (call) {
        o->shown = part(o);
        m->shown = part(m);
        e->flags = EXCHANGE_WAS_SEEN | (o->left ? EXCHANGE_RESTS : 0);
        e->shown = o->shown;
    } else {
        m->shown -= size;
        if (m->shown == 0 && m->left > 0) {
            m->shown = part(m);
            m->rank = ++t->rank;
            e->flags |= EXCHANGE_OTHER_MOVED;
        }
        t->last = price;
    }
    e->other_shown = m->shown;
    e->left = o->left;
    e->other_left = m->left;
    if (m->left == 0)
        erase(t, maker);
    if (call && by_number(t, taker)->left == 0)
        erase(t, taker);
}

static bool banded(const struct twin *t, int64_t price)
{
    if (t->set.dynamic_ppm == 0 || t->dynamic_ref == 0)
        return true;
    int64_t away = (int64_t)((wide)t->dynamic_ref * t->set.dynamic_ppm / 1000000);
    return price >= t->dynamic_ref - away && price <= t->dynamic_ref + away;
}

static bool reaches(uint8_t side, int64_t limit, int64_t price)
{
    return side == EXCHANGE_BUY ? price <= limit : price >= limit;
}

/* Whether an order would be filled whole, by letting it trade in a copy. */
static bool fills(struct twin *t, uint64_t number)
{
    struct twin *copy = malloc(sizeof *copy);
    struct exchange_out none = {.events = malloc(4096 * sizeof(struct exchange_event)),
                                .cap = 4096};
    *copy = *t;
    copy->out = &none;
    bool filled = false;
    for (;;) {
        struct twin_order *o = by_number(copy, number);
        struct twin_order *m = kth(copy, 1 - o->ask.side, false, 0);
        if (!m || !reaches(o->ask.side, o->price, m->price) || !banded(copy, m->price))
            break;
        if (o->ask.stp != EXCHANGE_STP_NONE && o->owner == m->owner) {
            if (o->ask.stp != EXCHANGE_STP_OLDEST)
                break;
            erase(copy, m->number);
            continue;
        }
        int64_t size = o->left < m->shown ? o->left : m->shown;
        if (o->left == size) {
            filled = true;
            break;
        }
        trade(copy, number, m->number, m->price, size, false);
    }
    free(none.events);
    free(copy);
    return filled;
}

static void rest(struct twin *t, uint64_t number, size_t announced)
{
    struct twin_order *o = by_number(t, number);
    int64_t price = o->price;
    while (t->phase == EXCHANGE_CONTINUOUS && o->price > 0 &&
           (!banded(t, o->price) || o->price % twin_tick(t->set.ticks, o->price, false) != 0) &&
           (o->ask.side == EXCHANGE_BUY ? o->price > t->dynamic_ref : o->price < t->dynamic_ref))
        o->price += o->ask.side == EXCHANGE_BUY ? -1 : 1;
    if (o->ask.op == EXCHANGE_LIMIT || o->ask.op == EXCHANGE_STOP_LIMIT)
        o->hold_price = o->price;
    const struct twin_order *m = kth(t, 1 - o->ask.side, false, 0);
    if (t->phase == EXCHANGE_CONTINUOUS &&
        (o->price <= 0 || (m && reaches(o->ask.side, o->price, m->price)))) {
        drop(t, number, EXCHANGE_CANCELLED, EXCHANGE_OUT_OF_BAND);
        return;
    }
    o->shown = part(o);
    o->rank = ++t->rank;
    struct exchange_event *e = &t->out->events[announced];
    if (t->out->n != announced + 1 || price != o->price) {
        e = say(t, EXCHANGE_BOOKED, o);
        e->held = rehold(t, o);
        e->size = o->left;
    }
    e->shown = o->shown;
    e->flags |= EXCHANGE_RESTS;
}

static void enter(struct twin *t, uint64_t number)
{
    size_t announced = t->out->n - 1;
    struct twin_order *o = by_number(t, number);
    bool to_band = false;
    if (t->phase == EXCHANGE_CALL) {
        rest(t, number, announced);
        return;
    }
    if (o->ask.tif == EXCHANGE_FOK && !fills(t, number)) {
        drop(t, number, EXCHANGE_CANCELLED, EXCHANGE_NOT_WHOLE);
        return;
    }
    while ((o = by_number(t, number))->left > 0) {
        struct twin_order *m = kth(t, 1 - o->ask.side, false, 0);
        if (!m || !reaches(o->ask.side, o->price, m->price))
            break;
        if ((to_band = !banded(t, m->price)))
            break;
        uint8_t stp = o->ask.stp;
        uint64_t maker = m->number;
        if (stp == EXCHANGE_STP_NONE || o->owner != m->owner) {
            trade(t, number, maker, m->price, o->left < m->shown ? o->left : m->shown, false);
            continue;
        }
        int64_t by = o->left < m->left ? o->left : m->left;
        if (stp == EXCHANGE_STP_DECREMENT)
            reduce(t, maker, by, EXCHANGE_SELF);
        else if (stp != EXCHANGE_STP_NEWEST)
            drop(t, maker, EXCHANGE_CANCELLED, EXCHANGE_SELF);
        if (stp == EXCHANGE_STP_DECREMENT)
            reduce(t, number, by, EXCHANGE_SELF);
        else if (stp != EXCHANGE_STP_OLDEST)
            drop(t, number, EXCHANGE_CANCELLED, EXCHANGE_SELF);
        if (!by_number(t, number))
            return;
    }
    uint8_t op = o->ask.op;
    if (o->left == 0)
        erase(t, number);
    else if (op == EXCHANGE_MARKET || op == EXCHANGE_STOP || o->ask.tif == EXCHANGE_IOC ||
             o->ask.tif == EXCHANGE_FOK)
        drop(t, number, EXCHANGE_CANCELLED, to_band ? EXCHANGE_OUT_OF_BAND : EXCHANGE_UNFILLED);
    else
        rest(t, number, announced);
}

static void settle(struct twin *t)
{
    while (t->phase == EXCHANGE_CONTINUOUS && t->last > 0) {
        struct twin_order *o = kth(t, EXCHANGE_BUY, true, 0);
        if (!o || o->ask.stop > t->last)
            o = kth(t, EXCHANGE_SELL, true, 0);
        if (!o || (o->ask.side == EXCHANGE_SELL && o->ask.stop < t->last))
            break;
        o->waits = false;
        say(t, EXCHANGE_TRIGGERED, o)->size = o->left;
        enter(t, o->number);
    }
    if (t->set.dynamic_ppm == 0)
        return;
    t->dynamic_ref = t->last;
    const struct twin_order *bid = kth(t, EXCHANGE_BUY, false, 0);
    const struct twin_order *ask = kth(t, EXCHANGE_SELL, false, 0);
    bool edge = t->phase == EXCHANGE_CONTINUOUS && t->last > 0 &&
                ((bid && bid->price >= t->last && !banded(t, bid->price + 1)) ||
                 (ask && ask->price <= t->last && !banded(t, ask->price - 1)));
    if (!edge)
        t->limit_until = INT64_MAX;
    else if (t->limit_until == INT64_MAX)
        t->limit_until = t->now + t->set.limit_ms;
}

/* ── phases ── */

static struct exchange_event *change(struct twin *t, enum exchange_phase to, int64_t for_ms,
                                     enum exchange_reason reason)
{
    t->phase = to;
    t->phase_until = for_ms > 0 ? t->now + for_ms : INT64_MAX;
    t->limit_until = INT64_MAX;
    struct exchange_event *e = say(t, EXCHANGE_PHASE, NULL);
    e->reason = (uint8_t)reason;
    return e;
}

static void open_call(struct twin *t, int64_t for_ms, enum exchange_reason reason)
{
    int64_t away = (int64_t)((wide)t->static_ref * t->set.static_ppm / 1000000);
    bool is = t->set.static_ppm && t->static_ref;
    t->extended = false;
    t->after_call = EXCHANGE_CONTINUOUS;
    t->call_low = is ? t->static_ref - away : 0;
    t->call_high = is ? t->static_ref + away : 0;
    t->call_ref = 0;
    change(t, EXCHANGE_CALL, for_ms, reason);
}

static struct exchange_call price_now(struct twin *t, bool bounded)
{
    struct exchange_call_level levels[TWIN_ORDERS + 2];
    size_t n = 0;
    int64_t buy = 0, sell = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct twin_order *o = &t->orders[i];
        bool buys = o->ask.side == EXCHANGE_BUY;
        if (o->waits)
            continue;
        if (o->unpriced)
            *(buys ? &buy : &sell) += o->left;
        else
            levels[n++] =
                (struct exchange_call_level){o->price, buys ? o->left : 0, buys ? 0 : o->left};
    }
    int64_t low = t->call_low, high = t->call_high;
    while (low > 0 && low % twin_tick(t->set.ticks, low, false) != 0)
        low++;
    while (high > 0 && high % twin_tick(t->set.ticks, high, false) != 0)
        high--;
    if (low > 0)
        levels[n++] = (struct exchange_call_level){low, 0, 0};
    if (high > 0)
        levels[n++] = (struct exchange_call_level){high, 0, 0};
    return twin_call_price(t->set.ticks, levels, n, buy, sell, bounded ? t->call_low : 0,
                           bounded ? t->call_high : 0, t->call_ref ? t->call_ref : t->last);
}

static void uncross(struct twin *t, struct exchange_call c, enum exchange_phase to,
                    enum exchange_reason reason)
{
    struct exchange_event *e = change(t, to, 0, reason);
    e->price = c.price;
    e->size = c.volume;
    e->left = c.surplus;
    for (int64_t left = c.volume; left > 0;) {
        struct twin_order *b = kth(t, EXCHANGE_BUY, false, 0);
        struct twin_order *s = kth(t, EXCHANGE_SELL, false, 0);
        int64_t size = b->left < s->left ? b->left : s->left;
        size = size < left ? size : left;
        left -= size;
        bool newer = b->number > s->number;
        trade(t, newer ? b->number : s->number, newer ? s->number : b->number, c.price, size, true);
    }
    if (c.volume > 0)
        t->last = t->static_ref = c.price;
    for (int pass = 0; pass < 4; pass++) /* those without a price, then those with one */
        for (size_t k = 0; k < t->n;) {
            struct twin_order *o = kth(t, pass % 2, false, k);
            if (o && o->ask.op == EXCHANGE_MARKET && (pass >= 2 || o->unpriced)) {
                drop(t, o->number, EXCHANGE_CANCELLED, EXCHANGE_NO_PRICE);
                k = 0;
            } else {
                k++;
            }
        }
    settle(t);
}

static void finish(struct twin *t, enum exchange_reason reason)
{
    struct exchange_call c = price_now(t, !t->extended), all = price_now(t, false);
    if (c.volume == all.volume) {
        uncross(t, c, t->after_call, reason);
        return;
    }
    t->extended = true;
    change(t, EXCHANGE_CALL, t->set.call_ms > 0 ? t->set.call_ms : 1, EXCHANGE_EXTENDED);
}

static void pass_time(struct twin *t, int64_t now)
{
    if (t->now == INT64_MIN)
        t->now = now;
    for (;;) {
        struct twin_order *o = NULL;
        for (size_t i = 0; i < t->n; i++)
            if (t->orders[i].ask.tif == EXCHANGE_GTT &&
                (!o || t->orders[i].ask.expires_ms < o->ask.expires_ms ||
                 (t->orders[i].ask.expires_ms == o->ask.expires_ms &&
                  t->orders[i].number < o->number)))
                o = &t->orders[i];
        int64_t expiry = o ? o->ask.expires_ms : INT64_MAX, due = expiry;
        due = t->limit_until < due ? t->limit_until : due;
        due = t->phase_until < due ? t->phase_until : due;
        if (due > now)
            break;
        t->now = due > t->now ? due : t->now;
        if (expiry == due) {
            drop(t, o->number, EXCHANGE_EXPIRED, EXCHANGE_TIME_OVER);
            settle(t);
        } else if (t->limit_until == due) {
            change(t, EXCHANGE_HALT, 0, EXCHANGE_BY_LIMIT)->price = t->last;
            t->phase_until = t->now + t->set.halt_ms;
        } else if (t->phase == EXCHANGE_HALT) {
            open_call(t, t->set.call_ms, EXCHANGE_BY_TIME);
        } else {
            finish(t, EXCHANGE_BY_TIME);
        }
    }
    t->now = now > t->now ? now : t->now;
}

static enum refusal twin_turn(struct twin *t, int64_t now_ms, const struct exchange_turn *turn,
                              struct exchange_out *out)
{
    t->out = out;
    pass_time(t, now_ms);
    if (turn->to == t->phase && !turn->uncross)
        return REFUSED_exists;
    if (turn->low < 0 || turn->high < 0 || turn->reference < 0 || turn->for_ms < 0 ||
        (turn->high && turn->low > turn->high))
        return REFUSED_not_positive;
    if (turn->to == EXCHANGE_HALT && t->phase == EXCHANGE_CLOSED)
        return REFUSED_market_closed;
    if (turn->uncross && t->phase != EXCHANGE_CALL)
        return REFUSED_market_not_in_call;
    if ((t->phase == EXCHANGE_CALL || t->phase == EXCHANGE_HALT) &&
        (turn->to == EXCHANGE_CONTINUOUS || turn->to == EXCHANGE_CLOSED)) {
        struct exchange_call c = price_now(t, true);
        if (c.volume < price_now(t, false).volume)
            return REFUSED_price_band;
        uncross(t, c, turn->to, EXCHANGE_BY_HAND);
    } else if (turn->to == EXCHANGE_CALL) {
        open_call(t, turn->for_ms, EXCHANGE_BY_HAND);
        t->call_low = turn->low ? turn->low : t->call_low;
        t->call_high = turn->high ? turn->high : t->call_high;
        t->call_ref = turn->reference;
    } else {
        change(t, turn->to, turn->for_ms, EXCHANGE_BY_HAND);
        if (turn->to == EXCHANGE_CONTINUOUS)
            settle(t);
    }
    return REFUSED_NOT;
}

/* ── commands ── */

static void holds_of(struct twin *t, uint32_t account, int64_t *currency, int64_t *items,
                     int64_t open[2])
{
    *currency = *items = open[0] = open[1] = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct twin_order *o = &t->orders[i];
        if (o->ask.account != account)
            continue;
        open[o->ask.side] += o->left;
        *(o->ask.side == EXCHANGE_BUY ? currency : items) += o->held;
    }
}

static int64_t worst_price(struct twin *t, const struct twin_order *o, int64_t limit)
{
    int64_t worst = 0, need = o->left;
    for (size_t k = 0; need > 0; k++) {
        const struct twin_order *m = kth(t, 1 - o->ask.side, false, k);
        bool own = m && o->ask.stp != EXCHANGE_STP_NONE && m->owner == o->owner;
        if (!m || !reaches(o->ask.side, limit, m->price) || !banded(t, m->price))
            break;
        worst = m->price;
        if (own && (o->ask.stp == EXCHANGE_STP_NEWEST || o->ask.stp == EXCHANGE_STP_BOTH))
            break;
        need -= own && o->ask.stp == EXCHANGE_STP_OLDEST ? 0 : m->left;
    }
    return worst;
}

static int64_t clamp(int64_t v)
{
    return v < 1 ? 1 : v > EXCHANGE_PRICE_MAX ? EXCHANGE_PRICE_MAX : v;
}

static void set_prices(struct twin *t, struct twin_order *o)
{
    bool buy = o->ask.side == EXCHANGE_BUY;
    int64_t sign = buy ? 1 : -1, any = buy ? EXCHANGE_PRICE_MAX : 1, guard = t->set.protection_ppm;
    o->price = o->hold_price = o->ask.price;
    if (o->ask.op == EXCHANGE_STOP && o->ask.price == 0)
        o->price = o->hold_price =
            guard ? clamp(o->ask.stop + sign * (o->ask.stop * guard / 1000000)) : any;
    if (o->ask.op != EXCHANGE_MARKET)
        return;
    if (t->phase == EXCHANGE_CALL) {
        o->unpriced = o->ask.price == 0;
        o->hold_price = o->ask.price ? o->ask.price : EXCHANGE_PRICE_MAX;
        return;
    }
    const struct twin_order *m = kth(t, 1 - o->ask.side, false, 0);
    int64_t limit = o->ask.price ? o->ask.price : any;
    if (!o->ask.price && guard && m)
        limit = clamp(m->price + sign * (m->price * guard / 1000000));
    if (t->set.static_ppm && t->static_ref) {
        int64_t edge = t->static_ref + sign * (t->static_ref * t->set.static_ppm / 1000000);
        if (buy ? edge < limit : edge > limit)
            limit = edge;
    }
    o->price = buy ? worst_price(t, o, limit) : limit;
    o->hold_price = o->price;
}

/* n: the order as it would be; o: as it is, of a replacement. */
static enum refusal allowed(struct twin *t, const struct twin_order *n, const struct twin_order *o,
                            const struct exchange_ask *a)
{
    const struct exchange_tick *ticks = t->set.ticks;
    bool limited = n->ask.op == EXCHANGE_LIMIT || n->ask.op == EXCHANGE_STOP_LIMIT;
    int64_t price = limited || !o ? n->ask.price : 0, stop = n->ask.stop;
    if ((price && price % twin_tick(ticks, price, false)) ||
        (stop && stop % twin_tick(ticks, stop, false)))
        return REFUSED_price_off_tick;
    int64_t lot = twin_tick(ticks, price ? price : stop ? stop : t->last, true);
    if (n->left % lot || n->ask.display % lot)
        return REFUSED_size_off_lot;
    if (n->ask.display && (n->left + n->ask.display - 1) / n->ask.display > t->set.slices_max)
        return REFUSED_display_range;
    if (o && a->account != EXCHANGE_NONE && a->account != o->ask.account)
        return REFUSED_not_your_order;
    if (t->phase == EXCHANGE_CLOSED)
        return REFUSED_market_closed;
    if (t->phase == EXCHANGE_HALT)
        return REFUSED_market_halted;
    if (t->phase == EXCHANGE_CALL &&
        (n->ask.tif == EXCHANGE_IOC || n->ask.tif == EXCHANGE_FOK || n->ask.post_only))
        return REFUSED_market_in_call;
    int64_t away = (int64_t)((wide)t->static_ref * t->set.static_ppm / 1000000);
    if (t->set.static_ppm && t->static_ref && limited &&
        (n->ask.price < t->static_ref - away || n->ask.price > t->static_ref + away))
        return REFUSED_price_band;
    const struct twin_order *m = kth(t, 1 - n->ask.side, false, 0);
    if (n->ask.post_only && m && reaches(n->ask.side, n->ask.price, m->price))
        return REFUSED_would_take;
    const struct twin_account *r = &t->accounts[n->ask.account];
    int64_t held, items, open[2];
    holds_of(t, n->ask.account, &held, &items, open);
    if (t->set.rate_ms && r->asked >= t->set.rate_max && t->now - r->window_ms < t->set.rate_ms)
        return REFUSED_rate_limited;
    int64_t more = n->left - (o ? o->left : 0), most = t->set.position_max;
    int64_t reach = n->ask.side == EXCHANGE_BUY ? r->position + open[0] : open[1] - r->position;
    if (most && more > 0 && reach + more > most)
        return REFUSED_position_limit;
    wide need = n->ask.side == EXCHANGE_SELL ? n->left : twin_hold(t, n, n->hold_price, n->left);
    need -= o ? o->held : 0;
    if (t->set.funded && need > 0 && n->ask.side == EXCHANGE_BUY && need > r->currency - held)
        return REFUSED_insufficient_funds;
    if (t->set.funded && need > 0 && n->ask.side == EXCHANGE_SELL &&
        r->items != EXCHANGE_UNLIMITED && need > r->items - items)
        return REFUSED_insufficient_items;
    return REFUSED_NOT;
}

static void count(struct twin *t, uint32_t account)
{
    struct twin_account *r = &t->accounts[account];
    if (t->set.rate_ms && (r->asked == 0 || t->now - r->window_ms >= t->set.rate_ms)) {
        r->asked = 0;
        r->window_ms = t->now;
    }
    r->asked += t->set.rate_ms > 0;
}

/* Into the stops, or to work; its event is the last one. */
static void send(struct twin *t, struct twin_order *o)
{
    if (!o->waits) {
        enter(t, o->number);
        return;
    }
    o->rank = ++t->rank;
    t->out->events[t->out->n - 1].flags |= EXCHANGE_WAITS;
}

static void replace(struct twin *t, const struct exchange_ask *a, struct twin_order *o,
                    const struct twin_order *n)
{
    bool keeps =
        n->price == o->price && a->size <= o->left && !a->display && n->ask.stop == o->ask.stop;
    bool was = seen(o);
    int64_t shown = o->shown;
    uint64_t rank = o->rank;
    count(t, o->ask.account);
    *o = *n;
    o->rank = rank;
    o->shown = !keeps ? 0 : shown < o->left ? shown : o->left;
    struct exchange_event *e = say(t, EXCHANGE_REPLACED, o);
    e->size = o->left;
    e->held = rehold(t, o);
    e->reason = keeps ? EXCHANGE_KEPT : EXCHANGE_ASKED;
    e->flags = was ? EXCHANGE_WAS_SEEN : 0;
    if (keeps)
        e->flags |= o->waits ? EXCHANGE_WAITS : EXCHANGE_RESTS;
    else
        send(t, o);
}

/* Side by side, price by price from the worst as the arrays have it: best first, oldest first. */
static void cancel_all(struct twin *t, const struct exchange_ask *a)
{
    for (int pass = 0; pass < 4; pass++)
        for (size_t k = 0; (a->both_sides || pass % 2 == a->side) && k < t->n;) {
            struct twin_order *o = kth(t, pass % 2, pass >= 2, k);
            if (!o)
                break;
            if ((a->account == EXCHANGE_NONE || a->account == o->ask.account) &&
                (a->owner == EXCHANGE_NONE || a->owner == o->owner))
                drop(t, o->number, EXCHANGE_CANCELLED, EXCHANGE_ASKED);
            else
                k++;
        }
}

static struct exchange_answer twin_apply(struct twin *t, int64_t now_ms,
                                         const struct exchange_ask *a, struct exchange_out *out)
{
    struct exchange_answer answer = {0};
    t->out = out;
    pass_time(t, now_ms);
    struct twin_order *o =
        a->op == EXCHANGE_CANCEL || a->op == EXCHANGE_REPLACE ? by_id(t, a->id_lo) : NULL;
    answer.refusal = twin_well_formed(t, a, o);
    if (answer.refusal == REFUSED_id_reused && memcmp(&t->ids[a->id_lo].ask, a, sizeof *a) == 0)
        return (struct exchange_answer){.repeated = true, .number = t->ids[a->id_lo].number};
    if (answer.refusal != REFUSED_NOT)
        return answer;
    struct twin_order n = {.ask = *a, .left = a->size};
    if (twin_placing(a)) {
        n.owner = t->accounts[a->account].owner;
        n.waits = a->op == EXCHANGE_STOP || a->op == EXCHANGE_STOP_LIMIT;
        set_prices(t, &n);
        answer.refusal = allowed(t, &n, NULL, a);
    } else if (a->op == EXCHANGE_REPLACE) {
        n = *o;
        n.left = a->size;
        n.ask.stop = a->stop ? a->stop : o->ask.stop;
        n.ask.display = a->display ? a->display : o->ask.display;
        bool limited = o->ask.op == EXCHANGE_LIMIT || o->ask.op == EXCHANGE_STOP_LIMIT;
        if (limited) {
            n.ask.price = n.price = n.hold_price = a->price ? a->price : o->price;
        }
        answer.refusal = allowed(t, &n, o, a);
    } else if (o && a->account != EXCHANGE_NONE && a->account != o->ask.account) {
        answer.refusal = REFUSED_not_your_order;
    }
    if (answer.refusal != REFUSED_NOT)
        return answer;
    answer.number = o ? o->number : 0;
    if (twin_placing(a)) {
        n.number = answer.number = ++t->number;
        t->ids[a->id_lo].number = n.number;
        t->ids[a->id_lo].ask = *a;
        t->orders[t->n] = n;
        o = &t->orders[t->n++];
        count(t, a->account);
        struct exchange_event *e = say(t, EXCHANGE_ACCEPTED, o);
        e->size = o->left;
        e->held = rehold(t, o);
        send(t, o);
    } else if (a->op == EXCHANGE_CANCEL) {
        reduce(t, o->number, a->size ? a->size : o->left, EXCHANGE_ASKED);
    } else if (a->op == EXCHANGE_REPLACE) {
        replace(t, a, o, &n);
    } else {
        cancel_all(t, a);
    }
    settle(t);
    return answer;
}
#endif
