/* The shop: money, stock and purchases move together or not at all. */
#include "circulation/shop.h"

#include "support_books.h"
#include "support_market.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ── buying ── */

static void a_sale_pays_the_fee_the_seller_and_takes_stock(void **state)
{
    (void)state;
    struct market m;
    market_open(&m);
    uint32_t number = market_must_buy(&m, 0, ANN, GOOD(SWORD), 3); /* 300: fee 2.5% is 7.5, so 7 */
    const struct purchase *p = &m.shop.purchases[number];
    assert_int_equal(p->price_minor, 300);
    assert_int_equal(p->fee_minor, 7);
    assert_int_equal(market_held(&m, ANN), 700);
    assert_int_equal(market_held(&m, BEN), 5 + 293);
    assert_int_equal(market_held(&m, HOLDER_RETIRE), 7);
    assert_int_equal(m.catalogue.goods[SWORD].stock, 7);
    assert_int_equal(m.catalogue.goods[SWORD].sales, 10);
    const struct transfer *t = &m.ledger.transfers[m.ledger.transfers_n - 3];
    assert_int_equal(t[0].code, CODE_SALE);
    assert_int_equal(t[1].code, CODE_FEE);
    assert_int_equal(t[0].reference, number);
    assert_int_equal(t[1].reference, number);
    assert_int_equal(t[0].time_ms, 5000);
    assert_books(&m.ledger);
    market_deinit(&m);
}

static void a_good_of_nobody_pays_the_shop_and_no_limit_stays_none(void **state)
{
    (void)state;
    struct market m;
    market_open(&m);
    market_must_buy(&m, 0, ANN, GOOD(ROCK), 4); /* 120, fee 3 */
    assert_int_equal(market_held(&m, HOLDER_SHOP), 117);
    assert_int_equal(m.catalogue.goods[ROCK].stock, -1);
    assert_int_equal(m.catalogue.goods[ROCK].sales, 4);
    market_must_buy(&m, 0, ANN, TOUR, 1);
    assert_int_equal(m.catalogue.services[0].sales, 1);
    assert_int_equal(market_held(&m, BEN), 5 + 44);
    market_deinit(&m);
}

static void each_refusal_to_sell_is_the_first_that_applies(void **state)
{
    (void)state;
    const struct {
        const char *what;
        uint64_t id;
        uint32_t buyer, target;
        int64_t units;
        enum refusal refusal;
    } rows[] = {
        {"a good that is not there", 0, ANN, GOOD(9), 1, REFUSED_unknown_target},
        {"a user", 0, ANN, target_make(TARGET_USER, BEN), 1, REFUSED_unknown_target},
        {"unknown before a known id", 1, ANN, GOOD(9), 1, REFUSED_unknown_target},
        {"a known id, other units", 1, ANN, GOOD(SWORD), 2, REFUSED_id_reused},
        {"a known id, other good", 1, ANN, GOOD(ROCK), 1, REFUSED_id_reused},
        {"a known id, other buyer", 1, CAM, GOOD(SWORD), 1, REFUSED_id_reused},
        {"a transfer's id", 2, ANN, GOOD(SWORD), 1, REFUSED_id_reused},
        {"a known id before no units", 1, ANN, GOOD(SWORD), 0, REFUSED_id_reused},
        {"a known id before own good", 1, BEN, GOOD(SWORD), 1, REFUSED_id_reused},
        {"no units", 0, ANN, GOOD(SWORD), 0, REFUSED_not_positive},
        {"fewer than none", 0, ANN, GOOD(SWORD), INT64_MIN, REFUSED_not_positive},
        {"no units before own good", 0, BEN, GOOD(SWORD), 0, REFUSED_not_positive},
        {"no units before not offered", 0, ANN, GOOD(RELIC), 0, REFUSED_not_positive},
        {"his own good", 0, BEN, GOOD(SWORD), 1, REFUSED_same_account},
        {"his own free good", 0, BEN, GOOD(GIFT), 1, REFUSED_same_account},
        {"his own good before not offered", 0, BEN, GOOD(RELIC), 1, REFUSED_same_account},
        {"his own good before no stock", 0, BEN, GOOD(SWORD), 99, REFUSED_same_account},
        {"not offered", 0, ANN, GOOD(RELIC), 1, REFUSED_not_listed},
        {"not offered before poor", 0, CAM, GOOD(RELIC), 1, REFUSED_not_listed},
        {"more than in stock", 0, ANN, GOOD(SWORD), 10, REFUSED_out_of_stock},
        {"no stock before poor", 0, CAM, GOOD(SWORD), 10, REFUSED_out_of_stock},
        {"more free ones than there are", 0, ANN, GOOD(GIFT), 3, REFUSED_out_of_stock},
        {"poor", 0, CAM, GOOD(SWORD), 1, REFUSED_insufficient_funds},
        {"one unit too many", 0, ANN, GOOD(ROCK), 31, REFUSED_insufficient_funds},
        {"a price beyond counting", 0, ANN, GOOD(CASTLE), 2, REFUSED_insufficient_funds},
        {"more units than can be priced", 0, ANN, GOOD(ROCK), INT64_MAX,
         REFUSED_insufficient_funds},
    };
    struct market m;
    market_open(&m);
    market_must_buy(&m, 1, ANN, GOOD(SWORD), 1);
    enum refusal refusal;
    struct posting leg = {
        .from = HOLDER_ISSUE, .to = ANN, .amount_minor = 20, .code = CODE_SALE, .reference = 55};
    assert_int_equal(ledger_post(&m.ledger, 0, 0, 2, &leg, 1, &refusal, NULL, NULL), HEED_OK);
    struct strbuf before = saved_bytes(&MARKET_KIND, &m);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t number = 0;
        bool repeated = true;
        refusal = market_buy(&m, rows[i].id, rows[i].buyer, rows[i].target, rows[i].units, &number,
                             &repeated);
        assert_refused(&m, &before, rows[i].what, rows[i].refusal, refusal);
        assert_int_equal(number, LEDGER_NONE);
        assert_false(repeated);
    }
    strbuf_deinit(&before);
    market_deinit(&m);
}

