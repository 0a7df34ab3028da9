/* OpenBLAS chooses its kernels when it is loaded, and takes a processor that is newer than itself
 * for the oldest there was: three to four times the time for what could be done with AVX2. Its
 * environment variable is read before main, so the program starts itself anew with it, once. */
#include "cli/cli.h"

#include <stdlib.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cblas.h>

static bool is_old(const char *core)
{
    static const char *const old[] = {"Prescott", "Core2", "Penryn", "Dunnington", "Nehalem",
                                      "Katmai",   "Atom",  "Banias", "Athlon",     "Opteron"};
    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        if (strcmp(core, old[i]) == 0)
            return true;
    return false;
}

void cli_choose_kernel(char **argv)
{
    if (getenv("OPENBLAS_CORETYPE") || !is_old(openblas_get_corename()) ||
        !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return;
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (setenv("OPENBLAS_CORETYPE", wide ? "SKYLAKEX" : "HASWELL", 1) != 0)
        return;
    execv("/proc/self/exe", argv);
    unsetenv("OPENBLAS_CORETYPE"); /* it goes on as it is */
}
#else
void cli_choose_kernel(char **argv)
{
    (void)argv;
}
#endif
