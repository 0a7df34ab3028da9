/* `heed allocate batch` and `heed allocate online`: exposure for all users of a file, fairly; at
 * once or one after the other. */
#include "allocation/fair_online.h"
#include "base/csv.h"
#include "base/out_file.h"
#include "tools/acts.h"
#include "tools/gain_plot.h"
#include "world/admit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum heed_status floor_of(const struct tool_ask *ask, double *out, struct heed_error *err)
{
    const char *given = tools_arg(ask, "floor");
    char *end;
    *out = 0;
    if (!given)
        return HEED_OK;
    *out = strtod(given, &end);
    if (!*given || *end || !(*out >= 0 && *out <= 1e6))
        return error_set(err, HEED_USAGE, "floor",
                         "takes a share of the mean exposure, such as .1, not '%s'", given);
    return HEED_OK;
}

static void warn_of_batch(const struct fair_batch *b, struct tool_warnings *w)
{
    if (b->left_out)
        tools_warn(w, "%zu items are in every user's history: not on offer", b->left_out);
    if (b->without_worth)
        tools_warn(w, "%zu users to whom no item is worth anything: they count in no utility",
                   b->without_worth);
    if (!isfinite(b->objective[b->objective_n - 1]))
        tools_warn(w, "the objective is not a number in the end: some user or item has nothing, "
                      "which this welfare calls infinitely bad; what hangs on it is null");
}

/* ── --out ── */

struct policy_file {
    const char *path; /* NULL: not asked for */
    const struct acts *acts;
    uint64_t rows;
};

static void put_id(FILE *f, struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (memchr(",\"\r\n", id.p[i], 4)) {
            csv_put_quoted(f, id);
            return;
        }
    fwrite(id.p, 1, id.n, f);
}

