/* One durable transfer at a time from many threads: bench_shared [DIR [THREADS [SECONDS]]].
 * Each thread calls `ledger transfer` and waits for its answer; the world's writer makes what has
 * come durable by one write (group commit). Peer in turns in the same run: one thread that writes 4
 * KiB and fdatasync. */
#include "bench.h"
#include "worlds.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct heed_shared *shared;
static atomic_bool stop;
static atomic_ulong answered;

static void *ask(void *place)
{
    char from[32], to[32];
    snprintf(from, sizeof from, "u%zu", (size_t)place);
    snprintf(to, sizeof to, "u%zu", (size_t)place ^ 1);
    while (!atomic_load(&stop)) {
        struct heed_error err;
        struct heed_context context = {1767225600000, NULL};
        char *reply = NULL;
        must(heed_shared_call(shared, "ledger transfer", &context,
                              (struct heed_arg[]){{"from", from}, {"to", to}, {"amount", "0.01"}},
                              3, &reply, &err),
             &err);
        heed_free(reply);
        atomic_fetch_add(&answered, 1);
    }
    return NULL;
}

static double syncs(int fd, double seconds)
{
    static char block[4096];
    double start = now_s();
    long n = 0;
    for (; now_s() - start < seconds; n++)
        if (pwrite(fd, block, sizeof block, (off_t)n * 4096) != (ssize_t)sizeof block ||
            fdatasync(fd) != 0)
            exit(1);
    return (double)n / (now_s() - start);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : ".";
    size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 256;
    unsigned seconds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 5;
    char path[4096], raw[4096], lock[4104];
    snprintf(path, sizeof path, "%s/bench_shared.world", dir);
    snprintf(lock, sizeof lock, "%s.lock", path);
    snprintf(raw, sizeof raw, "%s/bench_shared.raw", dir);
    unlink(path);
    struct heed_world *w = NULL;
    struct heed_error err;
    const struct heed_options options = {.create = 1};
    must(heed_open(path, &options, &w, &err), &err);
    n += n % 2;
    for (size_t i = 0; i < n; i++) {
        char id[32];
        snprintf(id, sizeof id, "u%zu", i);
        call(w, "user add", (struct heed_arg[]){{"id", id}}, 1);
        call(w, "ledger issue", (struct heed_arg[]){{"to", id}, {"amount", "1000000"}}, 2);
    }
    int fd = open(raw, O_RDWR | O_CREAT | O_TRUNC, 0600);
    pthread_t *threads = calloc(n, sizeof *threads);
    if (fd < 0 || !threads)
        return 1;
    double before = syncs(fd, 1);
    must(heed_share(w, &shared, &err), &err);
    double start = now_s();
    for (size_t i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, ask, (void *)i) != 0)
            return 1;
    sleep(seconds); /* how long is measured, not waited for */
    unsigned long done = atomic_load(&answered);
    double took = now_s() - start;
    atomic_store(&stop, true);
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    heed_unshare(shared);
    double sync = (before + syncs(fd, 1)) / 2, rate = (double)done / took;
    printf("shared, %zu threads     %8.0f durable transfers/s, one at a time   peer: fdatasync "
           "%6.0f /s  ratio %.1f\n",
           n, rate, sync, rate / sync);
    heed_close(w);
    close(fd);
    unlink(path);
    unlink(lock);
    unlink(raw);
    free(threads);
    return 0;
}
