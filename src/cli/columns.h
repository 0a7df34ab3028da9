/* A CSV file as named columns, for the tools that compute from a file of their own. */
#ifndef HEED_CLI_COLUMNS_H
#define HEED_CLI_COLUMNS_H

#include "base/csv.h"

enum { COLUMNS_FIELDS = 8 };

struct columns {
    const char *path;
    const char *names[COLUMNS_FIELDS]; /* as asked for */
    size_t n;
    struct str fields[COLUMNS_FIELDS]; /* of the row just read, blanks at both ends removed */
    uint64_t line;
    size_t place[COLUMNS_FIELDS], width; /* private from here */
    struct reader *reader;
    struct csv *csv;
};

/* Opens path and finds the n columns in its header; "rater|user" is either name. Further columns
 * are passed over. Closed by columns_close, after an error too. Errors: HEED_INPUT cannot be read,
 * is empty, a column is missing or there twice.                */
HEED_MUST_CHECK enum heed_status columns_open(const char *path, const char *const *names, size_t n,
                                              struct columns *c, struct heed_error *err);
void columns_close(struct columns *c);

/* The next row, *more false at the end. Errors: HEED_INPUT the row is damaged, has another number
 * of fields than the header, or one of the columns is empty (where: path, line, column). */
HEED_MUST_CHECK enum heed_status columns_next(struct columns *c, bool *more,
                                              struct heed_error *err);

/* HEED_INPUT at a column of the row just read. */
__attribute__((format(printf, 4, 5))) enum heed_status columns_error(const struct columns *c,
                                                                     size_t column,
                                                                     struct heed_error *err,
                                                                     const char *format, ...);
#endif
