/* Stage 5 in its parts: the exchange and auctions. */
#include "base/time.h"
#include "report/page.h"

#include <math.h>

enum { LEVEL_ROWS = 20, MARKET_ROWS = 20, LOT_ROWS = 20 };

static const char *called(const struct named *n)
{
    return n->title[0] ? n->title : n->id;
}

static const struct currency *currency_of(const struct page *p, uint16_t currency)
{
    return &p->d->w->state.rules.currencies[currency];
}

static const struct venue *venue_of(const struct page *p, const struct market_row *m)
{
    return &p->d->w->state.venues.list[m->venue];
}

static const char *price_text(int64_t minor, int scale, char buf[40])
{
    if (minor)
        return money_words(minor, scale, buf);
    snprintf(buf, 40, "–");
    return buf;
}

static const char *vwap_text(const struct market_row *m, int scale, char buf[40])
{
    if (m->trades == 0)
        return price_text(0, scale, buf);
    return scale < 9 ? money_words((m->vwap_ppt + 50) / 100, scale + 1, buf)
                     : money_words((m->vwap_ppt + 500) / 1000, scale, buf);
}

/* ── the book ── */

static void book_note(const struct page *p, const struct market_row *m, int scale)
{
    char a[40], b[40], c[40], s[32];
    if (m->bid && m->ask && m->ask >= m->bid)
        paragraph(p, "note", W_spread_is, money_words(m->bid, scale, a),
                  money_words(m->ask, scale, b), money_words(m->ask - m->bid, scale, c),
                  share_text(2 * (double)(m->ask - m->bid) / (double)(m->ask + m->bid), s));
    else if (m->bid && m->ask)
        paragraph(p, "note", W_book_crossed, money_words(m->bid, scale, a),
                  money_words(m->ask, scale, b));
    else
        paragraph(p, "note",
                  m->bid   ? W_bid_alone
                  : m->ask ? W_ask_alone
                           : W_book_empty,
                  price_text(m->bid   ? m->bid
                             : m->ask ? m->ask
                                      : m->last,
                             scale, a));
    if (m->bids.n + m->asks.n > 0)
        paragraph(p, "note", W_book_as_of, time_to_text(m->now_ms, s));
    if (m->bids.beyond + m->asks.beyond > 0)
        paragraph(p, "note", W_book_beyond, with_commas((uint64_t)m->bids.beyond, a),
                  with_commas((uint64_t)m->asks.beyond, b));
}

struct range {
    double low, high; /* of prices */
    double top;       /* of sums */
};

/* A staircase from the best price outwards to the edge of the drawing. */
static void stairs(struct plot *plot, const struct depth *d, const struct range *r, bool bids)
{
    double x[2 * STEPS_MAX + 2], y[2 * STEPS_MAX + 2], before = 0;
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        double at = ((double)d->price[i] - r->low) / (r->high - r->low);
        x[n] = at;
        y[n++] = before;
        x[n] = at;
        y[n++] = before = (double)d->sum[i] / r->top;
    }
    if (n == 0)
        return;
    x[n] = bids ? 0 : 1;
    y[n++] = before;
    plot_line(plot, x, y, n, bids ? "first" : "second");
}

static struct range range_of(const struct market_row *m)
{
    const struct depth *sides[2] = {&m->bids, &m->asks};
    struct range r = {1e300, 0, 1};
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < sides[i]->n; k++) {
            r.low = fmin(r.low, (double)sides[i]->price[k]);
            r.high = fmax(r.high, (double)sides[i]->price[k]);
            r.top = fmax(r.top, (double)sides[i]->sum[k]);
        }
    double room = fmax((r.high - r.low) * .08, r.high * .02);
    r.low = fmax(r.low - room, 0);
    r.high += room;
    return r;
}

static void levels(const struct page *p, const struct depth *d, enum word side, int scale)
{
    char text[40];
    for (size_t i = 0; i < d->n && i < LEVEL_ROWS; i++) {
        row_begin(p->f);
        text_cell(p->f, w(p, side));
        data_cell(p->f, "%s", money_words(d->price[i], scale, text));
        data_cell(p->f, "%s", with_commas((uint64_t)(d->sum[i] - (i ? d->sum[i - 1] : 0)), text));
        data_cell(p->f, "%s", with_commas((uint64_t)d->sum[i], text));
        row_end(p->f);
    }
}

