/* Bridging: the published loss against a naive gradient descent, and notes of a divided crowd. */
#include "quality/bridge.h"

#include "base/prng.h"
#include "support_fault.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RATINGS_MAX = 20000 };
static struct bridge_rating ratings[RATINGS_MAX];

static void fit(size_t n, size_t users, size_t notes, const struct bridge_options *o,
                struct bridge_fit *f)
{
    struct heed_error err = {0};
    if (bridge_fit(ratings, n, users, notes, o, f, &err) != HEED_OK) {
        print_error("%s: %s\n", err.where, err.message);
        fail();
    }
}

/* ── a naive twin ────────────────────────────────────────────────────────────────────────────── */

enum { U = 10, M = 8, PARAMETERS = 1 + 2 * U + 2 * M };

/* x: mu, then users' intercepts, users' factors, notes' intercepts, notes' factors. The loss as the
 * code of Community Notes states it: the mean square, and lambdas times means of squares. */
static double naive_loss(size_t n, const double *x, const struct bridge_options *o,
                         double *gradient)
{
    const double *iu = x + 1, *fu = iu + U, *in = fu + U, *fn = in + M;
    double loss = o->lambda_intercept * x[0] * x[0];
    for (int i = 0; i < PARAMETERS; i++)
        gradient[i] = 0;
    gradient[0] = 2 * o->lambda_intercept * x[0];
    for (size_t i = 0; i < n; i++) {
        uint32_t u = ratings[i].user, m = ratings[i].note;
        double e = x[0] + iu[u] + in[m] + fu[u] * fn[m] - ratings[i].rating, g = 2 * e / (double)n;
        loss += e * e / (double)n;
        gradient[0] += g;
        gradient[1 + u] += g;
        gradient[1 + U + u] += g * fn[m];
        gradient[1 + 2 * U + m] += g;
        gradient[1 + 2 * U + M + m] += g * fu[u];
    }
    for (int i = 1; i < PARAMETERS; i++) {
        bool note = i > 2 * U, factor = note ? i > 2 * U + M : i > U;
        double lambda = (factor ? o->lambda_factor : o->lambda_intercept) / (note ? M : U);
        loss += lambda * x[i] * x[i];
        gradient[i] += 2 * lambda * x[i];
    }
    return loss;
}

static double naive_fit(size_t n, const struct bridge_options *o, struct prng *r, double *best_x)
{
    double best = INFINITY;
    for (int start = 0; start < 8; start++) {
        double x[PARAMETERS], gradient[PARAMETERS], loss = 0;
        for (int i = 0; i < PARAMETERS; i++)
            x[i] = prng_double(r) - .5;
        for (int step = 0; step < 12000; step++) {
            loss = naive_loss(n, x, o, gradient);
            for (int i = 0; i < PARAMETERS; i++)
                x[i] -= .3 * gradient[i];
        }
        if (loss < best) {
            best = loss;
            memcpy(best_x, x, sizeof x);
        }
    }
    return best;
}

static size_t random_ratings(struct prng *r)
{
    size_t n = 0;
    for (uint32_t u = 0; u < U; u++)
        for (uint32_t m = 0; m < M; m++)
            if (u == m || u == M + m || prng_below(r, 4) > 0) {
                bool sided = m % 2 == 0, good = sided ? (u % 2 == 0) == (m % 4 == 0) : m % 4 == 1;
                double x = prng_below(r, 5) == 0 ? .5 * (double)prng_below(r, 3) : good;
                ratings[n++] = (struct bridge_rating){u, m, x};
            }
    return n;
}

