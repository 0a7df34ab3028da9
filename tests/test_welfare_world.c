/* The welfare in a world, through the commands: feeds served in turn, explained, settled, replayed.
 */
#include "support_fault.h"
#include "support_world.h"

#include "world/apply.h"
#include "world/snapshot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(...) json_decref(call_ok(w, __VA_ARGS__, NULL))

enum { USERS = 8, CONTENTS = 12 };

static const char fair[] = "allocation:\n  k: 3\n  floor: 0\n  runners_up: 6\n"
                           "  fair: {users: -1, items: -1, lambda: 0.2}\n";

/* u0 … u7 look at c0 … c11, the first ones most; every third content is of category even.        */
static void fill(struct world *w)
{
    char user[16], content[16], target[32];
    for (int u = 0; u < USERS; u++) {
        snprintf(user, sizeof user, "u%d", u);
        OK("user add", "id", user);
    }
    for (int c = 0; c < CONTENTS; c++) {
        snprintf(content, sizeof content, "c%d", c);
        OK("content add", "id", content, "creator", c % 2 ? "maker" : "other", "category",
           c % 3 ? "odd" : "even");
    }
    OK("good add", "id", "cup", "name", "Cup", "price", "1");
    for (int u = 0; u < USERS; u++)
        for (int c = 0; c < CONTENTS; c++) {
            if ((u * 7 + c * 5) % CONTENTS < c)
                continue;
            snprintf(user, sizeof user, "u%d", u);
            snprintf(target, sizeof target, "content:c%d", c);
            OK("event add", "user", user, "verb", c % 4 ? "view" : "like", "target", target);
        }
}

static struct world *filled(const char *yaml)
{
    struct world *w = world_with_rules(yaml);
    fill(w);
    return w;
}

#define FAIR_KEY "r.yaml: line 2, key allocation.fair"
static const struct {
    const char *yaml, *where, *message;
} bad_fair[] = {
    {"allocation:\n  fair: some", FAIR_KEY, "a map of keys"},
    {"allocation:\n  fair: [none]", FAIR_KEY, "a map of keys"},
    {"allocation:\n  fair: {}", FAIR_KEY, "lambda is missing"},
    {"allocation:\n  fair: {users: -1, items: -1}", FAIR_KEY, "lambda is missing"},
    {"allocation:\n  fair: {lambda: 0}", FAIR_KEY ".lambda", "not between 0.000001 and 1.000000"},
    {"allocation:\n  fair: {lambda: 1.1}", FAIR_KEY ".lambda", "not between"},
    {"allocation:\n  fair: {lambda: much}", FAIR_KEY ".lambda", "a share between 0 and 1"},
    {"allocation:\n  fair: {users: 2, lambda: 0.1}", FAIR_KEY ".users",
     "not between -10.000 and 1.000"},
    {"allocation:\n  fair: {items: -11, lambda: 0.1}", FAIR_KEY ".items",
     "not between -10.000 and 1.000"},
    {"allocation:\n  fair: {users: none, lambda: 0.1}", FAIR_KEY ".users", "a number"},
    {"allocation:\n  fair: {creators: -1, lambda: 0.1}", FAIR_KEY ".creators",
     "no rule of this name"},
    {"allocation:\n  fair: {lambda: 0.1, lambda: 0.1}", FAIR_KEY ".lambda", "given twice"},
};

