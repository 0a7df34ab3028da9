/* A world written as files and read again answers as before; who was erased is in none of them. */
#include "support_import.h"
#include "support_world.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const files[] = {"users.csv",  "contents.csv", "goods.csv",   "services.csv",
                                    "events.csv", "ratings.csv",  "reviews.csv", "decisions.csv"};
enum { FILES = 8 };

static const char rules[] = "currencies:\n  - {code: gold, scale: 2}\n  - {code: gem, scale: 0}\n"
                            "grants: {new_user: 50}\n";
static const char kinds_rules[] =
    "currencies:\n  - {code: gold, scale: 2}\n  - {code: gem, scale: 0}\n"
    "grants: {new_user: 50}\nallocation:\n  floor: 0.1\n"
    "  kinds: {content: 0.4, user: 0.3, good: 0.2, service: 0.1}\n";

#define OK(...) json_decref(call_ok(w, __VA_ARGS__, NULL))

static void event(struct world *w, int64_t time_ms, const char *user, const char *verb,
                  const char *target, const char *amount, const char *surface, const char *id)
{
    char time[32];
    snprintf(time, sizeof time, "%lld", (long long)(time_ms / 1000));
    const char *args[16] = {"user", user, "verb", verb, "target", target, "time", time};
    size_t n = 8;
    const char *const more[] = {"amount", amount, "surface", surface, "id", id};
    for (size_t i = 0; i < 6; i += 2)
        if (more[i + 1]) {
            args[n++] = more[i];
            args[n++] = more[i + 1];
        }
    OK("event add", args[0], args[1], args[2], args[3], args[4], args[5], args[6], args[7], args[8],
       args[9], args[10], args[11], args[12], args[13]);
}

