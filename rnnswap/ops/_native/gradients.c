/* Gradients of a layer's weights and input, of the gradient of its gates at all steps.
 *
 * The recurrences share this: their loops leave `d`, and what remains are products over all steps.
 * Steps past a row's length are left out. All arrays are of float or double as `is_double` says, and
 * contiguous but for x, whose rows are. The caller provides all memory.
 */

#include "share.h"

struct gradients {
    int64_t T, B, G, I, R;
    int64_t x_step, x_row; /* strides in elements */
    int reverse;
    const int64_t *lengths; /* (B), each in [1, T]; or null */
    const void *d;          /* (T, B, G): gradient of the gates */
    const void *x;          /* (T, B, I), for dw_ih */
    const void *h;          /* (T, B, R): h after each step, for dw_hh */
    const void *h0;         /* (B, R) */
    const void *w_ih;       /* (G, I), for d_x */
    void *room;             /* rnnswap_gradients_room elements */
    void *dw_ih;            /* (G, I) or null: sum of d^T x */
    void *dw_hh;            /* (G, R) or null: sum of d^T h', h' being h before the step */
    void *d_b;              /* (G) or null: sum of d */
    void *d_x;              /* (T, B, I) */
};

/* Rows that are packed and multiplied at once: a panel of them fits the first cache. */
enum { GRADIENTS_DEPTH = 256 };
/* Up to so many columns a product is done as so many scaled sums, not in panels. */
enum { GRADIENTS_NARROW = 4 };

RNNSWAP_INLINE int gradients_runs(const struct gradients *j, int64_t t, int64_t b) {
    return t >= 0 && t < (j->lengths ? j->lengths[b] : j->T);
}

RNNSWAP_INLINE int64_t gradients_padded(int64_t columns) {
    int64_t widest = 2 * 64 / (int64_t)sizeof(float); /* two vectors of the widest kind */
    return (columns + widest - 1) / widest * widest;
}

/* The parts of a thread's `room`: where each begins, in elements. */
struct gradients_room {
    int64_t blocks, panel, end;
};

static struct gradients_room gradients_room(const struct gradients *j) {
    struct gradients_room room = {0, 0, 0};
    /* Stripes of 6 or 8 columns of G: the last may stick out. */
    room.panel = GRADIENTS_DEPTH * (gradients_padded(j->G) + 8);
    room.end = room.panel + GRADIENTS_DEPTH * gradients_padded(1);
    return room;
}

#define KERNEL "../_native/gradients_kernel.h"
#include "instances.h"

typedef void worker(const struct gradients *, int, int);

static void run(const struct gradients *j, worker *work, int64_t columns, int threads) {
    int64_t all = j->T * j->B * j->G * columns;
    threads = rnnswap_threads(threads, all);
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (threads > 1)
#endif
    work(j, RNNSWAP_THREAD, RNNSWAP_THREADS);
}

/* Elements of `room` that suffice for rnnswap_weight_gradients, whatever the instruction set. */
RNNSWAP_EXPORT int64_t rnnswap_weight_gradients_room(const struct gradients *j, int threads) {
    return gradients_room(j).end * threads;
}

/* Elements of `room` that suffice for rnnswap_input_gradient. */
RNNSWAP_EXPORT int64_t rnnswap_input_gradient_room(const struct gradients *j, int threads) {
    (void)threads;
    return j->G * gradients_padded(j->I);
}

RNNSWAP_EXPORT void rnnswap_weight_gradients(
    const struct gradients *j, int is_double, int level, int threads) {
    int64_t columns = 1 + (j->dw_ih ? j->I : 0) + (j->dw_hh ? j->R : 0);
    run(j, PICK(weight_gradients, is_double, level), columns, threads);
}

RNNSWAP_EXPORT void rnnswap_input_gradient(
    const struct gradients *j, int is_double, int level, int threads) {
    run(j, PICK(input_gradient, is_double, level), j->I, threads);
}
