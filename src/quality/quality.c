/* Scores as they come in: the newest of each (kind, user, target), and the sums over them. */
#include "quality/quality.h"
#include "quality/learned.h"
#include "quality/originality.h"
#include "quality/record.h"
#include "quality/shrink.h"

#include "base/error.h"
#include "base/money.h"

#include <stdlib.h>

static const char *const KIND_NAMES[RATING_KINDS] = {"user", "expert", "moderation"};

const char *rating_kind_name(enum rating_kind kind)
{
    return kind >= 0 && kind < RATING_KINDS ? KIND_NAMES[kind] : "";
}

int rating_kind_of_name(struct str name)
{
    for (int i = 0; i < RATING_KINDS; i++)
        if (str_is(name, KIND_NAMES[i]))
            return i;
    return -1;
}

void quality_init(struct quality *q)
{
    memset(q, 0, sizeof *q);
    map_init(&q->entry_of);
    positions_init(&q->positions);
    moderation_init(&q->moderation);
}

void quality_deinit(struct quality *q)
{
    for (int kind = 0; kind < TARGET_KINDS; kind++)
        free(q->targets[kind].rows);
    free(q->entries);
    map_deinit(&q->entry_of);
    originality_free(q->originality);
    positions_deinit(&q->positions);
    if (q->learned)
        learned_deinit(q->learned);
    free(q->learned);
    moderation_deinit(&q->moderation);
    quality_init(q);
}

bool quality_grow_table(struct quality_table *t, size_t n)
{
    if (n <= t->n)
        return true;
    if (!array_grow(&t->rows, &t->cap, n, sizeof *t->rows))
        return false;
    memset(t->rows + t->n, 0, (n - t->n) * sizeof *t->rows);
    t->n = n;
    return true;
}

/* 2 bits of kind, 28 of user, 31 of target.                                                      */
static uint64_t entry_key(enum rating_kind kind, uint32_t user, uint32_t target)
{
    return (uint64_t)kind << 59 | (uint64_t)user << 31 | target;
}

bool quality_has_entry(const struct quality *q, enum rating_kind kind, uint32_t user,
                       uint32_t target)
{
    return map_get(&q->entry_of, entry_key(kind, user, target)) != MAP_NONE;
}

enum heed_status quality_record(struct quality *q, enum rating_kind kind, uint32_t user,
                                uint32_t target, uint16_t score_milli)
{
    struct quality_table *table = &q->targets[target_kind(target)];
    if (!quality_grow_table(table, (size_t)target_index(target) + 1))
        return HEED_NOMEM;
    struct quality_target *row = &table->rows[target_index(target)];

    uint64_t key = entry_key(kind, user, target);
    uint32_t at = map_get(&q->entry_of, key);
    int32_t old = -1;
    if (at == MAP_NONE) {
        if (q->entries_n >= MAP_NONE ||
            !array_grow(&q->entries, &q->entries_cap, q->entries_n + 1, sizeof *q->entries))
            return HEED_NOMEM;
        at = (uint32_t)q->entries_n;
        if (!map_put(&q->entry_of, key, at))
            return HEED_NOMEM;
        q->entries_n++;
    } else {
        old = q->entries[at].score_milli;
    }
    q->entries[at] = (struct rating_entry){user, target, score_milli, (uint8_t)kind};

    if (kind == RATING_MODERATION) {
        row->moderations += old < 0;
        row->gate = score_milli == 0 ? DECISION_REMOVE : DECISION_ALLOW;
    } else {
        shrink_add(&q->prior[kind], &row->ratings[kind], old, score_milli);
        if (kind == RATING_USER)
            quality_weigh(q, user, target, old, score_milli);
    }
    return HEED_OK;
}

enum heed_status quality_rate(struct quality *q, const struct quality_rules *r,
                              enum rating_kind kind, uint32_t user, uint32_t target,
                              int64_t score_milli)
{
    heed_assert(kind >= 0 && kind < RATING_KINDS);
    heed_assert(target_kind(target) > TARGET_NONE && target_kind(target) < TARGET_KINDS);
    if (user > TARGET_INDEX_MAX)
        return HEED_RANGE;
    if (kind == RATING_MODERATION)
        return quality_record(q, kind, user, target, score_milli >= r->moderation_pass_milli);

    int64_t normal = 500; /* a range of one score says nothing */
    if (score_milli < r->score_min_milli || score_milli > r->score_max_milli)
        return HEED_RANGE;
    if (r->score_max_milli > r->score_min_milli &&
        !muldiv_i64(score_milli - r->score_min_milli, 1000, r->score_max_milli - r->score_min_milli,
                    ROUND_HALF_EVEN, &normal))
        return HEED_RANGE;
    return quality_record(q, kind, user, target, (uint16_t)normal);
}

enum heed_status quality_decide(struct quality *q, const struct moderation_act *act)
{
    struct quality_table *table = &q->targets[target_kind(act->target)];
    uint32_t index = target_index(act->target);
    heed_assert(target_kind(act->target) > TARGET_NONE && target_kind(act->target) < TARGET_KINDS);
    if (!quality_grow_table(table, (size_t)index + 1))
        return HEED_NOMEM;
    enum heed_status status = moderation_add(&q->moderation, act);
    if (status != HEED_OK)
        return status;
    table->rows[index].gate = (uint8_t)moderation_standing(&q->moderation, act->target);
    table->rows[index].moderations += act->kind != ACT_APPEAL && !act->scored;
    return HEED_OK;
}
