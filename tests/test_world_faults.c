/* Memory that runs out at every allocation in turn: each call says so or is done, nothing is
 * half-done. ctest: TIMEOUT 600 */
#include "support_fault.h"
#include "support_world.h"

#include "world/snapshot.h"
#include "world/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct step {
    const char *name;
    struct heed_arg args[8];
};

static const struct step steps[] = {
    {"user add", {{"id", "dan"}, {"name", "Dan"}}},
    {"content add",
     {{"id", "post2"},
      {"creator", "eve"},
      {"title", "Lanterns"},
      {"body", "paper lanterns float over the river while people watch from the old bridge"},
      {"category", "night"},
      {"kind", "photo"}}},
    {"good add", {{"id", "lamp"}, {"name", "Lamp"}, {"seller", "eve"}, {"price", "1.50"}}},
    {"event add",
     {{"user", "bob"},
      {"verb", "like"},
      {"target", "content:post2"},
      {"surface", "square"},
      {"id", "k1"}}},
    {"event add",
     {{"user", "cyd"}, {"verb", "dwell"}, {"target", "content:post1"}, {"amount", "60"}}},
    {"rating add", {{"user", "cyd"}, {"target", "content:post2"}, {"score", "4"}}},
    {"shop buy", {{"good", "lamp"}, {"user", "bob"}, {"units", "2"}, {"id", "b1"}}},
    {"ledger transfer", {{"from", "bob"}, {"to", "cyd"}, {"amount", "3"}}},
    {"auction open",
     {{"good", "sword"}, {"user", "ann"}, {"new", "1"}, {"closes", "2027-01-01"}, {"id", "o1"}}},
    {"auction bid", {{"auction", "0"}, {"user", "bob"}, {"amount", "4"}, {"id", "o2"}}},
    {"auction bid", {{"auction", "0"}, {"user", "cyd"}, {"amount", "2.50"}}},
    {"auction open",
     {{"good", "sword"},
      {"user", "ann"},
      {"new", "1"},
      {"kind", "dutch"},
      {"start", "1"},
      {"step", "0.10"},
      {"closes", "2027-01-01"}}},
    {"auction bid", {{"auction", "1"}, {"user", "cyd"}, {"amount", "1"}, {"id", "o3"}}},
    {"auction show", {{"auction", "0"}}},
    {"feed serve", {{"user", "cyd"}, {"k", "5"}}},
    {"settle", {{"until", "2026-03-01"}}},
    {"user erase", {{"user", "dan"}}},
    {"behaviour show", {{"target", "user:bob"}}},
    {"behaviour top", {{"by", "reach"}}},
    {"quality show", {{"target", "content:post2"}}},
};

static const struct command_spec *spec_of(const char *name)
{
    const char *space = strchr(name, ' ');
    return command_spec((enum command_id)command_find(
        (struct str){name, space ? (size_t)(space - name) : strlen(name)},
        str_of(space ? space + 1 : "")));
}

static enum heed_status run(struct world *w, const struct step *s, struct heed_error *err)
{
    size_t n = 0;
    while (n < 8 && s->args[n].name)
        n++;
    struct heed_context context = {T0, NULL};
    json_t *reply = NULL;
    enum heed_status status = admit_call(w, spec_of(s->name), &context, s->args, n, &reply, err);
    json_decref(reply);
    return status;
}

/* All steps with the nth allocation failing. A failed command poisons the world: it is opened again
 * and the step repeated, as a caller would. */
static bool survives(const char *path, long n)
{
    struct world *w = world_at(path);
    struct heed_error err = {0};
    fault_fail_at(n);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        err = (struct heed_error){0};
        enum heed_status status = run(w, &steps[i], &err);
        if (status == HEED_OK)
            continue;
        fault_off();
        if (status != HEED_NOMEM)
            fail_msg("allocation %ld, %s: status %d, %s: %s", n, steps[i].name, (int)status,
                     err.where, err.message);
        world_close(w);
        w = world_at(path);
        status = run(w, &steps[i], &err);
        if (status != HEED_OK && status != HEED_REFUSED)
            fail_msg("allocation %ld, %s again: status %d", n, steps[i].name, (int)status);
    }
    fault_off();
    bool ok = false;
    json_t *reply = NULL;
    err = (struct heed_error){0};
    if (world_verify(w, NULL, &ok, &reply, &err) != HEED_OK || !ok)
        fail_msg("allocation %ld: %s %s", n, err.message, reply ? json_dumps(reply, 0) : "");
    json_decref(reply);
    assert_int_equal(w->state.shop.purchases_n, 1);
    assert_int_equal(w->state.auctions.lots[0].auction.bids_n, 2);
    assert_int_equal(w->state.auctions.lots[1].auction.state, AUCTION_SOLD);
    assert_int_equal(w->state.consumption.settlements_n > 0, 1);
    world_close(w);
    return fault_fired();
}

static void every_allocation_may_fail(void **unused)
{
    (void)unused;
    char *path = test_path("faults.world");
    long n = 1;
    for (;; n++) {
        unlink(path);
        struct world *w = world_at(path);
        fill_small(w);
        world_close(w);
        if (!survives(path, n))
            break;
    }
    printf("%ld allocations failed in turn\n", n - 1);
    assert_true(n > 50);
    unlink(path);
    free(path);
}

static void opening_may_fail_at_every_allocation(void **unused)
{
    (void)unused;
    char *path = test_path("open.world");
    struct world *w = world_at(path);
    struct heed_error err = {0};
    fill_small(w);
    assert_int_equal(snapshot_write(w, &err), HEED_OK);
    json_decref(call_ok(w, "user add", "id", "tail", NULL));
    struct sha256 hash = hash_of(w);
    world_close(w);
    long n = 1;
    for (bool fired = true; fired; n++) {
        struct world_options options = {.pid = getpid()};
        err = (struct heed_error){0};
        fault_fail_at(n);
        enum heed_status status = world_open(path, &options, &w, &err);
        fault_off();
        fired = fault_fired();
        if (status == HEED_OK) { /* a snapshot that could not be read falls back to the journal */
            assert_true(sha256_eq(hash, hash_of(w)));
            world_close(w);
        } else if (status != HEED_NOMEM) {
            fail_msg("allocation %ld: status %d, %s: %s", n, (int)status, err.where, err.message);
        }
    }
    assert_true(n > 20);
    unlink(path);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_allocation_may_fail, memory_returns),
        cmocka_unit_test_teardown(opening_may_fail_at_every_allocation, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
