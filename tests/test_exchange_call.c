/* Call auctions: the nine examples of Deutsche Börse's market model, as levels and as orders. */
#include "circulation/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Order books and results: Deutsche Börse, Xetra market model, price determination in auctions;
 * also in the public repository hroptatyr/clob. Levels of zeros bound prices where only market
 * orders trade (examples 6 to 8: 199 and 202). */
static const struct example {
    struct exchange_call_level levels[8];
    int64_t market_buy, market_sell;
    struct exchange_call call;
} examples[] = {
    {{{196, 100, 0}, {197, 0, 400}, {198, 300, 300}, {199, 200, 0}, {200, 300, 100}},
     0,
     0,
     {198, 700, 100}},
    {{{197, 200, 300}, {198, 0, 100}, {199, 0, 100}, {200, 600, 0}, {201, 0, 400}},
     0,
     0,
     {200, 500, 100}},
    {{{197, 400, 0}, {198, 0, 600}, {199, 100, 0}, {201, 100, 200}, {202, 300, 0}},
     0,
     0,
     {198, 500, -100}},
    {{{197, 100, 0}, {198, 0, 200}, {199, 0, 300}, {201, 200, 0}, {202, 300, 0}, {203, 0, 100}},
     0,
     0,
     {200, 500, 0}},
    {{{199, 400, 0}, {200, 100, 0}, {201, 0, 200}, {202, 0, 300}}, 0, 0, {0, 0, 0}},
    {{{199, 0, 0}, {202, 0, 0}}, 200, 100, {202, 100, 100}},
    {{{199, 0, 0}, {202, 0, 0}}, 100, 200, {199, 100, -100}},
    {{{199, 0, 0}, {202, 0, 0}}, 100, 100, {201, 100, 0}},
    {{{198, 1000, 100}, {199, 100, 0}, {201, 0, 100}, {202, 100, 1000}}, 0, 0, {200, 100, 0}},
};

enum { EXAMPLES = sizeof examples / sizeof *examples };

static size_t levels_of(const struct example *e)
{
    size_t n = 0;
    while (n < 8 && e->levels[n].price > 0)
        n++;
    return n;
}

static void assert_call(size_t i, struct exchange_call got, struct exchange_call expected)
{
    if (got.price != expected.price || got.volume != expected.volume ||
        got.surplus != expected.surplus)
        fail_msg("example %zu: %lld, %lld, %lld and not %lld, %lld, %lld", i + 1,
                 (long long)got.price, (long long)got.volume, (long long)got.surplus,
                 (long long)expected.price, (long long)expected.volume,
                 (long long)expected.surplus);
}

static void the_nine_examples_have_their_price_volume_and_surplus(void **state)
{
    (void)state;
    const struct exchange_tick ticks[EXCHANGE_TICKS] = {{0, 1, 1}};
    for (size_t i = 0; i < EXAMPLES; i++) {
        const struct example *e = &examples[i];
        assert_call(i,
                    exchange_call_price(ticks, e->levels, levels_of(e), e->market_buy,
                                        e->market_sell, 0, 0, 0),
                    e->call);
    }
}

static void the_reference_decides_among_prices_that_are_alike(void **state)
{
    (void)state;
    const struct exchange_tick ticks[EXCHANGE_TICKS] = {{0, 1, 1}};
    const struct example *e = &examples[3]; /* 199 to 201 are alike */
    const int64_t rows[][2] = {{150, 199}, {199, 199}, {200, 200}, {201, 201}, {250, 201}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct exchange_call c =
            exchange_call_price(ticks, e->levels, levels_of(e), 0, 0, 0, 0, rows[i][0]);
        assert_int_equal(c.price, rows[i][1]);
        assert_int_equal(c.volume, 500);
    }
    /* nothing but market orders: the reference itself */
    struct exchange_call c = exchange_call_price(ticks, NULL, 0, 70, 50, 0, 0, 123);
    assert_int_equal(c.price, 123);
    assert_int_equal(c.volume, 50);
    assert_int_equal(c.surplus, 20);
    assert_int_equal(exchange_call_price(ticks, NULL, 0, 70, 50, 0, 0, 0).volume, 0);
}

/* ── as orders ── */

static struct exchange *market(void)
{
    const struct exchange_settings s = exchange_defaults();
    struct exchange *x = exchange_new(&s);
    assert_non_null(x);
    assert_int_equal(exchange_account(x, 1, 0, 0), 0);
    assert_int_equal(exchange_account(x, 2, 0, 0), 1);
    return x;
}

static void place(struct exchange *x, uint64_t id, uint8_t op, uint8_t side, int64_t price,
                  int64_t size, struct exchange_out *out)
{
    const struct exchange_ask a = {.id_lo = id,
                                   .op = op,
                                   .side = side,
                                   .price = price,
                                   .size = size,
                                   .account = side,
                                   .owner = EXCHANGE_NONE};
    struct exchange_answer answer;
    if (size == 0)
        return;
    assert_int_equal(exchange_apply(x, 5, &a, &answer, out), HEED_OK);
    assert_int_equal(answer.refusal, REFUSED_NOT);
}

static void turn(struct exchange *x, struct exchange_turn t, struct exchange_out *out)
{
    enum refusal refusal;
    assert_int_equal(exchange_turn(x, 5, &t, &refusal, out), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT);
}

static void the_nine_examples_trade_as_orders(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        const struct example *e = &examples[i];
        struct exchange *x = market();
        struct exchange_out out = {0};
        bool bounds = e->market_buy + e->market_sell > 0;
        turn(x,
             (struct exchange_turn){
                 .to = EXCHANGE_CALL, .low = bounds ? 199 : 0, .high = bounds ? 202 : 0},
             &out);
        uint64_t id = 0;
        for (size_t k = 0; k < levels_of(e); k++) {
            place(x, ++id, EXCHANGE_LIMIT, EXCHANGE_BUY, e->levels[k].price, e->levels[k].buy,
                  &out);
            place(x, ++id, EXCHANGE_LIMIT, EXCHANGE_SELL, e->levels[k].price, e->levels[k].sell,
                  &out);
        }
        place(x, ++id, EXCHANGE_MARKET, EXCHANGE_BUY, 0, e->market_buy, &out);
        place(x, ++id, EXCHANGE_MARKET, EXCHANGE_SELL, 0, e->market_sell, &out);
        out.n = 0;
        turn(x, (struct exchange_turn){.to = EXCHANGE_CONTINUOUS, .uncross = 1}, &out);
        const struct exchange_event *phase = &out.events[0];
        assert_int_equal(phase->kind, EXCHANGE_PHASE);
        assert_call(i, (struct exchange_call){phase->price, phase->size, phase->left}, e->call);
        int64_t traded = 0;
        for (size_t k = 1; k < out.n; k++)
            if (out.events[k].kind == EXCHANGE_TRADE) {
                assert_int_equal(out.events[k].price, e->call.price);
                traded += out.events[k].size;
            }
        assert_int_equal(traded, e->call.volume);
        assert_null(exchange_broken(x));
        exchange_out_deinit(&out);
        exchange_free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nine_examples_have_their_price_volume_and_surplus),
        cmocka_unit_test(the_reference_decides_among_prices_that_are_alike),
        cmocka_unit_test(the_nine_examples_trade_as_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
