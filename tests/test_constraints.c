/* Constraints of feeds: published tables, and what a naive twin that tries every feed finds. */
#include "allocation/constrained.h"
#include "support_crowd.h"
#include "support_fault.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ── ranked group fairness ── */

static void group_tables_are_the_published_ones(void **state)
{
    (void)state;
    /* the authors' own: fairsearchcore (PyPI) 1.0.4, github.com/fair-search/fairsearch-fair-python,
     * README.md and tests/test_fair.py */
    static const struct {
        uint32_t k;
        double p, alpha;
        bool adjusted;
        uint8_t m[30];
    } rows[] = {
        {20, .25, .1, false, {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3}},
        {20, .25, .1, true, {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2}},
        {10, .2, .15, false, {0, 0, 0, 0, 0, 0, 0, 0, 1, 1}},
        {10, .2, .15, true, {0, 0, 0, 0, 0, 0, 0, 0, 1, 1}},
        {30, .3, .05, false, {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2,
                              2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5}},
        {30, .3, .05, true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1,
                             1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t m[FEED_MAX + 1];
        group_table(rows[i].k, rows[i].p, rows[i].alpha, rows[i].adjusted, m);
        assert_int_equal(m[0], 0);
        for (uint32_t r = 0; r < rows[i].k; r++)
            if (m[r + 1] != rows[i].m[r])
                fail_msg("row %zu, first %u: %u expected, %u", i, r + 1, rows[i].m[r], m[r + 1]);
    }
}

static void chances_to_fail_are_the_published_ones(void **state)
{
    (void)state;
    /* the same source, test_compute_fail_probability */
    static const struct {
        uint32_t k;
        double p, alpha, fails;
    } rows[] = {{10, .2, .15, .13421772800000065},
                {20, .25, .1, .10515247355215251},
                {30, .3, .05, .04877730797178359}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t m[FEED_MAX + 1];
        group_table(rows[i].k, rows[i].p, rows[i].alpha, true, m);
        double fails = group_failure(m, rows[i].k, rows[i].p);
        if (fabs(fails - rows[i].fails) > 1e-12)
            fail_msg("row %zu: %.17g expected, %.17g", i, rows[i].fails, fails);
    }
}

static void a_chance_to_fail_is_what_drawing_shows(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 11);
    uint8_t m[FEED_MAX + 1];
    group_table(40, .5, .1, true, m);
    unsigned failed = 0, draws = 20000;
    for (unsigned i = 0; i < draws; i++) {
        uint32_t has = 0;
        bool fair = true;
        for (uint32_t n = 1; n <= 40; n++) {
            has += prng_double(&r) < .5;
            fair = fair && has >= m[n];
        }
        failed += !fair;
    }
    double expected = group_failure(m, 40, .5), sd = sqrt(expected * (1 - expected) / draws);
    assert_true(fabs((double)failed / draws - expected) < 4 * sd);
    assert_true(fabs(expected - .1) < .01);
}

static void a_table_grows_by_one_at_most(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 5);
    for (int i = 0; i < 200; i++) {
        uint8_t m[FEED_MAX + 1];
        uint32_t n = 1 + (uint32_t)prng_below(&r, FEED_MAX);
        double p = prng_double(&r), alpha = .001 + .4 * prng_double(&r);
        group_table(n, p, alpha, prng_below(&r, 2), m);
        for (uint32_t j = 1; j <= n; j++)
            assert_true(m[j] >= m[j - 1] && m[j] <= m[j - 1] + 1 && m[j] <= j);
    }
}

/* ── every feed there is ── */

enum { ITEMS_MAX = 8, SLOTS_MAX = 4 };

struct small {
    struct crowd crowd;
    uint32_t creator[ITEMS_MAX + 1], category[ITEMS_MAX + 1], classes[ITEMS_MAX + 1];
    double score[ITEMS_MAX];
};

