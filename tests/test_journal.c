/* Batches of the journal: every call comes back as it was, damaged bytes are refused or harmless,
 * and the chain is the one that the header states. */
#include "base/error.h"
#include "base/hash.h"
#include "base/prng.h"
#include "support_fault.h"
#include "world/journal.h"
#include "world/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { SEED = 20260405, MOST = 400 };

static bool journalled(int command)
{
    enum command_kind kind = command_spec((enum command_id)command)->kind;
    return kind == KIND_COMMAND || kind == KIND_INTERNAL;
}

static bool has_blob(int command)
{
    const struct command_spec *spec = command_spec((enum command_id)command);
    for (size_t i = 0; i < spec->n; i++)
        if (spec->args[i].type == ARG_BLOB || spec->args[i].type == ARG_FACT)
            return true;
    return false;
}

/* Extremes whose differences meet every special case of the codec.                               */
static const int64_t extremes[] = {
    CALL_ABSENT, INT64_MIN + 1, INT64_MIN + 2, INT64_MAX, INT64_MAX - 1, 0, 1, -1,
    -2,          UINT32_MAX,    INT32_MIN};

static int64_t random_int(struct prng *r)
{
    switch (prng_below(r, 3)) {
    case 0:
        return extremes[prng_below(r, COUNT(extremes))];
    case 1:
        return (int64_t)prng_below(r, 1000);
    default:
        return (int64_t)prng_u64(r);
    }
}

/* A call of the command, its blob in `bytes`.                                                    */
static struct call random_call(struct prng *r, int command, struct str bytes)
{
    static const uint32_t actors[] = {HANDLE_NONE, 0, 1, HANDLE_NONE - 1, 1u << 28};
    struct call c = {.command = (uint16_t)command,
                     .time_ms = random_int(r),
                     .actor = actors[prng_below(r, COUNT(actors))]};
    size_t ints = command_ints(command_spec((enum command_id)command));
    for (size_t i = 0; i < CALL_INTS; i++)
        c.i[i] = i < ints ? random_int(r) : CALL_ABSENT;
    if (has_blob(command) && prng_below(r, 3) > 0) {
        size_t n = prng_below(r, 20) == 0 ? bytes.n : (size_t)prng_below(r, 40);
        c.blob = (struct str){bytes.p + prng_below(r, bytes.n - n + 1), n};
    }
    return c;
}

static int random_command(struct prng *r)
{
    for (;;) {
        int command = (int)prng_below(r, COMMAND_COUNT);
        if (journalled(command))
            return command;
    }
}

static struct str random_bytes(struct prng *r, size_t n)
{
    char *p = malloc(n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(prng_below(r, 4) ? prng_u64(r) : 0);
    return (struct str){p, n};
}

static struct journal_codec *codec_or_fail(void)
{
    struct journal_codec *c = journal_codec_new();
    assert_non_null(c);
    return c;
}

static void assert_calls_equal(const struct call *a, const struct call *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool same = a[i].command == b[i].command && a[i].time_ms == b[i].time_ms &&
                    a[i].actor == b[i].actor && str_eq(a[i].blob, b[i].blob) &&
                    memcmp(a[i].i, b[i].i, sizeof a[i].i) == 0;
        if (!same)
            fail_msg("seed %d: call %zu of %zu (%s %s) came back changed", SEED, i, n,
                     command_spec(a[i].command)->noun, command_spec(a[i].command)->verb);
    }
}

/* Encodes, copies the payload, decodes with another codec, compares.                             */
static void assert_survives(struct journal_codec *in, struct journal_codec *out,
                            const struct call *calls, size_t n)
{
    struct str payload;
    struct heed_error err = {0};
    assert_int_equal(journal_encode(in, calls, n, &payload, &err), HEED_OK);
    char *copy = malloc(payload.n);
    assert_non_null(copy);
    memcpy(copy, payload.p, payload.n);
    const struct call *back = NULL;
    if (journal_decode(out, (struct str){copy, payload.n}, n, &back, &err) != HEED_OK)
        fail_msg("seed %d: a batch of %zu does not decode: %s", SEED, n, err.message);
    assert_calls_equal(calls, back, n);
    free(copy);
}

