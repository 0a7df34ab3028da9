/* What a terminal shows: progress, tables and bars. Everything goes to the FILE the caller gives.
 */
#ifndef HEED_BASE_TERM_H
#define HEED_BASE_TERM_H

#include "base/str.h"

#include <stdio.h>

/* A progress line (what, bar, percent, rate, ETA), redrawn in place at most ten times a second.
 * Draws only when `enabled`; the caller decides (a terminal, not --quiet) and passes the time.   */
struct progress {
    FILE *out;
    bool enabled, done;
    char what[64];
    const char *unit; /* "events", "bytes" … for the rate */
    uint64_t total;   /* 0: unknown: count and rate only  */
    int64_t started_ms, drawn_ms;
    int width; /* of the terminal */
};

void progress_init(struct progress *p, FILE *out, bool enabled, const char *what, const char *unit,
                   uint64_t total, int width, int64_t now_ms);
void progress_update(struct progress *p, uint64_t done, uint64_t shown_rate_count, int64_t now_ms);
/* Clears the line; nothing is drawn from then on. progress_init with p->enabled starts the next. */
void progress_done(struct progress *p);

/* "1.2 M", "340 k", "12"; buf of 16.                                                            */
char *human_count(double n, char buf[16]);

/* A table: columns sized to their widest cell (East Asian width known), numbers right-aligned,
 * cut with an ellipsis so that no line passes `width` columns (0: no limit).                    */
struct table;
struct table_column {
    const char *title;
    bool right; /* align right */
};
struct table *table_new(const struct table_column *columns, size_t n);
void table_free(struct table *t);
bool table_cell(struct table *t, struct str text); /* fills row by row */
__attribute__((format(printf, 2, 3))) bool table_cellf(struct table *t, const char *format, ...);
bool table_print(const struct table *t, FILE *out, int width);

/* A horizontal bar of value/max in `columns` cells, drawn with eighth blocks (or '#' when ascii).*/
void bar_print(FILE *out, double value, double max, int columns, bool ascii);

/* Columns of the terminal behind `out`; fallback when it is not one.                            */
int term_width(FILE *out, int fallback);
#endif
