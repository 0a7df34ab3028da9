#include "quality/learned.h"
#include "quality/raters.h"
#include "quality/record.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

void learned_deinit(struct learned *l)
{
    free(l->raters);
    memset(l, 0, sizeof *l);
}

void quality_view_deinit(struct quality_view *v)
{
    free(v->records);
    free(v->unexamined);
    memset(v, 0, sizeof *v);
}

/* ── evidence ────────────────────────────────────────────────────────────────────────────────── */

static struct fit_evidence of_ratings(const struct rating_sums *t)
{
    return (struct fit_evidence){t->n, (double)t->n, (double)t->sum_milli / 1e3,
                                 (double)t->square_sum / 1e6};
}

/* Of a content, everything weighed by the learnt weights of raters, and impressions by examination.
 */
static struct fit_row row_of(const struct quality *q, const struct catalogue *c, uint32_t target,
                             const struct quality_seen *seen, double unexamined)
{
    struct fit_row row = {.owner = catalogue_owner(c, target)};
    uint32_t at = target_index(target);
    row.copy = quality_copy_of(q, at).similarity_ppm > 0;
    if (at < q->targets[TARGET_CONTENT].n) {
        const struct quality_target *t = &q->targets[TARGET_CONTENT].rows[at];
        row.from[SOURCE_EXPERT] = of_ratings(&t->ratings[RATING_EXPERT]);
        row.from[SOURCE_RATING] = (struct fit_evidence){
            t->ratings[RATING_USER].n, (double)t->weighed.weight_milli / 1e3,
            (double)t->weighed.sum_micro / 1e6, (double)t->weighed.squares_nano / 1e9};
    }
    double done = (double)seen->engagements, shown = (double)seen->impressions - unexamined;
    shown = shown > done ? shown : done;
    double observers = (double)seen->observers, part = shown > observers ? observers / shown : 1;
    row.from[SOURCE_INTERACTIVITY] =
        (struct fit_evidence){(uint64_t)ceil(shown * part), shown * part, done * part, done * part};
    return row;
}

static double unexamined_of(const struct quality_view *v, uint32_t target)
{
    bool known = target_kind(target) == TARGET_CONTENT && target_index(target) < v->contents_n;
    return known ? v->unexamined[target_index(target)] : 0;
}

static enum heed_status count_unexamined(const struct quality *q, const struct learned *l,
                                         size_t contents, struct quality_view *v)
{
    if (l->positions_n == 0)
        return HEED_OK;
    v->unexamined = calloc(contents + 1, sizeof *v->unexamined);
    if (!v->unexamined)
        return HEED_NOMEM;
    v->contents_n = contents;
    for (size_t i = 0; i < q->positions.n; i++) {
        const struct position_cell *cell = &q->positions.cells[i];
        if (cell->content < contents && cell->position < l->positions_n)
            v->unexamined[cell->content] +=
                cell->shown * (1 - l->examined_ppm[cell->position] / 1e6);
    }
    return HEED_OK;
}

enum heed_status quality_view_make(const struct quality *q, const struct quality_rules *r,
                                   const struct catalogue *c, quality_seen_fn *seen,
                                   const void *context, struct quality_view *out)
{
    const struct learned *l = q->learned;
    memset(out, 0, sizeof *out);
    if (!l)
        return HEED_OK;
    enum heed_status status = count_unexamined(q, l, c->contents_n, out);
    if (status != HEED_OK || !l->fit.in_force || r->fit_creators == 0)
        return status;
    out->records = calloc(c->parties_n + 1, sizeof *out->records);
    if (!out->records) {
        quality_view_deinit(out);
        return HEED_NOMEM;
    }
    out->owners_n = c->parties_n;
    for (uint32_t i = 0; i < c->contents_n; i++) {
        uint32_t target = target_make(TARGET_CONTENT, i);
        struct quality_seen s = seen(context, target);
        struct fit_row row = row_of(q, c, target, &s, unexamined_of(out, target));
        if (row.owner >= out->owners_n)
            continue;
        struct fit_record mine = fit_contribution(&l->fit, &row);
        struct fit_record *all = &out->records[row.owner];
        *all = (struct fit_record){all->weight + mine.weight, all->sum + mine.sum,
                                   all->targets + mine.targets};
    }
    return HEED_OK;
}

/* ── judging ─────────────────────────────────────────────────────────────────────────────────── */

