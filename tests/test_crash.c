/* kill -9 at random moments: what was acknowledged is there, and the world holds.
 * ctest: TIMEOUT 900
 *
 * A child writes to a world on disk and reports each acknowledged piece of work through a pipe; the
 * parent kills it after a random number of reports and a random pause, opens the world and looks.
 * HEED_CRASHES=N sets how many kills (default 200; the long target runs 10,000).                 */
#include "support_world.h"

#include "base/prng.h"
#include "heed.h"
#include "import/import.h"
#include "world/verify.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { EVENTS_A_BATCH = 50 };

/* What the child says: the number of the shop order, batch of events or order on the exchange that
 * is durable. */
enum { ORDERS, BATCHES, TRADING, KINDS };
struct report {
    uint32_t kind;
    uint32_t number;
};

static void say(int fd, uint32_t kind, uint32_t number)
{
    struct report r = {kind, number};
    if (write(fd, &r, sizeof r) != (ssize_t)sizeof r)
        _exit(3);
}

static void must(enum heed_status status, const struct heed_error *err)
{
    if (status == HEED_OK)
        return;
    fprintf(stderr, "child: %s: %s\n", err->where, err->message);
    _exit(4);
}

static void order(struct heed_world *w, uint32_t number)
{
    char id[24];
    char *reply = NULL;
    struct heed_error err;
    snprintf(id, sizeof id, "order%u", number);
    struct heed_arg args[] = {{"good", "sword"}, {"user", "bob"}, {"id", id}};
    struct heed_context context = {T0, NULL};
    must(heed_call(w, "shop buy", &context, args, 3, &reply, &err), &err);
    heed_free(reply);
}

static void events(struct heed_world *w, uint32_t number)
{
    struct heed_event e[EVENTS_A_BATCH];
    char ids[EVENTS_A_BATCH][32];
    struct heed_tally tally;
    struct heed_error err;
    struct heed_context context = {T0 + number, NULL};
    for (uint32_t i = 0; i < EVENTS_A_BATCH; i++) {
        snprintf(ids[i], sizeof ids[i], "event%u.%u", number, i);
        e[i] = (struct heed_event){.time_ms = T0 + number,
                                   .user = "bob",
                                   .verb = "dwell",
                                   .target = "content:post1",
                                   .id = ids[i],
                                   .amount = 2};
    }
    must(heed_events(w, &context, e, EVENTS_A_BATCH, &tally, &err), &err);
    if (tally.applied + tally.duplicate != EVENTS_A_BATCH)
        _exit(5);
}

/* Bob buys, ann sells: every second order fills the one before it. */
static void trading(struct heed_world *w, uint32_t number)
{
    char id[24];
    char *reply = NULL;
    struct heed_error err;
    snprintf(id, sizeof id, "trading%u", number);
    struct heed_arg args[] = {{"good", "sword"},
                              {"user", number % 2 ? "ann" : "bob"},
                              {"side", number % 2 ? "sell" : "buy"},
                              {"price", "0.01"},
                              {"size", "1"},
                              {"id", id}};
    struct heed_context context = {T0, NULL};
    must(heed_call(w, "exchange place", &context, args, 6, &reply, &err), &err);
    heed_free(reply);
}

/* Starts behind what is known to be done, and repeats the one that may or may not be.            */
static void child(const char *path, int fd, const uint32_t acknowledged[KINDS])
{
    struct heed_world *w = NULL;
    struct heed_options options = {0};
    struct heed_error err;
    must(heed_open(path, &options, &w, &err), &err);
    for (uint32_t i = 0;; i++) {
        order(w, acknowledged[ORDERS] + i);
        say(fd, ORDERS, acknowledged[ORDERS] + i);
        events(w, acknowledged[BATCHES] + i);
        say(fd, BATCHES, acknowledged[BATCHES] + i);
        trading(w, acknowledged[TRADING] + i);
        say(fd, TRADING, acknowledged[TRADING] + i);
    }
}

