#include "import/exposures.h"

#include "base/csv.h"
#include "base/out_file.h"
#include "base/time.h"
#include "world/apply.h"

struct shown {
    uint32_t target, position, propensity;
    bool rewarded;
};

struct feed {
    int64_t time_ms;
    uint64_t policy;
    size_t from, before; /* in rows; in feeds, plus 1: the user's one before, 0: none */
    uint32_t n, user;
    bool followed; /* by another of the user's */
};

struct walking {
    const struct world *w;
    const struct exposures_options *options;
    struct shown *rows;
    struct feed *feeds;
    size_t n, cap, feeds_n, feeds_cap;
    size_t *last; /* [parties_n] in feeds, plus 1: the user's last; 0: none */
};

static enum heed_status note_feed(struct walking *k, const struct call *c, struct heed_error *err)
{
    struct feed_fact fact;
    uint32_t user = (uint32_t)c->i[0];
    if (!fact_read(c->blob, &k->w->state.catalogue, &fact))
        return HEED_OK;
    if (!array_grow(&k->rows, &k->cap, k->n + fact.n, sizeof *k->rows) ||
        !array_grow(&k->feeds, &k->feeds_cap, k->feeds_n + 1, sizeof *k->feeds))
        return error_nomem(err);
    if (k->last[user])
        k->feeds[k->last[user] - 1].followed = true;
    k->feeds[k->feeds_n++] = (struct feed){.time_ms = c->time_ms,
                                           .policy = fact.policy,
                                           .from = k->n,
                                           .before = k->last[user],
                                           .n = (uint32_t)fact.n,
                                           .user = user};
    k->last[user] = k->feeds_n;
    for (uint32_t i = 0; i < fact.n; i++)
        k->rows[k->n++] =
            (struct shown){slot_target(&fact.slots[i]), i + 1, fact.slots[i].propensity, false};
    return HEED_OK;
}

static void reward(struct walking *k, uint32_t user, uint32_t target, int64_t time_ms)
{
    size_t at = k->last[user];
    while (at && k->feeds[at - 1].time_ms > time_ms)
        at = k->feeds[at - 1].before;
    const struct feed *f = at ? &k->feeds[at - 1] : NULL;
    if (!f || time_ms - f->time_ms > k->options->within_ms)
        return;
    for (size_t i = f->from; i < f->from + f->n; i++)
        if (k->rows[i].target == target)
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

static void write_row(const struct walking *k, const struct feed *f, const struct shown *x,
                      FILE *to)
{
    char text[96];
    fprintf(to, "%s,", time_to_text(f->time_ms, text));
    csv_put_quoted(to, world_party_id(k->w, f->user));
    fputc(',', to);
    csv_put_quoted(to, str_of(world_target_text(k->w, x->target, text)));
    fprintf(to, ",%u,%.9f,", (unsigned)x->position, (double)x->propensity / EXPLORE_UNIT);
    if (f->policy)
        fprintf(to, "%016llx", (unsigned long long)f->policy);
    fprintf(to, ",%d\n", (int)x->rewarded);
}

static void write_rows(const struct walking *k, struct exposures_written *out, FILE *to)
{
    const struct catalogue *c = &k->w->state.catalogue;
    const struct exposures_options *o = k->options;
    fputs("time,user,action,position,propensity,policy,reward\n", to);
    for (size_t at = 0; at < k->feeds_n; at++) {
        const struct feed *f = &k->feeds[at];
        bool open = !f->followed && o->now_ms - f->time_ms < o->within_ms;
        for (size_t i = f->from; i < f->from + f->n; i++) {
            const struct shown *x = &k->rows[i];
            if (catalogue_erased(c, f->user) || catalogue_gone(c, x->target) ||
                (o->explored && x->propensity == EXPLORE_UNIT))
                continue;
            if (open) {
                out->open++;
                continue;
            }
            write_row(k, f, x, to);
            out->rows++;
        }
    }
}

enum heed_status exposures_write(const struct world *w, const char *path,
                                 const struct exposures_options *options,
                                 struct exposures_written *written, struct heed_error *err)
{
    struct walking k = {.w = w,
                        .options = options,
                        .last = calloc(w->state.catalogue.parties_n + 1, sizeof *k.last)};
    struct out_file out = {0};
    enum heed_status status = k.last ? world_walk(w, visit, &k, err) : error_nomem(err);
    *written = (struct exposures_written){0};
    if (status == HEED_OK)
        status = out_file_open(&out, path, err);
    if (status == HEED_OK)
        write_rows(&k, written, out.f);
    status = out_file_close(&out, status, err);
    free(k.last);
    free(k.rows);
    free(k.feeds);
    return status;
}
