/* EASE with few weights a column: each item is fitted by its nearest items alone, exactly.
 *
 * For item j with neighbours N: (G_NN + lambda I) b = G_Nj, G = X'X. With all other items as
 * neighbours this is EASE itself (the column of its inverse, by block elimination). G is never
 * formed: a column's piece of it comes from the rows of its neighbours.
 *
 * Sources: X. Ning, G. Karypis, "SLIM", ICDM 2011, sec. IV.C (fitting on the nearest items only);
 * H. Steck, "Markov random fields for collaborative filtering", NeurIPS 2019, sec. 3.2 (sparse
 * inverse from dense submatrices of the greatest correlations).                                  */
#include "allocation/dense.h"
#include "allocation/ease_parts.h"
#include "allocation/together.h"
#include "allocation/top.h"
#include "base/parallel.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { NOBODY = -1 };

/* A neighbour's presence in a row, before the one met there last.                                */
struct link {
    int64_t before; /* place in links, or NOBODY */
    uint32_t neighbour;
    float value;
};

struct worker {
    double *sum;       /* [items], zero between items */
    uint32_t *touched; /* [items] */
    int64_t *head;     /* [rows], NOBODY between items */
    struct link *links;
    size_t links_cap;
    struct top_item *best;   /* [keep] */
    double *gram, *x, *with; /* [keep * keep], [keep], [keep] */
};

struct fitting {
    const struct training *t;
    double lambda;
    size_t keep;
    const uint32_t *order;
    double *square;         /* [items] G_ii */
    struct sparse *by_item; /* weights that make row j's score; room for `keep` a row */
    uint32_t *count;        /* [items] of them used */
    struct worker worker[PARALLEL_MAX];
    atomic_int status;
    _Atomic(size_t) singular; /* the least item */
};

static double value_of(struct sparse_row row, size_t i)
{
    return row.value ? (double)row.value[i] : 1;
}

/* The lower triangle of G_NN + lambda I, from the rows that the neighbours stand in. false: no
 * memory.                                                                                        */
static bool local_gram(const struct fitting *f, struct worker *w, size_t n)
{
    size_t links = 0;
    bool ok = true;
    memset(w->gram, 0, n * n * sizeof *w->gram);
    for (size_t a = 0; a < n && ok; a++) {
        struct sparse_row rows = sparse_row(f->t->items, w->best[a].item);
        w->gram[a * n + a] = f->square[w->best[a].item] + f->lambda;
        ok = array_grow(&w->links, &w->links_cap, links + rows.n + 1, sizeof *w->links);
        for (size_t r = 0; ok && r < rows.n; r++) {
            int64_t *head = &w->head[rows.column[r]];
            double value = value_of(rows, r);
            for (int64_t l = *head; l != NOBODY; l = w->links[l].before)
                w->gram[w->links[l].neighbour * n + a] += value * (double)w->links[l].value;
            w->links[links] = (struct link){*head, (uint32_t)a, (float)value};
            *head = (int64_t)links++;
        }
    }
    for (size_t a = 0; a < n; a++) {
        struct sparse_row rows = sparse_row(f->t->items, w->best[a].item);
        for (size_t r = 0; r < rows.n; r++)
            w->head[rows.column[r]] = NOBODY;
    }
    return ok;
}

static void fit_item(void *context, size_t item, unsigned worker)
{
    struct fitting *f = context;
    struct worker *w = &f->worker[worker];
    size_t met = together_of(f->t, item, w->sum, w->touched);
    struct top top = top_of(w->best, f->keep, f->order);
    for (size_t i = 0; i < met; i++)
        top_offer(&top, w->touched[i], w->sum[w->touched[i]] / sqrt(f->square[w->touched[i]]));
    size_t n = top_sort(&top);
    for (size_t a = 0; a < n; a++)
        w->x[a] = w->with[a] = w->sum[w->best[a].item];
    for (size_t i = 0; i < met; i++)
        w->sum[w->touched[i]] = 0;
    if (n == 0)
        return;
    if (!local_gram(f, w, n)) {
        atomic_store(&f->status, HEED_NOMEM);
        return;
    }
    bool solved = spd_solve(w->gram, n, w->x);
    double square = f->square[item] + f->lambda, left = square;
    for (size_t a = 0; solved && a < n; a++)
        left -= w->x[a] * w->with[a];
    if (!solved || left * EASE_EXPLAINED_MAX < square) {
        size_t least = atomic_load(&f->singular);
        while (item < least && !atomic_compare_exchange_weak(&f->singular, &least, item))
            ;
        return;
    }
    f->count[item] = (uint32_t)n;
    for (size_t a = 0; a < n; a++) {
        f->by_item->column[item * f->keep + a] = w->best[a].item;
        f->by_item->value[item * f->keep + a] = (float)w->x[a];
    }
    if (worker == 0 && f->t->progress && item % 64 == 0)
        f->t->progress(f->t->context, (double)item / (double)f->t->items->rows);
}

