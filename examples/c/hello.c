/* heed from C in one page: a world in memory, two people, a post, what they do, and what heed makes
 * of it. Build it against the installed library:
 *
 *     cc -std=c17 hello.c -lheed -o hello && ./hello
 *
 * Every reply is a JSON document; `heed help` lists all commands, by the same names.            */
#include <heed.h>

#include <stdio.h>
#include <stdlib.h>

/* Time is the caller's: the library never reads a clock. 2026-01-01T12:00:00Z.                  */
#define NOON INT64_C(1767268800000)

/* Runs one command as the world's operator and prints the reply, or ends the program.           */
static void run(struct heed_world *world, const char *name, const struct heed_arg *args, size_t n)
{
    struct heed_context context = {.time_ms = NOON, .actor = NULL};
    struct heed_error err;
    char *reply;
    enum heed_status status = heed_call(world, name, &context, args, n, &reply, &err);
    if (status == HEED_OK || status == HEED_REFUSED) {
        /* a refusal is an answer too: {"refused":{"code":…,"message":…}}, and nothing changed */
        printf("%s: %s\n", name, reply);
        heed_free(reply);
        return;
    }
    fprintf(stderr, "%s: %s: %s\n", name, err.where, err.message);
    heed_close(world);
    exit(1);
}

/* RUN(world, "noun verb", {"argument", "value"}, …)                                             */
#define RUN(world, name, ...)                                                                      \
    run(world, name, (const struct heed_arg[]){__VA_ARGS__},                                       \
        sizeof((const struct heed_arg[]){__VA_ARGS__}) / sizeof(struct heed_arg))

int main(void)
{
    struct heed_options options = {.create = 1};
    struct heed_world *world;
    struct heed_error err;

    /* ":memory:" is gone when it is closed; a path makes one SQLite file, durable command by
     * command */
    if (heed_open(":memory:", &options, &world, &err) != HEED_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.message);
        return 1;
    }
    printf("heed %s\n", heed_version());

    /* who and what there is */
    RUN(world, "user add", {"id", "ann"}, {"name", "Ann"});
    RUN(world, "user add", {"id", "bob"});
    RUN(world, "content add", {"id", "post1"}, {"creator", "ann"}, {"title", "Night market"});
    RUN(world, "good add", {"id", "lamp"}, {"name", "Lamp"}, {"seller", "ann"}, {"price", "0.50"});

    /* what people do: many acts at once, durable together; the repeated id is dropped */
    const struct heed_event events[] = {
        {NOON, "bob", "view", "content:post1", "home", NULL, "e1", 1},
        {NOON + 1000, "bob", "dwell", "content:post1", "home", NULL, "e2", 90},
        {NOON + 91000, "bob", "like", "content:post1", "home", NULL, "e3", 1},
        {NOON + 91000, "bob", "like", "content:post1", "home", NULL, "e3", 1},
    };
    struct heed_tally tally;
    struct heed_context now = {.time_ms = NOON + 120000, .actor = NULL};
    if (heed_events(world, &now, events, sizeof events / sizeof *events, &tally, &err) != HEED_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.message);
        heed_close(world);
        return 1;
    }
    printf("events: %llu applied, %llu duplicate\n", (unsigned long long)tally.applied,
           (unsigned long long)tally.duplicate);

    /* what heed makes of it */
    RUN(world, "rating add", {"user", "bob"}, {"target", "content:post1"}, {"score", "5"});
    RUN(world, "quality show", {"target", "content:post1"});
    RUN(world, "feed serve", {"user", "bob"});

    /* money: bob has none yet, so the first purchase is refused */
    RUN(world, "shop buy", {"good", "lamp"}, {"user", "bob"});
    RUN(world, "ledger issue", {"to", "bob"}, {"amount", "2"});
    RUN(world, "shop buy", {"good", "lamp"}, {"user", "bob"});
    RUN(world, "ledger balance", {"account", "ann"});

    heed_close(world);
    return 0;
}