static void book(const struct page *p, const struct market_row *m)
{
    const struct currency *c = currency_of(p, venue_of(p, m)->currency);
    char caption[256], title[64];
    if (m->trades == 0 && m->bids.n + m->asks.n == 0)
        return;
    snprintf(caption, sizeof caption, w(p, W_book_of), called(&m->name));
    figure_begin_text(p, caption, false);
    if (m->bids.n + m->asks.n == 0) {
        book_note(p, m, c->scale);
        fputs("</figure>\n", p->f);
        return;
    }
    struct range r = range_of(m);
    double step, unit = pow(10, c->scale);
    struct plot plot;
    r.top = nice_top(r.top, &step);
    if (step < 1) {
        r.top = ceil(r.top);
        step = 1;
    }
    snprintf(title, sizeof title, w(p, W_price_in), c->code);
    plot_begin(&plot, p->f, caption, title, w(p, W_pieces_summed));
    plot_ticks_y(&plot, r.top, step, false);
    plot_scale_x(&plot, r.low / unit, r.high / unit);
    stairs(&plot, &m->bids, &r, true);
    stairs(&plot, &m->asks, &r, false);
    plot_keys(&plot, (const struct key[]){{"first", w(p, W_bids)}, {"second", w(p, W_asks)}}, 2);
    plot_end(&plot);
    book_note(p, m, c->scale);
    size_t rows = m->bids.n + m->asks.n, shown = (size_t)fmin((double)m->bids.n, LEVEL_ROWS) +
                                                 (size_t)fmin((double)m->asks.n, LEVEL_ROWS);
    figure_table(p,
                 (const struct column[]){
                     {W_side, false}, {W_price, true}, {W_pieces, true}, {W_pieces_summed, true}},
                 4);
    levels(p, &m->bids, W_bids, c->scale);
    levels(p, &m->asks, W_asks, c->scale);
    table_end(p);
    if (shown < rows)
        paragraph(p, "note", W_left_out, rows - shown);
    fputs("</details>\n</figure>\n", p->f);
}

/* ── prices ── */

static const char *span_text(const struct page *p, int64_t each_ms, char buf[40])
{
    int64_t minutes = each_ms / 60000;
    enum word x = minutes < 60 ? W_span_minutes : minutes < 1440 ? W_span_hours : W_span_days;
    snprintf(buf, 40, w(p, x),
             (long long)(minutes < 60     ? minutes
                         : minutes < 1440 ? minutes / 60
                                          : minutes / 1440));
    return buf;
}

/* "2026-03-01", or "03-01 12:00" of spans shorter than a day. */
static const char *moment_text(int64_t ms, int64_t each_ms, char buf[32])
{
    char text[32];
    time_to_text(ms, text);
    text[each_ms % DAY_MS == 0 ? 10 : 16] = 0;
    text[10] = text[10] ? ' ' : 0;
    snprintf(buf, 32, "%s", each_ms % DAY_MS == 0 ? text : text + 5);
    return buf;
}

static void candle(struct plot *plot, const struct data_bar *b, const double x[3], double low,
                   double scale)
{
    double y[4] = {(double)b->low, (double)b->high, fmin((double)b->open, (double)b->close),
                   fmax((double)b->open, (double)b->close)};
    for (int i = 0; i < 4; i++)
        y[i] = .32 + .68 * (y[i] - low) / scale;
    const double at[2] = {x[1], x[1]};
    plot_line(plot, at, y, 2, "ink");
    if (y[3] - y[2] < .012) { /* a price that did not move is a stroke */
        y[2] -= .006;
        y[3] = y[2] + .012;
    }
    plot_bar(plot, x[0], x[2], y[2], y[3], b->close < b->open ? "b" : "a", NULL);
}

