/* The driver's run: steps sent, invariants asked, storage lost and found again. */
#include "sim/simulate_parts.h"

#include "base/time.h"
#include "base/utf8.h"
#include "world/snapshot.h"
#include "world/verify.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* Two currencies of different scale, days as epochs, windows short enough to end. */
static const char rules_text[] =
    "currencies:\n"
    "  - {code: gold, scale: 2}\n"
    "  - {code: gem, scale: 0}\n"
    "behaviour: {half_life: 2 d, dedup_window: 6 h, dedup_max: 100}\n"
    "allocation:\n  k: 5\n  floor: 0.3\n  kinds: {content: 0.6, user: 0.2, good: 0.1, service: "
    "0.1}\n"
    "  fair: {users: -1, items: -1, lambda: 0.05}\n"
    "consumption: {epoch: 1 d, pool: 50.00, half_points: 5, cap: 0.3}\n"
    "shop: {fee: 0.07, refund_window: 2 d}\n"
    "grants: {new_user: 5.00}\n";

enum {
    BATCH_MOST = 24,
    HASH_EVERY = 8,  /* steps, and rarer as the state grows and with it the cost of a hash */
    DEEP_EVERY = 12, /* batches */
    REOPEN_TRIES = 1000,
    PEOPLE_ASKED = 3,
};

struct running {
    struct drive *d;
    struct world *w;
    struct twin twin;
    struct arena arena;
    struct prng r; /* of the driver itself: batches, what to ask */
    struct heed_error *err;
};

static const char *path_of(const struct running *r)
{
    return r->d->in_memory ? ":memory:" : r->d->o->path;
}

static bool faulty(const struct running *r)
{
    return !r->d->in_memory && r->d->o->vfs;
}

static bool on_disk(const struct running *r)
{
    return strcmp(path_of(r), ":memory:") != 0;
}

static enum heed_status open_world(struct running *r, struct heed_error *err)
{
    const struct world_options options = {.create = true,
                                          .rules_yaml = rules_text,
                                          .rules_size = sizeof rules_text - 1,
                                          .vfs = r->d->in_memory ? NULL : r->d->o->vfs,
                                          .pid = getpid()};
    return world_open(path_of(r), &options, &r->w, err);
}

/* ── storage that fails ── */

/* Opens again after a write failed. before: the hash before the command (NULL: nothing was under
 * way, so the state must be the one in memory). */
static enum heed_status recover(struct running *r, const struct sha256 *before)
{
    struct sha256 after, now;
    enum heed_status status = world_hash(r->w, &after, r->err);
    if (status != HEED_OK)
        return status;
    world_close(r->w);
    r->w = NULL;
    struct heed_error why = {0};
    for (int tries = 0; tries < REOPEN_TRIES && !r->w; tries++) {
        error_clear(&why);
        status = open_world(r, &why);
        if (status != HEED_OK && status != HEED_STORAGE)
            break;
    }
    if (!r->w) {
        if (status == HEED_NOMEM)
            return error_nomem(r->err);
        broken_set(&r->d->broken, "storage", "after a failed write it does not open: %s: %s",
                   why.where, why.message);
        return HEED_OK;
    }
    status = world_hash(r->w, &now, r->err);
    if (status == HEED_OK && !sha256_eq(now, after) && !(before && sha256_eq(now, *before)))
        broken_set(&r->d->broken, "storage",
                   "after a failed write it is neither as before nor as after the command");
    if (status == HEED_OK && !twin_sync(&r->twin, r->w))
        status = error_nomem(r->err);
    return status;
}

/* What to make of a status that is no answer of a world. */
static enum heed_status trouble(struct running *r, enum heed_status status,
                                const struct heed_error *why, const struct sha256 *before)
{
    if (status == HEED_NOMEM)
        return error_nomem(r->err);
    if (status == HEED_STORAGE && faulty(r))
        return recover(r, before);
    broken_set(&r->d->broken, "error", "status %d: %s: %s", (int)status, why->where, why->message);
    return HEED_OK;
}

/* ── steps ── */

