/* The rules of a world: one YAML document for all stages, checked with line and key. */
#ifndef HEED_RULES_H
#define HEED_RULES_H

#include "allocation/allocation.h"
#include "behaviour/behaviour.h"
#include "circulation/rules.h"
#include "circulation/shop.h"
#include "consumption/consumption.h"
#include "quality/quality.h"

enum { CURRENCIES_MAX = 8, AUDIENCES_MAX = 16, SELECTOR_BYTES = 64 };

/* Contents of one category, or of one kind.                                                     */
struct selector {
    char text[SELECTOR_BYTES + 1];
    bool kind;
};

/* Which contents the constraints speak of, and who may not see what. The numbers that they ask for
 * are allocation.constraints.                                                                   */
struct selection_rules {
    int64_t fresh_ms;      /* a content is fresh so long after it was published        */
    int64_t max_age_ms;    /* and shown so long; 0: for ever                           */
    int32_t hide_at_milli; /* a content is hidden from whoever's acts on it, or on its creator,
                              weigh this many points or fewer; 0: not                        */
    struct selector caps[CAPS_MAX], groups[GROUPS_MAX];
    uint32_t audiences_n;
    struct audience {
        struct selector what;
        uint8_t roles, not_roles;      /* who has one of these (0: anybody), and none of those */
        int64_t account_ms;            /* who joined at least so long ago */
        char has[SELECTOR_BYTES + 16]; /* who has acted well on this target; "": not asked */
    } audiences[AUDIENCES_MAX];
};

struct currency {
    char code[16]; /* lower-case letters, digits, - and _ */
    int scale;     /* decimals, 0..9                     */
};

struct rules {
    uint32_t currencies_n;
    struct currency currencies[CURRENCIES_MAX]; /* the first is the default */
    struct behaviour_rules behaviour;
    struct quality_rules quality;
    struct allocation_rules allocation;
    struct selection_rules selection;
    struct feed_rules {
        int64_t refresh_ms; /* scores may be so old when a feed is made */
    } feeds;
    struct consumption_rules consumption;
    struct shop_rules shop;
    struct market_rules market;
    struct grant_rules {
        int64_t new_user_grant_minor; /* issued to a user who joins, default currency; 0: none */
    } grants;
};

/* Reads rules; what is not there takes the default. Strict: an unknown key, a wrong type, a value
 * out of bounds is HEED_INPUT, err->where = "FILE: line L, key a.b", the message says what was
 * expected. name is the file's name for messages.                                               */
HEED_MUST_CHECK enum heed_status rules_parse(struct str yaml, const char *name, struct rules *out,
                                             struct heed_error *err);

/* The same of rules that a world was made with: what was refused only later may stand there. */
HEED_MUST_CHECK enum heed_status rules_parse_kept(struct str yaml, struct rules *out,
                                                  struct heed_error *err);

/* The commented rules built into the library; preset NULL or "default", "plaza"; p NULL when there
 * is no such preset.                                                                            */
struct str rules_preset(const char *preset);
const char *rules_preset_names(void); /* "default, eve, osrs, plaza, roblox, steam" */

/* The currencies as market rules ask for them; out of CURRENCIES_MAX. Gives how many.           */
size_t rules_currencies(const struct rules *r, struct market_currency *out);

int rules_currency(const struct rules *r, struct str code); /* -1 when unknown */
#endif
