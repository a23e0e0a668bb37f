/* JANET's loops for one element type and one instruction set; see native.c for the arguments.
 *
 * A row of the batch is run through all its steps by one thread, so threads never wait for each
 * other. The recurrent weight lies packed in panels two vectors wide, so that the innermost loop
 * reads it front to back while a block of rows stays in registers. Forward's panels pair the
 * candidate's and the forget gate's columns of the same units: the gates are finished where the
 * product ends.
 */

#include "../_native/vector.h"

#define vec NAME(vec)

/* acc[r] += sum over k of a[r][k] * panel[k]; U independent sums hide the latency of few rows. */
#define BLOCK(R, U)                                                             \
    RNNSWAP_INLINE void NAME(block##R)(                                         \
        const REAL *const *a, const REAL *panel, int64_t depth, vec acc[][2]) { \
        vec x[U][R], y[U][R];                                                   \
        UNROLL for (int u = 0; u < U; u++) {                                    \
            UNROLL for (int r = 0; r < R; r++) {                                \
                x[u][r] = y[u][r] = NAME(splat)(0);                             \
            }                                                                   \
        }                                                                       \
        int64_t k = 0;                                                          \
        for (; k + U <= depth; k += U) {                                        \
            UNROLL for (int u = 0; u < U; u++) {                                \
                vec p = NAME(load)(panel), q = NAME(load)(panel + VL);          \
                panel += 2 * VL;                                                \
                UNROLL for (int r = 0; r < R; r++) {                            \
                    x[u][r] += a[r][k + u] * p;                                 \
                    y[u][r] += a[r][k + u] * q;                                 \
                }                                                               \
            }                                                                   \
        }                                                                       \
        for (; k < depth; k++, panel += 2 * VL) {                               \
            UNROLL for (int r = 0; r < R; r++) {                                \
                x[0][r] += a[r][k] * NAME(load)(panel);                         \
                y[0][r] += a[r][k] * NAME(load)(panel + VL);                    \
            }                                                                   \
        }                                                                       \
        UNROLL for (int r = 0; r < R; r++) {                                    \
            UNROLL for (int u = 1; u < U; u++) {                                \
                x[0][r] += x[u][r];                                             \
                y[0][r] += y[u][r];                                             \
            }                                                                   \
            acc[r][0] = x[0][r];                                                \
            acc[r][1] = y[0][r];                                                \
        }                                                                       \
    }

BLOCK(1, 4)
BLOCK(2, 2)
BLOCK(3, 2)
BLOCK(4, 1)
BLOCK(5, 1)
BLOCK(6, 1)
#undef BLOCK

RNNSWAP_INLINE void NAME(product)(
    int rows, const REAL *const *a, const REAL *panel, int64_t depth, vec acc[][2]) {
    switch (rows) {
        case 1: NAME(block1)(a, panel, depth, acc); break;
        case 2: NAME(block2)(a, panel, depth, acc); break;
        case 3: NAME(block3)(a, panel, depth, acc); break;
        case 4: NAME(block4)(a, panel, depth, acc); break;
        case 5: NAME(block5)(a, panel, depth, acc); break;
        default: NAME(block6)(a, panel, depth, acc); break;
    }
}

/* Lay columns first[0].. and first[1].. of the matrix w (depth, columns) side by side. */
static void NAME(pack_panel)(REAL *panel, const REAL *w, int64_t depth, int64_t row_stride,
    int64_t column_stride, const int64_t first[2], const int64_t count[2]) {
    for (int64_t k = 0; k < depth; k++) {
        for (int half = 0; half < 2; half++) {
            for (int64_t v = 0; v < VL; v++) {
                int64_t column = first[half] + v;
                *panel++ = v < count[half] ? w[k * row_stride + column * column_stride] : 0;
            }
        }
    }
}

RNNSWAP_INLINE int64_t NAME(at_most_vector)(int64_t n) {
    return n < 0 ? 0 : n < VL ? n : VL;
}

/* The transposed weight: inner dimension H, panel p holds units p * VL.. of both gates. */
static void NAME(pack_forward)(const struct janet *j, int thread, int threads) {
    int64_t H = j->H, panels = (H + VL - 1) / VL;
    for (int64_t p = thread; p < panels; p += threads) {
        int64_t units = NAME(at_most_vector)(H - p * VL);
        int64_t first[2] = {p * VL, H + p * VL}, count[2] = {units, units};
        REAL *panel = (REAL *)j->panels + p * H * 2 * VL;
        NAME(pack_panel)(panel, j->w_hh, H, 1, H, first, count);
    }
}

