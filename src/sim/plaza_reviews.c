/* What experts and moderators say in plaza. */
#include "sim/plaza_parts.h"

#include <stdlib.h>

static uint32_t one_of(const struct plaza *z, struct prng *r, bool moderator)
{
    for (;;) {
        uint32_t i = (uint32_t)prng_below(r, z->size.users);
        if (moderator ? z->people[i].moderator : z->people[i].expert)
            return i;
    }
}

static bool review(struct plaza *z, struct prng *r, uint32_t content, enum plaza_kind kind,
                   double score)
{
    int64_t end = PLAZA_START_S + (int64_t)z->size.days * DAY_S;
    int64_t from = z->contents[content].created_s;
    if (from < PLAZA_START_S)
        from = PLAZA_START_S;
    struct plaza_score s = {.content = content, .kind = (uint8_t)kind};
    s.time_s = from + (int64_t)prng_below(r, (uint64_t)(end - from));
    s.user = one_of(z, r, kind == SCORE_MODERATION);
    s.score_tenths = (uint16_t)(5 * (uint32_t)(2 * plaza_clamp(score, 1, 5) + 0.5));
    return plaza_add_score(z, &s);
}

/* Experts look at every eighth content, drawn without regard to how it fares, and judge the work,
 * not the taste. Moderators take out most of what is bad and let the rest they look at pass. */
bool plaza_make_reviews(struct plaza *z)
{
    struct prng r;
    plaza_stream(z, STREAM_REVIEWS, &r);
    bool ok = true;
    for (uint32_t i = 0; ok && i < z->size.contents; i++) {
        const struct plaza_content *c = &z->contents[i];
        if (plaza_chance(&r, 0.125)) {
            ok = review(z, &r, i, SCORE_EXPERT, 1 + 4 * (c->quality + 0.09 * plaza_normal(&r)));
            if (ok && plaza_chance(&r, 0.3))
                ok = review(z, &r, i, SCORE_EXPERT, 1 + 4 * (c->quality + 0.09 * plaza_normal(&r)));
        }
        if (ok && c->bad && plaza_chance(&r, 0.7))
            ok = review(z, &r, i, SCORE_MODERATION, 1 + prng_double(&r));
        else if (ok && plaza_chance(&r, 0.003))
            ok = review(z, &r, i, SCORE_MODERATION, 4 + prng_double(&r));
    }
    return ok;
}
