/* Step 3, allocation: who and what gets the next piece of attention.
 *
 * Everything here is a pure function of arrays handed in by `world/`; results that matter enter
 * the journal as quantised facts. Scores are double with a fixed order of operations.
 *
 * Algorithms of the article: `exposure` (what is seen gets seen), `engagement` (what moves people
 * to act), `quality`; besides `relevance` (items that go together with what the user attended to)
 * and `mixed`, a weighted sum of the four. A **floor** promises every eligible content a share of
 * the mean exposure over an epoch.                                                              */
#ifndef HEED_ALLOCATION_H
#define HEED_ALLOCATION_H

#include "allocation/explore.h"
#include "base/error.h"
#include "base/serial.h"
#include "catalogue/catalogue.h"

enum algorithm {
    ALGORITHM_EXPOSURE,
    ALGORITHM_ENGAGEMENT,
    ALGORITHM_QUALITY,
    ALGORITHM_RELEVANCE,
    ALGORITHM_MIXED,
    ALGORITHMS
};
const char *algorithm_name(enum algorithm a);
int algorithm_of_name(struct str name); /* -1 when unknown */

enum { FEED_MAX = 100, CAPS_MAX = 8, GROUPS_MAX = 4 };

/* What constraints ask of a feed (constraints.h); all zeros: nothing. Which items a cap counts and
 * a group holds is the caller's to say. */
struct constraint_rules {
    uint32_t per_creator, per_category; /* slots of one creator, of one category at most; 0: any */
    uint32_t fresh_ppm;                 /* share of a feed that must be fresh                    */
    uint32_t caps_n, groups_n;
    struct cap_rule {
        uint32_t max, share_ppm; /* slots at most: the smaller of max and the share of k, rounded
                                    down */
    } caps[CAPS_MAX];
    struct group_rule {
        uint32_t share_ppm, alpha_ppm;
        uint32_t adjusted; /* 1: alpha is for the ranking, 0: for each prefix by itself */
    } groups[GROUPS_MAX];
};

/* Each rule by itself. The first CAPS_MAX and GROUPS_MAX places belong to the rows.             */
enum rule {
    RULE_NONE,
    RULE_FRESH,
    RULE_CREATOR,
    RULE_CATEGORY,
    RULE_CAP,
    RULE_GROUP = RULE_CAP + CAPS_MAX,
    RULE_LIMITED = RULE_GROUP + GROUPS_MAX, /* what moderation allows of limited items */
    RULES
};

/* Rules in the order in which they are relaxed.                                                 */
enum family {
    FAMILY_FRESH,
    FAMILY_CREATOR,
    FAMILY_CATEGORY, /* per_category and caps */
    FAMILY_GROUP,
    FAMILIES,
    FAMILY_LIMITED = FAMILIES /* never */
};

struct allocation_rules {
    uint32_t k; /* slots of a feed */
    enum algorithm algorithm;
    int32_t mix_milli[4]; /* exposure, engagement, quality, relevance; proportions count only */
    uint32_t floor_ppm;   /* share of the mean exposure promised to each eligible content */
    uint32_t limited_ppm; /* share of a feed's slots that limited items may take together */
    uint32_t kinds_ppm[TARGET_KINDS]; /* of a feed's slots, in proportion; see kinds.h */
    struct constraint_rules constraints;
    enum explore_method explore; /* of the last slot of a feed that is served */
    uint32_t epsilon_ppm;
    uint32_t runners_up;         /* kept with a feed that is served: what came next */
    uint32_t explore_candidates; /* the next best so many, besides the best one */
    struct fair_rules {          /* of struct fair_welfare (fair.h) */
        int32_t users_milli, items_milli;
        uint32_t lambda_ppm; /* 0: none */
    } fair;
    uint32_t neighbours;  /* kept for each item by relevance */
    uint32_t max_history; /* strongest items of a user that relevance looks at */
};

