/* Stages 1 to 3: what people attended to, what is good, who got the attention. */
#include "base/utf8.h"
#include "quality/learned.h"
#include "report/page.h"

#include <math.h>

/* ── 1 behaviour ── */

/* Days on which nothing was done but to buy, after the last other act: a world that opens its shop
 * when the rewards are paid has days nobody else was there. */
static void only_bought(const struct page *p)
{
    const struct report_data *d = p->d;
    size_t n = d->days_n;
    uint64_t bought = 0;
    char number[32], day[32];
    while (n > 0 && d->days[n - 1].events == d->days[n - 1].bought)
        bought += d->days[--n].bought;
    if (n > 0 && bought > 0)
        paragraph(p, "note", W_activity_bought, day_text(d->days[n - 1].day, day),
                  with_commas(bought, number));
}

/* The course of events in at most 120 bars of whole days.                                       */
static void activity(const struct page *p)
{
    const struct report_data *d = p->d;
    enum { BARS = 120 };
    uint64_t sums[BARS] = {0}, most = 1;
    char number[32], text[64];
    int64_t first = d->days[0].day, span = d->days[d->days_n - 1].day - first + 1;
    int64_t width = (span + BARS - 1) / BARS, n = (span + width - 1) / width;
    for (size_t i = 0; i < d->days_n; i++) {
        uint64_t *sum = &sums[(d->days[i].day - first) / width];
        *sum += d->days[i].events;
        most = *sum > most ? *sum : most;
    }
    struct plot plot;
    double step, top = nice_top((double)most, &step);
    if (step < 1)
        step = 1, top = (double)most;
    snprintf(text, sizeof text, w(p, width == 1 ? W_acts_a_day : W_acts_a_span), (int)width);
    figure_begin(p, W_activity, false);
    plot_begin(&plot, p->f, w(p, W_activity), w(p, W_day), text);
    plot_ticks_y(&plot, top, step, false);
    for (int64_t i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%s: %s", day_text(first + i * width, number),
                 with_commas(sums[i], (char[32]){0}));
        plot_bar(&plot, ((double)i + .1) / (double)n, ((double)i + .9) / (double)n, 0,
                 (double)sums[i] / top, "a", text);
    }
    for (int64_t i = 0; i < 3; i++) {
        int64_t at = i * (n - 1) / 2;
        plot_tick_x(&plot, ((double)at + .5) / (double)n, day_text(first + at * width, number));
    }
    plot_end(&plot);
    only_bought(p);
    figure_table(
        p, (const struct column[]){{width == 1 ? W_day : W_from_day, false}, {W_acts, true}}, 2);
    for (int64_t i = 0; i < n; i++) {
        if (sums[i] == 0)
            continue;
        row_begin(p->f);
        text_cell(p->f, day_text(first + i * width, number));
        data_cell(p->f, "%s", with_commas(sums[i], text));
        row_end(p->f);
    }
    figure_end(p);
}

static void categories(const struct page *p)
{
    const struct report_data *d = p->d;
    struct bar_row rows[CATEGORIES];
    char labels[CATEGORIES][96], values[CATEGORIES][32];
    for (size_t i = 0; i < d->categories_n; i++) {
        struct str s = intern_str(&d->w->state.catalogue.symbols, d->categories[i].symbol);
        snprintf(labels[i], sizeof labels[i], "%.*s", (int)utf8_cut(s, 90), s.p);
        with_commas((uint64_t)(d->categories[i].points + .5), values[i]);
        rows[i] = (struct bar_row){labels[i], d->categories[i].points, -1, values[i], ""};
    }
    figure_begin(p, W_categories, false);
    bars(p->f, w(p, W_categories), rows, d->categories_n);
    paragraph(p, "note", W_categories_text);
    figure_table(
        p, (const struct column[]){{W_category, false}, {W_points, true}, {W_contents, true}}, 3);
    for (size_t i = 0; i < d->categories_n; i++) {
        row_begin(p->f);
        text_cell(p->f, labels[i]);
        data_cell(p->f, "%s", values[i]);
        data_cell(p->f, "%s", with_commas(d->categories[i].contents, values[i]));
        row_end(p->f);
    }
    figure_end(p);
}

