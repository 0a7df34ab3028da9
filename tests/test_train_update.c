/* Models of a world brought up to new acts, people and contents: that this is training anew where
 * it says so, near it where it says that, and a fact like any other. */
#include "support_fault.h"
#include "support_models.h"
#include "support_world.h"

#include "allocation/versions.h"
#include "import/import.h"
#include "world/apply.h"
#include "world/engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* A world that grows: people with one of two tastes, contents of two makers. */
struct growing {
    struct world *w;
    struct prng r;
    uint32_t people, contents;
};

static void add_person(struct growing *g)
{
    json_decref(call_ok(g->w, "user add", "id", numbered("u", g->people++), NULL));
}

static void add_content(struct growing *g)
{
    static const char *const titles[] = {"red kite", "blue kite", "red boat", "a boat at night"};
    json_decref(call_ok(g->w, "content add", "id", numbered("c", g->contents), "creator", "maker",
                        "title", titles[g->contents % 4], NULL));
    g->contents++;
}

static void act(struct growing *g, const char *verb)
{
    uint32_t u = (uint32_t)prng_below(&g->r, g->people), i;
    do
        i = (uint32_t)prng_below(&g->r, g->contents);
    while (i % 2 != u % 2 && prng_below(&g->r, 3) > 0);
    json_decref(call_ok(g->w, "event add", "user", numbered("u", u), "verb", verb, "target",
                        numbered("content:c", i), NULL));
}

static void grow(struct growing *g, uint32_t people, uint32_t contents, uint32_t likes,
                 uint32_t reports)
{
    for (uint32_t n = 0; n < people; n++)
        add_person(g);
    for (uint32_t n = 0; n < contents; n++)
        add_content(g);
    for (uint32_t n = 0; n < likes; n++)
        act(g, "like");
    for (uint32_t n = 0; n < reports; n++) /* which take pairs back */
        act(g, "report");
}

static struct growing grown(struct world *w, uint64_t seed)
{
    struct growing g = {.w = w};
    prng_seed(&g.r, seed);
    json_decref(call_ok(w, "user add", "id", "maker", NULL));
    grow(&g, 24, 16, 130, 0);
    return g;
}

static const struct model_version *newest(const struct world *w)
{
    return &w->state.models.list[w->state.models.n - 1];
}

static const struct model_version *train(struct world *w, const char *algorithm, const char *param,
                                         const char *keep)
{
    json_decref(call_ok(w, "allocate train", "algorithm", algorithm, "param", param, "keep", keep,
                        "seed", "5", NULL));
    return newest(w);
}

static const struct model_version *update(struct world *w)
{
    json_decref(call_ok(w, "allocate update", NULL));
    return newest(w);
}

/* ── as training anew ────────────────────────────────────────────────────────────────────────── */

