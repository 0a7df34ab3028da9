/* Market rules in files, trades to try them on, and decisions as people and programs read them:
 * `rules check`, `rules quote`, `rules diff`. */
#ifndef HEED_TOOLS_MARKET_H
#define HEED_TOOLS_MARKET_H

#include "tools/tools.h"
#include "world/rules.h"

/* The rules of a file, or of a preset for "preset:NAME". *text (initialised by this) is their text,
 * *out is malloc'd. Freed by the caller, after an error too. HEED_INPUT, HEED_USAGE, HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status market_file(const char *path, struct strbuf *text,
                                             struct rules **out, struct heed_error *err);

/* A trade between two people of no particular kind, of an item that somebody else made.         */
struct market_trade market_plain_trade(enum market_kind kind, struct str class, int64_t unit_minor,
                                       int64_t quantity);

/* "seller", "account:tax": who stands at an end.                                                */
const char *market_end_text(const struct market_rules *r, struct market_end e, char buf[48]);
char *market_span_text(int64_t ms, char buf[32]); /* "30 d" */

/* {"refused":{code,message,rule,line}}, or {"gross","buyer_pays","seller_gets","charges","holds"}
 * with amounts as texts in major units. NULL: no memory.                                         */
json_t *market_decision_json(const struct market_rules *r, const struct market_decision *d);
/* "tax 12, broker 3.88", "refused by floor (price_floor)"; cut where buf ends.                  */
void market_decision_text(const struct market_rules *r, const struct market_decision *d, char *buf,
                          size_t n);
#endif
