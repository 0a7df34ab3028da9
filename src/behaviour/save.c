/* Behaviour as bytes. Pairs go column by column, times as differences; the index, the chains of
 * users, the number of pairs and the reach are recomputed. Every number has one encoding, and what
 * acts could overflow is within its bounds, so what loads saves to the same bytes and can go on. */
#include "base/error.h"
#include "base/time.h"
#include "base/varint.h"
#include "behaviour/pairs.h"

#include <stdlib.h>

static void signed_save(int64_t v, struct sink *s)
{
    int64_t zero = 0;
    sink_delta(s, &zero, v);
}

static int64_t signed_load(struct source *s)
{
    int64_t v = 0;
    return source_delta(s, &v);
}

static int64_t time_load(struct source *s)
{
    return (int64_t)source_varint(s, TIME_MAX_MS);
}

/* Which counts are not zero, then those.                                                        */
static void verbs_save(const uint32_t *counts, struct sink *s)
{
    uint32_t used = 0;
    for (int v = 0; v < VERBS_MAX; v++)
        used |= (uint32_t)(counts[v] > 0) << v;
    sink_varint(s, used);
    for (int v = 0; v < VERBS_MAX; v++)
        if (counts[v])
            sink_varint(s, counts[v]);
}

static void verbs_load(uint32_t *counts, struct source *s)
{
    uint32_t used = (uint32_t)source_varint(s, UINT32_MAX);
    for (int v = 0; v < VERBS_MAX; v++)
        if (used >> v & 1 && !(counts[v] = (uint32_t)source_varint(s, UINT32_MAX)))
            s->failed = true;
}

static void users_save(const struct behaviour *b, struct sink *s)
{
    sink_u64(s, b->users_n);
    for (size_t i = 0; i < b->users_n; i++) {
        const struct user_stats *u = &b->users[i];
        sink_varint(s, u->events);
        if (u->events == 0)
            continue;
        sink_varint(s, (uint64_t)u->first_ms);
        sink_varint(s, (uint64_t)u->last_ms);
        signed_save(u->dwell_milli, s);
        sink_varint(s, u->day_bits);
        sink_varint(s, u->sessions);
        sink_varint(s, u->active_days);
        sink_varint(s, u->refunds);
        verbs_save(&b->user_verbs[i * VERBS_MAX], s);
    }
}

static bool users_load(struct behaviour *b, struct source *s)
{
    size_t n = source_count(s, TARGET_INDEX_MAX + 1);
    for (size_t i = 0; i < n && !s->failed; i++) {
        if (!behaviour_reserve_users(b, i + 1))
            return false;
        struct user_stats *u = &b->users[i];
        u->events = source_varint(s, UINT64_MAX);
        if (u->events == 0)
            continue;
        u->first_ms = time_load(s);
        u->last_ms = time_load(s);
        u->last_day = (uint32_t)(u->last_ms / DAY_MS);
        u->dwell_milli = signed_load(s);
        u->day_bits = source_varint(s, UINT64_MAX);
        u->sessions = (uint32_t)source_varint(s, UINT32_MAX);
        u->active_days = (uint32_t)source_varint(s, UINT32_MAX);
        u->refunds = source_varint(s, UINT64_MAX);
        verbs_load(&b->user_verbs[i * VERBS_MAX], s);
        if (u->first_ms > u->last_ms)
            s->failed = true;
    }
    return true;
}

static void targets_save(const struct stats_table *t, struct sink *s)
{
    sink_u64(s, t->n);
    for (size_t i = 0; i < t->n; i++) {
        const struct target_stats *x = &t->rows[i];
        signed_save(x->dwell_milli, s);
        sink_varint(s, (uint64_t)x->last_ms);
        sink_varint(s, (uint64_t)x->popularity_micro);
        sink_varint(s, x->impressions);
        sink_varint(s, x->engagements);
        sink_varint(s, x->served);
        sink_varint(s, x->refunds);
        sink_u8(s, (uint8_t)x->own);
        verbs_save(&t->verbs[i * VERBS_MAX], s);
    }
}

