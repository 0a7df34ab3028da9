#include "support_store_file.h"

#include "support_world.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

char *store_path;

const char *beside(const char *suffix)
{
    static char name[600];
    snprintf(name, sizeof name, "%s%s", store_path, suffix);
    return name;
}

int store_path_setup(void **unused)
{
    (void)unused;
    store_path = test_path("file.world");
    return 0;
}

int store_path_teardown(void **unused)
{
    (void)unused;
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock"};
    for (size_t i = 0; i < 5; i++)
        unlink(beside(suffixes[i]));
    rmdir(store_path);
    free(store_path);
    return 0;
}

void write_file(const char *name, const void *p, size_t n)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), n);
    close(fd);
}

char *read_file(const char *name, size_t *n)
{
    struct stat st;
    *n = 0;
    int fd = stat(name, &st) == 0 && S_ISREG(st.st_mode) ? open(name, O_RDONLY) : -1;
    if (fd < 0)
        return NULL;
    char *p = malloc((size_t)st.st_size + 1);
    assert_non_null(p);
    assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
    close(fd);
    *n = (size_t)st.st_size;
    return p;
}

off_t size_of(const char *name)
{
    struct stat st;
    return stat(name, &st) == 0 ? st.st_size : 0;
}

void run_sql(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(store_path, &db), SQLITE_OK);
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

enum heed_status open_as(enum mode mode, struct store **s, struct heed_error *err)
{
    struct store_options options = {
        .create = mode == CREATE, .read_only = mode == READ, .pid = getpid()};
    bool created;
    *err = (struct heed_error){0};
    return store_open_sqlite(store_path, &options, s, &created, err);
}

struct store *opened(enum mode mode)
{
    struct store *s;
    struct heed_error err;
    if (open_as(mode, &s, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return s;
}

void append_ok(struct store *s, uint64_t n, const struct store_change *changes, size_t count)
{
    struct store_batch b = batch_of(n, 100);
    struct heed_error err = {0};
    if (s->ops->append(s, &b, changes, count, &err) != HEED_OK)
        fail_msg("batch %d: %s: %s", (int)n, err.where, err.message);
}

void make_world(void)
{
    struct store *s = opened(CREATE);
    for (uint32_t i = 0; i < 3; i++) {
        char text[200];
        memset(text, 'a' + (int)i, sizeof text);
        struct store_change changes[] = {put_key(i, key_of(i, 0)),
                                         put_row(i % 2, i, i, (struct str){text, sizeof text})};
        append_ok(s, i, changes, 2);
    }
    struct heed_error err = {0};
    assert_int_equal(snapshot_of(s, 1, 2, 20000, true, &err), HEED_OK);
    store_close(s);
}
