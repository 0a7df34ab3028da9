/* Market rules read: where a bad document is wrong and what was expected; and what `rules check`
 * warns of. */
#include "support_fault.h"
#include "support_rules.h"
#include "world/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define CHARGE "{charges: [{name: x, from: seller, to: sink, "

static void a_bad_document_says_where_and_what_was_expected(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *where, *message;
    } rows[] = {
        {"", "m.yaml: line 1", "no section `market:`"},
        {"shop: {}", "m.yaml: line 1", "no section `market:`"},
        {"market: {}\nshop: {}", "m.yaml: line 2, key shop", "no such key here"},
        {"market:", "m.yaml: line 1, key market", "a map of keys"},
        {"market: [1]", "m.yaml: line 1, key market", "a map of keys"},
        {"market:\n  fees: []", "m.yaml: line 2, key market.fees", "the keys are currency price"},
        {"market:\n  'price charges': paid", "m.yaml: line 2", "no such key"},
        {"market: {currency: euro}", "key market.currency", "'euro' is not a currency named under"},
        {"market: {price: net}", "key market.price",
         "asked (charges on the buyer come on top) or paid"},
        {"market: {charges: {}}", "key market.charges", "a list of at most 32 rules"},
        {"market: {charges: [1]}", "key market.charges[0]", "a map of keys"},
        {"market: {charges: [{from: seller}]}", "key market.charges[0]", "it has no name"},
        {"market: {charges: [{name: 'A b'}]}", "key market.charges[0].name", "lower-case letters"},
        {"market: {charges: [{name: ''}]}", "key market.charges[0].name", "it is empty"},
        {"market: {charges: [{name: a}]}", "key market.charges[0]", "say who pays whom"},
        {"market: {charges: [{name: a, from: creator, to: sink}]}", "key market.charges[0].from",
         "somebody who pays in a trade"},
        {"market: {charges: [{name: a, from: Bob Smith, to: sink}]}", "charges[0].from",
         "an account of the platform"},
        {"market: {charges: [{name: a, from: sink, to: sink}]}", "charges[0].to",
         "goes to whom it comes from"},
        {"market: " CHARGE "rate: 1.5}]}", "charges[0].rate", "between 0 and 1"},
        {"market: " CHARGE "rate: -0.1}]}", "charges[0].rate", "between 0 and 1"},
        {"market: " CHARGE "rate: 0.0000001}]}", "charges[0].rate", "up to six decimals"},
        {"market: " CHARGE "rate: 5%}]}", "charges[0].rate", "'5%' is not a share"},
        {"market: " CHARGE "rate: {base: 0.1}}]}", "charges[0].rate", "give a share, or {base"},
        {"market: " CHARGE "rate: {base: 0.1, by: []}}]}", "charges[0].rate.by",
         "a list of 1 to 4"},
        {"market: " CHARGE "rate: {base: 0.1, by: [{name: s, each: 2}]}}]}", "rate.by[0].each",
         "between -1 and 1"},
        {"market: " CHARGE "rate: {base: 0.1, by: [{each: 0.1}]}}]}", "m.yaml: line 1",
         "attribute"},
        {"market: " CHARGE "flat: 0.001}]}", "charges[0].flat", "with up to 2 decimals"},
        {"market: " CHARGE "flat: -1}]}", "charges[0].flat", "an amount of 0 or more"},
        {"market: " CHARGE "flat: 92233720368547758.08}]}", "charges[0].flat", "an amount"},
        {"market: {currency: coin, charges: [{name: x, from: seller, to: sink, flat: 0.1}]}",
         "charges[0].flat", "with up to 0 decimals"},
        {"market: " CHARGE "min: 2, max: 1}]}", "charges[0]", "max is below min"},
        {"market: " CHARGE "per: unit}]}", "charges[0].per", "trade, or item"},
        {"market: " CHARGE "of: profit}]}", "charges[0].of", "price, or increase"},
        {"market: " CHARGE "rounding: nearest}]}", "charges[0].rounding", "down, up or half_even"},
        {"market: " CHARGE "on: bazaar}]}", "charges[0].on", "one of shop, resale, exchange"},
        {"market: " CHARGE "on: []}]}", "charges[0].on", "a list of shop"},
        {"market: " CHARGE "on: [shop, [x]]}]}", "charges[0].on[1]", "one of shop"},
        {"market: " CHARGE "class: {a: b}}]}", "charges[0].class", "an item class or a list"},
        {"market: " CHARGE "class: abcdefghijklmnopqrstuvwxyz0123456789}]}", "charges[0].class",
         "of 1 to 31 bytes"},
        {"market: " CHARGE "bands: [{from: 2, to: 1}]}]}", "charges[0].bands[0]",
         "`to` must be above `from`"},
        {"market: " CHARGE "bands: [{from: 1, to: 1}]}]}", "charges[0].bands[0]",
         "`to` must be above"},
        {"market: " CHARGE "bands: []}]}", "charges[0].bands", "a list of 1 to 16"},
        {"market: " CHARGE "bands: [{rate: 1}], slices: [{rate: 1}]}]}", "charges[0].slices",
         "not both"},
        {"market: " CHARGE "counting: x}]}", "charges[0].counting", "a charge above this one"},
        {"market: {charges: [{name: a, from: seller, to: s}, {name: b, from: seller, to: s, per: "
         "item, "
         "counting: a}]}",
         "charges[1].counting", "the same `per`"},
        {"market: {charges: [{name: a, from: seller, to: s},\n {name: a, from: seller, to: s}]}",
         "m.yaml: line 2, key market.charges[1].name", "the rule at line 1 has this name already"},
        {"market: {prices: [{name: a, floor: 1}], charges: [{name: a, from: seller, to: s}]}",
         "charges[0].name", "has this name already"},
        {"market: {charges: [{name: a, from: seller, to: s}], base_fee: {name: a, from: buyer, to: "
         "s, "
         "start: 1, target: 1, period: 1 s}}",
         "base_fee.name", "has this name already"},
        {"market: {base_fee: {name: g, from: buyer, to: s, start: 1, target: 1, period: 1 s}, "
         "holds: "
         "[{name: g, for: 1 d}]}",
         "holds[0].name", "has this name already"},
        {"market: {price: paid, charges: [{name: a, from: buyer, to: s, bands: [{rate: 1}]}]}",
         "charges[0]", "with `price: paid`"},
        {"market: {price: paid, charges: [{name: a, from: s, to: taker, rate: 1}]}",
         "charges[0].to", "nothing can go to the buyer"},
        {"market: " CHARGE "exempt: {}}]}", "charges[0].exempt", "say which side"},
        {"market: " CHARGE "exempt: {both: {}}}]}", "exempt.both", "the keys are seller buyer"},
        {"market: " CHARGE "exempt: {seller: {}}}]}", "exempt.seller", "say who"},
        {"market: " CHARGE "exempt: {seller: {roles: king}}}]}", "exempt.seller.roles",
         "a role such as"},
        {"market: " CHARGE "exempt: {seller: {account: soon}}}]}", "exempt.seller.account",
         "a time span"},
        {"market: " CHARGE "exempt: {seller: {attributes: [{name: age}]}}}]}", "attributes[0]",
         "which attribute and its bounds"},
        {"market: " CHARGE "exempt: {seller: {attributes: [{name: age, min: 2, max: 1}]}}}]}",
         "attributes[0]", "nobody can be meant"},
        {"market: " CHARGE "exempt: {seller: {attributes: [{name: age, min: old}]}}}]}",
         "attributes[0].min", "a whole number"},
        {"market: {access: [{name: a}]}", "access[0]", "say who may trade it"},
        {"market: {access: [{name: a, forbidden: true, seller: {roles: member}}]}", "access[0]",
         "`forbidden: true` alone"},
        {"market: {access: [{name: a, forbidden: yes}]}", "access[0].forbidden", "true or false"},
        {"market: {prices: [{name: a}]}", "prices[0]", "`floor`, `ceiling` or `within`"},
        {"market: {prices: [{name: a, within: -1}]}", "prices[0].within",
         "a share of the reference"},
        {"market: {limits: [{name: a}]}", "limits[0]", "say how many"},
        {"market: {limits: [{name: a, units: 1.5}]}", "limits[0].units", "a whole number"},
        {"market: {limits: [{name: a, units: 1, of: both}]}", "limits[0].of", "buyer or seller"},
        {"market: {limits: [{name: a, units: 1, window: 0 s}]}", "limits[0].window", "a time span"},
        {"market: {holds: [{name: a}]}", "holds[0]", "say how long"},
        {"market: {holds: [{name: a, for: 101 years}]}", "holds[0].for", "a time span"},
        {"market: {holds: [{name: a, for: 1 d, what: money}]}", "holds[0].what",
         "proceeds, item or listing"},
        {"market: {base_fee: {name: a}}", "base_fee", "it needs `start`, `target`"},
        {"market: {base_fee: {name: a, from: sink, to: s, start: 1, target: 1, period: 1 s}}",
         "base_fee.from", "seller or buyer"},
        {"market: {base_fee: {name: a, from: buyer, to: creator, start: 1, target: 1, period: 1 "
         "s}}",
         "base_fee.to", "an account of the platform"},
        {"market: {base_fee: {name: a, from: buyer, to: s, start: 1, target: 0, period: 1 s}}",
         "base_fee.target", "1 or more"},
        {"market: {base_fee: {name: a, from: buyer, to: s, start: 1, target: 1, period: 1 s, min: "
         "2, "
         "max: 1}}",
         "base_fee", "max is below min"},
        {"market: {pools: [{name: a, fee: 1}]}", "pools[0].fee", "below 1"},
        {"market: {pools: [{name: a, fee: &x 0.1}]}", "m.yaml: line 1", "anchors"},
        {"market: {}\ncurrencies: {}", "key currencies", "a list of currencies"},
        {"market: {}\ncurrencies: [{code: euro}]", "currencies[0].code",
         "a currency of this world"},
        {"market: {}\ncurrencies: [{code: gold, scale: 3}]", "currencies[0].scale",
         "gold with 2 decimals"},
        {"market: {}\ncurrencies: [{code: gold}, {code: coin}]", "currencies[1]",
         "coin with 0 decimals"},
    };
    struct market_rules *r = malloc(sizeof *r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heed_error err = {0};
        enum heed_status status =
            market_rules_parse(str_of(rows[i].yaml), "m.yaml", rules_currencies_known, 3, r, &err);
        if (status != HEED_INPUT || !strstr(err.where, rows[i].where) ||
            strncmp(err.where, "m.yaml: line ", 13) != 0 || !strstr(err.message, rows[i].message))
            fail_msg("%s\nstatus %d\n%s: %s\nexpected %s: %s", rows[i].yaml, (int)status, err.where,
                     err.message, rows[i].where, rows[i].message);
    }
    free(r);
}

