#include "support_auction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

void test_purse_fill(struct test_purse *p, int64_t each)
{
    *p = (struct test_purse){0};
    for (size_t i = 0; i < PURSE_BIDDERS; i++)
        p->has[i] = each;
}

int64_t test_purse_sum(const struct test_purse *p)
{
    int64_t sum = p->paid + p->forfeited;
    for (size_t i = 0; i < PURSE_BIDDERS; i++)
        sum += p->has[i] + p->held[i];
    return sum;
}

static enum heed_status move(void *context, const struct auction_delta *d, size_t n,
                             enum refusal *refusal)
{
    struct test_purse *p = context, then = *p;
    for (size_t i = 0; i < n; i++) { /* releases first, as a ledger's chain would have them */
        assert_true(d[i].bidder < PURSE_BIDDERS && d[i].hold_minor >= 0 &&
                    d[i].release_minor >= 0 && d[i].pay_minor >= 0 && d[i].forfeit_minor >= 0);
        assert_true(d[i].hold_minor == 0 || d[i].release_minor == 0);
        then.has[d[i].bidder] += d[i].release_minor;
        then.held[d[i].bidder] -= d[i].release_minor;
    }
    for (size_t i = 0; i < n; i++) {
        if (then.has[d[i].bidder] < d[i].hold_minor) {
            *refusal = REFUSED_insufficient_funds;
            return HEED_OK;
        }
        then.has[d[i].bidder] -= d[i].hold_minor;
        then.held[d[i].bidder] += d[i].hold_minor - d[i].pay_minor - d[i].forfeit_minor;
        then.paid += d[i].pay_minor;
        then.forfeited += d[i].forfeit_minor;
        assert_true(then.held[d[i].bidder] >= 0);
        if (i < sizeof then.last / sizeof *then.last)
            then.last[i] = d[i];
    }
    then.last_n = n;
    then.moves++;
    *p = then;
    return HEED_OK;
}

struct auction_purse test_purse_of(struct test_purse *p)
{
    return (struct auction_purse){move, p};
}

static void save_kind(const void *x, struct sink *k)
{
    auction_save(x, k);
}
static enum heed_status load_kind(void *x, struct source *k, struct heed_error *err)
{
    return auction_load(x, k, err);
}
static void deinit_kind(void *x)
{
    auction_deinit(x);
}
static void check_kind(const void *x)
{
    const struct auction *a = x;
    for (size_t i = 0; i < a->bids_n; i++)
        assert_true(a->bids[i].held_minor == auction_need(a, i, a->now_ms));
}
const struct saved_kind AUCTION_KIND = {sizeof(struct auction), save_kind, load_kind, deinit_kind,
                                        check_kind};

void assert_auction_holds(const struct auction *a, const struct test_purse *p)
{
    int64_t held[PURSE_BIDDERS] = {0};
    for (size_t i = 0; i < a->bids_n; i++) {
        const struct auction_bid *b = &a->bids[i];
        assert_true(b->held_minor >= 0 && b->held_minor == auction_need(a, i, a->now_ms));
        held[b->bidder] += b->held_minor;
    }
    for (size_t i = 0; i < PURSE_BIDDERS; i++) {
        assert_true(p->has[i] >= 0);
        assert_true(p->held[i] == held[i]);
    }
}

struct auction_terms english_terms(void)
{
    return (struct auction_terms){.form = AUCTION_ENGLISH,
                                  .seller = 0,
                                  .opens_ms = 100,
                                  .closes_ms = 1000,
                                  .units = 1,
                                  .start_minor = 5,
                                  .increments_n = 3,
                                  .increments = {{0, 1}, {10, 2}, {100, 5}}};
}
