/* Several kinds in one feed: shares, places, and the floor out of the contents' slots. */
#include "allocation/allocation_parts.h"
#include "allocation/kinds.h"
#include "support_crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { C = TARGET_CONTENT, U = TARGET_USER, G = TARGET_GOOD, S = TARGET_SERVICE };

static void slots_go_by_largest_remainder(void **state)
{
    (void)state;
    static const struct {
        uint32_t share[KINDS], room[KINDS], k, slots[KINDS]; /* content, user, good, service */
    } rows[] = {
        {{1000000, 0, 0, 0}, {99, 99, 99, 99}, 10, {10, 0, 0, 0}},
        /* quotas 7, 1, 1.5, .5: the tie goes to the good */
        {{700000, 100000, 150000, 50000}, {99, 99, 99, 99}, 10, {7, 1, 2, 0}},
        {{700000, 100000, 150000, 50000}, {99, 99, 99, 99}, 20, {14, 2, 3, 1}},
        {{700000, 100000, 150000, 50000}, {99, 99, 99, 99}, 1, {1, 0, 0, 0}},
        {{700000, 100000, 150000, 50000}, {99, 99, 99, 99}, 0, {0, 0, 0, 0}},
        {{250000, 250000, 250000, 250000}, {99, 99, 99, 99}, 6, {2, 2, 1, 1}},
        /* proportions alone count */
        {{70000, 10000, 15000, 5000}, {99, 99, 99, 99}, 100, {70, 10, 15, 5}},
        /* 10 x 41/77, 27/77, 9/77 = 5.32, 3.51, 1.17 */
        {{410000, 270000, 90000, 0}, {99, 99, 99, 99}, 10, {5, 4, 1, 0}},
        /* no goods: 10 x 70, 10, 5 of 85 = 8.24, 1.18, .59 */
        {{700000, 100000, 150000, 50000}, {99, 99, 0, 99}, 10, {8, 1, 0, 1}},
        /* one user of two: 9 for the others */
        {{500000, 200000, 300000, 0}, {99, 1, 99, 0}, 10, {6, 1, 3, 0}},
        /* what one leaves is more than the next has */
        {{100000, 800000, 100000, 0}, {3, 2, 1, 9}, 10, {3, 2, 1, 0}},
        /* a kind without a share fills nothing up */
        {{0, 1000000, 0, 0}, {99, 4, 99, 99}, 10, {0, 4, 0, 0}},
        {{0, 0, 0, 0}, {99, 99, 99, 99}, 10, {0, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t share[TARGET_KINDS] = {0}, room[TARGET_KINDS] = {0}, slots[TARGET_KINDS], sum = 0;
        for (size_t j = 0; j < KINDS; j++) {
            share[kind_at(j)] = rows[i].share[j];
            room[kind_at(j)] = rows[i].room[j];
            sum += rows[i].slots[j];
        }
        assert_int_equal(kinds_slots(share, room, rows[i].k, slots), sum);
        for (size_t j = 0; j < KINDS; j++)
            if (slots[kind_at(j)] != rows[i].slots[j])
                fail_msg("row %zu: %u of %s, not %u", i, slots[kind_at(j)],
                         target_kind_name(kind_at(j)), rows[i].slots[j]);
    }
}

/* Of all ways to share k slots out, largest remainder comes nearest to the quotas (Birkhoff 1976:
 * in every norm). Distance in units of 1 / sum.                                                 */
static uint64_t distance(const uint32_t share[TARGET_KINDS], uint64_t sum, uint32_t k,
                         const uint32_t slots[TARGET_KINDS])
{
    uint64_t d = 0;
    for (int kind = U; kind < TARGET_KINDS; kind++) {
        uint64_t quota = (uint64_t)k * share[kind], has = slots[kind] * sum;
        d += quota > has ? quota - has : has - quota;
    }
    return d;
}

static uint64_t least_distance(const uint32_t share[TARGET_KINDS], uint64_t sum, uint32_t k)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t c = 0; c <= k; c++)
        for (uint32_t u = 0; c + u <= k; u++)
            for (uint32_t g = 0; c + u + g <= k; g++) {
                const uint32_t slots[TARGET_KINDS] = {
                    [C] = c, [U] = u, [G] = g, [S] = k - c - u - g};
                uint64_t d = distance(share, sum, k, slots);
                least = d < least ? d : least;
            }
    return least;
}

