/* Examination by position from logs whose propensities are known. */
#include "quality/positions.h"

#include "base/prng.h"
#include "support_saved.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SLOTS = 10 };

enum order { BY_APPEAL, SWAPPED, SHUFFLED };

struct log {
    struct positions p;
    double examined[SLOTS];
    uint64_t shown[SLOTS], engaged[SLOTS];
};

/* Feeds of SLOTS contents out of `contents`; engagement with probability examined x appeal.
 * BY_APPEAL: the better stands higher, with some noise of the ranker (what logs are like, and what
 * misleads the naive rate); SWAPPED: the first also stands at a random place, as in the
 * intervention of Joachims and others; SHUFFLED: at random.                                      */
static void make_log(struct log *x, uint64_t seed, enum order order, int contents, int feeds,
                     double power)
{
    struct prng r;
    double *appeal = calloc((size_t)contents, sizeof *appeal);
    assert_non_null(appeal);
    prng_seed(&r, seed);
    memset(x, 0, sizeof *x);
    positions_init(&x->p);
    for (int k = 0; k < SLOTS; k++)
        x->examined[k] = pow(1. / (k + 1), power);
    for (int i = 0; i < contents; i++)
        appeal[i] = .02 + .4 * prng_double(&r) * prng_double(&r);
    for (int f = 0; f < feeds; f++) {
        uint32_t feed[SLOTS];
        double key[SLOTS];
        for (int k = 0; k < SLOTS; k++) {
            uint32_t c;
            bool again;
            do {
                c = (uint32_t)prng_below(&r, (uint64_t)contents);
                again = false;
                for (int j = 0; j < k; j++)
                    again = again || feed[j] == c;
            } while (again);
            double score = order == SHUFFLED ? prng_double(&r) : appeal[c] + .1 * prng_normal(&r);
            int at = k;
            for (; at > 0 && key[at - 1] < score; at--) {
                key[at] = key[at - 1];
                feed[at] = feed[at - 1];
            }
            key[at] = score;
            feed[at] = c;
        }
        if (order == SWAPPED) {
            int with = (int)prng_below(&r, SLOTS);
            uint32_t top = feed[0];
            feed[0] = feed[with];
            feed[with] = top;
        }
        for (uint32_t k = 0; k < SLOTS; k++) {
            assert_true(positions_shown(&x->p, feed[k], k));
            x->shown[k]++;
            if (prng_double(&r) < x->examined[k] * appeal[feed[k]]) {
                positions_engaged(&x->p, feed[k], k);
                x->engaged[k]++;
            }
        }
    }
    free(appeal);
}

static void examination_is_found_whatever_the_order(void **state)
{
    (void)state;
    static const struct {
        enum order order;
        int contents, feeds;
        double power, tolerance;
    } rows[] = {
        {SHUFFLED, 200, 20000, 1, .03},  {SWAPPED, 200, 20000, 1, .04},
        {BY_APPEAL, 200, 20000, 1, .06}, {BY_APPEAL, 50, 20000, .5, .06},
        {BY_APPEAL, 200, 20000, 0, .1},  {SHUFFLED, 20000, 20000, 1, .06}, /* ten times each */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct log x;
            double examined[POSITIONS_MAX];
            make_log(&x, seed, rows[i].order, rows[i].contents, rows[i].feeds, rows[i].power);
            assert_int_equal(positions_examined(&x.p, examined), HEED_OK);
            assert_true(examined[0] == 1);
            for (int k = 0; k < SLOTS; k++)
                if (fabs(examined[k] - x.examined[k]) > rows[i].tolerance)
                    fail_msg("row %zu, seed %llu, position %d: %.4f, not %.4f", i,
                             (unsigned long long)seed, k, examined[k], x.examined[k]);
            for (int k = SLOTS; k < POSITIONS_MAX; k++)
                assert_true(examined[k] == 1);
            positions_deinit(&x.p);
        }
}

/* Where the better stand higher the plain rates of positions mislead; the model does not. */
static void plain_rates_mislead_where_the_model_does_not(void **state)
{
    (void)state;
    struct log x;
    double examined[POSITIONS_MAX];
    make_log(&x, 7, BY_APPEAL, 200, 20000, .5);
    assert_int_equal(positions_examined(&x.p, examined), HEED_OK);
    double top = (double)x.engaged[0] / (double)x.shown[0];
    double last = (double)x.engaged[SLOTS - 1] / (double)x.shown[SLOTS - 1];
    double truth = x.examined[SLOTS - 1];
    assert_true(fabs(last / top - truth) > .15);
    assert_true(fabs(examined[SLOTS - 1] - truth) < .05);
    positions_deinit(&x.p);
}

