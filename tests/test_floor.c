/* The floor over an epoch: kept wherever it can be, honest where it cannot, and the same totals as
 * a naive twin that looks at everything again for every user.                                   */
#include "allocation/allocation_parts.h"
#include "support_crowd.h"
#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PPM = 1000000 };

struct result {
    struct epoch_exposure x;
    size_t n;
};

static struct result run(const struct crowd *c)
{
    struct result out = {.n = c->items.n};
    out.x.given = malloc((out.n + 1) * sizeof *out.x.given);
    out.x.popularity = malloc((out.n + 1) * sizeof *out.x.popularity);
    assert_true(out.x.given && out.x.popularity);
    assert_int_equal(allocator_epoch(c->allocator, &c->histories, &out.x), HEED_OK);
    return out;
}

static void result_deinit(struct result *r)
{
    free(r->x.given);
    free(r->x.popularity);
}

static size_t eligible_count(const struct crowd *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->items.n; i++)
        n += c->items.eligible[i];
    return n;
}

static size_t slots_of(const struct crowd *c)
{
    size_t n = eligible_count(c);
    return c->rules.k < n ? c->rules.k : n;
}

static uint64_t feed_exposure(size_t k)
{
    uint64_t sum = 0;
    for (uint32_t rank = 1; rank <= k; rank++)
        sum += exposure_of_rank(rank);
    return sum;
}

/* What must hold of any epoch.                                                                  */
static void check(const struct crowd *c, const struct result *r)
{
    size_t n = eligible_count(c), k = slots_of(c), users = c->histories.n;
    uint64_t total = feed_exposure(k) * users, given = 0, popularity = 0, least = UINT64_MAX;
    for (size_t i = 0; i < r->n; i++) {
        given += r->x.given[i];
        popularity += r->x.popularity[i];
        assert_true(c->items.eligible[i] || (r->x.given[i] == 0 && r->x.popularity[i] == 0));
        assert_true(r->x.given[i] <= users * (uint64_t)PPM);
        if (c->items.eligible[i] && r->x.given[i] < least)
            least = r->x.given[i];
    }
    assert_int_equal(given, total);
    assert_int_equal(popularity, total);
    assert_int_equal(r->x.feeds, users);
    assert_int_equal(r->x.slots, users * k);
    if (total == 0)
        return;
    assert_int_equal(r->x.min_share_ppm, least * n * PPM / total);
    assert_int_equal(r->x.kept, r->x.min_share_ppm >= c->rules.floor_ppm);
}

static struct allocation_rules rules_of(uint32_t k, enum algorithm algorithm, uint32_t floor_ppm)
{
    return (struct allocation_rules){.k = k,
                                     .algorithm = algorithm,
                                     .mix_milli = {300, 200, 200, 300},
                                     .floor_ppm = floor_ppm,
                                     .neighbours = 8,
                                     .max_history = 6};
}

/* ── the twin ── */

/* A naive twin of the policy that epoch.c states: debts are computed from nothing for every user,
 * feeds come from allocator_feed with only the owed items it may pick, one debt at a time.      */
struct twin {
    const struct crowd *c;
    size_t k, users, n;
    uint64_t floor, last;
    uint32_t *natural; /* [users][k] */
    uint64_t *given, *owed;
};

static void twin_feed(const struct twin *t, size_t user, const uint64_t *owed, uint32_t slots,
                      uint32_t *items)
{
    struct feed_request q = crowd_request(t->c, user);
    struct slot out[FEED_MAX];
    size_t got;
    q.owed = owed;
    q.owed_slots = slots;
    allocator_feed(t->c->allocator, &q, out, &got);
    assert_int_equal(got, t->k);
    for (size_t i = 0; i < got; i++)
        items[i] = out[i].item;
}

static uint64_t twin_need(const struct twin *t, uint64_t owed)
{
    return (owed + t->last - 1) / t->last;
}

