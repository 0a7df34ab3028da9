/* Imports: what every kind of bad input comes to, and what stands in the world afterwards.
 *
 * The world is support_world's small one: ann, bob, cyd, post1 by ann, the good sword.           */
#include "support_child.h"
#include "support_import.h"
#include "support_world.h"

#include "import/import.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void write_bytes(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static char *file_with(const char *name, const char *text)
{
    char *path = test_path(name);
    write_bytes(path, text, strlen(text));
    return path;
}

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 16) - 1, f) < (1 << 16) - 1);
    fclose(f);
    return text;
}

static struct world *small_world(void)
{
    struct world *w = world_in_memory();
    fill_small(w);
    return w;
}

static const struct heed_context now = {T0, NULL};

static enum heed_status import(struct world *w, enum import_kind kind, const char *path,
                               const struct import_options *options, struct import_result *result,
                               struct heed_error *err)
{
    *err = (struct heed_error){0};
    return import_file(w, &now, kind, path, options, result, err);
}

/* A file imported into the small world, and what came of it.                                    */
struct tried {
    struct world *w;
    char *path; /* owned */
    struct sha256 before;
    struct import_result result;
    struct heed_error err;
    enum heed_status status;
};

static struct tried try_path(enum import_kind kind, char *path,
                             const struct import_options *options)
{
    struct tried t = {.w = small_world(), .path = path};
    t.before = hash_of(t.w);
    t.status = import(t.w, kind, path, options, &t.result, &t.err);
    return t;
}

static void forget(struct tried *t)
{
    import_result_deinit(&t->result);
    world_close(t->w);
    unlink(t->path);
    free(t->path);
}

/* ── bad input, row by row ── */

#define EVENTS "time,user,verb,target,amount\n"
#define GOOD_ROW "2026-01-01T00:00:00Z,bob,view,content:post1,1\n"
#define ID65 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg"

struct bad_input {
    const char *what, *name, *text;
    enum heed_status status;
    unsigned rows, applied, rejected, refused, duplicate;
    const char *says; /* of the first bad row, or of the error; NULL: nothing is bad */
};

