/* iALS: factors of users and items by alternating least squares, every pair that is not there
 * counting a little as a no.
 *
 * Minimises the loss written at ials_view, one side while the other stands, so it never rises: by a
 * few steps of conjugate gradients a row (ials_cg.c), or exactly, as follows. The items' side of a
 * user's normal equations, alpha H'H, is shared by all users, and turned once so that it is
 * diagonal, D with the ridge: then who has n < d items needs a system of n, not of d.
 *
 * Scaled by D^-1/2 a row's system is I + G'G. His items are among all, so G'G is at most 1 / alpha:
 * the condition is at most 1 + 1 / alpha, and floats solve it to some 1e-7 (1 + 1 / alpha) of the
 * answer, whatever lambda is. All that is shared is in doubles.
 *
 * An update solves, exactly, for the users who changed or are new (a half-step of training for them
 * alone), then for the items that changed, given them. Others stand, so the loss on the new data
 * falls, while training anew would lower it further. A model that is resumed has no users: all are
 * solved for. Cost: (users + 2 items) * 1.5 d^2 multiply-adds to turn the shared sides, and at most
 * d^3 / 3 for each row solved.
 *
 * Sources: Y. Hu, Y. Koren, C. Volinsky, ICDM 2008; the weights, the scaling of lambda by how much
 * there is of a row (nu = 1) and the start: S. Rendle, W. Krichene, L. Zhang, Y. Koren, "Revisiting
 * the performance of iALS on item recommendation benchmarks", 2021 (arXiv 2110.14037). The small
 * system: (D + F F')^-1 F = D^-1 F (I + F' D^-1 F)^-1 (Sherman-Morrison-Woodbury). */
#include "allocation/dense.h"
#include "allocation/ials.h"
#include "allocation/model.h"
#include "allocation/stored.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/prng.h"

#include <cblas.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FACTORS, LAMBDA, ALPHA, NU, ITERATIONS, STDDEV, SOLVER, STEPS, IALS_PARAMS };
enum { EXACT, CG, STEPS_USUAL = 3 };
enum {
    GATHER = 64,    /* rows added to a system at once */
    IALS_FEW = 512, /* the greatest small system */
};

/* LAPACK, as Fortran calls it; part of OpenBLAS.                                                 */
void spotrf_(const char *uplo, const int *n, float *a, const int *lda, int *info);
void dsyevd_(const char *job, const char *uplo, const int *n, double *a, const int *lda, double *w,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info);

static const struct model_param ials_params[IALS_PARAMS] = {
    {"factors", 128, 1, 2048, true, "numbers that stand for a user or an item"},
    {"lambda", 0.005, 0, 1e6, false, "pulls factors to zero"},
    {"alpha", 0.3, 1e-9, 1e3, false, "weight of a pair that is not there, beside 1"},
    {"nu", 1, 0, 2, false, "how much lambda grows with what there is of a row"},
    {"iterations", 16, 1, 1e4, true, "rounds over both sides"},
    {"stddev", 0.1, 1e-9, 1e3, false, "of the start, times sqrt(factors)"},
    {"solver", CG, EXACT, CG, true, "of rows: exact, or cg for conjugate gradients"},
    {"steps", STEPS_USUAL, 1, 1000, true, "of conjugate gradients, a row an iteration"},
};

static const char *const ials_words[IALS_PARAMS] = {[SOLVER] = "exact|cg"};

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

enum {
    ROWS = 64, /* a piece */
    GRAMS = 8, /* parts that a Gram matrix is summed from, however many threads there are */
};

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

struct gram {
    const double *f;
    size_t n, d;
    double *parts; /* [GRAMS * d * d] */
    double alpha;
};

static void gram_piece(void *context, size_t piece, unsigned worker)
{
    (void)worker;
    const struct gram *g = context;
    size_t n = g->n, from = n * piece / GRAMS, to = n * (piece + 1) / GRAMS;
    int d = (int)g->d;
    double *part = g->parts + piece * g->d * g->d;
    memset(part, 0, g->d * g->d * sizeof *part); /* the upper half is summed, too */
    cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, d, (int)(to - from), g->alpha,
                g->f + from * g->d, d, 0, part, d);
}

enum heed_status ials_gram(const double *f, size_t n, size_t d, double alpha, unsigned threads,
                           double *basis, double *spectrum)
{
    int size = (int)d, info = 0, room = 1 + 6 * size + 2 * size * size, whole = 3 + 5 * size;
    double *work =
        malloc((GRAMS * d * d > (size_t)room ? GRAMS * d * d : (size_t)room) * sizeof *work);
    int *whole_work = malloc((size_t)whole * sizeof *whole_work);
    enum heed_status status = work && whole_work ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        struct gram g = {f, n, d, work, alpha};
        parallel_each(GRAMS, threads, gram_piece, &g);
        memcpy(basis, work, d * d * sizeof *work);
        for (size_t i = 1; i < GRAMS; i++)
            cblas_daxpy(size * size, 1, work + i * d * d, 1, basis, 1);
        dsyevd_("V", "L", &size, basis, &size, spectrum, work, &room, whole_work, &whole, &info);
        status = info == 0 ? HEED_OK : HEED_RANGE;
    }
    free(work);
    free(whole_work);
    return status;
}

