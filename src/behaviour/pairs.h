/* The pairs of behaviour.h and the ids seen lately: what events look up. */
#ifndef HEED_PAIRS_H
#define HEED_PAIRS_H

#include "behaviour/behaviour.h"

/* Index of the pair, or HANDLE_NONE.                                                            */
uint32_t pair_find(const struct behaviour *b, uint32_t user, uint32_t target);

/* Finds it or makes it (weight 0, not yet chained to its user). HANDLE_NONE: no memory, or 2^32 - 1
 * pairs. *made tells which.                                                                     */
uint32_t pair_add(struct behaviour *b, uint32_t user, uint32_t target, bool *made);

/* Hints that a pair will soon be looked for: its slot, then, from the slot, the pair itself.    */
void pair_prefetch_slot(const struct behaviour *b, uint32_t user, uint32_t target);
void pair_prefetch(const struct behaviour *b, uint32_t user, uint32_t target);

/* Builds index and chains of users anew from the pairs. HEED_NOMEM, or HEED_INPUT: a user and a
 * target have two pairs.                                                                        */
enum heed_status pairs_index(struct behaviour *b);

/* What points add up to stays far from the ends of an int64. */
#define POPULARITY_MAX (INT64_MAX / 4)

/* Room for users and targets below n. false: no memory.                                         */
bool behaviour_reserve_users(struct behaviour *b, size_t n);
bool behaviour_reserve_targets(struct stats_table *t, size_t n);

/* Whether an id was seen within the window and among the last dedup_max; remembers it if not. When
 * seen nothing changes. false: no memory.                                                       */
bool dedup_seen(struct behaviour *b, const struct behaviour_rules *r, uint64_t id, int64_t time_ms,
                bool *seen);
/* Hints that an id will soon be asked for.                                                      */
void dedup_prefetch(const struct dedup *d, uint64_t id);
void dedup_free(struct dedup *d);
void dedup_save(const struct dedup *d, struct sink *s);
bool dedup_load(struct dedup **loaded, struct source *s); /* false: no memory */
#endif
