#include "world/world.h"

#include "base/arena.h"
#include "world/apply.h"
#include "world/engine.h"
#include "world/replay.h"
#include "world/snapshot.h"
#include "world/vault.h"

#include <stdio.h>

enum {
    ARENA_BLOCK = 1 << 20,
    SNAPSHOT_MIN_BYTES = 8 << 20,    /* of journal since the last snapshot, while running */
    SNAPSHOT_CLOSE_BYTES = 64 << 10, /* the same, when closing                            */
};

static apply_fn *const appliers[COMMAND_COUNT] = {
#define APPLY_OF_COMMAND(noun, verb) apply_##noun##_##verb
#define APPLY_OF_INTERNAL(noun, verb) apply_##noun##_##verb
#define APPLY_OF_QUERY(noun, verb) NULL
#define APPLY_OF_TOOL(noun, verb) NULL
#define HEED_COMMAND(noun, verb, kind, roles, help, example) APPLY_OF_##kind(noun, verb),
#define HEED_ARG(...)
#define HEED_END
#include "world/commands.def"
#undef HEED_COMMAND
#undef HEED_ARG
#undef HEED_END
};

static query_fn *const queries[COMMAND_COUNT] = {
#define QUERY_OF_COMMAND(noun, verb) NULL
#define QUERY_OF_INTERNAL(noun, verb) NULL
#define QUERY_OF_QUERY(noun, verb) query_##noun##_##verb
#define QUERY_OF_TOOL(noun, verb) NULL
#define HEED_COMMAND(noun, verb, kind, roles, help, example) QUERY_OF_##kind(noun, verb),
#define HEED_ARG(...)
#define HEED_END
#include "world/commands.def"
#undef HEED_COMMAND
#undef HEED_ARG
#undef HEED_END
};

/* ── applying ── */

/* Changes that move scores a little and decide nothing about what may be shown.                  */
static bool feeds_may_wait(uint16_t command)
{
    return command == COMMAND_event_add || command == COMMAND_feed_serve ||
           command == COMMAND_ledger_transfer || command == COMMAND_ledger_issue ||
           command == COMMAND_ledger_retire || command == COMMAND_ledger_batch ||
           command == COMMAND_ledger_pending || command == COMMAND_ledger_post ||
           command == COMMAND_ledger_void || command == COMMAND_ledger_expire ||
           command == COMMAND_import_mark;
}

enum heed_status state_apply(struct world *w, const struct call *call, struct outcome *o,
                             struct heed_error *err)
{
    if (call->command >= COMMAND_COUNT || !appliers[call->command] ||
        (!w->state.rules_yaml && call->command != COMMAND_world_create))
        return error_set(err, HEED_INPUT, "journal", "it holds a command that cannot be there");
    *o =
        (struct outcome){.want_reply = o->want_reply, .answers = o->answers, .handle = HANDLE_NONE};
    enum heed_status status = appliers[call->command](w, call, o, err);
    if (status == HEED_OK && outcome_changed(o)) {
        w->version++;
        if (!feeds_may_wait(call->command))
            w->decided = w->version;
    }
    return status;
}

static enum heed_status poisoned(struct heed_error *err)
{
    return error_set(err, HEED_STORAGE, "world",
                     "an earlier write failed; close the world and open it again");
}

static bool pending_add(struct world *w, const struct call *call)
{
    if (!array_grow(&w->pending, &w->pending_cap, w->pending_n + 1, sizeof *w->pending))
        return false;
    struct call copy = *call;
    if (call->blob.n) {
        char *bytes = arena_alloc(w->pending_bytes, call->blob.n);
        if (!bytes)
            return false;
        memcpy(bytes, call->blob.p, call->blob.n);
        copy.blob.p = bytes;
    }
    w->pending[w->pending_n++] = copy;
    return true;
}

enum heed_status world_apply(struct world *w, const struct call *call, struct outcome *o,
                             struct heed_error *err)
{
    if (w->poisoned)
        return poisoned(err);
    if (w->read_only)
        return error_set(err, HEED_USAGE, "world", "it was opened for reading only");
    enum heed_status status = state_apply(w, call, o, err);
    if (status == HEED_OK && outcome_changed(o) && !pending_add(w, call))
        status = error_nomem(err);
    if (status != HEED_OK)
        w->poisoned = true; /* how far the state got is not known */
    return status;
}

enum heed_status world_guard(struct world *w, enum heed_status status)
{
    if (status != HEED_OK && w->pending_n + w->changes_n > w->whole)
        w->poisoned = true;
    return status;
}

void world_whole(struct world *w)
{
    w->whole = w->pending_n + w->changes_n;
}

/* A ledger's state grows with its journal: a snapshot each time the journal since the last has
 * grown as large as that one writes every byte twice more at most. */
