/* Clearing: published answers, refusals, and naive twins under random bids. */
#include "circulation/auction_clear.h"

#include "base/prng.h"
#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { A, B, C, D, BIDS = 24, SLOTS = 4 };

/* ── published answers ── */

struct row {
    const char *source;
    struct clear_market market; /* bids are set from below */
    struct clear_bid bids[BIDS];
    size_t n;
    struct clear_winner winners[6];
    size_t winners_n;
    int64_t revenue, welfare;
    int64_t clicks[SLOTS];
};

#define U(who, amount, count)                                                                      \
    {                                                                                              \
        .bidder = who, .price_minor = amount, .units = count, .quality = 1000000                   \
    }
#define P(who, amount, set)                                                                        \
    {                                                                                              \
        .bidder = who, .price_minor = amount, .package = set, .units = 1                           \
    }
#define GOT(who, count, amount)                                                                    \
    {                                                                                              \
        .bidder = who, .units = count, .pays_minor = amount                                        \
    }
#define GOT_SET(who, set, amount)                                                                  \
    {                                                                                              \
        .bidder = who, .package = set, .pays_minor = amount                                        \
    }
#define SLOT(who, at, amount)                                                                      \
    {                                                                                              \
        .bidder = who, .units = 1, .slot = at, .pays_minor = amount                                \
    }
#define ALIKE(of, count) .market = {.kind = of, .units = count}
#define KRISHNA                                                                                    \
    .bids = {U(A, 50, 1), U(A, 47, 1), U(A, 40, 1), U(A, 32, 1), U(A, 15, 1), U(A, 5, 1),          \
             U(B, 42, 1), U(B, 28, 1), U(B, 20, 1), U(B, 12, 1), U(B, 7, 1),  U(B, 3, 1),          \
             U(C, 45, 1), U(C, 35, 1), U(C, 24, 1), U(C, 14, 1), U(C, 9, 1),  U(C, 6, 1)},         \
    .n = 18

