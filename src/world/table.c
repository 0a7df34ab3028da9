#include "world/table.h"

#include "base/error.h"

#define KIND_OF_COMMAND KIND_COMMAND
#define KIND_OF_INTERNAL KIND_INTERNAL
#define KIND_OF_QUERY KIND_QUERY
#define KIND_OF_TOOL KIND_TOOL

#define HEED_COMMAND(noun, verb, kind, roles, help, example)                                       \
    static const struct arg_spec args_##noun##_##verb[] = {
#define HEED_ARG(name, type, flags, min, max, choices, help)                                       \
    {#name, type, flags, min, max, choices, help},
#define HEED_END                                                                                   \
    {                                                                                              \
        NULL, ARG_TEXT, 0, 0, 0, "", ""                                                            \
    }                                                                                              \
    }                                                                                              \
    ;
#include "world/commands.def"
#undef HEED_COMMAND
#undef HEED_ARG
#undef HEED_END

static const struct command_spec specs[COMMAND_COUNT] = {
#define HEED_COMMAND(noun, verb, kind, roles, help, example)                                       \
    {#noun,                                                                                        \
     #verb,                                                                                        \
     KIND_OF_##kind,                                                                               \
     (unsigned)(roles),                                                                            \
     help,                                                                                         \
     example,                                                                                      \
     args_##noun##_##verb,                                                                         \
     sizeof args_##noun##_##verb / sizeof args_##noun##_##verb[0] - 1},
#define HEED_ARG(...)
#define HEED_END
#include "world/commands.def"
#undef HEED_COMMAND
#undef HEED_ARG
#undef HEED_END
};

static size_t ints_of(enum arg_type type)
{
    switch (type) {
    case ARG_ID:
    case ARG_DATA:
        return 2;
    case ARG_BLOB:
    case ARG_FACT:
    case ARG_TEXT:
    case ARG_FILE:
        return 0;
    default:
        return 1;
    }
}

const struct command_spec *command_spec(enum command_id id)
{
    heed_assert((unsigned)id < COMMAND_COUNT);
    return &specs[id];
}

int command_find(struct str noun, struct str verb)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (str_is(noun, specs[i].noun) && str_is(verb, specs[i].verb))
            return i;
    return -1;
}

int command_int(const struct command_spec *spec, size_t arg)
{
    heed_assert(arg < spec->n);
    size_t at = 0;
    for (size_t i = 0; i < arg; i++)
        at += ints_of(spec->args[i].type);
    return ints_of(spec->args[arg].type) ? (int)at : -1;
}

size_t command_ints(const struct command_spec *spec)
{
    size_t n = 0;
    for (size_t i = 0; i < spec->n; i++)
        n += ints_of(spec->args[i].type);
    heed_assert(n <= CALL_INTS);
    return n;
}

int command_arg(const struct command_spec *spec, struct str name)
{
    for (size_t i = 0; i < spec->n; i++)
        if (str_is(name, spec->args[i].name))
            return (int)i;
    return -1;
}
