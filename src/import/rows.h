/* Rows of an outside file as named fields, whatever the file is made of. */
#ifndef HEED_ROWS_H
#define HEED_ROWS_H

#include "base/csv.h"
#include "import/import.h"

enum field {
    FIELD_ID,
    FIELD_NAME,
    FIELD_JOINED_AT,
    FIELD_ROLE,
    FIELD_CREATOR,
    FIELD_TITLE,
    FIELD_BODY,
    FIELD_KIND,
    FIELD_CREATED_AT,
    FIELD_GOOD,
    FIELD_SELLER,
    FIELD_DESCRIPTION,
    FIELD_CATEGORY,
    FIELD_PRICE,
    FIELD_CURRENCY,
    FIELD_STOCK,
    FIELD_SALES,
    FIELD_TIME,
    FIELD_USER,
    FIELD_VERB,
    FIELD_TARGET,
    FIELD_AMOUNT,
    FIELD_SURFACE,
    FIELD_VIA,
    FIELD_SCORE,
    FIELD_OFFERED,
    FIELD_COPIED,
    FIELD_ACT,
    FIELD_REASON,
    FIELD_COUNT,
    FIELD_STANDS,
    FIELDS
};

const char *field_name(enum field f);
int field_of_name(struct str name);                /* -1 when unknown */
uint32_t kind_fields(enum import_kind kind);       /* bits of the fields a kind has */
uint32_t kind_required(enum import_kind kind);     /* and of those it must have     */
bool kind_keeps_attributes(enum import_kind kind); /* further columns are kept      */

enum mapped_from { MAPPED_NONE, MAPPED_COLUMN, MAPPED_CONSTANT, MAPPED_JOINED };

struct step {
    int64_t from_milli;
    char *value; /* owned */
};

/* Where a field of a mapped file comes from.                                                    */
struct mapped_field {
    enum mapped_from from;
    char *column;    /* name in the file, or in the joined file; constant text; owned      */
    char *prefix;    /* put before a value that is not empty; may be NULL; owned           */
    char *otherwise; /* value when it is empty; may be NULL; owned                        */
    char *after;  /* keep what stands behind the first of this separator, if it is there; owned */
    char *first;  /* keep what stands before the first of this separator; may be NULL; owned    */
    bool us_time; /* month/day/year hour:minute, zone_min ahead of UTC, becomes RFC 3339 */
    int32_t zone_min;
    struct step *steps; /* [steps_n] ascending; the number becomes the value of the last whose
                         * `from` it reaches; owned */
    size_t steps_n;
    int64_t factor_milli; /* 0: as it is; else the number times this                      */
    bool whole;           /* rounded to a whole number                                          */
    size_t max;           /* cut to so many bytes at a character; 0: not                        */
};

struct join; /* a second file, by key: join.h */

struct row_format {
    struct csv_options csv;
    bool mapped;
    struct mapped_field fields[FIELDS]; /* when mapped */
    const struct join *join;
    char *join_key; /* column whose value is looked up */
};

struct row {
    struct str fields[FIELDS]; /* empty when absent; good until the next row */
    struct str attributes;     /* JSON object text, or empty */
    uint64_t line;
    struct str raw; /* as it stands in the file (at most some KiB of a bad one) */
};

enum row_result { ROW_OK, ROW_BAD, ROW_END, ROW_FAILED };

/* Opens path: JSON Lines when its name (before compression endings) ends in .jsonl or .ndjson, else
 * CSV with a header. format NULL: heed's own columns. Errors: HEED_INPUT cannot be read, or a
 * required column is missing (where: line 1). */
struct rows;
HEED_MUST_CHECK enum heed_status rows_open(const char *path, enum import_kind kind,
                                           const struct row_format *format,
                                           const struct reader_limits *limits, struct rows **out,
                                           struct heed_error *err);
void rows_close(struct rows *r);

/* The next row. ROW_BAD: row->line and raw, err->where "line L, column C". ROW_FAILED: the bytes
 * themselves cannot be read further.                                                            */
enum row_result rows_next(struct rows *r, struct row *row, struct heed_error *err);

/* "line L, column 3 (price)" for a field of the row just read; buf of 128.                       */
char *rows_where(const struct rows *r, const struct row *row, enum field f, char buf[128]);
const struct reader *rows_reader(const struct rows *r);
#endif
