/* Models of relevance, and the dense algebra under them, beside naive twins: Gauss-Jordan for the
 * inverse, full matrices for the rest. Inputs are drawn from seeds, which a failure prints. */
#include "support_models.h"

#include "allocation/dense.h"
#include "allocation/ease_parts.h"
#include "allocation/top.h"
#include "base/parallel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ── dense ── */

/* X'X + lambda I of a random 0/1 X.                                                              */
static double *random_gram(struct prng *r, size_t rows, size_t n, double lambda)
{
    struct sparse m;
    double *x = random_matrix(r, rows, n, .2, &m), *g = calloc(n * n + 1, sizeof *g);
    assert_non_null(g);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            for (size_t u = 0; u < rows; u++)
                g[i * n + j] += x[u * n + i] * x[u * n + j];
        g[i * n + i] += lambda;
    }
    sparse_deinit(&m);
    free(x);
    return g;
}

static void the_inverse_is_gauss_jordans_on_any_number_of_threads(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {0, 1, 2, 7, 255, 256, 257, 300, 520}; /* blocks are of 256 */
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s], at = 0;
        struct prng r;
        prng_seed(&r, n);
        double *g = random_gram(&r, 60, n, 2), *one = malloc((n * n + 1) * sizeof *one);
        double *three = malloc((n * n + 1) * sizeof *three);
        double *twin = malloc((n * n + 1) * sizeof *twin);
        memcpy(one, g, n * n * sizeof *g);
        memcpy(three, g, n * n * sizeof *g);
        gauss_jordan(g, n, twin);
        assert_int_equal(spd_invert(one, n, 1, NULL, NULL, &at), HEED_OK);
        assert_int_equal(spd_invert(three, n, 3, NULL, NULL, &at), HEED_OK);
        for (size_t i = 0; i < n * n; i++)
            near(one[i], twin[i], 1e-12, "inverse", n);
        assert_memory_equal(one, three, n * n * sizeof *one);
        free(g);
        free(one);
        free(three);
        free(twin);
    }
}

static void a_singular_matrix_is_named_by_its_first_dependent_row(void **unused)
{
    (void)unused;
    static const struct {
        size_t n, equal, to; /* row `equal` repeats row `to` */
    } rows[] = {{2, 1, 0}, {40, 30, 3}, {300, 280, 10}, {300, 258, 257}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = rows[i].n, at = SIZE_MAX;
        struct prng r;
        prng_seed(&r, i);
        double *g = random_gram(&r, 4 * n, n, 1);
        for (size_t j = 0; j < n; j++)
            g[rows[i].equal * n + j] = g[rows[i].to * n + j];
        for (size_t j = 0; j < n; j++)
            g[j * n + rows[i].equal] = g[j * n + rows[i].to];
        assert_int_equal(spd_invert(g, n, 2, NULL, NULL, &at), HEED_RANGE);
        assert_int_equal(at, rows[i].equal);
        free(g);
    }
    double nan = NAN;
    size_t at;
    assert_int_equal(spd_invert(&nan, 1, 1, NULL, NULL, &at), HEED_RANGE);
}

/* ── models ── */

static void popularity_counts_users(void **unused)
{
    (void)unused;
    struct drawn d;
    draw(&d, 3, 9, 7, .4);
    struct model_spec spec = spec_of("popularity", "");
    void *model = trained(&d, &spec);
    double score[7];
    assert_int_equal(spec.kind->score(model, 0, sparse_row(&d.users, 0), score), HEED_OK);
    for (size_t i = 0; i < 7; i++) {
        double expected = 0;
        for (size_t u = 0; u < 9; u++)
            expected += d.x[u * 7 + i];
        near(score[i], expected, 0, "popularity", 3);
    }
    spec.kind->free(model);
    undraw(&d);
}

