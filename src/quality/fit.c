#include "quality/fit.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

/* A bias is never found to be less than this share of what differs between targets.              */
static const double LEAST_BIAS = .02;

/* Standard deviations within which what a source says is taken at its word.                      */
static const double PLAUSIBLE = 3;

const char *fit_source_name(enum fit_source source)
{
    static const char *const names[FIT_SOURCES] = {"rating", "expert", "interactivity"};
    return source >= 0 && source < FIT_SOURCES ? names[source] : "";
}

static double one(int64_t billionths)
{
    return (double)billionths / (double)FIT_UNIT;
}

static double clip(double x)
{
    return x > 0 ? x < 1 ? x : 1 : 0;
}

/* ── judging ─────────────────────────────────────────────────────────────────────────────────── */

struct measurement {
    double precision, deviation; /* of theta - mean */
};

static struct measurement measure(const struct quality_fit *f, enum fit_source source,
                                  const struct fit_evidence *e)
{
    double slope = one(f->from[source].slope), n = e->weight;
    double spread = one(f->from[source].bias) * n + one(f->from[source].noise);
    if (slope <= 0 || n <= 0 || spread <= 0)
        return (struct measurement){0, 0};
    struct measurement m = {slope * slope * n / spread,
                            (e->sum / n - one(f->from[source].center)) / slope};
    double expected = one(f->own) + one(f->of_creators) + 1 / m.precision;
    double beyond = m.deviation * m.deviation / (expected * PLAUSIBLE * PLAUSIBLE);
    if (beyond > 1)
        m.precision /= beyond;
    return m;
}

struct fit_record fit_contribution(const struct quality_fit *f, const struct fit_row *row)
{
    double precision = 0, sum = 0;
    for (int k = 0; k < FIT_SOURCES; k++) {
        struct measurement m = measure(f, (enum fit_source)k, &row->from[k]);
        precision += m.precision;
        sum += m.precision * m.deviation;
    }
    if (row->copy || precision <= 0)
        return (struct fit_record){0, 0, 0};
    double weight = 1 / (1 / precision + one(f->own));
    return (struct fit_record){weight, weight * (sum / precision), 1};
}

struct fit_judgement fit_judge(const struct quality_fit *f, const struct fit_row *row,
                               const struct fit_record *others, unsigned sources)
{
    struct fit_judgement j = {0};
    struct measurement m[FIT_SOURCES];
    double mean = one(f->mean), own = one(f->own), between = one(f->of_creators);
    /* the prior: the mean, drawn to what the creator's other targets say */
    double known = between > 0 ? others->weight : 0;
    double trust = known > 0 ? known * between / (known * between + 1) : 0;
    double record = known > 0 ? others->sum / known : 0;
    double prior = trust * record;
    double before = 1 / (own + (1 - trust) * between), total = before;
    int saying = 0;
    for (int k = 0; k < FIT_SOURCES; k++) {
        m[k] = (struct measurement){0, 0};
        if (sources >> k & 1)
            m[k] = measure(f, (enum fit_source)k, &row->from[k]);
        total += m[k].precision;
        saying += m[k].precision > 0;
    }
    /* each source, and the prior itself, has the same part of the prior's precision */
    double part = before / (saying + 1);
    for (int k = 0; k < FIT_SOURCES; k++) {
        if (m[k].precision <= 0)
            continue;
        double weight = part + m[k].precision;
        j.from[k].value = clip(mean + (part * prior + m[k].precision * m[k].deviation) / weight);
        j.from[k].weight = weight / total;
        j.score += j.from[k].value * j.from[k].weight;
    }
    j.creator.value = clip(mean + record);
    j.creator.weight = trust * part / total;
    j.prior.value = clip(mean);
    j.prior.weight = (1 - trust) * part / total;
    j.score += j.creator.value * j.creator.weight + j.prior.value * j.prior.weight;
    j.score = clip(j.score);
    j.sd = sqrt(1 / total);
    return j;
}

/* ── learning ────────────────────────────────────────────────────────────────────────────────── */

