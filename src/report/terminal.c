/* The report in twenty lines of a terminal. */
#include "base/term.h"
#include "base/time.h"
#include "base/utf8.h"
#include "report/svg.h"
#include "report/words.h"

#include <stdarg.h>
#include <stdlib.h>

struct terminal {
    FILE *out;
    enum report_lang lang;
    size_t width, labels; /* columns */
};

/* Text without control characters, cut to `columns` with an ellipsis. Gives the columns written. */
static size_t put(FILE *out, const char *text, size_t columns)
{
    struct str s = str_of(text);
    size_t whole = utf8_width(s), room = whole > columns ? columns - 1 : columns, used = 0;
    for (size_t i = 0; i < s.n;) {
        size_t from = i;
        uint32_t c = utf8_next(s, &i);
        size_t width = utf8_width((struct str){s.p + from, i - from});
        if (used + width > room)
            break;
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            continue;
        fwrite(s.p + from, 1, i - from, out);
        used += width;
    }
    if (whole > columns) {
        fputs("…", out);
        used++;
    }
    return used;
}

static void say_text(const struct terminal *t, const char *label, const char *text)
{
    size_t used = put(t->out, label, t->labels);
    fprintf(t->out, "%*s", (int)(t->labels - used) + 2, "");
    put(t->out, text, t->width - t->labels - 2);
    fputc('\n', t->out);
}

static void say(const struct terminal *t, const char *label, enum word w, ...)
{
    char text[1024];
    va_list args;
    va_start(args, w);
    vsnprintf(text, sizeof text, word(t->lang, w), args);
    va_end(args);
    say_text(t, label, text);
}

/* value of 1 in 16 cells. */
static const char *bar_text(double value, char buf[64])
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int n = (int)(value * 128 + .5);
    buf[0] = 0;
    for (int i = 0; i < n / 8; i++)
        memcpy(buf + 3 * i, "█", 4);
    snprintf(buf + 3 * (n / 8), 64 - 3 * (size_t)(n / 8), "%s", eighths[n % 8]);
    return buf;
}

static void behaviour(const struct terminal *t, const struct report_data *d)
{
    char top[160] = "", day[32], acts[32];
    const struct day_row *busiest = d->days;
    if (d->days_n == 0) {
        say(t, word(t->lang, W_t_behaviour), W_behaviour_none);
        return;
    }
    for (size_t i = 1; i < d->days_n; i++)
        if (d->days[i].events > busiest->events)
            busiest = &d->days[i];
    time_to_text(busiest->day * DAY_MS, day);
    day[10] = 0;
    for (size_t i = 0, n = 0; i < d->categories_n && i < 3; i++) {
        struct str s = intern_str(&d->w->state.catalogue.symbols, d->categories[i].symbol);
        n += (size_t)snprintf(top + n, sizeof top - n, "%s%.*s",
                              i == 0                 ? ""
                              : t->lang == REPORT_ZH ? "、"
                                                     : ", ",
                              (int)utf8_cut(s, 40), s.p);
    }
    if (top[0] && d->days_n == 1)
        say(t, word(t->lang, W_t_behaviour), W_t_one_day, top, day);
    else if (top[0])
        say(t, word(t->lang, W_t_behaviour), W_t_attended, top, day,
            with_commas(busiest->events, acts));
    else
        say(t, word(t->lang, W_t_behaviour), W_t_busiest, day, with_commas(busiest->events, acts));
    if (d->late > 0)
        say(t, "", W_t_late, with_commas(d->late, acts));
}

static void quality(const struct terminal *t, const struct report_data *d)
{
    char a[32], b[32], text[160];
    int n = snprintf(text, sizeof text, word(t->lang, W_t_judged), with_commas(d->copies, a),
                     with_commas(d->removed, b));
    n += snprintf(text + n, sizeof text - (size_t)n, "%s", word(t->lang, W_and_so));
    snprintf(text + n, sizeof text - (size_t)n,
             word(t->lang, !d->judged       ? W_t_alike
                           : d->unknown > 0 ? W_t_acts
                                            : W_t_reach),
             d->reach_quality);
    say_text(t, word(t->lang, W_t_quality), text);
}