static void draw_candles(const struct page *p, const struct market_row *m, const char *caption)
{
    const struct currency *c = currency_of(p, venue_of(p, m)->currency);
    const struct data_bars *s = &m->candles;
    double low = 1e300, high = 0, most = 1, unit = pow(10, c->scale), step;
    char title[64], text[32];
    for (size_t i = 0; i < s->n; i++) {
        low = fmin(low, (double)s->bars[i].low);
        high = fmax(high, (double)s->bars[i].high);
        most = fmax(most, (double)s->bars[i].volume);
    }
    double room = fmax((high - low) * .06, high * .01);
    low = fmax(low - room, 0);
    high += room;
    int64_t first = s->bars[0].begin_ms;
    int64_t spans = (s->bars[s->n - 1].begin_ms - first) / s->each_ms + 1;
    double slots = fmax((double)spans, 8), top = nice_top(most, &step);
    struct plot plot;
    snprintf(title, sizeof title, w(p, W_price_in), c->code);
    plot_begin(&plot, p->f, caption, w(p, W_time_utc), title);
    plot_scale_y(&plot, low / unit, high / unit, .32, 1);
    plot_label(&plot, -.015, .18, "end", "k", tick_text(top, text));
    plot_label(&plot, .005, .235, "start", "t halo", w(p, W_pieces));
    for (size_t i = 0; i < s->n; i++) {
        double at = (double)((s->bars[i].begin_ms - first) / s->each_ms);
        const double x[3] = {(at + .15) / slots, (at + .5) / slots, (at + .85) / slots};
        candle(&plot, &s->bars[i], x, low, high - low);
        plot_bar(&plot, x[0], x[2], 0, .2 * (double)s->bars[i].volume / top, "stem", NULL);
    }
    for (int64_t i = spans > 2 ? 0 : 2; i < 3; i++) {
        int64_t at = i * (spans - 1) / 2;
        plot_tick_x(&plot, ((double)at + .5) / slots,
                    moment_text(first + at * s->each_ms, s->each_ms, text));
    }
    plot_keys(&plot, (const struct key[]){{"key a", w(p, W_rose)}, {"key b", w(p, W_fell)}}, 2);
    plot_end(&plot);
}

static void candles(const struct page *p, const struct market_row *m)
{
    int scale = currency_of(p, venue_of(p, m)->currency)->scale;
    const struct data_bars *s = &m->candles;
    char caption[256], a[40], b[40], c[40];
    if (s->n == 0)
        return;
    snprintf(caption, sizeof caption, w(p, W_candles_of), called(&m->name),
             span_text(p, s->each_ms, a));
    figure_begin_text(p, caption, false);
    draw_candles(p, m, caption);
    paragraph(p, "note", W_candles_text, vwap_text(m, scale, a),
              with_commas((uint64_t)m->volume, b), with_commas(m->trades, c));
    figure_table(p,
                 (const struct column[]){{W_time_utc, false},
                                         {W_open_price, true},
                                         {W_high_price, true},
                                         {W_low_price, true},
                                         {W_close_price, true},
                                         {W_pieces, true},
                                         {W_trades, true}},
                 7);
    for (size_t i = 0; i < s->n; i++) {
        const struct data_bar *x = &s->bars[i];
        row_begin(p->f);
        text_cell(p->f, moment_text(x->begin_ms, s->each_ms, a));
        data_cell(p->f, "%s", money_words(x->open, scale, a));
        data_cell(p->f, "%s", money_words(x->high, scale, a));
        data_cell(p->f, "%s", money_words(x->low, scale, a));
        data_cell(p->f, "%s", money_words(x->close, scale, a));
        data_cell(p->f, "%s", with_commas((uint64_t)x->volume, a));
        data_cell(p->f, "%s", with_commas(x->trades, a));
        row_end(p->f);
    }
    figure_end(p);
}

