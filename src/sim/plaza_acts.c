/* What people do in plaza: sessions by the hour, each a walk over surfaces.
 *
 * What is seen gets seen: home and plaza draw from an urn to which every view, like and share adds
 * a ticket, so luck and loudness early on last. Search and home's new entries show without regard
 * to it. What a person does once he looks depends on the content's quality and on his taste. */
#include "sim/plaza_parts.h"

#include <stdlib.h>

enum {
    URN = 12000, /* tickets of a category that still count */
    BOARD = 60,  /* places of the board that plaza shows    */
    BOARD_S = 21600,
    RECENT_URN = 60000,
    SESSION_MOST = 18,
    FOLLOWS = 12
};

/* The last tickets of an urn, in a ring.                                                        */
struct urn {
    uint32_t *tickets;
    size_t n, cap, next;
};

struct session {
    int64_t start_s;
    uint32_t user, order;
};

struct walker {
    uint32_t follows[FOLLOWS], follows_n;
    uint32_t liked; /* the content he liked last, or PLAZA_NONE */
};

struct walk {
    struct plaza *z;
    struct prng r;
    struct urn by_category[PLAZA_CATEGORIES], all;
    uint32_t *of_category[PLAZA_CATEGORIES]; /* contents, by time of publication */
    uint32_t category_n[PLAZA_CATEGORIES], out_n[PLAZA_CATEGORIES], published;
    uint32_t **of_creator; /* [users] contents by time, or NULL */
    uint32_t *of_creator_n;
    uint32_t board[BOARD], board_n;
    int64_t board_s;
    uint32_t *tally;
    struct walker *walkers;
    uint32_t *goods_of[PLAZA_CATEGORIES], goods_n[PLAZA_CATEGORIES];
    uint32_t *ring_work, ring_work_n; /* the boosted person's contents */
    bool failed;
};

/* ── what is there to see ── */

static void urn_put(struct urn *u, uint32_t content)
{
    u->tickets[u->next] = content;
    u->next = (u->next + 1) % u->cap;
    if (u->n < u->cap)
        u->n++;
}

static uint32_t urn_draw(const struct urn *u, struct prng *r)
{
    return u->n ? u->tickets[prng_below(r, u->n)] : PLAZA_NONE;
}

static void notice(struct walk *w, uint32_t content, uint32_t tickets)
{
    for (uint32_t i = 0; i < tickets; i++) {
        urn_put(&w->by_category[w->z->contents[content].category], content);
        urn_put(&w->all, content);
    }
}

/* Publishes what is due by now. Its maker's announcement puts the first tickets in the urn.      */
static void publish(struct walk *w, int64_t now_s)
{
    const struct plaza *z = w->z;
    while (w->published < z->size.contents && z->contents[w->published].created_s <= now_s) {
        const struct plaza_content *c = &z->contents[w->published];
        w->out_n[c->category]++;
        w->of_creator_n[c->creator]++;
        notice(w, w->published, c->promoted);
        if (c->creator == z->boosted)
            w->ring_work_n++;
        w->published++;
    }
}

/* The board is drawn up four times a day from the tickets of late.                               */
static void draw_board(struct walk *w, int64_t now_s)
{
    if (w->board_n && now_s < w->board_s + BOARD_S)
        return;
    w->board_s = now_s;
    w->board_n = 0;
    memset(w->tally, 0, w->z->size.contents * sizeof *w->tally);
    for (size_t i = 0; i < w->all.n; i++)
        w->tally[w->all.tickets[i]]++;
    for (uint32_t c = 0; c < w->published; c++) {
        uint32_t at = w->board_n;
        if (w->tally[c] == 0 || (at == BOARD && w->tally[c] <= w->tally[w->board[BOARD - 1]]))
            continue;
        if (at == BOARD)
            at--;
        else
            w->board_n++;
        for (; at > 0 && w->tally[w->board[at - 1]] < w->tally[c]; at--)
            w->board[at] = w->board[at - 1];
        w->board[at] = c;
    }
}

