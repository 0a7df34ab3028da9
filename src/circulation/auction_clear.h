/* Clearing: from bids to winners and payments, at one moment, without accounts. Integers alone.
 *
 *     first_price   one thing, to the highest bid, which is paid
 *     vickrey       one thing, to the highest bid; paid is the highest bid of anybody else
 *     uniform       units, from the highest bid down; all pay the lowest accepted bid, or by
 *                   AUCTION_HIGHEST_REJECTED the highest that got less than it asked for
 *     pay_as_bid    units, from the highest bid down; each pays its own
 *     vcg           packages of items, or of units (all of a bid or nothing of it, one bid of a
 *                   bidder at most), so that the sum of accepted bids is largest; each winner
 *                   pays what the others lose by his being there
 *     gsp           slots by price times quality; each pays what keeps it above the next
 *     position_vcg  the same order; each pays what those below lose by its being there
 *
 * Bids below the reserve do not take part and nobody pays less than it. Ties go to the earlier bid;
 * in vcg to the bidder whose first bid is earlier, and of his bids to the earlier. Sources: V.
 * Krishna, Auction Theory, 2nd ed., chapters 2, 12, 16; P. Milgrom, Putting Auction Theory to Work,
 * chapters 2, 7, 8; B. Edelman, M. Ostrovsky, M. Schwarz, American Economic Review 97 (2007) 242;
 * H. Varian, International Journal of Industrial Organization 25 (2007) 1163.        */
#ifndef HEED_AUCTION_CLEAR_H
#define HEED_AUCTION_CLEAR_H

#include "base/refusal.h"
#include "heed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum auction_kind {
    AUCTION_FIRST_PRICE,
    AUCTION_VICKREY,
    AUCTION_UNIFORM,
    AUCTION_PAY_AS_BID,
    AUCTION_VCG,
    AUCTION_GSP,
    AUCTION_POSITION_VCG,
    AUCTION_KINDS
};
const char *auction_kind_name(enum auction_kind kind); /* "first_price" … */

enum auction_price_rule { AUCTION_LOWEST_ACCEPTED, AUCTION_HIGHEST_REJECTED };

enum {
    AUCTION_ITEMS_MAX = 20, /* of vcg by items, with at most so many bidders and bids */
    AUCTION_BIDDERS_MAX = 30,
    AUCTION_PACKAGES_MAX = 3000,
    AUCTION_SLOTS_MAX = 1000,
    AUCTION_CELLS_MAX = 1 << 22, /* of vcg by units: (bidders and bids) times units */
    AUCTION_QUALITY_ONE = 1000000,
    AUCTION_QUALITY_MAX = 1000 * AUCTION_QUALITY_ONE
};

struct clear_bid {
    int64_t price_minor; /* for the whole package; without one of each unit, or of a click */
    int64_t units;       /* without a package */
    uint32_t bidder;     /* below bidders_n */
    uint32_t package;    /* a bit for each item; 0 where there are no items */
    uint32_t quality;    /* of slots: factor of the clicks, in millionths */
};

struct clear_market {
    enum auction_kind kind;
    enum auction_price_rule price_rule; /* of uniform */
    int64_t reserve_minor;              /* of a unit, an item, a click; 0: none */
    int64_t units;                      /* of first_price and vickrey 1; 0 where there are items */
    uint32_t items;                     /* of vcg by packages; else 0 */
    const int64_t *clicks;              /* [slots], never rising: of gsp and position_vcg */
    size_t slots;
    const struct clear_bid *bids; /* [bids_n], the earliest first */
    size_t bids_n;
    uint32_t bidders_n;
};

struct clear_winner {
    uint32_t bidder;
    uint32_t package;
    int64_t units;
    size_t slot; /* from 0 */
    int64_t pays_minor;
};

struct clear_result {
    struct clear_winner
        *winners; /* a bidder once, by his earliest winning bid; slots from the top */
    size_t n;
    int64_t revenue_minor, welfare_minor; /* what is paid; what the winners bid for what they got */
};

/* *out    out  freed by clear_result_deinit; empty when refused
 * Refusals, in order: not_positive (a price, units, a quality, a reserve below 0, clicks that rise
 * or are below 1), unknown_item (a package outside the items, or none), slot_taken (a second bid of
 * a bidder for slots), too_large_to_clear (above the bounds), overflow (the sum of all bids for
 * units or packages, or of the best bid in all slots, is more than an amount can be). HEED_NOMEM.
 * O(n log n); vcg by items searches a tree (auction_package.c), by units takes (bids) x (units).
 */
HEED_MUST_CHECK enum heed_status auction_clear(const struct clear_market *m,
                                               struct clear_result *out, enum refusal *refusal);
void clear_result_deinit(struct clear_result *r);

/* ── pieces ── */

/* Units to bids, from the highest price down: won[n] units of each bid, pays[n] of each. The sum of
 * price x units fits. HEED_NOMEM.                                                               */
HEED_MUST_CHECK enum heed_status clear_units(const struct clear_market *m, int64_t *won,
                                             int64_t *pays);

/* Winner determination and payments by items (a tree, and where that does not end in good time the
 * table) or by units: taken[n], pays[n] of each bid, zeros before. What auction_clear checks holds.
 * The same answer from tree and table. HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status clear_packages(const struct clear_market *m, bool *taken,
                                                int64_t *pays);
HEED_MUST_CHECK enum heed_status clear_packages_table(const struct clear_market *m, bool *taken,
                                                      int64_t *pays);
HEED_MUST_CHECK enum heed_status clear_bundles(const struct clear_market *m, bool *taken,
                                               int64_t *pays);

/* The order of slots and what each costs: rank[slots] bids from the top, the places that stay empty
 * left out; cost[slots] is what the clicks of the slot cost, in millionths of a minor unit, times
 * those clicks of quality 1. Gives how many slots are filled. order[bids_n] is scratch.          */
__extension__ typedef __int128 slot_cost;
size_t clear_slots(const struct clear_market *m, size_t *order, size_t *rank, slot_cost *cost);
#endif
