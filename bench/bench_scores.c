/* How many users a second are ranked. bench_scores DIR [EVENTS.csv]: splits the acts of the file
 * (else those of drawn.h) by every-5th, trains, and takes the best ten of what each user does not
 * have, on all cores. Prints each model and its users a second, best of five. For a peer to do the
 * same from (32 bits each, little endian): DIR/pairs (user, item), DIR/NAME.top (ten items a user),
 * DIR/ease.weights (floats, items * items), DIR/ials.items (floats, items * FACTORS). */
#include "bench.h"
#include "drawn.h"

#include "allocation/eval.h"
#include "base/error.h"

#include <stdlib.h>
#include <unistd.h>

enum { K = 10, ROUNDS = 5 };

static const char *const models[][3] = {
    {"knn", "knn", "neighbours=50"},
    {"ease", "ease", "lambda=30"},
    {"ease50", "ease", "lambda=30,neighbours=50"},
    {"ials", "ials", "factors=128,lambda=.1,alpha=.1,nu=0,iterations=6"},
};

static FILE *file_in(const char *dir, const char *name)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    return n > 0 && (size_t)n < sizeof path ? fopen(path, "wb") : NULL;
}

static bool written(FILE *f, const void *data, size_t size, size_t n)
{
    bool all = f && fwrite(data, size, n, f) == n;
    return f && fclose(f) == 0 && all;
}

static bool write_weights(const char *dir, const void *model, size_t items)
{
    FILE *f = file_in(dir, "ease.weights");
    float *row = malloc((items + 1) * sizeof *row);
    bool ok = f && row;
    for (size_t i = 0; i < items && ok; i++) {
        for (size_t j = 0; j < items; j++)
            row[j] = ease_weight(model, i, j);
        ok = fwrite(row, sizeof *row, items, f) == items;
    }
    free(row);
    return f && fclose(f) == 0 && ok;
}

static bool write_factors(const char *dir, const void *model, size_t items)
{
    struct ials_view v = ials_view(model);
    float *f = malloc((items * v.factors + 1) * sizeof *f);
    for (size_t i = 0; f && i < items * v.factors; i++)
        f[i] = (float)v.items[i];
    bool ok = f && written(file_in(dir, "ials.items"), f, sizeof *f, items * v.factors);
    free(f);
    return ok;
}

static enum heed_status measure(const char *dir, const struct split *split,
                                const struct sparse *items, size_t which, struct heed_error *err)
{
    struct model_spec spec;
    size_t n, users = split->train.rows;
    void *model = NULL;
    const struct eval_options o = {
        .k = K, .seed = 1, .threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    const struct training t = {
        .users = &split->train, .items = items, .seed = 1, .threads = o.threads};
    uint32_t *shown = malloc((users * K + 1) * sizeof *shown);
    enum heed_status status =
        shown ? model_names_parse(str_of(models[which][1]), &spec, &n, err) : HEED_NOMEM;
    if (status == HEED_OK)
        status = model_params_parse(str_of(models[which][2]), &spec, 1, err);
    if (status == HEED_OK)
        status = spec.kind->train(&t, spec.param, &model, err);
    double best = INFINITY;
    for (int round = 0; round < ROUNDS && status == HEED_OK; round++) {
        double started = now_s();
        status = eval_rank(spec.kind, model, split, &o, shown, err);
        best = fmin(best, now_s() - started);
    }
    if (status == HEED_OK) {
        char name[32];
        snprintf(name, sizeof name, "%s.top", models[which][0]);
        bool ok = written(file_in(dir, name), shown, sizeof *shown, users * K);
        if (ok && str_is(str_of(models[which][0]), "ease"))
            ok = write_weights(dir, model, items->rows);
        if (ok && spec.kind == &model_ials)
            ok = write_factors(dir, model, items->rows);
        if (!ok)
            status = error_set(err, HEED_STORAGE, dir, "cannot be written to");
        printf("%s %.0f\n", models[which][0], (double)users / best);
        fflush(stdout);
    }
    if (model)
        spec.kind->free(model);
    free(shown);
    return status;
}

int main(int argc, char **argv)
{
    struct interactions log;
    struct split split;
    struct sparse items;
    struct heed_error err = {0};
    char pairs[4096];
    interactions_init(&log);
    enum heed_status status = argc < 2   ? HEED_USAGE
                              : argc > 2 ? interactions_read(&log, argv[2], NULL, NULL, NULL, &err)
                                         : draw_acts(&log, &err);
    if (status == HEED_OK)
        status = split_make(&log, SPLIT_EVERY_5TH, &split, &err);
    if (status == HEED_OK)
        status = sparse_transpose(&split.train, &items);
    if (status == HEED_OK) {
        snprintf(pairs, sizeof pairs, "%s/pairs", argv[1]);
        status = write_pairs(&split.train, pairs) ? HEED_OK : HEED_STORAGE;
    }
    for (size_t i = 0; i < sizeof models / sizeof *models && status == HEED_OK; i++)
        status = measure(argv[1], &split, &items, i, &err);
    if (status != HEED_OK) {
        fprintf(stderr, "bench_scores: %s\nusage: bench_scores DIR [EVENTS.csv]\n", err.message);
        return 1;
    }
    return 0;
}
