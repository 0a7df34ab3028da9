/* Contents: reach against quality, copies, how even exposure is, who rose. */
#include "report/data.h"

#include "base/stats.h"
#include "base/utf8.h"
#include "world/engine.h"
#include "world/vault.h"

#include <stdlib.h>

bool report_shown(const struct state *s, uint32_t content)
{
    return engine_eligibility(s, content) != ELIGIBLE_NOT;
}

enum heed_status report_name(const struct report_data *d, uint32_t target, struct named *out,
                             struct heed_error *err)
{
    struct strbuf buf;
    struct text text;
    bool found;
    strbuf_init(&buf, SIZE_MAX / 2);
    out->content = target_index(target);
    world_target_text(d->w, target, out->id);
    enum heed_status status =
        vault_open(d->w, target_kind(target), target_index(target), &buf, &text, &found, err);
    if (status == HEED_OK && found) {
        struct str title = str_trim(text.fields[TEXT_NAME]);
        size_t n = utf8_cut(title, sizeof out->title - 1);
        if (n > 0)
            memcpy(out->title, title.p, n);
        out->title[n] = 0;
    }
    strbuf_deinit(&buf);
    return status;
}

static enum heed_status name_of(const struct report_data *d, uint32_t content, struct named *out,
                                struct heed_error *err)
{
    return report_name(d, target_make(TARGET_CONTENT, content), out, err);
}

/* People reached; where acts are of people who are not known, acts.                              */
static uint32_t reach_of(const struct report_data *d, uint32_t content)
{
    const struct behaviour *b = &d->w->state.behaviour;
    const struct target_stats *t = behaviour_target(b, target_make(TARGET_CONTENT, content));
    uint64_t acts = 0;
    if (!t || d->unknown == 0)
        return t ? t->reach : 0;
    for (int v = 0; v < VERBS_MAX; v++)
        acts += b->targets[TARGET_CONTENT].verbs[(size_t)content * VERBS_MAX + (size_t)v];
    return acts < UINT32_MAX ? (uint32_t)acts : UINT32_MAX;
}

/* The contents that may be shown, as columns.                                                   */
struct columns {
    size_t n;
    uint32_t *content;
    double *reach, *quality, *sorted; /* sorted: scratch */
};

static void bands(struct report_data *d, const struct columns *c)
{
    for (size_t i = 0; i < c->n; i++)
        d->most_reach = c->reach[i] > d->most_reach ? c->reach[i] : d->most_reach;
    for (uint64_t low = 0; d->bands_n < BANDS && (double)low <= d->most_reach;) {
        uint64_t high = low == 0 ? 0 : low * 4 - 1, n = 0;
        double sum = 0;
        for (size_t i = 0; i < c->n; i++)
            if (c->reach[i] >= (double)low && c->reach[i] <= (double)high) {
                sum += c->quality[i];
                n++;
            }
        if (n > 0)
            d->bands[d->bands_n++] = (struct reach_band){low, high, n, sum / (double)n};
        low = high + 1;
    }
}

