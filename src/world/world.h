/* A world: the state that its journal determines, and the ways in and out.
 *
 * Every change goes   admit → apply → journal → reply:
 *   admit    text becomes a call: ids and symbols resolved, bounds and role checked, personal text
 *            sealed, facts computed. What is missing is refused here and never journalled.
 *   apply    the call changes the state, or is refused and changes nothing (and is not journalled).
 *   journal  world_commit writes all calls applied since the last commit as one batch, durable.
 *   reply    only after the commit.
 * If a commit fails the state in memory is ahead of the store: the world is then poisoned, every
 * later call says HEED_STORAGE, and opening it again gives the last committed state.
 *
 * Replay applies the journal's calls to an empty state, with the same functions. Nothing in apply
 * reads a clock, the store, the vault or a random source. */
#ifndef HEED_WORLD_H
#define HEED_WORLD_H

#include "allocation/versions.h"
#include "behaviour/behaviour.h"
#include "catalogue/catalogue.h"
#include "circulation/auctions.h"
#include "circulation/rules_versions.h"
#include "circulation/shop.h"
#include "circulation/venues.h"
#include "consumption/consumption.h"
#include "ledger/ledger.h"
#include "quality/quality.h"
#include "store/store.h"
#include "world/debts.h"
#include "world/journal.h"
#include "world/rules.h"
#include "world/table.h"
#include "world/welfare.h"

#include <jansson.h>

/* Exposure given to contents, in millionths of a top slot.                                      */
struct exposure {
    uint64_t *given, *popularity; /* [n] last settled epoch, under the rules and under popularity */
    uint64_t *given_sum;          /* [n] over all settled epochs                                 */
    uint64_t *popularity_sum;
    size_t n, cap;
};

/* The last feed served to a user.                                                               */
struct served_feed {
    int64_t time_ms;
    uint32_t user, surface; /* surface: symbol or HANDLE_NONE */
    uint32_t algorithm, n;
    uint64_t policy;                        /* version of what chose: engine_policy, or 0 */
    struct slot *slots;                     /* [n], owned */
    uint64_t engaged[(FEED_MAX + 63) / 64]; /* bit i: engagement followed on slot i */
    uint64_t seen[(FEED_MAX + 63) / 64];    /* bit i: an impression event was of slot i */
};

/* How far a file has been imported. Keyed by the digest of its kind, mapping and content.       */
struct import_mark {
    struct sha256 digest;
    uint64_t rows, applied, rejected, refused, duplicate;
    bool done;
};

struct state {
    char *rules_yaml; /* as given */
    size_t rules_size;
    struct rules rules;
    struct catalogue catalogue;
    struct ledger ledger;
    struct behaviour behaviour;
    struct quality quality;
    struct consumption consumption;
    struct shop shop;
    struct venues venues;
    struct auctions auctions;
    struct market_versions market; /* before one is in force: rules.market */
    struct exposure exposure;
    struct debts debts;
    struct welfare welfare;
    struct model_versions models;
    struct served_feed *feeds;
    size_t feeds_n, feeds_cap;
    struct map feed_of; /* party -> index in feeds */
    struct import_mark *imports;
    size_t imports_n, imports_cap;
};

/* What applying a call came to.                                                                 */
struct outcome {
    enum refusal refusal;
    bool want_reply;                 /* in: build `reply`               */
    struct transfer_answer *answers; /* in, of a ledger batch: where its answers go, or NULL */
    bool repeated;    /* the same id was applied before, or the event's id was seen */
    bool counted;     /* repeated, but counted in the state, so journalled          */
    const char *rule; /* of the market rules that refused; NULL */
    uint32_t handle;  /* of what was made, else HANDLE_NONE */
    json_t *reply;    /* out, owned by the caller; NULL unless wanted and not refused */
};

static inline bool outcome_changed(const struct outcome *o)
{
    return o->refusal == REFUSED_NOT && (!o->repeated || o->counted);
}

struct people; /* vault.h: outside ids, sealing */
struct engine; /* feeds.h: allocator kept between feeds */

