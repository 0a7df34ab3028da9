/* Queries about feeds: what would be shown, and why something was or was not, from the fact of the
 * moment. */
#include "world/apply.h"
#include "world/engine.h"

enum heed_status query_feed_show(struct world *w, const struct call *call, enum refusal *refusal,
                                 json_t **out, struct heed_error *err)
{
    (void)refusal;
    struct feed_fact fact;
    uint32_t user = (uint32_t)call->i[0];
    enum heed_status status = engine_feed(w, user, call->i[1] == CALL_ABSENT ? 0 : call->i[1],
                                          call->i[2], call->time_ms, false, &fact, err);
    if (status != HEED_OK)
        return status;
    enum algorithm algorithm = call->i[2] == CALL_ABSENT ? w->state.rules.allocation.algorithm
                                                         : (enum algorithm)call->i[2];
    *out = reply_served(w, user, algorithm, call->i[1], &fact, call->i[4] == 1);
    return *out ? HEED_OK : error_nomem(err);
}

/* The fact of the last feed served to a user, from the journal. */
struct last_fact {
    uint32_t user;
    const struct catalogue *catalogue;
    bool found;
    struct feed_fact fact;
};

static enum heed_status keep_last(void *context, const struct call *c, struct heed_error *err)
{
    struct last_fact *k = context;
    (void)err;
    if (c->command == COMMAND_feed_serve && c->i[0] == k->user)
        k->found = fact_read(c->blob, k->catalogue, &k->fact);
    return HEED_OK;
}

/* NULL, with *status: no memory, or the journal cannot be read. Freed by the caller.            */
static struct last_fact *last_fact_of(struct world *w, uint32_t user, enum heed_status *status,
                                      struct heed_error *err)
{
    struct last_fact *k = calloc(1, sizeof *k);
    if (!k) {
        *status = error_nomem(err);
        return NULL;
    }
    *k = (struct last_fact){.user = user, .catalogue = &w->state.catalogue};
    *status = world_walk(w, keep_last, k, err);
    if (*status == HEED_OK)
        return k;
    free(k);
    return NULL;
}

/* ── what came next ── */

/* Of what came next, of the same kind, for it is its own kind that a target competes with.       */
struct own_kind {
    size_t slots, place;            /* of the kind; place behind them, from 1 */
    size_t by_score;                /* place by score alone, from 1 */
    const struct slot *last, *next; /* the last slot; what came next first */
    const struct slot *by_merit;    /* the last slot by score: no debt's, not chance's; or NULL */
};

/* Ties go to the smaller handle, as far as millionths tell.                                      */
static bool better(const struct slot *a, const struct slot *b)
{
    return a->score_ppm != b->score_ppm ? a->score_ppm > b->score_ppm : a->item < b->item;
}

static struct own_kind own_kind_of(const struct feed_fact *f, size_t i)
{
    const struct slot *x = &f->slots[i];
    struct own_kind own = {.by_score = 1};
    for (size_t j = 0; j <= i; j++) {
        const struct slot *s = &f->slots[j];
        if (s->kind != x->kind)
            continue;
        own.place++;
        own.by_score += j < i && (j >= f->n || better(s, x));
        if (j < f->n) {
            own.slots++;
            own.last = s;
            if (s->value_ppm[REASON_FLOOR] == 0 && !s->explored)
                own.by_merit = s;
        } else if (!own.next) {
            own.next = s;
        }
    }
    return own;
}

/* For a fact that does not say it: the last slot by score, and the terms by arithmetic, a millionth
 * more than would tie.                                                                           */
static struct why_not reckoned(const struct slot *s, const struct own_kind *own)
{
    struct why_not why = {UINT32_MAX, 0, s->rules, {-1, -1, -1, -1}, false, 0};
    if (!own->by_merit || s->rules != 0)
        return why;
    why.beat = own->by_merit->item;
    why.needed_ppm = own->by_merit->score_ppm;
    int64_t gap = (int64_t)why.needed_ppm - s->score_ppm + 1;
    for (int j = 0; j < TERMS; j++) {
        int64_t weight = s->weight_ppm[j];
        int64_t enough =
            weight > 0 ? s->value_ppm[j] + (gap * 1000000 + weight - 1) / weight : 1000001;
        if (gap > 0 && enough <= 1000000)
            why.enough_ppm[j] = (int32_t)enough;
    }
    return why;
}

static int by_change(const void *a, const void *b)
{
    const int64_t *x = a, *y = b; /* change, reason */
    return x[0] != y[0] ? (x[0] > y[0]) - (x[0] < y[0]) : (x[1] > y[1]) - (x[1] < y[1]);
}

