/* The same work over many pieces, on a few threads. */
#ifndef HEED_BASE_PARALLEL_H
#define HEED_BASE_PARALLEL_H

#include <stddef.h>

enum { PARALLEL_MAX = 16 }; /* threads at most */

/* Calls work(context, piece, worker) once for every piece in [0, n), on up to `threads` threads,
 * the caller's among them; worker is in [0, threads) and the same for all pieces of one thread.
 * Pieces are begun in order, and all are done when this returns. The result does not depend on the
 * threads as long as a piece writes only what is its own (or its worker's scratch). A thread that
 * cannot be started is done without. */
void parallel_each(size_t n, unsigned threads,
                   void (*work)(void *context, size_t piece, unsigned worker), void *context);

/* Many short rounds of work: threads that stay, so that a round costs a microsecond, not the start
 * of a thread. parallel_team calls lead(context, team) once, on the calling thread; within it
 * team_each does what parallel_each does, for as many rounds as there are. */
struct team;
void parallel_team(unsigned threads, void (*lead)(void *context, struct team *team), void *context);
void team_each(struct team *team, size_t n,
               void (*work)(void *context, size_t piece, unsigned worker), void *context);

/* threads cut to [1, PARALLEL_MAX]: how many workers parallel_each has at most.                  */
unsigned parallel_workers(unsigned threads);
#endif
