/* Users, goods and services beside contents, through the commands. */
#include "import/exposures.h"
#include "support_fault.h"
#include "support_import.h"
#include "support_world.h"

#include "world/apply.h"
#include "world/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(...) json_decref(call_ok(w, __VA_ARGS__, NULL))

static const char even[] = "allocation:\n  k: 12\n  algorithm: exposure\n  floor: 0\n"
                           "  kinds: {content: 0.25, user: 0.25, good: 0.25, service: 0.25}\n"
                           "  constraints: {hide_at: -5, audience: [{category: adult, roles: "
                           "[moderator]}]}\n";

/* ann, bob, dan and gil (who is no user) have a content each; cyd and mod, a moderator, look. eve
 * sells; adult goods are for moderators. Everything has been seen by mod, in this order, most at
 * first. */
static void fill(struct world *w)
{
    static const char *const users[] = {"cyd", "ann", "bob", "dan", "eve"};
    static const char *const makers[] = {"bob", "ann", "dan", "gil"};
    for (size_t i = 0; i < 5; i++)
        OK("user add", "id", users[i]);
    OK("user add", "id", "mod", "role", "moderator");
    for (size_t i = 0; i < 4; i++)
        OK("content add", "id", makers[i], "creator", makers[i]);
    static const struct {
        const char *id, *category, *price, *stock;
    } goods[] = {{"sword", "arms", "5", "2"},
                 {"whip", "adult", "1", "9"},
                 {"lamp", "light", "2", "9"},
                 {"none", "light", "2", "0"}};
    for (size_t i = 0; i < 4; i++)
        OK("good add", "id", goods[i].id, "name", goods[i].id, "seller", "eve", "category",
           goods[i].category, "price", goods[i].price, "stock", goods[i].stock);
    OK("good add", "id", "idea", "name", "without a price", "seller", "eve");
    OK("service add", "id", "tour", "name", "Tour", "seller", "ann", "price", "3");
    OK("service add", "id", "help", "name", "Help", "price", "0");
    static const char *const seen[] = {"content:bob", "content:ann",  "content:dan", "content:gil",
                                       "user:bob",    "user:ann",     "user:dan",    "user:gil",
                                       "good:sword",  "good:whip",    "good:lamp",   "good:none",
                                       "good:idea",   "service:tour", "service:help"};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
        for (size_t n = i; n < 20; n++)
            OK("event add", "user", "mod", "verb", "view", "target", seen[i]);
    OK("ledger issue", "to", "cyd", "amount", "100");
}

static struct world *filled(const char *yaml)
{
    struct world *w = world_with_rules(yaml);
    fill(w);
    return w;
}

/* The ids of a kind's slots, from the top: "user:bob user:ann".                                  */
static const char *shown(const json_t *feed, const char *kind, char buf[512])
{
    const json_t *slot;
    size_t i, n = strlen(kind);
    buf[0] = 0;
    json_array_foreach(json_object_get(feed, "slots"), i, slot)
    {
        const char *id = json_string_value(json_object_get(slot, "target"));
        if (strncmp(id, kind, n) != 0 || id[n] != ':')
            continue;
        snprintf(buf + strlen(buf), 512 - strlen(buf), "%s%s", *buf ? " " : "", id + n + 1);
    }
    return buf;
}

static void expect(struct world *w, const char *user, const char *kind, const char *ids)
{
    char buf[512];
    json_t *feed = call_ok(w, "feed show", "user", user, NULL);
    if (strcmp(shown(feed, kind, buf), ids) != 0)
        fail_msg("%s is shown of kind %s: '%s', not '%s'", user, kind, buf, ids);
    json_decref(feed);
}

static void each_kind_shows_what_may_be_shown_of_it(void **state)
{
    (void)state;
    struct world *w = filled(even);
    expect(w, "cyd", "content", "bob ann dan gil");
    expect(w, "cyd", "user", "bob ann dan gil");
    expect(w, "cyd", "good", "sword lamp"); /* not for adults, sold out, without a price */
    expect(w, "cyd", "service", "tour help");
    expect(w, "mod", "good", "sword whip lamp"); /* the audience lets him */
    expect(w, "ann", "user", "bob dan gil");     /* not herself */
    expect(w, "ann", "service", "help");         /* nor what she sells */
    expect(w, "eve", "good", "");
    expect(w, "eve", "user", "bob ann dan gil"); /* who sells and made nothing is not offered */
    world_close(w);
}