static void every_command_comes_back_as_it_was(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED);
    struct str bytes = random_bytes(&r, 100000);
    struct journal_codec *in = codec_or_fail(), *out = codec_or_fail();
    struct call calls[20];
    int met = 0;
    for (int command = 0; command < COMMAND_COUNT; command++) {
        if (!journalled(command))
            continue;
        met++;
        for (size_t i = 0; i < COUNT(calls); i++)
            calls[i] = random_call(&r, command, bytes);
        assert_survives(in, out, calls, COUNT(calls));
    }
    assert_true(met > 15);
    journal_codec_free(in);
    journal_codec_free(out);
    free((void *)(uintptr_t)bytes.p);
}

static void batches_of_any_size_come_back_as_they_were(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED + 1);
    struct str bytes = random_bytes(&r, 2000);
    struct journal_codec *in = codec_or_fail(), *out = codec_or_fail();
    struct call *calls = calloc(MOST, sizeof *calls);
    assert_non_null(calls);
    for (int round = 0; round < 60; round++) {
        size_t n = (size_t)prng_below(&r, round % 10 ? 12 : MOST);
        for (size_t i = 0; i < n; i++)
            calls[i] = random_call(&r, random_command(&r), bytes);
        assert_survives(in, out, calls, n);
    }
    free(calls);
    journal_codec_free(in);
    journal_codec_free(out);
    free((void *)(uintptr_t)bytes.p);
}

/* Each ordered pair of extremes, one behind the other in a column: differences that wrap.        */
static void any_number_may_follow_any_other(void **state)
{
    (void)state;
    struct journal_codec *in = codec_or_fail(), *out = codec_or_fail();
    for (size_t a = 0; a < COUNT(extremes); a++)
        for (size_t b = 0; b < COUNT(extremes); b++) {
            struct call calls[2];
            for (int k = 0; k < 2; k++) {
                int64_t v = extremes[k ? b : a];
                calls[k] = (struct call){
                    .command = COMMAND_ledger_transfer, .time_ms = v, .actor = HANDLE_NONE};
                size_t ints = command_ints(command_spec(COMMAND_ledger_transfer));
                for (size_t i = 0; i < CALL_INTS; i++)
                    calls[k].i[i] = i < ints ? v : CALL_ABSENT;
            }
            assert_survives(in, out, calls, 2);
        }
    journal_codec_free(in);
    journal_codec_free(out);
}

static struct str compressed(const void *raw, size_t n, char *room, size_t size)
{
    size_t packed = ZSTD_compress(room, size, raw, n, 1);
    assert_false(ZSTD_isError(packed));
    return (struct str){room, packed};
}

/* Columns written by hand as journal.h describes them: batches of old files must stay readable.  */
static void a_batch_written_by_hand_is_read(void **state)
{
    (void)state;
    const uint8_t raw[] = {
        1, /* codec version */
        COMMAND_symbol_add,
        COMMAND_event_served, /* commands */
        COMMAND_event_served,
        COMMAND_event_served, /* */
        0xd0,
        0x0f,
        0,
        1,
        4, /* times: +1000, 0, -1, +2 */
        0,
        1,
        0,
        0x80,
        0x01, /* actors + 1: operator, 0, operator, 127 */
        11,
        0,
        4, /* targets: 5, absent, 5 - 2 = 3 */
        3,
        'a',
        0,
        'b' /* blob: its length, its bytes */
    };
    char room[256];
    struct str payload = compressed(raw, sizeof raw, room, sizeof room);
    struct journal_codec *c = codec_or_fail();
    const struct call *calls;
    struct heed_error err = {0};
    assert_int_equal(journal_decode(c, payload, 4, &calls, &err), HEED_OK);
    static const int64_t times[] = {1000, 1000, 999, 1001};
    static const uint32_t actors[] = {HANDLE_NONE, 0, HANDLE_NONE, 127};
    static const int64_t targets[] = {CALL_ABSENT, 5, CALL_ABSENT, 3};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(calls[i].time_ms, times[i]);
        assert_int_equal(calls[i].actor, actors[i]);
        assert_int_equal(calls[i].i[0], targets[i]);
        assert_int_equal(calls[i].i[1], CALL_ABSENT);
    }
    assert_int_equal(calls[0].command, COMMAND_symbol_add);
    assert_true(str_eq(calls[0].blob, (struct str){"a\0b", 3}));
    assert_int_equal(calls[1].blob.n, 0);
    journal_codec_free(c);
}

