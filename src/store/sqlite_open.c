/* Opening a world's file: the lock, the format, SQLite's settings. */
#include "base/error.h"
#include "store/sqlite_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FORMAT = 1,                 /* PRAGMA user_version */
    APPLICATION_ID = 0x68656564 /* "heed"              */
};

/* As SQLite keeps them in sqlite_schema. Nothing but journal and vault is touched for an event, and
 * of those only their trees: the index serves erasure.                                          */
static const char *const tables[] = {
    "CREATE TABLE journal(number INTEGER PRIMARY KEY, first INTEGER NOT NULL,"
    " commands INTEGER NOT NULL, hash BLOB NOT NULL, payload BLOB NOT NULL)",
    "CREATE TABLE vault(kind INTEGER NOT NULL, handle INTEGER NOT NULL, owner INTEGER NOT NULL,"
    " slot INTEGER NOT NULL, PRIMARY KEY(kind, handle)) WITHOUT ROWID",
    "CREATE INDEX vault_owner ON vault(owner)",
    "CREATE TABLE sealed(slot INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
    "CREATE TABLE keys(book INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
    "CREATE TABLE snapshots(batch INTEGER PRIMARY KEY, commands INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, digest BLOB NOT NULL)",
    "CREATE TABLE snapshot_parts(batch INTEGER NOT NULL, part INTEGER NOT NULL,"
    " bytes BLOB NOT NULL, PRIMARY KEY(batch, part))",
};
enum { TABLES = sizeof tables / sizeof tables[0] };

static enum heed_status no_world(const char *path, struct heed_error *err)
{
    return error_set(err, HEED_INPUT, path, "there is no world here; `heed init` makes one");
}

static enum heed_status empty_file(const char *path, struct heed_error *err)
{
    return error_set(err, HEED_INPUT, path, "it is empty, not a world; `heed init` makes one");
}

/* ── the path ── */

/* The file is only looked at from outside: opening and closing it here would drop the locks that
 * SQLite may hold on it in this process.                                                        */
static enum heed_status look_at_path(const char *path, bool create, bool read_only,
                                     struct heed_error *err)
{
    struct stat st;
    if (*path == 0)
        return error_set(err, HEED_INPUT, "--world", "the path is empty; name a file");
    if (stat(path, &st) != 0) {
        if (errno == ENOENT)
            return create ? HEED_OK : no_world(path, err);
        return error_set(err, errno == EACCES ? HEED_STORAGE : HEED_INPUT, path,
                         "it cannot be looked at (%s); check the path and its permissions",
                         strerror(errno));
    }
    if (S_ISDIR(st.st_mode))
        return error_set(err, HEED_INPUT, path, "it is a folder; a world is one file");
    if (!S_ISREG(st.st_mode))
        return error_set(err, HEED_INPUT, path, "it is not a plain file; a world is one");
    if (access(path, read_only ? R_OK : R_OK | W_OK) != 0)
        return error_set(err, HEED_STORAGE, path, "no permission to %s it; check owner and mode",
                         read_only ? "read" : "write");
    return st.st_size == 0 && !create ? empty_file(path, err) : HEED_OK;
}

/* The name of a file beside the world's own, links followed; NULL: no memory.                    */
static char *beside(const char *path, const char *suffix)
{
    char *real = realpath(path, NULL);
    const char *base = real ? real : path;
    size_t n = strlen(base), m = strlen(suffix);
    char *name = malloc(n + m + 1);
    if (name) {
        memcpy(name, base, n);
        memcpy(name + n, suffix, m + 1);
    }
    free(real);
    return name;
}

/* The path as a URI, so that none is special to SQLite.                                          */
static bool uri_of(const char *path, bool immutable, struct strbuf *uri)
{
    bool ok = strbuf_puts(uri, *path == '/' ? "file://" : "file:");
    for (; ok && *path; path++) {
        unsigned char c = (unsigned char)*path;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("/._-~", c);
        ok = plain ? strbuf_putc(uri, (char)c) : strbuf_printf(uri, "%%%02X", (unsigned)c);
    }
    return ok && (!immutable || strbuf_puts(uri, "?immutable=1"));
}

