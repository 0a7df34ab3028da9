/* Limited items: a feed holds at most as many as it may, an epoch promises them nothing, and both
 * are what a naive twin that sorts everything gives. */
#include "allocation/allocation_parts.h"
#include "support_crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Random crowds whose eligible items are limited one time in three. */
static void crowd_of(struct crowd *c, struct prng *r, const struct allocation_rules *rules)
{
    const struct crowd_shape shape = {
        1 + prng_below(r, 40), 1 + prng_below(r, 25), 8, 1, .85, (unsigned)prng_below(r, 2) * 4};
    crowd_init(c, r, &shape, rules);
    uint8_t *eligible = (uint8_t *)(uintptr_t)c->items.eligible;
    for (size_t i = 0; i < c->items.n; i++)
        if (eligible[i] && prng_below(r, 3) == 0)
            eligible[i] = ELIGIBLE_LIMITED;
    if (prng_below(r, 2))
        crowd_block(c, r, .2);
    allocator_free(c->allocator); /* it keeps what it was given */
    assert_int_equal(allocator_new(&c->items, c->relevance, rules, &c->allocator), HEED_OK);
}

static struct allocation_rules rules_of(struct prng *r)
{
    return (struct allocation_rules){.k = 1 + (uint32_t)prng_below(r, 12),
                                     .algorithm = (enum algorithm)prng_below(r, ALGORITHMS),
                                     .mix_milli = {300, 200, 200, 300},
                                     .floor_ppm = (uint32_t)prng_below(r, 500000),
                                     .limited_ppm = (uint32_t)prng_below(r, 1000001),
                                     .neighbours = 8,
                                     .max_history = 6};
}

static void the_share_is_rounded_down(void **state)
{
    (void)state;
    static const struct {
        uint32_t ppm, k, slots;
    } rows[] = {{100000, 10, 1}, {100000, 9, 0},  {100000, 19, 1}, {100000, 20, 2},
                {0, 100, 0},     {999999, 10, 9}, {1000000, 7, 7}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct allocation_rules r = {.limited_ppm = rows[i].ppm};
        assert_int_equal(limited_slots(&r, rows[i].k), rows[i].slots);
    }
}

/* All items in the allocator's own order, without limits: an allocator to which all are eligible.
 */
static size_t everything(struct allocator *all, struct feed_request q, size_t n, struct slot *out)
{
    size_t got;
    assert_true(n <= FEED_MAX);
    q.k = FEED_MAX;
    allocator_feed(all, &q, out, &got);
    return got;
}

static void a_feed_passes_over_what_is_limited_beyond_its_share(void **state)
{
    (void)state;
    unsigned cut = 0;
    for (unsigned long long seed = 1; seed <= 150; seed++) {
        struct prng r;
        struct crowd c;
        prng_seed(&r, seed);
        const struct allocation_rules rules = rules_of(&r);
        crowd_of(&c, &r, &rules);
        uint8_t *free_of_limits = calloc(c.items.n + 1, 1);
        assert_non_null(free_of_limits);
        for (size_t i = 0; i < c.items.n; i++)
            free_of_limits[i] = c.items.eligible[i] != 0;
        struct allocation_items items = c.items;
        struct allocator *all;
        items.eligible = free_of_limits;
        assert_int_equal(allocator_new(&items, c.relevance, &rules, &all), HEED_OK);
        for (size_t turn = 0; turn < 2 * c.histories.n; turn++) {
            if (turn == c.histories.n) /* again, in two steps */
                assert_int_equal(
                    allocator_sort(c.allocator, rules.algorithm, prng_below(&r, c.items.n + 10)),
                    HEED_OK);
            struct slot sorted[FEED_MAX], slots[FEED_MAX];
            struct feed_request q = crowd_request(&c, turn % c.histories.n);
            size_t n = everything(all, q, c.items.n, sorted), got, limited = 0, at = 0;
            q.limited = limited_slots(&rules, q.k);
            allocator_feed(c.allocator, &q, slots, &got);
            for (size_t i = 0; i < n && at < q.k; i++) {
                bool is_limited = c.items.eligible[sorted[i].item] == ELIGIBLE_LIMITED;
                if (is_limited && limited == q.limited) {
                    cut++;
                    continue;
                }
                limited += is_limited;
                if (at >= got || slots[at].item != sorted[i].item ||
                    slots[at].score_ppm != sorted[i].score_ppm)
                    fail_msg("seed %llu, user %zu, slot %zu: item %u expected", seed,
                             turn % c.histories.n, at, sorted[i].item);
                at++;
            }
            assert_int_equal(at, got);
        }
        allocator_free(all);
        free(free_of_limits);
        crowd_deinit(&c);
    }
    assert_true(cut > 1000);
}