/* Batches that were written before a command got more integers. */
static void integers_that_a_command_got_later_are_absent(void **state)
{
    (void)state;
    static const struct {
        uint8_t n, raw[16];
        unsigned command;
        int64_t ints[3];
    } rows[] = {
        {7, {1, COMMAND_quality_fit, 0, 0, 3, 1, 'x'}, COMMAND_quality_fit, {1, CALL_ABSENT}},
        {9,
         {2, 1, COMMAND_quality_fit, 1, COMMAND_quality_fit, 0, 0, 3, 0},
         COMMAND_quality_fit,
         {1, CALL_ABSENT}},
        {9,
         {2, 1, COMMAND_ledger_transfer, 2, COMMAND_ledger_transfer, 0, 0, 3, 5},
         COMMAND_ledger_transfer,
         {1, 2, CALL_ABSENT}},
    };
    struct journal_codec *c = codec_or_fail();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[256];
        const struct call *calls;
        struct heed_error err = {0};
        struct str payload = compressed(rows[i].raw, rows[i].n, room, sizeof room);
        if (journal_decode(c, payload, 1, &calls, &err) != HEED_OK)
            fail_msg("row %zu: %s", i, err.message);
        assert_int_equal(calls->command, rows[i].command);
        for (size_t k = 0; k < 3 && (k == 0 || rows[i].ints[k - 1] != CALL_ABSENT); k++)
            assert_int_equal(calls->i[k], rows[i].ints[k]);
    }
    journal_codec_free(c);
}

/* Decodes; what decodes must be within bounds, read to its last byte. false: HEED_INPUT.         */
static bool decodes(struct journal_codec *c, struct str payload, size_t expected)
{
    const struct call *calls = NULL;
    struct heed_error err = {0};
    enum heed_status status = journal_decode(c, payload, expected, &calls, &err);
    if (status != HEED_OK) {
        assert_int_equal(status, HEED_INPUT);
        assert_int_equal(err.status, HEED_INPUT);
        assert_true(err.message[0] != '\0');
        return false;
    }
    for (size_t i = 0; i < expected; i++) {
        assert_true(calls[i].command < COMMAND_COUNT && journalled(calls[i].command));
        size_t ints = command_ints(command_spec(calls[i].command));
        for (size_t k = ints; k < CALL_INTS; k++)
            assert_int_equal(calls[i].i[k], CALL_ABSENT);
        assert_true(has_blob(calls[i].command) || calls[i].blob.n == 0);
        if (calls[i].blob.n) /* a sanitizer sees a blob that is not whole */
            (void)hash_bytes(calls[i].blob.p, calls[i].blob.n, 0);
    }
    return true;
}

/* The columns of a few random calls, not compressed.                                             */
static size_t some_columns(struct prng *r, size_t n, uint8_t *raw, size_t size)
{
    struct str bytes = random_bytes(r, 60), payload;
    struct call calls[16];
    struct heed_error err = {0};
    struct journal_codec *c = codec_or_fail();
    for (size_t i = 0; i < n; i++)
        calls[i] = random_call(r, i % 3 ? random_command(r) : COMMAND_content_add, bytes);
    assert_int_equal(journal_encode(c, calls, n, &payload, &err), HEED_OK);
    size_t have = ZSTD_decompress(raw, size, payload.p, payload.n);
    assert_false(ZSTD_isError(have));
    free((void *)(uintptr_t)bytes.p);
    journal_codec_free(c);
    return have;
}

static void damaged_payloads_are_refused_or_within_bounds(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED + 2);
    uint8_t raw[8192];
    char room[8192];
    size_t n = some_columns(&r, 12, raw, sizeof raw);
    struct str whole = compressed(raw, n, room, sizeof room);
    struct journal_codec *c = codec_or_fail();
    assert_true(decodes(c, whole, 12));
    size_t refused = 0;
    for (size_t cut = 0; cut < whole.n; cut++)
        if (decodes(c, (struct str){whole.p, cut}, 12))
            fail_msg("seed %d: the first %zu bytes of %zu decode", SEED, cut, whole.n);
    for (size_t at = 0; at < whole.n; at++)
        for (int bit = 0; bit < 8; bit++) {
            room[at] = (char)(room[at] ^ 1 << bit);
            refused += !decodes(c, whole, 12);
            room[at] = (char)(room[at] ^ 1 << bit);
        }
    assert_true(refused > whole.n);
    journal_codec_free(c);
}