static void what_cannot_be_counted_is_not_sold(void **state)
{
    (void)state;
    struct market m;
    market_open(&m);
    m.catalogue.goods[GIFT].stock = -1;
    m.catalogue.goods[GIFT].sales = INT64_MAX;
    market_pay_in(&m, BEN, INT64_MAX - 1005); /* issue is at its end */
    struct strbuf before = saved_bytes(&MARKET_KIND, &m);
    uint32_t number;
    bool repeated;
    enum refusal refusal = market_buy(&m, 0, ANN, GOOD(GIFT), 1, &number, &repeated);
    assert_refused(&m, &before, "more sales than can be counted", REFUSED_overflow, refusal);
    market_must_buy(&m, 0, ANN, GOOD(SWORD), 10); /* ben has received all but the buyer's money */
    strbuf_deinit(&before);
    before = saved_bytes(&MARKET_KIND, &m);
    refusal = market_refund(&m, 5000, 0); /* the fee cannot be issued again */
    assert_refused(&m, &before, "an overflowing refund", REFUSED_overflow, refusal);
    strbuf_deinit(&before);
    market_deinit(&m);
}

static void the_same_id_buys_once_whatever_happened_since(void **state)
{
    (void)state;
    struct market m;
    market_open(&m);
    uint32_t sword = market_must_buy(&m, 1, ANN, GOOD(SWORD), 2);
    uint32_t gift = market_must_buy(&m, 2, ANN, GOOD(GIFT), 1);
    assert_int_equal(market_list(&m, GOOD(SWORD), 999, 0, false), REFUSED_NOT);
    assert_int_equal(market_refund(&m, 5000, gift), REFUSED_NOT);
    struct strbuf before = saved_bytes(&MARKET_KIND, &m);
    uint32_t number;
    bool repeated;
    enum refusal refusal = market_buy(&m, 1, ANN, GOOD(SWORD), 2, &number, &repeated);
    assert_refused(&m, &before, "a repeated purchase", REFUSED_NOT, refusal);
    assert_true(repeated);
    assert_int_equal(number, sword);
    refusal = market_buy(&m, 2, ANN, GOOD(GIFT), 1, &number, &repeated);
    assert_refused(&m, &before, "a repeated free purchase", REFUSED_NOT, refusal);
    assert_true(repeated);
    assert_int_equal(number, gift);
    strbuf_deinit(&before);
    market_deinit(&m);
}

static void a_fee_of_everything_leaves_the_seller_nothing(void **state)
{
    (void)state;
    struct market m;
    market_open(&m);
    const struct shop_rules all = {.fee_ppm = 1000000, .refund_ms = 10};
    struct shop_desk d = market_desk(&m, 0);
    struct shop_ask ask = market_ask(4, ANN, GOOD(SWORD), 1);
    struct shop_answer answer;
    d.rules = &all;
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(shop_buy(&d, &ask, &answer), HEED_OK);
        assert_int_equal(answer.refusal, REFUSED_NOT);
        assert_int_equal(answer.repeated, turn);
    }
    assert_int_equal(market_held(&m, BEN), 5);
    assert_int_equal(market_held(&m, HOLDER_RETIRE), 100);
    assert_int_equal(market_refund(&m, 0, answer.number), REFUSED_NOT);
    assert_int_equal(market_held(&m, ANN), 1000);
    market_deinit(&m);
}

/* ── listing ── */

