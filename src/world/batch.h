/* Batches of transfers between numbered accounts, as one call's blob. */
#ifndef HEED_BATCH_H
#define HEED_BATCH_H

#include "world/world.h"

enum { BATCH_MAX = 1 << 16 }; /* asks of one call */

/* Whether an ask is one that a batch may hold: a kind, flags and a code of the caller's that there
 * are, and a timeout only of a pending one.                                                     */
bool batch_ask_ok(const struct transfer_ask *ask);

/* Bytes, to free. asks[n], n at most BATCH_MAX, are batch_ask_ok. NULL: no memory.               */
char *batch_pack(const struct transfer_ask *asks, size_t n, size_t *bytes);

/* heed_transfers (heed.h) without its commit. */
HEED_MUST_CHECK enum heed_status transfers_queue(struct world *w,
                                                 const struct heed_context *context,
                                                 const struct heed_transfer *transfers, size_t n,
                                                 struct heed_transferred *results,
                                                 struct heed_error *err);

/* What a caller may not do whatever the ledger says, for ledger_apply: system_account, erased,
 * made_elsewhere; REFUSED_NOT also where an account or transfer is not there. */
enum refusal batch_barred(const struct world *w, const struct transfer_ask *ask);
#endif
