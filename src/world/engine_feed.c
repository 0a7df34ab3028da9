/* One user's feed: each kind ranked by itself, then put in their places (allocation/kinds.h). */
#include "world/engine_parts.h"

#include <math.h>

static bool among(const struct slot *slots, size_t n, uint32_t item)
{
    for (size_t i = 0; i < n; i++)
        if (slots[i].item == item)
            return true;
    return false;
}

/* The last slot that pays no debt goes behind those that do, so that chance may have it. Returns
 * whether there is one.                                                                          */
static bool leave_last(struct slot *slots, size_t n, bool constrained)
{
    size_t at = n;
    while (at > 0 && slots[at - 1].value_ppm[REASON_FLOOR] > 0)
        at--;
    if (at == n)
        return true;
    if (at == 0 || constrained)
        return false;
    struct slot last = slots[at - 1];
    memmove(slots + at - 1, slots + at, (n - at) * sizeof *slots);
    slots[n - 1] = last;
    return true;
}

/* Chance's choice between the last slot and those of what came next that stand `from` behind it.
 * Whether it is out of reach for scores: another draw of theirs would have been another choice.  */
static bool explore_last(struct world *w, enum target_kind kind, uint32_t user, struct slot *last,
                         const size_t *from, size_t candidates)
{
    const struct allocation_rules *rules = &w->state.rules.allocation;
    struct explore_arm arms[FEED_MAX + 1];
    struct prng r;
    for (size_t i = 0; i < candidates; i++) {
        const struct target_stats *t = behaviour_target(
            &w->state.behaviour, engine_target(w->engine, kind, last[from[i]].item));
        uint64_t shown = t ? t->impressions : 0, engaged = t ? t->engagements : 0;
        arms[i] = (struct explore_arm){engaged < shown ? engaged : shown, shown};
    }
    prng_seed(&r, hash_u64(w->commands) ^ user);
    struct explored x = rules->explore == EXPLORE_THOMPSON
                            ? explore_thompson(arms, candidates, rules->epsilon_ppm, &r)
                            : explore_epsilon(candidates, 0, rules->epsilon_ppm, &r);
    struct slot taken = last[from[x.index]];
    memmove(last + 1, last, from[x.index] * sizeof *last); /* whom it was taken from comes next */
    if (x.index > 0)
        last[1].rules = 0; /* it was chance that kept it out */
    *last = taken;
    last->propensity = x.propensity;
    last->explored = x.index > 0;
    return x.index > 0 || rules->explore == EXPLORE_THOMPSON;
}

/* What came next of a kind after all its slots, `runners_up` at most, by score alone, and, when
 * exploring, chance's choice between its last slot and what of that no constraint forbids there. */
static void what_came_next(struct world *w, enum target_kind kind, uint32_t user,
                           const struct feed_request *made, uint32_t runners_up, bool explore,
                           struct feed_fact *f)
{
    struct feed_request q = *made;
    const struct allocation_rules *rules = &w->state.rules.allocation;
    struct allocator *a = engine_allocator(w->engine, kind);
    struct slot wide[FEED_MAX], shown[FEED_MAX], *next = f->slots + f->n, *last = next - 1;
    size_t wide_n, n = 0, from[FEED_MAX + 1] = {0}, candidates = 1; /* places behind `last` */
    uint32_t asked = q.k, wanted = runners_up;
    bool chance = false;
    memcpy(shown, f->slots, f->n * sizeof *shown);
    explore = explore && leave_last(f->slots, f->n, allocator_constrained(a));
    if (explore && rules->explore_candidates > wanted)
        wanted = rules->explore_candidates;
    q.k = q.k + wanted < FEED_MAX ? q.k + wanted : FEED_MAX;
    q.free = true;
    q.owed = NULL;
    q.owed_slots = 0;
    q.limited = 0; /* what moderation limits takes no more room than it has */
    allocator_feed(a, &q, wide, &wide_n);
    for (size_t i = 0; i < wide_n && n < wanted; i++)
        if (!among(f->slots, f->n, wide[i].item)) {
            next[n] = wide[i];
            next[n].rules = allocator_forbids(a, f->slots, f->n, asked, wide[i].item);
            if (next[n++].rules == 0 && candidates <= rules->explore_candidates)
                from[candidates++] = n;
        }
    f->more = n < runners_up ? n : runners_up;
    if (explore)
        chance = explore_last(w, kind, user, last, from, candidates);
    if (f->more == 0)
        return;
    allocator_why_not(a, made, shown, f->n, chance, next, f->more, f->why);
    for (size_t i = 0; i < f->more; i++) {
        next[i].rules = f->why[i].rules;
        next[i].owed = f->why[i].owed;
    }
}

