/* Whether the interval of a quality holds what its target is truly worth as often as it says: by
 * the rules and after a fit, from engagement alone, from ratings alone and from both. The truth is
 * known, for the acts are drawn from it.                                                         */
#include "quality/learned.h"

#include "base/prng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CONTENTS = 120, WORLDS = 60, RATERS = 1000 };

static const struct quality_rules RULES = {
    .rating_weight_milli = 400,
    .expert_weight_milli = 300,
    .interactivity_weight_milli = 200,
    .originality_weight_milli = 100,
    .score_min_milli = 0,
    .score_max_milli = 1000,
    .prior_strength = 5,
    .interactivity_strength = 4,
    .rater_strength = 10,
    .copy_similarity_ppm = 800000,
    .min_shingles = 8,
};

struct plan {
    const char *what;
    int impressions, ratings; /* of each content                         */
    double least, most;       /* between which rates of engagement are even */
};

static const struct plan PLANS[] = {
    {"engagement, 50 impressions", 50, 0, .02, .5},
    {"engagement, few", 8, 0, .05, .6},
    {"engagement, rare", 400, 0, .002, .05},
    {"engagement, nearly all", 427, 0, .8, .99},
    {"engagement, any rate", 30, 0, 0, 1},
    {"ratings, 3", 0, 3, 0, 1},
    {"ratings, 20", 0, 20, 0, 1},
    {"both", 50, 5, .02, .5},
    {"both, little", 6, 2, .02, .5},
    {"both, much", 1000, 50, .1, .3},
};

struct made {
    struct quality q;
    struct catalogue c;
    double worth[CONTENTS], rate[CONTENTS], liking[CONTENTS];
    struct quality_seen seen[CONTENTS];
};

static struct quality_seen seen_of(const void *context, uint32_t target)
{
    return ((const struct quality_seen *)context)[target_index(target)];
}

static double cut(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static void rate(struct made *m, enum rating_kind kind, uint32_t user, uint32_t content, double x)
{
    assert_int_equal(quality_rate(&m->q, &RULES, kind, user, target_make(TARGET_CONTENT, content),
                                  llround(cut(x) * 1000)),
                     HEED_OK);
}

/* Every other content is judged by three experts too, where experts are asked. */
static struct made *make(const struct plan *p, struct prng *r, bool experts)
{
    struct made *m = calloc(1, sizeof *m);
    assert_non_null(m);
    quality_init(&m->q);
    catalogue_init(&m->c);
    uint32_t maker;
    assert_int_equal(catalogue_add_party(&m->c, &(struct party){.flags = PARTY_USER}, &maker),
                     HEED_OK);
    for (uint32_t i = 0; i < CONTENTS; i++) {
        char id[16];
        uint32_t handle;
        snprintf(id, sizeof id, "c%u", (unsigned)i);
        assert_int_equal(
            catalogue_add_content(&m->c, str_of(id), &(struct content){.creator = maker}, &handle),
            HEED_OK);
        m->worth[i] = prng_double(r);
        m->rate[i] = p->least + (p->most - p->least) * m->worth[i];
        m->liking[i] = .2 + .6 * m->worth[i];
        for (int k = 0; k < p->impressions; k++)
            m->seen[i].engagements += prng_double(r) < m->rate[i];
        m->seen[i].impressions = m->seen[i].observers = (uint64_t)p->impressions;
        for (int k = 0; k < p->ratings; k++)
            rate(m, RATING_USER, (uint32_t)prng_below(r, RATERS) + (uint32_t)k * RATERS, i,
                 m->liking[i] + .1 * prng_normal(r));
        for (uint32_t k = 0; k < 3 && experts && i % 2; k++)
            rate(m, RATING_EXPERT, k, i, m->worth[i] + .1 * prng_normal(r));
    }
    return m;
}

static void drop(struct made *m)
{
    quality_deinit(&m->q);
    catalogue_deinit(&m->c);
    free(m);
}

/* What the parts of a score are truly like, by their weights in it.                              */
static double truth_of(const struct made *m, const struct quality_score *s, uint32_t i)
{
    double w[] = {s->parts[PART_RATING].weight, s->parts[PART_INTERACTIVITY].weight};
    return (w[0] * m->liking[i] + w[1] * m->rate[i]) / (w[0] + w[1]);
}

static void check(const struct quality_score *s)
{
    assert_true(0 <= s->lower && s->lower <= s->score && s->score <= s->upper && s->upper <= 1);
    assert_true(s->sd > 0 && s->upper - s->lower <= 2 * 1.96 * s->sd + .5);
}

static void by_the_rules_19_of_20_intervals_hold_the_truth(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 5);
    for (size_t p = 0; p < sizeof PLANS / sizeof *PLANS; p++) {
        int inside = 0, all = 0;
        for (int w = 0; w < WORLDS; w++) {
            struct made *m = make(&PLANS[p], &r, false);
            for (uint32_t i = 0; i < CONTENTS; i++) {
                struct quality_score s =
                    quality_score(&m->q, &RULES, target_make(TARGET_CONTENT, i),
                                  m->seen[i].engagements, m->seen[i].impressions);
                double truth = truth_of(m, &s, i);
                check(&s);
                inside += s.lower <= truth && truth <= s.upper;
                all++;
            }
            drop(m);
        }
        if (inside < .92 * all || inside > .995 * all)
            fail_msg("%s: %d of %d intervals hold the truth", PLANS[p].what, inside, all);
    }
}

