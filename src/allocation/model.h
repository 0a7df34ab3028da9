/* Models of relevance: what a user would attend to next, learnt from who attended to what.
 *
 * Every model is one row of struct model_kind in a file of its own; all train on the same sparse
 * matrix and score from a history alone, so that a user who was not there in training, or has done
 * more since, is served without training again. Seeded, and the same on any number of threads.   */
#ifndef HEED_ALLOCATION_MODEL_H
#define HEED_ALLOCATION_MODEL_H

#include "allocation/sparse.h"
#include "base/str.h"

enum { MODEL_PARAMS = 8, MODELS_MAX = 16 };

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
    uint64_t seed;
    unsigned threads;
    void (*progress)(void *context, double share); /* may be NULL */
    void *context;
};

struct model_kind {
    const char *name;
    const struct model_param *params;
    size_t params_n;
    /* param[params_n] in, *model out, free'd by `free`.
     * Errors: HEED_NOMEM, HEED_RANGE (singular, too large), with remedy.                         */
    enum heed_status (*train)(const struct training *t, const double *param, void **model,
                              struct heed_error *err);
    /* score[items] out, for a user with this history; `user` only tells users apart. Any thread. */
    enum heed_status (*score)(const void *model, size_t user, struct sparse_row history,
                              double *score);
    void (*free)(void *model);
};

extern const struct model_kind model_random, model_popularity, model_knn, model_ease, model_ials,
    model_blend;

/* A model to be trained: its kind and settings.                                                  */
struct model_spec {
    const struct model_kind *kind;
    double param[MODEL_PARAMS];
};

/* Reads "ease,ials" into specs[MODELS_MAX] with default settings.
 * Errors: HEED_USAGE unknown or twice; the message lists the names.                              */
HEED_MUST_CHECK enum heed_status model_names_parse(struct str names, struct model_spec *specs,
                                                   size_t *n, struct heed_error *err);

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
#endif
