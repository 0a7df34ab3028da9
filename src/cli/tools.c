/* The verbs around a world: init, import, report, export, generate, verify, simulate, rules. */
#include "cli/cli.h"

#include "base/out_file.h"
#include "base/reader.h"
#include "base/term.h"
#include "cli/tools.h"
#include "import/exposures.h"
#include "report/report.h"
#include "sim/plaza.h"
#include "sim/simulate.h"
#include "world/verify.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RULES_MAX = 1 << 20 };

enum heed_status rules_of(const struct cli *c, const char *preset, struct strbuf *out,
                          struct heed_error *err)
{
    const char *file = cli_arg(c, "rules");
    if (cli_arg(c, "preset"))
        preset = cli_arg(c, "preset");
    strbuf_init(out, RULES_MAX);
    if (file) {
        enum heed_status status = reader_text(file, RULES_MAX, out, err);
        struct rules *rules = status == HEED_OK ? malloc(sizeof *rules) : NULL;
        if (status == HEED_OK)
            status = rules ? rules_parse((struct str){out->p, out->n}, file, rules, err)
                           : error_nomem(err);
        free(rules);
        return status;
    }
    struct str text = rules_preset(preset);
    if (!text.p)
        return error_set(err, HEED_USAGE, preset, "there is no such preset; there are: %s",
                         rules_preset_names());
    return strbuf_put(out, text.p, text.n) ? HEED_OK : error_nomem(err);
}

int tool_init(struct cli *c)
{
    struct heed_error err = {0};
    struct strbuf rules;
    struct world *w = NULL;
    enum heed_status status = rules_of(c, NULL, &rules, &err);
    if (status == HEED_OK && access(c->world, F_OK) == 0 &&
        cli_open(c, false, false, STR_NONE, &w, &err) == HEED_OK) {
        status = error_set(&err, HEED_INPUT, c->world,
                           "there is a world here already; choose another --world or remove it");
    } else if (status == HEED_OK) {
        error_clear(&err);
        status = cli_open(c, true, true, (struct str){rules.p, rules.n}, &w, &err);
    }
    if (status == HEED_OK) {
        json_t *reply =
            json_pack("{s:s,s:I}", "world", c->world, "commands", (json_int_t)w->commands);
        print_reply(c, reply);
        json_decref(reply);
    }
    world_close(w);
    strbuf_deinit(&rules);
    return status == HEED_OK ? 0 : print_error(c, &err);
}

/* ── import ── */

struct importing {
    struct progress bar;
    char path[4096];
};

static void import_progress(void *context, const char *path, uint64_t done, uint64_t total,
                            uint64_t rows)
{
    struct importing *x = context;
    if (strcmp(path, x->path) != 0) {
        progress_done(&x->bar);
        snprintf(x->path, sizeof x->path, "%s", path);
        const char *slash = strrchr(path, '/');
        progress_init(&x->bar, x->bar.out, x->bar.enabled, slash ? slash + 1 : path, "rows", total,
                      x->bar.width, cli_clock_ms());
    }
    progress_update(&x->bar, done, rows, cli_clock_ms());
}

void import_options_of(const struct cli *c, struct import_options *o, struct importing **progress,
                       char rejects[4096])
{
    const char *given = cli_arg(c, "rejects");
    if (given)
        snprintf(rejects, 4096, "%s", given);
    else
        snprintf(rejects, 4096, "%s.rejects.csv", c->world);
    struct importing *x = calloc(1, sizeof *x);
    *o = (struct import_options){.strict = cli_arg(c, "strict") != NULL,
                                 .again = cli_arg(c, "again") != NULL,
                                 .rejects = rejects};
    if (x) {
        progress_init(&x->bar, stderr, !c->quiet && isatty(STDERR_FILENO), "", "rows", 0,
                      term_width(stderr, 80), cli_clock_ms());
        o->progress = import_progress;
        o->progress_context = x;
    }
    *progress = x;
}