static void all_markets(const struct page *p)
{
    const struct market_data *x = &p->d->market;
    char a[40];
    figure_begin(p, W_all_markets, true);
    table_begin(p,
                (const struct column[]){{W_good, false},
                                        {W_currency, false},
                                        {W_bid, true},
                                        {W_ask, true},
                                        {W_spread_name, true},
                                        {W_last_price, true},
                                        {W_vwap, true},
                                        {W_pieces, true},
                                        {W_trades, true},
                                        {W_open_orders, true},
                                        {W_fees, true}},
                11);
    for (size_t i = 0; i < x->markets_n && i < MARKET_ROWS; i++) {
        const struct market_row *m = &x->markets[i];
        const struct currency *c = currency_of(p, venue_of(p, m)->currency);
        bool both = m->bid && m->ask;
        row_begin(p->f);
        name_cell(p, &m->name);
        text_cell(p->f, c->code);
        data_cell(p->f, "%s", price_text(m->bid, c->scale, a));
        data_cell(p->f, "%s", price_text(m->ask, c->scale, a));
        data_cell(p->f, "%s", both ? money_words(m->ask - m->bid, c->scale, a) : "–");
        data_cell(p->f, "%s", price_text(m->last, c->scale, a));
        data_cell(p->f, "%s", vwap_text(m, c->scale, a));
        data_cell(p->f, "%s", with_commas((uint64_t)m->volume, a));
        data_cell(p->f, "%s", with_commas(m->trades, a));
        data_cell(p->f, "%s", with_commas(m->orders, a));
        data_cell(p->f, "%s", money_words(m->fees_minor, c->scale, a));
        row_end(p->f);
    }
    table_end(p);
    if (x->markets_n > MARKET_ROWS)
        paragraph(p, "note", W_left_out, x->markets_n - MARKET_ROWS);
    fputs("</figure>\n", p->f);
}

void chapter_exchange(const struct page *p)
{
    const struct market_data *x = &p->d->market;
    uint64_t trades = 0, traded = 0;
    char a[32], b[32], c[32];
    if (x->markets_n == 0)
        return;
    for (size_t i = 0; i < x->markets_n; i++) {
        trades += x->markets[i].trades;
        traded += x->markets[i].trades > 0;
    }
    chapter_begin(p, W_exchange);
    paragraph(p, "lead", W_exchange_text, with_commas(trades, a), with_commas(traded, b),
              with_commas(x->markets_n, c));
    if (x->markets_n > MARKETS_DRAWN)
        paragraph(p, "lead", W_exchange_drawn, (size_t)MARKETS_DRAWN, x->markets_n - MARKETS_DRAWN);
    figures_begin(p);
    for (size_t i = 0; i < x->markets_n && i < MARKETS_DRAWN; i++) {
        candles(p, &x->markets[i]);
        book(p, &x->markets[i]);
    }
    all_markets(p);
    figures_end(p);
    chapter_end(p);
}

/* ── auctions ── */

static const enum word kinds[AUCTION_FORMS] = {W_a_english, W_a_dutch,   W_a_first,
                                               W_a_vickrey, W_a_uniform, W_a_pay_as_bid};

static const struct lot *lot_of(const struct page *p, const struct lot_row *r)
{
    return &p->d->w->state.auctions.lots[r->lot];
}

/* The bids of one auction along a line, in shares of what was paid for a piece. */
static void bids_of(const struct page *p, const struct lot_row *r, double y, double x0, double half)
{
    const struct auction *a = &lot_of(p, r)->auction;
    double paid = (double)r->revenue_minor / (double)r->won_units;
    double reserve = (double)a->terms.reserve_minor / paid;
    bool beyond = false;
    fprintf(p->f, "<path class=\"grid\" d=\"M%.1f %.1fh%.1f\"/>", x0, y, 2 * half);
    if (reserve > 0 && reserve <= 2)
        fprintf(p->f, "<path class=\"line ink\" d=\"M%.1f %.1fv14\"/>", x0 + reserve * half, y - 7);
    for (size_t i = 0; i < a->bids_n; i++) {
        const struct auction_bid *b = &a->bids[i];
        double share = (double)b->price_minor / paid;
        if (b->retracted || b->price_minor == 0 ||
            (a->terms.form == AUCTION_ENGLISH && b->won_units > 0))
            continue;
        beyond = beyond || share > 2;
        if (share <= 2)
            fprintf(p->f, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n",
                    b->won_units > 0 ? "mark" : "c", x0 + share * half, y, 4.);
    }
    if (beyond)
        svg_text(p->f, x0 + 2 * half + 2, y + 4, "start", "k", "▸");
}

