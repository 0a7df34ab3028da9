/* People of plaza trade what they earned: in the shop, on the exchange and in auctions. */
#include "support_world.h"

#include "base/time.h"
#include "import/import.h"
#include "sim/plaza.h"
#include "world/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEED = 11, DAYS = 7 };

static struct world *world_of(const char *dir)
{
    struct str rules = rules_preset("plaza");
    struct world_options options = {
        .create = true, .rules_yaml = rules.p, .rules_size = rules.n, .pid = getpid()};
    struct world *w = NULL;
    struct heed_error err = {0};
    struct import_result result = {0};
    const struct heed_context context = {T0 + 60 * DAY, NULL};
    assert_int_equal(world_open(":memory:", &options, &w, &err), HEED_OK);
    if (import_dir(w, &context, dir, &(struct import_options){0}, &result, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    import_result_deinit(&result);
    return w;
}

static void settle(struct world *w)
{
    char until[32];
    int64_t epoch_ms = w->state.rules.consumption.epoch_ms;
    snprintf(until, sizeof until, "%lld",
             (long long)((world_now(w) / epoch_ms + 1) * epoch_ms / 1000));
    json_decref(call_ok(w, "settle", "until", until, NULL));
}

static json_t *trade(struct world *w, uint64_t seed)
{
    json_t *traded = NULL;
    struct heed_error err = {0};
    if (plaza_trade(w, seed, &traded, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_non_null(traded);
    return traded;
}

/* A plaza of seven days that was paid. */
static struct world *paid_plaza(void)
{
    const struct plaza_size size = {700, 1500, 100, DAYS, 60000};
    struct heed_error err = {0};
    assert_int_equal(plaza_generate(test_dir(), SEED, &size, &err), HEED_OK);
    struct world *w = world_of(test_dir());
    settle(w);
    return w;
}

static int64_t below(const json_t *o, const char *part, const char *key)
{
    return int_at(json_object_get(o, part), key);
}

/* ── every place has its trades ── */

static void shop_exchange_and_auctions_are_used(void **unused)
{
    (void)unused;
    struct world *w = paid_plaza();
    const struct state *s = &w->state;
    json_t *t = trade(w, SEED);
    size_t resales = 0, proxies = 0, revealed = 0, forfeited = 0, winners = 0, phases[3] = {0};
    for (size_t i = 0; i < s->shop.purchases_n; i++)
        resales += s->shop.purchases[i].offer != SHOP_NONE;
    assert_in_range(s->shop.purchases_n, 300, 4000);
    assert_int_equal(int_at(t, "purchases"), s->shop.purchases_n);
    assert_true(resales > 10);
    assert_int_equal(int_at(t, "resales"), resales);
    assert_int_equal(s->venues.n, 3);
    int64_t trades = 0, turnover = 0;
    for (size_t i = 0; i < s->venues.n; i++) {
        const struct venue *m = &s->venues.list[i];
        trades += (int64_t)m->trades_n;
        assert_true(m->trades_n > 20);
        for (size_t k = 0; k < m->trades_n; k++) {
            const struct transfer *x = &s->ledger.transfers[m->trades[k]];
            int64_t minute = x->time_ms % DAY_MS / 60000;
            turnover += x->amount_minor * (int64_t)x->data_hi;
            assert_in_range(minute, 540, 1020);
            phases[0] +=
                minute == 540; /* the call's price, at the bell or what comes first after */
            phases[1] += minute > 540;
        }
    }
    assert_true(phases[0] > 0 && phases[1] > 0);
    assert_int_equal(below(t, "exchange", "trades"), trades);
    assert_int_equal(below(t, "exchange", "turnover_minor"), turnover);
    assert_int_equal(below(t, "auctions", "closed"), s->auctions.lots_n);
    size_t sold[AUCTION_FORMS] = {0}, again = 0;
    for (size_t i = 0; i < s->auctions.lots_n; i++) {
        const struct lot *x = &s->auctions.lots[i];
        const struct auction *a = &x->auction;
        size_t won = 0, held = 0;
        assert_int_not_equal(a->state, AUCTION_OPEN);
        sold[a->terms.form] += a->state == AUCTION_SOLD;
        again += a->state == AUCTION_SOLD && !x->made;
        for (size_t k = 0; k < a->bids_n; k++) {
            const struct auction_bid *b = &a->bids[k];
            won += b->won_units > 0;
            held += b->held_minor != 0;
            revealed += b->revealed;
            forfeited += b->forfeited_minor > 0;
            /* a proxy's maximum above what it paid */
            proxies +=
                a->terms.form == AUCTION_ENGLISH && b->won_units && b->price_minor > b->paid_minor;
        }
        assert_int_equal(held, 0);
        winners = a->terms.form == AUCTION_UNITS_UNIFORM && won > winners ? won : winners;
    }
    assert_true(sold[AUCTION_ENGLISH] > 3 && sold[AUCTION_SEALED_VICKREY] > 2);
    assert_true(sold[AUCTION_UNITS_UNIFORM] > 1 && winners > 1 && again > 0);
    assert_true(proxies > 0 && revealed > 10 && forfeited > 0);
    json_decref(t);
    world_close(w);
}

/* ── money ── */

static int64_t paid_into(const struct state *s, const char *sink)
{
    for (size_t i = 0; i < s->shop.sinks_n; i++) {
        uint16_t purpose = (uint16_t)(PURPOSE_SINKS + i);
        if (strcmp(shop_sink_name(&s->shop, purpose), sink) == 0)
            return ledger_balance(&s->ledger,
                                  ledger_find_for(&s->ledger, HOLDER_RETIRE, 0, purpose));
    }
    return 0;
}

static void what_is_spent_was_earned_and_fees_go_by_rule(void **unused)
{
    (void)unused;
    struct world *w = paid_plaza();
    const struct state *s = &w->state;
    struct ledger_totals before = ledger_totals(&s->ledger, 0);
    size_t first = s->ledger.transfers_n;
    json_t *t = trade(w, SEED);
    struct ledger_totals after = ledger_totals(&s->ledger, 0);
    int64_t fees = 0, royalties = 0, now_ms = 0;
    size_t days = 0;
    assert_int_equal(after.issued_minor, before.issued_minor); /* no money but rewards */
    for (size_t i = first; i < s->ledger.transfers_n; i++) {
        const struct transfer *x = &s->ledger.transfers[i];
        assert_true(x->time_ms >= now_ms);
        days += x->time_ms / DAY_MS != now_ms / DAY_MS;
        now_ms = x->time_ms;
        fees += x->code == CODE_FEE ? x->amount_minor : 0;
        royalties += x->code == CODE_ROYALTY ? x->amount_minor : 0;
    }
    assert_true(s->ledger.transfers[first].time_ms >= T0 + DAYS * DAY);
    assert_true(now_ms <= T0 + (DAYS + 7) * DAY);
    assert_int_equal(days, 7);
    assert_true(fees > 0 && royalties > 0);
    assert_int_equal(int_at(t, "fees_minor"), fees);
    assert_int_equal(int_at(t, "royalties_minor"), royalties);
    assert_int_equal(after.retired_minor - before.retired_minor, fees);
    int64_t treasury = paid_into(s, "treasury"), bazaar = paid_into(s, "bazaar"),
            house = paid_into(s, "auction-house");
    assert_true(treasury > 0 && bazaar > 0 && house > 0);
    assert_true(treasury + bazaar + house < fees); /* the shop's and the exchange's own */
    uint32_t *units;
    struct ledger_totals *totals;
    size_t n;
    assert_int_equal(ledger_all_totals(&s->ledger, &units, &totals, &n), HEED_OK);
    assert_true(n > 50);
    for (size_t i = 0; i < n; i++)
        if (totals[i].sum_minor != 0)
            fail_msg("unit %u sums to %lld", units[i], (long long)totals[i].sum_minor);
    free(units);
    free(totals);
    assert_verified(w);
    json_decref(t);
    world_close(w);
}

/* ── again ── */

static void a_second_time_changes_nothing(void **unused)
{
    (void)unused;
    struct world *w = paid_plaza();
    json_t *t = trade(w, SEED);
    assert_true(plaza_traded(w));
    struct sha256 hash = hash_of(w);
    json_t *second = trade(w, SEED);
    assert_int_equal(int_at(second, "purchases") + below(second, "exchange", "trades"), 0);
    assert_true(sha256_eq(hash, hash_of(w)));
    /* a command known by its id is answered, and not done again; with other contents refused */
    char id[64], amount[32];
    const struct venue *m = &w->state.venues.list[0];
    uint32_t maker = catalogue_good(&w->state.catalogue, m->target)->seller;
    char good[96], to[96];
    world_target_text(w, m->target, good);
    world_target_text(w, target_make(TARGET_USER, maker), to);
    snprintf(id, sizeof id, "plaza-%d-2", SEED);
    snprintf(amount, sizeof amount, "%d", 150);
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 90 * DAY, &reply, "ledger issue", "to", to, "amount",
                             amount, "currency", good, "id", id, NULL),
                     HEED_OK);
    assert_true(json_is_true(json_object_get(reply, "repeated")));
    json_decref(reply);
    assert_int_equal(call_as(w, NULL, T0 + 90 * DAY, &reply, "ledger issue", "to", to, "amount",
                             "151", "currency", good, "id", id, NULL),
                     HEED_REFUSED);
    json_decref(reply);
    json_decref(second);
    json_decref(t);
    world_close(w);
}

static void the_seed_decides_what_is_traded(void **unused)
{
    (void)unused;
    struct world *a = paid_plaza(), *b = world_of(test_dir()), *c = world_of(test_dir());
    settle(b);
    settle(c);
    json_t *t = trade(a, 3), *u = trade(b, 3), *v = trade(c, 4);
    assert_true(json_equal(t, u));
    assert_true(sha256_eq(hash_of(a), hash_of(b)));
    assert_false(json_equal(t, v));
    json_decref(t);
    json_decref(u);
    json_decref(v);
    world_close(a);
    world_close(b);
    world_close(c);
}

/* ── a copy has the same acts and judgements, so it pays and trades alike ── */

static void a_copy_trades_alike(void **unused)
{
    (void)unused;
    const struct plaza_size size = {700, 1500, 100, DAYS, 60000};
    struct heed_error err = {0};
    char *copy = test_path("copy");
    assert_int_equal(plaza_generate(test_dir(), SEED, &size, &err), HEED_OK);
    struct world *w = world_of(test_dir());
    if (export_dir(w, T0 + 60 * DAY, copy, true, NULL, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    struct world *x = world_of(copy);
    settle(w);
    settle(x);
    json_t *t = trade(w, SEED), *u = trade(x, SEED);
    assert_true(json_equal(t, u));
    const struct ledger *l = &w->state.ledger, *k = &x->state.ledger;
    assert_int_equal(l->transfers_n, k->transfers_n);
    for (size_t i = 0; i < l->transfers_n; i++)
        if (l->transfers[i].amount_minor != k->transfers[i].amount_minor ||
            l->transfers[i].time_ms != k->transfers[i].time_ms ||
            l->transfers[i].code != k->transfers[i].code)
            fail_msg("transfer %zu differs", i);
    json_decref(t);
    json_decref(u);
    world_close(w);
    world_close(x);
    free(copy);
}

/* ── worlds that are hardly one ── */

static void small_and_poor_worlds_trade_what_they_can(void **unused)
{
    (void)unused;
    struct heed_error err = {0};
    for (uint64_t seed = 0; seed < 6; seed++) {
        const struct plaza_size size = {100, 50, 10, 3, 500};
        assert_int_equal(plaza_generate(test_dir(), seed, &size, &err), HEED_OK);
        struct world *w = world_of(test_dir());
        if (seed % 2) /* else nobody was paid */
            settle(w);
        json_t *t = trade(w, seed);
        if (seed % 2 == 0)
            assert_false(plaza_traded(w));
        json_decref(t);
        assert_verified(w);
        world_close(w);
    }
    struct world *w = world_in_memory();
    json_decref(trade(w, 1));
    assert_false(plaza_traded(w));
    world_close(w);
}

static void a_plaza_is_known_by_its_truth(void **unused)
{
    (void)unused;
    const struct plaza_size size = {100, 50, 10, 3, 500};
    struct heed_error err = {0};
    assert_int_equal(plaza_generate(test_dir(), 1, &size, &err), HEED_OK);
    assert_true(plaza_is(test_dir()));
    char *path = test_path("truth.csv");
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs("id,true\n", f);
    fclose(f);
    assert_false(plaza_is(test_dir()));
    unlink(path);
    assert_false(plaza_is(test_dir()));
    assert_false(plaza_is("/dev/null"));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shop_exchange_and_auctions_are_used),
        cmocka_unit_test(what_is_spent_was_earned_and_fees_go_by_rule),
        cmocka_unit_test(a_second_time_changes_nothing),
        cmocka_unit_test(the_seed_decides_what_is_traded),
        cmocka_unit_test(a_copy_trades_alike),
        cmocka_unit_test(small_and_poor_worlds_trade_what_they_can),
        cmocka_unit_test(a_plaza_is_known_by_its_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
