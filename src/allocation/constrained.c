/* The search for a feed that keeps the constraints: greedy from the top, back where that leads
 * nowhere, rules relaxed where there is no way, debts of the floor in the last slots. */
#include "allocation/constrained_search.h"

enum { SEARCH_LOOKS_ONCE = 4000 };
#define ANY UINT32_MAX
#define PAIRED (1u << 31) /* in `rejected`: two needs that do not fit into what is left */

/* ── slices: sorted as far as needed ── */

static void sift_down(struct candidate *heap, size_t n, size_t at)
{
    struct candidate x = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && candidate_better(&heap[child + 1], &heap[child]))
            child++;
        if (!candidate_better(&heap[child], &x))
            break;
        heap[at] = heap[child];
    }
    heap[at] = x;
}

/* The j-th best of a type, from 0; j < count[t].                                                */
static const struct candidate *nth_known(struct constrained *c, uint32_t t, uint32_t j)
{
    struct candidate *slice = c->slices + c->offsets[t];
    if (!c->ready[t]) {
        for (size_t i = c->count[t] / 2; i-- > 0;)
            sift_down(slice, c->count[t], i);
        c->ready[t] = true;
    }
    while (c->count[t] - c->heap[t] <= j) {
        struct candidate best = slice[0];
        slice[0] = slice[--c->heap[t]];
        slice[c->heap[t]] = best;
        if (c->heap[t] > 1)
            sift_down(slice, c->heap[t], 0);
    }
    return &slice[c->count[t] - 1 - j];
}

/* The same, where one may be supposed to score otherwise.                                       */
static const struct candidate *nth(struct search *s, uint32_t t, uint32_t j)
{
    if (t != s->home)
        return nth_known(s->c, t, j);
    if (j == s->now_at)
        return &s->as;
    j -= j > s->now_at;
    return nth_known(s->c, t, j + (j >= s->was_at));
}

static bool in_need(uint32_t classes, uint32_t need)
{
    return classes >> (need == 0 ? CLASS_FRESH : CAPS_MAX + need - 1) & 1;
}

/* All candidates by type, and what the user may be shown of each need. Returns the feed's size.  */
static uint32_t fill_slices(struct search *s, const struct feed_request *q)
{
    struct allocator *a = s->a;
    struct constrained *c = s->c;
    uint32_t needs = 1 + a->rules.constraints.groups_n, free_items = 0, limited_items = 0;
    uint32_t of_need[NEEDS][2] = {{0}};
    for (uint32_t t = 0; t < c->types; t++) {
        uint32_t n = 0, from = c->offsets[t], classes = c->classes[t];
        struct candidate *slice = c->slices + from;
        for (uint32_t i = from; i < c->offsets[t + 1]; i++)
            if (!(a->marks[c->members[i]] & MARK_BLOCKED))
                slice[n++] = allocator_candidate(a, q->algorithm, c->members[i]);
        c->count[t] = c->heap[t] = n;
        c->ready[t] = false;
        bool limited = classes >> CLASS_LIMITED & 1;
        *(limited ? &limited_items : &free_items) += n;
        for (uint32_t x = 0; x < needs; x++)
            if (in_need(classes, x))
                of_need[x][limited] += n;
    }
    for (uint32_t x = 0; x < needs; x++)
        c->available[x] = of_need[x][0] + (of_need[x][1] < q->limited ? of_need[x][1] : q->limited);
    limited_items = limited_items < q->limited ? limited_items : q->limited;
    uint32_t all = free_items + limited_items;
    return s->k < all ? s->k : all;
}

/* ── limits and what is used ── */

static uint32_t less(uint32_t x, uint32_t y)
{
    return x > y ? x - y : 0;
}

static uint32_t more(uint32_t x, uint32_t y)
{
    return x > ANY - y ? ANY : x + y;
}

