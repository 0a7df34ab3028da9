/* The store in one SQLite file. */
#include "base/error.h"
#include "store/sqlite_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char schema[] =
    "CREATE TABLE journal(number INTEGER PRIMARY KEY, first INTEGER NOT NULL,"
    " commands INTEGER NOT NULL, hash BLOB NOT NULL, payload BLOB NOT NULL);"
    "CREATE TABLE vault(kind INTEGER NOT NULL, handle INTEGER NOT NULL, owner INTEGER NOT NULL,"
    " bytes BLOB NOT NULL, PRIMARY KEY(kind, handle)) WITHOUT ROWID;"
    "CREATE INDEX vault_owner ON vault(owner);"
    "CREATE TABLE keys(owner INTEGER PRIMARY KEY, key BLOB NOT NULL);"
    "CREATE TABLE snapshots(batch INTEGER PRIMARY KEY, commands INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, digest BLOB NOT NULL);"
    "CREATE TABLE snapshot_parts(batch INTEGER NOT NULL, part INTEGER NOT NULL,"
    " bytes BLOB NOT NULL, PRIMARY KEY(batch, part));";

static const char *const sql[STATEMENTS] = {
    [INSERT_BATCH] = "INSERT INTO journal VALUES(?1, ?2, ?3, ?4, ?5)",
    [READ_BATCHES] = "SELECT number, first, commands, hash, payload FROM journal"
                     " WHERE number >= ?1 ORDER BY number",
    [PUT_ROW] = "INSERT OR REPLACE INTO vault VALUES(?1, ?2, ?3, ?4)",
    [PUT_KEY] = "INSERT OR REPLACE INTO keys VALUES(?1, ?2)",
    [ERASE_ROWS] = "DELETE FROM vault WHERE owner = ?1",
    [ERASE_KEY] = "DELETE FROM keys WHERE owner = ?1",
    [READ_ROWS] = "SELECT v.handle, v.owner, v.bytes, k.key FROM vault v LEFT JOIN keys k"
                  " ON k.owner = v.owner WHERE v.kind = ?1 ORDER BY v.handle",
    [READ_ROW] = "SELECT v.owner, v.bytes, k.key FROM vault v LEFT JOIN keys k"
                 " ON k.owner = v.owner WHERE v.kind = ?1 AND v.handle = ?2",
    [READ_KEY] = "SELECT key FROM keys WHERE owner = ?1",
    [COUNT_KEYS] = "SELECT count(*) FROM keys",
    [INSERT_PART] = "INSERT INTO snapshot_parts VALUES(?1, ?2, ?3)",
    [INSERT_SNAPSHOT] = "INSERT INTO snapshots VALUES(?1, ?2, ?3, ?4)",
    [DROP_SNAPSHOT] = "DELETE FROM snapshots WHERE batch = ?1",
    [DROP_PARTS] = "DELETE FROM snapshot_parts WHERE batch = ?1",
    [LIST_SNAPSHOTS] = "SELECT batch, commands, bytes, digest FROM snapshots ORDER BY batch DESC",
    [READ_PARTS] = "SELECT part, bytes FROM snapshot_parts WHERE batch = ?1 ORDER BY part",
};

/* ── errors ── */

enum heed_status sqlite_damaged(const char *where, struct heed_error *err)
{
    return error_set(err, HEED_INPUT, where, "the world file is damaged here; restore a backup");
}

enum heed_status sqlite_failed(struct sqlite_store *s, const char *doing, struct heed_error *err)
{
    int code = s->db ? sqlite3_errcode(s->db) & 0xff : SQLITE_CANTOPEN;
    int system = s->db ? sqlite3_system_errno(s->db) : errno;
    switch (code) {
    case SQLITE_NOMEM:
        return error_nomem(err);
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
        return error_set(
            err, HEED_STORAGE, s->path,
            "the disk is full; make room and do it again: what was acknowledged is safe");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return error_set(err, HEED_STORAGE, s->path,
                         "no permission to write it or its folder; check owner and mode");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, HEED_STORAGE, s->path, "another program holds the file; try again");
    default:
        return error_set(err, HEED_STORAGE, s->path, "cannot %s the world: %s%s%s", doing,
                         s->db ? sqlite3_errmsg(s->db) : "SQLite cannot start", system ? ": " : "",
                         system ? strerror(system) : "");
    }
}

