/* The program: what the command line says, and what the verbs around a world do. */
#ifndef HEED_CLI_H
#define HEED_CLI_H

#include "world/admit.h"

#include <jansson.h>

struct cli {
    const char *world; /* path */
    const char *actor; /* --as; NULL: the operator */
    int64_t now_ms;    /* --at, else the clock, read once */
    bool at_given;
    bool json, quiet, help;
    const struct command_spec *spec;
    struct heed_arg args[64];
    size_t n;
    const char *files[256]; /* words of a REST argument */
    size_t files_n;
    const char *program;
};

/* Reads the words after the program's name. Exit status to end with, or -1 to go on.             */
int cli_parse(struct cli *c, int argc, char **argv);
const char *cli_arg(const struct cli *c, const char *name); /* NULL when not given */

void help_print(FILE *out); /* all commands */
void help_command(const struct command_spec *spec, FILE *out);
void help_noun(struct str noun, FILE *out); /* its commands; nothing when unknown */
/* The same as one JSON document on stdout; noun STR_NONE: all commands. */
void help_json(struct str noun);
void help_command_json(const struct command_spec *spec);
bool help_has_noun(struct str noun);

/* Prints a reply: as one JSON document, or for people.                                          */
void print_reply(const struct cli *c, const json_t *reply);
/* What the reply warns of, on stderr; it may be NULL. */
void say_warnings(const struct cli *c, const json_t *reply);
/* An error on stderr, with --json as {"error":…} on stdout too. Gives the exit status. */
int print_error(const struct cli *c, const struct heed_error *err);
int exit_of(enum heed_status status);

/* Opens the world for reading or writing; a note on its way goes to stderr.                      */
HEED_MUST_CHECK enum heed_status cli_open(const struct cli *c, bool write, bool create,
                                          struct str rules, struct world **out,
                                          struct heed_error *err);
struct heed_context cli_context(const struct cli *c);
int64_t cli_clock_ms(void); /* for progress only */

/* The verbs that are tools; each gives the exit status.                                          */
int tool_init(struct cli *c);
int tool_import(struct cli *c);
int tool_run(struct cli *c);
int tool_report(struct cli *c);
int tool_export(struct cli *c);
int tool_generate(struct cli *c);
int tool_verify(struct cli *c);
int tool_ledger_apply(struct cli *c);
int tool_simulate(struct cli *c);
int tool_rules_default(struct cli *c);
int tool_allocate_log(struct cli *c);
int tool_files(struct cli *c); /* those of tools/ */

/* Starts the program anew where OpenBLAS does not know the processor (OPENBLAS_CORETYPE unset);
 * else returns. Before anything is done. */
void cli_choose_kernel(char **argv);
#endif
