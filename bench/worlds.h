/* Calls of a world, or the end of the program. */
#ifndef HEED_BENCH_WORLDS_H
#define HEED_BENCH_WORLDS_H

#include "heed.h"

#include <stdio.h>
#include <stdlib.h>

static inline void must(enum heed_status status, const struct heed_error *err)
{
    if (status == HEED_OK)
        return;
    fprintf(stderr, "%s: %s\n", err->where, err->message);
    exit(1);
}

static inline void call(struct heed_world *w, const char *name, const struct heed_arg *args,
                        size_t n)
{
    struct heed_error err;
    struct heed_context context = {1767225600000, NULL};
    char *reply = NULL;
    enum heed_status status = heed_call(w, name, &context, args, n, &reply, &err);
    if (status == HEED_REFUSED)
        fprintf(stderr, "%s: %s\n", name, reply);
    must(status, &err);
    heed_free(reply);
}
#endif
