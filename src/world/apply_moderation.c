/* Commands of moderation: decisions and appeals; and what other commands bring to it. */
#include "world/apply.h"

static enum heed_status failed(enum heed_status status, struct heed_error *err)
{
    return status == HEED_RANGE
               ? error_set(err, status, "moderation", "a world holds at most 2^32 reports and acts")
               : error_nomem(err);
}

/* ── what others bring ── */

enum heed_status note_report(struct state *s, const struct act *act, int64_t now_ms,
                             struct heed_error *err)
{
    const struct verb_rule *verb = &s->rules.behaviour.verbs[act->verb];
    if (act->own || verb->class != VERB_NEGATIVE || strcmp(verb->name, "report") != 0)
        return HEED_OK;
    uint32_t owner = catalogue_owner(&s->catalogue, act->target);
    bool work = owner != HANDLE_NONE && target_kind(act->target) != TARGET_USER;
    enum heed_status status =
        moderation_report(&s->quality.moderation, act->user, act->target,
                          work ? target_make(TARGET_USER, owner) : HANDLE_NONE,
                          act->time_ms < now_ms ? act->time_ms : now_ms);
    return status == HEED_OK ? HEED_OK : failed(status, err);
}

/* The attention a target draws at the world's latest event, in millionths.                       */
static int64_t attention_of(const struct state *s, uint32_t target)
{
    const struct behaviour *b = &s->behaviour;
    const struct target_stats *t = behaviour_target(b, target);
    return t ? behaviour_decay(t->popularity_micro, b->latest_ms - t->last_ms,
                               s->rules.behaviour.half_life_ms)
             : 0;
}

enum heed_status note_score(struct state *s, uint32_t user, uint32_t target, int64_t time_ms,
                            struct heed_error *err)
{
    const struct moderation_act act = {.time_ms = time_ms,
                                       .attention_micro = attention_of(s, target),
                                       .target = target,
                                       .actor = user,
                                       .kind = (uint8_t)quality_gate(&s->quality, target),
                                       .scored = true,
                                       .stood = true};
    enum heed_status status = quality_decide(&s->quality, &act);
    return status == HEED_OK ? HEED_OK : failed(status, err);
}

/* ── decisions and appeals ── */

uint32_t reason_owner(const struct catalogue *c, uint32_t target)
{
    uint32_t owner = catalogue_owner(c, target);
    return owner == HANDLE_NONE ? STORE_WORLD_OWNER : owner;
}

enum refusal moderation_refusal(const struct state *s, const struct call *call)
{
    const struct catalogue *c = &s->catalogue;
    if (call->i[0] < 0 || call->i[0] > UINT32_MAX || !catalogue_has(c, (uint32_t)call->i[0]))
        return REFUSED_unknown_target;
    uint32_t target = (uint32_t)call->i[0], owner = catalogue_owner(c, target);
    if (catalogue_erased(c, owner))
        return REFUSED_erased;
    if (call->command != COMMAND_quality_appeal)
        return owner != HANDLE_NONE && call->actor == owner ? REFUSED_own_work : REFUSED_NOT;
    if (owner == HANDLE_NONE || (call->i[1] != CALL_ABSENT && call->i[1] != owner))
        return REFUSED_not_owner;
    static const enum refusal of[] = {[MAY_APPEAL] = REFUSED_NOT,
                                      [NOTHING_TO_APPEAL] = REFUSED_nothing_to_appeal,
                                      [APPEALED_ALREADY] = REFUSED_appealed_already};
    return of[moderation_may_appeal(&s->quality.moderation, target)];
}

bool moderation_own_decision(const struct state *s, uint32_t actor, uint32_t target)
{
    const struct moderation *m = &s->quality.moderation;
    const struct moderation_case *c = moderation_case_of(m, target);
    return actor != HANDLE_NONE && c && c->appeal != ACT_NONE &&
           m->acts[c->standing].actor == actor &&
           !(s->catalogue.parties[actor].role_bits & ROLE_OPERATOR);
}

static enum heed_status apply_moderation(struct world *w, const struct call *call, int kind,
                                         uint32_t actor, bool stood, struct outcome *o,
                                         struct heed_error *err)
{
    struct state *s = &w->state;
    if (call->blob.n != 32 || kind < 0 || kind > ACT_APPEAL)
        return error_set(err, HEED_INPUT, "quality", "the journal holds a call that cannot be");
    o->refusal = moderation_refusal(s, call);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    const struct moderation_act act = {.time_ms = call->time_ms,
                                       .attention_micro = attention_of(s, (uint32_t)call->i[0]),
                                       .target = (uint32_t)call->i[0],
                                       .actor = actor,
                                       .kind = (uint8_t)kind,
                                       .stood = stood};
    o->handle = (uint32_t)s->quality.moderation.acts_n;
    enum heed_status status = quality_decide(&s->quality, &act);
    return status == HEED_OK ? HEED_OK : failed(status, err);
}

/* i: target, decision                                                                           */
enum heed_status apply_quality_decide(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    const struct moderation *m = &w->state.quality.moderation;
    uint64_t reversed = m->reversed, kept = m->kept;
    uint32_t target = (uint32_t)call->i[0];
    uint64_t open = m->open;
    enum heed_status status = apply_moderation(
        w, call, call->i[1] < ACT_APPEAL ? (int)call->i[1] : -1, call->actor, true, o, err);
    if (status != HEED_OK || o->refusal != REFUSED_NOT || !o->want_reply)
        return status;
    const struct moderation_case *c = moderation_case_of(m, target);
    const char *appeal = m->reversed > reversed ? "reversed" : m->kept > kept ? "kept" : NULL;
    return reply_pack(&o->reply, err, "{s:o,s:s,s:b,s:I,s:I,s:s?}", "target",
                      reply_target(w, target), "decision", decision_name((int)call->i[1]), "stands",
                      (int)(c->standing == o->handle), "reports",
                      (json_int_t)(open > m->open ? open - m->open : 0), "reopened",
                      (json_int_t)(m->open > open ? m->open - open : 0), "appeal", appeal);
}

/* i: target, decision, when it was read, whether it stands                                      */
enum heed_status apply_quality_decided(struct world *w, const struct call *call, struct outcome *o,
                                       struct heed_error *err)
{
    const struct state *s = &w->state;
    int64_t latest_ms =
        call->i[2] == CALL_ABSENT ? INT64_MAX : call->i[2] + s->rules.behaviour.ahead_ms;
    bool stood = call->i[3] == CALL_ABSENT
                     ? moderation_newest(&s->quality.moderation, (uint32_t)call->i[0],
                                         call->time_ms, latest_ms)
                     : call->i[3] == 1;
    return apply_moderation(w, call, call->i[1] < ACT_APPEAL ? (int)call->i[1] : -1, call->actor,
                            stood, o, err);
}

/* i: target, user                                                                               */
enum heed_status apply_quality_appeal(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    uint32_t target = (uint32_t)call->i[0];
    enum heed_status status = apply_moderation(
        w, call, ACT_APPEAL, catalogue_owner(&w->state.catalogue, target), false, o, err);
    if (status != HEED_OK || o->refusal != REFUSED_NOT || !o->want_reply)
        return status;
    const struct moderation *m = &w->state.quality.moderation;
    const struct moderation_act *standing = &m->acts[moderation_case_of(m, target)->standing];
    return reply_pack(&o->reply, err, "{s:o,s:s,s:o}", "target", reply_target(w, target), "against",
                      decision_name(standing->kind), "decided", reply_time(standing->time_ms));
}