static void the_loss_and_the_parameters_are_the_naive_twins(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct prng r;
        struct bridge_fit f;
        struct bridge_options o = bridge_default();
        double x[PARAMETERS], gradient[PARAMETERS], own[PARAMETERS];
        prng_seed(&r, seed);
        size_t n = random_ratings(&r);
        fit(n, U, M, &o, &f);
        double naive = naive_fit(n, &o, &r, x), worst = 0;
        own[0] = f.mu;
        for (int i = 0; i < U; i++) {
            own[1 + i] = f.users[i].intercept;
            own[1 + U + i] = f.users[i].factor;
        }
        for (int i = 0; i < M; i++) {
            own[1 + 2 * U + i] = f.notes[i].intercept;
            own[1 + 2 * U + M + i] = f.notes[i].factor;
        }
        double said = naive_loss(n, own, &o, gradient), slope = 0;
        for (int i = 0; i < PARAMETERS; i++) {
            bool factor = (i > U && i <= 2 * U) || i > 2 * U + M; /* its sign is a convention */
            worst = fmax(worst, factor ? fabs(fabs(own[i]) - fabs(x[i])) : fabs(own[i] - x[i]));
            slope = fmax(slope, fabs(gradient[i]));
        }
        if (!f.converged || fabs(f.loss - said) > 1e-12 || slope > 1e-8 ||
            fabs(f.loss - naive) > 1e-7 || worst > 1e-3) {
            print_error("seed %llu: loss %.12g, by the twin's formula %.12g (slope %g), the twin's "
                        "%.12g; parameters differ by %g\n",
                        (unsigned long long)seed, f.loss, said, slope, naive, worst);
            fail();
        }
        bridge_fit_deinit(&f);
    }
}

/* ── a divided crowd ─────────────────────────────────────────────────────────────────────────── */

enum { CROWD = 100, EACH = 12 };

/* Two sides, of which one is three times as large. Notes 0.. both find good, EACH.. the large side
 * loves and the small rejects, 2 EACH.. the other way, 3 EACH.. both reject. One in ten errs. */
static size_t divided_crowd(uint64_t seed)
{
    struct prng r;
    size_t n = 0;
    prng_seed(&r, seed);
    for (uint32_t u = 0; u < CROWD; u++)
        for (uint32_t m = 0; m < 4 * EACH; m++) {
            bool large = u % 4 != 0, good[4] = {true, large, !large, false};
            if (prng_below(&r, 3) > 0)
                ratings[n++] = (struct bridge_rating){
                    u, m, prng_below(&r, 10) == 0 ? !good[m / EACH] : good[m / EACH]};
        }
    return n;
}

static void only_notes_that_both_sides_find_good_are_helpful(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct bridge_fit f;
        struct bridge_options o = bridge_default();
        size_t n = divided_crowd(seed), loved = 0, votes = 0;
        fit(n, CROWD, 4 * EACH, &o, &f);
        for (size_t i = 0; i < n; i++)
            if (ratings[i].note / EACH == 1) {
                votes++;
                loved += ratings[i].rating > 0;
            }
        assert_true(loved * 10 > votes * 6); /* by votes the large side's notes would have won */
        for (size_t m = 0; m < 4 * EACH; m++) {
            enum bridge_status status = bridge_status_of(&f.notes[m], &o);
            if ((status == BRIDGE_HELPFUL) != (m < EACH) ||
                (status == BRIDGE_NOT_HELPFUL && m < 3 * EACH)) {
                print_error("seed %llu: note %zu has %g and is %s\n", (unsigned long long)seed, m,
                            f.notes[m].intercept, bridge_status_name(status));
                fail();
            }
            bool sided = m >= EACH && m < 3 * EACH;
            assert_true(sided == (fabs(f.notes[m].factor) > .4));
        }
        for (size_t u = 0; u < CROWD; u++) /* the larger group stands below 0 */
            assert_true((f.users[u].factor < 0) == (u % 4 != 0));
        bridge_fit_deinit(&f);
    }
}

static void the_seed_decides_the_bytes_and_not_the_answer(void **state)
{
    struct bridge_fit a, b;
    struct bridge_options o = bridge_default();
    size_t n = divided_crowd(7);
    (void)state;
    fit(n, CROWD, 4 * EACH, &o, &a);
    fit(n, CROWD, 4 * EACH, &o, &b);
    assert_memory_equal(a.notes, b.notes, a.notes_n * sizeof *a.notes);
    assert_memory_equal(a.users, b.users, a.users_n * sizeof *a.users);
    assert_true(a.mu == b.mu && a.loss == b.loss && a.iterations == b.iterations);
    bridge_fit_deinit(&b);
    o.seed = 99;
    fit(n, CROWD, 4 * EACH, &o, &b);
    for (size_t m = 0; m < a.notes_n; m++) {
        assert_true(fabs(a.notes[m].intercept - b.notes[m].intercept) < 1e-6);
        assert_true(fabs(a.notes[m].factor - b.notes[m].factor) < 1e-6);
    }
    bridge_fit_deinit(&a);
    bridge_fit_deinit(&b);
}

