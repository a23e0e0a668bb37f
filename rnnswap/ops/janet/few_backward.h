/* JANET backward for few units, step by step over groups of rows; part of kernel.h. */

/* Turn what step t reads; where a row begins here, c before the step is c0. */
static void NAME(fetch_group)(const struct janet *j, struct NAME(group) *group, int64_t t) {
    int64_t H = j->H, b = group->first, past = j->steps.reverse ? 1 : -1, was = t + past;
    int there = NAME(there)(j, group, t), before = NAME(there)(j, group, was);
    const REAL *d_out = (const REAL *)j->d_out;
    d_out += rnnswap_at(&j->steps, t, b, j->d_out_step, j->d_out_row);
    NAME(turn)(group->d_out, d_out, H, j->d_out_row, there);
    const REAL *gates = (const REAL *)j->gates + rnnswap_row(&j->steps, t, b) * 2 * H;
    NAME(turn)(group->gates, gates, 2 * H, 2 * H, there);
    if (was < 0 || was >= j->steps.T) {
        memcpy(group->c, group->c0, (size_t)(H * WIDE) * sizeof(REAL));
        return;
    }
    NAME(turn)(group->c, (const REAL *)j->states + rnnswap_row(&j->steps, was, b) * H, H, H, before);
    for (int64_t at = 0; j->steps.lengths && at < H * WIDE; at += VL) {
        vec c = NAME(load)(group->c + at), c0 = NAME(load)(group->c0 + at);
        NAME(store)(group->c + at, NAME(where)(group->ran[at / VL % 2], c, c0));
    }
}

/* Gates' gradients at a step, of those at the one that was visited before it. */
static void NAME(backward_group)(
    const struct janet *j, struct NAME(group) *group, const REAL *w_hh, int visited) {
    int64_t H = j->H;
    REAL shift = (REAL)j->shift, carried[VL * WIDE];
    memset(carried, 0, (size_t)(H * WIDE) * sizeof(REAL));
    if (visited) {
        NAME(multiply)(carried, w_hh, 2 * H, (int)H, group->d_gates, 2 * H);
    }
    for (int64_t at = 0; at < H * WIDE; at += VL) {
        int half = at / VL % 2;
        vec g = NAME(load)(group->gates + at), f, i, not_i;
        vec e = NAME(load)(group->gates + H * WIDE + at);
        vec was = NAME(load)(group->d_c + at), runs = group->runs[half];
        vec d_h = NAME(load)(group->h + at);
        d_h = NAME(where)(group->will[half], NAME(load)(carried + at), d_h);
        vec d_c = was + (d_h + NAME(load)(group->d_out + at));
        NAME(factors)(e, shift, &f, &i, &not_i);
        vec slope = f * f * e * NAME(load)(group->c + at) - i * not_i * g, none = NAME(splat)(0);
        NAME(store)(group->d_gates + at, NAME(where)(runs, d_c * i * (1 - g * g), none));
        NAME(store)(group->d_gates + H * WIDE + at, NAME(where)(runs, d_c * slope, none));
        NAME(store)(group->d_c + at, NAME(where)(runs, d_c * f, was));
    }
}

/* w_hh (2H, H), turned about. */
static void NAME(transpose)(REAL *to, const REAL *w, int64_t H) {
    for (int64_t k = 0; k < H; k++) {
        for (int64_t g = 0; g < 2 * H; g++) {
            to[k * 2 * H + g] = w[g * H + k];
        }
    }
}

static void NAME(backward_few)(const struct janet *j, const struct rnnswap_share *s) {
    struct NAME(group) groups[NAME(GROUPS)];
    REAL w_hh[2 * VL * VL];
    int64_t T = j->steps.T, H = j->H, past = j->steps.reverse ? 1 : -1;
    NAME(transpose)(w_hh, j->w_hh, H);
    for (int64_t b = s->first; b < s->end; b += NAME(GROUPS) * WIDE) {
        int count = NAME(set_out)(j, s, b, groups);
        for (struct NAME(group) *g = groups; g < groups + count; g++) {
            NAME(turn)(g->h, (const REAL *)j->d_h + g->first * j->d_h_row, H, j->d_h_row, g->rows);
            NAME(turn)(g->d_c, (const REAL *)j->d_c + g->first * H, H, H, g->rows);
            g->runs[0] = g->runs[1] = NAME(splat)(0);
            NAME(running)(j, g, j->steps.reverse ? 0 : T - 1, g->ran);
        }
        for (int64_t n = 0; n < T; n++) {
            int64_t t = j->steps.reverse ? n : T - 1 - n;
            for (struct NAME(group) *g = groups; g < groups + count; g++) {
                memcpy(g->will, g->runs, sizeof g->will);
                memcpy(g->runs, g->ran, sizeof g->runs);
                if (j->steps.lengths) {
                    NAME(running)(j, g, t + past, g->ran);
                }
                NAME(fetch_group)(j, g, t);
            }
            for (struct NAME(group) *g = groups; g < groups + count; g++) {
                NAME(backward_group)(j, g, w_hh, n > 0);
            }
            for (struct NAME(group) *g = groups; g < groups + count; g++) {
                REAL *to = (REAL *)j->d_gates + rnnswap_row(&j->steps, t, g->first) * 2 * H;
                NAME(turn_back)(to, g->d_gates, 2 * H, NAME(there)(j, g, t));
            }
        }
        for (struct NAME(group) *g = groups; g < groups + count; g++) {
            NAME(turn_back)((REAL *)j->d_c + g->first * H, g->d_c, H, g->rows);
        }
    }
}
