/* Durable commands one at a time against what the disk gives: bench_commands [DIR [N]].
 * A transfer a batch, each durable before the next. Two peers, in turns of a hundred each: 4 KiB
 * appended to a file and fdatasync, as a journal must; and 4 KiB overwritten in place, the least a
 * disk can be asked. */
#include "bench.h"
#include "worlds.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TURN = 100 };

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : ".";
    long turns = (argc > 2 ? strtol(argv[2], NULL, 10) : 3000) / TURN;
    char path[4096], peer[4096], lock[4104];
    snprintf(path, sizeof path, "%s/bench_commands.world", dir);
    snprintf(lock, sizeof lock, "%s.lock", path);
    snprintf(peer, sizeof peer, "%s/bench_commands.peer", dir);
    unlink(path);
    struct heed_world *w = NULL;
    struct heed_error err;
    const struct heed_options options = {.create = 1};
    must(heed_open(path, &options, &w, &err), &err);
    call(w, "user add", (struct heed_arg[]){{"id", "ann"}}, 1);
    call(w, "user add", (struct heed_arg[]){{"id", "bob"}}, 1);
    call(w, "ledger issue", (struct heed_arg[]){{"to", "ann"}, {"amount", "1000000"}}, 2);
    int fd = open(peer, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        perror(peer);
        return 1;
    }
    static char block[4096];
    memset(block, 'x', sizeof block);
    double heed_s = 0, peer_s[2] = {0, 0};
    for (long t = 0; t < turns; t++) {
        double start = now_s();
        for (int i = 0; i < TURN; i++)
            call(w, "ledger transfer",
                 (struct heed_arg[]){{"from", "ann"}, {"to", "bob"}, {"amount", "0.01"}}, 3);
        heed_s += now_s() - start;
        for (int in_place = 0; in_place < 2; in_place++) {
            start = now_s();
            for (int i = 0; i < TURN; i++)
                if (pwrite(fd, block, sizeof block,
                           (off_t)((in_place ? 0 : t) * TURN + i) * 4096) !=
                        (ssize_t)sizeof block ||
                    fdatasync(fd) != 0) {
                    perror(peer);
                    return 1;
                }
            peer_s[in_place] += now_s() - start;
        }
    }
    double n = (double)(turns * TURN);
    static const char *const names[] = {"append 4 KiB + fdatasync", "overwrite 4 KiB + fdatasync"};
    for (int i = 0; i < 2; i++)
        printf("durable commands %7.0f /s   peer: %-28s %7.0f /s   ratio %.2f\n", n / heed_s,
               names[i], n / peer_s[i], peer_s[i] / heed_s);
    heed_close(w);
    close(fd);
    unlink(path);
    unlink(lock);
    unlink(peer);
    return 0;
}