/* How a feed's slots are shared out.                                                            */
struct shares {
    uint32_t k;
    enum algorithm algorithm;
    size_t blocked_n[TARGET_KINDS]; /* of e->blocked */
    uint32_t slots[TARGET_KINDS], runners_up[TARGET_KINDS];
    enum target_kind explore; /* the kind of the last slot, if that goes to chance; TARGET_NONE */
};

/* What of each kind the user must not be shown, and how many slots that leaves it.               */
static enum heed_status share_out(struct world *w, uint32_t user, bool to_serve, struct shares *x,
                                  struct feed_fact *out, struct heed_error *err)
{
    const struct allocation_rules *r = &w->state.rules.allocation;
    struct engine *e = w->engine;
    bool several = kinds_several(r->kinds_ppm);
    uint32_t room[TARGET_KINDS] = {0};
    uint8_t places[FEED_MAX];
    memset(out->wanted, 0, sizeof out->wanted);
    if (audience_hidden(&w->state, &e->constrained, user, &e->blocked[TARGET_CONTENT],
                        &x->blocked_n[TARGET_CONTENT], &e->blocked_cap[TARGET_CONTENT]) != HEED_OK)
        return error_nomem(err);
    for (size_t i = 0; i < KINDS; i++) {
        enum target_kind kind = kind_at(i);
        enum heed_status status = HEED_OK;
        if (r->kinds_ppm[kind] == 0)
            continue;
        if (kind != TARGET_CONTENT)
            status = shelf_hidden(w, kind, user, e->blocked[TARGET_CONTENT],
                                  x->blocked_n[TARGET_CONTENT], &x->blocked_n[kind], err);
        if (status != HEED_OK)
            return status;
        if (several)
            room[kind] = allocator_room(engine_allocator(e, kind), e->blocked[kind],
                                        x->blocked_n[kind], x->k);
    }
    if (several)
        (void)kinds_slots(r->kinds_ppm, NULL, x->k, out->wanted);
    uint32_t n = kinds_slots(r->kinds_ppm, several ? room : NULL, x->k, x->slots);
    (void)kinds_slots(r->kinds_ppm, NULL, to_serve ? r->runners_up : 0, x->runners_up);
    kinds_places(x->slots, places);
    x->explore = to_serve && r->explore != EXPLORE_NONE && n > 0 ? (enum target_kind)places[n - 1]
                                                                 : TARGET_NONE;
    return HEED_OK;
}

enum heed_status turn_of(struct world *w, uint32_t user, uint32_t slots, struct welfare_turn *out,
                         struct heed_error *err)
{
    struct engine *e = w->engine;
    const struct welfare *x = &w->state.welfare;
    const struct debts *d = &w->state.debts;
    size_t n = w->state.catalogue.contents_n, known = d->n < n ? d->n : n;
    uint64_t feed = 0;
    const struct exposure *settled = &w->state.exposure;
    if (!array_grow(&e->given, &e->given_cap, n + 1, sizeof *e->given) ||
        !array_grow(&e->before, &e->before_cap, n + 1, sizeof *e->before) ||
        !array_grow(&e->price, &e->price_cap, n + 1, sizeof *e->price))
        return error_nomem(err);
    if (known > 0)
        memcpy(e->given, d->since, known * sizeof *e->given);
    memset(e->given + known, 0, (n - known) * sizeof *e->given);
    for (size_t i = 0; i < n; i++)
        e->before[i] = i < settled->n ? settled->given[i] : GIVEN_UNKNOWN;
    for (uint32_t rank = 1; rank <= slots; rank++)
        feed += exposure_of_rank(rank);
    const struct feeds_given g = {e->given, e->before, feed, w->state.catalogue.users_n};
    allocator_prices(e->allocator, &g, e->price);
    *out = (struct welfare_turn){.price = e->price};
    if (user < x->users_n) {
        out->utility = (double)x->users[user].utility_ppm / 1e6;
        out->visits = (double)x->users[user].feeds;
    }
    return HEED_OK;
}

