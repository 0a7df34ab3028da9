/* allocation.kinds and allocation.constraints of a rules document: the lists in them, and whether
 * all of it can be kept at once. */
#include "allocation/constraints.h"
#include "allocation/kinds.h"
#include "base/scalars.h"
#include "world/rules_parts.h"

#include <stdio.h>

static const char *const lists[] = {"caps", "groups", "audience"};

bool rules_constraint_list(const char *path)
{
    static const char prefix[] = "allocation.constraints.";
    if (strncmp(path, prefix, sizeof prefix - 1) != 0)
        return false;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(path + sizeof prefix - 1, lists[i]) == 0)
            return true;
    return false;
}

static enum heed_status text_of(const struct reading *x, int node, size_t max, char *out,
                                const char *what)
{
    struct str text = yaml_text(x->y, node);
    if (yaml_kind(x->y, node) != YAML_SCALAR || text.n < 1 || text.n > max)
        return rules_expected(x, node, what);
    memcpy(out, text.p, text.n);
    out[text.n] = 0;
    return HEED_OK;
}

/* `category: TEXT` or `kind: TEXT` of a row.                                                    */
static enum heed_status selector(const struct reading *x, int row, struct selector *out)
{
    int category = yaml_get(x->y, row, "category"), kind = yaml_get(x->y, row, "kind");
    if (!category == !kind)
        return yaml_error(x->y, row, x->err,
                          "say of which contents: one of `category: TEXT` and `kind: TEXT`");
    out->kind = kind != 0;
    return text_of(x, category ? category : kind, SELECTOR_BYTES, out->text,
                   "a category or kind of 1 to 64 bytes");
}

static bool same(const struct selector *a, const struct selector *b)
{
    return a->kind == b->kind && strcmp(a->text, b->text) == 0;
}

static enum heed_status once(const struct reading *x, int row, const struct selector *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (same(&all[i], &all[n]))
            return yaml_error(x->y, row, x->err, "%s %s is given twice",
                              all[n].kind ? "the kind" : "the category", all[n].text);
    return HEED_OK;
}

static enum heed_status share(const struct reading *x, int node, int64_t min, int64_t max,
                              const char *what, uint32_t *out)
{
    int64_t v;
    if (yaml_kind(x->y, node) != YAML_SCALAR || !decimal_from_text(yaml_text(x->y, node), 6, &v) ||
        v < min || v > max)
        return rules_expected(x, node, what);
    *out = (uint32_t)v;
    return HEED_OK;
}

static enum heed_status cap(const struct reading *x, int row, size_t i)
{
    struct constraint_rules *r = &x->r->allocation.constraints;
    struct cap_rule *c = &r->caps[i];
    enum heed_status status = rules_only(x, row, " category kind max share ");
    if (status == HEED_OK)
        status = selector(x, row, &x->r->selection.caps[i]);
    if (status == HEED_OK)
        status = once(x, row, x->r->selection.caps, i);
    if (status != HEED_OK)
        return status;
    int max = yaml_get(x->y, row, "max"), part = yaml_get(x->y, row, "share");
    *c = (struct cap_rule){FEED_MAX, 1000000};
    if (!max && !part)
        return yaml_error(x->y, row, x->err,
                          "say how many: `max: N` slots, `share: S` of a feed, or both");
    int64_t v = FEED_MAX;
    if (max && (yaml_kind(x->y, max) != YAML_SCALAR ||
                !decimal_from_text(yaml_text(x->y, max), 0, &v) || v < 0 || v > FEED_MAX))
        return rules_expected(x, max, "a number of slots between 0 and 100");
    c->max = (uint32_t)v;
    return part ? share(x, part, 0, 1000000, "a share between 0 and 1 with up to six decimals",
                        &c->share_ppm)
                : HEED_OK;
}

static enum heed_status group(const struct reading *x, int row, size_t i)
{
    struct group_rule *g = &x->r->allocation.constraints.groups[i];
    enum heed_status status = rules_only(x, row, " category kind share alpha adjust ");
    if (status == HEED_OK)
        status = selector(x, row, &x->r->selection.groups[i]);
    if (status == HEED_OK)
        status = once(x, row, x->r->selection.groups, i);
    if (status != HEED_OK)
        return status;
    *g = (struct group_rule){0, 100000, 1};
    int part = yaml_get(x->y, row, "share"), alpha = yaml_get(x->y, row, "alpha");
    int adjust = yaml_get(x->y, row, "adjust");
    if (!part)
        return yaml_error(x->y, row, x->err, "say which share of the ranking: `share: S`");
    status = share(x, part, 1, 999999, "a share above 0 and below 1 with up to six decimals",
                   &g->share_ppm);
    if (status == HEED_OK && alpha)
        status = share(x, alpha, 1, 500000, "a significance above 0, 0.5 at most", &g->alpha_ppm);
    int64_t v = 1;
    if (status == HEED_OK && adjust &&
        (yaml_kind(x->y, adjust) != YAML_SCALAR ||
         !decimal_from_text(yaml_text(x->y, adjust), 0, &v) || v < 0 || v > 1))
        status = rules_expected(x, adjust, "0 or 1");
    g->adjusted = (uint32_t)v;
    return status;
}

