/* Why someone was paid: the payouts as they were settled, and what attention made their points.
 *
 * The parts are not kept in the state: the journal has every act and, with each settlement, the
 * quality of every content, so the walk over it up to that settlement finds them again, however
 * much has happened since. It repeats, for the acts alone, what decides where points go: ids seen
 * before, and the epochs open when an act came. What it finds is held against what was paid.    */
#include "world/apply.h"
#include "world/pack.h"

__extension__ typedef unsigned __int128 u128;
enum { PPM = 1000000, TOP = 10 };

/* What one target gave to the points, or one content brought.                                   */
struct part {
    uint32_t target, quality_ppm;
    uint64_t events, remainder;
    int64_t attention_milli, points_milli; /* points: attention x quality for who earned it */
};

struct parts {
    struct part *rows;
    size_t n, cap;
    struct map at; /* target to row */
};

enum side { GIVEN, EARNED, SIDES };

struct explaining {
    const struct world *w;
    uint32_t user;
    int64_t epoch;
    struct behaviour seen;     /* ids only */
    struct consumption epochs; /* which are open, and nothing else */
    struct parts parts[SIDES];
    bool settled;
};

static enum heed_status count(struct parts *p, uint32_t target, int64_t points, uint64_t events)
{
    uint32_t at = map_get(&p->at, target);
    if (at == MAP_NONE) {
        at = (uint32_t)p->n;
        if (!array_grow(&p->rows, &p->cap, p->n + 1, sizeof *p->rows) ||
            !map_put(&p->at, target, at))
            return HEED_NOMEM;
        p->rows[p->n++] = (struct part){.target = target, .quality_ppm = PPM};
    }
    struct part *row = &p->rows[at];
    row->events += events;
    row->attention_milli =
        row->attention_milli > INT64_MAX - points ? INT64_MAX : row->attention_milli + points;
    return HEED_OK;
}

static enum heed_status walk_act(struct explaining *x, const struct act *act)
{
    const struct rules *r = &x->w->state.rules;
    const struct catalogue *c = &x->w->state.catalogue;
    bool duplicate;
    if (behaviour_seen(&x->seen, &r->behaviour, act, &duplicate) != HEED_OK)
        return HEED_NOMEM;
    uint32_t owner = catalogue_owner(c, act->target);
    int64_t points = behaviour_points(&r->behaviour, act->verb, act->amount_milli);
    if (duplicate)
        return HEED_OK;
    bool counts = points > 0 && !act->own;
    enum heed_status status = HEED_OK;
    if (counts && consumption_epoch(&x->epochs, &r->consumption, act->time_ms) == x->epoch) {
        if (act->user == x->user)
            status = count(&x->parts[GIVEN], act->target, points, 1);
        if (status == HEED_OK && owner == x->user && target_kind(act->target) == TARGET_CONTENT)
            status = count(&x->parts[EARNED], act->target, points, 1);
    }
    return status == HEED_OK ? consumption_attend(&x->epochs, &r->consumption, act->time_ms, 0,
                                                  HANDLE_NONE, counts)
                             : status;
}

static enum heed_status walk_counted(struct explaining *x, const struct call *call)
{
    const struct rules *r = &x->w->state.rules;
    struct act act = act_of_counted(call);
    uint64_t n = (uint64_t)call->i[2];
    bool duplicate;
    if (behaviour_seen(&x->seen, &r->behaviour, &act, &duplicate) != HEED_OK)
        return HEED_NOMEM;
    int64_t points = counted_points(&r->behaviour, &act, n);
    if (points <= 0 || target_kind(act.target) != TARGET_CONTENT)
        return HEED_OK;
    if (consumption_epoch(&x->epochs, &r->consumption, act.time_ms) == x->epoch &&
        catalogue_owner(&x->w->state.catalogue, act.target) == x->user &&
        count(&x->parts[EARNED], act.target, points, n) != HEED_OK)
        return HEED_NOMEM;
    return consumption_attend(&x->epochs, &r->consumption, act.time_ms, 0, HANDLE_NONE, 1);
}

static enum heed_status walk_settlement(struct explaining *x, const struct call *call)
{
    struct consumption_rules unpaid = x->w->state.rules.consumption;
    struct unpack u = {call->blob.p, call->blob.n, false};
    int64_t number = unpack_i64(&u);
    size_t n = (size_t)unpack_max(&u, x->w->state.catalogue.contents_n), first, payouts;
    struct settlement s;
    if (!u.bad)
        consumption_skip(&x->epochs, number);
    if (u.bad || x->epochs.open_n == 0 || x->epochs.open[0].number != number)
        return HEED_INPUT;
    unpaid.pool_minor = 0;
    if (consumption_settle(&x->epochs, &unpaid, number, NULL, NULL, 0, NULL, NULL, &s, &first,
                           &payouts) != HEED_OK)
        return HEED_NOMEM;
    if (number != x->epoch)
        return HEED_OK;
    x->settled = true;
    for (int skipped = 0; skipped < 3; skipped++) /* feeds, floor kept, least share */
        unpack_u64(&u);
    struct parts *p = &x->parts[EARNED];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t quality_ppm = (uint32_t)unpack_max(&u, PPM);
        uint32_t at = map_get(&p->at, target_make(TARGET_CONTENT, i));
        if (at != MAP_NONE)
            p->rows[at].quality_ppm = quality_ppm;
    }
    return u.bad ? HEED_INPUT : HEED_OK;
}

