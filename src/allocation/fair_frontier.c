/* What each of several floors costs: one training, one policy a floor. */
#include "allocation/fair.h"
#include "allocation/fair_parts.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>

static enum heed_status one_floor(const struct fair_offers *f, const struct sparse *test,
                                  const struct fair_batch_options *o, double *objective,
                                  struct fair_frontier_point *p, struct heed_error *err)
{
    struct fair_policy policy = {0};
    const struct fair_options options = {o->iterations, o->threads, o->hasty, o->progress,
                                         o->context};
    size_t steps = 0;
    double gap = 0, bound = 0;
    enum heed_status status = floor_reach(f->blocked, f->k, p->floor, &p->most, err);
    p->feasible = status == HEED_OK && p->most >= p->floor - 1e-9;
    if (status != HEED_OK || !p->feasible)
        return status;
    double *utility = malloc((f->users + 1) * sizeof *utility);
    p->exposure = malloc((f->items + 1) * sizeof *p->exposure);
    status = utility && p->exposure ? HEED_OK : error_nomem(err);
    if (status == HEED_OK)
        status = fair_frank_wolfe(f, &o->welfare, &options, &policy, objective, &steps, &gap, err);
    if (status == HEED_OK && p->floor > 0)
        status = floor_raise(f, &o->welfare, p->floor, &options, &policy, &bound, err);
    if (status == HEED_OK)
        status = fair_report_of(f, &policy, test, &p->report, err);
    if (status == HEED_OK) {
        fair_policy_totals(f, &policy, utility, p->exposure);
        for (size_t i = 0; i < f->items; i++)
            p->exposure[i] = f->even_items[i] > 0 ? p->exposure[i] / f->mean_exposure : NAN;
    }
    free(utility);
    fair_policy_deinit(&policy);
    return status;
}

enum heed_status fair_frontier_run(const struct sparse *known, const struct sparse *history,
                                   const struct sparse *test, const struct fair_batch_options *o,
                                   struct fair_frontier_point *points, size_t n,
                                   struct heed_error *err)
{
    struct fair_offers f = {0};
    double *objective = malloc((o->iterations + 1) * sizeof *objective);
    enum heed_status status = objective ? HEED_OK : error_nomem(err);
    for (size_t i = 0; i < n; i++)
        points[i] = (struct fair_frontier_point){.floor = points[i].floor};
    if (status == HEED_OK)
        status = fair_check(history->rows, history->columns, o->k, err);
    if (status == HEED_OK)
        status = fair_offers_trained(known, history, o, &f, err);
    for (size_t i = 0; status == HEED_OK && i < n; i++)
        status = one_floor(&f, test, o, objective, &points[i], err);
    if (status != HEED_OK)
        fair_frontier_deinit(points, n);
    fair_offers_deinit(&f);
    free(objective);
    return status;
}

void fair_frontier_deinit(struct fair_frontier_point *points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(points[i].exposure);
        points[i].exposure = NULL;
    }
}
