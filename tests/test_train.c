/* Models learnt in a world: who may, what the feeds then say, and that a replay comes to the same
 * without learning. */
#include "support_models.h"
#include "support_world.h"

#include "allocation/eval.h"
#include "allocation/interactions.h"
#include "world/apply.h"
#include "world/engine.h"
#include "world/snapshot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { PEOPLE = 24, POSTS = 16 };

static const char *title_of(uint32_t i)
{
    static char text[40];
    static const char *const things[] = {"Harbour", "Lantern", "River", "Old Mill"};
    snprintf(text, sizeof text, "%s of the %s", things[i % 4], things[i / 4 % 4]);
    return text;
}

/* One maker; each of PEOPLE likes a third of POSTS, those of his half of them more often. liked,
 * may be NULL: gets a row a person. */
static void fill(struct world *w, uint64_t seed, struct sparse *liked)
{
    struct prng r;
    prng_seed(&r, seed);
    json_decref(call_ok(w, "user add", "id", "maker", NULL));
    for (uint32_t i = 0; i < POSTS; i++)
        json_decref(call_ok(w, "content add", "id", numbered("c", i), "creator", "maker", "title",
                            title_of(i), "category", i % 3 ? "land" : "sea", NULL));
    if (liked)
        assert_int_equal(sparse_init(liked, PEOPLE, POSTS, PEOPLE * POSTS, false), HEED_OK);
    uint64_t n = 0;
    for (uint32_t u = 0; u < PEOPLE; u++) {
        json_decref(call_ok(w, "user add", "id", numbered("u", u), NULL));
        for (uint32_t i = 0; i < POSTS; i++) {
            if (prng_below(&r, 100) >= (i % 2 == u % 2 ? 55u : 12u))
                continue;
            json_decref(call_ok(w, "event add", "user", numbered("u", u), "verb", "like", "target",
                                numbered("content:c", i), NULL));
            if (liked)
                liked->column[n++] = i;
        }
        if (liked)
            liked->at[u + 1] = n;
    }
}

/* ── who and when ────────────────────────────────────────────────────────────────────────────── */

static void only_operators_and_programme_managers_train(void **unused)
{
    (void)unused;
    static const struct {
        const char *role;
        bool trains, lists;
    } rows[] = {{"member", false, false},        {"creator", false, false},
                {"creator_manager", true, true}, {"operator", true, true},
                {"moderator", false, true},      {"client", false, true},
                {"economist", false, true},      {"auditor", false, true}};
    struct world *w = world_in_memory();
    fill(w, 1, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *reply;
        if (call_as(w, NULL, T0, NULL, "user add", "id", rows[i].role, "role", rows[i].role,
                    NULL) != HEED_OK)
            continue; /* no such role */
        struct sha256 before = hash_of(w);
        enum heed_status status =
            call_as(w, rows[i].role, T0, &reply, "allocate train", "algorithm", "knn", NULL);
        assert_int_equal(status, rows[i].trains ? HEED_OK : HEED_REFUSED);
        assert_int_equal(sha256_eq(before, hash_of(w)), !rows[i].trains);
        json_decref(reply);
        status = call_as(w, rows[i].role, T0, NULL, "allocate use", "version", "0", NULL);
        assert_int_equal(status, rows[i].trains ? HEED_OK : HEED_REFUSED);
        status = call_as(w, rows[i].role, T0, NULL, "allocate models", NULL);
        assert_int_equal(status, rows[i].lists ? HEED_OK : HEED_REFUSED);
    }
    assert_true(w->state.models.n >= 2);
    world_close(w);
}

static enum heed_status train_says(struct world *w, const char *param, const char *text)
{
    struct heed_error err = {0};
    struct heed_arg args[] = {{"algorithm", "ease"}, {"param", param}};
    struct heed_context context = {T0, NULL};
    json_t *reply = NULL;
    enum heed_status status =
        admit_call(w, command_spec(COMMAND_allocate_train), &context, args, 2, &reply, &err);
    if (!strstr(err.message, text))
        fail_msg("%s: %s", param, err.message);
    json_decref(reply);
    return status;
}

