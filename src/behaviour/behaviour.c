/* Recording acts.
 *
 * Time: events may come out of order. A pair, a target's popularity and a user's last act keep the
 * newest time they have seen; an older act is decayed to it, so any order gives nearly the same
 * weights.
 *
 * Sessions: with [first, last] the span of a user's acts so far, an act more than the gap after
 * `last` or before `first` is a session more; an act inside the span adds none.
 *
 * Active days: exact for days up to 63 behind the user's newest; an act further back adds none. */
#include "behaviour/behaviour.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/stats.h"
#include "base/time.h"
#include "behaviour/pairs.h"

#include <stdlib.h>

void behaviour_init(struct behaviour *b)
{
    memset(b, 0, sizeof *b);
}

void behaviour_deinit(struct behaviour *b)
{
    free(b->users);
    free(b->user_verbs);
    for (int i = 0; i < TARGET_KINDS; i++) {
        free(b->targets[i].rows);
        free(b->targets[i].verbs);
    }
    free(b->pairs);
    free(b->pair_index);
    dedup_free(b->dedup);
    memset(b, 0, sizeof *b);
}

int behaviour_verb(const struct behaviour_rules *r, struct str name)
{
    for (uint32_t i = 0; i < r->verbs_n; i++)
        if (str_is(name, r->verbs[i].name))
            return (int)i;
    return -1;
}

int64_t behaviour_points(const struct behaviour_rules *r, uint32_t verb, int64_t amount_milli)
{
    const struct verb_rule *v = &r->verbs[verb];
    if (v->unit_milli == 0)
        return v->weight_milli;
    __extension__ typedef __int128 i128;
    /* the amount in thousandths of a unit, cut at max_units */
    i128 units = (i128)amount_milli * 1000 / v->unit_milli;
    if (units > (i128)v->max_units * 1000)
        units = (i128)v->max_units * 1000;
    i128 points = units * v->weight_milli / 1000;
    return points > INT64_MAX ? INT64_MAX : points < INT64_MIN ? INT64_MIN : (int64_t)points;
}

bool behaviour_reserve_users(struct behaviour *b, size_t n)
{
    if (n <= b->users_n)
        return true;
    size_t verbs_cap = b->users_cap;
    if (n > b->users_cap) {
        if (!array_grow(&b->users, &b->users_cap, n, sizeof *b->users) ||
            !array_grow(&b->user_verbs, &verbs_cap, b->users_cap,
                        VERBS_MAX * sizeof *b->user_verbs))
            return false;
    }
    memset(&b->user_verbs[b->users_n * VERBS_MAX], 0,
           (n - b->users_n) * VERBS_MAX * sizeof *b->user_verbs);
    for (; b->users_n < n; b->users_n++)
        b->users[b->users_n] = (struct user_stats){.head = HANDLE_NONE};
    return true;
}

bool behaviour_reserve_targets(struct stats_table *t, size_t n)
{
    if (n <= t->n)
        return true;
    size_t verbs_cap = t->cap;
    if (n > t->cap && (!array_grow(&t->rows, &t->cap, n, sizeof *t->rows) ||
                       !array_grow(&t->verbs, &verbs_cap, t->cap, VERBS_MAX * sizeof *t->verbs)))
        return false;
    memset(&t->rows[t->n], 0, (n - t->n) * sizeof *t->rows);
    memset(&t->verbs[t->n * VERBS_MAX], 0, (n - t->n) * VERBS_MAX * sizeof *t->verbs);
    t->n = n;
    return true;
}

static int64_t add_saturating(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b > 0 ? INT64_MAX : INT64_MIN) : sum;
}

/* Counts on, up to what 32 bits hold.                                                            */
static void count_some(uint32_t *n, uint64_t more)
{
    *n = more < UINT32_MAX - *n ? *n + (uint32_t)more : UINT32_MAX;
}

static void count_one(uint32_t *n)
{
    *n += *n < UINT32_MAX;
}

