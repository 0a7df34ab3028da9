/* Moderation in a world: who may do what, what is shown at once, what is kept and for how long. */
#include "support_import.h"
#include "support_world.h"

#include "store/store.h"
#include "world/snapshot.h"
#include "world/vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include <cmocka.h>

#define OK(...) json_decref(call_ok(w, __VA_ARGS__, NULL))

/* ann made c0 … c19, bob cx; mod and mod2 decide; eve, fay … look and report.                    */
static void fill(struct world *w)
{
    static const char *const members[] = {"ann", "bob", "eve", "fay", "gus"};
    for (size_t i = 0; i < 5; i++)
        OK("user add", "id", members[i]);
    OK("user add", "id", "mod", "role", "moderator");
    OK("user add", "id", "mod2", "role", "moderator");
    OK("user add", "id", "aud", "role", "auditor");
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        OK("content add", "id", id, "creator", "ann", "title", id);
    }
    OK("content add", "id", "cx", "creator", "bob");
    OK("good add", "id", "lamp", "name", "Lamp", "price", "1");
}

static void report(struct world *w, const char *user, const char *target)
{
    OK("event add", "user", user, "verb", "report", "target", target);
}

static enum heed_status decide(struct world *w, const char *actor, const char *target,
                               const char *decision)
{
    return call_as(w, actor, T0 + 1000, NULL, "quality decide", "target", target, "decision",
                   decision, "reason", "a reason", NULL);
}

/* Whether a target stands in the feed of eve now, and how many of its slots hold c0 … c19. */
static bool in_feed(struct world *w, const char *target)
{
    json_t *feed = call_ok(w, "feed show", "user", "eve", "k", "100", NULL), *slot;
    bool found = false;
    size_t i;
    json_array_foreach(json_object_get(feed, "slots"), i, slot) found =
        found || strcmp(json_string_value(json_object_get(slot, "target")), target) == 0;
    json_decref(feed);
    return found;
}

static size_t queued(struct world *w, const char *target)
{
    json_t *reply = call_ok(w, "quality queue", "k", "1000", NULL), *row;
    size_t i, rank = 0;
    json_array_foreach(json_object_get(reply, "queue"), i,
                       row) if (strcmp(json_string_value(json_object_get(row, "target")), target) ==
                                0) rank = i + 1;
    json_decref(reply);
    return rank;
}

static void only_the_right_roles_may(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w);
    assert_int_equal(decide(w, NULL, "content:c1", "remove"), HEED_OK);
    enum { D, A, Q, H, HOWN };
    static const struct {
        const char *actor;
        int what;
        enum heed_status status;
        const char *code;
    } rows[] = {
        {NULL, D, HEED_OK, ""},
        {"mod", D, HEED_OK, ""},
        {"ann", D, HEED_REFUSED, "forbidden"},
        {"aud", D, HEED_REFUSED, "forbidden"},
        {"nobody", D, HEED_REFUSED, "unknown_user"},
        {"ann", A, HEED_OK, ""},
        {"ann", A, HEED_REFUSED, "appealed_already"},
        {"bob", A, HEED_REFUSED, "not_owner"},
        {"mod", A, HEED_REFUSED, "forbidden"},
        {"mod", Q, HEED_OK, ""},
        {"aud", Q, HEED_OK, ""},
        {NULL, Q, HEED_OK, ""},
        {"ann", Q, HEED_REFUSED, "forbidden"},
        {"aud", H, HEED_OK, ""},
        {"ann", H, HEED_OK, ""},
        {"bob", H, HEED_REFUSED, "forbidden"},
        {"bob", HOWN, HEED_OK, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *reply = NULL;
        enum heed_status got;
        const char *actor = rows[i].actor;
        switch (rows[i].what) {
        case D:
            got = call_as(w, actor, T0 + 1000, &reply, "quality decide", "target", "content:c1",
                          "decision", "remove", "reason", "spam", NULL);
            break;
        case A:
            got = call_as(w, actor, T0 + 1000, &reply, "quality appeal", "target", "content:c1",
                          "reason", "no", NULL);
            break;
        case Q:
            got = call_as(w, actor, T0 + 1000, &reply, "quality queue", NULL);
            break;
        case H:
            got = call_as(w, actor, T0 + 1000, &reply, "quality history", "target", "content:c1",
                          NULL);
            break;
        default:
            got = call_as(w, actor, T0 + 1000, &reply, "quality history", NULL);
            assert_int_equal(json_array_size(json_object_get(reply, "history")), 0);
        }
        const char *code =
            json_string_value(json_object_get(json_object_get(reply, "refused"), "code"));
        if (got != rows[i].status || strcmp(code ? code : "", rows[i].code) != 0)
            fail_msg("row %zu: status %d, %s", i, (int)got, code ? code : "done");
        json_decref(reply);
    }
    world_close(w);
}

