/* What the files of the SQLite store share. */
#ifndef HEED_SQLITE_PARTS_H
#define HEED_SQLITE_PARTS_H

#include "store/store.h"

#include <sqlite3.h>

enum {
    FORMAT = 1,                 /* PRAGMA user_version */
    APPLICATION_ID = 0x68656564 /* "heed"              */
};

enum statement {
    INSERT_BATCH,
    READ_BATCHES,
    PUT_ROW,
    PUT_KEY,
    ERASE_ROWS,
    ERASE_KEY,
    READ_ROWS,
    READ_ROW,
    READ_KEY,
    COUNT_KEYS,
    INSERT_PART,
    INSERT_SNAPSHOT,
    DROP_SNAPSHOT,
    DROP_PARTS,
    LIST_SNAPSHOTS,
    READ_PARTS,
    STATEMENTS
};

struct sqlite_store {
    struct store base;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    char *path;
    int lock; /* file descriptor of the lock, -1: none */
    bool read_only, in_snapshot;
    int64_t parts;
};

/* The store's last error as ours. `doing` completes "cannot … the world".                        */
enum heed_status sqlite_failed(struct sqlite_store *s, const char *doing, struct heed_error *err);
enum heed_status sqlite_damaged(const char *where, struct heed_error *err);

/* A statement, prepared once; NULL: err is filled. It is reset by sqlite_done.                   */
sqlite3_stmt *sqlite_use(struct sqlite_store *s, enum statement which, struct heed_error *err);
void sqlite_done(sqlite3_stmt *st);

/* Runs a statement that gives no rows, and resets it.                                           */
HEED_MUST_CHECK enum heed_status sqlite_run(struct sqlite_store *s, sqlite3_stmt *st,
                                            struct heed_error *err);
HEED_MUST_CHECK enum heed_status sqlite_exec(struct sqlite_store *s, const char *sql,
                                             struct heed_error *err);

/* Columns with their type checked; false when it is another.                                    */
bool column_u64(sqlite3_stmt *st, int column, uint64_t max, uint64_t *out);
bool column_blob(sqlite3_stmt *st, int column, struct str *out);
bool column_hash(sqlite3_stmt *st, int column, struct sha256 *out);

/* The snapshot part of the interface: sqlite_snapshots.c.                                        */
enum heed_status sqlite_snapshot_begin(struct store *s, struct heed_error *err);
enum heed_status sqlite_snapshot_part(struct store *s, struct str bytes, struct heed_error *err);
enum heed_status sqlite_snapshot_commit(struct store *s, const struct store_snapshot *info,
                                        struct heed_error *err);
void sqlite_snapshot_abort(struct store *s);
enum heed_status sqlite_snapshots(struct store *s, struct store_snapshot *list, size_t *n,
                                  struct heed_error *err);
enum heed_status sqlite_snapshot_read(struct store *s, uint64_t batch,
                                      enum heed_status (*visit)(void *context, struct str bytes,
                                                                struct heed_error *err),
                                      void *context, struct heed_error *err);
enum heed_status sqlite_scrub(struct store *s, bool *pending, struct heed_error *err);
#endif
