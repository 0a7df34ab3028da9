/* Scores: sums, shrinkage, the gate, the weighted score with its evidence. */
#include "quality/quality.h"
#include "quality/shrink.h"

#include "base/prng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct quality_rules RULES = {
    .rating_weight_milli = 400,
    .expert_weight_milli = 200,
    .interactivity_weight_milli = 300,
    .originality_weight_milli = 100,
    .score_min_milli = 1000,
    .score_max_milli = 5000,
    .moderation_pass_milli = 500,
    .prior_strength = 5,
    .interactivity_strength = 20,
    .copy_similarity_ppm = 800000,
    .min_shingles = 5,
};

static void assert_near(double got, double expected, double tolerance, const char *what)
{
    if (!(fabs(got - expected) <= tolerance)) {
        print_error("%s: expected %.9g, got %.9g\n", what, expected, got);
        fail();
    }
}

static void rate(struct quality *q, enum rating_kind kind, uint32_t user, uint32_t target,
                 int64_t score_milli)
{
    assert_int_equal(quality_rate(q, &RULES, kind, user, target, score_milli), HEED_OK);
}

static uint32_t content(uint32_t i)
{
    return target_make(TARGET_CONTENT, i);
}

/* ── published answers ───────────────────────────────────────────────────────────────────────── */

/* C. Hachemeister, "Credibility for regression models with application to trend" (1975): average
 * claims of five states in twelve quarters. Expected: the R package actuar's documented fit
 * cm(~state, hachemeister, ratios = ratio.1:ratio.12).                                           */
static void variance_components_are_hachemeisters(void **state)
{
    static const int32_t claims[5][12] = {
        {1738, 1642, 1794, 2051, 2079, 2234, 2032, 2035, 2115, 2262, 2267, 2517},
        {1364, 1408, 1597, 1444, 1342, 1675, 1470, 1448, 1464, 1831, 1612, 1471},
        {1759, 1685, 1479, 1763, 1674, 2103, 1502, 1622, 1828, 2155, 2233, 2059},
        {1223, 1146, 1010, 1257, 1426, 1532, 1953, 1123, 1343, 1243, 1762, 1306},
        {1456, 1499, 1609, 1741, 1482, 1572, 1606, 1735, 1607, 1573, 1613, 1690},
    };
    (void)state;
    struct prior_sums p = {0};
    struct rating_sums t[5] = {0};
    for (int s = 0; s < 5; s++)
        for (int i = 0; i < 12; i++)
            shrink_add(&p, &t[s], -1, claims[s][i]);
    struct variance_components c = shrink_components(&p);
    assert_near(c.mean, 1671.017, .0005, "collective premium");
    assert_near(c.between, 72310.02, .05, "between state variance"); /* sums round down */
    assert_near(c.within, 46040.47, .05, "within state variance");
}

/* B. Efron, C. Morris, "Stein's paradox in statistics", Scientific American 236 (1977) 119, table:
 * hits in the first 45 times at bat, and the batting average of the rest of the season. They report
 * a total squared error of .077 for the averages and .022 for the shrunk ones.                   */
static void shrunk_batting_averages_err_a_third_as_much(void **state)
{
    static const struct {
        uint32_t hits;
        double later;
    } players[18] = {{18, .346}, {17, .298}, {16, .276}, {15, .222}, {14, .273}, {14, .270},
                     {13, .263}, {12, .210}, {11, .269}, {11, .230}, {10, .264}, {10, .256},
                     {10, .303}, {10, .264}, {10, .226}, {9, .286},  {8, .316},  {7, .200}};
    (void)state;
    struct quality q;
    quality_init(&q);
    for (uint32_t i = 0; i < 18; i++)
        for (uint32_t k = 0; k < 45; k++)
            rate(&q, RATING_USER, k, content(i), k < players[i].hits ? 5000 : 1000);
    double raw = 0, shrunk = 0;
    for (uint32_t i = 0; i < 18; i++) {
        double later = players[i].later, mean = players[i].hits / 45.;
        struct quality_score s = quality_score(&q, &RULES, content(i), 0, 0);
        raw += (mean - later) * (mean - later);
        shrunk += (s.parts[PART_RATING].value - later) * (s.parts[PART_RATING].value - later);
    }
    assert_near(raw, .077, .002, "total squared error of the means");
    assert_near(shrunk, .022, .0005, "total squared error of the shrunk means");
    quality_deinit(&q);
}

