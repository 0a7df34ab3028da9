/* Frank-Wolfe, a block of users at a time. The state is the users' utilities u and the items'
 * exposures v, in which the welfare is separable; the policy itself is only remembered as the
 * vertices and the steps towards them. A vertex gives every user the list that is best under the
 * gradient (here and below times the number of judged users)
 *
 *   (1 - lambda) / users psi'(u) worth(u, i) + lambda / items psi'(v / mean) / mean
 *
 * and the slope towards it is the duality gap. When all users step at once they all run to the same
 * few items that have least; a block sees what the blocks before it have given.
 * Source of the blocks: S. Lacoste-Julien et al., ICML 2013.                                     */
#include "allocation/fair.h"
#include "allocation/fair_heads.h"
#include "allocation/fair_parts.h"
#include "allocation/top.h"
#include "base/error.h"
#include "base/parallel.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 64, ROWS = 8, SEARCHES = 40 };

struct walk {
    const struct fair_offers *f;
    const struct fair_welfare *w;
    double user_weight, item_weight;  /* of one in the objective x judged users */
    double *utility, *exposure;       /* here; 1 and the mean of those that do not count */
    double *to_utility, *to_exposure; /* the way from here to the vertex of one block */
    double *given;                    /* [blocks * items] what each block gives the items */
    float *slope, *price, greatest;   /* price */
    struct fair_heads heads;
    struct team *team;
    uint32_t **chosen; /* [iterations] of [users * k] */
    double *step;      /* [iterations * blocks] */
    struct top_item *room;
    const uint32_t *last; /* the vertex before; NULL at first */
    uint32_t *next;
    size_t blocks, begin, end; /* the block in work is users [begin, end) */
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

/* sum of psi'((x + step d) / scale) d. In four sums, which are divided at once.                  */
static double slope_sum(double alpha, const double *x, const double *d, size_t n, double step,
                        double scale)
{
    double sum[4] = {0, 0, 0, 0};
    if (alpha == -1) {
        size_t i = 0;
        for (; i + 4 <= n; i += 4) {
            double at[4];
            for (size_t j = 0; j < 4; j++)
                at[j] = (x[i + j] + step * d[i + j]) * (x[i + j] + step * d[i + j]);
            for (size_t j = 0; j < 4; j++)
                sum[j] += d[i + j] / at[j];
        }
        for (; i < n; i++)
            sum[0] += d[i] / ((x[i] + step * d[i]) * (x[i] + step * d[i]));
        return (sum[0] + sum[1] + sum[2] + sum[3]) * scale * scale;
    }
    for (size_t i = 0; i < n; i++)
        sum[i % 4] += fair_slope(alpha, (x[i] + step * d[i]) / scale) * d[i];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

/* The derivative of the objective, `step` of the way to the block's vertex.                      */
static double slope_at(const struct walk *x, double step)
{
    double users = 0, items = 0;
    size_t n = x->end - x->begin;
    if (x->user_weight > 0)
        users = slope_sum(x->w->users, x->utility + x->begin, x->to_utility + x->begin, n, step, 1);
    if (x->item_weight > 0)
        items = slope_sum(x->w->items, x->exposure, x->to_exposure, x->f->items, step,
                          x->f->mean_exposure);
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
        if (fabs(at) <= .01 * at_start)
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
    size_t begin = x->begin + piece * ROWS;
    for (size_t u = begin; u < begin + ROWS && u < x->end; u++) {
        const uint32_t *near = x->last ? x->last + u * f->k : NULL;
        const uint32_t *like =
            u > begin && f->length[u - 1] >= f->length[u] ? x->next + (u - 1) * f->k : NULL;
        if (u + 1 < begin + ROWS && u + 1 < x->end)
            fair_heads_ahead(f, &x->heads, u + 1, near ? near + f->k : NULL);
        size_t n =
            fair_heads_best(f, &x->heads, u, x->slope[u], x->price, x->greatest, near, like, room);
        for (size_t r = 0; r < n; r++)
            x->next[u * f->k + r] = room[r].item;
    }
}

/* Finds the block's vertex and the way to it.                                                    */
static void look(struct walk *x, size_t block)
{
    const struct fair_offers *f = x->f;
    const double *given = x->given + block * f->items;
    x->begin = block * BLOCK;
    x->end = x->begin + BLOCK < f->users ? x->begin + BLOCK : f->users;
    for (size_t u = x->begin; u < x->end; u++)
        x->slope[u] =
            f->judged[u] ? (float)(x->user_weight * fair_slope(x->w->users, x->utility[u])) : 0;
    team_each(x->team, (x->end - x->begin + ROWS - 1) / ROWS, choose, x);
    for (size_t i = 0; i < f->items; i++)
        x->to_exposure[i] = -given[i]; /* 0 of what is not on offer */
    for (size_t u = x->begin; u < x->end; u++) {
        const float *worth = f->worth + u * f->items;
        x->to_utility[u] = f->judged[u] ? -x->utility[u] : 0;
        for (size_t r = 0; r < f->length[u]; r++) {
            uint32_t item = x->next[u * f->k + r];
            double exposure = f->up_to[r + 1] - f->up_to[r];
            x->to_exposure[item] += exposure;
            x->to_utility[u] += exposure * (double)worth[item];
        }
    }
}

/* What an exposure of each item is worth for the items' sake.                                    */
static void find_prices(struct walk *x)
{
    const struct fair_offers *f = x->f;
    double alpha = x->w->items, mean = f->mean_exposure;
    double weight = alpha == -1 ? x->item_weight * mean * mean : x->item_weight;
    float greatest = 0;
    if (!(weight > 0))
        memset(x->price, 0, f->items * sizeof *x->price);
    else if (alpha == -1)
        for (size_t i = 0; i < f->items; i++)
            x->price[i] = (float)(weight / (x->exposure[i] * x->exposure[i]));
    else
        for (size_t i = 0; i < f->items; i++)
            x->price[i] = (float)(weight * fair_slope(alpha, x->exposure[i] / mean));
    for (size_t i = 0; i < f->items; i++)
        greatest = x->price[i] > greatest ? x->price[i] : greatest;
    x->greatest = greatest;
}

static void walk_on(struct walk *x, size_t block, double step)
{
    double *given = x->given + block * x->f->items;
    for (size_t u = x->begin; u < x->end; u++)
        x->utility[u] += step * x->to_utility[u];
    for (size_t i = 0; i < x->f->items; i++) {
        x->exposure[i] += step * x->to_exposure[i];
        given[i] += step * x->to_exposure[i];
    }
}

/* Every block once. Gives the sum of the blocks' gaps, each where it stood.                      */
static double iterate(struct walk *x, size_t t)
{
    double sum = 0;
    for (size_t b = 0; b < x->blocks; b++) {
        double *step = &x->step[t * x->blocks + b];
        find_prices(x);
        look(x, b);
        double slope = slope_at(x, 0);
        if (!(slope > 0))
            continue;
        *step = best_step(x, slope, t > 0 ? 2 * step[-(ptrdiff_t)x->blocks] + 1e-6 : 1);
        walk_on(x, b, *step);
        sum += slope;
    }
    return sum;
}

/* The gap here: all blocks' slopes at the same prices.                                           */
static double gap_here(struct walk *x)
{
    double sum = 0;
    find_prices(x);
    for (size_t b = 0; b < x->blocks; b++) {
        look(x, b);
        sum += slope_at(x, 0);
    }
    return sum > 0 ? sum : 0;
}

/* What each user's list is a mixture of: weight[t] of the vertex at t, the rest uniform.         */
static double weights_of(const struct walk *x, size_t steps, size_t block, double *weight)
{
    double left = 1;
    for (size_t t = steps; t-- > 0;) {
        double step = x->step[t * x->blocks + block];
        weight[t] = step * left;
        left *= 1 - step;
    }
    return left;
}

struct mixing {
    double *weight; /* [steps] */
    double *sum;    /* [items] zero between users */
    uint32_t *seen; /* [items] */
};

/* Sums up user u's exposures; how many items have any is returned.                               */
static size_t mix_user(const struct walk *x, size_t steps, size_t u, const struct mixing *m)
{
    const struct fair_offers *f = x->f;
    size_t n = 0;
    for (size_t t = 0; t < steps; t++)
        for (size_t r = 0; m->weight[t] > 0 && r < f->length[u]; r++) {
            uint32_t item = x->chosen[t][u * f->k + r];
            if (!(m->sum[item] > 0))
                m->seen[n++] = item;
            m->sum[item] += m->weight[t] * (f->up_to[r + 1] - f->up_to[r]);
        }
    return n;
}

/* The mixture that the walk has come to.                                                         */
static enum heed_status policy_of(const struct walk *x, size_t steps, struct fair_policy *policy)
{
    const struct fair_offers *f = x->f;
    struct mixing m = {malloc((steps + 1) * sizeof *m.weight), calloc(f->items + 1, sizeof *m.sum),
                       malloc((f->items + 1) * sizeof *m.seen)};
    policy->even = malloc((f->users + 1) * sizeof *policy->even);
    enum heed_status status = m.weight && m.sum && m.seen && policy->even ? HEED_OK : HEED_NOMEM;
    uint64_t n = 0;
    double left = 1;
    /* twice: how many there are, and what they are */
    for (int round = 0; round < 2 && status == HEED_OK; round++) {
        if (round == 1)
            status = sparse_init(&policy->listed, f->users, f->items, n, true);
        n = 0;
        for (size_t u = 0; u < f->users && status == HEED_OK; u++) {
            if (u % BLOCK == 0)
                left = weights_of(x, steps, u / BLOCK, m.weight);
            policy->even[u] = left;
            size_t seen = mix_user(x, steps, u, &m);
            for (size_t i = 0; i < seen; i++, n++) {
                if (round == 1) {
                    policy->listed.column[n] = m.seen[i];
                    policy->listed.value[n] = (float)m.sum[m.seen[i]];
                }
                m.sum[m.seen[i]] = 0;
            }
            if (round == 1)
                policy->listed.at[u + 1] = n;
        }
    }
    free(m.weight);
    free(m.sum);
    free(m.seen);
    return status;
}

static enum heed_status walk_alloc(struct walk *x, const struct fair_offers *f, size_t iterations,
                                   unsigned threads)
{
    x->blocks = (f->users + BLOCK - 1) / BLOCK;
    x->utility = malloc((f->users + 1) * sizeof *x->utility);
    x->exposure = malloc((f->items + 1) * sizeof *x->exposure);
    x->to_utility = malloc((f->users + 1) * sizeof *x->to_utility);
    x->to_exposure = malloc((f->items + 1) * sizeof *x->to_exposure);
    x->given = calloc(x->blocks * f->items + 1, sizeof *x->given);
    x->slope = malloc((f->users + 1) * sizeof *x->slope);
    x->price = malloc((f->items + 1) * sizeof *x->price);
    x->chosen = calloc(iterations + 1, sizeof *x->chosen);
    x->step = calloc(iterations * x->blocks + 1, sizeof *x->step);
    x->room = malloc((f->k * parallel_workers(threads) + 1) * sizeof *x->room);
    return x->utility && x->exposure && x->to_utility && x->to_exposure && x->given && x->slope &&
                   x->price && x->chosen && x->step && x->room
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
    free(x->given);
    free(x->slope);
    free(x->price);
    free(x->step);
    free(x->room);
}

/* The uniform policy, and what each block gives in it.                                           */
static void start(struct walk *x)
{
    const struct fair_offers *f = x->f;
    for (size_t u = 0; u < f->users; u++)
        x->utility[u] = f->judged[u] ? f->even[u] : 1;
    for (size_t i = 0; i < f->items; i++)
        x->exposure[i] = f->even_items[i] > 0 ? f->even_items[i] : f->mean_exposure;
    for (size_t u = 0; u < f->users; u++) {
        double each = f->choice[u] ? f->up_to[f->length[u]] / f->choice[u] : 0;
        const float *worth = f->worth + u * f->items;
        double *given = x->given + u / BLOCK * f->items;
        for (size_t i = 0; i < f->items; i++)
            given[i] += worth[i] >= 0 ? each : 0;
    }
}

struct path {
    struct walk *x;
    const struct fair_options *o;
    double *objective, *gap;
    size_t *steps;
    enum heed_status status;
};

static void walk(void *context, struct team *team)
{
    struct path *p = context;
    struct walk *x = p->x;
    const struct fair_options *o = p->o;
    double judged = x->f->judged_n ? (double)x->f->judged_n : 1;
    x->team = team;
    for (size_t t = 0;; t++) {
        x->next = x->chosen[t] = malloc((x->f->users * x->f->k + 1) * sizeof *x->next);
        if (!x->next) {
            p->status = HEED_NOMEM;
            return;
        }
        *p->steps = t;
        p->objective[t] = fair_objective(x->f, x->w, x->utility, x->exposure);
        if (t == o->iterations || iterate(x, t) <= 1e-9 * judged * (1 + fabs(p->objective[t])))
            break;
        x->last = x->next;
        if (o->progress)
            o->progress(o->context, "share out", (double)(t + 1) / (double)o->iterations);
    }
    *p->gap = gap_here(x) / judged;
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
    *policy = (struct fair_policy){0};
    *steps = 0;
    *gap = 0;
    if (status == HEED_OK)
        status = fair_heads_make(f, o->threads, &x.heads);
    if (status == HEED_OK)
        start(&x);
    if (status == HEED_OK) {
        struct path path = {&x, o, objective, gap, steps, HEED_OK};
        parallel_team(o->threads, walk, &path);
        status = path.status;
    }
    if (status == HEED_OK)
        status = policy_of(&x, *steps, policy);
    fair_heads_deinit(&x.heads);
    walk_free(&x, o->iterations);
    if (status == HEED_OK)
        return status;
    fair_policy_deinit(policy);
    return error_nomem(err);
}
