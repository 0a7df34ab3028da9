/* Items: what is owned of a good or service, counted in pieces, is money of another unit. */
#ifndef HEED_ITEMS_H
#define HEED_ITEMS_H

#include "catalogue/catalogue.h"
#include "ledger/ledger.h"

/* What heed's own accounts of people are for. */
enum {
    PURPOSE_OFFERS = 1,    /* pieces that are offered in the shop                              */
    PURPOSE_ORDERS = 2,    /* what open orders on exchanges need                               */
    PURPOSE_BIDS = 3,      /* what standing bids in auctions need                              */
    PURPOSE_ESCROW = 4,    /* money of purchases that are not delivered yet                    */
    PURPOSES_OWN = 16,     /* what comes behind is the caller's, up to PURPOSE_SINKS           */
    PURPOSE_SINKS = 65280, /* of `retire`: what the market rules' named accounts took        */
    SINKS_MAX = 256,
};

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
