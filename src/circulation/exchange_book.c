/* The book: sides of levels, levels of queues; and the heap of orders that expire. */
#include "circulation/exchange_parts.h"

#include "base/error.h"
#include "base/str.h"

#include <stdlib.h>

/* ── room ── */

static bool resize(void *p, size_t n, size_t size)
{
    void *old, *grown;
    memcpy(&old, p, sizeof old);
    grown = realloc(old, n * size);
    if (grown)
        memcpy(p, &grown, sizeof grown);
    return grown != NULL;
}

bool book_grow(struct exchange *x, size_t orders)
{
    enum { FIRST = 64 };
    if (orders <= x->orders_cap)
        return true;
    size_t cap = x->orders_cap ? x->orders_cap : FIRST;
    while (cap < orders)
        cap *= 2;
    if (cap >= IDS_ENDED)
        return false;
    for (size_t s = 0; s < SIDES; s++)
        if (!resize(&x->sides[s].key, cap, sizeof *x->sides[s].key) ||
            !resize(&x->sides[s].level, cap, sizeof *x->sides[s].level))
            return false;
    /* a level for each order, and one for an order that moves */
    if (!resize(&x->orders, cap, sizeof *x->orders) ||
        !resize(&x->levels, cap + 1, sizeof *x->levels) ||
        !resize(&x->heap, cap, sizeof *x->heap) ||
        !resize(&x->scratch, 2 * cap + 4, sizeof *x->scratch))
        return false;
    x->orders_cap = (uint32_t)cap;
    return true;
}

uint32_t book_slot(struct exchange *x)
{
    uint32_t slot = x->orders_free;
    if (slot != EXCHANGE_NONE) {
        x->orders_free = x->orders[slot].next;
        return slot;
    }
    heed_assert(x->orders_n < x->orders_cap);
    return x->orders_n++;
}

/* ── levels ── */

size_t side_of(const struct order *o)
{
    return o->waits ? SIDE_STOP_BUYS + (size_t)o->side : o->side;
}

/* Bids and stops of sales are best when high, the others when low. */
static int64_t key_of(size_t side, int64_t price)
{
    return side == SIDE_BIDS || side == SIDE_STOP_SELLS ? price : -price;
}

/* The first place whose key is not below; counted among the best, halved beyond. */
static size_t key_place(const struct side *s, int64_t key)
{
    enum { NEAR = 16 };
    size_t near = s->n < NEAR ? s->n : NEAR, above = 0;
    const int64_t *best = s->key + s->n - near;
    for (size_t i = 0; i < near; i++) /* no branch that could be guessed wrong */
        above += best[i] >= key;
    if (above < near || near == s->n)
        return s->n - above;
    const int64_t *from = s->key;
    size_t n = s->n - near;
    while (n > 0) {
        size_t half = n / 2;
        bool below = from[half] < key;
        from += below ? half + 1 : 0;
        n = below ? n - half - 1 : half;
    }
    return (size_t)(from - s->key);
}

static uint32_t level_new(struct exchange *x, size_t side, size_t at, int64_t price)
{
    uint32_t i = x->levels_free;
    struct side *s = &x->sides[side];
    if (i != EXCHANGE_NONE)
        x->levels_free = x->levels[i].side;
    else
        i = x->levels_n++;
    x->levels[i] = (struct level){
        .price = price, .head = EXCHANGE_NONE, .tail = EXCHANGE_NONE, .side = (uint32_t)side};
    memmove(s->key + at + 1, s->key + at, (s->n - at) * sizeof *s->key);
    memmove(s->level + at + 1, s->level + at, (s->n - at) * sizeof *s->level);
    s->key[at] = key_of(side, price);
    s->level[at] = i;
    s->n++;
    return i;
}

static void level_remove(struct exchange *x, uint32_t i)
{
    struct level *l = &x->levels[i];
    struct side *s = &x->sides[l->side];
    size_t at = key_place(s, key_of(l->side, l->price));
    memmove(s->key + at, s->key + at + 1, (s->n - at - 1) * sizeof *s->key);
    memmove(s->level + at, s->level + at + 1, (s->n - at - 1) * sizeof *s->level);
    s->n--;
    l->side = x->levels_free;
    x->levels_free = i;
}

static void link_tail(struct exchange *x, struct level *l, uint32_t slot)
{
    struct order *o = &x->orders[slot];
    o->prev = l->tail;
    o->next = EXCHANGE_NONE;
    if (l->tail == EXCHANGE_NONE)
        l->head = slot;
    else
        x->orders[l->tail].next = slot;
    l->tail = slot;
}

static void unlink_order(struct exchange *x, struct level *l, const struct order *o)
{
    if (o->prev == EXCHANGE_NONE)
        l->head = o->next;
    else
        x->orders[o->prev].next = o->next;
    if (o->next == EXCHANGE_NONE)
        l->tail = o->prev;
    else
        x->orders[o->next].prev = o->prev;
}

void book_add(struct exchange *x, uint32_t slot)
{
    struct order *o = &x->orders[slot];
    size_t side = side_of(o);
    struct side *s = &x->sides[side];
    int64_t price = o->waits ? o->stop : o->price;
    size_t at = key_place(s, key_of(side, price));
    uint32_t i = at < s->n && s->key[at] == key_of(side, price) ? s->level[at]
                                                                : level_new(x, side, at, price);
    struct level *l = &x->levels[i];
    link_tail(x, l, slot);
    o->level = i;
    l->orders++;
    l->shown += o->shown;
    l->left += o->left;
}

void book_take_out(struct exchange *x, uint32_t slot)
{
    struct order *o = &x->orders[slot];
    struct level *l = &x->levels[o->level];
    unlink_order(x, l, o);
    l->shown -= o->shown;
    l->left -= o->left;
    if (--l->orders == 0)
        level_remove(x, o->level);
    o->level = EXCHANGE_NONE;
}

void book_to_tail(struct exchange *x, uint32_t slot)
{
    struct level *l = &x->levels[x->orders[slot].level];
    unlink_order(x, l, &x->orders[slot]);
    link_tail(x, l, slot);
}

/* ── what expires ── */

static bool sooner(const struct exchange *x, uint32_t a, uint32_t b)
{
    const struct order *p = &x->orders[a], *q = &x->orders[b];
    return p->expires_ms != q->expires_ms ? p->expires_ms < q->expires_ms : p->number < q->number;
}

static void heap_set(struct exchange *x, size_t at, uint32_t slot)
{
    x->heap[at] = slot;
    x->orders[slot].heap_at = (uint32_t)at;
}

static void heap_up(struct exchange *x, size_t at, uint32_t slot)
{
    for (; at > 0 && sooner(x, slot, x->heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap_set(x, at, x->heap[(at - 1) / 2]);
    heap_set(x, at, slot);
}

void heap_add(struct exchange *x, uint32_t slot)
{
    heap_up(x, x->heap_n++, slot);
}

void heap_remove(struct exchange *x, uint32_t slot)
{
    size_t at = x->orders[slot].heap_at;
    uint32_t last = x->heap[--x->heap_n];
    x->orders[slot].heap_at = EXCHANGE_NONE;
    if (last == slot)
        return;
    for (size_t child; (child = 2 * at + 1) < x->heap_n; at = child) {
        if (child + 1 < x->heap_n && sooner(x, x->heap[child + 1], x->heap[child]))
            child++;
        if (!sooner(x, x->heap[child], last))
            break;
        heap_set(x, at, x->heap[child]);
    }
    heap_up(x, at, last);
}
