/* Bounding the elements of one gradient, for one element type and instruction set. */

/* Whether all elements are finite. */
static int NAME(look)(const REAL *x, int64_t n) {
    int odd = 0;
    for (int64_t i = 0; i < n; i++) {
        odd |= !(x[i] - x[i] == 0);
    }
    return !odd;
}

/* Bound in place; NaN stays NaN. Whether all elements were finite. */
static int NAME(clamp)(REAL *x, int64_t n, REAL low, REAL high) {
    int odd = 0;
    for (int64_t i = 0; i < n; i++) {
        REAL v = x[i];
        odd |= !(v - v == 0); /* what is not finite, less itself, is NaN */
        v = v < low ? low : v;
        x[i] = v > high ? high : v;
    }
    return !odd;
}

/* As clamp, with the count of changed elements and the sums of squares before and after. */
static int NAME(clamp_measured)(REAL *x, int64_t n, REAL low, REAL high, double *changed,
    double *before, double *after) {
    enum { LANES = 8 };
    double was[LANES] = {0}, is[LANES] = {0};
    int64_t count = 0;
    int odd = 0;
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t lanes = n - i < LANES ? n - i : LANES;
        for (int64_t k = 0; k < lanes; k++) {
            REAL v = x[i + k], w = v < low ? low : v;
            w = w > high ? high : w;
            odd |= !(v - v == 0);
            count += (v < low) | (v > high);
            was[k] += (double)v * (double)v;
            is[k] += (double)w * (double)w;
            x[i + k] = w;
        }
    }
    *before = *after = 0;
    for (int k = 0; k < LANES; k++) {
        *before += was[k];
        *after += is[k];
    }
    *changed = (double)count;
    return !odd;
}

/* Gradient number g of all. */
static void NAME(clamp_one)(const struct rnnswap_clamp *a, int64_t g) {
    REAL *x = (REAL *)a->data[g], low = (REAL)a->low, high = (REAL)a->high;
    int64_t n = a->sizes[g];
    int finite;
    if (a->changed) {
        finite = NAME(clamp_measured)(
            x, n, low, high, a->changed + g, a->before + g, a->after + g);
    } else if (isinf(a->low) && isinf(a->high)) {
        finite = NAME(look)(x, n);
    } else {
        finite = NAME(clamp)(x, n, low, high);
    }
    a->evidence[g] = finite ? 0 : HUGE_VAL;
}
