/* Sketches against exact Jaccard similarity; copies against a comparison of every pair. */
#include "quality/bands.h"
#include "quality/quality.h"

#include "base/prng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct quality_rules RULES = {.copy_similarity_ppm = 800000, .min_shingles = 5};

static struct sketch sketch_of(const char *title, const char *body, uint32_t min_shingles)
{
    struct sketch s;
    assert_true(sketch_text(str_of(title), str_of(body), min_shingles, &s));
    return s;
}

/* ── sketches ────────────────────────────────────────────────────────────────────────────────── */

enum { TOKENS_MAX = 400, TEXT_MAX = TOKENS_MAX * 8 };

/* A text as the numbers of its tokens.                                                           */
struct tokens {
    int n, at[TOKENS_MAX];
};

static struct sketch sketch_tokens(const struct tokens *t, const char *format)
{
    static char text[TEXT_MAX];
    size_t n = 0;
    for (int i = 0; i < t->n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, format, t->at[i]);
    return sketch_of("", text, 1);
}

/* The same with a Han character for each token.                                                  */
static struct sketch sketch_han(const struct tokens *t)
{
    static char text[TEXT_MAX];
    size_t n = 0;
    for (int i = 0; i < t->n; i++) {
        int c = 0x4e00 + t->at[i];
        text[n++] = (char)(0xe0 | c >> 12);
        text[n++] = (char)(0x80 | (c >> 6 & 63));
        text[n++] = (char)(0x80 | (c & 63));
        if (i % 11 == 10)
            n += (size_t)snprintf(text + n, sizeof text - n, "。\n");
    }
    text[n] = 0;
    return sketch_of("", text, 1);
}

