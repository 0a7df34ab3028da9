#include "allocation/versions.h"

#include "base/varint.h"

#include <stdlib.h>

void version_deinit(struct model_version *v)
{
    free(v->params);
    free(v->bytes);
    free(v->seen);
    *v = (struct model_version){0};
}

void versions_deinit(struct model_versions *v)
{
    for (size_t i = 0; i < v->n; i++)
        version_deinit(&v->list[i]);
    free(v->list);
    *v = (struct model_versions){0};
}

const struct model_version *versions_find(const struct model_versions *v, int64_t number)
{
    return number >= 1 && (uint64_t)number <= v->n ? &v->list[number - 1] : NULL;
}

enum heed_status catalogue_digest(const struct intern *ids, size_t n, struct sha256 *out)
{
    struct sha256_stream *stream = sha256_new();
    if (!stream)
        return HEED_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        struct str id = intern_str(ids, i);
        uint8_t length[4];
        for (int b = 0; b < 4; b++)
            length[b] = (uint8_t)(id.n >> 8 * b);
        sha256_update(stream, length, sizeof length);
        sha256_update(stream, id.p, id.n);
    }
    *out = sha256_final(stream);
    return HEED_OK;
}

/* ── which are kept ── */

static bool kept(const struct model_versions *v, size_t number)
{
    return number + MODELS_KEPT > v->n || number == v->in_use;
}

static void drop_old(struct model_versions *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (!kept(v, i + 1)) {
            free(v->list[i].bytes);
            free(v->list[i].seen);
            v->list[i].bytes = NULL;
            v->list[i].bytes_n = 0;
            v->list[i].seen = NULL;
        }
}

void versions_use(struct model_versions *v, uint32_t number)
{
    heed_assert(number == 0 || (number <= v->n && v->list[number - 1].bytes));
    v->in_use = number;
    drop_old(v);
}

enum heed_status versions_add(struct model_versions *versions, struct model_version *v)
{
    heed_assert(v->number == versions->n + 1 && v->bytes);
    if (!array_grow(&versions->list, &versions->cap, versions->n + 1, sizeof *versions->list))
        return HEED_NOMEM;
    versions->list[versions->n++] = *v;
    *v = (struct model_version){0};
    versions_use(versions, (uint32_t)versions->n);
    return HEED_OK;
}

enum heed_status version_open(const struct model_version *v, struct stored_model *out,
                              struct heed_error *err)
{
    heed_assert(v->bytes);
    enum heed_status status =
        stored_unpack((struct str){v->bytes, v->bytes_n}, v->spec.kind, v->items, out, err);
    if (status != HEED_OK)
        return status;
    status = stored_ready(out, v->spec.param, err);
    if (status != HEED_OK)
        stored_deinit(out);
    return status;
}

/* ── bytes ── */

/* Before versions could be updated one began with its number, and ended with its numbers.        */
enum { FORM_UPDATED = 0 };

void version_save(const struct model_version *v, struct sink *s)
{
    sink_u32(s, FORM_UPDATED);
    sink_u32(s, v->number);
    sink_u32(s, v->parent);
    sink_u64(s, v->taken);
    sink_u64(s, v->owed);
    sink_i64(s, v->trained_at_ms);
    sink_str(s, str_of(v->spec.kind->name));
    sink_str(s, str_of(v->params));
    sink_i64(s, v->seed);
    sink_u64(s, v->items);
    sink_u64(s, v->users);
    sink_u64(s, v->acts);
    sink_u64(s, v->numbers);
    sink_u32(s, v->keep);
    sink_u32(s, v->dropped);
    sink_bytes(s, v->catalogue.b, sizeof v->catalogue.b);
    sink_bytes(s, v->checksum.b, sizeof v->checksum.b);
    sink_u8(s, v->bytes != NULL);
    if (v->bytes)
        sink_str(s, (struct str){v->bytes, v->bytes_n});
    sink_u8(s, v->seen != NULL);
    for (size_t i = 0; v->seen && i < v->items; i++) {
        sink_varint(s, v->seen[i].users);
        sink_u64(s, v->seen[i].who);
    }
}

