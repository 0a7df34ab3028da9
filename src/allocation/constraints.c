/* What constraints ask: names, numbers, types of items, and whether a feed keeps them. */
#include "allocation/constrained.h"

#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>

enum { PPM = 1000000 };

const char *rule_name(enum rule rule, char buf[24])
{
    static const char *const plain[] = {"", "fresh", "per_creator", "per_category"};
    if (rule < RULE_CAP)
        snprintf(buf, 24, "%s", plain[rule]);
    else if (rule < RULE_LIMITED)
        snprintf(buf, 24, "%s[%d]", rule < RULE_GROUP ? "caps" : "groups",
                 (int)rule - (rule < RULE_GROUP ? RULE_CAP : RULE_GROUP));
    else
        snprintf(buf, 24, "%s", rule == RULE_LIMITED ? "limited" : "unknown");
    return buf;
}

enum family rule_family(enum rule rule)
{
    heed_assert(rule > RULE_NONE && rule < RULES);
    if (rule == RULE_LIMITED)
        return FAMILY_LIMITED;
    if (rule >= RULE_GROUP)
        return FAMILY_GROUP;
    return rule == RULE_FRESH     ? FAMILY_FRESH
           : rule == RULE_CREATOR ? FAMILY_CREATOR
                                  : FAMILY_CATEGORY;
}

const char *family_name(enum family f)
{
    static const char *const names[] = {"fresh", "per_creator", "category", "groups", "limited"};
    return (unsigned)f <= FAMILY_LIMITED ? names[f] : "unknown";
}

uint32_t fresh_slots(const struct constraint_rules *r, uint32_t n)
{
    return (uint32_t)(((uint64_t)n * r->fresh_ppm + PPM - 1) / PPM);
}

uint32_t cap_slots(const struct constraint_rules *r, size_t i, uint32_t k)
{
    uint32_t share = (uint32_t)((uint64_t)k * r->caps[i].share_ppm / PPM);
    return share < r->caps[i].max ? share : r->caps[i].max;
}

void constrained_free(struct constrained *c)
{
    if (!c)
        return;
    free(c->offsets);
    free(c->members);
    free(c->type_of);
    free(c->classes);
    free(c->category_of);
    free(c->creator_of);
    free(c->slices);
    free(c->count);
    free(c->heap);
    free(c->cursor);
    free(c->skipped);
    free(c->ready);
    free(c->creator_used);
    free(c->category_used);
    free(c->of_creator);
    free(c->in_category);
    free(c);
}

/* A dense number for a key, in order of first use. false: no memory.                            */
static bool number_of(struct map *m, uint64_t key, uint32_t *next, uint32_t *out)
{
    *out = map_get(m, key);
    if (*out != MAP_NONE)
        return true;
    *out = *next;
    return map_put(m, key, (*next)++);
}

static bool make_types(const struct allocator *a, struct constrained *c, const uint32_t *creator,
                       const uint32_t *category, const uint32_t *classes)
{
    const struct constraint_rules *r = &a->rules.constraints;
    struct map types, creators, categories;
    bool ok = true;
    map_init(&types);
    map_init(&creators);
    map_init(&categories);
    for (size_t i = 0; ok && i < a->n; i++) {
        uint32_t group = UINT32_MAX, maker = UINT32_MAX;
        if (!a->eligible[i])
            continue;
        uint64_t bits = classes[i] & ((1u << CLASS_LIMITED) - 1);
        bits |= (uint64_t)(a->eligible[i] == ELIGIBLE_LIMITED) << CLASS_LIMITED;
        if (r->per_category && category[i] != UINT32_MAX)
            ok = number_of(&categories, category[i], &c->categories, &group);
        if (r->per_creator && creator[i] != UINT32_MAX)
            ok = ok && number_of(&creators, creator[i], &c->creators, &maker);
        uint32_t before = c->types;
        ok = ok && number_of(&types, (uint64_t)group << 32 | bits, &c->types, &c->type_of[i]);
        if (!ok)
            break;
        if (c->types > before) {
            c->classes[before] = (uint32_t)bits;
            c->category_of[before] = group;
        }
        c->creator_of[i] = maker;
    }
    map_deinit(&types);
    map_deinit(&creators);
    map_deinit(&categories);
    return ok;
}

