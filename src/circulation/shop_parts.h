/* What the files of the shop share. */
#ifndef HEED_SHOP_PARTS_H
#define HEED_SHOP_PARTS_H

#include "circulation/shop.h"

static inline uint32_t seller_of(const struct good *g)
{
    return g->seller == HANDLE_NONE ? HOLDER_SHOP : g->seller;
}

/* What an account for offers has that is not put aside.                                          */
static inline int64_t offered(const struct ledger *l, uint32_t holder, uint32_t target)
{
    return ledger_available(l, ledger_find_for(l, holder, item_unit(target), PURPOSE_OFFERS));
}

/* A good's counted stock is what is offered of it.                                               */
static inline void count_stock(struct good *g, const struct ledger *l, uint32_t target)
{
    if (g->stock >= 0)
        g->stock = offered(l, seller_of(g), target);
}

/* A reservation that may be used: REFUSED_NOT; else how it ended.                                */
enum refusal reservation_state(const struct ledger *l, const struct reservation *r);

/* The key of who used which coupon.                                                              */
static inline uint64_t coupon_key(uint32_t coupon, uint32_t buyer)
{
    return (uint64_t)coupon << 32 | buyer;
}
/* What one costs by a coupon.                                                                    */
int64_t coupon_price(const struct coupon *k, int64_t price_minor);
/* Whether it may be used at a time by a buyer.                                                   */
bool coupon_valid(const struct shop *s, uint32_t coupon, uint32_t buyer, int64_t time_ms);
/* Counts a use. There is room (coupon_room). */
bool coupon_room(struct shop *s);
void coupon_use(struct shop *s, uint32_t coupon, uint32_t buyer);
void coupon_count(struct shop *s, uint32_t coupon, uint32_t buyer); /* the buyer's part of it */

/* Keeps a purchase of escrow in the heap. There is room (shop_room).                             */
void escrow_push(struct shop *s, uint32_t purchase);
#endif