static void damaged_columns_are_refused_or_within_bounds(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED + 3);
    uint8_t raw[8192];
    char room[16384];
    size_t n = some_columns(&r, 12, raw, sizeof raw);
    struct journal_codec *c = codec_or_fail();
    for (size_t cut = 1; cut < n; cut++)
        if (decodes(c, compressed(raw, cut, room, sizeof room), 12))
            fail_msg("seed %d: the first %zu bytes of %zu decode", SEED, cut, n);
    raw[n] = 0;
    assert_false(decodes(c, compressed(raw, n + 1, room, sizeof room), 12));
    size_t accepted = 0, refused = 0;
    for (size_t at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            raw[at] ^= (uint8_t)(1 << bit);
            bool ok = decodes(c, compressed(raw, n, room, sizeof room), 12);
            raw[at] ^= (uint8_t)(1 << bit);
            accepted += ok;
            refused += !ok;
        }
    assert_true(accepted > 0 && refused > 0);
    journal_codec_free(c);
}

static void a_wrong_number_of_calls_is_refused(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED + 4);
    uint8_t raw[8192];
    char room[8192];
    size_t n = some_columns(&r, 5, raw, sizeof raw);
    struct str whole = compressed(raw, n, room, sizeof room);
    struct journal_codec *c = codec_or_fail();
    static const size_t wrong[] = {0, 1, 4, 6, 1000, UINT32_MAX, SIZE_MAX};
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (decodes(c, whole, wrong[i]))
            fail_msg("seed %d: five calls decode as %zu", SEED, wrong[i]);
    journal_codec_free(c);
}

static void unknown_commands_versions_and_numbers_too_long_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t n, raw[24];
    } rows[] = {
        {"a newer version", 7, {3, 1, COMMAND_event_served, 1, COMMAND_event_served, 0, 0}},
        {"version 0", 5, {0, COMMAND_event_served, 0, 0, 0}},
        {"a call that the head does not name",
         8,
         {2, 1, COMMAND_symbol_add, 0, COMMAND_event_served, 0, 0, 0}},
        {"a command named twice",
         10,
         {2, 2, COMMAND_event_served, 1, COMMAND_event_served, 1, COMMAND_event_served, 0, 0, 0}},
        {"a query named", 8, {2, 1, COMMAND_status_, 0, COMMAND_status_, 0, 0, 0}},
        {"more integers than there are",
         10,
         {2, 1, COMMAND_event_served, 2, COMMAND_event_served, 0, 0, 0, 0, 0}},
        {"more commands than there are", 8, {2, 0x7f, COMMAND_event_served, 1, 0, 0, 0, 0}},
        {"no command of that number", 6, {1, 0xff, 0x7f, 0, 0, 0}},
        {"a query", 4, {1, COMMAND_status_, 0, 0}},
        {"a tool", 4, {1, COMMAND_run_, 0, 0}},
        {"a time of 65 bits",
         14,
         {1, COMMAND_event_served, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0}},
        {"an actor of 33 bits", 9, {1, COMMAND_event_served, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0}},
        {"a blob longer than the batch", 6, {1, COMMAND_symbol_add, 0, 0, 2, 'a'}},
        {"a blob as long as memory",
         15,
         {1, COMMAND_symbol_add, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
          'a'}},
        {"nothing behind the version", 1, {1}},
    };
    struct journal_codec *c = codec_or_fail();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[256];
        if (decodes(c, compressed(rows[i].raw, rows[i].n, room, sizeof room), 1))
            fail_msg("%s: it decodes", rows[i].what);
    }
    journal_codec_free(c);
}

/* Frames that would make a decoder allocate much or say no size. RFC 8878: magic, a descriptor
 * (0xe0: one segment, eight bytes of content size), the size, an empty last raw block. */
static void frames_of_no_or_of_too_large_a_size_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *bytes;
        size_t n;
    } rows[] = {
        {"no frame", "", 0},
        {"not zstd", "heed", 4},
        {"an exabyte", "\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\0\0\x10\x01\0\0", 16},
        {"256 MiB and a byte", "\x28\xb5\x2f\xfd\xe0\x01\0\0\x10\0\0\0\0\x01\0\0", 16},
        {"256 MiB that are not there", "\x28\xb5\x2f\xfd\xe0\0\0\0\x10\0\0\0\0\x01\0\0", 16},
        {"an empty frame", "\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\0\0\0\x01\0\0", 16},
        {"no size", "\x28\xb5\x2f\xfd\0\x58\x01\0\0", 9},
        {"a frame to skip", "\x50\x2a\x4d\x18\x01\0\0\0\x01", 9},
    };
    struct journal_codec *c = codec_or_fail();
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t expected = 0; expected < 2; expected++)
            if (decodes(c, (struct str){rows[i].bytes, rows[i].n}, expected))
                fail_msg("%s: it decodes", rows[i].what);
    journal_codec_free(c);
}

/* What a small payload claims costs no memory: a frame's size, then a number of calls. A million
 * calls want two bytes each besides their command and the numbers of it.                         */
