/* What feeds that were served gave contents, and what the floor still owes them: O(contents), whole
 * numbers. Kept only where the rules have a floor or a welfare.
 *
 * Each feed raises `level`, the exposure promised to every content so far, by
 *
 *     floor x exposure of the feed's contents / contents that the floor is for
 *
 * and a content is owed what its `paid` lacks to it. Who comes later owes and is owed nothing for
 * what was before: a content begins at the level of its first feed. The last slots of a feed pay:
 * first whom most is owed among those owed a slot, then by relevance to the user. They are as many
 * as hold the floor's share of the feed (debts_slots), but no more than the budget has, which each
 * feed fills by its share: of feeds with one slot every fifth pays for a floor of a fifth.
 *
 * Lag: as much can be paid as is promised, and the debts are alike; so with nobody blocked a
 * content waits for as many payments as there are contents, in which it comes to be owed about what
 * a paying slot gives. What it was shown beyond its due until a settlement counts until then only;
 * debts are carried on, up to DEBT_MAX.                                                         */
#ifndef HEED_DEBTS_H
#define HEED_DEBTS_H

#include "allocation/allocation.h"
#include "base/serial.h"

enum {
    DEBT_UNITS = 1024,    /* of a millionth of a top slot's exposure */
    BUDGET_MAX = 1000000, /* the exposure of any slot */
    DEBT_MAX = 2000000, /* millionths: what is not paid by a settlement, as of a removed content */
};

static inline bool debts_kept(const struct allocation_rules *r)
{
    return r->floor_ppm > 0 || r->fair.lambda_ppm > 0;
}

struct debts {
    uint64_t *paid;  /* [n] contents, in units; at the level when first known */
    uint64_t *since; /* [n] exposure since the last settlement, millionths */
    size_t n, paid_cap, since_cap;
    uint64_t level;  /* units */
    uint64_t feeds;  /* since the last settlement */
    uint64_t budget; /* millionths, BUDGET_MAX and a feed's share at most */
};
void debts_deinit(struct debts *d);
void debts_save(const struct debts *d, struct sink *k);
/* HEED_NOMEM; damage is k->failed.                                                               */
HEED_MUST_CHECK enum heed_status debts_load(struct debts *d, size_t contents, struct source *k,
                                            struct heed_error *err);

/* How many of the last of a feed's n content slots, at these exposures from the top, may pay. */
uint32_t debts_slots(const struct debts *d, const uint64_t *exposure, size_t n, uint32_t floor_ppm);
/* What such a feed promises to each of `contents`, in units, rounded up; 0 contents: 0.          */
uint64_t debts_promise(const uint64_t *exposure, size_t n, uint32_t floor_ppm, size_t contents);
/* What another world says of its own at most; feeds without end could not add as much again. */
#define DEBTS_TOLD_MAX (INT64_MAX / 2)
#define DEBTS_PROMISE_MAX (UINT64_C(100) * 1000000 * DEBT_UNITS)
/* owed[contents] out, in millionths rounded up.                                                  */
void debts_owed(const struct debts *d, size_t contents, uint64_t *owed);

/* A feed is served among so many contents: raises the level, and the budget by the floor's share of
 * the exposure of its contents, of which `spent` has paid. HEED_NOMEM: nothing changed.          */
HEED_MUST_CHECK enum heed_status debts_served(struct debts *d, size_t contents, uint64_t promise,
                                              uint64_t exposure, uint64_t spent,
                                              uint32_t floor_ppm);
/* A content below `contents` of it was shown at a rank.                                          */
void debts_shown(struct debts *d, uint32_t content, uint32_t rank);
void debts_settle(struct debts *d);
#endif
