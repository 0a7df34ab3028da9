/* Feeds: exposure of ranks, relevance and the best k against naive twins, reasons, debts. */
#include "allocation/allocation_parts.h"
#include "support_crowd.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct allocation_rules default_rules = {
    .k = 10,
    .algorithm = ALGORITHM_MIXED,
    .mix_milli = {200, 200, 300, 300},
    .neighbours = 8,
    .max_history = 6,
};

/* ── exposure and names ── */

static void the_exposure_of_a_rank_is_the_discount_of_dcg(void **state)
{
    (void)state;
    /* 1/log2(1+rank), four decimals */
    static const double rows[] = {1,      0.6309, 0.5,    0.4307, 0.3869,
                                  0.3562, 0.3333, 0.3155, 0.3010, 0.2891};
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal((exposure_of_rank(i + 1) + 50) / 100, llround(rows[i] * 10000));
    for (uint32_t rank = 1; rank <= FEED_MAX; rank++)
        assert_int_equal(exposure_of_rank(rank), llround(1e6 / log2(1.0 + rank)));
    assert_int_equal(exposure_of_rank(0), 0);
    assert_int_equal(exposure_of_rank(FEED_MAX + 1), 0);
}

static void names_lead_back_to_their_algorithms(void **state)
{
    (void)state;
    static const char *const names[] = {"exposure", "engagement", "quality", "relevance", "mixed"};
    for (int a = 0; a < ALGORITHMS; a++) {
        assert_string_equal(algorithm_name((enum algorithm)a), names[a]);
        assert_int_equal(algorithm_of_name(str_of(names[a])), a);
    }
    assert_int_equal(algorithm_of_name(STR("qualit")), -1);
    assert_string_equal(slot_reason_name(REASON_FLOOR), "floor");
}

/* ── relevance ── */

static void relevance_is_the_cosine_of_who_attended(void **state)
{
    (void)state;
    /* item 0: users 0 1; item 1: users 0 1 2; item 2: user 2; item 3: nobody.
     * By hand: cos(0,1) = 2/sqrt(2*3) = 0.8165, cos(1,2) = 1/sqrt(3*1) = 0.5774, cos(0,2) = 0.  */
    const uint64_t offsets[] = {0, 2, 4, 6};
    const uint32_t items[] = {0, 1, 1, 0, 2, 1};
    const struct allocation_histories h = {.n = 3, .offsets = offsets, .items = items};
    const struct allocation_rules r = {.neighbours = 5, .max_history = 5};
    struct relevance *m;
    assert_int_equal(relevance_build(&h, 4, &r, &m), HEED_OK);
    static const uint64_t ends[] = {0, 1, 3, 4, 4};
    assert_memory_equal(m->offsets, ends, sizeof ends);
    static const struct {
        uint32_t item;
        double cosine;
    } rows[] = {{1, 0.8165}, {0, 0.8165}, {2, 0.5774}, {1, 0.5774}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(m->list[i].item, rows[i].item);
        assert_int_equal(llround(m->list[i].cosine * 1e4), llround(rows[i].cosine * 1e4));
    }
    relevance_free(m);
}

struct near {
    double cosine;
    uint32_t item;
};

