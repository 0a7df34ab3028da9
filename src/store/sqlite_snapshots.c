/* Snapshots in SQLite: one transaction each; and the log that a transaction passes through. */
#include "base/error.h"
#include "store/sqlite_parts.h"
#include "store/store_parts.h"

enum { BUSY_MS = 5000, SCRUB_MS = 500 };

enum heed_status sqlite_empty_log(struct sqlite_store *s, int wait_ms, bool *pending,
                                  struct heed_error *err)
{
    sqlite3_busy_timeout(s->db, wait_ms);
    int code = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    *pending = code == SQLITE_BUSY || code == SQLITE_LOCKED;
    enum heed_status status =
        code == SQLITE_OK || *pending ? HEED_OK : sqlite_failed(s, "write", err);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    return status;
}

enum heed_status sqlite_scrub(struct store *base, bool *pending, struct heed_error *err)
{
    return sqlite_empty_log((struct sqlite_store *)base, SCRUB_MS, pending, err);
}

static enum heed_status drop(struct sqlite_store *s, uint64_t batch, struct heed_error *err)
{
    static const enum statement both[] = {DROP_PARTS, DROP_SNAPSHOT};
    enum heed_status status = HEED_OK;
    for (int i = 0; status == HEED_OK && i < 2; i++) {
        sqlite3_stmt *st;
        status = sqlite_use(s, both[i], &st, err);
        if (status != HEED_OK)
            break;
        sqlite3_bind_int64(st, 1, (sqlite3_int64)batch);
        status = sqlite_run(s, st, err);
    }
    return status;
}

/* Makes room: at most one snapshot stays, none of this batch. They go before the new one comes so
 * that it takes their pages.                                                                    */
static enum heed_status make_room(struct sqlite_store *s, uint64_t batch, struct heed_error *err)
{
    struct store_snapshot list[3];
    size_t n = 3, stay = 0;
    enum heed_status status = sqlite_snapshots(&s->base, list, &n, err);
    for (size_t i = 0; status == HEED_OK && i < n; i++)
        if (list[i].batch == batch || stay++ > 0)
            status = drop(s, list[i].batch, err);
    return status;
}

enum heed_status sqlite_snapshot_begin(struct store *base, uint64_t batch, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    sqlite_snapshot_abort(base);
    /* A snapshot holds nothing personal: its pages need not be overwritten when they are freed,
     * which would write all of it once more. */
    enum heed_status status = sqlite_exec(s, "PRAGMA secure_delete = FAST", err);
    s->in_snapshot = true;
    s->snapshot = (int64_t)batch;
    s->parts = 0;
    if (status == HEED_OK)
        status = sqlite_begin(s, err);
    if (status == HEED_OK)
        status = make_room(s, batch, err);
    if (status != HEED_OK)
        sqlite_snapshot_abort(base);
    return status;
}

enum heed_status sqlite_snapshot_part(struct store *base, struct str bytes, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    heed_assert(s->in_snapshot);
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, INSERT_PART, &st, err);
    if (status != HEED_OK)
        return status;
    sqlite3_bind_int64(st, 1, s->snapshot);
    sqlite3_bind_int64(st, 2, s->parts++);
    sqlite3_bind_blob64(st, 3, bytes.p, bytes.n, SQLITE_STATIC);
    return sqlite_run(s, st, err);
}

static enum heed_status commit(struct sqlite_store *s, const struct store_snapshot *info,
                               struct heed_error *err)
{
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, INSERT_SNAPSHOT, &st, err);
    if (status != HEED_OK)
        return status;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)info->batch);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)info->commands);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)info->bytes);
    sqlite3_bind_blob(st, 4, info->digest.b, sizeof info->digest.b, SQLITE_STATIC);
    status = sqlite_run(s, st, err);
    return status == HEED_OK ? sqlite_commit(s, err) : status;
}

enum heed_status sqlite_snapshot_commit(struct store *base, const struct store_snapshot *info,
                                        struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    heed_assert(s->in_snapshot && s->snapshot == (int64_t)info->batch);
    enum heed_status status = commit(s, info, err);
    sqlite_snapshot_abort(base);
    if (status == HEED_OK) { /* a log of its size should not stay; if it must, it does no harm */
        bool pending;
        struct heed_error ignored = {0};
        if (sqlite_empty_log(s, 0, &pending, &ignored) != HEED_OK)
            error_clear(&ignored);
    }
    return status;
}

void sqlite_snapshot_abort(struct store *base)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    if (!s->in_snapshot)
        return;
    sqlite_rollback(s);
    sqlite3_exec(s->db, "PRAGMA secure_delete = ON", NULL, NULL, NULL);
    s->in_snapshot = false;
}

enum heed_status sqlite_snapshots(struct store *base, struct store_snapshot *list, size_t *n,
                                  struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    size_t room = *n;
    *n = 0;
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, LIST_SNAPSHOTS, &st, err);
    if (status != HEED_OK)
        return status;
    int code = SQLITE_DONE;
    while (status == HEED_OK && *n < room && (code = sqlite3_step(st)) == SQLITE_ROW) {
        struct store_snapshot *x = &list[*n];
        if (!column_u64(st, 0, INT64_MAX, &x->batch) ||
            !column_u64(st, 1, INT64_MAX, &x->commands) ||
            !column_u64(st, 2, INT64_MAX, &x->bytes) || !column_hash(st, 3, &x->digest))
            status = sqlite_damaged("the list of snapshots", err);
        else
            ++*n;
    }
    if (status == HEED_OK && code != SQLITE_ROW && code != SQLITE_DONE)
        status = sqlite_failed(s, "read", err);
    sqlite_done(st);
    return status;
}

static enum heed_status find(struct sqlite_store *s, uint64_t batch, struct heed_error *err)
{
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, READ_SNAPSHOT, &st, err);
    if (status != HEED_OK)
        return status;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)batch);
    int code = sqlite3_step(st);
    if (code == SQLITE_DONE)
        status = store_no_snapshot(batch, err);
    else if (code != SQLITE_ROW)
        status = sqlite_failed(s, "read", err);
    sqlite_done(st);
    return status;
}

enum heed_status sqlite_snapshot_read(struct store *base, uint64_t batch,
                                      enum heed_status (*visit)(void *context, struct str bytes,
                                                                struct heed_error *err),
                                      void *context, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    sqlite3_stmt *st;
    enum heed_status status = find(s, batch, err);
    if (status == HEED_OK)
        status = sqlite_use(s, READ_PARTS, &st, err);
    if (status != HEED_OK)
        return status;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)batch);
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
