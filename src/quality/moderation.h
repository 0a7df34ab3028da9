/* Moderation: reports, decisions, appeals, and the queue of what waits for one.
 *
 *              report                decide                    appeal          decide
 *     (none) ─────────▶ reported ─────────────▶ allow
 *                          ▲    │──────────────▶ limit ─┐
 *                          │    └──────────────▶ remove ┴──────────▶ appealed ─────▶ kept, final
 *                          └── a later report ── any decision                 └────▶ reversed
 *
 * Invariants
 * - A person reports a target once; whatever he sends later is the same report.
 * - The **standing** decision on a target is the last that took its place, and whether one does is
 *   settled when it comes (`stood`): what is decided or scored does, whatever time it claims;
 *   what a file tells of the past does when it is the newest (moderation_newest). It judges
 *   every report that is no newer: upheld by limit and remove, rejected by allow. Later reports
 *   are **open**. So a reversal corrects the reporters' records too.
 * - While a person is removed, nobody sees what he made. Reports on it that no decision of its own
 *   judges are upheld when they are no newer than his removal, and later ones **wait**, in nobody's
 *   record; once he is no longer removed they are open again, for nobody has looked at the works.
 * - A reporter's record (upheld, rejected, open) is the sum over his reports.
 * - An appeal is against a standing limit or remove, and closed by the next decision that stands:
 *   reversed if that is milder. A decision that closed one is final: it cannot be appealed.
 *
 * State is counts and handles only; what they weigh is computed when the queue is asked for. */
#ifndef HEED_QUALITY_MODERATION_H
#define HEED_QUALITY_MODERATION_H

#include "base/map.h"
#include "base/serial.h"
#include "catalogue/catalogue.h"

/* In order of severity; an appeal is recorded among them.                                        */
enum decision {
    DECISION_ALLOW,
    DECISION_LIMIT,
    DECISION_REMOVE,
    DECISIONS,
    ACT_APPEAL = DECISIONS
};
const char *decision_name(int act);    /* "allow" … "appeal"; "" when not one */
int decision_of_name(struct str name); /* appeal too; -1 when unknown */

struct moderation_rules {
    /* Beta prior of a reporter's record and of appeals, in thousandths of a case                */
    int32_t upheld_milli, rejected_milli, reversed_milli, kept_milli;
    uint32_t agreement_ppm; /* what each further report on a target weighs, of the one before */
};

#define ACT_NONE UINT32_MAX

struct filed_report {
    int64_t time_ms;
    uint32_t user, target;
    uint32_t maker;        /* whose work the target is: a user, or HANDLE_NONE        */
    uint32_t before;       /* the report before it on the same target, or ACT_NONE    */
    uint32_t before_works; /* the report before it on a work of that maker, or ACT_NONE */
    uint32_t who;          /* its reporter's place in reporters                    */
};

struct moderation_act {
    int64_t time_ms;
    int64_t attention_micro; /* the target's popularity then, in millionths of a point */
    uint32_t target;
    uint32_t actor;  /* who decided or appealed; HANDLE_NONE: the operator      */
    uint32_t before; /* the act before it on the same target, or ACT_NONE       */
    uint32_t answer; /* of a decision: the appeal it closed; of an appeal: the decision that
                        closed it; or ACT_NONE                                  */
    uint8_t kind;    /* enum decision, or ACT_APPEAL                            */
    uint8_t against; /* of an appeal: the decision that stood                   */
    bool scored;     /* came as a moderation score, without a reason            */
    bool stood;      /* became the standing decision when it came               */
};

struct moderation_case {
    uint32_t target;
    uint32_t reports, acts; /* the newest of each, or ACT_NONE */
    uint32_t standing, appeal;
    uint32_t open;  /* reports not judged */
    uint32_t works; /* of a user: the newest report on a work of his, or ACT_NONE */
};

struct reporter {
    uint32_t upheld, rejected, open;
};

struct moderation {
    struct filed_report *reports;
    size_t reports_n, reports_cap;
    struct moderation_act *acts;
    size_t acts_n, acts_cap;
    struct moderation_case *cases; /* by first report or act */
    size_t cases_n, cases_cap;
    struct reporter *reporters; /* by first report */
    size_t reporters_n, reporters_cap;
    struct map report_of;    /* user, target */
    struct map reporter_of;  /* user         */
    struct map case_of;      /* target       */
    uint64_t reversed, kept; /* appeals closed */
    uint64_t open;           /* reports, of all cases */
};

