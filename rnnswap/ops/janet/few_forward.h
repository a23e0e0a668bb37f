/* JANET forward for few units, step by step over groups of rows; part of kernel.h. */

/* gates = W_ih x + b at step t. */
static void NAME(project_group)(const struct janet *j, struct NAME(group) *group, int64_t t) {
    int gates = (int)(2 * j->H), there = NAME(there)(j, group, t);
    const REAL *x = (const REAL *)j->x;
    REAL turned[NAME(TURNED) * WIDE];
    x += rnnswap_at(&j->steps, t, group->first, j->x_step, j->x_row);
    if (!j->w_ih) {
        NAME(turn)(group->gates, x, gates, j->x_row, there);
    }
    for (int g = 0; g < gates; g++) {
        REAL *sum = group->gates + g * WIDE;
        REAL b = j->b_ih ? ((const REAL *)j->b_ih)[g] : 0;
        b += j->b_hh ? ((const REAL *)j->b_hh)[g] : 0;
        for (int half = 0; half < 2; half++, sum += VL) {
            NAME(store)(sum, j->w_ih ? NAME(splat)(b) : NAME(load)(sum) + b);
        }
    }
    for (int64_t k = 0; j->w_ih && k < j->I; k += NAME(TURNED)) {
        int64_t depth = j->I - k < NAME(TURNED) ? j->I - k : NAME(TURNED);
        NAME(turn)(turned, x + k, depth, j->x_row, there);
        NAME(multiply)(group->gates, (const REAL *)j->w_ih + k, j->I, gates, turned, depth);
    }
}

/* The step of recurrence: c, which is h, of the gates' sums and both. */
static void NAME(forward_group)(const struct janet *j, struct NAME(group) *group) {
    int64_t H = j->H;
    REAL shift = (REAL)j->shift;
    NAME(multiply)(group->gates, j->w_hh, H, (int)(2 * H), group->h, H);
    for (int64_t at = 0; at < H * WIDE; at += VL) {
        vec g = NAME(tanh)(NAME(load)(group->gates + at)), f, i, not_i;
        vec e = NAME(exp)(-NAME(load)(group->gates + H * WIDE + at));
        vec before = NAME(load)(group->c + at), runs = group->runs[at / VL % 2], c;
        NAME(factors)(e, shift, &f, &i, &not_i);
        c = f * before + i * g;
        NAME(store)(group->gates + at, g);
        NAME(store)(group->gates + H * WIDE + at, e);
        NAME(store)(group->c + at, NAME(where)(runs, c, before));
        NAME(store)(group->h + at, NAME(where)(runs, c, NAME(load)(group->h + at)));
    }
}

/* Turn back into the arrays over all steps; c is zero where a row has no such step. */
static void NAME(keep_group)(const struct janet *j, struct NAME(group) *group, int64_t t) {
    int64_t H = j->H, row = rnnswap_row(&j->steps, t, group->first);
    int there = NAME(there)(j, group, t);
    if (j->steps.lengths && !j->steps.packed) {
        REAL states[VL * WIDE];
        for (int64_t at = 0; at < H * WIDE; at += VL) {
            vec runs = group->runs[at / VL % 2];
            NAME(store)(states + at, NAME(where)(runs, NAME(load)(group->c + at), NAME(splat)(0)));
        }
        NAME(turn_back)((REAL *)j->states + row * H, states, H, there);
    } else {
        NAME(turn_back)((REAL *)j->states + row * H, group->c, H, there);
    }
    if (j->gates) {
        NAME(turn_back)((REAL *)j->gates + row * 2 * H, group->gates, 2 * H, there);
    }
}

static void NAME(forward_few)(const struct janet *j, const struct rnnswap_share *s) {
    struct NAME(group) groups[NAME(GROUPS)];
    int64_t T = j->steps.T;
    for (int64_t b = s->first; b < s->end; b += NAME(GROUPS) * WIDE) {
        int count = NAME(set_out)(j, s, b, groups);
        for (struct NAME(group) *g = groups; g < groups + count; g++) {
            memcpy(g->c, g->c0, (size_t)(j->H * WIDE) * sizeof(REAL));
            NAME(turn)(g->h, (const REAL *)j->h0 + g->first * j->h0_row, j->H, j->h0_row, g->rows);
            NAME(running)(j, g, 0, g->runs);
        }
        for (int64_t n = 0; n < T; n++) {
            int64_t t = j->steps.reverse ? T - 1 - n : n;
            for (struct NAME(group) *g = groups; g < groups + count; g++) {
                if (j->steps.lengths) {
                    NAME(running)(j, g, t, g->runs);
                }
                NAME(project_group)(j, g, t);
            }
            for (struct NAME(group) *g = groups; g < groups + count; g++) {
                NAME(forward_group)(j, g);
            }
            for (struct NAME(group) *g = groups; g < groups + count; g++) {
                NAME(keep_group)(j, g, t);
            }
        }
    }
}