void import_progress_free(struct importing *x)
{
    if (x)
        progress_done(&x->bar);
    free(x);
}

static enum heed_status import_words(struct cli *c, struct world *w,
                                     const struct import_options *options,
                                     struct import_result *result, struct heed_error *err)
{
    struct heed_context context = cli_context(c);
    const char *map = cli_arg(c, "map"), *what = cli_arg(c, "what");
    if (map && what)
        return error_set(err, HEED_USAGE, "import",
                         "give a mapping or a kind with files, not both");
    if (map)
        return import_map(w, &context, map, cli_arg(c, "data"), options, result, err);
    if (!what)
        return error_set(err, HEED_USAGE, "import",
                         "say what: `heed import KIND FILE...`, `heed import DIR` or `heed import "
                         "--map FILE`");
    int kind = import_kind_of_name(str_of(what));
    struct stat st;
    if (c->files_n == 0 && kind >= 0 && stat(what, &st) != 0)
        return error_set(err, HEED_USAGE, what,
                         "say which files hold them: `heed import %s FILE...`", what);
    if (c->files_n == 0)
        return import_dir(w, &context, what, options, result, err);
    if (kind < 0)
        return error_set(err, HEED_USAGE, what, IMPORT_KINDS_EXPECTED);
    enum heed_status status = HEED_OK, first = HEED_OK;
    for (size_t i = 0; i < c->files_n;
         i++) { /* a file that cannot be read does not stop the others */
        struct heed_error why = {0};
        status =
            import_file(w, &context, (enum import_kind)kind, c->files[i], options, result, &why);
        if (status != HEED_OK && first == HEED_OK) {
            first = status;
            *err = why;
        } else if (status != HEED_OK) {
            print_error(&(struct cli){0}, &why);
        }
        if (status != HEED_OK && exit_of(status) != exit_of(HEED_INPUT))
            break;
    }
    return first;
}

void print_bad_rows(const struct cli *c, const struct import_result *r, const char *rejects)
{
    if (c->quiet)
        return;
    for (size_t i = 0; i < r->n; i++)
        if (r->files[i].first[0])
            fprintf(stderr, "heed: %s\n", r->files[i].first);
    for (size_t i = 0; i < r->n; i++)
        if (r->files[i].left_aside)
            fprintf(stderr, "heed: %s was left aside: %s\n", r->files[i].path,
                    r->files[i].left_aside);
    if (r->total.rejected + r->total.refused > 0)
        fprintf(stderr, "heed: %llu rows were not applied; they stand with reasons in %s\n",
                (unsigned long long)(r->total.rejected + r->total.refused), rejects);
    if (r->late > 0)
        fprintf(
            stderr,
            "heed: %llu acts came late: their epoch is settled, so they count in the open one\n",
            (unsigned long long)r->late);
}

int tool_import(struct cli *c)
{
    struct heed_error err = {0};
    struct world *w = NULL;
    struct import_result result = {0};
    struct import_options options;
    struct importing *progress;
    char rejects[4096];
    int64_t started = cli_clock_ms();
    import_options_of(c, &options, &progress, rejects);
    enum heed_status status = cli_open(c, true, false, STR_NONE, &w, &err);
    if (status == HEED_OK)
        status = import_words(c, w, &options, &result, &err);
    import_progress_free(progress);
    bool told = status == HEED_OK || (exit_of(status) == exit_of(HEED_INPUT) && result.n > 0);
    if (told) {
        json_t *reply = import_result_json(&result, (double)(cli_clock_ms() - started) / 1000);
        if (reply && status != HEED_OK && c->json)
            json_object_set_new(reply, "error", reply_error(&err));
        if (reply)
            print_reply(c, reply);
        json_decref(reply);
        print_bad_rows(c, &result, rejects);
    }
    world_close(w);
    import_result_deinit(&result);
    if (status == HEED_OK)
        return 0;
    return print_error(told ? &(struct cli){0} : c, &err); /* the document has it */
}

/* ── report, export, generate ── */

