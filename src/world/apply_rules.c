/* Versions of the market rules: proposed, approved by a second person, in force from their time. */
#include "base/time.h"
#include "world/apply.h"

static enum heed_status impossible(struct heed_error *err)
{
    return error_set(err, HEED_INPUT, "rules", "the journal holds a call that cannot be");
}

/* When it counts: what was traded went by the rules of its time, which stay as they were.        */
static int64_t when(const struct state *s, int64_t time_ms)
{
    const struct shop *shop = &s->shop;
    int64_t last = shop->purchases_n > 0 ? shop->purchases[shop->purchases_n - 1].time_ms + 1 : 0;
    return last > time_ms ? last : time_ms;
}

static bool numbered(const struct call *call)
{
    return call->i[0] >= 1 && call->i[0] <= UINT32_MAX;
}

const struct market_rules *world_market_rules(const struct world *w, int64_t time_ms)
{
    const struct market_rules *r = market_rules_at(&w->state.market, time_ms);
    return r ? r : &w->state.rules.market;
}

static json_t *state_of(const struct world *w, uint32_t number, int64_t time_ms)
{
    return json_string(market_state_name(market_state_at(&w->state.market, number, time_ms)));
}

static enum heed_status reply_version(const struct world *w, uint32_t number, int64_t time_ms,
                                      json_t **out, struct heed_error *err)
{
    const struct market_version *v = &w->state.market.v[number - 1];
    return reply_pack(out, err, "{s:I,s:o,s:o}", "version", (json_int_t)number, "state",
                      state_of(w, number, time_ms), "effective", reply_time(v->effective_ms));
}

/* i: yaml (none), effective; blob: the text                                                     */
enum heed_status apply_rules_propose(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    struct state *s = &w->state;
    struct market_currency known[CURRENCIES_MAX];
    int64_t effective = call->i[0] == CALL_ABSENT ? 0 : call->i[0];
    uint32_t number = 0;
    if (effective < 0 || effective > TIME_MAX_MS)
        return impossible(err);
    if (call->actor == HANDLE_NONE) {
        o->refusal = REFUSED_unnamed;
        return HEED_OK;
    }
    enum heed_status status =
        market_propose(&s->market, call->blob, "rules", known, rules_currencies(&s->rules, known),
                       call->actor, when(s, call->time_ms), effective, &number, err);
    if (status != HEED_OK)
        return status;
    o->handle = number;
    return o->want_reply ? reply_version(w, number, call->time_ms, &o->reply, err) : HEED_OK;
}

static enum heed_status change(struct world *w, const struct call *call,
                               enum refusal (*how)(struct market_versions *x, uint32_t number,
                                                   uint32_t who, int64_t time_ms),
                               struct outcome *o, struct heed_error *err)
{
    struct state *s = &w->state;
    if (!numbered(call))
        return impossible(err);
    uint32_t number = (uint32_t)call->i[0];
    o->refusal = call->actor == HANDLE_NONE
                     ? REFUSED_unnamed
                     : how(&s->market, number, call->actor, when(s, call->time_ms));
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    o->handle = number;
    return o->want_reply ? reply_version(w, number, call->time_ms, &o->reply, err) : HEED_OK;
}

/* i: version                                                                                    */
enum heed_status apply_rules_approve(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    return change(w, call, market_approve, o, err);
}

/* i: version                                                                                    */
enum heed_status apply_rules_withdraw(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    return change(w, call, market_withdraw, o, err);
}

static json_t *who(const struct world *w, uint32_t party)
{
    return party == MARKET_NOBODY ? json_null() : reply_target(w, target_make(TARGET_USER, party));
}

static json_t *row(const struct world *w, uint32_t number, int64_t time_ms)
{
    const struct market_version *v = &w->state.market.v[number - 1];
    return json_pack("{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "version", (json_int_t)number,
                     "state", state_of(w, number, time_ms), "effective",
                     reply_time(v->effective_ms), "proposed_by", who(w, v->proposer), "proposed",
                     reply_time(v->proposed_ms), "approved_by", who(w, v->approver), "approved",
                     reply_time(v->approved_ms), "withdrawn_by", who(w, v->withdrawer), "withdrawn",
                     reply_time(v->withdrawn_ms));
}

/* i: version                                                                                    */
enum heed_status query_rules_history(struct world *w, const struct call *call,
                                     enum refusal *refusal, json_t **out, struct heed_error *err)
{
    const struct market_versions *x = &w->state.market;
    if (call->i[0] != CALL_ABSENT) {
        if (!numbered(call) || call->i[0] > (int64_t)x->n) {
            *refusal = REFUSED_unknown_rules;
            return HEED_OK;
        }
        const struct market_version *v = &x->v[call->i[0] - 1];
        json_t *text = json_stringn(v->text, v->text_n);
        return text ? reply_pack(out, err, "{s:o}", "yaml", text) : error_nomem(err);
    }
    json_t *list = json_array();
    for (uint32_t i = (uint32_t)x->n; i > 0; i--)
        if (json_array_append_new(list, row(w, i, call->time_ms)) != 0) {
            json_decref(list);
            return error_nomem(err);
        }
    uint32_t now = market_in_force(x, call->time_ms);
    return reply_pack(out, err, "{s:o,s:o}", "in_force",
                      now ? json_integer((json_int_t)now) : json_null(), "history", list);
}
