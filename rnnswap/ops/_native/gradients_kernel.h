/* Products over all steps for one element type and instruction set; see gradients.c. */

#include "vector.h"
#include "block.h"

#define vec NAME(vec)

/* ---- weights: the sum over rows of d^T [x, h'] ---- */

/* Some rows, one for each step of a sequence, in the order in which they are added. */
struct NAME(rows) {
    int count;
    const REAL *d[GRADIENTS_DEPTH], *x[GRADIENTS_DEPTH], *h[GRADIENTS_DEPTH];
};

/* Collect the next rows from step *t, row *b on; those past a length are passed over. */
static void NAME(next_rows)(
    const struct gradients *j, int64_t *t, int64_t *b, struct NAME(rows) *rows) {
    int64_t B = j->steps.B, past = j->steps.reverse ? 1 : -1;
    const struct rnnswap_steps *s = &j->steps;
    rows->count = 0;
    for (; *t < s->T; ++*t, *b = 0) {
        for (; *b < B; ++*b) {
            if (rows->count == GRADIENTS_DEPTH) {
                return;
            }
            if (rnnswap_runs(s, *t, *b)) {
                int k = rows->count++;
                int begun = rnnswap_runs(s, *t + past, *b);
                rows->d[k] = (const REAL *)j->d + rnnswap_row(s, *t, *b) * j->G;
                rows->x[k] = (const REAL *)j->x + rnnswap_at(s, *t, *b, j->x_step, j->x_row);
                rows->h[k] = begun
                    ? (const REAL *)j->h + rnnswap_row(s, *t + past, *b) * j->R
                    : (const REAL *)j->h0 + *b * j->h0_row;
            }
        }
    }
}

/* Copy `count` columns from `first` on into a stripe `width` wide, a row for each of `from`. */
RNNSWAP_INLINE void NAME(stripe)(REAL *stripe, const REAL *const *from, int rows, int64_t first,
    int64_t count, int64_t width) {
    for (int k = 0; k < rows; k++, stripe += width) {
        if (count >= width) {
            memcpy(stripe, from[k] + first, (size_t)width * sizeof(REAL));
            continue;
        }
        if (width == WIDE) {
            int64_t rest = NAME(at_most_vector)(count - VL);
            NAME(store)(stripe, NAME(load_some)(from[k] + first, NAME(at_most_vector)(count)));
            NAME(store)(stripe + VL, NAME(load_some)(from[k] + first + VL, rest));
            continue;
        }
        for (int64_t i = 0; i < width; i++) {
            stripe[i] = i < count ? from[k][first + i] : 0;
        }
    }
}

/* Lay out columns first.. to end.. of d in stripes ROWS wide; some rows at a time, so that a line
 * is read once. */
static void NAME(pack_blocks)(
    REAL *blocks, const struct NAME(rows) *rows, int64_t first, int64_t end) {
    for (int k = 0; k < rows->count; k += 8) {
        int some = rows->count - k < 8 ? rows->count - k : 8;
        for (int64_t m = first; m < end; m += ROWS) {
            REAL *stripe = blocks + (m - first) * GRADIENTS_DEPTH + k * ROWS;
            NAME(stripe)(stripe, rows->d + k, some, m, end - m, ROWS);
        }
    }
}

/* acc[r] = sum over k of block[k][r] * panel[k], in sums of 64 that are summed: in single precision
 * some hundreds of products added one by one round worse than what PyTorch adds up step by step. */
static void NAME(outer)(const REAL *block, const REAL *panel, int depth, vec acc[][2]) {
    for (int k = 0, end; k < depth || k == 0; k = end) {
        vec x[ROWS], y[ROWS];
        UNROLL for (int r = 0; r < ROWS; r++) {
            x[r] = y[r] = NAME(splat)(0);
        }
        end = k + 64 < depth ? k + 64 : depth;
        for (int i = k; i < end; i++, block += ROWS, panel += WIDE) {
            vec p = NAME(load)(panel), q = NAME(load)(panel + VL);
            UNROLL for (int r = 0; r < ROWS; r++) {
                x[r] += block[r] * p;
                y[r] += block[r] * q;
            }
        }
        UNROLL for (int r = 0; r < ROWS; r++) {
            acc[r][0] = k ? acc[r][0] + x[r] : x[r];
            acc[r][1] = k ? acc[r][1] + y[r] : y[r];
        }
        if (end == 0) {
            return;
        }
    }
}

