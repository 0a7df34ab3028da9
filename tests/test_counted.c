/* Acts of people who are not known, as totals: what they are evidence of, and what not. */
#include "support_import.h"
#include "support_world.h"

#include "base/prng.h"
#include "import/import.h"
#include "world/apply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { PEOPLE = 60, CONTENTS = 8 };

static struct world *stocked(void)
{
    struct world *w = world_in_memory();
    json_decref(call_ok(w, "user add", "id", "maker", NULL));
    for (int i = 0; i < CONTENTS; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        json_decref(call_ok(w, "content add", "id", id, "creator", "maker", NULL));
    }
    for (int i = 0; i < PEOPLE; i++) {
        char id[16];
        snprintf(id, sizeof id, "u%d", i);
        json_decref(call_ok(w, "user add", "id", id, NULL));
    }
    return w;
}

static void count(struct world *w, int64_t time_ms, uint32_t verb, uint32_t content, int64_t n,
                  int64_t amount)
{
    struct call call =
        admit_counted(time_ms, verb, target_make(TARGET_CONTENT, content), n, amount);
    struct outcome o = {0};
    struct heed_error err = {0};
    assert_int_equal(world_apply(w, &call, &o, &err), HEED_OK);
    assert_int_equal(o.refusal, REFUSED_NOT);
}

/* The same acts, once by people each of whom acts on a content once with a verb, once as totals. */
static void a_total_draws_what_its_acts_would_have_drawn(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct world *each = stocked(), *total = stocked();
        struct prng r;
        prng_seed(&r, seed);
        uint64_t acts = 0;
        for (int i = 0; i < 40; i++) {
            uint32_t verb = (uint32_t)prng_below(&r, each->state.rules.behaviour.verbs_n);
            uint32_t content = (uint32_t)prng_below(&r, CONTENTS);
            int64_t n = 1 + (int64_t)prng_below(&r, PEOPLE);
            int64_t time_ms = T0 + (int64_t)prng_below(&r, 20) * DAY;
            int64_t amount = 1000 * (int64_t)prng_below(&r, 200);
            for (int64_t u = 0; u < n; u++) {
                char user[16];
                snprintf(user, sizeof user, "u%d", (int)u);
                struct call call = admit_event(time_ms, world_find_user(each, str_of(user)), verb,
                                               target_make(TARGET_CONTENT, content), amount,
                                               HANDLE_NONE, HANDLE_NONE, 0);
                struct outcome o = {0};
                struct heed_error err = {0};
                assert_int_equal(world_apply(each, &call, &o, &err), HEED_OK);
            }
            count(total, time_ms, verb, content, n, amount);
            acts += (uint64_t)n;
        }
        const struct behaviour *a = &each->state.behaviour, *b = &total->state.behaviour;
        assert_int_equal(b->events, acts);
        assert_int_equal(a->events, acts);
        assert_int_equal(behaviour_unknown(a), 0);
        assert_int_equal(behaviour_unknown(b), acts);
        assert_int_equal(a->latest_ms, b->latest_ms);
        assert_memory_equal(a->verb_events, b->verb_events, sizeof a->verb_events);
        assert_memory_equal(a->verb_amount_milli, b->verb_amount_milli,
                            sizeof a->verb_amount_milli);
        assert_int_equal(b->pairs_n, 0);
        for (uint32_t i = 0; i < CONTENTS; i++) {
            const struct target_stats *x = behaviour_target(a, target_make(TARGET_CONTENT, i));
            const struct target_stats *y = behaviour_target(b, target_make(TARGET_CONTENT, i));
            if (!x || !y)
                continue;
            assert_int_equal(x->engagements, y->engagements);
            assert_int_equal(x->impressions, y->impressions);
            assert_int_equal(x->dwell_milli, y->dwell_milli);
            assert_int_equal(x->last_ms, y->last_ms);
            assert_int_equal(y->reach, 0);
            /* decayed once instead of once an act: half of 1/256 point lost each */
            if (llabs(x->popularity_micro - y->popularity_micro) > (int64_t)acts)
                fail_msg("seed %llu: content %u: %lld, not %lld", (unsigned long long)seed, i,
                         (long long)y->popularity_micro, (long long)x->popularity_micro);
        }
        const struct consumption *c = &each->state.consumption, *d = &total->state.consumption;
        for (size_t e = 0, f = 0; e < c->open_n; e++) {
            if (c->open[e].contents_n ==
                0) /* people were there, for nothing that is worth points */
                continue;
            assert_true(f < d->open_n);
            assert_int_equal(c->open[e].number, d->open[f].number);
            assert_int_equal(c->open[e].contents_n, d->open[f].contents_n);
            for (size_t i = 0; i < c->open[e].contents_n; i++) {
                assert_int_equal(c->open[e].contents[i].key, d->open[f].contents[i].key);
                assert_int_equal(c->open[e].contents[i].points_milli,
                                 d->open[f].contents[i].points_milli);
            }
            assert_int_equal(d->open[f++].users_n, 0);
        }
        world_close(restored_from(total));
        world_close(each);
        world_close(total);
    }
}

