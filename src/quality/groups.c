#include "quality/groups.h"

#include <stdlib.h>
#include <string.h>

static size_t root_of(size_t *parent, size_t k)
{
    while (parent[k] != k)
        k = parent[k] = parent[parent[k]];
    return k;
}

bool groups_count(const void *rows, size_t stride, size_t n, size_t people, size_t things,
                  struct groups *out)
{
    *out = (struct groups){0, 0};
    size_t *parent = calloc(people + 1, 2 * sizeof *parent);
    size_t *first = calloc(things + 1, sizeof *first); /* person + 1 */
    size_t *members = parent ? parent + people : NULL;
    bool ok = parent && first;
    for (size_t k = 0; ok && k < people; k++)
        parent[k] = k;
    for (int pass = 0; ok && pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            uint32_t row[2];
            memcpy(row, (const char *)rows + i * stride, sizeof row);
            if (pass == 1) {
                members[row[0]] = 1; /* judged something */
                continue;
            }
            if (first[row[1]] == 0)
                first[row[1]] = (size_t)row[0] + 1;
            parent[root_of(parent, row[0])] = root_of(parent, first[row[1]] - 1);
        }
    for (size_t k = 0; ok && k < people; k++)
        if (members[k] > 0 && root_of(parent, k) != k)
            members[root_of(parent, k)] += 1;
    for (size_t k = 0; ok && k < people; k++)
        if (members[k] > 0 && root_of(parent, k) == k) {
            out->n++;
            out->alone += members[k] == 1;
        }
    free(parent);
    free(first);
    return ok;
}
