/* Groups of rows for few units; part of kernel.h.
 *
 * A row of fewer units than a vector has elements leaves some of it empty. Where there are many such
 * rows the elements of two vectors are a group of them, and the numbers of the weights the factors.
 * What belongs to a group lies turned: unit after unit, WIDE rows each. Its rows need not all run at
 * a step: what does not run keeps its state.
 */

/* Groups that are taken through a step together: one of a few units takes longer than it occupies
 * the processor. And inputs that are turned at once. */
enum { NAME(GROUPS) = 4, NAME(TURNED) = 32 };

/* Some rows of the batch and their numbers, turned. */
struct NAME(group) {
    int64_t first;
    int rows;
    vec runs[2], ran[2], will[2]; /* whether: at this step, the one before it in time, after it */
    REAL gates[2 * VL * WIDE];   /* forward: sums, then tanh(g) and exp(-s) */
    REAL c[VL * WIDE];           /* backward: c before the step */
    REAL h[VL * WIDE];           /* backward: gradient of h_n */
    REAL c0[VL * WIDE];
    REAL d_c[VL * WIDE];         /* backward: running */
    REAL d_out[VL * WIDE];       /* backward */
    REAL d_gates[2 * VL * WIDE]; /* backward */
};

/* Whether a share's rows are taken in groups: where that makes no more vectors than there are rows. */
RNNSWAP_INLINE int NAME(has_few_units)(const struct janet *j, const struct rnnswap_share *s) {
    int64_t vectors = j->H * ((s->count + VL - 1) / VL);
    return j->H < VL && vectors <= s->count && !j->P && s->parts == 1;
}

RNNSWAP_INLINE void NAME(turn_some)(
    REAL *to, const REAL *from, int64_t units, int64_t apart, int rows) {
    for (int64_t u = 0; u < units; u++) {
        for (int r = 0; r < rows; r++) {
            to[u * WIDE + r] = from[r * apart + u];
        }
    }
}

/* Turn rows that lie so far apart; those past the last are zero. */
static void NAME(turn)(REAL *to, const REAL *from, int64_t units, int64_t apart, int rows) {
    if (rows < WIDE) {
        memset(to, 0, (size_t)(units * WIDE) * sizeof(REAL));
        NAME(turn_some)(to, from, units, apart, rows);
    } else { /* said apart: compiled without questions */
        NAME(turn_some)(to, from, units, apart, WIDE);
    }
}

RNNSWAP_INLINE void NAME(turn_back_some)(REAL *to, const REAL *from, int64_t units, int rows) {
    for (int r = 0; r < rows; r++) {
        for (int64_t u = 0; u < units; u++) {
            to[r * units + u] = from[u * WIDE + r];
        }
    }
}

/* The reverse, to rows that follow each other. */
static void NAME(turn_back)(REAL *to, const REAL *from, int64_t units, int rows) {
    switch (units) {
        case 1: memcpy(to, from, (size_t)rows * sizeof(REAL)); break;
        case 2: NAME(turn_back_some)(to, from, 2, rows); break;
        default: NAME(turn_back_some)(to, from, units, rows); break;
    }
}

/* How many of a group's rows are there at step t, in arrays over all steps. */
RNNSWAP_INLINE int NAME(there)(
    const struct janet *j, const struct NAME(group) *group, int64_t t) {
    int64_t rows = group->rows;
    if (j->steps.packed) {
        int64_t running = t < 0 || t >= j->steps.T ? 0 : rnnswap_step_rows(&j->steps, t);
        int64_t left = running - group->first;
        rows = left < 0 ? 0 : left < rows ? left : rows;
    }
    return (int)rows;
}

/* 1 for each of a group's rows that has a step t, else 0. */
static void NAME(running)(
    const struct janet *j, const struct NAME(group) *group, int64_t t, vec runs[2]) {
    REAL one[WIDE];
    for (int r = 0; r < WIDE; r++) {
        one[r] = r < group->rows && rnnswap_runs(&j->steps, t, group->first + r);
    }
    runs[0] = NAME(load)(one);
    runs[1] = NAME(load)(one + VL);
}

RNNSWAP_INLINE vec NAME(where)(vec runs, vec yes, vec no) {
    return NAME(if_less)(NAME(splat)(0), runs, yes, no);
}

/* sums += w a, of `rows` rows of w and turned a of this depth. */
static void NAME(multiply)(
    REAL *sums, const REAL *w, int64_t apart, int rows, const REAL *a, int64_t depth) {
    for (int r = 0, block; r < rows; r += block) {
        const REAL *from[ROWS];
        vec acc[ROWS][2];
        block = NAME(next_block)(rows - r);
        for (int q = 0; q < block; q++) {
            from[q] = w + (r + q) * apart;
        }
        NAME(product)(block, from, a, depth, acc);
        for (int q = 0; q < block; q++) {
            REAL *sum = sums + (r + q) * WIDE;
            NAME(store)(sum, NAME(load)(sum) + acc[q][0]);
            NAME(store)(sum + VL, NAME(load)(sum + VL) + acc[q][1]);
        }
    }
}

/* Set out the groups of a share's rows from row `first` on; returns how many. */
static int NAME(set_out)(const struct janet *j, const struct rnnswap_share *s,
    int64_t first, struct NAME(group) *groups) {
    int count = 0;
    for (; count < NAME(GROUPS) && first < s->end; count++, first += WIDE) {
        struct NAME(group) *group = groups + count;
        int64_t left = s->end - first;
        group->first = first;
        group->rows = (int)(left < WIDE ? left : WIDE);
        NAME(turn)(group->c0, (const REAL *)j->c0 + first * j->c0_row, j->H, j->c0_row, group->rows);
    }
    return count;
}
