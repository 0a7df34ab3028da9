#include "import/rows.h"

static const char *const names[FIELDS] = {
    "id",       "name",    "joined_at",       "role",   "creator", "title",
    "body",     "kind",    "created_at",      "good",   "seller",  "description",
    "category", "price",   "currency",        "stock",  "sales",   "time",
    "user",     "verb",    "target",          "amount", "surface", "via",
    "score",    "offered", "copy_similarity", "act",    "reason",  "count",
    "stands"};

#define BIT(f) (UINT32_C(1) << FIELD_##f)
#define GOODS                                                                                      \
    (BIT(ID) | BIT(NAME) | BIT(SELLER) | BIT(DESCRIPTION) | BIT(CATEGORY) | BIT(PRICE) |           \
     BIT(CURRENCY) | BIT(STOCK) | BIT(SALES) | BIT(CREATED_AT) | BIT(OFFERED))
#define SCORES (BIT(TIME) | BIT(USER) | BIT(TARGET) | BIT(SCORE) | BIT(KIND))

static const struct {
    const char *name;
    uint32_t fields, required;
} kinds[IMPORT_FILES] = {
    {"users", BIT(ID) | BIT(NAME) | BIT(JOINED_AT) | BIT(ROLE), BIT(ID)},
    {"contents",
     BIT(ID) | BIT(CREATOR) | BIT(TITLE) | BIT(BODY) | BIT(KIND) | BIT(CREATED_AT) | BIT(GOOD) |
         BIT(CATEGORY) | BIT(COPIED),
     BIT(ID) | BIT(CREATOR)},
    {"goods", GOODS, BIT(ID) | BIT(NAME)},
    {"services", GOODS, BIT(ID) | BIT(NAME)},
    {"events",
     BIT(TIME) | BIT(USER) | BIT(VERB) | BIT(TARGET) | BIT(AMOUNT) | BIT(SURFACE) | BIT(VIA) |
         BIT(ID) | BIT(COUNT),
     BIT(TIME) | BIT(USER) | BIT(VERB) | BIT(TARGET)},
    {"ratings", SCORES, BIT(TIME) | BIT(USER) | BIT(TARGET) | BIT(SCORE)},
    {"reviews", SCORES, BIT(TIME) | BIT(USER) | BIT(TARGET) | BIT(SCORE)},
    {"decisions", BIT(TIME) | BIT(USER) | BIT(ACT) | BIT(TARGET) | BIT(REASON) | BIT(STANDS),
     BIT(TIME) | BIT(ACT) | BIT(TARGET) | BIT(REASON)},
    {"learnt", 0, 0},
    {"models", 0, 0},
};

const char *import_kind_name(enum import_kind kind)
{
    return kinds[kind].name;
}

int import_kind_of_name(struct str name)
{
    for (int i = 0; i < IMPORT_KINDS; i++)
        if (str_is(name, kinds[i].name))
            return i;
    return -1;
}

const char *field_name(enum field f)
{
    return names[f];
}

int field_of_name(struct str name)
{
    for (int i = 0; i < FIELDS; i++)
        if (str_is(name, names[i]))
            return i;
    return -1;
}

uint32_t kind_fields(enum import_kind kind)
{
    return kinds[kind].fields;
}
uint32_t kind_required(enum import_kind kind)
{
    return kinds[kind].required;
}
bool kind_keeps_attributes(enum import_kind kind)
{
    return kind <= IMPORT_SERVICES;
}
