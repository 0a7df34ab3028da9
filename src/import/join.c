#include "import/join.h"

#include "base/arena.h"
#include "base/csv.h"
#include "base/intern.h"
#include "base/money.h"

#include <stdio.h>
#include <stdlib.h>

struct join {
    struct intern keys;
    struct arena text;
    struct str *cells; /* keys.count x columns */
    int64_t *rank;     /* of the row kept, by key */
    size_t cells_cap, rank_cap, columns;
    char **names;
    bool alnum_lower;
};

void join_free(struct join *j)
{
    if (!j)
        return;
    intern_deinit(&j->keys);
    arena_deinit(&j->text);
    for (size_t i = 0; j->names && i < j->columns; i++)
        free(j->names[i]);
    free(j->names);
    free(j->cells);
    free(j->rank);
    free(j);
}

int join_column(const struct join *j, const char *name)
{
    for (size_t i = 0; j && i < j->columns; i++)
        if (strcmp(j->names[i], name) == 0)
            return (int)i;
    return -1;
}

/* The key as it is compared, in buf; n 0 when nothing of it is left, or more than buf holds. */
static struct str normalised(const struct join *j, struct str key, char buf[512])
{
    if (!j->alnum_lower)
        return key;
    size_t n = 0;
    for (size_t i = 0; i < key.n; i++) {
        char c = key.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            continue;
        if (n == 512)
            return STR_NONE;
        buf[n++] = c;
    }
    return (struct str){buf, n};
}

struct str join_cell(const struct join *j, struct str key, int column)
{
    char buf[512];
    struct str k = normalised(j, key, buf);
    uint32_t at = k.n ? intern_find(&j->keys, k) : INTERN_NONE;
    return at == INTERN_NONE ? STR_NONE : j->cells[(size_t)at * j->columns + (size_t)column];
}

static enum heed_status add_row(struct join *j, const struct csv_record *rec, int on, int prefer,
                                struct heed_error *err)
{
    char buf[512];
    struct str key = normalised(j, rec->fields[on], buf);
    if (key.n == 0)
        return HEED_OK;
    struct money rank = {0};
    if (prefer >= 0 && money_from_text(rec->fields[prefer], 0, &rank) != MONEY_OK)
        rank.minor = INT64_MAX;
    size_t known = j->keys.count;
    uint32_t at = intern_add(&j->keys, key);
    if (at == INTERN_NONE)
        return error_nomem(err);
    if (at < known && (prefer < 0 || j->rank[at] <= rank.minor))
        return HEED_OK;
    if (!array_grow(&j->rank, &j->rank_cap, (size_t)at + 1, sizeof *j->rank) ||
        !array_grow(&j->cells, &j->cells_cap, ((size_t)at + 1) * j->columns, sizeof *j->cells))
        return error_nomem(err);
    j->rank[at] = rank.minor;
    for (size_t i = 0; i < j->columns; i++) {
        char *copy = arena_strdup(&j->text, rec->fields[i]);
        if (!copy)
            return error_nomem(err);
        j->cells[(size_t)at * j->columns + i] = (struct str){copy, rec->fields[i].n};
    }
    return HEED_OK;
}

static enum heed_status header(struct join *j, const struct csv_record *rec, struct heed_error *err)
{
    j->names = calloc(rec->n + 1, sizeof *j->names);
    if (!j->names)
        return error_nomem(err);
    for (; j->columns < rec->n; j->columns++) {
        struct str name = str_trim(rec->fields[j->columns]);
        j->names[j->columns] = strndup(name.p ? name.p : "", name.n);
        if (!j->names[j->columns])
            return error_nomem(err);
    }
    return HEED_OK;
}

enum heed_status join_load(const struct join_options *options, const struct reader_limits *limits,
                           struct join **out, struct heed_error *err)
{
    *out = NULL;
    struct reader *r = NULL;
    enum heed_status status = reader_open(options->path, limits, &r, err);
    if (status != HEED_OK)
        return status;
    struct join *j = calloc(1, sizeof *j);
    struct csv *csv = csv_new(r, &options->csv);
    if (!j || !csv) {
        status = error_nomem(err);
        goto done;
    }
    intern_init(&j->keys);
    arena_init(&j->text, 1 << 20, UINT64_C(4) << 30);
    j->alnum_lower = options->alnum_lower;
    int on = -1, prefer = -1;
    struct csv_record rec;
    enum csv_result result = CSV_END;
    struct heed_error why = {0};
    while (status == HEED_OK && (result = csv_next(csv, &rec, &why)) != CSV_END &&
           result != CSV_FAILED) {
        if (result == CSV_BAD && j->names)
            continue; /* a bad row of the second file joins nothing */
        if (result == CSV_BAD)
            status = error_set(err, HEED_INPUT, options->path, "its header cannot be read: %s",
                               why.message);
        else if (!j->names) {
            status = header(j, &rec, err);
            on = join_column(j, options->on);
            prefer = options->prefer ? join_column(j, options->prefer) : -1;
            if (status == HEED_OK && (on < 0 || (options->prefer && prefer < 0)))
                status = error_set(err, HEED_INPUT, options->path, "it has no column '%s'",
                                   on < 0 ? options->on : options->prefer);
        } else if (rec.n == j->columns) {
            status = add_row(j, &rec, on, prefer, err);
        }
    }
    if (status == HEED_OK && result == CSV_FAILED)
        status = error_set(err, why.status, options->path, "%s", why.message);
    if (status == HEED_OK && !j->names)
        status = error_set(err, HEED_INPUT, options->path,
                           "it is empty; it needs a header and the column '%s'", options->on);
done:
    csv_free(csv);
    reader_close(r);
    if (status != HEED_OK)
        join_free(j);
    else
        *out = j;
    return status;
}
