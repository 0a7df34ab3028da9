/* `heed allocate eval`: which algorithm finds what people really did next. */
#include "allocation/eval.h"
#include "tools/acts.h"

static json_t *reply_of(const struct split *s, const struct eval_result *results, size_t n)
{
    json_t *rows = json_array();
    bool ok = rows != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        const struct metrics *m = &results[i].metrics;
        ok = tools_push(rows, json_pack("{s:s,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f}",
                                        "algorithm", results[i].algorithm, "ndcg", m->ndcg,
                                        "recall", m->recall, "precision", m->precision, "map",
                                        m->map, "mrr", m->mrr, "coverage", m->coverage, "gini",
                                        m->gini, "min_exposure", m->min_exposure, "train_s",
                                        results[i].train_s, "users_per_s", results[i].users_per_s));
    }
    if (!ok) {
        json_decref(rows);
        return NULL;
    }
    return json_pack("{s:I,s:I,s:I,s:I,s:o}", "users", (json_int_t)s->train.rows, "items",
                     (json_int_t)s->train.columns, "train", (json_int_t)sparse_count(&s->train),
                     "test", (json_int_t)sparse_count(&s->test), "results", rows);
}

enum heed_status tools_eval(const struct tool_ask *ask, json_t **reply, struct heed_error *err)
{
    struct model_spec specs[MODELS_MAX];
    struct eval_result results[MODELS_MAX];
    struct acts acts = {0};
    enum split_kind kind = SPLIT_EVERY_5TH;
    int64_t k = 10, seed = 1;
    size_t n = 0;
    enum heed_status status = acts_models(ask, specs, &n, err);
    if (status == HEED_OK)
        status = acts_split(ask, &kind, err);
    if (status == HEED_OK)
        status = tools_number(ask, "k", 10, &k, err);
    if (status == HEED_OK)
        status = tools_number(ask, "seed", 1, &seed, err);
    if (status == HEED_OK)
        status = acts_read(ask, kind, &acts, err);
    if (status == HEED_OK) {
        const struct eval_options o = {.models = specs,
                                       .models_n = n,
                                       .k = (size_t)k,
                                       .features = acts_features(&acts),
                                       .names = &acts.log.items,
                                       .seed = (uint64_t)seed,
                                       .threads = tools_cores(),
                                       .clock_s = ask->clock_s,
                                       .progress = ask->progress,
                                       .context = ask->context};
        status = eval_run(&acts.split, &o, results, err);
    }
    if (status == HEED_OK) {
        struct tool_warnings warnings = {0};
        acts_warn(ask, &acts, &warnings);
        *reply = tools_warned(reply_of(&acts.split, results, n), &warnings);
        if (!*reply)
            status = error_nomem(err);
    }
    acts_deinit(&acts);
    return status;
}
