/* The floor under expected exposure: its reach beside all sets of items, its cost beside the linear
 * program's optimum. Golden numbers: tools/floor_golden.py (scipy, highs-ipm). */
#include "support_fair.h"
#include "support_fault.h"
#include "support_models.h"

#include "allocation/fair_online.h"
#include "allocation/top.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct fair_options OPTIONS = {.iterations = 60, .threads = 2};

static struct fair_policy optimum_of(const struct fair_offers *f, const struct fair_welfare *w)
{
    struct fair_policy policy;
    double objective[61], gap;
    size_t steps;
    assert_int_equal(fair_frank_wolfe(f, w, &OPTIONS, &policy, objective, &steps, &gap, NULL),
                     HEED_OK);
    return policy;
}

static double least_share(const struct fair_offers *f, const double *dense)
{
    double least = INFINITY;
    for (size_t i = 0; i < f->items; i++) {
        double sum = 0;
        bool offered = false;
        for (size_t u = 0; u < f->users; u++) {
            sum += dense[u * f->items + i];
            offered |= f->worth[u * f->items + i] >= 0;
        }
        if (offered && sum < least)
            least = sum;
    }
    return least / f->mean_exposure;
}

/* One request at a time, in three orders: the share of the optimum's mean utility that is kept. */
static void check_online(const struct fair_offers *f, uint64_t seed, double floor, double wanted)
{
    for (uint64_t order_seed = 1; order_seed <= 3; order_seed++) {
        struct fair_online s;
        double mean = 0, least = INFINITY;
        uint32_t *order = top_order(f->users, order_seed);
        assert_int_equal(fair_online_init(&s, f, &FAIR_NONE, floor, NULL), HEED_OK);
        for (size_t u = 0; u < f->users; u++)
            fair_online_serve(&s, order[u]);
        for (size_t u = 0; u < f->users; u++)
            mean += s.utility[u] / (double)f->users;
        for (size_t i = 0; i < f->items; i++)
            least = fmin(least, s.given[i] / f->mean_exposure);
        if (mean < wanted || least < floor * (1 - 1e-9))
            fail_msg("online, seed %d, order %d: mean %.6f, wanted %.6f; least %.9g, floor %g",
                     (int)seed, (int)order_seed, mean, wanted, least, floor);
        free(order);
        fair_online_deinit(&s);
    }
}

static void within_a_hundredth_of_the_linear_program(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t seed;
        int skew;
        double floor, optimum, online;
    } rows[] = {
        /* tools/floor_golden.py, numpy 2, scipy 1; the last: of it, what online keeps (measured) */
        {1, 0, 0.9, 0.998741, .98}, {2, 1, 0.1, 0.986499, .99}, {3, 1, 0.25, 0.957163, .985},
        {4, 1, 0.5, 0.879657, .96}, {5, 2, 0.1, 0.988400, .99}, {6, 2, 0.25, 0.962891, .985},
        {7, 2, 0.5, 0.888583, .96},
    };
    enum { USERS = 100, ITEMS = 150, K = 10 };
    for (size_t c = 0; c < sizeof rows / sizeof *rows; c++) {
        uint64_t state = rows[c].seed;
        struct sparse none;
        struct fair_offers f;
        double bound;
        assert_int_equal(sparse_init(&none, USERS, ITEMS, 0, false), HEED_OK);
        float *scores = malloc(USERS * ITEMS * sizeof *scores);
        assert_non_null(scores);
        for (size_t i = 0; i < USERS * ITEMS; i++) {
            double rank = (double)(i % ITEMS + 1), x = (double)(splitmix64(&state) >> 11) * 0x1p-53;
            scores[i] = (float)(x / (rows[c].skew == 0   ? 1
                                     : rows[c].skew == 1 ? sqrt(rank)
                                                         : rank));
        }
        assert_int_equal(fair_offers_init(&f, scores, &none, K, 1, 2, NULL), HEED_OK);
        struct fair_policy policy = optimum_of(&f, &FAIR_NONE);
        assert_int_equal(
            floor_raise(&f, &FAIR_NONE, rows[c].floor, &OPTIONS, &policy, &bound, NULL), HEED_OK);
        double *dense = check_policy(&f, &policy, rows[c].seed), mean = 0;
        for (size_t i = 0; i < USERS * ITEMS; i++)
            mean += dense[i] * (double)f.worth[i] / USERS;
        if (mean < .99 * rows[c].optimum || mean > rows[c].optimum + 1e-5 ||
            bound < rows[c].optimum - 1e-5 || bound > 1.01 * rows[c].optimum)
            fail_msg("seed %d floor %g: mean %.6f, bound %.6f, optimum %.6f", (int)rows[c].seed,
                     rows[c].floor, mean, bound, rows[c].optimum);
        if (least_share(&f, dense) < rows[c].floor)
            fail_msg("seed %d: least %.9g, floor %g", (int)rows[c].seed, least_share(&f, dense),
                     rows[c].floor);
        check_online(&f, rows[c].seed, rows[c].floor, rows[c].online * rows[c].optimum);
        free(dense);
        fair_policy_deinit(&policy);
        fair_offers_deinit(&f);
        sparse_deinit(&none);
    }
}

