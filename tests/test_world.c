/* A world through its calls: what is admitted, applied, refused, kept and replayed. */
#include "support_world.h"

#include "world/apply.h"
#include "world/snapshot.h"
#include "world/vault.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void change_file(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_true(sqlite3_changes(db) > 0);
    sqlite3_close(db);
}

static int64_t balance(struct world *w, const char *account)
{
    json_t *reply = call_ok(w, "ledger balance", "account", account, NULL);
    int64_t v = int_at(reply, "balance_minor");
    json_decref(reply);
    return v;
}

static void a_purchase_moves_money_stock_and_attention(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    json_t *reply = call_ok(w, "shop buy", "good", "sword", "user", "bob", "units", "2", NULL);
    assert_int_equal(int_at(reply, "price_minor"), 1000);
    assert_int_equal(int_at(reply, "fee_minor"), 50);
    json_decref(reply);
    assert_int_equal(balance(w, "bob"), 9000);
    assert_int_equal(balance(w, "ann"), 950);
    assert_int_equal(balance(w, "system:retire"), 50);
    assert_int_equal(w->state.catalogue.goods[0].stock, 1);
    reply = call_ok(w, "behaviour show", "target", "good:sword", NULL);
    assert_int_equal(int_at(json_object_get(reply, "events"), "purchase"), 1);
    assert_int_equal(int_at(reply, "reach"), 1);
    json_decref(reply);
    call_refused(w, "out_of_stock", "shop buy", "good", "sword", "user", "bob", "units", "2", NULL);
    json_decref(call_ok(w, "shop refund", "purchase", "0", NULL));
    assert_int_equal(balance(w, "bob"), 10000);
    assert_int_equal(balance(w, "ann"), 0);
    assert_int_equal(w->state.catalogue.goods[0].stock, 3);
    call_refused(w, "already_refunded", "shop refund", "purchase", "0", NULL);
    reply = call_ok(w, "behaviour show", "target", "good:sword", NULL); /* both, and no weight */
    assert_int_equal(int_at(json_object_get(reply, "events"), "purchase"), 1);
    assert_int_equal(int_at(reply, "refunds"), 1);
    assert_int_equal(int_at(reply, "reach"), 1);
    assert_true(json_real_value(json_object_get(reply, "popularity")) == 0);
    assert_true(json_real_value(json_object_get(json_object_get(reply, "engagement"), "rate")) ==
                0);
    json_decref(reply);
    reply = call_ok(w, "behaviour show", "target", "user:bob", NULL);
    assert_int_equal(int_at(reply, "refunds"), 1);
    assert_int_equal(int_at(json_object_get(reply, "events"), "purchase"), 1);
    json_decref(reply);
    reply = call_ok(w, "status", NULL);
    assert_int_equal(int_at(reply, "refunds"), 1);
    json_decref(reply);
    assert_verified(w);
    world_close(w);
}

static double relevance_to_cyd(struct world *w)
{
    json_t *reply = call_ok(w, "feed show", "user", "cyd", "algorithm", "relevance", NULL);
    json_t *slots = json_object_get(reply, "slots");
    double score = -1;
    for (size_t i = 0; i < json_array_size(slots); i++) {
        const json_t *slot = json_array_get(slots, i);
        if (strcmp(json_string_value(json_object_get(slot, "target")), "content:post1") == 0)
            score = json_real_value(json_object_get(slot, "score"));
    }
    json_decref(reply);
    return score;
}

/* A creator who likes his own content beside a loved one draws none of its audience; others do.  */
static void own_content_is_no_company_for_what_else_one_likes(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    json_decref(call_ok(w, "user add", "id", "dan", NULL));
    json_decref(call_ok(w, "content add", "id", "loved", "creator", "bob", "title", "x", NULL));
    for (const char *const *who = (const char *const[]){"ann", "cyd", "dan", NULL}; *who; who++)
        json_decref(
            call_ok(w, "event add", "user", *who, "verb", "like", "target", "content:loved", NULL));
    json_decref(
        call_ok(w, "event add", "user", "ann", "verb", "like", "target", "content:post1", NULL));
    assert_true(relevance_to_cyd(w) == 0);
    json_decref(
        call_ok(w, "event add", "user", "dan", "verb", "like", "target", "content:post1", NULL));
    assert_true(relevance_to_cyd(w) > 0);
    world_close(w);
}