/* ── statements ── */

sqlite3_stmt *sqlite_use(struct sqlite_store *s, enum statement which, struct heed_error *err)
{
    sqlite3_stmt **st = &s->statements[which];
    if (!*st && sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL) !=
                    SQLITE_OK) {
        sqlite_failed(s, "use", err);
        return NULL;
    }
    return *st;
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

/* ── journal and vault ── */

static enum heed_status change(struct sqlite_store *s, const struct store_change *c,
                               struct heed_error *err)
{
    static const enum statement of[] = {
        [STORE_PUT_ROW] = PUT_ROW, [STORE_PUT_KEY] = PUT_KEY, [STORE_ERASE_OWNER] = ERASE_ROWS};
    sqlite3_stmt *st = sqlite_use(s, of[c->what], err);
    if (!st)
        return HEED_STORAGE;
    switch (c->what) {
    case STORE_PUT_ROW:
        sqlite3_bind_int64(st, 1, c->kind);
        sqlite3_bind_int64(st, 2, c->handle);
        sqlite3_bind_int64(st, 3, c->owner);
        sqlite3_bind_blob64(st, 4, c->bytes.p, c->bytes.n, SQLITE_STATIC);
        return sqlite_run(s, st, err);
    case STORE_PUT_KEY:
        sqlite3_bind_int64(st, 1, c->owner);
        sqlite3_bind_blob64(st, 2, c->bytes.p, c->bytes.n, SQLITE_STATIC);
        return sqlite_run(s, st, err);
    default:
        break;
    }
    sqlite3_bind_int64(st, 1, c->owner);
    enum heed_status status = sqlite_run(s, st, err);
    if (status == HEED_OK && !(st = sqlite_use(s, ERASE_KEY, err)))
        status = HEED_STORAGE;
    if (status == HEED_OK) {
        sqlite3_bind_int64(st, 1, c->owner);
        status = sqlite_run(s, st, err);
    }
    return status;
}

static enum heed_status append(struct store *base, const struct store_batch *b,
                               const struct store_change *changes, size_t n, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    enum heed_status status = sqlite_exec(s, "BEGIN IMMEDIATE", err);
    if (status != HEED_OK)
        return status;
    sqlite3_stmt *st = sqlite_use(s, INSERT_BATCH, err);
    status = st ? HEED_OK : HEED_STORAGE;
    if (st) {
        sqlite3_bind_int64(st, 1, (sqlite3_int64)b->number);
        sqlite3_bind_int64(st, 2, (sqlite3_int64)b->first);
        sqlite3_bind_int64(st, 3, b->commands);
        sqlite3_bind_blob(st, 4, b->hash.b, sizeof b->hash.b, SQLITE_STATIC);
        sqlite3_bind_blob64(st, 5, b->payload.p, b->payload.n, SQLITE_STATIC);
        status = sqlite_run(s, st, err);
    }
    for (size_t i = 0; status == HEED_OK && i < n; i++)
        status = change(s, &changes[i], err);
    if (status == HEED_OK)
        status = sqlite_exec(s, "COMMIT", err);
    if (status != HEED_OK && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

static enum heed_status read_batches(struct store *base, uint64_t from,
                                     enum heed_status (*visit)(void *context,
                                                               const struct store_batch *b,
                                                               struct heed_error *err),
                                     void *context, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    sqlite3_stmt *st = sqlite_use(s, READ_BATCHES, err);
    if (!st)
        return HEED_STORAGE;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)from);
    enum heed_status status = HEED_OK;
    int code = SQLITE_DONE;
    for (uint64_t next = from; status == HEED_OK && (code = sqlite3_step(st)) == SQLITE_ROW;
         next++) {
        struct store_batch b = {0};
        uint64_t commands = 0;
        char where[48];
        snprintf(where, sizeof where, "batch %llu", (unsigned long long)next);
        if (!column_u64(st, 0, INT64_MAX, &b.number) || !column_u64(st, 1, INT64_MAX, &b.first) ||
            !column_u64(st, 2, UINT32_MAX, &commands) || !column_hash(st, 3, &b.hash) ||
            !column_blob(st, 4, &b.payload)) {
            status = sqlite_damaged(where, err);
        } else if (b.number != next) {
            status = error_set(err, HEED_INPUT, where,
                               "it is missing from the journal; restore a backup");
        } else {
            b.commands = (uint32_t)commands;
            status = visit(context, &b, err);
        }
    }
    if (status == HEED_OK && code != SQLITE_DONE)
        status = sqlite_failed(s, "read", err);
    sqlite_done(st);
    return status;
}

