#include "quality/positions.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

enum { STEPS = 200, CONTENTS_END = 1 << 28 };

void positions_init(struct positions *p)
{
    memset(p, 0, sizeof *p);
    map_init(&p->cell_of);
}

void positions_deinit(struct positions *p)
{
    free(p->cells);
    map_deinit(&p->cell_of);
    positions_init(p);
}

static uint64_t key_of(uint32_t content, uint32_t position)
{
    return (uint64_t)content << 8 | position;
}

static bool add_cell(struct positions *p, const struct position_cell *c)
{
    if (p->n >= MAP_NONE || !array_grow(&p->cells, &p->cap, p->n + 1, sizeof *p->cells) ||
        !map_put(&p->cell_of, key_of(c->content, c->position), (uint32_t)p->n))
        return false;
    p->cells[p->n++] = *c;
    return true;
}

bool positions_shown(struct positions *p, uint32_t content, uint32_t position)
{
    heed_assert(position < POSITIONS_MAX);
    uint32_t at = map_get(&p->cell_of, key_of(content, position));
    if (at == MAP_NONE)
        return add_cell(p, &(struct position_cell){content, position, 1, 0});
    p->cells[at].shown += p->cells[at].shown < UINT32_MAX;
    return true;
}

bool positions_place(struct positions *p, const struct position_cell *c)
{
    heed_assert(c->position < POSITIONS_MAX && c->engaged <= c->shown);
    uint32_t at = map_get(&p->cell_of, key_of(c->content, c->position));
    if (at == MAP_NONE)
        return add_cell(p, c);
    p->cells[at] = *c;
    return true;
}

void positions_engaged(struct positions *p, uint32_t content, uint32_t position)
{
    uint32_t at = map_get(&p->cell_of, key_of(content, position));
    if (at != MAP_NONE && p->cells[at].engaged < p->cells[at].shown)
        p->cells[at].engaged++;
}

void positions_save(const struct positions *p, struct sink *s)
{
    sink_u64(s, p->n);
    for (size_t i = 0; i < p->n; i++) {
        sink_u32(s, p->cells[i].content);
        sink_u8(s, (uint8_t)p->cells[i].position);
        sink_u32(s, p->cells[i].shown);
        sink_u32(s, p->cells[i].engaged);
    }
}

enum heed_status positions_load(struct positions *p, struct source *s, struct heed_error *err)
{
    size_t n = source_count(s, UINT32_MAX - 1);
    for (size_t i = 0; i < n && !s->failed; i++) {
        struct position_cell c = {.content = source_u32(s)};
        c.position = source_u8(s);
        c.shown = source_u32(s);
        c.engaged = source_u32(s);
        if (s->failed)
            break;
        if (c.content >= CONTENTS_END || c.position >= POSITIONS_MAX || c.shown == 0 ||
            c.engaged > c.shown || map_get(&p->cell_of, key_of(c.content, c.position)) != MAP_NONE)
            return error_set(err, HEED_INPUT, "quality",
                             "the stored state is damaged (a position that cannot be); restore "
                             "it from an earlier snapshot");
        if (!add_cell(p, &c))
            return error_nomem(err);
    }
    if (s->failed)
        return error_set(err, HEED_INPUT, "quality",
                         "the stored state is damaged (it ends too early); restore it from an "
                         "earlier snapshot");
    return HEED_OK;
}

/* ── estimating ──────────────────────────────────────────────────────────────────────────────── */

struct appeal {
    double engaged, shown; /* shown: examined only */
};

static double appeal_of(const struct appeal *a)
{
    return a->shown > 0 ? a->engaged / a->shown : 0;
}

/* Positions that contents link with the top, through positions in between. The others cannot be
 * compared with it. */
static void mark_linked(const struct positions *p, const struct appeal *appeals,
                        uint8_t *content_linked, bool linked[POSITIONS_MAX])
{
    linked[0] = true;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < p->n; i++) {
            const struct position_cell *c = &p->cells[i];
            if (appeals[c->content].engaged <= 0 ||
                linked[c->position] == (content_linked[c->content] != 0))
                continue;
            linked[c->position] = true;
            content_linked[c->content] = 1;
            more = true;
        }
    }
}

/* One step of both factors; what the greatest change of a position was.                          */
static double step(const struct positions *p, struct appeal *appeals, size_t contents,
                   const double engaged[POSITIONS_MAX], double examined[POSITIONS_MAX],
                   double expected[POSITIONS_MAX])
{
    double moved = 0;
    for (size_t i = 0; i < contents; i++)
        appeals[i].shown = 0;
    for (size_t i = 0; i < p->n; i++)
        appeals[p->cells[i].content].shown += p->cells[i].shown * examined[p->cells[i].position];
    for (int k = 0; k < POSITIONS_MAX; k++)
        expected[k] = 0;
    for (size_t i = 0; i < p->n; i++)
        expected[p->cells[i].position] +=
            p->cells[i].shown * appeal_of(&appeals[p->cells[i].content]);
    double top = expected[0] > 0 && engaged[0] > 0 ? engaged[0] / expected[0] : 1;
    for (int k = 0; k < POSITIONS_MAX; k++) {
        if (expected[k] <= 0)
            continue;
        double now = engaged[k] / expected[k] / top;
        moved = fabs(now - examined[k]) > moved ? fabs(now - examined[k]) : moved;
        examined[k] = now;
    }
    return moved;
}

enum heed_status positions_examined(const struct positions *p, double examined[POSITIONS_MAX])
{
    double engaged[POSITIONS_MAX] = {0}, expected[POSITIONS_MAX] = {0}, all = 0;
    size_t contents = 0;
    for (int k = 0; k < POSITIONS_MAX; k++)
        examined[k] = 1;
    for (size_t i = 0; i < p->n; i++) {
        if (p->cells[i].content >= contents)
            contents = (size_t)p->cells[i].content + 1;
        engaged[p->cells[i].position] += p->cells[i].engaged;
        all += p->cells[i].engaged;
    }
    if (all < POSITIONS_LEAST || engaged[0] <= 0)
        return HEED_OK;
    struct appeal *appeals = calloc(contents, sizeof *appeals);
    uint8_t *content_linked = calloc(contents, 1);
    bool linked[POSITIONS_MAX] = {false};
    if (!appeals || !content_linked) {
        free(appeals);
        free(content_linked);
        return HEED_NOMEM;
    }
    for (size_t i = 0; i < p->n; i++)
        appeals[p->cells[i].content].engaged += p->cells[i].engaged;
    mark_linked(p, appeals, content_linked, linked);
    for (int s = 0; s < STEPS; s++)
        if (step(p, appeals, contents, engaged, examined, expected) < 1e-6)
            break;
    free(appeals);
    free(content_linked);
    for (int k = 0; k < POSITIONS_MAX; k++) {
        /* engagements that would be expected here if it were the top */
        double drawn = (engaged[k] + POSITIONS_DOUBT) / (expected[k] + POSITIONS_DOUBT);
        examined[k] = linked[k] && expected[k] > 0 && drawn < 1 ? drawn : 1;
    }
    examined[0] = 1;
    return HEED_OK;
}
