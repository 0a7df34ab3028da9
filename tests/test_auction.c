/* Auctions over time, rule by rule. */
#include "circulation/auction.h"

#include "support_auction.h"
#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SELLER, ANN, BEN, CAM };

struct room {
    struct auction a;
    struct test_purse p;
    struct auction_purse purse;
};

static void room_open(struct room *r, const struct auction_terms *t)
{
    test_purse_fill(&r->p, 10000);
    r->purse = test_purse_of(&r->p);
    assert_int_equal(auction_open(&r->a, t, 0), REFUSED_NOT);
}

static void room_close(struct room *r)
{
    auction_deinit(&r->a);
}

/* Asserts what a command gave, and what must hold after any. */
static void gives(struct room *r, const char *what, enum heed_status status, enum refusal got,
                  enum refusal expected)
{
    if (status != HEED_OK || got != expected)
        fail_msg("%s: expected '%s', got '%s' (%d)", what, refusal_code(expected),
                 refusal_code(got), (int)status);
    assert_auction_holds(&r->a, &r->p);
    assert_int_equal(test_purse_sum(&r->p), 10000 * PURSE_BIDDERS);
}

static uint32_t bids(struct room *r, int64_t at, uint32_t who, int64_t price, int64_t units,
                     enum refusal expected)
{
    enum refusal refusal;
    uint32_t bid;
    enum heed_status s = auction_bid(&r->a, &r->purse, at, who, price, units, &bid, &refusal);
    gives(r, "bid", s, refusal, expected);
    assert_int_equal(bid == AUCTION_NONE, expected != REFUSED_NOT);
    return bid;
}

static void buys(struct room *r, int64_t at, uint32_t who, enum refusal expected)
{
    enum refusal refusal;
    uint32_t bid;
    enum heed_status s = auction_buy_now(&r->a, &r->purse, at, who, &bid, &refusal);
    gives(r, "buy_now", s, refusal, expected);
}

static void retracts(struct room *r, int64_t at, uint32_t who, uint32_t bid, enum refusal expected)
{
    enum refusal refusal;
    enum heed_status s = auction_retract(&r->a, &r->purse, at, who, bid, &refusal);
    gives(r, "retract", s, refusal, expected);
}

static void closes(struct room *r, int64_t at, enum refusal expected)
{
    enum refusal refusal;
    enum heed_status s = auction_close(&r->a, &r->purse, at, &refusal);
    gives(r, "close", s, refusal, expected);
}

static void advances(struct room *r, int64_t at)
{
    enum refusal refusal;
    enum heed_status s = auction_advance(&r->a, &r->purse, at, &refusal);
    gives(r, "advance", s, refusal, REFUSED_NOT);
}

static struct sha256 hash_of(uint32_t who, int64_t amount, uint8_t salt_byte)
{
    static const char *const names[] = {"seller", "ann", "ben", "cam"};
    uint8_t salt[AUCTION_SALT];
    memset(salt, salt_byte, sizeof salt);
    return auction_commitment(STR("lamp"), str_of(names[who]), amount, salt);
}

static void commits(struct room *r, int64_t at, uint32_t who, int64_t amount, enum refusal expected)
{
    enum refusal refusal;
    uint32_t bid;
    struct sha256 h = hash_of(who, amount, (uint8_t)who);
    enum heed_status s = auction_commit(&r->a, &r->purse, at, who, &h, &bid, &refusal);
    gives(r, "commit", s, refusal, expected);
}

static void reveals(struct room *r, int64_t at, uint32_t who, int64_t amount, enum refusal expected)
{
    enum refusal refusal;
    struct sha256 h = hash_of(who, amount, (uint8_t)who);
    enum heed_status s = auction_reveal(&r->a, &r->purse, at, who, amount, &h, &refusal);
    gives(r, "reveal", s, refusal, expected);
}

