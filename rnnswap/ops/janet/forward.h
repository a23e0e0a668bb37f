/* JANET forward: projection, steps, and with a projection of the state h; part of kernel.h. */

/* Panel p holds units p * VL.. of both gates. */
static void NAME(pack_gates)(
    const struct janet *j, REAL *panels, const REAL *w, int64_t depth, int thread, int team) {
    int64_t H = j->H;
    for (int64_t p = thread; p * VL < H; p += team) {
        int64_t units = NAME(at_most_vector)(H - p * VL);
        int64_t first[2] = {p * VL, H + p * VL}, count[2] = {units, units};
        NAME(pack_panel)(panels + p * depth * WIDE, w, depth, 1, depth, first, count);
    }
}

static void NAME(pack_forward)(const struct janet *j, int thread, int team) {
    struct janet_room room = janet_room(j, team);
    REAL *start = j->room;
    if (j->w_ih) {
        NAME(pack_gates)(j, start + room.ih, j->w_ih, j->I, thread, team);
    }
    NAME(pack_gates)(j, start + room.hh, j->w_hh, janet_width(j), thread, team);
    if (j->P) {
        NAME(pack)(start + room.hr, j->w_hr, j->H, j->P, 1, j->H, thread, team);
    }
}

RNNSWAP_INLINE vec NAME(bias)(const struct janet *j, int64_t at, int64_t n) {
    vec b = NAME(splat)(0);
    if (j->b_ih) {
        b += NAME(load_some)((const REAL *)j->b_ih + at, n);
    }
    if (j->b_hh) {
        b += NAME(load_some)((const REAL *)j->b_hh + at, n);
    }
    return b;
}

/* gates = W_ih x + b for the collected rows. */
static void NAME(project_chunk)(const struct janet *j, const struct rnnswap_share *s,
    const REAL *panels, int rows, const REAL *const *x, REAL *const *gates) {
    int64_t H = j->H, first, end;
    NAME(part)(s, (H + VL - 1) / VL, &first, &end);
    for (int64_t p = first; p < end; p++) {
        int64_t unit = p * VL, n = NAME(at_most_vector)(H - unit);
        vec b_c = NAME(bias)(j, unit, n), b_f = NAME(bias)(j, H + unit, n);
        for (int r = 0, block; r < rows; r += block) {
            vec acc[ROWS][2];
            block = NAME(next_block)(rows - r);
            if (j->w_ih) {
                NAME(product)(block, x + r, panels + p * j->I * WIDE, j->I, acc);
            }
            for (int q = 0; q < block; q++) {
                if (!j->w_ih) {
                    acc[q][0] = NAME(load_some)(x[r + q] + unit, n);
                    acc[q][1] = NAME(load_some)(x[r + q] + H + unit, n);
                }
                NAME(store_some)(gates[r + q] + unit, acc[q][0] + b_c, n);
                NAME(store_some)(gates[r + q] + H + unit, acc[q][1] + b_f, n);
            }
        }
    }
}

/* Where the gates of the share's row number `row` lie, `since` steps into the chunk of steps. */
RNNSWAP_INLINE REAL *NAME(gates_at)(const struct janet *j, const struct rnnswap_share *s,
    REAL *near, int64_t t, int64_t b, int64_t since, int64_t row) {
    return j->gates ? (REAL *)j->gates + rnnswap_row(&j->steps, t, b) * 2 * j->H
                    : near + (since * s->count + row) * 2 * j->H;
}

