/* Market rules out of a document: what every list shares, and the lists themselves. Charges, which
 * have most to say, are read by rules_read_charge.c. */
#include "base/scalars.h"
#include "base/utf8.h"
#include "catalogue/catalogue.h"
#include "circulation/rules_reading.h"

#include <stdio.h>

static const char *const kind_names[MARKET_KINDS] = {"shop",    "resale",  "exchange",
                                                     "auction", "listing", "relist"};
#define KIND_NAMES "shop, resale, exchange, auction, listing, relist"
#define ALL_TRADES                                                                                 \
    (1 << MARKET_SHOP | 1 << MARKET_RESALE | 1 << MARKET_EXCHANGE | 1 << MARKET_AUCTION)

const char *market_kind_name(enum market_kind kind)
{
    return kind_names[kind];
}

int market_kind_of_name(struct str name)
{
    for (int i = 0; i < MARKET_KINDS; i++)
        if (str_is(name, kind_names[i]))
            return i;
    return -1;
}

const char *market_held_name(enum market_held what)
{
    static const char *const names[MARKET_HELD] = {"proceeds", "item", "listing"};
    return names[what];
}

/* ── values ── */

enum heed_status reading_expected(const struct market_reading *x, int node, const char *what)
{
    struct str text = yaml_text(x->y, node);
    if (yaml_kind(x->y, node) != YAML_SCALAR)
        return yaml_error(x->y, node, x->err, "%s was expected here", what);
    if (text.n == 0)
        return yaml_error(x->y, node, x->err, "it is empty: give %s, or leave the key out", what);
    return yaml_error(x->y, node, x->err, "'%.*s' is not %s", (int)utf8_cut(text, 60), text.p,
                      what);
}

enum heed_status reading_number(const struct market_reading *x, int node, int scale, int64_t min,
                                int64_t max, const char *what, int64_t *out)
{
    int64_t v;
    if (yaml_kind(x->y, node) != YAML_SCALAR ||
        !decimal_from_text(yaml_text(x->y, node), scale, &v) || v < min || v > max)
        return reading_expected(x, node, what);
    *out = v;
    return HEED_OK;
}

enum heed_status reading_money(const struct market_reading *x, int row, const char *key,
                               int64_t fallback, int64_t *out)
{
    char what[80];
    int node = yaml_get(x->y, row, key);
    *out = fallback;
    snprintf(what, sizeof what, "an amount of 0 or more with up to %d decimals", x->r->scale);
    return node ? reading_number(x, node, x->r->scale, 0, INT64_MAX, what, out) : HEED_OK;
}

enum heed_status reading_ppm(const struct market_reading *x, int node, int64_t min, int64_t max,
                             const char *what, int32_t *out)
{
    int64_t v;
    enum heed_status status = reading_number(x, node, 6, min, max, what, &v);
    if (status == HEED_OK)
        *out = (int32_t)v;
    return status;
}

enum heed_status reading_span(const struct market_reading *x, int node, int64_t min, int64_t *out)
{
    int64_t v;
    if (yaml_kind(x->y, node) != YAML_SCALAR || !span_from_text(yaml_text(x->y, node), &v) ||
        v < min || v > 100 * 366 * DAY_MS)
        return reading_expected(x, node,
                                "a time span such as 30 min, 12 h or 7 d, 100 years at most");
    *out = v;
    return HEED_OK;
}

enum heed_status reading_choice(const struct market_reading *x, int row, const char *key,
                                const char *const *choices, size_t n, const char *what, int *out)
{
    int node = yaml_get(x->y, row, key);
    for (size_t i = 0; node && i < n; i++)
        if (str_is(yaml_text(x->y, node), choices[i])) {
            *out = (int)i;
            return HEED_OK;
        }
    return node ? reading_expected(x, node, what) : HEED_OK;
}

