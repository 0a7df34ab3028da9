/* Who copied whom.
 *
 * Contents with the very same sketch form a class: a verbatim copy, however often repeated, costs
 * one entry in the bands. A class keeps its contents from the last published to the first, its
 * first, and the first by anyone but the first's creator: enough to name, without a search, the
 * earliest content of the class by another creator than any given.
 *
 * "Published before" is by created_at, then by handle.
 * Invariant: a post's original is the most similar of all posts that were published before it by
 * another creator and reach the threshold that held when the later-known of the two came; among
 * equals, the one published first, and one that is gone before all others. */
#ifndef HEED_QUALITY_ORIGINALITY_H
#define HEED_QUALITY_ORIGINALITY_H

#include "quality/bands.h"

#define ORIGINAL_GONE (HANDLE_NONE - 1) /* a copy of what is not in this world */

struct post {
    int64_t created_at_ms;
    uint32_t creator;
    uint32_t shingles;       /* 0: nothing below means anything          */
    uint32_t class;          /* of equal sketches                        */
    uint32_t next;           /* published before this one, in its class  */
    uint32_t original;       /* post, ORIGINAL_GONE or HANDLE_NONE       */
    uint32_t similarity_ppm; /* to the original; 0 without               */
};

struct sketch_class {
    uint32_t newest, first, first_other; /* posts; first_other may be HANDLE_NONE */
};

struct originality {
    struct post *posts; /* by content */
    size_t posts_n, posts_cap;
    struct sketch_class *classes; /* as many as bands.n, in the same order */
    size_t classes_cap;
    struct bands bands;
};

struct originality *originality_new(void); /* NULL: no memory */
void originality_free(struct originality *o);

/* Appends a post that has no sketch, or puts it into a class (bands.n: a new one, with words).
 * Errors: HEED_NOMEM; HEED_RANGE too many.                                                       */
HEED_MUST_CHECK enum heed_status originality_add(struct originality *o, const struct post *p,
                                                 const uint64_t words[BANDS]);

bool originality_before(const struct originality *o, uint32_t a, uint32_t b);

void originality_save(const struct originality *o, struct sink *s);
HEED_MUST_CHECK enum heed_status originality_load(struct originality *o, struct source *s,
                                                  struct heed_error *err);
#endif
