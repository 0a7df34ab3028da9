/* A result written to a file that someone names. */
#ifndef HEED_BASE_OUT_FILE_H
#define HEED_BASE_OUT_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>

/* A file that is there whole or not at all: it is written aside and renamed. What stands at the
 * path and is no regular file (a pipe, a device, a link to nothing yet) is written into and stays;
 * of a link to a file, the file is replaced. */
struct out_file {
    const char *path;
    FILE *f;
    char real[4096], aside[4104]; /* "" when written straight into the path */
};
/* Whether path is a world, or one of the files that lie beside it while it is in use. */
bool out_file_spoils(const char *path);

/* Before any work: HEED_USAGE when it is empty, a folder or a world, HEED_STORAGE when it cannot be
 * written.
 */
HEED_MUST_CHECK enum heed_status out_file_check(const char *path, struct heed_error *err);
HEED_MUST_CHECK enum heed_status out_file_open(struct out_file *o, const char *path,
                                               struct heed_error *err);
/* With the status of what was written: not HEED_OK, and what is there stays as it was. */
HEED_MUST_CHECK enum heed_status out_file_close(struct out_file *o, enum heed_status status,
                                                struct heed_error *err);
#endif
