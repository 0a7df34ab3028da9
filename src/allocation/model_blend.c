/* A blend: EASE on everything known, and what the single nearest of one's items says.
 *
 *   score_j = z(EASE_j) + knn z(sum_i cos_ij) + confidence z(max_i c_ij / (c_i + 3))
 *             + cosine z(max_i c_ij / (sqrt(c_i c_j) + 3)) + popularity z(ln(1 + c_j)),
 * i over the history, c_ij who has both, z(x) = (x - mean) / deviation over the catalogue.
 *
 * EASE adds up what all items of a history say; the maxima let one item speak alone, which is how
 * things sold together or in a series are found. EASE has a constant column (how much anybody takes
 * of anything), users weighed by (what they have)^-tilt, so that the few who have most do not
 * decide alone, and attributes as further rows: items with a word in common are like items somebody
 * has together, which is also all that is known of an item nobody has. Sources: H. Steck, WWW 2019
 * (EASE); O. Jeunen, J. Van Balen, B. Goethals, RecSys 2020, "Closed-form models for collaborative
 * filtering with side-information" (attributes as rows); R. Agrawal, T. Imielinski, A. Swami,
 * SIGMOD 1993 (confidence of a rule).                                      */
#include "allocation/ease.h"
#include "allocation/stored.h"
#include "allocation/together.h"
#include "allocation/top.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>

enum {
    LAMBDA,
    NEIGHBOURS,
    TILT,
    FEATURES,
    KNN,
    CONFIDENCE,
    COSINE,
    POPULARITY,
    RENEW,
    BLEND_PARAMS
};
enum { FEW = 3 }; /* added below a rule's fraction, so that few cases count for little */
static const struct model_param blend_params[BLEND_PARAMS] = {
    {"lambda", 8, 0, 1e12, false, "pulls EASE's weights to zero"},
    {"neighbours", 50, 0, EASE_NEIGHBOURS_MAX, true,
     "nearest items an item is fitted by in EASE; 0: all, or 200 of more than 20,000 items"},
    {"tilt", .5, 0, 2, false, "users weigh in EASE by (what they have)^-tilt"},
    {"features", 1, 0, 1e3, false, "weight of the items' attributes in EASE"},
    {"knn", .3, -1e3, 1e3, false, "weight of the sum of cosines, beside 1 for EASE"},
    {"confidence", .65, -1e3, 1e3, false, "weight of the best rule from one item of the history"},
    {"cosine", .55, -1e3, 1e3, false, "weight of the greatest cosine with the history"},
    {"popularity", -.6, -1e3, 1e3, false, "weight of the logarithm of how many have the item"},
    {"renew", .01, 0, 1, false, "share of pairs that change before an update makes it all anew"},
};

struct blend {
    size_t items;
    double param[BLEND_PARAMS];
    uint64_t owed;          /* pairs changed since training */
    struct ease *ease;      /* items + 1 columns, the last constant */
    struct sparse together; /* counts */
    double *reach, *root;   /* [items] who has it, and its square root */
};

static void blend_free(void *model)
{
    struct blend *m = model;
    if (m) {
        ease_free(m->ease);
        sparse_deinit(&m->together);
        free(m->reach);
        free(m->root);
    }
    free(m);
}

/* (what the user has)^-tilt, as a share of the mean over users with anything, then the root.     */
static double *user_scales(const struct sparse *users, double tilt)
{
    double *scale = malloc((users->rows + 1) * sizeof *scale), sum = 0;
    size_t active = 0;
    for (size_t u = 0; scale && u < users->rows; u++) {
        size_t n = sparse_row(users, u).n;
        scale[u] = n ? pow((double)n, -tilt) : 0;
        sum += scale[u];
        active += n > 0;
    }
    for (size_t u = 0; scale && u < users->rows; u++)
        scale[u] = sqrt(scale[u] * (double)active / (sum > 0 ? sum : 1));
    return scale;
}

