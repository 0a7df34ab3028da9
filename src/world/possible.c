/* What can be: a stored call or state may be whole and yet say what no admission would ever have
 * let in. Whoever replays or loads asks here first, so that the stages need not doubt their
 * handles. */
#include "base/error.h"
#include "base/time.h"
#include "base/utf8.h"
#include "quality/learned.h"
#include "quality/originality.h"
#include "world/admit.h"
#include "world/apply.h"
#include "world/units.h"

static bool time_ok(int64_t ms)
{
    return ms >= 0 && ms <= TIME_MAX_MS;
}

bool actor_has(const struct state *s, uint32_t actor, unsigned roles)
{
    return actor == HANDLE_NONE ||
           (actor < s->catalogue.parties_n && s->catalogue.parties[actor].role_bits & roles);
}

bool actor_for(const struct state *s, uint32_t actor, uint32_t party)
{
    return actor == party || actor_has(s, actor, ROLE_OPERATOR | ROLE_CLIENT);
}

bool unit_possible(const struct state *s, int64_t unit)
{
    return unit >= 0 && unit <= UINT32_MAX &&
           (unit < UNITS_OF_MONEY
                ? unit < s->rules.currencies_n
                : catalogue_good(&s->catalogue, unit_item((uint32_t)unit)) != NULL);
}

static int64_t choices(const char *text)
{
    int64_t n = 1;
    for (; *text; text++)
        n += *text == '|';
    return n;
}

/* v is not CALL_ABSENT.                                                                         */
static bool argument_ok(const struct state *s, const struct arg_spec *a, int64_t v)
{
    switch (a->type) {
    case ARG_USER:
    case ARG_PARTY:
        return v >= 0 && (uint64_t)v < s->catalogue.parties_n;
    case ARG_ACCOUNT:
        return v >= 0 && v <= UINT32_MAX &&
               ((uint64_t)v < s->catalogue.parties_n || holder_system_name((uint32_t)v));
    case ARG_TARGET:
        return v >= 0 && v <= UINT32_MAX && catalogue_has(&s->catalogue, (uint32_t)v);
    case ARG_GOOD:
        return v >= 0 && v <= UINT32_MAX && catalogue_good(&s->catalogue, (uint32_t)v);
    case ARG_NEW: /* a known party that becomes a user */
        return v >= 0 && (uint64_t)v < s->catalogue.parties_n;
    case ARG_VERB:
        return v >= 0 && v < s->rules.behaviour.verbs_n;
    case ARG_SYMBOL:
        return v >= 0 && (uint64_t)v < s->catalogue.symbols.count;
    case ARG_CURRENCY:
        return v >= 0 && v < s->rules.currencies_n;
    case ARG_UNIT:
        return unit_possible(s, v);
    case ARG_AMOUNT:
    case ARG_INT:
    case ARG_SCORE:
        return v >= a->min && v <= a->max;
    case ARG_DECIMAL:
        return v >= 0 && v <= a->max;
    case ARG_TIME:
        return time_ok(v);
    case ARG_ROLE:
        return v >= 0 && v <= UINT8_MAX;
    case ARG_CHOICE:
        return v >= 0 && v < choices(a->choices);
    case ARG_FLAG:
        return v == 1;
    default:
        return true;
    }
}

bool call_possible(const struct state *s, const struct call *call)
{
    const struct command_spec *spec = command_spec((enum command_id)call->command);
    if (!time_ok(call->time_ms) ||
        (call->actor != HANDLE_NONE && call->actor >= s->catalogue.parties_n))
        return false;
    size_t at = 0;
    for (size_t i = 0; i < spec->n; i++) {
        const struct arg_spec *a = &spec->args[i];
        switch (a->type) {
        case ARG_TEXT:
        case ARG_FILE:
        case ARG_BLOB:
        case ARG_FACT:
            break;
        case ARG_ID: /* both halves or neither */
        case ARG_DATA:
            if ((call->i[at] == CALL_ABSENT) != (call->i[at + 1] == CALL_ABSENT))
                return false;
            at += 2;
            break;
        default:
            if (call->i[at] == CALL_ABSENT ? a->flags & REQUIRED && a->type != ARG_NEW
                                           : !argument_ok(s, a, call->i[at]))
                return false;
            at++;
        }
    }
    return true;
}

bool symbol_possible(struct str text)
{
    return text.n >= 1 && utf8_invalid_at(text) == text.n;
}

static bool ids_ok(const struct intern *t, bool (*ok)(struct str))
{
    for (uint32_t i = 0; i < t->count; i++)
        if (!ok(intern_str(t, i)))
            return false;
    return true;
}

static bool goods_ok(const struct good *g, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!time_ok(g[i].created_at_ms))
            return false;
    return true;
}