static void what_changes_is_shown_no_more(void **state)
{
    (void)state;
    struct world *w = filled(even);
    /* followed: also after a refusal of him, and only for who follows */
    OK("event add", "user", "cyd", "verb", "view", "target", "user:ann");
    expect(w, "cyd", "user", "bob ann dan gil");
    OK("event add", "user", "cyd", "verb", "follow", "target", "user:ann");
    OK("event add", "user", "cyd", "verb", "follow", "target", "user:gil");
    expect(w, "cyd", "user", "bob dan");
    OK("event add", "user", "cyd", "verb", "skip", "target", "user:gil");
    expect(w, "cyd", "user", "bob dan");
    expect(w, "eve", "user", "ann gil bob dan"); /* being followed makes popular */
    /* sold out; withdrawn */
    OK("shop buy", "good", "sword", "user", "cyd", "units", "2");
    expect(w, "cyd", "good", "lamp");
    OK("shop list", "good", "sword", "stock", "1");
    expect(w, "cyd", "good", "sword lamp"); /* one may buy again */
    OK("shop list", "good", "lamp", "withdraw", "1");
    expect(w, "cyd", "good", "sword");
    /* one's own acts hide: the target itself, what its seller sells, a creator and his contents */
    OK("event add", "user", "cyd", "verb", "report", "target", "service:help");
    expect(w, "cyd", "service", "tour");
    expect(w, "bob", "service", "tour help");
    OK("event add", "user", "cyd", "verb", "report", "target", "user:eve");
    expect(w, "cyd", "good", "");
    expect(w, "bob", "good", "sword");
    OK("event add", "user", "cyd", "verb", "report", "target", "user:bob");
    expect(w, "cyd", "user", "dan");
    expect(w, "cyd", "content", "ann dan gil");
    /* moderation: of the target, of its seller, of all that a creator made */
    OK("quality decide", "target", "good:sword", "decision", "remove", "reason", "x");
    expect(w, "bob", "good", "");
    OK("quality decide", "target", "user:ann", "decision", "remove", "reason", "x");
    expect(w, "bob", "user", "gil dan");
    expect(w, "bob", "service", "help");
    OK("quality decide", "target", "content:dan", "decision", "remove", "reason", "x");
    expect(w, "bob", "user", "gil");
    expect(w, "bob", "content", "gil");
    OK("quality decide", "target", "user:ann", "decision", "allow", "reason", "y");
    expect(w, "bob", "user", "ann gil");
    /* a limited one has no slot of three */
    OK("quality decide", "target", "user:ann", "decision", "limit", "reason", "y");
    expect(w, "bob", "user", "gil");
    OK("quality decide", "target", "user:ann", "decision", "allow", "reason", "y");
    OK("user erase", "user", "ann");
    expect(w, "bob", "user", "gil");
    expect(w, "bob", "service", "help");
    world_close(w);
}

/* A creator all of whose contents are hidden from somebody is not offered to him.                */
static void who_made_nothing_for_a_user_is_not_offered_to_him(void **state)
{
    (void)state;
    struct world *w = filled(even);
    OK("user add", "id", "fay");
    OK("content add", "id", "f1", "creator", "fay", "category", "adult");
    OK("content add", "id", "f2", "creator", "fay", "category", "adult");
    expect(w, "cyd", "user", "bob ann dan gil");
    json_t *feed = call_ok(w, "feed show", "user", "mod", "k", "40", NULL);
    char buf[512];
    assert_string_equal(shown(feed, "user", buf), "bob ann dan gil fay");
    json_decref(feed);
    OK("content add", "id", "f3", "creator", "fay");
    feed = call_ok(w, "feed show", "user", "cyd", "k", "40", NULL);
    assert_string_equal(shown(feed, "user", buf), "bob ann dan gil fay");
    json_decref(feed);
    OK("event add", "user", "cyd", "verb", "report", "target", "content:f3");
    feed = call_ok(w, "feed show", "user", "cyd", "k", "40", NULL);
    assert_string_equal(shown(feed, "user", buf), "bob ann dan gil");
    json_decref(feed);
    world_close(w);
}

/* Scores may be kept for a while (allocation.refresh); whom one follows, what is sold out and what
 * one's acts hide count at once. */
