/* A small world on disk in which people trade, and what must hold of it. */
#ifndef HEED_SUPPORT_TRADE_H
#define HEED_SUPPORT_TRADE_H

#include "support_race.h"
#include "support_world.h"

#include "circulation/items.h"
#include "world/handle.h"

#define DO(...) json_decref(call_ok(__VA_ARGS__))

extern const char TRADE_PLAIN[], TRADE_ESCROW[]; /* rules: no fee; 5 %, escrow of a week */
extern char *trade_path;                         /* of the world opened last */

/* Smith makes swords, cyd has twenty of them, ann and bob have a thousand gold (of two decimals).
 */
struct heed_world *trade_open(const char *rules);
int64_t trade_has(const struct heed_world *h, const char *id, bool swords, uint16_t purpose);

/* Closes and removes the world. The test fails unless there are as many gold coins (minor units)
 * and swords, all that is set aside is what must be, a snapshot brings it back, and it verifies. */
void trade_close_whole(struct heed_world *h, int64_t gold, int64_t swords);

/* The number that a command's reply, which is let go of, gives under `key`, as text. */
void number_of(char number[24], json_t *reply, const char *key);

/* Races two; the test fails unless one is done and the other refused with `code` in its reply.
 * Gives which was done. */
int one_of(struct heed_world *h, struct racer two[2], const char *code);
#endif
