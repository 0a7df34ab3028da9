/* The store in memory: for tests, simulations and worlds nobody keeps. */
#include "base/error.h"
#include "store/store_parts.h"

#include <stdlib.h>

struct row {
    uint32_t kind, handle, owner;
    struct str bytes; /* owned */
};

struct key {
    uint32_t owner;
    uint8_t bytes[STORE_KEY_BYTES];
};

struct snapshot {
    struct store_snapshot info;
    struct str *parts; /* owned */
    size_t n, cap;
};

struct memory {
    struct store base;
    struct store_batch *batches; /* payloads owned */
    size_t batches_n, batches_cap;
    struct row *rows; /* by kind, handle */
    size_t rows_n, rows_cap;
    struct key *keys; /* by owner */
    size_t keys_n, keys_cap;
    struct snapshot kept[2], writing; /* kept newest first */
    size_t kept_n;
};

static bool copy_of(struct str s, struct str *out)
{
    char *p = malloc(s.n + 1);
    if (!p)
        return false;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    *out = (struct str){p, s.n};
    return true;
}

static void str_free(struct str *s)
{
    free((void *)(uintptr_t)s->p);
    *s = STR_NONE;
}

static void snapshot_free(struct snapshot *s)
{
    for (size_t i = 0; i < s->n; i++)
        str_free(&s->parts[i]);
    free(s->parts);
    *s = (struct snapshot){0};
}

/* First row not before (kind, handle).                                                          */
static size_t row_at(const struct memory *m, uint32_t kind, uint32_t handle)
{
    size_t lo = 0, hi = m->rows_n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct row *r = &m->rows[mid];
        if (r->kind < kind || (r->kind == kind && r->handle < handle))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* First key not before owner.                                                                   */
static size_t key_at(const struct memory *m, uint32_t owner)
{
    size_t lo = 0, hi = m->keys_n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (m->keys[mid].owner < owner)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static const struct key *key_of(const struct memory *m, uint32_t owner)
{
    size_t at = key_at(m, owner);
    return at < m->keys_n && m->keys[at].owner == owner ? &m->keys[at] : NULL;
}

static void put_row(struct memory *m, const struct store_change *c, struct str bytes)
{
    size_t at = row_at(m, c->kind, c->handle);
    if (at < m->rows_n && m->rows[at].kind == c->kind && m->rows[at].handle == c->handle) {
        str_free(&m->rows[at].bytes);
    } else {
        memmove(&m->rows[at + 1], &m->rows[at], (m->rows_n - at) * sizeof *m->rows);
        m->rows_n++;
    }
    m->rows[at] = (struct row){c->kind, c->handle, c->owner, bytes};
}

static void put_key(struct memory *m, const struct store_change *c)
{
    size_t at = key_at(m, c->owner);
    if (at == m->keys_n || m->keys[at].owner != c->owner) {
        memmove(&m->keys[at + 1], &m->keys[at], (m->keys_n - at) * sizeof *m->keys);
        m->keys_n++;
    }
    m->keys[at].owner = c->owner;
    memcpy(m->keys[at].bytes, c->bytes.p, STORE_KEY_BYTES);
}

static void erase(struct memory *m, uint32_t owner)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->rows_n; i++) {
        if (m->rows[i].owner == owner)
            str_free(&m->rows[i].bytes);
        else
            m->rows[kept++] = m->rows[i];
    }
    m->rows_n = kept;
    size_t at = key_at(m, owner);
    if (at < m->keys_n && m->keys[at].owner == owner) {
        m->keys_n--;
        memmove(&m->keys[at], &m->keys[at + 1], (m->keys_n - at) * sizeof *m->keys);
        memset(&m->keys[m->keys_n], 0, sizeof *m->keys);
    }
}

static void free_all(struct str *s, size_t n)
{
    for (size_t i = 0; s && i < n; i++)
        str_free(&s[i]);
    free(s);
}

/* Copies of the bytes of all changes; NULL: no memory.                                          */
static struct str *copy_all(const struct store_change *changes, size_t n)
{
    struct str *copies = calloc(n + 1, sizeof *copies);
    for (size_t i = 0; copies && i < n; i++)
        if (changes[i].what == STORE_PUT_ROW && !copy_of(changes[i].bytes, &copies[i])) {
            free_all(copies, i);
            return NULL;
        }
    return copies;
}

