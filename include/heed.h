/* heed: an attention economy engine.
 *
 * This header is the whole public interface of libheed. A world is opened, commands and queries
 * are sent to it by name with named arguments (the same names as on the command line, see
 * `heed help`), and every reply is a JSON document with stable keys.
 *
 * Threads: one handle may be used by one thread at a time; different handles are independent.
 * Strings: UTF-8, NUL-terminated unless a length stands beside them. The library never prints,
 * never exits and never reads the environment or the clock.
 * NULL: `options`, `err` and `tally` may be; any other pointer that is NULL without a comment that
 * it may be gives HEED_USAGE. */
#ifndef HEED_H
#define HEED_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEED_API __attribute__((visibility("default")))
#define HEED_MUST_CHECK __attribute__((warn_unused_result))

/* What a call came to. The values are stable.                                                   */
enum heed_status {
    HEED_OK = 0,
    HEED_REFUSED = 1, /* understood, not allowed; nothing changed; the reply says why            */
    HEED_USAGE = 2,   /* no such command or argument, or an argument out of bounds               */
    HEED_INPUT = 3,   /* a file or a stored byte is at fault                                     */
    HEED_STORAGE = 4, /* disk, permission, lock                                                  */
    HEED_NOMEM = 5,   /* out of memory; the handle must be closed and opened again               */
    HEED_RANGE = 6,   /* a number that cannot be held or does not fit the others                 */
};

/* An error, filled once, at the point of failure. `where` is a file, line and column, or an id;
 * `message` says what was wrong and what to do.                                                 */
struct heed_error {
    enum heed_status status;
    char where[192];
    char message[320];
};

struct heed_world;

struct heed_options {
    int read_only;          /* open for queries only; works while another process writes         */
    const char *rules_yaml; /* rules of a new world; NULL: the default rules                     */
    size_t rules_size;      /* bytes in rules_yaml                                               */
    int create;             /* make the world if it is not there                                 */
};

/* One named argument of a command or query.                                                     */
struct heed_arg {
    const char *name;
    const char *value;
};

/* Who asks, and when.                                                                           */
struct heed_context {
    int64_t time_ms;   /* milliseconds since 1970, from the caller's clock                       */
    const char *actor; /* id of the acting user; NULL: the world's operator                      */
};

/* One act of attention, for heed_events.                                                        */
struct heed_event {
    int64_t time_ms;
    const char *user;
    const char *verb;
    const char *target;  /* kind:id                                                              */
    const char *surface; /* may be NULL                                                          */
    const char *via;     /* may be NULL                                                          */
    const char *id;      /* may be NULL; a repeated id is dropped                                */
    double amount;       /* seconds for dwell, units for purchase; else 1                        */
};

struct heed_tally {
    uint64_t rows, applied, rejected, refused, duplicate;
};

/* ── transfers in batches ── */

enum heed_transfer_kind {
    HEED_MOVE = 0,
    HEED_HOLD = 1,    /* pending: holds until it is posted, voided, or its time is over           */
    HEED_POST = 2,    /* moves what `of` holds, or part of it, and lets go of the rest            */
    HEED_VOID = 3,    /* lets go of what `of` holds                                               */
    HEED_REVERSE = 5, /* moves what `of` moved back                                               */
};
enum heed_transfer_flag {
    HEED_LINKED = 1, /* with the next one, all or none                                            */
    HEED_UP_TO = 2,  /* HEED_MOVE and HEED_HOLD: at most what there is                            */
};
#define HEED_ALL INT64_C(-1)
#define HEED_NONE UINT32_MAX

struct heed_transfer {
    uint64_t id_hi, id_lo;     /* 0, 0: none; else the same id and body is the same transfer      */
    uint64_t data_hi, data_lo; /* the caller's, kept with it                                      */
    int64_t amount;            /* minor units or pieces; HEED_POST: HEED_ALL too                  */
    uint32_t debit, credit;    /* numbers of accounts; HEED_MOVE and HEED_HOLD                    */
    uint32_t of;               /* number of a transfer; the other kinds                           */
    uint32_t timeout_s;        /* HEED_HOLD: how long; 0: without end                             */
    uint16_t code;             /* the caller's for what it is for, from 256; 0: none              */
    uint8_t kind, flags;
    uint32_t reserved; /* 0 */
};

struct heed_transferred {
    const char *refused; /* code of the refusal; NULL: done                                       */
    uint32_t number;     /* of the transfer; HEED_NONE when refused                               */
    int repeated;        /* the id was there with the same body: nothing moved again              */
};

HEED_API const char *heed_version(void);

