#include "import/rows.h"

#include "base/csv.h"
#include "base/jsonl.h"
#include "base/money.h"
#include "base/time.h"
#include "base/utf8.h"
#include "import/join.h"

#include <stdio.h>
#include <stdlib.h>

/* The longest text that commands take is a body of 1 MiB; quoted for a file it may double. */
enum { COLUMNS_MAX = 1024, NO_COLUMN = -1, TEXTS_MAX = 4 << 20 };

struct rows {
    enum import_kind kind;
    const struct row_format *format;
    struct reader *reader;
    struct csv *csv;
    struct jsonl *jsonl;
    size_t columns;    /* of the header */
    char **names;      /* [columns], owned */
    int place[FIELDS]; /* column of each field, or NO_COLUMN; when mapped, in the file or the joined
                          one */
    bool extra[COLUMNS_MAX];
    int key; /* column of the join's key */
    bool attributes;
    struct strbuf text; /* values made for the current row */
    struct strbuf json; /* its attributes */
};

void rows_close(struct rows *r)
{
    if (!r)
        return;
    csv_free(r->csv);
    jsonl_free(r->jsonl);
    reader_close(r->reader);
    for (size_t i = 0; i < r->columns; i++)
        free(r->names[i]);
    free(r->names);
    strbuf_deinit(&r->text);
    strbuf_deinit(&r->json);
    free(r);
}

const struct reader *rows_reader(const struct rows *r)
{
    return r->reader;
}

static bool ends_with(struct str s, const char *end)
{
    size_t n = strlen(end);
    return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

static bool is_jsonl(const char *path)
{
    static const char *const packed[] = {".gz", ".zst", ".xz", ".bz2"};
    struct str s = str_of(path);
    for (size_t i = 0; i < 4; i++)
        if (ends_with(s, packed[i])) {
            s.n -= strlen(packed[i]);
            break;
        }
    return ends_with(s, ".jsonl") || ends_with(s, ".ndjson");
}

/* "events need the columns time, user, verb, target"                                             */
static void expected_columns(enum import_kind kind, char *buf, size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "%s need the columns", import_kind_name(kind));
    const char *gap = " ";
    for (int f = 0; f < FIELDS && n < size; f++)
        if (kind_required(kind) >> f & 1) {
            n += (size_t)snprintf(buf + n, size - n, "%s%s", gap, field_name((enum field)f));
            gap = ", ";
        }
}

static int column_named(const struct rows *r, const char *name)
{
    for (size_t i = 0; i < r->columns; i++)
        if (strcmp(r->names[i], name) == 0)
            return (int)i;
    return NO_COLUMN;
}

static enum heed_status missing(const struct rows *r, const char *name, struct heed_error *err)
{
    char columns[160];
    expected_columns(r->kind, columns, sizeof columns);
    return error_set(err, HEED_INPUT, "line 1", "the column '%s' is missing; %s", name, columns);
}

static enum heed_status place_mapped(struct rows *r, struct heed_error *err)
{
    for (int f = 0; f < FIELDS; f++) {
        const struct mapped_field *m = &r->format->fields[f];
        if (m->from == MAPPED_COLUMN)
            r->place[f] = column_named(r, m->column);
        else if (m->from == MAPPED_JOINED)
            r->place[f] = join_column(r->format->join, m->column);
        else
            continue;
        if (r->place[f] == NO_COLUMN)
            return missing(r, m->column, err);
    }
    if (r->format->join_key && (r->key = column_named(r, r->format->join_key)) == NO_COLUMN)
        return missing(r, r->format->join_key, err);
    return HEED_OK;
}

static enum heed_status column_error(size_t column, const char *name, struct heed_error *err)
{
    char where[64];
    snprintf(where, sizeof where, "line 1, column %zu", column + 1);
    return error_set(err, HEED_INPUT, where,
                     "the column '%.80s' stands there twice; rename or remove one", name);
}

