/* What rating and loading share. */
#ifndef HEED_QUALITY_RECORD_H
#define HEED_QUALITY_RECORD_H

#include "quality/quality.h"

/* Grows a table to n rows, the new ones empty. false: no memory.                                 */
bool quality_grow_table(struct quality_table *t, size_t n);

bool quality_has_entry(const struct quality *q, enum rating_kind kind, uint32_t user,
                       uint32_t target);

/* Records a normalised score of a valid target by a user below 2^28. HEED_NOMEM.                 */
HEED_MUST_CHECK enum heed_status quality_record(struct quality *q, enum rating_kind kind,
                                                uint32_t user, uint32_t target,
                                                uint16_t score_milli);

static const double QUALITY_Z = 1.96; /* 95 %, two-sided */

/* Makes an interval hold the score and end within 0..1, or be 0 where the score is by moderation.
 */
void quality_bound_score(struct quality_score *s);

/* Puts a user's score (0..1000) into the target's weighed sums, in place of `old` (-1: none).    */
void quality_weigh(struct quality *q, uint32_t user, uint32_t target, int32_t old, int32_t score);
#endif