/* Users, each with a constant behind his items, then attributes.                                 */
static enum heed_status rows_of(const struct training *t, const double *param, struct sparse *out)
{
    const struct sparse *users = t->users, *features = param[FEATURES] > 0 ? t->features : NULL;
    size_t extra = features ? features->rows : 0;
    uint64_t n = sparse_count(users) + users->rows + (features ? sparse_count(features) : 0),
             at = 0;
    double *scale = user_scales(users, param[TILT]);
    enum heed_status status =
        scale ? sparse_init(out, users->rows + extra, users->columns + 1, n, true) : HEED_NOMEM;
    for (size_t r = 0; status == HEED_OK && r < users->rows + extra; r++) {
        bool user = r < users->rows;
        struct sparse_row row = user ? sparse_row(users, r) : sparse_row(features, r - users->rows);
        for (size_t i = 0; i < row.n; i++) {
            out->column[at] = row.column[i];
            out->value[at++] =
                user ? (float)scale[r] : (float)(sqrt(param[FEATURES]) * (double)row.value[i]);
        }
        if (user && row.n) {
            out->column[at] = (uint32_t)users->columns;
            out->value[at++] = (float)scale[r];
        }
        out->at[r + 1] = at;
    }
    free(scale);
    return status;
}

static enum heed_status blend_train(const struct training *t, const double *param, void **model,
                                    struct heed_error *err)
{
    size_t items = t->items->rows;
    struct sparse rows = {0}, turned = {0};
    struct blend *m = calloc(1, sizeof *m);
    if (!m || !(m->reach = malloc((items + 1) * sizeof *m->reach)) ||
        !(m->root = malloc((items + 1) * sizeof *m->root))) {
        blend_free(m);
        return HEED_NOMEM;
    }
    m->items = items;
    memcpy(m->param, param, sizeof m->param);
    for (size_t i = 0; i < items; i++) {
        m->reach[i] = (double)sparse_row(t->items, i).n;
        m->root[i] = sqrt(m->reach[i]);
    }
    enum heed_status status = rows_of(t, param, &rows);
    if (status == HEED_OK)
        status = sparse_transpose(&rows, &turned);
    if (status == HEED_OK) {
        struct training all = *t;
        all.users = &rows;
        all.items = &turned;
        status = ease_fit(&all, param[LAMBDA], (size_t)param[NEIGHBOURS], &m->ease, err);
    }
    sparse_deinit(&rows);
    sparse_deinit(&turned);
    if (status == HEED_OK)
        status = together_counts(t, &m->together);
    if (status != HEED_OK)
        blend_free(m);
    else
        *model = m;
    return status;
}

/* score += weight * z(x).                                                                        */
static void add_standardised(double *score, const double *x, size_t n, double weight)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean) / (double)n;
    double factor = variance > 0 ? weight / sqrt(variance) : 0;
    for (size_t i = 0; i < n; i++)
        score[i] += factor * (x[i] - mean);
}

/* What the items of a history say by themselves; sum, rule, cosine [items] zero before.          */
static void neighbours_say(const struct blend *m, struct sparse_row history, double *sum,
                           double *rule, double *cosine)
{
    for (size_t h = 0; h < history.n; h++) {
        uint32_t i = history.column[h];
        struct sparse_row others = sparse_row(&m->together, i);
        for (size_t k = 0; k < others.n; k++) {
            uint32_t j = others.column[k];
            double both = (double)others.value[k], root = m->root[i] * m->root[j];
            double given = both / (m->reach[i] + FEW), near = both / (root + FEW);
            sum[j] += both / root;
            rule[j] = given > rule[j] ? given : rule[j];
            cosine[j] = near > cosine[j] ? near : cosine[j];
        }
    }
}

size_t blend_room(const void *model)
{
    const struct blend *m = model;
    return 4 * (m->items + 1);
}

