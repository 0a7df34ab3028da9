/* How long EASE takes to train. bench_ease MATRIX [USERS [ITEMS [INTERACTIONS]]]: draws who took
 * what by Zipf's law, writes it to the file MATRIX (user, item, as pairs of 32-bit integers) for a
 * peer to read, trains, and prints the seconds. */
#include "bench.h"

#include "allocation/model.h"
#include "base/prng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static size_t number(int argc, char **argv, int at, size_t fallback)
{
    return argc > at ? (size_t)strtoull(argv[at], NULL, 10) : fallback;
}

/* n draws for each user, doubles dropped; like Steam: a few items take most.                     */
static bool draw(struct sparse *m, size_t users, size_t items, size_t n)
{
    struct prng r;
    uint32_t *last = calloc(items + 1, sizeof *last);
    prng_seed(&r, 7);
    if (!last || sparse_init(m, users, items, n, false) != HEED_OK) {
        free(last);
        return false;
    }
    uint64_t used = 0;
    for (size_t u = 0; u < users; u++) {
        for (size_t j = n * u / users; j < n * (u + 1) / users; j++) {
            size_t i = (size_t)(pow((double)items + 1, prng_double(&r)) - 1);
            i = i < items ? i : items - 1;
            if (last[i] == u + 1)
                continue;
            last[i] = (uint32_t)(u + 1);
            m->column[used++] = (uint32_t)i;
        }
        m->at[u + 1] = used;
    }
    free(last);
    return true;
}

int main(int argc, char **argv)
{
    struct sparse users, items;
    struct heed_error err = {0};
    void *model = NULL;
    const double param[MODEL_PARAMS] = {100}; /* lambda; all neighbours */
    if (argc < 2 ||
        !draw(&users, number(argc, argv, 2, 3757), number(argc, argv, 3, 5155),
              number(argc, argv, 4, 120000)) ||
        sparse_transpose(&users, &items) != HEED_OK || !write_pairs(&users, argv[1])) {
        fprintf(stderr, "usage: bench_ease MATRIX [USERS [ITEMS [INTERACTIONS]]]\n");
        return 1;
    }
    const struct training t = {.users = &users,
                               .items = &items,
                               .seed = 1,
                               .threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    double started = now_s();
    if (model_ease.train(&t, param, &model, &err) != HEED_OK) {
        fprintf(stderr, "bench_ease: %s\n", err.message);
        return 1;
    }
    printf("%.3f\n", now_s() - started);
    model_ease.free(model);
    sparse_deinit(&users);
    sparse_deinit(&items);
    return 0;
}
