/* Frank-Wolfe. The state is the users' utilities u and the items' exposures v, in which the welfare
 * is separable; the policy itself is only remembered as the vertices and the steps towards them.
 * A vertex gives every user the list that is best under the gradient
 *
 *     d/d exposure(u, i) = (1 - lambda) / users psi'(u) worth(u, i) + lambda / items psi'(v / mean)
 * / mean
 *
 * (times `users`, below), and the slope towards it is the duality gap.                           */
#include "allocation/fair.h"
#include "allocation/fair_parts.h"
#include "allocation/top.h"
#include "base/error.h"
#include "base/parallel.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 32, SEARCHES = 40 };

struct walk {
    const struct fair_offers *f;
    const struct fair_welfare *w;
    double user_weight, item_weight;  /* of one in the objective x judged users */
    double *utility, *exposure;       /* here */
    double *to_utility, *to_exposure; /* the way from here to the vertex */
    float *slope, *price;
    uint32_t **chosen; /* [steps] of [users * k] */
    double *step;      /* [steps] */
    struct top_item *room;
    const uint32_t *last; /* the vertex before; NULL at first */
    uint32_t *next;
};

double fair_objective(const struct fair_offers *f, const struct fair_welfare *w,
                      const double *utility, const double *exposure)
{
    double users = 0, items = 0;
    for (size_t u = 0; u < f->users && w->lambda < 1; u++)
        if (f->judged[u])
            users += fair_psi(w->users, utility[u]);
    for (size_t i = 0; i < f->items && w->lambda > 0; i++)
        if (f->even_items[i] > 0)
            items += fair_psi(w->items, exposure[i] / f->mean_exposure);
    return (1 - w->lambda) * (f->judged_n ? users / (double)f->judged_n : 0) +
           w->lambda * items / (double)f->on_offer;
}

/* The derivative of the objective, times judged users, `step` of the way to the vertex.          */
static double slope_at(const struct walk *x, double step)
{
    const struct fair_offers *f = x->f;
    double users = 0, items = 0;
    for (size_t u = 0; u < f->users && x->user_weight > 0; u++)
        if (f->judged[u])
            users +=
                fair_slope(x->w->users, x->utility[u] + step * x->to_utility[u]) * x->to_utility[u];
    for (size_t i = 0; i < f->items && x->item_weight > 0; i++)
        if (f->even_items[i] > 0)
            items += fair_slope(x->w->items,
                                (x->exposure[i] + step * x->to_exposure[i]) / f->mean_exposure) *
                     x->to_exposure[i];
    return x->user_weight * users + x->item_weight * items;
}

/* Where the slope becomes 0, from a guess: doubled until past it, then false position (Illinois).
 */
static double best_step(const struct walk *x, double at_start, double guess)
{
    double low = 0, high = guess < 1 ? guess : 1, at_low = at_start, at_high;
    while ((at_high = slope_at(x, high)) > 0 && high < 1) {
        low = high;
        at_low = at_high;
        high = high < .5 ? 2 * high : 1;
    }
    if (at_high >= 0)
        return 1;
    for (int i = 0; i < SEARCHES; i++) {
        double share = at_low / (at_low - at_high); /* 0 where at_high is -inf */
        double middle = share > .01 ? low + share * (high - low) : (low + high) / 2;
        double at = slope_at(x, middle);
        if (fabs(at) <= 1e-4 * at_start)
            return middle;
        if (at > 0) {
            low = middle;
            at_low = at;
            at_high /= 2;
        } else {
            high = middle;
            at_high = at;
            at_low /= 2;
        }
    }
    return low;
}

static void choose(void *context, size_t piece, unsigned worker)
{
    struct walk *x = context;
    const struct fair_offers *f = x->f;
    struct top_item *room = x->room + worker * f->k;
    for (size_t u = piece * ROWS; u < (piece + 1) * ROWS && u < f->users; u++) {
        size_t n = fair_best(f, u, x->slope[u], x->price, x->last ? x->last + u * f->k : NULL,
                             x->last ? f->length[u] : 0, room);
        for (size_t r = 0; r < n; r++)
            x->next[u * f->k + r] = room[r].item;
    }
}

/* Finds the vertex and the way to it.                                                            */
static void look(struct walk *x, unsigned threads)
{
    const struct fair_offers *f = x->f;
    for (size_t u = 0; u < f->users; u++)
        x->slope[u] =
            f->judged[u] ? (float)(x->user_weight * fair_slope(x->w->users, x->utility[u])) : 0;
    for (size_t i = 0; i < f->items; i++)
        x->price[i] = f->even_items[i] > 0 && x->item_weight > 0
                          ? (float)(x->item_weight *
                                    fair_slope(x->w->items, x->exposure[i] / f->mean_exposure))
                          : 0;
    parallel_each((f->users + ROWS - 1) / ROWS, threads, choose, x);
    for (size_t i = 0; i < f->items; i++)
        x->to_exposure[i] = -x->exposure[i];
    for (size_t u = 0; u < f->users; u++) {
        const float *worth = f->worth + u * f->items;
        x->to_utility[u] = -x->utility[u];
        for (size_t r = 0; r < f->length[u]; r++) {
            uint32_t item = x->next[u * f->k + r];
            double exposure = f->up_to[r + 1] - f->up_to[r];
            x->to_exposure[item] += exposure;
            x->to_utility[u] += exposure * (double)worth[item];
        }
    }
}