static bool snapshot_due(const struct world *w)
{
    uint64_t limit =
        w->snapshot_bytes > SNAPSHOT_MIN_BYTES ? w->snapshot_bytes : SNAPSHOT_MIN_BYTES;
    return !w->no_snapshots && w->journal_bytes_since >= limit;
}

enum heed_status world_commit(struct world *w, struct heed_error *err)
{
    if (w->poisoned)
        return poisoned(err);
    if (w->pending_n == 0) {
        heed_assert(w->changes_n == 0);
        return HEED_OK;
    }
    struct str payload;
    enum heed_status status = journal_encode(w->codec, w->pending, w->pending_n, &payload, err);
    if (status == HEED_OK) {
        struct store_batch b = {.number = w->batches,
                                .first = w->commands,
                                .commands = (uint32_t)w->pending_n,
                                .payload = payload};
        b.hash = journal_chain(w->head, b.number, b.first, b.commands, payload);
        status = w->store->ops->append(w->store, &b, w->changes, w->changes_n, err);
        if (status == HEED_OK) {
            w->head = b.hash;
            w->batches++;
            w->commands += b.commands;
            w->journal_bytes_since += payload.n;
        }
    }
    if (status != HEED_OK) {
        w->poisoned = true;
        return status;
    }
    w->pending_n = w->changes_n = w->whole = 0;
    arena_reset(w->pending_bytes);
    if (w->erased_pending) {
        bool pending = false;
        status = w->store->ops->scrub(w->store, &pending, err);
        if (status != HEED_OK)
            return status;
        w->erased_pending = pending;
    }
    return snapshot_due(w) ? snapshot_write(w, err) : HEED_OK;
}

enum heed_status world_query(struct world *w, const struct call *call, enum refusal *refusal,
                             json_t **out, struct heed_error *err)
{
    heed_assert(call->command < COMMAND_COUNT && queries[call->command]);
    *refusal = REFUSED_NOT;
    *out = NULL;
    return queries[call->command](w, call, refusal, out, err);
}

/* ── lookups ── */

struct str world_party_id(const struct world *w, uint32_t party)
{
    return people_id(w->people, party);
}

uint32_t world_find_party(const struct world *w, struct str id)
{
    if (str_starts(id, "user:"))
        id = (struct str){id.p + 5, id.n - 5};
    return people_find(w->people, id);
}

uint32_t world_find_user(const struct world *w, struct str id)
{
    uint32_t party = world_find_party(w, id);
    if (party == HANDLE_NONE || !(w->state.catalogue.parties[party].flags & PARTY_USER))
        return HANDLE_NONE;
    return party;
}

uint32_t world_find_target(const struct world *w, struct str text)
{
    const char *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
    if (!colon)
        return 0;
    struct str kind = {text.p, (size_t)(colon - text.p)};
    struct str id = {colon + 1, text.n - kind.n - 1};
    const struct catalogue *c = &w->state.catalogue;
    uint32_t h = HANDLE_NONE;
    enum target_kind k = target_kind_of_name(kind);
    switch (k) {
    case TARGET_USER:
        h = people_find(w->people, id);
        break;
    case TARGET_CONTENT:
        h = intern_find(&c->content_ids, id);
        break;
    case TARGET_GOOD:
        h = intern_find(&c->good_ids, id);
        break;
    case TARGET_SERVICE:
        h = intern_find(&c->service_ids, id);
        break;
    default:
        return 0;
    }
    return h == HANDLE_NONE ? 0 : target_make(k, h);
}

uint32_t world_find_symbol(const struct world *w, struct str text)
{
    return intern_find(&w->state.catalogue.symbols, text);
}

const struct import_mark *world_import_mark(const struct world *w, const struct sha256 *digest)
{
    for (size_t i = 0; i < w->state.imports_n; i++)
        if (sha256_eq(w->state.imports[i].digest, *digest))
            return &w->state.imports[i];
    return NULL;
}

/* ── opening ── */

struct replay {
    struct world *w;
    bool trust_first; /* the first batch read gives the head instead of being checked */
};

static enum heed_status replay_batch(void *context, const struct store_batch *b,
                                     struct heed_error *err)
{
    struct replay *r = context;
    struct world *w = r->w;
    if (!r->trust_first)
        return batch_replay(w, b, NULL, NULL, err);
    r->trust_first = false;
    char where[48];
    snprintf(where, sizeof where, "batch %llu", (unsigned long long)b->number);
    if (b->number + 1 != w->batches || b->first + b->commands != w->commands)
        return error_set(err, HEED_INPUT, where, "it does not fit the snapshot; restore a backup");
    w->head = b->hash;
    return HEED_OK;
}

struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    state_init(&w->state);
    w->head = journal_genesis();
    w->people = people_new();
    w->codec = journal_codec_new();
    w->pending_bytes = calloc(1, sizeof *w->pending_bytes);
    if (w->pending_bytes)
        arena_init(w->pending_bytes, ARENA_BLOCK, SIZE_MAX);
    if (!w->people || !w->codec || !w->pending_bytes) {
        world_close(w);
        return NULL;
    }
    return w;
}

