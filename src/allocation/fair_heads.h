/* The best of a user's list without looking at all items: each user's items of most worth are
 * sorted once, and whatever comes after those looked at is bounded by the last worth and the
 * greatest price. The answer is fair_best's to the last bit, ties included.                      */
#ifndef HEED_ALLOCATION_FAIR_HEADS_H
#define HEED_ALLOCATION_FAIR_HEADS_H

#include "allocation/fair.h"

enum { FAIR_HEAD = 1024 }; /* items of a user at most */

struct fair_head {
    float worth;
    uint32_t item;
};

struct fair_heads {
    struct fair_head *head; /* [users * FAIR_HEAD] worths above 0, most first, to 2^-7 of them */
    uint32_t *n;            /* [users] */
};

/* Cost: three passes over the worths; memory 8 KiB a user. Errors: HEED_NOMEM.                   */
HEED_MUST_CHECK enum heed_status fair_heads_make(const struct fair_offers *f, unsigned threads,
                                                 struct fair_heads *out);
void fair_heads_deinit(struct fair_heads *h);

/* As fair_best, for slope >= 0 and prices >= 0.
 *
 * greatest  no price is above
 * near      a list of the user's, such as the answer to a question like this, or NULL; the better
 *           it is by this slope and these prices, the less is looked at
 * like      the same, asked for only where near is not enough: another user's answer, say, which is
 *           at least as long
 * Cost: some hundred items where near is good and its least is above the greatest price, else a
 * pass over the user's worths.                                                                   */
size_t fair_heads_best(const struct fair_offers *f, const struct fair_heads *h, size_t user,
                       float slope, const float *price, float greatest, const uint32_t *near,
                       const uint32_t *like, struct top_item *room);

/* Has the memory that fair_heads_best will want for the user brought nearer.                     */
void fair_heads_ahead(const struct fair_offers *f, const struct fair_heads *h, size_t user,
                      const uint32_t *near);
#endif