static void totals_pay_their_creator_and_nobody_else(void **unused)
{
    (void)unused;
    struct world *w = stocked();
    int comment = behaviour_verb(&w->state.rules.behaviour, STR("comment"));
    count(w, T0, (uint32_t)comment, 0, 40, 1000);
    count(w, T0 + 1000, (uint32_t)comment, 1, 2, 1000);
    json_t *settled = call_ok(w, "settle", "until", "2026-01-10", NULL);
    json_decref(settled);
    const struct consumption *c = &w->state.consumption;
    assert_int_equal(c->settlements_n, 1);
    assert_int_equal(c->settlements[0].events, 42);
    assert_int_equal(c->settlements[0].feeds, 0);
    assert_int_equal(c->payouts_n, 1);
    assert_int_equal(c->payouts[0].creator, 1);
    char epoch[24];
    snprintf(epoch, sizeof epoch, "%lld", (long long)c->payouts[0].epoch);
    json_t *why = call_ok(w, "reward explain", "user", "maker", "epoch", epoch, NULL);
    char *text = json_dumps(why, JSON_COMPACT);
    assert_non_null(strstr(text, "\"events\":40"));
    assert_non_null(strstr(text, "content:c0"));
    assert_null(strstr(text, "\"other")); /* nothing that the parts leave out */
    free(text);
    json_decref(why);
    world_close(w);
}

/* ── files ── */

static void rows_of_nobody_known_are_totals(void **unused)
{
    (void)unused;
    struct world *w = stocked();
    char *path = put_text("events.csv", "time,user,verb,target,amount,count\n"
                                        "2026-01-01,-,comment,content:c0,,52\n"
                                        "2026-01-01,-,dwell,content:c1,30,2\n"
                                        "2026-01-01,-,like,content:c1,,\n"
                                        "2026-01-01,u1,like,content:c1,,\n"
                                        "2026-01-01,u1,like,content:c1,,3\n"
                                        "2026-01-01,-,like,content:c1,,0\n"
                                        "2026-01-01,-,like,content:c1,,1.5\n"
                                        "2026-01-01,-,like,content:c1,,1000000001\n"
                                        "2026-01-01,-,served,content:c1,,2\n"
                                        "2026-01-01,-,served,content:c1,,\n"
                                        "2026-01-01,-,like,content:none,,5\n");
    struct imported in = import_as(w, IMPORT_EVENTS, path, NULL);
    assert_int_equal(in.status, HEED_OK);
    expect_tally(&in, (struct heed_tally){11, 5, 5, 1, 0});
    const struct behaviour *b = &w->state.behaviour;
    const struct target_stats *c0 = behaviour_target(b, target_make(TARGET_CONTENT, 0));
    const struct target_stats *c1 = behaviour_target(b, target_make(TARGET_CONTENT, 1));
    assert_int_equal(c0->engagements, 52);
    assert_int_equal(c0->reach, 0);
    assert_int_equal(c1->dwell_milli, 60000);
    assert_int_equal(c1->engagements, 2);
    assert_int_equal(c1->reach, 1);
    assert_int_equal(c1->served, 1);
    assert_int_equal(behaviour_unknown(b), 55);
    imported_free(&in);
    free(path);
    world_close(w);
}

static void somebody_called_dash_is_somebody(void **unused)
{
    (void)unused;
    struct world *w = stocked();
    json_decref(call_ok(w, "user add", "id", "-", NULL));
    char *path = put_text("dash.csv", "time,user,verb,target\n2026-01-01,-,like,content:c0\n");
    struct imported in = import_as(w, IMPORT_EVENTS, path, NULL);
    expect_tally(&in, (struct heed_tally){1, 1, 0, 0, 0});
    assert_int_equal(behaviour_target(&w->state.behaviour, target_make(TARGET_CONTENT, 0))->reach,
                     1);
    imported_free(&in);
    free(path);
    world_close(w);
}

