/* The CSV rules of base/csv.h told the slow way, byte by byte over the whole text, for tests and
 * fuzzing: what csv_next says must be what this says. */
#ifndef HEED_TESTS_CSV_TWIN_H
#define HEED_TESTS_CSV_TWIN_H

#include "base/csv.h"
#include "base/utf8.h"
#include "pieces.h"

#include <stdio.h>
#include <stdlib.h>

enum { TWIN_FIELDS = 64 };

struct twin {
    const char *p;
    size_t n, at;
    uint64_t line;
    char delimiter, quote; /* quote: 0 for none */
    size_t max_record, max_fields;
    bool latin1;

    enum csv_result result;
    uint64_t record_line;
    struct str raw;
    char where[64];
    size_t fields;
    char *field[TWIN_FIELDS];
    size_t field_n[TWIN_FIELDS];
};

static void twin_init(struct twin *t, const char *p, size_t n, const struct csv_options *o)
{
    *t = (struct twin){.p = p, .n = n, .line = 1, .latin1 = o->latin1};
    t->at = n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    t->delimiter = o->delimiter ? o->delimiter : ',';
    t->quote = o->quote == CSV_NO_QUOTE ? '\0' : o->quote ? o->quote : '"';
    t->max_record = o->max_record ? o->max_record : 1 << 20;
    t->max_fields = o->max_fields ? o->max_fields : 1024;
}

static void twin_clear(struct twin *t)
{
    for (size_t i = 0; i < t->fields; i++)
        free(t->field[i]);
    t->fields = 0;
}

static void twin_put(struct twin *t, size_t byte)
{
    size_t f = t->fields - 1;
    unsigned char ch = (unsigned char)t->p[byte];
    char *grown = f < TWIN_FIELDS ? realloc(t->field[f], t->field_n[f] + 3) : NULL;
    if (!grown)
        abort();
    t->field[f] = grown;
    if (t->latin1 && ch >= 0x80) {
        grown[t->field_n[f]++] = (char)(0xc0 + (ch >> 6));
        grown[t->field_n[f]++] = (char)(0x80 + (ch & 0x3f));
    } else {
        grown[t->field_n[f]++] = (char)ch;
    }
}

static void twin_trouble(size_t *first, size_t at)
{
    if (at < *first)
        *first = at;
}

static bool twin_line_ends(const struct twin *t, size_t i, size_t limit, bool whole, size_t *next)
{
    if (i == limit && whole)
        return *next = i, true;
    if (i < limit && t->p[i] == '\n')
        return *next = i + 1, true;
    if (i + 1 < limit && t->p[i] == '\r' && t->p[i + 1] == '\n')
        return *next = i + 2, true;
    return false;
}

