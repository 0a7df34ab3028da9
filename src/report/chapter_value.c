/* Stages 4 and 5: what attention was paid, and how money went from faucets to sinks. */
#include "report/page.h"
#include "report/sankey.h"

#include <math.h>

/* ── 4 consumption ── */

static void payouts_by_epoch(const struct page *p, const struct currency *currency)
{
    const struct report_data *d = p->d;
    char a[40], b[40], c[40], k[40], text[32];
    double unit = pow(10, currency->scale), most = 0, step, n = (double)d->epochs_n;
    for (size_t i = 0; i < d->epochs_n; i++)
        most = fmax(most, (double)d->epochs[i].s.paid_minor / unit);
    double top = nice_top(most, &step);
    struct plot plot;
    figure_begin(p, W_payouts, false);
    plot_begin(&plot, p->f, w(p, W_payouts), w(p, W_epochs), currency->code);
    plot_ticks_y(&plot, top, step, false);
    for (size_t i = 0; i < d->epochs_n; i++) {
        const struct epoch_row *e = &d->epochs[i];
        double users = (double)e->users_minor / unit / top;
        double all = users + (double)e->creators_minor / unit / top;
        double x0 = ((double)i + .12) / n, x1 = ((double)i + .88) / n;
        plot_bar(&plot, x0, x1, 0, users, "a", NULL);
        plot_bar(&plot, x0, x1, users, all, "b", NULL);
    }
    plot_keys(&plot,
              (const struct key[]){{"key b", w(p, W_to_creators)}, {"key a", w(p, W_to_users)}}, 2);
    epoch_ticks(p, &plot);
    plot_end(&plot);
    if (d->epochs_n > TABLE_ROWS)
        paragraph(p, "note", W_first_rows, (size_t)TABLE_ROWS, d->epochs_n);
    figure_table(p,
                 (const struct column[]){{W_epoch, false},
                                         {W_pool, true},
                                         {W_to_creators, true},
                                         {W_to_users, true},
                                         {W_kept_in_pool, true}},
                 5);
    for (size_t i = 0; i < d->epochs_n && i < TABLE_ROWS; i++) {
        const struct epoch_row *e = &d->epochs[i];
        row_begin(p->f);
        text_cell(p->f, epoch_text(p, e->s.epoch, text));
        data_cell(p->f, "%s", money_words(e->s.pool_minor, currency->scale, a));
        data_cell(p->f, "%s (%zu)", money_words(e->creators_minor, currency->scale, b),
                  e->creators);
        data_cell(p->f, "%s (%zu)", money_words(e->users_minor, currency->scale, c), e->users);
        data_cell(p->f, "%s", money_words(e->s.pool_minor - e->s.paid_minor, currency->scale, k));
        row_end(p->f);
    }
    figure_end(p);
}

/* Whiskers from least to most, a box for the middle half, a bar at the median, on a log scale.   */
static void payouts_spread(const struct page *p, const struct currency *currency)
{
    enum { HEIGHT = 196, X0 = 20, X1 = DRAW_W - 26, ROW = 72 };
    const struct report_data *d = p->d;
    double low = 1e300, high = 0;
    for (int side = 0; side < 2; side++)
        if (d->paid[side] > 0) {
            low = fmin(low, (double)d->quantiles[side][0]);
            high = fmax(high, (double)d->quantiles[side][4]);
        }
    int first = (int)floor(log10(low)), last = (int)ceil(log10(high));
    last += last == first;
    char text[40], label[96];
    figure_begin(p, W_spread, false);
    svg_begin(p->f, w(p, W_spread), HEIGHT);
    for (int i = first; i <= last; i++) {
        double x = X0 + (X1 - X0) * (double)(i - first) / (last - first);
        fprintf(p->f, "<path class=\"grid\" d=\"M%.1f 26V164\"/>", x);
        if ((last - i) % ((last - first) / 6 + 1) == 0)
            svg_text(p->f, x, 182, "middle", "k", "%s",
                     tick_text(pow(10, i - currency->scale), text));
    }
    for (int row = 0; row < 2; row++) {
        int side = 1 - row; /* creators above users */
        double at[5], y = 52 + row * ROW;
        if (d->paid[side] == 0)
            continue;
        for (int q = 0; q < 5; q++)
            at[q] =
                X0 + (X1 - X0) * (log10((double)d->quantiles[side][q]) - first) / (last - first);
        snprintf(label, sizeof label, w(p, W_median_is), w(p, side ? W_to_creators : W_to_users),
                 money_words(d->quantiles[side][2], currency->scale, text));
        svg_text(p->f, X0, y - 20, "start", "k halo", "%s", label);
        fprintf(p->f, "<path class=\"line ink\" d=\"M%.1f %.1fH%.1f\"/>", at[0], y, at[4]);
        fprintf(p->f,
                "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"18\"/>"
                "<path class=\"line median\" d=\"M%.1f %.1fv26\"/>\n",
                side ? "b solid" : "a", at[1], y - 9, fmax(at[3] - at[1], 1), at[2], y - 13);
    }
    svg_end(p->f);
    paragraph(p, "note", W_spread_text);
    figure_table(p,
                 (const struct column[]){{W_measure, false},
                                         {W_people_paid, true},
                                         {W_least, true},
                                         {W_quarter, true},
                                         {W_median, true},
                                         {W_three_quarters, true},
                                         {W_most, true}},
                 7);
    for (int side = 1; side >= 0; side--) {
        row_begin(p->f);
        text_cell(p->f, w(p, side ? W_to_creators : W_to_users));
        data_cell(p->f, "%s", with_commas(d->paid[side], text));
        for (int q = 0; q < 5; q++)
            data_cell(p->f, "%s", money_words(d->quantiles[side][q], currency->scale, text));
        row_end(p->f);
    }
    figure_end(p);
}