/* The highest of the bids that won nothing; 0: none. */
static int64_t best_lost(const struct auction *a)
{
    int64_t best = 0;
    for (size_t i = 0; i < a->bids_n; i++)
        if (a->bids[i].won_units == 0 && !a->bids[i].retracted && a->bids[i].price_minor > best)
            best = a->bids[i].price_minor;
    return best;
}

static void bids_row(const struct page *p, const struct lot_row *r)
{
    const struct lot *lot = lot_of(p, r);
    int scale = currency_of(p, lot->currency)->scale;
    char text[40];
    row_begin(p->f);
    data_cell(p->f, "%u", r->lot);
    text_cell(p->f, called(&r->name));
    data_cell(p->f, "%s", price_text(lot->auction.terms.reserve_minor, scale, text));
    data_cell(p->f, "%s", price_text(best_lost(&lot->auction), scale, text));
    data_cell(p->f, "%s", money_words(r->revenue_minor / r->won_units, scale, text));
    row_end(p->f);
}

static void bids_against(const struct page *p)
{
    enum { X0 = 6, HALF = 208, STEP = 40, HEAD = 8 };
    const struct market_data *x = &p->d->market;
    size_t n = x->sold_n < BIDS_DRAWN ? x->sold_n : BIDS_DRAWN;
    int bottom = HEAD + (int)n * STEP;
    char label[256], text[40];
    figure_begin(p, W_bids_against, false);
    svg_begin(p->f, w(p, W_bids_against), bottom + 44);
    for (int i = 0; i <= 4; i++) {
        double at = X0 + i * HALF / 2.;
        fprintf(p->f, "<path class=\"%s\" d=\"M%.1f %dV%d\"/>", i == 2 ? "line even" : "grid", at,
                HEAD, bottom);
        svg_text(p->f, i == 0 ? at - 4 : at, bottom + 17,
                 i == 0   ? "start"
                 : i == 4 ? "end"
                          : "middle",
                 "k", "%d%%", i * 50);
    }
    svg_text(p->f, DRAW_W - 14, bottom + 37, "end", "t", "%s", w(p, W_of_price));
    for (size_t i = 0; i < n; i++) {
        const struct lot_row *r = &x->lots[i];
        const struct lot *lot = lot_of(p, r);
        const struct currency *c = currency_of(p, lot->currency);
        snprintf(label, sizeof label, "%u %s · %s · %s %s", r->lot, called(&r->name),
                 w(p, kinds[lot->auction.terms.form]),
                 money_words(r->revenue_minor / r->won_units, c->scale, text), c->code);
        svg_text(p->f, X0, HEAD + (double)i * STEP + 12, "start", "k halo", "%.120s", label);
        bids_of(p, r, HEAD + (double)i * STEP + 26, X0, HALF);
    }
    svg_end(p->f);
    paragraph(p, "note", W_bids_against_text);
    if (x->sold_n > n)
        paragraph(p, "note", W_bids_cut, n, x->sold_n);
    figure_table(p,
                 (const struct column[]){{W_auction_number, true},
                                         {W_good, false},
                                         {W_reserve, true},
                                         {W_second_bid, true},
                                         {W_price_of_one, true}},
                 5);
    for (size_t i = 0; i < n; i++)
        bids_row(p, &x->lots[i]);
    figure_end(p);
}

