/* The report as one HTML file: shell, and the sections in the order of the five stages. */
#include "base/time.h"
#include "base/utf8.h"
#include "report/style.h"
#include "report/svg.h"
#include "report/words.h"

#include <math.h>
#include <stdarg.h>

struct page {
    FILE *f;
    const struct report_data *d;
    enum report_lang lang;
    int scale; /* of the first currency */
};

static const char *w(const struct page *p, enum word x)
{
    return word(p->lang, x);
}

static void heading(const struct page *p, enum word x)
{
    fprintf(p->f, "<section%s>\n<h2>", x == W_risers ? " class=\"wide\"" : "");
    escape(p->f, w(p, x));
    fputs("</h2>\n", p->f);
}

/* A paragraph from a format of words.def.                                                       */
static void paragraph(const struct page *p, enum word x, ...)
{
    char text[1024];
    va_list args;
    va_start(args, x);
    vsnprintf(text, sizeof text, w(p, x), args);
    va_end(args);
    fputs("<p>", p->f);
    escape(p->f, text);
    fputs("</p>\n", p->f);
}

static void section_end(const struct page *p)
{
    fputs("</section>\n", p->f);
}

static const char *target_of(const struct page *p, uint32_t content, char buf[96])
{
    return world_target_text(p->d->w, target_make(TARGET_CONTENT, content), buf);
}

static void heads(const struct page *p, const enum word *words, size_t n)
{
    row_begin(p->f);
    for (size_t i = 0; i < n; i++)
        head_cell(p->f, w(p, words[i]));
    row_end(p->f);
}

static const char *day_text(int64_t day, char buf[32])
{
    time_to_text(day * DAY_MS, buf);
    buf[10] = 0;
    return buf;
}

static void activity(const struct page *p)
{
    const struct report_data *d = p->d;
    char number[32], day[32];
    uint64_t most = 1;
    heading(p, W_activity);
    paragraph(p, W_activity_text);
    if (d->days_n == 0)
        paragraph(p, W_nothing);
    for (size_t i = 0; i < d->days_n; i++)
        most = d->days[i].events > most ? d->days[i].events : most;
    if (d->days_n > 0) {
        struct plot plot;
        int64_t first = d->days[0].day, span = d->days[d->days_n - 1].day - first + 1;
        figure_begin(p->f, w(p, W_activity_text));
        plot_begin(&plot, p->f, w(p, W_activity), w(p, W_day), w(p, W_events));
        plot_tick_y(&plot, 1, with_commas(most, number));
        plot_tick_y(&plot, .5, with_commas(most / 2, number));
        plot_tick_y(&plot, 0, "0");
        for (size_t i = 0; i < d->days_n; i++) {
            double x = (double)(d->days[i].day - first) / (double)span;
            double x1 = (double)(d->days[i].day - first + 1) / (double)span;
            plot_bar(&plot, x + .1 / (double)span, x1 - .1 / (double)span, 0,
                     (double)d->days[i].events / (double)most, "a", day_text(d->days[i].day, day));
        }
        plot_tick_x(&plot, 0, day_text(first, day));
        if (span > 1)
            plot_tick_x(&plot, 1, day_text(first + span - 1, day));
        plot_end(&plot);
        figure_table(p->f, w(p, W_numbers));
        heads(p, (const enum word[]){W_day, W_events}, 2);
        for (size_t i = 0; i < d->days_n && i < 400; i++) {
            row_begin(p->f);
            text_cell(p->f, day_text(d->days[i].day, day));
            data_cell(p->f, "%s", with_commas(d->days[i].events, number));
            row_end(p->f);
        }
        figure_end(p->f);
    }
    section_end(p);
}

static const char *symbol_text(const struct page *p, uint32_t symbol, char buf[96])
{
    struct str s = intern_str(&p->d->w->state.catalogue.symbols, symbol);
    snprintf(buf, 96, "%.*s", (int)utf8_cut(s, 90), s.p);
    return buf;
}

