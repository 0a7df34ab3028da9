#include "base/error.h"
#include "base/term.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>

enum { GAP = 2 }; /* columns between two cells */

struct cell {
    size_t at, n; /* in the table's text */
};

/* Cells row by row, the titles first; all their text in one buffer.                             */
struct table {
    struct strbuf text;
    struct cell *cells;
    size_t used, cap;
    size_t columns;
    bool titled, failed;
    bool right[];
};

struct table *table_new(const struct table_column *columns, size_t n)
{
    heed_assert(n > 0 && n <= 64);
    struct table *t = malloc(sizeof *t + n * sizeof t->right[0]);
    if (!t)
        return NULL;
    *t = (struct table){.columns = n};
    strbuf_init(&t->text, SIZE_MAX);
    for (size_t i = 0; i < n; i++) {
        t->right[i] = columns[i].right;
        t->titled = t->titled || (columns[i].title && columns[i].title[0]);
        table_cell(t, str_of(columns[i].title));
    }
    if (t->failed) {
        table_free(t);
        return NULL;
    }
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    free(t->cells);
    strbuf_deinit(&t->text);
    free(t);
}

/* Text from outside must not steer the terminal: white space becomes a space, other control
 * characters and invalid bytes become U+FFFD.                                                    */
static void append_printable(struct strbuf *b, struct str s)
{
    for (size_t i = 0; i < s.n;) {
        size_t start = i;
        uint32_t c = utf8_next(s, &i);
        if (c == '\t' || c == '\n' || c == '\r')
            strbuf_putc(b, ' ');
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffd)
            strbuf_puts(b, "\uFFFD");
        else
            strbuf_put(b, s.p + start, i - start);
    }
}

bool table_cell(struct table *t, struct str text)
{
    size_t at = t->text.n;
    if (!t->failed && array_grow(&t->cells, &t->cap, t->used + 1, sizeof *t->cells))
        append_printable(&t->text, text);
    else
        t->failed = true;
    t->failed = t->failed || t->text.failed;
    if (t->failed)
        return false;
    t->cells[t->used++] = (struct cell){at, t->text.n - at};
    return true;
}

bool table_cellf(struct table *t, const char *format, ...)
{
    char few[128];
    char *text = few;
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(few, sizeof few, format, args);
    if (n >= (int)sizeof few) {
        text = malloc((size_t)n + 1);
        if (text)
            n = vsnprintf(text, (size_t)n + 1, format, again);
    }
    va_end(again);
    va_end(args);
    bool ok = text && n >= 0;
    if (ok)
        ok = table_cell(t, (struct str){text, (size_t)n});
    else
        t->failed = true;
    if (text != few)
        free(text);
    return ok;
}

static struct str cell_text(const struct table *t, size_t row, size_t column)
{
    size_t i = row * t->columns + column;
    if (i >= t->used) /* the last row may be short */
        return STR("");
    return (struct str){strbuf_text(&t->text) + t->cells[i].at, t->cells[i].n};
}

static void measure(const struct table *t, size_t *widths)
{
    size_t rows = (t->used + t->columns - 1) / t->columns;
    for (size_t c = 0; c < t->columns; c++) {
        widths[c] = 0;
        for (size_t r = 0; r < rows; r++) {
            size_t width = utf8_width(cell_text(t, r, c));
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
}

/* The widest column that may give way, text before numbers; n when all are down to one.         */
static size_t widest(const struct table *t, const size_t *widths, size_t n)
{
    enum { READABLE = 8 }; /* text narrower than this is not cut further while numbers can be */
    size_t best = n;
    for (size_t c = 0; c < n; c++)
        if (!t->right[c] && widths[c] > READABLE && (best == n || widths[c] > widths[best]))
            best = c;
    if (best < n)
        return best;
    for (size_t c = 0; c < n; c++)
        if (widths[c] > 1 && (best == n || widths[c] > widths[best]))
            best = c;
    return best;
}

/* Narrows columns until a line fits; returns how many columns, from the left, can be shown.     */
static size_t fit(const struct table *t, size_t *widths, size_t width)
{
    size_t most = (width + GAP) / (1 + GAP); /* with one column of text each */
    size_t shown = t->columns < most ? t->columns : most;
    size_t total = GAP * (shown - 1);
    for (size_t c = 0; c < shown; c++) {
        widths[c] = widths[c] < width ? widths[c] : width;
        total += widths[c];
    }
    while (total > width) {
        size_t c = widest(t, widths, shown);
        if (c == shown)
            break;
        widths[c]--;
        total--;
    }
    return shown;
}

/* What of a text is printed: its first bytes, then an ellipsis where some are cut.              */
struct cut {
    size_t bytes, columns;
    bool ellipsis;
};

static struct cut cut_to(struct str s, size_t width)
{
    size_t all = utf8_width(s);
    if (all <= width)
        return (struct cut){s.n, all, false};
    if (width == 0)
        return (struct cut){0, 0, false};
    struct cut cut = {0, 0, true};
    for (size_t i = 0; i < s.n; cut.bytes = i) {
        utf8_next(s, &i);
        size_t columns = utf8_width((struct str){s.p + cut.bytes, i - cut.bytes});
        if (cut.columns + columns > width - 1)
            break;
        cut.columns += columns;
    }
    cut.columns++;
    return cut;
}

static void print_row(const struct table *t, FILE *out, size_t row, const size_t *widths, size_t n)
{
    size_t owed = 0; /* spaces before the next text; none are printed at the end of a line */
    for (size_t c = 0; c < n; c++) {
        struct str text = cell_text(t, row, c);
        struct cut cut = cut_to(text, widths[c]);
        size_t padding = widths[c] - cut.columns;
        owed += t->right[c] ? padding : 0;
        if (cut.columns) {
            fprintf(out, "%*s", (int)owed, "");
            fwrite(text.p, 1, cut.bytes, out);
            fputs(cut.ellipsis ? "…" : "", out);
            owed = 0;
        }
        owed += GAP + (t->right[c] ? 0 : padding);
    }
    fputc('\n', out);
}

bool table_print(const struct table *t, FILE *out, int width)
{
    if (t->failed)
        return false;
    size_t *widths = malloc(t->columns * sizeof *widths);
    if (!widths)
        return false;
    measure(t, widths);
    size_t shown = width > 0 ? fit(t, widths, (size_t)width) : t->columns;
    for (size_t row = t->titled ? 0 : 1; row * t->columns < t->used; row++)
        print_row(t, out, row, widths, shown);
    free(widths);
    return !ferror(out);
}
