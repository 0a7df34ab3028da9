/* Any bytes as title and body: the sketch is sound, and the same for the same text. */
#include "quality/quality.h"

#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says where the title ends and how many shingles are wanted.                     */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size_t n = size - 1, title_n = data[0] % 16u < n ? data[0] % 16u : n;
    struct str title = {text, title_n}, body = {text + title_n, n - title_n};
    struct sketch a, b;
    if (!sketch_text(title, body, data[0] / 16u, &a) ||
        !sketch_text(title, body, data[0] / 16u, &b))
        return 0;
    heed_assert(memcmp(&a, &b, sizeof a) == 0);
    heed_assert(a.shingles <= size);
    heed_assert(a.shingles == 0 || a.shingles >= data[0] / 16u);
    heed_assert(sketch_similarity_ppm(&a, &b) == (a.shingles > 0 ? 1000000u : 0));
    return 0;
}