static void stands(const struct room *r, int64_t price, uint32_t leader)
{
    uint32_t who = r->a.leader == AUCTION_NONE ? AUCTION_NONE : r->a.bids[r->a.leader].bidder;
    if (r->a.price_minor != price || who != leader)
        fail_msg("the price is %lld and bidder %d leads, not %lld and %d",
                 (long long)r->a.price_minor, (int)who, (long long)price, (int)leader);
}

/* ── english ── */

static void a_proxy_bids_up_to_its_maximum(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct room r;
    room_open(&r, &t);
    bids(&r, 99, ANN, 50, 1, REFUSED_not_open);
    bids(&r, 100, ANN, 4, 1, REFUSED_below_least);
    bids(&r, 100, ANN, 50, 1, REFUSED_NOT);
    stands(&r, 5, ANN); /* alone: at the start */
    bids(&r, 110, BEN, 20, 1, REFUSED_NOT);
    stands(&r, 22, ANN); /* one increment above ben */
    bids(&r, 120, BEN, 23, 1, REFUSED_below_least);
    bids(&r, 120, BEN, 49, 1, REFUSED_NOT);
    stands(&r, 50, ANN); /* her maximum is less than an increment above */
    bids(&r, 130, CAM, 52, 1, REFUSED_NOT);
    stands(&r, 52, CAM);
    assert_int_equal(r.p.held[ANN], 0); /* outbid: released */
    assert_int_equal(r.p.held[CAM], 52);
    closes(&r, 999, REFUSED_auction_running);
    bids(&r, 1000, BEN, 100, 1, REFUSED_auction_closed);
    closes(&r, 1000, REFUSED_NOT);
    assert_int_equal(r.a.state, AUCTION_SOLD);
    assert_int_equal(r.p.paid, 52);
    closes(&r, 1001, REFUSED_auction_closed);
    assert_int_equal(r.p.paid, 52); /* once */
    room_close(&r);
}

static void the_earlier_of_equal_maxima_leads(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct room r;
    room_open(&r, &t);
    bids(&r, 100, ANN, 50, 1, REFUSED_NOT);
    bids(&r, 101, BEN, 50, 1, REFUSED_NOT);
    stands(&r, 50, ANN);
    bids(&r, 102, ANN, 60, 1, REFUSED_NOT); /* and raising her own makes the increment whole */
    stands(&r, 52, ANN);
    room_close(&r);
}

static void one_does_not_bid_against_oneself(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct room r;
    room_open(&r, &t);
    bids(&r, 100, SELLER, 50, 1, REFUSED_own_auction);
    bids(&r, 100, ANN, 50, 1, REFUSED_NOT);
    bids(&r, 101, ANN, 50, 1, REFUSED_not_a_raise);
    bids(&r, 101, ANN, 40, 1, REFUSED_not_a_raise);
    bids(&r, 102, ANN, 51, 1, REFUSED_NOT); /* by less than an increment: it is only the maximum */
    stands(&r, 5, ANN);
    assert_int_equal(r.p.held[ANN], 51);
    assert_int_equal(r.a.bids_n, 1);
    room_close(&r);
}

static void below_the_reserve_nothing_is_sold(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct room r;
    t.reserve_minor = 40;
    room_open(&r, &t);
    bids(&r, 100, ANN, 39, 1, REFUSED_NOT);
    bids(&r, 101, BEN, 20, 1, REFUSED_NOT);
    stands(&r, 22, ANN);
    closes(&r, 1000, REFUSED_NOT);
    assert_int_equal(r.a.state, AUCTION_UNSOLD);
    assert_int_equal(r.p.paid + r.p.held[ANN], 0);
    room_close(&r);
    room_open(&r, &t);
    bids(&r, 100, ANN, 60, 1, REFUSED_NOT);
    stands(&r, 40, ANN); /* a maximum that reaches it goes there at once */
    closes(&r, 1000, REFUSED_NOT);
    assert_int_equal(r.p.paid, 40);
    room_close(&r);
}

