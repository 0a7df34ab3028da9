/* One file being imported: its tally, its mark in the world, its bad rows. */
#ifndef HEED_SESSION_H
#define HEED_SESSION_H

#include "import/rows.h"

#include <stdio.h>

struct session {
    struct world *w;
    struct heed_context context;
    const struct import_options *options;
    const struct row_format *format;
    struct import_file *file; /* what is counted, in the result */
    struct import_mark mark;  /* as it will be committed next    */
    uint64_t skip;            /* rows done by an import before    */
    FILE *rejects;            /* opened at the first bad row      */
    int rejects_errno;        /* why it could not be              */
    bool checking;            /* the first pass of --strict: count, apply nothing */
};

/* Counts a bad row and writes it to the rejects file. where is "line L, column C …". */
void session_bad(struct session *s, bool refused, const char *where, const char *reason,
                 uint64_t line, struct str raw);
void session_refused(struct session *s, enum refusal refusal, const char *where, uint64_t line,
                     struct str raw);

/* Commits what was applied, with the mark. Under --strict only when done, and only if no row was
 * bad.                                                                                          */
HEED_MUST_CHECK enum heed_status session_commit(struct session *s, bool done,
                                                struct heed_error *err);
void session_progress(struct session *s, uint64_t done, uint64_t total); /* bytes */

/* The rows of a file, by kind; each leaves everything committed.                                */
HEED_MUST_CHECK enum heed_status import_things(struct session *s, struct heed_error *err);
HEED_MUST_CHECK enum heed_status import_events(struct session *s, struct heed_error *err);

/* An error with the file's path before its place.                                               */
enum heed_status session_error(const struct session *s, const struct heed_error *why,
                               struct heed_error *err);
HEED_MUST_CHECK enum heed_status import_one(struct world *w, const struct heed_context *context,
                                            enum import_kind kind, const char *path,
                                            const char *shown, const struct row_format *format,
                                            struct str mapping, struct str older,
                                            const struct import_options *options,
                                            struct import_result *result, struct heed_error *err);
#endif
