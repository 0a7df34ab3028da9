/* What a world learns: refused without outcomes, journalled as a fact, the same after replay; what
 * it does to scores and feeds. */
#include "support_world.h"

#include "base/prng.h"
#include "quality/learned.h"
#include "world/apply.h"
#include "world/engine.h"
#include "world/snapshot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CREATORS = 12, CONTENTS = 96, RATERS = 20, EXPERTS = 2 };

static const char *score_of(double x)
{
    static char text[16];
    x = x < 0 ? 0 : x > 1 ? 1 : x;
    snprintf(text, sizeof text, "%.1f", 1 + 4 * x);
    return text;
}

/* Creators of rising skill; each content is rated by four, engaged with by eight, and one in two
 * judged by an expert, but for the last of each creator, which nobody has seen.                  */
static void fill(struct world *w, uint64_t seed, bool experts)
{
    struct prng r;
    prng_seed(&r, seed);
    for (uint32_t i = 0; i < RATERS; i++)
        json_decref(call_ok(w, "user add", "id", numbered("rater", i), NULL));
    for (uint32_t i = 0; i < EXPERTS; i++)
        json_decref(call_ok(w, "user add", "id", numbered("expert", i), NULL));
    for (uint32_t i = 0; i < CREATORS; i++)
        json_decref(call_ok(w, "user add", "id", numbered("maker", i), NULL));
    for (uint32_t c = 0; c < CONTENTS; c++) {
        uint32_t maker = c % CREATORS;
        char target[32];
        snprintf(target, sizeof target, "content:c%u", c);
        json_decref(call_ok(w, "content add", "id", numbered("c", c), "creator",
                            numbered("maker", maker), NULL));
        if (c >= CONTENTS - CREATORS)
            continue;
        double worth = (maker + .5) / CREATORS + .08 * prng_normal(&r);
        for (uint32_t k = 0; k < 4; k++)
            json_decref(call_ok(
                w, "rating add", "user", numbered("rater", (uint32_t)prng_below(&r, RATERS)),
                "target", target, "score", score_of(.4 + .5 * worth + .2 * prng_normal(&r)), NULL));
        for (uint32_t k = 0; k < 8; k++) {
            const char *who = numbered("rater", (uint32_t)prng_below(&r, RATERS));
            json_decref(
                call_ok(w, "event add", "user", who, "verb", "view", "target", target, NULL));
            if (prng_double(&r) < .1 + .3 * worth)
                json_decref(
                    call_ok(w, "event add", "user", who, "verb", "like", "target", target, NULL));
        }
        for (uint32_t k = 0; experts && k < 1 + c % 2; k++)
            if (c / CREATORS % 2 == 0 || k > 0)
                json_decref(call_ok(w, "rating add", "user", numbered("expert", k), "target",
                                    target, "score", score_of(worth + .05 * prng_normal(&r)),
                                    "kind", "expert", NULL));
    }
}

static double number(json_t *reply, const char *path)
{
    char key[32];
    const json_t *at = reply;
    while (*path) {
        size_t n = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        at = json_object_get(at, key);
        path += n + (path[n] == '.');
    }
    if (!json_is_number(at))
        fail_msg("no number at the end of %s", path);
    return json_number_value(at);
}

static double quality_of(struct world *w, uint32_t content)
{
    char target[32];
    snprintf(target, sizeof target, "content:c%u", content);
    json_t *reply = call_ok(w, "quality show", "target", target, NULL);
    double q = number(reply, "quality"), sum = 0;
    const char *part;
    json_t *p;
    json_object_foreach(json_object_get(reply, "parts"), part, p)
    {
        sum += number(p, "value") * number(p, "weight");
        assert_true(number(p, "value") >= 0 && number(p, "value") <= 1);
    }
    assert_true(fabs(q - sum) < 1e-9); /* the explanation is the score */
    assert_true(number(reply, "interval.lower") <= q && q <= number(reply, "interval.upper"));
    json_decref(reply);
    return q;
}

static void without_outcomes_nothing_is_learnt(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    call_refused(w, "nothing_learnt", "quality calibration", NULL);
    call_refused(w, "too_few_outcomes", "quality fit", NULL);
    fill(w, 1, false);
    struct sha256 before = hash_of(w);
    call_refused(w, "too_few_outcomes", "quality fit", "outcome", "expert", NULL);
    assert_true(sha256_eq(before, hash_of(w)));
    call_refused(w, "nothing_learnt", "quality calibration", NULL);
    json_t *reply = call_ok(w, "quality fit", NULL); /* ratings are enough */
    assert_string_equal(json_string_value(json_object_get(reply, "outcome")), "rating");
    json_decref(reply);
    assert_int_equal(call_as(w, "rater1", T0, NULL, "quality fit", NULL), HEED_REFUSED);
    world_close(w);
}

