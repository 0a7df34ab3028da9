/* `heed rules diff`: what new market rules change, rule by rule and for worked trades. */
#include "base/error.h"
#include "base/scalars.h"
#include "base/sheet.h"
#include "tools/market.h"

#include <stdio.h>
#include <stdlib.h>

enum { PRICES_MAX = 512, ROWS = 8 };

struct version {
    struct strbuf text;
    struct rules *rules;
    struct yaml *y;
    int market; /* node */
};

struct differing {
    struct version old, new;
    json_t *changes, *trades;
    int64_t rows_max, tried, changed;
    int64_t shown; /* of the kind and class in work */
};

static enum heed_status version_open(struct version *v, const char *path, struct heed_error *err)
{
    enum heed_status status = market_file(path, &v->text, &v->rules, err);
    if (status == HEED_OK)
        status = yaml_open((struct str){v->text.p, v->text.n}, path, &v->y, err);
    if (status == HEED_OK)
        v->market = yaml_get(v->y, yaml_root(v->y), "market");
    return status;
}

static void version_close(struct version *v)
{
    yaml_close(v->y);
    strbuf_deinit(&v->text);
    free(v->rules);
}

/* ── rule by rule ── */

/* A node as text in which the order of keys does not matter.                                    */
static bool canonical(const struct yaml *y, int node, struct strbuf *out)
{
    size_t n = yaml_count(y, node);
    bool ok = true;
    switch (yaml_kind(y, node)) {
    case YAML_SCALAR:
        return strbuf_printf(out, "'%.*s'", STR_ARG(yaml_text(y, node)));
    case YAML_LIST:
        ok = strbuf_putc(out, '[');
        for (size_t i = 0; ok && i < n; i++)
            ok = canonical(y, yaml_item(y, node, i), out) && strbuf_putc(out, ',');
        return ok && strbuf_putc(out, ']');
    case YAML_MAP:
        ok = strbuf_putc(out, '{');
        for (struct str last = {"", 0}; ok && n > 0;) { /* in order of keys, which are few */
            size_t next = n;
            for (size_t i = 0; i < n; i++) {
                struct str key = yaml_key(y, node, i);
                size_t m = key.n < last.n ? key.n : last.n;
                int order = m ? memcmp(key.p, last.p, m) : 0;
                bool after = order > 0 || (order == 0 && key.n > last.n);
                if (!after)
                    continue;
                if (next < n) {
                    struct str best = yaml_key(y, node, next);
                    m = key.n < best.n ? key.n : best.n;
                    order = memcmp(key.p, best.p, m);
                    if (order > 0 || (order == 0 && key.n > best.n))
                        continue;
                }
                next = i;
            }
            if (next == n)
                break;
            last = yaml_key(y, node, next);
            ok = strbuf_printf(out, "%.*s:", STR_ARG(last)) &&
                 canonical(y, yaml_value(y, node, next), out) && strbuf_putc(out, ',');
        }
        return ok && strbuf_putc(out, '}');
    default:
        return true;
    }
}

static enum heed_status same(const struct version *a, int x, const struct version *b, int z,
                             bool *equal, struct heed_error *err)
{
    struct strbuf one, two;
    strbuf_init(&one, SIZE_MAX);
    strbuf_init(&two, SIZE_MAX);
    bool ok = canonical(a->y, x, &one) && canonical(b->y, z, &two);
    *equal = one.n == two.n && (one.n == 0 || memcmp(one.p, two.p, one.n) == 0);
    strbuf_deinit(&one);
    strbuf_deinit(&two);
    return ok ? HEED_OK : error_nomem(err);
}

static enum heed_status put_change(struct differing *d, const char *section, struct str rule,
                                   const char *change, int old, int new, struct heed_error *err)
{
    json_t *row = json_pack(
        "{s:s%,s:s,s:s,s:o,s:o}", "rule", rule.p, rule.n, "section", section, "change", change,
        "old_line", old ? json_integer((json_int_t)yaml_line(d->old.y, old)) : json_null(),
        "new_line", new ? json_integer((json_int_t)yaml_line(d->new.y, new)) : json_null());
    return tools_push(d->changes, row) ? HEED_OK : error_nomem(err);
}

