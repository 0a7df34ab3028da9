/* What has changed since a model was trained, and a model brought up to it. */
#include "allocation/model.h"
#include "base/error.h"

#include <stdlib.h>

static void mark(bool *seen, uint32_t *list, size_t *n, uint32_t which)
{
    if (seen[which])
        return;
    seen[which] = true;
    list[(*n)++] = which;
}

static struct sparse_row row_or_none(const struct sparse *m, size_t row)
{
    return row < m->rows ? sparse_row(m, row) : (struct sparse_row){0};
}

enum heed_status model_change_find(const struct sparse *before, const struct sparse *now,
                                   struct model_change *out)
{
    size_t items = before->columns > now->columns ? before->columns : now->columns;
    size_t rows = before->rows > now->rows ? before->rows : now->rows;
    bool *seen = calloc(items + 1, sizeof *seen);
    *out = (struct model_change){.users = malloc((rows + 1) * sizeof *out->users),
                                 .items = malloc((items + 1) * sizeof *out->items)};
    if (!seen || !out->users || !out->items) {
        free(seen);
        model_change_deinit(out);
        return HEED_NOMEM;
    }
    for (size_t u = 0; u < rows; u++) {
        struct sparse_row old = row_or_none(before, u), new = row_or_none(now, u);
        uint64_t known = out->pairs;
        for (size_t a = 0, b = 0; a < old.n || b < new.n;) {
            bool lost = b == new.n || (a < old.n && old.column[a] < new.column[b]);
            bool kept = !lost && a < old.n && old.column[a] == new.column[b];
            if (!kept) {
                mark(seen, out->items, &out->items_n, lost ? old.column[a] : new.column[b]);
                out->pairs++;
            }
            a += lost || kept;
            b += !lost;
        }
        if (out->pairs > known)
            out->users[out->users_n++] = (uint32_t)u;
    }
    free(seen);
    return HEED_OK;
}

void model_change_deinit(struct model_change *c)
{
    free(c->users);
    free(c->items);
    *c = (struct model_change){0};
}

enum heed_status model_update(const struct model_kind *kind, void *model, const struct training *t,
                              const struct model_change *change, struct heed_error *err)
{
    if (!kind->update)
        return error_set(err, HEED_USAGE, kind->name, "cannot be updated; train it anew");
    enum heed_status status = kind->update(model, t, change, err);
    return status == HEED_NOMEM ? error_nomem(err) : status;
}

enum heed_status model_same_items(const struct training *t, size_t items, const char *name,
                                  struct heed_error *err)
{
    if (t->items->rows == items)
        return HEED_OK;
    return error_set(err, HEED_RANGE, name,
                     "was trained on %zu items and there are %zu: train it anew", items,
                     t->items->rows);
}
