/* `heed allocate eval`: which algorithm finds what people really did next. Needs no world. */
#include "cli/tool_allocate.h"

#include "allocation/eval.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void eval_bar_init(struct eval_bar *b, const struct cli *c)
{
    *b = (struct eval_bar){0};
    progress_init(&b->bar, stderr, !c->quiet && isatty(STDERR_FILENO), "read", "%", 100,
                  term_width(stderr, 80), cli_clock_ms());
}

void eval_progress(void *context, const char *what, double share)
{
    struct eval_bar *b = context;
    if (strcmp(what, b->what) != 0) {
        progress_done(&b->bar);
        snprintf(b->what, sizeof b->what, "%s", what);
        progress_init(&b->bar, b->bar.out, b->bar.enabled, what, "%", 100, b->bar.width,
                      cli_clock_ms());
    }
    uint64_t done = (uint64_t)(100 * share);
    progress_update(&b->bar, done, done, cli_clock_ms());
}

void read_progress(void *context, double share)
{
    eval_progress(context, "read", share);
}

double clock_s(void *context)
{
    struct timespec t = {0};
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

unsigned cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (unsigned)n;
}

enum heed_status split_of(const struct cli *c, enum split_kind *out, struct heed_error *err)
{
    static const char *const names[] = {"every-5th", "time", "leave-one-out", "cold-items"};
    const char *given = cli_arg(c, "split");
    *out = SPLIT_EVERY_5TH;
    for (int i = 0; given && i < 4; i++)
        if (strcmp(given, names[i]) == 0) {
            *out = (enum split_kind)i;
            return HEED_OK;
        }
    return given
               ? error_set(err, HEED_USAGE, "split",
                           "is one of every-5th, time, leave-one-out, cold-items, not '%s'", given)
               : HEED_OK;
}

enum heed_status models_of(const struct cli *c, struct model_spec *specs, size_t *n,
                           struct heed_error *err)
{
    enum heed_status status = model_names_parse(str_of(cli_arg(c, "algorithm")), specs, n, err);
    for (size_t i = 0; i < c->n && status == HEED_OK; i++)
        if (strcmp(c->args[i].name, "param") == 0)
            status = model_params_parse(str_of(c->args[i].value), specs, *n, err);
    return status;
}

enum heed_status acts_read(const struct cli *c, enum split_kind kind, struct eval_bar *bar,
                           struct acts *out, struct heed_error *err)
{
    const char *items = cli_arg(c, "items"), *kind_of = cli_arg(c, "kind"),
               *verbs = cli_arg(c, "verbs");
    const struct interactions_choice choice = {kind_of ? str_of(kind_of) : STR_NONE,
                                               verbs ? str_of(verbs) : STR_NONE};
    *out = (struct acts){0};
    interactions_init(&out->log);
    enum heed_status status =
        interactions_read(&out->log, cli_arg(c, "events"), &choice, read_progress, bar, err);
    if (status == HEED_OK && items)
        status = item_table_read(&out->items, items, &out->log, err);
    for (uint32_t i = 0; status == HEED_OK && items && i < out->log.items.count; i++)
        out->items_known += out->items.row_of[i] != UINT32_MAX;
    if (status == HEED_OK && items &&
        item_features(&out->items, out->log.items.count, &out->features) != HEED_OK)
        status = error_nomem(err);
    return status == HEED_OK ? split_make(&out->log, kind, &out->split, err) : status;
}

const struct sparse *acts_features(const struct acts *a)
{
    return a->features.at ? &a->features : NULL;
}

void acts_deinit(struct acts *a)
{
    split_deinit(&a->split);
    sparse_deinit(&a->features);
    item_table_deinit(&a->items);
    interactions_deinit(&a->log);
}

void warn(const struct cli *c, json_t **list, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!c->quiet)
        fprintf(stderr, "heed: %s\n", text);
    if (!*list)
        *list = json_array();
    json_array_append_new(*list, json_string(text)); /* nothing without memory */
}