static void by_kind(const struct page *p)
{
    const struct market_data *x = &p->d->market;
    char a[40];
    figure_begin(p, W_by_kind, false);
    table_begin(p,
                (const struct column[]){{W_kind, false},
                                        {W_auctions_n, true},
                                        {W_sold, true},
                                        {W_running, true},
                                        {W_bids_n, true},
                                        {W_pieces_sold, true},
                                        {W_revenue, true}},
                7);
    for (size_t i = 0; i < x->kinds_n; i++) {
        const struct kind_row *k = &x->kinds[i];
        const struct currency *c = currency_of(p, k->currency);
        row_begin(p->f);
        text_cell(p->f, w(p, kinds[k->form]));
        data_cell(p->f, "%llu", (unsigned long long)k->lots);
        data_cell(p->f, "%llu", (unsigned long long)k->sold);
        data_cell(p->f, "%llu", (unsigned long long)k->running);
        data_cell(p->f, "%s", with_commas(k->bids, a));
        data_cell(p->f, "%s", with_commas((uint64_t)k->units, a));
        data_cell(p->f, "%s %s", money_words(k->revenue_minor, c->scale, a), c->code);
        row_end(p->f);
    }
    table_end(p);
    fputs("</figure>\n", p->f);
}

static void lot_cells(const struct page *p, const struct lot_row *r)
{
    const struct lot *lot = lot_of(p, r);
    const struct auction *a = &lot->auction;
    const struct currency *c = currency_of(p, lot->currency);
    bool over = a->state != AUCTION_OPEN, hidden = a->terms.form == AUCTION_ENGLISH && !over;
    char text[40];
    data_cell(p->f, "%u", r->lot);
    name_cell(p, &r->name);
    text_cell(p->f, w(p, kinds[a->terms.form]));
    text_cell(p->f, w(p, !over ? W_running : a->state == AUCTION_SOLD ? W_sold : W_unsold));
    data_cell(p->f, "%lld / %lld", (long long)r->won_units, (long long)a->terms.units);
    data_cell(p->f, "%s", price_text(hidden ? 0 : a->terms.reserve_minor, c->scale, text));
    data_cell(p->f, "%zu", r->bids);
    if (r->winners > 1)
        snprintf(text, sizeof text, w(p, W_several), r->winners);
    text_cell(p->f, r->winners == 0  ? "–"
                    : r->winners > 1 ? text
                    : r->winner[0]   ? r->winner
                                     : w(p, W_gone));
    data_cell(p->f, "%s",
              price_text(r->won_units ? r->revenue_minor / r->won_units : 0, c->scale, text));
    data_cell(p->f, "%s %s", money_words(r->revenue_minor, c->scale, text), c->code);
    data_cell(p->f, "%s", price_text(r->forfeited_minor, c->scale, text));
}

static void all_auctions(const struct page *p)
{
    const struct market_data *x = &p->d->market;
    figure_begin(p, W_all_auctions, true);
    table_begin(p,
                (const struct column[]){{W_auction_number, true},
                                        {W_good, false},
                                        {W_kind, false},
                                        {W_state, false},
                                        {W_pieces_sold, true},
                                        {W_reserve, true},
                                        {W_bids_n, true},
                                        {W_winner, false},
                                        {W_price_of_one, true},
                                        {W_revenue, true},
                                        {W_forfeited, true}},
                11);
    for (size_t i = 0; i < x->lots_n && i < LOT_ROWS; i++) {
        row_begin(p->f);
        lot_cells(p, &x->lots[i]);
        row_end(p->f);
    }
    table_end(p);
    if (x->lots_n > LOT_ROWS)
        paragraph(p, "note", W_left_out, x->lots_n - LOT_ROWS);
    fputs("</figure>\n", p->f);
}

void chapter_auctions(const struct page *p)
{
    const struct market_data *x = &p->d->market;
    uint64_t bids = 0, running = 0;
    char a[32];
    if (x->lots_n == 0)
        return;
    for (size_t i = 0; i < x->kinds_n; i++) {
        bids += x->kinds[i].bids;
        running += x->kinds[i].running;
    }
    chapter_begin(p, W_auctions);
    paragraph(p, "lead", W_auctions_text, x->lots_n, x->sold_n, (size_t)running,
              with_commas(bids, a));
    figures_begin(p);
    if (x->sold_n > 0)
        bids_against(p);
    by_kind(p);
    all_auctions(p);
    figures_end(p);
    chapter_end(p);
}
