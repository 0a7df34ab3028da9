/* Attributes of items from a file, kept as text. */
#include "allocation/interactions.h"

#include "base/arena.h"
#include "base/csv.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

struct item_text {
    struct arena arena;
};

void item_table_deinit(struct item_table *t)
{
    free(t->columns);
    free(t->row_of);
    free(t->cells);
    if (t->text)
        arena_deinit(&t->text->arena);
    free(t->text);
    *t = (struct item_table){0};
}

static bool keep(struct item_table *t, struct str text, struct str *out)
{
    const char *copy = arena_strdup(&t->text->arena, text);
    *out = (struct str){copy, text.n};
    return copy != NULL;
}

struct items_reading {
    struct item_table *t;
    const struct interactions *x;
    const char *path;
    size_t id, cells_cap;
};

static enum heed_status items_header(struct items_reading *r, const struct csv_record *rec,
                                     struct heed_error *err)
{
    struct item_table *t = r->t;
    for (size_t i = rec->n; i-- > 0;) {
        struct str name = str_trim(rec->fields[i]);
        if (str_is(name, "id") || str_is(name, "item") || str_is(name, "target"))
            r->id = i;
    }
    t->columns = calloc(rec->n + 1, sizeof *t->columns);
    if (!t->columns)
        return error_nomem(err);
    for (size_t i = 0; i < rec->n; i++)
        if (i != r->id && !keep(t, str_trim(rec->fields[i]), &t->columns[t->columns_n++]))
            return error_nomem(err);
    return HEED_OK;
}

static enum heed_status items_row(struct items_reading *r, const struct csv_record *rec,
                                  struct heed_error *err)
{
    struct item_table *t = r->t;
    char where[192];
    snprintf(where, sizeof where, "%.120s:%llu", r->path, (unsigned long long)rec->line);
    if (rec->n != t->columns_n + 1)
        return error_set(err, HEED_INPUT, where, "has %zu columns, the header %zu; mend the row",
                         rec->n, t->columns_n + 1);
    uint32_t item = intern_find(&r->x->items, str_trim(rec->fields[r->id]));
    if (item == INTERN_NONE)
        return HEED_OK;
    if (t->row_of[item] != UINT32_MAX)
        return error_set(err, HEED_INPUT, where, "item %.*s is there twice; keep one row",
                         STR_ARG(str_trim(rec->fields[r->id])));
    size_t used = t->rows * t->columns_n;
    if (!array_grow(&t->cells, &r->cells_cap, used + t->columns_n + 1, sizeof *t->cells))
        return error_nomem(err);
    for (size_t i = 0; i < rec->n; i++)
        if (i != r->id && !keep(t, str_trim(rec->fields[i]), &t->cells[used++]))
            return error_nomem(err);
    t->row_of[item] = (uint32_t)t->rows++;
    return HEED_OK;
}

enum heed_status item_table_read(struct item_table *t, const char *path,
                                 const struct interactions *x, struct heed_error *err)
{
    struct items_reading r = {.t = t, .x = x, .path = path};
    struct reader *reader = NULL;
    struct csv *csv = NULL;
    struct heed_error bad = {0};
    *t = (struct item_table){.row_of = malloc((x->items.count + 1) * sizeof *t->row_of),
                             .text = malloc(sizeof *t->text)};
    if (t->text)
        arena_init(&t->text->arena, 1 << 16, SIZE_MAX);
    enum heed_status status = t->row_of && t->text ? HEED_OK : error_nomem(err);
    for (size_t i = 0; t->row_of && i < x->items.count; i++)
        t->row_of[i] = UINT32_MAX;
    if (status == HEED_OK)
        status = reader_open(path, NULL, &reader, err);
    if (status == HEED_OK && !(csv = csv_new(reader, &(struct csv_options){0})))
        status = error_nomem(err);
    bool header = false;
    while (status == HEED_OK) {
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
            status = header ? items_row(&r, &rec, err) : items_header(&r, &rec, err);
            header = true;
        }
    }
    csv_free(csv);
    reader_close(reader);
    if (status == HEED_OK && !header)
        status = error_set(err, HEED_INPUT, path, "is empty; give a CSV with a header");
    if (status != HEED_OK)
        item_table_deinit(t);
    return status;
}