/* A key column: false when damaged; *key NULL when the row has none.                             */
static bool column_key(sqlite3_stmt *st, int column, const uint8_t **key)
{
    *key = NULL;
    if (sqlite3_column_type(st, column) == SQLITE_NULL)
        return true;
    struct str bytes;
    if (!column_blob(st, column, &bytes) || bytes.n != STORE_KEY_BYTES)
        return false;
    *key = (const uint8_t *)bytes.p;
    return true;
}

static enum heed_status rows(struct store *base, uint32_t kind,
                             enum heed_status (*visit)(void *context, uint32_t handle,
                                                       uint32_t owner, struct str bytes,
                                                       const uint8_t *key, struct heed_error *err),
                             void *context, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    sqlite3_stmt *st = sqlite_use(s, READ_ROWS, err);
    if (!st)
        return HEED_STORAGE;
    sqlite3_bind_int64(st, 1, kind);
    enum heed_status status = HEED_OK;
    int code = SQLITE_DONE;
    while (status == HEED_OK && (code = sqlite3_step(st)) == SQLITE_ROW) {
        uint64_t handle, owner;
        struct str bytes;
        const uint8_t *key;
        if (!column_u64(st, 0, UINT32_MAX, &handle) || !column_u64(st, 1, UINT32_MAX, &owner) ||
            !column_blob(st, 2, &bytes) || !column_key(st, 3, &key))
            status = sqlite_damaged("the vault", err);
        else
            status = visit(context, (uint32_t)handle, (uint32_t)owner, bytes, key, err);
    }
    if (status == HEED_OK && code != SQLITE_DONE)
        status = sqlite_failed(s, "read", err);
    sqlite_done(st);
    return status;
}

static enum heed_status row(struct store *base, uint32_t kind, uint32_t handle, uint32_t *owner,
                            struct strbuf *bytes, uint8_t key[STORE_KEY_BYTES], bool *found,
                            struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    *found = false;
    sqlite3_stmt *st = sqlite_use(s, READ_ROW, err);
    if (!st)
        return HEED_STORAGE;
    sqlite3_bind_int64(st, 1, kind);
    sqlite3_bind_int64(st, 2, handle);
    enum heed_status status = HEED_OK;
    int code = sqlite3_step(st);
    if (code == SQLITE_ROW) {
        uint64_t who;
        struct str sealed;
        const uint8_t *k;
        if (!column_u64(st, 0, UINT32_MAX, &who) || !column_blob(st, 1, &sealed) ||
            !column_key(st, 2, &k) || !k) {
            status = sqlite_damaged("the vault", err);
        } else if (!strbuf_put(bytes, sealed.p, sealed.n)) {
            status = error_nomem(err);
        } else {
            *owner = (uint32_t)who;
            memcpy(key, k, STORE_KEY_BYTES);
            *found = true;
        }
    } else if (code != SQLITE_DONE) {
        status = sqlite_failed(s, "read", err);
    }
    sqlite_done(st);
    return status;
}

static enum heed_status key(struct store *base, uint32_t owner, uint8_t out[STORE_KEY_BYTES],
                            bool *found, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    *found = false;
    sqlite3_stmt *st = sqlite_use(s, READ_KEY, err);
    if (!st)
        return HEED_STORAGE;
    sqlite3_bind_int64(st, 1, owner);
    enum heed_status status = HEED_OK;
    int code = sqlite3_step(st);
    const uint8_t *k = NULL;
    if (code == SQLITE_ROW && (!column_key(st, 0, &k) || !k))
        status = sqlite_damaged("the keys", err);
    else if (code == SQLITE_ROW)
        memcpy(out, k, STORE_KEY_BYTES);
    else if (code != SQLITE_DONE)
        status = sqlite_failed(s, "read", err);
    *found = k != NULL;
    sqlite_done(st);
    return status;
}

