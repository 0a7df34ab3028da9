/* Files to import, made in the test's folder, and what importing them came to. */
#ifndef HEED_SUPPORT_IMPORT_H
#define HEED_SUPPORT_IMPORT_H

#include "import/import.h"

/* Writes a file of test_dir(), in a folder of it if the name has one; gives its path, to free.   */
char *put_file(const char *name, const void *p, size_t n);
char *put_text(const char *name, const char *text);
/* The same packed: a member of a zip (member not NULL), else gz, zst, xz or bz2 by the name's end.
 */
char *put_packed(const char *name, const char *member, const void *p, size_t n);
char *get_file(const char *path,
               size_t *n); /* NUL-terminated, to free; fails the test if it cannot */

struct imported {
    enum heed_status status;
    struct heed_error err;
    struct import_result result;
};
#define IMPORT_AT INT64_C(1772409600000) /* the caller's time of all imports here */

struct imported import_as(struct world *w, enum import_kind kind, const char *path,
                          const struct import_options *options);
struct imported import_folder(struct world *w, const char *dir);
struct imported import_mapped(struct world *w, const char *map, const char *data);
void imported_free(struct imported *i);
/* The data folder: HEED_DATA, or ../shared/data beside the repository. */
const char *data_dir(void);
/* A new world of examples/NAME/map.yaml and that folder; the test is skipped, by name, where `file`
 * of it is not there. */
struct world *world_of_example(const char *name, const char *file, struct import_result *result);
/* Fails the test unless it went well and came to this.                                           */
void expect_tally(const struct imported *i, struct heed_tally tally);
#endif