static void nobody_decides_about_his_own_work(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w);
    OK("content add", "id", "mine", "creator", "mod");
    assert_int_equal(decide(w, "mod", "content:mine", "allow"), HEED_REFUSED);
    assert_int_equal(decide(w, "mod", "user:mod", "allow"), HEED_REFUSED);
    assert_int_equal(call_as(w, "mod", T0, NULL, "rating add", "target", "content:mine", "score",
                             "5", "kind", "moderation", NULL),
                     HEED_REFUSED);
    assert_int_equal(decide(w, "mod2", "content:mine", "remove"), HEED_OK);
    /* who is only known as a creator appeals through the operator or a client */
    OK("content add", "id", "foreign", "creator", "stranger");
    OK("quality decide", "target", "content:foreign", "decision", "limit", "reason", "r");
    call_refused(w, "not_owner", "quality appeal", "target", "content:foreign", "user", "ann",
                 "reason", "r", NULL);
    OK("quality appeal", "target", "content:foreign", "user", "stranger", "reason", "r");
    OK("quality decide", "target", "good:lamp", "decision", "remove", "reason", "nobody sells it");
    call_refused(w, "not_owner", "quality appeal", "target", "good:lamp", "reason", "r", NULL);
    call_refused(w, "nothing_to_appeal", "quality appeal", "target", "content:c3", "reason", "r",
                 NULL);
    OK("user erase", "user", "stranger");
    call_refused(w, "erased", "quality decide", "target", "content:foreign", "decision", "allow",
                 "reason", "r", NULL);
    call_refused(w, "erased", "quality history", "target", "content:foreign", NULL);
    assert_int_equal(queued(w, "content:foreign"), 0);
    world_close(w);
}

/* Someone else must look; an operator is the last to.                                            */
static void nobody_answers_the_appeal_against_his_own_decision(void **state)
{
    (void)state;
    static const char *const targets[] = {"content:c1", "user:ann"};
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_in_memory();
        fill(w);
        OK("user add", "id", "boss", "role", "operator");
        OK("good add", "id", "t", "name", "T", "seller", "ann");
        const char *t = targets[i];
        assert_int_equal(decide(w, "mod", t, "remove"), HEED_OK);
        assert_int_equal(decide(w, "mod", t, "limit"),
                         HEED_OK); /* no appeal yet: he may think anew */
        OK("quality appeal", "target", t, "reason", "but");
        struct sha256 before = hash_of(w);
        static const char *const again[] = {"allow", "limit", "remove"};
        for (size_t k = 0; k < 3; k++) {
            json_t *reply = NULL;
            assert_int_equal(call_as(w, "mod", T0 + 2000, &reply, "quality decide", "target", t,
                                     "decision", again[k], "reason", "r", NULL),
                             HEED_REFUSED);
            assert_string_equal(
                json_string_value(json_object_get(json_object_get(reply, "refused"), "code")),
                "own_decision");
            json_decref(reply);
        }
        assert_int_equal(call_as(w, "mod", T0 + 2000, NULL, "rating add", "target", t, "score", "5",
                                 "kind", "moderation", NULL),
                         HEED_REFUSED); /* nor by a score */
        assert_true(sha256_eq(before, hash_of(w)));
        assert_int_equal(decide(w, "mod2", t, "limit"), HEED_OK);
        assert_int_equal(decide(w, "mod2", t, "remove"),
                         HEED_OK); /* nothing waits: a new decision */
        OK("quality appeal", "target", t, "reason", "but");
        assert_int_equal(decide(w, "mod2", t, "allow"), HEED_REFUSED);
        assert_int_equal(decide(w, "mod", t, "allow"), HEED_OK); /* this one was not his */
        assert_int_equal(decide(w, "boss", t, "remove"), HEED_OK);
        OK("quality appeal", "target", t, "reason", "but");
        assert_int_equal(decide(w, "boss", t, "allow"), HEED_OK);
        world_close(w);
    }
}