static void an_epoch_shows_nobody_his_own_content(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    json_decref(call_ok(w, "content add", "id", "post2", "creator", "bob", "title", "x", NULL));
    json_decref(
        call_ok(w, "event add", "user", "bob", "verb", "like", "target", "content:post1", NULL));
    json_decref(call_ok(w, "settle", "until", "2026-02-01", NULL));
    assert_int_equal(w->state.consumption.settlements[0].feeds, 1); /* bob's */
    assert_true(w->state.exposure.given[0] == 1000000 && w->state.exposure.given[1] == 0);
    assert_true(w->state.exposure.popularity[0] == 1000000 && w->state.exposure.popularity[1] == 0);
    assert_true(w->state.consumption.settlements[0].floor_kept);
    assert_verified(w);
    world_close(w);
}

/* ann made post1 and sells the sword.                                                           */
static void nobody_gains_by_attending_to_his_own(void **unused)
{
    (void)unused;
    static const char *const own[] = {"content:post1", "good:sword", "user:ann"};
    struct world *w = world_in_memory();
    fill_small(w);
    for (size_t i = 0; i < 3; i++) {
        for (const char *const *verb = (const char *const[]){"view", "like", "purchase", NULL};
             *verb; verb++)
            json_decref(
                call_ok(w, "event add", "user", "ann", "verb", *verb, "target", own[i], NULL));
        json_t *reply = call_ok(w, "rating add", "user", "ann", "target", own[i], "score", "5",
                                "kind", i % 2 ? "expert" : "user", NULL);
        assert_true(json_is_false(json_object_get(reply, "counted")));
        json_decref(reply);
        reply = call_ok(w, "quality show", "target", own[i], NULL);
        assert_true(json_real_value(json_object_get(reply, "quality")) == .5);
        json_decref(reply);
        if (i == 2)
            continue;
        reply = call_ok(w, "behaviour show", "target", own[i], NULL);
        assert_int_equal(int_at(reply, "reach"), 0);
        assert_int_equal(int_at(reply, "impressions"), 0);
        assert_int_equal(int_at(json_object_get(reply, "events"), "like"), 1);
        assert_true(json_real_value(json_object_get(reply, "popularity")) == 0);
        json_decref(reply);
    }
    const struct open_epoch *open = w->state.consumption.open; /* neither given nor earned */
    assert_int_equal(w->state.consumption.open_n, 1);
    assert_int_equal(open->users_n, 1);
    assert_int_equal(open->users[0].points_milli, 0);
    assert_int_equal(open->contents_n, 0);
    assert_int_equal(w->state.behaviour.users[0].events, 9);
    assert_int_equal(w->state.quality.entries_n, 0);
    json_t *reply = call_ok(w, "rating add", "user", "bob", "target", own[0], "score", "5", NULL);
    assert_true(json_is_true(json_object_get(reply, "counted")));
    json_decref(reply);
    json_decref(call_ok(w, "event add", "user", "bob", "verb", "like", "target", own[0], NULL));
    reply = call_ok(w, "behaviour show", "target", own[0], NULL);
    assert_int_equal(int_at(reply, "reach"), 1);
    json_decref(reply);
    assert_int_equal(w->state.consumption.open[0].contents_n, 1);
    json_decref(call_ok(w, "rating add", "user", "ann", "target", own[0], "score", "1", "kind",
                        "moderation", NULL)); /* taking down one's own is no merit */
    assert_true(quality_removed(&w->state.quality, target_make(TARGET_CONTENT, 0)));
    assert_verified(w);
    world_close(w);
}

/* A feed is made for everybody who acted, whatever it was he did.                                */
static void who_acts_for_nothing_gets_a_feed_and_no_money(void **unused)
{
    (void)unused;
    static const struct {
        const char *user, *verb;
    } acts[] = {{"ann", "like"}, {"bob", "skip"}, {"cyd", "report"}};
    for (size_t i = 0; i < 3; i++) {
        struct world *w = world_in_memory();
        fill_small(w);
        json_decref(call_ok(w, "content add", "id", "post2", "creator", "dan", NULL));
        json_decref(call_ok(w, "event add", "user", acts[i].user, "verb", acts[i].verb, "target",
                            "content:post1", NULL));
        json_t *reply = call_ok(w, "settle", "until", "2026-02-01", NULL);
        assert_int_equal(int_at(reply, "feeds"), 1);
        assert_int_equal(int_at(reply, "payouts"), 0);
        assert_int_equal(int_at(reply, "paid_minor"), 0);
        assert_true(w->state.exposure.given_sum[1] > 0);
        json_decref(reply);
        assert_verified(w);
        world_close(restored_from(w));
        world_close(w);
    }
}

