/* csv_next against its slow twin. The first four bytes choose the options and the size of reads. */
#include "../tests/csv_twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char delimiters[] = {',', '\t', ';', 'a'},
                      quotes[] = {'"', '\'', CSV_NO_QUOTE, 'b'};
    if (size < 4)
        return 0;
    struct csv_options o = {
        .delimiter = delimiters[data[0] & 3],
        .quote = quotes[data[0] >> 2 & 3],
        .latin1 = data[0] >> 4 & 1,
        .max_record = data[1] ? data[1] : 4000,
        .max_fields = data[2] % TWIN_FIELDS + 1,
    };
    const char *differs = twin_compare((const char *)data + 4, size - 4, &o, data[3]);
    if (differs) {
        fprintf(stderr, "%s\n", differs);
        abort();
    }
    return 0;
}