static void a_reason_is_needed(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w);
    struct sha256 before = hash_of(w);
    static const char *const reasons[] = {"", " \n\t ", NULL};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(call_as(w, NULL, T0, NULL, "quality decide", "target", "content:c1",
                                 "decision", "remove", reasons[i] ? "reason" : NULL, reasons[i],
                                 NULL),
                         HEED_USAGE);
    assert_true(sha256_eq(before, hash_of(w)));
    assert_int_equal(decide(w, NULL, "content:c1", "remove"), HEED_OK); /* the world still works */
    world_close(w);
}

static void a_decision_is_seen_in_the_next_feed(void **state)
{
    (void)state;
    struct world *w = world_with_rules("allocation: {limited: 0.1}\n");
    fill(w);
    static const struct {
        const char *target, *decision;
        bool shown;
    } rows[] = {{"content:c1", "remove", false}, {"content:c1", "allow", true},
                {"content:c1", "limit", true},   {"content:c1", "remove", false},
                {"content:c1", "limit", true},   {"user:ann", "remove", false},
                {"user:ann", "allow", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)in_feed(w, "content:c1"); /* the engine keeps what it knows */
        OK("quality decide", "target", rows[i].target, "decision", rows[i].decision, "reason", "r");
        if (in_feed(w, "content:c1") != rows[i].shown)
            fail_msg("%s %s: %s", rows[i].target, rows[i].decision,
                     rows[i].shown ? "not shown" : "shown");
    }
    OK("quality decide", "target", "content:c1", "decision", "remove", "reason", "r");
    json_t *quality = call_ok(w, "quality show", "target", "content:c1", NULL);
    assert_true(json_real_value(json_object_get(quality, "quality")) == 0);
    json_decref(quality);
    world_close(w);
}

static size_t slots_of(const json_t *feed, const char *creator_prefix)
{
    size_t n = 0, i;
    json_t *slot;
    json_array_foreach(json_object_get(feed, "slots"), i, slot) n +=
        strncmp(json_string_value(json_object_get(slot, "target")), creator_prefix,
                strlen(creator_prefix)) == 0;
    return n;
}

/* 15 of 21 are limited; a feed of k has at most a tenth of k of them, and 6 others.              */
static void limited_contents_share_a_tenth_of_a_feed(void **state)
{
    (void)state;
    struct world *w = world_with_rules("allocation: {limited: 0.2, k: 10, floor: 0.5}\n");
    fill(w);
    OK("user add", "id", "ned");
    for (int i = 0; i < 15; i++) {
        char id[32], target[32];
        snprintf(id, sizeof id, "lim%d", i);
        snprintf(target, sizeof target, "content:lim%d", i);
        OK("content add", "id", id, "creator", "ned");
        for (int j = 0; j < 3; j++) /* liked best of all, and yet */
            OK("event add", "user", "fay", "verb", "like", "target", target);
        if (i % 2)
            OK("quality decide", "target", target, "decision", "limit", "reason", "r");
    }
    OK("quality decide", "target", "user:ned", "decision", "limit", "reason", "all of them");
    static const char *const ks[] = {"1", "4", "5", "10", "14", "15", "30", "100"};
    static const size_t most[] = {0, 0, 1, 2, 2, 3, 6, 15}; /* a fifth, rounded down */
    static const size_t others[] = {1, 4, 4, 8, 12, 12, 21, 21};
    for (size_t i = 0; i < 8; i++) {
        json_t *feed = call_ok(w, "feed show", "user", "eve", "k", ks[i], NULL);
        size_t limited = slots_of(feed, "content:lim"),
               all = json_array_size(json_object_get(feed, "slots"));
        if (limited != most[i] || all - limited != others[i])
            fail_msg("k %s: %zu limited, %zu others", ks[i], limited, all - limited);
        json_decref(feed);
    }
    /* an epoch gives them no more, and keeps its promise to all others */
    OK("event add", "user", "eve", "verb", "view", "target", "content:c1");
    OK("event add", "user", "gus", "verb", "view", "target", "content:c2");
    json_t *settled = call_ok(w, "settle", "until", "2026-02-01", NULL);
    const struct exposure *x = &w->state.exposure;
    uint64_t limited = 0;
    for (size_t i = 21; i < x->n; i++)
        limited += x->given[i];
    json_t *floor = json_object_get(settled, "floor");
    assert_true(json_is_true(json_object_get(floor, "kept")));
    int64_t feeds = int_at(settled, "feeds");
    assert_true(feeds >= 3);
    assert_true(limited > 0);
    assert_true(limited <= (uint64_t)feeds * (1000000 + 630930)); /* two slots each, at the top */
    json_decref(settled);
    world_close(w);
}

