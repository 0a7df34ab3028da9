/* A sparse matrix by rows, and what is made of it. What all models of relevance stand on. */
#ifndef HEED_ALLOCATION_SPARSE_H
#define HEED_ALLOCATION_SPARSE_H

#include "heed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Row r holds column[at[r] .. at[r + 1]), ascending, no column twice. All values are 1 when value
 * is NULL.                                                                                       */
struct sparse {
    size_t rows, columns;
    uint64_t *at; /* [rows + 1] */
    uint32_t *column;
    float *value; /* may be NULL */
};

/* One row's columns, whoever owns them.                                                          */
struct sparse_row {
    const uint32_t *column;
    const float *value; /* NULL: ones */
    size_t n;
};

static inline struct sparse_row sparse_row(const struct sparse *m, size_t row)
{
    uint64_t from = m->at[row];
    return (struct sparse_row){m->column + from, m->value ? m->value + from : NULL,
                               (size_t)(m->at[row + 1] - from)};
}

static inline uint64_t sparse_count(const struct sparse *m)
{
    return m->at ? m->at[m->rows] : 0;
}

/* An empty matrix with room for `count` entries, at[] zero; for the caller to fill.
 * Errors: HEED_NOMEM.                                                                            */
HEED_MUST_CHECK enum heed_status sparse_init(struct sparse *m, size_t rows, size_t columns,
                                             uint64_t count, bool values);
void sparse_deinit(struct sparse *m);

/* out = m'. Rows of out are ascending whatever the order in the rows of m. O(rows + columns + n).
 * Errors: HEED_NOMEM.                                                                            */
HEED_MUST_CHECK enum heed_status sparse_transpose(const struct sparse *m, struct sparse *out);

/* Sorts the columns of every row. O(rows + columns + n). Errors: HEED_NOMEM, m as it was. */
HEED_MUST_CHECK enum heed_status sparse_sort(struct sparse *m);

bool sparse_has(struct sparse_row row, uint32_t column); /* O(log n) */
#endif
