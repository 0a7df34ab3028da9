/* What a user attends to, over targets, categories or creators. */
#include "base/map.h"
#include "behaviour/behaviour.h"

#include <stdlib.h>

static uint32_t key_of(const struct catalogue *c, enum preference_over over, uint32_t target)
{
    switch (over) {
    case PREFER_CATEGORIES:
        return catalogue_category(c, target);
    case PREFER_CREATORS:
        return catalogue_owner(c, target);
    default:
        return target;
    }
}

static int stronger(const void *a, const void *b)
{
    const struct preference *x = a, *y = b;
    if (x->weight_micro != y->weight_micro)
        return x->weight_micro < y->weight_micro ? 1 : -1;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* Ordered by weights as of the user's newest act, so that the order survives long absence.       */
enum heed_status behaviour_preferences(const struct behaviour *b, const struct behaviour_rules *r,
                                       const struct catalogue *c, uint32_t user,
                                       enum preference_over over, struct preference *out, size_t *n)
{
    const struct user_stats *u = behaviour_user(b, user);
    size_t room = *n, have = 0;
    *n = 0;
    if (!u || u->pairs == 0)
        return HEED_OK;
    struct preference *rows = malloc(u->pairs * sizeof *rows);
    struct map places;
    map_init(&places);
    enum heed_status status = rows ? HEED_OK : HEED_NOMEM;
    for (uint32_t p = u->head; status == HEED_OK && p != HANDLE_NONE; p = b->pairs[p].next) {
        const struct pair *pair = &b->pairs[p];
        uint32_t key = key_of(c, over, pair->target);
        if (key == HANDLE_NONE)
            continue;
        int64_t weight = behaviour_decay(
            pair->weight_micro, u->last_ms - (int64_t)pair->time_s * 1000, r->half_life_ms);
        uint32_t at = over == PREFER_TARGETS ? MAP_NONE : map_get(&places, key);
        if (at != MAP_NONE) {
            if (__builtin_add_overflow(rows[at].weight_micro, weight, &rows[at].weight_micro))
                rows[at].weight_micro = weight > 0 ? INT64_MAX : INT64_MIN;
        } else if (over == PREFER_TARGETS || map_put(&places, key, (uint32_t)have)) {
            rows[have++] = (struct preference){key, weight};
        } else {
            status = HEED_NOMEM;
        }
    }
    if (status == HEED_OK) {
        qsort(rows, have, sizeof *rows, stronger);
        *n = have < room ? have : room;
        memcpy(out, rows, *n * sizeof *rows);
        for (size_t i = 0; i < *n; i++)
            out[i].weight_micro =
                behaviour_decay(out[i].weight_micro, b->latest_ms - u->last_ms, r->half_life_ms);
    }
    free(rows);
    map_deinit(&places);
    return status;
}
