#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { ALIGN = 16 };

struct arena_block {
    struct arena_block *next;
    size_t size, used; /* of data */
    alignas(ALIGN) unsigned char data[];
};

void arena_init(struct arena *a, size_t block_size, size_t limit)
{
    *a = (struct arena){.block_size = block_size, .limit = limit};
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_deinit(struct arena *a)
{
    free_blocks(a->head);
    arena_init(a, a->block_size, a->limit);
}

void arena_reset(struct arena *a)
{
    if (a->head) {
        free_blocks(a->head->next);
        a->head->next = NULL;
        a->head->used = 0;
    }
    a->used = 0;
}

/* A block that holds at least n. One made for a single large n goes behind the head, so that the
 * room left in the head is still given out.                                                      */
static struct arena_block *add_block(struct arena *a, size_t n)
{
    size_t size = n > a->block_size ? n : a->block_size;
    if (size > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    block->size = size;
    block->used = 0;
    if (a->head && n > a->block_size) {
        block->next = a->head->next;
        a->head->next = block;
    } else {
        block->next = a->head;
        a->head = block;
    }
    return block;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX - ALIGN)
        return NULL;
    size_t rounded = n ? (n + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    if (rounded > a->limit - a->used)
        return NULL;
    struct arena_block *block = a->head;
    if (!block || rounded > block->size - block->used) {
        block = add_block(a, rounded);
        if (!block)
            return NULL;
    }
    void *p = block->data + block->used;
    block->used += rounded;
    a->used += rounded;
    return memset(p, 0, rounded);
}

char *arena_strdup(struct arena *a, struct str s)
{
    if (s.n == SIZE_MAX)
        return NULL;
    char *p = arena_alloc(a, s.n + 1);
    if (p && s.n)
        memcpy(p, s.p, s.n);
    return p;
}