/* source_str that tells a lack of memory from damage: in *nomem, s failed too. */
static char *load_text(struct source *s, size_t max, size_t *n, bool *nomem)
{
    size_t length = source_u32(s), cap = 0, got = 0;
    char *text = NULL;
    if (length > max)
        s->failed = true;
    while (!s->failed) {
        size_t part = length - got < SERIAL_CHUNK ? length - got : SERIAL_CHUNK;
        if (!array_grow(&text, &cap, got + part + 1, 1)) {
            *nomem = s->failed = true;
            break;
        }
        source_bytes(s, text + got, part);
        text[got += part] = '\0';
        if (got == length && !s->failed) {
            *n = length;
            return text;
        }
    }
    free(text);
    return NULL;
}

/* What a text does not say that was written when there was nothing to choose. */
static void first_words(struct model_spec *spec)
{
    for (size_t i = 0; spec->kind->words && i < spec->kind->params_n; i++)
        if (spec->kind->words[i])
            spec->param[i] = 0;
}

static bool load_spec(struct model_version *v, struct source *s, bool *nomem)
{
    struct model_spec specs[MODELS_MAX];
    struct heed_error ignored = {0};
    size_t n = 0, length = 0;
    char *name = load_text(s, MODEL_TEXT_MAX, &length, nomem);
    v->params = load_text(s, MODEL_TEXT_MAX, &length, nomem);
    bool ok = name && v->params && strlen(v->params) == length &&
              model_names_parse(str_of(name), specs, &n, &ignored) == HEED_OK && n == 1 &&
              strcmp(name, specs[0].kind->name) == 0 && stored_can(specs[0].kind);
    if (ok) {
        first_words(&specs[0]);
        ok = !*v->params || model_params_parse(str_of(v->params), specs, 1, &ignored) == HEED_OK;
    }
    if (ok)
        v->spec = specs[0];
    free(name);
    return ok;
}

/* Who had each item. */
static bool load_seen(struct model_version *v, struct source *s, bool *nomem)
{
    uint8_t has_seen = source_u8(s);
    uint64_t acts = 0;
    size_t cap = 0;
    for (size_t i = 0; has_seen == 1 && i < v->items && !s->failed; i++) {
        if (!array_grow(&v->seen, &cap, i + 1, sizeof *v->seen)) {
            *nomem = s->failed = true;
            break;
        }
        v->seen[i].users = (uint32_t)source_varint(s, UINT32_MAX);
        v->seen[i].who = source_u64(s);
        acts += v->seen[i].users;
    }
    return has_seen == 0 || (has_seen == 1 && v->bytes && acts == v->acts);
}

/* Whether the bytes are what the checksum and the counts say. */
static enum heed_status check_bytes(const struct model_version *v, struct heed_error *err)
{
    if (!sha256_eq(sha256_of(v->bytes, v->bytes_n), v->checksum))
        return error_set(err, HEED_INPUT, "model",
                         "the checksum of version %u does not match its numbers; restore a backup, "
                         "or train anew",
                         v->number);
    struct stored_model m;
    enum heed_status status = version_open(v, &m, err);
    if (status != HEED_OK)
        return status;
    bool ok = stored_numbers(&m) == v->numbers && m.dropped == v->dropped;
    stored_deinit(&m);
    return ok ? HEED_OK
              : error_set(err, HEED_INPUT, "model",
                          "version %u has other numbers than it says; restore a backup", v->number);
}

static enum heed_status check_catalogue(const struct model_version *v, const struct intern *ids,
                                        struct heed_error *err)
{
    struct sha256 digest;
    bool ok = v->items <= ids->count;
    if (ok && catalogue_digest(ids, v->items, &digest) != HEED_OK)
        return error_nomem(err);
    return ok && sha256_eq(digest, v->catalogue)
               ? HEED_OK
               : error_set(err, HEED_INPUT, "model",
                           "version %u is of another catalogue: its %llu contents are not the "
                           "first of this world's %lu; train it here",
                           v->number, (unsigned long long)v->items, (unsigned long)ids->count);
}

