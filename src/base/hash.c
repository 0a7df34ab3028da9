/* SHA-256 goes through libcrypto's SHA256_* calls. They are marked deprecated in favour of EVP, but
 * they keep their state in the caller's memory: they cannot fail and cost no allocation, which EVP
 * does on every digest.                                                                          */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <xxhash.h>

struct sha256_stream {
    SHA256_CTX context;
};

struct sha256 sha256_of(const void *p, size_t n)
{
    struct sha256_stream s;
    struct sha256 h;
    SHA256_Init(&s.context);
    sha256_update(&s, p, n);
    SHA256_Final(h.b, &s.context);
    return h;
}

struct sha256_stream *sha256_new(void)
{
    struct sha256_stream *s = malloc(sizeof *s);
    if (s)
        SHA256_Init(&s->context);
    return s;
}

void sha256_update(struct sha256_stream *s, const void *p, size_t n)
{
    if (n)
        SHA256_Update(&s->context, p, n);
}

struct sha256 sha256_final(struct sha256_stream *s)
{
    struct sha256 h;
    SHA256_Final(h.b, &s->context);
    free(s);
    return h;
}

void sha256_free(struct sha256_stream *s)
{
    free(s);
}

char *sha256_hex(struct sha256 h, char out[65])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof h.b; i++) {
        out[2 * i] = digits[h.b[i] >> 4];
        out[2 * i + 1] = digits[h.b[i] & 15];
    }
    out[64] = '\0';
    return out;
}

bool sha256_eq(struct sha256 a, struct sha256 b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(p, n, seed);
}