static uint32_t category_of_taste(struct walk *w, const struct plaza_person *p)
{
    double sum = 0;
    for (int c = 0; c < PLAZA_CATEGORIES; c++)
        sum += p->taste[c];
    double at = prng_double(&w->r) * sum;
    uint32_t c = 0;
    for (; c < PLAZA_CATEGORIES - 1 && at >= p->taste[c]; c++)
        at -= p->taste[c];
    return c;
}

static uint32_t any_of_category(struct walk *w, uint32_t category)
{
    uint32_t n = w->out_n[category];
    return n ? w->of_category[category][prng_below(&w->r, n)] : PLAZA_NONE;
}

static uint32_t new_of_category(struct walk *w, uint32_t category)
{
    uint32_t n = w->out_n[category], late = n < 30 ? n : 30;
    return n ? w->of_category[category][n - 1 - prng_below(&w->r, late)] : PLAZA_NONE;
}

/* The board is read from the top: half as often the second place, a third as often the third …  */
static uint32_t from_board(struct walk *w)
{
    double sum = 0;
    for (uint32_t i = 0; i < w->board_n; i++)
        sum += 1.0 / (i + 1);
    double at = prng_double(&w->r) * sum;
    for (uint32_t i = 0; i < w->board_n; i++) {
        if (at < 1.0 / (i + 1))
            return w->board[i];
        at -= 1.0 / (i + 1);
    }
    return w->board_n ? w->board[0] : PLAZA_NONE;
}

static uint32_t from_friends(struct walk *w, uint32_t user)
{
    const struct walker *me = &w->walkers[user];
    if (me->follows_n && plaza_chance(&w->r, 0.6)) {
        uint32_t creator = me->follows[prng_below(&w->r, me->follows_n)];
        uint32_t n = w->of_creator_n[creator];
        return n ? w->of_creator[creator][n - 1 - prng_below(&w->r, n < 5 ? n : 5)] : PLAZA_NONE;
    }
    return w->walkers[w->z->people[user].friends[prng_below(&w->r, PLAZA_FRIENDS)]].liked;
}

static uint32_t choose(struct walk *w, uint32_t user, enum plaza_surface *surface)
{
    const struct plaza_person *p = &w->z->people[user];
    double at = prng_double(&w->r);
    if (at < 0.48) {
        *surface = ON_HOME;
        uint32_t category = category_of_taste(w, p);
        return plaza_chance(&w->r, 0.25) ? new_of_category(w, category)
                                         : urn_draw(&w->by_category[category], &w->r);
    }
    if (at < 0.66) {
        *surface = ON_SEARCH;
        uint32_t category = category_of_taste(w, p);
        return plaza_chance(&w->r, 0.6) ? any_of_category(w, category)
                                        : urn_draw(&w->by_category[category], &w->r);
    }
    if (at < 0.86) {
        *surface = ON_PLAZA;
        return from_board(w);
    }
    *surface = ON_FRIEND;
    return from_friends(w, user);
}

/* ── what is done ── */

static void act(struct walk *w, int64_t time_s, uint32_t user, enum plaza_verb verb,
                enum plaza_target to, uint32_t target, uint32_t amount, enum plaza_surface surface,
                bool via_content)
{
    struct plaza_event e = {.time_s = time_s,
                            .user = user,
                            .target = target,
                            .amount = amount,
                            .verb = (uint8_t)verb,
                            .to = (uint8_t)to,
                            .surface = (uint8_t)surface,
                            .via = via_content};
    if (time_s < PLAZA_START_S + (int64_t)w->z->size.days * DAY_S && !plaza_add_event(w->z, &e))
        w->failed = true;
}

