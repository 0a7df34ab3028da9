/* Durable transfers in batches: bench_ledger [DIR [ACCOUNTS [BATCHES]]].
 * Batches of 8,190 moves between random accounts, each with an id of its own, through
 * heed_transfers; each batch is on the disk before the next begins. Peers in turns in the same run:
 * the bytes of such a batch (64 each) appended to a file and fdatasync, which is what the disk
 * gives, and the same moves in one SQLite transaction with two UPDATEs and an INSERT each. */
#include "bench.h"
#include "worlds.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 8190, PEER_EVERY = 8, START = 1000000 };

static uint64_t state = 88172645463325252u;
static uint64_t
next(void) /* xorshift64: G. Marsaglia, Journal of Statistical Software 8 (2003) 14 */
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* People through an import of their ids, money by transfers from one who has it. */
static struct heed_world *make_world(const char *dir, const char *path, uint32_t *accounts,
                                     size_t n)
{
    struct heed_error err;
    struct heed_context context = {1767225600000, NULL};
    const struct heed_options options = {.create = 1, .rules_yaml = NULL};
    struct heed_world *w = NULL;
    char users[4096], *reply = NULL;
    snprintf(users, sizeof users, "%s/bench_ledger.csv", dir);
    FILE *f = fopen(users, "w");
    if (!f)
        exit(1);
    fputs("id\n", f);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "u%zu\n", i);
    fclose(f);
    must(heed_open(path, &options, &w, &err), &err);
    const struct heed_import in = {.what = "users", .path = users};
    must(heed_import(w, &context, &in, &reply, &err), &err);
    heed_free(reply);
    unlink(users);
    call(w, "user add", (struct heed_arg[]){{"id", "bank"}}, 1);
    call(w, "ledger issue", (struct heed_arg[]){{"to", "bank"}, {"amount", "1000000000000"}}, 2);
    uint32_t bank;
    must(heed_account(w, "bank", NULL, NULL, &bank, &err), &err);
    for (size_t i = 0; i < n; i++) {
        char id[32];
        snprintf(id, sizeof id, "u%zu", i);
        must(heed_account(w, id, NULL, NULL, &accounts[i], &err), &err);
    }
    static struct heed_transfer t[BATCH];
    static struct heed_transferred r[BATCH];
    for (size_t i = 0; i < n; i += BATCH) {
        size_t m = n - i < BATCH ? n - i : BATCH;
        for (size_t j = 0; j < m; j++)
            t[j] =
                (struct heed_transfer){.amount = START, .debit = bank, .credit = accounts[i + j]};
        must(heed_transfers(w, &context, t, m, r, &err), &err);
    }
    return w;
}

static sqlite3 *make_peer(const char *path, size_t n)
{
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        exit(1);
    char sql[256];
    sqlite3_exec(db,
                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE account(id "
                 "INTEGER PRIMARY KEY,"
                 " debits INTEGER, credits INTEGER); CREATE TABLE transfer(id BLOB PRIMARY KEY, "
                 "debit INTEGER, credit "
                 "INTEGER, amount INTEGER) WITHOUT ROWID;",
                 NULL, NULL, NULL);
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i<%zu) INSERT "
             "INTO account SELECT i,0,%d FROM c;",
             n - 1, START);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        exit(1);
    return db;
}

