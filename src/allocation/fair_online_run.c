#include "allocation/fair_online.h"
#include "allocation/fair_parts.h"
#include "base/error.h"
#include "base/prng.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* All rows that have been given, in the order of feeds.                                          */
struct record {
    struct fair_lot *lot;
    size_t n, cap;
    size_t *end; /* [feeds] */
    uint32_t *user;
};

struct run {
    const struct fair_batch_options *o;
    struct fair_offers f;
    struct fair_online s;
    struct record rows;
    uint32_t *order;            /* [users] */
    double *utility, *exposure; /* of the mean so far */
    struct fair_policy policy;
};

static void shuffle(uint32_t *order, size_t n, struct prng *r)
{
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)prng_below(r, i + 1);
        order[i] = order[j];
        order[j] = (uint32_t)i;
    }
}

static bool write_down(struct run *x, uint32_t user)
{
    struct record *r = &x->rows;
    size_t feed = (size_t)x->s.feeds - 1;
    if (!array_grow(&r->lot, &r->cap, r->n + x->s.row_n, sizeof *r->lot))
        return false;
    if (x->s.row_n)
        memcpy(r->lot + r->n, x->s.row, x->s.row_n * sizeof *r->lot);
    r->n += x->s.row_n;
    r->end[feed] = r->n;
    r->user[feed] = user;
    return true;
}

static double objective_of(struct run *x, const struct fair_online *s)
{
    double epochs = (double)s->feeds / (double)x->f.users;
    for (size_t u = 0; u < x->f.users; u++)
        x->utility[u] = s->visits[u] ? s->utility[u] / s->visits[u] : 0;
    for (size_t i = 0; i < x->f.items; i++)
        x->exposure[i] = s->given[i] / epochs;
    return fair_objective(&x->f, &x->o->welfare, x->utility, x->exposure);
}

/* The order of users is the same whatever s. objective: [passes], after each. */
static enum heed_status serve_all(struct run *x, struct fair_online *s, size_t passes,
                                  double *objective)
{
    struct prng r;
    prng_seed(&r, x->o->seed ^ UINT64_C(0x6f6e6c696e65)); /* apart from other draws */
    size_t users = x->f.users;
    for (size_t p = 0; p < passes; p++) {
        shuffle(x->order, users, &r);
        fair_online_epoch(s);
        for (size_t i = 0; i < users; i++) {
            fair_online_serve(s, x->order[i]);
            if (s == &x->s && !write_down(x, x->order[i]))
                return HEED_NOMEM;
            if (x->o->progress && i % 64 == 0)
                x->o->progress(x->o->context, s == &x->s ? "serve" : "serve without a floor",
                               (double)s->feeds / (double)(users * passes));
        }
        objective[p] = objective_of(x, s);
    }
    return HEED_OK;
}

/* What the same passes have without a floor, less what they have with it. */
static enum heed_status cost_of_floor(struct run *x, size_t passes, struct fair_batch *out,
                                      struct heed_error *err)
{
    struct fair_online free_of_it;
    double *objective = malloc((passes + 1) * sizeof *objective);
    if (!objective)
        return error_nomem(err);
    enum heed_status status = fair_online_init(&free_of_it, &x->f, &x->o->welfare, 0, err);
    if (status == HEED_OK) {
        status = serve_all(x, &free_of_it, passes, objective);
        double cost = objective[passes - 1] - out->objective[out->objective_n - 1];
        if (status == HEED_OK)
            out->floor_cost = !isfinite(cost) ? NAN : cost > 0 ? cost : 0;
        fair_online_deinit(&free_of_it);
    }
    free(objective);
    return status;
}

/* The mean of a user's rows, each item once.                                                     */
static enum heed_status policy_of(struct run *x, size_t passes)
{
    const struct record *r = &x->rows;
    size_t users = x->f.users, feeds = users * passes;
    uint64_t n = 0;
    size_t *feed_of = malloc((feeds + 1) * sizeof *feed_of); /* [users * passes] */
    double *sum = calloc(x->f.items + 1, sizeof *sum);
    size_t *seen = calloc(users + 1, sizeof *seen);
    x->policy.even = calloc(users + 1, sizeof *x->policy.even);
    enum heed_status status = feed_of && sum && seen && x->policy.even ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK)
        status = sparse_init(&x->policy.listed, users, x->f.items, r->n, true);
    for (size_t t = 0; status == HEED_OK && t < feeds; t++)
        feed_of[r->user[t] * passes + seen[r->user[t]]++] = t;
    for (size_t u = 0; status == HEED_OK && u < users; u++) {
        uint64_t begin = n;
        for (size_t p = 0; p < passes; p++) {
            size_t t = feed_of[u * passes + p];
            for (size_t i = t ? r->end[t - 1] : 0; i < r->end[t]; i++) {
                if (!(sum[r->lot[i].item] > 0))
                    x->policy.listed.column[n++] = r->lot[i].item;
                sum[r->lot[i].item] += r->lot[i].exposure / (double)passes;
            }
        }
        for (uint64_t i = begin; i < n; i++) {
            uint32_t item = x->policy.listed.column[i];
            x->policy.listed.value[i] = (float)sum[item];
            sum[item] = 0;
        }
        x->policy.listed.at[u + 1] = n;
    }
    free(feed_of);
    free(sum);
    free(seen);
    return status;
}