/* The index of a name in a table, put there when it is new.                                     */
static enum heed_status named(const struct market_reading *x, int node, struct market_name *table,
                              uint32_t *n, uint32_t max, const char *what, uint32_t *at)
{
    struct str text = yaml_text(x->y, node);
    if (yaml_kind(x->y, node) != YAML_SCALAR || text.n < 1 || text.n > MARKET_NAME_MAX ||
        memchr(text.p, 0, text.n))
        return reading_expected(x, node, what);
    for (*at = 0; *at < *n; ++*at)
        if (str_is(text, table[*at].text))
            return HEED_OK;
    if (*n == max)
        return yaml_error(x->y, node, x->err, "the rules name more than %u of these", max);
    table[*n] = (struct market_name){0};
    memcpy(table[(*n)++].text, text.p, text.n);
    return HEED_OK;
}

enum heed_status reading_attribute(const struct market_reading *x, int node, uint8_t *at)
{
    uint32_t i = 0;
    enum heed_status status = named(x, node, x->r->attributes, &x->r->attributes_n,
                                    MARKET_ATTRIBUTES_MAX, "an attribute of 1 to 31 bytes", &i);
    *at = (uint8_t)i;
    return status;
}

/* One text or a list of texts: calls each.                                                      */
static enum heed_status
each(const struct market_reading *x, int node, const char *what,
     enum heed_status (*one)(const struct market_reading *x, int node, void *out), void *out)
{
    enum heed_status status = HEED_OK;
    if (yaml_kind(x->y, node) == YAML_SCALAR)
        return one(x, node, out);
    if (yaml_kind(x->y, node) != YAML_LIST || yaml_count(x->y, node) == 0)
        return reading_expected(x, node, what);
    for (size_t i = 0; status == HEED_OK && i < yaml_count(x->y, node); i++)
        status = one(x, yaml_item(x->y, node, i), out);
    return status;
}

static enum heed_status one_kind(const struct market_reading *x, int node, void *out)
{
    uint8_t *bits = out;
    int kind =
        yaml_kind(x->y, node) == YAML_SCALAR ? market_kind_of_name(yaml_text(x->y, node)) : -1;
    if (kind < 0)
        return reading_expected(x, node, "one of " KIND_NAMES);
    *bits |= (uint8_t)(1 << kind);
    return HEED_OK;
}

static enum heed_status one_class(const struct market_reading *x, int node, void *out)
{
    uint64_t *bits = out;
    uint32_t at = 0;
    enum heed_status status = named(x, node, x->r->classes, &x->r->classes_n, MARKET_CLASSES_MAX,
                                    "an item class of 1 to 31 bytes", &at);
    if (status == HEED_OK)
        *bits |= UINT64_C(1) << at;
    return status;
}

static enum heed_status one_role(const struct market_reading *x, int node, void *out)
{
    uint8_t *bits = out;
    enum role role =
        yaml_kind(x->y, node) == YAML_SCALAR ? role_of_name(yaml_text(x->y, node)) : (enum role)0;
    if (!role)
        return reading_expected(x, node, "a role such as member, moderator or operator");
    *bits |= (uint8_t)role;
    return HEED_OK;
}

enum heed_status reading_scope(const struct market_reading *x, int row, struct market_scope *out)
{
    int on = yaml_get(x->y, row, "on"), class = yaml_get(x->y, row, "class");
    int not_class = yaml_get(x->y, row, "not_class");
    enum heed_status status = HEED_OK;
    *out = (struct market_scope){0};
    if (on)
        status = each(x, on, "one or a list of " KIND_NAMES, one_kind, &out->kinds);
    else
        out->kinds = ALL_TRADES;
    if (status == HEED_OK && class)
        status = each(x, class, "an item class or a list of them", one_class, &out->classes);
    if (status == HEED_OK && not_class)
        status =
            each(x, not_class, "an item class or a list of them", one_class, &out->not_classes);
    return status;
}