/* Debts before user `from` with `aside` slots set aside; the sum of slots they need.             */
static uint64_t twin_debts(const struct twin *t, size_t from, size_t aside)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < t->n; i++) {
        uint64_t has = t->given[i];
        for (size_t u = from; u < t->users; u++)
            for (size_t rank = 0; rank < t->k - aside; rank++)
                if (t->natural[u * t->k + rank] == i)
                    has += exposure_of_rank((uint32_t)rank + 1);
        t->owed[i] = t->c->items.eligible[i] && has < t->floor ? t->floor - has : 0;
        sum += twin_need(t, t->owed[i]);
    }
    return sum;
}

static bool twin_affordable(const struct twin *t, size_t aside)
{
    memset(t->given, 0, t->n * sizeof *t->given);
    if (twin_debts(t, 0, aside) > aside * t->users)
        return false;
    for (size_t i = 0; i < t->n; i++) {
        size_t shown = 0;
        for (size_t u = 0; u < t->users; u++)
            for (size_t rank = 0; rank < t->k - aside; rank++)
                shown += t->natural[u * t->k + rank] == i;
        if (twin_need(t, t->owed[i]) > t->users - shown)
            return false;
    }
    return true;
}

/* The user's feed: natural ones first, then who is owed, picked one by one.                     */
static void twin_pay(const struct twin *t, size_t user, uint64_t pay, uint64_t urgent,
                     uint32_t *items)
{
    const uint32_t *natural = t->natural + user * t->k;
    uint32_t paid[FEED_MAX];
    size_t paid_n = 0;
    uint64_t *left = malloc((t->n + 1) * sizeof *left), *one = calloc(t->n + 1, sizeof *one);
    assert_true(left && one);
    memcpy(left, t->owed, t->n * sizeof *left);
    for (size_t i = 0; i < t->k - pay; i++)
        left[natural[i]] = 0;
    while (paid_n < pay) {
        size_t most = t->n;
        for (size_t i = 0; i < t->n; i++)
            if (left[i] >= urgent && left[i] > 0 && (most == t->n || left[i] > left[most]))
                most = i;
        /* urgent debts of one size go by relevance: offer all of that size; else all that is left
         */
        bool any = false;
        for (size_t i = 0; i < t->n; i++) {
            one[i] = most == t->n || left[i] == left[most] ? left[i] : 0;
            any |= one[i] > 0;
        }
        if (!any)
            break;
        /* of a feed whose slots all pay, the first is for the first creditor */
        twin_feed(t, user, one, (uint32_t)t->k, items);
        size_t creditors = 0;
        for (size_t i = 0; i < t->n; i++)
            creditors += one[i] > 0;
        uint32_t first = items[t->k - (creditors < t->k ? creditors : t->k)];
        paid[paid_n++] = first;
        left[first] = 0;
    }
    size_t n = 0;
    for (size_t i = 0; n < t->k - paid_n; i++) {
        bool taken = false;
        for (size_t j = 0; j < paid_n; j++)
            taken |= paid[j] == natural[i];
        if (!taken)
            items[n++] = natural[i];
    }
    for (size_t i = 0; i < paid_n; i++)
        items[n++] = paid[i];
    free(left);
    free(one);
}

static bool twin_serve(const struct twin *t, size_t aside, bool debts_first)
{
    uint32_t items[FEED_MAX];
    memset(t->given, 0, t->n * sizeof *t->given);
    for (size_t u = 0; u < t->users; u++) {
        uint64_t need = twin_debts(t, u, aside), left = t->users - u;
        uint64_t pay = (need + left - 1) / left;
        if (need > 0 && (debts_first || pay > aside))
            pay = aside;
        twin_pay(t, u, pay, debts_first ? 1 : (left - 1) * t->last + 1, items);
        for (size_t i = 0; i < t->k; i++)
            t->given[items[i]] += exposure_of_rank((uint32_t)i + 1);
    }
    for (size_t i = 0; i < t->n; i++)
        if (t->c->items.eligible[i] && t->given[i] < t->floor)
            return false;
    return true;
}

