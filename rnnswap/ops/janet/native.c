/* JANET's recurrence on the CPU: projection of the input and loop over all steps in one call.
 *
 * All arrays are of float or double as `is_double` says, and contiguous but for x and d_out, whose
 * rows are. `gates` holds for each step tanh(g) and exp(-s), what `backward` reads; without it (no
 * backward will follow) a few steps' worth lies in `room`. In `backward`, `d_h` and `d_c` come as
 * the gradients of h_n and c_n and leave as those of h0 and c0, or are null: zeros come and nobody
 * asks for what would leave; `d_gates` leaves as the gradient of the projected input. R is the width
 * of h: H, or P with a projection.
 */

#include "../_native/gradients.h"
#include "../_native/share.h"

struct janet {
    struct rnnswap_steps steps;
    int64_t I, H, P; /* P = 0: no projection */
    int64_t x_step, x_row, d_out_step, d_out_row; /* strides in elements */
    int64_t h0_row, c0_row, d_h_row; /* the same, set by begin */
    int by_units;   /* set by run */
    int needs_d_h0; /* else d_h stays as it came */
    int d_out_is_one; /* of `backward`: one number for all of d_out, its strides 0 */
    double shift; /* exp(-beta) */
    const void *x;          /* (T, B, I); with w_ih null the gates themselves, (T, B, 2H) */
    const void *h0;         /* (B, R), or null: zeros */
    const void *c0;         /* (B, H), or null: zeros */
    const void *w_ih;       /* (2H, I), rows [c, f]; or null */
    const void *w_hh;       /* (2H, R) */
    const void *b_ih, *b_hh; /* (2H) or null */
    const void *w_hr;       /* (P, H) or null */
    void *gates;            /* (T, B, 2H), or null in a forward that no backward follows */
    void *states;           /* (T, B, H): c */
    void *output;           /* (T, B, R): h; `states` itself without a projection */
    void *h_n, *c_n;        /* (B, R) and (B, H): the last of each row, of `forward` */
    const void *d_out;      /* (T, B, R) */
    void *d_h;              /* (B, R) or null */
    void *d_c;              /* (B, H) or null */
    void *d_gates;          /* (T, B, 2H) */
    void *d_hidden;         /* (T, B, P): the gradient of h at each step; null without a projection */
    /* Of `backward`, each or null: gradients of x, the weights, one bias and the other. */
    void *d_x, *dw_ih, *dw_hh, *dw_hr, *d_b, *d_b_too;
    void *room; /* set by run */
};

RNNSWAP_INLINE int64_t janet_width(const struct janet *j) {
    return j->P ? j->P : j->H;
}

/* Rows that are projected together at least, so that the input's weight is read often enough. */
enum { JANET_ROWS = 48 };

/* Multiplications that take as long as a unit's two gates. */
enum { JANET_GATES = 64 };

/* Steps that are projected at once when a thread has this many rows. */
RNNSWAP_INLINE int64_t janet_steps(int64_t rows) {
    return rows >= JANET_ROWS || rows == 0 ? 1 : (JANET_ROWS + rows - 1) / rows;
}

/* The parts of `room`: where each begins, in elements. */
struct janet_room {
    int64_t ih, hh, hr, gates, end;
};

RNNSWAP_INLINE int64_t janet_padded(int64_t columns) {
    int64_t widest = 2 * 64 / (int64_t)sizeof(float); /* two vectors of the widest kind */
    return (columns + widest - 1) / widest * widest;
}

static struct janet_room janet_room(const struct janet *j, int threads) {
    int64_t H = j->H, R = janet_width(j), forward = 2 * janet_padded(H) * R;
    int64_t backward = 2 * H * janet_padded(R);
    struct janet_room room = {0, 0, 0, 0, 0};
    room.hh = j->w_ih ? 2 * janet_padded(H) * j->I : 0;
    room.hr = room.hh + (forward > backward ? forward : backward);
    room.gates = room.hr + (j->P ? H * janet_padded(R) + R * janet_padded(H) : 0);
    /* No thread projects more than JANET_ROWS rows more than it has at once. */
    room.end = room.gates + (j->gates ? 0 : 2 * H * (j->steps.B + JANET_ROWS * threads));
    return room;
}

#define KERNEL "../janet/kernel.h"
#include "../_native/instances.h"

typedef void worker(const struct janet *, int, int);

/* One row of zeros stands for initial states that are not given, and for the gradient of h_n; behind
 * it lies a row of d_out where that is one number, and then the gradient of c, running, where none
 * comes. Returns memory to be freed. */
