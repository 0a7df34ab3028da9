#include "support_store.h"

#include "base/error.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct store_batch batch_of(uint64_t n, size_t size)
{
    static char payload[1 << 16];
    assert_true(size <= sizeof payload);
    for (size_t i = 0; i < size; i++)
        payload[i] = (char)hash_u64(n * 65537 + i + 1);
    return (struct store_batch){.number = n,
                                .first = n * 3,
                                .commands = 3,
                                .hash = sha256_of(&n, sizeof n),
                                .payload = {payload, size}};
}

struct store_change put_row(uint32_t kind, uint32_t handle, uint32_t owner, struct str bytes)
{
    return (struct store_change){STORE_PUT_ROW, kind, handle, owner, bytes};
}

struct store_change put_key(uint32_t owner, const uint8_t key[STORE_KEY_BYTES])
{
    return (struct store_change){
        .what = STORE_PUT_KEY, .owner = owner, .bytes = {(const char *)key, STORE_KEY_BYTES}};
}

struct store_change erase_owner(uint32_t owner)
{
    return (struct store_change){.what = STORE_ERASE_OWNER, .owner = owner};
}

const uint8_t *key_of(uint32_t owner, unsigned salt)
{
    static struct sha256 ring[64];
    static unsigned next;
    uint32_t seed[3] = {owner, salt, 1};
    struct sha256 *slot = &ring[next++ % 64];
    *slot = sha256_of(seed, sizeof seed);
    return slot->b;
}

enum heed_status snapshot_of(struct store *s, uint64_t batch, int parts, size_t size, bool commit,
                             struct heed_error *err)
{
    struct store_snapshot info = {.batch = batch, .commands = batch * 3 + 3};
    char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    struct sha256_stream *digest = sha256_new();
    enum heed_status status = s->ops->snapshot_begin(s, batch, err);
    for (int i = 0; status == HEED_OK && i < parts; i++) {
        for (size_t j = 0; j < size; j++)
            bytes[j] = (char)hash_u64(batch * 1000003 + (size_t)i * size + j + 1);
        sha256_update(digest, bytes, size);
        info.bytes += size;
        status = s->ops->snapshot_part(s, (struct str){bytes, size}, err);
    }
    info.digest = sha256_final(digest);
    free(bytes);
    if (status == HEED_OK && commit)
        status = s->ops->snapshot_commit(s, &info, err);
    if (status != HEED_OK || !commit)
        s->ops->snapshot_abort(s);
    return status;
}

/* ── dump ── */

static void hex(struct strbuf *b, const void *p, size_t n)
{
    if (n > STORE_KEY_BYTES) {
        char text[65];
        strbuf_printf(b, " %zu:%s", n, sha256_hex(sha256_of(p, n), text));
        return;
    }
    strbuf_printf(b, " %zu:", n);
    for (size_t i = 0; i < n; i++)
        strbuf_printf(b, "%02x", ((const uint8_t *)p)[i]);
}

static enum heed_status dump_batch(void *context, const struct store_batch *b,
                                   struct heed_error *err)
{
    (void)err;
    struct strbuf *text = context;
    strbuf_printf(text, "batch %" PRIu64 " %" PRIu64 " %" PRIu32, b->number, b->first, b->commands);
    hex(text, b->hash.b, sizeof b->hash.b);
    hex(text, b->payload.p, b->payload.n);
    strbuf_putc(text, '\n');
    return HEED_OK;
}

static enum heed_status dump_row(void *context, uint32_t handle, uint32_t owner, struct str bytes,
                                 const uint8_t *key, struct heed_error *err)
{
    (void)err;
    struct strbuf *text = context;
    strbuf_printf(text, "  row %" PRIu32 " of %" PRIu32, handle, owner);
    hex(text, bytes.p, bytes.n);
    hex(text, key, key ? STORE_KEY_BYTES : 0);
    strbuf_putc(text, '\n');
    return HEED_OK;
}

static enum heed_status dump_part(void *context, struct str bytes, struct heed_error *err)
{
    (void)err;
    struct strbuf *text = context;
    strbuf_puts(text, "  part");
    hex(text, bytes.p, bytes.n);
    strbuf_putc(text, '\n');
    return HEED_OK;
}

static enum heed_status dump_keys(struct store *s, struct strbuf *text, struct heed_error *err)
{
    uint64_t keys = 0;
    enum heed_status status = s->ops->keys(s, &keys, err);
    strbuf_printf(text, "keys %" PRIu64 "\n", keys);
    for (uint32_t i = 0; status == HEED_OK && i <= DUMP_OWNERS; i++) {
        uint32_t owner = i < DUMP_OWNERS ? i : STORE_WORLD_OWNER;
        uint8_t key[STORE_KEY_BYTES];
        bool found = false;
        status = s->ops->key(s, owner, key, &found, err);
        if (status == HEED_OK && found) {
            strbuf_printf(text, "  key of %" PRIu32, owner);
            hex(text, key, sizeof key);
            strbuf_putc(text, '\n');
        }
    }
    return status;
}

static enum heed_status dump_snapshots(struct store *s, struct strbuf *text, struct heed_error *err)
{
    struct store_snapshot list[4];
    size_t n = 4;
    enum heed_status status = s->ops->snapshots(s, list, &n, err);
    for (size_t i = 0; status == HEED_OK && i < n; i++) {
        strbuf_printf(text, "snapshot %" PRIu64 " %" PRIu64 " %" PRIu64, list[i].batch,
                      list[i].commands, list[i].bytes);
        hex(text, list[i].digest.b, sizeof list[i].digest.b);
        strbuf_putc(text, '\n');
        status = s->ops->snapshot_read(s, list[i].batch, dump_part, text, err);
    }
    return status;
}

enum heed_status store_dump(struct store *s, char **out, struct heed_error *err)
{
    struct strbuf text;
    strbuf_init(&text, SIZE_MAX);
    *out = NULL;
    enum heed_status status = s->ops->read(s, 0, dump_batch, &text, err);
    for (uint32_t kind = 0; status == HEED_OK && kind < DUMP_KINDS; kind++) {
        strbuf_printf(&text, "kind %" PRIu32 "\n", kind);
        status = s->ops->rows(s, kind, dump_row, &text, err);
    }
    if (status == HEED_OK)
        status = dump_keys(s, &text, err);
    if (status == HEED_OK)
        status = dump_snapshots(s, &text, err);
    if (status == HEED_OK) {
        assert_false(text.failed);
        *out = strdup(strbuf_text(&text));
    }
    strbuf_deinit(&text);
    return status;
}

char *dump_of(struct store *s)
{
    char *text;
    struct heed_error err = {0};
    if (store_dump(s, &text, &err) != HEED_OK)
        fail_msg("the store cannot be read: %s: %s", err.where, err.message);
    return text;
}
