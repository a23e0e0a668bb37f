/* Gradients of weights and input: see gradients.h. */

#include "gradients.h"
#include "share.h"

/* Rows that are packed and multiplied at once: a panel of them fits the first cache. */
enum { GRADIENTS_DEPTH = 256 };
/* Up to so many columns a product is done as so many scaled sums, not in panels. */
enum { GRADIENTS_NARROW = 4 };

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
    threads = rnnswap_threads(threads, j->steps.rows * j->G * columns);
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (threads > 1)
#endif
    work(j, RNNSWAP_THREAD, RNNSWAP_THREADS);
}

int rnnswap_gradients(const struct gradients *given, int is_double, int level, int threads) {
    struct gradients own = *given, *j = &own;
    int64_t weights = gradients_room(j).end * threads, input = j->G * gradients_padded(j->I);
    int64_t columns = (j->d_b != 0) + (j->dw_ih ? j->I : 0) + (j->dw_hh ? j->R : 0);
    if (!columns && !j->d_x) {
        return RNNSWAP_DONE;
    }
    j->room = rnnswap_room(!j->d_x || weights > input ? weights : input, is_double);
    if (!j->room) {
        return RNNSWAP_NO_MEMORY;
    }
    if (columns) {
        run(j, PICK(weight_gradients, is_double, level), columns, threads);
    }
    if (j->d_x) {
        run(j, PICK(input_gradient, is_double, level), j->I, threads);
    }
    free(j->room);
    return RNNSWAP_DONE;
}
