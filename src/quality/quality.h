/* Step 2, quality: what content, goods and services are worth looking at, from ratings, expert
 * review, moderation, engagement and originality; every score with its ingredients and evidence.
 *
 * State is integers only. Scores are computed from it in double with + - * / and sqrt alone, in a
 * fixed order, so they are the same on every machine.                                           */
#ifndef HEED_QUALITY_H
#define HEED_QUALITY_H

#include "base/map.h"
#include "catalogue/catalogue.h"
#include "quality/moderation.h"
#include "quality/positions.h"

enum rating_kind { RATING_USER, RATING_EXPERT, RATING_MODERATION, RATING_KINDS };
const char *rating_kind_name(enum rating_kind kind);
int rating_kind_of_name(struct str name); /* -1 when unknown */

enum { SKETCH_SIZE = 128 };

/* MinHash of a text's shingles, each minimum cut to 16 bits.
 * shingles == 0: the text is too short to say anything.
 * Source: A. Broder, "On the resemblance and containment of documents" (1997); b-bit cut: P. Li,
 * A. C. König, WWW 2010.                                                                         */
struct sketch {
    uint16_t minima[SKETCH_SIZE];
    uint32_t shingles; /* distinct shingles seen */
};

/* Sketch of title and body: lower-cased words in shingles of 3 for alphabetic text, characters in
 * shingles of 4 for text mostly in Han, kana or hangul. Below min_shingles distinct shingles the
 * sketch says 0. false: no memory.                                                              */
bool sketch_text(struct str title, struct str body, uint32_t min_shingles, struct sketch *out);

/* Estimated Jaccard similarity in parts per million, corrected for 16-bit coincidences:
 * (matches/128 - C) / (1 - C), C = 2^-16; 0 when either says nothing. Standard error at most .044.
 * Source: Li and König 2010, theorem 1, for sets small beside the universe.                     */
uint32_t sketch_similarity_ppm(const struct sketch *a, const struct sketch *b);

struct quality_rules {
    /* weights of the ingredients in thousandths */
    int32_t rating_weight_milli, expert_weight_milli, interactivity_weight_milli,
        originality_weight_milli;
    int64_t score_min_milli, score_max_milli; /* range of user and expert scores */
    int64_t moderation_pass_milli;            /* a moderation score below it closes the gate */
    int32_t prior_strength;         /* ratings a prior counts as, when the data cannot say */
    int32_t interactivity_strength; /* impressions at which interactivity has half its weight */
    uint32_t copy_similarity_ppm;   /* at or above: a copy */
    uint32_t min_shingles;
    int32_t rater_strength;  /* ratings the average rater's care counts as; 0: all weigh alike */
    int32_t fit_creators;    /* 1: a learnt score counts its creator's other targets */
    int32_t fit_run;         /* 1: the main job learns before it settles */
    int32_t curiosity_milli; /* standard deviations added where it is decided what is shown */
    struct moderation_rules moderation;
};

struct rating_sums {
    uint32_t n;
    int64_t sum_milli;  /* of normalised scores, 0..1000 each */
    int64_t square_sum; /* of their squares */
};

/* Over every target: the prior's data, see quality/shrink.h.                                     */
struct prior_sums {
    struct rating_sums all;
    uint64_t targets;        /* with at least one rating                          */
    uint64_t count_squares;  /* sum over targets of n^2                           */
    int64_t between_squares; /* sum over targets of sum_milli^2 / n, rounded down */
};

/* Users' ratings without their biases, each by its rater's weight (quality/learned.h).           */
struct weighed_sums {
    int64_t weight_milli, sum_micro, squares_nano;
};

struct quality_target {
    struct rating_sums ratings[2]; /* RATING_USER, RATING_EXPERT */
    struct weighed_sums weighed;   /* RATING_USER */
    uint32_t moderations;          /* moderators who have decided by a score, and decisions */
    uint8_t gate;                  /* enum decision: what moderation allows                 */
};

struct quality_table {
    struct quality_target *rows;
    size_t n, cap;
};

struct rating_entry {
    uint32_t user, target;
    uint16_t score_milli; /* normalised 0..1000; of a moderation: 1 passed, 0 not */
    uint8_t kind;
};

struct quality {
    struct quality_table targets[TARGET_KINDS];
    struct prior_sums prior[2];   /* RATING_USER, RATING_EXPERT */
    struct rating_entry *entries; /* newest score of each (kind, user, target), by first score */
    size_t entries_n, entries_cap;
    struct map entry_of; /* kind, user and target to entry */
    struct moderation moderation;
    struct originality *originality; /* sketches, bands, who copied whom: quality/originality.c */
    struct positions positions;      /* where feeds showed contents, and what came of it        */
    struct learned *learned;         /* in force, or NULL: quality/learned.h                    */
};

void quality_init(struct quality *q);
void quality_deinit(struct quality *q);
void quality_save(const struct quality *q, struct sink *s);

/* Into a q just initialised; after an error q is empty again. What can be computed from the
 * scores and sketches is not stored but rebuilt. Errors: HEED_INPUT, HEED_NOMEM.                 */
enum heed_status quality_load(struct quality *q, struct source *s, struct heed_error *err);

/* Records a score (thousandths of the file's unit). A later score of the same user, kind and target
 * replaces the earlier. A moderation closes or opens the gate, whoever decided before.
 * Errors: HEED_RANGE a user's or expert's score is outside the rules' range, or a handle is not
 * below 2^28; nothing changed. HEED_NOMEM leaves the state unusable.                             */
HEED_MUST_CHECK enum heed_status quality_rate(struct quality *q, const struct quality_rules *r,
                                              enum rating_kind kind, uint32_t user, uint32_t target,
                                              int64_t score_milli);

