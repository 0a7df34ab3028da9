/* Models of relevance: what a user would attend to next, learnt from who attended to what.
 *
 * Every model is one row of struct model_kind in a file of its own; all train on the same sparse
 * matrix and score from a history alone, so that a user who was not there in training, or has done
 * more since, is served without training again. Seeded, and the same on any number of threads.   */
#ifndef HEED_ALLOCATION_MODEL_H
#define HEED_ALLOCATION_MODEL_H

#include "allocation/sparse.h"
#include "base/intern.h"
#include "base/str.h"

enum { MODEL_PARAMS = 12, MODELS_MAX = 16 };

struct model_param {
    const char *name;
    double fallback, least, most;
    bool whole; /* an integer */
    const char *help;
};

struct training {
    const struct sparse *users; /* a row a user, a column an item */
    const struct sparse *items; /* the same turned round */
    /* A row an attribute (a word of a name, a genre), a column an item, the value how much it says;
     * NULL: none are known.                                                                      */
    const struct sparse *features;
    const struct intern
        *names; /* of the items, for what is said of them; NULL: they are numbered */
    uint64_t seed;
    unsigned threads;
    void (*progress)(void *context, double share); /* may be NULL */
    void *context;
};

/* Where the data differ from those a model has seen: rows (users) and columns (items) that gained
 * or lost pairs, each once; users who are new stand behind the others, and none goes. */
struct model_change {
    uint32_t *users, *items;
    size_t users_n, items_n;
    uint64_t pairs; /* gained and lost */
};

struct stored_model; /* stored.h */

struct model_kind {
    const char *name;
    const struct model_param *params;
    size_t params_n;
    /* words[params_n]: "exact|cg", what a setting is called that is 0, 1 …, where it is not a
     * number; NULL where it is, and all NULL when all are numbers. The first is what was done when
     * there was no choice. */
    const char *const *words;
    /* param[params_n] in, *model out, free'd by `free`.
     * Errors: HEED_NOMEM, HEED_RANGE (singular, too large), with remedy.                         */
    enum heed_status (*train)(const struct training *t, const double *param, void **model,
                              struct heed_error *err);
    /* score[items] out, for a user with this history; `user` only tells users apart. Any thread. */
    enum heed_status (*score)(const void *model, size_t user, struct sparse_row history,
                              double *score);
    /* The same for n users, score[n * items]; NULL: there is nothing to gain by it. */
    enum heed_status (*score_many)(const void *model, const struct sparse_row *histories, size_t n,
                                   double *score);
    void (*free)(void *model);
    /* Brings the model to t, which differs from what it last saw by `change` alone. NULL: only
     * training anew does. What each makes of it stands in its file; on error it is as it was.
     * Errors: HEED_NOMEM; HEED_RANGE another number of items, singular, with remedy. No score may
     * be asked for meanwhile.                                                                    */
    enum heed_status (*update)(void *model, const struct training *t,
                               const struct model_change *change, struct heed_error *err);
    /* Whether an update leaves the weights as they are while no more than `owed` pairs of `pairs`
     * have changed since they were made; else it makes them all anew, from the data alone. NULL:
     * never, what it makes of few changes costs little.                                          */
    /* Whether an update leaves the weights as they are while no more than `owed` pairs of `pairs`
     * have changed since they were made; else it makes them all anew, from the data alone. NULL:
     * never, what it makes of few changes costs little.                                          */
    bool (*waits)(const double *param, uint64_t owed, uint64_t pairs);
    const char *waits_by; /* the setting that says so, and nothing of the weights */
    /* A model to be updated, from what is stored of one; changed->users must then be all users, and
     * changed->items all items where something was left out (from->dropped). Items that it had no
     * numbers for when it was trained stand behind the first `trained`. NULL: not from this.
     * Errors: HEED_NOMEM; HEED_INPUT it does not fit the settings. */
    enum heed_status (*resume)(const struct stored_model *from, size_t trained, const double *param,
                               void **model);
    /* As whole numbers (stored.h), with the strongest `keep` weights of each item; NULL: a world
     * does not keep this kind. Errors: those of stored_make. */
    enum heed_status (*store)(const void *model, size_t keep, struct stored_model *out,
                              struct heed_error *err);
    bool stores_factors, stores_counts; /* else weights alone */
    bool by_attributes;                 /* learns from training->features */
};