static void listing_changes_what_is_named_and_no_more(void **state)
{
    (void)state;
    const struct {
        const char *what;
        uint32_t target;
        int64_t price, stock;
        bool listed;
        enum refusal refusal;
        int64_t price_after, stock_after;
    } rows[] = {
        {"a new price", GOOD(SWORD), 7, -2, true, REFUSED_NOT, 7, 10},
        {"a new stock", GOOD(SWORD), -1, 0, true, REFUSED_NOT, 100, 0},
        {"no limit", GOOD(SWORD), -1, -1, true, REFUSED_NOT, 100, -1},
        {"withdrawn", GOOD(SWORD), -1, -2, false, REFUSED_NOT, 100, 10},
        {"for free", TOUR, 0, 3, true, REFUSED_NOT, 0, 3},
        {"offered at last", GOOD(RELIC), 9, 1, true, REFUSED_NOT, 9, 1},
        {"without a price", GOOD(RELIC), -1, 5, true, REFUSED_not_listed, -1, -1},
        {"withdrawn without a price", GOOD(RELIC), -1, -2, false, REFUSED_NOT, -1, -1},
        {"the smallest price", GOOD(SWORD), INT64_MIN, INT64_MIN, true, REFUSED_NOT, 100, 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct market m;
        market_open(&m);
        enum refusal refusal =
            market_list(&m, rows[i].target, rows[i].price, rows[i].stock, rows[i].listed);
        const struct good *g = catalogue_good(&m.catalogue, rows[i].target);
        if (refusal != rows[i].refusal || g->price_minor != rows[i].price_after ||
            g->stock != rows[i].stock_after ||
            (refusal == REFUSED_NOT && g->listed != rows[i].listed)) {
            print_error("%s: got %s, price %lld, stock %lld\n", rows[i].what, refusal_code(refusal),
                        (long long)g->price_minor, (long long)g->stock);
            fail();
        }
        market_deinit(&m);
    }
    struct market m;
    market_open(&m);
    assert_int_equal(market_list(&m, target_make(TARGET_CONTENT, 0), 1, 1, true),
                     REFUSED_unknown_target);
    market_deinit(&m);
}

/* ── refunding ── */

static void a_refund_puts_everything_back(void **state)
{
    (void)state;
    struct market m;
    market_open(&m);
    uint32_t number = market_must_buy(&m, 0, ANN, GOOD(SWORD), 3);
    assert_int_equal(market_list(&m, GOOD(SWORD), 1, -2, true), REFUSED_NOT);
    assert_int_equal(market_refund(&m, 6000, number), REFUSED_NOT); /* the last millisecond */
    assert_int_equal(market_held(&m, ANN), 1000);
    assert_int_equal(market_held(&m, BEN), 5);
    assert_int_equal(m.catalogue.goods[SWORD].stock, 10);
    assert_int_equal(m.catalogue.goods[SWORD].sales, 7);
    assert_true(purchase_refunded(&m.shop.purchases[number]));
    struct ledger_totals t = ledger_totals(&m.ledger, 0);
    assert_int_equal(t.issued_minor, 1005 + 7); /* the fee was issued again */
    assert_int_equal(t.retired_minor, 7);
    assert_int_equal(t.supply_minor, 1005);
    assert_books(&m.ledger);
    market_deinit(&m);
}

static void each_refusal_to_refund_is_the_first_that_applies(void **state)
{
    (void)state;
    struct market m;
    market_open(&m);
    uint32_t back = market_must_buy(&m, 0, ANN, GOOD(SWORD), 1);
    uint32_t spent = market_must_buy(&m, 0, ANN, GOOD(SWORD), 2);
    market_must_buy(&m, 0, ANN, GOOD(ROCK), 1);
    assert_int_equal(market_refund(&m, 5000, back), REFUSED_NOT);
    market_must_buy(&m, 0, BEN, GOOD(ROCK), 6); /* ben spends 180 of his 200 */
    assert_int_equal(market_list(&m, GOOD(ROCK), -1, INT64_MAX, true), REFUSED_overflow);
    struct strbuf before = saved_bytes(&MARKET_KIND, &m);
    const struct {
        const char *what;
        int64_t time_ms;
        uint32_t number;
        enum refusal refusal;
    } rows[] = {
        {"no such purchase", 5000, 4, REFUSED_unknown_purchase},
        {"no number at all", 5000, LEDGER_NONE, REFUSED_unknown_purchase},
        {"a second time", 5000, back, REFUSED_already_refunded},
        {"a second time before too late", 9000, back, REFUSED_already_refunded},
        {"too late by a millisecond", 6001, spent, REFUSED_refund_closed},
        {"too late by an age", INT64_MAX, spent, REFUSED_refund_closed},
        {"the seller has spent it", 6000, spent, REFUSED_insufficient_funds},
        {"at a time before it was bought", 0, spent, REFUSED_insufficient_funds},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum refusal refusal = market_refund(&m, rows[i].time_ms, rows[i].number);
        assert_refused(&m, &before, rows[i].what, rows[i].refusal, refusal);
    }
    strbuf_deinit(&before);
    market_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sale_pays_the_fee_the_seller_and_takes_stock),
        cmocka_unit_test(a_good_of_nobody_pays_the_shop_and_no_limit_stays_none),
        cmocka_unit_test(each_refusal_to_sell_is_the_first_that_applies),
        cmocka_unit_test(what_cannot_be_counted_is_not_sold),
        cmocka_unit_test(the_same_id_buys_once_whatever_happened_since),
        cmocka_unit_test(a_fee_of_everything_leaves_the_seller_nothing),
        cmocka_unit_test(listing_changes_what_is_named_and_no_more),
        cmocka_unit_test(a_refund_puts_everything_back),
        cmocka_unit_test(each_refusal_to_refund_is_the_first_that_applies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
