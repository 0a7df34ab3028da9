/* Matrices, splits and measures of offline evaluation beside naive twins, and what is refused.
 *
 * Each twin is written from the definition with loops over a full matrix; inputs are drawn from
 * seeds, which a failure prints. */
#include "support_fault.h"
#include "support_models.h"
#include "support_world.h"

#include "allocation/eval.h"
#include "allocation/top.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ── sparse ── */

static void transposing_twice_sorts_and_loses_nothing(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        size_t rows = prng_below(&r, 12), columns = 1 + prng_below(&r, 12);
        struct sparse m, t;
        double *x = random_matrix(&r, rows, columns, .3, &m);
        m.value = malloc((sparse_count(&m) + 1) * sizeof *m.value);
        for (size_t u = 0; u < rows; u++) /* values tell where they came from; rows backwards */
            for (uint64_t i = m.at[u], j = m.at[u + 1]; i < j--; i++) {
                uint32_t swap = m.column[i];
                m.column[i] = m.column[j];
                m.column[j] = swap;
            }
        for (size_t u = 0; u < rows; u++)
            for (uint64_t i = m.at[u]; i < m.at[u + 1]; i++)
                m.value[i] = (float)(u * columns + m.column[i]);
        assert_int_equal(sparse_transpose(&m, &t), HEED_OK);
        assert_int_equal(sparse_count(&t), sparse_count(&m));
        for (size_t i = 0; i < columns; i++) {
            struct sparse_row row = sparse_row(&t, i);
            for (size_t j = 0; j < row.n; j++) {
                assert_true(j == 0 || row.column[j] > row.column[j - 1]);
                assert_true(x[row.column[j] * columns + i] == 1);
                assert_true(row.value[j] == (float)(row.column[j] * columns + i));
            }
        }
        assert_int_equal(sparse_sort(&m), HEED_OK);
        for (size_t u = 0; u < rows; u++)
            for (size_t i = 0; i < columns; i++)
                assert_int_equal(sparse_has(sparse_row(&m, u), (uint32_t)i),
                                 x[u * columns + i] == 1);
        sparse_deinit(&m);
        sparse_deinit(&t);
        free(x);
    }
}

/* ── the best few ── */

static void the_best_few_are_those_of_a_full_sort(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        uint32_t n = (uint32_t)prng_below(&r, 60);
        size_t max = prng_below(&r, 40); /* kept sorted, and as a heap */
        uint32_t *order = top_order(n, seed);
        struct top_item room[40];
        double score[60];
        bool permuted[60] = {false};
        struct top top = top_of(room, max, order);
        for (uint32_t i = 0; i < n; i++) {
            assert_false(permuted[order[i]]);
            permuted[order[i]] = true;
            score[i] = (double)prng_below(&r, 8); /* with ties */
            top_offer(&top, i, score[i]);
        }
        size_t got = top_sort(&top);
        assert_int_equal(got, n < max ? n : max);
        bool used[60] = {false};
        for (size_t p = 0; p < got; p++) {
            uint32_t best = UINT32_MAX;
            for (uint32_t i = 0; i < n; i++)
                if (!used[i] && (best == UINT32_MAX || score[i] > score[best] ||
                                 (score[i] == score[best] && order[i] < order[best])))
                    best = i;
            used[best] = true;
            if (room[p].item != best)
                fail_msg("place %zu: %u, expected %u (seed %llu)", p, room[p].item, best,
                         (unsigned long long)seed);
        }
        free(order);
    }
}

/* ── splits ── */

static void add(struct interactions *x, uint32_t user, uint32_t item, int64_t time)
{
    char u[16], i[16];
    struct heed_error err = {0};
    snprintf(u, sizeof u, "u%u", user);
    snprintf(i, sizeof i, "i%u", item);
    assert_int_equal(interactions_add(x, str_of(u), str_of(i), STR("view"), 1, time, &err),
                     HEED_OK);
}

static int64_t earliest(const struct interactions *x, uint32_t user, uint32_t item)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < x->n; i++)
        if (x->rows[i].user == user && x->rows[i].item == item && x->rows[i].time_ms < first)
            first = x->rows[i].time_ms;
    return first;
}