static void what_cannot_be_trained_is_named_and_changes_nothing(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    call_refused(w, "too_few_acts", "allocate train", "algorithm", "ease", NULL);
    fill(w, 2, NULL);
    struct sha256 before = hash_of(w);
    assert_int_equal(train_says(w, "factors=3", "they have ease.lambda"), HEED_USAGE);
    assert_int_equal(train_says(w, "lambda=-1", "from 0"), HEED_USAGE);
    assert_int_equal(call_as(w, NULL, T0, NULL, "allocate train", "algorithm", "popularity", NULL),
                     HEED_USAGE);
    call_refused(w, "unknown_model", "allocate use", "version", "1", NULL);
    /* two who did the same make one column of the other: nothing to tell them apart by */
    struct world *twins = world_in_memory();
    fill_small(twins);
    json_decref(call_ok(twins, "content add", "id", "p2", "creator", "ann", NULL));
    static const char *const both[][2] = {{"bob", "content:post1"},
                                          {"bob", "content:p2"},
                                          {"cyd", "content:post1"},
                                          {"cyd", "content:p2"}};
    for (size_t i = 0; i < 4; i++)
        json_decref(call_ok(twins, "event add", "user", both[i][0], "verb", "like", "target",
                            both[i][1], NULL));
    before = hash_of(twins);
    assert_int_equal(train_says(twins, "lambda=0", "what 'p2' has in training"), HEED_RANGE);
    assert_true(sha256_eq(before, hash_of(twins)));
    json_decref(call_ok(twins, "allocate train", "algorithm", "ease", NULL));
    world_close(twins);
    world_close(w);
}

/* ── online as offline ───────────────────────────────────────────────────────────────────────── */

/* Relevance of every content to person u, as feeds give it. */
static void relevance_in_feed(struct world *w, uint32_t u, double *relevance)
{
    struct feed_fact f;
    struct heed_error err = {0};
    uint32_t user = world_find_user(w, str_of(numbered("u", u)));
    assert_int_equal(engine_feed(w, user, POSTS, ALGORITHM_RELEVANCE, 0, false, &f, &err), HEED_OK);
    assert_int_equal(f.n, POSTS);
    for (size_t i = 0; i < f.n; i++)
        relevance[f.slots[i].item] = f.slots[i].value_ppm[REASON_RELEVANCE] / 1e6;
}

/* What evaluation knows of the same contents from a file. */
static void attributes_of_posts(struct sparse *features)
{
    char *path = test_path("posts.csv");
    FILE *f = fopen(path, "w");
    struct interactions log;
    struct item_table t;
    struct heed_error err = {0};
    assert_non_null(f);
    fputs("id,title,category\n", f);
    interactions_init(&log);
    for (uint32_t i = 0; i < POSTS; i++) {
        fprintf(f, "c%u,%s,%s\n", i, title_of(i), i % 3 ? "land" : "sea");
        assert_int_equal(interactions_add(&log, str_of("u"), str_of(numbered("c", i)), STR_NONE, 1,
                                          INTERACTIONS_NO_TIME, &err),
                         HEED_OK);
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(item_table_read(&t, path, &log, &err), HEED_OK);
    assert_int_equal(item_features(&t, POSTS, features), HEED_OK);
    assert_true(features->rows > 4);
    item_table_deinit(&t);
    interactions_deinit(&log);
    unlink(path);
    free(path);
}

/* What offline evaluation trains on the same acts, scored by the same history, over the user's best
 * as a feed says it. Feeds round to millionths once more. */
static void feeds_score_as_the_model_that_evaluation_trains(void **unused)
{
    (void)unused;
    static const struct {
        const char *algorithm, *params;
        double bound; /* of a score, for each item of the history */
    } rows[] = {{"knn", "neighbours=4", .5e-6},
                {"ease", "lambda=5", .5e-6},
                {"ials", "factors=6", 1e-6},
                {"blend", "neighbours=0", 1e-5},
                {"blend", "neighbours=5,features=2", 1e-5}};
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct world *w = world_in_memory();
        struct sparse liked, items, features;
        struct heed_error err = {0};
        fill(w, seed, &liked);
        attributes_of_posts(&features);
        assert_int_equal(sparse_transpose(&liked, &items), HEED_OK);
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            struct model_spec spec = spec_of(rows[k].algorithm, rows[k].params);
            const struct training t = {
                .users = &liked, .items = &items, .features = &features, .seed = 1, .threads = 1};
            void *model;
            assert_int_equal(spec.kind->train(&t, spec.param, &model, &err), HEED_OK);
            json_decref(call_ok(w, "allocate train", "algorithm", rows[k].algorithm, "param",
                                rows[k].params, NULL));
            for (uint32_t u = 0; u < PEOPLE; u++) {
                struct sparse_row row = sparse_row(&liked, u);
                double offline[POSTS], online[POSTS], most = 0;
                assert_int_equal(spec.kind->score(model, u, row, offline), HEED_OK);
                relevance_in_feed(w, u, online);
                for (size_t i = 0; i < POSTS; i++)
                    most = fmax(most, offline[i]);
                for (size_t i = 0; row.n > 0 && i < POSTS; i++)
                    near(online[i], fmax(0, offline[i] / most),
                         2 * (double)row.n * rows[k].bound / most + .6e-6, rows[k].algorithm, seed);
            }
            spec.kind->free(model);
        }
        sparse_deinit(&liked);
        sparse_deinit(&items);
        sparse_deinit(&features);
        world_close(w);
    }
}

