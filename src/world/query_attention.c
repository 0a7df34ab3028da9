/* Queries about attention: status, behaviour, quality. */
#include "base/time.h"
#include "world/apply.h"
#include "world/engine.h"

#include <math.h>

static bool erased_party(const struct world *w, uint32_t party)
{
    return party >= w->state.catalogue.parties_n ||
           w->state.catalogue.parties[party].flags & PARTY_ERASED;
}

/* A target nobody may ask about any more.                                                       */
static bool erased_target(const struct world *w, uint32_t target)
{
    return target_kind(target) == TARGET_USER && erased_party(w, target_index(target));
}

static json_t *seconds(int64_t milli)
{
    return milli % 1000 == 0 ? json_integer(milli / 1000) : json_real((double)milli / 1000);
}

static json_t *money_rows(const struct world *w)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < w->state.rules.currencies_n; i++) {
        struct ledger_totals t = ledger_totals(&w->state.ledger, (uint16_t)i);
        json_array_append_new(rows, json_pack("{s:o,s:I,s:I,s:I}", "currency",
                                              reply_currency(w, (uint16_t)i), "supply_minor",
                                              (json_int_t)t.supply_minor, "issued_minor",
                                              (json_int_t)t.issued_minor, "retired_minor",
                                              (json_int_t)t.retired_minor));
    }
    return rows;
}

enum heed_status query_status_(struct world *w, const struct call *call, enum refusal *refusal,
                               json_t **out, struct heed_error *err)
{
    (void)call;
    (void)refusal;
    const struct state *s = &w->state;
    const struct behaviour *b = &s->behaviour;
    struct sha256 hash;
    enum heed_status status = world_hash(w, &hash, err);
    if (status != HEED_OK)
        return status;
    json_t *verbs = json_object();
    for (uint32_t v = 0; v < s->rules.behaviour.verbs_n; v++)
        if (b->verb_events[v] > 0)
            json_object_set_new(verbs, s->rules.behaviour.verbs[v].name,
                                json_pack("{s:I,s:o}", "events", (json_int_t)b->verb_events[v],
                                          "amount", seconds(b->verb_amount_milli[v])));
    size_t users = s->catalogue.users_n;
    for (size_t i = 0; i < s->catalogue.parties_n; i++)
        if ((s->catalogue.parties[i].flags & (PARTY_USER | PARTY_ERASED)) ==
            (PARTY_USER | PARTY_ERASED))
            users--;
    char hex[65], head[65];
    const struct consumption *c = &s->consumption;
    int64_t epoch = b->events ? b->latest_ms / s->rules.consumption.epoch_ms : 0;
    if (s->consumption.settlements_n && epoch <= s->consumption.settled_through)
        epoch = s->consumption.settled_through + 1; /* the open one */
    return reply_pack(
        out, err, "{s:I,s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:o,s:s,s:s,s:I,s:I,s:I,s:o,s:o}", "users",
        (json_int_t)users, "contents", (json_int_t)s->catalogue.contents_n, "goods",
        (json_int_t)s->catalogue.goods_n, "services", (json_int_t)s->catalogue.services_n, "events",
        (json_int_t)b->events, "verbs", verbs, "refunds", (json_int_t)b->refunds, "commands",
        (json_int_t)w->commands, "epoch", (json_int_t)epoch, "settled_through",
        c->settlements_n ? json_integer(c->settled_through) : json_null(), "world_hash",
        sha256_hex(hash, hex), "chain_head", sha256_hex(w->head, head), "duplicates",
        (json_int_t)b->duplicates, "out_of_order", (json_int_t)b->out_of_order, "late",
        (json_int_t)c->late, "latest_event", reply_time(b->latest_ms), "money", money_rows(w));
}

/* ── behaviour ── */

static json_t *verb_counts(const struct world *w, const uint32_t *counts)
{
    json_t *events = json_object();
    for (uint32_t v = 0; counts && v < w->state.rules.behaviour.verbs_n; v++)
        if (counts[v] > 0)
            json_object_set_new(events, w->state.rules.behaviour.verbs[v].name,
                                json_integer(counts[v]));
    return events;
}

static json_t *preference_key(const struct world *w, enum preference_over over, uint32_t key)
{
    if (over == PREFER_CATEGORIES)
        return reply_symbol(w, key);
    return reply_target(w, over == PREFER_CREATORS ? target_make(TARGET_USER, key) : key);
}