void chapter_consumption(const struct page *p)
{
    const struct report_data *d = p->d;
    const struct rules *r = &d->w->state.rules;
    const struct currency *currency = &r->currencies[r->consumption.currency];
    char a[40], b[40], c[40], creators[32], users[32];
    chapter_begin(p, W_consumption);
    if (d->paid_minor == 0) {
        paragraph(p, "lead", W_consumption_none);
        chapter_end(p);
        return;
    }
    if (d->paid[0] == 0 && d->unknown > 0)
        paragraph(p, "lead", W_consumption_creators, money_words(d->paid_minor, currency->scale, a),
                  currency->code, with_commas(d->paid[1], creators),
                  money_words(d->quantiles[1][2], currency->scale, b));
    else
        paragraph(p, "lead", W_consumption_text, money_words(d->paid_minor, currency->scale, a),
                  currency->code, with_commas(d->paid[1], creators),
                  money_words(d->quantiles[1][2], currency->scale, b),
                  with_commas(d->paid[0], users),
                  money_words(d->quantiles[0][2], currency->scale, c));
    figures_begin(p);
    payouts_by_epoch(p, currency);
    payouts_spread(p, currency);
    figures_end(p);
    chapter_end(p);
}

/* ── 5 circulation ── */

static void flow(const struct page *p, int scale)
{
    static const enum word places[PLACES] = {W_issued, W_pool, W_people, W_shop, W_retired};
    static const enum word purposes[CODE_COUNT] = {[CODE_TRANSFER] = W_c_transfer,
                                                   [CODE_ISSUE] = W_c_issue,
                                                   [CODE_RETIRE] = W_c_retire,
                                                   [CODE_POOL_FILL] = W_c_pool_fill,
                                                   [CODE_REWARD_USER] = W_c_reward_user,
                                                   [CODE_REWARD_CREATOR] = W_c_reward_creator,
                                                   [CODE_SALE] = W_c_sale,
                                                   [CODE_FEE] = W_c_fee,
                                                   [CODE_REFUND] = W_c_refund,
                                                   [CODE_FEE_REFUND] = W_c_fee_refund,
                                                   [CODE_GRANT] = W_c_grant,
                                                   [CODE_CORRECTION] = W_c_correction,
                                                   [CODE_ROYALTY] = W_c_royalty,
                                                   [CODE_ESCROW] = W_c_escrow,
                                                   [CODE_STOCK] = W_c_stock,
                                                   [CODE_ORDER] = W_c_order,
                                                   [CODE_TRADE] = W_c_trade,
                                                   [CODE_BID] = W_c_bid,
                                                   [CODE_AUCTION] = W_c_auction};
    const struct report_data *d = p->d;
    char a[40];
    figure_begin(p, W_flow, false);
    sankey(p);
    figure_table(
        p, (const struct column[]){{W_flow_from, false}, {W_flow_to, false}, {W_amount, true}}, 3);
    for (int from = 0; from < PLACES; from++)
        for (int to = 0; to < PLACES; to++) {
            if (d->flow[from][to] == 0)
                continue;
            row_begin(p->f);
            text_cell(p->f, w(p, places[from]));
            text_cell(p->f, w(p, places[to]));
            data_cell(p->f, "%s", money_words(d->flow[from][to], scale, a));
            row_end(p->f);
        }
    table_end(p);
    table_begin(p, (const struct column[]){{W_purpose, false}, {W_amount, true}}, 2);
    for (int code = 0; code < CODE_COUNT; code++) {
        if (d->by_code[code] == 0)
            continue;
        row_begin(p->f);
        text_cell(p->f, w(p, purposes[code]));
        data_cell(p->f, "%s", money_words(d->by_code[code], scale, a));
        row_end(p->f);
    }
    figure_end(p);
}

