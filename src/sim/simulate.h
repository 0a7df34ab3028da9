/* The seeded driver: random commands, hostile ones among them, against a world of their own.
 *
 * After every batch all invariants are checked: each currency sums to zero, issued - retired =
 * supply, stock never negative, a refusal leaves the world hash as it was, replay gives the same
 * hash, reopening too. A failure names the seed and the shortest prefix-and-subset of commands that
 * still fails. */
#ifndef HEED_SIMULATE_H
#define HEED_SIMULATE_H

#include "world/world.h"

struct simulate_options {
    uint64_t seed;
    uint64_t commands;
    const char *path; /* SQLite file of the world, or ":memory:" */
    const char *vfs;  /* for fault injection */
    bool reopen;      /* close and open again now and then */
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

/* HEED_OK even when an invariant failed: look at result->failed.                                 */
HEED_MUST_CHECK enum heed_status simulate(const struct simulate_options *options,
                                          struct simulate_result *result, struct heed_error *err);
#endif
