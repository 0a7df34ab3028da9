/* Feeds: what allocation needs, gathered from the state, and kept while it stays true. */
#ifndef HEED_ENGINE_H
#define HEED_ENGINE_H

#include "allocation/allocation.h"
#include "quality/learned.h"
#include "world/world.h"

void engine_free(struct engine *e);

/* The feed of one user now: k slots at most (0: the rules'). `algorithm` CALL_ABSENT: the rules'.
 * to_serve: what came next is kept too, and the last slot may go to another, as the rules say
 * (allocation/explore.h), by a draw that the number of commands so far decides. A pure function of
 * the state, but that scores and what goes together may be as old as allocation.refresh, counted to
 * `now_ms`, where nothing was decided since (world.h). They are made anew in O(contents) after any
 * change, what goes together only after new acts.                                               */
struct feed_fact;
HEED_MUST_CHECK enum heed_status engine_feed(struct world *w, uint32_t user, int64_t k,
                                             int64_t algorithm, int64_t now_ms, bool to_serve,
                                             struct feed_fact *out, struct heed_error *err);

/* A number for all that decides which feed one gets, besides what people have done: rules,
 * algorithm, what was learnt, the model in use. Another number: another policy. Never 0. */
uint64_t engine_policy(const struct world *w, int64_t algorithm);

/* Exposure and quality of all contents for settling epoch `number`, as the facts of a call.      */
HEED_MUST_CHECK enum heed_status engine_settle(struct world *w, int64_t number,
                                               struct strbuf *facts, struct heed_error *err);

/* What would become of a floor. */
struct floor_outlook {
    size_t people, contents; /* who would get feeds; what the floor is for */
    uint64_t slots;          /* of all their feeds */
    bool kept;
    uint32_t min_share_ppm; /* of the least shown */
    uint32_t highest_ppm;   /* a floor that is kept, to a thousandth; one above it was not */
};

/* Makes the feeds of an epoch, without recording them, for whoever acted within an epoch's length
 * of the newest act, with this floor in place of the rules', and searches for the highest that is
 * kept. Errors: HEED_NOMEM. Cost: up to 11 epochs' feeds. */
HEED_MUST_CHECK enum heed_status engine_floor(struct world *w, uint32_t floor_ppm,
                                              struct floor_outlook *out, struct heed_error *err);

/* Whether and how a content may be shown: not when its creator is erased, else what moderation says
 * of it and of its creator, the stricter of the two. */
enum eligibility engine_eligibility(const struct state *s, uint32_t content);
/* Whether the floor is for a content: it may be shown to people, without limit.                  */
bool engine_shows(const struct state *s, uint32_t content);

/* What moderation says of a target and of its owner (HANDLE_NONE: nobody), the stricter of the two;
 * not at all when the owner, or the target itself as a user, is erased. */
enum eligibility engine_gate(const struct state *s, uint32_t target, uint32_t owner);

/* What quality_judge needs of the whole world, made anew after any change; the engine's. NULL: no
 * memory. O(targets).                                                                           */
const struct quality_view *engine_view(struct world *w, struct heed_error *err);
/* Quality of a target as it stands; view: of the world as it is now. O(1).                      */
struct quality_score engine_quality(const struct world *w, const struct quality_view *view,
                                    uint32_t target);

/* What feeds count of a quality: with the rules' curiosity, in 0..1. */
double engine_hoped(const struct world *w, const struct quality_score *q);

/* What `quality fit` learns from the world, as the facts of a call. outcome: the call's, or
 * CALL_ABSENT.                                                                                  */
HEED_MUST_CHECK enum heed_status engine_learn(struct world *w, int64_t outcome, bool force,
                                              struct strbuf *facts, struct heed_error *err);
/* Trains a model on all acts: its fact as bytes. Nothing to learn from: none. spec: with settings;
 * keep, seed: the call's, or CALL_ABSENT. Errors: those of version_train.                        */
HEED_MUST_CHECK enum heed_status engine_train(struct world *w, const struct model_spec *spec,
                                              int64_t keep, int64_t seed, int64_t time_ms,
                                              struct strbuf *facts, struct heed_error *err);
/* The same of an update of version `from`, whose numbers are kept. Nothing to take in: none;
 * *learns false: for nothing tells what goes together. Errors: those of version_update. */
HEED_MUST_CHECK enum heed_status engine_update(struct world *w, const struct model_version *from,
                                               const struct model_spec *spec, int64_t time_ms,
                                               struct strbuf *facts, bool *learns,
                                               struct heed_error *err);
/* Decayed popularity of a target at the world's latest event, in points.                        */
double engine_popularity(const struct world *w, const struct target_stats *t);
#endif