static int most_first(const void *a, const void *b)
{
    const struct fair_lot *x = a, *y = b;
    if (x->exposure != y->exposure)
        return x->exposure > y->exposure ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* What a user is given, most first.                                                              */
static enum heed_status write_policy(void *taker, const struct fair_offers *f,
                                     const struct fair_policy *p, struct heed_error *err)
{
    static const double LEAST = 1e-6; /* users x items rows else */
    struct policy_file *file = taker;
    struct out_file out;
    double *given = malloc((f->items + 1) * sizeof *given);
    struct fair_lot *row = malloc((f->items + 1) * sizeof *row);
    enum heed_status status = given && row ? HEED_OK : error_nomem(err);
    if (status == HEED_OK)
        status = out_file_open(&out, file->path, err);
    if (status != HEED_OK)
        goto done;
    fputs("user,item,exposure\n", out.f);
    for (size_t u = 0; u < f->users; u++) {
        size_t n = 0;
        fair_policy_row(f, p, u, given);
        for (uint32_t i = 0; i < f->items; i++)
            if (given[i] >= LEAST)
                row[n++] = (struct fair_lot){i, given[i]};
        qsort(row, n, sizeof *row, most_first);
        for (size_t i = 0; i < n; i++) {
            put_id(out.f, intern_str(&file->acts->log.users, file->acts->split.user[u]));
            fputc(',', out.f);
            put_id(out.f, intern_str(&file->acts->log.items, row[i].item));
            fprintf(out.f, ",%.7g\n", row[i].exposure);
        }
        file->rows += n;
    }
    status = out_file_close(&out, status, err);
done:
    free(given);
    free(row);
    return status;
}

/* ── the reply ── */

struct shared {
    struct fair_batch batch;
    double floor, gain_kept;
    bool compared; /* gain_kept was asked for */
    struct policy_file file;
};

static json_t *reply_of(const struct shared *s)
{
    const struct fair_batch *b = &s->batch;
    const struct fair_report *r = &b->report;
    json_t *reply =
        json_pack("{s:o,s:o,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:{s:f,s:b,s:b,s:o},s:f}", "objective",
                  tools_reals(b->objective, b->objective_n), "gap", tools_real(b->gap), "ndcg",
                  r->ndcg, "ndcg_kept", r->ndcg_kept, "gini", r->gini, "exposed", r->exposed,
                  "min_exposure", r->min_exposure, "worst_decile", r->worst_decile, "mean_utility",
                  r->mean_utility, "floor", "share", s->floor, "feasible", 1, "kept", b->floor_kept,
                  "cost", tools_real(b->floor_cost), "seconds", b->seconds);
    bool ok = reply != NULL;
    if (ok && s->compared)
        ok = tools_put(reply, "gain_kept", tools_real(s->gain_kept));
    if (ok && s->file.path)
        ok = tools_put(reply, "policy",
                       json_pack("{s:o,s:I}", "file", reply_text(s->file.path), "rows",
                                 (json_int_t)s->file.rows));
    if (ok)
        return reply;
    json_decref(reply);
    return NULL;
}

static enum heed_status share_out(const struct tool_ask *ask, bool online, json_t **reply,
                                  struct heed_error *err)
{
    struct model_spec specs[MODELS_MAX];
    struct acts acts = {0};
    struct shared s = {.file = {tools_arg(ask, "out"), &acts, 0}};
    struct fair_batch_options o = {.threads = tools_cores(),
                                   .clock_s = ask->clock_s,
                                   .progress = ask->progress,
                                   .context = ask->context};
    enum split_kind kind = SPLIT_EVERY_5TH;
    int64_t k = 10, iterations = 300, seed = 1, passes = 1, against = 0;
    size_t n = 0;
    const char *fair = tools_arg(ask, "fair"), *plot = tools_arg(ask, "plot");
    enum heed_status status = acts_models(ask, specs, &n, err);
    if (status == HEED_OK && n != 1)
        status = error_set(err, HEED_USAGE, "algorithm",
                           "takes one here; heed allocate eval compares several");
    if (status == HEED_OK)
        status = acts_split(ask, &kind, err);
    if (status == HEED_OK && kind == SPLIT_COLD_ITEMS)
        status = error_set(err, HEED_USAGE, "split",
                           "cold-items is for allocate eval: a policy here offers every item");
    if (status == HEED_OK)
        status = fair_welfare_parse(str_of(fair ? fair : "none"), &o.welfare, err);
    if (status == HEED_OK)
        status = floor_of(ask, &o.floor, err);
    if (status == HEED_OK)
        status = tools_number(ask, "k", 10, &k, err);
    if (status == HEED_OK && !online)
        status = tools_number(ask, "iterations", 300, &iterations, err);
    if (status == HEED_OK && online)
        status = tools_number(ask, "passes", 1, &passes, err);
    if (status == HEED_OK && online)
        status = tools_number(ask, "against", 0, &against, err);
    if (status == HEED_OK)
        status = tools_number(ask, "seed", 1, &seed, err);
    if (status == HEED_OK)
        status = tools_writable(ask, "out", err);
    if (status == HEED_OK)
        status = tools_writable(ask, "plot", err);
    if (status == HEED_OK && plot && online && against == 0)
        status = error_set(err, HEED_USAGE, "plot",
                           "needs --against N: the batch proves what the best is");
    if (status == HEED_OK)
        status = acts_read(ask, kind, &acts, err);
    if (status == HEED_OK) {
        o.model = specs[0];
        o.features = acts_features(&acts);
        o.names = &acts.log.items;
        o.k = (size_t)k;
        o.iterations = (size_t)iterations;
        o.seed = (uint64_t)seed;
        o.take = s.file.path ? write_policy : NULL;
        o.taker = &s.file;
        const struct fair_online_options how = {(size_t)passes, (size_t)against};
        status = online ? fair_online_run(&acts.split.train, &acts.split.test, &o, &how, &s.batch,
                                          &s.gain_kept, err)
                        : fair_batch_run(&acts.split.train, &acts.split.test, &o, &s.batch, err);
    }
    if (status == HEED_OK && plot)
        status = gain_plot(plot, &s.batch, online, o.floor > 0, err);
    if (status == HEED_OK) {
        struct tool_warnings warnings = {0};
        s.floor = o.floor;
        s.compared = against > 0;
        acts_warn(ask, &acts, &warnings);
        warn_of_batch(&s.batch, &warnings);
        *reply = tools_warned(reply_of(&s), &warnings);
        if (!*reply)
            status = error_nomem(err);
    }
    fair_batch_deinit(&s.batch);
    acts_deinit(&acts);
    return status;
}

enum heed_status tools_batch(const struct tool_ask *ask, json_t **reply, struct heed_error *err)
{
    return share_out(ask, false, reply, err);
}

enum heed_status tools_online(const struct tool_ask *ask, json_t **reply, struct heed_error *err)
{
    return share_out(ask, true, reply, err);
}
