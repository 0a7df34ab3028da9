/* The report as one HTML file: its shell, its key figures, and the truth where it is known. The
 * chapters follow the five stages. */
#include "base/time.h"
#include "report/page.h"
#include "report/style.h"

#include <stdarg.h>

const char *w(const struct page *p, enum word x)
{
    return word(p->lang, x);
}

void chapter_begin(const struct page *p, enum word heading)
{
    fputs("<section>\n<h2>", p->f);
    escape(p->f, w(p, heading));
    fputs("</h2>\n", p->f);
}

void chapter_end(const struct page *p)
{
    fputs("</section>\n", p->f);
}

void paragraph(const struct page *p, const char *class, enum word x, ...)
{
    char text[1024];
    va_list args;
    va_start(args, x);
    vsnprintf(text, sizeof text, w(p, x), args);
    va_end(args);
    paragraph_text(p, class, text);
}

void paragraph_text(const struct page *p, const char *class, const char *text)
{
    fprintf(p->f, "<p class=\"%s\">", class);
    escape(p->f, text);
    fputs("</p>\n", p->f);
}

void figures_begin(const struct page *p)
{
    fputs("<div class=\"figures\">\n", p->f);
}

void figures_end(const struct page *p)
{
    fputs("</div>\n", p->f);
}

void figure_begin(const struct page *p, enum word caption, bool wide)
{
    figure_begin_text(p, w(p, caption), wide);
}

void figure_begin_text(const struct page *p, const char *caption, bool wide)
{
    fprintf(p->f, "<figure%s>\n<figcaption>", wide ? " class=\"wide\"" : "");
    escape(p->f, caption);
    fputs("</figcaption>\n", p->f);
}

void table_begin(const struct page *p, const struct column *columns, size_t n)
{
    fputs("<div class=\"scroll\" tabindex=\"0\"><table>\n", p->f);
    if (n > 0) {
        fputs("<thead>", p->f);
        row_begin(p->f);
        for (size_t i = 0; i < n; i++)
            head_cell(p->f, w(p, columns[i].name), columns[i].number);
        row_end(p->f);
        fputs("</thead>\n", p->f);
    }
    fputs("<tbody>\n", p->f);
}

void table_end(const struct page *p)
{
    fputs("</tbody></table></div>\n", p->f);
}

void figure_table(const struct page *p, const struct column *columns, size_t n)
{
    fputs("<details><summary>", p->f);
    escape(p->f, w(p, W_numbers));
    fputs("</summary>\n", p->f);
    table_begin(p, columns, n);
}

void figure_end(const struct page *p)
{
    table_end(p);
    fputs("</details>\n</figure>\n", p->f);
}

void name_cell(const struct page *p, const struct named *n)
{
    fputs("<td>", p->f);
    if (n->title[0]) {
        fputs("<bdi>", p->f);
        escape(p->f, n->title);
        fputs("</bdi><br>", p->f);
    }
    fputs("<code>", p->f);
    escape(p->f, n->id);
    fputs("</code></td>", p->f);
}

const char *day_text(int64_t day, char buf[32])
{
    time_to_text(day * DAY_MS, buf);
    buf[10] = 0;
    return buf;
}

const char *epoch_text(const struct page *p, int64_t epoch, char buf[32])
{
    int64_t epoch_ms = p->d->w->state.rules.consumption.epoch_ms;
    if (epoch < 0 || epoch > TIME_MAX_MS / epoch_ms) {
        snprintf(buf, 32, "%lld", (long long)epoch);
        return buf;
    }
    time_to_text(epoch * epoch_ms, buf);
    buf[epoch_ms % DAY_MS == 0 ? 10 : 16] = 0;
    return buf;
}

void epoch_ticks(const struct page *p, struct plot *plot)
{
    const struct report_data *d = p->d;
    char text[32];
    size_t n = d->epochs_n, at[3] = {0, n / 2, n - 1};
    for (size_t i = n < 3 ? 3 - n : 0; i < 3; i++)
        plot_tick_x(plot, ((double)at[i] + .5) / (double)n,
                    epoch_text(p, d->epochs[at[i]].s.epoch, text));
}

/* ── key figures ── */

static void tile(const struct page *p, enum word name, const char *value, const char *note)
{
    fputs("<div><dt>", p->f);
    escape(p->f, w(p, name));
    fputs("</dt><dd><b>", p->f);
    escape(p->f, value);
    fputs("</b><span>", p->f);
    escape(p->f, note);
    fputs("</span></dd></div>\n", p->f);
}

