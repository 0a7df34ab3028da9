/* Who and what there is in plaza: people with tastes, creators with skill, goods, contents. */
#include "sim/plaza_parts.h"

#include <stdlib.h>

void plaza_stream(const struct plaza *z, enum plaza_stream stream, struct prng *r)
{
    uint64_t state = z->seed;
    uint64_t seed = splitmix64(&state) ^ ((uint64_t)stream << 56);
    prng_seed(r, splitmix64(&seed));
}

double plaza_normal(struct prng *r)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += prng_double(r);
    return sum - 6;
}

bool plaza_chance(struct prng *r, double p)
{
    return prng_double(r) < p;
}

/* Most categories leave a person cold.                                                          */
static void make_taste(struct plaza_person *p, struct prng *r)
{
    double most = 0;
    for (int c = 0; c < PLAZA_CATEGORIES; c++) {
        double u = prng_double(r);
        p->taste[c] = 0.05 + u * u * u;
        most = p->taste[c] > most ? p->taste[c] : most;
    }
    for (int c = 0; c < PLAZA_CATEGORIES; c++)
        p->taste[c] /= most;
}

static uint32_t favourite(const struct plaza_person *p)
{
    uint32_t best = 0;
    for (uint32_t c = 1; c < PLAZA_CATEGORIES; c++)
        if (p->taste[c] > p->taste[best])
            best = c;
    return best;
}

/* Nine in ten were there before; the rest join day by day, the ring's accounts within one
 * afternoon. People stand in order of joining.                                                   */
static void make_joining(struct plaza *z, struct prng *r)
{
    uint32_t n = z->size.users, old = n - n / 10;
    uint32_t ring_day = z->size.days / 3;
    int64_t span = (int64_t)z->size.days * DAY_S;
    z->ring_n = n / 50;
    int64_t ring_from = PLAZA_START_S + (int64_t)ring_day * DAY_S + 13 * 3600;
    uint32_t newcomers = n - old - z->ring_n;
    uint32_t before = (uint32_t)((uint64_t)newcomers * ring_day / z->size.days);
    z->ring_first = old + before;
    for (uint32_t i = 0; i < n; i++) {
        struct plaza_person *p = &z->people[i];
        if (i < old) {
            p->joined_s = PLAZA_START_S - (int64_t)(old - i) * (180 * DAY_S / (int64_t)old) -
                          (int64_t)prng_below(r, 60);
        } else if (i >= z->ring_first && i < z->ring_first + z->ring_n) {
            p->ring = true;
            p->joined_s =
                ring_from + (int64_t)(i - z->ring_first) * 240 + (int64_t)prng_below(r, 200);
        } else {
            int64_t k = i - old - (i >= z->ring_first ? z->ring_n : 0);
            p->joined_s = PLAZA_START_S + span * k / newcomers + (int64_t)prng_below(r, 600);
        }
    }
}

/* One person in six makes something. Fame is mostly luck: who is known is not who is good. */
static void make_creators(struct plaza *z, struct prng *r)
{
    uint32_t wanted = z->size.users / 6;
    uint32_t old = z->size.users - z->size.users / 10;
    while (z->creators_n < wanted) {
        uint32_t i = (uint32_t)prng_below(r, old);
        struct plaza_person *p = &z->people[i];
        if (p->creator)
            continue;
        double luck = prng_double(r);
        p->creator = true;
        p->skill = plaza_clamp(0.5 + 0.17 * plaza_normal(r), 0.03, 0.97);
        p->fame = luck * luck * luck * (0.5 + 0.5 * p->skill);
        p->home_category = favourite(p);
        z->creators[z->creators_n++] = i;
    }
}

static uint32_t ordinary(const struct plaza *z, struct prng *r)
{
    for (;;) {
        uint32_t i = (uint32_t)prng_below(r, z->size.users - z->size.users / 10);
        const struct plaza_person *p = &z->people[i];
        if (!p->creator && !p->expert && !p->moderator)
            return i;
    }
}