/* Exposure a slot gives, in millionths: 1e6 / log2(1 + rank), rank from 1, as whole numbers from a
 * fixed table. Source: the usual position discount of DCG, K. Järvelin and J. Kekäläinen,
 * TOIS 20 (2002). 0 beyond FEED_MAX.                                                           */
uint64_t exposure_of_rank(uint32_t rank);

/* A limited item is shown while `limited_slots` of a feed are not full of such, and the floor is
 * not for it.                                                                                   */
enum eligibility { ELIGIBLE_NOT, ELIGIBLE, ELIGIBLE_LIMITED };

/* Items, all of one kind, as allocation sees them; arrays of n, owned by the caller.            */
struct allocation_items {
    size_t n;
    const uint8_t *eligible;  /* enum eligibility    */
    const double *popularity; /* >= 0, any unit            */
    const double *engagement; /* 0..1                      */
    const double *quality;    /* 0..1                      */
};

/* Users' histories: row u is items[offsets[u] .. offsets[u+1]), weights > 0 (NULL: all alike),
 * in any order, an item once. What a user must not be shown (relevance does not look at it) is
 * blocked[blocked_offsets[u] .. blocked_offsets[u+1]), ascending, below the allocator's n;
 * blocked_offsets NULL: nothing.                                                                */
struct allocation_histories {
    size_t n;
    const uint64_t *offsets;
    const uint32_t *items;
    const float *weights;
    const uint64_t *blocked_offsets;
    const uint32_t *blocked;
    const struct feed_places *places; /* NULL: feeds hold nothing else */
};

/* Where in an epoch's feeds the slots of these items stand, when other kinds have the rest: of user
 * u slots[u] (no more than allocator_room allows), the i-th at ranks[u x k + i], from 1, ascending.
 */
struct feed_places {
    uint32_t k; /* the rules', FEED_MAX at most */
    uint8_t *slots, *ranks;
};

/* Item-to-item relevance: cosine of co-occurrence, sum over users of 1 for both, divided by the
 * root of the product of the items' user counts, all over histories cut at max_history; the
 * strongest `neighbours` of each item, itself not among them (ties: smaller item).
 * Source: G. Linden, B. Smith, J. York, IEEE Internet Computing 7 (2003).
 * *out owned by the caller, relevance_free. Errors: HEED_NOMEM. O(sum of squared lengths).      */
struct relevance;
HEED_MUST_CHECK enum heed_status relevance_build(const struct allocation_histories *h, size_t items,
                                                 const struct allocation_rules *r,
                                                 struct relevance **out);
void relevance_free(struct relevance *m);

/* Static scores of the items, made once and used for many feeds, each 0..1: popularity as
 * log(1+x)/log(1+max), engagement as x/max (max over eligible items), quality as it is. `mixed`
 * weighs by mix_milli over the sum of its magnitudes. relevance (may be NULL) is borrowed, of at
 * most as many items; the arrays of `items` are not kept. Errors: HEED_NOMEM. O(items).
 *
 * Relevance to a user is sum weight x cosine over the strongest max_history items of the history,
 * divided by that of the user's most relevant item.                                             */
struct allocator;
HEED_MUST_CHECK enum heed_status allocator_new(const struct allocation_items *items,
                                               const struct relevance *relevance,
                                               const struct allocation_rules *r,
                                               struct allocator **out);
void allocator_free(struct allocator *a);

/* From now on relevance is by a model that is ready (stored.h; borrowed, of at most as many items),
 * version `number`: its score of the strongest max_history items that it knows, all weighing alike
 * as in training, over that of the user's best, what is below 0 being 0. Items that the model does
 * not know, since they are newer, keep the cosine, if there is any. Errors: HEED_NOMEM. A feed then
 * costs O(items + stored_score). */
struct stored_model;
HEED_MUST_CHECK enum heed_status allocator_use(struct allocator *a,
                                               const struct stored_model *model, uint32_t number);

enum slot_reason {
    REASON_EXPOSURE,
    REASON_ENGAGEMENT,
    REASON_QUALITY,
    REASON_RELEVANCE,
    REASON_FLOOR,   /* value 1 when the slot pays the floor's debt */
    REASON_WELFARE, /* value: what an exposure of the item is worth to the welfare */
    SLOT_REASONS
};
const char *slot_reason_name(enum slot_reason reason);