static void kept_scores_do_not_show_what_may_not_be_shown(void **state)
{
    (void)state;
    struct world *w = filled("allocation:\n  k: 12\n  algorithm: exposure\n  floor: 0\n"
                             "  refresh: 1 h\n  constraints: {hide_at: -5}\n"
                             "  kinds: {content: 0.25, user: 0.25, good: 0.25, service: 0.25}\n");
    expect(w, "cyd", "user", "bob ann dan");
    expect(w, "cyd", "good", "sword whip lamp");
    for (int i = 0; i < 30; i++)
        OK("event add", "user", "mod", "verb", "view", "target", "user:dan");
    expect(w, "cyd", "user", "bob ann dan"); /* still */
    OK("event add", "user", "cyd", "verb", "follow", "target", "user:ann");
    OK("event add", "user", "cyd", "verb", "report", "target", "service:help");
    expect(w, "cyd", "user", "bob dan gil");
    expect(w, "cyd", "service", "tour");
    OK("shop buy", "good", "sword", "user", "cyd", "units", "2");
    expect(w, "cyd", "good", "whip lamp");
    expect(w, "cyd", "user", "dan bob gil"); /* what was decided made all anew */
    world_close(w);
}

static const json_t *relaxed_row(const json_t *feed, size_t i)
{
    return json_array_get(json_object_get(feed, "relaxed"), i);
}

static void slots_are_shared_placed_and_relaxed_by_name(void **state)
{
    (void)state;
    struct world *w = filled("allocation:\n  k: 6\n  algorithm: exposure\n  floor: 0\n"
                             "  kinds: {content: 0.5, user: 0.2, good: 0.2, service: 0.1}\n");
    static const char *const places[] = {"content:bob", "content:ann",  "user:bob",
                                         "good:sword",  "service:tour", "content:dan"};
    /* quotas 3, 1.2, 1.2, .6 */
    json_t *feed = call_ok(w, "feed show", "user", "cyd", NULL), *served;
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(json_string_value(json_object_get(
                                json_array_get(json_object_get(feed, "slots"), i), "target")),
                            places[i]);
    assert_null(json_object_get(feed, "relaxed"));
    json_decref(feed);
    /* k = 20: 10, 4, 4, 2 of which there are 4, 4, 3, 2 */
    feed = call_ok(w, "feed show", "user", "cyd", "k", "20", NULL);
    served = call_ok(w, "feed serve", "user", "cyd", "k", "20", NULL);
    assert_true(json_equal(feed, served));
    assert_int_equal(json_array_size(json_object_get(feed, "slots")), 13);
    assert_int_equal(json_array_size(json_object_get(feed, "relaxed")), 2);
    assert_string_equal(json_string_value(json_object_get(relaxed_row(feed, 0), "rule")),
                        "kinds.content");
    assert_int_equal(int_at(relaxed_row(feed, 0), "wanted"), 10);
    assert_int_equal(int_at(relaxed_row(feed, 0), "got"), 4);
    assert_int_equal(int_at(relaxed_row(feed, 0), "among"), 20);
    assert_string_equal(json_string_value(json_object_get(relaxed_row(feed, 1), "rule")),
                        "kinds.good");
    assert_int_equal(int_at(relaxed_row(feed, 1), "got"), 3);
    json_decref(feed);
    json_decref(served);
    world_close(w);
}

static void constraints_speak_of_the_contents_alone(void **state)
{
    (void)state;
    struct world *w =
        filled("allocation:\n  k: 8\n  algorithm: exposure\n  floor: 0\n"
               "  kinds: {content: 0.5, good: 0.5}\n"
               "  constraints: {per_creator: 1, caps: [{category: light, max: 0}]}\n");
    for (int i = 0; i < 6; i++) {
        char id[8];
        snprintf(id, sizeof id, "e%d", i);
        OK("content add", "id", id, "creator", "eve", "category", i % 2 ? "light" : "dark");
    }
    expect(w, "cyd", "content", "bob ann dan gil e0"); /* the fifth slot for want of goods */
    expect(w, "cyd", "good", "sword whip lamp");       /* one seller's, one of them light */
    world_close(w);
}

