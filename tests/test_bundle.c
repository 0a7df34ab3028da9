/* Bundles: all parts or none, the price to the last minor unit, and back exactly once. */
#include "base/prng.h"
#include "circulation/shop_parts.h"

#include "support_books.h"
#include "support_market.h"
#include "support_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define KIT GOOD(RELIC)

static enum refusal part(struct market *m, uint32_t target, uint32_t of, int64_t units)
{
    struct shop_desk d = market_desk(m, 5000);
    enum refusal refusal;
    assert_int_equal(shop_bundle(&d, target, of, units, &refusal), HEED_OK);
    return refusal;
}

/* A kit of two swords (100 each) and three tours (45 each), for 200. */
static void open_kit(struct market *m)
{
    market_open(m);
    assert_int_equal(part(m, KIT, GOOD(SWORD), 2), REFUSED_NOT);
    assert_int_equal(part(m, KIT, TOUR, 3), REFUSED_NOT);
    assert_int_equal(market_list(m, KIT, 200, -2, true), REFUSED_NOT);
}

static uint32_t must_buy(struct market *m, uint64_t id, int64_t kits)
{
    uint32_t number;
    bool repeated;
    assert_int_equal(market_buy(m, id, ANN, KIT, kits, &number, &repeated), REFUSED_NOT);
    assert_false(repeated);
    return number;
}

static int64_t pieces(const struct market *m, uint32_t holder, uint32_t target)
{
    return ledger_balance(&m->ledger, ledger_find(&m->ledger, holder, item_unit(target)));
}

/* ── the price shared out ── */

static void what_is_left_goes_to_the_largest_remainders(void **state)
{
    (void)state;
    const struct {
        int64_t whole, weights[3], shares[3];
    } rows[] = {
        {100, {1, 1, 1}, {34, 33, 33}},
        {200, {200, 135, 0}, {119, 81, 0}}, /* 119.4, 80.6 */
        {1, {5, 6, 5}, {0, 1, 0}},
        {10, {0, 0, 0}, {4, 3, 3}},
        {0, {1, 2, 3}, {0, 0, 0}},
        /* 7 seats of 47,000, 16,000 and 37,000 votes (Hamilton's method): 3.29, 1.12, 2.59 */
        {7, {47000, 16000, 37000}, {3, 1, 3}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t shares[3];
        assert_true(bundle_shares(rows[i].whole, rows[i].weights, 3, shares));
        for (int k = 0; k < 3; k++)
            assert_int_equal(shares[k], rows[i].shares[k]);
    }
    int64_t shares[2];
    assert_false(bundle_shares(1, (int64_t[]){INT64_MAX, 1}, 2, shares));
}

/* Each share lies within one of its quota, all of them add up, and more weight gets at most a
 * remainder less. */
static void shares_add_up_and_keep_to_their_quotas(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 17);
    for (int turn = 0; turn < 20000; turn++) {
        int64_t weights[8], shares[8], sum = 0, total = 0;
        size_t n = 1 + prng_below(&r, 8);
        int64_t whole = (int64_t)(prng_u64(&r) >> (1 + prng_below(&r, 63)));
        for (size_t i = 0; i < n; i++)
            sum += weights[i] = (int64_t)prng_below(&r, turn % 2 ? 5 : 1000000007);
        assert_true(bundle_shares(whole, weights, n, shares));
        for (size_t i = 0; i < n; i++)
            total += shares[i];
        assert_int_equal(total, whole);
        for (size_t i = 0; i < n && sum > 0; i++) {
            int64_t down, up;
            assert_true(muldiv_i64(whole, weights[i], sum, ROUND_DOWN, &down));
            assert_true(muldiv_i64(whole, weights[i], sum, ROUND_UP, &up));
            assert_true(shares[i] == down || shares[i] == up);
            for (size_t k = 0; k < n; k++)
                if (weights[k] > weights[i])
                    assert_true(shares[k] + 1 >= shares[i]);
        }
    }
}

/* ── buying and giving back ── */