/* ── the parts ───────────────────────────────────────────────────────────────────────────────── */

static void names_go_there_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < RATING_KINDS; i++)
        assert_int_equal(rating_kind_of_name(str_of(rating_kind_name((enum rating_kind)i))), i);
    assert_int_equal(rating_kind_of_name(STR("users")), -1);
    assert_int_equal(rating_kind_of_name(STR_NONE), -1);
    assert_string_equal(quality_part_name(PART_INTERACTIVITY), "interactivity");
    assert_string_equal(quality_part_name(QUALITY_PARTS), "");
}

static void without_evidence_the_score_is_a_half(void **state)
{
    (void)state;
    struct quality q;
    quality_init(&q);
    for (uint32_t t = 0; t < 2; t++) {
        struct quality_score s = quality_score(&q, &RULES, content(7), 0, 0);
        assert_true(s.score == .5);
        for (int i = 0; i < QUALITY_PARTS; i++) {
            assert_true(s.parts[i].weight == (i == PART_PRIOR ? 1 : 0));
            assert_int_equal(s.parts[i].evidence, 0);
        }
        rate(&q, RATING_USER, 1, content(9), 5000); /* says nothing of content 7 */
    }
    quality_deinit(&q);
}

static void few_ratings_are_drawn_to_a_half_by_the_rules_strength(void **state)
{
    (void)state;
    struct quality q;
    quality_init(&q);
    rate(&q, RATING_USER, 1, content(0), 5000);
    rate(&q, RATING_USER, 2, content(0), 4000);
    rate(&q, RATING_USER, 3, content(1), 1000);
    /* normalised 1, .75, 0; m0 = (1.75 + 5 * .5) / (3 + 5); then (n m + 5 m0) / (n + 5) */
    double m0 = 4.25 / 8;
    assert_near(quality_score(&q, &RULES, content(0), 0, 0).score, (1.75 + 5 * m0) / 7, 1e-12,
                "content 0");
    assert_near(quality_score(&q, &RULES, content(1), 0, 0).score, (0 + 5 * m0) / 6, 1e-12,
                "content 1");
    quality_deinit(&q);
}

static void a_later_score_replaces_the_earlier(void **state)
{
    (void)state;
    struct quality q, once;
    quality_init(&q);
    quality_init(&once);
    for (uint32_t u = 0; u < 5; u++) {
        for (int64_t score = 1000; score <= 5000; score += 500)
            rate(&q, RATING_EXPERT, u, content(u % 2), score);
        rate(&q, RATING_EXPERT, u, content(u % 2), 2000 + 500 * u);
        rate(&once, RATING_EXPERT, u, content(u % 2), 2000 + 500 * u);
    }
    assert_int_equal(q.entries_n, 5);
    assert_memory_equal(&q.prior, &once.prior, sizeof q.prior);
    for (uint32_t i = 0; i < 2; i++)
        assert_memory_equal(&q.targets[TARGET_CONTENT].rows[i].ratings,
                            &once.targets[TARGET_CONTENT].rows[i].ratings,
                            sizeof(struct rating_sums[2]));
    quality_deinit(&q);
    quality_deinit(&once);
}