/* Relevance of a kind is by the acts on it: who follows ann follows dan.                         */
static void relevance_is_by_the_acts_on_the_kind(void **state)
{
    (void)state;
    struct world *w = filled("allocation:\n  k: 4\n  algorithm: relevance\n  floor: 0\n"
                             "  kinds: {content: 0.25, user: 0.25, good: 0.5}\n");
    static const char *const fans[] = {"bob", "eve"};
    for (size_t i = 0; i < 2; i++) {
        OK("event add", "user", fans[i], "verb", "follow", "target", "user:ann");
        OK("event add", "user", fans[i], "verb", "follow", "target", "user:dan");
    }
    OK("event add", "user", "bob", "verb", "purchase", "target", "good:whip");
    OK("event add", "user", "bob", "verb", "purchase", "target", "good:lamp");
    OK("event add", "user", "cyd", "verb", "follow", "target", "user:ann");
    OK("event add", "user", "cyd", "verb", "purchase", "target", "good:whip");
    json_t *feed = call_ok(w, "feed serve", "user", "cyd", NULL);
    char buf[512];
    assert_string_equal(shown(feed, "user", buf), "dan");
    json_t *why = call_ok(w, "feed explain", "user", "cyd", "target", "user:dan", NULL);
    const json_t *reason = NULL, *r;
    size_t i;
    json_array_foreach(json_object_get(why, "reasons"), i,
                       r) if (strcmp(json_string_value(json_object_get(r, "name")), "relevance") ==
                              0) reason = r;
    assert_string_equal(json_string_value(json_object_get(reason, "by")), "cosine");
    assert_true(json_real_value(json_object_get(reason, "value")) == 1);
    json_decref(why);
    assert_true(strncmp(shown(feed, "good", buf), "lamp", 4) == 0);
    json_decref(feed);
    world_close(w);
}

/* A creator is worth what his contents are; a good what is said of it.                           */
static void quality_is_of_a_creators_contents_and_of_the_goods_themselves(void **state)
{
    (void)state;
    struct world *w = filled("allocation:\n  k: 4\n  algorithm: quality\n  floor: 0\n"
                             "  kinds: {content: 0, user: 0.5, good: 0.5}\n");
    for (int i = 0; i < 12; i++) {
        char id[8];
        snprintf(id, sizeof id, "r%d", i);
        OK("user add", "id", id);
        OK("rating add", "user", id, "target", "content:gil", "score", "5");
        OK("rating add", "user", id, "target", "content:bob", "score", "1");
        OK("rating add", "user", id, "target", "good:lamp", "score", "5");
        OK("rating add", "user", id, "target", "good:sword", "score", "1");
    }
    json_t *feed = call_ok(w, "feed show", "user", "cyd", NULL);
    char buf[512];
    assert_true(strncmp(shown(feed, "user", buf), "gil", 3) == 0);
    assert_string_equal(shown(feed, "good", buf), "lamp whip");
    const json_t *slot;
    size_t i;
    json_array_foreach(json_object_get(feed, "slots"), i, slot)
    {
        const char *target = json_string_value(json_object_get(slot, "target"));
        char of[40];
        snprintf(of, sizeof of, "%s%s", strncmp(target, "user", 4) == 0 ? "content" : "good",
                 strchr(target, ':'));
        json_t *q = call_ok(w, "quality show", "target", of, NULL);
        double is = json_real_value(json_object_get(q, "quality"));
        double says = json_real_value(json_object_get(slot, "score"));
        if (says < is - 1e-6 || says > is + 1e-6)
            fail_msg("%s has %g, its quality is %g", target, says, is);
        json_decref(q);
    }
    json_decref(feed);
    world_close(w);
}

static int64_t served_of(struct world *w, const char *target)
{
    const struct target_stats *t =
        behaviour_target(&w->state.behaviour, world_find_target(w, str_of(target)));
    return t ? (int64_t)t->served : 0;
}

