/* A record is scanned by its structural bytes only (delimiter, quote, line feed, NUL), found 64
 * bytes at a time. Nothing is decided on a byte past the record's window, which ends SLACK bytes
 * after max_record; so the answer does not depend on how the bytes arrive. */
#include "base/csv.h"

#include "base/bytemask.h"
#include "base/error.h"
#include "base/utf8.h"
#include "base/window.h"

#include <stdio.h>
#include <stdlib.h>

enum { SLACK = 8, RAW_SHOWN = 4096, FIRST_FIELDS = 64 };

enum trouble { NONE, NUL_BYTE, NOT_UTF8, AFTER_QUOTE, OPEN_QUOTE, TOO_LONG, TOO_MANY };

/* Where the scan for structural bytes stands: those of block not yet taken.                     */
struct cursor {
    size_t block;
    uint64_t found;
    uint64_t high;       /* of the blocks since the record began */
    uint64_t block_high; /* of this block                        */
};

struct csv {
    struct window w;
    struct cursor cursor;
    char delimiter, quote; /* quote is a line feed when there is none */
    bool latin1, started, skip_rest;
    size_t max_record, max_fields;
    uint64_t line; /* of the byte at w.at */
    struct str *fields;
    size_t fields_cap;
    char *decoded;
    size_t decoded_cap;
};

/* A record as the scan saw it; places are offsets into the window's buffer.                     */
struct extent {
    size_t end, next; /* of the record without its line end; of the record after it */
    size_t n;
    uint64_t lines; /* line feeds up to next                                      */
    size_t trouble_at;
    enum trouble trouble; /* the first in the record's order                        */
    bool doubled;         /* some field holds doubled quotes                        */
    bool cut;             /* the window ended before the record did                 */
    bool nomem;
};

enum scan { SCAN_RECORD, SCAN_BLANK, SCAN_MORE };

struct csv *csv_new(struct reader *r, const struct csv_options *options)
{
    struct csv *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    struct csv_options o = options ? *options : (struct csv_options){0};
    c->delimiter = o.delimiter ? o.delimiter : ',';
    c->quote = o.quote == CSV_NO_QUOTE ? '\n' : o.quote ? o.quote : '"';
    c->latin1 = o.latin1;
    c->max_record = o.max_record ? o.max_record : 1 << 20;
    if (c->max_record > SIZE_MAX / 4)
        c->max_record = SIZE_MAX / 4;
    c->max_fields = o.max_fields ? o.max_fields : 1024;
    c->line = 1;
    c->fields_cap = c->max_fields < FIRST_FIELDS ? c->max_fields : FIRST_FIELDS;
    c->fields = calloc(c->fields_cap, sizeof *c->fields);
    if (!c->fields || !window_init(&c->w, r, c->max_record + SLACK)) {
        csv_free(c);
        return NULL;
    }
    return c;
}

void csv_free(struct csv *c)
{
    if (!c)
        return;
    window_deinit(&c->w);
    free(c->fields);
    free(c->decoded);
    free(c);
}

/* ---- the structural scan ---- */

static void cursor_seek(struct csv *c, size_t at)
{
    struct cursor *k = &c->cursor;
    k->block = at & ~(size_t)63;
    struct bytemask m = bytemask(c->w.buf + k->block, c->delimiter, c->quote);
    k->found = m.found & (UINT64_MAX << (at & 63));
    k->block_high = m.high;
}

/* Takes the next structural byte before lim; lim when there is none.                            */
static inline size_t take(struct cursor *k, const char *buf, char delimiter, char quote, size_t lim)
{
    while (k->found == 0) {
        if (k->block + 64 >= lim)
            return lim;
        k->block += 64;
        struct bytemask m = bytemask(buf + k->block, delimiter, quote);
        k->found = m.found;
        k->block_high = m.high;
        k->high |= m.high;
    }
    size_t at = k->block + (size_t)__builtin_ctzll(k->found);
    if (at >= lim)
        return lim;
    k->found &= k->found - 1;
    return at;
}

static void note(struct extent *x, enum trouble trouble, size_t at)
{
    if (x->trouble == NONE || at < x->trouble_at) {
        x->trouble = trouble;
        x->trouble_at = at;
    }
}