void chapter_behaviour(const struct page *p)
{
    const struct report_data *d = p->d;
    char events[32], first[32], last[32];
    chapter_begin(p, W_behaviour);
    if (d->days_n == 0)
        paragraph(p, "lead", W_behaviour_none);
    else if (d->days_n == 1)
        paragraph(p, "lead", W_behaviour_one_day, with_commas(d->events, events),
                  day_text(d->days[0].day, first));
    else
        paragraph(p, "lead", W_behaviour_text, with_commas(d->events, events), d->days_n,
                  day_text(d->days[0].day, first), day_text(d->days[d->days_n - 1].day, last));
    if (d->late > 0)
        paragraph(p, "note", W_behaviour_late, with_commas(d->late, events));
    figures_begin(p);
    if (d->days_n > 1)
        activity(p);
    if (d->categories_n > 0)
        categories(p);
    figures_end(p);
    chapter_end(p);
}

/* ── 2 quality ── */

/* What reach is counted in.                                                                      */
static enum word reach_word(const struct page *p)
{
    return p->d->unknown > 0 ? W_acts_drawn : W_reach;
}

static void reach_against_quality(const struct page *p)
{
    const struct report_data *d = p->d;
    enum word caption = d->unknown > 0 ? W_scatter_acts : W_scatter;
    char number[32];
    double most = fmax(d->most_reach, 1), x[BANDS], y[BANDS];
    struct plot plot;
    figure_begin(p, caption, false);
    plot_begin(&plot, p->f, w(p, caption), w(p, reach_word(p)), w(p, W_score));
    plot_ticks_y(&plot, 1, .2, false);
    plot_tick_x(&plot, 0, "0");
    for (double reach = 1; reach <= most; reach *= 10)
        plot_tick_x(&plot, log1p(reach) / log1p(most), tick_text(reach, number));
    for (size_t i = 0; i < d->dots_n; i++)
        plot_dot(&plot, log1p(d->dots[i].reach) / log1p(most), d->dots[i].quality, 2, "dot");
    size_t n = 0;
    for (size_t i = 0; i < d->bands_n; i++, n++) {
        double low = log1p((double)d->bands[i].low);
        double high = log1p(fmin((double)d->bands[i].high, most));
        x[n] = (low + high) / 2 / log1p(most);
        y[n] = d->bands[i].quality;
    }
    if (n > 1)
        plot_line(&plot, x, y, n, "ink");
    for (size_t i = 0; i < n; i++)
        plot_dot(&plot, x[i], y[i], 3.2, "mark");
    plot_end(&plot);
    paragraph(p, "note", d->unknown > 0 ? W_scatter_text_acts : W_scatter_text);
    if (d->step > 1)
        paragraph(p, "note", W_sampled, d->step, with_commas(d->eligible_n, number));
    figure_table(
        p,
        (const struct column[]){{reach_word(p), false}, {W_contents, true}, {W_mean_quality, true}},
        3);
    for (size_t i = 0; i < d->bands_n; i++) {
        const struct reach_band *b = &d->bands[i];
        char range[72], low[32], high[32];
        snprintf(range, sizeof range, b->low == b->high ? "%s" : "%s–%s", with_commas(b->low, low),
                 with_commas(b->high, high));
        row_begin(p->f);
        text_cell(p->f, range);
        data_cell(p->f, "%s", with_commas(b->contents, number));
        data_cell(p->f, "%.3f", b->quality);
        row_end(p->f);
    }
    figure_end(p);
}

/* What the score was for outcomes that were held out when it was learnt, against what they were:
 * tenths of the predictions. On the dotted line, it says what it means.                          */
