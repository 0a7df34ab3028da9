/* Commands of auctions. */
#include "base/error.h"
#include "world/apply.h"
#include "world/pack.h"

struct auctions_desk world_auctions(struct world *w, int64_t time_ms)
{
    return (struct auctions_desk){.auctions = &w->state.auctions, .shop = world_desk(w, time_ms)};
}

static enum heed_status cannot_be(struct heed_error *err)
{
    return error_set(err, HEED_INPUT, "auction", "the journal holds a call that cannot be");
}

/* Who acts here, and on what: erased people do nothing, removed things are not sold. */
static enum refusal people_ok(const struct world *w, int64_t party)
{
    const struct catalogue *c = &w->state.catalogue;
    return party < 0 || (uint64_t)party >= c->parties_n ? REFUSED_unknown_user
           : catalogue_erased(c, (uint32_t)party)       ? REFUSED_erased
                                                        : REFUSED_NOT;
}

/* id: place of its halves among the integers. The body is all else, but the time. */
static struct auctions_ask ask_of(const struct call *call, int id)
{
    struct call body = *call;
    uint64_t halves[2];
    struct auctions_ask ask = {.lot = (uint32_t)call->i[0], .party = (uint32_t)call->i[1]};
    if (call->i[id] == CALL_ABSENT)
        return ask;
    ask.id_hi = (uint64_t)call->i[id];
    ask.id_lo = (uint64_t)call->i[id + 1];
    body.i[id] = body.i[id + 1] = call->command;
    unsigned char bytes[sizeof body.i + sizeof(struct sha256)];
    struct sha256 blob = sha256_of(call->blob.p, call->blob.n);
    for (size_t i = 0; i < sizeof body.i; i++) /* the same on every machine */
        bytes[i] = (unsigned char)((uint64_t)body.i[i / 8] >> i % 8 * 8);
    memcpy(bytes + sizeof body.i, blob.b, sizeof blob.b);
    struct sha256 digest = sha256_of(bytes, sizeof bytes);
    memcpy(halves, digest.b, sizeof halves);
    ask.body_hi = halves[0];
    ask.body_lo = halves[1];
    return ask;
}

static enum heed_status told(const struct world *w, const struct call *call,
                             const struct auctions_answer *a, struct outcome *o,
                             struct heed_error *err)
{
    o->refusal = a->refusal;
    o->rule = a->rule;
    o->repeated = a->repeated;
    if (a->refusal != REFUSED_NOT)
        return HEED_OK;
    o->handle = a->lot;
    if (!o->want_reply)
        return HEED_OK;
    json_t *reply = reply_auction(w, a->lot, call->actor, call->time_ms, false);
    if (!reply ||
        json_object_set_new(reply, "bid",
                            a->bid == AUCTION_NONE ? json_null() : json_integer(a->bid)) != 0 ||
        json_object_set_new(reply, "repeated", json_boolean(a->repeated)) != 0) {
        json_decref(reply);
        return error_nomem(err);
    }
    o->reply = reply;
    return HEED_OK;
}

static enum heed_status answered(const struct world *w, const struct call *call,
                                 enum heed_status status, const struct auctions_answer *a,
                                 struct outcome *o, struct heed_error *err)
{
    if (status != HEED_OK)
        return error_set(err, status, "auctions", "there is no room for more");
    return told(w, call, a, o, err);
}

/* ── opening ── */

/* i: good, user, kind, units, reserve, start, step, buy-now, deposit, opens, closes, id hi, id lo,
 * new. false: no admission made that blob. */
