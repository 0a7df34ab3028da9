/* What is hidden from training to test on. */
#ifndef HEED_ALLOCATION_SPLIT_H
#define HEED_ALLOCATION_SPLIT_H

#include "allocation/interactions.h"

enum split_kind {
    SPLIT_EVERY_5TH, /* a user's items in file order without repeats, counted from 0: those at 4,
                      * 9, 14 … are tested; users with fewer than five are left out          */
    SPLIT_TIME,      /* pairs first seen in the latest fifth of all pairs by time are tested; users
                      * with nothing before are left out                                      */
    SPLIT_LEAVE_ONE_OUT, /* the user's last pair, by time if all rows have one, else in file order;
                          * users with fewer than two are left out                                */
    SPLIT_COLD_ITEMS, /* every 5th item by first appearance (4, 9, 14 …), whole: nobody has it in
                       * training, and only such items are offered; users with nothing else are left
                       * out */
};

/* Rows are the users kept, in both matrices; columns all items of the file. No pair is in both. */
struct split {
    struct sparse train, test;
    uint32_t *user;  /* [rows] handle of each row's user */
    bool *offered;   /* [columns] what a ranking is made of; NULL: all that is not in training */
    size_t left_out; /* users */
    size_t unwished; /* pairs whose acts weigh 0 or less together: in neither */
};

/* Errors: HEED_INPUT no user can be kept, or by time without times: the message says what is
 * needed; HEED_NOMEM. Cost: O(n), by time O(n log n). */
HEED_MUST_CHECK enum heed_status split_make(const struct interactions *x, enum split_kind kind,
                                            struct split *out, struct heed_error *err);
void split_deinit(struct split *s);
#endif