static void rate(struct walk *w, int64_t time_s, uint32_t user, uint32_t content, double score)
{
    uint32_t stars = (uint32_t)(plaza_clamp(score, 1, 5) + 0.5);
    struct plaza_score s = {.time_s = time_s,
                            .user = user,
                            .content = content,
                            .score_tenths = (uint16_t)(stars * 10),
                            .kind = SCORE_USER};
    if (time_s < PLAZA_START_S + (int64_t)w->z->size.days * DAY_S && !plaza_add_score(w->z, &s))
        w->failed = true;
}

/* A look at a good; *t moves on. Who likes the category puts it in the cart, now and then buys.  */
static void look_at_good(struct walk *w, int64_t *t, uint32_t user, uint32_t good,
                         enum plaza_surface surface, bool via_content)
{
    const struct plaza_good *g = &w->z->goods[good];
    double fit = w->z->people[user].taste[g->category];
    double cheap = 200.0 / (200.0 + (double)g->price_minor);
    act(w, *t, user, DID_VIEW, TO_GOOD, good, 0, surface, via_content);
    *t += 5 + (int64_t)prng_below(&w->r, 25);
    if (plaza_chance(&w->r, 0.1 * fit))
        act(w, *t, user, DID_LIKE, TO_GOOD, good, 0, surface, via_content);
    if (!plaza_chance(&w->r, 0.1 + 0.3 * fit))
        return;
    act(w, *t, user, DID_CART, TO_GOOD, good, 0, surface, via_content);
    *t += 10 + (int64_t)prng_below(&w->r, 60);
    if (plaza_chance(&w->r, 0.5 * cheap))
        act(w, *t, user, DID_PURCHASE, TO_GOOD, good, 1 + (uint32_t)(prng_below(&w->r, 8) == 0),
            surface, via_content);
}

static void follow(struct walk *w, int64_t t, uint32_t user, uint32_t creator,
                   enum plaza_surface surface)
{
    struct walker *me = &w->walkers[user];
    for (uint32_t i = 0; i < me->follows_n; i++)
        if (me->follows[i] == creator)
            return;
    if (me->follows_n == FOLLOWS || creator == user)
        return;
    me->follows[me->follows_n++] = creator;
    act(w, t, user, DID_FOLLOW, TO_USER, creator, 0, surface, true);
}

static double appeal_of(const struct walk *w, uint32_t user, uint32_t content)
{
    const struct plaza_content *c = &w->z->contents[content];
    return 0.6 * c->quality + 0.4 * w->z->people[user].taste[c->category];
}

static void react(struct walk *w, int64_t *t, uint32_t user, uint32_t content, double appeal,
                  enum plaza_surface surface)
{
    const struct plaza_content *c = &w->z->contents[content];
    double like = 0.02 + 0.3 * appeal * appeal;
    if (plaza_chance(&w->r, like)) {
        act(w, *t, user, DID_LIKE, TO_CONTENT, content, 0, surface, false);
        notice(w, content, 6);
        w->walkers[user].liked = content;
    } else if (plaza_chance(&w->r, 0.04 * (1 - appeal))) {
        act(w, *t, user, DID_DISLIKE, TO_CONTENT, content, 0, surface, false);
    }
    *t += 1 + (int64_t)prng_below(&w->r, 4);
    if (plaza_chance(&w->r, 0.2 * like)) {
        *t += 15 + (int64_t)prng_below(&w->r, 60);
        act(w, *t, user, DID_COMMENT, TO_CONTENT, content, 0, surface, false);
    }
    if (plaza_chance(&w->r, 0.15 * like)) {
        act(w, *t, user, DID_SHARE, TO_CONTENT, content, 0, surface, false);
        notice(w, content, 8);
    }
    if (plaza_chance(&w->r, 0.12 * like))
        follow(w, *t, user, c->creator, surface);
    if (plaza_chance(&w->r, c->bad ? 0.15 : 0.001))
        act(w, *t, user, DID_REPORT, TO_CONTENT, content, 0, surface, false);
    /* those who are pleased or annoyed speak up more readily */
    double moved = appeal > 0.5 ? appeal - 0.5 : 0.5 - appeal;
    if (plaza_chance(&w->r, 0.07 + 0.2 * moved))
        rate(w, *t + 2, user, content,
             1.0 + 3.1 * c->quality + 1.1 * w->z->people[user].taste[c->category] +
                 4 * w->z->people[user].leniency + 0.8 * plaza_normal(&w->r));
    if (c->good != PLAZA_NONE && plaza_chance(&w->r, 0.05 + 0.15 * appeal)) {
        act(w, *t, user, DID_CLICK, TO_GOOD, c->good, 0, surface, true);
        *t += 2;
        look_at_good(w, t, user, c->good, surface, true);
    }
}