static enum heed_status walk_call(void *context, const struct call *call, struct heed_error *err)
{
    struct explaining *x = context;
    enum heed_status status = HEED_OK;
    if (x->settled)
        return HEED_OK;
    if (call->command == COMMAND_event_add) {
        struct act act = act_of_call(&x->w->state.catalogue, call);
        if (call->i[1] < 0 || call->i[1] >= x->w->state.rules.behaviour.verbs_n)
            status = HEED_INPUT;
        else
            status = walk_act(x, &act);
    } else if (call->command == COMMAND_event_counted) {
        if (call->i[0] < 0 || call->i[0] >= x->w->state.rules.behaviour.verbs_n)
            status = HEED_INPUT;
        else
            status = walk_counted(x, call);
    } else if (call->command == COMMAND_shop_buy) { /* earns nothing, but time goes on */
        struct act act = {.time_ms = call->time_ms};
        bool duplicate;
        if (behaviour_verb(&x->w->state.rules.behaviour, STR("purchase")) >= 0)
            status = behaviour_seen(&x->seen, &x->w->state.rules.behaviour, &act, &duplicate);
    } else if (call->command == COMMAND_settle_) {
        status = walk_settlement(x, call);
    }
    if (status == HEED_NOMEM)
        return error_nomem(err);
    return status == HEED_OK ? HEED_OK
                             : error_set(err, HEED_INPUT, "reward explain",
                                         "the journal holds a call that cannot be");
}

/* ── points of parts ── */

static int by_remainder(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->remainder != y->remainder)
        return x->remainder < y->remainder ? 1 : -1;
    return x->target < y->target ? -1 : x->target > y->target;
}

static int by_points(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->points_milli != y->points_milli)
        return x->points_milli < y->points_milli ? 1 : -1;
    if (x->attention_milli != y->attention_milli)
        return x->attention_milli < y->attention_milli ? 1 : -1;
    return x->target < y->target ? -1 : x->target > y->target;
}

/* Gives each part whole thousandths of a point that add up to what was settled, by largest
 * remainder; sorts them by points. false: they do not make what was settled.                    */
static bool share_points(struct parts *p, int64_t settled_milli)
{
    u128 sum = 0;
    int64_t whole = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct part *row = &p->rows[i];
        u128 points = (u128)row->attention_milli * row->quality_ppm;
        sum += points;
        row->points_milli = (int64_t)(points / PPM);
        row->remainder = (uint64_t)(points % PPM);
        if (__builtin_add_overflow(whole, row->points_milli, &whole))
            return true; /* the sum stopped where it was settled too; the rest takes it up */
    }
    if (sum / PPM != (u128)settled_milli)
        return false;
    if (p->n > 0)
        qsort(p->rows, p->n, sizeof *p->rows, by_remainder);
    for (size_t i = 0; whole < settled_milli; i++, whole++)
        p->rows[i].points_milli++;
    if (p->n > 0)
        qsort(p->rows, p->n, sizeof *p->rows, by_points);
    return true;
}

static json_t *part_row(const struct world *w, enum side side, const struct part *p)
{
    json_t *row = json_pack("{s:o,s:I,s:f}", "target", reply_target(w, p->target), "events",
                            (json_int_t)p->events, "attention", (double)p->attention_milli / 1000);
    if (row && side == EARNED)
        json_object_set_new(row, "quality", json_real((double)p->quality_ppm / PPM));
    json_object_set_new(row, "points", json_real((double)p->points_milli / 1000));
    json_object_set_new(row, "points_milli", json_integer(p->points_milli));
    return row;
}

/* Rows of the first k parts, and the others as one.                                             */
static json_t *parts_rows(const struct world *w, enum side side, const struct parts *p, size_t k,
                          int64_t settled_milli, json_t **rest)
{
    json_t *rows = json_array();
    uint64_t events = 0;
    int64_t attention = 0, points = settled_milli;
    for (size_t i = 0; i < p->n; i++) {
        if (i < k) {
            json_array_append_new(rows, part_row(w, side, &p->rows[i]));
            points -= p->rows[i].points_milli;
            continue;
        }
        events += p->rows[i].events;
        if (__builtin_add_overflow(attention, p->rows[i].attention_milli, &attention))
            attention = INT64_MAX;
    }
    *rest = json_pack("{s:I,s:I,s:f,s:f,s:I}", "targets", (json_int_t)(p->n > k ? p->n - k : 0),
                      "events", (json_int_t)events, "attention", (double)attention / 1000, "points",
                      (double)points / 1000, "points_milli", (json_int_t)points);
    return rows;
}