static bool more_fields(struct csv *c, struct extent *x, size_t field)
{
    if (x->n >= c->max_fields) {
        note(x, TOO_MANY, field - (c->w.buf[field - 1] == c->quote));
        return false;
    }
    size_t need = c->fields_cap * 2 < c->max_fields ? c->fields_cap * 2 : c->max_fields;
    void *fields = c->fields;
    size_t cap = c->fields_cap;
    if (!array_grow(&fields, &cap, need, sizeof *c->fields)) {
        x->nomem = true;
        return false;
    }
    c->fields = fields;
    c->fields_cap = cap < c->max_fields ? cap : c->max_fields;
    return true;
}

static inline void put_field(struct csv *c, struct extent *x, size_t field, size_t end)
{
    if (x->n == c->fields_cap && !more_fields(c, x, field))
        return;
    c->fields[x->n++] = (struct str){c->w.buf + field, end - field};
}

/* A quote opened at `open` was not closed properly: its line alone is the bad record.           */
static void end_at_open_quote(struct csv *c, struct extent *x, size_t open, uint64_t lines,
                              size_t lim, bool whole)
{
    const char *buf = c->w.buf, *lf = memchr(buf + open, '\n', lim - open);
    x->lines = lines + (lf != NULL);
    x->end = x->next = lf ? (size_t)(lf - buf) : lim;
    x->next += lf != NULL;
    x->end -= lf && lf[-1] == '\r';
    x->cut = !lf && !whole;
    if (!x->cut)
        note(x, OPEN_QUOTE, open);
    else if (x->n == c->max_fields)
        note(x, TOO_MANY, open);
    cursor_seek(c, x->next);
}

enum quoted { QUOTED_FIELD, QUOTED_LAST, QUOTED_TEXT_AFTER, QUOTED_UNCLOSED };

/* The rest of a quoted field; *at is its closing quote.                              */
static inline enum quoted scan_quoted(struct csv *c, struct cursor *k, struct extent *x, size_t lim,
                                      bool whole, size_t *at)
{
    const char *buf = c->w.buf;
    const char delimiter = c->delimiter, quote = c->quote;
    uint64_t lines = x->lines;
    for (;;) {
        size_t q = take(k, buf, delimiter, quote, lim);
        if (q == lim)
            return QUOTED_UNCLOSED;
        if (buf[q] == '\n') {
            x->lines++;
        } else if (buf[q] == '\0') {
            note(x, NUL_BYTE, q);
        } else if (buf[q] == quote) {
            *at = q;
            if (q + 1 == lim)
                return whole ? QUOTED_LAST : QUOTED_UNCLOSED;
            char after = buf[q + 1];
            if (after == quote) {
                x->doubled = true;
                (void)take(k, buf, delimiter, quote, lim);
                continue;
            }
            if (after == delimiter)
                return QUOTED_FIELD;
            if (after == '\n')
                return QUOTED_LAST;
            if (after == '\r' && q + 2 < lim && buf[q + 2] == '\n')
                return QUOTED_LAST;
            if (after == '\r' && q + 2 == lim && !whole)
                return QUOTED_UNCLOSED;
            return x->lines == lines ? QUOTED_TEXT_AFTER : QUOTED_UNCLOSED;
        }
    }
}

