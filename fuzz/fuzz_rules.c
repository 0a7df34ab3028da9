/* rules_parse over any bytes: it refuses with a place, or gives rules that every stage can bear. */
#include "world/rules.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static bool within(int64_t x, int64_t low, int64_t high)
{
    return x >= low && x <= high;
}

static void check(const struct rules *r)
{
    const int64_t ppm = 1000000;
    require(within(r->currencies_n, 1, CURRENCIES_MAX), "currencies_n");
    for (uint32_t i = 0; i < r->currencies_n; i++) {
        const struct currency *c = &r->currencies[i];
        require(within(c->scale, 0, 9), "scale");
        require(memchr(c->code, 0, sizeof c->code) && c->code[0], "code");
        require(rules_currency(r, str_of(c->code)) == (int)i, "a currency is found by its code");
    }
    const struct behaviour_rules *b = &r->behaviour;
    require(b->session_gap_ms > 0 && b->half_life_ms > 0 && b->dedup_window_ms >= 0, "spans");
    require(within(b->verbs_n, 13, VERBS_MAX), "verbs_n");
    for (uint32_t i = 0; i < b->verbs_n; i++) {
        const struct verb_rule *v = &b->verbs[i];
        require(memchr(v->name, 0, sizeof v->name) && v->name[0], "verb name");
        require(behaviour_verb(b, str_of(v->name)) == (int)i, "a verb is found by its name");
        require((unsigned)v->class <= VERB_NEGATIVE && v->unit_milli >= 0 && v->max_units >= 1,
                "verb");
        require(within(v->weight_milli, -1000000, 1000000), "verb weight");
    }
    const struct quality_rules *q = &r->quality;
    require(q->rating_weight_milli >= 0 && q->expert_weight_milli >= 0 &&
                q->interactivity_weight_milli >= 0 && q->originality_weight_milli >= 0,
            "weights");
    require(q->score_min_milli < q->score_max_milli, "score");
    require(q->prior_strength >= 1 && within(q->copy_similarity_ppm, 1, ppm), "quality");
    const struct allocation_rules *a = &r->allocation;
    require(within(a->k, 1, FEED_MAX) && (unsigned)a->algorithm < ALGORITHMS, "feed");
    int64_t mix = 0;
    for (int i = 0; i < 4; i++) {
        require(a->mix_milli[i] >= 0, "mix");
        mix += a->mix_milli[i];
    }
    require(mix > 0 && within(a->floor_ppm, 0, ppm), "mix or floor");
    const struct consumption_rules *c = &r->consumption;
    require(c->epoch_ms > 0 && c->pool_minor >= 0 && c->half_points_milli > 0, "consumption");
    require(c->currency < r->currencies_n, "currency");
    require(within(c->creator_share_ppm, 0, ppm) && within(c->cap_ppm, 1, ppm), "shares");
    require(within(r->shop.fee_ppm, 0, ppm) && r->shop.refund_ms >= 0, "shop");
    require(r->grants.new_user_grant_minor >= 0, "grants");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rules r;
    struct heed_error err = {0};
    enum heed_status status = rules_parse((struct str){(const char *)data, size}, "FILE", &r, &err);
    require(status == HEED_OK || status == HEED_INPUT, "status");
    require(status == err.status, "the error says what is returned");
    if (status == HEED_OK)
        check(&r);
    else
        require(strncmp(err.where, "FILE", 4) == 0 && err.message[0], "where and message");
    return 0;
}
