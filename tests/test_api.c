/* The library as its users see it: heed.h alone, and JSON. */
#include "heed.h"

#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define T0 INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define DAY INT64_C(86400000)

static const struct heed_context context = {.time_ms = T0};
#define ARGS(...)                                                                                  \
    (const struct heed_arg[]){__VA_ARGS__},                                                        \
        sizeof((const struct heed_arg[]){__VA_ARGS__}) / sizeof(struct heed_arg)

static char dir[64], path[96];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/heed-api-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/a.world", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        char name[400];
        snprintf(name, sizeof name, "%s/%s", dir, e->d_name);
        unlink(name);
    }
    if (d)
        closedir(d);
    return rmdir(dir);
}

static struct heed_world *open_with(const char *where, struct heed_options options)
{
    struct heed_world *w = NULL;
    struct heed_error err;
    memset(&err, 0xaa, sizeof err); /* heed_open must not read what was in it */
    if (heed_open(where, &options, &w, &err) != HEED_OK)
        fail_msg("%s: %s: %s", where, err.where, err.message);
    assert_non_null(w);
    assert_int_equal(err.status, HEED_OK);
    assert_string_equal(err.message, "");
    return w;
}

static struct heed_world *in_memory(void)
{
    return open_with(":memory:", (struct heed_options){.create = 1});
}

static enum heed_status call(struct heed_world *w, const char *actor, const char *name,
                             const struct heed_arg *args, size_t n, json_t **reply,
                             struct heed_error *err)
{
    const struct heed_context by = {.time_ms = T0, .actor = actor};
    char *text = (char *)(uintptr_t)1;
    enum heed_status status = heed_call(w, name, &by, args, n, &text, err);
    *reply = NULL;
    if (status == HEED_OK || status == HEED_REFUSED) {
        assert_non_null(text);
        assert_int_equal(err->status, HEED_OK);
        *reply = json_loads(text, 0, NULL);
        if (!*reply)
            fail_msg("%s: the reply is not JSON: %s", name, text);
    } else {
        assert_null(text);
        assert_int_equal(err->status, status);
        assert_true(err->message[0] != '\0');
    }
    heed_free(text);
    return status;
}

static json_t *ok(struct heed_world *w, const char *name, const struct heed_arg *args, size_t n)
{
    json_t *reply;
    struct heed_error err;
    if (call(w, NULL, name, args, n, &reply, &err) != HEED_OK)
        fail_msg("%s: %s: %s", name, err.where, err.message);
    return reply;
}

static void must(struct heed_world *w, const char *name, const struct heed_arg *args, size_t n)
{
    json_decref(ok(w, name, args, n));
}

static void refused(struct heed_world *w, const char *actor, const char *code, const char *name,
                    const struct heed_arg *args, size_t n)
{
    json_t *reply;
    struct heed_error err;
    enum heed_status status = call(w, actor, name, args, n, &reply, &err);
    if (status != HEED_REFUSED)
        fail_msg("%s: status %d, not refused with %s", name, (int)status, code);
    const json_t *said = json_object_get(reply, "refused");
    assert_string_equal(json_string_value(json_object_get(said, "code")), code);
    assert_true(strlen(json_string_value(json_object_get(said, "message"))) > 0);
    json_decref(reply);
}

static int64_t number(struct heed_world *w, const char *key, const char *name,
                      const struct heed_arg *args, size_t n)
{
    json_t *reply = ok(w, name, args, n);
    const json_t *v = json_object_get(reply, key);
    if (!json_is_integer(v))
        fail_msg("%s: no whole number '%s'", name, key);
    int64_t value = json_integer_value(v);
    json_decref(reply);
    return value;
}

static void fill(struct heed_world *w)
{
    must(w, "user add", ARGS({"id", "ann"}, {"name", "Ann"}));
    must(w, "user add", ARGS({"id", "bob"}));
    must(w, "content add", ARGS({"id", "post1"}, {"creator", "ann"}, {"title", "Night market"}));
    must(w, "good add", ARGS({"id", "lamp"}, {"name", "Lamp"}, {"seller", "ann"}, {"price", "5"}));
}

