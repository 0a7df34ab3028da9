#include "report/svg.h"

#include "base/money.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>

enum { LEFT = 68, RIGHT = 12, TOP = 14, BOTTOM = 42, BAR_H = 26, LABEL_W = 150 };

void escape(FILE *f, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '&':
            fputs("&amp;", f);
            break;
        case '"':
            fputs("&quot;", f);
            break;
        default:
            fputc((unsigned char)*text < 0x20 ? ' ' : *text, f);
        }
}

char *with_commas(uint64_t v, char buf[32])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v), at = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            buf[at++] = ',';
        buf[at++] = digits[i];
    }
    buf[at] = 0;
    return buf;
}

char *money_words(int64_t minor, int scale, char buf[40])
{
    char plain[32], commas[32];
    money_to_text((struct money){minor}, scale, plain);
    const char *p = plain;
    size_t at = 0;
    if (*p == '-')
        buf[at++] = *p++;
    const char *point = strchr(p, '.');
    with_commas(strtoull(p, NULL, 10), commas);
    snprintf(buf + at, 40 - at, "%s%s", commas, point ? point : "");
    return buf;
}

void figure_begin(FILE *f, const char *name)
{
    fputs("<figure>\n<figcaption>", f);
    escape(f, name);
    fputs("</figcaption>\n", f);
}

void figure_table(FILE *f, const char *summary)
{
    fputs("<details><summary>", f);
    escape(f, summary);
    fputs("</summary><div class=\"scroll\"><table>\n", f);
}

void figure_end(FILE *f)
{
    fputs("</table></div></details>\n</figure>\n", f);
}

void row_begin(FILE *f)
{
    fputs("<tr>", f);
}
void row_end(FILE *f)
{
    fputs("</tr>\n", f);
}

void head_cell(FILE *f, const char *text)
{
    fputs("<th>", f);
    escape(f, text);
    fputs("</th>", f);
}

void text_cell(FILE *f, const char *text)
{
    fputs("<td>", f);
    escape(f, text);
    fputs("</td>", f);
}

void data_cell(FILE *f, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fputs("<td class=\"n\">", f);
    escape(f, text);
    fputs("</td>", f);
}

static double px(double x)
{
    return LEFT + x * (PLOT_W - LEFT - RIGHT);
}
static double py(double y)
{
    return PLOT_H - BOTTOM - y * (PLOT_H - TOP - BOTTOM);
}