static const struct row rows[] = {
    {"issue: uniform, 100 units, 60 at 45, 40 at 60, 30 at 35 clears at 45",
     ALIKE(AUCTION_UNIFORM, 100), .bids = {U(A, 45, 60), U(B, 60, 40), U(C, 35, 30)}, .n = 3,
     .winners = {GOT(A, 60, 2700), GOT(B, 40, 1800)}, .winners_n = 2, .revenue = 4500,
     .welfare = 5100},
    {"the same, highest rejected",
     .market = {.kind = AUCTION_UNIFORM, .units = 100, .price_rule = AUCTION_HIGHEST_REJECTED},
     .bids = {U(A, 45, 60), U(B, 60, 40), U(C, 35, 30)}, .n = 3,
     .winners = {GOT(A, 60, 2100), GOT(B, 40, 1400)}, .winners_n = 2, .revenue = 3500,
     .welfare = 5100},
    {"two apples (VCG; also Wikipedia, Vickrey-Clarke-Groves auction), by units",
     ALIKE(AUCTION_VCG, 2), .bids = {U(A, 5, 1), U(B, 2, 1), U(C, 3, 2)}, .n = 3,
     .winners = {GOT(A, 1, 4), GOT(B, 1, 1)}, .winners_n = 2, .revenue = 5, .welfare = 7},
    {"two apples, by packages", .market = {.kind = AUCTION_VCG, .items = 2},
     .bids = {P(A, 5, 1), P(A, 5, 2), P(B, 2, 1), P(B, 2, 2), P(C, 6, 3)}, .n = 5,
     .winners = {GOT_SET(A, 1, 4), GOT_SET(B, 2, 1)}, .winners_n = 2, .revenue = 5, .welfare = 7},
    {"Krishna, Auction Theory, example of chapter 12 (six units, bids of three): pay as bid",
     ALIKE(AUCTION_PAY_AS_BID, 6), KRISHNA,
     .winners = {GOT(A, 3, 137), GOT(B, 1, 42), GOT(C, 2, 80)}, .winners_n = 3, .revenue = 259,
     .welfare = 259},
    {"the same: uniform at the highest losing bid, 32",
     .market = {.kind = AUCTION_UNIFORM, .units = 6, .price_rule = AUCTION_HIGHEST_REJECTED},
     KRISHNA, .winners = {GOT(A, 3, 96), GOT(B, 1, 32), GOT(C, 2, 64)}, .winners_n = 3,
     .revenue = 192, .welfare = 259},
    /* a bid is for so many units as a whole; totals of marginal values, times 60 so that they
       divide */
    {"the same: Vickrey; the losing bids of the others, 28+24+20, 32, 32+28", ALIKE(AUCTION_VCG, 6),
     .bids = {U(A, 3000, 1), U(A, 2910, 2), U(A, 2740, 3), U(A, 2535, 4), U(A, 2208, 5),
              U(A, 1890, 6), U(B, 2520, 1), U(B, 2100, 2), U(B, 1800, 3), U(B, 1530, 4),
              U(B, 1308, 5), U(B, 1120, 6), U(C, 2700, 1), U(C, 2400, 2), U(C, 2080, 3),
              U(C, 1770, 4), U(C, 1524, 5), U(C, 1330, 6)},
     .n = 18, .winners = {GOT(A, 3, 72 * 60), GOT(B, 1, 32 * 60), GOT(C, 2, 60 * 60)},
     .winners_n = 3, .revenue = 164 * 60, .welfare = 259 * 60},
    {"Ausubel and Milgrom, The Lovely but Lonely Vickrey Auction (2006): revenue 0 of values 2, 2, "
     "2",
     .market = {.kind = AUCTION_VCG, .items = 2},
     .bids = {P(A, 2, 3), P(B, 2, 1), P(B, 2, 2), P(C, 2, 1), P(C, 2, 2)}, .n = 5,
     .winners = {GOT_SET(B, 1, 0), GOT_SET(C, 2, 0)}, .winners_n = 2, .revenue = 0, .welfare = 4},
    {"the same without the third: revenue 2", .market = {.kind = AUCTION_VCG, .items = 2},
     .bids = {P(A, 2, 3), P(B, 2, 1), P(B, 2, 2)}, .n = 3, .winners = {GOT_SET(A, 3, 2)},
     .winners_n = 1, .revenue = 2, .welfare = 2},
    {"Edelman, Ostrovsky, Schwarz (2007), section II: 200 and 100 clicks, values 10, 4, 2: GSP",
     .market = {.kind = AUCTION_GSP, .slots = 2}, .clicks = {200, 100},
     .bids = {U(A, 10, 1), U(B, 4, 1), U(C, 2, 1)}, .n = 3,
     .winners = {SLOT(A, 0, 800), SLOT(B, 1, 200)}, .winners_n = 2, .revenue = 1000,
     .welfare = 2400},
    {"the same: VCG", .market = {.kind = AUCTION_POSITION_VCG, .slots = 2}, .clicks = {200, 100},
     .bids = {U(A, 10, 1), U(B, 4, 1), U(C, 2, 1)}, .n = 3,
     .winners = {SLOT(A, 0, 600), SLOT(B, 1, 200)}, .winners_n = 2, .revenue = 800,
     .welfare = 2400},
    {"Easley and Kleinberg, Networks, Crowds, and Markets, 15.3: rates 10, 5, 2, values 3, 2, 1: "
     "13, 3, 0",
     .market = {.kind = AUCTION_POSITION_VCG, .slots = 3}, .clicks = {10, 5, 2},
     .bids = {U(A, 3, 1), U(B, 2, 1), U(C, 1, 1)}, .n = 3,
     .winners = {SLOT(A, 0, 13), SLOT(B, 1, 3), SLOT(C, 2, 0)}, .winners_n = 3, .revenue = 16,
     .welfare = 42},
    {"Vickrey (1961): the second price", ALIKE(AUCTION_VICKREY, 1),
     .bids = {U(A, 70, 1), U(B, 90, 1), U(C, 80, 1)}, .n = 3, .winners = {GOT(B, 1, 80)},
     .winners_n = 1, .revenue = 80, .welfare = 90},
    /* not published: the corners */
    {"first price, the earlier of equals", ALIKE(AUCTION_FIRST_PRICE, 1),
     .bids = {U(A, 70, 1), U(B, 90, 1), U(C, 90, 1)}, .n = 3, .winners = {GOT(B, 1, 90)},
     .winners_n = 1, .revenue = 90, .welfare = 90},
    {"Vickrey, a bidder's other bid does not count against him", ALIKE(AUCTION_VICKREY, 1),
     .bids = {U(A, 70, 1), U(A, 90, 1), U(B, 50, 1)}, .n = 3, .winners = {GOT(A, 1, 50)},
     .winners_n = 1, .revenue = 50, .welfare = 90},
    {"Vickrey, one bid above the reserve",
     .market = {.kind = AUCTION_VICKREY, .units = 1, .reserve_minor = 60},
     .bids = {U(A, 70, 1), U(B, 50, 1)}, .n = 2, .winners = {GOT(A, 1, 60)}, .winners_n = 1,
     .revenue = 60, .welfare = 70},
    {"nobody at the reserve", .market = {.kind = AUCTION_VICKREY, .units = 1, .reserve_minor = 80},
     .bids = {U(A, 70, 1)}, .n = 1},
    {"uniform, the last bid filled in part sets both prices",
     .market = {.kind = AUCTION_UNIFORM, .units = 5, .price_rule = AUCTION_HIGHEST_REJECTED},
     .bids = {U(A, 9, 3), U(B, 7, 4), U(C, 5, 1)}, .n = 3,
     .winners = {GOT(A, 3, 21), GOT(B, 2, 14)}, .winners_n = 2, .revenue = 35, .welfare = 41},
    {"uniform, nothing rejected: the reserve",
     .market = {.kind = AUCTION_UNIFORM,
                .units = 9,
                .reserve_minor = 4,
                .price_rule = AUCTION_HIGHEST_REJECTED},
     .bids = {U(A, 9, 3), U(B, 3, 4)}, .n = 2, .winners = {GOT(A, 3, 12)}, .winners_n = 1,
     .revenue = 12, .welfare = 27},
    {"vcg, the reserve of each item is a seller's bid",
     .market = {.kind = AUCTION_VCG, .items = 2, .reserve_minor = 3},
     .bids = {P(A, 5, 1), P(B, 2, 2), P(C, 6, 3)}, .n = 3, .winners = {GOT_SET(A, 1, 3)},
     .winners_n = 1, .revenue = 3, .welfare = 5},
    {"vcg, equal sums: the earlier bidder", .market = {.kind = AUCTION_VCG, .items = 2},
     .bids = {P(A, 4, 3), P(B, 2, 1), P(C, 2, 2)}, .n = 3, .winners = {GOT_SET(A, 3, 4)},
     .winners_n = 1, .revenue = 4, .welfare = 4},
    {"gsp by quality: half the clicks at thrice the price is above",
     .market = {.kind = AUCTION_GSP, .slots = 2}, .clicks = {100, 50},
     .bids = {{.bidder = A, .price_minor = 10, .units = 1, .quality = 1000000},
              {.bidder = B, .price_minor = 30, .units = 1, .quality = 500000}},
     .n = 2, .winners = {SLOT(B, 0, 1000), SLOT(A, 1, 0)}, .winners_n = 2, .revenue = 1000,
     .welfare = 2000},
    {"gsp, the last slot at the reserve",
     .market = {.kind = AUCTION_GSP, .slots = 2, .reserve_minor = 3}, .clicks = {100, 50},
     .bids = {U(A, 10, 1), U(B, 2, 1), U(C, 4, 1)}, .n = 3,
     .winners = {SLOT(A, 0, 400), SLOT(C, 1, 150)}, .winners_n = 2, .revenue = 550,
     .welfare = 1200},
    {"no bids", ALIKE(AUCTION_UNIFORM, 3), .n = 0},
};

