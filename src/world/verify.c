#include "world/verify.h"

#include "world/apply.h"
#include "world/replay.h"
#include "world/snapshot.h"
#include "world/vault.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* What the journal says of sealed texts: a commitment by kind and handle, zero when erased.     */
struct commitments {
    uint8_t (*rows)[32];
    uint32_t *owners;
    bool *noted, *seen;
    size_t n, rows_cap, owners_cap, noted_cap, seen_cap;
};

static void commitments_deinit(struct commitments *c)
{
    free(c->rows);
    free(c->owners);
    free(c->noted);
    free(c->seen);
}

struct verifying {
    struct world *live, *fresh;
    const struct verify_options *options;
    struct commitments texts[TARGET_KINDS], reasons;
    struct store_snapshot snapshots[2];
    struct sha256 snapshot_hash[2]; /* of the replayed state at its batch */
    bool snapshot_met[2];
    size_t snapshots_n;
    json_t *problems;
    struct sha256 head;
};

__attribute__((format(printf, 2, 3))) static void problem(struct verifying *v, const char *format,
                                                          ...)
{
    char text[640];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *s = json_string(text);
    json_array_append_new(v->problems, s ? s : json_string("damage in text that is not UTF-8"));
}

static bool note_text(struct commitments *c, size_t handle, struct str commitment, uint32_t owner)
{
    if (!array_grow(&c->rows, &c->rows_cap, handle + 1, sizeof *c->rows) ||
        !array_grow(&c->owners, &c->owners_cap, handle + 1, sizeof *c->owners) ||
        !array_grow(&c->noted, &c->noted_cap, handle + 1, sizeof *c->noted) ||
        !array_grow(&c->seen, &c->seen_cap, handle + 1, sizeof *c->seen))
        return false;
    for (; c->n <= handle; c->n++)
        c->noted[c->n] = c->seen[c->n] = false;
    c->noted[handle] = true;
    memcpy(c->rows[handle], commitment.p, 32);
    c->owners[handle] = owner;
    return true;
}

/* Notes the commitment of a command with a text that has just been applied to v->fresh. */
static enum heed_status note_call(void *context, const struct call *call, const struct outcome *o,
                                  struct heed_error *err)
{
    struct verifying *v = context;
    struct commitments *texts;
    uint32_t owner = o->handle;
    switch (call->command) {
    case COMMAND_party_add:
    case COMMAND_user_add:
        texts = &v->texts[TARGET_USER];
        break;
    case COMMAND_content_add:
        texts = &v->texts[TARGET_CONTENT];
        owner = (uint32_t)call->i[1];
        break;
    case COMMAND_good_add:
    case COMMAND_service_add:
        texts = &v->texts[call->command == COMMAND_good_add ? TARGET_GOOD : TARGET_SERVICE];
        owner = call->i[1] == CALL_ABSENT ? STORE_WORLD_OWNER : (uint32_t)call->i[1];
        break;
    case COMMAND_quality_decide:
    case COMMAND_quality_decided:
    case COMMAND_quality_appeal:
        texts = &v->reasons;
        owner = reason_owner(&v->fresh->state.catalogue, (uint32_t)call->i[0]);
        break;
    default:
        return HEED_OK;
    }
    if (call->blob.n < 32) {
        problem(v, "journal: a command with a text has no commitment");
        return HEED_OK;
    }
    return note_text(texts, o->handle, (struct str){call->blob.p, 32}, owner) ? HEED_OK
                                                                              : error_nomem(err);
}

static enum heed_status check_batch(void *context, const struct store_batch *b,
                                    struct heed_error *err)
{
    struct verifying *v = context;
    struct world *w = v->fresh;
    enum heed_status status = batch_replay(w, b, note_call, v, err);
    for (size_t i = 0; status == HEED_OK && i < v->snapshots_n; i++)
        if (v->snapshots[i].batch == b->number) {
            v->snapshot_met[i] = v->snapshots[i].commands == w->commands;
            status = world_hash(w, &v->snapshot_hash[i], err);
        }
    if (status == HEED_OK && v->options && v->options->progress)
        v->options->progress(v->options->progress_context, w->batches, v->live->batches);
    return status;
}

static enum heed_status check_text(void *context, uint32_t handle, uint32_t owner,
                                   const struct text *text, const uint8_t commitment[32],
                                   struct heed_error *err)
{
    (void)text;
    (void)err;
    struct commitments *c = context;
    if (handle >= c->n || !c->noted[handle] || c->owners[handle] != owner ||
        memcmp(c->rows[handle], commitment, 32) != 0)
        return error_set(err, HEED_INPUT, "vault",
                         "the sealed text %u is not the one the journal committed to", handle);
    c->seen[handle] = true;
    return HEED_OK;
}