static int by_id(const struct interactions *x, uint32_t a, uint32_t b)
{
    char s[16], t[16];
    struct str p = intern_str(&x->items, a), q = intern_str(&x->items, b);
    snprintf(s, sizeof s, "%.*s", STR_ARG(p));
    snprintf(t, sizeof t, "%.*s", STR_ARG(q));
    return strcmp(s, t);
}

/* Whether (user, item) is tested, in training or neither, from the definition. 0, 1 train, 2 test.
 */
static int twin_place(const struct interactions *x, uint32_t user, uint32_t item,
                      enum split_kind kind)
{
    size_t place[64], n = 0; /* first rows of the user's items */
    for (size_t i = 0; i < x->n; i++) {
        bool again = x->rows[i].user != user;
        for (size_t j = 0; j < n; j++)
            again = again || x->rows[place[j]].item == x->rows[i].item;
        if (!again)
            place[n++] = i;
    }
    size_t mine = n;
    for (size_t j = 0; j < n; j++)
        if (x->rows[place[j]].item == item)
            mine = j;
    if (mine == n)
        return 0;
    if (kind == SPLIT_COLD_ITEMS) { /* the item's place among all items by first row */
        bool known = false;
        for (size_t j = 0; j < n; j++) /* handles are given in file order */
            known = known || x->rows[place[j]].item % 5 != 4;
        return !known ? 0 : item % 5 == 4 ? 2 : 1;
    }
    if (kind == SPLIT_EVERY_5TH)
        return n < 5 ? 0 : mine % 5 == 4 ? 2 : 1;
    if (kind == SPLIT_LEAVE_ONE_OUT) {
        for (size_t j = 0; j < n; j++) {
            uint32_t other = x->rows[place[j]].item;
            int64_t a = earliest(x, user, other), b = earliest(x, user, item);
            if (a > b || (a == b && by_id(x, other, item) > 0))
                return n < 2 ? 0 : 1;
        }
        return n < 2 ? 0 : 2;
    }
    /* by time: the pair's earliest row against the latest fifth of all pairs' earliest rows */
    size_t pairs = 0;
    bool before = false;
    int64_t cut = INT64_MAX;
    static bool first[4096];
    for (size_t i = 0; i < x->n; i++) {
        first[i] = true;
        for (size_t j = 0; j < i; j++)
            first[i] = first[i] &&
                       !(x->rows[j].user == x->rows[i].user && x->rows[j].item == x->rows[i].item);
        pairs += first[i];
    }
    for (size_t i = 0; i < x->n;
         i++) { /* the latest time with a fifth of the pairs at or after it */
        size_t after = 0;
        int64_t here = earliest(x, x->rows[i].user, x->rows[i].item);
        for (size_t j = 0; j < x->n; j++)
            after += first[j] && earliest(x, x->rows[j].user, x->rows[j].item) >= here;
        if (first[i] && 5 * after >= pairs && (cut == INT64_MAX || here > cut))
            cut = here;
    }
    for (size_t j = 0; j < n; j++)
        before = before || earliest(x, user, x->rows[place[j]].item) < cut;
    return !before ? 0 : earliest(x, user, item) >= cut ? 2 : 1;
}

static void splits_are_as_defined(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        struct interactions x;
        interactions_init(&x);
        size_t rows = 40 + prng_below(&r, 60);
        for (size_t i = 0; i < rows; i++)
            add(&x, (uint32_t)prng_below(&r, 8), (uint32_t)prng_below(&r, 14),
                (int64_t)prng_below(&r, 40));
        for (int kind = SPLIT_EVERY_5TH; kind <= SPLIT_COLD_ITEMS; kind++) {
            struct split s;
            struct heed_error err = {0};
            if (split_make(&x, (enum split_kind)kind, &s, &err) != HEED_OK)
                fail_msg("%s: %s (seed %llu)", err.where, err.message, (unsigned long long)seed);
            size_t row = 0;
            for (uint32_t u = 0; u < x.users.count; u++) {
                bool kept = row < s.train.rows && s.user[row] == u;
                for (uint32_t i = 0; i < x.items.count; i++) {
                    int got = !kept                                      ? 0
                              : sparse_has(sparse_row(&s.train, row), i) ? 1
                              : sparse_has(sparse_row(&s.test, row), i)  ? 2
                                                                         : 0;
                    int expected = twin_place(&x, u, i, (enum split_kind)kind);
                    if (got != expected)
                        fail_msg("split %d, user %u, item %u: %d, expected %d (seed %llu)", kind, u,
                                 i, got, expected, (unsigned long long)seed);
                }
                row += kept;
            }
            assert_int_equal(row, s.train.rows);
            assert_int_equal(s.train.columns, x.items.count);
            assert_int_equal(s.left_out, x.users.count - row);
            split_deinit(&s);
        }
        interactions_deinit(&x);
    }
}

