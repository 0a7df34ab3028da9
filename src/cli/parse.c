#include "base/time.h"
#include "cli/cli.h"

#include <stdio.h>
#include <time.h>

static int usage(const struct cli *c, const char *format, const char *word)
{
    struct heed_error err = {0};
    char message[320];
    snprintf(message, sizeof message, format, word);
    error_set(&err, HEED_USAGE, "command line", "%s; see `heed help`", message);
    return print_error(c, &err);
}

static int64_t clock_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t cli_clock_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

const char *cli_arg(const struct cli *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->args[i].name, name) == 0)
            return c->args[i].value;
    return NULL;
}

static bool repeated(const struct cli *c, const char *name)
{
    return c->spec->args[command_arg(c->spec, str_of(name))].flags & REPEATED;
}

static int add_arg(struct cli *c, const char *name, const char *value)
{
    if (c->n == sizeof c->args / sizeof c->args[0])
        return usage(c, "too many arguments at '%s'", name);
    if (cli_arg(c, name) && !repeated(c, name))
        return usage(c, "--%s is given twice", name);
    c->args[c->n++] = (struct heed_arg){name, value};
    return -1;
}

static int take_time(struct cli *c, const char *value)
{
    enum time_parse parsed = time_from_text(str_of(value), &c->now_ms);
    if (parsed == TIME_OUT_OF_RANGE)
        return usage(c, "--at takes a time between 1970 and 2105, not '%s'", value);
    if (parsed != TIME_OK)
        return usage(c, "--at needs a time such as 2026-01-31T12:00:00Z, not '%s'", value);
    c->at_given = true;
    return -1;
}

/* An option that stands anywhere, its value after it or behind a '='. *used words taken: 0 when it
 * is none of these. */
static int global_option(struct cli *c, int argc, char **argv, int at, int *used)
{
    static const char *const flags[] = {"--json", "--quiet", "--help", "-h"};
    static const char *const valued[] = {"--world", "--as", "--at"};
    const char *word = argv[at], *value = strchr(word, '=');
    struct str name = {word, value ? (size_t)(value - word) : strlen(word)};
    *used = 1;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (!str_eq(name, str_of(flags[i])))
            continue;
        if (value)
            return usage(c, "%s takes no value", flags[i]);
        c->json = c->json || i == 0;
        c->quiet = c->quiet || i == 1;
        c->help = c->help || i >= 2;
        return -1;
    }
    for (size_t i = 0; i < sizeof valued / sizeof *valued; i++) {
        if (!str_eq(name, str_of(valued[i])))
            continue;
        if (!value && at + 1 >= argc)
            return usage(c, "%s needs a value", word);
        *used = value ? 1 : 2;
        value = value ? value + 1 : argv[at + 1];
        if (!*value)
            return usage(c, "the value of %s is empty", valued[i]);
        if (i == 2)
            return take_time(c, value);
        *(i == 0 ? &c->world : &c->actor) = value;
        return -1;
    }
    *used = 0;
    return -1;
}

static const struct arg_spec *positional(const struct command_spec *spec, size_t place)
{
    for (size_t i = 0; i < spec->n; i++)
        if (spec->args[i].flags & POSITIONAL) {
            if (place == 0 || spec->args[i].flags & REST)
                return &spec->args[i];
            place--;
        }
    return NULL;
}

static int option(struct cli *c, int argc, char **argv, int at, int *used)
{
    const char *name = argv[at] + 2;
    const char *equals = strchr(name, '=');
    struct str key = {name, equals ? (size_t)(equals - name) : strlen(name)};
    int arg = command_arg(c->spec, key);
    if (arg < 0 || c->spec->args[arg].type == ARG_BLOB || c->spec->args[arg].type == ARG_FACT)
        return usage(c, "there is no option %s here", argv[at]);
    const struct arg_spec *spec = &c->spec->args[arg];
    *used = 1;
    if (equals)
        return add_arg(c, spec->name, equals + 1);
    if (spec->type == ARG_FLAG)
        return add_arg(c, spec->name, "1");
    if (at + 1 >= argc)
        return usage(c, "%s needs a value", argv[at]);
    *used = 2;
    return add_arg(c, spec->name, argv[at + 1]);
}

/* A word that starts with '-' and a digit is a negative number, not an option.                   */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] == '-' && word[2] != 0;
}