static enum heed_status show_user(struct world *w, uint32_t user, enum preference_over over,
                                  int64_t k, json_t **out, struct heed_error *err)
{
    const struct state *s = &w->state;
    const struct behaviour *b = &s->behaviour;
    const struct user_stats *u = behaviour_user(b, user);
    const struct target_stats *t = behaviour_target(b, target_make(TARGET_USER, user));
    struct preference *rows = malloc((size_t)k * 4 * sizeof *rows);
    if (!rows)
        return error_nomem(err);
    size_t n = (size_t)k * 4; /* some may be of erased people */
    enum heed_status status = HEED_OK;
    if (u)
        status = behaviour_preferences(b, &s->rules.behaviour, &s->catalogue, user, over, rows, &n);
    else
        n = 0;
    if (status != HEED_OK) {
        free(rows);
        return error_nomem(err);
    }
    json_t *preferences = json_array();
    for (size_t i = 0; i < n && json_array_size(preferences) < (size_t)k; i++) {
        if ((over == PREFER_TARGETS && erased_target(w, rows[i].key)) ||
            (over == PREFER_CREATORS && erased_party(w, rows[i].key)))
            continue;
        json_array_append_new(preferences,
                              json_pack("{s:o,s:f}", "target", preference_key(w, over, rows[i].key),
                                        "weight", (double)rows[i].weight_micro / 1e6));
    }
    free(rows);
    int64_t days = u && u->first_ms ? (b->latest_ms - u->first_ms) / DAY_MS + 1 : 0;
    return reply_pack(
        out, err, "{s:o,s:o,s:I,s:I,s:o,s:I,s:I,s:o,s:f,s:f,s:I,s:o}", "target",
        reply_target(w, target_make(TARGET_USER, user)), "events",
        verb_counts(w, u ? &b->user_verbs[(size_t)user * VERBS_MAX] : NULL), "events_total",
        (json_int_t)(u ? u->events : 0), "refunds", (json_int_t)(u ? u->refunds : 0), "dwell_s",
        seconds(u ? u->dwell_milli : 0), "sessions", (json_int_t)(u ? u->sessions : 0),
        "active_days", (json_int_t)(u ? u->active_days : 0), "last_seen",
        reply_time(u && u->events ? u->last_ms : 0), "frequency",
        days > 0 ? (double)u->events / (double)days : 0.0, "recency",
        u && u->events
            ? exp2(-(double)(b->latest_ms - u->last_ms) / (double)s->rules.behaviour.half_life_ms)
            : 0.0,
        "reach", (json_int_t)(t ? t->reach : 0), "preferences", preferences);
}

static json_t *engagement(const struct target_stats *t)
{
    struct rate r = t ? behaviour_engagement(t) : (struct rate){0, 0};
    return json_pack("{s:f,s:f}", "rate", r.rate, "lower", r.lower);
}

enum heed_status query_behaviour_show(struct world *w, const struct call *call,
                                      enum refusal *refusal, json_t **out, struct heed_error *err)
{
    uint32_t target = (uint32_t)call->i[0];
    if (erased_target(w, target)) {
        *refusal = REFUSED_erased;
        return HEED_OK;
    }
    int64_t k = call->i[2] == CALL_ABSENT ? 10 : call->i[2];
    if (target_kind(target) == TARGET_USER)
        return show_user(w, target_index(target),
                         call->i[1] == CALL_ABSENT ? PREFER_TARGETS
                                                   : (enum preference_over)call->i[1],
                         k, out, err);
    const struct behaviour *b = &w->state.behaviour;
    const struct target_stats *t = behaviour_target(b, target);
    const uint32_t *verbs =
        t ? &b->targets[target_kind(target)].verbs[(size_t)target_index(target) * VERBS_MAX] : NULL;
    return reply_pack(out, err, "{s:o,s:I,s:I,s:I,s:o,s:I,s:o,s:f,s:o,s:o}", "target",
                      reply_target(w, target), "reach", (json_int_t)(t ? t->reach : 0),
                      "impressions", (json_int_t)(t ? t->impressions : 0), "served",
                      (json_int_t)(t ? t->served : 0), "events", verb_counts(w, verbs), "refunds",
                      (json_int_t)(t ? t->refunds : 0), "dwell_s", seconds(t ? t->dwell_milli : 0),
                      "popularity", engine_popularity(w, t), "last_seen",
                      reply_time(t ? t->last_ms : 0), "engagement", engagement(t));
}