/* Rows with repeated pairs and times, in any order: the same pairs are hidden. */
static void by_time_the_order_of_the_file_is_nothing(void **unused)
{
    (void)unused;
    enum { ROWS = 120, USERS = 8, ITEMS = 14 };
    for (uint64_t seed = 1; seed <= 8; seed++) {
        uint32_t row[ROWS][3];
        static int place[2][2][USERS][ITEMS];
        struct prng r;
        prng_seed(&r, seed);
        for (size_t i = 0; i < ROWS; i++) {
            row[i][0] = (uint32_t)prng_below(&r, USERS);
            row[i][1] = (uint32_t)prng_below(&r, ITEMS);
            row[i][2] = (uint32_t)prng_below(&r, 40);
        }
        memset(place, 0, sizeof place);
        for (size_t turn = 0; turn < 2; turn++) {
            struct interactions x;
            interactions_init(&x);
            for (size_t i = 0; i < ROWS; i++) {
                const uint32_t *w = row[turn ? ROWS - 1 - i : i];
                add(&x, w[0], w[1], w[2]);
            }
            for (size_t by = 0; by < 2; by++) {
                struct split s;
                struct heed_error err = {0};
                assert_int_equal(split_make(&x, by ? SPLIT_LEAVE_ONE_OUT : SPLIT_TIME, &s, &err),
                                 HEED_OK);
                for (size_t k = 0; k < s.train.rows; k++)
                    for (uint32_t i = 0; i < x.items.count; i++) {
                        long u = strtol(intern_str(&x.users, s.user[k]).p + 1, NULL, 10);
                        long item = strtol(intern_str(&x.items, i).p + 1, NULL, 10);
                        place[turn][by][u][item] = sparse_has(sparse_row(&s.train, k), i)  ? 1
                                                   : sparse_has(sparse_row(&s.test, k), i) ? 2
                                                                                           : 0;
                    }
                split_deinit(&s);
            }
            interactions_deinit(&x);
        }
        if (memcmp(place[0], place[1], sizeof place[0]) != 0)
            fail_msg("the order of the rows shows (seed %llu)", (unsigned long long)seed);
    }
}

static void a_split_that_tests_nobody_says_what_it_needs(void **unused)
{
    (void)unused;
    static const struct {
        enum split_kind kind;
        const char *needs;
    } rows[] = {{SPLIT_EVERY_5TH, "five items"},
                {SPLIT_LEAVE_ONE_OUT, "two items"},
                {SPLIT_COLD_ITEMS, "the fifth"},
                {SPLIT_TIME, "column time"}};
    struct interactions x;
    interactions_init(&x);
    for (uint32_t i = 0; i < 2; i++) {
        struct split s;
        struct heed_error err = {0};
        assert_int_equal(split_make(&x, SPLIT_EVERY_5TH, &s, &err), HEED_INPUT);
        assert_non_null(strstr(err.message, "two are needed"));
        add(&x, i, i, INTERACTIONS_NO_TIME);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct split s;
        struct heed_error err = {0};
        assert_int_equal(split_make(&x, rows[i].kind, &s, &err), HEED_INPUT);
        assert_non_null(strstr(err.message, rows[i].needs));
        assert_null(s.user);
    }
    interactions_deinit(&x);
}

/* ── measures ── */

