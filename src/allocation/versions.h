/* The models a world has learnt, in versions: each a fact with a checksum, one of them in use.
 *
 *   version 1 ─ 2 ─ 3 ─ … ─ n        numbers without gaps, from 1; 0 stands for no model
 *                   └ in use          the numbers of the newest MODELS_KEPT and of the one in use
 * are kept; of others only what the list shows
 *
 * A model knows the first `items` contents of its catalogue, told by a digest of their ids.      */
#ifndef HEED_ALLOCATION_VERSIONS_H
#define HEED_ALLOCATION_VERSIONS_H

#include "allocation/allocation.h"
#include "allocation/stored.h"
#include "base/hash.h"
#include "base/intern.h"

enum {
    MODELS_KEPT = 4,
    MODEL_TEXT_MAX = 512,
    /* version_save's: who had an item takes 13 bytes; a batch of the journal takes it */
    VERSION_BYTES_MAX = STORED_BYTES_MAX + 13 * STORED_NUMBERS_MAX + (4 << 10),
};

/* Who had an item when a model was made: how many, and a sum over them of 64 mixed bits, so that
 * others are told from these.                                                                    */
struct item_seen {
    uint32_t users;
    uint64_t who;
};

struct model_version {
    uint32_t number;
    uint32_t parent;        /* that it is an update of; 0: trained */
    uint64_t taken;         /* pairs gained and lost since the parent, as told by seen */
    uint64_t owed;          /* of these and those of updates before: not in the weights yet */
    struct item_seen *seen; /* [items]; NULL: not known, or kept no longer */
    int64_t trained_at_ms;
    struct model_spec spec; /* read from `params` */
    char *params;           /* "lambda=30", all of them; free'd by version_deinit */
    int64_t seed;
    uint64_t items, users, acts; /* acts: pairs of a user and a content */
    uint64_t numbers;            /* weights or factors */
    uint32_t keep, dropped;      /* asked for; in millionths, see stored.h */
    struct sha256 catalogue;     /* of the items' ids */
    struct sha256 checksum;      /* of the bytes */
    char *bytes;                 /* [bytes_n] stored_pack's; NULL: kept no longer */
    size_t bytes_n;
};
void version_deinit(struct model_version *v);

struct model_versions {
    struct model_version *list; /* [n], by number */
    size_t n, cap;
    uint32_t in_use; /* 0: none */
};
void versions_deinit(struct model_versions *v);

/* Number `number`, NULL when there is none. */
const struct model_version *versions_find(const struct model_versions *v, int64_t number);

/* SHA-256 over the first n ids, each with its length; n at most what there is. NULL ids: of none.
 * Errors: HEED_NOMEM. O(n).                                                                      */
HEED_MUST_CHECK enum heed_status catalogue_digest(const struct intern *ids, size_t n,
                                                  struct sha256 *out);

struct version_training {
    struct model_spec spec;
    uint32_t keep;
    int64_t seed;
    unsigned threads;
    size_t max_history;            /* strongest items of a user that are looked at */
    const struct intern *names;    /* of the items, for errors; may be NULL */
    const struct sparse *features; /* as in struct training; may be NULL */
};
/* Trains on histories over `items` items; catalogue, number and time are left to the caller. With
 * less than two items in any history there is nothing to learn: out->acts is 0 and nothing else.
 * Errors: those of the kind's train and of stored_make. *out holds nothing before, nor then.     */
HEED_MUST_CHECK enum heed_status version_train(const struct allocation_histories *h, size_t items,
                                               const struct version_training *t,
                                               struct model_version *out, struct heed_error *err);

/* Brings a version whose numbers are kept to these histories over `items` items, no fewer than it
 * has: *out is what from->spec.kind->update makes of it, by t->spec, which differs from from's in
 * settings of updates alone; t's keep and seed are not looked at. An item of which it is not known
 * who had it counts as changed whole. Nothing changed: out->bytes is NULL; less than two items in
 * any history: out->acts is 0; and nothing else then.
 * Errors: those of the kind's train and update, of stored_grow and stored_make. */
HEED_MUST_CHECK enum heed_status version_update(const struct allocation_histories *h, size_t items,
                                                const struct version_training *t,
                                                const struct model_version *from,
                                                struct model_version *out, struct heed_error *err);

/* Appends *v, which must be number n + 1 and is versions' then, and puts it in use. HEED_NOMEM:
 * nothing changed. */
HEED_MUST_CHECK enum heed_status versions_add(struct model_versions *versions,
                                              struct model_version *v);

/* Puts a version whose numbers are kept, or 0, in use. */
void versions_use(struct model_versions *v, uint32_t number);

/* The model of a version, ready to score. Errors: HEED_NOMEM; HEED_INPUT damaged. */
HEED_MUST_CHECK enum heed_status version_open(const struct model_version *v,
                                              struct stored_model *out, struct heed_error *err);

/* One version as bytes, and back: what a journal holds as a fact. load checks the checksum and all
 * that the bytes say; ids: the catalogue it must be of. Errors: HEED_INPUT cut short, of another
 * catalogue, a wrong checksum, damaged: which, with the number; HEED_NOMEM. *out holds nothing
 * then. Cost: O(bytes + items).                                                                  */
void version_save(const struct model_version *v, struct sink *s);
HEED_MUST_CHECK enum heed_status version_load(struct model_version *out, const struct intern *ids,
                                              struct source *s, struct heed_error *err);

/* The same versions over another catalogue: item i of `from` is item to[i] of ids, or UINT32_MAX:
 * it is not there, and what the models say of it is left out; no two are the same. to: as many as
 * the largest model has items. Items that no model knew have nothing in common with any other.
 * Who had an
 * item is not taken along: people have other numbers there. Where nothing moves, the same bytes;
 * else other checksums. With fewer than two items: no
 * versions. Errors: HEED_NOMEM; HEED_RANGE factors for more items than STORED_NUMBERS_MAX lets in.
 * Cost: O(numbers + items). */
HEED_MUST_CHECK enum heed_status versions_moved(const struct model_versions *from,
                                                const uint32_t *to, const struct intern *ids,
                                                struct model_versions *out, struct heed_error *err);
/* Items of the largest model. */
size_t versions_items(const struct model_versions *v);

void versions_save(const struct model_versions *v, struct sink *s);
HEED_MUST_CHECK enum heed_status versions_load(struct model_versions *v, const struct intern *ids,
                                               struct source *s, struct heed_error *err);
#endif
