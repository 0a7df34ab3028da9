/* The driver from outside: a run, and of a failure the fewest steps that show it. */
#include "sim/simulate_parts.h"

#include <stdlib.h>

enum { SHRINK_STEPS = 400000, SHRINK_MOST = 1 << 20, LAST_SHOWN = 12, ARGUMENTS_OF = 50 };

struct shrinking {
    struct drive d;
    const struct broken *wanted;
    uint64_t budget;
};

/* Whether these steps break the same invariant; *n is cut behind the one that does. */
static enum heed_status breaks(struct shrinking *s, const struct chosen *list, uint64_t *n,
                               bool *yes, struct heed_error *err)
{
    s->d.list = list;
    s->d.n = *n;
    enum heed_status status = drive_run(&s->d, err);
    s->budget -= s->d.steps < s->budget ? s->d.steps : s->budget;
    *yes = status == HEED_OK && s->d.broken.is && strcmp(s->d.broken.kind, s->wanted->kind) == 0;
    if (*yes)
        *n = s->d.at + 1;
    return status;
}

/* ddmin: leaves out one part of `parts` at a time, and cuts finer when none can be left out. */
static enum heed_status fewer_steps(struct shrinking *s, struct chosen *list, uint64_t *n,
                                    struct heed_error *err)
{
    struct chosen *less = malloc((*n + 1) * sizeof *less);
    enum heed_status status = less ? HEED_OK : error_nomem(err);
    uint64_t parts = 2;
    while (status == HEED_OK && *n > 1 && s->budget > 0) {
        uint64_t size = (*n + parts - 1) / parts;
        bool shorter = false;
        for (uint64_t from = 0; status == HEED_OK && from < *n && !shorter && s->budget > 0;
             from += size) {
            uint64_t to = from + size < *n ? from + size : *n, left = 0;
            for (uint64_t i = 0; i < *n; i++)
                if (i < from || i >= to)
                    less[left++] = list[i];
            if (left == 0)
                continue;
            status = breaks(s, less, &left, &shorter, err);
            if (status == HEED_OK && shorter) {
                memcpy(list, less, left * sizeof *list);
                *n = left;
            }
        }
        if (shorter)
            parts = parts > 2 ? parts - 1 : 2;
        else if (size == 1)
            break;
        else
            parts = parts * 2 < *n ? parts * 2 : *n;
    }
    free(less);
    return status;
}

/* Leaves out what arguments it can. *fewer out: whether it could. */
static enum heed_status fewer_arguments(struct shrinking *s, struct chosen *list, uint64_t *n,
                                        bool *fewer, struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    *fewer = false;
    for (uint64_t i = 0; status == HEED_OK && i < *n; i++)
        for (int arg = 0; status == HEED_OK && arg < STEP_ARGS && s->budget > 0; arg++) {
            uint32_t bit = UINT32_C(1) << arg;
            uint64_t left = *n;
            bool yes = false;
            if (list[i].without & bit)
                continue;
            list[i].without |= bit;
            status = breaks(s, list, &left, &yes, err);
            if (yes && left == *n)
                *fewer = true;
            else
                list[i].without &= ~bit;
        }
    return status;
}

enum heed_status drive_shrink(const struct simulate_options *o, const struct broken *b,
                              struct chosen *list, uint64_t *n, bool *reproduced,
                              struct heed_error *err)
{
    struct shrinking s = {.d = {.o = o, .in_memory = true, .every = true, .deep_end = true},
                          .wanted = b,
                          .budget = SHRINK_STEPS};
    s.d.hash_always = strcmp(b->kind, "unchanged") == 0;
    enum heed_status status = breaks(&s, list, n, reproduced, err);
    bool again = status == HEED_OK && *reproduced;
    if (again)
        status = fewer_steps(&s, list, n, err);
    if (status == HEED_OK && again && *n <= ARGUMENTS_OF)
        status = fewer_arguments(&s, list, n, &again, err);
    if (status == HEED_OK && again) /* what an argument named may be needless now */
        status = fewer_steps(&s, list, n, err);
    return status;
}

static bool describe(const struct drive *d, const struct chosen *list, uint64_t n, bool reproduced,
                     struct strbuf *out)
{
    const struct simulate_options *o = d->o;
    strbuf_printf(out, "%s: %s\nseed %llu, command %llu of %llu\n", d->broken.kind, d->broken.text,
                  (unsigned long long)o->seed, (unsigned long long)(d->at + 1),
                  (unsigned long long)o->commands);
    if (reproduced)
        strbuf_printf(out, "shrunk to %llu command%s:\n", (unsigned long long)n, n == 1 ? "" : "s");
    else
        strbuf_printf(out, "not seen again in a world in memory; the last commands:\n");
    uint64_t from = reproduced || n < LAST_SHOWN ? 0 : n - LAST_SHOWN;
    struct arena a;
    arena_init(&a, 1 << 16, SIZE_MAX);
    bool ok = true;
    for (uint64_t i = from; ok && i < n; i++) {
        struct step s;
        arena_reset(&a);
        ok = step_make(o->seed, list[i], &a, &s);
        if (!ok)
            break;
        strbuf_puts(out, "    ");
        step_print(&s, out);
        strbuf_putc(out, '\n');
    }
    arena_deinit(&a);
    return ok && !out->failed;
}

static enum heed_status explain(const struct drive *d, struct simulate_result *result,
                                struct heed_error *err)
{
    uint64_t n = d->at + 1, from = n > SHRINK_MOST ? n - SHRINK_MOST : 0;
    struct chosen *list = malloc((n - from) * sizeof *list);
    bool reproduced = false;
    struct strbuf text;
    strbuf_init(&text, 16 << 20);
    enum heed_status status = list ? HEED_OK : error_nomem(err);
    if (status == HEED_OK) {
        n -= from;
        for (uint64_t i = 0; i < n; i++)
            list[i] = (struct chosen){from + i, 0};
        status = drive_shrink(d->o, &d->broken, list, &n, &reproduced, err);
    }
    if (status == HEED_OK && !describe(d, list, n, reproduced, &text))
        status = error_nomem(err);
    if (status == HEED_OK) {
        result->failed = true;
        result->failure = text.p; /* from malloc, like all of a strbuf's memory */
        text = (struct strbuf){0};
    }
    strbuf_deinit(&text);
    free(list);
    return status;
}

enum heed_status simulate(const struct simulate_options *options, struct simulate_result *result,
                          struct heed_error *err)
{
    *result = (struct simulate_result){0};
    if (!options->path)
        return error_set(err, HEED_USAGE, "path", "it is missing");
    struct drive d = {.o = options,
                      .n = options->commands,
                      .in_memory = strcmp(options->path, ":memory:") == 0,
                      .deep_end = true};
    enum heed_status status = drive_run(&d, err);
    result->commands = d.steps;
    result->refused = d.refused;
    result->batches = d.batches;
    result->checks = d.checks;
    result->world_hash = d.hash;
    return status == HEED_OK && d.broken.is ? explain(&d, result, err) : status;
}
