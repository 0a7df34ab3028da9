/* gzip (RFC 1952) by zlib, because libarchive up to 3.6 does not check a gzip member's CRC and
 * length, and damage would pass unseen. Members may follow one another, and zero bytes the last. */
#include "base/reader_layer.h"

#include <stdlib.h>
#include <zlib.h>

enum { IN_CHUNK = 1 << 16, GZIP_WINDOW = 15 + 16 };

struct gzip {
    struct layer layer;
    z_stream z;
    bool inside; /* between a member's first byte and its last */
    bool any;    /* a member has been read                     */
    unsigned char in[IN_CHUNK];
};

static enum heed_status refill(struct gzip *g, struct heed_error *err)
{
    size_t n;
    enum heed_status status = layer_read(g->layer.below, g->in, sizeof g->in, &n, err);
    if (status != HEED_OK)
        return status;
    g->z.next_in = g->in;
    g->z.avail_in = (uInt)n;
    return HEED_OK;
}

/* Passes zero bytes; *more tells whether another member begins.                                 */
static enum heed_status between_members(struct gzip *g, bool *more, struct heed_error *err)
{
    for (;;) {
        while (g->z.avail_in > 0 && *g->z.next_in == 0 && g->any) {
            g->z.next_in++;
            g->z.avail_in--;
        }
        *more = g->z.avail_in > 0;
        if (*more)
            return HEED_OK;
        enum heed_status status = refill(g, err);
        if (status != HEED_OK || g->z.avail_in == 0)
            return status;
    }
}

static enum heed_status gzip_read(struct layer *l, void *p, size_t size, size_t *n,
                                  struct heed_error *err)
{
    struct gzip *g = (struct gzip *)l;
    const char *path = l->guard->path;
    g->z.next_out = p;
    g->z.avail_out = size > UINT32_MAX ? UINT32_MAX : (uInt)size;
    uInt room = g->z.avail_out;
    while (g->z.avail_out == room && room > 0) {
        enum heed_status status = HEED_OK;
        if (!g->inside) {
            status = between_members(g, &g->inside, err);
            if (status != HEED_OK || !g->inside)
                return status;
            if (inflateReset(&g->z) != Z_OK)
                return error_nomem(err);
        } else if (g->z.avail_in == 0) {
            status = refill(g, err);
            if (status != HEED_OK)
                return status;
            if (g->z.avail_in == 0)
                return error_set(
                    err, HEED_INPUT, path,
                    "is damaged or truncated: the gzip data end in the middle; fetch it again");
        }
        switch (inflate(&g->z, Z_NO_FLUSH)) {
        case Z_OK:
        case Z_BUF_ERROR:
            break;
        case Z_STREAM_END:
            g->inside = false;
            g->any = true;
            break;
        case Z_MEM_ERROR:
            return error_nomem(err);
        default:
            return error_set(err, HEED_INPUT, path,
                             "is damaged; fetch it again (%s in the gzip data)",
                             g->z.msg ? g->z.msg : "an error");
        }
    }
    *n = room - g->z.avail_out;
    return HEED_OK;
}

static void gzip_close(struct layer *l)
{
    inflateEnd(&((struct gzip *)l)->z);
    free(l);
}

enum heed_status gzip_layer(struct layer *below, struct layer **out, struct heed_error *err)
{
    struct gzip *g = calloc(1, sizeof *g);
    if (!g || inflateInit2(&g->z, GZIP_WINDOW) != Z_OK) {
        free(g);
        return error_nomem(err);
    }
    g->layer.read = gzip_read;
    g->layer.close = gzip_close;
    g->layer.below = below;
    g->layer.guard = below->guard;
    *out = &g->layer;
    return HEED_OK;
}
