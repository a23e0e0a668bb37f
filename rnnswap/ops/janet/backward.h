/* JANET backward: the gradients of the gates, step by step; part of kernel.h. */

/* The weights themselves: gates' gradients (2H) to that of h (R), and that of h (P) to c's (H). */
static void NAME(pack_backward)(const struct janet *j, int thread, int team) {
    struct janet_room room = janet_room(j, team);
    REAL *start = j->room;
    int64_t H = j->H, R = janet_width(j);
    NAME(pack)(start + room.hh, j->w_hh, 2 * H, R, R, 1, thread, team);
    if (j->P) {
        NAME(pack)(start + room.hr, j->w_hr, R, H, H, 1, thread, team);
    }
}

/* Gates' gradients of one vector of units, of the gradient of c from h. */
RNNSWAP_INLINE void NAME(finish_backward)(const struct janet *j, const struct NAME(row) *row,
    int64_t unit, int64_t n, vec d_h, REAL shift) {
    int64_t H = j->H, next = row->next * H;
    const REAL *gates = row->gates + unit;
    __builtin_prefetch(gates + 2 * next);
    __builtin_prefetch(gates + 2 * next + H);
    __builtin_prefetch(row->before + next + unit);
    vec g = NAME(load_some)(gates, n), e = NAME(load_some)(gates + H, n), f, i, not_i;
    NAME(factors)(e, shift, &f, &i, &not_i);
    vec d_c = NAME(load_some)(row->d_c + unit, n) + d_h;
    /* 1 - f is f e, without cancellation. */
    vec slope = f * f * e * NAME(load_some)(row->before + unit, n) - i * not_i * g;
    NAME(store_some)(row->d_gates + unit, d_c * i * (1 - g * g), n);
    NAME(store_some)(row->d_gates + H + unit, d_c * slope, n);
    NAME(store_some)(row->d_c + unit, d_c * f, n);
}

/* What becomes of a product in backward: the gradient of c where h is c; that of h, and then that
 * of c, where h is a projection; or that of h0. */
enum NAME(stage) { NAME(D_C), NAME(D_HIDDEN), NAME(D_CARRIED), NAME(D_INITIAL) };

RNNSWAP_INLINE void NAME(take)(const struct janet *j, const struct NAME(row) *row, int64_t at,
    int64_t n, vec acc, enum NAME(stage) stage, REAL shift) {
    if (stage == NAME(D_CARRIED)) {
        NAME(finish_backward)(j, row, at, n, acc, shift);
        return;
    }
    if (stage == NAME(D_INITIAL)) {
        NAME(store_some)(row->d_hidden + at, acc, n);
        return;
    }
    if (row->d_last) {
        acc = NAME(load_some)(row->d_last + at, n);
    }
    acc += NAME(load_some)(row->d_out + at, n);
    __builtin_prefetch(row->d_out + at + row->d_out_next);
    if (stage == NAME(D_HIDDEN)) {
        NAME(store_some)(row->d_hidden + at, acc, n);
    } else {
        NAME(finish_backward)(j, row, at, n, acc, shift);
    }
}

static void NAME(backward_chunk)(const struct janet *j, const struct rnnswap_share *s,
    const REAL *panels, int rows, const REAL *const *a, const struct NAME(row) *row,
    enum NAME(stage) stage) {
    int from_h = stage == NAME(D_CARRIED);
    int64_t depth = from_h ? j->P : 2 * j->H, columns = from_h ? j->H : janet_width(j), first, end;
    int64_t needed = depth;
    REAL shift = (REAL)j->shift;
    if (stage == NAME(D_C) || stage == NAME(D_HIDDEN)) {
        needed = 0; /* a row's last step has no product */
        for (int r = 0; r < rows; r++) {
            needed = row[r].d_last ? needed : depth;
        }
    }
    NAME(part)(s, NAME(panels)(columns), &first, &end);
    for (int64_t p = first; p < end; p++) {
        for (int r = 0, block; r < rows; r += block) {
            vec acc[ROWS][2];
            block = NAME(next_block)(rows - r);
            NAME(product)(block, a + r, panels + p * depth * WIDE, needed, acc);
            for (int q = 0; q < block; q++) {
                for (int64_t half = 0, at = p * WIDE; half < 2; half++, at += VL) {
                    if (at + VL <= columns) { /* said apart: compiled without questions */
                        NAME(take)(j, row + r + q, at, VL, acc[q][half], stage, shift);
                    } else if (at < columns) {
                        NAME(take)(j, row + r + q, at, columns - at, acc[q][half], stage, shift);
                    }
                }
            }
        }
    }
}

