/* Step 5, circulation: the shop. Money, stock and purchase records move together or not at all.
 *
 * A sale moves the price from the buyer: the fee to `retire` (a sink), the rest to the seller (to
 * the system account `shop` when the good has none). A refund undoes one purchase, whole and
 * once, within the rules' time: proceeds go back, the fee is issued again, stock returns.       */
#ifndef HEED_SHOP_H
#define HEED_SHOP_H

#include "catalogue/catalogue.h"
#include "ledger/ledger.h"

struct shop_rules {
    uint32_t fee_ppm;  /* of the price, rounded down; at most 1000000 */
    int64_t refund_ms; /* a purchase may be refunded this long, the last millisecond included */
};

struct purchase {
    int64_t time_ms;
    int64_t price_minor; /* of all units */
    int64_t fee_minor;
    int64_t units;
    uint32_t buyer, target; /* party; good or service */
    uint32_t seller_holder;
    uint16_t currency;
    uint8_t refunded;
    uint8_t reserved;
};

struct shop {
    struct purchase *purchases;
    size_t purchases_n, purchases_cap;
};

void shop_init(struct shop *s);
void shop_deinit(struct shop *s);
void shop_save(const struct shop *s, struct sink *k);

/* Replaces *s, which holds nothing. HEED_INPUT (damaged) or HEED_NOMEM: *s is empty.            */
enum heed_status shop_load(struct shop *s, struct source *k, struct heed_error *err);

/* After loading: every holder of the ledger and every buyer, seller and target of a purchase is in
 * the catalogue, every currency (of goods too) below currencies_n. HEED_INPUT when not. O(accounts
 * + goods + purchases).                                                              */
HEED_MUST_CHECK enum heed_status shop_check(const struct shop *s, const struct catalogue *c,
                                            const struct ledger *l, uint32_t currencies_n,
                                            struct heed_error *err);

/* Offers a good or changes its offer. price_minor < 0 keeps the price, stock < -1 keeps the stock
 * (-1: unlimited). listed false withdraws it. Refusals: unknown_target; not_listed when it is to be
 * offered and has no price.                                                                     */
enum refusal shop_list(struct catalogue *c, uint32_t target, int64_t price_minor, int64_t stock,
                       bool listed);

/* Buys units (> 0) of a listed good. id as in ledger_post; the same buyer, target and units with a
 * known id give the same purchase again, whatever price and stock are by then.
 * *purchase out: its number (LEDGER_NONE when refused). Refusals, in order: unknown_target,
 * id_reused, not_positive, same_account (seller buys own good), not_listed, out_of_stock,
 * insufficient_funds, overflow. HEED_NOMEM, HEED_RANGE (2^32 - 1 purchases or transfers).        */
HEED_MUST_CHECK enum heed_status shop_buy(struct shop *s, const struct shop_rules *r,
                                          struct catalogue *c, struct ledger *l, int64_t time_ms,
                                          uint64_t id_hi, uint64_t id_lo, uint32_t buyer,
                                          uint32_t target, int64_t units, enum refusal *refusal,
                                          uint32_t *purchase, bool *repeated);

/* Refunds a purchase: units go back to a counted stock and out of the sales. Refusals, in order:
 * unknown_purchase, already_refunded, refund_closed, insufficient_funds (the seller spent it),
 * overflow. HEED_NOMEM, HEED_RANGE (2^32 - 1 transfers).                                        */
HEED_MUST_CHECK enum heed_status shop_refund(struct shop *s, const struct shop_rules *r,
                                             struct catalogue *c, struct ledger *l, int64_t time_ms,
                                             uint32_t purchase, enum refusal *refusal);
#endif