/* Everything a world can hold, with texts that a file must quote. */
static void live(struct world *w)
{
    static const char *const people[] = {"zoe", "ann", "bob", "cyd", "dan", "茶"};
    OK("user add", "id", "zoe", "name", "Zoë, \"the\" first\nof her name", "role", "moderator");
    OK("content add", "id", "early", "creator", "guild", "title", "by one who is no user", "kind",
       "post", "category", "night");
    OK("user add", "id", "ann", "name", "安娜 (Anna)", "joined", "2025-01-01");
    OK("user add", "id", "bob", "name", "  Bob ");
    OK("user add", "id", "cyd");
    OK("user add", "id", "dan", "name", "'=1+1");
    OK("user add", "id", "茶");
    OK("good add", "id", "sword", "name", "Sword, long", "seller", "smith", "price", "4.99",
       "stock", "9", "category", "arms", "sales", "7");
    OK("good add", "id", "ring", "name", "Ring", "price", "3", "currency", "gem", "category", "b");
    OK("good add", "id", "free", "name", "not offered", "category", "a");
    OK("service add", "id", "tour", "name", "\"Tour\"", "seller", "ann", "price", "0.50");
    OK("content add", "id", "p1", "creator", "ann", "title", "On swords", "body",
       "a sword of good steel is made by folding it\r\nmany, many times while the fire burns hot",
       "good", "sword", "created", "2025-12-01T10:00:00.123Z");
    OK("content add", "id", "p2", "creator", "bob", "title", "On swords", "body",
       "a sword of good steel is made by folding it\r\nmany, many times while the fire burns hot");
    OK("content add", "id", "a:b", "creator", "smith", "title", "茶馆", "category", "zz", "kind",
       "video");
    OK("content add", "id", "p4", "creator", "cyd", "category", "aa");
    OK("content add", "id", "p5", "creator", "茶", "category", "mm", "title", ",");
    static const char *const verbs[] = {"view", "dwell", "like", "comment",
                                        "skip", "share", "view"};
    static const char *const targets[] = {
        "content:p1", "content:p2", "content:a:b",  "content:p4", "content:p5", "content:early",
        "good:sword", "good:ring",  "service:tour", "user:ann",   "user:茶"};
    uint64_t x = 12345;
    for (int i = 0; i < 600; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        unsigned r = (unsigned)(x >> 40);
        char id[32], amount[32];
        snprintf(id, sizeof id, "k%d", i / 5 * 5 % 400);
        snprintf(amount, sizeof amount, "%u.%03u", r % 90, r % 7 * 125);
        event(w, T0 - 86400000 * (int64_t)(r % 20) + i * 1000, people[r % 6], verbs[r / 6 % 7],
              targets[r / 42 % 11], r % 3 ? amount : NULL,
              r % 4 == 0   ? "home"
              : r % 4 == 1 ? "shop, \"front\""
                           : NULL,
              r % 5 == 0 ? id : NULL);
        if (i % 100 == 50)
            OK("feed serve", "user", people[i / 100], "k", "3");
    }
    event(w, T0 + 700000, "bob", "follow", "user:茶", NULL, NULL, NULL);
    event(w, T0 + 700000, "dan", "follow", "user:smith", NULL, NULL, NULL);
    OK("ledger issue", "to", "bob", "amount", "100", "currency", "gem");
    OK("shop buy", "good", "good:sword", "user", "bob", "units", "2");
    OK("shop buy", "good", "good:ring", "user", "bob");
    OK("shop buy", "good", "service:tour", "user", "cyd", "id", "once");
    OK("shop buy", "good", "service:tour", "user", "cyd", "id", "once");
    OK("shop refund", "purchase", "1");
    OK("shop list", "good", "good:ring", "withdraw", "1");
    OK("rating add", "user", "bob", "target", "content:p1", "score", "4.5");
    OK("rating add", "user", "bob", "target", "content:p1", "score", "5", "time", "2026-01-02");
    OK("rating add", "user", "cyd", "target", "content:a:b", "score", "2");
    OK("rating add", "user", "dan", "target", "good:sword", "score", "1");
    OK("rating add", "user", "zoe", "target", "content:p4", "score", "4", "kind", "expert");
    OK("rating add", "user", "zoe", "target", "content:p5", "score", "1", "kind", "moderation");
    OK("rating add", "user", "zoe", "target", "content:early", "score", "4", "kind", "moderation");
    event(w, T0 - 1000, "bob", "report", "content:p2", NULL, NULL, NULL);
    event(w, T0 - 500, "cyd", "report", "content:p2", NULL, NULL, NULL);
    event(w, T0 - 500, "cyd", "report", "content:p4", NULL, NULL, NULL);
    event(w, T0 - 400, "dan", "report", "content:p5", NULL, NULL, NULL);
    event(w, T0 + 900000, "dan", "report", "content:p1", NULL, NULL, NULL);
    event(w, T0 + 900000, "dan", "report", "user:茶", NULL, NULL, NULL);
    OK("quality decide", "target", "content:p2", "decision", "remove", "reason",
       "copied, \"all\" of it\r\nand more");
    OK("quality appeal", "target", "content:p2", "reason", "写得不同");
    OK("quality decide", "target", "content:p2", "decision", "limit", "reason", "some of it");
    OK("quality appeal", "target", "content:p5", "reason", "why?"); /* against a score */
    OK("quality decide", "target", "content:p5", "decision", "remove", "reason", "that is why");
    OK("quality decide", "target", "user:smith", "decision", "limit", "reason", "=1+1");
    OK("quality decide", "target", "good:free", "decision", "allow", "reason", "nobody's");
    OK("settle", "until", "2026-02-01");
    OK("feed serve", "user", "ann", "algorithm", "exposure", "surface", "plaza");
}

/* ── what a world says ── */

static void say(struct world *w, struct strbuf *out, const char *name, const char *const args[8])
{
    json_t *reply = NULL;
    enum heed_status status = call_as(w, NULL, T0, &reply, name, args[0], args[1], args[2], args[3],
                                      args[4], args[5], NULL);
    char *text = reply ? json_dumps(reply, JSON_SORT_KEYS) : NULL;
    strbuf_printf(out, "%s %s %s %s: %d %s\n", name, args[1], args[2] ? args[2] : "",
                  args[3] ? args[3] : "", (int)status, text ? text : "");
    free(text);
    json_decref(reply);
}

#define SAY(name, ...) say(w, out, name, (const char *const[8]){__VA_ARGS__})