/* false: slots had to be moved one by one, which the twin does not do                           */
static bool twin_epoch(struct twin *t)
{
    size_t eligible = eligible_count(t->c), aside = 0;
    uint64_t total = feed_exposure(t->k) * t->users, part = (uint64_t)PPM * eligible;
    t->floor = (total * t->c->rules.floor_ppm + part - 1) / part;
    t->last = exposure_of_rank((uint32_t)t->k);
    for (size_t u = 0; u < t->users; u++)
        twin_feed(t, u, NULL, 0, t->natural + u * t->k);
    while (aside <= t->k && !twin_affordable(t, aside))
        aside++;
    if (aside <= t->k && twin_serve(t, aside, false))
        return true;
    if (aside > 0 && aside < t->k && twin_affordable(t, t->k) && twin_serve(t, t->k, false))
        return true;
    if (t->k * t->users >= eligible)
        return twin_serve(t, t->k, true);
    uint64_t sum = 0;
    for (aside = 0; aside < t->k && sum * PPM < feed_exposure(t->k) * t->c->rules.floor_ppm;
         aside++)
        sum += exposure_of_rank((uint32_t)(t->k - aside));
    twin_serve(t, aside, false);
    return true;
}

static void an_epoch_gives_what_its_naive_twin_gives(void **state)
{
    (void)state;
    static const uint32_t floors[] = {0, 50000, 100000, 300000, 600000, 900000};
    size_t kept = 0, lost = 0, compared = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct allocation_rules rules =
            rules_of(1 + (uint32_t)prng_below(&r, 8), (enum algorithm)prng_below(&r, ALGORITHMS),
                     floors[prng_below(&r, 6)]);
        const struct crowd_shape shape = {
            1 + prng_below(&r, 25), 1 + prng_below(&r, 25), 8, prng_double(&r) * 2, 0.9,
            (unsigned)(seed % 3)};
        struct crowd c;
        crowd_init(&c, &r, &shape, &rules);
        struct result got = run(&c);
        check(&c, &got);
        struct twin t = {.c = &c, .k = slots_of(&c), .users = c.histories.n, .n = c.items.n};
        if (t.k > 0) {
            t.natural = malloc(t.users * t.k * sizeof *t.natural);
            t.given = malloc(t.n * sizeof *t.given);
            t.owed = malloc(t.n * sizeof *t.owed);
            assert_true(t.natural && t.given && t.owed);
            bool comparable = twin_epoch(&t);
            compared += comparable;
            for (size_t i = 0; comparable && i < t.n; i++)
                if (t.given[i] != got.x.given[i])
                    fail_msg("seed %llu: item %zu has %llu, %llu expected",
                             (unsigned long long)seed, i, (unsigned long long)got.x.given[i],
                             (unsigned long long)t.given[i]);
            free(t.natural);
            free(t.given);
            free(t.owed);
        }
        kept += got.x.kept;
        lost += !got.x.kept;
        result_deinit(&got);
        crowd_deinit(&c);
    }
    assert_true(kept > 80 && lost > 20 && compared > 100);
}

/* ── kept where it can be ── */

/* Whether some choice of feeds keeps the floor: tries them all, user by user.                   */
struct search {
    size_t items, users, k;
    uint64_t floor, given[8];
    uint32_t blocked[4]; /* [users] bits of items */
};

