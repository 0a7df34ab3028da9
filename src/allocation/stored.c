#include "allocation/stored.h"

#include "allocation/top.h"
#include "base/varint.h"

#include <math.h>
#include <stdlib.h>

void stored_deinit(struct stored_model *m)
{
    if (m->ready)
        m->kind->free(m->ready);
    sparse_deinit(&m->weights);
    free(m->factors);
    sparse_deinit(&m->together);
    free(m->base);
    free(m->reach);
    *m = (struct stored_model){0};
}

bool stored_can(const struct model_kind *kind)
{
    return kind->store != NULL;
}

uint64_t stored_numbers(const struct stored_model *m)
{
    if (m->factors)
        return m->items * m->factors_n;
    return sparse_count(&m->weights) + (m->base ? sparse_count(&m->together) + 2 * m->items : 0);
}

enum heed_status stored_make(const struct model_kind *kind, const void *model, size_t items,
                             size_t keep, struct stored_model *out, struct heed_error *err)
{
    *out = (struct stored_model){.kind = kind, .items = items};
    if (!stored_can(kind))
        return error_set(err, HEED_RANGE, "algorithm",
                         "%s is not kept in a world; there are knn, ease, ials, blend", kind->name);
    enum heed_status status = kind->store(model, keep, out, err);
    if (status != HEED_OK)
        stored_deinit(out);
    return status == HEED_NOMEM ? error_nomem(err) : status;
}

/* ── making ── */

struct making {
    struct stored_model *out;
    const char *name;
    size_t keep;
    struct top_item *best; /* [keep] */
    uint32_t *order;       /* [items] the identity: of equals the smaller item */
    bool *kept;            /* [items] all false between rows */
    struct stored_part *parts;
    struct sparse rows;
    size_t columns_cap, values_cap;
};

/* The strongest of parts[n] as whole numbers behind the rows before; what rounds to nothing is left
 * out, and the greatest of what is not kept noted. */
static enum heed_status keep_row(struct making *k, size_t row, size_t n, struct heed_error *err)
{
    struct top top = top_of(k->best, k->keep, k->order);
    for (size_t i = 0; i < n; i++) {
        double size = fabs(k->parts[i].weight) * STORED_UNIT;
        if (!(size <= STORED_WEIGHT_MAX)) /* nor one that is no number */
            return error_set(
                err, HEED_RANGE, k->name,
                "a weight of %g is too large to keep, it hangs on very few users; give "
                "a larger lambda",
                k->parts[i].weight);
        top_offer(&top, k->parts[i].item, size);
    }
    size_t kept = top_sort(&top);
    for (size_t i = 0; i < kept; i++)
        k->kept[k->best[i].item] = true;
    uint64_t at = k->rows.at[row];
    if (!array_grow(&k->rows.column, &k->columns_cap, at + kept + 1, sizeof *k->rows.column) ||
        !array_grow(&k->rows.value, &k->values_cap, at + kept + 1, sizeof *k->rows.value))
        return HEED_NOMEM;
    for (size_t i = 0; i < n; i++) {
        double millionths = k->parts[i].weight * STORED_UNIT, size = ceil(fabs(millionths));
        if (!k->kept[k->parts[i].item]) {
            k->out->dropped = size > k->out->dropped ? (uint32_t)size : k->out->dropped;
        } else if (nearbyint(millionths) != 0) {
            k->rows.column[at] = k->parts[i].item;
            k->rows.value[at++] = (float)nearbyint(millionths);
        }
    }
    for (size_t i = 0; i < kept; i++)
        k->kept[k->best[i].item] = false;
    k->rows.at[row + 1] = at;
    return HEED_OK;
}