static void world_free(struct world *w)
{
    engine_free(w->engine);
    state_deinit(&w->state);
    people_free(w->people);
    journal_codec_free(w->codec);
    store_close(w->store);
    free(w->pending);
    free(w->changes);
    if (w->pending_bytes)
        arena_deinit(w->pending_bytes);
    free(w->pending_bytes);
    free(w);
}

/* Opens behind the snapshot: the batch it stands on gives the chain's head (the chain before it is
 * walked by verify only).                                                                       */
static enum heed_status replay(struct world *w, struct heed_error *err)
{
    struct replay r = {w, w->batches > 0};
    uint64_t from = w->batches > 0 ? w->batches - 1 : 0;
    enum heed_status status = w->store->ops->read(w->store, from, replay_batch, &r, err);
    if (status == HEED_OK && r.trust_first)
        status = error_set(err, HEED_INPUT, "journal",
                           "it ends before the snapshot: the world file is damaged");
    return status;
}

struct walk {
    struct journal_codec *codec;
    enum heed_status (*visit)(void *context, const struct call *call, struct heed_error *err);
    void *context;
};

static enum heed_status walk_batch(void *context, const struct store_batch *b,
                                   struct heed_error *err)
{
    struct walk *k = context;
    const struct call *calls;
    enum heed_status status = journal_decode(k->codec, b->payload, b->commands, &calls, err);
    for (uint32_t i = 0; status == HEED_OK && i < b->commands; i++)
        status = k->visit(k->context, &calls[i], err);
    return status;
}

enum heed_status world_walk(const struct world *w,
                            enum heed_status (*visit)(void *context, const struct call *call,
                                                      struct heed_error *err),
                            void *context, struct heed_error *err)
{
    struct walk k = {journal_codec_new(), visit, context};
    if (!k.codec)
        return error_nomem(err);
    enum heed_status status =
        w->store ? w->store->ops->read(w->store, 0, walk_batch, &k, err) : HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < w->pending_n; i++)
        status = visit(context, &w->pending[i], err);
    journal_codec_free(k.codec);
    return status;
}

static enum heed_status create(struct world *w, const struct world_options *options,
                               struct heed_error *err)
{
    struct str rules = options->rules_yaml ? (struct str){options->rules_yaml, options->rules_size}
                                           : rules_preset(NULL);
    struct call call = {.command = COMMAND_world_create, .actor = HANDLE_NONE, .blob = rules};
    for (int i = 0; i < CALL_INTS; i++)
        call.i[i] = CALL_ABSENT;
    struct outcome o = {0};
    enum heed_status status = world_apply(w, &call, &o, err);
    return status == HEED_OK ? world_commit(w, err) : status;
}

enum heed_status world_open(const char *path, const struct world_options *options,
                            struct world **out, struct heed_error *err)
{
    bool memory = strcmp(path, ":memory:") == 0;
    *out = NULL;
    if ((options->create || memory) && options->rules_yaml) { /* before a file is made */
        struct rules *rules = malloc(sizeof *rules);
        if (!rules)
            return error_nomem(err);
        enum heed_status ok = rules_parse((struct str){options->rules_yaml, options->rules_size},
                                          "rules", rules, err);
        free(rules);
        if (ok != HEED_OK)
            return ok;
    }
    struct world *w = world_new();
    if (!w)
        return error_nomem(err);
    w->read_only = options->read_only;
    w->no_snapshots = options->no_snapshots;
    bool created = false;
    enum heed_status status;
    if (memory) {
        status = store_open_memory(&w->store, err);
        created = true;
    } else {
        struct store_options store = {options->read_only, options->create, options->vfs,
                                      options->pid};
        status = store_open_sqlite(path, &store, &w->store, &created, err);
    }
    bool found = false;
    if (status == HEED_OK && !created)
        status = snapshot_read(w, &found, err);
    if (status == HEED_OK && !created)
        status = replay(w, err);
    if (status == HEED_OK && w->batches == 0) {
        if (created || (options->create && !options->read_only))
            status = create(w, options, err);
        else
            status =
                error_set(err, HEED_INPUT, path, "there is no world here; `heed init` makes one");
    } else if (status == HEED_OK) {
        status = people_load(w, err);
    }
    if (status != HEED_OK) {
        world_free(w);
        return status;
    }
    *out = w;
    return HEED_OK;
}

void world_close(struct world *w)
{
    if (!w)
        return;
    struct heed_error ignored = {0};
    if (w->store && !w->poisoned && !w->read_only && world_commit(w, &ignored) == HEED_OK &&
        !w->no_snapshots && w->batches > 0 && w->journal_bytes_since > SNAPSHOT_CLOSE_BYTES &&
        snapshot_write(w, &ignored) != HEED_OK)
        error_clear(&ignored); /* a snapshot only saves time: the journal has everything */
    world_free(w);
}
