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
    int64_t B = j->B, past = j->reverse ? 1 : -1;
    rows->count = 0;
    for (; *t < j->T; ++*t, *b = 0) {
        for (; *b < B; ++*b) {
            if (rows->count == GRADIENTS_DEPTH) {
                return;
            }
            if (gradients_runs(j, *t, *b)) {
                int k = rows->count++;
                int begun = gradients_runs(j, *t + past, *b);
                rows->d[k] = (const REAL *)j->d + (*t * B + *b) * j->G;
                rows->x[k] = (const REAL *)j->x + *t * j->x_step + *b * j->x_row;
                rows->h[k] = begun ? (const REAL *)j->h + ((*t + past) * B + *b) * j->R
                                   : (const REAL *)j->h0 + *b * j->R;
            }
        }
    }
}

/* Copy columns [0, columns) of the rows into stripes `width` wide, each GRADIENTS_DEPTH rows deep.
 *
 * Eight rows at a time, so that each stripe is written in one go. */
RNNSWAP_INLINE void NAME(stripe)(REAL *to, const REAL *const *from, int64_t columns, int64_t width,
    int first, int end) {
    for (int k = first; k < end; k += 8) {
        int stop = k + 8 < end ? k + 8 : end;
        for (int64_t at = 0; at < columns; at += width) {
            REAL *stripe = to + at * GRADIENTS_DEPTH;
            for (int r = k; r < stop; r++) {
                if (at + width <= columns) {
                    memcpy(stripe + r * width, from[r] + at, (size_t)width * sizeof(REAL));
                } else {
                    for (int64_t i = 0; i < width; i++) {
                        stripe[r * width + i] = at + i < columns ? from[r][at + i] : 0;
                    }
                }
            }
        }
    }
}

/* acc[r] = sum over k of block[k][r] * panel[k]. */
static void NAME(outer)(const REAL *block, const REAL *panel, int depth, vec acc[][2]) {
    vec x[ROWS], y[ROWS];
    UNROLL for (int r = 0; r < ROWS; r++) {
        x[r] = y[r] = NAME(splat)(0);
    }
    for (int k = 0; k < depth; k++, block += ROWS, panel += WIDE) {
        vec p = NAME(load)(panel), q = NAME(load)(panel + VL);
        UNROLL for (int r = 0; r < ROWS; r++) {
            x[r] += block[r] * p;
            y[r] += block[r] * q;
        }
    }
    UNROLL for (int r = 0; r < ROWS; r++) {
        acc[r][0] = x[r];
        acc[r][1] = y[r];
    }
}

/* One tile of a gradient (G, columns): ROWS rows from m, two vectors of columns from `column`. */
static void NAME(tile)(const struct gradients *j, REAL *out, int64_t columns, int64_t m,
    int64_t column, const REAL *panel, int depth, int more) {
    const REAL *block = (const REAL *)j->room + m * GRADIENTS_DEPTH;
    vec acc[ROWS][2];
    NAME(outer)(block, panel, depth, acc);
    for (int64_t r = 0; r < ROWS && m + r < j->G; r++) {
        for (int64_t half = 0, at = column; half < 2; half++, at += VL) {
            int64_t n = NAME(at_most_vector)(columns - at);
            REAL *to = out + (m + r) * columns + at;
            if (n > 0) {
                vec sum = acc[r][half];
                NAME(store_some)(to, more ? sum + NAME(load_some)(to, n) : sum, n);
            }
        }
    }
}

/* A thread's part of the tiles of a gradient whose panels are packed. */
static void NAME(tiles)(const struct gradients *j, REAL *out, int64_t columns, const REAL *panels,
    int depth, int more, int thread, int team) {
    int64_t blocks = (j->G + ROWS - 1) / ROWS, all = blocks * NAME(panels)(columns);
    for (int64_t i = all * thread / team; i < all * (thread + 1) / team; i++) {
        int64_t column = i / blocks * WIDE;
        NAME(tile)(j, out, columns, i % blocks * ROWS, column, panels + column * GRADIENTS_DEPTH,
            depth, more);
    }
}

