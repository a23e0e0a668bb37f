/* How threads share gradients: small ones whole, large ones in parts. */
#ifndef RNNSWAP_PARTS_H
#define RNNSWAP_PARTS_H

#include <stdint.h>

/* Into so many parts a large gradient falls, whatever the threads: sums come out alike. */
enum { PARTS = 64 };
#ifdef RNNSWAP_GRAIN /* under a sanitizer the smallest are shared, too */
enum { LARGE = RNNSWAP_GRAIN, WORTH_A_TEAM = RNNSWAP_GRAIN };
#else
enum {
    LARGE = 1 << 20, /* elements from which a gradient is shared */
    /* Elements of all gradients below which one thread works: to start a team, on a machine that
       has more to do, can cost more than the work. */
    WORTH_A_TEAM = 1 << 19
};
#endif

static int team_for(const int64_t *sizes, int64_t count, int threads) {
    int64_t elements = 0;
    for (int64_t g = 0; g < count; g++) {
        elements += sizes[g];
    }
    return elements >= WORTH_A_TEAM && threads > 1 ? threads : 1;
}

/* Where part number k of n things begins. */
static int64_t part_start(int64_t n, int k) {
    int64_t each = n / PARTS, rest = n % PARTS;
    return k * each + (k < rest ? k : rest);
}

#endif
