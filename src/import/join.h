/* A second file joined by a key, held in memory. */
#ifndef HEED_JOIN_H
#define HEED_JOIN_H

#include "import/rows.h"

struct join_options {
    const char *path;
    struct csv_options csv;
    const char *on;     /* its key column */
    const char *prefer; /* of several rows with one key, the one with the lowest number here; NULL:
                           the first */
    bool alnum_lower;   /* keys are compared by their ASCII letters and digits, lower case;
                           more than 512 of them match nothing */
};

HEED_MUST_CHECK enum heed_status join_load(const struct join_options *options,
                                           const struct reader_limits *limits, struct join **out,
                                           struct heed_error *err);
void join_free(struct join *j);
int join_column(const struct join *j, const char *name); /* -1 when it has none */
/* The cell of the row whose key is `key`; empty when there is none.                              */
struct str join_cell(const struct join *j, struct str key, int column);
#endif