static void svg_begin(FILE *f, const char *name, int height)
{
    fprintf(f, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", PLOT_W, height);
    escape(f, name);
    fputs("\">\n", f);
}

void plot_begin(struct plot *p, FILE *f, const char *name, const char *x_title, const char *y_title)
{
    *p = (struct plot){f, x_title, y_title};
    svg_begin(f, name, PLOT_H);
    fprintf(f, "<text class=\"t\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", px(.5), PLOT_H - 6);
    escape(f, x_title);
    fprintf(f,
            "</text>\n<text class=\"t\" transform=\"translate(13 %.1f) rotate(-90)\" "
            "text-anchor=\"middle\">",
            py(.5));
    escape(f, y_title);
    fputs("</text>\n", f);
}

void plot_end(struct plot *p)
{
    fprintf(p->f, "<path class=\"axis\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n</svg>\n", px(0), py(1),
            py(0), px(1));
}

void plot_tick_x(struct plot *p, double at, const char *label)
{
    fprintf(p->f, "<text class=\"k\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", px(at), py(0) + 16,
            at > .93   ? "end"
            : at < .04 ? "start"
                       : "middle");
    escape(p->f, label);
    fputs("</text>\n", p->f);
}

void plot_tick_y(struct plot *p, double at, const char *label)
{
    fprintf(p->f, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", px(0), py(at), px(1));
    fprintf(p->f, "<text class=\"k\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", px(0) - 5,
            py(at) + 4);
    escape(p->f, label);
    fputs("</text>\n", p->f);
}

void plot_line(struct plot *p, const double *y, size_t n, const char *class)
{
    fprintf(p->f, "<path class=\"line %s\" d=\"", class);
    for (size_t i = 0; i < n; i++)
        fprintf(p->f, "%s%.1f %.1f", i ? "L" : "M", px((double)i / (double)(n - 1)), py(y[i]));
    fputs("\"/>\n", p->f);
}

void plot_label(struct plot *p, double x, double y, const char *anchor, const char *class,
                const char *text)
{
    fprintf(p->f, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, px(x),
            py(y) + 4, anchor);
    escape(p->f, text);
    fputs("</text>\n", p->f);
}

void plot_key(struct plot *p, double x, double y, const char *class)
{
    fprintf(p->f, "<path class=\"line %s\" d=\"M%.1f %.1fh28\"/>\n", class, px(x), py(y));
}

void plot_dot(struct plot *p, double x, double y)
{
    fprintf(p->f, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.4\"/>\n", px(x), py(y));
}

void plot_bar(struct plot *p, double x0, double x1, double y0, double y1, const char *class,
              const char *title)
{
    fprintf(p->f, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">", class,
            px(x0), py(y1), px(x1) - px(x0), py(y0) - py(y1));
    if (title) {
        fputs("<title>", p->f);
        escape(p->f, title);
        fputs("</title>", p->f);
    }
    fputs("</rect>\n", p->f);
}

void plot_rule(struct plot *p, double y, const char *class)
{
    fprintf(p->f, "<path class=\"line %s\" d=\"M%.1f %.1fH%.1f\"/>\n", class, px(0), py(y), px(1));
}

/* A label cut to what fits in front of its bar.                                                 */
static void short_label(FILE *f, const char *text)
{
    struct str s = str_of(text);
    size_t i = 0, cut = 0, columns = 0;
    while (i < s.n && columns <= 20) {
        cut = i;
        size_t from = i;
        utf8_next(s, &i);
        columns += utf8_width((struct str){s.p + from, i - from});
    }
    if (columns <= 20) {
        escape(f, text);
        return;
    }
    char *copy = strndup(text, cut);
    if (copy) {
        escape(f, copy);
        fputs("…", f);
    }
    free(copy);
}

void bars(FILE *f, const char *name, const struct bar_row *rows, size_t n, const char *a,
          const char *b)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        most = rows[i].a > most ? rows[i].a : most;
        most = rows[i].b > most ? rows[i].b : most;
    }
    const double room = PLOT_W - LABEL_W - 78;
    svg_begin(f, name, (int)n * BAR_H + (b ? 24 : 6));
    for (size_t i = 0; i < n; i++) {
        double y = (double)i * BAR_H + 3;
        double wa = most > 0 ? rows[i].a / most * room : 0;
        fprintf(f, "<text class=\"k\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LABEL_W - 6,
                y + 15);
        short_label(f, rows[i].label);
        fputs("</text>", f);
        if (b) {
            double wb = most > 0 ? rows[i].b / most * room : 0;
            fprintf(f,
                    "<rect class=\"a\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"9\"/>"
                    "<rect class=\"b\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"7\"/>",
                    LABEL_W, y + 1, wa, LABEL_W, y + 12, wb);
        } else {
            fprintf(f, "<rect class=\"a\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"16\"/>",
                    LABEL_W, y + 2, wa);
        }
        fprintf(f, "<text class=\"k\" x=\"%.1f\" y=\"%.1f\">", LABEL_W + wa + 6, y + 14);
        escape(f, rows[i].value);
        fputs("</text>\n", f);
    }
    if (b) {
        double y = (double)n * BAR_H + 17;
        fprintf(f, "<rect class=\"a\" x=\"%d\" y=\"%.1f\" width=\"18\" height=\"9\"/>", LABEL_W,
                y - 9);
        fprintf(f, "<text class=\"k\" x=\"%d\" y=\"%.1f\">", LABEL_W + 24, y);
        escape(f, a);
        fputs("</text>", f);
        fprintf(f, "<rect class=\"b\" x=\"%d\" y=\"%.1f\" width=\"18\" height=\"7\"/>",
                LABEL_W + 150, y - 8);
        fprintf(f, "<text class=\"k\" x=\"%d\" y=\"%.1f\">", LABEL_W + 174, y);
        escape(f, b);
        fputs("</text>\n", f);
    }
    fputs("</svg>\n", f);
}
