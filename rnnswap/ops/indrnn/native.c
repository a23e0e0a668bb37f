/* IndRNN's recurrence on the CPU: the loop over all steps in one call.
 *
 * The arrays are C-contiguous, of float or double as `is_double` says. In `forward`, `states` comes
 * as the projected input and leaves as the output, zero past a row's length. In `backward`, `d_h`
 * comes as the gradient of h_n and leaves as that of h0; `d_pre` leaves as the gradient of the
 * projected input, and of `d_u` the first H of every 3H numbers are a thread's share of the
 * gradient of u. The caller provides all memory.
 */

#include "../_native/common.h"

#include <float.h>

struct indrnn {
    int64_t T, B, H;
    int reverse;
    int is_tanh; /* else relu */
    const int64_t *lengths; /* (B), each in [1, T]; or null */
    const void *u;          /* (H) */
    void *states;           /* (T, B, H) */
    const void *h0;         /* (B, H) */
    const void *d_out;      /* (T, B, H) */
    void *d_h;              /* (B, H) */
    void *d_pre;            /* (T, B, H) */
    void *d_u;              /* (threads, 3, H): sum, and room to work */
};

/* Whether row b has a step t. */
RNNSWAP_INLINE int indrnn_runs(const struct indrnn *j, int64_t t, int64_t b) {
    return t >= 0 && t < (j->lengths ? j->lengths[b] : j->T);
}

#define REAL_LEAST (REAL_IS_DOUBLE ? (REAL)DBL_TRUE_MIN : (REAL)FLT_TRUE_MIN)
#define KERNEL "../indrnn/kernel.h"
#include "../_native/instances.h"

typedef void worker(const struct indrnn *, int, int);

/* Returns how many threads took part: so many shares of d_u are filled. */
static int run(const struct indrnn *j, worker *work, int threads) {
    int team = 1;
    (void)threads;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
#endif
    {
        if (RNNSWAP_THREAD == 0) {
            team = RNNSWAP_THREADS;
        }
        work(j, RNNSWAP_THREAD, RNNSWAP_THREADS);
    }
    return team;
}

RNNSWAP_EXPORT int rnnswap_indrnn_forward(
    const struct indrnn *j, int is_double, int level, int threads) {
    return run(j, PICK(forward, is_double, level), threads);
}

RNNSWAP_EXPORT int rnnswap_indrnn_backward(
    const struct indrnn *j, int is_double, int level, int threads) {
    return run(j, PICK(backward, is_double, level), threads);
}