/* Agreement within every content is no certainty about one that a single person rated.           */
static void one_rating_is_never_certain(void **state)
{
    (void)state;
    for (int all_alike = 0; all_alike < 2; all_alike++) {
        struct quality q;
        quality_init(&q);
        for (uint32_t t = 0; t < 20; t++)
            for (uint32_t u = 0; u < 3; u++)
                rate(&q, RATING_USER, u, content(t), all_alike ? 5000 : 1000 + (int)(t % 5) * 1000);
        rate(&q, RATING_USER, 7, content(20), 5000);
        struct quality_score one = quality_score(&q, &RULES, content(20), 0, 0);
        assert_true(one.sd > .02 && one.sd < .15);
        assert_true(all_alike || one.score < 1);
        for (uint32_t u = 8; u < 40; u++)
            rate(&q, RATING_USER, u, content(20), 5000);
        struct quality_score many = quality_score(&q, &RULES, content(20), 0, 0);
        assert_true(many.sd > 0 && many.sd < one.sd / 3); /* what is known counts */
        rate(&q, RATING_USER, 7, content(21), 1000);
        assert_true(quality_score(&q, &RULES, content(21), 0, 0).sd > .02);
        quality_deinit(&q);
    }
}

static void kinds_users_and_targets_do_not_replace_one_another(void **state)
{
    (void)state;
    struct quality q;
    quality_init(&q);
    rate(&q, RATING_USER, 1, content(1), 5000);
    rate(&q, RATING_EXPERT, 1, content(1), 1000);
    rate(&q, RATING_USER, 2, content(1), 1000);
    rate(&q, RATING_USER, 1, content(2), 1000);
    rate(&q, RATING_USER, 1, target_make(TARGET_GOOD, 1), 1000);
    rate(&q, RATING_USER, TARGET_INDEX_MAX, target_make(TARGET_SERVICE, 1), 1000);
    assert_int_equal(q.entries_n, 6);
    assert_int_equal(q.targets[TARGET_CONTENT].rows[1].ratings[RATING_USER].n, 2);
    assert_int_equal(q.targets[TARGET_CONTENT].rows[1].ratings[RATING_USER].sum_milli, 1000);
    quality_deinit(&q);
}

static void the_newest_moderation_is_the_gate(void **state)
{
    static const struct {
        uint32_t moderator;
        int64_t score_milli;
        bool removed;
        uint64_t decisions;
    } rows[] = {
        {1, 1000, false, 1}, {2, 0, true, 2},  {1, 499, true, 2},
        {2, 500, false, 2},  {2, -7, true, 2}, {3, INT64_MAX, false, 3},
    };
    (void)state;
    struct quality q;
    quality_init(&q);
    rate(&q, RATING_USER, 1, content(3), 4000);
    double before = quality_score(&q, &RULES, content(3), 5, 50).score;
    assert_true(before > 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rate(&q, RATING_MODERATION, rows[i].moderator, content(3), rows[i].score_milli);
        struct quality_score s = quality_score(&q, &RULES, content(3), 5, 50);
        assert_int_equal(quality_removed(&q, content(3)), rows[i].removed);
        assert_true(s.score == (rows[i].removed ? 0 : before));
        assert_true(s.parts[PART_MODERATION].value == (rows[i].removed ? 0 : 1));
        assert_int_equal(s.parts[PART_MODERATION].evidence, rows[i].decisions);
    }
    assert_false(quality_removed(&q, content(4)));
    assert_false(quality_removed(&q, content(4000)));
    quality_deinit(&q);
}

static void scores_out_of_range_change_nothing(void **state)
{
    static const struct {
        enum rating_kind kind;
        uint32_t user;
        int64_t score_milli;
    } rows[] = {
        {RATING_USER, 1, 999},
        {RATING_EXPERT, 1, 5001},
        {RATING_USER, 1, INT64_MIN},
        {RATING_USER, 1, INT64_MAX},
        {RATING_USER, TARGET_INDEX_MAX + 1, 3000},
        {RATING_MODERATION, HANDLE_NONE, 3000},
    };
    (void)state;
    struct quality q;
    quality_init(&q);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(
            quality_rate(&q, &RULES, rows[i].kind, rows[i].user, content(1), rows[i].score_milli),
            HEED_RANGE);
    assert_int_equal(q.entries_n, 0);
    assert_int_equal(q.targets[TARGET_CONTENT].n, 0);
    quality_deinit(&q);
}