static void an_exact_update_has_the_numbers_of_training_anew(void **unused)
{
    (void)unused;
    static const struct {
        const char *algorithm, *param, *keep;
    } rows[] = {
        {"knn", "neighbours=3", "200"},
        {"knn", "neighbours=1,shrink=2", "200"},
        {"knn", "neighbours=40", "200"},
        {"knn", "neighbours=3,shrink=1e9", "200"}, /* every cosine rounds to nothing */
        {"knn", "neighbours=6", "2"},              /* a world keeps fewer than the model has */
        {"ease", "renew=0,lambda=3", "200"},
        {"ease", "renew=0,lambda=3,neighbours=5", "200"},
        {"ease", "renew=0,lambda=3", "3"},
        {"blend", "renew=0", "200"},
        {"blend", "renew=0,neighbours=0", "3"},
    };
    static const struct {
        uint32_t people, contents, likes, reports;
    } steps[] = {{0, 0, 1, 0}, {1, 0, 3, 0},  {0, 2, 0, 0},
                 {0, 3, 6, 2}, {3, 1, 40, 5}, {0, 0, 0, 9}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        for (uint64_t seed = 1; seed <= 6; seed++) {
            struct growing g = grown(world_in_memory(), seed);
            train(g.w, rows[k].algorithm, rows[k].param, rows[k].keep);
            for (size_t n = 0; n < sizeof steps / sizeof *steps; n++) {
                grow(&g, steps[n].people, steps[n].contents, steps[n].likes, steps[n].reports);
                uint32_t before = g.w->state.models.in_use;
                json_t *reply;
                if (call_as(g.w, NULL, T0, &reply, "allocate update", NULL) == HEED_REFUSED) {
                    json_decref(reply); /* liked before: nothing is new */
                    assert_true(n == 0 || n == 5);
                    continue;
                }
                json_decref(reply);
                struct sha256 updated = newest(g.w)->checksum;
                assert_int_equal(newest(g.w)->parent, before);
                struct sha256 anew =
                    train(g.w, rows[k].algorithm, rows[k].param, rows[k].keep)->checksum;
                assert_int_equal(newest(g.w)->parent, 0);
                /* EASE with nothing but new contents is as it was, and ties may go otherwise */
                bool ties = (newest(g.w) - 1)->taken == 0 && strstr(rows[k].param, "neighbours=5");
                if (!sha256_eq(updated, anew) && !ties)
                    fail_msg("%s %s, keep %s: step %zu is not training anew (seed %llu)",
                             rows[k].algorithm, rows[k].param, rows[k].keep, n,
                             (unsigned long long)seed);
                const struct model_version *v = newest(g.w), *u = v - 1;
                assert_int_equal(u->dropped, v->dropped);
                assert_int_equal(u->acts, v->acts);
                assert_int_equal(u->users, v->users);
                /* the next goes on from the update */
                char number[12];
                snprintf(number, sizeof number, "%u", u->number);
                json_decref(call_ok(g.w, "allocate use", "version", number, NULL));
            }
            world_close(g.w);
        }
}

/* What the feed of everybody says relevance is: of two worlds with the same acts.                */
static void assert_same_relevance(struct world *a, struct world *b, uint32_t people)
{
    for (uint32_t u = 0; u < people; u++) {
        struct feed_fact one, two;
        struct heed_error err = {0};
        uint32_t user = world_find_user(a, str_of(numbered("u", u)));
        assert_int_equal(engine_feed(a, user, 40, ALGORITHM_RELEVANCE, 0, false, &one, &err),
                         HEED_OK);
        assert_int_equal(engine_feed(b, user, 40, ALGORITHM_RELEVANCE, 0, false, &two, &err),
                         HEED_OK);
        assert_int_equal(one.n, two.n);
        for (size_t i = 0; i < one.n; i++) {
            assert_int_equal(one.slots[i].item, two.slots[i].item);
            assert_int_equal(one.slots[i].value_ppm[REASON_RELEVANCE],
                             two.slots[i].value_ppm[REASON_RELEVANCE]);
        }
    }
}

static void feeds_after_an_update_are_those_after_training(void **unused)
{
    (void)unused;
    static const char *const rows[][2] = {{"knn", "neighbours=4"}, {"ease", "renew=0,lambda=9"}};
    for (size_t k = 0; k < 2; k++) {
        struct growing a = grown(world_in_memory(), 11), b = grown(world_in_memory(), 11);
        train(a.w, rows[k][0], rows[k][1], "200");
        train(b.w, rows[k][0], rows[k][1], "200");
        grow(&a, 4, 4, 30, 3);
        grow(&b, 4, 4, 30, 3);
        update(a.w);
        train(b.w, rows[k][0], rows[k][1], "200");
        assert_same_relevance(a.w, b.w, a.people);
        world_close(a.w);
        world_close(b.w);
    }
}

/* ── near it ─────────────────────────────────────────────────────────────────────────────────── */

/* What people liked, as the model sees it. */
static void drawn_of(const struct growing *g, struct drawn *d)
{
    *d = (struct drawn){.x = calloc((size_t)g->people * g->contents, sizeof(double))};
    uint64_t n = 0;
    assert_non_null(d->x);
    assert_int_equal(sparse_init(&d->users, g->people, g->contents, g->people * g->contents, false),
                     HEED_OK);
    for (uint32_t u = 0; u < g->people; u++) {
        uint32_t user = world_find_user(g->w, str_of(numbered("u", u)));
        for (uint32_t i = 0; i < g->contents; i++) {
            uint32_t target = world_find_target(g->w, str_of(numbered("content:c", i)));
            const struct pair *p = behaviour_pair(&g->w->state.behaviour, user, target);
            if (!p || p->weight_micro <= 0)
                continue;
            d->x[u * g->contents + i] = 1;
            d->users.column[n++] = i;
        }
        d->users.at[u + 1] = n;
    }
    assert_int_equal(sparse_transpose(&d->users, &d->items), HEED_OK);
    d->training =
        (struct training){.users = &d->users, .items = &d->items, .seed = 5, .threads = 1};
}

/* The loss of a version's items on these acts, everybody solved for as scoring does; `items` of
 * them, where there are more now.                                                                */
static double loss_of(const struct model_version *v, const struct drawn *d)
{
    struct stored_model stored;
    struct heed_error err = {0};
    void *model;
    assert_int_equal(
        stored_unpack((struct str){v->bytes, v->bytes_n}, v->spec.kind, v->items, &stored, &err),
        HEED_OK);
    assert_int_equal(stored_grow(&stored, d->users.columns, &err), HEED_OK);
    assert_int_equal(v->spec.kind->resume(&stored, v->items, v->spec.param, &model), HEED_OK);
    uint32_t *everyone = malloc(d->users.rows * sizeof *everyone);
    assert_non_null(everyone);
    for (uint32_t u = 0; u < d->users.rows; u++)
        everyone[u] = u;
    const struct model_change change = {.users = everyone, .users_n = d->users.rows};
    assert_int_equal(model_update(v->spec.kind, model, &d->training, &change, &err), HEED_OK);
    double loss = ials_loss(d, &v->spec, model);
    v->spec.kind->free(model);
    stored_deinit(&stored);
    free(everyone);
    return loss;
}

/* The bound that docs/allocation.md states: of what training anew takes off the loss, an update
 * takes .6 and more. */
static void an_update_of_factors_gains_most_of_what_training_would(void **unused)
{
    (void)unused;
    double gained = 0, to_gain = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct growing g = grown(world_in_memory(), seed);
        train(g.w, "ials", "factors=6,lambda=.05", "200");
        grow(&g, 3, 2, 10 + 5 * (uint32_t)seed, seed % 3 ? 0 : 4);
        update(g.w);
        const struct model_version *v = newest(g.w);
        train(g.w, "ials", "factors=6,lambda=.05", "200");
        v = newest(g.w);
        struct drawn d;
        drawn_of(&g, &d);
        double before = loss_of(v - 2, &d), after = loss_of(v - 1, &d), anew = loss_of(v, &d);
        if (!(before - after > .6 * (before - anew)))
            fail_msg("the loss went from %g to %g, anew %g (seed %llu)", before, after, anew,
                     (unsigned long long)seed);
        gained += before - after;
        to_gain += before - anew;
        sparse_deinit(&d.users);
        sparse_deinit(&d.items);
        free(d.x);
        world_close(g.w);
    }
    assert_true(gained > .8 * to_gain); /* measured: .833 */
}