static void what_is_learnt_ranks_better_and_knows_makers(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w, 2, true);
    for (uint32_t c = CONTENTS - CREATORS; c < CONTENTS; c++)
        assert_true(quality_of(w, c) == .5); /* nobody has seen them */
    json_t *reply = call_ok(w, "quality fit", NULL);
    assert_string_equal(json_string_value(json_object_get(reply, "outcome")), "expert");
    assert_true(number(reply, "squared_error.fit") < .5 * number(reply, "squared_error.mean"));
    assert_true(number(reply, "squared_error.fit") < .5 * number(reply, "squared_error.rules"));
    assert_int_equal(json_array_size(json_object_get(reply, "reliability")), FIT_BINS);
    json_t *again = call_ok(w, "quality calibration", NULL);
    assert_true(json_equal(reply, again));
    json_decref(reply);
    json_decref(again);
    double before = -1;
    for (uint32_t c = CONTENTS - CREATORS; c < CONTENTS; c += 3) { /* by their makers' records */
        double q = quality_of(w, c);
        assert_true(q > before);
        before = q;
    }
    reply = call_ok(w, "quality show", "target", "content:c95", NULL);
    assert_int_equal((int)number(reply, "parts.creator.evidence"), 7);
    json_decref(reply);
    world_close(w);
}

/* With the figures of the Hacker News world it is shown and not used, unless it is put in force. */
static void a_fit_worse_than_the_rules_waits_until_it_is_forced(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w, 2, true);
    struct strbuf facts;
    struct heed_error err = {0};
    strbuf_init(&facts, 1 << 20);
    assert_int_equal(engine_learn(w, CALL_ABSENT, false, &facts, &err), HEED_OK);
    struct memory_reader bytes = {(const uint8_t *)facts.p, facts.n};
    struct source *k = source_new(&bytes);
    struct learned l;
    assert_non_null(k);
    assert_int_equal(learned_load(&l, k, &err), HEED_OK);
    assert_true(l.fit.in_force); /* of this world it predicts better */
    free(k);
    strbuf_deinit(&facts);
    double by_rules = quality_of(w, 3), by_fit = 0;
    for (int forced = 0; forced < 2; forced++) {
        l.fit.error = 91300000;
        l.fit.error_of_rules = 64200000;
        l.fit.in_force = forced;
        struct strbuf made;
        strbuf_init(&made, 1 << 20);
        struct sink *s = sink_new(&made);
        learned_save(&l, s);
        assert_true(sink_done(s));
        struct call call = {.time_ms = T0, .actor = HANDLE_NONE, .command = COMMAND_quality_fit};
        for (int i = 0; i < CALL_INTS; i++)
            call.i[i] = CALL_ABSENT;
        call.blob = (struct str){made.p, made.n};
        struct outcome o = {.want_reply = true};
        assert_int_equal(state_apply(w, &call, &o, &err), HEED_OK);
        w->version++;
        const char *warning = json_string_value(json_object_get(o.reply, "warning"));
        assert_true(warning && strstr(warning, ".0913") && strstr(warning, ".0642") &&
                    strstr(warning, "--force"));
        assert_true(json_is_true(json_object_get(o.reply, "in_force")) == (forced == 1));
        json_decref(o.reply);
        strbuf_deinit(&made);
        json_t *reply = call_ok(w, "quality show", "target", "content:c3", NULL);
        assert_int_equal(number(reply, "parts.creator.weight") > 0, forced);
        json_decref(reply);
        by_fit = quality_of(w, 3);
        assert_true((by_fit == by_rules) == (forced == 0));
        world_close(restored_from(w));
    }
    learned_deinit(&l);
    world_close(w);
}

static void learning_survives_replay_snapshots_and_new_ratings(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w, 3, true);
    json_decref(call_ok(w, "quality fit", NULL));
    json_decref(call_ok(w, "user add", "id", "late", NULL)); /* a rater that no fit has seen */
    static const char *const more[][2] = {{"late", "5"}, {"rater3", "1"}, {"rater3", "2"}};
    for (size_t i = 0; i < 3; i++)
        json_decref(call_ok(w, "rating add", "user", more[i][0], "target", "content:c7", "score",
                            more[i][1], NULL));
    assert_verified(w);
    struct world *again = restored_from(w);
    struct heed_error err = {0};
    const struct quality_view *view = engine_view(w, &err), *other = engine_view(again, &err);
    assert_true(view && other);
    for (uint32_t c = 0; c < CONTENTS; c++) {
        struct quality_score a = engine_quality(w, view, target_make(TARGET_CONTENT, c));
        struct quality_score b = engine_quality(again, other, target_make(TARGET_CONTENT, c));
        assert_memory_equal(&a, &b, sizeof a);
    }
    world_close(again);
    world_close(w);
}

