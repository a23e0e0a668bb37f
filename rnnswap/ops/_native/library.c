/* What the library says of itself. */

#include "common.h"

/* The instruction set to hand to the kernels: 0 for any CPU, 1 for AVX2, 2 for AVX-512. */
RNNSWAP_EXPORT int rnnswap_level(void) {
    return rnnswap_cpu_level();
}
