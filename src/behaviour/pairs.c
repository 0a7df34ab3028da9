#include "behaviour/pairs.h"

#include "base/error.h"
#include "base/hash.h"

#include <stdlib.h>

static size_t slot_of(const struct behaviour *b, uint32_t user, uint32_t target)
{
    return (size_t)hash_u64((uint64_t)user << 32 | target) & (b->pair_index_cap - 1);
}

uint32_t pair_find(const struct behaviour *b, uint32_t user, uint32_t target)
{
    if (b->pair_index_cap == 0)
        return HANDLE_NONE;
    for (size_t i = slot_of(b, user, target);; i = (i + 1) & (b->pair_index_cap - 1)) {
        uint32_t p = b->pair_index[i];
        if (p == HANDLE_NONE || (b->pairs[p].user == user && b->pairs[p].target == target))
            return p;
    }
}

static void index_put(struct behaviour *b, uint32_t p)
{
    size_t i = slot_of(b, b->pairs[p].user, b->pairs[p].target);
    while (b->pair_index[i] != HANDLE_NONE)
        i = (i + 1) & (b->pair_index_cap - 1);
    b->pair_index[i] = p;
}

/* An index of `cap` slots over all pairs; looks ahead so that misses overlap.                    */
static bool reindex(struct behaviour *b, size_t cap)
{
    enum { AHEAD = 16 };
    free(b->pair_index);
    b->pair_index_cap = 0;
    b->pair_index = malloc(cap * sizeof *b->pair_index);
    if (!b->pair_index)
        return false;
    memset(b->pair_index, 0xff, cap * sizeof *b->pair_index);
    b->pair_index_cap = cap;
    for (size_t p = 0; p < b->pairs_n; p++) {
        if (p + AHEAD < b->pairs_n) {
            const struct pair *next = &b->pairs[p + AHEAD];
            __builtin_prefetch(&b->pair_index[slot_of(b, next->user, next->target)], 1);
        }
        index_put(b, (uint32_t)p);
    }
    return true;
}

uint32_t pair_add(struct behaviour *b, uint32_t user, uint32_t target, bool *made)
{
    *made = false;
    uint32_t p = pair_find(b, user, target);
    if (p != HANDLE_NONE)
        return p;
    if (b->pairs_n >= UINT32_MAX - 1 ||
        !array_grow(&b->pairs, &b->pairs_cap, b->pairs_n + 1, sizeof *b->pairs))
        return HANDLE_NONE;
    if (b->pairs_n + 1 > b->pair_index_cap / 4 * 3 &&
        !reindex(b, b->pair_index_cap ? b->pair_index_cap * 2 : 1024))
        return HANDLE_NONE;
    p = (uint32_t)b->pairs_n++;
    b->pairs[p] = (struct pair){.user = user, .target = target, .next = HANDLE_NONE};
    index_put(b, p);
    *made = true;
    return p;
}

bool pairs_index(struct behaviour *b)
{
    for (size_t p = 0; p < b->pairs_n; p++) {
        struct user_stats *u = &b->users[b->pairs[p].user];
        b->pairs[p].next = u->head;
        u->head = (uint32_t)p;
        u->pairs++;
    }
    size_t cap = 1024;
    while (b->pairs_n > cap / 4 * 3)
        cap *= 2;
    return reindex(b, cap);
}
