/* Attributes of items, from text to a matrix. */
#include "allocation/interactions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PREFIX_WORDS = 3, PIECE_MAX = 120 };

struct entry {
    uint32_t feature, item;
    float value;
};

struct feature {
    uint32_t last, items; /* the item that had it last, plus 1; how many have it */
};

struct collecting {
    struct intern names;
    struct entry *entries; /* by item, ascending */
    size_t n, cap;
    struct feature *features; /* [names] */
    size_t features_cap;
};

/* One attribute of an item, told by its tag from the same text elsewhere. false: no memory.      */
static bool collect(struct collecting *c, size_t tag, struct str text, uint32_t item, double value)
{
    char key[PIECE_MAX + 24];
    if (text.n == 0 || text.n > PIECE_MAX)
        return true;
    int tag_n = snprintf(key, sizeof key, "%zu ", tag);
    memcpy(key + tag_n, text.p, text.n);
    size_t known = c->names.count;
    uint32_t id = intern_add(&c->names, (struct str){key, (size_t)tag_n + text.n});
    if (id == INTERN_NONE || !array_grow(&c->entries, &c->cap, c->n + 1, sizeof *c->entries) ||
        !array_grow(&c->features, &c->features_cap, c->names.count, sizeof *c->features))
        return false;
    if (id == known)
        c->features[id] = (struct feature){0};
    if (c->features[id].last == item + 1)
        return true;
    c->features[id].last = item + 1;
    c->features[id].items++;
    c->entries[c->n++] = (struct entry){id, item, (float)value};
    return true;
}

static bool of_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c & 0x80);
}

/* The words of a name, and its first few together.                                               */
static bool collect_words(struct collecting *c, size_t tag, struct str name, uint32_t item)
{
    char text[PIECE_MAX + 1]; /* the words so far, one blank between */
    size_t n = 0, words = 0;
    for (size_t i = 0; i < name.n;) {
        size_t start = n;
        bool cut = false;
        for (; i < name.n; i++) {
            char b = name.p[i];
            b = b >= 'A' && b <= 'Z' ? (char)(b + 'a' - 'A') : b;
            if (!of_word(b))
                break;
            if (n < PIECE_MAX)
                text[n++] = b;
            else
                cut = true;
        }
        if (n > start && !cut) {
            words++;
            if (!collect(c, tag, (struct str){text + start, n - start}, item, sqrt(2)) ||
                (words <= PREFIX_WORDS && !collect(c, tag + 1, (struct str){text, n}, item, 1)))
                return false;
        }
        if (n > start && n < PIECE_MAX)
            text[n++] = ' ';
        i++;
    }
    return true;
}

static bool collect_pieces(struct collecting *c, size_t tag, struct str cell, uint32_t item)
{
    for (size_t from = 0, i = 0; i <= cell.n; i++) {
        if (i < cell.n && cell.p[i] != ';' && cell.p[i] != '|' && cell.p[i] != ',')
            continue;
        if (!collect(c, tag, str_trim((struct str){cell.p + from, i - from}), item, sqrt(.5)))
            return false;
        from = i + 1;
    }
    return true;
}

static bool all_numbers(const struct item_table *t, size_t column)
{
    for (size_t r = 0; r < t->rows; r++) {
        struct str cell = str_trim(t->cells[r * t->columns_n + column]);
        char text[64], *end;
        if (cell.n == 0)
            continue;
        if (cell.n >= sizeof text)
            return false;
        memcpy(text, cell.p, cell.n);
        text[cell.n] = 0;
        (void)strtod(text, &end);
        if (*end)
            return false;
    }
    return true;
}

/* The entries of features that are shared, by feature.                                           */
static enum heed_status fill(const struct collecting *c, size_t items, struct sparse *out)
{
    size_t rows = 0;
    uint64_t n = 0;
    uint32_t *row_of = malloc((c->names.count + 1) * sizeof *row_of);
    if (!row_of)
        return HEED_NOMEM;
    for (size_t f = 0; f < c->names.count; f++) {
        bool shared = c->features[f].items >= 2 && c->features[f].items <= items / 2;
        row_of[f] = shared ? (uint32_t)rows++ : UINT32_MAX;
        n += shared ? c->features[f].items : 0;
    }
    enum heed_status status = sparse_init(out, rows, items, n, true);
    if (status == HEED_OK) {
        for (size_t f = 0; f < c->names.count; f++)
            if (row_of[f] != UINT32_MAX)
                out->at[row_of[f] + 1] = out->at[row_of[f]] + c->features[f].items;
        /* at[row] goes along its row, to the begin of the next: back by one row afterwards */
        for (size_t i = 0; i < c->n; i++) {
            uint32_t row = row_of[c->entries[i].feature];
            if (row == UINT32_MAX)
                continue;
            out->column[out->at[row]] = c->entries[i].item;
            out->value[out->at[row]++] = c->entries[i].value;
        }
        for (size_t r = rows; r > 0; r--)
            out->at[r] = out->at[r - 1];
        out->at[0] = 0;
    }
    free(row_of);
    return status;
}

enum heed_status item_features(const struct item_table *t, size_t items, struct sparse *features)
{
    struct collecting c = {0};
    bool *number = malloc(t->columns_n + 1);
    bool ok = number != NULL;
    intern_init(&c.names);
    for (size_t column = 0; ok && column < t->columns_n; column++)
        number[column] = all_numbers(t, column);
    for (uint32_t item = 0; item < items; item++)
        for (size_t column = 0; ok && column < t->columns_n && t->row_of[item] != UINT32_MAX;
             column++) {
            struct str name = t->columns[column];
            struct str cell = t->cells[t->row_of[item] * t->columns_n + column];
            if (number[column])
                continue;
            ok = str_is(name, "name") || str_is(name, "title")
                     ? collect_words(&c, 2 * column, cell, item)
                     : collect_pieces(&c, 2 * column, cell, item);
        }
    enum heed_status status = ok ? fill(&c, items, features) : HEED_NOMEM;
    intern_deinit(&c.names);
    free(c.entries);
    free(c.features);
    free(number);
    return status;
}