static void what_is_no_report_of_somebody_else_waits_for_nothing(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w);
    report(w, "ann", "content:c1"); /* her own */
    report(w, "ann", "user:ann");
    OK("event add", "user", "bob", "verb", "dislike", "target", "content:c2");
    OK("event add", "user", "bob", "verb", "report", "target", "content:c3", "id", "one");
    OK("event add", "user", "bob", "verb", "report", "target", "content:c3", "id", "one");
    for (int i = 0; i < 30; i++)
        report(w, "bob", "content:c3");
    json_t *reply = call_ok(w, "quality queue", NULL);
    json_t *rows = json_object_get(reply, "queue");
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(int_at(json_array_get(rows, 0), "reports"), 1);
    json_decref(reply);
    assert_int_equal(decide(w, "mod", "content:c3", "remove"), HEED_OK);
    assert_int_equal(queued(w, "content:c3"), 0);
    report(w, "eve", "content:c3"); /* nobody is shown it any more */
    assert_int_equal(queued(w, "content:c3"), 0);
    world_close(w);
}

static void the_queue_looks_at_reach_and_at_records(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w);
    for (int i = 0; i < 20; i++) /* c5 is seen, c6 is not */
        OK("event add", "user", i % 2 ? "fay" : "gus", "verb", "view", "target", "content:c5");
    report(w, "eve", "content:c6");
    report(w, "bob", "content:c5");
    assert_int_equal(queued(w, "content:c5"), 1);
    assert_int_equal(queued(w, "content:c6"), 2);
    assert_int_equal(decide(w, "mod", "content:c5", "allow"), HEED_OK);  /* bob was wrong */
    assert_int_equal(decide(w, "mod", "content:c6", "remove"), HEED_OK); /* eve was right */
    report(w, "bob", "content:c7");
    report(w, "eve", "content:c8");
    assert_int_equal(queued(w, "content:c8"), 1);
    json_t *history = call_ok(w, "quality history", "target", "user:eve", NULL);
    json_t *made = json_object_get(history, "reports_made");
    assert_int_equal(int_at(made, "upheld"), 1);
    assert_int_equal(int_at(made, "open"), 1);
    assert_true(json_real_value(json_object_get(made, "record")) == .4);
    json_decref(history);
    /* an appeal that wins turns it round */
    OK("quality appeal", "target", "content:c6", "reason", "see for yourself");
    assert_int_equal(decide(w, "mod2", "content:c6", "allow"), HEED_OK);
    history = call_ok(w, "quality history", "target", "user:eve", NULL);
    made = json_object_get(history, "reports_made");
    assert_int_equal(int_at(made, "upheld"), 0);
    assert_int_equal(int_at(made, "rejected"), 1);
    json_decref(history);
    /* who made the reports is for those who decide */
    json_t *own = NULL;
    assert_int_equal(call_as(w, "eve", T0, &own, "quality history", "target", "user:eve", NULL),
                     HEED_OK);
    assert_true(json_is_null(json_object_get(own, "reports_made")));
    json_decref(own);
    world_close(w);
}

