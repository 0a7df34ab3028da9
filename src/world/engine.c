#include "world/engine.h"

#include "base/stats.h"
#include "world/apply.h"
#include "world/audience.h"
#include "world/pack.h"

#include <math.h>

struct engine {
    uint64_t acts;               /* behaviour's events and refunds when relevance was made */
    size_t contents;             /* and contents then                        */
    uint64_t version;            /* of the world when the scores were made   */
    int64_t made_ms;             /* and the time of the call they were for   */
    struct relevance *relevance; /* NULL while the model knows all contents */
    struct stored_model model;   /* of version model_number; 0: none is in use */
    uint32_t model_number;
    struct allocator *allocator;
    uint64_t feeds; /* the allocator made */
    uint8_t *eligible;
    double *popularity, *engagement, *quality, *shown_quality;
    struct constrained_contents constrained;
    struct quality_view view;
    uint64_t view_version; /* of the world when it was made, plus one; 0: never */
    /* one user's history and what must not be shown, grown as needed */
    uint32_t *items, *blocked;
    float *weights;
    size_t items_cap, weights_cap, blocked_cap;
};

void engine_free(struct engine *e)
{
    if (!e)
        return;
    allocator_free(e->allocator);
    relevance_free(e->relevance);
    stored_deinit(&e->model);
    free(e->eligible);
    free(e->popularity);
    free(e->engagement);
    free(e->quality);
    free(e->shown_quality);
    constrained_contents_free(&e->constrained);
    quality_view_deinit(&e->view);
    free(e->items);
    free(e->blocked);
    free(e->weights);
    free(e);
}

static struct quality_seen seen_of(const void *behaviour, uint32_t target)
{
    const struct target_stats *t = behaviour_target(behaviour, target);
    if (!t)
        return (struct quality_seen){0, 0, 0};
    return (struct quality_seen){t->engagements, t->impressions, t->reach + t->served};
}

const struct quality_view *engine_view(struct world *w, struct heed_error *err)
{
    const struct state *s = &w->state;
    if (!w->engine && !(w->engine = calloc(1, sizeof *w->engine))) {
        error_nomem(err);
        return NULL;
    }
    struct engine *e = w->engine;
    if (e->view_version == w->version + 1)
        return &e->view;
    e->view_version = 0;
    quality_view_deinit(&e->view);
    if (quality_view_make(&s->quality, &s->rules.quality, &s->catalogue, seen_of, &s->behaviour,
                          &e->view) != HEED_OK) {
        error_nomem(err);
        return NULL;
    }
    e->view_version = w->version + 1;
    return &e->view;
}

struct quality_score engine_quality(const struct world *w, const struct quality_view *view,
                                    uint32_t target)
{
    const struct state *s = &w->state;
    struct quality_seen seen = seen_of(&s->behaviour, target);
    return quality_judge(&s->quality, &s->rules.quality, view, &s->catalogue, target, &seen);
}

enum heed_status engine_learn(struct world *w, int64_t outcome, struct strbuf *facts,
                              struct heed_error *err)
{
    const struct state *s = &w->state;
    struct learned l;
    enum fit_source from = outcome == CALL_ABSENT ? FIT_SOURCES
                           : outcome == 0         ? SOURCE_EXPERT
                                                  : SOURCE_RATING;
    if (quality_learn(&s->quality, &s->rules.quality, &s->catalogue, seen_of, &s->behaviour, from,
                      &l) != HEED_OK)
        return error_nomem(err);
    struct sink *k = sink_new(facts);
    if (k)
        learned_save(&l, k);
    learned_deinit(&l);
    return sink_done(k) ? HEED_OK : error_nomem(err);
}

/* behaviour_decay without its rounding: what is small stays more than what is smaller, however
 * long ago. */
static double decayed(const struct world *w, int64_t weight, int64_t age_ms)
{
    double half_lives = (double)age_ms / (double)w->state.rules.behaviour.half_life_ms;
    return (double)weight * (half_lives > 0 ? exp2(-half_lives) : 1);
}