/* A naive twin of what happens where kinds are too few: the first that is short, in any order, is
 * taken out with what it has.                                                                   */
static void twin(const uint32_t share[TARGET_KINDS], const uint32_t room[TARGET_KINDS], uint32_t k,
                 uint32_t slots[TARGET_KINDS])
{
    uint32_t left[TARGET_KINDS], want[TARGET_KINDS];
    memcpy(left, share, sizeof left);
    memset(slots, 0, TARGET_KINDS * sizeof *slots);
    for (;;) {
        bool few[TARGET_KINDS] = {false}, any = false;
        (void)kinds_slots(left, NULL, k, want);
        for (int kind = U; kind < TARGET_KINDS; kind++)
            any |= few[kind] = want[kind] > room[kind];
        for (int kind = U; kind < TARGET_KINDS; kind++)
            if (few[kind]) {
                slots[kind] = room[kind];
                k -= room[kind];
                left[kind] = 0;
            } else if (!any) {
                slots[kind] += want[kind];
            }
        if (!any)
            return;
    }
}

static void random_shares_come_nearest_to_their_quotas(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        uint32_t share[TARGET_KINDS] = {0}, room[TARGET_KINDS] = {0};
        uint32_t slots[TARGET_KINDS], expected[TARGET_KINDS], k = (uint32_t)prng_below(&r, 15);
        uint64_t sum = 0, rooms = 0;
        for (int kind = U; kind < TARGET_KINDS; kind++) {
            share[kind] = prng_below(&r, 4) ? (uint32_t)prng_below(&r, 20) * 50000 : 0;
            room[kind] = (uint32_t)prng_below(&r, 9);
            sum += share[kind];
            rooms += share[kind] ? room[kind] : 0;
        }
        assert_int_equal(kinds_slots(share, NULL, k, slots), sum ? k : 0);
        if (sum && distance(share, sum, k, slots) != least_distance(share, sum, k))
            fail_msg("seed %llu: not the nearest", (unsigned long long)seed);
        assert_int_equal(kinds_slots(share, room, k, slots), rooms < k ? rooms : k);
        twin(share, room, k, expected);
        if (memcmp(slots, expected, sizeof slots) != 0)
            fail_msg("seed %llu: the twin has others", (unsigned long long)seed);
        for (int kind = U; kind < TARGET_KINDS; kind++)
            assert_true(slots[kind] <= room[kind] && (share[kind] || slots[kind] == 0));
    }
}

static void places_are_even(void **state)
{
    (void)state;
    static const struct {
        uint32_t slots[KINDS];
        const char *places;
    } rows[] = {
        {{3, 0, 0, 0}, "ccc"},      {{7, 1, 2, 0}, "ccgccucgcc"}, {{1, 1, 1, 1}, "cugs"},
        {{4, 4, 0, 0}, "cucucucu"}, {{0, 2, 0, 1}, "usu"},        {{0, 0, 0, 0}, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t slots[TARGET_KINDS] = {0};
        uint8_t places[FEED_MAX];
        char got[FEED_MAX + 1] = {0};
        for (size_t j = 0; j < KINDS; j++)
            slots[kind_at(j)] = rows[i].slots[j];
        kinds_places(slots, places);
        for (size_t j = 0; j < strlen(rows[i].places); j++)
            got[j] = target_kind_name((enum target_kind)places[j])[0];
        assert_string_equal(got, rows[i].places);
    }
    /* every prefix is Webster's: no slot given was given at a higher price than one not given has
     */
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        uint32_t slots[TARGET_KINDS] = {0}, used[TARGET_KINDS] = {0}, n = 0;
        uint8_t places[FEED_MAX];
        for (int kind = U; kind < TARGET_KINDS; kind++)
            n += slots[kind] = (uint32_t)prng_below(&r, 26);
        kinds_places(slots, places);
        for (uint32_t i = 0; i < n; i++) {
            used[places[i]]++;
            for (int a = U; a < TARGET_KINDS; a++)
                for (int b = U; b < TARGET_KINDS; b++)
                    if (used[a] > 0 && used[b] < slots[b] &&
                        (2 * used[a] - 1) * slots[b] > (2 * used[b] + 1) * slots[a])
                        fail_msg("seed %llu, slot %u", (unsigned long long)seed, i);
        }
        assert_memory_equal(used, slots, sizeof used);
    }
}

