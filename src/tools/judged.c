#include "tools/judged.h"

enum heed_status triples_open(struct triples *t, const char *path, const char *const names[3],
                              struct heed_error *err)
{
    enum heed_status status = sheet_open(path, &(struct csv_options){0},
                                         "the first line names the columns", &t->sheet, err);
    return status == HEED_OK ? sheet_need(&t->sheet, names, 3, t->place, err) : status;
}

enum heed_status triples_next(struct triples *t, bool *more, struct heed_error *err)
{
    enum heed_status status = sheet_next(&t->sheet, more, err);
    for (size_t i = 0; status == HEED_OK && *more && i < 3; i++)
        status = sheet_cell(&t->sheet, t->place[i], &t->cell[i], err);
    return status;
}

const char *judged_text(const struct intern *names, size_t i)
{
    return intern_str(names, (uint32_t)i).p;
}