static void take(struct search *s, uint32_t item, bool forced)
{
    struct constrained *c = s->c;
    uint32_t t = c->type_of[item], classes = c->classes[t];
    uint32_t needs = 1 + s->a->rules.constraints.groups_n;
    s->a->marks[item] |= MARK_TAKEN;
    s->limited += classes >> CLASS_LIMITED & 1;
    for (uint32_t i = 0; i < s->a->rules.constraints.caps_n; i++)
        s->caps[i] += classes >> i & 1;
    if (c->category_of[t] != ANY)
        c->category_used[c->category_of[t]]++;
    if (c->creator_of[item] != ANY)
        c->creator_used[c->creator_of[item]]++;
    s->stale += !in_need(classes, 0);
    for (uint32_t x = 0; x < needs; x++) {
        bool in = in_need(classes, x);
        s->has[x] += in;
        if (x > 0 && !forced)
            s->out[x - 1] += !in;
        for (uint32_t y = 0; y < x; y++)
            s->both[x][y] -= in && in_need(classes, y);
    }
}

static void give_back(struct search *s, uint32_t item, bool forced)
{
    struct constrained *c = s->c;
    uint32_t t = c->type_of[item], classes = c->classes[t];
    uint32_t needs = 1 + s->a->rules.constraints.groups_n;
    s->a->marks[item] &= (uint8_t)~MARK_TAKEN;
    s->limited -= classes >> CLASS_LIMITED & 1;
    for (uint32_t i = 0; i < s->a->rules.constraints.caps_n; i++)
        s->caps[i] -= classes >> i & 1;
    if (c->category_of[t] != ANY)
        c->category_used[c->category_of[t]]--;
    if (c->creator_of[item] != ANY)
        c->creator_used[c->creator_of[item]]--;
    s->stale -= !in_need(classes, 0);
    for (uint32_t x = 0; x < needs; x++) {
        bool in = in_need(classes, x);
        s->has[x] -= in;
        if (x > 0 && !forced)
            s->out[x - 1] -= !in;
        for (uint32_t y = 0; y < x; y++)
            s->both[x][y] += in && in_need(classes, y);
    }
}

/* Limits by the rules and what is relaxed; counters as nothing were taken.                      */
static void begin(struct search *s, uint32_t limited)
{
    const struct constraint_rules *r = &s->a->rules.constraints;
    struct constrained *c = s->c;
    uint32_t needs = 1 + r->groups_n, fresh = fresh_slots(r, s->size);
    s->limited_cap = limited;
    s->creator_cap = r->per_creator ? more(r->per_creator, s->level[FAMILY_CREATOR]) : ANY;
    s->category_cap = r->per_category ? more(r->per_category, s->level[FAMILY_CATEGORY]) : ANY;
    for (uint32_t i = 0; i < r->caps_n; i++)
        s->cap[i] = more(cap_slots(r, i, s->k), s->level[FAMILY_CATEGORY]);
    fresh = fresh < c->available[0] ? fresh : c->available[0];
    s->need[0] = less(fresh, s->level[FAMILY_FRESH]);
    s->stale_cap = s->size - s->need[0];
    for (uint32_t g = 0; g < r->groups_n; g++) {
        for (uint32_t i = 0; i <= s->size; i++) {
            uint32_t least = c->tables[g][i];
            least = least < c->available[1 + g] ? least : c->available[1 + g];
            s->least[g][i] = (uint8_t)less(least, s->level[FAMILY_GROUP]);
        }
        s->need[1 + g] = s->least[g][s->size];
        s->out[g] = 0;
    }
    s->limited = s->stale = 0;
    memset(s->caps, 0, sizeof s->caps);
    memset(s->has, 0, sizeof s->has);
    memset(s->both, 0, sizeof s->both);
    for (uint32_t t = 0; t < c->types; t++)
        for (uint32_t x = 1; x < needs && c->count[t]; x++)
            for (uint32_t y = 0; y < x; y++)
                if (in_need(c->classes[t], x) && in_need(c->classes[t], y))
                    s->both[x][y] += s->c->count[t];
}

