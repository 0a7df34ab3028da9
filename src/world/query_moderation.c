/* Queries of moderation: what waits for a decision, and what was decided. */
#include "world/apply.h"
#include "world/engine.h"
#include "world/vault.h"

#include <stdlib.h>

/* ── the queue ── */

/* Attention a target draws now; below 0 when it is not shown anyhow.                             */
static double exposure_of(void *context, uint32_t target)
{
    const struct world *w = context;
    const struct state *s = &w->state;
    bool shown = !quality_removed(&s->quality, target) && !catalogue_gone(&s->catalogue, target);
    if (target_kind(target) == TARGET_CONTENT)
        shown = engine_eligibility(s, target_index(target)) != ELIGIBLE_NOT;
    return shown ? engine_popularity(w, behaviour_target(&s->behaviour, target)) : -1;
}

enum heed_status query_quality_queue(struct world *w, const struct call *call,
                                     enum refusal *refusal, json_t **out, struct heed_error *err)
{
    (void)refusal;
    const struct state *s = &w->state;
    size_t k = call->i[0] == CALL_ABSENT ? 20 : (size_t)call->i[0], n, waiting = 0;
    struct queue_row *rows;
    if (moderation_queue(&s->quality.moderation, &s->rules.quality.moderation, exposure_of, w,
                         &rows, &n) != HEED_OK)
        return error_nomem(err);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct queue_row *r = &rows[i];
        if (catalogue_gone(&w->state.catalogue, r->target)) /* an appeal of someone erased since */
            continue;
        if (waiting++ >= k)
            continue;
        json_array_append_new(
            list, json_pack("{s:I,s:o,s:f,s:I,s:I,s:f,s:f,s:o,s:s,s:o}", "rank",
                            (json_int_t)waiting, "target", reply_target(w, r->target), "harm",
                            r->harm, "reports", (json_int_t)r->reports, "known",
                            (json_int_t)r->known, "right", r->right, "exposure", r->exposure,
                            "appeal", r->appeal == ACT_NONE ? json_null() : json_real(r->wrong),
                            "now", decision_name((int)quality_gate(&s->quality, r->target)),
                            "since", reply_time(r->since_ms)));
    }
    free(rows);
    return reply_pack(out, err, "{s:I,s:o}", "waiting", (json_int_t)waiting, "queue", list);
}

/* ── the history ── */

static const char *outcome_of(const struct moderation *m, uint32_t act)
{
    const struct moderation_act *a = &m->acts[act];
    if (a->answer == ACT_NONE)
        return a->kind == ACT_APPEAL ? "waits" : NULL;
    const struct moderation_act *appeal = a->kind == ACT_APPEAL ? a : &m->acts[a->answer];
    const struct moderation_act *decision = a->kind == ACT_APPEAL ? &m->acts[a->answer] : a;
    return decision->kind < appeal->against ? "reversed" : "kept";
}

static enum heed_status history_row(struct world *w, uint32_t number, struct strbuf *buf,
                                    json_t *list, struct heed_error *err)
{
    const struct moderation *m = &w->state.quality.moderation;
    const struct moderation_act *a = &m->acts[number];
    struct text text = {0};
    bool found = false;
    enum heed_status status = a->scored || !w->store
                                  ? HEED_OK
                                  : vault_open(w, VAULT_REASON, number, buf, &text, &found, err);
    if (status != HEED_OK)
        return status;
    const struct moderation_case *c = moderation_case_of(m, a->target);
    struct str reason = text.fields[TEXT_NAME];
    json_t *by = a->actor == HANDLE_NONE ? json_string("operator")
                                         : reply_target(w, target_make(TARGET_USER, a->actor));
    json_t *row =
        json_pack("{s:o,s:o,s:s,s:o,s:o,s:b,s:s?}", "time", reply_time(a->time_ms), "target",
                  reply_target(w, a->target), "act", decision_name(a->kind), "by", by, "reason",
                  found ? json_stringn(reason.p, reason.n) : json_null(), "stands",
                  (int)(c->standing == number), "appeal", outcome_of(m, number));
    return row && json_array_append_new(list, row) == 0 ? HEED_OK : error_nomem(err);
}

static bool is_staff(const struct world *w, const struct call *call)
{
    const struct party *p = w->state.catalogue.parties;
    return call->actor == HANDLE_NONE || (p[call->actor].role_bits & ~(unsigned)ROLE_MEMBER) != 0;
}

static bool may_read(const struct world *w, const struct call *call, uint32_t target)
{
    return is_staff(w, call) || catalogue_owner(&w->state.catalogue, target) == call->actor;
}

/* Of a person, for those who decide: what came of the reports he made.                           */
static json_t *record_of(const struct world *w, const struct call *call, uint32_t target)
{
    const struct state *s = &w->state;
    if (!is_staff(w, call) || target_kind(target) != TARGET_USER)
        return json_null();
    struct reporter who = moderation_reporter(&s->quality.moderation, target_index(target));
    struct reporter_weight weight = moderation_weight(&s->rules.quality.moderation, who);
    return json_pack("{s:I,s:I,s:I,s:f,s:f}", "upheld", (json_int_t)who.upheld, "rejected",
                     (json_int_t)who.rejected, "open", (json_int_t)who.open, "record",
                     weight.record, "share", weight.share);
}

/* Newest first by the order they came; of one target by its chain. O(acts).                      */
enum heed_status query_quality_history(struct world *w, const struct call *call,
                                       enum refusal *refusal, json_t **out, struct heed_error *err)
{
    const struct moderation *m = &w->state.quality.moderation;
    uint32_t target = call->i[0] == CALL_ABSENT ? 0 : (uint32_t)call->i[0];
    size_t k = call->i[1] == CALL_ABSENT ? 20 : (size_t)call->i[1];
    if (target && catalogue_gone(&w->state.catalogue, target))
        *refusal = REFUSED_erased;
    else if (target && !may_read(w, call, target))
        *refusal = REFUSED_forbidden;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    json_t *list = json_array();
    struct strbuf buf;
    strbuf_init(&buf, SIZE_MAX);
    const struct moderation_case *c = target ? moderation_case_of(m, target) : NULL;
    uint32_t at = target ? (c ? c->acts : ACT_NONE) : (uint32_t)m->acts_n - 1;
    enum heed_status status = list ? HEED_OK : error_nomem(err);
    while (status == HEED_OK && at != ACT_NONE && json_array_size(list) < k) {
        if (!catalogue_gone(&w->state.catalogue, m->acts[at].target) &&
            may_read(w, call, m->acts[at].target))
            status = history_row(w, at, &buf, list, err);
        at = target ? m->acts[at].before : at - 1;
    }
    strbuf_deinit(&buf);
    if (status != HEED_OK) {
        json_decref(list);
        return status;
    }
    return reply_pack(out, err, "{s:o,s:o,s:o}", "target",
                      target ? reply_target(w, target) : json_null(), "reports_made",
                      target ? record_of(w, call, target) : json_null(), "history", list);
}
