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
#include "allocation/fair_parts.h"
#include "allocation/fair_tiles.h"
#include "allocation/top.h"
#include "base/error.h"
#include "base/parallel.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BLOCK = 64,
    ROWS = 8,
    SEARCHES = 40,
    LANES = 8, /* sums at once: what is divided and added does not wait for what is before */
    APART = 8, /* items of room between two workers', who would share a cache line */
};
static const float LEAST = 1e-15F; /* what an exposure of nothing counts as in psi' */

struct walk {
    const struct fair_offers *f;
    const struct fair_welfare *w;
    double user_weight, item_weight; /* of one in the objective x judged users */
    double *utility, *exposure;      /* here; 1 and the mean of those that do not count */
    float *at;                       /* exposure, for psi' */
    double *to_utility;              /* the way from here to the vertex of one block */
    float *to_exposure;
    double *given; /* [blocks * items] what each block gives the items */
    float *slope, *price, *tile_price;
    struct fair_tiles tiles;
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

/* sum of d / (x + step d)^2.                                                                     */
static double inverse_squares(const float *x, const float *d, size_t n, float step)
{
    double sum[LANES] = {0}, all = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        float part[LANES];
        for (size_t j = 0; j < LANES; j++) {
            float at = x[i + j] + step * d[i + j];
            part[j] = d[i + j] / (at * at);
        }
        for (size_t j = 0; j < LANES; j++)
            sum[j] += (double)part[j];
    }
    for (; i < n; i++)
        sum[0] += (double)d[i] / pow((double)(x[i] + step * d[i]), 2);
    for (size_t j = 0; j < LANES; j++)
        all += sum[j];
    return all;
}

static double users_slope(const struct walk *x, double step)
{
    double sum = 0;
    for (size_t u = x->begin; u < x->end && x->user_weight > 0; u++)
        sum += fair_slope(x->w->users, x->utility[u] + step * x->to_utility[u]) * x->to_utility[u];
    return x->user_weight * sum;
}

/* The derivative of the objective, `step` of the way to the block's vertex.                      */
static double slope_at(const struct walk *x, double step)
{
    double alpha = x->w->items, mean = x->f->mean_exposure, items = 0;
    if (x->item_weight > 0 && alpha == -1)
        items = inverse_squares(x->at, x->to_exposure, x->f->items, (float)step) * mean * mean;
    else if (x->item_weight > 0)
        for (size_t i = 0; i < x->f->items; i++) {
            double to = (double)x->to_exposure[i], at = (double)x->at[i] + step * to;
            items += fair_slope(alpha, fmax(at, (double)LEAST) / mean) * to;
        }
    return users_slope(x, step) + x->item_weight * items;
}

/* Where the slope becomes 0, from a guess: the root of (p + q step) / (1 + r step) through the
 * start and the last two steps tried, as long as that stays within what is known. */
static double best_step(const struct walk *x, double at_start, double guess)
{
    double low = 0, high = 1, step = guess < 1 ? guess : 1, last = at_start, last_chord = 0;
    bool passed = false;
    for (int i = 0; i < SEARCHES; i++) {
        double at = slope_at(x, step);
        if (fabs(at) <= .01 * at_start || (at > 0 && step >= 1))
            return step;
        double chord = (at - at_start) / step; /* -inf where at is */
        double r = i > 0 ? (chord - last_chord) / (last - at) : 0;
        double next = -at_start / (chord + r * at);
        last = at;
        last_chord = chord;
        passed |= !(at > 0);
        if (at > 0)
            low = step;
        else
            high = step;
        if (next > low && next < high)
            step = next;
        else
            step = passed ? (low + high) / 2 : fmin(4 * low, 1);
    }
    return low;
}

static void choose(void *context, size_t piece, unsigned worker)
{
    struct walk *x = context;
    const struct fair_offers *f = x->f;
    struct top_item *room = x->room + worker * (f->k + APART);
    size_t begin = x->begin + piece * ROWS;
    for (size_t u = begin; u < begin + ROWS && u < x->end; u++) {
        const uint32_t *near = x->last ? x->last + u * f->k : NULL;
        const uint32_t *like =
            u > begin && f->length[u - 1] >= f->length[u] ? x->next + (u - 1) * f->k : NULL;
        if (u + 1 < begin + ROWS && u + 1 < x->end)
            fair_tiles_ahead(&x->tiles, u + 1, near ? near + f->k : NULL);
        size_t n =
            fair_tiles_best(&x->tiles, u, x->slope[u], x->price, x->tile_price, near, like, room);
        double utility = 0;
        for (size_t r = 0; r < n; r++) {
            uint32_t item = room[r].item;
            x->next[u * f->k + r] = item;
            utility += (f->up_to[r + 1] - f->up_to[r]) * (double)f->worth[u * f->items + item];
        }
        x->to_utility[u] = f->judged[u] ? utility - x->utility[u] : 0;
    }
}