static unsigned weighed_sources(const struct quality_rules *r)
{
    return (unsigned)(r->rating_weight_milli > 0) << SOURCE_RATING |
           (unsigned)(r->expert_weight_milli > 0) << SOURCE_EXPERT |
           (unsigned)(r->interactivity_weight_milli > 0) << SOURCE_INTERACTIVITY;
}

/* What a copy's originality weighs beside what else there is; nothing else is known of outcomes
 * here, so the rules say it.                                                                     */
static double copy_share(const struct quality_rules *r, const struct quality_score *s)
{
    double own = r->originality_weight_milli, rest = 0;
    rest += s->parts[PART_RATING].weight > 0 ? r->rating_weight_milli : 0;
    rest += s->parts[PART_EXPERT].weight > 0 ? r->expert_weight_milli : 0;
    rest += s->parts[PART_INTERACTIVITY].weight > 0 ? r->interactivity_weight_milli : 0;
    rest = rest > own ? rest : own;
    return own > 0 ? own / (own + rest) : 0;
}

static void judge_copy(const struct quality_rules *r, struct quality_score *s)
{
    double share = copy_share(r, s), similarity = 1 - s->parts[PART_ORIGINALITY].value;
    if (similarity <= 0)
        return;
    for (int i = 0; i < QUALITY_PARTS; i++)
        s->parts[i].weight *= 1 - share;
    s->parts[PART_ORIGINALITY].weight = share;
    s->sd *= 1 - share;
}

struct quality_score quality_judge(const struct quality *q, const struct quality_rules *r,
                                   const struct quality_view *v, const struct catalogue *c,
                                   uint32_t target, const struct quality_seen *seen)
{
    double unexamined = unexamined_of(v, target);
    uint64_t skipped = (uint64_t)llround(unexamined);
    uint64_t impressions = seen->impressions > skipped ? seen->impressions - skipped : 0;
    struct quality_score s = quality_score(q, r, target, seen->engagements, impressions);
    if (!q->learned || !q->learned->fit.in_force || target_kind(target) != TARGET_CONTENT)
        return s;
    static const enum quality_part part_of[FIT_SOURCES] = {PART_RATING, PART_EXPERT,
                                                           PART_INTERACTIVITY};
    struct fit_row row = row_of(q, c, target, seen, unexamined);
    struct fit_record others = {0, 0, 0};
    if (row.owner < v->owners_n) {
        struct fit_record mine = fit_contribution(&q->learned->fit, &row);
        others = v->records[row.owner];
        others = (struct fit_record){others.weight - mine.weight, others.sum - mine.sum,
                                     others.targets - mine.targets};
        if (others.targets == 0) /* what subtraction leaves of nothing */
            others = (struct fit_record){0, 0, 0};
    }
    struct fit_judgement j = fit_judge(&q->learned->fit, &row, &others, weighed_sources(r));
    for (int i = 0; i < QUALITY_PARTS; i++)
        s.parts[i].weight = 0;
    for (int k = 0; k < FIT_SOURCES; k++) {
        if (j.from[k].weight <= 0)
            continue;
        s.parts[part_of[k]].value = j.from[k].value;
        s.parts[part_of[k]].weight = j.from[k].weight;
    }
    s.parts[PART_CREATOR].value = j.creator.value;
    s.parts[PART_CREATOR].weight = j.creator.weight;
    s.parts[PART_CREATOR].evidence = others.targets;
    s.parts[PART_PRIOR].value = j.prior.value;
    s.parts[PART_PRIOR].weight = j.prior.weight;
    s.sd = j.sd;
    judge_copy(r, &s);
    double sum = 0;
    for (int i = 0; i < QUALITY_PARTS; i++)
        sum += s.parts[i].weight * s.parts[i].value;
    s.score = sum < 1 ? sum : 1;
    s.lower = s.score - QUALITY_Z * s.sd;
    s.upper = s.score + QUALITY_Z * s.sd;
    s.score *= s.parts[PART_MODERATION].value;
    quality_bound_score(&s);
    return s;
}

/* ── raters' weights ─────────────────────────────────────────────────────────────────────────── */

static struct rater_weight weight_of(const struct learned *l, uint32_t user)
{
    static const struct rater_weight average = {1000, 0};
    return l && user < l->raters_n ? l->raters[user] : average;
}

