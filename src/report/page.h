/* What the chapters of the HTML file share. */
#ifndef HEED_REPORT_PAGE_H
#define HEED_REPORT_PAGE_H

#include "report/svg.h"
#include "report/words.h"

struct page {
    FILE *f;
    const struct report_data *d;
    enum report_lang lang;
};

enum { TABLE_ROWS = 400 }; /* a table shows at most so many */

const char *w(const struct page *p, enum word x);

void chapter_begin(const struct page *p, enum word heading);
void chapter_end(const struct page *p);
void paragraph(const struct page *p, const char *class, enum word x, ...);
void paragraph_text(const struct page *p, const char *class, const char *text);

void figures_begin(const struct page *p); /* side by side where there is room */
void figures_end(const struct page *p);
void figure_begin(const struct page *p, enum word caption, bool wide);
void figure_begin_text(const struct page *p, const char *caption, bool wide);
struct column {
    enum word name;
    bool number;
};
void figure_table(const struct page *p, const struct column *columns, size_t n);
void figure_end(const struct page *p);
void table_begin(const struct page *p, const struct column *columns, size_t n); /* not folded */
void table_end(const struct page *p);

/* A content's title and id as a cell.                                                           */
void name_cell(const struct page *p, const struct named *n);

/* "2026-01-02", or the hour too when epochs are no whole days; buf of 32.                       */
const char *day_text(int64_t day, char buf[32]);
const char *epoch_text(const struct page *p, int64_t epoch, char buf[32]);
void epoch_ticks(const struct page *p, struct plot *plot);

/* Two Lorenz curves, the area between them shaded, with their table.                            */
struct named_curve {
    const struct curve *curve;
    enum word name;
};
void lorenz_figure(const struct page *p, enum word caption, struct named_curve from,
                   struct named_curve to, const char *note);

void chapter_behaviour(const struct page *p);
void chapter_quality(const struct page *p);
void chapter_allocation(const struct page *p);
void part_frontier(const struct page *p); /* of chapter_allocation */
void chapter_consumption(const struct page *p);
void chapter_circulation(const struct page *p);
/* Parts of stage 5, left out where there is nothing to show. */
void chapter_exchange(const struct page *p);
void chapter_auctions(const struct page *p);
void chapter_fees(const struct page *p);
#endif