static bool can_keep(struct search *s, size_t user, size_t rank, uint32_t used)
{
    if (user == s->users) {
        for (size_t i = 0; i < s->items; i++)
            if (s->given[i] < s->floor)
                return false;
        return true;
    }
    if (rank == s->k)
        return can_keep(s, user + 1, 0, 0);
    bool full = true;
    for (uint32_t i = 0; i < s->items; i++) {
        if ((used | s->blocked[user]) >> i & 1)
            continue;
        full = false;
        s->given[i] += exposure_of_rank((uint32_t)rank + 1);
        bool can = can_keep(s, user, rank + 1, used | 1u << i);
        s->given[i] -= exposure_of_rank((uint32_t)rank + 1);
        if (can)
            return true;
    }
    return full && can_keep(s, user + 1, 0, 0); /* no more to show */
}

/* A world small enough to search, of a seed.                                                     */
static struct search tiny_world(struct prng *r, uint64_t seed, struct allocation_rules *rules,
                                struct crowd *c)
{
    prng_seed(r, seed);
    struct search s = {.items = 2 + prng_below(r, 4), .users = 1 + prng_below(r, 3)};
    s.k = 1 + prng_below(r, 2);
    *rules = rules_of((uint32_t)s.k, (enum algorithm)prng_below(r, ALGORITHMS),
                      (uint32_t)(1 + prng_below(r, 9)) * 100000);
    crowd_init(c, r, &(struct crowd_shape){s.items, s.users, 4, 1, 1, 0}, rules);
    return s;
}

static void tiny_worlds_keep_every_floor_that_can_be_kept(void **state)
{
    (void)state;
    size_t possible = 0, impossible = 0, missed = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct prng r;
        struct allocation_rules rules;
        struct crowd c;
        struct search s = tiny_world(&r, seed, &rules, &c);
        struct result got = run(&c);
        check(&c, &got);
        uint64_t part = (uint64_t)PPM * s.items;
        s.floor = (feed_exposure(s.k) * s.users * rules.floor_ppm + part - 1) / part;
        bool can = can_keep(&s, 0, 0, 0);
        possible += can;
        impossible += !can;
        if (can != got.x.kept) {
            print_error("seed %llu: %zu items, %zu users, k %zu, floor %u: kept %d, possible %d\n",
                        (unsigned long long)seed, s.items, s.users, s.k, rules.floor_ppm,
                        got.x.kept, can);
            missed++;
        }
        result_deinit(&got);
        crowd_deinit(&c);
    }
    print_message("tiny worlds: %zu possible, %zu not, %zu missed\n", possible, impossible, missed);
    assert_true(possible > 100 && impossible > 100);
    assert_int_equal(missed, 0);
}