static bool same_shingle(const int *a, const int *b, int width)
{
    for (int i = 0; i < width; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static int distinct_shingles(const struct tokens *t, int width, int *starts)
{
    int n = 0;
    for (int i = 0; i + width <= t->n; i++) {
        int j = 0;
        while (j < n && !same_shingle(t->at + i, t->at + starts[j], width))
            j++;
        if (j == n)
            starts[n++] = i;
    }
    return n;
}

static double exact_jaccard(const struct tokens *a, const struct tokens *b, int width)
{
    int in_a[TOKENS_MAX], in_b[TOKENS_MAX], common = 0;
    int a_n = distinct_shingles(a, width, in_a), b_n = distinct_shingles(b, width, in_b);
    for (int i = 0; i < a_n; i++)
        for (int j = 0; j < b_n; j++)
            common += same_shingle(a->at + in_a[i], b->at + in_b[j], width);
    return (double)common / (a_n + b_n - common);
}

/* A random text, and a version with some tokens replaced and a piece cut off.                    */
static void make_pair(struct prng *r, struct tokens *a, struct tokens *b)
{
    uint64_t vocabulary = 4 + prng_below(r, 300), change = prng_below(r, 40);
    a->n = 30 + (int)prng_below(r, 200);
    for (int i = 0; i < a->n; i++)
        a->at[i] = (int)prng_below(r, vocabulary);
    *b = *a;
    b->n -= (int)prng_below(r, (uint64_t)a->n / 3);
    for (int i = 0; i < b->n; i++)
        if (prng_below(r, 100) < change)
            b->at[i] = (int)prng_below(r, vocabulary);
}

static void similarity_estimates_jaccard(void **state)
{
    enum { PAIRS = 400 };
    (void)state;
    struct prng r;
    prng_seed(&r, 4);
    for (int script = 0; script < 2; script++) {
        double sum = 0, absolute = 0, squares = 0, variance = 0;
        int within_tenth = 0, within_twentieth = 0;
        for (int pair = 0; pair < PAIRS; pair++) {
            struct tokens a, b;
            make_pair(&r, &a, &b);
            int width = script ? 4 : 3, starts[TOKENS_MAX];
            struct sketch x = script ? sketch_han(&a) : sketch_tokens(&a, "W%d, ");
            struct sketch y = script ? sketch_han(&b) : sketch_tokens(&b, "w%d \n");
            assert_int_equal(x.shingles, distinct_shingles(&a, width, starts));
            double exact = exact_jaccard(&a, &b, width);
            double error = sketch_similarity_ppm(&x, &y) / 1e6 - exact;
            assert_int_equal(sketch_similarity_ppm(&x, &y), sketch_similarity_ppm(&y, &x));
            sum += error;
            absolute += fabs(error);
            squares += error * error;
            variance += exact * (1 - exact) / SKETCH_SIZE; /* Broder: a binomial's */
            within_tenth += fabs(error) <= .1;
            within_twentieth += fabs(error) <= .05;
            if (fabs(error) > .22) {
                print_error("pair %d: exact %.4f, error %.4f\n", pair, exact, error);
                fail();
            }
        }
        double ratio = sqrt(squares / variance);
        if (within_tenth < PAIRS * 97 / 100 || within_twentieth < PAIRS * 70 / 100 ||
            fabs(sum / PAIRS) > .006 || absolute / PAIRS > .035 || ratio < .85 || ratio > 1.15) {
            print_error("script %d: %d of %d within .1, mean error %.4f, mean absolute %.4f, root "
                        "mean square over binomial %.3f\n",
                        script, within_tenth, PAIRS, sum / PAIRS, absolute / PAIRS, ratio);
            fail();
        }
    }
}

#define STORY                                                                                      \
    "The lighthouse keeper wrote one letter a day to the ships that never answered, and kept the " \
    "lamp lit through the winter all the same, counting storms."
#define STORY_ZH                                                                                                                                 \
    "注意力是元宇宙经济体系的核心资源，用户在浏览、点赞、评论和分享的过程中把注意力分配给内容与商" \
    "品。"
#define STORY_JA                                                                                                                                 \
    "灯台守は毎日一通の手紙を船に書いたが、返事は一度も来なかった。それでも冬のあいだ灯をともし続" \
    "けた。"
#define STORY_KO                                                                                                                        \
    "등대지기는 날마다 배들에게 편지를 썼지만 답장은 한 번도 오지 않았다. 그래도 겨울 내내 불을 " \
    "밝혔다."

static void similarity_of_known_texts(void **state)
{
    static const struct {
        const char *what, *title_a, *a, *title_b, *b;
        uint32_t least_ppm, most_ppm;
    } rows[] = {
        {"itself", "t", STORY, "t", STORY, 1000000, 1000000},
        {"case and punctuation do not count", "", "One, two; THREE four! Five six.", "",
         "one two three\tfour\r\nfive (six)", 1000000, 1000000},
        {"case beyond ASCII", "", "ÉTÉ ΛÓΓΟΣ Ёлка над рекой стояла", "",
         "été λóγοσ ёлка НАД РЕКОЙ СТОЯЛА", 1000000, 1000000},
        {"title and body are one text", "One two three", "four five six seven", "",
         "one two three four five six seven", 1000000, 1000000},
        {"another title", "A", STORY, "Quite another heading", STORY, 700000, 950000},
        {"Chinese without its punctuation", "", "春天来了，花开满园。孩子们在草地上奔跑", "",
         "春天来了花开满园孩子们在草地上奔跑", 1000000, 1000000},
        {"Chinese, a few characters changed", "标题", STORY_ZH, "题目", STORY_ZH "再见", 700000,
         999999},
        {"Japanese", "", STORY_JA, "", STORY_JA, 1000000, 1000000},
        {"Korean spacing does not count", "", STORY_KO, "",
         "등대지기는날마다배들에게편지를썼지만답장은한번도오지않았다그래도겨울내내불을밝혔다",
         1000000, 1000000},
        {"Chinese and Japanese", "", STORY_ZH, "", STORY_JA, 0, 40000},
        {"English and Chinese", "", STORY, "", STORY_ZH, 0, 40000},
        {"the same words in another order", "", "a b c d e f g h i j k", "",
         "k j i h g f e d c b a", 0, 40000},
        {"a long text and nothing", "", STORY, "", "", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sketch a = sketch_of(rows[i].title_a, rows[i].a, 1);
        struct sketch b = sketch_of(rows[i].title_b, rows[i].b, 1);
        uint32_t ppm = sketch_similarity_ppm(&a, &b);
        if (ppm < rows[i].least_ppm || ppm > rows[i].most_ppm) {
            print_error("%s: expected %u to %u, got %u\n", rows[i].what, rows[i].least_ppm,
                        rows[i].most_ppm, ppm);
            fail();
        }
    }
}

static void short_texts_say_nothing(void **state)
{
    static const struct {
        const char *text;
        uint32_t min_shingles, shingles;
    } rows[] = {
        {"", 0, 0},
        {"...", 1, 0},
        {"one two", 0, 0},
        {"one two three", 0, 1},
        {"one two three", 1, 1},
        {"one two three four", 3, 0},
        {"one two three four five", 3, 3},
        {"a a a a a a a a a a a", 2, 0}, /* one shingle, many times */
        {"a a a a a a a a a a a", 1, 1},
        {"注意力", 1, 0},
        {"注意力链", 1, 1},
        {"注意力产业链", 3, 3},
        {"注意 力 abcd", 1, 1},    /* mostly letters of a spaced script: three words */
        {"注意力产业 abcd", 1, 6}, /* mostly Han: nine characters */
        {"\xff\xfe\xc3", 1, 0},
        {"one\xff two\xc3 three", 1, 1},
    };
    static const struct sketch nothing;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sketch s = sketch_of("", rows[i].text, rows[i].min_shingles);
        if (s.shingles != rows[i].shingles) {
            print_error("\"%s\": expected %u shingles, got %u\n", rows[i].text, rows[i].shingles,
                        s.shingles);
            fail();
        }
        if (s.shingles == 0)
            assert_memory_equal(&s, &nothing, sizeof s);
    }
}

/* A stored sketch must mean the same in every version and on every machine. Expected: minima 0, 1,
 * 2 and 127 as an independent program in Python computes them from the definition. */
static void sketches_do_not_drift(void **state)
{
    static const struct {
        const char *title, *body;
        uint32_t shingles;
        uint16_t minima[4];
    } rows[] = {
        {"The letter", STORY, 27, {0x57f5, 0x8862, 0x8ab9, 0xcd76}},
        {"", STORY_ZH, 41, {0xfdc3, 0x2c7b, 0xa478, 0x8dcf}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sketch s = sketch_of(rows[i].title, rows[i].body, 1);
        assert_int_equal(s.shingles, rows[i].shingles);
        assert_memory_equal(s.minima, rows[i].minima, 3 * sizeof *s.minima);
        assert_int_equal(s.minima[127], rows[i].minima[3]);
    }
}

/* ── bands ───────────────────────────────────────────────────────────────────────────────────── */

static struct sketch random_sketch(struct prng *r)
{
    struct sketch s = {.shingles = 100};
    for (int i = 0; i < SKETCH_SIZE; i++)
        s.minima[i] = (uint16_t)prng_u64(r);
    return s;
}

static void similarity_counts_equal_minima(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 9);
    for (int differing = 0; differing <= SKETCH_SIZE; differing++) {
        struct sketch a = random_sketch(&r), b = a;
        uint64_t x[BANDS], y[BANDS];
        for (int i = 0; i < differing; i++)
            b.minima[i] ^= (uint16_t)(i % 3 == 0 ? 0x8000 : i % 3 == 1 ? 1 : 0xffff);
        bands_pack(a.minima, x);
        bands_pack(b.minima, y);
        uint32_t matches = (uint32_t)(SKETCH_SIZE - differing);
        assert_int_equal(bands_matches(x, y), matches);
        double p = matches / 128., c = 1 / 65536., expected = (p - c) / (1 - c) * 1e6;
        assert_true(fabs(sketch_similarity_ppm(&a, &b) - (expected > 0 ? expected : 0)) <= .5001);
    }
}

/* 31 differences, each in a band of its own: the worst case above the guarantee.                 */
static void no_pair_above_the_guarantee_is_missed(void **state)
{
    (void)state;
    struct prng r;
    struct quality_rules rules = {.copy_similarity_ppm = 757809};
    prng_seed(&r, 3);
    for (int spared = 0; spared < BANDS; spared++) {
        struct quality q;
        quality_init(&q);
        struct sketch a = random_sketch(&r), b = a;
        for (int band = 0; band < BANDS; band++)
            if (band != spared)
                b.minima[band * BAND_ROWS + band % BAND_ROWS] ^= 0x10;
        assert_int_equal(quality_publish(&q, &rules, 0, 1, 10, &a), HEED_OK);
        assert_int_equal(quality_publish(&q, &rules, 1, 2, 20, &b), HEED_OK);
        assert_int_equal(quality_copy_of(&q, 1).original, 0);
        assert_int_equal(quality_copy_of(&q, 1).similarity_ppm, 757809);
        quality_deinit(&q);
    }
}

/* X comes when the chain of band 0 is full; Y, which shares bands 0 and 5 with it, finds it by 5.
 */
static void a_sketch_kept_out_of_a_full_chain_is_found_by_another_band(void **state)
{
    (void)state;
    struct prng r;
    struct bands b = {0};
    struct bands_cursor cursor = {0};
    uint64_t words[BANDS], shared[2] = {1, 2};
    int found = 0, times = 0;
    prng_seed(&r, 8);
    for (int i = 0; i <= CHAIN_MAX + 1; i++) { /* the last is Y, which is not added */
        struct sketch s = random_sketch(&r);
        bands_pack(s.minima, words);
        words[0] = shared[0];
        if (i >= CHAIN_MAX)
            words[5] = shared[1];
        if (i <= CHAIN_MAX)
            assert_int_equal(bands_add(&b, words), HEED_OK);
    }
    for (uint32_t c; (c = bands_next(&b, words, &cursor)) != HANDLE_NONE; found++)
        times += c == CHAIN_MAX;
    assert_int_equal(found, CHAIN_MAX + 1);
    assert_int_equal(times, 1);
    bands_deinit(&b);
}

/* ── copies ──────────────────────────────────────────────────────────────────────────────────── */

struct row {
    int64_t created_at_ms;
    uint32_t creator;
    struct sketch sketch;
};

static bool before(const struct row *rows, uint32_t a, uint32_t b)
{
    return rows[a].created_at_ms < rows[b].created_at_ms ||
           (rows[a].created_at_ms == rows[b].created_at_ms && a < b);
}

static struct copy_of naive_copy_of(const struct row *rows, uint32_t n, uint32_t i,
                                    uint32_t threshold_ppm)
{
    struct copy_of best = {HANDLE_NONE, 0, rows[i].sketch.shingles, rows[i].sketch.shingles > 0,
                           false};
    for (uint32_t j = 0; j < n; j++) {
        uint32_t ppm = sketch_similarity_ppm(&rows[i].sketch, &rows[j].sketch);
        if (ppm < threshold_ppm || ppm == 0 || rows[j].creator == rows[i].creator ||
            !before(rows, j, i))
            continue;
        if (best.original == HANDLE_NONE || ppm > best.similarity_ppm ||
            (ppm == best.similarity_ppm && before(rows, j, best.original))) {
            best.original = j;
            best.similarity_ppm = ppm;
        }
    }
    return best;
}

static void make_rows(struct prng *r, struct row *rows, uint32_t n)
{
    uint64_t moments = 1 + prng_below(r, 2 * n), creators = 2 + prng_below(r, 12);
    for (uint32_t i = 0; i < n; i++) {
        rows[i].created_at_ms = (int64_t)prng_below(r, moments);
        rows[i].creator = (uint32_t)prng_below(r, creators);
        uint64_t kind = i == 0 ? 0 : prng_below(r, 10);
        if (kind == 0) {
            rows[i].sketch = random_sketch(r);
        } else if (kind == 1) {
            rows[i].sketch = (struct sketch){0};
        } else { /* like an earlier one, or the very same */
            rows[i].sketch = rows[prng_below(r, i)].sketch;
            uint64_t changes = kind < 5 ? 0 : prng_below(r, 40);
            for (uint64_t k = 0; k < changes && rows[i].sketch.shingles > 0; k++)
                rows[i].sketch.minima[prng_below(r, SKETCH_SIZE)] = (uint16_t)prng_u64(r);
        }
    }
}

static void copies_agree_with_a_comparison_of_every_pair(void **state)
{
    enum { N = 120 };
    static struct row rows[N];
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct prng r;
        struct quality q;
        prng_seed(&r, seed);
        quality_init(&q);
        make_rows(&r, rows, N);
        int copies = 0;
        for (uint32_t n = 1; n <= N; n++) {
            const struct row *new = &rows[n - 1];
            assert_int_equal(
                quality_publish(&q, &RULES, n - 1, new->creator, new->created_at_ms, &new->sketch),
                HEED_OK);
            for (uint32_t i = 0; i < n && (n % 20 == 0 || n < 20); i++) {
                struct copy_of got = quality_copy_of(&q, i);
                struct copy_of expected = naive_copy_of(rows, n, i, RULES.copy_similarity_ppm);
                if (got.original != expected.original || got.known != expected.known ||
                    got.similarity_ppm != expected.similarity_ppm ||
                    got.shingles != expected.shingles) {
                    print_error("seed %llu: of %u, content %u: expected %u (%u), got %u (%u)\n",
                                (unsigned long long)seed, n, i, expected.original,
                                expected.similarity_ppm, got.original, got.similarity_ppm);
                    fail();
                }
                copies += got.original != HANDLE_NONE;
            }
        }
        assert_true(copies > 0);
        quality_deinit(&q);
    }
}

/* Beyond the longest chain the first of a text are still found, so each later one is a copy.     */
static void a_flood_of_near_copies_is_still_found(void **state)
{
    enum { N = 8 * CHAIN_MAX };
    (void)state;
    struct prng r;
    struct quality q;
    prng_seed(&r, 6);
    quality_init(&q);
    struct sketch text = random_sketch(&r);
    for (uint32_t i = 0; i < N; i++) {
        struct sketch s = text;
        for (int k = 0; k < 6 && i > 0; k++)
            s.minima[prng_below(&r, SKETCH_SIZE)] = (uint16_t)prng_u64(&r);
        assert_int_equal(quality_publish(&q, &RULES, i, i, i, &s), HEED_OK);
    }
    assert_int_equal(quality_copy_of(&q, 0).original, HANDLE_NONE);
    for (uint32_t i = 1; i < N; i++) {
        struct copy_of copy = quality_copy_of(&q, i);
        assert_true(copy.original < i);
        assert_true(copy.similarity_ppm >= 900000);
    }
    quality_deinit(&q);
}

static void publish_text(struct quality *q, uint32_t content, uint32_t creator, int64_t at_ms,
                         const char *body)
{
    struct sketch s = sketch_of("", body, RULES.min_shingles);
    assert_int_equal(quality_publish(q, &RULES, content, creator, at_ms, &s), HEED_OK);
}

static void a_late_coming_original_turns_the_known_into_its_copy(void **state)
{
    (void)state;
    struct quality q;
    quality_init(&q);
    publish_text(&q, 0, 10, 2000, STORY);
    publish_text(&q, 1, 11, 3000, STORY " Twice.");
    assert_int_equal(quality_copy_of(&q, 0).original, HANDLE_NONE);
    assert_int_equal(quality_copy_of(&q, 1).original, 0);
    publish_text(&q, 2, 12, 1000, STORY);
    assert_int_equal(quality_copy_of(&q, 2).original, HANDLE_NONE);
    assert_int_equal(quality_copy_of(&q, 0).original, 2);
    assert_int_equal(quality_copy_of(&q, 1).original, 2); /* as similar, published earlier */
    quality_deinit(&q);
}

static void a_copy_of_what_is_gone_stays_one(void **state)
{
    (void)state;
    struct quality q;
    quality_init(&q);
    publish_text(&q, 0, 10, 2000, STORY);
    publish_text(&q, 1, 11, 3000, STORY " Twice.");
    assert_false(quality_copied(&q, 2, 900000));
    assert_false(quality_copied(&q, 0, 0));
    assert_false(quality_copied(&q, 0, 1000001));
    assert_true(quality_copied(&q, 0, 900000));
    assert_true(quality_copied(&q, 1, 1)); /* what is here is more similar */
    struct copy_of copy = quality_copy_of(&q, 0);
    assert_true(copy.gone);
    assert_int_equal(copy.original, HANDLE_NONE);
    assert_int_equal(copy.similarity_ppm, 900000);
    assert_int_equal(quality_copy_of(&q, 1).original, 0);
    assert_false(quality_copy_of(&q, 1).gone);
    struct quality_score s = quality_score(&q, &RULES, target_make(TARGET_CONTENT, 0), 0, 0);
    assert_true(s.parts[PART_ORIGINALITY].value > .0999 && s.parts[PART_ORIGINALITY].value < .1001);
    publish_text(&q, 2, 12, 1000, STORY); /* more similar than what is gone: the very same */
    assert_int_equal(quality_copy_of(&q, 0).original, 2);
    assert_true(quality_copied(&q, 0, 1000000)); /* as similar: what was found before counts */
    assert_true(quality_copy_of(&q, 0).gone);
    publish_text(&q, 3, 13, 500, STORY);
    assert_true(quality_copy_of(&q, 0).gone);
    quality_deinit(&q);
}

static void ones_own_text_again_is_no_copy(void **state)
{
    (void)state;
    struct quality q;
    quality_init(&q);
    publish_text(&q, 0, 10, 1000, STORY_ZH);
    publish_text(&q, 1, 10, 2000, STORY_ZH);
    publish_text(&q, 2, 11, 3000, STORY_ZH);
    publish_text(&q, 3, 11, 3000, "短");
    assert_int_equal(quality_copy_of(&q, 1).original, HANDLE_NONE);
    assert_true(quality_copy_of(&q, 1).known);
    assert_int_equal(quality_copy_of(&q, 2).original, 0);
    assert_int_equal(quality_copy_of(&q, 2).similarity_ppm, 1000000);
    assert_false(quality_copy_of(&q, 3).known);
    assert_false(quality_copy_of(&q, 4).known);
    quality_deinit(&q);
}

static void originality_enters_the_score(void **state)
{
    (void)state;
    struct quality_rules rules = RULES;
    rules.originality_weight_milli = 300;
    rules.interactivity_weight_milli = 300;
    struct quality q;
    quality_init(&q);
    publish_text(&q, 0, 10, 1000, STORY);
    publish_text(&q, 1, 11, 2000, STORY);
    publish_text(&q, 2, 12, 2000, "too short");
    struct quality_score s = quality_score(&q, &rules, target_make(TARGET_CONTENT, 0), 0, 0);
    assert_true(s.score == .5 && s.parts[PART_ORIGINALITY].weight == 0); /* no merit alone */
    s = quality_score(&q, &rules, target_make(TARGET_CONTENT, 0), 4, 10);
    assert_true(s.parts[PART_ORIGINALITY].value == 1 && s.parts[PART_ORIGINALITY].weight > 0);
    assert_int_equal(s.parts[PART_ORIGINALITY].evidence, quality_copy_of(&q, 0).shingles);
    s = quality_score(&q, &rules, target_make(TARGET_CONTENT, 1), 0, 0);
    assert_true(s.score == 0 && s.parts[PART_ORIGINALITY].value == 0);
    s = quality_score(&q, &rules, target_make(TARGET_CONTENT, 2), 0, 0);
    assert_true(s.score == .5 && s.parts[PART_ORIGINALITY].weight == 0);
    s = quality_score(&q, &rules, target_make(TARGET_GOOD, 1), 0, 0); /* not content 1 */
    assert_true(s.score == .5);
    quality_deinit(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(similarity_estimates_jaccard),
        cmocka_unit_test(similarity_of_known_texts),
        cmocka_unit_test(short_texts_say_nothing),
        cmocka_unit_test(sketches_do_not_drift),
        cmocka_unit_test(similarity_counts_equal_minima),
        cmocka_unit_test(no_pair_above_the_guarantee_is_missed),
        cmocka_unit_test(a_sketch_kept_out_of_a_full_chain_is_found_by_another_band),
        cmocka_unit_test(copies_agree_with_a_comparison_of_every_pair),
        cmocka_unit_test(a_flood_of_near_copies_is_still_found),
        cmocka_unit_test(a_late_coming_original_turns_the_known_into_its_copy),
        cmocka_unit_test(a_copy_of_what_is_gone_stays_one),
        cmocka_unit_test(ones_own_text_again_is_no_copy),
        cmocka_unit_test(originality_enters_the_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