static void slots_of_each_kind_are_recorded_and_explained(void **state)
{
    (void)state;
    struct world *w = filled("allocation:\n  k: 4\n  algorithm: exposure\n  floor: 0\n"
                             "  runners_up: 8\n"
                             "  kinds: {content: 0.25, user: 0.25, good: 0.25, service: 0.25}\n");
    json_t *feed = call_ok(w, "feed serve", "user", "cyd", NULL), *slot, *why;
    static const char *const slots[] = {"content:bob", "user:bob", "good:sword", "service:tour"};
    static const char *const next[][2] = {{"content:ann", "content:dan"},
                                          {"user:ann", "user:dan"},
                                          {"good:whip", "good:lamp"},
                                          {"service:help", NULL}};
    for (size_t i = 0; i < 4; i++) {
        slot = json_array_get(json_object_get(feed, "slots"), i);
        assert_string_equal(json_string_value(json_object_get(slot, "target")), slots[i]);
        assert_int_equal(served_of(w, slots[i]), 1);
        why = call_ok(w, "feed explain", "user", "cyd", "target", slots[i], NULL);
        assert_true(json_is_true(json_object_get(why, "shown")));
        assert_int_equal(int_at(why, "rank"), i + 1);
        assert_true(json_equal(json_object_get(why, "reasons"), json_object_get(slot, "reasons")));
        json_decref(why);
        for (size_t n = 0; n < 2 && next[i][n]; n++) { /* two of eight each: within the kind */
            assert_int_equal(served_of(w, next[i][n]), 0);
            why = call_ok(w, "feed explain", "user", "cyd", "target", next[i][n], NULL);
            assert_false(json_is_true(json_object_get(why, "shown")));
            assert_int_equal(int_at(why, "place"), n + 2);
            assert_true(json_equal(json_object_get(why, "needed"), json_object_get(slot, "score")));
            json_decref(why);
        }
    }
    call_refused(w, "not_in_feed", "feed explain", "user", "cyd", "target", "content:gil", NULL);
    json_decref(feed);
    /* positions of the whole feed are learnt from contents alone */
    assert_int_equal(w->state.quality.positions.n, 1);
    assert_int_equal(w->state.quality.positions.cells[0].position, 0);
    world_close(w);
}

static void chance_takes_the_last_slot_from_its_own_kind(void **state)
{
    (void)state;
    struct world *w = filled("allocation:\n  k: 4\n  algorithm: exposure\n  floor: 0\n"
                             "  explore: {method: epsilon, epsilon: 1, candidates: 2}\n"
                             "  kinds: {content: 0.5, user: 0.5}\n");
    unsigned explored = 0;
    for (int turn = 0; turn < 40; turn++) {
        json_t *feed = call_ok(w, "feed serve", "user", "cyd", NULL), *slot;
        for (size_t i = 0; i < 4; i++) {
            slot = json_array_get(json_object_get(feed, "slots"), i);
            const char *target = json_string_value(json_object_get(slot, "target"));
            assert_int_equal(strncmp(target, i % 2 ? "user:" : "content:", i % 2 ? 5 : 8), 0);
            assert_int_equal(json_object_get(slot, "propensity") != NULL, i == 3);
        }
        if (json_is_true(json_object_get(slot, "explored"))) {
            explored++; /* who would have stood there came next */
            json_t *why = call_ok(w, "feed explain", "user", "cyd", "target", "user:ann", NULL);
            assert_true(json_is_true(json_object_get(why, "lost_to_exploration")));
            assert_int_equal(int_at(why, "place"), 2);
            json_decref(why);
        }
        json_decref(feed);
    }
    assert_true(explored > 15 && explored < 38); /* two of three */
    world_close(w);
}

static void the_log_has_rewards_of_each_kind(void **state)
{
    (void)state;
    struct world *w = filled("allocation:\n  k: 4\n  algorithm: exposure\n  floor: 0\n"
                             "  kinds: {content: 0.25, user: 0.25, good: 0.25, service: 0.25}\n");
    OK("feed serve", "user", "cyd");
    OK("event add", "user", "cyd", "verb", "follow", "target", "user:bob");
    OK("shop buy", "good", "sword", "user", "cyd");
    OK("event add", "user", "cyd", "verb", "view", "target", "service:tour");
    char *path = test_path("kinds.csv");
    const struct exposures_options later = {T0 + 30 * DAY, DAY, false};
    struct exposures_written written;
    struct heed_error err = {0};
    assert_int_equal(exposures_write(w, path, &later, &written, &err), HEED_OK);
    assert_int_equal(written.rows, 4);
    char *text = get_file(path, NULL);
    static const struct {
        const char *target, reward;
    } expected[] = {{"content:bob\",1", '0'},
                    {"user:bob\",2", '1'},
                    {"good:sword\",3", '1'},
                    {"service:tour\",4", '0'}};
    for (size_t i = 0; i < 4; i++) {
        const char *row = strstr(text, expected[i].target);
        if (!row || strchr(row, '\n')[-1] != expected[i].reward)
            fail_msg("%s: %s", expected[i].target, text);
    }
    free(text);
    unlink(path);
    free(path);
    world_close(w);
}

