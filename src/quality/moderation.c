#include "quality/moderation.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

static const char *const NAMES[] = {"allow", "limit", "remove", "appeal"};

const char *decision_name(int act)
{
    return act >= 0 && act <= ACT_APPEAL ? NAMES[act] : "";
}

int decision_of_name(struct str name)
{
    for (int i = 0; i <= ACT_APPEAL; i++)
        if (str_is(name, NAMES[i]))
            return i;
    return -1;
}

void moderation_init(struct moderation *m)
{
    memset(m, 0, sizeof *m);
    map_init(&m->report_of);
    map_init(&m->reporter_of);
    map_init(&m->case_of);
}

void moderation_deinit(struct moderation *m)
{
    free(m->reports);
    free(m->acts);
    free(m->cases);
    free(m->reporters);
    map_deinit(&m->report_of);
    map_deinit(&m->reporter_of);
    map_deinit(&m->case_of);
    moderation_init(m);
}

/* ── what there is ── */

const struct moderation_case *moderation_case_of(const struct moderation *m, uint32_t target)
{
    uint32_t at = map_get(&m->case_of, target);
    return at == MAP_NONE ? NULL : &m->cases[at];
}

enum decision moderation_standing(const struct moderation *m, uint32_t target)
{
    const struct moderation_case *c = moderation_case_of(m, target);
    return c && c->standing != ACT_NONE ? (enum decision)m->acts[c->standing].kind : DECISION_ALLOW;
}

struct reporter moderation_reporter(const struct moderation *m, uint32_t user)
{
    uint32_t at = map_get(&m->reporter_of, user);
    return at == MAP_NONE ? (struct reporter){0} : m->reporters[at];
}

bool moderation_newest(const struct moderation *m, uint32_t target, int64_t time_ms,
                       int64_t latest_ms)
{
    const struct moderation_case *c = moderation_case_of(m, target);
    if (!c || c->standing == ACT_NONE)
        return true;
    int64_t standing_ms = m->acts[c->standing].time_ms;
    return time_ms >= standing_ms || standing_ms > latest_ms;
}

enum may_appeal moderation_may_appeal(const struct moderation *m, uint32_t target)
{
    const struct moderation_case *c = moderation_case_of(m, target);
    if (!c || c->standing == ACT_NONE || m->acts[c->standing].kind == DECISION_ALLOW)
        return NOTHING_TO_APPEAL;
    return c->appeal != ACT_NONE || m->acts[c->standing].answer != ACT_NONE ? APPEALED_ALREADY
                                                                            : MAY_APPEAL;
}

/* ── what comes in ── */

static struct moderation_case *open_case(struct moderation *m, uint32_t target)
{
    uint32_t at = map_get(&m->case_of, target);
    if (at != MAP_NONE)
        return &m->cases[at];
    if (!array_grow(&m->cases, &m->cases_cap, m->cases_n + 1, sizeof *m->cases) ||
        !map_put(&m->case_of, target, (uint32_t)m->cases_n))
        return NULL;
    struct moderation_case *c = &m->cases[m->cases_n++];
    *c = (struct moderation_case){target, ACT_NONE, ACT_NONE, ACT_NONE, ACT_NONE, 0, ACT_NONE};
    return c;
}

enum fate { OPEN, WAITS, UPHELD, REJECTED };

/* What has become of a report of this case; see the invariants.                                  */
static enum fate fate(const struct moderation *m, const struct moderation_case *c,
                      const struct filed_report *r)
{
    const struct moderation_act *own = c->standing == ACT_NONE ? NULL : &m->acts[c->standing];
    if (own && r->time_ms <= own->time_ms)
        return own->kind == DECISION_ALLOW ? REJECTED : UPHELD;
    const struct moderation_case *of_maker =
        r->maker == HANDLE_NONE ? NULL : moderation_case_of(m, r->maker);
    if (!of_maker || of_maker->standing == ACT_NONE)
        return OPEN;
    const struct moderation_act *maker = &m->acts[of_maker->standing];
    return maker->kind != DECISION_REMOVE ? OPEN : r->time_ms <= maker->time_ms ? UPHELD : WAITS;
}

