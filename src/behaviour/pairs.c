#include "behaviour/pairs.h"

#include "base/error.h"
#include "base/hash.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 1024 };

/* The index is open addressing with linear probing, at most 3/4 full. A slot of a table of 2^k
 * slots holds a pair's handle in its lower k bits, enough as handles stay below the number of
 * slots; its upper bits hold as many bits of the key's hash. So a probe seldom reads a pair that is
 * not the one looked for. HANDLE_NONE: free; no handle has all its k bits set. */
struct place {
    size_t slot;
    uint32_t tag, handle_mask;
};

static inline struct place place_of(const struct behaviour *b, uint32_t user, uint32_t target)
{
    uint64_t hash = hash_u64((uint64_t)user << 32 | target);
    size_t mask = b->pair_index_cap - 1;
    return (struct place){(size_t)hash & mask, (uint32_t)(hash >> 32) & ~(uint32_t)mask,
                          (uint32_t)mask};
}

/* Finds the pair, or the free slot where it would stand. The index has slots.                   */
static inline uint32_t find(const struct behaviour *b, struct place *at, uint32_t user,
                            uint32_t target)
{
    for (;; at->slot = (at->slot + 1) & (b->pair_index_cap - 1)) {
        uint32_t x = b->pair_index[at->slot];
        if (x == HANDLE_NONE)
            return HANDLE_NONE;
        uint32_t p = x & at->handle_mask;
        if (x - p == at->tag && b->pairs[p].user == user && b->pairs[p].target == target)
            return p;
    }
}

uint32_t pair_find(const struct behaviour *b, uint32_t user, uint32_t target)
{
    if (b->pair_index_cap == 0)
        return HANDLE_NONE;
    struct place at = place_of(b, user, target);
    return find(b, &at, user, target);
}

void pair_prefetch_slot(const struct behaviour *b, uint32_t user, uint32_t target)
{
    if (b->pair_index_cap > 0)
        __builtin_prefetch(&b->pair_index[place_of(b, user, target).slot], 1);
}

void pair_prefetch(const struct behaviour *b, uint32_t user, uint32_t target)
{
    enum { PROBES = 8 };
    if (b->pair_index_cap == 0)
        return;
    struct place at = place_of(b, user, target);
    for (int i = 0; i < PROBES; i++) {
        uint32_t x = b->pair_index[(at.slot + (size_t)i) & (b->pair_index_cap - 1)];
        if (x == HANDLE_NONE)
            return;
        if ((x & ~at.handle_mask) == at.tag) {
            __builtin_prefetch(&b->pairs[x & at.handle_mask], 1);
            return;
        }
    }
}

/* Enters pair p. false: its user and target have an entry already.                              */
static bool index_put(struct behaviour *b, uint32_t p)
{
    const struct pair *x = &b->pairs[p];
    struct place at = place_of(b, x->user, x->target);
    if (find(b, &at, x->user, x->target) != HANDLE_NONE)
        return false;
    b->pair_index[at.slot] = at.tag | p;
    return true;
}

/* An index of `cap` slots over all pairs; looks ahead so that misses overlap.                   */
static enum heed_status reindex(struct behaviour *b, size_t cap)
{
    enum { AHEAD = 16 };
    free(b->pair_index);
    b->pair_index_cap = 0;
    b->pair_index = malloc(cap * sizeof *b->pair_index);
    if (!b->pair_index)
        return HEED_NOMEM;
    memset(b->pair_index, 0xff, cap * sizeof *b->pair_index);
    b->pair_index_cap = cap;
    for (size_t p = 0; p < b->pairs_n; p++) {
        if (p + AHEAD < b->pairs_n)
            pair_prefetch_slot(b, b->pairs[p + AHEAD].user, b->pairs[p + AHEAD].target);
        if (!index_put(b, (uint32_t)p))
            return HEED_INPUT;
    }
    return HEED_OK;
}

uint32_t pair_add(struct behaviour *b, uint32_t user, uint32_t target, bool *made)
{
    *made = false;
    struct place at = {0};
    if (b->pair_index_cap > 0) {
        at = place_of(b, user, target);
        uint32_t p = find(b, &at, user, target);
        if (p != HANDLE_NONE)
            return p;
    }
    if (b->pairs_n >= UINT32_MAX - 1 ||
        !array_grow(&b->pairs, &b->pairs_cap, b->pairs_n + 1, sizeof *b->pairs))
        return HANDLE_NONE;
    if (b->pairs_n + 1 > b->pair_index_cap / 4 * 3) {
        if (reindex(b, b->pair_index_cap ? b->pair_index_cap * 2 : FIRST_SLOTS) != HEED_OK)
            return HANDLE_NONE;
        at = place_of(b, user, target);
        find(b, &at, user, target);
    }
    uint32_t p = (uint32_t)b->pairs_n++;
    b->pairs[p] =
        (struct pair){.user = user & TARGET_INDEX_MAX, .target = target, .next = HANDLE_NONE};
    b->pair_index[at.slot] = at.tag | p;
    *made = true;
    return p;
}

enum heed_status pairs_index(struct behaviour *b)
{
    for (size_t p = 0; p < b->pairs_n; p++) {
        struct user_stats *u = &b->users[b->pairs[p].user];
        b->pairs[p].next = u->head;
        u->head = (uint32_t)p;
        u->pairs++;
    }
    size_t cap = FIRST_SLOTS;
    while (b->pairs_n > cap / 4 * 3)
        cap *= 2;
    return reindex(b, cap);
}
