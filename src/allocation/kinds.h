/* Several kinds of targets in one feed: how many slots each has, and where they stand.
 *
 * Each kind is ranked by itself (allocation.h); what is here only shares out the slots, in whole
 * numbers. Arrays are by enum target_kind; where nothing else decides, the order is that of
 * kind_at.                                                                                      */
#ifndef HEED_KINDS_H
#define HEED_KINDS_H

#include "allocation/allocation.h"

enum { KINDS = TARGET_KINDS - 1 };

/* content, user, good, service; i below KINDS.                                                  */
enum target_kind kind_at(size_t i);

/* Whether more than one kind has a share.                                                       */
bool kinds_several(const uint32_t share_ppm[TARGET_KINDS]);

/* slots[] out: those of a feed of k, by largest remainder: share x k over the sum of the shares,
 * rounded down, and what is left one by one to the largest remainders (ties: the order of kinds).
 * A kind of which there are fewer (room[], NULL: enough of all) has as many as there are, and the
 * slots left are shared out anew among the others. A kind without a share has none. k at most
 * FEED_MAX. Returns their sum: k, or less where there are no more of any kind with a share.
 * Source: A. Hamilton's method of apportionment; M. Balinski, H. P. Young, Fair Representation
 * (1982), ch. 2 and 3.                                                                          */
uint32_t kinds_slots(const uint32_t share_ppm[TARGET_KINDS], const uint32_t room[TARGET_KINDS],
                     uint32_t k, uint32_t slots[TARGET_KINDS]);

/* places[] out, one a slot from the top: the kind that stands there (enum target_kind). The i-th of
 * a kind's n slots, from 1, stands by (i - 1/2) / n, ties by the order of kinds; so the first r
 * slots are shared out as by Webster's method, for every r: the most even order there is without
 * looking ahead. Source: Balinski, Young (1982), ch. 4.  slots[] sum to FEED_MAX at most.       */
void kinds_places(const uint32_t slots[TARGET_KINDS], uint8_t places[FEED_MAX]);
#endif