static void a_bundle_is_bought_as_its_parts_and_goes_back_whole(void **state)
{
    (void)state;
    struct market m;
    bool repeated;
    open_kit(&m);
    uint32_t first = must_buy(&m, 7, 1), number;
    /* 200 is 119 for two swords, 60 and 59, and 81 for three tours, 27 each; fees 1, 1, 2 */
    const struct purchase *p = &m.shop.purchases[first];
    assert_int_equal(shop_bundle_end(&m.shop, first), first + 3);
    assert_int_equal(p[0].price_minor, 60);
    assert_int_equal(p[1].price_minor, 59);
    assert_int_equal(p[2].price_minor, 81);
    assert_int_equal(p[0].target, GOOD(SWORD));
    assert_int_equal(p[1].units, 1);
    assert_int_equal(p[2].units, 3);
    assert_int_equal(market_held(&m, ANN), 800);
    assert_int_equal(market_held(&m, BEN) + market_held(&m, HOLDER_RETIRE), 205);
    assert_int_equal(pieces(&m, ANN, GOOD(SWORD)), 2);
    assert_int_equal(pieces(&m, ANN, TOUR), 3);
    assert_int_equal(ledger_find(&m.ledger, ANN, item_unit(KIT)), LEDGER_NONE);
    assert_int_equal(m.catalogue.goods[SWORD].stock, 8);
    assert_int_equal(m.catalogue.goods[RELIC].sales, 1);
    assert_round_trip(&MARKET_KIND, &m);
    struct strbuf before = saved_bytes(&MARKET_KIND, &m);
    assert_refused(&m, &before, "again", REFUSED_NOT,
                   market_buy(&m, 7, ANN, KIT, 1, &number, &repeated));
    assert_true(repeated && number == first);
    assert_refused(&m, &before, "as another", REFUSED_id_reused,
                   market_buy(&m, 7, ANN, KIT, 2, &number, &repeated));
    struct shop_desk d = market_desk(&m, 5500);
    enum refusal refusal;
    int64_t back;
    assert_int_equal(shop_refund(&d, first + 1, 1, 0, 0, &refusal, &back, &repeated), HEED_OK);
    assert_refused(&m, &before, "in part", REFUSED_bundle_whole, refusal);
    strbuf_deinit(&before);
    /* any of its purchases leads to all */
    assert_int_equal(shop_refund(&d, first + 2, 0, 0, 9, &refusal, &back, &repeated), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT);
    assert_int_equal(back, 200);
    assert_int_equal(market_held(&m, ANN), 1000);
    assert_int_equal(market_held(&m, BEN), 5);
    assert_int_equal(pieces(&m, ANN, GOOD(SWORD)), 0);
    assert_int_equal(m.catalogue.goods[SWORD].stock, 10);
    assert_int_equal(m.catalogue.goods[SWORD].sales, 7);
    assert_int_equal(m.catalogue.goods[RELIC].sales, 0);
    before = saved_bytes(&MARKET_KIND, &m);
    for (uint32_t i = first; i < first + 3; i++)
        assert_refused(&m, &before, "twice", REFUSED_already_refunded, market_refund(&m, 5600, i));
    assert_int_equal(shop_refund(&d, first, 0, 0, 9, &refusal, &back, &repeated), HEED_OK);
    assert_refused(&m, &before, "the same refund", REFUSED_NOT, refusal);
    assert_true(repeated);
    strbuf_deinit(&before);
    assert_round_trip(&MARKET_KIND, &m);
    assert_books(&m.ledger);
    market_deinit(&m);
}