static void status_hash(struct heed_world *w, char hash[65])
{
    json_t *reply = ok(w, "status", NULL, 0);
    const char *text = json_string_value(json_object_get(reply, "world_hash"));
    assert_non_null(text);
    assert_int_equal(strlen(text), 64);
    memcpy(hash, text, 65);
    json_decref(reply);
}

static void the_version_is_three_numbers(void **state)
{
    (void)state;
    const char *p = heed_version();
    for (int i = 0; i < 3; i++) {
        char *end;
        (void)strtol(p, &end, 10);
        assert_true(end > p && *end == (i < 2 ? '.' : 0));
        p = end + 1;
    }
}

static void commands_change_the_world_and_queries_tell(void **state)
{
    (void)state;
    struct heed_world *w = in_memory();
    fill(w);
    must(w, "ledger issue", ARGS({"to", "bob"}, {"amount", "7.50"}));
    json_t *bought = ok(w, "shop buy", ARGS({"good", "lamp"}, {"user", "bob"}));
    assert_int_equal(json_integer_value(json_object_get(bought, "price_minor")), 500);
    json_decref(bought);
    assert_int_equal(number(w, "balance_minor", "ledger balance", ARGS({"account", "bob"})), 250);
    /* 5 % of 5.00 leaves the world */
    assert_int_equal(number(w, "balance_minor", "ledger balance", ARGS({"account", "ann"})), 475);
    assert_int_equal(number(w, "contents", "status", NULL, 0), 1);
    heed_close(w);
}

static void fractions_are_printed_as_they_were_given(void **state)
{
    (void)state;
    static const char *const amounts[] = {"0.269", "0.1", "2.5", "31.337", "1234567.891"};
    struct heed_world *w = in_memory();
    fill(w);
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
        char user[8], expected[64];
        snprintf(user, sizeof user, "u%zu", i);
        must(w, "user add", ARGS({"id", user}));
        must(w, "event add",
             ARGS({"user", user}, {"verb", "dwell"}, {"target", "content:post1"},
                  {"amount", amounts[i]}));
        const struct heed_context by = {.time_ms = T0};
        struct heed_error err;
        char target[16], *text = NULL;
        snprintf(target, sizeof target, "user:%s", user);
        assert_int_equal(heed_call(w, "behaviour show", &by, ARGS({"target", target}), &text, &err),
                         HEED_OK);
        snprintf(expected, sizeof expected, "\"dwell_s\":%s,", amounts[i]);
        if (!strstr(text, expected))
            fail_msg("%s is not in %s", expected, text);
        heed_free(text);
    }
    heed_close(w);
}

static void parts_of_a_thing_may_be_bought_elsewhere(void **state)
{
    (void)state;
    struct heed_world *w = in_memory();
    fill(w);
    must(w, "event add",
         ARGS({"user", "bob"}, {"verb", "purchase"}, {"target", "good:lamp"}, {"amount", "2.5"}));
    json_t *status = ok(w, "status", NULL, 0);
    const json_t *purchase = json_object_get(json_object_get(status, "verbs"), "purchase");
    assert_true(json_number_value(json_object_get(purchase, "amount")) == 2.5);
    json_decref(status);
    struct heed_error err;
    json_t *reply; /* the shop sells whole ones */
    assert_int_equal(call(w, NULL, "shop buy",
                          ARGS({"good", "lamp"}, {"user", "bob"}, {"units", "2.5"}), &reply, &err),
                     HEED_USAGE);
    assert_string_equal(err.where, "units");
    heed_close(w);
}

static void a_refusal_has_a_code_and_changes_nothing(void **state)
{
    (void)state;
    char before[65], after[65];
    struct heed_world *w = in_memory();
    fill(w);
    status_hash(w, before);
    refused(w, NULL, "exists", "user add", ARGS({"id", "ann"}));
    refused(w, NULL, "unknown_user", "feed serve", ARGS({"user", "eve"}));
    refused(w, NULL, "insufficient_funds", "shop buy", ARGS({"good", "lamp"}, {"user", "bob"}));
    refused(w, "bob", "forbidden", "ledger issue", ARGS({"to", "bob"}, {"amount", "1"}));
    refused(w, "bob", "unknown_name", "event add",
            ARGS({"verb", "view"}, {"target", "content:post1"}, {"surface", "bob@mail.example"}));
    refused(w, "eve", "unknown_user", "status", NULL, 0);
    status_hash(w, after);
    assert_string_equal(before, after);
    heed_close(w);
}