static void published_answers_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        struct clear_market m = r->market;
        struct clear_result out;
        enum refusal refusal;
        m.bids = r->bids;
        m.bids_n = r->n;
        m.bidders_n = 4;
        m.clicks = r->clicks;
        assert_int_equal(auction_clear(&m, &out, &refusal), HEED_OK);
        bool ok = refusal == REFUSED_NOT && out.n == r->winners_n &&
                  out.revenue_minor == r->revenue && out.welfare_minor == r->welfare;
        for (size_t k = 0; k < out.n; k++) {
            const struct clear_winner *got = &out.winners[k], *want = &r->winners[k];
            ok = ok && k < r->winners_n && got->bidder == want->bidder &&
                 got->pays_minor == want->pays_minor && got->units == want->units &&
                 got->package == want->package && got->slot == want->slot;
            if (!ok)
                print_error("  bidder %u units %lld set %x slot %zu pays %lld\n", got->bidder,
                            (long long)got->units, got->package, got->slot,
                            (long long)got->pays_minor);
        }
        if (!ok)
            fail_msg("%s: refusal '%s', %zu winners, revenue %lld, welfare %lld", r->source,
                     refusal_code(refusal), out.n, (long long)out.revenue_minor,
                     (long long)out.welfare_minor);
        clear_result_deinit(&out);
    }
}