/* ── when it is due ──────────────────────────────────────────────────────────────────────────── */

static void a_lazy_update_waits_and_says_how_many_acts_wait(void **unused)
{
    (void)unused;
    struct growing g = grown(world_in_memory(), 21);
    train(g.w, "ease", "renew=.1,lambda=3", "200");
    uint64_t owed = 0, acts = newest(g.w)->acts;
    struct sha256 weights = newest(g.w)->checksum;
    size_t renewed = 0;
    for (size_t n = 0; n < 60 && renewed < 2; n++) {
        grow(&g, n % 5 == 0, 0, 3, 0);
        json_t *reply;
        enum heed_status status = call_as(g.w, NULL, T0, &reply, "allocate update", NULL);
        if (status == HEED_REFUSED) { /* they had liked it all before */
            json_decref(reply);
            continue;
        }
        assert_int_equal(status, HEED_OK);
        const struct model_version *v = newest(g.w);
        assert_int_equal(v->taken, v->acts - acts); /* nothing is taken back here */
        assert_int_equal(int_at(reply, "acts_taken"), v->taken);
        owed += v->acts - acts;
        acts = v->acts;
        if ((double)owed > .1 * (double)acts) {
            struct sha256 made = v->checksum;
            assert_false(sha256_eq(weights, made));
            owed = 0;
            renewed++;
            weights = train(g.w, "ease", "renew=.1,lambda=3", "200")->checksum;
            assert_true(sha256_eq(weights, made));
        } else {
            assert_true(sha256_eq(weights, v->checksum));
        }
        assert_int_equal(int_at(reply, "acts_waiting"), owed);
        json_decref(reply);
    }
    assert_int_equal(renewed, 2);
    /* at once, when that is asked for; and from then on */
    act(&g, "like");
    grow(&g, 1, 1, 0, 0);
    json_decref(call_ok(g.w, "allocate update", "param", "renew=0", NULL));
    assert_int_equal(newest(g.w)->owed, 0);
    assert_non_null(strstr(newest(g.w)->params, "renew=0"));
    world_close(g.w);
}

