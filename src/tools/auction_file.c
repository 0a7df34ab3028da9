#include "tools/auction_file.h"

#include "base/error.h"
#include "tools/tools.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct reading {
    const char *name; /* of the file */
    struct auction_file *f;
    struct heed_error *err;
    size_t bid; /* in work; SIZE_MAX: none */
};

/* HEED_INPUT at a member of the auction, or of the bid in work. */
__attribute__((format(printf, 3, 4))) static enum heed_status
bad(const struct reading *r, const char *key, const char *format, ...)
{
    char where[160], message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (r->bid == SIZE_MAX)
        snprintf(where, sizeof where, "%.100s: %s", r->name, key);
    else
        snprintf(where, sizeof where, "%.100s: bids[%zu]%s%s", r->name, r->bid, *key ? "." : "",
                 key);
    return error_set(r->err, HEED_INPUT, where, "%s", message);
}

static enum heed_status only_keys(const struct reading *r, json_t *object, const char *const *known,
                                  const char *list)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i]) {
            char shown[48];
            snprintf(shown, sizeof shown, "%.40s", key);
            return bad(r, shown, "there is no such member here; there are %s", list);
        }
    }
    return HEED_OK;
}

/* A whole number of at least `least`. */
static enum heed_status whole(const struct reading *r, const json_t *value, const char *key,
                              int64_t least, int64_t *out)
{
    if (!value)
        return bad(r, key, "it is missing; give a whole number");
    if (!json_is_integer(value))
        return bad(r, key, "it must be a whole number, such as of the minor unit of a currency");
    *out = json_integer_value(value);
    return *out < least ? bad(r, key, "it is %lld; it must be at least %lld", (long long)*out,
                              (long long)least)
                        : HEED_OK;
}

static enum heed_status text(const struct reading *r, const json_t *value, const char *key,
                             struct str *out)
{
    enum { ID_MAX = 64 };
    if (!json_is_string(value) || json_string_length(value) == 0 ||
        json_string_length(value) > ID_MAX)
        return bad(r, key,
                   value ? "it must be a text of 1 to %d bytes"
                         : "it is missing; give a text of 1 to %d bytes",
                   ID_MAX);
    *out = (struct str){json_string_value(value), json_string_length(value)};
    return HEED_OK;
}

/* ── what is sold ── */

static enum heed_status read_items(const struct reading *r, const json_t *list)
{
    struct auction_file *f = r->f;
    size_t i;
    const json_t *item;
    if (!json_is_array(list) || json_array_size(list) == 0)
        return bad(r, "items", "it must be a list of one name or more");
    json_array_foreach(list, i, item)
    {
        char key[40];
        struct str name;
        snprintf(key, sizeof key, "items[%zu]", i);
        enum heed_status status = text(r, item, key, &name);
        if (status != HEED_OK)
            return status;
        if (intern_find(&f->items, name) != INTERN_NONE)
            return bad(r, key, "'%.*s' is named twice; things that are alike are sold by units",
                       STR_ARG(name));
        if (intern_add(&f->items, name) == INTERN_NONE)
            return error_nomem(r->err);
    }
    f->market.items = (uint32_t)f->items.count;
    return HEED_OK;
}

static enum heed_status read_clicks(const struct reading *r, const json_t *list, int64_t slots)
{
    struct auction_file *f = r->f;
    size_t n = list ? json_array_size(list) : (size_t)slots;
    if (list && (!json_is_array(list) || n == 0))
        return bad(r, "clicks", "it must be a list of the clicks that each slot brings");
    if (n > AUCTION_SLOTS_MAX)
        return bad(r, list ? "clicks" : "units", "there are %zu slots; %d at most", n,
                   AUCTION_SLOTS_MAX);
    f->clicks = malloc(n * sizeof *f->clicks);
    if (!f->clicks)
        return error_nomem(r->err);
    for (size_t i = 0; i < n; i++) {
        char key[40];
        snprintf(key, sizeof key, "clicks[%zu]", i);
        f->clicks[i] = 1;
        enum heed_status status =
            list ? whole(r, json_array_get(list, i), key, 1, &f->clicks[i]) : HEED_OK;
        if (status != HEED_OK)
            return status;
        if (i > 0 && f->clicks[i] > f->clicks[i - 1])
            return bad(r, key, "it is more than the slot above has; give the best slot first");
    }
    f->market.clicks = f->clicks;
    f->market.slots = n;
    return HEED_OK;
}

