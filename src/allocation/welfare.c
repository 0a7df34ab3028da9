/* The welfare in feeds: prices of items, and what scores and prices weigh in one user's turn. */
#include "allocation/allocation_parts.h"
#include "allocation/fair_gradient.h"
#include "base/hash.h"

#include <math.h>

enum { PPM = 1000000 };
static const double PRICE_MAX = 1000; /* so that a price in millionths fits an int32_t */

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

void allocator_prices(const struct allocator *a, const uint64_t *given, uint64_t feed, size_t users,
                      uint32_t *price)
{
    const struct fair_welfare w = welfare_of(a);
    double on_offer = (double)(a->eligible_n - a->limited_n), all = 0;
    double epoch = (double)feed * (double)(users > 0 ? users : 1);
    double weight = feed > 0 ? w.lambda * PPM / (double)feed : 0;
    for (size_t i = 0; given && i < a->n; i++)
        all += (double)given[i];
    double served = feed > 0 ? all / epoch : 0;
    for (uint32_t i = 0; i < a->n; i++) {
        price[i] = 0;
        if (feed == 0 || a->eligible[i] != ELIGIBLE)
            continue;
        double share = given ? (double)given[i] * on_offer / epoch : 0;
        double x = fair_price(&w, weight, stagger(i), 1, share, served);
        price[i] = (uint32_t)lround((x < PRICE_MAX ? x : PRICE_MAX) * PPM);
    }
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
        (void)fair_list(&listing);
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
