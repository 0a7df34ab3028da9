/* Random matrices and models trained on them, for the tests of evaluation and models. */
#ifndef HEED_SUPPORT_MODELS_H
#define HEED_SUPPORT_MODELS_H

#include "allocation/model.h"
#include "base/prng.h"

/* Fails the test with what, and the seed, unless |got - expected| <= tolerance. */
void near(double got, double expected, double tolerance, const char *what, uint64_t seed);

/* A random 0/1 matrix, dense as x[rows * columns] (free it) and sparse; a row or column may be
 * empty. */
double *random_matrix(struct prng *r, size_t rows, size_t columns, double fill, struct sparse *m);

/* inverse[n * n] of given, by Gauss-Jordan with row exchanges. */
void gauss_jordan(const double *given, size_t n, double *inverse);

struct drawn {
    struct sparse users, items;
    double *x;
    struct training training;
};

void draw(struct drawn *d, uint64_t seed, size_t users, size_t items, double fill);
void undraw(struct drawn *d);

/* The one named model with these settings ("": as they are); trained. The test fails otherwise. */
struct model_spec spec_of(const char *name, const char *params);
void *trained(const struct drawn *d, const struct model_spec *spec);

/* The loss as written at ials_view. */
double ials_loss(const struct drawn *d, const struct model_spec *spec, const void *model);
#endif
