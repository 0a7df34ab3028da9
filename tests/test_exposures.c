/* Feeds that explore: what they show is logged with its propensity, and the log can be read back.
 */
#include "allocation/ope_file.h"
#include "import/exposures.h"
#include "support_import.h"
#include "support_world.h"
#include "world/apply.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONTENTS = 30, FEEDS = 400, K = 3 };

static struct world *world_of(const char *rules)
{
    struct world *w = world_with_rules(rules);
    fill_small(w);
    for (int i = 0; i < CONTENTS; i++) {
        char id[16];
        snprintf(id, sizeof id, "x%d", i);
        json_decref(call_ok(w, "content add", "id", id, "creator", "ann", "title", id, NULL));
        for (int n = 0; n < i % 7; n++)
            json_decref(call_ok(w, "event add", "user", "cyd", "verb", "view", "target",
                                i % 2 ? "content:x1" : "content:x2", NULL));
    }
    return w;
}

/* Serves one feed and gives its last slot. */
static json_t *last_slot(struct world *w, json_t **reply)
{
    *reply = call_ok(w, "feed serve", "user", "bob", "k", "3", "surface", "home", NULL);
    json_t *slots = json_object_get(*reply, "slots");
    assert_int_equal(json_array_size(slots), K);
    for (size_t i = 0; i + 1 < K; i++)
        assert_null(json_object_get(json_array_get(slots, i), "propensity"));
    return json_array_get(slots, K - 1);
}

static void half_of_the_feeds_explore_with_the_chance_that_is_logged(void **state)
{
    (void)state;
    struct world *w =
        world_of("allocation: {explore: {method: epsilon, epsilon: 0.5, candidates: 9}}\n");
    int explored = 0, tenth = 0;
    for (int i = 0; i < FEEDS; i++) {
        json_t *reply, *slot = last_slot(w, &reply);
        double p = json_real_value(json_object_get(slot, "propensity"));
        bool other = json_is_true(json_object_get(slot, "explored"));
        explored += other;
        tenth += fabs(p - (other ? .05 : .55)) < 1e-9; /* .5 / 10, and what is left */
        json_decref(reply);
    }
    assert_int_equal(tenth, FEEDS);
    /* .45 of them, as the best is drawn too; four standard deviations */
    assert_true(fabs(explored / (double)FEEDS - .45) < 4 * sqrt(.45 * .55 / FEEDS));
    json_t *show = call_ok(w, "feed show", "user", "bob", "k", "3", NULL);
    assert_null(json_object_get(json_array_get(json_object_get(show, "slots"), K - 1),
                                "propensity")); /* only looks */
    json_decref(show);
    assert_verified(w);
    world_close(w);
}

static void what_a_feed_explored_is_told_of_the_moment(void **state)
{
    (void)state;
    struct world *w = world_of("allocation: {explore: {method: thompson, candidates: 20}, k: 3}\n");
    json_t *reply, *slot = last_slot(w, &reply);
    json_t *why = call_ok(w, "feed explain", "user", "bob", "target",
                          json_string_value(json_object_get(slot, "target")), NULL);
    assert_true(
        json_equal(json_object_get(slot, "propensity"), json_object_get(why, "propensity")));
    assert_true(json_equal(json_object_get(slot, "explored"), json_object_get(why, "explored")));
    assert_int_equal(strlen(json_string_value(json_object_get(why, "policy"))), 16);
    double p = json_real_value(json_object_get(why, "propensity"));
    assert_true(p >= .05 / 21 && p <= .95 + .05 / 21); /* the rules' own epsilon */
    json_decref(why);
    json_decref(reply);
    world_close(w);
}

