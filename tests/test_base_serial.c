/* Serialised state: bytes, round trips, and sources that end too soon or lie. */
#include "base/hash.h"
#include "base/serial.h"
#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void numbers_are_little_endian(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b, 1000);
    static struct sink s;
    sink_init(&s, strbuf_write, &b);
    sink_u8(&s, 0x01);
    sink_u16(&s, 0x0302);
    sink_u32(&s, 0x07060504u);
    sink_u64(&s, UINT64_C(0x0f0e0d0c0b0a0908));
    sink_i64(&s, -2);
    sink_str(&s, STR("h\0i"));
    sink_str(&s, STR_NONE);
    sink_bytes(&s, NULL, 0);
    assert_int_equal(s.total, 34);
    assert_true(sink_flush(&s));
    static const uint8_t expected[] = {
        1,    2,    3,    4,    5,    6,    7, 8, 9, 10, 11,  12, 13,  14, 15, 0xfe, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3, 0, 0, 0,  'h', 0,  'i', 0,  0,  0,    0};
    assert_int_equal(b.n, sizeof expected);
    assert_memory_equal(b.p, expected, sizeof expected);
    strbuf_deinit(&b);
}

/* A reader that gives at most `step` bytes at a time.                                            */
struct slow {
    struct memory_reader memory;
    size_t step;
};

static size_t slow_read(void *context, void *p, size_t n)
{
    struct slow *s = context;
    return memory_read(&s->memory, p, n < s->step ? n : s->step);
}

/* A script of writes made from a seed; with b it is written, without it is read and compared.    */
enum { STEPS = 400 };

static uint64_t next(uint64_t *seed)
{
    return hash_u64(*seed += UINT64_C(0x9e3779b97f4a7c15));
}

static void fill(uint8_t *p, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)next(&seed);
}

static size_t length_of(uint64_t v)
{
    static const size_t lengths[] = {
        0, 1, 7, 1000, SERIAL_CHUNK - 1, SERIAL_CHUNK, SERIAL_CHUNK + 1, 3 * SERIAL_CHUNK + 5};
    return v % 16 < 12 ? (size_t)(v >> 8) % 40 : lengths[(v >> 8) % 8];
}

static void write_script(struct sink *s, uint64_t seed)
{
    static uint8_t bytes[4 * SERIAL_CHUNK];
    for (int i = 0; i < STEPS; i++) {
        uint64_t v = next(&seed);
        switch (next(&seed) % 7) {
        case 0:
            sink_u8(s, (uint8_t)v);
            break;
        case 1:
            sink_u16(s, (uint16_t)v);
            break;
        case 2:
            sink_u32(s, (uint32_t)v);
            break;
        case 3:
            sink_u64(s, v);
            break;
        case 4:
            sink_i64(s, (int64_t)v);
            break;
        case 5:
            fill(bytes, length_of(v), v);
            sink_bytes(s, bytes, length_of(v));
            break;
        default:
            fill(bytes, length_of(v), v);
            sink_str(s, (struct str){(const char *)bytes, length_of(v)});
        }
    }
}

/* How many steps were read as they were written.                                                 */
static int read_script(struct source *s, uint64_t seed)
{
    static uint8_t bytes[4 * SERIAL_CHUNK], got[4 * SERIAL_CHUNK];
    int same = 0;
    for (int i = 0; i < STEPS; i++) {
        uint64_t v = next(&seed);
        size_t n = length_of(v);
        bool equal;
        switch (next(&seed) % 7) {
        case 0:
            equal = source_u8(s) == (uint8_t)v;
            break;
        case 1:
            equal = source_u16(s) == (uint16_t)v;
            break;
        case 2:
            equal = source_u32(s) == (uint32_t)v;
            break;
        case 3:
            equal = source_u64(s) == v;
            break;
        case 4:
            equal = source_i64(s) == (int64_t)v;
            break;
        case 5:
            fill(bytes, n, v);
            source_bytes(s, got, n);
            equal = memcmp(bytes, got, n) == 0;
            break;
        default: {
            fill(bytes, n, v);
            size_t length = 0;
            char *text = source_str(s, SIZE_MAX, &length);
            equal = text && length == n && memcmp(bytes, text, n) == 0 && text[n] == '\0';
            free(text);
        }
        }
        same += equal && !s->failed;
    }
    return same;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 3, SERIAL_CHUNK - 1, SERIAL_CHUNK, SIZE_MAX};
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct strbuf b;
        strbuf_init(&b, SIZE_MAX);
        static struct sink s;
        sink_init(&s, strbuf_write, &b);
        write_script(&s, seed);
        assert_true(sink_flush(&s));
        assert_int_equal(s.total, b.n);
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            struct slow slow = {{(const uint8_t *)b.p, b.n}, steps[i]};
            static struct source from;
            source_init(&from, slow_read, &slow);
            int same = read_script(&from, seed);
            if (same != STEPS)
                fail_msg("seed %d, %zu bytes at a time: %d of %d steps", (int)seed, steps[i], same,
                         STEPS);
            assert_true(source_end(&from));
        }
        strbuf_deinit(&b);
    }
}