static void make_small(struct small *s, struct prng *r, unsigned families)
{
    struct allocation_rules rules = {.k = 1 + (uint32_t)prng_below(r, SLOTS_MAX),
                                     .algorithm = ALGORITHM_QUALITY,
                                     .mix_milli = {0, 0, 1000, 0},
                                     .limited_ppm = (uint32_t)prng_below(r, 1000001),
                                     .neighbours = 4,
                                     .max_history = 4};
    struct constraint_rules *c = &rules.constraints;
    if (families & 1)
        c->fresh_ppm = 1 + (uint32_t)prng_below(r, 1000000);
    if (families & 2)
        c->per_creator = 1 + (uint32_t)prng_below(r, 2);
    if (families & 4) {
        c->per_category = (uint32_t)prng_below(r, 3);
        c->caps_n = (uint32_t)prng_below(r, 3);
        for (uint32_t i = 0; i < c->caps_n; i++)
            c->caps[i] =
                (struct cap_rule){(uint32_t)prng_below(r, 3), prng_below(r, 2) ? 1000000 : 500000};
    }
    if (families & 8) {
        c->groups_n = 1 + (uint32_t)prng_below(r, 2);
        for (uint32_t g = 0; g < c->groups_n; g++)
            c->groups[g] = (struct group_rule){100000 + (uint32_t)prng_below(r, 500000),
                                               100000 + (uint32_t)prng_below(r, 400000),
                                               (uint32_t)prng_below(r, 2)};
    }
    const struct crowd_shape shape = {2 + prng_below(r, ITEMS_MAX - 1), 1, 2, 1, .9, 0};
    crowd_init(&s->crowd, r, &shape, &rules);
    if (prng_below(r, 2))
        crowd_block(&s->crowd, r, .2);
    uint8_t *eligible = (uint8_t *)(uintptr_t)s->crowd.items.eligible;
    for (size_t i = 0; i < s->crowd.items.n; i++) {
        if (eligible[i] && prng_below(r, 6) == 0)
            eligible[i] = ELIGIBLE_LIMITED;
        s->creator[i] = (uint32_t)prng_below(r, 4);
        s->category[i] = prng_below(r, 4) ? (uint32_t)prng_below(r, 3) : UINT32_MAX;
        s->classes[i] = (uint32_t)prng_below(r, 1 << (CLASS_FRESH + 1));
        s->score[i] = s->crowd.items.quality[i];
    }
    allocator_free(s->crowd.allocator);
    assert_int_equal(
        allocator_new(&s->crowd.items, s->crowd.relevance, &rules, &s->crowd.allocator), HEED_OK);
    assert_int_equal(allocator_constrain(s->crowd.allocator, s->creator, s->category, s->classes),
                     HEED_OK);
}

/* What of a class a user may be shown in one feed.                                              */
static uint32_t available(const struct small *s, int class, uint32_t limited)
{
    uint32_t free_items = 0, limited_items = 0;
    for (uint32_t i = 0; i < s->crowd.items.n; i++)
        if (s->crowd.items.eligible[i] && s->classes[i] >> class & 1 &&
            !history_blocks(&s->crowd.histories, 0, i))
            ++*(s->crowd.items.eligible[i] == ELIGIBLE ? &free_items : &limited_items);
    return free_items + (limited < limited_items ? limited : limited_items);
}

/* By how many slots a feed breaks each family: the level at which it would be allowed. Written
 * from the rules' words alone. limited >= 0: what asks for more than there is asks for all there
 * is. */
