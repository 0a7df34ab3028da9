/* Stored quality: the same world goes on from it; damage is an error, never a crash. */
#include "quality/learned.h"

#include "base/error.h"
#include "base/prng.h"

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
    .score_max_milli = 10000,
    .moderation_pass_milli = 5000,
    .prior_strength = 5,
    .copy_similarity_ppm = 800000,
};

enum { KINDS = 4, TARGETS = 40 };

/* Something learnt, of random numbers; for as many raters as may be. */
static void learn(struct quality *q, struct prng *r)
{
    struct learned l = {.learnt_at_ms = (int64_t)prng_below(r, 1u << 30)};
    l.fit.known = prng_below(r, 4) > 0;
    l.fit.in_force = l.fit.known && prng_below(r, 3) > 0;
    if (l.fit.known) {
        l.fit.outcome = prng_below(r, 2) ? SOURCE_EXPERT : SOURCE_RATING;
        l.fit.mean = (int64_t)prng_below(r, FIT_UNIT);
        l.fit.own = 1 + (int64_t)prng_below(r, FIT_UNIT / 10);
        l.fit.of_creators = (int64_t)prng_below(r, FIT_UNIT / 10);
        for (int k = 0; k < FIT_SOURCES; k++) {
            l.fit.from[k].center = (int64_t)prng_below(r, FIT_UNIT);
            l.fit.from[k].slope = (int64_t)prng_below(r, FIT_UNIT);
            l.fit.from[k].bias = (int64_t)prng_below(r, FIT_UNIT / 10);
            l.fit.from[k].noise = (int64_t)prng_below(r, FIT_UNIT);
        }
    }
    l.positions_n = (uint32_t)prng_below(r, 5);
    for (uint32_t k = 0; k < POSITIONS_MAX; k++)
        l.examined_ppm[k] = k < l.positions_n ? (uint32_t)prng_below(r, 1000001) : 1000000;
    l.raters_n = prng_below(r, 9);
    l.raters = calloc(l.raters_n + 1, sizeof *l.raters);
    assert_non_null(l.raters);
    for (size_t i = 0; i < l.raters_n; i++) {
        l.raters[i].weight_milli = (uint16_t)(63 + prng_below(r, 3937));
        l.raters[i].bias_milli = (int16_t)((int)prng_below(r, 2001) - 1000);
    }
    assert_int_equal(quality_adopt(q, &l), HEED_OK);
}

static void decide(struct quality *q, struct prng *r, uint32_t target, enum decision kind,
                   bool scored)
{
    const struct moderation_act act = {.time_ms = (int64_t)prng_below(r, 100),
                                       .target = target,
                                       .actor = (uint32_t)prng_below(r, 9),
                                       .kind = (uint8_t)kind,
                                       .scored = scored,
                                       .stood = scored || prng_below(r, 2) == 0};
    assert_int_equal(quality_decide(q, &act), HEED_OK);
}

