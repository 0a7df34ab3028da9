#include "cli/cli.h"

#include "base/reader.h"
#include "tools/tools.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

struct heed_context cli_context(const struct cli *c)
{
    return (struct heed_context){c->now_ms, c->actor};
}

enum heed_status cli_open(const struct cli *c, bool write, bool create, struct str rules,
                          struct world **out, struct heed_error *err)
{
    struct world_options o = {.read_only = !write,
                              .create = create,
                              .rules_yaml = rules.p,
                              .rules_size = rules.n,
                              .pid = getpid()};
    enum heed_status status = world_open(c->world, &o, out, err);
    if (status == HEED_OK && (*out)->note[0])
        fprintf(stderr, "heed: %s: %s\n", c->world, (*out)->note);
    return status;
}

/* Whether the table lets the one named by --as use a tool on this world. 0: yes; else the exit
 * status. */
static int refuse_tool(const struct cli *c, enum command_id id)
{
    struct world *w = NULL;
    struct heed_error err = {0};
    json_t *refused = NULL;
    enum heed_status status = cli_open(c, false, false, STR_NONE, &w, &err);
    if (status == HEED_OK)
        status = admit_tool(w, id, c->actor, &refused, &err);
    world_close(w);
    if (refused)
        print_reply(c, refused);
    json_decref(refused);
    return refused || status == HEED_OK ? exit_of(status) : print_error(c, &err);
}

static int tool(struct cli *c)
{
    int id = command_find(str_of(c->spec->noun), str_of(c->spec->verb));
    bool of_a_world = id == COMMAND_import_ || id == COMMAND_run_ || id == COMMAND_report_ ||
                      id == COMMAND_export_ || id == COMMAND_verify_ || id == COMMAND_allocate_log;
    int refused = c->actor && of_a_world ? refuse_tool(c, (enum command_id)id) : 0;
    if (refused)
        return refused;
    if (tools_has((enum command_id)id))
        return tool_files(c);
    switch (id) {
    case COMMAND_init_:
        return tool_init(c);
    case COMMAND_import_:
        return tool_import(c);
    case COMMAND_run_:
        return tool_run(c);
    case COMMAND_report_:
        return tool_report(c);
    case COMMAND_export_:
        return tool_export(c);
    case COMMAND_generate_:
        return tool_generate(c);
    case COMMAND_verify_:
        return tool_verify(c);
    case COMMAND_simulate_:
        return tool_simulate(c);
    case COMMAND_ledger_apply:
        return tool_ledger_apply(c);
    case COMMAND_allocate_log:
        return tool_allocate_log(c);
    default:
        return tool_rules_default(c);
    }
}

/* `rules propose FILE`: the command takes the text.                                             */
static enum heed_status take_text(struct cli *c, struct strbuf *text, const char **path,
                                  struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    *path = NULL;
    strbuf_init(text, MARKET_TEXT_MAX);
    for (size_t i = 0; i < c->n && c->spec == command_spec(COMMAND_rules_propose); i++) {
        if (strcmp(c->args[i].name, "yaml") != 0)
            continue;
        status = reader_text(c->args[i].value, MARKET_TEXT_MAX, text, err);
        if (status == HEED_OK && text->n > 0 && memchr(text->p, 0, text->n))
            status =
                error_set(err, HEED_INPUT, c->args[i].value, "it holds a byte 0: it is no YAML");
        if (status == HEED_OK) {
            *path = c->args[i].value;
            c->args[i].value = strbuf_text(text);
        }
    }
    return status;
}

/* A fault in the text, as of the file.                                                          */
static enum heed_status fault_of_file(const char *path, enum heed_status status,
                                      struct heed_error *err)
{
    static const char name[] = "yaml: ";
    if (!path || status != HEED_USAGE || strncmp(err->where, name, sizeof name - 1) != 0)
        return status;
    struct heed_error said = *err;
    char where[sizeof err->where];
    snprintf(where, sizeof where, "%.100s: %.80s", path, said.where + sizeof name - 1);
    error_clear(err);
    return error_set(err, HEED_INPUT, where, "%s", said.message);
}

static int call(struct cli *c)
{
    struct world *w = NULL;
    struct heed_error err = {0};
    json_t *reply = NULL;
    struct strbuf text;
    const char *path;
    struct heed_context context = cli_context(c);
    enum heed_status status = take_text(c, &text, &path, &err);
    if (status == HEED_OK)
        status = cli_open(c, c->spec->kind == KIND_COMMAND, false, STR_NONE, &w, &err);
    if (status == HEED_OK)
        status = admit_call(w, c->spec, &context, c->args, c->n, &reply, &err);
    status = fault_of_file(path, status, &err);
    say_warnings(c, reply);
    if (reply)
        print_reply(c, reply);
    else if (status != HEED_OK)
        print_error(c, &err);
    json_decref(reply);
    world_close(w);
    strbuf_deinit(&text);
    return exit_of(status);
}

/* Whether a command has much linear algebra to do. */
static bool trains(const struct command_spec *spec)
{
    static const enum command_id those[] = {
        COMMAND_run_,           COMMAND_report_,         COMMAND_allocate_eval,
        COMMAND_allocate_batch, COMMAND_allocate_online, COMMAND_allocate_train,
        COMMAND_allocate_update};
    for (size_t i = 0; i < sizeof those / sizeof *those; i++)
        if (command_spec(those[i]) == spec)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct cli c;
    signal(SIGXFSZ, SIG_IGN); /* beyond the limit of a file's size, writing fails and is said */
    int code = cli_parse(&c, argc, argv);
    if (code < 0 && trains(c.spec))
        cli_choose_kernel(argv);
    if (code < 0)
        code = c.spec->kind == KIND_TOOL ? tool(&c) : call(&c);
    if (fflush(stdout) != 0 ||
        ferror(stdout)) { /* what was too long for the buffer failed before */
        fprintf(stderr, "heed: the result cannot be written whole; is the disk full?\n");
        return 4;
    }
    return code;
}