/* With random swaps it is the ratio of rates (Joachims and others 2017, section 5). */
static void shuffled_logs_give_the_ratio_of_rates(void **state)
{
    (void)state;
    struct log x;
    double examined[POSITIONS_MAX];
    make_log(&x, 3, SHUFFLED, 20, 40000, 1);
    assert_int_equal(positions_examined(&x.p, examined), HEED_OK);
    double top = (double)x.engaged[0] / (double)x.shown[0];
    for (int k = 1; k < SLOTS; k++) {
        double ratio = (double)x.engaged[k] / (double)x.shown[k] / top;
        if (fabs(examined[k] - ratio) > .02)
            fail_msg("position %d: %.4f, ratio %.4f", k, examined[k], ratio);
    }
    positions_deinit(&x.p);
}

/* ── what cannot be told ─────────────────────────────────────────────────────────────────────── */

static void show(struct positions *p, uint32_t content, uint32_t position, int shown, int engaged)
{
    for (int i = 0; i < shown; i++)
        assert_true(positions_shown(p, content, position));
    for (int i = 0; i < engaged; i++)
        positions_engaged(p, content, position);
}

static void where_nothing_can_be_compared_nothing_is_corrected(void **state)
{
    (void)state;
    struct positions p;
    double examined[POSITIONS_MAX];
    positions_init(&p);
    assert_int_equal(positions_examined(&p, examined), HEED_OK);
    for (int k = 0; k < POSITIONS_MAX; k++)
        assert_true(examined[k] == 1);
    show(&p, 1, 0, 1000, 60); /* too few in all */
    show(&p, 1, 1, 1000, 20);
    assert_int_equal(positions_examined(&p, examined), HEED_OK);
    assert_true(examined[1] == 1);
    show(&p, 2, 0, 1000, 500); /* linked to position 1 by content 1 only */
    assert_int_equal(positions_examined(&p, examined), HEED_OK);
    assert_true(examined[1] < .45 && examined[1] > 1. / 3);
    show(&p, 9, 7, 1000, 10); /* never seen anywhere else, so no one knows why */
    show(&p, 9, 8, 1000, 5);
    assert_int_equal(positions_examined(&p, examined), HEED_OK);
    assert_true(examined[7] == 1 && examined[8] == 1);
    show(&p, 2, 7, 1000, 100); /* now it is linked: a fifth of the top, and 8 half of 7 */
    assert_int_equal(positions_examined(&p, examined), HEED_OK);
    assert_true(examined[7] < .3 && examined[8] < examined[7]);
    positions_deinit(&p);
}

static void engagement_without_a_showing_counts_nothing(void **state)
{
    (void)state;
    struct positions p;
    positions_init(&p);
    positions_engaged(&p, 3, 1);
    assert_int_equal(p.n, 0);
    show(&p, 3, 1, 2, 5);
    assert_int_equal(p.cells[0].shown, 2);
    assert_int_equal(p.cells[0].engaged, 2);
    positions_deinit(&p);
}

/* ── bytes ───────────────────────────────────────────────────────────────────────────────────── */

static void save(const void *x, struct sink *s)
{
    positions_save(x, s);
}

static enum heed_status load(void *x, struct source *s, struct heed_error *err)
{
    positions_init(x);
    enum heed_status status = positions_load(x, s, err);
    if (status != HEED_OK)
        positions_deinit(x);
    return status;
}

static void deinit(void *x)
{
    positions_deinit(x);
}

static void check(const void *x)
{
    const struct positions *p = x;
    for (size_t i = 0; i < p->n; i++)
        assert_true(p->cells[i].engaged <= p->cells[i].shown && p->cells[i].shown > 0 &&
                    p->cells[i].position < POSITIONS_MAX);
}

static void counts_are_kept_and_damage_is_found(void **state)
{
    (void)state;
    static const struct saved_kind kind = {sizeof(struct positions), save, load, deinit, check};
    struct positions p;
    positions_init(&p);
    assert_round_trip(&kind, &p);
    for (uint32_t i = 0; i < 12; i++)
        show(&p, i / 3, i % 5, 1 + (int)i, (int)i % 3);
    assert_round_trip(&kind, &p);
    assert_damage_is_found_or_harmless(&kind, &p);
    positions_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examination_is_found_whatever_the_order),
        cmocka_unit_test(plain_rates_mislead_where_the_model_does_not),
        cmocka_unit_test(shuffled_logs_give_the_ratio_of_rates),
        cmocka_unit_test(where_nothing_can_be_compared_nothing_is_corrected),
        cmocka_unit_test(engagement_without_a_showing_counts_nothing),
        cmocka_unit_test(counts_are_kept_and_damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