static void categories(const struct page *p)
{
    const struct report_data *d = p->d;
    if (d->categories_n == 0)
        return;
    struct bar_row rows[CATEGORIES];
    char labels[CATEGORIES][96], values[CATEGORIES][32];
    heading(p, W_categories);
    paragraph(p, W_categories_text);
    for (size_t i = 0; i < d->categories_n; i++)
        rows[i] = (struct bar_row){symbol_text(p, d->categories[i].symbol, labels[i]),
                                   d->categories[i].points, -1,
                                   with_commas((uint64_t)d->categories[i].points, values[i])};
    figure_begin(p->f, w(p, W_categories));
    bars(p->f, w(p, W_categories), rows, d->categories_n, NULL, NULL);
    figure_table(p->f, w(p, W_numbers));
    heads(p, (const enum word[]){W_category, W_points, W_contents}, 3);
    for (size_t i = 0; i < d->categories_n; i++) {
        row_begin(p->f);
        text_cell(p->f, labels[i]);
        data_cell(p->f, "%s", values[i]);
        data_cell(p->f, "%u", d->categories[i].contents);
        row_end(p->f);
    }
    figure_end(p->f);
    section_end(p);
}

/* Reach against quality; the table gives the mean quality by how many were reached.              */
static void quality(const struct page *p)
{
    const struct report_data *d = p->d;
    char copies[32], removed[32];
    heading(p, W_quality);
    paragraph(p, W_quality_text, with_commas(d->copies, copies), with_commas(d->removed, removed));
    if (d->dots_n == 0) {
        paragraph(p, W_nothing);
        section_end(p);
        return;
    }
    double most = 1;
    for (size_t i = 0; i < d->dots_n; i++)
        most = d->dots[i].reach > most ? d->dots[i].reach : most;
    if (d->step > 1)
        paragraph(p, W_sampled, d->step);
    struct plot plot;
    figure_begin(p->f, w(p, W_quality));
    plot_begin(&plot, p->f, w(p, W_quality), w(p, W_reach), w(p, W_score));
    static const char *const ticks[] = {"0", "0.25", "0.5", "0.75", "1"};
    for (int i = 0; i < 5; i++)
        plot_tick_y(&plot, i / 4.0, ticks[i]);
    for (double reach = 1; reach <= most; reach *= 10) {
        char label[32];
        plot_tick_x(&plot, log1p(reach) / log1p(most), with_commas((uint64_t)reach, label));
    }
    plot_tick_x(&plot, 0, "0");
    for (size_t i = 0; i < d->dots_n; i++)
        plot_dot(&plot, log1p(d->dots[i].reach) / log1p(most), d->dots[i].quality);
    plot_end(&plot);
    figure_table(p->f, w(p, W_numbers));
    heads(p, (const enum word[]){W_band, W_contents, W_mean_quality}, 3);
    for (double low = 0; low <= most; low = low < 1 ? 1 : low * 4) {
        double high = low < 1 ? 1 : low * 4, sum = 0;
        size_t n = 0;
        for (size_t i = 0; i < d->dots_n; i++)
            if (d->dots[i].reach >= low && d->dots[i].reach < high) {
                sum += d->dots[i].quality;
                n++;
            }
        if (n == 0)
            continue;
        row_begin(p->f);
        data_cell(p->f, "%.0f–%.0f", low, high - 1);
        data_cell(p->f, "%zu", n * d->step);
        data_cell(p->f, "%.3f", sum / (double)n);
        row_end(p->f);
    }
    figure_end(p->f);
    section_end(p);
}

