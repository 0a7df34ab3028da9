/* Admission: what comes from outside becomes calls.
 *
 * admit_call serves heed_call and the command line (named text arguments, any command or query);
 * the others serve imports, where the fields are already parsed. All apply at once (world_apply)
 * and leave the commit to the caller. Every id is 1 to 64 bytes of UTF-8 without control
 * characters.          */
#ifndef HEED_ADMIT_H
#define HEED_ADMIT_H

#include "world/world.h"

/* How numbers with a fraction leave as JSON: digits enough to tell any two apart that heed
 * computes, and none that only show how a double is made. */
#define REPLY_REALS JSON_REAL_PRECISION(15)

/* The text as a JSON string, with '?' for each byte that is not UTF-8. NULL: no memory. */
json_t *reply_text(const char *text);

/* {"where","message"}. NULL: no memory. */
json_t *reply_error(const struct heed_error *err);

/* HEED_USAGE: nobody was named for a SELF argument, and nobody acts. */
enum heed_status say_who(const struct command_spec *spec, size_t arg, struct heed_error *err);

/* Runs command or query `spec` with named arguments. Commands are committed before this returns.
 * *reply out: owned by the caller; the refusal document on HEED_REFUSED; NULL on errors.
 * HEED_USAGE: an argument missing, unknown, malformed or out of bounds (err says which).        */
HEED_MUST_CHECK enum heed_status admit_call(struct world *w, const struct command_spec *spec,
                                            const struct heed_context *context,
                                            const struct heed_arg *args, size_t n, json_t **reply,
                                            struct heed_error *err);

/* A person's or system account's holder; HANDLE_NONE. A currency's or item's unit (empty text: the
 * first currency); false: there is none.                                                        */
uint32_t admit_holder(struct world *w, struct str text);
bool admit_unit(struct world *w, struct str text, uint32_t *unit);

/* Does what is due at the context's time (holds that end, escrow, orders and phases of exchanges):
 * commands of their own, before whatever is asked then. The caller commits. */
bool admit_is_due(const struct world *w, int64_t time_ms); /* whether it would do anything */
HEED_MUST_CHECK enum heed_status admit_due(struct world *w, const struct heed_context *context,
                                           struct heed_error *err);

/* The same without the commit: the caller commits before anyone sees the reply. */
HEED_MUST_CHECK enum heed_status admit_queue(struct world *w, const struct command_spec *spec,
                                             const struct heed_context *context,
                                             const struct heed_arg *args, size_t n, json_t **reply,
                                             struct heed_error *err);

/* Whether the table lets `actor` (an id; NULL: the operator) use a tool on this world.
 * HEED_REFUSED: *refused is the refusal document. */
HEED_MUST_CHECK enum heed_status admit_tool(const struct world *w, enum command_id tool,
                                            const char *actor, json_t **refused,
                                            struct heed_error *err);

/* Parses one argument value as the table says (bounds included), without the world.
 * false: err (HEED_USAGE) says what was expected.                                               */
bool admit_parse_number(const struct arg_spec *arg, struct str text, int64_t *out,
                        struct heed_error *err);

/* An id of a person or thing: 1 to 64 bytes of UTF-8 in NFC without control characters or blanks at
 * the edges, so that no two look the same for their bytes alone; not one of the system's accounts.
 */
#define ID_EXPECTED                                                                                \
    "an id of 1 to 64 bytes: UTF-8 in NFC, no control characters, no blanks at its edges, no "     \
    "leading 'system:'"
bool admit_id_ok(struct str id);
/* Whether text is kind:id, whatever the world has.                                              */
#define TARGET_EXPECTED "a target such as content:17, good:sword, service:help or user:ann"
bool target_formed(struct str text);
struct str admit_party_id(struct str text); /* without any leading "user:" */

/* "12.5" to thousandths, rounded to the nearest; digits with an optional sign and fraction only.
 * false: malformed or beyond 2^53.                                                              */
bool admit_decimal(struct str text, int64_t *milli);

/* An event's amount: from 0 to AMOUNT_MAX (a billion: 31 years of seconds), so that millions of the
 * largest add up without loss, with at most three decimals that are not 0, for less than a
 * thousandth would become nothing without a word. false: not one.                               */
#define AMOUNT_MAX 1000000000
bool admit_amount(struct str text, int64_t *milli);

/* Fields of one row; empty strings are absent. attributes: JSON object text or empty.           */
struct user_row {
    struct str id, name, attributes;
    int64_t joined_at_ms; /* CALL_ABSENT: context time */
    unsigned roles;       /* 0: member */
};
struct content_row {
    struct str id, creator, title, body, kind, category, good, attributes;
    int64_t created_at_ms;
    uint32_t copied_ppm; /* similarity to an original that is not in this world; 0: none known */
};
struct good_row {
    bool service;
    bool withdrawn; /* has a price, and is not offered */
    struct str id, name, description, seller, category, attributes;
    int64_t created_at_ms, price_minor, stock, sales; /* CALL_ABSENT when not given */
    uint16_t currency;
};