static enum heed_status dots(struct report_data *d, const struct columns *c, struct heed_error *err)
{
    d->eligible_n = c->n;
    d->step = (c->n + DOTS_MAX - 1) / DOTS_MAX;
    d->step += d->step == 0;
    d->dots = calloc(c->n / d->step + 1, sizeof *d->dots);
    if (!d->dots)
        return error_nomem(err);
    for (size_t i = 0; i < c->n; i += d->step)
        d->dots[d->dots_n++] = (struct dot){c->reach[i], c->quality[i]};
    return HEED_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Lorenz curve and Gini, and what the tenth at or above quality `best` holds.                    */
static void curve_of(const struct exposure *x, const uint64_t *exposure, const struct columns *c,
                     double best, struct curve *out)
{
    double total = 0, held = 0, sum = 0;
    for (size_t i = 0; i < c->n; i++) {
        double v = c->content[i] < x->n ? (double)exposure[c->content[i]] : 0;
        c->sorted[i] = v;
        total += v;
        held += c->quality[i] >= best ? v : 0;
    }
    qsort(c->sorted, c->n, sizeof *c->sorted, ascending);
    out->any = total > 0;
    if (!out->any)
        return;
    out->gini = gini_sorted(c->sorted, c->n);
    out->best_share = held / total;
    for (size_t i = 0, at = 0; i < CURVE_POINTS; i++) {
        size_t upto = c->n * i / (CURVE_POINTS - 1);
        for (; at < upto; at++)
            sum += c->sorted[at];
        out->y[i] = sum / total;
    }
}

static void curves(struct report_data *d, const struct columns *c)
{
    const struct exposure *x = &d->w->state.exposure;
    if (c->n == 0)
        return;
    memcpy(c->sorted, c->quality, c->n * sizeof *c->sorted);
    qsort(c->sorted, c->n, sizeof *c->sorted, ascending);
    double best = c->sorted[c->n - 1 - (c->n - 1) / 10];
    for (size_t i = 0; i < c->n; i++)
        d->best_n += c->quality[i] >= best;
    curve_of(x, x->given_sum, c, best, &d->heed);
    curve_of(x, x->popularity_sum, c, best, &d->popularity);
}

static enum heed_status risers(struct report_data *d, const struct columns *c,
                               struct heed_error *err)
{
    const struct state *s = &d->w->state;
    const struct exposure *x = &s->exposure;
    double given = 0, popular = 0;
    for (size_t i = 0; i < x->n; i++) {
        given += (double)x->given_sum[i];
        popular += (double)x->popularity_sum[i];
    }
    for (size_t k = 0; k < c->n && given > 0 && popular > 0; k++) {
        uint32_t i = c->content[k];
        if (i >= x->n)
            continue;
        struct riser r = {.name.content = i,
                          .heed_share = (double)x->given_sum[i] / given,
                          .popularity_share = (double)x->popularity_sum[i] / popular};
        double rise = r.heed_share - r.popularity_share;
        if (rise <= 0)
            continue;
        size_t at = d->risers_n;
        while (at > 0 && d->risers[at - 1].heed_share - d->risers[at - 1].popularity_share < rise)
            at--;
        if (at >= RISERS)
            continue;
        size_t last = d->risers_n < RISERS ? d->risers_n++ : RISERS - 1;
        memmove(&d->risers[at + 1], &d->risers[at], (last - at) * sizeof r);
        d->risers[at] = r;
    }
    const struct quality_view *view = engine_view(d->w, err);
    enum heed_status status = view ? HEED_OK : HEED_NOMEM;
    for (size_t i = 0; status == HEED_OK && i < d->risers_n; i++) {
        struct riser *r = &d->risers[i];
        uint32_t target = target_make(TARGET_CONTENT, r->name.content);
        const struct target_stats *t = behaviour_target(&s->behaviour, target);
        struct quality_score learnt = engine_quality(d->w, view, target);
        r->by_record = learnt.parts[PART_CREATOR].weight > .1 &&
                       learnt.parts[PART_CREATOR].value > learnt.parts[PART_PRIOR].value;
        r->quality = quality_score(&s->quality, &s->rules.quality, target, t ? t->engagements : 0,
                                   t ? t->impressions : 0);
        r->reach = reach_of(d, r->name.content);
        status = name_of(d, r->name.content, &r->name, err);
    }
    return status;
}

/* All copies are counted; those that reached most are named, unless a creator was erased.        */
static enum heed_status copies(struct report_data *d, struct heed_error *err)
{
    const struct state *s = &d->w->state;
    const struct catalogue *c = &s->catalogue;
    for (uint32_t i = 0; i < c->contents_n; i++) {
        d->removed += quality_removed(&s->quality, target_make(TARGET_CONTENT, i));
        struct copy_of copy = quality_copy_of(&s->quality, i);
        if (copy.original == HANDLE_NONE && !copy.gone)
            continue;
        d->copies++;
        if (copy.gone || (c->parties[c->contents[i].creator].flags & PARTY_ERASED) ||
            (c->parties[c->contents[copy.original].creator].flags & PARTY_ERASED))
            continue;
        uint32_t reach = reach_of(d, i);
        size_t at = d->copies_seen_n;
        while (at > 0 && d->copies_seen[at - 1].reach < reach)
            at--;
        if (at >= COPIES)
            continue;
        size_t last = d->copies_seen_n < COPIES ? d->copies_seen_n++ : COPIES - 1;
        memmove(&d->copies_seen[at + 1], &d->copies_seen[at],
                (last - at) * sizeof d->copies_seen[0]);
        d->copies_seen[at] = (struct copy_row){.copy.content = i,
                                               .original.content = copy.original,
                                               .similarity_ppm = copy.similarity_ppm,
                                               .reach = reach};
    }
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < d->copies_seen_n; i++) {
        struct copy_row *r = &d->copies_seen[i];
        status = name_of(d, r->copy.content, &r->copy, err);
        if (status == HEED_OK)
            status = name_of(d, r->original.content, &r->original, err);
    }
    return status;
}

enum heed_status gather_contents(struct report_data *d, struct heed_error *err)
{
    const struct state *s = &d->w->state;
    size_t all = s->catalogue.contents_n + 1;
    struct columns c = {0, calloc(all, sizeof *c.content), calloc(all, sizeof *c.reach),
                        calloc(all, sizeof *c.quality), calloc(all, sizeof *c.sorted)};
    enum heed_status status =
        c.content && c.reach && c.quality && c.sorted ? HEED_OK : error_nomem(err);
    const struct quality_view *view = status == HEED_OK ? engine_view(d->w, err) : NULL;
    if (!view)
        status = HEED_NOMEM;
    for (uint32_t i = 0; status == HEED_OK && i < s->catalogue.contents_n; i++) {
        if (!report_shown(s, i))
            continue;
        c.content[c.n] = i;
        c.reach[c.n] = reach_of(d, i);
        c.quality[c.n++] = engine_quality(d->w, view, target_make(TARGET_CONTENT, i)).score;
    }
    if (status == HEED_OK) {
        for (size_t i = 1; i < c.n; i++)
            d->judged = d->judged || c.quality[i] != c.quality[0];
        d->reach_quality = spearman(c.reach, c.quality, c.n);
        bands(d, &c);
        curves(d, &c);
        status = dots(d, &c, err);
    }
    if (status == HEED_OK)
        status = copies(d, err);
    if (status == HEED_OK)
        status = risers(d, &c, err);
    free(c.content);
    free(c.reach);
    free(c.quality);
    free(c.sorted);
    return status;
}
