/* The floor in feeds that are served: who is owed is paid, in time, and settlements say so. */
#include "support_world.h"

#include "base/prng.h"
#include "world/debts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ── the stage ── */

static void slots_that_pay_hold_the_floors_share(void **state)
{
    (void)state;
    for (uint32_t k = 1; k <= FEED_MAX; k += 9)
        for (uint32_t floor_ppm = 0; floor_ppm <= 1000000; floor_ppm += 62500) {
            uint64_t exposure[FEED_MAX], all = 0, last = 0;
            for (uint32_t i = 0; i < k; i++)
                all += exposure[i] = exposure_of_rank(i + 1);
            struct debts none = {0}, full = {.budget = BUDGET_MAX};
            uint64_t share = all * floor_ppm / 1000000;
            uint32_t n = debts_slots(&full, exposure, k, floor_ppm);
            uint32_t few = debts_slots(&none, exposure, k, floor_ppm);
            for (uint32_t i = 0; i < n; i++)
                last += exposure[k - 1 - i];
            assert_true(last >= share); /* no slot is more than the budget */
            if (n > 0)
                assert_true(last - exposure[k - n] < share);
            assert_true(few == n || few + 1 == n);
            assert_int_equal(few == n, last <= share);
            /* what is promised is what they hold, to a unit each */
            double promised = (double)debts_promise(exposure, k, floor_ppm, 7) * 7 / DEBT_UNITS;
            assert_true(promised >= (double)all * floor_ppm / 1e6);
            assert_true(promised <= (double)all * floor_ppm / 1e6 + 7.);
        }
    assert_int_equal(debts_promise((const uint64_t[]){1000000}, 1, 200000, 0), 0);
}

static void settling_forgives_what_was_given_beyond_and_keeps_debts(void **state)
{
    (void)state;
    struct debts d = {0};
    uint64_t owed[4];
    assert_int_equal(debts_served(&d, 3, 100 * DEBT_UNITS, 0, 0, 0), HEED_OK);
    debts_shown(&d, 0, 1);
    debts_owed(&d, 4, owed);
    assert_int_equal(owed[0], 0);
    assert_int_equal(owed[1], 100);
    assert_int_equal(owed[3], 0); /* not known yet */
    assert_int_equal(debts_served(&d, 4, 1 + 50 * DEBT_UNITS, 0, 0, 0), HEED_OK);
    debts_owed(&d, 4, owed);
    assert_int_equal(owed[1], 151); /* rounded up */
    assert_int_equal(owed[3], 51);  /* from when it came on */
    debts_settle(&d);
    assert_int_equal(d.feeds, 0);
    assert_int_equal(d.since[0], 0);
    debts_owed(&d, 4, owed);
    assert_int_equal(owed[0], 0);
    assert_int_equal(owed[1], 151);
    assert_int_equal(debts_served(&d, 4, 10 * DEBT_UNITS, 0, 0, 0), HEED_OK);
    debts_owed(&d, 4, owed);
    assert_int_equal(owed[0], 10); /* the top slot of the epoch before counts no longer */
    assert_int_equal(debts_served(&d, 4, UINT64_C(3000000) * DEBT_UNITS, 0, 0, 0), HEED_OK);
    debts_settle(&d);
    debts_owed(&d, 4, owed);
    assert_int_equal(owed[2], DEBT_MAX);
    debts_deinit(&d);
}

static void a_damaged_state_is_refused(void **state)
{
    (void)state;
    struct debts x = {0};
    assert_int_equal(debts_served(&x, 5, 77777, 3000000, 500000, 300000), HEED_OK);
    debts_shown(&x, 3, 2);
    struct strbuf b;
    static struct sink k;
    strbuf_init(&b, 4096);
    sink_init(&k, strbuf_write, &b);
    debts_save(&x, &k);
    assert_true(sink_flush(&k));
    for (size_t cut = 0; cut <= b.n + 1; cut++) {
        static struct source s;
        struct memory_reader left = {(const uint8_t *)b.p, cut < b.n ? cut : b.n};
        struct debts y = {0};
        struct heed_error err = {0};
        source_init(&s, memory_read, &left);
        assert_int_equal(debts_load(&y, cut > b.n ? 4 : 5, &s, &err), HEED_OK);
        assert_int_equal(!s.failed, cut == b.n);
        if (cut == b.n) {
            assert_int_equal(y.n, 5);
            assert_int_equal(y.level, x.level);
            assert_int_equal(y.budget, 400000);
            assert_memory_equal(y.paid, x.paid, 5 * sizeof *y.paid);
            assert_memory_equal(y.since, x.since, 5 * sizeof *y.since);
        }
        debts_deinit(&y);
    }
    strbuf_deinit(&b);
    debts_deinit(&x);
}

