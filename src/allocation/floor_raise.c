/* The floor as an auction of exposure.
 *
 * Every item below the floor bids for exposure in users' lists. What one exposure of item i is
 * worth to user u is slope[u] x worth(u, i) + price[i]; the price is what the floor has come to pay
 * for i, 0 for what is above it. A bidder goes where what it displaces is worth least above its own
 * worth, and raises its price to that difference and `step` more; who is displaced below the floor
 * bids next. Whatever is displaced was the least in its list within `step`, so at the end no
 * exchange gains more than `step` an exposure: that is the method of relaxation for minimum cost
 * flows, with lists (polymatroids) where a flow has capacities. Prices only rise, so it ends when
 * the floor can be had; after many bids the step doubles, so it ends soon.
 *
 * How the loss is spread: slope[u] = utility[u]^-curve, up to SLOPE_MAX, rises with what u has
 * lost, so that the next loss goes elsewhere. With curve 0 the mean utility is the linear
 * program's, less `step`, and the prices bound it from above. Of some curves the steepest is taken
 * that stays within SPREAD_COST of that bound. Sources: D. Bertsekas, J. Eckstein, Math. Program.
 * 42 (1988) 203 (auction, relaxation); L. Fleischer, S. Iwata, Discrete Appl. Math. 131 (2003) 311
 * (push-relabel on polymatroids).    */
#include "allocation/fair.h"
#include "allocation/fair_parts.h"
#include "allocation/top.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/str.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { BLOCK = 16, BIDS = 150, HASTY_BIDS = 8 }; /* bids an item before the step doubles */
static const double STEP = .005,                 /* in utility of one exposure */
    SPREAD_COST = .0075, SLOPE_MAX = 10, SLOPE_MOVES = 1.02;

/* A part of a user's list.                                                                       */
struct lot {
    uint32_t item;
    float worth;
    double exposure;
};

struct lots {
    struct lot *lot; /* most exposure first */
    size_t n, cap;
};

struct auction {
    const struct fair_offers *f;
    const float *worths; /* [items * users] */
    double curve;
    const double *even; /* [users] share of the exposure that is uniform, and not in the lots */
    double floor, tolerance, step;
    struct lots *lots;                  /* [users] */
    uint8_t *holds;                     /* [items * users] whether an item is among a user's lots */
    double *utility, *exposure, *price; /* price: [items] */
    const double *base;                 /* [items] worth of an exposure to the item itself */
    float *slope, *least;               /* [users] least worth of an exposure among the lots */
    uint32_t *queue;                    /* [items] those below the floor, a ring */
    bool *waits;                        /* [items] in the queue */
    size_t first, waiting;
    uint64_t bids, patience; /* bids until the step doubles */
    enum heed_status status;
};

static double worth_of(const struct auction *a, size_t u, uint32_t item)
{
    return (double)a->worths[item * a->f->users + u];
}

static double value_of(const struct auction *a, size_t u, const struct lot *lot)
{
    return (double)a->slope[u] * (double)lot->worth + a->base[lot->item] + a->price[lot->item];
}

static void find_least(struct auction *a, size_t u)
{
    double least = INFINITY;
    for (size_t i = 0; i < a->lots[u].n; i++) {
        double value = value_of(a, u, &a->lots[u].lot[i]);
        least = value < least ? value : least;
    }
    a->least[u] = (float)least;
}

/* How much exposure can go from lot `from` to the item: no j lots may have more than j ranks give.
 */
static double room_for(const struct auction *a, size_t u, uint32_t item, size_t from)
{
    const struct lots *lots = &a->lots[u];
    const double *up_to = a->f->up_to;
    double has = 0, room = lots->lot[from].exposure;
    for (size_t i = 0; a->holds[item * a->f->users + u] && i < lots->n; i++)
        if (lots->lot[i].item == item)
            has = lots->lot[i].exposure;
    size_t j = 1, length = a->f->length[u];
    for (size_t i = 0; j <= length; i++) {
        double left = (1 - a->even[u]) * up_to[j] - has;
        if (j < length && left < room)
            room = left;
        while (i < lots->n && (i == from || lots->lot[i].item == item))
            i++;
        if (i >= lots->n || j >= length)
            break;
        has += lots->lot[i].exposure;
        j++;
    }
    return room;
}

