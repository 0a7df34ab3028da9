#include "allocation/dense.h"

#include "base/parallel.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* LAPACK, as Fortran calls it; part of OpenBLAS.                                                 */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);

enum { BLOCK = 256 };

void dense_begin(void)
{
    openblas_set_num_threads(1);
}

struct inverting {
    double *a, *diagonal; /* [n * n]; diagonal blocks of the inverse, [n * BLOCK] */
    double *scratch;      /* [n * BLOCK] for each worker */
    size_t n, at;         /* at: start of the block in work */
    void (*progress)(void *context, double share);
    void *context;
};

static size_t width(const struct inverting *v, size_t start)
{
    return v->n - start < BLOCK ? v->n - start : BLOCK;
}

static double *cell(const struct inverting *v, size_t row, size_t column)
{
    return v->a + row + column * v->n;
}

/* The rows of piece `piece` below the factored diagonal block.                                   */
static void panel(void *context, size_t piece, unsigned worker)
{
    (void)worker;
    const struct inverting *v = context;
    size_t row = v->at + BLOCK * (piece + 1);
    cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)width(v, row),
                (int)width(v, v->at), 1, cell(v, v->at, v->at), (int)v->n, cell(v, row, v->at),
                (int)v->n);
}

/* Takes what the block's columns explain from a later block of columns.                          */
static void trailing(void *context, size_t piece, unsigned worker)
{
    (void)worker;
    const struct inverting *v = context;
    size_t column = v->at + BLOCK * (piece + 1), n = v->n;
    int wide = (int)width(v, column), deep = (int)width(v, v->at);
    cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, wide, deep, -1, cell(v, column, v->at),
                (int)n, 1, cell(v, column, column), (int)n);
    size_t below = column + BLOCK;
    if (below < n)
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, (int)(n - below), wide, deep, -1,
                    cell(v, below, v->at), (int)n, cell(v, column, v->at), (int)n, 1,
                    cell(v, below, column), (int)n);
}

/* Columns of the inverse from the diagonal down: the lower triangle still holds the factor, so they
 * are laid as rows into the upper one, and their diagonal block aside.                           */
static void columns(void *context, size_t piece, unsigned worker)
{
    const struct inverting *v = context;
    size_t start = piece * BLOCK, n = v->n, tall = n - start, wide = width(v, start);
    double *w = v->scratch + worker * n * BLOCK;
    memset(w, 0, tall * wide * sizeof *w);
    for (size_t c = 0; c < wide; c++)
        w[c + c * tall] = 1;
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)tall,
                (int)wide, 1, cell(v, start, start), (int)n, w, (int)tall);
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, (int)tall,
                (int)wide, 1, cell(v, start, start), (int)n, w, (int)tall);
    for (size_t c = 0; c < wide; c++)
        memcpy(v->diagonal + (start + c) * BLOCK, w + c * tall, wide * sizeof *w);
    for (size_t r = wide; r < tall; r++)
        for (size_t c = 0; c < wide; c++)
            *cell(v, start + c, start + r) = w[r + c * tall];
    if (worker == 0 && v->progress)
        v->progress(v->context, (1 + 2 * (double)(start + wide) / (double)n) / 3);
}

static enum heed_status factor(struct inverting *v, unsigned threads, size_t *singular)
{
    size_t n = v->n;
    double *pivot = v->diagonal; /* the diagonal as it came */
    for (size_t i = 0; i < n; i++)
        pivot[i] = *cell(v, i, i);
    for (v->at = 0; v->at < n; v->at += BLOCK) {
        int wide = (int)width(v, v->at), stride = (int)n, info = 0;
        dpotrf_("L", &wide, cell(v, v->at, v->at), &stride, &info);
        size_t good = info > 0 ? (size_t)info - 1 : (size_t)wide;
        for (size_t i = v->at; i < v->at + good; i++) {
            double l = *cell(v, i, i);
            if (!(l * l > (double)n * DBL_EPSILON * pivot[i]) || !isfinite(l))
                good = i - v->at;
        }
        if (good < (size_t)wide) {
            *singular = v->at + good;
            return HEED_RANGE;
        }
        size_t later = (n - v->at - (size_t)wide + BLOCK - 1) / BLOCK;
        parallel_each(later, threads, panel, v);
        parallel_each(later, threads, trailing, v);
        if (v->progress)
            v->progress(v->context, (double)(v->at + (size_t)wide) / (double)n / 3);
    }
    return HEED_OK;
}

enum heed_status spd_invert(double *a, size_t n, unsigned threads,
                            void (*progress)(void *context, double share), void *context,
                            size_t *singular)
{
    size_t workers = parallel_workers(threads), blocks = (n + BLOCK - 1) / BLOCK;
    struct inverting v = {.a = a, .n = n, .progress = progress, .context = context};
    v.diagonal = malloc((n + 1) * BLOCK * sizeof *v.diagonal);
    v.scratch = malloc((n + 1) * BLOCK * workers * sizeof *v.scratch);
    enum heed_status status = v.diagonal && v.scratch ? HEED_OK : HEED_NOMEM;
    dense_begin();
    if (status == HEED_OK)
        status = factor(&v, threads, singular);
    if (status == HEED_OK) {
        parallel_each(blocks, threads, columns, &v);
        for (size_t c = 0; c < n; c++) {
            size_t start = c / BLOCK * BLOCK, wide = width(&v, start);
            memcpy(cell(&v, start, c), v.diagonal + c * BLOCK, wide * sizeof *a);
        }
        for (size_t c = 0; c < n; c++)
            for (size_t r = c / BLOCK * BLOCK + BLOCK; r < n; r++)
                *cell(&v, r, c) = *cell(&v, c, r);
    }
    free(v.diagonal);
    free(v.scratch);
    return status;
}

bool spd_solve(double *a, size_t n, double *x)
{
    int size = (int)n, info = 0;
    dpotrf_("L", &size, a, &size, &info);
    if (info != 0)
        return false;
    for (size_t i = 0; i < n; i++) { /* a row of the factor has the square of the diagonal */
        double l = a[i * n + i], square = cblas_ddot((int)i + 1, a + i, size, a + i, size);
        if (!(l * l > (double)n * DBL_EPSILON * square) || !isfinite(l))
            return false;
    }
    cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, size, a, size, x, 1);
    cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, size, a, size, x, 1);
    return true;
}
