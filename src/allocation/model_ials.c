/* iALS: factors of users and items by alternating least squares, every pair that is not there
 * counting a little as a no.
 *
 * Minimises the loss written at ials_view, one side exactly while the other stands, so it never
 * rises. The items' side of a user's normal equations, alpha H'H, is shared by all users, and
 * turned once so that it is diagonal: then who has n < d items needs a system of n, not of d.
 *
 * An update solves for the users who changed or are new (a half-step of training for them alone),
 * then for the items that changed, given them. Others stand, so the loss on the new data falls,
 * while training anew would lower it further. Cost: (users + 2 items) * 1.5 d^2 multiply-adds to
 * turn the shared sides, and at most d^3 / 3 for each row solved.
 *
 * Sources: Y. Hu, Y. Koren, C. Volinsky, ICDM 2008; the weights, the scaling of lambda by how much
 * there is of a row (nu = 1) and the start: S. Rendle, W. Krichene, L. Zhang, Y. Koren, "Revisiting
 * the performance of iALS on item recommendation benchmarks", 2021 (arXiv 2110.14037). The small
 * system: (D + F F')^-1 F = D^-1 F (I + F' D^-1 F)^-1 (Sherman-Morrison-Woodbury). */
#include "allocation/dense.h"
#include "allocation/model.h"
#include "allocation/stored.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/prng.h"

#include <cblas.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FACTORS, LAMBDA, ALPHA, NU, ITERATIONS, STDDEV, IALS_PARAMS };
enum {
    GATHER = 64,    /* rows added to a system at once */
    IALS_FEW = 512, /* the greatest small system */
};

/* LAPACK, as Fortran calls it; part of OpenBLAS.                                                 */
void dsyev_(const char *job, const char *uplo, const int *n, double *a, const int *lda, double *w,
            double *work, const int *lwork, int *info);

static const struct model_param ials_params[IALS_PARAMS] = {
    {"factors", 128, 1, 2048, true, "numbers that stand for a user or an item"},
    {"lambda", 0.005, 0, 1e6, false, "pulls factors to zero"},
    {"alpha", 0.3, 1e-9, 1e3, false, "weight of a pair that is not there, beside 1"},
    {"nu", 1, 0, 2, false, "how much lambda grows with what there is of a row"},
    {"iterations", 16, 1, 1e4, true, "rounds over both sides"},
    {"stddev", 0.1, 1e-9, 1e3, false, "of the start, times sqrt(factors)"},
};

/* The other side of a half-step, turned so that its shared part is diagonal: alpha H'H = Q W Q'. */
struct turned {
    size_t n, d;
    double *basis;    /* Q by columns, [d * d] */
    double *spectrum; /* W, [d] */
    double *rows;     /* rows of H Q, [n * d] */
};

struct ials {
    size_t users_n, items_n, d;
    double lambda, alpha, nu;
    double *users, *items; /* [users_n * d], [items_n * d] */
    struct turned of_items;
};

static void turned_free(struct turned *t)
{
    free(t->basis);
    free(t->spectrum);
    free(t->rows);
    *t = (struct turned){0};
}

static void ials_free(void *model)
{
    struct ials *m = model;
    if (m) {
        free(m->users);
        free(m->items);
        turned_free(&m->of_items);
    }
    free(m);
}

struct turning {
    const struct turned *t;
    const double *f;
};

enum { ROWS = 64 }; /* a piece */

/* to[n * d] = from[n * d] turned, or with `back` turned back.                                    */
static void turn(const struct turned *t, const double *from, size_t n, bool back, double *to)
{
    int d = (int)t->d;
    cblas_dgemm(CblasColMajor, back ? CblasNoTrans : CblasTrans, CblasNoTrans, d, (int)n, d, 1,
                t->basis, d, from, d, 0, to, d);
}

