/* People who are served feeds, tell of each slot that they saw it, and like what they examine: one
 * showing is one impression, here and in a copy of the world, and once it is learnt how far people
 * look, most of what being on top made of contents alike is gone. */
#include "support_world.h"

#include "base/prng.h"
#include "import/import.h"
#include "world/apply.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { USERS = 100, CONTENTS = 20, SLOTS = 5, FEEDS = 3000 };

static void act(struct world *w, const char *user, const char *verb, const char *target,
                int64_t time_ms)
{
    json_t *reply;
    assert_int_equal(call_as(w, NULL, time_ms, &reply, "event add", "user", user, "verb", verb,
                             "target", target, NULL),
                     HEED_OK);
    json_decref(reply);
}

/* Feeds of SLOTS; who sees slot i looks at it with probability 1 / (i + 1), and likes what he looks
 * at with the content's appeal.                                                                  */
static struct world *live(uint64_t seed, int feeds, const double appeal[CONTENTS])
{
    struct world *w = world_in_memory();
    struct prng r;
    prng_seed(&r, seed);
    for (uint32_t i = 0; i < USERS; i++)
        json_decref(call_ok(w, "user add", "id", numbered("u", i), NULL));
    json_decref(call_ok(w, "user add", "id", "maker", NULL));
    for (uint32_t i = 0; i < CONTENTS; i++)
        json_decref(call_ok(w, "content add", "id", numbered("c", i), "creator", "maker", NULL));
    for (int f = 0; f < feeds; f++) {
        char user[16];
        json_t *feed, *slot;
        size_t i;
        int64_t now = T0 + f * INT64_C(60000);
        snprintf(user, sizeof user, "u%u", (unsigned)prng_below(&r, USERS));
        assert_int_equal(call_as(w, NULL, now, &feed, "feed serve", "user", user, "k", "5", NULL),
                         HEED_OK);
        json_array_foreach(json_object_get(feed, "slots"), i, slot)
        {
            const char *target = json_string_value(json_object_get(slot, "target"));
            uint32_t content = target_index(world_find_target(w, str_of(target)));
            act(w, user, "view", target, now);
            if (prng_double(&r) < appeal[content] / (double)(i + 1))
                act(w, user, "like", target, now);
        }
        json_decref(feed);
    }
    return w;
}

static const struct target_stats *stats(const struct world *w, uint32_t content)
{
    return behaviour_target(&w->state.behaviour, target_make(TARGET_CONTENT, content));
}

/* Pearson's chi-squared of the contents' likes against one appeal, over its degrees of freedom, by
 * the impressions that `quality show` goes by.                                                   */
static double unlike(struct world *w, double appeal)
{
    double sum = 0;
    for (uint32_t i = 0; i < CONTENTS; i++) {
        char target[16];
        snprintf(target, sizeof target, "content:c%u", (unsigned)i);
        json_t *reply = call_ok(w, "quality show", "target", target, NULL);
        const json_t *part = json_object_get(json_object_get(reply, "parts"), "interactivity");
        double n = (double)json_integer_value(json_object_get(part, "evidence"));
        double off = (double)stats(w, i)->engagements - n * appeal;
        sum += off * off / (n * appeal * (1 - appeal)) / CONTENTS;
        json_decref(reply);
    }
    return sum;
}

/* Not all: who was lucky low down is shown higher up, which flatters the low positions by some .05.
 */
static void contents_alike_are_nearly_alike_wherever_they_stood(void **state)
{
    (void)state;
    double appeal[CONTENTS];
    for (int i = 0; i < CONTENTS; i++)
        appeal[i] = .3;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct world *w = live(seed, FEEDS, appeal);
        for (uint32_t i = 0; i < CONTENTS; i++)
            assert_int_equal(stats(w, i)->impressions, stats(w, i)->served);
        double before = unlike(w, .3);
        json_t *reply = call_ok(w, "quality fit", NULL);
        json_t *examined = json_object_get(reply, "examined");
        assert_int_equal(json_array_size(examined), SLOTS);
        for (size_t k = 0; k < SLOTS; k++) {
            double got = json_real_value(json_array_get(examined, k));
            if (fabs(got - 1. / (double)(k + 1)) > .12)
                fail_msg("seed %d, position %zu: examined %.3f", (int)seed, k + 1, got);
        }
        json_decref(reply);
        double after = unlike(w, .3);
        if (before < 100 || after > 8)
            fail_msg("seed %d: chi-squared %.2f of what it should be before, %.2f after", (int)seed,
                     before, after);
        world_close(w);
    }
}

