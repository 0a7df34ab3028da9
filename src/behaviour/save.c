/* Behaviour as bytes. Pairs go column by column, times as differences; the index, the chains of
 * users, the number of pairs and the reach are recomputed. */
#include "base/error.h"
#include "base/time.h"
#include "base/varint.h"
#include "behaviour/pairs.h"

#include <stdlib.h>

static void verbs_save(const uint32_t *counts, struct sink *s)
{
    uint32_t used = 0;
    for (int v = 0; v < VERBS_MAX; v++)
        used |= (uint32_t)(counts[v] > 0) << v;
    sink_u32(s, used);
    for (int v = 0; v < VERBS_MAX; v++)
        if (counts[v])
            sink_varint(s, counts[v]);
}

static void verbs_load(uint32_t *counts, struct source *s)
{
    uint32_t used = source_u32(s);
    for (int v = 0; v < VERBS_MAX; v++)
        if (used >> v & 1)
            counts[v] = (uint32_t)source_varint(s, UINT32_MAX);
}

static void users_save(const struct behaviour *b, struct sink *s)
{
    sink_u64(s, b->users_n);
    for (size_t i = 0; i < b->users_n; i++) {
        const struct user_stats *u = &b->users[i];
        sink_varint(s, u->events);
        if (u->events == 0)
            continue;
        sink_i64(s, u->first_ms);
        sink_i64(s, u->last_ms);
        sink_i64(s, u->dwell_milli);
        sink_u64(s, u->day_bits);
        sink_u32(s, u->last_day);
        sink_varint(s, u->sessions);
        sink_varint(s, u->active_days);
        verbs_save(&b->user_verbs[i * VERBS_MAX], s);
    }
}

static bool users_load(struct behaviour *b, struct source *s)
{
    size_t n = source_count(s, TARGET_INDEX_MAX);
    for (size_t i = 0; i < n && !s->failed; i++) {
        if (!behaviour_reserve_users(b, i + 1))
            return false;
        struct user_stats *u = &b->users[i];
        u->events = source_varint(s, UINT64_MAX);
        if (u->events == 0)
            continue;
        u->first_ms = source_i64(s);
        u->last_ms = source_i64(s);
        u->dwell_milli = source_i64(s);
        u->day_bits = source_u64(s);
        u->last_day = source_u32(s);
        u->sessions = (uint32_t)source_varint(s, UINT32_MAX);
        u->active_days = (uint32_t)source_varint(s, UINT32_MAX);
        verbs_load(&b->user_verbs[i * VERBS_MAX], s);
    }
    return true;
}

static void targets_save(const struct stats_table *t, struct sink *s)
{
    sink_u64(s, t->n);
    for (size_t i = 0; i < t->n; i++) {
        const struct target_stats *x = &t->rows[i];
        sink_i64(s, x->dwell_milli);
        sink_i64(s, x->last_ms);
        sink_i64(s, x->popularity);
        sink_varint(s, x->impressions);
        sink_varint(s, x->engagements);
        sink_varint(s, x->served);
        verbs_save(&t->verbs[i * VERBS_MAX], s);
    }
}

static bool targets_load(struct stats_table *t, struct source *s)
{
    size_t n = source_count(s, TARGET_INDEX_MAX);
    for (size_t i = 0; i < n && !s->failed; i++) {
        if (!behaviour_reserve_targets(t, i + 1))
            return false;
        struct target_stats *x = &t->rows[i];
        x->dwell_milli = source_i64(s);
        x->last_ms = source_i64(s);
        x->popularity = source_i64(s);
        x->impressions = source_varint(s, UINT64_MAX);
        x->engagements = source_varint(s, UINT64_MAX);
        x->served = source_varint(s, UINT64_MAX);
        verbs_load(&t->verbs[i * VERBS_MAX], s);
    }
    return true;
}

/* Varints of a long column, from the source's buffer where it has enough.                        */
static inline uint64_t column_next(struct source *s)
{
    if (s->have - s->at < 10)
        return source_varint(s, UINT64_MAX);
    const uint8_t *p = s->buf + s->at;
    uint64_t v = 0;
    for (int shift = 0; shift < 63; shift += 7) {
        v |= (uint64_t)(*p & 0x7f) << shift;
        if (*p++ < 0x80) {
            s->at = (size_t)(p - s->buf);
            return v;
        }
    }
    return source_varint(s, UINT64_MAX);
}