/* Opens a world kept in the SQLite file `path`, or in memory when path is ":memory:".
 *
 * world  out  owned by the caller, heed_close; NULL on error
 * Errors: HEED_INPUT not a world, damaged, or of a newer version; HEED_STORAGE cannot be read or
 * written, or another writer has it (the message names its pid); HEED_NOMEM.
 * Cost: reads the newest snapshot and replays what came after it.                               */
HEED_API HEED_MUST_CHECK enum heed_status heed_open(const char *path,
                                                    const struct heed_options *options,
                                                    struct heed_world **world,
                                                    struct heed_error *err);

/* Closes a world; every acknowledged command is already durable. NULL is accepted.              */
HEED_API void heed_close(struct heed_world *world);

/* Runs one command or query: `name` is "noun verb" as on the command line ("shop buy").
 * A command is durable when this returns HEED_OK or HEED_REFUSED.
 *
 * reply  out  JSON text, heed_free; on HEED_REFUSED {"refused":{"code","message"}}; else NULL   */
HEED_API HEED_MUST_CHECK enum heed_status heed_call(struct heed_world *world, const char *name,
                                                    const struct heed_context *context,
                                                    const struct heed_arg *args, size_t n,
                                                    char **reply, struct heed_error *err);

/* Records many events, durable when this returns HEED_OK. A malformed event is counted rejected,
 * one with an unknown user or target, or dated later than the context's time by more than the rules
 * allow (behaviour.ahead), refused, a repeated id duplicate; none stops the rest. The context's
 * actor is not asked: whoever may write the world may record for everyone. */
HEED_API HEED_MUST_CHECK enum heed_status heed_events(struct heed_world *world,
                                                      const struct heed_context *context,
                                                      const struct heed_event *events, size_t n,
                                                      struct heed_tally *tally,
                                                      struct heed_error *err);

/* The number of an account, which stays: `account` is a user id or system:NAME, currency a code or
 * good:ID (NULL: the first of the rules), purpose a name (NULL: the main account).
 * HEED_REFUSED: it is not there (err says which); HEED_USAGE, HEED_NOMEM. O(1).                  */
HEED_API HEED_MUST_CHECK enum heed_status heed_account(struct heed_world *world,
                                                       const char *account, const char *currency,
                                                       const char *purpose, uint32_t *number,
                                                       struct heed_error *err);

/* Applies transfers[n] in order, n at most 65536, durable when this returns HEED_OK; what is
 * refused stops only the chain that it is in. Only operators and clients may: HEED_REFUSED for
 * others.
 *
 * results  out  [n]
 * Errors: HEED_USAGE a transfer is malformed (err says which; nothing was applied); HEED_STORAGE,
 * HEED_NOMEM, HEED_RANGE (2^32 - 1 transfers): close the world and open it again.
 * Cost: O(n), one write to the disk.                                                             */
HEED_API HEED_MUST_CHECK enum heed_status heed_transfers(struct heed_world *world,
                                                         const struct heed_context *context,
                                                         const struct heed_transfer *transfers,
                                                         size_t n, struct heed_transferred *results,
                                                         struct heed_error *err);

/* ── many callers ──
 * A world has one writer. Shared, that is a thread of its own: callers on any number of threads
 * hand it their calls and wait; it takes all that have come, applies them in the order in which
 * they came, and makes them durable by one write before any of them is answered (group commit). */

struct heed_shared;

/* Takes the world over: nobody calls it directly until heed_unshare. HEED_NOMEM, HEED_STORAGE (no
 * thread). */
HEED_API HEED_MUST_CHECK enum heed_status
heed_share(struct heed_world *world, struct heed_shared **shared, struct heed_error *err);
/* Waits until every call is answered, and gives the world back. No call may come after it began. */
HEED_API void heed_unshare(struct heed_shared *shared);

/* As heed_call and heed_transfers; from any thread. */
HEED_API HEED_MUST_CHECK enum heed_status
heed_shared_call(struct heed_shared *shared, const char *name, const struct heed_context *context,
                 const struct heed_arg *args, size_t n, char **reply, struct heed_error *err);
HEED_API HEED_MUST_CHECK enum heed_status
heed_shared_transfers(struct heed_shared *shared, const struct heed_context *context,
                      const struct heed_transfer *transfers, size_t n,
                      struct heed_transferred *results, struct heed_error *err);

HEED_API void heed_free(void *reply);

/* ── files around a world ─────────────────────────────────────────────────────────────────────────
 * What `heed import`, `heed export`, `heed report`, `heed verify` and `heed rules` do. With an
 * actor in the context the command table decides whether he may: HEED_REFUSED, reply as of
 * heed_call. */

