#include "tools/tools.h"

#include "base/error.h"
#include "base/out_file.h"
#include "world/admit.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    enum command_id command;
    enum heed_status (*answer)(const struct tool_ask *ask, json_t **reply, struct heed_error *err);
} tools[] = {
    {COMMAND_quality_agree, tools_agree},         {COMMAND_quality_bridge, tools_bridge},
    {COMMAND_allocate_eval, tools_eval},          {COMMAND_allocate_batch, tools_batch},
    {COMMAND_allocate_online, tools_online},      {COMMAND_allocate_ope, tools_ope},
    {COMMAND_rules_check, tools_rules_check},     {COMMAND_rules_quote, tools_rules_quote},
    {COMMAND_rules_diff, tools_rules_diff},       {COMMAND_exchange_replay, tools_exchange},
    {COMMAND_auction_clear, tools_auction_clear}, {COMMAND_auction_replay, tools_auction_replay},
};

enum { TOOLS = sizeof tools / sizeof *tools };

bool tools_has(enum command_id command)
{
    for (size_t i = 0; i < TOOLS; i++)
        if (tools[i].command == command)
            return true;
    return false;
}

enum heed_status tools_answer(const struct tool_ask *ask, json_t **reply, struct heed_error *err)
{
    size_t i = 0;
    while (i < TOOLS && command_spec(tools[i].command) != ask->spec)
        i++;
    heed_assert(i < TOOLS);
    *reply = NULL;
    enum heed_status status = tools[i].answer(ask, reply, err);
    heed_assert(!*reply == (status != HEED_OK && status != HEED_REFUSED));
    return status;
}

const char *tools_arg(const struct tool_ask *ask, const char *name)
{
    for (size_t i = 0; i < ask->n; i++)
        if (strcmp(ask->args[i].name, name) == 0)
            return ask->args[i].value;
    return NULL;
}

enum heed_status tools_number(const struct tool_ask *ask, const char *name, int64_t fallback,
                              int64_t *out, struct heed_error *err)
{
    const char *text = tools_arg(ask, name);
    *out = fallback;
    int arg = command_arg(ask->spec, str_of(name));
    if (!text || arg < 0)
        return HEED_OK;
    return admit_parse_number(&ask->spec->args[arg], str_of(text), out, err) ? HEED_OK : HEED_USAGE;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

enum heed_status tools_writable(const struct tool_ask *ask, const char *name,
                                struct heed_error *err)
{
    const char *path = tools_arg(ask, name);
    enum heed_status status = path ? out_file_check(path, err) : HEED_OK;
    for (size_t i = 0; status == HEED_OK && path && i < ask->n; i++) {
        const struct heed_arg *other = &ask->args[i];
        int arg = command_arg(ask->spec, str_of(other->name));
        if (arg >= 0 && ask->spec->args[arg].type == ARG_FILE && strcmp(other->name, name) != 0 &&
            (same_file(path, other->value) || strcmp(path, other->value) == 0))
            status = error_set(err, HEED_USAGE, name,
                               "it is the file that --%s names; give another", other->name);
    }
    return status;
}

unsigned tools_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (unsigned)n;
}

void tools_warn(struct tool_warnings *w, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!w->list)
        w->list = json_array();
    if (!tools_push(w->list, json_string(text)))
        w->failed = true;
}

json_t *tools_warned(json_t *reply, struct tool_warnings *w)
{
    bool ok = reply && !w->failed;
    if (ok && w->list)
        ok = tools_put(reply, "warnings", w->list);
    else
        json_decref(w->list);
    *w = (struct tool_warnings){0};
    if (ok)
        return reply;
    json_decref(reply);
    return NULL;
}

json_t *tools_real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *tools_reals(const double *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (!tools_push(list, tools_real(x[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

bool tools_push(json_t *array, json_t *value)
{
    return json_array_append_new(array, value) == 0;
}

bool tools_put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}
