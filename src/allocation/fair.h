/* Exposure shared out in batch: randomised rankings for many users at once, fair to users and
 * items by a concave welfare, with a guaranteed floor under every item's expected exposure.
 *
 * Rank r gives the exposure 1/log2(1 + r). A policy is a matrix of expected exposures; any matrix
 * whose rows sum up to what the ranks give, and whose j largest entries of a row never sum up to
 * more than what the first j ranks give, is a mixture of rankings (R. Rado, J. London Math. Soc. 27
 * (1952) 1), so nothing below deals with single rankings.                                        */
#ifndef HEED_ALLOCATION_FAIR_H
#define HEED_ALLOCATION_FAIR_H

#include "allocation/model.h"

/* What there is to share out. Items that may be shown to nobody take no part: they are not in
 * on_offer, in no mean and under no floor. Users who may be shown nothing take none either; those
 * to whom no item is worth anything bear what they are given and count in no utility.            */
struct fair_offers {
    const struct sparse *blocked; /* the caller's: what each user is not to be shown */
    size_t users, items, k;
    float *worth;       /* [users * items] of one exposure, as a share of the user's best possible
                         * utility; -INFINITY: not to be shown */
    double *up_to;      /* [k + 1] exposure of the first j ranks */
    uint32_t *length;   /* [users] of each list: k, or what may be shown if that is less */
    uint32_t *choice;   /* [users] how many items may be shown */
    double *even;       /* [users] utility of a uniform policy over what may be shown */
    double *even_items; /* [items] exposures under it */
    bool *judged;       /* [users] the user has a utility */
    size_t judged_n, on_offer;
    double mean_exposure; /* of the items on offer */
    uint32_t *order;      /* [items] for ties */
};

#define FAIR_PAIRS_MAX UINT64_C(1000000000)

/* What can be said before anything is trained or scored. Errors: HEED_RANGE k of 0 or above the
 * catalogue, a catalogue of one, more than FAIR_PAIRS_MAX pairs.                                 */
HEED_MUST_CHECK enum heed_status fair_check(size_t users, size_t items, size_t k,
                                            struct heed_error *err);

/* Makes offers of scores[users * items], which it takes over (free'd with the offers, and on
 * error): utility is the sum of max(0, score) x exposure over the user's own best possible. blocked
 * in   what each user is not to be shown Errors: as fair_check; HEED_RANGE a score that is not
 * finite, nothing on offer; HEED_NOMEM. O(users items). */
HEED_MUST_CHECK enum heed_status fair_offers_init(struct fair_offers *f, float *scores,
                                                  const struct sparse *blocked, size_t k,
                                                  uint64_t seed, unsigned threads,
                                                  struct heed_error *err);
void fair_offers_deinit(struct fair_offers *f);

/* The same with a model's scores for each row of history, which is not to be shown again.        */
HEED_MUST_CHECK enum heed_status
fair_offers_of_model(struct fair_offers *f, const struct model_kind *kind, const void *model,
                     const struct sparse *history, size_t k, uint64_t seed, unsigned threads,
                     struct heed_error *err);

/* (1 - lambda) mean over users of psi(utility) + lambda mean over items of psi(exposure / mean),
 * psi being x^alpha for alpha > 0, ln x for 0, -x^alpha below. Source: V. Do, S. Corbett-Davies, J.
 * Atif, N. Usunier, NeurIPS 2021, "Two-sided fairness in rankings via Lorenz dominance", section 3.
 */
struct fair_welfare {
    double users, items; /* alpha of each, at most 1 */
    double lambda;       /* [0, 1] */
};

#define FAIR_NONE ((struct fair_welfare){1, 1, 0}) /* relevance alone */

/* Reads "none" or "users=-1,items=-1,lambda=.01"; what is not named is users=1, items=1, lambda=0.
 * Errors: HEED_USAGE, with the form.                                                             */
HEED_MUST_CHECK enum heed_status fair_welfare_parse(struct str text, struct fair_welfare *out,
                                                    struct heed_error *err);

/* Expected exposures: those listed, and even[u] of a uniform policy besides. */
struct fair_policy {
    struct sparse listed; /* [users x items] values; not ascending */
    double *even;         /* [users] in [0, 1] */
};
void fair_policy_deinit(struct fair_policy *p);

/* utility[users], exposure[items] out.                                                           */
void fair_policy_totals(const struct fair_offers *f, const struct fair_policy *p, double *utility,
                        double *exposure);
/* given[items] out: what the policy gives the user of each. O(items).                            */
void fair_policy_row(const struct fair_offers *f, const struct fair_policy *p, size_t user,
                     double *given);
double fair_objective(const struct fair_offers *f, const struct fair_welfare *w,
                      const double *utility, const double *exposure);

struct fair_options {
    size_t iterations;
    unsigned threads;
    bool hasty; /* floor_raise: a third of the time; off by .002 of the mean utility or so */
    void (*progress)(void *context, const char *what, double share); /* may be NULL */
    void *context;
};

/* Frank-Wolfe from the uniform policy, users in blocks, each step as long as is best on its line.
 *
 * objective[iterations + 1]  out  of the start and after each iteration
 * steps                      out  iterations made: fewer than asked for once the gap is rounding
 * gap                        out  no policy is better than the last by more
 * Errors: HEED_NOMEM. Any number of threads gives the same bits. While it runs the worths stand in
 * another order (allocation/fair_tiles.h), so f must not be read; afterwards they are as before.
 * Cost: an iteration looks at an eighth of the worths or so; memory users * k * iterations, and
 * per user items / 4 bytes besides. Source: Do et al. 2021, section 4: the best ranking under a
 * linear objective is a sort. */