static void totals_are_exported_and_come_back(void **unused)
{
    (void)unused;
    struct world *w = stocked(), *back = world_in_memory();
    char *path = put_text("some.csv", "time,user,verb,target,amount,count\n"
                                      "2026-01-01,-,comment,content:c0,,52\n"
                                      "2026-01-02,u1,dwell,content:c0,5,\n"
                                      "2026-01-02,-,dwell,content:c1,2.5,7\n");
    struct imported in = import_as(w, IMPORT_EVENTS, path, NULL);
    expect_tally(&in, (struct heed_tally){3, 3, 0, 0, 0});
    imported_free(&in);
    char *dir = test_path("totals"), file[600];
    struct heed_error err = {0};
    assert_int_equal(export_dir(w, T0, dir, false, NULL, &err), HEED_OK);
    snprintf(file, sizeof file, "%s/events.csv", dir);
    size_t n;
    char *text = get_file(file, &n);
    assert_string_equal(text, "time,user,verb,target,amount,surface,via,id,count\n"
                              "2026-01-01T00:00:00Z,-,comment,content:c0,1.000,,,,52\n"
                              "2026-01-02T00:00:00Z,u1,dwell,content:c0,5.000,,,,\n"
                              "2026-01-02T00:00:00Z,-,dwell,content:c1,2.500,,,,7\n");
    free(text);
    in = import_folder(back, dir);
    assert_int_equal(in.status, HEED_OK);
    for (uint32_t i = 0; i < 2; i++)
        assert_memory_equal(
            behaviour_target(&w->state.behaviour, target_make(TARGET_CONTENT, i)),
            behaviour_target(&back->state.behaviour, target_make(TARGET_CONTENT, i)),
            sizeof(struct target_stats));
    assert_int_equal(behaviour_unknown(&back->state.behaviour), 59);
    imported_free(&in);
    free(dir);
    free(path);
    world_close(w);
    world_close(back);
}

static void a_reopened_world_has_the_same_totals(void **unused)
{
    (void)unused;
    char *path = test_path("totals.world");
    struct world *w = world_at(path);
    struct heed_error err = {0};
    json_decref(call_ok(w, "user add", "id", "maker", NULL));
    json_decref(call_ok(w, "content add", "id", "c0", "creator", "maker", NULL));
    count(w, T0, 2, 0, COUNTED_MAX, 1000);
    assert_int_equal(world_commit(w, &err), HEED_OK);
    struct sha256 before = hash_of(w);
    world_close(w);
    w = world_at(path);
    assert_true(sha256_eq(before, hash_of(w)));
    world_close(w);
    free(path);
}

static void a_total_that_cannot_be_changes_nothing(void **unused)
{
    (void)unused;
    struct world *w = stocked();
    const uint32_t content = target_make(TARGET_CONTENT, 0);
    const struct {
        int64_t verb, target, count, amount;
    } rows[] = {{-1, content, 1, 1000}, {VERBS_MAX, content, 1, 1000},       {2, content, 0, 1000},
                {2, content, -5, 1000}, {2, content, COUNTED_MAX + 1, 1000}, {2, content, 1, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct call call = admit_counted(T0, 0, content, 1, 1000);
        call.i[0] = rows[i].verb;
        call.i[1] = rows[i].target;
        call.i[2] = rows[i].count;
        call.i[3] = rows[i].amount;
        struct outcome o = {0};
        struct heed_error err = {0};
        struct sha256 before = hash_of(w);
        assert_false(call_possible(&w->state, &call));
        assert_int_equal(state_apply(w, &call, &o, &err), HEED_INPUT);
        assert_true(sha256_eq(before, hash_of(w)));
    }
    struct call call = admit_counted(T0, 0, target_make(TARGET_CONTENT, CONTENTS), 1, 1000);
    struct outcome o = {0};
    struct heed_error err = {0};
    assert_int_equal(state_apply(w, &call, &o, &err), HEED_OK);
    assert_int_equal(o.refusal, REFUSED_unknown_target);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_total_draws_what_its_acts_would_have_drawn),
        cmocka_unit_test(totals_pay_their_creator_and_nobody_else),
        cmocka_unit_test(rows_of_nobody_known_are_totals),
        cmocka_unit_test(somebody_called_dash_is_somebody),
        cmocka_unit_test(totals_are_exported_and_come_back),
        cmocka_unit_test(a_reopened_world_has_the_same_totals),
        cmocka_unit_test(a_total_that_cannot_be_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
