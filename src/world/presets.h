/* The YAML files of presets/, built in by cmake/embed.cmake. */
#ifndef HEED_PRESETS_H
#define HEED_PRESETS_H

#include <stddef.h>

struct preset {
    const char *name;
    const unsigned char *bytes;
    size_t n;
};
extern const struct preset presets[];
extern const size_t presets_n;
extern const char presets_names[]; /* "default, eve, …" */
#endif