/* The record at w.at, of which the bytes before lim may be looked at; whole: the file ends there.*/
static enum scan scan(struct csv *c, size_t lim, bool whole, struct extent *out)
{
    const char *buf = c->w.buf;
    const char delimiter = c->delimiter, quote = c->quote;
    const size_t start = c->w.at;
    struct cursor k = c->cursor;
    struct extent x = {0};
    size_t field = start, at;
    k.high = k.block_high;
    for (;;) {
        at = take(&k, buf, delimiter, quote, lim);
        if (at == lim)
            break;
        char ch = buf[at];
        if (ch == delimiter) {
            put_field(c, &x, field, at);
            field = at + 1;
        } else if (ch == '\n') {
            x.lines++;
            x.end = at - (at > start && buf[at - 1] == '\r');
            x.next = at + 1;
            goto ended;
        } else if (ch == '\0') {
            note(&x, NUL_BYTE, at);
        } else if (at == field) {
            uint64_t lines = x.lines;
            size_t open = at;
            switch (scan_quoted(c, &k, &x, lim, whole, &at)) {
            case QUOTED_FIELD:
                put_field(c, &x, open + 1, at);
                at = take(&k, buf, delimiter, quote, lim);
                field = at + 1;
                break;
            case QUOTED_LAST:
                put_field(c, &x, open + 1, at);
                x.end = at + 1;
                x.next = take(&k, buf, delimiter, quote, lim);
                x.lines += x.next < lim;
                x.next += x.next < lim;
                c->cursor = k;
                *out = x;
                return SCAN_RECORD;
            case QUOTED_TEXT_AFTER:
                note(&x, AFTER_QUOTE, at + 1);
                field = open + 1; /* no quote opens in what follows of it */
                break;
            case QUOTED_UNCLOSED:
                if (!whole && lim == c->w.end && lim - start < c->max_record + SLACK)
                    return SCAN_MORE;
                c->cursor = k;
                end_at_open_quote(c, &x, open, lines, lim, whole);
                *out = x;
                return SCAN_RECORD;
            }
        }
    }
    if (!whole && lim == c->w.end && lim - start < c->max_record + SLACK)
        return SCAN_MORE;
    x.cut = !whole;
    x.end = x.next = lim;
ended:
    c->cursor = k;
    if (x.end > start)
        put_field(c, &x, field, x.end);
    *out = x;
    return x.end > start ? SCAN_RECORD : SCAN_BLANK;
}

/* ---- what was scanned, to the caller ---- */

static bool reserve_decoded(struct csv *c, size_t n)
{
    void *p = c->decoded;
    if (n <= c->decoded_cap)
        return true;
    if (!array_grow(&p, &c->decoded_cap, n, 1))
        return false;
    c->decoded = p;
    return true;
}

/* Doubled quotes made single, ISO-8859-1 made UTF-8.                                            */
static bool decode_fields(struct csv *c, size_t start, const struct extent *x)
{
    size_t length = x->end - start;
    if (!reserve_decoded(c, c->latin1 ? length * 2 + 1 : length + 1))
        return false;
    char *to = c->decoded;
    const char *begin = c->w.buf + start;
    for (size_t i = 0; i < x->n; i++) {
        const char *p = c->fields[i].p, *end = p + c->fields[i].n;
        bool quoted = p > begin && p[-1] == c->quote;
        c->fields[i].p = to;
        for (; p < end; p++) {
            unsigned char byte = (unsigned char)*p;
            if (c->latin1 && byte >= 0x80) {
                *to++ = (char)(0xc0 | byte >> 6);
                *to++ = (char)(0x80 | (byte & 0x3f));
            } else {
                *to++ = *p;
            }
            p += quoted && *p == c->quote; /* the second of two */
        }
        c->fields[i].n = (size_t)(to - c->fields[i].p);
    }
    return true;
}

static void set_trouble(struct csv *c, size_t start, const struct extent *x, struct heed_error *err)
{
    const char *buf = c->w.buf;
    uint64_t line = c->line, column = 1;
    for (size_t i = start; i < x->trouble_at; i++) {
        if (buf[i] == '\n') {
            line++;
            column = 1;
        } else {
            column += c->latin1 || ((unsigned char)buf[i] & 0xc0) != 0x80;
        }
    }
    char where[64];
    snprintf(where, sizeof where, "line %llu, column %llu", (unsigned long long)line,
             (unsigned long long)column);
    error_clear(err);
    switch (x->trouble) {
    case NUL_BYTE:
        error_set(err, HEED_INPUT, where, "a NUL byte; is this a text file in UTF-8?");
        break;
    case NOT_UTF8:
        error_set(err, HEED_INPUT, where,
                  "byte 0x%02x is not UTF-8; convert the file or name its encoding",
                  (unsigned)(unsigned char)buf[x->trouble_at]);
        break;
    case AFTER_QUOTE:
        error_set(err, HEED_INPUT, where,
                  "text after a closing quote; double the quotes inside a quoted field");
        break;
    case OPEN_QUOTE:
        error_set(err, HEED_INPUT, where,
                  "the quote that opens here is not closed; close it, or double it if it is text");
        break;
    case TOO_LONG:
        error_set(err, HEED_INPUT, where,
                  "the record is longer than %zu bytes; shorten it, or close a quote in it",
                  c->max_record);
        break;
    case TOO_MANY:
        error_set(err, HEED_INPUT, where,
                  "the record has more than %zu fields; remove some, or check the delimiter",
                  c->max_fields);
        break;
    case NONE:
        break;
    }
}