static void as_many_rules_as_fit_and_no_more(void **state)
{
    (void)state;
    struct market_rules *r = malloc(sizeof *r);
    struct strbuf text;
    for (int n = 32; n <= 33; n++) {
        struct heed_error err = {0};
        strbuf_init(&text, 1 << 16);
        strbuf_puts(&text, "market:\n  charges:\n");
        for (int i = 0; i < n; i++)
            strbuf_printf(&text, "    - {name: c%d, from: seller, to: a%d, class: [k%d, l%d]}\n", i,
                          i, i, i);
        enum heed_status status = market_rules_parse((struct str){text.p, text.n}, "m",
                                                     rules_currencies_known, 3, r, &err);
        assert_int_equal(status, n == 32 ? HEED_OK : HEED_INPUT);
        if (n == 32)
            assert_int_equal(r->classes_n, 64);
        strbuf_deinit(&text);
    }
    struct heed_error err = {0};
    strbuf_init(&text, 1 << 16);
    strbuf_puts(&text, "market: {holds: [{name: a, for: 1 d, class: [");
    for (int i = 0; i < 65; i++)
        strbuf_printf(&text, "k%d, ", i);
    strbuf_puts(&text, "]}]}");
    assert_int_equal(
        market_rules_parse((struct str){text.p, text.n}, "m", rules_currencies_known, 3, r, &err),
        HEED_INPUT);
    assert_non_null(strstr(err.message, "more than 64"));
    strbuf_deinit(&text);
    free(r);
}

