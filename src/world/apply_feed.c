/* Commands that give attention and pay for it: feeds served, epochs settled. */
#include "world/engine_parts.h"
#include "world/pack.h"

#include <stdio.h>

static enum heed_status damaged(struct heed_error *err, const char *where)
{
    return error_set(err, HEED_INPUT, where, "the journal holds a call that cannot be");
}

static struct served_feed *feed_for(struct state *s, uint32_t user)
{
    uint32_t at = map_get(&s->feed_of, user);
    if (at != MAP_NONE)
        return &s->feeds[at];
    if (!array_grow(&s->feeds, &s->feeds_cap, s->feeds_n + 1, sizeof *s->feeds) ||
        !map_put(&s->feed_of, user, (uint32_t)s->feeds_n))
        return NULL;
    struct served_feed *f = &s->feeds[s->feeds_n++];
    *f = (struct served_feed){.user = user};
    return f;
}

bool slot_weight_read(struct slot *s, int reason, int64_t kept)
{
    bool rules = reason == REASON_FLOOR, good = kept >= 0 && kept < 1 << RULES && !(kept & 1);
    s->weight_ppm[reason] = rules ? 0 : (int32_t)kept;
    if (rules)
        s->rules = good ? (uint32_t)kept : 0;
    return !rules || good;
}

bool slot_welfare_read(struct slot *s, int64_t value, int64_t weight)
{
    s->value_ppm[REASON_WELFARE] = (int32_t)value;
    s->weight_ppm[REASON_WELFARE] = (int32_t)weight;
    return value >= 0 && value <= 1000000000 && weight >= 0 && weight <= 1000000;
}

bool slot_target_read(struct slot *s, const struct catalogue *c, uint64_t kept)
{
    enum target_kind kind =
        kept <= TARGET_INDEX_MAX ? TARGET_CONTENT : (enum target_kind)(kept >> 28);
    bool bare = kept <= TARGET_INDEX_MAX;
    if (kept > UINT32_MAX || bare != (kind == TARGET_CONTENT) ||
        !catalogue_has(c, target_make(kind, (uint32_t)kept & TARGET_INDEX_MAX)))
        return false;
    s->kind = kind;
    s->item = (uint32_t)kept & TARGET_INDEX_MAX;
    return true;
}

static void pack_slots(struct strbuf *b, const struct slot *slots, size_t n)
{
    pack_u64(b, n);
    for (size_t i = 0; i < n; i++) {
        pack_u64(b, slot_target_kept(&slots[i]));
        pack_i64(b, slots[i].score_ppm);
        for (int j = 0; j < SLOT_REASONS_KEPT; j++) {
            pack_i64(b, slots[i].value_ppm[j]);
            pack_i64(b, slot_weight_kept(&slots[i], j));
        }
    }
}

static size_t read_slots(struct unpack *u, const struct catalogue *c, struct slot *slots)
{
    size_t n = (size_t)unpack_max(u, FEED_MAX);
    for (size_t i = 0; i < n && !u->bad; i++) {
        if (!slot_target_read(&slots[i], c, unpack_u64(u)))
            u->bad = true;
        slots[i].score_ppm = (int32_t)unpack_i64(u);
        (void)slot_welfare_read(&slots[i], 0, 0);
        for (int j = 0; j < SLOT_REASONS_KEPT; j++) {
            slots[i].value_ppm[j] = (int32_t)unpack_i64(u);
            if (!slot_weight_read(&slots[i], j, unpack_i64(u)))
                u->bad = true;
        }
        slots[i].propensity = EXPLORE_UNIT;
        slots[i].explored = false;
        slots[i].owed = 0;
        slots[i].model = 0;
    }
    return n;
}

static void read_relaxed(struct unpack *u, struct relaxed *rows, size_t *n)
{
    *n = (size_t)unpack_max(u, RULES);
    for (size_t i = 0; i < *n && !u->bad; i++) {
        rows[i].rule = (enum rule)unpack_max(u, RULES - 1);
        rows[i].wanted = (uint32_t)unpack_max(u, FEED_MAX);
        rows[i].got = (uint32_t)unpack_max(u, FEED_MAX);
        rows[i].among = (uint32_t)unpack_max(u, FEED_MAX);
        rows[i].too_few = unpack_max(u, 1) == 1;
        u->bad = u->bad || rows[i].rule == RULE_NONE;
    }
}

