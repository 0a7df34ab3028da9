/* The tools on files without a world through heed.h: the program's replies, what is asked wrongly,
 * memory that runs out. ctest: TIMEOUT 300 */
#include "heed.h"

#include "support_fault.h"
#include "support_import.h"
#include "support_world.h"

#include <fcntl.h>
#include <jansson.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARGS = 10 };

struct ask {
    const char *name;
    struct heed_arg args[ARGS]; /* up to a name that is NULL */
    enum heed_status expected;
};

static size_t count(const struct heed_arg *args)
{
    size_t n = 0;
    while (n < ARGS && args[n].name)
        n++;
    return n;
}

/* ── files, in the folder the test works in ── */

static void put(const char *name, struct strbuf *b)
{
    assert_false(b->failed);
    free(put_file(name, b->p, b->n));
    strbuf_deinit(b);
}

static void put_lines(const char *name, const char *text)
{
    free(put_text(name, text));
}

/* users x items acts, two of three pairs; a day an item. */
static void put_acts(const char *name, unsigned users, unsigned items)
{
    struct strbuf b;
    strbuf_init(&b, 1 << 20);
    strbuf_puts(&b, "time,user,verb,target,amount\n");
    for (unsigned u = 0; u < users; u++)
        for (unsigned i = 0; i < items; i++)
            if ((u + i * i) % 3)
                strbuf_printf(&b, "2026-01-%02u,u%u,dwell,i%u,%u\n", i + 1, u, i, u + i);
    put(name, &b);
}

static void put_log(const char *name, unsigned rows)
{
    struct strbuf b;
    strbuf_init(&b, 1 << 20);
    strbuf_puts(&b, "action,position,propensity,reward,x_a\n");
    for (unsigned i = 0; i < rows; i++)
        strbuf_printf(&b, "%u,%u,.25,%u,%u\n", i % 4, 1 + i % 3, i % 7 == 0, i % 5);
    put(name, &b);
}

static int make_files(void **state)
{
    (void)state;
    struct strbuf b;
    if (chdir(test_dir()) != 0)
        return -1;
    put_acts("events.csv", 30, 12);
    put_acts("few.csv", 6, 9);
    put_lines("items.csv", "id,name\ni1,one two\ni2,\"two, too\"\ni3,one two three\n");
    put_lines("others.csv", "id,name\nelsewhere,x\n");
    put_lines("orders.jsonl",
              "{\"op\":\"limit\",\"id\":\"1\",\"account\":\"a\",\"side\":\"buy\",\"price\":9,"
              "\"size\":2}\n"
              "{\"op\":\"market\",\"id\":\"2\",\"account\":\"b\",\"side\":\"sell\",\"size\":1}\n");
    put_lines("labels.csv", "reviewer,target,label\nann,p1,no\nbob,p1,no\ncyd,p1,yes\n"
                            "ann,p2,yes\nbob,p2,yes\ncyd,p2,no\nann,\"p\xc3\xbc\",no\n");
    put_lines("apart.csv", "reviewer,target,label\nann,p1,no\nann,p2,yes\nbob,p3,no\nbob,p4,yes\n");
    strbuf_init(&b, 1 << 20);
    strbuf_puts(&b, "user,note,rating\n");
    for (unsigned u = 0; u < 8; u++)
        for (unsigned n = 0; n < 6; n++)
            if ((u * n + n) % 4)
                strbuf_printf(&b, "u%u,n%u,%u\n", u, n, (u + n) % 2);
    put("ratings.csv", &b);
    put_log("log.csv", 400);
    put_log("short.csv", 60);
    put_lines("policy.csv", "action,probability\n0,.7\n1,.1\n2,.1\n3,.1\n");
    put_lines("auction.json", "{\"kind\":\"vcg\",\"items\":[\"x\",\"y\"],\"bids\":["
                              "{\"bidder\":\"a\",\"price\":5,\"package\":[\"x\"]},"
                              "{\"bidder\":\"b\",\"price\":2,\"package\":[\"y\"]},"
                              "{\"bidder\":\"c\",\"price\":6,\"package\":[\"x\",\"y\"]}]}");
    put_lines("huge.json", "{\"kind\":\"uniform\",\"units\":2,\"bids\":["
                           "{\"bidder\":\"a\",\"price\":9223372036854775807,\"units\":1},"
                           "{\"bidder\":\"b\",\"price\":1,\"units\":1}]}");
    put_lines("bids.csv", "auctionid,bid,bidtime,bidder,price\n"
                          "1,10,0.5,a,5.50\n1,5,.6,b,5.50\n2,7,.1,a,9\n");
    put_lines("map.yaml",
              "log: {columns: {action: {column: action}, propensity: {column: propensity}, "
              "reward: {column: reward}}}\n");
    put_lines(
        "market.yaml", /* with something to warn of */
        "market:\n"
        "  prices: [{name: least, floor: 2, class: x}, {name: most, ceiling: 3}]\n"
        "  limits: [{name: few, units: 5}]\n"
        "  charges: [{name: tax, from: seller, to: sink, bands: [{to: 1, rate: 0.1}, {from: 1.20,\n"
        "    rate: 0.2}]}]\n"
        "  holds: [{name: wait, for: 1 d}]\n");
    put_lines("trades.csv", "on,class,price,quantity\nshop,,1.50,2\nexchange,x,1,1\n");
    return 0;
}

