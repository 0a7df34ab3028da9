#include "world/vault.h"

#include "base/arena.h"
#include "base/intern.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

enum { NONCE = 12, TAG = 16, SALT = 32, FIELD_MAX = 16 << 20 };

struct people {
    struct intern ids; /* handle = party */
    struct map key_of; /* owner -> place in keys, of keys used since the world was opened */
    uint8_t (*keys)[STORE_KEY_BYTES];
    size_t keys_n, keys_cap;
    EVP_CIPHER_CTX *ctx;
};

struct people *people_new(void)
{
    struct people *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    intern_init(&p->ids);
    map_init(&p->key_of);
    p->ctx = EVP_CIPHER_CTX_new();
    if (!p->ctx) {
        people_free(p);
        return NULL;
    }
    return p;
}

void people_free(struct people *p)
{
    if (!p)
        return;
    if (p->ids.bytes)
        OPENSSL_cleanse(p->ids.bytes, p->ids.bytes_n);
    intern_deinit(&p->ids);
    map_deinit(&p->key_of);
    if (p->keys)
        OPENSSL_cleanse(p->keys, p->keys_n * sizeof *p->keys);
    free(p->keys);
    EVP_CIPHER_CTX_free(p->ctx);
    free(p);
}

uint32_t people_find(const struct people *p, struct str id)
{
    uint32_t h = p ? intern_find(&p->ids, id) : INTERN_NONE;
    return h == INTERN_NONE ? HANDLE_NONE : h;
}

struct str people_id(const struct people *p, uint32_t party)
{
    return p && party < p->ids.count ? intern_str(&p->ids, party) : STR("");
}

enum heed_status people_add(struct people *p, struct str id, uint32_t party, struct heed_error *err)
{
    /* erased people before this one have no id: their places are held, never to be found */
    while (p->ids.count < party) {
        char hole[24];
        int n = snprintf(hole, sizeof hole, "\x01%zu", p->ids.count);
        uint32_t h = intern_add(&p->ids, (struct str){hole, (size_t)n});
        if (h == INTERN_NONE)
            return error_nomem(err);
        intern_forget(&p->ids, h);
    }
    uint32_t h = intern_add(&p->ids, id);
    if (h == INTERN_NONE)
        return error_nomem(err);
    if (h != party)
        return error_set(err, HEED_INPUT, "vault",
                         "two people have the same id: the world file is "
                         "damaged; restore a backup");
    return HEED_OK;
}

void people_forget(struct people *p, uint32_t party)
{
    if (party < p->ids.count)
        intern_forget(&p->ids, party);
    uint32_t at = map_get(&p->key_of, party);
    if (at != MAP_NONE) {
        OPENSSL_cleanse(p->keys[at], STORE_KEY_BYTES);
        map_remove(&p->key_of, party);
    }
}

const char *vault_kind_name(uint32_t kind)
{
    return kind == VAULT_REASON ? "reason" : target_kind_name((enum target_kind)kind);
}

static void aad_of(uint32_t kind, uint32_t handle, uint8_t aad[5])
{
    aad[0] = (uint8_t)kind;
    for (int i = 0; i < 4; i++)
        aad[1 + i] = (uint8_t)(handle >> (8 * i));
}

/* One AES-256-GCM pass over n bytes. Opening: false when the tag does not match.                 */
static bool gcm(EVP_CIPHER_CTX *ctx, bool seal, const uint8_t *key, const uint8_t *nonce,
                const uint8_t aad[5], const uint8_t *in, size_t n, uint8_t *out, uint8_t tag[TAG])
{
    int len;
    if (EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, seal) != 1 ||
        EVP_CipherUpdate(ctx, NULL, &len, aad, 5) != 1 ||
        EVP_CipherUpdate(ctx, out, &len, in, (int)n) != 1)
        return false;
    if (!seal && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1)
        return false;
    uint8_t rest[16];
    if (EVP_CipherFinal_ex(ctx, rest, &len) != 1)
        return false;
    return !seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1;
}

static enum heed_status queue(struct world *w, struct store_change change, const void *bytes,
                              size_t n, struct heed_error *err)
{
    if (!array_grow(&w->changes, &w->changes_cap, w->changes_n + 1, sizeof *w->changes))
        return error_nomem(err);
    if (n) {
        char *copy = arena_alloc(w->pending_bytes, n);
        if (!copy)
            return error_nomem(err);
        memcpy(copy, bytes, n);
        change.bytes = (struct str){copy, n};
    }
    w->changes[w->changes_n++] = change;
    return HEED_OK;
}

