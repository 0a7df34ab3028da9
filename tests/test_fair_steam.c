/* What a floor costs on Steam purchases: EASE at lambda 30, k = 10, all 5,155 items.
 *
 * Needs the data folder (support_steam.h); skipped without.
 * ctest: TIMEOUT 900
 */
#include "support_steam.h"

#include "allocation/fair.h"
#include "allocation/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_floor_costs_users_on_steam_no_more_than_promised(void **unused)
{
    (void)unused;
    /* mean and worst decile of users that relevance under the floor alone must keep; a plain swap
     * in expected exposure keeps .958 / .938 and .885 / .835 */
    static const struct {
        double floor, mean, decile;
    } rows[] = {{.1, .96, .94}, {.25, .90, .85}};
    struct interactions log;
    struct split split;
    struct sparse items;
    struct fair_offers f;
    struct heed_error err = {0};
    void *model = NULL;
    const double param[MODEL_PARAMS] = {30}; /* lambda; all neighbours */
    read_steam_purchases(&log);
    assert_int_equal(split_make(&log, SPLIT_EVERY_5TH, &split, &err), HEED_OK);
    assert_int_equal(sparse_transpose(&split.train, &items), HEED_OK);
    const struct training t = {.users = &split.train, .items = &items, .seed = 1, .threads = 2};
    assert_int_equal(model_ease.train(&t, param, &model, &err), HEED_OK);
    assert_int_equal(fair_offers_of_model(&f, &model_ease, model, &split.train, 10, 1, 2, &err),
                     HEED_OK);
    assert_int_equal(f.on_offer, 5155);
    const struct fair_options o = {.iterations = 2, .threads = 2};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fair_policy policy;
        struct fair_report r;
        double objective[3], gap, bound;
        size_t steps;
        assert_int_equal(
            fair_frank_wolfe(&f, &FAIR_NONE, &o, &policy, objective, &steps, &gap, &err), HEED_OK);
        assert_int_equal(floor_raise(&f, &FAIR_NONE, rows[i].floor, &o, &policy, &bound, &err),
                         HEED_OK);
        assert_int_equal(fair_report_of(&f, &policy, &split.test, &r, &err), HEED_OK);
        if (r.mean_utility < rows[i].mean || r.worst_decile < rows[i].decile ||
            r.min_exposure < rows[i].floor || r.mean_utility < .99 * bound)
            fail_msg("floor %g: mean %.4f of %.4f, worst decile %.4f, least exposure %.6f",
                     rows[i].floor, r.mean_utility, bound, r.worst_decile, r.min_exposure);
        fair_policy_deinit(&policy);
    }
    fair_offers_deinit(&f);
    model_ease.free(model);
    sparse_deinit(&items);
    split_deinit(&split);
    interactions_deinit(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_floor_costs_users_on_steam_no_more_than_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
