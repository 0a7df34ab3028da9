/* `heed rules quote`: what market rules say of one trade. */
#include "base/error.h"
#include "base/scalars.h"
#include "circulation/rules_usage.h"
#include "tools/market.h"

#include <stdio.h>
#include <stdlib.h>

enum { ATTRIBUTES_MAX = 16 };

struct side {
    struct market_attribute attributes[ATTRIBUTES_MAX];
};

static enum heed_status amount(const struct tool_ask *ask, const struct market_rules *r,
                               const char *name, int64_t *out, struct heed_error *err)
{
    const char *text = tools_arg(ask, name);
    if (text && !decimal_from_text(str_of(text), r->scale, out))
        return error_set(err, HEED_USAGE, name, "'%s' is not an amount with up to %d decimals",
                         text, r->scale);
    return HEED_OK;
}

static enum heed_status choice(const struct tool_ask *ask, const char *name, const char *const *all,
                               size_t n, int *out, struct heed_error *err)
{
    const char *text = tools_arg(ask, name);
    for (size_t i = 0; text && i < n; i++)
        if (strcmp(all[i], text) == 0) {
            *out = (int)i;
            return HEED_OK;
        }
    if (!text)
        return HEED_OK;
    const struct arg_spec *spec = &ask->spec->args[command_arg(ask->spec, str_of(name))];
    return error_set(err, HEED_USAGE, name, "'%s' is not one of %s", text,
                     *spec->choices ? spec->choices : spec->help);
}

/* K=V of one side.                                                                              */
static enum heed_status setting(const char *name, struct str key, struct str value, int64_t now_ms,
                                struct side *side, struct market_party *p, struct heed_error *err)
{
    int64_t v;
    if (str_is(key, "role")) {
        enum role role = role_of_name(value);
        if (!role)
            return error_set(err, HEED_USAGE, name,
                             "'%.*s' is not a role such as member or operator", STR_ARG(value));
        p->roles |= (uint8_t)role;
        return HEED_OK;
    }
    if (str_is(key, "account")) {
        if (!span_from_text(value, &v) || v > now_ms)
            return error_set(err, HEED_USAGE, name, "'%.*s' is not a time span such as 30 d",
                             STR_ARG(value));
        p->joined_ms = now_ms - v;
        return HEED_OK;
    }
    if (!decimal_from_text(value, 0, &v))
        return error_set(err, HEED_USAGE, name, "'%.*s' of '%.*s' is not a whole number",
                         STR_ARG(value), STR_ARG(key));
    if (p->attributes_n == ATTRIBUTES_MAX)
        return error_set(err, HEED_USAGE, name, "more than %d attributes", ATTRIBUTES_MAX);
    side->attributes[p->attributes_n++] = (struct market_attribute){key, v};
    return HEED_OK;
}

static enum heed_status side_of(const struct tool_ask *ask, const char *name, int64_t now_ms,
                                struct side *side, struct market_party *p, struct heed_error *err)
{
    const char *text = tools_arg(ask, name);
    enum heed_status status = HEED_OK;
    if (!text)
        return HEED_OK;
    p->attributes = side->attributes;
    if (strstr(text, "role="))
        p->roles = 0;
    while (status == HEED_OK && *text) {
        size_t n = strcspn(text, ","), equals = strcspn(text, "=");
        if (equals >= n || equals == 0)
            return error_set(
                err, HEED_USAGE, name,
                "'%.*s' is not K=V: role=member, account=30 d, or an attribute such as "
                "skill=4",
                (int)n, text);
        status = setting(name, str_trim((struct str){text, equals}),
                         str_trim((struct str){text + equals + 1, n - equals - 1}), now_ms, side, p,
                         err);
        text += n + (text[n] == ',');
    }
    return status;
}

struct quoting {
    const struct market_rules *r;
    struct market_trade t;
    struct side seller, buyer;
    struct market_usage usage;
};

static enum heed_status trade_of(const struct tool_ask *ask, struct quoting *q,
                                 struct heed_error *err)
{
    static const char *const creators[] = {"other", "seller", "none"}, *const makers[] = {"seller",
                                                                                          "buyer"};
    const char *on = tools_arg(ask, "on"), *class = tools_arg(ask, "class");
    int kind = on ? market_kind_of_name(str_of(on)) : MARKET_EXCHANGE, creator = 0, maker = 0;
    if (kind < 0)
        return error_set(err, HEED_USAGE, "on",
                         "'%s' is not one of shop, resale, exchange, auction, listing, relist", on);
    struct market_trade *t = &q->t;
    *t = market_plain_trade((enum market_kind)kind, str_of(class ? class : ""), 0, 1);
    t->base_fee_minor = q->r->base_fee.start_minor;
    enum heed_status status = amount(ask, q->r, "price", &t->unit_minor, err);
    if (status == HEED_OK)
        status = amount(ask, q->r, "previous", &t->previous_minor, err);
    if (status == HEED_OK)
        status = amount(ask, q->r, "reference", &t->reference_minor, err);
    if (status == HEED_OK)
        status = amount(ask, q->r, "base-fee", &t->base_fee_minor, err);
    if (status == HEED_OK)
        status = tools_number(ask, "quantity", 1, &t->quantity, err);
    if (status == HEED_OK)
        status = choice(ask, "creator", creators, 3, &creator, err);
    if (status == HEED_OK)
        status = choice(ask, "maker", makers, 2, &maker, err);
    t->creator = creator == 0 ? t->creator : creator == 1 ? t->seller.party : MARKET_NOBODY;
    t->seller_is_maker = maker == 0;
    if (tools_arg(ask, "affiliate"))
        t->affiliate = 3;
    if (status == HEED_OK)
        status = side_of(ask, "seller", t->time_ms, &q->seller, &t->seller, err);
    return status == HEED_OK ? side_of(ask, "buyer", t->time_ms, &q->buyer, &t->buyer, err)
                             : status;
}

/* Counts what both traded before.                                                               */
static enum heed_status traded(const struct tool_ask *ask, struct quoting *q,
                               struct heed_error *err)
{
    struct market_trade before = q->t;
    enum heed_status status = tools_number(ask, "traded", 0, &before.quantity, err);
    if (status == HEED_OK && before.quantity > 0 && !market_usage_add(&q->usage, q->r, &before))
        status = error_nomem(err);
    return status;
}

enum heed_status tools_rules_quote(const struct tool_ask *ask, json_t **reply,
                                   struct heed_error *err)
{
    struct strbuf text;
    struct rules *rules;
    struct quoting q = {0};
    struct market_decision d = {0};
    market_usage_init(&q.usage);
    enum heed_status status = market_file(tools_arg(ask, "file"), &text, &rules, err);
    q.r = status == HEED_OK ? &rules->market : NULL;
    if (status == HEED_OK)
        status = trade_of(ask, &q, err);
    if (status == HEED_OK)
        status = traded(ask, &q, err);
    if (status == HEED_OK) {
        market_decide(q.r, &q.usage, &q.t, &d);
        *reply = market_decision_json(q.r, &d);
        status = !*reply ? error_nomem(err) : d.refused ? HEED_REFUSED : HEED_OK;
    }
    market_usage_deinit(&q.usage);
    strbuf_deinit(&text);
    free(rules);
    return status;
}