/* ── the answer ── */

static json_t *payout_row(const struct consumption_rules *r, const struct payout *p)
{
    return json_pack("{s:s,s:f,s:I,s:f,s:f,s:I,s:f,s:I,s:I,s:b}", "for",
                     p->creator ? "attention earned" : "attention given", "points",
                     (double)p->points_milli / 1000, "points_milli", (json_int_t)p->points_milli,
                     "curve", (double)p->curve / 1e6, "curve_sum", (double)p->curve_sum / 1e6,
                     "part_minor", (json_int_t)p->part_minor, "cap", r->cap_ppm / 1e6,
                     "uncapped_minor", (json_int_t)p->uncapped_minor, "amount_minor",
                     (json_int_t)p->amount_minor, "capped",
                     (int)(p->amount_minor < p->uncapped_minor));
}

static enum heed_status answer(struct explaining *x, const struct payout *const paid[SIDES],
                               size_t k, json_t **out, struct heed_error *err)
{
    static const char *const names[SIDES][2] = {{"given", "given_rest"}, {"earned", "earned_rest"}};
    const struct world *w = x->w;
    const struct consumption_rules *r = &w->state.rules.consumption;
    json_t *rows = json_array(), *reply = NULL;
    int64_t total = 0;
    for (int side = EARNED; side >= GIVEN; side--)
        if (paid[side]) {
            total += paid[side]->amount_minor;
            json_array_append_new(rows, payout_row(r, paid[side]));
        }
    enum heed_status status = reply_pack(
        &reply, err, "{s:o,s:I,s:o,s:I,s:f,s:s,s:o}", "user",
        reply_target(w, target_make(TARGET_USER, x->user)), "epoch", (json_int_t)x->epoch,
        "currency", reply_currency(w, r->currency), "amount_minor", (json_int_t)total,
        "half_points", (double)r->half_points_milli / 1000, "formula",
        "amount = min(part * curve / curve_sum, part * cap), curve = points / (points + half)",
        "payouts", rows);
    for (int side = EARNED; status == HEED_OK && side >= GIVEN; side--) {
        if (!paid[side])
            continue;
        json_t *rest = NULL, *parts = parts_rows(w, (enum side)side, &x->parts[side], k,
                                                 paid[side]->points_milli, &rest);
        int failed = json_object_set_new(reply, names[side][0], parts);
        failed |= json_object_set_new(reply, names[side][1], rest);
        if (failed)
            status = error_nomem(err);
    }
    if (status == HEED_OK)
        *out = reply;
    else
        json_decref(reply);
    return status;
}

/* i: user, epoch, top                                                                           */
enum heed_status query_reward_explain(struct world *w, const struct call *call,
                                      enum refusal *refusal, json_t **out, struct heed_error *err)
{
    const struct consumption *c = &w->state.consumption;
    struct explaining x = {.w = w, .user = (uint32_t)call->i[0], .epoch = call->i[1]};
    const struct payout *paid[SIDES] = {NULL, NULL};
    for (size_t i = 0; i < c->payouts_n; i++)
        if (c->payouts[i].party == x.user && c->payouts[i].epoch == x.epoch)
            paid[c->payouts[i].creator ? EARNED : GIVEN] = &c->payouts[i];
    if (!paid[GIVEN] && !paid[EARNED]) {
        *refusal = REFUSED_no_payout;
        return HEED_OK;
    }
    behaviour_init(&x.seen);
    consumption_init(&x.epochs);
    for (int side = 0; side < SIDES; side++)
        map_init(&x.parts[side].at);
    enum heed_status status = world_walk(w, walk_call, &x, err);
    for (int side = 0; status == HEED_OK && side < SIDES; side++)
        if (paid[side] && !share_points(&x.parts[side], paid[side]->points_milli))
            status = error_set(err, HEED_INPUT, "reward explain",
                               "the journal does not give the points that were paid for: see what "
                               "`heed verify` says");
    if (status == HEED_OK)
        status = answer(&x, paid, call->i[2] == CALL_ABSENT ? TOP : (size_t)call->i[2], out, err);
    for (int side = 0; side < SIDES; side++) {
        map_deinit(&x.parts[side].at);
        free(x.parts[side].rows);
    }
    behaviour_deinit(&x.seen);
    consumption_deinit(&x.epochs);
    return status;
}
