/* State as bytes: saved to memory, loaded from it, and damaged on purpose. */
#ifndef SUPPORT_SAVED_H
#define SUPPORT_SAVED_H

#include "base/error.h"
#include "base/serial.h"

/* One kind of state. `size` bytes hold it; load as the library's: on failure it is empty.        */
struct saved_kind {
    size_t size;
    void (*save)(const void *x, struct sink *s);
    enum heed_status (*load)(void *x, struct source *s, struct heed_error *err);
    void (*deinit)(void *x);
    void (*check)(const void *x); /* asserts whatever must hold of any state that loads */
};

/* x as bytes; the caller frees with strbuf_deinit.                                               */
struct strbuf saved_bytes(const struct saved_kind *kind, const void *x);

bool saved_equal(const struct strbuf *a, const struct strbuf *b);

/* Loads into *x; *used out: bytes of p that were read.                                          */
enum heed_status saved_load(const struct saved_kind *kind, void *x, const void *p, size_t n,
                            size_t *used, struct heed_error *err);

/* Asserts that x loads back, is checked, and saves to the same bytes.                           */
void assert_round_trip(const struct saved_kind *kind, const void *x);

/* Asserts that every truncation of x's bytes is HEED_INPUT, and that every bit of it, flipped,
 * gives HEED_INPUT or a state that stands its check and saves to exactly the bytes it was read
 * from.    */
void assert_damage_is_found_or_harmless(const struct saved_kind *kind, const void *x);

/* Loads x's bytes with each allocation failing in turn: asserts that exactly then HEED_NOMEM is
 * said and empty(loaded) holds, and that with enough memory all of x loads. How many allocations a
 * load makes. The test's teardown is memory_returns of support_fault.h. */
long assert_load_says_when_memory_is_out(const struct saved_kind *kind, const void *x,
                                         bool (*empty)(const void *loaded));
#endif