static void measures_are_as_defined(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        size_t users = 1 + prng_below(&r, 8), items = 2 + prng_below(&r, 12);
        size_t k = 1 + prng_below(&r, items);
        struct sparse test;
        double *truth = random_matrix(&r, users, items, .25, &test);
        uint32_t *shown = malloc(users * k * sizeof *shown);
        double exposure[14] = {0}, sum = 0;
        double ndcg = 0, recall = 0, precision = 0, map = 0, mrr = 0, n = 0;
        for (size_t u = 0; u < users; u++) {
            uint32_t *order = top_order(items, seed * 100 + u);
            size_t length = prng_below(&r, k + 1), tests = 0;
            for (size_t p = 0; p < k; p++)
                shown[u * k + p] = p < length ? order[p] : RANKING_NONE;
            for (size_t i = 0; i < items; i++)
                tests += truth[u * items + i] == 1;
            double gain = 0, ideal = 0, hits = 0, average = 0, reciprocal = 0;
            for (size_t p = 0; p < length && tests; p++) {
                exposure[order[p]] += 1 / log2((double)p + 2);
                if (truth[u * items + order[p]] != 1)
                    continue;
                gain += 1 / log2((double)p + 2);
                size_t upto = 0;
                for (size_t q = 0; q <= p; q++)
                    upto += truth[u * items + order[q]] == 1;
                average += (double)upto / (double)(p + 1);
                if (hits == 0)
                    reciprocal = 1 / (double)(p + 1);
                hits++;
            }
            for (size_t p = 0; p < k && p < tests; p++)
                ideal += 1 / log2((double)p + 2);
            free(order);
            if (!tests)
                continue;
            n++;
            ndcg += gain / ideal;
            recall += hits / (double)tests;
            precision += hits / (double)k;
            map += average / (double)(tests < k ? tests : k);
            mrr += reciprocal;
        }
        struct metrics m;
        assert_int_equal(metrics_of(shown, k, &test, &m), HEED_OK);
        assert_int_equal(m.users, (size_t)n);
        if (n > 0) {
            near(m.ndcg, ndcg / n, 1e-12, "ndcg", seed);
            near(m.recall, recall / n, 1e-12, "recall", seed);
            near(m.precision, precision / n, 1e-12, "precision", seed);
            near(m.map, map / n, 1e-12, "map", seed);
            near(m.mrr, mrr / n, 1e-12, "mrr", seed);
        }
        /* Gini as half the mean difference over the mean */
        double least = INFINITY, differences = 0, covered = 0;
        for (size_t i = 0; i < items; i++) {
            sum += exposure[i];
            covered += exposure[i] > 0;
            least = fmin(least, exposure[i]);
            for (size_t j = 0; j < items; j++)
                differences += fabs(exposure[i] - exposure[j]);
        }
        double count = (double)items;
        near(m.coverage, covered / count, 1e-12, "coverage", seed);
        near(m.gini, sum > 0 ? differences / (2 * count * sum) : 0, 1e-12, "gini", seed);
        near(m.min_exposure, sum > 0 ? least * count / sum : 0, 1e-12, "min_exposure", seed);
        free(shown);
        free(truth);
        sparse_deinit(&test);
    }
}

/* ── the whole ── */

static void fill_log(struct interactions *x, uint64_t seed, size_t users, size_t items, size_t rows)
{
    struct prng r;
    prng_seed(&r, seed);
    interactions_init(x);
    for (size_t i = 0; i < rows; i++)
        add(x, (uint32_t)prng_below(&r, users), (uint32_t)prng_below(&r, items), (int64_t)i);
}