/* No floor is above what the lists can give to any set of items; the least over all sets is
 * reached. */
static double reach_by_all_sets(const struct sparse *blocked, size_t k)
{
    size_t users = blocked->rows, items = blocked->columns;
    double up_to[33] = {0}, least = INFINITY;
    unsigned offered = 0;
    for (size_t r = 0; r < items; r++)
        up_to[r + 1] = up_to[r] + (r < k ? 1 / log2((double)(r + 2)) : 0);
    double *given = calloc((size_t)1 << items, sizeof *given);
    assert_non_null(given);
    for (size_t u = 0; u < users; u++) {
        unsigned may = (1U << items) - 1;
        struct sparse_row row = sparse_row(blocked, u);
        for (size_t i = 0; i < row.n; i++)
            may &= ~(1U << row.column[i]);
        offered |= may;
        for (unsigned set = 0; set < 1U << items; set++)
            given[set] += up_to[__builtin_popcount(set & may)];
    }
    double mean = given[offered] / __builtin_popcount(offered);
    for (unsigned set = 1; set < 1U << items; set++)
        if ((set & ~offered) == 0)
            least = fmin(least, given[set] / __builtin_popcount(set) / mean);
    free(given);
    return least;
}

static void the_reach_of_a_floor_is_that_of_the_tightest_set(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct prng r;
        struct sparse blocked;
        double most, fill = .1 * (double)(1 + seed % 9);
        prng_seed(&r, seed);
        free(random_matrix(&r, 1 + prng_below(&r, 8), 2 + prng_below(&r, 9), fill, &blocked));
        if (sparse_count(&blocked) < blocked.rows * blocked.columns) {
            size_t k = 1 + prng_below(&r, blocked.columns);
            double expected = reach_by_all_sets(&blocked, k);
            assert_int_equal(floor_reach(&blocked, k, 2, &most, NULL), HEED_OK);
            near(most, expected, 2e-4, "the most", seed);
            if (expected > .01) { /* what is clearly within reach, and clearly not */
                assert_int_equal(floor_reach(&blocked, k, .99 * expected, &most, NULL), HEED_OK);
                assert_true(most >= .99 * expected - 1e-9);
                assert_int_equal(floor_reach(&blocked, k, 1.01 * expected, &most, NULL), HEED_OK);
                assert_true(most < 1.01 * expected);
            }
        }
        sparse_deinit(&blocked);
    }
}