/* ── who, and from what ──────────────────────────────────────────────────────────────────────── */

static enum heed_status update_says(struct world *w, const char *param, const char *text)
{
    struct heed_error err = {0};
    struct heed_arg args[] = {{"param", param}};
    struct heed_context context = {T0, NULL};
    json_t *reply = NULL;
    enum heed_status status =
        admit_call(w, command_spec(COMMAND_allocate_update), &context, args, 1, &reply, &err);
    if (!strstr(err.message, text))
        fail_msg("%s: %s", param, err.message);
    json_decref(reply);
    return status;
}

static void what_cannot_be_updated_is_named_and_changes_nothing(void **unused)
{
    (void)unused;
    struct growing g = grown(world_in_memory(), 31);
    call_refused(g.w, "no_model", "allocate update", NULL);
    call_refused(g.w, "unknown_model", "allocate update", "model", "1", NULL);
    for (int i = 0; i < MODELS_KEPT + 1; i++)
        train(g.w, i ? "ease" : "knn", i ? "renew=.01" : "shrink=0", "200");
    struct sha256 before = hash_of(g.w);
    call_refused(g.w, "nothing_new", "allocate update", NULL);
    call_refused(g.w, "model_not_kept", "allocate update", "model", "1", NULL);
    call_refused(g.w, "unknown_model", "allocate update", "model", "9", NULL);
    act(&g, "like");
    act(&g, "like");
    act(&g, "like");
    before = hash_of(g.w);
    assert_int_equal(update_says(g.w, "lambda=3", "lambda 100 is what version 5 was trained with"),
                     HEED_USAGE);
    assert_int_equal(update_says(g.w, "renew=2", "from 0 to 1"), HEED_USAGE);
    assert_int_equal(update_says(g.w, "factors=2", "they have ease.lambda"), HEED_USAGE);
    static const struct {
        const char *role;
        bool updates;
    } roles[] = {{"member", false},
                 {"moderator", false},
                 {"client", false},
                 {"auditor", false},
                 {"creator_manager", true}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        json_decref(call_ok(g.w, "user add", "id", roles[i].role, "role", roles[i].role, NULL));
        before = hash_of(g.w);
        enum heed_status status = call_as(g.w, roles[i].role, T0, NULL, "allocate update", NULL);
        assert_int_equal(status, roles[i].updates ? HEED_OK : HEED_REFUSED);
        assert_int_equal(sha256_eq(before, hash_of(g.w)), !roles[i].updates);
    }
    /* an older one, while another is in use */
    json_decref(call_ok(g.w, "allocate use", "version", "0", NULL));
    json_decref(call_ok(g.w, "allocate update", "model", "4", NULL));
    assert_int_equal(newest(g.w)->parent, 4);
    assert_int_equal(g.w->state.models.in_use, newest(g.w)->number);
    /* nobody left who liked two things */
    for (uint32_t u = 0; u < g.people; u++)
        json_decref(call_ok(g.w, "user erase", "user", numbered("u", u), NULL));
    call_refused(g.w, "too_few_acts", "allocate update", NULL);
    call_refused(g.w, "too_few_acts", "allocate train", "algorithm", "knn", NULL);
    world_close(g.w);
}

