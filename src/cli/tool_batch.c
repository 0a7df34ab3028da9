/* `heed allocate batch` and `heed allocate online`: exposure for all users of a file, fairly; at
 * once or one after the other. Needs no world. */
#include "cli/tool_allocate.h"

#include "allocation/fair_online.h"
#include "base/csv.h"
#include "base/out_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum heed_status floor_of(const struct cli *c, double *out, struct heed_error *err)
{
    const char *given = cli_arg(c, "floor");
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

static json_t *reply_of(const struct fair_batch *b, double floor)
{
    const struct fair_report *r = &b->report;
    json_t *objective = json_array();
    for (size_t i = 0; objective && i < b->objective_n; i++)
        json_array_append_new(objective, json_real(b->objective[i]));
    return json_pack("{s:o,s:o,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:{s:f,s:b,s:b,s:f},s:f}", "objective",
                     objective, "gap", isnan(b->gap) ? json_null() : json_real(b->gap), "ndcg",
                     r->ndcg, "ndcg_kept", r->ndcg_kept, "gini", r->gini, "exposed", r->exposed,
                     "min_exposure", r->min_exposure, "worst_decile", r->worst_decile,
                     "mean_utility", r->mean_utility, "floor", "share", floor, "feasible", 1,
                     "kept", b->floor_kept, "cost", b->floor_cost, "seconds", b->seconds);
}

static void warn_of_batch(const struct cli *c, const struct fair_batch *b, json_t **list)
{
    if (b->left_out)
        warn(c, list, "%zu items are in every user's history: not on offer", b->left_out);
    if (b->without_worth)
        warn(c, list, "%zu users to whom no item is worth anything: they count in no utility",
             b->without_worth);
}

static void print_cost(const struct fair_batch *b)
{
    double with = b->objective[b->objective_n - 1];
    fprintf(stderr, "heed: the floor costs %.5g of the objective, from %.5g to %.5g\n",
            b->floor_cost, with + b->floor_cost, with);
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

static int share_out(struct cli *c, bool online)
{
    struct heed_error err = {0};
    struct model_spec specs[MODELS_MAX];
    struct acts acts = {0};
    struct fair_batch batch = {0};
    struct eval_bar bar;
    struct fair_batch_options o = {
        .threads = cores(), .clock_s = clock_s, .progress = eval_progress, .context = &bar};
    enum split_kind kind = SPLIT_EVERY_5TH;
    int64_t k = 10, iterations = 300, seed = 1, passes = 1, against = 0;
    double gain_kept = NAN;
    struct policy_file file = {cli_arg(c, "out"), &acts, 0};
    size_t n = 0;
    const char *fair = cli_arg(c, "fair");
    eval_bar_init(&bar, c);
    enum heed_status status = models_of(c, specs, &n, &err);
    if (status == HEED_OK && n != 1)
        status = error_set(&err, HEED_USAGE, "algorithm",
                           "takes one here; heed allocate eval compares several");
    if (status == HEED_OK)
        status = split_of(c, &kind, &err);
    if (status == HEED_OK && kind == SPLIT_COLD_ITEMS)
        status = error_set(&err, HEED_USAGE, "split",
                           "cold-items is for allocate eval: a policy here offers every item");
    if (status == HEED_OK)
        status = fair_welfare_parse(str_of(fair ? fair : "none"), &o.welfare, &err);
    if (status == HEED_OK)
        status = floor_of(c, &o.floor, &err);
    if (status == HEED_OK)
        status = number_of(c, "k", 10, &k, &err);
    if (status == HEED_OK && !online)
        status = number_of(c, "iterations", 300, &iterations, &err);
    if (status == HEED_OK && online)
        status = number_of(c, "passes", 1, &passes, &err);
    if (status == HEED_OK && online)
        status = number_of(c, "against", 0, &against, &err);
    if (status == HEED_OK)
        status = number_of(c, "seed", 1, &seed, &err);
    if (status == HEED_OK && file.path)
        status = out_file_check(file.path, &err);
    if (status == HEED_OK)
        status = acts_read(c, kind, &bar, &acts, &err);
    if (status == HEED_OK) {
        o.model = specs[0];
        o.features = acts_features(&acts);
        o.k = (size_t)k;
        o.iterations = (size_t)iterations;
        o.seed = (uint64_t)seed;
        o.take = file.path ? write_policy : NULL;
        o.taker = &file;
        const struct fair_online_options how = {(size_t)passes, (size_t)against};
        status = online ? fair_online_run(&acts.split.train, &acts.split.test, &o, &how, &batch,
                                          &gain_kept, &err)
                        : fair_batch_run(&acts.split.train, &acts.split.test, &o, &batch, &err);
    }
    progress_done(&bar.bar);
    if (status == HEED_OK) {
        json_t *list = NULL, *reply = reply_of(&batch, o.floor);
        warn_of_acts(c, &acts, &list);
        warn_of_batch(c, &batch, &list);
        if (o.floor > 0 && !c->quiet)
            print_cost(&batch);
        if (!isnan(gain_kept))
            json_object_set_new(reply, "gain_kept", json_real(gain_kept));
        if (file.path)
            json_object_set_new(reply, "policy",
                                json_pack("{s:o,s:I}", "file", reply_text(file.path), "rows",
                                          (json_int_t)file.rows));
        put_warnings(reply, list);
        print_reply(c, reply);
        json_decref(reply);
    }
    fair_batch_deinit(&batch);
    acts_deinit(&acts);
    return status == HEED_OK ? 0 : print_error(c, &err);
}

int tool_allocate_batch(struct cli *c)
{
    return share_out(c, false);
}

int tool_allocate_online(struct cli *c)
{
    return share_out(c, true);
}