void blend_score_in(const void *model, struct sparse_row history, double *room, double *score)
{
    const struct blend *m = model;
    size_t n = m->items, stride = n + 1;
    memset(room, 0, 4 * stride * sizeof *room);
    double *x = room, *sum = room + stride, *rule = sum + stride, *cosine = rule + stride;
    for (size_t i = 0; i < history.n; i++)
        ease_add(m->ease, history.column[i], x);
    ease_add(m->ease, n, x);
    memset(score, 0, n * sizeof *score);
    add_standardised(score, x, n, 1);
    neighbours_say(m, history, sum, rule, cosine);
    add_standardised(score, sum, n, m->param[KNN]);
    add_standardised(score, rule, n, m->param[CONFIDENCE]);
    add_standardised(score, cosine, n, m->param[COSINE]);
    for (size_t j = 0; j < n; j++)
        x[j] = log1p(m->reach[j]);
    add_standardised(score, x, n, m->param[POPULARITY]);
}

static enum heed_status blend_score(const void *model, size_t user, struct sparse_row history,
                                    double *score)
{
    (void)user;
    double *room = malloc(blend_room(model) * sizeof *room);
    if (!room)
        return HEED_NOMEM;
    blend_score_in(model, history, room, score);
    free(room);
    return HEED_OK;
}

/* ── as whole numbers ── */

/* Of each row the `keep` counts of greatest cosine, ascending. */
static enum heed_status keep_counts(const struct blend *m, size_t keep, struct sparse *out)
{
    struct top_item *best = malloc((keep + 1) * sizeof *best);
    uint32_t *order = malloc((m->items + 1) * sizeof *order);
    uint64_t total = 0, at = 0;
    for (size_t i = 0; i < m->items; i++) {
        size_t n = sparse_row(&m->together, i).n;
        total += n < keep ? n : keep;
    }
    enum heed_status status =
        best && order ? sparse_init(out, m->items, m->items, total, true) : HEED_NOMEM;
    for (uint32_t i = 0; status == HEED_OK && i < m->items; i++)
        order[i] = i;
    for (size_t i = 0; status == HEED_OK && i < m->items; i++) {
        struct sparse_row row = sparse_row(&m->together, i);
        struct top top = top_of(best, keep, order);
        for (size_t j = 0; j < row.n; j++)
            top_offer(&top, row.column[j], (double)row.value[j] / m->root[row.column[j]]);
        double least = top.n == keep ? best[0].score : 0;
        uint32_t last = top.n == keep ? best[0].item : UINT32_MAX;
        for (size_t j = 0; j < row.n; j++) {
            double score = (double)row.value[j] / m->root[row.column[j]];
            if (score < least || (!(score > least) && row.column[j] > last))
                continue;
            out->column[at] = row.column[j];
            out->value[at++] = fminf(row.value[j], STORED_WEIGHT_MAX);
        }
        out->at[i + 1] = at;
    }
    free(best);
    free(order);
    return status == HEED_OK ? sparse_sort(out) : status;
}

static enum heed_status blend_store(const void *model, size_t keep, struct stored_model *out,
                                    struct heed_error *err)
{
    const struct blend *m = model;
    size_t n = m->items, room = n ? STORED_NUMBERS_MAX / 2 / n : 1;
    if (n > STORED_BLEND_MAX)
        return error_set(
            err, HEED_RANGE, "blend",
            "%zu items are more than the %d that a world keeps a blend for; train ease", n,
            STORED_BLEND_MAX);
    keep = keep < room ? keep : room;
    enum heed_status status = ease_store_first(m->ease, n, keep, "blend", out, err);
    if (status != HEED_OK)
        return status;
    double *constant = calloc(n + 1, sizeof *constant);
    out->base = malloc((n + 1) * sizeof *out->base);
    out->reach = malloc((n + 1) * sizeof *out->reach);
    if (!constant || !out->base || !out->reach || keep_counts(m, keep, &out->together) != HEED_OK) {
        free(constant);
        return HEED_NOMEM;
    }
    ease_add(m->ease, n, constant);
    for (size_t i = 0; i < n; i++) {
        double millionths = nearbyint(constant[i] * STORED_UNIT);
        if (!(fabs(millionths) <= STORED_WEIGHT_MAX))
            status =
                error_set(err, HEED_RANGE, "blend",
                          "a weight of %g is too large to keep; give a larger lambda", constant[i]);
        else
            out->base[i] = (int32_t)millionths;
        out->reach[i] = (uint32_t)m->reach[i];
    }
    free(constant);
    return status;
}

