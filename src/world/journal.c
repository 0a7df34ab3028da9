#include "world/journal.h"

#include "base/error.h"
#include "world/pack.h"
#include "world/table.h"

#include <stdlib.h>
#include <zstd.h>

/* Columns of one payload before compression:
 *     u8 codec version, how many commands are called, of each: command, its integers (varints)
 *     per call: command (varint)
 *     per call: time, actor + 1, delta-coded against the call before
 *     per place p = 0…: for each call with more than p integers, i[p]
 *     per call whose command has a blob: length; then all blobs' bytes
 * An integer is zigzag(delta to the same place of the last call of the same command) + 1, absent is
 * 0. A command that has got integers since lacks the last ones in older batches: absent. Version 1
 * did not say how many there were: as many as now, but for those of `grown`. */

enum { CODEC_VERSION = 2, FRAME_MAX = 256 << 20, LEVEL = 1 };

struct journal_codec {
    ZSTD_CCtx *cctx;
    ZSTD_DCtx *dctx;
    uint8_t *raw, *packed;
    size_t raw_n, raw_cap, packed_cap;
    struct call *calls;
    size_t calls_cap;
    uint8_t ints[COMMAND_COUNT];
    uint8_t had[COMMAND_COUNT]; /* integers in the batch in work; NOT_CALLED */
    bool blob[COMMAND_COUNT];
};

enum { NOT_CALLED = UINT8_MAX };

static const struct {
    enum command_id command;
    uint8_t ints;
} grown[] = {{COMMAND_quality_fit, 1},
             {COMMAND_ledger_transfer, 6},
             {COMMAND_shop_buy, 5},
             {COMMAND_shop_refund, 1}};

struct sha256 journal_genesis(void)
{
    return sha256_of("heed journal 1", 14);
}

static void put_le64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

struct sha256 journal_chain(struct sha256 head, uint64_t number, uint64_t first, uint32_t commands,
                            struct str payload)
{
    /* one hash of fixed fields and of the payload's own hash: no copy of the payload is needed */
    struct sha256 body = sha256_of(payload.p, payload.n);
    uint8_t b[32 + 24 + 32];
    memcpy(b, head.b, 32);
    put_le64(b + 32, number);
    put_le64(b + 40, first);
    put_le64(b + 48, commands);
    memcpy(b + 56, body.b, 32);
    return sha256_of(b, sizeof b);
}

struct journal_codec *journal_codec_new(void)
{
    struct journal_codec *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->cctx = ZSTD_createCCtx();
    c->dctx = ZSTD_createDCtx();
    if (!c->cctx || !c->dctx) {
        journal_codec_free(c);
        return NULL;
    }
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const struct command_spec *spec = command_spec((enum command_id)i);
        if (spec->kind == KIND_QUERY || spec->kind == KIND_TOOL)
            continue;
        c->ints[i] = (uint8_t)command_ints(spec);
        for (size_t a = 0; a < spec->n; a++)
            if (spec->args[a].type == ARG_BLOB || spec->args[a].type == ARG_FACT)
                c->blob[i] = true;
    }
    return c;
}

void journal_codec_free(struct journal_codec *c)
{
    if (!c)
        return;
    ZSTD_freeCCtx(c->cctx);
    ZSTD_freeDCtx(c->dctx);
    free(c->raw);
    free(c->packed);
    free(c->calls);
    free(c);
}

static bool journalled(unsigned command)
{
    if (command >= COMMAND_COUNT)
        return false;
    enum command_kind kind = command_spec((enum command_id)command)->kind;
    return kind == KIND_COMMAND || kind == KIND_INTERNAL;
}

/* Zigzag of a difference; the difference may wrap, decoding wraps back.                          */
static uint64_t zigzag(int64_t now, int64_t before)
{
    uint64_t d = (uint64_t)now - (uint64_t)before;
    return d << 1 ^ (uint64_t)((int64_t)d >> 63);
}

static int64_t unzigzag(uint64_t z, int64_t before)
{
    return (int64_t)((uint64_t)before + (z >> 1 ^ (~(z & 1) + 1)));
}

/* Integers travel as zigzag + 1 with 0 for absent; the one difference whose zigzag is 2^64 - 1
 * would wrap to 0, so it is written as two numbers. */