/* The share of the batch's gain over the uniform policy, with the same floor.                    */
static enum heed_status compare(const struct run *x, size_t iterations, struct fair_batch *out,
                                double *gain_kept, struct heed_error *err)
{
    const struct fair_options options = {iterations, x->o->threads, x->o->hasty, x->o->progress,
                                         x->o->context};
    struct fair_batch batch = {0};
    struct fair_policy policy = {0};
    batch.objective = malloc((iterations + 2) * sizeof *batch.objective);
    if (!batch.objective)
        return error_nomem(err);
    enum heed_status status =
        fair_frank_wolfe(&x->f, &x->o->welfare, &options, &policy, batch.objective,
                         &batch.objective_n, &batch.gap, err);
    batch.objective_n++;
    if (status == HEED_OK && x->o->floor > 0)
        status = fair_raise_floor(&x->f, x->o, &options, &policy, &batch, err);
    if (status == HEED_OK) {
        double uniform = out->objective[0], best = batch.objective[batch.objective_n - 1];
        double here = out->objective[out->objective_n - 1], most = best + batch.gap;
        *gain_kept = !isfinite(here - uniform) || !isfinite(best) ? NAN
                     : best > uniform ? (here - uniform) / (best - uniform)
                                      : 1;
        out->gap = !isfinite(most - here) ? NAN : most > here ? most - here : 0;
        out->rival = batch.objective;
        out->rival_n = batch.objective_n;
        batch.objective = NULL;
    }
    fair_policy_deinit(&policy);
    fair_batch_deinit(&batch);
    return status;
}

static enum heed_status run_alloc(struct run *x, size_t passes, struct fair_batch *out,
                                  struct heed_error *err)
{
    size_t users = x->f.users;
    if (users && passes > FAIR_PAIRS_MAX / users)
        return error_set(err, HEED_RANGE, "passes", "%zu are too many; give at most %llu", passes,
                         (unsigned long long)(FAIR_PAIRS_MAX / users));
    out->objective = malloc((passes + 1) * sizeof *out->objective);
    x->order = malloc((users + 1) * sizeof *x->order);
    x->rows.end = malloc((users * passes + 1) * sizeof *x->rows.end);
    x->rows.user = malloc((users * passes + 1) * sizeof *x->rows.user);
    x->utility = malloc((users + 1) * sizeof *x->utility);
    x->exposure = malloc((x->f.items + 1) * sizeof *x->exposure);
    return out->objective && x->order && x->rows.end && x->rows.user && x->utility && x->exposure
               ? HEED_OK
               : error_nomem(err);
}

static void run_deinit(struct run *x)
{
    free(x->rows.lot);
    free(x->rows.end);
    free(x->rows.user);
    free(x->order);
    free(x->utility);
    free(x->exposure);
    fair_policy_deinit(&x->policy);
    fair_online_deinit(&x->s);
    fair_offers_deinit(&x->f);
}

enum heed_status fair_online_run(const struct sparse *history, const struct sparse *test,
                                 const struct fair_batch_options *o,
                                 const struct fair_online_options *online, struct fair_batch *out,
                                 double *gain_kept, struct heed_error *err)
{
    struct run x = {.o = o};
    *out = (struct fair_batch){.gap = NAN};
    *gain_kept = NAN;
    enum heed_status status = fair_check(history->rows, history->columns, o->k, err);
    if (status == HEED_OK && o->floor > 0)
        status = fair_check_floor(history, o, err);
    double started = o->clock_s ? o->clock_s(o->context) : 0;
    if (status == HEED_OK)
        status = fair_offers_trained(history, history, o, &x.f, err);
    double scored = o->clock_s ? o->clock_s(o->context) : 0;
    if (status == HEED_OK)
        status = run_alloc(&x, online->passes, out, err);
    if (status == HEED_OK)
        status = fair_online_init(&x.s, &x.f, &o->welfare, o->floor, err);
    if (status == HEED_OK) {
        out->objective[out->objective_n++] =
            fair_objective(&x.f, &o->welfare, x.f.even, x.f.even_items);
        out->objective_n += online->passes;
        if (serve_all(&x, &x.s, online->passes, out->objective + 1) != HEED_OK ||
            policy_of(&x, online->passes) != HEED_OK)
            status = error_nomem(err);
    }
    out->train_s = scored - started;
    out->seconds = (o->clock_s ? o->clock_s(o->context) : 0) - scored;
    if (status == HEED_OK)
        status = fair_report_of(&x.f, &x.policy, test, &out->report, err);
    if (status == HEED_OK && o->take)
        status = o->take(o->taker, &x.f, &x.policy, err);
    if (status == HEED_OK && o->floor > 0)
        status = cost_of_floor(&x, online->passes, out, err);
    if (status == HEED_OK && online->against)
        status = compare(&x, online->against, out, gain_kept, err);
    if (status == HEED_OK) {
        out->floor_kept = out->report.min_exposure >= o->floor * (1 - 1e-6); /* of floats */
        out->left_out = x.f.items - x.f.on_offer;
        out->without_worth = x.f.users - x.f.judged_n;
    } else {
        fair_batch_deinit(out);
    }
    run_deinit(&x);
    return status;
}
