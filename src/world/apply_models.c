/* Models of relevance: adopted as facts, switched, listed. */
#include "world/apply.h"

static json_t *params_of(const struct model_version *v)
{
    const struct model_kind *kind = v->spec.kind;
    json_t *params = json_object();
    char room[64];
    for (size_t i = 0; params && i < kind->params_n; i++)
        json_object_set_new(params, kind->params[i].name,
                            kind->words && kind->words[i]
                                ? json_string(model_param_text(&v->spec, i, room))
                            : kind->params[i].whole ? json_integer((json_int_t)v->spec.param[i])
                                                    : json_real(v->spec.param[i]));
    return params;
}

static json_t *reply_version(const struct world *w, const struct model_version *v)
{
    char hex[65];
    json_t *kept = v->bytes ? json_integer((json_int_t)v->bytes_n) : json_null();
    json_t *keep = v->spec.kind->stores_factors ? json_null() : json_integer(v->keep);
    json_t *dropped = v->spec.kind->stores_factors ? json_null() : json_real(v->dropped / 1e6);
    json_t *parent = v->parent ? json_integer(v->parent) : json_null();
    json_t *taken = v->parent ? json_integer((json_int_t)v->taken) : json_null();
    json_t *owed = v->parent ? json_integer((json_int_t)v->owed) : json_null();
    return json_pack(
        "{s:I,s:o,s:s,s:b,s:o,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:I,s:o,s:o,s:s,s:o}", "version",
        (json_int_t)v->number, "updated_from", parent, "algorithm", v->spec.kind->name, "in_use",
        (int)(w->state.models.in_use == v->number), "params", params_of(v), "seed",
        (json_int_t)v->seed, "items", (json_int_t)v->items, "users", (json_int_t)v->users, "acts",
        (json_int_t)v->acts, "acts_taken", taken, "acts_waiting", owed, "keep", keep, "numbers",
        (json_int_t)v->numbers, "dropped", dropped, "bytes", kept, "checksum",
        sha256_hex(v->checksum, hex), "trained_at", reply_time(v->trained_at_ms));
}

/* An update goes on from what was kept, and loses no contents. */
static bool follows(const struct model_versions *models, const struct model_version *v)
{
    const struct model_version *parent = versions_find(models, v->parent);
    return parent && parent->bytes && parent->spec.kind == v->spec.kind &&
           parent->items <= v->items;
}

/* The fact is a version: an update of `parent`, or trained, where that is 0. */
static enum heed_status adopt(struct world *w, const struct call *call, int64_t parent,
                              struct outcome *o, struct heed_error *err)
{
    struct state *s = &w->state;
    struct memory_reader bytes = {(const uint8_t *)call->blob.p, call->blob.n};
    struct source *k = source_new(&bytes);
    struct model_version v;
    if (!k)
        return error_nomem(err);
    enum heed_status status = version_load(&v, &s->catalogue.content_ids, k, err);
    bool end = status == HEED_OK && source_end(k);
    free(k);
    if (status != HEED_OK)
        return status;
    bool possible = end && v.number == s->models.n + 1 && v.trained_at_ms == call->time_ms &&
                    v.bytes && v.parent == parent && (parent == 0 || follows(&s->models, &v));
    if (!possible)
        status = error_set(err, HEED_INPUT, "model", "the journal holds a call that cannot be");
    if (status == HEED_OK && versions_add(&s->models, &v) != HEED_OK)
        status = error_nomem(err);
    version_deinit(&v);
    if (status == HEED_OK && o->want_reply &&
        !(o->reply = reply_version(w, &s->models.list[s->models.n - 1])))
        status = error_nomem(err);
    return status;
}

/* i: algorithm, keep, seed                                                                      */
enum heed_status apply_allocate_train(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    return adopt(w, call, 0, o, err);
}

/* i: model                                                                                      */
enum heed_status apply_allocate_update(struct world *w, const struct call *call, struct outcome *o,
                                       struct heed_error *err)
{
    if (call->i[0] < 1)
        return error_set(err, HEED_INPUT, "model", "the journal holds a call that cannot be");
    return adopt(w, call, call->i[0], o, err);
}

/* the facts are the versions                                                                    */
enum heed_status apply_models_copied(struct world *w, const struct call *call, struct outcome *o,
                                     struct heed_error *err)
{
    struct state *s = &w->state;
    struct memory_reader bytes = {(const uint8_t *)call->blob.p, call->blob.n};
    struct source *k = source_new(&bytes);
    struct model_versions copied;
    (void)o;
    if (!k)
        return error_nomem(err);
    enum heed_status status = versions_load(&copied, &s->catalogue.content_ids, k, err);
    bool possible = status == HEED_OK && source_end(k) && s->models.n == 0;
    free(k);
    if (status != HEED_OK)
        return status;
    if (!possible) {
        versions_deinit(&copied);
        return error_set(err, HEED_INPUT, "models copied",
                         "the journal holds a call that cannot be");
    }
    versions_deinit(&s->models);
    s->models = copied;
    return HEED_OK;
}

/* i: version                                                                                    */
enum heed_status apply_allocate_use(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    struct model_versions *models = &w->state.models;
    const struct model_version *v = versions_find(models, call->i[0]);
    if (call->i[0] != 0 && (!v || !v->bytes)) {
        o->refusal = v ? REFUSED_model_not_kept : REFUSED_unknown_model;
        return HEED_OK;
    }
    versions_use(models, v ? v->number : 0);
    if (o->want_reply)
        return reply_pack(&o->reply, err, "{s:s,s:o}", "algorithm",
                          v ? v->spec.kind->name : "cosine", "in_use",
                          v ? json_integer(v->number) : json_null());
    return HEED_OK;
}

enum heed_status query_allocate_models(struct world *w, const struct call *call,
                                       enum refusal *refusal, json_t **out, struct heed_error *err)
{
    (void)call;
    (void)refusal;
    const struct model_versions *models = &w->state.models;
    json_t *list = json_array();
    for (size_t i = 0; list && i < models->n; i++)
        json_array_append_new(list, reply_version(w, &models->list[i]));
    return reply_pack(out, err, "{s:o,s:o}", "in_use",
                      models->in_use ? json_integer(models->in_use) : json_null(), "models", list);
}
