/* Pieces of replies. */
#include "base/time.h"
#include "base/utf8.h"
#include "world/admit.h"
#include "world/apply.h"
#include "world/units.h"

#include <stdarg.h>
#include <stdio.h>

enum heed_status reply_pack(json_t **out, struct heed_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_t *value = json_vpack_ex(NULL, 0, format, args);
    va_end(args);
    if (!value)
        return error_nomem(err);
    *out = value;
    return HEED_OK;
}

json_t *reply_text(const char *text)
{
    char *valid = strdup(text);
    if (!valid)
        return NULL;
    size_t n = strlen(valid);
    for (size_t at; (at = utf8_invalid_at((struct str){valid, n})) < n;)
        valid[at] = '?';
    json_t *string = json_string(valid);
    free(valid);
    return string;
}

json_t *reply_error(const struct heed_error *err)
{
    return json_pack("{s:o,s:o}", "where", reply_text(err->where), "message",
                     reply_text(err->message));
}

char *world_target_text(const struct world *w, uint32_t target, char buf[96])
{
    const struct catalogue *c = &w->state.catalogue;
    uint32_t index = target_index(target);
    struct str id = STR_NONE;
    switch (target_kind(target)) {
    case TARGET_USER:
        id = world_party_id(w, index);
        break;
    case TARGET_CONTENT:
        id = intern_str(&c->content_ids, index);
        break;
    case TARGET_GOOD:
        id = intern_str(&c->good_ids, index);
        break;
    case TARGET_SERVICE:
        id = intern_str(&c->service_ids, index);
        break;
    default:
        break;
    }
    snprintf(buf, 96, "%s:%.*s", target_kind_name(target_kind(target)), STR_ARG(id));
    return buf;
}

json_t *reply_target(const struct world *w, uint32_t target)
{
    char buf[96];
    return json_string(world_target_text(w, target, buf));
}

json_t *reply_account(const struct world *w, uint32_t holder)
{
    const char *name = holder_system_name(holder);
    return name ? json_string(name) : reply_target(w, target_make(TARGET_USER, holder));
}

json_t *reply_stock(const struct good *g)
{
    return g->stock < 0 ? json_null() : json_integer(g->stock);
}

json_t *reply_symbol(const struct world *w, uint32_t symbol)
{
    if (symbol == HANDLE_NONE)
        return json_null();
    struct str s = intern_str(&w->state.catalogue.symbols, symbol);
    return json_stringn(s.p, s.n);
}

json_t *reply_time(int64_t ms)
{
    char buf[32];
    return ms == 0 ? json_null() : json_string(time_to_text(ms, buf));
}

int unit_scale(const struct state *s, uint32_t unit)
{
    return unit < UNITS_OF_MONEY ? s->rules.currencies[unit].scale : 0;
}

json_t *reply_unit(const struct world *w, uint32_t unit)
{
    return unit < UNITS_OF_MONEY ? reply_currency(w, (uint16_t)unit)
                                 : reply_target(w, unit_item(unit));
}

json_t *reply_purpose(const struct world *w, uint16_t purpose)
{
    static const char *const own[PURPOSES_OWN] = {[PURPOSE_OFFERS] = "system:offers",
                                                  [PURPOSE_ORDERS] = "system:orders",
                                                  [PURPOSE_BIDS] = "system:bids",
                                                  [PURPOSE_ESCROW] = "system:escrow"};
    const char *sink = shop_sink_name(&w->state.shop, purpose);
    if (sink)
        return json_string(sink);
    if (purpose < PURPOSES_OWN)
        return own[purpose] ? json_string(own[purpose]) : json_null();
    return reply_symbol(w, (uint32_t)purpose - PURPOSES_OWN);
}

