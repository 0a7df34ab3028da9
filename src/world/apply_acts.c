/* Commands about attention and judgement: events and ratings. */
#include "base/time.h"
#include "world/apply.h"

static bool registered(const struct catalogue *c, int64_t party)
{
    return party >= 0 && (uint64_t)party < c->parties_n && c->parties[party].flags & PARTY_USER;
}

/* Whether a user can act and a target be acted on.                                              */
static enum refusal check_pair(const struct catalogue *c, int64_t user, int64_t target)
{
    if (!registered(c, user))
        return REFUSED_unknown_user;
    if (target < 0 || target > UINT32_MAX || !catalogue_has(c, (uint32_t)target))
        return REFUSED_unknown_target;
    if (c->parties[user].flags & PARTY_ERASED)
        return REFUSED_erased;
    uint32_t t = (uint32_t)target;
    if (target_kind(t) == TARGET_USER && c->parties[target_index(t)].flags & PARTY_ERASED)
        return REFUSED_erased;
    return REFUSED_NOT;
}

bool act_engages(const struct state *s, const struct act *act)
{
    return s->rules.behaviour.verbs[act->verb].class == VERB_ENGAGE && !act->own;
}

/* The user's last feed if it showed him what he acts on, and in which slot; else NULL.           */
static struct served_feed *feed_showing(struct state *s, const struct act *act, uint32_t *slot)
{
    uint32_t at = map_get(&s->feed_of, act->user);
    struct served_feed *f = at == MAP_NONE ? NULL : &s->feeds[at];
    if (!f || act->time_ms < f->time_ms)
        return NULL;
    for (uint32_t i = 0; i < f->n; i++)
        if (slot_target(&f->slots[i]) == act->target) {
            *slot = i;
            return f;
        }
    return NULL;
}

/* Whether a bit was 0, which is then set. */
static bool mark(uint64_t *bits, uint32_t i)
{
    bool first = !(bits[i / 64] >> i % 64 & 1);
    bits[i / 64] |= UINT64_C(1) << i % 64;
    return first;
}

enum heed_status apply_act(struct world *w, const struct act *act, int64_t now_ms,
                           struct outcome *o, struct heed_error *err)
{
    struct state *s = &w->state;
    const struct rules *r = &s->rules;
    bool duplicate = false, engages = act_engages(s, act);
    bool views = r->behaviour.verbs[act->verb].class == VERB_IMPRESSION && !act->own;
    uint32_t slot = 0;
    struct served_feed *f = engages || views ? feed_showing(s, act, &slot) : NULL;
    struct act noted = *act; /* a slot and the view of it are one impression */
    noted.served = f && views && !(f->seen[slot / 64] >> slot % 64 & 1);
    if (behaviour_apply(&s->behaviour, &r->behaviour, &noted, &duplicate) != HEED_OK)
        return error_nomem(err);
    if (duplicate) {
        o->repeated = o->counted = true;
        return HEED_OK;
    }
    enum heed_status status = note_report(s, act, now_ms, err);
    if (status != HEED_OK)
        return status;
    if (f && views)
        mark(f->seen, slot);
    else if (f && mark(f->engaged, slot) && f->slots[slot].kind == TARGET_CONTENT)
        positions_engaged(&s->quality.positions, f->slots[slot].item, slot);
    int64_t points = behaviour_points(&r->behaviour, act->verb, act->amount_milli);
    if (act->own) /* nobody is paid for attending to himself */
        points = 0;
    uint32_t content = HANDLE_NONE;
    if (target_kind(act->target) == TARGET_CONTENT)
        content = target_index(act->target);
    if (consumption_attend(&s->consumption, &r->consumption, act->time_ms, act->user, content,
                           points) != HEED_OK)
        return error_nomem(err);
    return HEED_OK;
}