bool plaza_make_people(struct plaza *z)
{
    struct prng r;
    plaza_stream(z, STREAM_PEOPLE, &r);
    uint32_t n = z->size.users;
    z->people = calloc(n, sizeof *z->people);
    z->creators = calloc(n, sizeof *z->creators);
    if (!z->people || !z->creators)
        return false;
    make_joining(z, &r);
    for (uint32_t i = 0; i < n; i++) {
        struct plaza_person *p = &z->people[i];
        double u = prng_double(&r);
        make_taste(p, &r);
        p->activity = 0.1 + 1.4 * u * u + (plaza_chance(&r, 0.05) ? 2 : 0);
        p->leniency = 0.06 * plaza_normal(&r);
        p->hours_east = (uint8_t)(prng_below(&r, 3) * 4);
        for (int f = 0; f < PLAZA_FRIENDS; f++)
            p->friends[f] = (uint32_t)prng_below(&r, n);
    }
    make_creators(z, &r);
    for (uint32_t i = 0; i < 4 + n / 100; i++)
        z->people[ordinary(z, &r)].expert = true;
    for (uint32_t i = 0; i < 3; i++)
        z->people[ordinary(z, &r)].moderator = true;
    return true;
}

bool plaza_make_goods(struct plaza *z)
{
    static const int64_t prices[] = {49,  79,  99,  120, 149, 175, 199, 225, 249,
                                     299, 350, 399, 450, 499, 650, 799, 999, 1450};
    struct prng r;
    plaza_stream(z, STREAM_GOODS, &r);
    z->goods = calloc(z->size.goods, sizeof *z->goods);
    if (!z->goods)
        return false;
    for (uint32_t i = 0; i < z->size.goods; i++) {
        struct plaza_good *g = &z->goods[i];
        g->seller = z->creators[prng_below(&r, z->creators_n)];
        g->category = plaza_chance(&r, 0.7) ? z->people[g->seller].home_category
                                            : (uint32_t)prng_below(&r, PLAZA_CATEGORIES);
        g->price_minor = prices[prng_below(&r, sizeof prices / sizeof prices[0])];
        g->stock = plaza_chance(&r, 0.3) ? -1 : (int64_t)(5 + prng_below(&r, 90));
        g->sales = (int64_t)prng_below(&r, 40);
        g->created_s = PLAZA_START_S - (int64_t)(1 + prng_below(&r, 90 * DAY_S));
        g->text_seed = prng_u64(&r);
    }
    return true;
}

/* ── contents ── */

static int by_time(const void *a, const void *b)
{
    const struct plaza_content *x = a, *y = b;
    if (x->created_s != y->created_s)
        return x->created_s < y->created_s ? -1 : 1;
    return x->made < y->made ? -1 : x->made > y->made;
}

static uint32_t good_of_category(const struct plaza *z, struct prng *r, uint32_t category)
{
    for (int tries = 0; tries < 40; tries++) {
        uint32_t g = (uint32_t)prng_below(r, z->size.goods);
        if (z->goods[g].category == category)
            return g;
    }
    return PLAZA_NONE;
}

static void make_content(const struct plaza *z, struct prng *r, uint32_t creator,
                         struct plaza_content *c)
{
    const struct plaza_person *p = &z->people[creator];
    c->creator = creator;
    c->category =
        plaza_chance(r, 0.8) ? p->home_category : (uint32_t)prng_below(r, PLAZA_CATEGORIES);
    c->quality = plaza_clamp(p->skill + 0.1 * plaza_normal(r), 0, 1);
    /* two in five are there at the start */
    c->created_s =
        plaza_chance(r, 0.4)
            ? PLAZA_START_S - 1 - (int64_t)prng_below(r, 20 * DAY_S)
            : PLAZA_START_S + (int64_t)prng_below(r, (uint64_t)z->size.days * DAY_S - DAY_S / 2);
    c->text_seed = prng_u64(r);
    c->copy_of = PLAZA_NONE;
    c->good = plaza_chance(r, 0.25) ? good_of_category(z, r, c->category) : PLAZA_NONE;
    c->length_s = 15 + (uint32_t)prng_below(r, 90);
    c->promoted = 1 + (uint32_t)(14 * p->fame * prng_double(r));
    c->kind = (uint8_t)prng_below(r, 4);
    c->chinese = prng_below(r, 10) == 0;
    c->bad = plaza_chance(r, p->skill < 0.4 ? 0.02 : 0);
    if (c->bad)
        c->quality = 0.05 * prng_double(r);
}