static void reliability(const struct page *p)
{
    const struct quality_fit *fit = &p->d->w->state.quality.learned->fit;
    const double line[2] = {0, 1};
    double x[FIT_BINS], y[FIT_BINS];
    size_t n = 0;
    char number[32];
    struct plot plot;
    figure_begin(p, W_reliability, false);
    plot_begin(&plot, p->f, w(p, W_reliability), w(p, W_predicted), w(p, W_observed));
    plot_ticks_y(&plot, 1, .25, false);
    for (double at = 0; at <= 1; at += .25)
        plot_tick_x(&plot, at, tick_text(at, number));
    plot_line(&plot, line, line, 2, "even");
    for (int b = 0; b < FIT_BINS; b++)
        if (fit->bins[b].n > 0) {
            x[n] = fit->bins[b].predicted_ppm / 1e6;
            y[n++] = fit->bins[b].observed_ppm / 1e6;
        }
    if (n > 1)
        plot_line(&plot, x, y, n, "ink");
    for (size_t i = 0; i < n; i++)
        plot_dot(&plot, x[i], y[i], 3.2, "mark");
    plot_end(&plot);
    paragraph(p, "note", W_reliability_text, with_commas(fit->targets, number),
              w(p, fit->outcome == SOURCE_EXPERT ? W_of_experts : W_of_users),
              (double)fit->error / FIT_UNIT, (double)fit->error_of_rules / FIT_UNIT);
    if (fit->error > fit->error_of_rules)
        paragraph(p, "note", fit->in_force ? W_fit_forced : W_fit_aside);
    figure_table(
        p, (const struct column[]){{W_contents, true}, {W_predicted, true}, {W_observed, true}}, 3);
    for (int b = 0; b < FIT_BINS; b++) {
        row_begin(p->f);
        data_cell(p->f, "%s", with_commas(fit->bins[b].n, number));
        data_cell(p->f, "%.3f", fit->bins[b].predicted_ppm / 1e6);
        data_cell(p->f, "%.3f", fit->bins[b].observed_ppm / 1e6);
        row_end(p->f);
    }
    figure_end(p);
}

static void copies(const struct page *p, bool wide)
{
    const struct report_data *d = p->d;
    char text[32];
    figure_begin(p, d->unknown > 0 ? W_copies_acts : W_copies, wide);
    table_begin(
        p,
        (const struct column[]){
            {W_copy, false}, {W_original, false}, {W_similarity, true}, {reach_word(p), true}},
        4);
    for (size_t i = 0; i < d->copies_seen_n; i++) {
        const struct copy_row *r = &d->copies_seen[i];
        row_begin(p->f);
        name_cell(p, &r->copy);
        name_cell(p, &r->original);
        data_cell(p->f, "%.0f%%", r->similarity_ppm / 1e4);
        data_cell(p->f, "%s", with_commas(r->reach, text));
        row_end(p->f);
    }
    table_end(p);
    fputs("</figure>\n", p->f);
}

void chapter_quality(const struct page *p)
{
    const struct report_data *d = p->d;
    char found[32], removed[32];
    chapter_begin(p, W_quality);
    if (d->eligible_n == 0) {
        paragraph(p, "lead", W_quality_none);
        chapter_end(p);
        return;
    }
    if (d->judged)
        paragraph(p, "lead", d->unknown > 0 ? W_quality_text_acts : W_quality_text,
                  d->reach_quality);
    else
        paragraph(p, "lead", W_quality_alike);
    paragraph(p, "lead", W_quality_counts, with_commas(d->copies, found),
              with_commas(d->removed, removed));
    figures_begin(p);
    if (d->judged)
        reach_against_quality(p);
    bool learnt = d->w->state.quality.learned && d->w->state.quality.learned->fit.known;
    if (learnt)
        reliability(p);
    if (d->copies_seen_n > 0)
        copies(p, learnt && d->judged);
    figures_end(p);
    chapter_end(p);
}

/* ── 3 allocation ── */

