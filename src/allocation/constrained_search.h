/* The search of constrained.c, for who asks what it would have found (constrained_why_not.c). */
#ifndef HEED_CONSTRAINED_SEARCH_H
#define HEED_CONSTRAINED_SEARCH_H

#include "allocation/constrained.h"

enum { SEARCH_LOOKS = 8000 };

struct search {
    struct allocator *a;
    struct constrained *c;
    uint32_t size, slots, k; /* of the feed; of them to fill, the others are forced; asked for */
    uint32_t level[FAMILIES];
    /* limits */
    uint32_t limited_cap, creator_cap, category_cap, stale_cap, cap[CAPS_MAX];
    uint32_t need[NEEDS];                    /* fresh, groups: in all slots  */
    uint8_t least[GROUPS_MAX][FEED_MAX + 1]; /* in each prefix               */
    uint32_t out_end[GROUPS_MAX];            /* others in the slots to fill  */
    /* what is used; forced items are counted everywhere but in `out` */
    uint32_t limited, stale, caps[CAPS_MAX], has[NEEDS], out[GROUPS_MAX];
    uint32_t both[NEEDS][NEEDS]; /* items left that serve two needs */
    struct candidate chosen[FEED_MAX];
    uint32_t why[FEED_MAX];
    uint32_t looks_left, looks; /* in all; for the attempt in work */
    uint32_t rejected;          /* rules that forbade something in this attempt, as bits */
    uint32_t without_creator;   /* candidates; c->of_creator the others', once creators_known */
    bool creators_known, relaxing;
    uint32_t dead_end; /* forbade what was left where nothing could follow       */
    /* an item that is looked at as if it scored otherwise: of its type, home, it is the now_at-th
     * best instead of the was_at-th. UINT32_MAX: none */
    struct candidate as;
    uint32_t home, was_at, now_at;
    /* how the feed was made: before debts were paid, and whether by greed alone then, and at last
     */
    struct candidate natural[FEED_MAX];
    bool natural_greedily, greedily;
    uint32_t forced[FEED_MAX];
    const struct search *like;     /* the same but for what is supposed, or NULL */
    const struct candidate *known; /* what greed alone found then, for the attempt in work */
};

/* A search among the candidates of q's feed, which is open; size and k are known. O(items).      */
struct search search_in(struct allocator *a, const struct feed_request *q);
/* Fills the feed: chosen[slots], then forced, whose number it returns; all of them stay taken.   */
uint32_t search_feed(struct search *s, const struct feed_request *q, uint64_t urgent);
void search_undo(struct search *s, const uint32_t *forced, uint32_t n);

/* What forbids each of items[n] each of the slots of a feed that was undone: into rules[n], as
 * enum rule. O(slots x n x rules).                                                               */
void search_forbids(struct search *s, uint32_t limited, const struct candidate *chosen,
                    uint32_t slots, const uint32_t *forced, uint32_t paying, const uint32_t *items,
                    size_t n, uint8_t rules[][FEED_MAX]);

/* A search like one that was undone, in which an item, one of its candidates, is `as`. O(items of
 * its type that are better, the first time).                                                     */
struct search search_supposing(const struct search *made, struct candidate as);
#endif