static void an_epoch_counts_the_slots_of_each_kind_and_keeps_the_floor(void **state)
{
    (void)state;
    struct world *w = filled("allocation:\n  k: 4\n  algorithm: exposure\n  floor: 0.5\n"
                             "  kinds: {content: 0.5, user: 0.25, good: 0.25}\n");
    static const char *const users[] = {"ann", "bob", "cyd", "dan", "eve"};
    for (size_t i = 0; i < 5; i++)
        OK("event add", "user", users[i], "verb", "view", "target", "service:help");
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
    assert_int_equal(int_at(reply, "feeds"), 6); /* and mod */
    const json_t *kinds = json_object_get(reply, "kinds"), *floor = json_object_get(reply, "floor");
    /* eve sells all goods: her slot goes to the contents, 3 : 1 by largest remainder */
    assert_int_equal(int_at(kinds, "content"), 13);
    assert_int_equal(int_at(kinds, "user"), 6);
    assert_int_equal(int_at(kinds, "good"), 5);
    assert_null(json_object_get(kinds, "service"));
    assert_int_equal(int_at(json_object_get(reply, "relaxed"), "kinds.good"), 1);
    assert_true(json_is_true(json_object_get(floor, "kept")));
    assert_true(json_real_value(json_object_get(floor, "min_share")) >= .5);
    /* c c u g: places 1 and 3 of c u g c by (i - 1/2) / n: c .25, u .5, g .5, c .75 */
    uint64_t given = 0;
    for (size_t i = 0; i < w->state.exposure.n; i++)
        given += w->state.exposure.given[i];
    uint64_t usual = exposure_of_rank(1) + exposure_of_rank(4);
    uint64_t eves = exposure_of_rank(1) + exposure_of_rank(2) + exposure_of_rank(4);
    assert_int_equal(given, 5 * usual + eves); /* c .17, then c before u at .5, c .83 */
    json_decref(reply);
    world_close(w);
}

static void replay_snapshot_and_verify_agree(void **state)
{
    (void)state;
    char *path = test_path("kinds.world");
    struct heed_error err = {0};
    struct world *w;
    const struct world_options options = {
        .create = true, .rules_yaml = even, .rules_size = strlen(even)};
    assert_int_equal(world_open(path, &options, &w, &err), HEED_OK);
    fill(w);
    OK("event add", "user", "cyd", "verb", "follow", "target", "user:dan");
    OK("feed serve", "user", "cyd");
    OK("feed serve", "user", "ann");
    OK("event add", "user", "cyd", "verb", "follow", "target", "user:bob");
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0 + 30 * DAY, &reply, "settle", NULL), HEED_OK);
    json_decref(reply);
    OK("user erase", "user", "bob");
    json_t *why = call_ok(w, "feed explain", "user", "cyd", "target", "good:lamp", NULL);
    json_t *feed = call_ok(w, "feed show", "user", "cyd", NULL);
    struct sha256 hash = hash_of(w);
    struct world *copy = restored_from(w);
    assert_int_equal(copy->state.feeds_n, 2);
    world_close(copy);
    assert_int_equal(snapshot_write(w, &err), HEED_OK);
    assert_verified(w);
    world_close(w);
    for (int replayed = 0; replayed < 2; replayed++) {
        const struct world_options again = {.no_snapshots = replayed == 1, .pid = getpid()};
        assert_int_equal(world_open(path, &again, &w, &err), HEED_OK);
        assert_true(sha256_eq(hash, hash_of(w)));
        json_t *now = call_ok(w, "feed explain", "user", "cyd", "target", "good:lamp", NULL);
        assert_true(json_equal(why, now));
        json_decref(now);
        now = call_ok(w, "feed show", "user", "cyd", NULL);
        assert_true(json_equal(feed, now));
        json_decref(now);
        world_close(w);
    }
    json_decref(why);
    json_decref(feed);
    unlink(path);
    free(path);
}