static void levels_of(const struct small *s, const uint32_t *feed, size_t n, uint32_t k,
                      int64_t limited, uint32_t level[FAMILIES])
{
    const struct constraint_rules *c = &s->crowd.rules.constraints;
    memset(level, 0, FAMILIES * sizeof *level);
    uint32_t fresh = 0, wanted = (uint32_t)ceil((double)n * c->fresh_ppm / 1e6 - 1e-9);
    for (size_t i = 0; i < n; i++) {
        uint32_t creator = 0, category = 0;
        fresh += s->classes[feed[i]] >> CLASS_FRESH & 1;
        for (size_t j = 0; j < n; j++) {
            creator += s->creator[feed[j]] == s->creator[feed[i]];
            category +=
                s->category[feed[j]] == s->category[feed[i]] && s->category[feed[i]] != UINT32_MAX;
        }
        if (c->per_creator && creator > c->per_creator + level[FAMILY_CREATOR])
            level[FAMILY_CREATOR] = creator - c->per_creator;
        if (c->per_category && category > c->per_category + level[FAMILY_CATEGORY])
            level[FAMILY_CATEGORY] = category - c->per_category;
    }
    if (limited >= 0 && wanted > available(s, CLASS_FRESH, (uint32_t)limited))
        wanted = available(s, CLASS_FRESH, (uint32_t)limited);
    if (wanted > fresh)
        level[FAMILY_FRESH] = wanted - fresh;
    for (uint32_t x = 0; x < c->caps_n; x++) {
        uint32_t has = 0, most = (uint32_t)(k * (c->caps[x].share_ppm / 1e6) + 1e-9);
        most = most < c->caps[x].max ? most : c->caps[x].max;
        for (size_t i = 0; i < n; i++)
            has += s->classes[feed[i]] >> x & 1;
        if (has > most + level[FAMILY_CATEGORY])
            level[FAMILY_CATEGORY] = has - most;
    }
    for (uint32_t g = 0; g < c->groups_n; g++) {
        uint8_t m[FEED_MAX + 1];
        uint32_t has = 0, most = limited >= 0 ? available(s, CAPS_MAX + (int)g, (uint32_t)limited)
                                              : (uint32_t)n;
        group_table((uint32_t)n, c->groups[g].share_ppm / 1e6, c->groups[g].alpha_ppm / 1e6,
                    c->groups[g].adjusted, m);
        for (size_t i = 0; i < n; i++) {
            uint32_t least = m[i + 1] < most ? m[i + 1] : most;
            has += s->classes[feed[i]] >> (CAPS_MAX + g) & 1;
            if (least > has + level[FAMILY_GROUP])
                level[FAMILY_GROUP] = least - has;
        }
    }
}

static double worth_of(const struct small *s, const uint32_t *feed, size_t n)
{
    double worth = 0;
    for (size_t i = 0; i < n; i++)
        worth += s->score[feed[i]] * (double)exposure_of_rank((uint32_t)i + 1);
    return worth;
}

struct every {
    const struct small *s;
    uint32_t k, limited;
    size_t size;
    uint32_t feed[SLOTS_MAX];
    /* found: the levels that give up the last family least, then the one before it, and so on;
     * and the best feed that needs no more */
    uint32_t least[FAMILIES];
    double worth;
    bool any;
};

static int compare_levels(const uint32_t *a, const uint32_t *b)
{
    for (int f = FAMILIES - 1; f >= 0; f--)
        if (a[f] != b[f])
            return a[f] < b[f] ? -1 : 1;
    return 0;
}

static bool within(const uint32_t *a, const uint32_t *b)
{
    for (int f = 0; f < FAMILIES; f++)
        if (a[f] > b[f])
            return false;
    return true;
}

static void try_all(struct every *e, size_t at, bool measure)
{
    if (at == e->size) {
        uint32_t level[FAMILIES];
        levels_of(e->s, e->feed, at, e->k, e->limited, level);
        if (!measure && (!e->any || compare_levels(level, e->least) < 0))
            memcpy(e->least, level, sizeof level);
        e->any = true;
        if (measure && within(level, e->least)) {
            double worth = worth_of(e->s, e->feed, at);
            e->worth = worth > e->worth ? worth : e->worth;
        }
        return;
    }
    for (uint32_t item = 0; item < e->s->crowd.items.n; item++) {
        uint8_t kind = e->s->crowd.items.eligible[item];
        bool used = !kind || history_blocks(&e->s->crowd.histories, 0, item);
        uint32_t limited = kind == ELIGIBLE_LIMITED;
        for (size_t i = 0; i < at; i++) {
            used = used || e->feed[i] == item;
            limited += e->s->crowd.items.eligible[e->feed[i]] == ELIGIBLE_LIMITED;
        }
        if (used || (kind == ELIGIBLE_LIMITED && limited > e->limited))
            continue;
        e->feed[at] = item;
        try_all(e, at + 1, measure);
    }
}

