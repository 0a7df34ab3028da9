/* entries[handle] says where a string lies in bytes; index is an open-addressing table of handles
 * (INTERN_NONE: free) at most 3/4 full. Removal closes the hole as in map.c.                     */
#include "base/intern.h"

#include "base/error.h"
#include "base/hash.h"

#include <stdlib.h>

#define FORGOTTEN SIZE_MAX
enum { FIRST_INDEX = 16 };
static const size_t MAX_STRINGS = UINT32_MAX - 1;

struct intern_entry {
    size_t at; /* FORGOTTEN: no string any more */
    uint32_t n;
    uint32_t hash;
};

void intern_init(struct intern *t)
{
    *t = (struct intern){0};
}

void intern_deinit(struct intern *t)
{
    free(t->bytes);
    free(t->entries);
    free(t->index);
    intern_init(t);
}

static uint32_t hash_of(struct str s)
{
    return (uint32_t)hash_bytes(s.p, s.n, 0);
}

/* The place in the index of s, or the free place where it would go.                              */
static size_t find(const struct intern *t, struct str s, uint32_t hash)
{
    size_t mask = t->index_cap - 1;
    size_t i = hash & mask;
    for (; t->index[i] != INTERN_NONE; i = (i + 1) & mask) {
        const struct intern_entry *e = &t->entries[t->index[i]];
        if (e->hash == hash && str_eq((struct str){t->bytes + e->at, e->n}, s))
            break;
    }
    return i;
}

uint32_t intern_find(const struct intern *t, struct str s)
{
    return t->index_cap ? t->index[find(t, s, hash_of(s))] : INTERN_NONE;
}

static bool grow_index(struct intern *t)
{
    size_t cap = t->index_cap ? t->index_cap * 2 : FIRST_INDEX;
    if (cap > PTRDIFF_MAX / sizeof *t->index)
        return false;
    uint32_t *index = malloc(cap * sizeof *index);
    if (!index)
        return false;
    for (size_t i = 0; i < cap; i++)
        index[i] = INTERN_NONE;
    for (size_t k = 0; k < t->count; k++) {
        if (t->entries[k].at == FORGOTTEN)
            continue;
        size_t i = t->entries[k].hash & (cap - 1);
        while (index[i] != INTERN_NONE)
            i = (i + 1) & (cap - 1);
        index[i] = (uint32_t)k;
    }
    free(t->index);
    t->index = index;
    t->index_cap = cap;
    return true;
}

uint32_t intern_add(struct intern *t, struct str s)
{
    uint32_t hash = hash_of(s);
    if (t->index_cap) {
        uint32_t known = t->index[find(t, s, hash)];
        if (known != INTERN_NONE)
            return known;
    }
    if (t->count >= MAX_STRINGS || s.n >= UINT32_MAX)
        return INTERN_NONE;
    /* s may be part of a string of ours, which moves when bytes grows.                           */
    size_t inside = (size_t)((uintptr_t)s.p - (uintptr_t)t->bytes);
    bool ours = t->bytes && s.n && inside < t->bytes_n;
    if (!array_grow(&t->entries, &t->cap, t->count + 1, sizeof *t->entries) ||
        !array_grow(&t->bytes, &t->bytes_cap, t->bytes_n + s.n + 1, 1) ||
        (t->live + 1 > t->index_cap / 4 * 3 && !grow_index(t)))
        return INTERN_NONE;
    if (ours)
        s.p = t->bytes + inside;

    uint32_t handle = (uint32_t)t->count;
    t->index[find(t, s, hash)] = handle;
    t->entries[t->count++] = (struct intern_entry){t->bytes_n, (uint32_t)s.n, hash};
    t->live++;
    if (s.n)
        memcpy(t->bytes + t->bytes_n, s.p, s.n);
    t->bytes_n += s.n;
    t->bytes[t->bytes_n++] = '\0';
    return handle;
}

struct str intern_str(const struct intern *t, uint32_t handle)
{
    heed_assert(handle < t->count);
    const struct intern_entry *e = &t->entries[handle];
    return e->at == FORGOTTEN ? STR("") : (struct str){t->bytes + e->at, e->n};
}

void intern_forget(struct intern *t, uint32_t handle)
{
    heed_assert(handle < t->count);
    struct intern_entry *gone = &t->entries[handle];
    if (gone->at == FORGOTTEN)
        return;
    size_t mask = t->index_cap - 1;
    size_t hole = find(t, intern_str(t, handle), gone->hash);
    for (size_t i = (hole + 1) & mask; t->index[i] != INTERN_NONE; i = (i + 1) & mask) {
        size_t home = t->entries[t->index[i]].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            t->index[hole] = t->index[i];
            hole = i;
        }
    }
    t->index[hole] = INTERN_NONE;
    memset(t->bytes + gone->at, 0, gone->n);
    *gone = (struct intern_entry){FORGOTTEN, 0, 0};
    t->live--;
}
