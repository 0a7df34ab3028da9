/* Queries about goods and rules. */
#include "world/apply.h"

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