static int words(struct cli *c, int argc, char **argv)
{
    size_t place = 0;
    bool options_over = false;
    for (int i = 0; i < argc;) {
        int used = 0;
        if (!options_over && strcmp(argv[i], "--") == 0) {
            options_over = true;
            i++;
            continue;
        }
        if (!options_over && is_option(argv[i])) {
            int code = option(c, argc, argv, i, &used);
            if (code >= 0)
                return code;
            i += used;
            continue;
        }
        const struct arg_spec *spec = positional(c->spec, place++);
        if (!spec)
            return usage(c, "'%s' is one word too many", argv[i]);
        if (spec->flags & REST) {
            if (!*argv[i])
                return usage(c, "%s", "the path of a file is empty");
            if (c->files_n == sizeof c->files / sizeof c->files[0])
                return usage(c, "too many files at '%s'", argv[i]);
            c->files[c->files_n++] = argv[i];
        } else {
            int code = add_arg(c, spec->name, argv[i]);
            if (code >= 0)
                return code;
        }
        i++;
    }
    for (size_t i = 0; i < c->spec->n; i++) {
        const struct arg_spec *a = &c->spec->args[i];
        const char *value = cli_arg(c, a->name);
        if (value && !*value &&
            (a->type == ARG_FILE || (c->spec->kind == KIND_TOOL && a->type == ARG_TEXT)))
            return usage(c, "%s is empty; leave it out or name something", a->name);
        if (a->flags & REQUIRED && !(a->flags & SELF && c->actor) && a->type != ARG_BLOB &&
            a->type != ARG_FACT && !cli_arg(c, a->name) && !c->help) {
            struct heed_error err = {0};
            if (a->flags & SELF)
                say_who(c->spec, i, &err);
            else
                error_set(&err, HEED_USAGE, "command line",
                          "%s%s is missing; see `heed help %s%s%s`",
                          a->flags & POSITIONAL ? "" : "--", a->name, c->spec->noun,
                          *c->spec->verb ? " " : "", c->spec->verb);
            return print_error(c, &err);
        }
    }
    return -1;
}

/* What was asked for, on stdout: all commands, a noun's, or one.                                 */
static int help_all(const struct cli *c)
{
    if (c->json)
        help_json(STR_NONE);
    else
        help_print(stdout);
    return 0;
}

static int help_of(const struct cli *c, const struct command_spec *spec)
{
    if (c->json)
        help_command_json(spec);
    else
        help_command(spec, stdout);
    return 0;
}

static int help_words(struct cli *c, int argc, char **argv)
{
    if (argc == 0)
        return help_all(c);
    int id = command_find(str_of(argv[0]), str_of(argc > 1 ? argv[1] : ""));
    if (id >= 0 && command_spec((enum command_id)id)->kind != KIND_INTERNAL)
        return help_of(c, command_spec((enum command_id)id));
    if (!help_has_noun(str_of(argv[0])))
        return usage(c, "there is no command '%s'", argv[0]);
    if (c->json)
        help_json(str_of(argv[0]));
    else
        help_noun(str_of(argv[0]), stdout);
    return 0;
}

int cli_parse(struct cli *c, int argc, char **argv)
{
    *c = (struct cli){.world = "heed.world", .program = argc > 0 ? argv[0] : "heed"};
    char *rest[512];
    int n = 0;
    bool literal = false;
    for (int i = 1; i < argc;) {
        int used = 0, code = -1;
        literal = literal || strcmp(argv[i], "--") == 0;
        if (!literal)
            code = global_option(c, argc, argv, i, &used);
        if (code >= 0)
            return code;
        if (used == 0) {
            if (n == (int)(sizeof rest / sizeof rest[0]))
                return usage(c, "too many words at '%s'", argv[i]);
            rest[n++] = argv[i];
            used = 1;
        }
        i += used;
    }
    if (!c->at_given)
        c->now_ms = clock_ms(CLOCK_REALTIME);
    if (n == 0 && c->help)
        return help_all(c);
    if (n == 0 && c->json)
        return usage(c, "%s is missing", "a command");
    if (n == 0) {
        help_print(stderr);
        return 2;
    }
    if (strcmp(rest[0], "help") == 0)
        return help_words(c, n - 1, rest + 1);
    if (strcmp(rest[0], "version") == 0 || strcmp(rest[0], "--version") == 0) {
        printf(c->json ? "{\"version\": \"%s\"}\n" : "heed %s\n", heed_version());
        return 0;
    }
    int taken = 2;
    int id = n > 1 && *rest[1] ? command_find(str_of(rest[0]), str_of(rest[1])) : -1;
    if (id < 0 || command_spec((enum command_id)id)->kind == KIND_INTERNAL) {
        id = command_find(str_of(rest[0]), STR(""));
        taken = 1;
    }
    if (id < 0) {
        if (!help_has_noun(str_of(rest[0])))
            return usage(c, "there is no command '%s'", rest[0]);
        if (c->help)
            return help_words(c, 1, rest);
        if (c->json)
            return usage(c, "say what to do with '%s'", rest[0]);
        help_noun(str_of(rest[0]), stderr);
        return 2;
    }
    c->spec = command_spec((enum command_id)id);
    if (c->help)
        return help_of(c, c->spec);
    return words(c, n - taken, rest + taken);
}