static uint8_t *put_int(uint8_t *p, int64_t v, int64_t *before)
{
    if (v == CALL_ABSENT)
        return pack_at(p, 0);
    uint64_t z = zigzag(v, *before);
    *before = v;
    if (z >= UINT64_MAX - 1) {
        p = pack_at(p, UINT64_MAX);
        return pack_at(p, z);
    }
    return pack_at(p, z + 1);
}

/* Which commands calls[n] are of, each once, into c->had; returns how many. */
static size_t called(struct journal_codec *c, const struct call *calls, size_t n)
{
    size_t commands = 0;
    memset(c->had, NOT_CALLED, sizeof c->had);
    for (size_t i = 0; i < n; i++) {
        commands += c->had[calls[i].command] == NOT_CALLED;
        c->had[calls[i].command] = c->ints[calls[i].command];
    }
    return commands;
}

enum heed_status journal_encode(struct journal_codec *c, const struct call *calls, size_t n,
                                struct str *payload, struct heed_error *err)
{
    size_t need = 16 + 3 * COMMAND_COUNT;
    for (size_t i = 0; i < n; i++) {
        heed_assert(journalled(calls[i].command));
        need += 3 + 10 + 6 + (size_t)c->ints[calls[i].command] * 20 + 10 + calls[i].blob.n;
    }
    if (!array_grow(&c->raw, &c->raw_cap, need, 1))
        return error_nomem(err);
    uint8_t *p = c->raw;
    *p++ = CODEC_VERSION;
    p = pack_at(p, called(c, calls, n));
    for (unsigned command = 0; command < COMMAND_COUNT; command++)
        if (c->had[command] != NOT_CALLED) {
            p = pack_at(p, command);
            p = pack_at(p, c->had[command]);
        }
    for (size_t i = 0; i < n; i++)
        p = pack_at(p, calls[i].command);
    int64_t before = 0;
    for (size_t i = 0; i < n; i++) {
        p = pack_at(p, zigzag(calls[i].time_ms, before));
        before = calls[i].time_ms;
    }
    for (size_t i = 0; i < n; i++)
        p = pack_at(p, (uint32_t)(calls[i].actor + 1));
    for (int place = 0; place < CALL_INTS; place++) {
        int64_t last[COMMAND_COUNT] = {0};
        for (size_t i = 0; i < n; i++)
            if (place < c->ints[calls[i].command])
                p = put_int(p, calls[i].i[place], &last[calls[i].command]);
    }
    for (size_t i = 0; i < n; i++)
        if (c->blob[calls[i].command])
            p = pack_at(p, calls[i].blob.n);
    for (size_t i = 0; i < n; i++)
        if (c->blob[calls[i].command] && calls[i].blob.n) {
            memcpy(p, calls[i].blob.p, calls[i].blob.n);
            p += calls[i].blob.n;
        }
    c->raw_n = (size_t)(p - c->raw);
    heed_assert(c->raw_n <= need);
    if (c->raw_n > FRAME_MAX)
        return error_set(err, HEED_RANGE, "journal", "a batch of %zu bytes is too large", c->raw_n);
    size_t bound = ZSTD_compressBound(c->raw_n);
    if (!array_grow(&c->packed, &c->packed_cap, bound, 1))
        return error_nomem(err);
    size_t packed = ZSTD_compressCCtx(c->cctx, c->packed, c->packed_cap, c->raw, c->raw_n, LEVEL);
    if (ZSTD_isError(packed))
        return error_nomem(err);
    *payload = (struct str){(const char *)c->packed, packed};
    return HEED_OK;
}

struct cursor {
    const uint8_t *p, *end;
    bool bad;
};

static uint64_t get(struct cursor *k)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && k->p < k->end; shift += 7) {
        uint8_t byte = *k->p++;
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    k->bad = true;
    return 0;
}

static int64_t get_int(struct cursor *k, int64_t *before)
{
    uint64_t v = get(k);
    if (v == 0)
        return CALL_ABSENT;
    v = v == UINT64_MAX ? get(k) : v - 1;
    return *before = unzigzag(v, *before);
}

static enum heed_status damaged(struct heed_error *err)
{
    return error_set(err, HEED_INPUT, "journal",
                     "a batch does not decode: the world file is damaged; restore a backup");
}

