/* IndRNN's loops for one element type and one instruction set; see native.c for the arguments.
 *
 * What counts beside the projection is that each number is read and written once. Forward takes a
 * row through several steps at a time: the product of these steps' inputs with a panel of the weight
 * stays in registers, and so does the state that runs through it.
 */

#include "../_native/vector.h"
#include "../_native/block.h"

#define vec NAME(vec)

/* Steps that are taken through each panel together. */
enum { NAME(SPAN) = 48 };

RNNSWAP_INLINE vec NAME(activation)(vec x, int is_tanh) {
    vec zero = NAME(splat)(0);
    /* x < 0 ? 0 : x keeps a NaN. */
    return is_tanh ? NAME(tanh)(x) : NAME(if_less)(x, zero, zero, x);
}

/* Gradient through the activation, from its result h. At a NaN relu's is the incoming one. */
RNNSWAP_INLINE vec NAME(through)(vec d, vec h, int is_tanh) {
    vec zero = NAME(splat)(0);
    if (is_tanh) {
        return d * (1 - h * h);
    }
    /* h <= 0 for numbers; a NaN is not less than the least positive number either. */
    return NAME(if_less)(h, NAME(splat)(REAL_LEAST), zero, d);
}

static void NAME(pack_forward)(const struct indrnn *j, int thread, int team) {
    if (j->w_ih) {
        NAME(pack)(j->room, j->w_ih, j->I, j->H, 1, j->I, thread, team);
    }
}

RNNSWAP_INLINE vec NAME(bias)(const struct indrnn *j, int64_t at, int64_t n) {
    vec b = NAME(splat)(0);
    if (j->b_ih) {
        b += NAME(load_some)((const REAL *)j->b_ih + at, n);
    }
    if (j->b_hh) {
        b += NAME(load_some)((const REAL *)j->b_hh + at, n);
    }
    return b;
}

/* One row's steps, whose inputs are x and whose states go to h, for the units of panel p. */
RNNSWAP_INLINE void NAME(run_steps)(const struct indrnn *j, int64_t p, int steps,
    const REAL *const *x, REAL *const *h, const REAL *before, int is_tanh) {
    int64_t at[2] = {p * WIDE, p * WIDE + VL}, n[2];
    vec u[2], b[2], state[2];
    UNROLL for (int half = 0; half < 2; half++) {
        n[half] = NAME(at_most_vector)(j->H - at[half]);
        u[half] = NAME(load_some)((const REAL *)j->u + at[half], n[half]);
        b[half] = NAME(bias)(j, at[half], n[half]);
        state[half] = NAME(load_some)(before + at[half], n[half]);
    }
    for (int r = 0, block; r < steps; r += block) {
        vec acc[ROWS][2];
        block = NAME(next_block)(steps - r);
        if (j->w_ih) {
            NAME(product)(block, x + r, (const REAL *)j->room + p * j->I * WIDE, j->I, acc);
        }
        for (int q = 0; q < block; q++) {
            UNROLL for (int half = 0; half < 2; half++) {
                vec pre = j->w_ih ? acc[q][half] : NAME(load_some)(x[r + q] + at[half], n[half]);
                pre += b[half] + u[half] * state[half];
                state[half] = NAME(activation)(pre, is_tanh);
                NAME(store_some)(h[r + q] + at[half], state[half], n[half]);
            }
        }
    }
}

/* Row b from step number `first` on, in the order in which steps are visited, to before `end`. */
static void NAME(run_row)(const struct indrnn *j, const struct rnnswap_share *s, int64_t b,
    int64_t first, int64_t end) {
    int64_t H = j->H;
    int64_t p = NAME(panels)(H) * s->part / s->parts, stop = NAME(panels)(H) * (s->part + 1) / s->parts;
    const REAL *x[NAME(SPAN)], *before = 0;
    REAL *h[NAME(SPAN)];
    int steps = 0;
    for (int64_t k = first; k < end; k++) {
        int64_t t = j->steps.reverse ? j->steps.T - 1 - k : k;
        int64_t was = j->steps.reverse ? t + 1 : t - 1;
        REAL *state = (REAL *)j->states + rnnswap_row(&j->steps, t, b) * H;
        if (!rnnswap_runs(&j->steps, t, b)) {
            if (rnnswap_padded(&j->steps, s->part)) {
                memset(state, 0, (size_t)H * sizeof(REAL));
            }
            continue;
        }
        if (steps == 0) {
            before = rnnswap_runs(&j->steps, was, b)
                ? (const REAL *)j->states + rnnswap_row(&j->steps, was, b) * H
                : (const REAL *)j->h0 + b * j->h0_row;
        }
        x[steps] = (const REAL *)j->x + rnnswap_at(&j->steps, t, b, j->x_step, j->x_row);
        h[steps++] = state;
    }
    for (; steps && p < stop; p++) {
        if (j->is_tanh) {
            NAME(run_steps)(j, p, steps, x, h, before, 1);
        } else {
            NAME(run_steps)(j, p, steps, x, h, before, 0);
        }
    }
}

static void NAME(forward)(const struct indrnn *j, int thread, int team) {
    struct rnnswap_share s = rnnswap_share_of(&j->steps, j->by_units, thread, team);
    for (int64_t first = 0; first < j->steps.T; first += NAME(SPAN)) {
        int64_t end = first + NAME(SPAN) < j->steps.T ? first + NAME(SPAN) : j->steps.T;
        for (int64_t b = s.first; b < s.end; b++) {
            NAME(run_row)(j, &s, b, first, end);
        }
    }
}

