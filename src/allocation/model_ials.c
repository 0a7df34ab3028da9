/* iALS: factors of users and items by alternating least squares, every pair that is not there
 * counting a little as a no.
 *
 * Minimises the loss written at ials_view, one side exactly while the other stands, so it never
 * rises. The items' side of a user's normal equations, alpha H'H, is shared by all users.
 * An update solves for the users who changed or are new (a half-step of training for them alone),
 * then for the items that changed, given them; others stand, so the loss on the new data falls,
 * while training anew would lower it further. Cost: (users + items) d^2 / 2 multiply-adds for the
 * shared sides, d^3 / 3 and what there is of it times d^2 / 2 for each solved. Sources: Y. Hu, Y.
 * Koren, C. Volinsky, ICDM 2008; the weights, the scaling of lambda by how much there is of a row
 * (nu = 1) and the start: S. Rendle, W. Krichene, L. Zhang, Y. Koren, "Revisiting the performance
 * of iALS on item recommendation benchmarks", 2021 (arXiv 2110.14037).           */
#include "allocation/dense.h"
#include "allocation/model.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/prng.h"

#include <cblas.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FACTORS, LAMBDA, ALPHA, NU, ITERATIONS, STDDEV, IALS_PARAMS };
enum { GATHER = 64 }; /* rows added to a system at once */
static const struct model_param ials_params[IALS_PARAMS] = {
    {"factors", 128, 1, 2048, true, "numbers that stand for a user or an item"},
    {"lambda", 0.005, 0, 1e6, false, "pulls factors to zero"},
    {"alpha", 0.3, 1e-9, 1e3, false, "weight of a pair that is not there, beside 1"},
    {"nu", 1, 0, 2, false, "how much lambda grows with what there is of a row"},
    {"iterations", 16, 1, 1e4, true, "rounds over both sides"},
    {"stddev", 0.1, 1e-9, 1e3, false, "of the start, times sqrt(factors)"},
};

struct ials {
    size_t users_n, items_n, d;
    double lambda, alpha, nu;
    double *users, *items; /* [users_n * d], [items_n * d] */
    double *gram;          /* alpha H'H of the items, lower triangle, [d * d] */
};

static void ials_free(void *model)
{
    struct ials *m = model;
    if (m) {
        free(m->users);
        free(m->items);
        free(m->gram);
    }
    free(m);
}

/* out[d * d] = alpha F'F for factors F[n * d] by rows, lower triangle.                           */
static void gram_of(const double *f, size_t n, size_t d, double alpha, double *out)
{
    cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, (int)d, (int)n, alpha, f, (int)d, 0, out,
                (int)d);
}

/* One row's factors given the other side's. room[d * d + GATHER * d]. false: singular. */
static bool solve_row(const struct ials *m, const double *gram, const double *other, size_t other_n,
                      struct sparse_row row, double *room, double *x)
{
    size_t d = m->d;
    double *a = room, *gathered = room + d * d;
    memcpy(a, gram, d * d * sizeof *a);
    memset(x, 0, d * sizeof *x);
    for (size_t from = 0; from < row.n; from += GATHER) {
        size_t count = row.n - from < GATHER ? row.n - from : GATHER;
        for (size_t i = 0; i < count; i++) {
            const double *f = other + row.column[from + i] * d;
            memcpy(gathered + i * d, f, d * sizeof *f);
            for (size_t j = 0; j < d; j++)
                x[j] += f[j];
        }
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, (int)d, (int)count, 1, gathered,
                    (int)d, 1, a, (int)d);
    }
    double ridge = m->lambda * pow((double)row.n + m->alpha * (double)other_n, m->nu);
    for (size_t j = 0; j < d; j++)
        a[j * d + j] += ridge;
    return spd_solve(a, d, x);
}

struct side_work {
    const struct ials *m;
    const struct sparse *rows;
    const uint32_t *only; /* [n] of them; NULL: the first n */
    size_t n;
    const double *gram, *other;
    double *mine, *room;
    atomic_bool singular;
};

enum { ROWS = 64 }; /* a piece */

static void side_rows(void *context, size_t piece, unsigned worker)
{
    struct side_work *s = context;
    size_t d = s->m->d, end = (piece + 1) * ROWS;
    for (size_t i = piece * ROWS; i < end && i < s->n; i++) {
        size_t r = s->only ? s->only[i] : i;
        if (!solve_row(s->m, s->gram, s->other, s->rows->columns, sparse_row(s->rows, r),
                       s->room + worker * (d + GATHER) * d, s->mine + r * d))
            atomic_store(&s->singular, true);
    }
}

/* mine given other, of the rows s.only. false: singular.                                         */
static bool half_step(struct side_work s, double *gram, unsigned threads)
{
    gram_of(s.other, s.rows->columns, s.m->d, s.m->alpha, gram);
    s.gram = gram;
    parallel_each((s.n + ROWS - 1) / ROWS, threads, side_rows, &s);
    return !atomic_load(&s.singular);
}

static bool side(const struct ials *m, const struct sparse *rows, const double *other, double *mine,
                 double *gram, double *room, unsigned threads)
{
    return half_step(
        (struct side_work){
            .m = m, .rows = rows, .n = rows->rows, .other = other, .mine = mine, .room = room},
        gram, threads);
}

