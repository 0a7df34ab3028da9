/* The store in one SQLite file: journal and vault. */
#include "base/error.h"
#include "store/sqlite_parts.h"
#include "store/store_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum heed_status insert_batch(struct sqlite_store *s, const struct store_batch *b,
                                     struct heed_error *err)
{
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, INSERT_BATCH, &st, err);
    if (status != HEED_OK)
        return status;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)b->number);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)b->first);
    sqlite3_bind_int64(st, 3, b->commands);
    sqlite3_bind_blob(st, 4, b->hash.b, sizeof b->hash.b, SQLITE_STATIC);
    sqlite3_bind_blob64(st, 5, b->payload.n ? b->payload.p : "", b->payload.n, SQLITE_STATIC);
    status = sqlite_run(s, st, err);
    if (status == HEED_OK && sqlite3_changes(s->db) != 1)
        status = store_out_of_order(b->number, err);
    return status;
}

/* What is sealed stands in a table to which rows are only added at the end and from which none is
 * taken: then SQLite never moves one to another page, and zeros written over it leave no copy.  */
static enum heed_status put_row(struct sqlite_store *s, const struct store_change *c,
                                struct heed_error *err)
{
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, BLANK_ROW, &st, err);
    if (status == HEED_OK) {
        sqlite3_bind_int64(st, 1, c->kind);
        sqlite3_bind_int64(st, 2, c->handle);
        status = sqlite_run(s, st, err);
    }
    if (status == HEED_OK)
        status = sqlite_use(s, PUT_SEALED, &st, err);
    if (status == HEED_OK) {
        sqlite3_bind_blob64(st, 1, c->bytes.n ? c->bytes.p : "", c->bytes.n, SQLITE_STATIC);
        status = sqlite_run(s, st, err);
    }
    if (status == HEED_OK)
        status = sqlite_use(s, PUT_ROW, &st, err);
    if (status == HEED_OK) {
        sqlite3_bind_int64(st, 1, c->kind);
        sqlite3_bind_int64(st, 2, c->handle);
        sqlite3_bind_int64(st, 3, c->owner);
        sqlite3_bind_int64(st, 4, sqlite3_last_insert_rowid(s->db));
        status = sqlite_run(s, st, err);
    }
    return status;
}

static enum heed_status erase_rows(struct sqlite_store *s, uint32_t owner, struct heed_error *err)
{
    static const enum statement both[] = {BLANK_ROWS, ERASE_ROWS};
    enum heed_status status = HEED_OK;
    for (int i = 0; status == HEED_OK && i < 2; i++) {
        sqlite3_stmt *st;
        status = sqlite_use(s, both[i], &st, err);
        if (status != HEED_OK)
            break;
        sqlite3_bind_int64(st, 1, owner);
        status = sqlite_run(s, st, err);
    }
    return status;
}

static enum heed_status change(struct sqlite_store *s, struct keybook *keys,
                               const struct store_change *c, struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    switch (c->what) {
    case STORE_PUT_ROW:
        return put_row(s, c, err);
    case STORE_PUT_KEY:
        heed_assert(c->bytes.n == STORE_KEY_BYTES);
        return keybook_put(keys, c->owner, (const uint8_t *)c->bytes.p, err);
    case STORE_ERASE_OWNER:
        status = erase_rows(s, c->owner, err);
        return status == HEED_OK ? keybook_put(keys, c->owner, NULL, err) : status;
    }
    return status;
}

static enum heed_status append(struct store *base, const struct store_batch *b,
                               const struct store_change *changes, size_t n, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    struct keybook keys = {.store = s, .write = true};
    heed_assert(!s->in_snapshot);
    enum heed_status status = sqlite_begin(s, err);
    if (status == HEED_OK)
        status = insert_batch(s, b, err);
    for (size_t i = 0; status == HEED_OK && i < n; i++)
        status = change(s, &keys, &changes[i], err);
    keybook_close(&keys);
    if (status == HEED_OK)
        status = sqlite_commit(s, err);
    if (status != HEED_OK)
        sqlite_rollback(s);
    return status;
}