static void *begin(struct janet *j, int backward, int is_double) {
    int64_t R = janet_width(j), row = R > j->H ? R : j->H;
    int64_t running = backward && !j->d_c ? j->steps.B * j->H : 0;
    void *zeros = NULL;
    int64_t one = backward && j->d_out_is_one ? R : 0;
    void *memory = rnnswap_begin(&j->steps, row + one + running, &zeros, is_double);
    size_t size = is_double ? sizeof(double) : sizeof(float);
    j->h0_row = j->h0 ? R : 0;
    j->c0_row = j->c0 ? j->H : 0;
    j->d_h_row = j->d_h ? R : 0;
    j->h0 = j->h0 ? j->h0 : zeros;
    j->c0 = j->c0 ? j->c0 : zeros;
    j->d_h = j->d_h ? j->d_h : zeros;
    if (memory && one) {
        j->d_out = rnnswap_repeat((char *)zeros + (size_t)row * size, j->d_out, one, is_double);
    }
    if (memory && running) {
        j->d_c = (char *)zeros + (size_t)(row + one) * size;
    }
    return memory;
}

static int run(
    const struct janet *given, worker *pack, worker *work, int is_double, int threads) {
    struct janet own = *given, *j = &own;
    int64_t step = 2 * j->H * janet_width(j);
    int64_t all = j->steps.rows * (step + 2 * j->H * j->I + JANET_GATES * j->H);
    struct rnnswap_team team = rnnswap_plan(threads, j->steps.B, step, all);
    j->by_units = team.by_units;
    j->room = rnnswap_room(janet_room(j, team.threads).end, is_double);
    if (!j->room) {
        return RNNSWAP_NO_MEMORY;
    }
#ifdef _OPENMP
#pragma omp parallel num_threads(team.threads) if (team.threads > 1)
#endif
    {
        pack(j, RNNSWAP_THREAD, RNNSWAP_THREADS);
        RNNSWAP_BARRIER
        work(j, RNNSWAP_THREAD, RNNSWAP_THREADS);
    }
    free(j->room);
    return RNNSWAP_DONE;
}

RNNSWAP_EXPORT int rnnswap_janet_forward(
    const struct janet *given, int is_double, int level, int threads) {
    worker *pack = PICK(pack_forward, is_double, level), *work = PICK(forward, is_double, level);
    struct janet own = *given, *j = &own;
    void *memory = begin(j, 0, is_double);
    if (!memory) {
        return RNNSWAP_NO_MEMORY;
    }
    rnnswap_will_fill(j->gates, j->steps.rows * 2 * j->H, is_double);
    rnnswap_will_fill(j->states, j->steps.rows * j->H, is_double);
    int failed = run(j, pack, work, is_double, threads);
    if (!failed) {
        rnnswap_last(&j->steps, j->h_n, j->output, janet_width(j), is_double);
        rnnswap_last(&j->steps, j->c_n, j->states, j->H, is_double);
    }
    free(memory);
    return failed;
}

RNNSWAP_EXPORT int rnnswap_janet_backward(
    const struct janet *given, int is_double, int level, int threads) {
    worker *pack = PICK(pack_backward, is_double, level), *work = PICK(backward, is_double, level);
    struct janet own = *given, *j = &own;
    void *memory = begin(j, 1, is_double);
    if (!memory) {
        return RNNSWAP_NO_MEMORY;
    }
    struct gradients of_gates = {.steps = j->steps, .G = 2 * j->H, .I = j->I, .R = janet_width(j),
        .x_step = j->x_step, .x_row = j->x_row, .h0_row = j->h0_row, .d = j->d_gates, .x = j->x,
        .h = j->output, .h0 = j->h0, .w_ih = j->w_ih, .dw_ih = j->dw_ih, .dw_hh = j->dw_hh,
        .d_b = j->d_b, .d_x = j->d_x};
    struct gradients of_h = {.steps = j->steps, .G = j->P, .I = j->H,
        .x_step = j->steps.B * j->H, .x_row = j->H, .d = j->d_hidden, .x = j->states,
        .dw_ih = j->dw_hr};
    rnnswap_will_fill(j->d_gates, j->steps.rows * 2 * j->H, is_double);
    int failed = run(j, pack, work, is_double, threads)
        || rnnswap_gradients(&of_gates, is_double, level, threads)
        || rnnswap_gradients(&of_h, is_double, level, threads);
    if (!failed && j->d_b_too) {
        memcpy(j->d_b_too, j->d_b, (size_t)(2 * j->H) * (is_double ? sizeof(double) : sizeof(float)));
    }
    free(memory);
    return failed ? RNNSWAP_NO_MEMORY : RNNSWAP_DONE;
}