static void answered(struct heed_world *w, const char *actor, const char *name,
                     const struct heed_arg *args, size_t n)
{
    json_t *reply;
    struct heed_error err = {0};
    if (call(w, actor, name, args, n, &reply, &err) != HEED_OK)
        fail_msg("%s as %s: %s: %s", name, actor, err.where, err.message);
    json_decref(reply);
}

/* Staff judge and see, each in his own name; operators and clients act for others.               */
static void who_is_no_operator_or_client_acts_in_his_own_name(void **state)
{
    (void)state;
    struct heed_world *w = in_memory();
    fill(w);
    must(w, "user add", ARGS({"id", "mod"}, {"role", "moderator"}));
    must(w, "user add", ARGS({"id", "app"}, {"role", "client"}));
    const struct heed_arg rating[] = {{"user", "bob"}, {"target", "content:post1"}, {"score", "5"}};
    refused(w, "mod", "forbidden", "rating add", rating, 3);
    answered(w, "app", "rating add", rating, 3);
    answered(w, "bob", "rating add", rating, 3);
    answered(w, "mod", "rating add",
             ARGS({"target", "content:post1"}, {"score", "1"}, {"kind", "moderation"}));
    refused(w, "bob", "forbidden", "behaviour show", ARGS({"target", "user:ann"}));
    answered(w, "bob", "behaviour show", ARGS({"target", "user:bob"}));
    answered(w, "bob", "behaviour show", ARGS({"target", "content:post1"}));
    answered(w, "mod", "behaviour show", ARGS({"target", "user:ann"}));
    heed_close(w);
}

/* A member who guesses the ids that the platform or another member will use takes none of them.  */
static void each_caller_has_ids_of_his_own(void **state)
{
    (void)state;
    struct heed_world *w = in_memory();
    fill(w);
    must(w, "ledger issue", ARGS({"to", "ann"}, {"amount", "9"}));
    must(w, "ledger issue", ARGS({"to", "bob"}, {"amount", "9"}));
    answered(w, "bob", "ledger transfer", ARGS({"to", "ann"}, {"amount", "1"}, {"id", "order-1"}));
    answered(w, "ann", "ledger transfer", ARGS({"to", "bob"}, {"amount", "2"}, {"id", "order-1"}));
    must(w, "ledger transfer",
         ARGS({"from", "ann"}, {"to", "bob"}, {"amount", "3"}, {"id", "order-1"}));
    refused(w, "bob", "id_reused", "ledger transfer",
            ARGS({"to", "ann"}, {"amount", "4"}, {"id", "order-1"}));
    assert_int_equal(number(w, "balance_minor", "ledger balance", ARGS({"account", "ann"})), 500);
    const char *actors[] = {"bob", "ann", NULL};
    for (size_t i = 0; i < 3; i++) {
        json_t *reply;
        struct heed_error err = {0};
        assert_int_equal(call(w, actors[i], "event add",
                              ARGS({"user", actors[i] ? actors[i] : "ann"}, {"verb", "view"},
                                   {"target", "content:post1"}, {"id", "e-1"}),
                              &reply, &err),
                         HEED_OK);
        assert_true(json_is_false(json_object_get(reply, "duplicate")));
        json_decref(reply);
    }
    heed_close(w);
}

