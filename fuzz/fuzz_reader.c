/* Any bytes as a file: whole, and as an archive with a member "a". A limit must hold, an error must
 * say something, and nothing more is asked. */
#include "base/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_path(const char *path)
{
    static char chunk[1 << 14];
    struct reader_limits limits = {.max_bytes = MOST};
    struct heed_error err = {0};
    struct reader *r;
    size_t total = 0;
    enum heed_status status = reader_open(path, &limits, &r, &err);
    for (size_t n = 1; status == HEED_OK && n > 0; total += n)
        status = reader_read(r, chunk, sizeof chunk, &n, &err);
    reader_close(r);
    if (total > MOST || status != err.status || (status != HEED_OK && !*err.message)) {
        fprintf(stderr, "%s: status %d, %zu bytes, \"%s\"\n", path, (int)status, total,
                err.message);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_path(path);
    snprintf(path, sizeof path, "/proc/self/fd/%d/a", fd);
    read_path(path);
    close(fd);
    return 0;
}