static void look_at(struct walk *w, int64_t *t, uint32_t user, uint32_t content,
                    enum plaza_surface surface)
{
    const struct plaza_content *c = &w->z->contents[content];
    double appeal = appeal_of(w, user, content);
    act(w, *t, user, DID_VIEW, TO_CONTENT, content, 0, surface, false);
    notice(w, content, 1);
    if (plaza_chance(&w->r, 0.4 - 0.35 * appeal)) {
        *t += 1 + (int64_t)prng_below(&w->r, 4);
        if (plaza_chance(&w->r, 0.5))
            act(w, *t, user, DID_SKIP, TO_CONTENT, content, 0, surface, false);
        return;
    }
    double share = (0.2 + 0.9 * appeal) * (0.5 + prng_double(&w->r));
    uint32_t seconds = 2 + (uint32_t)((double)c->length_s * share);
    *t += seconds;
    act(w, *t, user, DID_DWELL, TO_CONTENT, content, seconds, surface, false);
    react(w, t, user, content, appeal, surface);
    *t += 1 + (int64_t)prng_below(&w->r, 6);
}

static void stroll(struct walk *w, const struct session *s)
{
    int64_t t = s->start_s;
    uint64_t items = 4 + prng_below(&w->r, SESSION_MOST - 3);
    uint32_t seen[SESSION_MOST + 1], seen_n = 0;
    publish(w, t);
    draw_board(w, t);
    for (uint64_t i = 0; i < items; i++) {
        enum plaza_surface surface;
        uint32_t content = choose(w, s->user, &surface);
        bool again = content == PLAZA_NONE || w->z->contents[content].creator == s->user;
        for (uint32_t j = 0; j < seen_n; j++)
            again = again || seen[j] == content;
        if (again)
            continue;
        seen[seen_n++] = content;
        /* a glance at the title tells something of what is behind it */
        if (!plaza_chance(&w->r, 0.3 + 0.7 * appeal_of(w, s->user, content)))
            continue;
        look_at(w, &t, s->user, content, surface);
    }
    if (plaza_chance(&w->r, 0.35)) {
        uint32_t category = category_of_taste(w, &w->z->people[s->user]);
        if (w->goods_n[category])
            look_at_good(w, &t, s->user,
                         w->goods_of[category][prng_below(&w->r, w->goods_n[category])], ON_SEARCH,
                         false);
    }
}

/* A fake account at work: every piece of the boosted person's looked at whole, liked, given five
 * stars, and the other accounts of the ring greeted so that they look alive. */
