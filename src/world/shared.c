/* One writer for many threads. Callers queue what they ask on their own stacks and sleep; the
 * writer takes the whole queue, admits each, commits once, and wakes them. */
#include "base/error.h"
#include "world/batch.h"
#include "world/handle.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    ROUND_MAX = 4096
}; /* asks of one commit, so that the first of them does not wait for ever */

struct ask {
    struct ask *next;
    pthread_cond_t answered;
    bool done;
    const struct command_spec *spec; /* NULL: transfers */
    const struct heed_context *context;
    const struct heed_arg *args;
    const struct heed_transfer *transfers;
    struct heed_transferred *results;
    size_t n;
    json_t *reply;
    enum heed_status status;
    struct heed_error *err;
};

struct heed_shared {
    struct world *w;
    pthread_t writer;
    pthread_mutex_t lock; /* of what follows, and of `done` of every ask */
    pthread_cond_t asked;
    struct ask *first, **last;
    bool closing;
};

/* Up to ROUND_MAX of the queue, in its order; NULL: none will come. */
static struct ask *take(struct heed_shared *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->first && !s->closing)
        pthread_cond_wait(&s->asked, &s->lock);
    struct ask *taken = s->first, **end = &taken;
    for (int n = 0; *end && n < ROUND_MAX; n++)
        end = &(*end)->next;
    s->first = *end;
    if (!s->first)
        s->last = &s->first;
    *end = NULL;
    pthread_mutex_unlock(&s->lock);
    return taken;
}

static void run(struct world *w, struct ask *a)
{
    world_whole(w);
    if (a->spec)
        a->status = admit_queue(w, a->spec, a->context, a->args, a->n, &a->reply, a->err);
    else
        a->status = transfers_queue(w, a->context, a->transfers, a->n, a->results, a->err);
}

static bool may_have_changed(const struct ask *a)
{
    return (a->status == HEED_OK || a->status == HEED_REFUSED) &&
           (!a->spec || a->spec->kind == KIND_COMMAND);
}

static void *write_rounds(void *shared)
{
    struct heed_shared *s = shared;
    PLAIN_NUMBERS;
    for (struct ask *round; (round = take(s)) != NULL;) {
        struct heed_error why = {0};
        for (struct ask *a = round; a; a = a->next)
            run(s->w, a);
        enum heed_status durable = world_commit(s->w, &why);
        pthread_mutex_lock(&s->lock);
        for (struct ask *a = round, *next; a; a = next) {
            next = a->next; /* the ask is gone when its caller is awake and has the lock */
            if (durable != HEED_OK && may_have_changed(a)) {
                a->status = durable;
                *a->err = why;
            }
            a->done = true;
            pthread_cond_signal(&a->answered);
        }
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

enum heed_status heed_share(struct heed_world *world, struct heed_shared **shared,
                            struct heed_error *err)
{
    error_clear(err);
    if (!world || !shared)
        return handle_missing(err, world ? "shared" : "world");
    struct heed_shared *s = calloc(1, sizeof *s);
    *shared = NULL;
    if (!s)
        return error_nomem(err);
    s->w = world->w;
    s->last = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->asked, NULL);
    if (pthread_create(&s->writer, NULL, write_rounds, s) != 0) {
        pthread_cond_destroy(&s->asked);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return error_set(err, HEED_STORAGE, "share", "no thread could be started");
    }
    *shared = s;
    return HEED_OK;
}

void heed_unshare(struct heed_shared *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_signal(&s->asked);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->writer, NULL);
    pthread_cond_destroy(&s->asked);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static enum heed_status wait_for(struct heed_shared *s, struct ask *a)
{
    pthread_cond_init(&a->answered, NULL);
    pthread_mutex_lock(&s->lock);
    bool idle = s->first == NULL;
    *s->last = a;
    s->last = &a->next;
    if (idle)
        pthread_cond_signal(&s->asked);
    while (!a->done)
        pthread_cond_wait(&a->answered, &s->lock);
    pthread_mutex_unlock(&s->lock);
    pthread_cond_destroy(&a->answered);
    return a->status;
}

enum heed_status heed_shared_call(struct heed_shared *s, const char *name,
                                  const struct heed_context *context, const struct heed_arg *args,
                                  size_t n, char **reply, struct heed_error *err)
{
    PLAIN_NUMBERS;
    error_clear(err);
    if (!reply)
        return handle_missing(err, "reply");
    *reply = NULL;
    if (!s || !name || !context || (!args && n > 0))
        return handle_missing(err, !s ? "shared" : !name ? "name" : !context ? "context" : "args");
    int id = handle_command(name);
    if (id < 0)
        return error_set(err, HEED_USAGE, name, "there is no such command; see `heed help`");
    struct ask a = {.spec = command_spec((enum command_id)id),
                    .context = context,
                    .args = args,
                    .n = n,
                    .err = err};
    enum heed_status status = wait_for(s, &a);
    if (status != HEED_OK && status != HEED_REFUSED) {
        json_decref(a.reply);
        a.reply = NULL;
    }
    return handle_reply(a.reply, status, reply, err);
}

enum heed_status heed_shared_transfers(struct heed_shared *s, const struct heed_context *context,
                                       const struct heed_transfer *transfers, size_t n,
                                       struct heed_transferred *results, struct heed_error *err)
{
    error_clear(err);
    if (!s || !context || ((!transfers || !results) && n > 0))
        return handle_missing(err, !s           ? "shared"
                                   : !context   ? "context"
                                   : !transfers ? "transfers"
                                                : "results");
    struct ask a = {
        .context = context, .transfers = transfers, .n = n, .results = results, .err = err};
    return wait_for(s, &a);
}
