/* Market data: packets from events, a reader's view of the book, bars. */
#include "circulation/exchange_data.h"

#include "base/str.h"

#include <stdlib.h>

__extension__ typedef __int128 wide;

/* ── packets ── */

static void change(struct data_packet *p, uint64_t number, uint8_t side, int64_t price,
                   int64_t size, bool last)
{
    p->changes[p->changes_n++] = (struct data_change){
        .number = number, .price = price, .size = size, .side = side, .last_in_queue = last};
}

static void changes_of_trade(const struct exchange_event *e, struct data_packet *p)
{
    uint8_t other = e->side == EXCHANGE_BUY ? EXCHANGE_SELL : EXCHANGE_BUY;
    p->trade_price = e->price;
    p->trade_size = e->size;
    p->taker_side = e->side;
    change(p, e->other_number, other, 0, e->other_shown, (e->flags & EXCHANGE_OTHER_MOVED) != 0);
    if (e->flags & EXCHANGE_WAS_SEEN)
        change(p, e->number, e->side, 0, e->shown, false);
}

void data_of_event(const struct exchange_event *e, struct data_packet *p)
{
    *p = (struct data_packet){.seq = e->seq, .time_ms = e->time_ms, .phase = e->phase};
    bool kept = e->kind == EXCHANGE_CANCELLED || e->reason == EXCHANGE_KEPT;
    if (e->kind == EXCHANGE_TRADE) {
        changes_of_trade(e, p);
    } else if (e->flags & (EXCHANGE_RESTS | EXCHANGE_WAS_SEEN)) {
        if (!kept && e->flags & EXCHANGE_WAS_SEEN)
            change(p, e->number, e->side, 0, 0, false);
        if (kept || e->flags & EXCHANGE_RESTS)
            change(p, e->number, e->side, e->price, e->shown, !kept);
    }
}

/* ── the view ── */

void data_view_init(struct data_view *v)
{
    *v = (struct data_view){0};
    map_init(&v->by_number);
}

void data_view_deinit(struct data_view *v)
{
    free(v->orders);
    free(v->levels[0]);
    free(v->levels[1]);
    map_deinit(&v->by_number);
    data_view_init(v);
}

/* Prices of market orders are better than any. */
static bool worse(uint8_t side, int64_t a, int64_t b)
{
    if (a == 0 || b == 0)
        return b == 0 && a != 0;
    return side == EXCHANGE_BUY ? a < b : a > b;
}