/* Columns by name; twice the same name, or a required one missing, is an error.                  */
static enum heed_status place_columns(struct rows *r, struct heed_error *err)
{
    for (size_t i = 0; i < r->columns; i++)
        for (size_t j = 0; j < i; j++)
            if (*r->names[i] && strcmp(r->names[i], r->names[j]) == 0)
                return column_error(i, r->names[i], err);
    if (r->format && r->format->mapped)
        return place_mapped(r, err);
    for (size_t i = 0; i < r->columns; i++) {
        int f = field_of_name(str_of(r->names[i]));
        if (f >= 0 && kind_fields(r->kind) >> f & 1)
            r->place[f] = (int)i;
        else
            r->extra[i] = r->attributes && *r->names[i];
    }
    for (int f = 0; f < FIELDS; f++)
        if (kind_required(r->kind) >> f & 1 && r->place[f] == NO_COLUMN)
            return missing(r, field_name((enum field)f), err);
    return HEED_OK;
}

static enum heed_status read_header(struct rows *r, struct heed_error *err)
{
    struct csv_record rec;
    struct heed_error why = {0};
    char columns[160];
    expected_columns(r->kind, columns, sizeof columns);
    switch (csv_next(r->csv, &rec, &why)) {
    case CSV_RECORD:
        break;
    case CSV_BAD:
        return error_set(err, HEED_INPUT, why.where, "the header cannot be read: %s", why.message);
    case CSV_END:
        return error_set(err, HEED_INPUT, "line 1", "it is empty; %s", columns);
    default:
        return error_set(err, why.status, why.where, "%s", why.message);
    }
    if (rec.n > COLUMNS_MAX)
        return error_set(err, HEED_INPUT, "line 1",
                         "it has more than %d columns; remove those that are not needed",
                         COLUMNS_MAX);
    r->names = calloc(rec.n + 1, sizeof *r->names);
    if (!r->names)
        return error_nomem(err);
    for (; r->columns < rec.n; r->columns++) {
        struct str name = str_trim(rec.fields[r->columns]);
        r->names[r->columns] = strndup(name.p ? name.p : "", name.n);
        if (!r->names[r->columns])
            return error_nomem(err);
    }
    return place_columns(r, err);
}

enum heed_status rows_open(const char *path, enum import_kind kind, const struct row_format *format,
                           const struct reader_limits *limits, struct rows **out,
                           struct heed_error *err)
{
    *out = NULL;
    struct rows *r = calloc(1, sizeof *r);
    if (!r)
        return error_nomem(err);
    strbuf_init(&r->text, SIZE_MAX); /* a row is bounded, and so is what is made of it */
    strbuf_init(&r->json, SIZE_MAX);
    r->kind = kind;
    r->format = format;
    r->attributes = kind_keeps_attributes(kind) && !(format && format->mapped);
    for (int f = 0; f < FIELDS; f++)
        r->place[f] = NO_COLUMN;
    enum heed_status status = reader_open(path, limits, &r->reader, err);
    if (status == HEED_OK && !(format && format->mapped) && is_jsonl(path)) {
        r->jsonl = jsonl_new(r->reader, r->attributes ? TEXTS_MAX : 0, 0);
        status = r->jsonl ? HEED_OK : error_nomem(err);
    } else if (status == HEED_OK) {
        struct csv_options o = format ? format->csv : (struct csv_options){0};
        o.max_record = kind_keeps_attributes(kind) ? TEXTS_MAX : 0;
        r->csv = csv_new(r->reader, &o);
        status = r->csv ? read_header(r, err) : error_nomem(err);
    }
    if (status != HEED_OK) {
        rows_close(r);
        return status;
    }
    *out = r;
    return HEED_OK;
}

/* ── values ── */

static void put_json_string(struct strbuf *b, struct str s)
{
    strbuf_putc(b, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        strbuf_put(b, s.p + from, i - from);
        if (c == '"' || c == '\\')
            strbuf_printf(b, "\\%c", c);
        else
            strbuf_printf(b, "\\u%04x", c);
        from = i + 1;
    }
    strbuf_put(b, s.p + from, s.n - from);
    strbuf_putc(b, '"');
}