bool lang_of(const struct cli *c, enum report_lang *lang, struct heed_error *err)
{
    const char *name = cli_arg(c, "lang");
    return report_lang_of(name ? name : "en", lang, err);
}

int tool_report(struct cli *c)
{
    struct heed_error err = {0};
    struct world *w = NULL;
    struct report_data *data = NULL;
    struct report_truth truth = {0};
    char path[4096];
    if (cli_arg(c, "out"))
        snprintf(path, sizeof path, "%s", cli_arg(c, "out"));
    else
        snprintf(path, sizeof path, "%s.html", c->world);
    enum report_lang lang;
    enum heed_status status = lang_of(c, &lang, &err) ? HEED_OK : HEED_USAGE;
    if (status == HEED_OK)
        status = out_file_check(path, &err);
    if (status == HEED_OK)
        status = cli_open(c, false, false, STR_NONE, &w, &err);
    if (status == HEED_OK) { /* beside a generated world lies what its generator knows */
        char plaza[4096], known[4200];
        snprintf(plaza, sizeof plaza, "%s.plaza", c->world);
        snprintf(known, sizeof known, "%s/truth.csv", plaza);
        if (access(known, R_OK) == 0)
            status = plaza_judge(w, plaza, &truth, &err);
    }
    if (status == HEED_OK)
        status = report_gather(w, &truth, &data, &err);
    if (status == HEED_OK)
        status = report_file(data, lang, path, &err);
    if (status == HEED_OK) {
        json_t *reply = json_pack("{s:o}", "report", reply_text(path));
        print_reply(c, reply);
        json_decref(reply);
    }
    report_free(data);
    world_close(w);
    return status == HEED_OK ? 0 : print_error(c, &err);
}

int tool_export(struct cli *c)
{
    struct heed_error err = {0};
    uint64_t left_out = 0;
    struct world *w = NULL;
    enum heed_status status = cli_open(c, false, false, STR_NONE, &w, &err);
    if (status == HEED_OK)
        status = export_dir(w, c->now_ms, cli_arg(c, "dir"), cli_arg(c, "force") != NULL, &left_out,
                            &err);
    if (status == HEED_OK) {
        json_t *reply = export_json(cli_arg(c, "dir"), left_out);
        print_reply(c, reply);
        json_decref(reply);
        if (left_out && !c->quiet)
            fprintf(stderr,
                    "heed: %llu rows are left out: acts and works of people who were erased, and "
                    "acts on those works\n",
                    (unsigned long long)left_out);
    }
    world_close(w);
    return status == HEED_OK ? 0 : print_error(c, &err);
}

int tool_allocate_log(struct cli *c)
{
    struct heed_error err = {0};
    struct exposures_written written = {0};
    struct world *w = NULL;
    const char *path = cli_arg(c, "out");
    int64_t within_s = 0;
    enum heed_status status = number_of(c, "within", 24 * 60 * 60, &within_s, &err);
    const struct exposures_options options = {.now_ms = c->now_ms,
                                              .within_ms = within_s * 1000,
                                              .explored = cli_arg(c, "explored") != NULL};
    if (status == HEED_OK)
        status = out_file_check(path, &err);
    if (status == HEED_OK)
        status = cli_open(c, false, false, STR_NONE, &w, &err);
    if (status == HEED_OK)
        status = exposures_write(w, path, &options, &written, &err);
    if (status == HEED_OK) {
        json_t *reply = json_pack("{s:o,s:I,s:I}", "log", reply_text(path), "rows",
                                  (json_int_t)written.rows, "open", (json_int_t)written.open);
        print_reply(c, reply);
        json_decref(reply);
        if (options.explored && written.rows + written.open == 0 && !c->quiet)
            fprintf(stderr, "heed: no slot of any feed went to chance; let feeds explore "
                            "(allocation.explore) before a log is needed\n");
    }
    world_close(w);
    return status == HEED_OK ? 0 : print_error(c, &err);
}

