/* Pieces the tools share. */
#ifndef HEED_CLI_TOOLS_H
#define HEED_CLI_TOOLS_H

#include "cli/cli.h"
#include "import/import.h"
#include "report/report.h"

#include <stdio.h>

/* The rules of a new world: --rules, else --preset, else `preset` (NULL: the default). out is
 * initialised by this and freed by the caller.                                                  */
HEED_MUST_CHECK enum heed_status rules_of(const struct cli *c, const char *preset,
                                          struct strbuf *out, struct heed_error *err);

struct importing; /* the progress bar of an import */
void import_options_of(const struct cli *c, struct import_options *o, struct importing **progress,
                       char rejects[4096]);
void import_progress_free(struct importing *x);
void print_bad_rows(const struct cli *c, const struct import_result *r, const char *rejects);

/* A file that is there whole or not at all: it is written aside and renamed. What stands at the
 * path and is no regular file (a pipe, a device, a link to nothing yet) is written into and stays;
 * of a link to a file, the file is replaced. */
struct out_file {
    const char *path;
    FILE *f;
    char real[4096], aside[4104]; /* "" when written straight into the path */
};
/* Before any work: HEED_USAGE when it is empty or a folder, HEED_STORAGE when it cannot be written.
 */
HEED_MUST_CHECK enum heed_status out_file_check(const char *path, struct heed_error *err);
HEED_MUST_CHECK enum heed_status out_file_open(struct out_file *o, const char *path,
                                               struct heed_error *err);
/* With the status of what was written: not HEED_OK, and what is there stays as it was. */
HEED_MUST_CHECK enum heed_status out_file_close(struct out_file *o, enum heed_status status,
                                                struct heed_error *err);

HEED_MUST_CHECK enum heed_status write_report(const struct report_data *data, const char *path,
                                              enum report_lang lang, struct heed_error *err);
enum report_lang lang_of(const struct cli *c);
bool lang_ok(const struct cli *c, struct heed_error *err);
HEED_MUST_CHECK enum heed_status number_of(const struct cli *c, const char *name, int64_t fallback,
                                           int64_t *out, struct heed_error *err);
#endif
