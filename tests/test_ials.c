/* Both solvers of iALS beside naive twins: dense matrices in doubles. Inputs are drawn from seeds,
 * which a failure prints. */
#include "support_models.h"

#include "allocation/ials.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
the_exact_solver_solves_the_dense_normal_equations_and_its_loss_never_rises(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        enum { USERS = 90, ITEMS = 80, D = 5 }; /* rows of more than the 64 gathered at once */
        struct drawn d;
        draw(&d, seed, USERS, ITEMS, seed == 6 ? .95 : .15);
        double before = INFINITY;
        for (int rounds = 1; rounds <= 6; rounds++) {
            char params[128];
            snprintf(params, sizeof params,
                     "factors=%d,iterations=%d,lambda=.05,alpha=.2,nu=%g,stddev=1,solver=exact", D,
                     rounds, seed % 2 ? 1. : .5);
            struct model_spec spec = spec_of("ials", params);
            void *model = trained(&d, &spec);
            double loss = ials_loss(&d, &spec, model);
            if (!(loss <= before * (1 + 1e-11)))
                fail_msg("loss rose from %.12g to %.12g in round %d (seed %llu)", before, loss,
                         rounds, (unsigned long long)seed);
            before = loss;
            struct ials_view v = ials_view(model);
            /* the items were solved last: (sum_u c_ui w w' + ridge) h = sum of w of its users */
            for (size_t i = 0; i < ITEMS; i++) {
                double a[D * D] = {0}, inverse[D * D], b[D] = {0}, n = 0;
                for (size_t u = 0; u < USERS; u++) {
                    const double *w = v.users + u * D;
                    double there = d.x[u * ITEMS + i];
                    n += there;
                    for (size_t p = 0; p < D; p++) {
                        b[p] += there * w[p];
                        for (size_t q = 0; q < D; q++)
                            a[p * D + q] += (there + .2) * w[p] * w[q];
                    }
                }
                for (size_t p = 0; p < D; p++)
                    a[p * D + p] += .05 * pow(n + .2 * USERS, spec.param[3]);
                gauss_jordan(a, D, inverse);
                for (size_t p = 0; p < D; p++) {
                    double expected = 0;
                    for (size_t q = 0; q < D; q++)
                        expected += inverse[p * D + q] * b[q];
                    near(v.items[i * D + p], expected, 2e-6, "item factor", seed);
                }
            }
            spec.kind->free(model);
        }
        undraw(&d);
    }
}

/* x[d] after `steps` of conjugate gradients from x for (M + sum h h') x = sum h, preconditioned by
 * M = alpha H'H + ridge, whose inverse is given. Everything dense, in doubles, nothing turned. */
static void naive_cg(const double *h, const double *there, size_t n, size_t d, const double *m,
                     const double *inverse, size_t steps, double *x)
{
    enum { MOST = 64 };
    double a[MOST * MOST], r[MOST] = {0}, z[MOST], p[MOST], q[MOST], size = 0;
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            a[i * d + j] = m[i * d + j];
            for (size_t k = 0; k < n; k++)
                a[i * d + j] += there[k] * h[k * d + i] * h[k * d + j];
        }
    for (size_t i = 0; i < d; i++) {
        for (size_t k = 0; k < n; k++)
            r[i] += there[k] * h[k * d + i];
        for (size_t j = 0; j < d; j++)
            r[i] -= a[i * d + j] * x[j];
    }
    for (size_t step = 0; step < steps; step++) {
        double before = size, curve = 0;
        size = 0;
        for (size_t i = 0; i < d; i++) {
            z[i] = 0;
            for (size_t j = 0; j < d; j++)
                z[i] += inverse[i * d + j] * r[j];
            size += r[i] * z[i];
        }
        for (size_t i = 0; i < d; i++)
            p[i] = z[i] + (step ? size / before * p[i] : 0);
        for (size_t i = 0; i < d; i++) {
            q[i] = 0;
            for (size_t j = 0; j < d; j++)
                q[i] += a[i * d + j] * p[j];
            curve += p[i] * q[i];
        }
        if (!(curve > 0))
            return;
        for (size_t i = 0; i < d; i++) {
            x[i] += size / curve * p[i];
            r[i] -= size / curve * q[i];
        }
    }
}

static double *random_factors(struct prng *r, size_t n, size_t d)
{
    double *f = malloc(n * d * sizeof *f);
    assert_non_null(f);
    for (size_t i = 0; i < n * d; i++)
        f[i] = .3 * prng_normal(r);
    return f;
}