static int compare_near(const void *a, const void *b)
{
    const struct near *x = a, *y = b;
    if (x->cosine != y->cosine)
        return x->cosine > y->cosine ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* weight[user][item] after cutting to the strongest max_history; 0: not there.                  */
static float *dense_histories(const struct crowd *c)
{
    size_t n = c->items.n;
    const struct allocation_histories *h = &c->histories;
    float *dense = calloc(h->n * n + 1, sizeof *dense);
    assert_non_null(dense);
    for (size_t u = 0; u < h->n; u++)
        for (uint64_t i = h->offsets[u]; i < h->offsets[u + 1]; i++) {
            size_t stronger = 0;
            for (uint64_t j = h->offsets[u]; j < h->offsets[u + 1]; j++)
                stronger += h->weights[j] > h->weights[i] ||
                            (h->weights[j] == h->weights[i] && h->items[j] < h->items[i]);
            if (stronger < c->rules.max_history)
                dense[u * n + h->items[i]] = h->weights[i];
        }
    return dense;
}

/* cosine[i][j] of the strongest neighbours j of i as the library should keep them; 0 elsewhere.  */
static double *dense_cosines(const struct crowd *c, const float *dense)
{
    size_t n = c->items.n;
    double *cosine = calloc(n * n + 1, sizeof *cosine);
    struct near *row = malloc((n + 1) * sizeof *row);
    assert_non_null(cosine);
    assert_non_null(row);
    for (size_t i = 0; i < n; i++) {
        size_t have = 0;
        for (uint32_t j = 0; j < n; j++) {
            double both = 0, mine = 0, theirs = 0;
            for (size_t u = 0; u < c->histories.n; u++) {
                bool a = dense[u * n + i] > 0, b = dense[u * n + j] > 0;
                both += a && b;
                mine += a;
                theirs += b;
            }
            if (both > 0 && j != i)
                row[have++] = (struct near){both / sqrt(mine * theirs), j};
        }
        qsort(row, have, sizeof *row, compare_near);
        for (size_t j = 0; j < have && j < c->rules.neighbours; j++)
            cosine[i * n + row[j].item] = (double)(float)row[j].cosine;
    }
    free(row);
    return cosine;
}

static void relevance_is_that_of_the_dense_twin(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct allocation_rules rules = default_rules;
        rules.neighbours = (uint32_t)prng_below(&r, 12);
        rules.max_history = (uint32_t)prng_below(&r, 9);
        const struct crowd_shape shape = {
            2 + prng_below(&r, 40), prng_below(&r, 60), 10, prng_double(&r) * 1.5, 1, 0};
        struct crowd c;
        crowd_init(&c, &r, &shape, &rules);
        float *dense = dense_histories(&c);
        double *cosine = dense_cosines(&c, dense);
        size_t n = c.items.n, pairs = 0;
        for (size_t i = 0; i < n * n; i++)
            pairs += cosine[i] > 0;
        if (c.relevance->offsets[n] != pairs)
            fail_msg("seed %llu: %llu pairs, %zu expected", (unsigned long long)seed,
                     (unsigned long long)c.relevance->offsets[n], pairs);
        for (size_t i = 0; i < n; i++)
            for (uint64_t j = c.relevance->offsets[i]; j < c.relevance->offsets[i + 1]; j++) {
                const struct neighbour *x = &c.relevance->list[j];
                if ((double)x->cosine != cosine[i * n + x->item])
                    fail_msg("seed %llu: cos(%zu, %u) = %.9g, %.9g expected",
                             (unsigned long long)seed, i, x->item, (double)x->cosine,
                             cosine[i * n + x->item]);
                assert_true(j == c.relevance->offsets[i] || x[-1].cosine >= x->cosine);
            }
        free(cosine);
        free(dense);
        crowd_deinit(&c);
    }
}

/* ── the best k ── */

struct scored {
    double score, tie;
    uint32_t item;
};

static int compare_scored(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->tie != y->tie)
        return x->tie > y->tie ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static double most_of(const struct crowd *c, const double *x)
{
    double most = 0;
    for (size_t i = 0; i < c->items.n; i++)
        if (c->items.eligible[i] && x[i] > most)
            most = x[i];
    return most;
}

/* The history's strongest items, strongest first, each adding to all items.                     */
static void twin_relevance(const struct crowd *c, size_t user, const float *dense,
                           const double *cosine, double *out)
{
    size_t n = c->items.n;
    const float *mine = dense + user * n;
    memset(out, 0, n * sizeof *out);
    for (int weight = 5; weight >= 1; weight--) /* support_crowd's weights */
        for (size_t h = 0; h < n; h++)
            for (size_t i = 0; mine[h] == (float)weight && i < n; i++)
                out[i] += (double)mine[h] * cosine[h * n + i];
    double most = most_of(c, out);
    for (size_t i = 0; i < n; i++)
        out[i] = most > 0 ? fmin(out[i] / most, 1) : 0;
}