void moderation_init(struct moderation *m);
void moderation_deinit(struct moderation *m);
void moderation_save(const struct moderation *m, struct sink *s);

/* Into a *m just initialised; after an error it is for moderation_deinit. HEED_INPUT, HEED_NOMEM.
 */
HEED_MUST_CHECK enum heed_status moderation_load(struct moderation *m, struct source *s,
                                                 struct heed_error *err);

/* maker: the user who made the target, when that is a work, or HANDLE_NONE. HEED_NOMEM leaves the
 * state unusable; HEED_RANGE: 2^32 of them.                                                      */
HEED_MUST_CHECK enum heed_status moderation_report(struct moderation *m, uint32_t user,
                                                   uint32_t target, uint32_t maker,
                                                   int64_t time_ms);

/* A decision, or an appeal that moderation_may_appeal allows. HEED_NOMEM leaves the state unusable;
 * HEED_RANGE: 2^32 of them. O(reports on the target and, of a user, on his works).               */
HEED_MUST_CHECK enum heed_status moderation_add(struct moderation *m,
                                                const struct moderation_act *act);

/* Whether a decision of that time is no older than the one that stands. One that stands and is
 * dated after `latest_ms` (INT64_MAX: the latest time that can be) is no measure: its time is
 * wrong.  */
bool moderation_newest(const struct moderation *m, uint32_t target, int64_t time_ms,
                       int64_t latest_ms);

enum may_appeal { MAY_APPEAL, NOTHING_TO_APPEAL, APPEALED_ALREADY };
enum may_appeal moderation_may_appeal(const struct moderation *m, uint32_t target);

const struct moderation_case *moderation_case_of(const struct moderation *m, uint32_t target);
/* The standing decision; DECISION_ALLOW when there is none.                                      */
enum decision moderation_standing(const struct moderation *m, uint32_t target);
struct reporter moderation_reporter(const struct moderation *m, uint32_t user);

/* How likely a report of this person is right: the mean of Beta(a + upheld, b + rejected), with the
 * rules' prior a, b. Source: A. Gelman et al., Bayesian Data Analysis, 3rd ed. (2013), 2.4.
 *
 * Nobody's open reports weigh more together than a + b + upheld of them: who has more open has this
 * shared out over them (`share` < 1).                                                            */
struct reporter_weight {
    double record, share;
};
struct reporter_weight moderation_weight(const struct moderation_rules *r, struct reporter who);

struct queue_row {
    uint32_t target;
    uint32_t reports; /* open                                                       */
    uint32_t known;   /* of them by people who have had a report judged             */
    uint32_t appeal;  /* the act, or ACT_NONE                                       */
    int64_t since_ms; /* of the oldest open report or of the appeal, what is older  */
    double right;     /* that the reports are right, 0..1                           */
    double wrong;     /* that the appealed decision is, 0..1; 0 without an appeal   */
    double exposure;  /* at least 1                                                 */
    double harm;      /* expected: right x exposure + wrong x exposure at the decision */
};

/* What waits, the most harmful first (ties: who waits longest, then the smaller target).
 *
 * right = 1 - product over the open reports, strongest first, of (1 - p_i)^(d^i), p_i a reporter's
 * record x share, d the rules' agreement: as for independent reports (noisy or: J. Pearl,
 * Probabilistic Reasoning in Intelligent Systems (1988), 4.3.2), each likelihood discounted as a
 * power prior does (J. G. Ibrahim, M.-H. Chen, Statistical Science 15 (2000) 46), for people copy
 * one another and one may hold many accounts. With d = 1/2 any number of them reach 1 - (1 - p)^2.
 * wrong = the mean of Beta over closed appeals, likewise.
 *
 * exposure gives what attention a target draws now, in points, below 0: it is not shown, and then
 * its reports wait for nothing. *rows is the caller's to free. HEED_NOMEM.
 * O(reports + cases log cases), of open cases.                                                   */
HEED_MUST_CHECK enum heed_status
moderation_queue(const struct moderation *m, const struct moderation_rules *r,
                 double (*exposure)(void *context, uint32_t target), void *context,
                 struct queue_row **rows, size_t *n);
#endif