static void turn_piece(void *context, size_t piece, unsigned worker)
{
    (void)worker;
    const struct turning *w = context;
    size_t at = piece * ROWS, n = w->t->n - at < ROWS ? w->t->n - at : ROWS;
    turn(w->t, w->f + at * w->t->d, n, false, w->t->rows + at * w->t->d);
}

/* Factors f[n * d] turned. Errors: HEED_NOMEM; HEED_RANGE they are not finite.                   */
static enum heed_status turned_make(const double *f, size_t n, size_t d, double alpha,
                                    unsigned threads, struct turned *out)
{
    int size = (int)d, info = 0, room = 66 * size;
    double *work = malloc((size_t)room * sizeof *work);
    *out = (struct turned){n, d, malloc(d * d * sizeof(double)), malloc(d * sizeof(double)),
                           malloc((n * d + 1) * sizeof(double))};
    enum heed_status status =
        work && out->basis && out->spectrum && out->rows ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, size, (int)n, alpha, f, size, 0,
                    out->basis, size);
        dsyev_("V", "L", &size, out->basis, &size, out->spectrum, work, &room, &info);
        status = info == 0 ? HEED_OK : HEED_RANGE;
    }
    free(work);
    if (status != HEED_OK) {
        turned_free(out);
        return status;
    }
    struct turning w = {out, f};
    parallel_each((n + ROWS - 1) / ROWS, threads, turn_piece, &w);
    return HEED_OK;
}

/* Doubles that solving a row needs.                                                              */
static size_t room_of(size_t d)
{
    return (2 * d + GATHER) * d + d;
}

/* (D + F F') x = F 1 for F of d rows and n < d columns, by the smaller system that it is:
 * x = D^-1 F z, (I + F' D^-1 F) z = 1. false: D is not clearly positive.                         */
static bool solve_few(const struct turned *t, double ridge, struct sparse_row row, double *room,
                      double *x)
{
    size_t d = t->d, n = row.n;
    double *a = room, *f = a + d * d, *root = f + d * d;
    double largest = t->spectrum[d - 1] + ridge;
    for (size_t j = 0; j < d; j++) {
        double weight = t->spectrum[j] + ridge;
        if (!(weight > 1e-10 * largest))
            return false;
        root[j] = 1 / sqrt(weight);
    }
    if (n == 0) {
        memset(x, 0, d * sizeof *x);
        return true;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            f[i * d + j] = root[j] * t->rows[row.column[i] * d + j];
    cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, (int)n, (int)d, 1, f, (int)d, 0, a, (int)n);
    double z[IALS_FEW];
    for (size_t i = 0; i < n; i++) {
        a[i * n + i] += 1;
        z[i] = 1;
    }
    if (!spd_solve(a, n, z))
        return false;
    memset(x, 0, d * sizeof *x);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            x[j] += z[i] * f[i * d + j];
    for (size_t j = 0; j < d; j++)
        x[j] *= root[j];
    return true;
}

/* One row's factors, turned, given the other side's. room[room_of(d)]. false: singular. */
static bool solve_row(const struct ials *m, const struct turned *t, struct sparse_row row,
                      double *room, double *x)
{
    size_t d = m->d;
    double ridge = m->lambda * pow((double)row.n + m->alpha * (double)t->n, m->nu);
    if (row.n < d && row.n <= IALS_FEW && solve_few(t, ridge, row, room, x))
        return true;
    double *a = room, *gathered = room + d * d;
    memset(a, 0, d * d * sizeof *a);
    memset(x, 0, d * sizeof *x);
    for (size_t from = 0; from < row.n; from += GATHER) {
        size_t count = row.n - from < GATHER ? row.n - from : GATHER;
        for (size_t i = 0; i < count; i++) {
            const double *f = t->rows + row.column[from + i] * d;
            memcpy(gathered + i * d, f, d * sizeof *f);
            for (size_t j = 0; j < d; j++)
                x[j] += f[j];
        }
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, (int)d, (int)count, 1, gathered,
                    (int)d, 1, a, (int)d);
    }
    for (size_t j = 0; j < d; j++)
        a[j * d + j] += ridge + t->spectrum[j];
    return spd_solve(a, d, x);
}

