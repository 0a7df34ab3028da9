/* Calls of one world from many threads at once, through heed_shared. */
#ifndef HEED_SUPPORT_RACE_H
#define HEED_SUPPORT_RACE_H

#include "heed.h"

#include <stdbool.h>
#include <stddef.h>

enum { RACE_ARGS = 6, RACERS = 64 };
#define RACE_TIME INT64_C(1767225600000) /* 2026-01-01 */

/* What one thread asks, and what it is told. */
struct racer {
    const char *name;
    struct heed_arg args[RACE_ARGS];
    size_t n;
    char id[8]; /* room for an argument of its own */
    enum heed_status status;
    char *reply; /* heed_free */
    struct heed_error err;
};

/* Shares the world, starts racers[n] at once at RACE_TIME, n at most RACERS, waits until all are
 * answered and takes the world back. */
void race(struct heed_world *w, struct racer *racers, size_t n);

/* How many were answered HEED_OK, and in *refused how many were refused with words in the reply
 * that `code` is a part of. The test fails at any other answer. Frees the replies. */
size_t race_won(struct racer *racers, size_t n, const char *code, size_t *refused);
#endif
