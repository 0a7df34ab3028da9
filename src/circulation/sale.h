/* A sale by the market rules: whether it may be, and who gets what of its price. The shop and
 * auctions share it. */
#ifndef HEED_SALE_H
#define HEED_SALE_H

#include "circulation/shop.h"

enum { SALE_LINES_MAX = MARKET_RULES_MAX + 3 };

struct sale {
    struct shop_desk *desk; /* whose sinks, limits and meter count */
    const struct market_rules *rules;
    const struct good *good;
    uint32_t seller, buyer; /* holders */
    uint16_t code;          /* of the seller's line */
    struct market_trade trade;
    /* out, of sale_price */
    const char *rule; /* that refused; NULL */
    int64_t seller_minor;
    int64_t price_minor; /* of all lines; what would come back to the buyer he does not pay */
    int64_t held_ms;     /* the proceeds */
    struct shop_line lines[SALE_LINES_MAX];
    uint32_t lines_n;
};

/* A sale of quantity of a good (there), at unit_minor each, at the desk's time.                  */
struct sale sale_of(struct shop_desk *d, enum market_kind kind, uint16_t code, uint32_t target,
                    uint32_t seller, uint32_t buyer, int64_t unit_minor, int64_t quantity);

/* Prices it line by line; fee_ppm of the price goes to the sink besides. May make new sinks
 * (desk->shop->sinks_n), which whoever does not go on takes back. Refusals: of market_decide,
 * fee_above_trade, overflow. */
enum refusal sale_price(struct sale *s, uint32_t fee_ppm);

/* Counts it once it is done, for limits and the base fee. false: no memory.                     */
HEED_MUST_CHECK bool sale_count(const struct sale *s);
#endif
