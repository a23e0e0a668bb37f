/* Norms and products of rows, for one element type and instruction set. */

/* The sum of squares, in double: no finite float's overflows. */
static double NAME(squares)(const REAL *x, int64_t n) {
    enum { LANES = 16 };
    double lanes[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            lanes[k] += (double)x[i + k] * (double)x[i + k];
        }
    }
    for (; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    for (int k = 0; k < LANES; k++) {
        sum += lanes[k];
    }
    return sum;
}

static void NAME(scale)(REAL *x, int64_t n, REAL factor) {
    for (int64_t i = 0; i < n; i++) {
        x[i] *= factor;
    }
}

static double NAME(squares_of)(void *x, int64_t start, int64_t end) {
    return NAME(squares)((const REAL *)x + start, end - start);
}

static void NAME(scale_by)(void *x, int64_t start, int64_t end, double factor) {
    NAME(scale)((REAL *)x + start, end - start, (REAL)factor);
}

/* Rows from `start` to `end` of gradient number g. */
static struct rnnswap_sums NAME(some_rows)(
    const struct rnnswap_rows *a, int64_t g, int64_t start, int64_t end) {
    struct rnnswap_sums sums = {0, 0, 0};
    int64_t columns = a->rows[g] ? a->sizes[g] / a->rows[g] : 0;
    for (int64_t r = start; r < end; r++) {
        REAL *x = (REAL *)a->data[g] + r * columns;
        const REAL *w = a->weights ? (const REAL *)a->weights[g] + r * columns : x;
        double weights = a->weights ? NAME(squares)(w, columns) : 0;
        double factor = factor_of(a, NAME(squares)(x, columns), weights, columns, &sums);
        if (factor != 1) {
            NAME(scale)(x, columns, (REAL)factor);
        }
    }
    return sums;
}