static void a_source_cut_short_fails_and_gives_zeros(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b, 1000);
    static struct sink s;
    sink_init(&s, strbuf_write, &b);
    sink_u8(&s, 0xff);
    sink_u16(&s, 0xffff);
    sink_u32(&s, UINT32_MAX);
    sink_u64(&s, UINT64_MAX);
    sink_i64(&s, -1);
    sink_str(&s, STR("text"));
    assert_true(sink_flush(&s));
    for (size_t n = 0; n <= b.n; n++) {
        struct memory_reader memory = {(const uint8_t *)b.p, n};
        static struct source from;
        source_init(&from, memory_read, &memory);
        assert_int_equal(source_u8(&from), n >= 1 ? 0xff : 0);
        assert_int_equal(source_u16(&from), n >= 3 ? 0xffff : 0);
        assert_int_equal(source_u32(&from), n >= 7 ? UINT32_MAX : 0);
        assert_true(source_u64(&from) == (n >= 15 ? UINT64_MAX : 0));
        assert_int_equal(source_i64(&from), n >= 23 ? -1 : 0);
        size_t length = 99;
        char *text = source_str(&from, 4, &length);
        assert_int_equal(text != NULL, n == b.n);
        assert_int_equal(length, n == b.n ? 4 : 0);
        free(text);
        assert_int_equal(from.failed, n < b.n);
        assert_int_equal(source_end(&from), n == b.n);
        assert_int_equal(source_u8(&from), 0);
        assert_true(from.failed);
    }
    strbuf_deinit(&b);
}

static void a_failed_source_gives_nothing_more(void **state)
{
    (void)state;
    static const uint8_t bytes[32] = {9, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7};
    struct memory_reader memory = {bytes, sizeof bytes};
    static struct source from;
    source_init(&from, memory_read, &memory);
    assert_int_equal(source_count(&from, 8), 0);
    assert_true(from.failed);
    assert_int_equal(source_u8(&from), 0);
    uint8_t out[4] = {1, 2, 3, 4};
    source_bytes(&from, out, sizeof out);
    assert_memory_equal(out, "\0\0\0\0", 4);
    assert_null(source_str(&from, 100, NULL));
    assert_false(source_end(&from));
}

static void a_count_is_bounded(void **state)
{
    (void)state;
    static const struct {
        uint64_t count, max;
        bool good;
    } rows[] = {{0, 0, true},  {1, 0, false},          {5, 5, true},
                {6, 5, false}, {UINT64_MAX, 5, false}, {UINT64_C(1) << 32, UINT32_MAX, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[8];
        for (size_t k = 0; k < 8; k++)
            bytes[k] = (uint8_t)(rows[i].count >> (8 * k));
        struct memory_reader memory = {bytes, sizeof bytes};
        static struct source from;
        source_init(&from, memory_read, &memory);
        assert_int_equal(source_count(&from, rows[i].max), rows[i].good ? rows[i].count : 0);
        assert_int_equal(from.failed, !rows[i].good);
    }
}

static void a_source_with_bytes_left_is_not_at_its_end(void **state)
{
    (void)state;
    struct memory_reader memory = {(const uint8_t *)"ab", 2};
    static struct source from;
    source_init(&from, memory_read, &memory);
    assert_false(source_end(&from));
    assert_int_equal(source_u8(&from), 'a'); /* asking takes nothing */
    assert_false(source_end(&from));
    assert_int_equal(source_u8(&from), 'b');
    assert_true(source_end(&from));
}

static void a_false_length_costs_no_memory(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 'a', 'b'};
    static struct source from;
    struct memory_reader memory = {bytes, sizeof bytes};
    source_init(&from, memory_read, &memory);
    fault_fail_at(0);
    assert_null(source_str(&from, SIZE_MAX, NULL));
    fault_off();
    assert_int_equal(fault_count(), 1); /* one chunk, then the end is found */

    memory = (struct memory_reader){bytes, sizeof bytes};
    source_init(&from, memory_read, &memory);
    fault_fail_at(0);
    assert_null(source_str(&from, UINT32_MAX - 1, NULL));
    fault_off();
    assert_int_equal(fault_count(), 0); /* over its bound: not even begun */
}

