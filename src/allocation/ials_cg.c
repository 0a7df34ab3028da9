/* Conjugate gradients for iALS.
 *
 * A row with items h_i solves (D + sum h_i h_i') x = sum h_i, D = alpha H'H + ridge. Both sides are
 * turned so that alpha H'H is diagonal: then a step costs a product and a sum with each h_i, no
 * product with a matrix, and D is known whole, so that it can precondition. What is left, I +
 * D^-1/2 (sum h_i h_i') D^-1/2, has a condition of at most 1 + 1 / alpha, and of n items at most n
 * + 1 eigenvalues: n steps from zero solve it. The sides stay turned; the next half-step
 * turns them on. D and the turning's angle are found in doubles, all else is in floats.
 *
 * Sources: G. Takacs, I. Pilaszy, D. Tikk, "Applications of the conjugate gradient method for
 * implicit feedback collaborative filtering", RecSys 2011 (few steps, from the last answer, D as a
 * matrix, no preconditioner but its diagonal); Y. Saad, Iterative Methods for Sparse Linear
 * Systems, 2003, algorithm 9.1 (preconditioned). */
#include "allocation/dense.h"
#include "allocation/ials.h"
#include "base/parallel.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 64,  /* a piece */
    LANES = 16, /* sums of a product that run beside one another */
    AT_ONCE = 4,
};

static const double CLEAR = 1e-6;

struct work {
    const struct ials_side *s;
    const float *basis; /* [d * d] */
    const double *spectrum;
    float *turned; /* the other side, [columns * d] */
    float *room;   /* [room_of(d)] a worker */
};

static size_t room_of(size_t d)
{
    return (2 * ROWS + 4) * d;
}

static void turn(const float *basis, size_t d, size_t n, const float *from, float *to)
{
    cblas_sgemm(CblasColMajor, CblasTrans, CblasNoTrans, (int)d, (int)n, (int)d, 1, basis, (int)d,
                from, (int)d, 0, to, (int)d);
}

static void turn_other(void *context, size_t piece, unsigned worker)
{
    const struct work *w = context;
    size_t d = w->s->d, at = piece * ROWS, left = w->s->rows->columns - at;
    size_t n = (left < ROWS ? left : ROWS) * d;
    float *from = w->room + worker * room_of(d), *to = w->turned + at * d;
    double *f = w->s->other + at * d;
    for (size_t i = 0; i < n; i++)
        from[i] = (float)f[i];
    turn(w->basis, d, n / d, from, to);
    for (size_t i = 0; i < n; i++)
        f[i] = (double)to[i];
}

static float product(const float *a, const float *b, size_t d)
{
    float sum[LANES] = {0};
    size_t j = 0;
    for (; j + LANES <= d; j += LANES)
        for (size_t l = 0; l < LANES; l++)
            sum[l] += a[j + l] * b[j + l];
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t l = 0; l < half; l++)
            sum[l] += sum[l + half];
    for (; j < d; j++)
        sum[0] += a[j] * b[j];
    return sum[0];
}

/* out += sum of (base + sign h.p) h over a row's items h.                                        */
static void add_items(const float *h, struct sparse_row row, size_t d, const float *p, float base,
                      float sign, float *restrict out)
{
    size_t i = 0;
    for (; i + AT_ONCE <= row.n; i += AT_ONCE) {
        const float *a = h + row.column[i] * d, *b = h + row.column[i + 1] * d;
        const float *c = h + row.column[i + 2] * d, *e = h + row.column[i + 3] * d;
        float sum[AT_ONCE][LANES] = {{0}}, y[AT_ONCE];
        size_t j = 0;
        for (; j + LANES <= d; j += LANES)
            for (size_t l = 0; l < LANES; l++) {
                sum[0][l] += a[j + l] * p[j + l];
                sum[1][l] += b[j + l] * p[j + l];
                sum[2][l] += c[j + l] * p[j + l];
                sum[3][l] += e[j + l] * p[j + l];
            }
        for (size_t q = 0; q < AT_ONCE; q++) {
            for (size_t half = LANES / 2; half; half /= 2)
                for (size_t l = 0; l < half; l++)
                    sum[q][l] += sum[q][l + half];
            y[q] = sum[q][0];
        }
        for (; j < d; j++) {
            y[0] += a[j] * p[j];
            y[1] += b[j] * p[j];
            y[2] += c[j] * p[j];
            y[3] += e[j] * p[j];
        }
        for (size_t q = 0; q < AT_ONCE; q++)
            y[q] = base + sign * y[q];
        for (j = 0; j < d; j++)
            out[j] += (y[0] * a[j] + y[1] * b[j]) + (y[2] * c[j] + y[3] * e[j]);
    }
    for (; i < row.n; i++) {
        const float *a = h + row.column[i] * d;
        float y = base + sign * product(a, p, d);
        for (size_t j = 0; j < d; j++)
            out[j] += y * a[j];
    }
}