static void late_bids_put_the_close_off_up_to_a_cap(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct room r;
    t.extend_within_ms = 50;
    t.extend_by_ms = 60;
    t.closes_latest_ms = 1100;
    room_open(&r, &t);
    bids(&r, 949, ANN, 50, 1, REFUSED_NOT);
    assert_int_equal(r.a.closes_ms, 1000);
    bids(&r, 950, BEN, 20, 1, REFUSED_NOT); /* fifty before, and the price moved */
    assert_int_equal(r.a.closes_ms, 1010);
    bids(&r, 1005, ANN, 90, 1, REFUSED_NOT); /* her own raise moves nothing */
    assert_int_equal(r.a.closes_ms, 1010);
    closes(&r, 1005, REFUSED_auction_running);
    bids(&r, 1009, CAM, 100, 1, REFUSED_NOT);
    assert_int_equal(r.a.closes_ms, 1069);
    bids(&r, 1060, BEN, 200, 1, REFUSED_NOT);
    assert_int_equal(r.a.closes_ms, 1100); /* the cap, not 1120 */
    bids(&r, 1099, CAM, 300, 1, REFUSED_NOT);
    assert_int_equal(r.a.closes_ms, 1100);
    bids(&r, 1100, ANN, 400, 1, REFUSED_auction_closed);
    closes(&r, 1100, REFUSED_NOT);
    assert_int_equal(r.p.paid, 205);
    room_close(&r);
}

static void buying_at_once_ends_it_until_bids_reach_the_reserve(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct room r;
    t.buy_now_minor = 80;
    room_open(&r, &t);
    buys(&r, 100, SELLER, REFUSED_own_auction);
    buys(&r, 150, ANN, REFUSED_NOT);
    assert_int_equal(r.p.paid, 80);
    buys(&r, 150, BEN, REFUSED_auction_closed); /* of two at once, one */
    bids(&r, 150, BEN, 100, 1, REFUSED_auction_closed);
    room_close(&r);
    room_open(&r, &t);
    bids(&r, 150, BEN, 10, 1, REFUSED_NOT);
    buys(&r, 151, ANN, REFUSED_no_buy_now);
    room_close(&r);
    t.reserve_minor = 40;
    room_open(&r, &t);
    bids(&r, 150, BEN, 10, 1, REFUSED_NOT);
    buys(&r, 151, BEN, REFUSED_NOT); /* what he had bid is part of what he pays */
    assert_int_equal(r.p.paid, 80);
    room_close(&r);
    room_open(&r, &t);
    bids(&r, 150, BEN, 40, 1, REFUSED_NOT);
    buys(&r, 151, ANN, REFUSED_no_buy_now);
    room_close(&r);
    t.buy_now_minor = 0;
    room_open(&r, &t);
    buys(&r, 151, ANN, REFUSED_no_buy_now);
    room_close(&r);
}

static void a_bid_is_retracted_once_and_in_time(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct room r;
    t.retract_until_ms = 500;
    room_open(&r, &t);
    uint32_t ann = bids(&r, 100, ANN, 9000, 1, REFUSED_NOT);
    uint32_t ben = bids(&r, 110, BEN, 60, 1, REFUSED_NOT);
    bids(&r, 120, CAM, 80, 1, REFUSED_NOT);
    stands(&r, 82, ANN);
    assert_int_equal(r.p.held[BEN], 60); /* may lead again, so it is held */
    retracts(&r, 130, BEN, ann, REFUSED_unknown_bid);
    retracts(&r, 130, ANN, 77, REFUSED_unknown_bid);
    retracts(&r, 130, ANN, ann, REFUSED_NOT);
    stands(&r, 62, CAM); /* as if she had never bid */
    retracts(&r, 131, ANN, ann, REFUSED_unknown_bid);
    bids(&r, 140, ANN, 90, 1, REFUSED_NOT);
    stands(&r, 82, ANN);
    retracts(&r, 150, ANN, ann, REFUSED_retracted_before);
    retracts(&r, 500, BEN, ben, REFUSED_retract_closed);
    advances(&r, 500); /* nobody can fall away any more: the outbid are free */
    assert_int_equal(r.p.held[BEN] + r.p.held[CAM], 0);
    assert_int_equal(r.p.held[ANN], 90);
    closes(&r, 1000, REFUSED_NOT);
    assert_int_equal(r.p.paid, 82);
    room_close(&r);
}