/* A thread's part of d_b and of a narrow dw_ih: sums of d, scaled by the columns of x. */
static void NAME(sums)(const struct gradients *j, REAL *sums, const struct NAME(rows) *rows,
    int64_t narrow, int more, int thread, int team) {
    int64_t G = j->G, vectors = (G + VL - 1) / VL, padded = gradients_padded(G);
    int64_t first = vectors * thread / team * VL, end = vectors * (thread + 1) / team * VL;
    end = end < G ? end : G;
    for (int64_t i = 0; i <= narrow && first < end; i++) {
        memset(sums + i * padded + first, 0, (size_t)(end - first) * sizeof(REAL));
    }
    for (int k = 0; k < rows->count; k++) {
        for (int64_t g = first; g < end; g += VL) {
            int64_t n = NAME(at_most_vector)(end - g);
            vec d = NAME(load_some)(rows->d[k] + g, n);
            REAL *to = sums + g;
            NAME(store_some)(to, NAME(load_some)(to, n) + d, n);
            for (int64_t i = 0; i < narrow; i++) {
                to += padded;
                NAME(store_some)(to, NAME(load_some)(to, n) + rows->x[k][i] * d, n);
            }
        }
    }
    for (int64_t g = first; g < end; g++) {
        if (j->d_b) {
            REAL *to = (REAL *)j->d_b + g;
            *to = sums[g] + (more ? *to : 0);
        }
        for (int64_t i = 0; i < narrow; i++) {
            REAL *to = (REAL *)j->dw_ih + g * j->I + i;
            *to = sums[(i + 1) * padded + g] + (more ? *to : 0);
        }
    }
}

static void NAME(weight_gradients)(const struct gradients *j, int thread, int team) {
    struct gradients_room at = gradients_room(j);
    REAL *room = j->room;
    int64_t t = 0, b = 0, narrow = j->dw_ih && j->I <= GRADIENTS_NARROW ? j->I : 0;
    int packs_x = j->dw_ih && !narrow;
    struct NAME(rows) rows;
    for (int more = 0;; more = 1) {
        NAME(next_rows)(j, &t, &b, &rows);
        if (more && rows.count == 0) {
            return;
        }
        int first = rows.count * thread / team, end = rows.count * (thread + 1) / team;
        if (packs_x || j->dw_hh) {
            NAME(stripe)(room + at.blocks, rows.d, j->G, ROWS, first, end);
        }
        if (packs_x) {
            NAME(stripe)(room + at.x, rows.x, j->I, WIDE, first, end);
        }
        if (j->dw_hh) {
            NAME(stripe)(room + at.h, rows.h, j->R, WIDE, first, end);
        }
        RNNSWAP_BARRIER
        if (j->d_b || narrow) {
            NAME(sums)(j, room + at.sums, &rows, narrow, more, thread, team);
        }
        if (packs_x) {
            NAME(tiles)(j, j->dw_ih, j->I, room + at.x, rows.count, more, thread, team);
        }
        if (j->dw_hh) {
            NAME(tiles)(j, j->dw_hh, j->R, room + at.h, rows.count, more, thread, team);
        }
        RNNSWAP_BARRIER
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
    int64_t all = j->T * j->B, G = j->G, I = j->I;
    const REAL *d[NAME(CHUNK)];
    REAL *d_x[NAME(CHUNK)];
    int rows = 0;
    NAME(pack)(j->room, j->w_ih, G, I, I, 1, thread, team);
    RNNSWAP_BARRIER
    for (int64_t i = all * thread / team; i < all * (thread + 1) / team; i++) {
        d_x[rows] = (REAL *)j->d_x + i * I;
        d[rows] = (const REAL *)j->d + i * G;
        if (!gradients_runs(j, i / j->B, i % j->B)) {
            memset(d_x[rows], 0, (size_t)I * sizeof(REAL));
        } else if (++rows == NAME(CHUNK)) {
            NAME(input_chunk)(j, rows, d, d_x);
            rows = 0;
        }
    }
    NAME(input_chunk)(j, rows, d, d_x);
}

#undef vec
