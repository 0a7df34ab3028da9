/* Event ids seen within the window: a queue in order of arrival and an index over it. Forgetting
 * goes from the front, so an id that came out of order may be kept until those before it are old.
 */
#include "base/map.h"
#include "behaviour/pairs.h"

#include <stdlib.h>

struct seen {
    uint64_t id;
    int64_t time_ms;
};

struct dedup {
    struct seen *ring;
    size_t cap, head, n; /* cap a power of two */
    struct map index;    /* id -> 1 */
};

void dedup_free(struct dedup *d)
{
    if (!d)
        return;
    free(d->ring);
    map_deinit(&d->index);
    free(d);
}

static struct dedup *dedup_new(void)
{
    struct dedup *d = calloc(1, sizeof *d);
    if (d)
        map_init(&d->index);
    return d;
}

static bool push(struct dedup *d, uint64_t id, int64_t time_ms)
{
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 1024;
        struct seen *ring = malloc(cap * sizeof *ring);
        if (!ring)
            return false;
        for (size_t i = 0; i < d->n; i++)
            ring[i] = d->ring[(d->head + i) & (d->cap - 1)];
        free(d->ring);
        d->ring = ring;
        d->cap = cap;
        d->head = 0;
    }
    if (!map_put(&d->index, id, 1))
        return false;
    d->ring[(d->head + d->n++) & (d->cap - 1)] = (struct seen){id, time_ms};
    return true;
}

static void pop(struct dedup *d)
{
    map_remove(&d->index, d->ring[d->head].id);
    d->head = (d->head + 1) & (d->cap - 1);
    d->n--;
}

bool dedup_seen(struct behaviour *b, const struct behaviour_rules *r, uint64_t id, int64_t time_ms,
                bool *seen)
{
    *seen = false;
    if (r->dedup_max == 0)
        return true;
    if (!b->dedup && !(b->dedup = dedup_new()))
        return false;
    struct dedup *d = b->dedup;
    int64_t newest = time_ms > b->latest_ms ? time_ms : b->latest_ms;
    while (d->n > 0 && d->ring[d->head].time_ms < newest - r->dedup_window_ms)
        pop(d);
    if (map_get(&d->index, id) != MAP_NONE) {
        *seen = true;
        return true;
    }
    while (d->n >= r->dedup_max)
        pop(d);
    return push(d, id, time_ms);
}

void dedup_save(const struct dedup *d, struct sink *s)
{
    sink_u64(s, d ? d->n : 0);
    for (size_t i = 0; d && i < d->n; i++) {
        const struct seen *x = &d->ring[(d->head + i) & (d->cap - 1)];
        sink_u64(s, x->id);
        sink_i64(s, x->time_ms);
    }
}

struct dedup *dedup_load(struct source *s)
{
    size_t n = source_count(s, UINT32_MAX);
    if (n == 0)
        return NULL;
    struct dedup *d = dedup_new();
    if (!d)
        s->failed = true;
    for (size_t i = 0; i < n && !s->failed; i++) {
        uint64_t id = source_u64(s);
        int64_t time_ms = source_i64(s);
        if (s->failed || map_get(&d->index, id) != MAP_NONE || !push(d, id, time_ms))
            s->failed = true;
    }
    if (s->failed) {
        dedup_free(d);
        return NULL;
    }
    return d;
}