/* A gradient that is a sum of products, and the rows of its second factor. */
struct NAME(target) {
    REAL *out; /* (G, columns) */
    int64_t columns;
    const REAL *const *from;
};

/* One tile: ROWS rows of the gradient from m on, two vectors of columns from `column` on. */
static void NAME(tile)(const struct NAME(target) *target, int64_t end, int64_t m, int64_t column,
    const REAL *block, const REAL *panel, int depth, int more) {
    int64_t columns = target->columns, rows = end - m < ROWS ? end - m : ROWS;
    REAL *out = target->out + m * columns + column;
    vec acc[ROWS][2];
    for (int64_t r = 0; r < rows; r++) {
        __builtin_prefetch(out + r * columns, 1);
        __builtin_prefetch(out + r * columns + VL, 1);
    }
    NAME(outer)(block, panel, depth, acc);
    for (int64_t r = 0; r < rows; r++, out += columns) {
        for (int half = 0; half < 2; half++) {
            int64_t n = NAME(at_most_vector)(columns - column - half * VL);
            vec sum = acc[r][half];
            if (n > 0) {
                REAL *to = out + half * VL;
                NAME(store_some)(to, more ? sum + NAME(load_some)(to, n) : sum, n);
            }
        }
    }
}

/* Rows first.. to end.. of a gradient, panel after panel. */
static void NAME(tiles)(const struct NAME(target) *target, const REAL *blocks, REAL *panel,
    int depth, int more, int64_t first, int64_t end) {
    for (int64_t column = 0; column < target->columns; column += WIDE) {
        NAME(stripe)(panel, target->from, depth, column, target->columns - column, WIDE);
        for (int64_t m = first; m < end; m += ROWS) {
            const REAL *block = blocks + (m - first) * GRADIENTS_DEPTH;
            NAME(tile)(target, end, m, column, block, panel, depth, more);
        }
    }
}

/* One vector of d_b, from g on, and of the columns of a narrow dw_ih: sums of d, scaled by x.
 *
 * Sums of 32 rows are summed, for many small numbers added to a large one lose their ends. */
RNNSWAP_INLINE void NAME(sum)(const struct gradients *j, const struct NAME(rows) *rows,
    int narrow, int more, int64_t g, int64_t n) {
    vec part[GRADIENTS_NARROW + 1], total[GRADIENTS_NARROW + 1];
    REAL numbers[VL];
    for (int i = 0; i <= narrow; i++) {
        total[i] = NAME(splat)(0);
    }
    for (int k = 0; k < rows->count; k += 32) {
        for (int i = 0; i <= narrow; i++) {
            part[i] = NAME(splat)(0);
        }
        for (int r = k; r < k + 32 && r < rows->count; r++) {
            vec d = NAME(load_some)(rows->d[r] + g, n);
            part[0] += d;
            for (int i = 0; i < narrow; i++) {
                part[i + 1] += rows->x[r][i] * d;
            }
        }
        for (int i = 0; i <= narrow; i++) {
            total[i] += part[i];
        }
    }
    for (int i = j->d_b ? 0 : 1; i <= narrow; i++) {
        REAL *out = i ? (REAL *)j->dw_ih + g * j->I + i - 1 : (REAL *)j->d_b + g;
        int64_t apart = i ? j->I : 1;
        NAME(store)(numbers, total[i]);
        for (int64_t r = 0; r < n; r++) {
            out[r * apart] = numbers[r] + (more ? out[r * apart] : 0);
        }
    }
}

