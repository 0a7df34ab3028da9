/* How fast acts are applied, how much memory they take, and how large and fast a saved state is:
 * bench_behaviour [EVENTS [USERS [TARGETS]]]. Users and targets by power laws, two weeks of time,
 * every tenth act a little late. Acts are made a chunk at a time, outside the clock. The peer of a
 * save is its bytes through zstd -1, as a snapshot stores them. */
#include "base/error.h"
#include "base/prng.h"
#include "behaviour/behaviour.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zstd.h>

enum { CHUNK = 1 << 16, FAR = 24, NEAR = 8 };

static const struct behaviour_rules RULES = {
    .session_gap_ms = 1800000,
    .half_life_ms = INT64_C(30) * 86400000,
    .dedup_window_ms = 86400000,
    .dedup_max = 1000000,
    .verbs_n = 6,
    .verbs = {{"view", VERB_IMPRESSION, 100, 0, 0},
              {"dwell", VERB_DWELL, 500, 60000, 60},
              {"like", VERB_ENGAGE, 2000, 0, 0},
              {"comment", VERB_ENGAGE, 3000, 0, 0},
              {"share", VERB_ENGAGE, 4000, 0, 0},
              {"skip", VERB_NEGATIVE, -500, 0, 0}},
};

/* Processor time, so that other work on the machine counts little. */
static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void stop(const char *why)
{
    fprintf(stderr, "bench_behaviour: %s\n", why);
    exit(1);
}

/* A field of /proc/self/status in MB: VmRSS now, VmHWM at its highest. */
static double memory_mb(const char *field)
{
    char line[256];
    double kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0)
            kb = strtod(line + strlen(field) + 1, NULL);
    if (f)
        fclose(f);
    return kb * 1024 / 1e6;
}

/* An index below n by a power law: density falls as the square root (n * x^2).                   */
static uint32_t draw(struct prng *r, size_t n)
{
    double x = prng_double(r);
    return (uint32_t)(x * x * (double)n);
}

static void make(struct act *acts, size_t n, size_t from, size_t events, size_t users,
                 size_t targets, bool ids, struct prng *r)
{
    static const uint8_t verbs[] = {0, 0, 0, 0, 1, 1, 2, 3, 4, 5};
    for (size_t i = 0; i < n; i++) {
        uint32_t verb = verbs[prng_below(r, sizeof verbs)];
        int64_t time_ms = INT64_C(1767225600000) + (int64_t)((from + i) * 1209600000 / events);
        if (prng_below(r, 10) == 0)
            time_ms -= (int64_t)prng_below(r, 600000);
        acts[i] = (struct act){
            .time_ms = time_ms,
            .amount_milli = verb == 1 ? 1000 * (int64_t)(1 + prng_below(r, 120)) : 1000,
            .id_hash = ids ? prng_u64(r) | 1 : 0,
            .user = draw(r, users),
            .target = target_make(TARGET_CONTENT, draw(r, targets)),
            .surface = HANDLE_NONE,
            .via = HANDLE_NONE,
            .verb = verb,
        };
    }
}

static void apply(struct behaviour *b, const struct act *acts, size_t n, bool ahead)
{
    for (size_t i = 0; i < n; i++) {
        bool duplicate;
        if (ahead && i + FAR < n) {
            behaviour_prefetch(b, &acts[i + FAR]);
            behaviour_prefetch_pair(b, &acts[i + NEAR]);
        }
        if (behaviour_apply(b, &RULES, &acts[i], &duplicate) != HEED_OK)
            stop("no memory");
    }
}

static void bench_apply(struct behaviour *b, const char *what, size_t events, size_t users,
                        size_t targets, bool ids, bool ahead)
{
    struct act *acts = malloc(CHUNK * sizeof *acts);
    struct prng r;
    double seconds = 0;
    if (!acts)
        stop("no memory");
    prng_seed(&r, 1);
    behaviour_init(b);
    for (size_t i = 0; i < events; i += CHUNK) {
        size_t n = events - i < CHUNK ? events - i : CHUNK;
        make(acts, n, i, events, users, targets, ids, &r);
        double start = now_s();
        apply(b, acts, n, ahead);
        seconds += now_s() - start;
    }
    free(acts);
    printf("%-28s %6.3f s  %6.2f M events/s  %zu pairs\n", what, seconds,
           (double)events / seconds / 1e6, b->pairs_n);
}

struct packed {
    ZSTD_CCtx *z;
    char *p;
    size_t n, cap;
};

