/* Step 5, circulation: the shop. Money, pieces and purchase records move together or not at all.
 *
 * What is offered of a good is what its seller's account for offers holds (items.h); a good without
 * a counted stock comes into being as it is sold. Whoever holds pieces may offer them again: a
 * resale. What a purchase costs and who gets it says the list of its lines:
 *
 *     the seller's proceeds, the shop's fee (shop.fee), what the market rules charge (rules.h)
 *
 * The lines are paid at once, or put aside until the purchase is delivered and the market rules'
 * hold on proceeds is over. Refunds take back of every line its share, exactly once, and the
 * pieces.  */
#ifndef HEED_SHOP_H
#define HEED_SHOP_H

#include "catalogue/catalogue.h"
#include "circulation/items.h"
#include "circulation/rules.h"
#include "circulation/rules_usage.h"
#include "ledger/ledger.h"

struct shop_rules {
    uint32_t fee_ppm;  /* of the price, rounded down; at most 1000000 */
    int64_t refund_ms; /* a purchase may be refunded this long, the last millisecond included */
    int64_t escrow_ms; /* proceeds wait for delivery, at most so long; 0: they are paid at once */
};

#define SHOP_NONE UINT32_MAX

/* Who gets what of a purchase's price.                                                           */
struct shop_line {
    int64_t minor, back_minor; /* of which so much was refunded */
    uint32_t holder;
    uint16_t purpose; /* a sink's, of `retire`; else 0 */
    uint16_t code;    /* CODE_SALE, CODE_FEE, CODE_ROYALTY */
    uint32_t rule;    /* line of the market rules that says so; 0: the shop's own */
};

enum shop_state {
    SHOP_PAID,   /* at once                                             */
    SHOP_ESCROW, /* the price is put aside                              */
    SHOP_RELEASED,
};

struct purchase {
    int64_t time_ms;
    int64_t price_minor; /* of all units, all in */
    int64_t fee_minor;   /* of that, not the seller's */
    int64_t units, refunded_units;
    int64_t free_ms;        /* of an escrow: not released before                   */
    int64_t auto_ms;        /* released then, if not delivered before              */
    uint32_t buyer, target; /* party; good or service */
    uint32_t recipient;     /* who got the pieces; another than the buyer: a gift */
    uint32_t seller_holder;
    uint32_t offer; /* resale; SHOP_NONE: the good's own */
    uint32_t first_line;
    uint32_t bundle;       /* the good it is a part of; SHOP_NONE: none */
    uint32_t bundle_first; /* the first purchase of that bundle */
    int64_t bundle_units;  /* how many of it */
    uint32_t coupon;       /* SHOP_NONE: none */
    uint16_t currency;
    uint8_t lines, state;
    bool delivered;
};

/* Pieces offered again.                                                                          */
struct offer {
    int64_t price_minor, units; /* of one; left */
    uint32_t seller, target;
};

/* What its seller lets off the price of a good to whoever says a word. */
struct coupon {
    uint64_t key;             /* hash of the word */
    int64_t minus_minor;      /* of the price of one, after the share; never below 0 */
    int64_t until_ms;         /* not from then on; INT64_MAX: for ever */
    int64_t uses;             /* purchases left; -1: any number */
    uint32_t target, off_ppm; /* share of the price of one, rounded down */
    uint32_t each;            /* purchases by one person; 0: any number */
};

/* A good that is several others, at one price.                                                   */
enum { BUNDLE_PARTS_MAX = 8 };
struct bundle {
    uint32_t target, parts_n;
    struct bundle_part {
        uint32_t target;
        int64_t units; /* in one bundle, > 0 */
    } parts[BUNDLE_PARTS_MAX];
};

/* Pieces put aside for somebody, until a time.                                                   */
struct reservation {
    uint32_t transfer; /* pending, of the pieces */
    uint32_t buyer, target, offer;
    int64_t units, price_minor; /* of one, as it was */
};

struct shop {
    struct purchase *purchases;
    size_t purchases_n, purchases_cap;
    struct shop_line *lines;
    size_t lines_n, lines_cap;
    struct offer *offers;
    size_t offers_n, offers_cap;
    struct reservation *reservations;
    size_t reservations_n, reservations_cap;
    struct coupon *coupons;
    size_t coupons_n, coupons_cap;
    struct bundle *bundles;
    size_t bundles_n, bundles_cap;
    struct map bundle_of;   /* target -> bundle */
    struct map coupon_of;   /* key -> coupon */
    struct map coupon_used; /* coupon and buyer -> purchases */
    uint32_t *escrows;      /* purchases in escrow, by when they may be released: a heap */
    size_t escrows_n, escrows_cap;
    struct market_name sinks[SINKS_MAX]; /* accounts that market rules name, by their purposes */
    size_t sinks_n;
    struct market_usage usage;
    struct market_meter meter;
};

