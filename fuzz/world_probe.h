/* What any world must stand, however it came to be: every query about things that are there, more
 * commands, and being saved and loaded. For fuzz targets; a broken promise aborts. */
#ifndef HEED_WORLD_PROBE_H
#define HEED_WORLD_PROBE_H

#include "world/apply.h"
#include "world/engine.h"
#include "world/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

static void promise(bool kept, const char *what)
{
    if (kept)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static struct strbuf state_bytes(const struct state *s)
{
    struct strbuf b;
    struct sink *k = malloc(sizeof *k);
    strbuf_init(&b, SIZE_MAX / 2);
    promise(k != NULL, "memory");
    sink_init(k, strbuf_write, &b);
    state_save(s, k);
    promise(sink_flush(k), "the state saves");
    free(k);
    return b;
}

static enum heed_status state_of_bytes(struct state *s, struct str bytes, struct heed_error *err)
{
    struct memory_reader reader = {(const uint8_t *)bytes.p, bytes.n};
    struct source *k = malloc(sizeof *k);
    promise(k != NULL, "memory");
    source_init(k, memory_read, &reader);
    enum heed_status status = state_load(s, k, err);
    free(k);
    return status;
}

/* One of the last three of n handles, or CALL_ABSENT when there are none.                        */
static int64_t some_handle(size_t n, size_t turn)
{
    return n == 0 ? CALL_ABSENT : (int64_t)(n - 1 - turn % (n < 3 ? n : 3));
}

static int64_t some_target(const struct catalogue *c, size_t turn)
{
    const size_t n[] = {0, c->parties_n, c->contents_n, c->goods_n, c->services_n};
    for (size_t i = 0; i < TARGET_KINDS; i++) {
        size_t kind = (turn + i) % TARGET_KINDS;
        if (n[kind] > 0)
            return target_make((enum target_kind)kind,
                               (uint32_t)some_handle(n[kind], turn / TARGET_KINDS));
    }
    return CALL_ABSENT;
}

static int64_t some_user(const struct catalogue *c, size_t turn)
{
    for (size_t i = 0; i < c->parties_n; i++) {
        size_t party = (turn + i) % c->parties_n;
        if (c->parties[party].flags & PARTY_USER)
            return (int64_t)party;
    }
    return CALL_ABSENT;
}

/* An argument as admission could have resolved it; false: there is nothing it could mean.        */
static bool some_argument(const struct world *w, const struct arg_spec *a, size_t turn,
                          int64_t *out)
{
    const struct catalogue *c = &w->state.catalogue;
    switch (a->type) {
    case ARG_USER:
        *out = some_user(c, turn);
        return *out != CALL_ABSENT;
    case ARG_PARTY:
        *out = some_handle(c->parties_n, turn);
        return *out != CALL_ABSENT;
    case ARG_ACCOUNT:
        *out = turn % 4 == 3 ? HOLDER_POOL : some_handle(c->parties_n, turn);
        return *out != CALL_ABSENT;
    case ARG_TARGET:
        *out = some_target(c, turn);
        return *out != CALL_ABSENT;
    case ARG_GOOD:
        *out = some_handle(c->goods_n, turn);
        if (*out != CALL_ABSENT)
            *out = target_make(TARGET_GOOD, (uint32_t)*out);
        return *out != CALL_ABSENT;
    case ARG_CURRENCY:
        *out = (int64_t)(turn % w->state.rules.currencies_n);
        return true;
    case ARG_VERB:
        *out = (int64_t)(turn % w->state.rules.behaviour.verbs_n);
        return true;
    case ARG_CHOICE: {
        size_t choices = 1;
        for (const char *p = a->choices; *p; p++)
            choices += *p == '|';
        *out = (int64_t)(turn % choices);
        return true;
    }
    case ARG_SCORE:
        *out = w->state.rules.quality.score_min_milli;
        return true;
    case ARG_AMOUNT:
        *out = 1;
        return true;
    case ARG_INT:
        *out = a->flags & REQUIRED || turn % 2 ? a->min + (int64_t)(turn / 2) : CALL_ABSENT;
        return *out <= a->max;
    default:
        *out = CALL_ABSENT;
        return !(a->flags & REQUIRED);
    }
}

static bool some_call(const struct world *w, enum command_id id, size_t turn, struct call *call)
{
    const struct command_spec *spec = command_spec(id);
    *call = (struct call){
        .command = (uint16_t)id, .time_ms = w->state.behaviour.latest_ms, .actor = HANDLE_NONE};
    for (int i = 0; i < CALL_INTS; i++)
        call->i[i] = CALL_ABSENT;
    bool can = true;
    for (size_t a = 0; can && a < spec->n; a++) {
        int place = command_int(spec, a);
        can = place < 0 || some_argument(w, &spec->args[a], turn + a, &call->i[place]);
    }
    return can;
}

static void ask_everything(struct world *w)
{
    for (int id = 0; id < COMMAND_COUNT; id++)
        for (size_t turn = 0; turn < 6 && command_spec((enum command_id)id)->kind == KIND_QUERY;
             turn++) {
            struct call call;
            if (!some_call(w, (enum command_id)id, turn, &call))
                continue;
            enum refusal refusal = REFUSED_NOT;
            struct heed_error err = {0};
            json_t *reply = NULL;
            enum heed_status status = world_query(w, &call, &refusal, &reply, &err);
            if (status != HEED_OK)
                fprintf(stderr, "%s %s: %s: %s\n", command_spec((enum command_id)id)->noun,
                        command_spec((enum command_id)id)->verb, err.where, err.message);
            promise(status == HEED_OK, "a query answers or refuses");
            promise((refusal == REFUSED_NOT) == (reply != NULL), "a query answers or refuses");
            char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
            promise((text != NULL) == (reply != NULL), "a reply can be written");
            free(text);
            json_decref(reply);
        }
}

static void go_on(struct world *w)
{
    static const enum command_id commands[] = {
        COMMAND_event_add,       COMMAND_rating_add,     COMMAND_ledger_issue,
        COMMAND_ledger_transfer, COMMAND_shop_list,      COMMAND_shop_buy,
        COMMAND_shop_refund,     COMMAND_quality_decide, COMMAND_quality_appeal,
        COMMAND_quality_decide,  COMMAND_user_erase};
    static const char commitment[32] = {0};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        for (size_t turn = 0; turn < 4; turn++) {
            struct call call;
            struct outcome o = {.want_reply = true};
            struct heed_error err = {0};
            if (!some_call(w, commands[i], turn, &call))
                continue;
            if (commands[i] == COMMAND_quality_decide || commands[i] == COMMAND_quality_appeal)
                call.blob = (struct str){commitment, sizeof commitment};
            promise(state_apply(w, &call, &o, &err) == HEED_OK, "a command is done or refused");
            json_decref(o.reply);
        }
    const struct open_epoch *open = consumption_next(&w->state.consumption, INT64_MAX - 1);
    if (!open)
        return;
    struct call call;
    struct strbuf facts;
    struct outcome o = {.want_reply = true};
    struct heed_error err = {0};
    strbuf_init(&facts, 1 << 24);
    promise(some_call(w, COMMAND_settle_, 0, &call), "settle needs nothing");
    promise(engine_settle(w, open->number, &facts, &err) == HEED_OK, "an epoch has its facts");
    call.blob = (struct str){facts.p, facts.n};
    promise(state_apply(w, &call, &o, &err) == HEED_OK, "an epoch settles or is refused");
    json_decref(o.reply);
    strbuf_deinit(&facts);
}

/* Loads what the state saves to and compares the bytes.                                          */
static void must_round_trip(const struct state *s)
{
    struct heed_error err = {0};
    struct state *again = malloc(sizeof *again);
    promise(again != NULL, "memory");
    state_init(again);
    struct strbuf a = state_bytes(s);
    if (state_of_bytes(again, (struct str){a.p, a.n}, &err) != HEED_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.message);
        promise(false, "what was saved loads");
    }
    struct strbuf b = state_bytes(again);
    promise(str_eq((struct str){a.p, a.n}, (struct str){b.p, b.n}), "and saves to the same bytes");
    strbuf_deinit(&a);
    strbuf_deinit(&b);
    state_deinit(again);
    free(again);
}

static void probe(struct world *w)
{
    must_round_trip(&w->state);
    ask_everything(w);
    go_on(w);
    ask_everything(w);
    must_round_trip(&w->state);
}
#endif