static int named(const struct yaml *y, int list, struct str name)
{
    for (size_t i = 0; i < yaml_count(y, list); i++)
        if (str_eq(yaml_text(y, yaml_get(y, yaml_item(y, list, i), "name")), name))
            return yaml_item(y, list, i);
    return 0;
}

static enum heed_status diff_list(struct differing *d, const char *section, int old, int new,
                                  struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < yaml_count(d->old.y, old); i++) {
        int row = yaml_item(d->old.y, old, i);
        struct str name = yaml_text(d->old.y, yaml_get(d->old.y, row, "name"));
        int other = named(d->new.y, new, name);
        bool equal = false;
        if (other)
            status = same(&d->old, row, &d->new, other, &equal, err);
        if (status == HEED_OK && !equal)
            status = put_change(d, section, name, other ? "changed" : "removed", row, other, err);
    }
    for (size_t i = 0; status == HEED_OK && i < yaml_count(d->new.y, new); i++) {
        int row = yaml_item(d->new.y, new, i);
        struct str name = yaml_text(d->new.y, yaml_get(d->new.y, row, "name"));
        if (!named(d->old.y, old, name))
            status = put_change(d, section, name, "added", 0, row, err);
    }
    return status;
}

static enum heed_status diff_rules(struct differing *d, struct heed_error *err)
{
    static const char *const lists[] = {"access", "prices", "limits", "charges", "holds", "pools"},
                             *const others[] = {"currency", "price", "base_fee"};
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < sizeof lists / sizeof *lists; i++)
        status = diff_list(d, lists[i], yaml_get(d->old.y, d->old.market, lists[i]),
                           yaml_get(d->new.y, d->new.market, lists[i]), err);
    for (size_t i = 0; status == HEED_OK && i < sizeof others / sizeof *others; i++) {
        int old = yaml_get(d->old.y, d->old.market, others[i]);
        int new = yaml_get(d->new.y, d->new.market, others[i]);
        bool equal = true;
        if (old || new)
            status = same(&d->old, old, &d->new, new, &equal, err);
        if (status == HEED_OK && !equal)
            status = put_change(d, others[i], str_of(others[i]),
                                !old   ? "added"
                                : !new ? "removed"
                                       : "changed",
                                old, new, err);
    }
    return status;
}

/* ── worked trades ── */

static void put_price(int64_t *prices, size_t *n, int64_t price)
{
    size_t at = 0;
    while (at < *n && prices[at] < price)
        at++;
    if (price < 1 || *n == PRICES_MAX || (at < *n && prices[at] == price))
        return;
    memmove(prices + at + 1, prices + at, (*n - at) * sizeof *prices);
    prices[at] = price;
    ++*n;
}

static void put_edge(int64_t *prices, size_t *n, int64_t price)
{
    if (price < 1)
        return;
    put_price(prices, n, price - 1);
    put_price(prices, n, price);
    if (price < INT64_MAX)
        put_price(prices, n, price + 1);
}

/* Prices at which something may change: the edges that rules name, and powers of ten.           */
static size_t prices_of(const struct differing *d, int64_t *prices)
{
    const struct market_rules *both[] = {&d->old.rules->market, &d->new.rules->market};
    size_t n = 0;
    for (int64_t p = 1; p <= INT64_C(1000000000000); p *= 10)
        put_price(prices, &n, p);
    for (int k = 0; k < 2; k++) {
        const struct market_rules *r = both[k];
        for (uint32_t i = 0; i < r->prices_n; i++) {
            put_edge(prices, &n, r->prices[i].floor_minor);
            put_edge(prices, &n, r->prices[i].ceiling_minor);
        }
        for (uint32_t i = 0; i < r->charges_n; i++) {
            put_edge(prices, &n, r->charges[i].below_minor);
            for (uint32_t j = 0; j < r->charges[i].bands_n; j++)
                put_edge(prices, &n, r->charges[i].band[j].from_minor);
        }
    }
    return n;
}

