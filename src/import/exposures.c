#include "import/exposures.h"

#include "base/csv.h"
#include "base/out_file.h"
#include "base/time.h"
#include "world/apply.h"

struct shown {
    int64_t time_ms;
    uint64_t policy;
    uint32_t user, target, position, propensity;
    bool rewarded;
};

struct walking {
    const struct world *w;
    struct shown *rows;
    size_t n, cap;
    struct feed {
        size_t from, n; /* of the user's last feed, in rows */
    } * last;           /* [parties_n] */
};

static enum heed_status note_feed(struct walking *k, const struct call *c, struct heed_error *err)
{
    struct feed_fact fact;
    uint32_t user = (uint32_t)c->i[0];
    if (!fact_read(c->blob, &k->w->state.catalogue, &fact))
        return HEED_OK;
    if (!array_grow(&k->rows, &k->cap, k->n + fact.n, sizeof *k->rows))
        return error_nomem(err);
    k->last[user] = (struct feed){k->n, fact.n};
    for (uint32_t i = 0; i < fact.n; i++) {
        const struct slot *s = &fact.slots[i];
        k->rows[k->n++] = (struct shown){c->time_ms, fact.policy,   user, slot_target(s),
                                         i + 1,      s->propensity, false};
    }
    return HEED_OK;
}

static void reward(struct walking *k, uint32_t user, uint32_t target, int64_t time_ms)
{
    struct feed feed = k->last[user];
    for (size_t i = feed.from; i < feed.from + feed.n; i++)
        if (k->rows[i].target == target && time_ms >= k->rows[i].time_ms)
            k->rows[i].rewarded = true;
}

static void note_act(struct walking *k, const struct call *c)
{
    const struct state *s = &k->w->state;
    struct act act = act_of_call(&s->catalogue, c);
    if (act_engages(s, &act))
        reward(k, act.user, act.target, act.time_ms);
}

static enum heed_status visit(void *context, const struct call *c, struct heed_error *err)
{
    struct walking *k = context;
    if (c->command == COMMAND_feed_serve)
        return note_feed(k, c, err);
    if (c->command == COMMAND_event_add)
        note_act(k, c);
    if (c->command == COMMAND_shop_buy)
        reward(k, (uint32_t)c->i[1], (uint32_t)c->i[0], c->time_ms);
    return HEED_OK;
}

static uint64_t write_rows(const struct walking *k, FILE *f)
{
    const struct catalogue *c = &k->w->state.catalogue;
    uint64_t written = 0;
    fputs("time,user,action,position,propensity,policy,reward\n", f);
    for (size_t i = 0; i < k->n; i++) {
        const struct shown *x = &k->rows[i];
        char text[96];
        if (catalogue_erased(c, x->user) || catalogue_gone(c, x->target))
            continue;
        fprintf(f, "%s,", time_to_text(x->time_ms, text));
        csv_put_quoted(f, world_party_id(k->w, x->user));
        fputc(',', f);
        csv_put_quoted(f, str_of(world_target_text(k->w, x->target, text)));
        fprintf(f, ",%u,%.9f,", (unsigned)x->position, (double)x->propensity / EXPLORE_UNIT);
        if (x->policy)
            fprintf(f, "%016llx", (unsigned long long)x->policy);
        fprintf(f, ",%d\n", (int)x->rewarded);
        written++;
    }
    return written;
}

enum heed_status exposures_write(const struct world *w, const char *path, uint64_t *rows,
                                 struct heed_error *err)
{
    struct walking k = {.w = w, .last = calloc(w->state.catalogue.parties_n + 1, sizeof *k.last)};
    struct out_file out = {0};
    enum heed_status status = k.last ? world_walk(w, visit, &k, err) : error_nomem(err);
    if (status == HEED_OK)
        status = out_file_open(&out, path, err);
    if (status == HEED_OK)
        *rows = write_rows(&k, out.f);
    status = out_file_close(&out, status, err);
    free(k.last);
    free(k.rows);
    return status;
}