static bool worker_init(struct worker *w, size_t items, size_t rows, size_t keep)
{
    w->sum = calloc(items + 1, sizeof *w->sum);
    w->touched = malloc((items + 1) * sizeof *w->touched);
    w->head = malloc((rows + 1) * sizeof *w->head);
    w->best = malloc((keep + 1) * sizeof *w->best);
    w->gram = malloc((keep * keep + 1) * sizeof *w->gram);
    w->x = malloc((keep + 1) * sizeof *w->x);
    w->with = malloc((keep + 1) * sizeof *w->with);
    for (size_t r = 0; w->head && r < rows; r++)
        w->head[r] = NOBODY;
    return w->sum && w->touched && w->head && w->best && w->gram && w->x && w->with;
}

static void worker_deinit(struct worker *w)
{
    free(w->sum);
    free(w->touched);
    free(w->head);
    free(w->links);
    free(w->best);
    free(w->gram);
    free(w->x);
    free(w->with);
}

/* Closes the gaps that rows with fewer than `keep` leave.                                        */
static void close_rows(struct sparse *m, const uint32_t *count, size_t keep)
{
    for (size_t i = 0; i < m->rows; i++) {
        memmove(m->column + m->at[i], m->column + i * keep, count[i] * sizeof *m->column);
        memmove(m->value + m->at[i], m->value + i * keep, count[i] * sizeof *m->value);
        m->at[i + 1] = m->at[i] + count[i];
    }
}

enum heed_status ease_fit_nearest(const struct training *t, double lambda, size_t keep,
                                  struct sparse *weights, size_t *singular)
{
    size_t items = t->items->rows, workers = parallel_workers(t->threads);
    struct sparse by_item = {0};
    uint32_t *order = top_order(items, t->seed);
    struct fitting f = {.t = t, .lambda = lambda, .keep = keep, .order = order};
    atomic_init(&f.status, HEED_OK);
    atomic_init(&f.singular, SIZE_MAX);
    f.by_item = &by_item;
    f.square = calloc(items + 1, sizeof *f.square);
    f.count = calloc(items + 1, sizeof *f.count);
    bool ok = order && f.square && f.count;
    for (size_t w = 0; w < workers; w++)
        ok = worker_init(&f.worker[w], items, t->users->rows, keep) && ok;
    enum heed_status status =
        ok ? sparse_init(&by_item, items, items, (uint64_t)items * keep, true) : HEED_NOMEM;
    if (status == HEED_OK) {
        for (size_t i = 0; i < items; i++) {
            struct sparse_row row = sparse_row(t->items, i);
            for (size_t r = 0; r < row.n; r++)
                f.square[i] += value_of(row, r) * value_of(row, r);
        }
        dense_begin();
        parallel_each(items, t->threads, fit_item, &f);
        status = (enum heed_status)atomic_load(&f.status);
        *singular = atomic_load(&f.singular);
        if (status == HEED_OK && *singular != SIZE_MAX)
            status = HEED_RANGE;
    }
    if (status == HEED_OK) {
        close_rows(&by_item, f.count, keep);
        status = sparse_transpose(&by_item, weights);
    }
    for (size_t w = 0; w < workers; w++)
        worker_deinit(&f.worker[w]);
    sparse_deinit(&by_item);
    free(order);
    free(f.square);
    free(f.count);
    return status;
}
