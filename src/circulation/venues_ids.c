/* What was cancelled or replaced under callers' ids. */
#include "base/hash.h"
#include "circulation/venues.h"

static uint64_t mixed(uint64_t id_hi, uint64_t id_lo)
{
    return hash_u64(id_hi ^ hash_u64(id_lo));
}

const struct venue_done *venues_done(const struct venues *v, uint64_t id_hi, uint64_t id_lo)
{
    uint32_t at = map_get(&v->by_id, mixed(id_hi, id_lo));
    const struct venue_done *x = at == MAP_NONE ? NULL : &v->done[at];
    return x && x->id_hi == id_hi && x->id_lo == id_lo ? x : NULL;
}

bool venues_know(struct venues *v, const struct venue_done *done)
{
    if (!array_grow(&v->done, &v->done_cap, v->done_n + 1, sizeof *v->done) ||
        !map_put(&v->by_id, mixed(done->id_hi, done->id_lo), (uint32_t)v->done_n))
        return false;
    v->done[v->done_n++] = *done;
    return true;
}
