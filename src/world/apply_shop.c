/* Commands of the shop. */
#include "world/apply.h"

static uint32_t or_none(int64_t number)
{
    return number == CALL_ABSENT ? SHOP_NONE : (uint32_t)number;
}

static bool good_ok(const struct world *w, int64_t target)
{
    return target >= 0 && target <= UINT32_MAX &&
           catalogue_good(&w->state.catalogue, (uint32_t)target) != NULL;
}

struct shop_desk world_desk(struct world *w, int64_t time_ms)
{
    struct state *s = &w->state;
    return (struct shop_desk){.shop = &s->shop,
                              .rules = &s->rules.shop,
                              .market = world_market_rules(w, time_ms),
                              .catalogue = &s->catalogue,
                              .ledger = &s->ledger,
                              .time_ms = time_ms};
}

static enum heed_status no_room(enum heed_status status, struct heed_error *err)
{
    return status == HEED_OK ? HEED_OK
                             : error_set(err, status, "shop", "there is no room for more");
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
    if (!actor_for(&w->state, call->actor, g->seller)) {
        o->refusal = REFUSED_forbidden;
        return HEED_OK;
    }
    if (catalogue_gone(&w->state.catalogue, target)) {
        o->refusal = REFUSED_erased;
        return HEED_OK;
    }
    struct shop_desk d = world_desk(w, call->time_ms);
    int64_t stock = call->i[3] == 1 ? -1 : call->i[2] == CALL_ABSENT ? -2 : call->i[2];
    enum heed_status status = shop_list(&d, target, call->i[1] == CALL_ABSENT ? -1 : call->i[1],
                                        stock, call->i[4] != 1, &o->refusal);
    if (status != HEED_OK || o->refusal != REFUSED_NOT || !o->want_reply)
        return no_room(status, err);
    return reply_pack(&o->reply, err, "{s:o,s:b,s:I,s:o,s:o}", "good", reply_target(w, target),
                      "listed", (int)g->listed, "price_minor", (json_int_t)g->price_minor,
                      "currency", reply_currency(w, g->currency), "stock", reply_stock(g));
}

/* ── buying ── */

/* The purchases that a bundle was bought as. */
static json_t *parts_of(const struct world *w, uint32_t number)
{
    const struct shop *s = &w->state.shop;
    json_t *list = json_array();
    for (uint32_t i = shop_bundle_first(s, number), end = shop_bundle_end(s, number);
         list && i < end; i++)
        json_array_append_new(list, reply_purchase(w, i));
    return list;
}

static enum heed_status told_purchase(const struct world *w, uint32_t number, struct outcome *o,
                                      struct heed_error *err)
{
    o->reply = reply_purchase(w, number);
    if (o->reply && w->state.shop.purchases[number].bundle != SHOP_NONE &&
        json_object_set_new(o->reply, "parts", parts_of(w, number)) != 0) {
        json_decref(o->reply);
        o->reply = NULL;
    }
    if (!o->reply || json_object_set_new(o->reply, "repeated", json_boolean(o->repeated)) != 0) {
        json_decref(o->reply);
        o->reply = NULL;
        return error_nomem(err);
    }
    return HEED_OK;
}

/* What buyer and recipient are by now.                                                           */
static enum refusal people_ok(const struct world *w, int64_t buyer, int64_t recipient)
{
    const struct catalogue *c = &w->state.catalogue;
    if (buyer < 0 || (uint64_t)buyer >= c->parties_n || recipient < 0 ||
        (uint64_t)recipient >= c->parties_n)
        return REFUSED_unknown_user;
    return catalogue_erased(c, (uint32_t)buyer) || catalogue_erased(c, (uint32_t)recipient)
               ? REFUSED_erased
               : REFUSED_NOT;
}

/* Buying is an act of attention too: of the buyer, for what he bought, of a bundle for that.     */
static enum heed_status note_purchase(struct world *w, const struct purchase *p,
                                      struct heed_error *err)
{
    struct state *s = &w->state;
    int verb = behaviour_verb(&s->rules.behaviour, STR("purchase"));
    if (verb < 0)
        return HEED_OK;
    bool part = p->bundle != SHOP_NONE;
    struct act act = {.time_ms = p->time_ms,
                      .amount_milli = (part ? p->bundle_units : p->units) * 1000,
                      .user = p->buyer,
                      .target = part ? p->bundle : p->target,
                      .surface = HANDLE_NONE,
                      .via = HANDLE_NONE,
                      .verb = (uint32_t)verb};
    bool duplicate; /* behaviour only: buying and refunding in turns must not earn rewards */
    if (behaviour_apply(&s->behaviour, &s->rules.behaviour, &act, &duplicate) != HEED_OK)
        return error_nomem(err);
    return HEED_OK;
}

