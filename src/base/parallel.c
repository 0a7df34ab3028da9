#include "base/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct shared {
    atomic_size_t next;
    size_t n;
    void (*work)(void *context, size_t piece, unsigned worker);
    void *context;
};

struct worker {
    struct shared *shared;
    pthread_t thread;
    unsigned number;
    bool started;
};

static void *run(void *argument)
{
    struct worker *w = argument;
    struct shared *s = w->shared;
    for (size_t i; (i = atomic_fetch_add(&s->next, 1)) < s->n;)
        s->work(s->context, i, w->number);
    return NULL;
}

unsigned parallel_workers(unsigned threads)
{
    return threads < 1 ? 1 : threads > PARALLEL_MAX ? PARALLEL_MAX : threads;
}

void parallel_each(size_t n, unsigned threads,
                   void (*work)(void *context, size_t piece, unsigned worker), void *context)
{
    struct shared s = {.n = n, .work = work, .context = context};
    struct worker workers[PARALLEL_MAX] = {{.shared = &s}};
    unsigned count = parallel_workers(threads);
    for (unsigned i = 1; i < count && i < n; i++) {
        workers[i] = (struct worker){.shared = &s, .number = i};
        workers[i].started = pthread_create(&workers[i].thread, NULL, run, &workers[i]) == 0;
    }
    run(&workers[0]);
    for (unsigned i = 1; i < count && i < n; i++)
        if (workers[i].started)
            pthread_join(workers[i].thread, NULL);
}