/* As heed_events does it.                                                                        */
static enum heed_status send_event(struct world *w, const struct heed_event *e,
                                   struct heed_error *err)
{
    int verb = behaviour_verb(&w->state.rules.behaviour, str_of(e->verb));
    if (verb < 0 || e->time_ms < 0 || e->time_ms > TIME_MAX_MS || !(e->amount >= 0) ||
        e->amount > AMOUNT_MAX)
        return HEED_OK;
    uint32_t user = world_find_user(w, str_of(e->user));
    uint32_t target = world_find_target(w, str_of(e->target));
    if (user == HANDLE_NONE || target == 0)
        return HEED_OK;
    uint32_t symbols[2] = {HANDLE_NONE, HANDLE_NONE};
    const char *texts[2] = {e->surface, e->via};
    for (int i = 0; i < 2; i++) {
        struct str text = str_of(texts[i]);
        if (text.n == 0)
            continue;
        if (text.n > 256 || utf8_invalid_at(text) < text.n)
            return HEED_OK;
        enum heed_status status = admit_symbol(w, text, &symbols[i], err);
        if (status != HEED_OK)
            return status;
    }
    struct call call =
        admit_event(e->time_ms, user, (uint32_t)verb, target, llround(e->amount * 1000), symbols[0],
                    symbols[1], e->id ? admit_key_hash(str_of(e->id)) : 0);
    struct outcome o = {0};
    return world_apply(w, &call, &o, err);
}

static enum heed_status send_row(struct running *r, const struct step *s, struct heed_error *err)
{
    bool ok = s->id.n >= 1 && s->id.n <= 64;
    for (size_t i = 0; ok && i < s->id.n; i++)
        ok = (unsigned char)s->id.p[i] >= 0x20 && s->id.p[i] != 0x7f;
    if (admit_id_ok(s->id) && !ok)
        broken_set(&r->d->broken, "people", "an id with a control character is let in");
    struct str id = admit_party_id(s->id);
    if (!admit_id_ok(id))
        return HEED_OK;
    const struct user_row row = {.id = id, .joined_at_ms = CALL_ABSENT};
    struct outcome o = {0};
    enum heed_status status = admit_user(r->w, &s->context, &row, &o, err);
    return status == HEED_OK ? world_commit(r->w, err) : status;
}

static enum heed_status send_step(struct running *r, const struct step *s, json_t **reply,
                                  struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    *reply = NULL;
    switch (s->kind) {
    case STEP_CALL:
        return admit_call(r->w, s->spec, &s->context, s->args, s->n, reply, err);
    case STEP_ROW:
        return send_row(r, s, err);
    case STEP_BURST:
        for (size_t i = 0; status == HEED_OK && i < s->events_n; i++)
            status = send_event(r->w, &s->events[i], err);
        return status == HEED_OK ? world_commit(r->w, err) : status;
    }
    return status;
}

/* Refused, malformed, repeated, only asked: nothing may have changed. */
static bool changes_nothing(const struct step *s, enum heed_status status, const json_t *reply)
{
    return s->kind == STEP_CALL && (status != HEED_OK || s->spec->kind == KIND_QUERY ||
                                    json_is_true(json_object_get(reply, "repeated")));
}

static enum heed_status run_step(struct running *r, const struct step *s)
{
    struct drive *d = r->d;
    struct heed_error why = {0};
    struct sha256 before = {0}, after;
    json_t *reply = NULL;
    bool hashed = d->hash_always || faulty(r) || s->number % (HASH_EVERY + d->steps / 400) == 0;
    if (admit_is_due(r->w, s->context.time_ms)) /* it is done, whatever is asked */
        hashed = false;
    enum heed_status status = hashed ? world_hash(r->w, &before, r->err) : HEED_OK;
    if (status != HEED_OK)
        return status;
    status = send_step(r, s, &reply, &why);
    d->steps++;
    d->refused += status == HEED_REFUSED;
    if (status == HEED_OK || status == HEED_REFUSED || status == HEED_USAGE) {
        enum heed_status answer = status;
        bool ok = answer != HEED_OK || twin_learn(&r->twin, r->w, s, reply, &d->broken);
        status = ok ? HEED_OK : error_nomem(r->err);
        check_gone(r->w, &r->twin, reply, s, &d->broken);
        if (status == HEED_OK && hashed && changes_nothing(s, answer, reply)) {
            d->checks++;
            status = world_hash(r->w, &after, r->err);
            if (status == HEED_OK && !sha256_eq(before, after))
                broken_set(&d->broken, "unchanged", "%s %s changed the world and said it did not",
                           s->spec->noun, s->spec->verb);
        }
    } else {
        status = trouble(r, status, &why, &before);
    }
    json_decref(reply);
    return status;
}

