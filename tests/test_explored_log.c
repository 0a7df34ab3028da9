/* What a world's own log says of another policy: feeds explore, users act, and the log that
 * `allocate log` writes is judged as `allocate ope` does; intervals hold the truth. */
#include "allocation/ope_file.h"
#include "base/prng.h"
#include "import/exposures.h"
#include "support_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARMS = 5, USERS = 80, FEEDS = 500, SEEDS = 100, MINUTE = 60000 };

/* How likely a user likes what chance may show him; shown evenly they earn the mean, .25. */
static const double likes[ARMS] = {.5, .1, .3, .05, .3};
static const double truth = .25;

/* Two contents that people praise hold the first two slots of three; chance has the third. */
static struct world *world_of(const char *method)
{
    static const char *const raters[] = {"ann", "bob", "cyd"};
    char rules[400], id[24];
    snprintf(rules, sizeof rules,
             "quality: {weights: {rating: 1, expert: 0, interactivity: 0, originality: 0}}\n"
             "allocation: {k: 3, floor: 0, runners_up: 0, algorithm: quality, refresh: 1 d,\n"
             "  explore: {method: %s, epsilon: 0.5, candidates: 20}}\n",
             method);
    struct world *w = world_with_rules(rules);
    fill_small(w);
    for (int i = 0; i <= USERS; i++)
        json_decref(call_ok(w, "user add", "id", numbered("u", (uint64_t)i), NULL));
    for (int i = 0; i < ARMS + 1; i++) /* post1 is the first of the two that are praised */
        json_decref(call_ok(w, "content add", "id", numbered("x", (uint64_t)i), "creator", "u0",
                            "title", numbered("title ", (uint64_t)i), NULL));
    for (int i = -1; i < ARMS + 1; i++) {
        snprintf(id, sizeof id, i < 0 ? "content:post1" : "content:x%d", i);
        bool praised = i < 0 || i == ARMS;
        for (int n = 0; n < 3; n++)
            json_decref(call_ok(w, "rating add", "user", raters[n], "target", id, "score",
                                praised ? "5" : "2", NULL));
    }
    return w;
}

static void live(struct world *w, struct prng *r)
{
    for (int i = 0; i < FEEDS; i++) {
        json_t *feed = NULL;
        const char *user = numbered("u", 1 + prng_below(r, USERS));
        int64_t at = T0 + i * (int64_t)MINUTE;
        assert_int_equal(call_as(w, NULL, at, &feed, "feed serve", "user", user, NULL), HEED_OK);
        const json_t *slots = json_object_get(feed, "slots");
        assert_int_equal(json_array_size(slots), 3);
        const char *target = json_string_value(json_object_get(json_array_get(slots, 2), "target"));
        assert_int_equal(strncmp(target, "content:x", 9), 0);
        int arm = target[9] - '0';
        assert_true(arm >= 0 && arm < ARMS);
        if (prng_double(r) < likes[arm])
            assert_int_equal(call_as(w, NULL, at + 1000, NULL, "event add", "user", user, "verb",
                                     "like", "target", target, NULL),
                             HEED_OK);
        json_decref(feed);
    }
}

static enum heed_status judge(struct world *w, bool explored, uint64_t seed, struct ope_result *out,
                              struct heed_error *err)
{
    char *path = test_path("log.csv");
    const struct exposures_options o = {T0 + 3 * DAY, DAY, explored};
    struct exposures_written written;
    struct ope_map map;
    struct ope_file file;
    struct ope_policy uniform;
    double *p = NULL;
    assert_int_equal(exposures_write(w, path, &o, &written, err), HEED_OK);
    assert_int_equal(written.rows, explored ? FEEDS : 3 * FEEDS);
    assert_int_equal(ope_map_own(&map, err), HEED_OK);
    assert_int_equal(ope_file_read(path, &map, false, STR_NONE, false, &file, err), HEED_OK);
    assert_int_equal(file.log.actions, explored ? ARMS : ARMS + 2);
    assert_in_range(file.log.units, USERS - 6, USERS); /* hardly one had no feed */
    assert_int_equal(ope_policy_uniform(&file, &p, &uniform, err), HEED_OK);
    enum heed_status status = ope_estimate(
        &file.log, &uniform, (1 << OPE_ESTIMATORS) - 1,
        &(struct ope_options){.min_sample = 20, .resamples = 200, .seed = seed}, out, err);
    free(p);
    ope_file_deinit(&file);
    ope_map_deinit(&map);
    unlink(path);
    free(path);
    return status;
}

static void intervals_hold_the_truth(const char *method)
{
    int holds[OPE_ESTIMATORS] = {0};
    double mean[OPE_ESTIMATORS] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct ope_result x;
        struct heed_error err = {0};
        struct prng r;
        prng_seed(&r, seed);
        struct world *w = world_of(method);
        w->commands += seed << 20; /* chance goes by their number: other draws in each world */
        live(w, &r);
        if (judge(w, true, seed, &x, &err) != HEED_OK)
            fail_msg("%s, seed %d: %s", method, (int)seed, err.message);
        for (int e = 0; e < OPE_ESTIMATORS; e++) {
            holds[e] += x.estimates[e].lower <= truth && truth <= x.estimates[e].upper;
            mean[e] += x.estimates[e].value / SEEDS;
        }
        world_close(w);
    }
    for (int e = 0; e < OPE_ESTIMATORS; e++) {
        if (holds[e] < SEEDS * 9 / 10)
            fail_msg("%s: %d of %d intervals of %s hold %g (mean %g)", method, holds[e], SEEDS,
                     ope_estimator_name((enum ope_estimator)e), truth, mean[e]);
    }
}

static void a_log_of_epsilon_tells_the_truth(void **state)
{
    (void)state;
    intervals_hold_the_truth("epsilon");
}

static void a_log_of_thompson_tells_the_truth(void **state)
{
    (void)state;
    intervals_hold_the_truth("thompson");
}

/* In the slots before the last nothing else was possible: two of three weights are .14, not 1. */
static void a_log_of_whole_feeds_is_refused(void **state)
{
    (void)state;
    struct ope_result x;
    struct heed_error err = {0};
    struct prng r;
    prng_seed(&r, 1);
    struct world *w = world_of("epsilon");
    live(w, &r);
    assert_int_equal(judge(w, false, 1, &x, &err), HEED_REFUSED);
    assert_int_equal(x.refusal, OPE_WEIGHTS_OFF);
    assert_non_null(strstr(err.message, "--explored"));
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_of_epsilon_tells_the_truth),
        cmocka_unit_test(a_log_of_thompson_tells_the_truth),
        cmocka_unit_test(a_log_of_whole_feeds_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
