/* Versions of models made: trained on a world's histories, or brought up to them. */
#include "allocation/allocation_parts.h"
#include "allocation/versions_parts.h"

#include <stdio.h>
#include <stdlib.h>

/* The strongest max_history items of each user as a matrix, users without any left out; seen
 * [items], zero before. */
static enum heed_status matrix_of(const struct allocation_histories *h, size_t items, size_t max,
                                  struct sparse *out, struct item_seen *seen)
{
    uint64_t total = h->n ? h->offsets[h->n] - h->offsets[0] : 0, used = 0;
    max = max < items ? max : items;
    struct weighted_item *row = malloc((max + 1) * sizeof *row);
    enum heed_status status = row ? sparse_init(out, h->n, items, total, false) : HEED_NOMEM;
    size_t rows = 0;
    for (size_t u = 0; status == HEED_OK && u < h->n; u++) {
        uint64_t from = h->offsets[u];
        size_t n = strongest_items(h->items + from, h->weights ? h->weights + from : NULL,
                                   h->offsets[u + 1] - from, items, max, row);
        for (size_t i = 0; i < n; i++) {
            out->column[used++] = row[i].item;
            seen[row[i].item].users++;
            seen[row[i].item].who += hash_u64(u + 1);
        }
        out->at[rows + 1] = used;
        rows += n > 0;
    }
    free(row);
    if (status != HEED_OK)
        return status;
    out->rows = rows;
    status = sparse_sort(out);
    if (status != HEED_OK)
        sparse_deinit(out);
    return status;
}

/* All settings as text, and the settings that this text gives: what is trained with is what is
 * kept, to the last digit.                                                                       */
static enum heed_status write_params(struct model_version *v, const struct model_spec *spec,
                                     struct heed_error *err)
{
    struct strbuf text;
    strbuf_init(&text, MODEL_TEXT_MAX);
    char room[64];
    for (size_t i = 0; i < spec->kind->params_n; i++)
        (void)strbuf_printf(&text, "%s%s=%s", i ? "," : "", spec->kind->params[i].name,
                            model_param_text(spec, i, room));
    v->spec = *spec;
    enum heed_status status = text.failed ? error_nomem(err) : HEED_OK;
    if (status == HEED_OK && text.n)
        status = model_params_parse((struct str){text.p, text.n}, &v->spec, 1, err);
    if (status == HEED_OK && !(v->params = strdup(strbuf_text(&text))))
        status = error_nomem(err);
    strbuf_deinit(&text);
    return status;
}

enum heed_status version_pack(const struct stored_model *m, struct model_version *v,
                              struct heed_error *err)
{
    struct strbuf bytes;
    strbuf_init(&bytes, STORED_BYTES_MAX);
    struct sink *s = sink_new(&bytes);
    if (s)
        stored_pack(m, s);
    if (!sink_done(s)) {
        strbuf_deinit(&bytes);
        return error_nomem(err);
    }
    v->bytes = bytes.p; /* free'd as any other */
    v->bytes_n = bytes.n;
    v->checksum = sha256_of(v->bytes, v->bytes_n);
    v->dropped = m->dropped;
    v->numbers = stored_numbers(m);
    return HEED_OK;
}

static bool joins_items(const struct sparse *users)
{
    for (size_t u = 0; u < users->rows; u++)
        if (sparse_row(users, u).n > 1)
            return true;
    return false;
}

/* ── what there is to learn from ── */

struct learning {
    struct sparse users, items;
    struct training training;
};

static void learning_deinit(struct learning *l)
{
    sparse_deinit(&l->users);
    sparse_deinit(&l->items);
}

/* The data, and all of *out but its numbers. Nothing to learn from: out->acts is 0. */
static enum heed_status learning_make(const struct allocation_histories *h, size_t items,
                                      const struct version_training *t, struct learning *l,
                                      struct model_version *out, struct heed_error *err)
{
    *l = (struct learning){0};
    *out = (struct model_version){.seed = t->seed, .keep = t->keep, .items = items};
    out->seen = calloc(items + 1, sizeof *out->seen);
    if (!out->seen || matrix_of(h, items, t->max_history, &l->users, out->seen) != HEED_OK)
        return error_nomem(err);
    if (!joins_items(&l->users))
        return HEED_OK;
    if (sparse_transpose(&l->users, &l->items) != HEED_OK)
        return error_nomem(err);
    out->users = l->users.rows;
    out->acts = sparse_count(&l->users);
    l->training = (struct training){.users = &l->users,
                                    .items = &l->items,
                                    .names = t->names,
                                    .features = t->features,
                                    .seed = (uint64_t)t->seed,
                                    .threads = t->threads};
    return write_params(out, &t->spec, err);
}

static enum heed_status trained(const struct learning *l, struct model_version *out, void **model,
                                struct heed_error *err)
{
    enum heed_status status = out->spec.kind->train(&l->training, out->spec.param, model, err);
    return status == HEED_NOMEM ? error_nomem(err) : status;
}

