/* The welfare in feeds: prices of items, and what scores and prices weigh in one user's turn. */
#include "allocation/allocation_parts.h"
#include "allocation/fair_gradient.h"
#include "allocation/fair_parts.h"
#include "base/hash.h"

#include <math.h>

enum { PPM = 1000000 };
static const double
    PRICE_MAX = 1000, /* so that a price in millionths fits an int32_t */
    SLOT_PART = .25,
    PRIOR = .1,  /* of an epoch at most: what the pace of an item that had little counts for */
    TRUST = 5,   /* of an epoch, for each slot more than one */
    KNOWN = .25; /* slots more than one */

static struct fair_welfare welfare_of(const struct allocator *a)
{
    const struct fair_rules *r = &a->rules.fair;
    return (struct fair_welfare){r->users_milli / 1e3, r->items_milli / 1e3,
                                 (double)r->lambda_ppm / PPM};
}

/* In (0, 1], the same for an item however many there are.                                        */
static double stagger(uint32_t item)
{
    return (double)((hash_u64(item) >> 11) + 1) / 9007199254740992.0; /* 2^53 */
}

static uint64_t sum_known(const uint64_t *given, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; given && i < n; i++)
        sum += given[i] != GIVEN_UNKNOWN ? given[i] : 0;
    return sum;
}

/* A slot is bought whole, so an item is priced at what it will have with a part of one. But where
 * nothing at all is infinitely bad, with no more than is dear enough to buy a slot of somebody who
 * has half his best: else what is asked for by nobody would never be. slot: a share. */
static double part_of_slot(const struct fair_welfare *w, double slot)
{
    double part = SLOT_PART * slot;
    if (w->items > 0 || w->lambda >= 1)
        return part;
    double dear = (1 - w->lambda) * fair_slope(w->users, .5) / w->lambda;
    return fmin(part, fair_slope_inverse(w->items, dear));
}

/* The epoch that prices are made in; shares are in units of the mean of all items in an epoch. */
struct outlook {
    double part;    /* of the epoch that is over */
    double slot;    /* share */
    double besides; /* part_of_slot */
};

/* The share that an item will have had in the end. What it had in the epoch before is the pace to
 * expect of it. Of an item that had a slot or less that says little, since whether a slot comes
 * early or late is chance: it is priced at its share so far, as where no epoch is known. */
static double share_ahead(const struct outlook *o, double late, double had, double has)
{
    double slots = had / o->slot, more = fmax(0, slots - 1);
    double known = fmin(1, more / KNOWN), prior = PRIOR * late;
    double trust = prior + TRUST * more;
    double pace = (trust * had + has) / (trust + o->part);
    double ahead = o->besides + (o->part < 1 ? has + (1 - o->part) * pace : has / o->part);
    return known * ahead + (1 - known) * (prior + has) / (prior + o->part);
}

void allocator_prices(const struct allocator *a, const struct feeds_given *g, uint32_t *price)
{
    const struct fair_welfare w = welfare_of(a);
    double on_offer = (double)(a->eligible_n - a->limited_n);
    double all = (double)sum_known(g->given, a->n), before = (double)sum_known(g->before, a->n);
    double epoch = before > 0 ? before : (double)g->feed * (double)(g->users > 0 ? g->users : 1);
    double weight = g->feed > 0 ? w.lambda * PPM / (double)g->feed : 0;
    struct outlook o = {.part = g->feed > 0 ? all / epoch : 0,
                        .slot = (double)g->feed * on_offer / (fmax(a->rules.k, 1) * epoch)};
    o.besides = part_of_slot(&w, o.slot);
    for (uint32_t i = 0; i < a->n; i++) {
        price[i] = 0;
        if (g->feed == 0 || a->eligible[i] != ELIGIBLE)
            continue;
        double has = g->given ? (double)g->given[i] * on_offer / epoch : 0, x, late = stagger(i);
        if (before > 0) {
            double had =
                g->before[i] != GIVEN_UNKNOWN ? (double)g->before[i] * on_offer / epoch : late;
            x = fair_price_at(&w, weight, share_ahead(&o, late, had, has));
        } else {
            x = fair_price(&w, weight, late, 1, has, o.part);
        }
        price[i] = (uint32_t)lround((x < PRICE_MAX ? x : PRICE_MAX) * PPM);
    }
}

double allocator_welfare(const struct allocator *a, const struct welfare_turn *turns, size_t users,
                         const uint64_t *given)
{
    const struct fair_welfare w = welfare_of(a);
    double on_offer = (double)(a->eligible_n - a->limited_n), all = (double)sum_known(given, a->n);
    double of_users = 0, of_items = 0, judged = 0;
    double part = SLOT_PART * on_offer / ((double)users * fmax(a->rules.k, 1));
    for (size_t u = 0; u < users; u++)
        if (turns[u].best > 0) {
            of_users += fair_psi(w.users, turns[u].made);
            judged++;
        }
    for (size_t i = 0; i < a->n; i++)
        if (a->eligible[i] == ELIGIBLE)
            of_items += fair_psi(w.items, part + (double)given[i] * on_offer / all);
    return (1 - w.lambda) * (judged > 0 ? of_users / judged : 0) + w.lambda * of_items / on_offer;
}

struct weighing {
    struct allocator *a;
    const struct feed_request *q;
    struct fair_welfare w;
};

/* Exposure x score of the best feed under the weights as they are.                               */
static double make_best(const struct weighing *x)
{
    double sum = 0;
    feed_best(x->a, x->q);
    for (size_t i = 0; i < x->a->best_n; i++)
        sum += (double)exposure_of_rank((uint32_t)i + 1) / PPM *
               allocator_worth(x->a, x->q->algorithm, x->a->best[i].item);
    return sum;
}

static double make_list(void *context, double slope)
{
    const struct weighing *x = context;
    struct welfare_turn *t = x->q->turn;
    double own = slope > 0 ? 1 / (1 + t->best / slope) : 0;
    t->own_ppm = (uint32_t)lround(own * PPM);
    t->items_ppm = PPM - t->own_ppm;
    return make_best(x) / t->best;
}

static double slope_of_list(void *context, double utility)
{
    const struct weighing *x = context;
    return fair_user_slope(&x->w, x->q->turn->utility, x->q->turn->visits, utility);
}

void welfare_weigh(struct allocator *a, const struct feed_request *q)
{
    struct weighing x = {a, q, welfare_of(a)};
    const struct fair_listing listing = {make_list, slope_of_list, &x};
    struct welfare_turn *t = q->turn;
    a->turn = t;
    if (t->weighed)
        return;
    t->weighed = true;
    t->own_ppm = PPM;
    t->items_ppm = 0;
    t->best = make_best(&x);
    if (t->best > 0) {
        t->made = fair_list(&listing);
    } else { /* nothing is worth anything to this user, so the items decide */
        t->own_ppm = 0;
        t->items_ppm = PPM;
    }
}

double allocator_utility(const struct allocator *a, enum algorithm algorithm,
                         const struct welfare_turn *turn, const struct slot *slots, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double score = 0;
        for (int j = 0; j < 4; j++)
            score += (double)slots[i].value_ppm[j] / PPM * a->weight_ppm[algorithm][j] / PPM;
        sum += (double)exposure_of_rank((uint32_t)i + 1) / PPM * score;
    }
    return turn->best > 0 ? sum / turn->best : 0;
}