static size_t twin_feed(const struct crowd *c, enum algorithm algorithm, const double *relevant,
                        const uint8_t *blocked, struct scored *out)
{
    const struct allocation_items *x = &c->items;
    double seen = log1p(most_of(c, x->popularity)), lively = most_of(c, x->engagement);
    size_t n = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        if (!x->eligible[i] || blocked[i])
            continue;
        double value[4] = {seen > 0 ? fmin(log1p(x->popularity[i]) / seen, 1) : 0,
                           lively > 0 ? x->engagement[i] / lively : 0, x->quality[i], relevant[i]};
        double score = 0;
        for (int w = 0; w < 4; w++)
            score += algorithm == ALGORITHM_MIXED     ? c->rules.mix_milli[w] / 1000.0 * value[w]
                     : algorithm == (enum algorithm)w ? value[w]
                                                      : 0;
        out[n++] = (struct scored){score, algorithm == ALGORITHM_RELEVANCE ? value[2] : 0, i};
    }
    qsort(out, n, sizeof *out, compare_scored);
    return n;
}

static void a_feed_is_the_head_of_the_sorted_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        const struct crowd_shape shape = {
            1 + prng_below(&r, 60), 1 + prng_below(&r, 30), 10, 1, 0.9, seed % 2 ? 4 : 0};
        struct crowd c;
        crowd_init(&c, &r, &shape, &default_rules);
        size_t n = c.items.n, keep = prng_below(&r, n + 10);
        float *dense = dense_histories(&c);
        double *cosine = dense_cosines(&c, dense), *relevant = calloc(n + 1, sizeof *relevant);
        struct scored *all = malloc((n + 1) * sizeof *all);
        uint8_t *is_blocked = calloc(n + 1, 1);
        assert_true(relevant && all && is_blocked);
        const uint32_t blocked[] = {(uint32_t)prng_below(&r, n), (uint32_t)prng_below(&r, n)};
        is_blocked[blocked[0]] = is_blocked[blocked[1]] = 1;
        for (size_t turn = 0; turn < 2 * ALGORITHMS * c.histories.n; turn++) {
            enum algorithm algorithm = (enum algorithm)(turn % ALGORITHMS);
            size_t user = turn / ALGORITHMS % c.histories.n;
            if (turn >= ALGORITHMS * c.histories.n) /* again, in two steps */
                assert_int_equal(allocator_sort(c.allocator, algorithm, keep), HEED_OK);
            struct feed_request q = crowd_request(&c, user);
            q.algorithm = algorithm;
            q.k = 1 + (uint32_t)prng_below(&r, 20);
            q.blocked = blocked;
            q.blocked_n = 2;
            twin_relevance(&c, user, dense, cosine, relevant);
            size_t expected = twin_feed(&c, algorithm, relevant, is_blocked, all), got;
            expected = expected < q.k ? expected : q.k;
            struct slot slots[FEED_MAX];
            allocator_feed(c.allocator, &q, slots, &got);
            assert_int_equal(got, expected);
            for (size_t i = 0; i < got; i++)
                if (slots[i].item != all[i].item ||
                    labs(slots[i].score_ppm - lround(all[i].score * 1e6)) > 1)
                    fail_msg("seed %llu, user %zu, %s, slot %zu: item %u (%d), %u (%g) expected",
                             (unsigned long long)seed, user, algorithm_name(algorithm), i,
                             slots[i].item, slots[i].score_ppm, all[i].item, all[i].score);
        }
        free(is_blocked);
        free(all);
        free(relevant);
        free(cosine);
        free(dense);
        crowd_deinit(&c);
    }
}

/* Of all slots of two feeds, those that differ. */
static size_t differences(const struct slot *a, size_t a_n, const struct slot *b, size_t b_n)
{
    size_t n = a_n > b_n ? a_n - b_n : b_n - a_n;
    for (size_t i = 0; i < a_n && i < b_n; i++)
        n += a[i].item != b[i].item || a[i].score_ppm != b[i].score_ppm ||
             memcmp(a[i].value_ppm, b[i].value_ppm, sizeof a->value_ppm) != 0;
    return n;
}

