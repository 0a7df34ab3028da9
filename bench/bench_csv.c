/* How fast csv_next goes through an event CSV, against memchr looking for line feeds in the same
 * bytes: the floor that no reader of lines can pass.  bench_csv [MB [ROUNDS]] */
#include "bench.h"

#include "base/csv.h"
#include "base/prng.h"

#include <stdio.h>
#include <stdlib.h>

struct bytes {
    const char *p;
    size_t n, at;
};

static size_t give(void *context, void *p, size_t n)
{
    struct bytes *b = context;
    if (n > b->n - b->at)
        n = b->n - b->at;
    memcpy(p, b->p + b->at, n);
    b->at += n;
    return n;
}

/* time,user,verb,target,amount,surface,via                                                      */
static size_t put_event(char *p, size_t room, uint64_t i, struct prng *r, bool quoted)
{
    static const char *const verbs[] = {"view", "dwell", "like", "comment", "share", "purchase"};
    static const char *const surfaces[] = {"home", "search", "shop", ""};
    const char *q = quoted ? "\"" : "";
    int n = snprintf(p, room, "%llu,%su%u%s,%s%s%s,%scontent:%u%s,%u,%s%s%s,\n",
                     (unsigned long long)(1767225600 + i / 7), q, (unsigned)prng_below(r, 200000),
                     q, q, verbs[prng_below(r, 6)], q, q, (unsigned)prng_below(r, 50000), q,
                     (unsigned)prng_below(r, 600), q, surfaces[prng_below(r, 4)], q);
    return n < 0 ? 0 : (size_t)n;
}

static struct bytes make_events(size_t size, bool quoted)
{
    struct bytes b = {0};
    char *p = malloc(size + 256);
    if (!p)
        return b;
    struct prng r;
    prng_seed(&r, 1);
    for (uint64_t i = 0; b.n < size; i++)
        b.n += put_event(p + b.n, 256, i, &r, quoted);
    b.p = p;
    return b;
}

static double memchr_pass(const struct bytes *b, uint64_t *lines)
{
    double start = now_s();
    *lines = 0;
    for (const char *p = b->p, *end = p + b->n; p < end; ++*lines) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        p = lf ? lf + 1 : end;
    }
    return now_s() - start;
}

/* Negative when something went wrong. *sum keeps the fields from being optimised away.          */
static double csv_pass(struct bytes *b, uint64_t *records, uint64_t *sum)
{
    double start = now_s();
    b->at = 0;
    struct reader *reader = reader_new(give, b);
    struct csv *csv = reader ? csv_new(reader, NULL) : NULL;
    struct csv_record rec;
    struct heed_error err;
    enum csv_result result = CSV_FAILED;
    *records = *sum = 0;
    if (csv) {
        while ((result = csv_next(csv, &rec, &err)) == CSV_RECORD) {
            ++*records;
            for (size_t i = 0; i < rec.n; i++)
                *sum += rec.fields[i].n;
        }
    }
    csv_free(csv);
    reader_close(reader);
    return result == CSV_END ? now_s() - start : -1;
}

static int bench(const char *name, size_t size, int rounds, bool quoted)
{
    struct bytes b = make_events(size, quoted);
    double best_csv = 1e9, best_memchr = 1e9;
    uint64_t lines = 0, records = 0, sum = 0;
    if (!b.p)
        return 1;
    for (int i = 0; i < rounds; i++) {
        double m = memchr_pass(&b, &lines), c = csv_pass(&b, &records, &sum);
        if (c < 0 || records != lines) {
            fprintf(stderr, "%s: not read as written\n", name);
            free((void *)(uintptr_t)b.p);
            return 1;
        }
        best_memchr = m < best_memchr ? m : best_memchr;
        best_csv = c < best_csv ? c : best_csv;
    }
    double mb = (double)b.n / 1e6;
    printf("%-16s %6.0f MB %9llu records (%llu field bytes)  csv_next %6.0f MB/s  "
           "memchr %6.0f MB/s  ratio %.2f\n",
           name, mb, (unsigned long long)records, (unsigned long long)sum, mb / best_csv,
           mb / best_memchr, best_memchr / best_csv);
    free((void *)(uintptr_t)b.p);
    return 0;
}

int main(int argc, char **argv)
{
    long mb = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    if (mb < 1 || mb > 100000 || rounds < 1 || rounds > 1000) {
        fprintf(stderr, "bench_csv [MB [ROUNDS]]\n");
        return 2;
    }
    return bench("events", (size_t)mb * 1000000, (int)rounds, false) |
           bench("events, quoted", (size_t)mb * 1000000, (int)rounds, true);
}