/* Memory for everything is taken before anything changes.                                       */
static enum heed_status append(struct store *s, const struct store_batch *b,
                               const struct store_change *changes, size_t n, struct heed_error *err)
{
    struct memory *m = (struct memory *)s;
    if (b->number != m->batches_n)
        return store_out_of_order(b->number, err);
    struct store_batch copy = *b;
    struct str *copies = copy_all(changes, n);
    if (!copies ||
        !array_grow(&m->batches, &m->batches_cap, m->batches_n + 1, sizeof *m->batches) ||
        !array_grow(&m->rows, &m->rows_cap, m->rows_n + n, sizeof *m->rows) ||
        !array_grow(&m->keys, &m->keys_cap, m->keys_n + n, sizeof *m->keys) ||
        !copy_of(b->payload, &copy.payload)) {
        free_all(copies, n);
        return error_nomem(err);
    }
    for (size_t i = 0; i < n; i++)
        switch (changes[i].what) {
        case STORE_PUT_ROW:
            put_row(m, &changes[i], copies[i]);
            break;
        case STORE_PUT_KEY:
            heed_assert(changes[i].bytes.n == STORE_KEY_BYTES);
            put_key(m, &changes[i]);
            break;
        case STORE_ERASE_OWNER:
            erase(m, changes[i].owner);
            break;
        }
    free(copies);
    m->batches[m->batches_n++] = copy;
    return HEED_OK;
}

static enum heed_status read_batches(struct store *s, uint64_t from,
                                     enum heed_status (*visit)(void *context,
                                                               const struct store_batch *b,
                                                               struct heed_error *err),
                                     void *context, struct heed_error *err)
{
    struct memory *m = (struct memory *)s;
    enum heed_status status = HEED_OK;
    for (uint64_t i = from; status == HEED_OK && i < m->batches_n; i++)
        status = visit(context, &m->batches[i], err);
    return status;
}

static enum heed_status rows(struct store *s, uint32_t kind,
                             enum heed_status (*visit)(void *context, uint32_t handle,
                                                       uint32_t owner, struct str bytes,
                                                       const uint8_t *key, struct heed_error *err),
                             void *context, struct heed_error *err)
{
    struct memory *m = (struct memory *)s;
    enum heed_status status = HEED_OK;
    for (size_t i = row_at(m, kind, 0); status == HEED_OK && i < m->rows_n; i++) {
        const struct row *r = &m->rows[i];
        if (r->kind != kind)
            break;
        const struct key *k = key_of(m, r->owner);
        status = visit(context, r->handle, r->owner, r->bytes, k ? k->bytes : NULL, err);
    }
    return status;
}

static enum heed_status row(struct store *s, uint32_t kind, uint32_t handle, uint32_t *owner,
                            struct strbuf *bytes, uint8_t key[STORE_KEY_BYTES], bool *found,
                            struct heed_error *err)
{
    struct memory *m = (struct memory *)s;
    size_t at = row_at(m, kind, handle);
    *found = at < m->rows_n && m->rows[at].kind == kind && m->rows[at].handle == handle;
    if (!*found)
        return HEED_OK;
    *owner = m->rows[at].owner;
    const struct key *k = key_of(m, *owner);
    enum heed_status status = HEED_OK;
    if (!k)
        status = store_no_key(err);
    else if (!strbuf_put(bytes, m->rows[at].bytes.p, m->rows[at].bytes.n))
        status = error_nomem(err);
    else
        memcpy(key, k->bytes, STORE_KEY_BYTES);
    *found = status == HEED_OK;
    return status;
}

static enum heed_status key(struct store *s, uint32_t owner, uint8_t out[STORE_KEY_BYTES],
                            bool *found, struct heed_error *err)
{
    (void)err;
    const struct key *k = key_of((struct memory *)s, owner);
    *found = k != NULL;
    if (k)
        memcpy(out, k->bytes, STORE_KEY_BYTES);
    return HEED_OK;
}

