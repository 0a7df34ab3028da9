/* Files of any bytes as transfers into a small world. Whatever comes in: a file that is malformed
 * leaves the world as it was, every line is answered once, all units add up, and the same file
 * again changes nothing. */
#include "import/transfers.h"

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

static const struct heed_context context = {0};

static void call(struct world *w, const char *noun, const char *verb, const struct heed_arg *args,
                 size_t n)
{
    json_t *reply = NULL;
    struct heed_error err = {0};
    int id = command_find(str_of(noun), str_of(verb));
    must(admit_call(w, command_spec((enum command_id)id), &context, args, n, &reply, &err) ==
             HEED_OK,
         err.message);
    json_decref(reply);
}

static struct sha256 hash_of(const struct world *w)
{
    struct sha256 h;
    struct heed_error err = {0};
    must(world_hash(w, &h, &err) == HEED_OK, err.message);
    return h;
}

static void count(void *context_of, const struct transfers_answer *a)
{
    uint64_t *lines = context_of;
    ++*lines;
    must((a->number == LEDGER_NONE) == (a->refusal != REFUSED_NOT || a->refused_before),
         "an answer that is neither a transfer nor a refusal");
}

static void adds_up(const struct world *w)
{
    const struct ledger *l = &w->state.ledger;
    for (size_t i = 0; i < l->accounts_n; i++)
        must(ledger_totals(l, l->accounts[i].unit).sum_minor == 0, "a unit does not add up");
}

static void apply(const char *path)
{
    const struct world_options new_world = {.create = true};
    struct world *w = NULL;
    struct heed_error err = {0};
    uint64_t lines = 0;
    struct transfers_result r;
    const struct transfers_options options = {.answer = count, .context = &lines};
    must(world_open(":memory:", &new_world, &w, &err) == HEED_OK, err.message);
    call(w, "user", "add", (struct heed_arg[]){{"id", "a"}}, 1);
    call(w, "user", "add", (struct heed_arg[]){{"id", "b"}}, 1);
    call(w, "good", "add", (struct heed_arg[]){{"id", "g"}, {"name", "g"}}, 2);
    call(w, "ledger", "issue", (struct heed_arg[]){{"to", "a"}, {"amount", "100"}}, 2);
    struct sha256 before = hash_of(w);
    enum heed_status status = transfers_apply(w, &context, path, &options, &r, &err);
    must(status == HEED_OK || status == HEED_INPUT, err.message);
    must(status == HEED_OK || (*err.where && *err.message), "an error without place or message");
    must(status == HEED_OK || sha256_eq(before, hash_of(w)), "a part of a malformed file");
    must(r.lines == lines && r.lines == r.applied + r.repeated + r.refused, "not each line once");
    adds_up(w);
    if (status == HEED_OK) {
        struct sha256 once = hash_of(w);
        must(transfers_apply(w, &context, path, &options, &r, &err) == HEED_OK, err.message);
        must(r.applied + r.refused == 0 && sha256_eq(once, hash_of(w)), "applied twice");
    }
    world_close(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/fuzz_apply.%ld.csv", (long)getpid());
    FILE *f = fopen(path, "wb");
    if (!f)
        return 0;
    bool written = fwrite(data, 1, size, f) == size;
    written = fclose(f) == 0 && written;
    if (written)
        apply(path);
    unlink(path);
    return 0;
}
