/* zst, xz and bz2 streams, and members of zip, tar and 7z archives, by libarchive. */
#include "base/reader_layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

enum { BLOCK = 1 << 16, NAMES_SHOWN = 4, ARCHIVE_RETRIES = 8 };

struct unpacker {
    struct layer layer;
    struct archive *a;
    bool empty;      /* a stream of nothing: libarchive has no entry for it */
    uint64_t passed; /* bytes of entries of a solid archive decompressed to pass them */
    enum heed_status below_failed; /* what is below failed: its error, not libarchive's, counts   */
    struct heed_error below_error;
    unsigned char block[BLOCK];
};

static la_ssize_t give_block(struct archive *a, void *context, const void **block)
{
    struct unpacker *u = context;
    size_t n = 0;
    u->below_failed = layer_read(u->layer.below, u->block, sizeof u->block, &n, &u->below_error);
    if (u->below_failed != HEED_OK) {
        archive_set_error(a, EIO, "%s", u->below_error.message);
        return -1;
    }
    *block = u->block;
    return (la_ssize_t)n;
}

static la_int64_t seek_block(struct archive *a, void *context, la_int64_t offset, int whence)
{
    (void)a;
    struct unpacker *u = context;
    int64_t at = 0;
    return u->layer.below->seek(u->layer.below, offset, whence, &at) ? at : ARCHIVE_FATAL;
}

/* libarchive has no code for an input that ends too early; the second is liblzma's way to say it,
 * the third zlib's Z_BUF_ERROR.                                                                 */
static bool says_truncated(const char *said)
{
    static const char *const words[] = {"truncated", "No progress is possible", "(-5)"};
    for (size_t i = 0; said && i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(said, words[i]))
            return true;
    return false;
}

static enum heed_status set_archive_error(struct unpacker *u, struct heed_error *err)
{
    if (u->below_failed != HEED_OK)
        return error_set(err, u->below_failed, u->below_error.where, "%s", u->below_error.message);
    const char *path = u->layer.guard->path;
    const char *said = archive_error_string(u->a);
    if (archive_errno(u->a) == ENOMEM)
        return error_nomem(err);
    const char *what = says_truncated(said)
                           ? "is damaged or truncated: its data end in the middle; fetch it again"
                           : "is damaged; fetch it again";
    return error_set(err, HEED_INPUT, path, "%s%s%s%s", what, said ? " (" : "", said ? said : "",
                     said ? ")" : "");
}

static enum heed_status unpacker_read(struct layer *l, void *p, size_t size, size_t *n,
                                      struct heed_error *err)
{
    struct unpacker *u = (struct unpacker *)l;
    la_ssize_t got = u->empty ? 0 : ARCHIVE_RETRY;
    for (int i = 0; got == ARCHIVE_RETRY && i < ARCHIVE_RETRIES; i++)
        got = archive_read_data(u->a, p, size);
    if (got < 0)
        return set_archive_error(u, err);
    *n = (size_t)got;
    return HEED_OK;
}

static void unpacker_close(struct layer *l)
{
    archive_read_free(((struct unpacker *)l)->a);
    free(l);
}

static enum heed_status unpacker_new(struct layer *below, bool stream, struct unpacker **out,
                                     struct heed_error *err)
{
    *out = NULL;
    struct unpacker *u = calloc(1, sizeof *u);
    if (!u || !(u->a = archive_read_new())) {
        free(u);
        return error_nomem(err);
    }
    u->layer.read = unpacker_read;
    u->layer.close = unpacker_close;
    u->layer.below = below;
    u->layer.guard = below->guard;
    int r = ARCHIVE_OK;
    if (stream) {
        r |= archive_read_support_filter_zstd(u->a) | archive_read_support_filter_xz(u->a) |
             archive_read_support_filter_bzip2(u->a) | archive_read_support_format_raw(u->a) |
             archive_read_support_format_empty(u->a);
    } else {
        r |= archive_read_support_format_zip(u->a) | archive_read_support_format_tar(u->a) |
             archive_read_support_format_7zip(u->a);
    }
    r |= archive_read_set_callback_data(u->a, u) | archive_read_set_read_callback(u->a, give_block);
    if (below->seek)
        r |= archive_read_set_seek_callback(u->a, seek_block);
    enum heed_status status = HEED_OK;
    if (r != ARCHIVE_OK)
        status = error_set(err, HEED_INPUT, below->guard->path,
                           "needs a format that the installed libarchive lacks");
    else if (archive_read_open1(u->a) != ARCHIVE_OK)
        status = set_archive_error(u, err);
    if (status != HEED_OK) {
        unpacker_close(&u->layer);
        return status;
    }
    *out = u;
    return HEED_OK;
}

enum heed_status stream_layer(struct layer *below, struct layer **out, struct heed_error *err)
{
    struct unpacker *u;
    enum heed_status status = unpacker_new(below, true, &u, err);
    if (status != HEED_OK)
        return status;
    struct archive_entry *entry;
    int r = archive_read_next_header(u->a, &entry);
    if (r != ARCHIVE_OK && r != ARCHIVE_EOF) {
        status = set_archive_error(u, err);
        unpacker_close(&u->layer);
        return status;
    }
    u->empty = r == ARCHIVE_EOF;
    *out = &u->layer;
    return HEED_OK;
}

/* ---- members ---- */

static const char *entry_name(struct archive_entry *e)
{
    const char *name = archive_entry_pathname_utf8(e);
    if (!name)
        name = archive_entry_pathname(e);
    if (!name)
        return "";
    while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
        name += name[0] == '/' ? 1 : 2;
    return name;
}