static void without_a_part_there_is_no_bundle(void **state)
{
    (void)state;
    struct market m;
    bool repeated;
    uint32_t number;
    open_kit(&m);
    const struct {
        const char *what;
        uint32_t buyer;
        int64_t units;
        enum refusal refusal;
    } rows[] = {
        {"none", ANN, 0, REFUSED_not_positive},
        {"his own", BEN, 1, REFUSED_same_account},
        {"no units before his own", BEN, -1, REFUSED_not_positive},
        {"his own before too many", BEN, 99, REFUSED_same_account},
        {"more swords than there are", ANN, 6, REFUSED_out_of_stock},
        {"more than can be counted", ANN, INT64_MAX, REFUSED_out_of_stock},
        {"no stock before poor", CAM, 6, REFUSED_out_of_stock},
        {"poor", CAM, 1, REFUSED_insufficient_funds},
    };
    struct strbuf before = saved_bytes(&MARKET_KIND, &m);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(&m, &before, rows[i].what, rows[i].refusal,
                       market_buy(&m, 0, rows[i].buyer, KIT, rows[i].units, &number, &repeated));
    strbuf_deinit(&before);
    market_must_buy(&m, 0, ANN, GOOD(SWORD), 9); /* one is left, a kit has two */
    before = saved_bytes(&MARKET_KIND, &m);
    assert_refused(&m, &before, "the last sword is not enough", REFUSED_out_of_stock,
                   market_buy(&m, 0, ANN, KIT, 1, &number, &repeated));
    strbuf_deinit(&before);
    assert_int_equal(market_list(&m, TOUR, -1, -2, false), REFUSED_NOT);
    before = saved_bytes(&MARKET_KIND, &m);
    assert_refused(&m, &before, "a part withdrawn", REFUSED_not_listed,
                   market_buy(&m, 0, ANN, KIT, 1, &number, &repeated));
    strbuf_deinit(&before);
    market_deinit(&m);
}

static void a_bundle_whose_piece_is_gone_stays_sold(void **state)
{
    (void)state;
    struct market m;
    open_kit(&m);
    uint32_t first = must_buy(&m, 0, 1);
    struct posting leg = {.from = ANN,
                          .to = CAM,
                          .amount_minor = 1,
                          .unit = item_unit(GOOD(SWORD)),
                          .code = CODE_TRANSFER,
                          .reference = LEDGER_NONE};
    enum refusal refusal;
    assert_int_equal(ledger_post(&m.ledger, 5000, 0, 0, &leg, 1, &refusal, NULL, NULL), HEED_OK);
    struct strbuf before = saved_bytes(&MARKET_KIND, &m);
    assert_refused(&m, &before, "one of two swords is gone", REFUSED_item_gone,
                   market_refund(&m, 5000, first + 2));
    strbuf_deinit(&before);
    market_deinit(&m);
}

static void what_is_no_part_is_refused(void **state)
{
    (void)state;
    struct market m;
    open_kit(&m);
    const struct {
        const char *what;
        uint32_t target, part;
        int64_t units;
        enum refusal refusal;
    } rows[] = {
        {"nothing", KIT, GOOD(9), 1, REFUSED_unknown_target},
        {"of nothing", GOOD(9), TOUR, 1, REFUSED_unknown_target},
        {"unknown before less than none", GOOD(9), TOUR, -1, REFUSED_unknown_target},
        {"less than none", KIT, TOUR, -1, REFUSED_not_positive},
        {"less than none before no part", KIT, KIT, -1, REFUSED_not_positive},
        {"itself", KIT, KIT, 1, REFUSED_not_a_part},
        {"another seller's", KIT, GOOD(ROCK), 1, REFUSED_not_a_part},
        {"a bundle", GOOD(CASTLE), KIT, 1, REFUSED_not_a_part},
        {"of a part", TOUR, GOOD(GIFT), 1, REFUSED_not_a_part},
        {"of what has a stock", GOOD(GIFT), GOOD(CASTLE), 1, REFUSED_not_a_part},
        {"none of what is not in it", KIT, GOOD(GIFT), 0, REFUSED_not_a_part},
    };
    struct strbuf before = saved_bytes(&MARKET_KIND, &m);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(&m, &before, rows[i].what, rows[i].refusal,
                       part(&m, rows[i].target, rows[i].part, rows[i].units));
    assert_refused(&m, &before, "a stock of its own", REFUSED_bundle_counted,
                   market_list(&m, KIT, -1, 5, true));
    strbuf_deinit(&before);
    assert_int_equal(part(&m, KIT, TOUR, 0), REFUSED_NOT);
    assert_int_equal(shop_bundle_of(&m.shop, KIT)->parts_n, 1);
    assert_int_equal(part(&m, KIT, GOOD(SWORD), 0), REFUSED_NOT);
    assert_null(shop_bundle_of(&m.shop, KIT));
    assert_round_trip(&MARKET_KIND, &m);
    market_must_buy(&m, 0, ANN, KIT, 1); /* a good like any other again */
    assert_int_equal(pieces(&m, ANN, KIT), 1);
    market_deinit(&m);
}