/* Behind the slots, which is all that older worlds have: the policy, of each slot whether it was
 * explored and with what propensity, what came next, of both by which model if any or if more
 * follows, the constraints broken if any or if more follows, of several kinds, or if more follows,
 * the slots that each should have, what it promises each content if anything or if more follows,
 * of a welfare, or if more follows (then WELFARE_NONE), the utility and each slot's term, and what
 * each was owed and why what came next is not shown. */
#define WELFARE_NONE (WELFARE_UTILITY_MAX + 2)

static void pack_why(struct strbuf *b, const struct feed_fact *f)
{
    for (size_t i = 0; i < f->n + f->more; i++)
        pack_u64(b, f->slots[i].owed);
    for (size_t i = 0; i < f->more; i++) {
        const struct why_not *why = &f->why[i];
        pack_u64(b, why->beat == UINT32_MAX ? 0 : (uint64_t)why->beat + 1);
        if (why->beat != UINT32_MAX)
            pack_i64(b, why->needed_ppm);
        for (int term = 0; term < TERMS; term++)
            pack_u64(b, (uint64_t)(why->enough_ppm[term] + 1));
        pack_u64(b, why->pays);
    }
}

static void read_why(struct unpack *u, const struct catalogue *c, struct feed_fact *f)
{
    for (size_t i = 0; i < f->n + f->more; i++)
        f->slots[i].owed = (uint32_t)unpack_max(u, UINT32_MAX);
    for (size_t i = 0; i < f->more && !u->bad; i++) {
        uint64_t beat = unpack_max(u, (uint64_t)TARGET_INDEX_MAX + 1);
        struct why_not *why = &f->why[i];
        *why = (struct why_not){.beat = (uint32_t)beat - 1, .owed = f->slots[f->n + i].owed};
        if (beat > 0 &&
            !catalogue_has(c, target_make((enum target_kind)f->slots[f->n + i].kind, why->beat)))
            u->bad = true;
        why->rules = f->slots[f->n + i].rules;
        why->needed_ppm = beat > 0 ? (int32_t)unpack_i64(u) : 0;
        for (int term = 0; term < TERMS; term++)
            why->enough_ppm[term] = (int32_t)unpack_max(u, 1000001) - 1;
        why->pays = unpack_max(u, 1) == 1;
    }
}

bool fact_pack(struct strbuf *b, const struct feed_fact *f)
{
    pack_slots(b, f->slots, f->n);
    pack_u64(b, f->policy);
    for (size_t i = 0; i < f->n; i++)
        pack_u64(b, (uint64_t)f->slots[i].propensity << 1 | f->slots[i].explored);
    pack_slots(b, f->slots + f->n, f->more);
    bool welfare = f->welfare || f->told, promises = f->promise > 0 || welfare;
    bool several = promises;
    for (int kind = 0; kind < TARGET_KINDS; kind++)
        several = several || f->wanted[kind] > 0;
    bool models = several || f->relaxed_n > 0;
    for (size_t i = 0; i < f->n + f->more; i++)
        models = models || f->slots[i].model > 0;
    for (size_t i = 0; models && i < f->n + f->more; i++)
        pack_u64(b, f->slots[i].model);
    if (several || f->relaxed_n > 0)
        pack_u64(b, f->relaxed_n);
    for (size_t i = 0; i < f->relaxed_n; i++) {
        const struct relaxed *r = &f->relaxed[i];
        pack_u64(b, r->rule);
        pack_u64(b, r->wanted);
        pack_u64(b, r->got);
        pack_u64(b, r->among);
        pack_u64(b, r->too_few);
    }
    for (size_t i = 0; several && i < KINDS; i++)
        pack_u64(b, f->wanted[kind_at(i)]);
    if (promises)
        pack_u64(b, f->promise);
    if (welfare)
        pack_u64(b, f->welfare ? f->utility_kept : WELFARE_NONE);
    for (size_t i = 0; f->welfare && i < f->n + f->more; i++) {
        pack_i64(b, f->slots[i].value_ppm[REASON_WELFARE]);
        pack_i64(b, f->slots[i].weight_ppm[REASON_WELFARE]);
    }
    if (f->told)
        pack_why(b, f);
    return !b->failed;
}

