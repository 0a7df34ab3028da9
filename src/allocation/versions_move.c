/* Models taken to another catalogue: their items under other numbers. */
#include "allocation/versions_parts.h"
#include "base/error.h"

#include <stdlib.h>

#define GONE UINT32_MAX

size_t versions_items(const struct model_versions *v)
{
    size_t items = 0;
    for (size_t i = 0; i < v->n; i++)
        items = v->list[i].items > items ? v->list[i].items : items;
    return items;
}

/* Of a model of n items: how many it has there, which is up to the last that is there, at least 2.
 */
static size_t items_there(const uint32_t *to, size_t n)
{
    size_t items = 2;
    for (size_t i = 0; i < n; i++)
        items = to[i] != GONE && to[i] + (size_t)1 > items ? to[i] + (size_t)1 : items;
    return items;
}

static bool stays(const uint32_t *to, size_t n, size_t there)
{
    for (size_t i = 0; i < n; i++)
        if (to[i] != i)
            return false;
    return n == there;
}

/* ── numbers ── */

static enum heed_status move_weights(const struct sparse *from, const uint32_t *to, size_t items,
                                     struct sparse *out)
{
    uint64_t at = 0;
    uint32_t *back = malloc(items * sizeof *back); /* items >= 2 */
    enum heed_status status =
        back ? sparse_init(out, items, items, sparse_count(from), true) : HEED_NOMEM;
    for (size_t i = 0; status == HEED_OK && i < items; i++)
        back[i] = GONE;
    for (uint32_t i = 0; status == HEED_OK && i < from->rows; i++)
        if (to[i] != GONE)
            back[to[i]] = i;
    for (size_t row = 0; status == HEED_OK && row < items; row++) {
        struct sparse_row r =
            back[row] == GONE ? (struct sparse_row){0} : sparse_row(from, back[row]);
        for (size_t i = 0; i < r.n; i++)
            if (to[r.column[i]] != GONE) {
                out->column[at] = to[r.column[i]];
                out->value[at++] = r.value[i];
            }
        out->at[row + 1] = at;
    }
    free(back);
    return status == HEED_OK ? sparse_sort(out) : status;
}

static enum heed_status move_factors(const struct stored_model *from, const uint32_t *to,
                                     size_t items, struct stored_model *out, struct heed_error *err)
{
    size_t n = from->factors_n;
    if (items > STORED_NUMBERS_MAX / n)
        return error_set(err, HEED_RANGE, "model",
                         "%zu contents with %zu factors are more than the %d numbers that a world "
                         "keeps of a model; train it here with fewer",
                         items, n, STORED_NUMBERS_MAX);
    out->factors = calloc(items * n, sizeof *out->factors);
    if (!out->factors)
        return HEED_NOMEM;
    out->factors_n = n;
    for (size_t i = 0; i < from->items; i++)
        if (to[i] != GONE)
            memcpy(out->factors + to[i] * n, from->factors + i * n, n * sizeof *out->factors);
    return HEED_OK;
}

static enum heed_status move_counts(const struct stored_model *from, const uint32_t *to,
                                    size_t items, struct stored_model *out)
{
    out->base = calloc(items, sizeof *out->base);
    out->reach = calloc(items, sizeof *out->reach);
    if (!out->base || !out->reach)
        return HEED_NOMEM;
    for (size_t i = 0; i < from->items; i++)
        if (to[i] != GONE) {
            out->base[to[i]] = from->base[i];
            out->reach[to[i]] = from->reach[i];
        }
    return move_weights(&from->together, to, items, &out->together);
}

static enum heed_status move_bytes(const struct model_version *from, const uint32_t *to,
                                   struct model_version *out, struct heed_error *err)
{
    struct stored_model before, after = {.kind = from->spec.kind, .items = out->items};
    enum heed_status status = stored_unpack((struct str){from->bytes, from->bytes_n},
                                            from->spec.kind, from->items, &before, err);
    if (status != HEED_OK)
        return status;
    after.dropped = before.dropped;
    status = before.factors ? move_factors(&before, to, out->items, &after, err)
                            : move_weights(&before.weights, to, out->items, &after.weights);
    if (status == HEED_OK && before.base)
        status = move_counts(&before, to, out->items, &after);
    stored_deinit(&before);
    if (status == HEED_OK)
        status = version_pack(&after, out, err);
    stored_deinit(&after);
    return status == HEED_NOMEM ? error_nomem(err) : status;
}

/* ── versions ── */

static enum heed_status move_one(const struct model_version *from, const uint32_t *to,
                                 const struct intern *ids, struct model_version *out,
                                 struct heed_error *err)
{
    *out = *from;
    out->bytes = NULL;
    out->bytes_n = 0;
    out->seen = NULL;
    out->params = strdup(from->params);
    out->items = items_there(to, from->items);
    if (!out->params || catalogue_digest(ids, out->items, &out->catalogue) != HEED_OK)
        return error_nomem(err);
    if (!from->bytes)
        return HEED_OK;
    if (!stays(to, from->items, out->items))
        return move_bytes(from, to, out, err);
    out->bytes = malloc(from->bytes_n + 1);
    if (!out->bytes)
        return error_nomem(err);
    memcpy(out->bytes, from->bytes, from->bytes_n);
    out->bytes_n = from->bytes_n;
    return HEED_OK;
}

enum heed_status versions_moved(const struct model_versions *from, const uint32_t *to,
                                const struct intern *ids, struct model_versions *out,
                                struct heed_error *err)
{
    *out = (struct model_versions){0};
    if (ids->count < 2 || from->n == 0)
        return HEED_OK;
    if (!array_grow(&out->list, &out->cap, from->n, sizeof *out->list))
        return error_nomem(err);
    enum heed_status status = HEED_OK;
    for (; status == HEED_OK && out->n < from->n; out->n++)
        status = move_one(&from->list[out->n], to, ids, &out->list[out->n], err);
    out->in_use = from->in_use;
    if (status != HEED_OK)
        versions_deinit(out);
    return status;
}