/* Puts a report into its reporter's record and its case as these stand (by 1), or out (by -1).   */
static void count(struct moderation *m, const struct filed_report *r, uint32_t by)
{
    struct reporter *who = &m->reporters[r->who];
    struct moderation_case *c = &m->cases[map_get(&m->case_of, r->target)];
    switch (fate(m, c, r)) {
    case OPEN:
        who->open += by;
        c->open += by;
        m->open += (uint64_t)(int64_t)(int32_t)by;
        break;
    case UPHELD:
        who->upheld += by;
        break;
    case REJECTED:
        who->rejected += by;
        break;
    case WAITS:
        break;
    }
}

/* The same for all reports that the standing decision of a case bears on.                        */
static void count_all(struct moderation *m, const struct moderation_case *c, uint32_t by)
{
    for (uint32_t r = c->reports; r != ACT_NONE; r = m->reports[r].before)
        count(m, &m->reports[r], by);
    for (uint32_t r = c->works; r != ACT_NONE; r = m->reports[r].before_works)
        count(m, &m->reports[r], by);
}

/* MAP_NONE: no memory. */
static uint32_t reporter_place(struct moderation *m, uint32_t user)
{
    uint32_t at = map_get(&m->reporter_of, user);
    if (at != MAP_NONE)
        return at;
    if (!array_grow(&m->reporters, &m->reporters_cap, m->reporters_n + 1, sizeof *m->reporters) ||
        !map_put(&m->reporter_of, user, (uint32_t)m->reporters_n))
        return MAP_NONE;
    m->reporters[m->reporters_n] = (struct reporter){0};
    return (uint32_t)m->reporters_n++;
}

enum heed_status moderation_report(struct moderation *m, uint32_t user, uint32_t target,
                                   uint32_t maker, int64_t time_ms)
{
    uint64_t key = (uint64_t)user << 32 | target;
    if (map_get(&m->report_of, key) != MAP_NONE)
        return HEED_OK;
    if (m->reports_n >= ACT_NONE)
        return HEED_RANGE;
    uint32_t who = reporter_place(m, user);
    if (!open_case(m, target) || (maker != HANDLE_NONE && !open_case(m, maker)) ||
        who == MAP_NONE ||
        !array_grow(&m->reports, &m->reports_cap, m->reports_n + 1, sizeof *m->reports) ||
        !map_put(&m->report_of, key, (uint32_t)m->reports_n))
        return HEED_NOMEM;
    uint32_t at = (uint32_t)m->reports_n++;
    struct filed_report *r = &m->reports[at];
    struct moderation_case *c = open_case(m, target);
    *r = (struct filed_report){time_ms, user, target, maker, c->reports, ACT_NONE, who};
    c->reports = at;
    if (maker != HANDLE_NONE) {
        struct moderation_case *of_maker = open_case(m, maker);
        r->before_works = of_maker->works;
        of_maker->works = at;
    }
    count(m, r, 1);
    return HEED_OK;
}

/* The act becomes the one that stands: it closes what appeal there is, and judges the reports.   */
static void stand(struct moderation *m, struct moderation_case *c, uint32_t act)
{
    if (c->appeal != ACT_NONE) {
        bool milder = m->acts[act].kind < m->acts[c->appeal].against;
        *(milder ? &m->reversed : &m->kept) += 1;
        m->acts[act].answer = c->appeal;
        m->acts[c->appeal].answer = act;
        c->appeal = ACT_NONE;
    }
    count_all(m, c, UINT32_MAX);
    c->standing = act;
    count_all(m, c, 1);
}

enum heed_status moderation_add(struct moderation *m, const struct moderation_act *act)
{
    if (m->acts_n >= ACT_NONE)
        return HEED_RANGE;
    struct moderation_case *c = open_case(m, act->target);
    if (!c || !array_grow(&m->acts, &m->acts_cap, m->acts_n + 1, sizeof *m->acts))
        return HEED_NOMEM;
    uint32_t at = (uint32_t)m->acts_n++;
    m->acts[at] = *act;
    m->acts[at].before = c->acts;
    m->acts[at].answer = ACT_NONE;
    c->acts = at;
    if (act->kind == ACT_APPEAL) {
        c->appeal = at;
        m->acts[at].against = m->acts[c->standing].kind;
    } else if (act->stood) {
        stand(m, c, at);
    }
    return HEED_OK;
}