/* The column `attributes` that export writes: an object whose members become the row's own. false:
 * it is not one.                                                                                */
static bool attributes_whole(struct rows *r, struct str value)
{
    value = str_trim(value);
    if (value.n < 2 || value.p[0] != '{')
        return false;
    json_error_t why;
    json_t *object = json_loadb(value.p, value.n, JSON_REJECT_DUPLICATES, &why);
    if (!object && json_error_code(&why) == json_error_out_of_memory)
        r->json.failed = true;
    bool is_object = json_is_object(object), empty = json_object_size(object) == 0;
    json_decref(object);
    if (is_object && !empty) {
        strbuf_puts(&r->json, r->json.n ? "," : "{");
        strbuf_put(&r->json, value.p + 1, value.n - 2);
    }
    return is_object;
}

static void attribute(struct rows *r, struct str name, struct str value, bool literal)
{
    if (value.n == 0 || (str_is(name, "attributes") && attributes_whole(r, value)))
        return;
    strbuf_puts(&r->json, r->json.n ? "," : "{");
    put_json_string(&r->json, name);
    strbuf_putc(&r->json, ':');
    if (literal)
        strbuf_put(&r->json, value.p, value.n);
    else
        put_json_string(&r->json, value);
}

static struct str attributes_done(struct rows *r)
{
    if (r->json.n == 0 || !strbuf_putc(&r->json, '}'))
        return STR_NONE;
    return (struct str){r->json.p, r->json.n};
}

static bool put_number(struct rows *r, const struct mapped_field *m, int64_t milli)
{
    if (m->whole)
        milli = (milli + (milli < 0 ? -500 : 500)) / 1000 * 1000;
    char number[32];
    return strbuf_puts(&r->text, money_to_text((struct money){milli}, 3, number));
}

/* A number of `most` digits at most at *p, which moves behind it and behind `end` (0: nothing may
 * follow). -1: there is none.                                                                    */
static int digits(struct str *s, size_t most, char end)
{
    int n = 0;
    size_t i = 0;
    for (; i < s->n && i < most && s->p[i] >= '0' && s->p[i] <= '9'; i++)
        n = n * 10 + (s->p[i] - '0');
    if (i == 0 || (end ? i >= s->n || s->p[i] != end : i != s->n))
        return -1;
    i += end != 0;
    *s = (struct str){s->p + i, s->n - i};
    return n;
}

static bool put_time(struct rows *r, const struct mapped_field *m, struct str value,
                     struct heed_error *err)
{
    struct str s = str_trim(value);
    int month = digits(&s, 2, '/'), day = digits(&s, 2, '/'), year = digits(&s, 4, ' ');
    int hour = digits(&s, 2, ':'), minute = digits(&s, 2, 0);
    int zone = m->zone_min < 0 ? -m->zone_min : m->zone_min;
    char text[40];
    int64_t ms;
    int n = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:00%c%02d:%02d", year, month, day,
                     hour, minute, m->zone_min < 0 ? '-' : '+', zone / 60, zone % 60);
    if (month >= 0 && day >= 0 && year >= 0 && hour >= 0 && minute >= 0 &&
        time_from_text((struct str){text, (size_t)n}, &ms) == TIME_OK)
        return strbuf_puts(&r->text, text);
    error_set(err, HEED_INPUT, NULL, "'%.*s' is not a time such as 8/4/2016 11:52 (month first)",
              (int)utf8_cut(value, 60), value.p);
    return false;
}

static bool put_step(struct rows *r, const struct mapped_field *m, struct str value,
                     struct heed_error *err)
{
    int64_t milli;
    const char *reached = NULL;
    bool number = admit_decimal(value, &milli);
    for (size_t i = 0; number && i < m->steps_n && m->steps[i].from_milli <= milli; i++)
        reached = m->steps[i].value;
    if (reached)
        return strbuf_puts(&r->text, reached);
    error_set(err, HEED_INPUT, NULL, "'%.*s' is not a number that reaches the first step",
              (int)utf8_cut(value, 60), value.p);
    return false;
}