/* Whether two needs fit into the slots left once an item of these classes is taken; else one that
 * the item does not serve.                                                                      */
static enum rule needs_left(struct search *s, uint32_t classes, uint32_t left)
{
    uint32_t needs = 1 + s->a->rules.constraints.groups_n;
    for (uint32_t x = 1; x < needs; x++)
        for (uint32_t y = 0; y < x; y++) {
            bool in_x = in_need(classes, x), in_y = in_need(classes, y);
            uint32_t want_x = less(s->need[x], s->has[x] + in_x);
            uint32_t want_y = less(s->need[y], s->has[y] + in_y);
            uint32_t shared = s->both[x][y] - (in_x && in_y);
            shared = want_x < shared ? want_x : shared;
            shared = want_y < shared ? want_y : shared;
            if (want_x + want_y - shared > left) {
                s->rejected |= PAIRED;
                if (in_y)
                    return (enum rule)(RULE_GROUP + x - 1);
                return y == 0 ? RULE_FRESH : (enum rule)(RULE_GROUP + y - 1);
            }
        }
    return RULE_NONE;
}

/* What keeps an item of a type from slot r: all rules but that on creators.                     */
static enum rule forbidden(struct search *s, uint32_t t, uint32_t r)
{
    const struct constraint_rules *rules = &s->a->rules.constraints;
    uint32_t classes = s->c->classes[t], category = s->c->category_of[t];
    if (classes >> CLASS_LIMITED & 1 && s->limited >= s->limited_cap)
        return RULE_LIMITED;
    for (uint32_t i = 0; i < rules->caps_n; i++)
        if (classes >> i & 1 && s->caps[i] >= s->cap[i])
            return (enum rule)(RULE_CAP + i);
    if (category != ANY && s->c->category_used[category] >= s->category_cap)
        return RULE_CATEGORY;
    if (!in_need(classes, 0) && s->stale >= s->stale_cap)
        return RULE_FRESH;
    for (uint32_t g = 0; g < rules->groups_n; g++) {
        uint32_t most = r + 1 - s->least[g][r + 1];
        most = most < s->out_end[g] ? most : s->out_end[g];
        if (!in_need(classes, 1 + g) && s->out[g] >= most)
            return (enum rule)(RULE_GROUP + g);
    }
    return needs_left(s, classes, s->slots - r - 1);
}

static bool creator_full(const struct search *s, uint32_t item)
{
    uint32_t creator = s->c->creator_of[item];
    return creator != ANY && s->c->creator_used[creator] >= s->creator_cap;
}

/* ── search ── */

enum mode {
    GREEDY, /* nothing is given back: what was passed over need not be looked at again */
    TYPES,  /* at each slot the best of each type is tried                             */
    ALL     /* every item                                                              */
};

/* The best of a type for a slot, worse than `tried` unless that is NULL; NULL: none. *first: the
 * best that its creator has no room for, or NULL.                                               */
static const struct candidate *best_of(struct search *s, uint32_t t, enum mode mode,
                                       const struct candidate *tried,
                                       const struct candidate **first)
{
    struct constrained *c = s->c;
    *first = mode == GREEDY && c->skipped[t] != ANY ? nth(s, t, c->skipped[t]) : NULL;
    for (uint32_t j = mode == GREEDY ? c->cursor[t] : 0; j < c->count[t]; j++) {
        const struct candidate *x = nth(s, t, j);
        if (mode == GREEDY)
            c->cursor[t] = j;
        else if (s->looks > 0)
            s->looks--;
        if (s->a->marks[x->item] & MARK_TAKEN)
            continue;
        if (creator_full(s, x->item)) {
            s->rejected |= 1u << RULE_CREATOR;
            if (!*first)
                *first = x;
            if (mode == GREEDY && c->skipped[t] == ANY)
                c->skipped[t] = j;
            continue;
        }
        if (tried && !candidate_better(tried, x)) {
            if (mode == TYPES)
                return NULL;
            continue;
        }
        return x;
    }
    if (mode == GREEDY)
        c->cursor[t] = c->count[t];
    return NULL;
}