struct side_work {
    const struct ials *m;
    const struct sparse *rows;
    const uint32_t *only; /* [n] of them; NULL: the first n */
    size_t n;
    double *mine;
    const struct turned *other;
    double *room; /* [side_room(d)] a worker */
    atomic_bool singular;
};

static size_t side_room(size_t d)
{
    return room_of(d) + 2 * ROWS * d;
}

static void side_rows(void *context, size_t piece, unsigned worker)
{
    struct side_work *s = context;
    size_t d = s->m->d, at = piece * ROWS, n = s->n - at < ROWS ? s->n - at : ROWS;
    double *room = s->room + worker * side_room(d), *x = room + room_of(d), *back = x + ROWS * d;
    for (size_t i = 0; i < n; i++) {
        size_t r = s->only ? s->only[at + i] : at + i;
        if (!solve_row(s->m, s->other, sparse_row(s->rows, r), room, x + i * d))
            atomic_store(&s->singular, true);
    }
    turn(s->other, x, n, true, back);
    for (size_t i = 0; i < n; i++)
        memcpy(s->mine + (s->only ? s->only[at + i] : at + i) * d, back + i * d, d * sizeof *back);
}

/* s.mine given other, of the rows s.only. Errors: HEED_NOMEM; HEED_RANGE singular.               */
static enum heed_status half_step(struct side_work s, const double *other, unsigned threads)
{
    struct turned turned;
    enum heed_status status =
        turned_make(other, s.rows->columns, s.m->d, s.m->alpha, threads, &turned);
    if (status != HEED_OK)
        return status;
    s.other = &turned;
    parallel_each((s.n + ROWS - 1) / ROWS, threads, side_rows, &s);
    turned_free(&turned);
    return atomic_load(&s.singular) ? HEED_RANGE : HEED_OK;
}

static struct side_work side(const struct ials *m, const struct sparse *rows, double *mine,
                             double *room)
{
    return (struct side_work){.m = m, .rows = rows, .n = rows->rows, .mine = mine, .room = room};
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
    double *room = malloc(side_room(d) * parallel_workers(t->threads) * sizeof *room);
    if (m)
        *m = (struct ials){.users_n = users,
                           .items_n = items,
                           .d = d,
                           .lambda = param[LAMBDA],
                           .alpha = param[ALPHA],
                           .nu = param[NU],
                           .users = malloc((users * d + 1) * sizeof *m->users),
                           .items = malloc((items * d + 1) * sizeof *m->items)};
    enum heed_status status = m && m->users && m->items && room ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        struct prng r;
        double deviation = param[STDDEV] / sqrt((double)d);
        prng_seed(&r, t->seed);
        start(m->users, users * d, deviation, &r);
        start(m->items, items * d, deviation, &r);
        dense_begin();
        size_t rounds = (size_t)param[ITERATIONS];
        for (size_t i = 0; i < rounds && status == HEED_OK; i++) {
            status = half_step(side(m, t->users, m->users, room), m->items, t->threads);
            if (status == HEED_OK)
                status = half_step(side(m, t->items, m->items, room), m->users, t->threads);
            if (t->progress)
                t->progress(t->context, (double)(i + 1) / (double)rounds);
        }
    }
    if (status == HEED_OK)
        status = turned_make(m->items, items, d, m->alpha, t->threads, &m->of_items);
    free(room);
    if (status == HEED_RANGE)
        status = singular(m, err);
    if (status != HEED_OK)
        ials_free(m);
    else
        *model = m;
    return status;
}

size_t ials_room(const void *model)
{
    const struct ials *m = model;
    return room_of(m->d) + m->d;
}

/* The user's factors are solved for anew from the history (what training does with a user last
 * would give the same but for the items' last step). */
