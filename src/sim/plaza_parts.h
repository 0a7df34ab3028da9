/* What the files of the generator share. Every step draws from a stream of its own, so that one can
 * change without moving the others, and one expression draws once, since C leaves open which
 * operand comes first; the arithmetic is integers and + - * / of doubles in a fixed order, so the
 * same seed gives the same bytes on any machine. */
#ifndef HEED_PLAZA_PARTS_H
#define HEED_PLAZA_PARTS_H

#include "base/prng.h"
#include "base/str.h"
#include "base/time.h"
#include "sim/plaza.h"

#define PLAZA_START_S INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define PLAZA_NONE UINT32_MAX

enum { PLAZA_CATEGORIES = 12, PLAZA_FRIENDS = 8, DAY_S = 86400 };

enum plaza_stream {
    STREAM_PEOPLE = 1,
    STREAM_CONTENTS,
    STREAM_COPIES,
    STREAM_GOODS,
    STREAM_SESSIONS,
    STREAM_ACTS,
    STREAM_RING,
    STREAM_REVIEWS,
    STREAM_NAMES,
    STREAM_MARKET
};

enum plaza_verb {
    DID_VIEW,
    DID_DWELL,
    DID_LIKE,
    DID_DISLIKE,
    DID_COMMENT,
    DID_SHARE,
    DID_FOLLOW,
    DID_CLICK,
    DID_CART,
    DID_PURCHASE,
    DID_SKIP,
    DID_REPORT
};
enum plaza_surface { ON_HOME, ON_SEARCH, ON_PLAZA, ON_FRIEND };
enum plaza_kind { SCORE_USER, SCORE_EXPERT, SCORE_MODERATION };

struct plaza_person {
    int64_t joined_s;
    double taste[PLAZA_CATEGORIES]; /* 0..1, how much each category is to his liking */
    double activity;                /* sessions a day, in proportion                 */
    double leniency;                /* added to the scores he gives                  */
    double skill, fame;             /* of creators, 0..1; fame is luck               */
    uint32_t friends[PLAZA_FRIENDS];
    uint32_t home_category; /* what he makes */
    uint8_t hours_east;
    bool creator, expert, moderator, ring;
};

struct plaza_content {
    int64_t created_s;
    double quality; /* what people find when they look at it, 0..1 */
    uint64_t text_seed, edit_seed;
    uint32_t creator, category, good, copy_of; /* good, copy_of: or PLAZA_NONE */
    uint32_t length_s;                         /* to read it whole */
    uint32_t promoted;                         /* how loudly its maker announces it */
    uint32_t made;                             /* order of making */
    uint8_t kind;
    bool chinese, bad;
};

struct plaza_good {
    int64_t created_s, price_minor, stock, sales; /* stock -1: unlimited */
    uint64_t text_seed;
    uint32_t seller, category;
};

enum plaza_target { TO_CONTENT, TO_GOOD, TO_USER };

struct plaza_event {
    int64_t time_s;
    uint32_t user, target, amount; /* amount 0: not given */
    uint32_t order;                /* of making, to break ties */
    uint8_t verb, to, surface, via;
};

struct plaza_score {
    int64_t time_s;
    uint32_t user, content, order;
    uint16_t score_tenths;
    uint8_t kind;
};

struct plaza {
    uint64_t seed;
    struct plaza_size size;
    struct plaza_person *people;
    struct plaza_content *contents; /* in order of publication */
    struct plaza_good *goods;
    struct plaza_event *events;
    size_t events_n, events_cap;
    struct plaza_score *scores;
    size_t scores_n, scores_cap;
    uint32_t *creators; /* of people, creators_n */
    uint32_t creators_n;
    uint32_t ring_first, ring_n; /* fake accounts: people ring_first … */
    uint32_t boosted;            /* the person they work for */
};

/* ── chance ── */

void plaza_stream(const struct plaza *z, enum plaza_stream stream, struct prng *r);
/* Near a standard normal: twelve uniforms less six. No libm, whose last bits differ.             */
double plaza_normal(struct prng *r);
bool plaza_chance(struct prng *r, double p);
static inline double plaza_clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* ── steps, in order; false: no memory ── */

bool plaza_make_people(struct plaza *z);
bool plaza_make_goods(struct plaza *z);
bool plaza_make_contents(struct plaza *z);
bool plaza_make_acts(struct plaza *z);    /* events and ratings */
bool plaza_make_reviews(struct plaza *z); /* experts and moderators */

bool plaza_add_event(struct plaza *z, const struct plaza_event *e);
bool plaza_add_score(struct plaza *z, const struct plaza_score *s);

HEED_MUST_CHECK enum heed_status plaza_write(const struct plaza *z, const char *dir,
                                             struct heed_error *err);
/* Needs the people only. */
HEED_MUST_CHECK enum heed_status plaza_write_users(const struct plaza *z, struct strbuf *out,
                                                   struct heed_error *err);

/* ── text ── */

const char *plaza_category(uint32_t category);
void plaza_title(struct strbuf *b, const struct plaza_content *c);
/* The body of a content; a copy's is its original's (text_seed) with a few words changed
 * (edit_seed). */
void plaza_body(struct strbuf *b, const struct plaza_content *c);
void plaza_good_name(struct strbuf *b, const struct plaza_good *g);
void plaza_good_text(struct strbuf *b, const struct plaza_good *g);
void plaza_person_name(struct strbuf *b, struct prng *r);
#endif