static enum heed_status packed(const void *model, struct model_version *out, struct heed_error *err)
{
    struct stored_model stored;
    enum heed_status status =
        stored_make(out->spec.kind, model, out->items, out->keep, &stored, err);
    if (status == HEED_OK)
        status = version_pack(&stored, out, err);
    stored_deinit(&stored);
    return status;
}

enum heed_status version_train(const struct allocation_histories *h, size_t items,
                               const struct version_training *t, struct model_version *out,
                               struct heed_error *err)
{
    struct learning l;
    void *model = NULL;
    enum heed_status status = learning_make(h, items, t, &l, out, err);
    bool learns = status == HEED_OK && out->acts > 0;
    if (learns)
        status = trained(&l, out, &model, err);
    if (learns && status == HEED_OK)
        status = packed(model, out, err);
    if (model)
        out->spec.kind->free(model);
    learning_deinit(&l);
    if (!learns || status != HEED_OK)
        version_deinit(out);
    return status;
}

/* ── updates ── */

/* What changed since `from`, with all users: change->items has room for all items. */
static void find_changed(const struct model_version *from, const struct model_version *now,
                         struct model_change *change)
{
    for (uint32_t i = 0; i < now->items; i++) {
        struct item_seen a = from->seen && i < from->items ? from->seen[i] : (struct item_seen){0};
        struct item_seen b = now->seen[i];
        bool known = from->seen || i >= from->items;
        if (known && a.users == b.users && a.who == b.who)
            continue;
        uint32_t more = a.users > b.users ? a.users - b.users : b.users - a.users;
        change->items[change->items_n++] = i;
        change->pairs += known && more == 0 ? 2 : more; /* one went and another came */
    }
}

static void change_all_items(struct model_change *change, size_t items)
{
    change->items_n = items;
    for (uint32_t i = 0; i < items; i++)
        change->items[i] = i;
}

/* The numbers of *out, from those of `from`, which are grown. */
static enum heed_status renew(const struct learning *l, const struct model_version *from,
                              struct stored_model *stored, struct model_change *change,
                              struct model_version *out, struct heed_error *err)
{
    const struct model_kind *kind = out->spec.kind;
    void *model = NULL;
    enum heed_status status = HEED_OK;
    bool named =
        kind->by_attributes && from->items < out->items; /* which is all there is of some */
    if (kind->waits && !named &&
        kind->waits(out->spec.param, from->owed + change->pairs, out->acts)) {
        out->owed = from->owed + change->pairs;
        return version_pack(stored, out, err);
    }
    if (kind->waits) {
        status = trained(l, out, &model, err);
    } else {
        if (stored->dropped > 0)
            change_all_items(change, out->items);
        status = kind->resume ? kind->resume(stored, from->items, out->spec.param, &model)
                              : HEED_OK; /* model_update says that it cannot be */
        if (status != HEED_OK)
            status =
                status == HEED_INPUT
                    ? error_set(err, HEED_INPUT, "model",
                                "version %u does not fit its settings; train anew", from->number)
                    : error_nomem(err);
        if (status == HEED_OK)
            status = model_update(kind, model, &l->training, change, err);
    }
    if (status == HEED_OK)
        status = packed(model, out, err);
    if (model)
        kind->free(model);
    return status;
}

enum heed_status version_update(const struct allocation_histories *h, size_t items,
                                const struct version_training *t, const struct model_version *from,
                                struct model_version *out, struct heed_error *err)
{
    heed_assert(from->bytes && items >= from->items && t->spec.kind == from->spec.kind);
    struct version_training same = *t;
    struct learning l;
    struct stored_model stored = {0};
    struct model_change change = {0};
    same.keep = from->keep;
    same.seed = from->seed;
    enum heed_status status = learning_make(h, items, &same, &l, out, err);
    bool learns = status == HEED_OK && out->acts > 0, changed = false;
    if (learns) {
        out->parent = from->number;
        change.users = malloc((out->users + 1) * sizeof *change.users);
        change.items = malloc((items + 1) * sizeof *change.items);
        status = change.users && change.items ? HEED_OK : error_nomem(err);
    }
    if (learns && status == HEED_OK) {
        for (uint32_t u = 0; u < out->users; u++)
            change.users[change.users_n++] = u;
        find_changed(from, out, &change);
        out->taken = change.pairs;
        changed = change.items_n > 0 || items > from->items;
    }
    if (changed)
        status = stored_unpack((struct str){from->bytes, from->bytes_n}, from->spec.kind,
                               from->items, &stored, err);
    if (changed && status == HEED_OK)
        status = stored_grow(&stored, items, err);
    if (changed && status == HEED_OK)
        status = renew(&l, from, &stored, &change, out, err);
    stored_deinit(&stored);
    model_change_deinit(&change);
    learning_deinit(&l);
    if (!learns || status != HEED_OK)
        version_deinit(out);
    return status;
}
