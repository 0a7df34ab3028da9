/* Stage 5 in its parts: what trade cost, by the rule that says so, and who earned by it. */
#include "report/page.h"

enum { FEE_BARS = 10, FEE_ROWS = 40, EARNER_BARS = 10, EARNER_ROWS = 20 };

static const struct currency *currency_of(const struct page *p, uint16_t currency)
{
    return &p->d->w->state.rules.currencies[currency];
}

static const char *rule_name(const struct page *p, const struct fee_row *r)
{
    return r->rule[0]                   ? r->rule
           : r->line                    ? w(p, W_no_rule)
           : r->place == TRADE_EXCHANGE ? w(p, W_own_fee_exchange)
                                        : w(p, W_own_fee_shop);
}

static const enum word places[TRADE_PLACES] = {W_p_shop, W_p_resale, W_p_exchange, W_p_auction};

static const char *place_text(const struct page *p, const struct fee_row *r, char buf[160])
{
    const char *title = r->market.title[0] ? r->market.title : r->market.id;
    snprintf(buf, 160, title[0] ? "%s: %s" : "%s%s", w(p, places[r->place]), title);
    return buf;
}

static const char *sink_text(const struct page *p, const struct fee_row *r)
{
    return r->to[0] == 0                   ? w(p, W_to_retired)
           : strcmp(r->to, "creator") == 0 ? w(p, W_to_creator)
                                           : r->to;
}

static void fee_cells(const struct page *p, const struct fee_row *r)
{
    const struct currency *c = currency_of(p, r->currency);
    char a[40], place[160];
    text_cell(p->f, rule_name(p, r));
    if (r->line)
        data_cell(p->f, "%u", r->line);
    else
        data_cell(p->f, "–");
    text_cell(p->f, place_text(p, r, place));
    text_cell(p->f, sink_text(p, r));
    data_cell(p->f, "%s", with_commas(r->times, a));
    data_cell(p->f, "%s", money_words(r->minor - r->back_minor, c->scale, a));
    data_cell(p->f, "%s", money_words(r->waiting_minor, c->scale, a));
    data_cell(p->f, "%s", money_words(r->back_minor, c->scale, a));
    text_cell(p->f, c->code);
}

static void fees(const struct page *p)
{
    static const enum word parts[3] = {W_fee_kept, W_fee_waits, W_fee_back};
    const struct market_data *x = &p->d->market;
    const struct currency *c = currency_of(p, x->fees[0].currency);
    struct stack_row rows[FEE_BARS];
    char labels[FEE_BARS][400], texts[FEE_BARS][40], place[160];
    size_t n = 0;
    for (; n < x->fees_n && n < FEE_BARS && x->fees[n].currency == x->fees[0].currency; n++) {
        const struct fee_row *r = &x->fees[n];
        snprintf(labels[n], sizeof labels[n], "%s · %s → %s", rule_name(p, r),
                 place_text(p, r, place), sink_text(p, r));
        rows[n] = (struct stack_row){
            labels[n],
            money_words(r->minor - r->back_minor, c->scale, texts[n]),
            {(double)(r->minor - r->back_minor), (double)r->waiting_minor, (double)r->back_minor}};
    }
    figure_begin(p, W_fees_by_rule, false);
    stacks(p->f, w(p, W_fees_by_rule), rows, n,
           (const char *const[3]){w(p, parts[0]), w(p, parts[1]), w(p, parts[2])});
    paragraph(p, "note", W_fees_in, c->code);
    if (x->fees[x->fees_n - 1].currency != x->fees[0].currency)
        paragraph(p, "note", W_other_currencies);
    figure_table(p,
                 (const struct column[]){{W_rule, false},
                                         {W_rule_line, true},
                                         {W_on_place, false},
                                         {W_fee_to, false},
                                         {W_fee_times, true},
                                         {parts[0], true},
                                         {parts[1], true},
                                         {parts[2], true},
                                         {W_currency, false}},
                 9);
    for (size_t i = 0; i < x->fees_n && i < FEE_ROWS; i++) {
        row_begin(p->f);
        fee_cells(p, &x->fees[i]);
        row_end(p->f);
    }
    table_end(p);
    if (x->fees_n > FEE_ROWS)
        paragraph(p, "note", W_left_out, x->fees_n - FEE_ROWS);
    fputs("</details>\n</figure>\n", p->f);
}

static int64_t own_of(const struct earner_row *r)
{
    return r->own[TRADE_SHOP] + r->own[TRADE_RESALE] + r->own[TRADE_EXCHANGE] +
           r->own[TRADE_AUCTION];
}

static void earner_cells(const struct page *p, const struct earner_row *r)
{
    const struct currency *c = currency_of(p, r->currency);
    const int64_t amounts[] = {r->own[TRADE_SHOP] + r->own[TRADE_RESALE],
                               r->own[TRADE_EXCHANGE],
                               r->own[TRADE_AUCTION],
                               r->resold,
                               r->royalty,
                               r->all};
    char a[40];
    text_cell(p->f, r->id[0] ? r->id : w(p, W_gone));
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++)
        data_cell(p->f, "%s", money_words(amounts[i], c->scale, a));
    text_cell(p->f, c->code);
}

static void earners(const struct page *p)
{
    const struct market_data *x = &p->d->market;
    const struct currency *c = currency_of(p, x->earners[0].currency);
    struct stack_row rows[EARNER_BARS];
    char texts[EARNER_BARS][40];
    size_t n = 0;
    for (; n < x->earners_n && n < EARNER_BARS && x->earners[n].currency == x->earners[0].currency;
         n++) {
        const struct earner_row *r = &x->earners[n];
        rows[n] = (struct stack_row){r->id[0] ? r->id : w(p, W_gone),
                                     money_words(r->all, c->scale, texts[n]),
                                     {(double)own_of(r), (double)r->resold, (double)r->royalty}};
    }
    figure_begin(p, W_earned, false);
    stacks(p->f, w(p, W_earned), rows, n,
           (const char *const[3]){w(p, W_own_sales), w(p, W_resold), w(p, W_royalties)});
    paragraph(p, "note", W_earned_text, c->code);
    if (x->earners[x->earners_n - 1].currency != x->earners[0].currency)
        paragraph(p, "note", W_other_currencies);
    figure_table(p,
                 (const struct column[]){{W_person, false},
                                         {W_p_shop, true},
                                         {W_p_exchange, true},
                                         {W_p_auction, true},
                                         {W_resold, true},
                                         {W_royalties, true},
                                         {W_total, true},
                                         {W_currency, false}},
                 8);
    for (size_t i = 0; i < x->earners_n && i < EARNER_ROWS; i++) {
        row_begin(p->f);
        earner_cells(p, &x->earners[i]);
        row_end(p->f);
    }
    table_end(p);
    if (x->earners_n > EARNER_ROWS)
        paragraph(p, "note", W_left_out, x->earners_n - EARNER_ROWS);
    fputs("</details>\n</figure>\n", p->f);
}

void chapter_fees(const struct page *p)
{
    const struct market_data *x = &p->d->market;
    if (x->fees_n + x->earners_n == 0)
        return;
    chapter_begin(p, W_costs);
    paragraph(p, "lead", W_costs_text);
    if (x->fees_n == 0)
        paragraph(p, "lead", W_fees_none);
    figures_begin(p);
    if (x->fees_n > 0)
        fees(p);
    if (x->earners_n > 0)
        earners(p);
    figures_end(p);
    chapter_end(p);
}