static void popular_items_do_not_take_the_floor_from_the_others(void **state)
{
    (void)state;
    static const struct {
        size_t items, users;
        uint32_t k, floor_ppm;
        double skew;
    } rows[] = {
        {200, 300, 10, 100000, 0}, {200, 300, 10, 100000, 1},  {200, 300, 10, 100000, 3},
        {200, 300, 10, 500000, 1}, {200, 300, 10, 900000, 1},  {200, 300, 10, 990000, 1},
        {500, 60, 10, 100000, 2},  {500, 51, 10, 100000, 2},   {500, 50, 10, 100000, 2},
        {30, 400, 20, 700000, 2},  {30, 400, 30, 900000, 2},   {12, 300, 10, 800000, 1},
        {100, 101, 1, 500000, 2},  {100, 100, 1, 990000, 2},   {11, 1000, 10, 950000, 1},
        {50, 300, 50, 800000, 1},  {120, 300, 100, 400000, 1}, {1000, 500, 5, 200000, 1.2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int a = 0; a < ALGORITHMS; a++) {
            struct prng r;
            prng_seed(&r, i);
            struct allocation_rules rules =
                rules_of(rows[i].k, (enum algorithm)a, rows[i].floor_ppm);
            const struct crowd_shape shape = {rows[i].items, rows[i].users, 12, rows[i].skew, 1, 0};
            struct crowd c;
            crowd_init(&c, &r, &shape, &rules);
            struct result got = run(&c);
            check(&c, &got);
            if (!got.x.kept)
                fail_msg("row %zu, %s: least share %u of %u ppm", i,
                         algorithm_name((enum algorithm)a), got.x.min_share_ppm, rows[i].floor_ppm);
            rules.floor_ppm = 0; /* and the algorithm alone would not have kept it */
            result_deinit(&got);
            crowd_deinit(&c);
            prng_seed(&r, i);
            crowd_init(&c, &r, &shape, &rules);
            got = run(&c);
            assert_true(got.x.min_share_ppm < rows[i].floor_ppm);
            result_deinit(&got);
            crowd_deinit(&c);
        }
}

/* Wherever there are twice the slots that items need at the least exposure, the floor is kept.   */
static void random_worlds_with_room_keep_the_floor(void **state)
{
    (void)state;
    size_t worlds = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct allocation_rules rules =
            rules_of(1 + (uint32_t)prng_below(&r, 20), (enum algorithm)prng_below(&r, ALGORITHMS),
                     10000 + (uint32_t)prng_below(&r, 900000));
        const struct crowd_shape shape = {
            1 + prng_below(&r, 150), 1 + prng_below(&r, 100),   10,
            prng_double(&r) * 3,     0.5 + prng_double(&r) / 2, (unsigned)prng_below(&r, 5)};
        struct crowd c;
        crowd_init(&c, &r, &shape, &rules);
        struct result got = run(&c);
        check(&c, &got);
        size_t n = eligible_count(&c), k = slots_of(&c);
        uint64_t floor = n ? feed_exposure(k) * shape.users * rules.floor_ppm / n / PPM + 1 : 0;
        uint64_t last = exposure_of_rank((uint32_t)k), need = n ? floor / last + 1 : 0;
        if (n && 2 * need * n <= k * shape.users && need <= shape.users) {
            worlds++;
            if (!got.x.kept)
                fail_msg("seed %llu: least share %u of %u ppm", (unsigned long long)seed,
                         got.x.min_share_ppm, rules.floor_ppm);
        }
        result_deinit(&got);
        crowd_deinit(&c);
    }
    assert_true(worlds > 50);
}

/* ── what must not be shown ── */

static uint32_t barred_bits(const struct crowd *c, size_t user)
{
    uint32_t bits = 0;
    for (uint64_t i = c->histories.blocked_offsets[user];
         i < c->histories.blocked_offsets[user + 1]; i++)
        bits |= 1u << c->histories.blocked[i];
    return bits;
}

/* As the tiny worlds above, but each user has items he must not see. The schedule does not plan
 * for them, so repair has to: a few floors that can be kept are not, and then it says so.        */
