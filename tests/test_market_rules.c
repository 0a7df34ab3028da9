/* Market rules: what each charge takes, who may trade, at which prices and how much, and the order
 * in which refusals are given. */
#include "circulation/rules_usage.h"
#include "support_fault.h"
#include "support_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ── charges, one rule each ── */

static void each_way_of_reckoning_takes_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *rule; /* after name, from, to */
        int64_t unit, quantity, expected;
    } rows[] = {
        /* amounts in minor units; the text is in gold, which has two decimals */
        {"flat: 0.25", 1000, 1, 25},
        {"flat: 0.25", 1000, 3, 25},
        {"flat: 0.25, per: item", 1000, 3, 75},
        {"rate: 0.05", 1000, 1, 50},
        {"rate: 0.05", 19, 1, 0},
        {"rate: 0.05, rounding: up", 19, 1, 1},
        {"rate: 0.05, rounding: up", 20, 1, 1},
        {"rate: 0.05, rounding: half_even", 30, 1, 2}, /* 1.5 */
        {"rate: 0.05, rounding: half_even", 50, 1, 2}, /* 2.5 */
        {"rate: 0.05, rounding: half_even", 70, 1, 4}, /* 3.5 */
        {"rate: 0.05, rounding: half_even", 51, 1, 3},
        {"rate: 0.05, rounding: half_even", 49, 1, 2},
        {"rate: 0.05, flat: 0.30", 1000, 1, 80},
        /* of the trade it is rounded once, of items each time */
        {"rate: 0.05", 19, 10, 9},
        {"rate: 0.05, per: item", 19, 10, 0},
        {"rate: 0.05, per: item, rounding: up", 19, 10, 10},
        {"rate: 0.000001", 999999, 1, 0},
        {"rate: 0.000001", 1000000, 1, 1},
        {"rate: 1", 12345, 1, 12345},
        /* share of a rate */
        {"rate: 0.1, share: 0.5", 1000, 1, 50},
        {"rate: 0.0388, share: 0.3", 70000, 100, 81480},
        {"rate: 0.1, share: 0", 1000, 1, 0},
        /* bounds */
        {"rate: 0.05, min: 0.10", 100, 1, 10},
        {"rate: 0.05, min: 0.10", 200, 1, 10},
        {"rate: 0.05, min: 0.10", 220, 1, 11},
        {"rate: 0.05, max: 0.10", 220, 1, 10},
        {"rate: 0.05, max: 0", 220, 1, 0},
        {"rate: 0.05, min: 0.02, per: item", 10, 5, 10},
        {"rate: 0.05, max: 0.02, per: item", 1000, 5, 10},
        /* what is below a size */
        {"rate: 0.5, below: 1.00", 99, 1, 0},
        {"rate: 0.5, below: 1.00", 100, 1, 50},
        {"rate: 0.5, below: 1.00", 99, 2, 99},
        {"rate: 0.5, below: 1.00, per: item", 99, 2, 0},
        {"rate: 0.5, below: 1.00, min: 0.10", 99, 1, 0},
        /* bands: the whole at the rate of its band */
        {"bands: [{to: 1.00, rate: 0.1}, {from: 1.00, rate: 0.2}]", 99, 1, 9},
        {"bands: [{to: 1.00, rate: 0.1}, {from: 1.00, rate: 0.2}]", 100, 1, 20},
        {"bands: [{to: 1.00, flat: 0.03}, {from: 1.00, to: 2.00, rate: 0.2, flat: 0.01}]", 150, 1,
         31},
        {"bands: [{to: 1.00, flat: 0.03}, {from: 1.00, to: 2.00, rate: 0.2, flat: 0.01}]", 200, 1,
         0},
        {"bands: [{rate: 0.1}, {rate: 0.2}]", 100, 1, 10}, /* the first that holds it */
        {"bands: [{rate: 0.1}], rate: 0.05, flat: 0.01", 100, 1, 16},
        /* slices: each at its own */
        {"slices: [{to: 1.00, rate: 0.1}, {from: 1.00, rate: 0.2}]", 100, 1, 10},
        {"slices: [{to: 1.00, rate: 0.1}, {from: 1.00, rate: 0.2}]", 105, 1, 11},
        {"slices: [{to: 1.00, rate: 0.1}, {from: 1.00, rate: 0.2}]", 200, 1, 30},
        {"slices: [{to: 1.00, rate: 0.015}, {from: 1.00, rate: 0.015}]", 200, 1,
         3}, /* one rounding */
        {"slices: [{from: 1.00, flat: 0.07}]", 100, 1, 0},
        {"slices: [{from: 1.00, flat: 0.07}]", 101, 1, 7},
        /* the largest amounts */
        {"rate: 1", INT64_MAX, 1, INT64_MAX},
        {"rate: 0.5", INT64_MAX, 1, INT64_MAX / 2},
        {"flat: 92233720368547758.07", INT64_MAX, 1, INT64_MAX},
        {"rate: 0.000001, per: item", 1000000, INT64_MAX / 1000000, INT64_MAX / 1000000},
    };
    struct market_rules *r = malloc(sizeof *r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[400];
        struct market_decision d;
        snprintf(text, sizeof text, "{charges: [{name: x, from: seller, to: sink, %s}]}",
                 rows[i].rule);
        rules_of_text(text, r);
        struct market_trade t = rules_trade(MARKET_SHOP, "", rows[i].unit, rows[i].quantity);
        market_decide(r, NULL, &t, &d);
        int64_t got = d.lines_n ? d.lines[0].minor : 0;
        if (d.refused || got != rows[i].expected)
            fail_msg("%s of %lld x %lld: %s %lld, not %lld", rows[i].rule, (long long)rows[i].unit,
                     (long long)rows[i].quantity, refusal_code(d.refused), (long long)got,
                     (long long)rows[i].expected);
        rules_assert_conserved(&t, &d);
    }
    free(r);
}

