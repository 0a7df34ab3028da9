/* Drawings as inline SVG, and the tables beside them. All text is escaped. */
#ifndef HEED_REPORT_SVG_H
#define HEED_REPORT_SVG_H

#include "report/data.h"

void escape(FILE *f, const char *text);
void escape_n(FILE *f, struct str text);

/* ── numbers in words ── */
char *with_commas(uint64_t v, char buf[32]);               /* "1,234,567" */
char *tick_text(double v, char buf[32]);                   /* "12,000", "1.2 M", "0.25" */
char *share_text(double share, char buf[32]);              /* "14.4%", "0.09%"          */
char *percent_text(uint32_t ppm, char buf[32]);            /* "20%", "12.5%" */
char *money_words(int64_t minor, int scale, char buf[40]); /* "-1,234.50"               */

/* Ticks from 0: *step of 1, 2 or 5 times a power of ten, and the least multiple of it that is no
 * less than `most`; at most 6 ticks.                                                            */
double nice_top(double most, double *step);

/* ── tables ── */
void row_begin(FILE *f);
void row_end(FILE *f);
void head_cell(FILE *f, const char *text, bool number);
void text_cell(FILE *f, const char *text);
__attribute__((format(printf, 2, 3))) void data_cell(FILE *f, const char *format, ...);

/* ── drawings ── */
enum { DRAW_W = 440, PLOT_H = 264 };

void svg_begin(FILE *f, const char *name, int height);
void svg_end(FILE *f);
__attribute__((format(printf, 6, 7))) void svg_text(FILE *f, double x, double y, const char *anchor,
                                                    const char *class, const char *format, ...);

/* A plot: data coordinates 0..1 from the lower left; the titles of its axes stand above and below.
 */
struct plot {
    FILE *f;
};
void plot_begin(struct plot *p, FILE *f, const char *name, const char *x_title,
                const char *y_title);
void plot_end(struct plot *p);
void plot_tick_x(struct plot *p, double at, const char *label);
void plot_ticks_y(struct plot *p, double top, double step, bool percent); /* with grid lines */
/* A scale from low to high between heights y0 and y1 of the plot, with grid lines. */
void plot_scale_y(struct plot *p, double low, double high, double y0, double y1);
void plot_scale_x(struct plot *p, double low, double high);
void plot_line(struct plot *p, const double *x, const double *y, size_t n, const char *class);
void plot_area(struct plot *p, const double *low, const double *high, size_t n);
void plot_label(struct plot *p, double x, double y, const char *anchor, const char *class,
                const char *text);
void plot_dot(struct plot *p, double x, double y, double radius, const char *class);
void plot_bar(struct plot *p, double x0, double x1, double y0, double y1, const char *class,
              const char *title);

/* Keys in a row above a plot's right end, last first; class of line, or of a box when it starts
 * with "key".                                                                                   */
struct key {
    const char *class, *text;
};
void plot_keys(struct plot *p, const struct key *keys, size_t n);

/* Horizontal bars, one row each. b < 0: one bar with its label in front; else two bars under their
 * label.                                                                                        */
struct bar_row {
    const char *label;
    double a, b;
    const char *a_text, *b_text;
};
void bars(FILE *f, const char *name, const struct bar_row *rows, size_t n);
void pairs_of_bars(FILE *f, const char *name, const struct bar_row *rows, size_t n, const char *a,
                   const char *b);

/* Bars of three parts one after the other, one row each under its label; `text` behind. */
struct stack_row {
    const char *label, *text;
    double part[3];
};
void stacks(FILE *f, const char *name, const struct stack_row *rows, size_t n,
            const char *const parts[3]);
#endif
