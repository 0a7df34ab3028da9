/* Offline evaluation: part of what people did is hidden, models learn from the rest and are asked
 * for it back. */
#ifndef HEED_ALLOCATION_EVAL_H
#define HEED_ALLOCATION_EVAL_H

#include "allocation/metrics.h"
#include "allocation/model.h"
#include "allocation/split.h"

struct eval_options {
    const struct model_spec *models;
    size_t models_n, k;
    const struct sparse *features; /* as in struct training; may be NULL */
    const struct intern *names;    /* likewise */
    uint64_t seed;
    unsigned threads;
    double (*clock_s)(void *context); /* for train_s and users_per_s; NULL: they stay 0 */
    /* May be NULL; what is in work ("train ease"), how much of it is done. */
    void (*progress)(void *context, const char *what, double share);
    void *context;
};

struct eval_result {
    const char *algorithm;
    struct metrics metrics;
    double train_s, users_per_s;
};

/* results[models_n] out. Items seen in training are not offered; items that a model scores alike
 * stand in an order drawn from the seed. Same results on any number of threads.
 * Errors: HEED_RANGE k is 0 or above the catalogue, a catalogue of one, a score that is not a
 * number, or what the model says; HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status eval_run(const struct split *split, const struct eval_options *o,
                                          struct eval_result *results, struct heed_error *err);

/* shown[rows * k] out: the first k for every row of the split that has test items, RANKING_NONE for
 * the others and after the end.
 * Errors: as eval_run.                                                                           */
HEED_MUST_CHECK enum heed_status eval_rank(const struct model_kind *kind, const void *model,
                                           const struct split *split, const struct eval_options *o,
                                           uint32_t *shown, struct heed_error *err);
#endif
