/* The evaluation on Steam purchases gives the numbers measured there by other means.
 *
 * Needs the data folder (support_steam.h); skipped without.
 * ctest: LABELS slow-asan
 * ctest: TIMEOUT 900
 */
#include "support_steam.h"
#include "support_world.h"

#include "allocation/eval.h"
#include "allocation/stored.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Words of the games' names.                                                                     */
static void read_names(const struct interactions *log, struct sparse *features)
{
    struct reader *reader = NULL;
    struct heed_error err = {0};
    struct csv *csv = steam_member("item_info.dat", &reader);
    struct csv_record rec;
    struct item_table t;
    char *path = test_path("names.csv");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("id,name\n", f);
    while (csv_next(csv, &rec, &err) == CSV_RECORD) {
        fprintf(f, "%.*s,", STR_ARG(rec.fields[0]));
        csv_put_quoted(f, rec.fields[1]);
        fputc('\n', f);
    }
    assert_int_equal(fclose(f), 0);
    csv_free(csv);
    reader_close(reader);
    assert_int_equal(item_table_read(&t, path, log, &err), HEED_OK);
    assert_int_equal(item_features(&t, log->items.count, features), HEED_OK);
    item_table_deinit(&t);
    free(path);
}

static void every_5th_of_steam_purchases_gives_the_published_numbers(void **unused)
{
    (void)unused;
    /* dense EASE on the binary matrix of the same split, not by heed: NDCG@10 and recall@10 */
    static const struct {
        const char *algorithm, *params;
        double ndcg, recall;
    } rows[] = {
        {"popularity", "", .0989, -1},
        {"ease", "lambda=100", .4698, .4813},
        {"ease", "lambda=30", .4822, .4839},
        /* heed's own, held: the aim is .505 */
        {"ease", "lambda=30,neighbours=50", .5009, -1},
        {"blend", "", .5187, .5043},
        {"blend", "features=0", .5084, .4977},
    };
    struct sparse names;
    struct interactions log;
    struct split split;
    struct heed_error err = {0};
    read_steam_purchases(&log);
    assert_int_equal(log.n, 129511);
    assert_int_equal(split_make(&log, SPLIT_EVERY_5TH, &split, &err), HEED_OK);
    assert_int_equal(split.train.rows, 3757);
    assert_int_equal(split.train.columns, 5155);
    assert_int_equal(sparse_count(&split.train), 93411);
    assert_int_equal(sparse_count(&split.test), 21728);
    read_names(&log, &names);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model_spec spec;
        struct eval_result result;
        size_t n;
        assert_int_equal(model_names_parse(str_of(rows[i].algorithm), &spec, &n, &err), HEED_OK);
        if (*rows[i].params)
            assert_int_equal(model_params_parse(str_of(rows[i].params), &spec, 1, &err), HEED_OK);
        const struct eval_options o = {
            .models = &spec, .models_n = 1, .k = 10, .seed = 1, .threads = 2, .features = &names};
        assert_int_equal(eval_run(&split, &o, &result, &err), HEED_OK);
        const struct metrics *m = &result.metrics;
        if (fabs(m->ndcg - rows[i].ndcg) > .0005 ||
            (rows[i].recall > 0 && fabs(m->recall - rows[i].recall) > .0005))
            fail_msg("%s %s: ndcg %.5f, recall %.5f; expected %.4f, %.4f", rows[i].algorithm,
                     rows[i].params, m->ndcg, m->recall, rows[i].ndcg, rows[i].recall);
    }
    sparse_deinit(&names);
    split_deinit(&split);
    interactions_deinit(&log);
}

/* The trained one has .5187; heed's own numbers, held. */
static void a_kept_blend_finds_what_the_trained_one_does(void **unused)
{
    (void)unused;
    static const struct {
        size_t keep;
        double ndcg;
    } rows[] = {{50, .5147}, {100, .5171}, {200, .5184}, {400, .5195}};
    struct sparse names;
    struct interactions log;
    struct split split;
    struct heed_error err = {0};
    struct model_spec spec;
    size_t n;
    void *model;
    read_steam_purchases(&log);
    assert_int_equal(split_make(&log, SPLIT_EVERY_5TH, &split, &err), HEED_OK);
    read_names(&log, &names);
    struct sparse turned;
    assert_int_equal(sparse_transpose(&split.train, &turned), HEED_OK);
    const struct training t = {
        .users = &split.train, .items = &turned, .features = &names, .seed = 1, .threads = 2};
    const struct eval_options o = {.k = 10, .seed = 1, .threads = 2};
    uint32_t *shown = malloc(split.train.rows * o.k * sizeof *shown);
    assert_non_null(shown);
    assert_int_equal(model_names_parse(str_of("blend"), &spec, &n, &err), HEED_OK);
    assert_int_equal(spec.kind->train(&t, spec.param, &model, &err), HEED_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stored_model stored;
        struct metrics m;
        assert_int_equal(stored_make(spec.kind, model, turned.rows, rows[i].keep, &stored, &err),
                         HEED_OK);
        assert_int_equal(stored_ready(&stored, spec.param, &err), HEED_OK);
        assert_int_equal(eval_rank(&model_stored, &stored, &split, &o, shown, &err), HEED_OK);
        assert_int_equal(metrics_of(shown, o.k, &split.test, &m), HEED_OK);
        if (fabs(m.ndcg - rows[i].ndcg) > .0005)
            fail_msg("keep %zu: ndcg %.4f, expected %.4f", rows[i].keep, m.ndcg, rows[i].ndcg);
        stored_deinit(&stored);
    }
    spec.kind->free(model);
    free(shown);
    sparse_deinit(&turned);
    sparse_deinit(&names);
    split_deinit(&split);
    interactions_deinit(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kept_blend_finds_what_the_trained_one_does),
        cmocka_unit_test(every_5th_of_steam_purchases_gives_the_published_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