static void tiles(const struct page *p)
{
    const struct report_data *d = p->d;
    const struct rules *r = &d->w->state.rules;
    const struct money_row *m = &d->money[d->currency];
    const struct currency *paid = &r->currencies[r->consumption.currency];
    char value[96], note[160];
    fputs("<dl class=\"tiles\" aria-label=\"", p->f);
    escape(p->f, w(p, W_key_figures));
    fputs("\">\n", p->f);
    if (d->heed.any && d->popularity.any) {
        snprintf(value, sizeof value, "%.3f → %.3f", d->popularity.gini, d->heed.gini);
        tile(p, W_k_gini, value, w(p, W_k_gini_note));
        snprintf(value, sizeof value, "%zu / %zu", d->floors_kept, d->fed);
        tile(p, W_k_floor, value, w(p, W_k_floor_note));
    }
    tile(p, W_k_copies, with_commas(d->copies, value), w(p, W_k_copies_note));
    if (d->paid_minor > 0) {
        snprintf(note, sizeof note, w(p, W_k_paid_note), paid->code);
        tile(p, W_k_paid, money_words(d->paid_minor, paid->scale, value), note);
    }
    if (d->purchases > 0)
        tile(p, W_k_bought, with_commas(d->purchases, value), w(p, W_k_bought_note));
    if (m->transfers > 0)
        tile(p, W_k_identity,
             money_words(m->issued - m->retired, r->currencies[d->currency].scale, value),
             w(p, m->holds ? W_k_identity_note : W_k_identity_bad));
    fputs("</dl>\n", p->f);
}

/* ── the truth ── */

static void truth_row(const struct page *p, enum word name, const char *popularity,
                      const char *heed)
{
    row_begin(p->f);
    text_cell(p->f, w(p, name));
    data_cell(p->f, "%s", popularity);
    data_cell(p->f, "%s", heed);
    row_end(p->f);
}

static void truth(const struct page *p)
{
    const struct report_truth *t = &p->d->truth;
    char a[48], b[48];
    if (!t->known)
        return;
    chapter_begin(p, W_truth);
    paragraph(p, "lead", W_truth_text);
    table_begin(
        p, (const struct column[]){{W_measure, false}, {W_by_popularity, true}, {W_by_heed, true}},
        3);
    snprintf(a, sizeof a, "%.3f", t->popularity_skill);
    snprintf(b, sizeof b, "%.3f", t->quality_skill);
    truth_row(p, W_m_skill, a, b);
    truth_row(p, W_m_ring, share_text(t->ring_popularity_share, a),
              share_text(t->ring_heed_share, b));
    truth_row(p, W_m_ring_paid, "–", share_text(t->ring_payout_share, b));
    snprintf(b, sizeof b, w(p, W_of), t->copies_found, t->copies);
    truth_row(p, W_m_copies, "–", b);
    snprintf(b, sizeof b, "%u", t->copies_false);
    truth_row(p, W_m_false, "–", b);
    table_end(p);
    chapter_end(p);
}

enum heed_status report_html(const struct report_data *d, enum report_lang lang, FILE *out,
                             struct heed_error *err)
{
    const struct page page = {out, d, lang};
    const struct page *p = &page;
    char users[32], contents[32], goods[32], events[32], hash[65];
    fprintf(out,
            "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" "
            "href=\"data:,\">\n<title>",
            lang == REPORT_ZH ? "zh-CN" : "en");
    escape(out, w(p, W_title));
    fputs("</title>\n<style>", out);
    for (size_t i = 0; report_style[i]; i++)
        fputs(report_style[i], out);
    fputs("</style>\n</head>\n<body>\n<main>\n<header>\n", out);
    paragraph(p, "eyebrow", W_eyebrow);
    fputs("<h1>", out);
    escape(out, w(p, W_headline));
    fputs("</h1>\n", out);
    paragraph(p, "lead", W_lead, with_commas(d->users, users), with_commas(d->contents, contents),
              with_commas(d->goods + d->services, goods), with_commas(d->events, events));
    tiles(p);
    fputs("</header>\n", out);
    chapter_behaviour(p);
    chapter_quality(p);
    chapter_allocation(p);
    chapter_consumption(p);
    chapter_circulation(p);
    chapter_exchange(p);
    chapter_auctions(p);
    chapter_fees(p);
    truth(p);
    fprintf(out, "<footer><p>%s <code>%s</code><br>heed %s</p></footer>\n", w(p, W_world),
            sha256_hex(d->hash, hash), HEED_VERSION);
    fputs("</main>\n</body>\n</html>\n", out);
    if (ferror(out))
        return error_set(err, HEED_STORAGE, "report", "it cannot be written; is the disk full?");
    return HEED_OK;
}
