/* Hashes: SHA-256 (OpenSSL) where someone may want to forge, XXH3 and a 64-bit mixer for tables. */
#ifndef HEED_BASE_HASH_H
#define HEED_BASE_HASH_H

#include "base/str.h"
#include "heed.h"

struct sha256 {
    uint8_t b[32];
};

/* One-shot. Cannot fail, allocates nothing.                                                      */
struct sha256 sha256_of(const void *p, size_t n);

/* Streaming. new: NULL on lack of memory. final frees the stream.                               */
struct sha256_stream;
struct sha256_stream *sha256_new(void);
void sha256_update(struct sha256_stream *s, const void *p, size_t n);
struct sha256 sha256_final(struct sha256_stream *s);
void sha256_free(struct sha256_stream *s); /* without a result; NULL accepted */

char *sha256_hex(struct sha256 h, char out[65]); /* lower case, NUL-terminated; returns out */
bool sha256_eq(struct sha256 a, struct sha256 b);

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed); /* XXH3, 64 bits */

static inline uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return x;
}
#endif
