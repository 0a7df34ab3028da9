/* Any bytes as a mapping of one small file, into a world in memory: rows add up, errors say where,
 * and a second import changes nothing. A mapping may name any path, so the folder is the fuzzer's
 * own. */
#include "base/error.h"
#include "import/import.h"
#include "world/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static void remove_dir(void)
{
    static const char *const names[] = {"data.csv", "map.yaml"};
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void put(const char *name, const void *p, size_t n, char path[128])
{
    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/tmp/heed-fuzz-XXXXXX");
        must(mkdtemp(dir) != NULL, "no folder for files");
        atexit(remove_dir);
    }
    snprintf(path, 128, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    must(f && fwrite(p, 1, n, f) == n && fclose(f) == 0, "a file cannot be written");
}

static void import_text(struct world *w, enum import_kind kind, const char *name, const char *text)
{
    const struct heed_context context = {INT64_C(1767225600000), NULL};
    const struct import_options options = {0};
    struct import_result result = {0};
    struct heed_error err = {0};
    char path[128];
    put(name, text, strlen(text), path);
    must(import_file(w, &context, kind, path, &options, &result, &err) == HEED_OK, err.message);
    import_result_deinit(&result);
}

static struct world *small_world(void)
{
    const struct world_options o = {.create = true, .no_snapshots = true};
    struct heed_error err = {0};
    struct world *w = NULL;
    must(world_open(":memory:", &o, &w, &err) == HEED_OK, err.message);
    import_text(w, IMPORT_USERS, "data.csv", "id\nann\nbob\n");
    import_text(w, IMPORT_GOODS, "data.csv", "id,name\ng1,Sword\n");
    import_text(w, IMPORT_CONTENTS, "data.csv", "id,creator\nc1,ann\n");
    return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char rows[] = "a;b,c\n1,2\nann,3.5\n\"x\",\n";
    const struct heed_context context = {INT64_C(1767225600000), NULL};
    const struct import_options options = {.limits = {.max_bytes = 1 << 20}};
    struct world *w = small_world();
    struct sha256 hash[2];
    struct heed_error err = {0};
    char path[128];
    put("data.csv", rows, sizeof rows - 1, path);
    put("map.yaml", data, size, path);
    for (int i = 0; i < 2; i++) {
        struct import_result result = {0};
        error_clear(&err);
        enum heed_status status = import_map(w, &context, path, NULL, &options, &result, &err);
        const struct heed_tally *t = &result.total;
        must(status == HEED_OK || (status == HEED_INPUT && *err.where && *err.message),
             "a status out of place, or an error without place or message");
        must(t->rows == t->applied + t->rejected + t->refused + t->duplicate, "rows do not add up");
        error_clear(&err);
        must(world_hash(w, &hash[i], &err) == HEED_OK, "no hash after it");
        must(status != HEED_OK || i == 0 || sha256_eq(hash[0], hash[1]),
             "a second import changed the world");
        import_result_deinit(&result);
    }
    world_close(w);
    return 0;
}