static void boost(struct walk *w, const struct session *s)
{
    int64_t t = s->start_s;
    publish(w, t);
    struct walker *me = &w->walkers[s->user];
    follow(w, t, s->user, w->z->boosted, ON_FRIEND);
    for (uint32_t i = 0; i < w->ring_work_n; i++) {
        uint32_t content = w->ring_work[i];
        if (!plaza_chance(&w->r, 0.55))
            continue;
        const struct plaza_content *c = &w->z->contents[content];
        act(w, t, s->user, DID_VIEW, TO_CONTENT, content, 0, ON_FRIEND, false);
        t += c->length_s;
        act(w, t, s->user, DID_DWELL, TO_CONTENT, content, c->length_s, ON_FRIEND, false);
        if (plaza_chance(&w->r, 0.7))
            act(w, t, s->user, DID_LIKE, TO_CONTENT, content, 0, ON_FRIEND, false);
        if (plaza_chance(&w->r, 0.15))
            act(w, t, s->user, DID_SHARE, TO_CONTENT, content, 0, ON_FRIEND, false);
        notice(w, content, 3);
        me->liked = content;
        if (plaza_chance(&w->r, 0.08))
            rate(w, t, s->user, content, 5);
        t += 2;
    }
    for (int i = 0; i < 2; i++) {
        uint32_t other = w->z->ring_first + (uint32_t)prng_below(&w->r, w->z->ring_n);
        if (other == s->user)
            continue;
        act(w, t, s->user, DID_VIEW, TO_USER, other, 0, ON_FRIEND, false);
        act(w, t + 1, s->user, DID_LIKE, TO_USER, other, 0, ON_FRIEND, false);
        t += 3;
    }
    if (plaza_chance(&w->r, 0.4))
        stroll(w, &(struct session){t, s->user, 0});
}

/* ── when ── */