static void a_string_without_memory_fails_the_source(void **state)
{
    (void)state;
    enum { LENGTH = 5 * SERIAL_CHUNK };
    uint8_t *bytes = calloc(1, 4 + LENGTH);
    assert_non_null(bytes);
    for (size_t k = 0; k < 4; k++)
        bytes[k] = (uint8_t)(LENGTH >> (8 * k));
    long n = 1;
    for (;; n++) {
        struct memory_reader memory = {bytes, 4 + LENGTH};
        static struct source from;
        source_init(&from, memory_read, &memory);
        fault_fail_at(n);
        char *text = source_str(&from, SIZE_MAX, NULL);
        fault_off();
        assert_int_equal(text == NULL, fault_fired());
        assert_int_equal(from.failed, fault_fired());
        free(text);
        if (!fault_fired())
            break;
    }
    assert_true(n > 2);
    free(bytes);
}

/* Takes `left` writes, then none.                                                                */
static bool few(void *left, const void *p, size_t n)
{
    (void)p;
    (void)n;
    return (*(int *)left)-- > 0;
}

static void a_sink_remembers_that_a_write_failed(void **state)
{
    (void)state;
    static uint8_t bytes[SERIAL_CHUNK];
    for (int writes = 0; writes < 4; writes++) {
        int left = writes;
        static struct sink s;
        sink_init(&s, few, &left);
        for (int i = 0; i < 3; i++)
            sink_bytes(&s, bytes, sizeof bytes);
        sink_u8(&s, 1);
        assert_int_equal(sink_flush(&s), writes == 4);
        assert_true(s.failed);
        assert_int_equal(left, -1); /* asked once more and never again */
        assert_false(sink_flush(&s));
        sink_u64(&s, 1);
        assert_false(sink_flush(&s));
        assert_int_equal(left, -1);
    }
}

static void a_string_too_long_for_its_length_fails_the_sink(void **state)
{
    (void)state;
    int left = 10;
    static struct sink s;
    sink_init(&s, few, &left);
    sink_str(&s, (struct str){"", (size_t)UINT32_MAX + 1});
    assert_false(sink_flush(&s));
}

static void memory_is_read_to_its_end(void **state)
{
    (void)state;
    struct memory_reader memory = {(const uint8_t *)"abc", 3};
    char out[4] = {0};
    assert_int_equal(memory_read(&memory, out, 2), 2);
    assert_int_equal(memory_read(&memory, out + 2, 2), 1);
    assert_int_equal(memory_read(&memory, out, 2), 0);
    assert_string_equal(out, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_source_cut_short_fails_and_gives_zeros),
        cmocka_unit_test(a_failed_source_gives_nothing_more),
        cmocka_unit_test(a_count_is_bounded),
        cmocka_unit_test(a_source_with_bytes_left_is_not_at_its_end),
        cmocka_unit_test_teardown(a_false_length_costs_no_memory, memory_returns),
        cmocka_unit_test_teardown(a_string_without_memory_fails_the_source, memory_returns),
        cmocka_unit_test(a_sink_remembers_that_a_write_failed),
        cmocka_unit_test(a_string_too_long_for_its_length_fails_the_sink),
        cmocka_unit_test(memory_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