struct bid {
    size_t user, from; /* whose lot goes; user SIZE_MAX: none */
    double cost, room;
};

/* The cheapest lot of u for the item, if that is below bid->cost.                                */
static void try_user(const struct auction *a, uint32_t item, size_t u, struct bid *bid)
{
    const struct lots *lots = &a->lots[u];
    double own = (double)a->slope[u] * worth_of(a, u, item) + a->base[item];
    for (size_t i = 0; i < lots->n; i++) {
        double cost = value_of(a, u, &lots->lot[i]) - own;
        if (lots->lot[i].item == item || !(cost < bid->cost))
            continue;
        double room = room_for(a, u, item, i);
        if (room > a->tolerance)
            *bid = (struct bid){u, i, cost, room};
    }
}

static struct bid best_bid(const struct auction *a, uint32_t item)
{
    struct bid bid = {SIZE_MAX, 0, INFINITY, 0};
    const float *worths = a->worths + item * a->f->users;
    size_t users = a->f->users, u = 0;
    float base = (float)a->base[item];
    for (; u + BLOCK <= users; u += BLOCK) {
        uint32_t any = 0;
        /* a little more than the cost, as these are floats */
        float below = (float)(bid.cost + 1e-6 * (1 + fabs(bid.cost))) + base;
        for (size_t j = 0; j < BLOCK; j++)
            any |= a->least[u + j] - a->slope[u + j] * worths[u + j] < below;
        for (size_t j = u; any && j < u + BLOCK; j++)
            if (worths[j] >= 0)
                try_user(a, item, j, &bid);
    }
    for (; u < users; u++)
        if (worths[u] >= 0)
            try_user(a, item, u, &bid);
    return bid;
}

/* Puts a lot whose exposure has changed where it belongs.                                        */
static void reorder(struct lots *lots, size_t at)
{
    struct lot x = lots->lot[at];
    for (; at > 0 && lots->lot[at - 1].exposure < x.exposure; at--)
        lots->lot[at] = lots->lot[at - 1];
    for (; at + 1 < lots->n && lots->lot[at + 1].exposure > x.exposure; at++)
        lots->lot[at] = lots->lot[at + 1];
    lots->lot[at] = x;
}

static void take_from(struct auction *a, size_t u, size_t at, double amount)
{
    struct lots *lots = &a->lots[u];
    uint32_t item = lots->lot[at].item;
    lots->lot[at].exposure -= amount;
    a->exposure[item] -= amount;
    a->utility[u] -= amount * worth_of(a, u, item);
    if (lots->lot[at].exposure > 0) {
        reorder(lots, at);
        return;
    }
    lots->n--;
    memmove(lots->lot + at, lots->lot + at + 1, (lots->n - at) * sizeof *lots->lot);
    a->holds[item * a->f->users + u] = 0;
}

static bool give_to(struct auction *a, size_t u, uint32_t item, double amount)
{
    struct lots *lots = &a->lots[u];
    uint8_t *holds = &a->holds[item * a->f->users + u];
    size_t at = 0;
    if (*holds) {
        while (lots->lot[at].item != item)
            at++;
        lots->lot[at].exposure += amount;
    } else {
        if (!array_grow(&lots->lot, &lots->cap, lots->n + 1, sizeof *lots->lot))
            return false;
        at = lots->n++;
        lots->lot[at] = (struct lot){item, (float)worth_of(a, u, item), amount};
        *holds = 1;
    }
    reorder(lots, at);
    a->exposure[item] += amount;
    a->utility[u] += amount * worth_of(a, u, item);
    return true;
}

static void wait_in_line(struct auction *a, uint32_t item)
{
    if (a->waits[item] || a->exposure[item] >= a->floor - a->tolerance)
        return;
    a->waits[item] = true;
    a->queue[(a->first + a->waiting++) % a->f->items] = item;
}

static double slope_for(const struct auction *a, size_t u)
{
    if (!a->f->judged[u])
        return 0;
    if (!(a->curve > 0))
        return 1;
    double slope = pow(a->utility[u] > .01 ? a->utility[u] : .01, -a->curve);
    return slope < SLOPE_MAX ? slope : SLOPE_MAX;
}