static void the_end_of_retractions_needs_no_advance(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct room r;
    t.retract_until_ms = 500;
    room_open(&r, &t);
    bids(&r, 100, ANN, 50, 1, REFUSED_NOT);
    bids(&r, 110, BEN, 60, 1, REFUSED_NOT);
    bids(&r, 600, CAM, 70, 1, REFUSED_NOT);
    assert_int_equal(r.p.held[ANN] + r.p.held[BEN], 0);
    room_close(&r);
}

static void who_has_not_enough_does_not_bid(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct room r;
    room_open(&r, &t);
    bids(&r, 100, ANN, 10001, 1, REFUSED_insufficient_funds);
    assert_int_equal(r.a.bids_n, 0);
    bids(&r, 100, ANN, 100, 1, REFUSED_NOT);
    bids(&r, 101, BEN, 10001, 1, REFUSED_insufficient_funds);
    stands(&r, 5, ANN); /* and ann's was not released */
    assert_int_equal(r.p.held[ANN], 100);
    room_close(&r);
}

static void amounts_at_their_limit_do_not_wrap(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct auction a;
    enum refusal refusal;
    uint32_t bid;
    assert_int_equal(auction_open(&a, &t, 0), REFUSED_NOT);
    assert_int_equal(auction_bid(&a, NULL, 100, ANN, INT64_MAX - 1, 1, &bid, &refusal), HEED_OK);
    assert_int_equal(auction_bid(&a, NULL, 100, BEN, INT64_MAX, 1, &bid, &refusal), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT);
    assert_true(a.price_minor == INT64_MAX && a.leader == 1);
    assert_int_equal(auction_bid(&a, NULL, 100, CAM, INT64_MAX, 1, &bid, &refusal), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT); /* level with the leader, and later */
    assert_int_equal(a.leader, 1);
    auction_deinit(&a);
}

/* ── dutch ── */

static void a_dutch_price_falls_until_taken(void **state)
{
    (void)state;
    const struct auction_terms t = {.form = AUCTION_DUTCH,
                                    .opens_ms = 100,
                                    .closes_ms = 1000,
                                    .units = 1,
                                    .start_minor = 500,
                                    .reserve_minor = 120,
                                    .step_minor = 50,
                                    .step_ms = 10};
    struct room r;
    room_open(&r, &t);
    assert_int_equal(auction_least(&r.a, 100), 500);
    assert_int_equal(auction_least(&r.a, 109), 500);
    assert_int_equal(auction_least(&r.a, 110), 450);
    assert_int_equal(auction_least(&r.a, 900), 120);
    bids(&r, 99, ANN, 500, 1, REFUSED_not_open);
    bids(&r, 109, ANN, 499, 1, REFUSED_below_least);
    bids(&r, 125, SELLER, 499, 1, REFUSED_own_auction);
    bids(&r, 125, ANN, 499, 1, REFUSED_NOT);
    assert_int_equal(r.p.paid, 400); /* the price, not what she would have given */
    bids(&r, 125, BEN, 500, 1, REFUSED_auction_closed);
    room_close(&r);
    room_open(&r, &t);
    closes(&r, 1000, REFUSED_NOT);
    assert_int_equal(r.a.state, AUCTION_UNSOLD);
    room_close(&r);
}

/* ── sealed ── */

static const struct auction_terms sealed = {.form = AUCTION_SEALED_VICKREY,
                                            .opens_ms = 100,
                                            .closes_ms = 500,
                                            .reveal_until_ms = 900,
                                            .units = 1,
                                            .deposit_minor = 30};

