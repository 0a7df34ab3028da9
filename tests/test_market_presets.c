/* Presets that reproduce published games' rules, against the figures that were published; and
 * pools. */
#include "base/prng.h"
#include "circulation/rules_pool.h"
#include "support_rules.h"
#include "world/rules.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct rules *preset(const char *name)
{
    struct heed_error err = {0};
    struct rules *r = malloc(sizeof *r);
    if (rules_parse(rules_preset(name), name, r, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return r;
}

static int64_t taken(const struct market_decision *d, const char *rule)
{
    for (uint32_t i = 0; i < d->lines_n; i++)
        if (strcmp(d->lines[i].rule, rule) == 0)
            return d->lines[i].minor;
    return 0;
}

/* "Grand Exchange Tax & Item Sink", Old School RuneScape news, 9 December 2021: "1% tax for all
 * sales", "applied on a per item basis", "any item sold for under 100 GP will not have tax
 * applied", "any item sold over 499,999,999 GP has a capped tax of 5,000,000 GP"; bonds and
 * newcomers' tools exempt. */
static void osrs_taxes_each_item(void **state)
{
    (void)state;
    static const struct {
        const char *class;
        int64_t price, quantity, tax;
    } rows[] = {
        {"", 99, 1, 0},
        {"", 100, 1, 1},
        {"", 199, 1, 1},
        {"", 200, 1, 2},
        {"", 99, 1000000, 0},
        {"", 199, 10, 10}, /* of the total it would be 19 */
        {"", 1234, 10, 120},
        {"", 499999999, 1, 4999999},
        {"", 500000000, 1, 5000000},
        {"", 500000001, 1, 5000000},
        {"", 2147483647, 1, 5000000}, /* the most coins that one stack holds */
        {"", 2147483647, 3, 15000000},
        {"bond", 5000000, 1, 0},
        {"newcomer-tool", 1000, 5, 0},
    };
    struct rules *r = preset("osrs");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct market_decision d;
        struct market_trade t =
            rules_trade(MARKET_EXCHANGE, rows[i].class, rows[i].price, rows[i].quantity);
        market_decide(&r->market, NULL, &t, &d);
        if (d.refused || taken(&d, "ge-tax") != rows[i].tax ||
            d.seller_minor != rows[i].price * rows[i].quantity - rows[i].tax)
            fail_msg("%lld x %lld: %lld", (long long)rows[i].price, (long long)rows[i].quantity,
                     (long long)taken(&d, "ge-tax"));
    }
    free(r);
}

/* What a seller receives of what a buyer pays, as Valve's economy_common.js finds it: from an
 * estimate in floating point, stepping up and down until it fits. A twin, slow and unlike ours.  */
struct steam {
    int64_t steam, publisher, amount;
};

static struct steam steam_sent(int64_t received)
{
    struct steam f = {(int64_t)floor(fmax((double)received * 0.05, 1)),
                      (int64_t)floor(fmax((double)received * 0.1, 1)), 0};
    f.amount = received + f.steam + f.publisher;
    return f;
}

static struct steam steam_fees(int64_t amount)
{
    int64_t estimate = (int64_t)((double)amount / (0.05 + 0.1 + 1));
    bool undershot = false;
    struct steam f = steam_sent(estimate);
    for (int i = 0; f.amount != amount && i < 10; i++) {
        if (f.amount > amount) {
            if (undershot) {
                f = steam_sent(estimate - 1);
                f.steam += amount - f.amount;
                f.amount = amount;
                break;
            }
            estimate--;
        } else {
            undershot = true;
            estimate++;
        }
        f = steam_sent(estimate);
    }
    return f;
}

static void steam_splits_what_the_buyer_pays(void **state)
{
    (void)state;
    struct rules *r = preset("steam");
    struct market_decision d;
    for (int64_t paid = 3; paid <= 20000; paid++) {
        struct steam f = steam_fees(paid);
        struct market_trade t = rules_trade(MARKET_EXCHANGE, "", paid, 1);
        market_decide(&r->market, NULL, &t, &d);
        if (d.refused || f.amount != paid || taken(&d, "steam-fee") != f.steam ||
            taken(&d, "game-fee") != f.publisher || d.buyer_minor != paid)
            fail_msg("%lld: steam %lld not %lld, game %lld not %lld", (long long)paid,
                     (long long)taken(&d, "steam-fee"), (long long)f.steam,
                     (long long)taken(&d, "game-fee"), (long long)f.publisher);
    }
    /* Steam Wiki, "Community Market": "if somebody sold an item for $100, the buyer would have to
     * pay $115"; fees of .01 at least, so .03 is the least price and brings .01 */
    struct market_trade t = rules_trade(MARKET_EXCHANGE, "", 11500, 1);
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 10000);
    t.unit_minor = 3;
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 1);
    t.unit_minor = 2;
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.refused, REFUSED_fee_above_trade);
    /* "A trade or market hold": 15 days without a mobile authenticator for the past 7 days */
    const struct market_attribute days[] = {{STR("authenticator_days"), 6}};
    t = rules_trade(MARKET_LISTING, "", 100, 1);
    t.seller.attributes = days;
    t.seller.attributes_n = 1;
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.held_ms[MARKET_HELD_LISTING], INT64_C(15) * 86400000);
    t.seller.attributes = &(const struct market_attribute){STR("authenticator_days"), 7};
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.held_ms[MARKET_HELD_LISTING], 0);
    free(r);
}

