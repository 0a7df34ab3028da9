/* Files as people have them: plain, compressed, archived, and broken in every place. */
#include "base/prng.h"
#include "base/reader.h"
#include "support_child.h"

#include <archive.h>
#include <archive_entry.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/heed-test-reader-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* ---- making files ---- */

static void make_file(const char *name, const void *p, size_t n)
{
    FILE *f = fopen(path_of(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

struct entry {
    const char *name, *text; /* text NULL: a directory */
    size_t n;                /* 0: strlen(text)        */
};

static void make_archive(const char *name, int format, int filter, const struct entry *e, size_t n)
{
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
    assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_filename(a, path_of(name)), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *h = archive_entry_new();
        size_t size = e[i].text ? e[i].n ? e[i].n : strlen(e[i].text) : 0;
        archive_entry_set_pathname(h, e[i].name);
        archive_entry_set_filetype(h, e[i].text ? AE_IFREG : AE_IFDIR);
        archive_entry_set_perm(h, 0644);
        if (format != ARCHIVE_FORMAT_RAW)
            archive_entry_set_size(h, (la_int64_t)size);
        assert_true(archive_write_header(a, h) >= ARCHIVE_WARN);
        if (size > 0)
            assert_int_equal(archive_write_data(a, e[i].text, size), size);
        archive_entry_free(h);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static void make_stream(const char *name, int filter, const char *text, size_t n)
{
    struct entry e = {"data", text, n};
    make_archive(name, ARCHIVE_FORMAT_RAW, filter, &e, 1);
}

/* Some kilobytes that compress, but not to nothing.                                             */
static char *make_text(size_t n)
{
    struct prng r;
    char *p = malloc(n + 1);
    assert_non_null(p);
    prng_seed(&r, 7);
    for (size_t i = 0; i < n; i++)
        p[i] = i % 24 == 23 ? '\n' : (char)('a' + prng_below(&r, 9));
    p[n] = '\0';
    return p;
}

/* ---- reading them ---- */

struct outcome {
    enum heed_status status;
    struct heed_error err;
    char *p;
    size_t n;
};

static struct outcome read_path(const char *path, const struct reader_limits *limits, bool keep)
{
    struct outcome o = {0};
    struct reader *r;
    static char chunk[1 << 16];
    o.status = reader_open(path, limits, &r, &o.err);
    for (size_t n = 1; o.status == HEED_OK && n > 0;) {
        o.status = reader_read(r, chunk, sizeof chunk, &n, &o.err);
        if (keep && n > 0) {
            o.p = realloc(o.p, o.n + n);
            assert_non_null(o.p);
            memcpy(o.p + o.n, chunk, n);
        }
        o.n += n;
    }
    reader_close(r);
    assert_int_equal(o.status, o.err.status);
    return o;
}

static void expect_text(const char *name, const char *text, size_t n)
{
    struct outcome o = read_path(path_of(name), NULL, true);
    if (o.status != HEED_OK)
        fail_msg("%s: %s", o.err.where, o.err.message);
    if (o.n != n || (n > 0 && memcmp(o.p, text, n) != 0))
        fail_msg("%s: %zu bytes read, %zu expected, or others", name, o.n, n);
    free(o.p);
}

static void expect_error(const char *name, const struct reader_limits *limits, const char *words)
{
    struct outcome o = read_path(path_of(name), limits, false);
    if (o.status != HEED_INPUT || !strstr(o.err.message, words))
        fail_msg("%s: status %d, \"%s\" instead of \"%s\"", name, (int)o.status, o.err.message,
                 words);
    if (strcmp(o.err.where, path_of(name)) != 0)
        fail_msg("%s: where is \"%s\"", name, o.err.where);
}

static const struct {
    const char *name;
    int format, filter;
    size_t magic; /* bytes by which it is known */
    bool checksum;
} kinds[] = {
    {"a.gz", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, 3, true},
    {"a.zst", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_ZSTD, 4, false},
    {"a.xz", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_XZ, 6, true},
    {"a.bz2", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_BZIP2, 10, true},
    {"a.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, 4, true},
    {"a.7z", ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE, 6, true},
    {"a.tar", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE, 512, false},
    {"a.tar.gz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP, 3, true},
    {"a.tar.zst", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_ZSTD, 4, false},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void every_kind_of_file_gives_the_same_bytes(void **state)
{
    (void)state;
    size_t n = 300000;
    char *text = make_text(n);
    make_file("plain.csv", text, n);
    expect_text("plain.csv", text, n);
    struct sha256 plain = sha256_of(text, n), packed;
    for (size_t i = 0; i < KINDS; i++) {
        struct entry e = {"data/events.csv", text, n};
        struct heed_error err = {0};
        make_archive(kinds[i].name, kinds[i].format, kinds[i].filter, &e, 1);
        expect_text(kinds[i].name, text, n);
        assert_int_equal(reader_digest(path_of(kinds[i].name), NULL, &packed, &err), HEED_OK);
        assert_true(sha256_eq(plain, packed));
    }
    free(text);
}

static void empty_files_are_empty_whatever_they_are_packed_in(void **state)
{
    (void)state;
    make_file("empty.csv", "", 0);
    expect_text("empty.csv", "", 0);
    for (size_t i = 0; i < KINDS; i++) {
        struct entry e = {"empty.csv", "", 0};
        char name[64];
        snprintf(name, sizeof name, "empty-%s", kinds[i].name);
        make_archive(name, kinds[i].format, kinds[i].filter, &e, 1);
        expect_text(name, "", 0);
    }
}

static void members_are_found_by_one_path(void **state)
{
    (void)state;
    static const struct entry e[] = {
        {"steam", NULL, 0},
        {"steam/play.csv", "play", 0},
        {"./steam/buy.csv", "buy", 0},
        {"\xe6\x95\xb0\xe6\x8d\xae.csv", "chinese", 0},
        {"__MACOSX/steam/._play.csv", "mac", 0},
        {".hidden", "hidden", 0},
    };
    static const int formats[] = {ARCHIVE_FORMAT_ZIP, ARCHIVE_FORMAT_TAR_GNUTAR,
                                  ARCHIVE_FORMAT_7ZIP};
    static const char *const names[] = {"games.zip", "games.tar", "games.7z"};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
#define MEMBER(m) (snprintf(path, sizeof path, "%s%s", names[i], m), path)
        make_archive(names[i], formats[i], ARCHIVE_FILTER_NONE, e, 6);
        expect_text(MEMBER("/steam/play.csv"), "play", 4);
        expect_text(MEMBER("/steam/buy.csv"), "buy", 3);
        expect_text(MEMBER("/./steam/buy.csv"), "buy", 3);
        expect_text(MEMBER("/.hidden"), "hidden", 6);
        if (formats[i] != ARCHIVE_FORMAT_7ZIP) /* its writer wants a UTF-8 locale */
            expect_text(MEMBER("/\xe6\x95\xb0\xe6\x8d\xae.csv"), "chinese", 7);
        expect_error(MEMBER(""), NULL, "holds 3 files; name one after a slash: steam/play.csv");
        expect_error(MEMBER("/steam/sell.csv"), NULL, "no member \"steam/sell.csv\"; it holds");
        expect_error(MEMBER("/steam"), NULL, "is a directory in the archive");
        expect_error(MEMBER("/steam/play.csv/x"), NULL, "no member");
#undef MEMBER
    }
}

static void the_only_file_of_an_archive_needs_no_name(void **state)
{
    (void)state;
    static const struct entry e[] = {{"__MACOSX/._a.csv", "mac", 0},
                                     {"d", NULL, 0},
                                     {"d/.DS_Store", "store", 0},
                                     {"d/a.csv", "yes", 0}};
    static const struct entry none[] = {{"d", NULL, 0}};
    make_archive("only.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, e, 4);
    make_archive("only.tar.xz", ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_XZ, e, 4);
    make_archive("none.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, none, 1);
    make_archive("nothing.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, none, 0);
    expect_text("only.zip", "yes", 3);
    expect_text("only.tar.xz", "yes", 3);
    expect_error("none.zip", NULL, "holds no file");
    expect_error("nothing.zip", NULL, "holds no file");
}

static void a_compressed_member_is_decompressed_too(void **state)
{
    (void)state;
    char packed[4096];
    make_stream("in.csv.gz", ARCHIVE_FILTER_GZIP, "a,b\n1,2\n", 8);
    FILE *f = fopen(path_of("in.csv.gz"), "rb");
    assert_non_null(f);
    struct entry e = {"in.csv.gz", packed, fread(packed, 1, sizeof packed, f)};
    fclose(f);
    make_archive("nested.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, &e, 1);
    expect_text("nested.zip", "a,b\n1,2\n", 8);
    expect_text("nested.zip/in.csv.gz", "a,b\n1,2\n", 8);
}

static void gzip_members_in_a_row_are_one_file(void **state)
{
    (void)state;
    char two[4096];
    make_stream("one.gz", ARCHIVE_FILTER_GZIP, "first,", 6);
    FILE *f = fopen(path_of("one.gz"), "rb");
    assert_non_null(f);
    size_t n = fread(two, 1, 1024, f);
    fclose(f);
    memcpy(two + n, two, n);
    memset(two + 2 * n, 0, 100); /* as tapes pad it */
    make_file("two.gz", two, 2 * n + 100);
    expect_text("two.gz", "first,first,", 12);
    memcpy(two + 2 * n, "junk", 4);
    make_file("junk.gz", two, 2 * n + 4);
    expect_error("junk.gz", NULL, "is damaged");
}

static void what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    make_file("text.csv", "a,b\n", 4);
    assert_int_equal(mkdir(path_of("folder"), 0755), 0);
    static const struct {
        const char *name, *words;
    } rows[] = {
        {"missing.csv", "is not there"},
        {"missing.zip/a.csv", "is not there"},
        {"folder/missing.csv", "is not there"},
        {"folder", "is a directory"},
        {"text.csv/a.csv", "not an archive, so it has no member \"a.csv\""},
        {"text.csv/", "not an archive"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_error(rows[i].name, NULL, rows[i].words);
    struct reader *r;
    struct heed_error err = {0};
    assert_int_equal(reader_open("", NULL, &r, &err), HEED_INPUT);
    assert_null(r);
}

static int is_told_there_is_no_permission(void)
{
    struct reader *r = NULL;
    struct heed_error err = {0};
    if (reader_open(path_of("secret.csv"), NULL, &r, &err) != HEED_INPUT)
        return 1;
    return strstr(err.message, "no permission") ? 0 : 2;
}

static void a_file_without_permission_says_so(void **state)
{
    (void)state;
    make_file("secret.csv", "a", 1);
    assert_int_equal(chmod(dir, 0755), 0); /* to be reached by an ordinary user */
    assert_int_equal(chmod(path_of("secret.csv"), 0), 0);
    assert_int_equal(in_child(is_told_there_is_no_permission, true), 0);
}

static void links_in_an_archive_are_not_read_as_empty_files(void **state)
{
    (void)state;
    struct archive *a = archive_write_new();
    archive_write_set_format(a, ARCHIVE_FORMAT_TAR_USTAR);
    assert_int_equal(archive_write_open_filename(a, path_of("link.tar")), ARCHIVE_OK);
    struct archive_entry *h = archive_entry_new();
    archive_entry_set_pathname(h, "hard.csv");
    archive_entry_set_filetype(h, AE_IFREG);
    archive_entry_set_hardlink(h, "elsewhere.csv");
    assert_int_equal(archive_write_header(a, h), ARCHIVE_OK);
    archive_entry_free(h);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    expect_error("link.tar/hard.csv", NULL, "is a link");
}

/* ---- damage ---- */

static char *slurp(const char *name, size_t *n)
{
    FILE *f = fopen(path_of(name), "rb");
    assert_non_null(f);
    char *p = malloc(1 << 20);
    assert_non_null(p);
    *n = fread(p, 1, 1 << 20, f);
    fclose(f);
    return p;
}

/* Every kind, cut after every byte: an error that says so, or (an archive whose directory alone is
 * lost) the whole content; never a part of it as if it were all.                                */
static void a_cut_file_is_never_taken_for_a_whole_one(void **state)
{
    (void)state;
    size_t n = 300;
    char *text = make_text(n);
    for (size_t i = 0; i < KINDS; i++) {
        struct entry e = {"events.csv", text, n};
        size_t size, said = 0;
        make_archive("whole", kinds[i].format, kinds[i].filter, &e, 1);
        char *p = slurp("whole", &size);
        for (size_t cut = kinds[i].magic; cut < size; cut++) {
            make_file("cut", p, cut);
            struct outcome o = read_path(path_of("cut"), NULL, true);
            bool all = o.status == HEED_OK && o.n == n && memcmp(o.p, text, n) == 0;
            bool stream = kinds[i].format == ARCHIVE_FORMAT_RAW;
            if (o.status != HEED_INPUT && (stream || !all))
                fail_msg("%s cut at %zu of %zu: status %d, %zu bytes", kinds[i].name, cut, size,
                         (int)o.status, o.n);
            said += o.status == HEED_INPUT && strstr(o.err.message, "truncated");
            free(o.p);
        }
        if (said == 0)
            fail_msg("%s: no cut is called truncated", kinds[i].name);
        free(p);
    }
    free(text);
}

static void a_flipped_bit_is_found_wherever_there_is_a_checksum(void **state)
{
    (void)state;
    size_t n = 300;
    char *text = make_text(n);
    for (size_t i = 0; i < KINDS; i++) {
        struct entry e = {"events.csv", text, n};
        size_t size, found = 0;
        if (!kinds[i].checksum)
            continue;
        make_archive("whole", kinds[i].format, kinds[i].filter, &e, 1);
        char *p = slurp("whole", &size);
        for (size_t at = kinds[i].magic; at < size; at++) {
            p[at] = (char)(p[at] ^ 1 << at % 8);
            make_file("flipped", p, size);
            p[at] = (char)(p[at] ^ 1 << at % 8);
            struct outcome o = read_path(path_of("flipped"), NULL, true);
            if (o.status == HEED_OK && (o.n != n || memcmp(o.p, text, n) != 0))
                fail_msg("%s, byte %zu of %zu: damage passed unseen", kinds[i].name, at, size);
            found += o.status == HEED_INPUT;
            if (strstr(o.err.message, "truncated") && !strstr(o.err.message, "damaged"))
                fail_msg("%s, byte %zu: damage is said to be a cut: %s", kinds[i].name, at,
                         o.err.message);
            free(o.p);
        }
        if (found < size / 2)
            fail_msg("%s: only %zu of %zu found", kinds[i].name, found, size);
        free(p);
    }
    free(text);
}

static void a_truncated_zip_says_so(void **state)
{
    (void)state;
    char *text = make_text(5000);
    struct entry e[] = {{"a.csv", "first", 0}, {"b.csv", text, 5000}};
    size_t size;
    make_archive("two.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, e, 2);
    char *p = slurp("two.zip", &size);
    make_file("short.zip", p, size / 2);
    expect_error("short.zip", NULL, "truncated");
    expect_error("short.zip/b.csv", NULL, "truncated");
    free(p);
    free(text);
}

static void bombs_are_stopped(void **state)
{
    (void)state;
    size_t n = (size_t)68 << 20;
    char *zeros = calloc(1, n);
    assert_non_null(zeros);
    static const struct {
        const char *name;
        int format, filter;
    } rows[] = {
        {"bomb.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE},
        {"bomb.zst", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_ZSTD},
        {"bomb.tar.gz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP},
    };
    struct reader_limits ratio = {.max_ratio = 100}, bytes = {.max_bytes = 1 << 20},
                         wide = {.max_ratio = UINT32_MAX, .max_bytes = (uint64_t)n};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        /* the second is reached only past the bomb */
        struct entry e[] = {{"zeros", zeros, n}, {"b.csv", "b", 0}};
        bool many = rows[i].format != ARCHIVE_FORMAT_RAW;
        make_archive(rows[i].name, rows[i].format, rows[i].filter, e, many ? 2 : 1);
        char path[64];
        snprintf(path, sizeof path, "%s%s", rows[i].name, many ? "/zeros" : "");
        expect_error(path, &ratio, "decompression bomb");
        expect_error(path, &bytes, "more than the limit of 1048576 bytes");
        if (rows[i].format == ARCHIVE_FORMAT_RAW) {
            struct outcome o = read_path(path_of(path), &wide, false);
            assert_int_equal(o.status, HEED_OK);
            assert_int_equal(o.n, n);
        }
    }
    expect_error("bomb.tar.gz/b.csv", &ratio, "decompression bomb");
    expect_error("bomb.tar.gz", &ratio, "decompression bomb");
    free(zeros);
}

/* Deflate of zeros swells 1,027-fold: little above the limit of 1,000, which counts every
 * compressed byte once although a zip's directory is read by seeking to the end and back. */
static void a_zip_just_over_the_ratio_is_named_a_bomb(void **state)
{
    (void)state;
    size_t n = (size_t)100 << 20;
    char *zeros = calloc(1, n);
    assert_non_null(zeros);
    struct entry e = {"zeros", zeros, n};
    make_archive("near.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, &e, 1);
    expect_error("near.zip", NULL, "decompression bomb");
    free(zeros);
}

static void an_error_stays(void **state)
{
    (void)state;
    struct reader_limits limits = {.max_bytes = 2};
    struct reader *r;
    struct heed_error err = {0};
    char b[8];
    size_t n;
    make_file("text.csv", "a,b\n", 4);
    enum heed_status status = reader_open(path_of("text.csv"), &limits, &r, &err);
    if (status == HEED_OK)
        status = reader_read(r, b, sizeof b, &n, &err);
    assert_int_equal(status, HEED_INPUT);
    if (r) {
        assert_int_equal(reader_read(r, b, sizeof b, &n, &err), HEED_INPUT);
        assert_int_equal(n, 0);
    }
    reader_close(r);
    reader_close(NULL);
}

static void a_small_text_is_read_whole_or_refused(void **state)
{
    (void)state;
    struct strbuf text;
    struct heed_error err = {0};
    char *long_text = make_text(10000);
    make_stream("t.gz", ARCHIVE_FILTER_GZIP, long_text, 10000);
    strbuf_init(&text, 20000);
    assert_int_equal(reader_text(path_of("t.gz"), 10000, &text, &err), HEED_OK);
    assert_int_equal(text.n, 10000);
    assert_memory_equal(text.p, long_text, 10000);
    assert_int_equal(reader_text(path_of("t.gz"), 9999, &text, &err), HEED_INPUT);
    assert_non_null(strstr(err.message, "9999"));
    strbuf_deinit(&text);
    strbuf_init(&text, 4000);
    assert_int_equal(reader_text(path_of("t.gz"), 10000, &text, &err), HEED_NOMEM);
    assert_int_equal(reader_text(path_of("not-there"), 10000, &text, &err), HEED_INPUT);
    strbuf_deinit(&text);
    free(long_text);
}

static void progress_counts_the_bytes_of_the_file_itself(void **state)
{
    (void)state;
    char *text = make_text(300000), chunk[1000];
    uint64_t done, total, before = 0;
    struct reader *r;
    struct heed_error err = {0};
    struct stat st;
    make_stream("p.gz", ARCHIVE_FILTER_GZIP, text, 300000);
    assert_int_equal(stat(path_of("p.gz"), &st), 0);
    assert_int_equal(reader_open(path_of("p.gz"), NULL, &r, &err), HEED_OK);
    for (size_t n = 1; n > 0;) {
        assert_int_equal(reader_read(r, chunk, sizeof chunk, &n, &err), HEED_OK);
        reader_progress(r, &done, &total);
        assert_true(done >= before && done <= total);
        before = done;
    }
    assert_int_equal(total, st.st_size);
    assert_int_equal(done, total);
    reader_close(r);
    free(text);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int remove_dir(void **state)
{
    (void)state;
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_file_gives_the_same_bytes),
        cmocka_unit_test(empty_files_are_empty_whatever_they_are_packed_in),
        cmocka_unit_test(members_are_found_by_one_path),
        cmocka_unit_test(the_only_file_of_an_archive_needs_no_name),
        cmocka_unit_test(a_compressed_member_is_decompressed_too),
        cmocka_unit_test(gzip_members_in_a_row_are_one_file),
        cmocka_unit_test(what_cannot_be_opened_says_why),
        cmocka_unit_test(a_file_without_permission_says_so),
        cmocka_unit_test(links_in_an_archive_are_not_read_as_empty_files),
        cmocka_unit_test(a_cut_file_is_never_taken_for_a_whole_one),
        cmocka_unit_test(a_flipped_bit_is_found_wherever_there_is_a_checksum),
        cmocka_unit_test(a_truncated_zip_says_so),
        cmocka_unit_test(bombs_are_stopped),
        cmocka_unit_test(a_zip_just_over_the_ratio_is_named_a_bomb),
        cmocka_unit_test(an_error_stays),
        cmocka_unit_test(a_small_text_is_read_whole_or_refused),
        cmocka_unit_test(progress_counts_the_bytes_of_the_file_itself),
    };
    return cmocka_run_group_tests_name("reader", tests, make_dir, remove_dir);
}
