/* What updates of models are worth on Steam purchases: the hidden purchases found by a model from
 * before, by its update, and by one trained anew.
 *
 * Needs the data folder (support_steam.h); skipped without. Prints docs/allocation.md's table.
 * ctest: LABELS slow-asan
 * ctest: TIMEOUT 900
 */
#include "support_steam.h"

#include "allocation/eval.h"
#include "allocation/versions.h"
#include "base/hash.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { KEEP = 200 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What of the training pairs there was not yet: one in so many people had not come, and one in so
 * many purchases not been made, and the last games not come out. */
struct later {
    uint64_t one_in;
    size_t games;
};

/* The training pairs, or of them those of before. */
struct past {
    uint64_t *offsets;
    uint32_t *items;
    struct allocation_histories h;
};

static struct past past_of(const struct sparse *train, const struct later *missing)
{
    struct past p = {.offsets = calloc(train->rows + 1, sizeof *p.offsets),
                     .items = malloc((sparse_count(train) + 1) * sizeof *p.items)};
    uint64_t n = 0;
    assert_non_null(p.offsets);
    assert_non_null(p.items);
    for (size_t u = 0; u < train->rows; u++) {
        struct sparse_row row = sparse_row(train, u);
        for (size_t i = 0; i < row.n; i++) {
            bool later =
                missing && (hash_u64(u + 1) % missing->one_in == 0 ||
                            row.column[i] + missing->games >= train->columns ||
                            hash_u64((u + 1) << 20 ^ row.column[i]) % missing->one_in == 0);
            if (!later)
                p.items[n++] = row.column[i];
        }
        p.offsets[u + 1] = n;
    }
    p.h = (struct allocation_histories){.n = train->rows, .offsets = p.offsets, .items = p.items};
    return p;
}

static double ndcg_of(const struct model_version *v, const struct split *split)
{
    const struct eval_options o = {.k = 10, .seed = 1, .threads = 2};
    struct stored_model m;
    struct heed_error err = {0};
    struct metrics metrics;
    uint32_t *shown = malloc(split->train.rows * o.k * sizeof *shown);
    assert_non_null(shown);
    assert_int_equal(
        stored_unpack((struct str){v->bytes, v->bytes_n}, v->spec.kind, v->items, &m, &err),
        HEED_OK);
    assert_int_equal(stored_grow(&m, split->train.columns, &err), HEED_OK);
    assert_int_equal(stored_ready(&m, v->spec.param, &err), HEED_OK);
    assert_int_equal(eval_rank(&model_stored, &m, split, &o, shown, &err), HEED_OK);
    assert_int_equal(metrics_of(shown, o.k, &split->test, &metrics), HEED_OK);
    stored_deinit(&m);
    free(shown);
    return metrics.ndcg;
}

static void an_update_finds_nearly_what_training_anew_does(void **unused)
{
    (void)unused;
    static const struct later much = {10, 50}, little = {500, 5};
    static const struct {
        const char *algorithm, *params;
        const struct later *later;
        bool exact;
        double before, updated, anew; /* NDCG@10, measured */
    } rows[] = {
        {"knn", "", &much, true, .3839, .3906, .3906},
        {"knn", "", &little, true, .3906, .3906, .3906},
        {"ease", "lambda=30,neighbours=50", &much, true, .4864, .5009, .5009},
        {"ease", "lambda=30,neighbours=50", &little, false, .5014, .5014, .5009},
        {"ials", "", &much, false, .4259, .4335, .4353},
        {"ials", "", &little, false, .4344, .4348, .4353},
    };
    struct interactions log;
    struct split split;
    struct heed_error err = {0};
    read_steam_purchases(&log);
    assert_int_equal(split_make(&log, SPLIT_EVERY_5TH, &split, &err), HEED_OK);
    size_t items = split.train.columns;
    struct past now = past_of(&split.train, NULL);
    uint64_t all = now.offsets[split.train.rows];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct version_training t = {.keep = KEEP, .seed = 1, .threads = 2, .max_history = items};
        struct model_version before, updated, anew;
        struct past then = past_of(&split.train, rows[i].later);
        size_t n;
        assert_int_equal(model_names_parse(str_of(rows[i].algorithm), &t.spec, &n, &err), HEED_OK);
        if (*rows[i].params)
            assert_int_equal(model_params_parse(str_of(rows[i].params), &t.spec, 1, &err), HEED_OK);
        assert_int_equal(version_train(&then.h, items - rows[i].later->games, &t, &before, &err),
                         HEED_OK);
        double start = now_s();
        assert_int_equal(version_update(&now.h, items, &t, &before, &updated, &err), HEED_OK);
        double middle = now_s();
        assert_int_equal(version_train(&now.h, items, &t, &anew, &err), HEED_OK);
        double end = now_s();
        assert_int_equal(updated.taken, all - then.offsets[split.train.rows]);
        double was = ndcg_of(&before, &split), is = ndcg_of(&updated, &split),
               best = ndcg_of(&anew, &split);
        print_message("%s %s: %llu of %llu new: NDCG@10 %.4f, updated %.4f (%.2f s), anew %.4f "
                      "(%.2f s)\n",
                      rows[i].algorithm, rows[i].params, (unsigned long long)updated.taken,
                      (unsigned long long)all, was, is, middle - start, best, end - middle);
        if (fabs(was - rows[i].before) > .0005 || fabs(is - rows[i].updated) > .0005 ||
            fabs(best - rows[i].anew) > .0005)
            fail_msg("expected %.4f, %.4f, %.4f", rows[i].before, rows[i].updated, rows[i].anew);
        assert_int_equal(rows[i].exact, sha256_eq(updated.checksum, anew.checksum));
        version_deinit(&before);
        version_deinit(&updated);
        version_deinit(&anew);
        free(then.offsets);
        free(then.items);
    }
    free(now.offsets);
    free(now.items);
    split_deinit(&split);
    interactions_deinit(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_finds_nearly_what_training_anew_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
