/* Feeds of a world: with more contents than are scored one by one for every feed, and with scores
 * that may be some seconds old. */
#include "support_world.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CONTENTS = 2 * CANDIDATES_KEPT + 100, USERS = 20, ACTS = 200, SEED = 5 };

static const char *named(char buffer[32], const char *format, uint64_t n)
{
    snprintf(buffer, 32, format, (unsigned long long)n);
    return buffer;
}

static struct world *large_world(void)
{
    struct world *w = world_in_memory();
    struct prng r;
    char user[32], content[32];
    prng_seed(&r, SEED);
    for (uint64_t u = 0; u < USERS; u++)
        json_decref(call_ok(w, "user add", "id", named(user, "u%llu", u), NULL));
    for (uint64_t i = 0; i < CONTENTS; i++)
        json_decref(call_ok(w, "content add", "id", named(content, "c%llu", i), "creator",
                            named(user, "u%llu", prng_below(&r, USERS)), NULL));
    for (size_t i = 0; i < ACTS; i++)
        json_decref(call_ok(w, "event add", "user", named(user, "u%llu", prng_below(&r, USERS)),
                            "verb", "like", "target",
                            named(content, "content:c%llu", prng_below(&r, 60) * 200), NULL));
    return w;
}

/* The first feed after a change scores every content, those after it take two steps.             */
static void feeds_after_the_first_are_the_same_as_the_first(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"exposure", "engagement", "quality", "relevance",
                                             "mixed"};
    struct world *w = large_world();
    for (size_t i = 0; i < 10; i++) {
        char user[32], other[32], id[32];
        const char *algorithm = algorithms[i % 5];
        named(user, "u%llu", i);
        json_decref(call_ok(w, "user add", "id", named(id, "new%llu", i), NULL));
        json_t *scan =
            call_ok(w, "feed show", "user", user, "algorithm", algorithm, "k", "100", NULL);
        json_decref(call_ok(w, "feed show", "user", named(other, "u%llu", i + 1), "algorithm",
                            algorithm, NULL));
        json_t *steps =
            call_ok(w, "feed show", "user", user, "algorithm", algorithm, "k", "100", NULL);
        assert_int_equal(json_array_size(json_object_get(scan, "slots")), 100);
        if (!json_equal(scan, steps))
            fail_msg("seed %d: %s for %s is not the same in two steps", SEED, algorithm, user);
        json_decref(scan);
        json_decref(steps);
    }
    world_close(w);
}

static void a_brief_feed_names_the_same_targets(void **state)
{
    (void)state;
    struct world *w = large_world();
    json_t *whole = call_ok(w, "feed show", "user", "u1", "k", "40", NULL);
    json_t *brief = call_ok(w, "feed show", "user", "u1", "k", "40", "brief", "1", NULL);
    const json_t *slots = json_object_get(brief, "slots"), *slot;
    size_t i;
    assert_int_equal(json_array_size(slots), 40);
    json_array_foreach((json_t *)(uintptr_t)slots, i, slot)
    {
        const json_t *same = json_array_get(json_object_get(whole, "slots"), i);
        assert_int_equal(json_object_size(slot), 2);
        assert_true(json_equal(json_object_get(slot, "target"), json_object_get(same, "target")));
        assert_true(json_equal(json_object_get(slot, "rank"), json_object_get(same, "rank")));
    }
    json_decref(whole);
    json_decref(brief);
    world_close(w);
}

/* ── scores that may be old ── */

static json_t *feed_at(struct world *w, int64_t time_ms, const char *user, const char *algorithm)
{
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, time_ms, &reply, "feed show", "user", user, "algorithm",
                             algorithm, "k", "3", NULL),
                     HEED_OK);
    return reply;
}

static const char *first_of(const json_t *feed)
{
    return json_string_value(
        json_object_get(json_array_get(json_object_get(feed, "slots"), 0), "target"));
}

static bool shows(const json_t *feed, const char *target)
{
    size_t i;
    json_t *slot;
    json_array_foreach(json_object_get(feed, "slots"), i,
                       slot) if (strcmp(json_string_value(json_object_get(slot, "target")),
                                        target) == 0) return true;
    return false;
}

static struct world *three_posts(const char *rules)
{
    struct world *w = world_with_rules(rules);
    static const char *const users[] = {"ann", "bob", "cyd"};
    for (size_t i = 0; i < 3; i++)
        json_decref(call_ok(w, "user add", "id", users[i], NULL));
    static const char *const posts[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++)
        json_decref(call_ok(w, "content add", "id", posts[i], "creator", "maker", NULL));
    json_decref(
        call_ok(w, "event add", "user", "bob", "verb", "like", "target", "content:a", NULL));
    return w;
}