bool fact_read(struct str bytes, const struct catalogue *c, struct feed_fact *out)
{
    struct unpack from = {bytes.p, bytes.n, false}, *u = &from;
    out->policy = 0;
    out->more = out->relaxed_n = 0;
    out->welfare = out->told = false;
    out->utility_kept = 0;
    out->promise = 0;
    memset(out->wanted, 0, sizeof out->wanted);
    out->n = read_slots(u, c, out->slots);
    if (u->bad || u->n == 0)
        return !u->bad;
    out->policy = unpack_u64(u);
    for (size_t i = 0; i < out->n && !u->bad; i++) {
        uint64_t x = unpack_max(u, (uint64_t)EXPLORE_UNIT << 1 | 1);
        out->slots[i].propensity = (uint32_t)(x >> 1);
        out->slots[i].explored = x & 1;
        u->bad = u->bad || x >> 1 == 0;
    }
    out->more = u->n ? read_slots(u, c, out->slots + out->n) : 0;
    bool models = u->n > 0;
    for (size_t i = 0; models && i < out->n + out->more; i++)
        out->slots[i].model = (uint32_t)unpack_max(u, UINT32_MAX);
    if (u->n > 0)
        read_relaxed(u, out->relaxed, &out->relaxed_n);
    bool several = u->n > 0;
    for (size_t i = 0; several && i < KINDS; i++)
        out->wanted[kind_at(i)] = (uint32_t)unpack_max(u, FEED_MAX);
    if (u->n > 0)
        out->promise = unpack_max(u, DEBTS_PROMISE_MAX);
    uint64_t utility = u->n > 0 ? unpack_max(u, WELFARE_NONE) : WELFARE_NONE;
    out->welfare = utility != WELFARE_NONE;
    out->utility_kept = out->welfare ? (uint32_t)utility : 0;
    for (size_t i = 0; out->welfare && i < out->n + out->more && !u->bad; i++) {
        int64_t value = unpack_i64(u), weight = unpack_i64(u);
        u->bad = u->bad || !slot_welfare_read(&out->slots[i], value, weight);
    }
    out->told = u->n > 0;
    if (out->told)
        read_why(u, c, out);
    return !u->bad;
}

/* What a reason comes to; of relevance also by what: a model with its version, or the cosine of
 * items, which also serves contents that are newer than the model.                              */
static json_t *reason_of(const struct world *w, const struct slot *slot, enum slot_reason reason)
{
    json_t *r = json_pack("{s:s,s:f,s:f}", "name", slot_reason_name(reason), "value",
                          slot->value_ppm[reason] / 1e6, "weight", slot->weight_ppm[reason] / 1e6);
    if (reason == REASON_FLOOR)
        json_object_set_new(r, "owed", slot->owed ? json_real(slot->owed / 1e6) : json_null());
    if (reason != REASON_RELEVANCE)
        return r;
    const struct model_version *v = versions_find(&w->state.models, slot->model);
    json_object_set_new(r, "by", json_string(v ? v->spec.kind->name : "cosine"));
    json_object_set_new(r, "model", v ? json_integer(v->number) : json_null());
    return r;
}

static uint32_t slots_of(const struct feed_fact *f, enum target_kind kind)
{
    uint32_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += f->slots[i].kind == (uint32_t)kind;
    return n;
}

/* Kinds of which there were fewer than their share asks for.                                    */
static void add_short(json_t *list, const struct feed_fact *f)
{
    uint32_t among = 0;
    for (int kind = 0; kind < TARGET_KINDS; kind++)
        among += f->wanted[kind];
    for (size_t i = 0; i < KINDS; i++) {
        enum target_kind kind = kind_at(i);
        uint32_t got = slots_of(f, kind);
        char name[32];
        snprintf(name, sizeof name, "kinds.%s", target_kind_name(kind));
        if (got < f->wanted[kind])
            json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I,s:I,s:s}", "rule", name, "asks",
                                                  "at least", "wanted", (json_int_t)f->wanted[kind],
                                                  "got", (json_int_t)got, "among",
                                                  (json_int_t)among, "why",
                                                  "there are no more that this user may be shown"));
    }
}

