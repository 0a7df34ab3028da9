/* The gradient of the welfare at what has been given so far, as scores for the next list: what the
 * feeds of a world rank by, and but for the price of items allocation/fair_online.h too.
 *
 * Of one user, times the number of users, it is
 *
 *     (1 - lambda) psi'(u) worth(i)  +  weight psi'(v_i)
 *
 * u being the mean of his utilities, v_i the item's exposure so far over the mean of all items, and
 * weight = lambda / the exposure of one list. Source: N. Usunier, V. Do, E. Dohmatob, "Fast online
 * ranking with fairness of exposure", FAccT 2022, arXiv 2209.13019.                             */
#ifndef HEED_ALLOCATION_FAIR_GRADIENT_H
#define HEED_ALLOCATION_FAIR_GRADIENT_H

#include "allocation/fair.h"

/* The second term. served: lists made so far, in epochs of as many lists as there are users; given:
 * the item's exposure in them and even: what a uniform policy gives it in one epoch, both over the
 * mean of all items in one epoch; stagger in (0, 1], another for each item, so that those that
 * nobody asks for do not all come due at once: as much of a tenth of an epoch is taken to have gone
 * before, uniformly.                                                                            */
double fair_price(const struct fair_welfare *w, double weight, double stagger, double even,
                  double given, double served);

/* The second term at v = share. */
double fair_price_at(const struct fair_welfare *w, double weight, double share);

/* What a worth counts for in the first term, the user's list being one more of `utility` beside
 * `visits` that sum up to `sum`. Means below .01 count as that. */
double fair_user_slope(const struct fair_welfare *w, double sum, double visits, double utility);

/* A list that counts with the slope of the utility that it has itself.                           */
struct fair_listing {
    double (*make)(void *context, double slope);    /* gives the list's utility */
    double (*slope)(void *context, double utility); /* never rising */
    void *context;
};

/* Makes lists until the slope is right within a hundredth; the last one stands, its utility is
 * returned. 16 lists at most.                                                                   */
double fair_list(const struct fair_listing *l);
#endif