static void a_sealed_auction_charges_what_its_form_says(void **state)
{
    (void)state;
    static const struct {
        enum auction_form form;
        int64_t reserve, ann, ben, pays;
    } rows[] = {{AUCTION_SEALED_VICKREY, 0, 70, 90, 70},
                {AUCTION_SEALED_VICKREY, 80, 70, 90, 80},
                {AUCTION_SEALED_VICKREY, 100, 70, 90, 0},
                {AUCTION_SEALED_FIRST, 0, 70, 90, 90},
                {AUCTION_SEALED_FIRST, 0, 90, 90, 90}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct auction_terms t = sealed;
        struct room r;
        t.form = rows[i].form;
        t.reserve_minor = rows[i].reserve;
        room_open(&r, &t);
        commits(&r, 100, ANN, rows[i].ann, REFUSED_NOT);
        commits(&r, 120, BEN, rows[i].ben, REFUSED_NOT);
        commits(&r, 130, CAM, 1000, REFUSED_NOT);
        assert_int_equal(r.p.held[BEN], 30);
        reveals(&r, 500, BEN, rows[i].ben, REFUSED_NOT);
        reveals(&r, 510, ANN, rows[i].ann, REFUSED_NOT);
        closes(&r, 899, REFUSED_auction_running);
        advances(&r, 900);
        assert_int_equal(r.p.paid, rows[i].pays);
        assert_int_equal(r.p.forfeited, 30); /* cam did not reveal */
        if (rows[i].pays)
            assert_int_equal(r.a.bids[r.a.leader].bidder, rows[i].ann < rows[i].ben ? BEN : ANN);
        room_close(&r);
    }
}

static void commitments_bind(void **state)
{
    (void)state;
    struct room r;
    room_open(&r, &sealed);
    commits(&r, 99, ANN, 50, REFUSED_not_open);
    commits(&r, 100, SELLER, 50, REFUSED_own_auction);
    commits(&r, 100, ANN, 50, REFUSED_NOT);
    commits(&r, 101, ANN, 60, REFUSED_slot_taken);
    commits(&r, 101, CAM, 20, REFUSED_NOT);
    reveals(&r, 499, ANN, 50, REFUSED_reveal_not_yet);
    commits(&r, 500, BEN, 50, REFUSED_auction_closed);
    reveals(&r, 500, BEN, 50, REFUSED_not_committed);
    reveals(&r, 500, ANN, 51, REFUSED_commitment_mismatch);
    reveals(&r, 500, ANN, 0, REFUSED_not_positive);
    reveals(&r, 500, ANN, 50, REFUSED_NOT);
    assert_int_equal(r.p.held[ANN], 50); /* the deposit became part of the bid */
    reveals(&r, 501, ANN, 50, REFUSED_revealed_before);
    reveals(&r, 502, CAM, 20, REFUSED_NOT);
    assert_int_equal(r.p.held[CAM], 0); /* does not lead: free */
    reveals(&r, 900, CAM, 20, REFUSED_auction_closed);
    bids(&r, 300, BEN, 50, 1, REFUSED_wrong_auction);
    closes(&r, 900, REFUSED_NOT);
    assert_int_equal(r.p.paid, 20);
    assert_int_equal(r.p.forfeited, 0);
    room_close(&r);
}

/* The bytes as docs/circulation.md has them, hashed with sha256sum. */
static void a_commitment_is_what_the_docs_say(void **state)
{
    (void)state;
    uint8_t bytes[] =
        "\0\0\0\0\0\0\0\4lamp\0\0\0\0\0\0\0\3ann\0\0\0\0\0\0\0\00270\0\0\0\0\0\0\0\x20"
        "0123456789abcdef0123456789abcdef";
    uint8_t salt[AUCTION_SALT];
    memcpy(salt, "0123456789abcdef0123456789abcdef", AUCTION_SALT);
    struct sha256 h = auction_commitment(STR("lamp"), STR("ann"), 70, salt);
    char hex[65];
    assert_true(sha256_eq(h, sha256_of(bytes, sizeof bytes - 1)));
    assert_string_equal(sha256_hex(h, hex),
                        "ddff493e7b462668d28a2625bcceaa93eb60c76b07522c2df06ab284d9817f49");
    /* the lengths keep the parts apart */
    struct sha256 other = auction_commitment(STR("lam"), STR("pann"), 70, salt);
    assert_false(sha256_eq(h, other));
}

