/* Vectors and the functions of the gates, for one element type and one instruction set.
 *
 * Included once for each instance, with REAL, REAL_IS_DOUBLE, VEC_BYTES (0: no vectors) and SUFFIX
 * defined; so it has no include guard. A NaN stays a NaN through every function here.
 */

#undef VL
#if VEC_BYTES
#define VL (VEC_BYTES / (int)sizeof(REAL))
#else
#define VL 1
#endif

#if REAL_IS_DOUBLE
typedef uint64_t NAME(bits); /* unsigned: bits are shifted out */
#else
typedef uint32_t NAME(bits);
#endif

#if VEC_BYTES
typedef REAL NAME(vec) __attribute__((vector_size(VEC_BYTES)));
typedef REAL NAME(loose) __attribute__((vector_size(VEC_BYTES), aligned(sizeof(REAL)), may_alias));
typedef NAME(bits) NAME(mask) __attribute__((vector_size(VEC_BYTES)));
#else
typedef REAL NAME(vec);
typedef NAME(bits) NAME(mask);
#endif

#define vec NAME(vec)
#define mask_t NAME(mask)

RNNSWAP_INLINE vec NAME(load)(const REAL *p) {
#if VEC_BYTES
    return *(const NAME(loose) *)p;
#else
    return *p;
#endif
}

RNNSWAP_INLINE void NAME(store)(REAL *p, vec v) {
#if VEC_BYTES
    *(NAME(loose) *)p = v;
#else
    *p = v;
#endif
}

#if VEC_BYTES == 32 /* which of the elements are the first n */
RNNSWAP_INLINE __m256i NAME(first)(int64_t n) {
#if REAL_IS_DOUBLE
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
#else
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
#endif
}
#endif

/* The first n of a vector's elements, the others zero; and back. For the last units of a row. One by
 * one they would have to be written before they could be read together. */
