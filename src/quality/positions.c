#include "quality/positions.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

enum { STEPS = 60, CONTENTS_END = 1 << 28 };

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

/* The cells by content, those of content i at cell[first[i]] .. cell[first[i + 1] - 1].         */
struct grouped {
    const struct positions *p;
    size_t contents;
    size_t *first;
    uint32_t *cell;
    double *engaged;           /* [contents] */
    uint8_t *linked;           /* [contents] compared with the top, through positions in between */
    double at[POSITIONS_MAX];  /* engagements at each position */
    bool known[POSITIONS_MAX]; /* linked */
};

static void grouped_free(struct grouped *g)
{
    free(g->first);
    free(g->cell);
    free(g->engaged);
    free(g->linked);
}

static bool group(struct grouped *g, const struct positions *p)
{
    *g = (struct grouped){.p = p};
    for (size_t i = 0; i < p->n; i++)
        if (p->cells[i].content >= g->contents)
            g->contents = (size_t)p->cells[i].content + 1;
    g->first = calloc(g->contents + 2, sizeof *g->first);
    g->cell = malloc((p->n + 1) * sizeof *g->cell);
    g->engaged = calloc(g->contents + 1, sizeof *g->engaged);
    g->linked = calloc(g->contents + 1, 1);
    if (!g->first || !g->cell || !g->engaged || !g->linked)
        return false;
    for (size_t i = 0; i < p->n; i++) {
        const struct position_cell *c = &p->cells[i];
        g->first[c->content + 2]++;
        g->engaged[c->content] += c->engaged;
        g->at[c->position] += c->engaged;
    }
    for (size_t i = 2; i < g->contents + 2; i++)
        g->first[i] += g->first[i - 1];
    for (size_t i = 0; i < p->n; i++)
        g->cell[g->first[p->cells[i].content + 1]++] = (uint32_t)i;
    return true;
}

/* Positions that contents link with the top, through positions in between where anybody engaged.
 * The others cannot be compared with it. */
static void mark_linked(struct grouped *g)
{
    g->known[0] = true;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < g->p->n; i++) {
            const struct position_cell *c = &g->p->cells[i];
            if (g->engaged[c->content] <= 0 ||
                g->known[c->position] == (g->linked[c->content] != 0) ||
                (g->at[c->position] <= 0 && !g->linked[c->content]))
                continue;
            g->known[c->position] = true;
            g->linked[c->content] = 1;
            more = true;
        }
    }
}

/* Slope and curvature of the log likelihood in the logarithms of `examined`, the appeals being at
 * their best for it:
 *     slope_p = engaged_p - sum_i engaged_i share_ip,   share_ip = shown_ip examined_p / their sum
 *     curvature = - sum_i engaged_i (diag share_i - share_i share_i')                            */
static void climb(const struct grouped *g, const double examined[POSITIONS_MAX],
                  double slope[POSITIONS_MAX], double (*curvature)[POSITIONS_MAX])
{
    memcpy(slope, g->at, POSITIONS_MAX * sizeof *slope);
    memset(curvature, 0, POSITIONS_MAX * sizeof *curvature);
    for (size_t i = 0; i < g->contents; i++) {
        double share[POSITIONS_MAX], sum = 0;
        uint32_t at[POSITIONS_MAX], n = 0;
        for (size_t j = g->first[i]; g->linked[i] && j < g->first[i + 1]; j++) {
            const struct position_cell *c = &g->p->cells[g->cell[j]];
            if (g->at[c->position] <= 0)
                continue;
            at[n] = c->position;
            share[n] = c->shown * examined[c->position];
            sum += share[n++];
        }
        for (uint32_t j = 0; j < n && sum > 0; j++)
            share[j] /= sum;
        for (uint32_t j = 0; j < n && sum > 0; j++) {
            slope[at[j]] -= g->engaged[i] * share[j];
            curvature[at[j]][at[j]] += g->engaged[i] * share[j];
            for (uint32_t k = 0; k < n; k++)
                curvature[at[j]][at[k]] -= g->engaged[i] * share[j] * share[k];
        }
    }
}

