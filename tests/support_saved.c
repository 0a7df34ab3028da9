#include "support_saved.h"

#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct strbuf saved_bytes(const struct saved_kind *kind, const void *x)
{
    struct strbuf bytes;
    struct sink s;
    strbuf_init(&bytes, SIZE_MAX / 2);
    sink_init(&s, strbuf_write, &bytes);
    kind->save(x, &s);
    assert_true(sink_flush(&s));
    return bytes;
}

bool saved_equal(const struct strbuf *a, const struct strbuf *b)
{
    return str_eq((struct str){a->p, a->n}, (struct str){b->p, b->n});
}

enum heed_status saved_load(const struct saved_kind *kind, void *x, const void *p, size_t n,
                            size_t *used, struct heed_error *err)
{
    struct memory_reader reader = {p, n};
    struct source s;
    source_init(&s, memory_read, &reader);
    enum heed_status status = kind->load(x, &s, err);
    *used = n - reader.n - (s.have - s.at);
    return status;
}

/* Loads p[n]; what loads must stand its check and save to what was read. false: it did not load. */
static bool load_and_compare(const struct saved_kind *kind, const char *p, size_t n)
{
    void *x = malloc(kind->size);
    assert_non_null(x);
    struct heed_error err = {0};
    size_t used;
    enum heed_status status = saved_load(kind, x, p, n, &used, &err);
    if (status == HEED_OK) {
        kind->check(x);
        struct strbuf again = saved_bytes(kind, x);
        assert_int_equal(again.n, used);
        assert_memory_equal(again.p, p, used);
        strbuf_deinit(&again);
    } else {
        assert_int_equal(status, HEED_INPUT);
        assert_int_equal(err.status, HEED_INPUT);
        assert_true(err.message[0] != '\0');
    }
    kind->deinit(x);
    free(x);
    return status == HEED_OK;
}

void assert_round_trip(const struct saved_kind *kind, const void *x)
{
    struct strbuf bytes = saved_bytes(kind, x);
    assert_true(load_and_compare(kind, bytes.p, bytes.n));
    strbuf_deinit(&bytes);
}

void assert_damage_is_found_or_harmless(const struct saved_kind *kind, const void *x)
{
    struct strbuf bytes = saved_bytes(kind, x);
    size_t found = 0;
    for (size_t n = 0; n < bytes.n; n++)
        if (load_and_compare(kind, bytes.p, n)) {
            print_error("the first %zu bytes of %zu load\n", n, bytes.n);
            fail();
        }
    for (size_t at = 0; at < bytes.n; at++)
        for (int bit = 0; bit < 8; bit++) {
            bytes.p[at] = (char)(bytes.p[at] ^ 1 << bit);
            found += !load_and_compare(kind, bytes.p, bytes.n);
            bytes.p[at] = (char)(bytes.p[at] ^ 1 << bit);
        }
    assert_true(found > 0);
    strbuf_deinit(&bytes);
}

long assert_load_says_when_memory_is_out(const struct saved_kind *kind, const void *x,
                                         bool (*empty)(const void *loaded))
{
    struct strbuf bytes = saved_bytes(kind, x);
    void *loaded = malloc(kind->size);
    assert_non_null(loaded);
    for (long n = 1;; n++) {
        struct heed_error err = {0};
        size_t used;
        fault_fail_at(n);
        enum heed_status status = saved_load(kind, loaded, bytes.p, bytes.n, &used, &err);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        assert_int_equal(err.status, status);
        if (fault_fired()) {
            assert_true(empty(loaded));
        } else {
            struct strbuf again = saved_bytes(kind, loaded);
            assert_true(saved_equal(&bytes, &again));
            strbuf_deinit(&again);
        }
        kind->deinit(loaded);
        if (fault_fired())
            continue;
        free(loaded);
        strbuf_deinit(&bytes);
        return n - 1;
    }
}
