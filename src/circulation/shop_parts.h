/* What the files of the shop share. */
#ifndef HEED_SHOP_PARTS_H
#define HEED_SHOP_PARTS_H

#include "circulation/sale.h"

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

/* A purchase in the making. */
struct buying {
    struct shop_desk *d;
    const struct shop_ask *ask;
    struct good *good;
    struct offer *offer;             /* NULL: the good's own */
    const struct reservation *place; /* NULL: none */
    int64_t unit_minor;
    const struct market_trade *earlier; /* of the same chain */
    uint32_t earlier_n;
    struct purchase p;
    struct sale sale;
};

enum { BUYING_LEGS_MAX = SALE_LINES_MAX + 2 };

/* Whether it is offered to the buyer at all; whether coupon and price let it be paid, after which
 * unit_minor x units fits. */
enum refusal buying_offered(const struct buying *b);
enum refusal buying_payable(const struct buying *b);
/* Prices b->p, line by line, and says whether it may be bought as far as the rules say.         */
enum refusal buying_price(struct buying *b);
/* Its transfers, when it becomes purchase `number`. Returns how many.                           */
size_t buying_legs(const struct buying *b, uint32_t number, struct posting legs[BUYING_LEGS_MAX]);
/* Makes room for purchases and lines, and one use of a coupon. false: no memory.                */
bool buying_room(struct shop *s, size_t purchases, size_t lines);
void buying_record(struct buying *b); /* there is room */

/* Buys b->p.units of the bundle that b->p.target is. As shop_buy; *answer is set.               */
enum heed_status bundle_buy(struct buying *b, const struct bundle *bundle,
                            struct shop_answer *answer);

/* Keeps a purchase of escrow in the heap. There is room (shop_room).                             */
void escrow_push(struct shop *s, uint32_t purchase);
#endif
