#include "base/serial.h"

#include "base/error.h"

#include <stdlib.h>

void sink_init(struct sink *s, bool (*write)(void *, const void *, size_t), void *context)
{
    s->write = write;
    s->context = context;
    s->failed = false;
    s->used = 0;
    s->total = 0;
}

static void hand_on(struct sink *s, const void *p, size_t n)
{
    if (n && !s->failed && !s->write(s->context, p, n))
        s->failed = true;
}

void sink_bytes(struct sink *s, const void *p, size_t n)
{
    if (n == 0 || s->failed)
        return;
    s->total += n;
    if (n > SERIAL_CHUNK - s->used) {
        hand_on(s, s->buf, s->used);
        s->used = 0;
        if (n >= SERIAL_CHUNK) {
            hand_on(s, p, n);
            return;
        }
    }
    memcpy(s->buf + s->used, p, n);
    s->used += n;
}

/* The lowest n bytes of v, least first.                                                          */
static void sink_number(struct sink *s, uint64_t v, size_t n)
{
    uint8_t b[8];
    for (size_t i = 0; i < n; i++)
        b[i] = (uint8_t)(v >> (8 * i));
    sink_bytes(s, b, n);
}

void sink_u8(struct sink *s, uint8_t v)
{
    sink_bytes(s, &v, 1);
}
void sink_u16(struct sink *s, uint16_t v)
{
    sink_number(s, v, 2);
}
void sink_u32(struct sink *s, uint32_t v)
{
    sink_number(s, v, 4);
}
void sink_u64(struct sink *s, uint64_t v)
{
    sink_number(s, v, 8);
}
void sink_i64(struct sink *s, int64_t v)
{
    sink_number(s, (uint64_t)v, 8);
}

void sink_str(struct sink *s, struct str v)
{
    if (v.n > UINT32_MAX) {
        s->failed = true;
        return;
    }
    sink_u32(s, (uint32_t)v.n);
    sink_bytes(s, v.p, v.n);
}

bool sink_flush(struct sink *s)
{
    hand_on(s, s->buf, s->used);
    s->used = 0;
    return !s->failed;
}

void source_init(struct source *s, size_t (*read)(void *, void *, size_t), void *context)
{
    s->read = read;
    s->context = context;
    s->failed = false;
    s->at = 0;
    s->have = 0;
}

/* Reads on when the buffer is used up; false when nothing is left.                               */
static bool refill(struct source *s)
{
    if (s->at < s->have)
        return true;
    s->at = 0;
    s->have = s->read(s->context, s->buf, SERIAL_CHUNK);
    heed_assert(s->have <= SERIAL_CHUNK);
    return s->have > 0;
}

void source_bytes(struct source *s, void *p, size_t n)
{
    uint8_t *out = p;
    size_t done = 0;
    while (done < n && !s->failed) {
        if (!refill(s)) {
            s->failed = true;
            break;
        }
        size_t part = s->have - s->at < n - done ? s->have - s->at : n - done;
        memcpy(out + done, s->buf + s->at, part);
        s->at += part;
        done += part;
    }
    if (s->failed && n)
        memset(out, 0, n);
}

static uint64_t source_number(struct source *s, size_t n)
{
    uint8_t b[8];
    source_bytes(s, b, n);
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)b[i] << (8 * i);
    return v;
}

uint8_t source_u8(struct source *s)
{
    return (uint8_t)source_number(s, 1);
}
uint16_t source_u16(struct source *s)
{
    return (uint16_t)source_number(s, 2);
}
uint32_t source_u32(struct source *s)
{
    return (uint32_t)source_number(s, 4);
}
uint64_t source_u64(struct source *s)
{
    return source_number(s, 8);
}
int64_t source_i64(struct source *s)
{
    return (int64_t)source_number(s, 8);
}

size_t source_count(struct source *s, uint64_t max)
{
    uint64_t n = source_u64(s);
    if (n > max || n > SIZE_MAX) {
        s->failed = true;
        return 0;
    }
    return (size_t)n;
}

/* Memory grows as bytes arrive: a false length costs no more than the bytes that are there.      */
char *source_str(struct source *s, size_t max, size_t *n)
{
    size_t length = source_u32(s);
    if (length > max)
        s->failed = true;
    char *text = NULL;
    size_t cap = 0, got = 0;
    while (!s->failed) {
        size_t part = length - got < SERIAL_CHUNK ? length - got : SERIAL_CHUNK;
        if (!array_grow(&text, &cap, got + part + 1, 1)) {
            s->failed = true;
            break;
        }
        source_bytes(s, text + got, part);
        got += part;
        if (got == length)
            break;
    }
    if (s->failed) {
        free(text);
        text = NULL;
        length = 0;
    } else {
        text[length] = '\0';
    }
    if (n)
        *n = length;
    return text;
}

bool source_end(struct source *s)
{
    return !s->failed && !refill(s);
}

size_t memory_read(void *memory_reader, void *p, size_t n)
{
    struct memory_reader *m = memory_reader;
    if (n > m->n)
        n = m->n;
    if (n) {
        memcpy(p, m->p, n);
        m->p += n;
        m->n -= n;
    }
    return n;
}

bool strbuf_write(void *strbuf, const void *p, size_t n)
{
    return strbuf_put(strbuf, p, n);
}

struct sink *sink_new(struct strbuf *out)
{
    struct sink *k = malloc(sizeof *k);
    if (k)
        sink_init(k, strbuf_write, out);
    return k;
}

bool sink_done(struct sink *k)
{
    bool ok = k && sink_flush(k);
    free(k);
    return ok;
}

struct source *source_new(struct memory_reader *from)
{
    struct source *s = malloc(sizeof *s);
    if (s)
        source_init(s, memory_read, from);
    return s;
}