double ials_ridge(double lambda, double alpha, double nu, size_t n, size_t others)
{
    return lambda * pow((double)n + alpha * (double)others, nu);
}

/* Factors f[n * d] turned. Errors: HEED_NOMEM; HEED_RANGE they are not finite.                   */
static enum heed_status turned_make(const double *f, size_t n, size_t d, double alpha,
                                    unsigned threads, struct turned *out)
{
    *out = (struct turned){n, d, malloc(d * d * sizeof(double)), malloc(d * sizeof(double)),
                           malloc((n * d + 1) * sizeof(double))};
    enum heed_status status = out->basis && out->spectrum && out->rows ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK)
        status = ials_gram(f, n, d, alpha, threads, out->basis, out->spectrum);
    if (status != HEED_OK) {
        turned_free(out);
        return status;
    }
    struct turning w = {out, f};
    parallel_each((n + ROWS - 1) / ROWS, threads, turn_piece, &w);
    return HEED_OK;
}

/* Room to solve rows in; what is in floats takes a half. */
struct solving {
    double ridge;              /* that root is for; NAN: none */
    float *root;               /* [d] 1 / sqrt(W + ridge) */
    float *small, *part, *sum; /* [d * d], [max(GATHER, d) * d], [d] */
    double *a, *gathered;      /* [d * d], [GATHER * d]: the same memory */
};

static size_t wide(size_t d)
{
    return d > GATHER ? d : GATHER;
}

static size_t room_of(size_t d)
{
    return d * d + (wide(d) + 2) * d;
}

static struct solving solving_in(double *room, size_t d)
{
    float *f = (float *)(room + d * d);
    return (struct solving){.ridge = NAN,
                            .root = f,
                            .sum = f + d,
                            .part = f + 2 * d,
                            .small = (float *)room,
                            .a = room,
                            .gathered = room + d * d};
}

/* 1 / sqrt(D), D = W + ridge. false: D is not clearly positive.                                  */
static bool find_roots(struct solving *s, const struct turned *t, double ridge)
{
    if (s->ridge == ridge)
        return true;
    s->ridge = NAN;
    for (size_t j = 0; j < t->d; j++) {
        double weight = t->spectrum[j] + ridge;
        if (!(weight > 1e-10 * (t->spectrum[t->d - 1] + ridge)))
            return false;
        s->root[j] = (float)(1 / sqrt(weight));
    }
    s->ridge = ridge;
    return true;
}

/* part[count * d]: some of the row's items, scaled.                                              */
static void gather_scaled(const struct solving *s, const struct turned *t, const uint32_t *items,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double *f = t->rows + items[i] * t->d;
        float *to = s->part + i * t->d;
        for (size_t j = 0; j < t->d; j++)
            to[j] = s->root[j] * (float)f[j];
    }
}

/* a x = x for positive definite a (lower triangle, spoilt).                                      */
static bool solve_float(float *a, size_t n, float *x)
{
    int size = (int)n, info = 0;
    spotrf_("L", &size, a, &size, &info);
    if (info != 0)
        return false;
    cblas_strsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, size, a, size, x, 1);
    cblas_strsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, size, a, size, x, 1);
    return true;
}

/* (D + H'H) x = H'1 for the n rows H of other items: with G = H D^-1/2 it is x = D^-1/2 y, where
 * (I + G'G) y = G'1, or y = G' z and (I + G G') z = 1, whichever is smaller.                     */
static bool solve_scaled(const struct solving *s, const struct turned *t, struct sparse_row row,
                         double *x)
{
    size_t d = t->d, n = row.n;
    int size = (int)d;
    float *a = s->small, *y = s->sum;
    if (n < d) {
        float z[IALS_FEW];
        gather_scaled(s, t, row.column, n);
        if (n > 1)
            cblas_ssyrk(CblasColMajor, CblasLower, CblasTrans, (int)n, size, 1, s->part, size, 0, a,
                        (int)n);
        else if (n == 1)
            a[0] = cblas_sdot(size, s->part, 1, s->part, 1);
        for (size_t i = 0; i < n; i++) {
            a[i * n + i] += 1;
            z[i] = 1;
        }
        if (n > 1 && !solve_float(a, n, z))
            return false;
        if (n == 1)
            z[0] /= a[0];
        memset(y, 0, d * sizeof *y);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < d; j++)
                y[j] += z[i] * s->part[i * d + j];
    } else {
        memset(a, 0, d * d * sizeof *a);
        memset(y, 0, d * sizeof *y);
        for (size_t from = 0; from < n; from += wide(d)) {
            size_t count = n - from < wide(d) ? n - from : wide(d);
            gather_scaled(s, t, row.column + from, count);
            for (size_t i = 0; i < count; i++)
                for (size_t j = 0; j < d; j++)
                    y[j] += s->part[i * d + j];
            cblas_ssyrk(CblasColMajor, CblasLower, CblasNoTrans, size, (int)count, 1, s->part, size,
                        1, a, size);
        }
        for (size_t j = 0; j < d; j++)
            a[j * d + j] += 1;
        if (!solve_float(a, d, y))
            return false;
    }
    for (size_t j = 0; j < d; j++)
        x[j] = (double)(s->root[j] * y[j]);
    return true;
}

