#include "circulation/rules_versions.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

const char *market_state_name(enum market_state state)
{
    static const char *const names[] = {"proposed", "approved", "active", "superseded",
                                        "withdrawn"};
    return names[state];
}

void market_versions_init(struct market_versions *x)
{
    *x = (struct market_versions){0};
}

/* The time of an act, which is not before the last one's.                                       */
static int64_t acted(struct market_versions *x, int64_t time_ms)
{
    if (time_ms > x->latest_ms)
        x->latest_ms = time_ms;
    return x->latest_ms;
}

static void drop(struct market_version *v)
{
    free(v->text);
    free(v->rules);
}

void market_versions_deinit(struct market_versions *x)
{
    for (size_t i = 0; i < x->n; i++)
        drop(&x->v[i]);
    free(x->v);
    market_versions_init(x);
}

/* Room for the text of *v, which the caller drops when anything fails.                          */
static enum heed_status make_room(struct market_version *v, size_t n, struct heed_error *err)
{
    v->rules = malloc(sizeof *v->rules);
    v->text = malloc(n + 1);
    if (!v->rules || !v->text)
        return error_nomem(err);
    v->text[n] = 0;
    v->text_n = n;
    return HEED_OK;
}

enum heed_status market_propose(struct market_versions *x, struct str yaml, const char *name,
                                const struct market_currency *currencies, size_t currencies_n,
                                uint32_t proposer, int64_t time_ms, int64_t effective_ms,
                                uint32_t *number, struct heed_error *err)
{
    struct market_version v = {.proposer = proposer,
                               .approver = MARKET_NOBODY,
                               .withdrawer = MARKET_NOBODY,
                               .effective_ms = effective_ms};
    if (yaml.n > MARKET_TEXT_MAX)
        return error_set(err, HEED_INPUT, name, "it is longer than %d bytes", MARKET_TEXT_MAX);
    enum heed_status status = make_room(&v, yaml.n, err);
    if (status == HEED_OK) {
        memcpy(v.text, yaml.p, yaml.n);
        status = market_rules_parse(yaml, name, currencies, currencies_n, v.rules, err);
    }
    if (status == HEED_OK &&
        (x->n >= MARKET_NOBODY - 1 || !array_grow(&x->v, &x->cap, x->n + 1, sizeof *x->v)))
        status = error_nomem(err);
    if (status != HEED_OK) {
        drop(&v);
        return status;
    }
    v.proposed_ms = acted(x, time_ms);
    x->v[x->n++] = v;
    *number = (uint32_t)x->n;
    return HEED_OK;
}

static struct market_version *version(const struct market_versions *x, uint32_t number)
{
    return number >= 1 && number <= x->n ? &x->v[number - 1] : NULL;
}

enum refusal market_approve(struct market_versions *x, uint32_t number, uint32_t approver,
                            int64_t time_ms)
{
    struct market_version *v = version(x, number);
    if (!v)
        return REFUSED_unknown_rules;
    if (v->withdrawer != MARKET_NOBODY)
        return REFUSED_rules_withdrawn;
    if (v->approver != MARKET_NOBODY)
        return REFUSED_rules_approved;
    if (v->proposer == approver)
        return REFUSED_own_proposal;
    v->approver = approver;
    v->approved_ms = acted(x, time_ms);
    v->approval = x->approvals++;
    if (v->effective_ms < v->approved_ms)
        v->effective_ms = v->approved_ms;
    return REFUSED_NOT;
}

static bool in_force_since(const struct market_version *v, int64_t time_ms)
{
    return v->approver != MARKET_NOBODY && v->withdrawer == MARKET_NOBODY &&
           v->effective_ms <= time_ms;
}

enum refusal market_withdraw(struct market_versions *x, uint32_t number, uint32_t withdrawer,
                             int64_t time_ms)
{
    struct market_version *v = version(x, number);
    if (!v)
        return REFUSED_unknown_rules;
    if (v->withdrawer != MARKET_NOBODY)
        return REFUSED_rules_withdrawn;
    if (in_force_since(v, time_ms > x->latest_ms ? time_ms : x->latest_ms))
        return REFUSED_rules_in_force;
    v->withdrawer = withdrawer;
    v->withdrawn_ms = acted(x, time_ms);
    return REFUSED_NOT;
}

uint32_t market_in_force(const struct market_versions *x, int64_t time_ms)
{
    const struct market_version *best = NULL;
    for (size_t i = 0; i < x->n; i++) {
        const struct market_version *v = &x->v[i];
        if (in_force_since(v, time_ms) &&
            (!best || v->effective_ms > best->effective_ms ||
             (v->effective_ms == best->effective_ms && v->approval > best->approval)))
            best = v;
    }
    return best ? (uint32_t)(best - x->v) + 1 : 0;
}

const struct market_rules *market_rules_at(const struct market_versions *x, int64_t time_ms)
{
    uint32_t number = market_in_force(x, time_ms);
    return number ? x->v[number - 1].rules : NULL;
}

