/* The pairs of behaviour.h and the ids seen lately: what events look up. */
#ifndef HEED_PAIRS_H
#define HEED_PAIRS_H

#include "behaviour/behaviour.h"

/* Index of the pair, or HANDLE_NONE.                                                            */
uint32_t pair_find(const struct behaviour *b, uint32_t user, uint32_t target);

/* Finds it or makes it (weight 0, not yet chained to its user). HANDLE_NONE: no memory, or 2^32 - 1
 * pairs. *made tells which.                                                                     */
uint32_t pair_add(struct behaviour *b, uint32_t user, uint32_t target, bool *made);

/* Builds index and chains of users anew from the pairs. false: no memory.                       */
bool pairs_index(struct behaviour *b);

/* Room for users and targets below n. false: no memory.                                         */
bool behaviour_reserve_users(struct behaviour *b, size_t n);
bool behaviour_reserve_targets(struct stats_table *t, size_t n);

/* Ids seen within the window, newest last. Both bounds hold: an id older than window_ms behind the
 * newest event, or more than max ids ago, is forgotten.                                         */
bool dedup_seen(struct behaviour *b, const struct behaviour_rules *r, uint64_t id, int64_t time_ms,
                bool *seen); /* remembers it if not seen; false: no memory */
void dedup_free(struct dedup *d);
void dedup_save(const struct dedup *d, struct sink *s);
struct dedup *dedup_load(struct source *s); /* NULL: none, or failed */
#endif
