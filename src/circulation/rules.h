/* Market rules as data: who may trade what, at which prices, how much of it, what it costs them,
 * and how long proceeds are held. The section `market:` of a rules document.
 *
 *     YAML ── market_rules_read ──▶ struct market_rules ── market_decide(trade) ──▶ refusal + rule
 *                                            │                                  └─▶ charges + holds
 *                                            └── market_rules_check ──▶ what can never apply
 *
 * Everything here is a pure function of its arguments: the caller asks before it moves money, moves
 * exactly what the decision lists, and counts the trade (rules_usage.h: limits and the base fee).
 * Constant-product pools: rules_pool.h. Versions with effective times: rules_versions.h.
 *
 * Amounts are int64 minor units of the rules' currency, rates parts per million. Every product is
 * taken in 128 bits (pools: 256) and rounded once, as the rule names it. What the buyer pays is
 * what the seller gets plus what the lines of the decision hand to others, to the unit.        */
#ifndef HEED_MARKET_RULES_H
#define HEED_MARKET_RULES_H

#include "base/money.h"
#include "base/refusal.h"
#include "base/yaml.h"

enum {
    MARKET_NAME_MAX = 31,
    MARKET_CLASSES_MAX = 64, /* distinct names that rules of one document speak of */
    MARKET_ATTRIBUTES_MAX = 32,
    MARKET_ACCOUNTS_MAX = 32,
    MARKET_RULES_MAX = 32, /* rules of one list                                           */
    MARKET_BANDS_MAX = 16, /* bands of one charge                                         */
    MARKET_TERMS_MAX = 4,  /* attributes in one rate or one condition                     */
};

#define MARKET_NOBODY UINT32_MAX

/* What is done. Of a listing and a relisting nothing changes hands yet: the seller is whoever
 * lists, and only charges are due. */
enum market_kind {
    MARKET_SHOP,
    MARKET_RESALE,
    MARKET_EXCHANGE,
    MARKET_AUCTION,
    MARKET_LISTING,
    MARKET_RELIST,
    MARKET_KINDS
};
const char *market_kind_name(enum market_kind kind);
int market_kind_of_name(struct str name); /* -1: unknown */

/* Who pays or receives. In a document maker and taker stand for the seller and the buyer of an
 * exchange trade, as it comes.                                                                   */
enum market_end_kind {
    MARKET_NO_END,
    MARKET_SELLER,
    MARKET_BUYER,
    MARKET_CREATOR,   /* who made the item                                     */
    MARKET_AFFILIATE, /* whose place it is sold in                             */
    MARKET_MAKER,
    MARKET_TAKER,
    MARKET_ACCOUNT, /* a sink or an account of the platform, by its name      */
};
struct market_end {
    uint8_t kind;
    uint8_t account; /* of MARKET_ACCOUNT: index in accounts                   */
};

struct market_name {
    char text[MARKET_NAME_MAX + 1];
};

/* Which trades a rule speaks of.                                                                */
struct market_scope {
    uint8_t kinds;                 /* bits of enum market_kind                           */
    uint64_t classes, not_classes; /* bits of the classes' indices; classes 0: every one */
};

/* Which people. Nothing set: everybody.                                                         */
struct market_who {
    bool set;
    uint8_t roles, not_roles; /* has one of these (0: not asked), and none of those */
    int64_t account_ms;       /* joined at least so long ago                        */
    uint32_t attributes_n;
    struct market_bound {
        uint8_t attribute;
        int64_t min, max; /* an attribute that a person does not have is 0 */
    } attributes[MARKET_TERMS_MAX];
};

/* A rate that attributes of the payer move: base + sum of each x attribute, kept within 0..1.   */
struct market_rate {
    int32_t ppm;
    uint32_t terms_n;
    struct market_term {
        uint8_t attribute;
        int32_t each_ppm;
    } terms[MARKET_TERMS_MAX];
};

