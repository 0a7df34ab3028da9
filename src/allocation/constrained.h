/* What constraints.c (what is asked), constrained.c (the search) and epoch.c share. */
#ifndef HEED_CONSTRAINED_H
#define HEED_CONSTRAINED_H

#include "allocation/allocation_parts.h"
#include "allocation/constraints.h"
#include "allocation/why_not.h"

enum { CLASS_LIMITED = CLASS_FRESH + 1, NEEDS = 1 + GROUPS_MAX };

/* Items of one **type** have the same classes and, where it counts, the same category: for every
 * rule but that on creators they are alike, so within a type only the better one needs a look.
 *
 * Of the feed in work: slices[offsets[t] ..][count[t]] are the candidates of a type, the first
 * heap[t] of them a heap, those behind it the best ones, the best of all at the end: a slice is
 * sorted only as far as it is looked at.                                                        */
struct constrained {
    uint32_t types, creators, categories;
    uint32_t *offsets;     /* [types + 1] in members and slices            */
    uint32_t *members;     /* [eligible_n] items by type                   */
    uint32_t *type_of;     /* [n] of what may be shown                     */
    uint32_t *classes;     /* [types] bits                                 */
    uint32_t *category_of; /* [types] dense; UINT32_MAX: none, or no rule  */
    uint32_t *creator_of;  /* [n] likewise                                 */
    /* of the feed in work */
    struct candidate *slices;
    uint32_t *count, *heap, *cursor, *skipped; /* [types] */
    bool *ready;                               /* [types] the heap is one  */
    uint8_t *creator_used, *category_used;     /* zero between feeds       */
    uint32_t *of_creator, *in_category;        /* candidates; in_category zero between uses */
    uint32_t available[NEEDS];                 /* fresh, groups: that this user may be shown */
    /* of the last feed */
    struct relaxed relaxed[RULES];
    size_t relaxed_n;
    uint64_t forbade[FAMILIES + 1]; /* debts not paid for a rule; summed until someone clears it */
    uint32_t tables_n;              /* what the tables are of; 0: none */
    uint8_t tables[GROUPS_MAX][FEED_MAX + 1];
};

void constrained_free(struct constrained *c);

/* Fills a feed as feed.c's pick does, but by the rules; why[i]: what forbade better ones, as bits.
 */
size_t constrained_pick(struct allocator *a, const struct feed_request *q, uint64_t urgent,
                        uint32_t items[FEED_MAX], uint32_t why[FEED_MAX], size_t *paying);

/* Fills out[n] for items[n], which says what each is owed. In an open feed of q; nothing is marked
 * when it returns.                                                                               */
void constrained_why_not(struct allocator *a, const struct feed_request *q, bool chance,
                         const uint32_t *items, size_t n, struct why_not *out);
/* The terms that let an item outscore out->beat. */
void why_not_terms(struct allocator *a, enum algorithm algorithm, uint32_t item,
                   struct why_not *out);
/* The least relevance at which an item that is owed so much goes before a payer; -1: none.       */
int32_t why_not_paid(struct allocator *a, uint32_t item, uint64_t owed,
                     const struct creditor *payer);

/* Tables of the groups for feeds of n.                                                          */
void constrained_tables(struct allocator *a, uint32_t n);

/* What items[n], a feed of k asked for, break: rows into out[RULES] unless NULL, their number into
 * *rows. available: of the needs, or NULL. Returns by how many slots, all rules together.       */
uint32_t constrained_broken(struct allocator *a, const uint32_t *items, size_t n, uint32_t k,
                            const uint32_t *available, struct relaxed *out, size_t *rows);
#endif