static void answers(struct world *w, struct strbuf *out)
{
    static const char *const over[] = {"targets", "categories", "creators"};
    static const char *const algorithms[] = {"exposure", "engagement", "quality", "relevance",
                                             "mixed"};
    const struct catalogue *c = &w->state.catalogue;
    static const char *const ids[] = {"user:zoe",   "user:ann",    "user:bob",      "user:cyd",
                                      "user:dan",   "user:茶",     "content:early", "content:p1",
                                      "content:p2", "content:a:b", "content:p4",    "content:p5",
                                      "good:sword", "good:ring",   "good:free",     "service:tour"};
    assert_int_equal(sizeof ids / sizeof *ids,
                     c->users_n + c->contents_n + c->goods_n + c->services_n);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (i < 6)
            for (size_t o = 0; o < 3; o++)
                SAY("behaviour show", "target", ids[i], "over", over[o], "k", "100");
        else
            SAY("behaviour show", "target", ids[i]);
        SAY("quality show", "target", ids[i]);
        SAY("quality history", "target", ids[i]);
        for (size_t a = 0; i < 6 && a < 5; a++)
            SAY("feed show", "user", ids[i], "algorithm", algorithms[a], "k", "10");
    }
    static const char *const by[] = {"reach", "dwell", "engagement"};
    for (size_t i = 0; i < 3; i++)
        SAY("behaviour top", "by", by[i], "k", "100");
    SAY("shop goods", "k", "100");
    SAY("quality queue", "k", "100");
    SAY("quality history", "k", "100");
    json_t *status = call_ok(w, "status", NULL);
    static const char *const counts[] = {"users", "contents", "goods", "services", "events"};
    for (size_t i = 0; i < 5; i++)
        strbuf_printf(out, "%s %d\n", counts[i], (int)int_at(status, counts[i]));
    char *verbs = json_dumps(json_object_get(status, "verbs"), JSON_SORT_KEYS);
    strbuf_printf(out, "%s\n", verbs);
    free(verbs);
    json_decref(status);
}

static void first_difference(const struct strbuf *a, const struct strbuf *b)
{
    if (a->n == b->n && memcmp(a->p, b->p, a->n) == 0)
        return;
    const char *p = a->p, *q = b->p;
    for (;;) {
        size_t n = strcspn(p, "\n"), m = strcspn(q, "\n");
        if (n != m || memcmp(p, q, n) != 0)
            fail_msg("the exported world said\n%.*s\nand the imported one\n%.*s", (int)n, p, (int)m,
                     q);
        p += n + 1;
        q += m + 1;
    }
}