/* ── who pays whom ── */

static void ends_are_the_people_of_the_trade(void **state)
{
    (void)state;
    static const struct {
        const char *ends;
        uint32_t creator, affiliate;
        bool seller_is_maker;
        int64_t buyer, seller; /* of a trade of 1000 with a charge of 100 */
        enum market_end_kind to;
    } rows[] = {
        {"from: seller, to: sink", 3, 4, true, 1000, 900, MARKET_ACCOUNT},
        {"from: buyer, to: sink", 3, 4, true, 1100, 1000, MARKET_ACCOUNT},
        {"from: seller, to: creator", 3, 4, true, 1000, 900, MARKET_CREATOR},
        {"from: buyer, to: affiliate", 3, 4, true, 1100, 1000, MARKET_AFFILIATE},
        {"from: maker, to: sink", 3, 4, true, 1000, 900, MARKET_ACCOUNT},
        {"from: maker, to: sink", 3, 4, false, 1100, 1000, MARKET_ACCOUNT},
        {"from: taker, to: sink", 3, 4, true, 1100, 1000, MARKET_ACCOUNT},
        {"from: taker, to: maker", 3, 4, true, 1100, 1100, MARKET_SELLER},
        {"from: taker, to: maker", 3, 4, false, 900, 900, MARKET_BUYER},
        {"from: fund, to: maker", 3, 4, true, 1000, 1100, MARKET_SELLER}, /* a rebate */
        {"from: fund, to: maker", 3, 4, false, 900, 1000, MARKET_BUYER},
        /* nobody is there: somebody else gets it, or it is not charged */
        {"from: seller, to: creator", MARKET_NOBODY, 4, true, 1000, 1000, MARKET_NO_END},
        {"from: seller, to: creator, else: pot", MARKET_NOBODY, 4, true, 1000, 900, MARKET_ACCOUNT},
        {"from: seller, to: creator, else: affiliate", MARKET_NOBODY, MARKET_NOBODY, true, 1000,
         1000, MARKET_NO_END},
        {"from: seller, to: affiliate, else: pot", 3, 4, true, 1000, 900, MARKET_AFFILIATE},
        /* nobody pays himself */
        {"from: seller, to: creator", RULES_ANN, 4, true, 1000, 1000, MARKET_NO_END},
        {"from: buyer, to: creator", RULES_BEN, 4, true, 1000, 1000, MARKET_NO_END},
        {"from: buyer, to: creator", RULES_ANN, 4, true, 1100, 1000, MARKET_CREATOR},
    };
    struct market_rules *r = malloc(sizeof *r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];
        struct market_decision d;
        snprintf(text, sizeof text, "{charges: [{name: x, rate: 0.1, %s}]}", rows[i].ends);
        rules_of_text(text, r);
        struct market_trade t = rules_trade(MARKET_EXCHANGE, "", 1000, 1);
        t.creator = rows[i].creator;
        t.affiliate = rows[i].affiliate;
        t.seller_is_maker = rows[i].seller_is_maker;
        market_decide(r, NULL, &t, &d);
        enum market_end_kind to = d.lines_n ? d.lines[0].to.kind : MARKET_NO_END;
        if (d.refused || d.buyer_minor != rows[i].buyer || d.seller_minor != rows[i].seller ||
            to != rows[i].to)
            fail_msg("row %zu %s: %s buyer %lld seller %lld to %d", i, rows[i].ends,
                     refusal_code(d.refused), (long long)d.buyer_minor, (long long)d.seller_minor,
                     (int)to);
        rules_assert_conserved(&t, &d);
    }
    free(r);
}

