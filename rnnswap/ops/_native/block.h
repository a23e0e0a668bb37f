/* The product of a few rows with a panel of a packed matrix, held in registers.
 *
 * Included once for each instance, after vector.h. A panel holds columns of a matrix two vectors
 * wide, depth after depth, so that the innermost loop reads it front to back.
 */

#undef ROWS
#if VEC_BYTES == 64 || (VEC_BYTES && defined(__aarch64__))
#define ROWS 8 /* of 32 vector registers, 16 hold sums */
#else
#define ROWS 6
#endif
#undef WIDE
#define WIDE (2 * VL)

#define vec NAME(vec)

/* acc[r] = sum over k of a[r][k] * panel[k]; U independent sums hide the latency of few rows. */
#define BLOCK(R, U)                                                             \
    static void NAME(block##R)(                                                 \
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
                __builtin_prefetch(panel + 16 * WIDE);                          \
                if (2 * VEC_BYTES > 64) { /* more than a line */                \
                    __builtin_prefetch(panel + 16 * WIDE + VL);                 \
                }                                                               \
                panel += WIDE;                                                  \
                UNROLL for (int r = 0; r < R; r++) {                            \
                    x[u][r] += a[r][k + u] * p;                                 \
                    y[u][r] += a[r][k + u] * q;                                 \
                }                                                               \
            }                                                                   \
        }                                                                       \
        for (; k < depth; k++, panel += WIDE) {                                 \
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
#if ROWS == 8
BLOCK(7, 1)
BLOCK(8, 1)
#endif
#undef BLOCK

static void NAME(product)(
    int rows, const REAL *const *a, const REAL *panel, int64_t depth, vec acc[][2]) {
    switch (rows) {
        case 1: NAME(block1)(a, panel, depth, acc); break;
        case 2: NAME(block2)(a, panel, depth, acc); break;
        case 3: NAME(block3)(a, panel, depth, acc); break;
        case 4: NAME(block4)(a, panel, depth, acc); break;
        case 5: NAME(block5)(a, panel, depth, acc); break;
        case 6: NAME(block6)(a, panel, depth, acc); break;
#if ROWS == 8
        case 7: NAME(block7)(a, panel, depth, acc); break;
        default: NAME(block8)(a, panel, depth, acc); break;
#endif
    }
}

/* How many rows to take next when `rows` are left: blocks of nearly one size. */
RNNSWAP_INLINE int NAME(next_block)(int rows) {
    int blocks = (rows + ROWS - 1) / ROWS;
    return (rows + blocks - 1) / blocks;
}

RNNSWAP_INLINE int64_t NAME(at_most_vector)(int64_t n) {
    return n < 0 ? 0 : n < VL ? n : VL;
}

/* Panels that hold this many columns; those of a panel that do not exist are zero. */
RNNSWAP_INLINE int64_t NAME(panels)(int64_t columns) {
    return (columns + WIDE - 1) / WIDE;
}

/* Lay VL columns of VL rows side by side. */
RNNSWAP_INLINE void NAME(pack_square)(
    REAL *to, const REAL *from, int64_t row_stride, int64_t column_stride) {
    for (int64_t v = 0; v < VL; v++) {
        UNROLL
        for (int64_t i = 0; i < VL; i++) {
            to[i * WIDE + v] = from[i * row_stride + v * column_stride];
        }
    }
}

/* Lay columns first[0].. and first[1].. of the matrix w (depth, columns) side by side. */
RNNSWAP_UNUSED static void NAME(pack_panel)(REAL *panel, const REAL *w, int64_t depth,
    int64_t row_stride, int64_t column_stride, const int64_t first[2], const int64_t count[2]) {
    for (int half = 0; half < 2; half++) {
        const REAL *from = w + first[half] * column_stride;
        REAL *to = panel + half * VL;
        if (column_stride == 1) {
            for (int64_t k = 0; k < depth; k++) {
                NAME(store)(to + k * WIDE, NAME(load_some)(from + k * row_stride, count[half]));
            }
            continue;
        }
        int64_t k = 0; /* in squares, so that each line is read once */
        for (; count[half] == VL && k + VL <= depth; k += VL) {
            NAME(pack_square)(to + k * WIDE, from + k * row_stride, row_stride, column_stride);
        }
        for (; k < depth; k++) {
            for (int64_t v = 0; v < VL; v++) {
                to[k * WIDE + v] = v < count[half] ? from[k * row_stride + v * column_stride] : 0;
            }
        }
    }
}

/* Pack every team-th panel of w (depth, columns), neighbouring columns side by side. */
RNNSWAP_UNUSED static void NAME(pack)(REAL *panels, const REAL *w, int64_t depth, int64_t columns,
    int64_t row_stride, int64_t column_stride, int thread, int team) {
    for (int64_t p = thread; p * WIDE < columns; p += team) {
        int64_t first[2] = {p * WIDE, p * WIDE + VL}, count[2];
        count[0] = NAME(at_most_vector)(columns - first[0]);
        count[1] = NAME(at_most_vector)(columns - first[1]);
        NAME(pack_panel)
        (panels + p * depth * WIDE, w, depth, row_stride, column_stride, first, count);
    }
}

#undef vec
