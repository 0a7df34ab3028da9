/* Exposure shared out one request at a time: a list for whoever comes now, from what has been given
 * so far, by the welfare and floor of allocation/fair.h.
 *
 * The score of an item is the gradient of the objective, and the list is a sort. Source: N.
 * Usunier, V. Do, E. Dohmatob, "Fast online ranking with fairness of exposure", FAccT 2022, arXiv
 * 2209.13019 (online Frank-Wolfe on running averages). Nothing is looked at but the worths of who
 * comes.
 *
 * The gradient is at what an item will have at the end of the epoch: what it has, and for the rest
 * its average so far, less that of a uniform policy the longer it goes. And it falls within a list:
 * few items are asked for, and an optimum gives the others less than one slot each, so a whole slot
 * or none is wrong both ways. At a bid of b the welfare buys up to the share where psi' is worth b;
 * what an item lacks of that is its wish, and a list gives no more than it at that price. One bid
 * for all items follows the pace at which wishes are paid, so that they are when the epoch ends.
 * Where psi(0) is -infinity, the share that is worth more than any exposure can be to a user is a
 * floor as below (or half of what a uniform policy gives everyone, if that is less).
 *
 * The floor is a debt per item and epoch: each user of the offers is served once in an epoch, in
 * any order. A list is such that those still to come can pay the rest, by one of two plans: evenly,
 * each item by all who may be shown it, or (near the highest floor that can be had) by a policy
 * found beforehand. So over an epoch the floor holds whenever floor_reach says it can. Lag: after
 * any part of an epoch items lack no more than that plan gives them in the rest, so together no
 * more than the lists to come hold, and none more than one exposure for each user to come who may
 * be shown it. */
#ifndef HEED_ALLOCATION_FAIR_ONLINE_H
#define HEED_ALLOCATION_FAIR_ONLINE_H

#include "allocation/fair.h"

struct fair_lot {
    uint32_t item;
    double exposure;
};

struct fair_online {
    const struct fair_offers *f;
    struct fair_welfare w;
    double floor;     /* exposure owed to each item in an epoch; 0: none */
    double bid;       /* what an exposure that is owed counts for besides; follows the pace */
    double owed;      /* the sum of debts */
    size_t served;    /* in this epoch */
    uint64_t feeds;   /* since ever */
    double *debt;     /* [items] */
    bool loose;       /* debts can be paid evenly by who may still be shown each item */
    uint32_t *open;   /* [items] how many those are */
    double *later;    /* [items] what the feasible policy gives in the rest of the epoch */
    double *given;    /* [items] exposure since ever */
    double *liked;    /* [items] the best worth of late */
    double wish_bid;  /* for what the welfare wishes; 0: no list was made yet */
    double *wish;     /* [items] up to which exposure of this list it stands */
    double wished;    /* the sum of wishes */
    double *utility;  /* [users] sum since ever */
    uint32_t *visits; /* [users] */
    float *feasible;  /* [users * items] that policy; NULL: the uniform one */
    /* room for one feed */
    float *price;                /* [items] */
    double *x;                   /* [items] 0 between feeds */
    struct fair_lot *must, *row; /* [items]; row: most exposure first */
    size_t must_n, row_n;
    double sum; /* of the row */
    struct top_item *plain, *owing, *chosen, *largest;
};

/* `floor` is a share of the mean exposure. Memory O(users + items), and users * items floats for a
 * floor that the uniform policy lacks. Errors: HEED_RANGE a floor that cannot be had; HEED_NOMEM.
 */
HEED_MUST_CHECK enum heed_status fair_online_init(struct fair_online *s,
                                                  const struct fair_offers *f,
                                                  const struct fair_welfare *w, double floor,
                                                  struct heed_error *err);
void fair_online_deinit(struct fair_online *s);

/* Debts anew: every user comes once until the next call. */
void fair_online_epoch(struct fair_online *s);

/* Serves the user: s->row[s->row_n] are expected exposures, most first, which are a mixture of
 * lists. Cost: some passes over the user's worths. */
void fair_online_serve(struct fair_online *s, size_t user);

/* What `heed allocate online` does: batch's options (iterations are not used), and */
struct fair_online_options {
    size_t passes;  /* over the users, each in a random order from the seed */
    size_t against; /* iterations of the batch to compare with; 0: none */
};

/* objective[0] is the uniform policy's, then after each pass, of the mean of all lists given so
 * far; floor_cost is beside the same passes without a floor. gap and gain_kept: NAN without
 * `against`, else gap is to the most that the batch has proved possible. Errors: as
 * fair_batch_run. */
HEED_MUST_CHECK enum heed_status
fair_online_run(const struct sparse *history, const struct sparse *test,
                const struct fair_batch_options *o, const struct fair_online_options *online,
                struct fair_batch *out, double *gain_kept, struct heed_error *err);
#endif
