#include "report/svg.h"

#include "base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

enum { LEFT = 58, RIGHT = 14, TOP = 34, BOTTOM = 44 };

void svg_begin(FILE *f, const char *name, int height)
{
    fprintf(f, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", DRAW_W, height);
    escape(f, name);
    fputs("\">\n", f);
}

void svg_end(FILE *f)
{
    fputs("</svg>\n", f);
}

void svg_text(FILE *f, double x, double y, const char *anchor, const char *class,
              const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(f, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x, y, anchor);
    escape(f, text);
    fputs("</text>\n", f);
}

static double px(double x)
{
    return LEFT + x * (DRAW_W - LEFT - RIGHT);
}

static double py(double y)
{
    return PLOT_H - BOTTOM - y * (PLOT_H - TOP - BOTTOM);
}

void plot_begin(struct plot *p, FILE *f, const char *name, const char *x_title, const char *y_title)
{
    *p = (struct plot){f};
    svg_begin(f, name, PLOT_H);
    svg_text(f, 2, 14, "start", "t", "%s", y_title);
    svg_text(f, px(1), PLOT_H - 5, "end", "t", "%s", x_title);
}

void plot_end(struct plot *p)
{
    fprintf(p->f, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>\n", px(0), py(0), px(1));
    svg_end(p->f);
}

void plot_tick_x(struct plot *p, double at, const char *label)
{
    fprintf(p->f, "<path class=\"axis\" d=\"M%.1f %.1fv4\"/>", px(at), py(0));
    svg_text(p->f, px(at) + (at > .94 ? RIGHT - 2 : 0), py(0) + 19, at > .94 ? "end" : "middle",
             "k", "%s", label);
}

void plot_ticks_y(struct plot *p, double top, double step, bool percent)
{
    for (int i = 0; i * step <= top * (1 + 1e-9); i++) {
        char label[32];
        double y = py(i * step / top);
        if (i > 0)
            fprintf(p->f, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", px(0), y, px(1));
        tick_text(i * step * (percent ? 100 : 1), label);
        svg_text(p->f, px(0) - 6, y + 4, "end", "k", "%s%s", label, percent ? "%" : "");
    }
}

/* A tick with the decimals that tell it from the next one.                                       */
static const char *scale_text(double v, double step, char buf[32])
{
    if (v >= 1e5 || step >= 1) {
        char *space = strchr(tick_text(v, buf), ' '); /* there is little room beside an axis */
        if (space)
            memmove(space, space + 1, strlen(space));
        return buf;
    }
    snprintf(buf, 32, "%.*f", (int)ceil(-log10(step) - 1e-9), v);
    return buf;
}

void plot_scale_y(struct plot *p, double low, double high, double y0, double y1)
{
    double step;
    char label[32];
    nice_top(high - low, &step);
    for (double i = ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
        double y = py(y0 + (y1 - y0) * (i * step - low) / (high - low));
        fprintf(p->f, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", px(0), y, px(1));
        svg_text(p->f, px(0) - 6, y + 4, "end", "k", "%s", scale_text(i * step, step, label));
    }
}

void plot_scale_x(struct plot *p, double low, double high)
{
    double step;
    char label[32];
    nice_top(high - low, &step);
    for (double i = ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
        plot_tick_x(p, (i * step - low) / (high - low), scale_text(i * step, step, label));
}

void plot_line(struct plot *p, const double *x, const double *y, size_t n, const char *class)
{
    fprintf(p->f, "<path class=\"line %s\" d=\"", class);
    for (size_t i = 0; i < n; i++)
        fprintf(p->f, "%s%.1f %.1f", i ? "L" : "M", px(x ? x[i] : (double)i / (double)(n - 1)),
                py(y[i]));
    fputs("\"/>\n", p->f);
}

void plot_area(struct plot *p, const double *low, const double *high, size_t n)
{
    fputs("<path class=\"area\" d=\"", p->f);
    for (size_t i = 0; i < n; i++)
        fprintf(p->f, "%s%.1f %.1f", i ? "L" : "M", px((double)i / (double)(n - 1)), py(high[i]));
    for (size_t i = n; i-- > 0;)
        fprintf(p->f, "L%.1f %.1f", px((double)i / (double)(n - 1)), py(low[i]));
    fputs("z\"/>\n", p->f);
}

void plot_label(struct plot *p, double x, double y, const char *anchor, const char *class,
                const char *text)
{
    svg_text(p->f, px(x), py(y), anchor, class, "%s", text);
}

void plot_dot(struct plot *p, double x, double y, double radius, const char *class)
{
    fprintf(p->f, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", class, px(x),
            py(y), radius);
}

void plot_bar(struct plot *p, double x0, double x1, double y0, double y1, const char *class,
              const char *title)
{
    fprintf(p->f, "<rect class=\"%s\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\">", class,
            px(x0), py(y1), px(x1) - px(x0), py(y0) - py(y1));
    if (title) {
        fputs("<title>", p->f);
        escape(p->f, title);
        fputs("</title>", p->f);
    }
    fputs("</rect>\n", p->f);
}

/* Width of a text in drawing units, at the larger of the two font sizes of the style sheet.      */
static double text_width(const char *text)
{
    return (double)utf8_width(str_of(text)) * 8.4;
}

void plot_keys(struct plot *p, const struct key *keys, size_t n)
{
    double x = DRAW_W - 2;
    for (size_t i = n; i-- > 0;) {
        x -= text_width(keys[i].text); /* a guess, so what it has too much stands behind the text */
        svg_text(p->f, x, 14, "start", "k", "%s", keys[i].text);
        if (strncmp(keys[i].class, "key", 3) == 0) {
            x -= 16;
            fprintf(p->f, "<rect class=\"%s\" x=\"%.1f\" y=\"4.5\" width=\"11\" height=\"10\"/>\n",
                    keys[i].class, x);
        } else {
            x -= 30;
            fprintf(p->f, "<path class=\"line %s\" d=\"M%.1f 9.5h24\"/>\n", keys[i].class, x);
        }
        x -= 12;
    }
}

/* A label cut to `columns` of a terminal's, which is close to what it takes in print.            */
static void cut_label(FILE *f, double x, double y, const char *anchor, const char *class,
                      const char *text, size_t columns)
{
    struct str s = str_of(text);
    size_t i = 0, cut = 0, used = 0;
    while (i < s.n && used <= columns) {
        cut = i;
        size_t from = i;
        utf8_next(s, &i);
        used += utf8_width((struct str){s.p + from, i - from});
    }
    bool whole = used <= columns;
    fprintf(f, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x, y, anchor);
    escape_n(f, (struct str){s.p, whole ? s.n : cut});
    fputs(whole ? "</text>\n" : "…</text>\n", f);
}

static double greatest(const struct bar_row *rows, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fmax(rows[i].a, rows[i].b));
    return most > 0 ? most : 1;
}

void bars(FILE *f, const char *name, const struct bar_row *rows, size_t n)
{
    enum { STEP = 26, LABELS = 144 };
    double most = greatest(rows, n), value = 0;
    for (size_t i = 0; i < n; i++)
        value = fmax(value, text_width(rows[i].a_text));
    double room = DRAW_W - LABELS - value - 10;
    svg_begin(f, name, (int)n * STEP + 4);
    for (size_t i = 0; i < n; i++) {
        double y = (double)i * STEP + 4, width = rows[i].a / most * room;
        cut_label(f, LABELS - 8, y + 14, "end", "k", rows[i].label, 14);
        fprintf(f,
                "<rect class=\"a\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"17\" rx=\"1.5\"/>",
                LABELS, y + 1, width);
        svg_text(f, LABELS + width + 7, y + 14, "start", "k", "%s", rows[i].a_text);
    }
    svg_end(f);
}

static void one_bar(FILE *f, double y, double width, const char *class, const char *value)
{
    fprintf(f, "<rect class=\"%s\" x=\"2\" y=\"%.1f\" width=\"%.1f\" height=\"10\" rx=\"1\"/>",
            width < 3 ? *class == 'b' ? "tiny" : class : class, y, fmax(width, 1));
    svg_text(f, fmax(width, 1) + 9, y + 9.5, "start", "k", "%s", value);
}

void pairs_of_bars(FILE *f, const char *name, const struct bar_row *rows, size_t n, const char *a,
                   const char *b)
{
    enum { STEP = 56, HEAD = 28 };
    double most = greatest(rows, n), room = DRAW_W - 76;
    svg_begin(f, name, HEAD + (int)n * STEP - 6);
    struct plot p = {f};
    plot_keys(&p, (const struct key[]){{"key a", a}, {"key b", b}}, 2);
    for (size_t i = 0; i < n; i++) {
        double y = HEAD + (double)i * STEP;
        cut_label(f, 2, y + 12, "start", "k", rows[i].label, 52);
        one_bar(f, y + 18, rows[i].a / most * room, "a", rows[i].a_text);
        one_bar(f, y + 33, rows[i].b / most * room, "b", rows[i].b_text);
    }
    svg_end(f);
}

void stacks(FILE *f, const char *name, const struct stack_row *rows, size_t n,
            const char *const parts[3])
{
    enum { STEP = 42, HEAD = 28 };
    static const char *const classes[3] = {"a", "c", "b"};
    double most = 0, value = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, rows[i].part[0] + rows[i].part[1] + rows[i].part[2]);
        value = fmax(value, text_width(rows[i].text));
    }
    svg_begin(f, name, HEAD + (int)n * STEP - 4);
    struct plot p = {f};
    plot_keys(
        &p, (const struct key[]){{"key a", parts[0]}, {"key c", parts[1]}, {"key b", parts[2]}}, 3);
    for (size_t i = 0; i < n; i++) {
        double y = HEAD + (double)i * STEP, x = 2;
        cut_label(f, 2, y + 12, "start", "k", rows[i].label, 50);
        for (int k = 0; k < 3; k++) {
            double width = most > 0 ? rows[i].part[k] / most * (DRAW_W - value - 12) : 0;
            if (width <= 0)
                continue;
            width = fmax(width, 1);
            fprintf(f, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"12\"/>",
                    k == 2 && width < 3 ? "tiny" : classes[k], x, y + 18, width);
            x += width;
        }
        svg_text(f, x + 7, y + 28.5, "start", "k", "%s", rows[i].text);
    }
    svg_end(f);
}