static void sort_by_type(const struct allocator *a, struct constrained *c)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->eligible[i])
            c->offsets[c->type_of[i] + 1]++;
    for (uint32_t t = 0; t < c->types; t++) {
        c->offsets[t + 1] += c->offsets[t];
        c->count[t] = c->offsets[t];
    }
    for (uint32_t i = 0; i < a->n; i++)
        if (a->eligible[i])
            c->members[c->count[c->type_of[i]]++] = i;
}

enum heed_status allocator_constrain(struct allocator *a, const uint32_t *creator,
                                     const uint32_t *category, const uint32_t *classes)
{
    const struct constraint_rules *r = &a->rules.constraints;
    heed_assert(r->caps_n <= CAPS_MAX && r->groups_n <= GROUPS_MAX);
    constrained_free(a->constrained);
    a->constrained = NULL;
    if (!r->per_creator && !r->per_category && !r->fresh_ppm && !r->caps_n && !r->groups_n)
        return HEED_OK;
    struct constrained *c = a->constrained = calloc(1, sizeof *c);
    if (!c)
        return HEED_NOMEM;
    size_t n = a->n + 1;
    c->offsets = calloc(n + 1, sizeof *c->offsets);
    c->members = malloc(n * sizeof *c->members);
    c->type_of = malloc(n * sizeof *c->type_of);
    c->classes = malloc(n * sizeof *c->classes);
    c->category_of = malloc(n * sizeof *c->category_of);
    c->creator_of = malloc(n * sizeof *c->creator_of);
    c->slices = malloc(n * sizeof *c->slices);
    c->count = malloc(n * sizeof *c->count);
    c->heap = malloc(n * sizeof *c->heap);
    c->cursor = malloc(n * sizeof *c->cursor);
    c->skipped = malloc(n * sizeof *c->skipped);
    c->ready = malloc(n * sizeof *c->ready);
    c->creator_used = calloc(n, 1);
    c->category_used = calloc(n, 1);
    c->of_creator = malloc(n * sizeof *c->of_creator);
    c->in_category = calloc(n, sizeof *c->in_category);
    if (!c->offsets || !c->members || !c->type_of || !c->classes || !c->category_of ||
        !c->creator_of || !c->slices || !c->count || !c->heap || !c->cursor || !c->skipped ||
        !c->ready || !c->creator_used || !c->category_used || !c->of_creator || !c->in_category ||
        !make_types(a, c, creator, category, classes)) {
        constrained_free(c);
        a->constrained = NULL;
        return HEED_NOMEM;
    }
    sort_by_type(a, c);
    return HEED_OK;
}

bool allocator_constrained(const struct allocator *a)
{
    return a->constrained != NULL;
}

const struct relaxed *allocator_relaxed(const struct allocator *a, size_t *n)
{
    *n = a->constrained ? a->constrained->relaxed_n : 0;
    return a->constrained ? a->constrained->relaxed : NULL;
}

void constrained_tables(struct allocator *a, uint32_t n)
{
    struct constrained *c = a->constrained;
    const struct constraint_rules *r = &a->rules.constraints;
    if (c->tables_n == n)
        return;
    for (uint32_t g = 0; g < r->groups_n; g++)
        group_table(n, r->groups[g].share_ppm / 1e6, r->groups[g].alpha_ppm / 1e6,
                    r->groups[g].adjusted, c->tables[g]);
    c->tables_n = n;
}

/* ── whether a feed keeps them ── */

struct ledger_of_rules {
    struct relaxed *out;
    size_t rows;
    uint32_t excess;
};

static void at_most(struct ledger_of_rules *l, enum rule rule, uint32_t got, uint32_t wanted,
                    uint32_t among)
{
    if (got <= wanted)
        return;
    l->excess += got - wanted;
    if (l->out)
        l->out[l->rows] = (struct relaxed){rule, wanted, got, among, false};
    l->rows++;
}

static void at_least(struct ledger_of_rules *l, enum rule rule, uint32_t got, uint32_t wanted,
                     uint32_t among, const uint32_t *available)
{
    if (got >= wanted)
        return;
    l->excess += wanted - got;
    if (l->out)
        l->out[l->rows] =
            (struct relaxed){rule, wanted, got, among, available && *available < wanted};
    l->rows++;
}