static void bad_calls_are_usage_errors_that_name_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *name, *where;
        struct heed_arg args[3];
        size_t n;
    } rows[] = {
        {"", "", {{0}}, 0},
        {" ", " ", {{0}}, 0},
        {"dance", "dance", {{0}}, 0},
        {"user", "user", {{0}}, 0},
        {"user  add", "user  add", {{"id", "x"}}, 1},
        {"user add ", "user add ", {{"id", "x"}}, 1},
        {"status ", "deep", {{"deep", "1"}}, 1},
        {"user add", "id", {{0}}, 0},
        {"user add", "id", {{"id", NULL}}, 1},
        {"user add", "id", {{"id", ""}}, 1},
        {"user add", "id", {{"id", "a\nb"}}, 1},
        {"user add", "id", {{"id", "\xff"}}, 1},
        {"user add", "id", {{"id", "x"}, {"id", "y"}}, 2},
        {"user add", "age", {{"id", "x"}, {"age", "7"}}, 2},
        {"user add", "", {{"id", "x"}, {NULL, "7"}}, 2},
        {"user add", "text", {{"id", "x"}, {"text", "7"}}, 2},
        {"user add", "joined", {{"id", "x"}, {"joined", "soon"}}, 2},
        {"user add", "role", {{"id", "x"}, {"role", "king"}}, 2},
        {"ledger issue", "amount", {{"to", "ann"}, {"amount", "1.001"}}, 2},
        {"ledger issue", "amount", {{"to", "ann"}, {"amount", "92233720368547758.08"}}, 2},
        {"ledger issue", "amount", {{"to", "ann"}, {"amount", ""}}, 2},
        {"shop buy", "units", {{"good", "lamp"}, {"user", "bob"}, {"units", "0"}}, 3},
        {"rating add", "score", {{"user", "bob"}, {"target", "content:post1"}, {"score", "x"}}, 3},
        {"event add", "verb", {{"user", "bob"}, {"verb", "hum"}, {"target", "content:post1"}}, 3},
        {"feed show", "algorithm", {{"user", "bob"}, {"algorithm", "luck"}}, 2},
        {"feed serve", "slots", {{"user", "bob"}, {"slots", "x"}}, 2},
        {"world create", "world", {{"rules", "x"}}, 1}, /* heed's own */
        {"symbol add", "symbol", {{"text", "x"}}, 1},
        {"settle now", "settle now", {{0}}, 0},
        {"verify", "verify", {{0}}, 0}, /* the program's, not the library's */
        {"report", "report", {{"out", "x"}}, 1},
    };
    struct heed_world *w = in_memory();
    fill(w);
    char before[65], after[65];
    status_hash(w, before);
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *reply;
        struct heed_error err;
        enum heed_status status =
            call(w, NULL, rows[i].name, rows[i].args, rows[i].n, &reply, &err);
        json_decref(reply);
        if (status != HEED_USAGE || strcmp(err.where, rows[i].where) != 0)
            fail_msg("row %zu, '%s': status %d, where '%s' (expected '%s'): %s", i, rows[i].name,
                     (int)status, err.where, rows[i].where, err.message);
    }
    status_hash(w, after);
    assert_string_equal(before, after);
    heed_close(w);
}

static void a_category_is_256_bytes_at_most(void **state)
{
    (void)state;
    struct heed_world *w = in_memory();
    char category[258];
    json_t *reply;
    struct heed_error err;
    memset(category, 'x', sizeof category);
    category[257] = 0;
    assert_int_equal(call(w, NULL, "good add",
                          ARGS({"id", "lamp"}, {"name", "Lamp"}, {"category", category}), &reply,
                          &err),
                     HEED_USAGE);
    assert_string_equal(err.where, "category");
    category[256] = 0;
    must(w, "good add", ARGS({"id", "lamp"}, {"name", "Lamp"}, {"category", category}));
    heed_close(w);
}

static void a_time_outside_1970_to_2105_is_a_usage_error(void **state)
{
    (void)state;
    struct heed_world *w = in_memory();
    static const int64_t times[] = {-1, INT64_MIN, INT64_C(4291747200000), INT64_MAX};
    for (size_t i = 0; i < COUNT(times); i++) {
        struct heed_context at = {.time_ms = times[i]};
        struct heed_error err;
        char *reply;
        assert_int_equal(heed_call(w, "status", &at, NULL, 0, &reply, &err), HEED_USAGE);
        assert_string_equal(err.where, "time");
        assert_null(reply);
    }
    heed_close(w);
}