static void count_session(struct user_stats *u, const struct behaviour_rules *r, int64_t t)
{
    if (u->events == 0) {
        u->sessions = 1;
        u->first_ms = u->last_ms = t;
    } else if (t > u->last_ms) {
        u->sessions += t - u->last_ms > r->session_gap_ms;
        u->last_ms = t;
    } else if (t < u->first_ms) {
        u->sessions += u->first_ms - t > r->session_gap_ms;
        u->first_ms = t;
    }
}

static void count_day(struct user_stats *u, int64_t t)
{
    uint32_t day = (uint32_t)(t / DAY_MS);
    if (u->events == 0 || day > u->last_day) {
        uint32_t ahead = day - u->last_day;
        u->day_bits = u->events == 0 || ahead >= 64 ? 0 : u->day_bits << ahead;
        u->last_day = day;
    }
    uint32_t behind = u->last_day - day;
    if (behind < 64 && !(u->day_bits >> behind & 1)) {
        u->day_bits |= UINT64_C(1) << behind;
        u->active_days++;
    }
}

/* Points in millionths, brought to the newer of two times. */
static void add_decayed(int64_t *value, int64_t *at_ms, int64_t points, int64_t t,
                        int64_t half_life)
{
    if (t >= *at_ms) {
        *value = behaviour_decay(*value, t - *at_ms, half_life) + points;
        *at_ms = t;
    } else {
        *value += behaviour_decay(points, *at_ms - t, half_life);
    }
}

static int64_t within(int64_t value, int64_t most)
{
    return value > most ? most : value < -most ? -most : value;
}

/* Points of an act in millionths, rounded to nearest.                                            */
static int64_t points_micro(const struct behaviour_rules *r, const struct act *act)
{
    __extension__ typedef __int128 i128;
    const struct verb_rule *v = &r->verbs[act->verb];
    i128 amount = act->amount_milli, most = (i128)v->max_units * v->unit_milli, points;
    if (v->unit_milli == 0)
        return (int64_t)v->weight_milli * 1000;
    amount = amount < most ? amount : most;
    points = (2 * amount * v->weight_milli * 1000 +
              (v->weight_milli < 0 ? -1 : 1) * (i128)v->unit_milli) /
             (2 * (i128)v->unit_milli);
    return points > POPULARITY_MAX    ? POPULARITY_MAX
           : points < -POPULARITY_MAX ? -POPULARITY_MAX
                                      : (int64_t)points;
}

static void add_to_pair(struct pair *p, const struct behaviour_rules *r, int64_t points, int64_t t)
{
    int64_t value = p->weight_micro, at_ms = (int64_t)p->time_s * 1000;
    int64_t second = t - t % 1000;
    add_decayed(&value, &at_ms, points, second, r->half_life_ms);
    p->weight_micro = within(value, POPULARITY_MAX);
    p->time_s = (uint32_t)(at_ms / 1000);
}

static void count_target(struct target_stats *t, const struct behaviour_rules *r,
                         const struct act *act, int64_t points)
{
    switch (r->verbs[act->verb].class) {
    case VERB_IMPRESSION:
        t->impressions += !act->own && !act->served;
        break;
    case VERB_DWELL:
        t->dwell_milli = add_saturating(t->dwell_milli, act->amount_milli);
        break;
    case VERB_ENGAGE:
        t->engagements += !act->own;
        break;
    default:
        break;
    }
    add_decayed(&t->popularity_micro, &t->last_ms, points > 0 && !act->own ? points : 0,
                act->time_ms, r->half_life_ms);
    if (t->popularity_micro > POPULARITY_MAX)
        t->popularity_micro = POPULARITY_MAX;
}

enum heed_status behaviour_seen(struct behaviour *b, const struct behaviour_rules *r,
                                const struct act *act, bool *duplicate)
{
    *duplicate = false;
    if (act->id_hash && !dedup_seen(b, r, act->id_hash, act->time_ms, duplicate))
        return HEED_NOMEM;
    if (!*duplicate && act->time_ms > b->latest_ms)
        b->latest_ms = act->time_ms;
    return HEED_OK;
}