static void the_history_says_who_when_why_and_what_came_of_it(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w);
    OK("rating add", "user", "mod2", "target", "content:c1", "score", "1", "kind", "moderation");
    assert_int_equal(decide(w, "mod", "content:c1", "remove"), HEED_OK);
    assert_int_equal(call_as(w, "ann", T0 + 2000, NULL, "quality appeal", "target", "content:c1",
                             "reason", "it is \"mine\"", NULL),
                     HEED_OK);
    json_t *reply = NULL;
    assert_int_equal(call_as(w, "mod2", T0 + 3000, &reply, "quality decide", "target", "content:c1",
                             "decision", "allow", "reason", "so it is", NULL),
                     HEED_OK);
    assert_string_equal(json_string_value(json_object_get(reply, "appeal")), "reversed");
    json_decref(reply);
    static const struct {
        const char *time, *act, *by, *reason, *appeal;
        bool stands;
    } rows[] = {
        {"2026-01-01T00:00:03Z", "allow", "user:mod2", "so it is", "reversed", true},
        {"2026-01-01T00:00:02Z", "appeal", "user:ann", "it is \"mine\"", "reversed", false},
        {"2026-01-01T00:00:01Z", "remove", "user:mod", "a reason", NULL, false},
        {"2026-01-01T00:00:00Z", "remove", "user:mod2", NULL, NULL, false},
    };
    json_t *history = call_ok(w, "quality history", "target", "content:c1", NULL);
    json_t *list = json_object_get(history, "history");
    assert_int_equal(json_array_size(list), 4);
    for (size_t i = 0; i < 4; i++) {
        static const char *const keys[] = {"time", "act", "by", "reason", "appeal"};
        const char *const expected[] = {rows[i].time, rows[i].act, rows[i].by, rows[i].reason,
                                        rows[i].appeal};
        const json_t *row = json_array_get(list, i);
        for (size_t k = 0; k < 5; k++) {
            const char *got = json_string_value(json_object_get(row, keys[k]));
            if ((got == NULL) != (expected[k] == NULL) || (got && strcmp(got, expected[k]) != 0))
                fail_msg("row %zu: %s is %s", i, keys[k], got ? got : "null");
        }
        assert_int_equal(json_is_true(json_object_get(row, "stands")), rows[i].stands);
    }
    json_decref(history);
    /* moderators leave too: what they decided stays, their names do not */
    OK("user erase", "user", "mod");
    history = call_ok(w, "quality history", "target", "content:c1", NULL);
    const json_t *row = json_array_get(json_object_get(history, "history"), 2);
    assert_string_equal(json_string_value(json_object_get(row, "by")), "user:");
    assert_string_equal(json_string_value(json_object_get(row, "reason")), "a reason");
    json_decref(history);
    world_close(w);
}

static json_t *decide_at(struct world *w, const char *actor, int64_t time_ms, const char *decision)
{
    json_t *reply = NULL;
    assert_int_equal(call_as(w, actor, time_ms, &reply, "quality decide", "target", "content:c1",
                             "decision", decision, "reason", "r", NULL),
                     HEED_OK);
    return reply;
}

static const int64_t FAR = T0 + 3650 * DAY; /* ten years on */

/* Whoever claims whichever time: what was decided last counts, at once, for him and the appeal.  */
static void a_command_counts_when_it_is_given_whatever_time_it_claims(void **state)
{
    (void)state;
    static const int64_t dates[] = {FAR, T0 + DAY, T0 - 5 * 365 * DAY};
    struct world *w = world_in_memory();
    fill(w);
    for (size_t i = 0; i < 3; i++) {
        json_decref(decide_at(w, "mod", dates[i], "remove"));
        assert_false(in_feed(w, "content:c1"));
        json_t *reply = decide_at(w, NULL, T0, "allow");
        assert_true(json_is_true(json_object_get(reply, "stands")));
        json_decref(reply);
        assert_true(in_feed(w, "content:c1"));

        json_decref(decide_at(w, "mod", dates[i], "limit"));
        OK("quality appeal", "target", "content:c1", "reason", "but");
        reply = decide_at(w, "mod2", T0 + 1000, "allow");
        assert_true(json_is_true(json_object_get(reply, "stands")));
        assert_string_equal(json_string_value(json_object_get(reply, "appeal")), "reversed");
        json_decref(reply);
        assert_true(in_feed(w, "content:c1"));
    }
    /* a score likewise, and a command after it */
    OK("rating add", "user", "mod", "target", "content:c1", "score", "1", "kind", "moderation");
    assert_false(in_feed(w, "content:c1"));
    json_decref(decide_at(w, NULL, T0 - DAY, "allow"));
    assert_true(in_feed(w, "content:c1"));
    world_close(w);
}