/* Finds the block's vertex and the way to it; the slope at its start is returned.                */
static double look(struct walk *x, size_t block)
{
    const struct fair_offers *f = x->f;
    const double *given = x->given + block * f->items;
    double sum[LANES] = {0}, items = 0;
    size_t i = 0;
    x->begin = block * BLOCK;
    x->end = x->begin + BLOCK < f->users ? x->begin + BLOCK : f->users;
    for (size_t u = x->begin; u < x->end; u++)
        x->slope[u] =
            f->judged[u] ? (float)(x->user_weight * fair_slope(x->w->users, x->utility[u])) : 0;
    team_each(x->team, (x->end - x->begin + ROWS - 1) / ROWS, choose, x);
    for (; i + LANES <= f->items; i += LANES)
        for (size_t j = 0; j < LANES; j++) {
            x->to_exposure[i + j] = -(float)given[i + j]; /* 0 of what is not on offer */
            sum[j] += given[i + j] * (double)x->price[i + j];
        }
    for (; i < f->items; i++) {
        x->to_exposure[i] = -(float)given[i];
        sum[0] += given[i] * (double)x->price[i];
    }
    for (size_t j = 0; j < LANES; j++)
        items -= sum[j];
    for (size_t u = x->begin; u < x->end; u++)
        for (size_t r = 0; r < f->length[u]; r++) {
            uint32_t item = x->next[u * f->k + r];
            double exposure = f->up_to[r + 1] - f->up_to[r];
            x->to_exposure[item] += (float)exposure;
            items += exposure * (double)x->price[item];
        }
    return users_slope(x, 0) + items;
}

/* What an exposure of each item is worth for the items' sake.                                    */
static void find_prices(struct walk *x)
{
    const struct fair_offers *f = x->f;
    double alpha = x->w->items, mean = f->mean_exposure;
    float squares = (float)(x->item_weight * mean * mean);
    for (size_t i = 0; i < f->items; i++) {
        float at = (float)x->exposure[i];
        x->at[i] = at > LEAST ? at : LEAST;
    }
    if (!(x->item_weight > 0))
        memset(x->price, 0, f->items * sizeof *x->price);
    else if (alpha == -1)
        for (size_t i = 0; i < f->items; i++)
            x->price[i] = squares / (x->at[i] * x->at[i]);
    else
        for (size_t i = 0; i < f->items; i++)
            x->price[i] = (float)(x->item_weight * fair_slope(alpha, (double)x->at[i] / mean));
    fair_tiles_prices(&x->tiles, x->price, x->tile_price);
}

static void walk_on(struct walk *x, size_t block, double step)
{
    double *restrict given = x->given + block * x->f->items, *restrict exposure = x->exposure;
    const float *restrict to = x->to_exposure;
    for (size_t u = x->begin; u < x->end; u++)
        x->utility[u] += step * x->to_utility[u];
    for (size_t i = 0; i < x->f->items; i++) {
        double d = step * (double)to[i];
        exposure[i] += d;
        given[i] += d;
    }
}

/* Every block once. Gives the sum of the blocks' gaps, each where it stood.                      */
static double iterate(struct walk *x, size_t t)
{
    double sum = 0;
    for (size_t b = 0; b < x->blocks; b++) {
        double *step = &x->step[t * x->blocks + b];
        find_prices(x);
        double slope = look(x, b);
        if (!(slope > 0))
            continue;
        *step = best_step(x, slope, t > 0 ? step[-(ptrdiff_t)x->blocks] + 1e-6 : 1);
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
    for (size_t b = 0; b < x->blocks; b++)
        sum += look(x, b);
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
                    policy->listed.column[n] = x->tiles.item[m.seen[i]];
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
    x->at = malloc((f->items + 1) * sizeof *x->at);
    x->price = malloc((f->items + 1) * sizeof *x->price);
    x->tile_price = malloc((x->tiles.n + 1) * sizeof *x->tile_price);
    x->chosen = calloc(iterations + 1, sizeof *x->chosen);
    x->step = calloc(iterations * x->blocks + 1, sizeof *x->step);
    x->room = malloc((f->k + APART) * parallel_workers(threads) * sizeof *x->room);
    return x->utility && x->exposure && x->to_utility && x->to_exposure && x->given && x->slope &&
                   x->at && x->price && x->tile_price && x->chosen && x->step && x->room
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
    free(x->at);
    free(x->price);
    free(x->tile_price);
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
    struct walk x = {.w = w, .user_weight = f->judged_n ? 1 - w->lambda : 0};
    x.item_weight = w->lambda * judged / ((double)f->on_offer * f->mean_exposure);
    *policy = (struct fair_policy){0};
    *steps = 0;
    *gap = 0;
    enum heed_status status = fair_tiles_make(f, o->threads, &x.tiles);
    x.f = &x.tiles.offers;
    if (status == HEED_OK)
        status = walk_alloc(&x, f, o->iterations, o->threads);
    if (status == HEED_OK)
        start(&x);
    if (status == HEED_OK) {
        struct path path = {&x, o, objective, gap, steps, HEED_OK};
        parallel_team(o->threads, walk, &path);
        status = path.status;
    }
    if (status == HEED_OK)
        status = policy_of(&x, *steps, policy);
    fair_tiles_deinit(&x.tiles, o->threads);
    walk_free(&x, o->iterations);
    if (status == HEED_OK)
        return status;
    fair_policy_deinit(policy);
    return error_nomem(err);
}