static json_t *reply_relaxed(const struct feed_fact *f)
{
    json_t *list = json_array();
    add_short(list, f);
    for (size_t i = 0; i < f->relaxed_n; i++) {
        const struct relaxed *r = &f->relaxed[i];
        enum family family = rule_family(r->rule);
        bool least = family == FAMILY_FRESH || family == FAMILY_GROUP;
        char name[24], why[96];
        if (r->too_few)
            snprintf(why, sizeof why, "there are no more that this user may be shown");
        else if (least)
            snprintf(why, sizeof why, "no feed was found that keeps it beside the other rules");
        else
            snprintf(why, sizeof why, "there is nothing else to fill the feed with");
        json_array_append_new(
            list, json_pack("{s:s,s:s,s:I,s:I,s:I,s:s}", "rule", rule_name(r->rule, name), "asks",
                            least ? "at least" : "at most", "wanted", (json_int_t)r->wanted, "got",
                            (json_int_t)r->got, "among", (json_int_t)r->among, "why", why));
    }
    return list;
}

json_t *reply_feed(const struct world *w, uint32_t user, enum algorithm algorithm,
                   const struct slot *slots, size_t n, bool brief)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (brief) {
            json_array_append_new(list, json_pack("{s:i,s:o}", "rank", (int)i + 1, "target",
                                                  reply_target(w, slot_target(&slots[i]))));
            continue;
        }
        json_t *reasons = json_array();
        for (int j = 0; j < SLOT_REASONS; j++)
            if (slots[i].weight_ppm[j] != 0 || slots[i].value_ppm[j] != 0)
                json_array_append_new(reasons, reason_of(w, &slots[i], (enum slot_reason)j));
        char name[24];
        for (enum rule rule = RULE_FRESH; rule < RULES; rule++)
            if (slots[i].rules >> rule & 1)
                json_array_append_new(reasons,
                                      json_pack("{s:s,s:f,s:f}", "name", rule_name(rule, name),
                                                "value", 1.0, "weight", 0.0));
        json_t *slot = json_pack("{s:i,s:o,s:f,s:o}", "rank", (int)i + 1, "target",
                                 reply_target(w, slot_target(&slots[i])), "score",
                                 slots[i].score_ppm / 1e6, "reasons", reasons);
        if (slots[i].propensity != EXPLORE_UNIT || slots[i].explored) {
            json_object_set_new(slot, "propensity",
                                json_real((double)slots[i].propensity / EXPLORE_UNIT));
            json_object_set_new(slot, "explored", json_boolean(slots[i].explored));
        }
        json_array_append_new(list, slot);
    }
    return json_pack("{s:o,s:s,s:o}", "user", reply_target(w, target_make(TARGET_USER, user)),
                     "algorithm", algorithm_name(algorithm), "slots", list);
}

static bool warn_of_few(json_t *reply, int64_t asked, size_t n)
{
    char text[160];
    if (asked == CALL_ABSENT || (uint64_t)asked <= n)
        return true;
    snprintf(text, sizeof text,
             "%lld slots were asked for, but %zu is all that may be shown to this user now; give "
             "--k %zu or less",
             (long long)asked, n, n);
    json_t *list =
        n ? json_pack("[s]", text) : json_pack("[s]", "nothing may be shown to this user now");
    return list && json_object_set_new(reply, "warnings", list) == 0;
}

json_t *reply_served(const struct world *w, uint32_t user, enum algorithm algorithm, int64_t asked,
                     const struct feed_fact *f, bool brief)
{
    json_t *reply = reply_feed(w, user, algorithm, f->slots, f->n, brief),
           *relaxed = reply_relaxed(f);
    bool ok = reply && relaxed;
    if (ok && json_array_size(relaxed) > 0)
        ok = json_object_set(reply, "relaxed", relaxed) == 0;
    json_decref(relaxed);
    if (ok && warn_of_few(reply, asked, f->n))
        return reply;
    json_decref(reply);
    return NULL;
}

