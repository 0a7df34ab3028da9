#include "tools/gain_plot.h"

#include "base/error.h"
#include "base/out_file.h"
#include "report/svg.h"

#include <math.h>
#include <stdlib.h>

#define LEAST 1e-5 /* of the gain; what is nearer is drawn there */

static const char style[] =
    "<style>svg{font:12px system-ui,sans-serif;background:#fff}text{fill:#1d2733}.t,.k{fill:"
    "#5b6875}.axis{fill:none;stroke:#5b6875}.line{fill:none;"
    "stroke-width:2.2}.grid{stroke:#dfe5ea;stroke-width:1}.first{stroke:#1b6ca8}.second{stroke:#"
    "b4541a;stroke-dasharray:6 4}"
    ".even{stroke:#5b6875;stroke-width:1.3;stroke-dasharray:2 3}.dot{fill:#1b6ca8}</style>\n";

struct scale {
    double uniform, most, passes;
};

static double at_x(const struct scale *s, double pass)
{
    return s->passes > 1 ? log(pass) / log(s->passes) : 1;
}

/* 1 is the whole gain lacking. */
static double at_y(double lacking)
{
    return 1 - log(fmin(1, fmax(lacking, LEAST))) / log(LEAST);
}

/* After passes 1.. of objective[n], whose first is the uniform policy's. */
static bool curve(struct plot *p, const struct scale *s, const double *objective, size_t n,
                  const char *class, bool dots)
{
    double *x = malloc((n + 1) * sizeof *x), *y = malloc((n + 1) * sizeof *y);
    bool ok = x && y;
    for (size_t i = 1; ok && i < n; i++) {
        x[i - 1] = at_x(s, (double)i);
        y[i - 1] = at_y((s->most - objective[i]) / (s->most - s->uniform));
        if (dots)
            plot_dot(p, x[i - 1], y[i - 1], 3.4, "dot");
    }
    if (ok && n > 2)
        plot_line(p, x, y, n - 1, class);
    free(x);
    free(y);
    return ok;
}

static void scales(struct plot *p, const struct scale *s)
{
    char text[32];
    for (double lacking = 1; lacking >= LEAST * .99; lacking /= 10) {
        const double x[] = {0, 1}, y[] = {at_y(lacking), at_y(lacking)};
        plot_line(p, x, y, 2, "grid");
        snprintf(text, sizeof text, "%g%%", lacking * 100);
        plot_label(p, -.02, at_y(lacking) - .015, "end", "k", text);
    }
    for (double pass = 1; pass <= s->passes; pass *= 10)
        plot_tick_x(p, at_x(s, pass), tick_text(pass, text));
    const double x[] = {0, 1}, y[] = {at_y(.05), at_y(.05)};
    plot_line(p, x, y, 2, "even");
    plot_label(p, 1, at_y(.05) - .06, "end", "k", "95% kept");
}

enum heed_status gain_plot(const char *path, const struct fair_batch *b, bool online, bool floor,
                           struct heed_error *err)
{
    size_t own = b->objective_n - (floor && !online), rival = b->rival_n;
    struct scale s = {b->objective[0], b->objective[b->objective_n - 1] + b->gap,
                      (double)((rival > own ? rival : own) - 1)};
    struct out_file out;
    struct plot p;
    bool ok = true;
    if (!isfinite(s.uniform) || !isfinite(s.most))
        return error_set(err, HEED_RANGE, "plot",
                         "the welfare is infinitely bad at the start or in the end, so there is no "
                         "gain to draw; leave --plot out, or take exponents above 0");
    enum heed_status status = out_file_open(&out, path, err);
    if (status != HEED_OK)
        return status;
    /* a drawing in a page needs no name space, a file does: it is the outer one's */
    fprintf(out.f, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">\n", DRAW_W,
            PLOT_H);
    plot_begin(&p, out.f, "What of the gain over chance is lacking, by pass over the users",
               "passes over the users", "gain over chance still lacking");
    fputs(style, out.f);
    scales(&p, &s);
    if (s.most > s.uniform) {
        if (b->rival)
            ok = curve(&p, &s, b->rival, rival - floor, "second", false);
        ok = curve(&p, &s, b->objective, own, "first", online) && ok;
    }
    static const struct key both[] = {{"first", "one at a time"}, {"second", "batch"}},
                            batch[] = {{"first", "batch"}};
    plot_keys(&p, online ? both : batch, online ? 2 : 1);
    plot_end(&p);
    svg_end(out.f);
    return out_file_close(&out, ok ? HEED_OK : error_nomem(err), err);
}
