/* One user's feed. */
#include "world/engine_parts.h"

static bool among(const struct slot *slots, size_t n, uint32_t item)
{
    for (size_t i = 0; i < n; i++)
        if (slots[i].item == item)
            return true;
    return false;
}

/* What came next after a full feed, by score alone, and chance's choice between its last slot and
 * what of that no constraint forbids there.                                                     */
static void what_came_next(struct world *w, uint32_t user, struct feed_request q,
                           struct feed_fact *f)
{
    const struct allocation_rules *rules = &w->state.rules.allocation;
    struct slot wide[FEED_MAX], *next = f->slots + f->n, *last = next - 1;
    struct explore_arm arms[FEED_MAX + 1];
    size_t wide_n, n = 0, from[FEED_MAX + 1] = {0}, candidates = 1; /* places behind `last` */
    struct prng r;
    uint32_t asked = q.k, wanted = rules->runners_up;
    if (rules->explore != EXPLORE_NONE && rules->explore_candidates > wanted)
        wanted = rules->explore_candidates;
    q.k = q.k + wanted < FEED_MAX ? q.k + wanted : FEED_MAX;
    q.free = true;
    q.limited = 0; /* what moderation limits takes no more room than it has */
    allocator_feed(w->engine->allocator, &q, wide, &wide_n);
    for (size_t i = 0; i < wide_n && n < wanted; i++)
        if (!among(f->slots, f->n, wide[i].item)) {
            next[n] = wide[i];
            next[n].rules =
                allocator_forbids(w->engine->allocator, f->slots, f->n, asked, wide[i].item);
            if (next[n++].rules == 0 && candidates <= rules->explore_candidates)
                from[candidates++] = n;
        }
    f->more = n < rules->runners_up ? n : rules->runners_up;
    if (rules->explore == EXPLORE_NONE)
        return;
    for (size_t i = 0; i < candidates; i++) {
        const struct target_stats *t =
            behaviour_target(&w->state.behaviour, target_make(TARGET_CONTENT, last[from[i]].item));
        uint64_t shown = t ? t->impressions : 0, engaged = t ? t->engagements : 0;
        arms[i] = (struct explore_arm){engaged < shown ? engaged : shown, shown};
    }
    prng_seed(&r, hash_u64(w->commands) ^ user);
    struct explored x = rules->explore == EXPLORE_THOMPSON
                            ? explore_thompson(arms, candidates, &r)
                            : explore_epsilon(candidates, 0, rules->epsilon_ppm, &r);
    struct slot taken = last[from[x.index]];
    memmove(last + 1, last, from[x.index] * sizeof *last); /* whom it was taken from comes next */
    if (x.index > 0)
        last[1].rules = 0; /* it was chance that kept it out */
    *last = taken;
    last->propensity = x.propensity;
    last->explored = x.index > 0;
}

enum heed_status engine_feed(struct world *w, uint32_t user, int64_t k, int64_t algorithm,
                             int64_t now_ms, bool to_serve, struct feed_fact *out,
                             struct heed_error *err)
{
    const struct state *s = &w->state;
    enum heed_status status = engine_refresh(w, now_ms, s->rules.feeds.refresh_ms, err);
    if (status != HEED_OK)
        return status;
    struct engine *e = w->engine;
    size_t history = 0, blocked = 0;
    status = history_of(w, user, &history, err);
    if (status != HEED_OK)
        return status;
    if (audience_hidden(s, &e->constrained, user, &e->blocked, &blocked, &e->blocked_cap) !=
        HEED_OK)
        return error_nomem(err);
    struct feed_request q = {
        .history = e->items,
        .history_weights = e->weights,
        .history_n = history,
        .blocked = e->blocked,
        .blocked_n = blocked,
        .algorithm =
            algorithm == CALL_ABSENT ? s->rules.allocation.algorithm : (enum algorithm)algorithm,
        .k = k > 0 ? (uint32_t)k : s->rules.allocation.k,
    };
    if (q.k > FEED_MAX)
        q.k = FEED_MAX;
    q.limited = limited_slots(&s->rules.allocation, q.k);
    if (s->catalogue.contents_n > 2 * CANDIDATES_KEPT && e->feeds++ > 0 &&
        allocator_sort(e->allocator, q.algorithm, CANDIDATES_KEPT) != HEED_OK)
        return error_nomem(err);
    allocator_feed(e->allocator, &q, out->slots, &out->n);
    out->more = 0;
    out->policy = engine_policy(w, algorithm);
    const struct relaxed *rows = allocator_relaxed(e->allocator, &out->relaxed_n);
    if (out->relaxed_n > 0)
        memcpy(out->relaxed, rows, out->relaxed_n * sizeof *rows);
    if (to_serve && out->n > 0 && out->n == q.k)
        what_came_next(w, user, q, out);
    return HEED_OK;
}