/* The changes of one term that would each have been enough, least first.                         */
static json_t *nearest_changes(const struct slot *s, const struct why_not *why)
{
    int64_t changes[TERMS][2];
    size_t n = 0;
    for (int j = 0; j < TERMS; j++)
        if (why->enough_ppm[j] >= 0) {
            changes[n][0] = llabs((long long)why->enough_ppm[j] - s->value_ppm[j]);
            changes[n++][1] = j;
        }
    qsort(changes, n, sizeof changes[0], by_change);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        int64_t j = changes[i][1];
        json_t *change =
            json_pack("{s:s,s:f,s:f}", "name", slot_reason_name((enum slot_reason)j), "value",
                      s->value_ppm[j] / 1e6, "enough", (double)why->enough_ppm[j] / 1e6);
        if (why->pays && j == REASON_RELEVANCE)
            json_object_set_new(change, "pays", json_string("floor"));
        json_array_append_new(list, change);
    }
    return list;
}

static json_t *rule_names(uint32_t rules)
{
    json_t *list = json_array();
    char name[24];
    for (enum rule rule = RULE_FRESH; rule < RULES; rule++)
        if (rules >> rule & 1)
            json_array_append_new(list, json_string(rule_name(rule, name)));
    return list;
}

/* The slots of its kind that hold what scores less, and what gave them to it.                    */
static json_t *passed_over(const struct world *w, const struct feed_fact *f, const struct slot *x)
{
    json_t *list = json_array();
    for (size_t i = 0; i < f->n; i++) {
        const struct slot *s = &f->slots[i];
        if (s->kind != x->kind || s->score_ppm >= x->score_ppm)
            continue;
        bool floor = s->value_ppm[REASON_FLOOR] > 0;
        json_t *row = json_pack("{s:i,s:o,s:f,s:s}", "rank", (int)i + 1, "target",
                                reply_target(w, slot_target(s)), "score", s->score_ppm / 1e6, "by",
                                floor         ? "floor"
                                : s->explored ? "exploration"
                                              : "constraints");
        if (floor)
            json_object_set_new(row, "owed", s->owed ? json_real(s->owed / 1e6) : json_null());
        else if (s->explored)
            json_object_set_new(row, "propensity", json_real((double)s->propensity / EXPLORE_UNIT));
        else
            json_object_set_new(row, "rules", rule_names(s->rules));
        json_array_append_new(list, row);
    }
    return list;
}

static bool owes(const struct feed_fact *f)
{
    return f->told && f->promise > 0;
}

static enum heed_status reply_runner_up(struct world *w, const struct served_feed *f,
                                        const struct feed_fact *fact, size_t i, json_t **out,
                                        struct heed_error *err)
{
    const struct slot *x = &fact->slots[i];
    struct own_kind own = own_kind_of(fact, i);
    struct why_not why = fact->told ? fact->why[i - fact->n] : reckoned(x, &own);
    bool chance = own.last->explored; /* who would have stood there comes next */
    bool hopeless = why.beat == UINT32_MAX;
    json_t *feed = reply_feed(w, f->user, (enum algorithm)f->algorithm, x, 1, false);
    json_t *slot = json_array_get(json_object_get(feed, "slots"), 0);
    char policy[24];
    snprintf(policy, sizeof policy, "%016llx", (unsigned long long)fact->policy);
    enum heed_status status = reply_pack(
        out, err, "{s:O,s:s,s:s,s:o,s:b,s:b,s:I,s:I,s:O,s:f,s:o,s:o,s:o,s:O,s:o,s:o,s:o}", "user",
        json_object_get(feed, "user"), "algorithm", algorithm_name((enum algorithm)f->algorithm),
        "policy", policy, "served_at", reply_time(f->time_ms), "shown", 0, "lost_to_exploration",
        (int)(chance && x == own.next), "place", (json_int_t)(own.place - chance), "place_by_score",
        (json_int_t)own.by_score, "target", json_object_get(slot, "target"), "score",
        x->score_ppm / 1e6, "needed", hopeless ? json_null() : json_real(why.needed_ppm / 1e6),
        "outscore",
        hopeless ? json_null() : reply_target(w, target_make((enum target_kind)x->kind, why.beat)),
        "owed", owes(fact) && x->kind == TARGET_CONTENT ? json_real(x->owed / 1e6) : json_null(),
        "reasons", json_object_get(slot, "reasons"), "nearest", nearest_changes(x, &why),
        "passed_over_for", passed_over(w, fact, x), "forbidden_by", rule_names(why.rules));
    json_decref(feed);
    return status;
}

