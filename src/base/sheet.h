/* A CSV file with a header, whose faults are said with file, line and column. */
#ifndef HEED_BASE_SHEET_H
#define HEED_BASE_SHEET_H

#include "base/csv.h"

struct sheet {
    const char *path;
    struct csv_record row; /* the row just read */
    char **names;          /* [columns] of the header */
    size_t columns;
    struct reader *reader;
    struct csv *csv;
};
#define SHEET_NOWHERE SIZE_MAX

/* Reads the header; needs ends the message when there is none. Closed by sheet_close, after an
 * error too. Errors: HEED_INPUT cannot be read, is empty, a column is there twice. */
HEED_MUST_CHECK enum heed_status sheet_open(const char *path, const struct csv_options *options,
                                            const char *needs, struct sheet *out,
                                            struct heed_error *err);
void sheet_close(struct sheet *s);
size_t sheet_column(const struct sheet *s, const char *name); /* SHEET_NOWHERE: it has none */

/* The next row, *more false at the end. Errors: HEED_INPUT it is damaged or not as wide as the
 * header. */
HEED_MUST_CHECK enum heed_status sheet_next(struct sheet *s, bool *more, struct heed_error *err);

/* place[n] out: where each of the columns names[n] stands; "rater|user" is either name.
 * HEED_INPUT: one is missing (the message lists them all), or two names of one stand there. */
HEED_MUST_CHECK enum heed_status sheet_need(const struct sheet *s, const char *const *names,
                                            size_t n, size_t *place, struct heed_error *err);

/* The cell without blanks at its ends. HEED_INPUT: it is empty. */
HEED_MUST_CHECK enum heed_status sheet_cell(const struct sheet *s, size_t column, struct str *out,
                                            struct heed_error *err);

/* HEED_INPUT at a column of the row just read; SHEET_NOWHERE: at the row, or in the header line. */
__attribute__((format(printf, 4, 5))) enum heed_status
sheet_error(const struct sheet *s, size_t column, struct heed_error *err, const char *format, ...);
/* Plain decimal notation of a finite number (no nan, inf, hex). */
bool sheet_number(struct str text, double *out);
#endif
