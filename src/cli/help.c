#include "base/term.h"
#include "cli/cli.h"

#include <stdio.h>

static bool shown(const struct arg_spec *a)
{
    return a->type != ARG_BLOB && a->type != ARG_FACT;
}

static const char *value_name(const struct arg_spec *a)
{
    if (*a->choices)
        return a->choices;
    switch (a->type) {
    case ARG_INT:
    case ARG_DECIMAL:
        return "N";
    case ARG_TIME:
        return "TIME";
    case ARG_AMOUNT:
        return "AMOUNT";
    default:
        return "TEXT";
    }
}

static void usage_line(const struct command_spec *s, FILE *out)
{
    fprintf(out, "heed %s%s%s", s->noun, *s->verb ? " " : "", s->verb);
    for (size_t i = 0; i < s->n; i++) {
        const struct arg_spec *a = &s->args[i];
        if (!shown(a))
            continue;
        bool needed = a->flags & REQUIRED;
        fputs(needed ? " " : " [", out);
        if (a->flags & POSITIONAL)
            fputs(value_name(a), out);
        else if (a->type == ARG_FLAG)
            fprintf(out, "--%s", a->name);
        else
            fprintf(out, "--%s %s", a->name, value_name(a));
        if (!needed)
            fputc(']', out);
    }
    fputc('\n', out);
}

/* {"command","help","kind","arguments":[{"name","value","positional","required","rest","help"}],
 * "example"} */
static json_t *command_json(const struct command_spec *s)
{
    static const char *const kinds[] = {
        [KIND_COMMAND] = "command", [KIND_QUERY] = "query", [KIND_TOOL] = "tool"};
    json_t *args = json_array();
    for (size_t i = 0; i < s->n; i++) {
        const struct arg_spec *a = &s->args[i];
        if (!shown(a))
            continue;
        json_array_append_new(args, json_pack("{s:s,s:s?,s:b,s:b,s:b,s:s}", "name", a->name,
                                              "value", a->type == ARG_FLAG ? NULL : value_name(a),
                                              "positional", (a->flags & POSITIONAL) != 0,
                                              "required", (a->flags & REQUIRED) != 0, "rest",
                                              (a->flags & REST) != 0, "help", a->help));
    }
    return json_pack("{s:s++,s:s,s:s,s:o,s:s}", "command", s->noun, *s->verb ? " " : "", s->verb,
                     "help", s->help, "kind", kinds[s->kind], "arguments", args, "example",
                     s->example);
}

/* One document on stdout; `what` is given up.                                                    */
static void print_json(json_t *what)
{
    if (what) {
        json_dumpf(what, stdout, REPLY_REALS);
        fputc('\n', stdout);
    }
    json_decref(what);
}

/* {"version","usage","global":[…],"commands":[…]}; with a noun its commands only. */
void help_json(struct str noun)
{
    json_t *commands = json_array();
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const struct command_spec *s = command_spec((enum command_id)i);
        if (s->kind != KIND_INTERNAL && (noun.n == 0 || str_is(noun, s->noun)))
            json_array_append_new(commands, command_json(s));
    }
    print_json(json_pack("{s:s,s:s,s:[s,s,s,s,s,s],s:o}", "version", heed_version(), "usage",
                         "heed [--world PATH] [--json] [--quiet] [--as USER] [--at TIME] NOUN VERB "
                         "[ARGS]",
                         "global", "--world PATH", "--json", "--quiet", "--as USER", "--at TIME",
                         "--help", "commands", commands));
}

void help_command_json(const struct command_spec *s)
{
    print_json(command_json(s));
}

bool help_has_noun(struct str noun)
{
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const struct command_spec *s = command_spec((enum command_id)i);
        if (s->kind != KIND_INTERNAL && str_is(noun, s->noun))
            return true;
    }
    return false;
}

static void list(struct str noun, FILE *out)
{
    struct table_column columns[] = {{"command", false}, {"what it does", false}};
    struct table *t = table_new(columns, 2);
    for (int i = 0; t && i < COMMAND_COUNT; i++) {
        const struct command_spec *s = command_spec((enum command_id)i);
        if (s->kind == KIND_INTERNAL || (noun.n && !str_is(noun, s->noun)))
            continue;
        if (!table_cellf(t, "%s%s%s", s->noun, *s->verb ? " " : "", s->verb) ||
            !table_cell(t, str_of(s->help)))
            break;
    }
    if (t)
        table_print(t, out, 0);
    table_free(t);
}

void help_noun(struct str noun, FILE *out)
{
    list(noun, out);
    fprintf(out, "\n`heed help %.*s VERB` shows one.\n", STR_ARG(noun));
}

void help_print(FILE *out)
{
    fprintf(out,
            "heed %s: an attention economy engine\n\n"
            "usage: heed [--world PATH] [--json] [--quiet] [--as USER] [--at TIME] NOUN VERB "
            "[ARGS]\n\n",
            heed_version());
    list(STR_NONE, out);
    fputs("\nThe world is ./heed.world unless --world says otherwise. --as names who acts "
          "(default: the\n"
          "operator), --at when (default: now). `heed help NOUN VERB` shows one command.\n"
          "Exit status: 0 done, 1 refused, 2 usage, 3 input at fault, 4 storage or system.\n",
          out);
}

void help_command(const struct command_spec *s, FILE *out)
{
    usage_line(s, out);
    fprintf(out, "\n%s\n", s->help);
    bool any = false;
    for (size_t i = 0; i < s->n; i++)
        any = any || shown(&s->args[i]);
    if (any) {
        fputc('\n', out);
        struct table_column columns[] = {{"argument", false}, {"meaning", false}};
        struct table *t = table_new(columns, 2);
        for (size_t i = 0; t && i < s->n; i++) {
            const struct arg_spec *a = &s->args[i];
            if (!shown(a))
                continue;
            if (!table_cellf(t, "%s%s%s%s", a->flags & POSITIONAL ? "" : "--",
                             a->flags & POSITIONAL ? value_name(a) : a->name,
                             a->flags & POSITIONAL || a->type == ARG_FLAG ? "" : " ",
                             a->flags & POSITIONAL || a->type == ARG_FLAG ? "" : value_name(a)) ||
                !table_cell(t, str_of(a->help)))
                break;
        }
        if (t)
            table_print(t, out, 0);
        table_free(t);
    }
    if (*s->example)
        fprintf(out, "\nexample: %s\n", s->example);
}