enum heed_status version_load(struct model_version *out, const struct intern *ids, struct source *s,
                              struct heed_error *err)
{
    struct model_version *v = out;
    uint32_t form = source_u32(s);
    *out = (struct model_version){.number = form};
    if (form == FORM_UPDATED) {
        v->number = source_u32(s);
        v->parent = source_u32(s);
        v->taken = source_u64(s);
        v->owed = source_u64(s);
    }
    v->trained_at_ms = source_i64(s);
    bool nomem = false, ok = load_spec(v, s, &nomem);
    v->seed = source_i64(s);
    v->items = source_u64(s);
    v->users = source_u64(s);
    v->acts = source_u64(s);
    v->numbers = source_u64(s);
    v->keep = source_u32(s);
    v->dropped = source_u32(s);
    source_bytes(s, v->catalogue.b, sizeof v->catalogue.b);
    source_bytes(s, v->checksum.b, sizeof v->checksum.b);
    uint8_t has_bytes = source_u8(s);
    if (has_bytes == 1 && !s->failed)
        v->bytes = load_text(s, STORED_BYTES_MAX, &v->bytes_n, &nomem);
    if (form == FORM_UPDATED)
        ok = load_seen(v, s, &nomem) && ok;
    enum heed_status status = HEED_OK;
    if (nomem)
        status = error_nomem(err);
    else if (s->failed)
        status = error_set(err, HEED_INPUT, "model",
                           "version %u is cut short or damaged; restore a backup, or train anew",
                           v->number);
    else if (!ok || has_bytes > 1 || v->number < 1 || v->parent >= v->number ||
             v->taken > INT64_MAX || v->owed > INT64_MAX || (v->parent == 0 && v->taken > 0) ||
             v->trained_at_ms < 0 || v->seed < 0 || v->keep < 1 || v->items < 2 || v->users < 1 ||
             v->acts < 2 || v->numbers > 2 * (uint64_t)STORED_NUMBERS_MAX)
        status = error_set(err, HEED_INPUT, "model",
                           "version %u says what cannot be; restore a backup", v->number);
    if (status == HEED_OK)
        status = check_catalogue(v, ids, err);
    if (status == HEED_OK && v->bytes)
        status = check_bytes(v, err);
    if (status != HEED_OK)
        version_deinit(out);
    return status;
}

void versions_save(const struct model_versions *v, struct sink *s)
{
    sink_u64(s, v->n);
    sink_u32(s, v->in_use);
    for (size_t i = 0; i < v->n; i++)
        version_save(&v->list[i], s);
}

enum heed_status versions_load(struct model_versions *v, const struct intern *ids, struct source *s,
                               struct heed_error *err)
{
    *v = (struct model_versions){0};
    size_t n = source_count(s, UINT32_MAX - 1);
    v->in_use = source_u32(s);
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < n; i++) {
        struct model_version version;
        status = version_load(&version, ids, s, err);
        if (status == HEED_OK && version.number != i + 1)
            status = error_set(err, HEED_INPUT, "model", "version %zu is missing", i + 1);
        if (status == HEED_OK && !array_grow(&v->list, &v->cap, v->n + 1, sizeof *v->list))
            status = error_nomem(err);
        if (status == HEED_OK)
            v->list[v->n++] = version;
        else
            version_deinit(&version);
    }
    for (size_t i = 0; status == HEED_OK && i < v->n; i++)
        if (kept(v, i + 1) != (v->list[i].bytes != NULL))
            status = error_set(err, HEED_INPUT, "model",
                               "version %zu is kept, or not, against "
                               "the rule; restore a backup",
                               i + 1);
    if (status == HEED_OK && (s->failed || v->in_use > v->n))
        status = error_set(err, HEED_INPUT, "model", "the list of models is damaged");
    if (status != HEED_OK)
        versions_deinit(v);
    return status;
}