static void lorenz(const struct page *p)
{
    const struct report_data *d = p->d;
    heading(p, W_lorenz);
    if (!d->heed.any || !d->popularity.any) {
        paragraph(p, W_nothing);
        section_end(p);
        return;
    }
    paragraph(p, W_lorenz_text, d->popularity.gini, d->heed.gini);
    struct plot plot;
    double diagonal[2] = {0, 1};
    figure_begin(p->f, w(p, W_lorenz));
    plot_begin(&plot, p->f, w(p, W_lorenz), w(p, W_least_shown), w(p, W_share_of_exposure));
    static const char *const ticks[] = {"0 %", "25 %", "50 %", "75 %", "100 %"};
    for (int i = 0; i < 5; i++) {
        plot_tick_y(&plot, i / 4.0, ticks[i]);
        plot_tick_x(&plot, i / 4.0, ticks[i]);
    }
    plot_line(&plot, diagonal, 2, "even");
    plot_line(&plot, d->popularity.y, CURVE_POINTS, "second");
    plot_line(&plot, d->heed.y, CURVE_POINTS, "first");
    static const struct {
        double y;
        enum word name;
        const char *class;
    } keys[] = {
        {.93, W_even, "even"}, {.85, W_under_heed, "first"}, {.77, W_by_popularity, "second"}};
    for (size_t i = 0; i < 3; i++) {
        plot_key(&plot, .03, keys[i].y, keys[i].class);
        plot_label(&plot, .12, keys[i].y, "start", "k halo", w(p, keys[i].name));
    }
    plot_end(&plot);
    figure_table(p->f, w(p, W_numbers));
    heads(p, (const enum word[]){W_least_shown, W_by_popularity, W_under_heed}, 3);
    for (size_t i = 10; i < CURVE_POINTS; i += 10) {
        row_begin(p->f);
        data_cell(p->f, "%zu %%", i);
        data_cell(p->f, "%.1f %%", d->popularity.y[i] * 100);
        data_cell(p->f, "%.1f %%", d->heed.y[i] * 100);
        row_end(p->f);
    }
    figure_end(p->f);
    section_end(p);
}

static void epoch_bars(const struct page *p, struct plot *plot,
                       double (*value)(const struct epoch_row *), double most, const char *class)
{
    const struct report_data *d = p->d;
    for (size_t i = 0; i < d->epochs_n; i++) {
        char title[32];
        double n = (double)d->epochs_n;
        snprintf(title, sizeof title, "%lld", (long long)d->epochs[i].s.epoch);
        double v = value(&d->epochs[i]) / most;
        plot_bar(plot, ((double)i + .12) / n, ((double)i + .88) / n, 0, v > 1 ? 1 : v, class,
                 title);
    }
}

static void epoch_ticks(const struct page *p, struct plot *plot)
{
    const struct report_data *d = p->d;
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)d->epochs[0].s.epoch);
    plot_tick_x(plot, .5 / (double)d->epochs_n, text);
    if (d->epochs_n > 1) {
        snprintf(text, sizeof text, "%lld", (long long)d->epochs[d->epochs_n - 1].s.epoch);
        plot_tick_x(plot, 1 - .5 / (double)d->epochs_n, text);
    }
}

static double min_share(const struct epoch_row *e)
{
    return e->s.min_share_ppm / 1e6;
}

