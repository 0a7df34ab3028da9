/* `heed ledger apply`: transfers from a file. */
#include "cli/cli.h"

#include "base/term.h"
#include "cli/tools.h"
#include "import/transfers.h"

#include <stdio.h>
#include <unistd.h>

struct applying {
    struct progress bar;
};

static void show_progress(void *context, uint64_t done, uint64_t total, uint64_t lines)
{
    struct applying *a = context;
    a->bar.total = total;
    progress_update(&a->bar, done, lines, cli_clock_ms());
}

static void print_answer(void *context, const struct transfers_answer *a)
{
    (void)context;
    bool done = a->refusal == REFUSED_NOT && !a->refused_before;
    json_t *id = json_stringn_nocheck(a->id.p, a->id.n);
    json_t *line = id ? json_pack("{s:I,s:o,s:s}", "line", (json_int_t)a->line, "id", id, "result",
                                  a->refused_before ? "refused_before"
                                  : done            ? a->repeated ? "repeated" : "applied"
                                                    : refusal_code(a->refusal))
                      : NULL;
    if (line && done)
        json_object_update_new(
            line, json_pack("{s:I,s:I,s:I,s:I,s:I}", "transfer", (json_int_t)a->number,
                            "from_balance_minor", (json_int_t)a->from_balance, "from_held_minor",
                            (json_int_t)a->from_held, "to_balance_minor", (json_int_t)a->to_balance,
                            "to_held_minor", (json_int_t)a->to_held));
    if (line && json_dumpf(line, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    json_decref(line);
}

static json_t *summary_of(const struct transfers_result *r, double seconds)
{
    json_t *refusals = json_object();
    for (int i = 1; i < REFUSED_COUNT; i++)
        if (r->by_refusal[i])
            json_object_set_new(refusals, refusal_code((enum refusal)i),
                                json_integer((json_int_t)r->by_refusal[i]));
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:o,s:f}", "lines", (json_int_t)r->lines, "applied",
                     (json_int_t)r->applied, "repeated", (json_int_t)r->repeated, "refused",
                     (json_int_t)r->refused, "refused_before", (json_int_t)r->refused_before,
                     "refusals", refusals, "seconds", seconds);
}

int tool_ledger_apply(struct cli *c)
{
    struct heed_error err = {0};
    struct world *w = NULL;
    struct transfers_result result = {0};
    struct applying a = {0};
    int64_t started = cli_clock_ms();
    struct heed_context context = cli_context(c);
    progress_init(&a.bar, stderr, !c->quiet && isatty(STDERR_FILENO), "transfers", "lines", 0,
                  term_width(stderr, 80), started);
    const struct transfers_options options = {.again = cli_arg(c, "again") != NULL,
                                              .answer = c->json ? print_answer : NULL,
                                              .progress = show_progress,
                                              .context = &a};
    enum heed_status status = cli_open(c, true, false, STR_NONE, &w, &err);
    if (status == HEED_OK)
        status = transfers_apply(w, &context, cli_arg(c, "file"), &options, &result, &err);
    progress_done(&a.bar);
    if (result.lines > 0 || status == HEED_OK) {
        json_t *summary = summary_of(&result, (double)(cli_clock_ms() - started) / 1000);
        if (summary && c->json && json_dumpf(summary, stdout, JSON_COMPACT | REPLY_REALS) == 0)
            putchar('\n');
        else if (summary)
            print_reply(c, summary);
        json_decref(summary);
    }
    world_close(w);
    return status == HEED_OK ? 0 : print_error(c, &err);
}