static enum heed_status check_vault(struct verifying *v, struct heed_error *err)
{
    const struct catalogue *c = &v->fresh->state.catalogue;
    uint64_t keys = 0, owners = 0;
    bool *owns = calloc(c->parties_n + 1, sizeof *owns);
    if (!owns)
        return error_nomem(err);
    enum heed_status status = HEED_OK;
    for (int i = TARGET_USER; status == HEED_OK && i <= TARGET_KINDS; i++) {
        bool reasons = i == TARGET_KINDS;
        uint32_t kind = reasons ? VAULT_REASON : (uint32_t)i;
        struct commitments *texts = reasons ? &v->reasons : &v->texts[i];
        struct heed_error why = {0};
        status = vault_each(v->live, kind, check_text, texts, &why);
        if (status == HEED_INPUT) {
            problem(v, "%s: %s", why.where, why.message);
            status = HEED_OK;
            continue;
        }
        if (status != HEED_OK) {
            error_set(err, status, why.where, "%s", why.message);
            break;
        }
        for (size_t t = 0; t < texts->n; t++) {
            if (!texts->noted[t])
                continue;
            uint32_t owner = texts->owners[t];
            bool world = owner == STORE_WORLD_OWNER;
            bool erased = !world && c->parties[owner].flags & PARTY_ERASED;
            if (erased == texts->seen[t])
                problem(v,
                        erased ? "vault: %s %zu belongs to an erased person and is still there"
                               : "vault: the sealed text of %s %zu is missing",
                        vault_kind_name(kind), t);
            size_t at = world ? c->parties_n : owner;
            if (!erased && !owns[at]) {
                owns[at] = true;
                owners++;
            }
        }
    }
    if (status == HEED_OK)
        status = v->live->store->ops->keys(v->live->store, &keys, err);
    if (status == HEED_OK && keys != owners)
        problem(v, "vault: there are %llu keys for %llu owners", (unsigned long long)keys,
                (unsigned long long)owners);
    free(owns);
    return status;
}

static enum heed_status check_ledger(struct verifying *v, struct heed_error *err)
{
    const struct ledger *l = &v->fresh->state.ledger;
    uint32_t *units;
    struct ledger_totals *totals;
    size_t n;
    if (ledger_all_totals(l, &units, &totals, &n) != HEED_OK)
        return error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const struct ledger_totals *t = &totals[i];
        if (t->sum_minor != 0)
            problem(v, "ledger: unit %u sums to %lld, not to zero", units[i],
                    (long long)t->sum_minor);
        if (t->debits_pending_minor != t->credits_pending_minor)
            problem(v, "ledger: of unit %u %lld is held to be paid and %lld to be got", units[i],
                    (long long)t->debits_pending_minor, (long long)t->credits_pending_minor);
    }
    free(units);
    free(totals);
    const char *wrong;
    if (venues_check(&v->fresh->state.venues, l, &wrong) != HEED_OK)
        return error_nomem(err);
    if (wrong)
        problem(v, "exchange: %s", wrong);
    return HEED_OK;
}

static enum heed_status check_state(struct verifying *v, struct heed_error *err)
{
    const struct state *s = &v->fresh->state;
    for (size_t i = 0; i < s->catalogue.goods_n; i++)
        if (s->catalogue.goods[i].stock < -1)
            problem(v, "shop: good %zu has negative stock", i);
    for (size_t i = 0; i < s->catalogue.services_n; i++)
        if (s->catalogue.services[i].stock < -1)
            problem(v, "shop: service %zu has negative stock", i);
    return check_ledger(v, err);
}

static enum heed_status check_snapshots(struct verifying *v, struct heed_error *err)
{
    for (size_t i = 0; i < v->snapshots_n; i++) {
        struct world *w = calloc(1, sizeof *w);
        struct heed_error why = {0};
        struct sha256 hash;
        if (!w)
            return error_nomem(err);
        state_init(&w->state);
        enum heed_status status = snapshot_load(v->live->store, &v->snapshots[i], &w->state, &why);
        if (status == HEED_OK)
            status = world_hash(w, &hash, &why);
        state_deinit(&w->state);
        free(w);
        unsigned long long batch = v->snapshots[i].batch;
        if (status == HEED_RANGE) /* of an earlier heed: passed over on opening, soon replaced */
            continue;
        if (status == HEED_INPUT)
            problem(v, "the snapshot after batch %llu: %s", batch, why.message);
        else if (status != HEED_OK)
            return error_set(err, status, why.where, "%s", why.message);
        else if (!v->snapshot_met[i] || !sha256_eq(hash, v->snapshot_hash[i]))
            problem(v, "the snapshot after batch %llu is not the state the journal gives", batch);
    }
    return HEED_OK;
}

