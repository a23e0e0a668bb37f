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

/* Elements from `start` to `end` of gradient number g. */
static struct rnnswap_found NAME(clamp_part)(
    const struct rnnswap_clamp *a, int64_t g, int64_t start, int64_t end) {
    REAL *x = (REAL *)a->data[g] + start, low = (REAL)a->low, high = (REAL)a->high;
    int64_t n = end - start;
    struct rnnswap_found found = {1, 0, 0, 0};
    if (a->changed) {
        found.finite = NAME(clamp_measured)(
            x, n, low, high, &found.changed, &found.before, &found.after);
    } else if (isinf(a->low) && isinf(a->high)) {
        found.finite = NAME(look)(x, n);
    } else {
        found.finite = NAME(clamp)(x, n, low, high);
    }
    return found;
}