static void floor_kept(const struct page *p)
{
    const struct report_data *d = p->d;
    heading(p, W_floor);
    if (d->epochs_n == 0) {
        paragraph(p, W_floor_none);
        section_end(p);
        return;
    }
    size_t kept = 0;
    double most = 1e-9;
    for (size_t i = 0; i < d->epochs_n; i++) {
        kept += d->epochs[i].s.floor_kept;
        most = fmax(most, fmax(min_share(&d->epochs[i]), d->epochs[i].s.floor_ppm / 1e6));
    }
    double promised = d->epochs[d->epochs_n - 1].s.floor_ppm / 1e6;
    paragraph(p, W_floor_text, promised * 100, kept, d->epochs_n);
    struct plot plot;
    char label[64];
    figure_begin(p->f, w(p, W_floor));
    plot_begin(&plot, p->f, w(p, W_floor), w(p, W_epoch), w(p, W_least_share));
    snprintf(label, sizeof label, "%.0f %%", most * 100);
    plot_tick_y(&plot, 1, label);
    plot_tick_y(&plot, 0, "0 %");
    epoch_bars(p, &plot, min_share, most, "a");
    plot_rule(&plot, promised / most, "second");
    snprintf(label, sizeof label, "%s %.0f %%", w(p, W_promised), promised * 100);
    plot_label(&plot, .99,
               promised / most + .05 > .97 ? promised / most - .06 : promised / most + .05, "end",
               "k halo", label);
    epoch_ticks(p, &plot);
    plot_end(&plot);
    figure_table(p->f, w(p, W_numbers));
    heads(p, (const enum word[]){W_epoch, W_promised, W_least_share, W_kept}, 4);
    for (size_t i = 0; i < d->epochs_n; i++) {
        const struct settlement *s = &d->epochs[i].s;
        row_begin(p->f);
        data_cell(p->f, "%lld", (long long)s->epoch);
        data_cell(p->f, "%.1f %%", s->floor_ppm / 1e4);
        data_cell(p->f, "%.1f %%", s->min_share_ppm / 1e4);
        text_cell(p->f, w(p, s->floor_kept ? W_yes : W_no));
        row_end(p->f);
    }
    figure_end(p->f);
    section_end(p);
}

static void add_reason(char *buf, size_t size, const char *format, ...)
{
    size_t n = strlen(buf);
    if (n + 4 >= size)
        return;
    if (n > 0)
        n += (size_t)snprintf(buf + n, size - n, "; ");
    va_list args;
    va_start(args, format);
    vsnprintf(buf + n, size - n, format, args);
    va_end(args);
}

void report_why(const struct riser *r, enum report_lang lang, char *buf, size_t size)
{
    const struct quality_score *q = &r->quality;
    buf[0] = 0;
    if (q->parts[PART_RATING].evidence)
        add_reason(buf, size, word(lang, W_why_rating), q->parts[PART_RATING].value,
                   (unsigned long long)q->parts[PART_RATING].evidence);
    if (q->parts[PART_EXPERT].evidence)
        add_reason(buf, size, word(lang, W_why_expert), q->parts[PART_EXPERT].value);
    if (q->parts[PART_INTERACTIVITY].evidence && q->parts[PART_INTERACTIVITY].value > .01)
        add_reason(buf, size, word(lang, W_why_interactivity),
                   q->parts[PART_INTERACTIVITY].value * 100);
    if (q->parts[PART_ORIGINALITY].weight > 0)
        add_reason(buf, size, "%s",
                   word(lang, q->parts[PART_ORIGINALITY].value >= 1 ? W_why_original : W_why_copy));
    if (buf[0] == 0)
        add_reason(buf, size, "%s", word(lang, W_why_relevance));
}

static void risers(const struct page *p)
{
    const struct report_data *d = p->d;
    if (d->risers_n == 0)
        return;
    struct bar_row rows[RISERS];
    char labels[RISERS][96], values[RISERS][32], why[256];
    heading(p, W_risers);
    paragraph(p, W_risers_text);
    for (size_t i = 0; i < d->risers_n; i++) {
        const struct riser *r = &d->risers[i];
        snprintf(values[i], sizeof values[i], "%.3f %%", r->heed_share * 100);
        rows[i] = (struct bar_row){target_of(p, r->content, labels[i]), r->heed_share,
                                   r->popularity_share, values[i]};
    }
    figure_begin(p->f, w(p, W_risers));
    bars(p->f, w(p, W_risers), rows, d->risers_n, w(p, W_under_heed), w(p, W_by_popularity));
    figure_table(p->f, w(p, W_numbers));
    heads(p,
          (const enum word[]){W_content, W_share_heed, W_share_popularity, W_score, W_reach, W_why},
          6);
    for (size_t i = 0; i < d->risers_n; i++) {
        const struct riser *r = &d->risers[i];
        report_why(r, p->lang, why, sizeof why);
        row_begin(p->f);
        text_cell(p->f, labels[i]);
        data_cell(p->f, "%.3f %%", r->heed_share * 100);
        data_cell(p->f, "%.3f %%", r->popularity_share * 100);
        data_cell(p->f, "%.3f", r->quality.score);
        data_cell(p->f, "%u", r->reach);
        fputs("<td class=\"w\">", p->f);
        escape(p->f, why);
        fputs("</td>", p->f);
        row_end(p->f);
    }
    figure_end(p->f);
    section_end(p);
}

