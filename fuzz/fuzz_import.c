/* Files of any bytes into a small world. The first byte chooses kind, form and --strict. Whatever
 * comes in: every row is counted once, a file that is refused leaves the world as it was, one that
 * was imported whole is not applied again. */
#include "import/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void add(struct world *w, const char *noun, const char *const pairs[6])
{
    const struct heed_context context = {0};
    struct heed_arg args[3];
    for (size_t i = 0; i < 3; i++)
        args[i] = (struct heed_arg){pairs[2 * i], pairs[2 * i + 1]};
    int id = command_find(str_of(noun), STR("add"));
    json_t *reply = NULL;
    struct heed_error err = {0};
    must(admit_call(w, command_spec((enum command_id)id), &context, args,
                    pairs[4] ? 3 : (pairs[2] ? 2 : 1), &reply, &err) == HEED_OK,
         err.message);
    json_decref(reply);
}

static struct world *small_world(void)
{
    const struct world_options options = {.create = true};
    struct world *w = NULL;
    struct heed_error err = {0};
    must(world_open(":memory:", &options, &w, &err) == HEED_OK, err.message);
    add(w, "user", (const char *const[6]){"id", "u"});
    add(w, "good", (const char *const[6]){"id", "g", "name", "g"});
    add(w, "content", (const char *const[6]){"id", "c", "creator", "u", "good", "g"});
    return w;
}

static struct sha256 hash_of(const struct world *w)
{
    struct sha256 h;
    struct heed_error err = {0};
    must(world_hash(w, &h, &err) == HEED_OK, err.message);
    return h;
}

static void import_file_of(const char *path, enum import_kind kind, bool strict)
{
    const struct heed_context context = {0};
    const struct import_options options = {.strict = strict};
    struct world *w = small_world();
    struct sha256 before = hash_of(w);
    struct import_result r = {0};
    struct heed_error err = {0};
    enum heed_status status = import_file(w, &context, kind, path, &options, &r, &err);
    const struct heed_tally t = r.total;
    must(t.rows == t.applied + t.rejected + t.refused + t.duplicate, "a row is not counted once");
    must(status == HEED_OK || status == HEED_INPUT, err.message);
    must(status == HEED_OK || (*err.where && *err.message), "an error without place or message");
    must(!strict || status == HEED_OK || sha256_eq(before, hash_of(w)), "a part of a strict file");
    must(!strict || status != HEED_OK || t.rejected + t.refused == 0, "strict took a bad row");
    must((t.rejected + t.refused > 0) == (r.files[0].first[0] != 0) || status != HEED_OK,
         "the first bad row is not named");
    if (status == HEED_OK) {
        struct sha256 once = hash_of(w);
        must(import_file(w, &context, kind, path, &options, &r, &err) == HEED_OK, err.message);
        must(r.files[1].skipped && sha256_eq(once, hash_of(w)), "applied twice");
    }
    import_result_deinit(&r);
    world_close(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    char path[64];
    snprintf(path, sizeof path, "/tmp/fuzz_import.%ld.%s", (long)getpid(),
             data[0] >> 4 & 1 ? "jsonl" : "csv");
    FILE *f = fopen(path, "wb");
    if (!f)
        return 0;
    bool written = fwrite(data + 1, 1, size - 1, f) == size - 1;
    written = fclose(f) == 0 && written;
    if (written)
        import_file_of(path, (enum import_kind)((data[0] & 15) % IMPORT_KINDS), data[0] >> 5 & 1);
    unlink(path);
    return 0;
}
