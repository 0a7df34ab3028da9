/* What feeds showed, slot by slot, as a log that off-policy evaluation can read. */
#ifndef HEED_EXPOSURES_H
#define HEED_EXPOSURES_H

#include "world/world.h"

/* Writes CSV (base/out_file.h) with a row for each slot served, in order of serving:
 *   time, user, action (the content), position (from 1), propensity, policy (16 hex digits, or
 * empty), reward (1: the user engaged with it before his next feed, else 0) Left out: erased people
 * and what was theirs. *rows out. Errors: HEED_STORAGE, HEED_NOMEM; those of the journal. Memory:
 * 48 bytes a slot. O(journal).                                              */
HEED_MUST_CHECK enum heed_status exposures_write(const struct world *w, const char *path,
                                                 uint64_t *rows, struct heed_error *err);
#endif