enum heed_status reading_end(const struct market_reading *x, int node, struct market_end *out)
{
    static const char *const ends[] = {"",          "seller", "buyer", "creator",
                                       "affiliate", "maker",  "taker"};
    struct str text = yaml_text(x->y, node);
    if (yaml_kind(x->y, node) == YAML_SCALAR)
        for (size_t i = 1; i < sizeof ends / sizeof *ends; i++)
            if (str_is(text, ends[i])) {
                *out = (struct market_end){(uint8_t)i, 0};
                return HEED_OK;
            }
    static const char what[] =
        "seller, buyer, creator, affiliate, maker, taker, or an account of the "
        "platform: 1 to 31 lower-case letters, digits, - and _";
    uint32_t at = 0;
    if (yaml_kind(x->y, node) != YAML_SCALAR || !plain_name(text, MARKET_NAME_MAX))
        return reading_expected(x, node, what);
    enum heed_status status =
        named(x, node, x->r->accounts, &x->r->accounts_n, MARKET_ACCOUNTS_MAX, what, &at);
    *out = (struct market_end){MARKET_ACCOUNT, (uint8_t)at};
    return status;
}

/* An attribute's bounds: {name: age, min: 18, max: 120}.                                        */
static enum heed_status bound(const struct market_reading *x, int row, struct market_bound *out)
{
    enum heed_status status = yaml_only(x->y, row, " name min max ", x->err);
    int name = yaml_get(x->y, row, "name"), min = yaml_get(x->y, row, "min");
    int max = yaml_get(x->y, row, "max");
    *out = (struct market_bound){0, INT64_MIN, INT64_MAX};
    if (status != HEED_OK)
        return status;
    if (!name || (!min && !max))
        return yaml_error(x->y, row, x->err,
                          "say which attribute and its bounds: {name: age, min: 18}");
    status = reading_attribute(x, name, &out->attribute);
    if (status == HEED_OK && min)
        status = reading_number(x, min, 0, -INT64_MAX, INT64_MAX, "a whole number", &out->min);
    if (status == HEED_OK && max)
        status = reading_number(x, max, 0, -INT64_MAX, INT64_MAX, "a whole number", &out->max);
    if (status == HEED_OK && out->min > out->max)
        status = yaml_error(x->y, row, x->err, "min is above max, so nobody can be meant");
    return status;
}

static enum heed_status attributes(const struct market_reading *x, int list, struct market_who *out)
{
    size_t n = yaml_count(x->y, list);
    if (yaml_kind(x->y, list) != YAML_LIST || n < 1 || n > MARKET_TERMS_MAX)
        return yaml_error(x->y, list, x->err,
                          "a list of 1 to %d rows such as {name: age, min: 18} was expected",
                          MARKET_TERMS_MAX);
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < n; i++)
        status = bound(x, yaml_item(x->y, list, i), &out->attributes[out->attributes_n++]);
    return status;
}

enum heed_status reading_who(const struct market_reading *x, int node, struct market_who *out)
{
    *out = (struct market_who){0};
    if (!node)
        return HEED_OK;
    enum heed_status status = yaml_only(x->y, node, " roles not_roles account attributes ", x->err);
    if (status != HEED_OK)
        return status;
    if (yaml_count(x->y, node) == 0)
        return yaml_error(x->y, node, x->err,
                          "say who: `roles`, `not_roles`, `account` or `attributes`");
    int roles = yaml_get(x->y, node, "roles"), none = yaml_get(x->y, node, "not_roles");
    int account = yaml_get(x->y, node, "account"), list = yaml_get(x->y, node, "attributes");
    out->set = true;
    if (roles)
        status = each(x, roles, "a role or a list of roles", one_role, &out->roles);
    if (status == HEED_OK && none)
        status = each(x, none, "a role or a list of roles", one_role, &out->not_roles);
    if (status == HEED_OK && account)
        status = reading_span(x, account, 1, &out->account_ms);
    return status == HEED_OK && list ? attributes(x, list, out) : status;
}