/* ── units ── */

static void units_are_held_whole_and_paid_by_the_rule(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        static const int64_t paid[] = {4500, 3500, 5100};
        struct auction_terms t = {.form = k == 2 ? AUCTION_UNITS_PAY_AS_BID : AUCTION_UNITS_UNIFORM,
                                  .price_rule =
                                      k == 1 ? AUCTION_HIGHEST_REJECTED : AUCTION_LOWEST_ACCEPTED,
                                  .opens_ms = 100,
                                  .closes_ms = 500,
                                  .retract_until_ms = 400,
                                  .units = 100};
        struct room r;
        room_open(&r, &t);
        bids(&r, 100, ANN, 45, 60, REFUSED_NOT);
        bids(&r, 110, BEN, 60, 40, REFUSED_NOT);
        bids(&r, 120, CAM, 35, 30, REFUSED_NOT);
        uint32_t dear = bids(&r, 130, CAM, 99, 50, REFUSED_NOT);
        assert_int_equal(r.p.held[CAM], 35 * 30 + 99 * 50);
        bids(&r, 140, CAM, 99, 500, REFUSED_insufficient_funds);
        bids(&r, 140, CAM, INT64_MAX, 2, REFUSED_overflow);
        bids(&r, 140, CAM, 1, 0, REFUSED_not_positive);
        retracts(&r, 150, CAM, dear, REFUSED_NOT);
        retracts(&r, 150, CAM, dear, REFUSED_unknown_bid);
        retracts(&r, 400, CAM, 2, REFUSED_retract_closed);
        closes(&r, 500, REFUSED_NOT);
        assert_int_equal(r.p.paid, paid[k]);
        assert_int_equal(r.a.bids[0].won_units, 60);
        assert_int_equal(r.a.bids[2].won_units, 0);
        room_close(&r);
    }
}

/* ── terms ── */

static void terms_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    enum { ROWS = 24 };
    struct auction_terms t[ROWS];
    enum refusal expected[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        t[i] = i < 14 ? english_terms() : sealed;
        expected[i] = REFUSED_bad_terms;
    }
    t[0].closes_ms = t[0].opens_ms;
    t[1].increments_n = 0;
    t[2].increments[0].from_minor = 1;
    t[3].increments[1].by_minor = 0;
    t[4].increments[2].by_minor = 1;
    t[5].increments[2].from_minor = 10;
    t[6].extend_by_ms = 5;
    t[7].extend_by_ms = t[7].extend_within_ms = 5, t[7].closes_latest_ms = 999;
    t[8].retract_until_ms = 1001;
    t[9].buy_now_minor = 4;
    t[10].reveal_until_ms = 2000;
    t[11].deposit_minor = 1;
    t[12].price_rule = AUCTION_HIGHEST_REJECTED;
    t[13].form = AUCTION_FORMS;
    t[14].reveal_until_ms = 500;
    t[15].retract_until_ms = 400;
    t[16].increments_n = 1;
    t[17].buy_now_minor = 7;
    t[18].start_minor = 1, expected[18] = REFUSED_not_positive;
    t[19].units = 2, expected[19] = REFUSED_not_positive;
    t[20].deposit_minor = -1, expected[20] = REFUSED_not_positive;
    t[21].reserve_minor = -1, expected[21] = REFUSED_not_positive;
    t[22] = (struct auction_terms){.form = AUCTION_DUTCH,
                                   .closes_ms = 9,
                                   .units = 1,
                                   .start_minor = 5,
                                   .reserve_minor = 6,
                                   .step_minor = 1,
                                   .step_ms = 1};
    t[23] = t[22];
    t[23].step_ms = 0, expected[23] = REFUSED_not_positive;
    for (size_t i = 0; i < ROWS; i++) {
        struct auction a;
        enum refusal got = auction_open(&a, &t[i], 0);
        if (got != expected[i])
            fail_msg("row %zu: expected '%s', got '%s'", i, refusal_code(expected[i]),
                     refusal_code(got));
        auction_deinit(&a);
    }
    struct auction a;
    struct auction_terms past = english_terms();
    assert_int_equal(auction_open(&a, &past, 1000), REFUSED_bad_terms);
}

