/* Any bytes as a mapping, a log and a policy (split at the first two NULs; an empty mapping is
 * heed's own columns): either numbers that can be held come out, or a place and a message. */
#include "allocation/ope_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAP, LOG, POLICY, FILES };
static const char *const names[FILES] = {"map.yaml", "log.csv", "policy.csv"};
static char dir[64], paths[FILES][128];

static void remove_dir(void)
{
    for (int i = 0; i < FILES; i++)
        unlink(paths[i]);
    rmdir(dir);
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void put(int file, const void *p, size_t n)
{
    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/tmp/heed-fuzz-XXXXXX");
        must(mkdtemp(dir) != NULL, "no folder for files");
        for (int i = 0; i < FILES; i++)
            snprintf(paths[i], sizeof paths[i], "%s/%s", dir, names[i]);
        atexit(remove_dir);
    }
    FILE *f = fopen(paths[file], "w");
    must(f && fwrite(p, 1, n, f) == n && fclose(f) == 0, "a file cannot be written");
}

static void check(const struct ope_result *r, size_t n)
{
    must(r->weights.effective >= 1 - 1e-9 && r->weights.effective <= (double)n * (1 + 1e-9),
         "an effective sample outside 1 to n");
    for (int e = 0; e < OPE_ESTIMATORS; e++) {
        const struct ope_estimate *x = &r->estimates[e];
        must(x->known && isfinite(x->value) && isfinite(x->lower) && isfinite(x->upper) &&
                 x->lower <= x->upper,
             "a number that is none, or an interval turned round");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ope_map map;
    struct ope_file file = {0};
    struct ope_policy policy;
    struct ope_result result;
    struct heed_error err = {0};
    double *p = NULL;
    const uint8_t *end[2] = {NULL, NULL}, *from = data;
    for (int i = 0; i < 2; i++) {
        size_t left = size - (size_t)(from - data);
        end[i] = left ? memchr(from, 0, left) : NULL;
        if (!end[i])
            return 0;
        put(i, from, (size_t)(end[i] - from));
        from = end[i] + 1;
    }
    put(POLICY, from, size - (size_t)(from - data));
    enum heed_status status =
        end[0] > data ? ope_map_read(paths[MAP], &map, &err) : ope_map_own(&map, &err);
    if (status == HEED_OK)
        status = ope_file_read(paths[LOG], &map, true, STR_NONE, false, &file, &err);
    if (status == HEED_OK)
        status = ope_policy_read(paths[POLICY], &file, &p, &policy, &err);
    if (status == HEED_OK && file.log.actions < 50 && file.log.n < 200) {
        const struct ope_options o = {.min_sample = 1, .resamples = 5};
        status = ope_estimate(&file.log, &policy, (1 << OPE_ESTIMATORS) - 1, &o, &result, &err);
        if (status == HEED_OK)
            check(&result, file.log.n);
    }
    must(status == HEED_OK || ((status == HEED_INPUT || status == HEED_RANGE) && *err.where) ||
             status == HEED_REFUSED,
         "a status out of place, or an error without its place");
    must(status == HEED_OK || *err.message, "an error without words");
    free(p);
    ope_file_deinit(&file);
    ope_map_deinit(&map);
    return 0;
}