/* Project the input of steps first.. to end.., counted in the order in which they are visited. */
static void NAME(project)(const struct janet *j, const struct rnnswap_share *s,
    const REAL *panels, REAL *near, int64_t first, int64_t end) {
    const REAL *x[NAME(CHUNK)];
    REAL *gates[NAME(CHUNK)];
    int rows = 0;
    for (int64_t n = first; n < end; n++) {
        int64_t t = j->steps.reverse ? j->steps.T - 1 - n : n, row = 0;
        for (int64_t b = s->first; b < s->end; b++, row++) {
            if (!rnnswap_runs(&j->steps, t, b)) {
                continue;
            }
            x[rows] = (const REAL *)j->x + rnnswap_at(&j->steps, t, b, j->x_step, j->x_row);
            gates[rows] = NAME(gates_at)(j, s, near, t, b, n - first, row);
            if (++rows == NAME(CHUNK)) {
                NAME(project_chunk)(j, s, panels, rows, x, gates);
                rows = 0;
            }
        }
    }
    NAME(project_chunk)(j, s, panels, rows, x, gates);
}

RNNSWAP_INLINE void NAME(finish_forward)(const struct janet *j, const struct NAME(row) *row,
    int64_t unit, int64_t n, const vec acc[2], REAL shift) {
    REAL *pre_g = row->gates + unit, *pre_s = row->gates + j->H + unit;
    vec g = NAME(tanh)(NAME(load_some)(pre_g, n) + acc[0]);
    vec e = NAME(exp)(-(NAME(load_some)(pre_s, n) + acc[1])), f, i, not_i;
    NAME(factors)(e, shift, &f, &i, &not_i);
    vec c = f * NAME(load_some)(row->before + unit, n) + i * g;
    NAME(store_some)(row->after + unit, c, n);
    if (j->gates) {
        NAME(store_some)(pre_g, g, n);
        NAME(store_some)(pre_s, e, n);
    }
}

/* Finished together: one gate takes longer than it occupies the processor. */
enum { NAME(TOGETHER) = 8 };

static void NAME(forward_chunk)(const struct janet *j, const struct rnnswap_share *s,
    const REAL *panels, int rows, const REAL *const *a, const struct NAME(row) *row) {
    int64_t H = j->H, R = janet_width(j), first, end;
    REAL shift = (REAL)j->shift;
    vec acc[NAME(TOGETHER)][ROWS][2];
    NAME(part)(s, (H + VL - 1) / VL, &first, &end);
    int most = rows < ROWS ? NAME(TOGETHER) / rows : 1; /* panels, where one has few rows */
    most = most > 1 ? most : 1;
    for (int64_t p = first, some; p < end; p += some) {
        some = end - p < most ? end - p : most;
        for (int r = 0, block; r < rows; r += block) {
            block = NAME(next_block)(rows - r);
            for (int64_t k = 0; k < some; k++) {
                NAME(product)(block, a + r, panels + (p + k) * R * WIDE, R, acc[k]);
            }
            for (int64_t k = 0, unit = p * VL; k < some; k++, unit += VL) {
                for (int q = 0; q < block; q++) {
                    if (unit + VL <= H) { /* said apart: compiled without questions */
                        NAME(finish_forward)(j, row + r + q, unit, VL, acc[k][q], shift);
                    } else {
                        NAME(finish_forward)(j, row + r + q, unit, H - unit, acc[k][q], shift);
                    }
                }
            }
        }
    }
}

/* h = W_hr c for the collected rows. */
static void NAME(hidden_chunk)(const struct janet *j, const struct rnnswap_share *s,
    const REAL *panels, int rows, const struct NAME(row) *row) {
    int64_t first, end;
    const REAL *c[NAME(CHUNK)];
    for (int r = 0; r < rows; r++) {
        c[r] = row[r].after;
    }
    NAME(part)(s, NAME(panels)(j->P), &first, &end);
    for (int64_t p = first; p < end; p++) {
        for (int r = 0, block; r < rows; r += block) {
            vec acc[ROWS][2];
            block = NAME(next_block)(rows - r);
            NAME(product)(block, c + r, panels + p * j->H * WIDE, j->H, acc);
            for (int q = 0; q < block; q++) {
                for (int64_t half = 0, at = p * WIDE; half < 2; half++, at += VL) {
                    NAME(store_some)(row[r + q].h + at, acc[q][half],
                        NAME(at_most_vector)(j->P - at));
                }
            }
        }
    }
}

