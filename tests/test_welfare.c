/* Feeds under a welfare: each is the best under the gradient made from scratch, the floor stays on
 * top, constraints are kept. Seeded random inputs; the seed is printed on failure. */
#include "allocation/constraints.h"
#include "base/hash.h"
#include "support_crowd.h"
#include "support_fault.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PPM = 1000000, ITEMS = 60, USERS = 40 };

static const struct fair_rules welfares[] = {{-1000, -1000, 10000}, {-1000, -1000, 300000},
                                             {0, 0, 100000},        {500, 500, 500000},
                                             {1000, -2000, 50000},  {-1000, 0, 1000000}};
enum { WELFARES = sizeof welfares / sizeof *welfares };

static struct allocation_rules rules_of(uint64_t seed)
{
    return (struct allocation_rules){.k = 4,
                                     .algorithm = seed % 3 ? ALGORITHM_MIXED : ALGORITHM_RELEVANCE,
                                     .mix_milli = {100, 300, 1000, 1000},
                                     .neighbours = 20,
                                     .max_history = 20,
                                     .fair = welfares[seed % WELFARES]};
}

static void crowd_of(struct crowd *c, uint64_t seed, const struct allocation_rules *rules)
{
    struct prng r;
    prng_seed(&r, seed);
    crowd_init(c, &r, &(struct crowd_shape){ITEMS, USERS, 8, 1, .9, 0}, rules);
    if (seed % 2)
        crowd_block(c, &r, .1);
}

/* psi' by its definition.                                                                        */
static double psi(int32_t alpha_milli, double x)
{
    double a = alpha_milli / 1e3;
    return a == 0 ? log(x) : copysign(pow(x, a), a);
}

static double slope(int32_t alpha_milli, double x)
{
    double a = alpha_milli / 1e3;
    return a == 0 ? 1 / x : fabs(a) * pow(x, a - 1);
}

/* The scores of all items by the algorithm alone, in pages of what allocator_feed gives; below 0:
 * not to be shown. */
static void scores_of(struct crowd *c, size_t user, double score[ITEMS])
{
    struct feed_request q = crowd_request(c, user);
    struct slot slots[FEED_MAX];
    size_t n;
    q.k = FEED_MAX;
    allocator_feed(c->allocator, &q, slots, &n);
    for (size_t i = 0; i < ITEMS; i++)
        score[i] = -1;
    for (size_t i = 0; i < n; i++)
        score[slots[i].item] = slots[i].score_ppm / 1e6;
}

/* What an exposure of an item is worth, from the feeds given so far and, if any, those of an epoch
 * before. */
static double price_of(const struct crowd *c, uint32_t item, const uint64_t given[ITEMS],
                       const uint64_t *before)
{
    const struct fair_rules *w = &c->rules.fair;
    double feed = 0, on_offer = 0, all = 0, last = 0, share;
    for (int r = 1; r <= 4; r++)
        feed += 1 / log2(1 + r);
    for (size_t i = 0; i < ITEMS; i++) {
        on_offer += c->items.eligible[i];
        all += (double)given[i] / 1e6;
        if (before && before[i] != GIVEN_UNKNOWN)
            last += (double)before[i] / 1e6;
    }
    double late = (double)((hash_u64(item) >> 11) + 1) / 9007199254740992.0;
    if (last > 0) {
        double mean = last / on_offer, over = fmin(all / last, 1), later = 1 - over;
        double had = before[item] == GIVEN_UNKNOWN ? late : (double)before[item] / 1e6 / mean;
        double slot = feed / 4 / mean, part = slot / 4, lambda = w->lambda_ppm / 1e6;
        while (w->items_milli <= 0 &&
               lambda * slope(w->items_milli, part) < (1 - lambda) * slope(w->users_milli, .5))
            part *= .9999999;
        double has = (double)given[item] / 1e6 / mean, more = fmax(0, had / slot - 1);
        double trust = .1 * late + 5 * more, pace = (trust * had + has) / (trust + all / last);
        double ahead = part + (has + later * pace) / fmax(all / last, 1);
        double plain = (.1 * late + has) / (.1 * late + all / last);
        share = more > .25 ? ahead : plain + 4 * more * (ahead - plain);
    } else {
        double mean = feed * USERS / on_offer, epochs = all / (feed * USERS), prior = .1 * late;
        share = (prior * mean + (double)given[item] / 1e6) / (prior + epochs) / mean;
    }
    double price = w->lambda_ppm / 1e6 / feed * slope(w->items_milli, share);
    return price < 1000 ? price : 1000;
}

static bool near_enough(double a, double b)
{
    return fabs(a - b) <= 2e-6 + 1e-5 * fabs(b);
}

