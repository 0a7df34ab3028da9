#include "catalogue/catalogue.h"

#include <stdlib.h>

void catalogue_init(struct catalogue *c)
{
    *c = (struct catalogue){0};
    intern_init(&c->content_ids);
    intern_init(&c->good_ids);
    intern_init(&c->service_ids);
    intern_init(&c->symbols);
}

void catalogue_deinit(struct catalogue *c)
{
    free(c->parties);
    free(c->contents);
    free(c->goods);
    free(c->services);
    intern_deinit(&c->content_ids);
    intern_deinit(&c->good_ids);
    intern_deinit(&c->service_ids);
    intern_deinit(&c->symbols);
    *c = (struct catalogue){0};
}

enum heed_status catalogue_add_party(struct catalogue *c, const struct party *p, uint32_t *handle)
{
    if (c->parties_n > TARGET_INDEX_MAX)
        return HEED_RANGE;
    if (!array_grow(&c->parties, &c->parties_cap, c->parties_n + 1, sizeof *c->parties))
        return HEED_NOMEM;
    *handle = (uint32_t)c->parties_n;
    c->parties[c->parties_n++] = *p;
    c->users_n += (p->flags & PARTY_USER) != 0;
    return HEED_OK;
}

/* Interns the id of the row that comes next, `n`.                                               */
static enum heed_status add_id(struct intern *ids, struct str id, size_t n)
{
    if (intern_find(ids, id) != INTERN_NONE)
        return HEED_INPUT;
    return intern_add(ids, id) == (uint32_t)n ? HEED_OK : HEED_NOMEM;
}

enum heed_status catalogue_add_content(struct catalogue *c, struct str id, const struct content *x,
                                       uint32_t *handle)
{
    if (c->contents_n > TARGET_INDEX_MAX)
        return HEED_RANGE;
    if (!array_grow(&c->contents, &c->contents_cap, c->contents_n + 1, sizeof *c->contents))
        return HEED_NOMEM;
    enum heed_status status = add_id(&c->content_ids, id, c->contents_n);
    if (status != HEED_OK)
        return status;
    *handle = (uint32_t)c->contents_n;
    struct content *added = &c->contents[c->contents_n++];
    *added = *x;
    if (added->category == HANDLE_NONE && added->good < c->goods_n)
        added->category = c->goods[added->good].category;
    return HEED_OK;
}

enum heed_status catalogue_add_good(struct catalogue *c, bool service, struct str id,
                                    const struct good *g, uint32_t *handle)
{
    struct good **rows = service ? &c->services : &c->goods;
    size_t *n = service ? &c->services_n : &c->goods_n;
    size_t *cap = service ? &c->services_cap : &c->goods_cap;
    if (*n > TARGET_INDEX_MAX)
        return HEED_RANGE;
    if (!array_grow(rows, cap, *n + 1, sizeof **rows))
        return HEED_NOMEM;
    enum heed_status status = add_id(service ? &c->service_ids : &c->good_ids, id, *n);
    if (status != HEED_OK)
        return status;
    *handle = (uint32_t)*n;
    (*rows)[(*n)++] = *g;
    return HEED_OK;
}

struct good *catalogue_good(const struct catalogue *c, uint32_t target)
{
    if (!catalogue_has(c, target))
        return NULL;
    switch (target_kind(target)) {
    case TARGET_GOOD:
        return &c->goods[target_index(target)];
    case TARGET_SERVICE:
        return &c->services[target_index(target)];
    default:
        return NULL;
    }
}

uint32_t catalogue_owner(const struct catalogue *c, uint32_t target)
{
    const struct good *g = catalogue_good(c, target);
    if (g != NULL)
        return g->seller;
    if (!catalogue_has(c, target))
        return HANDLE_NONE;
    uint32_t index = target_index(target);
    return target_kind(target) == TARGET_CONTENT ? c->contents[index].creator : index;
}

bool catalogue_erased(const struct catalogue *c, uint32_t party)
{
    return party < c->parties_n && c->parties[party].flags & PARTY_ERASED;
}

bool catalogue_gone(const struct catalogue *c, uint32_t target)
{
    return catalogue_erased(c, catalogue_owner(c, target));
}

uint32_t catalogue_category(const struct catalogue *c, uint32_t target)
{
    const struct good *g = catalogue_good(c, target);
    if (g != NULL)
        return g->category;
    if (!catalogue_has(c, target) || target_kind(target) != TARGET_CONTENT)
        return HANDLE_NONE;
    return c->contents[target_index(target)].category;
}

bool catalogue_has(const struct catalogue *c, uint32_t target)
{
    uint32_t index = target_index(target);
    switch (target_kind(target)) {
    case TARGET_USER:
        return index < c->parties_n;
    case TARGET_CONTENT:
        return index < c->contents_n;
    case TARGET_GOOD:
        return index < c->goods_n;
    case TARGET_SERVICE:
        return index < c->services_n;
    default:
        return false;
    }
}
