#include "cli/columns.h"

#include "base/error.h"

#define NOWHERE SIZE_MAX

/* "rater|user" has this name. */
static bool is_named(const char *names, struct str name)
{
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, "|");
        if (str_eq((struct str){p, n}, name))
            return true;
        p += n + (p[n] == '|');
    }
    return false;
}

/* The first of the names: what messages call the column. */
static int first_name(const char *names)
{
    return (int)strcspn(names, "|");
}

static enum heed_status at_line(const struct columns *c, const char *where, const char *message,
                                struct heed_error *err)
{
    char place[192];
    size_t n = strlen(c->path); /* of a long path its end, so that the line is still said */
    snprintf(place, sizeof place, "%s%s: %.95s", n > 90 ? "..." : "",
             c->path + (n > 90 ? n - 90 : 0), where);
    return error_set(err, HEED_INPUT, place, "%s", message);
}

enum heed_status columns_error(const struct columns *c, size_t column, struct heed_error *err,
                               const char *format, ...)
{
    char where[96], message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    snprintf(where, sizeof where, "line %llu, column %zu (%.*s)", (unsigned long long)c->line,
             c->place[column] + 1, first_name(c->names[column]), c->names[column]);
    return at_line(c, where, message, err);
}

static enum heed_status header(struct columns *c, const struct csv_record *rec,
                               struct heed_error *err)
{
    char message[256];
    c->width = rec->n;
    for (size_t i = 0; i < c->n; i++) {
        for (size_t at = 0; at < rec->n; at++) {
            if (!is_named(c->names[i], str_trim(rec->fields[at])))
                continue;
            if (c->place[i] != NOWHERE) {
                snprintf(message, sizeof message, "the column '%.*s' stands there twice",
                         STR_ARG(str_trim(rec->fields[at])));
                return at_line(c, "line 1", message, err);
            }
            c->place[i] = at;
        }
    }
    for (size_t i = 0; i < c->n; i++) {
        if (c->place[i] != NOWHERE)
            continue;
        int n = snprintf(message, sizeof message, "the column '%.*s' is missing; the header needs",
                         first_name(c->names[i]), c->names[i]);
        for (size_t k = 0; k < c->n && n > 0 && (size_t)n < sizeof message; k++)
            n += snprintf(message + n, sizeof message - (size_t)n, "%s %.*s", k ? "," : "",
                          first_name(c->names[k]), c->names[k]);
        return at_line(c, "line 1", message, err);
    }
    return HEED_OK;
}

enum heed_status columns_open(const char *path, const char *const *names, size_t n,
                              struct columns *c, struct heed_error *err)
{
    struct csv_record rec;
    struct heed_error why = {0};
    heed_assert(n <= COLUMNS_FIELDS);
    *c = (struct columns){.path = path, .n = n};
    for (size_t i = 0; i < n; i++) {
        c->names[i] = names[i];
        c->place[i] = NOWHERE;
    }
    enum heed_status status = reader_open(path, NULL, &c->reader, err);
    if (status != HEED_OK)
        return status;
    c->csv = csv_new(c->reader, &(struct csv_options){0});
    if (!c->csv)
        return error_nomem(err);
    switch (csv_next(c->csv, &rec, &why)) {
    case CSV_RECORD:
        return header(c, &rec, err);
    case CSV_END:
        return at_line(c, "line 1", "it is empty; the first line names the columns", err);
    default:
        return why.status == HEED_NOMEM ? error_nomem(err)
                                        : at_line(c, why.where, why.message, err);
    }
}

void columns_close(struct columns *c)
{
    csv_free(c->csv);
    reader_close(c->reader);
}

enum heed_status columns_next(struct columns *c, bool *more, struct heed_error *err)
{
    struct csv_record rec;
    struct heed_error why = {0};
    enum csv_result got = csv_next(c->csv, &rec, &why);
    *more = got == CSV_RECORD;
    if (got == CSV_END)
        return HEED_OK;
    if (got != CSV_RECORD)
        return why.status == HEED_NOMEM ? error_nomem(err)
                                        : at_line(c, why.where, why.message, err);
    c->line = rec.line;
    if (rec.n != c->width) {
        char where[48], message[96];
        snprintf(where, sizeof where, "line %llu", (unsigned long long)rec.line);
        snprintf(message, sizeof message, "it has %zu fields, the header has %zu", rec.n, c->width);
        return at_line(c, where, message, err);
    }
    for (size_t i = 0; i < c->n; i++) {
        c->fields[i] = str_trim(rec.fields[c->place[i]]);
        if (c->fields[i].n == 0)
            return columns_error(c, i, err, "it is empty");
    }
    return HEED_OK;
}
