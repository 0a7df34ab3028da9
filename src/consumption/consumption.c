/* Attention gathered by epoch.
 *
 * Invariants: open epochs ascend and lie after settled_through; within an epoch each key stands
 * once, and its index leads to it.                                                              */
#include "consumption/consumption.h"

#include "base/error.h"
#include "catalogue/catalogue.h"
#include "consumption/consumption_parts.h"

#include <stdlib.h>

void consumption_init(struct consumption *c)
{
    *c = (struct consumption){.settled_through = INT64_MIN};
}

void open_epoch_deinit(struct open_epoch *e)
{
    free(e->users);
    free(e->contents);
    map_deinit(&e->user_index);
    map_deinit(&e->content_index);
}

void consumption_deinit(struct consumption *c)
{
    for (size_t i = 0; i < c->open_n; i++)
        open_epoch_deinit(&c->open[i]);
    free(c->open);
    free(c->payouts);
    free(c->settlements);
    consumption_init(c);
}

static int64_t epoch_of(int64_t time_ms, int64_t epoch_ms)
{
    heed_assert(epoch_ms > 0);
    return time_ms / epoch_ms - (time_ms % epoch_ms < 0);
}

/* Finds the open epoch, or opens it. NULL: no memory.                                            */
static struct open_epoch *open_epoch(struct consumption *c, int64_t number)
{
    size_t at = c->open_n;
    while (at > 0 && c->open[at - 1].number > number)
        at--;
    if (at > 0 && c->open[at - 1].number == number)
        return &c->open[at - 1];
    if (!array_grow(&c->open, &c->open_cap, c->open_n + 1, sizeof *c->open))
        return NULL;
    memmove(c->open + at + 1, c->open + at, (c->open_n - at) * sizeof *c->open);
    c->open[at] = (struct open_epoch){.number = number};
    map_init(&c->open[at].user_index);
    map_init(&c->open[at].content_index);
    c->open_n++;
    return &c->open[at];
}

bool attention_find(struct attention **list, size_t *n, size_t *cap, struct map *index,
                    uint32_t key, uint32_t *at)
{
    *at = map_get(index, key);
    if (*at != MAP_NONE)
        return true;
    if (!array_grow(list, cap, *n + 1, sizeof **list) || !map_put(index, key, (uint32_t)*n))
        return false;
    *at = (uint32_t)*n;
    (*list)[(*n)++] = (struct attention){key, 0};
    return true;
}

/* Stops at what an int64_t holds; so the sum does not depend on the order.                       */
static void gather(struct attention *a, int64_t points_milli)
{
    a->points_milli =
        a->points_milli > INT64_MAX - points_milli ? INT64_MAX : a->points_milli + points_milli;
}

int64_t consumption_epoch(const struct consumption *c, const struct consumption_rules *r,
                          int64_t time_ms)
{
    int64_t number = epoch_of(time_ms, r->epoch_ms);
    if (number > c->settled_through)
        return number;
    for (size_t i = 0; i < c->open_n; i++)
        if (c->open[i].gathered)
            return c->open[i].number;
    return c->settled_through + 1;
}

enum heed_status consumption_attend(struct consumption *c, const struct consumption_rules *r,
                                    int64_t time_ms, uint32_t user, uint32_t content,
                                    int64_t points_milli)
{
    if (points_milli <= 0) {
        points_milli = 0;
        content = HANDLE_NONE;
    }
    int64_t number = consumption_epoch(c, r, time_ms);
    bool late = epoch_of(time_ms, r->epoch_ms) <= c->settled_through;
    struct open_epoch *e = open_epoch(c, number);
    uint32_t user_at, content_at = 0;
    if (!e ||
        !attention_find(&e->users, &e->users_n, &e->users_cap, &e->user_index, user, &user_at) ||
        (content != HANDLE_NONE && !attention_find(&e->contents, &e->contents_n, &e->contents_cap,
                                                   &e->content_index, content, &content_at)))
        return HEED_NOMEM;
    gather(&e->users[user_at], points_milli);
    if (content != HANDLE_NONE)
        gather(&e->contents[content_at], points_milli);
    e->gathered = e->gathered || points_milli > 0;
    e->events++;
    e->late += late;
    c->late += late;
    return HEED_OK;
}

void consumption_skip(struct consumption *c, int64_t number)
{
    size_t n = 0;
    for (; n < c->open_n && c->open[n].number < number && !c->open[n].gathered; n++)
        open_epoch_deinit(&c->open[n]);
    c->open_n -= n;
    memmove(c->open, c->open + n, c->open_n * sizeof *c->open);
}

enum heed_status consumption_counted(struct consumption *c, const struct consumption_rules *r,
                                     int64_t time_ms, uint32_t content, int64_t points_milli,
                                     uint64_t count)
{
    if (points_milli <= 0)
        return HEED_OK;
    bool late = epoch_of(time_ms, r->epoch_ms) <= c->settled_through;
    struct open_epoch *e = open_epoch(c, consumption_epoch(c, r, time_ms));
    uint32_t at;
    if (!e || !attention_find(&e->contents, &e->contents_n, &e->contents_cap, &e->content_index,
                              content, &at))
        return HEED_NOMEM;
    gather(&e->contents[at], points_milli);
    e->gathered = true;
    e->events += count;
    e->late += late ? count : 0;
    c->late += late ? count : 0;
    return HEED_OK;
}

const struct open_epoch *consumption_next(const struct consumption *c, int64_t through)
{
    return c->open_n > 0 && c->open[0].number <= through ? &c->open[0] : NULL;
}
