/* Constraints in a world: each holds in feed show, in feed serve and in an epoch's feeds. */
#include "support_world.h"

#include "world/snapshot.h"
#include "world/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(...) json_decref(call_ok(w, __VA_ARGS__, NULL))

/* x0 … x9 by ann: ads. y0 … y9 by bob: games, of kind video. z0 … z5 by dan: indie, published
 * twenty days before the others. s0 by bob: staff. cyd and mod (a moderator) look; ann's are seen
 * most. */
static struct world *filled(const char *constraints)
{
    char yaml[600];
    snprintf(yaml, sizeof yaml,
             "allocation:\n  k: 6\n  algorithm: exposure\n  floor: 0\n  constraints: %s\n",
             constraints);
    struct world *w = world_with_rules(yaml);
    static const char *const users[] = {"ann", "bob", "cyd", "dan", "eye"};
    static const struct {
        char letter;
        int n;
        const char *creator, *category, *kind, *created;
    } contents[] = {{'x', 10, "ann", "ads", "post", "2025-12-31"},
                    {'y', 10, "bob", "games", "video", "2025-12-31"},
                    {'z', 6, "dan", "indie", "post", "2025-12-11"},
                    {'s', 1, "bob", "staff", "post", "2025-12-31"}};
    for (size_t i = 0; i < 5; i++)
        OK("user add", "id", users[i], "joined", "2025-06-01");
    OK("user add", "id", "mod", "role", "moderator", "joined", "2025-06-01");
    OK("user add", "id", "new", "joined", "2025-12-30");
    OK("service add", "id", "age", "name", "Age check");
    for (size_t c = 0; c < 4; c++)
        for (int i = 0; i < contents[c].n; i++) {
            char id[16], target[32];
            snprintf(id, sizeof id, "%c%d", contents[c].letter, i);
            snprintf(target, sizeof target, "content:%s", id);
            OK("content add", "id", id, "creator", contents[c].creator, "category",
               contents[c].category, "kind", contents[c].kind, "created", contents[c].created);
            for (int seen = 0; seen < 6 - (int)c; seen++) {
                char event[40];
                snprintf(event, sizeof event, "%s-%d", id, seen);
                OK("event add", "user", seen % 2 ? "eye" : "mod", "verb", "view", "target", target,
                   "id", event);
            }
        }
    OK("event add", "user", "cyd", "verb", "view", "target", "service:age");
    return w;
}

static size_t count(const json_t *feed, char letter)
{
    const json_t *slot;
    size_t i, n = 0;
    json_array_foreach(json_object_get(feed, "slots"), i, slot) n +=
        json_string_value(json_object_get(slot, "target"))[8] == letter;
    return n;
}

/* What the contents of a letter have of the last epoch, in millionths of a top slot.             */
static uint64_t exposure_of(const struct world *w, char letter)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < w->state.exposure.n; i++)
        if (intern_str(&w->state.catalogue.content_ids, i).p[0] == letter)
            sum += w->state.exposure.given[i];
    return sum;
}

static uint64_t slots_worth(uint32_t from, uint32_t to)
{
    uint64_t sum = 0;
    for (uint32_t rank = from; rank <= to; rank++)
        sum += exposure_of_rank(rank);
    return sum;
}

enum { X, Y, Z, S, LETTERS };
static const char letters[] = "xyzs";