/* Wilson's bound for 4 of 10 at z = 1.96: .1682 (R. Newcombe, Statistics in Medicine 17 (1998) 857,
 * gives the method; the value is that of R's prop.test(4, 10, correct = FALSE)).                 */
static void interactivity_is_wilsons_lower_bound(void **state)
{
    (void)state;
    struct quality q;
    quality_init(&q);
    struct quality_score s = quality_score(&q, &RULES, content(0), 4, 10);
    assert_near(s.parts[PART_INTERACTIVITY].value, .1682, .0001, "4 of 10");
    assert_int_equal(s.parts[PART_INTERACTIVITY].evidence, 10);
    assert_near(s.parts[PART_INTERACTIVITY].weight, 10. / 30, 1e-12, "weight after 10");
    assert_near(s.parts[PART_PRIOR].weight, 20. / 30, 1e-12, "what it leaves");
    s = quality_score(&q, &RULES, content(0), 12, 10); /* impressions are at least engagements */
    assert_int_equal(s.parts[PART_INTERACTIVITY].evidence, 12);
    assert_true(s.parts[PART_INTERACTIVITY].value > .7 && s.parts[PART_INTERACTIVITY].value < 1);
    quality_deinit(&q);
}

/* Shown a few times, nobody acted: content that was never shown is no better for it.             */
static void a_few_impressions_hardly_move_the_score(void **state)
{
    static const struct {
        bool rated, expert, published;
        double never; /* the score when never shown */
    } rows[] = {{false, false, false, .5},
                {false, false, true, .5},
                {true, false, false, -1},
                {false, true, true, -1}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct quality q;
        struct sketch sketch = {.minima = {1, 2, 3}, .shingles = 40};
        struct quality_rules rules = RULES;
        rules.originality_weight_milli = rules.interactivity_weight_milli;
        quality_init(&q);
        if (rows[i].published)
            assert_int_equal(quality_publish(&q, &rules, 0, 9, 1, &sketch), HEED_OK);
        if (rows[i].rated)
            rate(&q, RATING_USER, 1, content(0), 5000);
        if (rows[i].expert)
            rate(&q, RATING_EXPERT, 1, content(0), 4000);
        double never = quality_score(&q, &rules, content(0), 0, 0).score, before = never;
        if (rows[i].never >= 0)
            assert_true(never == rows[i].never);
        assert_near(quality_score(&q, &rules, content(0), 0, 1).score, never, 1. / 42 + 1e-12,
                    "one impression");
        for (uint64_t shown = 1; shown < 5000; shown += shown) {
            double score = quality_score(&q, &rules, content(0), 0, shown).score;
            assert_near(score, before, .11, "twice as often shown"); /* no leap anywhere */
            before = score;
        }
        double many = quality_score(&q, &rules, content(0), 0, 100000000).score;
        rules.interactivity_strength = 0; /* the whole weight from the first one on */
        assert_near(quality_score(&q, &rules, content(0), 0, 1).score, many, 1e-6, "in the end");
        quality_deinit(&q);
    }
}

static void parts_that_the_rules_do_not_weigh_do_not_count(void **state)
{
    (void)state;
    struct quality_rules rules = RULES;
    struct quality q;
    quality_init(&q);
    rate(&q, RATING_USER, 1, content(0), 5000);
    rules.rating_weight_milli = 0;
    assert_true(quality_score(&q, &rules, content(0), 0, 0).score == .5);
    rules.rating_weight_milli = -3;
    assert_true(quality_score(&q, &rules, content(0), 0, 0).score == .5);
    rate(&q, RATING_MODERATION, 1, content(0), 0);
    assert_true(quality_score(&q, &rules, content(0), 0, 0).score == 0);
    quality_deinit(&q);
}