static void peer_batch(sqlite3 *db, sqlite3_stmt *s[3], const struct heed_transfer *t,
                       const uint32_t place[][2])
{
    sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (size_t i = 0; i < BATCH; i++) {
        sqlite3_bind_int64(s[0], 1, t[i].amount);
        sqlite3_bind_int64(s[0], 2, place[i][0]);
        sqlite3_step(s[0]);
        sqlite3_reset(s[0]);
        if (sqlite3_changes(db) == 0)
            continue;
        sqlite3_bind_int64(s[1], 1, t[i].amount);
        sqlite3_bind_int64(s[1], 2, place[i][1]);
        sqlite3_step(s[1]);
        sqlite3_reset(s[1]);
        sqlite3_bind_blob(s[2], 1, &t[i].id_hi, 16, SQLITE_STATIC);
        sqlite3_bind_int64(s[2], 2, place[i][0]);
        sqlite3_bind_int64(s[2], 3, place[i][1]);
        sqlite3_bind_int64(s[2], 4, t[i].amount);
        sqlite3_step(s[2]);
        sqlite3_reset(s[2]);
    }
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : ".";
    size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
    size_t batches = argc > 3 ? strtoul(argv[3], NULL, 10) : 400;
    char path[4096], raw[4096], sql[4096], lock[4104];
    snprintf(path, sizeof path, "%s/bench_ledger.world", dir);
    snprintf(lock, sizeof lock, "%s.lock", path);
    snprintf(raw, sizeof raw, "%s/bench_ledger.raw", dir);
    snprintf(sql, sizeof sql, "%s/bench_ledger.sqlite", dir);
    unlink(path);
    unlink(sql);
    uint32_t *accounts = malloc(n * sizeof *accounts);
    double *took = malloc(batches * sizeof *took);
    if (!accounts || !took || n < 2)
        return 1;
    struct heed_world *w = make_world(dir, path, accounts, n);
    sqlite3 *db = make_peer(sql, n);
    sqlite3_stmt *s[3];
    sqlite3_prepare_v2(db, "UPDATE account SET debits=debits+?1 WHERE id=?2 AND credits-debits>=?1",
                       -1, &s[0], NULL);
    sqlite3_prepare_v2(db, "UPDATE account SET credits=credits+?1 WHERE id=?2", -1, &s[1], NULL);
    sqlite3_prepare_v2(db, "INSERT INTO transfer VALUES(?1,?2,?3,?4)", -1, &s[2], NULL);
    int fd = open(raw, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return 1;
    static struct heed_transfer t[BATCH];
    static struct heed_transferred r[BATCH];
    static uint32_t place[BATCH][2];
    struct heed_error err;
    struct heed_context context = {1767225600000, NULL};
    double heed_s = 0, raw_s = 0, sql_s = 0;
    size_t peers = 0, refused = 0;
    for (size_t b = 0; b < batches; b++) {
        for (size_t i = 0; i < BATCH; i++) {
            uint32_t from = (uint32_t)(next() % n), to = (uint32_t)(next() % (n - 1));
            to += to >= from;
            place[i][0] = from;
            place[i][1] = to;
            t[i] = (struct heed_transfer){.id_hi = next(),
                                          .id_lo = b * BATCH + i + 1,
                                          .amount = (int64_t)(next() % 100) + 1,
                                          .debit = accounts[from],
                                          .credit = accounts[to]};
        }
        double start = now_s();
        must(heed_transfers(w, &context, t, BATCH, r, &err), &err);
        took[b] = now_s() - start;
        heed_s += took[b];
        for (size_t i = 0; i < BATCH; i++)
            refused += r[i].refused != NULL;
        start = now_s();
        if (pwrite(fd, t, sizeof t, (off_t)(b * sizeof t)) != (ssize_t)sizeof t ||
            fdatasync(fd) != 0)
            return 1;
        raw_s += now_s() - start;
        if (b % PEER_EVERY == 0) {
            start = now_s();
            peer_batch(db, s, t, (const uint32_t(*)[2])place);
            sql_s += now_s() - start;
            peers++;
        }
    }
    qsort(took, batches, sizeof *took, by_value);
    double each = (double)BATCH, rate = each * (double)batches / heed_s;
    printf("ledger, %zu accounts  %8.0f transfers/s in batches of %d, %zu refused; a batch takes "
           "%.2f ms, p99 %.2f, at most %.2f\n",
           n, rate, BATCH, refused, 1e3 * took[batches / 2], 1e3 * took[batches * 99 / 100],
           1e3 * took[batches - 1]);
    printf("  peer: write + fdatasync of the same bytes %8.0f /s  ratio %.2f\n",
           each * (double)batches / raw_s, rate * raw_s / (each * (double)batches));
    printf("  peer: SQLite, a transaction a batch       %8.0f /s  ratio %.1f\n",
           each * (double)peers / sql_s, rate * sql_s / (each * (double)peers));
    for (int i = 0; i < 3; i++)
        sqlite3_finalize(s[i]);
    sqlite3_close(db);
    heed_close(w);
    close(fd);
    unlink(raw);
    unlink(sql);
    unlink(path);
    unlink(lock);
    free(accounts);
    free(took);
    return 0;
}
