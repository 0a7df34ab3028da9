/* What several floors cost: the same as one batch run a floor, and the report's chapter about it.
 */
#include "support_models.h"
#include "support_world.h"

#include "allocation/fair.h"
#include "allocation/split.h"
#include "base/prng.h"
#include "report/data.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { USERS = 40, ITEMS = 60, ACTS = 12, K = 5 };

static void random_split(uint64_t seed, struct split *split)
{
    struct interactions x;
    struct prng r;
    struct heed_error err = {0};
    interactions_init(&x);
    prng_seed(&r, seed);
    for (int i = 0; i < USERS * ACTS; i++) {
        char user[16], item[16];
        uint64_t u = prng_below(&r, USERS), group = u % 3 * 20;
        snprintf(user, sizeof user, "u%d", (int)u);
        snprintf(item, sizeof item, "i%d", (int)((group + prng_below(&r, 30)) % ITEMS));
        assert_int_equal(interactions_add(&x, str_of(user), str_of(item), STR("act"), 1,
                                          INTERACTIONS_NO_TIME, &err),
                         HEED_OK);
    }
    assert_int_equal(split_make(&x, SPLIT_EVERY_5TH, split, &err), HEED_OK);
    interactions_deinit(&x);
}

static struct fair_batch_options options(void)
{
    struct fair_batch_options o = {
        .welfare = FAIR_NONE, .k = K, .iterations = 20, .seed = 3, .threads = 2};
    size_t n = 0;
    struct heed_error err = {0};
    assert_int_equal(model_names_parse(STR("ease"), &o.model, &n, &err), HEED_OK);
    assert_int_equal(model_params_parse(STR("lambda=5,neighbours=50"), &o.model, 1, &err), HEED_OK);
    return o;
}

static const double FLOORS[] = {0, .05, .1, .25, .5, .8};
enum { FLOORS_N = sizeof FLOORS / sizeof *FLOORS };

static void one_training_gives_what_a_run_for_each_floor_gives(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct split split = {0};
        struct fair_frontier_point points[FLOORS_N];
        struct fair_batch_options o = options();
        struct heed_error err = {0};
        random_split(seed, &split);
        o.hasty = seed % 2 == 0;
        for (size_t i = 0; i < FLOORS_N; i++)
            points[i].floor = FLOORS[i];
        assert_int_equal(
            fair_frontier_run(&split.train, &split.train, &split.test, &o, points, FLOORS_N, &err),
            HEED_OK);
        for (size_t i = 0; i < FLOORS_N; i++) {
            struct fair_batch b;
            o.floor = FLOORS[i];
            enum heed_status status = fair_batch_run(&split.train, &split.test, &o, &b, &err);
            assert_int_equal(points[i].feasible, status == HEED_OK);
            if (status != HEED_OK) {
                assert_int_equal(status, HEED_RANGE);
                assert_true(points[i].most < FLOORS[i]);
                err = (struct heed_error){0};
                continue;
            }
            if (memcmp(&b.report, &points[i].report, sizeof b.report) != 0)
                fail_msg("seed %llu, floor %g: ndcg %.17g and %.17g", (unsigned long long)seed,
                         FLOORS[i], points[i].report.ndcg, b.report.ndcg);
            double sum = 0, least = INFINITY;
            size_t n = 0;
            for (size_t j = 0; j < split.train.columns; j++)
                if (!isnan(points[i].exposure[j])) {
                    sum += points[i].exposure[j];
                    least = fmin(least, points[i].exposure[j]);
                    n++;
                }
            assert_true(fabs(sum / (double)n - 1) < 1e-6);
            assert_true(fabs(least - b.report.min_exposure) < 1e-6);
            fair_batch_deinit(&b);
        }
        fair_frontier_deinit(points, FLOORS_N);
        split_deinit(&split);
    }
}

static void haste_keeps_the_floor_and_nearly_all_of_the_mean(void **unused)
{
    (void)unused;
    for (uint64_t seed = 11; seed <= 16; seed++) {
        struct split split = {0};
        struct heed_error err = {0};
        struct fair_batch_options o = options();
        struct fair_batch careful, hasty;
        random_split(seed, &split);
        o.floor = .3;
        assert_int_equal(fair_batch_run(&split.train, &split.test, &o, &careful, &err), HEED_OK);
        o.hasty = true;
        assert_int_equal(fair_batch_run(&split.train, &split.test, &o, &hasty, &err), HEED_OK);
        assert_true(hasty.floor_kept);
        if (fabs(hasty.report.mean_utility - careful.report.mean_utility) > .01)
            fail_msg("seed %llu: mean %g, in haste %g", (unsigned long long)seed,
                     careful.report.mean_utility, hasty.report.mean_utility);
        fair_batch_deinit(&careful);
        fair_batch_deinit(&hasty);
        split_deinit(&split);
    }
}

static void nobody_to_share_among_and_lists_too_long_are_refused(void **unused)
{
    (void)unused;
    struct split split = {0};
    struct heed_error err = {0};
    struct fair_frontier_point point = {.floor = .1};
    struct fair_batch_options o = options();
    random_split(1, &split);
    o.k = split.train.columns + 1;
    assert_int_equal(
        fair_frontier_run(&split.train, &split.train, &split.test, &o, &point, 1, &err),
        HEED_RANGE);
    assert_null(point.exposure);
    split_deinit(&split);
}

/* ── in the report ── */

