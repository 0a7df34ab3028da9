/* Stores for tests: batches by number, and everything a store holds as one text. */
#ifndef HEED_SUPPORT_STORE_H
#define HEED_SUPPORT_STORE_H

#include "store/store.h"

/* Batch n, whose numbers and payload follow from n and size; valid until the next call.          */
struct store_batch batch_of(uint64_t n, size_t size);

struct store_change put_row(uint32_t kind, uint32_t handle, uint32_t owner, struct str bytes);
struct store_change put_key(uint32_t owner, const uint8_t key[STORE_KEY_BYTES]);
struct store_change erase_owner(uint32_t owner);
/* A key that follows from the owner and a salt, valid for the next 64 calls.                     */
const uint8_t *key_of(uint32_t owner, unsigned salt);

/* A snapshot after `batch` in `parts` parts of `size` bytes; aborted instead when commit is false.
 */
enum heed_status snapshot_of(struct store *s, uint64_t batch, int parts, size_t size, bool commit,
                             struct heed_error *err);

/* All batches, rows of kinds below DUMP_KINDS with their keys, the number of keys, keys of owners
 * below DUMP_OWNERS, snapshots and their parts. Long bytes as digests. Two stores that hold the
 * same give the same text. *out is the caller's to free; NULL unless HEED_OK.                    */
enum { DUMP_KINDS = 4, DUMP_OWNERS = 64 };
enum heed_status store_dump(struct store *s, char **out, struct heed_error *err);
char *dump_of(struct store *s); /* the test fails when it cannot be read */
#endif