static void claims_that_the_bytes_do_not_bear_out_allocate_nothing(void **state)
{
    (void)state;
    enum { MANY = 1000000 };
    char room[4096];
    uint8_t *raw = malloc(4 * MANY + 1);
    assert_non_null(raw);
    struct journal_codec *empty = codec_or_fail();
    fault_fail_at(0);
    assert_false(
        decodes(empty, (struct str){"\x28\xb5\x2f\xfd\xe0\0\0\0\x10\0\0\0\0\x01\0\0", 16}, 1));
    assert_int_equal(fault_count(), 0);
    fault_off();
    journal_codec_free(empty);
    raw[0] = 1;
    memset(raw + 1, COMMAND_event_served, MANY);
    memset(raw + 1 + MANY, 0, 3 * MANY); /* times, actors, targets */
    for (int missing = 1; missing >= 0; missing--) {
        struct str payload = compressed(raw, (size_t)(4 * MANY + 1 - missing), room, sizeof room);
        struct journal_codec *c = codec_or_fail();
        fault_fail_at(0);
        assert_int_equal(decodes(c, payload, MANY), !missing);
        assert_int_equal(fault_count(), 2 - missing); /* the columns; the calls when they fit */
        fault_off();
        journal_codec_free(c);
    }
    free(raw);
}

/* Computed apart with Python's hashlib: sha256(head + struct.pack("<QQQ", number, first, commands)
 * + sha256(payload).digest()), from sha256(b"heed journal 1"). */
static void the_chain_is_as_the_header_states(void **state)
{
    (void)state;
    char hex[65];
    struct sha256 head = journal_genesis();
    assert_string_equal(sha256_hex(head, hex),
                        "4b7dae7b81aaa3549ef0c2612b74b142a7d671ae1a8c883cbb4aeebd506b54ac");
    head = journal_chain(head, 0, 0, 1, STR(""));
    assert_string_equal(sha256_hex(head, hex),
                        "c0903159974091b01190a614ba5a6352ac01cc69c345dd1b85eaeee0bbad4011");
    head = journal_chain(head, (UINT64_C(1) << 63) + 5, UINT64_C(0x0102030405060708), 0xfffffffe,
                         (struct str){"payload\0bytes", 13});
    assert_string_equal(sha256_hex(head, hex),
                        "bd8319ff6bec2ae2db930ec2ecfeda7e3a2de497683b0fcd8cd16d4aa62e7a31");
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED + 5);
    struct str bytes = random_bytes(&r, 500);
    struct call calls[30];
    for (size_t i = 0; i < COUNT(calls); i++)
        calls[i] = random_call(&r, random_command(&r), bytes);
    for (long n = 1;; n++) {
        struct heed_error err = {0};
        struct str payload;
        const struct call *back = NULL;
        fault_fail_at(n);
        struct journal_codec *c = journal_codec_new();
        enum heed_status status =
            c ? journal_encode(c, calls, COUNT(calls), &payload, &err) : HEED_NOMEM;
        if (status == HEED_OK)
            status = journal_decode(c, payload, COUNT(calls), &back, &err);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        if (status == HEED_OK)
            assert_calls_equal(calls, back, COUNT(calls));
        if (c && status == HEED_NOMEM) /* the codec can still be used */
            assert_survives(c, c, calls, COUNT(calls));
        journal_codec_free(c);
        if (!fault_fired())
            break;
        assert_true(n < 100);
    }
    free((void *)(uintptr_t)bytes.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_comes_back_as_it_was),
        cmocka_unit_test(batches_of_any_size_come_back_as_they_were),
        cmocka_unit_test(any_number_may_follow_any_other),
        cmocka_unit_test(a_batch_written_by_hand_is_read),
        cmocka_unit_test(integers_that_a_command_got_later_are_absent),
        cmocka_unit_test(damaged_payloads_are_refused_or_within_bounds),
        cmocka_unit_test(damaged_columns_are_refused_or_within_bounds),
        cmocka_unit_test(a_wrong_number_of_calls_is_refused),
        cmocka_unit_test(unknown_commands_versions_and_numbers_too_long_are_refused),
        cmocka_unit_test(frames_of_no_or_of_too_large_a_size_are_refused),
        cmocka_unit_test_teardown(claims_that_the_bytes_do_not_bear_out_allocate_nothing,
                                  memory_returns),
        cmocka_unit_test(the_chain_is_as_the_header_states),
        cmocka_unit_test_teardown(memory_that_runs_out_is_said, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
