/* What the programs here share. */
#ifndef HEED_BENCH_H
#define HEED_BENCH_H

#include "allocation/sparse.h"

#include <stdio.h>
#include <time.h>

static inline double clock_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline double now_s(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

/* Who took what, for a peer to read: user, item, 32 bits each. */
static inline bool write_pairs(const struct sparse *m, const char *path)
{
    FILE *f = fopen(path, "wb");
    for (uint32_t u = 0; f && u < m->rows; u++)
        for (uint64_t i = m->at[u]; i < m->at[u + 1]; i++) {
            uint32_t pair[2] = {u, m->column[i]};
            fwrite(pair, sizeof pair, 1, f);
        }
    return f && fclose(f) == 0;
}
#endif