/* ── a naive twin ────────────────────────────────────────────────────────────────────────────── */

enum { USERS = 23, TARGETS = 17 };

struct naive {
    int score[2][USERS][TARGETS]; /* normalised; -1: none */
    double mean[2], noise[2], between[2];
    int n[2], groups[2];
};

/* Analysis of variance by its definition, two passes.                                            */
static void naive_components(struct naive *x, int kind)
{
    double sum = 0, size_squares = 0, between = 0, within = 0;
    x->n[kind] = x->groups[kind] = 0;
    for (int t = 0; t < TARGETS; t++)
        for (int u = 0; u < USERS; u++)
            if (x->score[kind][u][t] >= 0) {
                sum += x->score[kind][u][t];
                x->n[kind]++;
            }
    x->mean[kind] = sum / x->n[kind];
    for (int t = 0; t < TARGETS; t++) {
        double n = 0, group = 0;
        for (int u = 0; u < USERS; u++)
            if (x->score[kind][u][t] >= 0) {
                n++;
                group += x->score[kind][u][t];
            }
        if (n == 0)
            continue;
        x->groups[kind]++;
        group /= n;
        size_squares += n * n;
        between += n * (group - x->mean[kind]) * (group - x->mean[kind]);
        for (int u = 0; u < USERS; u++)
            if (x->score[kind][u][t] >= 0)
                within += pow(x->score[kind][u][t] - group, 2);
    }
    double free = x->n[kind] - x->groups[kind];
    x->noise[kind] = (1e6 / 12 + within) / (1 + free); /* one more, spread evenly over 0..1000 */
    x->between[kind] = (between - (x->groups[kind] - 1) * within / free) /
                       (x->n[kind] - size_squares / x->n[kind]);
    if (x->between[kind] < 0)
        x->between[kind] = 0;
}

static double naive_shrunk(const struct naive *x, int kind, int target, int *n)
{
    double sum = 0;
    *n = 0;
    for (int u = 0; u < USERS; u++)
        if (x->score[kind][u][target] >= 0) {
            sum += x->score[kind][u][target];
            ++*n;
        }
    if (x->groups[kind] < SHRINK_MIN_TARGETS || x->n[kind] - x->groups[kind] < SHRINK_MIN_REPEATS) {
        double m0 = x->n[kind] ? (x->mean[kind] * x->n[kind] + 5 * 500.) / (x->n[kind] + 5) : 500;
        return (sum + 5 * m0) / (*n + 5) / 1000;
    }
    if (x->between[kind] == 0)
        return x->mean[kind] / 1000;
    double k = x->noise[kind] / x->between[kind];
    return (sum + k * x->mean[kind]) / (*n + k) / 1000;
}

/* The score by its definition, without texts: between what is known and a half, by how much is. */
static double naive_score(const struct naive *x, int target, uint64_t done, uint64_t shown)
{
    double n = (double)shown, p = n > 0 ? (double)done / n : 0, z2 = 1.96 * 1.96;
    double bound =
        n > 0 ? (p + z2 / (2 * n) - 1.96 * sqrt((p * (1 - p) + z2 / (4 * n)) / n)) / (1 + z2 / n)
              : 0;
    double trust = n / (n + RULES.interactivity_strength);
    int users, experts;
    double rating = naive_shrunk(x, RATING_USER, target, &users);
    double expert = naive_shrunk(x, RATING_EXPERT, target, &experts);
    double of_users = users ? RULES.rating_weight_milli : 0;
    double of_experts = experts ? RULES.expert_weight_milli : 0;
    double of_acts = trust * RULES.interactivity_weight_milli;
    if (users + experts == 0)
        return trust * bound + (1 - trust) * .5;
    return (of_users * rating + of_experts * expert + of_acts * bound) /
           (of_users + of_experts + of_acts);
}

