/* Memory that runs out on purpose.
 *
 * Every test program is linked with --wrap, so that malloc, calloc, realloc, aligned_alloc, strdup
 * and strndup, called from the library's objects or the test's, pass through here; calls made
 * inside shared libraries (jansson, libarchive, libc's own) do not. Works under ASan and TSan, and
 * may be called from several threads, which share one count. Until fault_fail_at is called nothing
 * is counted and nothing fails.
 *
 * A sweep makes each allocation of an operation fail in turn, until one run needs fewer:
 *
 *     for (long n = 1;; n++) {
 *         struct thing t;                        built anew each time, with memory in plenty
 *         thing_init(&t);
 *         fault_fail_at(n);
 *         bool ok = thing_add(&t, ...);
 *         fault_off();
 *         assert_int_equal(ok, !fault_fired());  it says so, exactly when it happened
 *         ... the contract: nothing has changed, nothing leaks (run under ASan) ...
 *         thing_deinit(&t);
 *         if (!fault_fired())
 *             break;
 *     }
 *
 * What cannot tell (a cache that is merely not kept) may succeed though the fault fired; loop on
 * fault_fired() then too, never on the result. cmocka jumps out of a failed test: give it
 * memory_returns as its teardown.                                                                */
#ifndef SUPPORT_FAULT_H
#define SUPPORT_FAULT_H

#include <stdbool.h>

/* From now on allocations are counted from 1, and the nth, and only that one, fails (NULL, ENOMEM).
 * n <= 0: counted, none fails.                                                                   */
void fault_fail_at(long n);

/* Stops counting; nothing fails. What the two functions below say stays until the next
 * fault_fail_at.                                                                                 */
void fault_off(void);

bool fault_fired(void); /* the nth allocation came, and failed */
long fault_count(void); /* allocations since fault_fail_at, the failed one among them */

/* A cmocka teardown that is fault_off: a failed test leaves no fault armed for the next.         */
int memory_returns(void **state);
#endif
