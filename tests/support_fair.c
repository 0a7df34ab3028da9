#include "support_fair.h"

#include "support_models.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void deal(struct dealt *d, uint64_t seed, size_t users, size_t items, size_t k, double fill)
{
    struct prng r;
    struct heed_error err = {0};
    prng_seed(&r, seed);
    free(random_matrix(&r, users, items, fill, &d->blocked));
    float *scores = malloc((users * items + 1) * sizeof *scores);
    assert_non_null(scores);
    for (size_t i = 0; i < users * items; i++)
        scores[i] = (float)(prng_double(&r) * 1.2 - .2) / (float)(1 + i % items);
    if (fair_offers_init(&d->offers, scores, &d->blocked, k, seed, 2, &err) != HEED_OK)
        fail_msg("%s: %s (seed %llu)", err.where, err.message, (unsigned long long)seed);
}

void undeal(struct dealt *d)
{
    fair_offers_deinit(&d->offers);
    sparse_deinit(&d->blocked);
}

static int most_first(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

double *check_policy(const struct fair_offers *f, const struct fair_policy *p, uint64_t seed)
{
    double *dense = calloc(f->users * f->items + 1, sizeof *dense);
    double *sorted = malloc((f->items + 1) * sizeof *sorted);
    assert_non_null(dense);
    assert_non_null(sorted);
    for (size_t u = 0; u < f->users; u++) {
        double *row = dense + u * f->items, sum = 0;
        struct sparse_row listed = sparse_row(&p->listed, u), blocked = sparse_row(f->blocked, u);
        for (size_t i = 0; i < f->items && f->choice[u]; i++)
            if (!sparse_has(blocked, (uint32_t)i))
                row[i] = p->even[u] * f->up_to[f->length[u]] / f->choice[u];
        for (size_t i = 0; i < listed.n; i++) {
            assert_false(sparse_has(blocked, listed.column[i]));
            row[listed.column[i]] += (double)listed.value[i];
        }
        memcpy(sorted, row, f->items * sizeof *sorted);
        qsort(sorted, f->items, sizeof *sorted, most_first);
        for (size_t j = 0; j < f->items; j++) {
            sum += sorted[j];
            size_t ranks = j + 1 < f->length[u] ? j + 1 : f->length[u];
            if (sum > f->up_to[ranks] + 1e-5)
                fail_msg("user %zu: the first %zu have %.9g, ranks give %.9g (seed %llu)", u, j + 1,
                         sum, f->up_to[ranks], (unsigned long long)seed);
        }
        near(sum, f->up_to[f->length[u]], 1e-5, "all ranks are given away", seed);
    }
    free(sorted);
    return dense;
}