static const struct candidate *untaken(struct search *s, uint32_t t, enum mode mode)
{
    const struct constrained *c = s->c;
    for (uint32_t j = mode == GREEDY ? c->cursor[t] : 0; j < c->count[t]; j++) {
        const struct candidate *x = nth(s, t, j);
        if (!(s->a->marks[x->item] & MARK_TAKEN))
            return x;
    }
    return NULL;
}

/* The best item for slot r that no rule forbids, worse than `tried`; why[r]: what forbade better
 * ones.                                                                                         */
static const struct candidate *best_for(struct search *s, uint32_t r, enum mode mode,
                                        const struct candidate *tried)
{
    const struct candidate *best = NULL, *lost[RULES] = {NULL};
    uint32_t why = 0;
    for (uint32_t t = 0; t < s->c->types; t++) {
        if (s->c->count[t] == 0)
            continue;
        if (mode != GREEDY && s->looks > 0)
            s->looks--;
        enum rule rule = forbidden(s, t, r);
        const struct candidate *x = NULL, *out = NULL;
        if (rule != RULE_NONE) {
            out = untaken(s, t, mode);
            if (out)
                s->rejected |= 1u << rule;
        } else {
            x = best_of(s, t, mode, tried, &out);
            rule = RULE_CREATOR;
        }
        if (x && (!best || candidate_better(x, best)))
            best = x;
        if (out && (!lost[rule] || candidate_better(out, lost[rule])))
            lost[rule] = out;
    }
    for (enum rule rule = RULE_NONE; rule < RULES; rule++)
        if (lost[rule] && (!best || candidate_better(lost[rule], best)))
            why |= 1u << rule;
    if (!best)
        s->dead_end = why;
    s->why[r] = why;
    return best;
}

static void choose(struct search *s, uint32_t r, const struct candidate *x)
{
    s->chosen[r] = *x;
    take(s, x->item, false);
}

/* What slot r of a known feed holds now that an item is supposed to score otherwise, as long as all
 * slots above are as they were; NULL: that must be looked for.                                   */
static const struct candidate *still(struct search *s, uint32_t r, bool *same)
{
    const struct candidate *was = &s->known[r];
    if (was->item != s->as.item &&
        (!candidate_better(&s->as, was) || forbidden(s, s->home, r) != RULE_NONE ||
         creator_full(s, s->as.item)))
        return was;
    *same = false;
    return was->item != s->as.item ? &s->as : NULL;
}

static bool greedy(struct search *s)
{
    bool same = s->known != NULL;
    for (uint32_t t = 0; t < s->c->types; t++) {
        s->c->cursor[t] = 0;
        s->c->skipped[t] = ANY;
    }
    for (uint32_t r = 0; r < s->slots; r++) {
        const struct candidate *x = same ? still(s, r, &same) : NULL;
        if (!x)
            x = best_for(s, r, GREEDY, NULL);
        if (!x) {
            while (r-- > 0)
                give_back(s, s->chosen[r].item, false);
            return false;
        }
        choose(s, r, x);
    }
    return true;
}

/* The same from nothing where it leads nowhere from a known feed.                                */
static bool greedy_or_anew(struct search *s)
{
    if (greedy(s))
        return true;
    bool again = s->known != NULL;
    s->known = NULL;
    return again && greedy(s);
}

/* Fills slots from r on, or takes nothing. Depth: the slots of a feed.                          */
static bool backtrack(struct search *s, uint32_t r, enum mode mode)
{
    const struct candidate *tried = NULL;
    struct candidate last;
    if (r == s->slots)
        return true;
    for (;;) {
        const struct candidate *x = best_for(s, r, mode, tried);
        if (!x)
            return false;
        if (tried && s->why[r] == 0) /* the better ones led nowhere */
            s->why[r] = s->dead_end;
        last = *x;
        tried = &last;
        choose(s, r, x);
        if (backtrack(s, r + 1, mode))
            return true;
        give_back(s, last.item, false);
        if (s->looks == 0)
            return false;
    }
}