/* The most that any of one number has among items[n], of of(item).                              */
static uint32_t most_of_one(const uint32_t *of, const uint32_t *type_of, const uint32_t *items,
                            size_t n, uint32_t limit, uint32_t *excess)
{
    uint32_t most = 0;
    *excess = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t mine = of[type_of ? type_of[items[i]] : items[i]], same = 1;
        for (size_t j = 0; j < i; j++)
            same += of[type_of ? type_of[items[j]] : items[j]] == mine;
        if (mine == UINT32_MAX)
            continue;
        most = same > most ? same : most;
        *excess += same > limit;
    }
    return most;
}

static void per_one(struct ledger_of_rules *l, enum rule rule, const uint32_t *of,
                    const uint32_t *type_of, const uint32_t *items, size_t n, uint32_t limit)
{
    uint32_t excess, most = most_of_one(of, type_of, items, n, limit, &excess);
    at_most(l, rule, most, limit, (uint32_t)n);
    if (most > limit)
        l->excess += excess - (most - limit);
}

/* The prefix that lacks most of a group, the shortest such.                                     */
static void group_lacks(struct ledger_of_rules *l, const struct constrained *c, uint32_t g,
                        const uint32_t *items, size_t n, const uint32_t *available)
{
    uint32_t has = 0, worst = 0, has_there = 0, among = 0;
    for (uint32_t r = 0; r < n; r++) {
        has += c->classes[c->type_of[items[r]]] >> (CAPS_MAX + g) & 1;
        uint32_t least = c->tables[g][r + 1];
        if (least > has && least - has > worst) {
            worst = least - has;
            has_there = has;
            among = r + 1;
        }
    }
    if (worst)
        at_least(l, (enum rule)(RULE_GROUP + g), has_there, c->tables[g][among], among, available);
}

uint32_t constrained_broken(struct allocator *a, const uint32_t *items, size_t n, uint32_t k,
                            const uint32_t *available, struct relaxed *out, size_t *rows)
{
    struct constrained *c = a->constrained;
    const struct constraint_rules *r = &a->rules.constraints;
    struct ledger_of_rules l = {out, 0, 0};
    uint32_t size = (uint32_t)n, counts[CLASS_LIMITED + 1] = {0};
    for (size_t i = 0; i < n; i++)
        for (int b = 0; b <= CLASS_LIMITED; b++)
            counts[b] += c->classes[c->type_of[items[i]]] >> b & 1;
    constrained_tables(a, size);
    at_least(&l, RULE_FRESH, counts[CLASS_FRESH], fresh_slots(r, size), size, available);
    if (r->per_creator)
        per_one(&l, RULE_CREATOR, c->creator_of, NULL, items, n, r->per_creator);
    if (r->per_category)
        per_one(&l, RULE_CATEGORY, c->category_of, c->type_of, items, n, r->per_category);
    for (uint32_t i = 0; i < r->caps_n; i++)
        at_most(&l, (enum rule)(RULE_CAP + i), counts[i], cap_slots(r, i, k), size);
    for (uint32_t g = 0; g < r->groups_n; g++)
        group_lacks(&l, c, g, items, n, available ? available + 1 + g : NULL);
    *rows = l.rows;
    return l.excess;
}

static uint32_t deviation(const struct relaxed *r)
{
    return r->got > r->wanted ? r->got - r->wanted : r->wanted - r->got;
}

uint32_t allocator_forbids(struct allocator *a, const struct slot *slots, size_t n, uint32_t k,
                           uint32_t item)
{
    struct relaxed before[RULES], after[RULES];
    uint32_t items[FEED_MAX], forbids = 0, off[RULES] = {0};
    size_t before_n, after_n;
    if (!a->constrained || n == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        items[i] = slots[i].item;
    k = k < a->eligible_n ? k : (uint32_t)a->eligible_n;
    (void)constrained_broken(a, items, n, k, NULL, before, &before_n);
    items[n - 1] = item;
    (void)constrained_broken(a, items, n, k, NULL, after, &after_n);
    for (size_t i = 0; i < before_n; i++)
        off[before[i].rule] = deviation(&before[i]);
    for (size_t i = 0; i < after_n; i++)
        if (deviation(&after[i]) > off[after[i].rule])
            forbids |= 1u << after[i].rule;
    return forbids;
}