double engine_popularity(const struct world *w, const struct target_stats *t)
{
    const struct behaviour *b = &w->state.behaviour;
    if (!t)
        return 0;
    return decayed(w, t->popularity, b->latest_ms - t->last_ms) / 256;
}

/* A user's contents with a positive preference, but for his own; *n of them in e->items,
 * e->weights, decayed from the user's newest act: only the proportions matter, and who stays away
 * for years keeps them.   */
static enum heed_status history_of(struct world *w, uint32_t user, size_t *n,
                                   struct heed_error *err)
{
    struct engine *e = w->engine;
    const struct behaviour *b = &w->state.behaviour;
    const struct user_stats *u = behaviour_user(b, user);
    *n = 0;
    for (uint32_t i = u ? u->head : HANDLE_NONE; i != HANDLE_NONE; i = b->pairs[i].next) {
        const struct pair *p = &b->pairs[i];
        if (target_kind(p->target) != TARGET_CONTENT || p->weight <= 0 ||
            catalogue_owner(&w->state.catalogue, p->target) == user)
            continue;
        if (!array_grow(&e->items, &e->items_cap, *n + 1, sizeof *e->items) ||
            !array_grow(&e->weights, &e->weights_cap, *n + 1, sizeof *e->weights))
            return error_nomem(err);
        e->items[*n] = target_index(p->target);
        e->weights[*n] = (float)decayed(w, p->weight, u->last_ms - (int64_t)p->time_s * 1000);
        if (e->weights[*n] > 0)
            ++*n;
    }
    return HEED_OK;
}

static void histories_deinit(struct allocation_histories *h)
{
    free((void *)(uintptr_t)h->offsets);
    free((void *)(uintptr_t)h->items);
    free((void *)(uintptr_t)h->weights);
    free((void *)(uintptr_t)h->blocked_offsets);
    free((void *)(uintptr_t)h->blocked);
}

/* Histories of users[n] (NULL: everybody, in order of handle). Freed by histories_deinit.        */
static enum heed_status histories_of(struct world *w, const uint32_t *users, size_t n,
                                     struct allocation_histories *h, struct heed_error *err)
{
    uint64_t *offsets = malloc((n + 1) * sizeof *offsets);
    uint32_t *items = NULL;
    float *weights = NULL;
    size_t items_cap = 0, weights_cap = 0, total = 0;
    enum heed_status status = offsets ? HEED_OK : error_nomem(err);
    for (size_t i = 0; status == HEED_OK && i < n; i++) {
        size_t have;
        offsets[i] = total;
        status = history_of(w, users ? users[i] : (uint32_t)i, &have, err);
        if (status != HEED_OK)
            break;
        if (!array_grow(&items, &items_cap, total + have + 1, sizeof *items) ||
            !array_grow(&weights, &weights_cap, total + have + 1, sizeof *weights)) {
            status = error_nomem(err);
            break;
        }
        if (have > 0) {
            memcpy(items + total, w->engine->items, have * sizeof *items);
            memcpy(weights + total, w->engine->weights, have * sizeof *weights);
        }
        total += have;
    }
    if (status == HEED_OK) {
        offsets[n] = total;
        *h = (struct allocation_histories){
            .n = n, .offsets = offsets, .items = items, .weights = weights};
    } else {
        free(offsets);
        free(items);
        free(weights);
    }
    return status;
}

static enum heed_status refresh_model(struct world *w, struct heed_error *err)
{
    struct engine *e = w->engine;
    const struct model_versions *models = &w->state.models;
    if (e->model_number == models->in_use)
        return HEED_OK;
    allocator_free(e->allocator);
    e->allocator = NULL;
    stored_deinit(&e->model);
    e->model_number = 0;
    if (models->in_use == 0)
        return HEED_OK;
    enum heed_status status = version_open(versions_find(models, models->in_use), &e->model, err);
    if (status == HEED_OK)
        e->model_number = models->in_use;
    return status;
}

