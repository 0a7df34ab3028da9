#include "world/engine.h"

#include "world/engine_parts.h"
#include "world/pack.h"

#include <math.h>

void engine_free(struct engine *e)
{
    if (!e)
        return;
    free(e->given);
    free(e->before);
    free(e->price);
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
    for (int kind = 0; kind < TARGET_KINDS; kind++) {
        shelf_deinit(&e->shelves[kind]);
        free(e->blocked[kind]);
    }
    free(e->items);
    free(e->owed);
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

double engine_hoped(const struct world *w, const struct quality_score *q)
{
    double hoped = q->score + w->state.rules.quality.curiosity_milli / 1e3 * q->sd;
    return hoped > 0 ? hoped < 1 ? hoped : 1 : 0;
}

enum heed_status engine_learn(struct world *w, int64_t outcome, bool force, struct strbuf *facts,
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
    l.fit.in_force = l.fit.known && (force || l.fit.error <= l.fit.error_of_rules);
    struct sink *k = sink_new(facts);
    if (k)
        learned_save(&l, k);
    learned_deinit(&l);
    return sink_done(k) ? HEED_OK : error_nomem(err);
}

double engine_decayed(const struct world *w, int64_t weight, int64_t age_ms)
{
    double half_lives = (double)age_ms / (double)w->state.rules.behaviour.half_life_ms;
    return (double)weight * (half_lives > 0 ? exp2(-half_lives) : 1);
}

double engine_popularity(const struct world *w, const struct target_stats *t)
{
    const struct behaviour *b = &w->state.behaviour;
    if (!t)
        return 0;
    return engine_decayed(w, t->popularity_micro, b->latest_ms - t->last_ms) / 1e6;
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
    enum heed_status status =
        histories_of(w, TARGET_CONTENT, NULL, s->catalogue.parties_n, &h, err);
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

enum eligibility engine_gate(const struct state *s, uint32_t target, uint32_t owner)
{
    static const enum eligibility of[DECISIONS] = {ELIGIBLE, ELIGIBLE_LIMITED, ELIGIBLE_NOT};
    if (catalogue_gone(&s->catalogue, target))
        return ELIGIBLE_NOT;
    enum decision own = quality_gate(&s->quality, target), maker = own;
    if (owner != HANDLE_NONE)
        maker = quality_gate(&s->quality, target_make(TARGET_USER, owner));
    return of[own > maker ? own : maker];
}

enum eligibility engine_eligibility(const struct state *s, uint32_t content)
{
    return engine_gate(s, target_make(TARGET_CONTENT, content),
                       s->catalogue.contents[content].creator);
}

bool engine_shows(const struct state *s, uint32_t content)
{
    return !audience_too_old(s, content) && engine_eligibility(s, content) == ELIGIBLE;
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
    for (uint32_t i = 0; i < n; i++) {
        uint32_t target = target_make(TARGET_CONTENT, i);
        const struct target_stats *t = behaviour_target(&s->behaviour, target);
        e->eligible[i] = audience_too_old(s, i) ? ELIGIBLE_NOT : (uint8_t)engine_eligibility(s, i);
        e->popularity[i] = engine_popularity(w, t);
        e->engagement[i] = t ? behaviour_engagement(t).lower : 0;
        struct quality_score q = engine_quality(w, view, target);
        e->quality[i] = q.score;
        e->shown_quality[i] = engine_hoped(w, &q);
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

enum heed_status engine_refresh(struct world *w, int64_t now_ms, int64_t max_age_ms,
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
        status = refresh_scores(w, err);
    if (status == HEED_OK)
        status = shelves_refresh(w, err);
    if (remade(e, status) == HEED_OK)
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
    if (s->rules.allocation.explore == EXPLORE_THOMPSON)
        policy = hash_u64(policy ^ EXPLORE_THOMPSON); /* apart from those without the even share */
    return policy ? policy : 1;
}