/* A new content with its sketch, in order of handle. Looks for the most similar earlier-published
 * content by another creator (ties: the earliest published, then the smaller handle); at or above
 * copy_similarity_ppm the later published of the two is the copy, so a late-coming original turns
 * an already known content into its copy. A threshold of 757,809 ppm or more misses no pair of
 * sketches that reaches it, short of 256 near copies of one text; a lower one may (see
 * quality/bands.h). HEED_NOMEM leaves the state unusable. About 3 us; up to 100 us where there are
 * thousands of near copies.                                                                      */
HEED_MUST_CHECK enum heed_status quality_publish(struct quality *q, const struct quality_rules *r,
                                                 uint32_t content, uint32_t creator,
                                                 int64_t created_at_ms, const struct sketch *s);

struct copy_of {
    uint32_t original;       /* content, or HANDLE_NONE: original as far as is known, or gone */
    uint32_t similarity_ppm; /* 0 when it is no copy */
    uint32_t shingles;       /* evidence: distinct shingles of its text */
    bool known;              /* the text was long enough to judge       */
    bool gone;               /* a copy whose original is not in this world */
};
struct copy_of quality_copy_of(const struct quality *q, uint32_t content);

/* A content that was found a copy in the world it comes from, of an original that is not in this
 * one, its creator erased. It stays a copy, with that similarity (1..1,000,000), unless one in this
 * world is more similar. A text too short to judge is left alone. false: no such content, or a
 * similarity out of bounds; nothing changed. */
bool quality_copied(struct quality *q, uint32_t content, uint32_t similarity_ppm);

/* What moderation lets be shown of a target: the decision or moderation score that stands.      */
enum decision quality_gate(const struct quality *q, uint32_t target);
bool quality_removed(const struct quality *q, uint32_t target); /* DECISION_REMOVE */

/* Records a decision or an appeal (as moderation_add) and sets the gate at once. One that came as a
 * score (`scored`, after quality_rate of kind moderation) must have `stood`, as scores replace one
 * another in the order they come.
 * Errors: HEED_NOMEM, which leaves the state unusable; HEED_RANGE.                               */
HEED_MUST_CHECK enum heed_status quality_decide(struct quality *q,
                                                const struct moderation_act *act);

enum quality_part {
    PART_RATING,        /* users' ratings, shrunk mean                                    */
    PART_EXPERT,        /* expert scores, shrunk mean                                     */
    PART_INTERACTIVITY, /* Wilson lower bound of engagement per impression                */
    PART_ORIGINALITY,   /* 1, or 1 - similarity to the original                           */
    PART_CREATOR,       /* what its creator's other targets say; learnt scores only       */
    PART_PRIOR,         /* .5, for what is not known yet; learnt: the mean of all         */
    PART_MODERATION,    /* gate: 1 or 0, multiplies the rest                              */
    QUALITY_PARTS
};
const char *quality_part_name(enum quality_part part);

struct quality_score {
    double score;        /* 0..1 */
    double lower, upper; /* where its worth lies with 95 %; 0, 0 behind a closed gate */
    double sd;           /* of that worth: what the interval is wide, in standard deviations */
    struct {
        double value;      /* 0..1 */
        double weight;     /* share of the sum it had; 0 without evidence, but for the prior */
        uint64_t evidence; /* ratings, reviews, impressions, shingles, targets, none, decisions */
    } parts[QUALITY_PARTS];
};

/* The score of a target from its engagement counts and what is stored here: the sum of value x
 * weight over the parts, or 0 behind a closed gate (which is no summand: its weight is 0). The
 * weights add up to 1.
 *
 * Rating and expert parts are shrunk means (n m + k m0) / (n + k), m0 the mean of all, k estimated
 * from the data by the method of moments; until there is enough of it k is prior_strength and m0 is
 * itself drawn to .5 by as many ratings. Interactivity has the share z = n / (n + k) of its weight
 * after n impressions, k the rules' interactivity_strength, for its lower bound says more of n than
 * of the content while n is small. (H. Bühlmann's
 * credibility, ASTIN Bulletin 4 (1967) 199; with k = 1.96^2, about 4, it is the weight that
 * Wilson's interval itself gives the rate against one half: A. Agresti, B. Coull, The American
 * Statistician 52 (1998) 119.) A part without evidence takes no weight.
 *
 * Where nobody has rated the target and it is no copy, there is nothing beside interactivity that
 * could judge it: originality too then has z of its weight, as not being a copy is no merit of its
 * own, and the prior has what they leave. So the score starts at .5, and one impression moves it by
 * at most 1 / (2 (1 + k)).
 *
 * The interval is of the worth: what the parts with evidence are truly like, weighed as in the
 * score, without the prior, which is what one says who knows nothing. Of interactivity that is the
 * rate of engagement, in Wilson's interval; of the means what is within 1.96 of their posterior
 * standard deviations; with no evidence at all, 0..1. Limits l_i, u_i about estimates x_i combine
 * to sum w x - sqrt(sum w^2 (x - l)^2)  ..  sum w x + sqrt(sum w^2 (u - x)^2) (G. Y. Zou, A.
 * Donner, "Construction of confidence limits about effect measures: a general approach", Statistics
 * in Medicine 27 (2008) 1693), and reach as far as the score, which is cautious about interactivity
 * and so may lie a little below. sd is the width of those limits by 2 x 1.96, and 1 / sqrt(12)
 * where nothing is known. O(1).
 *
 * This is the score by the rules; quality_judge of quality/learned.h is the one in force.        */
struct quality_score quality_score(const struct quality *q, const struct quality_rules *r,
                                   uint32_t target, uint64_t engagements, uint64_t impressions);
#endif
