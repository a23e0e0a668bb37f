/* Bounding all elements of all gradients in one way through the memory. */

#include <math.h>

#include "../ops/_native/common.h"

struct rnnswap_clamp {
    void **data;          /* the gradients' first elements */
    const int64_t *sizes; /* how many each has */
    int64_t count;        /* how many gradients there are */
    double low, high;
    double *evidence; /* for each gradient: 0 where all elements were finite, else infinity */
    /* For each, or null where nothing is to be measured: elements changed, sums of squares. */
    double *changed, *before, *after;
};

#define KERNEL "../../clip/clamp_kernel.h"
#include "../ops/_native/instances.h"

RNNSWAP_EXPORT int rnnswap_clamp(
    const struct rnnswap_clamp *a, int is_double, int level, int threads) {
    void (*one)(const struct rnnswap_clamp *, int64_t) = PICK(clamp_one, is_double, level);
    int64_t elements = 0;
    for (int64_t g = 0; g < a->count; g++) {
        elements += a->sizes[g];
    }
    int team = elements > 1 << 18 ? threads : 1; /* below, to start one costs more than it saves */
    (void)team;
#pragma omp parallel for schedule(dynamic, 4) num_threads(team)
    for (int64_t g = 0; g < a->count; g++) {
        one(a, g);
    }
    return RNNSWAP_DONE;
}