static void the_rule_is_read_and_a_bad_one_named(void **unused)
{
    (void)unused;
    static const struct {
        const char *yaml;
        int32_t users, items;
        uint32_t lambda;
    } rows[] = {
        {"allocation: {fair: none}", 1000, 1000, 0},
        {"allocation: {fair: {users: -1, items: -0.5, lambda: 0.01}}", -1000, -500, 10000},
        {"allocation: {fair: {lambda: 1}}", 1000, 1000, 1000000},
        {"allocation: {fair: {items: 0, lambda: 0.000001}}", 1000, 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rules r;
        struct heed_error err = {0};
        assert_int_equal(rules_parse(str_of(rows[i].yaml), "r.yaml", &r, &err), HEED_OK);
        assert_int_equal(r.allocation.fair.users_milli, rows[i].users);
        assert_int_equal(r.allocation.fair.items_milli, rows[i].items);
        assert_int_equal(r.allocation.fair.lambda_ppm, rows[i].lambda);
    }
    for (size_t i = 0; i < sizeof bad_fair / sizeof *bad_fair; i++) {
        struct rules r;
        struct heed_error err = {0};
        enum heed_status status = rules_parse(str_of(bad_fair[i].yaml), "r.yaml", &r, &err);
        if (status != HEED_INPUT || strcmp(err.where, bad_fair[i].where) != 0 ||
            !strstr(err.message, bad_fair[i].message))
            fail_msg("%s: %d, %s: %s", bad_fair[i].yaml, (int)status, err.where, err.message);
    }
}

static json_t *slot_at(const json_t *feed, size_t i)
{
    return json_array_get(json_object_get(feed, "slots"), i);
}

static double real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* A reason's value and weight; false when the slot has none of this name.                        */
static bool reason(const json_t *slot, const char *name, double *value, double *weight)
{
    size_t i;
    json_t *r;
    json_array_foreach(json_object_get(slot, "reasons"), i, r)
    {
        if (strcmp(json_string_value(json_object_get(r, "name")), name) != 0)
            continue;
        *value = real(r, "value");
        *weight = real(r, "weight");
        return true;
    }
    return false;
}

static void check_sums(const json_t *slot)
{
    double sum = 0;
    size_t i;
    json_t *r;
    json_array_foreach(json_object_get(slot, "reasons"), i, r) sum +=
        real(r, "value") * real(r, "weight");
    if (fabs(sum - real(slot, "score")) > 5e-6)
        fail_msg("score %f, reasons %f", real(slot, "score"), sum);
}

static void every_slot_shows_the_welfares_term_and_adds_up(void **unused)
{
    (void)unused;
    struct world *w = filled(fair);
    static const char *const algorithms[] = {"mixed", "relevance", "exposure", "quality"};
    for (size_t a = 0; a < 4; a++)
        for (int u = 0; u < USERS; u++) {
            char user[16];
            double value, weight;
            snprintf(user, sizeof user, "u%d", u);
            json_t *feed = call_ok(w, "feed serve", "user", user, "algorithm", algorithms[a], NULL);
            assert_int_equal(json_array_size(json_object_get(feed, "slots")), 3);
            for (size_t i = 0; i < 3; i++) {
                check_sums(slot_at(feed, i));
                assert_true(reason(slot_at(feed, i), "welfare", &value, &weight));
                assert_true(value > 0 && weight > 0 && weight < 1);
            }
            json_decref(feed);
        }
    world_close(w);
}

static void without_the_rule_nothing_is_kept_or_said(void **unused)
{
    (void)unused;
    struct world *w = filled("allocation: {k: 3, fair: none}\n");
    double value, weight;
    json_t *feed = call_ok(w, "feed serve", "user", "u1", NULL);
    assert_false(reason(slot_at(feed, 0), "welfare", &value, &weight));
    json_decref(feed);
    json_t *settled = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &settled, "settle", NULL), HEED_OK);
    json_decref(settled);
    assert_int_equal(w->state.welfare.users_n + w->state.welfare.settled_n, 0);
    world_close(w);
}