/* The place of a price among its levels, or where it would go. */
static size_t level_place(const struct data_view *v, uint8_t side, int64_t price)
{
    size_t low = 0, high = v->levels_n[side];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (worse(side, v->levels[side][middle].price, price))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void level_change(struct data_view *v, uint8_t side, int64_t price, int64_t size, int orders)
{
    struct data_level *l = v->levels[side];
    size_t at = level_place(v, side, price), n = v->levels_n[side];
    if (at == n || l[at].price != price) {
        memmove(l + at + 1, l + at, (n - at) * sizeof *l);
        l[at] = (struct data_level){.price = price};
        v->levels_n[side]++;
    }
    l[at].size += size;
    l[at].orders += (uint32_t)orders;
    if (l[at].orders == 0) {
        memmove(l + at, l + at + 1, (v->levels_n[side] - at - 1) * sizeof *l);
        v->levels_n[side]--;
    }
}

/* Room for one more order on a side. */
static bool reserve(struct data_view *v, uint8_t side)
{
    return array_grow(&v->orders, &v->cap, v->n + 1, sizeof *v->orders) &&
           array_grow(&v->levels[side], &v->levels_cap[side], v->levels_n[side] + 1,
                      sizeof *v->levels[side]) &&
           map_reserve(&v->by_number, v->n + 1);
}

static void add(struct data_view *v, const struct data_change *c)
{
    (void)map_put(&v->by_number, c->number, (uint32_t)v->n); /* there is room */
    v->orders[v->n++] = (struct data_order){.number = c->number,
                                            .rank = ++v->rank,
                                            .price = c->price,
                                            .size = c->size,
                                            .side = c->side};
    level_change(v, c->side, c->price, c->size, 1);
}

static void take_change(struct data_view *v, const struct data_change *c)
{
    uint32_t at = map_get(&v->by_number, c->number);
    if (at == MAP_NONE) {
        if (c->size > 0)
            add(v, c);
        return;
    }
    struct data_order *o = &v->orders[at];
    if (c->size > 0) {
        level_change(v, o->side, o->price, c->size - o->size, 0);
        o->size = c->size;
        o->rank = c->last_in_queue ? ++v->rank : o->rank;
        return;
    }
    level_change(v, o->side, o->price, -o->size, -1);
    map_remove(&v->by_number, c->number);
    if (at + 1 < v->n) {
        *o = v->orders[v->n - 1];
        (void)map_put(&v->by_number, o->number, at);
    }
    v->n--;
}

enum data_result data_view_take(struct data_view *v, const struct data_packet *p)
{
    if (p->seq <= v->seq)
        return DATA_OLD;
    if (p->seq != v->seq + 1)
        return DATA_GAP;
    for (uint32_t i = 0; i < p->changes_n; i++)
        if (!reserve(v, p->changes[i].side))
            return DATA_NO_MEMORY;
    for (uint32_t i = 0; i < p->changes_n; i++)
        take_change(v, &p->changes[i]);
    v->seq = p->seq;
    return DATA_TAKEN;
}

static bool snapshot_order(void *view, const struct exchange_order *o)
{
    struct data_view *v = view;
    const struct data_change c = {
        .number = o->number, .price = o->price, .size = o->shown, .side = o->side};
    if (o->waits)
        return true;
    if (!reserve(v, o->side))
        return false;
    add(v, &c);
    return true;
}

enum heed_status data_view_snapshot(struct data_view *v, const struct exchange *x)
{
    v->n = v->levels_n[0] = v->levels_n[1] = 0;
    v->seq = v->rank = 0;
    map_clear(&v->by_number);
    if (!exchange_each(x, snapshot_order, v)) {
        data_view_deinit(v);
        return HEED_NOMEM;
    }
    v->seq = exchange_seq(x);
    return HEED_OK;
}

struct data_level data_view_level(const struct data_view *v, enum exchange_side side, size_t depth)
{
    size_t n = v->levels_n[side];
    return depth < n ? v->levels[side][n - 1 - depth] : (struct data_level){0};
}

/* ── bars ── */

bool data_bars_take(struct data_bars *b, const struct data_packet *p)
{
    if (p->trade_size == 0)
        return true;
    int64_t begin = p->time_ms - p->time_ms % b->each_ms;
    struct data_bar *bar = b->n ? &b->bars[b->n - 1] : NULL;
    if (!bar || bar->begin_ms != begin) {
        if (!array_grow(&b->bars, &b->cap, b->n + 1, sizeof *b->bars))
            return false;
        bar = &b->bars[b->n++];
        *bar = (struct data_bar){.begin_ms = begin,
                                 .open = p->trade_price,
                                 .high = p->trade_price,
                                 .low = p->trade_price};
    }
    wide value = (wide)bar->value_high * ((wide)1 << 64) + bar->value_low;
    value += (wide)p->trade_price * (wide)p->trade_size;
    bar->value_high = (uint64_t)(value >> 64);
    bar->value_low = (uint64_t)value;
    bar->high = p->trade_price > bar->high ? p->trade_price : bar->high;
    bar->low = p->trade_price < bar->low ? p->trade_price : bar->low;
    bar->close = p->trade_price;
    bar->volume += p->trade_size;
    bar->trades++;
    return true;
}

void data_bars_deinit(struct data_bars *b)
{
    free(b->bars);
    *b = (struct data_bars){.each_ms = b->each_ms};
}

int64_t data_vwap(const struct data_bar *bars, size_t n, int64_t parts)
{
    wide value = 0, volume = 0;
    for (size_t i = 0; i < n; i++) {
        value += (wide)bars[i].value_high * ((wide)1 << 64) + bars[i].value_low;
        volume += (wide)bars[i].volume;
    }
    return volume ? (int64_t)(value / volume * (wide)parts + value % volume * (wide)parts / volume)
                  : 0;
}
