/* What a floor costs: the world's own acts split in two, as `heed allocate batch` does it.
 *
 * A pair of a person and a content counts once, in order of first contact; the catalogue is all
 * contents that may be shown. The model learns from all who have acted enough; exposure is shared
 * out among an even sample of them, so that a report does not take long.                         */
#include "report/data.h"

#include "allocation/fair.h"
#include "allocation/split.h"
#include "base/stats.h"
#include "world/engine.h"

#include <math.h>
#include <stdlib.h>

enum {
    PEOPLE_MOST = 4000,
    OTHERWISE = 2,        /* place of .1 among the floors */
    PAIRS_MOST = 5000000, /* of a person and a content */
    THREADS = 2
};

struct sampling {
    const struct report_data *d;
    uint32_t *acts;   /* [parties] contents acted on, by who may be in the sample */
    uint32_t *column; /* [contents] or HANDLE_NONE: not to be shown */
    size_t items;
};

/* Whether a pair is an act on somebody else's content that may be shown, and well meant.         */
static bool counts(const struct sampling *s, const struct pair *p)
{
    const struct catalogue *c = &s->d->w->state.catalogue;
    return target_kind(p->target) == TARGET_CONTENT && p->weight_micro > 0 &&
           s->column[target_index(p->target)] != HANDLE_NONE &&
           c->contents[target_index(p->target)].creator != p->user &&
           !(c->parties[p->user].flags & PARTY_ERASED);
}

/* Leaves acts[] of people who have enough, of as many as are looked at. */
static void sample(struct sampling *s, struct frontier *f)
{
    const struct state *state = &s->d->w->state;
    for (size_t i = 0; i < state->behaviour.pairs_n; i++)
        s->acts[state->behaviour.pairs[i].user] += counts(s, &state->behaviour.pairs[i]);
    for (size_t i = 0; i < state->catalogue.parties_n; i++)
        f->able += s->acts[i] >= FRONTIER_ACTS;
    size_t step = (f->able + PEOPLE_MOST - 1) / PEOPLE_MOST;
    for (size_t i = 0, n = 0; i < state->catalogue.parties_n; i++) {
        if (s->acts[i] < FRONTIER_ACTS || n++ % step != 0)
            s->acts[i] = 0;
    }
}

/* Names are handles in digits: what is alike in a model is drawn by chance, never by name.       */
static struct str number_name(uint32_t handle, char buf[16])
{
    return (struct str){buf, (size_t)snprintf(buf, 16, "%u", handle)};
}

