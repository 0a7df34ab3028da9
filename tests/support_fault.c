#include "support_fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_bool armed;
static atomic_long count;
static atomic_long fail_at;
static atomic_bool fired;

void fault_fail_at(long n)
{
    atomic_store(&armed, false);
    atomic_store(&count, 0);
    atomic_store(&fail_at, n);
    atomic_store(&fired, false);
    atomic_store(&armed, true);
}

void fault_off(void)
{
    atomic_store(&armed, false);
}

int memory_returns(void **state)
{
    (void)state;
    fault_off();
    return 0;
}

bool fault_fired(void)
{
    return atomic_load(&fired);
}

long fault_count(void)
{
    return atomic_load(&count);
}

static bool fails(void)
{
    if (!atomic_load(&armed) || atomic_fetch_add(&count, 1) + 1 != atomic_load(&fail_at))
        return false;
    atomic_store(&fired, true);
    errno = ENOMEM;
    return true;
}

/* The linker gives calls of f to __wrap_f, and those of __real_f to f.                           */
#define WRAP(name, parameters, arguments)                                                          \
    void *__real_##name parameters;                                                                \
    void *__wrap_##name parameters;                                                                \
    void *__wrap_##name parameters                                                                 \
    {                                                                                              \
        return fails() ? NULL : __real_##name arguments;                                           \
    }

WRAP(malloc, (size_t n), (n))
WRAP(calloc, (size_t n, size_t size), (n, size))
WRAP(realloc, (void *p, size_t n), (p, n))
WRAP(aligned_alloc, (size_t alignment, size_t n), (alignment, n))
WRAP(strdup, (const char *s), (s))
WRAP(strndup, (const char *s, size_t n), (s, n))