static void rules_see_all_parts_together(void **state)
{
    (void)state;
    struct market m;
    static struct market_rules rules;
    open_kit(&m);
    rules_of_text("  limits: [{name: four, on: shop, units: 4, window: 1 d}]", &rules);
    rules.currency = 0;
    struct shop_desk d = market_desk(&m, 5000);
    struct shop_ask ask = market_ask(0, ANN, KIT, 1);
    struct shop_answer answer;
    d.market = &rules;
    struct strbuf before = saved_bytes(&MARKET_KIND, &m);
    assert_int_equal(shop_buy(&d, &ask, &answer), HEED_OK); /* five pieces */
    assert_refused(&m, &before, "a fifth piece", REFUSED_trade_limit, answer.refusal);
    assert_string_equal(answer.rule, "four");
    strbuf_deinit(&before);
    assert_int_equal(part(&m, KIT, TOUR, 2), REFUSED_NOT);
    assert_int_equal(shop_buy(&d, &ask, &answer), HEED_OK);
    assert_int_equal(answer.refusal, REFUSED_NOT);
    ask.target = TOUR;
    assert_int_equal(shop_buy(&d, &ask, &answer), HEED_OK);
    assert_int_equal(answer.refusal, REFUSED_trade_limit);
    market_deinit(&m);
}

static void a_coupon_is_used_once_by_a_bundle(void **state)
{
    (void)state;
    struct market m;
    open_kit(&m);
    struct shop_desk d = market_desk(&m, 5000);
    const struct coupon half = {
        .key = 77, .target = KIT, .off_ppm = 500000, .until_ms = INT64_MAX, .uses = 1};
    struct shop_ask ask = market_ask(0, ANN, KIT, 1);
    struct shop_answer answer;
    enum refusal refusal;
    uint32_t number;
    assert_int_equal(shop_coupon(&m.shop, &m.catalogue, &half, &refusal, &number), HEED_OK);
    ask.coupon = 77;
    ask.recipient = CAM;
    assert_int_equal(shop_buy(&d, &ask, &answer), HEED_OK);
    assert_int_equal(answer.refusal, REFUSED_NOT);
    assert_int_equal(market_held(&m, ANN), 900);
    assert_int_equal(pieces(&m, CAM, TOUR), 3);
    assert_int_equal(m.shop.coupons[number].uses, 0);
    assert_round_trip(&MARKET_KIND, &m);
    assert_int_equal(shop_buy(&d, &ask, &answer), HEED_OK);
    assert_int_equal(answer.refusal, REFUSED_coupon_over);
    market_deinit(&m);
}

/* ── escrow, chance and damage ── */

static void escrow_goes_back_or_out_part_by_part(void **state)
{
    (void)state;
    struct market m;
    open_kit(&m);
    const struct shop_rules waits = {.fee_ppm = 25000, .refund_ms = 1000, .escrow_ms = 100};
    struct shop_desk d = market_desk(&m, 5000);
    struct shop_ask ask = market_ask(0, ANN, KIT, 1);
    struct shop_answer answer;
    enum refusal refusal;
    int64_t back;
    bool repeated;
    d.rules = &waits;
    assert_int_equal(shop_buy(&d, &ask, &answer), HEED_OK);
    assert_int_equal(answer.refusal, REFUSED_NOT);
    assert_int_equal(market_held(&m, BEN), 5);
    assert_int_equal(m.shop.escrows_n, 3);
    assert_int_equal(shop_deliver(&d, answer.number + 2, &refusal), HEED_OK);
    assert_int_equal(market_held(&m, BEN), 5 + 79);
    assert_int_equal(shop_refund(&d, answer.number, 0, 0, 0, &refusal, &back, &repeated), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT);
    assert_int_equal(back, 200);
    assert_int_equal(market_held(&m, ANN), 1000);
    assert_int_equal(market_held(&m, BEN), 5);
    assert_int_equal(m.shop.escrows_n, 0);
    market_deinit(&m);
}

