/* What the files of the driver share. */
#ifndef HEED_SIMULATE_PARTS_H
#define HEED_SIMULATE_PARTS_H

#include "base/arena.h"
#include "base/prng.h"
#include "sim/simulate.h"
#include "world/admit.h"

/* ── steps: what is sent to the world (simulate_step.c) ── */

enum { STEP_ARGS = 24, STEP_EVENTS = 12 };
enum step_kind {
    STEP_CALL,  /* a command or query by name             */
    STEP_BURST, /* events, as heed_events takes them      */
    STEP_ROW,   /* a user whose id is bytes of any kind   */
};

struct step {
    uint64_t number;
    enum step_kind kind;
    const struct command_spec *spec;
    struct heed_context context;
    struct heed_arg args[STEP_ARGS];
    size_t n;
    struct heed_event events[STEP_EVENTS];
    size_t events_n;
    struct str id; /* of a row */
};

/* A step to run: its number, and a bit for each of its arguments that is left out.               */
struct chosen {
    uint64_t number;
    uint32_t without;
};

/* Step `number` of a seed; its strings live in the arena. false: no memory.                      */
bool step_make(uint64_t seed, struct chosen which, struct arena *a, struct step *out);
void step_print(const struct step *s, struct strbuf *out);    /* one line, bytes escaped */
const char *step_arg(const struct step *s, const char *name); /* or NULL */

/* ── what must hold (simulate_check.c) ── */

struct broken {
    bool is;
    char kind[24]; /* of the invariant, to know it again */
    char text[400];
};
__attribute__((format(printf, 3, 4))) void broken_set(struct broken *b, const char *kind,
                                                      const char *format, ...);

/* Stock and sales as they should be, kept apart from the world; and who is gone.                 */
struct twin {
    int64_t *stock[2], *sales[2]; /* of goods, services */
    size_t n[2], cap[2][2];
    int64_t *refunded; /* units, by purchase */
    size_t refunded_n, refunded_cap;
    char **gone; /* ids of erased people */
    size_t gone_n, gone_cap;
};
void twin_deinit(struct twin *t);
/* Takes the world's figures as they are. false: no memory.                                       */
bool twin_sync(struct twin *t, const struct world *w);
/* Learns of a command that was done. false: no memory.                                           */
bool twin_learn(struct twin *t, const struct world *w, const struct step *s, const json_t *reply,
                struct broken *b);

void check_money(const struct world *w, struct broken *b);
void check_transfers(const struct world *w, struct broken *b); /* O(transfers) */
void check_orders(const struct world *w, struct broken *b);    /* O(accounts x orders) */
void check_goods(const struct world *w, const struct twin *t, struct broken *b);
void check_auctions(const struct world *w, struct broken *b);
void check_rewards(const struct world *w, struct broken *b);
void check_people(const struct world *w, struct broken *b);
void check_gone(const struct world *w, const struct twin *t, const json_t *reply,
                const struct step *s, struct broken *b);
/* The state written and read back. HEED_NOMEM.                                                   */
HEED_MUST_CHECK enum heed_status check_saved(const struct world *w, struct broken *b,
                                             struct heed_error *err);

/* ── running (simulate_drive.c) ── */

struct drive {
    const struct simulate_options *o;
    const struct chosen *list; /* NULL: steps 0 … n-1, whole */
    uint64_t n;
    bool in_memory;   /* instead of at o->path         */
    bool every;       /* check after every step        */
    bool hash_always; /* of every step, not the eighth */
    bool deep_end;    /* verify at the end             */
    /* out */
    uint64_t at, steps, refused, batches, checks;
    struct sha256 hash;
    struct broken broken;
};
/* HEED_OK whether something broke or not.                                                        */
HEED_MUST_CHECK enum heed_status drive_run(struct drive *d, struct heed_error *err);

/* Makes the list of steps shorter as long as the same invariant breaks. budget: steps to run. */
HEED_MUST_CHECK enum heed_status drive_shrink(const struct simulate_options *o,
                                              const struct broken *b, struct chosen *list,
                                              uint64_t *n, bool *reproduced,
                                              struct heed_error *err);
#endif
