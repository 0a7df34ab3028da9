/* `heed ledger apply`: a file of transfers into the ledger (docs/circulation.md). */
#ifndef HEED_IMPORT_TRANSFERS_H
#define HEED_IMPORT_TRANSFERS_H

#include "base/refusal.h"
#include "world/admit.h"

/* What came of one line. */
struct transfers_answer {
    uint64_t line; /* of the file, from 1 */
    struct str id;
    enum refusal refusal;
    bool repeated;       /* the id was there with the same contents: nothing moved again */
    bool refused_before; /* by an earlier run of the same file */
    uint32_t number;     /* of the transfer; LEDGER_NONE when refused */
    int64_t from_balance, from_held, to_balance, to_held; /* after it; 0 when refused; of what was
                                                             repeated, now */
};

struct transfers_options {
    bool again; /* try once more what an earlier run of the same file was refused */
    void (*answer)(void *context, const struct transfers_answer *a); /* may be NULL */
    void (*progress)(void *context, uint64_t done, uint64_t total, uint64_t lines); /* bytes */
    void *context;
};

struct transfers_result {
    uint64_t lines, applied, repeated, refused, refused_before;
    uint64_t by_refusal[REFUSED_COUNT];
};

/* Reads the file twice: the first time to find what is malformed, before anything is applied. Then
 * applies it in batches, each durable before its lines are answered. Applied again, a file of the
 * same bytes changes nothing, and after a run that was cut it goes on where that stopped.
 *
 * Errors: HEED_INPUT the file cannot be read, or a line is malformed (file, line and column);
 * HEED_REFUSED only operators and clients may; HEED_USAGE the world was opened for reading;
 * HEED_STORAGE, HEED_NOMEM. *out says what was applied until then. O(lines); memory for a batch and
 * two numbers an account. */
HEED_MUST_CHECK enum heed_status
transfers_apply(struct world *w, const struct heed_context *context, const char *path,
                const struct transfers_options *options, struct transfers_result *out,
                struct heed_error *err);
#endif
