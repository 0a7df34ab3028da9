/* An arena: memory for things that die together. */
#ifndef HEED_BASE_ARENA_H
#define HEED_BASE_ARENA_H

#include "base/str.h"

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t block_size; /* bytes of a new block                */
    size_t used;       /* bytes handed out since init or reset, each piece rounded up to 16 */
    size_t limit;      /* alloc fails beyond it                */
};

void arena_init(struct arena *a, size_t block_size, size_t limit);
void arena_deinit(struct arena *a);
void arena_reset(struct arena *a); /* keeps one block */

/* Zeroed, aligned to 16; NULL: no memory or limit. Freed by arena_reset or arena_deinit.         */
void *arena_alloc(struct arena *a, size_t n);

/* A NUL-terminated copy.                                                                         */
char *arena_strdup(struct arena *a, struct str s);
#endif
