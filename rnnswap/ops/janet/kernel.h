/* JANET's loops for one element type and one instruction set; see native.c for the arguments.
 *
 * Forward's panels pair the candidate's and the forget gate's columns of the same units: the gates
 * are finished where the product ends. What is prefetched is what the next step reads: a step's
 * rows are apart in memory from the next one's, which no hardware foresees.
 */

#include "../_native/vector.h"
#include "../_native/block.h"

#define vec NAME(vec)

/* One row at one step: where its numbers stand. */
struct NAME(row) {
    REAL *gates;        /* (2H) */
    const REAL *before; /* c before the step (H) */
    REAL *after;        /* forward: c after the step (H) */
    REAL *h;            /* forward with a projection: h (P) */
    const REAL *d_out;  /* backward: gradient of the output (R) */
    const REAL *d_last; /* backward: gradient of h_n (R) if this is the row's last step, else 0 */
    REAL *d_hidden;     /* backward with a projection: gradient of h (P) */
    REAL *d_c;          /* backward: gradient of c, running (H) */
    REAL *d_gates;      /* backward: (2H) */
    /* Backward: how far the step that is visited next lies from this one, in rows; in d_out. */
    int64_t next, d_out_next;
};

/* Rows that are taken through each panel together. */
enum { NAME(CHUNK) = 48 };

/* f = sigmoid(s) and i = sigmoid(beta - s) = 1 - sigmoid(s - beta), of e = exp(-s), and what
 * 1 - i is, by shift = exp(-beta). Where s is the least that exp takes, f is 0, as of an infinite s:
 * an infinite c that is forgotten is NaN. */
RNNSWAP_INLINE void NAME(factors)(vec e, REAL shift, vec *f, vec *i, vec *not_i) {
    const REAL most = REAL_IS_DOUBLE ? (REAL)3e307 : (REAL)6e37; /* just below exp(EXP_MOST) */
    vec r = NAME(reciprocal)(e + shift);
    *f = NAME(if_less)(e, NAME(splat)(most), NAME(reciprocal)(e + 1), NAME(splat)(0));
    *i = e * r;
    *not_i = shift * r;
}

/* The part of `count` panels that falls to a share. */
RNNSWAP_INLINE void NAME(part)(
    const struct rnnswap_share *s, int64_t count, int64_t *first, int64_t *end) {
    *first = count * s->part / s->parts;
    *end = count * (s->part + 1) / s->parts;
}

#include "group.h"
#include "few_forward.h"
#include "few_backward.h"
#include "forward.h"
#include "backward.h"

#undef vec
