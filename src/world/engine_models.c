/* Models of relevance: learnt from all acts, or brought up to them. */
#include "world/engine.h"
#include "world/engine_parts.h"

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

static struct version_training training_of(const struct world *w, const struct model_spec *spec)
{
    return (struct version_training){.spec = *spec,
                                     .threads = THREADS,
                                     .max_history = w->state.rules.allocation.max_history,
                                     .names = &w->state.catalogue.content_ids};
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

enum heed_status engine_train(struct world *w, const struct model_spec *spec, int64_t keep,
                              int64_t seed, int64_t time_ms, struct strbuf *facts,
                              struct heed_error *err)
{
    struct version_training training = training_of(w, spec);
    struct allocation_histories h;
    struct model_version v;
    training.keep = keep == CALL_ABSENT ? STORED_KEEP : (uint32_t)keep;
    training.seed = seed == CALL_ABSENT ? 1 : seed;
    enum heed_status status = all_histories(w, &h, err);
    if (status != HEED_OK)
        return status;
    status = version_train(&h, w->state.catalogue.contents_n, &training, &v, err);
    histories_deinit(&h);
    if (status == HEED_OK && v.bytes)
        status = pack_version(w, &v, time_ms, facts, err);
    version_deinit(&v);
    return status;
}

enum heed_status engine_update(struct world *w, const struct model_version *from,
                               const struct model_spec *spec, int64_t time_ms, struct strbuf *facts,
                               bool *learns, struct heed_error *err)
{
    struct version_training training = training_of(w, spec);
    struct allocation_histories h;
    struct model_version v;
    enum heed_status status = all_histories(w, &h, err);
    if (status != HEED_OK)
        return status;
    status = version_update(&h, w->state.catalogue.contents_n, &training, from, &v, err);
    histories_deinit(&h);
    *learns = v.acts > 0;
    if (status == HEED_OK && v.bytes)
        status = pack_version(w, &v, time_ms, facts, err);
    version_deinit(&v);
    return status;
}
