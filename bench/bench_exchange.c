/* The exchange: a flow shaped as a LOBSTER day, with ids, owners, events and holds; call auctions.
 *   bench_exchange [DIR]   DIR: the flow is written there as flow.bin for a peer (op, side, id,
 * price, size: five int64 each; op 0 limit, 1 cancel, 2 reduce, 3 immediate) */
#include "base/prng.h"
#include "bench.h"
#include "circulation/exchange.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    FLOW = 4000000,
    ACCOUNTS = 1000,
    OWNERS = 800,
    LIVE = 4096,
    CALLS = 400,
    CALL_ORDERS = 10000
};

struct message {
    int64_t op, side, id, price, size;
};

static struct exchange *market(void)
{
    struct exchange_settings s = exchange_defaults();
    s.maker_ppm = -200;
    s.taker_ppm = 300;
    s.funded = 1;
    struct exchange *x = exchange_new(&s);
    for (uint32_t i = 0; x && i < ACCOUNTS; i++)
        if (exchange_account(x, i % OWNERS, INT64_C(1) << 50, EXCHANGE_UNLIMITED) == EXCHANGE_NONE)
            exit(1);
    if (!x)
        exit(1);
    return x;
}

static struct exchange_ask ask_of(const struct message *m)
{
    struct exchange_ask a = {.id_lo = (uint64_t)m->id,
                             .price = m->op == 1 || m->op == 2 ? 0 : m->price,
                             .size = m->size,
                             .account = (uint32_t)(m->id % ACCOUNTS),
                             .owner = EXCHANGE_NONE,
                             .side = (uint8_t)m->side,
                             .stp = EXCHANGE_STP_NEWEST};
    if (m->op == 1 || m->op == 2)
        a.op = EXCHANGE_CANCEL;
    if (m->op == 3)
        a.tif = EXCHANGE_IOC;
    return a;
}

/* Shaped as AMZN 2012-06-21, 5 levels, of whose 155,935 messages 49.6 % are new orders, 42.8 %
 * deletions, .3 % reductions, 5.8 % executions (the rest moves nothing): prices lie a geometric
 * number of cents from a middle that walks, what is deleted is mostly young, an execution takes
 * from the best price. A market of its own says what is still there. */
static void draw_flow(struct message *flow, size_t n)
{
    static struct message live[LIVE];
    struct prng r;
    struct exchange *x = market();
    struct exchange_out out = {0};
    struct exchange_answer answer;
    size_t lives = 0;
    int64_t id = 0, middle = 22000;
    prng_seed(&r, 7);
    for (size_t i = 0; i < n;) {
        uint64_t u = prng_below(&r, 1000);
        struct message m = {0};
        if (prng_below(&r, 50) == 0)
            middle += (int64_t)prng_below(&r, 3) - 1;
        if (u < (lives > LIVE / 2 ? 450 : 503) || lives < 50) {
            int64_t away = 1;
            while (away < 60 && prng_below(&r, 10) < 8)
                away++;
            m = (struct message){.side = (int64_t)prng_below(&r, 2), .id = ++id};
            m.price = m.side == 0 ? middle - away : middle + away;
            m.size = (int64_t)(1 + prng_below(&r, 4)) * 25;
        } else if (u < 941) {
            size_t young = lives < 60 ? lives : 60;
            size_t at = lives - 1 - prng_below(&r, prng_below(&r, 4) ? young : lives);
            struct exchange_order o;
            bool whole = u < 938;
            m = live[at];
            m.op = whole ? 1 : 2;
            m.size = whole ? 0 : 10;
            bool there = exchange_find(x, 0, (uint64_t)m.id, &o);
            if (whole || !there)
                memmove(&live[at], &live[at + 1], (--lives - at) * sizeof *live);
            if (!there)
                continue;
        } else {
            m = (struct message){.op = 3, .side = (int64_t)prng_below(&r, 2), .id = ++id};
            struct exchange_quote q = exchange_level(x, m.side ? EXCHANGE_BUY : EXCHANGE_SELL, 0);
            m.price = q.price;
            m.size = 1 + (int64_t)prng_below(&r, 100);
            if (q.size == 0)
                continue;
        }
        const struct exchange_ask a = ask_of(&m);
        out.n = 0;
        if (exchange_apply(x, 0, &a, &answer, &out) != HEED_OK)
            exit(1);
        if (m.op == 0 && lives == LIVE)
            memmove(live, live + 1, --lives * sizeof *live);
        if (m.op == 0)
            live[lives++] = m;
        flow[i++] = m;
    }
    exchange_free(x);
    exchange_out_deinit(&out);
}