/* ── refusals ── */

static void what_cannot_be_cleared_is_refused(void **state)
{
    (void)state;
    static const int64_t rising[] = {1, 2}, none[] = {1, 0}, huge[] = {INT64_MAX, INT64_MAX};
    static struct clear_bid many[AUCTION_PACKAGES_MAX + 1];
    static const struct {
        const char *what;
        enum refusal expected;
        struct clear_market m;
        struct clear_bid bids[2];
        size_t n;
    } cases[] = {
        {"price 0", REFUSED_not_positive, {.kind = AUCTION_UNIFORM, .units = 1}, {U(A, 0, 1)}, 1},
        {"price < 0",
         REFUSED_not_positive,
         {.kind = AUCTION_VICKREY, .units = 1},
         {U(A, -1, 1)},
         1},
        {"units 0", REFUSED_not_positive, {.kind = AUCTION_UNIFORM, .units = 1}, {U(A, 1, 0)}, 1},
        {"nothing sold", REFUSED_not_positive, {.kind = AUCTION_UNIFORM}, {U(A, 1, 1)}, 1},
        {"reserve < 0",
         REFUSED_not_positive,
         {.kind = AUCTION_UNIFORM, .units = 1, .reserve_minor = -1},
         {U(A, 1, 1)},
         1},
        {"rising clicks",
         REFUSED_not_positive,
         {.kind = AUCTION_GSP, .slots = 2, .clicks = rising},
         {U(A, 1, 1)},
         1},
        {"no clicks",
         REFUSED_not_positive,
         {.kind = AUCTION_GSP, .slots = 2, .clicks = none},
         {U(A, 1, 1)},
         1},
        {"no quality",
         REFUSED_not_positive,
         {.kind = AUCTION_GSP, .slots = 2, .clicks = none},
         {P(A, 1, 0)},
         1},
        {"item outside", REFUSED_unknown_item, {.kind = AUCTION_VCG, .items = 2}, {P(A, 1, 4)}, 1},
        {"two bids for slots",
         REFUSED_slot_taken,
         {.kind = AUCTION_GSP, .slots = 1, .clicks = rising},
         {U(A, 1, 1), U(A, 2, 1)},
         2},
        {"21 items",
         REFUSED_too_large_to_clear,
         {.kind = AUCTION_VCG, .items = 21},
         {P(A, 1, 1)},
         1},
        {"table too large",
         REFUSED_too_large_to_clear,
         {.kind = AUCTION_VCG, .units = AUCTION_CELLS_MAX},
         {U(A, 1, 1)},
         1},
        {"sum too large",
         REFUSED_overflow,
         {.kind = AUCTION_UNIFORM, .units = 2},
         {U(A, INT64_MAX, 1), U(B, 1, 1)},
         2},
        {"product too large",
         REFUSED_overflow,
         {.kind = AUCTION_PAY_AS_BID, .units = 2},
         {U(A, INT64_MAX / 2 + 1, 2)},
         1},
        {"packages too large",
         REFUSED_overflow,
         {.kind = AUCTION_VCG, .items = 2},
         {P(A, INT64_MAX, 1), P(B, 1, 2)},
         2},
        {"clicks too large",
         REFUSED_overflow,
         {.kind = AUCTION_GSP, .slots = 2, .clicks = huge},
         {U(A, 1, 1)},
         1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct clear_market m = cases[i].m;
        struct clear_result out;
        enum refusal refusal;
        m.bids = cases[i].bids;
        m.bids_n = cases[i].n;
        m.bidders_n = 2;
        assert_int_equal(auction_clear(&m, &out, &refusal), HEED_OK);
        if (refusal != cases[i].expected || out.winners)
            fail_msg("%s: expected '%s', got '%s'", cases[i].what, refusal_code(cases[i].expected),
                     refusal_code(refusal));
    }
    for (uint32_t i = 0; i <= AUCTION_PACKAGES_MAX; i++)
        many[i] = (struct clear_bid)P(i % (AUCTION_BIDDERS_MAX + 1), 1, 1);
    for (int k = 0; k < 2; k++) { /* 31 bidders, or a bid too many */
        struct clear_market m = {.kind = AUCTION_VCG,
                                 .items = 1,
                                 .bids = many,
                                 .bids_n = k ? AUCTION_PACKAGES_MAX + 1 : 31,
                                 .bidders_n = 31};
        struct clear_result out;
        enum refusal refusal;
        for (size_t i = 0; k && i <= AUCTION_PACKAGES_MAX; i++)
            many[i].bidder = 0;
        assert_int_equal(auction_clear(&m, &out, &refusal), HEED_OK);
        assert_int_equal(refusal, REFUSED_too_large_to_clear);
    }
}

static void amounts_at_their_limits_clear(void **state)
{
    (void)state;
    const struct clear_bid bids[] = {P(A, INT64_MAX - 10, 1), P(B, 4, 2), P(C, 5, 1), P(C, 1, 2)};
    struct clear_market m = {
        .kind = AUCTION_VCG, .items = 2, .bids = bids, .bids_n = 4, .bidders_n = 3};
    struct clear_result out;
    enum refusal refusal;
    assert_int_equal(auction_clear(&m, &out, &refusal), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT);
    assert_int_equal(out.n, 2);
    assert_true(out.welfare_minor == INT64_MAX - 6);
    assert_int_equal(out.winners[0].pays_minor, 5);
    assert_int_equal(out.winners[1].pays_minor, 1);
    clear_result_deinit(&out);
    const struct clear_bid top[] = {U(A, INT64_MAX, 1), U(B, INT64_MAX, 1)};
    m = (struct clear_market){
        .kind = AUCTION_VICKREY, .units = 1, .bids = top, .bids_n = 2, .bidders_n = 2};
    assert_int_equal(auction_clear(&m, &out, &refusal), HEED_OK);
    assert_true(out.n == 1 && out.winners[0].bidder == A && out.revenue_minor == INT64_MAX);
    clear_result_deinit(&out);
}

/* ── twins ── */

struct naive {
    const struct clear_market *m;
    int64_t value[BIDS], size[BIDS];
    uint32_t skip; /* a bidder left out */
    bool in[BIDS], best_in[BIDS];
    int64_t best;
};

/* Every choice of bids, one of a bidder at most, in the order of bidders; the first of equals
 * stays. */
static void naive_walk(struct naive *w, uint32_t bidder, uint32_t items, int64_t units, int64_t sum)
{
    if (bidder == w->m->bidders_n) {
        if (sum > w->best) {
            w->best = sum;
            memcpy(w->best_in, w->in, sizeof w->in);
        }
        return;
    }
    for (size_t i = 0; bidder != w->skip && i < w->m->bids_n; i++) {
        const struct clear_bid *b = &w->m->bids[i];
        if (b->bidder != bidder || w->value[i] < 0 || b->package & ~items || w->size[i] > units)
            continue;
        w->in[i] = true;
        naive_walk(w, bidder + 1, items & ~b->package, units - w->size[i], sum + w->value[i]);
        w->in[i] = false;
    }
    naive_walk(w, bidder + 1, items, units, sum);
}

static int64_t naive_best(struct naive *w, uint32_t skip)
{
    w->best = -1;
    w->skip = skip;
    memset(w->in, 0, sizeof w->in);
    naive_walk(w, 0, UINT32_MAX, w->m->items ? INT64_MAX : w->m->units, 0);
    return w->best;
}

static void random_market(struct prng *r, bool packages, struct clear_market *m,
                          struct clear_bid *bids)
{
    uint32_t bidders = 1 + (uint32_t)prng_below(r, 6), items = 1 + (uint32_t)prng_below(r, 6);
    int64_t top = prng_below(r, 3) ? 20 : 4; /* often equal sums */
    size_t n = 0;
    for (uint32_t b = 0; b < bidders; b++) /* bidder numbers are by first bid */
        bids[n++] = (struct clear_bid){.bidder = b};
    while (n < 14 && prng_below(r, 5))
        bids[n++] = (struct clear_bid){.bidder = (uint32_t)prng_below(r, bidders)};
    for (size_t i = 0; i < n; i++) {
        bids[i].price_minor = 1 + (int64_t)prng_below(r, (uint64_t)top);
        bids[i].units = packages ? 1 : 1 + (int64_t)prng_below(r, 4);
        bids[i].package = packages ? 1 + (uint32_t)prng_below(r, (1u << items) - 1) : 0;
    }
    *m = (struct clear_market){.kind = AUCTION_VCG,
                               .items = packages ? items : 0,
                               .units = packages ? 0 : 1 + (int64_t)prng_below(r, 7),
                               .reserve_minor = prng_below(r, 3) ? 0 : (int64_t)prng_below(r, 4),
                               .bids = bids,
                               .bids_n = n,
                               .bidders_n = bidders};
}

static void vcg_is_what_trying_everything_gives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        struct prng r;
        struct clear_market m;
        struct clear_bid bids[BIDS];
        struct clear_result out;
        struct naive w = {.m = &m};
        enum refusal refusal;
        bool in[BIDS];
        size_t winners = 0;
        prng_seed(&r, seed);
        random_market(&r, seed % 2, &m, bids);
        for (size_t i = 0; i < m.bids_n; i++) {
            w.size[i] = m.items ? __builtin_popcount(bids[i].package) : bids[i].units;
            w.value[i] = m.items ? bids[i].price_minor - m.reserve_minor * w.size[i]
                                 : (bids[i].price_minor - m.reserve_minor) * bids[i].units;
        }
        int64_t best = naive_best(&w, UINT32_MAX);
        memcpy(in, w.best_in, sizeof in);
        assert_int_equal(auction_clear(&m, &out, &refusal), HEED_OK);
        assert_int_equal(refusal, REFUSED_NOT);
        for (size_t i = 0; i < m.bids_n; i++) {
            if (!in[i])
                continue;
            int64_t pays =
                naive_best(&w, bids[i].bidder) - (best - w.value[i]) + m.reserve_minor * w.size[i];
            size_t k = 0;
            while (k < out.n && out.winners[k].bidder != bids[i].bidder)
                k++;
            if (k == out.n || out.winners[k].pays_minor != pays ||
                out.winners[k].package != bids[i].package ||
                (!m.items && out.winners[k].units != bids[i].units))
                fail_msg("seed %llu: bid %zu of bidder %u should win and pay %lld",
                         (unsigned long long)seed, i, bids[i].bidder, (long long)pays);
            winners++;
        }
        if (winners != out.n)
            fail_msg("seed %llu: %zu winners, not %zu", (unsigned long long)seed, out.n, winners);
        clear_result_deinit(&out);
    }
}