/* Slots there are, as for a feed without constraints.                                           */
static size_t size_of(const struct small *s, uint32_t k, uint32_t limited)
{
    size_t free_items = 0, limited_items = 0;
    for (uint32_t i = 0; i < s->crowd.items.n; i++)
        if (s->crowd.items.eligible[i] && !history_blocks(&s->crowd.histories, 0, i))
            ++*(s->crowd.items.eligible[i] == ELIGIBLE ? &free_items : &limited_items);
    size_t all = free_items + (limited < limited_items ? limited : limited_items);
    return all < k ? all : k;
}

/* Bits of the families that have a rule.                                                        */
static unsigned count_rules(const struct constraint_rules *c)
{
    return (unsigned)(c->fresh_ppm > 0) + (c->per_creator > 0) + (c->per_category > 0) + c->caps_n +
           c->groups_n;
}

static void a_feed_keeps_what_can_be_kept_and_is_as_good_as_stated(void **state)
{
    (void)state;
    unsigned feeds = 0, relaxed = 0, exact = 0, single = 0;
    double kept = 0;
    for (unsigned long long seed = 1; seed <= 6000; seed++) {
        struct prng r;
        struct small s;
        prng_seed(&r, seed);
        unsigned families = 1 + (unsigned)(seed % 15);
        make_small(&s, &r, families);
        struct feed_request q = crowd_request(&s.crowd, 0);
        q.limited = limited_slots(&s.crowd.rules, q.k);
        size_t eligible = 0;
        for (size_t i = 0; i < s.crowd.items.n; i++)
            eligible += s.crowd.items.eligible[i] != 0;
        uint32_t k = q.k < eligible ? q.k : (uint32_t)eligible;
        struct every e = {.s = &s, .k = k, .limited = q.limited, .size = size_of(&s, k, q.limited)};
        try_all(&e, 0, false);
        try_all(&e, 0, true);
        struct slot slots[FEED_MAX];
        size_t n, rows_n;
        uint32_t feed[FEED_MAX], level[FAMILIES], broken[FAMILIES];
        allocator_feed(s.crowd.allocator, &q, slots, &n);
        assert_int_equal(n, e.size);
        for (size_t i = 0; i < n; i++)
            feed[i] = slots[i].item;
        levels_of(&s, feed, n, k, q.limited, level);
        levels_of(&s, feed, n, k, -1, broken);
        bool named[FAMILIES] = {false};
        const struct relaxed *rows = allocator_relaxed(s.crowd.allocator, &rows_n);
        for (size_t i = 0; i < rows_n; i++)
            named[rule_family(rows[i].rule)] = true;
        for (int f = 0; f < FAMILIES && n > 0; f++) {
            if (level[f] > e.least[f])
                fail_msg("seed %llu: family %d relaxed by %u, %u would do", seed, f, level[f],
                         e.least[f]);
            if (named[f] != (broken[f] > 0))
                fail_msg("seed %llu: family %d broken by %u, named: %d", seed, f, broken[f],
                         named[f]);
        }
        double worth = worth_of(&s, feed, n), share = e.worth > 0 ? worth / e.worth : 1;
        unsigned rules = count_rules(&s.crowd.rules.constraints) + (q.limited < k);
        rules = rules ? rules : 1;
        bool free_of_limits = true;
        for (size_t i = 0; i < s.crowd.items.n; i++)
            free_of_limits = free_of_limits && s.crowd.items.eligible[i] != ELIGIBLE_LIMITED;
        bool alone = count_rules(&s.crowd.rules.constraints) == 1 && free_of_limits;
        if (share > 1 + 1e-9 || share * rules < 1 - 1e-9 || (alone && share < 1 - 1e-9))
            fail_msg("seed %llu: %g of the best feed, %u rules", seed, share, rules);
        feeds += n > 0;
        relaxed += rows_n > 0;
        exact += share > 1 - 1e-9;
        single += alone && n > 1;
        kept += share;
        crowd_deinit(&s.crowd);
    }
    if (getenv("SHOW"))
        printf("%u feeds, %u relaxed, %u the best, %u of one rule, mean share %.5f\n", feeds,
               relaxed, exact, single, kept / 6000);
    assert_true(feeds > 5000 && relaxed > 1000 && single > 300);
    assert_true(exact > 5700 && kept / 6000 > .995);
}

