#include "support_world.h"
#include "support_fault.h"

#include "base/time.h"
#include "world/snapshot.h"
#include "world/verify.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_dir(void)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_dir(void)
{
    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/tmp/heed-test-XXXXXX");
        assert_non_null(mkdtemp(dir));
        atexit(remove_dir);
    }
    return dir;
}

char *test_path(const char *name)
{
    char *path = malloc(512);
    assert_non_null(path);
    snprintf(path, 512, "%s/%s", test_dir(), name);
    return path;
}

static struct world *open_or_fail(const char *path, struct world_options options)
{
    struct world *w = NULL;
    struct heed_error err = {0};
    options.create = true;
    options.pid = getpid();
    if (world_open(path, &options, &w, &err) != HEED_OK)
        fail_msg("%s: %s: %s", path, err.where, err.message);
    return w;
}

struct world *world_at(const char *path)
{
    return open_or_fail(path, (struct world_options){0});
}

struct world *world_in_memory(void)
{
    return world_at(":memory:");
}

struct world *world_with_rules(const char *yaml)
{
    return open_or_fail(":memory:",
                        (struct world_options){.rules_yaml = yaml, .rules_size = strlen(yaml)});
}

static enum heed_status call_list(struct world *w, const char *actor, int64_t time_ms,
                                  json_t **reply, struct heed_error *err, const char *name,
                                  va_list list)
{
    struct heed_arg args[16];
    size_t n = 0;
    for (const char *arg; (arg = va_arg(list, const char *));)
        args[n++] = (struct heed_arg){arg, va_arg(list, const char *)};
    const char *space = strchr(name, ' ');
    int id = command_find((struct str){name, space ? (size_t)(space - name) : strlen(name)},
                          str_of(space ? space + 1 : ""));
    assert_true(id >= 0);
    struct heed_context context = {time_ms, actor};
    for (size_t i = 0; i < n; i++) { /* the hour at which it is told, not before it happens */
        int64_t told;
        if (strcmp(args[i].name, "time") == 0 && args[i].value &&
            time_from_text(str_of(args[i].value), &told) == TIME_OK && told > context.time_ms)
            context.time_ms = told;
    }
    return admit_call(w, command_spec((enum command_id)id), &context, args, n, reply, err);
}

enum heed_status call_as(struct world *w, const char *actor, int64_t time_ms, json_t **reply,
                         const char *name, ...)
{
    json_t *mine = NULL;
    struct heed_error err = {0};
    va_list list;
    va_start(list, name);
    enum heed_status status = call_list(w, actor, time_ms, &mine, &err, name, list);
    va_end(list);
    if (reply)
        *reply = mine;
    else
        json_decref(mine);
    return status;
}

json_t *call_ok(struct world *w, const char *name, ...)
{
    json_t *reply = NULL;
    struct heed_error err = {0};
    va_list list;
    va_start(list, name);
    enum heed_status status = call_list(w, NULL, T0, &reply, &err, name, list);
    va_end(list);
    if (status != HEED_OK) {
        char *text = reply ? json_dumps(reply, 0) : NULL;
        fail_msg("%s: status %d: %s: %s %s", name, (int)status, err.where, err.message,
                 text ? text : "");
    }
    return reply;
}

void call_refused(struct world *w, const char *code, const char *name, ...)
{
    json_t *reply = NULL;
    struct heed_error err = {0};
    struct sha256 before = hash_of(w);
    va_list list;
    va_start(list, name);
    enum heed_status status = call_list(w, NULL, T0, &reply, &err, name, list);
    va_end(list);
    if (status != HEED_REFUSED)
        fail_msg("%s: expected the refusal %s, got status %d: %s %s", name, code, (int)status,
                 err.where, err.message);
    assert_string_equal(
        code, json_string_value(json_object_get(json_object_get(reply, "refused"), "code")));
    json_decref(reply);
    assert_true(sha256_eq(before, hash_of(w)));
}

struct sha256 hash_of(struct world *w)
{
    struct sha256 hash;
    struct heed_error err = {0};
    assert_int_equal(world_hash(w, &hash, &err), HEED_OK);
    return hash;
}