static enum heed_status refresh_relevance(struct world *w, struct heed_error *err)
{
    struct engine *e = w->engine;
    const struct state *s = &w->state;
    if (e->model_number && e->model.items == s->catalogue.contents_n) {
        if (e->relevance) {
            allocator_free(e->allocator);
            e->allocator = NULL;
            relevance_free(e->relevance);
            e->relevance = NULL;
        }
        return HEED_OK;
    }
    if (e->relevance && e->acts == s->behaviour.events + s->behaviour.refunds &&
        e->contents == s->catalogue.contents_n)
        return HEED_OK;
    struct allocation_histories h;
    enum heed_status status = histories_of(w, NULL, s->catalogue.parties_n, &h, err);
    if (status != HEED_OK)
        return status;
    allocator_free(e->allocator);
    e->allocator = NULL;
    relevance_free(e->relevance);
    e->relevance = NULL;
    status = relevance_build(&h, s->catalogue.contents_n, &s->rules.allocation, &e->relevance);
    histories_deinit(&h);
    if (status != HEED_OK)
        return error_nomem(err);
    e->acts = s->behaviour.events + s->behaviour.refunds;
    e->contents = s->catalogue.contents_n;
    return HEED_OK;
}

enum eligibility engine_eligibility(const struct state *s, uint32_t content)
{
    static const enum eligibility of[DECISIONS] = {ELIGIBLE, ELIGIBLE_LIMITED, ELIGIBLE_NOT};
    uint32_t creator = s->catalogue.contents[content].creator;
    if (s->catalogue.parties[creator].flags & PARTY_ERASED)
        return ELIGIBLE_NOT;
    enum decision own = quality_gate(&s->quality, target_make(TARGET_CONTENT, content));
    enum decision maker = quality_gate(&s->quality, target_make(TARGET_USER, creator));
    return of[own > maker ? own : maker];
}

static enum heed_status refresh_scores(struct world *w, struct heed_error *err)
{
    struct engine *e = w->engine;
    const struct state *s = &w->state;
    size_t n = s->catalogue.contents_n;
    allocator_free(e->allocator);
    e->allocator = NULL;
    free(e->eligible);
    free(e->popularity);
    free(e->engagement);
    free(e->quality);
    free(e->shown_quality);
    e->eligible = calloc(n + 1, sizeof *e->eligible);
    e->popularity = calloc(n + 1, sizeof *e->popularity);
    e->engagement = calloc(n + 1, sizeof *e->engagement);
    e->quality = calloc(n + 1, sizeof *e->quality);
    e->shown_quality = calloc(n + 1, sizeof *e->shown_quality);
    if (!e->eligible || !e->popularity || !e->engagement || !e->quality || !e->shown_quality)
        return error_nomem(err);
    const struct quality_view *view = engine_view(w, err);
    if (!view)
        return HEED_NOMEM;
    double curiosity = s->rules.quality.curiosity_milli / 1e3;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t target = target_make(TARGET_CONTENT, i);
        const struct target_stats *t = behaviour_target(&s->behaviour, target);
        e->eligible[i] = audience_too_old(s, i) ? ELIGIBLE_NOT : (uint8_t)engine_eligibility(s, i);
        e->popularity[i] = engine_popularity(w, t);
        e->engagement[i] = t ? behaviour_engagement(t).lower : 0;
        struct quality_score q = engine_quality(w, view, target);
        e->quality[i] = q.score;
        double hoped = q.score + curiosity * q.sd;
        e->shown_quality[i] = hoped > 0 ? hoped < 1 ? hoped : 1 : 0;
    }
    const struct allocation_items items = {n, e->eligible, e->popularity, e->engagement,
                                           e->shown_quality};
    if (allocator_new(&items, e->relevance, &s->rules.allocation, &e->allocator) != HEED_OK)
        return error_nomem(err);
    if (e->model_number && allocator_use(e->allocator, &e->model, e->model_number) != HEED_OK)
        return error_nomem(err);
    if (constrained_contents_make(s, &e->constrained) != HEED_OK ||
        allocator_constrain(e->allocator, e->constrained.creator, e->constrained.category,
                            e->constrained.classes) != HEED_OK)
        return error_nomem(err);
    e->version = w->version;
    e->feeds = 0;
    return HEED_OK;
}

/* An allocator that is not whole is none: e->version may be the world's already.                */
static enum heed_status remade(struct engine *e, enum heed_status status)
{
    if (status != HEED_OK) {
        allocator_free(e->allocator);
        e->allocator = NULL;
    }
    return status;
}

