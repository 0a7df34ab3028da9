/* How long Frank-Wolfe takes. bench_fair WORTHS [EVENTS.csv [ITERATIONS]]: trains EASE (lambda 30)
 * on the events split every-5th, or without on 3,757 users and 5,155 items drawn by Zipf's law,
 * writes what each item is worth to each user to the file WORTHS (float32) for a peer to read,
 * shares out (k 10, users -1, items -1, lambda .01), and prints users, items, seconds, objective,
 * gap. */
#include "bench.h"

#include "allocation/fair.h"
#include "allocation/split.h"
#include "base/prng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum heed_status draw(struct interactions *log, struct heed_error *err)
{
    enum { USERS = 3757, ITEMS = 5155, EACH = 31 };
    struct prng r;
    char user[16], item[16];
    enum heed_status status = HEED_OK;
    prng_seed(&r, 7);
    for (int i = 0; i < ITEMS && status == HEED_OK; i++) { /* each item is there, at a user's end */
        snprintf(item, sizeof item, "i%d", i);
        status = interactions_add(log, STR("none"), str_of(item), STR("x"), 1, 0, err);
    }
    for (int u = 0; u < USERS; u++)
        for (int j = 0; j < EACH && status == HEED_OK; j++) {
            snprintf(user, sizeof user, "u%d", u);
            snprintf(item, sizeof item, "i%d", (int)(pow(ITEMS, prng_double(&r)) - 1));
            status = interactions_add(log, str_of(user), str_of(item), STR("x"), 1, 0, err);
        }
    return status;
}

int main(int argc, char **argv)
{
    struct interactions log;
    struct split split = {0};
    struct sparse items = {0};
    struct fair_offers f = {0};
    struct fair_policy policy = {0};
    struct heed_error err = {0};
    const struct fair_welfare w = {-1, -1, .01};
    const struct fair_options o = {.iterations =
                                       argc > 3 ? (size_t)strtoull(argv[3], NULL, 10) : 300,
                                   .threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    const double param[MODEL_PARAMS] = {30}; /* lambda; all neighbours */
    void *model = NULL;
    double *objective = malloc((o.iterations + 1) * sizeof *objective), gap = 0;
    size_t steps = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_fair WORTHS [EVENTS.csv [ITERATIONS]]\n");
        return 1;
    }
    interactions_init(&log);
    enum heed_status status = objective ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK)
        status = argc > 2 && *argv[2] ? interactions_read(&log, argv[2], NULL, NULL, NULL, &err)
                                      : draw(&log, &err);
    if (status == HEED_OK)
        status = split_make(&log, SPLIT_EVERY_5TH, &split, &err);
    if (status == HEED_OK)
        status = sparse_transpose(&split.train, &items);
    const struct training t = {
        .users = &split.train, .items = &items, .seed = 1, .threads = o.threads};
    if (status == HEED_OK)
        status = model_ease.train(&t, param, &model, &err);
    if (status == HEED_OK)
        status = fair_offers_of_model(&f, &model_ease, model, &split.train, 10, 1, o.threads, &err);
    FILE *out = status == HEED_OK ? fopen(argv[1], "wb") : NULL;
    if (out) {
        fwrite(f.worth, sizeof *f.worth, f.users * f.items, out);
        fclose(out);
    }
    double begun = now_s();
    if (status == HEED_OK)
        status = fair_frank_wolfe(&f, &w, &o, &policy, objective, &steps, &gap, &err);
    if (status == HEED_OK)
        printf("%zu %zu %.2f %.6f %.6f\n", f.users, f.items, now_s() - begun, objective[steps],
               gap);
    else
        fprintf(stderr, "bench_fair: %s\n", err.message);
    fair_policy_deinit(&policy);
    fair_offers_deinit(&f);
    model_ease.free(model);
    sparse_deinit(&items);
    split_deinit(&split);
    interactions_deinit(&log);
    free(objective);
    return status != HEED_OK;
}
