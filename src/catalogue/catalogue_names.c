#include "catalogue/catalogue.h"

static const char *const kind_names[TARGET_KINDS] = {"", "user", "content", "good", "service"};

static const char *const role_names[] = {"operator", "creator_manager", "economist", "moderator",
                                         "auditor",  "client",          "reader",    "member"};
enum { ROLES = sizeof role_names / sizeof *role_names };

const char *target_kind_name(enum target_kind kind)
{
    return (unsigned)kind < TARGET_KINDS ? kind_names[kind] : "";
}

enum target_kind target_kind_of_name(struct str name)
{
    for (int k = TARGET_USER; k < TARGET_KINDS; k++)
        if (str_is(name, kind_names[k]))
            return (enum target_kind)k;
    return TARGET_NONE;
}

const char *role_name(enum role role)
{
    for (int i = 0; i < ROLES; i++)
        if ((unsigned)role == 1u << i)
            return role_names[i];
    return "";
}

enum role role_of_name(struct str name)
{
    for (int i = 0; i < ROLES; i++)
        if (str_is(name, role_names[i]))
            return (enum role)(1 << i);
    return str_is(name, "user") || str_is(name, "creator") ? ROLE_MEMBER : (enum role)0;
}