static void a_seller_withdraws_what_nobody_bid_for(void **state)
{
    (void)state;
    struct auction_terms t = english_terms();
    struct room r;
    enum refusal refusal;
    t.retract_until_ms = 500;
    room_open(&r, &t);
    uint32_t bid = bids(&r, 100, ANN, 9, 1, REFUSED_NOT);
    assert_int_equal(auction_withdraw(&r.a, &r.purse, 101, &refusal), HEED_OK);
    assert_int_equal(refusal, REFUSED_has_bids);
    retracts(&r, 102, ANN, bid, REFUSED_NOT);
    assert_int_equal(auction_withdraw(&r.a, &r.purse, 103, &refusal), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT);
    bids(&r, 104, ANN, 9, 1, REFUSED_auction_closed);
    assert_int_equal(auction_withdraw(&r.a, &r.purse, 105, &refusal), HEED_OK);
    assert_int_equal(refusal, REFUSED_auction_closed);
    room_close(&r);
}

/* ── saved, and short of memory ── */

/* i: what has happened so far, of each form. */
static void lively(struct room *r, int i)
{
    struct auction_terms t = english_terms();
    if (i == 0 || i == 1) {
        t.retract_until_ms = i ? 0 : 500;
        t.extend_within_ms = t.extend_by_ms = 50;
        t.closes_latest_ms = 1200;
        room_open(r, &t);
        bids(r, 100, ANN, 50, 1, REFUSED_NOT);
        bids(r, 110, BEN, 60, 1, REFUSED_NOT);
        bids(r, 120, CAM, 70, 1, REFUSED_NOT);
        if (i == 0)
            retracts(r, 130, CAM, 2, REFUSED_NOT);
        else
            bids(r, 990, ANN, 100, 1, REFUSED_NOT);
    } else if (i == 2) {
        room_open(r, &sealed);
        commits(r, 100, ANN, 50, REFUSED_NOT);
        commits(r, 110, BEN, 60, REFUSED_NOT);
        reveals(r, 500, BEN, 60, REFUSED_NOT);
    } else {
        t = (struct auction_terms){.form = AUCTION_UNITS_UNIFORM,
                                   .opens_ms = 100,
                                   .closes_ms = 500,
                                   .units = 5,
                                   .retract_until_ms = 400};
        room_open(r, &t);
        bids(r, 100, ANN, 9, 3, REFUSED_NOT);
        bids(r, 110, BEN, 8, 4, REFUSED_NOT);
        if (i == 4)
            closes(r, 500, REFUSED_NOT);
    }
}
enum { LIVELY = 5 };

static bool nothing_there(const void *loaded)
{
    const struct auction *a = loaded;
    return a->bids == NULL && a->bids_n == 0;
}

static void what_is_saved_loads_or_says_that_it_is_damaged(void **state)
{
    (void)state;
    for (int i = 0; i < LIVELY; i++) {
        struct room r;
        lively(&r, i);
        assert_round_trip(&AUCTION_KIND, &r.a);
        assert_damage_is_found_or_harmless(&AUCTION_KIND, &r.a);
        assert_true(assert_load_says_when_memory_is_out(&AUCTION_KIND, &r.a, nothing_there) > 0);
        room_close(&r);
    }
}