static bool part_removed(const struct state *s, const struct shop_ask *ask)
{
    const struct bundle *b = ask->offer == SHOP_NONE && ask->reservation == SHOP_NONE
                                 ? shop_bundle_of(&s->shop, ask->target)
                                 : NULL;
    for (uint32_t k = 0; b && k < b->parts_n; k++)
        if (quality_removed(&s->quality, b->parts[k].target))
            return true;
    return false;
}

/* i: good, user, units, id hi, id lo, offer, for, reservation, coupon                           */
enum heed_status apply_shop_buy(struct world *w, const struct call *call, struct outcome *o,
                                struct heed_error *err)
{
    struct state *s = &w->state;
    const int64_t *i = call->i;
    int64_t recipient = i[6] == CALL_ABSENT ? i[1] : i[6];
    o->refusal = people_ok(w, i[1], recipient);
    if (o->refusal == REFUSED_NOT && !good_ok(w, i[0]))
        o->refusal = REFUSED_unknown_target;
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    struct shop_ask ask = {.id_hi = (uint64_t)call_or(i[3], 0),
                           .id_lo = (uint64_t)call_or(i[4], 0),
                           .units = i[2] == CALL_ABSENT ? 1 : i[2],
                           .buyer = (uint32_t)i[1],
                           .recipient = (uint32_t)recipient,
                           .target = (uint32_t)i[0],
                           .offer = or_none(i[5]),
                           .reservation = or_none(i[7]),
                           .coupon = (uint64_t)call_or(i[8], 0)};
    if (ask.offer < s->shop.offers_n && s->shop.offers[ask.offer].target != ask.target)
        o->refusal = REFUSED_unknown_offer;
    else if (ask.reservation < s->shop.reservations_n &&
             s->shop.reservations[ask.reservation].target != ask.target)
        o->refusal = REFUSED_unknown_reservation;
    else if (quality_removed(&s->quality, ask.target) || part_removed(s, &ask))
        o->refusal = REFUSED_not_eligible;
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    struct shop_desk d = world_desk(w, call->time_ms);
    struct shop_answer answer;
    enum heed_status status = shop_buy(&d, &ask, &answer);
    if (status != HEED_OK)
        return no_room(status, err);
    o->refusal = answer.refusal;
    o->repeated = answer.repeated;
    o->rule = answer.rule;
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    o->handle = answer.number;
    if (!o->repeated)
        status = note_purchase(w, &s->shop.purchases[answer.number], err);
    return status == HEED_OK && o->want_reply ? told_purchase(w, answer.number, o, err) : status;
}

/* i: purchase, units, id hi, id lo                                                              */
enum heed_status apply_shop_refund(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    struct state *s = &w->state;
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= s->shop.purchases_n) {
        o->refusal = REFUSED_unknown_purchase;
        return HEED_OK;
    }
    uint32_t number = (uint32_t)call->i[0];
    const struct purchase *p = &s->shop.purchases[number];
    struct shop_desk d = world_desk(w, call->time_ms);
    int64_t before = p->refunded_units, back;
    enum heed_status status =
        shop_refund(&d, number, call_or(call->i[1], 0), (uint64_t)call_or(call->i[2], 0),
                    (uint64_t)call_or(call->i[3], 0), &o->refusal, &back, &o->repeated);
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        return no_room(status, err);
    /* what was given back was not wanted: purchase and refund stay to be seen, neither weighs */
    if (!o->repeated) {
        enum refusal refusal =
            p->bundle == SHOP_NONE
                ? refund_act(w, p->time_ms, p->buyer, p->target,
                             (p->refunded_units - before) * 1000)
                : refund_act(w, p->time_ms, p->buyer, p->bundle, p->bundle_units * 1000);
        heed_assert(refusal == REFUSED_NOT);
    }
    if (!o->want_reply)
        return HEED_OK;
    status = told_purchase(w, number, o, err);
    if (status == HEED_OK &&
        json_object_set_new(o->reply, "back_minor", json_integer((json_int_t)back)) != 0)
        status = error_nomem(err);
    return status;
}