static void rates_follow_the_attributes_of_whoever_pays(void **state)
{
    (void)state;
    struct market_rules *r = malloc(sizeof *r);
    struct market_decision d;
    const struct market_attribute skilled[] = {{STR("skill"), 4}},
                                  *much = &(struct market_attribute){STR("skill"), INT64_MAX};
    rules_of_text(
        "{charges: [{name: a, from: seller, to: sink, rate: {base: 0.05, by: [{name: skill, "
        "each: -0.01}]}}, {name: b, from: buyer, to: sink, rate: {base: 0.05, by: [{name: "
        "skill, each: 0.01}]}}]}",
        r);
    struct market_trade t = rules_trade(MARKET_SHOP, "", 1000, 1);
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 950);
    assert_int_equal(d.buyer_minor, 1050);
    t.seller.attributes = skilled;
    t.seller.attributes_n = 1;
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 990); /* the seller's skill moves only his rate */
    assert_int_equal(d.buyer_minor, 1050);
    t.seller.attributes = t.buyer.attributes = much; /* rates stay within 0 and 1 */
    t.buyer.attributes_n = 1;
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 1000);
    assert_int_equal(d.buyer_minor, 2000);
    free(r);
}

static void a_minimum_may_count_what_another_charge_took(void **state)
{
    (void)state;
    static const struct {
        int64_t before, now, first, second;
    } rows[] = {
        {1000, 1000, 0, 100},   {1000, 1500, 50, 50},     /* 15, up to 100 in all */
        {1000, 3000, 200, 30},  {1000, 90000, 8900, 600}, /* at most 95 in all */
        {1000, 99000, 9800, 0},
    };
    struct market_rules *r = malloc(sizeof *r);
    rules_of_text(
        "{charges: [{name: a, on: relist, from: seller, to: sink, of: increase, rate: 0.1}, "
        "{name: b, on: relist, from: seller, to: sink, rate: 0.01, min: 1.00, max: 95, "
        "counting: a}]}",
        r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct market_decision d;
        struct market_trade t = rules_trade(MARKET_RELIST, "", rows[i].now, 1);
        t.previous_minor = rows[i].before;
        market_decide(r, NULL, &t, &d);
        int64_t first = 0, second = 0;
        for (uint32_t j = 0; j < d.lines_n; j++)
            *(*d.lines[j].rule == 'a' ? &first : &second) = d.lines[j].minor;
        if (first != rows[i].first || second != rows[i].second)
            fail_msg("row %zu: %lld %lld", i, (long long)first, (long long)second);
        assert_int_equal(d.seller_minor, -first - second);
        assert_int_equal(d.buyer_minor, 0);
    }
    free(r);
}