/* EASE's weights with the constant's row behind them. */
static enum heed_status ease_of_stored(const struct stored_model *from, struct ease **out)
{
    size_t n = from->items;
    struct sparse w;
    uint64_t at = sparse_count(&from->weights);
    if (sparse_init(&w, n + 1, n + 1, at + n, true) != HEED_OK)
        return HEED_NOMEM;
    memcpy(w.at, from->weights.at, (n + 1) * sizeof *w.at);
    for (uint64_t i = 0; i < at; i++) {
        w.column[i] = from->weights.column[i];
        w.value[i] = (float)((double)from->weights.value[i] / STORED_UNIT);
    }
    for (uint32_t i = 0; i < n; i++)
        if (from->base[i] != 0) {
            w.column[at] = i;
            w.value[at++] = (float)(from->base[i] / STORED_UNIT);
        }
    w.at[n + 1] = at;
    enum heed_status status = ease_of_weights(&w, out);
    sparse_deinit(&w);
    return status;
}

enum heed_status blend_of_stored(const struct stored_model *from, const double *param, void **model)
{
    size_t n = from->items;
    uint64_t counts = sparse_count(&from->together);
    struct blend *m = calloc(1, sizeof *m);
    if (!m)
        return HEED_NOMEM;
    m->items = n;
    memcpy(m->param, param, sizeof m->param);
    m->reach = malloc((n + 1) * sizeof *m->reach);
    m->root = malloc((n + 1) * sizeof *m->root);
    if (!m->reach || !m->root || ease_of_stored(from, &m->ease) != HEED_OK ||
        sparse_init(&m->together, n, n, counts, true) != HEED_OK) {
        blend_free(m);
        return HEED_NOMEM;
    }
    memcpy(m->together.at, from->together.at, (n + 1) * sizeof *m->together.at);
    if (counts > 0) {
        memcpy(m->together.column, from->together.column, counts * sizeof *m->together.column);
        memcpy(m->together.value, from->together.value, counts * sizeof *m->together.value);
    }
    for (size_t i = 0; i < n; i++) {
        m->reach[i] = from->reach[i];
        m->root[i] = sqrt(m->reach[i]);
    }
    *model = m;
    return HEED_OK;
}

static bool blend_waits(const double *param, uint64_t owed, uint64_t pairs)
{
    return (double)owed <= param[RENEW] * (double)pairs;
}

/* Lazy, as EASE's (model_ease.c).                                                                */
static enum heed_status blend_update(void *model, const struct training *t,
                                     const struct model_change *change, struct heed_error *err)
{
    struct blend *m = model;
    void *fresh = NULL;
    enum heed_status status = model_same_items(t, m->items, "blend", err);
    if (status != HEED_OK)
        return status;
    if (!blend_waits(m->param, m->owed + change->pairs, sparse_count(t->users))) {
        status = blend_train(t, m->param, &fresh, err);
        if (status != HEED_OK)
            return status;
        struct blend old = *m;
        memcpy(m, fresh, sizeof *m);
        memcpy(fresh, &old, sizeof old);
        blend_free(fresh);
    } else {
        m->owed += change->pairs;
    }
    return HEED_OK;
}

const struct model_kind model_blend = {.name = "blend",
                                       .params = blend_params,
                                       .params_n = BLEND_PARAMS,
                                       .train = blend_train,
                                       .score = blend_score,
                                       .update = blend_update,
                                       .waits = blend_waits,
                                       .waits_by = "renew",
                                       .free = blend_free,
                                       .store = blend_store,
                                       .stores_counts = true,
                                       .by_attributes = true};
