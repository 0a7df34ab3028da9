#include "allocation/interactions.h"

#include "base/csv.h"
#include "base/error.h"
#include "base/time.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void interactions_init(struct interactions *x)
{
    *x = (struct interactions){.timed = true};
    intern_init(&x->users);
    intern_init(&x->items);
    intern_init(&x->verbs);
}

void interactions_deinit(struct interactions *x)
{
    intern_deinit(&x->users);
    intern_deinit(&x->items);
    intern_deinit(&x->verbs);
    free(x->rows);
    *x = (struct interactions){0};
}

enum heed_status interactions_add(struct interactions *x, struct str user, struct str item,
                                  struct str verb, double amount, int64_t time_ms,
                                  struct heed_error *err)
{
    if (user.n == 0 || item.n == 0)
        return error_set(err, HEED_INPUT, user.n ? "target" : "user", "is empty; name it");
    if (!isfinite(amount) || amount < 0)
        return error_set(err, HEED_INPUT, "amount", "must be a finite number of at least 0");
    if (!array_grow(&x->rows, &x->cap, x->n + 1, sizeof *x->rows))
        return error_nomem(err);
    struct interaction row = {intern_add(&x->users, user), intern_add(&x->items, item),
                              intern_add(&x->verbs, verb), amount, time_ms};
    if (row.user == INTERN_NONE || row.item == INTERN_NONE || row.verb == INTERN_NONE)
        return error_nomem(err);
    x->rows[x->n++] = row;
    x->timed = x->timed && time_ms != INTERACTIONS_NO_TIME;
    return HEED_OK;
}

enum { USER, TARGET, VERB, AMOUNT, TIME, FIELDS };
static const char *const field_names[FIELDS] = {"user", "target", "verb", "amount", "time"};

struct reading {
    struct interactions *x;
    const char *path;
    size_t column[FIELDS]; /* SIZE_MAX: not there */
    size_t columns;
};

static enum heed_status at_row(const struct reading *r, uint64_t line, const char *column,
                               const char *message, struct heed_error *err)
{
    char where[192];
    snprintf(where, sizeof where, "%.120s:%llu", r->path, (unsigned long long)line);
    return error_set(err, HEED_INPUT, where, "column %s: %s", column, message);
}

static enum heed_status read_header(struct reading *r, const struct csv_record *rec,
                                    struct heed_error *err)
{
    r->columns = rec->n;
    for (int f = 0; f < FIELDS; f++) {
        r->column[f] = SIZE_MAX;
        for (size_t i = 0; i < rec->n; i++) {
            if (!str_is(str_trim(rec->fields[i]), field_names[f]))
                continue;
            if (r->column[f] != SIZE_MAX)
                return at_row(r, rec->line, field_names[f], "is there twice; keep one", err);
            r->column[f] = i;
        }
        if (f <= TARGET && r->column[f] == SIZE_MAX)
            return at_row(r, rec->line, field_names[f],
                          "is missing; the header needs user and target", err);
    }
    return HEED_OK;
}

static bool amount_of(struct str text, double *out)
{
    char buffer[64], *end;
    if (text.n == 0 || text.n >= sizeof buffer)
        return false;
    memcpy(buffer, text.p, text.n);
    buffer[text.n] = 0;
    *out = strtod(buffer, &end);
    return *end == 0 && isfinite(*out) && *out >= 0;
}

static enum heed_status read_row(struct reading *r, const struct csv_record *rec,
                                 struct heed_error *err)
{
    struct str field[FIELDS];
    if (rec->n != r->columns)
        return at_row(r, rec->line, "count", "differs from the header's; mend the row", err);
    for (int f = 0; f < FIELDS; f++)
        field[f] = r->column[f] == SIZE_MAX ? STR_NONE : str_trim(rec->fields[r->column[f]]);
    if (field[USER].n == 0 || field[TARGET].n == 0)
        return at_row(r, rec->line, field[USER].n ? "target" : "user", "is empty; name it", err);
    double amount = 1;
    if (field[AMOUNT].n && !amount_of(field[AMOUNT], &amount))
        return at_row(r, rec->line, "amount", "must be a finite number of at least 0", err);
    int64_t time_ms = INTERACTIONS_NO_TIME;
    if (field[TIME].n && time_from_text(field[TIME], &time_ms) != TIME_OK)
        return at_row(r, rec->line, "time",
                      "must be a time such as 2026-01-31T12:00:00Z, or Unix seconds", err);
    return interactions_add(r->x, field[USER], field[TARGET], field[VERB], amount, time_ms, err);
}

enum heed_status interactions_read(struct interactions *x, const char *path,
                                   void (*progress)(void *context, double share), void *context,
                                   struct heed_error *err)
{
    struct reading r = {.x = x, .path = path};
    struct reader *reader = NULL;
    struct csv *csv = NULL;
    struct heed_error bad = {0};
    enum heed_status status = reader_open(path, NULL, &reader, err);
    if (status == HEED_OK && !(csv = csv_new(reader, &(struct csv_options){0})))
        status = error_nomem(err);
    bool header = false;
    for (size_t rows = 0; status == HEED_OK; rows++) {
        struct csv_record rec;
        enum csv_result got = csv_next(csv, &rec, &bad);
        if (got == CSV_END)
            break;
        if (got != CSV_RECORD) {
            char where[400];
            snprintf(where, sizeof where, "%.120s: %s", path, bad.where);
            status =
                error_set(err, got == CSV_BAD ? HEED_INPUT : bad.status, where, "%s", bad.message);
        } else {
            status = header ? read_row(&r, &rec, err) : read_header(&r, &rec, err);
            header = true;
        }
        if (progress && rows % 65536 == 65535) {
            uint64_t done, total;
            reader_progress(reader, &done, &total);
            progress(context, total ? (double)done / (double)total : 0);
        }
    }
    csv_free(csv);
    reader_close(reader);
    if (status == HEED_OK && x->n == 0)
        status = error_set(err, HEED_INPUT, path, "has no rows; give a CSV with user,target");
    return status;
}

enum heed_status interactions_pairs(const struct interactions *x, struct sparse *pairs,
                                    size_t **first)
{
    size_t users = x->users.count, items = x->items.count;
    /* rows by user, then each user's items once */
    size_t *by_user = malloc((x->n + 1) * sizeof *by_user);
    uint32_t *seen = calloc(items + 1, sizeof *seen);
    uint64_t *next = calloc(users + 2, sizeof *next);
    *first = malloc((x->n + 1) * sizeof **first);
    enum heed_status status = sparse_init(pairs, users, items, x->n, false);
    if (status != HEED_OK || !by_user || !seen || !next || !*first) {
        free(*first);
        *first = NULL;
        sparse_deinit(pairs);
        status = HEED_NOMEM;
        goto done;
    }
    for (size_t i = 0; i < x->n; i++)
        next[x->rows[i].user + 2]++;
    for (size_t u = 0; u < users; u++)
        next[u + 2] += next[u + 1];
    for (size_t i = 0; i < x->n; i++)
        by_user[next[x->rows[i].user + 1]++] = i;
    uint64_t n = 0;
    for (size_t u = 0; u < users; u++) {
        for (uint64_t i = next[u]; i < next[u + 1]; i++) {
            uint32_t item = x->rows[by_user[i]].item;
            if (seen[item] == u + 1)
                continue;
            seen[item] = (uint32_t)(u + 1);
            pairs->column[n] = item;
            (*first)[n++] = by_user[i];
        }
        pairs->at[u + 1] = n;
    }
done:
    free(by_user);
    free(seen);
    free(next);
    return status;
}