/* ── journal, snapshots ──────────────────────────────────────────────────────────────────────── */

static void models_survive_replay_and_snapshots(void **unused)
{
    (void)unused;
    char *path = test_path("train.world");
    struct world *w = world_at(path);
    fill(w, 7, NULL);
    double before[POSTS], after[POSTS], other[POSTS];
    json_decref(call_ok(w, "allocate train", "algorithm", "knn", "seed", "3", NULL));
    json_decref(
        call_ok(w, "allocate train", "algorithm", "ials", "param", "factors=4,iterations=3", NULL));
    json_decref(call_ok(w, "feed serve", "user", "u1", "algorithm", "relevance", NULL));
    json_decref(call_ok(w, "allocate train", "algorithm", "ease", "keep", "5", NULL));
    relevance_in_feed(w, 3, other);
    json_decref(call_ok(w, "allocate use", "version", "1", NULL));
    json_decref(call_ok(w, "event add", "user", "u3", "verb", "like", "target", "content:c9",
                        NULL)); /* a new act is scored without training anew */
    relevance_in_feed(w, 3, before);
    assert_memory_not_equal(before, other, sizeof before);
    assert_verified(w);
    struct sha256 hash = hash_of(w);
    struct world *again = restored_from(w);
    struct feed_fact f;
    struct heed_error err = {0};
    assert_int_equal(
        engine_feed(again, w->state.feeds[0].user, 5, ALGORITHM_RELEVANCE, 0, false, &f, &err),
        HEED_OK);
    assert_int_equal(f.slots[0].model, 1);
    assert_int_equal(again->state.feeds[0].slots[0].model, 2); /* as it was served */
    world_close(again);
    world_close(w);
    w = world_at(path); /* from the journal */
    assert_true(sha256_eq(hash, hash_of(w)));
    relevance_in_feed(w, 3, after);
    assert_memory_equal(before, after, sizeof before);
    json_t *list = call_ok(w, "allocate models", NULL);
    assert_int_equal(int_at(list, "in_use"), 1);
    json_t *third = json_array_get(json_object_get(list, "models"), 2);
    assert_string_equal(json_string_value(json_object_get(third, "algorithm")), "ease");
    assert_int_equal(int_at(third, "items"), POSTS);
    assert_int_equal(int_at(third, "keep"), 5);
    assert_true(int_at(third, "numbers") <= 5 * POSTS);
    assert_true(json_real_value(json_object_get(third, "dropped")) > 0);
    assert_int_equal(strlen(json_string_value(json_object_get(third, "checksum"))), 64);
    assert_true(json_is_false(json_object_get(third, "in_use")));
    json_decref(list);
    world_close(w);
    unlink(path);
    free(path);
}