/* One turn against the scratch gradient; what it gives is added to given. */
static void check_turn(struct crowd *c, size_t user, struct welfare_turn *turn,
                       uint64_t given[ITEMS], const uint64_t *before, uint64_t seed)
{
    const struct fair_rules *w = &c->rules.fair;
    struct feed_request q = crowd_request(c, user);
    struct slot slots[FEED_MAX];
    double score[ITEMS], value[ITEMS], best = 0, utility = 0;
    size_t n, m;
    scores_of(c, user, score);
    allocator_feed(c->allocator, &q, slots, &n); /* by score alone */
    for (size_t i = 0; i < n; i++)
        best += slots[i].score_ppm / 1e6 / log2((double)i + 2);
    for (uint32_t i = 0; i < ITEMS; i++) {
        double price = c->items.eligible[i] ? price_of(c, i, given, before) : 0;
        if (!near_enough(turn->price[i] / 1e6, price))
            fail_msg("price of %u: %g, from scratch %g (seed %llu)", i, turn->price[i] / 1e6, price,
                     (unsigned long long)seed);
    }
    q.turn = turn;
    allocator_feed(c->allocator, &q, slots, &m);
    assert_int_equal(m, n);
    assert_int_equal(turn->own_ppm + turn->items_ppm, PPM);
    for (size_t i = 0; i < ITEMS; i++)
        value[i] = score[i] < 0 ? -1
                                : turn->own_ppm / 1e6 * score[i] +
                                      turn->items_ppm / 1e6 * (turn->price[i] / 1e6);
    for (size_t i = 0; i < n; i++) {
        double most = -1, here = value[slots[i].item];
        int64_t sum = 0;
        for (size_t j = 0; j < ITEMS; j++)
            most = value[j] > most ? value[j] : most;
        if (!(here >= most - 4e-6))
            fail_msg("slot %zu of user %zu has %g, the best %g (seed %llu)", i, user, here, most,
                     (unsigned long long)seed);
        value[slots[i].item] = -1;
        for (int j = 0; j < SLOT_REASONS; j++)
            sum += (int64_t)slots[i].value_ppm[j] * slots[i].weight_ppm[j];
        assert_true(llabs((long long)(sum / PPM - slots[i].score_ppm)) <= 4);
        utility += score[slots[i].item] / log2((double)i + 2) / (best > 0 ? best : 1);
        given[slots[i].item] += exposure_of_rank((uint32_t)i + 1);
    }
    double said = allocator_utility(c->allocator, q.algorithm, turn, slots, n);
    assert_true(fabs(said - (best > 0 ? utility : 0)) < 1e-4);
    /* the weights are those of the slope that this very list has, or it jumps over it there */
    double own = turn->own_ppm / 1e6, wanted = 0, low = 0;
    if (best > 0 && own > 0 && own < 1) {
        wanted = (1 - w->lambda_ppm / 1e6) *
                 slope(w->users_milli, fmax((turn->utility + utility) / (turn->visits + 1), .01));
        low = (1 - w->lambda_ppm / 1e6) *
              slope(w->users_milli, (turn->utility + 1) / (turn->visits + 1));
        double is = own / (1 - own) * best, rounding = 2e-6 / (own * (1 - own));
        bool right = fabs(is / wanted - 1) < .02 + rounding;
        bool least = is < low * (1.01 + rounding) && wanted <= low * 1.02;
        if (!right && !least) { /* then a little less weight must ask for more, or the reverse */
            struct welfare_turn moved = *turn;
            double other = is > wanted ? is * .97 : is * 1.03,
                   a = other / best / (other / best + 1);
            moved.own_ppm = (uint32_t)lround(a * PPM);
            moved.items_ppm = PPM - moved.own_ppm;
            q.turn = &moved;
            allocator_feed(c->allocator, &q, slots, &m);
            double u = allocator_utility(c->allocator, q.algorithm, &moved, slots, m);
            double then =
                (1 - w->lambda_ppm / 1e6) *
                slope(w->users_milli, fmax((turn->utility + u) / (turn->visits + 1), .01));
            if ((is > wanted) == (other > then * 1.001))
                fail_msg("user %zu: slope %g, wanted %g, at %g %g (seed %llu)", user, is, wanted,
                         other, then, (unsigned long long)seed);
        }
    }
}

