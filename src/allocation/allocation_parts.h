/* What the files of this folder share; not for others. */
#ifndef HEED_ALLOCATION_PARTS_H
#define HEED_ALLOCATION_PARTS_H

#include "allocation/allocation.h"

struct neighbour {
    uint32_t item;
    float cosine;
};

/* Neighbours of item i: list[offsets[i] .. offsets[i+1]), strongest first (ties: smaller item). */
struct relevance {
    size_t items;
    uint64_t *offsets;
    struct neighbour *list;
};

struct weighted_item {
    uint32_t item;
    float weight;
};

/* The strongest of items[n] (ties: smaller item), at most max of them, strongest first. Weights
 * NULL: all alike. What weighs nothing, or is not below `limit`, is passed over.
 * out has room for max. Returns how many.                                                       */
size_t strongest_items(const uint32_t *items, const float *weights, size_t n, size_t limit,
                       size_t max, struct weighted_item *out);

/* An item on its way into a feed: by score, then tie, then the smaller item.                    */
struct candidate {
    double score, tie;
    uint32_t item;
};

static inline bool candidate_better(const struct candidate *a, const struct candidate *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    if (a->tie != b->tie)
        return a->tie > b->tie;
    return a->item < b->item;
}

/* Moves the best `keep` of c[n] to the front, in order. O(n + keep log keep) in the mean.       */
void best_first(struct candidate *c, size_t n, size_t keep);

/* An owed item on its way into a feed. Urgent ones first, the greatest debt before others; then by
 * relevance, then debt; then the smaller item.                                                  */
struct creditor {
    double relevance;
    uint64_t owed;
    uint32_t item;
    bool urgent;
};

bool creditor_before(const struct creditor *a, const struct creditor *b);

/* Marks of an item.                                                                            */
enum { MARK_TOUCHED = 1, MARK_BLOCKED = 2, MARK_TAKEN = 4 };

struct constrained;

/* Invariant between feeds: marks are zero, touched_n is zero, turn is NULL.                      */
struct allocator {
    size_t n;
    size_t eligible_n, limited_n; /* may be shown at all; of them limited */
    struct allocation_rules rules;
    const struct relevance *relevance; /* borrowed, may be NULL */
    const struct stored_model *model;  /* borrowed, may be NULL */
    uint32_t model_number;
    double *model_score, *model_room; /* [model's items], [stored_room] */
    uint32_t *model_history;          /* [history_max] */
    uint8_t *eligible;                /* enum eligibility */
    double *values; /* [4][n]: exposure, engagement, quality, the fixed part of mixed */
    int32_t weight_ppm[ALGORITHMS][4];
    /* the best order_n[] by what is known without the user, best first; or NULL */
    uint32_t *order[ALGORITHMS];
    size_t order_n[ALGORITHMS];
    struct constrained *constrained; /* NULL: no constraints */
    /* of the feed in work */
    const struct welfare_turn *turn; /* NULL: by score alone */
    uint8_t *marks;
    double *relevant; /* [n] 0..1 where touched */
    uint32_t *touched;
    size_t touched_n, best_n, limited_best_n;
    struct weighted_item *history; /* [max_history] */
    size_t history_max;
    struct candidate best[FEED_MAX], limited_best[FEED_MAX];
    struct creditor creditors[FEED_MAX];
};

/* An item as the algorithm sees it for the user of the feed in work.                            */
struct candidate allocator_candidate(const struct allocator *a, enum algorithm algorithm,
                                     uint32_t item);

/* The same with one of its four terms at value, 0..1.                                            */
struct candidate allocator_candidate_if(const struct allocator *a, enum algorithm algorithm,
                                        uint32_t item, enum slot_reason term, double value);

/* Of the feed in work: how relevant an item is to the user; and from now on, until feed_close.   */
double allocator_relevant(const struct allocator *a, uint32_t item);
void allocator_suppose(struct allocator *a, uint32_t item, double relevant);

/* The item's score by the algorithm alone, for the user of the feed in work.                     */
double allocator_worth(const struct allocator *a, enum algorithm algorithm, uint32_t item);

int32_t slot_ppm(double x);
uint32_t owed_of(const struct feed_request *q, uint32_t item); /* as struct slot has it */

/* Opens q's feed: the user's relevance is known, the turn weighed, until feed_close, which is given
 * what was taken.                                                                               */
void feed_open(struct allocator *a, const struct feed_request *q, bool related);
void feed_close(struct allocator *a, const struct feed_request *q, const uint32_t *items, size_t n);
/* The best q->k of the feed in work into a->best[a->best_n], in order, by no rule but limited. */
void feed_best(struct allocator *a, const struct feed_request *q);

/* Finds what scores and prices weigh in the turn of the feed in work. O(items) up to 17 times. */
void welfare_weigh(struct allocator *a, const struct feed_request *q);

/* Up to max owed items that are neither blocked nor taken, into a->creditors in their order.     */
size_t allocator_creditors(struct allocator *a, const uint64_t *owed, size_t max, uint64_t urgent);

/* The items of a feed only. Those owed at least `urgent` are paid before all others, whatever
 * their relevance. Returns their number.                                                        */
size_t feed_items(struct allocator *a, const struct feed_request *q, uint64_t urgent,
                  uint32_t items[FEED_MAX]);

/* Exposure of slot i, from 0, of those that user u has for these items.                          */
static inline uint64_t slot_exposure(const struct allocation_histories *h, size_t u, size_t i)
{
    const struct feed_places *p = h->places;
    return exposure_of_rank(p ? p->ranks[u * p->k + i] : (uint32_t)i + 1);
}

/* Whether user u of h must not be shown an item. O(log of what is blocked)                       */
bool history_blocks(const struct allocation_histories *h, size_t u, uint32_t item);

/* Moves slots of feeds[h->n][k], which break no rule of a (NULL: there are none) more than before,
 * until each eligible item of given[n] has `floor`; false when it
 * finds no way. A feed is its slots before the first NO_ITEM. Each item stays at most once in a
 * feed, and none comes into one where it is blocked. O(users x k) an item that lacks.           */
#define NO_ITEM UINT32_MAX
bool floor_repair(struct allocator *a, uint32_t *feeds, const struct allocation_histories *h,
                  size_t k, const uint8_t *eligible, size_t n, uint64_t floor, uint64_t *given);
#endif
