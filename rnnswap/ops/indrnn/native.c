/* IndRNN's recurrence on the CPU: projection of the input and loop over all steps in one call.
 *
 * All arrays are of float or double as `is_double` says, and contiguous but for x and d_out, whose
 * rows are. In `backward`, `d_h` comes as the gradient of h_n and leaves as that of h0; `d_pre`
 * leaves as the gradient of the projected input, and of `d_u` the first H of every 3H numbers are a
 * thread's share of the gradient of u. The caller provides all memory.
 */

#include "../_native/share.h"

#include <float.h>

struct indrnn {
    int64_t T, B, I, H;
    int64_t x_step, x_row, d_out_step, d_out_row; /* strides in elements */
    int reverse;
    int by_units; /* set by run */
    int is_tanh;  /* else relu */
    const int64_t *lengths;  /* (B), each in [1, T]; or null */
    const void *x;           /* (T, B, I); with w_ih null the projected input, (T, B, H) */
    const void *h0;          /* (B, H) */
    const void *w_ih;        /* (H, I) or null */
    const void *u;           /* (H) */
    const void *b_ih, *b_hh; /* (H) or null */
    void *room;              /* rnnswap_indrnn_room elements, for forward */
    void *states;            /* (T, B, H), zero past a row's length */
    const void *d_out;       /* (T, B, H) */
    void *d_h;               /* (B, H) */
    void *d_pre;             /* (T, B, H) */
    void *d_u;               /* (threads, 3, H): sum, and room to work */
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
static int run(const struct indrnn *given, worker *pack, worker *work, int64_t all, int threads) {
    struct indrnn own = *given, *j = &own;
    int team = 1;
    threads = rnnswap_threads(threads, all);
    j->by_units = threads > j->B; /* units do not know each other: these threads never meet */
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (threads > 1)
#endif
    {
        if (RNNSWAP_THREAD == 0) {
            team = RNNSWAP_THREADS;
        }
        if (pack) {
            pack(j, RNNSWAP_THREAD, RNNSWAP_THREADS);
            RNNSWAP_BARRIER
        }
        work(j, RNNSWAP_THREAD, RNNSWAP_THREADS);
    }
    return team;
}

/* Elements of `room`, whatever the instruction set: the columns padded to two vectors. */
RNNSWAP_EXPORT int64_t rnnswap_indrnn_room(const struct indrnn *j) {
    int64_t widest = 2 * 64 / (int64_t)sizeof(float);
    return j->w_ih ? (j->H + widest - 1) / widest * widest * j->I : 0;
}

RNNSWAP_EXPORT int rnnswap_indrnn_forward(
    const struct indrnn *j, int is_double, int level, int threads) {
    int64_t all = j->T * j->B * j->H * (j->I + 8);
    return run(j, PICK(pack_forward, is_double, level), PICK(forward, is_double, level), all, threads);
}

RNNSWAP_EXPORT int rnnswap_indrnn_backward(
    const struct indrnn *j, int is_double, int level, int threads) {
    return run(j, 0, PICK(backward, is_double, level), j->T * j->B * j->H * 16, threads);
}