static void import_rows(struct world *w, const char *header, const char *rows,
                        struct heed_tally tally)
{
    char text[1024];
    snprintf(text, sizeof text, "%s\n%s", header, rows);
    char *path = put_text("decisions.csv", text);
    struct imported in = import_as(w, IMPORT_DECISIONS, path, &(struct import_options){0});
    expect_tally(&in, tally);
    imported_free(&in);
    unlink(path);
    free(path);
}

#define FIVE "time,user,act,target,reason"

static void what_a_file_tells_counts_by_its_time(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w);
    import_rows(w, FIVE,
                "2026-01-05,mod,remove,content:c1,new\n2026-01-03,mod,allow,content:c1,old\n",
                (struct heed_tally){2, 2, 0, 0, 0});
    assert_false(in_feed(w, "content:c1"));
    import_rows(w, FIVE, "2026-01-06,mod,allow,content:c1,newer\n",
                (struct heed_tally){1, 1, 0, 0, 0});
    assert_true(in_feed(w, "content:c1"));
    /* a command has its time among them, unless that is to come yet */
    json_decref(decide_at(w, "mod", T0 + 20 * DAY, "remove"));
    import_rows(w, FIVE, "2026-01-20,mod,allow,content:c1,before\n",
                (struct heed_tally){1, 1, 0, 0, 0});
    assert_false(in_feed(w, "content:c1"));
    json_decref(decide_at(w, "mod", FAR, "remove"));
    import_rows(w, FIVE, "2026-01-22,mod,allow,content:c1,file\n",
                (struct heed_tally){1, 1, 0, 0, 0});
    assert_true(in_feed(w, "content:c1"));
    world_close(w);
}

static void a_file_may_say_what_stands(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        struct heed_tally tally;
        bool shown;
    } rows[] = {
        {"2090-01-01,mod,remove,content:c1,r,", {1, 0, 0, 1, 0}, true},
        {"2090-01-01,mod,remove,content:c1,r,yes", {1, 1, 0, 0, 0}, false},
        {"2090-01-01,mod,remove,content:c1,r,no", {1, 1, 0, 0, 0}, true},
        {"2026-01-02,mod,remove,content:c1,r,no", {1, 1, 0, 0, 0}, true},
        {"2026-01-02,mod,remove,content:c1,r,maybe", {1, 0, 1, 0, 0}, true},
        {"2026-01-02,ann,appeal,content:c1,r,yes", {1, 0, 1, 0, 0}, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = world_in_memory();
        fill(w);
        import_rows(w, FIVE ",stands", rows[i].row, rows[i].tally);
        if (in_feed(w, "content:c1") != rows[i].shown)
            fail_msg("%s: %s", rows[i].row, rows[i].shown ? "not shown" : "shown");
        json_decref(decide_at(w, NULL, T0, "allow")); /* no file locks anything */
        assert_true(in_feed(w, "content:c1"));
        assert_verified(w);
        world_close(w);
    }
}

/* ── what is stored ── */

static void live(struct world *w)
{
    fill(w);
    for (int i = 0; i < 15; i++) {
        char target[32];
        snprintf(target, sizeof target, "content:c%d", i);
        report(w, "bob", target);
        if (i % 2)
            report(w, "eve", target);
        if (i % 3)
            OK("quality decide", "target", target, "decision",
               i % 3 == 1 ? "remove"
               : i % 2    ? "limit"
                          : "allow",
               "reason", "because");
        if (i % 3 == 1)
            OK("quality appeal", "target", target, "reason", "but");
    }
    OK("quality decide", "target", "good:lamp", "decision", "limit", "reason", "nobody's");
    OK("rating add", "user", "mod", "target", "content:c3", "score", "1", "kind", "moderation");
}

