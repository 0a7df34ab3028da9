/* How good rankings are for those who get them, and what they leave to the items. */
#ifndef HEED_ALLOCATION_METRICS_H
#define HEED_ALLOCATION_METRICS_H

#include "allocation/sparse.h"

#define RANKING_NONE UINT32_MAX

/* Means over the users that have test items, of the first k ranks. A hit is a test item.
 *   ndcg       sum over hits of 1/log2(1 + rank), over the same for the first min(k, test items)
 * ranks recall     hits over test items precision  hits over k map        sum over hits of the
 * precision at their rank, over min(k, test items) mrr        1 over the first hit's rank; 0
 * without and of the items' exposure, 1/log2(1 + rank) for each time shown to one of those users:
 *   coverage      share of the items that are shown at all
 *   gini          Gini coefficient of exposure over all items
 *   min_exposure  the least exposure as a share of the mean
 * Sources: K. Järvelin, J. Kekäläinen, ACM TOIS 20 (2002) 422 (ndcg); C. Manning, P. Raghavan, H.
 * Schütze, Introduction to Information Retrieval, 2008, ch. 8.                                   */
struct metrics {
    double ndcg, recall, precision, map, mrr, coverage, gini, min_exposure;
    size_t users; /* that have test items */
};

/* shown[test->rows * k] is each user's ranking, best first, RANKING_NONE after its end.
 * Errors: HEED_NOMEM. The order of summation is fixed.                                           */
HEED_MUST_CHECK enum heed_status metrics_of(const uint32_t *shown, size_t k,
                                            const struct sparse *test, struct metrics *out);
#endif