void quality_weigh(struct quality *q, uint32_t user, uint32_t target, int32_t old, int32_t score)
{
    struct weighed_sums *t = &q->targets[target_kind(target)].rows[target_index(target)].weighed;
    struct rater_weight w = weight_of(q->learned, user);
    int64_t weight = w.weight_milli, x = score - w.bias_milli;
    if (old >= 0) {
        int64_t y = old - w.bias_milli;
        t->sum_micro -= weight * y;
        t->squares_nano -= weight * y * y;
    } else {
        t->weight_milli += weight;
    }
    t->sum_micro += weight * x;
    t->squares_nano += weight * x * x;
}

static void weigh_all(struct quality *q)
{
    for (int kind = 0; kind < TARGET_KINDS; kind++)
        for (size_t i = 0; i < q->targets[kind].n; i++)
            q->targets[kind].rows[i].weighed = (struct weighed_sums){0, 0, 0};
    for (size_t i = 0; i < q->entries_n; i++) {
        const struct rating_entry *e = &q->entries[i];
        if (e->kind == RATING_USER)
            quality_weigh(q, e->user, e->target, -1, e->score_milli);
    }
}

enum heed_status quality_adopt(struct quality *q, struct learned *l)
{
    if (!q->learned && !(q->learned = calloc(1, sizeof *q->learned)))
        return HEED_NOMEM;
    learned_deinit(q->learned);
    *q->learned = *l;
    memset(l, 0, sizeof *l);
    weigh_all(q);
    return HEED_OK;
}

/* ── learning ────────────────────────────────────────────────────────────────────────────────── */

static enum heed_status learn_raters(const struct quality *q, const struct quality_rules *r,
                                     struct learned *l)
{
    struct raters raters;
    enum heed_status status = raters_estimate(q, r->rater_strength, &raters);
    if (status != HEED_OK)
        return status;
    l->raters = calloc(raters.users_n + 1, sizeof *l->raters);
    l->raters_n = l->raters ? raters.users_n : 0;
    for (size_t i = 0; i < l->raters_n; i++) {
        double bias = raters.by_user[i].bias * 1000;
        l->raters[i].weight_milli = (uint16_t)lround(raters.by_user[i].weight * 1000);
        l->raters[i].bias_milli = (int16_t)lround(bias < -1000 ? -1000 : bias > 1000 ? 1000 : bias);
    }
    raters_deinit(&raters);
    return l->raters ? HEED_OK : HEED_NOMEM;
}

static enum heed_status learn_positions(const struct quality *q, struct learned *l)
{
    double examined[POSITIONS_MAX];
    enum heed_status status = positions_examined(&q->positions, examined);
    for (uint32_t k = 0; status == HEED_OK && k < POSITIONS_MAX; k++) {
        l->examined_ppm[k] = (uint32_t)lround(examined[k] * 1e6);
        if (l->examined_ppm[k] < 1000000)
            l->positions_n = k + 1;
    }
    return status;
}

/* The weighted sums as `l` will make them, in a table beside q's.                                */
static enum heed_status weigh_as(struct quality *scratch, const struct quality *q,
                                 struct learned *l)
{
    quality_init(scratch);
    for (int kind = 0; kind < TARGET_KINDS; kind++) {
        size_t n = q->targets[kind].n;
        if (n == 0)
            continue;
        scratch->targets[kind].rows = malloc(n * sizeof *scratch->targets[kind].rows);
        if (!scratch->targets[kind].rows)
            return HEED_NOMEM;
        memcpy(scratch->targets[kind].rows, q->targets[kind].rows,
               n * sizeof *scratch->targets[kind].rows);
        scratch->targets[kind].n = n;
    }
    scratch->entries = q->entries;
    scratch->entries_n = q->entries_n;
    scratch->originality = q->originality;
    scratch->positions = q->positions;
    scratch->learned = l;
    memcpy(scratch->prior, q->prior, sizeof scratch->prior);
    weigh_all(scratch);
    return HEED_OK;
}

static void unweigh(struct quality *scratch)
{
    for (int kind = 0; kind < TARGET_KINDS; kind++)
        free(scratch->targets[kind].rows);
}

static enum fit_source choose(const struct quality *q)
{
    size_t judged = 0;
    const struct quality_table *contents = &q->targets[TARGET_CONTENT];
    for (size_t i = 0; i < contents->n; i++)
        judged += contents->rows[i].ratings[RATING_EXPERT].n > 0;
    return judged >= FIT_MIN_TARGETS ? SOURCE_EXPERT : SOURCE_RATING;
}