static void the_floor_holds_with_any_welfare_and_histories(void **unused)
{
    (void)unused;
    static const struct fair_welfare welfares[] = {
        {1, 1, 0}, {-1, -1, .01}, {0, 0, .3}, {.5, -1, 0}, {1, .5, 1}};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const struct fair_welfare *w = &welfares[seed % 5];
        struct dealt d;
        double most, bound;
        deal(&d, seed, 40, 25, 4, seed % 3 ? .15 : .6);
        assert_int_equal(floor_reach(&d.blocked, 4, 1, &most, NULL), HEED_OK);
        struct fair_policy policy = optimum_of(&d.offers, w);
        double floor = most * (seed % 2 ? .4 : .9);
        struct heed_error err = {0};
        if (floor_raise(&d.offers, w, floor, &OPTIONS, &policy, &bound, &err) != HEED_OK)
            fail_msg("%s (seed %llu)", err.message, (unsigned long long)seed);
        double *dense = check_policy(&d.offers, &policy, seed),
               least = least_share(&d.offers, dense);
        if (least < floor - 1e-9)
            fail_msg("least %.9g, floor %.9g (seed %llu)", least, floor, (unsigned long long)seed);
        free(dense);
        fair_policy_deinit(&policy);
        undeal(&d);
    }
}

static void a_floor_out_of_reach_is_told_before_training(void **unused)
{
    (void)unused;
    struct sparse blocked;
    struct fair_batch batch;
    struct heed_error err = {0};
    struct fair_batch_options o = {.model = spec_of("popularity", ""),
                                   .welfare = FAIR_NONE,
                                   .k = 2,
                                   .iterations = 9,
                                   .threads = 1};
    /* three users, four items; only the first may see item 3: it gets 1 of a mean of 1.2232 */
    assert_int_equal(sparse_init(&blocked, 3, 4, 2, false), HEED_OK);
    memcpy(blocked.column, (uint32_t[]){3, 3}, 2 * sizeof(uint32_t));
    memcpy(blocked.at, (uint64_t[]){0, 0, 1, 2}, 4 * sizeof(uint64_t));
    o.floor = .9;
    assert_int_equal(fair_batch_run(&blocked, &blocked, &o, &batch, &err), HEED_RANGE);
    assert_string_equal(err.where, "floor");
    if (!strstr(err.message, "--floor 0.817"))
        fail_msg("'%s' does not say --floor 0.817", err.message);
    o.floor = .81;
    memset(&err, 0, sizeof err);
    if (fair_batch_run(&blocked, &blocked, &o, &batch, &err) != HEED_OK)
        fail_msg("%s", err.message);
    assert_true(batch.floor_kept);
    fair_batch_deinit(&batch);
    sparse_deinit(&blocked);
}

static void no_memory_is_told_wherever_it_ends(void **unused)
{
    (void)unused;
    static const double floors[] = {.5, .9}; /* the second needs more than the uniform policy */
    struct dealt d;
    deal(&d, 4, 12, 9, 3, .5);
    for (size_t i = 0; i < 2; i++) {
        const struct fair_batch_options o = {.model = spec_of("popularity", ""),
                                             .welfare =
                                                 i ? FAIR_NONE : (struct fair_welfare){-1, -1, .1},
                                             .floor = floors[i],
                                             .k = 3,
                                             .iterations = 6,
                                             .threads = 1};
        double most;
        assert_int_equal(floor_reach(&d.blocked, 3, 2, &most, NULL), HEED_OK);
        struct fair_batch_options here = o;
        here.floor *= most;
        for (long n = 1;; n++) {
            struct fair_batch batch;
            struct heed_error err = {0};
            fault_fail_at(n);
            enum heed_status status = fair_batch_run(&d.blocked, &d.blocked, &here, &batch, &err);
            fault_off();
            if (status != (fault_fired() ? HEED_NOMEM : HEED_OK))
                fail_msg("allocation %ld: status %d, %s: %s", n, (int)status, err.where,
                         err.message);
            fair_batch_deinit(&batch);
            if (!fault_fired())
                break;
        }
    }
    undeal(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_a_hundredth_of_the_linear_program),
        cmocka_unit_test(the_reach_of_a_floor_is_that_of_the_tightest_set),
        cmocka_unit_test(the_floor_holds_with_any_welfare_and_histories),
        cmocka_unit_test(a_floor_out_of_reach_is_told_before_training),
        cmocka_unit_test_teardown(no_memory_is_told_wherever_it_ends, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