/* ── in a world ── */

enum { USERS = 8, CONTENTS = 40 };

/* Everybody likes the first contents, nobody the others.                                         */
static struct world *few_are_liked(const char *rules)
{
    struct world *w = world_with_rules(rules);
    for (uint32_t u = 0; u < USERS; u++)
        json_decref(call_ok(w, "user add", "id", numbered("u", u), NULL));
    for (uint32_t i = 0; i < CONTENTS; i++)
        json_decref(call_ok(w, "content add", "id", numbered("c", i), "creator",
                            numbered("m", i % 5), NULL));
    for (uint32_t u = 0; u < USERS; u++)
        for (uint32_t i = 0; i < 6; i++)
            json_decref(call_ok(w, "event add", "user", numbered("u", u), "verb", "like", "target",
                                numbered("content:c", i), NULL));
    return w;
}

/* Serves n feeds; adds what contents got, by their numbers. Checks that no debt outgrows the lag
 * that debts.h states. */
static void serve(struct world *w, struct prng *r, uint32_t n, uint64_t given[CONTENTS])
{
    for (uint32_t f = 0; f < n; f++) {
        uint64_t most = 0, owed[CONTENTS];
        json_t *slot,
            *feed = call_ok(w, "feed serve", "user", numbered("u", prng_below(r, USERS)), NULL);
        size_t i, k = json_array_size(json_object_get(feed, "slots"));
        json_array_foreach(json_object_get(feed, "slots"), i, slot)
        {
            const char *id = json_string_value(json_object_get(slot, "target"));
            if (strncmp(id, "content:c", 9) == 0)
                given[strtoul(id + 9, NULL, 10)] += exposure_of_rank((uint32_t)i + 1);
        }
        json_decref(feed);
        debts_owed(&w->state.debts, CONTENTS, owed);
        for (i = 0; i < CONTENTS; i++)
            most = owed[i] > most ? owed[i] : most;
        assert_true(k > 0);
        assert_in_range(most, 0, exposure_of_rank(1) + exposure_of_rank(1) / 10);
    }
}

static double least_share(const uint64_t given[CONTENTS])
{
    uint64_t all = 0, least = UINT64_MAX;
    for (size_t i = 0; i < CONTENTS; i++) {
        all += given[i];
        least = given[i] < least ? given[i] : least;
    }
    return (double)least * CONTENTS / (double)all;
}

static void served_feeds_keep_the_floor(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        double floor;
    } rows[] = {
        {"allocation: {k: 1, floor: 0.2}\n", .2},
        {"allocation: {k: 3, floor: 0.2}\n", .2},
        {"allocation: {k: 3, floor: 0.5}\n", .5},
        {"allocation: {k: 10, floor: 0.5}\n", .5},
        {"allocation: {k: 10, floor: 0.9}\n", .9},
        {"allocation: {k: 5, floor: 0.5, fair: {users: -1, items: -1, lambda: 0.01}}\n", .5},
        {"allocation: {k: 5, floor: 0.4, constraints: {per_creator: 2}}\n", .4},
        {"allocation: {k: 5, floor: 0.4, kinds: {content: 0.8, user: 0.2}}\n", .4},
        {"allocation: {k: 5, floor: 0.4, explore: {method: epsilon, epsilon: 0.3}}\n", .4},
        {"allocation: {k: 5, floor: 0}\n", 0},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct world *w = few_are_liked(rows[row].rules);
        struct prng r;
        prng_seed(&r, row + 1);
        uint64_t given[CONTENTS] = {0};
        serve(w, &r, 300, given);
        double share = least_share(given);
        /* a slot that pays is .133 of the mean of 300 feeds of one, a few hundredths of the others
         */
        if (share < (row == 0 ? rows[row].floor - .1 : rows[row].floor * .93) ||
            (rows[row].floor == 0 && share > 0))
            fail_msg("row %zu: the least shown has %.3f of the mean", row, share);
        json_t *reply = NULL;
        assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
        json_t *served = json_object_get(reply, "served");
        assert_int_equal(!served, rows[row].floor == 0);
        if (served) {
            assert_int_equal(int_at(served, "feeds"), 300);
            double told = json_real_value(json_object_get(served, "min_share"));
            assert_true(told > share - 1e-9 && told < share + 1e-9);
        }
        json_decref(reply);
        assert_int_equal(w->state.debts.feeds, 0);
        assert_verified(w);
        world_close(restored_from(w));
        world_close(w);
    }
}

