/* How a call is shared out among threads.
 *
 * By rows of the batch where there are enough of them: a thread takes its rows through all steps and
 * waits for nobody. Else by units: a thread computes its part of every row, and the threads meet
 * after each step.
 */
#ifndef RNNSWAP_SHARE_H
#define RNNSWAP_SHARE_H

#include "common.h"

/* Multiplications that a thread must have for itself to be worth its waking, about 5 us; and those
 * of one step that make a meeting of the threads worth its while. */
enum { RNNSWAP_GRAIN = 1 << 18, RNNSWAP_STEP_GRAIN = 1 << 16 };

struct rnnswap_team {
    int threads;
    int by_units;
};

/* Args: the most threads, rows, multiplications of one row's step (`step`) and of the call. */
static inline struct rnnswap_team rnnswap_plan(int most, int64_t rows, int64_t step, int64_t all) {
    int64_t worth = 1 + all / RNNSWAP_GRAIN, units = rows * step / RNNSWAP_STEP_GRAIN;
    int64_t threads = most < worth ? most : worth;
    struct rnnswap_team team = {(int)(threads < rows ? threads : rows), 0};
    units = units < threads ? units : threads;
    if (units > rows) {
        team.threads = (int)units;
        team.by_units = 1;
    }
    team.threads = team.threads > 1 ? team.threads : 1;
    return team;
}

struct rnnswap_share {
    int64_t first, end, stride; /* rows of the batch */
    int64_t count;              /* of these rows */
    int64_t part, parts;        /* of the units, in [0, parts) */
    int meets;                  /* whether this thread waits for the others after each step */
};

/* Rows of different lengths are dealt out in turn, as they may be sorted; else they stay together. */
static inline struct rnnswap_share rnnswap_share_of(
    int64_t rows, const int64_t *lengths, int by_units, int thread, int team) {
    struct rnnswap_share s = {0, rows, 1, rows, thread, team, team > 1};
    if (by_units) {
        return s;
    }
    s.part = 0;
    s.parts = 1;
    s.meets = 0;
    if (lengths) {
        s.first = thread;
        s.stride = team;
        s.count = (rows - thread + team - 1) / team;
    } else {
        s.first = rows * thread / team;
        s.end = rows * (thread + 1) / team;
        s.count = s.end - s.first;
    }
    return s;
}

#endif
