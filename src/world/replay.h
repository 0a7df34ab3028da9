/* Replaying a batch of the journal, as opening and verifying do. */
#ifndef HEED_REPLAY_H
#define HEED_REPLAY_H

#include "world/world.h"

/* Checks that b follows w's chain and numbers and applies its calls to w's state; w's journal end
 * moves past it. each(context, …), unless NULL, sees every call behind its application.
 * Errors: HEED_INPUT damaged: the chain, a gap, a call that does not decode, cannot be or is
 * refused (w is then not to be used further); HEED_NOMEM; what each gives.                      */
HEED_MUST_CHECK enum heed_status
batch_replay(struct world *w, const struct store_batch *b,
             enum heed_status (*each)(void *context, const struct call *call,
                                      const struct outcome *o, struct heed_error *err),
             void *context, struct heed_error *err);
#endif