static enum heed_status read_sold(const struct reading *r, const json_t *root)
{
    struct clear_market *m = &r->f->market;
    const json_t *items = json_object_get(root, "items"), *units = json_object_get(root, "units"),
                 *clicks = json_object_get(root, "clicks");
    const char *kind = auction_kind_name(m->kind);
    bool slots = m->kind == AUCTION_GSP || m->kind == AUCTION_POSITION_VCG;
    bool single = m->kind == AUCTION_FIRST_PRICE || m->kind == AUCTION_VICKREY;
    enum heed_status status = HEED_OK;
    if (clicks && !slots)
        return bad(r, "clicks", "%s sells no slots; leave it out", kind);
    if (items && units)
        return bad(r, "items", "both items and units are given; give one of them");
    if (clicks && units)
        return bad(r, "clicks", "both clicks and units are given; give one of them");
    if (units)
        status = whole(r, units, "units", 1, &m->units);
    else if (single && !items)
        m->units = 1;
    if (status != HEED_OK)
        return status;
    if (slots) {
        if (items || (!clicks && !units))
            return bad(r, items ? "items" : "clicks",
                       "%s sells slots: give clicks, a list with a number for each slot", kind);
        status = read_clicks(r, clicks, m->units);
        m->units = 0;
        return status;
    }
    if (items) {
        if (m->kind != AUCTION_VCG && !single)
            return bad(r, "items", "%s sells units that are alike; give units", kind);
        status = read_items(r, items);
        if (status == HEED_OK && single && m->items > 1)
            return bad(r, "items", "%s sells one thing; for several use vcg", kind);
        if (single)
            m->items = 0, m->units = 1;
        return status;
    }
    if (m->units == 0)
        return bad(r, "units",
                   m->kind == AUCTION_VCG
                       ? "it is missing; give units, or items and bids with packages"
                       : "it is missing; give how many are sold");
    if (single && m->units > 1)
        return bad(r, "units", "%s sells one thing; for several use uniform, pay_as_bid or vcg",
                   kind);
    return HEED_OK;
}

static enum heed_status read_kind(const struct reading *r, const json_t *root)
{
    struct clear_market *m = &r->f->market;
    const json_t *rule = json_object_get(root, "price_rule"), *kind = json_object_get(root, "kind");
    int k = 0;
    while (k < AUCTION_KINDS &&
           (!kind || !json_is_string(kind) ||
            strcmp(json_string_value(kind), auction_kind_name((enum auction_kind)k)) != 0))
        k++;
    if (k == AUCTION_KINDS)
        return bad(r, "kind",
                   "%s; it is one of first_price, vickrey, uniform, pay_as_bid, vcg, gsp, "
                   "position_vcg",
                   kind ? "there is no such kind" : "it is missing");
    m->kind = (enum auction_kind)k;
    if (rule && m->kind != AUCTION_UNIFORM)
        return bad(r, "price_rule", "it is of uniform alone; leave it out");
    const char *name = rule ? json_string_value(rule) : "lowest_accepted";
    if (name && strcmp(name, "highest_rejected") == 0)
        m->price_rule = AUCTION_HIGHEST_REJECTED;
    else if (!name || strcmp(name, "lowest_accepted") != 0)
        return bad(r, "price_rule", "it is lowest_accepted or highest_rejected");
    return HEED_OK;
}

/* ── bids ── */