static bool catalogue_ok(const struct state *s)
{
    const struct catalogue *c = &s->catalogue;
    for (size_t i = 0; i < c->parties_n; i++)
        if (!time_ok(c->parties[i].joined_at_ms))
            return false;
    for (size_t i = 0; i < c->contents_n; i++)
        if (!time_ok(c->contents[i].created_at_ms))
            return false;
    return c->symbols.count <= SYMBOLS_MAX && ids_ok(&c->symbols, symbol_possible) &&
           ids_ok(&c->content_ids, admit_id_ok) && ids_ok(&c->good_ids, admit_id_ok) &&
           ids_ok(&c->service_ids, admit_id_ok) && goods_ok(c->goods, c->goods_n) &&
           goods_ok(c->services, c->services_n);
}

static bool times_ok(const struct state *s)
{
    for (size_t i = 0; i < s->ledger.transfers_n; i++)
        if (!time_ok(s->ledger.transfers[i].time_ms))
            return false;
    for (size_t i = 0; i < s->feeds_n; i++)
        if (!time_ok(s->feeds[i].time_ms))
            return false;
    for (size_t i = 0; i < s->models.n; i++)
        if (!time_ok(s->models.list[i].trained_at_ms))
            return false;
    for (size_t i = 0; i < s->shop.purchases_n; i++)
        if (!time_ok(s->shop.purchases[i].time_ms))
            return false;
    return true;
}

static bool behaviour_and_quality_ok(const struct state *s)
{
    const struct catalogue *c = &s->catalogue;
    const size_t n[TARGET_KINDS] = {0, c->parties_n, c->contents_n, c->goods_n, c->services_n};
    const struct behaviour *b = &s->behaviour;
    const struct quality *q = &s->quality;
    for (int kind = TARGET_USER; kind < TARGET_KINDS; kind++)
        if (b->targets[kind].n > n[kind] || q->targets[kind].n > n[kind])
            return false;
    for (uint32_t v = s->rules.behaviour.verbs_n; v < VERBS_MAX; v++)
        if (b->verb_events[v] || b->verb_amount_milli[v])
            return false;
    for (size_t i = 0; i < q->entries_n; i++)
        if (q->entries[i].user >= c->parties_n)
            return false;
    for (size_t i = 0; i < q->positions.n; i++)
        if (q->positions.cells[i].content >= c->contents_n)
            return false;
    if (q->learned && q->learned->raters_n > c->parties_n)
        return false;
    return b->users_n <= c->parties_n &&
           (q->originality ? q->originality->posts_n : 0) == c->contents_n;
}

static bool consumption_ok(const struct state *s)
{
    const struct consumption *c = &s->consumption;
    /* what comes late for all that is settled opens one more epoch */
    int64_t last = TIME_MAX_MS / s->rules.consumption.epoch_ms + 1 + (int64_t)c->settlements_n;
    for (size_t i = 0; i < c->open_n; i++)
        if (c->open[i].number < 0 || c->open[i].number > last)
            return false;
    for (size_t i = 0; i < c->settlements_n; i++)
        if (c->settlements[i].epoch < 0 || c->settlements[i].epoch > last ||
            !time_ok(c->settlements[i].settled_at_ms))
            return false;
    return consumption_within(c, s->catalogue.parties_n, s->catalogue.contents_n);
}

static bool purposes_ok(const struct state *s)
{
    for (size_t i = 0; i < s->ledger.accounts_n; i++) {
        uint16_t p = s->ledger.accounts[i].purpose;
        if (p != 0 &&
            (p < PURPOSES_OWN ? p > PURPOSE_ESCROW
             : p < PURPOSE_SINKS
                 ? (size_t)(p - PURPOSES_OWN) >= s->catalogue.symbols.count
                 : s->ledger.accounts[i].holder != HOLDER_RETIRE || !shop_sink_name(&s->shop, p)))
            return false;
    }
    return true;
}

static bool person(const struct state *s, uint32_t party)
{
    return party == MARKET_NOBODY || party < s->catalogue.parties_n;
}

static bool market_ok(const struct state *s)
{
    const struct market_versions *x = &s->market;
    for (size_t i = 0; i < x->n; i++)
        if (x->v[i].proposer >= s->catalogue.parties_n || !person(s, x->v[i].approver) ||
            !person(s, x->v[i].withdrawer) || !time_ok(x->v[i].proposed_ms) ||
            !time_ok(x->v[i].approved_ms) || !time_ok(x->v[i].withdrawn_ms) ||
            !time_ok(x->v[i].effective_ms))
            return false;
    return true;
}

enum heed_status state_possible(const struct state *s, struct heed_error *err)
{
    const char *wrong;
    if (venues_check(&s->venues, &s->ledger, &wrong) != HEED_OK)
        return error_nomem(err);
    if (catalogue_ok(s) && times_ok(s) && behaviour_and_quality_ok(s) && consumption_ok(s) &&
        purposes_ok(s) && market_ok(s) && !wrong) {
        enum heed_status status =
            shop_check(&s->shop, &s->catalogue, &s->ledger, s->rules.currencies_n, err);
        return status == HEED_OK ? auctions_check(&s->auctions, &s->catalogue, &s->ledger,
                                                  s->rules.currencies_n, err)
                                 : status;
    }
    return error_set(err, HEED_INPUT, "snapshot",
                     "its parts do not fit one another: it is damaged");
}