static void frontier(const struct terminal *t, const char *label, const struct frontier *f)
{
    char a[32], b[32], c[32];
    const struct frontier_row *r = &f->rows[f->own];
    if (f->state == FRONTIER_DRAWN)
        say(t, label, W_t_frontier, percent_text((uint32_t)(r->floor * 1e6 + .5), a),
            share_text(r->ndcg_kept, b), share_text(r->worst_tenth, c));
    else if (f->state == FRONTIER_FEW_PEOPLE)
        say(t, label, W_t_frontier_none);
}

static void allocation(const struct terminal *t, const struct report_data *d)
{
    char a[64], b[64], why[320], text[512];
    const char *label = word(t->lang, W_t_allocation);
    if (d->epochs_n == 0) {
        say(t, label, W_allocation_none);
        if (d->events > 0)
            frontier(t, "", &d->frontier);
        return;
    }
    if (d->heed.any && d->popularity.any) {
        say(t, label, W_t_gini_popularity, d->popularity.gini, bar_text(d->popularity.gini, a));
        say(t, "", W_t_gini_heed, d->heed.gini, bar_text(d->heed.gini, a));
        if (d->best_n * 5 <= d->eligible_n)
            say(t, "", W_t_best, share_text(d->popularity.best_share, a),
                share_text(d->heed.best_share, b));
        label = "";
    }
    if (d->fed > 0)
        say(t, label, W_t_floor, percent_text(d->epochs[d->epochs_n - 1].s.floor_ppm, a),
            d->floors_kept, d->fed);
    else
        say(t, label, W_t_unfed);
    frontier(t, "", &d->frontier);
    const struct welfare_cost *cost = welfare_last(&d->w->state.welfare);
    if (cost)
        say(t, "", W_t_welfare, percent_text(cost->mean_ppm, a), percent_text(cost->worst_ppm, b),
            cost->gini_ppm / 1e6, cost->gini_alone_ppm / 1e6);
    for (size_t i = 0, most = cost ? 1 : 2; i < d->risers_n && i < most; i++) {
        const struct riser *r = &d->risers[i];
        share_text(r->popularity_share, a);
        share_text(r->heed_share, b);
        size_t reasons = QUALITY_PARTS, width = t->width;
        do { /* as many reasons as fit */
            report_why(r, t->lang, reasons, why, sizeof why);
            snprintf(text, sizeof text, word(t->lang, W_t_riser), r->name.id, a, b, why);
            width = t->labels + 2 + utf8_width(str_of(text));
        } while (width > t->width && --reasons > 0);
        say(t, "", W_t_riser, r->name.id, a, b, why);
    }
}

static void value(const struct terminal *t, const struct report_data *d)
{
    const struct rules *r = &d->w->state.rules;
    const struct currency *paid = &r->currencies[r->consumption.currency];
    const struct money_row *m = &d->money[d->currency];
    int scale = r->currencies[d->currency].scale;
    char a[40], b[40], c[40];
    if (d->paid_minor == 0) {
        say(t, word(t->lang, W_t_consumption), W_consumption_none);
    } else {
        say(t, word(t->lang, W_t_consumption), W_t_paid, money_words(d->paid_minor, paid->scale, a),
            paid->code, with_commas(d->paid[1], c),
            money_words(d->quantiles[1][2], paid->scale, b));
        if (d->paid[0] > 0)
            say(t, "", W_t_paid_users, with_commas(d->paid[0], c),
                money_words(d->quantiles[0][2], paid->scale, b));
    }
    if (m->transfers == 0) {
        say(t, word(t->lang, W_t_circulation), W_circulation_none);
        return;
    }
    say(t, word(t->lang, W_t_circulation), W_t_bought, with_commas(d->purchases, a),
        with_commas(d->refunded, b));
    say(t, "", W_t_identity, money_words(m->issued, scale, a), money_words(m->retired, scale, b),
        money_words(m->issued - m->retired, scale, c),
        word(t->lang, m->holds ? W_holds : W_broken));
}