static void a_logged_purchase_moves_no_money(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    json_decref(
        call_ok(w, "event add", "user", "bob", "verb", "purchase", "target", "good:sword", NULL));
    assert_int_equal(balance(w, "bob"), 10000);
    assert_int_equal(w->state.catalogue.goods[0].stock, 3);
    world_close(w);
}

static void every_refusal_that_admission_makes(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    call_refused(w, "unknown_user", "feed show", "user", "nobody", NULL);
    call_refused(w, "unknown_user", "event add", "user", "nobody", "verb", "view", "target",
                 "content:post1", NULL);
    call_refused(w, "unknown_target", "event add", "user", "ann", "verb", "view", "target",
                 "content:none", NULL);
    call_refused(w, "unknown_account", "ledger transfer", "from", "ann", "to", "nobody", "amount",
                 "1", NULL);
    call_refused(w, "unknown_currency", "ledger issue", "to", "ann", "amount", "1", "currency",
                 "dust", NULL);
    call_refused(w, "not_positive", "ledger transfer", "from", "bob", "to", "ann", "amount", "0",
                 NULL);
    call_refused(w, "not_positive", "ledger issue", "to", "ann", "amount", "-5", NULL);
    call_refused(w, "same_account", "ledger transfer", "from", "bob", "to", "bob", "amount", "1",
                 NULL);
    call_refused(w, "system_account", "ledger transfer", "from", "bob", "to", "system:pool",
                 "amount", "1", NULL);
    call_refused(w, "insufficient_funds", "ledger transfer", "from", "ann", "to", "bob", "amount",
                 "1", NULL);
    call_refused(w, "exists", "user add", "id", "ann", NULL);
    call_refused(w, "exists", "content add", "id", "post1", "creator", "zoe", NULL);
    call_refused(w, "exists", "good add", "id", "sword", "name", "x", NULL);
    call_refused(w, "unknown_target", "content add", "id", "p9", "creator", "ann", "good", "none",
                 NULL);
    call_refused(w, "score_range", "rating add", "user", "bob", "target", "content:post1", "score",
                 "6", NULL);
    call_refused(w, "unknown_purchase", "shop refund", "purchase", "99", NULL);
    call_refused(w, "nothing_to_settle", "settle", NULL);
    call_refused(w, "no_feed", "feed explain", "user", "ann", "target", "content:post1", NULL);
    call_refused(w, "no_payout", "reward explain", "user", "ann", "epoch", "1", NULL);
    assert_int_equal(w->state.catalogue.parties_n, 3); /* zoe was not made */
    assert_verified(w);
    world_close(w);
}

struct usage_row {
    const char *name, *arg, *value, *says;
};

static void arguments_out_of_bounds_are_usage_errors(void **unused)
{
    (void)unused;
    static const struct usage_row rows[] = {
        {"feed show", "k", "0", "between 1 and 100"},
        {"feed show", "k", "x", "not a whole number"},
        {"feed show", "k", "99999999999999999999", "not a whole number"},
        {"feed show", "algorithm", "magic", "exposure|engagement"},
        {"feed show", "nothing", "1", "no such argument"},
        {"behaviour top", "by", "size", "reach|dwell"},
        {"settle", "until", "yesterday", "not a time"},
        {"settle", "until", "1969-12-31T23:59:59Z", "before 1970"},
        {"settle", "facts", "x", "no such argument"},
        {"ledger issue", "amount", "4.999", "2 decimals"},
        {"ledger issue", "amount", "much", "4.99"},
        {"ledger issue", "amount", "99999999999999999999", "can hold"},
        {"user add", "id", "", "1 to 64 bytes"},
        {"user add", "id", "a\nb", "control characters"},
        {"user add", "id", "ann ", "no blanks at its edges"},
        {"user add", "id", "user: ann", "no blanks at its edges"},
        {"user add", "id", "e\xcc\x81mile", "UTF-8 in NFC"},
        {"user add", "id", "system:issue", "no leading 'system:'"},
        {"good add", "id", "\xe3\x80\x80", "no blanks at its edges"},
        {"user add", "name", "\xff", "not UTF-8"},
    };
    struct world *w = world_in_memory();
    fill_small(w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct heed_error err = {0};
        json_t *reply = NULL;
        const char *space = strchr(rows[i].name, ' ');
        size_t n = space ? (size_t)(space - rows[i].name) : strlen(rows[i].name);
        const struct command_spec *spec = command_spec((enum command_id)command_find(
            (struct str){rows[i].name, n}, str_of(space ? space + 1 : "")));
        struct heed_arg args[4];
        size_t args_n = 0;
        args[args_n++] = (struct heed_arg){rows[i].arg, rows[i].value};
        for (size_t a = 0; a < spec->n; a++)
            if (spec->args[a].flags & REQUIRED && strcmp(spec->args[a].name, rows[i].arg) != 0 &&
                spec->args[a].type != ARG_BLOB)
                args[args_n++] = (struct heed_arg){spec->args[a].name,
                                                   spec->args[a].type == ARG_AMOUNT ? "1" : "ann"};
        struct heed_context context = {T0, NULL};
        enum heed_status status = admit_call(w, spec, &context, args, args_n, &reply, &err);
        if (status != HEED_USAGE || !strstr(err.message, rows[i].says))
            fail_msg("%s --%s %s: expected '%s', got %d '%s'", rows[i].name, rows[i].arg,
                     rows[i].value, rows[i].says, (int)status, err.message);
    }
    world_close(w);
}

