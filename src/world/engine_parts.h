/* What the files that make feeds share; not for others. */
#ifndef HEED_ENGINE_PARTS_H
#define HEED_ENGINE_PARTS_H

#include "allocation/kinds.h"
#include "world/apply.h"
#include "world/audience.h"
#include "world/engine.h"

/* Users, goods or services as allocation sees them. An item is a good's or service's handle; of
 * users, only those are items who have made something, in the order of their first contents: an
 * exported world brings people back in another order, contents in the same.                    */
struct shelf {
    size_t n;
    size_t things;    /* contents, goods or services when it was filled */
    uint64_t acts;    /* behaviour's events and refunds when relevance was made, plus one */
    uint64_t version; /* of the world when the scores were made, plus one; 0: never */
    struct relevance *relevance; /* cosine over the acts on this kind */
    struct allocator *allocator;
    uint64_t feeds;    /* the allocator made */
    uint32_t *owner;   /* [n] the user himself; seller, or HANDLE_NONE */
    uint32_t *item_of; /* [parties_n] of a user, or HANDLE_NONE; NULL for other kinds */
    size_t parties_n;
    uint8_t *eligible;
    double *popularity, *engagement, *quality;
    uint16_t *audiences;            /* rows of the rules' audience that speak of it */
    uint32_t *shown;                /* [n] of a user: his contents that may be shown at all */
    uint8_t *hidden, *hidden_owner; /* [n], [parties now] room for one user's, zero between */
};

struct engine {
    /* for one turn under the welfare, of all contents: grown as needed */
    uint64_t *given, *before;
    uint32_t *price;
    size_t given_cap, before_cap, price_cap;
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
    struct shelf shelves[TARGET_KINDS]; /* of users, goods, services, where rules ask for them */
    struct quality_view view;
    uint64_t view_version; /* of the world when it was made, plus one; 0: never */
    /* one user's history of a kind, and what of each must not be shown, grown as needed */
    uint32_t *items, *blocked[TARGET_KINDS];
    uint64_t *owed; /* what the floor owes each content now */
    size_t owed_cap;
    float *weights;
    size_t items_cap, weights_cap, blocked_cap[TARGET_KINDS];
};

/* behaviour_decay without its rounding: what is small stays more than what is smaller, however
 * long ago. */
double engine_decayed(const struct world *w, int64_t weight, int64_t age_ms);

/* Makes all that is older than max_age_ms at now_ms, or than what was decided.                   */
enum heed_status engine_refresh(struct world *w, int64_t now_ms, int64_t max_age_ms,
                                struct heed_error *err);

static inline struct allocator *engine_allocator(const struct engine *e, enum target_kind kind)
{
    return kind == TARGET_CONTENT ? e->allocator : e->shelves[kind].allocator;
}
/* The target behind an item of a kind's allocator, and back (HANDLE_NONE: it is no item).        */
uint32_t engine_target(const struct engine *e, enum target_kind kind, uint32_t item);
uint32_t engine_item(const struct engine *e, uint32_t target);

/* Starts a user's turn under the welfare: prices by what feeds have given since the last
 * settlement.
 */
enum heed_status turn_of(struct world *w, uint32_t user, uint32_t slots, struct welfare_turn *out,
                         struct heed_error *err);

/* ── histories ── */

/* A user's items of a kind with a positive preference, but for his own; *n of them in e->items,
 * e->weights, decayed from the user's newest act: only the proportions matter, and who stays away
 * for years keeps them.                                                                         */
enum heed_status history_of(struct world *w, enum target_kind kind, uint32_t user, size_t *n,
                            struct heed_error *err);

/* Histories of users[n] (NULL: everybody, in order of handle). Freed by histories_deinit.        */
enum heed_status histories_of(struct world *w, enum target_kind kind, const uint32_t *users,
                              size_t n, struct allocation_histories *h, struct heed_error *err);
void histories_deinit(struct allocation_histories *h);

/* Blocks for each of users[h->n] the contents that he must not be shown.                         */
enum heed_status histories_block(const struct world *w, const uint32_t *users,
                                 struct allocation_histories *h, struct heed_error *err);

/* ── shelves ── */

void shelf_deinit(struct shelf *x);
/* Makes those that the rules give a share; contents must be up to date. Nothing to do: no cost.  */
enum heed_status shelves_refresh(struct world *w, struct heed_error *err);

/* What of a kind a user must not be shown, into e->blocked[kind]; `contents`: what of those. */
enum heed_status shelf_hidden(struct world *w, enum target_kind kind, uint32_t user,
                              const uint32_t *contents, size_t contents_n, size_t *n,
                              struct heed_error *err);

/* Over an epoch's feeds, by kind.                                                                */
struct epoch_kinds {
    uint64_t slots[TARGET_KINDS];
    uint64_t few[TARGET_KINDS]; /* feeds with fewer slots of it than its share asks for */
};

/* Where contents stand in the feeds of users[h->n], whose blocks are made; h borrows *out, whose
 * arrays are freed by the caller. */
enum heed_status shelves_places(struct world *w, const uint32_t *users,
                                struct allocation_histories *h, struct feed_places *out,
                                struct epoch_kinds *totals, struct heed_error *err);
#endif
