/* A trained model as whole numbers: what a world keeps, and what its feeds score from.
 *
 *   weights  (knn, ease)  what having item i adds to item j's score, in millionths; of each item j
 *                         (knn: of each i) only the strongest `keep`
 *   factors  (ials)       the items' factors in millionths; a user's are solved for from the
 *                         history as in training
 *   counts   (blend)      EASE's weights, what the constant adds to each item, how many have it,
 *                         and of each the strongest `keep` it stands together with, by how many
 *
 * How far a score can be from the trained model's, for a history of n items: weights n halves of a
 * millionth, and n times `dropped` where something was left out, `dropped` being the largest
 * magnitude of it; factors no bound is stated, measured below 1e-5 of a score's scale of 1. With
 * weights a score is a sum of whole numbers, the same on any machine.                            */
#ifndef HEED_ALLOCATION_STORED_H
#define HEED_ALLOCATION_STORED_H

#include "allocation/model.h"
#include "base/error.h"
#include "base/serial.h"

#define STORED_UNIT 1e6
enum {
    STORED_KEEP = 200,            /* weights of an item, where nothing else is said    */
    STORED_NUMBERS_MAX = 8 << 20, /* weights or factors of a model                     */
    STORED_WEIGHT_MAX = 1 << 24,  /* 16.8 in millionths: a float holds it exactly      */
    STORED_FACTOR_MAX = 1 << 30,
    STORED_BLEND_MAX = STORED_NUMBERS_MAX / 8, /* items of a blend                          */
    /* packed: 9 bytes a weight or count, 5 an item and 20 of a blend, at most                    */
    STORED_BYTES_MAX = 96 << 20,
};

struct stored_model {
    const struct model_kind *kind;
    size_t items;
    struct sparse weights; /* rows and columns are items, values whole millionths; at NULL: none */
    uint32_t dropped;      /* millionths, rounded up */
    int32_t *factors;      /* [items * factors_n]; NULL: none */
    size_t factors_n;
    struct sparse together; /* counts */
    int32_t *base;          /* [items] millionths; NULL: no counts */
    uint32_t *reach;        /* [items] */
    void *ready;            /* the model made anew from factors or counts, by stored_ready */
};
void stored_deinit(struct stored_model *m);

/* The kinds a world can keep: "knn, ease, ials, blend". */
bool stored_can(const struct model_kind *kind);
uint64_t stored_numbers(const struct stored_model *m); /* weights, factors or counts in all */

/* Of a trained model. keep >= 1; fewer are kept where items * keep would pass STORED_NUMBERS_MAX.
 * Errors: HEED_RANGE a kind that is not stored, a weight or factor too large, more items or factors
 * than there is room for, with remedy; HEED_NOMEM. *out then holds nothing.                      */
HEED_MUST_CHECK enum heed_status stored_make(const struct model_kind *kind, const void *model,
                                             size_t items, size_t keep, struct stored_model *out,
                                             struct heed_error *err);

/* As bytes, and back. unpack never trusts them: counts are bounded by the bytes there are, and
 * every item by `items`. Errors: HEED_INPUT cut short, or damaged; HEED_NOMEM.                   */
void stored_pack(const struct stored_model *m, struct sink *s);
HEED_MUST_CHECK enum heed_status stored_unpack(struct str bytes, const struct model_kind *kind,
                                               size_t items, struct stored_model *out,
                                               struct heed_error *err);

/* Makes m one over `items` items, no fewer: it says nothing of those that are more. Errors:
 * HEED_NOMEM; HEED_RANGE more factors than there is room for: m is as it was. */
HEED_MUST_CHECK enum heed_status stored_grow(struct stored_model *m, size_t items,
                                             struct heed_error *err);

/* Before the first score. param: those it was trained with. Errors: HEED_NOMEM; HEED_INPUT factors
 * of another number than param says.                                                             */
HEED_MUST_CHECK enum heed_status stored_ready(struct stored_model *m, const double *param,
                                              struct heed_error *err);
size_t stored_room(const struct stored_model *m); /* doubles */

/* score[items] out, of a history whose items are below m->items. No allocation. false: there is no
 * answer (the normal equations are singular), score is not to be read. O(history x weights of an
 * item + items), with factors O(history x factors^2 + factors^3 + items x factors). */
bool stored_score(const struct stored_model *m, struct sparse_row history, double *room,
                  double *score);

/* The same in the form that evaluation takes; `model` is a struct stored_model that is ready. */
extern const struct model_kind model_stored;

/* ── for the kinds that are stored ── */

/* A row of weights while a model is stored: item j with the strongest first or in any order.     */
struct stored_part {
    uint32_t item;
    double weight;
};
/* Weights for all of n rows, parts[row] from `part`; turned: a row is what others add to it. */
HEED_MUST_CHECK enum heed_status
stored_weights(struct stored_model *out, size_t items, size_t keep, bool turned,
               size_t (*parts)(const void *model, size_t row, struct stored_part *out),
               const void *model, const char *name, struct heed_error *err);
HEED_MUST_CHECK enum heed_status stored_factors(struct stored_model *out, const double *factors,
                                                size_t items, size_t n, struct heed_error *err);
#endif
