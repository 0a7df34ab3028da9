/* EASE's fit on any matrix, for the models made of it. */
#ifndef HEED_ALLOCATION_EASE_H
#define HEED_ALLOCATION_EASE_H

#include "allocation/model.h"

struct ease;

/* Fits every column by all others: (A'A + lambda I) restricted to them. Rows are users, and may be
 * anything else that says which items belong together; values weigh them.
 * Errors: HEED_NOMEM; HEED_RANGE singular, or more columns than there is room for, with remedy.  */
HEED_MUST_CHECK enum heed_status ease_fit(const struct training *t, double lambda,
                                          struct ease **out, struct heed_error *err);
void ease_free(struct ease *m);

/* score[columns] += what the presence of column i says for all others.                           */
void ease_add(const struct ease *m, size_t i, double *score);
#endif