struct fit_components fit_components(const struct fit_row *rows, size_t n, enum fit_source source,
                                     int left_out)
{
    struct fit_components c = {0};
    double weight = 0, sum = 0, squares = 0, shares = 0, weight_squares = 0;
    for (size_t i = 0; i < n; i++) {
        const struct fit_evidence *e = &rows[i].from[source];
        if (e->weight <= 0 || (int)(i % FIT_FOLDS) == left_out)
            continue;
        weight += e->weight;
        weight_squares += e->weight * e->weight;
        sum += e->sum;
        squares += e->squares;
        shares += e->sum * e->sum / e->weight;
        c.targets++;
        c.repeats += e->count - 1;
    }
    if (c.targets < 2)
        return c;
    double targets = (double)c.targets, spread = weight - weight_squares / weight;
    c.mean = sum / weight;
    if (c.repeats > 0) /* with none, noise and difference cannot be told apart: noise is then 0 */
        c.within = (squares - shares) / (double)c.repeats;
    c.within = c.within > 0 ? c.within : 0;
    if (spread > 0)
        c.between = (shares - sum * c.mean - (targets - 1) * c.within) / spread;
    c.between = c.between > 0 ? c.between : 0;
    return c;
}

struct model {
    double mean, between, of_creators;
    double center[FIT_SOURCES], slope[FIT_SOURCES], bias[FIT_SOURCES], noise[FIT_SOURCES];
};

/* What a source says where the outcome is known too. Pairs weigh by how well both are known.     */
static void learn_source(struct model *m, const struct fit_row *rows, size_t n,
                         enum fit_source outcome, enum fit_source source, int left_out)
{
    struct fit_components c = fit_components(rows, n, source, left_out);
    double weight = 0, x = 0, y = 0;
    size_t pairs = 0;
    m->slope[source] = 0;
    m->center[source] = c.mean;
    m->noise[source] = c.within;
    m->bias[source] = 0;
    if (c.between <= 0)
        return;
    for (int pass = 0; pass < 2; pass++) {
        double covariance = 0;
        for (size_t i = 0; i < n; i++) {
            const struct fit_evidence *e = &rows[i].from[source], *o = &rows[i].from[outcome];
            if (e->weight <= 0 || o->weight <= 0 || (int)(i % FIT_FOLDS) == left_out)
                continue;
            double w = 1 / ((c.between + c.within / e->weight) *
                            (m->between + m->noise[outcome] / o->weight));
            if (pass == 0) {
                weight += w;
                x += w * (e->sum / e->weight);
                y += w * (o->sum / o->weight);
                pairs++;
            } else {
                covariance += w * (e->sum / e->weight - x) * (o->sum / o->weight - y);
            }
        }
        if (pairs < FIT_MIN_TARGETS)
            return;
        if (pass == 0) {
            x /= weight;
            y /= weight;
            continue;
        }
        double slope = covariance / weight / m->between;
        if (slope <= 0)
            return;
        double most = (1 - LEAST_BIAS) * c.between; /* explained by quality */
        if (slope * slope * m->between > most)
            slope = sqrt(most / m->between);
        m->slope[source] = slope;
        m->center[source] = x - slope * (y - m->mean);
        m->bias[source] = c.between - slope * slope * m->between;
    }
}

/* Mean product of what outcomes of different targets of one creator deviate: his own variance.   */
static bool learn_creators(struct model *m, const struct fit_row *rows, size_t n, size_t owners,
                           enum fit_source outcome, int left_out)
{
    double(*sums)[4] = calloc(owners + 1, sizeof *sums);
    if (!sums)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct fit_evidence *o = &rows[i].from[outcome];
        if (o->weight <= 0 || rows[i].copy || rows[i].owner >= owners ||
            (int)(i % FIT_FOLDS) == left_out)
            continue;
        double w = 1 / (m->between + m->noise[outcome] / o->weight);
        double d = w * (o->sum / o->weight - m->mean), *s = sums[rows[i].owner];
        s[0] += d;
        s[1] += d * d;
        s[2] += w;
        s[3] += w * w;
    }
    double products = 0, pairs = 0, square = 0;
    for (size_t i = 0; i < owners; i++) {
        products += sums[i][0] * sums[i][0] - sums[i][1];
        pairs += sums[i][2] * sums[i][2] - sums[i][3];
        square += sums[i][3];
    }
    free(sums);
    /* a few pairs of targets say nothing */
    double share = pairs > square * .1 ? products / pairs : 0;
    m->of_creators = share < 0 ? 0 : share > .95 * m->between ? .95 * m->between : share;
    return true;
}