struct slot {
    uint32_t item;
    uint32_t kind;  /* enum target_kind, for the caller: TARGET_NONE where a feed is made */
    uint32_t model; /* version of the model that relevance is by; 0: cosine of items */
    int32_t score_ppm;
    uint32_t propensity; /* probability with which the item was taken for the slot, in billionths */
    bool explored;       /* by exploration, not because it scores best */
    int32_t value_ppm[SLOT_REASONS];  /* the term, 0..1e6 (welfare: 0..1e9); also where it has no
                                         weight */
    int32_t weight_ppm[SLOT_REASONS]; /* score = sum value x weight; the floor has no weight   */
    uint32_t rules; /* bit 1 << enum rule: it forbade a better item that would else stand here */
    uint32_t owed;  /* exposure that the floor owed the item, in millionths, at most UINT32_MAX */
};

/* A user's turn under the welfare of the rules (fair.h): a feed is ranked by
 *
 *     own x score + items x price        own + items = 1
 *
 * which is the gradient of the welfare for this user over its own length (fair_gradient.h).     */
struct welfare_turn {
    const uint32_t *price;  /* [n] in millionths, from allocator_prices */
    double utility, visits; /* sum of the user's utilities so far, and of how many feeds */
    bool weighed;           /* own, items and best are known: in, or out after the first feed */
    uint32_t own_ppm, items_ppm;
    double best; /* exposure x score of the best feed by score alone; 0: nothing has a score */
    double made; /* of that, what the best feed under the weights has */
};

struct feed_request {
    const uint32_t *history; /* items the user attended to */
    const float *history_weights;
    size_t history_n;
    const uint32_t *blocked; /* items not to show, may be NULL */
    size_t blocked_n;
    const uint64_t *owed; /* exposure owed to each item in millionths, or NULL: no floor */
    uint32_t owed_slots;  /* last slots given to items that are owed: the most relevant to the user
                             first, then the greatest debt, then the smaller item */
    enum algorithm algorithm;
    uint32_t k;
    uint64_t urgent;           /* who is owed so much is paid first, the most first; 0: nobody */
    uint32_t limited;          /* how many of them limited items may have */
    bool free;                 /* of constraints */
    struct welfare_turn *turn; /* NULL: by score alone */
};

/* Slots of a feed of k that limited items may have: limited_ppm of k, rounded down.             */
uint32_t limited_slots(const struct allocation_rules *r, uint32_t k);

/* How many slots of at most k the items can fill for a user from whom blocked[n] are hidden: as
 * many as there are, with no more limited ones than limited_slots of that number. O(n). */
uint32_t allocator_room(const struct allocator *a, const uint32_t *blocked, size_t n, uint32_t k);

/* Items that the floor is for: those that may be shown without limit. */
size_t allocator_promised(const struct allocator *a);

/* Sets the floor of epochs from now on, in place of the rules'. */
void allocator_promise(struct allocator *a, uint32_t floor_ppm);

/* What feeds have given, by which the welfare prices the next exposure. All in millionths; what is
 * not eligible counts too. */
struct feeds_given {
    const uint64_t *given;  /* [n] in the feeds made so far; NULL: none */
    const uint64_t *before; /* [n] in an epoch like this one, GIVEN_UNKNOWN: the item was none of
                               its; NULL, or nothing at all: no such epoch is known */
    uint64_t feed;          /* that one feed gives */
    size_t users;           /* feeds in an epoch, where none before is known */
};
#define GIVEN_UNKNOWN UINT64_MAX

/* What an exposure of each item is worth to the welfare, in millionths, at most 1000: price[n] out.
 * It is psi' at what the item will have when the epoch ends: what it has, what the feeds to come
 * may be expected to give it by the epoch before, and a quarter of a slot at most, since a slot is
 * bought whole. With no such epoch it is psi' at the share so far. What is not eligible without
 * limit has price 0. O(items). */