/* The weight itself: inner dimension 2H, panel p holds units p * 2 * VL... */
static void NAME(pack_backward)(const struct janet *j, int thread, int threads) {
    int64_t H = j->H, panels = (H + 2 * VL - 1) / (2 * VL);
    for (int64_t p = thread; p < panels; p += threads) {
        int64_t first[2] = {p * 2 * VL, p * 2 * VL + VL};
        int64_t count[2] = {NAME(at_most_vector)(H - first[0]), NAME(at_most_vector)(H - first[1])};
        REAL *panel = (REAL *)j->panels + p * 2 * H * 2 * VL;
        NAME(pack_panel)(panel, j->w_hh, 2 * H, H, 1, first, count);
    }
}

/* f = sigmoid(s) and i = sigmoid(beta - s) = 1 - sigmoid(s - beta), by one exponential. */
RNNSWAP_INLINE void NAME(factors)(vec s, REAL shift, vec *f, vec *i) {
    vec e = NAME(exp)(-s);
    *f = 1 / (e + 1);
    *i = e / (e + shift); /* shift = exp(-beta) */
}

/* One row at one step: where its numbers stand. */
struct NAME(row) {
    REAL *gates;        /* (2H) */
    const REAL *before; /* c before the step (H) */
    REAL *after;        /* forward: c after the step (H) */
    const REAL *d_out;  /* backward: gradient of the output (H) */
    const REAL *d_last; /* backward: gradient of h_n (H) if this is the row's last step, else 0 */
    REAL *d_c;          /* backward: gradient of c, running (H) */
    REAL *d_gates;      /* backward: (2H) */
};

static void NAME(finish_forward)(const struct janet *j, const struct NAME(row) *row, int64_t unit,
    const vec acc[2], REAL shift) {
    int64_t n = NAME(at_most_vector)(j->H - unit);
    REAL *pre_g = row->gates + unit, *pre_s = row->gates + j->H + unit;
    vec g = NAME(tanh)(NAME(load_some)(pre_g, n) + acc[0]);
    vec s = NAME(load_some)(pre_s, n) + acc[1], f, i;
    NAME(factors)(s, shift, &f, &i);
    vec c = f * NAME(load_some)(row->before + unit, n) + i * g;
    NAME(store_some)(row->after + unit, c, n);
    NAME(store_some)(pre_g, g, n);
    NAME(store_some)(pre_s, s, n);
}

static void NAME(finish_backward)(const struct janet *j, const struct NAME(row) *row,
    int64_t unit, vec d_h, REAL shift) {
    int64_t n = NAME(at_most_vector)(j->H - unit);
    if (n == 0) {
        return;
    }
    if (row->d_last) {
        d_h = NAME(load_some)(row->d_last + unit, n);
    }
    vec g = NAME(load_some)(row->gates + unit, n);
    vec s = NAME(load_some)(row->gates + j->H + unit, n), f, i;
    NAME(factors)(s, shift, &f, &i);
    vec d_c = NAME(load_some)(row->d_c + unit, n) + d_h + NAME(load_some)(row->d_out + unit, n);
    vec slope = f * (1 - f) * NAME(load_some)(row->before + unit, n) - i * (1 - i) * g;
    NAME(store_some)(row->d_gates + unit, d_c * i * (1 - g * g), n);
    NAME(store_some)(row->d_gates + j->H + unit, d_c * slope, n);
    NAME(store_some)(row->d_c + unit, d_c * f, n);
}

/* Rows of one thread that run at one step are collected and taken through each panel together. */
enum { NAME(CHUNK) = 48 };

static void NAME(forward_chunk)(const struct janet *j, int rows, const REAL *const *a,
    const struct NAME(row) *row, REAL shift) {
    int64_t H = j->H;
    for (int64_t unit = 0, p = 0; unit < H; unit += VL, p++) {
        const REAL *panel = (const REAL *)j->panels + p * H * 2 * VL;
        for (int r = 0; r < rows;) {
            int left = (rows - r + 5) / 6, block = (rows - r + left - 1) / left;
            vec acc[6][2];
            NAME(product)(block, a + r, panel, H, acc);
            for (int q = 0; q < block; q++) {
                NAME(finish_forward)(j, row + r + q, unit, acc[q], shift);
            }
            r += block;
        }
    }
}