/* Who looks twice sees the others rise; what was given is what the slots gave.                   */
static void the_state_is_what_feeds_gave_since_the_last_settlement(void **unused)
{
    (void)unused;
    struct world *w = filled(fair);
    uint64_t given[CONTENTS] = {0}, shown = 0;
    for (int t = 0; t < 3 * USERS; t++) {
        char user[16];
        snprintf(user, sizeof user, "u%d", t % USERS);
        json_t *feed = call_ok(w, "feed serve", "user", user, NULL);
        for (uint32_t i = 0; i < 3; i++) {
            const char *id = json_string_value(json_object_get(slot_at(feed, i), "target"));
            given[strtoul(id + strlen("content:c"), NULL, 10)] += exposure_of_rank(i + 1);
        }
        json_decref(feed);
    }
    const struct welfare *x = &w->state.welfare;
    const struct debts *d = &w->state.debts;
    for (size_t i = 0; i < CONTENTS; i++) {
        assert_int_equal(given[i], i < d->n ? d->since[i] : 0);
        shown += given[i] > 0;
    }
    assert_int_equal(shown, CONTENTS); /* by score alone three or four would be */
    for (uint32_t u = 0; u < USERS; u++) {
        assert_int_equal(x->users[u].feeds, 3);
        assert_in_range(x->users[u].utility_ppm, 1000000, 3000003);
    }
    json_t *before = call_ok(w, "feed show", "user", "u1", NULL);
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
    assert_int_equal(d->since[0] + d->feeds, 0);
    assert_int_equal(x->users_n, 0);
    assert_int_equal(x->settled_n, w->state.consumption.settlements_n);
    json_decref(reply);
    double old, new, weight;
    json_t *after = call_ok(w, "feed show", "user", "u1", NULL);
    assert_true(reason(slot_at(before, 0), "welfare", &old, &weight));
    assert_true(reason(slot_at(after, 0), "welfare", &new, &weight));
    assert_true(fabs(old - new) > 1e-3);
    json_decref(before);
    json_decref(after);
    world_close(w);
}

static json_t *settled(const char *yaml)
{
    struct world *w = filled(yaml);
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
    json_t *first = json_incref(json_array_get(json_object_get(reply, "epochs"), 0));
    json_decref(reply);
    world_close(w);
    return first;
}

static void settling_says_what_the_welfare_costs(void **unused)
{
    (void)unused;
    json_t *little = settled("allocation: {k: 3, floor: 0, fair: {items: -1, lambda: 0.000001}}\n");
    json_t *much = settled(fair);
    json_t *floor = settled("allocation: {k: 3, floor: 0.5, fair: {users: -1, items: -1, lambda: "
                            "0.05}}\n");
    json_t *none = settled("allocation: {k: 3, floor: 0}\n");
    const json_t *a = json_object_get(little, "welfare"), *b = json_object_get(much, "welfare"),
                 *c = json_object_get(floor, "welfare");
    assert_true(real(a, "mean_utility") > .97 && real(a, "mean_utility") <= 1);
    assert_true(real(b, "mean_utility") < real(a, "mean_utility"));
    assert_true(real(b, "worst_decile") <= real(b, "mean_utility"));
    assert_true(real(b, "gini") < real(a, "gini"));
    assert_true(fabs(real(a, "gini_alone") - real(b, "gini_alone")) < 1e-9);
    assert_true(real(b, "gini") < real(b, "gini_alone"));
    assert_true(json_is_true(json_object_get(json_object_get(floor, "floor"), "kept")));
    assert_true(real(json_object_get(floor, "floor"), "min_share") >= .5);
    assert_true(real(c, "mean_utility") > 0);
    assert_null(json_object_get(none, "welfare"));
    json_decref(little);
    json_decref(much);
    json_decref(floor);
    json_decref(none);
}

static void explain_tells_of_the_feed_as_it_was(void **unused)
{
    (void)unused;
    struct world *w = filled(fair);
    for (int u = 0; u < USERS; u++) {
        char user[16];
        snprintf(user, sizeof user, "u%d", u);
        OK("feed serve", "user", user);
    }
    json_t *feed = call_ok(w, "feed serve", "user", "u3", NULL);
    json_t *wide = call_ok(w, "feed show", "user", "u5", NULL); /* somebody else's */
    json_decref(wide);
    for (int t = 0; t < 10; t++)
        OK("feed serve", "user", "u6"); /* prices move */
    for (size_t i = 0; i < 3; i++) {
        json_t *slot = slot_at(feed, i);
        json_t *why = call_ok(w, "feed explain", "user", "u3", "target",
                              json_string_value(json_object_get(slot, "target")), NULL);
        assert_true(json_equal(json_object_get(why, "reasons"), json_object_get(slot, "reasons")));
        assert_true(json_equal(json_object_get(why, "score"), json_object_get(slot, "score")));
        json_decref(why);
    }
    size_t told = 0;
    for (int c = 0; c < CONTENTS; c++) {
        char target[32];
        double value, weight;
        json_t *why = NULL;
        snprintf(target, sizeof target, "content:c%d", c);
        if (call_as(w, NULL, T0, &why, "feed explain", "user", "u3", "target", target, NULL) ==
                HEED_OK &&
            json_is_false(json_object_get(why, "shown"))) {
            check_sums(why);
            assert_true(reason(why, "welfare", &value, &weight));
            assert_true(real(why, "score") <= real(why, "needed") + 1e-6);
            told++;
        }
        json_decref(why);
    }
    assert_int_equal(told, 6);
    json_decref(feed);
    world_close(w);
}

