/* Hashes against published vectors and against the libraries' other doors. */
#include "base/hash.h"
#include "support_fault.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <xxhash.h>

#include <cmocka.h>

static uint8_t bytes[1 << 20];

static void fill(uint64_t seed)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)hash_u64(seed + i);
}

static void sha256_gives_the_published_digests(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t repeat;
        const char *hex, *source;
    } rows[] = {
        {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         "NIST CAVP SHA256ShortMsg, Len 0"},
        {"\xd3", 1, "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1",
         "NIST CAVP SHA256ShortMsg, Len 8"},
        {"\x11\xaf", 1, "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98",
         "NIST CAVP SHA256ShortMsg, Len 16"},
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
         "FIPS 180-2 B.1"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", "FIPS 180-2 B.2"},
        {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
         "FIPS 180-2 B.3"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
         "NIST examples, 896 bits"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sha256_stream *s = sha256_new();
        assert_non_null(s);
        for (size_t k = 0; k < rows[i].repeat; k++)
            sha256_update(s, rows[i].text, strlen(rows[i].text));
        char hex[65];
        if (strcmp(sha256_hex(sha256_final(s), hex), rows[i].hex) != 0)
            fail_msg("%s: expected %s, got %s", rows[i].source, rows[i].hex, hex);
        if (rows[i].repeat == 1)
            assert_string_equal(sha256_hex(sha256_of(rows[i].text, strlen(rows[i].text)), hex),
                                rows[i].hex);
    }
}

static void sha256_agrees_with_evp_in_one_piece_and_in_many(void **state)
{
    (void)state;
    fill(7);
    for (size_t n = 0; n < 300; n++) {
        unsigned char expected[32];
        assert_int_equal(EVP_Digest(bytes, n, expected, NULL, EVP_sha256(), NULL), 1);
        struct sha256 got = sha256_of(bytes, n);
        assert_memory_equal(got.b, expected, 32);
        struct sha256_stream *s = sha256_new();
        assert_non_null(s);
        for (size_t at = 0, step = 0; at < n; step++) {
            size_t piece = (size_t)(hash_u64(n * 1000 + step) % 70); /* some are empty */
            piece = piece < n - at ? piece : n - at;
            sha256_update(s, bytes + at, piece);
            at += piece;
        }
        assert_true(sha256_eq(sha256_final(s), got));
    }
    assert_true(sha256_eq(sha256_of(NULL, 0), sha256_of("", 0)));
}

static void digests_that_differ_anywhere_are_not_equal(void **state)
{
    (void)state;
    struct sha256 a = sha256_of("a", 1);
    assert_true(sha256_eq(a, a));
    for (size_t i = 0; i < sizeof a.b; i++) {
        struct sha256 b = a;
        b.b[i] ^= 1;
        assert_false(sha256_eq(a, b));
    }
}

static void a_stream_can_be_dropped_or_denied(void **state)
{
    (void)state;
    sha256_free(NULL);
    struct sha256_stream *s = sha256_new();
    assert_non_null(s);
    sha256_update(s, "x", 1);
    sha256_free(s);
    fault_fail_at(1);
    s = sha256_new();
    fault_off();
    assert_null(s);
}

static void bytes_are_hashed_by_xxh3(void **state)
{
    (void)state;
    fill(11);
    /* The lengths where XXH3 changes its way: 3, 8, 16, 128, 240, a stripe, a block.             */
    for (size_t n = 0; n < 2100; n++)
        for (uint64_t seed = 0; seed < 3; seed++)
            assert_true(hash_bytes(bytes, n, seed) == XXH3_64bits_withSeed(bytes, n, seed));
    assert_true(hash_bytes(bytes, 1000, 0) == XXH3_64bits(bytes, 1000));
    assert_true(hash_bytes(NULL, 0, 0) == UINT64_C(0x2d06800538d394c2)); /* xxHash's sanity table */
    assert_true(hash_bytes("abc", 3, 0) != hash_bytes("abc", 3, 1));
}

/* The mixer is one to one: it can be undone. Source: the multiplier and its inverse are D.
 * Hoekstra's
 * ("degski64").                                                                                  */
static void the_mixer_loses_nothing(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t x = i * i * UINT64_C(0x100000001b3) + i, y = hash_u64(x);
        y ^= y >> 32;
        y *= UINT64_C(0xcfee444d8b59a89b);
        y ^= y >> 32;
        y *= UINT64_C(0xcfee444d8b59a89b);
        y ^= y >> 32;
        assert_true(y == x);
    }
}

/* Tables use the low bits: flipping any one bit of a key changes each of them half of the time.  */
static void the_mixer_spreads_every_bit_to_the_low_ones(void **state)
{
    (void)state;
    enum { KEYS = 4000 };
    for (int bit = 0; bit < 64; bit++) {
        int changed[16] = {0};
        for (uint64_t key = 0; key < KEYS; key++) {
            uint64_t d = hash_u64(key) ^ hash_u64(key ^ UINT64_C(1) << bit);
            for (int low = 0; low < 16; low++)
                changed[low] += (int)(d >> low & 1);
        }
        for (int low = 0; low < 16; low++)
            if (changed[low] < KEYS * 2 / 5 || changed[low] > KEYS * 3 / 5)
                fail_msg("bit %d of a key changes bit %d %d times of %d", bit, low, changed[low],
                         KEYS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_published_digests),
        cmocka_unit_test(sha256_agrees_with_evp_in_one_piece_and_in_many),
        cmocka_unit_test(digests_that_differ_anywhere_are_not_equal),
        cmocka_unit_test_teardown(a_stream_can_be_dropped_or_denied, memory_returns),
        cmocka_unit_test(bytes_are_hashed_by_xxh3),
        cmocka_unit_test(the_mixer_loses_nothing),
        cmocka_unit_test(the_mixer_spreads_every_bit_to_the_low_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
