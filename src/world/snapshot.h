/* State as bytes: what the world hash covers and what a snapshot keeps. */
#ifndef HEED_SNAPSHOT_H
#define HEED_SNAPSHOT_H

#include "world/world.h"

void state_init(struct state *s);
void state_deinit(struct state *s);
/* Everything, in a fixed order. Loading gives HEED_RANGE for the form of an earlier heed, which is
 * not read: the journal gives the state.                                                        */
void state_save(const struct state *s, struct sink *k);
HEED_MUST_CHECK enum heed_status state_load(struct state *s, struct source *k,
                                            struct heed_error *err);

/* Writes a snapshot of the committed state (nothing may be pending).                            */
HEED_MUST_CHECK enum heed_status snapshot_write(struct world *w, struct heed_error *err);

/* Loads the newest snapshot that reads back whole into w->state; *found false when there is none.
 * Damaged ones are passed over and named in w->note; those of an earlier heed are passed over. */
HEED_MUST_CHECK enum heed_status snapshot_read(struct world *w, bool *found,
                                               struct heed_error *err);
/* Reads one snapshot into an empty state. HEED_RANGE: an earlier heed's.                         */
HEED_MUST_CHECK enum heed_status snapshot_load(struct store *store,
                                               const struct store_snapshot *info, struct state *s,
                                               struct heed_error *err);
#endif