/* i: user, verb, target, amount, surface, via, id, time                                         */
struct act act_of_call(const struct catalogue *c, const struct call *call)
{
    struct act act = {.time_ms = call->i[7] == CALL_ABSENT ? call->time_ms : call->i[7],
                      .amount_milli = call->i[3] == CALL_ABSENT ? 1000 : call->i[3],
                      .id_hash = call->i[6] == CALL_ABSENT ? 0 : (uint64_t)call->i[6],
                      .user = (uint32_t)call->i[0],
                      .target = (uint32_t)call->i[2],
                      .surface = call->i[4] == CALL_ABSENT ? HANDLE_NONE : (uint32_t)call->i[4],
                      .via = call->i[5] == CALL_ABSENT ? HANDLE_NONE : (uint32_t)call->i[5],
                      .verb = (uint32_t)call->i[1]};
    act.own = catalogue_owner(c, act.target) == act.user;
    return act;
}

enum heed_status apply_event_add(struct world *w, const struct call *call, struct outcome *o,
                                 struct heed_error *err)
{
    const struct state *s = &w->state;
    o->refusal = check_pair(&s->catalogue, call->i[0], call->i[2]);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    int64_t symbols = (int64_t)s->catalogue.symbols.count;
    int64_t time_ms = call->i[7] == CALL_ABSENT ? call->time_ms : call->i[7];
    if (call->i[1] < 0 || call->i[1] >= s->rules.behaviour.verbs_n ||
        (call->i[3] != CALL_ABSENT && call->i[3] < 0) || call->i[4] >= symbols ||
        call->i[5] >= symbols || time_ms < 0 || time_ms > TIME_MAX_MS)
        return error_set(err, HEED_INPUT, "event add", "the journal holds a call that cannot be");
    struct act act = act_of_call(&s->catalogue, call);
    enum heed_status status = apply_act(w, &act, call->time_ms, o, err);
    if (status == HEED_OK && o->want_reply)
        return reply_pack(&o->reply, err, "{s:b}", "duplicate", (int)o->repeated);
    return status;
}

/* i: target                                                                                     */
enum heed_status apply_event_served(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    struct state *s = &w->state;
    if (call->i[0] < 0 || call->i[0] > UINT32_MAX ||
        !catalogue_has(&s->catalogue, (uint32_t)call->i[0])) {
        o->refusal = REFUSED_unknown_target;
        return HEED_OK;
    }
    return behaviour_served(&s->behaviour, (uint32_t)call->i[0]) == HEED_OK ? HEED_OK
                                                                            : error_nomem(err);
}

/* i: target                                                                                     */
enum heed_status apply_event_seen(struct world *w, const struct call *call, struct outcome *o,
                                  struct heed_error *err)
{
    struct state *s = &w->state;
    (void)err;
    if (call->i[0] < 0 || call->i[0] > UINT32_MAX ||
        !catalogue_has(&s->catalogue, (uint32_t)call->i[0]))
        o->refusal = REFUSED_unknown_target;
    else
        behaviour_seen_served(&s->behaviour, (uint32_t)call->i[0]);
    return HEED_OK;
}

int64_t counted_points(const struct behaviour_rules *r, const struct act *act, uint64_t count)
{
    int64_t points = behaviour_points(r, act->verb, act->amount_milli), all;
    return __builtin_mul_overflow(points, count, &all) ? points > 0 ? INT64_MAX : 0 : all;
}

struct act act_of_counted(const struct call *call)
{
    return (struct act){.time_ms = call->time_ms,
                        .amount_milli = call->i[3],
                        .user = HANDLE_NONE,
                        .target = (uint32_t)call->i[1],
                        .surface = HANDLE_NONE,
                        .via = HANDLE_NONE,
                        .verb = (uint32_t)call->i[0]};
}