static enum heed_status learn(struct model *m, const struct fit_row *rows, size_t n, size_t owners,
                              enum fit_source outcome, int left_out)
{
    struct fit_components c = fit_components(rows, n, outcome, left_out);
    *m = (struct model){.mean = c.mean, .between = c.between};
    if (c.targets < FIT_MIN_TARGETS * (FIT_FOLDS - 1) / FIT_FOLDS || c.between < 1e-6)
        return HEED_RANGE;
    m->center[outcome] = c.mean;
    m->slope[outcome] = 1;
    m->noise[outcome] = c.within;
    m->bias[outcome] = c.within > 0 ? 0 : LEAST_BIAS * c.between;
    for (int k = 0; k < FIT_SOURCES; k++)
        if (k != (int)outcome)
            learn_source(m, rows, n, outcome, (enum fit_source)k, left_out);
    return learn_creators(m, rows, n, owners, outcome, left_out) ? HEED_OK : HEED_NOMEM;
}

static int64_t billionths(double x)
{
    double scaled = x * (double)FIT_UNIT;
    return scaled > -4e18 && scaled < 4e18 ? (int64_t)llround(scaled) : 0;
}

static void quantise(const struct model *m, struct quality_fit *f)
{
    f->mean = billionths(m->mean);
    f->of_creators = billionths(m->of_creators);
    f->own = billionths(m->between - m->of_creators);
    for (int k = 0; k < FIT_SOURCES; k++) {
        f->from[k].center = billionths(m->center[k]);
        f->from[k].slope = billionths(m->slope[k]);
        f->from[k].bias = billionths(m->bias[k]);
        f->from[k].noise = billionths(m->noise[k]);
    }
}

/* ── calibration: each outcome predicted without it ──────────────────────────────────────────── */

struct prediction {
    double predicted, observed;
    size_t row;
};

static int by_prediction(const void *a, const void *b)
{
    const struct prediction *x = a, *y = b;
    if (x->predicted != y->predicted)
        return x->predicted < y->predicted ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Predicts the outcomes of one fold from a model of the others, in which none of them is seen.   */
static enum heed_status predict(const struct fit_row *rows, size_t n, size_t owners,
                                enum fit_source outcome, int fold, struct fit_record *records,
                                struct prediction *p, size_t *p_n)
{
    struct model m;
    struct quality_fit f = {0};
    enum heed_status status = learn(&m, rows, n, owners, outcome, fold);
    if (status != HEED_OK)
        return status;
    quantise(&m, &f);
    memset(records, 0, (owners + 1) * sizeof *records);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            struct fit_row row = rows[i];
            bool held = (int)(i % FIT_FOLDS) == fold;
            if (held)
                row.from[outcome] = (struct fit_evidence){0};
            struct fit_record mine = fit_contribution(&f, &row), others = {0, 0, 0};
            struct fit_record *r = row.owner < owners ? &records[row.owner] : NULL;
            if (pass == 0) {
                if (r)
                    *r = (struct fit_record){r->weight + mine.weight, r->sum + mine.sum, 0};
            } else if (held && rows[i].from[outcome].weight > 0) {
                if (r)
                    others = (struct fit_record){r->weight - mine.weight, r->sum - mine.sum, 0};
                p[(*p_n)++] = (struct prediction){
                    fit_judge(&f, &row, &others, UINT32_MAX).score,
                    rows[i].from[outcome].sum / rows[i].from[outcome].weight, i};
            }
        }
    return HEED_OK;
}

static void calibrate(struct prediction *p, size_t n, const double *rules_score,
                      struct quality_fit *f)
{
    double error = 0, of_mean = 0, of_rules = 0, mean = one(f->mean);
    for (size_t i = 0; i < n; i++) {
        double o = p[i].observed, r = rules_score ? rules_score[p[i].row] : mean;
        error += (p[i].predicted - o) * (p[i].predicted - o);
        of_mean += (mean - o) * (mean - o);
        of_rules += (r - o) * (r - o);
    }
    f->error = billionths(error / (double)n);
    f->error_of_mean = billionths(of_mean / (double)n);
    f->error_of_rules = billionths(of_rules / (double)n);
    qsort(p, n, sizeof *p, by_prediction);
    for (size_t b = 0; b < FIT_BINS; b++) {
        double predicted = 0, observed = 0;
        size_t from = n * b / FIT_BINS, to = n * (b + 1) / FIT_BINS;
        for (size_t i = from; i < to; i++) {
            predicted += p[i].predicted;
            observed += p[i].observed;
        }
        double count = to > from ? (double)(to - from) : 1;
        f->bins[b] =
            (struct fit_bin){(uint32_t)(to - from), (uint32_t)llround(predicted / count * 1e6),
                             (uint32_t)llround(observed / count * 1e6)};
    }
}

