/* Small books to post in. */
#ifndef SUPPORT_LEDGER_H
#define SUPPORT_LEDGER_H

#include "support_books.h"

enum { ANN, BOB, CAM, RICH, NEW };
enum { GOLD, GEMS };
#define LEG(from, to, amount)                                                                      \
    {                                                                                              \
        from, to, amount, GOLD, CODE_TRANSFER, LEDGER_NONE, 0, 0, 0, 0                             \
    }
#define GEM(from, to, amount)                                                                      \
    {                                                                                              \
        from, to, amount, GEMS, CODE_TRANSFER, LEDGER_NONE, 0, 0, 0, 0                             \
    }

/* Posts at time 1000, under the id (0: without).                                                */
enum refusal books_post(struct ledger *l, uint64_t id, const struct posting *legs, size_t n);
void books_must_post(struct ledger *l, uint64_t id, struct posting leg);
int64_t books_held(const struct ledger *l, uint32_t holder, uint16_t currency);

/* Gold: ann 100 (by id 1), bob 50, cam was paid and has nothing. Gems: rich holds all that can be.
 * Five transfers.                                                                               */
void books_open(struct ledger *l);
#endif
