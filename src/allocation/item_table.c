/* Attributes of items from a file, kept as text. */
#include "allocation/interactions.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/sheet.h"

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

/* The column that names the item: the first called id, item or target, else the first of all. */
static size_t id_column(const struct sheet *s)
{
    static const char *const names[] = {"id", "item", "target"};
    size_t found = SHEET_NOWHERE;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t at = sheet_column(s, names[i]);
        found = at < found ? at : found; /* SHEET_NOWHERE is above all */
    }
    return found == SHEET_NOWHERE ? 0 : found;
}

static enum heed_status take_columns(struct item_table *t, const struct sheet *s, size_t id,
                                     struct heed_error *err)
{
    t->columns = calloc(s->columns + 1, sizeof *t->columns);
    if (!t->columns)
        return error_nomem(err);
    for (size_t i = 0; i < s->columns; i++)
        if (i != id && !keep(t, str_of(s->names[i]), &t->columns[t->columns_n++]))
            return error_nomem(err);
    return HEED_OK;
}

static enum heed_status take_row(struct item_table *t, const struct sheet *s, size_t id,
                                 const struct interactions *x, size_t *cap, struct heed_error *err)
{
    struct str name = str_trim(s->row.fields[id]);
    uint32_t item = intern_find(&x->items, name);
    size_t used = t->rows * t->columns_n;
    if (item == INTERN_NONE)
        return HEED_OK;
    if (t->row_of[item] != UINT32_MAX)
        return sheet_error(s, id, err, "item %.*s is there twice; keep one row", STR_ARG(name));
    if (!array_grow(&t->cells, cap, used + t->columns_n + 1, sizeof *t->cells))
        return error_nomem(err);
    for (size_t i = 0; i < s->columns; i++)
        if (i != id && !keep(t, str_trim(s->row.fields[i]), &t->cells[used++]))
            return error_nomem(err);
    t->row_of[item] = (uint32_t)t->rows++;
    return HEED_OK;
}

enum heed_status item_table_read(struct item_table *t, const char *path,
                                 const struct interactions *x, struct heed_error *err)
{
    struct sheet sheet = {0};
    size_t id = 0, cap = 0;
    bool more = true;
    *t = (struct item_table){.row_of = malloc((x->items.count + 1) * sizeof *t->row_of),
                             .text = malloc(sizeof *t->text)};
    if (t->text)
        arena_init(&t->text->arena, 1 << 16, SIZE_MAX);
    enum heed_status status = t->row_of && t->text ? HEED_OK : error_nomem(err);
    for (size_t i = 0; t->row_of && i < x->items.count; i++)
        t->row_of[i] = UINT32_MAX;
    if (status == HEED_OK)
        status =
            sheet_open(path, &(struct csv_options){0}, "give a CSV with a header", &sheet, err);
    if (status == HEED_OK) {
        id = id_column(&sheet);
        status = take_columns(t, &sheet, id, err);
    }
    while (status == HEED_OK && (status = sheet_next(&sheet, &more, err)) == HEED_OK && more)
        status = take_row(t, &sheet, id, x, &cap, err);
    sheet_close(&sheet);
    if (status != HEED_OK)
        item_table_deinit(t);
    return status;
}
