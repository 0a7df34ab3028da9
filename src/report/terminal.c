/* The report in twenty lines of a terminal. */
#include "base/term.h"
#include "report/svg.h"
#include "report/words.h"

#include <stdarg.h>

struct lines {
    struct table *t;
    enum report_lang lang;
};

static void line(struct lines *l, enum word name, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (l->t && table_cell(l->t, str_of(word(l->lang, name))))
        (void)!table_cell(l->t, str_of(text));
}

static void truth_lines(struct lines *l, const struct report_truth *t)
{
    if (!t->known)
        return;
    line(l, W_t_copies, "%u / %u", t->copies_found, t->copies);
    line(l, W_t_false, "%u", t->copies_false);
    line(l, W_t_quality, "%.3f", t->quality_skill);
    line(l, W_t_popularity, "%.3f", t->popularity_skill);
    line(l, W_t_ring_popularity, "%.2f %%", t->ring_popularity_share * 100);
    line(l, W_t_ring_heed, "%.2f %%", t->ring_quality_share * 100);
    line(l, W_t_ring_payout, "%.2f %%", t->ring_payout_share * 100);
}

void report_terminal(const struct report_data *d, enum report_lang lang, FILE *out, int width)
{
    const struct table_column columns[] = {{word(lang, W_measure), false},
                                           {word(lang, W_value), false}};
    struct lines l = {table_new(columns, 2), lang};
    int scale = d->w->state.rules.currencies[0].scale;
    char a[40], b[40], c[40], hash[65];
    size_t kept = 0;
    int64_t paid = 0;
    for (size_t i = 0; i < d->epochs_n; i++) {
        kept += d->epochs[i].s.floor_kept;
        paid += d->epochs[i].s.paid_minor;
    }
    char lead[4][32], text[512];
    snprintf(text, sizeof text, word(lang, W_lead), with_commas(d->users, lead[0]),
             with_commas(d->contents, lead[1]), with_commas(d->goods + d->services, lead[2]),
             with_commas(d->events, lead[3]));
    fprintf(out, "%s\n", text);
    if (d->heed.any)
        line(&l, W_t_gini, "%.3f → %.3f", d->popularity.gini, d->heed.gini);
    if (d->epochs_n > 0)
        line(&l, W_t_floor, "%zu / %zu (%.0f %%)", kept, d->epochs_n,
             d->epochs[d->epochs_n - 1].s.floor_ppm / 1e4);
    line(&l, W_t_paid, "%s %s (%zu %s, %zu %s)", money_words(paid, scale, a),
         d->w->state.rules.currencies[0].code, d->paid[1], word(lang, W_to_creators), d->paid[0],
         word(lang, W_to_users));
    line(&l, W_t_purchases, "%s", with_commas(d->purchases, a));
    line(&l, W_t_identity, "%s − %s = %s", money_words(d->flow.totals.issued_minor, scale, a),
         money_words(d->flow.totals.retired_minor, scale, b),
         money_words(d->flow.totals.supply_minor, scale, c));
    for (size_t i = 0; i < d->risers_n && i < 3; i++) {
        char why[200], target[96];
        report_why(&d->risers[i], lang, why, sizeof why);
        line(&l, W_t_riser, "%s: %s",
             world_target_text(d->w, target_make(TARGET_CONTENT, d->risers[i].content), target),
             why);
    }
    truth_lines(&l, &d->truth);
    line(&l, W_t_world, "%.16s…", sha256_hex(d->hash, hash));
    if (l.t)
        table_print(l.t, out, width);
    table_free(l.t);
}