/* ── a fact ──────────────────────────────────────────────────────────────────────────────────── */

static const char *const updated[][2] = {{"knn", "neighbours=4"}, {"ease", "renew=.5"},
                                         {"ease", "renew=0"},     {"ials", "factors=4"},
                                         {"blend", "renew=0"},    {"blend", "renew=.5"}};
enum { UPDATED = sizeof updated / sizeof *updated };

static void updates_survive_replay_and_snapshots(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < UPDATED; k++) {
        char *path = test_path("update.world");
        struct growing g = grown(world_at(path), 41 + k);
        train(g.w, updated[k][0], updated[k][1], "200");
        grow(&g, 2, 2, 9, 1);
        update(g.w);
        grow(&g, 0, 1, 4, 0);
        update(g.w);
        json_t *list = call_ok(g.w, "allocate models", NULL);
        assert_verified(g.w);
        struct sha256 hash = hash_of(g.w);
        world_close(restored_from(g.w));
        world_close(g.w);
        g.w = world_at(path); /* from the snapshot and the journal */
        assert_true(sha256_eq(hash, hash_of(g.w)));
        json_t *again = call_ok(g.w, "allocate models", NULL);
        assert_true(json_equal(list, again));
        json_t *third = json_array_get(json_object_get(again, "models"), 2);
        assert_int_equal(int_at(third, "updated_from"), 2);
        assert_true(int_at(third, "acts_taken") > 0);
        json_t *first = json_array_get(json_object_get(again, "models"), 0);
        assert_true(json_is_null(json_object_get(first, "updated_from")));
        assert_true(json_is_null(json_object_get(first, "acts_taken")));
        json_decref(list);
        json_decref(again);
        grow(&g, 1, 0, 5, 0); /* who had what is known to the next */
        update(g.w);
        assert_verified(g.w);
        world_close(g.w);
        unlink(path);
        free(path);
    }
}

