/* The steps of a batch: which there are, in what order, and where their rows lie.
 *
 * Arrays over all steps are (T, B, ...) or, packed, (N, ...): the rows that there are, step after
 * step, as in a PackedSequence. The longest sequence comes first then.
 */
#ifndef RNNSWAP_STEPS_H
#define RNNSWAP_STEPS_H

#include "common.h"

struct rnnswap_steps {
    int64_t T, B;
    int64_t rows;           /* of an array over all steps; set by rnnswap_begin, as what follows */
    const int64_t *first;   /* packed: the row with which each step begins, and N; else null */
    const int64_t *lengths; /* (B), each in [1, T]; or null: all T */
    int reverse;            /* from the last step to the first */
    int packed;
};

/* Count the rows. Returns memory to be freed, null if there is none; so many zeros lie in it from
 * *zeros on, to be read where no initial state is given. */
RNNSWAP_UNUSED static void *rnnswap_begin(
    struct rnnswap_steps *s, int64_t elements, void **zeros, int is_double) {
    size_t numbers = s->packed ? (size_t)(s->T + 1) * sizeof(int64_t) : 0;
    size_t row = (size_t)elements * (is_double ? sizeof(double) : sizeof(float));
    char *memory = calloc(1, numbers + row + 1);
    if (!memory) {
        return NULL;
    }
    *zeros = memory + numbers;
    s->rows = s->T * s->B;
    s->first = NULL;
    if (s->packed) {
        int64_t *first = (int64_t *)memory, running = s->B;
        for (int64_t t = 0; t < s->T; t++) {
            while (running > 0 && s->lengths[running - 1] <= t) {
                running--;
            }
            first[t + 1] = first[t] + running;
        }
        s->rows = first[s->T];
        s->first = first;
    }
    return memory;
}

/* Make a row of one number, and return it. */
RNNSWAP_UNUSED static void *rnnswap_repeat(
    void *row, const void *number, int64_t count, int is_double) {
    size_t size = is_double ? sizeof(double) : sizeof(float);
    for (int64_t k = 0; k < count; k++) {
        memcpy((char *)row + (size_t)k * size, number, size);
    }
    return row;
}

/* Whether sequence b has a step t. */
RNNSWAP_INLINE int rnnswap_runs(const struct rnnswap_steps *s, int64_t t, int64_t b) {
    return t >= 0 && t < (s->lengths ? s->lengths[b] : s->T);
}

/* Whether sequence b, which has no step t, has a row there all the same, to be filled with zeros. */
RNNSWAP_INLINE int rnnswap_padded(const struct rnnswap_steps *s, int64_t part) {
    return !s->packed && part == 0; /* where several threads meet at a row, the first's work */
}

/* Number of the row of sequence b at step t. */
RNNSWAP_INLINE int64_t rnnswap_row(const struct rnnswap_steps *s, int64_t t, int64_t b) {
    return s->first ? s->first[t] + b : t * s->B + b;
}

/* Where that row begins in an array with these strides, of which packed ones have the latter. */
RNNSWAP_INLINE int64_t rnnswap_at(
    const struct rnnswap_steps *s, int64_t t, int64_t b, int64_t step, int64_t row) {
    return s->first ? (s->first[t] + b) * row : t * step + b * row;
}

/* Rows from one step to the next. */
RNNSWAP_INLINE int64_t rnnswap_step_rows(const struct rnnswap_steps *s, int64_t t) {
    return s->first ? s->first[t + 1] - s->first[t] : s->B;
}

/* Copy the state (B, width) after each sequence's last step out of those after all steps. */
RNNSWAP_UNUSED static void rnnswap_last(const struct rnnswap_steps *s, void *last,
    const void *states, int64_t width, int is_double) {
    size_t row = (size_t)width * (is_double ? sizeof(double) : sizeof(float));
    for (int64_t b = 0; b < s->B; b++) {
        int64_t t = s->reverse ? 0 : (s->lengths ? s->lengths[b] : s->T) - 1;
        const char *from = (const char *)states + (size_t)rnnswap_row(s, t, b) * row;
        memcpy((char *)last + (size_t)b * row, from, row);
    }
}

#endif