void lorenz_figure(const struct page *p, enum word caption, struct named_curve from,
                   struct named_curve to, const char *note)
{
    struct plot plot;
    figure_begin(p, caption, false);
    plot_begin(&plot, p->f, w(p, caption), w(p, W_least_shown), w(p, W_share_of_exposure));
    plot_ticks_y(&plot, 1, .25, true);
    static const char *const ticks[] = {"0%", "25%", "50%", "75%", "100%"};
    for (int i = 0; i < 5; i++)
        plot_tick_x(&plot, i / 4.0, ticks[i]);
    plot_area(&plot, from.curve->y, to.curve->y, CURVE_POINTS);
    plot_line(&plot, NULL, (const double[]){0, 1}, 2, "even");
    plot_line(&plot, NULL, from.curve->y, CURVE_POINTS, "second");
    plot_line(&plot, NULL, to.curve->y, CURVE_POINTS, "first");
    plot_keys(&plot,
              (const struct key[]){
                  {"even", w(p, W_even)}, {"first", w(p, to.name)}, {"second", w(p, from.name)}},
              3);
    plot_end(&plot);
    paragraph_text(p, "note", note);
    figure_table(
        p, (const struct column[]){{W_least_shown, true}, {from.name, true}, {to.name, true}}, 3);
    static const int rows[] = {10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 100};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char a[32], b[32];
        row_begin(p->f);
        data_cell(p->f, "%d%%", rows[i]);
        data_cell(p->f, "%s", share_text(from.curve->y[rows[i]], a));
        data_cell(p->f, "%s", share_text(to.curve->y[rows[i]], b));
        row_end(p->f);
    }
    figure_end(p);
}

/* The least exposure of each epoch against what was promised; an epoch that broke it is a cross. */
static void floor_kept(const struct page *p)
{
    const struct report_data *d = p->d;
    char text[32];
    double most = 1e-6, step, n = (double)d->epochs_n;
    for (size_t i = 0; i < d->epochs_n; i++)
        most = fmax(most, fmax(d->epochs[i].s.min_share_ppm, d->epochs[i].s.floor_ppm) / 1e6);
    double top = nice_top(most, &step);
    struct plot plot;
    figure_begin(p, W_floor, false);
    plot_begin(&plot, p->f, w(p, W_floor), w(p, W_epochs), w(p, W_least_share));
    plot_ticks_y(&plot, top, step, true);
    for (size_t i = 0; i < d->epochs_n; i++) {
        double promised = d->epochs[i].s.floor_ppm / 1e6 / top;
        const double x[2] = {(double)i / n, (double)(i + 1) / n}, y[2] = {promised, promised};
        plot_line(&plot, x, y, 2, "second");
    }
    for (size_t i = 0; i < d->epochs_n; i++) {
        double x = ((double)i + .5) / n, y = d->epochs[i].s.min_share_ppm / 1e6 / top;
        plot_bar(&plot, x - .0012, x + .0012, 0, y, "stem", NULL);
        if (d->epochs[i].s.floor_kept)
            plot_dot(&plot, x, y, n > 60 ? 2 : 4, "given");
        else
            plot_label(&plot, x, fmax(y - .015, 0), "middle", "broken", "✕");
    }
    plot_keys(&plot, (const struct key[]){{"first", w(p, W_given)}, {"second", w(p, W_promised)}},
              2);
    epoch_ticks(p, &plot);
    plot_end(&plot);
    paragraph(p, "note", W_floor_text, percent_text(d->epochs[d->epochs_n - 1].s.floor_ppm, text),
              d->floors_kept, d->fed);
    if (d->floors_kept < d->fed)
        paragraph(p, "note", W_floor_missed);
    const struct welfare_cost *cost = welfare_last(&d->w->state.welfare);
    if (cost) {
        char worst[32];
        paragraph(p, "note", W_welfare_text, percent_text(cost->mean_ppm, text),
                  percent_text(cost->worst_ppm, worst), cost->gini_ppm / 1e6,
                  cost->gini_alone_ppm / 1e6);
    }
    if (d->epochs_n > TABLE_ROWS)
        paragraph(p, "note", W_first_rows, (size_t)TABLE_ROWS, d->epochs_n);
    figure_table(p,
                 (const struct column[]){
                     {W_epoch, false}, {W_promised, true}, {W_least_share, true}, {W_kept, false}},
                 4);
    for (size_t i = 0; i < d->epochs_n && i < TABLE_ROWS; i++) {
        const struct settlement *s = &d->epochs[i].s;
        row_begin(p->f);
        text_cell(p->f, epoch_text(p, s->epoch, text));
        data_cell(p->f, "%.1f%%", s->floor_ppm / 1e4);
        data_cell(p->f, "%.1f%%", s->min_share_ppm / 1e4);
        text_cell(p->f, w(p, s->floor_kept ? W_yes : W_no));
        row_end(p->f);
    }
    figure_end(p);
}