/* Neither shown nor recorded as what came next.                                                  */
static enum heed_status reply_absent(struct world *w, const struct served_feed *f, uint32_t target,
                                     int64_t now_ms, enum refusal *refusal, json_t **out,
                                     struct heed_error *err)
{
    json_t *gates;
    enum heed_status status = reply_gates(w, f->user, target, now_ms, &gates, err);
    if (status != HEED_OK)
        return status;
    if (json_array_size(gates) == 0) {
        json_decref(gates);
        *refusal = REFUSED_not_in_feed;
        return HEED_OK;
    }
    return reply_pack(out, err, "{s:o,s:s,s:o,s:b,s:b,s:o,s:o,s:o}", "user",
                      reply_target(w, target_make(TARGET_USER, f->user)), "algorithm",
                      algorithm_name((enum algorithm)f->algorithm), "served_at",
                      reply_time(f->time_ms), "shown", 0, "recorded", 0, "as_of",
                      reply_time(now_ms), "target", reply_target(w, target), "kept_by", gates);
}

static enum heed_status explain_absent(struct world *w, const struct served_feed *f,
                                       uint32_t target, int64_t now_ms, enum refusal *refusal,
                                       json_t **out, struct heed_error *err)
{
    enum heed_status status;
    struct last_fact *k = last_fact_of(w, f->user, &status, err);
    if (!k)
        return status;
    const struct feed_fact *fact = &k->fact;
    size_t i = k->found ? fact->n : 0, end = k->found ? fact->n + fact->more : 0;
    while (i < end && target != slot_target(&fact->slots[i]))
        i++;
    status = i < end ? reply_runner_up(w, f, fact, i, out, err)
                     : reply_absent(w, f, target, now_ms, refusal, out, err);
    free(k);
    return status;
}

/* ── what was shown ── */

static enum heed_status reply_shown(const struct world *w, const struct served_feed *f,
                                    const struct slot *slots, uint32_t i, json_t **out,
                                    struct heed_error *err)
{
    json_t *feed = reply_feed(w, f->user, (enum algorithm)f->algorithm, slots, f->n, false);
    json_t *slot = json_array_get(json_object_get(feed, "slots"), i);
    char policy[24];
    snprintf(policy, sizeof policy, "%016llx", (unsigned long long)f->policy);
    enum heed_status status = reply_pack(
        out, err, "{s:O,s:s,s:s?,s:b,s:f,s:b,s:o,s:O,s:O,s:O,s:O}", "user",
        json_object_get(feed, "user"), "algorithm", algorithm_name((enum algorithm)f->algorithm),
        "policy", f->policy ? policy : NULL, "shown", 1, "propensity",
        (double)slots[i].propensity / EXPLORE_UNIT, "explored", (int)slots[i].explored, "served_at",
        reply_time(f->time_ms), "rank", json_object_get(slot, "rank"), "target",
        json_object_get(slot, "target"), "score", json_object_get(slot, "score"), "reasons",
        json_object_get(slot, "reasons"));
    json_decref(feed);
    return status;
}

/* What a slot was owed stands in the fact alone.                                                 */
static enum heed_status explain_shown(struct world *w, const struct served_feed *f, uint32_t i,
                                      json_t **out, struct heed_error *err)
{
    enum heed_status status;
    if (f->slots[i].value_ppm[REASON_FLOOR] == 0)
        return reply_shown(w, f, f->slots, i, out, err);
    struct last_fact *k = last_fact_of(w, f->user, &status, err);
    if (!k)
        return status;
    status =
        reply_shown(w, f, k->found && k->fact.n == f->n ? k->fact.slots : f->slots, i, out, err);
    free(k);
    return status;
}

enum heed_status query_feed_explain(struct world *w, const struct call *call, enum refusal *refusal,
                                    json_t **out, struct heed_error *err)
{
    uint32_t user = (uint32_t)call->i[0], target = (uint32_t)call->i[1];
    uint32_t at = map_get(&w->state.feed_of, user);
    if (at == MAP_NONE) {
        *refusal = REFUSED_no_feed;
        return HEED_OK;
    }
    const struct served_feed *f = &w->state.feeds[at];
    for (uint32_t i = 0; i < f->n; i++)
        if (target == slot_target(&f->slots[i]))
            return explain_shown(w, f, i, out, err);
    return explain_absent(w, f, target, call->time_ms, refusal, out, err);
}