static void the_same_acts_and_seed_give_the_same_checksum(void **unused)
{
    (void)unused;
    static const char *const algorithms[] = {"knn", "ease", "ials", "blend"};
    struct world *a = world_in_memory(), *b = world_in_memory();
    fill(a, 8, NULL);
    fill(b, 8, NULL);
    for (size_t i = 0; i < 4; i++) {
        json_t *x = call_ok(a, "allocate train", "algorithm", algorithms[i], NULL);
        json_t *y = call_ok(b, "allocate train", "algorithm", algorithms[i], NULL);
        assert_true(json_equal(x, y));
        json_decref(x);
        json_decref(y);
    }
    assert_true(sha256_eq(hash_of(a), hash_of(b)));
    world_close(a);
    world_close(b);
}

static void old_versions_give_way(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill(w, 9, NULL);
    for (int i = 0; i < MODELS_KEPT + 1; i++)
        json_decref(call_ok(w, "allocate train", "algorithm", "knn", NULL));
    call_refused(w, "model_not_kept", "allocate use", "version", "1", NULL);
    call_refused(w, "unknown_model", "allocate use", "version", "6", NULL);
    json_decref(call_ok(w, "allocate use", "version", "2", NULL));
    json_decref(call_ok(w, "allocate use", "version", "0", NULL));
    json_t *list = call_ok(w, "allocate models", NULL);
    assert_true(json_is_null(json_object_get(list, "in_use")));
    json_t *first = json_array_get(json_object_get(list, "models"), 0);
    assert_true(json_is_null(json_object_get(first, "bytes")));
    json_decref(list);
    assert_verified(w);
    world_close(w);
}

static void a_fact_that_cannot_be_is_refused_by_replay(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill(w, 4, NULL);
    struct strbuf facts;
    struct heed_error err = {0};
    struct model_spec spec = spec_of("ease", "");
    strbuf_init(&facts, 1 << 20);
    assert_int_equal(engine_train(w, &spec, 4, 1, T0, &facts, &err), HEED_OK);
    struct call call = {.time_ms = T0, .actor = HANDLE_NONE, .command = COMMAND_allocate_train};
    for (int i = 0; i < CALL_INTS; i++)
        call.i[i] = CALL_ABSENT;
    call.i[0] = 1;
    struct sha256 hash = hash_of(w);
    for (size_t n = 0; n < facts.n; n += 1 + n / 7) { /* cut short */
        struct outcome o = {0};
        call.blob = (struct str){facts.p, n};
        error_clear(&err);
        assert_int_equal(state_apply(w, &call, &o, &err), HEED_INPUT);
        assert_non_null(strstr(err.message, "cut short"));
    }
    struct outcome o = {0};
    call.blob = (struct str){facts.p, facts.n};
    struct model_version v;
    struct memory_reader reader = {(const uint8_t *)facts.p, facts.n};
    struct source *from = source_new(&reader);
    assert_int_equal(version_load(&v, &w->state.catalogue.content_ids, from, &err), HEED_OK);
    free(from);
    char *numbers = memmem(facts.p, facts.n, v.bytes, v.bytes_n);
    assert_non_null(numbers);
    numbers[v.bytes_n - 1] ^= 1; /* other numbers */
    error_clear(&err);
    assert_int_equal(state_apply(w, &call, &o, &err), HEED_INPUT);
    assert_non_null(strstr(err.message, "checksum"));
    numbers[v.bytes_n - 1] ^= 1;
    version_deinit(&v);
    struct world *other = world_in_memory(); /* where the contents are others */
    json_decref(call_ok(other, "user add", "id", "maker", NULL));
    for (uint32_t i = 0; i < POSTS; i++)
        json_decref(
            call_ok(other, "content add", "id", numbered("d", i), "creator", "maker", NULL));
    error_clear(&err);
    assert_int_equal(state_apply(other, &call, &o, &err), HEED_INPUT);
    assert_non_null(strstr(err.message, "another catalogue"));
    world_close(other);
    call.time_ms++; /* trained at another time */
    assert_int_equal(state_apply(w, &call, &o, &err), HEED_INPUT);
    call.time_ms--;
    assert_true(strbuf_putc(&facts, 0)); /* something behind it */
    call.blob = (struct str){facts.p, facts.n};
    assert_int_equal(state_apply(w, &call, &o, &err), HEED_INPUT);
    assert_true(sha256_eq(hash, hash_of(w)));
    call.blob.n--;
    assert_int_equal(state_apply(w, &call, &o, &err), HEED_OK);
    assert_int_equal(state_apply(w, &call, &o, &err), HEED_INPUT); /* version 1 once more */
    strbuf_deinit(&facts);
    world_close(w);
}