static void knn_sums_the_cosines_of_the_nearest(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        enum { USERS = 15, ITEMS = 11 };
        struct drawn d;
        draw(&d, seed, USERS, ITEMS, .3);
        size_t keep = 1 + seed % ITEMS;
        double shrink = (double)(seed % 3);
        char params[64];
        snprintf(params, sizeof params, "neighbours=%zu,shrink=%g", keep, shrink);
        struct model_spec spec = spec_of("knn", params);
        void *model = trained(&d, &spec);
        double near_of[ITEMS][ITEMS] = {{0}};
        uint32_t *order = top_order(ITEMS, seed);
        for (size_t i = 0; i < ITEMS; i++) {
            double cosine[ITEMS], mine = 0;
            for (size_t u = 0; u < USERS; u++)
                mine += d.x[u * ITEMS + i];
            for (size_t j = 0; j < ITEMS; j++) {
                double both = 0, theirs = 0;
                for (size_t u = 0; u < USERS; u++) {
                    both += d.x[u * ITEMS + i] * d.x[u * ITEMS + j];
                    theirs += d.x[u * ITEMS + j];
                }
                cosine[j] = i != j && both > 0 ? both / (sqrt(mine * theirs) + shrink) : 0;
            }
            for (size_t j = 0; j < ITEMS; j++) { /* kept when fewer than `keep` are nearer */
                size_t nearer = 0;
                for (size_t o = 0; o < ITEMS; o++)
                    nearer +=
                        cosine[o] > cosine[j] || (cosine[o] == cosine[j] && order[o] < order[j]);
                near_of[i][j] = nearer < keep ? cosine[j] : 0;
            }
        }
        for (size_t u = 0; u < USERS; u++) {
            double score[ITEMS];
            assert_int_equal(spec.kind->score(model, u, sparse_row(&d.users, u), score), HEED_OK);
            for (size_t j = 0; j < ITEMS; j++) {
                double expected = 0;
                for (size_t i = 0; i < ITEMS; i++)
                    expected += d.x[u * ITEMS + i] * near_of[i][j];
                near(score[j], expected, 1e-12, "knn", seed);
            }
        }
        free(order);
        spec.kind->free(model);
        undraw(&d);
    }
}

static void ease_is_its_formula(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        size_t users = 30, items = 5 + 7 * seed;
        double lambda = .5 * (double)seed;
        struct drawn d;
        char params[32];
        draw(&d, seed, users, items, .2);
        snprintf(params, sizeof params, "ease.lambda=%g", lambda);
        struct model_spec spec = spec_of("ease", params);
        void *model = trained(&d, &spec);
        double *g = calloc(items * items, sizeof *g), *p = malloc(items * items * sizeof *p);
        double *score = malloc(items * sizeof *score);
        for (size_t i = 0; i < items; i++)
            for (size_t j = 0; j < items; j++) {
                for (size_t u = 0; u < users; u++)
                    g[i * items + j] += d.x[u * items + i] * d.x[u * items + j];
                g[i * items + j] += i == j ? lambda : 0;
            }
        gauss_jordan(g, items, p);
        for (size_t i = 0; i < items; i++)
            for (size_t j = 0; j < items; j++)
                near((double)ease_weight(model, i, j),
                     i == j ? 0 : -p[i * items + j] / p[j * items + j], 1e-6, "weight", seed);
        for (size_t u = 0; u < users; u++) {
            assert_int_equal(spec.kind->score(model, u, sparse_row(&d.users, u), score), HEED_OK);
            for (size_t j = 0; j < items; j++) {
                double expected = 0;
                for (size_t i = 0; i < items; i++)
                    expected +=
                        i == j ? 0 : -d.x[u * items + i] * p[i * items + j] / p[j * items + j];
                near(score[j], expected, 1e-5, "score", seed);
            }
        }
        free(g);
        free(p);
        free(score);
        spec.kind->free(model);
        undraw(&d);
    }
}

/* X'X of a drawn matrix.                                                                         */
static double *gram_of(const struct drawn *d)
{
    size_t n = d->users.columns;
    double *g = calloc(n * n + 1, sizeof *g);
    assert_non_null(g);
    for (size_t u = 0; u < d->users.rows; u++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                g[i * n + j] += d->x[u * n + i] * d->x[u * n + j];
    return g;
}

static void ease_by_all_others_as_neighbours_is_ease(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct drawn d;
        struct sparse weights;
        size_t items = 10 + 13 * seed, at = 0;
        draw(&d, seed, 150, items, .4); /* every two items are together somewhere */
        struct model_spec spec = spec_of("ease", "lambda=2");
        void *model = trained(&d, &spec);
        assert_int_equal(ease_fit_nearest(&d.training, 2, items - 1, &weights, &at), HEED_OK);
        for (size_t i = 0; i < items; i++) {
            struct sparse_row row = sparse_row(&weights, i);
            assert_int_equal(row.n, items - 1);
            for (size_t j = 0; j < row.n; j++)
                near((double)row.value[j], (double)ease_weight(model, i, row.column[j]), 1e-6,
                     "weight", seed);
        }
        sparse_deinit(&weights);
        spec.kind->free(model);
        undraw(&d);
    }
}