/* The item's price has risen: where a lot of it was the least, another may be now.               */
static void refresh_holders(struct auction *a, uint32_t item, double rise)
{
    const uint8_t *holds = a->holds + item * a->f->users;
    const float *worths = a->worths + item * a->f->users;
    size_t users = a->f->users;
    double before = a->base[item] + a->price[item] - rise;
    for (size_t u = 0; u < users; u += BLOCK) {
        size_t end = u + BLOCK < users ? u + BLOCK : users;
        if (!memchr(holds + u, 1, end - u))
            continue;
        for (size_t j = u; j < end; j++) {
            double least = (double)a->least[j];
            if (holds[j] && (double)a->slope[j] * (double)worths[j] + before <=
                                least + 1e-6 * (1 + fabs(least)))
                find_least(a, j);
        }
    }
}

/* One item buys until it has the floor.                                                          */
static enum heed_status serve(struct auction *a, uint32_t item)
{
    while (a->exposure[item] < a->floor - a->tolerance) {
        struct bid bid = best_bid(a, item);
        if (bid.user == SIZE_MAX)
            return HEED_RANGE;
        if (++a->bids % a->patience == 0)
            a->step *= 2;
        if (a->step > 1e6)
            return HEED_RANGE;
        double before = a->price[item];
        a->price[item] = fmax(before, bid.cost + a->step);
        size_t u = bid.user;
        struct lot victim = a->lots[u].lot[bid.from];
        double spare = a->exposure[victim.item] - a->floor;
        double amount = bid.room, wanted = a->floor - a->exposure[item];
        amount = wanted < amount ? wanted : amount;
        amount = spare > a->tolerance && spare < amount ? spare : amount;
        if (victim.exposure - amount < a->tolerance) /* no crumbs */
            amount = victim.exposure;
        take_from(a, u, bid.from, amount);
        if (!give_to(a, u, item, amount))
            return HEED_NOMEM;
        double slope = slope_for(a, u);
        if (slope > (double)a->slope[u] * SLOPE_MOVES)
            a->slope[u] = (float)slope;
        wait_in_line(a, victim.item);
        find_least(a, u);
        refresh_holders(a, item, a->price[item] - before);
    }
    return HEED_OK;
}

static void auction_deinit(struct auction *a)
{
    for (size_t u = 0; a->lots && u < a->f->users; u++)
        free(a->lots[u].lot);
    free(a->lots);
    free(a->holds);
    free(a->utility);
    free(a->exposure);
    free(a->price);
    free(a->slope);
    free(a->least);
    free(a->queue);
    free(a->waits);
}

static int most_first(const void *x, const void *y)
{
    const struct lot *a = x, *b = y;
    if (a->exposure != b->exposure)
        return a->exposure > b->exposure ? -1 : 1;
    return (a->item > b->item) - (a->item < b->item);
}

static enum heed_status auction_init(struct auction *a, const struct fair_policy *policy)
{
    const struct fair_offers *f = a->f;
    size_t users = f->users, items = f->items;
    a->lots = calloc(users + 1, sizeof *a->lots);
    a->holds = calloc(items * users + 1, sizeof *a->holds);
    a->utility = malloc((users + 1) * sizeof *a->utility);
    a->exposure = malloc((items + 1) * sizeof *a->exposure);
    a->price = calloc(items + 1, sizeof *a->price);
    a->slope = calloc(users + 1, sizeof *a->slope);
    a->least = calloc(users + 1, sizeof *a->least);
    a->queue = malloc((items + 1) * sizeof *a->queue);
    a->waits = calloc(items + 1, sizeof *a->waits);
    if (!a->lots || !a->holds || !a->utility || !a->exposure || !a->price || !a->slope ||
        !a->least || !a->queue || !a->waits)
        return HEED_NOMEM;
    fair_policy_totals(f, policy, a->utility, a->exposure);
    for (size_t u = 0; u < users; u++) {
        struct sparse_row row = sparse_row(&policy->listed, u);
        struct lots *lots = &a->lots[u];
        if (!array_grow(&lots->lot, &lots->cap, row.n + 4, sizeof *lots->lot))
            return HEED_NOMEM;
        for (size_t i = 0; i < row.n; i++) {
            lots->lot[lots->n++] = (struct lot){row.column[i], (float)worth_of(a, u, row.column[i]),
                                                (double)row.value[i]};
            a->holds[row.column[i] * users + u] = 1;
        }
        qsort(lots->lot, lots->n, sizeof *lots->lot, most_first);
        a->slope[u] = (float)slope_for(a, u);
        find_least(a, u);
    }
    return HEED_OK;
}