static void exemptions_are_by_class_and_by_people(void **state)
{
    (void)state;
    const struct market_attribute trusted[] = {{STR("trust"), 5}};
    struct market_rules *r = malloc(sizeof *r);
    struct market_decision d;
    rules_of_text(
        "{charges: [{name: x, from: seller, to: sink, rate: 0.1, on: [shop, auction], class: "
        "[sword, axe, map], not_class: map, exempt: {seller: {attributes: [{name: trust, "
        "min: 3, max: 9}]}, buyer: {roles: [operator, moderator], account: 1 min}}}]}",
        r);
    static const struct {
        enum market_kind kind;
        const char *class;
        int64_t seller;
    } rows[] = {{MARKET_SHOP, "sword", 900},   {MARKET_AUCTION, "axe", 900},
                {MARKET_SHOP, "map", 1000},    {MARKET_SHOP, "", 1000},
                {MARKET_SHOP, "swords", 1000}, {MARKET_EXCHANGE, "sword", 1000},
                {MARKET_RESALE, "sword", 1000}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct market_trade t = rules_trade(rows[i].kind, rows[i].class, 1000, 1);
        market_decide(r, NULL, &t, &d);
        if (d.seller_minor != rows[i].seller)
            fail_msg("%d %s: %lld", (int)rows[i].kind, rows[i].class, (long long)d.seller_minor);
    }
    struct market_trade t = rules_trade(MARKET_SHOP, "sword", 1000, 1);
    t.seller.attributes = trusted;
    t.seller.attributes_n = 1;
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 1000);
    t.seller.attributes_n = 0;
    t.buyer.roles = 8; /* moderator, and joined 1000 s ago */
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 1000);
    t.buyer.joined_ms = t.time_ms - 59999; /* all of a condition must hold */
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 900);
    t.buyer.joined_ms = t.time_ms - 60000;
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.seller_minor, 1000);
    free(r);
}

/* ── the price is what the buyer pays ── */

static void a_paid_price_is_split_without_rest(void **state)
{
    (void)state;
    struct market_rules *r = malloc(sizeof *r);
    struct market_decision d;
    rules_of_text(
        "{price: paid, charges: [{name: a, from: buyer, to: x, per: item, rate: 0.05, min: "
        "0.01}, {name: b, from: buyer, to: y, per: item, rate: 0.1, min: 0.01}, {name: c, "
        "from: seller, to: z, rate: 0.5}]}",
        r);
    static const struct {
        int64_t paid, quantity, asked, a, b;
    } rows[] = {
        {3, 1, 1, 1, 1},   {21, 1, 19, 1, 1},        {22, 1, 19, 2, 1}, /* .22 cannot be split */
        {23, 1, 20, 1, 2}, {100, 1, 88, 4, 8},       {100, 7, 616, 28, 56},
        {22, 3, 57, 6, 3}, {1150, 1, 1000, 50, 100},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct market_trade t = rules_trade(MARKET_EXCHANGE, "", rows[i].paid, rows[i].quantity);
        market_decide(r, NULL, &t, &d);
        if (d.refused || d.buyer_minor != rows[i].paid * rows[i].quantity ||
            d.gross_minor != rows[i].asked || d.lines[0].minor != rows[i].a ||
            d.lines[1].minor != rows[i].b)
            fail_msg("row %zu: %s gross %lld a %lld b %lld", i, refusal_code(d.refused),
                     (long long)d.gross_minor, (long long)d.lines[0].minor,
                     (long long)d.lines[1].minor);
        rules_assert_conserved(&t, &d);
        assert_int_equal(d.seller_minor, d.gross_minor - d.gross_minor / 2);
    }
    struct market_trade t = rules_trade(MARKET_EXCHANGE, "", 2, 1);
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.refused, REFUSED_fee_above_trade);
    assert_string_equal(d.rule, "a");
    t.unit_minor = INT64_MAX;
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.refused, REFUSED_NOT);
    assert_int_equal(d.buyer_minor, INT64_MAX);
    rules_assert_conserved(&t, &d);
    rules_of_text("{price: paid}", r); /* nothing is put on the buyer */
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.seller_minor, INT64_MAX);
    free(r);
}

/* ── refusals ── */

