/* Models of relevance: learnt from all acts, or brought up to them. */
#include "allocation/interactions.h"
#include "world/engine.h"
#include "world/engine_parts.h"
#include "world/vault.h"

enum { THREADS = 2 };

static enum heed_status pack_version(struct world *w, struct model_version *v, int64_t time_ms,
                                     struct strbuf *facts, struct heed_error *err)
{
    v->number = (uint32_t)w->state.models.n + 1;
    v->trained_at_ms = time_ms;
    enum heed_status status =
        catalogue_digest(&w->state.catalogue.content_ids, v->items, &v->catalogue);
    if (status == HEED_OK) {
        struct sink *k = sink_new(facts);
        if (k)
            version_save(v, k);
        status = sink_done(k) ? HEED_OK : HEED_NOMEM;
    }
    return status == HEED_OK ? status : error_nomem(err);
}

/* ── what is known of contents ── */

enum { TITLE, CATEGORY, KNOWN };

struct titles {
    struct strbuf text;
    size_t *at; /* [contents + 1] each ends where the next begins */
    size_t contents, next;
};

static enum heed_status add_title(void *context, uint32_t handle, uint32_t owner,
                                  const struct text *text, const uint8_t commitment[32],
                                  struct heed_error *err)
{
    struct titles *t = context;
    (void)owner;
    (void)commitment;
    if (handle >= t->contents)
        return error_set(err, HEED_INPUT, "vault",
                         "it holds a title of content %u, and there are "
                         "%zu; restore a backup",
                         handle, t->contents);
    for (; t->next <= handle; t->next++)
        t->at[t->next] = t->text.n;
    struct str title = text->fields[TEXT_NAME];
    return title.n == 0 || strbuf_put(&t->text, title.p, title.n) ? HEED_OK : error_nomem(err);
}

/* Words of titles and categories, for kinds that learn from them; of what is erased none. */
static enum heed_status attributes_of(struct world *w, const struct model_kind *kind,
                                      struct sparse *features, struct heed_error *err)
{
    struct str columns[KNOWN] = {{"title", 5}, {"category", 8}};
    const struct catalogue *c = &w->state.catalogue;
    size_t n = c->contents_n;
    *features = (struct sparse){0};
    if (!kind->by_attributes)
        return HEED_OK;
    struct titles titles = {.contents = n, .at = malloc((n + 1) * sizeof *titles.at)};
    struct item_table table = {.columns = columns,
                               .columns_n = KNOWN,
                               .rows = n,
                               .row_of = malloc((n + 1) * sizeof *table.row_of),
                               .cells = malloc((n * KNOWN + 1) * sizeof *table.cells)};
    strbuf_init(&titles.text, SIZE_MAX / 2);
    enum heed_status status = titles.at && table.row_of && table.cells ? HEED_OK : error_nomem(err);
    if (status == HEED_OK)
        status = vault_each(w, TARGET_CONTENT, add_title, &titles, err);
    for (; status == HEED_OK && titles.next <= n; titles.next++)
        titles.at[titles.next] = titles.text.n;
    for (uint32_t i = 0; status == HEED_OK && i < n; i++) {
        uint32_t category = c->contents[i].category;
        struct str *cells = table.cells + i * KNOWN;
        table.row_of[i] = i;
        cells[TITLE] =
            (struct str){strbuf_text(&titles.text) + titles.at[i], titles.at[i + 1] - titles.at[i]};
        cells[CATEGORY] =
            category == HANDLE_NONE || catalogue_gone(c, target_make(TARGET_CONTENT, i))
                ? (struct str){"", 0}
                : intern_str(&c->symbols, category);
    }
    if (status == HEED_OK && item_features(&table, n, features) != HEED_OK)
        status = error_nomem(err);
    strbuf_deinit(&titles.text);
    free(titles.at);
    free(table.row_of);
    free(table.cells);
    return status;
}

/* Of everybody, by handle; who is erased has none. */
static enum heed_status all_histories(struct world *w, struct allocation_histories *h,
                                      struct heed_error *err)
{
    const struct catalogue *c = &w->state.catalogue;
    uint32_t *users = malloc((c->parties_n + 1) * sizeof *users);
    if (!users || (!w->engine && !(w->engine = calloc(1, sizeof *w->engine)))) {
        free(users);
        return error_nomem(err);
    }
    for (uint32_t u = 0; u < c->parties_n; u++)
        users[u] = catalogue_erased(c, u) ? HANDLE_NONE : u;
    enum heed_status status = histories_of(w, TARGET_CONTENT, users, c->parties_n, h, err);
    free(users);
    return status;
}

/* Trains, or brings `from` (NULL: none) up to what is known; *acts (may be NULL) out: pairs learnt
 * from. training: the settings that are the call's own.                                          */
static enum heed_status learn(struct world *w, struct version_training training,
                              const struct model_version *from, int64_t time_ms, uint64_t *acts,
                              struct strbuf *facts, struct heed_error *err)
{
    size_t contents = w->state.catalogue.contents_n;
    struct sparse features;
    struct allocation_histories h;
    struct model_version v;
    enum heed_status status = attributes_of(w, training.spec.kind, &features, err);
    if (status != HEED_OK)
        return status;
    status = all_histories(w, &h, err);
    if (status != HEED_OK) {
        sparse_deinit(&features);
        return status;
    }
    training.threads = THREADS;
    training.max_history = w->state.rules.allocation.max_history;
    training.names = &w->state.catalogue.content_ids;
    training.features = features.at ? &features : NULL;
    status = from ? version_update(&h, contents, &training, from, &v, err)
                  : version_train(&h, contents, &training, &v, err);
    histories_deinit(&h);
    sparse_deinit(&features);
    if (acts)
        *acts = v.acts;
    if (status == HEED_OK && v.bytes)
        status = pack_version(w, &v, time_ms, facts, err);
    version_deinit(&v);
    return status;
}

enum heed_status engine_train(struct world *w, const struct model_spec *spec, int64_t keep,
                              int64_t seed, int64_t time_ms, struct strbuf *facts,
                              struct heed_error *err)
{
    const struct version_training training = {.spec = *spec,
                                              .keep = keep == CALL_ABSENT ? STORED_KEEP
                                                                          : (uint32_t)keep,
                                              .seed = seed == CALL_ABSENT ? 1 : seed};
    return learn(w, training, NULL, time_ms, NULL, facts, err);
}

enum heed_status engine_update(struct world *w, const struct model_version *from,
                               const struct model_spec *spec, int64_t time_ms, struct strbuf *facts,
                               bool *learns, struct heed_error *err)
{
    uint64_t acts = 0;
    enum heed_status status =
        learn(w, (struct version_training){.spec = *spec}, from, time_ms, &acts, facts, err);
    *learns = acts > 0;
    return status;
}