static void after_a_fit_19_of_20_intervals_hold_the_worth(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 6);
    for (size_t p = 0; p < sizeof PLANS / sizeof *PLANS; p++) {
        int inside = 0, all = 0;
        for (int w = 0; w < WORLDS; w++) {
            struct made *m = make(&PLANS[p], &r, true);
            struct learned l;
            struct quality_view view;
            assert_int_equal(quality_learn(&m->q, &RULES, &m->c, seen_of, m->seen, FIT_SOURCES, &l),
                             HEED_OK);
            assert_true(l.fit.known && l.fit.outcome == SOURCE_EXPERT);
            assert_int_equal(quality_adopt(&m->q, &l), HEED_OK);
            assert_int_equal(quality_view_make(&m->q, &RULES, &m->c, seen_of, m->seen, &view),
                             HEED_OK);
            for (uint32_t i = 0; i < CONTENTS; i += 2) { /* whom no expert has judged */
                struct quality_score s = quality_judge(&m->q, &RULES, &view, &m->c,
                                                       target_make(TARGET_CONTENT, i), &m->seen[i]);
                check(&s);
                inside += s.lower <= m->worth[i] && m->worth[i] <= s.upper;
                all++;
            }
            quality_view_deinit(&view);
            drop(m);
        }
        if (inside < .92 * all)
            fail_msg("%s: %d of %d intervals hold the worth", PLANS[p].what, inside, all);
    }
}

static void assert_near(double got, double expected, const char *what)
{
    if (fabs(got - expected) > .0005)
        fail_msg("%s: %.4f, not %.4f", what, got, expected);
}

/* Wilson's interval as R gives it: prop.test(390, 427, correct = FALSE) and of 4 in 50. */
static void engagement_alone_has_wilsons_interval(void **state)
{
    (void)state;
    struct quality q;
    quality_init(&q);
    struct quality_score s = quality_score(&q, &RULES, target_make(TARGET_CONTENT, 0), 4, 50);
    assert_near(s.lower, .0315, "lower of 4 in 50");
    assert_near(s.upper, .1884, "upper of 4 in 50");
    assert_near(s.sd, (.1884 - .0315) / 3.92, "sd of 4 in 50");
    s = quality_score(&q, &RULES, target_make(TARGET_CONTENT, 0), 390, 427);
    assert_near(s.upper, .9364, "upper of 390 in 427");
    assert_near(s.lower, s.score, "lower of 390 in 427: as far as the cautious score");
    assert_near(s.score, .8794, "score of 390 in 427");
    s = quality_score(&q, &RULES, target_make(TARGET_CONTENT, 0), 0, 0);
    assert_true(s.lower == 0 && s.upper == 1 && s.score == .5);
    assert_near(s.sd, sqrt(1. / 12), "sd of nothing known");
    quality_deinit(&q);
}

static void behind_a_gate_there_is_nothing_to_doubt(void **state)
{
    (void)state;
    struct quality q;
    quality_init(&q);
    assert_int_equal(
        quality_rate(&q, &RULES, RATING_MODERATION, 1, target_make(TARGET_CONTENT, 0), -1),
        HEED_OK);
    struct quality_score s = quality_score(&q, &RULES, target_make(TARGET_CONTENT, 0), 4, 50);
    assert_true(s.score == 0 && s.lower == 0 && s.upper == 0);
    quality_deinit(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_the_rules_19_of_20_intervals_hold_the_truth),
        cmocka_unit_test(after_a_fit_19_of_20_intervals_hold_the_worth),
        cmocka_unit_test(engagement_alone_has_wilsons_interval),
        cmocka_unit_test(behind_a_gate_there_is_nothing_to_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