static char *bytes_of(const char *path)
{
    size_t n;
    return get_file(path, &n);
}

/* ── the program's reply and the library's ── */

/* stdout of the program with --json; *code: its exit status. */
static char *programs(const struct ask *a, int *code)
{
    char words[2][32], options[ARGS][40];
    const char *argv[8 + 2 * ARGS] = {BUILD_DIR "/heed", "--json", "--quiet"};
    size_t n = 3;
    int status;
    const char *space = strchr(a->name, ' ');
    snprintf(words[0], sizeof words[0], "%.*s", (int)(space - a->name), a->name);
    snprintf(words[1], sizeof words[1], "%s", space + 1);
    argv[n++] = words[0];
    argv[n++] = words[1];
    for (size_t i = 0; i < count(a->args); i++) {
        snprintf(options[i], sizeof options[i], "--%s", a->args[i].name);
        if (strcmp(a->args[i].name, "file") != 0)
            argv[n++] = options[i];
        argv[n++] = a->args[i].value;
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int out = open("stdout", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        int none = open("/dev/null", O_WRONLY);
        if (out < 0 || none < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(none, STDERR_FILENO) < 0)
            _exit(99);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return bytes_of("stdout");
}

static enum heed_status ask(const struct ask *a, char **reply, struct heed_error *err)
{
    return heed_tool(a->name, a->args, count(a->args), reply, err);
}

static char *libraries(const struct ask *a)
{
    struct heed_error err;
    char *reply;
    enum heed_status status = ask(a, &reply, &err);
    if (status != a->expected)
        fail_msg("%s: status %d: %s: %s", a->name, (int)status, err.where, err.message);
    assert_non_null(reply);
    return reply;
}

static bool is_time(const char *key)
{
    return strcmp(key, "seconds") == 0 || strcmp(key, "train_s") == 0 ||
           strcmp(key, "users_per_s") == 0;
}

/* Sets to 0 what a clock has measured; false: something else than 0 stood there. */
static bool without_time(json_t *doc)
{
    const char *key;
    size_t i;
    json_t *value;
    bool none = true;
    json_object_foreach(doc, key, value)
    {
        if (is_time(key)) {
            none = none && json_real_value(value) == 0;
            json_real_set(value, 0);
        }
        none = without_time(value) && none;
    }
    json_array_foreach(doc, i, value) none = without_time(value) && none;
    return none;
}

static char *timeless(const char *text, bool *none)
{
    json_t *doc = json_loads(text, 0, NULL);
    assert_non_null(doc);
    *none = without_time(doc);
    char *again = json_dumps(doc, JSON_REAL_PRECISION(15));
    json_decref(doc);
    return again;
}

#define EVENTS                                                                                     \
    {                                                                                              \
        "events", "events.csv"                                                                     \
    }

static const struct ask asks[] = {
    {"quality agree", {{"file", "labels.csv"}}, HEED_OK},
    {"quality agree", {{"file", "labels.csv"}, {"model", "wawa"}}, HEED_OK},
    {"quality agree", {{"model", "majority"}, {"file", "apart.csv"}}, HEED_OK},
    {"quality bridge", {{"file", "ratings.csv"}}, HEED_OK},
    {"quality bridge", {{"file", "ratings.csv"}, {"seed", "7"}, {"min-of-user", "3"}}, HEED_OK},
    {"exchange replay", {{"file", "orders.jsonl"}}, HEED_OK},
    {"allocate eval",
     {EVENTS,
      {"algorithm", "random,popularity,knn,ease,ials,blend"},
      {"k", "3"},
      {"param", "ease.lambda=2"},
      {"param", "ials.factors=4"}},
     HEED_OK},
    {"allocate eval",
     {EVENTS, {"algorithm", "ease"}, {"k", "3"}, {"split", "time"}, {"items", "others.csv"}},
     HEED_OK},
    {"allocate batch", {EVENTS, {"algorithm", "ease"}, {"k", "3"}, {"floor", ".1"}}, HEED_OK},
    {"allocate batch",
     {EVENTS, {"algorithm", "knn"}, {"k", "3"}, {"fair", "users=-1,items=-1,lambda=.1"}},
     HEED_OK},
    {"allocate online",
     {EVENTS, {"algorithm", "ease"}, {"k", "3"}, {"floor", ".1"}, {"against", "20"}},
     HEED_OK},
    {"allocate ope", {{"log", "log.csv"}, {"policy", "uniform"}}, HEED_OK},
    {"allocate ope",
     {{"log", "log.csv"}, {"policy", "policy.csv"}, {"estimator", "ips,snips"}, {"seed", "3"}},
     HEED_OK},
    {"rules check", {{"file", "market.yaml"}}, HEED_OK},
    {"rules quote", {{"file", "market.yaml"}, {"price", "1.50"}, {"quantity", "3"}}, HEED_OK},
    {"rules quote", {{"file", "preset:osrs"}, {"price", "0"}}, HEED_REFUSED},
    {"auction clear", {{"file", "auction.json"}}, HEED_OK},
    {"auction replay", {{"file", "bids.csv"}}, HEED_OK},
    {"auction clear", {{"file", "huge.json"}}, HEED_REFUSED},
    {"allocate ope", {{"log", "short.csv"}, {"policy", "policy.csv"}}, HEED_REFUSED},
};

static void the_program_and_the_library_give_the_same_reply(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        int code;
        bool none;
        char *reply = libraries(&asks[i]), *printed = programs(&asks[i], &code);
        assert_int_equal(code, asks[i].expected);
        char *bare = timeless(reply, &none);
        if (!none)
            fail_msg("%s: the library has a clock: %s", asks[i].name, reply);
        assert_string_equal(bare, reply); /* nothing but numbers as they are printed */
        free(bare);
        bare = timeless(printed, &none);
        size_t n = strlen(printed);
        assert_true(n > 0 && printed[n - 1] == '\n');
        printed[n - 1] = '\0';
        assert_string_equal(none ? printed : bare, reply);
        free(bare);
        free(printed);
        heed_free(reply);
    }
}

static json_t *document(const struct ask *a)
{
    char *reply = libraries(a);
    json_t *doc = json_loads(reply, 0, NULL);
    assert_non_null(doc);
    heed_free(reply);
    return doc;
}

static void a_reply_says_what_it_is_asked(void **state)
{
    (void)state;
    json_t *doc = document(&asks[0]);
    json_t *of = json_object_get(json_object_get(doc, "targets"), "p\xc3\xbc");
    assert_string_equal(json_string_value(json_object_get(of, "label")), "no");
    json_decref(doc);
    doc = document(&asks[2]); /* two groups that share nothing */
    assert_int_equal(json_array_size(json_object_get(doc, "warnings")), 1);
    json_decref(doc);
    const struct ask played = {
        "exchange replay", {{"file", "orders.jsonl"}, {"events", "1"}}, HEED_OK};
    doc = document(&played); /* there is nobody to take them as they come */
    assert_int_equal(json_array_size(json_object_get(doc, "events")), 3);
    assert_int_equal(json_integer_value(json_object_get(doc, "trades")), 1);
    json_decref(doc);
    doc = document(&asks[sizeof asks / sizeof *asks - 1]);
    of = json_object_get(doc, "refused");
    assert_string_equal(json_string_value(json_object_get(of, "code")), "sample_too_small");
    assert_non_null(strstr(json_string_value(json_object_get(of, "message")), "effective sample"));
    json_decref(doc);
}

static void a_policy_is_written_as_the_program_writes_it(void **state)
{
    (void)state;
    struct ask a = {
        "allocate batch",
        {EVENTS, {"algorithm", "ease"}, {"k", "3"}, {"floor", ".2"}, {"out", "given.csv"}},
        HEED_OK};
    for (int online = 0; online < 2; online++) {
        int code;
        a.name = online ? "allocate online" : "allocate batch";
        heed_free(libraries(&a));
        char *one = bytes_of("given.csv");
        unlink("given.csv");
        free(programs(&a, &code));
        assert_int_equal(code, 0);
        char *two = bytes_of("given.csv");
        unlink("given.csv");
        assert_string_equal(one, two);
        assert_non_null(strstr(one, "user,item,exposure\nu0,i"));
        free(one);
        free(two);
    }
}

/* ── asked wrongly ── */

static const struct wrong {
    const char *name;
    struct heed_arg args[ARGS];
    enum heed_status status;
    const char *where, *message;
} wrongs[] = {
    {"quality",
     {{NULL, NULL}},
     HEED_USAGE,
     "quality",
     "no such tool on files; there are rules check, quality agree,"},
    {"",
     {{NULL, NULL}},
     HEED_USAGE,
     "",
     "allocate eval, allocate ope, allocate batch, allocate online, rules quote, rules diff, "
     "exchange replay, auction clear"},
    {"allocate evals", {{NULL, NULL}}, HEED_USAGE, "allocate evals", "there are"},
    {"import ", {{NULL, NULL}}, HEED_USAGE, "import", "no such tool on files"},
    {"allocate log", {{NULL, NULL}}, HEED_USAGE, "allocate log", "no such tool on files"},
    {"shop buy", {{NULL, NULL}}, HEED_USAGE, "shop buy", "it is of a world"},
    {"feed show", {{NULL, NULL}}, HEED_USAGE, "feed show", "heed_call"},
    {"quality agree", {{NULL, NULL}}, HEED_USAGE, "file", "missing; quality agree needs file"},
    {"allocate eval", {EVENTS}, HEED_USAGE, "algorithm", "needs events, algorithm"},
    {"quality agree",
     {{"file", "labels.csv"}, {"modell", "wawa"}},
     HEED_USAGE,
     "modell",
     "quality agree has no such argument; it has file, model"},
    {"quality agree", {{"--file", "labels.csv"}}, HEED_USAGE, "--file", "it has file, model"},
    {"quality agree", {{"", "labels.csv"}}, HEED_USAGE, "", "it has file, model"},
    {"quality agree",
     {{"file", "labels.csv"}, {"file", "apart.csv"}},
     HEED_USAGE,
     "file",
     "given twice"},
    {"quality agree", {{"file", NULL}}, HEED_USAGE, "file", "its value is NULL"},
    {"quality agree", {{"file", ""}}, HEED_USAGE, "file", "it is empty"},
    {"quality agree", {{"file", "labels.csv"}, {"model", "mean"}}, HEED_USAGE, "model", "'mean'"},
    {"quality agree", {{"file", "none.csv"}}, HEED_INPUT, "none.csv", ""},
    {"quality agree", {{"file", "items.csv"}}, HEED_INPUT, "items.csv", "'reviewer' is missing"},
    {"quality bridge", {{"file", "ratings.csv"}, {"seed", "first"}}, HEED_USAGE, "seed", "first"},
    {"quality bridge",
     {{"file", "ratings.csv"}, {"min-of-user", "0"}},
     HEED_USAGE,
     "min-of-user",
     ""},
    {"quality bridge",
     {{"file", "ratings.csv"}, {"min-of-note", "99"}},
     HEED_INPUT,
     "ratings.csv",
     ""},
    {"allocate eval", {EVENTS, {"algorithm", "ease"}, {"k", ""}}, HEED_USAGE, "k", ""},
    {"allocate eval", {EVENTS, {"algorithm", "best"}}, HEED_USAGE, "", "no 'best'"},
    {"allocate eval",
     {EVENTS, {"algorithm", "ease"}, {"param", "alpha=1"}},
     HEED_USAGE,
     "",
     "alpha"},
    {"allocate eval",
     {EVENTS, {"algorithm", "ease"}, {"split", "half"}},
     HEED_USAGE,
     "split",
     "half"},
    {"allocate eval", {EVENTS, {"algorithm", "ease"}, {"k", "13"}}, HEED_RANGE, "k", "12 items"},
    {"allocate batch", {EVENTS, {"algorithm", "ease,knn"}}, HEED_USAGE, "algorithm", "takes one"},
    {"allocate batch",
     {EVENTS, {"algorithm", "ease"}, {"floor", "much"}},
     HEED_USAGE,
     "floor",
     "not 'much'"},
    {"allocate batch",
     {EVENTS, {"algorithm", "ease"}, {"passes", "2"}},
     HEED_USAGE,
     "passes",
     "allocate batch has no such argument"},
    {"allocate batch",
     {EVENTS, {"algorithm", "ease"}, {"k", "3"}, {"floor", "9"}},
     HEED_RANGE,
     "floor",
     ""},
    {"allocate online", {EVENTS, {"algorithm", "ease"}, {"passes", "0"}}, HEED_USAGE, "passes", ""},
    {"allocate online", {EVENTS, {"algorithm", "ease"}, {"out", "."}}, HEED_USAGE, ".", "folder"},
    {"allocate online",
     {EVENTS, {"algorithm", "ease"}, {"out", "none/given.csv"}},
     HEED_STORAGE,
     "none/given.csv",
     "its folder must be there"},
    {"allocate ope", {{"log", "log.csv"}}, HEED_USAGE, "policy", "needs log, policy"},
    {"allocate ope",
     {{"log", "log.csv"}, {"policy", "nobody"}},
     HEED_USAGE,
     "policy",
     "nor uniform or logged, nor a policy"},
    {"allocate ope",
     {{"log", "log.csv"}, {"policy", "uniform"}, {"estimator", "ips,best"}},
     HEED_USAGE,
     "estimator",
     "'best'"},
    {"allocate ope", {{"log", "items.csv"}, {"policy", "uniform"}}, HEED_INPUT, "items.csv", ""},
    {"allocate ope",
     {{"log", "log.csv"}, {"policy", "uniform"}, {"map", "items.csv"}},
     HEED_INPUT,
     "items.csv",
     ""},
};

static void what_is_asked_wrongly_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        const struct wrong *x = &wrongs[i];
        struct heed_error err = {0};
        char *reply = (char *)&err;
        enum heed_status status = heed_tool(x->name, x->args, count(x->args), &reply, &err);
        if (status != x->status || err.status != status || reply || !strstr(err.where, x->where) ||
            !strstr(err.message, x->message) || !err.message[0])
            fail_msg("row %zu, %s: status %d: %s: %s", i, x->name, (int)status, err.where,
                     err.message);
        assert_int_equal(heed_tool(x->name, x->args, count(x->args), &reply, NULL), status);
    }
}

