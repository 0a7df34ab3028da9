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

/* Keeps a purchase of escrow in the heap. There is room (shop_room).                             */
void escrow_push(struct shop *s, uint32_t purchase);
#endif
