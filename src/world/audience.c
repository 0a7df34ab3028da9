#include "world/audience.h"

#include "allocation/constraints.h"

#include <stdlib.h>

_Static_assert(AUDIENCES_MAX <= 16, "a bit each");

void constrained_contents_free(struct constrained_contents *x)
{
    free(x->classes);
    free(x->creator);
    free(x->category);
    free(x->audiences);
    free(x->hidden);
    free(x->hidden_creator);
    *x = (struct constrained_contents){0};
}

static int64_t age_ms(const struct state *s, uint32_t content)
{
    return s->behaviour.latest_ms - s->catalogue.contents[content].created_at_ms;
}

bool audience_too_old(const struct state *s, uint32_t content)
{
    int64_t max = s->rules.selection.max_age_ms;
    return max > 0 && age_ms(s, content) > max;
}

static uint32_t symbol_of(const struct state *s, const struct selector *what)
{
    return intern_find(&s->catalogue.symbols, str_of(what->text));
}

static bool selected(const struct content *c, const struct selector *what, uint32_t symbol)
{
    return symbol != INTERN_NONE && (what->kind ? c->kind : c->category) == symbol;
}

/* A content, good or service that a rule names by its id; 0: there is none.                     */
static uint32_t target_of(const struct state *s, const char *text)
{
    const char *colon = strchr(text, ':');
    if (!colon)
        return 0;
    enum target_kind kind = target_kind_of_name((struct str){text, (size_t)(colon - text)});
    const struct catalogue *c = &s->catalogue;
    const struct intern *ids = kind == TARGET_CONTENT   ? &c->content_ids
                               : kind == TARGET_GOOD    ? &c->good_ids
                               : kind == TARGET_SERVICE ? &c->service_ids
                                                        : NULL;
    uint32_t handle = ids ? intern_find(ids, str_of(colon + 1)) : INTERN_NONE;
    return handle == INTERN_NONE ? 0 : target_make(kind, handle);
}

enum heed_status constrained_contents_make(const struct state *s, struct constrained_contents *x)
{
    const struct selection_rules *r = &s->rules.selection;
    const struct constraint_rules *c = &s->rules.allocation.constraints;
    uint32_t caps[CAPS_MAX], groups[GROUPS_MAX], rows[AUDIENCES_MAX];
    size_t n = s->catalogue.contents_n;
    constrained_contents_free(x);
    x->classes = calloc(n + 1, sizeof *x->classes);
    x->creator = malloc((n + 1) * sizeof *x->creator);
    x->category = malloc((n + 1) * sizeof *x->category);
    x->audiences = calloc(n + 1, sizeof *x->audiences);
    x->hidden = calloc(n + 1, 1);
    x->hidden_creator = calloc(s->catalogue.parties_n + 1, 1);
    if (!x->classes || !x->creator || !x->category || !x->audiences || !x->hidden ||
        !x->hidden_creator)
        return HEED_NOMEM;
    x->n = n;
    for (uint32_t i = 0; i < c->caps_n; i++)
        caps[i] = symbol_of(s, &r->caps[i]);
    for (uint32_t g = 0; g < c->groups_n; g++)
        groups[g] = symbol_of(s, &r->groups[g]);
    for (uint32_t a = 0; a < r->audiences_n; a++) {
        rows[a] = symbol_of(s, &r->audiences[a].what);
        x->has[a] = target_of(s, r->audiences[a].has);
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct content *content = &s->catalogue.contents[i];
        x->creator[i] = content->creator;
        x->category[i] = content->category;
        for (uint32_t j = 0; j < c->caps_n; j++)
            x->classes[i] |= (uint32_t)selected(content, &r->caps[j], caps[j]) << j;
        for (uint32_t g = 0; g < c->groups_n; g++)
            x->classes[i] |= (uint32_t)selected(content, &r->groups[g], groups[g])
                             << (CAPS_MAX + g);
        x->classes[i] |= (uint32_t)(c->fresh_ppm && age_ms(s, i) <= r->fresh_ms) << CLASS_FRESH;
        for (uint32_t a = 0; a < r->audiences_n; a++)
            if (selected(content, &r->audiences[a].what, rows[a]))
                x->audiences[i] |= (uint16_t)(1u << a);
    }
    return HEED_OK;
}

bool audience_rules(const struct rules *r)
{
    return r->selection.audiences_n > 0 || r->selection.hide_at_milli < 0;
}

uint16_t audience_rows(const struct state *s, uint32_t category)
{
    const struct selection_rules *r = &s->rules.selection;
    uint16_t rows = 0;
    for (uint32_t i = 0; i < r->audiences_n && category != HANDLE_NONE; i++)
        if (!r->audiences[i].what.kind && symbol_of(s, &r->audiences[i].what) == category)
            rows |= (uint16_t)(1u << i);
    return rows;
}

uint16_t audience_denied(const struct state *s, const struct constrained_contents *x, uint32_t user)
{
    const struct party *p = &s->catalogue.parties[user];
    uint16_t rows = 0;
    for (uint32_t i = 0; i < s->rules.selection.audiences_n; i++) {
        const struct audience *a = &s->rules.selection.audiences[i];
        bool out = (a->roles && !(p->role_bits & a->roles)) || p->role_bits & a->not_roles;
        out = out || (a->account_ms && s->behaviour.latest_ms - p->joined_at_ms < a->account_ms);
        if (!out && a->has[0]) {
            const struct pair *pair =
                x->has[i] ? behaviour_pair(&s->behaviour, user, x->has[i]) : NULL;
            out = !pair || pair->weight_micro <= 0;
        }
        rows |= (uint16_t)((unsigned)out << i);
    }
    return rows;
}

/* An act's weight is as of the pair's newest act: a grudge is not forgotten by waiting.          */
bool audience_hides(const struct rules *r, const struct pair *p)
{
    int64_t at_micro = (int64_t)r->selection.hide_at_milli * 1000;
    return at_micro < 0 && p->weight_micro <= at_micro;
}

/* Sets or clears the marks of what a user's acts hide.                                           */
static void mark_hidden(const struct state *s, struct constrained_contents *x, uint32_t user,
                        uint8_t mark)
{
    const struct behaviour *b = &s->behaviour;
    const struct user_stats *u =
        s->rules.selection.hide_at_milli < 0 ? behaviour_user(b, user) : NULL;
    for (uint32_t i = u ? u->head : HANDLE_NONE; i != HANDLE_NONE; i = b->pairs[i].next) {
        const struct pair *p = &b->pairs[i];
        if (!audience_hides(&s->rules, p))
            continue;
        if (target_kind(p->target) == TARGET_CONTENT)
            x->hidden[target_index(p->target)] = mark;
        else if (target_kind(p->target) == TARGET_USER)
            x->hidden_creator[target_index(p->target)] = mark;
    }
}

enum heed_status audience_hidden(const struct state *s, struct constrained_contents *x,
                                 uint32_t user, uint32_t **list, size_t *n, size_t *cap)
{
    enum heed_status status = HEED_OK;
    uint16_t rows = audience_denied(s, x, user);
    mark_hidden(s, x, user, 1);
    for (uint32_t i = 0; i < x->n && status == HEED_OK; i++)
        if (x->creator[i] == user || x->audiences[i] & rows || x->hidden[i] ||
            x->hidden_creator[x->creator[i]]) {
            if (array_grow(list, cap, *n + 1, sizeof **list))
                (*list)[(*n)++] = i;
            else
                status = HEED_NOMEM;
        }
    mark_hidden(s, x, user, 0);
    return status;
}