static void conjugate_gradients_are_a_dense_twins(void **unused)
{
    (void)unused;
    static const struct {
        size_t d, steps;
        double density, lambda, alpha, nu;
    } rows[] = {{5, 3, .15, .05, .2, 1},   {16, 1, .1, .1, .1, 0}, {37, 2, .3, .02, .3, .5},
                {33, 5, .02, .005, .3, 1}, {1, 3, .2, .1, 1, 1},   {64, 3, .9, .05, .01, 0},
                {20, 70, .5, .05, .2, 1},  {48, 3, .06, .1, .5, 2}};
    enum { USERS = 150, ITEMS = 80 };
    for (size_t c = 0; c < sizeof rows / sizeof *rows; c++) {
        size_t d = rows[c].d;
        double alpha = rows[c].alpha;
        struct drawn x;
        struct prng r;
        draw(&x, c + 1, USERS, ITEMS, rows[c].density);
        prng_seed(&r, c + 100);
        double *mine = random_factors(&r, USERS, d), *other = random_factors(&r, ITEMS, d);
        double *was = malloc(USERS * d * sizeof *was), *h = malloc(ITEMS * d * sizeof *h);
        double *m = malloc(d * d * sizeof *m), *inverse = malloc(d * d * sizeof *inverse);
        assert_true(was && h && m && inverse);
        memcpy(was, mine, USERS * d * sizeof *was);
        memcpy(h, other, ITEMS * d * sizeof *h);
        const struct ials_side side = {.rows = &x.users,
                                       .d = d,
                                       .steps = rows[c].steps,
                                       .lambda = rows[c].lambda,
                                       .alpha = alpha,
                                       .nu = rows[c].nu,
                                       .mine = mine,
                                       .other = other,
                                       .threads = 2};
        assert_int_equal(ials_cg(&side), HEED_OK);
        for (size_t u = 0; u < USERS; u++) {
            size_t n = sparse_row(&x.users, u).n;
            double ridge = rows[c].lambda * pow((double)n + alpha * ITEMS, rows[c].nu);
            for (size_t i = 0; i < d; i++)
                for (size_t j = 0; j < d; j++) {
                    m[i * d + j] = i == j ? ridge : 0;
                    for (size_t k = 0; k < ITEMS; k++)
                        m[i * d + j] += alpha * h[k * d + i] * h[k * d + j];
                }
            gauss_jordan(m, d, inverse);
            size_t steps = n > rows[c].steps ? rows[c].steps : n;
            if (n <= rows[c].steps)
                memset(was + u * d, 0, d * sizeof *was);
            naive_cg(h, x.x + u * ITEMS, ITEMS, d, m, inverse, steps, was + u * d);
            for (size_t i = 0; i < ITEMS;
                 i++) { /* the factors are turned, their products are not */
                double got = 0, expected = 0;
                for (size_t j = 0; j < d; j++) {
                    got += mine[u * d + j] * other[i * d + j];
                    expected += was[u * d + j] * h[i * d + j];
                }
                near(got, expected, 2e-5, "product of factors", c);
            }
        }
        free(mine);
        free(other);
        free(was);
        free(h);
        free(m);
        free(inverse);
        undraw(&x);
    }
}

static void where_floats_will_not_do_nothing_has_moved(void **unused)
{
    (void)unused;
    static const double rows[][2] = {{.1, 1e-4}, {0, .3}, {NAN, .3}}; /* lambda, alpha */
    enum { USERS = 30, ITEMS = 12, D = 20 };
    for (size_t c = 0; c < 3; c++) {
        struct drawn x;
        struct prng r;
        draw(&x, 3, USERS, ITEMS, .3);
        prng_seed(&r, 5);
        double *mine = random_factors(&r, USERS, D), *other = random_factors(&r, ITEMS, D);
        double before[USERS * D], others[ITEMS * D];
        memcpy(before, mine, sizeof before);
        memcpy(others, other, sizeof others);
        const struct ials_side side = {.rows = &x.users,
                                       .d = D,
                                       .steps = 3,
                                       .lambda = rows[c][0],
                                       .alpha = rows[c][1],
                                       .mine = mine,
                                       .other = other};
        assert_int_equal(ials_cg(&side), HEED_RANGE);
        assert_memory_equal(before, mine, sizeof before);
        assert_memory_equal(others, other, sizeof others);
        free(mine);
        free(other);
        undraw(&x);
    }
}

static void few_steps_come_to_the_exact_ones_loss(void **unused)
{
    (void)unused;
    struct drawn d;
    draw(&d, 21, 90, 80, .15);
    struct model_spec exact = spec_of("ials", "factors=5,lambda=.05,alpha=.2,solver=exact");
    void *model = trained(&d, &exact);
    double best = ials_loss(&d, &exact, model), before = INFINITY;
    exact.kind->free(model);
    for (int rounds = 1; rounds <= 16; rounds++) {
        char params[96];
        snprintf(params, sizeof params, "factors=5,lambda=.05,alpha=.2,solver=cg,iterations=%d",
                 rounds);
        struct model_spec spec = spec_of("ials", params);
        model = trained(&d, &spec);
        double loss = ials_loss(&d, &spec, model);
        spec.kind->free(model);
        if (!(loss <= before * (1 + 1e-6)))
            fail_msg("loss rose from %.12g to %.12g in round %d", before, loss, rounds);
        before = loss;
    }
    near(before / best, 1, 1e-4, "loss after 16 rounds", 21);
    undraw(&d);
}

/* What is scored together is scored as it is alone. */
static void users_scored_together_have_the_scores_they_have_alone(void **unused)
{
    (void)unused;
    enum { USERS = 40, ITEMS = 70 };
    struct drawn d;
    draw(&d, 31, USERS, ITEMS, .2);
    struct model_spec spec = spec_of("ials", "factors=12");
    void *model = trained(&d, &spec);
    struct sparse_row rows[USERS];
    double *many = malloc(sizeof *many * USERS * ITEMS), alone[ITEMS];
    assert_non_null(many);
    for (size_t u = 0; u < USERS; u++)
        rows[u] = sparse_row(&d.users, u);
    for (size_t n = 1; n <= USERS; n += 13) {
        assert_int_equal(spec.kind->score_many(model, rows, n, many), HEED_OK);
        for (size_t u = 0; u < n; u++) {
            assert_int_equal(spec.kind->score(model, u, rows[u], alone), HEED_OK);
            for (size_t i = 0; i < ITEMS; i++)
                near(many[u * ITEMS + i], alone[i], 1e-12, "score", 31);
        }
    }
    free(many);
    spec.kind->free(model);
    undraw(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_exact_solver_solves_the_dense_normal_equations_and_its_loss_never_rises),
        cmocka_unit_test(conjugate_gradients_are_a_dense_twins),
        cmocka_unit_test(where_floats_will_not_do_nothing_has_moved),
        cmocka_unit_test(few_steps_come_to_the_exact_ones_loss),
        cmocka_unit_test(users_scored_together_have_the_scores_they_have_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
