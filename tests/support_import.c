#include "support_import.h"

#include "support_world.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *path_with_folder(const char *name)
{
    const char *slash = strchr(name, '/');
    if (slash) {
        char folder[128];
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
        char *path = test_path(folder);
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            fail_msg("%s cannot be made", path);
        free(path);
    }
    return test_path(name);
}

char *put_file(const char *name, const void *p, size_t n)
{
    char *path = path_with_folder(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

char *put_text(const char *name, const char *text)
{
    return put_file(name, text, strlen(text));
}

static int filter_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return strcmp(dot, ".gz") == 0    ? ARCHIVE_FILTER_GZIP
           : strcmp(dot, ".zst") == 0 ? ARCHIVE_FILTER_ZSTD
           : strcmp(dot, ".xz") == 0  ? ARCHIVE_FILTER_XZ
                                      : ARCHIVE_FILTER_BZIP2;
}

char *put_packed(const char *name, const char *member, const void *p, size_t n)
{
    char *path = path_with_folder(name);
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format(a, member ? ARCHIVE_FORMAT_ZIP : ARCHIVE_FORMAT_RAW),
                     ARCHIVE_OK);
    if (!member)
        assert_int_equal(archive_write_add_filter(a, filter_of(name)), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    struct archive_entry *h = archive_entry_new();
    archive_entry_set_pathname(h, member ? member : "data");
    archive_entry_set_filetype(h, AE_IFREG);
    archive_entry_set_perm(h, 0644);
    archive_entry_set_size(h, (la_int64_t)n);
    assert_true(archive_write_header(a, h) >= ARCHIVE_WARN);
    assert_int_equal(archive_write_data(a, p, n), n);
    archive_entry_free(h);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return path;
}

char *get_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s is not there", path);
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    size_t got = fread(text, 1, (size_t)size, f);
    fclose(f);
    text[got] = 0;
    if (n)
        *n = got;
    return text;
}

static const struct heed_context context = {IMPORT_AT, NULL};
static const struct import_options plain;

struct imported import_as(struct world *w, enum import_kind kind, const char *path,
                          const struct import_options *options)
{
    struct imported i = {0};
    i.status = import_file(w, &context, kind, path, options ? options : &plain, &i.result, &i.err);
    return i;
}

struct imported import_folder(struct world *w, const char *dir)
{
    struct imported i = {0};
    i.status = import_dir(w, &context, dir, &plain, &i.result, &i.err);
    return i;
}

struct imported import_mapped(struct world *w, const char *map, const char *data)
{
    struct imported i = {0};
    i.status = import_map(w, &context, map, data, &plain, &i.result, &i.err);
    return i;
}

void imported_free(struct imported *i)
{
    import_result_deinit(&i->result);
}

void expect_tally(const struct imported *i, struct heed_tally t)
{
    const struct heed_tally *got = &i->result.total;
    if (i->status == HEED_OK && memcmp(got, &t, sizeof t) == 0)
        return;
    fail_msg("expected %d rows = %d + %d + %d + %d, got status %d (%s: %s), %d = %d + %d + %d + "
             "%d; first bad: %s",
             (int)t.rows, (int)t.applied, (int)t.rejected, (int)t.refused, (int)t.duplicate,
             (int)i->status, i->err.where, i->err.message, (int)got->rows, (int)got->applied,
             (int)got->rejected, (int)got->refused, (int)got->duplicate,
             i->result.n ? i->result.files[0].first : "");
}

const char *data_dir(void)
{
    const char *given = getenv("HEED_DATA");
    return given ? given : SOURCE_DIR "/../shared/data";
}

struct world *world_of_example(const char *name, const char *file, struct import_result *result)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", data_dir(), file);
    if (access(path, R_OK) != 0) {
        print_message("no %s: skipped\n", path);
        skip();
    }
    struct world *w = world_in_memory();
    const struct heed_context then = {T0, NULL};
    struct heed_error err = {0};
    snprintf(path, sizeof path, SOURCE_DIR "/examples/%s/map.yaml", name);
    if (import_map(w, &then, path, data_dir(), &(struct import_options){0}, result, &err) !=
        HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return w;
}
