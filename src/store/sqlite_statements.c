/* Errors, statements and columns of the SQLite store. */
#include "base/error.h"
#include "store/sqlite_parts.h"

#include <errno.h>

static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [INSERT_BATCH] = "INSERT INTO journal SELECT ?1, ?2, ?3, ?4, ?5"
                     " WHERE ?1 = (SELECT coalesce(max(number) + 1, 0) FROM journal)",
    [READ_BATCHES] = "SELECT number, first, commands, hash, payload FROM journal"
                     " WHERE number >= ?1 ORDER BY number",
    [BLANK_ROW] = "UPDATE sealed SET bytes = zeroblob(length(bytes)) WHERE slot ="
                  " (SELECT slot FROM vault WHERE kind = ?1 AND handle = ?2)",
    [PUT_SEALED] = "INSERT INTO sealed(bytes) VALUES(?1)",
    [PUT_ROW] = "INSERT OR REPLACE INTO vault VALUES(?1, ?2, ?3, ?4)",
    [BLANK_ROWS] = "UPDATE sealed SET bytes = zeroblob(length(bytes)) WHERE slot IN"
                   " (SELECT slot FROM vault WHERE owner = ?1)",
    [ERASE_ROWS] = "DELETE FROM vault WHERE owner = ?1",
    [READ_ROWS] = "SELECT v.handle, v.owner, s.bytes FROM vault v LEFT JOIN sealed s"
                  " ON s.slot = v.slot WHERE v.kind = ?1 ORDER BY v.handle",
    [READ_ROW] = "SELECT v.handle, v.owner, s.bytes FROM vault v LEFT JOIN sealed s"
                 " ON s.slot = v.slot WHERE v.kind = ?1 AND v.handle = ?2",
    [CHECK_BLANKS] = "SELECT 1 FROM sealed WHERE slot NOT IN (SELECT slot FROM vault)"
                     " AND bytes IS NOT zeroblob(length(bytes)) LIMIT 1",
    [FIND_BOOK] = "SELECT CASE typeof(bytes) WHEN 'blob' THEN length(bytes) ELSE 0 END FROM keys"
                  " WHERE book = ?1",
    [ADD_BOOK] = "INSERT INTO keys VALUES(?1, zeroblob(?2))",
    [READ_BOOKS] = "SELECT book, bytes FROM keys ORDER BY book",
    [INSERT_PART] = "INSERT INTO snapshot_parts VALUES(?1, ?2, ?3)",
    [INSERT_SNAPSHOT] = "INSERT INTO snapshots VALUES(?1, ?2, ?3, ?4)",
    [DROP_SNAPSHOT] = "DELETE FROM snapshots WHERE batch = ?1",
    [DROP_PARTS] = "DELETE FROM snapshot_parts WHERE batch = ?1",
    [LIST_SNAPSHOTS] = "SELECT batch, commands, bytes, digest FROM snapshots ORDER BY batch DESC",
    [READ_SNAPSHOT] = "SELECT 1 FROM snapshots WHERE batch = ?1",
    [READ_PARTS] = "SELECT part, bytes FROM snapshot_parts WHERE batch = ?1 ORDER BY part",
};

enum heed_status sqlite_damaged(const char *where, struct heed_error *err)
{
    return error_set(err, HEED_INPUT, where, "the world file is damaged here; restore a backup");
}

static enum heed_status disk_full(struct sqlite_store *s, struct heed_error *err)
{
    return error_set(err, HEED_STORAGE, s->path,
                     "the disk is full; make room and do it again: what was acknowledged is safe");
}

enum heed_status sqlite_failed(struct sqlite_store *s, const char *doing, struct heed_error *err)
{
    if (!s->db)
        return error_nomem(err);
    int code = sqlite3_extended_errcode(s->db);
    int system = sqlite3_system_errno(s->db);
    if (code == SQLITE_IOERR_NOMEM)
        return error_nomem(err);
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return error_nomem(err);
    case SQLITE_ERROR: /* our statements are right: the tables are not */
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
    case SQLITE_SCHEMA:
    case SQLITE_EMPTY:
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
        return error_set(err, HEED_INPUT, s->path,
                         "the world file is damaged (%s); restore a backup", sqlite3_errmsg(s->db));
    case SQLITE_NOTADB:
        return error_set(err, HEED_INPUT, s->path,
                         "it is not a heed world (not a SQLite file); give another --world");
    case SQLITE_FULL:
        return disk_full(s, err);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return error_set(err, HEED_STORAGE, s->path,
                         "no permission to write it or its folder; check owner and mode");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return error_set(err, HEED_STORAGE, s->path, "another program holds the file; try again");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        if (system == ENOSPC || system == EDQUOT)
            return disk_full(s, err);
        break;
    default:
        system = 0;
        break;
    }
    return error_set(err, HEED_STORAGE, s->path, "cannot %s the world: %s%s%s; check the disk",
                     doing, sqlite3_errmsg(s->db), system ? ": " : "",
                     system ? strerror(system) : "");
}

enum heed_status sqlite_use(struct sqlite_store *s, enum statement which, sqlite3_stmt **st,
                            struct heed_error *err)
{
    *st = s->statements[which];
    if (*st)
        return HEED_OK;
    if (sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL) != SQLITE_OK)
        return sqlite_failed(s, "use", err);
    s->statements[which] = *st;
    return HEED_OK;
}

void sqlite_done(sqlite3_stmt *st)
{
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

enum heed_status sqlite_run(struct sqlite_store *s, sqlite3_stmt *st, struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    if (sqlite3_step(st) != SQLITE_DONE)
        status = sqlite_failed(s, "write", err);
    sqlite_done(st);
    return status;
}

enum heed_status sqlite_exec(struct sqlite_store *s, const char *text, struct heed_error *err)
{
    return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK
               ? HEED_OK
               : sqlite_failed(s, s->read_only ? "read" : "write", err);
}

static enum heed_status run(struct sqlite_store *s, enum statement which, struct heed_error *err)
{
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, which, &st, err);
    return status == HEED_OK ? sqlite_run(s, st, err) : status;
}

enum heed_status sqlite_begin(struct sqlite_store *s, struct heed_error *err)
{
    return run(s, BEGIN, err);
}

enum heed_status sqlite_commit(struct sqlite_store *s, struct heed_error *err)
{
    return run(s, COMMIT, err);
}

void sqlite_rollback(struct sqlite_store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

bool column_u64(sqlite3_stmt *st, int column, uint64_t max, uint64_t *out)
{
    sqlite3_int64 v = sqlite3_column_int64(st, column);
    if (sqlite3_column_type(st, column) != SQLITE_INTEGER || v < 0 || (uint64_t)v > max)
        return false;
    *out = (uint64_t)v;
    return true;
}

bool column_blob(sqlite3_stmt *st, int column, struct str *out)
{
    if (sqlite3_column_type(st, column) != SQLITE_BLOB)
        return false;
    out->p = sqlite3_column_blob(st, column);
    out->n = (size_t)sqlite3_column_bytes(st, column);
    return out->p != NULL || out->n == 0;
}

bool column_hash(sqlite3_stmt *st, int column, struct sha256 *out)
{
    struct str bytes;
    if (!column_blob(st, column, &bytes) || bytes.n != sizeof out->b)
        return false;
    memcpy(out->b, bytes.p, sizeof out->b);
    return true;
}