enum heed_status behaviour_apply(struct behaviour *b, const struct behaviour_rules *r,
                                 const struct act *act, bool *duplicate)
{
    bool older = b->events > 0 && act->time_ms < b->latest_ms;
    if (behaviour_seen(b, r, act, duplicate) != HEED_OK)
        return HEED_NOMEM;
    if (*duplicate) {
        b->duplicates++;
        return HEED_OK;
    }
    struct stats_table *table = &b->targets[target_kind(act->target)];
    uint32_t index = target_index(act->target);
    if (!behaviour_reserve_users(b, (size_t)act->user + 1) ||
        !behaviour_reserve_targets(table, (size_t)index + 1))
        return HEED_NOMEM;
    bool made;
    uint32_t p = pair_add(b, act->user, act->target, &made);
    if (p == HANDLE_NONE)
        return HEED_NOMEM;
    struct user_stats *u = &b->users[act->user];
    struct target_stats *t = &table->rows[index];
    if (made) {
        b->pairs[p].next = u->head;
        u->head = p;
        u->pairs++;
        *(act->own ? &t->own : &t->reach) += 1;
    }
    int64_t points = points_micro(r, act);
    add_to_pair(&b->pairs[p], r, points, act->time_ms);
    if (r->follow == act->verb + 1 && target_kind(act->target) == TARGET_USER)
        b->pairs[p].follows = 1;
    count_target(t, r, act, points);
    count_session(u, r, act->time_ms);
    count_day(u, act->time_ms);
    u->events++;
    if (r->verbs[act->verb].class == VERB_DWELL)
        u->dwell_milli = add_saturating(u->dwell_milli, act->amount_milli);
    count_one(&b->user_verbs[(size_t)act->user * VERBS_MAX + act->verb]);
    count_one(&table->verbs[(size_t)index * VERBS_MAX + act->verb]);
    b->verb_events[act->verb]++;
    b->verb_amount_milli[act->verb] =
        add_saturating(b->verb_amount_milli[act->verb], act->amount_milli);
    b->out_of_order += older;
    b->events++;
    return HEED_OK;
}

/* value x times, at most INT64_MAX; both >= 0.                                                  */
static int64_t times_saturating(int64_t value, uint64_t times)
{
    int64_t out;
    return __builtin_mul_overflow(value, times, &out) ? INT64_MAX : out;
}

enum heed_status behaviour_counted(struct behaviour *b, const struct behaviour_rules *r,
                                   const struct act *act, uint64_t count)
{
    struct stats_table *table = &b->targets[target_kind(act->target)];
    uint32_t index = target_index(act->target);
    if (!behaviour_reserve_targets(table, (size_t)index + 1))
        return HEED_NOMEM;
    struct target_stats *t = &table->rows[index];
    int64_t amount = times_saturating(act->amount_milli, count);
    int64_t points = points_micro(r, act);
    points = points > 0 ? times_saturating(points, count) : 0;
    switch (r->verbs[act->verb].class) {
    case VERB_IMPRESSION:
        t->impressions += count;
        break;
    case VERB_DWELL:
        t->dwell_milli = add_saturating(t->dwell_milli, amount);
        break;
    case VERB_ENGAGE:
        t->engagements += count;
        break;
    default:
        break;
    }
    add_decayed(&t->popularity_micro, &t->last_ms,
                points < POPULARITY_MAX ? points : POPULARITY_MAX, act->time_ms, r->half_life_ms);
    if (t->popularity_micro > POPULARITY_MAX)
        t->popularity_micro = POPULARITY_MAX;
    count_some(&table->verbs[(size_t)index * VERBS_MAX + act->verb], count);
    b->verb_events[act->verb] += count;
    b->verb_amount_milli[act->verb] = add_saturating(b->verb_amount_milli[act->verb], amount);
    b->out_of_order += b->events > 0 && act->time_ms < b->latest_ms;
    b->latest_ms = act->time_ms > b->latest_ms ? act->time_ms : b->latest_ms;
    b->events += count;
    return HEED_OK;
}

