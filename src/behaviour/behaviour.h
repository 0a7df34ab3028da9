/* Step 1, behaviour: what each user attends to and what attention each target draws, updated
 * event by event. All state is integers, so a replay gives the same bits on any machine.
 *
 * A **pair** is one user with one target: it holds the user's preference for it, a weight that
 * halves every half-life. Pairs stand in one dense array in order of first contact, chained per
 * user; their number is the exact count of distinct users behind `reach`.                       */
#ifndef HEED_BEHAVIOUR_H
#define HEED_BEHAVIOUR_H

#include "catalogue/catalogue.h"

enum { VERBS_MAX = 32 };

enum verb_class {
    VERB_IMPRESSION, /* the target was seen                       */
    VERB_DWELL,      /* amount is seconds                         */
    VERB_ENGAGE,     /* the user did something with it            */
    VERB_NEGATIVE,   /* skip, dislike, report                     */
};

struct verb_rule {
    char name[24];
    enum verb_class class;
    int32_t weight_milli; /* preference and attention points a unit, in thousandths  */
    int64_t unit_milli;   /* amount of one unit, in thousandths (60000: a minute of dwell); 0: the
                             amount does not matter */
    int64_t max_units;    /* units of one event that count at most                   */
};

struct behaviour_rules {
    int64_t session_gap_ms; /* 30 min */
    int64_t half_life_ms;   /* of preferences and popularity */
    int64_t dedup_window_ms;
    uint32_t dedup_max; /* ids remembered at most */
    int64_t ahead_ms;   /* an event may be dated this long after the caller's time, no more */
    uint32_t verbs_n;
    struct verb_rule verbs[VERBS_MAX];
    uint32_t follow; /* 1 + the verb by which a person follows another; 0: nobody asks who does */
};

/* A verb's index, or -1.                                                                        */
int behaviour_verb(const struct behaviour_rules *r, struct str name);

/* Points of one event, in thousandths, signed: weight x units, units cut at max_units.          */
int64_t behaviour_points(const struct behaviour_rules *r, uint32_t verb, int64_t amount_milli);

/* weight (any unit) after age_ms of decay by half_life_ms: w * 2^(-age/half_life) in integers,
 * rounded to nearest (Q62 table of 2^-i/64, between its points the series of exp; the factor's
 * error is below 1e-15, monotone). age <= 0 gives w.                                             */
int64_t behaviour_decay(int64_t weight, int64_t age_ms, int64_t half_life_ms);

struct act {
    int64_t time_ms;
    int64_t amount_milli;
    uint64_t id_hash; /* 0: no id */
    uint32_t user;    /* party */
    uint32_t target;
    uint32_t surface, via; /* symbols, or HANDLE_NONE */
    uint32_t verb;
    bool own;    /* the target is the user's own: what happened, but no evidence of its worth */
    bool served; /* a slot served has counted as this impression already */
};

struct pair {
    int64_t weight_micro; /* points in millionths, decayed to `time_s`; saturates */
    uint32_t user : 31;   /* below 2^28 */
    uint32_t follows : 1; /* by rules.follow, of users only */
    uint32_t target;
    uint32_t time_s; /* of the newest event of the pair, seconds since 1970 */
    uint32_t next;   /* older pair of the same user, or HANDLE_NONE */
};

struct user_stats {
    int64_t first_ms, last_ms; /* 0, 0: no event */
    int64_t dwell_milli;       /* seconds x 1000 */
    uint64_t day_bits;         /* bit i: active on day last_day - i */
    uint32_t last_day;
    uint32_t sessions, active_days;
    uint32_t head, pairs; /* newest pair of the chain; how many */
    uint64_t events;
    uint64_t refunds; /* purchases undone */
};

/* Counts of verbs and dwell are what happened; reach, impressions, engagements and popularity are
 * evidence, so the acts of a target's owner are not in them, nor is a purchase that was refunded
 * (but for the reach).                                                                          */
struct target_stats {
    int64_t dwell_milli;
    int64_t last_ms;
    int64_t popularity_micro; /* decayed positive points in millionths at last_ms */
    uint64_t impressions;     /* impression events and slots served, each showing once */
    uint64_t engagements;     /* events of class engage                        */
    uint64_t served;          /* slots recorded by feeds                       */
    uint64_t refunds;         /* purchases undone                              */
    uint32_t reach;           /* distinct users with any event                 */
    uint32_t own;             /* 1: its owner, not in the reach, has acted too */
};

struct stats_table {
    struct target_stats *rows;
    uint32_t *verbs; /* rows_n x VERBS_MAX counts, at most UINT32_MAX each */
    size_t n, cap;
};

