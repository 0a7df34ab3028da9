/* Feeds of a whole epoch: for settling it, and to see beforehand which floor its people can keep.
 */
#include "world/engine_parts.h"
#include "world/pack.h"

#include <math.h>

static const struct open_epoch *find_epoch(const struct consumption *c, int64_t number)
{
    for (size_t i = 0; i < c->open_n; i++)
        if (c->open[i].number == number)
            return &c->open[i];
    return NULL;
}

/* What allocation is asked for an epoch of some people, and what it answers.                     */
struct asked {
    struct allocation_histories h;
    struct feed_places places;
    struct epoch_kinds kinds;
    bool several;
    struct epoch_exposure x;
};

static void asked_deinit(struct asked *a)
{
    histories_deinit(&a->h);
    free(a->places.slots);
    free(a->places.ranks);
    free(a->x.given);
    free(a->x.popularity);
}

/* The scores must be up to date. Undone by asked_deinit, after an error too.                     */
static enum heed_status asked_make(struct world *w, const uint32_t *users, size_t users_n,
                                   struct asked *a, struct heed_error *err)
{
    size_t n = w->state.catalogue.contents_n;
    *a = (struct asked){.several = kinds_several(w->state.rules.allocation.kinds_ppm),
                        .x = {.given = calloc(n + 1, sizeof *a->x.given),
                              .popularity = calloc(n + 1, sizeof *a->x.popularity)}};
    enum heed_status status = a->x.given && a->x.popularity ? HEED_OK : error_nomem(err);
    if (status == HEED_OK)
        status = histories_of(w, TARGET_CONTENT, users, users_n, &a->h, err);
    if (status == HEED_OK)
        status = histories_block(w, users, &a->h, err);
    if (status == HEED_OK && a->several)
        status = shelves_places(w, users, &a->h, &a->places, &a->kinds, err);
    return status;
}

static size_t users_of(const struct open_epoch *epoch, uint32_t *out)
{
    for (size_t i = 0; i < epoch->users_n; i++)
        out[i] = epoch->users[i].key;
    return epoch->users_n;
}

enum heed_status engine_settle(struct world *w, int64_t number, struct strbuf *facts,
                               struct heed_error *err)
{
    const struct open_epoch *epoch = find_epoch(&w->state.consumption, number);
    heed_assert(epoch);
    enum heed_status status = engine_refresh(w, 0, 0, err);
    if (status != HEED_OK)
        return status;
    struct engine *e = w->engine;
    size_t n = w->state.catalogue.contents_n;
    uint32_t *users = malloc((epoch->users_n + 1) * sizeof *users);
    struct asked a = {0};
    const struct epoch_exposure *x = &a.x;
    if (!users)
        return error_nomem(err);
    status = asked_make(w, users, users_of(epoch, users), &a, err);
    if (status == HEED_OK && allocator_epoch(e->allocator, &a.h, &a.x) != HEED_OK)
        status = error_nomem(err);
    if (status == HEED_OK) {
        pack_i64(facts, number);
        pack_u64(facts, n);
        pack_u64(facts, x->feeds);
        pack_u64(facts, x->kept);
        pack_u64(facts, x->min_share_ppm);
        for (size_t i = 0; i < n; i++)
            pack_u64(facts, (uint64_t)llround(e->quality[i] * 1e6));
        for (size_t i = 0; i < n; i++)
            pack_u64(facts, x->given[i]);
        for (size_t i = 0; i < n; i++)
            pack_u64(facts, x->popularity[i]);
        if (w->state.rules.allocation.fair.lambda_ppm > 0) {
            pack_u64(facts, x->cost.mean_ppm);
            pack_u64(facts, x->cost.worst_ppm);
            pack_u64(facts, x->cost.gini_ppm);
            pack_u64(facts, x->cost.gini_alone_ppm);
        }
        broken_pack(facts, x, a.several ? &a.kinds : NULL);
        if (facts->failed)
            status = error_nomem(err);
    }
    asked_deinit(&a);
    free(users);
    return status;
}

/* Those of the newest open epoch, in the order in which they came; or, where those are more, all
 * who acted within an epoch's length of the newest act. out: [parties]. */
static size_t recent_users(const struct world *w, uint32_t *out)
{
    const struct state *s = &w->state;
    const struct consumption *c = &s->consumption;
    int64_t since = s->behaviour.latest_ms - s->rules.consumption.epoch_ms;
    size_t n = 0;
    for (uint32_t i = 0; i < s->catalogue.parties_n; i++) {
        const struct user_stats *u = behaviour_user(&s->behaviour, i);
        if (u && u->head != HANDLE_NONE && u->last_ms > since &&
            !catalogue_gone(&s->catalogue, target_make(TARGET_USER, i)))
            out[n++] = i;
    }
    const struct open_epoch *newest = c->open_n ? &c->open[c->open_n - 1] : NULL;
    return newest && newest->users_n >= n ? users_of(newest, out) : n;
}

enum heed_status engine_floor(struct world *w, uint32_t floor_ppm, struct floor_outlook *out,
                              struct heed_error *err)
{
    enum { STEP_PPM = 1000, ALL_PPM = 1000000 };
    struct asked a = {0};
    *out = (struct floor_outlook){0};
    enum heed_status status = engine_refresh(w, 0, 0, err);
    if (status != HEED_OK)
        return status;
    uint32_t *users = malloc((w->state.catalogue.parties_n + 1) * sizeof *users);
    if (!users)
        return error_nomem(err);
    size_t users_n = recent_users(w, users);
    struct allocator *allocator = w->engine->allocator;
    status = asked_make(w, users, users_n, &a, err);
    /* low: kept, high: not, in steps; the one asked for comes first */
    uint32_t low = 0, high = ALL_PPM / STEP_PPM + 1, ask = floor_ppm;
    for (bool first = true; status == HEED_OK; first = false) {
        allocator_promise(allocator, ask);
        if (allocator_epoch(allocator, &a.h, &a.x) != HEED_OK) {
            status = error_nomem(err);
            break;
        }
        if (first) {
            *out = (struct floor_outlook){.people = users_n,
                                          .contents = allocator_promised(allocator),
                                          .slots = a.x.slots,
                                          .kept = a.x.kept,
                                          .min_share_ppm = a.x.min_share_ppm};
            if (a.x.kept)
                low = floor_ppm / STEP_PPM;
            else
                high = (floor_ppm + STEP_PPM - 1) / STEP_PPM;
        } else if (a.x.kept) {
            low = ask / STEP_PPM;
        } else {
            high = ask / STEP_PPM;
        }
        if (high - low <= 1 || a.x.slots == 0)
            break;
        ask = (low + high) / 2 * STEP_PPM;
    }
    out->highest_ppm = low * STEP_PPM;
    if (out->kept && out->highest_ppm < floor_ppm)
        out->highest_ppm = floor_ppm;
    allocator_promise(allocator, w->state.rules.allocation.floor_ppm);
    asked_deinit(&a);
    free(users);
    return status;
}