/* The book is the one that was lost: what is filled is filled once, and holds are not doubled. */
static void check_market(const struct world *w, uint32_t acknowledged, int kill_n)
{
    const struct venue *m = &w->state.venues.list[0];
    uint64_t n = exchange_newest(m->x);
    const char *wrong;
    if (n != acknowledged && n != acknowledged + 1)
        fail_msg("kill %d: %llu orders, %u acknowledged", kill_n, (unsigned long long)n,
                 acknowledged);
    assert_int_equal(m->trades_n, n / 2);
    assert_int_equal(exchange_orders(m->x), n % 2);
    assert_int_equal(venues_check(&w->state.venues, &w->state.ledger, &wrong), HEED_OK);
    if (wrong)
        fail_msg("kill %d: %s", kill_n, wrong);
}

static void check(const char *path, const uint32_t acknowledged[KINDS], uint64_t seed, int kill_n)
{
    uint32_t orders = acknowledged[ORDERS], batches = acknowledged[BATCHES];
    struct world *w = world_at(path);
    check_market(w, acknowledged[TRADING], kill_n);
    const struct shop *shop = &w->state.shop;
    uint64_t dwell =
        w->state.behaviour.verb_events[behaviour_verb(&w->state.rules.behaviour, STR("dwell"))];
    /* the one under way when the process died may have come through, never a part of it */
    if (shop->purchases_n != orders && shop->purchases_n != orders + 1)
        fail_msg("seed %llu, kill %d: %zu orders, %u acknowledged", (unsigned long long)seed,
                 kill_n, shop->purchases_n, orders);
    if (dwell != (uint64_t)batches * EVENTS_A_BATCH &&
        dwell != (uint64_t)(batches + 1) * EVENTS_A_BATCH)
        fail_msg("seed %llu, kill %d: %llu events, %u batches acknowledged",
                 (unsigned long long)seed, kill_n, (unsigned long long)dwell, batches);
    assert_int_equal(ledger_totals(&w->state.ledger, 0).sum_minor, 0);
    if (kill_n % 20 == 0) {
        bool ok = false;
        json_t *reply = NULL;
        struct heed_error err = {0};
        assert_int_equal(world_verify(w, NULL, &ok, &reply, &err), HEED_OK);
        if (!ok)
            fail_msg("seed %llu, kill %d: %s", (unsigned long long)seed, kill_n,
                     json_dumps(reply, 0));
        json_decref(reply);
    }
    world_close(w);
}

static void nothing_acknowledged_is_lost_to_kill_9(void **unused)
{
    (void)unused;
    const char *wanted = getenv("HEED_CRASHES");
    int kills = wanted ? (int)strtol(wanted, NULL, 10) : 200;
    struct prng r;
    uint64_t seed = 20260101;
    prng_seed(&r, seed);
    char *path = test_path("crash.world");
    struct world *w = world_at(path);
    fill_small(w);
    json_decref(call_ok(w, "ledger issue", "to", "bob", "amount", "1000000", NULL));
    json_decref(call_ok(w, "shop list", "good", "sword", "unlimited", "1", "price", "0.01", NULL));
    json_decref(call_ok(w, "ledger issue", "to", "ann", "amount", "1000000", "currency",
                        "good:sword", NULL));
    json_decref(call_ok(w, "exchange open", "good", "sword", NULL));
    world_close(w);
    uint32_t acknowledged[KINDS] = {0};
    for (int k = 0; k < kills; k++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(fds[0]);
            child(path, fds[1], acknowledged);
            _exit(0);
        }
        close(fds[1]);
        uint64_t reports = prng_below(&r, 12);
        struct report got;
        for (uint64_t i = 0; i < reports && read(fds[0], &got, sizeof got) == (ssize_t)sizeof got;
             i++)
            acknowledged[got.kind] = got.number + 1;
        struct timespec pause = {0, (long)prng_below(&r, 3000000)};
        nanosleep(&pause, NULL); /* not a wait for something: the moment of the kill is random */
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        if (!WIFSIGNALED(status))
            fail_msg("seed %llu, kill %d: the child ended by itself with %d",
                     (unsigned long long)seed, k, WEXITSTATUS(status));
        while (read(fds[0], &got, sizeof got) == (ssize_t)sizeof got)
            acknowledged[got.kind] = got.number + 1;
        close(fds[0]);
        check(path, acknowledged, seed, k);
    }
    printf(
        "%d kills, %u purchases, %u batches of events and %u orders on the exchange acknowledged, "
        "none lost\n",
        kills, acknowledged[ORDERS], acknowledged[BATCHES], acknowledged[TRADING]);
    assert_true(acknowledged[ORDERS] > (uint32_t)kills); /* real work was under way */
    unlink(path);
    free(path);
}