/* x[d] moved towards the row's answer; room[4 * d].                                              */
static void solve_row(const struct work *w, struct sparse_row row, bool from_zero, float *x,
                      float *room)
{
    const struct ials_side *s = w->s;
    size_t d = s->d;
    double ridge = ials_ridge(s->lambda, s->alpha, s->nu, row.n, s->rows->columns);
    float *r = room, *p = room + d, *q = room + 2 * d, *weight = room + 3 * d;
    for (size_t j = 0; j < d; j++) {
        weight[j] = (float)(w->spectrum[j] + ridge);
        x[j] = from_zero ? 0 : x[j];
        r[j] = from_zero ? 0 : -weight[j] * x[j];
    }
    if (from_zero)
        for (size_t i = 0; i < row.n; i++)
            for (size_t j = 0; j < d; j++)
                r[j] += w->turned[row.column[i] * d + j];
    else
        add_items(w->turned, row, d, x, 1, -1, r);
    for (size_t j = 0; j < d; j++)
        p[j] = r[j] / weight[j];
    float size = product(r, p, d);
    for (size_t step = 0, steps = from_zero ? row.n : s->steps; step < steps; step++) {
        for (size_t j = 0; j < d; j++)
            q[j] = weight[j] * p[j];
        add_items(w->turned, row, d, p, 0, 1, q);
        float curve = product(p, q, d);
        if (!(size > 0) || !(curve > 0)) /* there is nothing left to go */
            break;
        float go = size / curve;
        for (size_t j = 0; j < d; j++) {
            x[j] += go * p[j];
            r[j] -= go * q[j];
            q[j] = r[j] / weight[j];
        }
        if (step + 1 == steps)
            break;
        float left = product(r, q, d), keep = left / size;
        size = left;
        for (size_t j = 0; j < d; j++)
            p[j] = q[j] + keep * p[j];
    }
}

static void solve_rows(void *context, size_t piece, unsigned worker)
{
    const struct work *w = context;
    const struct ials_side *s = w->s;
    size_t d = s->d, at = piece * ROWS, left = s->rows->rows - at, n = left < ROWS ? left : ROWS;
    float *from = w->room + worker * room_of(d), *x = from + ROWS * d, *room = x + ROWS * d;
    size_t warm = 0;
    for (size_t i = 0; i < n; i++)
        if (sparse_row(s->rows, at + i).n > s->steps) {
            for (size_t j = 0; j < d; j++)
                from[warm * d + j] = (float)s->mine[(at + i) * d + j];
            warm++;
        }
    if (warm)
        turn(w->basis, d, warm, from, x);
    warm = 0;
    for (size_t i = 0; i < n; i++) {
        struct sparse_row row = sparse_row(s->rows, at + i);
        bool few = row.n <= s->steps;
        float *to = few ? from : x + warm * d;
        solve_row(w, row, few, to, room);
        warm += !few;
        for (size_t j = 0; j < d; j++)
            s->mine[(at + i) * d + j] = (double)to[j];
    }
}

enum heed_status ials_cg(const struct ials_side *s)
{
    size_t d = s->d, n = s->rows->columns, workers = parallel_workers(s->threads);
    double *basis = malloc(d * d * sizeof *basis), *spectrum = malloc(d * sizeof *spectrum);
    float *basis_f = malloc(d * d * sizeof *basis_f);
    float *turned = malloc((n * d + 1) * sizeof *turned);
    float *room = malloc(room_of(d) * workers * sizeof *room);
    enum heed_status status = basis && spectrum && basis_f && turned && room ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK)
        status = ials_gram(s->other, n, d, s->alpha, s->threads, basis, spectrum);
    if (status == HEED_OK) {
        double ridge = ials_ridge(s->lambda, s->alpha, s->nu, 0, n); /* the least */
        if (s->alpha < IALS_ALPHA_FLOAT ||
            !(spectrum[0] + ridge > CLEAR * (spectrum[d - 1] + ridge)))
            status = HEED_RANGE;
    }
    if (status == HEED_OK) {
        for (size_t i = 0; i < d * d; i++)
            basis_f[i] = (float)basis[i];
        struct work w = {s, basis_f, spectrum, turned, room};
        parallel_each((n + ROWS - 1) / ROWS, s->threads, turn_other, &w);
        parallel_each((s->rows->rows + ROWS - 1) / ROWS, s->threads, solve_rows, &w);
    }
    free(basis);
    free(spectrum);
    free(basis_f);
    free(turned);
    free(room);
    return status;
}
