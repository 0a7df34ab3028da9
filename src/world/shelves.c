/* Users to follow, goods and services: which there are to show, their scores, and to whom not.
 *
 *              who or what                           quality                hidden from a user
 *   users      has made a content that may be        mean of those          himself, whom he
 * follows, whom shown, not removed                    contents'              his acts hide, who
 * made nothing that he may be shown goods,     offered now and in stock, neither     its own what
 * he sells, what or whose services   it nor its seller removed or gone seller his acts hide, what
 * is not for him (audience)        */
#include "world/engine_parts.h"

#include <stdlib.h>

static void scores_free(struct shelf *x)
{
    allocator_free(x->allocator);
    free(x->eligible);
    free(x->popularity);
    free(x->engagement);
    free(x->quality);
    free(x->audiences);
    free(x->shown);
    free(x->hidden);
    free(x->hidden_owner);
    x->allocator = NULL;
    x->eligible = x->hidden = x->hidden_owner = NULL;
    x->popularity = x->engagement = x->quality = NULL;
    x->audiences = NULL;
    x->shown = NULL;
    x->version = 0;
}

static void items_free(struct shelf *x)
{
    scores_free(x);
    relevance_free(x->relevance);
    free(x->owner);
    free(x->item_of);
    x->relevance = NULL;
    x->owner = x->item_of = NULL;
    x->n = x->things = x->parties_n = 0;
    x->acts = 0;
}

void shelf_deinit(struct shelf *x)
{
    items_free(x);
}

uint32_t engine_target(const struct engine *e, enum target_kind kind, uint32_t item)
{
    return target_make(kind, kind == TARGET_USER ? e->shelves[kind].owner[item] : item);
}

uint32_t engine_item(const struct engine *e, uint32_t target)
{
    const struct shelf *x = &e->shelves[target_kind(target)];
    uint32_t index = target_index(target);
    if (target_kind(target) != TARGET_USER)
        return index;
    return index < x->parties_n ? x->item_of[index] : HANDLE_NONE;
}

static size_t things_of(const struct catalogue *c, enum target_kind kind)
{
    return kind == TARGET_USER ? c->contents_n : kind == TARGET_GOOD ? c->goods_n : c->services_n;
}

static const struct good *offer_of(const struct catalogue *c, enum target_kind kind, uint32_t item)
{
    return kind == TARGET_GOOD ? &c->goods[item] : &c->services[item];
}

/* ── items, and what goes together ── */

static bool fill_creators(const struct catalogue *c, struct shelf *x)
{
    x->item_of = malloc((c->parties_n + 1) * sizeof *x->item_of);
    if (!x->item_of)
        return false;
    x->parties_n = c->parties_n;
    for (size_t i = 0; i < c->parties_n; i++)
        x->item_of[i] = HANDLE_NONE;
    for (size_t i = 0; i < c->contents_n; i++) {
        uint32_t creator = c->contents[i].creator;
        if (x->item_of[creator] != HANDLE_NONE)
            continue;
        x->owner[x->n] = creator;
        x->item_of[creator] = (uint32_t)x->n++;
    }
    return true;
}

static bool fill(const struct catalogue *c, enum target_kind kind, struct shelf *x)
{
    size_t things = things_of(c, kind);
    if (x->owner && x->things == things)
        return true;
    items_free(x);
    x->owner = malloc((things + 1) * sizeof *x->owner);
    bool ok = x->owner != NULL;
    if (ok && kind == TARGET_USER)
        ok = fill_creators(c, x);
    for (; ok && kind != TARGET_USER && x->n < things; x->n++)
        x->owner[x->n] = offer_of(c, kind, (uint32_t)x->n)->seller;
    x->things = things;
    if (!ok)
        items_free(x);
    return ok;
}

static enum heed_status relate(struct world *w, enum target_kind kind, struct heed_error *err)
{
    struct shelf *x = &w->engine->shelves[kind];
    const struct state *s = &w->state;
    uint64_t acts = s->behaviour.events + s->behaviour.refunds + 1;
    struct allocation_histories h;
    if (x->acts == acts)
        return HEED_OK;
    enum heed_status status = histories_of(w, kind, NULL, s->catalogue.parties_n, &h, err);
    if (status != HEED_OK)
        return status;
    scores_free(x);
    relevance_free(x->relevance);
    x->relevance = NULL;
    x->acts = 0;
    status = relevance_build(&h, x->n, &s->rules.allocation, &x->relevance);
    histories_deinit(&h);
    if (status != HEED_OK)
        return error_nomem(err);
    x->acts = acts;
    return HEED_OK;
}

/* ── scores ── */

