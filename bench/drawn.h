/* Acts drawn for programs that are given no file: users and items by a power law. */
#ifndef HEED_BENCH_DRAWN_H
#define HEED_BENCH_DRAWN_H

#include "allocation/interactions.h"
#include "base/prng.h"

#include <math.h>
#include <stdio.h>

/* 130,000 acts of up to 12,000 users on up to 5,000 items, added to the log. */
static inline enum heed_status draw_acts(struct interactions *log, struct heed_error *err)
{
    struct prng r;
    enum heed_status status = HEED_OK;
    prng_seed(&r, 7);
    for (int n = 0; n < 130000 && status == HEED_OK; n++) {
        char user[16], item[16];
        snprintf(user, sizeof user, "%d", (int)pow(12001, prng_double(&r)));
        snprintf(item, sizeof item, "%d", (int)pow(5001, prng_double(&r)));
        status = interactions_add(log, str_of(user), str_of(item), STR("x"), 1,
                                  INTERACTIONS_NO_TIME, err);
    }
    return status;
}
#endif