static const struct bad_input bad_inputs[] = {
    /* the file as a whole */
    {"wrong header", "events.csv", "when,who\n1,2\n", HEED_INPUT, 0, 0, 0, 0, 0,
     "events.csv: line 1: the column 'time' is missing; events need the columns time, user, verb, "
     "target"},
    {"a column missing", "events.csv", "time,user,target\n", HEED_INPUT, 0, 0, 0, 0, 0,
     "the column 'verb' is missing; events need"},
    {"a column missing", "contents.csv", "id,title\n", HEED_INPUT, 0, 0, 0, 0, 0,
     "line 1: the column 'creator' is missing; contents need the columns id, creator"},
    {"a column missing", "goods.csv", "id\n", HEED_INPUT, 0, 0, 0, 0, 0,
     "goods need the columns id, name"},
    {"a column missing", "users.csv", "name\n", HEED_INPUT, 0, 0, 0, 0, 0,
     "users need the columns id"},
    {"a column missing", "ratings.csv", "time,user,target\n", HEED_INPUT, 0, 0, 0, 0, 0,
     "ratings need the columns time, user, target, score"},
    {"a column twice", "users.csv", "id,name,id\n", HEED_INPUT, 0, 0, 0, 0, 0,
     "line 1, column 3: the column 'id' stands there twice; rename or remove one"},
    {"an empty file", "events.csv", "", HEED_INPUT, 0, 0, 0, 0, 0,
     "it is empty; events need the columns time, user, verb, target"},
    {"only a header", "events.csv", EVENTS, HEED_OK, 0, 0, 0, 0, 0, NULL},
    /* records */
    {"CRLF", "events.csv", "time,user,verb,target\r\n1767225600,bob,view,content:post1\r\n",
     HEED_OK, 1, 1, 0, 0, 0, NULL},
    {"a byte order mark", "events.csv", "\xef\xbb\xbf" EVENTS GOOD_ROW, HEED_OK, 1, 1, 0, 0, 0,
     NULL},
    {"no line end at the end", "users.csv", "id\ndan", HEED_OK, 1, 1, 0, 0, 0, NULL},
    {"invalid UTF-8", "events.csv", EVENTS "1767225600,b\xffob,view,content:post1,1\n" GOOD_ROW,
     HEED_OK, 2, 1, 1, 0, 0, "events.csv: line 2, column 13"},
    {"an unclosed quote", "events.csv", EVENTS "1767225600,\"bob,view,content:post1,1\n" GOOD_ROW,
     HEED_OK, 2, 1, 1, 0, 0, "line 2, column 12: "},
    {"text after a quote", "events.csv", EVENTS "1767225600,\"bob\"by,view,content:post1,1\n",
     HEED_OK, 1, 0, 1, 0, 0, "line 2, column 17: "},
    {"a field too few", "events.csv", EVENTS "1767225600,bob,view,content:post1\n" GOOD_ROW,
     HEED_OK, 2, 1, 1, 0, 0,
     "line 2, column 5: it has 4 fields, the header 5 columns; quote a field"},
    {"a field too many", "users.csv", "id,name\ndan,Dan,Dan\n", HEED_OK, 1, 0, 1, 0, 0,
     "line 2, column 3: it has 3 fields, the header 2 columns; quote a field"},
    {"an empty field", "events.csv", EVENTS "1767225600,,view,content:post1,1\n", HEED_OK, 1, 0, 1,
     0, 0, "line 2, column 2 (user): user is empty; every row of events needs it"},
    /* events */
    {"a negative amount", "events.csv", EVENTS "1767225600,bob,dwell,content:post1,-1\n" GOOD_ROW,
     HEED_OK, 2, 1, 1, 0, 0, "line 2, column 5 (amount): '-1' is not an amount of zero or more"},
    {"an amount that is not a number", "events.csv",
     EVENTS "1767225600,bob,dwell,content:post1,NaN\n", HEED_OK, 1, 0, 1, 0, 0,
     "'NaN' is not an amount of zero or more, such as 12.5"},
    {"an endless amount", "events.csv", EVENTS "1767225600,bob,dwell,content:post1,inf\n", HEED_OK,
     1, 0, 1, 0, 0, "'inf' is not an amount"},
    {"a huge amount", "events.csv", EVENTS "1767225600,bob,dwell,content:post1,1e300\n", HEED_OK, 1,
     0, 1, 0, 0, "'1e300' is not an amount"},
    {"a huge count", "events.csv",
     EVENTS "1767225600,bob,purchase,good:sword,99999999999999999999999\n", HEED_OK, 1, 0, 1, 0, 0,
     "'99999999999999999999999' is not an amount"},
    {"an amount finer than thousandths", "events.csv",
     EVENTS
     "1767225600,bob,dwell,content:post1,0.0001\n1767225600,bob,dwell,content:post1,1.5000\n",
     HEED_OK, 2, 1, 1, 0, 0,
     "line 2, column 5 (amount): '0.0001' is not an amount of zero or more, such as 12.5, with at "
     "most"},
    {"a price that would be nothing", "goods.csv", "id,name,price\naxe,Axe,0.0001\n", HEED_OK, 1, 0,
     1, 0, 0, "'0.0001' is not a price"},
    {"a time before 1970", "events.csv", EVENTS "1969-12-31T23:59:59Z,bob,view,content:post1,1\n",
     HEED_OK, 1, 0, 1, 0, 0,
     "line 2, column 1 (time): '1969-12-31T23:59:59Z' is not a time between 1970 and 2105"},
    {"a time that is none", "events.csv", EVENTS "yesterday,bob,view,content:post1,1\n", HEED_OK, 1,
     0, 1, 0, 0, "'yesterday' is not a time such as 2026-01-31T12:00:00Z or Unix seconds"},
    {"an unknown verb", "events.csv", EVENTS "1767225600,bob,dance,content:post1,1\n", HEED_OK, 1,
     0, 1, 0, 0, "line 2, column 3 (verb): 'dance' is not a verb of the rules; see `heed rules"},
    {"an unknown target", "events.csv", EVENTS "1767225600,bob,view,content:nine,1\n" GOOD_ROW,
     HEED_OK, 2, 1, 0, 1, 0,
     "line 2, column 4 (target): no such target in this world; import it first"},
    {"a target that is none", "events.csv",
     EVENTS "1767225600,bob,view,post1,1\n1767225600,bob,view,land:1,1\n1767225600,bob,view,good:,1"
            "\n",
     HEED_OK, 3, 0, 3, 0, 0, "line 2, column 4 (target): 'post1' is not a target such as"},
    {"an unknown user", "events.csv", EVENTS "1767225600,zoe,view,content:post1,1\n", HEED_OK, 1, 0,
     0, 1, 0, "line 2, column 2 (user): no such user in this world; import users first"},
    {"an id with a blank at its end", "users.csv", "id\n\"dan \"\n", HEED_OK, 1, 0, 1, 0, 0,
     "line 2, column 1 (id): 'dan ' is not an id of 1 to 64 bytes: UTF-8 in NFC, no control"},
    {"an id of the system's", "users.csv", "id\nsystem:issue\n", HEED_OK, 1, 0, 1, 0, 0,
     "no leading 'system:'"},
    {"an id too long", "events.csv", EVENTS "1767225600," ID65 ",view,content:post1,1\n", HEED_OK,
     1, 0, 1, 0, 0, "is not an id of 1 to 64 bytes"},
    {"user:ID", "events.csv", EVENTS "1767225600,user:bob,follow,user:ann,\n", HEED_OK, 1, 1, 0, 0,
     0, NULL},
    {"a repeated id", "events.csv",
     "time,user,verb,target,id\n1767225600,bob,like,content:post1,e1\n1767225601,bob,like,content:"
     "post1,e1\n",
     HEED_OK, 2, 1, 0, 0, 1, NULL},
    {"columns of their own", "events.csv",
     "mood,time,user,verb,target\nblue,1767225600,bob,view,content:post1\n", HEED_OK, 1, 1, 0, 0, 0,
     NULL},
    {"a slot that was served", "events.csv", EVENTS "1767225600,-,served,content:post1,1\n",
     HEED_OK, 1, 1, 0, 0, 0, NULL},
    /* users */
    {"a user twice", "users.csv", "id\ndan\nbob\ndan\n", HEED_OK, 3, 1, 0, 2, 0,
     "line 3, column 1 (id): it is already there; leave it out, or give it another id"},
    {"a role that is none", "users.csv", "id,role\ndan,king\n", HEED_OK, 1, 0, 1, 0, 0,
     "line 2, column 2 (role): 'king' is not a role: member, "},
    {"a control character", "users.csv", "id\nd\x01n\n", HEED_OK, 1, 0, 1, 0, 0,
     "line 2, column 1 (id): "},
    {"an id too long", "users.csv", "id\n" ID65 "\n", HEED_OK, 1, 0, 1, 0, 0,
     "is not an id of 1 to 64 bytes"},
    {"a bad joined_at", "users.csv", "id,joined_at\ndan,2026-02-30\n", HEED_OK, 1, 0, 1, 0, 0,
     "line 2, column 2 (joined_at): '2026-02-30' is not a time"},
    /* contents, goods, services */
    {"a good that is not there", "contents.csv", "id,creator,good\np2,ann,axe\np3,ann,sword\n",
     HEED_OK, 2, 1, 0, 1, 0,
     "line 2, column 3 (good): no such target in this world; import it first"},
    {"a content twice", "contents.csv", "id,creator\npost1,ann\n", HEED_OK, 1, 0, 0, 1, 0,
     "line 2, column 1 (id): it is already there"},
    {"a creator too long", "contents.csv", "id,creator\np2," ID65 "\n", HEED_OK, 1, 0, 1, 0, 0,
     "line 2, column 2 (creator): "},
    {"a price with too many decimals", "goods.csv", "id,name,price\naxe,Axe,4.999\nbow,Bow,4.99\n",
     HEED_OK, 2, 1, 1, 0, 0,
     "line 2, column 3 (price): '4.999' is not a price of zero or more with at most 2 decimals"},
    {"a negative price", "goods.csv", "id,name,price\naxe,Axe,-4\n", HEED_OK, 1, 0, 1, 0, 0,
     "'-4' is not a price"},
    {"a price that is no number", "services.csv", "id,name,price\nhelp,Help,NaN\n", HEED_OK, 1, 0,
     1, 0, 0, "'NaN' is not a price"},
    {"a price beyond all money", "goods.csv", "id,name,price\naxe,Axe,999999999999999999999\n",
     HEED_OK, 1, 0, 1, 0, 0, "is not a price"},
    {"an unknown currency", "goods.csv", "id,name,currency\naxe,Axe,shells\n", HEED_OK, 1, 0, 1, 0,
     0, "'shells' is not a currency of the rules"},
    {"an offer that is neither", "goods.csv",
     "id,name,price,offered\naxe,Axe,1,maybe\nbow,Bow,1,no\n", HEED_OK, 2, 1, 1, 0, 0,
     "line 2, column 4 (offered): 'maybe' is not yes or no"},
    {"an offer without a price", "goods.csv", "id,name,offered\naxe,Axe,yes\n", HEED_OK, 1, 0, 1, 0,
     0, "line 2, column 3 (offered): 'yes' is not possible without a price"},
    {"a similarity beyond the same", "contents.csv", "id,creator,copy_similarity\np2,ann,1.5\n",
     HEED_OK, 1, 0, 1, 0, 0, "line 2, column 3 (copy_similarity): '1.5' is not a similarity"},
    {"half a sword", "goods.csv", "id,name,stock\naxe,Axe,0.5\n", HEED_OK, 1, 0, 1, 0, 0,
     "line 2, column 3 (stock): '0.5' is not a whole number of zero or more"},
    {"fewer than no swords", "goods.csv", "id,name,stock\naxe,Axe,-1\n", HEED_OK, 1, 0, 1, 0, 0,
     "'-1' is not a whole number"},
    {"a good twice", "goods.csv", "id,name\nsword,Sword\n", HEED_OK, 1, 0, 0, 1, 0,
     "line 2, column 1 (id): it is already there"},
    /* ratings, reviews */
    {"a score out of range", "ratings.csv",
     "time,user,target,score\n1767225600,bob,content:post1,6\n1767225600,bob,content:post1,-1\n",
     HEED_OK, 2, 0, 0, 2, 0,
     "line 2, column 4 (score): the score is outside the range that the rules give; see"},
    {"a rating of a day to come", "ratings.csv",
     "time,user,target,score\n2090-01-01,bob,content:post1,4\n2026-01-01,bob,content:post1,4\n",
     HEED_OK, 2, 1, 0, 1, 0, "line 2, column 1 (time): its time is later than now"},
    {"a review of a day to come", "reviews.csv",
     "time,user,target,score,kind\n2090-01-01,bob,content:post1,1,moderation\n", HEED_OK, 1, 0, 0,
     1, 0, "line 2, column 1 (time): its time is later than now"},
    {"a score that is no number", "ratings.csv",
     "time,user,target,score\n1767225600,bob,content:post1,NaN\n1767225600,bob,content:post1,4.5\n",
     HEED_OK, 2, 1, 1, 0, 0, "line 2, column 4 (score): 'NaN' is not a score such as 4 or 3.5"},
    {"a kind that is none", "reviews.csv",
     "time,user,target,score,kind\n1767225600,bob,content:post1,4,poet\n", HEED_OK, 1, 0, 1, 0, 0,
     "'poet' is not one of user, expert, moderation"},
    {"an unknown target", "reviews.csv", "time,user,target,score\n1767225600,bob,good:axe,4\n",
     HEED_OK, 1, 0, 0, 1, 0, "line 2, column 3 (target): no such target"},
    {"a target that is none", "ratings.csv", "time,user,target,score\n1767225600,bob,axe,4\n",
     HEED_OK, 1, 0, 1, 0, 0, "'axe' is not a target such as"},
    /* JSON Lines */
    {"a line that is no object", "events.jsonl",
     "[1]\n{\"time\":1767225600,\"user\":\"bob\",\"verb\":\"view\",\"target\":\"content:post1\"}\n",
     HEED_OK, 2, 1, 1, 0, 0, "events.jsonl: line 1"},
    {"a name missing", "events.jsonl", "{\"time\":1767225600,\"user\":\"bob\",\"verb\":\"view\"}\n",
     HEED_OK, 1, 0, 1, 0, 0, "line 1, target: target is empty; every row of events needs it"},
    {"a list for a name", "users.jsonl", "{\"id\":[\"dan\"]}\n{\"id\":true}\n{\"id\":\"eve\"}\n",
     HEED_OK, 3, 1, 2, 0, 0, "line 1, id: '[\"dan\"]' is neither a text in quotes nor a number"},
    {"a name without quotes", "users.jsonl", "{id:\"dan\"}\n", HEED_OK, 1, 0, 1, 0, 0,
     "line 1, column 2: a key in quotes is expected, as in {\"id\": \"ann\"}"},
    {"a name twice", "users.jsonl", "{\"id\":\"dan\",\"id\":\"eve\"}\n", HEED_OK, 1, 0, 1, 0, 0,
     "users.jsonl: line 1"},
    {"half a surrogate", "users.jsonl", "{\"id\":\"\\ud800\"}\n", HEED_OK, 1, 0, 1, 0, 0,
     "users.jsonl: line 1"},
    {"a number that is none", "events.jsonl",
     "{\"time\":1767225600,\"user\":\"bob\",\"verb\":\"view\",\"target\":\"content:post1\","
     "\"amount\":\"much\"}\n",
     HEED_OK, 1, 0, 1, 0, 0, "line 1, amount: 'much' is not an amount"},
};