/* `people` who look at `each` of 30 contents, two of them their maker's.                         */
static struct world *looked_at(int people, int each)
{
    struct world *w = world_in_memory();
    struct prng r;
    prng_seed(&r, 5);
    json_decref(call_ok(w, "user add", "id", "maker", NULL));
    for (int i = 0; i < 30; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        json_decref(call_ok(w, "content add", "id", id, "creator", "maker", NULL));
    }
    for (int u = 0; u < people; u++) {
        char user[16], target[24];
        snprintf(user, sizeof user, "u%d", u);
        json_decref(call_ok(w, "user add", "id", user, NULL));
        for (int i = 0; i < each; i++) {
            snprintf(target, sizeof target, "content:c%d", (u * 7 + i * 2 + u % 2) % 30);
            json_decref(
                call_ok(w, "event add", "user", user, "verb", "like", "target", target, NULL));
        }
    }
    json_decref(call_ok(w, "event add", "user", "maker", "verb", "like", "target", "content:c1",
                        NULL)); /* one's own: counts nowhere */
    return w;
}

static struct report_data *gather(struct world *w)
{
    struct report_data *d = NULL;
    struct heed_error err = {0};
    if (report_gather(w, &(struct report_truth){0}, &d, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return d;
}

static void the_report_splits_a_worlds_own_acts(void **unused)
{
    (void)unused;
    struct world *w = looked_at(14, 8);
    struct report_data *d = gather(w);
    const struct frontier *f = &d->frontier;
    assert_int_equal(f->state, FRONTIER_DRAWN);
    assert_int_equal(f->able, 14);
    assert_int_equal(f->people, 14);
    assert_int_equal(f->contents, 30);
    assert_int_equal(f->hidden, 14); /* the fifth of eight */
    assert_int_equal(f->known, 14 * 7);
    assert_true(f->has_own);
    assert_true(fabs(f->rows[f->own].floor - .2) < 1e-12);
    assert_int_equal(f->rows_n, 6);

    struct interactions x; /* the same from the acts as they were made */
    struct split split = {0};
    struct heed_error err = {0};
    struct fair_batch_options o = {
        .welfare = FAIR_NONE, .k = 10, .iterations = 20, .seed = 1, .threads = 1, .hasty = true};
    size_t n = 0;
    interactions_init(&x);
    for (uint32_t i = 0; i < 30; i++) {
        char item[16];
        assert_int_not_equal(
            intern_add(&x.items, (struct str){item, (size_t)snprintf(item, 16, "%u", i)}),
            INTERN_NONE);
    }
    for (int u = 0; u < 14; u++)
        for (int i = 0; i < 8; i++) {
            char user[16], item[16];
            snprintf(user, sizeof user, "u%d", u);
            snprintf(item, sizeof item, "%d", (u * 7 + i * 2 + u % 2) % 30);
            assert_int_equal(interactions_add(&x, str_of(user), str_of(item), STR("like"), 1,
                                              INTERACTIONS_NO_TIME, &err),
                             HEED_OK);
        }
    assert_int_equal(split_make(&x, SPLIT_EVERY_5TH, &split, &err), HEED_OK);
    assert_int_equal(model_names_parse(STR("ease"), &o.model, &n, &err), HEED_OK);
    assert_int_equal(model_params_parse(STR("lambda=30,neighbours=50"), &o.model, 1, &err),
                     HEED_OK);
    for (size_t i = 0; i < f->rows_n; i++) {
        struct fair_batch b;
        o.floor = f->rows[i].floor;
        assert_int_equal(fair_batch_run(&split.train, &split.test, &o, &b, &err), HEED_OK);
        if (b.report.ndcg != f->rows[i].ndcg || b.report.worst_decile != f->rows[i].worst_tenth ||
            b.report.gini != f->rows[i].gini)
            fail_msg("floor %g: ndcg %g, not %g", o.floor, f->rows[i].ndcg, b.report.ndcg);
        fair_batch_deinit(&b);
    }
    assert_true(fabs(f->before.gini - f->rows[0].gini) < 1e-9);
    assert_true(fabs(f->after.gini - f->rows[f->own].gini) < 1e-9);
    for (int i = 1; i < CURVE_POINTS; i++)
        assert_true(f->after.y[i] >= f->after.y[i - 1] && f->after.y[i] <= i / 100.0 + 1e-9);
    interactions_deinit(&x);
    split_deinit(&split);
    report_free(d);
    world_close(w);
}

static void too_little_to_split_is_said(void **unused)
{
    (void)unused;
    static const struct {
        int people, each;
        enum frontier_state state;
        size_t able;
    } rows[] = {
        {9, 8, FRONTIER_FEW_PEOPLE, 9},
        {20, 4, FRONTIER_FEW_PEOPLE, 0},
        {10, 5, FRONTIER_DRAWN, 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = looked_at(rows[i].people, rows[i].each);
        struct report_data *d = gather(w);
        if (d->frontier.state != rows[i].state || d->frontier.able != rows[i].able)
            fail_msg("%d people, %d acts: state %d, %zu able", rows[i].people, rows[i].each,
                     (int)d->frontier.state, d->frontier.able);
        for (enum report_lang lang = REPORT_EN; lang <= REPORT_ZH; lang++) {
            char *html = NULL;
            size_t n;
            struct heed_error err = {0};
            FILE *out = open_memstream(&html, &n);
            assert_int_equal(report_html(d, lang, out, &err), HEED_OK);
            fclose(out);
            bool said = strstr(html, lang == REPORT_EN ? "What a floor costs cannot be told here"
                                                       : "这里无法估计保底的代价") != NULL;
            assert_int_equal(said, rows[i].state != FRONTIER_DRAWN);
            free(html);
        }
        report_free(d);
        world_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_training_gives_what_a_run_for_each_floor_gives),
        cmocka_unit_test(haste_keeps_the_floor_and_nearly_all_of_the_mean),
        cmocka_unit_test(nobody_to_share_among_and_lists_too_long_are_refused),
        cmocka_unit_test(the_report_splits_a_worlds_own_acts),
        cmocka_unit_test(too_little_to_split_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