static void chance_conserves_money_and_pieces(void **state)
{
    (void)state;
    struct market m;
    struct prng r;
    prng_seed(&r, 23);
    open_kit(&m);
    market_pay_in(&m, ANN, 100000);
    assert_int_equal(market_list(&m, GOOD(SWORD), 100, 1000, true), REFUSED_NOT);
    for (int turn = 0; turn < 3000; turn++) {
        uint32_t number;
        bool repeated;
        int64_t before = market_held(&m, ANN), swords = pieces(&m, ANN, GOOD(SWORD));
        switch (prng_below(&r, 4)) {
        case 0:
            market_list(&m, KIT, (int64_t)prng_below(&r, 500), -2, true);
            part(&m, KIT, prng_below(&r, 2) ? TOUR : GOOD(SWORD), 1 + (int64_t)prng_below(&r, 5));
            break;
        case 1:
            if (m.shop.purchases_n > 0)
                market_refund(&m, 5000, (uint32_t)prng_below(&r, m.shop.purchases_n));
            break;
        default: {
            int64_t units = 1 + (int64_t)prng_below(&r, 3);
            int64_t price = m.catalogue.goods[RELIC].price_minor * units;
            int64_t in = shop_bundle_of(&m.shop, KIT)->parts[0].units;
            if (market_buy(&m, 0, ANN, KIT, units, &number, &repeated) == REFUSED_NOT) {
                assert_int_equal(market_held(&m, ANN), before - price);
                assert_int_equal(pieces(&m, ANN, GOOD(SWORD)), swords + in * units);
            } else {
                assert_int_equal(market_held(&m, ANN), before);
                assert_int_equal(pieces(&m, ANN, GOOD(SWORD)), swords);
            }
        }
        }
        assert_books(&m.ledger);
        assert_int_equal(m.catalogue.goods[SWORD].stock + pieces(&m, ANN, GOOD(SWORD)), 1000);
    }
    for (uint32_t i = 0; i < m.shop.purchases_n; i++)
        if (!purchase_refunded(&m.shop.purchases[i]))
            assert_int_equal(market_refund(&m, 5000, i), REFUSED_NOT);
    assert_int_equal(market_held(&m, ANN), 101000);
    assert_int_equal(market_held(&m, BEN), 5);
    market_deinit(&m);
}

static void a_damaged_save_is_found_or_harmless(void **state)
{
    (void)state;
    struct market m;
    open_kit(&m);
    must_buy(&m, 1, 1);
    must_buy(&m, 2, 2);
    assert_int_equal(market_refund(&m, 5000, 1), REFUSED_NOT);
    assert_damage_is_found_or_harmless(&MARKET_KIND, &m);
    market_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_goes_to_the_largest_remainders),
        cmocka_unit_test(shares_add_up_and_keep_to_their_quotas),
        cmocka_unit_test(a_bundle_is_bought_as_its_parts_and_goes_back_whole),
        cmocka_unit_test(without_a_part_there_is_no_bundle),
        cmocka_unit_test(a_bundle_whose_piece_is_gone_stays_sold),
        cmocka_unit_test(what_is_no_part_is_refused),
        cmocka_unit_test(rules_see_all_parts_together),
        cmocka_unit_test(a_coupon_is_used_once_by_a_bundle),
        cmocka_unit_test(escrow_goes_back_or_out_part_by_part),
        cmocka_unit_test(chance_conserves_money_and_pieces),
        cmocka_unit_test(a_damaged_save_is_found_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