static enum import_kind kind_of(const char *name)
{
    int kind = import_kind_of_name((struct str){name, strcspn(name, ".")});
    assert_true(kind >= 0);
    return (enum import_kind)kind;
}

static void compare(const struct bad_input *x, enum heed_status status, enum heed_status expected,
                    const struct heed_tally *t, const char *said)
{
    if (status != expected || t->rows != x->rows || t->applied != x->applied ||
        t->rejected != x->rejected || t->refused != x->refused || t->duplicate != x->duplicate)
        fail_msg("%s (%s): status %d rows %d = %d + %d + %d + %d, expected %d: %u = %u + %u + %u + "
                 "%u; it said: %s",
                 x->what, x->name, (int)status, (int)t->rows, (int)t->applied, (int)t->rejected,
                 (int)t->refused, (int)t->duplicate, (int)expected, x->rows, x->applied,
                 x->rejected, x->refused, x->duplicate, said);
    if (x->says ? !strstr(said, x->says) : *said)
        fail_msg("%s (%s): it said\n  %s\nnot\n  %s", x->what, x->name, said,
                 x->says ? x->says : "(nothing)");
}

static void bad_input_is_counted_and_explained_and_good_rows_stand(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof bad_inputs / sizeof *bad_inputs; i++) {
        const struct bad_input *x = &bad_inputs[i];
        struct tried t =
            try_path(kind_of(x->name), file_with(x->name, x->text), &(struct import_options){0});
        char said[600] = "";
        if (t.status != HEED_OK)
            snprintf(said, sizeof said, "%s: %s", t.err.where, t.err.message);
        else
            snprintf(said, sizeof said, "%s", t.result.files[0].first);
        compare(x, t.status, x->status, &t.result.files[0].tally, said);
        if (t.status != HEED_OK)
            assert_true(sha256_eq(t.before, hash_of(t.w)));
        forget(&t);
    }
}

