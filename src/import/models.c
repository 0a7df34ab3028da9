/* The models of a world as a file: without it a copy's feeds would go by the cosine of items where
 * the world's go by what it has learnt.
 *
 *   content,K,ID       the K-th content that the models number, from 1
 *   model,N,HEX        version N as a journal holds it (version_save), in as many rows as it takes
 *   in_use,N,          0: none                                                                   */
#include "import/models.h"

#include "base/csv.h"
#include "base/sheet.h"
#include "base/time.h"
#include "world/admit.h"

#include <stdlib.h>

enum { WHAT, NUMBER, TEXT, COLUMNS };
enum {
    PART_BYTES = 32 << 10,
    FACT_BYTES_MAX = 240 << 20 /* what a batch of the journal can take */
};

/* ── out ── */

static bool write_version(const struct model_version *v, FILE *f)
{
    struct strbuf bytes;
    strbuf_init(&bytes, VERSION_BYTES_MAX);
    struct sink *k = sink_new(&bytes);
    if (k)
        version_save(v, k);
    bool ok = sink_done(k);
    for (size_t at = 0; ok && at < bytes.n; at += PART_BYTES) {
        size_t n = bytes.n - at < PART_BYTES ? bytes.n - at : PART_BYTES;
        fprintf(f, "model,%u,", v->number);
        csv_put_hex(f, (struct str){bytes.p + at, n});
        fputc('\n', f);
    }
    strbuf_deinit(&bytes);
    return ok;
}

enum heed_status models_write(const struct world *w, FILE *f, struct heed_error *err)
{
    const struct model_versions *all = &w->state.models;
    const struct intern *ids = &w->state.catalogue.content_ids;
    size_t items = versions_items(all);
    struct intern staying;
    struct model_versions moved = {0};
    uint32_t *to = malloc((items + 1) * sizeof *to);
    intern_init(&staying);
    bool ok = to != NULL;
    for (uint32_t i = 0; ok && i < items; i++) {
        bool gone = catalogue_gone(&w->state.catalogue, target_make(TARGET_CONTENT, i));
        to[i] = gone ? UINT32_MAX : intern_add(&staying, intern_str(ids, i));
        ok = gone || to[i] != INTERN_NONE;
    }
    enum heed_status status =
        ok ? versions_moved(all, to, &staying, &moved, err) : error_nomem(err);
    for (uint32_t i = 0; status == HEED_OK && moved.n > 0 && i < staying.count; i++) {
        fprintf(f, "content,%lu,", (unsigned long)i + 1);
        csv_put_quoted(f, intern_str(&staying, i));
        fputc('\n', f);
    }
    for (size_t i = 0; status == HEED_OK && i < moved.n; i++)
        status = write_version(&moved.list[i], f) ? HEED_OK : error_nomem(err);
    if (status == HEED_OK && moved.n > 0)
        fprintf(f, "in_use,%u,\n", moved.in_use);
    versions_deinit(&moved);
    intern_deinit(&staying);
    free(to);
    return status;
}

/* ── in ── */

struct reading {
    struct world *w;
    struct sheet sheet;
    size_t column[COLUMNS];
    struct str cell[COLUMNS];
    struct intern ids; /* of the file's contents */
    uint32_t *to;      /* [ids.count] contents here, or UINT32_MAX */
    size_t to_cap;
    struct strbuf bytes; /* of version versions.n + 1, as far as read */
    struct model_versions versions;
    bool in_use_known;
};

static enum heed_status whole(struct reading *r, uint32_t least, uint32_t *out,
                              struct heed_error *err)
{
    struct money m;
    struct str text = r->cell[NUMBER];
    if (money_from_text(text, 0, &m) != MONEY_OK || m.minor < least || m.minor >= UINT32_MAX)
        return sheet_error(&r->sheet, r->column[NUMBER], err,
                           "'%.*s' is not a whole number from %u; export it anew",
                           text.n < 40 ? (int)text.n : 40, text.p, least);
    *out = (uint32_t)m.minor;
    return HEED_OK;
}