static void null_is_accepted_or_said(void **state)
{
    (void)state;
    struct heed_world *w = in_memory();
    struct heed_error err;
    char *reply;
    heed_close(NULL);
    heed_free(NULL);
    assert_int_equal(heed_open(":memory:", NULL, NULL, &err), HEED_USAGE);
    struct heed_world *other = w;
    assert_int_equal(heed_open(NULL, NULL, &other, &err), HEED_USAGE);
    assert_null(other);
    assert_string_equal(err.where, "path");
    assert_int_equal(heed_open("/nowhere/at/all", NULL, &other, NULL), HEED_INPUT);
    assert_int_equal(heed_call(NULL, "status", &context, NULL, 0, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_call(w, NULL, &context, NULL, 0, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_call(w, "status", NULL, NULL, 0, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_call(w, "status", &context, NULL, 1, &reply, &err), HEED_USAGE);
    assert_string_equal(err.where, "args");
    assert_int_equal(heed_call(w, "status", &context, NULL, 0, NULL, &err), HEED_USAGE);
    assert_int_equal(heed_call(w, "dance", &context, NULL, 0, &reply, NULL), HEED_USAGE);
    assert_int_equal(heed_call(w, "status", &context, NULL, 0, &reply, NULL), HEED_OK);
    heed_free(reply);
    assert_int_equal(heed_events(NULL, &context, NULL, 0, NULL, &err), HEED_USAGE);
    assert_int_equal(heed_events(w, &context, NULL, 1, NULL, &err), HEED_USAGE);
    assert_int_equal(heed_events(w, NULL, NULL, 0, NULL, &err), HEED_USAGE);
    assert_string_equal(err.where, "context");
    assert_int_equal(heed_events(w, &context, NULL, 0, NULL, NULL), HEED_OK);
    heed_close(w);
}

static void events_are_counted_by_what_became_of_them(void **state)
{
    (void)state;
    struct heed_world *w = in_memory();
    fill(w);
    const struct heed_event events[] = {
        {T0, "bob", "view", "content:post1", NULL, NULL, NULL, 1},
        {T0, "bob", "dwell", "content:post1", "home", "mail", "e1", 30.5},
        {T0, "bob", "dwell", "content:post1", "home", "mail", "e1", 30.5}, /* seen */
        {T0, "bob", "like", "user:ann", "", "", "", 1},                    /* "" is none */
        {T0, "bob", "like", "good:lamp", NULL, NULL, "e2", 0},
        {T0, "eve", "like", "content:post1", NULL, NULL, NULL, 1},      /* unknown */
        {T0, "bob", "like", "content:post2", NULL, NULL, NULL, 1},      /* unknown */
        {T0, "bob", "like", "post1", NULL, NULL, NULL, 1},              /* unknown */
        {T0 + DAY + 1, "bob", "like", "user:ann", NULL, NULL, NULL, 1}, /* ahead of now */
        {T0, "bob", "hum", "content:post1", NULL, NULL, NULL, 1},       /* no verb */
        {T0, NULL, "like", "content:post1", NULL, NULL, NULL, 1},       /* no user */
        {T0, "bob", NULL, "content:post1", NULL, NULL, NULL, 1},        /* no verb */
        {T0, "bob", "like", NULL, NULL, NULL, NULL, 1},                 /* no target */
        {-1, "bob", "like", "content:post1", NULL, NULL, NULL, 1},      /* time */
        {T0, "bob", "like", "content:post1", NULL, NULL, NULL, -0.5},   /* amount */
        {T0, "bob", "like", "content:post1", NULL, NULL, NULL, (double)NAN},
        {T0, "bob", "like", "content:post1", NULL, NULL, NULL, (double)INFINITY},
        {T0, "bob", "like", "content:post1", "\xff", NULL, NULL, 1}, /* not UTF-8 */
        {T0, "bob", "share", "content:post1", NULL, NULL, "e3", 1},  /* none stops the rest */
    };
    struct heed_tally t;
    struct heed_error err;
    assert_int_equal(heed_events(w, &context, events, COUNT(events), &t, &err), HEED_OK);
    assert_int_equal(t.rows, COUNT(events));
    assert_int_equal(t.applied, 5);
    assert_int_equal(t.duplicate, 1);
    assert_int_equal(t.refused, 4);
    assert_int_equal(t.rejected, 9);
    assert_int_equal(number(w, "events", "status", NULL, 0), 5);
    json_t *shown = ok(w, "behaviour show", ARGS({"target", "content:post1"}));
    assert_true(json_number_value(json_object_get(shown, "dwell_s")) == 30.5);
    assert_int_equal(json_integer_value(json_object_get(shown, "impressions")), 1);
    assert_int_equal(json_integer_value(json_object_get(shown, "reach")), 1);
    json_decref(shown);
    heed_close(w);
}

/* A world holds 65,535 surfaces, categories and kinds: who brings more is rejected, not the world
 * lost. */
static void surfaces_without_end_stop_nobody_else(void **state)
{
    (void)state;
    enum { SURFACES = 66000 };
    struct heed_world *w = in_memory();
    fill(w);
    struct heed_event *events = calloc(SURFACES + 1, sizeof *events);
    char(*names)[8] = calloc(SURFACES, sizeof *names);
    assert_non_null(events);
    assert_non_null(names);
    for (int i = 0; i < SURFACES; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        events[i] =
            (struct heed_event){T0, "bob", "view", "content:post1", names[i], NULL, NULL, 1};
    }
    events[SURFACES] = (struct heed_event){T0, "bob", "like", "content:post1", "s1", NULL, NULL, 1};
    struct heed_tally t;
    struct heed_error err;
    if (heed_events(w, &context, events, SURFACES + 1, &t, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(t.applied, 65536);
    assert_int_equal(t.rejected, SURFACES - 65535);
    must(w, "user add", ARGS({"id", "cyd"}));
    free(names);
    free(events);
    heed_close(w);
}

static void a_world_on_disk_is_found_again(void **state)
{
    (void)state;
    char before[65], after[65];
    struct heed_world *w = open_with(path, (struct heed_options){.create = 1});
    fill(w);
    const struct heed_event e = {T0, "bob", "like", "content:post1", "home", NULL, NULL, 1};
    struct heed_error err;
    assert_int_equal(heed_events(w, &context, &e, 1, NULL, &err), HEED_OK);
    status_hash(w, before);
    heed_close(w);
    w = open_with(path, (struct heed_options){0});
    status_hash(w, after);
    assert_string_equal(before, after);
    must(w, "user add", ARGS({"id", "cyd"}));
    heed_close(w);
    w = open_with(path, (struct heed_options){.create = 1}); /* what is there stays */
    refused(w, NULL, "exists", "user add", ARGS({"id", "cyd"}));
    heed_close(w);
}

static void a_reader_works_beside_a_writer_and_cannot_write(void **state)
{
    (void)state;
    struct heed_world *writer = open_with(path, (struct heed_options){.create = 1});
    fill(writer);
    struct heed_world *reader = open_with(path, (struct heed_options){.read_only = 1});
    struct heed_world *second = NULL;
    struct heed_error err;
    char pid[32];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_int_equal(heed_open(path, NULL, &second, &err), HEED_STORAGE);
    assert_null(second);
    assert_non_null(strstr(err.message, pid));
    assert_int_equal(number(reader, "users", "status", NULL, 0), 2);
    json_t *reply;
    assert_int_equal(call(reader, NULL, "user add", ARGS({"id", "cyd"}), &reply, &err), HEED_USAGE);
    const struct heed_event e = {T0, "bob", "like", "content:post1", "new", NULL, NULL, 1};
    struct heed_tally t = {.rows = 77};
    assert_int_equal(heed_events(reader, &context, &e, 1, &t, &err), HEED_USAGE);
    assert_int_equal(t.rows, 77);
    assert_int_equal(number(reader, "users", "status", NULL, 0), 2);
    must(writer, "user add", ARGS({"id", "cyd"}));
    heed_close(reader);
    reader = open_with(path, (struct heed_options){.read_only = 1});
    assert_int_equal(number(reader, "users", "status", NULL, 0), 3);
    heed_close(writer);
    assert_int_equal(number(reader, "users", "status", NULL, 0), 3);
    heed_close(reader);
}

static void what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    char text[96];
    snprintf(text, sizeof text, "%s/text", dir);
    FILE *f = fopen(text, "w");
    assert_non_null(f);
    for (int i = 0; i < 100; i++)
        fputs("this is no world, nor a database\n", f);
    fclose(f);
    static const char bad_rules[] = "allocation: {k: many}";
    const struct {
        const char *where;
        struct heed_options options;
        enum heed_status status;
    } rows[] = {
        {path, {0}, HEED_INPUT},              /* not there */
        {path, {.read_only = 1}, HEED_INPUT}, /* */
        {dir, {.create = 1}, HEED_INPUT},     /* a folder */
        {text, {.create = 1}, HEED_INPUT},    /* another file */
        {text, {.read_only = 1}, HEED_INPUT}, /* */
        {"", {.create = 1}, HEED_INPUT},      /* */
        {"/nowhere/at/all", {.create = 1}, HEED_STORAGE},
        {path, {.create = 1, .rules_yaml = bad_rules, .rules_size = 21}, HEED_INPUT},
        {":memory:", {.create = 1, .rules_yaml = bad_rules, .rules_size = 21}, HEED_INPUT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heed_world *w = (struct heed_world *)(uintptr_t)1;
        struct heed_error err;
        enum heed_status status = heed_open(rows[i].where, &rows[i].options, &w, &err);
        if (status != rows[i].status || err.status != status || !err.message[0] || w)
            fail_msg("row %zu, %s: status %d: %s: %s", i, rows[i].where, (int)status, err.where,
                     err.message);
    }
    assert_int_equal(access(path, F_OK), -1); /* bad rules leave no file behind */
}

static void a_world_is_made_with_the_rules_given(void **state)
{
    (void)state;
    static const char rules[] = "currencies: [{code: silver, scale: 0}]\ngrants: {new_user: 9}\n"
                                "allocation: {k: ";
    char yaml[200];
    snprintf(yaml, sizeof yaml, "%s7}", rules);
    struct heed_options options = {.create = 1, .rules_yaml = yaml, .rules_size = strlen(yaml)};
    struct heed_world *w = open_with(path, options);
    memset(yaml, 'x', sizeof yaml); /* heed keeps a copy */
    must(w, "user add", ARGS({"id", "ann"}));
    heed_close(w);
    w = open_with(path, (struct heed_options){.read_only = 1});
    json_t *balance = ok(w, "ledger balance", ARGS({"account", "ann"}));
    assert_string_equal(json_string_value(json_object_get(balance, "currency")), "silver");
    assert_int_equal(json_integer_value(json_object_get(balance, "balance_minor")), 9);
    json_decref(balance);
    heed_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_three_numbers),
        cmocka_unit_test(commands_change_the_world_and_queries_tell),
        cmocka_unit_test(fractions_are_printed_as_they_were_given),
        cmocka_unit_test(parts_of_a_thing_may_be_bought_elsewhere),
        cmocka_unit_test(a_refusal_has_a_code_and_changes_nothing),
        cmocka_unit_test(who_is_no_operator_or_client_acts_in_his_own_name),
        cmocka_unit_test(each_caller_has_ids_of_his_own),
        cmocka_unit_test(bad_calls_are_usage_errors_that_name_what_is_wrong),
        cmocka_unit_test(a_category_is_256_bytes_at_most),
        cmocka_unit_test(a_time_outside_1970_to_2105_is_a_usage_error),
        cmocka_unit_test(null_is_accepted_or_said),
        cmocka_unit_test(events_are_counted_by_what_became_of_them),
        cmocka_unit_test(surfaces_without_end_stop_nobody_else),
        cmocka_unit_test_setup_teardown(a_world_on_disk_is_found_again, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_reader_works_beside_a_writer_and_cannot_write, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened_says_why, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_world_is_made_with_the_rules_given, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