static int by_time(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void print(const char *what, double value, const char *unit, const char *note)
{
    printf("%-34s %12.0f %-12s %10s %s\n", what, value, unit, "", note);
}

static void run_flow(const struct exchange_ask *asks)
{
    struct exchange_answer answer;
    struct exchange_out out = {0};
    double best = 1e9, best_wall = 1e9;
    uint64_t events = 0, trades = 0, refused = 0;
    for (int pass = 0; pass < 3; pass++) {
        struct exchange *x = market();
        events = trades = refused = 0;
        double begin = clock_s(CLOCK_THREAD_CPUTIME_ID), wall = now_s();
        for (size_t i = 0; i < FLOW; i++) {
            out.n = 0;
            if (exchange_apply(x, (int64_t)(i / 8), &asks[i], &answer, &out) != HEED_OK)
                exit(1);
            refused += answer.refusal != REFUSED_NOT;
            events += out.n;
            for (size_t k = 0; k < out.n; k++)
                trades += out.events[k].kind == EXCHANGE_TRADE;
        }
        double took = clock_s(CLOCK_THREAD_CPUTIME_ID) - begin;
        wall = now_s() - wall;
        best = took < best ? took : best;
        best_wall = wall < best_wall ? wall : best_wall;
        if (pass == 2)
            printf("  %" PRIu64 " events, %" PRIu64 " trades, %" PRIu64
                   " refused, %zu open at the end\n",
                   events, trades, refused, exchange_orders(x));
        exchange_free(x);
    }
    print("heed, messages", FLOW / best_wall, "msg/s", "aim 10000000 at least");
    print("  by the thread's own time", FLOW / best, "msg/s", "");

    uint32_t *each = malloc(FLOW * sizeof *each);
    struct exchange *x = market();
    for (size_t i = 0; i < FLOW; i++) {
        struct timespec a, b;
        out.n = 0;
        clock_gettime(CLOCK_MONOTONIC, &a);
        if (exchange_apply(x, (int64_t)(i / 8), &asks[i], &answer, &out) != HEED_OK)
            exit(1);
        clock_gettime(CLOCK_MONOTONIC, &b);
        each[i] = (uint32_t)((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec);
    }
    exchange_free(x);
    uint32_t *clock = malloc(FLOW * sizeof *clock);
    for (size_t i = 0; clock && i < FLOW; i++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        clock_gettime(CLOCK_MONOTONIC, &b);
        clock[i] = (uint32_t)((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec);
    }
    if (clock)
        qsort(clock, FLOW, sizeof *clock, by_time);
    print("  the clock itself, p50", clock ? clock[FLOW / 2] : 0, "ns",
          "counted in the next three");
    free(clock);
    qsort(each, FLOW, sizeof *each, by_time);
    print("  one message, p50", each[FLOW / 2], "ns", "aim 100");
    print("  one message, p99", each[FLOW / 100 * 99], "ns", "aim 1000");
    print("  one message, p99.99", each[FLOW / 10000 * 9999], "ns", "");
    free(each);
    exchange_out_deinit(&out);
}

static void run_calls(void)
{
    struct prng r;
    struct exchange_out out = {0};
    struct exchange_answer answer;
    struct exchange *x = market();
    uint64_t id = 0;
    double trades = 0, uncrossing = 0, begin = now_s(), own = clock_s(CLOCK_THREAD_CPUTIME_ID);
    prng_seed(&r, 3);
    for (int c = 0; c < CALLS; c++) {
        enum refusal refusal;
        struct exchange_turn t = {.to = EXCHANGE_CALL};
        const struct exchange_ask all = {.op = EXCHANGE_CANCEL_ALL,
                                         .account = EXCHANGE_NONE,
                                         .owner = EXCHANGE_NONE,
                                         .both_sides = 1};
        out.n = 0;
        if (exchange_turn(x, 1, &t, &refusal, &out) != HEED_OK)
            exit(1);
        for (int i = 0; i < CALL_ORDERS; i++) {
            id++;
            const struct exchange_ask a = {.id_lo = id,
                                           .price = 21900 + (int64_t)prng_below(&r, 200),
                                           .size = 1 + (int64_t)prng_below(&r, 200),
                                           .account = (uint32_t)(id % ACCOUNTS),
                                           .owner = EXCHANGE_NONE,
                                           .side = (uint8_t)(i & 1)};
            out.n = 0;
            if (exchange_apply(x, 1, &a, &answer, &out) != HEED_OK || answer.refusal != REFUSED_NOT)
                exit(1);
        }
        t = (struct exchange_turn){.to = EXCHANGE_CONTINUOUS, .uncross = 1};
        out.n = 0;
        double from = clock_s(CLOCK_THREAD_CPUTIME_ID);
        if (exchange_turn(x, 1, &t, &refusal, &out) != HEED_OK)
            exit(1);
        uncrossing += clock_s(CLOCK_THREAD_CPUTIME_ID) - from;
        trades += (double)out.n - 1;
        out.n = 0;
        if (exchange_apply(x, 1, &all, &answer, &out) != HEED_OK)
            exit(1);
    }
    print("heed, call auctions of 10000", CALLS / (now_s() - begin), "calls/s",
          "orders in, price, trades, the rest cancelled; aim 360 at least");
    print("  by the thread's own time", CALLS / (clock_s(CLOCK_THREAD_CPUTIME_ID) - own), "calls/s",
          "");
    print("  price and trades alone", CALLS / uncrossing, "calls/s", "");
    print("  trades in one", trades / CALLS, "", "");
    exchange_free(x);
    exchange_out_deinit(&out);
}

int main(int argc, char **argv)
{
    struct message *flow = malloc(FLOW * sizeof *flow);
    struct exchange_ask *asks = malloc(FLOW * sizeof *asks);
    if (!flow || !asks)
        return 1;
    draw_flow(flow, FLOW);
    for (size_t i = 0; i < FLOW; i++)
        asks[i] = ask_of(&flow[i]);
    if (argc > 1) {
        char path[4096];
        snprintf(path, sizeof path, "%s/flow.bin", argv[1]);
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(flow, sizeof *flow, FLOW, f) != FLOW || fclose(f) != 0)
            return 1;
    }
    run_flow(asks);
    run_calls();
    free(flow);
    free(asks);
    return 0;
}
