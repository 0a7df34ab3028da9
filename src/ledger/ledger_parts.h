/* What posting and loading share. Private to this folder.                                       */
#ifndef HEED_LEDGER_PARTS_H
#define HEED_LEDGER_PARTS_H

#include "ledger/ledger.h"

/* Whether `amount` >= 0 may go from one holder to another, by the holders alone.                */
enum refusal ledger_may_pay(uint32_t from, uint32_t to);

/* Whether the accounts (LEDGER_NONE: not opened yet) bear a payment of `from`.                   */
enum refusal ledger_bears(const struct ledger *l, uint32_t from, uint32_t debit, uint32_t credit,
                          int64_t amount_minor);

/* Makes transfer `at`, whose amount is already on its accounts, the newest of both.             */
void ledger_link(struct ledger *l, uint32_t at);

/* Enters the named posting that starts at transfer `at`. false: no memory, nothing changed.     */
bool ledger_remember(struct ledger *l, uint64_t id_hi, uint64_t id_lo, uint32_t at);
#endif