static void what_was_there_stays_after_an_error(void **state)
{
    (void)state;
    const struct ask a = {
        "allocate batch",
        {EVENTS, {"algorithm", "ease"}, {"k", "3"}, {"floor", "9"}, {"out", "kept.csv"}},
        HEED_RANGE};
    struct heed_error err;
    char *reply;
    put_lines("kept.csv", "kept\n");
    assert_int_equal(ask(&a, &reply, &err), HEED_RANGE);
    char *text = bytes_of("kept.csv");
    assert_string_equal(text, "kept\n");
    free(text);
    assert_int_not_equal(access("kept.csv.part", F_OK), 0);
}

static void null_pointers_are_usage_errors(void **state)
{
    (void)state;
    struct heed_error err;
    char *reply;
    const struct heed_arg nameless = {NULL, "labels.csv"};
    assert_int_equal(heed_tool(NULL, NULL, 0, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_tool("quality agree", NULL, 1, &reply, &err), HEED_USAGE);
    assert_int_equal(heed_tool("quality agree", NULL, 0, NULL, &err), HEED_USAGE);
    assert_int_equal(heed_tool("quality agree", NULL, 0, &reply, NULL), HEED_USAGE);
    assert_int_equal(heed_tool("quality agree", &nameless, 1, &reply, &err), HEED_USAGE);
    assert_string_equal(err.where, "args");
    assert_non_null(strstr(err.message, "one has no name; quality agree has file, model"));
}

static void numbers_have_a_point_wherever_the_caller_is(void **state)
{
    (void)state;
    static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    const struct ask *a = &asks[7]; /* its floor is .1 */
    char *plain = libraries(a);
    bool there = false;
    for (size_t i = 0; i < sizeof commas / sizeof *commas && !there; i++)
        there = setlocale(LC_ALL, commas[i]) != NULL;
    char *reply = libraries(a);
    setlocale(LC_ALL, "C");
    assert_string_equal(plain, reply);
    heed_free(plain);
    heed_free(reply);
    if (!there)
        skip();
}

/* ── memory ── */

static void *counted(size_t n)
{
    return malloc(n); /* jansson's too pass through support_fault.c */
}

/* Each allocation of the tool fails in turn: it says so and gives nothing, or it did without and
 * gives all. */
static void memory_ends_in(const struct ask *a)
{
    char *whole = libraries(a);
    long n = 1;
    for (;; n++) {
        struct heed_error err = {0};
        char *reply;
        fault_fail_at(n);
        enum heed_status status = ask(a, &reply, &err);
        fault_off();
        bool fired = fault_fired();
        if (status == HEED_NOMEM ? !fired || reply : status != a->expected)
            fail_msg("%s: allocation %ld: status %d: %s: %s", a->name, n, (int)status, err.where,
                     err.message);
        if (status != HEED_NOMEM)
            assert_string_equal(reply, whole);
        heed_free(reply);
        if (!fired)
            break;
    }
    assert_true(n > 20);
    heed_free(whole);
}

static void memory_that_ends_is_told(void **state)
{
    (void)state;
#define FEW                                                                                        \
    {                                                                                              \
        "events", "few.csv"                                                                        \
    }
    static const struct ask few[] = {
        {"quality agree", {{"file", "labels.csv"}, {"model", "wawa"}}, HEED_OK},
        {"quality agree", {{"file", "apart.csv"}}, HEED_OK},
        {"quality bridge", {{"file", "ratings.csv"}}, HEED_OK},
        {"allocate eval",
         {FEW, {"algorithm", "popularity,ease"}, {"k", "2"}, {"items", "items.csv"}},
         HEED_OK},
        {"allocate batch",
         {FEW, {"algorithm", "popularity"}, {"k", "2"}, {"floor", ".1"}, {"out", "few-out.csv"}},
         HEED_OK},
        {"allocate online",
         {FEW, {"algorithm", "popularity"}, {"k", "2"}, {"floor", ".1"}, {"against", "3"}},
         HEED_OK},
        {"allocate ope", {{"log", "log.csv"}, {"policy", "uniform"}, {"map", "map.yaml"}}, HEED_OK},
        {"allocate ope", {{"log", "short.csv"}, {"policy", "policy.csv"}}, HEED_REFUSED},
        {"rules check", {{"file", "market.yaml"}}, HEED_OK},
        {"rules quote",
         {{"file", "market.yaml"}, {"price", "1.50"}, {"traded", "1"}, {"seller", "skill=2"}},
         HEED_OK},
        {"rules quote", {{"file", "market.yaml"}, {"price", "9"}}, HEED_REFUSED},
        {"rules diff",
         {{"old", "market.yaml"}, {"new", "preset:steam"}, {"trades", "trades.csv"}},
         HEED_OK},
    };
    json_malloc_t make;
    json_free_t give_up;
    json_get_alloc_funcs(&make, &give_up);
    json_set_alloc_funcs(counted, free);
    for (size_t i = 0; i < sizeof few / sizeof *few; i++)
        memory_ends_in(&few[i]);
    json_set_alloc_funcs(make, give_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_and_the_library_give_the_same_reply),
        cmocka_unit_test(a_reply_says_what_it_is_asked),
        cmocka_unit_test(a_policy_is_written_as_the_program_writes_it),
        cmocka_unit_test(what_is_asked_wrongly_is_told),
        cmocka_unit_test(what_was_there_stays_after_an_error),
        cmocka_unit_test(null_pointers_are_usage_errors),
        cmocka_unit_test(numbers_have_a_point_wherever_the_caller_is),
        cmocka_unit_test_teardown(memory_that_ends_is_told, memory_returns),
    };
    return cmocka_run_group_tests(tests, make_files, NULL);
}