/* ── between batches ── */

static enum heed_status ask(struct running *r, enum command_id id, struct heed_arg arg)
{
    struct step s = {.kind = STEP_CALL,
                     .spec = command_spec(id),
                     .context = {world_now(r->w), NULL},
                     .args = {arg},
                     .n = arg.name ? 1 : 0};
    struct heed_error why = {0};
    json_t *reply = NULL;
    enum heed_status status = admit_call(r->w, s.spec, &s.context, s.args, s.n, &reply, &why);
    check_gone(r->w, &r->twin, reply, &s, &r->d->broken);
    json_decref(reply);
    if (status == HEED_OK || status == HEED_REFUSED || status == HEED_USAGE)
        return HEED_OK;
    return trouble(r, status, &why, NULL);
}

/* Asks what shows many people; and of a few what is known of each.                               */
static enum heed_status look_for_gone(struct running *r)
{
    if (r->twin.gone_n == 0)
        return HEED_OK;
    enum heed_status status = ask(r, COMMAND_behaviour_top, (struct heed_arg){"k", "1000"});
    if (status == HEED_OK && r->w)
        status = ask(r, COMMAND_shop_goods, (struct heed_arg){"k", "1000"});
    size_t parties = r->w ? r->w->state.catalogue.parties_n : 0;
    size_t asked = r->d->every || parties < PEOPLE_ASKED ? parties : PEOPLE_ASKED;
    for (size_t i = 0; status == HEED_OK && r->w && i < asked; i++) {
        char id[96], target[128];
        size_t party = r->d->every ? i : prng_below(&r->r, parties);
        struct str known = world_party_id(r->w, (uint32_t)party);
        if (known.n == 0 || known.n > 64 || memchr(known.p, 0, known.n))
            continue;
        memcpy(id, known.p, known.n);
        id[known.n] = 0;
        memcpy(target, "user:", 5);
        memcpy(target + 5, id, known.n + 1);
        status = ask(r, COMMAND_ledger_history, (struct heed_arg){"account", id});
        if (status == HEED_OK && r->w)
            status = ask(r, COMMAND_behaviour_show, (struct heed_arg){"target", target});
        if (status == HEED_OK && r->w)
            status = ask(r, COMMAND_feed_show, (struct heed_arg){"user", id});
    }
    return status;
}

static enum heed_status verify(struct running *r)
{
    struct heed_error why = {0};
    json_t *reply = NULL;
    bool ok = false;
    enum heed_status status = world_verify(r->w, NULL, &ok, &reply, &why);
    if (status == HEED_OK && !ok) {
        char *text = json_dumps(json_object_get(reply, "problems"), JSON_COMPACT);
        broken_set(&r->d->broken, "verify", "verify says %.300s", text ? text : "no");
        free(text);
    }
    json_decref(reply);
    return status == HEED_OK ? HEED_OK : trouble(r, status, &why, NULL);
}

