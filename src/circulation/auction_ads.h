/* Slots of a surface in a period, sold by the click: attention itself is sold.
 *
 * Advertisers enter with a price of a click, a quality and a budget. Each time the surface is
 * shown, an auction (generalised second price, or VCG by positions) fills its slots and prices
 * their clicks. A click within its time is paid once, at the price of its showing; what is not
 * clicked by then costs nothing.
 *
 * Budget. An advertiser takes part only while what is spent, what is promised (clicks that may
 * still come) and his price fit into the budget: a budget is never passed and no click is for free.
 * Pacing, even: in addition spent + price <= budget x elapsed / period, so that money lasts.
 * Source: throttling, as in C. Karande, A. Mehta, R. Srikant, Optimizing Budget Constrained Spend
 * in Search Advertising, WSDM (2013) 697.
 *
 * Money, as in auction.h. Held of each: budget - spent while it runs and he is in, then what is
 * promised. Time, as in auction.h.                                                              */
#ifndef HEED_AUCTION_ADS_H
#define HEED_AUCTION_ADS_H

#include "circulation/auction.h"

enum ads_pacing { ADS_AT_ONCE, ADS_EVEN };
enum {
    ADS_SLOTS_MAX = 16,
    ADS_ADVERTISERS_MAX = 10000,
    ADS_SHOWINGS_MAX = 1 << 20, /* whose clicks may still come */
    ADS_CLICKS_MAX = 1000000000
};

struct ads_terms {
    enum auction_kind kind; /* AUCTION_GSP, AUCTION_POSITION_VCG */
    enum ads_pacing pacing;
    uint32_t seller;
    uint32_t slots;
    int64_t opens_ms, closes_ms;
    int64_t click_within_ms;
    int64_t reserve_minor;         /* of a click */
    int64_t clicks[ADS_SLOTS_MAX]; /* rates of the slots, never rising; their ratios count */
};

struct advertiser {
    int64_t price_minor; /* of a click, at most */
    int64_t budget_minor, spent_minor, promised_minor, held_minor;
    uint32_t bidder;
    uint32_t quality; /* millionths */
    uint64_t shown, clicked;
    uint8_t left;
};

struct ads_slot {
    uint32_t advertiser;
    uint8_t clicked;
    int64_t price_minor; /* of its click */
};

struct ads_showing {
    int64_t time_ms;
    uint32_t n; /* slots filled */
    struct ads_slot slots[ADS_SLOTS_MAX];
};

struct ads {
    struct ads_terms terms;
    int64_t now_ms;
    struct advertiser *advertisers, *spare; /* spare: room to go back */
    size_t advertisers_n, advertisers_cap, spare_cap;
    struct ads_showing *showings; /* from `first`: those whose clicks may still come */
    size_t first, showings_n, showings_cap;
    uint64_t first_number; /* of showings[first] */
};

/* Refusals: not_positive, bad_terms.                                                            */
enum refusal ads_open(struct ads *a, const struct ads_terms *terms, int64_t now_ms);
void ads_deinit(struct ads *a);

#define ADS_COMMAND(name, ...)                                                                     \
    HEED_MUST_CHECK enum heed_status ads_##name(struct ads *a, const struct auction_purse *purse,  \
                                                int64_t now_ms, __VA_ARGS__,                       \
                                                enum refusal *refusal)

/* Enters, or changes what was entered (he is in again, if he had left). Refusals, in order:
 * not_positive (price, budget, quality outside 1 … AUCTION_QUALITY_MAX), own_auction,
 * auction_closed, budget_spent (less than spent and promised), too_many_bids, the purse's.       */
ADS_COMMAND(enter, uint32_t bidder, int64_t price_minor, uint32_t quality, int64_t budget_minor);

/* Refusals, in order: auction_closed, unknown_bid, the purse's.                                  */
ADS_COMMAND(leave, uint32_t bidder);

/* Fills the slots. *number out: of the showing, UINT64_MAX when nobody took part (and nothing is
 * kept); *showing out: the slots, until the next command. Refusals, in order: not_open,
 * auction_closed, too_many_bids (showings), the purse's. */
ADS_COMMAND(serve, uint64_t *number, const struct ads_showing **showing);

/* slot from 0. Refusals, in order: unknown_showing (its time has passed, or no such slot),
 * clicked_before, the purse's.                                                                  */
ADS_COMMAND(click, uint64_t number, uint32_t slot);

/* What time alone brings about.                                                                 */
HEED_MUST_CHECK enum heed_status ads_advance(struct ads *a, const struct auction_purse *purse,
                                             int64_t now_ms, enum refusal *refusal);

int64_t ads_need(const struct ads *a, size_t advertiser, int64_t now_ms);

void ads_save(const struct ads *a, struct sink *k);
/* As auction_load.                                                                              */
enum heed_status ads_load(struct ads *a, struct source *k, struct heed_error *err);
bool ads_terms_good(const struct ads_terms *t, enum refusal *refusal);
#endif