enum market_of { MARKET_OF_PRICE, MARKET_OF_INCREASE }; /* increase: of a relisting */
enum market_bands {
    MARKET_NO_BANDS,
    MARKET_WHOLE,
    MARKET_SLICES
}; /* whole: the band's rate on all */

struct market_charge {
    struct market_name name;
    uint32_t line; /* of the document */
    struct market_scope scope;
    struct market_end from, to, otherwise; /* otherwise: where `to` is nobody; none: not charged */
    struct market_who exempt_seller, exempt_buyer;
    bool per_item; /* reckoned and rounded on the unit price, times the quantity */
    enum market_of of;
    enum rounding rounding;
    struct market_rate rate, share; /* amount = flat + base x rate x share */
    int64_t flat_minor;
    int64_t below_minor;          /* a base below this is exempt            */
    int64_t min_minor, max_minor; /* max -1: none                           */
    int32_t counting; /* index of an earlier charge whose amount counts towards both; -1 */
    enum market_bands bands;
    uint32_t bands_n;
    struct market_band {
        int64_t from_minor, to_minor; /* from <= base < to; to -1: no end */
        int64_t flat_minor;
        int32_t rate_ppm;
    } band[MARKET_BANDS_MAX];
};

struct market_price {
    struct market_name name;
    uint32_t line;
    struct market_scope scope;
    int64_t floor_minor, ceiling_minor; /* of a unit; -1: none                               */
    int32_t within_ppm;                 /* of the reference price, both ways; -1: none       */
};

struct market_limit {
    struct market_name name;
    uint32_t line;
    struct market_scope scope;
    bool of_seller; /* of the buyer otherwise            */
    bool per_item;  /* each item counts by itself        */
    int64_t units;
    int64_t
        window_ms; /* a window opens with the first trade and ends so much later; 0: never ends */
};

enum market_held { MARKET_HELD_PROCEEDS, MARKET_HELD_ITEM, MARKET_HELD_LISTING, MARKET_HELD };
const char *market_held_name(enum market_held what);

struct market_hold {
    struct market_name name;
    uint32_t line;
    struct market_scope scope;
    enum market_held what;
    int64_t span_ms;
    struct market_who unless_seller, unless_buyer;
};

struct market_access {
    struct market_name name;
    uint32_t line;
    struct market_scope scope;
    bool forbidden; /* nobody may */
    struct market_who seller, buyer;
};

/* A fee per unit that follows use: above the target of a period it rises, below it falls.        */
struct market_base_fee {
    bool set;
    struct market_name name;
    uint32_t line;
    struct market_scope scope;
    struct market_end from, to;
    int64_t start_minor, min_minor, max_minor; /* max -1: none                       */
    int64_t target_units;                      /* of a period                        */
    int64_t period_ms;
    int64_t change; /* at twice the target it rises by 1/change, at none it falls by as much */
};

struct market_pool {
    struct market_name name;
    uint32_t line;
    struct market_scope scope;
    int32_t fee_ppm;
};

struct market_rules {
    uint16_t currency; /* index among those the caller knows            */
    int scale;         /* its decimals                                  */
    bool paid;         /* prices are what the buyer pays, charges on him included */
    uint32_t classes_n, attributes_n, accounts_n;
    struct market_name classes[MARKET_CLASSES_MAX];
    struct market_name attributes[MARKET_ATTRIBUTES_MAX];
    struct market_name accounts[MARKET_ACCOUNTS_MAX];
    uint32_t access_n, prices_n, limits_n, charges_n, holds_n, pools_n;
    struct market_access access[MARKET_RULES_MAX];
    struct market_price prices[MARKET_RULES_MAX];
    struct market_limit limits[MARKET_RULES_MAX];
    struct market_charge charges[MARKET_RULES_MAX];
    struct market_hold holds[MARKET_RULES_MAX];
    struct market_pool pools[MARKET_RULES_MAX];
    struct market_base_fee base_fee;
};

/* ── reading ── */

struct market_currency {
    char code[16];
    int scale; /* decimals, 0..9 */
};

