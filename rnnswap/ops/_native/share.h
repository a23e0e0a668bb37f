/* How a call is shared out among threads.
 *
 * By rows of the batch: a thread takes its rows through all steps and waits for nobody. Or by units:
 * a thread computes its part of every row, and the threads meet after each step. The latter where
 * there are too few rows, and where the recurrent weight is too large for the cache that a thread
 * has for itself: its part may fit.
 */
#ifndef RNNSWAP_SHARE_H
#define RNNSWAP_SHARE_H

#include "steps.h"

/* Multiplications that a thread must have for itself to be worth its waking, about 5 us; those of
 * one step that make a meeting of the threads worth its while; and the numbers of a recurrent weight
 * that stay in a thread's own cache. A build for tests sets them low, to share small shapes out. */
#ifndef RNNSWAP_GRAIN
#define RNNSWAP_GRAIN (1 << 18)
#endif
#ifndef RNNSWAP_STEP_GRAIN
#define RNNSWAP_STEP_GRAIN (1 << 16)
#endif
#ifndef RNNSWAP_CACHED
#define RNNSWAP_CACHED (1 << 18)
#endif

struct rnnswap_team {
    int threads;
    int by_units;
};

/* How many of at most `most` threads are worth waking for so many multiplications. */
static inline int rnnswap_threads(int most, int64_t all) {
    int64_t worth = 1 + all / RNNSWAP_GRAIN;
    return (int)(most < 1 ? 1 : most < worth ? most : worth);
}

/* The team for a loop whose steps have `step` multiplications a row, all of them in `all`. */
static inline struct rnnswap_team rnnswap_plan(int most, int64_t rows, int64_t step, int64_t all) {
    int64_t threads = rnnswap_threads(most, all), parts = rows * step / RNNSWAP_STEP_GRAIN;
    struct rnnswap_team team = {(int)threads, 1};
    parts = parts < threads ? parts : threads;
    if (parts > rows || (parts == threads && step > RNNSWAP_CACHED)) {
        team.threads = (int)parts;
        return team;
    }
    team.threads = (int)(threads < rows ? threads : rows > 1 ? rows : 1);
    team.by_units = 0;
    return team;
}

struct rnnswap_share {
    int64_t first, end, count; /* rows of the batch */
    int64_t part, parts;       /* of the units, in [0, parts) */
    int meets;                 /* whether this thread waits for the others after each step */
};

/* The row with which a part of the batch begins: the parts have as many steps each as can be. Rows
 * of a part are neighbours, for threads whose rows alternate wait for each other's cache lines. */
static inline int64_t rnnswap_cut(const struct rnnswap_steps *steps, int64_t part, int64_t parts) {
    int64_t all = 0, before = 0, b = 0;
    if (!steps->lengths) {
        return steps->B * part / parts;
    }
    for (int64_t i = 0; i < steps->B; i++) {
        all += steps->lengths[i];
    }
    while (b < steps->B && before < all * part / parts) {
        before += steps->lengths[b++];
    }
    return b;
}

static inline struct rnnswap_share rnnswap_share_of(
    const struct rnnswap_steps *steps, int by_units, int thread, int team) {
    struct rnnswap_share s = {0, steps->B, steps->B, thread, team, team > 1};
    if (!by_units) {
        s.first = rnnswap_cut(steps, thread, team);
        s.end = rnnswap_cut(steps, thread + 1, team);
        s.count = s.end - s.first;
        s.part = 0;
        s.parts = 1;
        s.meets = 0;
    }
    return s;
}

#endif