uint64_t behaviour_unknown(const struct behaviour *b)
{
    uint64_t known = 0;
    for (size_t i = 0; i < b->users_n; i++)
        known += b->users[i].events;
    return b->events - known;
}

enum heed_status behaviour_refund(struct behaviour *b, const struct behaviour_rules *r,
                                  const struct act *act)
{
    uint32_t at = pair_find(b, act->user, act->target);
    if (at == HANDLE_NONE)
        return HEED_RANGE;
    struct pair *p = &b->pairs[at];
    struct target_stats *t = &b->targets[target_kind(act->target)].rows[target_index(act->target)];
    enum verb_class class = r->verbs[act->verb].class;
    int64_t points = points_micro(r, act), half_life = r->half_life_ms;
    int64_t second = act->time_ms - act->time_ms % 1000, at_ms = (int64_t)p->time_s * 1000;
    int64_t weighs = behaviour_decay(points, at_ms - second, half_life);
    p->weight_micro = within(p->weight_micro - weighs, POPULARITY_MAX);
    if (!act->own) {
        int64_t left = behaviour_decay(points, t->last_ms - act->time_ms, half_life);
        if (points > 0)
            t->popularity_micro -= left < t->popularity_micro ? left : t->popularity_micro;
        if (class == VERB_ENGAGE)
            t->engagements -= t->engagements > 0;
        else if (class == VERB_IMPRESSION)
            t->impressions -= t->impressions > t->served;
    }
    t->refunds++;
    b->users[act->user].refunds++;
    b->refunds++;
    return HEED_OK;
}

void behaviour_prefetch(const struct behaviour *b, const struct act *act)
{
    pair_prefetch_slot(b, act->user, act->target);
    if (act->id_hash)
        dedup_prefetch(b->dedup, act->id_hash);
    if (act->user < b->users_n) {
        __builtin_prefetch(&b->users[act->user], 1);
        __builtin_prefetch(&b->user_verbs[(size_t)act->user * VERBS_MAX], 1);
    }
    const struct stats_table *t = &b->targets[target_kind(act->target)];
    if (target_index(act->target) < t->n) {
        __builtin_prefetch(&t->rows[target_index(act->target)], 1);
        __builtin_prefetch(&t->verbs[(size_t)target_index(act->target) * VERBS_MAX], 1);
    }
}

void behaviour_prefetch_pair(const struct behaviour *b, const struct act *act)
{
    pair_prefetch(b, act->user, act->target);
}

enum heed_status behaviour_served(struct behaviour *b, uint32_t target)
{
    struct stats_table *table = &b->targets[target_kind(target)];
    if (!behaviour_reserve_targets(table, (size_t)target_index(target) + 1))
        return HEED_NOMEM;
    struct target_stats *t = &table->rows[target_index(target)];
    t->served++;
    t->impressions++;
    return HEED_OK;
}

void behaviour_seen_served(struct behaviour *b, uint32_t target)
{
    struct stats_table *table = &b->targets[target_kind(target)];
    if (target_index(target) >= table->n)
        return;
    struct target_stats *t = &table->rows[target_index(target)];
    t->impressions -= t->impressions > t->served;
}

const struct pair *behaviour_pair(const struct behaviour *b, uint32_t user, uint32_t target)
{
    uint32_t p = pair_find(b, user, target);
    return p == HANDLE_NONE ? NULL : &b->pairs[p];
}

const struct target_stats *behaviour_target(const struct behaviour *b, uint32_t target)
{
    const struct stats_table *t = &b->targets[target_kind(target)];
    return target_index(target) < t->n ? &t->rows[target_index(target)] : NULL;
}

const struct user_stats *behaviour_user(const struct behaviour *b, uint32_t user)
{
    return user < b->users_n ? &b->users[user] : NULL;
}

struct rate behaviour_engagement(const struct target_stats *t)
{
    uint64_t shown = t->impressions > t->engagements ? t->impressions : t->engagements;
    if (shown == 0)
        return (struct rate){0, 0};
    return (struct rate){(double)t->engagements / (double)shown,
                         wilson_lower(t->engagements, shown, 1.959964)};
}