static void a_large_catalogue_in_two_steps_gives_the_feeds_of_the_exact_scan(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct allocation_rules rules = default_rules;
        rules.neighbours = 50;
        rules.max_history = 50;
        rules.mix_milli[REASON_QUALITY] = seed == 3 ? -300 : 300; /* the worst lead */
        const struct crowd_shape shape = {20000, 300, 60, 1, 0.9, seed == 2 ? 4 : 0};
        struct crowd c;
        struct allocator *exact;
        crowd_init(&c, &r, &shape, &rules);
        assert_int_equal(allocator_new(&c.items, c.relevance, &rules, &exact), HEED_OK);
        uint64_t *owed = calloc(shape.items, sizeof *owed);
        assert_non_null(owed);
        for (size_t i = 0; i < shape.items; i++)
            owed[i] = prng_below(&r, 3);
        for (int a = 0; a < ALGORITHMS; a++)
            assert_int_equal(allocator_sort(c.allocator, (enum algorithm)a, CANDIDATES_KEPT),
                             HEED_OK);
        for (size_t turn = 0; turn < 100; turn++) {
            struct feed_request q = crowd_request(&c, turn * 3 % c.histories.n);
            struct slot steps[FEED_MAX], scan[FEED_MAX];
            size_t steps_n, scan_n;
            q.algorithm = (enum algorithm)(turn % ALGORITHMS);
            q.k = 1 + (uint32_t)prng_below(&r, FEED_MAX);
            q.owed = turn % 3 == 0 ? owed : NULL;
            q.owed_slots = 5;
            allocator_feed(c.allocator, &q, steps, &steps_n);
            allocator_feed(exact, &q, scan, &scan_n);
            if (differences(steps, steps_n, scan, scan_n) > 0)
                fail_msg("seed %llu, turn %zu, %s: %zu of %zu slots differ",
                         (unsigned long long)seed, turn, algorithm_name(q.algorithm),
                         differences(steps, steps_n, scan, scan_n), scan_n);
        }
        free(owed);
        allocator_free(exact);
        crowd_deinit(&c);
    }
}

static void the_reasons_of_a_slot_add_up_to_its_score(void **state)
{
    (void)state;
    static const int32_t mixes[][4] = {
        {200, 200, 300, 300}, {1, 1, 1, 0}, {0, 0, 0, 0}, {500, -250, 1000, 90}, {0, 0, 0, 7}};
    for (size_t m = 0; m < sizeof mixes / sizeof *mixes; m++) {
        struct prng r;
        prng_seed(&r, m);
        struct allocation_rules rules = default_rules;
        memcpy(rules.mix_milli, mixes[m], sizeof rules.mix_milli);
        struct crowd c;
        crowd_init(&c, &r, &(struct crowd_shape){200, 50, 10, 1, 0.9, 0}, &rules);
        for (size_t u = 0; u < c.histories.n; u++)
            for (int a = 0; a < ALGORITHMS; a++) {
                struct feed_request q = crowd_request(&c, u);
                struct slot slots[FEED_MAX];
                size_t n;
                q.algorithm = (enum algorithm)a;
                allocator_feed(c.allocator, &q, slots, &n);
                assert_int_equal(n, rules.k);
                for (size_t i = 0; i < n; i++) {
                    int64_t sum = 0, weights = 0;
                    for (int j = 0; j < SLOT_REASONS; j++) {
                        assert_in_range(slots[i].value_ppm[j], 0, 1000000);
                        sum += (int64_t)slots[i].value_ppm[j] * slots[i].weight_ppm[j];
                        weights += labs((long)slots[i].weight_ppm[j]);
                    }
                    assert_true(weights == 0 || labs((long)(weights - 1000000)) <= 2);
                    assert_true(llabs((long long)(sum - slots[i].score_ppm * INT64_C(1000000))) <=
                                1500000); /* each value and the score are rounded to half a ppm */
                }
            }
        crowd_deinit(&c);
    }
}

/* ── small worlds by hand ── */

static const uint8_t all_eligible[6] = {1, 1, 1, 1, 1, 1};
static const double six_popular[6] = {60, 50, 40, 30, 20, 10};
static const double six_good[6] = {0, 0.1, 0.2, 0.3, 0.4, 0.5};
static const struct allocation_items six = {6, all_eligible, six_popular, six_good, six_good};

static void assert_feed(struct allocator *a, const struct feed_request *q, const uint32_t *items,
                        size_t n, size_t paying)
{
    struct slot slots[FEED_MAX];
    size_t got;
    allocator_feed(a, q, slots, &got);
    assert_int_equal(got, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(slots[i].item, items[i]);
        assert_int_equal(slots[i].value_ppm[REASON_FLOOR], i >= n - paying ? 1000000 : 0);
        assert_int_equal(slots[i].weight_ppm[REASON_FLOOR], 0);
    }
}