/* ── rules around it ─────────────────────────────────────────────────────────────────────────── */

static void a_later_rating_replaces_and_too_few_are_left_out(void **state)
{
    struct bridge_fit a, b;
    struct bridge_options o = bridge_default();
    size_t n = divided_crowd(3);
    (void)state;
    fit(n, CROWD, 4 * EACH, &o, &a);
    for (size_t i = 0; i < n; i++) { /* first the opposite, then the truth, in the same order */
        ratings[n + i] = ratings[i];
        ratings[i].rating = 1 - ratings[i].rating;
    }
    fit(2 * n, CROWD, 4 * EACH, &o, &b);
    assert_memory_equal(a.notes, b.notes, a.notes_n * sizeof *a.notes);
    assert_int_equal(b.ratings_n, n);
    bridge_fit_deinit(&b);

    /* user 100 rates note 48 and nine others: left out with the note that only he rates */
    n = divided_crowd(3);
    for (uint32_t m = 0; m < 9; m++)
        ratings[n++] = (struct bridge_rating){CROWD, m, 0};
    ratings[n++] = (struct bridge_rating){CROWD, 4 * EACH, 1};
    o.min_of_user = 10;
    o.min_of_note = 5;
    fit(n, CROWD + 1, 4 * EACH + 1, &o, &b);
    assert_false(b.users[CROWD].fitted);
    assert_false(b.notes[4 * EACH].fitted);
    assert_true(isnan(b.users[CROWD].factor) && isnan(b.notes[4 * EACH].intercept));
    assert_int_equal(b.users[CROWD].ratings, 10);
    assert_int_equal(bridge_status_of(&b.notes[4 * EACH], &o), BRIDGE_NEEDS_MORE);
    for (size_t m = 0; m < 4 * EACH; m++)
        assert_true(fabs(a.notes[m].intercept - b.notes[m].intercept) < 1e-6);
    bridge_fit_deinit(&a);
    bridge_fit_deinit(&b);
}

/* Users a b c d, notes 0 …; each row of who rated them. Who is left out of the fit is in no group.
 */
static void raters_whom_no_note_connects_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *notes[5];
        uint32_t min_of_user;
        size_t groups, alone;
    } rows[] = {
        {{"a", "a", "b", "b", ""}, 1, 2, 2},    {{"ab", "ab", "", "", ""}, 1, 1, 0},
        {{"ab", "cd", "", "", ""}, 1, 2, 0},    {{"ab", "cd", "bc", "", ""}, 1, 1, 0},
        {{"a", "ab", "c", "d", "bd"}, 1, 2, 1}, {{"ac", "a", "b", "bc", ""}, 1, 1, 0},
        {{"acd", "a", "b", "b", ""}, 2, 2, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bridge_options o = bridge_default();
        struct bridge_fit f;
        size_t n = 0, notes = 0;
        o.min_of_user = rows[i].min_of_user;
        for (uint32_t t = 0; t < 5 && *rows[i].notes[t]; t++, notes++)
            for (const char *p = rows[i].notes[t]; *p; p++)
                ratings[n++] = (struct bridge_rating){(uint32_t)(*p - 'a'), t, t % 2};
        fit(n, 4, notes, &o, &f);
        if (f.groups != rows[i].groups || f.alone != rows[i].alone)
            fail_msg("row %zu: %zu groups, %zu alone", i, f.groups, f.alone);
        bridge_fit_deinit(&f);
    }
}

