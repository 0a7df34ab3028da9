#include "allocation/fair_gradient.h"

#include "allocation/fair_parts.h"

enum { HALVINGS = 14 };
static const double SLOPE_MAX = 1e4, PRIOR = .1 /* of an epoch at most */;

double fair_price(const struct fair_welfare *w, double weight, double stagger, double even,
                  double given, double served)
{
    double prior = PRIOR * stagger;
    return fair_price_at(w, weight, (prior * even + given) / (prior + served));
}

double fair_price_at(const struct fair_welfare *w, double weight, double share)
{
    return weight * fair_slope(w->items, share);
}

double fair_user_slope(const struct fair_welfare *w, double sum, double visits, double utility)
{
    double mean = (sum + utility) / (visits + 1);
    return (1 - w->lambda) * fair_slope(w->users, mean > .01 ? mean : .01);
}

double fair_list(const struct fair_listing *l)
{
    double low = l->slope(l->context, 1), high = SLOPE_MAX * low;
    double utility = l->make(l->context, low), wanted = l->slope(l->context, utility);
    if (!(wanted > 1.01 * low))
        return utility;
    high = wanted < high ? wanted : high;
    for (int i = 0; i < HALVINGS && high > 1.01 * low; i++) {
        double slope = sqrt(low * high);
        utility = l->make(l->context, slope);
        wanted = l->slope(l->context, utility);
        if (wanted > slope)
            low = slope;
        else
            high = slope;
    }
    return utility;
}