/* Of each user how many of his contents may be shown, and the mean of what they are worth.       */
static void judge_creators(const struct world *w, struct shelf *x)
{
    const struct catalogue *c = &w->state.catalogue;
    const struct engine *e = w->engine;
    for (size_t i = 0; i < c->contents_n; i++) {
        uint32_t item = x->item_of[c->contents[i].creator];
        if (e->eligible[i] == ELIGIBLE_NOT)
            continue;
        x->quality[item] += e->shown_quality[i];
        x->shown[item]++;
    }
    for (size_t i = 0; i < x->n; i++)
        x->quality[i] = x->shown[i] > 0 ? x->quality[i] / x->shown[i] : 0;
}

static void judge_offers(const struct world *w, enum target_kind kind,
                         const struct quality_view *view, struct shelf *x)
{
    for (uint32_t i = 0; i < x->n; i++) {
        struct quality_score q = engine_quality(w, view, target_make(kind, i));
        x->quality[i] = engine_hoped(w, &q);
        x->audiences[i] =
            audience_rows(&w->state, offer_of(&w->state.catalogue, kind, i)->category);
    }
}

static enum eligibility eligible(const struct state *s, enum target_kind kind,
                                 const struct shelf *x, uint32_t item)
{
    uint32_t owner = x->owner[item];
    if (kind == TARGET_USER)
        return x->shown[item] == 0 ? ELIGIBLE_NOT
                                   : engine_gate(s, target_make(kind, owner), HANDLE_NONE);
    const struct good *g = offer_of(&s->catalogue, kind, item);
    if (!g->listed || g->price_minor < 0 || g->stock == 0)
        return ELIGIBLE_NOT;
    return engine_gate(s, target_make(kind, item), owner);
}

static enum heed_status score(struct world *w, enum target_kind kind, struct heed_error *err)
{
    struct shelf *x = &w->engine->shelves[kind];
    const struct state *s = &w->state;
    if (x->version == w->version + 1)
        return HEED_OK;
    scores_free(x);
    size_t n = x->n;
    x->eligible = calloc(n + 1, sizeof *x->eligible);
    x->popularity = calloc(n + 1, sizeof *x->popularity);
    x->engagement = calloc(n + 1, sizeof *x->engagement);
    x->quality = calloc(n + 1, sizeof *x->quality);
    x->audiences = calloc(n + 1, sizeof *x->audiences);
    x->shown = calloc(n + 1, sizeof *x->shown);
    x->hidden = calloc(n + 1, 1);
    x->hidden_owner = calloc(s->catalogue.parties_n + 1, 1);
    if (!x->eligible || !x->popularity || !x->engagement || !x->quality || !x->audiences ||
        !x->shown || !x->hidden || !x->hidden_owner)
        return error_nomem(err);
    const struct quality_view *view = engine_view(w, err);
    if (!view)
        return HEED_NOMEM;
    if (kind == TARGET_USER)
        judge_creators(w, x);
    else
        judge_offers(w, kind, view, x);
    for (uint32_t i = 0; i < n; i++) {
        const struct target_stats *t =
            behaviour_target(&s->behaviour, engine_target(w->engine, kind, i));
        x->eligible[i] = (uint8_t)eligible(s, kind, x, i);
        x->popularity[i] = engine_popularity(w, t);
        x->engagement[i] = t ? behaviour_engagement(t).lower : 0;
    }
    const struct allocation_items items = {n, x->eligible, x->popularity, x->engagement,
                                           x->quality};
    if (allocator_new(&items, x->relevance, &s->rules.allocation, &x->allocator) != HEED_OK)
        return error_nomem(err);
    x->version = w->version + 1;
    x->feeds = 0;
    return HEED_OK;
}

enum heed_status shelves_refresh(struct world *w, struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    for (size_t i = 0; i < KINDS && status == HEED_OK; i++) {
        enum target_kind kind = kind_at(i);
        if (kind == TARGET_CONTENT || w->state.rules.allocation.kinds_ppm[kind] == 0)
            continue;
        if (!fill(&w->state.catalogue, kind, &w->engine->shelves[kind]))
            return error_nomem(err);
        status = relate(w, kind, err);
        if (status == HEED_OK)
            status = score(w, kind, err);
    }
    return status;
}

/* ── one user ── */

/* Sets or clears the marks of what a user's acts hide, and of whom he follows.                   */
static void mark_hidden(struct world *w, enum target_kind kind, uint32_t user, uint8_t mark)
{
    const struct behaviour *b = &w->state.behaviour;
    const struct user_stats *u = behaviour_user(b, user);
    struct shelf *x = &w->engine->shelves[kind];
    for (uint32_t i = u ? u->head : HANDLE_NONE; i != HANDLE_NONE; i = b->pairs[i].next) {
        const struct pair *p = &b->pairs[i];
        bool hides = audience_hides(&w->state.rules, p);
        if (target_kind(p->target) == kind && (hides || p->follows)) {
            uint32_t item = engine_item(w->engine, p->target);
            if (item != HANDLE_NONE)
                x->hidden[item] = mark;
        }
        if (target_kind(p->target) == TARGET_USER && hides)
            x->hidden_owner[target_index(p->target)] = mark;
    }
}