struct heed_import {
    const char *what;    /* users, contents, goods, services, events, ratings, reviews or decisions:
                          * path is a file of them; NULL: path is a folder of such files; "map": a
                          * mapping                                                               */
    const char *path;    /* CSV, JSON Lines, plain or compressed                                  */
    const char *data;    /* of a mapping: the folder its paths start from; NULL: its own          */
    const char *rejects; /* file that bad rows are appended to; NULL: they are only counted       */
    int strict;          /* apply nothing of a file that has a bad row                            */
    int again;           /* apply a file that was imported before once more                       */
};

/* Reads files into the world, in durable batches; called again after a crash it goes on where it
 * stopped.
 *
 * reply  out  JSON {"files":[…],"rows","applied","rejected","refused","duplicate","seconds"}
 * (seconds is 0: the library has no clock), heed_free; on HEED_INPUT of what was read, or NULL
 * Errors: HEED_INPUT a file cannot be read, its header is wrong, or strict found a bad row;
 * HEED_USAGE, HEED_STORAGE, HEED_NOMEM. */
HEED_API HEED_MUST_CHECK enum heed_status heed_import(struct heed_world *world,
                                                      const struct heed_context *context,
                                                      const struct heed_import *import,
                                                      char **reply, struct heed_error *err);

/* Writes the rules, users.csv … decisions.csv and what was learnt into folder `dir`, made if it is
 * not there; `force`: over files that are. reply: {"exported","left_out"}, rows of and about people
 * who were erased. Errors: HEED_USAGE the folder is not empty; HEED_STORAGE. */
HEED_API HEED_MUST_CHECK enum heed_status heed_export(struct heed_world *world,
                                                      const struct heed_context *context,
                                                      const char *dir, int force, char **reply,
                                                      struct heed_error *err);

/* Writes the report, one HTML file, in lang "en" or "zh". reply: {"report"}. Errors: HEED_USAGE no
 * such language, or a folder; HEED_STORAGE. */
HEED_API HEED_MUST_CHECK enum heed_status heed_report(struct heed_world *world,
                                                      const struct heed_context *context,
                                                      const char *path, const char *lang,
                                                      char **reply, struct heed_error *err);

/* Replays the world file `path` from nothing and checks it; nobody need have it open. HEED_OK: it
 * holds. HEED_INPUT: it does not, and reply says {"ok":false,"problems":[…]}; other errors: it
 * could not be read, no reply. */
HEED_API HEED_MUST_CHECK enum heed_status heed_verify(const char *path, char **reply,
                                                      struct heed_error *err);

/* Whether rules[size], YAML, can be a world's; HEED_INPUT with line and key when not. */
HEED_API HEED_MUST_CHECK enum heed_status heed_rules_check(const char *rules, size_t size,
                                                           struct heed_error *err);

/* The commented rules of a built-in preset ("default", "plaza"; of markets "osrs", "steam", "eve",
 * "roblox"), NUL-terminated, static; NULL when there is none. */
HEED_API const char *heed_rules_preset(const char *name);

/* ── files without a world ────────────────────────────────────────────────────────────────────────
 * What `heed quality agree` and `bridge`, `heed allocate eval`, `batch`, `online` and `ope`, `heed
 * rules check`, `quote` and `diff`, `heed exchange replay` do (its events, when asked for, stand in
 * the reply's "events"), `heed auction clear` and `replay`. */

/* Runs one of them: `name` is "noun verb", args[n] have the names of the command line's options, or
 * of `heed help NOUN VERB --json` ("file", of those that take one by its place); `param` may be
 * given more than once. docs/quality.md, docs/allocation.md, docs/rules.md and docs/circulation.md
 * say what is read and what comes back.
 *
 * reply  out  JSON, byte for byte what the program prints with --json, heed_free; but seconds and
 * what is divided by them are 0: the library has no clock. What the program says besides stands in
 * "warnings"; {"converged":false}: the numbers still moved. On HEED_REFUSED (`ope` has too small a
 * sample, or weights that are off; an auction is too large, or its sums are)
 * {"refused":{"code","message"}}; else NULL.
 * Errors: HEED_USAGE no such tool; an argument that is unknown, given twice, empty, NULL, missing
 * or malformed (where names it), or an `out` that is a folder or a world; HEED_INPUT a file cannot
 * be read, or what stands at file, line and column; HEED_RANGE numbers that do not fit each other;
 * HEED_STORAGE `out` cannot be written; HEED_NOMEM. `out` is written whole or not at all.
 * Any thread; uses all cores, and the reply is the same on any number of them. */
HEED_API HEED_MUST_CHECK enum heed_status heed_tool(const char *name, const struct heed_arg *args,
                                                    size_t n, char **reply, struct heed_error *err);

#ifdef __cplusplus
}
#endif
#endif