/* ── the lock ── */

/* Holds path.lock for as long as this process lives; the file says whose it is.                  */
static enum heed_status take_lock(struct sqlite_store *s, int64_t pid, struct heed_error *err)
{
    char *name = beside(s->path, ".lock");
    if (!name)
        return error_nomem(err);
    s->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    free(name);
    if (s->lock < 0)
        return error_set(err, HEED_STORAGE, s->path, "cannot make its lock file (%s); %s",
                         strerror(errno),
                         errno == ENOENT   ? "make the folder first"
                         : errno == ENOSPC ? "make room on the disk"
                                           : "check the folder's permissions");
    char text[32] = "";
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return error_set(err, HEED_STORAGE, s->path,
                             "cannot lock it (%s); keep worlds on a disk that has locks",
                             strerror(errno));
        for (int tries = 0; tries < 100 && !*text; tries++) { /* it may not have written it yet */
            struct timespec moment = {0, tries ? 1000000 : 0};
            nanosleep(&moment, NULL);
            ssize_t got = pread(s->lock, text, sizeof text - 1, 0);
            text[got > 0 ? got : 0] = 0;
            text[strspn(text, "0123456789")] = 0;
        }
        return error_set(err, HEED_STORAGE, s->path,
                         "%s%s is writing to this world; wait for it to end or stop it",
                         *text ? "process " : "another process", text);
    }
    snprintf(text, sizeof text, "%lld\n", (long long)pid);
    ssize_t n = (ssize_t)strlen(text);
    if (ftruncate(s->lock, 0) != 0 || pwrite(s->lock, text, (size_t)n, 0) != n)
        return error_set(err, HEED_STORAGE, s->path,
                         "cannot write its lock file (%s); make room on the disk", strerror(errno));
    return HEED_OK;
}

/* ── the format ── */

static enum heed_status get_int(struct sqlite_store *s, const char *text, int64_t *out,
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

/* The tables are ours to the letter, and there are no others.                                    */
static enum heed_status check_tables(struct sqlite_store *s, struct heed_error *err)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL", -1, &st,
                           NULL) != SQLITE_OK)
        return sqlite_failed(s, "read", err);
    unsigned seen = 0;
    int n = 0, code;
    while ((code = sqlite3_step(st)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(st, 0);
        n++;
        for (unsigned i = 0; text && i < TABLES; i++)
            if (strcmp(text, tables[i]) == 0)
                seen |= 1u << i;
    }
    enum heed_status status = HEED_OK;
    if (code != SQLITE_DONE)
        status = sqlite_failed(s, "read", err);
    else if (n != TABLES || seen != (1u << TABLES) - 1)
        status = error_set(err, HEED_INPUT, s->path,
                           "its tables are not a heed world's: it is damaged or was changed; "
                           "restore a backup");
    sqlite3_finalize(st);
    return status;
}

/* *empty: a SQLite file without anything in it, as a crash while it was made leaves.             */
static enum heed_status check_format(struct sqlite_store *s, bool *empty, struct heed_error *err)
{
    int64_t application = 0, format = 0, objects = 0;
    enum heed_status status = get_int(s, "PRAGMA application_id", &application, err);
    if (status == HEED_OK)
        status = get_int(s, "PRAGMA user_version", &format, err);
    if (status == HEED_OK)
        status = get_int(s, "SELECT count(*) FROM sqlite_schema", &objects, err);
    if (status != HEED_OK)
        return status;
    *empty = application == 0 && format == 0 && objects == 0;
    if (*empty)
        return HEED_OK;
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
    return check_tables(s, err);
}