/* All that a shop works with; `market` is what is in force at time_ms.                           */
struct shop_desk {
    struct shop *shop;
    const struct shop_rules *rules;
    const struct market_rules *market;
    struct catalogue *catalogue;
    struct ledger *ledger;
    int64_t time_ms;
};

void shop_init(struct shop *s);
void shop_deinit(struct shop *s);
void shop_save(const struct shop *s, struct sink *k);

/* Replaces *s, which holds nothing. HEED_INPUT (damaged) or HEED_NOMEM: *s is empty.            */
enum heed_status shop_load(struct shop *s, struct source *k, struct heed_error *err);

/* After loading: every holder of the ledger and every buyer, seller and target of a purchase is in
 * the catalogue, every currency (of goods too) below currencies_n, stocks are what accounts hold.
 * HEED_INPUT when not. O(accounts + goods + purchases).                                          */
HEED_MUST_CHECK enum heed_status shop_check(const struct shop *s, const struct catalogue *c,
                                            const struct ledger *l, uint32_t currencies_n,
                                            struct heed_error *err);

static inline bool purchase_refunded(const struct purchase *p) /* whole */
{
    return p->refunded_units == p->units;
}

/* ── what is asked ── */

struct shop_ask {
    uint64_t id_hi, id_lo;
    int64_t units;
    uint32_t buyer, target;
    uint32_t recipient;   /* the buyer himself, or whom he gives it to */
    uint32_t offer;       /* SHOP_NONE, or a resale; target is then its own */
    uint32_t reservation; /* SHOP_NONE, or the buyer's; units, target and offer are then its own */
    uint64_t
        coupon; /* 0, or a word's hash: for the seller's own pieces, not for what is reserved */
};

struct shop_answer {
    enum refusal refusal;
    const char *rule; /* of the market rules that refused; NULL */
    uint32_t number;  /* of the purchase, offer or reservation; SHOP_NONE when refused */
    bool repeated;
};

/* ── offers ── */

/* Sets what a new good has in stock, by its `stock` field. HEED_NOMEM, HEED_RANGE.               */
HEED_MUST_CHECK enum heed_status shop_stock(struct shop_desk *d, uint32_t target);

/* Offers a good or changes its offer. price_minor < 0 keeps the price, stock < -1 keeps the stock
 * (-1: unlimited). listed false withdraws it. Refusals: unknown_target; not_listed when it is to be
 * offered and has no price; overflow. HEED_NOMEM, HEED_RANGE.                                    */
HEED_MUST_CHECK enum heed_status shop_list(struct shop_desk *d, uint32_t target,
                                           int64_t price_minor, int64_t stock, bool listed,
                                           enum refusal *refusal);

/* Offers units that the asker (`buyer`) holds, at price_minor each; answer->number is the offer's.
 * Refusals, in order: unknown_target, id_reused, not_positive, own_stock (the good's own seller
 * offers it by shop_list), account_frozen, insufficient_items. HEED_NOMEM, HEED_RANGE. */
HEED_MUST_CHECK enum heed_status shop_resell(struct shop_desk *d, const struct shop_ask *ask,
                                             int64_t price_minor, struct shop_answer *answer);

/* Gives what is left of an offer back to its seller. Refusals: unknown_offer, not_listed (nothing
 * is left). HEED_NOMEM, HEED_RANGE.                                                              */
HEED_MUST_CHECK enum heed_status shop_withdraw(struct shop_desk *d, uint32_t offer,
                                               enum refusal *refusal);

/* Puts units aside for a buyer for timeout_s seconds, at the price of now. offer: SHOP_NONE or a
 * resale (target is then its own). Refusals, in order: unknown_target, unknown_offer, id_reused,
 * not_positive, same_account, not_listed, out_of_stock. HEED_NOMEM, HEED_RANGE. */
HEED_MUST_CHECK enum heed_status shop_reserve(struct shop_desk *d, const struct shop_ask *ask,
                                              uint32_t timeout_s, struct shop_answer *answer);
/* Lets go of it. Refusals: unknown_reservation, pending_posted, pending_voided, pending_expired. */
HEED_MUST_CHECK enum heed_status shop_unreserve(struct shop_desk *d, uint32_t reservation,
                                                enum refusal *refusal);

/* Of somebody who was erased: what he had put aside, and others of his pieces, is let go, and his
 * offers are given back. HEED_NOMEM. O(offers + reservations). */
HEED_MUST_CHECK enum heed_status shop_forget(struct shop_desk *d, uint32_t party);