/* Makes all that is older than max_age_ms at now_ms, or than what was decided.                   */
static enum heed_status refresh(struct world *w, int64_t now_ms, int64_t max_age_ms,
                                struct heed_error *err)
{
    if (!w->engine && !(w->engine = calloc(1, sizeof *w->engine)))
        return error_nomem(err);
    struct engine *e = w->engine;
    int64_t age_ms = now_ms > e->made_ms ? now_ms - e->made_ms : e->made_ms - now_ms;
    if (e->allocator &&
        (e->version == w->version || (e->version >= w->decided && age_ms < max_age_ms)))
        return HEED_OK;
    enum heed_status status = refresh_model(w, err);
    if (status == HEED_OK)
        status = refresh_relevance(w, err);
    if (status == HEED_OK && (!e->allocator || e->version != w->version))
        status = remade(e, refresh_scores(w, err));
    if (status == HEED_OK)
        e->made_ms = now_ms;
    return status;
}

uint64_t engine_policy(const struct world *w, int64_t algorithm)
{
    const struct state *s = &w->state;
    uint64_t of_rules = hash_bytes(s->rules_yaml, s->rules_size, 0);
    int64_t used = algorithm == CALL_ABSENT ? (int64_t)s->rules.allocation.algorithm : algorithm;
    int64_t learnt = s->quality.learned ? s->quality.learned->learnt_at_ms : -1;
    uint64_t policy = hash_u64(hash_u64(of_rules ^ (uint64_t)used) ^ (uint64_t)learnt);
    if (s->models.in_use)
        policy = hash_u64(policy ^ s->models.in_use);
    return policy ? policy : 1;
}

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
    enum heed_status status = refresh(w, now_ms, s->rules.feeds.refresh_ms, err);
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

/* Nobody is shown what he made himself: blocks for each of users[h->n] his own contents.         */
static enum heed_status block_own(const struct world *w, const uint32_t *users,
                                  struct allocation_histories *h, struct heed_error *err)
{
    const struct catalogue *c = &w->state.catalogue;
    uint64_t *offsets = calloc(h->n + 2, sizeof *offsets);
    uint32_t *row_of = malloc((c->parties_n + 1) * sizeof *row_of);
    uint32_t *own = NULL;
    if (offsets && row_of) {
        for (size_t i = 0; i < c->parties_n; i++)
            row_of[i] = HANDLE_NONE;
        for (size_t u = 0; u < h->n; u++)
            row_of[users[u]] = (uint32_t)u;
        /* two places behind, so that filling moves each to its end */
        for (size_t i = 0; i < c->contents_n; i++)
            if (row_of[c->contents[i].creator] != HANDLE_NONE)
                offsets[row_of[c->contents[i].creator] + 2]++;
        for (size_t u = 2; u < h->n + 2; u++)
            offsets[u] += offsets[u - 1];
        own = malloc((offsets[h->n + 1] + 1) * sizeof *own);
    }
    if (own) {
        for (uint32_t i = 0; i < c->contents_n; i++)
            if (row_of[c->contents[i].creator] != HANDLE_NONE)
                own[offsets[row_of[c->contents[i].creator] + 1]++] = i;
        h->blocked_offsets = offsets;
        h->blocked = own;
    } else {
        free(offsets);
    }
    free(row_of);
    return own ? HEED_OK : error_nomem(err);
}

/* The same with all that is not for them.                                                        */
static enum heed_status block_hidden(const struct world *w, const uint32_t *users,
                                     struct allocation_histories *h, struct heed_error *err)
{
    uint64_t *offsets = malloc((h->n + 1) * sizeof *offsets);
    uint32_t *hidden = NULL;
    size_t n = 0, cap = 0;
    bool ok = offsets && array_grow(&hidden, &cap, 1, sizeof *hidden);
    for (size_t u = 0; ok && u < h->n; u++) {
        offsets[u] = n;
        ok = audience_hidden(&w->state, &w->engine->constrained, users[u], &hidden, &n, &cap) ==
             HEED_OK;
    }
    if (!ok) {
        free(offsets);
        free(hidden);
        return error_nomem(err);
    }
    offsets[h->n] = n;
    h->blocked_offsets = offsets;
    h->blocked = hidden;
    return HEED_OK;
}