struct sha256 hash_then_unlink(char *path)
{
    struct world *w = world_at(path);
    struct sha256 hash = hash_of(w);
    world_close(w);
    unlink(path);
    free(path);
    return hash;
}

int64_t int_at(const json_t *reply, const char *key)
{
    const json_t *v = json_object_get(reply, key);
    if (!json_is_integer(v))
        fail_msg("no integer '%s' in the reply", key);
    return json_integer_value(v);
}

void fill_small(struct world *w)
{
    json_decref(call_ok(w, "user add", "id", "ann", "name", "Ann", NULL));
    json_decref(call_ok(w, "user add", "id", "bob", "name", "Bob B.", NULL));
    json_decref(call_ok(w, "user add", "id", "cyd", NULL));
    json_decref(call_ok(w, "good add", "id", "sword", "name", "Sword", "seller", "ann", "price",
                        "5.00", "stock", "3", "category", "arms", NULL));
    json_decref(call_ok(w, "content add", "id", "post1", "creator", "ann", "title", "A sword",
                        "body", "made of good steel", "good", "sword", NULL));
    json_decref(call_ok(w, "ledger issue", "to", "bob", "amount", "100", NULL));
}

struct world *restored_from(struct world *w)
{
    struct strbuf bytes;
    struct heed_error err = {0};
    struct sink *k = malloc(sizeof *k);
    struct source *from = malloc(sizeof *from);
    struct world *again = world_new();
    assert_true(k && from && again);
    strbuf_init(&bytes, 1 << 24);
    sink_init(k, strbuf_write, &bytes);
    state_save(&w->state, k);
    assert_true(sink_flush(k));
    struct memory_reader m = {(const uint8_t *)bytes.p, bytes.n};
    source_init(from, memory_read, &m);
    if (state_load(&again->state, from, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    strbuf_deinit(&bytes);
    free(k);
    free(from);
    assert_true(sha256_eq(hash_of(w), hash_of(again)));
    return again;
}

void assert_verified(struct world *w)
{
    bool ok = false;
    json_t *reply = NULL;
    struct heed_error err = {0};
    if (world_verify(w, NULL, &ok, &reply, &err) != HEED_OK)
        fail_msg("verify: %s: %s", err.where, err.message);
    if (!ok)
        fail_msg("%s", json_dumps(reply, 0));
    json_decref(reply);
}

const char *numbered(const char *prefix, uint64_t i)
{
    static char names[4][32];
    static int next;
    char *text = names[next++ % 4];
    snprintf(text, sizeof names[0], "%s%llu", prefix, (unsigned long long)i);
    return text;
}

void feeds_while_memory_ends(struct world *(*make)(const char *rules), const char *rules,
                             const char *user)
{
    static const char *const names[][2] = {
        {"feed", "show"}, {"feed", "serve"}, {"allocate", "floor"}, {"settle", ""}};
    struct world *w = make(rules);
    for (size_t c = 0; c < sizeof names / sizeof *names; c++) {
        const struct command_spec *spec =
            command_spec((enum command_id)command_find(str_of(names[c][0]), str_of(names[c][1])));
        bool fired = true;
        for (long n = 1; fired; n++) {
            struct sha256 before = hash_of(w);
            struct heed_context context = {T0 + 30 * DAY, NULL};
            struct heed_arg args[] = {{"user", user}};
            struct heed_error err = {0};
            json_t *reply = NULL;
            w->version++; /* all scores anew */
            fault_fail_at(n);
            enum heed_status status =
                admit_call(w, spec, &context, args, c < 2 ? 1 : 0, &reply, &err);
            fault_off();
            fired = fault_fired();
            json_decref(reply);
            if (status != HEED_OK && status != HEED_NOMEM)
                fail_msg("%s %s, allocation %ld: %d, %s", names[c][0], names[c][1], n, (int)status,
                         err.message);
            if (w->poisoned) { /* it was half applied: begin again */
                world_close(w);
                w = make(rules);
            } else if (status == HEED_NOMEM) {
                assert_true(sha256_eq(before, hash_of(w)));
            }
        }
    }
    world_close(w);
}