/* After holds ended by themselves (transfers from `first` on): what was put aside is in stock
 * again.
 */
void shop_restock(struct shop *s, struct catalogue *c, const struct ledger *l, size_t first);

/* ── coupons ── */

/* Makes a coupon, or changes the terms of one with that key and target. Refusals: unknown_target,
 * exists (the word is another good's), not_positive (it lets off nothing, or less; off_ppm above a
 * million; uses, each below 0). HEED_NOMEM, HEED_RANGE.                                          */
HEED_MUST_CHECK enum heed_status shop_coupon(struct shop *s, const struct catalogue *c,
                                             const struct coupon *coupon, enum refusal *refusal,
                                             uint32_t *number);

/* ── bundles ── */

/* Says that one of a good is so many units of another besides its other parts; 0: no longer. Its
 * price stays its own, what it has in stock is what its parts have. Refusals, in order:
 * unknown_target, not_positive (below 0), not_a_part (another seller or currency; itself, a bundle
 * or part of one where it may not be; a counted stock of the bundle; a ninth part). HEED_NOMEM,
 * HEED_RANGE. */
HEED_MUST_CHECK enum heed_status shop_bundle(struct shop_desk *d, uint32_t target, uint32_t part,
                                             int64_t units, enum refusal *refusal);

/* NULL: it is none. O(1). */
const struct bundle *shop_bundle_of(const struct shop *s, uint32_t target);

/* One more than the number of the last purchase of the bundle that this one is a part of, and the
 * number of the first. Of a purchase by itself its own. O(parts). */
uint32_t shop_bundle_end(const struct shop *s, uint32_t purchase);
uint32_t shop_bundle_first(const struct shop *s, uint32_t purchase);

/* Shares out whole_minor (>= 0) over n > 0 parts by weights >= 0 (all 0: in equal parts), rounded
 * down; what is left goes by ones to the largest remainders, the earlier first. false: the weights
 * add up to more than INT64_MAX. */
HEED_MUST_CHECK bool bundle_shares(int64_t whole_minor, const int64_t *weights, size_t n,
                                   int64_t *shares);

/* ── buying ── */

/* Buys units (> 0) of what is offered. id as in ledger_post; the same ask with a known id gives the
 * same purchase again, whatever price and stock are by then. Refusals, in order: unknown_target,
 * unknown_offer, unknown_reservation, unknown_coupon, id_reused, not_positive, same_account (the
 * seller buys his own), not_tradable … fee_above_trade (market_decide), not_listed, out_of_stock,
 * pending_posted, pending_voided, pending_expired (the reservation), coupon_over (its time or
 * uses), account_frozen, insufficient_funds, overflow. HEED_NOMEM, HEED_RANGE (2^32 - 1 purchases
 * or transfers).
 * A bundle is bought as its parts, all or none: a purchase each, or two where its share of the
 * price is not so many times the same; answer->number is the first's. not_listed also where a part
 * is withdrawn or is another seller's by now. */
HEED_MUST_CHECK enum heed_status shop_buy(struct shop_desk *d, const struct shop_ask *ask,
                                          struct shop_answer *answer);

/* ── afterwards ── */

/* What is put aside for a purchase goes to whom it is due, unless a rule holds it longer (*held
 * then says so). Refusals: unknown_purchase, already_delivered, already_refunded. HEED_NOMEM,
 * HEED_RANGE.
 */
HEED_MUST_CHECK enum heed_status shop_deliver(struct shop_desk *d, uint32_t purchase,
                                              enum refusal *refusal);

/* Whether the time of an escrow is over, and its release; soonest first. */
bool shop_due(const struct shop *s, int64_t now_ms);
HEED_MUST_CHECK enum heed_status shop_release(struct shop_desk *d);

/* Refunds units of a purchase (0: all that are left): of each line their share, rounded down over
 * all refunds together, so that a whole refund gives back exactly the price. Refusals, in order:
 * unknown_purchase, id_reused, not_positive, already_refunded, exceeds_purchase, refund_closed,
 * bundle_whole (a bundle goes back as it was bought), item_gone (the recipient holds too few),
 * account_frozen, insufficient_funds (the seller spent it), overflow. HEED_NOMEM, HEED_RANGE (2^32
 * - 1 transfers). */
HEED_MUST_CHECK enum heed_status shop_refund(struct shop_desk *d, uint32_t purchase, int64_t units,
                                             uint64_t id_hi, uint64_t id_lo, enum refusal *refusal,
                                             int64_t *back_minor, bool *repeated);

const char *shop_sink_name(const struct shop *s, uint16_t purpose); /* NULL: none of the shop's */
#endif