/* Rows first.. to end.. of d_b and of a narrow dw_ih. */
static void NAME(sums)(const struct gradients *j, const struct NAME(rows) *rows, int64_t narrow,
    int more, int64_t first, int64_t end) {
    for (int64_t g = first; g < end; g += VL) {
        int64_t n = NAME(at_most_vector)(end - g);
        switch (narrow) { /* said apart: the sums stay in registers */
            case 0: NAME(sum)(j, rows, 0, more, g, n); break;
            case 1: NAME(sum)(j, rows, 1, more, g, n); break;
            case 2: NAME(sum)(j, rows, 2, more, g, n); break;
            case 3: NAME(sum)(j, rows, 3, more, g, n); break;
            default: NAME(sum)(j, rows, 4, more, g, n); break;
        }
    }
}

/* A thread has some rows of the gradients to itself and packs what they need: none waits. */
static void NAME(weight_gradients)(const struct gradients *j, int thread, int team) {
    struct gradients_room at = gradients_room(j);
    REAL *room = (REAL *)j->room + thread * at.end, *blocks = room + at.blocks;
    int64_t t = 0, b = 0, narrow = j->dw_ih && j->I <= GRADIENTS_NARROW ? j->I : 0;
    int64_t all = (j->G + ROWS - 1) / ROWS, first = all * thread / team * ROWS;
    int64_t end = all * (thread + 1) / team * ROWS;
    struct NAME(rows) rows;
    struct NAME(target) x = {j->dw_ih, j->dw_ih && !narrow ? j->I : 0, rows.x};
    struct NAME(target) h = {j->dw_hh, j->dw_hh ? j->R : 0, rows.h};
    end = end < j->G ? end : j->G;
    for (int more = 0; first < end; more = 1) {
        NAME(next_rows)(j, &t, &b, &rows);
        if (more && rows.count == 0) {
            return;
        }
        if (j->d_b || narrow) {
            NAME(sums)(j, &rows, narrow, more, first, end);
        }
        if (x.columns || h.columns) {
            NAME(pack_blocks)(blocks, &rows, first, end);
            NAME(tiles)(&x, blocks, room + at.panel, rows.count, more, first, end);
            NAME(tiles)(&h, blocks, room + at.panel, rows.count, more, first, end);
        }
    }
}

/* ---- input: d W_ih ---- */

enum { NAME(CHUNK) = 48 };

static void NAME(input_chunk)(
    const struct gradients *j, int rows, const REAL *const *d, REAL *const *d_x) {
    for (int64_t p = 0; p * WIDE < j->I; p++) {
        for (int r = 0, block; r < rows; r += block) {
            vec acc[ROWS][2];
            block = NAME(next_block)(rows - r);
            NAME(product)(block, d + r, (const REAL *)j->room + p * j->G * WIDE, j->G, acc);
            for (int q = 0; q < block; q++) {
                for (int64_t half = 0, at = p * WIDE; half < 2; half++, at += VL) {
                    NAME(store_some)
                    (d_x[r + q] + at, acc[q][half], NAME(at_most_vector)(j->I - at));
                }
            }
        }
    }
}

static void NAME(input_gradient)(const struct gradients *j, int thread, int team) {
    int64_t all = j->steps.rows, B = j->steps.B, G = j->G, I = j->I;
    const REAL *d[NAME(CHUNK)];
    REAL *d_x[NAME(CHUNK)];
    int rows = 0;
    NAME(pack)(j->room, j->w_ih, G, I, I, 1, thread, team);
    RNNSWAP_BARRIER
    for (int64_t i = all * thread / team; i < all * (thread + 1) / team; i++) {
        d_x[rows] = (REAL *)j->d_x + i * I;
        d[rows] = (const REAL *)j->d + i * G;
        if (!j->steps.packed && !rnnswap_runs(&j->steps, i / B, i % B)) {
            memset(d_x[rows], 0, (size_t)I * sizeof(REAL));
        } else if (++rows == NAME(CHUNK)) {
            NAME(input_chunk)(j, rows, d, d_x);
            rows = 0;
        }
    }
    NAME(input_chunk)(j, rows, d, d_x);
}

#undef vec