static enum heed_status roles(const struct reading *x, int list, uint8_t *bits)
{
    if (yaml_kind(x->y, list) != YAML_LIST || yaml_count(x->y, list) == 0)
        return rules_expected(x, list, "a list of roles");
    *bits = 0;
    for (size_t i = 0; i < yaml_count(x->y, list); i++) {
        int item = yaml_item(x->y, list, i);
        enum role role = yaml_kind(x->y, item) == YAML_SCALAR ? role_of_name(yaml_text(x->y, item))
                                                              : (enum role)0;
        if (!role)
            return rules_expected(x, item, "a role such as member, moderator or operator");
        *bits |= (uint8_t)role;
    }
    return HEED_OK;
}

static enum heed_status audience(const struct reading *x, int row, size_t i)
{
    struct audience *a = &x->r->selection.audiences[i];
    enum heed_status status = rules_only(x, row, " category kind roles not_roles account has ");
    *a = (struct audience){0};
    if (status == HEED_OK)
        status = selector(x, row, &a->what);
    if (status != HEED_OK)
        return status;
    int only = yaml_get(x->y, row, "roles"), none = yaml_get(x->y, row, "not_roles");
    int account = yaml_get(x->y, row, "account"), has = yaml_get(x->y, row, "has");
    if (!only && !none && !account && !has)
        return yaml_error(x->y, row, x->err,
                          "say who may see it: `roles`, `not_roles`, `account` or `has`");
    if (only)
        status = roles(x, only, &a->roles);
    if (status == HEED_OK && none)
        status = roles(x, none, &a->not_roles);
    if (status == HEED_OK && account &&
        (yaml_kind(x->y, account) != YAML_SCALAR ||
         !span_from_text(yaml_text(x->y, account), &a->account_ms) || a->account_ms <= 0))
        status = rules_expected(x, account, "a time span such as 30 d");
    if (status == HEED_OK && has)
        status = text_of(x, has, sizeof a->has - 1, a->has,
                         "a target such as service:age-check, of up to 79 bytes");
    if (status == HEED_OK && has) {
        const char *colon = strchr(a->has, ':');
        enum target_kind kind =
            colon ? target_kind_of_name((struct str){a->has, (size_t)(colon - a->has)})
                  : TARGET_NONE;
        if (kind == TARGET_NONE || !colon[1])
            status = rules_expected(x, has, "a target such as service:age-check");
        else if (kind == TARGET_USER)
            status = yaml_error(x->y, has, x->err,
                                "rules name no person, for they are kept in clear; give a content, "
                                "good or service");
    }
    return status;
}

static enum heed_status list_of(const struct reading *x, int node, const char *key, size_t max,
                                enum heed_status (*row)(const struct reading *x, int row, size_t i),
                                uint32_t *n)
{
    int list = yaml_get(x->y, node, key);
    *n = 0;
    if (!list)
        return HEED_OK;
    if (yaml_kind(x->y, list) != YAML_LIST || yaml_count(x->y, list) > max)
        return yaml_error(x->y, list, x->err, "a list of at most %zu rows was expected", max);
    for (size_t i = 0; i < yaml_count(x->y, list); i++) {
        enum heed_status status = row(x, yaml_item(x->y, list, i), i);
        if (status != HEED_OK)
            return status;
        *n = (uint32_t)i + 1;
    }
    return HEED_OK;
}

/* ── whether all can be kept at once ── */

static const char *what(const struct selector *s, char buf[SELECTOR_BYTES + 16])
{
    snprintf(buf, SELECTOR_BYTES + 16, "%s %s", s->kind ? "kind" : "category", s->text);
    return buf;
}

/* Slots of a feed that are contents': those that constraints speak of.                          */
static uint32_t contents_slots(const struct allocation_rules *a)
{
    uint32_t slots[TARGET_KINDS];
    (void)kinds_slots(a->kinds_ppm, NULL, a->k, slots);
    return slots[TARGET_CONTENT];
}

bool rules_fair_none(const struct reading *x, const char *path, int node)
{
    return strcmp(path, "allocation.fair") == 0 && yaml_kind(x->y, node) == YAML_SCALAR &&
           str_is(yaml_text(x->y, node), "none");
}

enum heed_status rules_fair(const struct reading *x, int node)
{
    const struct fair_rules *f = &x->r->allocation.fair;
    bool none = node == 0 || rules_fair_none(x, "allocation.fair", node);
    if (!none && f->lambda_ppm == 0)
        return yaml_error(x->y, node, x->err,
                          "lambda is missing, which weighs items against users: such as "
                          "{users: -1, items: -1, lambda: 0.01}, or none");
    return HEED_OK;
}

