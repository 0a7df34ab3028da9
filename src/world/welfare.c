#include "world/welfare.h"

#include "base/str.h"
#include "base/varint.h"

#include <stdlib.h>

enum { PPM = 1000000 };

void welfare_deinit(struct welfare *x)
{
    free(x->users);
    free(x->settled);
    *x = (struct welfare){0};
}

const struct welfare_cost *welfare_last(const struct welfare *x)
{
    for (size_t i = x->settled_n; i-- > 0;)
        if (x->settled[i].mean_ppm > 0)
            return &x->settled[i];
    return NULL;
}

/* users n, utility and feeds of each; settlements n, the four of each: varints.   */
void welfare_save(const struct welfare *x, struct sink *k)
{
    sink_varint(k, x->users_n);
    for (size_t i = 0; i < x->users_n; i++) {
        sink_varint(k, x->users[i].utility_ppm);
        sink_varint(k, x->users[i].feeds);
    }
    sink_varint(k, x->settled_n);
    for (size_t i = 0; i < x->settled_n; i++) {
        sink_varint(k, x->settled[i].mean_ppm);
        sink_varint(k, x->settled[i].worst_ppm);
        sink_varint(k, x->settled[i].gini_ppm);
        sink_varint(k, x->settled[i].gini_alone_ppm);
    }
}

static bool users_grow(struct welfare *x, size_t n)
{
    if (!array_grow(&x->users, &x->users_cap, n, sizeof *x->users))
        return false;
    for (; x->users_n < n; x->users_n++)
        x->users[x->users_n] = (struct welfare_user){0, 0};
    return true;
}

enum heed_status welfare_load(struct welfare *x, size_t parties, size_t settlements,
                              struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, parties);
    for (size_t i = 0; i < n && !k->failed; i++) {
        if (!users_grow(x, i + 1))
            return error_nomem(err);
        x->users[i].utility_ppm = source_varint(k, UINT64_MAX);
        x->users[i].feeds = source_varint(k, UINT64_MAX);
    }
    n = source_varint(k, settlements);
    for (size_t i = 0; i < n && !k->failed; i++) {
        struct welfare_cost c = {(uint32_t)source_varint(k, WELFARE_UTILITY_MAX),
                                 (uint32_t)source_varint(k, WELFARE_UTILITY_MAX),
                                 (uint32_t)source_varint(k, PPM), (uint32_t)source_varint(k, PPM)};
        if (!array_grow(&x->settled, &x->settled_cap, i + 1, sizeof *x->settled))
            return error_nomem(err);
        x->settled[x->settled_n++] = c;
    }
    if (n != settlements)
        k->failed = true;
    return HEED_OK;
}

enum heed_status welfare_served(struct welfare *x, uint32_t user, uint32_t utility_kept)
{
    if (utility_kept == 0)
        return HEED_OK;
    if (!users_grow(x, (size_t)user + 1))
        return HEED_NOMEM;
    x->users[user].utility_ppm += utility_kept - 1;
    x->users[user].feeds++;
    return HEED_OK;
}

enum heed_status welfare_set(struct welfare *x, uint32_t user, const struct welfare_user *u)
{
    if (!users_grow(x, (size_t)user + 1))
        return HEED_NOMEM;
    x->users[user] = *u;
    return HEED_OK;
}

enum heed_status welfare_settle(struct welfare *x, const struct welfare_cost *cost)
{
    if (!array_grow(&x->settled, &x->settled_cap, x->settled_n + 1, sizeof *x->settled))
        return HEED_NOMEM;
    x->settled[x->settled_n++] = *cost;
    x->users_n = 0;
    return HEED_OK;
}