static void tiny_worlds_keep_floors_around_what_is_blocked(void **state)
{
    (void)state;
    size_t possible = 0, missed = 0, lone = 0;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        struct prng r;
        struct allocation_rules rules;
        struct crowd c;
        struct search s = tiny_world(&r, seed, &rules, &c);
        crowd_block(&c, &r, 0.3);
        struct result got = run(&c);
        uint32_t everywhere = UINT32_MAX;
        uint64_t total = 0, given = 0, popular = 0, least = UINT64_MAX, slots = 0;
        for (size_t u = 0; u < s.users; u++) {
            s.blocked[u] = barred_bits(&c, u);
            everywhere &= s.blocked[u];
            size_t left = s.items - (size_t)__builtin_popcount(s.blocked[u]);
            slots += s.k < left ? s.k : left;
            total += feed_exposure(s.k < left ? s.k : left);
        }
        size_t promised = 0;
        for (size_t i = 0; i < s.items; i++) {
            given += got.x.given[i];
            popular += got.x.popularity[i];
            uint64_t viewers = 0;
            for (size_t u = 0; u < s.users; u++)
                viewers += !(s.blocked[u] >> i & 1);
            if (got.x.given[i] > viewers * PPM || got.x.popularity[i] > viewers * PPM)
                fail_msg("seed %llu: item %zu was shown where it is blocked",
                         (unsigned long long)seed, i);
            promised += viewers > 0;
            if (viewers > 0 && got.x.given[i] < least)
                least = got.x.given[i];
        }
        assert_int_equal(given, total);
        assert_int_equal(popular, total);
        assert_int_equal(got.x.slots, slots);
        if (total > 0) {
            assert_int_equal(got.x.min_share_ppm, least * promised * PPM / total);
            assert_int_equal(got.x.kept, got.x.min_share_ppm >= rules.floor_ppm);
            uint64_t part = (uint64_t)PPM * promised;
            s.floor = (total * rules.floor_ppm + part - 1) / part;
            for (size_t i = 0; i < s.items; i++) /* those have no part in it */
                s.given[i] = everywhere >> i & 1 ? s.floor : 0;
            bool can = can_keep(&s, 0, 0, 0);
            possible += can;
            assert_true(can || !got.x.kept);
            missed += can && !got.x.kept;
            lone += s.users == 1;
        } else {
            assert_true(got.x.kept);
        }
        result_deinit(&got);
        crowd_deinit(&c);
    }
    print_message("tiny worlds with blocks: %zu possible, %zu missed\n", possible, missed);
    assert_true(possible > 150 && lone > 100);
    assert_true(missed * 20 <= possible);
}

static void without_a_floor_blocked_items_are_passed_over(void **state)
{
    (void)state;
    for (int a = 0; a < ALGORITHMS; a++) {
        struct prng r;
        prng_seed(&r, (uint64_t)a);
        struct allocation_rules rules = rules_of(7, (enum algorithm)a, 0);
        struct crowd c;
        crowd_init(&c, &r, &(struct crowd_shape){40, 60, 10, 1, 0.8, 0}, &rules);
        crowd_block(&c, &r, 0.5);
        uint64_t sum[40] = {0};
        for (size_t u = 0; u < c.histories.n; u++) {
            struct feed_request q = crowd_request(&c, u);
            struct slot slots[FEED_MAX];
            size_t n;
            allocator_feed(c.allocator, &q, slots, &n);
            for (size_t i = 0; i < n; i++) {
                assert_false(history_blocks(&c.histories, u, slots[i].item));
                sum[slots[i].item] += exposure_of_rank((uint32_t)i + 1);
            }
        }
        struct result got = run(&c);
        assert_memory_equal(got.x.given, sum, sizeof sum);
        if (a == ALGORITHM_EXPOSURE)
            assert_memory_equal(got.x.popularity, sum, sizeof sum);
        result_deinit(&got);
        crowd_deinit(&c);
    }
}

/* Contents of creators, each active himself: room enough, so the floor is kept around them.      */
static void creators_among_the_users_do_not_cost_the_floor(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct allocation_rules rules = rules_of(10, (enum algorithm)prng_below(&r, ALGORITHMS),
                                                 200000 + 10000 * (uint32_t)seed);
        struct crowd c;
        crowd_init(&c, &r, &(struct crowd_shape){100, 150, 10, 1.5, 0.9, 0}, &rules);
        crowd_block(&c, &r, 0.01);
        struct result got = run(&c);
        if (!got.x.kept)
            fail_msg("seed %llu: least share %u of %u ppm", (unsigned long long)seed,
                     got.x.min_share_ppm, rules.floor_ppm);
        result_deinit(&got);
        crowd_deinit(&c);
    }
}