enum heed_status rules_kinds(const struct reading *x, int node)
{
    const struct allocation_rules *a = &x->r->allocation;
    uint32_t slots[TARGET_KINDS];
    if (kinds_slots(a->kinds_ppm, NULL, a->k, slots) == 0)
        return yaml_error(x->y, node, x->err, "at least one share must be above 0");
    if (slots[TARGET_CONTENT] == 0 && a->floor_ppm > 0)
        return yaml_error(x->y, node, x->err,
                          "it cannot be kept beside allocation.floor, which promises every content "
                          "its share: of a feed of %u contents have no slot. Give them a larger "
                          "share, or set the floor to 0",
                          a->k);
    if (a->kinds_ppm[TARGET_USER] > 0) /* whoever is followed is not offered */
        x->r->behaviour.follow = (uint32_t)(behaviour_verb(&x->r->behaviour, STR("follow")) + 1);
    return HEED_OK;
}

/* A cap without a slot, and the floor's promise to all that may be shown.                       */
static enum heed_status caps_feasible(const struct reading *x, int list)
{
    const struct allocation_rules *a = &x->r->allocation;
    char buf[SELECTOR_BYTES + 16];
    uint32_t k = contents_slots(a);
    for (uint32_t i = 0; i < a->constraints.caps_n && a->floor_ppm > 0; i++)
        if (cap_slots(&a->constraints, i, k) == 0)
            return yaml_error(
                x->y, yaml_item(x->y, list, i), x->err,
                "it cannot be kept beside allocation.floor, which promises every content that may "
                "be "
                "shown its share: a feed of %u has no slot for %s. Give the cap a slot, hide the "
                "contents by `audience` or moderation, or set the floor to 0",
                k, what(&x->r->selection.caps[i], buf));
    return HEED_OK;
}

static enum heed_status groups_feasible(const struct reading *x, int list)
{
    const struct allocation_rules *a = &x->r->allocation;
    const struct constraint_rules *r = &a->constraints;
    const struct selection_rules *s = &x->r->selection;
    uint8_t tables[GROUPS_MAX][FEED_MAX + 1];
    char buf[SELECTOR_BYTES + 16];
    uint32_t k = contents_slots(a);
    for (uint32_t g = 0; g < r->groups_n; g++) {
        int row = yaml_item(x->y, list, g);
        group_table(k, r->groups[g].share_ppm / 1e6, r->groups[g].alpha_ppm / 1e6,
                    r->groups[g].adjusted, tables[g]);
        uint32_t least = tables[g][k];
        for (uint32_t i = 0; i < r->caps_n; i++)
            if (same(&s->caps[i], &s->groups[g]) && cap_slots(r, i, k) < least)
                return yaml_error(
                    x->y, row, x->err,
                    "it cannot be kept beside caps[%u]: it asks for at least %u of %s "
                    "in a feed of %u, the cap allows %u",
                    i, least, what(&s->groups[g], buf), k, cap_slots(r, i, k));
        if (!s->groups[g].kind && r->per_category && r->per_category < least)
            return yaml_error(
                x->y, row, x->err,
                "it cannot be kept beside per_category: it asks for at least %u of %s "
                "in a feed of %u, per_category allows %u",
                least, what(&s->groups[g], buf), k, r->per_category);
        for (uint32_t n = 1; n <= k; n++) { /* a content has one category and one kind */
            uint32_t sum = 0;
            for (uint32_t h = 0; h <= g; h++)
                sum += s->groups[h].kind == s->groups[g].kind ? tables[h][n] : 0;
            if (sum > n)
                return yaml_error(x->y, row, x->err,
                                  "it cannot be kept beside the groups above it: together they ask "
                                  "for %u of the first %u slots",
                                  sum, n);
        }
    }
    return HEED_OK;
}

enum heed_status rules_constraints(const struct reading *x, int node)
{
    struct constraint_rules *r = &x->r->allocation.constraints;
    if (!node)
        return HEED_OK;
    enum heed_status status = list_of(x, node, "caps", CAPS_MAX, cap, &r->caps_n);
    if (status == HEED_OK)
        status = list_of(x, node, "groups", GROUPS_MAX, group, &r->groups_n);
    if (status == HEED_OK)
        status =
            list_of(x, node, "audience", AUDIENCES_MAX, audience, &x->r->selection.audiences_n);
    if (status == HEED_OK)
        status = caps_feasible(x, yaml_get(x->y, node, "caps"));
    if (status == HEED_OK)
        status = groups_feasible(x, yaml_get(x->y, node, "groups"));
    if (status == HEED_OK && r->fresh_ppm > 0 && x->r->selection.max_age_ms > 0 &&
        x->r->selection.fresh_ms > x->r->selection.max_age_ms)
        status =
            yaml_error(x->y, yaml_get(x->y, node, "fresh"), x->err,
                       "fresh.within must not be longer than max_age, after which a content is "
                       "not shown at all");
    return status;
}