static struct world *copied(struct world *w, const char *folder)
{
    char *dir = test_path(folder);
    struct import_result result = {0};
    struct heed_error err = {0};
    const struct heed_context context = {.time_ms = T0 + DAY};
    struct world *copy = world_in_memory();
    if (export_dir(w, T0, dir, true, NULL, &err) != HEED_OK ||
        import_dir(copy, &context, dir, &(struct import_options){0}, &result, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    import_result_deinit(&result);
    free(dir);
    return copy;
}

/* People have other numbers in a copy, so it does not know who had what: its first update looks at
 * all. */
static void a_copy_has_the_updates_and_goes_on_from_them(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < UPDATED; k++) {
        struct growing g = grown(world_in_memory(), 51 + k);
        train(g.w, updated[k][0], updated[k][1], "200");
        grow(&g, 2, 2, 9, 0);
        update(g.w);
        struct growing copy = g;
        copy.w = copied(g.w, "updates");
        json_t *ours = call_ok(g.w, "allocate models", NULL);
        json_t *theirs = call_ok(copy.w, "allocate models", NULL);
        assert_true(json_equal(ours, theirs));
        json_decref(ours);
        json_decref(theirs);
        assert_null(newest(copy.w)->seen);
        assert_same_relevance(g.w, copy.w, g.people);
        grow(&copy, 1, 1, 6, 0);
        update(copy.w);
        assert_int_equal(newest(copy.w)->taken, newest(copy.w)->acts);
        if (strcmp(updated[k][0], "ials") != 0) { /* all but factors: as trained */
            struct sha256 now = newest(copy.w)->checksum;
            struct sha256 anew = train(copy.w, updated[k][0], updated[k][1], "200")->checksum;
            assert_true(sha256_eq(now, anew));
        }
        assert_verified(copy.w);
        world_close(copy.w);
        world_close(g.w);
    }
}

static struct call call_of(const struct strbuf *facts, enum command_id command, int64_t first)
{
    struct call call = {.time_ms = T0, .actor = HANDLE_NONE, .command = (uint16_t)command};
    for (int i = 0; i < CALL_INTS; i++)
        call.i[i] = CALL_ABSENT;
    call.i[0] = first;
    call.blob = (struct str){facts->p, facts->n};
    return call;
}

static void facts_of_updates_that_cannot_be_are_refused_by_replay(void **unused)
{
    (void)unused;
    struct growing g = grown(world_in_memory(), 61);
    train(g.w, "knn", "shrink=0", "200");
    train(g.w, "ease", "renew=0", "200");
    grow(&g, 1, 1, 5, 0);
    struct strbuf facts;
    struct heed_error err = {0};
    bool learns;
    const struct model_version *from = newest(g.w);
    strbuf_init(&facts, 1 << 20);
    assert_int_equal(engine_update(g.w, from, &from->spec, T0, &facts, &learns, &err), HEED_OK);
    assert_true(learns && facts.n > 0);
    struct sha256 hash = hash_of(g.w);
    struct outcome o = {0};
    struct call call = call_of(&facts, COMMAND_allocate_update, 2);
    for (size_t n = 0; n < facts.n; n += 1 + n / 7) { /* cut short */
        call.blob.n = n;
        error_clear(&err);
        assert_int_equal(state_apply(g.w, &call, &o, &err), HEED_INPUT);
    }
    call.blob.n = facts.n;
    static const int64_t parents[] = {1, 0, 3, CALL_ABSENT, -1};
    for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
        call.i[0] = parents[i];
        assert_int_equal(state_apply(g.w, &call, &o, &err), HEED_INPUT);
    }
    struct call trained = call_of(&facts, COMMAND_allocate_train, 1);
    assert_int_equal(state_apply(g.w, &trained, &o, &err), HEED_INPUT);
    facts.p[8] = 1; /* an update of version 1, which is kNN */
    call.i[0] = 1;
    assert_int_equal(state_apply(g.w, &call, &o, &err), HEED_INPUT);
    facts.p[8] = 3; /* of itself */
    call.i[0] = 3;
    assert_int_equal(state_apply(g.w, &call, &o, &err), HEED_INPUT);
    facts.p[8] = 2;
    call.i[0] = 2;
    facts.p[facts.n - 9] ^= 1; /* how many had the last content */
    assert_int_equal(state_apply(g.w, &call, &o, &err), HEED_INPUT);
    facts.p[facts.n - 9] ^= 1;
    assert_true(sha256_eq(hash, hash_of(g.w)));
    assert_int_equal(state_apply(g.w, &call, &o, &err), HEED_OK);
    strbuf_deinit(&facts);
    world_close(g.w);
}

/* A version as it was before there were updates: without the mark before it, what an update says,
 * and who had what. */
