/* Queries about goods and rules. */
#include "world/apply.h"

#include <stdlib.h>

static json_t *offer(const struct world *w, uint32_t target, const struct good *g)
{
    return json_pack("{s:o,s:I,s:o,s:o,s:I,s:o,s:o,s:o}", "target", reply_target(w, target),
                     "price_minor", (json_int_t)g->price_minor, "currency",
                     reply_currency(w, g->currency), "stock", reply_stock(g), "sales",
                     (json_int_t)g->sales, "category", reply_symbol(w, g->category), "parts",
                     shop_bundle_of(&w->state.shop, target) ? reply_parts(w, target) : json_null(),
                     "seller",
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

/* ── pieces offered again ── */

struct cheap {
    int64_t price_minor;
    uint32_t number;
};

static int cheaper(const void *a, const void *b)
{
    const struct cheap *x = a, *y = b;
    if (x->price_minor != y->price_minor)
        return x->price_minor < y->price_minor ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static json_t *resale(const struct world *w, uint32_t number)
{
    const struct offer *o = &w->state.shop.offers[number];
    const struct good *g = catalogue_good(&w->state.catalogue, o->target);
    return json_pack("{s:I,s:o,s:o,s:I,s:I,s:o}", "offer", (json_int_t)number, "good",
                     reply_target(w, o->target), "seller",
                     reply_target(w, target_make(TARGET_USER, o->seller)), "units",
                     (json_int_t)o->units, "price_minor", (json_int_t)o->price_minor, "currency",
                     reply_currency(w, g->currency));
}

/* i: good, k                                                                                    */
enum heed_status query_shop_offers(struct world *w, const struct call *call, enum refusal *refusal,
                                   json_t **out, struct heed_error *err)
{
    (void)refusal;
    const struct shop *s = &w->state.shop;
    size_t k = call->i[1] == CALL_ABSENT ? 20 : (size_t)call->i[1], n = 0;
    struct cheap *found = malloc((s->offers_n + 1) * sizeof *found);
    if (!found)
        return error_nomem(err);
    for (uint32_t i = 0; i < s->offers_n; i++) {
        const struct offer *o = &s->offers[i];
        if (o->units > 0 && (call->i[0] == CALL_ABSENT || o->target == call->i[0]) &&
            !catalogue_erased(&w->state.catalogue, o->seller) &&
            !quality_removed(&w->state.quality, o->target))
            found[n++] = (struct cheap){o->price_minor, i};
    }
    qsort(found, n, sizeof *found, cheaper);
    json_t *rows = json_array();
    for (size_t i = 0; i < n && i < k; i++)
        json_array_append_new(rows, resale(w, found[i].number));
    free(found);
    return reply_pack(out, err, "{s:I,s:o}", "offered", (json_int_t)n, "offers", rows);
}

/* i: user, k                                                                                    */
enum heed_status query_shop_purchases(struct world *w, const struct call *call,
                                      enum refusal *refusal, json_t **out, struct heed_error *err)
{
    (void)refusal;
    const struct shop *s = &w->state.shop;
    size_t k = call->i[1] == CALL_ABSENT ? 20 : (size_t)call->i[1];
    json_t *rows = json_array();
    for (size_t i = s->purchases_n; i-- > 0 && json_array_size(rows) < k;)
        if (s->purchases[i].buyer == call->i[0] || s->purchases[i].recipient == call->i[0])
            json_array_append_new(rows, reply_purchase(w, (uint32_t)i));
    return reply_pack(out, err, "{s:o,s:o}", "user",
                      reply_target(w, target_make(TARGET_USER, (uint32_t)call->i[0])), "purchases",
                      rows);
}

enum heed_status query_rules_show(struct world *w, const struct call *call, enum refusal *refusal,
                                  json_t **out, struct heed_error *err)
{
    (void)call;
    (void)refusal;
    json_t *text = json_stringn(w->state.rules_yaml, w->state.rules_size);
    return text ? reply_pack(out, err, "{s:o}", "yaml", text) : error_nomem(err);
}
