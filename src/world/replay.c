#include "world/replay.h"

#include "world/apply.h"

#include <stdio.h>

static enum heed_status call_replay(struct world *w, const struct call *call, struct outcome *o,
                                    const char *where, uint64_t number, struct heed_error *err)
{
    if (!call_possible(&w->state, call))
        return error_set(err, HEED_INPUT, where,
                         "command %llu cannot be: the world file is damaged; restore a backup",
                         (unsigned long long)number);
    enum heed_status status = state_apply(w, call, o, err);
    if (status == HEED_OK && !outcome_changed(o))
        return error_set(err, HEED_INPUT, where,
                         "command %llu is refused on replay (%s): the world file is damaged or of "
                         "another version",
                         (unsigned long long)number,
                         o->refusal != REFUSED_NOT ? refusal_code(o->refusal) : "repeated");
    return status;
}

/* Earlier heeds wrote what a decisions file said as commands; their mark closes such a batch. */
static struct call as_read(const struct call *call, bool imported)
{
    struct call c = *call;
    if (imported && c.command == COMMAND_quality_decide) {
        c.command = COMMAND_quality_decided;
        c.i[2] = c.i[3] = CALL_ABSENT;
    }
    return c;
}

enum heed_status batch_replay(struct world *w, const struct store_batch *b,
                              enum heed_status (*each)(void *context, const struct call *call,
                                                       const struct outcome *o,
                                                       struct heed_error *err),
                              void *context, struct heed_error *err)
{
    char where[48];
    snprintf(where, sizeof where, "batch %llu", (unsigned long long)b->number);
    if (!sha256_eq(journal_chain(w->head, b->number, b->first, b->commands, b->payload), b->hash))
        return error_set(err, HEED_INPUT, where,
                         "the journal's hash chain is broken here: the world file is damaged or "
                         "was changed; restore a backup");
    w->head = b->hash;
    if (b->number != w->batches || b->first != w->commands)
        return error_set(err, HEED_INPUT, where, "the journal has a gap; restore a backup");
    const struct call *calls;
    enum heed_status status = journal_decode(w->codec, b->payload, b->commands, &calls, err);
    bool imported = status == HEED_OK && b->commands > 0 &&
                    calls[b->commands - 1].command == COMMAND_import_mark;
    for (uint32_t i = 0; status == HEED_OK && i < b->commands; i++) {
        struct outcome o = {0};
        const struct call call = as_read(&calls[i], imported);
        status = call_replay(w, &call, &o, where, b->first + i, err);
        if (status == HEED_OK && each)
            status = each(context, &call, &o, err);
    }
    if (status == HEED_OK) {
        w->batches++;
        w->commands += b->commands;
        w->journal_bytes_since += b->payload.n;
    }
    return status;
}