/* A copy of what someone else has published, hours or days later, by one of a few who do that. */
static bool make_copy(const struct plaza *z, struct prng *r, const struct plaza_content *originals,
                      uint32_t n, const uint32_t *copiers, uint32_t copiers_n,
                      struct plaza_content *c)
{
    uint32_t of = (uint32_t)prng_below(r, n);
    const struct plaza_content *o = &originals[of];
    uint32_t creator = copiers[prng_below(r, copiers_n)];
    int64_t end = PLAZA_START_S + (int64_t)z->size.days * DAY_S;
    int64_t at = o->created_s + 6 * 3600 + (int64_t)prng_below(r, 4 * DAY_S);
    if (o->quality < 0.45 || o->bad || creator == o->creator || at > end - DAY_S)
        return false;
    *c = *o;
    c->created_s = at;
    c->creator = creator;
    c->copy_of = of;
    c->edit_seed = prng_u64(r) | 1;
    c->quality = o->quality - 0.03 * prng_double(r);
    c->promoted = plaza_chance(r, 0.5) ? 15 + (uint32_t)prng_below(r, 30) : 1;
    return true;
}

/* The ring works for someone of little skill who has published a good deal.                      */
static bool choose_boosted(struct plaza *z)
{
    uint32_t *count = calloc(z->size.users, sizeof *count);
    if (!count)
        return false;
    z->boosted = z->creators[0];
    for (uint32_t i = 0; i < z->size.contents; i++)
        count[z->contents[i].creator]++;
    double best = 1e9;
    uint32_t enough = z->size.contents / z->creators_n * 3 / 4;
    for (uint32_t i = 0; i < z->creators_n; i++) {
        const struct plaza_person *p = &z->people[z->creators[i]];
        double off = p->skill - 0.25;
        off = (off < 0 ? -off : off) + p->fame;
        if (count[z->creators[i]] >= enough && count[z->creators[i]] <= enough + 6 && off < best) {
            best = off;
            z->boosted = z->creators[i];
        }
    }
    free(count);
    return true;
}

bool plaza_make_contents(struct plaza *z)
{
    struct prng r;
    plaza_stream(z, STREAM_CONTENTS, &r);
    uint32_t n = z->size.contents, copies = n / 25, originals = n - copies;
    z->contents = calloc(n, sizeof *z->contents);
    uint32_t *copiers = calloc(z->creators_n, sizeof *copiers), copiers_n = 0;
    uint32_t *place = calloc(n, sizeof *place);
    bool ok = z->contents && copiers && place;
    for (uint32_t i = 0; ok && i < originals; i++) {
        /* the better of two draws by luck alone: some publish far more than others */
        uint32_t a = (uint32_t)prng_below(&r, z->creators_n);
        uint32_t b = (uint32_t)prng_below(&r, z->creators_n);
        make_content(z, &r, z->creators[a < b ? a : b], &z->contents[i]);
    }
    plaza_stream(z, STREAM_COPIES, &r);
    for (uint32_t i = 0; ok && i < z->creators_n; i++)
        if (z->people[z->creators[i]].skill < 0.5 && plaza_chance(&r, 0.16))
            copiers[copiers_n++] = z->creators[i];
    for (uint32_t i = 0; ok && copiers_n < 2 && i < z->creators_n; i++)
        copiers[copiers_n++] = z->creators[i];
    for (uint32_t made = 0, tries = 0; ok && made < copies;) {
        struct plaza_content *c = &z->contents[originals + made];
        if (make_copy(z, &r, z->contents, originals, copiers, copiers_n, c))
            made++;
        else if (++tries > 1000 * copies) /* nothing to copy in so small a world */
            make_content(z, &r, copiers[0], &z->contents[originals + made++]);
    }
    if (ok) { /* in order of publication; copy_of follows its original there */
        for (uint32_t i = 0; i < n; i++)
            z->contents[i].made = i;
        qsort(z->contents, n, sizeof *z->contents, by_time);
        for (uint32_t i = 0; i < n; i++)
            place[z->contents[i].made] = i;
        for (uint32_t i = 0; i < n; i++)
            if (z->contents[i].copy_of != PLAZA_NONE)
                z->contents[i].copy_of = place[z->contents[i].copy_of];
        ok = choose_boosted(z);
    }
    free(copiers);
    free(place);
    return ok;
}