/* `user:` before an id is never part of it, and alone names nobody.                              */
static void an_id_may_have_its_kind_before_it(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    json_decref(call_ok(w, "user add", "id", "user:dan", NULL));
    assert_int_equal(world_find_user(w, STR("dan")), world_find_user(w, STR("user:dan")));
    call_refused(w, "exists", "user add", "id", "dan", NULL);
    call_refused(w, "exists", "user add", "id", "user:ann", NULL);
    call_refused(w, "exists", "user add", "id", "user:user:ann", NULL);
    static const char *const empty[][3] = {{"user add", "id", "user:"},
                                           {"content add", "creator", "user:"},
                                           {"good add", "seller", "user:"}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(call_as(w, NULL, T0, NULL, empty[i][0], empty[i][1], empty[i][2],
                                 i ? "id" : NULL, "x", i == 2 ? "name" : NULL, "X", NULL),
                         HEED_USAGE);
    assert_verified(w);
    world_close(w);
}

static void a_member_may_act_for_himself_only(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    json_t *reply = NULL;
    assert_int_equal(call_as(w, "bob", T0, &reply, "shop buy", "good", "sword", NULL), HEED_OK);
    assert_string_equal("user:bob", json_string_value(json_object_get(reply, "user")));
    json_decref(reply);
    assert_int_equal(call_as(w, "cyd", T0, NULL, "shop buy", "good", "sword", "user", "bob", NULL),
                     HEED_REFUSED);
    assert_int_equal(call_as(w, "cyd", T0, NULL, "ledger transfer", "from", "bob", "to", "cyd",
                             "amount", "1", NULL),
                     HEED_REFUSED);
    assert_int_equal(call_as(w, "cyd", T0, NULL, "ledger balance", "account", "bob", NULL),
                     HEED_REFUSED);
    assert_int_equal(call_as(w, "cyd", T0, NULL, "ledger issue", "to", "cyd", "amount", "1", NULL),
                     HEED_REFUSED);
    assert_int_equal(call_as(w, "cyd", T0, NULL, "settle", NULL), HEED_REFUSED);
    assert_int_equal(call_as(w, "cyd", T0, NULL, "shop list", "good", "sword", "price", "1", NULL),
                     HEED_REFUSED);
    assert_int_equal(call_as(w, "cyd", T0, NULL, "rating add", "user", "cyd", "target",
                             "content:post1", "score", "1", "kind", "moderation", NULL),
                     HEED_REFUSED);
    assert_int_equal(call_as(w, "ann", T0, NULL, "shop list", "good", "sword", "price", "6", NULL),
                     HEED_OK);
    json_decref(call_ok(w, "user add", "id", "mod", "role", "moderator", NULL));
    assert_int_equal(call_as(w, "mod", T0, NULL, "rating add", "user", "mod", "target",
                             "content:post1", "score", "1", "kind", "moderation", NULL),
                     HEED_OK);
    assert_verified(w);
    world_close(w);
}

static void the_same_id_moves_money_once(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    for (int i = 0; i < 2; i++) {
        json_t *reply = call_ok(w, "ledger transfer", "from", "bob", "to", "ann", "amount", "2.50",
                                "id", "t1", NULL);
        assert_int_equal(json_is_true(json_object_get(reply, "repeated")), i);
        json_decref(reply);
    }
    assert_int_equal(balance(w, "ann"), 250);
    call_refused(w, "id_reused", "ledger transfer", "from", "bob", "to", "ann", "amount", "3", "id",
                 "t1", NULL);
    for (int i = 0; i < 2; i++)
        json_decref(call_ok(w, "shop buy", "good", "sword", "user", "bob", "id", "b1", NULL));
    assert_int_equal(w->state.catalogue.goods[0].stock, 2);
    uint64_t commands = w->commands;
    json_decref(call_ok(w, "event add", "user", "bob", "verb", "like", "target", "content:post1",
                        "id", "e1", NULL));
    json_t *reply = call_ok(w, "event add", "user", "bob", "verb", "like", "target",
                            "content:post1", "id", "e1", NULL);
    assert_true(json_is_true(json_object_get(reply, "duplicate")));
    json_decref(reply);
    assert_int_equal(w->commands, commands + 2); /* dropped, and counted */
    assert_int_equal(w->state.behaviour.duplicates, 1);
    assert_verified(w);
    world_close(w);
}

/* Some of everything, deterministic.                                                            */
static void live(struct world *w, int from, int to)
{
    fill_small(w);
    for (int i = from; i < to; i++) {
        char id[16], time[24];
        snprintf(id, sizeof id, "u%d", i);
        snprintf(time, sizeof time, "%d", 1767225600 + i * 3600);
        json_decref(call_ok(w, "user add", "id", id, NULL));
        json_decref(call_ok(w, "event add", "user", id, "verb", "dwell", "target", "content:post1",
                            "amount", "90", "surface", "home", "time", time, NULL));
        json_decref(call_ok(w, "rating add", "user", id, "target", "content:post1", "score",
                            i % 2 ? "4" : "3", NULL));
    }
    json_decref(call_ok(w, "shop buy", "good", "sword", "user", "bob", NULL));
    json_decref(call_ok(w, "feed serve", "user", "bob", NULL));
    json_decref(call_ok(w, "settle", "until", "2026-02-01", NULL));
}

static void settling_pays_the_pool_and_explains_itself(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w, 0, 20);
    const struct settlement *s = &w->state.consumption.settlements[0];
    assert_true(s->paid_minor > 0 && s->paid_minor <= s->pool_minor);
    int64_t paid = 0;
    for (size_t i = 0; i < w->state.consumption.payouts_n; i++)
        paid += w->state.consumption.payouts[i].amount_minor;
    int64_t all = 0;
    for (size_t i = 0; i < w->state.consumption.settlements_n; i++)
        all += w->state.consumption.settlements[i].paid_minor;
    assert_int_equal(paid, all);
    char epoch[24];
    snprintf(epoch, sizeof epoch, "%lld", (long long)s->epoch);
    json_t *reply = call_ok(w, "reward explain", "user", "ann", "epoch", epoch, NULL);
    assert_true(int_at(reply, "amount_minor") > 0);
    json_decref(reply);
    call_refused(w, "nothing_to_settle", "settle", "until", "2026-02-01", NULL);
    /* an event for a settled epoch counts in the open one */
    json_decref(call_ok(w, "event add", "user", "bob", "verb", "like", "target", "content:post1",
                        "time", "1767225601", NULL));
    assert_int_equal(w->state.consumption.late, 1);
    assert_verified(w);
    world_close(w);
}

