/* YAML trees: what stands where, and what is refused at which line. */
#include "base/yaml.h"
#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct yaml *opened(const char *text)
{
    struct yaml *y;
    struct heed_error err = {0};
    if (yaml_open(str_of(text), "f.yaml", &y, &err) != HEED_OK)
        fail_msg("%s\n%s: %s", text, err.where, err.message);
    return y;
}

static void assert_text(const struct yaml *y, int node, const char *text)
{
    struct str s = yaml_text(y, node);
    if (!str_is(s, text))
        fail_msg("expected '%s', got '%.*s'", text, STR_ARG(s));
}

static void a_tree_is_read_as_it_is_written(void **state)
{
    (void)state;
    struct yaml *y = opened("# a remark\n"
                            "name: Ann\n"
                            "list: [1, \"two\\n\", {three: 3}]\n"
                            "deep:\n"
                            "  more:\n"
                            "    - |\n"
                            "      kept\n"
                            "      lines\n"
                            "    - >-\n"
                            "      folded\n"
                            "      lines\n"
                            "nothing:\n"
                            "'quoted key': ~\n");
    int root = yaml_root(y);
    assert_int_equal(yaml_kind(y, root), YAML_MAP);
    assert_int_equal(yaml_count(y, root), 5);
    assert_true(str_is(yaml_key(y, root, 0), "name"));
    assert_text(y, yaml_value(y, root, 0), "Ann");
    int list = yaml_get(y, root, "list");
    assert_int_equal(yaml_kind(y, list), YAML_LIST);
    assert_int_equal(yaml_count(y, list), 3);
    assert_text(y, yaml_item(y, list, 0), "1");
    assert_text(y, yaml_item(y, list, 1), "two\n");
    assert_text(y, yaml_get(y, yaml_item(y, list, 2), "three"), "3");
    int more = yaml_get(y, yaml_get(y, root, "deep"), "more");
    assert_text(y, yaml_item(y, more, 0), "kept\nlines\n");
    assert_text(y, yaml_item(y, more, 1), "folded lines");
    assert_int_equal(yaml_line(y, yaml_item(y, more, 1)), 9);
    assert_int_equal(yaml_kind(y, yaml_get(y, root, "nothing")), YAML_SCALAR);
    assert_text(y, yaml_get(y, root, "nothing"), "");
    assert_text(y, yaml_get(y, root, "quoted key"), "~");
    yaml_close(y);
}

static void what_is_not_there_is_nothing(void **state)
{
    (void)state;
    struct yaml *y = opened("a: [1]\n");
    int root = yaml_root(y), list = yaml_get(y, root, "a");
    static const int nodes[] = {0, -1, 1000};
    for (size_t i = 0; i < COUNT(nodes); i++) {
        assert_int_equal(yaml_kind(y, nodes[i]), YAML_NONE);
        assert_int_equal(yaml_count(y, nodes[i]), 0);
        assert_int_equal(yaml_text(y, nodes[i]).n, 0);
        assert_int_equal(yaml_get(y, nodes[i], "a"), 0);
        assert_int_equal(yaml_item(y, nodes[i], 0), 0);
        assert_int_equal(yaml_line(y, nodes[i]), 1);
    }
    assert_int_equal(yaml_get(y, root, "b"), 0);
    assert_int_equal(yaml_get(y, list, "a"), 0);
    assert_int_equal(yaml_item(y, list, 1), 0);
    assert_int_equal(yaml_item(y, root, 0), 0);
    assert_int_equal(yaml_value(y, root, 1), 0);
    assert_int_equal(yaml_value(y, list, 0), 0);
    assert_int_equal(yaml_key(y, root, 1).n, 0);
    assert_int_equal(yaml_text(y, list).n, 0);
    yaml_close(y);
    yaml_close(NULL);
}

static void a_document_of_nothing_has_no_root(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n", "# remark", "\xef\xbb\xbf"};
    for (size_t i = 0; i < COUNT(empty); i++) {
        struct yaml *y = opened(empty[i]);
        assert_int_equal(yaml_root(y), 0);
        yaml_close(y);
    }
}