/* ── rooms and epochs ── */

static struct crowd random_crowd(struct prng *r, uint32_t floor_ppm)
{
    struct allocation_rules rules = {.k = 1 + (uint32_t)prng_below(r, 10),
                                     .algorithm = (enum algorithm)prng_below(r, ALGORITHMS),
                                     .mix_milli = {300, 200, 200, 300},
                                     .floor_ppm = floor_ppm,
                                     .limited_ppm = (uint32_t)prng_below(r, 11) * 100000,
                                     .neighbours = 8,
                                     .max_history = 6};
    struct crowd c;
    crowd_init(&c, r,
               &(struct crowd_shape){4 + prng_below(r, 20), 1 + prng_below(r, 40), 5, 1, .9, 4},
               &rules);
    uint8_t *eligible = (uint8_t *)(uintptr_t)c.items.eligible;
    for (size_t i = 0; i < c.items.n; i++)
        if (eligible[i] && prng_below(r, 4) == 0)
            eligible[i] = ELIGIBLE_LIMITED;
    allocator_free(c.allocator);
    assert_int_equal(allocator_new(&c.items, c.relevance, &rules, &c.allocator), HEED_OK);
    crowd_block(&c, r, .15);
    return c;
}

static struct feed_request request(const struct crowd *c, size_t u, uint32_t k)
{
    struct feed_request q = crowd_request(c, u);
    q.k = k;
    q.limited = limited_slots(&c->rules, k);
    return q;
}

static void a_kind_has_as_much_room_as_its_feeds_are_long(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct crowd c = random_crowd(&r, 0);
        struct slot slots[FEED_MAX];
        for (size_t u = 0; u < c.histories.n; u++) {
            size_t n;
            struct feed_request q = request(&c, u, c.rules.k);
            uint32_t room = allocator_room(c.allocator, q.blocked, q.blocked_n, c.rules.k);
            for (uint32_t k = 0; k <= c.rules.k; k++) {
                q = request(&c, u, k);
                allocator_feed(c.allocator, &q, slots, &n);
                if ((n == k) != (k <= room))
                    fail_msg("seed %llu, user %zu: %zu of %u, room for %u",
                             (unsigned long long)seed, u, n, k, room);
            }
        }
        crowd_deinit(&c);
    }
}

/* Slots of each user at random, but as many as there are, at random ranks.                       */
static struct feed_places random_places(const struct crowd *c, struct prng *r, bool all)
{
    uint32_t k = c->rules.k;
    struct feed_places p = {k, calloc(c->histories.n + 1, 1), calloc(c->histories.n * k + 1, 1)};
    assert_true(p.slots && p.ranks);
    for (size_t u = 0; u < c->histories.n; u++) {
        struct feed_request q = request(c, u, k);
        uint32_t room = allocator_room(c->allocator, q.blocked, q.blocked_n, k);
        uint32_t n = all ? room : (uint32_t)prng_below(r, room + 1), left = n;
        p.slots[u] = (uint8_t)n;
        for (uint32_t rank = 1; rank <= k && left > 0; rank++)
            if (all || prng_below(r, k - rank + 1) < left) {
                p.ranks[u * k + (n - left)] = (uint8_t)rank;
                left--;
            }
    }
    return p;
}

static void an_epoch_counts_the_ranks_of_the_whole_feed(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct crowd c = random_crowd(&r, 0);
        struct feed_places p = random_places(&c, &r, false);
        uint64_t sum[32] = {0}, given[32], popularity[32], slots = 0;
        for (size_t u = 0; u < c.histories.n; u++) {
            struct feed_request q = request(&c, u, p.slots[u]);
            struct slot out[FEED_MAX];
            size_t n;
            allocator_feed(c.allocator, &q, out, &n);
            assert_int_equal(n, p.slots[u]);
            slots += n;
            for (size_t i = 0; i < n; i++)
                sum[out[i].item] += exposure_of_rank(p.ranks[u * p.k + i]);
        }
        struct epoch_exposure x = {.given = given, .popularity = popularity};
        c.histories.places = &p;
        assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x), HEED_OK);
        uint64_t all = 0, popular = 0;
        for (size_t i = 0; i < c.items.n; i++) {
            if (given[i] != sum[i])
                fail_msg("seed %llu: item %zu has %llu, not %llu", (unsigned long long)seed, i,
                         (unsigned long long)given[i], (unsigned long long)sum[i]);
            all += given[i];
            popular += popularity[i];
        }
        assert_int_equal(popular, all);
        assert_int_equal(x.slots, slots);
        free(p.slots);
        free(p.ranks);
        crowd_deinit(&c);
    }
}