/* Nobody is disturbed who owes nothing: where all are shown anyway, or nothing is promised yet.  */
static void the_first_feed_pays_nothing(void **state)
{
    (void)state;
    struct world *w = few_are_liked("allocation: {k: 5, floor: 0.5}\n");
    json_t *slot, *first = call_ok(w, "feed serve", "user", "u1", NULL);
    json_t *second = call_ok(w, "feed show", "user", "u1", NULL);
    size_t i, pays = 0;
    json_array_foreach(json_object_get(first, "slots"), i, slot)
    {
        char *all = json_dumps(slot, 0);
        assert_null(strstr(all, "\"floor\""));
        free(all);
    }
    json_array_foreach(json_object_get(second, "slots"), i, slot)
    {
        char *all = json_dumps(slot, 0);
        pays += strstr(all, "\"floor\"") != NULL;
        free(all);
    }
    assert_int_equal(pays, 4); /* 1.95 of 2.95 hold the half that is promised, 1.32 do not */
    json_decref(first);
    json_decref(second);
    world_close(w);
}

static void what_moderation_hides_is_owed_nothing_and_paid_when_it_returns(void **state)
{
    (void)state;
    struct world *w = few_are_liked("allocation: {k: 3, floor: 0.5}\n");
    struct prng r;
    prng_seed(&r, 5);
    json_decref(call_ok(w, "quality decide", "target", "content:c30", "decision", "remove",
                        "reason", "spam", NULL));
    for (int i = 0; i < 60; i++)
        json_decref(call_ok(w, "feed serve", "user", numbered("u", prng_below(&r, USERS)), NULL));
    assert_int_equal(w->state.debts.since[30], 0);
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
    double told = json_real_value(json_object_get(json_object_get(reply, "served"), "min_share"));
    assert_true(told > .3); /* c30 is not among those it is the least of */
    json_decref(reply);
    json_decref(call_ok(w, "quality decide", "target", "content:c30", "decision", "allow", "reason",
                        "not spam", NULL));
    json_decref(call_ok(w, "feed serve", "user", "u1", NULL));
    assert_true(w->state.debts.since[30] > 0);
    assert_verified(w);
    world_close(restored_from(w));
    world_close(w);
}

/* The floor is for what may be shown without limit; a debt from before does not lift the limit. */
static void what_moderation_limits_is_paid_no_debt(void **state)
{
    (void)state;
    struct world *w = few_are_liked("allocation: {k: 3, floor: 0.5, limited: 0}\n");
    struct prng r;
    prng_seed(&r, 6);
    for (int i = 0; i < 5; i++)
        json_decref(call_ok(w, "feed serve", "user", numbered("u", prng_below(&r, USERS)), NULL));
    uint64_t before = w->state.debts.since[30];
    json_decref(call_ok(w, "quality decide", "target", "content:c30", "decision", "limit", "reason",
                        "half an advertisement", NULL));
    for (int i = 0; i < 60; i++)
        json_decref(call_ok(w, "feed serve", "user", numbered("u", prng_below(&r, USERS)), NULL));
    assert_int_equal(w->state.debts.since[30], before);
    assert_true(w->state.debts.since[31] > 0);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_that_pay_hold_the_floors_share),
        cmocka_unit_test(settling_forgives_what_was_given_beyond_and_keeps_debts),
        cmocka_unit_test(a_damaged_state_is_refused),
        cmocka_unit_test(served_feeds_keep_the_floor),
        cmocka_unit_test(the_first_feed_pays_nothing),
        cmocka_unit_test(what_moderation_hides_is_owed_nothing_and_paid_when_it_returns),
        cmocka_unit_test(what_moderation_limits_is_paid_no_debt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
