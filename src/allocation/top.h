/* The best few of many, in an order that does not depend on how things are numbered. */
#ifndef HEED_ALLOCATION_TOP_H
#define HEED_ALLOCATION_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct top_item {
    double score;
    uint32_t item;
};

/* A heap of at most `max`, worst first; room[max] is the caller's. Of equal scores the one with the
 * lesser order[item] is better.                                                                  */
struct top {
    struct top_item *room;
    size_t max, n;
    const uint32_t *order;
};

/* A random permutation of 0 .. n - 1 by the seed, so that ties tell nothing about ids or the order
 * of a file. free() it; NULL: no memory. */
uint32_t *top_order(size_t n, uint64_t seed);

struct top top_of(struct top_item *room, size_t max, const uint32_t *order);
void top_offer(struct top *t, uint32_t item, double score); /* a finite score; O(log max) */
size_t top_sort(struct top *t);                             /* best first; gives how many */
#endif