/* ── what moved a slot ── */

/* Items 0, 1, 2 … by falling quality under these rules; ALGORITHM_QUALITY, k slots.             */
static struct allocator *ranked(size_t n, uint32_t k, const struct constraint_rules *c,
                                uint32_t floor_ppm, const uint32_t *creator,
                                const uint32_t *category, const uint32_t *classes)
{
    static uint8_t eligible[ITEMS_MAX];
    static double zeros[ITEMS_MAX], quality[ITEMS_MAX];
    const struct allocation_rules rules = {.k = k,
                                           .algorithm = ALGORITHM_QUALITY,
                                           .mix_milli = {0, 0, 1000, 0},
                                           .floor_ppm = floor_ppm,
                                           .constraints = *c,
                                           .neighbours = 1,
                                           .max_history = 1};
    struct allocator *a;
    for (size_t i = 0; i < n; i++) {
        eligible[i] = ELIGIBLE;
        quality[i] = 1 - (double)i / 10;
    }
    const struct allocation_items items = {n, eligible, zeros, zeros, quality};
    assert_int_equal(allocator_new(&items, NULL, &rules, &a), HEED_OK);
    assert_int_equal(allocator_constrain(a, creator, category, classes), HEED_OK);
    return a;
}

static void a_slot_says_which_rules_forbade_better_items(void **state)
{
    (void)state;
    enum { FRESH = 1 << CLASS_FRESH, GROUP = 1 << CAPS_MAX, CAPPED = 1 };
    static const struct {
        struct constraint_rules rules;
        uint32_t creator[6], category[6], classes[6];
        uint32_t items[3], moved[3];
    } rows[] = {
        {{.per_creator = 1},
         {1, 1, 1, 2, 2, 3},
         {0},
         {0},
         {0, 3, 5},
         {0, 1 << RULE_CREATOR, 1 << RULE_CREATOR}},
        {{.per_category = 2},
         {0},
         {7, 7, 7, 7, UINT32_MAX, UINT32_MAX},
         {0},
         {0, 1, 4},
         {0, 0, 1 << RULE_CATEGORY}},
        {{.caps_n = 1, .caps = {{1, 1000000}}},
         {0},
         {0},
         {CAPPED, CAPPED, 0, CAPPED, 0, 0},
         {0, 2, 4},
         {0, 1 << RULE_CAP, 1 << RULE_CAP}},
        {{.fresh_ppm = 500000},
         {0},
         {0},
         {0, 0, 0, FRESH, 0, FRESH},
         {0, 3, 5},
         {0, 1 << RULE_FRESH, 1 << RULE_FRESH}},
        /* at least 0, 1, 1 of the first 1, 2, 3 by p = .7 (F(0; 2) = .09), and the third by chance
         */
        {{.groups_n = 1, .groups = {{700000, 100000, 0}}},
         {0},
         {0},
         {0, 0, 0, 0, GROUP, 0},
         {0, 4, 1},
         {0, 1 << RULE_GROUP, 0}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct allocator *a =
            ranked(6, 3, &rows[i].rules, 0, rows[i].creator, rows[i].category, rows[i].classes);
        struct slot slots[FEED_MAX];
        size_t n, rows_n;
        allocator_feed(a, &(struct feed_request){.algorithm = ALGORITHM_QUALITY, .k = 3}, slots,
                       &n);
        (void)allocator_relaxed(a, &rows_n);
        assert_int_equal(n, 3);
        assert_int_equal(rows_n, 0);
        for (size_t j = 0; j < 3; j++)
            if (slots[j].item != rows[i].items[j] || slots[j].rules != rows[i].moved[j])
                fail_msg("row %zu, slot %zu: item %u for rules %x, not %u for %x", i, j,
                         slots[j].item, slots[j].rules, rows[i].items[j], rows[i].moved[j]);
        allocator_free(a);
    }
}

static void what_is_relaxed_is_named_in_order(void **state)
{
    (void)state;
    enum { FRESH = 1 << CLASS_FRESH, CAPPED = 1 };
    static const uint32_t creator[6] = {1, 1, 1, 1, 1, 2}, none[6] = {0};
    static const uint32_t classes[6] = {CAPPED, 0, 0, 0, 0, FRESH | CAPPED};
    /* the one fresh item is wanted twice; one creator has all but it, and the cap allows one of
     * the two it counts */
    const struct constraint_rules rules = {
        .fresh_ppm = 600000, .per_creator = 2, .caps_n = 1, .caps = {{1, 1000000}}};
    struct allocator *a = ranked(6, 3, &rules, 0, creator, none, classes);
    struct slot slots[FEED_MAX];
    size_t n, rows_n;
    allocator_feed(a, &(struct feed_request){.algorithm = ALGORITHM_QUALITY, .k = 3}, slots, &n);
    const struct relaxed *rows = allocator_relaxed(a, &rows_n);
    assert_int_equal(rows_n, 1);
    assert_int_equal(rows[0].rule, RULE_FRESH);
    assert_true(rows[0].too_few);
    assert_int_equal(rows[0].wanted, 2);
    assert_int_equal(rows[0].got, 1);
    assert_int_equal(slots[0].item, 1);
    assert_int_equal(slots[1].item, 2);
    assert_int_equal(slots[2].item, 5);
    allocator_free(a);
    /* four slots need a third of that creator */
    a = ranked(6, 4, &rules, 0, creator, none, classes);
    allocator_feed(a, &(struct feed_request){.algorithm = ALGORITHM_QUALITY, .k = 4}, slots, &n);
    rows = allocator_relaxed(a, &rows_n);
    assert_int_equal(rows_n, 2);
    assert_int_equal(rows[0].rule, RULE_FRESH);
    assert_int_equal(rows[1].rule, RULE_CREATOR);
    assert_int_equal(rows[1].got, 3);
    assert_false(rows[1].too_few);
    allocator_free(a);
    char buf[24];
    assert_string_equal(rule_name((enum rule)(RULE_CAP + 7), buf), "caps[7]");
    assert_string_equal(rule_name(RULE_GROUP, buf), "groups[0]");
    assert_string_equal(rule_name(RULE_LIMITED, buf), "limited");
}

/* ── epochs ── */

static void an_epoch_serves_the_same_feeds(void **state)
{
    (void)state;
    unsigned broken = 0, paid = 0;
    for (unsigned long long seed = 1; seed <= 400; seed++) {
        struct prng r;
        struct crowd c;
        struct small s;
        prng_seed(&r, seed);
        make_small(&s, &r, 1 + (unsigned)(seed % 15)); /* for its rules */
        struct allocation_rules rules = s.crowd.rules;
        crowd_deinit(&s.crowd);
        rules.algorithm = (enum algorithm)prng_below(&r, ALGORITHMS);
        rules.mix_milli[3] = 500;
        rules.k = 1 + (uint32_t)prng_below(&r, 10);
        const struct crowd_shape shape = {
            3 + prng_below(&r, 30), 1 + prng_below(&r, 20), 6, 1, .9, 0};
        crowd_init(&c, &r, &shape, &rules);
        if (prng_below(&r, 2))
            crowd_block(&c, &r, .2);
        size_t n = c.items.n;
        uint32_t *creator = calloc(n, sizeof *creator), *category = calloc(n, sizeof *category);
        uint32_t *classes = calloc(n, sizeof *classes);
        uint64_t *expected = calloc(n, sizeof *expected), relaxed[FAMILIES] = {0};
        struct epoch_exposure x = {.given = calloc(n, sizeof *x.given),
                                   .popularity = calloc(n, sizeof *x.popularity)};
        assert_true(creator && category && classes && expected && x.given && x.popularity);
        for (size_t i = 0; i < n; i++) {
            creator[i] = (uint32_t)prng_below(&r, 8);
            category[i] = (uint32_t)prng_below(&r, 5);
            classes[i] = (uint32_t)prng_below(&r, 1 << (CLASS_FRESH + 1));
        }
        assert_int_equal(allocator_constrain(c.allocator, creator, category, classes), HEED_OK);
        uint64_t total = 0, given = 0, popular = 0;
        for (size_t u = 0; u < c.histories.n; u++) {
            struct slot slots[FEED_MAX];
            struct feed_request q = crowd_request(&c, u);
            size_t got, rows_n;
            bool families[FAMILIES] = {false};
            q.limited = limited_slots(&rules, q.k);
            allocator_feed(c.allocator, &q, slots, &got);
            const struct relaxed *rows = allocator_relaxed(c.allocator, &rows_n);
            for (size_t i = 0; i < rows_n; i++)
                families[rule_family(rows[i].rule)] = true;
            for (int f = 0; f < FAMILIES; f++)
                relaxed[f] += families[f];
            for (size_t i = 0; i < got; i++) {
                expected[slots[i].item] += exposure_of_rank((uint32_t)i + 1);
                total += exposure_of_rank((uint32_t)i + 1);
            }
        }
        uint64_t natural = relaxed[0] + relaxed[1] + relaxed[2] + relaxed[3];
        assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x), HEED_OK);
        for (size_t i = 0; i < n; i++)
            if (x.given[i] != expected[i])
                fail_msg("seed %llu: item %zu has %llu, not %llu", seed, i,
                         (unsigned long long)x.given[i], (unsigned long long)expected[i]);
        for (int f = 0; f < FAMILIES; f++)
            if (x.relaxed[f] != relaxed[f])
                fail_msg("seed %llu: %s relaxed in %llu feeds, not %llu", seed,
                         family_name((enum family)f), (unsigned long long)x.relaxed[f],
                         (unsigned long long)relaxed[f]);
        broken += natural > 0;

        /* the same with a floor: its debts break no rule that is not broken without them */
        allocator_free(c.allocator);
        rules.floor_ppm = 50000 + (uint32_t)prng_below(&r, 500000);
        assert_int_equal(allocator_new(&c.items, c.relevance, &rules, &c.allocator), HEED_OK);
        assert_int_equal(allocator_constrain(c.allocator, creator, category, classes), HEED_OK);
        assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x), HEED_OK);
        uint64_t with_floor = 0, least = UINT64_MAX;
        size_t promised = 0;
        for (int f = 0; f < FAMILIES; f++)
            with_floor += x.relaxed[f];
        for (uint32_t i = 0; i < n; i++) {
            bool seen = false;
            for (size_t u = 0; u < c.histories.n; u++)
                seen = seen || !history_blocks(&c.histories, u, i);
            given += x.given[i];
            popular += x.popularity[i];
            if (c.items.eligible[i] && seen) {
                promised++;
                least = x.given[i] < least ? x.given[i] : least;
            }
        }
        uint64_t share = total && promised ? least * promised * 1000000 / total : 0;
        if (given != total || popular != total || (natural == 0 && with_floor > 0) ||
            x.min_share_ppm != share ||
            x.kept != (share >= rules.floor_ppm || total == 0 || promised == 0))
            fail_msg("seed %llu: given %llu, popular %llu of %llu; broken %llu, %llu; least %u, "
                     "%llu; kept %d",
                     seed, (unsigned long long)given, (unsigned long long)popular,
                     (unsigned long long)total, (unsigned long long)natural,
                     (unsigned long long)with_floor, x.min_share_ppm, (unsigned long long)share,
                     x.kept);
        paid += x.kept && total > 0;
        free(creator);
        free(category);
        free(classes);
        free(expected);
        free(x.given);
        free(x.popularity);
        crowd_deinit(&c);
    }
    if (getenv("SHOW"))
        printf("%u of 400 epochs break a rule, %u keep the floor\n", broken, paid);
    assert_true(broken > 100 && broken < 350 && paid > 100);
}