/* Ten epochs of an event each. Settled at once, the figures at the top are those of all ten;
 * settled one at a time, each reply's are its epoch's. */
static void settling_several_epochs_says_the_totals(void **unused)
{
    (void)unused;
    static const char *const sums[] = {"pool_minor", "paid_minor", "payouts",
                                       "feeds",      "events",     "late"};
    enum { EPOCHS = 10 };
    struct world *each = world_in_memory(), *once = world_in_memory();
    int64_t expected[sizeof sums / sizeof *sums] = {0};
    double least = 1e9;
    bool kept = true;
    int64_t length = each->state.rules.consumption.epoch_ms / 1000, first = T0 / 1000 / length + 1;
    char until[32];
    fill_small(each);
    fill_small(once);
    for (int e = 0; e < EPOCHS; e++) {
        char time[32];
        snprintf(time, sizeof time, "%lld", (long long)((first + e) * length + 60));
        for (int i = 0; i < 2; i++)
            json_decref(call_ok(i ? once : each, "event add", "user", "bob", "verb", "like",
                                "target", "content:post1", "time", time, NULL));
    }
    for (int e = 0; e < EPOCHS; e++) {
        snprintf(until, sizeof until, "%lld", (long long)((first + e + 1) * length));
        json_t *reply = call_ok(each, "settle", "until", until, NULL);
        assert_int_equal(json_array_size(json_object_get(reply, "epochs")), 1);
        assert_int_equal(int_at(reply, "epoch"), first + e);
        for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
            expected[i] += int_at(reply, sums[i]);
        const json_t *floor = json_object_get(reply, "floor");
        double share = json_real_value(json_object_get(floor, "min_share"));
        least = share < least ? share : least;
        kept = kept && json_is_true(json_object_get(floor, "kept"));
        json_decref(reply);
    }
    json_t *all = call_ok(once, "settle", "until", until, NULL);
    const json_t *floor = json_object_get(all, "floor"), *epochs = json_object_get(all, "epochs");
    assert_int_equal(json_array_size(epochs), EPOCHS);
    assert_int_equal(int_at(all, "epoch"), first + EPOCHS - 1);
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        assert_int_equal(int_at(all, sums[i]), expected[i]);
    assert_true(expected[1] > int_at(json_array_get(epochs, EPOCHS - 1), "paid_minor"));
    assert_int_equal(json_is_true(json_object_get(floor, "kept")), kept);
    assert_true(json_real_value(json_object_get(floor, "min_share")) == least);
    assert_true(json_object_get(floor, "share") != NULL);
    assert_int_equal(int_at(json_array_get(epochs, 0), "epoch"), first);
    assert_true(sha256_eq(hash_of(each), hash_of(once)));
    json_decref(all);
    world_close(each);
    world_close(once);
}

