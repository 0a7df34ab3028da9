/* Serialised state: a sink that takes numbers and bytes in little-endian order and hands them on
 * in chunks, and a source that gives them back. A failure is remembered: check once at the end. */
#ifndef HEED_BASE_SERIAL_H
#define HEED_BASE_SERIAL_H

#include "base/str.h"
#include "heed.h"

enum { SERIAL_CHUNK = 1 << 16 };

struct sink {
    bool (*write)(void *context, const void *p, size_t n); /* false: stop */
    void *context;
    bool failed;
    size_t used;
    uint64_t total; /* bytes taken so far */
    uint8_t buf[SERIAL_CHUNK];
};

void sink_init(struct sink *s, bool (*write)(void *, const void *, size_t), void *context);
void sink_bytes(struct sink *s, const void *p, size_t n);
void sink_u8(struct sink *s, uint8_t v);
void sink_u16(struct sink *s, uint16_t v);
void sink_u32(struct sink *s, uint32_t v);
void sink_u64(struct sink *s, uint64_t v);
void sink_i64(struct sink *s, int64_t v);
void sink_str(struct sink *s, struct str v);     /* u32 length, bytes */
HEED_MUST_CHECK bool sink_flush(struct sink *s); /* false if anything failed */

struct source {
    /* Gives up to n bytes; 0 at the end or on failure.                                          */
    size_t (*read)(void *context, void *p, size_t n);
    void *context;
    bool failed; /* read past the end, or a bound was broken; all further reads give zeros */
    size_t at, have;
    uint8_t buf[SERIAL_CHUNK];
};

void source_init(struct source *s, size_t (*read)(void *, void *, size_t), void *context);
void source_bytes(struct source *s, void *p, size_t n);
uint8_t source_u8(struct source *s);
uint16_t source_u16(struct source *s);
uint32_t source_u32(struct source *s);
uint64_t source_u64(struct source *s);
int64_t source_i64(struct source *s);

/* A u64 count of elements, failed (and 0) when above max.                                       */
size_t source_count(struct source *s, uint64_t max);

/* A string of at most max bytes, allocated with malloc and NUL-terminated; NULL on failure.     */
char *source_str(struct source *s, size_t max, size_t *n);
bool source_end(struct source *s); /* nothing failed and nothing is left */

/* Ready-made ends over memory.                                                                  */
struct memory_reader {
    const uint8_t *p;
    size_t n;
};
size_t memory_read(void *memory_reader, void *p, size_t n);
bool strbuf_write(void *strbuf, const void *p, size_t n);

/* The same on the heap, where 64 KiB are too much for a stack. sink_new appends to out, sink_done
 * flushes and frees; false: something failed, or k is NULL. source_new reads from, which must stay;
 * free() it. NULL: no memory. */
struct strbuf;
struct sink *sink_new(struct strbuf *out);
HEED_MUST_CHECK bool sink_done(struct sink *k);
struct source *source_new(struct memory_reader *from);
#endif