static bool targets_load(struct stats_table *t, struct source *s)
{
    size_t n = source_count(s, TARGET_INDEX_MAX + 1);
    for (size_t i = 0; i < n && !s->failed; i++) {
        if (!behaviour_reserve_targets(t, i + 1))
            return false;
        struct target_stats *x = &t->rows[i];
        x->dwell_milli = signed_load(s);
        x->last_ms = time_load(s);
        x->popularity_micro = (int64_t)source_varint(s, POPULARITY_MAX);
        x->impressions = source_varint(s, UINT64_MAX);
        x->engagements = source_varint(s, UINT64_MAX);
        x->served = source_varint(s, UINT64_MAX);
        x->refunds = source_varint(s, UINT64_MAX);
        x->own = source_u8(s);
        if (x->own > 1)
            s->failed = true;
        verbs_load(&t->verbs[i * VERBS_MAX], s);
    }
    return true;
}

/* source_varint for a long column: varints of up to four bytes come from the source's buffer
 * without a branch on their length. */
static inline uint64_t column_next(struct source *s)
{
    if (s->have - s->at < 4)
        return source_varint(s, UINT64_MAX);
    const uint8_t *p = s->buf + s->at;
    uint32_t x = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    uint32_t ends = ~x & 0x80808080;
    if (ends == 0)
        return source_varint(s, UINT64_MAX);
    uint32_t end = (uint32_t)__builtin_ctz(ends); /* bit 7 of the last byte */
    x &= (UINT32_C(2) << end) - 1;
    uint32_t v = (x & 0x7f) | (x >> 1 & 0x3f80) | (x >> 2 & 0x1fc000) | (x >> 3 & 0xfe00000);
    if (end > 7 && x >> (end - 7) == 0) /* longer than it need be */
        return source_varint(s, UINT64_MAX);
    s->at += (end + 1) / 8;
    return v;
}

static inline int64_t unzigzag(uint64_t z)
{
    return (int64_t)(z >> 1 ^ (0 - (z & 1)));
}

/* Beside the kind of a pair's target. */
enum { FOLLOWS = 8 };

static void pairs_save(const struct behaviour *b, struct sink *s)
{
    sink_u64(s, b->pairs_n);
    for (size_t i = 0; i < b->pairs_n; i++)
        sink_varint(s, b->pairs[i].user);
    for (size_t i = 0; i < b->pairs_n; i++) /* the kind last, so that small indexes stay short */
        sink_varint(s, (uint64_t)target_index(b->pairs[i].target) << 4 |
                           target_kind(b->pairs[i].target) | (b->pairs[i].follows ? FOLLOWS : 0));
    int64_t previous = 0;
    for (size_t i = 0; i < b->pairs_n; i++)
        sink_delta(s, &previous, b->pairs[i].time_s);
    for (size_t i = 0; i < b->pairs_n; i++) {
        int64_t w = b->pairs[i].weight_micro;
        sink_varint(s, (uint64_t)w << 1 ^ (uint64_t)(w >> 63));
    }
}

/* Pairs grow as their first column arrives, so a false count costs no more than the bytes there
 * are. */