/* i: purchase                                                                                   */
enum heed_status apply_shop_deliver(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    struct shop *s = &w->state.shop;
    struct shop_desk d = world_desk(w, call->time_ms);
    enum heed_status status = HEED_OK;
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= s->purchases_n)
        o->refusal = REFUSED_unknown_purchase;
    else if (!actor_for(&w->state, call->actor, s->purchases[call->i[0]].buyer) &&
             !actor_for(&w->state, call->actor, s->purchases[call->i[0]].recipient))
        o->refusal = REFUSED_forbidden;
    else
        status = shop_deliver(&d, (uint32_t)call->i[0], &o->refusal);
    if (status != HEED_OK || o->refusal != REFUSED_NOT || !o->want_reply)
        return no_room(status, err);
    return told_purchase(w, (uint32_t)call->i[0], o, err);
}

enum heed_status apply_shop_release(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    struct shop_desk d = world_desk(w, call->time_ms);
    (void)o;
    return no_room(shop_release(&d), err);
}

/* i: good, code, off, minus, valid, uses, each                                                   */
enum heed_status apply_shop_coupon(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    const int64_t *i = call->i;
    if (!good_ok(w, i[0])) {
        o->refusal = REFUSED_unknown_target;
        return HEED_OK;
    }
    struct coupon k = {.key = (uint64_t)i[1],
                       .target = (uint32_t)i[0],
                       .off_ppm = (uint32_t)call_or(i[2], 0) * 1000,
                       .minus_minor = call_or(i[3], 0),
                       .until_ms = i[4] == CALL_ABSENT ? INT64_MAX : call->time_ms + i[4] * 1000,
                       .uses = i[5] == CALL_ABSENT ? -1 : i[5],
                       .each = (uint32_t)call_or(i[6], 0)};
    uint32_t number;
    enum heed_status status = HEED_OK;
    if (!actor_for(&w->state, call->actor, catalogue_good(&w->state.catalogue, k.target)->seller))
        o->refusal = REFUSED_forbidden;
    else if (catalogue_gone(&w->state.catalogue, k.target))
        o->refusal = REFUSED_erased;
    else
        status = shop_coupon(&w->state.shop, &w->state.catalogue, &k, &o->refusal, &number);
    if (status != HEED_OK || o->refusal != REFUSED_NOT || !o->want_reply)
        return no_room(status, err);
    return reply_pack(&o->reply, err, "{s:I,s:o,s:I,s:I,s:o,s:o,s:o}", "coupon", (json_int_t)number,
                      "good", reply_target(w, k.target), "off_ppm", (json_int_t)k.off_ppm,
                      "minus_minor", (json_int_t)k.minus_minor, "until",
                      k.until_ms == INT64_MAX ? json_null() : reply_time(k.until_ms), "uses",
                      k.uses < 0 ? json_null() : json_integer(k.uses), "each",
                      k.each ? json_integer(k.each) : json_null());
}

/* i: good, part, units                                                                           */
enum heed_status apply_shop_bundle(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    const int64_t *i = call->i;
    if (!good_ok(w, i[0]) || !good_ok(w, i[1])) {
        o->refusal = REFUSED_unknown_target;
        return HEED_OK;
    }
    const struct state *s = &w->state;
    uint32_t target = (uint32_t)i[0], part = (uint32_t)i[1];
    struct shop_desk d = world_desk(w, call->time_ms);
    enum heed_status status = HEED_OK;
    if (!actor_for(s, call->actor, catalogue_good(&s->catalogue, target)->seller))
        o->refusal = REFUSED_forbidden;
    else if (catalogue_gone(&s->catalogue, target) || catalogue_gone(&s->catalogue, part))
        o->refusal = REFUSED_erased;
    else
        status = shop_bundle(&d, target, part, call_or(i[2], 1), &o->refusal);
    if (status != HEED_OK || o->refusal != REFUSED_NOT || !o->want_reply)
        return no_room(status, err);
    return reply_pack(&o->reply, err, "{s:o,s:o}", "good", reply_target(w, target), "parts",
                      reply_parts(w, target));
}

/* ── offers of others, and what is put aside ── */

static enum heed_status told_offer(const struct world *w, const char *what, uint32_t number,
                                   uint32_t target, int64_t units, int64_t price_minor,
                                   struct outcome *o, struct heed_error *err)
{
    const struct good *g = catalogue_good(&w->state.catalogue, target);
    if (!o->want_reply)
        return HEED_OK;
    return reply_pack(&o->reply, err, "{s:I,s:o,s:I,s:I,s:o,s:b}", what, (json_int_t)number, "good",
                      reply_target(w, target), "units", (json_int_t)units, "price_minor",
                      (json_int_t)price_minor, "currency", reply_currency(w, g->currency),
                      "repeated", (int)o->repeated);
}