static void constraints_and_other_kinds_keep_their_word(void **unused)
{
    (void)unused;
    struct world *w = filled("allocation:\n  k: 4\n  floor: 0\n"
                             "  fair: {users: 0, items: -1, lambda: 0.5}\n"
                             "  kinds: {content: 0.75, good: 0.25}\n"
                             "  constraints: {caps: [{category: even, max: 1}]}\n");
    for (int t = 0; t < 2 * USERS; t++) {
        char user[16];
        size_t i, even = 0, goods = 0;
        json_t *slot;
        double value, weight;
        snprintf(user, sizeof user, "u%d", t % USERS);
        json_t *feed = call_ok(w, "feed serve", "user", user, NULL);
        assert_null(json_object_get(feed, "relaxed"));
        json_array_foreach(json_object_get(feed, "slots"), i, slot)
        {
            const char *id = json_string_value(json_object_get(slot, "target"));
            bool content = strncmp(id, "content:", 8) == 0;
            check_sums(slot);
            assert_int_equal(reason(slot, "welfare", &value, &weight), content);
            even += content && strtoul(id + 9, NULL, 10) % 3 == 0;
            goods += !content;
        }
        assert_true(even <= 1);
        assert_int_equal(goods, 1);
        json_decref(feed);
    }
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
    json_decref(reply);
    world_close(w);
}

static void replay_snapshot_and_verify_agree(void **unused)
{
    (void)unused;
    static const char rules[] = "allocation:\n  k: 3\n  floor: 0.3\n"
                                "  explore: {method: epsilon, epsilon: 0.5}\n"
                                "  fair: {users: -1, items: 0, lambda: 0.1}\n";
    char *path = test_path("welfare.world");
    struct heed_error err = {0};
    struct world *w;
    const struct world_options options = {
        .create = true, .rules_yaml = rules, .rules_size = strlen(rules)};
    assert_int_equal(world_open(path, &options, &w, &err), HEED_OK);
    fill(w);
    OK("feed serve", "user", "u0");
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
    json_decref(reply);
    for (int t = 0; t < 20; t++) {
        char user[16];
        snprintf(user, sizeof user, "u%d", t % USERS);
        OK("feed serve", "user", user);
    }
    OK("content add", "id", "new", "creator", "maker");
    OK("user erase", "user", "u7");
    json_t *feed = call_ok(w, "feed show", "user", "u2", NULL);
    struct sha256 hash = hash_of(w);
    struct world *copy = restored_from(w);
    assert_int_equal(copy->state.welfare.settled_n, 1);
    world_close(copy);
    assert_int_equal(snapshot_write(w, &err), HEED_OK);
    assert_verified(w);
    world_close(w);
    for (int replayed = 0; replayed < 2; replayed++) {
        const struct world_options again = {.no_snapshots = replayed == 1, .pid = getpid()};
        assert_int_equal(world_open(path, &again, &w, &err), HEED_OK);
        assert_true(sha256_eq(hash, hash_of(w)));
        json_t *now = call_ok(w, "feed show", "user", "u2", NULL);
        assert_true(json_equal(feed, now));
        json_decref(now);
        world_close(w);
    }
    json_decref(feed);
    unlink(path);
    free(path);
}

