#include "base/sheet.h"

#include "base/error.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* "PATH: PLACE"; of a long path its end, so that the line is still said. */
static enum heed_status at_place(const struct sheet *s, const char *place, const char *message,
                                 struct heed_error *err)
{
    char where[192];
    size_t n = strlen(s->path);
    snprintf(where, sizeof where, "%s%s: %.95s", n > 90 ? "..." : "",
             s->path + (n > 90 ? n - 90 : 0), place);
    return error_set(err, HEED_INPUT, where, "%s", message);
}

enum heed_status sheet_error(const struct sheet *s, size_t column, struct heed_error *err,
                             const char *format, ...)
{
    char place[96], message[320];
    unsigned long long line = s->row.line ? s->row.line : 1;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (column == SHEET_NOWHERE)
        snprintf(place, sizeof place, "line %llu", line);
    else
        snprintf(place, sizeof place, "line %llu, column %zu (%.*s)", line, column + 1,
                 (int)utf8_cut(str_of(s->names[column]), 40), s->names[column]);
    return at_place(s, place, message, err);
}

size_t sheet_column(const struct sheet *s, const char *name)
{
    for (size_t i = 0; i < s->columns; i++)
        if (strcmp(s->names[i], name) == 0)
            return i;
    return SHEET_NOWHERE;
}

/* The column called one of "rater|user"; SHEET_NOWHERE: none is. */
static size_t column_of(const struct sheet *s, const char *names, bool *twice)
{
    size_t found = SHEET_NOWHERE;
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, "|");
        for (size_t i = 0; i < s->columns; i++)
            if (str_eq((struct str){p, n}, str_of(s->names[i]))) {
                *twice = found != SHEET_NOWHERE;
                found = i;
            }
        p += n + (p[n] == '|');
    }
    return found;
}

enum heed_status sheet_need(const struct sheet *s, const char *const *names, size_t n,
                            size_t *place, struct heed_error *err)
{
    char all[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < n && used < sizeof all; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%.*s", i ? ", " : "",
                                 (int)strcspn(names[i], "|"), names[i]);
    for (size_t i = 0; i < n; i++) {
        bool twice = false;
        int length = (int)strcspn(names[i], "|");
        place[i] = column_of(s, names[i], &twice);
        if (twice)
            return sheet_error(s, place[i], err, "it stands there under two names; remove one");
        if (place[i] == SHEET_NOWHERE)
            return sheet_error(s, SHEET_NOWHERE, err,
                               "the column '%.*s' is missing; the header needs %s", length,
                               names[i], all);
    }
    return HEED_OK;
}

enum heed_status sheet_cell(const struct sheet *s, size_t column, struct str *out,
                            struct heed_error *err)
{
    *out = str_trim(s->row.fields[column]);
    return out->n ? HEED_OK
                  : sheet_error(s, column, err, "it is empty; fill it in, or remove the row");
}

static enum heed_status read_names(struct sheet *s, struct heed_error *err)
{
    s->names = calloc(s->row.n + 1, sizeof *s->names);
    if (!s->names)
        return error_nomem(err);
    for (; s->columns < s->row.n; s->columns++) {
        struct str name = str_trim(s->row.fields[s->columns]);
        s->names[s->columns] = strndup(name.p ? name.p : "", name.n);
        if (!s->names[s->columns])
            return error_nomem(err);
    }
    for (size_t i = 0; i < s->columns; i++)
        if (*s->names[i] && sheet_column(s, s->names[i]) < i)
            return sheet_error(s, i, err, "this column stands there twice; rename or remove one");
    return HEED_OK;
}

/* What the parser says of bytes it cannot use. */
static enum heed_status damaged(const struct sheet *s, const struct heed_error *why,
                                struct heed_error *err)
{
    return why->status == HEED_NOMEM ? error_nomem(err)
                                     : at_place(s, why->where, why->message, err);
}

enum heed_status sheet_open(const char *path, const struct csv_options *options, const char *needs,
                            struct sheet *out, struct heed_error *err)
{
    struct heed_error why = {0};
    *out = (struct sheet){.path = path};
    enum heed_status status = reader_open(path, NULL, &out->reader, err);
    if (status != HEED_OK)
        return status;
    out->csv = csv_new(out->reader, options);
    if (!out->csv)
        return error_nomem(err);
    switch (csv_next(out->csv, &out->row, &why)) {
    case CSV_RECORD:
        return read_names(out, err);
    case CSV_END:
        out->row.line = 0;
        return sheet_error(out, SHEET_NOWHERE, err, "it is empty; %s", needs);
    default:
        return damaged(out, &why, err);
    }
}

void sheet_close(struct sheet *s)
{
    csv_free(s->csv);
    reader_close(s->reader);
    for (size_t i = 0; i < s->columns; i++)
        free(s->names[i]);
    free(s->names);
    *s = (struct sheet){0};
}

enum heed_status sheet_next(struct sheet *s, bool *more, struct heed_error *err)
{
    struct heed_error why = {0};
    enum csv_result got = csv_next(s->csv, &s->row, &why);
    *more = got == CSV_RECORD;
    if (got == CSV_END)
        return HEED_OK;
    if (got != CSV_RECORD)
        return damaged(s, &why, err);
    if (s->row.n != s->columns)
        return sheet_error(s, SHEET_NOWHERE, err,
                           "it has %zu fields, the header %zu columns; quote a field that holds a "
                           "comma, leave empty what is not known",
                           s->row.n, s->columns);
    return HEED_OK;
}

bool sheet_number(struct str text, double *out)
{
    char copy[128], *end;
    if (text.n == 0 || text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (strspn(copy, "0123456789.+-eE") != text.n)
        return false;
    *out = strtod(copy, &end);
    return *end == '\0' && isfinite(*out);
}
