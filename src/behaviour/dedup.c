/* Event ids seen within the window: a queue in order of arrival and an index over it.
 *
 * An id is known when, among the last dedup_max acts that had ids and counted, one has it and is
 * no older than the window behind the newest act. Old ids leave from the front; one behind a
 * younger one stays in the queue a while, but is not known any more, and may come anew. The index
 * then means the later place.
 *
 * Nothing is taken out of the index: a slot whose place has left the queue is dead, and is used
 * again by an id that passes over it, or forgotten when the index is built anew. So an act costs
 * one probe, whose cache miss can be seen coming, and no work for the id that goes. */
#include "base/error.h"
#include "base/hash.h"
#include "base/time.h"
#include "base/varint.h"
#include "behaviour/pairs.h"

#include <stdlib.h>

enum { PLACES = 1 << 30, FIRST = 1024 }; /* at most; places in the queue count round and round */
#define FREE UINT32_MAX                  /* not a place */

struct seen {
    uint64_t id;
    int64_t time_ms;
};

/* Open addressing with linear probing, at most 3/4 used.                                        */
struct id_slot {
    uint32_t tag; /* upper half of the id's hash */
    uint32_t place;
};

struct dedup {
    struct seen *ring; /* an id's place modulo cap */
    size_t cap, n;     /* cap a power of two */
    uint32_t head;     /* place of the oldest, below PLACES */
    struct id_slot *index;
    size_t slots, used; /* slots a power of two; used: not FREE */
};

void dedup_free(struct dedup *d)
{
    if (!d)
        return;
    free(d->ring);
    free(d->index);
    free(d);
}

static uint32_t place(const struct dedup *d, size_t i)
{
    return (uint32_t)(d->head + i) & (PLACES - 1);
}

static struct seen *at(const struct dedup *d, uint32_t place)
{
    return &d->ring[place & (d->cap - 1)];
}

/* The slot of an id in the queue (*found), or the one it would take. There is a free slot.      */
static struct id_slot *find(const struct dedup *d, uint64_t id, bool *found)
{
    uint64_t hash = hash_u64(id);
    struct id_slot *room = NULL;
    for (size_t i = (size_t)hash;; i++) {
        struct id_slot *s = &d->index[i & (d->slots - 1)];
        *found = false;
        if (s->place == FREE)
            return room ? room : s;
        if (((s->place - d->head) & (PLACES - 1)) >= d->n)
            room = room ? room : s;
        else if ((*found = s->tag == hash >> 32 && at(d, s->place)->id == id))
            return s;
    }
}

static void enter(struct dedup *d, struct id_slot *s, uint64_t id, uint32_t to)
{
    d->used += s->place == FREE;
    *s = (struct id_slot){(uint32_t)(hash_u64(id) >> 32), to};
}

/* An index of what is in the queue, with room for as much again. false: no memory, nothing changed.
 */
static bool reindex(struct dedup *d)
{
    enum { AHEAD = 16 };
    size_t slots = FIRST, n = d->n;
    while (n + 1 > slots / 2)
        slots *= 2;
    struct id_slot *index = malloc(slots * sizeof *index);
    if (!index)
        return false;
    memset(index, 0xff, slots * sizeof *index);
    free(d->index);
    d->index = index;
    d->slots = slots;
    d->used = 0;
    for (size_t i = 0; i < n; i++) {
        bool found;
        if (i + AHEAD < n)
            dedup_prefetch(d, at(d, place(d, i + AHEAD))->id);
        uint64_t id = at(d, place(d, i))->id;
        enter(d, find(d, id, &found), id, place(d, i));
    }
    return true;
}

/* Puts an id behind the last; *slot as find gave it, NULL: not looked for yet.                  */
static bool push(struct dedup *d, struct id_slot *slot, uint64_t id, int64_t time_ms)
{
    bool found;
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : FIRST;
        struct seen *ring = malloc(cap * sizeof *ring);
        if (!ring)
            return false;
        for (size_t i = 0; i < d->n; i++)
            ring[place(d, i) & (cap - 1)] = *at(d, place(d, i));
        free(d->ring);
        d->ring = ring;
        d->cap = cap;
    }
    if (d->used + 1 > d->slots / 4 * 3) {
        if (!reindex(d))
            return false;
        slot = NULL;
    }
    if (!slot)
        slot = find(d, id, &found);
    uint32_t to = place(d, d->n);
    enter(d, slot, id, to);
    *at(d, to) = (struct seen){id, time_ms};
    d->n++;
    return true;
}

static void pop(struct dedup *d)
{
    d->head = place(d, 1);
    d->n--;
}

bool dedup_seen(struct behaviour *b, const struct behaviour_rules *r, uint64_t id, int64_t time_ms,
                bool *seen)
{
    *seen = false;
    if (r->dedup_max == 0)
        return true;
    if (!b->dedup && !(b->dedup = calloc(1, sizeof *b->dedup)))
        return false;
    struct dedup *d = b->dedup;
    size_t max = r->dedup_max < PLACES ? r->dedup_max : PLACES;
    int64_t oldest = (time_ms > b->latest_ms ? time_ms : b->latest_ms) - r->dedup_window_ms;
    while (d->n > max)
        pop(d);
    bool found = false;
    struct id_slot *slot = d->slots ? find(d, id, &found) : NULL;
    if (found && at(d, slot->place)->time_ms >= oldest) {
        *seen = true;
        return true;
    }
    while (d->n > 0 && (d->n == max || at(d, d->head)->time_ms < oldest))
        pop(d);
    return push(d, slot, id, time_ms);
}

void dedup_prefetch(const struct dedup *d, uint64_t id)
{
    if (d && d->slots)
        __builtin_prefetch(&d->index[(size_t)hash_u64(id) & (d->slots - 1)], 1);
}

void dedup_save(const struct dedup *d, struct sink *s)
{
    int64_t previous = 0;
    sink_u64(s, d ? d->n : 0);
    for (size_t i = 0; d && i < d->n; i++) {
        const struct seen *x = at(d, place(d, i));
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
    struct dedup *d = calloc(1, sizeof *d);
    int64_t time_ms = 0;
    for (size_t i = 0; d && i < n && !s->failed; i++) {
        uint64_t id = source_u64(s);
        if (source_delta(s, &time_ms) < 0 || time_ms > TIME_MAX_MS)
            s->failed = true;
        if (!s->failed && !push(d, NULL, id, time_ms)) {
            dedup_free(d);
            d = NULL;
        }
    }
    *loaded = d;
    return d != NULL;
}
