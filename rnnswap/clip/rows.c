/* Scaling each row of each gradient under a bound of its own: norm and product while it is near. */

#include <math.h>

#include "../ops/_native/common.h"
#include "parts.h"

struct rnnswap_rows {
    void **data;          /* the gradients' first elements */
    void **weights;       /* the parameters'; null if the bound is the same for all rows */
    const int64_t *sizes; /* how many elements each gradient has */
    const int64_t *rows;  /* in how many rows */
    int64_t count;        /* how many gradients there are */
    /* A row's norm is bounded by limit, or by limit * max(norm of its weights, floor); it is
       divided by once `epsilon` was added to it. */
    double limit, floor, epsilon;
    /* For each gradient: sums of squares before and after, elements changed. */
    double *before, *after, *changed;
};

/* What was found in some rows of a gradient. */
struct rnnswap_sums {
    double before, after, changed;
};

static double bound_of(const struct rnnswap_rows *a, double weights) {
    double norm = sqrt(weights);
    return a->weights ? a->limit * (norm < a->floor ? a->floor : norm) : a->limit;
}

/* The factor of a row from its sum of squares, and the row added to what was found so far; what is
   not a number stays none. */
static double factor_of(const struct rnnswap_rows *a, double squares, double weights,
    int64_t columns, struct rnnswap_sums *sums) {
    double norm = sqrt(squares), factor = bound_of(a, weights) / (norm + a->epsilon);
    if (factor > 1) {
        factor = 1;
    }
    sums->before += squares;
    sums->after += factor == 1 ? squares : factor * factor * squares;
    sums->changed += factor < 1 ? (double)columns : 0;
    return factor;
}

#define KERNEL "../../clip/rows_kernel.h"
#include "../ops/_native/instances.h"

struct kernel {
    struct rnnswap_sums (*some)(const struct rnnswap_rows *, int64_t, int64_t, int64_t);
    double (*squares)(void *, int64_t, int64_t);
    void (*scale)(void *, int64_t, int64_t, double);
};

static double shared_squares(void *x, int64_t n, const struct kernel *kernel, int threads) {
    double each[PARTS], sum = 0;
    (void)threads;
#pragma omp parallel for num_threads(threads)
    for (int k = 0; k < PARTS; k++) {
        each[k] = kernel->squares(x, part_start(n, k), part_start(n, k + 1));
    }
    for (int k = 0; k < PARTS; k++) {
        sum += each[k];
    }
    return sum;
}

/* One row that is a whole large gradient. */
static struct rnnswap_sums one_row(
    const struct rnnswap_rows *a, int64_t g, const struct kernel *kernel, int threads) {
    int64_t n = a->sizes[g];
    struct rnnswap_sums sums = {0, 0, 0};
    double weights = a->weights ? shared_squares(a->weights[g], n, kernel, threads) : 0;
    double squares = shared_squares(a->data[g], n, kernel, threads);
    double factor = factor_of(a, squares, weights, n, &sums);
    if (factor != 1) {
#pragma omp parallel for num_threads(threads)
        for (int k = 0; k < PARTS; k++) {
            kernel->scale(a->data[g], part_start(n, k), part_start(n, k + 1), factor);
        }
    }
    return sums;
}

static struct rnnswap_sums many_rows(
    const struct rnnswap_rows *a, int64_t g, const struct kernel *kernel, int threads) {
    struct rnnswap_sums each[PARTS], sums = {0, 0, 0};
    (void)threads;
#pragma omp parallel for num_threads(threads)
    for (int k = 0; k < PARTS; k++) {
        each[k] = kernel->some(a, g, part_start(a->rows[g], k), part_start(a->rows[g], k + 1));
    }
    for (int k = 0; k < PARTS; k++) {
        sums.before += each[k].before;
        sums.after += each[k].after;
        sums.changed += each[k].changed;
    }
    return sums;
}

static void note(const struct rnnswap_rows *a, int64_t g, struct rnnswap_sums sums) {
    a->before[g] = sums.before;
    a->after[g] = sums.after;
    a->changed[g] = sums.changed;
}

RNNSWAP_EXPORT int rnnswap_rows(
    const struct rnnswap_rows *a, int is_double, int level, int threads) {
    struct kernel kernel = {PICK(some_rows, is_double, level),
        PICK(squares_of, is_double, level), PICK(scale_by, is_double, level)};
    int team = team_for(a->sizes, a->count, threads);
#pragma omp parallel for schedule(dynamic, 4) num_threads(team)
    for (int64_t g = 0; g < a->count; g++) {
        if (team == 1 || a->sizes[g] < LARGE) {
            note(a, g, kernel.some(a, g, 0, a->rows[g]));
        }
    }
    for (int64_t g = 0; team > 1 && g < a->count; g++) {
        if (a->sizes[g] >= LARGE) {
            note(a, g, (a->rows[g] == 1 ? one_row : many_rows)(a, g, &kernel, team));
        }
    }
    return RNNSWAP_DONE;
}