/* A mapped value with its transformations, in r->text as offset and length (it may move).        */
static bool transform(struct rows *r, const struct mapped_field *m, struct str value,
                      struct heed_error *err)
{
    if (m->after && *m->after && value.n) {
        const char *found = memmem(value.p, value.n, m->after, strlen(m->after));
        if (found) {
            size_t skipped = (size_t)(found - value.p) + strlen(m->after);
            value = (struct str){value.p + skipped, value.n - skipped};
        }
    }
    if (m->first && *m->first && value.n) {
        const char *end = memmem(value.p, value.n, m->first, strlen(m->first));
        if (end)
            value.n = (size_t)(end - value.p);
        value = str_trim(value);
    }
    if (value.n == 0 && m->otherwise)
        value = str_of(m->otherwise);
    if (m->max && value.n > m->max)
        value.n = utf8_cut(value, m->max);
    if (value.n == 0)
        return true;
    if (m->us_time)
        return put_time(r, m, value, err);
    if (m->steps_n > 0)
        return put_step(r, m, value, err);
    if (m->prefix)
        strbuf_puts(&r->text, m->prefix);
    if (!m->factor_milli && !m->whole)
        return strbuf_put(&r->text, value.p, value.n);
    int64_t milli;
    struct money nano; /* nine decimals while they fit, so that little times much is not nothing */
    if (m->factor_milli && money_from_text(value, 9, &nano) == MONEY_OK &&
        muldiv_i64(nano.minor, m->factor_milli, 1000000000, ROUND_HALF_EVEN, &milli))
        return put_number(r, m, milli);
    if (!admit_decimal(value, &milli)) {
        error_set(err, HEED_INPUT, NULL, "'%.*s' is not a number such as 12.5",
                  (int)utf8_cut(value, 60), value.p);
        return false;
    }
    if (m->factor_milli && !muldiv_i64(milli, m->factor_milli, 1000, ROUND_HALF_EVEN, &milli)) {
        error_set(err, HEED_INPUT, NULL, "'%.*s' is too large; check its unit",
                  (int)utf8_cut(value, 60), value.p);
        return false;
    }
    return put_number(r, m, milli);
}

static enum row_result mapped_row(struct rows *r, const struct csv_record *rec, struct row *row,
                                  struct heed_error *err)
{
    size_t at[FIELDS], n[FIELDS];
    struct str key = r->format->join_key ? rec->fields[r->key] : STR_NONE;
    for (int f = 0; f < FIELDS; f++) {
        const struct mapped_field *m = &r->format->fields[f];
        struct str value = STR_NONE;
        if (m->from == MAPPED_COLUMN)
            value = rec->fields[r->place[f]];
        else if (m->from == MAPPED_CONSTANT)
            value = str_of(m->column);
        else if (m->from == MAPPED_JOINED)
            value = join_cell(r->format->join, key, r->place[f]);
        at[f] = r->text.n;
        if (!transform(r, m, value, err)) {
            char where[128];
            snprintf(err->where, sizeof err->where, "%s", rows_where(r, row, (enum field)f, where));
            return ROW_BAD;
        }
        n[f] = r->text.n - at[f];
    }
    for (int f = 0; f < FIELDS; f++)
        row->fields[f] = n[f] ? (struct str){r->text.p + at[f], n[f]} : STR_NONE;
    return ROW_OK;
}

