/* A sliding window over a reader, for parsers that want a whole record in one piece.
 *
 *     buf  [ passed | not yet parsed | room ] + WINDOW_PAD readable bytes
 *                   at              end    cap                                                  */
#ifndef HEED_BASE_WINDOW_H
#define HEED_BASE_WINDOW_H

#include "base/reader.h"

enum { WINDOW_PAD = 64 };

struct window {
    struct reader *reader;
    char *buf;
    size_t cap, at, end;
    size_t max;              /* cap never grows past it               */
    bool eof;                /* nothing follows end                   */
    enum heed_status failed; /* reading past end failed, with failure */
    struct heed_error failure;
};

/* max: bytes that must be able to stand in the window at once. false: no memory.                */
bool window_init(struct window *w, struct reader *r, size_t max);
void window_deinit(struct window *w);

/* Moves what is not yet parsed to the front, at = 0, and reads until the buffer is full or the
 * bytes end; grows it (doubling) when it was full already. Pointers into buf go stale. Afterwards
 * end has grown, or eof or failed is set. false: no memory.                                     */
bool window_fill(struct window *w);

/* Passes everything up to and with the next line feed. false: no memory, or failed is set.      */
bool window_skip_line(struct window *w);

/* Passes a UTF-8 byte order mark; called before anything else.                                  */
bool window_skip_bom(struct window *w);
#endif
