#include "allocation/metrics.h"

#include "base/stats.h"

#include <math.h>
#include <stdlib.h>

static void add_user(const uint32_t *shown, size_t k, struct sparse_row test,
                     const double *discount, double *exposure, struct metrics *m)
{
    size_t hits = 0, reachable = test.n < k ? test.n : k;
    double gain = 0, ideal = 0, precisions = 0, first = 0;
    for (size_t r = 0; r < k && shown[r] != RANKING_NONE; r++) {
        exposure[shown[r]] += discount[r];
        if (!sparse_has(test, shown[r]))
            continue;
        hits++;
        gain += discount[r];
        precisions += (double)hits / (double)(r + 1);
        if (hits == 1)
            first = 1 / (double)(r + 1);
    }
    for (size_t r = 0; r < reachable; r++)
        ideal += discount[r];
    m->users++;
    m->ndcg += gain / ideal;
    m->recall += (double)hits / (double)test.n;
    m->precision += (double)hits / (double)k;
    m->map += precisions / (double)reachable;
    m->mrr += first;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum heed_status metrics_of(const uint32_t *shown, size_t k, const struct sparse *test,
                            struct metrics *out)
{
    size_t items = test->columns, shown_n = 0;
    *out = (struct metrics){0};
    double *exposure = calloc(items + 1, sizeof *exposure);
    double *discount = malloc((k + 1) * sizeof *discount);
    if (!exposure || !discount) {
        free(exposure);
        free(discount);
        return HEED_NOMEM;
    }
    for (size_t r = 0; r < k; r++)
        discount[r] = 1 / log2((double)(r + 2));
    for (size_t u = 0; u < test->rows; u++) {
        struct sparse_row row = sparse_row(test, u);
        if (row.n > 0)
            add_user(shown + u * k, k, row, discount, exposure, out);
    }
    if (out->users > 0) {
        double n = (double)out->users;
        out->ndcg /= n;
        out->recall /= n;
        out->precision /= n;
        out->map /= n;
        out->mrr /= n;
    }
    double sum = 0;
    qsort(exposure, items, sizeof *exposure, compare_doubles);
    for (size_t i = 0; i < items; i++) {
        sum += exposure[i];
        shown_n += exposure[i] > 0;
    }
    if (sum > 0) {
        out->coverage = (double)shown_n / (double)items;
        out->gini = gini_sorted(exposure, items);
        out->min_exposure = exposure[0] / (sum / (double)items);
    }
    free(exposure);
    free(discount);
    return HEED_OK;
}
