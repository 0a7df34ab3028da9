#include "quality/raters.h"
#include "quality/shrink.h"

#include <stdlib.h>

enum { STEPS = 12 };
static const double LEAST = 1. / 16, MOST = 4;

/* The sums behind one rater's error, gathered while walking over the ratings.                    */
struct error_sums {
    double weight, sum; /* of what his ratings differ from the others' */
    double squares;     /* (difference - bias)^2 - what the others leave open */
};

void raters_deinit(struct raters *r)
{
    free(r->by_user);
    for (int kind = 0; kind < TARGET_KINDS; kind++)
        free(r->targets[kind]);
    memset(r, 0, sizeof *r);
}

static bool is_rating(const struct rating_entry *e)
{
    return e->kind == RATING_USER;
}

static struct weighted_ratings *target_of(const struct raters *r, const struct rating_entry *e)
{
    return &r->targets[target_kind(e->target)][target_index(e->target)];
}

static bool make_room(const struct quality *q, struct raters *r)
{
    for (size_t i = 0; i < q->entries_n; i++)
        if (is_rating(&q->entries[i]) && q->entries[i].user >= r->users_n)
            r->users_n = (size_t)q->entries[i].user + 1;
    r->by_user = calloc(r->users_n + 1, sizeof *r->by_user);
    bool ok = r->by_user != NULL;
    for (int kind = 0; kind < TARGET_KINDS; kind++) {
        r->targets_n[kind] = q->targets[kind].n;
        r->targets[kind] = calloc(r->targets_n[kind] + 1, sizeof *r->targets[kind]);
        ok = ok && r->targets[kind];
    }
    for (size_t i = 0; ok && i < q->entries_n; i++)
        if (is_rating(&q->entries[i]))
            r->by_user[q->entries[i].user].ratings++;
    for (size_t i = 0; ok && i < r->users_n; i++)
        r->by_user[i].weight = 1;
    return ok;
}

static void weigh_targets(const struct quality *q, struct raters *r)
{
    for (int kind = 0; kind < TARGET_KINDS; kind++)
        memset(r->targets[kind], 0, r->targets_n[kind] * sizeof *r->targets[kind]);
    for (size_t i = 0; i < q->entries_n; i++) {
        const struct rating_entry *e = &q->entries[i];
        if (!is_rating(e))
            continue;
        const struct rater *u = &r->by_user[e->user];
        struct weighted_ratings *t = target_of(r, e);
        double x = e->score_milli / 1000. - u->bias;
        t->count++;
        t->weight += u->weight;
        t->sum += u->weight * x;
        t->squares += u->weight * x * x;
    }
}

struct left_out {
    double difference, open; /* from the others' mean; its variance */
};

/* A rating, bias and all, against what the others say of its target.                             */
static struct left_out against_others(const struct raters *r, const struct rating_entry *e,
                                      double mean, double within, double between)
{
    const struct rater *u = &r->by_user[e->user];
    const struct weighted_ratings *t = target_of(r, e);
    double x = e->score_milli / 1000.;
    double weight = t->weight - u->weight, sum = t->sum - u->weight * (x - u->bias);
    if (t->count < 2)
        weight = sum = 0;
    double precision = weight / within + 1 / between;
    return (struct left_out){x - (sum / within + mean / between) / precision, 1 / precision};
}

static void weigh_raters(const struct quality *q, struct raters *r, struct error_sums *sums,
                         double mean, double within, double between, int32_t strength)
{
    double shared = 0, raters = 0, spread = 0;
    memset(sums, 0, r->users_n * sizeof *sums);
    for (size_t i = 0; i < q->entries_n; i++) {
        const struct rating_entry *e = &q->entries[i];
        if (!is_rating(e))
            continue;
        struct left_out d = against_others(r, e, mean, within, between);
        double w = 1 / (within / r->by_user[e->user].weight + d.open);
        sums[e->user].weight += w;
        sums[e->user].sum += w * d.difference;
    }
    /* how much biases differ: what means of differences do beyond chance */
    for (size_t i = 0; i < r->users_n; i++)
        if (r->by_user[i].ratings > 1) {
            double b = sums[i].sum / sums[i].weight;
            shared += sums[i].weight * b;
            spread += sums[i].weight * b * b - 1;
            raters += sums[i].weight;
        }
    shared = raters > 0 ? shared / raters : 0;
    spread = raters > 0 ? spread / raters - shared * shared : 0;
    for (size_t i = 0; i < r->users_n; i++)
        r->by_user[i].bias =
            spread > 0 && r->by_user[i].ratings > 0
                ? (sums[i].sum - sums[i].weight * shared) * spread / (sums[i].weight * spread + 1)
                : 0;
    weigh_targets(q, r);
    for (size_t i = 0; i < q->entries_n; i++) {
        const struct rating_entry *e = &q->entries[i];
        if (!is_rating(e))
            continue;
        struct left_out d = against_others(r, e, mean, within, between);
        double error = d.difference - r->by_user[e->user].bias - shared;
        sums[e->user].squares += error * error - d.open;
    }
    for (size_t i = 0; i < r->users_n; i++) {
        double noise =
            (strength * within + sums[i].squares) / (strength + (double)r->by_user[i].ratings);
        double weight = noise > within / MOST ? within / noise : MOST;
        r->by_user[i].weight = weight > LEAST ? weight : LEAST;
    }
}

enum heed_status raters_estimate(const struct quality *q, int32_t strength, struct raters *out)
{
    memset(out, 0, sizeof *out);
    if (!make_room(q, out)) {
        raters_deinit(out);
        return HEED_NOMEM;
    }
    weigh_targets(q, out);
    const struct prior_sums *p = &q->prior[RATING_USER];
    struct variance_components c = shrink_components(p);
    double within = c.within / 1e6, between = c.between / 1e6;
    if (strength <= 0 || p->targets < SHRINK_MIN_TARGETS ||
        p->all.n - p->targets < SHRINK_MIN_REPEATS || within <= 0 || between <= 0)
        return HEED_OK;
    struct error_sums *sums = calloc(out->users_n + 1, sizeof *sums);
    if (!sums) {
        raters_deinit(out);
        return HEED_NOMEM;
    }
    for (int step = 0; step < STEPS; step++) {
        weigh_raters(q, out, sums, c.mean / 1000, within, between, strength);
        weigh_targets(q, out);
    }
    free(sums);
    return HEED_OK;
}