static void the_same_commands_give_the_same_world_anywhere(void **unused)
{
    (void)unused;
    char *path = test_path("same.world");
    struct world *a = world_in_memory(), *b = world_at(path);
    live(a, 0, 30);
    live(b, 0, 30);
    assert_true(sha256_eq(hash_of(a), hash_of(b)));
    assert_false(sha256_eq(a->head, b->head)); /* salts differ, and only the journal knows them */
    world_close(b);
    b = world_at(path);
    assert_true(sha256_eq(hash_of(a), hash_of(b)));
    assert_verified(b);
    world_close(a);
    world_close(b);
    unlink(path);
    free(path);
}

static void a_damaged_snapshot_falls_back_and_says_so(void **unused)
{
    (void)unused;
    char *path = test_path("snap.world");
    struct world *w = world_at(path);
    struct heed_error err = {0};
    uint64_t batches[2]; /* newest first */
    live(w, 0, 5);
    assert_int_equal(snapshot_write(w, &err), HEED_OK);
    batches[1] = w->snapshot_batch;
    json_decref(call_ok(w, "user add", "id", "late1", NULL));
    assert_int_equal(snapshot_write(w, &err), HEED_OK);
    batches[0] = w->snapshot_batch;
    json_decref(call_ok(w, "user add", "id", "late2", NULL));
    struct sha256 hash = hash_of(w);
    assert_verified(w);
    world_close(w);
    for (int damaged = 1; damaged <= 2; damaged++) {
        char command[700];
        snprintf(command, sizeof command,
                 "UPDATE snapshot_parts SET bytes = zeroblob(length(bytes)) WHERE batch IN "
                 "(SELECT batch FROM snapshots ORDER BY batch DESC LIMIT %d)",
                 damaged);
        change_file(path, command);
        struct world_options options = {.read_only = true};
        assert_int_equal(world_open(path, &options, &w, &err), HEED_OK);
        assert_non_null(strstr(w->note, damaged == 1 ? "the one before" : "whole journal"));
        for (int i = 0; i < 2; i++) { /* each that was passed over is named, and no other */
            char batch[24];
            snprintf(batch, sizeof batch, " %llu (", (unsigned long long)batches[i]);
            assert_int_equal(strstr(w->note, batch) != NULL, i < damaged);
        }
        assert_true(sha256_eq(hash, hash_of(w)));
        world_close(w);
    }
    unlink(path);
    free(path);
}

