/* Slots hold MAP_NONE as their value when free. A removal moves later keys of the same run back
 * over the hole (D. Knuth, TAOCP 3, 6.4, algorithm R), so a table never wears out.               */
#include "base/map.h"

#include "base/error.h"
#include "base/hash.h"

#include <stdlib.h>

struct map_slot {
    uint64_t key;
    uint32_t value;
};

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_deinit(struct map *m)
{
    free(m->slots);
    map_init(m);
}

/* The slot of key, or the free slot where it would go. The table has at least one free slot.     */
static size_t find(const struct map *m, uint64_t key)
{
    size_t mask = m->capacity - 1;
    size_t i = (size_t)hash_u64(key) & mask;
    while (m->slots[i].value != MAP_NONE && m->slots[i].key != key)
        i = (i + 1) & mask;
    return i;
}

void map_prefetch(const struct map *m, uint64_t key)
{
    if (m->capacity)
        __builtin_prefetch(&m->slots[(size_t)hash_u64(key) & (m->capacity - 1)], 1);
}

uint32_t map_get(const struct map *m, uint64_t key)
{
    return m->count ? m->slots[find(m, key)].value : MAP_NONE;
}

bool map_reserve(struct map *m, size_t count)
{
    enum { FIRST = 16 };
    size_t capacity = m->capacity ? m->capacity : FIRST;
    while (count > capacity / 4 * 3) {
        if (capacity > PTRDIFF_MAX / 2 / sizeof *m->slots)
            return false;
        capacity *= 2;
    }
    if (capacity == m->capacity)
        return true;
    struct map grown = {malloc(capacity * sizeof *m->slots), m->count, capacity};
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < capacity; i++)
        grown.slots[i] = (struct map_slot){0, MAP_NONE};
    for (size_t i = 0; i < m->capacity; i++)
        if (m->slots[i].value != MAP_NONE)
            grown.slots[find(&grown, m->slots[i].key)] = m->slots[i];
    free(m->slots);
    *m = grown;
    return true;
}

bool map_put(struct map *m, uint64_t key, uint32_t value)
{
    heed_assert(value != MAP_NONE);
    if (m->capacity) {
        size_t i = find(m, key);
        if (m->slots[i].value != MAP_NONE) {
            m->slots[i].value = value;
            return true;
        }
        if (m->count + 1 <= m->capacity / 4 * 3) {
            m->slots[i] = (struct map_slot){key, value};
            m->count++;
            return true;
        }
    }
    if (!map_reserve(m, m->count + 1))
        return false;
    m->slots[find(m, key)] = (struct map_slot){key, value};
    m->count++;
    return true;
}

bool map_remove(struct map *m, uint64_t key)
{
    if (!m->count)
        return false;
    size_t mask = m->capacity - 1;
    size_t hole = find(m, key);
    if (m->slots[hole].value == MAP_NONE)
        return false;
    for (size_t i = (hole + 1) & mask; m->slots[i].value != MAP_NONE; i = (i + 1) & mask) {
        size_t home = (size_t)hash_u64(m->slots[i].key) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole].value = MAP_NONE;
    m->count--;
    return true;
}

void map_clear(struct map *m)
{
    for (size_t i = 0; i < m->capacity; i++)
        m->slots[i].value = MAP_NONE;
    m->count = 0;
}