static void an_error_names_file_line_and_key(void **state)
{
    (void)state;
    struct yaml *y = opened("a:\n"
                            "  b:\n"
                            "    - x\n"
                            "    - y\n"
                            "    - c: 1\n"
                            "      d: [[e]]\n");
    int b = yaml_get(y, yaml_get(y, yaml_root(y), "a"), "b");
    int third = yaml_item(y, b, 2);
    int e = yaml_item(y, yaml_item(y, yaml_get(y, third, "d"), 0), 0);
    const struct {
        int node;
        const char *where;
    } rows[] = {
        {yaml_root(y), "f.yaml: line 1"},
        {b, "f.yaml: line 2, key a.b"},
        {yaml_item(y, b, 1), "f.yaml: line 4, key a.b[1]"},
        {yaml_get(y, third, "c"), "f.yaml: line 5, key a.b[2].c"},
        {e, "f.yaml: line 6, key a.b[2].d[0][0]"},
        {0, "f.yaml: line 1"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heed_error err = {0};
        assert_int_equal(yaml_error(y, rows[i].node, &err, "it is %d", 7), HEED_INPUT);
        assert_string_equal(err.where, rows[i].where);
        assert_string_equal(err.message, "it is 7");
    }
    yaml_close(y);
}

static void a_key_of_any_length_fits_an_error(void **state)
{
    (void)state;
    char text[3000];
    int n = 0;
    for (int depth = 0; depth < YAML_DEPTH_MAX - 2; depth++) {
        text[n++] = '{';
        for (int i = 0; i < 50; i++)
            n += snprintf(text + n, sizeof text - (size_t)n, "\u00e9");
        n += snprintf(text + n, sizeof text - (size_t)n, ": ");
    }
    text[n++] = '1';
    for (int depth = 0; depth < YAML_DEPTH_MAX - 2; depth++)
        text[n++] = '}';
    text[n] = 0;
    struct yaml *y = opened(text);
    int node = yaml_root(y);
    while (yaml_kind(y, node) == YAML_MAP)
        node = yaml_value(y, node, 0);
    struct heed_error err = {0};
    assert_int_equal(yaml_error(y, node, &err, "no"), HEED_INPUT);
    assert_true(strncmp(err.where, "f.yaml: line 1, key \u00e9", 22) == 0);
    yaml_close(y);
}

static void bad_documents_are_refused_at_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where, *says;
    } rows[] = {
        {"a: 1\nb: [1\n", "f.yaml: line 3", "not YAML"},
        {"a: \"x\n", "f.yaml: line 2", "not YAML"},
        {"a: 1\n  b: 2\n", "f.yaml: line 2", "not YAML"},
        {"a:\n\t- b\n", "f.yaml: line 2", "not YAML"},
        {"a: 1\n]\n", "f.yaml: line 2", "not YAML"},
        {"a: !x!y z\n", "f.yaml: line 1", "not YAML"},
        {"%YAML 3.0\n---\na: 1\n", "f.yaml: line 1", "not YAML"},
        {"a: 1\n---\nb: 2\n", "f.yaml: line 2", "more than one document"},
        {"a: 1\n...\n---\n", "f.yaml: line 3", "more than one document"},
        {"a: 1\n---\n[\n", "f.yaml: line 2", "more than one document"},
        {"a: &x 1\n", "f.yaml: line 1", "anchors"},
        {"a: 1\nb: *x\n", "f.yaml: line 2", "anchors"},
        {"&x [*x]\n", "f.yaml: line 1", "anchors"},
        {"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", "f.yaml: line 1",
         "anchors"},
        {"a:\n  <<: {b: 1}\n  <<: {c: 2}\n", "f.yaml: line 3, key a.<<", "'<<' is given twice"},
        {"a: 1\nb: 2\na: 3\n", "f.yaml: line 3, key a", "'a' is given twice"},
        {"a: 1\n\"a\": 3\n", "f.yaml: line 2, key a", "'a' is given twice"},
        {"x:\n  - {k: 1}\n  - {k: 1, k: 2}\n", "f.yaml: line 3, key x[1].k", "given twice"},
        {"a: 1\n? [b]\n: 2\n", "f.yaml: line 1", "plain text"},
        {"\n\na: \xff\n", "f.yaml: line 3", "not UTF-8"},
        {"a: \xed\xa0\x80\n", "f.yaml: line 1", "not UTF-8"},
        {"a: 1\nb: \x01\n", "f.yaml: line 2", "not YAML"},
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "f.yaml: line 1", "nested too deep"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct yaml *y = (struct yaml *)(uintptr_t)1;
        struct heed_error err = {0};
        enum heed_status status = yaml_open(str_of(rows[i].text), "f.yaml", &y, &err);
        if (status != HEED_INPUT || y || strcmp(err.where, rows[i].where) != 0 ||
            !strstr(err.message, rows[i].says))
            fail_msg("row %zu: status %d, %s: %s\nexpected %s: … %s", i, (int)status, err.where,
                     err.message, rows[i].where, rows[i].says);
    }
}