/* Better items rise past worse ones where no prefix comes to lack of a group by it.             */
static void arrange(struct search *s)
{
    uint32_t groups = s->a->rules.constraints.groups_n;
    bool moved = true;
    for (uint32_t pass = 0; moved && pass < s->slots; pass++) {
        uint32_t out[GROUPS_MAX] = {0};
        moved = false;
        for (uint32_t i = 0; i + 1 < s->slots; i++) {
            uint32_t upper = s->c->classes[s->c->type_of[s->chosen[i].item]];
            uint32_t lower = s->c->classes[s->c->type_of[s->chosen[i + 1].item]];
            bool may = candidate_better(&s->chosen[i + 1], &s->chosen[i]);
            for (uint32_t g = 0; g < groups; g++)
                may = may && out[g] + !in_need(lower, 1 + g) <= i + 1 - s->least[g][i + 1];
            if (may) {
                struct candidate x = s->chosen[i];
                uint32_t why = s->why[i];
                s->chosen[i] = s->chosen[i + 1];
                s->why[i] = s->why[i + 1];
                s->chosen[i + 1] = x;
                s->why[i + 1] = why;
                moved = true;
            }
            for (uint32_t g = 0; g < groups; g++)
                out[g] += !in_need(may ? lower : upper, 1 + g);
        }
    }
}

/* Takes forced[n] for the last slots: whether their own group tables allow that.                */
static bool force(struct search *s, const uint32_t *forced, uint32_t n)
{
    bool possible = true;
    s->slots = s->size - n;
    for (uint32_t g = 0; g < s->a->rules.constraints.groups_n; g++) {
        uint32_t most = s->slots - s->least[g][s->slots], out = 0;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t among = s->slots + i + 1, room = among - s->least[g][among];
            out += !in_need(s->c->classes[s->c->type_of[forced[i]]], 1 + g);
            if (room < out) {
                s->rejected |= 1u << (RULE_GROUP + g);
                possible = false;
            }
            most = less(room, out) < most ? less(room, out) : most;
        }
        s->out_end[g] = most;
    }
    for (uint32_t i = 0; i < n; i++)
        take(s, forced[i], true);
    return possible;
}

/* Whether one rule alone leaves too few items for a feed: then there is no need to search.
 * O(types + candidates the first time).                                                        */
static bool one_forbids(struct search *s)
{
    const struct constraint_rules *r = &s->a->rules.constraints;
    struct constrained *c = s->c;
    uint64_t all = 0, in_cap[CAPS_MAX] = {0}, room = 0;
    for (uint32_t t = 0; t < c->types; t++) {
        all += c->count[t];
        for (uint32_t i = 0; i < r->caps_n; i++)
            in_cap[i] += c->classes[t] >> i & 1 ? c->count[t] : 0;
        if (c->category_of[t] != ANY)
            c->in_category[c->category_of[t]] += c->count[t];
        else
            room += c->count[t];
    }
    for (uint32_t x = 0; x < c->categories; x++) {
        room += c->in_category[x] < s->category_cap ? c->in_category[x] : s->category_cap;
        c->in_category[x] = 0;
    }
    bool forbids = room < s->size;
    for (uint32_t i = 0; i < r->caps_n; i++)
        forbids = forbids || all - (in_cap[i] > s->cap[i] ? in_cap[i] - s->cap[i] : 0) < s->size;
    if (forbids || !r->per_creator)
        return forbids;
    if (!s->creators_known) {
        memset(c->of_creator, 0, c->creators * sizeof *c->of_creator);
        s->without_creator = 0;
        for (uint32_t t = 0; t < c->types; t++)
            for (uint32_t i = 0; i < c->count[t]; i++) {
                uint32_t creator = c->creator_of[c->slices[c->offsets[t] + i].item];
                *(creator == ANY ? &s->without_creator : &c->of_creator[creator]) += 1;
            }
        s->creators_known = true;
    }
    room = s->without_creator;
    for (uint32_t x = 0; x < c->creators && room < s->size; x++)
        room += c->of_creator[x] < s->creator_cap ? c->of_creator[x] : s->creator_cap;
    return room < s->size;
}

