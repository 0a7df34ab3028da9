/* Part of stage 3: what a floor costs those who look, and what it moves. */
#include "report/page.h"

#include <math.h>

static const char *floor_text(double floor, char buf[32])
{
    return percent_text((uint32_t)(floor * 1e6 + .5), buf);
}

/* Two lines over the floor: of NDCG, numbers above; of the worst tenth, numbers below.           */
static void draw(const struct page *p, size_t n)
{
    const struct frontier *f = &p->d->frontier;
    double x[FLOORS_MAX], ndcg[FLOORS_MAX], worst[FLOORS_MAX], most = 1, step, last;
    char text[32];
    struct plot plot;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, f->rows[i].ndcg_kept);
    double top = 1, right = nice_top(f->rows[n - 1].floor, &last);
    step = .2;
    if (most > 1.06) /* else there is room for it above the highest tick */
        top = nice_top(most, &step);
    for (size_t i = 0; i < n; i++) {
        x[i] = f->rows[i].floor / right;
        ndcg[i] = f->rows[i].ndcg_kept / top;
        worst[i] = f->rows[i].worst_tenth / top;
    }
    plot_begin(&plot, p->f, w(p, W_frontier), w(p, W_floor_share), w(p, W_kept_of_best));
    plot_ticks_y(&plot, top, step, true);
    for (int i = 0; i * last <= right * (1 + 1e-9); i++)
        plot_tick_x(&plot, i * last / right, floor_text(i * last, text));
    if (f->has_own) {
        const double at[2] = {x[f->own], x[f->own]}, height[2] = {0, 1};
        plot_line(&plot, at, height, 2, "even");
        plot_label(&plot, x[f->own] + .012, .02, "start", "t", w(p, W_this_floor));
    }
    plot_line(&plot, x, ndcg, n, "first");
    plot_line(&plot, x, worst, n, "second");
    for (size_t i = 0; i < n; i++) {
        plot_dot(&plot, x[i], worst[i], 3.2, "mark");
        plot_dot(&plot, x[i], ndcg[i], 3.6, "given");
    }
    for (size_t i = 1; i < n; i++) {
        snprintf(text, sizeof text, "%.0f", f->rows[i].ndcg_kept * 100);
        plot_label(&plot, x[i], fmax(ndcg[i], worst[i]) + .035, "middle", "halo", text);
        snprintf(text, sizeof text, "%.0f", f->rows[i].worst_tenth * 100);
        plot_label(&plot, x[i], fmin(ndcg[i], worst[i]) - .085, "middle", "halo t", text);
    }
    for (int i = 0; i < 2; i++) {
        const double at[2] = {.03, .1}, height[2] = {.325 - .1 * i, .325 - .1 * i};
        plot_line(&plot, at, height, 2, i == 0 ? "first" : "second");
        plot_dot(&plot, .065, height[0], i == 0 ? 3.6 : 3.2, i == 0 ? "given" : "mark");
        plot_label(&plot, .12, height[0] - .025, "start", i == 0 ? "halo" : "halo t",
                   w(p, i == 0 ? W_ndcg_kept : W_worst_tenth));
    }
    plot_end(&plot);
}

static void cost_of_floors(const struct page *p)
{
    const struct frontier *f = &p->d->frontier;
    const struct frontier_row *own = &f->rows[f->own];
    char a[32], b[32], c[32], e[32], g[32];
    size_t n = 0;
    while (n < f->rows_n && f->rows[n].feasible)
        n++;
    figure_begin(p, W_frontier, false);
    draw(p, n);
    paragraph(p, "note", f->has_own ? W_frontier_note : W_frontier_note_none, f->k, f->rows[0].ndcg,
              floor_text(own->floor, a), share_text(own->ndcg_kept, b),
              share_text(own->worst_tenth, c));
    if (n < f->rows_n)
        paragraph(p, "note", W_frontier_most, f->k,
                  floor_text(floor(f->rows[n].most * 1e3) / 1e3, a));
    paragraph(p, "note", W_frontier_split, with_commas(f->hidden, a),
              with_commas(f->hidden + f->known, b), with_commas(f->able, c),
              with_commas(f->people, e), with_commas(f->contents, g));
    figure_table(p,
                 (const struct column[]){{W_floor_share, true},
                                         {W_ndcg, true},
                                         {W_ndcg_share, true},
                                         {W_mean_kept, true},
                                         {W_worst_tenth, true},
                                         {W_gini, true},
                                         {W_ever_shown, true}},
                 7);
    for (size_t i = 0; i < n; i++) {
        const struct frontier_row *r = &f->rows[i];
        row_begin(p->f);
        data_cell(p->f, "%s", floor_text(r->floor, a));
        data_cell(p->f, "%.4f", r->ndcg);
        data_cell(p->f, "%s", share_text(r->ndcg_kept, a));
        data_cell(p->f, "%s", share_text(r->mean, a));
        data_cell(p->f, "%s", share_text(r->worst_tenth, a));
        data_cell(p->f, "%.3f", r->gini);
        data_cell(p->f, "%s", share_text(r->shown, a));
        row_end(p->f);
    }
    figure_end(p);
}

static void moved(const struct page *p)
{
    const struct frontier *f = &p->d->frontier;
    const struct frontier_row *without = &f->rows[0], *with = &f->rows[f->own];
    char a[32], b[32], c[32], note[1024];
    snprintf(note, sizeof note, w(p, W_lorenz_floor_text), floor_text(with->floor, a),
             without->gini, with->gini, share_text(without->shown, b), share_text(with->shown, c));
    lorenz_figure(p, W_lorenz_floor, (struct named_curve){&f->before, W_no_floor},
                  (struct named_curve){&f->after, W_with_floor}, note);
}

void part_frontier(const struct page *p)
{
    const struct frontier *f = &p->d->frontier;
    char a[32], b[32];
    if (p->d->events == 0)
        return;
    switch (f->state) {
    case FRONTIER_FEW_PEOPLE:
        paragraph(p, "lead", W_frontier_few_people, FRONTIER_PEOPLE, FRONTIER_ACTS,
                  with_commas(f->able, a));
        return;
    case FRONTIER_FEW_CONTENTS:
        paragraph(p, "lead", W_frontier_few_contents, with_commas(f->contents, a), f->k);
        return;
    case FRONTIER_MANY_CONTENTS:
        paragraph(p, "lead", W_frontier_many_contents, with_commas(f->contents, a),
                  with_commas(CONTENTS_MOST, b));
        return;
    default:
        break;
    }
    fputs("<div class=\"part\">\n", p->f);
    paragraph(p, "lead", W_frontier_text);
    figures_begin(p);
    cost_of_floors(p);
    if (f->before.any && f->after.any)
        moved(p);
    figures_end(p);
    fputs("</div>\n", p->f);
}
