/* Lines for json_scan_object. */
#include "base/jsonl.h"

#include "base/error.h"
#include "base/utf8.h"
#include "base/window.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_END = 2, RAW_SHOWN = 4096 };

struct jsonl {
    struct window w;
    size_t max_line, max_members;
    uint64_t line; /* of the byte at w.at */
    bool started, skip_rest;
    struct json_member *members;
    char *scratch;
    size_t scratch_cap;
};

struct jsonl *jsonl_new(struct reader *r, size_t max_line, size_t max_members)
{
    struct jsonl *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->max_line = max_line ? max_line : 1 << 20;
    if (j->max_line > SIZE_MAX / 4)
        j->max_line = SIZE_MAX / 4;
    j->max_members = max_members ? max_members : 1024;
    j->line = 1;
    j->members = calloc(j->max_members, sizeof *j->members);
    if (!j->members || !window_init(&j->w, r, j->max_line + LINE_END)) {
        jsonl_free(j);
        return NULL;
    }
    return j;
}

void jsonl_free(struct jsonl *j)
{
    if (!j)
        return;
    window_deinit(&j->w);
    free(j->members);
    free(j->scratch);
    free(j);
}

static enum jsonl_result fail(struct jsonl *j, struct heed_error *err)
{
    char where[64];
    const struct heed_error *f = &j->w.failure;
    error_clear(err);
    if (j->w.failed == HEED_OK) {
        error_nomem(err);
        return JSONL_FAILED;
    }
    snprintf(where, sizeof where, "line %llu, column 1", (unsigned long long)j->line);
    error_set(err, j->w.failed, where, "%s%s%s", f->where, *f->where ? ": " : "", f->message);
    return JSONL_FAILED;
}

/* The line at w.at, without its end, and where the next begins; SIZE_MAX in *next: it goes on past
 * the longest line allowed. false: no memory, or reading failed.                                */
static bool find_line(struct jsonl *j, struct str *line, size_t *next)
{
    struct window *w = &j->w;
    size_t most = j->max_line + LINE_END, seen = 0;
    for (;;) {
        size_t n = w->end - w->at < most ? w->end - w->at : most;
        const char *p = w->buf + w->at;
        const char *lf = memchr(p + seen, '\n', n - seen);
        seen = n;
        if (lf || n == most || w->eof) {
            size_t length = lf ? (size_t)(lf - p) : n;
            *next = lf ? w->at + length + 1 : n == most ? SIZE_MAX : w->end;
            *line = (struct str){p, length - (lf && length > 0 && p[length - 1] == '\r')};
            return true;
        }
        if (w->failed != HEED_OK || !window_fill(w))
            return false;
    }
}

static bool is_blank(struct str s)
{
    size_t i = 0;
    while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\r'))
        i++;
    return i == s.n;
}

static enum jsonl_result bad(struct jsonl *j, const struct heed_error *why, struct heed_error *err)
{
    char where[sizeof why->where];
    snprintf(where, sizeof where, "line %llu, %.64s", (unsigned long long)j->line, why->where);
    error_clear(err);
    error_set(err, HEED_INPUT, where, "%s", why->message);
    return JSONL_BAD;
}

static bool reserve_scratch(struct jsonl *j, size_t n)
{
    void *p = j->scratch;
    if (n <= j->scratch_cap)
        return true;
    if (!array_grow(&p, &j->scratch_cap, n, 1))
        return false;
    j->scratch = p;
    return true;
}

static enum jsonl_result parse_line(struct jsonl *j, struct jsonl_record *rec,
                                    struct heed_error *err)
{
    struct heed_error why = {0};
    if (rec->raw.n > j->max_line) {
        size_t column = 1;
        for (size_t i = 0; i < j->max_line; i++)
            column += ((unsigned char)rec->raw.p[i] & 0xc0) != 0x80;
        snprintf(why.where, sizeof why.where, "column %zu", column);
        snprintf(why.message, sizeof why.message,
                 "the line is longer than %zu bytes; shorten its texts", j->max_line);
        rec->raw.n = RAW_SHOWN < rec->raw.n ? RAW_SHOWN : rec->raw.n;
        return bad(j, &why, err);
    }
    if (!reserve_scratch(j, rec->raw.n))
        return fail(j, err);
    if (!json_scan_object(rec->raw, j->members, j->max_members, j->scratch, &rec->n, &why)) {
        rec->n = 0;
        rec->raw.n = RAW_SHOWN < rec->raw.n ? RAW_SHOWN : rec->raw.n;
        return bad(j, &why, err);
    }
    rec->members = j->members;
    return JSONL_RECORD;
}

enum jsonl_result jsonl_next(struct jsonl *j, struct jsonl_record *rec, struct heed_error *err)
{
    struct window *w = &j->w;
    if (!j->started) {
        if (!window_skip_bom(w))
            return fail(j, err);
        j->started = true;
    }
    if (j->skip_rest) {
        if (!window_skip_line(w))
            return fail(j, err);
        j->skip_rest = false;
        j->line++;
    }
    for (;;) {
        size_t next;
        struct str line;
        if (!find_line(j, &line, &next))
            return fail(j, err);
        if (w->eof && w->at == w->end)
            return JSONL_END;
        bool too_long = line.n > j->max_line;
        enum jsonl_result result = JSONL_END;
        if (too_long || !is_blank(line)) {
            *rec = (struct jsonl_record){.line = j->line, .raw = line};
            result = parse_line(j, rec, err);
        }
        if (next == SIZE_MAX) {
            j->skip_rest = true;
            w->at += line.n;
        } else {
            w->at = next;
            j->line++;
        }
        if (result != JSONL_END)
            return result;
    }
}
