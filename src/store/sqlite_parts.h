/* What the files of the SQLite store share.
 *
 *   sqlite_open.c        path, lock, format, pragmas
 *   sqlite_statements.c  errors, statements, columns
 *   sqlite.c             journal and vault
 *   sqlite_keys.c        the owners' keys, which must be erasable for good
 *   sqlite_snapshots.c   snapshots and the log                                                  */
#ifndef HEED_SQLITE_PARTS_H
#define HEED_SQLITE_PARTS_H

#include "store/store.h"

#include <sqlite3.h>

enum statement {
    BEGIN,
    COMMIT,
    INSERT_BATCH,
    READ_BATCHES,
    BLANK_ROW,
    PUT_SEALED,
    PUT_ROW,
    BLANK_ROWS,
    ERASE_ROWS,
    READ_ROWS,
    READ_ROW,
    CHECK_BLANKS,
    FIND_BOOK,
    ADD_BOOK,
    READ_BOOKS,
    INSERT_PART,
    INSERT_SNAPSHOT,
    DROP_SNAPSHOT,
    DROP_PARTS,
    LIST_SNAPSHOTS,
    READ_SNAPSHOT,
    READ_PARTS,
    STATEMENTS
};

struct sqlite_store {
    struct store base;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    char *path;
    int lock; /* file descriptor of the lock, -1: none */
    bool read_only;
    bool ours; /* it has been seen to be a heed world */
    bool in_snapshot;
    int64_t snapshot, parts; /* being written: its batch, parts so far */
};

extern const struct store_ops sqlite_ops;

/* ── sqlite_statements.c ── */

/* The store's last error as ours. `doing` completes "cannot … the world".                        */
enum heed_status sqlite_failed(struct sqlite_store *s, const char *doing, struct heed_error *err);
enum heed_status sqlite_damaged(const char *where, struct heed_error *err);

/* A statement, prepared once; to be reset by sqlite_done.                                        */
HEED_MUST_CHECK enum heed_status sqlite_use(struct sqlite_store *s, enum statement which,
                                            sqlite3_stmt **st, struct heed_error *err);
void sqlite_done(sqlite3_stmt *st);

/* Runs a statement that gives no rows, and resets it.                                           */
HEED_MUST_CHECK enum heed_status sqlite_run(struct sqlite_store *s, sqlite3_stmt *st,
                                            struct heed_error *err);
HEED_MUST_CHECK enum heed_status sqlite_exec(struct sqlite_store *s, const char *sql,
                                             struct heed_error *err);

/* A transaction; rollback may be called when none is open.                                      */
HEED_MUST_CHECK enum heed_status sqlite_begin(struct sqlite_store *s, struct heed_error *err);
HEED_MUST_CHECK enum heed_status sqlite_commit(struct sqlite_store *s, struct heed_error *err);
void sqlite_rollback(struct sqlite_store *s);

/* Columns with their type checked; false when it is another.                                    */
bool column_u64(sqlite3_stmt *st, int column, uint64_t max, uint64_t *out);
bool column_blob(sqlite3_stmt *st, int column, struct str *out);
bool column_hash(sqlite3_stmt *st, int column, struct sha256 *out);

/* ── sqlite_keys.c ── */

/* Bytes of a book, as it is made: see sqlite_keys.c.                                             */
enum { BOOK_KEYS = 1024, BOOK_MARGIN = 8192 };
enum { BOOK_BYTES = BOOK_MARGIN + BOOK_KEYS * STORE_KEY_BYTES };

/* The book last looked at, kept open from one key to the next. Zero-initialised but for store and
 * write; close it before COMMIT.                                                                */
struct keybook {
    struct sqlite_store *store;
    sqlite3_blob *blob;
    uint32_t number;
    bool write;
};
HEED_MUST_CHECK enum heed_status keybook_get(struct keybook *k, uint32_t owner,
                                             uint8_t key[STORE_KEY_BYTES], bool *found,
                                             struct heed_error *err);
/* key NULL: erases it.                                                                          */
HEED_MUST_CHECK enum heed_status keybook_put(struct keybook *k, uint32_t owner, const uint8_t *key,
                                             struct heed_error *err);
void keybook_close(struct keybook *k);
enum heed_status sqlite_key(struct store *s, uint32_t owner, uint8_t key[STORE_KEY_BYTES],
                            bool *found, struct heed_error *err);
enum heed_status sqlite_keys(struct store *s, uint64_t *count, struct heed_error *err);

/* ── sqlite_snapshots.c ── */

/* Moves the log into the file and empties it; waits for readers up to wait_ms. *pending true when
 * one still needs it.                                                                           */
HEED_MUST_CHECK enum heed_status sqlite_empty_log(struct sqlite_store *s, int wait_ms,
                                                  bool *pending, struct heed_error *err);

enum heed_status sqlite_snapshot_begin(struct store *s, uint64_t batch, struct heed_error *err);
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