static enum heed_status keys(struct store *base, uint64_t *count, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    sqlite3_stmt *st = sqlite_use(s, COUNT_KEYS, err);
    if (!st)
        return HEED_STORAGE;
    enum heed_status status = HEED_OK;
    if (sqlite3_step(st) != SQLITE_ROW || !column_u64(st, 0, INT64_MAX, count))
        status = sqlite_failed(s, "read", err);
    sqlite_done(st);
    return status;
}

static enum heed_status check(struct store *base, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    sqlite3_stmt *st = NULL;
    enum heed_status status = HEED_OK;
    if (sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW) {
        status = sqlite_failed(s, "check", err);
    } else {
        const char *text = (const char *)sqlite3_column_text(st, 0);
        if (!text || strcmp(text, "ok") != 0)
            status = error_set(err, HEED_INPUT, s->path, "SQLite finds: %s", text ? text : "?");
    }
    sqlite3_finalize(st);
    return status;
}

static void close_sqlite(struct store *base)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
    if (s->db && !s->read_only)
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_close_v2(s->db);
    if (s->lock >= 0)
        close(s->lock);
    free(s->path);
    free(s);
}

static const struct store_ops sqlite_ops = {
    .append = append,
    .read = read_batches,
    .rows = rows,
    .row = row,
    .key = key,
    .keys = keys,
    .snapshot_begin = sqlite_snapshot_begin,
    .snapshot_part = sqlite_snapshot_part,
    .snapshot_commit = sqlite_snapshot_commit,
    .snapshot_abort = sqlite_snapshot_abort,
    .snapshots = sqlite_snapshots,
    .snapshot_read = sqlite_snapshot_read,
    .scrub = sqlite_scrub,
    .check = check,
    .close = close_sqlite,
};

/* ── opening ── */

static enum heed_status no_file(const char *path, struct heed_error *err)
{
    if (errno == ENOENT)
        return error_set(err, HEED_INPUT, path, "there is no world here; `heed init` makes one");
    return error_set(err, errno == EACCES ? HEED_STORAGE : HEED_INPUT, path,
                     "cannot be opened (%s)", strerror(errno));
}

static enum heed_status look_at_path(const char *path, const struct store_options *options,
                                     bool *created, struct heed_error *err)
{
    struct stat st;
    *created = false;
    if (stat(path, &st) != 0) {
        if (errno != ENOENT || !options->create)
            return no_file(path, err);
        *created = true;
        return HEED_OK;
    }
    if (S_ISDIR(st.st_mode))
        return error_set(err, HEED_INPUT, path, "it is a folder; a world is one file");
    if (!S_ISREG(st.st_mode))
        return error_set(err, HEED_INPUT, path, "it is not a plain file");
    if (access(path, options->read_only ? R_OK : R_OK | W_OK) != 0)
        return error_set(err, HEED_STORAGE, path, "no permission to %s it; check owner and mode",
                         options->read_only ? "read" : "write");
    if (st.st_size == 0 && !options->create)
        return error_set(err, HEED_INPUT, path, "it is empty, not a world; `heed init` makes one");
    *created = st.st_size == 0;
    return HEED_OK;
}

/* Holds path.lock for as long as this process lives; the file says whose it is.                  */
static enum heed_status take_lock(struct sqlite_store *s, int64_t pid, struct heed_error *err)
{
    size_t n = strlen(s->path);
    char *name = malloc(n + 6);
    if (!name)
        return error_nomem(err);
    memcpy(name, s->path, n);
    memcpy(name + n, ".lock", 6);
    s->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    free(name);
    if (s->lock < 0)
        return error_set(err, HEED_STORAGE, s->path,
                         "cannot make its lock file (%s); check the folder's permissions",
                         strerror(errno));
    char text[32] = "";
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        ssize_t got = pread(s->lock, text, sizeof text - 1, 0);
        text[got > 0 ? got : 0] = 0;
        text[strcspn(text, "\n")] = 0;
        return error_set(err, HEED_STORAGE, s->path,
                         "process %s is writing to this world; wait for it to end or stop it",
                         *text ? text : "(unknown)");
    }
    snprintf(text, sizeof text, "%lld\n", (long long)pid);
    if (ftruncate(s->lock, 0) != 0 || pwrite(s->lock, text, strlen(text), 0) < 0)
        return error_set(err, HEED_STORAGE, s->path, "cannot write its lock file (%s)",
                         strerror(errno));
    return HEED_OK;
}

