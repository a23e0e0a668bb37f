/* IndRNN's recurrence on the CPU: projection of the input and loop over all steps in one call.
 *
 * All arrays are of float or double as `is_double` says, and contiguous but for x and d_out, whose
 * rows are. In `backward`, `d_h` comes as the gradient of h_n and leaves as that of h0, or is null:
 * zeros come and nobody asks for what would leave; `d_pre` leaves as the gradient of the projected
 * input.
 */

#include "../_native/gradients.h"
#include "../_native/share.h"

#include <float.h>

struct indrnn {
    struct rnnswap_steps steps;
    int64_t I, H;
    int64_t x_step, x_row, d_out_step, d_out_row; /* strides in elements */
    int64_t h0_row; /* the same, set by begin */
    int by_units; /* set by run */
    int is_tanh;  /* else relu */
    int d_out_is_one; /* of `backward`: one number for all of d_out, its strides 0 */
    const void *x;           /* (T, B, I); with w_ih null the projected input, (T, B, H) */
    const void *h0;          /* (B, H), or null: zeros */
    const void *w_ih;        /* (H, I) or null */
    const void *u;           /* (H) */
    const void *b_ih, *b_hh; /* (H) or null */
    void *states;            /* (T, B, H), zero past a length */
    void *h_n;               /* (B, H): the last of each row, of `forward` */
    const void *d_out;       /* (T, B, H) */
    void *d_h;               /* (B, H) or null */
    void *d_pre;             /* (T, B, H) */
    void *d_u;               /* (H) */
    /* Of `backward`, each or null: gradients of x, w_ih, one bias and the other. */
    void *d_x, *dw_ih, *d_b, *d_b_too;
    void *room; /* set by run: forward's packed w_ih; (threads, 3, H): backward's shares of d_u */
};

#define REAL_LEAST (REAL_IS_DOUBLE ? (REAL)DBL_TRUE_MIN : (REAL)FLT_TRUE_MIN)
#define KERNEL "../indrnn/kernel.h"
#include "../_native/instances.h"

typedef void worker(const struct indrnn *, int, int);

/* One row of zeros stands for an initial state that is not given; behind it lies a row of d_out where
 * that is one number, and then the gradient of h, running, where none comes. Returns memory to be
 * freed. */
static void *begin(struct indrnn *j, int backward, int is_double) {
    void *zeros = NULL;
    int64_t running = backward && !j->d_h ? j->steps.B * j->H : 0;
    int64_t one = backward && j->d_out_is_one ? j->H : 0;
    void *memory = rnnswap_begin(&j->steps, j->H + one + running, &zeros, is_double);
    size_t size = is_double ? sizeof(double) : sizeof(float);
    j->h0_row = j->h0 ? j->H : 0;
    j->h0 = j->h0 ? j->h0 : zeros;
    if (memory && one) {
        j->d_out = rnnswap_repeat((char *)zeros + (size_t)j->H * size, j->d_out, one, is_double);
    }
    if (memory && running) {
        j->d_h = (char *)zeros + (size_t)(j->H + one) * size;
    }
    return memory;
}

/* Elements of `room` for w_ih, whatever the instruction set: its columns padded to two vectors. */
static int64_t indrnn_panels(const struct indrnn *j) {
    int64_t widest = 2 * 64 / (int64_t)sizeof(float);
    return j->w_ih ? (j->H + widest - 1) / widest * widest * j->I : 0;
}

static int run(const struct indrnn *given, worker *before, worker *work, worker *after,
    int64_t room, int64_t all, int is_double, int threads) {
    struct indrnn own = *given, *j = &own;
    threads = rnnswap_threads(threads, all);
    j->by_units = threads > j->steps.B; /* units do not know each other: these threads never meet */
    j->room = rnnswap_room(room, is_double);
    if (!j->room) {
        return RNNSWAP_NO_MEMORY;
    }
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (threads > 1)
#endif
    {
        if (before) {
            before(j, RNNSWAP_THREAD, RNNSWAP_THREADS);
            RNNSWAP_BARRIER
        }
        work(j, RNNSWAP_THREAD, RNNSWAP_THREADS);
        if (after) {
            RNNSWAP_BARRIER
            after(j, RNNSWAP_THREAD, RNNSWAP_THREADS);
        }
    }
    free(j->room);
    return RNNSWAP_DONE;
}

RNNSWAP_EXPORT int rnnswap_indrnn_forward(
    const struct indrnn *given, int is_double, int level, int threads) {
    worker *pack = PICK(pack_forward, is_double, level), *work = PICK(forward, is_double, level);
    struct indrnn own = *given, *j = &own;
    void *memory = begin(j, 0, is_double);
    if (!memory) {
        return RNNSWAP_NO_MEMORY;
    }
    rnnswap_will_fill(j->states, j->steps.rows * j->H, is_double);
    int64_t all = j->steps.rows * j->H * (j->I + 8);
    int failed = run(j, pack, work, 0, indrnn_panels(j), all, is_double, threads);
    if (!failed) {
        rnnswap_last(&j->steps, j->h_n, j->states, j->H, is_double);
    }
    free(memory);
    return failed;
}

RNNSWAP_EXPORT int rnnswap_indrnn_backward(
    const struct indrnn *given, int is_double, int level, int threads) {
    worker *work = PICK(backward, is_double, level), *sum = PICK(sum_shares, is_double, level);
    struct indrnn own = *given, *j = &own;
    void *memory = begin(j, 1, is_double);
    if (!memory) {
        return RNNSWAP_NO_MEMORY;
    }
    struct gradients rest = {.steps = j->steps, .G = j->H, .I = j->I, .x_step = j->x_step,
        .x_row = j->x_row, .d = j->d_pre, .x = j->x, .w_ih = j->w_ih, .dw_ih = j->dw_ih,
        .d_b = j->d_b, .d_x = j->d_x};
    int64_t all = j->steps.rows * j->H * 16, room = (int64_t)threads * 3 * j->H;
    rnnswap_will_fill(j->d_pre, j->steps.rows * j->H, is_double);
    int failed = run(j, 0, work, sum, room, all, is_double, threads)
        || rnnswap_gradients(&rest, is_double, level, threads);
    if (!failed && j->d_b_too) {
        memcpy(j->d_b_too, j->d_b, (size_t)j->H * (is_double ? sizeof(double) : sizeof(float)));
    }
    free(memory);
    return failed ? RNNSWAP_NO_MEMORY : RNNSWAP_DONE;
}
