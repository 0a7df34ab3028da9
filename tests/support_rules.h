/* Market rules read from a text, and trades to try them on. */
#ifndef SUPPORT_RULES_H
#define SUPPORT_RULES_H

#include "circulation/rules.h"

enum { RULES_ANN = 1, RULES_BEN = 2, RULES_CAT = 3, RULES_EVE = 4 };

/* Currencies that the texts may use: gold (2 decimals, the first), coin (0), fine (9). */
extern const struct market_currency rules_currencies_known[3];

/* `lists` is what stands under `market:`, in flow or block style; fails the test when it does not
 * read. */
void rules_of_text(const char *lists, struct market_rules *out);

/* Ann sells to Ben what Cat made: one for 100 minor units, at 1,000,000 ms. */
struct market_trade rules_trade(enum market_kind kind, const char *class, int64_t unit_minor,
                                int64_t quantity);

/* Asserts that nothing is made or lost: what the buyer pays is what the seller gets and what others
 * get less what others pay. */
void rules_assert_conserved(const struct market_trade *t, const struct market_decision *d);
#endif
