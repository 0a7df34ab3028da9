/* What must hold of any ledger. */
#ifndef SUPPORT_BOOKS_H
#define SUPPORT_BOOKS_H

#include "ledger/ledger.h"
#include "support_saved.h"

extern const struct saved_kind LEDGER_KIND;

/* Asserts: every currency sums to zero; issued - retired is the supply and the sum of all other
 * balances; only issue is below zero; and each account's chain is all its transfers, newest first,
 * adding up to its debits and credits.                                                          */
void assert_books(const struct ledger *l);
#endif