static void the_floor_is_paid_within_the_rules_or_says_which_forbids_it(void **state)
{
    (void)state;
    /* six items of three creators, ten users, two slots: a third of the mean for each is there
     * with one of a creator a feed, and is not with a cap that counts three and allows none */
    static const uint32_t creator[6] = {1, 1, 2, 2, 3, 3}, none[6] = {0};
    static const uint32_t classes[6] = {0, 0, 0, 1, 1, 1};
    static const struct {
        struct constraint_rules rules;
        bool kept;
        enum family forbids;
    } rows[] = {{{.per_creator = 1}, true, FAMILIES},
                {{.caps_n = 1, .caps = {{0, 1000000}}}, false, FAMILY_CATEGORY}};
    uint64_t offsets[11] = {0}, given[6], popularity[6];
    const struct allocation_histories h = {.n = 10, .offsets = offsets};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct allocator *a = ranked(6, 2, &rows[i].rules, 333333, creator, none, classes);
        struct epoch_exposure x = {.given = given, .popularity = popularity};
        assert_int_equal(allocator_epoch(a, &h, &x), HEED_OK);
        assert_int_equal(x.kept, rows[i].kept);
        for (int f = 0; f < FAMILIES; f++) {
            assert_int_equal(x.relaxed[f], 0);
            if (!rows[i].kept)
                assert_int_equal(x.forbade[f] > 0, (enum family)f == rows[i].forbids);
        }
        allocator_free(a);
    }
}