static void a_feed_is_the_best_under_the_gradient_from_scratch(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct crowd c;
        struct allocation_rules rules = rules_of(seed);
        uint64_t given[ITEMS] = {0}, before[ITEMS], feed = 0;
        uint32_t price[ITEMS];
        double sums[USERS] = {0}, visits[USERS] = {0};
        crowd_of(&c, seed, &rules);
        for (uint32_t r = 1; r <= 4; r++)
            feed += exposure_of_rank(r);
        for (size_t i = 0; i < ITEMS; i++) /* some were not there, some got nothing */
            before[i] = hash_u64(seed + i) % 5 == 0 ? GIVEN_UNKNOWN
                                                    : hash_u64(seed * i) % 4 * feed * USERS / ITEMS;
        for (size_t t = 0; t < 2 * USERS; t++) {
            size_t u = t * 7 % USERS; /* twice each */
            const struct feeds_given g = {t ? given : NULL, seed % 2 ? before : NULL, feed, USERS};
            allocator_prices(c.allocator, &g, price);
            struct welfare_turn turn = {.price = price, .utility = sums[u], .visits = visits[u]};
            check_turn(&c, u, &turn, given, g.before, seed);
            sums[u] += .5; /* as if: any past will do */
            visits[u]++;
        }
        crowd_deinit(&c);
    }
}

/* An epoch without a floor is its users' turns, one after the other, in the light of what the same
 * turns gave in a first pass; or that pass, if it was better. */
static void an_epoch_is_the_better_of_two_passes_of_turns(void **unused)
{
    (void)unused;
    size_t second = 0;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct crowd c;
        struct allocation_rules rules = rules_of(seed);
        uint64_t given[2][ITEMS] = {{0}}, none[ITEMS] = {0}, got[ITEMS], popularity[ITEMS];
        uint64_t total = 0;
        uint32_t price[ITEMS], utility_ppm[USERS];
        double utility[2][USERS], welfare[2] = {0}, judged = 0, on_offer = 0, sum = 0;
        crowd_of(&c, seed, &rules);
        const struct fair_rules *w = &c.rules.fair;
        struct epoch_exposure x = {
            .given = got, .popularity = popularity, .utility_ppm = utility_ppm};
        assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x), HEED_OK);
        for (size_t i = 0; i < ITEMS; i++) {
            total += got[i];
            on_offer += c.items.eligible[i];
        }
        for (int pass = 0; pass < 2; pass++) {
            double of_users = 0, of_items = 0;
            judged = 0;
            for (size_t u = 0; u < USERS; u++) {
                struct feed_request q = crowd_request(&c, u);
                struct welfare_turn turn = {.price = price};
                struct slot slots[FEED_MAX];
                size_t n;
                const struct feeds_given g = {given[pass], pass ? given[0] : none, total / USERS,
                                              USERS};
                allocator_prices(c.allocator, &g, price);
                q.turn = &turn;
                allocator_feed(c.allocator, &q, slots, &n);
                for (size_t i = 0; i < n; i++)
                    given[pass][slots[i].item] += exposure_of_rank((uint32_t)i + 1);
                utility[pass][u] = allocator_utility(c.allocator, q.algorithm, &turn, slots, n);
                if (turn.best > 0) {
                    of_users += psi(w->users_milli, utility[pass][u]);
                    judged++;
                }
            }
            for (size_t i = 0; i < ITEMS; i++)
                if (c.items.eligible[i])
                    of_items +=
                        psi(w->items_milli, on_offer / USERS / 4 / 4 +
                                                (double)given[pass][i] * on_offer / (double)total);
            welfare[pass] = (1 - w->lambda_ppm / 1e6) * of_users / judged +
                            w->lambda_ppm / 1e6 * of_items / on_offer;
        }
        int better = welfare[1] > welfare[0];
        if (fabs(welfare[1] - welfare[0]) < 1e-4) /* millionths can decide */
            better = memcmp(given[1], got, sizeof got) == 0;
        second += (size_t)better;
        assert_memory_equal(given[better], got, sizeof got);
        for (size_t u = 0; u < USERS; u++) {
            sum += utility[better][u];
            assert_true(fabs(utility[better][u] - utility_ppm[u] / 1e6) < 1e-4);
        }
        assert_true(fabs(x.cost.mean_ppm / 1e6 - sum / judged) < 1e-4);
        assert_true(x.cost.worst_ppm <= x.cost.mean_ppm);
        assert_true(x.cost.gini_ppm <= x.cost.gini_alone_ppm || rules.fair.lambda_ppm < 20000);
        crowd_deinit(&c);
    }
    assert_in_range(second, 2, 22);
}

static void the_floor_is_kept_on_top_as_without_a_welfare(void **unused)
{
    (void)unused;
    size_t kept = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct crowd c;
        struct allocation_rules rules = rules_of(seed);
        uint64_t given[ITEMS], popularity[ITEMS];
        struct epoch_exposure x = {.given = given, .popularity = popularity};
        rules.floor_ppm = 150000 * (uint32_t)(1 + seed % 5);
        rules.fair.lambda_ppm = 0;
        crowd_of(&c, seed, &rules);
        assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x), HEED_OK);
        bool before = x.kept;
        assert_int_equal(x.cost.mean_ppm, 0); /* nobody asked */
        crowd_deinit(&c);
        rules.fair = welfares[seed % WELFARES];
        crowd_of(&c, seed, &rules);
        assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x), HEED_OK);
        if (before && !x.kept)
            fail_msg("floor %u: not kept with a welfare (seed %llu)", rules.floor_ppm,
                     (unsigned long long)seed);
        assert_true(!x.kept || x.min_share_ppm >= rules.floor_ppm);
        kept += x.kept;
        crowd_deinit(&c);
    }
    assert_true(kept > 40);
}

