/* The power fails at any write while people trade: orders with holds, bids in auctions, purchases
 * in escrow.
 *
 * One world trades in a file whose writes and syncs are all recorded. Then the record is gone
 * through: before each step the file is what had been synced, and of what had not, nothing, all of
 * it, or sectors of 512 bytes at random. Opened again, it must be the world of exactly the commands
 * that were acknowledged, or of one more, to the last bit, and go on as that one did.
 * HEED_POWER_COMMANDS=N: how many commands (default 150). */
#include "support_vfs.h"
#include "support_world.h"

#include "base/prng.h"
#include "world/handle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PEOPLE = 4, SECTOR = 512, ARGS = 7, FILES = 2 };
static const char vfs[] = "heed-power";
static const char rules[] = "currencies: [{code: gold, scale: 2}]\n"
                            "shop: {fee: 0.05, refund_window: 14 d, escrow: 1 h}\n";

/* ── what is traded ── */

struct trade {
    const char *name;
    struct heed_arg args[ARGS];
    char text[ARGS][24];
    size_t n;
    int64_t time_ms;
};

static void with(struct trade *t, const char *name, const char *prefix, uint64_t number)
{
    snprintf(t->text[t->n], sizeof t->text[0], "%s%llu", prefix, (unsigned long long)number);
    t->args[t->n] = (struct heed_arg){name, t->text[t->n]};
    t->n++;
}

static void is(struct trade *t, const char *name, const char *value)
{
    t->args[t->n++] = (struct heed_arg){name, value};
}

static struct trade *random_trades(size_t n)
{
    struct trade *list = calloc(n, sizeof *list);
    struct prng r;
    prng_seed(&r, 20260103);
    assert_non_null(list);
    for (size_t i = 0; i < n; i++) {
        struct trade *t = &list[i];
        t->time_ms = T0 + (int64_t)i * 600000; /* what is due comes due in between */
        uint64_t kind = prng_below(&r, 20);
        t->name = kind < 8    ? "exchange place"
                  : kind < 9  ? "exchange cancel"
                  : kind < 10 ? "exchange replace"
                  : kind < 12 ? "auction open"
                  : kind < 15 ? "auction bid"
                  : kind < 17 ? "shop buy"
                  : kind < 18 ? "shop deliver"
                  : kind < 19 ? "shop refund"
                              : "shop resell";
        if (kind < 10 || (kind >= 15 && kind < 17) || kind == 10 || kind == 11 || kind == 19)
            is(t, "good", "sword");
        if (kind < 8 || (kind >= 10 && kind < 17) || kind == 19)
            with(t, "user", "u", prng_below(&r, PEOPLE));
        if (kind < 8) {
            is(t, "side", prng_below(&r, 2) ? "buy" : "sell");
            with(t, "price", "", 4 + prng_below(&r, 3));
            with(t, "size", "", 1 + prng_below(&r, 3));
            with(t, "id", "o", i);
        } else if (kind < 10) {
            with(t, "order", "", 1 + prng_below(&r, i / 3 + 2));
            if (kind == 9)
                with(t, "size", "", 1 + prng_below(&r, 4));
        } else if (kind < 12) {
            with(t, "closes", "", (uint64_t)t->time_ms / 1000 + 3600 * (1 + prng_below(&r, 3)));
        } else if (kind < 15) {
            with(t, "auction", "", prng_below(&r, i / 10 + 1));
            with(t, "amount", "", 1 + prng_below(&r, 30));
        } else if (kind == 17 || kind == 18) {
            with(t, "purchase", "", prng_below(&r, i / 10 + 1));
        } else if (kind == 19) {
            with(t, "price", "", 5 + prng_below(&r, 3));
        }
    }
    return list;
}

/* Whether it was done; the test fails unless it was done or refused. */
static bool apply(struct world *w, const struct trade *t)
{
    const struct heed_context context = {t->time_ms, NULL};
    struct heed_error err = {0};
    json_t *reply = NULL;
    enum heed_status status = admit_call(w, command_spec((enum command_id)handle_command(t->name)),
                                         &context, t->args, t->n, &reply, &err);
    json_decref(reply);
    if (status != HEED_OK && status != HEED_REFUSED)
        fail_msg("%s: %d %s: %s", t->name, (int)status, err.where, err.message);
    return status == HEED_OK;
}

