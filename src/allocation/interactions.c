#include "allocation/interactions.h"

#include "base/error.h"
#include "base/sheet.h"
#include "base/time.h"

#include <math.h>
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
    struct sheet sheet;
    size_t place[FIELDS]; /* SHEET_NOWHERE: the file has no such column */
};

static enum heed_status find_columns(struct reading *r, struct heed_error *err)
{
    for (int f = 0; f < FIELDS; f++)
        r->place[f] = sheet_column(&r->sheet, field_names[f]);
    return sheet_need(&r->sheet, field_names, TARGET + 1, r->place, err);
}

static struct str cell_of(const struct reading *r, int field)
{
    size_t place = r->place[field];
    return place == SHEET_NOWHERE ? STR_NONE : str_trim(r->sheet.row.fields[place]);
}

static enum heed_status read_row(struct reading *r, struct heed_error *err)
{
    struct str user, target, amount_text = cell_of(r, AMOUNT), time_text = cell_of(r, TIME);
    double amount = 1;
    int64_t time_ms = INTERACTIONS_NO_TIME;
    enum heed_status status = sheet_cell(&r->sheet, r->place[USER], &user, err);
    if (status == HEED_OK)
        status = sheet_cell(&r->sheet, r->place[TARGET], &target, err);
    if (status != HEED_OK)
        return status;
    if (amount_text.n && (!sheet_number(amount_text, &amount) || amount < 0))
        return sheet_error(&r->sheet, r->place[AMOUNT], err,
                           "it must be a finite number of at least 0");
    if (time_text.n && time_from_text(time_text, &time_ms) != TIME_OK)
        return sheet_error(&r->sheet, r->place[TIME], err,
                           "it must be a time such as 2026-01-31T12:00:00Z, or Unix seconds");
    return interactions_add(r->x, user, target, cell_of(r, VERB), amount, time_ms, err);
}

enum heed_status interactions_read(struct interactions *x, const char *path,
                                   void (*progress)(void *context, double share), void *context,
                                   struct heed_error *err)
{
    struct reading r = {.x = x};
    bool more = true;
    enum heed_status status = sheet_open(path, &(struct csv_options){0},
                                         "the header needs user and target", &r.sheet, err);
    if (status == HEED_OK)
        status = find_columns(&r, err);
    for (size_t rows = 1; status == HEED_OK; rows++) {
        status = sheet_next(&r.sheet, &more, err);
        if (status != HEED_OK || !more)
            break;
        status = read_row(&r, err);
        if (progress && rows % 65536 == 0) {
            uint64_t done, total;
            reader_progress(r.sheet.reader, &done, &total);
            progress(context, total ? (double)done / (double)total : 0);
        }
    }
    sheet_close(&r.sheet);
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