static void pack(struct packed *x, const void *p, size_t n, ZSTD_EndDirective mode)
{
    ZSTD_inBuffer in = {p, n, 0};
    for (;;) {
        if (!array_grow(&x->p, &x->cap, x->n + (1 << 20), 1))
            stop("no memory");
        ZSTD_outBuffer out = {x->p, x->cap, x->n};
        size_t left = ZSTD_compressStream2(x->z, &out, &in, mode);
        x->n = out.pos;
        if (in.pos == in.size && (mode == ZSTD_e_continue || left == 0))
            return;
    }
}

static bool pack_write(void *context, const void *p, size_t n)
{
    pack(context, p, n, ZSTD_e_continue);
    return true;
}

struct unpacking {
    ZSTD_DCtx *z;
    ZSTD_inBuffer in;
};

static size_t unpack_read(void *context, void *p, size_t n)
{
    struct unpacking *x = context;
    ZSTD_outBuffer out = {p, n, 0};
    while (out.pos < n && x->in.pos < x->in.size)
        if (ZSTD_isError(ZSTD_decompressStream(x->z, &out, &x->in)))
            stop("a save does not decompress");
    return out.pos;
}

static bool nothing_write(void *context, const void *p, size_t n)
{
    (void)context, (void)p, (void)n;
    return true;
}

static void bench_save(struct behaviour *b, struct packed *x)
{
    struct sink *s = malloc(sizeof *s);
    if (!s)
        stop("no memory");
    double start = now_s(), pairs = (double)b->pairs_n;
    sink_init(s, nothing_write, NULL);
    behaviour_save(b, s);
    if (!sink_flush(s))
        stop("no memory");
    double seconds = now_s() - start, raw = (double)s->total;
    printf("save                         %6.3f s  %6.1f MB  %5.2f B a pair\n", seconds, raw / 1e6,
           raw / pairs);
    x->z = ZSTD_createCCtx();
    start = now_s();
    ZSTD_CCtx_setParameter(x->z, ZSTD_c_compressionLevel, 1);
    sink_init(s, pack_write, x);
    behaviour_save(b, s);
    if (!sink_flush(s))
        stop("no memory");
    pack(x, NULL, 0, ZSTD_e_end);
    ZSTD_freeCCtx(x->z);
    printf("save, zstd -1                %6.3f s  %6.1f MB  %5.2f B a pair\n", now_s() - start,
           (double)x->n / 1e6, (double)x->n / pairs);
    free(s);
}

static void bench_load(const struct packed *x)
{
    struct source *s = malloc(sizeof *s);
    struct behaviour b;
    struct heed_error err = {0};
    if (!s)
        stop("no memory");
    for (int packed = 1; packed >= 0; packed--) {
        struct unpacking u = {ZSTD_createDCtx(), {x->p, x->n, 0}};
        struct memory_reader m = {NULL, 0};
        char *raw = NULL;
        if (!packed) {
            size_t n = 0, cap = 0, got;
            do {
                if (!array_grow(&raw, &cap, n + (1 << 20), 1))
                    stop("no memory");
                n += got = unpack_read(&u, raw + n, cap - n);
            } while (got);
            m = (struct memory_reader){(const uint8_t *)raw, n};
        }
        double start = now_s();
        behaviour_init(&b);
        source_init(s, packed ? unpack_read : memory_read, packed ? (void *)&u : &m);
        if (behaviour_load(&b, s, &err) != HEED_OK)
            stop("a save does not load");
        printf("load%-24s %6.3f s  %6.1f M pairs/s\n", packed ? ", from zstd" : "", now_s() - start,
               (double)b.pairs_n / (now_s() - start) / 1e6);
        behaviour_deinit(&b);
        ZSTD_freeDCtx(u.z);
        free(raw);
    }
    free(s);
}

int main(int argc, char **argv)
{
    size_t events = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000000;
    size_t users = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    size_t targets = argc > 3 ? strtoul(argv[3], NULL, 10) : 20000;
    if (events == 0 || users == 0 || targets == 0 || users > TARGET_INDEX_MAX ||
        targets > TARGET_INDEX_MAX) {
        fprintf(stderr, "usage: bench_behaviour [EVENTS [USERS [TARGETS]]]\n");
        return 2;
    }
    struct behaviour b;
    struct packed x = {0};
    double before = memory_mb("VmRSS");
    bench_apply(&b, "apply", events, users, targets, false, true);
    printf("memory                       %6.1f MB at the end, %.1f MB at its highest\n",
           memory_mb("VmRSS") - before, memory_mb("VmHWM") - before);
    bench_save(&b, &x);
    behaviour_deinit(&b);
    bench_load(&x);
    bench_apply(&b, "apply, no prefetch", events, users, targets, false, false);
    behaviour_deinit(&b);
    bench_apply(&b, "apply, with ids", events, users, targets, true, true);
    behaviour_deinit(&b);
    free(x.p);
    printf("memory                       %6.1f MB at its highest of all\n", memory_mb("VmHWM"));
    return 0;
}