static enum heed_status read_package(const struct reading *r, const json_t *list, uint32_t *package)
{
    size_t i;
    const json_t *item;
    *package = 0;
    if (!list)
        return bad(r, "package", "it is missing; list the items that the price is for");
    if (!json_is_array(list) || json_array_size(list) == 0)
        return bad(r, "package", "it must be a list of one item or more");
    json_array_foreach(list, i, item)
    {
        char key[40];
        struct str name;
        snprintf(key, sizeof key, "package[%zu]", i);
        enum heed_status status = text(r, item, key, &name);
        if (status != HEED_OK)
            return status;
        uint32_t at = intern_find(&r->f->items, name);
        if (at == INTERN_NONE)
            return bad(r, key, "'%.*s' is none of the items; name one of those", STR_ARG(name));
        if (at >= AUCTION_ITEMS_MAX) /* refused by its bound when cleared */
            at = AUCTION_ITEMS_MAX;
        else if (*package >> at & 1)
            return bad(r, key, "'%.*s' is in the package twice; name it once", STR_ARG(name));
        *package |= 1u << at;
    }
    return HEED_OK;
}

static enum heed_status read_quality(const struct reading *r, const json_t *value, uint32_t *out)
{
    *out = AUCTION_QUALITY_ONE;
    if (!value)
        return HEED_OK;
    double x = json_is_number(value) ? json_number_value(value) : -1;
    double ppm = x * AUCTION_QUALITY_ONE;
    if (!(x > 0) || ppm > AUCTION_QUALITY_MAX || ppm < .5 ||
        fabs(ppm - nearbyint(ppm)) > 1e-9 * ppm + 1e-6)
        return bad(
            r, "quality",
            "it must be a number above 0, up to 1000, of six decimals at most (1: an ad like "
            "any other)");
    *out = (uint32_t)nearbyint(ppm);
    return HEED_OK;
}

static enum heed_status read_bid(const struct reading *r, json_t *bid, struct clear_bid *out)
{
    static const char *const by_units[] = {"bidder", "price", "units", NULL},
                             *const by_package[] = {"bidder", "price", "package", NULL},
                             *const by_click[] = {"bidder", "price", "quality", NULL};
    const struct clear_market *m = &r->f->market;
    struct str bidder;
    *out = (struct clear_bid){.units = 1, .quality = AUCTION_QUALITY_ONE};
    if (!json_is_object(bid))
        return bad(r, "", "it must be an object, {\"bidder\": …, \"price\": …}");
    const json_t *units = json_object_get(bid, "units"), *package = json_object_get(bid, "package");
    bool single = m->kind == AUCTION_FIRST_PRICE || m->kind == AUCTION_VICKREY;
    bool named = r->f->items.count > 0;
    enum heed_status status = only_keys(r, bid,
                                        m->slots ? by_click
                                        : named  ? by_package
                                                 : by_units,
                                        m->slots ? "bidder, price, quality"
                                        : named  ? "bidder, price, package (items are sold)"
                                                 : "bidder, price, units (units are sold)");
    if (status == HEED_OK)
        status = text(r, json_object_get(bid, "bidder"), "bidder", &bidder);
    if (status == HEED_OK)
        status = whole(r, json_object_get(bid, "price"), "price", 1, &out->price_minor);
    if (status == HEED_OK && m->slots)
        status = read_quality(r, json_object_get(bid, "quality"), &out->quality);
    if (status == HEED_OK && (m->items || (named && package)))
        status = read_package(r, package, &out->package);
    if (status == HEED_OK && !m->slots && !named && (units || !single))
        status = whole(r, units, "units", 1, &out->units);
    int64_t value;
    if (status == HEED_OK && single && out->units != 1)
        return bad(r, "units", "%s sells one thing; bid for one", auction_kind_name(m->kind));
    if (status == HEED_OK && __builtin_mul_overflow(out->price_minor, out->units, &value))
        return bad(r, "", "price times units is more than an amount can be; bid less");
    if (status != HEED_OK)
        return status;
    if (!m->items)
        out->package = 0;
    uint32_t before = intern_find(&r->f->bidders, bidder);
    if (before != INTERN_NONE && m->slots)
        return bad(r, "bidder", "'%.*s' has a bid already; for slots a bidder has one",
                   STR_ARG(bidder));
    out->bidder = before != INTERN_NONE ? before : intern_add(&r->f->bidders, bidder);
    return out->bidder == INTERN_NONE ? error_nomem(r->err) : HEED_OK;
}