enum heed_status stored_weights(struct stored_model *out, size_t items, size_t keep, bool turned,
                                size_t (*parts)(const void *model, size_t row,
                                                struct stored_part *out),
                                const void *model, const char *name, struct heed_error *err)
{
    if (items > STORED_NUMBERS_MAX)
        return error_set(err, HEED_RANGE, name,
                         "%zu items are more than the %d that a world keeps a model for", items,
                         STORED_NUMBERS_MAX);
    size_t room = items ? STORED_NUMBERS_MAX / items : 1;
    struct making k = {.out = out, .name = name, .keep = keep < room ? keep : room};
    k.keep = k.keep < items ? k.keep : items;
    k.best = malloc((k.keep + 1) * sizeof *k.best);
    k.order = malloc((items + 1) * sizeof *k.order);
    k.kept = calloc(items + 1, sizeof *k.kept);
    k.parts = malloc((items + 1) * sizeof *k.parts);
    k.rows = (struct sparse){.rows = items, .columns = items};
    k.rows.at = calloc(items + 1, sizeof *k.rows.at);
    bool room_ok = k.best && k.order && k.kept && k.parts && k.rows.at;
    enum heed_status status = room_ok ? HEED_OK : HEED_NOMEM;
    for (uint32_t i = 0; room_ok && i < items; i++)
        k.order[i] = i;
    for (size_t row = 0; status == HEED_OK && row < items; row++)
        status = keep_row(&k, row, parts(model, row, k.parts), err);
    if (status == HEED_OK)
        status = turned ? sparse_transpose(&k.rows, &out->weights) : sparse_sort(&k.rows);
    if (status == HEED_OK && !turned) {
        out->weights = k.rows;
        k.rows = (struct sparse){0};
    }
    sparse_deinit(&k.rows);
    free(k.best);
    free(k.order);
    free(k.kept);
    free(k.parts);
    return status;
}

enum heed_status stored_factors(struct stored_model *out, const double *factors, size_t items,
                                size_t n, struct heed_error *err)
{
    if (n == 0 || items > STORED_NUMBERS_MAX / n)
        return error_set(err, HEED_RANGE, "ials",
                         "%zu items with %zu factors are more than the %d numbers that a world "
                         "keeps of a model; give --param factors=%zu",
                         items, n, STORED_NUMBERS_MAX, STORED_NUMBERS_MAX / (items + 1) + 1);
    out->factors = malloc((items * n + 1) * sizeof *out->factors);
    if (!out->factors)
        return HEED_NOMEM;
    out->factors_n = n;
    for (size_t i = 0; i < items * n; i++) {
        double millionths = nearbyint(factors[i] * STORED_UNIT);
        if (!(fabs(millionths) <= STORED_FACTOR_MAX))
            return error_set(err, HEED_RANGE, "ials",
                             "a factor of %g is too large to keep; give a larger lambda",
                             factors[i]);
        out->factors[i] = (int32_t)millionths;
    }
    return HEED_OK;
}

/* ── bytes ── */

enum { FORM_WEIGHTS = 1, FORM_FACTORS = 2, FORM_COUNTS = 3 };

static void pack_number(struct sink *s, int64_t v)
{
    int64_t none = 0;
    sink_delta(s, &none, v);
}

static int64_t unpack_number(struct source *s)
{
    int64_t none = 0;
    return source_delta(s, &none);
}

static void pack_rows(struct sink *s, const struct sparse *rows)
{
    for (size_t i = 0; i < rows->rows; i++) {
        struct sparse_row row = sparse_row(rows, i);
        uint32_t next = 0;
        sink_varint(s, row.n);
        for (size_t j = 0; j < row.n; j++) {
            sink_varint(s, row.column[j] - next);
            pack_number(s, (int64_t)row.value[j]);
            next = row.column[j] + 1;
        }
    }
}

static uint8_t form_of(const struct model_kind *kind)
{
    return kind->stores_factors ? FORM_FACTORS : kind->stores_counts ? FORM_COUNTS : FORM_WEIGHTS;
}

void stored_pack(const struct stored_model *m, struct sink *s)
{
    sink_u8(s, form_of(m->kind));
    sink_varint(s, m->items);
    if (m->factors) {
        sink_varint(s, m->factors_n);
        for (size_t i = 0; i < m->items * m->factors_n; i++)
            pack_number(s, m->factors[i]);
        return;
    }
    sink_varint(s, m->dropped);
    pack_rows(s, &m->weights);
    for (size_t i = 0; m->base && i < m->items; i++) {
        pack_number(s, m->base[i]);
        sink_varint(s, m->reach[i]);
    }
    if (m->base)
        pack_rows(s, &m->together);
}