static bool is_file(struct archive_entry *e)
{
    return archive_entry_filetype(e) == AE_IFREG && !archive_entry_hardlink(e);
}

/* Names that archivers add and people do not mean: __MACOSX/..., and any part with a dot first. */
static bool is_hidden(const char *name)
{
    static const char MAC[] = "__MACOSX/";
    if (strncmp(name, MAC, sizeof MAC - 1) == 0)
        return true;
    for (const char *p = name; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (*p == '.')
            return true;
    }
    return false;
}

/* *entry is NULL at the end.                                                                    */
static enum heed_status next_entry(struct unpacker *u, struct archive_entry **entry,
                                   struct heed_error *err)
{
    int r = ARCHIVE_RETRY;
    for (int i = 0; r == ARCHIVE_RETRY && i < ARCHIVE_RETRIES; i++)
        r = archive_read_next_header(u->a, entry);
    if (r == ARCHIVE_EOF)
        *entry = NULL;
    else if (r < ARCHIVE_WARN) /* a warning is about the name's encoding or the attributes */
        return set_archive_error(u, err);
    return HEED_OK;
}

/* Passing an entry of a solid archive decompresses it: that counts too.                         */
static enum heed_status pass_entry(struct unpacker *u, struct archive_entry *e,
                                   struct heed_error *err)
{
    if (archive_format(u->a) != ARCHIVE_FORMAT_7ZIP || archive_entry_size(e) <= 0)
        return HEED_OK;
    uint64_t size = (uint64_t)archive_entry_size(e);
    u->passed = size > UINT64_MAX - u->passed ? UINT64_MAX : u->passed + size;
    return guard_check(u->layer.guard, u->passed, u->layer.guard->total, err);
}

static void list_name(struct strbuf *list, uint64_t nth, const char *name)
{
    if (nth < NAMES_SHOWN)
        strbuf_printf(list, "%s%s", nth ? ", " : "", name);
    else if (nth == NAMES_SHOWN)
        strbuf_puts(list, ", ...");
}

enum heed_status archive_only_member(struct layer *below, uint64_t *index, struct heed_error *err)
{
    struct unpacker *u;
    enum heed_status status = unpacker_new(below, false, &u, err);
    if (status != HEED_OK)
        return status;
    struct strbuf names;
    strbuf_init(&names, 240);
    uint64_t files = 0;
    for (uint64_t i = 0; status == HEED_OK; i++) {
        struct archive_entry *e;
        status = next_entry(u, &e, err);
        if (status != HEED_OK || !e)
            break;
        const char *name = entry_name(e);
        if (is_file(e) && !is_hidden(name)) {
            list_name(&names, files, name);
            if (files++ == 0)
                *index = i;
        }
        status = pass_entry(u, e, err);
    }
    if (status == HEED_OK && files == 0)
        status = error_set(err, HEED_INPUT, below->guard->path, "the archive holds no file");
    else if (status == HEED_OK && files > 1)
        status = error_set(err, HEED_INPUT, below->guard->path,
                           "the archive holds %llu files; name one after a slash: %s",
                           (unsigned long long)files, strbuf_text(&names));
    strbuf_deinit(&names);
    unpacker_close(&u->layer);
    return status;
}

static enum heed_status check_entry(struct unpacker *u, struct archive_entry *e,
                                    struct heed_error *err)
{
    const char *path = u->layer.guard->path;
    if (archive_entry_filetype(e) == AE_IFDIR)
        return error_set(err, HEED_INPUT, path, "is a directory in the archive; name a file in it");
    if (!is_file(e))
        return error_set(err, HEED_INPUT, path, "is a link or a device in the archive, not a file");
    if (archive_entry_is_data_encrypted(e))
        return error_set(err, HEED_INPUT, path, "is encrypted; decrypt the archive first");
    return HEED_OK;
}

static bool same_name(const char *name, const char *wanted)
{
    size_t n = strlen(name), m = strlen(wanted);
    n -= n > 0 && name[n - 1] == '/';
    m -= m > 0 && wanted[m - 1] == '/';
    return n == m && memcmp(name, wanted, n) == 0;
}

enum heed_status member_layer(struct layer *below, const char *member, uint64_t index,
                              struct layer **out, struct heed_error *err)
{
    struct unpacker *u;
    enum heed_status status = unpacker_new(below, false, &u, err);
    if (status != HEED_OK)
        return status;
    struct strbuf names;
    strbuf_init(&names, 160);
    uint64_t files = 0;
    while (member && (member[0] == '/' || (member[0] == '.' && member[1] == '/')))
        member += member[0] == '/' ? 1 : 2;
    for (uint64_t i = 0;; i++) {
        struct archive_entry *e;
        status = next_entry(u, &e, err);
        if (status != HEED_OK)
            break;
        if (!e) {
            status = error_set(err, HEED_INPUT, below->guard->path,
                               "the archive has no member \"%s\"; it holds %s",
                               member ? member : "", files ? strbuf_text(&names) : "no file");
            break;
        }
        const char *name = entry_name(e);
        if (member ? same_name(name, member) : i == index) {
            status = check_entry(u, e, err);
            if (status == HEED_OK)
                *out = &u->layer;
            break;
        }
        if (is_file(e) && !is_hidden(name))
            list_name(&names, files++, name);
        status = pass_entry(u, e, err);
        if (status != HEED_OK)
            break;
    }
    strbuf_deinit(&names);
    if (status != HEED_OK)
        unpacker_close(&u->layer);
    return status;
}