static void facts_name_what_is_there_in_one_way(void **state)
{
    (void)state;
    struct world *w = filled(even);
    const struct catalogue *c = &w->state.catalogue;
    struct feed_fact f = {.n = 1,
                          .policy = 1,
                          .slots = {{.item = 3, .kind = TARGET_GOOD, .propensity = 1}},
                          .wanted = {[TARGET_GOOD] = 1, [TARGET_USER] = 2}},
                     out;
    struct strbuf b;
    strbuf_init(&b, 4096);
    assert_true(fact_pack(&b, &f));
    assert_true(fact_read((struct str){b.p, b.n}, c, &out));
    assert_int_equal(slot_target(&out.slots[0]), target_make(TARGET_GOOD, 3));
    assert_memory_equal(out.wanted, f.wanted, sizeof f.wanted);
    assert_false(fact_read((struct str){b.p, b.n - 1}, c, &out));
    strbuf_deinit(&b);
    struct slot s;
    static const struct {
        uint64_t kept;
        bool good;
    } rows[] = {{0, true},
                {3, true},
                {4, false}, /* four contents */
                {(uint64_t)TARGET_GOOD << 28 | 4, true},
                {(uint64_t)TARGET_GOOD << 28 | 5, false},
                {(uint64_t)TARGET_SERVICE << 28 | 1, true},
                {(uint64_t)TARGET_USER << 28 | 99, false},
                {(uint64_t)TARGET_CONTENT << 28 | 1, false}, /* contents stand bare */
                {(uint64_t)5 << 28, false},
                {(uint64_t)UINT32_MAX + 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (slot_target_read(&s, c, rows[i].kept) != rows[i].good)
            fail_msg("row %zu", i);
    world_close(w);
}

/* Nobody asks who follows whom where feeds show no users, and nothing of it is in the state.     */
static void follows_are_kept_only_where_users_are_shown(void **state)
{
    (void)state;
    for (int kinds = 0; kinds < 2; kinds++) {
        struct world *w = filled(kinds ? even : "allocation: {floor: 0}\n");
        OK("event add", "user", "cyd", "verb", "follow", "target", "user:ann");
        OK("event add", "user", "cyd", "verb", "follow", "target", "content:ann");
        uint32_t cyd = world_find_user(w, str_of("cyd"));
        const struct pair *ann =
            behaviour_pair(&w->state.behaviour, cyd, world_find_target(w, str_of("user:ann")));
        const struct pair *content =
            behaviour_pair(&w->state.behaviour, cyd, world_find_target(w, str_of("content:ann")));
        assert_int_equal(ann->follows, kinds);
        assert_int_equal(content->follows, 0);
        struct world *copy = restored_from(w);
        ann = behaviour_pair(&copy->state.behaviour, cyd, world_find_target(w, str_of("user:ann")));
        assert_int_equal(ann->follows, kinds);
        world_close(copy);
        world_close(w);
    }
}

static struct world *filled_and_followed(const char *rules)
{
    struct world *w = filled(rules);
    OK("event add", "user", "cyd", "verb", "follow", "target", "user:ann");
    return w;
}

static void feeds_and_settlements_say_when_memory_is_out(void **state)
{
    (void)state;
    feeds_while_memory_ends(filled_and_followed,
                            "allocation:\n  k: 4\n  floor: 0.2\n"
                            "  kinds: {content: 0.25, user: 0.25, good: 0.25, service: 0.25}\n",
                            "cyd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_shows_what_may_be_shown_of_it),
        cmocka_unit_test(what_changes_is_shown_no_more),
        cmocka_unit_test(who_made_nothing_for_a_user_is_not_offered_to_him),
        cmocka_unit_test(kept_scores_do_not_show_what_may_not_be_shown),
        cmocka_unit_test(slots_are_shared_placed_and_relaxed_by_name),
        cmocka_unit_test(constraints_speak_of_the_contents_alone),
        cmocka_unit_test(relevance_is_by_the_acts_on_the_kind),
        cmocka_unit_test(quality_is_of_a_creators_contents_and_of_the_goods_themselves),
        cmocka_unit_test(slots_of_each_kind_are_recorded_and_explained),
        cmocka_unit_test(chance_takes_the_last_slot_from_its_own_kind),
        cmocka_unit_test(the_log_has_rewards_of_each_kind),
        cmocka_unit_test(an_epoch_counts_the_slots_of_each_kind_and_keeps_the_floor),
        cmocka_unit_test(replay_snapshot_and_verify_agree),
        cmocka_unit_test(facts_name_what_is_there_in_one_way),
        cmocka_unit_test(follows_are_kept_only_where_users_are_shown),
        cmocka_unit_test_teardown(feeds_and_settlements_say_when_memory_is_out, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