/* EVE University Wiki, "Trading", on changing an order: 10,000 left at 6.00 ISK raised to 7.00,
 * broker's fee 3.88 % after skills and standing, Advanced Broker Relations 4: .0388 x 10,000 =
 * 388.00 and .01164 x 70,000 = 814.80 (the page adds them up to 1202.40, a slip of the pen: it is
 * 1202.80). CCP's blog: at least 100 ISK. */
static void eve_charges_for_relisting(void **state)
{
    (void)state;
    const struct market_attribute skills[] = {{STR("broker_relations"), 3},
                                              {STR("faction_standing"), 4},
                                              {STR("corporation_standing"), 5},
                                              {STR("advanced_broker_relations"), 4}};
    struct rules *r = preset("eve");
    struct market_decision d;
    struct market_trade t = rules_trade(MARKET_RELIST, "", 700, 10000);
    t.previous_minor = 600;
    t.seller.attributes = skills;
    t.seller.attributes_n = COUNT(skills);
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(taken(&d, "broker-increase"), 38800);
    assert_int_equal(taken(&d, "relist"), 81480);
    assert_int_equal(d.seller_minor, -120280);
    t.unit_minor = 500; /* a lower price pays for relisting alone */
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.seller_minor, -58200);
    t.quantity = 100; /* 5.82: at least 100 */
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.seller_minor, -10000);
    t.unit_minor = 700; /* 3.88 and 8.15: 100 for both together */
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(taken(&d, "broker-increase"), 388);
    assert_int_equal(d.seller_minor, -10000);
    t = rules_trade(MARKET_LISTING, "", 600, 13000); /* a new order of 78,000, no skills: 5 % */
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.seller_minor, -390000);
    t.seller.attributes = skills;
    t.seller.attributes_n = COUNT(skills);
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.seller_minor, -302640); /* .0388 x 78,000 */
    free(r);
}

/* Roblox Creator Hub, "Marketplace fees and commissions": an item of 400 sold in an experience
 * gives 120, 160 and 120; resales 50 %, 10 %, 10 %, 30 %; 30 days of escrow and of holding; 9
 * purchases a minute, 3 of an item. */
static void roblox_shares_out_sales(void **state)
{
    (void)state;
    const struct market_attribute premium[] = {{STR("premium"), 1}};
    struct rules *r = preset("roblox");
    struct market_decision d;
    struct market_trade t = rules_trade(MARKET_SHOP, "hat", 400, 1);
    t.affiliate = RULES_EVE;
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 120);
    assert_int_equal(taken(&d, "affiliate-share"), 160);
    assert_int_equal(taken(&d, "roblox-share"), 120);
    assert_int_equal(d.held_ms[MARKET_HELD_PROCEEDS], INT64_C(30) * 86400000);
    assert_int_equal(d.held_ms[MARKET_HELD_ITEM], 0);
    t.affiliate = MARKET_NOBODY; /* on the Marketplace: 30 % to the creator */
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 120);
    assert_string_equal(r->market.accounts[d.lines[0].to.account].text, "roblox");
    t = rules_trade(MARKET_RESALE, "limited", 1000, 1);
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.refused, REFUSED_not_tradable); /* Premium members alone resell */
    assert_string_equal(d.rule, "premium-resells");
    t.seller.attributes = premium;
    t.seller.attributes_n = 1;
    t.affiliate = RULES_EVE;
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 500);
    assert_int_equal(taken(&d, "resale-creator"), 100);
    assert_int_equal(taken(&d, "resale-affiliate"), 100);
    assert_int_equal(taken(&d, "resale-roblox"), 300);
    assert_int_equal(d.held_ms[MARKET_HELD_ITEM], INT64_C(30) * 86400000);
    t.creator = t.seller.party; /* the creator resells: a single party receives both */
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 600);
    t.class = STR("hat");
    market_decide(&r->market, NULL, &t, &d);
    assert_string_equal(d.rule, "only-limiteds");
    t = rules_trade(MARKET_SHOP, "limited", 100, 3);
    market_decide(&r->market, NULL, &t, &d);
    assert_int_equal(d.refused, REFUSED_NOT);
    t.quantity = 4;
    market_decide(&r->market, NULL, &t, &d);
    assert_string_equal(d.rule, "of-one-item");
    t.quantity = 10;
    market_decide(&r->market, NULL, &t, &d);
    assert_string_equal(d.rule, "a-minute");
    free(r);
}

/* ── pools ── */

typedef market_amount_t u128;

static u128 number(const char *text)
{
    u128 x = 0;
    for (; *text; text++)
        x = x * 10 + (unsigned)(*text - '0');
    return x;
}