/* Debts take last slots and leave the others to the turns: a floor just above what the least shown
 * has moves little.                                                                              */
static void a_small_debt_leaves_the_turns_as_they_were(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct crowd c;
        struct allocation_rules rules = rules_of(seed);
        uint64_t before[ITEMS], given[ITEMS], popularity[ITEMS], moved = 0, total = 0;
        struct epoch_exposure x = {.given = before, .popularity = popularity};
        rules.fair = (struct fair_rules){-1000, -1000, 200000};
        crowd_of(&c, seed, &rules);
        assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x), HEED_OK);
        crowd_deinit(&c);
        rules.floor_ppm = x.min_share_ppm + 50000;
        x.given = given;
        crowd_of(&c, seed, &rules);
        assert_int_equal(allocator_epoch(c.allocator, &c.histories, &x), HEED_OK);
        assert_true(x.kept);
        for (size_t i = 0; i < ITEMS; i++) {
            moved += given[i] > before[i] ? given[i] - before[i] : 0;
            total += before[i];
        }
        if (moved == 0 || moved * 12 > total)
            fail_msg("%.3f of exposure moved (seed %llu)", (double)moved / (double)total,
                     (unsigned long long)seed);
        crowd_deinit(&c);
    }
}

static void constraints_are_kept_by_the_best_under_the_gradient(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct crowd c;
        struct allocation_rules rules = rules_of(seed);
        uint32_t creator[ITEMS], category[ITEMS], classes[ITEMS] = {0}, price[ITEMS];
        uint64_t given[ITEMS] = {0};
        rules.constraints.per_creator = 1;
        for (uint32_t i = 0; i < ITEMS; i++) {
            creator[i] = i % 6;
            category[i] = UINT32_MAX;
        }
        crowd_of(&c, seed, &rules);
        assert_int_equal(allocator_constrain(c.allocator, creator, category, classes), HEED_OK);
        for (size_t u = 0; u < USERS; u++) {
            struct feed_request q = crowd_request(&c, u);
            struct welfare_turn turn = {.price = price};
            struct slot slots[FEED_MAX], wide[FEED_MAX];
            size_t n, m, relaxed;
            const struct feeds_given g = {given, NULL, 2561606, USERS};
            allocator_prices(c.allocator, &g, price);
            q.turn = &turn;
            allocator_feed(c.allocator, &q, slots, &n);
            (void)allocator_relaxed(c.allocator, &relaxed);
            assert_int_equal(relaxed, 0);
            q.free = true; /* the same weights, no rules: greedy by hand */
            q.k = FEED_MAX;
            allocator_feed(c.allocator, &q, wide, &m);
            uint32_t used = 0;
            size_t at = 0;
            for (size_t i = 0; i < m && at < n; i++) {
                if (used >> creator[wide[i].item] & 1)
                    continue;
                used |= 1u << creator[wide[i].item];
                assert_int_equal(slots[at].item, wide[i].item);
                given[slots[at].item] += exposure_of_rank((uint32_t)at + 1);
                at++;
            }
            assert_int_equal(at, n);
        }
        crowd_deinit(&c);
    }
}

static void memory_may_end_at_every_allocation_of_an_epoch(void **unused)
{
    (void)unused;
    struct crowd c;
    struct allocation_rules rules = rules_of(1);
    uint64_t given[ITEMS], popularity[ITEMS];
    struct epoch_exposure x = {.given = given, .popularity = popularity};
    rules.floor_ppm = 300000;
    crowd_of(&c, 1, &rules);
    long n = 1;
    for (;; n++) {
        fault_fail_at(n);
        enum heed_status status = allocator_epoch(c.allocator, &c.histories, &x);
        bool fired = fault_fired();
        fault_off();
        assert_int_equal(status, fired ? HEED_NOMEM : HEED_OK);
        if (!fired)
            break;
    }
    assert_true(n > 10);
    crowd_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feed_is_the_best_under_the_gradient_from_scratch),
        cmocka_unit_test(an_epoch_is_the_better_of_two_passes_of_turns),
        cmocka_unit_test(the_floor_is_kept_on_top_as_without_a_welfare),
        cmocka_unit_test(a_small_debt_leaves_the_turns_as_they_were),
        cmocka_unit_test(constraints_are_kept_by_the_best_under_the_gradient),
        cmocka_unit_test(memory_may_end_at_every_allocation_of_an_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
