/* A purse for auctions: who has how much, what of it is held, what sellers and sinks got. */
#ifndef SUPPORT_AUCTION_H
#define SUPPORT_AUCTION_H

#include "circulation/auction.h"
#include "support_saved.h"

enum { PURSE_BIDDERS = 8 };

struct test_purse {
    int64_t has[PURSE_BIDDERS], held[PURSE_BIDDERS]; /* has: free, without what is held */
    int64_t paid, forfeited;
    size_t moves;                 /* calls that moved something */
    struct auction_delta last[8]; /* of the last call, the first of them */
    size_t last_n;
};

/* Everybody has `each`. */
void test_purse_fill(struct test_purse *p, int64_t each);
int64_t test_purse_sum(const struct test_purse *p);
struct auction_purse test_purse_of(struct test_purse *p); /* refuses what is not there */

extern const struct saved_kind AUCTION_KIND;

/* Asserts that each bid holds what it needs, that the purse holds as much for each bidder, and that
 * nothing is negative.                                                                          */
void assert_auction_holds(const struct auction *a, const struct test_purse *p);

/* eBay's style in small: 1 below 10, 2 below 100, then 5. */
struct auction_terms english_terms(void);
#endif