static void erasing_a_person_leaves_totals_and_nothing_else(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w, 0, 10);
    int64_t ann = w->state.ledger.accounts[0].credits;
    struct ledger_totals before = ledger_totals(&w->state.ledger, 0);
    json_decref(call_ok(w, "user erase", "user", "ann", NULL));
    call_refused(w, "unknown_user", "feed show", "user", "ann", NULL);
    call_refused(w, "unknown_target", "behaviour show", "target", "user:ann", NULL);
    call_refused(w, "not_listed", "shop buy", "good", "sword", "user", "bob", NULL);
    call_refused(w, "erased", "shop list", "good", "sword", "price", "1", NULL);
    struct ledger_totals after = ledger_totals(&w->state.ledger, 0);
    assert_int_equal(before.supply_minor, after.supply_minor);
    assert_int_equal(ann, w->state.ledger.accounts[0].credits);
    static const char *const queries[] = {"status", "behaviour top", "shop goods", "rules show"};
    for (size_t i = 0; i < 4; i++) {
        json_t *reply = call_ok(w, queries[i], NULL);
        char *text = json_dumps(reply, 0);
        if (strstr(text, "user:ann") || strstr(text, "Ann"))
            fail_msg("%s still names her: %s", queries[i], text);
        free(text);
        json_decref(reply);
    }
    struct strbuf buf;
    struct text text;
    bool found = true;
    struct heed_error err = {0};
    strbuf_init(&buf, SIZE_MAX);
    assert_int_equal(vault_open(w, TARGET_CONTENT, 0, &buf, &text, &found, &err), HEED_OK);
    assert_false(found); /* her post's text is gone with her key */
    strbuf_deinit(&buf);
    assert_verified(w);
    json_decref(call_ok(w, "user add", "id", "ann", NULL)); /* someone else of that name */
    assert_int_equal(balance(w, "ann"), 0);
    assert_verified(w);
    world_close(w);
}

/* Whether the bytes stand anywhere in the files of a world.                                     */
static bool in_files(const char *path, const char *needle)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    bool found = false;
    for (size_t i = 0; i < 4; i++) {
        char name[600];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        FILE *f = fopen(name, "rb");
        if (!f)
            continue;
        fseek(f, 0, SEEK_END);
        size_t n = (size_t)ftell(f);
        rewind(f);
        char *bytes = malloc(n + 1);
        assert_non_null(bytes);
        n = fread(bytes, 1, n, f);
        found = found || memmem(bytes, n, needle, strlen(needle)) != NULL;
        free(bytes);
        fclose(f);
    }
    return found;
}

static void personal_text_is_never_in_the_file(void **unused)
{
    (void)unused;
    char *path = test_path("private.world");
    struct world *w = world_at(path);
    live(w, 0, 5);
    json_decref(call_ok(w, "user add", "id", "quetzalcoatl-7", "name", "Xochiquetzal", NULL));
    assert_false(in_files(path, "quetzalcoatl-7"));
    assert_false(in_files(path, "Xochiquetzal"));
    assert_false(in_files(path, "made of good steel"));
    uint8_t key[STORE_KEY_BYTES];
    bool found = false;
    struct heed_error err = {0};
    uint32_t party = world_find_user(w, STR("quetzalcoatl-7"));
    assert_int_equal(w->store->ops->key(w->store, party, key, &found, &err), HEED_OK);
    assert_true(found);
    char needle[9] = {0};
    memcpy(needle, key, 8);
    bool whole = strlen(needle) == 8; /* a key with a zero early on cannot be searched as text */
    if (whole)
        assert_true(in_files(path, needle));
    json_decref(call_ok(w, "user erase", "user", "quetzalcoatl-7", NULL));
    if (whole)
        assert_false(in_files(path, needle));
    assert_verified(w);
    world_close(w);
    w = world_at(path);
    assert_int_equal(world_find_user(w, STR("quetzalcoatl-7")), HANDLE_NONE);
    assert_int_equal(world_find_user(w, STR("u3")), 6);
    assert_verified(w);
    world_close(w);
    unlink(path);
    free(path);
}

