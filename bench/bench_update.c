/* What bringing a model up to new acts costs beside training it anew. bench_update EVENTS.csv: of
 * the pairs of the file the last 1 and 100 are new; seconds of an update after each, and of
 * training. */
#include "bench.h"

#include "allocation/interactions.h"
#include "allocation/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The pairs whose first row stands before the last `hidden` of the file.                         */
static enum heed_status pairs_before(const struct sparse *pairs, const size_t *first, size_t rows,
                                     size_t hidden, struct sparse *out)
{
    uint64_t n = 0;
    enum heed_status status =
        sparse_init(out, pairs->rows, pairs->columns, sparse_count(pairs), false);
    for (size_t u = 0; status == HEED_OK && u < pairs->rows; u++) {
        for (uint64_t i = pairs->at[u]; i < pairs->at[u + 1]; i++)
            if (first[i] + hidden < rows)
                out->column[n++] = pairs->column[i];
        out->at[u + 1] = n;
    }
    return status == HEED_OK ? sparse_sort(out) : status;
}

static enum heed_status measure(const struct sparse *before, const struct sparse *now,
                                const char *names, const char *params, const char *what,
                                struct heed_error *err)
{
    struct model_spec spec[MODELS_MAX];
    struct sparse items_before, items_now;
    struct model_change change;
    size_t n;
    void *model = NULL;
    unsigned threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    enum heed_status status = model_names_parse(str_of(names), spec, &n, err);
    if (status == HEED_OK && *params)
        status = model_params_parse(str_of(params), spec, n, err);
    if (status != HEED_OK || sparse_transpose(before, &items_before) != HEED_OK ||
        sparse_transpose(now, &items_now) != HEED_OK)
        return status != HEED_OK ? status : HEED_NOMEM;
    const struct training t = {
        .users = before, .items = &items_before, .seed = 1, .threads = threads};
    const struct training later = {
        .users = now, .items = &items_now, .seed = 1, .threads = threads};
    double a = now_s();
    status = spec[0].kind->train(&t, spec[0].param, &model, err);
    double b = now_s();
    if (status == HEED_OK)
        status = model_change_find(before, now, &change);
    if (status == HEED_OK) {
        status = model_update(spec[0].kind, model, &later, &change, err);
        printf("%-34s %12.4f %-12s %10.3f update / training\n", what, now_s() - b, "s",
               (now_s() - b) / (b - a));
        fflush(stdout);
        model_change_deinit(&change);
    }
    spec[0].kind->free(model);
    sparse_deinit(&items_before);
    sparse_deinit(&items_now);
    return status;
}

int main(int argc, char **argv)
{
    struct interactions log;
    struct sparse pairs, now;
    size_t *first;
    struct heed_error err = {0};
    interactions_init(&log);
    enum heed_status status =
        argc == 2 ? interactions_read(&log, argv[1], NULL, NULL, NULL, &err) : HEED_USAGE;
    if (status == HEED_OK)
        status = interactions_pairs(&log, &pairs, &first, NULL);
    if (status == HEED_OK)
        status = pairs_before(&pairs, first, log.n, 0, &now);
    static const size_t hidden[] = {1, 100};
    for (size_t h = 0; status == HEED_OK && h < sizeof hidden / sizeof *hidden; h++) {
        static const char *const models[][2] = {
            {"knn", ""}, {"ials", "iterations=4"}, {"ease", "renew=0"}, {"blend", "renew=0"}};
        struct sparse before;
        status = pairs_before(&pairs, first, log.n, hidden[h], &before);
        for (size_t m = 0; status == HEED_OK && m < sizeof models / sizeof *models; m++) {
            char what[64];
            snprintf(what, sizeof what, "%s, %zu new acts", models[m][0], hidden[h]);
            status = measure(&before, &now, models[m][0], models[m][1], what, &err);
        }
        sparse_deinit(&before);
    }
    if (status != HEED_OK)
        fprintf(stderr, "bench_update: %s\nusage: bench_update EVENTS.csv\n", err.message);
    return status != HEED_OK;
}