/* Feeds of three, users in rows: item 3 lacks all, item 0 has most.                              */
static void repair_moves_slots_and_repeats_nobody(void **state)
{
    (void)state;
    uint32_t feeds[] = {0, 1, 2, 0, 1, 2, 0, 2, 1, 0, 2, 1};
    const struct allocation_histories four = {.n = 4};
    const uint8_t eligible[] = {1, 1, 1, 1, 0};
    uint64_t given[5] = {0};
    for (uint32_t i = 0; i < 12; i++)
        given[feeds[i]] += exposure_of_rank(i % 3 + 1);
    assert_true(floor_repair(NULL, feeds, &four, 3, eligible, 5, 2000000, given));
    uint64_t again[5] = {0};
    for (uint32_t i = 0; i < 12; i++)
        again[feeds[i]] += exposure_of_rank(i % 3 + 1);
    assert_memory_equal(again, given, sizeof given);
    for (size_t i = 0; i < 4; i++) {
        assert_true(given[i] >= 2000000);
        assert_true(feeds[i * 3] != feeds[i * 3 + 1] && feeds[i * 3] != feeds[i * 3 + 2] &&
                    feeds[i * 3 + 1] != feeds[i * 3 + 2]);
    }
    assert_false(floor_repair(NULL, feeds, &four, 3, eligible, 5, 3000000, given));
}

static void a_floor_that_cannot_be_kept_is_said_and_takes_its_share_only(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 1);
    struct allocation_rules rules = rules_of(10, ALGORITHM_EXPOSURE, 100000);
    struct crowd c;
    crowd_init(&c, &r, &(struct crowd_shape){1000, 50, 10, 1, 1, 0}, &rules); /* 500 slots */
    struct result got = run(&c);
    check(&c, &got);
    assert_false(got.x.kept);
    assert_int_equal(got.x.min_share_ppm, 0);
    size_t untouched = 0, shown = 0;
    for (size_t i = 0; i < got.n; i++) {
        shown += got.x.given[i] > 0;
        untouched += got.x.given[i] > 0 && got.x.given[i] == got.x.popularity[i];
    }
    assert_int_equal(untouched, 8); /* the first eight slots are as they were */
    assert_int_equal(shown, 8 + 2 * 50);
    result_deinit(&got);
    crowd_deinit(&c);
}

static void an_epoch_without_users_or_items_gives_nothing(void **state)
{
    (void)state;
    static const struct crowd_shape shapes[] = {{10, 0, 3, 1, 1, 0}, {10, 5, 3, 1, 0, 0}};
    for (size_t i = 0; i < 2; i++) {
        struct prng r;
        prng_seed(&r, 1);
        struct allocation_rules rules = rules_of(10, ALGORITHM_MIXED, 100000);
        struct crowd c;
        crowd_init(&c, &r, &shapes[i], &rules);
        struct result got = run(&c);
        check(&c, &got);
        assert_true(got.x.kept);
        assert_int_equal(got.x.min_share_ppm, 0);
        result_deinit(&got);
        crowd_deinit(&c);
    }
}

static void an_epoch_without_a_floor_is_the_sum_of_its_feeds(void **state)
{
    (void)state;
    for (int a = 0; a < ALGORITHMS; a++) {
        struct prng r;
        prng_seed(&r, (uint64_t)a);
        struct allocation_rules rules = rules_of(7, (enum algorithm)a, 0);
        struct crowd c;
        crowd_init(&c, &r, &(struct crowd_shape){300, 80, 10, 1, 0.8, 0}, &rules);
        uint64_t sum[300] = {0};
        for (size_t u = 0; u < c.histories.n; u++) {
            struct feed_request q = crowd_request(&c, u);
            struct slot slots[FEED_MAX];
            size_t n;
            allocator_feed(c.allocator, &q, slots, &n);
            for (size_t i = 0; i < n; i++)
                sum[slots[i].item] += exposure_of_rank((uint32_t)i + 1);
        }
        struct result got = run(&c), again = run(&c);
        assert_memory_equal(got.x.given, sum, sizeof sum);
        assert_memory_equal(again.x.given, sum, sizeof sum);
        if (a == ALGORITHM_EXPOSURE)
            assert_memory_equal(got.x.popularity, sum, sizeof sum);
        result_deinit(&got);
        result_deinit(&again);
        crowd_deinit(&c);
    }
}

