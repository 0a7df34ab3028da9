#include "quality/quality.h"
#include "quality/record.h"
#include "quality/shrink.h"

#include "base/stats.h"

#include <math.h>

const char *quality_part_name(enum quality_part part)
{
    static const char *const names[QUALITY_PARTS] = {
        "rating", "expert", "interactivity", "originality", "creator", "prior", "moderation"};
    return part >= 0 && part < QUALITY_PARTS ? names[part] : "";
}

static const struct quality_target *target_row(const struct quality *q, uint32_t target)
{
    static const struct quality_target nothing;
    enum target_kind kind = target_kind(target);
    if (kind <= TARGET_NONE || kind >= TARGET_KINDS || target_index(target) >= q->targets[kind].n)
        return &nothing;
    return &q->targets[kind].rows[target_index(target)];
}

enum decision quality_gate(const struct quality *q, uint32_t target)
{
    return (enum decision)target_row(q, target)->gate;
}

bool quality_removed(const struct quality *q, uint32_t target)
{
    return quality_gate(q, target) == DECISION_REMOVE;
}

static void score_part(struct quality_score *s, enum quality_part part, double value,
                       uint64_t evidence, int32_t weight_milli)
{
    s->parts[part].value = value;
    s->parts[part].evidence = evidence;
    s->parts[part].weight = evidence > 0 && weight_milli > 0 ? weight_milli : 0;
}

/* Originality's evidence is the shingles of the text.                                            */
static void score_originality(struct quality_score *s, const struct quality *q,
                              const struct quality_rules *r, uint32_t target)
{
    struct copy_of copy = {.original = HANDLE_NONE};
    if (target_kind(target) == TARGET_CONTENT)
        copy = quality_copy_of(q, target_index(target));
    double similarity = (double)copy.similarity_ppm / 1e6; /* 0 when it is no copy */
    score_part(s, PART_ORIGINALITY, 1 - similarity, copy.shingles, r->originality_weight_milli);
}

/* Shares interactivity's weight by its evidence with whatever else there is; see quality.h. */
static void weigh_by_evidence(struct quality_score *s, int32_t strength)
{
    double *interactivity = &s->parts[PART_INTERACTIVITY].weight;
    double *originality = &s->parts[PART_ORIGINALITY].weight;
    double shown = (double)s->parts[PART_INTERACTIVITY].evidence;
    double z = *interactivity > 0 ? shown / (shown + (strength > 0 ? strength : 0)) : 0;
    bool judged = s->parts[PART_RATING].weight > 0 || s->parts[PART_EXPERT].weight > 0 ||
                  (*originality > 0 && s->parts[PART_ORIGINALITY].value < 1);
    s->parts[PART_PRIOR].value = .5;
    if (!judged) {
        double all = *interactivity + *originality;
        s->parts[PART_PRIOR].weight = z > 0 ? all * (1 - z) : 1;
        *originality *= z;
    }
    *interactivity *= z;
}

struct limits {
    double lower, at, upper;
};

/* Of a shrunk mean, by its posterior variance.                                                   */
static struct limits of_mean(double mean, double variance)
{
    double half = QUALITY_Z * sqrt(variance);
    return (struct limits){mean - half, mean, mean + half};
}

/* Where the worth lies; see quality.h. `known`: by part, those without a width are certain.      */
static void bound(struct quality_score *s, const struct limits known[QUALITY_PARTS])
{
    double all = 1 - s->parts[PART_PRIOR].weight, at = 0, below = 0, above = 0;
    if (all <= 0) {
        s->lower = 0;
        s->upper = 1;
        s->sd = sqrt(1. / 12);
        return;
    }
    for (int i = 0; i < QUALITY_PARTS; i++) {
        double w = i == PART_PRIOR ? 0 : s->parts[i].weight / all;
        double down = w * (known[i].at - known[i].lower), up = w * (known[i].upper - known[i].at);
        at += w * known[i].at;
        below += down * down;
        above += up * up;
    }
    s->lower = at - sqrt(below);
    s->upper = at + sqrt(above);
    s->sd = (s->upper - s->lower) / (2 * QUALITY_Z);
    quality_bound_score(s);
}

void quality_bound_score(struct quality_score *s)
{
    s->lower = s->lower < s->score ? s->lower : s->score;
    s->upper = s->upper > s->score ? s->upper : s->score;
    s->lower = s->lower > 0 ? s->lower : 0;
    s->upper = s->upper < 1 ? s->upper : 1;
    if (s->parts[PART_MODERATION].value <= 0)
        s->lower = s->upper = 0;
}

struct quality_score quality_score(const struct quality *q, const struct quality_rules *r,
                                   uint32_t target, uint64_t engagements, uint64_t impressions)
{
    struct quality_score s = {0};
    const struct quality_target *t = target_row(q, target);
    const struct rating_sums *user = &t->ratings[RATING_USER];
    const struct rating_sums *expert = &t->ratings[RATING_EXPERT];
    uint64_t shown = impressions > engagements ? impressions : engagements;

    score_part(&s, PART_RATING, shrink_mean(&q->prior[RATING_USER], user, r->prior_strength),
               user->n, r->rating_weight_milli);
    score_part(&s, PART_EXPERT, shrink_mean(&q->prior[RATING_EXPERT], expert, r->prior_strength),
               expert->n, r->expert_weight_milli);
    score_part(&s, PART_INTERACTIVITY, wilson_lower(engagements, shown, QUALITY_Z), shown,
               r->interactivity_weight_milli);
    score_originality(&s, q, r, target);
    weigh_by_evidence(&s, r->interactivity_strength);
    score_part(&s, PART_MODERATION, t->gate == DECISION_REMOVE ? 0 : 1, t->moderations, 0);

    double weights = 0, sum = 0;
    for (int i = 0; i < QUALITY_PARTS; i++)
        weights += s.parts[i].weight;
    for (int i = 0; i < QUALITY_PARTS; i++) {
        s.parts[i].weight /= weights;
        sum += s.parts[i].weight * s.parts[i].value;
    }
    s.score = sum < 1 ? sum : 1; /* the weights' rounding */
    s.score *= s.parts[PART_MODERATION].value;
    double rate = shown > 0 ? (double)engagements / (double)shown : 0;
    struct limits known[QUALITY_PARTS] = {
        [PART_RATING] =
            of_mean(s.parts[PART_RATING].value, shrink_variance(&q->prior[RATING_USER], user)),
        [PART_EXPERT] =
            of_mean(s.parts[PART_EXPERT].value, shrink_variance(&q->prior[RATING_EXPERT], expert)),
        [PART_INTERACTIVITY] = {s.parts[PART_INTERACTIVITY].value, rate,
                                wilson_upper(engagements, shown, QUALITY_Z)},
        [PART_ORIGINALITY] = {s.parts[PART_ORIGINALITY].value, s.parts[PART_ORIGINALITY].value,
                              s.parts[PART_ORIGINALITY].value},
    };
    bound(&s, known);
    return s;
}
