/* The journal's batches: calls in columns, compressed, chained by hash.
 *
 * A payload is a zstd frame of columns: the commands in order, then time, actor, each integer by
 * its place, lengths of blobs, bytes of blobs. Each integer column is delta-coded against the value
 * before it of the same command (a command's columns are told apart by the table), zigzag, LEB128.
 *
 *     head(0) = SHA-256("heed journal 1")
 *     head(n+1) = SHA-256(head(n) ‖ number ‖ first ‖ commands ‖ SHA-256(payload))
 *
 * with the integers as 64 bits, little-endian.                                                  */
#ifndef HEED_JOURNAL_H
#define HEED_JOURNAL_H

#include "store/store.h"
#include "world/call.h"

struct sha256 journal_genesis(void);
struct sha256 journal_chain(struct sha256 head, uint64_t number, uint64_t first, uint32_t commands,
                            struct str payload);

/* Encodes and decodes with memory kept between calls. One thread at a time.                     */
struct journal_codec;
struct journal_codec *journal_codec_new(void); /* NULL: no memory */
void journal_codec_free(struct journal_codec *c);

/* *payload points into c, good until its next use. Errors: HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status journal_encode(struct journal_codec *c, const struct call *calls,
                                                size_t n, struct str *payload,
                                                struct heed_error *err);

/* *calls and their blobs point into c, good until its next use. Never trusts the bytes: unknown
 * commands, counts beyond `expected` or beyond the bytes, frames above 256 MiB or larger than their
 * payload can give are HEED_INPUT. Memory asked for is in proportion to what is there.          */
HEED_MUST_CHECK enum heed_status journal_decode(struct journal_codec *c, struct str payload,
                                                size_t expected, const struct call **calls,
                                                struct heed_error *err);
#endif
