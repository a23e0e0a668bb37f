/* IndRNN's loops for one element type and one instruction set; see native.c for the arguments.
 *
 * Element-wise throughout: what counts is that each number is read and written once. A row of the
 * batch is run through all its steps by one thread.
 */

#include "../_native/vector.h"

#define vec NAME(vec)

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

RNNSWAP_INLINE void NAME(step_row)(
    const struct indrnn *j, REAL *state, const REAL *before, int is_tanh) {
    const REAL *u = j->u;
    int64_t H = j->H, k = 0;
    for (; k + VL <= H; k += VL) {
        vec x = NAME(load)(state + k) + NAME(load)(u + k) * NAME(load)(before + k);
        NAME(store)(state + k, NAME(activation)(x, is_tanh));
    }
    if (k < H) {
        int64_t n = H - k;
        vec x = NAME(load_some)(state + k, n)
            + NAME(load_some)(u + k, n) * NAME(load_some)(before + k, n);
        NAME(store_some)(state + k, NAME(activation)(x, is_tanh), n);
    }
}

static void NAME(forward)(const struct indrnn *j, int thread, int threads) {
    int64_t T = j->T, B = j->B, H = j->H;
    REAL *states = j->states;
    for (int64_t n = 0; n < T; n++) {
        int64_t t = j->reverse ? T - 1 - n : n, was = j->reverse ? t + 1 : t - 1;
        for (int64_t b = thread; b < B; b += threads) {
            REAL *state = states + (t * B + b) * H;
            if (!indrnn_runs(j, t, b)) {
                memset(state, 0, (size_t)H * sizeof(REAL));
                continue;
            }
            const REAL *before = indrnn_runs(j, was, b) ? states + (was * B + b) * H
                                                        : (const REAL *)j->h0 + b * H;
            if (j->is_tanh) {
                NAME(step_row)(j, state, before, 1);
            } else {
                NAME(step_row)(j, state, before, 0);
            }
        }
    }
}

/* d_pre, the running gradient of h, and this step's share of u's gradient, for units k... */
RNNSWAP_INLINE void NAME(back_units)(const struct indrnn *j, const REAL *state,
    const REAL *before, const REAL *d_out, REAL *d_h, REAL *d_pre, REAL *share, int64_t n,
    int64_t k, int is_tanh) {
    vec d = NAME(load_some)(d_h + k, n) + NAME(load_some)(d_out + k, n);
    d = NAME(through)(d, NAME(load_some)(state + k, n), is_tanh);
    NAME(store_some)(d_pre + k, d, n);
    NAME(store_some)(d_h + k, d * NAME(load_some)((const REAL *)j->u + k, n), n);
    vec du = NAME(load_some)(share + k, n) + d * NAME(load_some)(before + k, n);
    NAME(store_some)(share + k, du, n);
}

RNNSWAP_INLINE void NAME(back_row)(const struct indrnn *j, const REAL *state, const REAL *before,
    const REAL *d_out, REAL *d_h, REAL *d_pre, REAL *share, int is_tanh) {
    int64_t H = j->H, k = 0;
    for (; k + VL <= H; k += VL) {
        NAME(back_units)(j, state, before, d_out, d_h, d_pre, share, VL, k, is_tanh);
    }
    if (k < H) {
        NAME(back_units)(j, state, before, d_out, d_h, d_pre, share, H - k, k, is_tanh);
    }
}

/* Add a step's share to the sum with a running compensation (Kahan), so that thousands of steps
 * round no worse than a few; leaves the share zero. */
static void NAME(add_share)(int64_t H, REAL *share, REAL *sum, REAL *lost) {
    for (int64_t k = 0; k < H; k++) {
        REAL term = share[k] - lost[k], total = sum[k] + term;
        lost[k] = (total - sum[k]) - term;
        sum[k] = total;
        share[k] = 0;
    }
}

static void NAME(backward)(const struct indrnn *j, int thread, int threads) {
    int64_t T = j->T, B = j->B, H = j->H;
    const REAL *states = j->states;
    REAL *sum = (REAL *)j->d_u + (int64_t)thread * 3 * H, *share = sum + H, *lost = share + H;
    memset(sum, 0, (size_t)(3 * H) * sizeof(REAL));
    for (int64_t n = 0; n < T; n++) {
        int64_t t = j->reverse ? n : T - 1 - n, was = j->reverse ? t + 1 : t - 1;
        for (int64_t b = thread; b < B; b += threads) {
            int64_t at = (t * B + b) * H;
            REAL *d_pre = (REAL *)j->d_pre + at, *d_h = (REAL *)j->d_h + b * H;
            if (!indrnn_runs(j, t, b)) {
                memset(d_pre, 0, (size_t)H * sizeof(REAL));
                continue;
            }
            const REAL *d_out = (const REAL *)j->d_out + at;
            const REAL *before = indrnn_runs(j, was, b) ? states + (was * B + b) * H
                                                        : (const REAL *)j->h0 + b * H;
            if (j->is_tanh) {
                NAME(back_row)(j, states + at, before, d_out, d_h, d_pre, share, 1);
            } else {
                NAME(back_row)(j, states + at, before, d_out, d_h, d_pre, share, 0);
            }
        }
        NAME(add_share)(H, share, sum, lost);
    }
}

#undef vec