/* The weights for item j of its `keep` nearest, others 0: weight[items].                         */
static void nearest_twin(const double *g, size_t items, size_t j, size_t keep, double lambda,
                         const uint32_t *order, double *weight)
{
    size_t chosen[100], n = 0;
    double a[100 * 100] = {0}, inverse[100 * 100];
    for (size_t i = 0; i < items; i++) {
        double mine = g[i * items + j] / sqrt(g[i * items + i]);
        size_t nearer = 0;
        weight[i] = 0;
        if (i == j || g[i * items + j] == 0)
            continue;
        for (size_t o = 0; o < items; o++) {
            double theirs = g[o * items + j] / sqrt(g[o * items + o]);
            nearer += o != j && g[o * items + j] > 0 &&
                      (theirs > mine || (theirs == mine && order[o] < order[i]));
        }
        if (nearer < keep)
            chosen[n++] = i;
    }
    for (size_t p = 0; p < n; p++)
        for (size_t q = 0; q < n; q++)
            a[p * n + q] = g[chosen[p] * items + chosen[q]] + (p == q ? lambda : 0);
    gauss_jordan(a, n, inverse);
    for (size_t p = 0; p < n; p++)
        for (size_t q = 0; q < n; q++)
            weight[chosen[p]] += inverse[p * n + q] * g[chosen[q] * items + j];
}

static void ease_by_its_nearest_fits_them_together(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct drawn d;
        size_t items = 12 + 5 * seed, keep = 1 + 2 * seed;
        char params[64];
        draw(&d, seed, 40, items, .15);
        snprintf(params, sizeof params, "lambda=.7,neighbours=%zu", keep);
        struct model_spec spec = spec_of("ease", params);
        void *model = trained(&d, &spec);
        double *g = gram_of(&d), weight[100];
        uint32_t *order = top_order(items, seed);
        for (size_t j = 0; j < items; j++) {
            nearest_twin(g, items, j, keep, .7, order, weight);
            for (size_t i = 0; i < items; i++)
                near((double)ease_weight(model, i, j), weight[i], 1e-6, "weight", seed);
        }
        free(order);
        free(g);
        spec.kind->free(model);
        undraw(&d);
    }
}

static void a_catalogue_too_large_for_the_full_matrix_is_fitted_by_the_nearest(void **unused)
{
    (void)unused;
    struct drawn d;
    draw(&d, 3, 40, 20001, .0005);
    struct model_spec spec = spec_of("ease", "lambda=2");
    struct model_spec nearest = spec_of("ease", "lambda=2,neighbours=200");
    void *model = trained(&d, &spec), *twin = trained(&d, &nearest);
    double *score = malloc(20001 * sizeof *score), *expected = malloc(20001 * sizeof *expected),
           sum = 0;
    for (size_t u = 0; u < 40; u++) {
        struct sparse_row history = sparse_row(&d.users, u);
        assert_int_equal(spec.kind->score(model, u, history, score), HEED_OK);
        assert_int_equal(spec.kind->score(twin, u, history, expected), HEED_OK);
        assert_memory_equal(score, expected, 20001 * sizeof *score);
        for (size_t i = 0; i < 20001; i++)
            sum += score[i];
    }
    assert_true(sum > 0);
    free(score);
    free(expected);
    spec.kind->free(model);
    spec.kind->free(twin);
    undraw(&d);
}

static void neighbours_that_determine_one_another_are_named(void **unused)
{
    (void)unused;
    struct drawn d;
    struct heed_error err = {0};
    void *model = NULL;
    draw(&d, 4, 3, 9, .8); /* three users cannot tell eight items apart */
    struct model_spec spec = spec_of("ease", "lambda=0,neighbours=5");
    assert_int_equal(spec.kind->train(&d.training, spec.param, &model, &err), HEED_RANGE);
    assert_non_null(strstr(err.message, "singular at lambda 0"));
    undraw(&d);
}

/* z(x) as the blend's comment has it.                                                            */
static void standardise(double *x, size_t n)
{
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        mean += x[i] / (double)n;
        square += x[i] * x[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] - mean) / sqrt(square - mean * mean);
}

enum { BLEND_USERS = 40, BLEND_ITEMS = 17, BLEND_WIDE = BLEND_ITEMS + 1, BLEND_WORDS = 9 };

/* Weights of EASE with a constant column, users weighed and attributes as rows: ease[wide * wide].
 */
