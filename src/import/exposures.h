/* What feeds showed, slot by slot, as a log that off-policy evaluation can read. */
#ifndef HEED_EXPOSURES_H
#define HEED_EXPOSURES_H

#include "world/world.h"

struct exposures_options {
    int64_t now_ms; /* the outcome of a feed served less than within_ms before is still open,   */
    int64_t within_ms; /* unless its user was served another since; more than 0 */
    bool explored; /* slots that went to chance alone: one of a feed, or none                  */
};

struct exposures_written {
    uint64_t rows;
    uint64_t open; /* slots left out because the feed's outcome is not known yet */
};

/* Writes CSV (base/out_file.h) with a row for each slot served, in order of serving:
 *   time, user, action (what was shown), position (from 1), propensity, policy (16 hex digits, or
 * empty), reward (1: within within_ms, and before his next feed, the user engaged with it; else 0)
 * An act counts at its own time, however late it was imported. A feed's slots are written all or
 * none: to keep of an open feed what was engaged with would favour what succeeds. Left out and not
 * counted: erased people and what was theirs. Errors: HEED_STORAGE, HEED_NOMEM; those of the
 * journal. Memory: 16 bytes a slot, 48 a feed. O(journal), and for an act that was imported late
 * the user's feeds since. */
HEED_MUST_CHECK enum heed_status exposures_write(const struct world *w, const char *path,
                                                 const struct exposures_options *options,
                                                 struct exposures_written *out,
                                                 struct heed_error *err);
#endif
