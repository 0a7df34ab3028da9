/* `allocate floor`: what it says of a floor is what settling then does. */
#include "support_world.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { USERS = 9, CONTENTS = 14, ACTS = 60, SEEDS = 12 };

/* Random people, works and acts of one day. */
static struct world *random_world(uint64_t seed, double floor, int k)
{
    char rules[200];
    struct prng r;
    snprintf(rules, sizeof rules,
             "allocation:\n  k: %d\n  floor: %.3f\n"
             "  mix: {exposure: 0.2, engagement: 0, quality: 0.2, relevance: 0.6}\n",
             k, floor);
    struct world *w = world_with_rules(rules);
    prng_seed(&r, seed);
    for (uint64_t u = 0; u < USERS; u++)
        json_decref(call_ok(w, "user add", "id", numbered("u", u), NULL));
    for (uint64_t i = 0; i < CONTENTS; i++)
        json_decref(call_ok(w, "content add", "id", numbered("c", i), "creator",
                            numbered("u", prng_below(&r, USERS)), NULL));
    for (size_t i = 0; i < ACTS; i++)
        json_decref(call_ok(w, "event add", "user", numbered("u", prng_below(&r, USERS)), "verb",
                            "like", "target", numbered("content:c", prng_below(&r, CONTENTS)),
                            NULL));
    return w;
}

static double number(const json_t *reply, const char *key)
{
    return json_number_value(json_object_get(reply, key));
}

/* Whether settling keeps this floor; *min_share of the least shown. */
static bool settled(uint64_t seed, double floor, int k, double *min_share, double *slots)
{
    struct world *w = random_world(seed, floor, k);
    json_t *outlook = call_ok(w, "allocate floor", NULL);
    struct sha256 before = hash_of(w);
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
    const json_t *of = json_object_get(reply, "floor");
    bool kept = json_is_true(json_object_get(of, "kept"));
    *min_share = number(of, "min_share");
    *slots = number(outlook, "slots");
    assert_float_equal(number(outlook, "share"), floor, 1e-9);
    assert_float_equal(number(outlook, "min_share"), *min_share, 1e-9);
    assert_int_equal(json_is_true(json_object_get(outlook, "kept")), kept);
    struct sha256 after = hash_of(w);
    assert_memory_not_equal(&before, &after, sizeof before);
    json_decref(reply);
    json_decref(outlook);
    world_close(w);
    return kept;
}

static void the_highest_floor_is_kept_and_what_is_above_is_not(void **state)
{
    (void)state;
    int between = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        int k = 2 + (int)(seed % 3);
        struct world *w = random_world(seed, 0, k);
        struct sha256 before = hash_of(w);
        json_t *outlook = call_ok(w, "allocate floor", "share", "0.5", NULL);
        struct sha256 after = hash_of(w);
        assert_memory_equal(&before, &after, sizeof before);
        double highest = number(outlook, "highest"), least, slots;
        assert_int_equal(int_at(outlook, "contents"), CONTENTS);
        if (!settled(seed, highest, k, &least, &slots))
            fail_msg("seed %d: %.3f is not kept", (int)seed, highest);
        assert_true(least >= highest);
        assert_float_equal(number(outlook, "slots"), slots, 0);
        if (highest < 1 && settled(seed, highest + .001, k, &least, &slots))
            fail_msg("seed %d: %.3f is kept as well", (int)seed, highest + .001);
        between += highest > 0 && highest < 1;
        json_decref(outlook);
        world_close(w);
    }
    assert_true(between >= SEEDS / 2);
}

static void without_people_there_is_nothing_to_say(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    call_refused(w, "no_acts", "allocate floor", NULL);
    world_close(w);
}

static void more_contents_than_slots_leave_no_floor(void **state)
{
    (void)state;
    struct world *w = random_world(1, 0.1, 1);
    json_t *reply = call_ok(w, "allocate floor", NULL);
    assert_true(int_at(reply, "slots") < int_at(reply, "contents"));
    assert_true(json_is_false(json_object_get(reply, "kept")));
    assert_float_equal(number(reply, "highest"), 0, 0);
    json_decref(reply);
    world_close(w);
}

/* Asked before each feed or never: feeds are the same. */
static void asking_changes_no_feed(void **state)
{
    (void)state;
    struct world *asked = random_world(3, 0.2, 3), *other = random_world(3, 0.2, 3);
    for (uint64_t u = 0; u < USERS; u++) {
        json_decref(call_ok(asked, "allocate floor", "share", "0.9", NULL));
        json_t *x = call_ok(asked, "feed serve", "user", numbered("u", u), NULL);
        json_t *y = call_ok(other, "feed serve", "user", numbered("u", u), NULL);
        assert_true(json_equal(x, y));
        json_decref(x);
        json_decref(y);
    }
    world_close(asked);
    world_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_highest_floor_is_kept_and_what_is_above_is_not),
        cmocka_unit_test(without_people_there_is_nothing_to_say),
        cmocka_unit_test(more_contents_than_slots_leave_no_floor),
        cmocka_unit_test(asking_changes_no_feed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
