#include "support_steam.h"

#include "support_import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct csv *steam_member(const char *name, struct reader **reader)
{
    char path[4096], member[4200];
    snprintf(path, sizeof path, "%s/steam200k/steam.zip", data_dir());
    if (access(path, R_OK) != 0) {
        print_message("no %s: skipped\n", path);
        skip();
    }
    snprintf(member, sizeof member, "%s/steam/%s", path, name);
    struct heed_error err = {0};
    assert_int_equal(reader_open(member, NULL, reader, &err), HEED_OK);
    struct csv *csv =
        csv_new(*reader, &(struct csv_options){.delimiter = '\t', .quote = CSV_NO_QUOTE});
    struct csv_record rec;
    assert_int_equal(csv_next(csv, &rec, &err), CSV_RECORD);
    return csv;
}

void read_steam_purchases(struct interactions *log)
{
    struct reader *reader = NULL;
    struct heed_error err = {0};
    struct csv *csv = steam_member("game_purchase.dat", &reader);
    struct csv_record rec;
    interactions_init(log);
    while (csv_next(csv, &rec, &err) == CSV_RECORD)
        assert_int_equal(interactions_add(log, rec.fields[0], rec.fields[1], STR("purchase"), 1,
                                          INTERACTIONS_NO_TIME, &err),
                         HEED_OK);
    csv_free(csv);
    reader_close(reader);
}