/* The same table: with --strict, whatever is bad leaves the world as it was. */
static void strict_applies_nothing_of_a_file_with_a_bad_row(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof bad_inputs / sizeof *bad_inputs; i++) {
        const struct bad_input *x = &bad_inputs[i];
        struct tried t = try_path(kind_of(x->name), file_with(x->name, x->text),
                                  &(struct import_options){.strict = true});
        bool bad = x->status != HEED_OK || x->rejected + x->refused > 0;
        if (t.status != (bad ? HEED_INPUT : HEED_OK))
            fail_msg("%s (%s): status %d: %s: %s", x->what, x->name, (int)t.status, t.err.where,
                     t.err.message);
        if (bad && !sha256_eq(t.before, hash_of(t.w)))
            fail_msg("%s (%s): the world changed", x->what, x->name);
        if (!bad) {
            assert_int_equal(t.result.total.applied, x->applied);
            assert_int_equal(t.result.total.duplicate, x->duplicate);
        }
        forget(&t);
    }
}

static void a_line_of_ten_megabytes_and_one_with_a_nul_are_rejected(void **unused)
{
    (void)unused;
    static const char tail[] = GOOD_ROW "1767225600,bo\0b,view,content:post1,1\n" GOOD_ROW;
    size_t n = 10 << 20, head = strlen(EVENTS);
    char *bytes = malloc(head + n + sizeof tail);
    assert_non_null(bytes);
    memcpy(bytes, EVENTS, head);
    memset(bytes + head, 'x', n);
    bytes[head + n - 1] = '\n';
    memcpy(bytes + head + n, tail, sizeof tail - 1);
    char *path = test_path("long.csv");
    write_bytes(path, bytes, head + n + sizeof tail - 1);
    free(bytes);
    struct tried t = try_path(IMPORT_EVENTS, path, &(struct import_options){0});
    assert_int_equal(t.status, HEED_OK);
    assert_int_equal(t.result.total.rows, 4);
    assert_int_equal(t.result.total.applied, 2);
    assert_int_equal(t.result.total.rejected, 2);
    assert_non_null(strstr(t.result.files[0].first, "long.csv: line 2"));
    forget(&t);
}

