/* What people attended to, and what they must not be shown, as allocation wants it. */
#include "world/engine_parts.h"

enum heed_status history_of(struct world *w, enum target_kind kind, uint32_t user, size_t *n,
                            struct heed_error *err)
{
    struct engine *e = w->engine;
    const struct behaviour *b = &w->state.behaviour;
    const struct user_stats *u = behaviour_user(b, user);
    *n = 0;
    for (uint32_t i = u ? u->head : HANDLE_NONE; i != HANDLE_NONE; i = b->pairs[i].next) {
        const struct pair *p = &b->pairs[i];
        if (target_kind(p->target) != kind || p->weight_micro <= 0 ||
            catalogue_owner(&w->state.catalogue, p->target) == user)
            continue;
        uint32_t item = engine_item(e, p->target);
        if (item == HANDLE_NONE)
            continue;
        if (!array_grow(&e->items, &e->items_cap, *n + 1, sizeof *e->items) ||
            !array_grow(&e->weights, &e->weights_cap, *n + 1, sizeof *e->weights))
            return error_nomem(err);
        e->items[*n] = item;
        e->weights[*n] =
            (float)engine_decayed(w, p->weight_micro, u->last_ms - (int64_t)p->time_s * 1000);
        if (e->weights[*n] > 0)
            ++*n;
    }
    return HEED_OK;
}

void histories_deinit(struct allocation_histories *h)
{
    free((void *)(uintptr_t)h->offsets);
    free((void *)(uintptr_t)h->items);
    free((void *)(uintptr_t)h->weights);
    free((void *)(uintptr_t)h->blocked_offsets);
    free((void *)(uintptr_t)h->blocked);
}

enum heed_status histories_of(struct world *w, enum target_kind kind, const uint32_t *users,
                              size_t n, struct allocation_histories *h, struct heed_error *err)
{
    uint64_t *offsets = malloc((n + 1) * sizeof *offsets);
    uint32_t *items = NULL;
    float *weights = NULL;
    size_t items_cap = 0, weights_cap = 0, total = 0;
    enum heed_status status = offsets ? HEED_OK : error_nomem(err);
    for (size_t i = 0; status == HEED_OK && i < n; i++) {
        size_t have;
        offsets[i] = total;
        status = history_of(w, kind, users ? users[i] : (uint32_t)i, &have, err);
        if (status != HEED_OK)
            break;
        if (!array_grow(&items, &items_cap, total + have + 1, sizeof *items) ||
            !array_grow(&weights, &weights_cap, total + have + 1, sizeof *weights)) {
            status = error_nomem(err);
            break;
        }
        if (have > 0) {
            memcpy(items + total, w->engine->items, have * sizeof *items);
            memcpy(weights + total, w->engine->weights, have * sizeof *weights);
        }
        total += have;
    }
    if (status == HEED_OK) {
        offsets[n] = total;
        *h = (struct allocation_histories){
            .n = n, .offsets = offsets, .items = items, .weights = weights};
    } else {
        free(offsets);
        free(items);
        free(weights);
    }
    return status;
}

/* Nobody is shown what he made himself: blocks for each of users[h->n] his own contents.         */
static enum heed_status block_own(const struct world *w, const uint32_t *users,
                                  struct allocation_histories *h, struct heed_error *err)
{
    const struct catalogue *c = &w->state.catalogue;
    uint64_t *offsets = calloc(h->n + 2, sizeof *offsets);
    uint32_t *row_of = malloc((c->parties_n + 1) * sizeof *row_of);
    uint32_t *own = NULL;
    if (offsets && row_of) {
        for (size_t i = 0; i < c->parties_n; i++)
            row_of[i] = HANDLE_NONE;
        for (size_t u = 0; u < h->n; u++)
            row_of[users[u]] = (uint32_t)u;
        /* two places behind, so that filling moves each to its end */
        for (size_t i = 0; i < c->contents_n; i++)
            if (row_of[c->contents[i].creator] != HANDLE_NONE)
                offsets[row_of[c->contents[i].creator] + 2]++;
        for (size_t u = 2; u < h->n + 2; u++)
            offsets[u] += offsets[u - 1];
        own = malloc((offsets[h->n + 1] + 1) * sizeof *own);
    }
    if (own) {
        for (uint32_t i = 0; i < c->contents_n; i++)
            if (row_of[c->contents[i].creator] != HANDLE_NONE)
                own[offsets[row_of[c->contents[i].creator] + 1]++] = i;
        h->blocked_offsets = offsets;
        h->blocked = own;
    } else {
        free(offsets);
    }
    free(row_of);
    return own ? HEED_OK : error_nomem(err);
}

/* The same with all that is not for them.                                                        */
static enum heed_status block_hidden(const struct world *w, const uint32_t *users,
                                     struct allocation_histories *h, struct heed_error *err)
{
    uint64_t *offsets = malloc((h->n + 1) * sizeof *offsets);
    uint32_t *hidden = NULL;
    size_t n = 0, cap = 0;
    bool ok = offsets && array_grow(&hidden, &cap, 1, sizeof *hidden);
    for (size_t u = 0; ok && u < h->n; u++) {
        offsets[u] = n;
        ok = audience_hidden(&w->state, &w->engine->constrained, users[u], &hidden, &n, &cap) ==
             HEED_OK;
    }
    if (!ok) {
        free(offsets);
        free(hidden);
        return error_nomem(err);
    }
    offsets[h->n] = n;
    h->blocked_offsets = offsets;
    h->blocked = hidden;
    return HEED_OK;
}

enum heed_status histories_block(const struct world *w, const uint32_t *users,
                                 struct allocation_histories *h, struct heed_error *err)
{
    return audience_rules(&w->state.rules) ? block_hidden(w, users, h, err)
                                           : block_own(w, users, h, err);
}