static enum heed_status read_batches(struct store *base, uint64_t from,
                                     enum heed_status (*visit)(void *context,
                                                               const struct store_batch *b,
                                                               struct heed_error *err),
                                     void *context, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    if (from > INT64_MAX)
        return HEED_OK;
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, READ_BATCHES, &st, err);
    if (status != HEED_OK)
        return status;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)from);
    int code = SQLITE_DONE;
    for (uint64_t next = from; status == HEED_OK && (code = sqlite3_step(st)) == SQLITE_ROW;
         next++) {
        struct store_batch b = {0};
        uint64_t commands = 0;
        char where[48];
        snprintf(where, sizeof where, "batch %llu", (unsigned long long)next);
        if (!column_u64(st, 0, INT64_MAX, &b.number) || !column_u64(st, 1, INT64_MAX, &b.first) ||
            !column_u64(st, 2, UINT32_MAX, &commands) || commands == 0 ||
            !column_hash(st, 3, &b.hash) || !column_blob(st, 4, &b.payload)) {
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

/* A row as it is stored: columns handle, owner, bytes. */
static enum heed_status stored_row(sqlite3_stmt *st, uint32_t *handle, uint32_t *owner,
                                   struct str *bytes, struct heed_error *err)
{
    uint64_t h, o;
    if (!column_u64(st, 0, UINT32_MAX, &h) || !column_u64(st, 1, UINT32_MAX, &o) ||
        !column_blob(st, 2, bytes))
        return sqlite_damaged("the vault", err);
    *handle = (uint32_t)h;
    *owner = (uint32_t)o;
    return HEED_OK;
}

static enum heed_status rows(struct store *base, uint32_t kind,
                             enum heed_status (*visit)(void *context, uint32_t handle,
                                                       uint32_t owner, struct str bytes,
                                                       const uint8_t *key, struct heed_error *err),
                             void *context, struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    struct keybook keys = {.store = s};
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, READ_ROWS, &st, err);
    if (status != HEED_OK)
        return status;
    sqlite3_bind_int64(st, 1, kind);
    int code = SQLITE_DONE;
    while (status == HEED_OK && (code = sqlite3_step(st)) == SQLITE_ROW) {
        uint32_t handle, owner;
        struct str bytes;
        uint8_t key[STORE_KEY_BYTES];
        bool found;
        status = stored_row(st, &handle, &owner, &bytes, err);
        if (status == HEED_OK)
            status = keybook_get(&keys, owner, key, &found, err);
        if (status == HEED_OK)
            status = visit(context, handle, owner, bytes, found ? key : NULL, err);
    }
    if (status == HEED_OK && code != SQLITE_DONE)
        status = sqlite_failed(s, "read", err);
    keybook_close(&keys);
    sqlite_done(st);
    return status;
}

static enum heed_status row(struct store *base, uint32_t kind, uint32_t handle, uint32_t *owner,
                            struct strbuf *bytes, uint8_t key[STORE_KEY_BYTES], bool *found,
                            struct heed_error *err)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    struct keybook keys = {.store = s};
    *found = false;
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, READ_ROW, &st, err);
    if (status != HEED_OK)
        return status;
    sqlite3_bind_int64(st, 1, kind);
    sqlite3_bind_int64(st, 2, handle);
    int code = sqlite3_step(st);
    if (code == SQLITE_ROW) {
        struct str sealed;
        status = stored_row(st, &handle, owner, &sealed, err);
        if (status == HEED_OK)
            status = keybook_get(&keys, *owner, key, found, err);
        if (status == HEED_OK && !*found)
            status = store_no_key(err);
        if (status == HEED_OK && !strbuf_put(bytes, sealed.p, sealed.n))
            status = error_nomem(err);
        *found = status == HEED_OK;
    } else if (code != SQLITE_DONE) {
        status = sqlite_failed(s, "read", err);
    }
    keybook_close(&keys);
    sqlite_done(st);
    return status;
}

/* What was erased is still nothing. */
static enum heed_status check_blanks(struct sqlite_store *s, struct heed_error *err)
{
    sqlite3_stmt *st;
    enum heed_status status = sqlite_use(s, CHECK_BLANKS, &st, err);
    if (status != HEED_OK)
        return status;
    int code = sqlite3_step(st);
    if (code == SQLITE_ROW)
        status = sqlite_damaged("the vault", err);
    else if (code != SQLITE_DONE)
        status = sqlite_failed(s, "check", err);
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
    return status == HEED_OK ? check_blanks(s, err) : status;
}

static void close_sqlite(struct store *base)
{
    struct sqlite_store *s = (struct sqlite_store *)base;
    sqlite_snapshot_abort(base);
    bool pending;
    struct heed_error ignored = {0};
    if (s->ours && !s->read_only && sqlite_empty_log(s, 0, &pending, &ignored) != HEED_OK)
        error_clear(&ignored); /* the log is as good */
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close_v2(s->db);
    if (s->lock >= 0)
        close(s->lock);
    free(s->path);
    free(s);
}

const struct store_ops sqlite_ops = {
    .append = append,
    .read = read_batches,
    .rows = rows,
    .row = row,
    .key = sqlite_key,
    .keys = sqlite_keys,
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
