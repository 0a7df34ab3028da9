/* The command table of commands.def as data. */
#ifndef HEED_TABLE_H
#define HEED_TABLE_H

#include "allocation/allocation.h"
#include "base/str.h"
#include "catalogue/catalogue.h"
#include "world/call.h"

enum command_kind { KIND_COMMAND, KIND_INTERNAL, KIND_QUERY, KIND_TOOL };

enum command_id {
#define HEED_COMMAND(noun, verb, kind, roles, help, example) COMMAND_##noun##_##verb,
#define HEED_ARG(...)
#define HEED_END
#include "world/commands.def"
#undef HEED_COMMAND
#undef HEED_ARG
#undef HEED_END
    COMMAND_COUNT
};

enum arg_type {
    ARG_USER,     /* a user of the world -> party                                    */
    ARG_PARTY,    /* a user, creator or seller; add commands make new ones           */
    ARG_ACCOUNT,  /* a party or system:NAME -> holder                                */
    ARG_TARGET,   /* kind:id -> target                                               */
    ARG_GOOD,     /* id, good:id or service:id -> target                             */
    ARG_NEW,      /* id of what is being added: resolved by admission, stored as -   */
    ARG_VERB,     /* -> index in the rules                                           */
    ARG_SYMBOL,   /* -> symbol; made when new (in commands)                          */
    ARG_CURRENCY, /* -> index in the rules; absent: 0                                */
    ARG_UNIT,     /* a currency, good:id or service:id -> unit (world/units.h)       */
    ARG_AMOUNT,   /* money in major units -> minor, in the command's currency        */
    ARG_INT,
    ARG_DECIMAL, /* >= 0 -> thousandths                                             */
    ARG_SCORE,   /* -> thousandths                                                  */
    ARG_TIME,    /* -> milliseconds                                                 */
    ARG_ROLE,    /* -> role bits                                                    */
    ARG_CHOICE,  /* -> place among the choices                                      */
    ARG_FLAG,    /* -> 1                                                            */
    ARG_ID,      /* any text -> 128-bit hash in two integers                        */
    ARG_DATA,    /* up to 32 hexadecimal digits -> 128 bits in two integers         */
    ARG_KEY,     /* any text -> 64-bit hash, never 0                                */
    ARG_CODE,    /* likewise, the same whoever says it                              */
    ARG_TEXT,    /* sealed by admission, or for tools                               */
    ARG_FILE,    /* tools only                                                      */
    ARG_BLOB,    /* bytes that admission makes                                      */
    ARG_FACT,    /* bytes computed from the world's state when the command is given */
};

enum {
    POSITIONAL = 1,
    REQUIRED = 2,
    SELF = 4,
    REST = 8,
    PRIVATE = 16,
    REPEATED = 32,
    THERE = 64,
    LATER = 128,
};

struct arg_spec {
    const char *name;
    enum arg_type type;
    unsigned flags;
    int64_t min, max;
    const char *choices, *help;
};

struct command_spec {
    const char *noun, *verb; /* verb "" when the noun stands alone */
    enum command_kind kind;
    unsigned roles; /* bits of enum role */
    const char *help, *example;
    const struct arg_spec *args;
    size_t n; /* arguments */
};

const struct command_spec *command_spec(enum command_id id);
/* Integers of a call: one an argument, two an ARG_ID or ARG_DATA, none a blob, fact, text or file.
 */
size_t command_ints(const struct command_spec *spec);
int command_find(struct str noun, struct str verb); /* enum command_id, or -1 */

/* Place of an argument's (first) integer in call.i, or -1 when it has none.                     */
int command_int(const struct command_spec *spec, size_t arg);
int command_arg(const struct command_spec *spec, struct str name); /* index, or -1 */
#endif
