/* Random items and histories for tests of allocation, popular items more often in them. */
#ifndef SUPPORT_CROWD_H
#define SUPPORT_CROWD_H

#include "allocation/allocation.h"
#include "base/prng.h"

struct crowd {
    struct allocation_items items;
    struct allocation_histories histories;
    struct allocation_rules rules;
    struct relevance *relevance;
    struct allocator *allocator;
};

struct crowd_shape {
    size_t items, users, history; /* at most `history` items a user              */
    double skew;                  /* item of rank r weighs (r + 1)^-skew          */
    double eligible;              /* share of items that are                      */
    unsigned levels;              /* distinct scores, so that ties happen; 0: many */
};

/* Asserts that there is memory. The rules are the caller's.                                     */
void crowd_init(struct crowd *c, struct prng *r, const struct crowd_shape *shape,
                const struct allocation_rules *rules);
void crowd_deinit(struct crowd *c);

/* Blocks each item for each user with this chance.                                              */
void crowd_block(struct crowd *c, struct prng *r, double share);

/* One user's request under the rules.                                                           */
struct feed_request crowd_request(const struct crowd *c, size_t user);
#endif
