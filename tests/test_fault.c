/* The memory that fails on purpose: it must fail exactly what it says. */
#include "support_fault.h"

#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Behind a pointer that the compiler cannot see through: it may leave out a malloc whose memory is
 * only freed again.                                                                              */
static void *(*volatile allocate)(size_t) = malloc;

static void only_the_nth_allocation_fails(void **state)
{
    (void)state;
    fault_fail_at(2);
    char *first = allocate(1);
    errno = 0;
    char *second = allocate(1);
    int error = errno;
    char *third = allocate(1);
    fault_off();
    assert_non_null(first);
    assert_null(second);
    assert_int_equal(error, ENOMEM);
    assert_non_null(third);
    assert_true(fault_fired());
    assert_int_equal(fault_count(), 3);
    free(first);
    free(third);
}

static void *by_malloc(void)
{
    return allocate(3);
}
static void *by_calloc(void)
{
    return calloc(3, 1);
}
static void *by_realloc(void)
{
    return realloc(NULL, 3);
}
static void *by_aligned_alloc(void)
{
    return aligned_alloc(16, 16);
}
static void *by_strdup(void)
{
    return strdup("abc");
}
static void *by_strndup(void)
{
    return strndup("abc", 2);
}

/* Calls from the library are those that count; array_grow stands for them.                      */
static void *by_the_library(void)
{
    char *p = NULL;
    size_t cap = 0;
    return array_grow(&p, &cap, 1, 1) ? p : NULL;
}

static void every_kind_of_allocation_can_fail(void **state)
{
    (void)state;
    static void *(*const kinds[])(void) = {by_malloc, by_calloc,  by_realloc,    by_aligned_alloc,
                                           by_strdup, by_strndup, by_the_library};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        fault_fail_at(1);
        assert_null(kinds[i]());
        assert_true(fault_fired());
        void *p = kinds[i]();
        assert_non_null(p);
        assert_int_equal(fault_count(), 2);
        fault_off();
        free(p);
    }
}

static void nothing_fails_or_counts_when_off(void **state)
{
    (void)state;
    fault_fail_at(1);
    fault_off();
    void *p = allocate(1);
    assert_non_null(p);
    free(p);
    assert_false(fault_fired());
    assert_int_equal(fault_count(), 0);

    fault_fail_at(0);
    p = allocate(1);
    fault_off();
    assert_non_null(p);
    free(p);
    assert_false(fault_fired());
    assert_int_equal(fault_count(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(only_the_nth_allocation_fails, memory_returns),
        cmocka_unit_test_teardown(every_kind_of_allocation_can_fail, memory_returns),
        cmocka_unit_test_teardown(nothing_fails_or_counts_when_off, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