static bool terms_of(const struct call *call, struct auction_terms *t)
{
    const int64_t *i = call->i;
    struct unpack u = {call->blob.p, call->blob.n, false};
    *t = (struct auction_terms){.form = (enum auction_form)call_or(i[2], AUCTION_ENGLISH),
                                .seller = (uint32_t)i[1],
                                .opens_ms = call_or(i[9], call->time_ms),
                                .closes_ms = i[10],
                                .units = call_or(i[3], 1),
                                .reserve_minor = call_or(i[4], 0),
                                .start_minor = call_or(i[5], 0),
                                .buy_now_minor = call_or(i[7], 0),
                                .deposit_minor = call_or(i[8], 0)};
    int64_t step = call_or(i[6], 0), latest;
    bool english = t->form == AUCTION_ENGLISH, dutch = t->form == AUCTION_DUTCH;
    bool sealed = t->form == AUCTION_SEALED_FIRST || t->form == AUCTION_SEALED_VICKREY;
    t->price_rule = unpack_max(&u, 1) ? AUCTION_HIGHEST_REJECTED : AUCTION_LOWEST_ACCEPTED;
    t->step_ms = unpack_i64(&u);
    t->extend_within_ms = t->extend_by_ms = unpack_i64(&u);
    latest = unpack_i64(&u);
    t->reveal_until_ms = unpack_i64(&u);
    t->retract_until_ms = unpack_i64(&u);
    t->increments_n = (uint32_t)unpack_max(&u, AUCTION_INCREMENTS_MAX);
    for (uint32_t k = 0; k < t->increments_n; k++) {
        t->increments[k].from_minor = unpack_i64(&u);
        t->increments[k].by_minor = unpack_i64(&u);
    }
    if (u.bad || u.n != 0 || t->step_ms < 0 || t->extend_by_ms < 0 || latest < 0 ||
        t->reveal_until_ms < 0 || t->retract_until_ms < 0)
        return false;
    if (english && i[5] == CALL_ABSENT)
        t->start_minor = 1;
    if (english && t->increments_n == 0) {
        t->increments_n = 1;
        t->increments[0] = (struct auction_increment){0, i[6] == CALL_ABSENT ? 1 : step};
    } else if (step != 0) {
        t->step_minor = step; /* of a table too: terms that do not go together */
    }
    if (dutch && t->step_ms == 0)
        t->step_ms = 60000;
    if (sealed && t->reveal_until_ms == 0)
        t->reveal_until_ms = t->closes_ms + INT64_C(86400000);
    t->closes_latest_ms = latest;
    if (latest == 0 && t->extend_by_ms > 0 &&
        (__builtin_mul_overflow(t->extend_by_ms, 12, &latest) ||
         __builtin_add_overflow(latest, t->closes_ms, &t->closes_latest_ms)))
        t->closes_latest_ms = INT64_MAX;
    return true;
}

/* What core and table leave open: a single piece where no units are sold, times that can be. */
static enum refusal terms_refused(const struct auction_terms *t)
{
    const int64_t last = INT64_C(4323801600000); /* in a century of the latest time there is */
    bool units = t->form == AUCTION_UNITS_UNIFORM || t->form == AUCTION_UNITS_PAY_AS_BID;
    bool priced = t->form == AUCTION_ENGLISH || t->form == AUCTION_DUTCH;
    bool falls = t->form == AUCTION_DUTCH;
    return (!units && t->units != 1) || (!priced && t->start_minor != 0) ||
                   (!falls && (t->step_minor != 0 || t->step_ms != 0)) ||
                   t->closes_latest_ms > last || t->reveal_until_ms > last
               ? REFUSED_bad_terms
               : REFUSED_NOT;
}

enum heed_status apply_auction_open(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    const struct state *s = &w->state;
    struct auction_terms terms;
    struct auctions_answer answer;
    o->refusal = people_ok(w, call->i[1]);
    const struct good *g = call->i[0] >= 0 && call->i[0] <= UINT32_MAX
                               ? catalogue_good(&s->catalogue, (uint32_t)call->i[0])
                               : NULL;
    if (o->refusal == REFUSED_NOT && !g)
        o->refusal = REFUSED_unknown_target;
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    if (call->i[10] == CALL_ABSENT || !terms_of(call, &terms))
        return cannot_be(err);
    struct auctions_ask ask = ask_of(call, 11);
    struct auctions_desk d = world_auctions(w, call->time_ms);
    if (auctions_repeated(&d, &ask, &answer))
        return told(w, call, &answer, o, err);
    bool made = call->i[13] == 1;
    o->refusal = made && g->seller != terms.seller                    ? REFUSED_forbidden
                 : quality_removed(&s->quality, (uint32_t)call->i[0]) ? REFUSED_not_eligible
                                                                      : terms_refused(&terms);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    enum heed_status status = auctions_open(&d, &ask, &terms, (uint32_t)call->i[0], made, &answer);
    return answered(w, call, status, &answer, o, err);
}

/* ── bidding ── */

/* What stands in the way of who is to bid, before anything is looked at. removed: what moderation
 * has removed counts. false: o->refusal, or it was done before. */
static bool may_act(struct world *w, const struct call *call, struct auctions_desk *d,
                    const struct auctions_ask *ask, bool removed, struct auctions_answer *answer)
{
    const struct auctions *s = &w->state.auctions;
    *answer = (struct auctions_answer){
        .refusal = people_ok(w, call->i[1]), .lot = AUCTIONS_NONE, .bid = AUCTION_NONE};
    if (answer->refusal == REFUSED_unknown_user)
        return false;
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= s->lots_n)
        answer->refusal = REFUSED_unknown_auction;
    if (answer->refusal != REFUSED_NOT || auctions_repeated(d, ask, answer))
        return false;
    if (removed && quality_removed(&w->state.quality, s->lots[call->i[0]].target))
        answer->refusal = REFUSED_not_eligible;
    return answer->refusal == REFUSED_NOT;
}