static void memory_that_ends_leaves_no_constraints(void **state)
{
    (void)state;
    static const uint32_t creator[6] = {1, 1, 2, 2, 3, 3}, none[6] = {0};
    const struct constraint_rules rules = {.per_creator = 1, .per_category = 2};
    for (long at = 1;; at++) {
        struct allocator *a = ranked(6, 2, &rules, 0, creator, none, none);
        struct slot slots[FEED_MAX];
        size_t n;
        fault_fail_at(at);
        enum heed_status status = allocator_constrain(a, creator, none, none);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        allocator_feed(a, &(struct feed_request){.algorithm = ALGORITHM_QUALITY, .k = 2}, slots,
                       &n);
        assert_int_equal(slots[1].item, fault_fired() ? 1 : 2);
        allocator_free(a);
        if (!fault_fired())
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_tables_are_the_published_ones),
        cmocka_unit_test(chances_to_fail_are_the_published_ones),
        cmocka_unit_test(a_chance_to_fail_is_what_drawing_shows),
        cmocka_unit_test(a_table_grows_by_one_at_most),
        cmocka_unit_test(a_feed_keeps_what_can_be_kept_and_is_as_good_as_stated),
        cmocka_unit_test(a_slot_says_which_rules_forbade_better_items),
        cmocka_unit_test(what_is_relaxed_is_named_in_order),
        cmocka_unit_test(an_epoch_serves_the_same_feeds),
        cmocka_unit_test(the_floor_is_paid_within_the_rules_or_says_which_forbids_it),
        cmocka_unit_test_teardown(memory_that_ends_leaves_no_constraints, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
