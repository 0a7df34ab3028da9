/* How long it takes to find who copied whom among N contents, and how near the estimates come to
 * the exact similarity. The peer is exact: the sets of shingles of one text held against those of
 * all others, on a sample. bench_originality [N [--texts FILE COUNT]]: the latter writes that many
 * of the texts, a line each, for other programs. */
#include "bench.h"

#include "base/hash.h"
#include "base/prng.h"
#include "quality/quality.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS = 160, VOCABULARY = 20000, SAMPLE = 40, LENGTH_MAX = WORDS * 12 };

static void *room(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);
    if (!p) {
        fprintf(stderr, "bench_originality: no memory\n");
        exit(1);
    }
    return p;
}

/* One text in ten copies an earlier one with up to a third of its words changed. */
struct text {
    uint32_t words[WORDS], n, of; /* of: what it copies, or itself */
    bool han;                     /* one in five; words are then characters */
};

static void make_texts(struct text *t, size_t n)
{
    struct prng r;
    prng_seed(&r, 11);
    for (size_t i = 0; i < n; i++) {
        bool copy = i > 0 && prng_below(&r, 10) == 0;
        t[i].of = (uint32_t)(copy ? prng_below(&r, i) : i);
        t[i].han = copy ? t[t[i].of].han : prng_below(&r, 5) == 0;
        t[i].n = copy ? t[t[i].of].n : 60 + (uint32_t)prng_below(&r, WORDS - 60);
        double changed = .1 * prng_double(&r);
        for (uint32_t k = 0; k < t[i].n; k++) {
            double u = prng_double(&r);
            t[i].words[k] = copy && prng_double(&r) >= changed
                                ? t[t[i].of].words[k]
                                : (uint32_t)(VOCABULARY * u * u); /* some words are frequent */
        }
        t[i].of = copy ? t[t[i].of].of : t[i].of;
    }
}

static struct str write_text(const struct text *t, char *buf)
{
    size_t n = 0;
    for (uint32_t k = 0; k < t->n; k++) {
        if (t->han) {
            uint32_t c = 0x4e00 + t->words[k] % 20000;
            buf[n++] = (char)(0xe0 | c >> 12);
            buf[n++] = (char)(0x80 | (c >> 6 & 63));
            buf[n++] = (char)(0x80 | (c & 63));
        } else {
            n += (size_t)snprintf(buf + n, LENGTH_MAX - n, "w%u ", t->words[k]);
        }
    }
    return (struct str){buf, n};
}

/* ── exact ── */

struct set {
    uint64_t at[WORDS];
    int n;
};

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void shingles(const struct text *t, struct set *s)
{
    uint32_t width = t->han ? 4 : 3;
    s->n = 0;
    for (uint32_t k = 0; k + width <= t->n; k++) {
        uint64_t h = 1;
        for (uint32_t i = 0; i < width; i++)
            h = hash_u64(h * 3 + t->words[k + i] + (t->han ? 1000000 : 0));
        s->at[s->n++] = h;
    }
    qsort(s->at, (size_t)s->n, sizeof *s->at, by_value);
    int n = 0;
    for (int i = 0; i < s->n; i++)
        if (n == 0 || s->at[n - 1] != s->at[i])
            s->at[n++] = s->at[i];
    s->n = n;
}

static double jaccard(const struct set *a, const struct set *b)
{
    int i = 0, j = 0, common = 0;
    while (i < a->n && j < b->n) {
        uint64_t x = a->at[i], y = b->at[j];
        common += x == y;
        i += x <= y;
        j += y <= x;
    }
    return a->n + b->n > 0 ? (double)common / (a->n + b->n - common) : 0;
}

static int write_lines(const char *path, const struct text *t, size_t n)
{
    static char buf[LENGTH_MAX + 16];
    FILE *f = fopen(path, "w");
    if (!f)
        return 1;
    for (size_t i = 0; i < n; i++) {
        struct str s = write_text(&t[i], buf);
        fprintf(f, "%.*s\n", (int)s.n, s.p);
    }
    return fclose(f) != 0;
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 100000;
    static char buf[LENGTH_MAX + 16];
    struct text *t = room(n, sizeof *t);
    struct sketch *sketches = room(n, sizeof *sketches);
    const struct quality_rules rules = {.copy_similarity_ppm = 800000, .min_shingles = 8};
    struct quality q;
    make_texts(t, n);
    if (argc > 4)
        return write_lines(argv[3], t, strtoul(argv[4], NULL, 10));
    quality_init(&q);
    double a = now_s(), sketching = 0;
    for (size_t i = 0; i < n; i++) {
        struct str s = write_text(&t[i], buf);
        double x = now_s();
        bool ok = sketch_text(STR_NONE, s, rules.min_shingles, &sketches[i]);
        sketching += now_s() - x;
        if (!ok || quality_publish(&q, &rules, (uint32_t)i, (uint32_t)i, (int64_t)i,
                                   &sketches[i]) != HEED_OK)
            return 1;
    }
    double ours = (now_s() - a) * 1e5 / (double)n;
    printf("%-34s %12.2f %-12s %10s %s\n", "who copied whom, 100,000 texts", ours, "s", "",
           "aim 20 at most");
    printf("%-34s %12.2f %-12s\n", "  of it sketches", sketching * 1e5 / (double)n, "s");

    /* exact, for copies and their originals; and against all, for the peer */
    double absolute = 0, within = 0, pairs = 0, due = 0, found = 0;
    for (size_t i = 0; i < n; i++) {
        if (t[i].of == i)
            continue;
        struct set x, y;
        shingles(&t[i], &x);
        shingles(&t[t[i].of], &y);
        double exact = jaccard(&x, &y);
        double error = fabs(sketch_similarity_ppm(&sketches[i], &sketches[t[i].of]) / 1e6 - exact);
        absolute += error;
        within += error <= .05;
        pairs++;
        due += exact >= .85;
        found += exact >= .85 && quality_copy_of(&q, (uint32_t)i).original != HANDLE_NONE;
    }
    printf("%-34s %12.4f %-12s\n", "  mean error of similarity", absolute / pairs, "");
    printf("%-34s %12.1f %-12s\n", "  within .05 of exact", 100 * within / pairs, "%");
    printf("%-34s %12.1f %-12s\n", "  copies of .85 or more found", 100 * found / due, "%");
    struct set *sets = room(n, sizeof *sets);
    for (size_t i = 0; i < n; i++)
        shingles(&t[i], &sets[i]);
    double most = 0;
    a = now_s();
    for (size_t i = n - SAMPLE; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            double s = jaccard(&sets[i], &sets[j]);
            most = s > most ? s : most;
        }
    double peer = (now_s() - a) / SAMPLE * (double)n / 2 * 1e5 / (double)n;
    printf("%-34s %12.2f %-12s %10.4f %s\n", "exact, all pairs (from a sample)", peer, "s",
           ours / peer, "heed / peer");
    if (most <= 0) /* so that nothing is left out */
        printf("no two texts are alike\n");
    quality_deinit(&q);
    free(sets);
    free(sketches);
    free(t);
    return 0;
}
