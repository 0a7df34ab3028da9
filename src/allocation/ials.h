/* What the two solvers of iALS share, and the approximate one. For model_ials.c and ials_cg.c. */
#ifndef HEED_ALLOCATION_IALS_H
#define HEED_ALLOCATION_IALS_H

#include "allocation/sparse.h"

/* alpha F'F = Q W Q' of factors f[n * d].
 *
 * basis[d * d], spectrum[d]  out  Q by columns, W ascending
 * Errors: HEED_NOMEM; HEED_RANGE they are not finite. The same on any number of threads.         */
HEED_MUST_CHECK enum heed_status ials_gram(const double *f, size_t n, size_t d, double alpha,
                                           unsigned threads, double *basis, double *spectrum);

/* From which alpha on floats solve a row: its condition is at most 1 + 1 / alpha. */
#define IALS_ALPHA_FLOAT 1e-3

/* By how much a row's factors are pulled to zero: lambda (n + alpha others)^nu. */
double ials_ridge(double lambda, double alpha, double nu, size_t n, size_t others);

/* One side's factors moved towards those that fit best while the other stands, by `steps` steps of
 * conjugate gradients a row from where they are; rows of at most `steps` are solved.
 *
 * other[columns * d], mine[rows * d]  in/out  both turned by the same rotation, which no product of
 *                                             a user's and an item's factors feels
 * Errors: HEED_NOMEM; HEED_RANGE they are not finite, or floats will not do: alpha is below
 * IALS_ALPHA_FLOAT, or a weight of the shared part below 1e-6 of the greatest. On error nothing has
 * moved.
 * Cost: rows * d^2 multiply-adds of floats for the turning of each side, half of it of doubles for
 * the other's Gram matrix, 2 (steps + 1) d for each pair. */
struct ials_side {
    const struct sparse *rows;
    size_t d, steps;
    double lambda, alpha, nu;
    double *mine, *other;
    unsigned threads;
};
HEED_MUST_CHECK enum heed_status ials_cg(const struct ials_side *s);
#endif