static void blend_ease(const double *x, const double *words, double tilt, double features,
                       double lambda, double *ease)
{
    double g[BLEND_WIDE * BLEND_WIDE] = {0}, weight[BLEND_USERS] = {0}, mean = 0, active = 0;
    for (size_t u = 0; u < BLEND_USERS; u++) {
        double n = 0;
        for (size_t i = 0; i < BLEND_ITEMS; i++)
            n += x[u * BLEND_ITEMS + i];
        weight[u] = n > 0 ? pow(n, -tilt) : 0;
        mean += weight[u];
        active += n > 0;
    }
    mean /= active;
    for (size_t i = 0; i < BLEND_WIDE; i++)
        for (size_t j = 0; j < BLEND_WIDE; j++) {
            for (size_t u = 0; u < BLEND_USERS; u++)
                g[i * BLEND_WIDE + j] += weight[u] / mean *
                                         (i < BLEND_ITEMS ? x[u * BLEND_ITEMS + i] : 1) *
                                         (j < BLEND_ITEMS ? x[u * BLEND_ITEMS + j] : 1);
            for (size_t w = 0; w < BLEND_WORDS && i < BLEND_ITEMS && j < BLEND_ITEMS; w++)
                g[i * BLEND_WIDE + j] +=
                    features * 2 * words[w * BLEND_ITEMS + i] * words[w * BLEND_ITEMS + j];
            g[i * BLEND_WIDE + j] += i == j ? lambda : 0;
        }
    double p[BLEND_WIDE * BLEND_WIDE];
    gauss_jordan(g, BLEND_WIDE, p);
    for (size_t i = 0; i < BLEND_WIDE; i++)
        for (size_t j = 0; j < BLEND_WIDE; j++)
            ease[i * BLEND_WIDE + j] = i == j ? 0 : -p[i * BLEND_WIDE + j] / p[j * BLEND_WIDE + j];
}

static void blend_is_its_formula(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct drawn d;
        struct sparse words;
        struct prng r;
        draw(&d, seed, BLEND_USERS, BLEND_ITEMS, .25);
        prng_seed(&r, seed + 100);
        double *w = random_matrix(&r, BLEND_WORDS, BLEND_ITEMS, .2, &words);
        words.value = malloc((sparse_count(&words) + 1) * sizeof *words.value);
        for (uint64_t i = 0; i < sparse_count(&words); i++)
            words.value[i] = (float)sqrt(2);
        d.training.features = seed % 2 ? &words : NULL;
        struct model_spec spec = spec_of(
            "blend", "lambda=3,neighbours=0,tilt=.7,features=.6,knn=.3,confidence=.6,cosine=.5,"
                     "popularity=-.4");
        void *model = trained(&d, &spec);
        double ease[BLEND_WIDE * BLEND_WIDE], reach[BLEND_ITEMS] = {0};
        double both[BLEND_ITEMS][BLEND_ITEMS] = {{0}};
        blend_ease(d.x, w, .7, seed % 2 ? .6 : 0, 3, ease);
        for (size_t u = 0; u < BLEND_USERS; u++)
            for (size_t i = 0; i < BLEND_ITEMS; i++) {
                reach[i] += d.x[u * BLEND_ITEMS + i];
                for (size_t j = 0; j < BLEND_ITEMS; j++)
                    both[i][j] += d.x[u * BLEND_ITEMS + i] * d.x[u * BLEND_ITEMS + j];
            }
        for (size_t u = 0; u < BLEND_USERS; u++) {
            double part[5][BLEND_ITEMS] = {{0}}, got[BLEND_ITEMS];
            static const double weight[5] = {1, .3, .6, .5, -.4};
            if (sparse_row(&d.users, u).n == 0)
                continue;
            for (size_t j = 0; j < BLEND_ITEMS; j++) {
                part[0][j] = ease[BLEND_ITEMS * BLEND_WIDE + j];
                part[4][j] = log(1 + reach[j]);
                for (size_t i = 0; i < BLEND_ITEMS; i++) {
                    if (d.x[u * BLEND_ITEMS + i] == 0)
                        continue;
                    part[0][j] += ease[i * BLEND_WIDE + j];
                    if (i == j || both[i][j] == 0)
                        continue;
                    double root = sqrt(reach[i] * reach[j]);
                    part[1][j] += both[i][j] / root;
                    part[2][j] = fmax(part[2][j], both[i][j] / (reach[i] + 3));
                    part[3][j] = fmax(part[3][j], both[i][j] / (root + 3));
                }
            }
            for (size_t p = 0; p < 5; p++)
                standardise(part[p], BLEND_ITEMS);
            assert_int_equal(spec.kind->score(model, u, sparse_row(&d.users, u), got), HEED_OK);
            for (size_t j = 0; j < BLEND_ITEMS; j++) {
                double expected = 0;
                for (size_t p = 0; p < 5; p++)
                    expected += weight[p] * part[p][j];
                near(got[j], expected, 1e-5, "blend", seed);
            }
        }
        spec.kind->free(model);
        sparse_deinit(&words);
        free(w);
        undraw(&d);
    }
}

