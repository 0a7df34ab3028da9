/* What the files of this folder share; not for others. */
#ifndef HEED_CONSUMPTION_PARTS_H
#define HEED_CONSUMPTION_PARTS_H

#include "consumption/consumption.h"

void open_epoch_deinit(struct open_epoch *e);

/* Finds the entry of a key, or adds it without points; its place in *at. false: no memory.       */
bool attention_find(struct attention **list, size_t *n, size_t *cap, struct map *index,
                    uint32_t key, uint32_t *at);
#endif