/* Command k of the sweep below. */
static enum heed_status command(struct room *r, int k, enum refusal *refusal)
{
    uint32_t bid;
    struct sha256 h = hash_of(CAM, 70, CAM), a = hash_of(ANN, 50, ANN);
    switch (k) {
    case 0:
        return auction_bid(&r->a, &r->purse, 300, ANN, 300, 3, &bid, refusal);
    case 1:
        return auction_bid(&r->a, &r->purse, 300, 4, 300, 1, &bid, refusal);
    case 2:
        return auction_retract(&r->a, &r->purse, 300, BEN, 1, refusal);
    case 3:
        return auction_commit(&r->a, &r->purse, 300, CAM, &h, &bid, refusal);
    case 4:
        return auction_reveal(&r->a, &r->purse, 600, ANN, 50, &a, refusal);
    case 5:
        return auction_advance(&r->a, &r->purse, 600, refusal);
    default:
        return auction_close(&r->a, &r->purse, 1300, refusal);
    }
}
enum { COMMANDS = 7 };

static void short_of_memory_nothing_changes(void **state)
{
    (void)state;
    for (int i = 0; i < LIVELY; i++)
        for (int k = 0; k < COMMANDS; k++)
            for (long n = 1;; n++) {
                struct room r;
                enum refusal refusal;
                lively(&r, i);
                /* tight, so that a further bid needs memory */
                struct auction_bid *tight = malloc(r.a.bids_n * sizeof *tight);
                assert_non_null(tight);
                memcpy(tight, r.a.bids, r.a.bids_n * sizeof *tight);
                free(r.a.bids);
                r.a.bids = tight;
                r.a.bids_cap = r.a.bids_n;
                struct strbuf before = saved_bytes(&AUCTION_KIND, &r.a);
                struct test_purse was = r.p;
                fault_fail_at(n);
                enum heed_status status = command(&r, k, &refusal);
                fault_off();
                assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
                struct strbuf after = saved_bytes(&AUCTION_KIND, &r.a);
                if (status != HEED_OK || refusal != REFUSED_NOT) {
                    assert_true(saved_equal(&before, &after));
                    assert_memory_equal(&was, &r.p, sizeof was);
                }
                assert_auction_holds(&r.a, &r.p);
                strbuf_deinit(&before);
                strbuf_deinit(&after);
                room_close(&r);
                if (!fault_fired())
                    break;
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_bids_up_to_its_maximum),
        cmocka_unit_test(the_earlier_of_equal_maxima_leads),
        cmocka_unit_test(one_does_not_bid_against_oneself),
        cmocka_unit_test(below_the_reserve_nothing_is_sold),
        cmocka_unit_test(late_bids_put_the_close_off_up_to_a_cap),
        cmocka_unit_test(buying_at_once_ends_it_until_bids_reach_the_reserve),
        cmocka_unit_test(a_bid_is_retracted_once_and_in_time),
        cmocka_unit_test(the_end_of_retractions_needs_no_advance),
        cmocka_unit_test(who_has_not_enough_does_not_bid),
        cmocka_unit_test(amounts_at_their_limit_do_not_wrap),
        cmocka_unit_test(a_dutch_price_falls_until_taken),
        cmocka_unit_test(a_sealed_auction_charges_what_its_form_says),
        cmocka_unit_test(commitments_bind),
        cmocka_unit_test(a_commitment_is_what_the_docs_say),
        cmocka_unit_test(units_are_held_whole_and_paid_by_the_rule),
        cmocka_unit_test(terms_that_do_not_go_together_are_refused),
        cmocka_unit_test(a_seller_withdraws_what_nobody_bid_for),
        cmocka_unit_test_teardown(what_is_saved_loads_or_says_that_it_is_damaged, memory_returns),
        cmocka_unit_test_teardown(short_of_memory_nothing_changes, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