static void times_out_of_order_are_accepted_and_counted(void **unused)
{
    (void)unused;
    char *path = file_with("events.csv", EVENTS "1767225700,bob,view,content:post1,1\n"
                                                "1767225600,bob,view,content:post1,1\n"
                                                "1767225800,bob,view,content:post1,1\n");
    struct tried t = try_path(IMPORT_EVENTS, path, &(struct import_options){0});
    assert_int_equal(t.status, HEED_OK);
    assert_int_equal(t.result.total.applied, 3);
    assert_int_equal(t.result.files[0].out_of_order, 1);
    json_t *json = import_result_json(&t.result, 0);
    assert_int_equal(int_at(json_array_get(json_object_get(json, "files"), 0), "out_of_order"), 1);
    json_decref(json);
    forget(&t);
}

/* Whether there was such a purchase is known only when what comes before it is applied. */
static void a_refund_of_nothing_is_kept_with_its_place(void **unused)
{
    (void)unused;
    char *path = file_with("events.csv", EVENTS GOOD_ROW "1767225600,bob,refunded,good:sword,1\n");
    char *rejects = test_path("rejects.csv");
    struct world *w = small_world();
    struct import_result result = {0};
    struct heed_error err;
    const struct import_options options = {.rejects = rejects};
    assert_int_equal(import(w, IMPORT_EVENTS, path, &options, &result, &err), HEED_OK);
    assert_int_equal(result.total.applied, 1);
    assert_int_equal(result.total.refused, 1);
    assert_non_null(strstr(result.files[0].first, "line 3, target: no such purchase; "));
    char *text = read_text(rejects);
    assert_non_null(strstr(text, ",3,\"target\",\"no such purchase; "));
    free(text);
    import_result_deinit(&result);
    world_close(w);
    unlink(rejects);
    unlink(path);
    free(rejects);
    free(path);
}

static void acts_for_a_settled_epoch_are_counted_late(void **unused)
{
    (void)unused;
    struct world *w = small_world();
    char until[24];
    snprintf(until, sizeof until, "%lld", (long long)(T0 / 1000));
    json_decref(call_ok(w, "event add", "user", "bob", "verb", "view", "target", "content:post1",
                        "time", "1700000000", NULL));
    json_decref(call_ok(w, "settle", "until", until, NULL));
    char *path = file_with("events.csv", EVENTS "1700000001,bob,view,content:post1,1\n"
                                                "1700000002,bob,view,content:post1,1\n");
    struct import_result result = {0};
    struct heed_error err;
    const struct import_options options = {0};
    assert_int_equal(import(w, IMPORT_EVENTS, path, &options, &result, &err), HEED_OK);
    assert_int_equal(result.total.applied, 2);
    json_t *json = import_result_json(&result, 0);
    assert_int_equal(int_at(json, "late"), 2);
    assert_int_equal(int_at(json_array_get(json_object_get(json, "files"), 0), "late"), 2);
    json_decref(json);
    import_result_deinit(&result);
    world_close(w);
    unlink(path);
    free(path);
}

