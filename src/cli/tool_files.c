/* The verbs that work on files without a world: tools/ does them; here is what stands about the
 * reply, the bar and the lines on stderr. */
#include "base/term.h"
#include "cli/tools.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* One bar after the other, named by what is in work.                                             */
struct bars {
    struct progress bar;
    char what[40];
};

static void bars_init(struct bars *b, const struct cli *c)
{
    *b = (struct bars){0};
    progress_init(&b->bar, stderr, !c->quiet && isatty(STDERR_FILENO), "", "%", 100,
                  term_width(stderr, 80), cli_clock_ms());
}

static void bars_progress(void *context, const char *what, double share)
{
    struct bars *b = context;
    if (strcmp(what, b->what) != 0) {
        progress_done(&b->bar);
        snprintf(b->what, sizeof b->what, "%s", what);
        progress_init(&b->bar, b->bar.out, b->bar.enabled, what, "%", 100, b->bar.width,
                      cli_clock_ms());
    }
    uint64_t done = (uint64_t)(100 * share);
    progress_update(&b->bar, done, done, cli_clock_ms());
}

static double clock_s(void *context) /* finer than a millisecond */
{
    struct timespec t = {0};
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void cli_say(const struct cli *c, const char *text)
{
    if (!c->quiet)
        fprintf(stderr, "heed: %s\n", text);
}

void say_unsettled(const struct cli *c, uint32_t iterations)
{
    if (!c->quiet)
        fprintf(stderr, "heed: the numbers still moved after %u iterations; take them with care\n",
                iterations);
}

static void say_cost(const struct cli *c, const json_t *reply)
{
    const json_t *floor = json_object_get(reply, "floor"),
                 *objective = json_object_get(reply, "objective");
    size_t n = json_array_size(objective);
    double cost = json_real_value(json_object_get(floor, "cost"));
    double with = json_real_value(json_array_get(objective, n ? n - 1 : 0));
    if (!c->quiet && json_is_real(json_object_get(floor, "cost")) &&
        json_real_value(json_object_get(floor, "share")) > 0)
        fprintf(stderr, "heed: the floor costs %.5g of the objective, from %.5g to %.5g\n", cost,
                with + cost, with);
}

/* What a reply says that should not be missed, on stderr unless --quiet. */
static void say_notes(const struct cli *c, const json_t *reply)
{
    if (json_is_false(json_object_get(reply, "converged")))
        say_unsettled(c, (uint32_t)json_integer_value(json_object_get(reply, "iterations")));
    say_warnings(c, reply);
    say_cost(c, reply);
}

static bool line_out(void *context, struct str text)
{
    (void)context;
    return fwrite(text.p, 1, text.n, stdout) == text.n && putchar('\n') != EOF;
}

int tool_files(struct cli *c)
{
    struct heed_error err = {0};
    struct bars bars;
    json_t *reply = NULL;
    const struct tool_ask ask = {.spec = c->spec,
                                 .args = c->args,
                                 .n = c->n,
                                 .clock_s = clock_s,
                                 .progress = bars_progress,
                                 .line = line_out,
                                 .context = &bars};
    if (!c->json && c->spec == command_spec(COMMAND_quality_agree))
        return tool_agree_for_people(c, &ask);
    if (!c->json && c->spec == command_spec(COMMAND_quality_bridge))
        return tool_bridge_for_people(c, &ask);
    bars_init(&bars, c);
    enum heed_status status = tools_answer(&ask, &reply, &err);
    progress_done(&bars.bar);
    if (!reply)
        return print_error(c, &err);
    say_notes(c, reply);
    if (c->spec == command_spec(COMMAND_exchange_replay) && cli_arg(c, "events")) {
        json_dumpf(reply, stderr, REPLY_REALS); /* stdout has the events */
        fputc('\n', stderr);
    } else {
        print_reply(c, reply);
    }
    json_decref(reply);
    return exit_of(status);
}