static const char everything[] =
    "access: [{name: grown-ups, class: wine, seller: {roles: member}, buyer: {attributes: [{name: "
    "age, "
    "min: 18}]}}, {name: bound, class: relic, forbidden: true}]\n"
    "  prices: [{name: least, class: wine, floor: 1.00}, {name: most, class: wine, ceiling: 50}, "
    "{name: near, class: wine, within: 0.1}]\n"
    "  limits: [{name: few, class: wine, units: 5, window: 1 h}]\n"
    "  charges: [{name: small, class: wine, from: seller, to: sink, flat: 0.10}, {name: dues, "
    "class: "
    "wine, from: seller, to: sink, flat: 1.00}]\n";

static void refusals_come_in_their_order_and_name_the_rule(void **state)
{
    (void)state;
    const struct market_attribute grown[] = {{STR("age"), 18}}, young[] = {{STR("age"), 17}};
    char text[1200];
    struct market_rules *r = malloc(sizeof *r);
    struct market_usage u;
    snprintf(text, sizeof text, "  %s", everything);
    rules_of_text(text, r);
    market_usage_init(&u);
    static const struct {
        const char *class;
        bool grown;
        int64_t unit, quantity, reference, traded;
        enum refusal refused;
        const char *rule;
    } rows[] = {
        /* each row mends what the row before was refused for */
        {"wine", false, 0, 9, 300, 0, REFUSED_not_positive, NULL},
        {"wine", false, 90, 0, 300, 0, REFUSED_not_positive, NULL},
        {"wine", false, -1, 9, 300, 0, REFUSED_not_positive, NULL},
        {"wine", false, 90, -9, 300, 0, REFUSED_not_positive, NULL},
        {"wine", false, 90, INT64_MIN, 300, 0, REFUSED_not_positive, NULL},
        {"wine", false, 90, INT64_MAX, 300, 0, REFUSED_not_tradable, "grown-ups"},
        {"wine", true, 90, INT64_MAX, 300, 0, REFUSED_price_floor, "least"},
        {"wine", true, 5001, INT64_MAX, 300, 0, REFUSED_price_ceiling, "most"},
        {"wine", true, 5000, INT64_MAX, 300, 0, REFUSED_price_distance, "near"},
        {"wine", true, 331, INT64_MAX, 300, 0, REFUSED_price_distance, "near"},
        {"wine", true, 269, INT64_MAX, 300, 0, REFUSED_price_distance, "near"},
        {"wine", true, 330, INT64_MAX, 300, 0, REFUSED_trade_limit, "few"},
        {"wine", true, 330, 6, 300, 0, REFUSED_trade_limit, "few"},
        {"wine", true, 100, 3, 100, 3, REFUSED_trade_limit, "few"},
        {"wine", true, 100, 1, 100, 4, REFUSED_fee_above_trade, "dues"},
        {"wine", true, 110, 1, 100, 4, REFUSED_NOT, NULL},
        {"wine", true, 330, 5, 300, 0, REFUSED_NOT, NULL},
        {"wine", true, 5000, 5, 0, 0, REFUSED_NOT, NULL}, /* no reference yet */
        {"relic", true, 100, 1, 0, 0, REFUSED_not_tradable, "bound"},
        {"tea", false, 1, INT64_MAX, 300, 0, REFUSED_NOT, NULL},
        {"tea", false, 2, INT64_MAX, 300, 0, REFUSED_overflow, NULL},
        {"tea", false, INT64_MAX, 2, 300, 0, REFUSED_overflow, NULL},
        {"tea", false, INT64_MAX, INT64_MAX, 300, 0, REFUSED_overflow, NULL},
        {"tea", false, INT64_MAX, 1, INT64_MAX, 0, REFUSED_NOT, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct market_decision d;
        struct market_trade t =
            rules_trade(MARKET_SHOP, rows[i].class, rows[i].unit, rows[i].quantity);
        t.reference_minor = rows[i].reference;
        t.buyer.attributes = rows[i].grown ? grown : young;
        t.buyer.attributes_n = 1;
        market_usage_deinit(&u);
        if (rows[i].traded) {
            struct market_trade before = t;
            before.quantity = rows[i].traded;
            assert_true(market_usage_add(&u, r, &before));
        }
        market_decide(r, &u, &t, &d);
        if (d.refused != rows[i].refused || (d.rule == NULL) != (rows[i].rule == NULL) ||
            (d.rule && strcmp(d.rule, rows[i].rule) != 0))
            fail_msg("row %zu: %s by %s", i, refusal_code(d.refused), d.rule ? d.rule : "-");
        assert_true(!d.rule || d.line > 0);
        assert_true(!d.refused || (d.lines_n == 0 && d.buyer_minor == 0 && d.seller_minor == 0));
    }
    market_usage_deinit(&u);
    free(r);
}

static void charges_that_do_not_fit_are_overflow(void **state)
{
    (void)state;
    static const struct {
        const char *charges;
        int64_t unit, quantity;
        enum refusal refused;
    } rows[] = {
        {"{name: a, from: buyer, to: s, rate: 1}", INT64_MAX / 2, 1, REFUSED_NOT},
        {"{name: a, from: buyer, to: s, rate: 1}", INT64_MAX / 2 + 1, 1, REFUSED_overflow},
        {"{name: a, from: buyer, to: s, flat: 92233720368547758.07, rate: 1}", 1, 1,
         REFUSED_overflow},
        {"{name: a, from: buyer, to: s, flat: 92233720368547758.06}", 1, 1, REFUSED_NOT},
        {"{name: a, from: buyer, to: s, flat: 92233720368547758.07}", 1, 1, REFUSED_overflow},
        {"{name: a, from: buyer, to: s, flat: 1.00, per: item}", 1, INT64_MAX / 101, REFUSED_NOT},
        {"{name: a, from: buyer, to: s, flat: 1.00, per: item}", 1, INT64_MAX / 100,
         REFUSED_overflow},
        {"{name: a, from: buyer, to: s, min: 92233720368547758.07, per: item}", 1, 2,
         REFUSED_overflow},
        {"{name: a, from: fund, to: seller, rate: 1}", INT64_MAX / 2 + 1, 1, REFUSED_overflow},
        {"{name: a, from: buyer, to: s, slices: [{flat: 92233720368547758.07}, {flat: "
         "92233720368547758.07}]}",
         1, 1, REFUSED_overflow},
    };
    struct market_rules *r = malloc(sizeof *r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[400];
        struct market_decision d;
        snprintf(text, sizeof text, "{charges: [%s]}", rows[i].charges);
        rules_of_text(text, r);
        struct market_trade t = rules_trade(MARKET_SHOP, "", rows[i].unit, rows[i].quantity);
        market_decide(r, NULL, &t, &d);
        if (d.refused != rows[i].refused)
            fail_msg("row %zu %s: %s", i, rows[i].charges, refusal_code(d.refused));
    }
    free(r);
}

static void holds_are_the_longest_that_apply(void **state)
{
    (void)state;
    const struct market_attribute safe[] = {{STR("safe"), 1}};
    struct market_rules *r = malloc(sizeof *r);
    struct market_decision d;
    rules_of_text(
        "{holds: [{name: a, for: 2 d}, {name: b, for: 30 d, class: hat}, {name: c, what: item, "
        "for: 1 h}, {name: d, what: listing, for: 15 d, unless: {seller: {attributes: "
        "[{name: safe, min: 1}]}}}]}",
        r);
    struct market_trade t = rules_trade(MARKET_SHOP, "hat", 100, 1);
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.held_ms[MARKET_HELD_PROCEEDS], INT64_C(30) * 86400000);
    assert_string_equal(d.held_by[MARKET_HELD_PROCEEDS], "b");
    assert_int_equal(d.held_ms[MARKET_HELD_ITEM], 3600000);
    assert_int_equal(d.held_ms[MARKET_HELD_LISTING], 0);
    t = rules_trade(MARKET_LISTING, "cap", 100, 1);
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.held_ms[MARKET_HELD_LISTING], INT64_C(15) * 86400000);
    assert_int_equal(d.held_ms[MARKET_HELD_PROCEEDS], 0);
    t.seller.attributes = safe;
    t.seller.attributes_n = 1;
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.held_ms[MARKET_HELD_LISTING], 0);
    free(r);
}

