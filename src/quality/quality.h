/* Step 2, quality: what content, goods and services are worth looking at, from ratings, expert
 * review, moderation, engagement and originality; every score with its ingredients and evidence.
 *
 * State is integers only. Scores are computed from it in double with + - * / and sqrt alone, in a
 * fixed order, so they are the same on every machine.                                           */
#ifndef HEED_QUALITY_H
#define HEED_QUALITY_H

#include "catalogue/catalogue.h"

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

/* Estimated Jaccard similarity in parts per million, corrected for 16-bit coincidences.          */
uint32_t sketch_similarity_ppm(const struct sketch *a, const struct sketch *b);

struct quality_rules {
    /* weights of the ingredients in thousandths */
    int32_t rating_weight_milli, expert_weight_milli, interactivity_weight_milli,
        originality_weight_milli;
    int64_t score_min_milli, score_max_milli; /* range of user and expert scores */
    int64_t moderation_pass_milli;            /* a moderation score below it closes the gate */
    int32_t prior_strength;                   /* ratings a prior counts as, when the data cannot say */
    uint32_t copy_similarity_ppm;             /* at or above: a copy */
    uint32_t min_shingles;
};

struct rating_sums {
    uint32_t n;
    int64_t sum_milli;  /* of normalised scores, 0..1000 each */
    int64_t square_sum; /* of their squares */
};

struct quality_target {
    struct rating_sums ratings[2]; /* RATING_USER, RATING_EXPERT */
    uint32_t moderations;
    bool removed; /* the newest moderation said no */
};

struct quality_table {
    struct quality_target *rows;
    size_t n, cap;
};

struct quality {
    struct quality_table targets[TARGET_KINDS];
    struct rating_sums all[2];     /* over every target: the prior's data */
    struct rating_entry *entries;  /* newest score of each (kind, user, target) */
    size_t entries_n, entries_cap;
    struct originality *originality; /* sketches, bands, who copied whom: quality/originality.c */
};

void quality_init(struct quality *q);
void quality_deinit(struct quality *q);
void quality_save(const struct quality *q, struct sink *s);
enum heed_status quality_load(struct quality *q, struct source *s, struct heed_error *err);

/* Records a score (thousandths of the file's unit, within the rules' range: the caller checks). A
 * later score of the same user, kind and target replaces the earlier.                           */
HEED_MUST_CHECK enum heed_status quality_rate(struct quality *q, const struct quality_rules *r,
                                              enum rating_kind kind, uint32_t user,
                                              uint32_t target, int64_t score_milli);

/* A new content with its sketch, in order of handle. Looks for the most similar earlier-published
 * content by another creator (ties: the earliest published, then the smaller handle); at or above
 * copy_similarity_ppm the later published of the two is the copy, so a late-coming original turns
 * an already known content into its copy.                                                       */
HEED_MUST_CHECK enum heed_status quality_publish(struct quality *q, const struct quality_rules *r,
                                                 uint32_t content, uint32_t creator,
                                                 int64_t created_at_ms, const struct sketch *s);

struct copy_of {
    uint32_t original; /* content, or HANDLE_NONE: original as far as is known */
    uint32_t similarity_ppm;
    bool known; /* the text was long enough to judge */
};
struct copy_of quality_copy_of(const struct quality *q, uint32_t content);

bool quality_removed(const struct quality *q, uint32_t target); /* moderation closed the gate */

enum quality_part {
    PART_RATING,        /* users' ratings, shrunk mean                                    */
    PART_EXPERT,        /* expert scores, shrunk mean                                     */
    PART_INTERACTIVITY, /* Wilson lower bound of engagement per impression                */
    PART_ORIGINALITY,   /* 1, or 1 - similarity to the original                           */
    PART_MODERATION,    /* gate: 1 or 0, multiplies the rest                              */
    QUALITY_PARTS
};
const char *quality_part_name(enum quality_part part);

struct quality_score {
    double score; /* 0..1 */
    struct {
        double value;     /* 0..1 */
        double weight;    /* share of the sum it had; 0 without evidence */
        uint64_t evidence; /* ratings, reviews, impressions, shingles, decisions */
    } parts[QUALITY_PARTS];
};

/* The score of a target from its engagement counts and what is stored here. Rating and expert
 * parts are shrunk means (n m + k m0) / (n + k), m0 the mean of all, k estimated from the data by
 * the method of moments (prior_strength until there is enough of it); a part without evidence
 * takes no weight; with no evidence at all the score is the prior mean .5.
 * O(1).                                                                                         */
struct quality_score quality_score(const struct quality *q, const struct quality_rules *r,
                                   uint32_t target, uint64_t engagements, uint64_t impressions);
#endif
