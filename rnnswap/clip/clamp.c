/* Bounding all elements of all gradients in one way through the memory. */

#include <math.h>

#include "../ops/_native/common.h"
#include "parts.h"

struct rnnswap_clamp {
    void **data;          /* the gradients' first elements */
    const int64_t *sizes; /* how many each has */
    int64_t count;        /* how many gradients there are */
    double low, high;
    double *evidence; /* for each gradient: 0 where all elements were finite, else infinity */
    /* For each, or null where nothing is to be measured: elements changed, sums of squares. */
    double *changed, *before, *after;
};

/* What was found in one gradient, or in a part of it. */
struct rnnswap_found {
    int finite;
    double changed, before, after;
};

#define KERNEL "../../clip/clamp_kernel.h"
#include "../ops/_native/instances.h"

typedef struct rnnswap_found (*clamp_part)(const struct rnnswap_clamp *, int64_t, int64_t, int64_t);

static void note(const struct rnnswap_clamp *a, int64_t g, struct rnnswap_found found) {
    a->evidence[g] = found.finite ? 0 : HUGE_VAL;
    if (a->changed) {
        a->changed[g] = found.changed;
        a->before[g] = found.before;
        a->after[g] = found.after;
    }
}

/* A gradient so large that all threads share it; its parts are added up in their order. */
static void large(const struct rnnswap_clamp *a, int64_t g, clamp_part part, int threads) {
    struct rnnswap_found each[PARTS], all = {1, 0, 0, 0};
    (void)threads;
#pragma omp parallel for num_threads(threads)
    for (int k = 0; k < PARTS; k++) {
        each[k] = part(a, g, part_start(a->sizes[g], k), part_start(a->sizes[g], k + 1));
    }
    for (int k = 0; k < PARTS; k++) {
        all.finite &= each[k].finite;
        all.changed += each[k].changed;
        all.before += each[k].before;
        all.after += each[k].after;
    }
    note(a, g, all);
}

RNNSWAP_EXPORT int rnnswap_clamp(
    const struct rnnswap_clamp *a, int is_double, int level, int threads) {
    clamp_part part = PICK(clamp_part, is_double, level);
    int team = team_for(a->sizes, a->count, threads);
    (void)team;
#pragma omp parallel for schedule(dynamic, 4) num_threads(team)
    for (int64_t g = 0; g < a->count; g++) {
        if (team == 1 || a->sizes[g] < LARGE) {
            note(a, g, part(a, g, 0, a->sizes[g]));
        }
    }
    for (int64_t g = 0; team > 1 && g < a->count; g++) {
        if (a->sizes[g] >= LARGE) {
            large(a, g, part, team);
        }
    }
    return RNNSWAP_DONE;
}
