/* Feeds asked of a world, as a program that links the library gets them: command table, roles,
 * scores, JSON reply; read only (`feed show`), and recorded (`feed serve`: durable, and every
 * record is a change after which scores are made anew).
 * bench_serve WORLD [USERS [FEEDS]]: users u0.. as bench_generate makes them. */
#include "bench.h"

#include "heed.h"

#include <stdio.h>
#include <stdlib.h>

static void must(enum heed_status status, const struct heed_error *err)
{
    if (status == HEED_OK)
        return;
    fprintf(stderr, "bench_serve: %s: %s\n", err->where, err->message);
    exit(1);
}

static void ask(struct heed_world *w, const char *command, bool brief, long user)
{
    char id[32];
    struct heed_error err;
    struct heed_context context = {1767225600000 + 1209600000, NULL};
    char *reply = NULL;
    snprintf(id, sizeof id, "u%ld", user);
    must(heed_call(
             w, command, &context,
             (struct heed_arg[]){{"user", id}, {"k", "50"}, {"algorithm", "mixed"}, {"brief", "1"}},
             brief ? 4 : 3, &reply, &err),
         &err);
    heed_free(reply);
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench(struct heed_world *w, const char *command, bool brief, long users, long feeds)
{
    double *wall = malloc((size_t)feeds * sizeof *wall);
    double *own = malloc((size_t)feeds * sizeof *own);
    if (!wall || !own)
        exit(1);
    double start = clock_s(CLOCK_MONOTONIC);
    ask(w, command, brief, 0);
    double first = clock_s(CLOCK_MONOTONIC) - start, all = 0;
    for (long i = 0; i < feeds; i++) {
        start = clock_s(CLOCK_MONOTONIC);
        double own_start = clock_s(CLOCK_THREAD_CPUTIME_ID);
        ask(w, command, brief, i * 7919 % users);
        own[i] = clock_s(CLOCK_THREAD_CPUTIME_ID) - own_start;
        wall[i] = clock_s(CLOCK_MONOTONIC) - start;
        all += own[i];
    }
    qsort(wall, (size_t)feeds, sizeof *wall, compare_double);
    qsort(own, (size_t)feeds, sizeof *own, compare_double);
    long p99 = feeds * 99 / 100;
    printf("%-44s p50 %8.1f us   p99 %8.1f us   own work p99 %8.1f us, mean %.1f us; the first "
           "%.2f s\n",
           brief ? "feed show, brief" : command, wall[feeds / 2] * 1e6, wall[p99] * 1e6,
           own[p99] * 1e6, all / (double)feeds * 1e6, first);
    free(wall);
    free(own);
}

int main(int argc, char **argv)
{
    long users = argc > 2 ? strtol(argv[2], NULL, 10) : 100000;
    long feeds = argc > 3 ? strtol(argv[3], NULL, 10) : 2000;
    if (argc < 2 || users < 1 || feeds < 100) {
        fprintf(stderr, "usage: bench_serve WORLD [USERS [FEEDS]], at least 100 feeds\n");
        return 2;
    }
    struct heed_world *w = NULL;
    struct heed_error err;
    must(heed_open(argv[1], NULL, &w, &err), &err);
    bench(w, "feed show", false, users, feeds);
    bench(w, "feed show", true, users, feeds);
    bench(w, "feed serve", false, users, 100);
    heed_close(w);
    return 0;
}
