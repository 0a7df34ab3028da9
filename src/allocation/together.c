#include "allocation/together.h"

#include "base/parallel.h"

#include <stdlib.h>

static double value_of(struct sparse_row row, size_t i)
{
    return row.value ? (double)row.value[i] : 1;
}

size_t together_of(const struct training *t, size_t item, double *sum, uint32_t *touched)
{
    size_t n = 0;
    struct sparse_row mine = sparse_row(t->items, item);
    for (size_t r = 0; r < mine.n; r++) {
        struct sparse_row row = sparse_row(t->users, mine.column[r]);
        double weight = value_of(mine, r);
        for (size_t i = 0; i < row.n; i++) {
            uint32_t j = row.column[i];
            if (j == item)
                continue;
            if (!(sum[j] > 0))
                touched[n++] = j;
            sum[j] += weight * value_of(row, i);
        }
    }
    return n;
}

struct counting {
    const struct training *t;
    struct sparse *out; /* column NULL: only count rows, into at[item + 1] */
    double *sum;        /* [items] a worker */
    uint32_t *touched;  /* [items] a worker */
};

static void count_row(void *context, size_t item, unsigned worker)
{
    struct counting *c = context;
    size_t items = c->t->items->rows;
    double *sum = c->sum + worker * items;
    uint32_t *touched = c->touched + worker * items;
    size_t n = together_of(c->t, item, sum, touched);
    uint64_t at = c->out->at[item];
    for (size_t i = 0; i < n; i++) {
        if (c->out->column) {
            c->out->column[at + i] = touched[i];
            c->out->value[at + i] = (float)sum[touched[i]];
        }
        sum[touched[i]] = 0;
    }
    if (!c->out->column)
        c->out->at[item + 1] = n;
}

enum heed_status together_counts(const struct training *t, struct sparse *counts)
{
    size_t items = t->items->rows, workers = parallel_workers(t->threads);
    struct sparse lengths = {.rows = items, .columns = items};
    struct counting c = {.t = t, .out = &lengths};
    lengths.at = calloc(items + 1, sizeof *lengths.at);
    c.sum = calloc(items * workers + 1, sizeof *c.sum);
    c.touched = malloc((items * workers + 1) * sizeof *c.touched);
    enum heed_status status = lengths.at && c.sum && c.touched ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        parallel_each(items, t->threads, count_row, &c);
        for (size_t i = 0; i < items; i++)
            lengths.at[i + 1] += lengths.at[i];
        status = sparse_init(counts, items, items, lengths.at[items], true);
    }
    if (status == HEED_OK) {
        memcpy(counts->at, lengths.at, (items + 1) * sizeof *counts->at);
        c.out = counts;
        parallel_each(items, t->threads, count_row, &c);
    }
    free(lengths.at);
    free(c.sum);
    free(c.touched);
    return status;
}