/* i: auction, user, amount, units, id hi, id lo, buy-now */
enum heed_status apply_auction_bid(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    struct auctions_desk d = world_auctions(w, call->time_ms);
    struct auctions_ask ask = ask_of(call, 4);
    struct auctions_answer answer;
    enum heed_status status = HEED_OK;
    if (may_act(w, call, &d, &ask, true, &answer))
        status = auctions_bid(&d, &ask, call_or(call->i[2], 0), call_or(call->i[3], 1),
                              call->i[6] == 1, &answer);
    return answered(w, call, status, &answer, o, err);
}

/* i: auction, user, bid, id hi, id lo */
enum heed_status apply_auction_retract(struct world *w, const struct call *call, struct outcome *o,
                                       struct heed_error *err)
{
    struct auctions_desk d = world_auctions(w, call->time_ms);
    struct auctions_ask ask = ask_of(call, 3);
    struct auctions_answer answer;
    enum heed_status status = HEED_OK;
    if (may_act(w, call, &d, &ask, false, &answer))
        status = auctions_retract(
            &d, &ask, call->i[2] == CALL_ABSENT ? AUCTION_NONE : (uint32_t)call->i[2], &answer);
    return answered(w, call, status, &answer, o, err);
}

/* i: auction, user, id hi, id lo */
enum heed_status apply_auction_commit(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    struct auctions_desk d = world_auctions(w, call->time_ms);
    struct auctions_ask ask = ask_of(call, 2);
    struct auctions_answer answer;
    struct sha256 hash;
    enum heed_status status = HEED_OK;
    if (call->blob.n != sizeof hash.b)
        return cannot_be(err);
    memcpy(hash.b, call->blob.p, sizeof hash.b);
    if (may_act(w, call, &d, &ask, true, &answer))
        status = auctions_commit(&d, &ask, &hash, &answer);
    return answered(w, call, status, &answer, o, err);
}

/* i: auction, user, amount, id hi, id lo */
enum heed_status apply_auction_reveal(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    struct auctions_desk d = world_auctions(w, call->time_ms);
    struct auctions_ask ask = ask_of(call, 3);
    struct auctions_answer answer;
    struct sha256 hash;
    enum heed_status status = HEED_OK;
    if (call->blob.n != sizeof hash.b)
        return cannot_be(err);
    memcpy(hash.b, call->blob.p, sizeof hash.b);
    if (may_act(w, call, &d, &ask, false, &answer))
        status = auctions_reveal(&d, &ask, call_or(call->i[2], 0), &hash, &answer);
    return answered(w, call, status, &answer, o, err);
}

/* ── ending ── */

static enum heed_status settle(struct world *w, struct auctions_desk *d, uint32_t number)
{
    return auctions_settle(d, number,
                           quality_removed(&w->state.quality, d->auctions->lots[number].target));
}

/* i: auction, withdraw, cancel */
enum heed_status apply_auction_close(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    struct auctions *s = &w->state.auctions;
    struct auctions_desk d = world_auctions(w, call->time_ms);
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= s->lots_n) {
        o->refusal = REFUSED_unknown_auction;
        return HEED_OK;
    }
    struct auctions_ask ask = {.lot = (uint32_t)call->i[0]};
    struct auctions_answer answer = {.lot = ask.lot, .bid = AUCTION_NONE};
    const struct auction *a = &s->lots[ask.lot].auction;
    bool withdraw = call->i[1] == 1, cancel = call->i[2] == 1;
    enum heed_status status = HEED_OK;
    ask.party = a->terms.seller;
    if ((cancel && !actor_has(&w->state, call->actor, ROLE_OPERATOR | ROLE_CLIENT)) ||
        (withdraw && !actor_has(&w->state, call->actor, ROLE_OPERATOR | ROLE_CLIENT) &&
         call->actor != a->terms.seller))
        answer.refusal = REFUSED_forbidden;
    else if (cancel || withdraw)
        status = auctions_stop(&d, &ask, cancel ? AUCTIONS_CANCEL : AUCTIONS_WITHDRAW, &answer);
    else if (a->state != AUCTION_OPEN)
        answer.repeated = true; /* time has closed it, and this is what came of it */
    else if (call->time_ms < auction_end(a))
        answer.refusal = REFUSED_auction_running;
    else
        status = settle(w, &d, ask.lot);
    return answered(w, call, status, &answer, o, err);
}

enum heed_status apply_auction_settle(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    struct auctions_desk d = world_auctions(w, call->time_ms);
    enum heed_status status = HEED_OK;
    uint32_t number;
    (void)o;
    while (status == HEED_OK &&
           (number = auctions_due(&w->state.auctions, call->time_ms)) != AUCTIONS_NONE)
        status = settle(w, &d, number);
    return status == HEED_OK ? HEED_OK
                             : error_set(err, status, "auctions", "there is no room for more");
}
