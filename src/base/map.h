/* Open-addressing hash map from a 64-bit key to a 32-bit value (linear probing, at most 3/4
 * full, power-of-two size, keys mixed by hash_u64). Iteration order is not defined: what must be
 * reproducible keeps a dense array beside the map and iterates that.                            */
#ifndef HEED_BASE_MAP_H
#define HEED_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_NONE UINT32_MAX /* not a value */

struct map_slot;
struct map {
    struct map_slot *slots;
    size_t count, capacity;
};

void map_init(struct map *m);
void map_deinit(struct map *m);
uint32_t map_get(const struct map *m, uint64_t key); /* MAP_NONE when absent */

/* Sets key to value (not MAP_NONE), replacing. false: no memory, nothing changed.               */
bool map_put(struct map *m, uint64_t key, uint32_t value);
bool map_remove(struct map *m, uint64_t key); /* false when absent */
void map_prefetch(const struct map *m,
                  uint64_t key); /* what map_get and map_put will look at first */
bool map_reserve(struct map *m, size_t count);
void map_clear(struct map *m);
#endif