/* ── what is newer than the model ────────────────────────────────────────────────────────────── */

static const json_t *relevance_of(const json_t *feed, const char *target)
{
    size_t i, j;
    json_t *slot, *reason;
    json_array_foreach(json_object_get(feed, "slots"), i, slot)
    {
        if (strcmp(json_string_value(json_object_get(slot, "target")), target) != 0)
            continue;
        json_array_foreach(json_object_get(slot, "reasons"), j, reason)
        {
            if (strcmp(json_string_value(json_object_get(reason, "name")), "relevance") == 0)
                return reason;
        }
    }
    fail_msg("no relevance of %s", target);
    return NULL;
}

static void newer_contents_keep_the_cosine_and_say_so(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill(w, 5, NULL);
    json_t *plain =
        call_ok(w, "feed show", "user", "u0", "algorithm", "relevance", "k", "20", NULL);
    assert_string_equal(json_string_value(json_object_get(relevance_of(plain, "content:c0"), "by")),
                        "cosine");
    json_decref(plain);
    json_decref(call_ok(w, "allocate train", "algorithm", "ease", NULL));
    json_decref(call_ok(w, "content add", "id", "new", "creator", "maker", NULL));
    for (uint32_t u = 2; u < 8; u += 2)
        json_decref(call_ok(w, "event add", "user", numbered("u", u), "verb", "like", "target",
                            "content:new", NULL));
    json_t *feed =
        call_ok(w, "feed serve", "user", "u0", "algorithm", "relevance", "k", "20", NULL);
    const json_t *known = relevance_of(feed, "content:c0");
    const json_t *newer = relevance_of(feed, "content:new");
    assert_string_equal(json_string_value(json_object_get(known, "by")), "ease");
    assert_int_equal(int_at(known, "model"), 1);
    assert_string_equal(json_string_value(json_object_get(newer, "by")), "cosine");
    assert_true(json_is_null(json_object_get(newer, "model")));
    double of_new = json_real_value(json_object_get(newer, "value"));
    assert_true(of_new > 0);
    /* the very value it has where no model is in use */
    json_decref(call_ok(w, "allocate use", "version", "0", NULL));
    plain = call_ok(w, "feed show", "user", "u0", "algorithm", "relevance", "k", "20", NULL);
    near(json_real_value(json_object_get(relevance_of(plain, "content:new"), "value")), of_new,
         1e-9, "cosine of what is new", 5);
    json_decref(plain);
    /* explained as it was served, whatever is in use now */
    json_t *why = call_ok(w, "feed explain", "user", "u0", "target", "content:c0", NULL);
    const json_t *reason = NULL;
    json_t *each;
    size_t i;
    json_array_foreach(json_object_get(why, "reasons"), i, each) if (json_object_get(each, "by"))
        reason = each;
    assert_true(json_equal(reason, known));
    json_decref(why);
    json_decref(feed);
    assert_verified(w);
    world_close(restored_from(w));
    world_close(w);
}

/* A content that nobody has attended to: the blend knows it by its title, from training or an
 * update on, and what is named like nothing here by nothing. */
