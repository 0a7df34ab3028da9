/* Versions of market rules: who may approve and withdraw, which is in force when, and all of it
 * saved, damaged, loaded, and short of memory. */
#include "base/prng.h"
#include "circulation/rules_usage.h"
#include "circulation/rules_versions.h"
#include "support_fault.h"
#include "support_rules.h"
#include "support_saved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define FEE(rate) STR("market: {charges: [{name: fee, from: seller, to: sink, rate: " rate "}]}")

static uint32_t propose(struct market_versions *x, struct str yaml, uint32_t who, int64_t time_ms,
                        int64_t effective_ms)
{
    struct heed_error err = {0};
    uint32_t number = 0;
    if (market_propose(x, yaml, "v.yaml", rules_currencies_known, 3, who, time_ms, effective_ms,
                       &number, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return number;
}

static void a_second_person_approves(void **state)
{
    (void)state;
    struct market_versions x;
    market_versions_init(&x);
    assert_int_equal(market_approve(&x, 1, RULES_ANN, 10), REFUSED_unknown_rules);
    assert_int_equal(propose(&x, FEE("0.1"), RULES_ANN, 10, 100), 1);
    static const struct {
        uint32_t number, who;
        enum refusal refused;
    } rows[] = {
        {0, RULES_BEN, REFUSED_unknown_rules},  {2, RULES_BEN, REFUSED_unknown_rules},
        {1, RULES_ANN, REFUSED_own_proposal},   {1, RULES_BEN, REFUSED_NOT},
        {1, RULES_ANN, REFUSED_rules_approved}, {1, RULES_BEN, REFUSED_rules_approved},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(market_approve(&x, rows[i].number, rows[i].who, 20), rows[i].refused);
    assert_int_equal(market_withdraw(&x, 1, RULES_BEN, 99), REFUSED_NOT); /* not yet in force */
    assert_int_equal(market_approve(&x, 1, RULES_ANN, 99), REFUSED_rules_withdrawn);
    assert_int_equal(market_withdraw(&x, 1, RULES_BEN, 99), REFUSED_rules_withdrawn);
    assert_int_equal(market_withdraw(&x, 2, RULES_BEN, 99), REFUSED_unknown_rules);
    assert_int_equal(market_in_force(&x, 1000), 0);
    assert_null(market_rules_at(&x, 1000));
    market_versions_deinit(&x);
}

static void the_one_in_force_is_the_last_to_take_effect(void **state)
{
    (void)state;
    struct market_versions x;
    market_versions_init(&x);
    propose(&x, FEE("0.1"), RULES_ANN, 0, 100);
    propose(&x, FEE("0.2"), RULES_ANN, 0, 300);
    propose(&x, FEE("0.3"), RULES_BEN, 0, 200);
    propose(&x, FEE("0.4"), RULES_BEN, 0, 300);
    propose(&x, FEE("0.5"), RULES_BEN, 0, 50);
    assert_int_equal(market_in_force(&x, 1000), 0);
    assert_int_equal(market_approve(&x, 1, RULES_CAT, 10), REFUSED_NOT);
    assert_int_equal(market_approve(&x, 4, RULES_CAT, 20), REFUSED_NOT);
    assert_int_equal(market_approve(&x, 3, RULES_CAT, 30), REFUSED_NOT);
    assert_int_equal(market_approve(&x, 2, RULES_CAT, 40),
                     REFUSED_NOT); /* after 4: it is the later */
    static const struct {
        int64_t time;
        uint32_t number;
    } rows[] = {{0, 0}, {99, 0}, {100, 1}, {199, 1}, {200, 3}, {299, 3}, {300, 2}, {INT64_MAX, 2}};
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(market_in_force(&x, rows[i].time), rows[i].number);
    assert_int_equal(market_rules_at(&x, 250)->charges[0].rate.ppm, 300000);
    static const struct {
        uint32_t number;
        int64_t time;
        const char *state;
    } states[] = {
        {1, 50, "approved"},    {1, 100, "active"}, {1, 200, "superseded"}, {4, 299, "approved"},
        {4, 300, "superseded"}, {2, 300, "active"}, {5, 1000, "proposed"},
    };
    for (size_t i = 0; i < COUNT(states); i++)
        assert_string_equal(
            market_state_name(market_state_at(&x, states[i].number, states[i].time)),
            states[i].state);
    assert_int_equal(market_withdraw(&x, 3, RULES_CAT, 199), REFUSED_NOT);
    assert_int_equal(market_in_force(&x, 250), 1);
    assert_int_equal(market_withdraw(&x, 1, RULES_CAT, 250), REFUSED_rules_in_force);
    assert_int_equal(market_withdraw(&x, 1, RULES_CAT, 400), REFUSED_rules_in_force);
    assert_int_equal(market_withdraw(&x, 5, RULES_CAT, 400), REFUSED_NOT);
    assert_string_equal(market_state_name(market_state_at(&x, 5, 500)), "withdrawn");
    market_versions_deinit(&x);
}

/* Approved after its time, a version is in force from then; and an act is never before the last.
 * What was in force before the act stays so. */
static void the_past_never_changes(void **state)
{
    (void)state;
    struct prng p;
    prng_seed(&p, 7);
    for (int round = 0; round < 300; round++) {
        struct market_versions x;
        uint32_t past[64];
        market_versions_init(&x);
        for (int64_t now = 0; now < 64; now++) {
            int64_t claimed = prng_below(&p, 4) ? now : (int64_t)prng_below(&p, (uint64_t)now + 1);
            int64_t since = claimed > x.latest_ms ? claimed : x.latest_ms;
            uint32_t number = (uint32_t)prng_below(&p, x.n + 2), who = (uint32_t)prng_below(&p, 3);
            switch (prng_below(&p, 3)) {
            case 0:
                propose(&x, FEE("0.1"), who, claimed, (int64_t)prng_below(&p, 80));
                break;
            case 1:
                (void)market_approve(&x, number, who, claimed);
                break;
            default:
                (void)market_withdraw(&x, number, who, claimed);
                break;
            }
            for (int64_t then = 0; then < since; then++)
                if (market_in_force(&x, then) != past[then])
                    fail_msg("round %d: at %lld, %lld was under %u and is now under %u", round,
                             (long long)now, (long long)then, past[then],
                             market_in_force(&x, then));
            for (int64_t then = since; then <= now; then++)
                past[then] = market_in_force(&x, then);
            for (uint32_t v = 1; v <= x.n; v++)
                assert_int_equal(market_state_at(&x, v, now) == MARKET_ACTIVE, v == past[now]);
        }
        market_versions_deinit(&x);
    }
}

static void a_bad_text_is_no_version(void **state)
{
    (void)state;
    struct market_versions x;
    struct heed_error err = {0};
    uint32_t number = 77;
    market_versions_init(&x);
    assert_int_equal(market_propose(&x, STR("market: {charges: [{name: a}]}"), "v.yaml",
                                    rules_currencies_known, 3, 1, 0, 0, &number, &err),
                     HEED_INPUT);
    assert_string_equal(err.where, "v.yaml: line 1, key market.charges[0]");
    char *large = malloc(MARKET_TEXT_MAX + 1);
    memset(large, '#', MARKET_TEXT_MAX + 1);
    error_clear(&err);
    assert_int_equal(market_propose(&x, (struct str){large, MARKET_TEXT_MAX + 1}, "v.yaml",
                                    rules_currencies_known, 3, 1, 0, 0, &number, &err),
                     HEED_INPUT);
    free(large);
    assert_int_equal(x.n, 0);
    assert_int_equal(number, 77);
    for (long n = 1;; n++) {
        error_clear(&err);
        fault_fail_at(n);
        enum heed_status status = market_propose(&x, FEE("0.1"), "v.yaml", rules_currencies_known,
                                                 3, 1, 0, 0, &number, &err);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        assert_int_equal(x.n, fault_fired() ? 0 : 1);
        if (!fault_fired())
            break;
    }
    market_versions_deinit(&x);
}

/* ── saved ── */

static void save_versions(const void *x, struct sink *k)
{
    market_versions_save(x, k);
}
static enum heed_status load_versions(void *x, struct source *s, struct heed_error *err)
{
    return market_versions_load(x, s, rules_currencies_known, 3, err);
}
static void deinit_versions(void *x)
{
    market_versions_deinit(x);
}
static void check_versions(const void *state)
{
    const struct market_versions *x = state;
    for (uint32_t i = 1; i <= x->n; i++)
        assert_true(x->v[i - 1].rules && market_state_at(x, i, INT64_MAX) <= MARKET_WITHDRAWN);
}
static bool no_versions(const void *state)
{
    const struct market_versions *x = state;
    return x->n == 0 && !x->v;
}
static const struct saved_kind VERSIONS = {sizeof(struct market_versions), save_versions,
                                           load_versions, deinit_versions, check_versions};

static void save_usage(const void *x, struct sink *k)
{
    market_usage_save(x, k);
}
static enum heed_status load_usage(void *x, struct source *s, struct heed_error *err)
{
    return market_usage_load(x, s, err);
}
static void deinit_usage(void *x)
{
    market_usage_deinit(x);
}
static void check_usage(const void *state)
{
    const struct market_usage *u = state;
    for (size_t i = 0; i < u->rows_n; i++)
        assert_true(u->rows[i].limit < u->limits_n && u->rows[i].units >= 0);
}
static bool no_usage(const void *state)
{
    const struct market_usage *u = state;
    return u->rows_n == 0 && u->limits_n == 0 && !u->rows;
}
static const struct saved_kind USAGE = {sizeof(struct market_usage), save_usage, load_usage,
                                        deinit_usage, check_usage};

static void save_meter(const void *x, struct sink *k)
{
    market_meter_save(x, k);
}
static enum heed_status load_meter(void *x, struct source *s, struct heed_error *err)
{
    return market_meter_load(x, s, err);
}
static void deinit_meter(void *x)
{
    (void)x;
}
static void check_meter(const void *x)
{
    assert_true(((const struct market_meter *)x)->used >= 0);
}
static const struct saved_kind METER = {sizeof(struct market_meter), save_meter, load_meter,
                                        deinit_meter, check_meter};

static void versions_are_saved_and_damage_is_found(void **state)
{
    (void)state;
    struct market_versions x;
    market_versions_init(&x);
    assert_round_trip(&VERSIONS, &x);
    propose(&x, FEE("0.1"), RULES_ANN, 5, 100);
    propose(&x, FEE("0.2"), RULES_ANN, 6, 90);
    propose(&x, FEE("0.3"), RULES_BEN, 7, 80);
    assert_int_equal(market_approve(&x, 2, RULES_CAT, 10), REFUSED_NOT);
    assert_int_equal(market_approve(&x, 1, RULES_CAT, 20), REFUSED_NOT);
    assert_int_equal(market_withdraw(&x, 3, RULES_BEN, 30), REFUSED_NOT);
    assert_round_trip(&VERSIONS, &x);
    assert_damage_is_found_or_harmless(&VERSIONS, &x);
    assert_true(assert_load_says_when_memory_is_out(&VERSIONS, &x, no_versions) > 6);
    market_versions_deinit(&x);
}

static void use_is_saved_and_damage_is_found(void **state)
{
    (void)state;
    struct market_rules *r = malloc(sizeof *r);
    struct market_usage u;
    rules_of_text(
        "{limits: [{name: a, units: 10, window: 1 h}, {name: b, of: seller, per: item, units: "
        "100}]}",
        r);
    market_usage_init(&u);
    assert_round_trip(&USAGE, &u);
    for (int i = 0; i < 20; i++) {
        struct market_trade t = rules_trade(MARKET_SHOP, "", 100, i + 1);
        t.item = (uint32_t)i % 5;
        t.buyer.party = (uint32_t)i % 7;
        assert_true(market_usage_add(&u, r, &t));
    }
    assert_round_trip(&USAGE, &u);
    assert_damage_is_found_or_harmless(&USAGE, &u);
    assert_true(assert_load_says_when_memory_is_out(&USAGE, &u, no_usage) > 3);
    market_usage_deinit(&u);
    free(r);
    const struct market_meter m = {true, 5, 100, 77};
    assert_round_trip(&METER, &m);
    assert_damage_is_found_or_harmless(&METER, &m);
}

/* Limits counted for many people, beside a plain list of all that was traded.                   */
static void use_is_as_a_list_of_trades_says(void **state)
{
    (void)state;
    enum { TRADES = 3000, PEOPLE = 40, WINDOW = 1000 };
    struct {
        uint32_t party, item;
        int64_t time, units;
    } *list = calloc(TRADES, sizeof *list);
    struct market_rules *r = malloc(sizeof *r);
    struct market_usage u;
    struct prng p;
    rules_of_text("{limits: [{name: a, per: item, units: 10, window: 1 s}]}", r);
    market_usage_init(&u);
    prng_seed(&p, 99);
    int64_t now = 0;
    for (int i = 0; i < TRADES; i++) {
        struct market_trade t = rules_trade(MARKET_SHOP, "", 100, 1 + (int64_t)prng_below(&p, 9));
        now += (int64_t)prng_below(&p, 5);
        t.time_ms = now;
        t.buyer.party = (uint32_t)prng_below(&p, PEOPLE);
        t.item = (uint32_t)prng_below(&p, 3);
        int64_t since = INT64_MIN / 2, units = 0;
        for (int j = 0; j < i; j++) {
            if (list[j].party != t.buyer.party || list[j].item != t.item)
                continue;
            if (list[j].time >= since + WINDOW) {
                since = list[j].time;
                units = 0;
            }
            units += list[j].units;
        }
        if (now >= since + WINDOW)
            units = 0;
        assert_int_equal(market_usage_units(&u, &r->limits[0], t.buyer.party, t.item, now), units);
        assert_true(market_usage_add(&u, r, &t));
        list[i].party = t.buyer.party;
        list[i].item = t.item;
        list[i].time = now;
        list[i].units = t.quantity;
    }
    market_usage_deinit(&u);
    free(r);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_person_approves),
        cmocka_unit_test(the_one_in_force_is_the_last_to_take_effect),
        cmocka_unit_test(the_past_never_changes),
        cmocka_unit_test_teardown(a_bad_text_is_no_version, memory_returns),
        cmocka_unit_test_teardown(versions_are_saved_and_damage_is_found, memory_returns),
        cmocka_unit_test_teardown(use_is_saved_and_damage_is_found, memory_returns),
        cmocka_unit_test(use_is_as_a_list_of_trades_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