static void a_world_replayed_or_loaded_is_the_same(void **state)
{
    (void)state;
    char *path = test_path("moderated.world");
    struct world *w = world_at(path);
    struct heed_error err = {0};
    live(w);
    assert_verified(w);
    struct sha256 before = hash_of(w);
    json_t *queue = call_ok(w, "quality queue", NULL), *again;
    world_close(w);
    w = world_at(path); /* replayed */
    assert_true(sha256_eq(before, hash_of(w)));
    assert_int_equal(snapshot_write(w, &err), HEED_OK);
    world_close(w);
    w = world_at(path); /* loaded */
    assert_true(sha256_eq(before, hash_of(w)));
    assert_true(w->note[0] == 0);
    again = call_ok(w, "quality queue", NULL);
    assert_true(json_equal(queue, again));
    json_decref(queue);
    json_decref(again);
    assert_verified(w);
    OK("user erase", "user", "ann"); /* the reasons about her work go with her */
    assert_verified(w);
    struct strbuf buf;
    struct text text;
    bool found = true;
    strbuf_init(&buf, SIZE_MAX);
    assert_int_equal(vault_open(w, VAULT_REASON, 0, &buf, &text, &found, &err), HEED_OK);
    assert_false(found);
    strbuf_deinit(&buf);
    world_close(w);
    unlink(path);
    free(path);
}

/* A snapshot whose state has this version and nothing else.                                      */
static void put_snapshot(struct world *w, uint32_t version)
{
    struct heed_error err = {0};
    const uint8_t plain[4] = {(uint8_t)version};
    char packed[64];
    size_t n = ZSTD_compress(packed, sizeof packed, plain, sizeof plain, 1);
    assert_false(ZSTD_isError(n));
    struct store *s = w->store;
    assert_int_equal(s->ops->snapshot_begin(s, w->batches - 1, &err), HEED_OK);
    assert_int_equal(s->ops->snapshot_part(s, (struct str){packed, n}, &err), HEED_OK);
    struct store_snapshot info = {w->batches - 1, w->commands, n, sha256_of(packed, n)};
    assert_int_equal(s->ops->snapshot_commit(s, &info, &err), HEED_OK);
}

static void a_world_of_an_earlier_heed_opens_from_its_journal(void **state)
{
    (void)state;
    static const struct {
        uint32_t version;
        bool note;
    } rows[] = {{3, false}, {5, false}, {99, true}, {0, true}};
    for (size_t i = 0; i < 4; i++) {
        char *path = test_path("old.world");
        struct world *w = world_at(path);
        live(w);
        struct sha256 before = hash_of(w);
        put_snapshot(w, rows[i].version);
        world_close(w);
        w = world_at(path);
        assert_true(sha256_eq(before, hash_of(w)));
        assert_int_equal(w->note[0] != 0, rows[i].note);
        if (!rows[i].note)
            assert_verified(w);
        world_close(w);
        unlink(path);
        free(path);
    }
}

/* Earlier heeds wrote the rows of a decisions file as commands, with their mark behind them.     */
static void what_an_earlier_heed_read_from_a_file_still_counts_by_its_time(void **state)
{
    (void)state;
    for (int file = 0; file < 2; file++) {
        char *path = test_path("read.world");
        struct world *w = world_at(path);
        struct heed_error err = {0};
        fill(w);
        for (int i = 0; i < 2; i++) { /* remove, then an older allow */
            struct call call = {.time_ms = T0 + (9 - i) * DAY,
                                .actor = world_find_user(w, str_of("mod")),
                                .command = COMMAND_quality_decide};
            for (int k = 0; k < CALL_INTS; k++)
                call.i[k] = CALL_ABSENT;
            call.i[0] = world_find_target(w, str_of("content:c1"));
            call.i[1] = i ? DECISION_ALLOW : DECISION_REMOVE;
            struct outcome o = {0};
            assert_int_equal(admit_moderation(w, &call, str_of("r"), &o, &err), HEED_OK);
        }
        if (file) {
            struct sha256 digest;
            const struct import_mark mark = {.rows = 2, .applied = 2, .done = true};
            struct call call = admit_import_mark(&mark, &digest);
            struct outcome o = {0};
            assert_int_equal(world_apply(w, &call, &o, &err), HEED_OK);
        }
        assert_int_equal(world_commit(w, &err), HEED_OK);
        world_close(w);
        w = world_at(path);
        assert_int_equal(in_feed(w, "content:c1"), !file);
        world_close(w);
        unlink(path);
        free(path);
    }
}

