/* Decisions about a person in a world, and the reports on what he made. */
#include "support_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OK(...) json_decref(call_ok(w, __VA_ARGS__, NULL))

/* ann made c1, c2 and c3, bob cx; mod and mod2 decide; eve, fay and gus report.                  */
static void fill(struct world *w)
{
    static const char *const members[] = {"ann", "bob", "eve", "fay", "gus"};
    for (size_t i = 0; i < 5; i++)
        OK("user add", "id", members[i]);
    OK("user add", "id", "mod", "role", "moderator");
    OK("user add", "id", "mod2", "role", "moderator");
    OK("content add", "id", "c1", "creator", "ann");
    OK("content add", "id", "c2", "creator", "ann");
    OK("content add", "id", "c3", "creator", "ann");
    OK("content add", "id", "cx", "creator", "bob");
}

static void report(struct world *w, const char *user, const char *target)
{
    OK("event add", "user", user, "verb", "report", "target", target);
}

static int64_t record_of(struct world *w, const char *user, const char *what)
{
    json_t *history = call_ok(w, "quality history", "target", user, NULL);
    int64_t n = json_integer_value(json_object_get(json_object_get(history, "reports_made"), what));
    json_decref(history);
    return n;
}

static size_t waiting(struct world *w)
{
    json_t *reply = call_ok(w, "quality queue", NULL);
    size_t n = json_array_size(json_object_get(reply, "queue"));
    json_decref(reply);
    return n;
}

/* What is hidden with its maker is reported to nobody: the decision about him settles it.        */
static void a_maker_removed_settles_the_reports_on_his_works(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    json_t *reply;
    fill(w);
    report(w, "eve", "content:c1");
    report(w, "eve", "content:c2");
    report(w, "fay", "content:c2");
    report(w, "fay", "content:cx"); /* bob's */
    report(w, "fay", "user:ann");
    assert_int_equal(waiting(w), 4);
    assert_int_equal(call_as(w, "mod", T0 + 1000, &reply, "quality decide", "target", "user:ann",
                             "decision", "remove", "reason", "sells stolen goods", NULL),
                     HEED_OK);
    assert_int_equal(int_at(reply, "reports"), 4);
    assert_int_equal(int_at(reply, "reopened"), 0);
    json_decref(reply);
    assert_int_equal(waiting(w), 1);
    assert_int_equal(record_of(w, "user:eve", "upheld"), 2);
    assert_int_equal(record_of(w, "user:fay", "upheld"), 2);
    assert_int_equal(record_of(w, "user:fay", "open"), 1);
    assert_int_equal(call_as(w, NULL, T0 + 2000, NULL, "event add", "user", "gus", "verb", "report",
                             "target", "content:c3", NULL),
                     HEED_OK); /* of what nobody sees */
    assert_int_equal(record_of(w, "user:gus", "open"), 0);
    assert_int_equal(record_of(w, "user:gus", "upheld"), 0);
    assert_verified(w);
    world_close(restored_from(w));
    assert_int_equal(call_as(w, "mod2", T0 + 3000, &reply, "quality decide", "target", "user:ann",
                             "decision", "allow", "reason", "they were hers", NULL),
                     HEED_OK);
    assert_int_equal(int_at(reply, "reports"), 0);
    assert_int_equal(int_at(reply, "reopened"), 4); /* c1, c2 twice, c3 */
    json_decref(reply);
    assert_int_equal(waiting(w), 4);
    assert_int_equal(record_of(w, "user:eve", "open"), 2);
    assert_int_equal(record_of(w, "user:fay", "rejected"), 1); /* of ann herself */
    assert_int_equal(record_of(w, "user:gus", "open"), 1);
    assert_verified(w);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_maker_removed_settles_the_reports_on_his_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
