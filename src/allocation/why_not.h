/* Why what came next is not in a feed, and what would have put it there, all else being as it was.
 *
 * An item is in a feed by its place among the others, so what it lacked is told as the slot that it
 * had to outscore: the last of those that went by score, where nothing else has a say; a higher one
 * where a constraint leaves it no other (whoever holds the cap of its creator, say). Where the
 * constraints have a say, the answer is tried out: the feed is made again with the item just above
 * that slot, and just below it.                                                                  */
#ifndef HEED_WHY_NOT_H
#define HEED_WHY_NOT_H

#include "allocation/allocation.h"

enum { TERMS = 4 }; /* exposure, engagement, quality, relevance */

struct why_not {
    uint32_t beat;      /* the item that it had to outscore; UINT32_MAX: no score was enough */
    int32_t needed_ppm; /* that item's score */
    uint32_t rules; /* bit 1 << enum rule: it forbade slots whose items are easier to outscore */
    int32_t enough_ppm[TERMS]; /* the nearest value of a term that alone was enough; -1: none is */
    bool pays; /* enough_ppm[REASON_RELEVANCE] is enough to be paid what the floor owes */
    uint32_t owed;
};

/* slots[n]: of allocator_feed for q, in its order; chance: exploration holds the last one that pays
 * no debt, whatever scores best there. next[more]: items to be told of, into out[more]; all may be
 * shown to the user; the last slot may be among them where chance has it. q->turn, if any, weighed.
 * Allocates nothing. O(items + history x neighbours); under constraints besides, for each of next,
 * two feeds made from items already sorted, as a rule.                                           */
void allocator_why_not(struct allocator *a, const struct feed_request *q, const struct slot *slots,
                       size_t n, bool chance, const struct slot *next, size_t more,
                       struct why_not *out);
#endif