static void a_showing_counts_once_and_a_second_look_again(void **state)
{
    (void)state;
    const double appeal[CONTENTS] = {0};
    struct world *w = live(3, 0, appeal);
    act(w, "u0", "view", "content:c3", T0); /* no feed has shown it */
    assert_int_equal(stats(w, 3)->impressions, 1);
    json_t *feed = call_ok(w, "feed serve", "user", "u0", "k", "20", NULL);
    json_decref(feed);
    assert_int_equal(stats(w, 3)->impressions, 2);
    act(w, "u1", "view", "content:c3", T0); /* another, whom no feed has shown it */
    act(w, "u0", "view", "content:c3", T0 - 1000);
    assert_int_equal(stats(w, 3)->impressions, 4);
    act(w, "u0", "view", "content:c3", T0);
    assert_int_equal(stats(w, 3)->impressions, 4); /* the slot's */
    act(w, "u0", "view", "content:c3", T0 + 1000);
    assert_int_equal(stats(w, 3)->impressions, 5); /* he looks again */
    json_decref(call_ok(w, "feed serve", "user", "u0", "k", "20", NULL));
    act(w, "u0", "view", "content:c3", T0);
    assert_int_equal(stats(w, 3)->impressions, 6); /* the next slot's */
    assert_int_equal(stats(w, 3)->served, 2);
    json_t *reply;
    for (int i = 0; i < 2; i++) { /* sent twice, it is one */
        assert_int_equal(call_as(w, NULL, T0, &reply, "event add", "user", "u0", "verb", "view",
                                 "target", "content:c4", "id", "once", NULL),
                         HEED_OK);
        json_decref(reply);
    }
    assert_int_equal(stats(w, 4)->impressions, 2);
    assert_verified(w);
    struct world *again = restored_from(w);
    assert_int_equal(again->state.feeds[0].seen[0], w->state.feeds[0].seen[0]);
    world_close(again);
    world_close(w);
}

static void a_copy_counts_showings_as_the_world_did(void **state)
{
    (void)state;
    double appeal[CONTENTS];
    for (int i = 0; i < CONTENTS; i++)
        appeal[i] = i / (double)CONTENTS;
    struct world *w = live(4, 60, appeal);
    act(w, "u5", "view", "content:c3", T0 + 1000);
    struct world *from = w;
    for (int round = 0; round < 2; round++) { /* a copy, and a copy of it */
        char *dir = test_path(round == 0 ? "first" : "second");
        struct heed_error err = {0};
        struct import_result result = {0};
        const struct heed_context context = {.time_ms = T0 + DAY};
        struct world *copy = world_in_memory();
        assert_int_equal(export_dir(from, T0, dir, false, NULL, &err), HEED_OK);
        if (import_dir(copy, &context, dir, &(struct import_options){0}, &result, &err) != HEED_OK)
            fail_msg("%s: %s", err.where, err.message);
        assert_int_equal(result.total.rejected + result.total.refused, 0);
        import_result_deinit(&result);
        for (uint32_t i = 0; i < CONTENTS; i++) {
            char name[16];
            snprintf(name, sizeof name, "content:c%u", (unsigned)i);
            uint32_t target = target_index(world_find_target(copy, str_of(name)));
            assert_int_equal(stats(copy, target)->impressions, stats(w, i)->impressions);
            assert_int_equal(stats(copy, target)->served, stats(w, i)->served);
        }
        if (from != w)
            world_close(from);
        from = copy;
        free(dir);
    }
    world_close(from);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_alike_are_nearly_alike_wherever_they_stood),
        cmocka_unit_test(a_showing_counts_once_and_a_second_look_again),
        cmocka_unit_test(a_copy_counts_showings_as_the_world_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