static void a_document_of_a_world_may_hold_them(void **state)
{
    (void)state;
    struct rules *r = malloc(sizeof *r);
    struct heed_error err = {0};
    assert_int_equal(
        rules_parse(STR("currencies: [{code: a}, {code: b, scale: 1}]\nshop: {fee: 0.1}\n"
                        "market: {currency: b, charges: [{name: x, from: seller, to: s, "
                        "flat: 1.5}]}"),
                    "w.yaml", r, &err),
        HEED_OK);
    assert_int_equal(r->market.charges_n, 1);
    assert_int_equal(r->market.charges[0].flat_minor, 15);
    assert_int_equal(r->market.currency, 1);
    assert_int_equal(r->market.scale, 1);
    assert_int_equal(r->shop.fee_ppm, 100000);
    assert_int_equal(rules_parse(STR("market: {charges: [{name: x}]}"), "w.yaml", r, &err),
                     HEED_INPUT);
    assert_string_equal(err.where, "w.yaml: line 1, key market.charges[0]");
    free(r);
}

static void reading_says_when_memory_is_out(void **state)
{
    (void)state;
    struct market_rules *r = malloc(sizeof *r);
    for (long n = 1;; n++) {
        struct heed_error err = {0};
        fault_fail_at(n);
        enum heed_status status = market_rules_parse(
            STR("market: {charges: [{name: x, from: seller, to: s, rate: 0.1}]}"), "m",
            rules_currencies_known, 3, r, &err);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        if (!fault_fired())
            break;
    }
    free(r);
}

