/* Pieces the tools share. */
#ifndef HEED_CLI_TOOLS_H
#define HEED_CLI_TOOLS_H

#include "cli/cli.h"
#include "import/import.h"
#include "report/report.h"
#include "tools/tools.h"

/* The rules of a new world: --rules, else --preset, else `preset` (NULL: the default). out is
 * initialised by this and freed by the caller.                                                  */
HEED_MUST_CHECK enum heed_status rules_of(const struct cli *c, const char *preset,
                                          struct strbuf *out, struct heed_error *err);

struct importing; /* the progress bar of an import */
void import_options_of(const struct cli *c, struct import_options *o, struct importing **progress,
                       char rejects[4096]);
void import_progress_free(struct importing *x);
void print_bad_rows(const struct cli *c, const struct import_result *r, const char *rejects);

bool lang_of(const struct cli *c, enum report_lang *lang, struct heed_error *err);
HEED_MUST_CHECK enum heed_status number_of(const struct cli *c, const char *name, int64_t fallback,
                                           int64_t *out, struct heed_error *err);

/* A line on stderr unless --quiet. */
void cli_say(const struct cli *c, const char *text);
void say_unsettled(const struct cli *c, uint32_t iterations);
/* The tables of a tool whose reply holds less than people are shown; give the exit status. */
int tool_agree_for_people(const struct cli *c, const struct tool_ask *ask);
int tool_bridge_for_people(const struct cli *c, const struct tool_ask *ask);
#endif