/* i: user, k, algorithm, surface                                                                */
enum heed_status apply_feed_serve(struct world *w, const struct call *call, struct outcome *o,
                                  struct heed_error *err)
{
    struct state *s = &w->state;
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= s->catalogue.parties_n) {
        o->refusal = REFUSED_unknown_user;
        return HEED_OK;
    }
    uint32_t user = (uint32_t)call->i[0];
    if (s->catalogue.parties[user].flags & PARTY_ERASED) {
        o->refusal = REFUSED_erased;
        return HEED_OK;
    }
    int64_t algorithm =
        call->i[2] == CALL_ABSENT ? (int64_t)s->rules.allocation.algorithm : call->i[2];
    struct feed_fact fact;
    if (algorithm < 0 || algorithm >= ALGORITHMS ||
        call->i[3] >= (int64_t)s->catalogue.symbols.count ||
        !fact_read(call->blob, &s->catalogue, &fact))
        return damaged(err, "feed serve");
    if (fact.welfare != (s->rules.allocation.fair.lambda_ppm > 0) ||
        (fact.promise > 0 && s->rules.allocation.floor_ppm == 0))
        return damaged(err, "feed serve");
    const struct slot *slots = fact.slots;
    size_t n = fact.n;
    for (size_t i = 0; i < n + fact.more; i++)
        if (slots[i].model > s->models.n)
            return damaged(err, "feed serve");
    struct served_feed *f = feed_for(s, user);
    struct slot *kept = n ? malloc(n * sizeof *kept) : NULL;
    if (!f || (n && !kept)) {
        free(kept);
        return error_nomem(err);
    }
    if (n)
        memcpy(kept, slots, n * sizeof *kept);
    free(f->slots);
    *f = (struct served_feed){call->time_ms,
                              user,
                              call->i[3] == CALL_ABSENT ? HANDLE_NONE : (uint32_t)call->i[3],
                              (uint32_t)algorithm,
                              (uint32_t)n,
                              fact.policy,
                              kept,
                              {0},
                              {0}};
    for (size_t i = 0; i < n; i++)
        if (behaviour_served(&s->behaviour, slot_target(&slots[i])) != HEED_OK ||
            (slots[i].kind == TARGET_CONTENT &&
             !positions_shown(&s->quality.positions, slots[i].item, (uint32_t)i)))
            return error_nomem(err);
    if (debts_kept(&s->rules.allocation)) {
        uint64_t exposure = 0, spent = 0;
        for (uint32_t i = 0; i < n; i++)
            if (slots[i].kind == TARGET_CONTENT) {
                exposure += exposure_of_rank(i + 1);
                spent += slots[i].value_ppm[REASON_FLOOR] > 0 ? exposure_of_rank(i + 1) : 0;
            }
        if (debts_served(&s->debts, s->catalogue.contents_n, fact.promise, exposure, spent,
                         s->rules.allocation.floor_ppm) != HEED_OK)
            return error_nomem(err);
        for (size_t i = 0; i < n; i++)
            if (slots[i].kind == TARGET_CONTENT)
                debts_shown(&s->debts, slots[i].item, (uint32_t)i + 1);
    }
    if (welfare_served(&s->welfare, user, fact.utility_kept) != HEED_OK)
        return error_nomem(err);
    if (o->want_reply &&
        !(o->reply = reply_served(w, user, (enum algorithm)algorithm, call->i[1], &fact, false)))
        return error_nomem(err);
    return HEED_OK;
}

/* What comes with an exported world counts where the rules ask for it.                           */

static bool told(int64_t n)
{
    return n >= 0 && n <= DEBTS_TOLD_MAX;
}

/* i: level, feeds, budget                                                                        */
enum heed_status apply_floor_promised(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    struct state *s = &w->state;
    (void)o;
    if (!told(call->i[0]) || !told(call->i[1]) || call->i[2] < 0 || call->i[2] > UINT32_MAX)
        return damaged(err, "floor promised");
    if (!debts_kept(&s->rules.allocation))
        return HEED_OK;
    s->debts.level = (uint64_t)call->i[0]; /* at which contents that nothing is said of begin */
    if (debts_served(&s->debts, s->catalogue.contents_n, 0, 0, 0, 0) != HEED_OK)
        return error_nomem(err);
    s->debts.feeds = (uint64_t)call->i[1];
    s->debts.budget = (uint64_t)call->i[2];
    return HEED_OK;
}

/* i: target, paid, since                                                                        */
enum heed_status apply_content_paid(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    struct debts *d = &w->state.debts;
    (void)o;
    if (call->i[0] < 0 || call->i[0] > UINT32_MAX ||
        target_kind((uint32_t)call->i[0]) != TARGET_CONTENT || !told(call->i[1]) ||
        !told(call->i[2]))
        return damaged(err, "content paid");
    size_t content = target_index((uint32_t)call->i[0]);
    if (!debts_kept(&w->state.rules.allocation))
        return HEED_OK;
    if (content >= d->n)
        return damaged(err, "content paid");
    d->paid[content] = (uint64_t)call->i[1];
    d->since[content] = (uint64_t)call->i[2];
    return HEED_OK;
}