static void bad_rows_are_kept_with_place_reason_and_row(void **unused)
{
    (void)unused;
    char *path = file_with("events.csv", EVENTS GOOD_ROW "1767225600,bob,\"da\"\"nce\",x:1,1\n"
                                                         "1767225600,zoe,view,content:post1,1\n"
                                                         "short\n");
    char *rejects = test_path("rejects.csv");
    struct world *w = small_world();
    struct import_result result = {0};
    struct heed_error err;
    const struct import_options options = {.rejects = rejects};
    assert_int_equal(import(w, IMPORT_EVENTS, path, &options, &result, &err), HEED_OK);
    char *text = read_text(rejects), expected[2048];
    snprintf(expected, sizeof expected,
             "path,line,column,reason,row\n"
             "\"%s\",3,\"3 (verb)\",\"'da\"\"nce' is not a verb of the rules; see `heed rules "
             "show`\",\"1767225600,bob,\"\"da\"\"\"\"nce\"\",x:1,1\"\n"
             "\"%s\",4,\"2 (user)\",\"no such user in this world; import users first\","
             "\"1767225600,zoe,view,content:post1,1\"\n"
             "\"%s\",5,\"2\",\"it has 1 fields, the header 5 columns; quote a field that holds "
             "a comma, leave empty what is not known\",\"short\"\n",
             path, path, path);
    assert_string_equal(text, expected);
    import_result_deinit(&result);
    world_close(w);
    unlink(path);
    unlink(rejects);
    free(text);
    free(path);
    free(rejects);
}

static void a_rejects_file_that_cannot_be_kept_is_an_error_and_good_rows_stand(void **unused)
{
    (void)unused;
    static const char *const places[] = {"/dev/full", "/dev/null/rejects.csv"};
    for (size_t i = 0; i < 2; i++) {
        char *path = file_with("events.csv", EVENTS GOOD_ROW "1767225600,bob,dance,good:sword,1\n");
        struct tried t =
            try_path(IMPORT_EVENTS, path, &(struct import_options){.rejects = places[i]});
        assert_int_equal(t.status, HEED_STORAGE);
        assert_string_equal(t.err.where, places[i]);
        assert_int_equal(t.result.total.applied, 1);
        assert_int_equal(t.result.total.rejected, 1);
        assert_int_equal(t.w->state.behaviour.events, 1);
        forget(&t);
    }
}

/* ── files that cannot be read ── */

static void write_packed(const char *path, int format, int filter, const char *member,
                         const char *text, size_t n)
{
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
    assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    struct archive_entry *h = archive_entry_new();
    archive_entry_set_pathname(h, member);
    archive_entry_set_filetype(h, AE_IFREG);
    archive_entry_set_perm(h, 0644);
    archive_entry_set_size(h, (la_int64_t)n);
    assert_int_equal(archive_write_header(a, h), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, text, n), (la_ssize_t)n);
    archive_entry_free(h);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static void cannot_be_read(enum import_kind kind, const char *path, struct reader_limits limits,
                           const char *says)
{
    struct world *w = small_world();
    struct sha256 before = hash_of(w);
    struct import_result result = {0};
    struct heed_error err;
    const struct import_options options = {.limits = limits};
    enum heed_status status = import(w, kind, path, &options, &result, &err);
    if (status != HEED_INPUT || !strstr(err.where, "heed-test-") || !strstr(err.message, says))
        fail_msg("%s: status %d: %s: %s, expected %s", path, (int)status, err.where, err.message,
                 says);
    assert_int_equal(result.total.rows, 0);
    assert_true(sha256_eq(before, hash_of(w)));
    import_result_deinit(&result);
    world_close(w);
}

static void a_file_that_cannot_be_read_changes_nothing(void **unused)
{
    (void)unused;
    const struct reader_limits none = {0};
    cannot_be_read(IMPORT_EVENTS, test_dir(), none, "is a directory; name a file in it");
    char *path = test_path("missing.csv");
    cannot_be_read(IMPORT_EVENTS, path, none, "");
    free(path);

    size_t n = 1 << 20; /* rows that do not pack to nothing, so that a cut falls among them */
    char *rows = malloc(n);
    assert_non_null(rows);
    size_t at = (size_t)snprintf(rows, n, EVENTS);
    for (unsigned i = 0; at + 64 < n; i++)
        at += (size_t)snprintf(rows + at, n - at, "%u,bob,view,content:post1,%u\n",
                               1767225600 + i * 7919 % 100003, i * 7907 % 65537);
    path = test_path("events.zip");
    write_packed(path, ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, "events.csv", rows, at);
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(truncate(path, s.st_size / 2), 0);
    cannot_be_read(IMPORT_EVENTS, path, none, "");
    unlink(path);
    free(path);

    path = test_path("events.csv.gz");
    write_packed(path, ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, "events.csv", rows, at);
    cannot_be_read(IMPORT_EVENTS, path, (struct reader_limits){.max_bytes = 1000}, "1000");
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(truncate(path, s.st_size / 2), 0);
    cannot_be_read(IMPORT_EVENTS, path, none, "");
    unlink(path);
    free(path);
    free(rows);
}

