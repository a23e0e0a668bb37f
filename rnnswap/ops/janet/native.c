/* JANET's recurrence on the CPU: the loop over all steps in one call.
 *
 * The arrays are C-contiguous, of float or double as `is_double` says. In `forward`, `gates` comes
 * as the projected input and leaves holding what `backward` reads; `states` leaves as the output.
 * In `backward`, `d_h` and `d_c` come as the gradients of h_n and c_n and leave as those of h0 and
 * c0; `d_gates` leaves as the gradient of the projected input. The caller provides all memory.
 */

#include "../_native/common.h"

struct janet {
    int64_t T, B, H;
    int reverse;
    double shift; /* exp(-beta) */
    const int64_t *lengths; /* (B), each in [1, T]; or null */
    const void *w_hh;       /* (2H, H), rows [c, f] */
    void *panels;           /* room for the packed weight: rnnswap_janet_panels elements */
    void *gates;            /* (T, B, 2H) */
    void *states;           /* (T, B, H) */
    const void *h0, *c0;    /* (B, H) */
    const void *d_out;      /* (T, B, H) */
    void *d_h, *d_c;        /* (B, H) */
    void *d_gates;          /* (T, B, 2H) */
};

/* Whether row b has a step t. */
RNNSWAP_INLINE int janet_runs(const struct janet *j, int64_t t, int64_t b) {
    return t >= 0 && t < (j->lengths ? j->lengths[b] : j->T);
}

#define KERNEL "../janet/kernel.h"
#include "../_native/instances.h"

typedef void worker(const struct janet *, int, int);

static void run(const struct janet *j, worker *pack, worker *work, int threads) {
    (void)threads;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
#endif
    {
        int thread = RNNSWAP_THREAD, team = RNNSWAP_THREADS;
        pack(j, thread, team);
        RNNSWAP_BARRIER
        work(j, thread, team);
    }
}

/* Elements of `panels` that suffice for every instruction set: the columns padded to two vectors. */
RNNSWAP_EXPORT int64_t rnnswap_janet_panels(int64_t H) {
    int64_t widest = 2 * 64 / (int64_t)sizeof(float);
    return 2 * H * ((H + widest - 1) / widest * widest);
}

RNNSWAP_EXPORT void rnnswap_janet_forward(
    const struct janet *j, int is_double, int level, int threads) {
    run(j, PICK(pack_forward, is_double, level), PICK(forward, is_double, level), threads);
}

RNNSWAP_EXPORT void rnnswap_janet_backward(
    const struct janet *j, int is_double, int level, int threads) {
    run(j, PICK(pack_backward, is_double, level), PICK(backward, is_double, level), threads);
}
