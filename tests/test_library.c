/* The files around a world through heed.h: import, export, report, verify, rules. */
#include "heed.h"

#include "support_world.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOON INT64_C(1767268800000) /* 2026-01-01T12:00:00Z */

static const struct heed_context owner = {.time_ms = NOON + INT64_C(86400000) * 30};
static const char *path_of(const char *name, char buffer[128])
{
    snprintf(buffer, 128, "%s/%s", test_dir(), name);
    return buffer;
}

static void put(const char *name, const char *text)
{
    char path[128];
    FILE *f = fopen(path_of(name, path), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct heed_world *world(const char *name)
{
    char path[128];
    struct heed_world *w = NULL;
    struct heed_error err;
    const struct heed_options options = {.create = 1};
    if (heed_open(path_of(name, path), &options, &w, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return w;
}

/* The document, or NULL; takes text.                                                            */
static json_t *document(char *text)
{
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    assert_true(!text == !json);
    heed_free(text);
    return json;
}

static int64_t number(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

static void make_folder(void)
{
    char sub[128];
    mkdir(path_of("in", sub), 0777);
    put("in/users.csv", "id,name\nann,Ann\nbob,Bob\n");
    put("in/contents.csv", "id,creator,title\np1,ann,Night market\np2,ann,Lanterns\n");
    put("in/events.csv", "time,user,verb,target,amount\n"
                         "2026-01-01T12:00:00Z,bob,dwell,content:p1,30\n"
                         "2026-01-01T12:01:00Z,zed,like,content:p1,1\n"
                         "2026-01-01T12:02:00Z,bob,hum,content:p2,1\n");
}

static json_t *read_in(struct heed_world *w, const struct heed_import *import,
                       enum heed_status expected)
{
    char *reply;
    struct heed_error err = {0};
    enum heed_status status = heed_import(w, &owner, import, &reply, &err);
    if (status != expected)
        fail_msg("%s: status %d: %s: %s", import->path, (int)status, err.where, err.message);
    return document(reply);
}

static json_t *ask(struct heed_world *w, const char *name, const char *arg, const char *value)
{
    char *reply;
    struct heed_error err;
    const struct heed_arg args[] = {{arg, value}};
    if (heed_call(w, name, &owner, args, arg ? 1 : 0, &reply, &err) != HEED_OK)
        fail_msg("%s: %s: %s", name, err.where, err.message);
    return document(reply);
}

static void a_folder_is_read_and_a_copy_of_the_world_is_the_same(void **state)
{
    (void)state;
    char in[128], rejects[128], out[128], again[128];
    make_folder();
    struct heed_world *w = world("a.world");
    struct heed_import import = {.path = path_of("in", in),
                                 .rejects = path_of("rejects.csv", rejects)};
    json_t *reply = read_in(w, &import, HEED_OK);
    assert_int_equal(number(reply, "rows"), 7);
    assert_int_equal(number(reply, "applied"), 5);
    assert_int_equal(number(reply, "refused"), 1);  /* zed is nobody */
    assert_int_equal(number(reply, "rejected"), 1); /* hum is no verb */
    json_decref(reply);
    reply = read_in(w, &import, HEED_OK); /* once is enough */
    assert_int_equal(number(reply, "applied"), 0);
    json_decref(reply);
    assert_int_equal(access(rejects, R_OK), 0);

    char *text;
    struct heed_error err;
    assert_int_equal(heed_export(w, &owner, path_of("out", out), 0, &text, &err), HEED_OK);
    json_decref(document(text));
    assert_int_equal(heed_export(w, &owner, out, 0, &text, &err), HEED_USAGE); /* not empty */
    assert_null(text);
    assert_int_equal(heed_export(w, &owner, out, 1, &text, &err), HEED_OK);
    json_decref(document(text));

    struct heed_world *copy = world("b.world");
    import = (struct heed_import){.path = path_of("out", again), .strict = 1};
    json_decref(read_in(copy, &import, HEED_OK));
    static const char *const asked[] = {"content:p1", "content:p2", "user:bob"};
    for (size_t i = 0; i < 3; i++) {
        json_t *one = ask(w, "behaviour show", "target", asked[i]);
        json_t *two = ask(copy, "behaviour show", "target", asked[i]);
        assert_true(json_equal(one, two));
        json_decref(one);
        json_decref(two);
    }
    heed_close(copy);
    heed_close(w);
}

static void one_file_and_a_mapping_are_read(void **state)
{
    (void)state;
    char path[128];
    struct heed_world *w = world("c.world");
    make_folder();
    json_t *reply = read_in(
        w, &(struct heed_import){.what = "users", .path = path_of("in/users.csv", path)}, HEED_OK);
    assert_int_equal(number(reply, "applied"), 2);
    json_decref(reply);
    put("their.csv", "Login\ncyd\ndan\n");
    put("map.yaml",
        "files:\n  - path: their.csv\n    kind: users\n    columns:\n      id: {column: Login}\n");
    reply = read_in(w, &(struct heed_import){.what = "map", .path = path_of("map.yaml", path)},
                    HEED_OK);
    assert_int_equal(number(reply, "applied"), 2);
    json_decref(reply);
    heed_close(w);
}

static void what_cannot_be_read_is_told_and_changes_nothing(void **state)
{
    (void)state;
    char path[128];
    struct heed_world *w = world("d.world");
    json_t *before = ask(w, "status", NULL, NULL);
    const struct heed_import rows[] = {
        {.what = "users", .path = path_of("none.csv", path)},
        {.what = "people", .path = "x.csv"},
        {.path = "/nonexistent/folder"},
        {.what = "map", .path = "/nonexistent/map.yaml"},
    };
    static const enum heed_status expected[] = {HEED_INPUT, HEED_USAGE, HEED_INPUT, HEED_INPUT};
    for (size_t i = 0; i < 4; i++) {
        char *reply;
        struct heed_error err = {0};
        enum heed_status status = heed_import(w, &owner, &rows[i], &reply, &err);
        if (status != expected[i] && !(expected[i] == HEED_INPUT && status == HEED_STORAGE))
            fail_msg("row %zu: status %d: %s: %s", i, (int)status, err.where, err.message);
        assert_true(err.message[0]);
        json_decref(document(reply));
    }
    json_t *after = ask(w, "status", NULL, NULL);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    heed_close(w);
}

static void only_those_whom_the_table_lets_use_a_tool(void **state)
{
    (void)state;
    char path[128], *reply;
    struct heed_error err;
    struct heed_world *w = world("e.world");
    make_folder();
    json_decref(read_in(
        w, &(struct heed_import){.what = "users", .path = path_of("in/users.csv", path)}, HEED_OK));
    static const struct {
        const char *actor, *code;
    } rows[] = {{"bob", "forbidden"}, {"zed", "unknown_user"}};
    for (size_t i = 0; i < 2; i++) {
        const struct heed_context context = {owner.time_ms, rows[i].actor};
        const struct heed_import import = {.what = "contents", .path = "x.csv"};
        for (int tool = 0; tool < 3; tool++) {
            enum heed_status status =
                tool == 0   ? heed_import(w, &context, &import, &reply, &err)
                : tool == 1 ? heed_export(w, &context, "/nonexistent", 0, &reply, &err)
                            : heed_report(w, &context, "/nonexistent/r.html", "en", &reply, &err);
            assert_int_equal(status, HEED_REFUSED);
            json_t *said = document(reply);
            assert_string_equal(
                json_string_value(json_object_get(json_object_get(said, "refused"), "code")),
                rows[i].code);
            json_decref(said);
        }
    }
    heed_close(w);
}

static bool holds_text(const char *path, const char *wanted)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = calloc(1, 1 << 22);
    size_t n = fread(text, 1, (1 << 22) - 1, f);
    fclose(f);
    text[n] = 0;
    bool found = strstr(text, wanted) != NULL;
    free(text);
    return found;
}

static void a_report_is_written_in_either_language(void **state)
{
    (void)state;
    char in[128], path[128], *reply;
    struct heed_error err;
    struct heed_world *w = world("f.world");
    make_folder();
    json_decref(read_in(w, &(struct heed_import){.path = path_of("in", in)}, HEED_OK));
    path_of("report.html", path);
    assert_int_equal(heed_report(w, &owner, path, "en", &reply, &err), HEED_OK);
    json_decref(document(reply));
    assert_true(holds_text(path, "<html lang=\"en\""));
    assert_int_equal(heed_report(w, &owner, path, "zh", &reply, &err), HEED_OK);
    json_decref(document(reply));
    assert_true(holds_text(path, "<html lang=\"zh"));
    assert_int_equal(heed_report(w, &owner, path, "fr", &reply, &err), HEED_USAGE);
    assert_null(reply);
    assert_int_equal(heed_report(w, &owner, test_dir(), "en", &reply, &err), HEED_USAGE);
    assert_int_equal(heed_report(w, &owner, "/nonexistent/r.html", "en", &reply, &err),
                     HEED_STORAGE);
    heed_close(w);
}

static void a_world_that_was_changed_does_not_hold(void **state)
{
    (void)state;
    char path[128], *reply;
    struct heed_error err;
    struct heed_world *w = world("g.world");
    json_t *status = ask(w, "status", NULL, NULL);
    heed_close(w);
    path_of("g.world", path);
    assert_int_equal(heed_verify(path, &reply, &err), HEED_OK);
    json_t *said = document(reply);
    assert_true(json_is_true(json_object_get(said, "ok")));
    assert_true(
        json_equal(json_object_get(said, "world_hash"), json_object_get(status, "world_hash")));
    json_decref(said);
    json_decref(status);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 8192 + 3, SEEK_SET), 0);
    assert_true(fputs("heed", f) >= 0);
    fclose(f);
    assert_int_equal(heed_verify(path, &reply, &err), HEED_INPUT);
    said = document(reply);
    assert_true(json_is_false(json_object_get(said, "ok")));
    assert_true(json_array_size(json_object_get(said, "problems")) > 0);
    json_decref(said);
    assert_int_not_equal(heed_verify("/nonexistent/w", &reply, &err), HEED_OK);
    assert_null(reply);
}

static void rules_are_checked_and_presets_given(void **state)
{
    (void)state;
    struct heed_error err;
    const char *rules = heed_rules_preset("default");
    assert_non_null(rules);
    assert_int_equal(heed_rules_check(rules, strlen(rules), &err), HEED_OK);
    assert_non_null(heed_rules_preset("plaza"));
    assert_null(heed_rules_preset("none"));
    assert_int_equal(heed_rules_check("shop: {fee: lots}\n", 18, &err), HEED_INPUT);
    assert_non_null(strstr(err.where, "shop.fee"));
}

static void null_pointers_are_usage_errors(void **state)
{
    (void)state;
    char *reply;
    struct heed_error err;
    struct heed_world *w = world("h.world");
    const struct heed_import nothing = {0};
    assert_int_equal(heed_import(NULL, &owner, &nothing, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_import(w, NULL, &nothing, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_import(w, &owner, NULL, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_import(w, &owner, &nothing, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_import(w, &owner, &nothing, NULL, &err), HEED_USAGE);
    assert_int_equal(heed_export(w, &owner, NULL, 0, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_report(w, &owner, NULL, "en", &reply, &err), HEED_USAGE);
    assert_int_equal(heed_report(w, &owner, "x", NULL, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_verify(NULL, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_verify("x", NULL, &err), HEED_USAGE);
    assert_int_equal(heed_rules_check(NULL, 1, &err), HEED_USAGE);
    assert_null(heed_rules_preset(NULL));
    heed_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_read_and_a_copy_of_the_world_is_the_same),
        cmocka_unit_test(one_file_and_a_mapping_are_read),
        cmocka_unit_test(what_cannot_be_read_is_told_and_changes_nothing),
        cmocka_unit_test(only_those_whom_the_table_lets_use_a_tool),
        cmocka_unit_test(a_report_is_written_in_either_language),
        cmocka_unit_test(a_world_that_was_changed_does_not_hold),
        cmocka_unit_test(rules_are_checked_and_presets_given),
        cmocka_unit_test(null_pointers_are_usage_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
