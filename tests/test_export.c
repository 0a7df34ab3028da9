/* Exports: the files written, and that importing them gives a world that answers the same. */
#include "support_world.h"

#include "base/prng.h"
#include "import/import.h"
#include "sim/plaza.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const names[] = {"users.csv",  "contents.csv", "goods.csv",   "services.csv",
                                    "events.csv", "ratings.csv",  "reviews.csv", "decisions.csv",
                                    "learnt.csv", "models.csv"};
enum { FILES = sizeof names / sizeof *names };

static void remove_files(const char *dir)
{
    char path[600];
    for (size_t i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/truth.csv", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/rules.yaml", dir);
    unlink(path);
    rmdir(dir);
}

static char *export_of(struct world *w, const char *name)
{
    char *dir = test_path(name);
    struct heed_error err = {0};
    if (export_dir(w, T0, dir, false, NULL, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return dir;
}

static char *text_of(const char *dir, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: %s", path, strerror(errno));
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size_t n = (size_t)ftell(f);
    rewind(f);
    char *text = calloc(1, n + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, n, f), n);
    fclose(f);
    return text;
}

static void import_into(struct world *w, const char *dir)
{
    const struct heed_context context = {T0 + 60 * DAY, NULL};
    struct import_result result = {0};
    struct heed_error err = {0};
    if (import_dir(w, &context, dir, &(struct import_options){0}, &result, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    for (size_t i = 0; i < result.n; i++)
        if (result.files[i].first[0])
            fail_msg("%s", result.files[i].first);
    import_result_deinit(&result);
}

/* ── the files, word by word ── */

static void a_small_world_is_these_files(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    json_decref(call_ok(w, "user add", "id", "d \"d\"", "name", "Day, Dee", "role", "moderator",
                        "joined", "2025-12-24", NULL));
    json_decref(call_ok(w, "content add", "id", "post2", "creator", "zoe", "title", "two\nlines",
                        "kind", "essay", NULL));
    json_decref(call_ok(w, "service add", "id", "tour", "name", "Tour", "price", "2", NULL));
    json_decref(call_ok(w, "event add", "user", "bob", "verb", "dwell", "target", "content:post1",
                        "amount", "12.5", "surface", "home, sweet", NULL));
    json_decref(
        call_ok(w, "event add", "user", "cyd", "verb", "follow", "target", "user:zoe", NULL));
    json_decref(
        call_ok(w, "rating add", "user", "bob", "target", "content:post1", "score", "4.5", NULL));
    json_decref(call_ok(w, "rating add", "user", "cyd", "target", "good:sword", "score", "2",
                        "kind", "expert", NULL));
    json_decref(call_ok(w, "shop list", "good", "sword", "price", "4.50", "stock", "3", NULL));
    json_decref(call_ok(w, "shop buy", "good", "sword", "user", "bob", NULL));
    assert_int_equal(call_as(w, "d \"d\"", T0, NULL, "quality decide", "target", "content:post1",
                             "decision", "remove", "reason", " bad, \"very\"\nbad ", NULL),
                     HEED_OK);
    json_decref(
        call_ok(w, "quality appeal", "target", "content:post1", "reason", "it is not", NULL));
    json_decref(call_ok(w, "quality decide", "target", "content:post1", "decision", "allow",
                        "reason", "indeed", NULL));
    static const char *const expected[FILES] = {
        "id,name,joined_at,role,attributes\n"
        "ann,Ann,2026-01-01T00:00:00Z,member,\n"
        "bob,Bob B.,2026-01-01T00:00:00Z,member,\n"
        "cyd,,2026-01-01T00:00:00Z,member,\n"
        "\"d \"\"d\"\"\",\"Day, Dee\",2025-12-24T00:00:00Z,moderator,\n",
        "id,creator,title,body,kind,category,good,created_at,copy_similarity,attributes\n"
        "post1,ann,A sword,made of good steel,,arms,sword,2026-01-01T00:00:00Z,,\n"
        "post2,zoe,\"two\nlines\",,essay,,,2026-01-01T00:00:00Z,,\n",
        "id,name,seller,description,category,price,currency,stock,sales,created_at,offered,"
        "attributes\n"
        "sword,Sword,ann,,arms,4.50,gold,2,1,2026-01-01T00:00:00Z,yes,\n",
        "id,name,seller,description,category,price,currency,stock,sales,created_at,offered,"
        "attributes\n"
        "tour,Tour,,,,2.00,gold,,0,2026-01-01T00:00:00Z,yes,\n",
        "time,user,verb,target,amount,surface,via,id\n"
        "2026-01-01T00:00:00Z,bob,dwell,content:post1,12.500,\"home, sweet\",,\n"
        "2026-01-01T00:00:00Z,cyd,follow,user:zoe,1.000,,,\n"
        "2026-01-01T00:00:00Z,bob,purchase,good:sword,1.000,,,\n",
        "time,user,target,score,kind\n"
        "2026-01-01T00:00:00Z,bob,content:post1,4.500,user\n",
        "time,user,target,score,kind\n"
        "2026-01-01T00:00:00Z,cyd,good:sword,2.000,expert\n",
        "time,user,act,target,reason,stands\n"
        "2026-01-01T00:00:00Z,\"d \"\"d\"\"\",remove,content:post1,\"bad, \"\"very\"\"\nbad\",\n"
        "2026-01-01T00:00:00Z,ann,appeal,content:post1,it is not,\n"
        "2026-01-01T00:00:00Z,,allow,content:post1,indeed,\n",
        "what,id,a,b,c\n",
        "what,number,text\n"};
    char *dir = export_of(w, "small");
    for (size_t i = 0; i < FILES; i++) {
        char *text = text_of(dir, names[i]);
        if (strcmp(text, expected[i]) != 0)
            fail_msg("%s is\n%s\nnot\n%s", names[i], text, expected[i]);
        free(text);
    }
    char *rules = text_of(dir, "rules.yaml");
    assert_string_equal(rules, w->state.rules_yaml);
    free(rules);
    remove_files(dir);
    free(dir);
    world_close(w);
}

static void what_cannot_be_written_is_said(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    struct heed_error err = {0};
    assert_int_equal(export_dir(w, T0, "/dev/null/export", false, NULL, &err), HEED_STORAGE);
    assert_string_equal(err.where, "/dev/null/export");
    char *dir = test_path("blocked"), path[600];
    assert_int_equal(mkdir(dir, 0777), 0);
    snprintf(path, sizeof path, "%s/goods.csv", dir);
    assert_int_equal(symlink("/dev/full", path), 0);
    err = (struct heed_error){0};
    assert_int_equal(export_dir(w, T0, dir, false, NULL, &err), HEED_USAGE); /* it is not empty */
    assert_string_equal(err.where, dir);
    err = (struct heed_error){0};
    assert_int_equal(export_dir(w, T0, dir, true, NULL, &err), HEED_STORAGE);
    assert_string_equal(err.where, path);
    remove_files(dir);
    free(dir);
    world_close(w);
}

/* ── there and back ── */

static json_t *answer(struct world *w, const char *name, const char *arg, const char *value,
                      const char *arg2, const char *value2)
{
    json_t *reply = NULL;
    if (call_as(w, NULL, T0, &reply, name, arg, value, arg2, value2, NULL) != HEED_OK)
        fail_msg("%s %s: %s", name, value, reply ? json_dumps(reply, 0) : "");
    return reply;
}

static void same_answer(struct world *a, struct world *b, const char *name, const char *arg,
                        const char *value, const char *arg2, const char *value2)
{
    json_t *x = answer(a, name, arg, value, arg2, value2);
    json_t *y = answer(b, name, arg, value, arg2, value2);
    if (!json_equal(x, y))
        fail_msg("%s %s %s is\n%s\nand after export and import\n%s", name, value,
                 value2 ? value2 : "", json_dumps(x, JSON_INDENT(1)),
                 json_dumps(y, JSON_INDENT(1)));
    json_decref(x);
    json_decref(y);
}

static void same_answers(struct world *a, struct world *b)
{
    const struct catalogue *c = &a->state.catalogue;
    char text[96], user[96];
    for (uint32_t i = 0; i < c->parties_n; i++) {
        if (!(c->parties[i].flags & PARTY_USER) || c->parties[i].flags & PARTY_ERASED)
            continue;
        world_target_text(a, target_make(TARGET_USER, i), text);
        same_answer(a, b, "behaviour show", "target", text, NULL, NULL);
        snprintf(user, sizeof user, "%s", text);
        same_answer(a, b, "feed show", "user", user, NULL, NULL);
        same_answer(a, b, "feed show", "user", user, "algorithm", "relevance");
    }
    static const char *const algorithms[] = {"exposure", "engagement", "quality"};
    for (size_t i = 0; i < 3; i++) /* the same for everybody */
        same_answer(a, b, "feed show", "user", user, "algorithm", algorithms[i]);
    const struct {
        enum target_kind kind;
        size_t n;
    } things[] = {{TARGET_CONTENT, c->contents_n},
                  {TARGET_GOOD, c->goods_n},
                  {TARGET_SERVICE, c->services_n}};
    for (size_t k = 0; k < 3; k++)
        for (uint32_t i = 0; i < things[k].n; i++) {
            world_target_text(a, target_make(things[k].kind, i), text);
            same_answer(a, b, "behaviour show", "target", text, NULL, NULL);
            same_answer(a, b, "quality show", "target", text, NULL, NULL);
        }
    static const char *const orders[] = {"reach", "dwell", "engagement"};
    for (size_t i = 0; i < 3; i++)
        same_answer(a, b, "behaviour top", "by", orders[i], "k", "50");
}

static struct world *new_plaza(void)
{
    struct str rules = rules_preset("plaza");
    char *text = strndup(rules.p, rules.n);
    assert_non_null(text);
    struct world *w = world_with_rules(text);
    free(text);
    return w;
}

/* A generated world in which everything that leaves traces has happened. */
static struct world *lived_in_plaza(uint64_t seed)
{
    const struct plaza_size size = {200, 400, 50, 7, 15000};
    char *dir = test_path("plaza");
    struct heed_error err = {0};
    assert_int_equal(plaza_generate(dir, seed, &size, &err), HEED_OK);
    struct world *w = new_plaza();
    import_into(w, dir);
    remove_files(dir);
    free(dir);
    char someone[96];
    world_target_text(w, target_make(TARGET_USER, 0), someone);
    json_decref(call_ok(w, "service add", "id", "tour", "name", "Tour", "seller", "guide", NULL));
    json_decref(call_ok(w, "content add", "id", "late", "creator", "stranger", "title", "Late",
                        "body", "said, \"quoted\"\r\nand broken", NULL));
    json_decref(call_ok(w, "rating add", "user", someone, "target", "content:late", "score", "1",
                        "kind", "moderation", NULL));
    return w;
}

static void happen(struct world *w, uint64_t seed)
{
    struct prng r;
    prng_seed(&r, seed);
    const struct catalogue *c = &w->state.catalogue;
    char text[96], id[32], time[32];
    for (int i = 0; i < 60; i++) {
        uint32_t user = (uint32_t)prng_below(&r, 200);
        world_target_text(w, target_make(TARGET_USER, user), text);
        json_decref(
            call_ok(w, "feed serve", "user", text, "surface", i % 2 ? "home" : "plaza", NULL));
        json_decref(call_ok(w, "ledger issue", "to", text, "amount", "1000", NULL));
        uint32_t good = (uint32_t)prng_below(&r, c->goods_n);
        char target[96];
        world_target_text(w, target_make(TARGET_GOOD, good), target);
        json_decref(
            call_ok(w, "shop list", "good", target, "price", "1.25", "unlimited", "1", NULL));
        json_decref(call_ok(w, "shop buy", "good", target, "user", text, "units", "2", NULL));
        snprintf(id, sizeof id, "e%d", i / 2); /* every id twice */
        snprintf(time, sizeof time, "%lld", (long long)(world_now(w) / 1000 - i));
        json_decref(call_ok(w, "event add", "user", text, "verb", "attend", "target",
                            "service:tour", "id", id, "time", time, "via", "friend", NULL));
    }
    json_decref(call_ok(w, "shop refund", "purchase", "0", NULL));
    snprintf(time, sizeof time, "%lld", (long long)(world_now(w) / 1000 + 90 * 86400));
    json_decref(call_ok(w, "settle", "until", time, NULL));
}

static void the_same_world_comes_back(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct world *a = lived_in_plaza(seed), *b = new_plaza();
        json_decref(call_ok(a, "user add", "id", "newcomer", NULL)); /* after two creators */
        happen(a, seed);
        char *first = export_of(a, "first");
        import_into(b, first);
        same_answers(a, b);
        char *second = export_of(b, "second");
        for (size_t i = 0; i < FILES; i++) {
            char *x = text_of(first, names[i]), *y = text_of(second, names[i]);
            if (i == 4) { /* ids of events leave as hashes: of their texts, then of the hashes */
                assert_int_equal(strlen(x), strlen(y));
            } else if (strcmp(x, y) != 0) {
                fail_msg("seed %d: %s is another when exported again", (int)seed, names[i]);
            }
            free(x);
            free(y);
        }
        remove_files(first);
        remove_files(second);
        free(first);
        free(second);
        world_close(a);
        world_close(b);
    }
}

static void the_erased_are_in_no_file_and_the_rest_comes_back(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    json_decref(call_ok(w, "content add", "id", "post2", "creator", "bob", "title", "Bob says",
                        "good", "sword", NULL));
    json_decref(call_ok(w, "service add", "id", "tour", "name", "Tour", NULL));
    static const char *const acts[][2] = {{"ann", "content:post1"}, {"cyd", "content:post1"},
                                          {"cyd", "user:ann"},      {"cyd", "content:post2"},
                                          {"ann", "content:post2"}, {"bob", "good:sword"},
                                          {"bob", "service:tour"}};
    for (size_t i = 0; i < 7; i++) {
        json_decref(call_ok(w, "event add", "user", acts[i][0], "verb", "like", "target",
                            acts[i][1], NULL));
        if (i != 2)
            json_decref(call_ok(w, "rating add", "user", acts[i][0], "target", acts[i][1], "score",
                                "4", NULL));
    }
    json_decref(call_ok(w, "user erase", "user", "ann", NULL));
    char *dir = test_path("erased");
    uint64_t left_out = 77;
    struct heed_error err = {0};
    assert_int_equal(export_dir(w, T0, dir, false, &left_out, &err), HEED_OK);
    assert_int_equal(left_out, 2 + 5 + 4); /* works, acts and ratings */
    for (size_t i = 0; i < FILES; i++) {
        char *text = text_of(dir, names[i]);
        if (strstr(text, "ann") || strstr(text, "Ann") || strstr(text, "A sword"))
            fail_msg("%s tells of the erased: %s", names[i], text);
        free(text);
    }
    char *events = text_of(dir, "events.csv");
    assert_string_equal(events, "time,user,verb,target,amount,surface,via,id\n"
                                "2026-01-01T00:00:00Z,cyd,like,content:post2,1.000,,,\n"
                                "2026-01-01T00:00:00Z,bob,like,service:tour,1.000,,,\n");
    free(events);
    struct world *b = world_in_memory();
    import_into(b, dir);
    assert_int_equal(b->state.catalogue.users_n, 2);
    assert_int_equal(b->state.catalogue.contents_n, 1);
    assert_int_equal(b->state.catalogue.goods_n, 0); /* sold by the erased */
    assert_int_equal(b->state.catalogue.services_n, 1);
    assert_int_equal(b->state.behaviour.events, 2);
    remove_files(dir);
    free(dir);
    world_close(w);
    world_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_world_is_these_files),
        cmocka_unit_test(what_cannot_be_written_is_said),
        cmocka_unit_test(the_same_world_comes_back),
        cmocka_unit_test(the_erased_are_in_no_file_and_the_rest_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