/* A document of `n` of `each` between `open` and `close`.                                        */
static enum heed_status open_many(const char *open, const char *each, size_t n, const char *close)
{
    struct strbuf b;
    struct yaml *y;
    struct heed_error err = {0};
    strbuf_init(&b, SIZE_MAX / 2);
    strbuf_puts(&b, open);
    for (size_t i = 0; i < n; i++)
        strbuf_printf(&b, each, i);
    strbuf_puts(&b, close);
    assert_false(b.failed);
    enum heed_status status = yaml_open((struct str){b.p, b.n}, "f.yaml", &y, &err);
    yaml_close(y);
    strbuf_deinit(&b);
    return status;
}

static void bounds_are_where_they_are_stated(void **state)
{
    (void)state;
    assert_int_equal(open_many("{", "k%zu: 1,", YAML_KEYS_MAX, "}"), HEED_OK);
    assert_int_equal(open_many("{", "k%zu: 1,", YAML_KEYS_MAX + 1, "}"), HEED_INPUT);
    assert_int_equal(open_many("[", "%zu,", 100000, "]"), HEED_OK); /* lists may be long */
    char *long_text = malloc(YAML_BYTES_MAX + 1);
    assert_non_null(long_text);
    memset(long_text, 'a', YAML_BYTES_MAX + 1);
    for (size_t n = YAML_BYTES_MAX; n <= YAML_BYTES_MAX + 1; n++) {
        struct yaml *y;
        struct heed_error err = {0};
        enum heed_status expected = n == YAML_BYTES_MAX ? HEED_OK : HEED_INPUT;
        assert_int_equal(yaml_open((struct str){long_text, n}, "f.yaml", &y, &err), expected);
        yaml_close(y);
    }
    free(long_text);
    char deep[2 * YAML_DEPTH_MAX + 4];
    for (int extra = -1; extra <= 1; extra++) {
        int n = YAML_DEPTH_MAX + extra;
        memset(deep, '[', (size_t)n);
        memset(deep + n, ']', (size_t)n);
        deep[2 * n] = 0;
        struct yaml *y;
        struct heed_error err = {0};
        enum heed_status expected = extra <= 0 ? HEED_OK : HEED_INPUT;
        if (yaml_open(str_of(deep), "f.yaml", &y, &err) != expected)
            fail_msg("depth %d: %s", n, err.message);
        yaml_close(y);
    }
}

/* libyaml's own allocations are not counted: they are made inside a shared library.              */
static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct yaml *y;
        struct heed_error err = {0};
        fault_fail_at(n);
        enum heed_status status = yaml_open(STR("a: {b: [1, 2], c: 3}\n"), "f.yaml", &y, &err);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        assert_int_equal(err.status, status);
        assert_true((y == NULL) == (status != HEED_OK));
        yaml_close(y);
        if (!fault_fired()) {
            assert_true(n > 3);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_is_read_as_it_is_written),
        cmocka_unit_test(what_is_not_there_is_nothing),
        cmocka_unit_test(a_document_of_nothing_has_no_root),
        cmocka_unit_test(an_error_names_file_line_and_key),
        cmocka_unit_test(a_key_of_any_length_fits_an_error),
        cmocka_unit_test(bad_documents_are_refused_at_their_line),
        cmocka_unit_test(bounds_are_where_they_are_stated),
        cmocka_unit_test_teardown(memory_that_runs_out_is_said, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