static void compare(const struct quality *q, const struct naive *x, uint64_t seed, int step)
{
    for (int t = 0; t < TARGETS; t++) {
        struct quality_score s =
            quality_score(q, &RULES, content((uint32_t)t), (uint64_t)t, (uint64_t)t * 3);
        double weights = 0, score = 0, naive = naive_score(x, t, (uint64_t)t, (uint64_t)t * 3);
        if (!(fabs(s.score - naive) < 5e-5)) {
            print_error("seed %llu step %d target %d: expected %.9g, got %.9g\n",
                        (unsigned long long)seed, step, t, naive, s.score);
            fail();
        }
        for (int kind = 0; kind < 2; kind++) {
            int n;
            double expected = naive_shrunk(x, kind, t, &n);
            /* two roundings of between near 0 may differ in kind: allow what 1 part in 10^6 makes
             */
            if (!(fabs(s.parts[kind].value - expected) < 2e-5) ||
                s.parts[kind].evidence != (uint64_t)n) {
                print_error("seed %llu step %d target %d kind %d: expected %.9g of %d, got %.9g\n",
                            (unsigned long long)seed, step, t, kind, expected, n,
                            s.parts[kind].value);
                fail();
            }
        }
        for (int i = 0; i < QUALITY_PARTS; i++) {
            weights += s.parts[i].weight;
            score += s.parts[i].weight * s.parts[i].value;
            assert_true(s.parts[i].value >= 0 && s.parts[i].value <= 1);
            if (i != PART_PRIOR)
                assert_true((s.parts[i].evidence > 0) == (s.parts[i].weight > 0));
        }
        assert_near(weights, 1, 1e-12, "sum of weights");
        assert_near(s.score, score, 1e-12, "score");
    }
}

static void sums_and_scores_agree_with_a_naive_twin(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct prng r;
        struct quality q;
        struct naive x;
        prng_seed(&r, seed);
        quality_init(&q);
        memset(&x, 0xff, sizeof x);
        memset(x.n, 0, sizeof x.n);
        memset(x.groups, 0, sizeof x.groups);
        for (int step = 0; step < 600; step++) {
            int kind = (int)prng_below(&r, 2), user = (int)prng_below(&r, USERS);
            int target = (int)prng_below(&r, TARGETS);
            /* odd seeds: targets differ; even seeds: nothing but noise */
            int64_t about = seed % 2 ? 200 * target : 1000;
            int64_t score = 1000 + about + (int64_t)prng_below(&r, 800);
            x.score[kind][user][target] = (int)lrint((double)(score - 1000) / 4);
            rate(&q, (enum rating_kind)kind, (uint32_t)user, content((uint32_t)target), score);
            naive_components(&x, kind);
            if (step % 7 == 0)
                compare(&q, &x, seed, step);
        }
        compare(&q, &x, seed, 600);
        quality_deinit(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variance_components_are_hachemeisters),
        cmocka_unit_test(shrunk_batting_averages_err_a_third_as_much),
        cmocka_unit_test(names_go_there_and_back),
        cmocka_unit_test(without_evidence_the_score_is_a_half),
        cmocka_unit_test(few_ratings_are_drawn_to_a_half_by_the_rules_strength),
        cmocka_unit_test(a_later_score_replaces_the_earlier),
        cmocka_unit_test(one_rating_is_never_certain),
        cmocka_unit_test(kinds_users_and_targets_do_not_replace_one_another),
        cmocka_unit_test(the_newest_moderation_is_the_gate),
        cmocka_unit_test(scores_out_of_range_change_nothing),
        cmocka_unit_test(interactivity_is_wilsons_lower_bound),
        cmocka_unit_test(a_few_impressions_hardly_move_the_score),
        cmocka_unit_test(parts_that_the_rules_do_not_weigh_do_not_count),
        cmocka_unit_test(sums_and_scores_agree_with_a_naive_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
