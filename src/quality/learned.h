/* What `quality fit` learns from a world, all of it integers: the weights of the combined score of
 * contents (quality/fit.h; goods and services are engaged with otherwise and keep the rules'), how
 * far each rater can be relied on (quality/raters.h), and how much of an impression each position
 * of a feed is (quality/positions.h). Journalled as a fact, so a replay learns nothing and comes to
 * the same scores. Until the next fit it stays as it is; people who rate for the first time weigh
 * as the average rater.                                            */
#ifndef HEED_QUALITY_LEARNED_H
#define HEED_QUALITY_LEARNED_H

#include "quality/fit.h"
#include "quality/positions.h"
#include "quality/quality.h"

struct rater_weight {
    uint16_t weight_milli; /* 1000: as the average rater */
    int16_t bias_milli;    /* what he gives too much, of a scale of 1000 */
};

struct learned {
    int64_t learnt_at_ms;
    struct quality_fit fit;
    uint32_t positions_n; /* examined_ppm of further positions: all of the impression */
    uint32_t examined_ppm[POSITIONS_MAX];
    struct rater_weight *raters; /* [raters_n] by user; further users: 1000, 0 */
    size_t raters_n;
};
void learned_deinit(struct learned *l);

/* What people did with a target, from behaviour. observers: how many independent showings that is
 * at most, since one who looks a hundred times is still one: people reached and slots served. */
struct quality_seen {
    uint64_t engagements, impressions, observers;
};
typedef struct quality_seen quality_seen_fn(const void *context, uint32_t target);

/* Learns from all that q holds. outcome: SOURCE_RATING, SOURCE_EXPERT, or FIT_SOURCES for experts
 * if they have judged enough targets, else ratings. Where the outcomes are too few, out->fit is not
 * `known` but positions and raters are as far as they can be told. Into *out, which holds nothing.
 * HEED_NOMEM. O(ratings + targets + positions).                                                  */
HEED_MUST_CHECK enum heed_status quality_learn(const struct quality *q,
                                               const struct quality_rules *r,
                                               const struct catalogue *c, quality_seen_fn *seen,
                                               const void *context, enum fit_source outcome,
                                               struct learned *out);

/* Puts it in force; *l is q's then, and empty. HEED_NOMEM leaves the state unusable. O(ratings). */
HEED_MUST_CHECK enum heed_status quality_adopt(struct quality *q, struct learned *l);

void learned_save(const struct learned *l, struct sink *s);
/* Into *l, which holds nothing. HEED_INPUT (damaged), HEED_NOMEM: *l is empty. */
HEED_MUST_CHECK enum heed_status learned_load(struct learned *l, struct source *s,
                                              struct heed_error *err);

/* ── scores under what was learnt ── */

/* Creators' records and impressions that nobody looked at, of one moment.                        */
struct quality_view {
    struct fit_record *records; /* [owners_n] by party; NULL: none */
    double *unexamined;         /* [contents_n] impressions; NULL: none */
    size_t owners_n, contents_n;
};
void quality_view_deinit(struct quality_view *v);

/* Into *out, which holds nothing; empty where nothing was learnt. HEED_NOMEM. O(targets). */
HEED_MUST_CHECK enum heed_status quality_view_make(const struct quality *q,
                                                   const struct quality_rules *r,
                                                   const struct catalogue *c, quality_seen_fn *seen,
                                                   const void *context, struct quality_view *out);

/* The score of a target in force: by what was learnt, else by the rules (quality_score). */
struct quality_score quality_judge(const struct quality *q, const struct quality_rules *r,
                                   const struct quality_view *v, const struct catalogue *c,
                                   uint32_t target, const struct quality_seen *seen);
#endif
