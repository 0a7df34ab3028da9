/* The seeded driver: random commands, hostile ones among them, against a world of their own.
 *
 * Commands come in batches. After each: every currency sums to zero, issued - retired = supply,
 * nobody but issue owes; stock is what it was made and no less than none, and sales what was sold,
 * by an account kept beside the world; payouts fit their pools; no erased person is named. Of every
 * eighth command (fewer later): when it is refused, repeated or a query the world hash stays. Now
 * and then: verify (the journal replayed), the state saved and loaded, closed and opened again,
 * give the same hash.
 *
 * A failure names the seed, what broke, and the fewest commands that were found to break it, each
 * run anew in a world in memory (delta debugging: A. Zeller, R. Hildebrandt, IEEE TSE 28 (2002)).
 */
#ifndef HEED_SIMULATE_H
#define HEED_SIMULATE_H

#include "world/world.h"

struct simulate_options {
    uint64_t seed;
    uint64_t commands;
    const char *path; /* SQLite file of the world, or ":memory:" */
    const char *vfs;  /* for fault injection: storage may fail, and then the world is opened again
                         and must be as before or after the command that failed */
    bool reopen;      /* close and open again now and then */
    /* An invariant besides the driver's own, asked after each batch and before those; false fails
     * the run. For tests: of a world's own rules, and (by spoiling *w) of the driver. May be NULL.
     */
    bool (*extra_check)(void *context, struct world *w);
    void *extra_context;
    /* Called after each batch; may be NULL.                                                     */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *progress_context;
};

struct simulate_result {
    uint64_t commands, refused, batches, checks;
    struct sha256 world_hash;
    bool failed;
    char *failure; /* owned; what broke, the seed, the shrunk commands */
};

/* HEED_OK even when an invariant failed: look at result->failed. Step n depends on the seed and n
 * alone. About 20 us a command in memory. Errors: HEED_USAGE no path; HEED_NOMEM; what opening
 * gives.                                                                                         */
HEED_MUST_CHECK enum heed_status simulate(const struct simulate_options *options,
                                          struct simulate_result *result, struct heed_error *err);
#endif