/* ── warnings ── */

struct warned {
    char text[4000];
};

static void note(void *context, uint32_t line, const char *rule, const char *text)
{
    struct warned *w = context;
    size_t at = strlen(w->text);
    snprintf(w->text + at, sizeof w->text - at, "%u %s: %s\n", line, rule, text);
}

static void what_can_hardly_be_meant_is_warned_of(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says; /* "": nothing */
        size_t n;
    } rows[] = {
        {"{}", "", 0},
        {"{prices: [{name: a, floor: 2, ceiling: 1}]}",
         "2 a: its floor of 2.00 is above its ceiling of 1.00", 1},
        {"{prices: [{name: a, floor: 1, ceiling: 1}]}", "", 0},
        {"{prices: [{name: a, floor: 2}, {name: b, ceiling: 1}]}",
         "a: its floor of 2.00 is above the ceiling of 1.00 of `b`", 1},
        {"{prices: [{name: a, floor: 2, class: x}, {name: b, ceiling: 1, class: [x, y]}]}", "`b`",
         1},
        {"{prices: [{name: a, floor: 2, class: x}, {name: b, ceiling: 1, class: y}]}", "", 0},
        {"{prices: [{name: a, floor: 2, class: x}, {name: b, ceiling: 1, not_class: x}]}", "", 0},
        {"{prices: [{name: a, floor: 2, on: shop}, {name: b, ceiling: 1, on: auction}]}", "", 0},
        {CHARGE "bands: [{to: 1, rate: 0.1}, {from: 1, rate: 0.2}]}]}", "", 0},
        {CHARGE "bands: [{from: 1, rate: 0.2}, {to: 1, rate: 0.1}]}]}", "", 0},
        {CHARGE "bands: [{to: 1, rate: 0.1}, {from: 2, rate: 0.2}]}]}",
         "leave a gap: nothing is charged from 1.00 up to 2.00", 1},
        {CHARGE "bands: [{to: 1, rate: 0.1}, {from: 1, to: 5, rate: 0.2}]}]}",
         "its bands end: nothing is charged from 5.00 upwards", 1},
        {CHARGE "slices: [{to: 1, rate: 0.1}]}]}", "nothing more is charged from 1.00", 1},
        {CHARGE "bands: [{to: 2, rate: 0.1}, {from: 1, rate: 0.2}]}]}",
         "bands 1 and 2 overlap: the one written first", 1},
        {CHARGE "slices: [{to: 2, rate: 0.1}, {from: 1, rate: 0.2}]}]}",
         "overlap: the slice they share is charged twice", 1},
        {CHARGE "bands: [{rate: 0.1}, {from: 1, to: 2, rate: 0.2}]}]}", "bands 1 and 2 overlap", 1},
        {CHARGE "rate: 0}]}", "takes nothing", 1},
        {CHARGE "rate: 0.1, max: 0}]}", "takes nothing", 1},
        {CHARGE "rate: 0.1, of: increase}]}", "say `on: relist`", 1},
        {CHARGE "rate: 0.1, of: increase, on: [relist, shop]}]}", "", 0},
        {CHARGE "rate: 0.1, class: [a, b], not_class: [b, a]}]}", "it never applies: `not_class`",
         1},
        {"{access: [{name: f, class: [a, b], forbidden: true}],\n charges: [{name: x, from: "
         "seller, to: "
         "s, rate: 0.1, class: a}]}",
         "x: it never applies: `f` (line 2) forbids all", 1},
        {"{access: [{name: f, class: [a, b], forbidden: true}],\n charges: [{name: x, from: "
         "seller, to: "
         "s, rate: 0.1, class: [a, c]}]}",
         "", 0},
        {"{prices: [{name: p, ceiling: 1}], charges: [{name: x, from: seller, to: s, rate: 0.1, "
         "per: "
         "item, below: 1.01}]}",
         "exempts what is below 1.01, and no price is above 1.00", 1},
        {"{prices: [{name: p, ceiling: 1}], charges: [{name: x, from: seller, to: s, rate: 0.1, "
         "below: "
         "1.01}]}",
         "", 0}, /* several may be bought at once */
        {"{prices: [{name: p, ceiling: 1}], charges: [{name: x, from: seller, to: s, per: item, "
         "bands: "
         "[{to: 2, rate: 0.1}, {from: 2, rate: 0.1}]}]}",
         "band 2 is never reached", 1},
        {"{charges: [{name: x, from: taker, to: s, rate: 0.1, on: shop}]}",
         "maker and taker are of an", 1},
        {"{charges: [{name: x, from: seller, to: s, rate: 0.6}, {name: y, from: seller, to: s, "
         "rate: "
         "0.5}]}",
         "y: with the charges above it the seller pays 110.00% of the price", 1},
        {"{charges: [{name: x, from: seller, to: s, rate: 0.6}, {name: y, from: seller, to: s, "
         "rate: "
         "0.4}]}",
         "", 0},
        {"{charges: [{name: x, from: seller, to: s, rate: 0.6, class: a}, {name: y, from: seller, "
         "to: s, "
         "rate: 0.5, class: b}]}",
         "", 0},
        {"{limits: [{name: a, units: 0}]}", "a limit of 0 units", 1},
        {"{limits: [{name: a, units: 10, window: 1 h}, {name: b, units: 10}]}",
         "a: it is never reached: "
         "`b`",
         1},
        {"{limits: [{name: a, units: 10, window: 1 h}, {name: b, units: 9, window: 1 h}]}",
         "a: it is never reached", 1},
        {"{limits: [{name: a, units: 10, window: 1 h}, {name: b, units: 9, window: 2 h}]}", "", 0},
        {"{limits: [{name: a, units: 10}, {name: b, units: 10}]}", "b: it is never reached: `a`",
         1},
        {"{limits: [{name: a, units: 10}, {name: b, units: 5, per: item}]}", "", 0},
        {"{limits: [{name: a, units: 10}, {name: b, units: 5, of: seller}]}", "", 0},
        {"{holds: [{name: a, for: 1 d, class: x}, {name: b, for: 2 d}]}",
         "a: it changes nothing: `b` (line 2) holds as long or longer", 1},
        {"{holds: [{name: a, for: 1 d, class: x}, {name: b, for: 2 d, unless: {seller: {roles: "
         "member}}}]}",
         "", 0},
    };
    struct market_rules *r = malloc(sizeof *r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct warned w = {{0}};
        char text[600];
        snprintf(text, sizeof text, "  %s", rows[i].yaml);
        rules_of_text(text, r); /* on its second line */
        size_t n = market_rules_check(r, note, &w);
        if (n != rows[i].n || (n > 0 && !strstr(w.text, rows[i].says)))
            fail_msg("%s\n%zu warnings\n%sexpected %s", rows[i].yaml, n, w.text, rows[i].says);
    }
    free(r);
}

static void presets_give_no_cause_for_warning(void **state)
{
    (void)state;
    static const char *const names[] = {"default", "plaza", "osrs", "steam", "eve", "roblox"};
    struct rules *r = malloc(sizeof *r);
    for (size_t i = 0; i < COUNT(names); i++) {
        struct heed_error err = {0};
        struct warned w = {{0}};
        assert_int_equal(rules_parse(rules_preset(names[i]), names[i], r, &err), HEED_OK);
        if (market_rules_check(&r->market, note, &w) > 0)
            fail_msg("%s: %s", names[i], w.text);
    }
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_document_says_where_and_what_was_expected),
        cmocka_unit_test(as_many_rules_as_fit_and_no_more),
        cmocka_unit_test(a_document_of_a_world_may_hold_them),
        cmocka_unit_test_teardown(reading_says_when_memory_is_out, memory_returns),
        cmocka_unit_test(what_can_hardly_be_meant_is_warned_of),
        cmocka_unit_test(presets_give_no_cause_for_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