static void rules_that_say_nothing_allow_everything_for_nothing(void **state)
{
    (void)state;
    struct market_rules *r = malloc(sizeof *r);
    rules_of_text("{}", r);
    for (int kind = 0; kind < MARKET_KINDS; kind++) {
        struct market_decision d;
        struct market_trade t = rules_trade((enum market_kind)kind, "any", 3, 4);
        market_decide(r, NULL, &t, &d);
        bool trade = kind != MARKET_LISTING && kind != MARKET_RELIST;
        assert_int_equal(d.refused, REFUSED_NOT);
        assert_int_equal(d.buyer_minor, trade ? 12 : 0);
        assert_int_equal(d.seller_minor, trade ? 12 : 0);
        assert_int_equal(d.lines_n, 0);
    }
    free(r);
}

/* ── limits ── */

static void a_window_opens_with_the_first_trade(void **state)
{
    (void)state;
    struct market_rules *r = malloc(sizeof *r);
    struct market_usage u;
    rules_of_text(
        "{limits: [{name: a, units: 10, window: 4 h}, {name: b, of: seller, per: item, units: "
        "100}]}",
        r);
    const struct market_limit *a = &r->limits[0], *b = &r->limits[1];
    const int64_t hour = 3600000;
    market_usage_init(&u);
    struct market_trade t = rules_trade(MARKET_SHOP, "", 100, 6);
    t.time_ms = 10 * hour;
    assert_int_equal(market_usage_units(&u, a, RULES_BEN, 7, t.time_ms), 0);
    assert_true(market_usage_add(&u, r, &t));
    t.time_ms = 13 * hour;
    t.quantity = 3;
    t.item = 8;
    assert_true(market_usage_add(&u, r, &t));
    assert_int_equal(market_usage_units(&u, a, RULES_BEN, 7, 14 * hour - 1), 9);
    assert_int_equal(market_usage_units(&u, a, RULES_BEN, 7, 14 * hour), 0);
    assert_int_equal(market_usage_units(&u, a, RULES_ANN, 7, 13 * hour), 0);
    assert_int_equal(market_usage_units(&u, b, RULES_ANN, 7, 1000 * hour), 6); /* never ends */
    assert_int_equal(market_usage_units(&u, b, RULES_ANN, 8, 1000 * hour), 3);
    t.time_ms = 15 * hour; /* a new window */
    assert_true(market_usage_add(&u, r, &t));
    assert_int_equal(market_usage_units(&u, a, RULES_BEN, 0, 19 * hour - 1), 3);
    assert_int_equal(market_usage_units(&u, a, RULES_BEN, 0, 19 * hour), 0);
    t.quantity = INT64_MAX; /* what passes the largest count stays there */
    assert_true(market_usage_add(&u, r, &t));
    assert_int_equal(market_usage_units(&u, a, RULES_BEN, 0, 15 * hour), INT64_MAX);
    market_usage_deinit(&u);
    free(r);
}

