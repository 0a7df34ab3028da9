/* The reader's inside: a pile of layers, each giving bytes made from those of the layer below.
 *
 *     file or function -> gzip -> (stream: zst xz bz2) -> archive member -> ...
 *
 * Every layer counts what it gives against one guard, so that a bomb is caught in whichever layer
 * it swells. */
#ifndef HEED_BASE_READER_LAYER_H
#define HEED_BASE_READER_LAYER_H

#include "base/error.h"
#include "base/reader.h"

enum { LAYER_PEEK = 512 }; /* a tar header */

struct guard {
    const char *path; /* for err->where                                                      */
    uint64_t max_bytes;
    uint32_t max_ratio;
    uint64_t done, total; /* bytes of the file read, and in all (0: unknown)                     */
};

struct layer {
    enum heed_status (*read)(struct layer *l, void *p, size_t size, size_t *n,
                             struct heed_error *err);
    void (*close)(struct layer *l); /* frees l, not what is below                       */
    bool (*seek)(struct layer *l, int64_t offset, int whence, int64_t *at); /* NULL: cannot      */
    struct layer *below;
    struct guard *guard;
    uint64_t given; /* bytes out of this layer */
    size_t peek_at, peek_n;
    unsigned char peek[LAYER_PEEK];
};

/* Reads, the peeked bytes first. Counts and guards.                                             */
HEED_MUST_CHECK enum heed_status layer_read(struct layer *l, void *p, size_t size, size_t *n,
                                            struct heed_error *err);

/* Makes the next LAYER_PEEK bytes (fewer at the end) stand in l->peek.                          */
HEED_MUST_CHECK enum heed_status layer_peek(struct layer *l, struct heed_error *err);

/* Fails when `bytes` decompressed from `from` compressed ones pass a limit.                     */
HEED_MUST_CHECK enum heed_status guard_check(const struct guard *g, uint64_t bytes, uint64_t from,
                                             struct heed_error *err);

/* Each takes what is below; the new layer is *out, to be closed before what is below.           */
HEED_MUST_CHECK enum heed_status gzip_layer(struct layer *below, struct layer **out,
                                            struct heed_error *err);
HEED_MUST_CHECK enum heed_status stream_layer(struct layer *below, struct layer **out,
                                              struct heed_error *err);

/* The member of that name; or, with member NULL, the index-th entry.                            */
HEED_MUST_CHECK enum heed_status member_layer(struct layer *below, const char *member,
                                              uint64_t index, struct layer **out,
                                              struct heed_error *err);

/* Looks through an archive for its only file.                                                   */
HEED_MUST_CHECK enum heed_status archive_only_member(struct layer *below, uint64_t *index,
                                                     struct heed_error *err);
#endif