/* The floor's debts, paid by the last of a feed's content slots, which it raises by `promise`. */
static enum heed_status owe(struct world *w, const struct shares *x, struct feed_request *q,
                            uint64_t *promise, struct heed_error *err)
{
    struct engine *e = w->engine;
    uint32_t floor_ppm = w->state.rules.allocation.floor_ppm;
    size_t n = w->state.catalogue.contents_n, places_n = 0, slots = 0;
    uint64_t exposure[FEED_MAX];
    uint8_t places[FEED_MAX];
    if (floor_ppm == 0)
        return HEED_OK;
    uint32_t room =
        allocator_room(e->allocator, q->blocked, q->blocked_n, x->slots[TARGET_CONTENT]);
    for (size_t i = 0; i < KINDS; i++)
        places_n += x->slots[kind_at(i)];
    kinds_places(x->slots, places);
    for (size_t i = 0; i < places_n; i++)
        if (places[i] == TARGET_CONTENT && slots < room)
            exposure[slots++] = exposure_of_rank((uint32_t)i + 1);
    *promise = debts_promise(exposure, slots, floor_ppm, allocator_promised(e->allocator));
    q->owed_slots = debts_slots(&w->state.debts, exposure, slots, floor_ppm);
    if (!array_grow(&e->owed, &e->owed_cap, n + 1, sizeof *e->owed))
        return error_nomem(err);
    debts_owed(&w->state.debts, n, e->owed);
    q->owed = e->owed;
    q->urgent = q->owed_slots ? exposure[slots - q->owed_slots] : 0;
    return HEED_OK;
}

/* The slots of one kind, and what came next of it; items are handles of the kind then.           */
static enum heed_status feed_of_kind(struct world *w, enum target_kind kind, uint32_t user,
                                     bool to_serve, const struct shares *x, struct feed_fact *out,
                                     struct heed_error *err)
{
    struct engine *e = w->engine;
    struct allocator *a = engine_allocator(e, kind);
    out->utility_kept = 0;
    out->promise = 0;
    size_t history = 0,
           items = kind == TARGET_CONTENT ? w->state.catalogue.contents_n : e->shelves[kind].n;
    uint64_t *feeds = kind == TARGET_CONTENT ? &e->feeds : &e->shelves[kind].feeds;
    enum heed_status status = history_of(w, kind, user, &history, err);
    if (status != HEED_OK)
        return status;
    struct feed_request q = {
        .history = e->items,
        .history_weights = e->weights,
        .history_n = history,
        .blocked = e->blocked[kind],
        .blocked_n = x->blocked_n[kind],
        .algorithm = x->algorithm,
        .k = x->slots[kind],
        .limited = limited_slots(&w->state.rules.allocation, x->slots[kind]),
    };
    struct welfare_turn turn;
    if (kind == TARGET_CONTENT && (status = owe(w, x, &q, &out->promise, err)) != HEED_OK)
        return status;
    if (kind == TARGET_CONTENT && w->state.rules.allocation.fair.lambda_ppm > 0) {
        status = turn_of(w, user, w->state.rules.allocation.k, &turn, err);
        if (status != HEED_OK)
            return status;
        q.turn = &turn;
    }
    if (!q.turn && items > 2 * CANDIDATES_KEPT && (*feeds)++ > 0 &&
        allocator_sort(a, q.algorithm, CANDIDATES_KEPT) != HEED_OK)
        return error_nomem(err);
    allocator_feed(a, &q, out->slots, &out->n);
    out->more = 0;
    const struct relaxed *rows = allocator_relaxed(a, &out->relaxed_n);
    if (out->relaxed_n > 0)
        memcpy(out->relaxed, rows, out->relaxed_n * sizeof *rows);
    if (to_serve && out->n > 0 && out->n == q.k)
        what_came_next(w, kind, user, &q, x->runners_up[kind], x->explore == kind, out);
    if (q.turn && turn.best > 0) {
        double utility = allocator_utility(a, q.algorithm, &turn, out->slots, out->n) * 1e6;
        out->utility_kept =
            1 + (uint32_t)llround(utility < WELFARE_UTILITY_MAX ? utility : WELFARE_UTILITY_MAX);
    }
    for (size_t i = 0; i < out->n + out->more; i++) {
        out->slots[i].kind = kind;
        out->slots[i].item = target_index(engine_target(e, kind, out->slots[i].item));
    }
    for (size_t i = 0; i < out->more; i++)
        if (out->why[i].beat != UINT32_MAX)
            out->why[i].beat = target_index(engine_target(e, kind, out->why[i].beat));
    return HEED_OK;
}

