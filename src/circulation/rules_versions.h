/* Versions of the market rules of a world: who proposed which text, who approved it, and from when
 * it is in force.
 *
 *     proposed ──approve (a second person)──▶ approved ──effective time──▶ active ──▶ superseded
 *         └───────────── withdraw ──────────────┴──▶ withdrawn
 *
 * Active, superseded and approved are what a version is *at a moment*: in force is the approved one
 * whose effective time came last, of equal times the one approved later. The past never changes:
 * what is approved after its effective time is in force from its approval, and what is or was in
 * force cannot be withdrawn; an act dated before the last one counts as at its time. Before the
 * first one is in force there are no market rules.                                              */
#ifndef HEED_MARKET_VERSIONS_H
#define HEED_MARKET_VERSIONS_H

#include "base/serial.h"
#include "circulation/rules.h"

enum { MARKET_TEXT_MAX = 1 << 18 }; /* bytes; as `rules propose` of commands.def */

enum market_state {
    MARKET_PROPOSED,
    MARKET_APPROVED,
    MARKET_ACTIVE,
    MARKET_SUPERSEDED,
    MARKET_WITHDRAWN,
};
const char *market_state_name(enum market_state state);

struct market_version {
    char *text; /* YAML, NUL-terminated */
    size_t text_n;
    struct market_rules *rules;  /* the text, read */
    uint32_t proposer, approver; /* parties; approver MARKET_NOBODY: not approved */
    uint32_t withdrawer;         /* MARKET_NOBODY: not withdrawn                  */
    int64_t proposed_ms, approved_ms, withdrawn_ms;
    int64_t effective_ms; /* as proposed; once approved, when it is in force */
    uint32_t approval;    /* which approval it was, counted from 0           */
};

struct market_versions {
    struct market_version *v; /* number of a version: its index + 1 */
    size_t n, cap;
    uint32_t approvals;
    int64_t latest_ms; /* of all that was done to them */
};

void market_versions_init(struct market_versions *x);
void market_versions_deinit(struct market_versions *x);

/* Takes a text as a new version; *number out. HEED_INPUT: what market_rules_parse objects to, or a
 * text longer than MARKET_TEXT_MAX; HEED_NOMEM. Nothing changes then.                            */
HEED_MUST_CHECK enum heed_status
market_propose(struct market_versions *x, struct str yaml, const char *name,
               const struct market_currency *currencies, size_t currencies_n, uint32_t proposer,
               int64_t time_ms, int64_t effective_ms, uint32_t *number, struct heed_error *err);

/* Refusals, in order: unknown_rules, rules_withdrawn, rules_approved, own_proposal.             */
enum refusal market_approve(struct market_versions *x, uint32_t number, uint32_t approver,
                            int64_t time_ms);

/* Refusals, in order: unknown_rules, rules_withdrawn, rules_in_force.                           */
enum refusal market_withdraw(struct market_versions *x, uint32_t number, uint32_t withdrawer,
                             int64_t time_ms);

/* The number of the version in force at a time; 0: none. O(versions).                           */
uint32_t market_in_force(const struct market_versions *x, int64_t time_ms);
/* Its rules; NULL: none.                                                                         */
const struct market_rules *market_rules_at(const struct market_versions *x, int64_t time_ms);
enum market_state market_state_at(const struct market_versions *x, uint32_t number,
                                  int64_t time_ms);

void market_versions_save(const struct market_versions *x, struct sink *k);
/* Replaces *x, which holds nothing; reads every text anew. HEED_INPUT (damaged) or HEED_NOMEM: *x
 * is empty. */
HEED_MUST_CHECK enum heed_status market_versions_load(struct market_versions *x, struct source *k,
                                                      const struct market_currency *currencies,
                                                      size_t currencies_n, struct heed_error *err);
#endif