RNNSWAP_INLINE vec NAME(load_some)(const REAL *p, int64_t n) {
    if (n >= VL) {
        return NAME(load)(p);
    }
#if VEC_BYTES == 64 && REAL_IS_DOUBLE
    return (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#elif VEC_BYTES == 64
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif VEC_BYTES == 32 && REAL_IS_DOUBLE
    return (vec)_mm256_maskload_pd(p, NAME(first)(n));
#elif VEC_BYTES == 32
    return (vec)_mm256_maskload_ps(p, NAME(first)(n));
#endif
    REAL full[VL];
    for (int64_t i = 0; i < VL; i++) {
        full[i] = i < n ? p[i] : (REAL)0;
    }
    return NAME(load)(full);
}

RNNSWAP_INLINE void NAME(store_some)(REAL *p, vec v, int64_t n) {
    if (n >= VL) {
        NAME(store)(p, v);
        return;
    }
#if VEC_BYTES == 64 && REAL_IS_DOUBLE
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
    return;
#elif VEC_BYTES == 64
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
    return;
#elif VEC_BYTES == 32 && REAL_IS_DOUBLE
    _mm256_maskstore_pd(p, NAME(first)(n), (__m256d)v);
    return;
#elif VEC_BYTES == 32
    _mm256_maskstore_ps(p, NAME(first)(n), (__m256)v);
    return;
#endif
    REAL full[VL];
    NAME(store)(full, v);
    for (int64_t i = 0; i < n; i++) {
        p[i] = full[i];
    }
}

RNNSWAP_INLINE vec NAME(splat)(REAL x) {
#if VEC_BYTES
    vec v = {0};
    return v + x;
#else
    return x;
#endif
}

RNNSWAP_INLINE vec NAME(from_bits)(mask_t b) {
    vec v;
    memcpy(&v, &b, sizeof v);
    return v;
}

RNNSWAP_INLINE mask_t NAME(to_bits)(vec v) {
    mask_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

/* a < b ? yes : no, element by element. A NaN is less than nothing. */
RNNSWAP_INLINE vec NAME(if_less)(vec a, vec b, vec yes, vec no) {
#if VEC_BYTES
    mask_t m = (mask_t)(a < b);
    return NAME(from_bits)((m & NAME(to_bits)(yes)) | (~m & NAME(to_bits)(no)));
#else
    return a < b ? yes : no;
#endif
}

/* low <= x <= high; a NaN stays. */
RNNSWAP_INLINE vec NAME(clamp)(vec x, REAL low, REAL high) {
    vec l = NAME(splat)(low), h = NAME(splat)(high);
/* Of two operands one of which is a NaN, x is the result. */
#if VEC_BYTES == 64 && REAL_IS_DOUBLE
    return (vec)_mm512_min_pd((__m512d)h, _mm512_max_pd((__m512d)l, (__m512d)x));
#elif VEC_BYTES == 64
    return (vec)_mm512_min_ps((__m512)h, _mm512_max_ps((__m512)l, (__m512)x));
#elif VEC_BYTES == 32 && REAL_IS_DOUBLE
    return (vec)_mm256_min_pd((__m256d)h, _mm256_max_pd((__m256d)l, (__m256d)x));
#elif VEC_BYTES == 32
    return (vec)_mm256_min_ps((__m256)h, _mm256_max_ps((__m256)l, (__m256)x));
#else
    x = NAME(if_less)(x, l, l, x);
    return NAME(if_less)(h, x, h, x);
#endif
}

/* 1 / x for 0 < x < 2^126, to an ulp or two. */
RNNSWAP_INLINE vec NAME(reciprocal)(vec x) {
#if VEC_BYTES == 64 && !REAL_IS_DOUBLE /* 14 bits and a step of Newton's: a third of a division */
    vec y = (vec)_mm512_rcp14_ps((__m512)x);
    return y * (2 - x * y);
#else
    return 1 / x;
#endif
}

#undef EXP_MOST
#define EXP_MOST (REAL_IS_DOUBLE ? (REAL)708 : (REAL)87)

/* x / y for 0 < y < 2^126, rounded nearly as a division is. */
RNNSWAP_INLINE vec NAME(quotient)(vec x, vec y) {
#if VEC_BYTES == 64 && !REAL_IS_DOUBLE
    vec r = NAME(reciprocal)(y), q = x * r;
    return q + r * (x - q * y);
#else
    return x / y;
#endif
}

/* x = n log 2 + r with |r| <= log 2 / 2; returns e^r - 1 and sets *power to 2^n.
 *
 * The polynomial interpolates (e^r - 1 - r) / r^2 at Chebyshev nodes; the error of e^r - 1 is
 * 6e-19 relative in double and 6e-10 in float precision.
 */
RNNSWAP_INLINE vec NAME(reduced_expm1)(vec x, vec *power) {
#if REAL_IS_DOUBLE
    const REAL magic = 6755399441055744.0, inverse = 1.4426950408889634;
    const REAL high = 0.6931471803691238, low = 1.9082149292705878e-10;
    const int mantissa = 52;
    const NAME(bits) one = (NAME(bits))1023 << 52;
    static const REAL c[] = {0.5, 0.1666666666666667103, 0.04166666666666666978,
        0.00833333333332608312, 0.001388888888888371117, 0.0001984126987500227879,
        0.0000248015873256774619, 2.755725517000088744e-6, 2.755727347871858047e-7,
        2.510531272962210179e-8, 2.09147553258932022e-9};
    const int degree = 10;
#else
    const REAL magic = 12582912.0f, inverse = 1.44269504f;
    const REAL high = 0.693145751953125f, low = 1.42860682030942e-6f;
    const int mantissa = 23;
    const NAME(bits) one = (NAME(bits))127 << 23;
    static const REAL c[] = {0.5000000013538729887f, 0.1666666668170421504f,
        0.04166646419740569232f, 0.008333310844647862564f, 0.00139337307157920825f,
        0.0001989108046399884204f};
    const int degree = 5;
#endif
    x = NAME(clamp)(x, -EXP_MOST, EXP_MOST);
    vec shifted = x * inverse + magic; /* the low bits now hold n */
    vec n = shifted - magic;
    vec r = x - n * high;
    r = r - n * low;
    vec q = NAME(splat)(c[degree]);
    for (int k = degree - 1; k >= 0; k--) {
        q = q * r + c[k];
    }
    *power = NAME(from_bits)((NAME(to_bits)(shifted) << mantissa) + one);
    return r + r * r * q;
}

/* e^x; for |x| > EXP_MOST that of the bound. */
RNNSWAP_INLINE vec NAME(exp)(vec x) {
    vec power, e = NAME(reduced_expm1)(x, &power);
    return power * e + power;
}

RNNSWAP_INLINE vec NAME(tanh)(vec x) {
    /* With E = e^2|x| - 1: E / (E + 2), exact where x is small, and 1 - 2 / (E + 2), exact near 1. */
    mask_t sign = NAME(to_bits)(NAME(splat)(1)) ^ NAME(to_bits)(NAME(splat)(-1));
    mask_t of_x = NAME(to_bits)(x) & sign;
    vec size = NAME(from_bits)(NAME(to_bits)(x) ^ of_x), most = NAME(splat)(22);
    vec power, e = NAME(reduced_expm1)(NAME(if_less)(most, size, most, size) * 2, &power);
    vec big = power * e + (power - 1), r = NAME(reciprocal)(big + 2);
    vec t = NAME(if_less)(big, NAME(splat)(1), big * r, 1 - 2 * r);
    return NAME(from_bits)(NAME(to_bits)(t) | of_x);
}

#undef vec
#undef mask_t
