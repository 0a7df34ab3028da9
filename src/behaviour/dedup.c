/* Event ids seen within the window: a queue in order of arrival and an index over it.
 *
 * An id is known when, among the last dedup_max acts that had ids and counted, one has it and is
 * no older than the window behind the newest act. Old ids leave from the front; one behind a
 * younger one stays in the queue a while, but is not known any more, and may come anew. The index
 * then means the later place.                                                                   */
#include "base/map.h"
#include "base/time.h"
#include "base/varint.h"
#include "behaviour/pairs.h"

#include <stdlib.h>

enum { PLACES = 1 << 30 }; /* at most; places in the queue count round and round */

struct seen {
    uint64_t id;
    int64_t time_ms;
};

struct dedup {
    struct seen *ring; /* an id's place modulo cap */
    size_t cap, n;     /* cap a power of two */
    uint32_t head;     /* place of the oldest, below PLACES */
    struct map index;  /* id -> place */
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

static uint32_t place(const struct dedup *d, size_t i)
{
    return (uint32_t)(d->head + i) & (PLACES - 1);
}

static bool push(struct dedup *d, uint64_t id, int64_t time_ms)
{
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 1024;
        struct seen *ring = malloc(cap * sizeof *ring);
        if (!ring)
            return false;
        for (size_t i = 0; i < d->n; i++)
            ring[place(d, i) & (cap - 1)] = d->ring[place(d, i) & (d->cap - 1)];
        free(d->ring);
        d->ring = ring;
        d->cap = cap;
    }
    uint32_t at = place(d, d->n);
    if (!map_put(&d->index, id, at))
        return false;
    d->ring[at & (d->cap - 1)] = (struct seen){id, time_ms};
    d->n++;
    return true;
}

static void pop(struct dedup *d)
{
    uint64_t id = d->ring[d->head & (d->cap - 1)].id;
    if (map_get(&d->index, id) == d->head)
        map_remove(&d->index, id);
    d->head = place(d, 1);
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
    size_t max = r->dedup_max < PLACES ? r->dedup_max : PLACES;
    int64_t oldest = (time_ms > b->latest_ms ? time_ms : b->latest_ms) - r->dedup_window_ms;
    while (d->n > max)
        pop(d);
    uint32_t at = map_get(&d->index, id);
    if (at != MAP_NONE && d->ring[at & (d->cap - 1)].time_ms >= oldest) {
        *seen = true;
        return true;
    }
    while (d->n > 0 && (d->n == max || d->ring[d->head & (d->cap - 1)].time_ms < oldest))
        pop(d);
    return push(d, id, time_ms);
}

void dedup_prefetch(const struct dedup *d, uint64_t id)
{
    enum { AHEAD = 24 }; /* acts, about as far as callers of behaviour_prefetch look */
    if (!d)
        return;
    map_prefetch(&d->index, id);
    if (d->n > AHEAD)
        map_prefetch(&d->index, d->ring[place(d, AHEAD) & (d->cap - 1)].id);
}

void dedup_save(const struct dedup *d, struct sink *s)
{
    int64_t previous = 0;
    sink_u64(s, d ? d->n : 0);
    for (size_t i = 0; d && i < d->n; i++) {
        const struct seen *x = &d->ring[place(d, i) & (d->cap - 1)];
        sink_u64(s, x->id);
        sink_delta(s, &previous, x->time_ms);
    }
}

bool dedup_load(struct dedup **loaded, struct source *s)
{
    size_t n = source_count(s, PLACES);
    *loaded = NULL;
    if (n == 0)
        return true;
    struct dedup *d = dedup_new();
    int64_t time_ms = 0;
    for (size_t i = 0; d && i < n && !s->failed; i++) {
        uint64_t id = source_u64(s);
        if (source_delta(s, &time_ms) < 0 || time_ms > TIME_MAX_MS)
            s->failed = true;
        if (!s->failed && !push(d, id, time_ms)) {
            dedup_free(d);
            d = NULL;
        }
    }
    *loaded = d;
    return d != NULL;
}