/* A feed whose last n slots are forced, under the levels as they are; false: nothing is taken.  */
static bool solve(struct search *s, uint32_t limited, const uint32_t *forced, uint32_t n)
{
    begin(s, limited);
    s->rejected = 0;
    if (s->relaxing && one_forbids(s))
        return false;
    bool found = force(s, forced, n) && greedy_or_anew(s);
    s->greedily = found;
    /* what one rule alone forbids is impossible: greedy fills all that a matroid can hold */
    if (!found && (s->rejected & (s->rejected - 1)) && s->looks_left > 0 &&
        (s->relaxing || !one_forbids(s))) {
        uint32_t looks = s->looks_left < SEARCH_LOOKS_ONCE ? s->looks_left : SEARCH_LOOKS_ONCE;
        for (enum mode mode = TYPES; mode <= ALL && !found; mode++) {
            s->dead_end = 0;
            s->looks = mode == TYPES ? looks / 2 : looks - looks / 2;
            s->looks_left -= s->looks;
            found = backtrack(s, 0, mode);
            s->looks_left += s->looks;
        }
        if (found)
            arrange(s);
    }
    for (uint32_t i = 0; i < n && !found; i++)
        give_back(s, forced[i], true);
    return found;
}

void search_undo(struct search *s, const uint32_t *forced, uint32_t n)
{
    for (uint32_t r = 0; r < s->slots; r++)
        give_back(s, s->chosen[r].item, false);
    for (uint32_t i = 0; i < n; i++)
        give_back(s, forced[i], true);
}

/* The least level of a family, from `low` on, at which no rule by itself forbids a feed.         */
static uint32_t least_level(struct search *s, uint32_t limited, int f, uint32_t low)
{
    uint32_t high = s->size;
    while (low < high) {
        s->level[f] = low + (high - low) / 2;
        begin(s, limited);
        if (one_forbids(s))
            low = s->level[f] + 1;
        else
            high = s->level[f];
    }
    return low;
}

/* The levels at which there is a feed, which is left taken. Families are given up in order until
 * there is one; then, from the last of them back, each gets as much as it can keep.             */
static void relax(struct search *s, uint32_t limited)
{
    int broken = 0;
    memset(s->level, 0, sizeof s->level);
    s->known = s->like && s->like->natural_greedily ? s->like->natural : NULL;
    bool taken = solve(s, limited, NULL, 0);
    s->known = NULL;
    s->natural_greedily = taken && s->greedily;
    if (taken)
        return;
    s->relaxing = true;
    for (; !taken; broken++) {
        heed_assert(broken < FAMILIES);
        s->level[broken] = s->size;
        taken = solve(s, limited, NULL, 0);
    }
    for (int f = broken - 1; f >= 0; f--) {
        bool last = f == broken - 1; /* 0 is known not to do for it, all of it is */
        if (taken)
            search_undo(s, NULL, 0);
        uint32_t low = least_level(s, limited, f, last), high = s->size, level = low;
        taken = false;
        while (low < high) { /* the least is the likeliest */
            s->level[f] = level;
            if (taken)
                search_undo(s, NULL, 0);
            taken = solve(s, limited, NULL, 0);
            if (taken)
                high = level;
            else
                low = level + 1;
            level = low + (high - low) / 2;
        }
        s->level[f] = high;
    }
    s->relaxing = false;
    s->looks_left = SEARCH_LOOKS_ONCE; /* as many as it was found with, at least */
    taken = taken || solve(s, limited, NULL, 0);
    heed_assert(taken);
}

