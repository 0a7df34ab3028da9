/* Which impressions were of slots that feeds had served, from a walk over a world's journal: the
 * rule of apply_act (world/apply_acts.c), for an export must tell it to a world without the feeds.
 */
#ifndef HEED_IMPORT_SHOWINGS_H
#define HEED_IMPORT_SHOWINGS_H

#include "world/apply.h"

struct showings {
    const struct world *w;
    struct behaviour seen; /* ids only */
    struct showing {
        int64_t time_ms;
        size_t n;
        uint32_t targets[FEED_MAX]; /* HANDLE_NONE: its impression has come */
    } * *last;                      /* [parties_n] each NULL or owned: the last feed */
};

/* w outlives it. HEED_NOMEM: nothing to deinit. */
HEED_MUST_CHECK enum heed_status showings_init(struct showings *x, const struct world *w);
void showings_deinit(struct showings *x);

/* Is given each call of the journal in order. *again: it is an impression event of a slot served
 * that none has been of before. HEED_NOMEM. O(slots of a feed).                                  */
HEED_MUST_CHECK enum heed_status showings_call(struct showings *x, const struct call *c,
                                               bool *again);
#endif
