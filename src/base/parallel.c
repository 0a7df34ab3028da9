#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
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

/* ── a team ── */

enum { SPINS = 4000 }; /* some tens of microseconds, about what a round's other work takes */

struct team {
    atomic_size_t left; /* pieces that nobody has begun; above 0 the three below do not change */
    size_t n;
    void (*work)(void *context, size_t piece, unsigned worker);
    void *context;
    atomic_size_t done;
    atomic_bool over;
    atomic_uint asleep;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

struct member {
    struct team *team;
    pthread_t thread;
    unsigned number;
    bool started;
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Whoever has taken a piece may read the round's n, work and context: it is not over before.    */
static void take_pieces(struct team *t, unsigned worker)
{
    size_t left = atomic_load(&t->left);
    while (left > 0) {
        if (!atomic_compare_exchange_weak(&t->left, &left, left - 1))
            continue;
        t->work(t->context, t->n - left, worker);
        atomic_fetch_add(&t->done, 1);
        left = atomic_load(&t->left);
    }
}

static bool idle(struct team *t)
{
    return atomic_load(&t->left) == 0 && !atomic_load(&t->over);
}

static void *serve(void *argument)
{
    struct member *m = argument;
    struct team *t = m->team;
    while (!atomic_load(&t->over)) {
        take_pieces(t, m->number);
        for (int i = 0; i < SPINS && idle(t); i++)
            relax();
        if (!idle(t))
            continue;
        pthread_mutex_lock(&t->lock);
        atomic_fetch_add(&t->asleep, 1); /* before it looks once more: see rouse */
        while (idle(t))
            pthread_cond_wait(&t->wake, &t->lock);
        atomic_fetch_sub(&t->asleep, 1);
        pthread_mutex_unlock(&t->lock);
    }
    return NULL;
}

/* After `left` or `over` has changed.                                                            */
static void rouse(struct team *t)
{
    if (atomic_load(&t->asleep) == 0)
        return;
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

void team_each(struct team *t, size_t n, void (*work)(void *context, size_t piece, unsigned worker),
               void *context)
{
    t->n = n;
    t->work = work;
    t->context = context;
    atomic_store(&t->done, 0);
    atomic_store(&t->left, n);
    if (n > 1)
        rouse(t);
    take_pieces(t, 0);
    for (int i = 0; atomic_load(&t->done) < n; i++) {
        if (i < SPINS)
            relax();
        else
            sched_yield();
    }
}

void parallel_team(unsigned threads, void (*lead)(void *context, struct team *team), void *context)
{
    struct team t = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    struct member members[PARALLEL_MAX] = {{.team = &t}};
    unsigned count = parallel_workers(threads);
    for (unsigned i = 1; i < count; i++) {
        members[i] = (struct member){.team = &t, .number = i};
        members[i].started = pthread_create(&members[i].thread, NULL, serve, &members[i]) == 0;
    }
    lead(context, &t);
    atomic_store(&t.over, true);
    rouse(&t);
    for (unsigned i = 1; i < count; i++)
        if (members[i].started)
            pthread_join(members[i].thread, NULL);
    pthread_mutex_destroy(&t.lock);
    pthread_cond_destroy(&t.wake);
}