void put_warnings(json_t *reply, json_t *list)
{
    if (list)
        json_object_set_new(reply, "warnings", list);
}

static void warn_of_kinds(const struct cli *c, unsigned kinds, json_t **list)
{
    char names[64] = "";
    size_t n = 0, several = kinds & (kinds - 1);
    for (unsigned i = 0; several && i < INTERACTIONS_KINDS; i++)
        if (kinds & 1U << i)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "",
                                  interactions_kinds[i]);
    if (several)
        warn(c, list, "targets are of several kinds (%s), all taken alike: --kind takes one",
             names);
}

void warn_of_acts(const struct cli *c, const struct acts *a, json_t **list)
{
    if (a->split.left_out)
        warn(c, list, "%zu users have too little history for this split: left out",
             a->split.left_out);
    if (a->split.unwished)
        warn(c, list,
             "%zu pairs of user and target whose acts speak against the target, or say nothing: "
             "neither learnt nor asked for",
             a->split.unwished);
    if (a->log.of_nobody)
        warn(c, list, "%zu rows of nobody known (user -): left out", a->log.of_nobody);
    if (!cli_arg(c, "kind"))
        warn_of_kinds(c, a->log.kinds, list);
    if (a->items.row_of && a->items_known == 0)
        warn(c, list,
             "--items names none of the items of --events: nothing was learnt from it; ids must be "
             "written alike (--kind takes off a prefix such as good:)");
}

static json_t *reply_of(const struct split *s, const struct eval_result *results, size_t n)
{
    json_t *rows = json_array();
    for (size_t i = 0; rows && i < n; i++) {
        const struct metrics *m = &results[i].metrics;
        json_array_append_new(
            rows, json_pack("{s:s,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "algorithm",
                            results[i].algorithm, "ndcg", m->ndcg, "recall", m->recall, "precision",
                            m->precision, "map", m->map, "mrr", m->mrr, "coverage", m->coverage,
                            "gini", m->gini, "min_exposure", m->min_exposure, "train_s",
                            results[i].train_s, "users_per_s", results[i].users_per_s));
    }
    return json_pack("{s:I,s:I,s:I,s:I,s:o}", "users", (json_int_t)s->train.rows, "items",
                     (json_int_t)s->train.columns, "train", (json_int_t)sparse_count(&s->train),
                     "test", (json_int_t)sparse_count(&s->test), "results", rows);
}

int tool_allocate_eval(struct cli *c)
{
    struct heed_error err = {0};
    struct model_spec specs[MODELS_MAX];
    struct eval_result results[MODELS_MAX];
    struct acts acts = {0};
    struct eval_bar bar;
    enum split_kind kind = SPLIT_EVERY_5TH;
    int64_t k = 10, seed = 1;
    size_t n = 0;
    eval_bar_init(&bar, c);
    enum heed_status status = models_of(c, specs, &n, &err);
    if (status == HEED_OK)
        status = split_of(c, &kind, &err);
    if (status == HEED_OK)
        status = number_of(c, "k", 10, &k, &err);
    if (status == HEED_OK)
        status = number_of(c, "seed", 1, &seed, &err);
    if (status == HEED_OK)
        status = acts_read(c, kind, &bar, &acts, &err);
    if (status == HEED_OK) {
        const struct eval_options o = {.models = specs,
                                       .models_n = n,
                                       .k = (size_t)k,
                                       .features = acts_features(&acts),
                                       .seed = (uint64_t)seed,
                                       .threads = cores(),
                                       .clock_s = clock_s,
                                       .progress = eval_progress,
                                       .context = &bar};
        status = eval_run(&acts.split, &o, results, &err);
    }
    progress_done(&bar.bar);
    if (status == HEED_OK) {
        json_t *list = NULL, *reply = reply_of(&acts.split, results, n);
        warn_of_acts(c, &acts, &list);
        put_warnings(reply, list);
        print_reply(c, reply);
        json_decref(reply);
    }
    acts_deinit(&acts);
    return status == HEED_OK ? 0 : print_error(c, &err);
}
