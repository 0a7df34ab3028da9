/* Groups of people that nothing connects: two are connected when they judged the same thing,
 * directly or by way of others. Of different groups nothing is compared. */
#ifndef HEED_QUALITY_GROUPS_H
#define HEED_QUALITY_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct groups {
    size_t n, alone; /* of people with a judgement; groups of one */
};

/* rows: n of `stride` bytes each that begin with a person and a thing, both uint32_t, below
 * `people` and `things`. false: no memory. Nearly O(n): union-find with path halving (R. E. Tarjan,
 * J. van Leeuwen, JACM 31 (1984) 245). */
bool groups_count(const void *rows, size_t stride, size_t n, size_t people, size_t things,
                  struct groups *out);
#endif
