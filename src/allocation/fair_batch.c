#include "allocation/fair.h"
#include "allocation/fair_parts.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>

static double now(const struct fair_batch_options *o)
{
    return o->clock_s ? o->clock_s(o->context) : 0;
}

enum heed_status fair_check_floor(const struct sparse *history, const struct fair_batch_options *o,
                                  struct heed_error *err)
{
    double most = 0;
    enum heed_status status = floor_reach(history, o->k, o->floor, &most, err);
    if (status != HEED_OK || most >= o->floor - 1e-9)
        return status;
    return error_set(
        err, HEED_RANGE, "floor",
        "%g of the mean exposure for every item is more than lists of %zu were found to "
        "give to these users (the search is exact to .0001); give --floor %g or less",
        o->floor, o->k, floor(most * 1e4) / 1e4);
}

/* kind->train tells only how far it is. */
struct training_bar {
    const struct fair_batch_options *o;
};

static void training_share(void *context, double share)
{
    const struct training_bar *bar = context;
    bar->o->progress(bar->o->context, "train", share);
}

enum heed_status fair_offers_trained(const struct sparse *known, const struct sparse *history,
                                     const struct fair_batch_options *o, struct fair_offers *f,
                                     struct heed_error *err)
{
    const struct model_kind *kind = o->model.kind;
    struct sparse items = {0};
    void *model = NULL;
    struct training_bar bar = {o};
    enum heed_status status = sparse_transpose(known, &items);
    if (status == HEED_OK) {
        const struct training t = {.users = known,
                                   .items = &items,
                                   .features = o->features,
                                   .names = o->names,
                                   .seed = o->seed,
                                   .threads = o->threads,
                                   .progress = o->progress ? training_share : NULL,
                                   .context = &bar};
        status = kind->train(&t, o->model.param, &model, err);
    }
    if (status == HEED_NOMEM)
        error_nomem(err);
    if (status == HEED_OK)
        status = fair_offers_of_model(f, kind, model, history, o->k, o->seed, o->threads, err);
    kind->free(model);
    sparse_deinit(&items);
    return status;
}

/* The floor under what Frank-Wolfe has found; the last objective becomes that with the floor.    */
enum heed_status fair_raise_floor(const struct fair_offers *f, const struct fair_batch_options *o,
                                  const struct fair_options *options, struct fair_policy *policy,
                                  struct fair_batch *out, struct heed_error *err)
{
    double *utility = malloc((f->users + 1) * sizeof *utility);
    double *exposure = malloc((f->items + 1) * sizeof *exposure);
    double bound = INFINITY;
    enum heed_status status = utility && exposure ? HEED_OK : error_nomem(err);
    if (status == HEED_OK)
        status = floor_raise(f, &o->welfare, o->floor, options, policy, &bound, err);
    if (status == HEED_OK) {
        double before = out->objective[out->objective_n - 1], without = before + out->gap;
        fair_policy_totals(f, policy, utility, exposure);
        double with = fair_objective(f, &o->welfare, utility, exposure);
        bound = bound < without ? bound : without;
        out->objective[out->objective_n++] = with;
        out->gap = bound > with ? bound - with : 0;
        out->floor_cost = before > with ? before - with : 0; /* below 0: rounding */
    }
    free(utility);
    free(exposure);
    return status;
}

enum heed_status fair_batch_run(const struct sparse *history, const struct sparse *test,
                                const struct fair_batch_options *o, struct fair_batch *out,
                                struct heed_error *err)
{
    struct fair_offers f = {0};
    struct fair_policy policy = {0};
    const struct fair_options options = {o->iterations, o->threads, o->hasty, o->progress,
                                         o->context};
    *out = (struct fair_batch){0};
    enum heed_status status = fair_check(history->rows, history->columns, o->k, err);
    if (status == HEED_OK && o->floor > 0)
        status = fair_check_floor(history, o, err);
    double started = now(o);
    if (status == HEED_OK)
        status = fair_offers_trained(history, history, o, &f, err);
    double scored = now(o);
    if (status == HEED_OK) {
        out->objective = malloc((o->iterations + 2) * sizeof *out->objective);
        status = out->objective ? HEED_OK : error_nomem(err);
    }
    if (status == HEED_OK) {
        status = fair_frank_wolfe(&f, &o->welfare, &options, &policy, out->objective,
                                  &out->objective_n, &out->gap, err);
        out->objective_n++;
    }
    if (status == HEED_OK && o->floor > 0)
        status = fair_raise_floor(&f, o, &options, &policy, out, err);
    out->train_s = scored - started;
    out->seconds = now(o) - scored;
    if (status == HEED_OK)
        status = fair_report_of(&f, &policy, test, &out->report, err);
    if (status == HEED_OK && o->take)
        status = o->take(o->taker, &f, &policy, err);
    if (status == HEED_OK) {
        out->floor_kept = out->report.min_exposure >= o->floor * (1 - 1e-6); /* of floats */
        out->left_out = f.items - f.on_offer;
        out->without_worth = f.users - f.judged_n;
    } else {
        fair_batch_deinit(out);
    }
    fair_policy_deinit(&policy);
    fair_offers_deinit(&f);
    return status;
}

void fair_batch_deinit(struct fair_batch *b)
{
    free(b->objective);
    free(b->rival);
    *b = (struct fair_batch){0};
}
