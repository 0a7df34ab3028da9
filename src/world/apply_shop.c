/* Commands of the shop. */
#include "world/apply.h"

static int64_t or_zero(int64_t value)
{
    return value == CALL_ABSENT ? 0 : value;
}

static bool good_ok(const struct world *w, int64_t target)
{
    return target >= 0 && target <= UINT32_MAX &&
           catalogue_good(&w->state.catalogue, (uint32_t)target) != NULL;
}

/* A member may change only what he sells.                                                       */
static bool sells(const struct world *w, uint32_t actor, const struct good *g)
{
    return actor == HANDLE_NONE || actor == g->seller ||
           (actor < w->state.catalogue.parties_n &&
            w->state.catalogue.parties[actor].role_bits & (ROLE_OPERATOR | ROLE_CLIENT));
}

/* i: good, price, stock, unlimited, withdraw                                                    */
enum heed_status apply_shop_list(struct world *w, const struct call *call, struct outcome *o,
                                 struct heed_error *err)
{
    if (!good_ok(w, call->i[0])) {
        o->refusal = REFUSED_unknown_target;
        return HEED_OK;
    }
    uint32_t target = (uint32_t)call->i[0];
    const struct good *g = catalogue_good(&w->state.catalogue, target);
    if (!sells(w, call->actor, g)) {
        o->refusal = REFUSED_forbidden;
        return HEED_OK;
    }
    if (catalogue_gone(&w->state.catalogue, target)) {
        o->refusal = REFUSED_erased;
        return HEED_OK;
    }
    int64_t stock = call->i[3] == 1 ? -1 : call->i[2] == CALL_ABSENT ? -2 : call->i[2];
    o->refusal = shop_list(&w->state.catalogue, target, call->i[1] == CALL_ABSENT ? -1 : call->i[1],
                           stock, call->i[4] != 1);
    if (o->refusal != REFUSED_NOT || !o->want_reply)
        return HEED_OK;
    return reply_pack(&o->reply, err, "{s:o,s:b,s:I,s:o,s:o}", "good", reply_target(w, target),
                      "listed", (int)g->listed, "price_minor", (json_int_t)g->price_minor,
                      "currency", reply_currency(w, g->currency), "stock", reply_stock(g));
}

static enum heed_status reply_purchase(const struct world *w, uint32_t number, struct outcome *o,
                                       struct heed_error *err)
{
    const struct purchase *p = &w->state.shop.purchases[number];
    return reply_pack(
        &o->reply, err, "{s:I,s:o,s:o,s:I,s:o,s:I,s:I,s:I,s:b,s:b}", "purchase", (json_int_t)number,
        "user", reply_target(w, target_make(TARGET_USER, p->buyer)), "good",
        reply_target(w, p->target), "units", (json_int_t)p->units, "currency",
        reply_currency(w, p->currency), "price_minor", (json_int_t)p->price_minor, "fee_minor",
        (json_int_t)p->fee_minor, "proceeds_minor", (json_int_t)(p->price_minor - p->fee_minor),
        "refunded", (int)p->refunded, "repeated", (int)o->repeated);
}

/* i: good, user, units, id hi, id lo                                                            */
enum heed_status apply_shop_buy(struct world *w, const struct call *call, struct outcome *o,
                                struct heed_error *err)
{
    struct state *s = &w->state;
    int64_t buyer = call->i[1];
    if (buyer < 0 || (uint64_t)buyer >= s->catalogue.parties_n) {
        o->refusal = REFUSED_unknown_user;
        return HEED_OK;
    }
    if (!good_ok(w, call->i[0])) {
        o->refusal = REFUSED_unknown_target;
        return HEED_OK;
    }
    if (s->catalogue.parties[buyer].flags & PARTY_ERASED) {
        o->refusal = REFUSED_erased;
        return HEED_OK;
    }
    uint32_t target = (uint32_t)call->i[0], number = 0;
    int64_t units = call->i[2] == CALL_ABSENT ? 1 : call->i[2];
    if (quality_removed(&s->quality, target)) {
        o->refusal = REFUSED_not_eligible;
        return HEED_OK;
    }
    if (shop_buy(&s->shop, &s->rules.shop, &s->catalogue, &s->ledger, call->time_ms,
                 (uint64_t)or_zero(call->i[3]), (uint64_t)or_zero(call->i[4]), (uint32_t)buyer,
                 target, units, &o->refusal, &number, &o->repeated) != HEED_OK)
        return error_nomem(err);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    o->handle = number;
    int verb = behaviour_verb(&s->rules.behaviour, STR("purchase"));
    if (!o->repeated && verb >= 0) {
        struct act act = {.time_ms = call->time_ms,
                          .amount_milli = units * 1000,
                          .user = (uint32_t)buyer,
                          .target = target,
                          .surface = HANDLE_NONE,
                          .via = HANDLE_NONE,
                          .verb = (uint32_t)verb};
        bool duplicate; /* behaviour only: buying and refunding in turns must not earn rewards */
        if (behaviour_apply(&s->behaviour, &s->rules.behaviour, &act, &duplicate) != HEED_OK)
            return error_nomem(err);
    }
    return o->want_reply ? reply_purchase(w, number, o, err) : HEED_OK;
}

/* i: purchase                                                                                   */
enum heed_status apply_shop_refund(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    struct state *s = &w->state;
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= s->shop.purchases_n) {
        o->refusal = REFUSED_unknown_purchase;
        return HEED_OK;
    }
    uint32_t number = (uint32_t)call->i[0];
    if (shop_refund(&s->shop, &s->rules.shop, &s->catalogue, &s->ledger, call->time_ms, number,
                    &o->refusal) != HEED_OK)
        return error_nomem(err);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    /* what was given back was not wanted: purchase and refund stay to be seen, neither weighs */
    const struct purchase *p = &s->shop.purchases[number];
    enum refusal refusal = refund_act(w, p->time_ms, p->buyer, p->target, p->units * 1000);
    heed_assert(refusal == REFUSED_NOT);
    return o->want_reply ? reply_purchase(w, number, o, err) : HEED_OK;
}
