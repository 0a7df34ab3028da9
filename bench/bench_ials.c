/* How long an iteration of iALS takes. bench_ials MATRIX SETTINGS [EVENTS.csv], SETTINGS such as
 * factors=64,solver=cg: trains on the pairs of the file (else drawn: 12,000 users, 5,000 items,
 * 130,000 pairs), at lambda .1, alpha .1, nu 0, and writes the pairs to the file MATRIX (user,
 * item, 32 bits each) for a peer. Prints the seconds of an iteration (of 6 less that of 1, best of
 * three) and the loss of ials_view after six. */
#include "bench.h"
#include "drawn.h"

#include "allocation/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The loss at nu 0, alpha sum over all y^2 by way of Gram matrices.                              */
static double loss_of(const struct sparse *users, struct ials_view v, double alpha, double lambda)
{
    size_t d = v.factors, items = users->columns;
    double loss = 0;
    for (size_t a = 0; a < d; a++)
        for (size_t b = 0; b < d; b++) {
            double w = 0, h = 0;
            for (size_t u = 0; u < users->rows; u++)
                w += v.users[u * d + a] * v.users[u * d + b];
            for (size_t i = 0; i < items; i++)
                h += v.items[i * d + a] * v.items[i * d + b];
            loss += alpha * w * h + (a == b ? lambda * (w + h) : 0);
        }
    for (size_t u = 0; u < users->rows; u++)
        for (uint64_t i = users->at[u]; i < users->at[u + 1]; i++) {
            double y = 0;
            for (size_t k = 0; k < d; k++)
                y += v.users[u * d + k] * v.items[users->column[i] * d + k];
            loss += (y - 1) * (y - 1);
        }
    return loss;
}

int main(int argc, char **argv)
{
    struct interactions log;
    struct sparse users, items;
    struct heed_error err = {0};
    struct model_spec spec;
    size_t *first, n;
    interactions_init(&log);
    enum heed_status status =
        argc < 3 ? HEED_USAGE : model_names_parse(STR("ials"), &spec, &n, &err);
    if (status == HEED_OK)
        status = model_params_parse(STR("lambda=.1,alpha=.1,nu=0"), &spec, 1, &err);
    if (status == HEED_OK)
        status = model_params_parse(str_of(argv[2]), &spec, 1, &err);
    if (status == HEED_OK)
        status = argc > 3 ? interactions_read(&log, argv[3], NULL, NULL, NULL, &err)
                          : draw_acts(&log, &err);
    if (status == HEED_OK)
        status = interactions_pairs(&log, &users, &first, NULL);
    if (status == HEED_OK)
        status = sparse_sort(&users);
    if (status == HEED_OK)
        status = sparse_transpose(&users, &items);
    if (status != HEED_OK || !write_pairs(&users, argv[1])) {
        fprintf(stderr, "usage: bench_ials MATRIX SETTINGS [EVENTS.csv]\n%s\n", err.message);
        return 1;
    }
    const struct training t = {.users = &users,
                               .items = &items,
                               .seed = 1,
                               .threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    double best[2] = {INFINITY, INFINITY}, loss = 0;
    for (int round = 0; round < 6; round++) {
        void *model = NULL;
        if (model_params_parse(round % 2 ? STR("iterations=6") : STR("iterations=1"), &spec, 1,
                               &err) != HEED_OK)
            return 1;
        double started = now_s();
        if (model_ials.train(&t, spec.param, &model, &err) != HEED_OK) {
            fprintf(stderr, "bench_ials: %s\n", err.message);
            return 1;
        }
        best[round % 2] = fmin(best[round % 2], now_s() - started);
        if (round == 5)
            loss = loss_of(&users, ials_view(model), .1, .1);
        model_ials.free(model);
    }
    printf("%.4f %.1f\n", (best[1] - best[0]) / 5, loss);
    return 0;
}