static inline int64_t unzigzag(uint64_t z)
{
    return (int64_t)(z >> 1 ^ (0 - (z & 1)));
}

static void pairs_save(const struct behaviour *b, struct sink *s)
{
    sink_u64(s, b->pairs_n);
    for (size_t i = 0; i < b->pairs_n; i++)
        sink_varint(s, b->pairs[i].user);
    for (size_t i = 0; i < b->pairs_n; i++) /* the kind last, so that small indexes stay short */
        sink_varint(s, (uint64_t)target_index(b->pairs[i].target) << 4 |
                           target_kind(b->pairs[i].target));
    int64_t previous = 0;
    for (size_t i = 0; i < b->pairs_n; i++)
        sink_delta(s, &previous, b->pairs[i].time_s);
    for (size_t i = 0; i < b->pairs_n; i++) {
        int64_t w = b->pairs[i].weight;
        sink_varint(s, (uint64_t)w << 1 ^ (uint64_t)(w >> 63));
    }
}

/* Pairs grow as their first column arrives, so a false count costs no more than the bytes there
 * are. */
static bool pairs_load(struct behaviour *b, struct source *s)
{
    size_t n = source_count(s, UINT32_MAX - 1);
    for (size_t i = 0; i < n && !s->failed; i++) {
        if (i == b->pairs_cap && !array_grow(&b->pairs, &b->pairs_cap, i + 1, sizeof *b->pairs))
            return false;
        uint64_t user = column_next(s);
        if (user >= b->users_n)
            s->failed = true;
        b->pairs[i] = (struct pair){.user = (uint32_t)user, .next = HANDLE_NONE};
    }
    for (size_t i = 0; i < n && !s->failed; i++) {
        uint64_t v = column_next(s);
        uint64_t kind = v & 15, index = v >> 4;
        if (kind == TARGET_NONE || kind >= TARGET_KINDS || index >= b->targets[kind].n) {
            s->failed = true;
            break;
        }
        b->pairs[i].target = target_make((enum target_kind)kind, (uint32_t)index);
        b->targets[kind].rows[index].reach++;
    }
    int64_t previous = 0;
    for (size_t i = 0; i < n && !s->failed; i++) {
        previous = (int64_t)((uint64_t)previous + (uint64_t)unzigzag(column_next(s)));
        if (previous < 0 || previous > UINT32_MAX)
            s->failed = true;
        b->pairs[i].time_s = (uint32_t)previous;
    }
    for (size_t i = 0; i < n && !s->failed; i++) {
        int64_t w = unzigzag(column_next(s));
        if (w < INT32_MIN || w > INT32_MAX)
            s->failed = true;
        b->pairs[i].weight = (int32_t)w;
    }
    b->pairs_n = s->failed ? 0 : n;
    return pairs_index(b);
}

void behaviour_save(const struct behaviour *b, struct sink *s)
{
    users_save(b, s);
    for (int k = TARGET_USER; k < TARGET_KINDS; k++)
        targets_save(&b->targets[k], s);
    pairs_save(b, s);
    for (int v = 0; v < VERBS_MAX; v++) {
        sink_u64(s, b->verb_events[v]);
        sink_i64(s, b->verb_amount_milli[v]);
    }
    sink_u64(s, b->events);
    sink_u64(s, b->duplicates);
    sink_u64(s, b->out_of_order);
    sink_i64(s, b->latest_ms);
    dedup_save(b->dedup, s);
}

enum heed_status behaviour_load(struct behaviour *b, struct source *s, struct heed_error *err)
{
    bool memory = users_load(b, s);
    for (int k = TARGET_USER; memory && k < TARGET_KINDS; k++)
        memory = targets_load(&b->targets[k], s);
    memory = memory && pairs_load(b, s);
    for (int v = 0; v < VERBS_MAX; v++) {
        b->verb_events[v] = source_u64(s);
        b->verb_amount_milli[v] = source_i64(s);
    }
    b->events = source_u64(s);
    b->duplicates = source_u64(s);
    b->out_of_order = source_u64(s);
    b->latest_ms = source_i64(s);
    b->dedup = dedup_load(s);
    if (b->latest_ms < 0 || b->latest_ms > TIME_MAX_MS)
        s->failed = true;
    if (memory && !s->failed)
        return HEED_OK;
    behaviour_deinit(b);
    if (!memory)
        return error_nomem(err);
    return error_set(err, HEED_INPUT, "behaviour", "the stored behaviour is damaged");
}