static bool blocks(const struct crowd *c, size_t user, uint32_t item)
{
    return history_blocks(&c->histories, user, item);
}

/* Slots a user's feed has, and the exposure that limited items may have of it at most.           */
static size_t size_of(const struct crowd *c, size_t user, size_t k, size_t limited, uint64_t *most)
{
    size_t free_items = 0, limited_items = 0;
    for (uint32_t i = 0; i < c->items.n; i++)
        if (c->items.eligible[i] && !blocks(c, user, i))
            ++*(c->items.eligible[i] == ELIGIBLE ? &free_items : &limited_items);
    limited = limited < limited_items ? limited : limited_items;
    for (uint32_t rank = 1; rank <= limited; rank++)
        *most += exposure_of_rank(rank);
    return free_items + limited < k ? free_items + limited : k;
}

static void an_epoch_keeps_limits_and_promises_to_the_others(void **state)
{
    (void)state;
    unsigned kept = 0, shown = 0;
    for (unsigned long long seed = 1; seed <= 150; seed++) {
        struct prng r;
        struct crowd c;
        prng_seed(&r, seed);
        const struct allocation_rules rules = rules_of(&r);
        crowd_of(&c, &r, &rules);
        struct epoch_exposure x = {.given = calloc(c.items.n + 1, sizeof *x.given),
                                   .popularity = calloc(c.items.n + 1, sizeof *x.popularity)};
        assert_true(x.given && x.popularity);
        assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x), HEED_OK);
        size_t eligible = 0;
        for (size_t i = 0; i < c.items.n; i++)
            eligible += c.items.eligible[i] != 0;
        size_t k = rules.k < eligible ? rules.k : eligible, slots = 0;
        uint64_t total = 0, most = 0, given = 0, popular = 0, limited = 0, popular_limited = 0;
        for (size_t u = 0; u < c.histories.n && k > 0; u++) {
            size_t size = size_of(&c, u, k, limited_slots(&rules, rules.k), &most);
            slots += size;
            for (uint32_t rank = 1; rank <= size; rank++)
                total += exposure_of_rank(rank);
        }
        uint64_t least = UINT64_MAX;
        size_t promised = 0;
        for (uint32_t i = 0; i < c.items.n; i++) {
            bool seen = false;
            for (size_t u = 0; u < c.histories.n; u++)
                seen = seen || !blocks(&c, u, i);
            given += x.given[i];
            popular += x.popularity[i];
            if (c.items.eligible[i] == ELIGIBLE_LIMITED) {
                limited += x.given[i];
                popular_limited += x.popularity[i];
            } else if (c.items.eligible[i] && seen) {
                least = x.given[i] < least ? x.given[i] : least;
                promised++;
            }
        }
        uint64_t share = total && promised ? least * promised * 1000000 / total : 0;
        if (given != total || popular != total || x.slots != slots || limited > most ||
            popular_limited > most || x.min_share_ppm != share ||
            x.kept != (share >= rules.floor_ppm || total == 0 || promised == 0))
            fail_msg("seed %llu: given %llu, popular %llu of %llu; limited %llu, %llu of %llu; "
                     "least %u, %llu expected",
                     seed, (unsigned long long)given, (unsigned long long)popular,
                     (unsigned long long)total, (unsigned long long)limited,
                     (unsigned long long)popular_limited, (unsigned long long)most, x.min_share_ppm,
                     (unsigned long long)share);
        kept += x.kept && total > 0 && promised > 0;
        shown += limited > 0;
        free(x.given);
        free(x.popularity);
        crowd_deinit(&c);
    }
    assert_true(kept > 30 && shown > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_share_is_rounded_down),
        cmocka_unit_test(a_feed_passes_over_what_is_limited_beyond_its_share),
        cmocka_unit_test(an_epoch_keeps_limits_and_promises_to_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