static enum heed_status learn_weights(const struct quality *q, const struct quality_rules *r,
                                      const struct catalogue *c, quality_seen_fn *seen,
                                      const void *context, enum fit_source outcome,
                                      struct learned *l)
{
    size_t n = c->contents_n;
    struct quality_rules without = *r;
    *(outcome == SOURCE_EXPERT ? &without.expert_weight_milli : &without.rating_weight_milli) = 0;
    struct quality_view view = {0};
    struct fit_row *rows = malloc((n + 1) * sizeof *rows);
    double *by_rules = malloc((n + 1) * sizeof *by_rules);
    enum heed_status status = rows && by_rules ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK)
        status = count_unexamined(q, l, c->contents_n, &view);
    for (uint32_t i = 0; status == HEED_OK && i < n; i++) {
        uint32_t target = target_make(TARGET_CONTENT, i);
        struct quality_seen s = seen(context, target);
        rows[i] = row_of(q, c, target, &s, unexamined_of(&view, target));
        by_rules[i] = quality_score(q, &without, target, s.engagements, s.impressions).score;
    }
    if (status == HEED_OK)
        status = fit_learn(rows, n, c->parties_n, outcome, by_rules, &l->fit);
    quality_view_deinit(&view);
    free(rows);
    free(by_rules);
    return status == HEED_RANGE ? HEED_OK : status; /* l->fit is then not known */
}

enum heed_status quality_learn(const struct quality *q, const struct quality_rules *r,
                               const struct catalogue *c, quality_seen_fn *seen,
                               const void *context, enum fit_source outcome, struct learned *out)
{
    struct quality scratch;
    memset(out, 0, sizeof *out);
    enum heed_status status = learn_raters(q, r, out);
    if (status == HEED_OK)
        status = learn_positions(q, out);
    if (status == HEED_OK) {
        status = weigh_as(&scratch, q, out);
        if (status == HEED_OK)
            status = learn_weights(&scratch, r, c, seen, context,
                                   outcome == FIT_SOURCES ? choose(q) : outcome, out);
        unweigh(&scratch);
    }
    if (status != HEED_OK)
        learned_deinit(out);
    return status;
}

/* ── bytes ───────────────────────────────────────────────────────────────────────────────────── */

void learned_save(const struct learned *l, struct sink *s)
{
    sink_i64(s, l->learnt_at_ms);
    fit_save(&l->fit, s);
    sink_u32(s, l->positions_n);
    for (uint32_t k = 0; k < l->positions_n; k++)
        sink_u32(s, l->examined_ppm[k]);
    sink_u64(s, l->raters_n);
    for (size_t i = 0; i < l->raters_n; i++) {
        sink_u16(s, l->raters[i].weight_milli);
        sink_u16(s, (uint16_t)(l->raters[i].bias_milli + 1000));
    }
}

static bool load_raters(struct learned *l, struct source *s, bool *nomem)
{
    size_t n = source_count(s, (uint64_t)TARGET_INDEX_MAX + 1), cap = 0;
    for (size_t i = 0; i < n && !s->failed; i++) {
        uint16_t weight = source_u16(s), bias = source_u16(s);
        if (s->failed || weight < 1 || weight > 4000 || bias > 2000) /* raters.h: 1/16 to 4 */
            return false;
        if (!array_grow(&l->raters, &cap, i + 1, sizeof *l->raters)) {
            *nomem = true;
            return false;
        }
        l->raters[i] = (struct rater_weight){weight, (int16_t)(bias - 1000)};
        l->raters_n = i + 1;
    }
    return !s->failed;
}

enum heed_status learned_load(struct learned *l, struct source *s, struct heed_error *err)
{
    bool nomem = false;
    memset(l, 0, sizeof *l);
    l->learnt_at_ms = source_i64(s);
    bool ok = l->learnt_at_ms >= 0 && fit_load(&l->fit, s);
    if (ok) {
        uint32_t n = source_u32(s);
        ok = n <= POSITIONS_MAX && !s->failed;
        for (uint32_t k = 0; ok && k < POSITIONS_MAX; k++) {
            l->examined_ppm[k] = k < n ? source_u32(s) : 1000000;
            ok = !s->failed && l->examined_ppm[k] <= 1000000;
        }
        l->positions_n = ok ? n : 0;
    }
    ok = ok && load_raters(l, s, &nomem);
    if (ok)
        return HEED_OK;
    learned_deinit(l);
    return nomem ? error_nomem(err)
                 : error_set(err, HEED_INPUT, "quality",
                             "what was learnt is damaged; restore it from an earlier snapshot");
}