static enum heed_status unpack_rows(struct source *s, size_t items, struct sparse *w)
{
    *w = (struct sparse){.rows = items, .columns = items};
    w->at = calloc(items + 1, sizeof *w->at);
    size_t columns_cap = 0, values_cap = 0;
    uint64_t at = 0;
    if (!w->at || !array_grow(&w->column, &columns_cap, 1, sizeof *w->column) ||
        !array_grow(&w->value, &values_cap, 1, sizeof *w->value))
        return HEED_NOMEM;
    for (size_t i = 0; i < items; i++) {
        uint64_t n = source_varint(s, items), next = 0;
        for (uint64_t j = 0; j < n && !s->failed; j++) {
            next += source_varint(s, items);
            int64_t value = unpack_number(s);
            if (s->failed || next >= items || at == STORED_NUMBERS_MAX || value == 0 ||
                value > STORED_WEIGHT_MAX || value < -STORED_WEIGHT_MAX)
                return HEED_INPUT;
            if (!array_grow(&w->column, &columns_cap, at + 1, sizeof *w->column) ||
                !array_grow(&w->value, &values_cap, at + 1, sizeof *w->value))
                return HEED_NOMEM;
            w->column[at] = (uint32_t)next++;
            w->value[at++] = (float)value;
        }
        w->at[i + 1] = at;
    }
    return HEED_OK;
}

static enum heed_status unpack_weights(struct source *s, struct stored_model *m)
{
    m->dropped = (uint32_t)source_varint(s, STORED_WEIGHT_MAX);
    return s->failed ? HEED_INPUT : unpack_rows(s, m->items, &m->weights);
}

/* No two items stand together more often than each stands alone. */
static bool counts_possible(const struct stored_model *m)
{
    for (size_t i = 0; i < m->items; i++) {
        struct sparse_row row = sparse_row(&m->together, i);
        for (size_t j = 0; j < row.n; j++)
            if (row.value[j] < 1 || (double)row.value[j] > m->reach[i] ||
                (double)row.value[j] > m->reach[row.column[j]] || row.column[j] == i)
                return false;
    }
    return true;
}

static enum heed_status unpack_counts(struct source *s, struct stored_model *m)
{
    enum heed_status status = unpack_weights(s, m);
    if (status != HEED_OK)
        return status;
    m->base = malloc((m->items + 1) * sizeof *m->base);
    m->reach = malloc((m->items + 1) * sizeof *m->reach);
    if (!m->base || !m->reach)
        return HEED_NOMEM;
    for (size_t i = 0; i < m->items; i++) {
        int64_t value = unpack_number(s);
        m->reach[i] = (uint32_t)source_varint(s, UINT32_MAX);
        if (s->failed || value > STORED_WEIGHT_MAX || value < -STORED_WEIGHT_MAX)
            return HEED_INPUT;
        m->base[i] = (int32_t)value;
    }
    status = unpack_rows(s, m->items, &m->together);
    return status == HEED_OK && !s->failed && !counts_possible(m) ? HEED_INPUT : status;
}

static enum heed_status unpack_factors(struct source *s, size_t bytes, struct stored_model *m)
{
    m->factors_n = (size_t)source_varint(s, STORED_NUMBERS_MAX);
    if (s->failed || m->factors_n == 0 || m->items > bytes / m->factors_n ||
        m->items > STORED_NUMBERS_MAX / m->factors_n)
        return HEED_INPUT;
    m->factors = malloc((m->items * m->factors_n + 1) * sizeof *m->factors);
    if (!m->factors)
        return HEED_NOMEM;
    for (size_t i = 0; i < m->items * m->factors_n; i++) {
        int64_t value = unpack_number(s);
        if (value > STORED_FACTOR_MAX || value < -STORED_FACTOR_MAX)
            return HEED_INPUT;
        m->factors[i] = (int32_t)value;
    }
    return HEED_OK;
}

enum heed_status stored_unpack(struct str bytes, const struct model_kind *kind, size_t items,
                               struct stored_model *out, struct heed_error *err)
{
    *out = (struct stored_model){.kind = kind, .items = items};
    struct memory_reader reader = {(const uint8_t *)bytes.p, bytes.n};
    struct source *s = source_new(&reader);
    if (!s)
        return error_nomem(err);
    uint8_t form = source_u8(s);
    bool ok = stored_can(kind) && form == form_of(kind) && source_varint(s, UINT32_MAX) == items &&
              !s->failed;
    bool few = items > bytes.n; /* a byte or more a number, a number or more an item */
    enum heed_status status = HEED_INPUT;
    if (ok && !few)
        status = form == FORM_WEIGHTS   ? unpack_weights(s, out)
                 : form == FORM_FACTORS ? unpack_factors(s, bytes.n, out)
                                        : unpack_counts(s, out);
    few = few || (out->factors_n > 0 && items > bytes.n / out->factors_n);
    bool cut = few || (s->failed && s->at == s->have && reader.n == 0);
    if (status == HEED_OK && !source_end(s))
        status = HEED_INPUT;
    free(s);
    if (status == HEED_OK)
        return status;
    stored_deinit(out);
    if (status == HEED_NOMEM)
        return error_nomem(err);
    return error_set(err, HEED_INPUT, "model", "%s; train it anew or restore a backup",
                     cut ? "its numbers are cut short" : "its numbers are damaged");
}

