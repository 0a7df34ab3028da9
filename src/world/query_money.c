/* Queries about money, goods, rewards and rules. */
#include "world/apply.h"

enum heed_status query_ledger_balance(struct world *w, const struct call *call,
                                      enum refusal *refusal, json_t **out, struct heed_error *err)
{
    uint32_t holder = (uint32_t)call->i[0];
    const struct ledger *l = &w->state.ledger;
    if (catalogue_erased(&w->state.catalogue, holder)) {
        *refusal = REFUSED_erased;
        return HEED_OK;
    }
    json_t *rows = json_array();
    for (uint32_t i = 0; i < w->state.rules.currencies_n; i++) {
        uint32_t a = ledger_find(l, holder, (uint16_t)i);
        if (a == LEDGER_NONE && i > 0)
            continue;
        json_array_append_new(
            rows,
            json_pack("{s:o,s:I,s:I,s:I,s:I}", "currency", reply_currency(w, (uint16_t)i),
                      "balance_minor", (json_int_t)(a == LEDGER_NONE ? 0 : ledger_balance(l, a)),
                      "debits_minor", (json_int_t)(a == LEDGER_NONE ? 0 : l->accounts[a].debits),
                      "credits_minor", (json_int_t)(a == LEDGER_NONE ? 0 : l->accounts[a].credits),
                      "transfers", (json_int_t)(a == LEDGER_NONE ? 0 : l->accounts[a].transfers)));
    }
    return reply_pack(out, err, "{s:o,s:O,s:O,s:o}", "account", reply_account(w, holder),
                      "currency", json_object_get(json_array_get(rows, 0), "currency"),
                      "balance_minor", json_object_get(json_array_get(rows, 0), "balance_minor"),
                      "balances", rows);
}

enum heed_status query_ledger_history(struct world *w, const struct call *call,
                                      enum refusal *refusal, json_t **out, struct heed_error *err)
{
    uint32_t holder = (uint32_t)call->i[0];
    const struct ledger *l = &w->state.ledger;
    if (catalogue_erased(&w->state.catalogue, holder)) {
        *refusal = REFUSED_erased;
        return HEED_OK;
    }
    uint16_t currency = call->i[1] == CALL_ABSENT ? 0 : (uint16_t)call->i[1];
    int64_t k = call->i[2] == CALL_ABSENT ? 20 : call->i[2];
    uint32_t a = ledger_find(l, holder, currency);
    json_t *rows = json_array();
    for (uint32_t t = a == LEDGER_NONE ? LEDGER_NONE : l->accounts[a].last;
         t != LEDGER_NONE && k-- > 0;) {
        const struct transfer *x = &l->transfers[t];
        bool in = x->credit == a;
        uint32_t other = l->accounts[in ? x->debit : x->credit].holder;
        json_array_append_new(
            rows,
            json_pack("{s:I,s:o,s:s,s:o,s:I,s:o}", "transfer", (json_int_t)t, "time",
                      reply_time(x->time_ms), "code",
                      transfer_code_name((enum transfer_code)x->code), "other",
                      catalogue_erased(&w->state.catalogue, other) ? json_null()
                                                                   : reply_account(w, other),
                      "amount_minor", (json_int_t)(in ? x->amount_minor : -x->amount_minor),
                      "reference",
                      x->reference == LEDGER_NONE ? json_null() : json_integer(x->reference)));
        t = in ? x->credit_prev : x->debit_prev;
    }
    return reply_pack(out, err, "{s:o,s:o,s:I,s:o}", "account", reply_account(w, holder),
                      "currency", reply_currency(w, currency), "balance_minor",
                      (json_int_t)(a == LEDGER_NONE ? 0 : ledger_balance(l, a)), "transfers", rows);
}

static json_t *offer(const struct world *w, uint32_t target, const struct good *g)
{
    return json_pack("{s:o,s:I,s:o,s:o,s:I,s:o,s:o}", "target", reply_target(w, target),
                     "price_minor", (json_int_t)g->price_minor, "currency",
                     reply_currency(w, g->currency), "stock", reply_stock(g), "sales",
                     (json_int_t)g->sales, "category", reply_symbol(w, g->category), "seller",
                     g->seller == HANDLE_NONE || catalogue_erased(&w->state.catalogue, g->seller)
                         ? json_null()
                         : reply_target(w, target_make(TARGET_USER, g->seller)));
}

enum heed_status query_shop_goods(struct world *w, const struct call *call, enum refusal *refusal,
                                  json_t **out, struct heed_error *err)
{
    (void)refusal;
    const struct catalogue *c = &w->state.catalogue;
    size_t k = call->i[0] == CALL_ABSENT ? 20 : (size_t)call->i[0], listed = 0;
    json_t *rows = json_array();
    for (int service = 0; service < 2; service++) {
        const struct good *goods = service ? c->services : c->goods;
        size_t n = service ? c->services_n : c->goods_n;
        for (size_t i = 0; i < n; i++) {
            if (!goods[i].listed)
                continue;
            listed++;
            if (json_array_size(rows) < k)
                json_array_append_new(
                    rows, offer(w, target_make(service ? TARGET_SERVICE : TARGET_GOOD, (uint32_t)i),
                                &goods[i]));
        }
    }
    return reply_pack(out, err, "{s:I,s:o}", "listed", (json_int_t)listed, "goods", rows);
}

enum heed_status query_rules_show(struct world *w, const struct call *call, enum refusal *refusal,
                                  json_t **out, struct heed_error *err)
{
    (void)call;
    (void)refusal;
    json_t *text = json_stringn(w->state.rules_yaml, w->state.rules_size);
    return text ? reply_pack(out, err, "{s:o}", "yaml", text) : error_nomem(err);
}
