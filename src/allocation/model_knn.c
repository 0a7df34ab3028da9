/* Items that are taken together: cosine between items, each with its nearest neighbours kept.
 *
 *   s_ij = |U_i and U_j| / (sqrt(|U_i| |U_j|) + shrink),   score_j = sum of s_ij over i in the
 * history that keep j among their neighbours
 *
 * An update is exact: it gives the neighbours that training on the new data would. The counts are
 * not kept but made again, of the items that changed and of those whose neighbours that moves.
 * Cost: together_of for each of these, and one look at all neighbours kept. A model that is resumed
 * has its cosines in whole millionths, which `blur` allows for.
 *
 * Source: M. Deshpande, G. Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 22
 * (2004) 143; the shrinkage as in R. Bell, Y. Koren, ICDM 2007. */
#include "allocation/stored.h"
#include "allocation/together.h"
#include "allocation/top.h"
#include "base/parallel.h"

#include <math.h>
#include <stdlib.h>

enum { NEIGHBOURS, SHRINK, KNN_PARAMS };
static const struct model_param knn_params[KNN_PARAMS] = {
    {"neighbours", 20, 1, 1e6, true, "kept of each item"},
    {"shrink", 0, 0, 1e9, false, "takes from the cosine of items that few share"},
};

struct knn {
    size_t items, keep;
    double shrink, blur;        /* how far a cosine may be from what it was */
    size_t ranked;              /* items that ties were drawn for */
    uint32_t *count;            /* [items] */
    struct top_item *neighbour; /* [items * keep] */
};

static void knn_free(void *model)
{
    struct knn *m = model;
    if (m) {
        free(m->count);
        free(m->neighbour);
    }
    free(m);
}

struct knn_work {
    const struct training *t;
    const uint32_t *order;
    struct knn *m;
    const uint32_t *item; /* of a piece; NULL: the piece itself */
    double *together;     /* [items] a worker, zero between items */
    uint32_t *touched;    /* [items] a worker */
};

static void neighbours_of(void *context, size_t piece, unsigned worker)
{
    struct knn_work *k = context;
    size_t item = k->item ? k->item[piece] : piece;
    struct knn *m = k->m;
    double *together = k->together + worker * m->items;
    uint32_t *touched = k->touched + worker * m->items;
    size_t n = together_of(k->t, item, together, touched);
    double mine = (double)sparse_row(k->t->items, item).n;
    struct top top = top_of(m->neighbour + item * m->keep, m->keep, k->order);
    for (size_t i = 0; i < n; i++) {
        double theirs = (double)sparse_row(k->t->items, touched[i]).n;
        top_offer(&top, touched[i], together[touched[i]] / (sqrt(mine * theirs) + m->shrink));
        together[touched[i]] = 0;
    }
    m->count[item] = (uint32_t)top_sort(&top);
    if (worker == 0 && piece % 256 == 0 && k->t->progress)
        k->t->progress(k->t->context, (double)item / (double)m->items);
}

static enum heed_status knn_train(const struct training *t, const double *param, void **model,
                                  struct heed_error *err)
{
    (void)err;
    size_t items = t->items->rows, workers = parallel_workers(t->threads);
    size_t keep = param[NEIGHBOURS] < (double)items ? (size_t)param[NEIGHBOURS] : items;
    struct knn *m = calloc(1, sizeof *m);
    uint32_t *order = top_order(items, t->seed);
    struct knn_work k = {.t = t, .order = order, .m = m};
    k.together = calloc(items * workers + 1, sizeof *k.together);
    k.touched = malloc((items * workers + 1) * sizeof *k.touched);
    if (m)
        *m = (struct knn){.items = items,
                          .keep = keep,
                          .shrink = param[SHRINK],
                          .ranked = items,
                          .count = calloc(items + 1, sizeof *m->count),
                          .neighbour = malloc((items * keep + 1) * sizeof *m->neighbour)};
    bool ok = m && m->count && m->neighbour && order && k.together && k.touched;
    if (ok)
        parallel_each(items, t->threads, neighbours_of, &k);
    free(order);
    free(k.together);
    free(k.touched);
    if (!ok) {
        knn_free(m);
        return HEED_NOMEM;
    }
    *model = m;
    return HEED_OK;
}

static enum heed_status knn_score(const void *model, size_t user, struct sparse_row history,
                                  double *score)
{
    (void)user;
    const struct knn *m = model;
    for (size_t i = 0; i < m->items; i++)
        score[i] = 0;
    for (size_t i = 0; i < history.n; i++) {
        const struct top_item *x = m->neighbour + history.column[i] * m->keep;
        for (uint32_t j = 0; j < m->count[history.column[i]]; j++)
            score[x[j].item] += x[j].score;
    }
    return HEED_OK;
}

/* Marks the items that changed: those with other users, and those that ties go to otherwise because
 * there are more items now.                                                                      */
static bool mark_changed(const struct knn_work *k, const struct model_change *change, bool *changed)
{
    size_t ranked = k->m->ranked;
    uint32_t *before = ranked < k->m->items ? top_order(ranked, k->t->seed) : NULL;
    if (ranked < k->m->items && !before)
        return false;
    for (size_t i = 0; i < change->items_n; i++)
        changed[change->items[i]] = true;
    for (size_t i = 0; before && i < ranked; i++)
        changed[i] = changed[i] || before[i] != k->order[i];
    free(before);
    return true;
}