enum market_state market_state_at(const struct market_versions *x, uint32_t number, int64_t time_ms)
{
    const struct market_version *v = version(x, number);
    heed_assert(v);
    if (v->withdrawer != MARKET_NOBODY)
        return MARKET_WITHDRAWN;
    if (v->approver == MARKET_NOBODY)
        return MARKET_PROPOSED;
    if (v->effective_ms > time_ms)
        return MARKET_APPROVED;
    return market_in_force(x, time_ms) == number ? MARKET_ACTIVE : MARKET_SUPERSEDED;
}

/* ── saving: n, then of each version text, people, times, and which approval it was ── */

void market_versions_save(const struct market_versions *x, struct sink *k)
{
    sink_u64(k, x->n);
    for (size_t i = 0; i < x->n; i++) {
        const struct market_version *v = &x->v[i];
        sink_str(k, (struct str){v->text, v->text_n});
        sink_u32(k, v->proposer);
        sink_u32(k, v->approver);
        sink_u32(k, v->withdrawer);
        sink_i64(k, v->proposed_ms);
        sink_i64(k, v->approved_ms);
        sink_i64(k, v->withdrawn_ms);
        sink_i64(k, v->effective_ms);
        sink_u32(k, v->approval);
    }
}

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "market", "the saved market rules are damaged (%s)", what);
}

static bool could_have_been(const struct market_version *v)
{
    bool approved = v->approver != MARKET_NOBODY, withdrawn = v->withdrawer != MARKET_NOBODY;
    if (!approved && (v->approved_ms != 0 || v->approval != 0))
        return false;
    if (!withdrawn && v->withdrawn_ms != 0)
        return false;
    return !approved || (v->approver != v->proposer && v->effective_ms >= v->approved_ms);
}

static enum heed_status load_one(struct market_version *v, struct source *k,
                                 const struct market_currency *currencies, size_t currencies_n,
                                 struct heed_error *err)
{
    struct heed_error why = {0};
    size_t n = source_u32(k);
    if (k->failed || n > MARKET_TEXT_MAX)
        return damaged(err, "the length of a text");
    enum heed_status status = make_room(v, n, err);
    if (status != HEED_OK)
        return status;
    source_bytes(k, v->text, n);
    if (k->failed)
        return damaged(err, "a text");
    status = market_rules_parse((struct str){v->text, n}, "market", currencies, currencies_n,
                                v->rules, &why);
    if (status == HEED_NOMEM)
        return error_nomem(err);
    if (status != HEED_OK)
        return damaged(err, "a text that is no rules");
    v->proposer = source_u32(k);
    v->approver = source_u32(k);
    v->withdrawer = source_u32(k);
    v->proposed_ms = source_i64(k);
    v->approved_ms = source_i64(k);
    v->withdrawn_ms = source_i64(k);
    v->effective_ms = source_i64(k);
    v->approval = source_u32(k);
    return k->failed || !could_have_been(v) ? damaged(err, "a version") : HEED_OK;
}

/* What is reckoned from the versions. Approvals are numbered from 0, each once. */
static enum heed_status reckon(struct market_versions *x, struct heed_error *err)
{
    for (size_t i = 0; i < x->n; i++) {
        (void)acted(x, x->v[i].proposed_ms);
        (void)acted(x, x->v[i].approved_ms);
        (void)acted(x, x->v[i].withdrawn_ms);
    }
    bool *seen = calloc(x->n + 1, sizeof *seen);
    enum heed_status status = seen ? HEED_OK : error_nomem(err);
    for (size_t i = 0; status == HEED_OK && i < x->n; i++)
        x->approvals += x->v[i].approver != MARKET_NOBODY;
    for (size_t i = 0; status == HEED_OK && i < x->n; i++) {
        uint32_t at = x->v[i].approval;
        if (x->v[i].approver == MARKET_NOBODY)
            continue;
        if (at >= x->approvals || seen[at])
            status = damaged(err, "the order of approvals");
        else
            seen[at] = true;
    }
    free(seen);
    return status;
}

enum heed_status market_versions_load(struct market_versions *x, struct source *k,
                                      const struct market_currency *currencies, size_t currencies_n,
                                      struct heed_error *err)
{
    market_versions_init(x);
    enum heed_status status = HEED_OK;
    for (size_t n = source_count(k, MARKET_NOBODY - 1); status == HEED_OK && n > 0; n--) {
        if (!array_grow(&x->v, &x->cap, x->n + 1, sizeof *x->v)) {
            status = error_nomem(err);
            break;
        }
        x->v[x->n++] = (struct market_version){0};
        status = load_one(&x->v[x->n - 1], k, currencies, currencies_n, err);
    }
    if (status == HEED_OK && k->failed)
        status = damaged(err, "how many there are");
    if (status == HEED_OK)
        status = reckon(x, err);
    if (status != HEED_OK)
        market_versions_deinit(x);
    return status;
}