/* ── imports ── */

enum { ROWS = 300000 };

static void write_events(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("time,user,verb,target,amount,id\n", f);
    for (int i = 0; i < ROWS; i++) /* every tenth id stands twice, every hundredth row is bad */
        fprintf(f, "%d,%s,%s,content:post1,%d,e%d\n", 1767225600 + i, i % 3 ? "bob" : "cyd",
                i % 100 ? "dwell" : "dance", i % 60, i % 10 ? i : i / 20);
    assert_int_equal(fclose(f), 0);
}

static enum heed_status import(const char *world, const char *file, struct import_result *result)
{
    struct world *w = world_at(world);
    struct heed_error err = {0};
    struct heed_context context = {T0, NULL};
    const struct import_options options = {0};
    enum heed_status status = import_file(w, &context, IMPORT_EVENTS, file, &options, result, &err);
    world_close(w);
    return status;
}

static struct sha256 imported_whole(const char *file)
{
    char *path = test_path("whole.world");
    struct world *w = world_at(path);
    fill_small(w);
    world_close(w);
    struct import_result result = {0};
    assert_int_equal(import(path, file, &result), HEED_OK);
    assert_int_equal(result.total.rows, ROWS);
    assert_int_equal(result.total.rejected, ROWS / 100);
    assert_true(result.total.duplicate > 0);
    import_result_deinit(&result);
    return hash_then_unlink(path);
}

static void an_import_cut_short_goes_on_where_it_stopped(void **unused)
{
    (void)unused;
    char *file = test_path("events.csv"), *path = test_path("import.world");
    write_events(file);
    struct sha256 whole = imported_whole(file);
    struct prng r;
    prng_seed(&r, 11);
    int kills = 0;
    for (int rounds = 0; rounds < 4; rounds++) {
        struct world *w = world_at(path);
        fill_small(w);
        world_close(w);
        int tries = 0; /* the twentieth is left to finish, whatever the machine's speed */
        for (bool done = false; !done; tries++) {
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0) {
                struct import_result result = {0};
                _exit(import(path, file, &result) == HEED_OK ? 0 : 1);
            }
            struct timespec pause = {0, (long)prng_below(&r, 120000000)};
            nanosleep(&pause, NULL); /* the random moment of the kill */
            if (tries < 20)
                kill(pid, SIGKILL);
            int status;
            waitpid(pid, &status, 0);
            done = WIFEXITED(status);
            kills += !done;
            if (done)
                assert_int_equal(WEXITSTATUS(status), 0);
        }
        w = world_at(path);
        assert_true(sha256_eq(whole, hash_of(w)));
        world_close(w);
        unlink(path);
    }
    printf("%d kills in 4 imports of %d rows, same world as without\n", kills, ROWS);
    assert_true(kills >= 4);
    unlink(file);
    free(file);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_to_kill_9),
        cmocka_unit_test(an_import_cut_short_goes_on_where_it_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