/* Wait for the others if this share is a part of every row. */
static void NAME(meet)(const struct rnnswap_share *s) {
    if (s->meets) {
        RNNSWAP_BARRIER
    }
}

/* Set out row b at step t for forward; 0 if there is no such step, which gives zeros. */
RNNSWAP_INLINE int NAME(forward_row)(const struct janet *j, const struct rnnswap_share *s,
    int64_t t, int64_t b, const REAL **a, struct NAME(row) *row) {
    int64_t H = j->H, R = janet_width(j), was = j->steps.reverse ? t + 1 : t - 1;
    int64_t now = rnnswap_row(&j->steps, t, b);
    row->after = (REAL *)j->states + now * H;
    row->h = (REAL *)j->output + now * R;
    if (!rnnswap_runs(&j->steps, t, b)) {
        if (rnnswap_padded(&j->steps, s->part)) {
            memset(row->after, 0, (size_t)H * sizeof(REAL));
            memset(row->h, 0, (size_t)R * sizeof(REAL));
        }
        return 0;
    }
    int begun = rnnswap_runs(&j->steps, was, b);
    int64_t last = begun ? rnnswap_row(&j->steps, was, b) : 0;
    *a = begun ? (const REAL *)j->output + last * R : (const REAL *)j->h0 + b * j->h0_row;
    row->before = begun ? (const REAL *)j->states + last * H : (const REAL *)j->c0 + b * j->c0_row;
    return 1;
}

/* Where forward's packed weights and the gates of a few steps lie. */
struct NAME(forward_room) {
    const REAL *ih, *hh, *hr;
    REAL *gates;
};

/* One step of all rows of a share: c, or in a second pass the projection h. */
static void NAME(forward_step)(const struct janet *j, const struct rnnswap_share *s,
    const struct NAME(forward_room) *room, int64_t t, int64_t since, int projects) {
    const REAL *a[NAME(CHUNK)];
    struct NAME(row) row[NAME(CHUNK)];
    int64_t number = 0;
    int rows = 0;
    for (int64_t b = s->first; b < s->end; b++, number++) {
        if (NAME(forward_row)(j, s, t, b, a + rows, row + rows)) {
            row[rows].gates = NAME(gates_at)(j, s, room->gates, t, b, since, number);
            rows++;
        }
        if (rows == NAME(CHUNK) || (rows && b + 1 == s->end)) {
            if (projects) {
                NAME(hidden_chunk)(j, s, room->hr, rows, row);
            } else {
                NAME(forward_chunk)(j, s, room->hh, rows, a, row);
            }
            rows = 0;
        }
    }
    NAME(meet)(s);
}

static void NAME(forward)(const struct janet *j, int thread, int team) {
    struct rnnswap_share s = rnnswap_share_of(&j->steps, j->by_units, thread, team);
    struct janet_room at = janet_room(j, team);
    REAL *start = j->room;
    struct NAME(forward_room) room = {start + at.ih, start + at.hh, start + at.hr, 0};
    int64_t T = j->steps.T, steps = janet_steps(s.count);
    if (NAME(has_few_units)(j, &s)) {
        NAME(forward_few)(j, &s);
        return;
    }
    room.gates = start + at.gates;
    if (!j->by_units) { /* else all threads share it */
        room.gates += (s.first + thread * JANET_ROWS) * 2 * j->H;
    }
    for (int64_t n = 0; n < T; n++) {
        if (n % steps == 0) {
            NAME(project)(j, &s, room.ih, room.gates, n, n + steps < T ? n + steps : T);
        }
        int64_t t = j->steps.reverse ? T - 1 - n : n;
        NAME(forward_step)(j, &s, &room, t, n % steps, 0);
        if (j->P) {
            NAME(forward_step)(j, &s, &room, t, n % steps, 1);
        }
    }
}
