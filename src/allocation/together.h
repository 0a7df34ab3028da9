/* Items that stand in the same rows: what neighbours, linear models and rules of thumb start from.
 */
#ifndef HEED_ALLOCATION_TOGETHER_H
#define HEED_ALLOCATION_TOGETHER_H

#include "allocation/model.h"

/* sum[j] += value of `item` * value of j over the rows that have both, for every other j; values
 * are above 0. Gives how many j, written to touched in the order they were met; the caller sets
 * their sums to 0 again.
 *
 * sum[items] in/out, all 0 before; touched[items] out. Cost: the length of all rows of the item. */
size_t together_of(const struct training *t, size_t item, double *sum, uint32_t *touched);

/* counts: row i holds every j != i that somebody has together with i and by how many, not
 * ascending. Symmetric. Errors: HEED_NOMEM. Cost: twice together_of of all items. */
HEED_MUST_CHECK enum heed_status together_counts(const struct training *t, struct sparse *counts);
#endif
