/* Writes the ingestion benchmark's input: bench_generate DIR [EVENTS [USERS [CONTENTS]]].
 * users.csv, contents.csv and events.csv; users uniform, contents by a power law, two weeks of
 * time. */
#include "base/prng.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static FILE *open_in(const char *dir, const char *name, const char *header)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        exit(1);
    }
    fputs(header, f);
    return f;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s DIR [EVENTS [USERS [CONTENTS]]]\n", argv[0]);
        return 2;
    }
    long events = argc > 2 ? strtol(argv[2], NULL, 10) : 10000000;
    long users = argc > 3 ? strtol(argv[3], NULL, 10) : 100000;
    long contents = argc > 4 ? strtol(argv[4], NULL, 10) : 20000;
    static const char *const verbs[] = {"view",  "view", "view",    "view",  "dwell",
                                        "dwell", "like", "comment", "share", "skip"};
    static const char *const surfaces[] = {"home", "search", "plaza", "friend"};
    mkdir(argv[1], 0777);
    FILE *f = open_in(argv[1], "users.csv", "id\n");
    for (long i = 0; i < users; i++)
        fprintf(f, "u%ld\n", i);
    fclose(f);
    f = open_in(argv[1], "contents.csv", "id,creator\n");
    for (long i = 0; i < contents; i++)
        fprintf(f, "c%ld,u%ld\n", i, i % users);
    fclose(f);
    f = open_in(argv[1], "events.csv", "time,user,verb,target,amount,surface\n");
    struct prng r;
    prng_seed(&r, 1);
    for (long i = 0; i < events; i++) {
        double x = prng_double(&r);
        const char *verb = verbs[prng_below(&r, 10)];
        fprintf(f, "%ld,u%lu,%s,content:c%ld,%s%lu,%s\n", 1767225600 + i * 1209600 / events,
                (unsigned long)prng_below(&r, (uint64_t)users), verb,
                (long)(x * x * (double)contents), "",
                verb[0] == 'd' ? (unsigned long)(1 + prng_below(&r, 120)) : 1UL,
                surfaces[prng_below(&r, 4)]);
    }
    return fclose(f) == 0 ? 0 : 1;
}