/* ── files ── */

static void decisions_come_in_as_rows(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        struct heed_tally tally;
        const char *says;
    } rows[] = {
        {"2026-01-01,mod,remove,content:c1,spam", {1, 1, 0, 0, 0}, ""},
        {"2026-01-01,,limit,user:ann,spam", {1, 1, 0, 0, 0}, ""},
        {"2026-01-01,mod,forbid,content:c1,spam",
         {1, 0, 1, 0, 0},
         "'forbid' is not one of allow, limit, remove, appeal"},
        {"2026-01-01,mod,remove,c1,spam", {1, 0, 1, 0, 0}, "'c1' is not a target"},
        {"2026-01-01,mod,remove,content:c1, ", {1, 0, 1, 0, 0}, "is not a reason"},
        {"yesterday,mod,remove,content:c1,spam", {1, 0, 1, 0, 0}, "'yesterday' is not a time"},
        {"2026-01-01,mox,remove,content:c1,spam", {1, 0, 0, 1, 0}, "column 2 (user): no such user"},
        {"2026-01-01,mod,remove,content:c99,spam", {1, 0, 0, 1, 0}, "no such target"},
        {"2026-01-01,ann,remove,content:c1,spam", {1, 0, 0, 1, 0}, "nobody decides about his own"},
        {"2026-01-01,bob,appeal,content:c1,no", {1, 0, 0, 1, 0}, "only whose work it is"},
        {"2026-01-01,ann,appeal,content:c1,no", {1, 0, 0, 1, 0}, "no decision stands"},
        {"2099-01-01,mod,remove,content:c1,spam", {1, 0, 0, 1, 0}, "its time is later than now"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = world_in_memory();
        fill(w);
        char *path = test_path("decisions.csv");
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fprintf(f, "time,user,act,target,reason\n%s\n", rows[i].row);
        fclose(f);
        struct import_result result = {0};
        struct heed_error err = {0};
        const struct heed_context context = {T0, NULL};
        assert_int_equal(import_file(w, &context, IMPORT_DECISIONS, path,
                                     &(struct import_options){0}, &result, &err),
                         HEED_OK);
        const struct heed_tally *t = &result.total;
        if (t->applied != rows[i].tally.applied || t->rejected != rows[i].tally.rejected ||
            t->refused != rows[i].tally.refused || !strstr(result.files[0].first, rows[i].says))
            fail_msg("%s: %d applied, %d rejected, %d refused: %s", rows[i].row, (int)t->applied,
                     (int)t->rejected, (int)t->refused, result.files[0].first);
        assert_verified(w);
        import_result_deinit(&result);
        unlink(path);
        free(path);
        world_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_right_roles_may),
        cmocka_unit_test(nobody_decides_about_his_own_work),
        cmocka_unit_test(nobody_answers_the_appeal_against_his_own_decision),
        cmocka_unit_test(a_reason_is_needed),
        cmocka_unit_test(a_decision_is_seen_in_the_next_feed),
        cmocka_unit_test(limited_contents_share_a_tenth_of_a_feed),
        cmocka_unit_test(what_is_no_report_of_somebody_else_waits_for_nothing),
        cmocka_unit_test(the_queue_looks_at_reach_and_at_records),
        cmocka_unit_test(the_history_says_who_when_why_and_what_came_of_it),
        cmocka_unit_test(a_command_counts_when_it_is_given_whatever_time_it_claims),
        cmocka_unit_test(what_a_file_tells_counts_by_its_time),
        cmocka_unit_test(a_file_may_say_what_stands),
        cmocka_unit_test(a_world_replayed_or_loaded_is_the_same),
        cmocka_unit_test(a_world_of_an_earlier_heed_opens_from_its_journal),
        cmocka_unit_test(what_an_earlier_heed_read_from_a_file_still_counts_by_its_time),
        cmocka_unit_test(decisions_come_in_as_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