/* Reads the map at `node` (0: nothing is there, and *out allows everything and charges nothing).
 * Strict: an unknown key, a wrong type, a value out of bounds is HEED_INPUT with line, key and what
 * was expected. Currencies: those known, the first the default. Allocates nothing; O(nodes).     */
HEED_MUST_CHECK enum heed_status market_rules_read(const struct yaml *y, int node,
                                                   const struct market_currency *currencies,
                                                   size_t currencies_n, struct market_rules *out,
                                                   struct heed_error *err);

/* The same of a document that holds `market:` and, if it says them, `currencies:` equal to those
 * known. HEED_INPUT, HEED_NOMEM.                                                                 */
HEED_MUST_CHECK enum heed_status market_rules_parse(struct str yaml, const char *name,
                                                    const struct market_currency *currencies,
                                                    size_t currencies_n, struct market_rules *out,
                                                    struct heed_error *err);

/* Says of rules that read well what can hardly be meant: rules that can never apply, and rules that
 * contradict one another. Returns how many. O(rules squared).                                    */
size_t market_rules_check(const struct market_rules *r,
                          void (*warn)(void *context, uint32_t line, const char *rule,
                                       const char *text),
                          void *context);

/* ── deciding ── */

struct market_usage; /* rules_usage.h */

struct market_attribute {
    struct str name;
    int64_t value;
};

struct market_party {
    uint32_t party; /* MARKET_NOBODY: the platform */
    uint8_t roles;
    int64_t joined_ms;
    const struct market_attribute *attributes;
    size_t attributes_n;
};

struct market_trade {
    enum market_kind kind;
    struct str class;
    uint32_t item;
    int64_t unit_minor, quantity;
    int64_t previous_minor;  /* of a relisting: the unit price before            */
    int64_t reference_minor; /* what price bands go by; 0: there is none yet      */
    int64_t base_fee_minor;  /* what market_meter_fee says; of rules without one ignored */
    int64_t time_ms;
    struct market_party seller, buyer;
    uint32_t creator, affiliate; /* parties; MARKET_NOBODY */
    bool seller_is_maker;
    const struct market_trade
        *earlier; /* done together with it before, not counted yet by limits */
    uint32_t earlier_n;
    bool paid; /* the price is what the buyer pays, all in, whatever the rules say */
};

struct market_line {
    const char *rule; /* in the rules */
    uint32_t line;
    struct market_end from, to; /* never maker, taker or none */
    int64_t minor;              /* above 0                    */
};

struct market_decision {
    enum refusal refused; /* REFUSED_NOT: the trade may be */
    const char *rule;     /* that refused; NULL: no rule of the document did */
    uint32_t line;
    int64_t gross_minor;          /* quantity x unit price; with `paid`, x what the seller asks */
    int64_t buyer_minor;          /* what the buyer pays, all in  */
    int64_t seller_minor;         /* what the seller gets; of a listing below 0: what he pays */
    int64_t held_ms[MARKET_HELD]; /* 0: not held */
    const char *held_by[MARKET_HELD];
    uint32_t lines_n;
    struct market_line lines[MARKET_RULES_MAX + 1]; /* [lines_n]; what is behind is not set */
};

/* Refusals, the first that applies: not_positive (price or quantity), not_tradable, price_floor,
 * price_ceiling, price_distance, trade_limit, fee_above_trade (the seller would get less than
 * nothing, or the buyer pay less), overflow. u may be NULL: nothing was traded before. Allocates
 * nothing; O(rules), with `paid` 63 times that. */
void market_decide(const struct market_rules *r, const struct market_usage *u,
                   const struct market_trade *t, struct market_decision *out);

/* The same of one side alone, while the other is not known (an order): not_tradable by what the
 * rules ask of that side, then, unless the price is 0, price_floor, price_ceiling, price_distance.
 * *rule: which, or NULL. */
enum refusal market_decide_side(const struct market_rules *r, const struct market_trade *t,
                                bool sells, const char **rule);

#endif
