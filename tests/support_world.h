/* Worlds for tests: calls by name, replies as JSON, files in a folder of their own. */
#ifndef HEED_SUPPORT_WORLD_H
#define HEED_SUPPORT_WORLD_H

#include "world/admit.h"

#include <jansson.h>

/* A folder that is removed at exit; path owned by the support.                                   */
const char *test_dir(void);
char *test_path(const char *name); /* in test_dir; free it */

struct world *world_at(const char *path); /* opens or makes, writable; fails the test otherwise */
struct world *world_in_memory(void);
struct world *world_with_rules(const char *yaml);

/* Runs "noun verb" with name, value pairs ended by NULL, as `actor` (NULL: the operator) at
 * `time_ms`. *reply may be NULL; free with json_decref. */
enum heed_status call_as(struct world *w, const char *actor, int64_t time_ms, json_t **reply,
                         const char *name, ...);
/* The same as the operator at 2026-01-01; the test fails when the call fails. Reply is the
 * caller's. */
json_t *call_ok(struct world *w, const char *name, ...);
/* The same; the test fails unless it is refused with this code.                                  */
void call_refused(struct world *w, const char *code, const char *name, ...);

#define T0 INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define DAY INT64_C(86400000)

struct sha256 hash_of(struct world *w);
/* The hash of the world at path, which is removed; path is freed.                               */
struct sha256 hash_then_unlink(char *path);
/* A world of the state as a snapshot would bring it back: only its state is of use. The test fails
 * unless its hash is the same. Close it. */
struct world *restored_from(struct world *w);
/* Replays the world from nothing; the test fails unless it holds. */
void assert_verified(struct world *w);
/* feed show and feed serve for a user, and settle, while each allocation fails in turn: they say
 * so, and the world is as it was, or given up and made anew. Give the test memory_returns. */
void feeds_while_memory_ends(struct world *(*make)(const char *rules), const char *rules,
                             const char *user);
int64_t int_at(const json_t *reply, const char *key);
/* "u7" and the like; good for the next three calls. */
const char *numbered(const char *prefix, uint64_t i);

/* ann, bob, cyd (users), a content post1 by ann, a good sword of ann's at 5.00 with 3 in stock, and
 * a hundred gold for bob. */
void fill_small(struct world *w);
#endif