/* Bounds: the guide "Note ranking algorithm" of Community Notes, section Note Status. */
static void status_follows_the_published_bounds(void **state)
{
    static const struct {
        double intercept, factor;
        uint32_t ratings;
        enum bridge_status status;
    } rows[] = {
        {.40, .9, 5, BRIDGE_HELPFUL},       {.3999, 0, 500, BRIDGE_NEEDS_MORE},
        {.40, 0, 4, BRIDGE_NEEDS_MORE},     {-.0501, 0, 5, BRIDGE_NOT_HELPFUL},
        {-.05, 0, 5, BRIDGE_NEEDS_MORE},    {-.0501, 0, 4, BRIDGE_NEEDS_MORE},
        {-.44, .5, 5, BRIDGE_NEEDS_MORE},   {-.46, .5, 5, BRIDGE_NOT_HELPFUL},
        {-.46, -.5, 5, BRIDGE_NOT_HELPFUL}, {-.44, -.5, 5, BRIDGE_NEEDS_MORE},
    };
    struct bridge_options o = bridge_default();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bridge_side note = {rows[i].intercept, rows[i].factor, rows[i].ratings, true};
        if (bridge_status_of(&note, &o) != rows[i].status) {
            print_error("row %zu: %s\n", i, bridge_status_name(bridge_status_of(&note, &o)));
            fail();
        }
    }
}

static void what_cannot_be_answered_is_named(void **state)
{
    static const struct {
        struct bridge_rating rows[2];
        size_t n;
        uint32_t min_of_user;
        enum heed_status status;
        const char *says;
    } rows[] = {
        {{{0, 0, 0}}, 0, 1, HEED_INPUT, "there are none"},
        {{{0, 0, 1}, {0, 1, 0}}, 2, 1, HEED_INPUT, "one user"},
        {{{0, 0, 1}, {1, 0, 0}}, 2, 9, HEED_INPUT, "there are none"},
        {{{0, 0, .5}, {1, 0, .5}}, 2, 1, HEED_INPUT, "are equal"},
        {{{0, 0, 1}, {1, 0, 1.5}}, 2, 1, HEED_RANGE, "from 0 to 1"},
        {{{0, 0, -.1}, {1, 0, 1}}, 2, 1, HEED_RANGE, "from 0 to 1"},
        {{{0, 0, (double)NAN}, {1, 0, 1}}, 2, 1, HEED_RANGE, "from 0 to 1"},
        {{{0, 0, (double)INFINITY}, {1, 0, 1}}, 2, 1, HEED_RANGE, "from 0 to 1"},
        {{{0, 0, 1}, {2, 0, 1}}, 2, 1, HEED_RANGE, "nobody"},
        {{{0, 0, 1}, {1, 2, 1}}, 2, 1, HEED_RANGE, "nobody"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct heed_error err = {0};
        struct bridge_fit f;
        struct bridge_options o = bridge_default();
        o.min_of_user = rows[i].min_of_user;
        assert_int_equal(bridge_fit(rows[i].rows, rows[i].n, 2, 2, &o, &f, &err), rows[i].status);
        if (!strstr(err.message, rows[i].says)) {
            print_error("row %zu says: %s\n", i, err.message);
            fail();
        }
        assert_null(f.users);
    }
}

static void any_allocation_may_fail(void **state)
{
    size_t n = divided_crowd(1);
    (void)state;
    for (long at = 1;; at++) {
        struct bridge_fit f;
        struct heed_error err = {0};
        struct bridge_options o = bridge_default();
        o.max_iterations = 2;
        fault_fail_at(at);
        enum heed_status status = bridge_fit(ratings, n, CROWD, 4 * EACH, &o, &f, &err);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        bridge_fit_deinit(&f);
        if (!fault_fired())
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_and_the_parameters_are_the_naive_twins),
        cmocka_unit_test(only_notes_that_both_sides_find_good_are_helpful),
        cmocka_unit_test(the_seed_decides_the_bytes_and_not_the_answer),
        cmocka_unit_test(a_later_rating_replaces_and_too_few_are_left_out),
        cmocka_unit_test(raters_whom_no_note_connects_are_counted),
        cmocka_unit_test(status_follows_the_published_bounds),
        cmocka_unit_test(what_cannot_be_answered_is_named),
        cmocka_unit_test_teardown(any_allocation_may_fail, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
