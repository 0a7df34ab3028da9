/* What a world keeps for the welfare of its feeds (allocation.fair), besides what they gave
 * contents (debts.h): O(users), whole numbers. All empty, and not saved, in a world without the
 * rule.
 *
 * What feeds gave counts from one settlement to the next: each settlement begins anew. Settling
 * itself shares out the epoch's feeds from nothing, in the order in which users first came, and
 * neither looks at this nor changes it otherwise.                                               */
#ifndef HEED_WELFARE_H
#define HEED_WELFARE_H

#include "allocation/allocation.h"

struct welfare {
    struct welfare_user {
        uint64_t utility_ppm;     /* sum over his feeds of what they were of his best possible */
        uint64_t feeds;           /* of those that could be worth something to him */
    } * users;                    /* [users_n] parties */
    struct welfare_cost *settled; /* [settled_n] of each settlement, in order */
    size_t users_n, users_cap, settled_n, settled_cap;
};

/* More than any feed can be of the best possible: what a fact says beyond is damage.             */
#define WELFARE_UTILITY_MAX 1000000000u

/* Of the last settlement that had feeds; NULL: there is none.                                    */
const struct welfare_cost *welfare_last(const struct welfare *x);

void welfare_deinit(struct welfare *x);
void welfare_save(const struct welfare *x, struct sink *k);
/* Bounds: what else is in the state. HEED_NOMEM; damage is k->failed.                            */
HEED_MUST_CHECK enum heed_status welfare_load(struct welfare *x, size_t parties, size_t settlements,
                                              struct source *k, struct heed_error *err);

/* A feed served: its utility plus one, 0 when nothing is worth anything to the user.             */
HEED_MUST_CHECK enum heed_status welfare_served(struct welfare *x, uint32_t user,
                                                uint32_t utility_kept);
/* What a user's feeds were, as another world says.                                               */
HEED_MUST_CHECK enum heed_status welfare_set(struct welfare *x, uint32_t user,
                                             const struct welfare_user *u);
/* A settlement: notes what it cost, forgets the feeds.                                           */
HEED_MUST_CHECK enum heed_status welfare_settle(struct welfare *x, const struct welfare_cost *cost);
#endif
