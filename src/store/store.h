/* Where a world is kept: one interface, several stores behind it.
 *
 * A store holds four things, all opaque to it:
 *   journal    batches in order 0, 1, 2 …, each with its chain hash; only ever appended
 *   vault      sealed personal rows by (kind, handle), and one key an owner
 *   snapshots  state at the end of a batch, in parts; the newest two are kept
 * An append writes a batch and the vault's changes together, durable on return, or nothing.
 * Readers may be open while one writer appends; they see whole batches only.                    */
#ifndef HEED_STORE_H
#define HEED_STORE_H

#include "base/hash.h"
#include "base/str.h"
#include "heed.h"

struct store_batch {
    uint64_t number;    /* from 0, without gaps                     */
    uint64_t first;     /* number of its first command, from 0      */
    uint32_t commands;  /* how many, > 0                            */
    struct sha256 hash; /* chain head after this batch             */
    struct str payload; /* compressed columns, see world/journal.h */
};

enum { STORE_KEY_BYTES = 32 };
#define STORE_WORLD_OWNER UINT32_MAX /* owner of texts that belong to no person */

enum store_change_kind {
    STORE_PUT_ROW,     /* (kind, handle) -> owner, bytes; replaces           */
    STORE_PUT_KEY,     /* owner -> key of STORE_KEY_BYTES, not all zero      */
    STORE_ERASE_OWNER, /* the key and every row of owner, overwritten on disk */
};

struct store_change {
    enum store_change_kind what;
    uint32_t kind, handle, owner;
    struct str bytes;
};

struct store_snapshot {
    uint64_t batch;       /* state after this batch     */
    uint64_t commands;    /* commands up to and with it */
    uint64_t bytes;       /* of all parts together      */
    struct sha256 digest; /* of all parts together      */
};

struct store;

struct store_ops {
    /* Errors of all: HEED_STORAGE (what the system said, with a remedy), HEED_INPUT (damaged),
     * HEED_NOMEM. A batch that does not follow the last is HEED_INPUT. After a failed append the
     * store holds what it held before; only if the process dies too, on a disk that failed to
     * sync, may the batch be found again, whole.                                                */
    enum heed_status (*append)(struct store *s, const struct store_batch *b,
                               const struct store_change *changes, size_t n,
                               struct heed_error *err);

    /* Calls visit for the batches from `from` on, in order. visit returns HEED_OK to go on; its
     * payload is valid during the call only. A gap in the numbers is HEED_INPUT.                */
    enum heed_status (*read)(struct store *s, uint64_t from,
                             enum heed_status (*visit)(void *context, const struct store_batch *b,
                                                       struct heed_error *err),
                             void *context, struct heed_error *err);

    /* Calls visit for every vault row, ordered by kind and handle, with its owner's key (NULL when
     * the key is missing).                                                                      */
    enum heed_status (*rows)(struct store *s, uint32_t kind,
                             enum heed_status (*visit)(void *context, uint32_t handle,
                                                       uint32_t owner, struct str bytes,
                                                       const uint8_t *key, struct heed_error *err),
                             void *context, struct heed_error *err);

    /* One row; *found false when absent. row is appended to.                                    */
    enum heed_status (*row)(struct store *s, uint32_t kind, uint32_t handle, uint32_t *owner,
                            struct strbuf *bytes, uint8_t key[STORE_KEY_BYTES], bool *found,
                            struct heed_error *err);
    enum heed_status (*key)(struct store *s, uint32_t owner, uint8_t key[STORE_KEY_BYTES],
                            bool *found, struct heed_error *err);
    /* Keys in the store, for verify: a key whose owner has no row is damage.                    */
    enum heed_status (*keys)(struct store *s, uint64_t *count, struct heed_error *err);

    /* A snapshot is written begin, part…, commit; it becomes visible at commit, durable, and the
     * third newest goes, as does one of the same batch. abort (or a crash) leaves no trace; it may
     * be called at any time. No append in between. commit's info->batch is begin's.             */
    enum heed_status (*snapshot_begin)(struct store *s, uint64_t batch, struct heed_error *err);
    enum heed_status (*snapshot_part)(struct store *s, struct str bytes, struct heed_error *err);
    enum heed_status (*snapshot_commit)(struct store *s, const struct store_snapshot *info,
                                        struct heed_error *err);
    void (*snapshot_abort)(struct store *s);

    /* The kept snapshots, newest first; *n in: room (2), out: how many.                          */
    enum heed_status (*snapshots)(struct store *s, struct store_snapshot *list, size_t *n,
                                  struct heed_error *err);
    /* Calls visit for the parts in order; HEED_INPUT when there is no such snapshot.            */
    enum heed_status (*snapshot_read)(struct store *s, uint64_t batch,
                                      enum heed_status (*visit)(void *context, struct str bytes,
                                                                struct heed_error *err),
                                      void *context, struct heed_error *err);

    /* Overwrites what was erased wherever the store may still hold a copy (a write-ahead log).
     * HEED_OK with *pending true when a reader keeps it from doing so now.                      */
    enum heed_status (*scrub)(struct store *s, bool *pending, struct heed_error *err);

    /* The store's own consistency (SQLite: integrity_check). HEED_INPUT says what is wrong.     */
    enum heed_status (*check)(struct store *s, struct heed_error *err);
    void (*close)(struct store *s);
};

struct store {
    const struct store_ops *ops;
};

struct store_options {
    bool read_only;
    bool create;     /* make it if it is not there; else HEED_INPUT "no world here" */
    const char *vfs; /* SQLite VFS to use, NULL: the default; for tests             */
    int64_t pid;     /* written in the lock, to be named to a second writer         */
};

HEED_MUST_CHECK enum heed_status store_open_memory(struct store **out, struct heed_error *err);

/* One SQLite file: application_id "heed", user_version = format; WAL, synchronous FULL,
 * secure_delete on. A writer holds a lock on path + ".lock" (flock, freed by the system when it
 * dies); a second one gets HEED_STORAGE with the first's pid. A reader that may not make files
 * beside the world reads it as it stands, which is sound while nobody writes to it.
 * *created true when the store is new and empty.
 * Errors: HEED_INPUT not a SQLite file, not a heed world, from a newer version (says which), a
 * directory; HEED_STORAGE permission, disk, lock.                                               */
HEED_MUST_CHECK enum heed_status store_open_sqlite(const char *path,
                                                   const struct store_options *options,
                                                   struct store **out, bool *created,
                                                   struct heed_error *err);

void store_close(struct store *s); /* NULL accepted */
#endif