static void a_new_content_is_known_by_its_title_to_a_blend(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill(w, 12, NULL);
    for (uint32_t i = 0; i < POSTS; i += 4) /* one who likes all harbours */
        json_decref(call_ok(w, "event add", "user", "u1", "verb", "like", "target",
                            numbered("content:c", i), NULL));
    /* in a catalogue this small what is said of acts would drown names */
    json_decref(call_ok(w, "allocate train", "algorithm", "blend", "param",
                        "lambda=1,features=30,knn=0,confidence=0,cosine=0,popularity=0", NULL));
    json_decref(call_ok(w, "content add", "id", "sequel", "creator", "maker", "title",
                        "Harbour of the North", NULL));
    json_decref(call_ok(w, "content add", "id", "odd", "creator", "maker", "title",
                        "Quarterly figures", NULL));
    json_t *feed = call_ok(w, "feed show", "user", "u1", "algorithm", "relevance", "k", "18", NULL);
    const json_t *reason = relevance_of(feed, "content:sequel");
    assert_string_equal(json_string_value(json_object_get(reason, "by")), "cosine");
    assert_true(json_real_value(json_object_get(reason, "value")) <= 0);
    json_decref(feed);
    json_t *reply = call_ok(w, "allocate update", NULL);
    assert_int_equal(int_at(reply, "acts_taken"), 0);
    assert_int_equal(int_at(reply, "items"), POSTS + 2);
    json_decref(reply);
    feed = call_ok(w, "feed show", "user", "u1", "algorithm", "relevance", "k", "18", NULL);
    reason = relevance_of(feed, "content:sequel");
    assert_string_equal(json_string_value(json_object_get(reason, "by")), "blend");
    double sequel = json_real_value(json_object_get(reason, "value"));
    double odd = json_real_value(json_object_get(relevance_of(feed, "content:odd"), "value"));
    if (!(sequel > 0 && sequel > odd))
        fail_msg("the sequel has %g, what is like nothing %g", sequel, odd);
    json_decref(feed);
    assert_verified(w);
    world_close(w);
}

static void facts_of_feeds_from_before_models_still_read(void **unused)
{
    (void)unused;
    struct content contents[3] = {{0}};
    const struct catalogue c = {.contents = contents, .contents_n = 3};
    struct feed_fact f = {.slots = {{.item = 2, TARGET_CONTENT, .propensity = 1, .score_ppm = 5},
                                    {.item = 0, TARGET_CONTENT, .propensity = 1, .score_ppm = 4},
                                    {.item = 1, TARGET_CONTENT, .propensity = 1}},
                          .n = 2,
                          .more = 1,
                          .policy = 77};
    struct feed_fact out;
    struct strbuf plain, with;
    strbuf_init(&plain, 1 << 12);
    strbuf_init(&with, 1 << 12);
    assert_true(fact_pack(&plain, &f));
    f.slots[1].model = 9;
    f.slots[2].model = 200;
    assert_true(fact_pack(&with, &f));
    assert_int_equal(with.n, plain.n + 4); /* as before, then a version a slot */
    assert_memory_equal(with.p, plain.p, plain.n);
    assert_true(fact_read((struct str){plain.p, plain.n}, &c, &out));
    assert_true(out.n == 2 && out.more == 1 && out.policy == 77);
    assert_true(out.slots[0].model == 0 && out.slots[1].model == 0 && out.slots[2].model == 0);
    assert_true(fact_read((struct str){with.p, with.n}, &c, &out));
    assert_true(out.slots[0].model == 0 && out.slots[1].model == 9 && out.slots[2].model == 200);
    assert_false(fact_read((struct str){with.p, with.n - 1}, &c, &out));
    strbuf_deinit(&plain);
    strbuf_deinit(&with);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_operators_and_programme_managers_train),
        cmocka_unit_test(what_cannot_be_trained_is_named_and_changes_nothing),
        cmocka_unit_test(feeds_score_as_the_model_that_evaluation_trains),
        cmocka_unit_test(models_survive_replay_and_snapshots),
        cmocka_unit_test(the_same_acts_and_seed_give_the_same_checksum),
        cmocka_unit_test(old_versions_give_way),
        cmocka_unit_test(a_fact_that_cannot_be_is_refused_by_replay),
        cmocka_unit_test(newer_contents_keep_the_cosine_and_say_so),
        cmocka_unit_test(a_new_content_is_known_by_its_title_to_a_blend),
        cmocka_unit_test(facts_of_feeds_from_before_models_still_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
