/* The functions behind the rows of commands.def. */
#ifndef HEED_APPLY_H
#define HEED_APPLY_H

#include "allocation/constraints.h"
#include "allocation/why_not.h"
#include "world/world.h"

/* Changes the state, or sets o->refusal and changes nothing. Builds o->reply when wanted.        */
typedef enum heed_status apply_fn(struct world *w, const struct call *call, struct outcome *o,
                                  struct heed_error *err);
/* Sets *refusal, or *out (never NULL then).                                                     */
typedef enum heed_status query_fn(struct world *w, const struct call *call, enum refusal *refusal,
                                  json_t **out, struct heed_error *err);

#define DECLARE_KIND_COMMAND(noun, verb) apply_fn apply_##noun##_##verb;
#define DECLARE_KIND_INTERNAL(noun, verb) apply_fn apply_##noun##_##verb;
#define DECLARE_KIND_QUERY(noun, verb) query_fn query_##noun##_##verb;
#define DECLARE_KIND_TOOL(noun, verb)
#define HEED_COMMAND(noun, verb, kind, roles, help, example) DECLARE_KIND_##kind(noun, verb)
#define HEED_ARG(...)
#define HEED_END
#include "world/commands.def"
#undef HEED_COMMAND
#undef HEED_ARG
#undef HEED_END

enum { SYMBOLS_MAX = 65535, SYMBOL_BYTES = 256 }; /* of one category, kind or surface */

/* Whether admission could have made this call of a journalled command, now: every handle is there,
 * every number within the bounds of commands.def. What a blob holds is for apply to check. For
 * replay; O(arguments).                                                                         */
bool call_possible(const struct state *s, const struct call *call);
bool symbol_possible(struct str text); /* UTF-8, not empty */

/* Whether what the stages loaded one by one makes one state: handles, times, counts. HEED_INPUT
 * when not. O(state). */
HEED_MUST_CHECK enum heed_status state_possible(const struct state *s, struct heed_error *err);

/* The blob of an add command: commitment to the sealed text, sketch of it (contents), id (not of
 * people).                                                                                      */
struct text_blob {
    struct str commitment, id;
    struct sketch sketch;
};
bool text_join(struct strbuf *b, const uint8_t commitment[32], const struct sketch *sketch,
               struct str id);
bool text_split(struct str blob, struct text_blob *out);

/* What `feed serve` puts into the journal: the slots shown, then what came next, and where a model
 * had a say the version that each slot's relevance is by. */
struct feed_fact {
    struct slot slots[2 * FEED_MAX]; /* [n + more], n and more at most FEED_MAX */
    size_t n, more;
    struct relaxed relaxed[RULES]; /* [relaxed_n] constraints that it breaks */
    size_t relaxed_n;
    uint32_t wanted[TARGET_KINDS]; /* slots of each kind by the shares; zeros: there is one kind */
    uint64_t promise; /* to each content the floor is for (world/debts.h); 0: there is no floor */
    bool welfare;     /* each slot has the welfare's term, and this was the feed's utility: */
    uint32_t utility_kept; /* plus one, in millionths; 0: it had none (world/welfare.h)           */
    uint64_t policy;       /* engine_policy; 0: of a heed that kept none */
    bool told;             /* it says why what came next is not shown: */
    struct why_not why[FEED_MAX]; /* [more]; beat: a handle of the same kind */
};
bool fact_pack(struct strbuf *b, const struct feed_fact *f); /* false: no room */
/* false: no admission has made it of this catalogue, or one that grew to it. */
bool fact_read(struct str bytes, const struct catalogue *c, struct feed_fact *out);
static inline uint32_t slot_target(const struct slot *s)
{
    return target_make((enum target_kind)s->kind, s->item);
}
/* A slot's target is kept as the bare handle of a content, which is all that there once was, else
 * with its kind.                                                                                */
static inline uint32_t slot_target_kept(const struct slot *s)
{
    return s->kind == TARGET_CONTENT ? s->item : slot_target(s);
}
/* What keeps a target from a user by what is true now: [{"gate","rule","why"}]. HEED_NOMEM. */
HEED_MUST_CHECK enum heed_status reply_gates(struct world *w, uint32_t user, uint32_t target,
                                             int64_t now_ms, json_t **out, struct heed_error *err);

bool slot_target_read(struct slot *s, const struct catalogue *c,
                      uint64_t kept); /* false: it is not there */
/* A slot's rules are kept where the floor's weight, which is always 0, would be: what was written
 * before there were constraints reads as none.                                                  */
static inline int32_t slot_weight_kept(const struct slot *s, int reason)
{
    return reason == REASON_FLOOR ? (int32_t)s->rules : s->weight_ppm[reason];
}
bool slot_weight_read(struct slot *s, int reason, int64_t kept); /* false: it cannot be */
/* The welfare's term stands behind all else, and only where there is a welfare.                  */
#define SLOT_REASONS_KEPT REASON_WELFARE
bool slot_welfare_read(struct slot *s, int64_t value, int64_t weight); /* false: it cannot be */
/* What an epoch's feeds break, behind a settlement's other facts, and of several kinds (kinds not
 * NULL) what each has of them; nothing when they break none and there is one kind.               */
