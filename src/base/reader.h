/* Bytes of an outside file: plain, compressed (gz zst xz bz2), or a member of an archive (zip tar
 * 7z), named as one path: "games.zip/steam/play.csv" is the member steam/play.csv of games.zip.
 * A member is looked for only where the path runs through something that is a regular file. What
 * is inside may be compressed again: a.zip/b.csv.gz gives the CSV.                               */
#ifndef HEED_BASE_READER_H
#define HEED_BASE_READER_H

#include "base/hash.h"
#include "base/str.h"
#include "heed.h"

struct reader;

struct reader_limits {
    uint64_t max_bytes; /* decompressed bytes; 0: 64 GiB                                       */
    uint32_t max_ratio; /* decompressed / compressed once past 64 MiB; 0: 1000 (bomb guard)    */
};

/* Opens path. A path that ends in an archive with exactly one regular member reads that member
 * (files under __MACOSX and dotfiles are passed over); with several, the error lists the first few.
 * Errors: HEED_INPUT not there, no permission, a directory, no such member, damaged archive —
 * each said so in err->message with the path in err->where.                                     */
HEED_MUST_CHECK enum heed_status reader_open(const char *path, const struct reader_limits *limits,
                                             struct reader **out, struct heed_error *err);

/* A reader over bytes that a function gives: up to n of them, 0 at the end. NULL: no memory. */
struct reader *reader_new(size_t (*read)(void *context, void *p, size_t n), void *context);

/* Next bytes, at most `size`; *n = 0 at the end. Errors: HEED_INPUT truncated, damaged, or over a
 * limit (the message says which).                                                               */
HEED_MUST_CHECK enum heed_status reader_read(struct reader *r, void *p, size_t size, size_t *n,
                                             struct heed_error *err);

/* Bytes of the underlying file (compressed) read so far and in all; total 0 when unknown. For
 * progress.                                                                                     */
void reader_progress(const struct reader *r, uint64_t *done, uint64_t *total);
void reader_close(struct reader *r);

/* SHA-256 of the decompressed content.                                                          */
HEED_MUST_CHECK enum heed_status reader_digest(const char *path, const struct reader_limits *limits,
                                               struct sha256 *digest, struct heed_error *err);

/* Appends the decompressed content of a text file to out. HEED_INPUT past max_bytes, HEED_NOMEM
 * when out is full.                                                                             */
HEED_MUST_CHECK enum heed_status reader_text(const char *path, uint64_t max_bytes,
                                             struct strbuf *out, struct heed_error *err);
#endif