static enum heed_status take_content(struct reading *r, struct heed_error *err)
{
    const struct catalogue *c = &r->w->state.catalogue;
    uint32_t number;
    enum heed_status status = whole(r, 1, &number, err);
    if (status != HEED_OK)
        return status;
    if (number != r->ids.count + 1 || r->bytes.n > 0 || r->versions.n > 0)
        return sheet_error(&r->sheet, r->column[NUMBER], err,
                           "contents stand first, in order from 1; export it anew");
    if (!admit_id_ok(r->cell[TEXT]) || intern_find(&r->ids, r->cell[TEXT]) != INTERN_NONE)
        return sheet_error(&r->sheet, r->column[TEXT], err,
                           "it must be " ID_EXPECTED ", and stand here once");
    uint32_t here = intern_find(&c->content_ids, r->cell[TEXT]);
    if (!array_grow(&r->to, &r->to_cap, r->ids.count + 1, sizeof *r->to) ||
        intern_add(&r->ids, r->cell[TEXT]) == INTERN_NONE)
        return error_nomem(err);
    r->to[number - 1] = here == INTERN_NONE ? UINT32_MAX : here;
    return HEED_OK;
}

/* The version whose bytes are read, if any, is whole: the next may come.                         */
static enum heed_status end_version(struct reading *r, struct heed_error *err)
{
    struct model_versions *all = &r->versions;
    if (r->bytes.n == 0)
        return HEED_OK;
    struct memory_reader reader = {(const uint8_t *)r->bytes.p, r->bytes.n};
    struct source *from = source_new(&reader);
    struct model_version v;
    if (!from)
        return error_nomem(err);
    struct heed_error why = {0};
    enum heed_status status = version_load(&v, &r->ids, from, &why);
    bool end = status == HEED_OK && source_end(from) && v.number == all->n + 1;
    free(from);
    if (status == HEED_NOMEM)
        return error_nomem(err);
    if (status != HEED_OK)
        return sheet_error(&r->sheet, SHEET_NOWHERE, err, "before it, model %zu: %s", all->n + 1,
                           why.message);
    if (!end || !array_grow(&all->list, &all->cap, all->n + 1, sizeof *all->list)) {
        version_deinit(&v);
        return end ? error_nomem(err)
                   : sheet_error(&r->sheet, SHEET_NOWHERE, err,
                                 "before it, model %zu is damaged; export it anew", all->n + 1);
    }
    all->list[all->n++] = v;
    r->bytes.n = 0;
    return HEED_OK;
}

static enum heed_status take_part(struct reading *r, struct heed_error *err)
{
    struct str hex = r->cell[TEXT];
    uint32_t number;
    enum heed_status status = whole(r, 1, &number, err);
    if (status == HEED_OK && number != r->versions.n + 1)
        status = end_version(r, err);
    if (status != HEED_OK)
        return status;
    if (number != r->versions.n + 1 || r->in_use_known)
        return sheet_error(&r->sheet, r->column[NUMBER], err,
                           "models stand in order from 1, before in_use; export it anew");
    if (hex.n > 0 && csv_take_hex(hex, &r->bytes))
        return HEED_OK;
    return r->bytes.failed && r->bytes.n < VERSION_BYTES_MAX
               ? error_nomem(err)
               : sheet_error(&r->sheet, r->column[TEXT], err,
                             "it is not what an export writes, or too long");
}

static enum heed_status take_in_use(struct reading *r, struct heed_error *err)
{
    uint32_t number;
    enum heed_status status = whole(r, 0, &number, err);
    if (status == HEED_OK)
        status = end_version(r, err);
    if (status == HEED_OK && (r->in_use_known || number > r->versions.n))
        status = sheet_error(&r->sheet, r->column[NUMBER], err,
                             "there is no such model, or it stands there twice; export it anew");
    r->versions.in_use = number;
    r->in_use_known = true;
    return status;
}

static enum heed_status take_row(struct reading *r, struct heed_error *err)
{
    for (size_t i = 0; i < COLUMNS; i++)
        r->cell[i] = str_trim(r->sheet.row.fields[r->column[i]]);
    if (str_is(r->cell[WHAT], "content"))
        return take_content(r, err);
    if (str_is(r->cell[WHAT], "model"))
        return take_part(r, err);
    if (str_is(r->cell[WHAT], "in_use"))
        return take_in_use(r, err);
    return sheet_error(&r->sheet, r->column[WHAT], err, "it is none of content, model, in_use");
}

/* The fact, which is read once as it will be applied, so that applying it cannot fail for what the
 * file says.                                                                                     */
