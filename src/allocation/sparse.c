#include "allocation/sparse.h"

#include <stdlib.h>

enum heed_status sparse_init(struct sparse *m, size_t rows, size_t columns, uint64_t count,
                             bool values)
{
    *m = (struct sparse){.rows = rows, .columns = columns};
    m->at = calloc(rows + 1, sizeof *m->at);
    m->column = malloc((count + 1) * sizeof *m->column);
    m->value = values ? malloc((count + 1) * sizeof *m->value) : NULL;
    if (m->at && m->column && (m->value || !values))
        return HEED_OK;
    sparse_deinit(m);
    return HEED_NOMEM;
}

void sparse_deinit(struct sparse *m)
{
    free(m->at);
    free(m->column);
    free(m->value);
    *m = (struct sparse){0};
}

enum heed_status sparse_transpose(const struct sparse *m, struct sparse *out)
{
    uint64_t n = sparse_count(m);
    enum heed_status status = sparse_init(out, m->columns, m->rows, n, m->value != NULL);
    if (status != HEED_OK)
        return status;
    /* at[c] is first where row c of out goes on, one place further than where it starts */
    for (uint64_t i = 0; i < n; i++)
        out->at[m->column[i] + 1]++;
    for (size_t c = 0; c < out->rows; c++)
        out->at[c + 1] += out->at[c];
    for (size_t c = out->rows; c > 0; c--)
        out->at[c] = out->at[c - 1];
    for (size_t r = 0; r < m->rows; r++)
        for (uint64_t i = m->at[r]; i < m->at[r + 1]; i++) {
            uint64_t to = out->at[m->column[i] + 1]++;
            out->column[to] = (uint32_t)r;
            if (m->value)
                out->value[to] = m->value[i];
        }
    return HEED_OK;
}

enum heed_status sparse_sort(struct sparse *m)
{
    struct sparse turned, sorted;
    enum heed_status status = sparse_transpose(m, &turned);
    if (status != HEED_OK)
        return status;
    status = sparse_transpose(&turned, &sorted);
    sparse_deinit(&turned);
    if (status == HEED_OK) {
        sparse_deinit(m);
        *m = sorted;
    }
    return status;
}

bool sparse_has(struct sparse_row row, uint32_t column)
{
    size_t low = 0, high = row.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (row.column[middle] < column)
            low = middle + 1;
        else
            high = middle;
    }
    return low < row.n && row.column[low] == column;
}