static char *exported(struct world *w, const char *name)
{
    struct heed_error err = {0};
    char *dir = test_path(name);
    if (export_dir(w, T0, dir, false, NULL, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return dir;
}

static char *text_of(const char *dir, const char *file)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return get_file(path, NULL);
}

static struct world *imported_by(const char *yaml, const char *dir)
{
    struct world *w = world_with_rules(yaml);
    struct imported in = import_folder(w, dir);
    const struct heed_tally *t = &in.result.total;
    if (in.status != HEED_OK || t->applied + t->duplicate != t->rows)
        fail_msg("%s: %s; %d of %d rows applied, %d duplicate: %s", in.err.where, in.err.message,
                 (int)t->applied, (int)t->rows, (int)t->duplicate,
                 in.result.n ? in.result.files[0].first : "");
    imported_free(&in);
    return w;
}

static struct world *imported_world(const char *dir)
{
    return imported_by(rules, dir);
}

static void answers_as_its_copy(const char *yaml, const char *one, const char *two)
{
    struct world *w = world_with_rules(yaml);
    live(w);
    char *first = exported(w, one);
    struct world *again = imported_by(yaml, first);
    struct strbuf before, after;
    strbuf_init(&before, 64 << 20);
    strbuf_init(&after, 64 << 20);
    answers(w, &before);
    answers(again, &after);
    assert_true(before.n > 10000);
    first_difference(&before, &after);
    strbuf_deinit(&before);
    strbuf_deinit(&after);

    char *second = exported(again, two);
    for (int i = 0; i < FILES; i++) {
        char *a = text_of(first, files[i]), *b = text_of(second, files[i]);
        if (strcmp(a, b) != 0) {
            size_t at = 0;
            while (a[at] == b[at])
                at++;
            fail_msg("%s: the second export differs at byte %d:\n%.120s\n%.120s", files[i], (int)at,
                     a + at, b + at);
        }
        free(a);
        free(b);
    }
    free(first);
    free(second);
    world_close(again);
    world_close(w);
}

static void an_exported_world_answers_the_same_when_imported(void **state)
{
    (void)state;
    answers_as_its_copy(rules, "first", "second");
}

/* The copy has its people in another order.                                                     */
static void so_does_one_whose_feeds_hold_several_kinds(void **state)
{
    (void)state;
    answers_as_its_copy(kinds_rules, "kinds1", "kinds2");
}

enum { JUDGED = 6 };

/* Decisions at whatever times, appeals, and scores if asked for; two moderators and the operator.
 */
static void judge(struct world *w, struct prng *r, bool scores)
{
    static const char *const decisions[] = {"allow", "limit", "remove"};
    static const char *const actors[] = {"mod", "mod2", NULL};
    OK("user add", "id", "mod", "role", "moderator");
    OK("user add", "id", "mod2", "role", "moderator");
    for (int i = 0; i < JUDGED; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        OK("content add", "id", id, "creator", "maker");
    }
    for (int step = 0; step < 60; step++) {
        char target[32];
        snprintf(target, sizeof target, "content:j%d", (int)prng_below(r, JUDGED));
        static const int64_t days[] = {-900, -1, 0, 1, 30, 70, 3650};
        int64_t time_ms = T0 + days[prng_below(r, 7)] * DAY + (int64_t)prng_below(r, 5) * 1000;
        const char *actor = actors[prng_below(r, 3)];
        enum heed_status status;
        uint64_t what = prng_below(r, 5);
        if (what == 0)
            status = call_as(w, NULL, time_ms, NULL, "quality appeal", "target", target, "reason",
                             "a, \"b\"", NULL);
        else if (what == 1 && scores)
            status = call_as(w, NULL, T0 + (int64_t)prng_below(r, 60) * DAY, NULL, "rating add",
                             "user", "mod", "target", target, "score", prng_below(r, 2) ? "1" : "5",
                             "kind", "moderation", NULL);
        else
            status = call_as(w, actor, time_ms, NULL, "quality decide", "target", target,
                             "decision", decisions[prng_below(r, 3)], "reason", "because", NULL);
        assert_true(status == HEED_OK || status == HEED_REFUSED);
    }
}

/* Whatever times were claimed, what stands in a world stands in its copy; without scores, which go
 * by another file, the whole history is the same. */
static void what_stands_is_what_stands_in_a_copy(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct world *w = world_with_rules(rules);
        struct prng r;
        bool scores = seed % 2;
        prng_seed(&r, seed);
        judge(w, &r, scores);
        char name[32];
        snprintf(name, sizeof name, "judged%d", (int)seed);
        char *dir = exported(w, name);
        struct world *again = world_with_rules(rules);
        struct imported in = import_folder(again, dir);
        assert_int_equal(in.status, HEED_OK);
        const struct heed_tally *t = &in.result.total;
        if (!scores && t->applied != t->rows)
            fail_msg("seed %d: %d of %d rows", (int)seed, (int)t->applied, (int)t->rows);
        imported_free(&in);
        for (int i = 0; i < JUDGED; i++) {
            char target[32];
            snprintf(target, sizeof target, "content:j%d", i);
            if (quality_gate(&w->state.quality, world_find_target(w, str_of(target))) !=
                quality_gate(&again->state.quality, world_find_target(again, str_of(target))))
                fail_msg("seed %d: of %s something else stands", (int)seed, target);
            json_t *a = call_ok(w, "quality history", "target", target, "k", "1000", NULL);
            json_t *b = call_ok(again, "quality history", "target", target, "k", "1000", NULL);
            if (!scores && !json_equal(a, b))
                fail_msg("seed %d: %s\n%s\n%s", (int)seed, target, json_dumps(a, 0),
                         json_dumps(b, 0));
            json_decref(a);
            json_decref(b);
        }
        free(dir);
        world_close(again);
        world_close(w);
    }
}

