/* RFC 4180 records from a stream of bytes, fast and unforgiving.
 *
 * A UTF-8 byte order mark is passed over; records end in LF, CRLF or the end of the file; a quoted
 * field may hold delimiters, doubled quotes and line ends. A record that is bad (NUL byte, invalid
 * UTF-8, text after a closing quote, unclosed quote, longer than max_record, more fields than
 * max_fields) is reported with its line and column and skipped to its end; the next is read as
 * usual. An unclosed quote spoils only its own first line: reading goes on at the line after it. A
 * quote is unclosed when the file or max_record ends before it is closed, and when what closes it
 * stands on a later line and has text after it (so it opened another field).
 * Blank lines are not records. Fields point into the parser's buffer, good until the next call. */
#ifndef HEED_BASE_CSV_H
#define HEED_BASE_CSV_H

#include "base/reader.h"

#include <stdio.h>

struct csv_options {
    char delimiter;    /* 0: comma                                                              */
    char quote;        /* 0: '"'; CSV_NO_QUOTE: quotes are ordinary bytes                       */
    size_t max_record; /* bytes; 0: 1 MiB                                                       */
    size_t max_fields; /* 0: 1024                                                               */
    bool latin1;       /* bytes are ISO-8859-1 and are turned into UTF-8                        */
};
#define CSV_NO_QUOTE '\001'

/* delimiter, quote and encoding of a mapping's node (docs/mapping.md); other keys are not looked
 * at. HEED_INPUT with line and key.                                                             */
struct yaml;
HEED_MUST_CHECK enum heed_status csv_options_of(const struct yaml *y, int node,
                                                struct csv_options *out, struct heed_error *err);

struct csv;

struct csv_record {
    const struct str *fields;
    size_t n;
    uint64_t line;  /* of the record's first byte, from 1                                    */
    struct str raw; /* the record as it stands in the file, without its line end             */
};

enum csv_result {
    CSV_RECORD, /* *rec is a record                                                              */
    CSV_BAD,    /* *rec has line and raw (cut to 4 KiB), err says what and which column           */
    CSV_END,
    CSV_FAILED, /* the bytes themselves could not be read; err is filled; the end                 */
};

/* Reads from r, which stays the caller's. NULL: no memory.                                      */
struct csv *csv_new(struct reader *r, const struct csv_options *options);
void csv_free(struct csv *c);

/* For CSV_BAD and CSV_FAILED err is filled afresh: where = "line L, column C" (column counts
 * characters from 1).                                                                           */
enum csv_result csv_next(struct csv *c, struct csv_record *rec, struct heed_error *err);

/* Writes s as a quoted field, its quotes doubled.                                               */
void csv_put_quoted(FILE *f, struct str s);
/* Writes bytes as lower-case hex digits; and appends the bytes that such a field says, false: it is
 * something else, or there is no room in *out (out->failed).                                    */
void csv_put_hex(FILE *f, struct str bytes);
bool csv_take_hex(struct str field, struct strbuf *out);
#endif