/* A random step: a score, a showing, something learnt, or a new content much like some other.    */
static void step(struct quality *q, struct prng *r, uint32_t *contents, struct sketch *sketches)
{
    if (*contents > 0 && prng_below(r, 4) == 0) {
        uint32_t content = (uint32_t)prng_below(r, *contents), at = (uint32_t)prng_below(r, 4);
        assert_true(positions_shown(&q->positions, content, at));
        if (prng_below(r, 2))
            positions_engaged(&q->positions, content, at);
        if (prng_below(r, 6) == 0)
            learn(q, r);
        return;
    }
    if (prng_below(r, 4) > 0 || *contents == TARGETS) {
        uint32_t target = target_make((enum target_kind)(1 + prng_below(r, KINDS)),
                                      (uint32_t)prng_below(r, TARGETS));
        enum rating_kind kind = (enum rating_kind)prng_below(r, RATING_KINDS);
        uint32_t user = (uint32_t)prng_below(r, 9);
        int64_t score_milli = (int64_t)prng_below(r, 10001);
        assert_int_equal(quality_rate(q, &RULES, kind, user, target, score_milli), HEED_OK);
        if (kind == RATING_MODERATION)
            decide(q, r, target, quality_gate(q, target), true);
        else if (prng_below(r, 3) == 0)
            decide(q, r, target, (enum decision)prng_below(r, DECISIONS), false);
        return;
    }
    struct sketch *s = &sketches[*contents];
    *s = *contents ? sketches[prng_below(r, *contents)] : (struct sketch){.shingles = 50};
    for (uint64_t i = prng_below(r, 30); i > 0; i--)
        s->minima[prng_below(r, SKETCH_SIZE)] = (uint16_t)prng_u64(r);
    struct sketch nothing = {0};
    bool known = prng_below(r, 8) > 0;
    uint32_t creator = (uint32_t)prng_below(r, 5);
    int64_t at_ms = (int64_t)prng_below(r, 30);
    assert_int_equal(quality_publish(q, &RULES, *contents, creator, at_ms, known ? s : &nothing),
                     HEED_OK);
    if (prng_below(r, 6) == 0)
        assert_true(quality_copied(q, *contents, 1 + (uint32_t)prng_below(r, 1000000)));
    ++*contents;
}

static void save(const struct quality *q, struct strbuf *b)
{
    struct sink *s = malloc(sizeof *s);
    assert_non_null(s);
    strbuf_init(b, 1 << 24);
    sink_init(s, strbuf_write, b);
    quality_save(q, s);
    assert_true(sink_flush(s));
    free(s);
}

static enum heed_status load(struct quality *q, const void *p, size_t n, struct heed_error *err,
                             bool *end)
{
    struct memory_reader m = {p, n};
    struct source *s = malloc(sizeof *s);
    assert_non_null(s);
    source_init(s, memory_read, &m);
    quality_init(q);
    error_clear(err);
    enum heed_status status = quality_load(q, s, err);
    *end = source_end(s);
    free(s);
    return status;
}

static void assert_same(const struct quality *a, const struct quality *b, uint64_t seed)
{
    struct strbuf x, y;
    save(a, &x);
    save(b, &y);
    if (x.n != y.n || memcmp(x.p, y.p, x.n) != 0) {
        print_error("seed %llu: stored states differ\n", (unsigned long long)seed);
        fail();
    }
    strbuf_deinit(&x);
    strbuf_deinit(&y);
    assert_memory_equal(&a->prior, &b->prior, sizeof a->prior);
    for (uint32_t kind = 1; kind < TARGET_KINDS; kind++)
        for (uint32_t i = 0; i < TARGETS; i++) {
            if (i < a->targets[kind].n)
                assert_memory_equal(&a->targets[kind].rows[i].weighed,
                                    &b->targets[kind].rows[i].weighed, sizeof(struct weighed_sums));
            uint32_t target = target_make((enum target_kind)kind, i);
            struct quality_score u = quality_score(a, &RULES, target, i, 3 * i);
            struct quality_score v = quality_score(b, &RULES, target, i, 3 * i);
            assert_memory_equal(&u, &v, sizeof u);
        }
}

static void a_loaded_state_goes_on_as_the_saved_one(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct quality a, b;
        struct prng r, again;
        struct strbuf stored;
        struct heed_error err;
        struct sketch sketches[TARGETS], sketches_again[TARGETS];
        uint32_t contents = 0;
        bool end;
        prng_seed(&r, seed);
        quality_init(&a);
        for (uint64_t i = prng_below(&r, 200); i > 0; i--)
            step(&a, &r, &contents, sketches);
        save(&a, &stored);
        assert_int_equal(load(&b, stored.p, stored.n, &err, &end), HEED_OK);
        assert_true(end);
        strbuf_deinit(&stored);
        assert_same(&a, &b, seed);

        again = r;
        uint32_t contents_again = contents;
        memcpy(sketches_again, sketches, sizeof sketches);
        for (int i = 0; i < 150; i++) {
            step(&a, &r, &contents, sketches);
            step(&b, &again, &contents_again, sketches_again);
        }
        assert_same(&a, &b, seed);
        quality_deinit(&a);
        quality_deinit(&b);
    }
}