static enum heed_status reply(struct verifying *v, bool *ok, json_t **out, struct heed_error *err)
{
    struct sha256 hash, live;
    char hex[65], head[65];
    enum heed_status status = world_hash(v->fresh, &hash, err);
    if (status == HEED_OK)
        status = world_hash(v->live, &live, err);
    if (status != HEED_OK)
        return status;
    if (!sha256_eq(hash, live))
        problem(v, "the replayed state is not the live one");
    if (!sha256_eq(v->fresh->head, v->live->head))
        problem(v, "the journal does not end at the live chain head");
    json_t *money = json_array();
    const struct rules *r = &v->fresh->state.rules;
    for (uint32_t i = 0; i < r->currencies_n; i++)
        json_array_append_new(
            money,
            json_pack("{s:s,s:I}", "currency", r->currencies[i].code, "sum_minor",
                      (json_int_t)ledger_totals(&v->fresh->state.ledger, (uint16_t)i).sum_minor));
    *ok = json_array_size(v->problems) == 0;
    return reply_pack(out, err, "{s:b,s:I,s:s,s:s,s:o,s:O}", "ok", (int)*ok, "commands",
                      (json_int_t)v->fresh->commands, "world_hash", sha256_hex(hash, hex),
                      "chain_head", sha256_hex(v->fresh->head, head), "money", money, "problems",
                      v->problems);
}

enum heed_status world_verify(struct world *w, const struct verify_options *options, bool *ok,
                              json_t **out, struct heed_error *err)
{
    heed_assert(w->pending_n == 0);
    struct verifying *v = calloc(1, sizeof *v);
    if (!v)
        return error_nomem(err);
    struct heed_error why = {0};
    v->live = w;
    v->options = options;
    v->problems = json_array();
    v->snapshots_n = 2;
    v->fresh = world_new();
    enum heed_status status = v->fresh && v->problems ? HEED_OK : error_nomem(err);
    if (status != HEED_OK)
        goto done;
    if (w->note[0])
        problem(v, "%s", w->note);
    status = w->store->ops->check(w->store, &why);
    if (status == HEED_INPUT) {
        problem(v, "%s: %s", why.where, why.message);
        error_clear(&why);
        status = HEED_OK;
    }
    if (status == HEED_OK)
        status = w->store->ops->snapshots(w->store, v->snapshots, &v->snapshots_n, &why);
    if (status == HEED_OK)
        status = w->store->ops->read(w->store, 0, check_batch, v, &why);
    if (status == HEED_INPUT) { /* damage ends the replay; what was found is the answer */
        problem(v, "%s: %s", why.where, why.message);
        status = HEED_OK;
    } else if (status == HEED_OK) {
        status = check_state(v, &why);
        if (status == HEED_OK)
            status = check_snapshots(v, &why);
        if (status == HEED_OK)
            status = check_vault(v, &why);
    }
    if (status == HEED_OK)
        status = reply(v, ok, out, &why);
    if (status != HEED_OK)
        error_set(err, status, why.where, "%s", why.message);
done:
    world_close(v->fresh);
    for (int i = 0; i < TARGET_KINDS; i++)
        commitments_deinit(&v->texts[i]);
    commitments_deinit(&v->reasons);
    json_decref(v->problems);
    free(v);
    return status;
}

enum heed_status verify_file(const char *path, const struct verify_options *options, json_t **reply,
                             struct heed_error *err)
{
    struct world *w = NULL;
    struct world_options open = {.read_only = true};
    struct heed_error why = {0};
    bool ok = false;
    *reply = NULL;
    enum heed_status status = world_open(path, &open, &w, &why);
    if (status == HEED_OK)
        status = world_verify(w, options, &ok, reply, &why);
    world_close(w);
    if (status == HEED_OK && !ok)
        return error_set(err, HEED_INPUT, path, "the world does not hold; restore a backup");
    if (status == HEED_INPUT && access(path, R_OK) == 0)
        *reply = json_pack("{s:b,s:[s++]}", "ok", 0, "problems", why.where, ": ", why.message);
    return status == HEED_OK ? status : error_set(err, status, why.where, "%s", why.message);
}