static enum heed_status fact_of(const struct reading *r, const struct model_versions *here,
                                struct strbuf *out, struct heed_error *err)
{
    struct sink *k = sink_new(out);
    if (k)
        versions_save(here, k);
    if (!sink_done(k))
        return out->failed && out->n >= FACT_BYTES_MAX / 2
                   ? error_set(err, HEED_RANGE, r->sheet.path,
                               "the models are larger than the journal takes at once; leave this "
                               "file out and train anew")
                   : error_nomem(err);
    struct memory_reader reader = {(const uint8_t *)out->p, out->n};
    struct source *from = source_new(&reader);
    struct model_versions again;
    if (!from)
        return error_nomem(err);
    struct heed_error why = {0};
    enum heed_status status = versions_load(&again, &r->w->state.catalogue.content_ids, from, &why);
    free(from);
    versions_deinit(&again);
    if (status == HEED_NOMEM)
        return error_nomem(err);
    return status == HEED_OK ? status : error_set(err, status, r->sheet.path, "%s", why.message);
}

static enum heed_status apply(struct reading *r, struct heed_error *err)
{
    struct model_versions here;
    struct strbuf fact;
    enum heed_status status =
        versions_moved(&r->versions, r->to, &r->w->state.catalogue.content_ids, &here, err);
    if (status != HEED_OK || here.n == 0)
        return status;
    strbuf_init(&fact, FACT_BYTES_MAX);
    status = fact_of(r, &here, &fact, err);
    if (status == HEED_OK) {
        struct outcome o = {0};
        struct call call =
            admit_models(here.list[here.n - 1].trained_at_ms, (struct str){fact.p, fact.n});
        status = world_apply(r->w, &call, &o, err);
        status = status == HEED_OK ? world_commit(r->w, err) : world_guard(r->w, status);
    }
    strbuf_deinit(&fact);
    versions_deinit(&here);
    return status;
}

/* A copy has what its models speak of; a few contents may have been left out on the way.         */
static enum heed_status of_this_catalogue(const struct reading *r, const char *path,
                                          struct heed_error *err)
{
    size_t missing = 0;
    for (size_t i = 0; i < r->ids.count; i++)
        missing += r->to[i] == UINT32_MAX;
    if (missing * 10 <= r->ids.count)
        return HEED_OK;
    return error_set(
        err, HEED_INPUT, path,
        "these models are of another catalogue: of %zu contents that they know %zu are "
        "not in this world; import its contents first, or leave this file out and "
        "train here",
        (size_t)r->ids.count, missing);
}

enum heed_status models_read(struct world *w, const struct heed_context *context, const char *path,
                             struct learnt_taken *taken, struct heed_error *err)
{
    static const char *const names[COLUMNS] = {"what", "number", "text"};
    if (w->state.models.n > 0) { /* read before, or this world has its own */
        taken->left_aside = "this world has models already, and keeps them";
        return HEED_OK;
    }
    struct reading r = {.w = w};
    bool more = true;
    strbuf_init(&r.bytes, VERSION_BYTES_MAX);
    intern_init(&r.ids);
    enum heed_status status =
        sheet_open(path, &(struct csv_options){0}, "the header is what,number,text", &r.sheet, err);
    if (status == HEED_OK)
        status = sheet_need(&r.sheet, names, COLUMNS, r.column, err);
    while (status == HEED_OK && (status = sheet_next(&r.sheet, &more, err)) == HEED_OK && more) {
        taken->rows++;
        status = take_row(&r, err);
    }
    if (status == HEED_OK && (r.bytes.n > 0 || r.versions.n > 0) && !r.in_use_known)
        status = error_set(err, HEED_INPUT, path,
                           "it is cut short: the last row says which model is in use; export it "
                           "anew");
    if (status == HEED_OK && r.versions.n > 0) {
        json_t *refused = NULL;
        status = admit_tool(w, COMMAND_allocate_train, context->actor, &refused, err);
        json_decref(refused);
        if (status == HEED_REFUSED)
            status = error_set(err, HEED_INPUT, path,
                               "who may not run `heed allocate train` may not bring in the models "
                               "of another world; import as the operator, or leave this file out");
    }
    if (status == HEED_OK && r.versions.n > 0)
        status = of_this_catalogue(&r, path, err);
    if (status == HEED_OK && r.versions.n > 0)
        status = apply(&r, err);
    sheet_close(&r.sheet);
    versions_deinit(&r.versions);
    strbuf_deinit(&r.bytes);
    intern_deinit(&r.ids);
    free(r.to);
    return status;
}