/* One row at one step of backward: where its numbers stand. */
struct NAME(row) {
    const REAL *state, *before, *d_out, *u;
    REAL *d_h, *d_pre, *share;
    int64_t next, d_out_next; /* how far the step that is visited next lies from this one */
};

/* d_pre, the running gradient of h, and this step's share of u's gradient, for n units from k. */
RNNSWAP_INLINE void NAME(back_units)(
    const struct NAME(row) *row, int64_t n, int64_t k, int is_tanh) {
    vec d = NAME(load_some)(row->d_h + k, n) + NAME(load_some)(row->d_out + k, n);
    __builtin_prefetch(row->before + row->next + k);
    __builtin_prefetch(row->d_out + row->d_out_next + k);
    d = NAME(through)(d, NAME(load_some)(row->state + k, n), is_tanh);
    NAME(store_some)(row->d_pre + k, d, n);
    NAME(store_some)(row->d_h + k, d * NAME(load_some)(row->u + k, n), n);
    vec du = NAME(load_some)(row->share + k, n) + d * NAME(load_some)(row->before + k, n);
    NAME(store_some)(row->share + k, du, n);
}

RNNSWAP_INLINE void NAME(back_row)(
    const struct NAME(row) *row, int64_t first, int64_t end, int is_tanh) {
    int64_t k = first;
    for (; k + VL <= end; k += VL) {
        NAME(back_units)(row, VL, k, is_tanh);
    }
    if (k < end) {
        NAME(back_units)(row, end - k, k, is_tanh);
    }
}

/* Add some steps' share to the sum with a running compensation (Kahan), so that thousands of steps
 * round no worse than a few; leaves the share zero. */
static void NAME(add_share)(int64_t H, REAL *share, REAL *sum, REAL *lost) {
    for (int64_t k = 0; k < H; k++) {
        REAL term = share[k] - lost[k], total = sum[k] + term;
        lost[k] = (total - sum[k]) - term;
        sum[k] = total;
        share[k] = 0;
    }
}

static void NAME(back_step)(const struct indrnn *j, const struct rnnswap_share *s, REAL *share,
    int64_t t) {
    int64_t H = j->H, past = j->steps.reverse ? 1 : -1, was = t + past;
    int64_t next = past * rnnswap_step_rows(&j->steps, t);
    int64_t d_out_next = j->steps.packed ? next * j->d_out_row : past * j->d_out_step;
    int64_t vectors = (H + VL - 1) / VL, first = vectors * s->part / s->parts * VL;
    int64_t end = vectors * (s->part + 1) / s->parts * VL;
    end = end < H ? end : H;
    for (int64_t b = s->first; b < s->end; b++) {
        int64_t at = rnnswap_row(&j->steps, t, b) * H;
        struct NAME(row) row = {.state = (const REAL *)j->states + at, .u = j->u, .share = share};
        row.d_pre = (REAL *)j->d_pre + at;
        if (!rnnswap_runs(&j->steps, t, b)) {
            if (rnnswap_padded(&j->steps, s->part)) {
                memset(row.d_pre, 0, (size_t)H * sizeof(REAL));
            }
            continue;
        }
        row.before = rnnswap_runs(&j->steps, was, b)
            ? (const REAL *)j->states + rnnswap_row(&j->steps, was, b) * H
            : (const REAL *)j->h0 + b * j->h0_row;
        row.d_out = (const REAL *)j->d_out;
        row.d_out += rnnswap_at(&j->steps, t, b, j->d_out_step, j->d_out_row);
        row.d_h = (REAL *)j->d_h + b * H;
        row.next = next * H;
        row.d_out_next = d_out_next;
        if (j->is_tanh) {
            NAME(back_row)(&row, first, end, 1);
        } else {
            NAME(back_row)(&row, first, end, 0);
        }
    }
}

/* Rows whose shares of u's gradient are summed, at least, before they are added with compensation. */
enum { NAME(SHARED) = 32 };

static void NAME(backward)(const struct indrnn *j, int thread, int team) {
    struct rnnswap_share s = rnnswap_share_of(&j->steps, j->by_units, thread, team);
    int64_t T = j->steps.T, H = j->H, shared = 1 + NAME(SHARED) / (s.count + 1);
    REAL *sum = (REAL *)j->room + (int64_t)thread * 3 * H, *share = sum + H, *lost = share + H;
    memset(sum, 0, (size_t)(3 * H) * sizeof(REAL));
    for (int64_t n = 0; n < T; n++) {
        NAME(back_step)(j, &s, share, j->steps.reverse ? n : T - 1 - n);
        if ((n + 1) % shared == 0 || n == T - 1) {
            NAME(add_share)(H, share, sum, lost);
        }
    }
}

/* d_u of the threads' shares; the first thread's work. */
static void NAME(sum_shares)(const struct indrnn *j, int thread, int team) {
    const REAL *shares = j->room;
    for (int64_t k = 0; k < j->H && thread == 0; k++) {
        REAL sum = 0;
        for (int part = 0; part < team; part++) {
            sum += shares[(int64_t)part * 3 * j->H + k];
        }
        ((REAL *)j->d_u)[k] = sum;
    }
}

#undef vec