/* The market that trades most, the auction that brought most, the rule that took most. */
static void trading(const struct terminal *t, const struct report_data *d)
{
    const struct market_data *x = &d->market;
    const struct currency *known = d->w->state.rules.currencies;
    char a[40], b[40], c[40], e[32];
    uint64_t trades = 0;
    for (size_t i = 0; i < x->markets_n; i++)
        trades += x->markets[i].trades;
    if (x->markets_n > 0) {
        const struct market_row *m = x->markets;
        int scale = known[d->w->state.venues.list[m->venue].currency].scale;
        say(t, "", W_t_exchange, with_commas(trades, e), x->markets_n, m->name.id,
            m->last ? money_words(m->last, scale, a) : "–",
            m->bid ? money_words(m->bid, scale, b) : "–",
            m->ask ? money_words(m->ask, scale, c) : "–");
    }
    if (x->sold_n > 0) {
        const struct currency *paid = &known[d->w->state.auctions.lots[x->lots->lot].currency];
        say(t, "", W_t_auctions, x->lots_n, x->sold_n,
            money_words(x->lots->revenue_minor, paid->scale, a), paid->code, x->lots->name.id);
    } else if (x->lots_n > 0) {
        say(t, "", W_t_auctions_unsold, x->lots_n);
    }
    if (x->fees_n > 0 && x->markets_n + x->lots_n > 0) { /* of the shop alone it says little */
        const struct fee_row *r = x->fees;
        enum word own = r->place == TRADE_EXCHANGE ? W_own_fee_exchange : W_own_fee_shop;
        say(t, "", W_t_fees, r->rule[0] ? r->rule : word(t->lang, r->line ? W_no_rule : own),
            money_words(r->minor - r->back_minor, known[r->currency].scale, a),
            known[r->currency].code);
    }
}

static void truth(const struct terminal *t, const struct report_truth *x)
{
    char a[32], b[32], c[32];
    if (!x->known)
        return;
    say(t, word(t->lang, W_t_truth), W_t_copies, x->copies_found, x->copies, x->copies_false);
    say(t, "", W_t_skill, x->popularity_skill, x->quality_skill);
    say(t, "", W_t_ring, share_text(x->ring_popularity_share, a), share_text(x->ring_heed_share, b),
        share_text(x->ring_payout_share, c));
}

void report_terminal(const struct report_data *d, enum report_lang lang, FILE *out, int width)
{
    static const enum word labels[] = {W_t_behaviour,   W_t_quality,     W_t_allocation,
                                       W_t_consumption, W_t_circulation, W_t_truth,
                                       W_t_world};
    struct terminal t = {out, lang, width < 40 ? 40 : (size_t)width, 0};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        size_t n = utf8_width(str_of(word(lang, labels[i])));
        t.labels = n > t.labels ? n : t.labels;
    }
    char a[32], b[32], c[32], e[32], text[512], hash[65];
    snprintf(text, sizeof text, word(lang, W_lead), with_commas(d->users, a),
             with_commas(d->contents, b), with_commas(d->goods + d->services, c),
             with_commas(d->events, e));
    put(out, text, t.width);
    fputs("\n\n", out);
    behaviour(&t, d);
    if (d->eligible_n == 0)
        say(&t, word(lang, W_t_quality), W_quality_none);
    else
        quality(&t, d);
    allocation(&t, d);
    value(&t, d);
    trading(&t, d);
    truth(&t, &d->truth);
    size_t used = put(out, word(lang, W_t_world), t.labels);
    fprintf(out, "%*s%.16s…\n", (int)(t.labels - used) + 2, "", sha256_hex(d->hash, hash));
}