/* What was seen before is a duplicate for the copy too, though ids are kept as hashes only. */
static void event_ids_are_known_to_the_copy(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill_small(w);
    event(w, T0, "ann", "like", "content:post1", NULL, NULL, "mine");
    char *dir = exported(w, "ids");
    world_close(w);
    w = world_in_memory();
    struct imported in = import_folder(w, dir);
    expect_tally(&in, (struct heed_tally){6, 6, 0, 0, 0});
    imported_free(&in);
    json_t *reply = NULL;
    assert_int_equal(call_as(w, NULL, T0, &reply, "event add", "user", "ann", "verb", "like",
                             "target", "content:post1", "id", "mine", NULL),
                     HEED_OK);
    assert_true(json_is_true(json_object_get(reply, "duplicate")));
    json_decref(reply);
    free(dir);
    world_close(w);
}

static void erased_people_are_in_no_file(void **state)
{
    (void)state;
    struct world *w = world_with_rules(rules);
    live(w);
    OK("user add", "id", "gone-person", "name", "Gone Person");
    OK("content add", "id", "lost-post", "creator", "gone-person", "title", "lost title");
    OK("good add", "id", "lost-good", "name", "Lamp", "seller", "gone-person", "price", "1");
    event(w, T0, "gone-person", "like", "content:p1", NULL, "gone-surface", NULL);
    event(w, T0, "bob", "like", "content:lost-post", NULL, NULL, NULL);
    event(w, T0, "bob", "follow", "user:gone-person", NULL, NULL, NULL);
    OK("shop buy", "good", "good:sword", "user", "gone-person");
    OK("rating add", "user", "gone-person", "target", "content:p1", "score", "1");
    OK("rating add", "user", "zoe", "target", "content:lost-post", "score", "4", "kind", "expert");
    OK("quality decide", "target", "content:lost-post", "decision", "limit", "reason",
       "lost title");
    OK("quality appeal", "target", "content:lost-post", "reason", "Gone wrong");
    OK("feed serve", "user", "gone-person");
    OK("feed serve", "user", "bob");
    OK("content add", "id", "about", "creator", "bob", "title", "about a lamp", "good",
       "lost-good");
    event(w, T0, "bob", "cart", "good:lost-good", NULL, NULL, NULL);
    OK("shop buy", "good", "good:lost-good", "user", "bob");
    OK("user erase", "user", "gone-person");
    char *dir = exported(w, "erased");
    for (int i = 0; i < FILES; i++) {
        static const char *const words[] = {"gone-person", "Gone",   "lost-post",
                                            "lost title",  "user:,", "content:,"};
        char *text = text_of(dir, files[i]);
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if (strstr(text, words[k]))
                fail_msg("%s holds '%s'", files[i], words[k]);
        free(text);
    }
    struct world *again = imported_world(dir);
    assert_int_equal(world_find_target(again, STR("content:lost-post")), 0);
    assert_int_equal(world_find_target(again, STR("good:lost-good")), 0);
    assert_true(world_find_target(again, STR("content:about")) != 0);
    world_close(again);
    free(dir);
    world_close(w);
}

static void say_quality(struct world *w, struct strbuf *out, const char *target)
{
    json_t *reply = call_ok(w, "quality show", "target", target, NULL);
    char *parts = json_dumps(json_object_get(reply, "parts"), JSON_SORT_KEYS);
    strbuf_printf(out, "%s %.17g %s\n", target, json_real_value(json_object_get(reply, "quality")),
                  parts);
    free(parts);
    json_decref(reply);
}

/* Qualities and feeds of those who stay.                                                         */
static void staying(struct world *w, struct strbuf *out)
{
    static const char *const contents[] = {"content:copy", "content:copy2", "content:own"};
    static const char *const people[] = {"ann", "bob", "cyd"};
    static const char *const algorithms[] = {"exposure", "engagement", "quality", "relevance",
                                             "mixed"};
    strbuf_init(out, 1 << 20);
    for (size_t i = 0; i < 3; i++) {
        say_quality(w, out, contents[i]);
        for (size_t a = 0; a < 5; a++)
            SAY("feed show", "user", people[i], "algorithm", algorithms[a], "k", "10");
    }
}