static void NAME(forward)(const struct janet *j, int thread, int threads) {
    int64_t T = j->T, B = j->B, H = j->H;
    REAL shift = (REAL)j->shift, *states = j->states;
    const REAL *a[NAME(CHUNK)];
    struct NAME(row) row[NAME(CHUNK)];
    for (int64_t n = 0; n < T; n++) {
        int64_t t = j->reverse ? T - 1 - n : n, was = j->reverse ? t + 1 : t - 1;
        int rows = 0;
        for (int64_t b = thread; b < B; b += threads) {
            REAL *after = states + (t * B + b) * H;
            if (!janet_runs(j, t, b)) {
                memset(after, 0, (size_t)H * sizeof(REAL));
                continue;
            }
            int begun = janet_runs(j, was, b);
            a[rows] = begun ? states + (was * B + b) * H : (const REAL *)j->h0 + b * H;
            row[rows].before = begun ? a[rows] : (const REAL *)j->c0 + b * H;
            row[rows].after = after;
            row[rows].gates = (REAL *)j->gates + (t * B + b) * 2 * H;
            if (++rows == NAME(CHUNK)) {
                NAME(forward_chunk)(j, rows, a, row, shift);
                rows = 0;
            }
        }
        NAME(forward_chunk)(j, rows, a, row, shift);
    }
}

static void NAME(backward_chunk)(const struct janet *j, int rows, const REAL *const *a,
    const struct NAME(row) *row, REAL *const *d_h0, REAL shift) {
    int64_t H = j->H;
    for (int64_t unit = 0, p = 0; unit < H; unit += 2 * VL, p++) {
        const REAL *panel = (const REAL *)j->panels + p * 2 * H * 2 * VL;
        for (int r = 0; r < rows;) {
            int left = (rows - r + 5) / 6, block = (rows - r + left - 1) / left;
            vec acc[6][2];
            NAME(product)(block, a + r, panel, 2 * H, acc);
            for (int q = 0; q < block; q++) {
                for (int half = 0; half < 2; half++) {
                    int64_t at = unit + half * VL;
                    if (d_h0) {
                        int64_t count = NAME(at_most_vector)(H - at);
                        NAME(store_some)(d_h0[r + q] + at, acc[q][half], count);
                    } else {
                        NAME(finish_backward)(j, row + r + q, at, acc[q][half], shift);
                    }
                }
            }
            r += block;
        }
    }
}

static void NAME(backward)(const struct janet *j, int thread, int threads) {
    int64_t T = j->T, B = j->B, H = j->H;
    REAL shift = (REAL)j->shift, *states = j->states, *d_gates = j->d_gates;
    const REAL *a[NAME(CHUNK)];
    REAL *d_h0[NAME(CHUNK)];
    struct NAME(row) row[NAME(CHUNK)];
    for (int64_t n = 0; n < T; n++) {
        int64_t t = j->reverse ? n : T - 1 - n;
        int64_t was = j->reverse ? t + 1 : t - 1, next = j->reverse ? t - 1 : t + 1;
        int rows = 0;
        for (int64_t b = thread; b < B; b += threads) {
            int64_t at = t * B + b;
            struct NAME(row) *now = row + rows;
            now->d_gates = d_gates + at * 2 * H;
            if (!janet_runs(j, t, b)) {
                memset(now->d_gates, 0, (size_t)(2 * H) * sizeof(REAL));
                continue;
            }
            now->gates = (REAL *)j->gates + at * 2 * H;
            now->before = janet_runs(j, was, b) ? states + (was * B + b) * H
                                                : (const REAL *)j->c0 + b * H;
            now->d_out = (const REAL *)j->d_out + at * H;
            now->d_c = (REAL *)j->d_c + b * H;
            now->d_last = janet_runs(j, next, b) ? 0 : (const REAL *)j->d_h + b * H;
            /* The last step has no product; its own gates, finite or not, are not used. */
            a[rows] = now->d_last ? now->gates : d_gates + (next * B + b) * 2 * H;
            if (++rows == NAME(CHUNK)) {
                NAME(backward_chunk)(j, rows, a, row, 0, shift);
                rows = 0;
            }
        }
        NAME(backward_chunk)(j, rows, a, row, 0, shift);
    }
    int rows = 0;
    for (int64_t b = thread; b < B; b += threads) {
        int64_t t = !j->reverse ? 0 : j->lengths ? j->lengths[b] - 1 : T - 1;
        a[rows] = d_gates + (t * B + b) * 2 * H;
        d_h0[rows] = (REAL *)j->d_h + b * H;
        if (++rows == NAME(CHUNK)) {
            NAME(backward_chunk)(j, rows, a, row, d_h0, shift);
            rows = 0;
        }
    }
    NAME(backward_chunk)(j, rows, a, row, d_h0, shift);
}

#undef vec