static const struct open_epoch *find_epoch(const struct consumption *c, int64_t number)
{
    for (size_t i = 0; i < c->open_n; i++)
        if (c->open[i].number == number)
            return &c->open[i];
    return NULL;
}

enum heed_status engine_settle(struct world *w, int64_t number, struct strbuf *facts,
                               struct heed_error *err)
{
    const struct open_epoch *epoch = find_epoch(&w->state.consumption, number);
    heed_assert(epoch);
    enum heed_status status = refresh(w, 0, 0, err);
    if (status != HEED_OK)
        return status;
    struct engine *e = w->engine;
    size_t n = w->state.catalogue.contents_n;
    uint32_t *users = malloc((epoch->users_n + 1) * sizeof *users);
    struct epoch_exposure x = {.given = calloc(n + 1, sizeof *x.given),
                               .popularity = calloc(n + 1, sizeof *x.popularity)};
    struct allocation_histories h = {0};
    status = users && x.given && x.popularity ? HEED_OK : error_nomem(err);
    if (status == HEED_OK) {
        for (size_t i = 0; i < epoch->users_n; i++)
            users[i] = epoch->users[i].key;
        status = histories_of(w, users, epoch->users_n, &h, err);
    }
    if (status == HEED_OK)
        status = audience_rules(&w->state.rules) ? block_hidden(w, users, &h, err)
                                                 : block_own(w, users, &h, err);
    if (status == HEED_OK && allocator_epoch(e->allocator, &h, &x) != HEED_OK)
        status = error_nomem(err);
    if (status == HEED_OK) {
        pack_i64(facts, number);
        pack_u64(facts, n);
        pack_u64(facts, x.feeds);
        pack_u64(facts, x.kept);
        pack_u64(facts, x.min_share_ppm);
        for (size_t i = 0; i < n; i++)
            pack_u64(facts, (uint64_t)llround(e->quality[i] * 1e6));
        for (size_t i = 0; i < n; i++)
            pack_u64(facts, x.given[i]);
        for (size_t i = 0; i < n; i++)
            pack_u64(facts, x.popularity[i]);
        broken_pack(facts, &x);
        if (facts->failed)
            status = error_nomem(err);
    }
    histories_deinit(&h);
    free(users);
    free(x.given);
    free(x.popularity);
    return status;
}

enum heed_status engine_train(struct world *w, const struct model_spec *spec, int64_t keep,
                              int64_t seed, int64_t time_ms, struct strbuf *facts,
                              struct heed_error *err)
{
    enum { THREADS = 2 };
    const struct state *s = &w->state;
    const struct version_training training = {.spec = *spec,
                                              .keep = keep == CALL_ABSENT ? STORED_KEEP
                                                                          : (uint32_t)keep,
                                              .seed = seed == CALL_ABSENT ? 1 : seed,
                                              .threads = THREADS,
                                              .max_history = s->rules.allocation.max_history};
    if (!w->engine && !(w->engine = calloc(1, sizeof *w->engine)))
        return error_nomem(err);
    struct allocation_histories h;
    struct model_version v = {0};
    enum heed_status status = histories_of(w, NULL, s->catalogue.parties_n, &h, err);
    if (status != HEED_OK)
        return status;
    status = version_train(&h, s->catalogue.contents_n, &training, &v, err);
    histories_deinit(&h);
    if (status != HEED_OK || v.acts == 0)
        return status;
    v.number = (uint32_t)s->models.n + 1;
    v.trained_at_ms = time_ms;
    status = catalogue_digest(&s->catalogue.content_ids, v.items, &v.catalogue);
    if (status == HEED_OK) {
        struct sink *k = sink_new(facts);
        if (k)
            version_save(&v, k);
        status = sink_done(k) ? HEED_OK : HEED_NOMEM;
    }
    version_deinit(&v);
    return status == HEED_OK ? status : error_nomem(err);
}
