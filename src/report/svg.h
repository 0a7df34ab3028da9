/* Drawings as inline SVG, and the tables beside them. All text is escaped. */
#ifndef HEED_REPORT_SVG_H
#define HEED_REPORT_SVG_H

#include "report/data.h"

/* A plot of 480 x 300 units with room for labels; data coordinates 0..1 from the lower left.     */
struct plot {
    FILE *f;
    const char *x_title, *y_title;
};
enum { PLOT_W = 480, PLOT_H = 300 };

void escape(FILE *f, const char *text);
void figure_begin(FILE *f, const char *name);
void figure_table(FILE *f, const char *summary); /* begins the table under the drawing */
void figure_end(FILE *f);
void row_begin(FILE *f);
void row_end(FILE *f);
void head_cell(FILE *f, const char *text);
__attribute__((format(printf, 2, 3))) void data_cell(FILE *f, const char *format, ...);
void text_cell(FILE *f, const char *text);

void plot_begin(struct plot *p, FILE *f, const char *name, const char *x_title,
                const char *y_title);
void plot_end(struct plot *p);
void plot_tick_x(struct plot *p, double at, const char *label);
void plot_tick_y(struct plot *p, double at, const char *label); /* with a grid line */
void plot_line(struct plot *p, const double *y, size_t n, const char *class);
void plot_label(struct plot *p, double x, double y, const char *anchor, const char *class,
                const char *text);
void plot_key(struct plot *p, double x, double y, const char *class); /* a piece of a line */
void plot_dot(struct plot *p, double x, double y);
void plot_bar(struct plot *p, double x0, double x1, double y0, double y1, const char *class,
              const char *title);
void plot_rule(struct plot *p, double y, const char *class);

/* Horizontal bars of pairs (b < 0: single), one row each, labels in front.                       */
struct bar_row {
    const char *label;
    double a, b;
    const char *value; /* written behind */
};
void bars(FILE *f, const char *name, const struct bar_row *rows, size_t n, const char *a,
          const char *b);

/* "1,234,567"; buf of 32. */
char *with_commas(uint64_t v, char buf[32]);
/* Minor units in major ones with commas: "-1,234.50"; buf of 40. */
char *money_words(int64_t minor, int scale, char buf[40]);
#endif
