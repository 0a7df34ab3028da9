/* Constraints: rules about a feed as a whole, kept while its slots are filled.
 *
 * Each is an upper limit on a class of items: a cap on a creator, on a category, on a class of the
 * world's choosing; and what asks for a least number asks for at most the rest of all others:
 *
 *     fresh   at least f of k slots          at most k - f that are not
 *     group   at least m(r) of the first r   at most r - m(r) of the first r that are not
 *
 * so a feed is filled from the top, each slot by the best item that no limit forbids. Where that
 * leads nowhere the search goes back and tries others; where there is nothing, or nothing is found
 * in SEARCH_LOOKS looks at an item, rules are relaxed, in the order of enum family, each as little
 * as possible once those before it are given up, and what the feed breaks is reported.
 *
 * Relevance lost: with one rule none, the feed is the best there is. With p rules that overlap,
 * and no going back, its sum of score x exposure is at least 1/p of the best feed's (the greedy
 * algorithm on p matroids: B. Korte, D. Hausmann, Annals of Discrete Mathematics 2 (1978) 65; the
 * first r slots are greedy's answer for r, and exposure falls with rank).                       */
#ifndef HEED_CONSTRAINTS_H
#define HEED_CONSTRAINTS_H

#include "allocation/allocation.h"

/* What one feed breaks, row by row.                                                             */
struct relaxed {
    enum rule rule;
    uint32_t wanted; /* at least (fresh, groups) or at most (the others) */
    uint32_t got;
    uint32_t among; /* of the first so many slots  */
    bool too_few; /* there are no more such items for this user; else the rules do not fit together
                   */
};

/* The rules of a feed as arrays made once for many feeds. creator[n], category[n]: any numbers,
 * UINT32_MAX for none; classes[n]: bit i: cap i counts the item; bit CAPS_MAX + g: the item is of
 * group g; bit CLASS_FRESH. Replaces what was there; arrays are copied. Rules that ask for nothing
 * cost nothing. HEED_NOMEM. O(n).                                                              */
enum { CLASS_FRESH = CAPS_MAX + GROUPS_MAX };
HEED_MUST_CHECK enum heed_status allocator_constrain(struct allocator *a, const uint32_t *creator,
                                                     const uint32_t *category,
                                                     const uint32_t *classes);

/* Whether there are rules about its feeds. */
bool allocator_constrained(const struct allocator *a);

/* What the last feed of allocator_feed breaks: at most RULES, in the order of enum rule.        */
const struct relaxed *allocator_relaxed(const struct allocator *a, size_t *n);

/* The constraints that a feed of k asked for, slots[n], breaks, or breaks by more, with `item` in
 * its last slot; as bits, 0: none.                                                              */
uint32_t allocator_forbids(struct allocator *a, const struct slot *slots, size_t n, uint32_t k,
                           uint32_t item);

/* "per_creator", "caps[2]" …: the key under allocation.constraints.  buf of 24                  */
const char *rule_name(enum rule rule, char buf[24]);
enum family rule_family(enum rule rule);
const char *family_name(enum family f);

/* Slots of a feed of n that must be fresh: fresh_ppm of n, rounded up.                          */
uint32_t fresh_slots(const struct constraint_rules *r, uint32_t n);
/* Slots of a feed of k that cap i allows.                                                       */
uint32_t cap_slots(const struct constraint_rules *r, size_t i, uint32_t k);

/* ── ranked group fairness ──
 *
 * A ranking is fair to a group when no prefix of n holds so few of it that chance, picking each
 * member with probability p, would do worse only alpha of the time: at least m(n), the smallest
 * number whose cumulative binomial probability F(m; n, p) is above alpha. All prefixes are tested,
 * so by chance more than alpha fail; the adjusted alpha is the one at which the share that fails
 * is nearest to alpha (among equals the smaller), and never above alpha.
 *
 * m[0 .. n]: m[r] for the first r slots, m[0] = 0. It grows by at most one a slot.
 * 0 <= p <= 1, 0 < alpha < 1, n <= FEED_MAX. Allocates nothing. O(n squared) a trial, 60 of them.
 * Source: M. Zehlike, F. Bonchi, C. Castillo, S. Hajian, M. Megahed, R. Baeza-Yates, FA*IR: a fair
 * top-k ranking algorithm, CIKM 2017, definitions 3.1 to 3.3 and section 4.                     */
void group_table(uint32_t n, double p, double alpha, bool adjusted, uint8_t m[FEED_MAX + 1]);
/* Chance that a ranking drawn with probability p fails some prefix of m. O(n squared).          */
double group_failure(const uint8_t m[FEED_MAX + 1], uint32_t n, double p);
#endif
