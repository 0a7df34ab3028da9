#include "base/term.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    REDRAW_MS = 100,
    BAR_MIN = 5, /* columns of a progress bar: fewer say nothing, more say nothing new */
    BAR_MAX = 30,
    BAR_FRAME = 4, /* two spaces and two brackets */
    DEFAULT_WIDTH = 80,
};

int term_width(FILE *out, int fallback)
{
    struct winsize size;
    int fd = fileno(out);
    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return fallback;
    return size.ws_col;
}

char *human_count(double n, char buf[16])
{
    static const char *const units[] = {"", " k", " M", " G", " T", " P", " E"};
    enum { UNITS = sizeof units / sizeof units[0] };
    double size = fabs(n);
    int unit = 0;
    if (!isfinite(n)) {
        snprintf(buf, 16, "%f", n);
        return buf;
    }
    while (size >= 999.5 && unit < UNITS - 1) { /* what would print as 1000 is 1.0 of the next */
        size /= 1000.0;
        unit++;
    }
    double sign = n < 0 ? -1.0 : 1.0;
    bool whole = unit == 0 && size == floor(size);
    if (size >= 999.5)
        snprintf(buf, 16, "%.1e", n);
    else
        snprintf(buf, 16, "%.*f%s", whole || size >= 9.95 ? 0 : 1, whole ? n + 0.0 : sign * size,
                 units[unit]);
    return buf;
}

static void bar_append(struct strbuf *b, double value, double max, int columns, bool ascii)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int cell = ascii ? 1 : 8;
    int steps = 0;
    if (columns > 0 && value > 0.0 && max > 0.0)
        steps = value >= max ? columns * cell : (int)(value / max * columns * cell + 1e-9);
    for (int i = 0; i < steps / cell; i++)
        strbuf_puts(b, ascii ? "#" : "█");
    int used = steps / cell;
    if (steps % cell != 0) {
        strbuf_puts(b, eighths[steps % cell]);
        used++;
    }
    for (; used < columns; used++)
        strbuf_putc(b, ' ');
}

void bar_print(FILE *out, double value, double max, int columns, bool ascii)
{
    struct strbuf b;
    strbuf_init(&b, SIZE_MAX);
    bar_append(&b, value, max, columns, ascii);
    if (b.n)
        fwrite(b.p, 1, b.n, out);
    strbuf_deinit(&b);
}

void progress_init(struct progress *p, FILE *out, bool enabled, const char *what, const char *unit,
                   uint64_t total, int width, int64_t now_ms)
{
    *p = (struct progress){
        .out = out,
        .enabled = enabled,
        .unit = unit,
        .total = total,
        .started_ms = now_ms,
        .drawn_ms = now_ms - REDRAW_MS, /* the first update draws */
        .width = width > 0 ? width : DEFAULT_WIDTH,
    };
    struct str text = str_of(what);
    text.n = utf8_cut(text, sizeof p->what - 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n;) { /* a file's name may hold anything: no control characters */
        size_t start = i;
        uint32_t c = utf8_next(text, &i);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffd)
            p->what[n++] = '?';
        else {
            memcpy(p->what + n, text.p + start, i - start);
            n += i - start;
        }
    }
}

static void append_eta(struct strbuf *b, double seconds)
{
    if (seconds > 359999.0) /* past 99 hours nobody waits */
        return;
    uint64_t s = (uint64_t)ceil(seconds);
    if (s >= 3600)
        strbuf_printf(b, "  ETA %" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60,
                      s % 60);
    else
        strbuf_printf(b, "  ETA %" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

/* All that stands right of the bar: percent or count, rate, ETA.                                */
static void append_figures(struct strbuf *b, const struct progress *p, uint64_t done,
                           uint64_t counted, int64_t now_ms)
{
    char number[16];
    double elapsed_s = (double)(now_ms - p->started_ms) / 1000.0;
    if (p->total)
        strbuf_printf(b, "  %3.0f %%", floor(100.0 * (double)done / (double)p->total));
    else
        strbuf_printf(b, "  %s %s", human_count((double)counted, number), p->unit);
    if (elapsed_s > 0.0)
        strbuf_printf(b, "  %s %s/s", human_count((double)counted / elapsed_s, number), p->unit);
    if (p->total && done && elapsed_s > 0.0)
        append_eta(b, elapsed_s * (double)(p->total - done) / (double)done);
}

/* Bytes of s that fit in `columns` of a terminal.                                               */
static size_t fitting(struct str s, size_t columns)
{
    size_t width = 0;
    size_t fits = 0;
    for (size_t i = 0; i < s.n; fits = i) {
        utf8_next(s, &i);
        width += utf8_width((struct str){s.p + fits, i - fits});
        if (width > columns)
            break;
    }
    return fits;
}

void progress_update(struct progress *p, uint64_t done, uint64_t shown_rate_count, int64_t now_ms)
{
    if (!p->enabled || p->done || now_ms - p->drawn_ms < REDRAW_MS)
        return;
    if (p->total && done > p->total)
        done = p->total;
    struct strbuf figures;
    struct strbuf line;
    strbuf_init(&figures, 256);
    strbuf_init(&line, 4096);
    append_figures(&figures, p, done, shown_rate_count, now_ms);
    strbuf_puts(&line, p->what);
    int room = p->width - 1 - BAR_FRAME - (int)utf8_width(str_of(p->what)) -
               (int)utf8_width(str_of(strbuf_text(&figures)));
    if (p->total && room >= BAR_MIN) {
        strbuf_puts(&line, "  [");
        bar_append(&line, (double)done, (double)p->total, room < BAR_MAX ? room : BAR_MAX, false);
        strbuf_putc(&line, ']');
    }
    strbuf_puts(&line, strbuf_text(&figures));
    /* The last column stays free: some terminals wrap as soon as it is written.                  */
    size_t n = fitting((struct str){strbuf_text(&line), line.n}, (size_t)(p->width - 1));
    fprintf(p->out, "\r%.*s\x1b[K", (int)n, strbuf_text(&line));
    fflush(p->out);
    p->drawn_ms = now_ms;
    strbuf_deinit(&line);
    strbuf_deinit(&figures);
}

void progress_done(struct progress *p)
{
    if (!p->enabled || p->done || p->drawn_ms < p->started_ms) /* nothing was drawn */
        return;
    fputs("\r\x1b[K", p->out);
    fflush(p->out);
    p->done = true;
}
