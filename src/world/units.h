/* What accounts of a world are in and for. */
#ifndef HEED_UNITS_H
#define HEED_UNITS_H

#include "circulation/items.h"
#include "world/world.h"

/* Of CALL_ABSENT: the main account's. false: no account can be for it. */
static inline bool purpose_of_symbol(int64_t symbol, uint16_t *purpose)
{
    bool fits = symbol < PURPOSE_SINKS - PURPOSES_OWN;
    *purpose = (uint16_t)(symbol < 0 || !fits ? 0 : symbol + PURPOSES_OWN);
    return fits;
}

bool unit_possible(const struct state *s, int64_t unit); /* a currency, or an item that is there */
int unit_scale(const struct state *s, uint32_t unit);    /* decimals; 0 of items */

json_t *reply_unit(const struct world *w, uint32_t unit); /* "gold", "good:sword" */
json_t *reply_purpose(
    const struct world *w,
    uint16_t purpose); /* "savings"; of heed's own "system:escrow"; null of the main one */
#endif