enum heed_status number_of(const struct cli *c, const char *name, int64_t fallback, int64_t *out,
                           struct heed_error *err)
{
    const struct tool_ask ask = {.spec = c->spec, .args = c->args, .n = c->n};
    return tools_number(&ask, name, fallback, out, err);
}

int tool_generate(struct cli *c)
{
    struct heed_error err = {0};
    int64_t seed;
    struct plaza_size size = plaza_default();
    enum heed_status status = number_of(c, "seed", 1, &seed, &err);
    if (status == HEED_OK)
        status = plaza_generate(cli_arg(c, "dir"), (uint64_t)seed, &size, &err);
    if (status == HEED_OK) {
        json_t *reply =
            json_pack("{s:s,s:I}", "generated", cli_arg(c, "dir"), "seed", (json_int_t)seed);
        print_reply(c, reply);
        json_decref(reply);
    }
    return status == HEED_OK ? 0 : print_error(c, &err);
}

/* ── verify, simulate ── */

static void bar_progress(void *context, uint64_t done, uint64_t total)
{
    struct progress *bar = context;
    bar->total = total;
    progress_update(bar, done, done, cli_clock_ms());
}

int tool_verify(struct cli *c)
{
    struct heed_error err = {0};
    json_t *reply = NULL;
    struct progress bar;
    progress_init(&bar, stderr, !c->quiet && isatty(STDERR_FILENO), "verify", "batches", 0,
                  term_width(stderr, 80), cli_clock_ms());
    const struct verify_options options = {bar_progress, &bar};
    enum heed_status status = verify_file(c->world, &options, &reply, &err);
    progress_done(&bar);
    if (reply)
        print_reply(c, reply);
    json_decref(reply);
    if (status == HEED_OK)
        return 0;
    return print_error(reply ? &(struct cli){0} : c, &err); /* the document has it */
}

int tool_simulate(struct cli *c)
{
    struct heed_error err = {0};
    int64_t seed, commands;
    struct progress bar;
    struct simulate_result result = {0};
    enum heed_status status = number_of(c, "seed", 1, &seed, &err);
    if (status == HEED_OK)
        status = number_of(c, "commands", 10000, &commands, &err);
    if (status == HEED_OK) {
        progress_init(&bar, stderr, !c->quiet && isatty(STDERR_FILENO), "simulate", "commands",
                      (uint64_t)commands, term_width(stderr, 80), cli_clock_ms());
        const struct simulate_options options = {.seed = (uint64_t)seed,
                                                 .commands = (uint64_t)commands,
                                                 .path = ":memory:",
                                                 .progress = bar_progress,
                                                 .progress_context = &bar};
        status = simulate(&options, &result, &err);
        progress_done(&bar);
    }
    if (status != HEED_OK)
        return print_error(c, &err);
    char hex[65];
    json_t *reply = json_pack(
        "{s:b,s:I,s:I,s:I,s:I,s:I,s:s,s:s?}", "ok", (int)!result.failed, "seed", (json_int_t)seed,
        "commands", (json_int_t)result.commands, "refused", (json_int_t)result.refused, "batches",
        (json_int_t)result.batches, "checks", (json_int_t)result.checks, "world_hash",
        sha256_hex(result.world_hash, hex), "failure", result.failure);
    print_reply(c, reply);
    json_decref(reply);
    int code = result.failed ? 3 : 0;
    free(result.failure);
    return code;
}

/* ── rules ── */

int tool_rules_default(struct cli *c)
{
    struct heed_error err = {0};
    const char *preset = cli_arg(c, "preset");
    struct str text = rules_preset(preset);
    if (!text.p) {
        error_set(&err, HEED_USAGE, preset, "there is no such preset; there are: %s",
                  rules_preset_names());
        return print_error(c, &err);
    }
    if (c->json) {
        json_t *reply = json_pack("{s:s%}", "yaml", text.p, text.n);
        print_reply(c, reply);
        json_decref(reply);
    } else {
        fwrite(text.p, 1, text.n, stdout);
    }
    return 0;
}