static void twin_next(struct twin *t)
{
    size_t next, limit, end, trouble = SIZE_MAX;
    bool whole;
    twin_clear(t);
again:
    if (t->at == t->n) {
        t->result = CSV_END;
        return;
    }
    limit = t->n - t->at < t->max_record + 8 ? t->n : t->at + t->max_record + 8;
    whole = t->n - t->at < t->max_record + 8;
    if (twin_line_ends(t, t->at, limit, whole, &next)) {
        t->line++;
        t->at = next;
        goto again;
    }
    t->record_line = t->line;
    size_t i = t->at, fields = 0;
    for (;;) { /* one field a turn */
        if (fields == t->max_fields)
            twin_trouble(&trouble, i);
        fields++;
        bool keep = fields <= t->max_fields && fields <= TWIN_FIELDS;
        if (keep) {
            t->field[t->fields] = NULL;
            t->field_n[t->fields++] = 0;
        }
        bool quoted = t->quote && i < limit && t->p[i] == t->quote, closed = false;
        if (quoted) {
            size_t open = i++;
            bool several = false;
            for (; i < limit; i++) {
                if (t->p[i] == t->quote) {
                    if (i + 1 < limit && t->p[i + 1] == t->quote)
                        i++;
                    else
                        break;
                }
                several |= t->p[i] == '\n';
                if (keep)
                    twin_put(t, i);
            }
            size_t after = i + 1;
            bool known = i < limit && (after < limit || whole) &&
                         !(after + 1 == limit && t->p[after] == '\r' && !whole);
            closed = known && (twin_line_ends(t, after, limit, whole, &next) ||
                               (after < limit && t->p[after] == t->delimiter));
            if (!closed && (!known || several)) {
                for (i = open; i < limit && t->p[i] != '\n';)
                    i++;
                end = i;
                if (i == limit && !whole)
                    goto too_long;
                twin_trouble(&trouble, open);
                next = i < limit ? i + 1 : i;
                end -= i < limit && t->p[i - 1] == '\r';
                break;
            }
            i = after;
            if (!closed)
                twin_trouble(&trouble, after);
        }
        while (i < limit && t->p[i] != t->delimiter && !twin_line_ends(t, i, limit, whole, &next)) {
            if (keep)
                twin_put(t, i);
            i++;
        }
        end = i;
        if (i < limit && t->p[i] == t->delimiter) {
            i++;
            continue;
        }
        if (twin_line_ends(t, i, limit, whole, &next))
            break;
    too_long:
        end = limit;
        next = limit;
        while (next < t->n && t->p[next++] != '\n')
            ;
        break;
    }
    t->raw = (struct str){t->p + t->at, end - t->at};
    if (t->raw.n > t->max_record)
        twin_trouble(&trouble, t->at + t->max_record);
    for (size_t k = t->at; k < end; k++)
        if (t->p[k] == '\0')
            twin_trouble(&trouble, k);
    if (!t->latin1 && utf8_invalid_at(t->raw) < t->raw.n)
        twin_trouble(&trouble, t->at + utf8_invalid_at(t->raw));
    t->result = trouble == SIZE_MAX ? CSV_RECORD : CSV_BAD;
    if (t->result == CSV_BAD) {
        uint64_t line = t->line, column = 1;
        for (size_t k = t->at; k < trouble; k++) {
            if (t->p[k] == '\n') {
                line++;
                column = 1;
            } else if (t->latin1 || ((unsigned char)t->p[k] & 0xc0) != 0x80) {
                column++;
            }
        }
        snprintf(t->where, sizeof t->where, "line %llu, column %llu", (unsigned long long)line,
                 (unsigned long long)column);
        t->raw.n = t->raw.n < 4096 ? t->raw.n : 4096;
    }
    for (size_t k = t->at; k < next; k++)
        t->line += t->p[k] == '\n';
    t->at = next;
}

/* NULL when they agree; else what differs.                                                      */
static const char *twin_differs(const struct twin *t, enum csv_result result,
                                const struct csv_record *rec, const struct heed_error *err)
{
    if (result != t->result)
        return "result";
    if (result == CSV_END)
        return NULL;
    if (rec->line != t->record_line)
        return "line";
    if (!str_eq(rec->raw, t->raw))
        return "raw";
    if (result == CSV_BAD)
        return strcmp(err->where, t->where) != 0 ? "where" : NULL;
    if (rec->n != t->fields)
        return "number of fields";
    for (size_t i = 0; i < rec->n; i++)
        if (!str_eq(rec->fields[i], (struct str){t->field[i], t->field_n[i]}))
            return "a field";
    return NULL;
}

/* Parses text by both; NULL when they agree to the end, which a bound on the number of records
 * makes sure to come.                                                                           */
static const char *twin_compare(const char *p, size_t n, const struct csv_options *o, size_t piece)
{
    static char told[1024];
    struct pieces bytes = {p, n, 0, piece};
    struct reader *r = reader_new(give_pieces, &bytes);
    struct csv *c = r ? csv_new(r, o) : NULL;
    const char *differs = c ? NULL : "no memory";
    struct twin t;
    twin_init(&t, p, n, o);
    for (size_t i = 0; !differs; i++) {
        struct csv_record rec = {0};
        struct heed_error err = {0};
        enum csv_result result = csv_next(c, &rec, &err);
        twin_next(&t);
        differs = i > n + 1 ? "endless" : twin_differs(&t, result, &rec, &err);
        if (differs) {
            snprintf(told, sizeof told, "%s, line %llu: %d %s %s, but by the twin line %llu: %d %s",
                     differs, (unsigned long long)rec.line, (int)result, err.where, err.message,
                     (unsigned long long)t.record_line, (int)t.result, t.where);
            differs = told;
        }
        if (result == CSV_END)
            break;
    }
    twin_clear(&t);
    csv_free(c);
    reader_close(r);
    return differs;
}
#endif