/* i: user, utility, feeds                                                                       */
enum heed_status apply_user_pleased(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    struct state *s = &w->state;
    (void)o;
    if (call->i[0] < 0 || (uint64_t)call->i[0] >= s->catalogue.parties_n || !told(call->i[1]) ||
        !told(call->i[2]))
        return damaged(err, "user pleased");
    const struct welfare_user u = {(uint64_t)call->i[1], (uint64_t)call->i[2]};
    if (s->rules.allocation.fair.lambda_ppm > 0 &&
        welfare_set(&s->welfare, (uint32_t)call->i[0], &u) != HEED_OK)
        return error_nomem(err);
    return HEED_OK;
}

static bool exposure_grow(struct exposure *x, size_t n)
{
    if (n > x->cap) {
        size_t cap = n + n / 2 + 16;
        uint64_t **arrays[] = {&x->given, &x->popularity, &x->given_sum, &x->popularity_sum};
        for (size_t i = 0; i < 4; i++) {
            uint64_t *p = realloc(*arrays[i], cap * sizeof *p);
            if (!p)
                return false;
            *arrays[i] = p;
        }
        x->cap = cap;
    }
    for (; x->n < n; x->n++)
        x->given[x->n] = x->popularity[x->n] = x->given_sum[x->n] = x->popularity_sum[x->n] = 0;
    return true;
}

static bool party_excluded(void *context, uint32_t party)
{
    const struct catalogue *c = context;
    return party >= c->parties_n || c->parties[party].flags & PARTY_ERASED;
}

/* Whether every account could take `amount` more, so that paying cannot stop half-way.           */
static bool room_for(const struct ledger *l, int64_t amount)
{
    for (size_t i = 0; i < l->accounts_n; i++)
        if (l->accounts[i].credits > INT64_MAX - amount ||
            l->accounts[i].debits > INT64_MAX - amount)
            return false;
    return true;
}

static enum heed_status pay(struct world *w, const struct call *call, const struct settlement *done,
                            size_t first, size_t n, struct heed_error *err)
{
    struct state *s = &w->state;
    const struct consumption_rules *r = &s->rules.consumption;
    uint32_t pool = ledger_open(&s->ledger, HOLDER_POOL, r->currency);
    if (pool == LEDGER_NONE)
        return error_nomem(err);
    uint32_t epoch =
        done->epoch >= 0 && done->epoch < LEDGER_NONE ? (uint32_t)done->epoch : LEDGER_NONE;
    int64_t held = ledger_balance(&s->ledger, pool);
    struct posting *legs = malloc((n + 1) * sizeof *legs);
    if (!legs)
        return error_nomem(err);
    legs[0] = (struct posting){.from = HOLDER_ISSUE,
                               .to = HOLDER_POOL,
                               .amount_minor = held < r->pool_minor ? r->pool_minor - held : 0,
                               .unit = r->currency,
                               .code = CODE_POOL_FILL,
                               .reference = epoch};
    for (size_t i = 0; i < n; i++) {
        const struct payout *p = &s->consumption.payouts[first + i];
        legs[i + 1] = (struct posting){.from = HOLDER_POOL,
                                       .to = p->party,
                                       .amount_minor = p->amount_minor,
                                       .unit = r->currency,
                                       .code = p->creator ? CODE_REWARD_CREATOR : CODE_REWARD_USER,
                                       .reference = epoch};
    }
    enum refusal refusal = REFUSED_NOT;
    enum heed_status status =
        ledger_post(&s->ledger, call->time_ms, 0, 0, legs, n + 1, &refusal, NULL, NULL);
    free(legs);
    if (status != HEED_OK)
        return error_nomem(err);
    heed_assert(refusal == REFUSED_NOT);
    return HEED_OK;
}

/* Nobody's feeds could be worth anything: there is nothing to say of people. */
static json_t *utility_or_null(const struct welfare_cost *cost, uint32_t ppm)
{
    return cost->mean_ppm == 0 ? json_null() : json_real(ppm / 1e6);
}

json_t *reply_settlement(const struct settlement *s, const struct welfare_cost *cost)
{
    json_t *reply = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:{s:f,s:b,s:f}}", "epoch", (json_int_t)s->epoch,
        "pool_minor", (json_int_t)s->pool_minor, "paid_minor", (json_int_t)s->paid_minor, "payouts",
        (json_int_t)s->payouts, "feeds", (json_int_t)s->feeds, "events", (json_int_t)s->events,
        "late", (json_int_t)s->late, "floor", "share", s->floor_ppm / 1e6, "kept",
        (int)s->floor_kept, "min_share", s->min_share_ppm / 1e6);
    if (reply && cost &&
        json_object_set_new(
            reply, "welfare",
            json_pack("{s:o,s:o,s:f,s:f}", "mean_utility", utility_or_null(cost, cost->mean_ppm),
                      "worst_decile", utility_or_null(cost, cost->worst_ppm), "gini",
                      cost->gini_ppm / 1e6, "gini_alone", cost->gini_alone_ppm / 1e6)) != 0) {
        json_decref(reply);
        return NULL;
    }
    return reply;
}