static void a_fact_that_cannot_be_is_refused_by_replay(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w, 4, true);
    struct strbuf facts;
    struct heed_error err = {0};
    strbuf_init(&facts, 1 << 20);
    assert_int_equal(engine_learn(w, CALL_ABSENT, false, &facts, &err), HEED_OK);
    struct call call = {.time_ms = T0, .actor = HANDLE_NONE, .command = COMMAND_quality_fit};
    for (int i = 0; i < CALL_INTS; i++)
        call.i[i] = CALL_ABSENT;
    struct sha256 hash = hash_of(w);
    for (size_t n = 0; n < facts.n; n += 1 + n / 7) { /* cut short */
        struct outcome o = {0};
        call.blob = (struct str){facts.p, n};
        assert_int_equal(state_apply(w, &call, &o, &err), HEED_INPUT);
    }
    assert_true(strbuf_putc(&facts, 0)); /* something behind it */
    struct outcome o = {0};
    call.blob = (struct str){facts.p, facts.n};
    assert_int_equal(state_apply(w, &call, &o, &err), HEED_INPUT);
    assert_true(sha256_eq(hash, hash_of(w)));
    call.blob.n--;
    assert_int_equal(state_apply(w, &call, &o, &err), HEED_OK);
    assert_int_equal(o.refusal, REFUSED_NOT);
    assert_false(sha256_eq(hash, hash_of(w)));
    strbuf_deinit(&facts);
    world_close(w);
}

/* ── positions ───────────────────────────────────────────────────────────────────────────────── */

static const struct position_cell *cell_at(const struct world *w, uint32_t content)
{
    for (size_t i = 0; i < w->state.quality.positions.n; i++)
        if (w->state.quality.positions.cells[i].content == content)
            return &w->state.quality.positions.cells[i];
    return NULL;
}

static void engagement_counts_once_for_the_slot_that_showed_it(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w, 5, false);
    assert_int_equal(w->state.quality.positions.n, 0); /* no feed, no position */
    json_t *feed = call_ok(w, "feed serve", "user", "rater0", "k", "5", NULL);
    json_t *slot = json_array_get(json_object_get(feed, "slots"), 3);
    char *target = strdup(json_string_value(json_object_get(slot, "target")));
    assert_non_null(target);
    json_decref(feed);
    uint32_t content = target_index(world_find_target(w, str_of(target)));
    const struct position_cell *cell = cell_at(w, content);
    assert_true(cell && cell->position == 3 && cell->shown == 1 && cell->engaged == 0);
#define DID(user, verb, time)                                                                      \
    json_decref(                                                                                   \
        call_ok(w, "event add", "user", user, "verb", verb, "target", target, "time", time, NULL))
    DID("rater0", "view", "2026-01-02");
    DID("rater0", "skip", "2026-01-02");
    DID("rater1", "like", "2026-01-02"); /* no feed of his */
    DID("rater0", "like", "2025-12-31"); /* before it was shown */
    assert_int_equal(cell_at(w, content)->engaged, 0);
    DID("rater0", "like", "2026-01-02");
    DID("rater0", "comment", "2026-01-02");
    assert_int_equal(cell_at(w, content)->engaged, 1);
#undef DID
    assert_verified(w);
    struct world *again = restored_from(w); /* the slot is remembered there too */
    assert_int_equal(cell_at(again, content)->engaged, 1);
    assert_int_equal(again->state.feeds[0].engaged[0], 1 << 3);
    world_close(again);
    world_close(w);
    free(target);
}

/* Two contents of the same appeal, one always at the top, one always where one in four looks: by
 * plain rates the upper seems four times as good; corrected they are alike.                      */