static void walk_on(struct walk *x, double step)
{
    for (size_t u = 0; u < x->f->users; u++)
        x->utility[u] += step * x->to_utility[u];
    for (size_t i = 0; i < x->f->items; i++)
        x->exposure[i] += step * x->to_exposure[i];
}

/* The mixture that the walk has come to.                                                         */
static enum heed_status policy_of(struct walk *x, size_t steps, struct fair_policy *policy)
{
    const struct fair_offers *f = x->f;
    double left = 1; /* weight[t] = step[t] x what later steps leave of it */
    uint64_t n = 0;
    for (size_t t = steps; t-- > 0;) {
        double weight = x->step[t] * left;
        left *= 1 - x->step[t];
        x->step[t] = weight;
    }
    policy->even = left;
    double *sum = calloc(f->items + 1, sizeof *sum);
    uint32_t *seen = malloc((f->items + 1) * sizeof *seen);
    enum heed_status status = sum && seen ? HEED_OK : HEED_NOMEM;
    struct sparse *listed = &policy->listed;
    /* twice: how many there are, and what they are */
    for (int round = 0; round < 2 && status == HEED_OK; round++) {
        if (round == 1)
            status = sparse_init(listed, f->users, f->items, n, true);
        n = 0;
        for (size_t u = 0; u < f->users && status == HEED_OK; u++) {
            size_t seen_n = 0;
            for (size_t t = 0; t < steps; t++)
                for (size_t r = 0; r < f->length[u] && x->step[t] > 0; r++) {
                    uint32_t item = x->chosen[t][u * f->k + r];
                    if (!(sum[item] > 0))
                        seen[seen_n++] = item;
                    sum[item] += x->step[t] * (f->up_to[r + 1] - f->up_to[r]);
                }
            for (size_t i = 0; i < seen_n; i++, n++) {
                if (round == 1) {
                    listed->column[n] = seen[i];
                    listed->value[n] = (float)sum[seen[i]];
                }
                sum[seen[i]] = 0;
            }
            if (round == 1)
                listed->at[u + 1] = n;
        }
    }
    free(sum);
    free(seen);
    return status;
}

static enum heed_status walk_alloc(struct walk *x, const struct fair_offers *f, size_t iterations,
                                   unsigned threads)
{
    x->utility = malloc((f->users + 1) * sizeof *x->utility);
    x->exposure = malloc((f->items + 1) * sizeof *x->exposure);
    x->to_utility = malloc((f->users + 1) * sizeof *x->to_utility);
    x->to_exposure = malloc((f->items + 1) * sizeof *x->to_exposure);
    x->slope = malloc((f->users + 1) * sizeof *x->slope);
    x->price = malloc((f->items + 1) * sizeof *x->price);
    x->chosen = calloc(iterations + 1, sizeof *x->chosen);
    x->step = calloc(iterations + 1, sizeof *x->step);
    x->room = malloc((f->k * parallel_workers(threads) + 1) * sizeof *x->room);
    return x->utility && x->exposure && x->to_utility && x->to_exposure && x->slope && x->price &&
                   x->chosen && x->step && x->room
               ? HEED_OK
               : HEED_NOMEM;
}

static void walk_free(struct walk *x, size_t iterations)
{
    for (size_t t = 0; x->chosen && t <= iterations; t++)
        free(x->chosen[t]);
    free(x->chosen);
    free(x->utility);
    free(x->exposure);
    free(x->to_utility);
    free(x->to_exposure);
    free(x->slope);
    free(x->price);
    free(x->step);
    free(x->room);
}

enum heed_status fair_frank_wolfe(const struct fair_offers *f, const struct fair_welfare *w,
                                  const struct fair_options *o, struct fair_policy *policy,
                                  double *objective, size_t *steps, double *gap,
                                  struct heed_error *err)
{
    double judged = f->judged_n ? (double)f->judged_n : 1;
    struct walk x = {.f = f, .w = w, .user_weight = f->judged_n ? 1 - w->lambda : 0};
    x.item_weight = w->lambda * judged / ((double)f->on_offer * f->mean_exposure);
    enum heed_status status = walk_alloc(&x, f, o->iterations, o->threads);
    *policy = (struct fair_policy){.even = 1};
    *steps = 0;
    *gap = 0;
    if (status == HEED_OK) {
        memcpy(x.utility, f->even, f->users * sizeof *x.utility);
        memcpy(x.exposure, f->even_items, f->items * sizeof *x.exposure);
    }
    for (size_t t = 0; status == HEED_OK; t++) {
        objective[t] = fair_objective(f, w, x.utility, x.exposure);
        *steps = t;
        x.next = x.chosen[t] = malloc((f->users * f->k + 1) * sizeof *x.next);
        if (!x.next) {
            status = HEED_NOMEM;
            break;
        }
        look(&x, o->threads);
        double slope = slope_at(&x, 0);
        *gap = slope > 0 ? slope / judged : 0;
        if (t == o->iterations || *gap <= 1e-9 * (1 + fabs(objective[t])))
            break;
        x.step[t] = best_step(&x, slope, t ? 2 * x.step[t - 1] : 1);
        walk_on(&x, x.step[t]);
        x.last = x.next;
        if (o->progress)
            o->progress(o->context, "share out", (double)(t + 1) / (double)o->iterations);
    }
    if (status == HEED_OK)
        status = policy_of(&x, *steps, policy);
    walk_free(&x, o->iterations);
    if (status == HEED_OK)
        return status;
    fair_policy_deinit(policy);
    return error_nomem(err);
}
