#include "allocation/fair.h"

#include "allocation/top.h"
#include "base/error.h"
#include "base/stats.h"

#include <math.h>
#include <stdlib.h>

void fair_policy_deinit(struct fair_policy *p)
{
    sparse_deinit(&p->listed);
    free(p->even);
    *p = (struct fair_policy){0};
}

void fair_policy_totals(const struct fair_offers *f, const struct fair_policy *p, double *utility,
                        double *exposure)
{
    double all = 0;
    memset(exposure, 0, f->items * sizeof *exposure);
    for (size_t u = 0; u < f->users; u++) {
        struct sparse_row row = sparse_row(&p->listed, u), blocked = sparse_row(f->blocked, u);
        double each = f->choice[u] ? p->even[u] * f->up_to[f->length[u]] / f->choice[u] : 0;
        utility[u] = p->even[u] * f->even[u];
        all += each;
        for (size_t i = 0; i < blocked.n; i++)
            exposure[blocked.column[i]] -= each;
        for (size_t i = 0; i < row.n; i++) {
            exposure[row.column[i]] += (double)row.value[i];
            utility[u] += (double)row.value[i] * (double)f->worth[u * f->items + row.column[i]];
        }
    }
    for (size_t i = 0; i < f->items; i++)
        exposure[i] = f->even_items[i] > 0 ? exposure[i] + all : 0;
}

void fair_policy_row(const struct fair_offers *f, const struct fair_policy *p, size_t user,
                     double *given)
{
    struct sparse_row row = sparse_row(&p->listed, user), blocked = sparse_row(f->blocked, user);
    double each = f->choice[user] ? p->even[user] * f->up_to[f->length[user]] / f->choice[user] : 0;
    for (size_t i = 0; i < f->items; i++)
        given[i] = each;
    for (size_t i = 0; i < blocked.n; i++)
        given[blocked.column[i]] = 0;
    for (size_t i = 0; i < row.n; i++)
        given[row.column[i]] += (double)row.value[i];
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report_items(const struct fair_offers *f, double *exposure, struct fair_report *out)
{
    size_t n = 0, shown = 0;
    double sum = 0;
    for (size_t i = 0; i < f->items; i++)
        if (f->even_items[i] > 0)
            exposure[n++] = exposure[i];
    qsort(exposure, n, sizeof *exposure, compare_doubles);
    for (size_t i = 0; i < n; i++) {
        sum += exposure[i];
        shown += exposure[i] > 1e-12; /* rounding is not exposure */
    }
    out->exposed = (double)shown / (double)n;
    out->gini = gini_sorted(exposure, n);
    out->min_exposure = sum > 0 ? exposure[0] / (sum / (double)n) : 0;
}

static void report_users(const struct fair_offers *f, double *utility, struct fair_report *out)
{
    size_t n = 0;
    double sum = 0;
    for (size_t u = 0; u < f->users; u++)
        if (f->judged[u])
            utility[n++] = utility[u];
    qsort(utility, n, sizeof *utility, compare_doubles);
    size_t worst = n < 10 ? 1 : n / 10;
    for (size_t u = 0; u < n; u++) {
        sum += utility[u];
        if (u + 1 == worst)
            out->worst_decile = sum / (double)worst;
    }
    out->mean_utility = n ? sum / (double)n : 0;
}

/* Expected ndcg of the policy, and of relevance alone.                                           */
static void report_ndcg(const struct fair_offers *f, const struct fair_policy *p,
                        const struct sparse *test, const float *no_price, struct top_item *room,
                        struct fair_report *out)
{
    double gain = 0, best_gain = 0;
    size_t n = 0;
    for (size_t u = 0; u < f->users; u++) {
        struct sparse_row hidden = sparse_row(test, u), row = sparse_row(&p->listed, u);
        if (hidden.n == 0)
            continue;
        double ideal = f->up_to[hidden.n < f->k ? hidden.n : f->k];
        double even = f->choice[u] ? f->up_to[f->length[u]] / f->choice[u] : 0;
        double sum = p->even[u] * even * (double)hidden.n;
        for (size_t i = 0; i < row.n; i++)
            if (sparse_has(hidden, row.column[i]))
                sum += (double)row.value[i];
        gain += sum / ideal;
        size_t length = fair_best(f, u, 1, no_price, -INFINITY, room);
        for (size_t r = 0; r < length; r++)
            if (sparse_has(hidden, room[r].item))
                best_gain += (f->up_to[r + 1] - f->up_to[r]) / ideal;
        n++;
    }
    out->ndcg = n ? gain / (double)n : 0;
    out->ndcg_kept = best_gain > 0 ? gain / best_gain : 1;
}

enum heed_status fair_report_of(const struct fair_offers *f, const struct fair_policy *p,
                                const struct sparse *test, struct fair_report *out,
                                struct heed_error *err)
{
    double *utility = malloc((f->users + 1) * sizeof *utility);
    double *exposure = malloc((f->items + 1) * sizeof *exposure);
    float *no_price = calloc(f->items + 1, sizeof *no_price);
    struct top_item *room = malloc((f->k + 1) * sizeof *room);
    enum heed_status status = utility && exposure && no_price && room ? HEED_OK : error_nomem(err);
    *out = (struct fair_report){0};
    if (status == HEED_OK) {
        fair_policy_totals(f, p, utility, exposure);
        report_items(f, exposure, out);
        report_users(f, utility, out);
        report_ndcg(f, p, test, no_price, room, out);
    }
    free(utility);
    free(exposure);
    free(no_price);
    free(room);
    return status;
}