/* At sizes where trying everything is out of the question, the tree and the table give the same. */
static void the_tree_and_the_table_agree(void **state)
{
    (void)state;
    enum { BIDDERS = 30, EACH = 6, N = BIDDERS * EACH };
    static struct clear_bid bids[N];
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        uint32_t items = seed == 40 ? 20 : 8 + (uint32_t)prng_below(&r, 6);
        int64_t alike = (int64_t)prng_below(&r, 3) * 40; /* some worth nearly the same an item */
        for (size_t i = 0; i < N; i++) {
            uint32_t package = 0, size = 1 + (uint32_t)prng_below(&r, 4);
            while ((uint32_t)__builtin_popcount(package) < size)
                package |= 1u << prng_below(&r, items);
            bids[i] = (struct clear_bid){
                .bidder = (uint32_t)(i % BIDDERS),
                .package = package,
                .price_minor = size * (100 - alike + (int64_t)prng_below(&r, 1 + (uint64_t)alike))};
        }
        const struct clear_market m = {.kind = AUCTION_VCG,
                                       .items = items,
                                       .reserve_minor = seed % 5 ? 0 : 30,
                                       .bids = bids,
                                       .bids_n = N,
                                       .bidders_n = BIDDERS};
        bool taken[2][N] = {{false}, {false}};
        int64_t pays[2][N] = {{0}, {0}};
        assert_int_equal(clear_packages(&m, taken[0], pays[0]), HEED_OK);
        assert_int_equal(clear_packages_table(&m, taken[1], pays[1]), HEED_OK);
        if (memcmp(taken[0], taken[1], sizeof *taken) != 0 ||
            memcmp(pays[0], pays[1], sizeof *pays) != 0)
            fail_msg("seed %llu: %u items: other winners or payments", (unsigned long long)seed,
                     items);
    }
}