static void every_model_is_the_same_on_any_number_of_threads(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *params;
    } rows[] = {{"random", ""},
                {"popularity", ""},
                {"knn", ""},
                {"ease", ""},
                {"ease", "neighbours=7"},
                {"ials", "factors=9,solver=exact"},
                {"ials", "factors=33,solver=cg"},
                {"blend", ""}};
    enum { USERS = 150, ITEMS = 290 };
    struct drawn d;
    draw(&d, 11, USERS, ITEMS, .08);
    for (size_t m = 0; m < sizeof rows / sizeof *rows; m++) {
        struct model_spec spec = spec_of(rows[m].name, rows[m].params);
        double one[ITEMS], four[ITEMS];
        d.training.threads = 1;
        void *a = trained(&d, &spec);
        d.training.threads = 4;
        void *b = trained(&d, &spec);
        for (size_t u = 0; u < USERS; u++) {
            assert_int_equal(spec.kind->score(a, u, sparse_row(&d.users, u), one), HEED_OK);
            assert_int_equal(spec.kind->score(b, u, sparse_row(&d.users, u), four), HEED_OK);
            assert_memory_equal(one, four, sizeof one);
        }
        spec.kind->free(a);
        spec.kind->free(b);
    }
    undraw(&d);
}

/* ── pieces ── */

static void count_piece(void *context, size_t piece, unsigned worker)
{
    int(*done)[PARALLEL_MAX] = context;
    done[piece][worker]++;
}

static void every_piece_is_done_once(void **unused)
{
    (void)unused;
    static const unsigned threads[] = {0, 1, 2, 5, 1000};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        int done[300][PARALLEL_MAX] = {{0}};
        parallel_each(300, threads[t], count_piece, done);
        for (size_t i = 0; i < 300; i++) {
            int times = 0;
            for (unsigned w = 0; w < PARALLEL_MAX; w++) {
                times += done[i][w];
                assert_true(done[i][w] == 0 || w < parallel_workers(threads[t]));
            }
            assert_int_equal(times, 1);
        }
    }
}

struct rounds {
    atomic_uint *done; /* [40] how often each piece was done */
    unsigned wrong;
};

static void count_round(void *context, size_t piece, unsigned worker)
{
    struct rounds *r = context;
    (void)worker;
    atomic_fetch_add(&r->done[piece], 1);
}

static void lead_rounds(void *context, struct team *team)
{
    struct rounds *r = context;
    for (unsigned round = 0; round < 3000; round++) {
        size_t n = round % 41;
        team_each(team, n, count_round, r);
        for (size_t i = 0; i < 40; i++) /* all are done when team_each returns, none twice */
            r->wrong += atomic_exchange(&r->done[i], 0) != (i < n);
    }
}

static void a_team_does_each_piece_of_each_round_once(void **unused)
{
    (void)unused;
    static const unsigned threads[] = {0, 1, 2, 5};
    for (size_t t = 0; t < 4; t++) {
        atomic_uint done[40] = {0};
        struct rounds r = {done, 0};
        parallel_team(threads[t], lead_rounds, &r);
        assert_int_equal(r.wrong, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_inverse_is_gauss_jordans_on_any_number_of_threads),
        cmocka_unit_test(a_singular_matrix_is_named_by_its_first_dependent_row),
        cmocka_unit_test(popularity_counts_users),
        cmocka_unit_test(knn_sums_the_cosines_of_the_nearest),
        cmocka_unit_test(ease_is_its_formula),
        cmocka_unit_test(ease_by_all_others_as_neighbours_is_ease),
        cmocka_unit_test(ease_by_its_nearest_fits_them_together),
        cmocka_unit_test(a_catalogue_too_large_for_the_full_matrix_is_fitted_by_the_nearest),
        cmocka_unit_test(neighbours_that_determine_one_another_are_named),
        cmocka_unit_test(blend_is_its_formula),
        cmocka_unit_test(a_team_does_each_piece_of_each_round_once),
        cmocka_unit_test(every_model_is_the_same_on_any_number_of_threads),
        cmocka_unit_test(every_piece_is_done_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