void allocator_prices(const struct allocator *a, const struct feeds_given *g, uint32_t *price);

/* The welfare of the rules after turns[users], one feed each, that gave items given[n] and were not
 * changed by debts or constraints. An item counts with a quarter of a slot besides, since slots are
 * whole: what got none is bad, not infinitely so. */
double allocator_welfare(const struct allocator *a, const struct welfare_turn *turns, size_t users,
                         const uint64_t *given);

/* What slots[n] of a feed are to the user whose turn it was, as a share of his best possible. */
double allocator_utility(const struct allocator *a, enum algorithm algorithm,
                         const struct welfare_turn *turn, const struct slot *slots, size_t n);

/* Finds the best `keep` items of an algorithm by what is known without the user, so that a feed is
 * found in two steps: its candidates are these and the neighbours of the user's history, and only
 * they are scored. The answer is the same as before: what is in neither scores no more than the
 * last of these, and where blocked or limited items leave too few of them, all items are scored
 * after all. Worth it from the second feed on. Done once for an algorithm; more calls change
 * nothing. Errors: HEED_NOMEM, nothing changed. O(items + keep log keep). */
enum { CANDIDATES_KEPT = 8192 }; /* more than the neighbours of a usual history and a feed */
HEED_MUST_CHECK enum heed_status allocator_sort(struct allocator *a, enum algorithm algorithm,
                                                size_t keep);

/* The best k eligible items for one user, best first (ties: smaller item; under `relevance`, which
 * knows nothing of most items, higher quality first), the last owed_slots of them paying debts
 * where there are any. *n out: slots written, <= k, FEED_MAX. No allocation. O(items + history x
 * neighbours); after allocator_sort without `owed` O(history x neighbours + k + blocked).        */
void allocator_feed(struct allocator *a, const struct feed_request *q, struct slot *slots,
                    size_t *n);

/* What an epoch's feeds are to users and items beside those by score alone, which keep no floor, no
 * constraints and no welfare. Zeros without a welfare or feeds.                                  */
struct welfare_cost {
    uint32_t mean_ppm, worst_ppm;      /* utility of users, of the worst tenth: 1 by score alone */
    uint32_t gini_ppm, gini_alone_ppm; /* of exposure over what the floor is for */
};

struct epoch_exposure {
    uint64_t *given;      /* [items] millionths, under the rules' algorithm and floor */
    uint64_t *popularity; /* [items] what popularity alone would have given            */
    uint64_t feeds;
    uint64_t slots;
    bool kept;              /* min_share_ppm >= floor_ppm, or there were no slots */
    uint32_t min_share_ppm; /* least exposure of an eligible item over the mean; 0 without slots.
                               A limited item, or one blocked for all users, has no part in it   */
    uint64_t relaxed[FAMILIES];     /* feeds that break a rule of the family             */
    uint64_t forbade[FAMILIES + 1]; /* times that such a rule kept a debt from being paid */
    struct welfare_cost cost;
    uint32_t *utility_ppm; /* [feeds] out, of each user; may be NULL */
};

/* Feeds for all users of `h` (k, algorithm, floor from the rules), as totals only. Floor: the debt
 * outstanding is spread evenly over the users left, so it is paid by the last one whenever there
 * is room for it (how: epoch.c). Where there is no room (fewer slots than items, say) the floor
 * takes no more than its share of each feed, and kept is false. Where other kinds have slots
 * (`places` of h), exposure is that of the ranks in the whole feed, and means, floor and shares are
 * of these items' slots alone. Under a welfare (rules' fair) users are served in turn, each by the
 * gradient at what those before him got, and the floor is paid on top. out->given and
 * out->popularity are the caller's, zeroed by this. Errors: HEED_NOMEM. O(users x items) while
 * there is debt, at most four times over. */
HEED_MUST_CHECK enum heed_status allocator_epoch(struct allocator *a,
                                                 const struct allocation_histories *h,
                                                 struct epoch_exposure *out);
#endif