static void a_fact_is_read_as_it_was_packed_or_not_at_all(void **unused)
{
    (void)unused;
    struct world *w = filled(fair);
    struct feed_fact f = {.n = 1,
                          .more = 1,
                          .policy = 1,
                          .welfare = true,
                          .utility_kept = 900001,
                          .slots = {{.item = 3,
                                     .kind = TARGET_CONTENT,
                                     .propensity = 1,
                                     .value_ppm = {[REASON_WELFARE] = 1000000000},
                                     .weight_ppm = {[REASON_WELFARE] = 1000000}},
                                    {.item = 4, .kind = TARGET_CONTENT, .propensity = 1}}};
    static struct feed_fact out;
    struct strbuf b;
    strbuf_init(&b, 4096);
    assert_true(fact_pack(&b, &f));
    assert_true(fact_read((struct str){b.p, b.n}, &w->state.catalogue, &out));
    assert_true(out.welfare);
    assert_int_equal(out.utility_kept, 900001);
    assert_int_equal(out.slots[0].value_ppm[REASON_WELFARE], 1000000000);
    assert_int_equal(out.slots[0].weight_ppm[REASON_WELFARE], 1000000);
    assert_int_equal(out.slots[1].weight_ppm[REASON_WELFARE], 0);
    for (size_t cut = 1; cut <= 6; cut++) /* within what the welfare says */
        assert_false(fact_read((struct str){b.p, b.n - cut}, &w->state.catalogue, &out));
    f.slots[1].value_ppm[REASON_WELFARE] = 1000000001;
    strbuf_deinit(&b);
    strbuf_init(&b, 4096);
    assert_true(fact_pack(&b, &f));
    assert_false(fact_read((struct str){b.p, b.n}, &w->state.catalogue, &out));
    strbuf_deinit(&b);
    world_close(w);
}

static void feeds_and_settlements_say_when_memory_is_out(void **unused)
{
    (void)unused;
    feeds_while_memory_ends(filled, fair, "u5");
}

/* A saved state cut anywhere, or saying more than there is, loads as nothing. */
static void a_damaged_welfare_is_refused(void **unused)
{
    (void)unused;
    static const struct {
        size_t parties, settlements;
    } less[] = {{0, 1}, {9, 0}, {9, 2}};
    struct welfare x = {0};
    const struct welfare_cost cost = {900000, 800000, 500000, 700000};
    assert_int_equal(welfare_settle(&x, &cost), HEED_OK);
    assert_int_equal(welfare_served(&x, 4, 900001), HEED_OK);
    assert_int_equal(welfare_served(&x, 5, 0), HEED_OK);
    struct strbuf b;
    static struct sink k;
    strbuf_init(&b, 4096);
    sink_init(&k, strbuf_write, &b);
    welfare_save(&x, &k);
    assert_true(sink_flush(&k));
    for (size_t cut = 0; cut < b.n + sizeof less / sizeof *less + 1; cut++) {
        static struct source s;
        struct memory_reader left = {(const uint8_t *)b.p, cut < b.n ? cut : b.n};
        struct welfare y = {0};
        struct heed_error err = {0};
        size_t row = cut > b.n ? cut - b.n - 1 : 0;
        source_init(&s, memory_read, &left);
        enum heed_status status = welfare_load(&y, cut > b.n ? less[row].parties : 9,
                                               cut > b.n ? less[row].settlements : 1, &s, &err);
        assert_int_equal(status, HEED_OK);
        assert_int_equal(!s.failed, cut == b.n);
        if (cut == b.n) {
            assert_int_equal(y.users[4].utility_ppm, 900000);
            assert_int_equal(y.users_n, 5);
            assert_memory_equal(&y.settled[0], &cost, sizeof cost);
        }
        welfare_deinit(&y);
    }
    strbuf_deinit(&b);
    welfare_deinit(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_is_read_and_a_bad_one_named),
        cmocka_unit_test(every_slot_shows_the_welfares_term_and_adds_up),
        cmocka_unit_test(without_the_rule_nothing_is_kept_or_said),
        cmocka_unit_test(the_state_is_what_feeds_gave_since_the_last_settlement),
        cmocka_unit_test(settling_says_what_the_welfare_costs),
        cmocka_unit_test(explain_tells_of_the_feed_as_it_was),
        cmocka_unit_test(constraints_and_other_kinds_keep_their_word),
        cmocka_unit_test(replay_snapshot_and_verify_agree),
        cmocka_unit_test(a_fact_is_read_as_it_was_packed_or_not_at_all),
        cmocka_unit_test(a_damaged_welfare_is_refused),
        cmocka_unit_test_teardown(feeds_and_settlements_say_when_memory_is_out, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