enum heed_status fit_learn(const struct fit_row *rows, size_t n, size_t owners,
                           enum fit_source outcome, const double *rules_score,
                           struct quality_fit *out)
{
    struct quality_fit f = {.known = true, .in_force = true, .outcome = (uint8_t)outcome};
    struct model m;
    struct prediction *p = malloc((n + 1) * sizeof *p);
    struct fit_record *records = malloc((owners + 1) * sizeof *records);
    size_t p_n = 0;
    enum heed_status status = p && records ? HEED_OK : HEED_NOMEM;
    for (size_t i = 0; i < n; i++)
        f.targets += rows[i].from[outcome].weight > 0;
    if (status == HEED_OK && f.targets < FIT_MIN_TARGETS)
        status = HEED_RANGE;
    if (status == HEED_OK)
        status = learn(&m, rows, n, owners, outcome, -1);
    if (status == HEED_OK)
        quantise(&m, &f);
    for (int fold = 0; status == HEED_OK && fold < FIT_FOLDS; fold++)
        status = predict(rows, n, owners, outcome, fold, records, p, &p_n);
    if (status == HEED_OK) {
        calibrate(p, p_n, rules_score, &f);
        *out = f;
    }
    free(p);
    free(records);
    return status;
}

/* ── bytes ───────────────────────────────────────────────────────────────────────────────────── */

/* The first byte; facts of an earlier heed were all in force. */
enum { KEPT_NOTHING, KEPT_IN_FORCE, KEPT_ASIDE };

void fit_save(const struct quality_fit *f, struct sink *s)
{
    sink_u8(s, f->known ? f->in_force ? KEPT_IN_FORCE : KEPT_ASIDE : KEPT_NOTHING);
    if (!f->known)
        return;
    sink_u8(s, f->outcome);
    sink_u32(s, f->targets);
    sink_i64(s, f->mean);
    sink_i64(s, f->own);
    sink_i64(s, f->of_creators);
    for (int k = 0; k < FIT_SOURCES; k++) {
        sink_i64(s, f->from[k].center);
        sink_i64(s, f->from[k].slope);
        sink_i64(s, f->from[k].bias);
        sink_i64(s, f->from[k].noise);
    }
    sink_i64(s, f->error);
    sink_i64(s, f->error_of_mean);
    sink_i64(s, f->error_of_rules);
    for (int b = 0; b < FIT_BINS; b++) {
        sink_u32(s, f->bins[b].n);
        sink_u32(s, f->bins[b].predicted_ppm);
        sink_u32(s, f->bins[b].observed_ppm);
    }
}

/* A number of 0 .. most units.                                                                   */
static int64_t bounded(struct source *s, int64_t least, int64_t most)
{
    int64_t v = source_i64(s);
    if (v < least || v > most)
        s->failed = true;
    return s->failed ? 0 : v;
}

bool fit_load(struct quality_fit *f, struct source *s)
{
    static const int64_t MOST = 1000 * FIT_UNIT;
    *f = (struct quality_fit){0};
    uint8_t known = source_u8(s);
    if (s->failed || known > KEPT_ASIDE)
        return false;
    if (known == KEPT_NOTHING)
        return true;
    struct quality_fit in = {.known = true, .in_force = known == KEPT_IN_FORCE};
    in.outcome = source_u8(s);
    in.targets = source_u32(s);
    in.mean = bounded(s, 0, FIT_UNIT);
    in.own = bounded(s, 1, FIT_UNIT);
    in.of_creators = bounded(s, 0, FIT_UNIT);
    for (int k = 0; k < FIT_SOURCES; k++) {
        in.from[k].center = bounded(s, -MOST, MOST);
        in.from[k].slope = bounded(s, 0, MOST);
        in.from[k].bias = bounded(s, 0, MOST);
        in.from[k].noise = bounded(s, 0, MOST);
    }
    in.error = bounded(s, 0, FIT_UNIT);
    in.error_of_mean = bounded(s, 0, FIT_UNIT);
    in.error_of_rules = bounded(s, 0, FIT_UNIT);
    for (int b = 0; b < FIT_BINS; b++) {
        in.bins[b].n = source_u32(s);
        in.bins[b].predicted_ppm = source_u32(s);
        in.bins[b].observed_ppm = source_u32(s);
        if (in.bins[b].predicted_ppm > 1000000 || in.bins[b].observed_ppm > 1000000)
            s->failed = true;
    }
    if (s->failed || (in.outcome != SOURCE_EXPERT && in.outcome != SOURCE_RATING))
        return false;
    *f = in;
    return true;
}