static void the_table_is_short_of_memory_too(void **state)
{
    (void)state;
    const struct clear_bid bids[] = {P(A, 5, 1), P(B, 2, 2), P(C, 6, 3)};
    const struct clear_market m = {
        .kind = AUCTION_VCG, .items = 2, .bids = bids, .bids_n = 3, .bidders_n = 3};
    for (long n = 1;; n++) {
        bool taken[3] = {false};
        int64_t pays[3] = {0};
        fault_fail_at(n);
        enum heed_status status = clear_packages_table(&m, taken, pays);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        if (!fault_fired()) {
            assert_true(taken[0] && taken[1] && !taken[2] && pays[0] == 4 && pays[1] == 1);
            break;
        }
    }
}

/* Unit by unit: the highest bid that is not yet filled, the earliest of equals.                  */
static void units_go_one_by_one(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct prng r;
        struct clear_market m;
        struct clear_bid bids[BIDS];
        struct clear_result out;
        enum refusal refusal;
        int64_t left[BIDS], won[BIDS] = {0}, paid[BIDS] = {0}, last = 0, welfare = 0;
        prng_seed(&r, seed);
        random_market(&r, false, &m, bids);
        m.kind = seed % 3 ? AUCTION_UNIFORM : AUCTION_PAY_AS_BID;
        m.price_rule = seed % 3 == 1 ? AUCTION_HIGHEST_REJECTED : AUCTION_LOWEST_ACCEPTED;
        last = m.reserve_minor;
        for (size_t i = 0; i < m.bids_n; i++)
            left[i] = bids[i].price_minor >= m.reserve_minor ? bids[i].units : 0;
        for (int64_t u = 0; u <= m.units; u++) {
            size_t best = SIZE_MAX;
            for (size_t i = 0; i < m.bids_n; i++)
                if (left[i] && (best == SIZE_MAX || bids[i].price_minor > bids[best].price_minor))
                    best = i;
            if (u == m.units || best == SIZE_MAX) {
                if (m.price_rule == AUCTION_HIGHEST_REJECTED)
                    last = best == SIZE_MAX ? m.reserve_minor : bids[best].price_minor;
                break;
            }
            left[best]--;
            won[bids[best].bidder]++;
            paid[bids[best].bidder] += bids[best].price_minor;
            welfare += bids[best].price_minor;
            last = bids[best].price_minor;
        }
        assert_int_equal(auction_clear(&m, &out, &refusal), HEED_OK);
        assert_int_equal(refusal, REFUSED_NOT);
        int64_t revenue = 0;
        for (uint32_t b = 0; b < m.bidders_n; b++) {
            int64_t pays = m.kind == AUCTION_UNIFORM ? won[b] * last : paid[b];
            size_t k = 0;
            while (k < out.n && out.winners[k].bidder != b)
                k++;
            int64_t got = k < out.n ? out.winners[k].units : 0;
            if (got != won[b] || (got && out.winners[k].pays_minor != pays))
                fail_msg("seed %llu: bidder %u should have %lld for %lld", (unsigned long long)seed,
                         b, (long long)won[b], (long long)pays);
            revenue += pays;
        }
        assert_int_equal(out.revenue_minor, revenue);
        assert_int_equal(out.welfare_minor, welfare);
        clear_result_deinit(&out);
    }
}

