/* plaza made: the steps in order, the files written. */
#include "sim/plaza_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct plaza_size plaza_default(void)
{
    return (struct plaza_size){2000, 5000, 400, 14, 300000};
}

int64_t plaza_end_ms(const struct plaza_size *size)
{
    return (PLAZA_START_S + (int64_t)size->days * DAY_S) * 1000;
}

bool plaza_add_event(struct plaza *z, const struct plaza_event *e)
{
    if (!array_grow(&z->events, &z->events_cap, z->events_n + 1, sizeof *z->events))
        return false;
    z->events[z->events_n] = *e;
    z->events[z->events_n].order = (uint32_t)z->events_n;
    z->events_n++;
    return true;
}

bool plaza_add_score(struct plaza *z, const struct plaza_score *s)
{
    if (!array_grow(&z->scores, &z->scores_cap, z->scores_n + 1, sizeof *z->scores))
        return false;
    z->scores[z->scores_n] = *s;
    z->scores[z->scores_n].order = (uint32_t)z->scores_n;
    z->scores_n++;
    return true;
}

static int by_event_time(const void *a, const void *b)
{
    const struct plaza_event *x = a, *y = b;
    if (x->time_s != y->time_s)
        return x->time_s < y->time_s ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int by_score_time(const void *a, const void *b)
{
    const struct plaza_score *x = a, *y = b;
    if (x->time_s != y->time_s)
        return x->time_s < y->time_s ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static enum heed_status check_size(const struct plaza_size *s, struct heed_error *err)
{
    static const struct plaza_size least = {100, 50, 10, 3, 500};
    static const struct plaza_size most = {1000000, 4000000, 1000000, 3650, 100000000};
    const uint32_t rows[5][3] = {{s->users, least.users, most.users},
                                 {s->contents, least.contents, most.contents},
                                 {s->goods, least.goods, most.goods},
                                 {s->days, least.days, most.days},
                                 {s->events, least.events, most.events}};
    static const char *const names[5] = {"users", "contents", "goods", "days", "events"};
    for (int i = 0; i < 5; i++)
        if (rows[i][0] < rows[i][1] || rows[i][0] > rows[i][2])
            return error_set(err, HEED_USAGE, names[i], "plaza takes from %u to %u of them",
                             rows[i][1], rows[i][2]);
    return HEED_OK;
}

enum heed_status plaza_users(uint64_t seed, const struct plaza_size *size, struct strbuf *out,
                             struct heed_error *err)
{
    struct plaza z = {.seed = seed, .size = *size};
    enum heed_status status = check_size(size, err);
    if (status == HEED_OK && !plaza_make_people(&z))
        status = error_nomem(err);
    if (status == HEED_OK)
        status = plaza_write_users(&z, out, err);
    free(z.people);
    free(z.creators);
    return status;
}

enum heed_status plaza_generate(const char *dir, uint64_t seed, const struct plaza_size *size,
                                struct heed_error *err)
{
    struct plaza z = {.seed = seed, .size = *size};
    enum heed_status status = check_size(size, err);
    if (status == HEED_OK && mkdir(dir, 0777) != 0 && errno != EEXIST)
        status =
            error_set(err, HEED_STORAGE, dir,
                      "the folder cannot be made (%s); the folder it lies in must be there and "
                      "writable",
                      strerror(errno));
    struct stat st;
    if (status == HEED_OK && (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)))
        status = error_set(err, HEED_STORAGE, dir, "it is a file; name a folder to write to");
    if (status == HEED_OK &&
        !(plaza_make_people(&z) && plaza_make_goods(&z) && plaza_make_contents(&z) &&
          plaza_make_acts(&z) && plaza_make_reviews(&z)))
        status = error_nomem(err);
    if (status == HEED_OK) {
        if (z.events_n)
            qsort(z.events, z.events_n, sizeof *z.events, by_event_time);
        if (z.scores_n)
            qsort(z.scores, z.scores_n, sizeof *z.scores, by_score_time);
        status = plaza_write(&z, dir, err);
    }
    free(z.people);
    free(z.contents);
    free(z.goods);
    free(z.events);
    free(z.scores);
    free(z.creators);
    return status;
}
