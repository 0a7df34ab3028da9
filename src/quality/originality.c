#include "quality/originality.h"

#include "base/error.h"

#include <stdlib.h>

struct originality *originality_new(void)
{
    return calloc(1, sizeof(struct originality));
}

void originality_free(struct originality *o)
{
    if (!o)
        return;
    free(o->posts);
    free(o->classes);
    bands_deinit(&o->bands);
    free(o);
}

bool originality_before(const struct originality *o, uint32_t a, uint32_t b)
{
    int64_t at_a = o->posts[a].created_at_ms, at_b = o->posts[b].created_at_ms;
    return at_a != at_b ? at_a < at_b : a < b;
}

/* Puts p, already among the posts, into its place in its class.                                  */
static void class_insert(struct originality *o, struct sketch_class *c, uint32_t p)
{
    struct post *posts = o->posts;
    uint32_t *link = &c->newest;
    while (*link != HANDLE_NONE && originality_before(o, p, *link))
        link = &posts[*link].next;
    posts[p].next = *link;
    *link = p;

    bool firsts_own = c->first != HANDLE_NONE && posts[p].creator == posts[c->first].creator;
    if (c->first == HANDLE_NONE || originality_before(o, p, c->first)) {
        if (!firsts_own)
            c->first_other = c->first;
        c->first = p;
    } else if (!firsts_own &&
               (c->first_other == HANDLE_NONE || originality_before(o, p, c->first_other))) {
        c->first_other = p;
    }
}

enum heed_status originality_add(struct originality *o, const struct post *p,
                                 const uint64_t words[BANDS])
{
    if (o->posts_n > TARGET_INDEX_MAX)
        return HEED_RANGE;
    if (!array_grow(&o->posts, &o->posts_cap, o->posts_n + 1, sizeof *o->posts))
        return HEED_NOMEM;
    if (p->shingles > 0 && p->class == o->bands.n) {
        if (!array_grow(&o->classes, &o->classes_cap, o->bands.n + 1, sizeof *o->classes))
            return HEED_NOMEM;
        o->classes[o->bands.n] = (struct sketch_class){HANDLE_NONE, HANDLE_NONE, HANDLE_NONE};
        enum heed_status status = bands_add(&o->bands, words);
        if (status != HEED_OK)
            return status;
    }
    uint32_t handle = (uint32_t)o->posts_n++;
    o->posts[handle] = *p;
    o->posts[handle].next = HANDLE_NONE;
    if (p->shingles > 0)
        class_insert(o, &o->classes[p->class], handle);
    return HEED_OK;
}

/* Makes `candidate`, published before, the original of `post` if it is better than the one known.
 */
static void post_consider(const struct originality *o, struct post *post, uint32_t candidate,
                          uint32_t similarity_ppm)
{
    if (post->original != HANDLE_NONE &&
        (similarity_ppm < post->similarity_ppm ||
         (similarity_ppm == post->similarity_ppm &&
          (post->original == ORIGINAL_GONE || !originality_before(o, candidate, post->original)))))
        return;
    post->original = candidate;
    post->similarity_ppm = similarity_ppm;
}

/* Settles p against every content of a class: the earliest may be its original, and it may be the
 * original of those published later.                                                             */
static void class_meet(struct originality *o, const struct sketch_class *c, uint32_t p,
                       uint32_t similarity_ppm)
{
    struct post *posts = o->posts;
    uint32_t q = c->first;
    if (posts[q].creator == posts[p].creator)
        q = c->first_other;
    if (q != HANDLE_NONE && originality_before(o, q, p))
        post_consider(o, &posts[p], q, similarity_ppm);
    for (q = c->newest; q != HANDLE_NONE && originality_before(o, p, q); q = posts[q].next)
        if (posts[q].creator != posts[p].creator)
            post_consider(o, &posts[q], p, similarity_ppm);
}

static uint32_t class_of(const struct bands *b, const uint64_t words[BANDS])
{
    struct bands_cursor cursor = {0};
    for (uint32_t c; (c = bands_next(b, words, &cursor)) != HANDLE_NONE;)
        if (memcmp(b->words + (size_t)c * BANDS, words, BANDS * sizeof *words) == 0)
            return c;
    return (uint32_t)b->n;
}

enum heed_status quality_publish(struct quality *q, const struct quality_rules *r, uint32_t content,
                                 uint32_t creator, int64_t created_at_ms, const struct sketch *s)
{
    if (!q->originality && !(q->originality = originality_new()))
        return HEED_NOMEM;
    struct originality *o = q->originality;
    heed_assert(content == o->posts_n);

    uint64_t words[BANDS];
    bands_pack(s->minima, words);
    struct post p = {created_at_ms, creator, s->shingles, HANDLE_NONE, HANDLE_NONE, HANDLE_NONE, 0};
    if (p.shingles > 0)
        p.class = class_of(&o->bands, words);
    enum heed_status status = originality_add(o, &p, words);
    if (status != HEED_OK || p.shingles == 0)
        return status;

    struct bands_cursor cursor = {0};
    for (uint32_t c; (c = bands_next(&o->bands, words, &cursor)) != HANDLE_NONE;) {
        uint32_t matches = bands_matches(words, o->bands.words + (size_t)c * BANDS);
        uint32_t similarity_ppm = bands_similarity_ppm(matches);
        if (similarity_ppm >= r->copy_similarity_ppm)
            class_meet(o, &o->classes[c], content, similarity_ppm);
    }
    return HEED_OK;
}

bool quality_copied(struct quality *q, uint32_t content, uint32_t similarity_ppm)
{
    struct originality *o = q->originality;
    if (!o || content >= o->posts_n || similarity_ppm < 1 || similarity_ppm > 1000000)
        return false;
    struct post *p = &o->posts[content];
    if (p->shingles > 0 && (p->original == HANDLE_NONE || p->similarity_ppm <= similarity_ppm)) {
        p->original = ORIGINAL_GONE;
        p->similarity_ppm = similarity_ppm;
    }
    return true;
}

struct copy_of quality_copy_of(const struct quality *q, uint32_t content)
{
    const struct originality *o = q->originality;
    struct copy_of copy = {.original = HANDLE_NONE};
    if (o && content < o->posts_n && o->posts[content].shingles > 0) {
        const struct post *p = &o->posts[content];
        bool gone = p->original == ORIGINAL_GONE;
        copy = (struct copy_of){gone ? HANDLE_NONE : p->original, p->similarity_ppm, p->shingles,
                                true, gone};
    }
    return copy;
}
