/* Ids of orders: an index with linear probing whose places hold half of the hash and where the
 * order is, among the open ones or in the ring of those that ended. */
#include "circulation/exchange_parts.h"

#include "base/hash.h"
#include "base/str.h"

#include <stdlib.h>

#define EMPTY UINT64_MAX

static uint32_t hash_of(uint64_t hi, uint64_t lo)
{
    return (uint32_t)(hash_u64(lo ^ (hi << 31 | hi >> 33) * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static bool is(const struct exchange *x, uint32_t ref, uint64_t hi, uint64_t lo)
{
    if (ref & IDS_ENDED) {
        const struct ended *e = &x->ended[ref & ~IDS_ENDED];
        return e->id_lo == lo && e->id_hi == hi;
    }
    const struct order *o = &x->orders[ref];
    return o->id_lo == lo && o->id_hi == hi;
}

/* The place of an id, or where it would go. */
static size_t slot_of(const struct exchange *x, uint64_t hi, uint64_t lo)
{
    uint32_t h = hash_of(hi, lo);
    size_t mask = x->ids.cap - 1, i = h & mask;
    for (; x->ids.slot[i] != EMPTY; i = (i + 1) & mask)
        if ((uint32_t)(x->ids.slot[i] >> 32) == h && is(x, (uint32_t)x->ids.slot[i], hi, lo))
            break;
    return i;
}

uint32_t ids_find(const struct exchange *x, uint64_t hi, uint64_t lo)
{
    if (x->ids.cap == 0)
        return EXCHANGE_NONE;
    uint64_t v = x->ids.slot[slot_of(x, hi, lo)];
    return v == EMPTY ? EXCHANGE_NONE : (uint32_t)v;
}

uint32_t ids_find_to_add(struct exchange *x, uint64_t hi, uint64_t lo)
{
    struct ids *t = &x->ids;
    size_t at = slot_of(x, hi, lo);
    if (t->slot[at] != EMPTY)
        return (uint32_t)t->slot[at];
    t->missed = at;
    t->missed_hi = hi;
    t->missed_lo = lo;
    return EXCHANGE_NONE;
}

bool ids_reserve(struct exchange *x)
{
    struct ids *t = &x->ids;
    if ((t->n + 1) * 2 <= t->cap)
        return true;
    size_t cap = t->cap ? t->cap * 2 : 1024;
    uint64_t *slot = malloc(cap * sizeof *slot);
    if (!slot)
        return false;
    memset(slot, 0xff, cap * sizeof *slot);
    for (size_t i = 0; i < t->cap; i++) {
        uint64_t v = t->slot[i];
        size_t at = (size_t)(v >> 32) & (cap - 1);
        if (v == EMPTY)
            continue;
        while (slot[at] != EMPTY)
            at = (at + 1) & (cap - 1);
        slot[at] = v;
    }
    free(t->slot);
    t->slot = slot;
    t->cap = cap;
    t->missed = SIZE_MAX;
    return true;
}

/* The place of what is known to be there, without a look at the order. */
static size_t slot_with(const struct exchange *x, uint64_t hi, uint64_t lo, uint32_t ref)
{
    uint64_t v = (uint64_t)hash_of(hi, lo) << 32 | ref;
    size_t mask = x->ids.cap - 1, i = (size_t)(v >> 32) & mask;
    while (x->ids.slot[i] != v)
        i = (i + 1) & mask;
    return i;
}

static void put(struct exchange *x, uint64_t hi, uint64_t lo, uint32_t ref)
{
    struct ids *t = &x->ids;
    bool known = t->missed != SIZE_MAX && t->missed_lo == lo && t->missed_hi == hi;
    t->slot[known ? t->missed : slot_of(x, hi, lo)] = (uint64_t)hash_of(hi, lo) << 32 | ref;
    t->missed = SIZE_MAX;
    t->n++;
}

void ids_add(struct exchange *x, uint32_t order)
{
    put(x, x->orders[order].id_hi, x->orders[order].id_lo, order);
}

/* Empties a place and moves up what was pushed past it. */
static void remove_at(struct exchange *x, size_t i)
{
    uint64_t *slot = x->ids.slot;
    size_t mask = x->ids.cap - 1;
    for (size_t j = (i + 1) & mask; slot[j] != EMPTY; j = (j + 1) & mask) {
        size_t home = (size_t)(slot[j] >> 32) & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) {
            slot[i] = slot[j];
            i = j;
        }
    }
    slot[i] = EMPTY;
    x->ids.missed = SIZE_MAX;
    x->ids.n--;
}

static void forget_oldest(struct exchange *x)
{
    enum { AHEAD = 4 };
    const struct ended *e = &x->ended[x->ended_at];
    if (x->ended_at + AHEAD < x->set.remember)
        __builtin_prefetch(
            &x->ids.slot[hash_of(e[AHEAD].id_hi, e[AHEAD].id_lo) & (x->ids.cap - 1)]);
    remove_at(x, slot_with(x, e->id_hi, e->id_lo, IDS_ENDED | (uint32_t)x->ended_at));
    x->ended_n--;
}

/* The next place in the ring, emptied. */
static uint32_t ring_next(struct exchange *x)
{
    if (x->ended_n == x->set.remember)
        forget_oldest(x);
    uint32_t at = (uint32_t)x->ended_at;
    x->ended_at = x->ended_at + 1 == x->set.remember ? 0 : x->ended_at + 1;
    x->ended_n++;
    return at;
}

void ids_end(struct exchange *x, uint32_t order)
{
    const struct order *o = &x->orders[order];
    if (x->set.remember == 0) {
        remove_at(x, slot_with(x, o->id_hi, o->id_lo, order));
        return;
    }
    uint32_t at = ring_next(x);
    x->ids.slot[slot_with(x, o->id_hi, o->id_lo, order)] =
        (uint64_t)hash_of(o->id_hi, o->id_lo) << 32 | IDS_ENDED | at;
    x->ended[at] = (struct ended){o->id_hi, o->id_lo, o->number, o->body};
}

bool ids_remember(struct exchange *x, const struct ended *e)
{
    if (!ids_reserve(x))
        return false;
    uint32_t at = ring_next(x);
    x->ended[at] = *e;
    put(x, e->id_hi, e->id_lo, IDS_ENDED | at);
    return true;
}
