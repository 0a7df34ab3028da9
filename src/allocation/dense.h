/* Dense linear algebra of the models, on OpenBLAS.
 *
 * OpenBLAS is told to use one thread a call (a setting of the whole process: dense_begin), and the
 * calls are spread over threads here, cut in pieces of fixed size: results are the same to the last
 * bit however many threads there are. Matrices are in columns (Fortran's order).                 */
#ifndef HEED_ALLOCATION_DENSE_H
#define HEED_ALLOCATION_DENSE_H

#include "heed.h"

#include <stdbool.h>
#include <stddef.h>

/* Before any of the calls below, or of cblas_…: one thread a call from now on.                   */
void dense_begin(void);

/* a = inverse of a, symmetric positive definite.
 *
 * a[n * n]   in/out  the lower triangle is read, both are written; spoilt on error
 * progress   may be NULL; called from the calling thread only
 * singular   out     on HEED_RANGE the first row that those before determine
 * Errors: HEED_RANGE not positive definite (a pivot of at most n * 2^-52 of its diagonal, or not a
 * number); HEED_NOMEM. Cost: n^3 multiply-adds, n * 256 * (threads + 1) doubles besides.
 * Blocked Cholesky, then a X = I solved through both triangles for one block of columns after the
 * other, from the diagonal down (the rest is symmetry): N. J. Higham, Accuracy and Stability of
 * Numerical Algorithms, 2002, ch. 10 and 14.                                                     */
HEED_MUST_CHECK enum heed_status spd_invert(double *a, size_t n, unsigned threads,
                                            void (*progress)(void *context, double share),
                                            void *context, size_t *singular);

/* x = a^-1 x for a small system; a[n * n] (lower triangle) is spoilt. false: not positive
 * definite, as above.                                                                            */
HEED_MUST_CHECK bool spd_solve(double *a, size_t n, double *x);
#endif