/* ── more items ── */

static bool grow_rows(struct sparse *rows, size_t items)
{
    uint64_t *at = realloc(rows->at, (items + 1) * sizeof *at);
    if (!at)
        return false;
    for (size_t i = rows->rows; i < items; i++)
        at[i + 1] = at[i];
    rows->at = at;
    rows->rows = rows->columns = items;
    return true;
}

static bool grow_alone(struct stored_model *m, size_t items)
{
    int32_t *base = realloc(m->base, (items + 1) * sizeof *base);
    m->base = base ? base : m->base;
    uint32_t *reach = base ? realloc(m->reach, (items + 1) * sizeof *reach) : NULL;
    m->reach = reach ? reach : m->reach;
    for (size_t i = m->items; reach && i < items; i++) {
        base[i] = 0;
        reach[i] = 0;
    }
    return reach != NULL;
}

enum heed_status stored_grow(struct stored_model *m, size_t items, struct heed_error *err)
{
    heed_assert(items >= m->items && !m->ready);
    if (m->factors) {
        if (items > STORED_NUMBERS_MAX / m->factors_n)
            return error_set(err, HEED_RANGE, "model",
                             "%zu contents with %zu factors are more than the %d numbers that a "
                             "world keeps of a model; train anew with --param factors=%zu",
                             items, m->factors_n, STORED_NUMBERS_MAX,
                             STORED_NUMBERS_MAX / (items + 1) + 1);
        size_t had = m->items * m->factors_n, has = items * m->factors_n;
        int32_t *factors = realloc(m->factors, (has + 1) * sizeof *factors);
        if (!factors)
            return error_nomem(err);
        memset(factors + had, 0, (has - had) * sizeof *factors);
        m->factors = factors;
    } else if (!grow_rows(&m->weights, items) ||
               (m->base && (!grow_rows(&m->together, items) || !grow_alone(m, items)))) {
        return error_nomem(err);
    }
    m->items = items;
    return HEED_OK;
}

/* ── scoring ── */

enum heed_status stored_ready(struct stored_model *m, const double *param, struct heed_error *err)
{
    if (m->ready || (!m->factors && !m->base))
        return HEED_OK;
    if (m->base)
        return blend_of_stored(m, param, &m->ready) == HEED_OK ? HEED_OK : error_nomem(err);
    enum heed_status status =
        ials_of_factors(m->factors, m->items, m->factors_n, STORED_UNIT, param, &m->ready);
    if (status == HEED_INPUT)
        return error_set(err, status, "model",
                         "its %zu factors do not fit its settings; train it anew", m->factors_n);
    return status == HEED_OK ? status : error_nomem(err);
}

size_t stored_room(const struct stored_model *m)
{
    if (!m->ready)
        return 0;
    return m->factors ? ials_room(m->ready) : blend_room(m->ready);
}

bool stored_score(const struct stored_model *m, struct sparse_row history, double *room,
                  double *score)
{
    if (m->ready && m->factors)
        return ials_score_in(m->ready, history, room, score);
    if (m->ready) {
        blend_score_in(m->ready, history, room, score);
        return true;
    }
    for (size_t i = 0; i < m->items; i++)
        score[i] = 0;
    for (size_t h = 0; h < history.n; h++) {
        struct sparse_row row = sparse_row(&m->weights, history.column[h]);
        for (size_t i = 0; i < row.n; i++)
            score[row.column[i]] += (double)row.value[i];
    }
    for (size_t i = 0; i < m->items; i++)
        score[i] /= STORED_UNIT;
    return true;
}

static enum heed_status score_stored(const void *model, size_t user, struct sparse_row history,
                                     double *score)
{
    (void)user;
    const struct stored_model *m = model;
    double *room = malloc((stored_room(m) + 1) * sizeof *room);
    if (!room)
        return HEED_NOMEM;
    bool ok = stored_score(m, history, room, score);
    free(room);
    return ok ? HEED_OK : HEED_RANGE;
}

const struct model_kind model_stored = {.name = "stored", .score = score_stored};