static enum row_result csv_row(struct rows *r, struct row *row, struct heed_error *err)
{
    struct csv_record rec;
    enum csv_result result = csv_next(r->csv, &rec, err);
    if (result == CSV_END)
        return ROW_END;
    if (result == CSV_FAILED)
        return ROW_FAILED;
    row->line = rec.line;
    row->raw = rec.raw;
    if (result == CSV_BAD)
        return ROW_BAD;
    if (rec.n != r->columns) {
        char where[64];
        snprintf(where, sizeof where, "line %llu, column %zu", (unsigned long long)rec.line,
                 (rec.n < r->columns ? rec.n : r->columns) + 1);
        error_clear(err);
        error_set(
            err, HEED_INPUT, where,
            "it has %zu fields, the header %zu columns; quote a field that holds a comma, leave "
            "empty what is not known",
            rec.n, r->columns);
        return ROW_BAD;
    }
    if (r->format && r->format->mapped)
        return mapped_row(r, &rec, row, err);
    uint32_t fields = kind_fields(r->kind);
    for (int f = 0; f < FIELDS; f++)
        row->fields[f] =
            fields >> f & 1 && r->place[f] != NO_COLUMN ? rec.fields[r->place[f]] : STR_NONE;
    for (size_t i = 0; r->attributes && i < rec.n; i++)
        if (r->extra[i])
            attribute(r, str_of(r->names[i]), rec.fields[i], false);
    row->attributes = attributes_done(r);
    return ROW_OK;
}

static enum row_result jsonl_row(struct rows *r, struct row *row, struct heed_error *err)
{
    struct jsonl_record rec;
    switch (jsonl_next(r->jsonl, &rec, err)) {
    case JSONL_END:
        return ROW_END;
    case JSONL_FAILED:
        return ROW_FAILED;
    case JSONL_BAD:
        row->line = rec.line;
        row->raw = rec.raw;
        return ROW_BAD;
    default:
        break;
    }
    row->line = rec.line;
    row->raw = rec.raw;
    for (int f = 0; f < FIELDS; f++)
        row->fields[f] = STR_NONE;
    for (size_t i = 0; i < rec.n; i++) {
        const struct json_member *m = &rec.members[i];
        int f = field_of_name(m->key);
        if (m->type == JSON_T_NULL)
            continue;
        bool known = f >= 0 && kind_fields(r->kind) >> f & 1;
        if (known && m->type != JSON_T_STRING && m->type != JSON_T_NUMBER) {
            char where[128];
            error_clear(err);
            error_set(err, HEED_INPUT, rows_where(r, row, (enum field)f, where),
                      "'%.*s' is neither a text in quotes nor a number",
                      (int)utf8_cut(m->value, 60), m->value.p);
            return ROW_BAD;
        }
        if (known)
            row->fields[f] = m->value;
        else if (r->attributes)
            attribute(r, m->key, m->value, m->type != JSON_T_STRING);
    }
    row->attributes = attributes_done(r);
    return ROW_OK;
}

enum row_result rows_next(struct rows *r, struct row *row, struct heed_error *err)
{
    strbuf_clear(&r->text);
    strbuf_clear(&r->json);
    row->attributes = STR_NONE;
    row->raw = STR_NONE;
    row->line = 0;
    enum row_result result = r->csv ? csv_row(r, row, err) : jsonl_row(r, row, err);
    if (r->text.failed || r->json.failed) {
        error_clear(err);
        error_nomem(err);
        return ROW_FAILED;
    }
    for (int f = 0; result == ROW_OK && f < FIELDS; f++)
        if (kind_required(r->kind) >> f & 1 && row->fields[f].n == 0) {
            char where[128];
            error_clear(err);
            error_set(err, HEED_INPUT, rows_where(r, row, (enum field)f, where),
                      "%s is empty; every row of %s needs it", field_name((enum field)f),
                      import_kind_name(r->kind));
            return ROW_BAD;
        }
    return result;
}

char *rows_where(const struct rows *r, const struct row *row, enum field f, char buf[128])
{
    bool mapped = r->format && r->format->mapped;
    if (r->csv && r->place[f] != NO_COLUMN &&
        !(mapped && r->format->fields[f].from == MAPPED_JOINED))
        snprintf(buf, 128, "line %llu, column %d (%.40s)", (unsigned long long)row->line,
                 r->place[f] + 1, field_name(f));
    else
        snprintf(buf, 128, "line %llu, %.40s", (unsigned long long)row->line, field_name(f));
    return buf;
}