static void start(double *f, size_t n, double deviation, struct prng *r)
{
    for (size_t i = 0; i < n; i++)
        f[i] = deviation * prng_normal(r);
}

static enum heed_status singular(const struct ials *m, struct heed_error *err)
{
    return error_set(err, HEED_RANGE, "ials",
                     "the normal equations are singular at lambda %g: give --param ials.lambda=N "
                     "above 0, such as 0.005, or fewer factors than %zu",
                     m->lambda, m->d);
}

static enum heed_status ials_train(const struct training *t, const double *param, void **model,
                                   struct heed_error *err)
{
    size_t d = (size_t)param[FACTORS], users = t->users->rows, items = t->items->rows;
    struct ials *m = calloc(1, sizeof *m);
    double *room = malloc((d + GATHER) * d * parallel_workers(t->threads) * sizeof *room);
    if (m)
        *m = (struct ials){users,
                           items,
                           d,
                           param[LAMBDA],
                           param[ALPHA],
                           param[NU],
                           malloc((users * d + 1) * sizeof *m->users),
                           malloc((items * d + 1) * sizeof *m->items),
                           malloc(d * d * sizeof *m->gram)};
    enum heed_status status = m && m->users && m->items && m->gram && room ? HEED_OK : HEED_NOMEM;
    bool good = true;
    if (status == HEED_OK) {
        struct prng r;
        double deviation = param[STDDEV] / sqrt((double)d);
        prng_seed(&r, t->seed);
        start(m->users, users * d, deviation, &r);
        start(m->items, items * d, deviation, &r);
        dense_begin();
        size_t rounds = (size_t)param[ITERATIONS];
        for (size_t i = 0; i < rounds && good; i++) {
            good = side(m, t->users, m->items, m->users, m->gram, room, t->threads) &&
                   side(m, t->items, m->users, m->items, m->gram, room, t->threads);
            if (t->progress)
                t->progress(t->context, (double)(i + 1) / (double)rounds);
        }
        gram_of(m->items, items, d, m->alpha, m->gram);
    }
    free(room);
    if (status == HEED_OK && !good)
        status = singular(m, err);
    if (status != HEED_OK)
        ials_free(m);
    else
        *model = m;
    return status;
}

/* The user's factors are solved for anew from the history (what training does with a user last
 * would give the same but for the items' last step). */
static enum heed_status ials_score(const void *model, size_t user, struct sparse_row history,
                                   double *score)
{
    (void)user;
    const struct ials *m = model;
    size_t d = m->d;
    double *room = malloc(((d + GATHER) * d + d) * sizeof *room);
    if (!room)
        return HEED_NOMEM;
    double *x = room + (d + GATHER) * d;
    bool ok = solve_row(m, m->gram, m->items, m->items_n, history, room, x);
    if (ok)
        cblas_dgemv(CblasColMajor, CblasTrans, (int)d, (int)m->items_n, 1, m->items, (int)d, x, 1,
                    0, score, 1);
    free(room);
    return ok ? HEED_OK : HEED_RANGE;
}

struct ials_view ials_view(const void *model)
{
    const struct ials *m = model;
    return (struct ials_view){m->users, m->items, m->d};
}

static enum heed_status ials_update(void *model, const struct training *t,
                                    const struct model_change *change, struct heed_error *err)
{
    struct ials *m = model;
    size_t d = m->d, users_n = t->users->rows;
    enum heed_status status = model_same_items(t, m->items_n, "ials", err);
    if (status != HEED_OK)
        return status;
    double *users = calloc(users_n * d + 1, sizeof *users);
    double *items = malloc((m->items_n * d + 1) * sizeof *items);
    double *gram = malloc(d * d * sizeof *gram);
    double *room = malloc((d + GATHER) * d * parallel_workers(t->threads) * sizeof *room);
    if (!users || !items || !gram || !room) {
        status = HEED_NOMEM;
        goto done;
    }
    size_t both = users_n < m->users_n ? users_n : m->users_n;
    memcpy(users, m->users, both * d * sizeof *users);
    memcpy(items, m->items, m->items_n * d * sizeof *items);
    dense_begin();
    struct side_work u = {.m = m,
                          .rows = t->users,
                          .only = change->users,
                          .n = change->users_n,
                          .other = items,
                          .mine = users,
                          .room = room};
    struct side_work i = {.m = m,
                          .rows = t->items,
                          .only = change->items,
                          .n = change->items_n,
                          .other = users,
                          .mine = items,
                          .room = room};
    if (!half_step(u, gram, t->threads) || !half_step(i, gram, t->threads)) {
        status = singular(m, err);
        goto done;
    }
    gram_of(items, m->items_n, d, m->alpha, m->gram);
    double *old_users = m->users, *old_items = m->items;
    m->users = users;
    m->items = items;
    m->users_n = users_n;
    users = old_users;
    items = old_items;
done:
    free(users);
    free(items);
    free(gram);
    free(room);
    return status;
}

const struct model_kind model_ials = {"ials",     ials_params, IALS_PARAMS, ials_train,
                                      ials_score, ials_free,   ials_update};
