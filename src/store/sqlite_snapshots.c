/* Snapshots in SQLite: parts under number 0 while being written, all in one transaction. */
#include "base/error.h"
#include "store/sqlite_parts.h"

enum heed_status sqlite_scrub(struct store *base, bool *pending, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    int code = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    *pending = code == SQLITE_BUSY || code == SQLITE_LOCKED;
    return code == SQLITE_OK || *pending ? HEED_OK : sqlite_failed(s, "tidy", err);
}

/* Snapshots are let go by number: the oldest of two, and one of the same batch.                  */
static enum heed_status drop(struct sqlite_store *s, uint64_t batch, struct heed_error *err)
{
    static const enum statement both[] = {DROP_PARTS, DROP_SNAPSHOT};
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *st = sqlite_use(s, both[i], err);
        if (!st)
            return HEED_STORAGE;
        sqlite3_bind_int64(st, 1, (sqlite3_int64)batch);
        enum heed_status status = sqlite_run(s, st, err);
        if (status != HEED_OK)
            return status;
    }
    return HEED_OK;
}

enum heed_status sqlite_snapshot_begin(struct store *base, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    struct store_snapshot list[2];
    size_t n = 2;
    enum heed_status status = sqlite_exec(s, "BEGIN IMMEDIATE", err);
    if (status != HEED_OK)
        return status;
    s->in_snapshot = true;
    s->parts = 0;
    status = sqlite_snapshots(base, list, &n, err);
    if (status == HEED_OK && n == 2)
        status = drop(s, list[1].batch, err);
    if (status != HEED_OK)
        sqlite_snapshot_abort(base);
    return status;
}

enum heed_status sqlite_snapshot_part(struct store *base, struct str bytes, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    sqlite3_stmt *st = sqlite_use(s, INSERT_PART, err);
    if (!st)
        return HEED_STORAGE;
    sqlite3_bind_int64(st, 1, -1); /* no batch has this number yet */
    sqlite3_bind_int64(st, 2, s->parts++);
    sqlite3_bind_blob64(st, 3, bytes.p, bytes.n, SQLITE_STATIC);
    return sqlite_run(s, st, err);
}

enum heed_status sqlite_snapshot_commit(struct store *base, const struct store_snapshot *info,
                                        struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    enum heed_status status = drop(s, info->batch, err);
    if (status == HEED_OK) {
        char sql[96];
        sqlite3_snprintf(sizeof sql, sql, "UPDATE snapshot_parts SET batch = %lld WHERE batch = -1",
                         (sqlite3_int64)info->batch);
        status = sqlite_exec(s, sql, err);
    }
    if (status == HEED_OK) {
        sqlite3_stmt *st = sqlite_use(s, INSERT_SNAPSHOT, err);
        if (!st)
            return HEED_STORAGE;
        sqlite3_bind_int64(st, 1, (sqlite3_int64)info->batch);
        sqlite3_bind_int64(st, 2, (sqlite3_int64)info->commands);
        sqlite3_bind_int64(st, 3, (sqlite3_int64)info->bytes);
        sqlite3_bind_blob(st, 4, info->digest.b, sizeof info->digest.b, SQLITE_STATIC);
        status = sqlite_run(s, st, err);
    }
    if (status == HEED_OK)
        status = sqlite_exec(s, "COMMIT", err);
    if (status != HEED_OK)
        return status;
    s->in_snapshot = false;
    bool pending; /* a log of a hundred megabytes should not stay behind */
    return sqlite_scrub(base, &pending, err);
}

void sqlite_snapshot_abort(struct store *base)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    if (s->in_snapshot && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->in_snapshot = false;
}

enum heed_status sqlite_snapshots(struct store *base, struct store_snapshot *list, size_t *n,
                                  struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    size_t room = *n;
    *n = 0;
    sqlite3_stmt *st = sqlite_use(s, LIST_SNAPSHOTS, err);
    if (!st)
        return HEED_STORAGE;
    int code;
    while ((code = sqlite3_step(st)) == SQLITE_ROW && *n < room) {
        struct store_snapshot *x = &list[*n];
        if (!column_u64(st, 0, INT64_MAX, &x->batch) ||
            !column_u64(st, 1, INT64_MAX, &x->commands) ||
            !column_u64(st, 2, INT64_MAX, &x->bytes) || !column_hash(st, 3, &x->digest)) {
            sqlite_done(st);
            return sqlite_damaged("the list of snapshots", err);
        }
        ++*n;
    }
    sqlite_done(st);
    return code == SQLITE_ROW || code == SQLITE_DONE ? HEED_OK : sqlite_failed(s, "read", err);
}

enum heed_status sqlite_snapshot_read(struct store *base, uint64_t batch,
                                      enum heed_status (*visit)(void *context, struct str bytes,
                                                                struct heed_error *err),
                                      void *context, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    sqlite3_stmt *st = sqlite_use(s, READ_PARTS, err);
    if (!st)
        return HEED_STORAGE;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)batch);
    enum heed_status status = HEED_OK;
    int code = SQLITE_DONE;
    for (uint64_t part = 0; status == HEED_OK && (code = sqlite3_step(st)) == SQLITE_ROW; part++) {
        struct str bytes;
        uint64_t number;
        if (!column_u64(st, 0, INT64_MAX, &number) || number != part || !column_blob(st, 1, &bytes))
            status = sqlite_damaged("a snapshot", err);
        else
            status = visit(context, bytes, err);
    }
    if (status == HEED_OK && code != SQLITE_DONE)
        status = sqlite_failed(s, "read", err);
    sqlite_done(st);
    return status;
}