bool ials_score_in(const void *model, struct sparse_row history, double *room, double *score)
{
    const struct ials *m = model;
    size_t d = m->d;
    double *x = room + room_of(d);
    if (!solve_row(m, &m->of_items, history, room, x))
        return false;
    cblas_dgemv(CblasColMajor, CblasTrans, (int)d, (int)m->items_n, 1, m->of_items.rows, (int)d, x,
                1, 0, score, 1);
    return true;
}

static enum heed_status ials_score(const void *model, size_t user, struct sparse_row history,
                                   double *score)
{
    (void)user;
    double *room = malloc(ials_room(model) * sizeof *room);
    if (!room)
        return HEED_NOMEM;
    bool ok = ials_score_in(model, history, room, score);
    free(room);
    return ok ? HEED_OK : HEED_RANGE;
}

enum heed_status ials_of_factors(const int32_t *factors, size_t items, size_t n, double unit,
                                 const double *param, void **model)
{
    if ((double)n != param[FACTORS])
        return HEED_INPUT;
    struct ials *m = calloc(1, sizeof *m);
    if (m)
        *m = (struct ials){.items_n = items,
                           .d = n,
                           .lambda = param[LAMBDA],
                           .alpha = param[ALPHA],
                           .nu = param[NU],
                           .items = malloc((items * n + 1) * sizeof *m->items)};
    if (!m || !m->items) {
        ials_free(m);
        return HEED_NOMEM;
    }
    for (size_t i = 0; i < items * n; i++)
        m->items[i] = factors[i] / unit;
    dense_begin();
    enum heed_status status = turned_make(m->items, items, n, m->alpha, 1, &m->of_items);
    if (status != HEED_OK)
        ials_free(m);
    else
        *model = m;
    return status == HEED_RANGE ? HEED_INPUT : status;
}

static enum heed_status ials_store(const void *model, size_t keep, struct stored_model *out,
                                   struct heed_error *err)
{
    (void)keep;
    const struct ials *m = model;
    return stored_factors(out, m->items, m->items_n, m->d, err);
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
    struct turned turned = {0};
    double *users = calloc(users_n * d + 1, sizeof *users);
    double *items = malloc((m->items_n * d + 1) * sizeof *items);
    double *room = malloc(side_room(d) * parallel_workers(t->threads) * sizeof *room);
    if (!users || !items || !room) {
        status = HEED_NOMEM;
        goto done;
    }
    size_t both = users_n < m->users_n ? users_n : m->users_n;
    memcpy(users, m->users, both * d * sizeof *users);
    memcpy(items, m->items, m->items_n * d * sizeof *items);
    dense_begin();
    struct side_work of_users = side(m, t->users, users, room);
    struct side_work of_items = side(m, t->items, items, room);
    of_users.only = change->users;
    of_users.n = change->users_n;
    of_items.only = change->items;
    of_items.n = change->items_n;
    status = half_step(of_users, items, t->threads);
    if (status == HEED_OK)
        status = half_step(of_items, users, t->threads);
    if (status == HEED_OK)
        status = turned_make(items, m->items_n, d, m->alpha, t->threads, &turned);
    if (status == HEED_RANGE)
        status = singular(m, err);
    if (status != HEED_OK)
        goto done;
    struct ials old = *m;
    m->users = users;
    m->items = items;
    m->users_n = users_n;
    m->of_items = turned;
    users = old.users;
    items = old.items;
    turned = old.of_items;
done:
    free(users);
    free(items);
    free(room);
    turned_free(&turned);
    return status;
}

const struct model_kind model_ials = {.name = "ials",
                                      .params = ials_params,
                                      .params_n = IALS_PARAMS,
                                      .train = ials_train,
                                      .score = ials_score,
                                      .update = ials_update,
                                      .free = ials_free,
                                      .store = ials_store,
                                      .stores_factors = true};