/* Position VCG by its definition: what the others would have without a bidder, less what they have.
 */
static slot_cost naive_slots(const struct clear_market *m, uint32_t skip, uint32_t *at)
{
    slot_cost sum = 0;
    bool used[BIDS] = {false};
    for (size_t s = 0; s < m->slots; s++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < m->bids_n; i++)
            if (!used[i] && m->bids[i].bidder != skip &&
                (best == SIZE_MAX ||
                 (slot_cost)m->bids[i].price_minor * m->bids[i].quality >
                     (slot_cost)m->bids[best].price_minor * m->bids[best].quality))
                best = i;
        if (best == SIZE_MAX)
            break;
        used[best] = true;
        if (at)
            at[s] = m->bids[best].bidder;
        sum += (slot_cost)m->bids[best].price_minor * m->bids[best].quality * m->clicks[s];
    }
    return sum;
}

static void position_vcg_charges_what_others_lose(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct prng r;
        struct clear_bid bids[8];
        int64_t clicks[SLOTS];
        uint32_t at[SLOTS] = {0};
        struct clear_result out;
        enum refusal refusal;
        prng_seed(&r, seed);
        uint32_t n = 1 + (uint32_t)prng_below(&r, 8);
        size_t slots = 1 + prng_below(&r, SLOTS);
        for (size_t s = 0; s < slots; s++)
            clicks[s] = s ? clicks[s - 1] - (int64_t)prng_below(&r, 30) : 200;
        for (uint32_t i = 0; i < n; i++)
            bids[i] = (struct clear_bid){.bidder = i,
                                         .units = 1,
                                         .price_minor = 1 + (int64_t)prng_below(&r, 30),
                                         .quality = 1 + (uint32_t)prng_below(&r, 2000000)};
        struct clear_market m = {.kind = AUCTION_POSITION_VCG,
                                 .clicks = clicks,
                                 .slots = slots,
                                 .bids = bids,
                                 .bids_n = n,
                                 .bidders_n = n};
        slot_cost all = naive_slots(&m, UINT32_MAX, at);
        assert_int_equal(auction_clear(&m, &out, &refusal), HEED_OK);
        assert_int_equal(out.n, n < slots ? n : slots);
        for (size_t s = 0; s < out.n; s++) {
            slot_cost own = (slot_cost)bids[at[s]].price_minor * bids[at[s]].quality * clicks[s];
            int64_t pays = (int64_t)((naive_slots(&m, at[s], NULL) - (all - own)) / 1000000);
            if (out.winners[s].bidder != at[s] || out.winners[s].pays_minor != pays)
                fail_msg("seed %llu: slot %zu: bidder %u pays %lld, not bidder %u %lld",
                         (unsigned long long)seed, s, at[s], (long long)pays, out.winners[s].bidder,
                         (long long)out.winners[s].pays_minor);
            /* and under GSP never less (Edelman, Ostrovsky, Schwarz, remark 1) */
            struct clear_market g = m;
            struct clear_result gsp;
            g.kind = AUCTION_GSP;
            assert_int_equal(auction_clear(&g, &gsp, &refusal), HEED_OK);
            assert_true(gsp.winners[s].pays_minor >= pays && gsp.winners[s].bidder == at[s]);
            clear_result_deinit(&gsp);
        }
        clear_result_deinit(&out);
    }
}

/* ── memory ── */

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (long n = 1;; n++) {
            struct clear_market m = rows[i].market;
            struct clear_result out;
            enum refusal refusal;
            m.bids = rows[i].bids;
            m.bids_n = rows[i].n;
            m.bidders_n = 4;
            m.clicks = rows[i].clicks;
            fault_fail_at(n);
            enum heed_status status = auction_clear(&m, &out, &refusal);
            fault_off();
            assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
            assert_true(status == HEED_OK || (out.winners == NULL && out.n == 0));
            clear_result_deinit(&out);
            if (!fault_fired())
                break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_answers_come_out),
        cmocka_unit_test(what_cannot_be_cleared_is_refused),
        cmocka_unit_test(amounts_at_their_limits_clear),
        cmocka_unit_test(vcg_is_what_trying_everything_gives),
        cmocka_unit_test(the_tree_and_the_table_agree),
        cmocka_unit_test_teardown(the_table_is_short_of_memory_too, memory_returns),
        cmocka_unit_test(units_go_one_by_one),
        cmocka_unit_test(position_vcg_charges_what_others_lose),
        cmocka_unit_test_teardown(memory_that_runs_out_is_said, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
