/* EASE's fit on any matrix, for the models made of it. */
#ifndef HEED_ALLOCATION_EASE_H
#define HEED_ALLOCATION_EASE_H

#include "allocation/model.h"

enum {
    EASE_DENSE_MAX = 20000, /* columns whose whole matrix is kept: 3.2 GB */
    EASE_NEIGHBOURS = 200,  /* kept a column beyond */
    EASE_NEIGHBOURS_MAX = 4096,
};

struct ease;

/* Fits every column by all others, or by its `neighbours` nearest: (A'A + lambda I) restricted to
 * them. 0: all, EASE_NEIGHBOURS of more than EASE_DENSE_MAX. Rows are users, and may be anything
 * else that says which items belong together; values, above 0, weigh them.
 * Errors: HEED_NOMEM; HEED_RANGE singular, with remedy.                                          */
HEED_MUST_CHECK enum heed_status ease_fit(const struct training *t, double lambda,
                                          size_t neighbours, struct ease **out,
                                          struct heed_error *err);
void ease_free(struct ease *m);

/* Of the weights between the first `items` columns the strongest `keep` of each, as stored_make;
 * `name` is the model's. */
struct stored_model;
HEED_MUST_CHECK enum heed_status ease_store_first(const struct ease *m, size_t items, size_t keep,
                                                  const char *name, struct stored_model *out,
                                                  struct heed_error *err);
/* From weights, row i what column i says for all others; takes them, unless HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status ease_of_weights(struct sparse *weights, struct ease **out);

/* score[columns] += what the presence of column i says for all others.                           */
void ease_add(const struct ease *m, size_t i, double *score);
#endif