static void auction_run(struct auction *a, const struct fair_policy *policy)
{
    a->status = auction_init(a, policy);
    for (uint32_t i = 0; a->status == HEED_OK && i < a->f->items; i++)
        if (a->f->even_items[i] > 0)
            wait_in_line(a, i);
    while (a->status == HEED_OK && a->waiting > 0) {
        uint32_t item = a->queue[a->first];
        a->first = (a->first + 1) % a->f->items;
        a->waiting--;
        a->waits[item] = false;
        a->status = serve(a, item);
    }
}

static double mean_utility(const struct auction *a)
{
    double sum = 0;
    for (size_t u = 0; u < a->f->users; u++)
        sum += a->f->judged[u] ? a->utility[u] : 0;
    return a->f->judged_n ? sum / (double)a->f->judged_n : 1;
}

/* Lagrange: what all lists would be worth at these prices, less what the floors pay.             */
static enum heed_status bound_of(const struct auction *a, double floor, double *bound)
{
    const struct fair_offers *f = a->f;
    struct top_item *room = malloc((f->k + 1) * sizeof *room);
    float *price = malloc((f->items + 1) * sizeof *price);
    double sum = 0;
    for (size_t i = 0; price && i < f->items; i++) {
        price[i] = (float)a->price[i];
        sum -= f->even_items[i] > 0 ? floor * (double)price[i] : 0;
    }
    for (size_t u = 0; room && price && u < f->users; u++) {
        size_t n = fair_best(f, u, 1, price, -INFINITY, room);
        for (size_t r = 0; r < n; r++)
            sum += room[r].score * (f->up_to[r + 1] - f->up_to[r]);
    }
    *bound = f->judged_n ? fmin(1, sum / (double)f->judged_n) : 1;
    enum heed_status status = room && price ? HEED_OK : HEED_NOMEM;
    free(room);
    free(price);
    return status;
}

static enum heed_status policy_of(const struct auction *a, struct fair_policy *policy)
{
    struct sparse listed = {0};
    uint64_t n = 0;
    for (size_t u = 0; u < a->f->users; u++)
        n += a->lots[u].n;
    enum heed_status status = sparse_init(&listed, a->f->users, a->f->items, n, true);
    if (status != HEED_OK)
        return status;
    n = 0;
    for (size_t u = 0; u < a->f->users; u++) {
        for (size_t i = 0; i < a->lots[u].n; i++, n++) {
            listed.column[n] = a->lots[u].lot[i].item;
            listed.value[n] = (float)a->lots[u].lot[i].exposure;
        }
        listed.at[u + 1] = n;
    }
    sparse_deinit(&policy->listed);
    policy->listed = listed;
    return HEED_OK;
}

/* ── the curves ── */

struct raise {
    const struct fair_policy *policy;
    struct auction *auction; /* those of this round */
};

static void run_piece(void *context, size_t piece, unsigned worker)
{
    struct raise *r = context;
    (void)worker;
    auction_run(&r->auction[piece], r->policy);
}

/* What the welfare gives for an item's exposure, in units in which the users' psi' is
 * utility^(alpha - 1); users count for a thousandth at least. [items] out.                       */
static void base_of(const struct fair_offers *f, const struct fair_welfare *w,
                    const double *exposure, double *base)
{
    double users =
        (1 - w->lambda > .001 ? 1 - w->lambda : .001) * (w->users != 0 ? fabs(w->users) : 1);
    double scale = w->lambda * (double)(f->judged_n ? f->judged_n : 1) /
                   ((double)f->on_offer * f->mean_exposure * users);
    for (size_t i = 0; i < f->items; i++)
        base[i] = w->lambda > 0 && f->even_items[i] > 0
                      ? scale * fair_slope(w->items, exposure[i] / f->mean_exposure)
                      : 0;
}

