/* json_scan_object against jansson, and jsonl_next over the same bytes as lines. */
#include "../tests/json_twin.h"
#include "../tests/pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_lines(const char *p, size_t n)
{
    struct pieces bytes = {p, n, 0, 7};
    struct reader *r = reader_new(give_pieces, &bytes);
    struct jsonl *j = r ? jsonl_new(r, 200, 16) : NULL;
    uint64_t line = 0;
    for (enum jsonl_result result = JSONL_RECORD; j && result != JSONL_END;) {
        struct jsonl_record rec = {0};
        struct heed_error err = {0};
        result = jsonl_next(j, &rec, &err);
        if (result == JSONL_FAILED || (result != JSONL_END && rec.line <= line) ||
            (result == JSONL_BAD) != (err.status != HEED_OK)) {
            fprintf(stderr, "line %llu: result %d\n", (unsigned long long)rec.line, (int)result);
            abort();
        }
        line = rec.line;
    }
    jsonl_free(j);
    reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool accepted;
    const char *differs = json_twin_compare((const char *)data, size, &accepted);
    if (differs) {
        fprintf(stderr, "%s\n", differs);
        abort();
    }
    read_lines((const char *)data, size);
    return 0;
}