static int by_start(const void *a, const void *b)
{
    const struct session *x = a, *y = b;
    if (x->start_s != y->start_s)
        return x->start_s < y->start_s ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Share of the sessions of a day by hour, local time: a lunch break and the evening. */
static int64_t second_of_day(struct prng *r, uint8_t hours_east)
{
    static const uint8_t hours[24] = {10, 6,  3,  2,  2,  4,  10, 22, 30, 28, 26, 30,
                                      42, 40, 30, 28, 30, 38, 48, 60, 70, 68, 50, 24};
    uint64_t sum = 0;
    for (int h = 0; h < 24; h++)
        sum += hours[h];
    uint64_t at = prng_below(r, sum);
    int64_t hour = 0;
    for (; at >= hours[hour]; hour++)
        at -= hours[hour];
    return (hour + 24 - hours_east) % 24 * 3600 + (int64_t)prng_below(r, 3600);
}

/* 1 January 2026 is a Thursday; at weekends there is more.                                       */
static int64_t draw_day(struct prng *r, uint32_t days)
{
    for (;;) {
        int64_t day = (int64_t)prng_below(r, days);
        int64_t weekday = (day + 3) % 7;
        if (weekday >= 5 || plaza_chance(r, 0.78))
            return day;
    }
}

/* Sessions of everybody, in order of time; *n of them. NULL: no memory. */
static struct session *make_sessions(struct plaza *z, size_t *n)
{
    enum { EVENTS_A_SESSION_TENTHS = 169 };
    struct prng r;
    plaza_stream(z, STREAM_SESSIONS, &r);
    uint64_t of_ring = (uint64_t)z->ring_n * (z->size.days - z->size.days / 3) * 6 / 5;
    uint64_t of_others = (uint64_t)z->size.events * 10 / EVENTS_A_SESSION_TENTHS;
    struct session *list = calloc(of_others + of_ring + 1, sizeof *list);
    double *until = calloc(z->size.users, sizeof *until), sum = 0;
    for (uint32_t i = 0; until && i < z->size.users; i++)
        until[i] = sum += z->people[i].ring ? 0 : z->people[i].activity;
    *n = 0;
    while (list && until && *n < of_others) {
        double at = prng_double(&r) * sum;
        uint32_t low = 0, high = z->size.users - 1;
        while (low < high) {
            uint32_t middle = (low + high) / 2;
            if (until[middle] > at)
                high = middle;
            else
                low = middle + 1;
        }
        const struct plaza_person *p = &z->people[low];
        int64_t start = PLAZA_START_S + draw_day(&r, z->size.days) * DAY_S;
        start += second_of_day(&r, p->hours_east);
        if (start < p->joined_s)
            continue;
        list[*n] = (struct session){start, low, (uint32_t)*n};
        ++*n;
    }
    plaza_stream(z, STREAM_RING, &r);
    int64_t begin = PLAZA_START_S + (int64_t)(z->size.days / 3 + 1) * DAY_S;
    int64_t span = PLAZA_START_S + (int64_t)z->size.days * DAY_S - begin;
    for (uint64_t i = 0; list && until && i < of_ring && span > 0; i++) {
        uint32_t user = z->ring_first + (uint32_t)prng_below(&r, z->ring_n);
        list[*n] =
            (struct session){begin + (int64_t)prng_below(&r, (uint64_t)span), user, (uint32_t)*n};
        ++*n;
    }
    if (!until) {
        free(list);
        return NULL;
    }
    free(until);
    if (list)
        qsort(list, *n, sizeof *list, by_start);
    return list;
}

/* ── all of it ── */

static void walk_deinit(struct walk *w)
{
    for (int c = 0; c < PLAZA_CATEGORIES; c++) {
        free(w->by_category[c].tickets);
        free(w->of_category[c]);
        free(w->goods_of[c]);
    }
    free(w->all.tickets);
    for (uint32_t i = 0; w->of_creator && i < w->z->size.users; i++)
        free(w->of_creator[i]);
    free(w->of_creator);
    free(w->of_creator_n);
    free(w->tally);
    free(w->walkers);
    free(w->ring_work);
}

static bool append(uint32_t **list, uint32_t n, uint32_t value)
{
    if ((n & (n - 1)) == 0) { /* room is doubled at each power of two */
        uint32_t *grown = realloc(*list, (n ? 2 * (size_t)n : 1) * sizeof **list);
        if (!grown)
            return false;
        *list = grown;
    }
    (*list)[n] = value;
    return true;
}

static bool walk_init(struct walk *w, struct plaza *z)
{
    w->z = z;
    plaza_stream(z, STREAM_ACTS, &w->r);
    w->of_creator = calloc(z->size.users, sizeof *w->of_creator);
    w->of_creator_n = calloc(z->size.users, sizeof *w->of_creator_n);
    w->tally = calloc(z->size.contents, sizeof *w->tally);
    w->walkers = calloc(z->size.users, sizeof *w->walkers);
    w->all = (struct urn){calloc(RECENT_URN, sizeof(uint32_t)), 0, RECENT_URN, 0};
    bool ok = w->of_creator && w->of_creator_n && w->tally && w->walkers && w->all.tickets;
    for (int c = 0; c < PLAZA_CATEGORIES; c++) {
        w->by_category[c] = (struct urn){calloc(URN, sizeof(uint32_t)), 0, URN, 0};
        ok = ok && w->by_category[c].tickets;
    }
    for (uint32_t i = 0; ok && i < z->size.users; i++)
        w->walkers[i].liked = PLAZA_NONE;
    for (uint32_t i = 0; ok && i < z->size.contents; i++) {
        const struct plaza_content *c = &z->contents[i];
        ok = append(&w->of_category[c->category], w->category_n[c->category]++, i) &&
             append(&w->of_creator[c->creator], w->of_creator_n[c->creator]++, i);
        if (ok && c->creator == z->boosted)
            ok = append(&w->ring_work, w->ring_work_n++, i);
    }
    for (uint32_t i = 0; ok && i < z->size.goods; i++) {
        uint32_t c = z->goods[i].category;
        ok = append(&w->goods_of[c], w->goods_n[c]++, i);
    }
    w->ring_work_n = 0; /* as they are published */
    for (uint32_t i = 0; ok && i < z->size.users; i++)
        w->of_creator_n[i] = 0;
    return ok;
}

bool plaza_make_acts(struct plaza *z)
{
    struct walk w = {0};
    size_t n = 0;
    struct session *sessions = make_sessions(z, &n);
    bool ok = sessions && walk_init(&w, z);
    for (size_t i = 0; ok && i < n; i++) {
        if (z->people[sessions[i].user].ring)
            boost(&w, &sessions[i]);
        else
            stroll(&w, &sessions[i]);
        ok = !w.failed;
    }
    w.z = z;
    walk_deinit(&w);
    free(sessions);
    return ok;
}