static enum heed_status reopen(struct running *r)
{
    struct heed_error why = {0};
    struct sha256 before, after;
    enum heed_status status = world_hash(r->w, &before, r->err);
    if (status != HEED_OK)
        return status;
    if (prng_below(&r->r, 3) == 0) {
        status = snapshot_write(r->w, &why);
        if (status != HEED_OK)
            return trouble(r, status, &why, NULL);
    }
    struct sha256 head = r->w->head;
    uint64_t commands = r->w->commands;
    world_close(r->w);
    r->w = NULL;
    status = open_world(r, &why);
    for (int tries = 0; status == HEED_STORAGE && faulty(r) && tries < REOPEN_TRIES; tries++) {
        error_clear(&why);
        status = open_world(r, &why);
    }
    if (status == HEED_NOMEM)
        return error_nomem(r->err);
    if (status != HEED_OK) {
        broken_set(&r->d->broken, "reopen", "it does not open again: %s: %s", why.where,
                   why.message);
        return HEED_OK;
    }
    status = world_hash(r->w, &after, r->err);
    if (status == HEED_OK &&
        (!sha256_eq(before, after) || !sha256_eq(head, r->w->head) || commands != r->w->commands))
        broken_set(&r->d->broken, "reopen", "opened again it is not the same%s%s",
                   *r->w->note ? ": " : "", r->w->note);
    return status;
}

static enum heed_status check(struct running *r, bool deep)
{
    struct drive *d = r->d;
    d->checks++;
    if (d->o->extra_check && !d->o->extra_check(d->o->extra_context, r->w))
        broken_set(&d->broken, "extra", "the caller's check fails");
    check_money(r->w, &d->broken);
    check_orders(r->w, &d->broken);
    check_auctions(r->w, &d->broken);
    check_goods(r->w, &r->twin, &d->broken);
    check_people(r->w, &d->broken);
    enum heed_status status = d->every && !deep ? HEED_OK : look_for_gone(r);
    if (deep && status == HEED_OK && r->w && !d->broken.is) {
        check_transfers(r->w, &d->broken);
        check_rewards(r->w, &d->broken);
        status = check_saved(r->w, &d->broken, r->err);
        if (status == HEED_OK && !d->broken.is)
            status = verify(r);
        if (status == HEED_OK && r->w && !d->broken.is && d->o->reopen && on_disk(r))
            status = reopen(r);
    }
    return status;
}

/* ── the run ── */

static enum heed_status run_all(struct running *r)
{
    struct drive *d = r->d;
    enum heed_status status = HEED_OK;
    uint64_t left = 0, next_deep = DEEP_EVERY;
    for (d->at = 0; d->at < d->n; d->at++) {
        struct step s;
        arena_reset(&r->arena);
        struct chosen which = d->list ? d->list[d->at] : (struct chosen){d->at, 0};
        if (!step_make(d->o->seed, which, &r->arena, &s))
            return error_nomem(r->err);
        if (left == 0)
            left = d->every ? 1 : 1 + prng_below(&r->r, BATCH_MOST);
        status = run_step(r, &s);
        bool last = d->at + 1 == d->n;
        if (status == HEED_OK && !d->broken.is && (--left == 0 || last)) {
            left = 0;
            d->batches++;
            bool deep = last ? d->deep_end : !d->every && d->batches >= next_deep;
            if (deep)
                next_deep = d->batches + DEEP_EVERY + d->batches / 4;
            status = check(r, deep);
            if (d->o->progress && !d->list)
                d->o->progress(d->o->progress_context, d->at + 1, d->n);
        }
        if (status != HEED_OK || d->broken.is)
            break;
    }
    return status;
}

enum heed_status drive_run(struct drive *d, struct heed_error *err)
{
    struct running r = {.d = d, .err = err};
    d->broken = (struct broken){0};
    d->steps = d->refused = d->batches = d->checks = 0;
    prng_seed(&r.r, d->o->seed ^ UINT64_C(0x62617463686573));
    arena_init(&r.arena, 1 << 16, SIZE_MAX);
    enum heed_status status = open_world(&r, err);
    for (int tries = 0; status == HEED_STORAGE && faulty(&r) && tries < REOPEN_TRIES; tries++) {
        error_clear(err);
        status = open_world(&r, err);
    }
    if (status == HEED_OK && !twin_sync(&r.twin, r.w))
        status = error_nomem(err);
    if (status == HEED_OK)
        status = run_all(&r);
    if (status == HEED_OK && r.w && !d->broken.is)
        status = world_hash(r.w, &d->hash, err);
    world_close(r.w);
    twin_deinit(&r.twin);
    arena_deinit(&r.arena);
    return status;
}