/* The log says of every slot what the reply said, and off-policy evaluation reads it.            */
static void the_log_of_exposures_judges_another_policy(void **state)
{
    (void)state;
    struct world *w = world_of(
        "allocation: {explore: {method: epsilon, epsilon: 1, candidates: 19}, k: 1, floor: 0}\n");
    char *path = test_path("log.csv");
    struct heed_error err = {0};
    struct exposures_written written;
    int liked = 0, x5 = 0;
    for (int i = 0; i < FEEDS; i++) {
        json_t *reply = call_ok(w, "feed serve", "user", "bob", NULL);
        const char *target = json_string_value(
            json_object_get(json_array_get(json_object_get(reply, "slots"), 0), "target"));
        bool like = strcmp(target, "content:x5") == 0 || i % 10 == 0;
        x5 += strcmp(target, "content:x5") == 0;
        liked += like;
        if (like)
            json_decref(
                call_ok(w, "event add", "user", "bob", "verb", "like", "target", target, NULL));
        json_decref(reply);
    }
    assert_true(x5 > 0);
    const struct exposures_options later = {T0 + DAY, DAY, false};
    assert_int_equal(exposures_write(w, path, &later, &written, &err), HEED_OK);
    assert_int_equal(written.rows, FEEDS);
    assert_int_equal(written.open, 0);
    struct ope_map map;
    struct ope_file file;
    assert_int_equal(ope_map_own(&map, &err), HEED_OK);
    if (ope_file_read(path, &map, false, STR_NONE, false, &file, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(file.log.n, FEEDS);
    assert_int_equal(file.log.units, 1);
    double rewards = 0;
    for (size_t i = 0; i < file.log.n; i++) {
        rewards += file.log.reward[i];
        assert_true(fabs(file.log.propensity[i] - .05) < 1e-9);
    }
    assert_true(rewards == liked);
    ope_file_deinit(&file);
    ope_map_deinit(&map);
    json_decref(call_ok(w, "user erase", "user", "bob", NULL));
    assert_int_equal(exposures_write(w, path, &later, &written, &err), HEED_OK);
    assert_int_equal(written.rows, 0);
    assert_int_equal(exposures_write(w, "/nonexistent/log.csv", &later, &written, &err),
                     HEED_STORAGE);
    unlink(path);
    free(path);
    world_close(w);
}

/* The log of w as lines, the header left out; free it. */
static char *log_of(struct world *w, struct exposures_options o, struct exposures_written *written)
{
    char *path = test_path("log.csv");
    struct heed_error err = {0};
    if (exposures_write(w, path, &o, written, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    char *text = get_file(path, NULL), *rows = strdup(strchr(text, '\n') + 1);
    free(text);
    unlink(path);
    free(path);
    return rows;
}

/* The rewards of a log, row by row. */
static void assert_rewards(struct world *w, struct exposures_options o, const char *rewards,
                           uint64_t open)
{
    struct exposures_written written;
    char *rows = log_of(w, o, &written), got[64] = "";
    size_t n = 0;
    for (const char *p = rows; *p && n + 1 < sizeof got; p = strchr(p, '\n') + 1)
        got[n++] = strchr(p, '\n')[-1];
    got[n] = 0;
    assert_string_equal(got, rewards);
    assert_int_equal(written.rows, strlen(rewards));
    assert_int_equal(written.open, open);
    free(rows);
}

#define AT(world, hours, ...)                                                                      \
    assert_int_equal(call_as(world, NULL, T0 + (hours) * (DAY / 24), NULL, __VA_ARGS__, NULL),     \
                     HEED_OK)

/* bob is served at 0 h, 2 h and 30 h, cyd at 3 h; post1 is all there is. */
static void what_is_not_known_yet_is_left_out_and_counted(void **state)
{
    (void)state;
    struct world *w = world_with_rules("allocation: {floor: 0}\nbehaviour: {ahead: 100 d}\n");
    const int64_t hour = DAY / 24;
    fill_small(w);
    AT(w, 0, "feed serve", "user", "bob");
    AT(w, 2, "feed serve", "user", "bob");
    AT(w, 3, "feed serve", "user", "cyd");
    struct exposures_options now = {T0 + 4 * hour, DAY, false};
    assert_rewards(w, now, "0", 2); /* bob's first was followed by another */
    AT(w, 4, "event add", "user", "cyd", "verb", "like", "target", "content:post1");
    assert_rewards(w, now, "0", 2); /* what succeeded is no more known than what did not */
    now.now_ms = T0 + 27 * hour - 1;
    assert_rewards(w, now, "00", 1);
    now.now_ms++;
    assert_rewards(w, now, "001", 0);
    now.within_ms = hour - 1; /* then it came too late */
    assert_rewards(w, now, "000", 0);
    now.within_ms = hour;
    assert_rewards(w, now, "001", 0);
    AT(w, 30, "feed serve", "user", "bob");
    AT(w, 31, "event add", "user", "bob", "verb", "like", "target", "content:post1", "time",
       "2026-01-01T00:30:00Z"); /* imported late, it is the first feed's */
    now.within_ms = DAY;
    assert_rewards(w, now, "101", 1);
    AT(w, 31, "event add", "user", "bob", "verb", "share", "target", "content:post1");
    now.now_ms = T0 + 60 * hour;
    assert_rewards(w, now, "1011", 0);
    AT(w, 57, "event add", "user", "bob", "verb", "comment", "target", "content:post1");
    assert_rewards(w, now, "1011", 0);
    world_close(w);
}

/* Its journal and its snapshots are read as ever; a new world needs another epsilon. */
static void a_world_made_with_thompson_and_no_epsilon_opens(void **state)
{
    (void)state;
    static const char rules[] = "allocation: {explore: {method: thompson, epsilon: 0}}\n";
    struct world *w = world_new(), *again, *refused;
    const struct call call = {
        .command = COMMAND_world_create, .actor = HANDLE_NONE, .blob = {rules, sizeof rules - 1}};
    struct outcome o = {0};
    struct heed_error err = {0};
    assert_non_null(w);
    assert_int_equal(state_apply(w, &call, &o, &err), HEED_OK);
    again = restored_from(w);
    assert_int_equal(again->state.rules.allocation.explore, EXPLORE_THOMPSON);
    assert_int_equal(again->state.rules.allocation.epsilon_ppm, 0);
    world_close(again);
    world_close(w);
    assert_int_equal(
        world_open(":memory:",
                   &(struct world_options){.rules_yaml = rules, .rules_size = sizeof rules - 1},
                   &refused, &err),
        HEED_INPUT);
    assert_non_null(strstr(err.where, "key allocation.explore.epsilon"));
    assert_non_null(strstr(err.message, "thompson needs an epsilon above 0, such as 0.05"));
}

/* One row a feed, of its last slot, and what was possible there has a propensity below 1. */
static void the_slot_that_went_to_chance_can_be_asked_for_alone(void **state)
{
    (void)state;
    struct world *w =
        world_of("allocation: {explore: {method: epsilon, epsilon: 0.5, candidates: 9}}\n");
    struct exposures_written written;
    for (int i = 0; i < 20; i++) {
        json_t *reply;
        (void)last_slot(w, &reply);
        json_decref(reply);
    }
    free(log_of(w, (struct exposures_options){T0 + DAY, DAY, false}, &written));
    assert_int_equal(written.rows, 20 * K);
    char *rows = log_of(w, (struct exposures_options){T0 + DAY, DAY, true}, &written);
    assert_int_equal(written.rows, 20);
    for (const char *p = rows; *p; p = strchr(p, '\n') + 1)
        assert_true(strstr(p, "\",3,0.050000000,") < strchr(p, '\n') ||
                    strstr(p, "\",3,0.550000000,") < strchr(p, '\n'));
    free(rows);
    free(log_of(w, (struct exposures_options){T0, DAY, true}, &written));
    assert_int_equal(written.rows, 19);
    assert_int_equal(written.open, 1);
    world_close(w);
}

/* With the term at what is said to be enough, the score is that of the last slot, and by less it is
 * not; places are those of a feed that goes on. */
static void the_nearest_change_would_have_been_enough(void **state)
{
    (void)state;
    struct world *w = world_of("allocation: {k: 3, runners_up: 12}\n");
    for (int i = 0; i < 12; i++) {
        char id[24];
        snprintf(id, sizeof id, "content:x%d", i);
        json_decref(call_ok(w, "rating add", "user", "cyd", "target", id, "score",
                            i % 3 ? "4" : "2", NULL));
    }
    json_t *wide = call_ok(w, "feed show", "user", "bob", "k", "20", NULL);
    json_t *served = call_ok(w, "feed serve", "user", "bob", NULL);
    json_t *ranks = json_object_get(wide, "slots");
    double last = json_real_value(
        json_object_get(json_array_get(json_object_get(served, "slots"), K - 1), "score"));
    for (size_t i = K; i < K + 12; i++) {
        const char *target = json_string_value(json_object_get(json_array_get(ranks, i), "target"));
        json_t *why = call_ok(w, "feed explain", "user", "bob", "target", target, NULL);
        assert_true(json_is_false(json_object_get(why, "shown")));
        assert_int_equal(int_at(why, "place"), i + 1);
        assert_true(json_real_value(json_object_get(why, "needed")) == last);
        const json_t *nearest = json_object_get(why, "nearest");
        double before = 0;
        assert_true(json_array_size(nearest) > 0);
        for (size_t c = 0; c < json_array_size(nearest); c++) {
            const json_t *change = json_array_get(nearest, c), *reason;
            const char *name = json_string_value(json_object_get(change, "name"));
            double enough = json_real_value(json_object_get(change, "enough"));
            double rise = enough - json_real_value(json_object_get(change, "value")), score = 0;
            double weight = 0;
            size_t at;
            json_array_foreach(json_object_get(why, "reasons"), at, reason)
            {
                bool this = strcmp(json_string_value(json_object_get(reason, "name")), name) == 0;
                double of = json_real_value(json_object_get(reason, "weight"));
                score += of * (this ? enough : json_real_value(json_object_get(reason, "value")));
                weight = this ? of : weight;
            }
            if (weight == 0) /* a term of 0 without weight is not among the reasons, this one is */
                fail_msg("%s is no reason of %s", name, target);
            assert_true(score >= last - 3e-6 && score <= last + 3e-6 + 2e-6 * weight);
            assert_true(rise >= before - 1e-9 && enough <= 1);
            before = rise;
        }
        json_decref(why);
    }
    call_refused(w, "not_in_feed", "feed explain", "user", "bob", "target",
                 json_string_value(json_object_get(json_array_get(ranks, K + 12), "target")), NULL);
    json_decref(wide);
    json_decref(served);
    world_close(w);
}

static void who_loses_his_slot_to_exploration_is_told_so(void **state)
{
    (void)state;
    struct world *w =
        world_of("allocation: {k: 3, explore: {method: epsilon, epsilon: 1, candidates: 9}}\n");
    json_t *wide = call_ok(w, "feed show", "user", "bob", NULL);
    const char *third = json_string_value(
        json_object_get(json_array_get(json_object_get(wide, "slots"), K - 1), "target"));
    bool met = false;
    for (int i = 0; i < 40 && !met; i++) {
        json_t *reply, *slot = last_slot(w, &reply);
        if (json_is_true(json_object_get(slot, "explored"))) {
            json_t *why = call_ok(w, "feed explain", "user", "bob", "target", third, NULL);
            assert_true(json_is_true(json_object_get(why, "lost_to_exploration")));
            assert_int_equal(int_at(why, "place"), K);
            json_decref(why);
            met = true;
        }
        json_decref(reply);
    }
    assert_true(met);
    json_decref(wide);
    world_close(w);
}

/* A debt took a slot: it is told what it was, and by score more is needed than the others have. */
static void who_lost_a_slot_to_a_debt_is_told_what_was_owed(void **state)
{
    (void)state;
    struct world *w = world_of("allocation: {k: 4, floor: 0.5, runners_up: 20}\n");
    size_t told = 0, debts = 0;
    for (int turn = 0; turn < 30; turn++) {
        json_t *feed = call_ok(w, "feed serve", "user", "bob", NULL), *slot;
        size_t i;
        json_array_foreach(json_object_get(feed, "slots"), i, slot)
        {
            const json_t *reasons = json_object_get(slot, "reasons");
            const json_t *last = json_array_get(reasons, json_array_size(reasons) - 1);
            if (strcmp(json_string_value(json_object_get(last, "name")), "floor") != 0)
                continue;
            json_t *why = call_ok(w, "feed explain", "user", "bob", "target",
                                  json_string_value(json_object_get(slot, "target")), NULL);
            assert_true(json_real_value(json_object_get(last, "owed")) > 0);
            assert_true(json_equal(json_object_get(why, "reasons"), reasons));
            debts++;
            json_decref(why);
        }
        for (int c = 0; c < CONTENTS; c++) {
            char id[24];
            snprintf(id, sizeof id, "content:x%d", c);
            json_t *why = NULL;
            if (call_as(w, NULL, T0, &why, "feed explain", "user", "bob", "target", id, NULL) !=
                    HEED_OK ||
                json_is_true(json_object_get(why, "shown"))) {
                json_decref(why);
                continue;
            }
            const json_t *needed = json_object_get(why, "needed"), *row;
            double score = json_real_value(json_object_get(why, "score"));
            assert_true(json_is_null(needed) || score <= json_real_value(needed));
            assert_true(json_is_real(json_object_get(why, "owed")));
            json_array_foreach(json_object_get(why, "passed_over_for"), i, row)
            {
                assert_string_equal(json_string_value(json_object_get(row, "by")), "floor");
                assert_true(json_real_value(json_object_get(row, "owed")) > 0);
                assert_true(json_real_value(json_object_get(row, "score")) < score);
                told++;
            }
            json_decref(why);
        }
        json_decref(feed);
    }
    assert_true(debts > 20 && told > 20);
    assert_verified(w);
    world_close(w);
}

static void what_keeps_a_target_from_a_user_now_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *target, *gate;
    } rows[] = {{"content:gone", "removed"},   {"content:less", "limited"},
                {"content:adult", "audience"}, {"content:mine", "own"},
                {"content:ugly", "hidden"},    {"user:ann", "kind"},
                {"content:old", "too_old"}};
    struct world *w = world_of("allocation:\n  k: 3\n  runners_up: 2\n  constraints:\n"
                               "    hide_at: -2\n    max_age: 100 d\n"
                               "    audience: [{category: adult, roles: [moderator]}]\n");
    json_decref(call_ok(w, "content add", "id", "gone", "creator", "ann", NULL));
    json_decref(call_ok(w, "content add", "id", "less", "creator", "ann", NULL));
    json_decref(call_ok(w, "content add", "id", "ugly", "creator", "ann", NULL));
    json_decref(call_ok(w, "content add", "id", "mine", "creator", "bob", NULL));
    json_decref(call_ok(w, "content add", "id", "old", "creator", "ann", "created",
                        "2020-01-01T00:00:00Z", NULL));
    json_decref(
        call_ok(w, "content add", "id", "adult", "creator", "ann", "category", "adult", NULL));
    json_decref(call_ok(w, "quality decide", "target", "content:gone", "decision", "remove",
                        "reason", "no", NULL));
    json_decref(call_ok(w, "quality decide", "target", "content:less", "decision", "limit",
                        "reason", "no", NULL));
    json_decref(
        call_ok(w, "event add", "user", "bob", "verb", "report", "target", "content:ugly", NULL));
    json_decref(call_ok(w, "feed serve", "user", "bob", NULL));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *why = call_ok(w, "feed explain", "user", "bob", "target", rows[i].target, NULL);
        const json_t *gate = json_array_get(json_object_get(why, "kept_by"), 0);
        assert_true(json_is_false(json_object_get(why, "recorded")));
        assert_true(json_is_string(json_object_get(why, "as_of")));
        assert_string_equal(json_string_value(json_object_get(gate, "gate")), rows[i].gate);
        json_decref(why);
    }
    world_close(w);
}

static void whose_works_are_all_kept_from_a_user_has_nothing_to_show_him(void **state)
{
    (void)state;
    struct world *w = world_with_rules("allocation:\n  k: 4\n  kinds: {content: 0.5, user: 0.5}\n"
                                       "  constraints:\n"
                                       "    audience: [{category: adult, roles: [moderator]}]\n");
    static const char *const people[] = {"ann", "bob", "cyd"};
    for (size_t i = 0; i < 3; i++)
        json_decref(call_ok(w, "user add", "id", people[i], NULL));
    json_decref(
        call_ok(w, "content add", "id", "night", "creator", "ann", "category", "adult", NULL));
    json_decref(call_ok(w, "content add", "id", "day", "creator", "cyd", NULL));
    json_decref(call_ok(w, "feed serve", "user", "bob", NULL));
    json_t *why = call_ok(w, "feed explain", "user", "bob", "target", "user:ann", NULL);
    const json_t *gate = json_array_get(json_object_get(why, "kept_by"), 0);
    assert_string_equal(json_string_value(json_object_get(gate, "gate")), "nothing_to_show");
    assert_non_null(strstr(json_string_value(json_object_get(gate, "why")), "to this user"));
    json_decref(why);
    world_close(w);
}

/* What a fact says of why is read as it was packed, or not at all; without it nothing is made up.
 */
static void facts_say_why_behind_all_else(void **state)
{
    (void)state;
    struct world *w = world_of("allocation: {k: 3}\n");
    static struct feed_fact f, out;
    struct strbuf plain, told;
    f = (struct feed_fact){
        .n = 1,
        .more = 1,
        .policy = 1,
        .slots = {{.item = 3, .kind = TARGET_CONTENT, .propensity = 1, .owed = 7},
                  {.item = 4, .kind = TARGET_CONTENT, .propensity = 1}},
        .why = {{3, -5, 0, {-1, 0, 1000000, 12}, true, 0}}};
    strbuf_init(&plain, 4096);
    strbuf_init(&told, 4096);
    assert_true(fact_pack(&plain, &f));
    f.told = true;
    assert_true(fact_pack(&told, &f));
    assert_true(fact_read((struct str){plain.p, plain.n}, &w->state.catalogue, &out));
    assert_true(!out.told && !out.welfare && out.slots[0].owed == 0);
    assert_true(fact_read((struct str){told.p, told.n}, &w->state.catalogue, &out));
    assert_true(out.told && !out.welfare && out.slots[0].owed == 7);
    assert_true(out.why[0].beat == 3 && out.why[0].needed_ppm == -5 && out.why[0].pays);
    assert_memory_equal(out.why[0].enough_ppm, f.why[0].enough_ppm, sizeof f.why[0].enough_ppm);
    for (size_t cut = 1; cut < 10; cut++)
        assert_false(fact_read((struct str){told.p, told.n - cut}, &w->state.catalogue, &out));
    strbuf_deinit(&plain);
    strbuf_deinit(&told);
    world_close(w);
}

/* Snapshots hold what was served, to the bit. */
static void a_world_opened_again_tells_the_same(void **state)
{
    (void)state;
    char *path = test_path("explored.world");
    struct world *w = NULL;
    struct heed_error err = {0};
    const char rules[] = "allocation: {explore: {method: epsilon, epsilon: 0.9}, k: 3}\n";
    struct world_options options = {
        .create = true, .rules_yaml = rules, .rules_size = sizeof rules - 1, .pid = getpid()};
    assert_int_equal(world_open(path, &options, &w, &err), HEED_OK);
    fill_small(w);
    for (int i = 0; i < 9; i++) {
        char id[16];
        snprintf(id, sizeof id, "x%d", i);
        json_decref(call_ok(w, "content add", "id", id, "creator", "ann", "title", id, NULL));
    }
    json_decref(call_ok(w, "feed serve", "user", "bob", NULL));
    struct sha256 before = hash_of(w);
    world_close(w);
    assert_true(sha256_eq(before, hash_then_unlink(path)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_the_feeds_explore_with_the_chance_that_is_logged),
        cmocka_unit_test(what_a_feed_explored_is_told_of_the_moment),
        cmocka_unit_test(the_log_of_exposures_judges_another_policy),
        cmocka_unit_test(what_is_not_known_yet_is_left_out_and_counted),
        cmocka_unit_test(a_world_made_with_thompson_and_no_epsilon_opens),
        cmocka_unit_test(the_slot_that_went_to_chance_can_be_asked_for_alone),
        cmocka_unit_test(the_nearest_change_would_have_been_enough),
        cmocka_unit_test(who_lost_a_slot_to_a_debt_is_told_what_was_owed),
        cmocka_unit_test(what_keeps_a_target_from_a_user_now_is_named),
        cmocka_unit_test(whose_works_are_all_kept_from_a_user_has_nothing_to_show_him),
        cmocka_unit_test(facts_say_why_behind_all_else),
        cmocka_unit_test(who_loses_his_slot_to_exploration_is_told_so),
        cmocka_unit_test(a_world_opened_again_tells_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