static enum heed_status pragma_int(struct sqlite_store *s, const char *text, int64_t *out,
                                   struct heed_error *err)
{
    sqlite3_stmt *st = NULL;
    enum heed_status status = HEED_OK;
    if (sqlite3_prepare_v2(s->db, text, -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW)
        status = sqlite_failed(s, "read", err);
    else
        *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return status;
}

static enum heed_status check_format(struct sqlite_store *s, struct heed_error *err)
{
    int64_t application = 0, format = 0;
    enum heed_status status = pragma_int(s, "PRAGMA application_id", &application, err);
    if (status == HEED_OK)
        status = pragma_int(s, "PRAGMA user_version", &format, err);
    if (status != HEED_OK)
        return status;
    if (application != APPLICATION_ID)
        return error_set(err, HEED_INPUT, s->path,
                         "it is a SQLite file but not a heed world; give another --world");
    if (format > FORMAT)
        return error_set(err, HEED_INPUT, s->path,
                         "it was written by a newer heed (format %lld; this one reads up to %d): "
                         "install that version",
                         (long long)format, FORMAT);
    if (format < 1)
        return sqlite_damaged(s->path, err);
    return HEED_OK;
}

static enum heed_status make(struct sqlite_store *s, struct heed_error *err)
{
    char text[160];
    snprintf(text, sizeof text,
             "PRAGMA page_size = 8192; PRAGMA application_id = %d; PRAGMA user_version = %d;",
             APPLICATION_ID, FORMAT);
    enum heed_status status = sqlite_exec(s, text, err);
    if (status == HEED_OK)
        status = sqlite_exec(s, "PRAGMA journal_mode = WAL", err);
    if (status == HEED_OK)
        status = sqlite_exec(s, "BEGIN IMMEDIATE", err);
    if (status == HEED_OK)
        status = sqlite_exec(s, schema, err);
    return status == HEED_OK ? sqlite_exec(s, "COMMIT", err) : status;
}

/* A file that was made but never got its tables (a crash in between) counts as new.              */
static enum heed_status unfinished(struct sqlite_store *s, bool *empty, struct heed_error *err)
{
    int64_t tables = 0;
    enum heed_status status = pragma_int(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
    *empty = tables == 0;
    return status;
}

static enum heed_status configure(struct sqlite_store *s, const struct store_options *options,
                                  bool *created, struct heed_error *err)
{
    sqlite3_busy_timeout(s->db, 5000);
    enum heed_status status = HEED_OK;
    bool empty = *created;
    if (!*created && !s->read_only)
        status = unfinished(s, &empty, err);
    if (status == HEED_OK && empty) {
        if (!options->create)
            return error_set(err, HEED_INPUT, s->path,
                             "it is empty, not a world; `heed init` makes one");
        *created = true;
        status = make(s, err);
    }
    if (status == HEED_OK)
        status = check_format(s, err);
    if (status == HEED_OK)
        status = sqlite_exec(s,
                             "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                             "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;",
                             err);
    return status;
}

enum heed_status store_open_sqlite(const char *path, const struct store_options *options,
                                   struct store **out, bool *created, struct heed_error *err)
{
    *out = NULL;
    enum heed_status status = look_at_path(path, options, created, err);
    if (status != HEED_OK)
        return status;
    struct sqlite_store *s = calloc(1, sizeof *s);
    if (!s)
        return error_nomem(err);
    s->base.ops = &sqlite_ops;
    s->lock = -1;
    s->read_only = options->read_only;
    s->path = strdup(path);
    if (!s->path)
        status = error_nomem(err);
    if (status == HEED_OK && !options->read_only)
        status = take_lock(s, options->pid, err);
    int flags = options->read_only
                    ? SQLITE_OPEN_READONLY
                    : SQLITE_OPEN_READWRITE | (options->create ? SQLITE_OPEN_CREATE : 0);
    if (status == HEED_OK &&
        sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX, options->vfs) != SQLITE_OK)
        status = sqlite_failed(s, "open", err);
    if (status == HEED_OK)
        status = configure(s, options, created, err);
    if (status != HEED_OK) {
        close_sqlite(&s->base);
        return status;
    }
    *out = &s->base;
    return HEED_OK;
}