static void versions_from_before_updates_still_read(void **unused)
{
    (void)unused;
    struct growing g = grown(world_in_memory(), 71);
    struct model_spec spec = spec_of("knn", "neighbours=3");
    struct strbuf facts, old;
    struct heed_error err = {0};
    struct outcome o = {0};
    strbuf_init(&facts, 1 << 20);
    strbuf_init(&old, 1 << 20);
    assert_int_equal(engine_train(g.w, &spec, 200, 5, T0, &facts, &err), HEED_OK);
    struct call fresh = call_of(&facts, COMMAND_allocate_train, 0);
    assert_int_equal(state_apply(g.w, &fresh, &o, &err), HEED_OK);
    struct sha256 checksum = newest(g.w)->checksum;
    size_t seen = 1;
    for (size_t i = 0; i < g.contents; i++)
        seen += newest(g.w)->seen[i].users < 128 ? 9 : 10;
    assert_true(strbuf_put(&old, facts.p + 4, 4) &&
                strbuf_put(&old, facts.p + 28, facts.n - 28 - seen));
    world_close(g.w);
    g = grown(world_in_memory(), 71);
    struct call then = call_of(&old, COMMAND_allocate_train, 0);
    assert_int_equal(state_apply(g.w, &then, &o, &err), HEED_OK);
    assert_true(sha256_eq(checksum, newest(g.w)->checksum));
    assert_null(newest(g.w)->seen);
    world_close(restored_from(g.w));
    grow(&g, 0, 1, 4, 0);
    struct sha256 now = update(g.w)->checksum;
    assert_true(sha256_eq(now, train(g.w, "knn", "neighbours=3", "200")->checksum));
    strbuf_deinit(&facts);
    strbuf_deinit(&old);
    world_close(g.w);
}

/* ── memory that ends ────────────────────────────────────────────────────────────────────────── */

static struct growing ready_to_update(size_t k)
{
    struct growing g = grown(world_in_memory(), 81 + k);
    train(g.w, updated[k][0], updated[k][1], "200");
    grow(&g, 1, 2, 7, 1);
    return g;
}

static void memory_that_ends_leaves_the_models_there_were(void **unused)
{
    (void)unused;
    for (size_t k = 0; k < UPDATED; k++) {
        struct growing g = ready_to_update(k);
        struct sha256 before = hash_of(g.w);
        for (long n = 1;; n++) {
            json_t *reply = NULL;
            fault_fail_at(n);
            enum heed_status status = call_as(g.w, NULL, T0, &reply, "allocate update", NULL);
            fault_off();
            json_decref(reply);
            if (!fault_fired()) {
                assert_int_equal(status, HEED_OK);
                break;
            }
            if (g.w->poisoned || g.w->state.models.n > 1) { /* it came to applying: begin anew */
                world_close(g.w);
                g = ready_to_update(k);
                continue;
            }
            assert_int_equal(status, HEED_NOMEM);
            assert_true(sha256_eq(before, hash_of(g.w)));
        }
        assert_int_equal(newest(g.w)->parent, 1);
        world_close(g.w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_update_has_the_numbers_of_training_anew),
        cmocka_unit_test(feeds_after_an_update_are_those_after_training),
        cmocka_unit_test(an_update_of_factors_gains_most_of_what_training_would),
        cmocka_unit_test(a_lazy_update_waits_and_says_how_many_acts_wait),
        cmocka_unit_test(what_cannot_be_updated_is_named_and_changes_nothing),
        cmocka_unit_test(updates_survive_replay_and_snapshots),
        cmocka_unit_test(a_copy_has_the_updates_and_goes_on_from_them),
        cmocka_unit_test(facts_of_updates_that_cannot_be_are_refused_by_replay),
        cmocka_unit_test(versions_from_before_updates_still_read),
        cmocka_unit_test_teardown(memory_that_ends_leaves_the_models_there_were, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
