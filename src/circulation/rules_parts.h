/* What the files that hold market rules share; not for others. */
#ifndef HEED_MARKET_RULES_PARTS_H
#define HEED_MARKET_RULES_PARTS_H

#include "circulation/rules.h"

#define MARKET_PPM 1000000

/* A trade with the names of its class and attributes looked up.                                 */
struct market_seen {
    const struct market_rules *r;
    const struct market_trade *t;
    uint64_t class; /* its bit; 0: a class that no rule names */
};

struct market_seen market_see(const struct market_rules *r, const struct market_trade *t);
bool market_applies(const struct market_seen *x, const struct market_scope *s);
int64_t market_attribute(const struct market_rules *r, const struct market_party *p,
                         uint8_t attribute);
bool market_is(const struct market_seen *x, const struct market_party *p,
               const struct market_who *w); /* w nothing: true */

/* Whether a charge applies at all: in scope, nobody exempt, somebody to give it to.              */
bool market_charged(const struct market_seen *x, const struct market_charge *c,
                    struct market_end *from, struct market_end *to);
/* What it takes at a unit price, for `quantity` units; counted: what the charge it counts took.
 * false: overflow.                                                                               */
HEED_MUST_CHECK bool market_amount(const struct market_seen *x, const struct market_charge *c,
                                   int64_t unit_minor, int64_t quantity, int64_t counted,
                                   int64_t *minor);
#endif