static enum csv_result fail(struct csv *c, struct heed_error *err)
{
    char where[64];
    const struct heed_error *f = &c->w.failure;
    error_clear(err);
    if (c->w.failed == HEED_OK) {
        error_nomem(err);
        return CSV_FAILED;
    }
    snprintf(where, sizeof where, "line %llu, column 1", (unsigned long long)c->line);
    error_set(err, c->w.failed, where, "%s%s%s", f->where, *f->where ? ": " : "", f->message);
    return CSV_FAILED;
}

static enum csv_result deliver(struct csv *c, struct extent *x, struct csv_record *rec,
                               struct heed_error *err)
{
    size_t start = c->w.at;
    struct str raw = {c->w.buf + start, x->end - start};
    bool high = c->cursor.high != 0;
    if (raw.n > c->max_record)
        note(x, TOO_LONG, start + c->max_record);
    if (high && !c->latin1) {
        size_t at = utf8_invalid_at(raw);
        if (at < raw.n)
            note(x, NOT_UTF8, start + at);
    }
    if (x->trouble != NONE) {
        set_trouble(c, start, x, err);
        *rec = (struct csv_record){.line = c->line, .raw = raw};
        rec->raw.n = raw.n < RAW_SHOWN ? raw.n : RAW_SHOWN;
    } else {
        if ((x->doubled || (c->latin1 && high)) && !decode_fields(c, start, x))
            return fail(c, err);
        *rec = (struct csv_record){c->fields, x->n, c->line, raw};
    }
    c->skip_rest = x->cut;
    c->line += x->lines;
    c->w.at = x->next;
    return x->trouble == NONE ? CSV_RECORD : CSV_BAD;
}

enum csv_result csv_next(struct csv *c, struct csv_record *rec, struct heed_error *err)
{
    struct window *w = &c->w;
    struct extent x;
    if (!c->started) {
        if (!window_skip_bom(w))
            return fail(c, err);
        c->started = true;
        cursor_seek(c, w->at);
    }
    if (c->skip_rest) {
        if (!window_skip_line(w))
            return fail(c, err);
        c->skip_rest = false;
        c->line++;
        cursor_seek(c, w->at);
    }
    for (;;) {
        size_t most = c->max_record + SLACK;
        size_t lim = w->end - w->at < most ? w->end : w->at + most;
        bool whole = w->eof && w->end - w->at < most;
        if (whole && lim == w->at)
            return CSV_END;
        switch (scan(c, lim, whole, &x)) {
        case SCAN_RECORD:
            if (x.nomem)
                return fail(c, err);
            return deliver(c, &x, rec, err);
        case SCAN_BLANK:
            c->line += x.lines;
            w->at = x.next;
            break;
        case SCAN_MORE:
            if (w->failed != HEED_OK || !window_fill(w))
                return fail(c, err);
            cursor_seek(c, w->at);
            break;
        }
    }
}

void csv_put_quoted(FILE *f, struct str s)
{
    fputc('"', f);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            fputc('"', f);
        fputc(s.p[i], f);
    }
    fputc('"', f);
}

void csv_put_hex(FILE *f, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.n; i++) {
        fputc(digits[(unsigned char)bytes.p[i] >> 4], f);
        fputc(digits[(unsigned char)bytes.p[i] & 15], f);
    }
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool csv_take_hex(struct str field, struct strbuf *out)
{
    bool ok = field.n % 2 == 0;
    for (size_t i = 0; ok && i < field.n; i += 2) {
        int high = hex_digit(field.p[i]), low = hex_digit(field.p[i + 1]);
        ok = high >= 0 && low >= 0 && strbuf_putc(out, (char)(high << 4 | low));
    }
    return ok;
}