static void being_on_top_is_not_quality(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill(w, 6, false);
    struct state *s = &w->state;
    enum { TOP = CONTENTS - 1, LOW = CONTENTS - 2, BOTH = CONTENTS - 3 };
    for (int i = 0; i < 400; i++) {
        uint32_t at[4] = {TOP, LOW, BOTH, BOTH}, position[4] = {0, 4, 0, 4};
        for (int k = 0; k < 4; k++) {
            uint32_t target = target_make(TARGET_CONTENT, at[k]);
            assert_true(positions_shown(&s->quality.positions, at[k], position[k]));
            assert_int_equal(behaviour_served(&s->behaviour, target), HEED_OK);
            if (i % 5 != 0 || (position[k] == 4 && i % 20 != 0))
                continue;
            positions_engaged(&s->quality.positions, at[k], position[k]);
            struct act act = {.time_ms = T0,
                              .user = 0,
                              .target = target,
                              .surface = HANDLE_NONE,
                              .via = HANDLE_NONE,
                              .verb = (uint32_t)behaviour_verb(&s->rules.behaviour, STR("like"))};
            bool duplicate;
            assert_int_equal(behaviour_apply(&s->behaviour, &s->rules.behaviour, &act, &duplicate),
                             HEED_OK);
        }
    }
    w->version++;
    struct heed_error err = {0};
    const struct quality_view *view = engine_view(w, &err);
    assert_non_null(view);
    double top =
        engine_quality(w, view, target_make(TARGET_CONTENT, TOP)).parts[PART_INTERACTIVITY].value;
    double low =
        engine_quality(w, view, target_make(TARGET_CONTENT, LOW)).parts[PART_INTERACTIVITY].value;
    assert_true(top > 3 * low);
    json_t *reply = call_ok(w, "quality fit", NULL);
    json_t *examined = json_object_get(reply, "examined");
    assert_int_equal(json_array_size(examined), 5);
    assert_true(fabs(json_real_value(json_array_get(examined, 4)) - .25) < .05);
    json_decref(reply);
    s->quality.learned->fit.in_force =
        false; /* by the rules: Wilson's bound of what was examined */
    w->version++;
    view = engine_view(w, &err);
    assert_non_null(view);
    struct quality_score above = engine_quality(w, view, target_make(TARGET_CONTENT, TOP));
    struct quality_score below = engine_quality(w, view, target_make(TARGET_CONTENT, LOW));
    assert_int_equal(above.parts[PART_INTERACTIVITY].evidence, 400);
    assert_in_range(below.parts[PART_INTERACTIVITY].evidence, 90, 125);
    assert_true(below.parts[PART_INTERACTIVITY].value > .7 * top);
    world_close(w);
}

/* ── rules ───────────────────────────────────────────────────────────────────────────────────── */

static void rules_may_pass_over_makers_and_sources(void **state)
{
    (void)state;
    struct world *w = world_with_rules("quality:\n  fit:\n    creators: 0\n"
                                       "  weights:\n    interactivity: 0\n");
    fill(w, 2, true);
    json_decref(call_ok(w, "quality fit", NULL));
    double first = quality_of(w, CONTENTS - 1);
    for (uint32_t c = CONTENTS - CREATORS; c < CONTENTS; c++)
        assert_true(quality_of(w, c) == first);
    json_t *reply = call_ok(w, "quality show", "target", "content:c0", NULL);
    assert_true(number(reply, "parts.interactivity.weight") == 0);
    assert_true(number(reply, "parts.rating.weight") > 0);
    json_decref(reply);
    world_close(w);
}

/* Nobody knows c95; the others are known to be a little better. Caution keeps it back, curiosity
 * brings it up; what is paid for, the score itself, stays.                                       */
static void curiosity_decides_what_is_shown_not_what_it_is_worth(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        bool unknown_first;
    } rows[] = {{"quality:\n  fit:\n    creators: 0\n", false},
                {"quality:\n  curiosity: 1.5\n  fit:\n    creators: 0\n", true},
                {"quality:\n  curiosity: -1.5\n  fit:\n    creators: 0\n", false}};
    double score[3];
    for (size_t i = 0; i < 3; i++) {
        struct world *w = world_with_rules(rows[i].rules);
        fill(w, 2, true);
        json_decref(call_ok(w, "quality fit", NULL));
        score[i] = quality_of(w, 95);
        json_t *feed =
            call_ok(w, "feed show", "user", "rater0", "algorithm", "quality", "k", "30", NULL);
        int unknown = 0;
        for (size_t k = 0; k < 30; k++) {
            json_t *slot = json_array_get(json_object_get(feed, "slots"), k);
            const char *id = json_string_value(json_object_get(slot, "target"));
            unknown += strtol(id + strlen("content:c"), NULL, 10) >= CONTENTS - CREATORS;
        }
        if ((unknown > 6) != rows[i].unknown_first)
            fail_msg("row %zu: %d of 30 are unknown", i, unknown);
        json_decref(feed);
        world_close(w);
    }
    assert_true(score[0] == score[1] && score[1] == score[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_outcomes_nothing_is_learnt),
        cmocka_unit_test(what_is_learnt_ranks_better_and_knows_makers),
        cmocka_unit_test(a_fit_worse_than_the_rules_waits_until_it_is_forced),
        cmocka_unit_test(learning_survives_replay_snapshots_and_new_ratings),
        cmocka_unit_test(a_fact_that_cannot_be_is_refused_by_replay),
        cmocka_unit_test(engagement_counts_once_for_the_slot_that_showed_it),
        cmocka_unit_test(being_on_top_is_not_quality),
        cmocka_unit_test(rules_may_pass_over_makers_and_sources),
        cmocka_unit_test(curiosity_decides_what_is_shown_not_what_it_is_worth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