/* The order of a history's rows must not matter, nor what the allocator did before.             */
static void the_order_of_history_rows_does_not_matter(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 9);
    struct allocation_rules rules = rules_of(10, ALGORITHM_MIXED, 200000);
    struct crowd c;
    crowd_init(&c, &r, &(struct crowd_shape){200, 150, 12, 1, 0.9, 0}, &rules);
    struct result before = run(&c);
    uint32_t *items = (uint32_t *)(uintptr_t)c.histories.items;
    float *weights = (float *)(uintptr_t)c.histories.weights;
    for (size_t u = 0; u < c.histories.n; u++)
        for (uint64_t i = c.histories.offsets[u], j = c.histories.offsets[u + 1]; i + 1 < j; i++) {
            uint32_t item = items[i];
            float weight = weights[i];
            items[i] = items[--j];
            weights[i] = weights[j];
            items[j] = item;
            weights[j] = weight;
        }
    relevance_free(c.relevance);
    allocator_free(c.allocator);
    assert_int_equal(relevance_build(&c.histories, c.items.n, &rules, &c.relevance), HEED_OK);
    assert_int_equal(allocator_new(&c.items, c.relevance, &rules, &c.allocator), HEED_OK);
    struct result after = run(&c);
    assert_memory_equal(before.x.given, after.x.given, before.n * sizeof *before.x.given);
    assert_true(before.x.kept);
    result_deinit(&before);
    result_deinit(&after);
    crowd_deinit(&c);
}

static void relevance_and_epochs_say_when_memory_is_out(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 2);
    struct allocation_rules rules = rules_of(5, ALGORITHM_MIXED, 200000);
    struct crowd c;
    crowd_init(&c, &r, &(struct crowd_shape){60, 40, 10, 1, 0.9, 0}, &rules);
    struct result expected = run(&c);
    for (long at = 1;; at++) {
        struct relevance *m = NULL;
        struct allocator *a = NULL;
        uint64_t given[60], popularity[60];
        struct epoch_exposure x = {.given = given, .popularity = popularity};
        fault_fail_at(at);
        enum heed_status status = relevance_build(&c.histories, c.items.n, &rules, &m);
        if (status == HEED_OK)
            status = allocator_new(&c.items, m, &rules, &a);
        if (status == HEED_OK)
            status = allocator_epoch(a, &c.histories, &x);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        if (status == HEED_NOMEM && a) /* what failed can be asked again */
            assert_int_equal(allocator_epoch(a, &c.histories, &x), HEED_OK);
        if (a)
            assert_memory_equal(given, expected.x.given, sizeof given);
        allocator_free(a);
        relevance_free(m);
        if (!fault_fired())
            break;
    }
    result_deinit(&expected);
    crowd_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_gives_what_its_naive_twin_gives),
        cmocka_unit_test(tiny_worlds_keep_every_floor_that_can_be_kept),
        cmocka_unit_test(popular_items_do_not_take_the_floor_from_the_others),
        cmocka_unit_test(random_worlds_with_room_keep_the_floor),
        cmocka_unit_test(tiny_worlds_keep_floors_around_what_is_blocked),
        cmocka_unit_test(without_a_floor_blocked_items_are_passed_over),
        cmocka_unit_test(creators_among_the_users_do_not_cost_the_floor),
        cmocka_unit_test(repair_moves_slots_and_repeats_nobody),
        cmocka_unit_test(a_floor_that_cannot_be_kept_is_said_and_takes_its_share_only),
        cmocka_unit_test(an_epoch_without_users_or_items_gives_nothing),
        cmocka_unit_test(an_epoch_without_a_floor_is_the_sum_of_its_feeds),
        cmocka_unit_test(the_order_of_history_rows_does_not_matter),
        cmocka_unit_test_teardown(relevance_and_epochs_say_when_memory_is_out, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