/* i: verb, target, count, amount of each                                                        */
enum heed_status apply_event_counted(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    struct state *s = &w->state;
    const struct rules *r = &s->rules;
    if (call->i[1] < 0 || call->i[1] > UINT32_MAX ||
        !catalogue_has(&s->catalogue, (uint32_t)call->i[1])) {
        o->refusal = REFUSED_unknown_target;
        return HEED_OK;
    }
    uint32_t target = (uint32_t)call->i[1], index = target_index(target);
    if (target_kind(target) == TARGET_USER && s->catalogue.parties[index].flags & PARTY_ERASED) {
        o->refusal = REFUSED_erased;
        return HEED_OK;
    }
    if (call->i[0] < 0 || call->i[0] >= r->behaviour.verbs_n || call->i[2] < 1 ||
        call->i[2] > COUNTED_MAX || call->i[3] < 0)
        return error_set(err, HEED_INPUT, "event counted",
                         "the journal holds a call that cannot be");
    uint64_t count = (uint64_t)call->i[2];
    struct act act = act_of_counted(call);
    enum heed_status status = behaviour_counted(&s->behaviour, &r->behaviour, &act, count);
    if (status == HEED_OK && target_kind(target) == TARGET_CONTENT)
        status = consumption_counted(&s->consumption, &r->consumption, act.time_ms, index,
                                     counted_points(&r->behaviour, &act, count), count);
    return status == HEED_OK ? status : error_nomem(err);
}

enum refusal refund_act(struct world *w, int64_t time_ms, uint32_t user, uint32_t target,
                        int64_t amount_milli)
{
    struct state *s = &w->state;
    int verb = behaviour_verb(&s->rules.behaviour, STR("purchase"));
    if (verb < 0) /* the purchase left no trace either */
        return REFUSED_NOT;
    struct act act = {.time_ms = time_ms,
                      .amount_milli = amount_milli,
                      .user = user,
                      .target = target,
                      .surface = HANDLE_NONE,
                      .via = HANDLE_NONE,
                      .verb = (uint32_t)verb,
                      .own = catalogue_owner(&s->catalogue, target) == user};
    return behaviour_refund(&s->behaviour, &s->rules.behaviour, &act) == HEED_OK
               ? REFUSED_NOT
               : REFUSED_unknown_purchase;
}

/* i: user, target, amount; at the time of the purchase                                           */
enum heed_status apply_event_refunded(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    (void)err;
    o->refusal = check_pair(&w->state.catalogue, call->i[0], call->i[1]);
    if (o->refusal == REFUSED_NOT)
        o->refusal =
            refund_act(w, call->time_ms, (uint32_t)call->i[0], (uint32_t)call->i[1], call->i[2]);
    return HEED_OK;
}

/* i: user, target, score, kind, time                                                            */
enum heed_status apply_rating_add(struct world *w, const struct call *call, struct outcome *o,
                                  struct heed_error *err)
{
    struct state *s = &w->state;
    const struct quality_rules *r = &s->rules.quality;
    int64_t kind = call->i[3] == CALL_ABSENT ? RATING_USER : call->i[3];
    if (kind < 0 || kind >= RATING_KINDS)
        return error_set(err, HEED_INPUT, "rating add", "the journal holds a call that cannot be");
    const unsigned judges = ROLE_OPERATOR | ROLE_MODERATOR | ROLE_CLIENT;
    if (kind != RATING_USER && call->actor != HANDLE_NONE &&
        (call->actor >= s->catalogue.parties_n ||
         !(s->catalogue.parties[call->actor].role_bits & judges))) {
        o->refusal = REFUSED_forbidden;
        return HEED_OK;
    }
    o->refusal = check_pair(&s->catalogue, call->i[0], call->i[1]);
    if (o->refusal == REFUSED_NOT &&
        (call->i[2] < r->score_min_milli || call->i[2] > r->score_max_milli))
        o->refusal = REFUSED_score_range;
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    /* what one says of one's own work stands in the journal, and in no mean */
    bool own = kind != RATING_MODERATION &&
               catalogue_owner(&s->catalogue, (uint32_t)call->i[1]) == (uint32_t)call->i[0];
    if (!own && quality_rate(&s->quality, r, (enum rating_kind)kind, (uint32_t)call->i[0],
                             (uint32_t)call->i[1], call->i[2]) != HEED_OK)
        return error_nomem(err);
    if (kind == RATING_MODERATION) {
        enum heed_status status =
            note_score(s, (uint32_t)call->i[0], (uint32_t)call->i[1],
                       call->i[4] == CALL_ABSENT ? call->time_ms : call->i[4], err);
        if (status != HEED_OK)
            return status;
    }
    return o->want_reply ? reply_pack(&o->reply, err, "{s:b,s:b}", "recorded", 1, "counted", !own)
                         : HEED_OK;
}
