#include "support_race.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct lane {
    struct racer *racer;
    struct heed_shared *shared;
    pthread_barrier_t *start;
};

static void *run(void *lane)
{
    struct lane *l = lane;
    struct racer *r = l->racer;
    struct heed_context context = {RACE_TIME, NULL};
    pthread_barrier_wait(l->start);
    r->status = heed_shared_call(l->shared, r->name, &context, r->args, r->n, &r->reply, &r->err);
    return NULL;
}

void race(struct heed_world *w, struct racer *racers, size_t n)
{
    pthread_barrier_t start;
    pthread_t threads[RACERS];
    struct lane lanes[RACERS];
    struct heed_shared *shared = NULL;
    struct heed_error err;
    assert_true(n <= RACERS);
    assert_int_equal(heed_share(w, &shared, &err), HEED_OK);
    pthread_barrier_init(&start, NULL, (unsigned)n);
    for (size_t i = 0; i < n; i++) {
        lanes[i] = (struct lane){&racers[i], shared, &start};
        racers[i].reply = NULL;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &lanes[i]), 0);
    }
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    heed_unshare(shared);
    pthread_barrier_destroy(&start);
}

size_t race_won(struct racer *racers, size_t n, const char *code, size_t *refused)
{
    size_t won = 0;
    *refused = 0;
    for (size_t i = 0; i < n; i++) {
        const struct racer *r = &racers[i];
        bool as_told = r->status == HEED_REFUSED && strstr(r->reply, code);
        won += r->status == HEED_OK;
        *refused += as_told;
        if (r->status != HEED_OK && !as_told)
            fail_msg("%s, thread %zu: status %d, %s", r->name, i, (int)r->status,
                     r->reply ? r->reply : r->err.message);
        heed_free(racers[i].reply);
        racers[i].reply = NULL;
    }
    return won;
}
