/* What keeps a target from a user's feeds as the world stands, for who asks why it was not shown.
 */
#include "world/engine_parts.h"

#include <stdio.h>

struct gates {
    const struct world *w;
    json_t *list;
};

static void add(struct gates *g, const char *gate, const char *rule, const char *why)
{
    json_array_append_new(g->list,
                          json_pack("{s:s,s:s?,s:s}", "gate", gate, "rule", rule, "why", why));
}

/* What moderation says of the target itself or of whose it is.                                   */
static void add_decision(struct gates *g, uint32_t target, bool maker)
{
    const struct allocation_rules *r = &g->w->state.rules.allocation;
    enum decision d = quality_gate(&g->w->state.quality, target);
    char why[160];
    if (d == DECISION_REMOVE)
        add(g, "removed", NULL,
            maker ? "moderation has removed whose work it is (`heed quality history`)"
                  : "moderation has removed it (`heed quality history`)");
    if (d != DECISION_LIMIT)
        return;
    snprintf(why, sizeof why,
             "moderation limits %s: such may have %u of a feed's %u slots together, the best first",
             maker ? "whose work it is" : "it", limited_slots(r, r->k), r->k);
    add(g, "limited", "allocation.limited", why);
}

static void add_audience(struct gates *g, uint16_t rows)
{
    char rule[64];
    for (int i = 0; i < AUDIENCES_MAX; i++)
        if (rows >> i & 1) {
            snprintf(rule, sizeof rule, "allocation.constraints.audience[%d]", i);
            add(g, "audience", rule, "the rule keeps it from users like this one");
        }
}

static void add_acts(struct gates *g, uint32_t user, uint32_t target, bool maker)
{
    const struct pair *p = behaviour_pair(&g->w->state.behaviour, user, target);
    if (p && audience_hides(&g->w->state.rules, p))
        add(g, "hidden", "allocation.constraints.hide_at",
            maker ? "the user's acts on whose work it is say that he will not see it"
                  : "the user's acts on it say that he will not see it");
    if (p && p->follows && !maker && target_kind(target) == TARGET_USER)
        add(g, "followed", NULL, "the user follows him already");
}

static void add_content(struct gates *g, uint32_t user, uint32_t content)
{
    const struct state *s = &g->w->state;
    const struct constrained_contents *x = &g->w->engine->constrained;
    if (audience_too_old(s, content))
        add(g, "too_old", "allocation.constraints.max_age", "it was published too long ago");
    if (content < x->n)
        add_audience(g, x->audiences[content] & audience_denied(s, x, user));
}

static void add_good(struct gates *g, uint32_t user, const struct good *good)
{
    const struct state *s = &g->w->state;
    if (!good->listed || good->price_minor < 0)
        add(g, "not_listed", NULL, "it is not offered in the shop");
    else if (good->stock == 0)
        add(g, "out_of_stock", NULL, "none is left");
    add_audience(g, audience_rows(s, good->category) &
                        audience_denied(s, &g->w->engine->constrained, user));
}

/* Who has made nothing that may be shown to this user stands in none of his feeds. */
static enum heed_status add_user(struct gates *g, uint32_t user, uint32_t maker,
                                 struct heed_error *err)
{
    const struct state *s = &g->w->state;
    struct engine *e = g->w->engine;
    uint32_t **hidden = &e->blocked[TARGET_CONTENT];
    size_t n = 0, at = 0;
    bool any = false;
    if (audience_hidden(s, &e->constrained, user, hidden, &n, &e->blocked_cap[TARGET_CONTENT]) !=
        HEED_OK)
        return error_nomem(err);
    for (uint32_t i = 0; i < s->catalogue.contents_n; i++) {
        bool shown = s->catalogue.contents[i].creator == maker && !audience_too_old(s, i) &&
                     engine_eligibility(s, i) != ELIGIBLE_NOT;
        while (at < n && (*hidden)[at] < i)
            at++;
        if (shown && (at == n || (*hidden)[at] != i))
            return HEED_OK;
        any = any || shown;
    }
    add(g, "nothing_to_show", NULL,
        any ? "he has made nothing that may be shown to this user"
            : "he has made nothing that may be shown");
    return HEED_OK;
}

enum heed_status reply_gates(struct world *w, uint32_t user, uint32_t target, int64_t now_ms,
                             json_t **out, struct heed_error *err)
{
    enum heed_status status = engine_refresh(w, now_ms, w->state.rules.feeds.refresh_ms, err);
    if (status != HEED_OK)
        return status;
    const struct state *s = &w->state;
    const struct catalogue *c = &s->catalogue;
    enum target_kind kind = target_kind(target);
    uint32_t index = target_index(target), owner = HANDLE_NONE;
    struct gates g = {w, json_array()};
    if (!g.list)
        return error_nomem(err);
    *out = g.list;
    if (kind == TARGET_CONTENT)
        owner = c->contents[index].creator;
    else if (kind == TARGET_GOOD || kind == TARGET_SERVICE)
        owner = (kind == TARGET_GOOD ? c->goods : c->services)[index].seller;
    if (catalogue_gone(c, target)) {
        add(&g, "erased", NULL, "whose it was has been erased");
        return HEED_OK;
    }
    if (s->rules.allocation.kinds_ppm[kind] == 0) {
        char rule[64];
        snprintf(rule, sizeof rule, "allocation.kinds.%s", target_kind_name(kind));
        add(&g, "kind", rule, "feeds give this kind no slots");
    }
    if (owner == user || (kind == TARGET_USER && index == user))
        add(&g, "own", NULL, "nobody is shown his own work, or himself");
    add_decision(&g, target, false);
    add_acts(&g, user, target, false);
    if (owner != HANDLE_NONE) {
        add_decision(&g, target_make(TARGET_USER, owner), true);
        add_acts(&g, user, target_make(TARGET_USER, owner), true);
    }
    if (kind == TARGET_CONTENT)
        add_content(&g, user, index);
    else if (kind == TARGET_USER)
        status = add_user(&g, user, index, err);
    else
        add_good(&g, user, &(kind == TARGET_GOOD ? c->goods : c->services)[index]);
    if (status != HEED_OK)
        json_decref(g.list);
    return status;
}