void broken_pack(struct strbuf *b, const struct epoch_exposure *x, const struct epoch_kinds *kinds)
{
    uint64_t any = kinds != NULL;
    for (int f = 0; f <= FAMILIES; f++)
        any |= x->forbade[f] | (f < FAMILIES ? x->relaxed[f] : 0);
    for (int f = 0; any && f < FAMILIES; f++)
        pack_u64(b, x->relaxed[f]);
    for (int f = 0; any && f <= FAMILIES; f++)
        pack_u64(b, x->forbade[f]);
    for (size_t i = 0; kinds && i < KINDS; i++) {
        pack_u64(b, kinds->slots[kind_at(i)]);
        pack_u64(b, kinds->few[kind_at(i)]);
    }
}

/* Counts by the families' names, those above 0.                                                 */
static json_t *by_family(const uint64_t *counts, int n)
{
    json_t *object = json_object();
    for (int f = 0; f < n; f++)
        if (counts[f] > 0)
            json_object_set_new(object, family_name((enum family)f),
                                json_integer((json_int_t)(counts[f] & INT64_MAX)));
    return object;
}

/* Of several kinds, the slots that each had, and the feeds where one had too few.               */
static bool add_kinds(json_t *slots, json_t *broken, struct unpack *u)
{
    bool ok = true;
    for (size_t i = 0; ok && i < KINDS; i++) {
        const char *kind = target_kind_name(kind_at(i));
        json_int_t n = (json_int_t)(unpack_u64(u) & INT64_MAX);
        json_int_t few = (json_int_t)(unpack_u64(u) & INT64_MAX);
        char name[32];
        snprintf(name, sizeof name, "kinds.%s", kind);
        ok = (n == 0 || json_object_set_new(slots, kind, json_integer(n)) == 0) &&
             (few == 0 || json_object_set_new(broken, name, json_integer(few)) == 0);
    }
    return ok;
}

/* What an epoch's feeds break, and, where the floor is not kept, what forbids it.               */
static bool reply_broken(json_t *reply, struct unpack u, bool kept)
{
    uint64_t relaxed[FAMILIES], forbade[FAMILIES + 1];
    if (u.n == 0)
        return true;
    for (int f = 0; f < FAMILIES; f++)
        relaxed[f] = unpack_u64(&u);
    for (int f = 0; f <= FAMILIES; f++)
        forbade[f] = unpack_u64(&u);
    json_t *broken = by_family(relaxed, FAMILIES), *by = by_family(forbade, FAMILIES + 1);
    json_t *kinds = json_object();
    bool ok = broken && by && kinds && (u.n == 0 || add_kinds(kinds, broken, &u));
    if (ok && json_object_size(kinds) > 0)
        ok = json_object_set(reply, "kinds", kinds) == 0;
    if (ok && json_object_size(broken) > 0)
        ok = json_object_set(reply, "relaxed", broken) == 0;
    if (ok && !kept && json_object_size(by) > 0)
        ok = json_object_set(json_object_get(reply, "floor"), "forbidden_by", by) == 0;
    json_decref(broken);
    json_decref(by);
    json_decref(kinds);
    return ok;
}

/* What feeds that were served since the last settlement gave whom the floor is for: adds
 * {"feeds","min_share","behind"}, behind: how many had less than their share. Nothing when there
 * were none. O(contents).                                                                        */
static bool reply_given(json_t *reply, const struct state *s)
{
    const struct debts *d = &s->debts;
    uint64_t all = 0, n = 0, least = UINT64_MAX, behind = 0;
    if (d->feeds == 0)
        return true;
    for (size_t i = 0; i < d->n; i++)
        all += d->since[i];
    for (uint32_t i = 0; i < d->n; i++)
        n += engine_shows(s, i);
    double mean = n ? (double)all / (double)n : 0;
    for (uint32_t i = 0; i < d->n; i++)
        if (engine_shows(s, i)) {
            least = d->since[i] < least ? d->since[i] : least;
            behind += (double)d->since[i] < mean * s->rules.allocation.floor_ppm / 1e6;
        }
    return json_object_set_new(reply, "served",
                               json_pack("{s:I,s:f,s:I}", "feeds", (json_int_t)d->feeds,
                                         "min_share", mean > 0 && n ? (double)least / mean : 0.0,
                                         "behind", (json_int_t)behind)) == 0;
}

