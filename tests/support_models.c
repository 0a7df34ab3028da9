#include "support_models.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void near(double got, double expected, double tolerance, const char *what, uint64_t seed)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%s: got %.15g, expected %.15g (seed %llu)", what, got, expected,
                 (unsigned long long)seed);
}

void gauss_jordan(const double *given, size_t n, double *inverse)
{
    double *a = malloc((n * n + 1) * sizeof *a);
    assert_non_null(a);
    memcpy(a, given, n * n * sizeof *a);
    for (size_t i = 0; i < n * n; i++)
        inverse[i] = i % (n + 1) == 0;
    for (size_t c = 0; c < n; c++) {
        size_t best = c;
        for (size_t r = c; r < n; r++)
            if (fabs(a[r * n + c]) > fabs(a[best * n + c]))
                best = r;
        for (size_t j = 0; j < n; j++) {
            double t = a[c * n + j];
            a[c * n + j] = a[best * n + j];
            a[best * n + j] = t;
            t = inverse[c * n + j];
            inverse[c * n + j] = inverse[best * n + j];
            inverse[best * n + j] = t;
        }
        double pivot = a[c * n + c];
        for (size_t j = 0; j < n; j++) {
            a[c * n + j] /= pivot;
            inverse[c * n + j] /= pivot;
        }
        for (size_t r = 0; r < n; r++) {
            double factor = a[r * n + c];
            if (r == c || factor == 0)
                continue;
            for (size_t j = 0; j < n; j++) {
                a[r * n + j] -= factor * a[c * n + j];
                inverse[r * n + j] -= factor * inverse[c * n + j];
            }
        }
    }
    free(a);
}

double *random_matrix(struct prng *r, size_t rows, size_t columns, double fill, struct sparse *m)
{
    double *x = calloc(rows * columns + 1, sizeof *x);
    assert_non_null(x);
    assert_int_equal(sparse_init(m, rows, columns, rows * columns, false), HEED_OK);
    uint64_t n = 0;
    for (size_t u = 0; u < rows; u++) {
        for (size_t i = 0; i < columns; i++)
            if (prng_double(r) < fill) {
                x[u * columns + i] = 1;
                m->column[n++] = (uint32_t)i;
            }
        m->at[u + 1] = n;
    }
    return x;
}

void draw(struct drawn *d, uint64_t seed, size_t users, size_t items, double fill)
{
    struct prng r;
    prng_seed(&r, seed);
    d->x = random_matrix(&r, users, items, fill, &d->users);
    assert_int_equal(sparse_transpose(&d->users, &d->items), HEED_OK);
    d->training =
        (struct training){.users = &d->users, .items = &d->items, .seed = seed, .threads = 2};
}

void undraw(struct drawn *d)
{
    sparse_deinit(&d->users);
    sparse_deinit(&d->items);
    free(d->x);
}

struct model_spec spec_of(const char *name, const char *params)
{
    struct model_spec specs[MODELS_MAX];
    size_t n;
    struct heed_error err = {0};
    assert_int_equal(model_names_parse(str_of(name), specs, &n, &err), HEED_OK);
    if (*params && model_params_parse(str_of(params), specs, n, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return specs[0];
}

void *trained(const struct drawn *d, const struct model_spec *spec)
{
    void *model = NULL;
    struct heed_error err = {0};
    if (spec->kind->train(&d->training, spec->param, &model, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return model;
}

double ials_loss(const struct drawn *d, const struct model_spec *spec, const void *model)
{
    enum { FACTORS, LAMBDA, ALPHA, NU };
    size_t users = d->users.rows, items = d->users.columns;
    double lambda = spec->param[LAMBDA], alpha = spec->param[ALPHA], nu = spec->param[NU], loss = 0;
    struct ials_view v = ials_view(model);
    for (size_t u = 0; u < users; u++)
        for (size_t i = 0; i < items; i++) {
            double y = 0;
            for (size_t f = 0; f < v.factors; f++)
                y += v.users[u * v.factors + f] * v.items[i * v.factors + f];
            loss += alpha * y * y + (d->x[u * items + i] == 1 ? (y - 1) * (y - 1) : 0);
        }
    for (int side = 0; side < 2; side++) {
        const struct sparse *rows = side ? &d->items : &d->users;
        const double *f = side ? v.items : v.users;
        for (size_t r = 0; r < rows->rows; r++) {
            double weight = pow((double)sparse_row(rows, r).n + alpha * (double)rows->columns, nu);
            for (size_t j = 0; j < v.factors; j++)
                loss += lambda * weight * f[r * v.factors + j] * f[r * v.factors + j];
        }
    }
    return loss;
}