struct world {
    struct state state;
    struct people *people;
    struct engine *engine;
    struct store *store; /* NULL in a replay without a store */
    struct journal_codec *codec;
    /* the journal's end */
    uint64_t commands, batches;
    struct sha256 head;
    /* calls applied and not yet committed */
    struct call *pending;
    size_t pending_n, pending_cap;
    struct arena *pending_bytes;
    struct store_change *changes;
    size_t changes_n, changes_cap;
    size_t whole;     /* of both: what whole commands have queued (world_whole) */
    uint64_t version; /* grows with every change of the state */
    uint64_t decided; /* the version after the last change that feeds must obey at once */
    bool read_only, no_snapshots, poisoned, erased_pending;
    uint64_t snapshot_batch, snapshot_bytes, journal_bytes_since; /* when to take the next */
    char note[640]; /* what the opener should know: a damaged snapshot passed over …; "" */
};

struct world_options {
    bool read_only, create;
    const char *rules_yaml; /* for a new world; NULL: the default */
    size_t rules_size;
    const char *vfs; /* see store.h */
    int64_t pid;
    bool no_snapshots; /* tests and verify */
};

HEED_MUST_CHECK enum heed_status world_open(const char *path, const struct world_options *options,
                                            struct world **out, struct heed_error *err);
/* Commits what is pending, snapshots when due, closes. NULL accepted.                           */
void world_close(struct world *w);

/* Applies a call to the state and, unless refused or repeated, adds it to the pending batch.
 * call->blob is copied. HEED_OK: look at o->refusal.                                            */
HEED_MUST_CHECK enum heed_status world_apply(struct world *w, const struct call *call,
                                             struct outcome *o, struct heed_error *err);

/* The same without the journal: what replay does. (world_apply = state_apply + pending)         */
HEED_MUST_CHECK enum heed_status state_apply(struct world *w, const struct call *call,
                                             struct outcome *o, struct heed_error *err);

/* For whoever admits: an error after something was queued leaves a half-done command behind, so the
 * world is poisoned. Gives status back.                                                         */
enum heed_status world_guard(struct world *w, enum heed_status status);

/* Says that all that is queued is of whole commands, so that an error in what comes next, before it
 * has queued anything, is that one's own. */
void world_whole(struct world *w);

/* Makes everything applied so far durable. Nothing pending: nothing happens. Takes a snapshot
 * when one is due.                                                                              */
HEED_MUST_CHECK enum heed_status world_commit(struct world *w, struct heed_error *err);

/* An empty world without a store or names, to replay into. NULL: no memory. world_close frees it.
 */
struct world *world_new(void);

/* Queries see what is applied. Each fills *out (owned by the caller) or *refusal.               */
HEED_MUST_CHECK enum heed_status world_query(struct world *w, const struct call *call,
                                             enum refusal *refusal, json_t **out,
                                             struct heed_error *err);

/* Gives every call of the journal in order, then those not yet committed, to visit; its blob is
 * valid during the call only. Anything but HEED_OK from visit ends the walk and is returned.
 * Errors: those of the store and the codec. O(journal).                                         */
HEED_MUST_CHECK enum heed_status world_walk(const struct world *w,
                                            enum heed_status (*visit)(void *context,
                                                                      const struct call *call,
                                                                      struct heed_error *err),
                                            void *context, struct heed_error *err);

/* SHA-256 of the state's serialised form; independent of the machine, of batches, of salts.     */
HEED_MUST_CHECK enum heed_status world_hash(const struct world *w, struct sha256 *hash,
                                            struct heed_error *err);

/* "Now" for recency: the world's latest event.                                                  */
static inline int64_t world_now(const struct world *w)
{
    return w->state.behaviour.latest_ms;
}

/* The market rules in force at a time: of the version that is, else of the rules it was made with.
 */
const struct market_rules *world_market_rules(const struct world *w, int64_t time_ms);

/* Outside id of a party; empty when erased or unknown (p NUL-terminated, valid until the next add).
 */
struct str world_party_id(const struct world *w, uint32_t party);
/* "content:17"; for an erased user "user:". buf of 96.                                          */
char *world_target_text(const struct world *w, uint32_t target, char buf[96]);

/* ── lookups, without side effects (safe while nothing is added) ── */
uint32_t world_find_user(const struct world *w,
                         struct str id); /* registered users; or HANDLE_NONE */
uint32_t world_find_party(const struct world *w, struct str id); /* users and creators */
uint32_t world_find_target(const struct world *w,
                           struct str text); /* kind:id; 0 when unknown or malformed */
uint32_t world_find_symbol(const struct world *w, struct str text); /* or HANDLE_NONE */
const struct import_mark *world_import_mark(const struct world *w, const struct sha256 *digest);

#endif
