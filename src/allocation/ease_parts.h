/* What the files of EASE share.                                                                  */
#ifndef HEED_ALLOCATION_EASE_PARTS_H
#define HEED_ALLOCATION_EASE_PARTS_H

#include "allocation/model.h"

/* How many times its residual an item's square may be: what others explain to less than that cannot
 * be told from rounding once weights are floats. */
#define EASE_EXPLAINED_MAX 1e6

/* weights: row i holds what item i says for others: for each item j the weights of its `keep`
 * nearest (greatest cosine of columns) fitted together.
 *
 * singular  out  on HEED_RANGE the first item whose neighbours determine one another
 * Errors: HEED_RANGE; HEED_NOMEM. Cost: keep^3 / 3 multiply-adds an item, and its neighbours' rows;
 * 16 * keep bytes an item, and 8 * (rows + keep^2) a thread.                                     */
HEED_MUST_CHECK enum heed_status ease_fit_nearest(const struct training *t, double lambda,
                                                  size_t keep, struct sparse *weights,
                                                  size_t *singular);
#endif