static void risers(const struct page *p)
{
    const struct report_data *d = p->d;
    struct bar_row rows[RISERS];
    char labels[RISERS][240], a[RISERS][32], b[RISERS][32], why[320];
    for (size_t i = 0; i < d->risers_n; i++) {
        const struct riser *r = &d->risers[i];
        snprintf(labels[i], sizeof labels[i], r->name.title[0] ? "%s · %s" : "%s%s", r->name.title,
                 r->name.id);
        rows[i] = (struct bar_row){labels[i], r->heed_share, r->popularity_share,
                                   share_text(r->heed_share, a[i]),
                                   share_text(r->popularity_share, b[i])};
    }
    figure_begin(p, W_risers, true);
    fputs("<div class=\"beside\"><div>", p->f);
    pairs_of_bars(p->f, w(p, W_risers), rows, d->risers_n, w(p, W_under_heed),
                  w(p, W_by_popularity));
    paragraph(p, "note", W_risers_text);
    fputs("</div>\n<ol>\n", p->f);
    for (size_t i = 0; i < d->risers_n; i++) {
        report_why(&d->risers[i], p->lang, QUALITY_PARTS, why, sizeof why);
        fputs("<li><bdi>", p->f);
        escape(p->f, d->risers[i].name.title[0] ? d->risers[i].name.title : d->risers[i].name.id);
        fputs("</bdi><span>", p->f);
        escape(p->f, why);
        fputs("</span></li>\n", p->f);
    }
    fputs("</ol></div>\n", p->f);
    figure_table(p,
                 (const struct column[]){{W_content, false},
                                         {W_by_popularity, true},
                                         {W_under_heed, true},
                                         {W_score, true},
                                         {reach_word(p), true}},
                 5);
    for (size_t i = 0; i < d->risers_n; i++) {
        const struct riser *r = &d->risers[i];
        row_begin(p->f);
        name_cell(p, &r->name);
        data_cell(p->f, "%s", b[i]);
        data_cell(p->f, "%s", a[i]);
        data_cell(p->f, "%.3f", r->quality.score);
        data_cell(p->f, "%s", with_commas(r->reach, why));
        row_end(p->f);
    }
    figure_end(p);
}

void chapter_allocation(const struct page *p)
{
    const struct report_data *d = p->d;
    char a[32], b[32];
    bool drawn = d->heed.any && d->popularity.any;
    chapter_begin(p, W_allocation);
    if (d->epochs_n == 0)
        paragraph(p, "lead", W_allocation_none);
    else if (d->fed == 0)
        paragraph(p, "lead", W_allocation_unfed);
    if (drawn)
        paragraph(p, "lead", W_allocation_text, d->popularity.gini, d->heed.gini);
    if (drawn && d->best_n * 5 <= d->eligible_n)
        paragraph(p, "lead", W_allocation_best, share_text(d->popularity.best_share, a),
                  share_text(d->heed.best_share, b));
    figures_begin(p);
    if (drawn)
        lorenz_figure(p, W_lorenz, (struct named_curve){&d->popularity, W_by_popularity},
                      (struct named_curve){&d->heed, W_under_heed}, w(p, W_lorenz_text));
    if (d->fed > 0)
        floor_kept(p);
    if (d->risers_n > 0)
        risers(p);
    figures_end(p);
    part_frontier(p);
    chapter_end(p);
}
