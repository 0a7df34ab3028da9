/* What the files that make feeds share; not for others. */
#ifndef HEED_ENGINE_PARTS_H
#define HEED_ENGINE_PARTS_H

#include "world/apply.h"
#include "world/audience.h"
#include "world/engine.h"

struct engine {
    uint64_t acts;               /* behaviour's events and refunds when relevance was made */
    size_t contents;             /* and contents then                        */
    uint64_t version;            /* of the world when the scores were made   */
    int64_t made_ms;             /* and the time of the call they were for   */
    struct relevance *relevance; /* NULL while the model knows all contents */
    struct stored_model model;   /* of version model_number; 0: none is in use */
    uint32_t model_number;
    struct allocator *allocator;
    uint64_t feeds; /* the allocator made */
    uint8_t *eligible;
    double *popularity, *engagement, *quality, *shown_quality;
    struct constrained_contents constrained;
    struct quality_view view;
    uint64_t view_version; /* of the world when it was made, plus one; 0: never */
    /* one user's history and what must not be shown, grown as needed */
    uint32_t *items, *blocked;
    float *weights;
    size_t items_cap, weights_cap, blocked_cap;
};

/* behaviour_decay without its rounding: what is small stays more than what is smaller, however
 * long ago. */
double engine_decayed(const struct world *w, int64_t weight, int64_t age_ms);

/* Makes all that is older than max_age_ms at now_ms, or than what was decided.                   */
enum heed_status engine_refresh(struct world *w, int64_t now_ms, int64_t max_age_ms,
                                struct heed_error *err);

/* A user's contents with a positive preference, but for his own; *n of them in e->items,
 * e->weights, decayed from the user's newest act: only the proportions matter, and who stays away
 * for years keeps them.                                                                         */
enum heed_status history_of(struct world *w, uint32_t user, size_t *n, struct heed_error *err);

/* Histories of users[n] (NULL: everybody, in order of handle). Freed by histories_deinit.        */
enum heed_status histories_of(struct world *w, const uint32_t *users, size_t n,
                              struct allocation_histories *h, struct heed_error *err);
void histories_deinit(struct allocation_histories *h);

/* Blocks for each of users[h->n] what he must not be shown.                                      */
enum heed_status histories_block(const struct world *w, const uint32_t *users,
                                 struct allocation_histories *h, struct heed_error *err);
#endif