static bool put_decision(json_t *row, const char *when, const struct market_rules *r,
                         const struct market_decision *d)
{
    char key[48], text[400], amount[32];
    market_decision_text(r, d, text, sizeof text);
    snprintf(key, sizeof key, "%s_buyer", when);
    bool ok = tools_put(
        row, key,
        d->refused ? json_null()
                   : json_string(money_to_text((struct money){d->buyer_minor}, r->scale, amount)));
    snprintf(key, sizeof key, "%s_seller", when);
    ok = ok && tools_put(row, key,
                         d->refused ? json_null()
                                    : json_string(money_to_text((struct money){d->seller_minor},
                                                                r->scale, amount)));
    return ok && tools_put(row, when, json_string(text));
}

static bool equal(const struct differing *d, const struct market_decision *a,
                  const struct market_decision *b)
{
    char one[1600], two[1600];
    market_decision_text(&d->old.rules->market, a, one, sizeof one);
    market_decision_text(&d->new.rules->market, b, two, sizeof two);
    return a->refused == b->refused && a->buyer_minor == b->buyer_minor &&
           a->seller_minor == b->seller_minor && strcmp(one, two) == 0;
}

static enum heed_status try_trade(struct differing *d, const struct market_trade *trade,
                                  struct heed_error *err)
{
    const struct market_rules *old = &d->old.rules->market, *new = &d->new.rules->market;
    struct market_decision before, after;
    struct market_trade t = *trade;
    char price[32];
    t.base_fee_minor = old->base_fee.start_minor;
    market_decide(old, NULL, &t, &before);
    t.base_fee_minor = new->base_fee.start_minor;
    market_decide(new, NULL, &t, &after);
    d->tried++;
    if (equal(d, &before, &after))
        return HEED_OK;
    d->changed++;
    if (d->shown++ >= d->rows_max)
        return HEED_OK;
    json_t *row = json_pack("{s:s,s:s%,s:s,s:I}", "on", market_kind_name(t.kind), "class",
                            t.class.n ? t.class.p : "-", t.class.n ? t.class.n : (size_t)1, "price",
                            money_to_text((struct money){t.unit_minor}, new->scale, price),
                            "quantity", (json_int_t)t.quantity);
    if (row && put_decision(row, "old", old, &before) && put_decision(row, "new", new, &after))
        return tools_push(d->trades, row) ? HEED_OK : error_nomem(err);
    json_decref(row);
    return error_nomem(err);
}