static enum heed_status read_bids(struct reading *r, const json_t *list)
{
    struct auction_file *f = r->f;
    enum heed_status status = HEED_OK;
    if (!json_is_array(list))
        return bad(r, "bids",
                   list ? "it must be a list"
                        : "it is missing; give a list, the earliest bid first");
    size_t n = json_array_size(list);
    f->bids = malloc((n ? n : 1) * sizeof *f->bids);
    if (!f->bids)
        return error_nomem(r->err);
    for (r->bid = 0; status == HEED_OK && r->bid < n; r->bid++)
        status = read_bid(r, json_array_get(list, r->bid), &f->bids[r->bid]);
    r->bid = SIZE_MAX;
    f->market.bids = f->bids;
    f->market.bids_n = n;
    f->market.bidders_n = (uint32_t)f->bidders.count;
    return status;
}

static enum heed_status read_auction(struct reading *r, json_t *root)
{
    static const char *const known[] = {"kind",    "items",      "units", "clicks",
                                        "reserve", "price_rule", "bids",  NULL};
    const json_t *reserve = json_object_get(root, "reserve");
    if (!json_is_object(root))
        return error_set(r->err, HEED_INPUT, r->name,
                         "it must be an object, {\"kind\": …, \"bids\": […]}");
    enum heed_status status =
        only_keys(r, root, known, "kind, items, units, clicks, reserve, price_rule, bids");
    if (status == HEED_OK)
        status = read_kind(r, root);
    if (status == HEED_OK)
        status = read_sold(r, root);
    if (status == HEED_OK && reserve)
        status = whole(r, reserve, "reserve", 0, &r->f->market.reserve_minor);
    return status == HEED_OK ? read_bids(r, json_object_get(root, "bids")) : status;
}

enum heed_status auction_file_parse(struct str input, const char *name, struct auction_file *out,
                                    struct heed_error *err)
{
    struct reading r = {name, out, err, SIZE_MAX};
    json_error_t at;
    *out = (struct auction_file){0};
    intern_init(&out->bidders);
    intern_init(&out->items);
    json_t *root = json_loadb(input.p ? input.p : "", input.n, JSON_REJECT_DUPLICATES, &at);
    if (!root) {
        char where[160];
        if (json_error_code(&at) == json_error_out_of_memory)
            return error_nomem(err);
        snprintf(where, sizeof where, "%.100s: line %d, column %d", name, at.line, at.column);
        return error_set(err, HEED_INPUT, where, "no JSON that could be read: %s", at.text);
    }
    enum heed_status status = read_auction(&r, root);
    json_decref(root);
    return status;
}

void auction_file_deinit(struct auction_file *f)
{
    free(f->bids);
    free(f->clicks);
    intern_deinit(&f->bidders);
    intern_deinit(&f->items);
    *f = (struct auction_file){0};
}

/* ── the reply ── */

static json_t *names_of(const struct auction_file *f, uint32_t package)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < f->items.count && i < 32; i++) {
        struct str name = intern_str(&f->items, i);
        if (package >> i & 1 && !tools_push(list, json_stringn(name.p, name.n))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *auction_file_reply(const struct auction_file *f, const struct clear_result *r)
{
    json_t *winners = json_array();
    bool ok = winners != NULL;
    for (size_t i = 0; ok && i < r->n; i++) {
        const struct clear_winner *w = &r->winners[i];
        struct str name = intern_str(&f->bidders, w->bidder);
        json_t *row = json_pack("{s:s%}", "bidder", name.p, name.n);
        if (f->market.slots)
            ok = tools_put(row, "slot", json_integer((json_int_t)w->slot + 1));
        else if (f->items.count)
            ok = tools_put(row, "package", names_of(f, w->package ? w->package : 1));
        else
            ok = tools_put(row, "units", json_integer(w->units));
        ok = ok && tools_put(row, "pays", json_integer(w->pays_minor)) &&
             json_array_append(winners, row) == 0;
        json_decref(row);
    }
    if (ok)
        return json_pack("{s:o,s:I,s:I}", "winners", winners, "revenue",
                         (json_int_t)r->revenue_minor, "welfare", (json_int_t)r->welfare_minor);
    json_decref(winners);
    return NULL;
}