static double paid_all(const struct epoch_row *e)
{
    return (double)(e->creators_minor + e->users_minor);
}
static double paid_users(const struct epoch_row *e)
{
    return (double)e->users_minor;
}

static void payouts(const struct page *p)
{
    const struct report_data *d = p->d;
    const char *currency = d->w->state.rules.currencies[0].code;
    char a[40], b[40], c[40];
    heading(p, W_payouts);
    int64_t total = 0;
    double most = 1;
    for (size_t i = 0; i < d->epochs_n; i++) {
        total += d->epochs[i].s.paid_minor;
        most = fmax(most, paid_all(&d->epochs[i]));
    }
    if (total == 0) {
        paragraph(p, W_nothing);
        section_end(p);
        return;
    }
    paragraph(p, W_payouts_text, money_words(total, p->scale, a), currency, d->paid[1], d->paid[0],
              money_words(d->quantiles[1][2], p->scale, b),
              money_words(d->quantiles[0][2], p->scale, c));
    struct plot plot;
    figure_begin(p->f, w(p, W_payouts));
    plot_begin(&plot, p->f, w(p, W_payouts), w(p, W_epoch), currency);
    plot_tick_y(&plot, 1, money_words((int64_t)most, p->scale, a));
    plot_tick_y(&plot, 0, "0");
    epoch_bars(p, &plot, paid_all, most, "b");
    epoch_bars(p, &plot, paid_users, most, "a");
    plot_label(&plot, .02, .06, "start", "k halo", w(p, W_to_users));
    plot_label(&plot, .02, .93, "start", "k halo", w(p, W_to_creators));
    epoch_ticks(p, &plot);
    plot_end(&plot);
    figure_table(p->f, w(p, W_numbers));
    heads(p, (const enum word[]){W_epoch, W_pool, W_to_creators, W_to_users, W_left_in_pool}, 5);
    for (size_t i = 0; i < d->epochs_n; i++) {
        const struct epoch_row *e = &d->epochs[i];
        row_begin(p->f);
        data_cell(p->f, "%lld", (long long)e->s.epoch);
        data_cell(p->f, "%s", money_words(e->s.pool_minor, p->scale, a));
        data_cell(p->f, "%s (%zu)", money_words(e->creators_minor, p->scale, b), e->creators);
        data_cell(p->f, "%s (%zu)", money_words(e->users_minor, p->scale, c), e->users);
        data_cell(p->f, "%s", money_words(e->s.pool_minor - e->s.paid_minor, p->scale, a));
        row_end(p->f);
    }
    figure_end(p->f);
    section_end(p);
}

struct stream {
    int from, to; /* boxes */
    int64_t amount;
    enum word what;
};

