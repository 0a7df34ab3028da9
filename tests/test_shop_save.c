/* A market saved, damaged, loaded, and short of memory. */
#include "circulation/shop.h"

#include "support_books.h"
#include "support_fault.h"
#include "support_market.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ── saved ── */

static void fill_small(struct market *m)
{
    market_open(m);
    market_must_buy(m, 1, ANN, GOOD(SWORD), 2);
    market_must_buy(m, 0, ANN, GOOD(ROCK), 3);
    market_must_buy(m, 3, ANN, TOUR, 1);
    market_must_buy(m, 4, ANN, GOOD(GIFT), 1);
    assert_int_equal(market_refund(m, 5001, 1), REFUSED_NOT);
}

static void a_damaged_save_is_found_or_harmless(void **state)
{
    (void)state;
    struct market m;
    fill_small(&m);
    assert_round_trip(&MARKET_KIND, &m);
    assert_damage_is_found_or_harmless(&MARKET_KIND, &m);
    market_deinit(&m);
}

/* Each row spoils one field. */
static void no_units(struct market *m)
{
    m->shop.purchases[0].units = 0;
}
static void fee_above_price(struct market *m)
{
    m->shop.purchases[0].fee_minor = 201;
}
static void negative_price(struct market *m)
{
    m->shop.purchases[0].price_minor = -1;
}
static void sold_to_himself(struct market *m)
{
    m->shop.purchases[0].buyer = BEN;
}
static void far_buyer(struct market *m)
{
    m->shop.purchases[0].buyer = PARTIES;
}
static void far_seller(struct market *m)
{
    m->shop.purchases[0].seller_holder = PARTIES;
}
static void far_good(struct market *m)
{
    m->shop.purchases[0].target = GOOD(5);
}
static void far_service(struct market *m)
{
    m->shop.purchases[2].target = TOUR + 1;
}
static void far_currency(struct market *m)
{
    m->shop.purchases[0].currency = 2;
}
static void far_account(struct market *m)
{
    m->ledger.accounts[1].holder = PARTIES;
}
static void far_price(struct market *m)
{
    m->catalogue.goods[0].currency = 2;
}
static void half_refunded(struct market *m)
{
    m->shop.purchases[0].refunded_units = m->shop.purchases[0].units + 1;
}

static void what_no_trade_could_make_does_not_load(void **state)
{
    (void)state;
    static void (*const rows[])(struct market *) = {
        no_units, fee_above_price, negative_price, sold_to_himself, far_buyer, far_seller,
        far_good, far_service,     far_currency,   far_account,     far_price, half_refunded};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct market m, loaded;
        fill_small(&m);
        rows[i](&m);
        struct strbuf bytes = saved_bytes(&MARKET_KIND, &m);
        size_t used;
        enum heed_status status = saved_load(&MARKET_KIND, &loaded, bytes.p, bytes.n, &used, NULL);
        if (status != HEED_INPUT) {
            print_error("row %zu: expected HEED_INPUT, got %d\n", i, (int)status);
            fail();
        }
        strbuf_deinit(&bytes);
        market_deinit(&loaded);
        market_deinit(&m);
    }
}

static void a_loaded_market_remembers_ids_and_purchases(void **state)
{
    (void)state;
    struct market m, loaded;
    fill_small(&m);
    struct strbuf bytes = saved_bytes(&MARKET_KIND, &m);
    size_t used;
    assert_int_equal(saved_load(&MARKET_KIND, &loaded, bytes.p, bytes.n, &used, NULL), HEED_OK);
    uint32_t number;
    bool repeated;
    assert_int_equal(market_buy(&loaded, 1, ANN, GOOD(SWORD), 2, &number, &repeated), REFUSED_NOT);
    assert_true(repeated && number == 0);
    assert_int_equal(market_buy(&loaded, 4, ANN, GOOD(GIFT), 1, &number, &repeated), REFUSED_NOT);
    assert_true(repeated && number == 3);
    assert_int_equal(market_refund(&loaded, 5002, 1), REFUSED_already_refunded);
    assert_int_equal(market_refund(&loaded, 5002, 2), REFUSED_NOT);
    strbuf_deinit(&bytes);
    market_deinit(&m);
    market_deinit(&loaded);
}

/* ── memory runs out ── */

/* `fill` purchases before, so that every table is somewhere about to grow.            */
static void crowded_market(struct market *m, uint64_t fill)
{
    market_open(m);
    for (uint64_t i = 0; i < fill; i++)
        market_must_buy(m, 1000 + i, ANN, GOOD(ROCK), 1);
}

static long sweep(uint64_t fill, bool refunding)
{
    for (long n = 1;; n++) {
        struct market m;
        enum refusal refusal;
        uint32_t number = LEDGER_NONE;
        int64_t back;
        bool repeated;
        crowded_market(&m, fill);
        if (refunding)
            number = market_must_buy(&m, 0, ANN, GOOD(SWORD), 1);
        struct strbuf before = saved_bytes(&MARKET_KIND, &m);
        fault_fail_at(n);
        struct shop_desk d = market_desk(&m, 5000);
        struct shop_ask ask = market_ask(7, ANN, GOOD(ROCK), 1);
        struct shop_answer answer = {.number = LEDGER_NONE};
        enum heed_status status = refunding
                                      ? shop_refund(&d, number, 0, 0, 0, &refusal, &back, &repeated)
                                      : shop_buy(&d, &ask, &answer);
        fault_off();
        struct strbuf after = saved_bytes(&MARKET_KIND, &m);
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        assert_int_equal(saved_equal(&before, &after), fault_fired());
        if (!refunding)
            assert_int_equal(answer.number, fault_fired() ? LEDGER_NONE : fill);
        assert_books(&m.ledger);
        strbuf_deinit(&before);
        strbuf_deinit(&after);
        market_deinit(&m);
        if (!fault_fired())
            return n;
    }
}

static void a_trade_without_memory_changes_nothing(void **state)
{
    (void)state;
    long buying = 0, refunding = 0;
    for (uint64_t fill = 0; fill < 20; fill++) {
        buying += sweep(fill, false) - 1;
        refunding += sweep(fill, true) - 1;
    }
    assert_true(buying >= 5 && refunding >= 1);
}

static bool empty(const void *x)
{
    const struct market *m = x;
    return m->shop.purchases_n == 0;
}

static void a_load_without_memory_leaves_nothing(void **state)
{
    (void)state;
    struct market m;
    crowded_market(&m, 20);
    assert_true(assert_load_says_when_memory_is_out(&MARKET_KIND, &m, empty) >= 8);
    market_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_save_is_found_or_harmless),
        cmocka_unit_test(what_no_trade_could_make_does_not_load),
        cmocka_unit_test(a_loaded_market_remembers_ids_and_purchases),
        cmocka_unit_test_teardown(a_trade_without_memory_changes_nothing, memory_returns),
        cmocka_unit_test_teardown(a_load_without_memory_leaves_nothing, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