/* The owner's key: one used before, one in the store, or a new one.                              */
static enum heed_status key_for(struct world *w, uint32_t owner, uint8_t **key,
                                struct heed_error *err)
{
    struct people *p = w->people;
    uint32_t at = map_get(&p->key_of, owner);
    if (at != MAP_NONE) {
        *key = p->keys[at];
        return HEED_OK;
    }
    uint8_t bytes[STORE_KEY_BYTES];
    bool found = false;
    enum heed_status status = w->store->ops->key(w->store, owner, bytes, &found, err);
    if (status != HEED_OK)
        return status;
    if (!found) {
        if (RAND_bytes(bytes, sizeof bytes) != 1)
            return error_set(err, HEED_STORAGE, "vault", "the system has no random bytes to give");
        status = queue(w, (struct store_change){.what = STORE_PUT_KEY, .owner = owner}, bytes,
                       sizeof bytes, err);
        if (status != HEED_OK)
            return status;
    }
    if (!array_grow(&p->keys, &p->keys_cap, p->keys_n + 1, sizeof *p->keys) ||
        !map_put(&p->key_of, owner, (uint32_t)p->keys_n))
        return error_nomem(err);
    memcpy(p->keys[p->keys_n], bytes, sizeof bytes);
    OPENSSL_cleanse(bytes, sizeof bytes);
    *key = p->keys[p->keys_n++];
    return HEED_OK;
}

enum heed_status vault_seal(struct world *w, uint32_t kind, uint32_t handle, uint32_t owner,
                            const struct text *text, uint8_t commitment[32], struct heed_error *err)
{
    size_t n = SALT;
    for (int f = 0; f < TEXT_FIELDS; f++) {
        if (text->fields[f].n > FIELD_MAX)
            return error_set(err, HEED_RANGE, "text", "a text may have %d bytes at most",
                             FIELD_MAX);
        n += 4 + text->fields[f].n;
    }
    uint8_t *key = NULL;
    enum heed_status status = key_for(w, owner, &key, err);
    if (status != HEED_OK)
        return status;
    uint8_t *plain = malloc(n), *sealed = malloc(NONCE + n + TAG);
    if (!plain || !sealed) {
        status = error_nomem(err);
        goto done;
    }
    if (RAND_bytes(plain, SALT) != 1 || RAND_bytes(sealed, NONCE) != 1) {
        status = error_set(err, HEED_STORAGE, "vault", "the system has no random bytes to give");
        goto done;
    }
    uint8_t *at = plain + SALT;
    for (int f = 0; f < TEXT_FIELDS; f++) {
        for (int i = 0; i < 4; i++)
            *at++ = (uint8_t)(text->fields[f].n >> (8 * i));
        if (text->fields[f].n)
            memcpy(at, text->fields[f].p, text->fields[f].n);
        at += text->fields[f].n;
    }
    struct sha256 h = sha256_of(plain, n);
    memcpy(commitment, h.b, 32);
    uint8_t aad[5];
    aad_of(kind, handle, aad);
    if (!gcm(w->people->ctx, true, key, sealed, aad, plain, n, sealed + NONCE,
             sealed + NONCE + n)) {
        status = error_set(err, HEED_STORAGE, "vault", "AES-256-GCM is not available in OpenSSL");
        goto done;
    }
    status = queue(w, (struct store_change){STORE_PUT_ROW, kind, handle, owner, STR_NONE}, sealed,
                   NONCE + n + TAG, err);
done:
    if (plain)
        OPENSSL_cleanse(plain, n);
    free(plain);
    free(sealed);
    return status;
}

enum heed_status vault_erase(struct world *w, uint32_t party, struct heed_error *err)
{
    people_forget(w->people, party);
    w->erased_pending = true;
    return queue(w, (struct store_change){.what = STORE_ERASE_OWNER, .owner = party}, NULL, 0, err);
}

static enum heed_status row_damaged(uint32_t kind, uint32_t handle, struct heed_error *err)
{
    char where[64];
    snprintf(where, sizeof where, "vault: %s %u", vault_kind_name(kind), handle);
    return error_set(err, HEED_INPUT, where,
                     "the sealed text does not open: the world file is damaged; restore a backup");
}