/* Marks the items among whose neighbours a changed one stands, or may now stand, and itself.     */
static void mark_moved(const struct knn_work *k, const bool *changed, bool *moved)
{
    const struct knn *m = k->m;
    for (uint32_t item = 0; item < m->items; item++) {
        if (!changed[item])
            continue;
        size_t n = together_of(k->t, item, k->together, k->touched);
        double mine = (double)sparse_row(k->t->items, item).n;
        moved[item] = true;
        for (size_t i = 0; i < n; i++) {
            uint32_t j = k->touched[i];
            double theirs = (double)sparse_row(k->t->items, j).n;
            double score = k->together[j] / (sqrt(mine * theirs) + m->shrink);
            const struct top_item *list = m->neighbour + j * m->keep;
            if (m->count[j] < m->keep || score + m->blur >= list[m->keep - 1].score)
                moved[j] = true;
            k->together[j] = 0;
        }
    }
    for (size_t j = 0; j < m->items; j++)
        for (uint32_t i = 0; i < m->count[j] && !moved[j]; i++)
            moved[j] = changed[m->neighbour[j * m->keep + i].item];
}

static enum heed_status knn_update(void *model, const struct training *t,
                                   const struct model_change *change, struct heed_error *err)
{
    struct knn *m = model;
    size_t items = m->items, workers = parallel_workers(t->threads), n = 0;
    enum heed_status status = model_same_items(t, items, "knn", err);
    if (status != HEED_OK || (change->items_n == 0 && m->ranked == items))
        return status;
    uint32_t *order = top_order(items, t->seed), *list = malloc((items + 1) * sizeof *list);
    bool *changed = calloc(items + 1, 1), *moved = calloc(items + 1, 1);
    struct knn_work k = {.t = t, .order = order, .m = m, .item = list};
    k.together = calloc(items * workers + 1, sizeof *k.together);
    k.touched = malloc((items * workers + 1) * sizeof *k.touched);
    bool all = change->items_n == items;
    if (order && list && changed && moved && k.together && k.touched &&
        (all || mark_changed(&k, change, changed))) {
        if (!all)
            mark_moved(&k, changed, moved);
        for (uint32_t i = 0; i < items; i++)
            if (all || moved[i])
                list[n++] = i;
        parallel_each(n, t->threads, neighbours_of, &k);
        m->ranked = items;
    } else {
        status = HEED_NOMEM;
    }
    free(order);
    free(list);
    free(changed);
    free(moved);
    free(k.together);
    free(k.touched);
    return status;
}

static size_t knn_parts(const void *model, size_t row, struct stored_part *out)
{
    const struct knn *m = model;
    const struct top_item *x = m->neighbour + row * m->keep;
    for (uint32_t i = 0; i < m->count[row]; i++)
        out[i] = (struct stored_part){x[i].item, x[i].score};
    return m->count[row];
}

static enum heed_status knn_store(const void *model, size_t keep, struct stored_model *out,
                                  struct heed_error *err)
{
    const struct knn *m = model;
    return stored_weights(out, m->items, keep, false, knn_parts, m, "knn", err);
}

static bool weaker(struct top_item a, struct top_item b)
{
    return a.score < b.score || (!(b.score < a.score) && a.item > b.item);
}

static enum heed_status knn_resume(const struct stored_model *from, size_t trained,
                                   const double *param, void **model)
{
    size_t items = from->items;
    size_t keep = param[NEIGHBOURS] < (double)items ? (size_t)param[NEIGHBOURS] : items;
    struct knn *m = calloc(1, sizeof *m);
    if (m)
        *m = (struct knn){.items = items,
                          .keep = keep,
                          .shrink = param[SHRINK],
                          .blur = 1 / STORED_UNIT,
                          .ranked = trained,
                          .count = calloc(items + 1, sizeof *m->count),
                          .neighbour = malloc((items * keep + 1) * sizeof *m->neighbour)};
    if (!m || !m->count || !m->neighbour) {
        knn_free(m);
        return HEED_NOMEM;
    }
    for (size_t i = 0; i < items; i++) {
        struct sparse_row row = sparse_row(&from->weights, i);
        struct top_item *list = m->neighbour + i * keep;
        if (row.n > keep) {
            knn_free(m);
            return HEED_INPUT;
        }
        for (size_t j = 0; j < row.n; j++) {
            struct top_item x = {(double)row.value[j] / STORED_UNIT, row.column[j]};
            size_t at = j;
            for (; at > 0 && weaker(list[at - 1], x); at--)
                list[at] = list[at - 1];
            list[at] = x;
        }
        m->count[i] = (uint32_t)row.n;
    }
    *model = m;
    return HEED_OK;
}

const struct model_kind model_knn = {.name = "knn",
                                     .params = knn_params,
                                     .params_n = KNN_PARAMS,
                                     .train = knn_train,
                                     .score = knn_score,
                                     .update = knn_update,
                                     .free = knn_free,
                                     .store = knn_store,
                                     .resume = knn_resume};