/* Takes from, or gives back to, each user his contents among these.                              */
static void count_shown(struct world *w, const uint32_t *contents, size_t n, bool back)
{
    struct shelf *x = &w->engine->shelves[TARGET_USER];
    for (size_t i = 0; i < n; i++)
        if (w->engine->eligible[contents[i]] != ELIGIBLE_NOT) {
            uint32_t *shown =
                &x->shown[x->item_of[w->state.catalogue.contents[contents[i]].creator]];
            *shown = back ? *shown + 1 : *shown - 1;
        }
}

static bool is_hidden(const struct shelf *x, enum target_kind kind, uint32_t item, uint32_t user,
                      uint16_t denied)
{
    uint32_t owner = x->owner[item];
    return owner == user || x->hidden[item] || x->audiences[item] & denied ||
           (owner != HANDLE_NONE && x->hidden_owner[owner]) ||
           (kind == TARGET_USER && x->shown[item] == 0);
}

enum heed_status shelf_hidden(struct world *w, enum target_kind kind, uint32_t user,
                              const uint32_t *contents, size_t contents_n, size_t *n,
                              struct heed_error *err)
{
    struct engine *e = w->engine;
    struct shelf *x = &e->shelves[kind];
    uint16_t denied = kind == TARGET_USER ? 0 : audience_denied(&w->state, &e->constrained, user);
    enum heed_status status = HEED_OK;
    *n = 0;
    mark_hidden(w, kind, user, 1);
    if (kind == TARGET_USER)
        count_shown(w, contents, contents_n, false);
    for (uint32_t i = 0; i < x->n && status == HEED_OK; i++) {
        if (!is_hidden(x, kind, i, user, denied))
            continue;
        if (array_grow(&e->blocked[kind], &e->blocked_cap[kind], *n + 1, sizeof **e->blocked))
            e->blocked[kind][(*n)++] = i;
        else
            status = error_nomem(err);
    }
    if (kind == TARGET_USER)
        count_shown(w, contents, contents_n, true);
    mark_hidden(w, kind, user, 0);
    return status;
}

/* ── an epoch ── */

static enum heed_status place(struct world *w, uint32_t user, size_t u,
                              const struct allocation_histories *h, struct feed_places *out,
                              struct epoch_kinds *totals, struct heed_error *err)
{
    const struct allocation_rules *r = &w->state.rules.allocation;
    const struct engine *e = w->engine;
    const uint32_t *blocked = h->blocked + h->blocked_offsets[u];
    size_t blocked_n = h->blocked_offsets[u + 1] - h->blocked_offsets[u];
    uint32_t room[TARGET_KINDS] = {0}, wanted[TARGET_KINDS], slots[TARGET_KINDS];
    uint8_t places[FEED_MAX];
    room[TARGET_CONTENT] = allocator_room(e->allocator, blocked, blocked_n, out->k);
    for (size_t i = 1; i < KINDS; i++) {
        enum target_kind kind = kind_at(i);
        size_t n;
        if (r->kinds_ppm[kind] == 0)
            continue;
        enum heed_status status = shelf_hidden(w, kind, user, blocked, blocked_n, &n, err);
        if (status != HEED_OK)
            return status;
        room[kind] = allocator_room(e->shelves[kind].allocator, e->blocked[kind], n, out->k);
    }
    (void)kinds_slots(r->kinds_ppm, NULL, out->k, wanted);
    uint32_t all = kinds_slots(r->kinds_ppm, room, out->k, slots);
    kinds_places(slots, places);
    for (uint32_t i = 0; i < all; i++)
        if (places[i] == TARGET_CONTENT)
            out->ranks[u * out->k + out->slots[u]++] = (uint8_t)(i + 1);
    for (int kind = 0; kind < TARGET_KINDS; kind++) {
        totals->slots[kind] += slots[kind];
        totals->few[kind] += slots[kind] < wanted[kind];
    }
    return HEED_OK;
}

enum heed_status shelves_places(struct world *w, const uint32_t *users,
                                struct allocation_histories *h, struct feed_places *out,
                                struct epoch_kinds *totals, struct heed_error *err)
{
    uint32_t k = w->state.rules.allocation.k;
    enum heed_status status = HEED_OK;
    *out = (struct feed_places){k, calloc(h->n + 1, 1), calloc(h->n * k + 1, 1)};
    if (!out->slots || !out->ranks)
        return error_nomem(err);
    for (size_t u = 0; u < h->n && status == HEED_OK; u++)
        status = place(w, users[u], u, h, out, totals, err);
    h->places = out;
    return status;
}