static void like(struct world *w, const char *user, const char *target)
{
    json_decref(call_ok(w, "event add", "user", user, "verb", "like", "target", target, NULL));
}

static void scores_are_as_old_as_the_rules_allow(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        int64_t later_ms;
        const char *first; /* after two likes for b, one of a before */
    } rows[] = {
        {"allocation: {refresh: 0 s}\n", 0, "content:b"},
        {"allocation: {refresh: 5 s}\n", 0, "content:a"},
        {"allocation: {refresh: 5 s}\n", 4999, "content:a"},
        {"allocation: {refresh: 5 s}\n", 5000, "content:b"},
        {"allocation: {refresh: 5 s}\n", -5000, "content:b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = three_posts(rows[i].rules);
        json_t *before = feed_at(w, T0, "cyd", "exposure");
        assert_string_equal(first_of(before), "content:a");
        like(w, "ann", "content:b");
        like(w, "cyd", "content:b");
        json_t *after = feed_at(w, T0 + rows[i].later_ms, "cyd", "exposure");
        if (strcmp(first_of(after), rows[i].first) != 0)
            fail_msg("row %zu: %s comes first", i, first_of(after));
        json_decref(before);
        json_decref(after);
        world_close(w);
    }
}

static void what_is_decided_counts_at_once(void **state)
{
    (void)state;
    struct world *w =
        three_posts("allocation: {refresh: 1 d, constraints: {hide_at: -1}}\n"
                    "behaviour: {verbs: [{name: hide, class: negative, weight: -1000}]}\n");
    json_t *feed = feed_at(w, T0, "cyd", "exposure");
    assert_true(shows(feed, "content:a") && shows(feed, "content:b"));
    json_decref(feed);

    json_decref(call_ok(w, "quality decide", "target", "content:a", "decision", "remove", "reason",
                        "spam", NULL));
    feed = feed_at(w, T0, "cyd", "exposure");
    assert_false(shows(feed, "content:a"));
    json_decref(feed);

    json_decref(
        call_ok(w, "event add", "user", "cyd", "verb", "hide", "target", "content:b", NULL));
    feed = feed_at(w, T0, "cyd", "exposure");
    assert_false(shows(feed, "content:b"));
    json_decref(feed);

    json_decref(call_ok(w, "content add", "id", "d", "creator", "maker", NULL));
    feed = feed_at(w, T0, "cyd", "exposure");
    assert_true(shows(feed, "content:d"));
    json_decref(feed);

    /* a newcomer under a creator known since, and what he makes is not shown to himself */
    json_decref(call_ok(w, "user add", "id", "dan", NULL));
    json_decref(call_ok(w, "content add", "id", "e", "creator", "dan", NULL));
    feed = feed_at(w, T0, "dan", "exposure");
    assert_true(shows(feed, "content:d") && !shows(feed, "content:e"));
    json_decref(feed);

    json_decref(call_ok(w, "user erase", "user", "dan", NULL));
    feed = feed_at(w, T0, "ann", "exposure");
    assert_false(shows(feed, "content:e"));
    json_decref(feed);
    world_close(restored_from(w));
    world_close(w);
}

/* Exposure is what is paid for: an epoch is settled by the scores as they are. */
static void settling_takes_the_scores_of_the_moment(void **state)
{
    (void)state;
    static const char *const rules[] = {"allocation: {algorithm: exposure, floor: 0, k: 1}\n",
                                        "allocation: {algorithm: exposure, floor: 0, k: 1, "
                                        "refresh: 100 d}\n"};
    for (size_t i = 0; i < 2; i++) {
        struct world *w = three_posts(rules[i]);
        json_decref(feed_at(w, T0, "cyd", "exposure"));
        like(w, "ann", "content:b");
        like(w, "cyd", "content:b");
        assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, NULL, "settle", NULL), HEED_OK);
        assert_true(w->state.exposure.n == 3);
        assert_int_equal(w->state.exposure.given[0], 0);
        assert_int_equal(w->state.exposure.given[1], 3 * 1000000);
        world_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_as_old_as_the_rules_allow),
        cmocka_unit_test(what_is_decided_counts_at_once),
        cmocka_unit_test(settling_takes_the_scores_of_the_moment),
        cmocka_unit_test(feeds_after_the_first_are_the_same_as_the_first),
        cmocka_unit_test(a_brief_feed_names_the_same_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