/* i: until; the facts are of one epoch                                                          */
enum heed_status apply_settle_(struct world *w, const struct call *call, struct outcome *o,
                               struct heed_error *err)
{
    struct state *s = &w->state;
    struct unpack u = {call->blob.p, call->blob.n, false};
    int64_t number = unpack_i64(&u);
    size_t n = (size_t)unpack_max(&u, s->catalogue.contents_n);
    uint64_t feeds = unpack_u64(&u);
    bool kept = unpack_max(&u, 1) == 1;
    uint32_t min_share = (uint32_t)unpack_max(&u, UINT32_MAX);
    if (!u.bad)
        consumption_skip(&s->consumption, number);
    const struct open_epoch *next = u.bad ? NULL : consumption_next(&s->consumption, number);
    if (!next || next->number != number || n != s->catalogue.contents_n)
        return damaged(err, "settle");
    if (!room_for(&s->ledger, s->rules.consumption.pool_minor)) {
        o->refusal = REFUSED_overflow;
        return HEED_OK;
    }
    uint32_t *quality_ppm = malloc((n + 1) * sizeof *quality_ppm);
    uint32_t *creator_of = malloc((n + 1) * sizeof *creator_of);
    enum heed_status status = HEED_OK;
    if (!quality_ppm || !creator_of || !exposure_grow(&s->exposure, n))
        status = error_nomem(err);
    struct settlement done = {0};
    struct welfare_cost cost = {0};
    bool welfare = s->rules.allocation.fair.lambda_ppm > 0;
    size_t first = 0, payouts = 0;
    if (status == HEED_OK) {
        for (size_t i = 0; i < n; i++) {
            quality_ppm[i] = (uint32_t)unpack_max(&u, 1000000);
            creator_of[i] = s->catalogue.contents[i].creator;
        }
        for (size_t i = 0; i < n; i++)
            s->exposure.given[i] = unpack_u64(&u);
        for (size_t i = 0; i < n; i++)
            s->exposure.popularity[i] = unpack_u64(&u);
        if (welfare) {
            cost.mean_ppm = (uint32_t)unpack_max(&u, WELFARE_UTILITY_MAX);
            cost.worst_ppm = (uint32_t)unpack_max(&u, WELFARE_UTILITY_MAX);
            cost.gini_ppm = (uint32_t)unpack_max(&u, 1000000);
            cost.gini_alone_ppm = (uint32_t)unpack_max(&u, 1000000);
        }
        if (u.bad)
            status = damaged(err, "settle");
    }
    if (status == HEED_OK) {
        for (size_t i = 0; i < n; i++) {
            s->exposure.given_sum[i] += s->exposure.given[i];
            s->exposure.popularity_sum[i] += s->exposure.popularity[i];
        }
        if (consumption_settle(&s->consumption, &s->rules.consumption, number, creator_of,
                               quality_ppm, n, party_excluded, &s->catalogue, &done, &first,
                               &payouts) != HEED_OK)
            status = error_nomem(err);
    }
    if (status == HEED_OK) {
        done.feeds = feeds;
        done.floor_ppm = s->rules.allocation.floor_ppm;
        done.floor_kept = kept;
        done.min_share_ppm = min_share;
        done.settled_at_ms = call->time_ms;
        heed_assert(s->consumption.settlements_n > 0);
        s->consumption.settlements[s->consumption.settlements_n - 1] = done;
        status = pay(w, call, &done, first, payouts, err);
        if (status == HEED_OK && welfare && welfare_settle(&s->welfare, &cost) != HEED_OK)
            status = error_nomem(err);
    }
    free(quality_ppm);
    free(creator_of);
    if (status == HEED_OK && o->want_reply &&
        (!(o->reply = reply_settlement(&done, welfare ? &cost : NULL)) ||
         !reply_broken(o->reply, u, kept) || !reply_given(o->reply, s)))
        status = error_nomem(err);
    if (status == HEED_OK)
        debts_settle(&s->debts);
    return status;
}