static uint8_t kinds_of(const struct market_rules *r)
{
    uint8_t kinds = 0;
#define KINDS(list)                                                                                \
    for (uint32_t i = 0; i < r->list##_n; i++)                                                     \
        kinds |= r->list[i].scope.kinds;
    KINDS(access)
    KINDS(prices)
    KINDS(limits)
    KINDS(charges)
    KINDS(holds)
#undef KINDS
    return r->base_fee.set ? kinds | r->base_fee.scope.kinds : kinds;
}

static bool has_class(const struct market_rules *r, const char *class)
{
    for (uint32_t i = 0; i < r->classes_n; i++)
        if (strcmp(r->classes[i].text, class) == 0)
            return true;
    return false;
}

static enum heed_status try_class(struct differing *d, const char *class, const int64_t *prices,
                                  size_t n, struct heed_error *err)
{
    uint8_t kinds = kinds_of(&d->old.rules->market) | kinds_of(&d->new.rules->market);
    enum heed_status status = HEED_OK;
    for (int kind = 0; kind < MARKET_KINDS; kind++) {
        d->shown = 0;
        for (size_t i = 0; (kinds >> kind & 1) && i < n; i++)
            for (int64_t quantity = 1; status == HEED_OK && quantity <= 10; quantity *= 10) {
                struct market_trade t =
                    market_plain_trade((enum market_kind)kind, str_of(class), prices[i], quantity);
                t.previous_minor = prices[i] - prices[i] / 10; /* of relistings: a tenth less */
                status = try_trade(d, &t, err);
            }
    }
    return status;
}

static enum heed_status try_drawn(struct differing *d, struct heed_error *err)
{
    int64_t prices[PRICES_MAX];
    size_t n = prices_of(d, prices);
    const struct market_rules *old = &d->old.rules->market, *new = &d->new.rules->market;
    enum heed_status status = try_class(d, "", prices, n, err);
    for (uint32_t i = 0; status == HEED_OK && i < old->classes_n; i++)
        status = try_class(d, old->classes[i].text, prices, n, err);
    for (uint32_t i = 0; status == HEED_OK && i < new->classes_n; i++)
        if (!has_class(old, new->classes[i].text))
            status = try_class(d, new->classes[i].text, prices, n, err);
    return status;
}

/* Columns on, class, price, quantity.                                                           */
static enum heed_status try_file(struct differing *d, const char *path, struct heed_error *err)
{
    static const char *const names[] = {"on", "price", "quantity"};
    struct sheet s;
    size_t place[3];
    bool more = true;
    enum heed_status status =
        sheet_open(path, &(struct csv_options){0}, "the first line names the columns", &s, err);
    if (status == HEED_OK)
        status = sheet_need(&s, names, 3, place, err);
    size_t class = status == HEED_OK ? sheet_column(&s, "class") : SHEET_NOWHERE;
    while (status == HEED_OK && (status = sheet_next(&s, &more, err)) == HEED_OK && more) {
        struct str cell[3];
        int64_t price, quantity;
        int kind = -1;
        for (size_t i = 0; status == HEED_OK && i < 3; i++)
            status = sheet_cell(&s, place[i], &cell[i], err);
        if (status != HEED_OK)
            break;
        kind = market_kind_of_name(cell[0]);
        if (kind < 0)
            status =
                sheet_error(&s, place[0], err,
                            "it is not one of shop, resale, exchange, auction, listing, relist");
        else if (!decimal_from_text(cell[1], d->new.rules->market.scale, &price))
            status = sheet_error(&s, place[1], err, "it is not an amount with up to %d decimals",
                                 d->new.rules->market.scale);
        else if (!decimal_from_text(cell[2], 0, &quantity))
            status = sheet_error(&s, place[2], err, "it is not a whole number");
        if (status != HEED_OK)
            break;
        struct str of = class == SHEET_NOWHERE ? STR("") : str_trim(s.row.fields[class]);
        struct market_trade t = market_plain_trade((enum market_kind)kind, of, price, quantity);
        t.previous_minor = price - price / 10;
        if (price <= 0)
            t.previous_minor = 0;
        status = try_trade(d, &t, err);
    }
    sheet_close(&s);
    return status;
}

enum heed_status tools_rules_diff(const struct tool_ask *ask, json_t **reply,
                                  struct heed_error *err)
{
    const char *trades = tools_arg(ask, "trades");
    struct differing d = {.changes = json_array(), .trades = json_array()};
    strbuf_init(&d.new.text, 0);
    enum heed_status status =
        d.changes && d.trades ? version_open(&d.old, tools_arg(ask, "old"), err) : error_nomem(err);
    if (status == HEED_OK)
        status = version_open(&d.new, tools_arg(ask, "new"), err);
    if (status == HEED_OK && d.old.rules->market.scale != d.new.rules->market.scale)
        status = error_set(err, HEED_INPUT, tools_arg(ask, "new"),
                           "its currency has %d decimals, that of the old rules %d: their amounts "
                           "cannot be compared",
                           d.new.rules->market.scale, d.old.rules->market.scale);
    if (status == HEED_OK)
        status = tools_number(ask, "rows", trades ? INT64_MAX : ROWS, &d.rows_max, err);
    if (status == HEED_OK)
        status = diff_rules(&d, err);
    if (status == HEED_OK)
        status = trades ? try_file(&d, trades, err) : try_drawn(&d, err);
    if (status == HEED_OK) {
        *reply = json_pack("{s:I,s:I,s:I,s:O,s:O}", "rules_changed",
                           (json_int_t)json_array_size(d.changes), "trades_tried",
                           (json_int_t)d.tried, "trades_changed", (json_int_t)d.changed, "changes",
                           d.changes, "trades", d.trades);
        if (!*reply)
            status = error_nomem(err);
    }
    json_decref(d.changes);
    json_decref(d.trades);
    version_close(&d.old);
    version_close(&d.new);
    return status;
}