static void boxes(const struct page *p, const struct stream *streams, size_t n)
{
    static const struct {
        int x, y;
        enum word name;
    } places[] = {{8, 60, W_issued}, {136, 14, W_pool}, {264, 60, W_people}, {392, 60, W_retired}};
    double most = 1;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, (double)streams[i].amount);
    fprintf(p->f, "<svg viewBox=\"0 0 %d 170\" role=\"img\" aria-label=\"", PLOT_W);
    escape(p->f, w(p, W_money));
    fputs("\">\n", p->f);
    for (size_t i = 0; i < n; i++) {
        const struct stream *s = &streams[i];
        double x0 = places[s->from].x + 80, y0 = places[s->from].y + 20;
        double x1 = places[s->to].x, y1 = places[s->to].y + 20, lift = 0;
        if (s->from == s->to) { /* among people: a loop below */
            x0 = places[s->from].x + 66;
            x1 = places[s->from].x + 14;
            y0 = y1 = places[s->from].y + 40;
            lift = 46;
        } else if (s->from == 0 && s->to == 2) {
            lift = 34;
        }
        fprintf(
            p->f,
            "<path class=\"flow\" style=\"stroke-width:%.1f\" d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f "
            "%.1f %.1f\"/>\n",
            1 + 11 * (double)s->amount / most, x0, y0, x0 + (s->from == s->to ? 10 : 24), y0 + lift,
            x1 - (s->from == s->to ? 10 : 24), y1 + lift, x1, y1);
    }
    for (size_t i = 0; i < 4; i++) {
        fprintf(p->f, "<rect class=\"box\" x=\"%d\" y=\"%d\" width=\"80\" height=\"40\" rx=\"6\"/>",
                places[i].x, places[i].y);
        fprintf(p->f, "<text class=\"k\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
                places[i].x + 40, places[i].y + 24);
        escape(p->f, w(p, places[i].name));
        fputs("</text>\n", p->f);
    }
    for (size_t i = 0; i < n; i++) {
        const struct stream *s = &streams[i];
        char amount[40];
        double x = (places[s->from].x + places[s->to].x) / 2.0 + 40;
        double y = s->from == s->to                      ? places[s->from].y + 92
                   : s->from == 0 && s->to == 2          ? 134
                   : s->from == 2                        ? 54
                   : places[s->from].y > places[s->to].y ? 24
                                                         : 34;
        if (s->from == 1)
            x += 6, y = 32;
        if (s->from == 0 && s->to == 1)
            x -= 12;
        fprintf(p->f, "<text class=\"k halo\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x, y);
        escape(p->f, money_words(s->amount, p->scale, amount));
        fputs("</text>\n", p->f);
    }
    fputs("</svg>\n", p->f);
}

static void money(const struct page *p)
{
    const struct report_data *d = p->d;
    const struct flow *m = &d->flow;
    char a[40], b[40], c[40], purchases[32], refunded[32];
    bool holds = m->totals.issued_minor - m->totals.retired_minor == m->totals.supply_minor &&
                 m->totals.sum_minor == 0;
    heading(p, W_money);
    paragraph(p, W_money_text, with_commas(d->purchases, purchases),
              with_commas(d->refunded, refunded), money_words(m->totals.issued_minor, p->scale, a),
              money_words(m->totals.retired_minor, p->scale, b),
              money_words(m->totals.supply_minor, p->scale, c), w(p, holds ? W_holds : W_broken));
    int64_t rewards = m->by_code[CODE_REWARD_CREATOR] + m->by_code[CODE_REWARD_USER];
    const struct stream all[] = {
        {0, 1, m->by_code[CODE_POOL_FILL], W_pool},
        {1, 2, rewards, W_rewards},
        {0, 2, m->by_code[CODE_ISSUE] + m->by_code[CODE_GRANT] + m->by_code[CODE_FEE_REFUND],
         W_issued},
        {2, 2, m->by_code[CODE_SALE] + m->by_code[CODE_TRANSFER], W_sales},
        {2, 3, m->by_code[CODE_FEE] + m->by_code[CODE_RETIRE], W_fees},
    };
    struct stream streams[5];
    size_t n = 0;
    for (size_t i = 0; i < 5; i++)
        if (all[i].amount > 0)
            streams[n++] = all[i];
    if (n == 0) {
        paragraph(p, W_nothing);
        section_end(p);
        return;
    }
    figure_begin(p->f, w(p, W_money));
    boxes(p, streams, n);
    figure_table(p->f, w(p, W_numbers));
    heads(p, (const enum word[]){W_flow, W_amount}, 2);
    static const enum transfer_code codes[] = {
        CODE_ISSUE,       CODE_GRANT,      CODE_POOL_FILL, CODE_REWARD_CREATOR,
        CODE_REWARD_USER, CODE_TRANSFER,   CODE_SALE,      CODE_FEE,
        CODE_REFUND,      CODE_FEE_REFUND, CODE_RETIRE};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (m->by_code[codes[i]] == 0)
            continue;
        row_begin(p->f);
        text_cell(p->f, transfer_code_name(codes[i]));
        data_cell(p->f, "%s", money_words(m->by_code[codes[i]], p->scale, a));
        row_end(p->f);
    }
    row_begin(p->f);
    text_cell(p->f, w(p, W_left_in_pool));
    data_cell(p->f, "%s", money_words(m->pool_balance, p->scale, a));
    row_end(p->f);
    row_begin(p->f);
    text_cell(p->f, w(p, W_supply));
    data_cell(p->f, "%s", money_words(m->totals.supply_minor, p->scale, a));
    row_end(p->f);
    figure_end(p->f);
    section_end(p);
}

