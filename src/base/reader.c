#include "base/reader_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LAYERS = 6, DIGEST_CHUNK = 1 << 16 };

static const uint64_t DEFAULT_MAX_BYTES = UINT64_C(64) << 30;
static const uint32_t DEFAULT_MAX_RATIO = 1000;
static const uint64_t RATIO_FROM_BYTES = UINT64_C(64) << 20;

struct reader {
    struct layer *top;
    struct guard guard;
    char *path; /* as the caller named it, member and all */
    enum heed_status failed;
    struct heed_error failure;
};

/* ---- layers ---- */

enum heed_status guard_check(const struct guard *g, uint64_t bytes, uint64_t from,
                             struct heed_error *err)
{
    if (bytes > g->max_bytes)
        return error_set(err, HEED_INPUT, g->path,
                         "holds more than the limit of %llu bytes when decompressed; split it",
                         (unsigned long long)g->max_bytes);
    if (bytes > RATIO_FROM_BYTES && bytes / (from ? from : 1) >= g->max_ratio)
        return error_set(err, HEED_INPUT, g->path,
                         "swells more than %u-fold when decompressed, which looks like a "
                         "decompression bomb; decompress it by hand if it is not",
                         g->max_ratio);
    return HEED_OK;
}

enum heed_status layer_read(struct layer *l, void *p, size_t size, size_t *n,
                            struct heed_error *err)
{
    *n = 0;
    if (l->peek_at < l->peek_n) {
        size_t left = l->peek_n - l->peek_at;
        *n = size < left ? size : left;
        memcpy(p, l->peek + l->peek_at, *n);
        l->peek_at += *n;
        return HEED_OK;
    }
    enum heed_status status = l->read(l, p, size, n, err);
    if (status != HEED_OK)
        return status;
    l->given += *n;
    /* what is read twice (a zip's directory, found by seeking) is no more of a file for it */
    const struct guard *g = l->guard;
    return guard_check(g, l->given, g->total && g->done > g->total ? g->total : g->done, err);
}

enum heed_status layer_peek(struct layer *l, struct heed_error *err)
{
    heed_assert(l->peek_at == l->peek_n);
    unsigned char head[LAYER_PEEK];
    size_t have = 0;
    for (size_t n = 1; n > 0 && have < sizeof head; have += n) {
        enum heed_status status = layer_read(l, head + have, sizeof head - have, &n, err);
        if (status != HEED_OK)
            return status;
    }
    memcpy(l->peek, head, have);
    l->peek_at = 0;
    l->peek_n = have;
    return HEED_OK;
}

/* ---- the lowest layer: a file or a function ---- */

struct file_layer {
    struct layer layer;
    int fd;
};

static enum heed_status file_read(struct layer *l, void *p, size_t size, size_t *n,
                                  struct heed_error *err)
{
    struct file_layer *f = (struct file_layer *)l;
    ssize_t got;
    do
        got = read(f->fd, p, size);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_set(err, HEED_INPUT, l->guard->path, "cannot be read: %s", strerror(errno));
    *n = (size_t)got;
    l->guard->done += *n;
    return HEED_OK;
}

static bool file_seek(struct layer *l, int64_t offset, int whence, int64_t *at)
{
    struct file_layer *f = (struct file_layer *)l;
    if (whence == SEEK_CUR)
        offset -= (int64_t)(l->peek_n - l->peek_at);
    *at = lseek(f->fd, offset, whence);
    l->peek_at = l->peek_n = 0;
    return *at >= 0;
}

static void file_close(struct layer *l)
{
    close(((struct file_layer *)l)->fd);
    free(l);
}

struct function_layer {
    struct layer layer;
    size_t (*read)(void *context, void *p, size_t n);
    void *context;
};

static enum heed_status function_read(struct layer *l, void *p, size_t size, size_t *n,
                                      struct heed_error *err)
{
    (void)err;
    struct function_layer *f = (struct function_layer *)l;
    *n = size ? f->read(f->context, p, size) : 0;
    l->guard->done += *n;
    return HEED_OK;
}

static void function_close(struct layer *l)
{
    free(l);
}

/* ---- what the bytes are ---- */

enum content { CONTENT_PLAIN, CONTENT_GZIP, CONTENT_STREAM, CONTENT_ARCHIVE };

/* The checksum of a tar header counts its own eight bytes as spaces (POSIX.1-1988 ustar).       */
static bool is_tar(const unsigned char *p, size_t n)
{
    if (n < 512)
        return false;
    if (memcmp(p + 257, "ustar", 5) == 0)
        return true;
    unsigned long sum = 0, said = 0;
    for (size_t i = 0; i < 512; i++)
        sum += i >= 148 && i < 156 ? ' ' : p[i];
    size_t i = 148;
    while (i < 156 && p[i] == ' ')
        i++;
    if (i == 156 || p[i] < '0' || p[i] > '7')
        return false;
    for (; i < 156 && p[i] >= '0' && p[i] <= '7'; i++)
        said = said * 8 + (unsigned long)(p[i] - '0');
    return said == sum;
}

