/* Commands of plaza's people, and what they have and think. */
#include "sim/plaza_market.h"

#include "base/money.h"

#include <stdio.h>

/* ── commands ── */

static char *next_word(struct words *a, const char *name)
{
    heed_assert(a->n < sizeof a->args / sizeof a->args[0] - 1); /* one is for the id */
    a->args[a->n] = (struct heed_arg){name, a->text[a->n]};
    return a->text[a->n++];
}

void words_text(struct words *a, const char *name, const char *value)
{
    snprintf(next_word(a, name), sizeof a->text[0], "%s", value);
}

void words_number(struct words *a, const char *name, int64_t value)
{
    snprintf(next_word(a, name), sizeof a->text[0], "%lld", (long long)value);
}

void words_money(const struct market *m, struct words *a, const char *name, int64_t minor)
{
    char text[32];
    int scale = m->w->state.rules.currencies[m->currency].scale;
    words_text(a, name, money_to_text((struct money){minor}, scale, text));
}

void words_time(struct words *a, const char *name, int64_t time_ms)
{
    char text[32];
    words_text(a, name, time_to_text(time_ms, text));
}

void words_target(const struct market *m, struct words *a, const char *name, uint32_t target)
{
    char text[96];
    words_text(a, name, world_target_text(m->w, target, text));
}

void words_user(const struct market *m, struct words *a, const char *name, uint32_t party)
{
    struct str id = world_party_id(m->w, party);
    snprintf(next_word(a, name), sizeof a->text[0], "%.*s", (int)id.n, id.p);
}

enum heed_status market_send(struct market *m, enum command_id command, uint32_t person,
                             struct words *a, json_t **reply, struct heed_error *err)
{
    const struct command_spec *spec = command_spec(command);
    char actor[96];
    struct str id = person == HANDLE_NONE ? STR_NONE : world_party_id(m->w, person);
    snprintf(actor, sizeof actor, "%.*s", (int)id.n, id.p ? id.p : "");
    struct heed_context context = {m->now_ms, person == HANDLE_NONE ? NULL : actor};
    size_t n = a->n;
    m->commands++;
    if (command_arg(spec, STR("id")) >= 0) {
        snprintf(a->text[n], sizeof a->text[n], "plaza-%llu-%llu", (unsigned long long)m->seed,
                 (unsigned long long)m->commands);
        a->args[n] = (struct heed_arg){"id", a->text[n]};
        n++;
    }
    json_t *answer = NULL;
    enum heed_status status = admit_queue(m->w, spec, &context, a->args, n, &answer, err);
    if (reply)
        *reply = status == HEED_OK ? answer : NULL;
    if (!reply || status != HEED_OK)
        json_decref(answer);
    if (status != HEED_REFUSED)
        return status;
    m->refused++;
    return HEED_OK;
}

/* ── the agenda: a heap ── */

static bool sooner(const struct appointment *x, const struct appointment *y)
{
    return x->time_ms != y->time_ms ? x->time_ms < y->time_ms : x->order < y->order;
}

enum heed_status market_plan(struct market *m, int64_t time_ms, enum plaza_act act, uint32_t about,
                             uint32_t person, struct heed_error *err)
{
    if (!array_grow(&m->agenda, &m->agenda_cap, m->agenda_n + 1, sizeof *m->agenda))
        return error_nomem(err);
    struct appointment x = {time_ms, m->planned++, about, person, act};
    size_t at = m->agenda_n++;
    for (; at > 0 && sooner(&x, &m->agenda[(at - 1) / 2]); at = (at - 1) / 2)
        m->agenda[at] = m->agenda[(at - 1) / 2];
    m->agenda[at] = x;
    return HEED_OK;
}

bool market_next(struct market *m, struct appointment *x)
{
    if (m->agenda_n == 0)
        return false;
    *x = m->agenda[0];
    struct appointment last = m->agenda[--m->agenda_n];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < m->agenda_n; at = child) {
        if (child + 1 < m->agenda_n && sooner(&m->agenda[child + 1], &m->agenda[child]))
            child++;
        if (!sooner(&m->agenda[child], &last))
            break;
        m->agenda[at] = m->agenda[child];
    }
    m->agenda[at] = last;
    return true;
}

int64_t market_between(struct market *m, int64_t from_ms, int64_t to_ms)
{
    uint64_t seconds = (uint64_t)(to_ms - from_ms) / 1000;
    return from_ms + (int64_t)prng_below(&m->r, seconds) * 1000;
}

/* ── what people have ── */

int64_t market_money(const struct market *m, uint32_t person)
{
    const struct ledger *l = &m->w->state.ledger;
    return ledger_balance(l, ledger_find(l, person, m->currency));
}

int64_t market_pieces(const struct market *m, uint32_t person, uint32_t target)
{
    const struct ledger *l = &m->w->state.ledger;
    return ledger_balance(l, ledger_find(l, person, item_unit(target)));
}

uint32_t market_person(struct market *m)
{
    return m->people[prng_below(&m->r, m->people_n)];
}

uint32_t market_payer(struct market *m, int64_t price_minor)
{
    enum { TRIES = 40 };
    for (int i = 0; i < TRIES; i++) {
        uint32_t person = market_person(m);
        if (market_money(m, person) / 4 >= price_minor)
            return person;
    }
    return HANDLE_NONE;
}

/* ── what they think ── */

int64_t market_attention(const struct market *m, uint32_t target)
{
    const struct state *s = &m->w->state;
    const struct target_stats *t = behaviour_target(&s->behaviour, target);
    return t ? behaviour_decay(t->popularity_micro, m->now_ms - t->last_ms,
                               s->rules.behaviour.half_life_ms)
             : 0;
}

int64_t market_fair(const struct market *m, uint32_t target)
{
    const struct good *g = catalogue_good(&m->w->state.catalogue, target);
    double attention = (double)market_attention(m, target), median = (double)m->median_micro;
    double factor = 0.75 + (attention > 0 ? 0.75 * attention / (attention + median) : 0);
    return (int64_t)((double)g->price_minor * factor);
}

int64_t market_opinion(const struct market *m, uint32_t person, uint32_t target)
{
    struct prng own;
    prng_seed(&own, m->seed ^ (uint64_t)person << 32 ^ target);
    double differs = plaza_clamp(1 + 0.18 * plaza_normal(&own), 0.55, 1.6);
    return (int64_t)((double)market_fair(m, target) * differs);
}

int64_t market_price(int64_t minor, int64_t hundredths)
{
    enum { STEP = 5 };
    int64_t price = minor * hundredths / 100 / STEP * STEP;
    return price < STEP ? STEP : price;
}

bool market_traded(const struct market *m, uint32_t target)
{
    for (uint32_t i = 0; i < m->traded_n; i++)
        if (m->traded[i] == target)
            return true;
    return false;
}