static struct world *open_at(const char *path)
{
    struct world *w = NULL;
    struct heed_error err = {0};
    const struct world_options options = {
        .create = true, .rules_yaml = rules, .rules_size = sizeof rules - 1, .vfs = vfs, .pid = 1};
    if (world_open(path, &options, &w, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return w;
}

static void fill(const char *path)
{
    struct world *w = open_at(path);
    json_decref(call_ok(w, "user add", "id", "smith", NULL));
    json_decref(call_ok(w, "good add", "id", "sword", "name", "Sword", "seller", "smith", "price",
                        "5", "stock", "1000", NULL));
    json_decref(call_ok(w, "shop list", "good", "sword", NULL));
    json_decref(call_ok(w, "exchange open", "good", "sword", "taker", "3000", NULL));
    for (uint64_t i = 0; i < PEOPLE; i++) {
        const char *id = numbered("u", i);
        json_decref(call_ok(w, "user add", "id", id, NULL));
        json_decref(call_ok(w, "ledger issue", "to", id, "amount", "200", NULL));
        json_decref(
            call_ok(w, "ledger issue", "to", id, "amount", "20", "currency", "good:sword", NULL));
    }
    world_close(w);
}

/* ── the disk ── */

struct step {
    enum vfs_act act;
    int file; /* 0 the world, 1 its log */
    uint8_t *p;
    size_t n;
    long long at;
    size_t acknowledged; /* commands, before it */
};

static struct {
    struct step *steps;
    size_t n, cap, acknowledged;
    const char *path;
} disk;

static void record(void *context, enum vfs_act act, const char *name, const void *p, size_t n,
                   long long at)
{
    (void)context;
    const char *slash = strrchr(name, '/');
    size_t length = strlen(name);
    bool log = length > 4 && strcmp(name + length - 4, "-wal") == 0;
    assert_non_null(slash);
    assert_true(log || strcmp(name, disk.path) == 0); /* no other files */
    if (disk.n == disk.cap) {
        disk.cap = disk.cap ? 2 * disk.cap : 1024;
        disk.steps = realloc(disk.steps, disk.cap * sizeof *disk.steps);
        assert_non_null(disk.steps);
    }
    struct step *s = &disk.steps[disk.n++];
    *s = (struct step){act, log, NULL, n, at, disk.acknowledged};
    if (n > 0) {
        s->p = malloc(n);
        assert_non_null(s->p);
        memcpy(s->p, p, n);
    }
}

struct image {
    uint8_t *p;
    size_t n, cap;
    bool there;
};

static void image_write(struct image *m, const uint8_t *p, size_t n, size_t at)
{
    if (at + n > m->cap) {
        m->cap = 2 * (at + n);
        m->p = realloc(m->p, m->cap);
        assert_non_null(m->p);
    }
    if (at > m->n)
        memset(m->p + m->n, 0, at - m->n);
    if (n > 0)
        memcpy(m->p + at, p, n);
    m->n = at + n > m->n ? at + n : m->n;
    m->there = true;
}

static void image_take(struct image *m, const struct step *s)
{
    if (s->act == VFS_WRITE)
        image_write(m, s->p, s->n, (size_t)s->at);
    else if (s->act == VFS_CUT && (size_t)s->at < m->n)
        m->n = (size_t)s->at;
    else if (s->act == VFS_DELETE)
        m->n = m->there = 0;
}

enum left { NOTHING, ALL, SECTORS, WAYS };

/* What is left of a step that was not synced. */
static void image_take_part(struct image *m, const struct step *s, enum left left, struct prng *r)
{
    if (left == NOTHING)
        return;
    if (left == ALL || s->act != VFS_WRITE) {
        if (left == ALL || prng_below(r, 2))
            image_take(m, s);
        return;
    }
    for (size_t i = 0; i < s->n;) {
        size_t at = (size_t)s->at + i, n = SECTOR - at % SECTOR;
        n = n < s->n - i ? n : s->n - i;
        if (prng_below(r, 2))
            image_write(m, s->p + i, n, at);
        i += n;
    }
}

static void image_copy(struct image *to, const struct image *from)
{
    to->n = 0;
    if (from->n > 0)
        image_write(to, from->p, from->n, 0);
    to->there = from->there;
}

static void image_read(struct image *m, const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t bytes[4096];
    assert_non_null(f);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
        image_write(m, bytes, n, m->n);
    fclose(f);
}

static void image_put(const struct image *m, const char *path)
{
    unlink(path);
    if (!m->there)
        return;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(m->n ? fwrite(m->p, 1, m->n, f) : 0, m->n);
    assert_int_equal(fclose(f), 0);
}

/* ── the test ── */

static void check_whole(const struct world *w)
{
    const struct ledger *l = &w->state.ledger;
    struct ledger_totals *totals;
    uint32_t *units;
    size_t n;
    const char *wrong;
    assert_int_equal(ledger_all_totals(l, &units, &totals, &n), HEED_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(totals[i].sum_minor, 0);
    free(units);
    free(totals);
    assert_int_equal(venues_check(&w->state.venues, l, &wrong), HEED_OK);
    if (wrong)
        fail_msg("%s", wrong);
    wrong = exchange_broken(w->state.venues.list[0].x);
    if (wrong)
        fail_msg("%s", wrong);
}

/* The twin: all commands in a copy of the file, undisturbed; hashes[i] after i of them. */
static struct sha256 *run_twin(const char *path, const struct trade *trades, size_t n)
{
    struct sha256 *hashes = calloc(n + 1, sizeof *hashes);
    struct world *w = open_at(path);
    size_t done = 0;
    assert_non_null(hashes);
    hashes[0] = hash_of(w);
    for (size_t i = 0; i < n; i++) {
        done += apply(w, &trades[i]);
        hashes[i + 1] = hash_of(w);
        check_whole(w);
    }
    assert_true(done > n / 3 && w->state.venues.list[0].trades_n > 0 &&
                w->state.auctions.lots_n > 0 && w->state.shop.purchases_n > 0);
    world_close(w);
    return hashes;
}

static void run_recorded(const char *path, const struct trade *trades, size_t n)
{
    disk.path = path;
    vfs_watch(record, NULL);
    struct world *w = open_at(path);
    for (size_t i = 0; i < n; i++) {
        if (i == n / 2) { /* a snapshot, and all of the log into the file */
            world_close(w);
            w = open_at(path);
        }
        apply(w, &trades[i]);
        disk.acknowledged = i + 1;
    }
    world_close(w);
    vfs_watch(NULL, NULL);
}

/* What is on the disk is the twin after `acknowledged` commands, or after one more. */
static void check_left(const char *path, const struct sha256 *hashes, const struct trade *trades,
                       size_t n, size_t acknowledged, size_t step, enum left left)
{
    struct world *w = open_at(path);
    struct sha256 hash = hash_of(w);
    size_t is = acknowledged;
    if (!sha256_eq(hash, hashes[is]) && is < n)
        is++;
    if (!sha256_eq(hash, hashes[is]))
        fail_msg("step %zu, way %d: not the world of %zu commands, nor of one more", step,
                 (int)left, acknowledged);
    check_whole(w);
    if (is < n) {
        apply(w, &trades[is]);
        assert_true(sha256_eq(hash_of(w), hashes[is + 1]));
    }
    w->no_snapshots = true; /* nothing is kept of it */
    world_close(w);
}

static void what_was_acknowledged_outlives_a_power_cut_at_any_write(void **unused)
{
    (void)unused;
    const char *wanted = getenv("HEED_POWER_COMMANDS");
    size_t n = wanted ? (size_t)strtoul(wanted, NULL, 10) : 150, cuts = 0;
    char *path = test_path("power.world"), *twin = test_path("twin.world"),
         *left_at = test_path("left.world"), *log_at = test_path("left.world-wal"),
         *shm = test_path("left.world-shm");
    struct image synced[FILES] = {0}, left[FILES] = {0};
    struct prng r;
    prng_seed(&r, 7);
    vfs_fault_register(vfs);
    fill(path);
    image_read(&synced[0], path);
    image_put(&synced[0], twin);
    struct trade *trades = random_trades(n);
    struct sha256 *hashes = run_twin(twin, trades, n);
    run_recorded(path, trades, n);

    size_t first = 0; /* of the steps that are not synced, in either file */
    bool *kept = calloc(disk.n + 1, sizeof *kept);
    assert_non_null(kept);
    for (size_t i = 0; i < disk.n; i++) {
        const struct step *s = &disk.steps[i];
        for (int way = 0; way < WAYS; way++) {
            for (int f = 0; f < FILES; f++)
                image_copy(&left[f], &synced[f]);
            for (size_t k = first; k <= i; k++)
                if (!kept[k])
                    image_take_part(&left[disk.steps[k].file], &disk.steps[k], (enum left)way, &r);
            unlink(shm);
            image_put(&left[0], left_at);
            image_put(&left[1], log_at);
            check_left(left_at, hashes, trades, n, s->acknowledged, i, (enum left)way);
            cuts++;
        }
        if (s->act == VFS_SYNC)
            for (size_t k = first; k <= i; k++)
                if (!kept[k] && disk.steps[k].file == s->file) {
                    image_take(&synced[s->file], &disk.steps[k]);
                    kept[k] = true;
                }
        while (first <= i && kept[first])
            first++;
    }
    printf("%zu cuts in %zu steps of %zu commands, nothing acknowledged lost, nothing doubled\n",
           cuts, disk.n, n);
    assert_true(cuts > 5 * n); /* a command that is done takes two writes and a sync */
    for (size_t i = 0; i < disk.n; i++)
        free(disk.steps[i].p);
    free(disk.steps);
    for (int f = 0; f < FILES; f++) {
        free(synced[f].p);
        free(left[f].p);
    }
    free(kept);
    free(hashes);
    free(trades);
    free(path);
    free(twin);
    free(left_at);
    free(log_at);
    free(shm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_outlives_a_power_cut_at_any_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
