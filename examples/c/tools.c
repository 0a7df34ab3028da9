/* heed's tools on files from C: no world is opened. What reviewers who disagree say together, and
 * which algorithm finds what people did next.
 *
 *     cc -std=c17 tools.c -lheed -o tools && ./tools labels.csv events.csv
 *
 * labels.csv has the columns reviewer,target,label; events.csv user,target and, if there,
 * verb,amount,time, and may be left out. Arguments have the names of the command line
 * (`heed help allocate eval`), and replies are the documents that --json prints.                 */
#include <heed.h>

#include <stdio.h>

/* Runs one tool and prints its reply; 0, or 1 when there was none.                               */
static int run(const char *name, const struct heed_arg *args, size_t n)
{
    struct heed_error err;
    char *reply;
    enum heed_status status = heed_tool(name, args, n, &reply, &err);
    if (status == HEED_OK || status == HEED_REFUSED) {
        printf("%s: %s\n", name, reply);
        heed_free(reply);
        return 0;
    }
    /* where is the argument, or the file with line and column; message says what to do */
    fprintf(stderr, "%s: %s: %s\n", name, err.where, err.message);
    return 1;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: tools labels.csv [events.csv]\n");
        return 2;
    }
    const struct heed_arg agree[] = {{"file", argv[1]}, {"model", "dawid-skene"}};
    failed |= run("quality agree", agree, sizeof agree / sizeof *agree);
    if (argc > 2) {
        const struct heed_arg eval[] = {
            {"events", argv[2]},
            {"algorithm", "popularity,ease"},
            {"param", "ease.lambda=30"}, /* param may be given more than once */
            {"k", "3"},
        };
        failed |= run("allocate eval", eval, sizeof eval / sizeof *eval);
    }
    return failed;
}
