/* Compiles KERNEL once for each element type and instruction set.
 *
 * The instances are called NAME_f32_base, NAME_f32_avx2 and so on; PICK(NAME, is_double, level)
 * is the one for this machine.
 */

#if RNNSWAP_VECTORS
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif

#define REAL float
#define REAL_IS_DOUBLE 0
#define VEC_BYTES (RNNSWAP_VECTORS * 16)
#define SUFFIX f32_base
#include KERNEL
#undef SUFFIX
#if RNNSWAP_X86
#undef VEC_BYTES
#define VEC_BYTES 32
#define SUFFIX f32_avx2
RNNSWAP_TARGET_BEGIN("avx2,fma")
#include KERNEL
RNNSWAP_TARGET_END
#undef SUFFIX
#undef VEC_BYTES
#define VEC_BYTES 64
#define SUFFIX f32_avx512
RNNSWAP_TARGET_BEGIN("avx512f,avx512dq,fma")
#include KERNEL
RNNSWAP_TARGET_END
#undef SUFFIX
#endif
#undef VEC_BYTES
#undef REAL
#undef REAL_IS_DOUBLE

#define REAL double
#define REAL_IS_DOUBLE 1
#define VEC_BYTES (RNNSWAP_VECTORS * 16)
#define SUFFIX f64_base
#include KERNEL
#undef SUFFIX
#if RNNSWAP_X86
#undef VEC_BYTES
#define VEC_BYTES 32
#define SUFFIX f64_avx2
RNNSWAP_TARGET_BEGIN("avx2,fma")
#include KERNEL
RNNSWAP_TARGET_END
#undef SUFFIX
#undef VEC_BYTES
#define VEC_BYTES 64
#define SUFFIX f64_avx512
RNNSWAP_TARGET_BEGIN("avx512f,avx512dq,fma")
#include KERNEL
RNNSWAP_TARGET_END
#undef SUFFIX
#endif
#undef VEC_BYTES
#undef REAL
#undef REAL_IS_DOUBLE

#if RNNSWAP_X86
#define PICK(f, is_double, level)                                                       \
    ((is_double) ? ((level) == RNNSWAP_AVX512 ? f##_f64_avx512                          \
                    : (level) == RNNSWAP_AVX2 ? f##_f64_avx2 : f##_f64_base)            \
                 : ((level) == RNNSWAP_AVX512 ? f##_f32_avx512                          \
                    : (level) == RNNSWAP_AVX2 ? f##_f32_avx2 : f##_f32_base))
#else
#define PICK(f, is_double, level) ((void)(level), (is_double) ? f##_f64_base : f##_f32_base)
#endif