HEED_MUST_CHECK enum heed_status
fair_frank_wolfe(const struct fair_offers *f, const struct fair_welfare *w,
                 const struct fair_options *o, struct fair_policy *policy, double *objective,
                 size_t *steps, double *gap, struct heed_error *err);

/* The largest floor, as a share of the mean exposure, that `blocked` leaves possible with lists of
 * k; only as exactly as is needed to compare it with `floor`: *most >= floor when it is possible,
 * else *most is the most that was found, and short of it by 1e-4 at most.
 * Errors: HEED_NOMEM. O(n) where the uniform policy has the floor, else some passes of
 * users * items * log items. */
HEED_MUST_CHECK enum heed_status floor_reach(const struct sparse *blocked, size_t k, double floor,
                                             double *most, struct heed_error *err);

/* The same, and the policy that has it: *given[users * items], free() it; NULL: the uniform one. */
HEED_MUST_CHECK enum heed_status floor_policy(const struct sparse *blocked, size_t k, double floor,
                                              double *most, float **given, struct heed_error *err);

/* Raises every item on offer to `floor` x the mean exposure, where that costs least.
 *
 * policy  in/out  relevance alone, or the optimum of the welfare
 * bound   out     no policy with the floor has more welfare (for FAIR_NONE, mean utility) than
 * this; INFINITY for a welfare other than FAIR_NONE Errors: HEED_RANGE the floor cannot be had (see
 * floor_reach); HEED_NOMEM.                      */
HEED_MUST_CHECK enum heed_status floor_raise(const struct fair_offers *f,
                                             const struct fair_welfare *w, double floor,
                                             const struct fair_options *o,
                                             struct fair_policy *policy, double *bound,
                                             struct heed_error *err);

/* What a policy does, over the users who have something in `test` for ndcg.                      */
struct fair_report {
    double ndcg, ndcg_kept;             /* expected; over that of relevance alone */
    double gini, exposed, min_exposure; /* of items on offer; the least as a share of the mean */
    double worst_decile, mean_utility;  /* 1 is relevance alone */
};
HEED_MUST_CHECK enum heed_status fair_report_of(const struct fair_offers *f,
                                                const struct fair_policy *p,
                                                const struct sparse *test, struct fair_report *out,
                                                struct heed_error *err);

/* All of it: what `heed allocate batch` does. */
struct fair_batch_options {
    struct model_spec model;
    const struct sparse *features; /* as in struct training; may be NULL */
    const struct intern *names;    /* likewise */
    struct fair_welfare welfare;
    double floor; /* share of the mean exposure; 0: none */
    size_t k, iterations;
    uint64_t seed;
    unsigned threads;
    bool hasty;                       /* as in fair_options */
    double (*clock_s)(void *context); /* for seconds; NULL: they stay 0 */
    void (*progress)(void *context, const char *what, double share); /* may be NULL */
    void *context;
    /* Given the policy before it is undone; may be NULL. Its error is the run's. */
    enum heed_status (*take)(void *taker, const struct fair_offers *f, const struct fair_policy *p,
                             struct heed_error *err);
    void *taker;
};

struct fair_batch {
    double *objective; /* [objective_n] of the start, each iteration, and with the floor */
    size_t objective_n;
    double gap; /* the last objective is within this of what is possible; NAN: nothing proves it */
    double floor_cost; /* what the objective lost to the floor; 0 without; NAN: not finite */
    double *rival;     /* [rival_n] the batch's that online was held against; NULL: it was not */
    size_t rival_n;
    struct fair_report report;
    bool floor_kept;
    size_t left_out;         /* items that may be shown to nobody */
    size_t without_worth;    /* users to whom nothing is worth anything */
    double train_s, seconds; /* of the model; of what came after its scores */
};

/* Errors: HEED_RANGE, all but the scores' before anything is trained: as fair_check, a floor that
 * cannot be had (the message says which can); what the model says; HEED_NOMEM.                   */
HEED_MUST_CHECK enum heed_status fair_batch_run(const struct sparse *history,
                                                const struct sparse *test,
                                                const struct fair_batch_options *o,
                                                struct fair_batch *out, struct heed_error *err);
void fair_batch_deinit(struct fair_batch *b);

/* What one floor costs. */
struct fair_frontier_point {
    double floor;  /* in: share of the mean exposure; 0: none */
    bool feasible; /* else nothing below is known but `most`   */
    double most;   /* floor_reach's */
    struct fair_report report;
    double *exposure; /* [items] as shares of the mean; NAN: not on offer */
};

/* fair_batch_run for several floors (o->floor is not looked at), training once: where `known`, the
 * rows to train on, is `history` too, the same reports to the last bit; else exposure is shared out
 * among the users of `history` alone. points[n] in/out; fair_frontier_deinit frees what they hold.
 * Errors: as fair_batch_run, but a floor that cannot be had is no error; nothing is held then. */
HEED_MUST_CHECK enum heed_status
fair_frontier_run(const struct sparse *known, const struct sparse *history,
                  const struct sparse *test, const struct fair_batch_options *o,
                  struct fair_frontier_point *points, size_t n, struct heed_error *err);
void fair_frontier_deinit(struct fair_frontier_point *points, size_t n);

/* The best of a user's list under slope x worth + price[item]: room[k] out, best first, how many is
 * returned. bar: what the last of them is known to reach (fair_bar), or -INFINITY; the nearer to
 * it, the less is looked at. Calls for many users are one pass over the worths, at about the speed
 * of memory. */
struct top_item;
size_t fair_best(const struct fair_offers *f, size_t user, float slope, const float *price,
                 float bar, struct top_item *room);

/* The least of list[length of the user's list] under the same, which are different items;
 * -INFINITY if one is not to be shown. */
float fair_bar(const struct fair_offers *f, size_t user, float slope, const float *price,
               const uint32_t *list);
#endif