static enum heed_status keys(struct store *s, uint64_t *count, struct heed_error *err)
{
    (void)err;
    *count = ((struct memory *)s)->keys_n;
    return HEED_OK;
}

static enum heed_status snapshot_begin(struct store *s, uint64_t batch, struct heed_error *err)
{
    (void)batch;
    (void)err;
    snapshot_free(&((struct memory *)s)->writing);
    return HEED_OK;
}

static enum heed_status snapshot_part(struct store *s, struct str bytes, struct heed_error *err)
{
    struct snapshot *w = &((struct memory *)s)->writing;
    struct str copy;
    if (!array_grow(&w->parts, &w->cap, w->n + 1, sizeof *w->parts) || !copy_of(bytes, &copy))
        return error_nomem(err);
    w->parts[w->n++] = copy;
    return HEED_OK;
}

static enum heed_status snapshot_commit(struct store *s, const struct store_snapshot *info,
                                        struct heed_error *err)
{
    (void)err;
    struct memory *m = (struct memory *)s;
    m->writing.info = *info;
    if (m->kept_n > 0 && m->kept[0].info.batch == info->batch) {
        snapshot_free(&m->kept[0]);
    } else {
        if (m->kept_n == 2)
            snapshot_free(&m->kept[1]);
        m->kept[1] = m->kept[0];
        m->kept_n = m->kept_n < 2 ? m->kept_n + 1 : 2;
    }
    m->kept[0] = m->writing;
    m->writing = (struct snapshot){0};
    return HEED_OK;
}

static void snapshot_abort(struct store *s)
{
    snapshot_free(&((struct memory *)s)->writing);
}

static enum heed_status snapshots(struct store *s, struct store_snapshot *list, size_t *n,
                                  struct heed_error *err)
{
    (void)err;
    struct memory *m = (struct memory *)s;
    *n = *n < m->kept_n ? *n : m->kept_n;
    for (size_t i = 0; i < *n; i++)
        list[i] = m->kept[i].info;
    return HEED_OK;
}

static enum heed_status snapshot_read(struct store *s, uint64_t batch,
                                      enum heed_status (*visit)(void *context, struct str bytes,
                                                                struct heed_error *err),
                                      void *context, struct heed_error *err)
{
    struct memory *m = (struct memory *)s;
    for (size_t i = 0; i < m->kept_n; i++) {
        if (m->kept[i].info.batch != batch)
            continue;
        enum heed_status status = HEED_OK;
        for (size_t j = 0; status == HEED_OK && j < m->kept[i].n; j++)
            status = visit(context, m->kept[i].parts[j], err);
        return status;
    }
    return store_no_snapshot(batch, err);
}

static enum heed_status scrub(struct store *s, bool *pending, struct heed_error *err)
{
    (void)s;
    (void)err;
    *pending = false;
    return HEED_OK;
}

static enum heed_status check(struct store *s, struct heed_error *err)
{
    (void)s;
    (void)err;
    return HEED_OK;
}

static void close_memory(struct store *s)
{
    struct memory *m = (struct memory *)s;
    for (size_t i = 0; i < m->batches_n; i++)
        str_free(&m->batches[i].payload);
    for (size_t i = 0; i < m->rows_n; i++)
        str_free(&m->rows[i].bytes);
    for (size_t i = 0; i < m->kept_n; i++)
        snapshot_free(&m->kept[i]);
    snapshot_free(&m->writing);
    free(m->batches);
    free(m->rows);
    free(m->keys);
    free(m);
}

static const struct store_ops memory_ops = {
    .append = append,
    .read = read_batches,
    .rows = rows,
    .row = row,
    .key = key,
    .keys = keys,
    .snapshot_begin = snapshot_begin,
    .snapshot_part = snapshot_part,
    .snapshot_commit = snapshot_commit,
    .snapshot_abort = snapshot_abort,
    .snapshots = snapshots,
    .snapshot_read = snapshot_read,
    .scrub = scrub,
    .check = check,
    .close = close_memory,
};

enum heed_status store_open_memory(struct store **out, struct heed_error *err)
{
    struct memory *m = calloc(1, sizeof *m);
    if (!m)
        return error_nomem(err);
    m->base.ops = &memory_ops;
    *out = &m->base;
    return HEED_OK;
}