/* Nine years later only proportions are left of what people liked: a feed lives on them.         */
static void tastes_outlive_a_long_silence(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    static const char *const people[] = {"ann", "bob", "cyd", "dan"};
    static const char *const contents[] = {"a", "b", "c", "d"};
    static const char *const likes[][2] = {{"ann", "content:c"}, {"ann", "content:d"},
                                           {"bob", "content:c"}, {"bob", "content:d"},
                                           {"cyd", "content:a"}, {"dan", "content:c"}};
    for (size_t i = 0; i < 4; i++)
        json_decref(call_ok(w, "user add", "id", people[i], NULL));
    for (size_t i = 0; i < 4; i++)
        json_decref(call_ok(w, "content add", "id", contents[i], "creator", "zoe", NULL));
    for (size_t i = 0; i < 6; i++)
        json_decref(call_ok(w, "event add", "user", likes[i][0], "verb", "like", "target",
                            likes[i][1], NULL));
    for (int later = 0; later < 2; later++) {
        json_t *feed =
            call_ok(w, "feed show", "user", "dan", "algorithm", "relevance", "k", "1", NULL);
        const json_t *slot = json_array_get(json_object_get(feed, "slots"), 0);
        assert_string_equal(json_string_value(json_object_get(slot, "target")), "content:d");
        assert_true(json_number_value(json_object_get(slot, "score")) > 0.5);
        json_decref(feed);
        json_decref(call_ok(w, "event add", "user", "cyd", "verb", "like", "target", "content:b",
                            "time", "2035-01-01", NULL));
    }
    world_close(w);
}

static void a_served_feed_explains_its_slots(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    fill_small(w);
    struct sha256 before = hash_of(w);
    json_decref(call_ok(w, "feed show", "user", "bob", NULL));
    assert_true(sha256_eq(before, hash_of(w)));
    json_t *served = call_ok(w, "feed serve", "user", "bob", "surface", "home", NULL);
    json_t *slot = json_array_get(json_object_get(served, "slots"), 0);
    assert_string_equal("content:post1", json_string_value(json_object_get(slot, "target")));
    json_t *why = call_ok(w, "feed explain", "user", "bob", "target", "content:post1", NULL);
    assert_true(json_equal(json_object_get(why, "reasons"), json_object_get(slot, "reasons")));
    double sum = 0;
    size_t i;
    json_t *reason;
    json_array_foreach(json_object_get(slot, "reasons"), i, reason) sum +=
        json_real_value(json_object_get(reason, "value")) *
        json_real_value(json_object_get(reason, "weight"));
    assert_true(sum - json_real_value(json_object_get(slot, "score")) < 1e-5);
    assert_true(json_real_value(json_object_get(slot, "score")) - sum < 1e-5);
    json_decref(why);
    json_decref(served);
    json_t *shown = call_ok(w, "behaviour show", "target", "content:post1", NULL);
    assert_int_equal(int_at(shown, "impressions"), 1);
    json_decref(shown);
    /* moderation takes it out at once */
    json_decref(call_ok(w, "rating add", "user", "cyd", "target", "content:post1", "score", "1",
                        "kind", "moderation", NULL));
    served = call_ok(w, "feed show", "user", "bob", NULL);
    assert_int_equal(json_array_size(json_object_get(served, "slots")), 0);
    json_decref(served);
    assert_verified(w);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_purchase_moves_money_stock_and_attention),
        cmocka_unit_test(own_content_is_no_company_for_what_else_one_likes),
        cmocka_unit_test(an_epoch_shows_nobody_his_own_content),
        cmocka_unit_test(nobody_gains_by_attending_to_his_own),
        cmocka_unit_test(who_acts_for_nothing_gets_a_feed_and_no_money),
        cmocka_unit_test(a_logged_purchase_moves_no_money),
        cmocka_unit_test(every_refusal_that_admission_makes),
        cmocka_unit_test(arguments_out_of_bounds_are_usage_errors),
        cmocka_unit_test(an_id_may_have_its_kind_before_it),
        cmocka_unit_test(a_member_may_act_for_himself_only),
        cmocka_unit_test(the_same_id_moves_money_once),
        cmocka_unit_test(settling_pays_the_pool_and_explains_itself),
        cmocka_unit_test(settling_several_epochs_says_the_totals),
        cmocka_unit_test(the_same_commands_give_the_same_world_anywhere),
        cmocka_unit_test(a_damaged_snapshot_falls_back_and_says_so),
        cmocka_unit_test(erasing_a_person_leaves_totals_and_nothing_else),
        cmocka_unit_test(personal_text_is_never_in_the_file),
        cmocka_unit_test(tastes_outlive_a_long_silence),
        cmocka_unit_test(a_served_feed_explains_its_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