static enum heed_status read_acts(const struct sampling *s, struct interactions *x,
                                  struct heed_error *err)
{
    const struct behaviour *b = &s->d->w->state.behaviour;
    char user[16], item[16];
    for (uint32_t i = 0; i < s->d->w->state.catalogue.contents_n; i++)
        if (s->column[i] != HANDLE_NONE &&
            intern_add(&x->items, number_name(i, item)) == INTERN_NONE)
            return error_nomem(err);
    for (size_t i = 0; i < b->pairs_n; i++) {
        const struct pair *p = &b->pairs[i];
        if (s->acts[p->user] == 0 || !counts(s, p))
            continue;
        enum heed_status status = interactions_add(x, number_name(p->user, user),
                                                   number_name(target_index(p->target), item),
                                                   STR("act"), 1, INTERACTIONS_NO_TIME, err);
        if (status != HEED_OK)
            return status;
    }
    return HEED_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts exposure, which is lost, and takes its Lorenz curve.                                     */
static void lorenz_of(double *exposure, size_t items, struct curve *out)
{
    size_t n = 0;
    double total = 0, sum = 0;
    for (size_t i = 0; i < items; i++)
        if (!isnan(exposure[i])) {
            total += exposure[i] > 0 ? exposure[i] : 0;
            exposure[n++] = exposure[i] > 0 ? exposure[i] : 0;
        }
    qsort(exposure, n, sizeof *exposure, ascending);
    out->any = total > 0;
    if (!out->any)
        return;
    out->gini = gini_sorted(exposure, n);
    for (size_t i = 0, at = 0; i < CURVE_POINTS; i++) {
        for (size_t upto = n * i / (CURVE_POINTS - 1); at < upto; at++)
            sum += exposure[at];
        out->y[i] = sum / total;
    }
}

/* Floors to be tried, ascending; the world's own among them. Gives its place.                    */
static size_t floors(const struct report_data *d, struct fair_frontier_point *points, size_t *n)
{
    static const double usual[] = {0, .05, .1, .25, .5};
    double own = d->w->state.rules.allocation.floor_ppm / 1e6;
    size_t at = 0;
    *n = 0;
    for (size_t i = 0; i <= sizeof usual / sizeof *usual; i++) {
        bool last = i == sizeof usual / sizeof *usual;
        bool before = *n == 0 || points[*n - 1].floor < own;
        if (before && (last ? *n == 0 || points[*n - 1].floor != own : usual[i] > own)) {
            at = *n;
            points[(*n)++].floor = own;
        }
        if (last)
            break;
        if (usual[i] == own)
            at = *n;
        points[(*n)++].floor = usual[i];
    }
    return at;
}

static void keep(const struct fair_frontier_point *from, struct frontier_row *to)
{
    const struct fair_report *r = &from->report;
    *to = (struct frontier_row){.floor = from->floor,
                                .feasible = from->feasible,
                                .most = from->most,
                                .ndcg = r->ndcg,
                                .ndcg_kept = r->ndcg_kept,
                                .worst_tenth = r->worst_decile,
                                .mean = r->mean_utility,
                                .gini = r->gini,
                                .shown = r->exposed};
}

/* One row in `step`, as a matrix of its own. */
static enum heed_status rows_of(const struct sparse *m, size_t step, struct sparse *out)
{
    size_t rows = (m->rows + step - 1) / step;
    uint64_t n = 0;
    for (size_t r = 0; r < rows; r++)
        n += sparse_row(m, r * step).n;
    if (sparse_init(out, rows, m->columns, n, false) != HEED_OK)
        return HEED_NOMEM;
    for (size_t r = 0; r < rows; r++) {
        struct sparse_row row = sparse_row(m, r * step);
        out->at[r + 1] = out->at[r] + row.n;
        if (row.n > 0)
            memcpy(out->column + out->at[r], row.column, row.n * sizeof *row.column);
    }
    return HEED_OK;
}

static enum heed_status share_out(struct frontier *f, const struct split *split,
                                  struct heed_error *err)
{
    struct sparse history = {0}, test = {0};
    struct fair_frontier_point points[FLOORS_MAX] = {{0}};
    struct fair_batch_options o = {.welfare = FAIR_NONE,
                                   .k = f->k,
                                   .iterations = 20,
                                   .seed = 1,
                                   .threads = THREADS,
                                   .hasty = true};
    size_t n = 0;
    enum heed_status status = model_names_parse(STR("ease"), &o.model, &n, err);
    if (status == HEED_OK)
        status = model_params_parse(STR("lambda=30,neighbours=50"), &o.model, 1, err);
    for (size_t i = 0; i < f->rows_n; i++)
        points[i].floor = f->rows[i].floor;
    size_t most = PAIRS_MOST / split->train.columns;
    most = most > FRONTIER_PEOPLE ? most : FRONTIER_PEOPLE;
    f->step = (split->train.rows + most - 1) / most;
    f->people = (split->train.rows + f->step - 1) / f->step;
    if (status == HEED_OK && (rows_of(&split->train, f->step, &history) != HEED_OK ||
                              rows_of(&split->test, f->step, &test) != HEED_OK))
        status = error_nomem(err);
    if (status == HEED_OK)
        status = fair_frontier_run(&split->train, &history, &test, &o, points, f->rows_n, err);
    sparse_deinit(&history);
    sparse_deinit(&test);
    if (status != HEED_OK)
        return status;
    for (size_t i = 0; i < f->rows_n; i++)
        keep(&points[i], &f->rows[i]);
    lorenz_of(points[0].exposure, split->train.columns, &f->before);
    f->has_own = f->own > 0 && points[f->own].feasible;
    if (f->own == 0) /* the rules promise none: what a tenth would do */
        f->own = OTHERWISE;
    while (!points[f->own].feasible)
        f->own--;
    if (f->own > 0)
        lorenz_of(points[f->own].exposure, split->train.columns, &f->after);
    fair_frontier_deinit(points, f->rows_n);
    f->state = FRONTIER_DRAWN;
    return HEED_OK;
}

static enum heed_status frontier_of(struct sampling *s, struct frontier *f, struct heed_error *err)
{
    struct interactions x;
    struct split split = {0};
    interactions_init(&x);
    enum heed_status status = read_acts(s, &x, err);
    if (status == HEED_OK)
        status = split_make(&x, SPLIT_EVERY_5TH, &split, err);
    if (status == HEED_OK) {
        f->known = sparse_count(&split.train);
        f->hidden = sparse_count(&split.test);
        status = share_out(f, &split, err);
    }
    split_deinit(&split);
    interactions_deinit(&x);
    return status;
}

enum heed_status gather_frontier(struct report_data *d, struct heed_error *err)
{
    const struct catalogue *c = &d->w->state.catalogue;
    struct frontier *f = &d->frontier;
    struct fair_frontier_point points[FLOORS_MAX];
    struct sampling s = {.d = d,
                         .acts = calloc(c->parties_n + 1, sizeof *s.acts),
                         .column = malloc((c->contents_n + 1) * sizeof *s.column)};
    enum heed_status status = s.acts && s.column ? HEED_OK : error_nomem(err);
    for (uint32_t i = 0; status == HEED_OK && i < c->contents_n; i++)
        s.column[i] = report_shown(&d->w->state, i) ? (uint32_t)s.items++ : HANDLE_NONE;
    if (status == HEED_OK) {
        f->k = d->w->state.rules.allocation.k;
        f->contents = s.items;
        f->own = floors(d, points, &f->rows_n);
        for (size_t i = 0; i < f->rows_n; i++)
            f->rows[i].floor = points[i].floor;
        sample(&s, f);
        if (f->able < FRONTIER_PEOPLE)
            f->state = FRONTIER_FEW_PEOPLE;
        else if (s.items < 2 * f->k || s.items > CONTENTS_MOST)
            f->state = s.items < 2 * f->k ? FRONTIER_FEW_CONTENTS : FRONTIER_MANY_CONTENTS;
        else
            status = frontier_of(&s, f, err);
    }
    free(s.acts);
    free(s.column);
    return status;
}
