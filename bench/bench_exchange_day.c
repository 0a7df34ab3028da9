/* A real day through the exchange, and how what it causes differs from the tape:
 *   bench_exchange_day MESSAGES.csv   (LOBSTER)
 * New orders go in as limit orders, deletions as cancels, executions as immediate orders of the
 * other side. Then the same with orders that a new one would cross taken away first: they lie
 * beyond the levels that the file shows, and are there no more on the tape. */
#include "bench.h"
#include "circulation/exchange.h"
#include "tools/exchange_numbers.h"

#include <stdlib.h>
#include <string.h>

enum { NEW = 1, REDUCED, DELETED, EXECUTED, PASSES = 10 };

struct day {
    struct exchange_ask *asks;
    uint8_t *type;
    uint64_t *named; /* the order that an execution hits on the tape */
    size_t n, cap, cap_type, cap_named;
};

struct found {
    uint64_t crossing, crossing_size, executions, whole, nothing, named, size, refused;
};

static bool read_day(const char *path, struct day *d)
{
    struct numbers *r = NULL;
    struct heed_error err = {0};
    int64_t v[NUMBERS_COLUMNS];
    size_t n = 6;
    uint64_t takers = 0;
    enum heed_status status = numbers_open(path, &r, &err);
    while (status == HEED_OK && (status = numbers_next(r, v, &n, &err)) == HEED_OK && n == 6) {
        struct exchange_ask a = {.id_lo = (uint64_t)v[2],
                                 .size = v[1] == DELETED ? 0 : v[3],
                                 .account = EXCHANGE_NONE,
                                 .owner = EXCHANGE_NONE,
                                 .op = EXCHANGE_CANCEL,
                                 .side = v[5] == 1 ? EXCHANGE_BUY : EXCHANGE_SELL};
        if (v[1] == EXECUTED)
            a = (struct exchange_ask){.id_hi = 2,
                                      .id_lo = ++takers,
                                      .size = v[3],
                                      .account = 1,
                                      .tif = EXCHANGE_IOC,
                                      .side = v[5] == 1 ? EXCHANGE_SELL : EXCHANGE_BUY};
        if (v[1] == NEW) {
            a.op = EXCHANGE_LIMIT;
            a.account = 0;
        }
        a.price = a.op == EXCHANGE_LIMIT ? v[4] : 0; /* new orders and executions */
        a.owner = EXCHANGE_NONE;
        if (v[1] > EXECUTED) /* hidden, crossed, halted: the book stays */
            continue;
        if (!array_grow(&d->asks, &d->cap, d->n + 1, sizeof *d->asks) ||
            !array_grow(&d->type, &d->cap_type, d->n + 1, sizeof *d->type) ||
            !array_grow(&d->named, &d->cap_named, d->n + 1, sizeof *d->named))
            return false;
        d->asks[d->n] = a;
        d->type[d->n] = (uint8_t)v[1];
        d->named[d->n++] = (uint64_t)v[2];
    }
    if (status != HEED_OK)
        fprintf(stderr, "%s: %s\n", err.where, err.message);
    numbers_close(r);
    return status == HEED_OK && d->n > 0;
}

static void look(const struct day *d, size_t i, const struct exchange_out *out, bool refused,
                 struct found *f)
{
    int64_t size = 0;
    bool named = false;
    for (size_t k = 0; k < out->n; k++) {
        const struct exchange_event *e = &out->events[k];
        if (e->kind != EXCHANGE_TRADE)
            continue;
        size += e->size;
        named = named || (e->other_hi == 0 && e->other_lo == d->named[i]);
    }
    f->refused += refused;
    if (d->type[i] == NEW) {
        f->crossing += size > 0;
        f->crossing_size += (uint64_t)size;
    } else if (d->type[i] == EXECUTED) {
        f->executions++;
        f->whole += size == d->asks[i].size;
        f->nothing += size == 0;
        f->named += named;
        f->size += (uint64_t)size;
    }
}

static double play(const struct day *d, uint8_t stp, struct found *f)
{
    const struct exchange_settings s = exchange_defaults();
    struct exchange *x = exchange_new(&s);
    struct exchange_out out = {0};
    struct exchange_answer answer;
    if (!x || exchange_account(x, 0, 0, 0) != 0 || exchange_account(x, 1, 0, 0) != 1)
        exit(1);
    double begin = clock_s(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < d->n; i++) {
        struct exchange_ask a = d->asks[i];
        a.stp = d->type[i] == NEW ? stp : 0;
        out.n = 0;
        if (exchange_apply(x, 0, &a, &answer, &out) != HEED_OK)
            exit(1);
        if (f)
            look(d, i, &out, answer.refusal != REFUSED_NOT, f);
    }
    double took = clock_s(CLOCK_THREAD_CPUTIME_ID) - begin;
    exchange_free(x);
    exchange_out_deinit(&out);
    return took;
}

int main(int argc, char **argv)
{
    struct day d = {0};
    double best = 1e9;
    if (argc < 2 || !read_day(argv[1], &d))
        return 1;
    for (int i = 0; i < PASSES; i++) {
        double took = play(&d, EXCHANGE_STP_NONE, NULL);
        best = took < best ? took : best;
    }
    printf("%-34s %12.0f %-12s\n", "heed, a real day, by its own time", (double)d.n / best,
           "msg/s");
    for (int clean = 0; clean < 2; clean++) {
        struct found f = {0};
        play(&d, clean ? EXCHANGE_STP_OLDEST : EXCHANGE_STP_NONE, &f);
        printf("%s: %llu new orders trade on arrival, %llu shares; of %llu executions %llu whole, "
               "%llu "
               "none, %llu with the order named, %llu shares; %llu refused\n",
               clean ? "  crossed orders taken away" : "  as it is", (unsigned long long)f.crossing,
               (unsigned long long)f.crossing_size, (unsigned long long)f.executions,
               (unsigned long long)f.whole, (unsigned long long)f.nothing,
               (unsigned long long)f.named, (unsigned long long)f.size,
               (unsigned long long)f.refused);
    }
    free(d.asks);
    free(d.type);
    free(d.named);
    return 0;
}