/* ── debts ── */

/* What keeps an owed item from the last slots beside those forced already, which are taken.     */
static enum rule forbids_debt(struct search *s, uint32_t item, uint32_t forced)
{
    const struct constraint_rules *rules = &s->a->rules.constraints;
    uint32_t t = s->c->type_of[item], classes = s->c->classes[t];
    if (classes >> CLASS_LIMITED & 1 && s->limited >= s->limited_cap)
        return RULE_LIMITED;
    for (uint32_t i = 0; i < rules->caps_n; i++)
        if (classes >> i & 1 && s->caps[i] >= s->cap[i])
            return (enum rule)(RULE_CAP + i);
    if (s->c->category_of[t] != ANY && s->c->category_used[s->c->category_of[t]] >= s->category_cap)
        return RULE_CATEGORY;
    if (creator_full(s, item))
        return RULE_CREATOR;
    if (!in_need(classes, 0) && s->stale >= s->stale_cap)
        return RULE_FRESH;
    for (uint32_t g = 0; g < rules->groups_n; g++)
        if (!in_need(classes, 1 + g) && forced + 1 - s->has[1 + g] > s->size - s->least[g][s->size])
            return (enum rule)(RULE_GROUP + g);
    return RULE_NONE;
}

static enum family first_family(uint32_t rejected)
{
    for (enum rule r = RULE_FRESH; r < RULES; r++)
        if (rejected >> r & 1)
            return rule_family(r);
    return FAMILY_FRESH;
}

/* What a feed like this one, made by greed alone, holds beside the same debts; else NULL.        */
static const struct candidate *known_beside(const struct search *s, const uint32_t *forced,
                                            uint32_t n)
{
    const struct search *like = s->like;
    bool same = like && like->natural_greedily && s->natural_greedily && like->greedily &&
                like->size - like->slots == n;
    for (uint32_t i = 0; same && i < n; i++)
        same = like->forced[i] == forced[i];
    return same ? like->chosen : NULL;
}

/* Makes the last slots pay as many of a->creditors[n], in their order, as the rules leave, `slots`
 * at most. Nothing is taken when it begins. Returns how many, in forced.                        */
static uint32_t pay(struct search *s, uint32_t limited, size_t n, uint32_t slots,
                    uint32_t forced[FEED_MAX])
{
    uint32_t paying = 0;
    begin(s, limited);
    for (size_t i = 0; i < n && paying < slots; i++) {
        uint32_t item = s->a->creditors[i].item;
        enum rule rule = forbids_debt(s, item, paying);
        if (rule != RULE_NONE) {
            s->c->forbade[rule_family(rule)]++;
            continue;
        }
        take(s, item, true);
        forced[paying++] = item;
    }
    for (uint32_t i = 0; i < paying; i++)
        give_back(s, forced[i], true);
    while (s->known = known_beside(s, forced, paying), !solve(s, limited, forced, paying)) {
        heed_assert(paying > 0); /* without debts there was a feed under these levels */
        s->c->forbade[first_family(s->rejected)]++;
        if (--paying == 0)
            s->looks_left = SEARCH_LOOKS_ONCE;
    }
    s->known = NULL;
    return paying;
}

struct search search_in(struct allocator *a, const struct feed_request *q)
{
    struct search s = {.a = a, .c = a->constrained, .looks_left = SEARCH_LOOKS, .home = ANY};
    s.k = q->k < FEED_MAX ? q->k : FEED_MAX;
    s.k = s.k < a->eligible_n ? s.k : (uint32_t)a->eligible_n;
    s.size = s.slots = fill_slices(&s, q);
    constrained_tables(a, s.size);
    return s;
}

