/* Items: what is owned of a good or service, counted in pieces, is money of another unit. */
#ifndef HEED_ITEMS_H
#define HEED_ITEMS_H

#include "catalogue/catalogue.h"
#include "ledger/ledger.h"

/* The unit of a good's or service's pieces (target of one of these kinds). */
static inline uint32_t item_unit(uint32_t target)
{
    return UNITS_OF_MONEY + (target_index(target) << 1 | (target_kind(target) == TARGET_SERVICE));
}

/* The good or service of a unit; 0 of a currency. It may not be there. */
static inline uint32_t unit_item(uint32_t unit)
{
    uint32_t n = unit - UNITS_OF_MONEY;
    if (unit < UNITS_OF_MONEY || n >> 1 > TARGET_INDEX_MAX)
        return 0;
    return target_make(n & 1 ? TARGET_SERVICE : TARGET_GOOD, n >> 1);
}
#endif