struct epoch_kinds;
void broken_pack(struct strbuf *b, const struct epoch_exposure *x, const struct epoch_kinds *kinds);

/* What stands in the way of a `quality decide` or `quality appeal`, or REFUSED_NOT.              */
enum refusal moderation_refusal(const struct state *s, const struct call *call);
/* Whether the actor would answer the appeal against a decision of his own; no operator's case.
 * Asked at admission only: journals made before hold such answers. */
bool moderation_own_decision(const struct state *s, uint32_t actor, uint32_t target);
/* Whose key seals the reason of an act: whose work the target is, else the world's.              */
uint32_t reason_owner(const struct catalogue *c, uint32_t target);
/* Notes an act that is a report, at its time but not after `now_ms`. */
HEED_MUST_CHECK enum heed_status note_report(struct state *s, const struct act *act, int64_t now_ms,
                                             struct heed_error *err);
/* Puts a moderation score just recorded into the history, at its time.                          */
HEED_MUST_CHECK enum heed_status note_score(struct state *s, uint32_t user, uint32_t target,
                                            int64_t time_ms, struct heed_error *err);

/* What stands in the way of a `ledger open`, or REFUSED_NOT; its purpose may be yet to be made. */
enum refusal ledger_open_refusal(const struct state *s, const struct call *call);

/* What the shop works with at a time. */
struct shop_desk world_desk(struct world *w, int64_t time_ms);
struct auctions_desk world_auctions(struct world *w, int64_t time_ms);
/* now_ms: what is over by then; viewer: who asks, HANDLE_NONE: the operator. */
json_t *reply_auction(const struct world *w, uint32_t number, uint32_t viewer, int64_t now_ms,
                      bool bids);
json_t *reply_purchase(const struct world *w, uint32_t number);
/* Of what parts a bundle is; empty: it is none. */
json_t *reply_parts(const struct world *w, uint32_t target);

/* The market that the first two integers of a call name; VENUE_NONE with *refusal. */
size_t exchange_named(const struct world *w, const struct call *call, enum refusal *refusal);
/* What `exchange open` asks for: NULL, or what is wrong with it. */
const char *exchange_settings_asked(const struct call *call, struct exchange_settings *s);
/* Cancels all orders of a person who is to be erased. */
HEED_MUST_CHECK enum heed_status exchange_let_go(struct world *w, const struct call *call,
                                                 uint32_t party, struct heed_error *err);

/* Whether the actor (HANDLE_NONE: the operator) has one of the roles. */
bool actor_has(const struct state *s, uint32_t actor, unsigned roles);
/* Whether he may act for a party: whoever keeps the world for all, others for themselves. */
bool actor_for(const struct state *s, uint32_t actor, uint32_t party);

/* Done by several commands.                                                                     */
HEED_MUST_CHECK enum heed_status apply_act(struct world *w, const struct act *act, int64_t now_ms,
                                           struct outcome *o, struct heed_error *err);

/* The act that a call of event_add records; its handles must be good.                           */
/* Whether an act is another's engagement with its target: what counts as a reward of showing it. */
bool act_engages(const struct state *s, const struct act *act);
struct act act_of_call(const struct catalogue *c, const struct call *call);
/* The same of a call of event_counted (each of the acts), and what all of them weigh. */
struct act act_of_counted(const struct call *call);
int64_t counted_points(const struct behaviour_rules *r, const struct act *act, uint64_t count);

/* Takes a purchase made at time_ms back out of what behaviour weighs; unknown_purchase when the
 * user never acted on the target. */
enum refusal refund_act(struct world *w, int64_t time_ms, uint32_t user, uint32_t target,
                        int64_t amount_milli);

/* json_pack with out-of-memory turned into an error; *out is untouched then.                     */
HEED_MUST_CHECK enum heed_status reply_pack(json_t **out, struct heed_error *err,
                                            const char *format, ...);
json_t *reply_account(const struct world *w, uint32_t holder); /* "user:ann", "system:pool" */
json_t *reply_target(const struct world *w, uint32_t target);
json_t *reply_stock(const struct good *g);                    /* units; null when unlimited */
json_t *reply_symbol(const struct world *w, uint32_t symbol); /* or null */
json_t *reply_time(int64_t ms);                               /* RFC 3339; null for 0 */
/* brief: ranks and targets alone. */
json_t *reply_feed(const struct world *w, uint32_t user, enum algorithm algorithm,
                   const struct slot *slots, size_t n, bool brief);
/* The same with what it breaks of the constraints, as `relaxed`, and a warning where it has fewer
 * slots than were asked for (CALL_ABSENT: none were). */
json_t *reply_served(const struct world *w, uint32_t user, enum algorithm algorithm, int64_t asked,
                     const struct feed_fact *f, bool brief);
/* cost: of the welfare, NULL where there is none. */
json_t *reply_settlement(const struct settlement *s, const struct welfare_cost *cost);
json_t *reply_currency(const struct world *w, uint16_t currency);
/* An account; LEDGER_NONE: the holder's main one, which is not open yet. */
json_t *reply_ledger_account(const struct world *w, uint32_t account, uint32_t holder);
#endif
