/* What every model must beat: chance, and what most people took. */
#include "allocation/model.h"
#include "base/prng.h"

#include <stdlib.h>

struct simple {
    size_t items;
    uint64_t seed;
    double *reach; /* users of each item */
};

static void simple_free(void *model)
{
    struct simple *m = model;
    if (m)
        free(m->reach);
    free(m);
}

static enum heed_status simple_train(const struct training *t, const double *param, void **model,
                                     struct heed_error *err)
{
    (void)param;
    (void)err;
    struct simple *m = calloc(1, sizeof *m);
    size_t n = t->items->rows;
    if (m)
        *m = (struct simple){n, t->seed, malloc((n + 1) * sizeof *m->reach)};
    if (!m || !m->reach) {
        simple_free(m);
        return HEED_NOMEM;
    }
    for (size_t i = 0; i < n; i++)
        m->reach[i] = (double)sparse_row(t->items, i).n;
    *model = m;
    return HEED_OK;
}

static enum heed_status popularity_score(const void *model, size_t user, struct sparse_row history,
                                         double *score)
{
    (void)user;
    (void)history;
    const struct simple *m = model;
    for (size_t i = 0; i < m->items; i++)
        score[i] = m->reach[i];
    return HEED_OK;
}

static enum heed_status random_score(const void *model, size_t user, struct sparse_row history,
                                     double *score)
{
    (void)history;
    const struct simple *m = model;
    uint64_t state = m->seed + (uint64_t)user * UINT64_C(0xd1342543de82ef95);
    struct prng r;
    prng_seed(&r, splitmix64(&state));
    for (size_t i = 0; i < m->items; i++)
        score[i] = prng_double(&r);
    return HEED_OK;
}

static enum heed_status simple_update(void *model, const struct training *t,
                                      const struct model_change *change, struct heed_error *err)
{
    struct simple *m = model;
    enum heed_status status = model_same_items(t, m->items, "popularity", err);
    for (size_t i = 0; status == HEED_OK && i < change->items_n; i++)
        m->reach[change->items[i]] = (double)sparse_row(t->items, change->items[i]).n;
    return status;
}

const struct model_kind model_random = {.name = "random",
                                        .train = simple_train,
                                        .score = random_score,
                                        .free = simple_free,
                                        .update = simple_update};
const struct model_kind model_popularity = {.name = "popularity",
                                            .train = simple_train,
                                            .score = popularity_score,
                                            .free = simple_free,
                                            .update = simple_update};