static void truth(const struct page *p)
{
    const struct report_truth *t = &p->d->truth;
    if (!t->known)
        return;
    heading(p, W_truth);
    paragraph(p, W_truth_text, t->copies_found, t->copies, t->copies_false, t->quality_skill,
              t->popularity_skill, t->ring_popularity_share * 100, t->ring_quality_share * 100,
              t->ring_payout_share * 100);
    fputs("<div class=\"scroll\"><table>\n", p->f);
    heads(p, (const enum word[]){W_measure, W_value}, 2);
    const struct {
        enum word name;
        double value;
        const char *format;
    } rows[] = {
        {W_t_quality, t->quality_skill, "%.3f"},
        {W_t_popularity, t->popularity_skill, "%.3f"},
        {W_t_ring_popularity, t->ring_popularity_share * 100, "%.2f %%"},
        {W_t_ring_heed, t->ring_quality_share * 100, "%.2f %%"},
        {W_t_ring_payout, t->ring_payout_share * 100, "%.2f %%"},
    };
    row_begin(p->f);
    text_cell(p->f, w(p, W_t_copies));
    data_cell(p->f, "%u / %u", t->copies_found, t->copies);
    row_end(p->f);
    row_begin(p->f);
    text_cell(p->f, w(p, W_t_false));
    data_cell(p->f, "%u", t->copies_false);
    row_end(p->f);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[32];
        snprintf(text, sizeof text, rows[i].format, rows[i].value);
        row_begin(p->f);
        text_cell(p->f, w(p, rows[i].name));
        data_cell(p->f, "%s", text);
        row_end(p->f);
    }
    fputs("</table></div>\n", p->f);
    section_end(p);
}

enum heed_status report_html(const struct report_data *d, enum report_lang lang, FILE *out,
                             struct heed_error *err)
{
    const struct page page = {out, d, lang, d->w->state.rules.currencies[0].scale};
    const struct page *p = &page;
    char users[32], contents[32], goods[32], events[32], hash[65];
    fprintf(out,
            "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" "
            "href=\"data:,\">\n<title>",
            lang == REPORT_ZH ? "zh-CN" : "en");
    escape(out, w(p, W_title));
    fprintf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n<header>\n<h1>",
            report_style);
    escape(out, w(p, W_title));
    fputs("</h1>\n", out);
    paragraph(p, W_lead, with_commas(d->users, users), with_commas(d->contents, contents),
              with_commas(d->goods + d->services, goods), with_commas(d->events, events));
    fputs("</header>\n", out);
    activity(p);
    categories(p);
    quality(p);
    lorenz(p);
    floor_kept(p);
    risers(p);
    payouts(p);
    money(p);
    truth(p);
    fprintf(out,
            "<footer><p>%s <code>%s</code> · heed %s</p></footer>\n</main>\n</body>\n</html>\n",
            w(p, W_hash), sha256_hex(d->hash, hash), HEED_VERSION);
    if (ferror(out))
        return error_set(err, HEED_STORAGE, "report", "it cannot be written; is the disk full?");
    return HEED_OK;
}