static void identity_row(const struct page *p, enum word name, const char *sign, int64_t minor,
                         int scale, bool sum)
{
    char a[40];
    fprintf(p->f, "<tr%s><th scope=\"row\">%s", sum ? " class=\"sum\"" : "", sign);
    escape(p->f, w(p, name));
    fputs("</th>", p->f);
    data_cell(p->f, "%s", money_words(minor, scale, a));
    row_end(p->f);
}

/* issued - retired = supply = people + pool + shop, in numbers, for each currency in use.        */
static void identity(const struct page *p)
{
    const struct report_data *d = p->d;
    figure_begin(p, W_identity, false);
    for (size_t i = 0; i < d->w->state.rules.currencies_n; i++) {
        const struct money_row *m = &d->money[i];
        const struct currency *c = &d->w->state.rules.currencies[i];
        char a[40], b[40], s[40];
        if (m->transfers == 0)
            continue;
        int64_t held = m->held[PLACE_PEOPLE] + m->held[PLACE_POOL] + m->held[PLACE_SHOP];
        fputs("<p class=\"identity\">", p->f);
        fprintf(p->f, "%s − %s %s <b>%s</b> ", money_words(m->issued, c->scale, a),
                money_words(m->retired, c->scale, b), m->issued - m->retired == held ? "=" : "≠",
                money_words(held, c->scale, s));
        escape(p->f, c->code);
        fprintf(p->f, " <span class=\"%s\">%s ", m->holds ? "good" : "bad", m->holds ? "✓" : "✕");
        escape(p->f, w(p, m->holds ? W_holds : W_broken));
        fputs("</span></p>\n", p->f);
        table_begin(p, NULL, 0);
        identity_row(p, W_issued, "", m->issued, c->scale, false);
        identity_row(p, W_retired, "− ", m->retired, c->scale, false);
        identity_row(p, W_supply, "= ", m->issued - m->retired, c->scale, true);
        identity_row(p, W_held_people, "", m->held[PLACE_PEOPLE], c->scale, false);
        identity_row(p, W_held_pool, "+ ", m->held[PLACE_POOL], c->scale, false);
        identity_row(p, W_held_shop, "+ ", m->held[PLACE_SHOP], c->scale, false);
        identity_row(p, W_supply, "= ", held, c->scale, true);
        table_end(p);
    }
    paragraph(p, "note", W_identity_text);
    fputs("</figure>\n", p->f);
}

void chapter_circulation(const struct page *p)
{
    const struct report_data *d = p->d;
    const struct currency *currency = &d->w->state.rules.currencies[d->currency];
    char a[32], b[32], c[40];
    chapter_begin(p, W_circulation);
    if (d->money[d->currency].transfers == 0) {
        paragraph(p, "lead", W_circulation_none);
        chapter_end(p);
        return;
    }
    paragraph(p, "lead", W_circulation_text, with_commas(d->purchases, a),
              with_commas(d->refunded, b),
              money_words(d->flow[PLACE_PEOPLE][PLACE_PEOPLE], currency->scale, c), currency->code);
    figures_begin(p);
    flow(p, currency->scale);
    identity(p);
    figures_end(p);
    if (d->market.markets_n == 0)
        paragraph(p, "note", W_exchange_none);
    if (d->market.lots_n == 0)
        paragraph(p, "note", W_auctions_none);
    chapter_end(p);
}