static void copies_of_an_erased_original_stay_copies(void **state)
{
    (void)state;
    struct world *w = world_with_rules(rules);
    static const char body[] = "a sword of good steel is made by folding it many, many times while "
                               "the fire burns hot and the hammer falls";
    static const char *const people[] = {"ann", "bob", "cyd", "eve"};
    for (size_t i = 0; i < 4; i++)
        OK("user add", "id", people[i]);
    OK("content add", "id", "orig", "creator", "eve", "title", "On swords", "body", body);
    OK("content add", "id", "copy", "creator", "bob", "title", "On swords", "body", body);
    OK("content add", "id", "copy2", "creator", "cyd", "title", "On my swords", "body", body);
    OK("content add", "id", "own", "creator", "ann", "title", "Tea", "body",
       "leaves from the hills above the river, dried for a day and rolled by hand");
    for (int i = 0; i < 40; i++) {
        static const char *const verbs[] = {"view", "like", "view", "dwell", "share"};
        static const char *const targets[] = {"content:copy", "content:copy2", "content:own"};
        event(w, T0 - i * 1000, people[i % 3], verbs[i % 5], targets[i / 3 % 3], "3", NULL, NULL);
    }
    OK("rating add", "user", "ann", "target", "content:copy", "score", "5");
    OK("rating add", "user", "bob", "target", "content:own", "score", "3");
    OK("user erase", "user", "eve");
    struct strbuf before, after, third;
    staying(w, &before);
    char *dir = exported(w, "copies");
    char *text = text_of(dir, "contents.csv");
    assert_null(strstr(text, "orig"));
    assert_null(strstr(text, "eve"));
    assert_non_null(strstr(text, ",1.000000,"));
    free(text);
    struct world *again = imported_world(dir);
    staying(again, &after);
    first_difference(&before, &after);
    json_t *reply = call_ok(again, "quality show", "target", "content:copy", NULL);
    json_t *copy = json_object_get(reply, "copy_of");
    assert_true(json_is_null(json_object_get(copy, "target")));
    assert_true(json_real_value(json_object_get(copy, "similarity")) > .999);
    json_decref(reply);
    char *next = exported(again, "copies2"); /* and so do those of a copy of the copy */
    struct world *last = imported_world(next);
    staying(last, &third);
    first_difference(&before, &third);
    strbuf_deinit(&before);
    strbuf_deinit(&after);
    strbuf_deinit(&third);
    free(dir);
    free(next);
    world_close(last);
    world_close(again);
    world_close(w);
}

/* A world that was read from files, told apart by its JSON attributes. */
static void attributes_survive(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    char *path =
        put_text("u.jsonl", "{\"id\":\"ann\",\"tags\":[1,\"two\"],\"note\":\"a, \\\"b\\\"\\n\"}\n"
                            "{\"id\":\"bob\"}\n");
    struct imported in = import_as(w, IMPORT_USERS, path, NULL);
    expect_tally(&in, (struct heed_tally){2, 2, 0, 0, 0});
    imported_free(&in);
    free(path);
    char *first = exported(w, "attributes1");
    world_close(w);
    w = world_in_memory();
    in = import_folder(w, first);
    expect_tally(&in, (struct heed_tally){2, 2, 0, 0, 0});
    imported_free(&in);
    char *second = exported(w, "attributes2");
    world_close(w);
    char *a = text_of(first, "users.csv"), *b = text_of(second, "users.csv");
    assert_non_null(strstr(a, "\"\"tags\"\":[1,\"\"two\"\"]"));
    assert_string_equal(a, b);
    free(a);
    free(b);
    free(first);
    free(second);
}

static void a_folder_that_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    struct heed_error err = {0};
    char *file = put_text("file", "");
    assert_int_equal(export_dir(w, T0, file, false, NULL, &err), HEED_STORAGE);
    assert_non_null(strstr(err.where, file));
    error_clear(&err);
    assert_int_equal(export_dir(w, T0, "/nowhere/at/all", false, NULL, &err), HEED_STORAGE);
    assert_string_equal(err.where, "/nowhere/at/all");
    free(file);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exported_world_answers_the_same_when_imported),
        cmocka_unit_test(so_does_one_whose_feeds_hold_several_kinds),
        cmocka_unit_test(what_stands_is_what_stands_in_a_copy),
        cmocka_unit_test(event_ids_are_known_to_the_copy),
        cmocka_unit_test(erased_people_are_in_no_file),
        cmocka_unit_test(copies_of_an_erased_original_stay_copies),
        cmocka_unit_test(attributes_survive),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