static int is_told_there_is_no_permission(void)
{
    struct tried t = try_path(IMPORT_EVENTS, test_path("shut.csv"), &(struct import_options){0});
    return t.status == HEED_INPUT && strstr(t.err.message, "no permission") ? 0 : 1;
}

static void a_file_without_permission_is_named(void **unused)
{
    (void)unused;
    char *path = file_with("shut.csv", EVENTS GOOD_ROW);
    assert_int_equal(chmod(test_dir(), 0755), 0);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(in_child(is_told_there_is_no_permission, true), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(in_child(is_told_there_is_no_permission, true), 1);
    unlink(path);
    free(path);
}

static void a_zip_bomb_is_refused(void **unused)
{
    (void)unused;
    size_t n = 80 << 20; /* the ratio counts past 64 MiB */
    char *zeros = malloc(n);
    assert_non_null(zeros);
    memset(zeros, 'a', n);
    char *path = test_path("bomb.csv.gz");
    write_packed(path, ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, "bomb.csv", zeros, n);
    free(zeros);
    cannot_be_read(IMPORT_USERS, path, (struct reader_limits){0}, "");
    unlink(path);
    free(path);
}

/* ── the same rows in other clothes ── */

static struct sha256 world_of(enum import_kind kind, const char *path)
{
    struct world *w = small_world();
    struct import_result result = {0};
    struct heed_error err;
    const struct import_options options = {0};
    if (import(w, kind, path, &options, &result, &err) != HEED_OK)
        fail_msg("%s: %s: %s", path, err.where, err.message);
    assert_int_equal(result.total.applied, result.total.rows);
    assert_int_equal(result.total.applied, 2);
    struct sha256 h;
    w->state.imports_n = 0; /* marks name the bytes, which differ */
    h = hash_of(w);
    import_result_deinit(&result);
    world_close(w);
    return h;
}

static void packed_files_members_and_json_lines_give_the_same_world(void **unused)
{
    (void)unused;
    static const char csv[] = "time,user,verb,target,amount,surface,id\n"
                              "2026-01-01T00:00:00Z,bob,dwell,content:post1,12.5,home,e1\n"
                              "1767225601,cyd,like,good:sword,,\"a, \"\"b\"\"\",\n";
    static const char jsonl[] =
        "{\"time\":\"2026-01-01T00:00:00Z\",\"user\":\"bob\",\"verb\":\"dwell\",\"target\":"
        "\"content:post1\",\"amount\":12.5,\"surface\":\"home\",\"id\":\"e1\"}\n\n"
        "{\"target\":\"good:sword\",\"time\":1767225601,\"user\":\"user:cyd\",\"verb\":\"like\","
        "\"amount\":null,\"surface\":\"a, \\\"b\\\"\",\"mood\":[1,2]}\n";
    char *path = file_with("events.csv", csv);
    struct sha256 expected = world_of(IMPORT_EVENTS, path);
    unlink(path);
    free(path);
    static const struct {
        const char *name, *member;
        int format, filter;
        bool json;
    } rows[] = {
        {"events.csv.gz", NULL, ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, false},
        {"events.csv.zst", NULL, ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_ZSTD, false},
        {"events.csv.xz", NULL, ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_XZ, false},
        {"events.csv.bz2", NULL, ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_BZIP2, false},
        {"e.zip", "log/events.csv", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, false},
        {"e.tar.gz", "log/events.csv", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP, false},
        {"events.jsonl", NULL, ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_NONE, true},
        {"events.jsonl.gz", NULL, ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, true},
        {"j.zip", "log/events.jsonl", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = rows[i].json ? jsonl : csv;
        path = test_path(rows[i].name);
        write_packed(path, rows[i].format, rows[i].filter, rows[i].member ? rows[i].member : "data",
                     text, strlen(text));
        char full[600];
        snprintf(full, sizeof full, "%s%s%s", path, rows[i].member ? "/" : "",
                 rows[i].member ? rows[i].member : "");
        if (!sha256_eq(world_of(IMPORT_EVENTS, full), expected))
            fail_msg("%s gives another world than events.csv", rows[i].name);
        unlink(path);
        free(path);
    }
}

static void further_columns_are_attributes_in_csv_and_json_lines_alike(void **unused)
{
    (void)unused;
    char *csv = file_with("goods.csv", "id,name,colour,attributes,size\n"
                                       "axe,Axe,red,\"{\"\"x\"\": [1]}\",\n"
                                       "bow,Bow,,{not json,7\n");
    char *jsonl = file_with("goods.jsonl",
                            "{\"id\":\"axe\",\"name\":\"Axe\",\"colour\":\"red\",\"attributes\":{"
                            "\"x\": [1]}}\n{\"id\":\"bow\",\"name\":\"Bow\",\"attributes\":"
                            "\"{not json\",\"size\":\"7\"}\n");
    assert_true(sha256_eq(world_of(IMPORT_GOODS, csv), world_of(IMPORT_GOODS, jsonl)));
    unlink(csv);
    unlink(jsonl);
    free(csv);
    free(jsonl);
}

/* ── again, resumed, killed ── */

static void a_file_imported_whole_is_not_applied_again_unless_asked(void **unused)
{
    (void)unused;
    char *path = file_with("events.csv", EVENTS GOOD_ROW GOOD_ROW "x\n");
    char *copy = file_with("copy.csv", EVENTS GOOD_ROW GOOD_ROW "x\n");
    struct world *w = small_world();
    struct import_result result = {0};
    struct heed_error err;
    struct import_options options = {0};
    assert_int_equal(import(w, IMPORT_EVENTS, path, &options, &result, &err), HEED_OK);
    struct sha256 once = hash_of(w);
    assert_int_equal(import(w, IMPORT_EVENTS, path, &options, &result, &err), HEED_OK);
    assert_int_equal(import(w, IMPORT_EVENTS, copy, &options, &result, &err), HEED_OK);
    assert_true(sha256_eq(once, hash_of(w)));
    assert_true(result.files[1].skipped && result.files[2].skipped);
    assert_int_equal(result.total.rows, 3);
    options.again = true;
    assert_int_equal(import(w, IMPORT_EVENTS, path, &options, &result, &err), HEED_OK);
    assert_false(result.files[3].skipped);
    assert_int_equal(result.files[3].tally.applied, 2);
    assert_int_equal(result.files[3].tally.rejected, 1);
    assert_int_equal(w->state.behaviour.events, 4);
    import_result_deinit(&result);
    world_close(w);
    unlink(path);
    unlink(copy);
    free(path);
    free(copy);
}

static void strict_remembers_that_a_file_had_bad_rows(void **unused)
{
    (void)unused;
    char *path = put_text("halfgood.csv", "id\nann\n\"\"\n");
    struct world *w = world_in_memory();
    struct imported in = import_as(w, IMPORT_USERS, path, &(struct import_options){0});
    expect_tally(&in, (struct heed_tally){2, 1, 1, 0, 0});
    imported_free(&in);
    struct sha256 before = hash_of(w);
    in = import_as(w, IMPORT_USERS, path, &(struct import_options){.strict = true});
    assert_int_equal(in.status, HEED_INPUT);
    assert_non_null(strstr(in.err.message, "1 of the 2 rows imported before without --strict"));
    assert_true(sha256_eq(before, hash_of(w)));
    imported_free(&in);
    world_close(w);
    free(path);
}

static void strict_knows_the_ids_of_its_own_file(void **unused)
{
    (void)unused;
    char *path = file_with("users.csv", "id\ndan\neve\ndan\n");
    struct tried t = try_path(IMPORT_USERS, path, &(struct import_options){.strict = true});
    assert_int_equal(t.status, HEED_INPUT);
    assert_non_null(strstr(t.err.message, "line 4, column 1 (id): it is already there"));
    assert_non_null(strstr(t.err.message, "nothing was applied"));
    assert_int_equal(world_find_user(t.w, STR("dan")), HANDLE_NONE);
    forget(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_input_is_counted_and_explained_and_good_rows_stand),
        cmocka_unit_test(strict_applies_nothing_of_a_file_with_a_bad_row),
        cmocka_unit_test(a_line_of_ten_megabytes_and_one_with_a_nul_are_rejected),
        cmocka_unit_test(times_out_of_order_are_accepted_and_counted),
        cmocka_unit_test(a_refund_of_nothing_is_kept_with_its_place),
        cmocka_unit_test(acts_for_a_settled_epoch_are_counted_late),
        cmocka_unit_test(bad_rows_are_kept_with_place_reason_and_row),
        cmocka_unit_test(a_rejects_file_that_cannot_be_kept_is_an_error_and_good_rows_stand),
        cmocka_unit_test(a_file_that_cannot_be_read_changes_nothing),
        cmocka_unit_test(a_file_without_permission_is_named),
        cmocka_unit_test(a_zip_bomb_is_refused),
        cmocka_unit_test(packed_files_members_and_json_lines_give_the_same_world),
        cmocka_unit_test(further_columns_are_attributes_in_csv_and_json_lines_alike),
        cmocka_unit_test(a_file_imported_whole_is_not_applied_again_unless_asked),
        cmocka_unit_test(strict_remembers_that_a_file_had_bad_rows),
        cmocka_unit_test(strict_knows_the_ids_of_its_own_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