/* Opens a row's bytes into buf (salt and fields) and splits them.                                */
static enum heed_status open_row(EVP_CIPHER_CTX *ctx, uint32_t kind, uint32_t handle,
                                 struct str row, const uint8_t *key, struct strbuf *buf,
                                 struct text *text, uint8_t commitment[32], struct heed_error *err)
{
    strbuf_clear(buf);
    memset(text, 0, sizeof *text);
    if (!key || row.n < NONCE + SALT + 4 * TEXT_FIELDS + TAG)
        return row_damaged(kind, handle, err);
    size_t n = row.n - NONCE - TAG;
    if (!array_grow(&buf->p, &buf->cap, n + 1, 1))
        return error_nomem(err);
    uint8_t aad[5], tag[TAG];
    aad_of(kind, handle, aad);
    memcpy(tag, row.p + NONCE + n, TAG);
    const uint8_t *bytes = (const uint8_t *)row.p;
    if (!gcm(ctx, false, key, bytes, aad, bytes + NONCE, n, (uint8_t *)buf->p, tag))
        return row_damaged(kind, handle, err);
    buf->n = n;
    buf->p[n] = 0;
    if (commitment) {
        struct sha256 h = sha256_of(buf->p, n);
        memcpy(commitment, h.b, 32);
    }
    size_t at = SALT;
    for (int f = 0; f < TEXT_FIELDS; f++) {
        uint32_t len = 0;
        if (n - at < 4)
            return row_damaged(kind, handle, err);
        for (int i = 0; i < 4; i++)
            len |= (uint32_t)(uint8_t)buf->p[at++] << (8 * i);
        if (len > n - at)
            return row_damaged(kind, handle, err);
        text->fields[f] = (struct str){buf->p + at, len};
        at += len;
    }
    return at == n ? HEED_OK : row_damaged(kind, handle, err);
}

enum heed_status vault_open(struct world *w, uint32_t kind, uint32_t handle, struct strbuf *buf,
                            struct text *text, bool *found, struct heed_error *err)
{
    memset(text, 0, sizeof *text);
    struct strbuf row;
    strbuf_init(&row, SIZE_MAX);
    uint8_t key[STORE_KEY_BYTES];
    uint32_t owner;
    enum heed_status status =
        w->store->ops->row(w->store, kind, handle, &owner, &row, key, found, err);
    if (status == HEED_OK && *found)
        status = open_row(w->people->ctx, kind, handle, (struct str){row.p, row.n}, key, buf, text,
                          NULL, err);
    OPENSSL_cleanse(key, sizeof key);
    strbuf_deinit(&row);
    return status;
}

struct each {
    EVP_CIPHER_CTX *ctx;
    uint32_t kind;
    struct strbuf buf;
    enum heed_status (*visit)(void *context, uint32_t handle, uint32_t owner,
                              const struct text *text, const uint8_t commitment[32],
                              struct heed_error *err);
    void *context;
};

static enum heed_status each_row(void *context, uint32_t handle, uint32_t owner, struct str bytes,
                                 const uint8_t *key, struct heed_error *err)
{
    struct each *e = context;
    struct text text;
    uint8_t commitment[32];
    enum heed_status status =
        open_row(e->ctx, e->kind, handle, bytes, key, &e->buf, &text, commitment, err);
    return status == HEED_OK ? e->visit(e->context, handle, owner, &text, commitment, err) : status;
}

enum heed_status vault_each(struct world *w, uint32_t kind,
                            enum heed_status (*visit)(void *context, uint32_t handle,
                                                      uint32_t owner, const struct text *text,
                                                      const uint8_t commitment[32],
                                                      struct heed_error *err),
                            void *context, struct heed_error *err)
{
    struct each e = {w->people->ctx, kind, {0}, visit, context};
    strbuf_init(&e.buf, SIZE_MAX);
    enum heed_status status = w->store->ops->rows(w->store, kind, each_row, &e, err);
    if (e.buf.p)
        OPENSSL_cleanse(e.buf.p, e.buf.cap);
    strbuf_deinit(&e.buf);
    return status;
}

static enum heed_status load_id(void *context, uint32_t handle, uint32_t owner,
                                const struct text *text, const uint8_t commitment[32],
                                struct heed_error *err)
{
    (void)owner;
    (void)commitment;
    struct world *w = context;
    if (handle >= w->state.catalogue.parties_n || handle < w->people->ids.count)
        return error_set(err, HEED_INPUT, "vault",
                         "it names a person the journal does not know: the world file is damaged");
    return people_add(w->people, text->fields[TEXT_ID], handle, err);
}

enum heed_status people_load(struct world *w, struct heed_error *err)
{
    return vault_each(w, TARGET_USER, load_id, w, err);
}
