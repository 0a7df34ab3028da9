/* Random acts: few users and targets, so that they meet again; times that jump ahead, fall behind
 * and stand still; amounts of nothing, of thousandths, and of all there is. */
#ifndef SUPPORT_ACTS_H
#define SUPPORT_ACTS_H

#include "base/prng.h"
#include "behaviour/behaviour.h"

enum { ACT_USERS = 9, ACT_TARGETS = 7 /* of each kind */ };

/* Half-life of a week, gap of 30 minutes, an hour's window of 16 ids; verb i of class i, and one
 * more of each class that weighs too much for a pair to hold.                                   */
struct behaviour_rules acts_rules(void);

struct acts {
    struct prng r;
    int64_t now_ms;
    bool ids; /* most acts have an id, often one there was */
};
void acts_begin(struct acts *a, uint64_t seed, bool ids);
struct act acts_next(struct acts *a, const struct behaviour_rules *r);

/* behaviour_apply; asserts HEED_OK. true: a duplicate.                                          */
bool acts_apply(struct behaviour *b, const struct behaviour_rules *r, const struct act *act);
#endif