static void the_last_slots_pay_debts_to_what_is_most_relevant(void **state)
{
    (void)state;
    /* items 0 and 5 go together */
    const uint64_t offsets[] = {0, 2};
    const uint32_t together[] = {0, 5};
    const struct allocation_histories h = {.n = 1, .offsets = offsets, .items = together};
    const struct allocation_rules r = {.k = 3, .neighbours = 5, .max_history = 5};
    struct relevance *m;
    struct allocator *a;
    assert_int_equal(relevance_build(&h, 6, &r, &m), HEED_OK);
    assert_int_equal(allocator_new(&six, m, &r, &a), HEED_OK);

    uint64_t owed[6] = {0, 0, 0, 9, 7, 5};
    const uint32_t likes[] = {0};
    struct feed_request q = {
        .algorithm = ALGORITHM_EXPOSURE, .k = 3, .owed = owed, .owed_slots = 1};
    assert_feed(a, &q, (const uint32_t[]){0, 1, 3}, 3, 1); /* a stranger: the greatest debt */
    q.history = likes;
    q.history_n = 1;
    assert_feed(a, &q, (const uint32_t[]){0, 1, 5}, 3, 1); /* 5 goes with 0 */
    q.owed_slots = 2;
    assert_feed(a, &q, (const uint32_t[]){0, 5, 3}, 3, 2);
    q.owed_slots = 100;
    assert_feed(a, &q, (const uint32_t[]){5, 3, 4}, 3, 3);
    owed[1] = 1; /* would be there anyhow: is not shown twice */
    q.owed_slots = 1;
    assert_feed(a, &q, (const uint32_t[]){0, 1, 5}, 3, 1);
    q.blocked = (const uint32_t[]){5, 999};
    q.blocked_n = 2;
    assert_feed(a, &q, (const uint32_t[]){0, 1, 3}, 3, 1);
    memset(owed, 0, sizeof owed);
    assert_feed(a, &q, (const uint32_t[]){0, 1, 2}, 3, 0);
    owed[2] = 1; /* fewer debts than slots for them: the best items keep the rest */
    q.owed_slots = 3;
    assert_feed(a, &q, (const uint32_t[]){0, 1, 2}, 3, 1);
    allocator_free(a);
    relevance_free(m);
}

static void a_feed_without_relevance_or_items_is_a_feed_all_the_same(void **state)
{
    (void)state;
    const struct allocation_rules r = {.k = 3, .neighbours = 5, .max_history = 5};
    struct allocator *a;
    assert_int_equal(allocator_new(&six, NULL, &r, &a), HEED_OK);
    struct feed_request q = {.algorithm = ALGORITHM_RELEVANCE, .k = 2};
    assert_feed(a, &q, (const uint32_t[]){5, 4}, 2, 0); /* quality decides */
    q.k = 50;
    q.algorithm = ALGORITHM_EXPOSURE;
    assert_feed(a, &q, (const uint32_t[]){0, 1, 2, 3, 4, 5}, 6, 0);
    q.k = 0;
    assert_feed(a, &q, NULL, 0, 0);
    allocator_free(a);

    const struct allocation_items none = {0};
    assert_int_equal(allocator_new(&none, NULL, &r, &a), HEED_OK);
    q.k = 5;
    assert_feed(a, &q, NULL, 0, 0);
    allocator_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exposure_of_a_rank_is_the_discount_of_dcg),
        cmocka_unit_test(names_lead_back_to_their_algorithms),
        cmocka_unit_test(relevance_is_the_cosine_of_who_attended),
        cmocka_unit_test(relevance_is_that_of_the_dense_twin),
        cmocka_unit_test(a_feed_is_the_head_of_the_sorted_list),
        cmocka_unit_test(a_large_catalogue_in_two_steps_gives_the_feeds_of_the_exact_scan),
        cmocka_unit_test(the_reasons_of_a_slot_add_up_to_its_score),
        cmocka_unit_test(the_last_slots_pay_debts_to_what_is_most_relevant),
        cmocka_unit_test(a_feed_without_relevance_or_items_is_a_feed_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