static void a_ranking_offers_nothing_seen_and_all_else_in_order(void **unused)
{
    (void)unused;
    struct interactions x;
    struct split s;
    struct heed_error err = {0};
    fill_log(&x, 5, 20, 15, 200);
    assert_int_equal(split_make(&x, SPLIT_EVERY_5TH, &s, &err), HEED_OK);
    size_t items = s.train.columns, k = items;
    struct model_spec spec = spec_of("random", "");
    struct sparse turned;
    assert_int_equal(sparse_transpose(&s.train, &turned), HEED_OK);
    struct drawn d = {.training = {.users = &s.train, .items = &turned, .seed = 5, .threads = 1}};
    void *model = trained(&d, &spec);
    uint32_t *shown = malloc(s.test.rows * k * sizeof *shown);
    double *score = malloc(items * sizeof *score);
    const struct eval_options o = {.k = k, .seed = 5, .threads = 2};
    assert_int_equal(eval_rank(spec.kind, model, &s, &o, shown, &err), HEED_OK);
    for (size_t u = 0; u < s.test.rows; u++) {
        struct sparse_row history = sparse_row(&s.train, u);
        assert_int_equal(spec.kind->score(model, u, history, score), HEED_OK);
        for (size_t p = 0; p < k; p++) {
            if (p >= items - history.n) {
                assert_int_equal(shown[u * k + p], RANKING_NONE);
                continue;
            }
            assert_false(sparse_has(history, shown[u * k + p]));
            assert_true(p == 0 || score[shown[u * k + p - 1]] >= score[shown[u * k + p]]);
        }
    }
    free(score);
    free(shown);
    spec.kind->free(model);
    sparse_deinit(&turned);
    split_deinit(&s);
    interactions_deinit(&x);
}

/* 12 genres of 10 items; a user takes from two genres. Of items that nobody had in training, those
 * of his genres must come first: by chance a tenth of the places would be hits. */
static void an_item_nobody_had_is_found_by_its_attributes(void **unused)
{
    (void)unused;
    enum { USERS = 120, GENRES = 12, EACH = 10, ITEMS = GENRES * EACH };
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct interactions x;
        struct split s;
        struct prng r;
        struct sparse genres;
        struct heed_error err = {0};
        struct eval_result results[MODELS_MAX];
        struct model_spec specs[MODELS_MAX];
        size_t n;
        prng_seed(&r, seed);
        interactions_init(&x);
        for (uint32_t u = 0; u < USERS; u++)
            for (int j = 0; j < 30; j++) {
                uint32_t genre = (u + (uint32_t)prng_below(&r, 2) * (1 + u / GENRES)) % GENRES;
                add(&x, u, (uint32_t)prng_below(&r, EACH) * GENRES + genre, 0);
            }
        assert_int_equal(x.items.count, ITEMS);
        assert_int_equal(sparse_init(&genres, GENRES, ITEMS, ITEMS, true), HEED_OK);
        for (uint32_t g = 0; g < GENRES; g++) {
            uint64_t at = genres.at[g];
            for (uint32_t i = 0; i < ITEMS; i++)
                if (strtoul(intern_str(&x.items, i).p + 1, NULL, 10) % GENRES == g) {
                    genres.column[at] = i;
                    genres.value[at++] = (float)sqrt(.5);
                }
            genres.at[g + 1] = at;
        }
        assert_int_equal(split_make(&x, SPLIT_COLD_ITEMS, &s, &err), HEED_OK);
        assert_int_equal(model_names_parse(STR("random,popularity,blend"), specs, &n, &err),
                         HEED_OK);
        const struct eval_options o = {.models = specs,
                                       .models_n = n,
                                       .k = 3,
                                       .seed = seed,
                                       .threads = 1,
                                       .features = &genres};
        assert_int_equal(eval_run(&s, &o, results, &err), HEED_OK);
        double chance = fmax(results[0].metrics.ndcg, results[1].metrics.ndcg);
        if (!(results[2].metrics.ndcg > 3 * chance && results[2].metrics.ndcg > .6))
            fail_msg("ndcg %.3f beside %.3f by chance (seed %llu)", results[2].metrics.ndcg, chance,
                     (unsigned long long)seed);
        /* what somebody had is not offered */
        assert_true(results[0].metrics.coverage <= .2);
        sparse_deinit(&genres);
        split_deinit(&s);
        interactions_deinit(&x);
    }
}

