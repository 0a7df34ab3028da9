/* The public interface: heed_tool. */
#include "base/error.h"
#include "tools/tools.h"
#include "world/admit.h"
#include "world/handle.h"

/* name, name … into text; required: only those that must be given. */
static const char *names_of(const struct command_spec *spec, bool required, struct strbuf *text)
{
    strbuf_init(text, 300);
    for (size_t i = 0; i < spec->n; i++)
        if (!required || spec->args[i].flags & REQUIRED)
            (void)strbuf_printf(text, "%s%s", text->n ? ", " : "", spec->args[i].name);
    return strbuf_text(text);
}

static enum heed_status no_tool(const char *name, int id, struct heed_error *err)
{
    struct strbuf text;
    enum command_kind kind = id < 0 ? KIND_TOOL : command_spec((enum command_id)id)->kind;
    if (kind == KIND_COMMAND || kind == KIND_QUERY)
        return error_set(err, HEED_USAGE, name, "it is of a world: open one, then heed_call");
    strbuf_init(&text, 300);
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (tools_has((enum command_id)i))
            (void)strbuf_printf(&text, "%s%s %s", text.n ? ", " : "",
                                command_spec((enum command_id)i)->noun,
                                command_spec((enum command_id)i)->verb);
    error_set(err, HEED_USAGE, name, "there is no such tool on files; there are %s",
              strbuf_text(&text));
    strbuf_deinit(&text);
    return HEED_USAGE;
}

static enum heed_status no_argument(const struct command_spec *spec, const char *name,
                                    struct heed_error *err)
{
    struct strbuf text;
    error_set(err, HEED_USAGE, name ? name : "args",
              name ? "%s %s has no such argument; it has %s" : "one has no name; %s %s has %s",
              spec->noun, spec->verb, names_of(spec, false, &text));
    strbuf_deinit(&text);
    return HEED_USAGE;
}

static enum heed_status check_args(const struct tool_ask *ask, struct heed_error *err)
{
    enum { ARGS_MAX = 32 };
    const struct command_spec *spec = ask->spec;
    bool given[ARGS_MAX] = {false};
    heed_assert(spec->n <= ARGS_MAX);
    for (size_t i = 0; i < ask->n; i++) {
        const struct heed_arg *a = &ask->args[i];
        int at = a->name ? command_arg(spec, str_of(a->name)) : -1;
        if (at < 0)
            return no_argument(spec, a->name, err);
        const struct arg_spec *known = &spec->args[at];
        if (!a->value)
            return error_set(err, HEED_USAGE, known->name,
                             "its value is NULL; leave it out or give one");
        if (given[at] && !(known->flags & REPEATED))
            return error_set(err, HEED_USAGE, known->name, "it is given twice");
        if (!*a->value && (known->type == ARG_FILE || known->type == ARG_TEXT))
            return error_set(err, HEED_USAGE, known->name,
                             "it is empty; leave it out or name something");
        given[at] = true;
    }
    for (size_t i = 0; i < spec->n; i++)
        if (spec->args[i].flags & REQUIRED && !given[i]) {
            struct strbuf text;
            error_set(err, HEED_USAGE, spec->args[i].name, "it is missing; %s %s needs %s",
                      spec->noun, spec->verb, names_of(spec, true, &text));
            strbuf_deinit(&text);
            return HEED_USAGE;
        }
    return HEED_OK;
}

enum heed_status heed_tool(const char *name, const struct heed_arg *args, size_t n, char **reply,
                           struct heed_error *err)
{
    PLAIN_NUMBERS;
    error_clear(err);
    if (!reply)
        return handle_missing(err, "reply");
    *reply = NULL;
    if (!name || (!args && n > 0))
        return handle_missing(err, name ? "args" : "name");
    int id = handle_command(name);
    if (id < 0 || !tools_has((enum command_id)id))
        return no_tool(name, id, err);
    const struct tool_ask ask = {.spec = command_spec((enum command_id)id), .args = args, .n = n};
    json_t *json = NULL;
    enum heed_status status = check_args(&ask, err);
    if (status == HEED_OK)
        status = tools_answer(&ask, &json, err);
    /* with the program's blanks: the same bytes as of --json */
    if (json && !(*reply = handle_text(json, REPLY_REALS)))
        status = error_nomem(err);
    json_decref(json);
    return status;
}