/* Debts in the last slots of a feed that relax has left taken. Returns how many, in forced.      */
static uint32_t pay_debts(struct search *s, const struct feed_request *q, uint64_t urgent,
                          uint32_t forced[FEED_MAX])
{
    struct allocator *a = s->a;
    uint32_t slots = q->owed ? q->owed_slots : 0;
    const struct candidate *natural = s->natural;
    slots = slots < s->size ? slots : s->size;
    memcpy(s->natural, s->chosen, s->size * sizeof *s->natural);
    if (slots == 0)
        return 0;
    search_undo(s, NULL, 0);
    for (uint32_t i = 0; i < s->size - slots; i++)
        a->marks[natural[i].item] |= MARK_TAKEN;
    size_t most = 2 * (size_t)slots + 8;
    size_t owed = allocator_creditors(a, q->owed, most < FEED_MAX ? most : FEED_MAX, urgent);
    for (uint32_t i = 0; i < s->size - slots; i++)
        a->marks[natural[i].item] &= (uint8_t)~MARK_TAKEN;
    return pay(s, q->limited, owed, slots, forced);
}

uint32_t search_feed(struct search *s, const struct feed_request *q, uint64_t urgent)
{
    relax(s, q->limited);
    return pay_debts(s, q, urgent, s->forced);
}

size_t constrained_pick(struct allocator *a, const struct feed_request *q, uint64_t urgent,
                        uint32_t items[FEED_MAX], uint32_t why[FEED_MAX], size_t *paying)
{
    struct search s = search_in(a, q);
    uint32_t n = search_feed(&s, q, urgent), *forced = s.forced;
    for (uint32_t i = 0; i < s.slots; i++) {
        items[i] = s.chosen[i].item;
        why[i] = s.why[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        items[s.slots + i] = forced[i];
        why[s.slots + i] = 0;
    }
    *paying = n;
    for (uint32_t i = 0; i < s.size; i++) { /* counters are zero between feeds */
        uint32_t creator = s.c->creator_of[items[i]];
        uint32_t category = s.c->category_of[s.c->type_of[items[i]]];
        if (creator != ANY)
            s.c->creator_used[creator] = 0;
        if (category != ANY)
            s.c->category_used[category] = 0;
    }
    (void)constrained_broken(a, items, s.size, s.k, s.c->available, s.c->relaxed, &s.c->relaxed_n);
    return s.size;
}

void search_forbids(struct search *s, uint32_t limited, const struct candidate *chosen,
                    uint32_t slots, const uint32_t *forced, uint32_t paying, const uint32_t *items,
                    size_t n, uint8_t rules[][FEED_MAX])
{
    begin(s, limited);
    (void)force(s, forced, paying);
    for (uint32_t r = 0; r < slots; r++) {
        for (size_t i = 0; i < n; i++) {
            enum rule rule = forbidden(s, s->c->type_of[items[i]], r);
            if (rule == RULE_NONE && creator_full(s, items[i]))
                rule = RULE_CREATOR;
            rules[i][r] = (uint8_t)rule;
        }
        take(s, chosen[r].item, false);
    }
    for (uint32_t r = 0; r < slots; r++)
        give_back(s, chosen[r].item, false);
    for (uint32_t i = 0; i < paying; i++)
        give_back(s, forced[i], true);
}

struct search search_supposing(const struct search *made, struct candidate as)
{
    struct constrained *c = made->c;
    struct search s = {.a = made->a,
                       .c = c,
                       .looks_left = SEARCH_LOOKS,
                       .k = made->k,
                       .size = made->size,
                       .slots = made->size,
                       .as = as};
    s.like = made;
    s.home = c->type_of[as.item];
    while (nth_known(c, s.home, s.was_at)->item != as.item)
        s.was_at++;
    for (uint32_t j = 0; j < c->count[s.home]; j++) {
        const struct candidate *x = nth_known(c, s.home, j);
        if (j != s.was_at && !candidate_better(x, &as))
            break;
        s.now_at += j != s.was_at;
    }
    return s;
}
