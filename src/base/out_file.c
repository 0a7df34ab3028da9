#include "base/out_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A mistyped path must not cost a world. */
static bool is_database(const char *path)
{
    char head[16] = "";
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    return n == sizeof head && memcmp(head, "SQLite format 3", sizeof head) == 0;
}

bool out_file_spoils(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"}; /* of a world in use, too */
    struct stat st;
    char stem[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof stem)
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t end = strlen(ends[i]);
        if (n <= end || strcmp(path + n - end, ends[i]) != 0)
            continue;
        memcpy(stem, path, n - end);
        stem[n - end] = '\0';
        if (stat(stem, &st) == 0 && S_ISREG(st.st_mode) && is_database(stem))
            return true;
    }
    return false;
}

enum heed_status out_file_check(const char *path, struct heed_error *err)
{
    struct stat st;
    size_t n = strlen(path);
    if (n == 0)
        return error_set(err, HEED_USAGE, "report", "its path is empty; name a file, report.html");
    bool there = stat(path, &st) == 0;
    if (path[n - 1] == '/' || (there && S_ISDIR(st.st_mode)))
        return error_set(err, HEED_USAGE, path,
                         "it is a folder; name a file in it: %s%sreport.html", path,
                         path[n - 1] == '/' ? "" : "/");
    if (there && !S_ISREG(st.st_mode)) {
        if (access(path, W_OK) != 0)
            return error_set(err, HEED_STORAGE, path, "cannot be written (%s); name another",
                             strerror(errno));
        return HEED_OK;
    }
    if (out_file_spoils(path))
        return error_set(err, HEED_USAGE, path, "it belongs to a world; name another file");
    char real[PATH_MAX], folder[PATH_MAX + 1];
    if (there && realpath(path, real))
        path = real;
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    if (access(folder, W_OK) != 0)
        return error_set(err, HEED_STORAGE, path,
                         "cannot be written (%s); its folder must be there and writable",
                         strerror(errno));
    return HEED_OK;
}

enum heed_status out_file_open(struct out_file *o, const char *path, struct heed_error *err)
{
    struct stat st;
    *o = (struct out_file){.path = path};
    bool link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
    bool there = stat(path, &st) == 0;
    if (there && S_ISREG(st.st_mode) && !realpath(path, o->real))
        return error_set(err, HEED_STORAGE, path, "cannot be written (%s)", strerror(errno));
    if (!there && !link)
        snprintf(o->real, sizeof o->real, "%s", path);
    if (o->real[0])
        snprintf(o->aside, sizeof o->aside, "%s.part", o->real);
    o->f = fopen(o->aside[0] ? o->aside : path, "w");
    if (!o->f)
        return error_set(err, HEED_STORAGE, path,
                         "cannot be written (%s); its folder must be there and writable",
                         strerror(errno));
    return HEED_OK;
}

enum heed_status out_file_close(struct out_file *o, enum heed_status status, struct heed_error *err)
{
    if (!o->f)
        return status;
    bool failed = ferror(o->f) != 0;
    errno = 0;
    failed = fclose(o->f) != 0 || failed;
    if (status == HEED_OK && !failed && o->aside[0])
        failed = rename(o->aside, o->real) != 0;
    if (status == HEED_OK && failed)
        status = error_set(err, HEED_STORAGE, o->path, "cannot be written (%s)",
                           errno ? strerror(errno) : "the disk may be full");
    if (status != HEED_OK && o->aside[0])
        unlink(o->aside);
    return status;
}
