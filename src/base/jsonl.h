/* JSON Lines: one flat JSON object a line (RFC 8259), scanned without building a tree.
 *
 * Values may be strings, numbers, true, false, null; a nested array or object is kept as its own
 * raw text. Blank lines are passed over. A bad line (not an object, bad escape, lone surrogate,
 * invalid UTF-8, duplicate key, too long, too many members) is reported and skipped. What it
 * accepts, jansson accepts with JSON_REJECT_DUPLICATES, with the same values, and the other way
 * round for flat objects within the limits. */
#ifndef HEED_BASE_JSONL_H
#define HEED_BASE_JSONL_H

#include "base/reader.h"

enum json_type { JSON_T_STRING, JSON_T_NUMBER, JSON_T_TRUE, JSON_T_FALSE, JSON_T_NULL, JSON_T_RAW };

struct json_member {
    struct str key;
    enum json_type type;
    struct str value; /* decoded text of a string; the literal text of anything else              */
};

struct jsonl_record {
    const struct json_member *members;
    size_t n;
    uint64_t line;
    struct str raw;
};

struct jsonl;
enum jsonl_result { JSONL_RECORD, JSONL_BAD, JSONL_END, JSONL_FAILED };

/* max_line bytes (0: 1 MiB) and max_members (0: 1024) bound a line.                             */
struct jsonl *jsonl_new(struct reader *r, size_t max_line, size_t max_members);
void jsonl_free(struct jsonl *j);
enum jsonl_result jsonl_next(struct jsonl *j, struct jsonl_record *rec, struct heed_error *err);

/* Scans one object. members[cap], scratch for decoded strings of at least text.n bytes.
 * false: err says what and where ("column C").                                                  */
bool json_scan_object(struct str text, struct json_member *members, size_t cap, char *scratch,
                      size_t *n, struct heed_error *err);
#endif