static enum content content_of(const unsigned char *p, size_t n)
{
    static const struct {
        const char *magic;
        size_t n;
        enum content content;
    } known[] = {
        {"\x1f\x8b\x08", 3, CONTENT_GZIP},
        {"\x28\xb5\x2f\xfd", 4, CONTENT_STREAM},
        {"\xfd"
         "7zXZ\0",
         6, CONTENT_STREAM},
        {"PK\x03\x04", 4, CONTENT_ARCHIVE},
        {"PK\x05\x06", 4, CONTENT_ARCHIVE},
        {"PK00PK\x03\x04", 8, CONTENT_ARCHIVE},
        {"7z\xbc\xaf\x27\x1c", 6, CONTENT_ARCHIVE},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (n >= known[i].n && memcmp(p, known[i].magic, known[i].n) == 0)
            return known[i].content;
    /* "BZh" alone could begin a text: a block's or the stream's end magic must follow */
    if (n >= 10 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9' &&
        (memcmp(p + 4, "1AY&SY", 6) == 0 || memcmp(p + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0))
        return CONTENT_STREAM;
    return is_tar(p, n) ? CONTENT_ARCHIVE : CONTENT_PLAIN;
}

/* ---- opening ---- */

static enum heed_status set_errno(struct heed_error *err, const char *where, int number)
{
    switch (number) {
    case ENOENT:
        return error_set(err, HEED_INPUT, where, "is not there; check the path");
    case EACCES:
    case EPERM:
        return error_set(err, HEED_INPUT, where, "no permission to read it");
    case ENOMEM:
        return error_nomem(err);
    default:
        return error_set(err, HEED_INPUT, where, "cannot be opened: %s", strerror(number));
    }
}

/* The length of the part of path that names the file; what follows, if anything, is a member.   */
static enum heed_status file_part(const char *path, size_t *n, struct heed_error *err)
{
    struct stat st;
    *n = strlen(path);
    if (*n == 0)
        return error_set(err, HEED_INPUT, "", "the path is empty");
    if (stat(path, &st) == 0)
        return HEED_OK;
    int number = errno;
    char *prefix = strdup(path);
    if (!prefix)
        return error_nomem(err);
    for (size_t i = 1; number == ENOTDIR && prefix[i]; i++) {
        if (prefix[i] != '/')
            continue;
        prefix[i] = '\0';
        if (stat(prefix, &st) != 0) {
            number = errno;
        } else if (!S_ISDIR(st.st_mode)) {
            *n = i;
            number = 0;
        }
        prefix[i] = '/';
    }
    free(prefix);
    return number == 0 ? HEED_OK : set_errno(err, path, number);
}

static enum heed_status open_file(struct reader *r, size_t path_n, struct heed_error *err)
{
    char *path = strndup(r->path, path_n);
    struct file_layer *f = calloc(1, sizeof *f);
    enum heed_status status = HEED_OK;
    struct stat st;
    int fd = -1;
    if (!path || !f) {
        status = error_nomem(err);
        goto done;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        status = set_errno(err, r->path, errno);
        goto done;
    }
    if (S_ISDIR(st.st_mode)) {
        status = error_set(err, HEED_INPUT, r->path, "is a directory; name a file in it");
        goto done;
    }
    bool regular = S_ISREG(st.st_mode);
    r->guard.total = regular ? (uint64_t)st.st_size : 0;
    f->layer = (struct layer){.read = file_read,
                              .close = file_close,
                              .seek = regular ? file_seek : NULL,
                              .guard = &r->guard};
    f->fd = fd;
    fd = -1;
    r->top = &f->layer;
    f = NULL;
done:
    if (fd >= 0)
        close(fd);
    free(f);
    free(path);
    return status;
}

static void close_down_to(struct reader *r, struct layer *keep)
{
    while (r->top != keep) {
        struct layer *below = r->top->below;
        r->top->close(r->top);
        r->top = below;
    }
}

static bool rewind_to(struct reader *r, struct layer *file)
{
    int64_t at;
    close_down_to(r, file);
    r->guard.done = 0;
    file->given = 0;
    return file->seek && file->seek(file, 0, SEEK_SET, &at);
}

/* Piles decompressing layers on the file until an archive or plain bytes come out.              */
static enum heed_status decompress(struct reader *r, enum content *content, struct heed_error *err)
{
    for (int depth = 0;; depth++) {
        enum heed_status status = layer_peek(r->top, err);
        if (status != HEED_OK)
            return status;
        *content = content_of(r->top->peek, r->top->peek_n);
        if (*content != CONTENT_GZIP && *content != CONTENT_STREAM)
            return HEED_OK;
        if (depth == MAX_LAYERS)
            return error_set(err, HEED_INPUT, r->path, "is compressed more than %d times over",
                             MAX_LAYERS);
        struct layer *next = NULL;
        status = (*content == CONTENT_GZIP ? gzip_layer : stream_layer)(r->top, &next, err);
        if (status != HEED_OK)
            return status;
        r->top = next;
    }
}

static enum heed_status open_layers(struct reader *r, const char *member, struct heed_error *err)
{
    struct layer *file = r->top;
    enum content content;
    enum heed_status status = decompress(r, &content, err);
    if (status != HEED_OK)
        return status;
    if (content == CONTENT_PLAIN)
        return !member
                   ? HEED_OK
                   : error_set(err, HEED_INPUT, r->path,
                               "the file is not an archive, so it has no member \"%s\"", member);
    uint64_t index = 0;
    if (!member) {
        if (!file->seek)
            return error_set(err, HEED_INPUT, r->path,
                             "is an archive on a pipe; save it to a file first");
        status = archive_only_member(r->top, &index, err);
        if (status != HEED_OK)
            return status;
        if (!rewind_to(r, file))
            return set_errno(err, r->path, errno);
        status = decompress(r, &content, err);
        if (status != HEED_OK)
            return status;
    }
    struct layer *top = NULL;
    status = member_layer(r->top, member, index, &top, err);
    if (status != HEED_OK)
        return status;
    r->top = top;
    status = decompress(r, &content, err); /* a member may itself be a .csv.gz */
    return status;
}

enum heed_status reader_open(const char *path, const struct reader_limits *limits,
                             struct reader **out, struct heed_error *err)
{
    *out = NULL;
    size_t path_n;
    enum heed_status status = file_part(path, &path_n, err);
    if (status != HEED_OK)
        return status;
    struct reader *r = calloc(1, sizeof *r);
    if (!r || !(r->path = strdup(path))) {
        free(r);
        return error_nomem(err);
    }
    r->guard.path = r->path;
    r->guard.max_bytes = limits && limits->max_bytes ? limits->max_bytes : DEFAULT_MAX_BYTES;
    r->guard.max_ratio = limits && limits->max_ratio ? limits->max_ratio : DEFAULT_MAX_RATIO;
    const char *member = path[path_n] ? path + path_n : NULL;
    while (member && *member == '/')
        member++;
    status = open_file(r, path_n, err);
    if (status == HEED_OK)
        status = open_layers(r, member, err);
    if (status != HEED_OK) {
        reader_close(r);
        return status;
    }
    *out = r;
    return HEED_OK;
}

struct reader *reader_new(size_t (*read)(void *context, void *p, size_t n), void *context)
{
    struct reader *r = calloc(1, sizeof *r);
    struct function_layer *f = calloc(1, sizeof *f);
    if (!r || !f) {
        free(r);
        free(f);
        return NULL;
    }
    r->guard.max_bytes = UINT64_MAX;
    r->guard.max_ratio = UINT32_MAX;
    f->layer = (struct layer){.read = function_read, .close = function_close, .guard = &r->guard};
    f->read = read;
    f->context = context;
    r->top = &f->layer;
    return r;
}

enum heed_status reader_read(struct reader *r, void *p, size_t size, size_t *n,
                             struct heed_error *err)
{
    *n = 0;
    if (r->failed == HEED_OK && size > 0) {
        error_clear(&r->failure);
        r->failed = layer_read(r->top, p, size, n, &r->failure);
    }
    if (r->failed == HEED_OK)
        return HEED_OK;
    *n = 0;
    return error_set(err, r->failed, r->failure.where, "%s", r->failure.message);
}

void reader_progress(const struct reader *r, uint64_t *done, uint64_t *total)
{
    *total = r->guard.total;
    *done = *total && r->guard.done > *total ? *total : r->guard.done;
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    close_down_to(r, NULL);
    free(r->path);
    free(r);
}

enum heed_status reader_digest(const char *path, const struct reader_limits *limits,
                               struct sha256 *digest, struct heed_error *err)
{
    struct reader *r = NULL;
    struct sha256_stream *sha = NULL;
    void *chunk = malloc(DIGEST_CHUNK);
    enum heed_status status = reader_open(path, limits, &r, err);
    if (status != HEED_OK)
        goto done;
    sha = sha256_new();
    if (!sha || !chunk) {
        status = error_nomem(err);
        goto done;
    }
    for (size_t n = 1; n > 0;) {
        status = reader_read(r, chunk, DIGEST_CHUNK, &n, err);
        if (status != HEED_OK)
            goto done;
        sha256_update(sha, chunk, n);
    }
    *digest = sha256_final(sha);
    sha = NULL;
done:
    sha256_free(sha);
    reader_close(r);
    free(chunk);
    return status;
}

enum heed_status reader_text(const char *path, uint64_t max_bytes, struct strbuf *out,
                             struct heed_error *err)
{
    struct reader *r = NULL;
    const struct reader_limits limits = {.max_bytes = max_bytes};
    enum heed_status status = reader_open(path, &limits, &r, err);
    char buf[4096];
    for (size_t n = 1; status == HEED_OK && n > 0;) {
        status = reader_read(r, buf, sizeof buf, &n, err);
        if (status == HEED_OK && !strbuf_put(out, buf, n))
            status = error_nomem(err);
    }
    reader_close(r);
    return status;
}