/* Solves a x = b for the rows in use, a symmetric and hardly less than positive: x into b. By
 * Cholesky's decomposition, in place.                                                            */
static void solve(double (*a)[POSITIONS_MAX], double *b, const uint32_t *use, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j <= i; j++) {
            double sum = a[use[i]][use[j]];
            for (uint32_t k = 0; k < j; k++)
                sum -= a[use[i]][use[k]] * a[use[j]][use[k]];
            if (i == j)
                a[use[i]][use[i]] = sqrt(sum > 1e-9 ? sum : 1e-9);
            else
                a[use[i]][use[j]] = sum / a[use[j]][use[j]];
        }
        for (uint32_t k = 0; k < i; k++)
            b[use[i]] -= a[use[i]][use[k]] * b[use[k]];
        b[use[i]] /= a[use[i]][use[i]];
    }
    for (uint32_t i = n; i-- > 0;) {
        for (uint32_t k = i + 1; k < n; k++)
            b[use[i]] -= a[use[k]][use[i]] * b[use[k]];
        b[use[i]] /= a[use[i]][use[i]];
    }
}

/* Newton's steps, none of which changes a position by more than e times. */
static void maximise(const struct grouped *g, double (*curvature)[POSITIONS_MAX],
                     double examined[POSITIONS_MAX])
{
    uint32_t use[POSITIONS_MAX], n = 0;
    for (uint32_t k = 0; k < POSITIONS_MAX; k++) {
        examined[k] = g->at[k] > 0 ? 1 : 0;
        if (k > 0 && g->known[k] && g->at[k] > 0)
            use[n++] = k;
    }
    for (int s = 0; s < STEPS && n > 0; s++) {
        double step[POSITIONS_MAX], longest = 0;
        climb(g, examined, step, curvature);
        solve(curvature, step, use, n);
        for (uint32_t k = 0; k < n; k++)
            longest = fabs(step[use[k]]) > longest ? fabs(step[use[k]]) : longest;
        for (uint32_t k = 0; k < n; k++)
            examined[use[k]] *= exp(longest > 1 ? step[use[k]] / longest : step[use[k]]);
        if (longest < 1e-9)
            break;
    }
}

/* Engagements at each position that would be expected if it were the top. */
static void expect(const struct grouped *g, const double examined[POSITIONS_MAX],
                   double expected[POSITIONS_MAX])
{
    for (size_t i = 0; i < g->contents; i++) {
        double shown = 0;
        for (size_t j = g->first[i]; j < g->first[i + 1]; j++)
            shown += g->p->cells[g->cell[j]].shown * examined[g->p->cells[g->cell[j]].position];
        for (size_t j = g->first[i]; shown > 0 && j < g->first[i + 1]; j++) {
            const struct position_cell *c = &g->p->cells[g->cell[j]];
            expected[c->position] += c->shown * (g->engaged[i] / shown);
        }
    }
}

enum heed_status positions_examined(const struct positions *p, double examined[POSITIONS_MAX])
{
    struct grouped g = {0};
    double expected[POSITIONS_MAX] = {0}, all = 0;
    double(*curvature)[POSITIONS_MAX] = malloc(POSITIONS_MAX * sizeof *curvature);
    bool grouped = curvature && group(&g, p);
    for (int k = 0; k < POSITIONS_MAX; k++) {
        all += g.at[k];
        examined[k] = 1;
    }
    if (grouped && all >= POSITIONS_LEAST && g.at[0] > 0) {
        mark_linked(&g);
        maximise(&g, curvature, examined);
        expect(&g, examined, expected);
        for (int k = 0; k < POSITIONS_MAX; k++) {
            double drawn = (g.at[k] + POSITIONS_DOUBT) / (expected[k] + POSITIONS_DOUBT);
            examined[k] = k > 0 && g.known[k] && expected[k] > 0 && drawn < 1 ? drawn : 1;
        }
    }
    grouped_free(&g);
    free(curvature);
    return grouped ? HEED_OK : HEED_NOMEM;
}