json_t *reply_ledger_account(const struct world *w, uint32_t account, uint32_t holder)
{
    const struct ledger *l = &w->state.ledger;
    const struct account none = {.holder = holder};
    const struct account *a = account == LEDGER_NONE ? &none : &l->accounts[account];
    int64_t available = ledger_available(l, account);
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:I,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:b}", "number",
        account == LEDGER_NONE ? json_null() : json_integer(account), "account",
        reply_account(w, a->holder), "purpose", reply_purpose(w, a->purpose), "currency",
        reply_unit(w, a->unit), "balance_minor", (json_int_t)ledger_balance(l, account),
        "available_minor", available == INT64_MAX ? json_null() : json_integer(available),
        "held_minor", (json_int_t)a->debits_pending, "coming_minor", (json_int_t)a->credits_pending,
        "limit_minor", (json_int_t)a->credit_limit, "debits_minor", (json_int_t)a->debits,
        "credits_minor", (json_int_t)a->credits, "transfers", (json_int_t)a->transfers, "frozen",
        (a->flags & ACCOUNT_FROZEN) != 0, "closed", (a->flags & ACCOUNT_CLOSED) != 0);
}

static json_t *reply_lines(const struct world *w, const struct purchase *p)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < p->lines; i++) {
        const struct shop_line *l = &w->state.shop.lines[p->first_line + i];
        json_array_append_new(
            list, json_pack("{s:s,s:o,s:o,s:I,s:I,s:o}", "for",
                            transfer_code_name((enum transfer_code)l->code), "to",
                            catalogue_erased(&w->state.catalogue, l->holder)
                                ? json_null()
                                : reply_account(w, l->holder),
                            "purpose", reply_purpose(w, l->purpose), "amount_minor",
                            (json_int_t)l->minor, "refunded_minor", (json_int_t)l->back_minor,
                            "rule_line", l->rule ? json_integer(l->rule) : json_null()));
    }
    return list;
}

static json_t *person(const struct world *w, uint32_t party)
{
    return catalogue_erased(&w->state.catalogue, party)
               ? json_null()
               : reply_target(w, target_make(TARGET_USER, party));
}

json_t *reply_purchase(const struct world *w, uint32_t number)
{
    static const char *const states[] = {"paid", "escrow", "released"};
    const struct purchase *p = &w->state.shop.purchases[number];
    return json_pack(
        "{s:I,s:o,s:o,s:o,s:o,s:I,s:o,s:I,s:I,s:I,s:o,s:o,s:s,s:I,s:b,s:o,s:o}", "purchase",
        (json_int_t)number, "time", reply_time(p->time_ms), "user", person(w, p->buyer), "for",
        person(w, p->recipient), "good", reply_target(w, p->target), "units", (json_int_t)p->units,
        "currency", reply_currency(w, p->currency), "price_minor", (json_int_t)p->price_minor,
        "fee_minor", (json_int_t)p->fee_minor, "proceeds_minor",
        (json_int_t)(p->price_minor - p->fee_minor), "offer",
        p->offer == SHOP_NONE ? json_null() : json_integer(p->offer), "coupon",
        p->coupon == SHOP_NONE ? json_null() : json_integer(p->coupon), "state", states[p->state],
        "refunded_units", (json_int_t)p->refunded_units, "refunded", (int)purchase_refunded(p),
        "bundle", p->bundle == SHOP_NONE ? json_null() : reply_target(w, p->bundle), "lines",
        reply_lines(w, p));
}

json_t *reply_parts(const struct world *w, uint32_t target)
{
    const struct bundle *b = shop_bundle_of(&w->state.shop, target);
    json_t *list = json_array();
    for (uint32_t k = 0; list && b && k < b->parts_n; k++)
        json_array_append_new(list,
                              json_pack("{s:o,s:I}", "good", reply_target(w, b->parts[k].target),
                                        "units", (json_int_t)b->parts[k].units));
    return list;
}

json_t *reply_currency(const struct world *w, uint16_t currency)
{
    return json_string(w->state.rules.currencies[currency].code);
}