/* Where contents have all slots, naming them changes nothing, floor and all.                     */
static void places_of_all_slots_change_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct crowd c = random_crowd(&r, (uint32_t)prng_below(&r, 10) * 100000);
        struct feed_places p = random_places(&c, &r, true);
        uint64_t given[2][32] = {{0}}, popularity[2][32] = {{0}};
        struct epoch_exposure x[2];
        bool full = true;
        for (size_t u = 0; u < c.histories.n; u++)
            full = full && p.slots[u] == c.rules.k;
        for (int i = 0; i < 2 && full; i++) {
            x[i] = (struct epoch_exposure){.given = given[i], .popularity = popularity[i]};
            c.histories.places = i ? &p : NULL;
            assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x[i]), HEED_OK);
        }
        if (full) {
            assert_memory_equal(given[0], given[1], sizeof given[0]);
            assert_memory_equal(popularity[0], popularity[1], sizeof popularity[0]);
            assert_int_equal(x[0].min_share_ppm, x[1].min_share_ppm);
            assert_int_equal(x[0].kept, x[1].kept);
        }
        free(p.slots);
        free(p.ranks);
        crowd_deinit(&c);
    }
}

/* With slots to spare the floor is kept, exactly, out of the contents' slots.                    */
static void the_floor_is_kept_out_of_the_contents_slots(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct allocation_rules rules = {.k = 10,
                                         .algorithm = ALGORITHM_MIXED,
                                         .mix_milli = {300, 200, 200, 300},
                                         .floor_ppm = 400000,
                                         .neighbours = 8,
                                         .max_history = 6};
        struct crowd c;
        crowd_init(&c, &r, &(struct crowd_shape){60, 150, 8, 1, .9, 0}, &rules);
        crowd_block(&c, &r, .02);
        struct feed_places p = {10, calloc(150, 1), calloc(1500, 1)};
        assert_true(p.slots && p.ranks);
        for (size_t u = 0; u < 150; u++) { /* 6 or 7 of 10, as kinds would have it */
            const uint32_t slots[TARGET_KINDS] = {
                [C] = 6 + (uint32_t)prng_below(&r, 2), [U] = 1, [G] = 2};
            uint8_t places[FEED_MAX];
            kinds_places(slots, places);
            for (uint32_t i = 0; i < slots[C] + 3; i++)
                if (places[i] == C)
                    p.ranks[u * 10 + p.slots[u]++] = (uint8_t)(i + 1);
        }
        uint64_t given[60], popularity[60], total = 0, least = UINT64_MAX, n = 0;
        struct epoch_exposure x = {.given = given, .popularity = popularity};
        c.histories.places = &p;
        assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x), HEED_OK);
        for (size_t u = 0; u < 150; u++)
            for (size_t i = 0; i < p.slots[u]; i++)
                total += exposure_of_rank(p.ranks[u * 10 + i]);
        uint64_t sum = 0;
        for (size_t i = 0; i < 60; i++) {
            sum += given[i];
            n += c.items.eligible[i];
            if (c.items.eligible[i] && given[i] < least)
                least = given[i];
        }
        assert_int_equal(sum, total);
        if (!x.kept || least * n * 10 < total * 4 || x.min_share_ppm != least * n * 1000000 / total)
            fail_msg("seed %llu: least %llu of a mean of %llu", (unsigned long long)seed,
                     (unsigned long long)least, (unsigned long long)(total / n));
        free(p.slots);
        free(p.ranks);
        crowd_deinit(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_go_by_largest_remainder),
        cmocka_unit_test(random_shares_come_nearest_to_their_quotas),
        cmocka_unit_test(places_are_even),
        cmocka_unit_test(a_kind_has_as_much_room_as_its_feeds_are_long),
        cmocka_unit_test(an_epoch_counts_the_ranks_of_the_whole_feed),
        cmocka_unit_test(places_of_all_slots_change_nothing),
        cmocka_unit_test(the_floor_is_kept_out_of_the_contents_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