extern const struct model_kind model_random, model_popularity, model_knn, model_ease, model_ials,
    model_blend;

/* change, from the users' matrices before and now, both ascending, by value NULL; free it with
 * model_change_deinit. O(pairs + rows + columns). Errors: HEED_NOMEM.                            */
HEED_MUST_CHECK enum heed_status
model_change_find(const struct sparse *before, const struct sparse *now, struct model_change *out);
void model_change_deinit(struct model_change *c);

/* kind->update; HEED_USAGE when it has none. A user's own new acts need no update to count for him:
 * they are in the history that is scored. It is for what they say to others.                     */
HEED_MUST_CHECK enum heed_status model_update(const struct model_kind *kind, void *model,
                                              const struct training *t,
                                              const struct model_change *change,
                                              struct heed_error *err);

/* HEED_RANGE with remedy unless t has `items` items; for the kinds.                              */
HEED_MUST_CHECK enum heed_status model_same_items(const struct training *t, size_t items,
                                                  const char *name, struct heed_error *err);

/* A model to be trained: its kind and settings.                                                  */
struct model_spec {
    const struct model_kind *kind;
    double param[MODEL_PARAMS];
};

/* Reads "ease,ials" into specs[MODELS_MAX] with default settings.
 * Errors: HEED_USAGE unknown or twice; the message lists the names.                              */
HEED_MUST_CHECK enum heed_status model_names_parse(struct str names, struct model_spec *specs,
                                                   size_t *n, struct heed_error *err);

/* A setting's number: finite, decimal, below 64 characters. false: not one.                      */
bool model_number(struct str text, double *out);

/* A setting as it is written: 0.005, 128, cg. */
const char *model_param_text(const struct model_spec *spec, size_t param, char room[64]);

/* Sets "lambda=30" in every spec that has it, or "ease.lambda=30" in that one; several are joined
 * by commas. Errors: HEED_USAGE not of that form, no spec has it, not a number, out of bounds. */
HEED_MUST_CHECK enum heed_status model_params_parse(struct str text, struct model_spec *specs,
                                                    size_t n, struct heed_error *err);

/* The model of EASE for a test's eyes: the weight of item i's presence for item j.               */
float ease_weight(const void *model, size_t i, size_t j);

/* iALS for a test's eyes: factors[rows * d] of users or items, and the loss that training lowers,
 *   sum over what is there (y - 1)^2 + alpha sum over all y^2
 *   + lambda (sum_u (n_u + alpha items)^nu |w_u|^2 + sum_i (n_i + alpha users)^nu |h_i|^2).      */
struct ials_view {
    const double *users, *items;
    size_t factors;
};
struct ials_view ials_view(const void *model);

/* iALS from the items' factors alone, each a whole number of `unit`ths: all that scoring needs, so
 * ials_view has no users. *model is free'd by model_ials.free. Errors: HEED_NOMEM; HEED_INPUT n is
 * not the number of factors that param says, or they cannot be turned. */
HEED_MUST_CHECK enum heed_status ials_of_factors(const int32_t *factors, size_t items, size_t n,
                                                 double unit, const double *param, void **model);
/* A blend from what is stored of one. *model is free'd by model_blend.free. Errors: HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status blend_of_stored(const struct stored_model *from,
                                                 const double *param, void **model);
/* model_blend.score in the caller's room[blend_room]. */
size_t blend_room(const void *model);
void blend_score_in(const void *model, struct sparse_row history, double *room, double *score);

/* model_ials.score in the caller's room[ials_room]. false: the normal equations are singular.    */
size_t ials_room(const void *model);
HEED_MUST_CHECK bool ials_score_in(const void *model, struct sparse_row history, double *room,
                                   double *score);
#endif
