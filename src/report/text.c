/* Escaped text, numbers in words, cells of tables. */
#include "base/money.h"
#include "report/svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

void escape_n(FILE *f, struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        switch (text.p[i]) {
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
            fputc((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? ' ' : text.p[i], f);
        }
}

void escape(FILE *f, const char *text)
{
    escape_n(f, str_of(text));
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

char *tick_text(double v, char buf[32])
{
    static const struct {
        double unit;
        const char *name;
    } units[] = {{1e15, " P"}, {1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}};
    for (size_t i = 0; v >= 1e5 && i < sizeof units / sizeof units[0]; i++)
        if (v >= units[i].unit) {
            snprintf(buf, 32, "%.4g%s", v / units[i].unit, units[i].name);
            return buf;
        }
    if (v >= 1000)
        return with_commas((uint64_t)(v + .5), buf);
    snprintf(buf, 32, "%.4g", v);
    return buf;
}

char *share_text(double share, char buf[32])
{
    double percent = share * 100;
    if (percent <= 0)
        snprintf(buf, 32, "0%%");
    else if (percent < .005)
        snprintf(buf, 32, "<0.01%%");
    else
        snprintf(buf, 32, percent < 1 ? "%.2f%%" : "%.1f%%", percent);
    return buf;
}

char *percent_text(uint32_t ppm, char buf[32])
{
    snprintf(buf, 32, "%.4g%%", ppm / 1e4);
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

double nice_top(double most, double *step)
{
    double power = pow(10, floor(log10(most > 0 ? most : 1)) - 1);
    static const double steps[] = {2, 5, 10, 20, 50};
    for (size_t i = 0; i < 5; i++) {
        *step = steps[i] * power;
        if (most <= *step * 5)
            break;
    }
    return fmax(ceil(most / *step - 1e-9), 1) * *step;
}

void row_begin(FILE *f)
{
    fputs("<tr>", f);
}

void row_end(FILE *f)
{
    fputs("</tr>\n", f);
}

void head_cell(FILE *f, const char *text, bool number)
{
    fputs(number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">", f);
    escape(f, text);
    fputs("</th>", f);
}

void text_cell(FILE *f, const char *text)
{
    fputs("<td><bdi>", f);
    escape(f, text);
    fputs("</bdi></td>", f);
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