static void what_cannot_be_evaluated_is_named(void **unused)
{
    (void)unused;
    static const struct {
        const char *algorithm, *params;
        size_t items, k;
        const char *message;
    } rows[] = {
        {"popularity", "", 12, 13, "catalogue of 12"},
        {"popularity", "", 12, 0, "--k from 1"},
        {"popularity", "", 1, 1, "nothing to choose"},
        {"ease", "lambda=0", 12, 3, "singular at lambda 0"},
        {"ease", "lambda=1e-9", 12, 3, "singular at lambda 1e-09, or nearly so"},
        {"ease", "lambda=1e-9,neighbours=3", 12, 3, "singular at lambda 1e-09, or nearly so"},
        {"ials", "lambda=0,factors=40", 12, 3, "singular at lambda 0"},
        {"ials", "lambda=0,alpha=1e-9,factors=40", 12, 3, "singular at lambda 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        /* twelve users alike: 8 items each, of which the fifth is tested */
        struct interactions x;
        struct split s;
        struct heed_error err = {0};
        interactions_init(&x);
        for (uint32_t u = 0; u < 12; u++)
            for (uint32_t j = 0; j < rows[i].items; j++)
                add(&x, u, j, j);
        enum split_kind kind = rows[i].items > 4 ? SPLIT_EVERY_5TH : SPLIT_LEAVE_ONE_OUT;
        if (rows[i].items == 1) { /* no split of one item tests anybody: made by hand */
            s = (struct split){0};
            assert_int_equal(sparse_init(&s.train, 1, 1, 0, false), HEED_OK);
            assert_int_equal(sparse_init(&s.test, 1, 1, 0, false), HEED_OK);
        } else {
            assert_int_equal(split_make(&x, kind, &s, &err), HEED_OK);
        }
        struct model_spec spec = spec_of(rows[i].algorithm, rows[i].params);
        struct eval_result result;
        const struct eval_options o = {
            .models = &spec, .models_n = 1, .k = rows[i].k, .seed = 1, .threads = 2};
        assert_int_equal(eval_run(&s, &o, &result, &err), HEED_RANGE);
        if (!strstr(err.message, rows[i].message))
            fail_msg("row %zu: %s", i, err.message);
        split_deinit(&s);
        interactions_deinit(&x);
    }
}

static void names_and_settings_are_checked(void **unused)
{
    (void)unused;
    static const struct {
        const char *names, *params, *message; /* NULL: accepted */
    } rows[] = {
        {"ease,ials", "lambda=3,ials.factors=8", NULL},
        {" knn , random", "knn.shrink=.5", NULL},
        {"blend", "blend.popularity=-1,tilt=0", NULL},
        {"ESAE", "", "no 'ESAE'; there are random"},
        {"", "", "no ''"},
        {"ease,,knn", "", "no ''"},
        {"ease,ease", "", "named twice"},
        {"ease", "lambda", "name=value"},
        {"ease", "lambda=nan", "not 'nan'"},
        {"ease", "lambda=inf", "not 'inf'"},
        {"ease", "lambda=-1", "from 0"},
        {"ease", "lambda=3x", "not '3x'"},
        {"ease", "lambda=", "not ''"},
        {"ease", "factors=3", "they have ease.lambda"},
        {"ease", "ials.lambda=3", "they have ease.lambda"},
        {"random", "lambda=3", "they have none"},
        {"ials", "factors=3.5", "a whole number"},
        {"ials", "solver=exact,factors=8", NULL},
        {"ials", "ials.solver=cg,steps=2", NULL},
        {"ials", "solver=qr", "one of exact|cg, not 'qr'"},
        {"ials", "solver=1", "not '1'"},
        {"ials", "solver=", "not ''"},
        {"ials", "steps=0", "from 1 to 1000"},
        {"ials", "steps=2.5", "a whole number"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model_spec specs[MODELS_MAX];
        struct heed_error err = {0};
        size_t n = 0;
        enum heed_status status = model_names_parse(str_of(rows[i].names), specs, &n, &err);
        if (status == HEED_OK && *rows[i].params)
            status = model_params_parse(str_of(rows[i].params), specs, n, &err);
        assert_int_equal(status, rows[i].message ? HEED_USAGE : HEED_OK);
        if (rows[i].message && (!strstr(err.message, rows[i].message)))
            fail_msg("row %zu: %s", i, err.message);
    }
    struct model_spec specs[MODELS_MAX];
    size_t n = 0;
    assert_int_equal(model_names_parse(STR("ease,ials"), specs, &n, NULL), HEED_OK);
    assert_int_equal(model_params_parse(STR("lambda=3,ials.factors=8"), specs, n, NULL), HEED_OK);
    assert_true(specs[0].param[0] == 3 && specs[1].param[1] == 3 && specs[1].param[0] == 8);
}

static void steps_are_refused_where_nothing_takes_any(void **unused)
{
    (void)unused;
    struct interactions x;
    struct split s;
    struct heed_error err = {0};
    struct eval_result result;
    interactions_init(&x);
    for (uint32_t u = 0; u < 12; u++)
        for (uint32_t j = 0; j < 8; j++)
            add(&x, u, j + u % 3, j);
    assert_int_equal(split_make(&x, SPLIT_EVERY_5TH, &s, &err), HEED_OK);
    struct model_spec spec = spec_of("ials", "factors=3,solver=exact,steps=5");
    const struct eval_options o = {.models = &spec, .models_n = 1, .k = 3, .seed = 1, .threads = 2};
    assert_int_equal(eval_run(&s, &o, &result, &err), HEED_USAGE);
    assert_non_null(strstr(err.message, "steps=5 is of solver=cg alone"));
    split_deinit(&s);
    interactions_deinit(&x);
}

static void memory_that_runs_out_is_said_and_nothing_leaks(void **unused)
{
    (void)unused;
    for (long nth = 1;; nth++) {
        struct interactions x;
        struct split s;
        struct heed_error err = {0};
        struct model_spec specs[MODELS_MAX];
        struct eval_result results[MODELS_MAX];
        size_t n = 0;
        fill_log(&x, 7, 10, 12, 90);
        assert_int_equal(
            model_names_parse(STR("random,popularity,knn,ease,ials,blend"), specs, &n, &err),
            HEED_OK);
        assert_int_equal(
            model_params_parse(STR("factors=4,iterations=2,blend.neighbours=3"), specs, n, &err),
            HEED_OK);
        const struct eval_options o = {
            .models = specs, .models_n = n, .k = 3, .seed = 1, .threads = 1};
        fault_fail_at(nth);
        enum heed_status status = split_make(&x, SPLIT_EVERY_5TH, &s, &err);
        if (status == HEED_OK)
            status = eval_run(&s, &o, results, &err);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        split_deinit(&s);
        interactions_deinit(&x);
        if (!fault_fired())
            break;
    }
}

/* A file of this text, read with the nth allocation failing. */
static enum heed_status read_with_fault(const char *path, long nth)
{
    struct interactions x;
    struct item_table t = {0};
    struct heed_error err = {0};
    interactions_init(&x);
    fault_fail_at(nth);
    struct sparse features = {0};
    enum heed_status status = interactions_read(&x, path, NULL, NULL, NULL, &err);
    if (status == HEED_OK)
        status = item_table_read(&t, path, &x, &err);
    if (status == HEED_OK)
        status = item_features(&t, x.items.count, &features);
    fault_off();
    sparse_deinit(&features);
    if (status == HEED_OK) {
        assert_int_equal(x.n, 2);
        assert_int_equal(x.rows[1].time_ms, 60000);
        assert_true(x.rows[0].amount == 2.5);
        assert_int_equal(t.rows, 2);
        assert_int_equal(t.columns_n, 4);
        assert_true(str_is(t.cells[t.row_of[1] * t.columns_n + 0], "60"));
        assert_true(str_is(t.columns[3], "verb"));
    }
    item_table_deinit(&t);
    interactions_deinit(&x);
    return status;
}

static void a_file_is_read_or_memory_said_to_be_short(void **unused)
{
    (void)unused;
    char *path = test_path("events.csv");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("target,time,user,amount,verb\nx,30,ann,2.5,like\ny,60,bob,,\n", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(read_with_fault(path, 0), HEED_OK);
    for (long nth = 1;; nth++) {
        enum heed_status status = read_with_fault(path, nth);
        if (!fault_fired())
            break;
        assert_int_equal(status, HEED_NOMEM);
    }
    free(path);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void attributes_that_items_share_become_features(void **unused)
{
    (void)unused;
    static const char events[] = "user,target\nann,a\nann,b\nann,c\nann,d\nann,e\nann,f\n";
    static const struct {
        const char *what, *file;
        const char *features[8]; /* items that share one, times 100 its value, in order of text */
    } rows[] = {
        {"words of names, and first words together",
         "id,name\na,Half-Life 2\nb,half life: two\nc,2 Worlds\nd,\xe6\xb8\xb8 x\ne,\xe6\xb8\xb8 "
         "y\n",
         {"ab@100", "ab@100", "ab@141", "ab@141", "ac@141", "de@100", "de@141"}},
        {"a word twice counts once", "id,title\na,ha ha\nb,ha\n", {"ab@100", "ab@141"}},
        {"pieces of other columns, whole, with blanks inside",
         "id,genre,tag\na,Free to Play;Action,Action\nb,Action| Free to Play,x\nc,Play,Action\n",
         {"ab@70", "ab@70", "ac@70"}},
        {"what more than half share says nothing",
         "id,genre\na,x\nb,x\nc,x\nd,x\ne,y\nf,y\n",
         {"ef@70"}},
        {"numbers are no attributes", "id,price\na,1\nb,1\nc,\n", {NULL}},
        {"a word too long is passed over, what follows is not",
         "id,name\na,"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxx"
         "\nb,z\nc,z\n",
         {"bc@100", "bc@141"}},
        {"items of other files are passed over", "id,name\nq,z\na,z\nr,z\n", {NULL}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct interactions x;
        struct item_table t;
        struct sparse features;
        struct heed_error err = {0};
        char *path = test_path("attributes.csv"), got[8][16];
        FILE *f = fopen(path, "w");
        fputs(events, f);
        assert_int_equal(fclose(f), 0);
        interactions_init(&x);
        assert_int_equal(interactions_read(&x, path, NULL, NULL, NULL, &err), HEED_OK);
        f = fopen(path, "w");
        fputs(rows[i].file, f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(item_table_read(&t, path, &x, &err), HEED_OK);
        assert_int_equal(item_features(&t, x.items.count, &features), HEED_OK);
        assert_true(features.rows <= 8 && features.columns == 6);
        for (size_t r = 0; r < features.rows; r++) {
            struct sparse_row row = sparse_row(&features, r);
            char items[8] = "";
            for (size_t j = 0; j < row.n; j++)
                items[j] = (char)('a' + row.column[j]);
            snprintf(got[r], sizeof *got, "%s@%d", items, (int)(100 * row.value[0]));
        }
        qsort(got, features.rows, sizeof *got, compare_lines);
        for (size_t r = 0; r < 8; r++) {
            const char *expected = rows[i].features[r];
            if ((expected != NULL) != (r < features.rows) ||
                (expected && strcmp(expected, got[r]) != 0))
                fail_msg("%s: row %zu is %s, expected %s", rows[i].what, r,
                         r < features.rows ? got[r] : "not there", expected ? expected : "none");
        }
        sparse_deinit(&features);
        item_table_deinit(&t);
        interactions_deinit(&x);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transposing_twice_sorts_and_loses_nothing),
        cmocka_unit_test(the_best_few_are_those_of_a_full_sort),
        cmocka_unit_test(splits_are_as_defined),
        cmocka_unit_test(by_time_the_order_of_the_file_is_nothing),
        cmocka_unit_test(a_split_that_tests_nobody_says_what_it_needs),
        cmocka_unit_test(measures_are_as_defined),
        cmocka_unit_test(a_ranking_offers_nothing_seen_and_all_else_in_order),
        cmocka_unit_test(an_item_nobody_had_is_found_by_its_attributes),
        cmocka_unit_test(what_cannot_be_evaluated_is_named),
        cmocka_unit_test(names_and_settings_are_checked),
        cmocka_unit_test(steps_are_refused_where_nothing_takes_any),
        cmocka_unit_test(attributes_that_items_share_become_features),
        cmocka_unit_test_teardown(a_file_is_read_or_memory_said_to_be_short, memory_returns),
        cmocka_unit_test_teardown(memory_that_runs_out_is_said_and_nothing_leaks, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
