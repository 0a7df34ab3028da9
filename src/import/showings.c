#include "import/showings.h"

#include <stdlib.h>

enum heed_status showings_init(struct showings *x, const struct world *w)
{
    *x = (struct showings){.w = w};
    behaviour_init(&x->seen);
    x->last = calloc(w->state.catalogue.parties_n + 1, sizeof *x->last);
    return x->last ? HEED_OK : HEED_NOMEM;
}

void showings_deinit(struct showings *x)
{
    for (size_t i = 0; x->last && i < x->w->state.catalogue.parties_n; i++)
        free(x->last[i]);
    free(x->last);
    behaviour_deinit(&x->seen);
    x->last = NULL;
}

static enum heed_status note_feed(struct showings *x, const struct call *c)
{
    struct feed_fact fact;
    struct showing **last = &x->last[c->i[0]];
    if (!fact_read(c->blob, &x->w->state.catalogue, &fact))
        return HEED_OK;
    if (!*last && !(*last = malloc(sizeof **last)))
        return HEED_NOMEM;
    (*last)->time_ms = c->time_ms;
    (*last)->n = fact.n;
    for (size_t i = 0; i < fact.n; i++)
        (*last)->targets[i] = slot_target(&fact.slots[i]);
    return HEED_OK;
}

enum heed_status showings_call(struct showings *x, const struct call *c, bool *again)
{
    const struct state *s = &x->w->state;
    *again = false;
    if (c->command == COMMAND_feed_serve)
        return note_feed(x, c);
    if (c->command != COMMAND_event_add)
        return HEED_OK;
    struct act act = act_of_call(&s->catalogue, c);
    bool duplicate;
    if (behaviour_seen(&x->seen, &s->rules.behaviour, &act, &duplicate) != HEED_OK)
        return HEED_NOMEM;
    struct showing *last = x->last[act.user];
    if (duplicate || act.own || !last || act.time_ms < last->time_ms ||
        s->rules.behaviour.verbs[act.verb].class != VERB_IMPRESSION)
        return HEED_OK;
    for (size_t i = 0; i < last->n && !*again; i++)
        if (last->targets[i] == act.target) {
            last->targets[i] = HANDLE_NONE;
            *again = true;
        }
    return HEED_OK;
}
