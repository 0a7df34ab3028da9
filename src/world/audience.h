/* Constraints in a world: which contents they speak of, and what whom must not be shown. */
#ifndef HEED_AUDIENCE_H
#define HEED_AUDIENCE_H

#include "world/world.h"

/* Of all contents at one moment; made anew with the scores.                                     */
struct constrained_contents {
    uint32_t *classes, *creator, *category; /* as allocator_constrain wants them */
    uint16_t *audiences;              /* rows of the rules' audience that speak of a content */
    uint32_t has[AUDIENCES_MAX];      /* targets they name; 0: there is no such thing        */
    uint8_t *hidden, *hidden_creator; /* room for one user's, zero between                   */
    size_t n;
};

void constrained_contents_free(struct constrained_contents *x);
/* Replaces *x. HEED_NOMEM.                                                                       */
HEED_MUST_CHECK enum heed_status constrained_contents_make(const struct state *s,
                                                           struct constrained_contents *x);

/* Whether the rules hide from some what others see.                                              */
bool audience_rules(const struct rules *r);

/* Appends to *list (in contents' order, grown as needed) what a user must not be shown: his own,
 * what is not for him (audience), what his acts say he will not see (hide_at). HEED_NOMEM.
 * O(contents).                                                                                   */
HEED_MUST_CHECK enum heed_status audience_hidden(const struct state *s,
                                                 struct constrained_contents *x, uint32_t user,
                                                 uint32_t **list, size_t *n, size_t *cap);

/* Rows of the rules' audience, as bits: those that speak of a category (goods and services have no
 * kind), and those that leave a user out.                                                       */
uint16_t audience_rows(const struct state *s, uint32_t category);
uint16_t audience_denied(const struct state *s, const struct constrained_contents *x,
                         uint32_t user);

/* Whether a person's acts on a target hide it from him, by hide_at.                              */
bool audience_hides(const struct rules *r, const struct pair *p);

/* Whether a content is too old to be shown.                                                      */
bool audience_too_old(const struct state *s, uint32_t content);
#endif
