/* Rows of whole numbers, as LOBSTER files have them: no header, commas, a time with a fraction. */
#ifndef HEED_TOOLS_EXCHANGE_NUMBERS_H
#define HEED_TOOLS_EXCHANGE_NUMBERS_H

#include "base/reader.h"

enum { NUMBERS_BUFFER = 1 << 17, NUMBERS_COLUMNS = 401 };

struct numbers {
    const char *path;
    struct reader *reader;
    uint64_t line; /* of the row just read */
    size_t at, have;
    bool ended;
    char buffer[NUMBERS_BUFFER];
};

/* *out is closed by numbers_close, after an error too. Errors: HEED_INPUT. */
HEED_MUST_CHECK enum heed_status numbers_open(const char *path, struct numbers **out,
                                              struct heed_error *err);
void numbers_close(struct numbers *r);

/* The next row: up to NUMBERS_COLUMNS numbers; *n columns, 0 at the end. Fractions are cut off, but
 * in the first column, which is given in milliseconds when it has one. Errors: HEED_INPUT with line
 * and column. */
HEED_MUST_CHECK enum heed_status numbers_next(struct numbers *r, int64_t *values, size_t *n,
                                              struct heed_error *err);
__attribute__((format(printf, 3, 4))) enum heed_status
numbers_error(const struct numbers *r, struct heed_error *err, const char *format, ...);
#endif
