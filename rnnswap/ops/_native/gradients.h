/* Gradients of a layer's weights and input, of the gradient of its gates at all steps.
 *
 * The recurrences share this: their loops leave `d`, and what remains are products over all steps.
 * Steps past a sequence's length are left out. All arrays are of float or double as `is_double`
 * says, and contiguous but for x, whose rows are.
 */
#ifndef RNNSWAP_GRADIENTS_H
#define RNNSWAP_GRADIENTS_H

#include "steps.h"

struct gradients {
    struct rnnswap_steps steps;
    int64_t G, I, R;
    int64_t x_step, x_row, h0_row; /* strides in elements */
    const void *d;          /* (T, B, G): gradient of the gates */
    const void *x;          /* (T, B, I), for dw_ih */
    const void *h;          /* (T, B, R): h after each step, for dw_hh */
    const void *h0;         /* (B, R), or one row for all */
    const void *w_ih;       /* (G, I), for d_x */
    void *dw_ih;            /* (G, I) or null: sum of d^T x */
    void *dw_hh;            /* (G, R) or null: sum of d^T h', h' being h before the step */
    void *d_b;              /* (G) or null: sum of d */
    void *d_x;              /* (T, B, I) or null */
    void *room;             /* set by rnnswap_gradients */
};

/* Computes what is not null of dw_ih, dw_hh, d_b and d_x. Returns as exported functions do. */
int rnnswap_gradients(const struct gradients *j, int is_double, int level, int threads);

#endif