static const u128 ether = UINT64_C(1000000000000000000);

static void pools_give_what_uniswap_gives(void **state)
{
    (void)state;
    /* Uniswap v2-core, test/UniswapV2Pair.spec.ts, swapTestCases: in, reserves, out */
    static const struct {
        int64_t in, reserve_in, reserve_out;
        const char *out;
    } rows[] = {
        {1, 5, 10, "1662497915624478906"},     {1, 10, 5, "453305446940074565"},
        {2, 5, 10, "2851015155847869602"},     {2, 10, 5, "831248957812239453"},
        {1, 10, 10, "906610893880149131"},     {1, 100, 100, "987158034397061298"},
        {1, 1000, 1000, "996006981039903216"},
    };
    u128 out, in;
    for (size_t i = 0; i < COUNT(rows); i++) {
        u128 a = (uint64_t)rows[i].in * ether, x = (uint64_t)rows[i].reserve_in * ether,
             y = (uint64_t)rows[i].reserve_out * ether;
        assert_true(market_pool_out(a, x, y, 3000, &out));
        if (out != number(rows[i].out))
            fail_msg("row %zu: %llu", i, (unsigned long long)out);
        assert_true(market_pool_in(out, x, y, 3000, &in));
        assert_true(in <= a); /* never more than was asked for the same */
        assert_true(!market_pool_out(in - 1, x, y, 3000, &in) || in < out);
    }
    /* Uniswap v2-periphery, test/UniswapV2Router01.spec.ts: getAmountOut(2,100,100),
     * getAmountIn(1,100,100) */
    assert_true(market_pool_out(2, 100, 100, 3000, &out));
    assert_true(out == 1);
    assert_true(market_pool_in(1, 100, 100, 3000, &in));
    assert_true(in == 2);
}

static void pools_refuse_what_they_cannot_hold(void **state)
{
    (void)state;
    const u128 max = MARKET_RESERVE_MAX;
    u128 out = 77;
    assert_false(market_pool_out(0, 100, 100, 3000, &out));
    assert_false(market_pool_out(1, 0, 100, 3000, &out));
    assert_false(market_pool_out(1, 100, 0, 3000, &out));
    assert_false(market_pool_out(1, max, 100, 3000, &out));
    assert_false(market_pool_out(1, max + 1, 100, 3000, &out));
    assert_false(market_pool_out(1, 100, max + 1, 3000, &out));
    assert_false(market_pool_out(max, 1, 100, 3000, &out));
    assert_false(market_pool_out(1, 100, 100, -1, &out));
    assert_false(market_pool_out(1, 100, 100, 1000000, &out));
    assert_false(market_pool_in(0, 100, 100, 3000, &out));
    assert_false(market_pool_in(100, 100, 100, 3000, &out));
    assert_false(market_pool_in(101, 100, 100, 3000, &out));
    assert_false(market_pool_in(99, max, 100, 3000, &out));
    assert_false(market_pool_in(max - 1, max - 1, max, 3000, &out));
    assert_true(out == 77);
    assert_true(market_pool_out(1, max - 1, max, 3000, &out));
    assert_true(out == 0);
    assert_true(market_pool_out(max - 1, 1, max, 3000, &out));
    assert_true(out < max);
    assert_true(market_pool_out(1, 100, 100, 999999, &out));
    assert_true(out == 0);
}

/* Reserves that fit 32 bits: the formula as it is written, in 128 bits; and in any case the product
 * of the reserves never falls, and one unit more in never gives less. */
static void pools_never_lose(void **state)
{
    (void)state;
    struct prng p;
    prng_seed(&p, 20261130);
    for (int i = 0; i < 200000; i++) {
        u128 x = 1 + prng_below(&p, UINT32_MAX), y = 1 + prng_below(&p, UINT32_MAX);
        u128 a = 1 + prng_below(&p, UINT64_C(1) << prng_below(&p, 33)), out, in, more;
        int32_t fee = (int32_t)prng_below(&p, 1000000);
        assert_true(market_pool_out(a, x, y, fee, &out));
        u128 kept = a * (unsigned)(1000000 - fee);
        if (out != kept * y / (x * 1000000 + kept))
            fail_msg("case %d", i);
        assert_true((x + a) * (y - out) >= x * y);
        assert_true(market_pool_out(a + 1, x, y, fee, &more) && more >= out);
        if (out == 0)
            continue;
        assert_true(market_pool_in(out, x, y, fee, &in));
        assert_true(in <= a && market_pool_out(in, x, y, fee, &more) && more >= out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(osrs_taxes_each_item),
        cmocka_unit_test(steam_splits_what_the_buyer_pays),
        cmocka_unit_test(eve_charges_for_relisting),
        cmocka_unit_test(roblox_shares_out_sales),
        cmocka_unit_test(pools_give_what_uniswap_gives),
        cmocka_unit_test(pools_refuse_what_they_cannot_hold),
        cmocka_unit_test(pools_never_lose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