static float *worths_by_item(const struct fair_offers *f)
{
    float *worths = malloc((f->users * f->items + 1) * sizeof *worths);
    enum { TILE = 64 }; /* so that both sides stay in the cache */
    for (size_t u = 0; worths && u < f->users; u += TILE)
        for (size_t i = 0; i < f->items; i++)
            for (size_t j = u; j < u + TILE && j < f->users; j++)
                worths[i * f->users + j] = f->worth[j * f->items + i];
    return worths;
}

enum heed_status floor_raise(const struct fair_offers *f, const struct fair_welfare *w,
                             double floor, const struct fair_options *o, struct fair_policy *policy,
                             double *bound, struct heed_error *err)
{
    static const double spreads[] = {0, 12, 6, 3, 1.5};
    enum { SPREADS = sizeof spreads / sizeof *spreads };
    bool none = w->lambda <= 0 && w->users == 1;
    double of_welfare = 1 - w->users;
    const double *curves = none ? spreads : &of_welfare;
    size_t curves_n = none ? SPREADS : 1;
    struct auction auctions[SPREADS];
    double least = floor * f->mean_exposure;
    memset(auctions, 0, sizeof auctions);
    float *worths = worths_by_item(f);
    double *base = calloc(f->items + 1, sizeof *base);
    double *utility = malloc((f->users + 1) * sizeof *utility);
    double *exposure = malloc((f->items + 1) * sizeof *exposure);
    enum heed_status status = worths && base && utility && exposure ? HEED_OK : HEED_NOMEM;
    *bound = INFINITY;
    if (status == HEED_OK) {
        fair_policy_totals(f, policy, utility, exposure);
        base_of(f, w, exposure, base);
    }
    size_t taken = 0, tried = 0;
    double measure = INFINITY; /* of the mean: a list may lose SPREAD_COST of it to be spread */
    /* two at a time: the first is the measure for the others */
    while (status == HEED_OK && tried < curves_n && (tried == 0 || taken == 0)) {
        size_t n = curves_n - tried < 2 ? curves_n - tried : 2;
        for (size_t i = tried; i < tried + n; i++)
            auctions[i] = (struct auction){.f = f,
                                           .worths = worths,
                                           .curve = curves[i],
                                           .even = policy->even,
                                           /* a little more, for what rounding to floats loses */
                                           .floor = floor < .999 ? least * (1 + 1e-6) : least,
                                           .tolerance = least * 1e-7,
                                           .step = STEP,
                                           .patience = (o->hasty ? HASTY_BIDS : BIDS) * f->items,
                                           .base = base};
        parallel_each(n, o->threads, run_piece,
                      &(struct raise){.policy = policy, .auction = auctions + tried});
        for (size_t i = tried; i < tried + n; i++)
            if (auctions[i].status == HEED_NOMEM)
                status = HEED_NOMEM;
        if (tried == 0 && status == HEED_OK) {
            status = auctions[0].status;
            if (status == HEED_OK && none)
                status = bound_of(&auctions[0], least, bound);
            measure = o->hasty ? mean_utility(&auctions[0]) : *bound;
        }
        for (size_t i = tried ? tried : 1; i < tried + n && taken == 0; i++)
            if (auctions[i].status == HEED_OK &&
                mean_utility(&auctions[i]) >= (1 - SPREAD_COST) * measure)
                taken = i;
        tried += n;
        if (o->progress)
            o->progress(o->context, "raise to the floor", (double)tried / (double)curves_n);
    }
    if (status == HEED_OK)
        status = policy_of(&auctions[taken], policy);
    for (size_t i = 0; i < tried; i++)
        auction_deinit(&auctions[i]);
    free(worths);
    free(base);
    free(utility);
    free(exposure);
    if (status == HEED_RANGE)
        return error_set(err, status, "floor",
                         "%g of the mean exposure cannot be had here; give less", floor);
    return status == HEED_OK ? status : error_nomem(err);
}
