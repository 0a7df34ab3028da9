/* The catalogue: who and what there is in a world.
 *
 * Everything has a dense handle. A person (user, creator, seller) is a **party**; the outside id,
 * the name and all free text of parties, contents, goods and services are not here but in the
 * vault, sealed (world/vault.h). Ids of contents, goods and services, categories, kinds and
 * surfaces are not personal and are interned here.
 *
 * Invariant: handles are given in order and never again.                                        */
#ifndef HEED_CATALOGUE_H
#define HEED_CATALOGUE_H

#include "base/intern.h"
#include "base/refusal.h"
#include "base/serial.h"

#define HANDLE_NONE UINT32_MAX

/* A target of attention: kind in the top 4 bits, dense handle in the lower 28.                  */
enum target_kind {
    TARGET_NONE = 0,
    TARGET_USER = 1, /* a party, whether registered as a user or known only as a creator */
    TARGET_CONTENT = 2,
    TARGET_GOOD = 3,
    TARGET_SERVICE = 4,
    TARGET_KINDS
};
#define TARGET_INDEX_MAX ((1u << 28) - 1)

static inline uint32_t target_make(enum target_kind kind, uint32_t index)
{
    return (uint32_t)kind << 28 | index;
}
static inline enum target_kind target_kind(uint32_t t)
{
    return (enum target_kind)(t >> 28);
}
static inline uint32_t target_index(uint32_t t)
{
    return t & TARGET_INDEX_MAX;
}

const char *target_kind_name(enum target_kind kind);   /* "content"; "" when none */
enum target_kind target_kind_of_name(struct str name); /* TARGET_NONE when unknown */

/* Roles, as bits, so that a command names all that may give it.                                 */
enum role {
    ROLE_OPERATOR = 1 << 0,
    ROLE_CREATOR_MANAGER = 1 << 1,
    ROLE_ECONOMIST = 1 << 2,
    ROLE_MODERATOR = 1 << 3,
    ROLE_AUDITOR = 1 << 4,
    ROLE_CLIENT = 1 << 5,
    ROLE_READER = 1 << 6,
    ROLE_MEMBER = 1 << 7,
};
const char *role_name(enum role role);   /* of one role; "" when not one */
enum role role_of_name(struct str name); /* 0 when unknown; "user" and "creator" are members */

enum { PARTY_USER = 1, PARTY_ERASED = 2 };

struct party {
    int64_t joined_at_ms;
    uint8_t flags, role_bits;
};

struct content {
    int64_t created_at_ms;
    uint32_t creator;  /* party                                          */
    uint32_t good;     /* the good it features, or HANDLE_NONE           */
    uint32_t kind;     /* symbol, or HANDLE_NONE                         */
    uint32_t category; /* symbol: its own, else its good's, else HANDLE_NONE */
};

/* Goods and services alike.                                                                     */
struct good {
    int64_t created_at_ms;
    int64_t price_minor; /* -1: no price                   */
    int64_t stock;       /* units left; -1: unlimited      */
    int64_t sales;       /* units sold, the past included  */
    uint32_t seller;     /* party, or HANDLE_NONE          */
    uint32_t category;   /* symbol, or HANDLE_NONE         */
    uint16_t currency;   /* index in the rules             */
    bool listed;         /* offered in the shop            */
};

struct catalogue {
    struct party *parties;
    size_t parties_n, parties_cap;
    size_t users_n; /* parties with PARTY_USER, erased ones included */
    struct content *contents;
    size_t contents_n, contents_cap;
    struct good *goods, *services;
    size_t goods_n, goods_cap, services_n, services_cap;
    struct intern content_ids, good_ids, service_ids; /* handle = index of the array above */
    struct intern symbols;
};

void catalogue_init(struct catalogue *c);
void catalogue_deinit(struct catalogue *c);
void catalogue_save(const struct catalogue *c, struct sink *s);

/* Replaces *c, which holds nothing. HEED_INPUT (damaged) or HEED_NOMEM: *c is empty. Currencies are
 * the caller's to check against the rules.                                                      */
enum heed_status catalogue_load(struct catalogue *c, struct source *s, struct heed_error *err);

/* Each adds one and gives its handle through *handle. HEED_NOMEM, HEED_RANGE at 2^28, or HEED_INPUT
 * when the id is there; nothing is added then. A content without category takes its good's.     */
enum heed_status catalogue_add_party(struct catalogue *c, const struct party *p, uint32_t *handle);
enum heed_status catalogue_add_content(struct catalogue *c, struct str id, const struct content *x,
                                       uint32_t *handle);
enum heed_status catalogue_add_good(struct catalogue *c, bool service, struct str id,
                                    const struct good *g, uint32_t *handle);

/* The good or service behind a target, or NULL.                                                 */
struct good *catalogue_good(const struct catalogue *c, uint32_t target);

/* The party that earns from attention to a target: a content's creator, a good's or service's
 * seller, the user itself; HANDLE_NONE when there is none. */
uint32_t catalogue_owner(const struct catalogue *c, uint32_t target);

/* Whether a party (HANDLE_NONE and the system's: no) is erased; whether the owner of a target is.
 */
bool catalogue_erased(const struct catalogue *c, uint32_t party);
bool catalogue_gone(const struct catalogue *c, uint32_t target);

/* Category symbol of a target, or HANDLE_NONE.                                                  */
uint32_t catalogue_category(const struct catalogue *c, uint32_t target);
bool catalogue_has(const struct catalogue *c, uint32_t target);
#endif