static enum heed_status decompress(struct journal_codec *c, struct str payload,
                                   struct heed_error *err)
{
    unsigned long long size = ZSTD_getFrameContentSize(payload.p, payload.n);
    /* a block takes four bytes at least and gives ZSTD_BLOCKSIZE_MAX at most (RFC 8878, 3.1.1.2) */
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > FRAME_MAX ||
        size == 0 || size > payload.n / 4 * ZSTD_BLOCKSIZE_MAX)
        return damaged(err);
    if (!array_grow(&c->raw, &c->raw_cap, (size_t)size, 1))
        return error_nomem(err);
    c->raw_n = ZSTD_decompressDCtx(c->dctx, c->raw, c->raw_cap, payload.p, payload.n);
    return ZSTD_isError(c->raw_n) || c->raw_n != size ? damaged(err) : HEED_OK;
}

/* Whether the columns can hold `expected` calls: their commands, then a byte or more for each
 * number of each. So what is asked for calls stays in proportion to bytes that are there. */
static bool calls_fit(const struct journal_codec *c, struct cursor k, size_t expected)
{
    size_t need = 0;
    for (size_t i = 0; i < expected; i++) {
        uint64_t command = get(&k);
        if (k.bad || command > UINT16_MAX || !journalled((unsigned)command) ||
            c->had[command] == NOT_CALLED)
            return false;
        need += 2 + (size_t)c->had[command] + c->blob[command];
    }
    return need <= (size_t)(k.end - k.p);
}

/* Fills c->had from the head of a batch. HEED_INPUT: damaged, or of a newer heed. */
static enum heed_status read_head(struct journal_codec *c, struct cursor *k, struct heed_error *err)
{
    uint64_t version = get(k), commands = 0;
    if (version > CODEC_VERSION && !k->bad)
        return error_set(err, HEED_INPUT, "journal",
                         "it was written by a newer heed; use that one");
    if (version == 1) {
        memcpy(c->had, c->ints, sizeof c->had);
        for (size_t i = 0; i < sizeof grown / sizeof *grown; i++)
            c->had[grown[i].command] = grown[i].ints;
        return HEED_OK;
    }
    memset(c->had, NOT_CALLED, sizeof c->had);
    if (version == CODEC_VERSION)
        commands = get(k);
    if (version != CODEC_VERSION || commands > COMMAND_COUNT)
        return damaged(err);
    for (; commands > 0 && !k->bad; commands--) {
        uint64_t command = get(k), ints = get(k);
        if (command >= COMMAND_COUNT || !journalled((unsigned)command) ||
            c->had[command] != NOT_CALLED || ints > c->ints[command])
            return damaged(err);
        c->had[command] = (uint8_t)ints;
    }
    return k->bad ? damaged(err) : HEED_OK;
}

enum heed_status journal_decode(struct journal_codec *c, struct str payload, size_t expected,
                                const struct call **calls, struct heed_error *err)
{
    enum heed_status status = decompress(c, payload, err);
    if (status != HEED_OK)
        return status;
    struct cursor k = {c->raw, c->raw + c->raw_n, false};
    status = read_head(c, &k, err);
    if (status != HEED_OK)
        return status;
    if (!calls_fit(c, k, expected))
        return damaged(err);
    if (!array_grow(&c->calls, &c->calls_cap, expected + 1, sizeof *c->calls))
        return error_nomem(err);
    for (size_t i = 0; i < expected; i++)
        c->calls[i] = (struct call){.command = (uint16_t)get(&k)};
    int64_t before = 0;
    for (size_t i = 0; i < expected; i++)
        before = c->calls[i].time_ms = unzigzag(get(&k), before);
    for (size_t i = 0; i < expected; i++) {
        uint64_t actor = get(&k);
        if (actor > UINT32_MAX)
            return damaged(err);
        c->calls[i].actor = (uint32_t)actor - 1;
    }
    for (int place = 0; place < CALL_INTS; place++) {
        int64_t last[COMMAND_COUNT] = {0};
        for (size_t i = 0; i < expected; i++)
            c->calls[i].i[place] = place < c->had[c->calls[i].command]
                                       ? get_int(&k, &last[c->calls[i].command])
                                       : CALL_ABSENT;
    }
    for (size_t i = 0; i < expected; i++)
        if (c->blob[c->calls[i].command])
            c->calls[i].blob.n = (size_t)get(&k);
    for (size_t i = 0; i < expected && !k.bad; i++) {
        if (!c->blob[c->calls[i].command])
            continue;
        if (c->calls[i].blob.n > (size_t)(k.end - k.p))
            return damaged(err);
        c->calls[i].blob.p = (const char *)k.p;
        k.p += c->calls[i].blob.n;
    }
    if (k.bad || k.p != k.end)
        return damaged(err);
    *calls = c->calls;
    return HEED_OK;
}