enum { TOP_REACH, TOP_DWELL, TOP_ENGAGEMENT };

struct ranked {
    double value;
    uint32_t target;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? 1 : -1;
    return x->target < y->target ? -1 : x->target > y->target;
}

enum heed_status query_behaviour_top(struct world *w, const struct call *call,
                                     enum refusal *refusal, json_t **out, struct heed_error *err)
{
    (void)refusal;
    static const enum target_kind kinds[] = {TARGET_CONTENT, TARGET_GOOD, TARGET_SERVICE,
                                             TARGET_USER};
    const struct behaviour *b = &w->state.behaviour;
    int64_t by = call->i[0] == CALL_ABSENT ? TOP_REACH : call->i[0];
    size_t k = call->i[1] == CALL_ABSENT ? 10 : (size_t)call->i[1];
    size_t total = 0, n = 0;
    for (int i = 0; i < TARGET_KINDS; i++)
        total += b->targets[i].n;
    struct ranked *rows = malloc((total + 1) * sizeof *rows);
    if (!rows)
        return error_nomem(err);
    for (int i = 0; i < 4; i++) {
        if (call->i[2] != CALL_ABSENT && call->i[2] != i)
            continue;
        const struct stats_table *t = &b->targets[kinds[i]];
        for (size_t j = 0; j < t->n; j++) {
            uint32_t target = target_make(kinds[i], (uint32_t)j);
            double v = by == TOP_REACH   ? (double)t->rows[j].reach
                       : by == TOP_DWELL ? (double)t->rows[j].dwell_milli
                                         : behaviour_engagement(&t->rows[j]).lower;
            if (v > 0 && !erased_target(w, target))
                rows[n++] = (struct ranked){v, target};
        }
    }
    qsort(rows, n, sizeof *rows, by_value);
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < k; i++) {
        const struct target_stats *t = behaviour_target(b, rows[i].target);
        json_array_append_new(
            list, json_pack("{s:I,s:o,s:I,s:I,s:o,s:o}", "rank", (json_int_t)i + 1, "target",
                            reply_target(w, rows[i].target), "reach", (json_int_t)t->reach,
                            "impressions", (json_int_t)t->impressions, "dwell_s",
                            seconds(t->dwell_milli), "engagement", engagement(t)));
    }
    free(rows);
    static const char *const names[] = {"reach", "dwell", "engagement"};
    return reply_pack(out, err, "{s:s,s:o}", "by", names[by], "top", list);
}

/* ── quality ── */

enum heed_status query_quality_show(struct world *w, const struct call *call, enum refusal *refusal,
                                    json_t **out, struct heed_error *err)
{
    uint32_t target = (uint32_t)call->i[0];
    if (erased_target(w, target)) {
        *refusal = REFUSED_erased;
        return HEED_OK;
    }
    const struct quality_view *view = engine_view(w, err);
    if (!view)
        return HEED_NOMEM;
    struct quality_score q = engine_quality(w, view, target);
    json_t *parts = json_object();
    for (int p = 0; p < QUALITY_PARTS; p++)
        json_object_set_new(parts, quality_part_name((enum quality_part)p),
                            json_pack("{s:f,s:f,s:I}", "value", q.parts[p].value, "weight",
                                      q.parts[p].weight, "evidence",
                                      (json_int_t)q.parts[p].evidence));
    json_t *copy = json_null();
    if (target_kind(target) == TARGET_CONTENT) {
        struct copy_of c = quality_copy_of(&w->state.quality, target_index(target));
        if (c.gone)
            copy = json_pack("{s:n,s:f}", "target", "similarity", c.similarity_ppm / 1e6);
        else if (c.original != HANDLE_NONE)
            copy = json_pack("{s:o,s:f}", "target",
                             reply_target(w, target_make(TARGET_CONTENT, c.original)), "similarity",
                             c.similarity_ppm / 1e6);
    }
    return reply_pack(out, err, "{s:o,s:f,s:{s:f,s:f},s:o,s:o}", "target", reply_target(w, target),
                      "quality", q.score, "interval", "lower", q.lower, "upper", q.upper, "parts",
                      parts, "copy_of", copy);
}