struct behaviour {
    struct user_stats *users; /* by party */
    uint32_t *user_verbs;     /* users_n x VERBS_MAX counts, at most UINT32_MAX each */
    size_t users_n, users_cap;
    struct stats_table targets[TARGET_KINDS];
    struct pair *pairs;
    size_t pairs_n, pairs_cap;
    uint32_t *pair_index; /* open addressing over pairs, behaviour/pairs.c */
    size_t pair_index_cap;
    uint64_t verb_events[VERBS_MAX];
    int64_t verb_amount_milli[VERBS_MAX];
    uint64_t events, duplicates, out_of_order, refunds;
    int64_t latest_ms;   /* newest event time: "now" for recency */
    struct dedup *dedup; /* the window of event ids, behaviour/dedup.c */
};

void behaviour_init(struct behaviour *b);
void behaviour_deinit(struct behaviour *b);
void behaviour_save(const struct behaviour *b, struct sink *s);

/* Replaces *b, which holds nothing. HEED_INPUT (damaged) or HEED_NOMEM: *b is empty. The
 * caller then asks behaviour_within.                                                            */
enum heed_status behaviour_load(struct behaviour *b, struct source *s, struct heed_error *err);

/* Whether all users and targets are the catalogue's.                                            */
bool behaviour_within(const struct behaviour *b, const struct catalogue *c);

/* Records one act. *duplicate: its id was seen within the window, nothing changed.
 * HEED_NOMEM leaves the state unusable.
 * About 100 ns when the pair is in cache.                                                       */
HEED_MUST_CHECK enum heed_status behaviour_apply(struct behaviour *b,
                                                 const struct behaviour_rules *r,
                                                 const struct act *act, bool *duplicate);

/* Only whether behaviour_apply would say duplicate, for walking over acts that were applied before;
 * b, empty at first, is given all of them in their order by this, and keeps nothing but ids and the
 * newest time. HEED_NOMEM.                                                                      */
HEED_MUST_CHECK enum heed_status behaviour_seen(struct behaviour *b,
                                                const struct behaviour_rules *r,
                                                const struct act *act, bool *duplicate);

/* Records `count` acts of people who are not known: totals that somebody else has added up. They
 * count in what the target has drawn, act->amount_milli being of each; nobody is reached by them
 * and nobody prefers anything for them. act->user, id_hash and own are not looked at. 1 <= count <=
 * COUNTED_MAX. HEED_NOMEM leaves the state unusable. O(1).                         */
#define COUNTED_MAX INT64_C(1000000000)
HEED_MUST_CHECK enum heed_status behaviour_counted(struct behaviour *b,
                                                   const struct behaviour_rules *r,
                                                   const struct act *act, uint64_t count);

/* How many of all acts are of people who are not known. O(users).                               */
uint64_t behaviour_unknown(const struct behaviour *b);

/* Hints that behaviour_apply will soon be called for these acts.                                */
void behaviour_prefetch(const struct behaviour *b, const struct act *act);

/* The second half of the hint, for acts a few places nearer: the pair itself.                   */
void behaviour_prefetch_pair(const struct behaviour *b, const struct act *act);

/* Takes back what a purchase, an act of the past, still weighs: its engagement (or impression) and
 * what is left of its points in popularity (not past nothing) and preference. The counts of verbs
 * and the reach stay, and refunds grow by one.
 * HEED_RANGE: the user never acted on the target; nothing changed.                              */
HEED_MUST_CHECK enum heed_status
behaviour_refund(struct behaviour *b, const struct behaviour_rules *r, const struct act *act);

/* A slot shown by a feed: served and impressions grow by one.                                   */
HEED_MUST_CHECK enum heed_status behaviour_served(struct behaviour *b, uint32_t target);

/* An impression event was of a slot served, so that the two are one impression.                 */
void behaviour_seen_served(struct behaviour *b, uint32_t target);

const struct pair *behaviour_pair(const struct behaviour *b, uint32_t user, uint32_t target);
const struct target_stats *behaviour_target(const struct behaviour *b,
                                            uint32_t target);                      /* or NULL */
const struct user_stats *behaviour_user(const struct behaviour *b, uint32_t user); /* or NULL */

struct rate {
    double rate, lower;
};
/* Engagements per impression; impressions fewer than engagements count as many.                 */
struct rate behaviour_engagement(const struct target_stats *t);

struct preference {
    uint32_t key;         /* target, category symbol or party */
    int64_t weight_micro; /* points in millionths at behaviour.latest_ms */
};
enum preference_over { PREFER_TARGETS, PREFER_CATEGORIES, PREFER_CREATORS };

/* The k strongest preferences of a user, strongest first (ties: smaller key), negative ones last.
 * *n in: room in out; out: written. O(p log p) for a user with p pairs.                         */
HEED_MUST_CHECK enum heed_status behaviour_preferences(const struct behaviour *b,
                                                       const struct behaviour_rules *r,
                                                       const struct catalogue *c, uint32_t user,
                                                       enum preference_over over,
                                                       struct preference *out, size_t *n);
#endif