/* The same in doubles, as it stands.                                                             */
static bool solve_plain(const struct solving *s, const struct turned *t, double ridge,
                        struct sparse_row row, double *x)
{
    size_t d = t->d;
    double *a = s->a;
    memset(a, 0, d * d * sizeof *a);
    memset(x, 0, d * sizeof *x);
    for (size_t from = 0; from < row.n; from += GATHER) {
        size_t count = row.n - from < GATHER ? row.n - from : GATHER;
        for (size_t i = 0; i < count; i++) {
            const double *f = t->rows + row.column[from + i] * d;
            memcpy(s->gathered + i * d, f, d * sizeof *f);
            for (size_t j = 0; j < d; j++)
                x[j] += f[j];
        }
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, (int)d, (int)count, 1, s->gathered,
                    (int)d, 1, a, (int)d);
    }
    for (size_t j = 0; j < d; j++)
        a[j * d + j] += ridge + t->spectrum[j];
    return spd_solve(a, d, x);
}

/* One row's factors, turned, given the other side's. false: singular. */
static bool solve_row(const struct ials *m, const struct turned *t, struct sparse_row row,
                      struct solving *s, double *x)
{
    double ridge = ials_ridge(m->lambda, m->alpha, m->nu, row.n, t->n);
    if (m->alpha >= IALS_ALPHA_FLOAT && (row.n >= t->d || row.n <= IALS_FEW) &&
        find_roots(s, t, ridge) && solve_scaled(s, t, row, x))
        return true;
    s->ridge = NAN; /* the memory is shared */
    return solve_plain(s, t, ridge, row, x);
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
    struct solving solving = solving_in(room, d);
    for (size_t i = 0; i < n; i++) {
        size_t r = s->only ? s->only[at + i] : at + i;
        if (!solve_row(s->m, s->other, sparse_row(s->rows, r), &solving, x + i * d))
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

/* One side of an iteration, by the solver asked for, or exactly where floats will not do. */
static enum heed_status train_side(const struct training *t, const double *param, struct ials *m,
                                   bool users, double *room)
{
    const struct sparse *rows = users ? t->users : t->items;
    double *mine = users ? m->users : m->items, *other = users ? m->items : m->users;
    enum heed_status status = HEED_RANGE;
    if (param[SOLVER] == CG) {
        const struct ials_side s = {.rows = rows,
                                    .d = m->d,
                                    .steps = (size_t)param[STEPS],
                                    .lambda = m->lambda,
                                    .alpha = m->alpha,
                                    .nu = m->nu,
                                    .mine = mine,
                                    .other = other,
                                    .threads = t->threads};
        status = ials_cg(&s);
    }
    return status == HEED_RANGE ? half_step(side(m, rows, mine, room), other, t->threads) : status;
}

static enum heed_status ials_train(const struct training *t, const double *param, void **model,
                                   struct heed_error *err)
{
    if (param[SOLVER] != CG && param[STEPS] != STEPS_USUAL)
        return error_set(err, HEED_USAGE, "ials",
                         "steps=%g is of solver=cg alone: leave it out, or solver=exact",
                         param[STEPS]);
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
            status = train_side(t, param, m, true, room);
            if (status == HEED_OK)
                status = train_side(t, param, m, false, room);
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
    struct solving solving = solving_in(room, d);
    if (!solve_row(m, &m->of_items, history, &solving, x))
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

/* All items by all users are one product of matrices.                                            */
static enum heed_status ials_score_many(const void *model, const struct sparse_row *histories,
                                        size_t n, double *score)
{
    const struct ials *m = model;
    size_t d = m->d;
    double *room = malloc((room_of(d) + n * d) * sizeof *room), *x = room + room_of(d);
    if (!room)
        return HEED_NOMEM;
    struct solving solving = solving_in(room, d);
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = solve_row(m, &m->of_items, histories[i], &solving, x + i * d);
    if (ok)
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, (int)m->items_n, (int)n, (int)d, 1,
                    m->of_items.rows, (int)d, x, (int)d, 0, score, (int)m->items_n);
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

static enum heed_status ials_resume(const struct stored_model *from, size_t trained,
                                    const double *param, void **model)
{
    (void)trained;
    return ials_of_factors(from->factors, from->items, from->factors_n, STORED_UNIT, param, model);
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
    if (both > 0)
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
                                      .words = ials_words,
                                      .train = ials_train,
                                      .score = ials_score,
                                      .score_many = ials_score_many,
                                      .update = ials_update,
                                      .free = ials_free,
                                      .store = ials_store,
                                      .resume = ials_resume,
                                      .stores_factors = true};