static void each_constraint_holds_in_what_is_shown_and_served(void **state)
{
    (void)state;
    static const struct {
        const char *constraints;
        const char *user;
        size_t least[LETTERS], most[LETTERS]; /* of six slots */
        const char *reason;                   /* of some slot; "": none */
    } rows[] = {
        {"{}", "cyd", {6, 0, 0, 0}, {6, 0, 0, 0}, ""},
        {"{per_creator: 2}", "cyd", {2, 2, 2, 0}, {2, 2, 2, 2}, "per_creator"},
        {"{per_category: 3}", "cyd", {3, 3, 0, 0}, {3, 3, 0, 0}, "per_category"},
        {"{caps: [{category: ads, max: 1}]}", "cyd", {1, 5, 0, 0}, {1, 5, 0, 0}, "caps[0]"},
        {"{caps: [{category: ads, share: 0.34}, {kind: video, max: 1}]}",
         "cyd",
         {2, 1, 3, 0},
         {2, 1, 3, 1},
         "caps[1]"},
        {"{per_creator: 5, caps: [{category: games, max: 0}, {kind: post, max: 6}]}",
         "cyd",
         {5, 0, 1, 0},
         {5, 0, 1, 0},
         "per_creator"},
        {"{groups: [{category: indie, share: 0.5}]}",
         "cyd",
         {4, 0, 1, 0},
         {5, 0, 2, 0},
         "groups[0]"},
        {"{fresh: {share: 1, within: 7 d}, per_creator: 4}",
         "cyd",
         {4, 2, 0, 0},
         {4, 2, 0, 1},
         "per_creator"},
        {"{max_age: 10 d, caps: [{category: ads, max: 1}, {kind: video, max: 4}]}",
         "cyd",
         {1, 4, 0, 1},
         {1, 4, 0, 1},
         "caps[0]"},
        /* audiences, never relaxed: x is left out */
        {"{audience: [{category: ads, roles: [moderator]}]}",
         "cyd",
         {0, 6, 0, 0},
         {0, 6, 0, 0},
         ""},
        {"{audience: [{category: ads, roles: [moderator]}]}",
         "mod",
         {6, 0, 0, 0},
         {6, 0, 0, 0},
         ""},
        {"{audience: [{category: ads, not_roles: [member]}]}",
         "cyd",
         {0, 6, 0, 0},
         {0, 6, 0, 0},
         ""},
        {"{audience: [{category: ads, account: 30 d}]}", "new", {0, 6, 0, 0}, {0, 6, 0, 0}, ""},
        {"{audience: [{category: ads, account: 30 d}]}", "cyd", {6, 0, 0, 0}, {6, 0, 0, 0}, ""},
        {"{audience: [{category: ads, has: \"service:age\"}]}",
         "new",
         {0, 6, 0, 0},
         {0, 6, 0, 0},
         ""},
        {"{audience: [{category: ads, has: \"service:age\"}]}",
         "cyd",
         {6, 0, 0, 0},
         {6, 0, 0, 0},
         ""},
        {"{audience: [{kind: video, has: \"service:none\"}, {category: ads, roles: [auditor]}]}",
         "cyd",
         {0, 0, 5, 0},
         {0, 0, 6, 1},
         ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = filled(rows[i].constraints);
        json_t *shown = call_ok(w, "feed show", "user", rows[i].user, NULL);
        json_t *served = call_ok(w, "feed serve", "user", rows[i].user, NULL), *slot;
        if (!json_equal(shown, served))
            fail_msg("row %zu: what is served is not what is shown", i);
        if (json_object_get(shown, "relaxed"))
            fail_msg("row %zu: something is relaxed", i);
        bool found = rows[i].reason[0] == 0;
        size_t s;
        json_array_foreach(json_object_get(shown, "slots"), s, slot)
        {
            const json_t *reason;
            size_t r;
            json_array_foreach(json_object_get(slot, "reasons"), r, reason) found =
                found ||
                strcmp(json_string_value(json_object_get(reason, "name")), rows[i].reason) == 0;
            json_t *why = call_ok(w, "feed explain", "user", rows[i].user, "target",
                                  json_string_value(json_object_get(slot, "target")), NULL);
            assert_true(
                json_equal(json_object_get(why, "reasons"), json_object_get(slot, "reasons")));
            json_decref(why);
        }
        if (!found)
            fail_msg("row %zu: no slot says %s", i, rows[i].reason);
        for (int l = 0; l < LETTERS; l++)
            if (count(shown, letters[l]) < rows[i].least[l] ||
                count(shown, letters[l]) > rows[i].most[l])
                fail_msg("row %zu: %zu of %c", i, count(shown, letters[l]), letters[l]);
        json_decref(shown);
        json_decref(served);
        world_close(w);
    }
}

static void an_epoch_keeps_the_constraints(void **state)
{
    (void)state;
    static const struct {
        const char *constraints;
        uint64_t least[LETTERS], most[LETTERS]; /* slots of each of the feeds, 6 a feed */
    } rows[] = {
        {"{per_creator: 2}", {2, 2, 2, 0}, {2, 2, 2, 2}},
        {"{per_category: 3}", {3, 3, 0, 0}, {3, 3, 0, 0}},
        {"{caps: [{category: ads, max: 1}]}", {1, 5, 0, 0}, {1, 5, 0, 0}},
        {"{groups: [{category: indie, share: 0.5}]}", {0, 0, 1, 0}, {6, 0, 2, 0}},
        {"{audience: [{category: ads, roles: [auditor]}]}", {0, 6, 0, 0}, {0, 6, 0, 0}},
        {"{max_age: 10 d}", {0, 0, 0, 0}, {6, 6, 0, 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = filled(rows[i].constraints);
        json_t *reply = NULL;
        assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
        int64_t feeds = int_at(reply, "feeds");
        assert_true(feeds > 0);
        assert_null(json_object_get(reply, "relaxed"));
        for (int l = 0; l < LETTERS; l++) {
            uint64_t given = exposure_of(w, letters[l]);
            /* at most the first slots of each feed */
            uint64_t most = (uint64_t)feeds * slots_worth(1, (uint32_t)rows[i].most[l]);
            if (given > most || (rows[i].least[l] > 0 && given == 0))
                fail_msg("row %zu: %c has %llu, %llu at most", i, letters[l],
                         (unsigned long long)given, (unsigned long long)most);
        }
        json_decref(reply);
        world_close(w);
    }
}

static void whoever_acts_against_a_content_or_creator_is_not_shown_it(void **state)
{
    (void)state;
    struct world *w = filled("{hide_at: -5}");
    json_t *feed = call_ok(w, "feed show", "user", "cyd", "k", "100", NULL);
    assert_int_equal(count(feed, 'x'), 10);
    assert_int_equal(count(feed, 'y'), 10);
    json_decref(feed);
    OK("event add", "user", "cyd", "verb", "report", "target", "content:x3");
    OK("event add", "user", "cyd", "verb", "report", "target", "user:bob");
    OK("event add", "user", "cyd", "verb", "dislike", "target", "content:z1");
    feed = call_ok(w, "feed show", "user", "cyd", "k", "100", NULL);
    assert_int_equal(count(feed, 'x'), 9);
    assert_int_equal(count(feed, 'y'), 0);
    assert_int_equal(count(feed, 's'), 0);
    assert_int_equal(count(feed, 'z'), 6);
    json_decref(feed);
    feed = call_ok(w, "feed show", "user", "new", "k", "100", NULL);
    assert_int_equal(count(feed, 'y'), 10); /* others see them */
    json_decref(feed);
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
    json_decref(reply);
    world_close(w);
}

static void what_is_relaxed_is_named_and_replays(void **state)
{
    (void)state;
    char *path = test_path("relaxed.world");
    struct heed_error err = {0};
    struct world *w;
    const char *yaml = "allocation:\n  k: 4\n  algorithm: exposure\n  floor: 0.9\n  constraints:\n"
                       "    per_creator: 1\n    fresh: {share: 0.5, within: 1 d}\n"
                       "    caps: [{category: ads, max: 1}]\n";
    const struct world_options options = {
        .create = true, .rules_yaml = yaml, .rules_size = strlen(yaml)};
    assert_int_equal(world_open(path, &options, &w, &err), HEED_OK);
    OK("user add", "id", "cyd");
    for (int i = 0; i < 6; i++) {
        char id[16];
        snprintf(id, sizeof id, "x%d", i);
        OK("content add", "id", id, "creator", i < 5 ? "ann" : "bob", "category",
           i < 3 ? "ads" : "news", "created", "2025-12-01");
    }
    OK("event add", "user", "cyd", "verb", "view", "target", "content:x1");
    json_t *feed = call_ok(w, "feed serve", "user", "cyd", NULL), *row;
    const json_t *relaxed = json_object_get(feed, "relaxed");
    assert_int_equal(json_array_size(relaxed), 2);
    row = json_array_get(relaxed, 0);
    assert_string_equal(json_string_value(json_object_get(row, "rule")), "fresh");
    assert_string_equal(json_string_value(json_object_get(row, "asks")), "at least");
    assert_int_equal(int_at(row, "wanted"), 2);
    assert_int_equal(int_at(row, "got"), 0);
    assert_non_null(strstr(json_string_value(json_object_get(row, "why")), "no more"));
    row = json_array_get(relaxed, 1);
    assert_string_equal(json_string_value(json_object_get(row, "rule")), "per_creator");
    assert_int_equal(int_at(row, "got"), 3);
    json_decref(feed);
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
    assert_int_equal(int_at(json_object_get(reply, "relaxed"), "fresh"), 1);
    assert_int_equal(int_at(json_object_get(reply, "relaxed"), "per_creator"), 1);
    assert_false(json_is_true(json_object_get(json_object_get(reply, "floor"), "kept")));
    assert_non_null(json_object_get(json_object_get(reply, "floor"), "forbidden_by"));
    json_decref(reply);
    /* a slot's rules survive the snapshot and the replay */
    feed = call_ok(w, "feed explain", "user", "cyd", "target", "content:x5", NULL);
    struct sha256 hash = hash_of(w);
    world_close(w);
    w = world_at(path);
    assert_true(sha256_eq(hash, hash_of(w)));
    json_t *again = call_ok(w, "feed explain", "user", "cyd", "target", "content:x5", NULL);
    assert_true(json_equal(feed, again));
    json_decref(feed);
    json_decref(again);
    world_close(w);
    (void)hash_then_unlink(path);
}

static void what_came_next_says_which_rule_forbade_it_and_chance_keeps_them(void **state)
{
    (void)state;
    const char *yaml = "allocation:\n  k: 3\n  algorithm: exposure\n  runners_up: 6\n  floor: 0\n"
                       "  explore: {method: epsilon, epsilon: 1, candidates: 3}\n"
                       "  constraints: {caps: [{category: ads, max: 1}]}\n";
    struct world *w = world_with_rules(yaml);
    OK("user add", "id", "cyd");
    OK("user add", "id", "eye");
    for (int i = 0; i < 10; i++) { /* four ads seen most, then news */
        char id[16], target[32];
        snprintf(id, sizeof id, "x%d", i);
        snprintf(target, sizeof target, "content:%s", id);
        OK("content add", "id", id, "creator", "ann", "category", i < 4 ? "ads" : "news");
        for (int seen = 0; seen < 10 - i; seen++)
            OK("event add", "user", "eye", "verb", "view", "target", target);
    }
    unsigned explored = 0;
    for (int turn = 0; turn < 30; turn++) {
        json_t *feed = call_ok(w, "feed serve", "user", "cyd", NULL), *slot;
        unsigned ads = 0;
        size_t i;
        json_array_foreach(json_object_get(feed, "slots"), i, slot)
        {
            ads += json_string_value(json_object_get(slot, "target"))[9] < '4';
            explored += json_is_true(json_object_get(slot, "explored"));
        }
        assert_int_equal(ads, 1);
        json_decref(feed);
    }
    assert_true(explored > 10 && explored < 30);
    json_t *why = call_ok(w, "feed explain", "user", "cyd", "target", "content:x1", NULL);
    assert_false(json_is_true(json_object_get(why, "shown")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(why, "forbidden_by"), 0)),
                        "caps[0]");
    assert_int_equal(json_array_size(json_object_get(why, "nearest")), 0);
    json_decref(why);
    world_close(w);
}

static void moderated_contents_stay_out_whatever_the_rules_ask(void **state)
{
    (void)state;
    struct world *w =
        filled("{groups: [{category: indie, share: 0.5}], caps: [{category: ads, max: 1}]}");
    for (int i = 0; i < 6; i++) {
        char target[32];
        snprintf(target, sizeof target, "content:z%d", i);
        OK("quality decide", "target", target, "decision", "remove", "reason", "spam");
    }
    json_t *feed = call_ok(w, "feed show", "user", "cyd", NULL);
    const json_t *row = json_array_get(json_object_get(feed, "relaxed"), 0);
    assert_int_equal(count(feed, 'z'), 0);
    assert_int_equal(count(feed, 'x'), 1);
    assert_string_equal(json_string_value(json_object_get(row, "rule")), "groups[0]");
    json_decref(feed);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_constraint_holds_in_what_is_shown_and_served),
        cmocka_unit_test(an_epoch_keeps_the_constraints),
        cmocka_unit_test(whoever_acts_against_a_content_or_creator_is_not_shown_it),
        cmocka_unit_test(what_is_relaxed_is_named_and_replays),
        cmocka_unit_test(what_came_next_says_which_rule_forbade_it_and_chance_keeps_them),
        cmocka_unit_test(moderated_contents_stay_out_whatever_the_rules_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