/* ── base fee ── */

static void the_base_fee_follows_use_as_published(void **state)
{
    (void)state;
    static const struct {
        int64_t fee, used, target, change, min, max, next;
    } rows[] = {
        /* EIP-1559, go-ethereum's TestCalcBaseFee: limit 20 M, elasticity 2, denominator 8 */
        {1000000000, 10000000, 10000000, 8, 0, -1, 1000000000},
        {1000000000, 9000000, 10000000, 8, 0, -1, 987500000},
        {1000000000, 11000000, 10000000, 8, 0, -1, 1012500000},
        {1000000000, 20000000, 10000000, 8, 0, -1, 1125000000},
        {1000000000, 0, 10000000, 8, 0, -1, 875000000},
        /* up by 1 at least, down by nothing where an eighth is less */
        {1, 11, 10, 8, 0, -1, 2},
        {0, 11, 10, 8, 0, -1, 1},
        {7, 0, 10, 8, 0, -1, 7},
        {8, 0, 10, 8, 0, -1, 7},
        {0, 0, 10, 8, 0, -1, 0},
        /* bounds */
        {100, 0, 10, 2, 80, -1, 80},
        {100, 20, 10, 2, 0, 120, 120},
        {5, 10, 10, 8, 6, -1, 6},
        {INT64_MAX, INT64_MAX, 1, 1, 0, 9, 9},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t next = -1;
        bool ok = market_fee_next(rows[i].fee, rows[i].used, rows[i].target, rows[i].change,
                                  rows[i].min, rows[i].max, &next);
        if (!ok || next != rows[i].next)
            fail_msg("row %zu: %d %lld", i, ok, (long long)next);
    }
    int64_t untouched = 5;
    assert_false(market_fee_next(INT64_MAX, INT64_MAX, 1, 1, 0, -1, &untouched));
    assert_int_equal(untouched, 5);
}