/* Adds a kind's slots behind those of the kinds before it, and what came next likewise.          */
static void gather(const struct feed_fact *part, struct feed_fact *out, struct slot next[FEED_MAX])
{
    memcpy(out->slots + out->n, part->slots, part->n * sizeof *out->slots);
    memcpy(next + out->more, part->slots + part->n, part->more * sizeof *next);
    memcpy(out->why + out->more, part->why, part->more * sizeof *out->why);
    out->utility_kept += part->utility_kept; /* contents alone have one */
    out->promise += part->promise;           /* likewise */
    out->n += part->n;
    out->more += part->more;
    if (part->relaxed_n > 0) /* contents alone have constraints */
        memcpy(out->relaxed, part->relaxed, part->relaxed_n * sizeof *out->relaxed);
    out->relaxed_n += part->relaxed_n;
}

/* Puts gathered slots in their places.                                                          */
static void put_in_place(struct feed_fact *f)
{
    struct slot by_kind[FEED_MAX];
    uint32_t counts[TARGET_KINDS] = {0}, at[TARGET_KINDS] = {0}, before = 0;
    uint8_t places[FEED_MAX];
    memcpy(by_kind, f->slots, f->n * sizeof *by_kind);
    for (size_t i = 0; i < f->n; i++)
        counts[by_kind[i].kind]++;
    for (size_t i = 0; i < KINDS; i++) {
        at[kind_at(i)] = before;
        before += counts[kind_at(i)];
    }
    kinds_places(counts, places);
    for (size_t i = 0; i < f->n; i++)
        f->slots[i] = by_kind[at[places[i]]++];
}

enum heed_status engine_feed(struct world *w, uint32_t user, int64_t k, int64_t algorithm,
                             int64_t now_ms, bool to_serve, struct feed_fact *out,
                             struct heed_error *err)
{
    const struct allocation_rules *r = &w->state.rules.allocation;
    struct feed_fact part;
    struct slot next[FEED_MAX];
    struct shares x = {.k = k > 0 ? (uint32_t)k : r->k,
                       .algorithm =
                           algorithm == CALL_ABSENT ? r->algorithm : (enum algorithm)algorithm};
    x.k = x.k < FEED_MAX ? x.k : FEED_MAX;
    enum heed_status status = engine_refresh(w, now_ms, w->state.rules.feeds.refresh_ms, err);
    if (status == HEED_OK)
        status = share_out(w, user, to_serve, &x, out, err);
    out->n = out->more = out->relaxed_n = 0;
    out->utility_kept = 0;
    out->promise = 0;
    out->welfare = r->fair.lambda_ppm > 0;
    out->told = to_serve;
    for (size_t i = 0; i < KINDS && status == HEED_OK; i++) {
        if (x.slots[kind_at(i)] == 0)
            continue;
        status = feed_of_kind(w, kind_at(i), user, to_serve, &x, &part, err);
        if (status == HEED_OK)
            gather(&part, out, next);
    }
    if (status != HEED_OK)
        return status;
    put_in_place(out);
    memcpy(out->slots + out->n, next, out->more * sizeof *next);
    out->policy = engine_policy(w, algorithm);
    return HEED_OK;
}