/* `KEY: {seller: WHO, buyer: WHO}`.                                                              */
enum heed_status reading_sides(const struct market_reading *x, int row, const char *key,
                               struct market_who *seller, struct market_who *buyer)
{
    int node = yaml_get(x->y, row, key);
    *seller = *buyer = (struct market_who){0};
    if (!node)
        return HEED_OK;
    enum heed_status status = yaml_only(x->y, node, " seller buyer ", x->err);
    if (status == HEED_OK && yaml_count(x->y, node) == 0)
        status = yaml_error(x->y, node, x->err, "say which side: `seller`, `buyer` or both");
    if (status == HEED_OK)
        status = reading_who(x, yaml_get(x->y, node, "seller"), seller);
    return status == HEED_OK ? reading_who(x, yaml_get(x->y, node, "buyer"), buyer) : status;
}

/* Names stand in decisions and tell rules apart, over all lists.                                */
enum heed_status reading_name(const struct market_reading *x, int row, struct market_name *out,
                              uint32_t *line)
{
    int node = yaml_get(x->y, row, "name");
    struct str text = yaml_text(x->y, node);
    struct market_rules *r = x->r;
    if (!node)
        return yaml_error(x->y, row, x->err,
                          "it has no name; decisions name the rule that made them: `name: tax`");
    if (!plain_name(text, MARKET_NAME_MAX))
        return reading_expected(x, node, "a name of 1 to 31 lower-case letters, digits, - and _");
#define TAKEN(list)                                                                                \
    for (uint32_t i = 0; i < r->list##_n; i++)                                                     \
        if (str_is(text, r->list[i].name.text))                                                    \
            return yaml_error(x->y, node, x->err, "the rule at line %u has this name already",     \
                              r->list[i].line);
    TAKEN(access)
    TAKEN(prices)
    TAKEN(limits)
    TAKEN(charges)
    TAKEN(holds)
    TAKEN(pools)
#undef TAKEN
    if (r->base_fee.set && str_is(text, r->base_fee.name.text))
        return yaml_error(x->y, node, x->err, "the rule at line %u has this name already",
                          r->base_fee.line);
    *out = (struct market_name){0};
    memcpy(out->text, text.p, text.n);
    *line = (uint32_t)yaml_line(x->y, row);
    return HEED_OK;
}

/* ── the lists ── */

static enum heed_status access_row(const struct market_reading *x, int row, size_t i)
{
    struct market_access *a = &x->r->access[i];
    static const char *const yes[] = {"false", "true"};
    int forbidden = 0;
    *a = (struct market_access){0};
    enum heed_status status =
        yaml_only(x->y, row, " name on class not_class forbidden seller buyer ", x->err);
    if (status == HEED_OK)
        status = reading_name(x, row, &a->name, &a->line);
    if (status == HEED_OK)
        status = reading_scope(x, row, &a->scope);
    if (status == HEED_OK)
        status = reading_choice(x, row, "forbidden", yes, 2, "true or false", &forbidden);
    if (status == HEED_OK)
        status = reading_who(x, yaml_get(x->y, row, "seller"), &a->seller);
    if (status == HEED_OK)
        status = reading_who(x, yaml_get(x->y, row, "buyer"), &a->buyer);
    a->forbidden = forbidden;
    if (status == HEED_OK && a->forbidden == (a->seller.set || a->buyer.set))
        status = yaml_error(x->y, row, x->err,
                            "say who may trade it (`seller`, `buyer`), or `forbidden: true` alone");
    return status;
}

static enum heed_status price_row(const struct market_reading *x, int row, size_t i)
{
    struct market_price *p = &x->r->prices[i];
    *p = (struct market_price){.within_ppm = -1};
    enum heed_status status =
        yaml_only(x->y, row, " name on class not_class floor ceiling within ", x->err);
    int within = yaml_get(x->y, row, "within");
    if (status == HEED_OK)
        status = reading_name(x, row, &p->name, &p->line);
    if (status == HEED_OK)
        status = reading_scope(x, row, &p->scope);
    if (status == HEED_OK)
        status = reading_money(x, row, "floor", -1, &p->floor_minor);
    if (status == HEED_OK)
        status = reading_money(x, row, "ceiling", -1, &p->ceiling_minor);
    if (status == HEED_OK && within)
        status = reading_ppm(x, within, 0, 1000 * INT64_C(1000000),
                             "a share of the reference price with up to six decimals, such as 0.05",
                             &p->within_ppm);
    if (status == HEED_OK && p->floor_minor < 0 && p->ceiling_minor < 0 && p->within_ppm < 0)
        status = yaml_error(x->y, row, x->err, "say which prices: `floor`, `ceiling` or `within`");
    return status;
}

static enum heed_status limit_row(const struct market_reading *x, int row, size_t i)
{
    struct market_limit *l = &x->r->limits[i];
    static const char *const sides[] = {"buyer", "seller"}, *const per[] = {"class", "item"};
    int side = 0, item = 0;
    *l = (struct market_limit){0};
    enum heed_status status =
        yaml_only(x->y, row, " name on class not_class of per units window ", x->err);
    int units = yaml_get(x->y, row, "units"), window = yaml_get(x->y, row, "window");
    if (status == HEED_OK)
        status = reading_name(x, row, &l->name, &l->line);
    if (status == HEED_OK)
        status = reading_scope(x, row, &l->scope);
    if (status == HEED_OK)
        status = reading_choice(x, row, "of", sides, 2, "buyer or seller", &side);
    if (status == HEED_OK)
        status = reading_choice(x, row, "per", per, 2,
                                "item (each counts by itself) or class (all together)", &item);
    if (status == HEED_OK && !units)
        status = yaml_error(x->y, row, x->err, "say how many: `units: 100`");
    if (status == HEED_OK)
        status =
            reading_number(x, units, 0, 0, INT64_MAX, "a whole number of 0 or more", &l->units);
    if (status == HEED_OK && window)
        status = reading_span(x, window, 1, &l->window_ms);
    l->of_seller = side;
    l->per_item = item;
    return status;
}

static enum heed_status hold_row(const struct market_reading *x, int row, size_t i)
{
    struct market_hold *h = &x->r->holds[i];
    static const char *const what[] = {"proceeds", "item", "listing"};
    int held = MARKET_HELD_PROCEEDS;
    *h = (struct market_hold){0};
    enum heed_status status =
        yaml_only(x->y, row, " name on class not_class what for unless ", x->err);
    int span = yaml_get(x->y, row, "for");
    if (status == HEED_OK)
        status = reading_name(x, row, &h->name, &h->line);
    if (status == HEED_OK)
        status =
            reading_choice(x, row, "what", what, MARKET_HELD, "proceeds, item or listing", &held);
    h->what = (enum market_held)held;
    if (status == HEED_OK)
        status = reading_scope(x, row, &h->scope);
    if (status == HEED_OK && !span)
        status = yaml_error(x->y, row, x->err, "say how long: `for: 30 d`");
    if (status == HEED_OK)
        status = reading_span(x, span, 1, &h->span_ms);
    if (status == HEED_OK)
        status = reading_sides(x, row, "unless", &h->unless_seller, &h->unless_buyer);
    if (status == HEED_OK && held == MARKET_HELD_LISTING && !yaml_get(x->y, row, "on"))
        h->scope.kinds = 1 << MARKET_LISTING;
    return status;
}

static enum heed_status pool_row(const struct market_reading *x, int row, size_t i)
{
    struct market_pool *p = &x->r->pools[i];
    *p = (struct market_pool){0};
    enum heed_status status = yaml_only(x->y, row, " name class fee ", x->err);
    int fee = yaml_get(x->y, row, "fee");
    if (status == HEED_OK)
        status = reading_name(x, row, &p->name, &p->line);
    if (status == HEED_OK)
        status = reading_scope(x, row, &p->scope);
    p->scope.kinds = 1 << MARKET_EXCHANGE;
    if (status == HEED_OK && fee)
        status = reading_ppm(x, fee, 0, 999999,
                             "a share of 0 or more, below 1, with up to six decimals", &p->fee_ppm);
    return status;
}

static enum heed_status base_fee(const struct market_reading *x, int row)
{
    struct market_base_fee *b = &x->r->base_fee;
    *b = (struct market_base_fee){0};
    if (!row)
        return HEED_OK;
    static const char whole[] = "a whole number of 1 or more";
    struct market_base_fee fee = {.change = 8};
    enum heed_status status = yaml_only(
        x->y, row, " name on class not_class from to start target period change min max ", x->err);
    int target = yaml_get(x->y, row, "target"), period = yaml_get(x->y, row, "period");
    int change = yaml_get(x->y, row, "change"), from = yaml_get(x->y, row, "from");
    int to = yaml_get(x->y, row, "to");
    if (status == HEED_OK && (!target || !period || !yaml_get(x->y, row, "start") || !from || !to))
        status = yaml_error(x->y, row, x->err,
                            "it needs `start`, `target` (units), `period`, `from` and `to`");
    if (status == HEED_OK)
        status = reading_name(x, row, &fee.name, &fee.line);
    if (status == HEED_OK)
        status = reading_scope(x, row, &fee.scope);
    if (status == HEED_OK)
        status = reading_end(x, from, &fee.from);
    if (status == HEED_OK)
        status = reading_end(x, to, &fee.to);
    if (status == HEED_OK && (fee.from.kind != MARKET_SELLER && fee.from.kind != MARKET_BUYER))
        status = reading_expected(x, from, "seller or buyer");
    if (status == HEED_OK && fee.to.kind != MARKET_ACCOUNT)
        status = reading_expected(x, to, "an account of the platform, such as sink");
    if (status == HEED_OK)
        status = reading_money(x, row, "start", 0, &fee.start_minor);
    if (status == HEED_OK)
        status = reading_money(x, row, "min", 0, &fee.min_minor);
    if (status == HEED_OK)
        status = reading_money(x, row, "max", -1, &fee.max_minor);
    if (status == HEED_OK)
        status = reading_number(x, target, 0, 1, INT64_MAX, whole, &fee.target_units);
    if (status == HEED_OK)
        status = reading_span(x, period, 1, &fee.period_ms);
    if (status == HEED_OK && change)
        status = reading_number(x, change, 0, 1, 1000000, "a whole number between 1 and 1000000",
                                &fee.change);
    if (status == HEED_OK && fee.max_minor >= 0 && fee.max_minor < fee.min_minor)
        status = yaml_error(x->y, row, x->err, "max is below min");
    if (status == HEED_OK) {
        fee.set = true;
        *b = fee;
    }
    return status;
}

static enum heed_status
list_of(const struct market_reading *x, int node, const char *key,
        enum heed_status (*row)(const struct market_reading *x, int row, size_t i), uint32_t *n)
{
    int list = yaml_get(x->y, node, key);
    enum heed_status status = HEED_OK;
    if (list && (yaml_kind(x->y, list) != YAML_LIST || yaml_count(x->y, list) > MARKET_RULES_MAX))
        return yaml_error(x->y, list, x->err, "a list of at most %d rules was expected",
                          MARKET_RULES_MAX);
    for (size_t i = 0; list && status == HEED_OK && i < yaml_count(x->y, list); i++) {
        status = row(x, yaml_item(x->y, list, i), i);
        *n = (uint32_t)i + 1;
    }
    return status;
}

static enum heed_status currency(const struct market_reading *x, int node,
                                 const struct market_currency *known, size_t n)
{
    int given = yaml_get(x->y, node, "currency");
    x->r->scale = n ? known[0].scale : 2;
    for (size_t i = 0; given && i < n; i++)
        if (str_is(yaml_text(x->y, given), known[i].code)) {
            x->r->currency = (uint16_t)i;
            x->r->scale = known[i].scale;
            return HEED_OK;
        }
    return given ? reading_expected(x, given, "a currency named under currencies") : HEED_OK;
}

enum heed_status market_rules_read(const struct yaml *y, int node,
                                   const struct market_currency *currencies, size_t currencies_n,
                                   struct market_rules *out, struct heed_error *err)
{
    static const char *const modes[] = {"asked", "paid"};
    const struct market_reading x = {y, out, err};
    int mode = 0;
    memset(out, 0, sizeof *out);
    enum heed_status status =
        node ? yaml_only(y, node,
                         " currency price access prices limits charges base_fee holds pools ", err)
             : HEED_OK;
    if (status == HEED_OK)
        status = currency(&x, node, currencies, currencies_n);
    if (status == HEED_OK)
        status = reading_choice(&x, node, "price", modes, 2,
                                "asked (charges on the buyer come on top) or paid (they are in it)",
                                &mode);
    out->paid = mode;
    if (status == HEED_OK)
        status = list_of(&x, node, "access", access_row, &out->access_n);
    if (status == HEED_OK)
        status = list_of(&x, node, "prices", price_row, &out->prices_n);
    if (status == HEED_OK)
        status = list_of(&x, node, "limits", limit_row, &out->limits_n);
    if (status == HEED_OK)
        status = list_of(&x, node, "charges", reading_charge, &out->charges_n);
    if (status == HEED_OK)
        status = base_fee(&x, yaml_get(y, node, "base_fee"));
    if (status == HEED_OK)
        status = list_of(&x, node, "holds", hold_row, &out->holds_n);
    if (status == HEED_OK)
        status = list_of(&x, node, "pools", pool_row, &out->pools_n);
    return status;
}

/* That the currencies a document gives are those known.                                         */
static enum heed_status currencies_known(const struct market_reading *x, int list,
                                         const struct market_currency *known, size_t n)
{
    if (!list)
        return HEED_OK;
    if (yaml_kind(x->y, list) != YAML_LIST)
        return reading_expected(x, list, "a list of currencies");
    for (size_t i = 0; i < yaml_count(x->y, list); i++) {
        int row = yaml_item(x->y, list, i), scale = yaml_get(x->y, row, "scale");
        int code = yaml_get(x->y, row, "code");
        int64_t decimals = 2;
        enum heed_status status = yaml_only(x->y, row, " code scale ", x->err);
        if (status == HEED_OK && scale)
            status = reading_number(x, scale, 0, 0, 9, "a number of decimals between 0 and 9",
                                    &decimals);
        if (status != HEED_OK)
            return status;
        size_t at = 0;
        while (at < n && !str_is(yaml_text(x->y, code), known[at].code))
            at++;
        if (at == n)
            return reading_expected(x, code ? code : row, "a currency of this world");
        if (known[at].scale != decimals)
            return yaml_error(x->y, scale ? scale : row, x->err,
                              "this world has %s with %d decimals; currencies stay as they are",
                              known[at].code, known[at].scale);
    }
    return HEED_OK;
}

enum heed_status market_rules_parse(struct str yaml, const char *name,
                                    const struct market_currency *currencies, size_t currencies_n,
                                    struct market_rules *out, struct heed_error *err)
{
    struct yaml *y;
    enum heed_status status = yaml_open(yaml, name, &y, err);
    if (status != HEED_OK)
        return status;
    int root = yaml_root(y), market = yaml_get(y, root, "market");
    const struct market_reading x = {y, out, err};
    if (!market)
        status = yaml_error(y, root, err, "it has no section `market:`, so there is no rule in it");
    else
        status = yaml_only(y, root, " currencies market ", err);
    if (status == HEED_OK)
        status = currencies_known(&x, yaml_get(y, root, "currencies"), currencies, currencies_n);
    if (status == HEED_OK)
        status = market_rules_read(y, market, currencies, currencies_n, out, err);
    yaml_close(y);
    return status;
}