static enum heed_status pairs_load(struct behaviour *b, struct source *s)
{
    size_t n = source_count(s, UINT32_MAX - 1);
    for (size_t i = 0; i < n && !s->failed; i++) {
        if (i == b->pairs_cap && !array_grow(&b->pairs, &b->pairs_cap, i + 1, sizeof *b->pairs))
            return HEED_NOMEM;
        uint64_t user = column_next(s);
        if (user >= b->users_n)
            s->failed = true;
        b->pairs[i] = (struct pair){.user = (uint32_t)user & TARGET_INDEX_MAX, .next = HANDLE_NONE};
    }
    for (size_t i = 0; i < n && !s->failed; i++) {
        uint64_t v = column_next(s);
        uint64_t kind = v & 7, index = v >> 4;
        bool follows = v & FOLLOWS;
        if (kind >= TARGET_KINDS || index >= b->targets[kind].n ||
            (follows && kind != TARGET_USER)) {
            s->failed = true;
            break;
        }
        b->pairs[i].target = target_make((enum target_kind)kind, (uint32_t)index);
        b->pairs[i].follows = follows;
        b->targets[kind].rows[index].reach++;
    }
    int64_t previous = 0;
    for (size_t i = 0; i < n && !s->failed; i++) {
        previous = (int64_t)((uint64_t)previous + (uint64_t)unzigzag(column_next(s)));
        if (previous < 0 || previous > TIME_MAX_MS / 1000)
            s->failed = true;
        b->pairs[i].time_s = (uint32_t)previous;
    }
    for (size_t i = 0; i < n && !s->failed; i++) {
        int64_t w = unzigzag(column_next(s));
        if (w < -POPULARITY_MAX || w > POPULARITY_MAX)
            s->failed = true;
        b->pairs[i].weight_micro = w;
    }
    for (int kind = TARGET_USER; kind < TARGET_KINDS; kind++)
        for (size_t i = 0; i < b->targets[kind].n && !s->failed; i++) {
            struct target_stats *x = &b->targets[kind].rows[i];
            s->failed = x->reach < x->own;
            x->reach -= x->own;
        }
    if (s->failed)
        return HEED_INPUT;
    b->pairs_n = n;
    return pairs_index(b);
}

void behaviour_save(const struct behaviour *b, struct sink *s)
{
    users_save(b, s);
    for (int k = TARGET_USER; k < TARGET_KINDS; k++)
        targets_save(&b->targets[k], s);
    pairs_save(b, s);
    for (int v = 0; v < VERBS_MAX; v++) {
        sink_varint(s, b->verb_events[v]);
        signed_save(b->verb_amount_milli[v], s);
    }
    sink_varint(s, b->events);
    sink_varint(s, b->duplicates);
    sink_varint(s, b->out_of_order);
    sink_varint(s, b->refunds);
    sink_varint(s, (uint64_t)b->latest_ms);
    dedup_save(b->dedup, s);
}

enum heed_status behaviour_load(struct behaviour *b, struct source *s, struct heed_error *err)
{
    enum heed_status status = users_load(b, s) ? HEED_OK : HEED_NOMEM;
    for (int k = TARGET_USER; status == HEED_OK && k < TARGET_KINDS; k++)
        status = targets_load(&b->targets[k], s) ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK)
        status = pairs_load(b, s);
    for (int v = 0; v < VERBS_MAX; v++) {
        b->verb_events[v] = source_varint(s, UINT64_MAX);
        b->verb_amount_milli[v] = signed_load(s);
    }
    b->events = source_varint(s, UINT64_MAX);
    b->duplicates = source_varint(s, UINT64_MAX);
    b->out_of_order = source_varint(s, UINT64_MAX);
    b->refunds = source_varint(s, UINT64_MAX);
    b->latest_ms = time_load(s);
    if (status == HEED_OK && !dedup_load(&b->dedup, s))
        status = HEED_NOMEM;
    if (status == HEED_OK && s->failed)
        status = HEED_INPUT;
    if (status == HEED_OK)
        return HEED_OK;
    behaviour_deinit(b);
    if (status == HEED_NOMEM)
        return error_nomem(err);
    return error_set(err, HEED_INPUT, "behaviour", "the stored behaviour is damaged");
}

bool behaviour_within(const struct behaviour *b, const struct catalogue *c)
{
    return b->users_n <= c->parties_n && b->targets[TARGET_USER].n <= c->parties_n &&
           b->targets[TARGET_CONTENT].n <= c->contents_n &&
           b->targets[TARGET_GOOD].n <= c->goods_n && b->targets[TARGET_SERVICE].n <= c->services_n;
}