/* ── the queue ── */

static double beta_mean(int32_t a_milli, uint64_t a, int32_t b_milli, uint64_t b)
{
    double yes = a_milli / 1000.0 + (double)a, no = b_milli / 1000.0 + (double)b;
    return yes + no > 0 ? yes / (yes + no) : 0;
}

struct reporter_weight moderation_weight(const struct moderation_rules *r, struct reporter who)
{
    double bears = ((double)r->upheld_milli + r->rejected_milli) / 1000 + who.upheld;
    return (struct reporter_weight){
        beta_mean(r->upheld_milli, who.upheld, r->rejected_milli, who.rejected),
        who.open > bears ? bears / who.open : 1};
}

static int stronger(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x > y ? -1 : x < y;
}

/* The part of a row that its open reports make; p has room for them.                             */
static void weigh_reports(const struct moderation *m, const struct moderation_rules *r,
                          const struct moderation_case *c, double *p, struct queue_row *row)
{
    for (uint32_t i = c->reports; i != ACT_NONE; i = m->reports[i].before) {
        const struct filed_report *report = &m->reports[i];
        if (fate(m, c, report) != OPEN)
            continue;
        struct reporter who = m->reporters[report->who];
        struct reporter_weight w = moderation_weight(r, who);
        p[row->reports++] = w.record * w.share;
        row->known += who.upheld + who.rejected > 0;
        if (report->time_ms < row->since_ms)
            row->since_ms = report->time_ms;
    }
    qsort(p, row->reports, sizeof *p, stronger);
    double not_right = 1, discount = 1;
    for (uint32_t i = 0; i < row->reports; i++) {
        not_right *= pow(1 - p[i], discount);
        discount *= r->agreement_ppm / 1e6;
    }
    row->right = 1 - not_right;
}

static void weigh_appeal(const struct moderation *m, const struct moderation_rules *r,
                         const struct moderation_case *c, struct queue_row *row)
{
    double then = 1 + (double)m->acts[c->standing].attention_micro / 1e6;
    if (m->acts[c->appeal].time_ms < row->since_ms)
        row->since_ms = m->acts[c->appeal].time_ms;
    row->appeal = c->appeal;
    row->wrong = beta_mean(r->reversed_milli, m->reversed, r->kept_milli, m->kept);
    row->harm += row->wrong * (then > row->exposure ? then : row->exposure);
}

static int sooner(const void *a, const void *b)
{
    const struct queue_row *x = a, *y = b;
    if (x->harm != y->harm)
        return x->harm > y->harm ? -1 : 1;
    if (x->since_ms != y->since_ms)
        return x->since_ms < y->since_ms ? -1 : 1;
    return x->target < y->target ? -1 : x->target > y->target;
}

enum heed_status moderation_queue(const struct moderation *m, const struct moderation_rules *r,
                                  double (*exposure)(void *context, uint32_t target), void *context,
                                  struct queue_row **rows, size_t *n)
{
    size_t most = 0;
    for (size_t i = 0; i < m->cases_n; i++)
        most = m->cases[i].open > most ? m->cases[i].open : most;
    struct queue_row *list = malloc((m->cases_n + 1) * sizeof *list);
    double *p = malloc((most + 1) * sizeof *p);
    *n = 0;
    *rows = NULL;
    if (!list || !p) {
        free(list);
        free(p);
        return HEED_NOMEM;
    }
    for (size_t i = 0; i < m->cases_n; i++) {
        const struct moderation_case *c = &m->cases[i];
        if (c->open == 0 && c->appeal == ACT_NONE)
            continue;
        double now = exposure(context, c->target);
        bool reported = c->open > 0 && now >= 0;
        if (!reported && c->appeal == ACT_NONE)
            continue;
        struct queue_row row = {.target = c->target, .appeal = ACT_NONE, .since_ms = INT64_MAX};
        row.exposure = 1 + (now > 0 ? now : 0);
        if (reported)
            weigh_reports(m, r, c, p, &row);
        row.harm = row.right * row.exposure;
        if (c->appeal != ACT_NONE)
            weigh_appeal(m, r, c, &row);
        list[(*n)++] = row;
    }
    free(p);
    qsort(list, *n, sizeof *list, sooner);
    *rows = list;
    return HEED_OK;
}