/* Set out row b at step t for backward; 0 if there is no such step, which has zero gradients. */
RNNSWAP_INLINE int NAME(backward_row)(const struct janet *j, const struct rnnswap_share *s,
    int64_t t, int64_t b, enum NAME(stage) stage, const REAL **a, struct NAME(row) *row) {
    int64_t H = j->H, R = janet_width(j), at = rnnswap_row(&j->steps, t, b);
    int64_t past = j->steps.reverse ? 1 : -1, was = t + past, next = t - past;
    row->d_gates = (REAL *)j->d_gates + at * 2 * H;
    row->d_hidden = j->P ? (REAL *)j->d_hidden + at * R : 0;
    if (!rnnswap_runs(&j->steps, t, b)) {
        if (rnnswap_padded(&j->steps, s->part)) {
            memset(row->d_gates, 0, (size_t)(2 * H) * sizeof(REAL));
            if (j->P) {
                memset(row->d_hidden, 0, (size_t)R * sizeof(REAL));
            }
        }
        return 0;
    }
    row->gates = (REAL *)j->gates + at * 2 * H;
    row->before = rnnswap_runs(&j->steps, was, b)
        ? (const REAL *)j->states + rnnswap_row(&j->steps, was, b) * H
        : (const REAL *)j->c0 + b * j->c0_row;
    row->d_out = (const REAL *)j->d_out;
    row->d_out += rnnswap_at(&j->steps, t, b, j->d_out_step, j->d_out_row);
    row->next = past * rnnswap_step_rows(&j->steps, t);
    row->d_out_next = j->steps.packed ? row->next * j->d_out_row : past * j->d_out_step;
    row->d_c = (REAL *)j->d_c + b * H;
    row->d_last = rnnswap_runs(&j->steps, next, b) ? 0 : (const REAL *)j->d_h + b * j->d_h_row;
    *a = stage == NAME(D_CARRIED) ? row->d_hidden
        : row->d_last        ? row->gates /* read by no one, or for nothing */
                             : (const REAL *)j->d_gates + rnnswap_row(&j->steps, next, b) * 2 * H;
    return 1;
}

static void NAME(backward_step)(const struct janet *j, const struct rnnswap_share *s,
    const REAL *panels, int64_t t, enum NAME(stage) stage) {
    const REAL *a[NAME(CHUNK)];
    struct NAME(row) row[NAME(CHUNK)];
    int rows = 0;
    for (int64_t b = s->first; b < s->end; b++) {
        rows += NAME(backward_row)(j, s, t, b, stage, a + rows, row + rows);
        if (rows == NAME(CHUNK) || (rows && b + 1 == s->end)) {
            NAME(backward_chunk)(j, s, panels, rows, a, row, stage);
            rows = 0;
        }
    }
    NAME(meet)(s);
}

static void NAME(backward_steps)(
    const struct janet *j, const struct rnnswap_share *s, const REAL *hh, const REAL *hr) {
    for (int64_t n = 0; n < j->steps.T; n++) {
        int64_t t = j->steps.reverse ? n : j->steps.T - 1 - n;
        if (j->P) {
            NAME(backward_step)(j, s, hh, t, NAME(D_HIDDEN));
            NAME(backward_step)(j, s, hr, t, NAME(D_CARRIED));
        } else {
            NAME(backward_step)(j, s, hh, t, NAME(D_C));
        }
    }
}

/* d_h, until now the gradient of h_n, becomes that of h0. */
static void NAME(initial_gradient)(
    const struct janet *j, const struct rnnswap_share *s, const REAL *panels) {
    const REAL *a[NAME(CHUNK)];
    struct NAME(row) row[NAME(CHUNK)];
    int rows = 0;
    for (int64_t b = s->first; b < s->end; b++) {
        int64_t end = j->steps.lengths ? j->steps.lengths[b] : j->steps.T;
        int64_t t = j->steps.reverse ? end - 1 : 0;
        a[rows] = (const REAL *)j->d_gates + rnnswap_row(&j->steps, t, b) * 2 * j->H;
        row[rows++].d_hidden = (REAL *)j->d_h + b * janet_width(j);
        if (rows == NAME(CHUNK) || b + 1 == s->end) {
            NAME(backward_chunk)(j, s, panels, rows, a, row, NAME(D_INITIAL));
            rows = 0;
        }
    }
}

static void NAME(backward)(const struct janet *j, int thread, int team) {
    struct rnnswap_share s = rnnswap_share_of(&j->steps, j->by_units, thread, team);
    struct janet_room at = janet_room(j, team);
    const REAL *hh = (const REAL *)j->room + at.hh, *hr = (const REAL *)j->room + at.hr;
    if (NAME(has_few_units)(j, &s)) {
        NAME(backward_few)(j, &s);
    } else {
        NAME(backward_steps)(j, &s, hh, hr);
    }
    if (j->needs_d_h0) {
        NAME(initial_gradient)(j, &s, hh);
    }
}
