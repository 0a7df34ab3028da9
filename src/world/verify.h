/* Verification: the journal replayed from nothing, and everything held against it. */
#ifndef HEED_VERIFY_H
#define HEED_VERIFY_H

#include "world/world.h"

struct verify_options {
    void (*progress)(void *context, uint64_t done, uint64_t total); /* batches; may be NULL */
    void *progress_context;
};

/* Checks a world that is open (nothing pending): the store's own consistency, the hash chain, every
 * call's replay, the state against the live one and against each snapshot at its batch, every
 * currency's sum, stock, and each sealed text against the commitment in the journal. *ok false:
 * *reply says what is wrong under "problems". *reply
 * {"ok","commands","world_hash","chain_head","money":[…]} is the caller's. HEED_OK whether it holds
 * or not; other statuses only when checking itself was impossible.      */
HEED_MUST_CHECK enum heed_status world_verify(struct world *w, const struct verify_options *options,
                                              bool *ok, json_t **reply, struct heed_error *err);

/* Opens the world file `path` and checks it. HEED_OK: it holds; HEED_INPUT: it does not, then
 * *reply is what world_verify says, or {"ok":false,"problems":[…]} of a file that does not open,
 * and err says what to do. Other statuses, *reply NULL: it cannot be read, or there is no such
 * file. */
HEED_MUST_CHECK enum heed_status verify_file(const char *path, const struct verify_options *options,
                                             json_t **reply, struct heed_error *err);
#endif