/* Whether the acting user may give these roles: only an operator gives any but member.           */
bool admit_role_ok(const struct world *w, const struct heed_context *context, unsigned roles);

/* o->refusal: exists (the id is there), unknown_target (content.good names no good) …           */
HEED_MUST_CHECK enum heed_status admit_user(struct world *w, const struct heed_context *context,
                                            const struct user_row *row, struct outcome *o,
                                            struct heed_error *err);
HEED_MUST_CHECK enum heed_status admit_content(struct world *w, const struct heed_context *context,
                                               const struct content_row *row, struct outcome *o,
                                               struct heed_error *err);
HEED_MUST_CHECK enum heed_status admit_good(struct world *w, const struct heed_context *context,
                                            const struct good_row *row, struct outcome *o,
                                            struct heed_error *err);

/* Finds a symbol or makes it. HEED_RANGE when the world has 65,535 of them.                      */
HEED_MUST_CHECK enum heed_status admit_symbol(struct world *w, struct str text, uint32_t *symbol,
                                              struct heed_error *err);

/* Calls for rows of events and ratings, all handles resolved by the caller.                     */
struct call admit_event(int64_t time_ms, uint32_t user, uint32_t verb, uint32_t target,
                        int64_t amount_milli, uint32_t surface, uint32_t via, uint64_t id_hash);

/* Whether an event dated time_ms is later than now, by more than the rules allow; such an event
 * would carry the world's recency with it and make what follows late. */
bool admit_time_ahead(const struct world *w, const struct heed_context *context, int64_t time_ms);
struct call admit_served(int64_t time_ms, uint32_t target);
struct call admit_seen(int64_t time_ms, uint32_t target);
struct call admit_counted(int64_t time_ms, uint32_t verb, uint32_t target, int64_t count,
                          int64_t amount_milli);
struct call admit_refunded(int64_t time_ms, uint32_t user, uint32_t target, int64_t amount_milli);
struct call admit_rating(int64_t time_ms, uint32_t user, uint32_t target, int64_t score_milli,
                         enum rating_kind kind);
/* What a file read at now_ms says was decided (act is an enum decision) by `actor` (HANDLE_NONE:
 * the operator), or an appeal (ACT_APPEAL) by whose work the target is. stands: whether the
 * decision took its place then, 1 or 0; below 0: the file does not say. */
struct call admit_decision(int64_t time_ms, uint32_t actor, uint32_t target, int act,
                           int64_t now_ms, int stands);
bool admit_reason_ok(struct str reason); /* up to 4096 bytes, not all of them blank */
/* Seals the reason of such a call and applies it. o->refusal as moderation_refusal. HEED_USAGE: not
 * admit_reason_ok.                                                                              */
HEED_MUST_CHECK enum heed_status admit_moderation(struct world *w, struct call *call,
                                                  struct str reason, struct outcome *o,
                                                  struct heed_error *err);
/* Where feeds of an exported world showed a content; position from 1. */
struct call admit_placed(int64_t time_ms, uint32_t content, uint32_t position, uint32_t shown,
                         uint32_t engaged);
/* What feeds of an exported world had promised and given, and were to users (debts.h, welfare.h).
 */
struct call admit_promised(int64_t time_ms, int64_t level, int64_t feeds, int64_t budget);
struct call admit_paid(int64_t time_ms, uint32_t content, int64_t paid, int64_t since);
struct call admit_pleased(int64_t time_ms, uint32_t user, int64_t utility, int64_t feeds);
/* What an exported world had learnt (learned_save). */
struct call admit_learnt(int64_t learnt_at_ms, struct str fact);
/* The models of an exported world (versions_save); the call's time is of no use but to be one.   */
struct call admit_models(int64_t trained_at_ms, struct str fact);
struct call admit_import_mark(const struct import_mark *mark, struct sha256 *digest_storage);

/* Hash of an event's id as the journal holds it; never 0. key:HEX, as an export writes a hash, is
 * that hash again.                                                                              */
uint64_t admit_key_hash(struct str id);
/* The same of a command's --id, of whoever acts for the platform: 128 bits. */
void admit_caller_id(struct str id, uint64_t *hi, uint64_t *lo);
/* The 128 bits that 1 to 32 hexadecimal digits are; false: they are not such. */
bool admit_data(struct str text, uint64_t *hi, uint64_t *lo);
#endif