static void make_stored(struct strbuf *stored)
{
    struct quality q;
    struct prng r;
    struct sketch sketches[TARGETS];
    uint32_t contents = 0;
    prng_seed(&r, 77);
    quality_init(&q);
    for (int i = 0; i < 60; i++)
        step(&q, &r, &contents, sketches);
    save(&q, stored);
    quality_deinit(&q);
}

static void a_cut_state_is_refused_with_a_reason(void **state)
{
    (void)state;
    struct strbuf stored;
    struct heed_error err;
    struct quality q;
    bool end;
    make_stored(&stored);
    for (size_t n = 0; n < stored.n; n++) {
        assert_int_equal(load(&q, stored.p, n, &err, &end), HEED_INPUT);
        assert_int_equal(err.status, HEED_INPUT);
        assert_true(err.message[0] != 0);
        assert_int_equal(q.entries_n, 0); /* empty again, and usable */
        assert_int_equal(quality_rate(&q, &RULES, RATING_USER, 1, target_make(TARGET_GOOD, 2), 5),
                         HEED_OK);
        quality_deinit(&q);
    }
    strbuf_deinit(&stored);
}

/* Any flip is either refused or gives a state that works and stores to the same bytes.           */
static void a_flipped_bit_never_crashes(void **state)
{
    (void)state;
    struct strbuf stored, again;
    struct heed_error err;
    int refused = 0;
    make_stored(&stored);
    for (size_t bit = 0; bit < stored.n * 8; bit += 1 + bit % 3) {
        struct quality q;
        bool end;
        stored.p[bit / 8] ^= (char)(1 << bit % 8);
        enum heed_status status = load(&q, stored.p, stored.n, &err, &end);
        if (status == HEED_OK) {
            for (uint32_t i = 0; i < TARGETS; i++) {
                struct quality_score score =
                    quality_score(&q, &RULES, target_make(TARGET_CONTENT, i), 1, 2);
                assert_true(score.score >= 0 && score.score <= 1);
            }
            save(&q, &again);
            assert_true(again.n <= stored.n && memcmp(again.p, stored.p, again.n) == 0);
            strbuf_deinit(&again);
            assert_int_equal(
                quality_rate(&q, &RULES, RATING_EXPERT, 1, target_make(TARGET_CONTENT, 3), 7),
                HEED_OK);
        } else {
            assert_int_equal(status, HEED_INPUT);
            refused++;
        }
        quality_deinit(&q);
        stored.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(refused > 100);
    strbuf_deinit(&stored);
}

/* A count that promises the most there can be, with nothing behind it.                           */
static void a_huge_count_allocates_nothing(void **state)
{
    (void)state;
    struct heed_error err;
    struct quality q;
    bool end;
    uint8_t bytes[80] = {0};
    for (size_t at = 0; at + 8 <= 64; at += 8) { /* tables, scores, reports, acts, posts */
        memset(bytes, 0, sizeof bytes);
        bytes[at + 3] = 0x10; /* 2^28 */
        assert_int_equal(load(&q, bytes, sizeof bytes, &err, &end), HEED_INPUT);
        memset(bytes + at, 0xff, 8);
        assert_int_equal(load(&q, bytes, sizeof bytes, &err, &end), HEED_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loaded_state_goes_on_as_the_saved_one),
        cmocka_unit_test(a_cut_state_is_refused_with_a_reason),
        cmocka_unit_test(a_flipped_bit_never_crashes),
        cmocka_unit_test(a_huge_count_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