static void the_meter_turns_with_its_periods(void **state)
{
    (void)state;
    struct market_rules *r = malloc(sizeof *r);
    struct market_meter m = {0};
    rules_of_text(
        "{base_fee: {name: gas, from: buyer, to: burn, start: 10000000, target: 10000000, "
        "period: 12 s}}",
        r);
    const struct market_base_fee *b = &r->base_fee;
    assert_int_equal(market_meter_fee(&m, b, 5), 1000000000);
    market_meter_add(&m, b, 0, 11000000);
    market_meter_add(&m, b, 11999, 9000000);
    assert_int_equal(market_meter_fee(&m, b, 11999), 1000000000);
    assert_int_equal(market_meter_fee(&m, b, 12000), 1125000000);
    assert_int_equal(market_meter_fee(&m, b, 24000), 984375000); /* nothing was used after */
    market_meter_add(&m, b, 24000, 10000000);
    assert_int_equal(market_meter_fee(&m, b, 36000), 984375000);
    int64_t slow = 984375000; /* a period after the other, and all at once */
    for (int64_t i = 4; i < 300; i++) {
        slow -= slow / 8;
        assert_int_equal(market_meter_fee(&m, b, i * 12000), slow);
    }
    assert_int_equal(market_meter_fee(&m, b, INT64_MAX), 7);
    struct market_trade t = rules_trade(MARKET_EXCHANGE, "", 100, 3);
    struct market_decision d;
    t.base_fee_minor = 7;
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.buyer_minor, 321);
    assert_string_equal(d.lines[0].rule, "gas");
    t.base_fee_minor = INT64_MAX / 2;
    market_decide(r, NULL, &t, &d);
    assert_int_equal(d.refused, REFUSED_overflow);
    free(r);
}

static void counting_a_trade_needs_memory_and_says_so(void **state)
{
    (void)state;
    struct market_rules *r = malloc(sizeof *r);
    rules_of_text(
        "{limits: [{name: a, units: 10}, {name: b, of: seller, units: 10}, {name: c, per: "
        "item, units: 3}]}",
        r);
    for (long n = 1;; n++) {
        struct market_usage u;
        struct market_trade t = rules_trade(MARKET_SHOP, "", 100, 2);
        market_usage_init(&u);
        fault_fail_at(n);
        bool ok = market_usage_add(&u, r, &t);
        fault_off();
        assert_int_equal(ok, !fault_fired());
        for (int i = 0; i < 3; i++) /* counted under every limit or under none */
            assert_int_equal(
                market_usage_units(&u, &r->limits[i], i == 1 ? RULES_ANN : RULES_BEN, 7, t.time_ms),
                ok ? 2 : 0);
        if (!ok)
            assert_true(market_usage_add(&u, r, &t));
        market_usage_deinit(&u);
        if (ok)
            break;
    }
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_of_reckoning_takes_what_it_says),
        cmocka_unit_test(ends_are_the_people_of_the_trade),
        cmocka_unit_test(rates_follow_the_attributes_of_whoever_pays),
        cmocka_unit_test(a_minimum_may_count_what_another_charge_took),
        cmocka_unit_test(exemptions_are_by_class_and_by_people),
        cmocka_unit_test(a_paid_price_is_split_without_rest),
        cmocka_unit_test(refusals_come_in_their_order_and_name_the_rule),
        cmocka_unit_test(charges_that_do_not_fit_are_overflow),
        cmocka_unit_test(holds_are_the_longest_that_apply),
        cmocka_unit_test(rules_that_say_nothing_allow_everything_for_nothing),
        cmocka_unit_test(a_window_opens_with_the_first_trade),
        cmocka_unit_test(the_base_fee_follows_use_as_published),
        cmocka_unit_test(the_meter_turns_with_its_periods),
        cmocka_unit_test_teardown(counting_a_trade_needs_memory_and_says_so, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
