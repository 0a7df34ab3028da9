/* A function for reader_new that gives bytes piece by piece. */
#ifndef HEED_TESTS_PIECES_H
#define HEED_TESTS_PIECES_H

#include <stddef.h>
#include <string.h>

struct pieces {
    const char *p;
    size_t n, at, piece; /* piece 0: as asked */
};

static size_t give_pieces(void *context, void *p, size_t n)
{
    struct pieces *b = context;
    size_t left = b->n - b->at;
    if (b->piece > 0 && n > b->piece)
        n = b->piece;
    if (n > left)
        n = left;
    if (n > 0)
        memcpy(p, b->p + b->at, n);
    b->at += n;
    return n;
}
#endif