static enum heed_status make(struct sqlite_store *s, struct heed_error *err)
{
    char text[96];
    snprintf(text, sizeof text, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             APPLICATION_ID, FORMAT);
    enum heed_status status = sqlite_exec(s, "PRAGMA page_size = 8192", err);
    if (status == HEED_OK)
        status = sqlite_exec(s, "PRAGMA journal_mode = WAL", err);
    if (status == HEED_OK)
        status = sqlite_exec(s, "BEGIN IMMEDIATE", err);
    for (int i = 0; status == HEED_OK && i < TABLES; i++)
        status = sqlite_exec(s, tables[i], err);
    if (status == HEED_OK)
        status = sqlite_exec(s, text, err);
    if (status == HEED_OK)
        status = sqlite_exec(s, "COMMIT", err);
    if (status != HEED_OK)
        sqlite_rollback(s);
    return status;
}

/* ── opening ── */

static enum heed_status connect(struct sqlite_store *s, const struct store_options *options,
                                bool immutable, struct heed_error *err)
{
    struct strbuf uri;
    strbuf_init(&uri, SIZE_MAX);
    enum heed_status status = HEED_OK;
    int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                (options->create && !options->read_only ? SQLITE_OPEN_CREATE : 0);
    if (!uri_of(s->path, immutable, &uri))
        status = error_nomem(err);
    else if (sqlite3_open_v2(strbuf_text(&uri), &s->db, flags, options->vfs) != SQLITE_OK)
        status = sqlite_failed(s, "open", err);
    else
        sqlite3_busy_timeout(s->db, 5000);
    strbuf_deinit(&uri);
    return status;
}

/* A reader that may not make the -wal and -shm files: without a log the file alone is the whole
 * world, and is read as one that does not change; with a log it cannot be read soundly.         */
static enum heed_status read_alone(struct sqlite_store *s, const struct store_options *options,
                                   struct heed_error *err)
{
    int code = sqlite3_exec(s->db, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL) & 0xff;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
        return HEED_OK; /* the checks that follow name any other error */
    char *log = beside(s->path, "-wal");
    if (!log)
        return error_nomem(err);
    struct stat st;
    bool logged = stat(log, &st) == 0 && st.st_size > 0;
    free(log);
    if (logged)
        return error_set(
            err, HEED_STORAGE, s->path,
            "it was not closed well and its folder may not be written to: open it once "
            "as a user who may");
    sqlite3_close_v2(s->db);
    s->db = NULL;
    return connect(s, options, true, err);
}

static enum heed_status configure(struct sqlite_store *s, const struct store_options *options,
                                  bool *created, struct heed_error *err)
{
    bool empty = false;
    enum heed_status status = options->read_only ? read_alone(s, options, err) : HEED_OK;
    if (status == HEED_OK)
        status = sqlite_exec(s, "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;", err);
    if (status == HEED_OK)
        status = check_format(s, &empty, err);
    if (status == HEED_OK && empty) {
        if (!options->create || options->read_only)
            return empty_file(s->path, err);
        *created = true;
        status = make(s, err);
    }
    s->ours = status == HEED_OK;
    if (status == HEED_OK && !options->read_only)
        status = sqlite_exec(s,
                             "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                             "PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 16777216;",
                             err);
    if (status == HEED_OK)
        status = sqlite_exec(s, "PRAGMA cache_size = -16384", err);
    return status;
}

enum heed_status store_open_sqlite(const char *path, const struct store_options *options,
                                   struct store **out, bool *created, struct heed_error *err)
{
    *out = NULL;
    *created = false;
    enum heed_status status =
        look_at_path(path, options->create && !options->read_only, options->read_only, err);
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
    if (status == HEED_OK)
        status = connect(s, options, false, err);
    if (status == HEED_OK)
        status = configure(s, options, created, err);
    if (status != HEED_OK) {
        sqlite_ops.close(&s->base);
        return status;
    }
    *out = &s->base;
    return HEED_OK;
}