/* i: good, user, price, units, id hi, id lo                                                     */
enum heed_status apply_shop_resell(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    const int64_t *i = call->i;
    o->refusal = people_ok(w, i[1], i[1]);
    if (o->refusal == REFUSED_NOT && !good_ok(w, i[0]))
        o->refusal = REFUSED_unknown_target;
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    struct shop_ask ask = {.id_hi = (uint64_t)call_or(i[4], 0),
                           .id_lo = (uint64_t)call_or(i[5], 0),
                           .units = i[3] == CALL_ABSENT ? 1 : i[3],
                           .buyer = (uint32_t)i[1],
                           .target = (uint32_t)i[0]};
    struct shop_answer answer;
    struct shop_desk d = world_desk(w, call->time_ms);
    enum heed_status status = shop_resell(&d, &ask, i[2], &answer);
    o->refusal = answer.refusal;
    o->repeated = answer.repeated;
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        return no_room(status, err);
    return told_offer(w, "offer", answer.number, ask.target, ask.units, i[2], o, err);
}

/* i: offer                                                                                      */
enum heed_status apply_shop_withdraw(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    const struct shop *s = &w->state.shop;
    struct shop_desk d = world_desk(w, call->time_ms);
    enum heed_status status = HEED_OK;
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= s->offers_n)
        o->refusal = REFUSED_unknown_offer;
    else if (!actor_for(&w->state, call->actor, s->offers[call->i[0]].seller))
        o->refusal = REFUSED_forbidden;
    else
        status = shop_withdraw(&d, (uint32_t)call->i[0], &o->refusal);
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        return no_room(status, err);
    const struct offer *x = &s->offers[call->i[0]];
    return told_offer(w, "offer", (uint32_t)call->i[0], x->target, 0, x->price_minor, o, err);
}

/* i: good, user, units, timeout, offer, id hi, id lo                                            */
enum heed_status apply_shop_reserve(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    const int64_t *i = call->i;
    const struct shop *s = &w->state.shop;
    o->refusal = people_ok(w, i[1], i[1]);
    if (o->refusal == REFUSED_NOT && !good_ok(w, i[0]))
        o->refusal = REFUSED_unknown_target;
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    struct shop_ask ask = {.id_hi = (uint64_t)call_or(i[5], 0),
                           .id_lo = (uint64_t)call_or(i[6], 0),
                           .units = i[2] == CALL_ABSENT ? 1 : i[2],
                           .buyer = (uint32_t)i[1],
                           .target = (uint32_t)i[0],
                           .offer = or_none(i[4])};
    if (ask.offer < s->offers_n && s->offers[ask.offer].target != ask.target)
        o->refusal = REFUSED_unknown_offer;
    else if (quality_removed(&w->state.quality, ask.target))
        o->refusal = REFUSED_not_eligible;
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    struct shop_answer answer;
    struct shop_desk d = world_desk(w, call->time_ms);
    enum heed_status status =
        shop_reserve(&d, &ask, i[3] == CALL_ABSENT ? 900 : (uint32_t)i[3], &answer);
    o->refusal = answer.refusal;
    o->repeated = answer.repeated;
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        return no_room(status, err);
    const struct reservation *r = &s->reservations[answer.number];
    return told_offer(w, "reservation", answer.number, r->target, r->units, r->price_minor, o, err);
}

/* i: reservation                                                                                */
enum heed_status apply_shop_unreserve(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    const struct shop *s = &w->state.shop;
    struct shop_desk d = world_desk(w, call->time_ms);
    enum heed_status status = HEED_OK;
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= s->reservations_n)
        o->refusal = REFUSED_unknown_reservation;
    else if (!actor_for(&w->state, call->actor, s->reservations[call->i[0]].buyer))
        o->refusal = REFUSED_forbidden;
    else
        status = shop_unreserve(&d, (uint32_t)call->i[0], &o->refusal);
    if (status != HEED_OK || o->refusal != REFUSED_NOT)
        return no_room(status, err);
    const struct reservation *r = &s->reservations[call->i[0]];
    return told_offer(w, "reservation", (uint32_t)call->i[0], r->target, 0, r->price_minor, o, err);
}
